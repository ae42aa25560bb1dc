/* SPDX-License-Identifier: MIT
 * Documents meant to hurt: each ends in CRM_OK or in faults, in bounded time and memory.
 */
#include "help.h"

#include "base/utf8.h"

typedef struct tally {
    size_t count;
    int last_line;
    char first[CRM_MESSAGE_SIZE], last[CRM_MESSAGE_SIZE];
} tally;

static void count_fault(const crm_finding *f, void *ctx)
{
    tally *t = ctx;
    size_t n = strlen(f->message);

    ck_assert_uint_lt(n, CRM_MESSAGE_SIZE);
    ck_assert_uint_gt(n, 0);
    ck_assert_uint_eq(crm__utf8_valid(f->message, n), n);
    if (!t->count++)
        memcpy(t->first, f->message, n + 1);
    memcpy(t->last, f->message, n + 1);
    ck_assert(!f->line || f->line >= t->last_line);
    t->last_line = f->line;
}

/* OK and no fault, or CRM_EMODEL and at least one. */
static int check(const char *yaml, size_t n, tally *t)
{
    crm_error err = CRM_ERROR_INIT;
    /* Exact on the heap, so that a read past the end is seen. */
    char *copy = malloc(n ? n : 1);
    int rc;

    memset(t, 0, sizeof *t);
    memcpy(copy, yaml, n);
    rc = crm_model_check(copy, n, count_fault, t, &err);
    free(copy);
    if (rc == CRM_OK)
        ck_assert_uint_eq(t->count, 0);
    else
        ck_assert_int_eq(rc, CRM_EMODEL);
    ck_assert(rc == CRM_OK || (t->count > 0 && err.code == rc));
    return rc;
}

static void expect(const char *yaml, size_t n, const char *part)
{
    tally t;

    ck_assert_int_eq(check(yaml, n, &t), CRM_EMODEL);
    ck_assert_msg(strstr(t.first, part) || strstr(t.last, part), "%s ... %s, expected %s", t.first,
                  t.last, part);
}

/* head, then `times` times body, then tail. */
static char *repeat(const char *head, const char *body, size_t times, const char *tail, size_t *n)
{
    size_t h = strlen(head), b = strlen(body), t = strlen(tail);
    char *s = malloc(h + b * times + t + 1);

    memcpy(s, head, h);
    for (size_t i = 0; i < times; i++)
        memcpy(s + h + i * b, body, b);
    memcpy(s + h + b * times, tail, t + 1);
    *n = h + b * times + t;
    return s;
}

static void expect_repeat(const char *head, const char *body, size_t times, const char *tail,
                          const char *part)
{
    size_t n;
    char *s = repeat(head, body, times, tail, &n);

    expect(s, n, part);
    free(s);
}

CRM_TEST(test_model_hostile__depth_and_size_are_bounded)
{
    expect_repeat("crm: ", "[", 100, "", "nested deeper than 32");
    expect_repeat("crm: ", "[", 100000, "", "");
    expect_repeat("crm: ", "[\n", 100000, "", "nested deeper than 32");
    expect_repeat("crm: ", "{a: ", 50, "", "nested deeper than 32");
    expect_repeat("", "{", 500000, "", "");
    expect_repeat("", "- ", 500000, "", "nested deeper than 32");
    expect_repeat("", "? ", 500000, "", "nested deeper than 32");
    expect_repeat("", ": ", 500000, "", "");
    expect_repeat("", "a: ", 300000, "", "not YAML");
    expect_repeat("crm: 1\nname: \"", "x", CRM__MODEL_BYTES, "\"", "a model has at most 1048576");
    expect_repeat("crm: 1\nname: \"", "x", CRM__MODEL_BYTES - 100, "\"", "at most 100 characters");
    expect_repeat("crm: 1\nname: ", "x ", CRM__MODEL_BYTES / 2 - 10, "", "at most 100 characters");
    expect_repeat("crm: 1\nname: |\n", " x\n", 300000, "", "one line of at most 100");
    expect_repeat("crm: 1\n", "#", 1000000, "", "\"fields\" is missing");
    expect_repeat("crm: 1\n", "\n", 1000000, "", "\"fields\" is missing");
    expect_repeat("crm: 1\nname: '", "''", 500000, "'", "at most 100 characters");
    expect_repeat("crm: 1\nname: \"", "\\u4e2d", 170000, "\"", "at most 100 characters");
}

CRM_TEST(test_model_hostile__aliases_do_not_multiply)
{
    char yaml[4096] = "crm: 1\na: &a [x,x,x,x,x,x,x,x,x]\n";

    for (char c = 'b'; c <= 'z'; c++) {
        size_t at = strlen(yaml);
        snprintf(yaml + at, sizeof yaml - at, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c,
                 c, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
    }
    expect(yaml, strlen(yaml), "aliases (*) are not used");
    expect("a: &a [*a]", 10, "aliases (*) are not used");
}

CRM_TEST(test_model_hostile__many_of_everything_is_counted)
{
    static const char head[] = "crm: 1\nfields:\n";
    char *s = malloc(CRM__MODEL_BYTES + 64);
    size_t at;
    tally t;

    /* 1,000 fields are fine, one more is not. */
    at = (size_t)sprintf(s, "%s", head);
    for (int i = 0; i < 1000; i++)
        at += (size_t)sprintf(s + at, "  f%d: {type: text, label: F %d}\n", i, i);
    ck_assert_int_eq(check(s, at, &t), CRM_OK);
    at += (size_t)sprintf(s + at, "  more: {type: text}\n");
    expect(s, at, "more than 1000 fields");
    at += (size_t)sprintf(s + at, "identities:\n  even_more: {type: text}\n");
    expect(s, at, "more than 1000 fields");
    /* The same of 4,096 values. */
    for (int extra = 0; extra < 2; extra++) {
        at = (size_t)sprintf(s, "%s  x: {type: enum, values: [", head);
        for (int i = 0; i < 4096 + extra; i++)
            at += (size_t)sprintf(s + at, "v%d, ", i);
        at += (size_t)sprintf(s + at, "]}\n");
        if (extra)
            expect(s, at, "more than 4096 values");
        else
            ck_assert_int_eq(check(s, at, &t), CRM_OK);
    }
    /* Labels. */
    at = (size_t)sprintf(s, "%s  x: {type: text, label: [", head);
    for (int i = 0; i < 40000; i++)
        at += (size_t)sprintf(s + at, "l%d, ", i);
    at += (size_t)sprintf(s + at, "]}\n");
    expect(s, at, "more than 32768 labels");
    /* Equal keys. */
    at = (size_t)sprintf(s, "%s", head);
    while (at < 300000)
        at += (size_t)sprintf(s + at, "  a: {type: text}\n");
    expect(s, at, "further faults are not listed");
    ck_assert_int_eq(check(s, at, &t), CRM_EMODEL);
    ck_assert_uint_eq(t.count, 1001);
    /* Unknown keys, each with a hint to look for. */
    at = (size_t)sprintf(s, "crm: 1\n");
    for (int i = 0; at < 400000; i++)
        at += (size_t)sprintf(s + at, "fiel%d: 1\n", i);
    expect(s, at, "further faults are not listed");
    free(s);
}

CRM_TEST(test_model_hostile__words_in_messages_stay_whole)
{
    size_t n;
    char *s = repeat("crm: 1\nfields:\n  ", "客", 300, ": {type: text}\n", &n);
    tally t;

    ck_assert_int_eq(check(s, n, &t), CRM_EMODEL);
    free(s);
    s = repeat("crm: 1\nfields:\n  x: {type: enum, values: {", "客", 30, ": 客客客客客客客客}}\n",
               &n);
    ck_assert_int_eq(check(s, n, &t), CRM_EMODEL);
    free(s);
}

/* A document with a random change: a byte, a cut, a copy of a part, a special word. */
static size_t mutate(uint64_t *seed, const char *from, size_t n, char *to)
{
    static const char *const words[] = {
        "{",       "}",    "[",      "]",        ":",
        ": ",      "- ",   "? ",     "&a ",      "*a ",
        "!!x ",    "|",    ">",      "'",        "\"",
        "#",       "\n",   "\n  ",   "\t",       "%",
        "@",       "`",    "---\n",  "...\n",    "<<: ",
        "~",       "\\",   "\xff",   "\xe2\x80", "\xef\xbb\xbf",
        "type",    "enum", "values", "label",    "zh",
        "default", "min",  "-1",     "1e9",      "999999999999999999999"};
    size_t changes = 1 + (size_t)crmtest_below(seed, 4);

    memcpy(to, from, n);
    while (changes--) {
        size_t at = (size_t)crmtest_below(seed, n), k, other;
        const char *word;
        switch (crmtest_below(seed, 5)) {
        case 0:
            to[at] = (char)crmtest_rand(seed);
            break;
        case 1:
            k = (size_t)crmtest_below(seed, 20);
            if (at + k > n)
                k = n - at;
            memmove(to + at, to + at + k, n - at - k);
            n -= k;
            break;
        case 2:
            k = (size_t)crmtest_below(seed, 60);
            other = (size_t)crmtest_below(seed, n);
            if (other + k > n)
                k = n - other;
            memmove(to + at + k, to + at, n - at);
            memmove(to + at, to + other, k);
            n += k;
            break;
        default:
            word = words[crmtest_below(seed, sizeof words / sizeof words[0])];
            k = strlen(word);
            memmove(to + at + k, to + at, n - at);
            memcpy(to + at, word, k);
            n += k;
        }
    }
    return n;
}

CRM_TEST(test_model_hostile__changed_documents_are_right_or_faulty)
{
    const char *yaml = crm_model_default();
    uint64_t seed = crmtest_seed() + 7;
    size_t n = strlen(yaml), fine = 0, faulty = 0;
    char *to = malloc(n + 1000);
    tally t;

    for (size_t round = 0; round < crmtest_rounds(300, 30000); round++) {
        size_t k = mutate(&seed, yaml, n, to);
        if (check(to, k, &t) == CRM_OK)
            fine++;
        else
            faulty++;
    }
    ck_assert_uint_gt(fine, 0);
    ck_assert_uint_gt(faulty, 0);
    free(to);
}

CRM_TEST(test_model_hostile__every_cut_of_a_document_is_right_or_faulty)
{
    static const char yaml[] =
        "crm: 1\nkinds: {person: {label: {en: P, zh: [人]}}}\nfields:\n"
        "  a: {type: enum, values: {x: X, y: }, default: y}\n"
        "  b: {type: text, pattern: '[a-z]{2,3}', \"label\": \"B\\u4e2d\"}\n"
        "  c:\n    type: integer\n    min: 1\nidentities:\n  d: {type: text}\n";
    tally t;

    for (size_t n = 0; n < sizeof yaml; n++)
        check(yaml, n, &t);
    ck_assert_int_eq(check(yaml, sizeof yaml - 1, &t), CRM_OK);
}

CRM_TEST(test_model_hostile__random_bytes_are_faulty)
{
    uint64_t seed = crmtest_seed() + 8;
    static const char letters[] = "{}[]:,-?&*!|>'\"%@`# \n\tab1~<=.";
    char s[200];
    tally t;

    for (size_t round = 0; round < crmtest_rounds(5000, 200000); round++) {
        size_t n = (size_t)crmtest_below(&seed, sizeof s);
        for (size_t i = 0; i < n; i++)
            s[i] = round % 3 ? letters[crmtest_below(&seed, sizeof letters - 1)]
                             : (char)crmtest_rand(&seed);
        ck_assert_int_eq(check(s, n, &t), CRM_EMODEL);
    }
}
