/* SPDX-License-Identifier: MIT
 * JSON: what is strict JSON and what is not, offsets, exact text of numbers, random trees and
 * damage.
 */
#include "codec/json.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static crm_error err;

/* Parses a copy of exactly n bytes. */
static int parse(const char *s, size_t n, crm__json **out)
{
    char *copy = malloc(n ? n : 1);
    int rc;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, s, n);
    crm_error_init(&err);
    rc = crm__json_parse(NULL, copy, n, out, &err);
    free(copy);
    if (rc) {
        ck_assert_int_eq(rc, CRM_ESYNTAX);
        ck_assert_ptr_null(*out);
        ck_assert(err.code == rc && err.message[0] && err.offset >= 0 && err.offset <= (int64_t)n);
    }
    return rc;
}

static int is_known(void *ctx, const char *key, size_t n)
{
    return n == strlen(ctx) && memcmp(key, ctx, n) == 0;
}

/* Few members, and so many that they are sorted: the place of the second, its name when known. */
CRM_TEST(test_codec_json__name_twice)
{
    for (int more = 0; more <= 40; more += 20) {
        for (int known = 0; known < 2; known++) {
            char text[400], name[] = "bb";
            size_t n = (size_t)sprintf(text, "{\"a\":1,\"bb\":2"), second;
            crm__json *v;
            for (int i = 0; i < more; i++)
                n += (size_t)sprintf(text + n, ",\"x%d\":0", i);
            second = n + 1;
            n += (size_t)sprintf(text + n, ",\"bb\":3,\"c\":4}");
            if (!known)
                name[0] = 'y';
            crm_error_init(&err);
            ck_assert_int_eq(crm__json_parse_known(NULL, text, n, is_known, name, &v, &err),
                             CRM_ESYNTAX);
            ck_assert_ptr_null(v);
            ck_assert_int_eq(err.offset, (int64_t)second);
            ck_assert_str_eq(err.field, known ? "bb" : "");
            ck_assert_int_eq(strstr(err.message, "bb") != NULL, known);
            ck_assert_int_eq(crm__json_parse_known(NULL, text, n, is_known, name, &v, NULL),
                             CRM_ESYNTAX);
        }
    }
}

CRM_TEST(test_codec_json__good)
{
    static const char *const GOOD[] = {
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.5",
        "1e5",
        "\"\"",
        " [ 1 , 2 ] ",
        "{\"a\":{\"a\":1}}",
        "[{\"a\":1},{\"a\":2}]",
        "{\"a\":\"x:y:z\"}",
        "{\"a\":\"\\\":\"}",
        "{\"a\\\"b\":1}",
        "\"\\u00e9\\ud83d\\ude00\"",
        "9223372036854775807",
        "-9223372036854775808",
        "9999999999999999999",
        "\"\\\\u0000\"",
        "\t\r\n[]",
        "\"\xc3\xa9\"",
        "{\"\":1}",
        "{\"a\":null,\"b\":null}",
        "1.0E+2",
        "[[[[[[[[]]]]]]]]",
        "\"NaN I\"",
    };

    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        crm__json *v;
        int rc = parse(GOOD[i], strlen(GOOD[i]), &v);
        ck_assert_msg(rc == CRM_OK, "%s: %s", GOOD[i], err.message);
        crm__json_free(v);
    }
}

CRM_TEST(test_codec_json__bad)
{
    static const struct {
        const char *text;
        int64_t offset; /* -1: anywhere */
    } BAD[] = {
        {"", 0},
        {" ", 1},
        {"{", 1},
        {"[1,", 3},
        {"[1,]", -1},
        {"{\"a\":1,}", -1},
        {"{\"a\"}", 4},
        {"{a:1}", 1},
        {"{'a':1}", 1},
        {"['a:b']", 1},
        {"[1] 2", -1},
        {"{} {}", -1},
        {"nul", -1},
        {"True", 0},
        {"NaN", 0},
        {"[Infinity]", 1},
        {"-Infinity", -1},
        {"01", -1},
        {"-", -1},
        {"1.", -1},
        {"[-]", -1},
        {"1.e5", -1},
        {"00", -1},
        {"-01", -1},
        {"1e+", -1},
        {"1-2", -1},
        {"1..2", -1},
        {".5", 0},
        {"+1", 0},
        {"0x10", -1},
        {"1e", -1},
        {"\"a", 2},
        {"\"\\x\"", -1},
        {"\"\\u12\"", -1},
        {"\"\xff\"", 1},
        {"\"\xc3\"", 1},
        {"\"\xed\xa0\x80\"", 1},
        {"\"\\u0000\"", 1},
        {"{\"a\\u0000b\":1}", 3},
        {"// x\n1", 0},
        {"/**/1", 0},
        {"\"a\nb\"", 2},
        {"\"\t\"", 1},
        {"{\"a\":1,\"a\":1}", 7},
        {"{\"x\":{\"a\":1,\"a\":2}}", 12},
        {"[{\"a\":1,\"b\":2,\"a\":3}]", 14},
        {"{\"a\":1,\"\\u0061\":2}", 7}, /* the same name in another writing */
        {"12345678901234567890", 0},
        {"[1,-12345678901234567890]", 3},
        {"-9223372036854775809", 0},
        {"-9999999999999999999", 0},
        {"[1 2]", -1},
        {"{\"a\" 1}", 5},
        {"]", 0},
        {":", 0},
    };
    static const char NUL[] = "{}\0{}";
    crm__json *v;

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        int rc = parse(BAD[i].text, strlen(BAD[i].text), &v);
        ck_assert_msg(rc == CRM_ESYNTAX, "%s is taken", BAD[i].text);
        ck_assert_msg(BAD[i].offset < 0 || err.offset == BAD[i].offset, "%s: offset %lld",
                      BAD[i].text, (long long)err.offset);
    }
    ck_assert_int_eq(parse(NUL, sizeof NUL - 1, &v), CRM_ESYNTAX);
    ck_assert_int_eq(parse(NUL, 3, &v), CRM_ESYNTAX);
    ck_assert_int_eq(parse("\0", 1, &v), CRM_ESYNTAX);
}

CRM_TEST(test_codec_json__depth)
{
    char text[4000];
    crm__json *v;

    for (size_t depth = 1; depth < 1500; depth = depth * 3 / 2 + 1) {
        int rc;
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        rc = parse(text, depth * 2, &v);
        ck_assert_int_eq(rc, depth < 32 ? CRM_OK : CRM_ESYNTAX);
        crm__json_free(v);
        memset(text, '[', 2 * depth); /* never closed */
        ck_assert_int_eq(parse(text, depth * 2, &v), CRM_ESYNTAX);
    }
}

/* Numbers keep what was written, whatever a double would make of it. */
CRM_TEST(test_codec_json__numbers_keep_their_text)
{
    static const char *const EXACT[] = {
        "0",
        "-1",
        "12.50",
        "0.10",
        "1.000000000000",
        "123456789012345678.9",
        "1e3",
        "1E+03",
        "2.50e-2",
        "0.0",
        "-0.0",
        "9999999999999999999",
        "9223372036854775808",
        "-9223372036854775808",
        "0.1000000000000000055511",
    };
    uint64_t seed = crmtest_seed();
    char text[64];
    crm__json *v;

    for (size_t i = 0; i < sizeof EXACT / sizeof EXACT[0] + 3000; i++) {
        crm__slice t;
        if (i < sizeof EXACT / sizeof EXACT[0])
            snprintf(text, sizeof text, "%s", EXACT[i]);
        else
            snprintf(
                text, sizeof text, "%s%llu.%0*llu", crmtest_below(&seed, 2) ? "-" : "",
                (unsigned long long)(crmtest_rand(&seed) >> crmtest_below(&seed, 60)) % 1000000000,
                1 + (int)crmtest_below(&seed, 12), (unsigned long long)crmtest_below(&seed, 10));
        ck_assert_int_eq(parse(text, strlen(text), &v), CRM_OK);
        ck_assert_int_eq(crm__json_kind(v), CRM__JSON_NUMBER);
        t = crm__json_text(v);
        ck_assert_msg(t.n == strlen(text) && !memcmp(t.p, text, t.n), "%s becomes %.*s", text,
                      (int)t.n, (const char *)t.p);
        crm__json_free(v);
    }
}

CRM_TEST(test_codec_json__members_and_items)
{
    static const char TEXT[] = "{\"b\":[1,\"x\",null,true],\"a\":null,\"c\":\"\\ty\\u0001\"}";
    const crm__json *list, *value;
    const void *at = NULL;
    const char *key;
    crm__json *v;

    ck_assert_int_eq(parse(TEXT, strlen(TEXT), &v), CRM_OK);
    ck_assert_int_eq(crm__json_kind(v), CRM__JSON_OBJECT);
    list = crm__json_member(v, "b");
    ck_assert_int_eq(crm__json_kind(list), CRM__JSON_ARRAY);
    ck_assert_uint_eq(crm__json_count(list), 4);
    ck_assert_uint_eq(crm__json_count(v), 0);
    ck_assert_int_eq(crm__json_kind(crm__json_item(list, 0)), CRM__JSON_NUMBER);
    ck_assert_int_eq(crm__json_kind(crm__json_item(list, 2)), CRM__JSON_NULL);
    ck_assert_int_eq(crm__json_kind(crm__json_item(list, 3)), CRM__JSON_BOOLEAN);
    ck_assert_int_eq(crm__json_kind(crm__json_item(list, 4)), CRM__JSON_NULL);
    ck_assert_ptr_null(crm__json_member(v, "a"));
    ck_assert_ptr_null(crm__json_member(v, "z"));
    ck_assert(crm__json_text(crm__json_member(v, "c")).n == 3);
    ck_assert(crm__json_next(v, &at, &key, &value) && !strcmp(key, "b") && value == list);
    ck_assert(crm__json_next(v, &at, &key, &value) && !strcmp(key, "a") && !value);
    ck_assert(crm__json_next(v, &at, &key, &value) && !strcmp(key, "c"));
    ck_assert(!crm__json_next(v, &at, &key, &value));
    crm__json_free(v);
    crm__json_free(NULL);
}

/* ---- random trees ---- */

static void random_text(uint64_t *seed, crm__buf *out)
{
    static const char *const PIECES[] = {"a", "b:c", "\"", "\\", "\n", "\t", "\x7f", "\x01",
                                         "é", "张",  "😀",  "{",  "]",  ",",  "u0000"};
    crm__buf raw;

    crm__buf_init(&raw, NULL);
    for (uint64_t n = crmtest_below(seed, 8); n > 0; n--)
        crm__buf_add_str(&raw, PIECES[crmtest_below(seed, sizeof PIECES / sizeof PIECES[0])]);
    crm__json_string(out, raw.p ? raw.p : (const uint8_t *)"", raw.n);
    crm__buf_clear(&raw);
}

static void random_tree(uint64_t *seed, crm__buf *out, int depth)
{
    static const char *const WORDS[] = {
        "null", "true", "false", "0", "-12.50", "1e9", "9223372036854775807"};
    uint64_t n = crmtest_below(seed, 5);

    switch (depth > 0 ? crmtest_below(seed, 4) : 3) {
    case 0:
        crm__buf_add_u8(out, '{');
        for (uint64_t i = 0; i < n; i++) {
            crm__buf_add_fmt(out, "%s\"k%d\":", i ? "," : "", (int)i);
            random_tree(seed, out, depth - 1);
        }
        crm__buf_add_u8(out, '}');
        return;
    case 1:
        crm__buf_add_u8(out, '[');
        for (uint64_t i = 0; i < n; i++) {
            crm__buf_add_str(out, i ? "," : "");
            random_tree(seed, out, depth - 1);
        }
        crm__buf_add_u8(out, ']');
        return;
    case 2:
        random_text(seed, out);
        return;
    default:
        crm__buf_add_str(out, WORDS[crmtest_below(seed, sizeof WORDS / sizeof WORDS[0])]);
    }
}

/* Writes a parsed tree as text again. */
static void write_tree(const crm__json *v, crm__buf *out)
{
    crm__slice t = crm__json_text(v);
    const crm__json *value;
    const void *at = NULL;
    const char *key;

    switch (crm__json_kind(v)) {
    case CRM__JSON_OBJECT:
        crm__buf_add_u8(out, '{');
        while (crm__json_next(v, &at, &key, &value)) {
            crm__buf_add_str(out, out->p[out->n - 1] == '{' ? "" : ",");
            crm__json_string(out, key, strlen(key));
            crm__buf_add_u8(out, ':');
            write_tree(value, out);
        }
        crm__buf_add_u8(out, '}');
        return;
    case CRM__JSON_ARRAY:
        crm__buf_add_u8(out, '[');
        for (size_t i = 0; i < crm__json_count(v); i++) {
            crm__buf_add_str(out, i ? "," : "");
            write_tree(crm__json_item(v, i), out);
        }
        crm__buf_add_u8(out, ']');
        return;
    case CRM__JSON_STRING:
        crm__json_string(out, t.p, t.n);
        return;
    case CRM__JSON_NULL:
        crm__buf_add_str(out, "null");
        return;
    default:
        crm__buf_add(out, t.p, t.n);
    }
}

CRM_TEST(test_codec_json__random_trees)
{
    uint64_t seed = crmtest_seed();

    for (size_t round = crmtest_rounds(3000, 100000); round > 0; round--) {
        crm__buf text, again;
        crm__json *v;
        crm__buf_init(&text, NULL);
        crm__buf_init(&again, NULL);
        random_tree(&seed, &text, 6);
        ck_assert_msg(parse((const char *)text.p, text.n, &v) == CRM_OK, "%.*s: %s", (int)text.n,
                      text.p, err.message);
        write_tree(v, &again);
        ck_assert_msg(text.n == again.n && !memcmp(text.p, again.p, text.n), "%.*s becomes %.*s",
                      (int)text.n, text.p, (int)again.n, again.p);
        crm__json_free(v);
        crm__buf_clear(&text);
        crm__buf_clear(&again);
    }
}

CRM_TEST(test_codec_json__damage)
{
    uint64_t seed = crmtest_seed();

    for (size_t round = crmtest_rounds(3000, 100000); round > 0; round--) {
        crm__buf text, again;
        crm__json *v;
        crm__buf_init(&text, NULL);
        random_tree(&seed, &text, 5);
        for (size_t n = 0; n < text.n && n < 60; n++) { /* every truncation */
            if (parse((const char *)text.p, n, &v) == CRM_OK)
                crm__json_free(v);
        }
        for (int i = 0; i < 10; i++) {
            size_t at = crmtest_below(&seed, text.n);
            text.p[at] = crmtest_below(&seed, 2)
                             ? (uint8_t) "{}[]\",:\\0-e.nN "[crmtest_below(&seed, 15)]
                             : (uint8_t)crmtest_rand(&seed);
            if (parse((const char *)text.p, text.n, &v))
                continue;
            crm__buf_init(&again, NULL);
            write_tree(v, &again); /* whatever it is, it can be written and read */
            crm__json_free(v);
            ck_assert_int_eq(parse((const char *)again.p, again.n, &v), CRM_OK);
            crm__json_free(v);
            crm__buf_clear(&again);
        }
        crm__buf_clear(&text);
    }
}
