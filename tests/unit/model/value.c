/* SPDX-License-Identifier: MIT
 * Values of each type: what is read, as what it comes back, what is refused and with which words.
 */
#include "help.h"

#include "base/time.h"
#include "base/zone.h"

/* The canonical text of what a field reads, "!<message>" when it refuses; static. */
static const char *read_with(const crm__field *f, const crm__value_ctx *ctx, const char *s,
                             size_t n)
{
    static char text[70000];
    crm_error err = CRM_ERROR_INIT;
    crm__buf b, t;
    crm__value v;
    int rc;

    crm__buf_init(&b, NULL);
    crm__buf_init(&t, NULL);
    rc = crm__value_parse(f, ctx, s, n, 0, &b, &err);
    if (rc) {
        ck_assert_int_eq(rc, CRM_EVALUE);
        ck_assert_int_eq(err.code, CRM_EVALUE);
        ck_assert_str_eq(err.field, f->key);
        ck_assert_uint_eq(b.n, 0);
        snprintf(text, sizeof text, "!%s", err.message);
    } else {
        ck_assert_int_eq(crm__value_decode(f->type, 0, (crm__slice){b.p, b.n}, &v), CRM_OK);
        ck_assert_int_eq(crm__value_format(f, &v, &t), CRM_OK);
        memcpy(text, t.p, t.n);
        text[t.n] = 0;
    }
    crm__buf_clear(&b);
    crm__buf_clear(&t);
    return text;
}

static const char *read(const crm__field *f, const char *s)
{
    return read_with(f, NULL, s, strlen(s));
}

typedef struct pair {
    const char *in, *out; /* out: "!..." is part of the message */
} pair;

static void all_pairs(const char *description, const pair *list, size_t count)
{
    crm__model *m = help_field(description);
    const crm__field *f = help_find(m, "x");

    for (size_t i = 0; i < count; i++) {
        const char *got = read(f, list[i].in);
        int fine = list[i].out[0] == '!' ? got[0] == '!' && strstr(got, list[i].out + 1)
                                         : !strcmp(got, list[i].out);
        ck_assert_msg(fine, "%s \"%s\": got \"%s\", expected \"%s\"", description, list[i].in, got,
                      list[i].out);
    }
    crm__model_unref(m);
}

#define PAIRS(description, ...)                                                                    \
    do {                                                                                           \
        static const pair list[] = {__VA_ARGS__};                                                  \
        all_pairs(description, list, sizeof list / sizeof list[0]);                                \
    } while (0)

CRM_TEST(test_model_value__text)
{
    PAIRS("{type: text}", {"a", "a"}, {"  张 伟 \t", "张 伟"}, {"\xe3\x80\x80王\xe3\x80\x80", "王"},
          {"a\nb\tc", "a\nb\tc"}, {"a\r\nb\r\n", "a\nb"}, {"", "!x: is empty"}, {" ", "!is empty"},
          {"\xe3\x80\x80", "!is empty"},
          {"a\x01"
           "b",
           "!control character"},
          {"a\rb", "!control character"}, {"a\r\nb\x02", "!control character"},
          {"a\x7f", "!control character"},
          {"a\xc2\x85"
           "b",
           "!control character"},
          {"a\xff", "!not valid UTF-8"}, {"\xed\xa0\x80", "!not valid UTF-8"},
          {"e\xcc\x81", "e\xcc\x81"});
    PAIRS("{type: text, min: 2, max: 3}", {"a", "!has 1 characters, at least 2 are needed"},
          {"中文", "中文"}, {"abc", "abc"}, {" abc ", "abc"},
          {"中文字符", "!has 4 characters, at most 3 are allowed"}, {"a\r\nb", "a\nb"},
          {"a\r\nbc", "!has 4 characters"});
    PAIRS("{type: text, pattern: '[A-Z]{2}\\d{6}'}", {"AB123456", "AB123456"},
          {" AB123456 ", "AB123456"}, {"AB12345", "!does not match the pattern [A-Z]{2}\\d{6}"},
          {"xAB123456", "!does not match"}, {"AB1234567", "!does not match"});
}

CRM_TEST(test_model_value__text_is_at_most_64_kib)
{
    crm__model *m = help_field("{type: text}");
    const crm__field *f = help_find(m, "x");
    char *s = malloc(65540);

    memset(s, 'a', 65540);
    ck_assert_uint_eq(strlen(read_with(f, NULL, s, 65536)), 65536);
    ck_assert_str_eq(read_with(f, NULL, s, 65537), "!x: is longer than 64 KiB");
    s[65536] = ' ';
    ck_assert_uint_eq(strlen(read_with(f, NULL, s, 65537)), 65536);
    ck_assert_str_eq(read_with(f, NULL, "a\0b", 3), "!x: has a control character");
    free(s);
    crm__model_unref(m);
}

CRM_TEST(test_model_value__email)
{
    PAIRS("{type: email}", {"Li.Na@Example.COM", "Li.Na@example.com"}, {" a@b.cn ", "a@b.cn"},
          {"ａ．ｂ＠ｅｘａｍｐｌｅ．ｃｏｍ", "a.b@example.com"},
          {"a@example。com", "a@example.com"}, {"张@例子.中国", "张@例子.中国"},
          {"\xe2\x80\xaa"
           "a@b.cn\xe2\x80\xac",
           "a@b.cn"},
          {"a+b=c/d@x-y.co", "a+b=c/d@x-y.co"}, {"a'b@x.xn--p1ai", "a'b@x.xn--p1ai"},
          {"a", "!has no \"@\""}, {"a@b@c.cn", "!more than one"}, {"@b.cn", "!before the \"@\""},
          {".a@b.cn", "!before the \"@\""}, {"a..b@b.cn", "!before the \"@\""},
          {"a.@b.cn", "!before the \"@\""}, {"a b@b.cn", "!before the \"@\""},
          {"\"a b\"@b.cn", "!before the \"@\""}, {"a@b", "!domain"}, {"a@", "!domain"},
          {"a@.cn", "!domain"}, {"a@b..cn", "!domain"}, {"a@-b.cn", "!domain"},
          {"a@b-.cn", "!domain"}, {"a@b_c.cn", "!domain"}, {"a@b c.cn", "!domain"},
          {"a@1.2.3.4", "!domain"}, {"a@b.c1", "!domain"}, {"a@[1.2.3.4]", "!domain"},
          {"Li Na <a@b.cn>", "!before the \"@\""}, {"mailto:a@b.cn", "!before the \"@\""},
          {"a\tb@c.cn", "!control character"},
          {"a@b\xe3\x80\x80"
           "c.cn",
           "!domain"},
          {"\xe2\x80\x8b@b.cn", "!before the \"@\""});
    PAIRS("{type: email, pattern: '.*@example\\.com'}", {"a@EXAMPLE.com", "a@example.com"},
          {"a@b.cn", "!does not match"});
}

CRM_TEST(test_model_value__email_is_at_most_254_bytes)
{
    char s[400], label[64];
    crm__model *m = help_field("{type: email}");
    const crm__field *f = help_find(m, "x");

    memset(label, 'b', 63);
    label[63] = 0;
    snprintf(s, sizeof s, "%.64s@%s.%s.%.58s.c",
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
             "aaaaaaaaaaaaa",
             label, label, label);
    ck_assert_uint_eq(strlen(s), 253);
    ck_assert_str_eq(read(f, s), s);
    strcat(s, "c");
    ck_assert_str_eq(read(f, s), s);
    strcat(s, "c");
    ck_assert_ptr_nonnull(strstr(read(f, s), "longer than 254 bytes"));
    snprintf(s, sizeof s, "%s%s@b.cn", label, "aa");
    ck_assert_ptr_nonnull(strstr(read(f, s), "before the \"@\""));
    snprintf(s, sizeof s, "a@%sb.cn", label);
    ck_assert_ptr_nonnull(strstr(read(f, s), "domain"));
    crm__model_unref(m);
}

CRM_TEST(test_model_value__phone)
{
    PAIRS("{type: phone}", {"138 0013 8000", "+8613800138000"},
          {"+1 (415) 555-2671", "+14155552671"}, {"１３８００１３８０００", "+8613800138000"},
          {"12", "!is not a phone number: too short"}, {"abc", "!is not a phone number"});
    PAIRS("{type: phone, region: US}", {"415-555-2671", "+14155552671"});
    PAIRS("{type: phone, pattern: '\\+86.*'}", {"13800138000", "+8613800138000"},
          {"+14155552671", "!does not match"});
}

CRM_TEST(test_model_value__url)
{
    PAIRS("{type: url}", {"example.com", "https://example.com"},
          {"HTTP://Example.COM/A b", "!a space"},
          {"HTTP://Example.COM/A?b#c", "http://example.com/A?b#c"},
          {"https://例子.中国/路径", "https://例子.中国/路径"},
          {"www。example。com/x", "https://www.example.com/x"},
          {"example.com:8080/x", "https://example.com:8080/x"},
          {"http://localhost:3000", "http://localhost:3000"},
          {"https://intranet/", "https://intranet/"}, {"intranet", "!faulty host"},
          {"https://1.2.3.4/", "https://1.2.3.4/"}, {"https://1.2.3.400/", "!faulty host"},
          {"https://1.2.3/", "!faulty host"}, {"1.2.3.4.5", "!faulty host"},
          {"https://[::1]:80/", "https://[::1]:80/"},
          {"https://[2001:DB8::1]", "https://[2001:db8::1]"}, {"https://[::1", "!faulty host"},
          {"https://[x]/", "!faulty host"}, {"https://a:b@c.cn/", "!user name"},
          {"https://c.cn:0/", "!faulty port"}, {"https://c.cn:65536/", "!faulty port"},
          {"https://c.cn:/", "!faulty port"}, {"ftp://c.cn/", "!only http and https"},
          {"javascript:alert(1)", "!faulty host"}, {"javascript://c.cn/%0aalert(1)", "!only http"},
          {"https://", "!faulty host"}, {"//c.cn", "!faulty host"},
          {"https://c..cn", "!faulty host"}, {"https://-c.cn", "!faulty host"},
          {"https://a_b.c.cn", "https://a_b.c.cn"}, {"c.cn?q=1", "https://c.cn?q=1"},
          {"c.cn/\"x\"", "!a space or another character"}, {"c.cn/<x>", "!a space or another"},
          {"c.cn/\xe3\x80\x80x", "!a space or another"},
          {"c.cn/?u=http://d.cn", "https://c.cn/?u=http://d.cn"});
}

CRM_TEST(test_model_value__url_is_at_most_2048_bytes)
{
    crm__model *m = help_field("{type: url}");
    const crm__field *f = help_find(m, "x");
    char s[2100];

    memset(s, 'a', sizeof s);
    memcpy(s, "c.cn/", 5);
    ck_assert_uint_eq(strlen(read_with(f, NULL, s, 2040)), 2048);
    ck_assert_ptr_nonnull(strstr(read_with(f, NULL, s, 2041), "longer than 2,048"));
    memset(s, 'a', sizeof s);
    ck_assert_ptr_nonnull(strstr(read_with(f, NULL, s, 2100), "faulty host"));
    crm__model_unref(m);
}

CRM_TEST(test_model_value__country_and_language)
{
    PAIRS("{type: country}", {"CN", "CN"}, {"cn", "CN"}, {"China", "CN"}, {"中国", "CN"},
          {"中國", "CN"}, {"P.R. China", "CN"}, {"CHN", "CN"}, {"usa", "US"}, {"美国", "US"},
          {"United  States", "US"}, {"UK", "GB"}, {"德国", "DE"}, {"Côte d’Ivoire", "CI"},
          {"cote d'ivoire", "CI"}, {"香港", "HK"}, {"台湾", "TW"}, {"Hong Kong", "HK"},
          {"日本", "JP"}, {"ＪＰ", "JP"}, {"Kosovo", "XK"}, {"XX", "!is not a country"},
          {"Atlantis", "!is not a country"}, {"C", "!is not a country"});
    PAIRS("{type: language}", {"zh", "zh"}, {"ZH_cn", "zh-CN"}, {"zh-hans-CN", "zh-Hans-CN"},
          {"中文", "zh"}, {"English", "en"}, {"英语", "en"}, {"简体中文", "zh-Hans"},
          {"español", "es"}, {"Deutsch", "de"}, {"粤语", "yue"},
          {"sl-rozaj-biske-1994", "sl-rozaj-biske-1994"}, {"de-1996", "de-1996"},
          {"es-419", "es-419"}, {"en-a-bbb-x-a-ccc", "en-a-bbb-x-a-ccc"},
          {"zh-yue-HK", "zh-yue-HK"}, {"en-u-ca-gregory", "en-u-ca-gregory"},
          {"sr-Latn-RS", "sr-Latn-RS"}, {"abcd", "!is not a language"},
          {"klingon", "!is not a language"}, {"e", "!is not a language"},
          {"en-", "!is not a language"}, {"-en", "!is not a language"},
          {"en--US", "!is not a language"}, {"en-u", "!is not a language"},
          {"en-a-bb-a-cc", "!is not a language"}, {"en-x", "!is not a language"},
          {"en-US-GB", "!is not a language"}, {"en-abcdefghi", "!is not a language"},
          {"12", "!is not a language"}, {"en-u-x-aa", "!is not a language"});
}

CRM_TEST(test_model_value__integer_and_decimal)
{
    PAIRS("{type: integer}", {"0", "0"}, {" -42 ", "-42"}, {"1,000", "1000"}, {"１２", "12"},
          {"9223372036854775807", "9223372036854775807"},
          {"-9223372036854775808", "-9223372036854775808"},
          {"9223372036854775808", "!is not a whole number"}, {"1.5", "!is not a whole number"},
          {"abc", "!is not a whole number"}, {"2.0", "2"});
    PAIRS("{type: integer, min: -5, max: 1000}", {"-5", "-5"}, {"-6", "!x: is below -5"},
          {"1000", "1000"}, {"1001", "!x: is above 1000"});
    PAIRS("{type: decimal}", {"1.50", "1.50"}, {"-0.001", "-0.001"}, {"1e3", "1000"},
          {"999999999999999999", "999999999999999999"},
          {"1000000000000000000", "!is not a decimal"}, {"0.1234567890123", "!is not a decimal"},
          {"1,234.5", "1234.5"}, {"x", "!is not a decimal"});
    PAIRS("{type: decimal, min: 0.5, max: 1.50}", {"0.5", "0.5"}, {"0.50", "0.50"},
          {"0.49", "!is below 0.5"}, {"1.500", "1.500"}, {"1.501", "!is above 1.50"});
}

CRM_TEST(test_model_value__money)
{
    PAIRS("{type: money}", {"12.50 CNY", "12.50 CNY"}, {"CNY 12.50", "12.50 CNY"},
          {"cny12.5", "12.5 CNY"}, {"12.50CNY", "12.50 CNY"}, {"RMB 5", "5 CNY"}, {"€5", "5 EUR"},
          {"US$ 1,000.00", "1000.00 USD"}, {"-5 EUR", "-5 EUR"}, {"-€5", "-5 EUR"},
          {"€-5", "-5 EUR"}, {"12.50", "!has no currency"}, {"¥5", "!unknown currency"},
          {"5 XYZ", "!unknown currency"}, {"CNY", "!has no amount"},
          {"CNY 5 CNY", "!is not an amount"}, {"-CNY -5", "!is not an amount"},
          {"5 5 CNY", "!is not an amount"}, {"人民币100", "100 CNY"},
          {"kr.100", "!unknown currency"});
    PAIRS("{type: money, currency: CNY, min: 0, max: 100}", {"12.50", "12.50 CNY"},
          {"¥12.50", "12.50 CNY"}, {"￥１２．５０", "12.50 CNY"}, {"12.50元", "12.50 CNY"},
          {"12.50 元", "12.50 CNY"}, {"5 USD", "5 USD"},
          {"$5", "!unknown currency, expected such as 12.50 CNY"}, {"-1", "!is below 0"},
          {"100.01", "!is above 100"}, {"101 USD", "!is above 100"}, {".5", "0.5 CNY"}, {"5.", "!"},
          {"--5", "!is not an amount"}, {"１２", "12 CNY"}, {"1e2", "100 CNY"},
          {"\xe2\x88\x92"
           "5",
           "!is below 0"});
    PAIRS("{type: money, currency: JPY}", {"¥5", "5 JPY"}, {"5円", "5 JPY"}, {"5元", "5 JPY"},
          {"人民币5", "5 CNY"});
    PAIRS("{type: money, currency: USD}", {"$5", "5 USD"}, {"£5", "!unknown currency"},
          {"HK$5", "5 HKD"}, {"¥5", "!unknown currency"});
}

CRM_TEST(test_model_value__date_and_datetime)
{
    PAIRS("{type: date}", {"2026-11-22", "2026-11-22"}, {"2026/1/2", "2026-01-02"},
          {"2026", "2026"}, {"2026-11", "2026-11"}, {"2026年11月22日", "2026-11-22"},
          {"2026-02-30", "!is not a date"}, {"tomorrow", "!is not a date"});
    PAIRS("{type: date, min: 1990-05, max: 2020}", {"1990-05-01", "1990-05-01"}, {"1990", "1990"},
          {"1990-04-30", "!is before 1990-05"}, {"1989", "!is before 1990-05"},
          {"1990-05", "1990-05"}, {"2020-12-31", "2020-12-31"}, {"2021", "!is after 2020"},
          {"2020", "2020"});
    PAIRS("{type: datetime}", {"2026-11-22T08:00:00+08:00", "2026-11-22T00:00:00Z"},
          {"2026-11-22", "2026-11-22T00:00:00Z"}, {"2026-11-22 10:30", "2026-11-22T10:30:00Z"},
          {"noon", "!is not a date and time"});
    PAIRS("{type: datetime, min: '2020-01-01T00:00:00Z', max: 2020-12-31}",
          {"2019-12-31T23:59:59Z", "!is before 2020-01-01T00:00:00Z"},
          {"2020-12-31T00:00:00.000001Z", "!is after 2020-12-31T00:00:00Z"},
          {"2020-12-31T00:00:00Z", "2020-12-31T00:00:00Z"});
}

CRM_TEST(test_model_value__datetime_without_offset_is_in_the_zone)
{
    crm__model *m = help_field("{type: datetime}");
    crm__value_ctx ctx = {NULL};
    crm__zone *zone;

    ck_assert_int_eq(crm__zone_open(NULL, "+08:00", &zone, NULL), CRM_OK);
    ctx.zone = zone;
    ck_assert_str_eq(read_with(help_find(m, "x"), &ctx, "2026-11-22 08:00", 16),
                     "2026-11-22T00:00:00Z");
    ck_assert_str_eq(read_with(help_find(m, "x"), &ctx, "2026-11-22T08:00:00Z", 20),
                     "2026-11-22T08:00:00Z");
    crm__zone_close(zone);
    crm__model_unref(m);
}

CRM_TEST(test_model_value__boolean_enum_customer_actor)
{
    PAIRS("{type: boolean}", {"true", "true"}, {"YES", "true"}, {"1", "true"}, {"on", "true"},
          {"是", "true"}, {"有", "true"}, {"真", "true"}, {"Ｙｅｓ", "true"}, {"false", "false"},
          {"no", "false"}, {"0", "false"}, {"OFF", "false"}, {"否", "false"}, {"无", "false"},
          {"假", "false"}, {"maybe", "!is not true or false"}, {"2", "!is not true or false"},
          {"truetruetruetruetrue", "!is not true or false"});
    PAIRS("{type: enum, values: {female: {en: [Female, Ms], zh: 女}, male: {zh: 男}}}",
          {"female", "female"}, {"FEMALE", "female"}, {"ms", "female"}, {" 女 ", "female"},
          {"男", "male"}, {"other", "!x: is not one of the values, expected female, male"});
    PAIRS("{type: customer}", {"1", "1"}, {"18446744073709551615", "18446744073709551615"},
          {" 7 ", "7"}, {"0", "!is not the number of a customer"}, {"-1", "!is not the number"},
          {"1.0", "!is not the number"}, {"18446744073709551616", "!is not the number"},
          {"x", "!is not the number"});
    PAIRS("{type: actor}", {"li.na", "li.na"}, {" 李娜 ", "李娜"}, {"a\nb", "!control character"},
          {"", "!is empty"});
}

CRM_TEST(test_model_value__actor_is_at_most_100_characters)
{
    crm__model *m = help_field("{type: actor}");
    char s[400] = "";

    for (int i = 0; i < 100; i++)
        strcat(s, "李");
    ck_assert_str_eq(read(help_find(m, "x"), s), s);
    strcat(s, "李");
    ck_assert_str_eq(read(help_find(m, "x"), s), "!x: is longer than 100 characters");
    crm__model_unref(m);
}

CRM_TEST(test_model_value__many_values_are_listed_in_part)
{
    char description[8000] = "crm: 1\nfields: {x: {type: enum, values: [v0";
    crm__model *m;
    const char *got;

    for (int i = 1; i < 300; i++)
        sprintf(description + strlen(description), ", value_number_%d", i);
    strcat(description, "]}}");
    m = help_model(description);
    got = read(help_find(m, "x"), "none");
    ck_assert_ptr_nonnull(strstr(got, "expected v0, value_number_1"));
    ck_assert_str_eq(got + strlen(got) - 5, ", ...");
    crm__model_unref(m);
}

CRM_TEST(test_model_value__sources_go_with_per_source_identities_only)
{
    crm__model *m = help_model("crm: 1\nfields: {x: {type: text}}\n"
                               "identities: {e: {type: text, per: source}}\n");
    crm_error err = CRM_ERROR_INIT;
    crm__value v;
    crm__buf b, normal;

    crm__buf_init(&b, NULL);
    crm__buf_init(&normal, NULL);
    ck_assert_int_eq(crm__value_parse(help_find(m, "e"), NULL, "a1", 2, 0, &b, &err), CRM_EVALUE);
    ck_assert_str_eq(err.message, "e: needs a source, its values belong to one");
    ck_assert_int_eq(crm__value_parse(help_find(m, "x"), NULL, "a1", 2, 5, &b, &err), CRM_EVALUE);
    ck_assert_str_eq(err.message, "x: takes no source");
    ck_assert_int_eq(crm__value_parse(help_find(m, "e"), NULL, " a1 ", 4, 300, &b, &err), CRM_OK);
    ck_assert_uint_eq(b.n, 4);
    ck_assert_int_eq(memcmp(b.p,
                            "\xac\x02"
                            "a1",
                            4),
                     0);
    ck_assert_int_eq(crm__value_decode(CRM_TYPE_TEXT, 1, (crm__slice){b.p, b.n}, &v), CRM_OK);
    ck_assert_uint_eq(v.source, 300);
    ck_assert_int_eq(crm__value_normal(CRM_TYPE_TEXT, &v, &normal), CRM_OK);
    ck_assert_uint_eq(normal.n, 2);
    crm__buf_clear(&b);
    crm__buf_clear(&normal);
    crm__model_unref(m);
}

/* The typed door: an integer field and so on, with the member set. */
static int put(const char *description, crm__value v, crm_error *err)
{
    crm__model *m = help_field(description);
    crm__buf b;
    int rc;

    crm__buf_init(&b, NULL);
    rc = crm__value_put(help_find(m, "x"), &v, &b, err);
    ck_assert(rc == CRM_OK ? b.n > 0 : b.n == 0);
    crm__buf_clear(&b);
    crm__model_unref(m);
    return rc;
}

static crm__value value_of(uint8_t type, int64_t integer, int64_t mantissa, uint8_t scale,
                           const char *text)
{
    crm__value v;

    memset(&v, 0, sizeof v);
    v.type = type;
    v.integer = integer;
    v.decimal.mantissa = mantissa;
    v.decimal.scale = scale;
    v.text.p = (const uint8_t *)text;
    v.text.n = text ? strlen(text) : 0;
    if (type == CRM_TYPE_MONEY && text)
        snprintf(v.currency, 4, "%.3s", text);
    return v;
}

CRM_TEST(test_model_value__the_typed_door_has_the_same_rules)
{
    static const struct door {
        const char *description;
        uint8_t type, scale;
        int64_t integer, mantissa;
        const char *text, *message;
    } list[] = {
        {"{type: integer, max: 5}", CRM_TYPE_INTEGER, 0, 5, 0, NULL, NULL},
        {"{type: integer, max: 5}", CRM_TYPE_INTEGER, 0, 6, 0, NULL, "x: is above 5"},
        {"{type: integer}", CRM_TYPE_DECIMAL, 0, 6, 0, NULL,
         "is of type decimal, expected integer"},
        {"{type: integer}", 99, 0, 6, 0, NULL, "is of type unknown, expected integer"},
        {"{type: decimal, min: 1}", CRM_TYPE_DECIMAL, 2, 0, 100, NULL, NULL},
        {"{type: decimal, min: 1}", CRM_TYPE_DECIMAL, 2, 0, 99, NULL, "is below 1"},
        {"{type: decimal}", CRM_TYPE_DECIMAL, 13, 0, 1, NULL, "more than 18 digits"},
        {"{type: decimal}", CRM_TYPE_DECIMAL, 0, 0, INT64_MAX, NULL, "more than 18 digits"},
        {"{type: money}", CRM_TYPE_MONEY, 2, 0, 100, "USD", NULL},
        {"{type: money}", CRM_TYPE_MONEY, 2, 0, 100, "usd", "unknown currency"},
        {"{type: money}", CRM_TYPE_MONEY, 2, 0, 100, "US", "unknown currency"},
        {"{type: money}", CRM_TYPE_MONEY, 2, 0, 100, NULL, "unknown currency"},
        {"{type: date}", CRM_TYPE_DATE, 0, 2026 * 512 + 33, 0, NULL, NULL},
        {"{type: date}", CRM_TYPE_DATE, 0, 2026 * 512 + 1, 0, NULL, "is not a date"},
        {"{type: date}", CRM_TYPE_DATE, 0, -1, 0, NULL, "is not a date"},
        {"{type: date, min: 2027}", CRM_TYPE_DATE, 0, 2026 * 512, 0, NULL, "is before 2027"},
        {"{type: datetime}", CRM_TYPE_DATETIME, 0, 0, 0, NULL, NULL},
        {"{type: datetime}", CRM_TYPE_DATETIME, 0, INT64_MAX, 0, NULL, "years 1 to 9999"},
        {"{type: boolean}", CRM_TYPE_BOOLEAN, 0, 1, 0, NULL, NULL},
        {"{type: boolean}", CRM_TYPE_BOOLEAN, 0, 2, 0, NULL, "is not true or false"},
        {"{type: enum, values: [a]}", CRM_TYPE_ENUM, 0, 102, 0, NULL, NULL},
        {"{type: enum, values: [a]}", CRM_TYPE_ENUM, 0, 103, 0, NULL, "not one of the values"},
        {"{type: enum, values: [a]}", CRM_TYPE_ENUM, 0, 0, 0, NULL, "not one of the values"},
        {"{type: customer}", CRM_TYPE_CUSTOMER, 0, 1, 0, NULL, NULL},
        {"{type: customer}", CRM_TYPE_CUSTOMER, 0, 0, 0, NULL, "not the number of a customer"},
        {"{type: text, max: 3}", CRM_TYPE_TEXT, 0, 0, 0, "abc", NULL},
        {"{type: text, max: 3}", CRM_TYPE_TEXT, 0, 0, 0, "abcd", "at most 3"},
        {"{type: text}", CRM_TYPE_TEXT, 0, 0, 0, NULL, "is empty"},
        {"{type: email}", CRM_TYPE_EMAIL, 0, 0, 0, "a@b.cn", NULL},
        {"{type: email}", CRM_TYPE_EMAIL, 0, 0, 0, "a", "e-mail address"},
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        crm_error err = CRM_ERROR_INIT;
        int rc = put(
            list[i].description,
            value_of(list[i].type, list[i].integer, list[i].mantissa, list[i].scale, list[i].text),
            &err);
        if (list[i].message)
            ck_assert_msg(rc == CRM_EVALUE && strstr(err.message, list[i].message), "%zu: %d %s", i,
                          rc, err.message);
        else
            ck_assert_msg(rc == CRM_OK, "%zu: %d %s", i, rc, err.message);
    }
}

static void normal(uint8_t type, crm__value v, const void *expected, size_t n)
{
    crm__buf b;

    crm__buf_init(&b, NULL);
    ck_assert_int_eq(crm__value_normal(type, &v, &b), CRM_OK);
    ck_assert_msg(b.n == n && !memcmp(b.p, expected, n), "type %d, %zu bytes: %.*s", type, b.n,
                  (int)b.n, b.p ? (const char *)b.p : "");
    crm__buf_clear(&b);
}

CRM_TEST(test_model_value__comparable_forms)
{
    normal(CRM_TYPE_EMAIL, value_of(CRM_TYPE_EMAIL, 0, 0, 0, "Li.Na@example.com"),
           "li.na@example.com", 17);
    normal(CRM_TYPE_EMAIL, value_of(CRM_TYPE_EMAIL, 0, 0, 0, "LÍ@Éx.cn"), "lí@éx.cn",
           strlen("lí@éx.cn"));
    normal(CRM_TYPE_TEXT, value_of(CRM_TYPE_TEXT, 0, 0, 0, "oAbC"), "oAbC", 4);
    normal(CRM_TYPE_PHONE, value_of(CRM_TYPE_PHONE, 0, 0, 0, "+86138"), "+86138", 6);
    normal(CRM_TYPE_DECIMAL, value_of(CRM_TYPE_DECIMAL, 0, 1500, 3, NULL), "\x01\x1e", 2);
    normal(CRM_TYPE_DECIMAL, value_of(CRM_TYPE_DECIMAL, 0, 0, 3, NULL), "\x00\x00", 2);
    normal(CRM_TYPE_DECIMAL, value_of(CRM_TYPE_DECIMAL, 0, 10, 0, NULL), "\x00\x14", 2);
    normal(CRM_TYPE_MONEY, value_of(CRM_TYPE_MONEY, 0, -100, 2, "CNY"), "CNY\x00\x01", 5);
    normal(CRM_TYPE_INTEGER, value_of(CRM_TYPE_INTEGER, -1, 0, 0, NULL), "\x01", 1);
}

CRM_TEST(test_model_value__format_needs_no_field)
{
    crm__model *m = help_field("{type: enum, values: [a]}");
    crm__value v = value_of(CRM_TYPE_ENUM, 7, 0, 0, NULL);
    crm__buf b;

    crm__buf_init(&b, NULL);
    ck_assert_int_eq(crm__value_format(NULL, &v, &b), CRM_OK);
    ck_assert_int_eq(crm__value_format(help_find(m, "x"), &v, &b), CRM_OK);
    v.integer = 102;
    ck_assert_int_eq(crm__value_format(help_find(m, "x"), &v, &b), CRM_OK);
    v = value_of(CRM_TYPE_MONEY, 0, -5, 1, "USD");
    ck_assert_int_eq(crm__value_format(help_find(m, "x"), &v, &b), CRM_OK);
    ck_assert_int_eq(crm__value_format(NULL, &v, &b), CRM_OK);
    crm__buf_add_u8(&b, 0);
    ck_assert_str_eq((const char *)b.p, "#7#7a-0.5 USD-0.5 USD");
    crm__buf_clear(&b);
    crm__model_unref(m);
}
