/* SPDX-License-Identifier: MIT */
#include "base/pattern.h"
#include "base/utf8.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For loops of many: ck_assert writes a line for each that passes. */
#define EXPECT(x)                                                                                  \
    do {                                                                                           \
        if (!(x))                                                                                  \
            ck_abort_msg("not so: %s", #x);                                                        \
    } while (0)

static crm__pattern *compiled(const char *p)
{
    crm__pattern *pat;
    const char *why;
    size_t at;

    if (crm__pattern_compile(NULL, p, strlen(p), &pat, &why, &at) != CRM_OK)
        ck_abort_msg("\"%s\": %s at %zu", p, why, at);
    ck_assert_ptr_null(why);
    return pat;
}

static int matches(const char *p, const char *s)
{
    crm__pattern *pat = compiled(p);
    int yes = crm__pattern_match(pat, s, strlen(s));

    crm__pattern_free(pat);
    return yes;
}

static void yes(const char *p, const char *s)
{
    if (!matches(p, s))
        ck_abort_msg("\"%s\" does not match \"%s\"", p, s);
}

static void no(const char *p, const char *s)
{
    if (matches(p, s))
        ck_abort_msg("\"%s\" matches \"%s\"", p, s);
}

CRM_TEST(test_base_pattern__literals_and_anchors)
{
    yes("", "");
    no("", "a");
    yes("abc", "abc");
    no("abc", "abcd");
    no("abc", "xabc");
    no("abc", "ab");
    yes("^abc$", "abc");
    yes("^$", "");
    yes("^a$|^b$", "b");
    yes("a|b|", "");
    yes("a|b|c|d", "d");
    no("a|b|c|d", "e");
    yes("(a|)(b|)", "ab");
    yes("()", "");
    yes("\\^\\$\\.\\*\\\\\\-", "^$.*\\-");
    yes("]}", "]}");
}

CRM_TEST(test_base_pattern__characters_are_code_points)
{
    yes(".", "\u5f20");
    no("..", "\u5f20");
    yes("\u5f20.{2}", "\u5f20\u4f1f\U0001f600");
    yes("[\u4e00-\u9fff]{2,4}", "\u5f20\u4f1f");
    no("[\u4e00-\u9fff]{2,4}", "\u5f20a");
    yes("[^a-z]+", "\u5f20\n");
    yes("\\u5f20\\u{4F1F}\\x41", "\u5f20\u4f1f"
                                 "A");
    no(".", "\n");
    no(".", "\xff");
    no("[^a]", "\xe4\xb8");
    yes("(\u5f20|\u674e)+", "\u5f20\u674e\u5f20");
}

CRM_TEST(test_base_pattern__classes)
{
    yes("\\d\\D\\w\\W\\s\\S", "1x_- y");
    no("\\d", "\uff11");
    yes("[\\d\\s.-]+", "1 2.3-4");
    yes("[^\\d]", "a");
    no("[^\\d]", "5");
    yes("[\\D]", "\u5f20");
    no("[^\\D]", "\u5f20");
    yes("[]a]+", "]a");
    yes("[^]a]", "b");
    no("[^]a]", "]");
    yes("[a-]+", "a-");
    yes("[-a]+", "-a");
    yes("[a^]+", "^a");
    yes("[\\]\\\\]+", "]\\");
    yes("[+--]+", "+,-");
    yes("[\\t-\\r]", "\n");
    no("[b-df]", "e");
    yes("[^\u5f20]", "\u4f1f");
    no("[^\u5f20]", "\u5f20");
    yes("[fa-cb-d\u4e00\u4dff-\u4e01]+", "abcdf\u4e01");
    no("[fa-cb-d]", "e");
}

CRM_TEST(test_base_pattern__repetition)
{
    for (int n = 0; n <= 6; n++) {
        char s[8] = {0};
        memset(s, 'a', (size_t)n);
        ck_assert_int_eq(matches("a*", s), 1);
        ck_assert_int_eq(matches("a+", s), n >= 1);
        ck_assert_int_eq(matches("a?", s), n <= 1);
        ck_assert_int_eq(matches("a{3}", s), n == 3);
        ck_assert_int_eq(matches("a{0}", s), n == 0);
        ck_assert_int_eq(matches("a{0,0}", s), n == 0);
        ck_assert_int_eq(matches("a{1}", s), n == 1);
        ck_assert_int_eq(matches("a{0,}", s), 1);
        ck_assert_int_eq(matches("a{3,}", s), n >= 3);
        ck_assert_int_eq(matches("a{2,4}", s), n >= 2 && n <= 4);
        ck_assert_int_eq(matches("a{0,3}", s), n <= 3);
        ck_assert_int_eq(matches("(aa){1,2}", s), n == 2 || n == 4);
        ck_assert_int_eq(matches("(a|aa){2}", s), n >= 2 && n <= 4);
        ck_assert_int_eq(matches("(a{2}){0,3}", s), n % 2 == 0);
        ck_assert_int_eq(matches("((a|){3}){2}", s), 1);
        ck_assert_int_eq(matches("(a*)*", s), 1);
        ck_assert_int_eq(matches("(a+)+", s), n >= 1);
        ck_assert_int_eq(matches("(()|a+)*", s), 1);
        ck_assert_int_eq(matches("(){255}a", s), n == 1);
    }
    yes("(a{0}|b)c", "c");
    yes("x{255}", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                  "xxxxxxxxxxxxxxx");
}

static void refuse(const char *p, const char *reason, size_t where)
{
    crm__pattern *pat = (crm__pattern *)(void *)p;
    const char *why = NULL;
    size_t at = 99;

    ck_assert_int_eq(crm__pattern_compile(NULL, p, strlen(p), &pat, &why, &at), CRM_EVALUE);
    ck_assert_ptr_null(pat);
    ck_assert_str_eq(why, reason);
    ck_assert_uint_eq(at, where);
    ck_assert_int_eq(crm__pattern_compile(NULL, p, strlen(p), &pat, NULL, NULL), CRM_EVALUE);
}

CRM_TEST(test_base_pattern__refuses_with_a_reason_and_place)
{
    static const char braces[] = "expected {n}, {n,} or {n,m}", large[] = "pattern is too large";
    crm__pattern *pat;
    const char *why;
    size_t at;

    refuse("a(b", "expected ) for this (", 1);
    refuse("ab)", "no ( for this )", 2);
    refuse("a[bc", "expected ] for this [", 1);
    refuse("[]", "expected ] for this [", 0);
    refuse("[a-", "expected ] for this [", 0);
    refuse("[z-a]", "range is backwards", 1);
    refuse("[\\d-z]", "a class cannot begin a range", 1);
    refuse("[a-\\d]", "a class cannot end a range", 1);
    refuse("[[:alpha:]]", "named classes like [:alpha:] are not known", 1);
    refuse("*a", "nothing to repeat", 0);
    refuse("a|+", "nothing to repeat", 2);
    refuse("({2})", "nothing to repeat", 1);
    refuse("a**", "a repetition cannot be repeated; use parentheses", 2);
    refuse("a+?", "a repetition cannot be repeated; use parentheses", 2);
    refuse("a{", braces, 1);
    refuse("a{}", braces, 1);
    refuse("a{,3}", braces, 1);
    refuse("a{1,2,3}", braces, 1);
    refuse("a{x}", braces, 1);
    refuse("a{3,2}", "repetition is backwards", 1);
    refuse("a{256}", "repetition above 255", 1);
    refuse("a{1,99999999999999999999}", "repetition above 255", 1);
    refuse("\\", "expected a character after the backslash", 1);
    refuse("\\q", "unknown escape", 1);
    refuse("(a)\\1", "unknown escape", 4);
    refuse("\\x4", "expected \\xHH, \\uHHHH or \\u{H}", 2);
    refuse("\\u{110000}", "not a character", 2);
    refuse("\\ud800", "not a character", 2);
    refuse("(?=a)", "of the (? forms only (?:...) is known", 0);
    refuse("a^", "^ is allowed at the start only; write \\^ for the character", 1);
    refuse("(^a)", "^ is allowed at the start only; write \\^ for the character", 1);
    refuse("a$b", "$ is allowed at the end only; write \\$ for the character", 1);
    refuse("(a$)", "$ is allowed at the end only; write \\$ for the character", 2);
    refuse("(a{255}){9}", large, 11);
    refuse("((a{200}){200}){200}", large, 14);
    refuse("((a{0,255}){0,255}){0,255}", large, 18);
    ck_assert_int_eq(crm__pattern_compile(NULL, "a\xff", 2, &pat, &why, &at), CRM_EINVAL);
    ck_assert_str_eq(why, "not utf-8");
    ck_assert_uint_eq(at, 1);
    crm__pattern_free(NULL);
}

CRM_TEST(test_base_pattern__size_limit_is_exact)
{
    static char p[5000], s[5000];
    crm__pattern *pat;

    memset(p, 'a', sizeof p);
    ck_assert_int_eq(crm__pattern_compile(NULL, p, 2047, &pat, NULL, NULL), CRM_OK);
    memset(s, 'a', sizeof s);
    ck_assert_int_eq(crm__pattern_match(pat, s, 2047), 1);
    ck_assert_int_eq(crm__pattern_match(pat, s, 2048), 0);
    crm__pattern_free(pat);
    ck_assert_int_eq(crm__pattern_compile(NULL, p, 2048, &pat, NULL, NULL), CRM_EVALUE);
    memset(p, '(', sizeof p);
    ck_assert_int_eq(crm__pattern_compile(NULL, p, sizeof p, &pat, NULL, NULL), CRM_EVALUE);
    memset(p, '|', sizeof p);
    ck_assert_int_eq(crm__pattern_compile(NULL, p, 1000, &pat, NULL, NULL), CRM_OK);
    ck_assert_int_eq(crm__pattern_match(pat, "", 0), 1);
    crm__pattern_free(pat);
    ck_assert_int_eq(crm__pattern_compile(NULL, p, sizeof p, &pat, NULL, NULL), CRM_EVALUE);
}

/* What takes a backtracking matcher exponential time. */
CRM_TEST(test_base_pattern__pathological_patterns_end)
{
    static const char *const patterns[] = {"(a*)*b",
                                           "(a|aa)+$",
                                           "(a|a|a|a)*b",
                                           "((a*)*)*b",
                                           "(a?){255}a{255}b",
                                           "(.*)(.*)(.*)(.*)(.*)b",
                                           "((a|b)*c|(a|ab)*)*d",
                                           "([ab]*[^c]*){20}c"};
    static const int want[] = {0, 1, 0, 0, 0, 0, 0, 0};
    static char s[10000];

    memset(s, 'a', sizeof s);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        crm__pattern *pat = compiled(patterns[i]);
        ck_assert_int_eq(crm__pattern_match(pat, s, sizeof s), want[i]);
        crm__pattern_free(pat);
    }
}

/* ---- against regexec ---- */

typedef struct text {
    char s[512];
    size_t n;
} text;

static void add(text *t, const char *s)
{
    t->n += (size_t)snprintf(t->s + t->n, sizeof t->s - t->n, "%s", s);
}

static void make_sequence(uint64_t *seed, text *t, int depth);

static void make_atom(uint64_t *seed, text *t, int depth)
{
    static const char *const atoms[] = {"a",     "b",     "c",      "d",   ".",   "[ab]", "[^a]",
                                        "[b-d]", "[^bc]", "[a-cd]", "\\.", "[.]", "a",    "b"};
    uint64_t kind = crmtest_below(seed, depth > 0 ? 18 : 14);

    if (kind < 14) {
        add(t, atoms[kind]);
        return;
    }
    add(t, "(");
    make_sequence(seed, t, depth - 1);
    for (kind = crmtest_below(seed, 3); kind; kind--) {
        add(t, "|");
        make_sequence(seed, t, depth - 1);
    }
    add(t, ")");
}

static void make_sequence(uint64_t *seed, text *t, int depth)
{
    static const char *const repeats[] = {"*", "+", "?", "{2}", "{0,2}", "{1,3}", "{2,}", "{0}"};

    for (size_t count = 1 + crmtest_below(seed, 3); count; count--) {
        make_atom(seed, t, depth);
        if (crmtest_below(seed, 3) == 0)
            add(t, repeats[crmtest_below(seed, 8)]);
    }
}

/* Alternatives stand in parentheses for regexec, whose ^ and $ belong to one of them. */
static int compare_with_regexec(uint64_t *seed, const char *p, size_t texts)
{
    crm__pattern *pat;
    regex_t re;
    char anchored[600];
    int found = 0;

    if (crm__pattern_compile(NULL, p, strlen(p), &pat, NULL, NULL) != CRM_OK)
        return -1;
    snprintf(anchored, sizeof anchored, "^(%s)$", p);
    if (regcomp(&re, anchored, REG_EXTENDED | REG_NOSUB) != 0)
        ck_abort_msg("regcomp refuses \"%s\"", anchored);
    for (size_t i = 0; i < texts; i++) {
        char s[16];
        size_t n = crmtest_below(seed, 9);
        int got, want;
        for (size_t j = 0; j < n; j++)
            s[j] = "abcd.e"[crmtest_below(seed, 6)];
        s[n] = 0;
        got = crm__pattern_match(pat, s, n);
        want = regexec(&re, s, 0, NULL, 0) == 0;
        found += want;
        if (got != want)
            ck_abort_msg("\"%s\" on \"%s\": got %d, want %d", p, s, got, want);
    }
    regfree(&re);
    crm__pattern_free(pat);
    return found > 0;
}

CRM_TEST(test_base_pattern__random_patterns_as_regexec)
{
    uint64_t seed = crmtest_seed();
    size_t matched = 0, rounds = crmtest_rounds(3000, 100000);

    for (size_t i = 0; i < rounds; i++) {
        text t = {{0}, 0};
        int rc;
        make_sequence(&seed, &t, 3);
        while (crmtest_below(&seed, 4) == 0) {
            add(&t, "|");
            make_sequence(&seed, &t, 2);
        }
        if (t.n > 200)
            continue;
        rc = compare_with_regexec(&seed, t.s, 20);
        EXPECT(rc >= 0);
        matched += rc > 0;
    }
    EXPECT(matched > rounds / 4); /* the texts fit the patterns often enough to tell */
}

/* Any bytes are compiled or refused, and what compiles runs. */
CRM_TEST(test_base_pattern__random_bytes_are_taken_or_refused)
{
    static const char *const parts[] = {
        "a",     "\u5f20", "(", ")",   "(?:",   "[",    "]", "[^", "-",   "|",
        "*",     "+",      "?", "{2}", "{0,3}", "{9,}", "{", "}",  "\\",  "\\d",
        "\\x41", "\\u{",   "^", "$",   ".",     "b",    "1", ",",  "\xff"};
    uint64_t seed = crmtest_seed();
    size_t good = 0;

    for (size_t i = 0; i < crmtest_rounds(60000, 2000000); i++) {
        text t = {{0}, 0};
        crm__pattern *pat;
        const char *why;
        size_t at;
        for (size_t count = crmtest_below(&seed, 14); count; count--)
            add(&t, parts[crmtest_below(&seed, 29)]);
        if (crm__pattern_compile(NULL, t.s, t.n, &pat, &why, &at) != CRM_OK) {
            EXPECT(!pat && why && at <= t.n);
            continue;
        }
        good++;
        crm__pattern_match(pat, t.s, t.n);
        crm__pattern_match(pat, "aab1\u5f20", 7);
        crm__pattern_free(pat);
    }
    EXPECT(good > 1000);
}

/* ---- memory ---- */

typedef struct failing {
    int left; /* allocations that still work */
    int live;
} failing;

static void *failing_alloc(size_t n, void *ctx)
{
    failing *f = ctx;

    if (f->left-- <= 0)
        return NULL;
    f->live++;
    return malloc(n);
}

static void *failing_realloc(void *p, size_t n, void *ctx)
{
    failing *f = ctx;

    if (f->left-- <= 0)
        return NULL;
    f->live += p == NULL;
    return realloc(p, n);
}

static void failing_free(void *p, void *ctx)
{
    failing *f = ctx;

    f->live -= p != NULL;
    free(p);
}

CRM_TEST(test_base_pattern__out_of_memory_at_each_allocation)
{
    const char *p = "([a-z\u4e00-\u9fff]{2,40}|\\d{1,200}|[^x]+)*";
    int rc = CRM_ENOMEM, round = 0;

    for (; rc != CRM_OK; round++) {
        failing f = {round, 0};
        crm_allocator mem = {sizeof mem, failing_alloc, failing_realloc, failing_free, &f};
        crm__pattern *pat;
        const char *why;
        rc = crm__pattern_compile(&mem, p, strlen(p), &pat, &why, NULL);
        ck_assert(rc == CRM_OK || (rc == CRM_ENOMEM && !pat && why));
        ck_assert_int_eq(f.live, rc == CRM_OK);
        if (rc == CRM_OK)
            ck_assert_int_eq(crm__pattern_match(pat, "ab12", 4), 1);
        crm__pattern_free(pat);
        ck_assert_int_eq(f.live, 0);
    }
    ck_assert_int_ge(round, 5);
}
