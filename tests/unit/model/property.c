/* SPDX-License-Identifier: MIT
 * What holds for every value: what is stored reads back to itself; messages never hold the value;
 * any bytes may come in.
 */
#include "help.h"

#include "base/time.h"
#include "base/utf8.h"
#include "model/place.h"

/* One field of each type, loosely ruled, so that most values pass. */
static const char EVERY[] =
    "crm: 1\nregion: CN\nfields:\n"
    "  text: {type: text}\n  integer: {type: integer}\n  decimal: {type: decimal}\n"
    "  money: {type: money}\n  coins: {type: money, currency: CNY}\n  date: {type: date}\n"
    "  datetime: {type: datetime}\n  boolean: {type: boolean}\n"
    "  choice: {type: enum, values: {one: {zh: 一, en: First}, two: {zh: 二}, three: }}\n"
    "  email: {type: email}\n  phone: {type: phone}\n  url: {type: url}\n"
    "  country: {type: country}\n  language: {type: language}\n  customer: {type: customer}\n"
    "  actor: {type: actor}\n"
    "identities:\n  ext: {type: text, per: source}\n";

static uint32_t source_of(const crm__field *f)
{
    return f->flags & CRM_FIELD_PER_SOURCE ? 77 : 0;
}

/* The text of a payload reads back to the payload. */
static void comes_back(const crm__field *f, const crm__buf *payload)
{
    int scoped = (f->flags & CRM_FIELD_PER_SOURCE) != 0;
    crm_error err = CRM_ERROR_INIT;
    crm__value v;
    crm__buf text, again, normal, normal_again;

    crm__buf_init(&text, NULL);
    crm__buf_init(&again, NULL);
    crm__buf_init(&normal, NULL);
    crm__buf_init(&normal_again, NULL);
    ck_assert_int_eq(crm__value_decode(f->type, scoped, (crm__slice){payload->p, payload->n}, &v),
                     CRM_OK);
    ck_assert_uint_eq(v.source, source_of(f));
    ck_assert_int_eq(crm__value_format(f, &v, &text), CRM_OK);
    ck_assert_uint_eq(crm__utf8_valid((const char *)text.p, text.n), text.n);
    ck_assert_msg(crm__value_parse(f, NULL, (const char *)text.p, text.n, source_of(f), &again,
                                   &err) == CRM_OK,
                  "%s: \"%.*s\"", err.message, (int)text.n, (const char *)text.p);
    ck_assert_msg(again.n == payload->n && !memcmp(again.p, payload->p, again.n), "%s: \"%.*s\"",
                  f->key, (int)text.n, (const char *)text.p);
    ck_assert_int_eq(crm__value_normal(f->type, &v, &normal), CRM_OK);
    /* The typed door takes what the text door stored. */
    again.n = 0;
    ck_assert_msg(crm__value_put(f, &v, &again, &err) == CRM_OK, "%s", err.message);
    ck_assert(again.n == payload->n && !memcmp(again.p, payload->p, again.n));
    if (f->type == CRM_TYPE_EMAIL) {
        /* The comparable form is its own comparable form. */
        v.text = (crm__slice){normal.p, normal.n};
        ck_assert_int_eq(crm__value_normal(f->type, &v, &normal_again), CRM_OK);
        ck_assert(normal.n == normal_again.n && !memcmp(normal.p, normal_again.p, normal.n));
    }
    crm__buf_clear(&text);
    crm__buf_clear(&again);
    crm__buf_clear(&normal);
    crm__buf_clear(&normal_again);
}

static int64_t any_int64(uint64_t *seed)
{
    return (int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 64)) *
           (crmtest_below(seed, 2) ? 1 : -1);
}

static const char *pick(uint64_t *seed, const char *const *list, size_t count)
{
    return list[crmtest_below(seed, count)];
}

/* Words strung together: sometimes a value, often nearly one. */
static size_t random_text(uint64_t *seed, uint8_t type, char *s)
{
    static const char *const any[] = {"a",  "Z",  "9",  "0",  " ",    "中", "é", "É", "ß",
                                      "。", "．", "＠", "１", "-",    "+",  ".", ",", "@",
                                      "/",  ":",  "_",  "\n", "\r\n", "\t", "e", "%"};
    static const char *const mail[] = {"a",   "Bc",   ".", "@", "@x.", "cn",
                                       "com", "例子", "-", "É", "＠",  "。",
                                       "+",   "9",    "İ", "ﬁ", "ẞ",   "\xe2\x80\x8b"};
    static const char *const web[] = {
        "http://", "HTTPS://", "example", ".com", ".", "/", "?q=", "#", ":80",     "[::1]",
        "1.2.3.4", "例子",     "。",      "A",    "a", "-", "@",   "Ü", "\xc2\xad"};
    static const char *const tag[] = {"zh", "EN",    "-",    "_",    "hans",    "CN", "419", "x",
                                      "u",  "rozaj", "1996", "中文", "English", "a",  "ca"};
    static const char *const number[] = {"1",  "0", "9", "00",  "-",   "+", ".",  ",", "000", "e",
                                         "１", "5", " ", "CNY", "USD", "¥", "元", "€", "kr",  "_"};
    static const char *const time[] = {"2026", "-",  "11",   "/",      "22", "T",  " ",
                                       ":",    "30", "Z",    "+08:00", "年", "月", "日",
                                       ".5",   "1",  "0001", "9999",   "12", "31"};
    static const char *const dial[] = {"+86", "138", "0013", "8000", " ",   "-",    "(",
                                       ")",   "1",   "+1",   "415",  "555", "2671", "00",
                                       "０",  "+44", "20",   "7946", "0018"};
    static const char *const whole[] = {
        "",
        "text",
        "12",
        "1.50",
        "12.50 CNY",
        "1990-05-17",
        "2026-11-22T08:00:00+08:00",
        "yes",
        "first",
        "a.b@c.cn",
        "13800138000",
        "http://a.cn/b",
        "中国",
        "zh-Hans",
        "7",
        "li.na",
    };
    size_t k = 1 + (size_t)crmtest_below(seed, 8);

    /* One in four begins as a value of its type. */
    strcpy(s, crmtest_below(seed, 4) ? "" : whole[type]);
    k = *s ? (size_t)crmtest_below(seed, 3) : k;
    while (k--) {
        switch (crmtest_below(seed, 6) ? type : CRM_TYPE_TEXT) {
        case CRM_TYPE_EMAIL:
            strcat(s, pick(seed, mail, sizeof mail / sizeof mail[0]));
            break;
        case CRM_TYPE_URL:
            strcat(s, pick(seed, web, sizeof web / sizeof web[0]));
            break;
        case CRM_TYPE_LANGUAGE:
        case CRM_TYPE_COUNTRY:
            strcat(s, pick(seed, tag, sizeof tag / sizeof tag[0]));
            break;
        case CRM_TYPE_INTEGER:
        case CRM_TYPE_DECIMAL:
        case CRM_TYPE_MONEY:
        case CRM_TYPE_CUSTOMER:
            strcat(s, pick(seed, number, sizeof number / sizeof number[0]));
            break;
        case CRM_TYPE_DATE:
        case CRM_TYPE_DATETIME:
            strcat(s, pick(seed, time, sizeof time / sizeof time[0]));
            break;
        case CRM_TYPE_PHONE:
            strcat(s, pick(seed, dial, sizeof dial / sizeof dial[0]));
            break;
        default:
            strcat(s, pick(seed, any, sizeof any / sizeof any[0]));
        }
    }
    return strlen(s);
}

CRM_TEST(test_model_property__what_is_read_from_text_comes_back)
{
    crm__model *m = help_model(EVERY);
    uint64_t seed = crmtest_seed() + 11;
    size_t fine[20] = {0};

    for (size_t round = 0; round < crmtest_rounds(15000, 2000000); round++) {
        const crm__field *f = crm__model_at(m, (size_t)crmtest_below(&seed, crm__model_count(m)));
        char s[200];
        size_t n = random_text(&seed, f->type, s);
        /* Exact on the heap, so that a read past the end is seen. */
        char *exact = malloc(n);
        crm__buf b;
        memcpy(exact, s, n);
        crm__buf_init(&b, NULL);
        if (crm__value_parse(f, NULL, exact, n, source_of(f), &b, NULL) == CRM_OK) {
            fine[f->type]++;
            comes_back(f, &b);
        }
        crm__buf_clear(&b);
        free(exact);
    }
    for (unsigned type = 1; type <= CRM_TYPE_ACTOR; type++)
        ck_assert_msg(fine[type] > 0, "no text of type %s was read", crm__type_name(type));
    crm__model_unref(m);
}

/* A decoded value within the rules. */
static crm__value random_value(uint64_t *seed, const crm__field *f)
{
    static const char *const currencies[] = {"CNY", "USD", "EUR", "JPY", "ZWL", "AED"};
    crm__value v;

    memset(&v, 0, sizeof v);
    v.type = f->type;
    v.source = source_of(f);
    switch (f->type) {
    case CRM_TYPE_INTEGER:
        v.integer = any_int64(seed);
        break;
    case CRM_TYPE_DATETIME:
        v.integer = any_int64(seed) % CRM__TIME_MIN;
        break;
    case CRM_TYPE_DATE:
        v.integer = crm__date_pack((int32_t)(1 + crmtest_below(seed, 9999)), 0, 0);
        if (crmtest_below(seed, 4))
            v.integer += (int64_t)(32 * (1 + crmtest_below(seed, 12)) + crmtest_below(seed, 29));
        break;
    case CRM_TYPE_BOOLEAN:
        v.integer = (int64_t)crmtest_below(seed, 2);
        break;
    case CRM_TYPE_ENUM:
        v.integer = f->values[crmtest_below(seed, f->value_count)].number;
        break;
    case CRM_TYPE_CUSTOMER:
        v.integer = any_int64(seed) | 1;
        break;
    default:
        memcpy(v.currency, pick(seed, currencies, 6), 4);
        v.decimal.mantissa = any_int64(seed) % INT64_C(1000000000000000000);
        v.decimal.scale = (uint8_t)crmtest_below(seed, 13);
        if (f->type == CRM_TYPE_DECIMAL)
            memset(v.currency, 0, 4);
    }
    return v;
}

CRM_TEST(test_model_property__what_is_put_comes_back)
{
    static const char *const keys[] = {"integer",  "decimal", "money",  "coins",   "date",
                                       "datetime", "boolean", "choice", "customer"};
    crm__model *m = help_model(EVERY);
    uint64_t seed = crmtest_seed() + 12;

    for (size_t round = 0; round < crmtest_rounds(15000, 1000000); round++) {
        const crm__field *f = help_find(m, pick(&seed, keys, sizeof keys / sizeof keys[0]));
        crm__value v = random_value(&seed, f);
        crm_error err = CRM_ERROR_INIT;
        crm__buf b;
        crm__buf_init(&b, NULL);
        ck_assert_msg(crm__value_put(f, &v, &b, &err) == CRM_OK, "%s", err.message);
        comes_back(f, &b);
        crm__buf_clear(&b);
    }
    crm__model_unref(m);
}

CRM_TEST(test_model_property__random_bytes_are_read_or_refused)
{
    crm__model *m = help_model(EVERY);
    uint64_t seed = crmtest_seed() + 13;

    for (size_t round = 0; round < crmtest_rounds(15000, 2000000); round++) {
        const crm__field *f = crm__model_at(m, (size_t)crmtest_below(&seed, crm__model_count(m)));
        size_t n = (size_t)crmtest_below(&seed, 24);
        char *s = malloc(n ? n : 1);
        crm__buf b;
        int rc;
        for (size_t i = 0; i < n; i++)
            s[i] = (char)(crmtest_below(&seed, 2) ? crmtest_rand(&seed)
                                                  : 32 + crmtest_below(&seed, 95));
        crm__buf_init(&b, NULL);
        rc = crm__value_parse(f, NULL, s, n, source_of(f), &b, NULL);
        ck_assert(rc == CRM_OK || rc == CRM_EVALUE);
        if (rc == CRM_OK)
            comes_back(f, &b);
        else
            ck_assert_uint_eq(b.n, 0);
        crm__buf_clear(&b);
        free(s);
    }
    crm__model_unref(m);
}

CRM_TEST(test_model_property__messages_never_hold_the_value)
{
    static const char *const secrets[] = {
        "Qz7xKw",
        "Qz7xKw@",
        "@Qz7xKw.cn",
        "Qz7xKw Qz7xKw@b.cn",
        "ftp://Qz7xKw.cn",
        "138Qz7xKw",
        "12.5 Qz7xKw",
        "Qz7xKw 12.5",
        "2026-13-Qz7xKw",
        "2026-11-22TQz7xKw",
        "zh-Qz7xKw-",
        "a\x01Qz7xKw",
        "https://Qz7xKw:1@b.cn",
        "https://b.cn:Qz7xKw",
        "Qz7xKw\n",
        "\xffQz7xKw",
    };
    crm__model *m = help_model(
        "crm: 1\nfields:\n  text: {type: text, max: 1, pattern: '[a-z]'}\n  integer: {type: "
        "integer}\n"
        "  decimal: {type: decimal}\n  money: {type: money}\n  coins: {type: money, currency: "
        "CNY}\n"
        "  date: {type: date}\n  datetime: {type: datetime}\n  boolean: {type: boolean}\n"
        "  choice: {type: enum, values: [one]}\n  email: {type: email, pattern: a}\n  phone: "
        "{type: phone}\n"
        "  url: {type: url, pattern: a}\n  country: {type: country}\n  language: {type: language}\n"
        "  customer: {type: customer}\n  actor: {type: actor, pattern: a}\n");

    for (size_t i = 0; i < crm__model_count(m); i++) {
        const crm__field *f = crm__model_at(m, i);
        for (size_t k = 0; k < sizeof secrets / sizeof secrets[0]; k++) {
            crm_error err = CRM_ERROR_INIT;
            crm__buf b;
            crm__buf_init(&b, NULL);
            ck_assert_int_eq(crm__value_parse(f, NULL, secrets[k], strlen(secrets[k]), 0, &b, &err),
                             CRM_EVALUE);
            ck_assert_msg(!strstr(err.message, "Qz7") && !strstr(err.message, "qz7"), "%s",
                          err.message);
            ck_assert_msg(!strncmp(err.message, f->key, strlen(f->key)) &&
                              !strncmp(err.message + strlen(f->key), ": ", 2),
                          "%s", err.message);
            crm__buf_clear(&b);
        }
    }
    crm__model_unref(m);
}

/* Plain text, e-mail, E.164 and numbers take nothing but room in the buffer they are given. */
CRM_TEST(test_model_property__values_do_not_allocate)
{
    static const char *const texts[][2] = {
        {"text", "Zhang Wei"},
        {"text", "张伟"},
        {"email", "Zhang.Wei@Example.com"},
        {"phone", "+8613800138000"},
        {"phone", "138 0013 8000"},
        {"integer", "-42"},
        {"decimal", "12.50"},
        {"money", "12.50 CNY"},
        {"date", "2026-11-22"},
        {"datetime", "2026-11-22T08:00:00Z"},
        {"choice", "FIRST"},
        {"boolean", "是"},
        {"url", "example.com/a"},
        {"country", "中国"},
        {"language", "中文"},
        {"customer", "12"},
    };
    crm__model *m = help_model(EVERY);
    help_memory h = {0, 0, 0, 0};
    crm_allocator mem = {sizeof mem, help_alloc, help_realloc, help_free, &h};
    crm__buf b;

    crm__buf_init(&b, &mem);
    ck_assert_ptr_nonnull(crm__buf_reserve(&b, 4096));
    h.calls = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ck_assert_int_eq(crm__value_parse(help_find(m, texts[i][0]), NULL, texts[i][1],
                                          strlen(texts[i][1]), 0, &b, NULL),
                         CRM_OK);
    ck_assert_uint_eq(h.calls, 0);
    crm__buf_clear(&b);
    crm__model_unref(m);
}

/* ---- tables ---- */

/* One line "name=code" of a table, NUL-terminated parts in static room; the next line, NULL behind the last. */
static const char *line_of(const char *line, char name[200], char code[20])
{
    const char *sign = strchr(line, '='), *end = sign ? strchr(sign, '\n') : NULL;

    if (!*line)
        return NULL;
    ck_assert_ptr_nonnull(end);
    ck_assert(sign > line && sign - line < 200 && end - sign > 1 && end - sign < 20);
    snprintf(name, 200, "%.*s", (int)(sign - line), line);
    snprintf(code, 20, "%.*s", (int)(end - sign - 1), sign + 1);
    return end + 1;
}

static void check_names(const char *names, size_t size)
{
    char name[200], code[20], before[200] = "", folded[256];
    size_t n, count = 0;

    ck_assert_uint_eq(strlen(names), size);
    for (const char *line = names; (line = line_of(line, name, code)) != NULL; count++) {
        ck_assert_msg(strcmp(before, name) < 0, "%s", name);
        strcpy(before, name);
        ck_assert_int_eq(crm__utf8_fold(name, strlen(name), folded, sizeof folded, &n), CRM_OK);
        ck_assert_msg(n == strlen(name) && !memcmp(folded, name, n), "\"%s\" is not folded", name);
    }
    ck_assert_uint_gt(count, 400);
}

CRM_TEST(test_model_property__tables_are_sorted_and_folded)
{
    char name[200], code[20], found[CRM__LANGUAGE_SIZE];
    size_t n = strlen(crm__country_codes);

    ck_assert_uint_eq(n, 250 * 2);
    for (size_t i = 2; i < n; i += 2)
        ck_assert_int_lt(memcmp(crm__country_codes + i - 2, crm__country_codes + i, 2), 0);
    check_names(crm__country_names, crm__country_names_size);
    check_names(crm__language_names, crm__language_names_size);
    for (const char *line = crm__country_names; (line = line_of(line, name, code)) != NULL;) {
        ck_assert_uint_eq(strlen(code), 2);
        ck_assert(crm__country_known(code));
        ck_assert(crm__country_find(name, strlen(name), found));
        ck_assert_str_eq(found, code);
    }
    for (const char *line = crm__language_names; (line = line_of(line, name, code)) != NULL;) {
        ck_assert_uint_eq(crm__language_tag(code, strlen(code), found), strlen(code));
        ck_assert_str_eq(found, code);
        ck_assert_uint_eq(crm__language_find(name, strlen(name), found), strlen(code));
        ck_assert_msg(!strcmp(found, code), "%s", name);
    }
    ck_assert(!crm__country_find("zzzz", 4, found) && !crm__country_find("aaaa", 4, found));
}

CRM_TEST(test_model_property__currency_codes_are_found)
{
    static const char *const some[] = {"AED", "ANG", "BYN", "CHF", "CNY", "EUR", "GBP",
                                       "HKD", "HRK", "JPY", "KRW", "MOP", "SGD", "SLE",
                                       "TWD", "USD", "VES", "XAF", "ZAR", "ZWL"};
    static const char *const none[] = {"AAA", "XXX", "ZZZ", "XTS", "RMB", "   ", "cny"};
    char out[4];

    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
        ck_assert_msg(crm__currency_known(some[i]), "%s", some[i]);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        ck_assert_msg(!crm__currency_known(none[i]), "%s", none[i]);
    ck_assert(crm__currency_find("$", 1, "HKD", out));
    ck_assert_str_eq(out, "HKD");
    ck_assert(!crm__currency_find("$", 1, "", out));
    ck_assert(!crm__currency_find("$", 1, "CNY", out));
    ck_assert(!crm__currency_find("", 0, "CNY", out));
}
