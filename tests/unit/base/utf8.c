/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* For loops of millions: ck_assert writes a line for each that passes. */
#define EXPECT(x)                                                                                  \
    do {                                                                                           \
        if (!(x))                                                                                  \
            ck_abort_msg("not so: %s", #x);                                                        \
    } while (0)

/* ---- check and walk ---- */

/* Decodes by arithmetic and asks whether the code point would be written so: an oracle that knows
 * nothing of the ranges of second bytes. */
static size_t sequence_oracle(const uint8_t *p, size_t left)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t c = p[0], least[5] = {0, 0, 0x80, 0x800, 0x10000};

    if (len == 0 || p[0] >= 0xf8 || left < len)
        return 0;
    if (len > 1)
        c &= 0x7fu >> len;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    return c >= least[len] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? len : 0;
}

static size_t valid_oracle(const uint8_t *p, size_t n)
{
    size_t i = 0, len;

    for (; i < n && (len = sequence_oracle(p + i, n - i)) > 0; i += len)
        ;
    return i;
}

static void compare_valid(const uint8_t *p, size_t n)
{
    size_t got = crm__utf8_valid((const char *)p, n), want = valid_oracle(p, n);

    if (got != want)
        ck_abort_msg("%02x %02x %02x n %zu: got %zu, want %zu", p[0], p[1], p[2], n, got, want);
}

CRM_TEST(test_base_utf8__valid_for_all_short_sequences)
{
    uint8_t p[5] = {0, 0, 0, 0x80, 0x41};
    unsigned step = crmtest_rounds(1, 2) == 2 ? 1 : 3;

    for (unsigned v = 0; v < 0x1000000; v += step) {
        p[0] = (uint8_t)(v >> 16);
        p[1] = (uint8_t)(v >> 8);
        p[2] = (uint8_t)v;
        compare_valid(p, 3);
        if (p[0] >= 0xe0)
            compare_valid(p, 5);
    }
    ck_assert_uint_eq(crm__utf8_valid(NULL, 0), 0);
}

CRM_TEST(test_base_utf8__all_code_points_round_trip)
{
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        char t[5];
        const char *p = t;
        size_t n;
        if (c == 0xd800)
            c = 0xe000;
        n = crm__utf8_put(c, t);
        EXPECT(crm__utf8_valid(t, n) == n);
        EXPECT(crm__utf8_next(&p, t + n) == c);
        EXPECT(p == t + n);
        EXPECT(crm__utf8_count(t, n) == 1);
        for (size_t cut = 1; cut < n; cut++)
            EXPECT(crm__utf8_valid(t, cut) == 0);
    }
}

CRM_TEST(test_base_utf8__first_fault_at_any_place)
{
    static const char *const faults[] = {
        "\x80",         "\xc0\x80",         "\xc1\xbf",         "\xed\xa0\x80",     "\xed\xbf\xbf",
        "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
        "\xe4\xb8"};
    char text[128];

    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
        for (size_t at = 0; at < 40; at++) {
            size_t n = strlen(faults[f]);
            memset(text, 'a', sizeof text);
            memcpy(text + at, faults[f], n);
            ck_assert_uint_eq(crm__utf8_valid(text, 64), at);
            ck_assert_uint_eq(crm__utf8_valid(text, at + n), at);
            ck_assert_uint_eq(crm__utf8_valid(text, at), at);
        }
    }
}

static size_t random_bytes(uint64_t *seed, uint8_t *p, size_t max)
{
    size_t n = crmtest_below(seed, max - 4), i = 0;

    while (i < n) {
        uint64_t x = crmtest_rand(seed);
        if (x % 8 == 0)
            p[i++] = (uint8_t)(x >> 8);
        else if (x % 8 < 4)
            p[i++] = (uint8_t)(x >> 8 & 0x7f);
        else
            i += crm__utf8_put((uint32_t)(x >> 8) % 0xd800, (char *)p + i);
    }
    return i;
}

CRM_TEST(test_base_utf8__random_bytes_as_the_oracle)
{
    uint64_t seed = crmtest_seed();
    uint8_t p[80] = {0};

    for (size_t i = 0; i < crmtest_rounds(100000, 3000000); i++) {
        size_t n = random_bytes(&seed, p, sizeof p), ok, count = 0;
        const char *at = (const char *)p;
        compare_valid(p, n);
        ok = crm__utf8_valid((const char *)p, n);
        while (at < (const char *)p + ok) {
            crm__utf8_next(&at, (const char *)p + ok);
            count++;
        }
        EXPECT(crm__utf8_count((const char *)p, ok) == count);
    }
}

/* ---- fold ---- */

static const char *folded(const char *s, size_t n)
{
    static char out[4][65536];
    static unsigned turn;
    char *t = out[turn++ % 4];
    size_t len;

    EXPECT(crm__utf8_fold(s, n, t, sizeof out[0] - 1, &len) == CRM_OK);
    EXPECT(crm__utf8_valid(t, len) == len);
    t[len] = 0;
    return t;
}

static void check_fold(const char *in, const char *want)
{
    ck_assert_str_eq(folded(in, strlen(in)), want);
    ck_assert_str_eq(folded(want, strlen(want)), want);
}

CRM_TEST(test_base_utf8__fold_by_example)
{
    check_fold("", "");
    check_fold("   ", "");
    check_fold("  Anna \t\n Maria  ", "anna maria");
    check_fold("A\x01"
               "B\x7f"
               "C",
               "abc");
    check_fold("Stra\u00dfe", "strasse");
    check_fold("\u1e9e", "ss");
    check_fold("\uff21\uff22\uff23\u3000\uff11\uff12", "abc 12"); /* fullwidth */
    check_fold("\u5f20\u4f1f", "\u5f20\u4f1f");
    check_fold("\u3000\u5f20 \u4f1f\u3000", "\u5f20 \u4f1f");
    check_fold("\ufeffx\u200by", "xy");
    check_fold("e\u0301", "\u00e9");
    check_fold("E\x01\u0301", "\u00e9"); /* a control does not part a letter from its accent */
    check_fold("E\u200d\u0301", "\u00e9");
    check_fold("\u2121", "tel");
    check_fold("\ufb01n", "fin");
    check_fold("\u0130", "i\u0307");
    check_fold("\u03a3\u03c2", "\u03c3\u03c3");
    check_fold("\uff76\uff9e", "\u30ac"); /* halfwidth kana */
    check_fold("\u1100\u1161\u11a8", "\uac01");
    check_fold("\uac00\u11a8", "\uac01");
    check_fold("\u00a8", "\u0308"); /* a space with a diaeresis, trimmed */
    check_fold("a\u00a8", "a \u0308");
    check_fold("\u03b1\u0345\u0301", "\u03ac\u03b9");
    check_fold("\u1fb4", "\u03ac\u03b9");
    check_fold("\u1fb3\u0301", "\u03ac\u03b9");
    check_fold("a\u0315\u0300\u05aeb", "\u00e0\u05ae\u0315b");
    check_fold("a\u2028b\xc2\x85"
               "c",
               "a b c");
    check_fold("\ufdfa", "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 "
                         "\u0639\u0644\u064a\u0647 \u0648\u0633\u0644\u0645");
}

/* Two trips through utf8proc's functions for whole texts, decomposition and then case folding with
 * composition; white space is done here. */
static char *fold_oracle(const char *s)
{
    utf8proc_uint8_t *a, *b;
    const char *p, *end;
    char *out, *to;
    int gap = 0;

    utf8proc_map((const utf8proc_uint8_t *)s, 0, &a,
                 UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT |
                     UTF8PROC_IGNORE);
    EXPECT(a);
    utf8proc_map(a, 0, &b,
                 UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                     UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    EXPECT(b);
    p = (const char *)b;
    end = p + strlen(p);
    out = to = malloc(strlen(p) + 1);
    while (p < end) {
        uint32_t c = crm__utf8_next(&p, end);
        if (crm__utf8_is_space(c)) {
            gap = 1;
            continue;
        }
        if (gap && to > out)
            *to++ = ' ';
        gap = 0;
        to += crm__utf8_put(c, to);
    }
    *to = 0;
    free(a);
    free(b);
    return out;
}

/* What the oracle can judge: no controls (it keeps them) and no code point it does not know. */
static int oracle_knows(uint32_t c)
{
    utf8proc_category_t cat = utf8proc_category((utf8proc_int32_t)c);

    return cat != UTF8PROC_CATEGORY_CC && cat != UTF8PROC_CATEGORY_CN &&
           cat != UTF8PROC_CATEGORY_CS;
}

static void compare_fold(const char *s)
{
    const char *got = folded(s, strlen(s)), *again;
    char *want = fold_oracle(s);

    if (strcmp(got, want) != 0)
        ck_abort_msg("fold of \"%s\" is \"%s\", want \"%s\"", s, got, want);
    again = folded(got, strlen(got));
    if (strcmp(got, again) != 0)
        ck_abort_msg("fold of \"%s\" is \"%s\" and then \"%s\"", s, got, again);
    free(want);
}

CRM_TEST(test_base_utf8__fold_of_every_code_point)
{
    uint32_t step = crmtest_stride(29);

    for (uint32_t c = 1; c <= 0x10ffff; c += step) {
        char t[16];
        const char *once;
        size_t n;
        if (c >= 0xd800 && c < 0xe000)
            c = 0xe000;
        n = crm__utf8_put(c, t);
        t[n] = 0;
        once = folded(t, n);
        EXPECT(strcmp(folded(once, strlen(once)), once) == 0);
        if (!oracle_knows(c))
            continue;
        compare_fold(t);
        n = crm__utf8_put('a', t);
        n += crm__utf8_put(c, t + n);
        n += crm__utf8_put(0x301, t + n);
        t[n] = 0;
        compare_fold(t);
    }
}

/* Characters that combine, order, expand, vanish or fold. */
static uint32_t random_character(uint64_t *seed)
{
    static const uint32_t odd[] = {
        'a',     'E',     'i',     'z',     ' ',     0x300,   0x301,  0x308,  0x315,  0x323,
        0x327,   0x344,   0x345,   0x34f,   0x5ae,   0x5b0,   0x130,  0x131,  0xdf,   0x149,
        0x1f0,   0x390,   0x3b1,   0x3c9,   0x399,   0x1fb3,  0x1fb4, 0x1fee, 0x2126, 0x212b,
        0x1100,  0x1161,  0x11a8,  0xac00,  0xac01,  0x115f,  0x1160, 0x3164, 0xffa0, 0xfdfa,
        0xfb01,  0x9c7,   0x9be,   0xb47,   0xb3e,   0xb56,   0xbc6,  0xbbe,  0xdd9,  0xdcf,
        0xdca,   0x1025,  0x102e,  0x1b05,  0x1b35,  0x3000,  0x200b, 0x200d, 0xfe0f, 0xfeff,
        0xad,    0xa8,    0xb4,    0x4e00,  0x9fff,  0xf900,  0x3099, 0x304b, 0xff76, 0xff9e,
        0x1d15e, 0x11099, 0x110ba, 0x1d173, 0x10400, 0x1e900, 0x13a0, 0xab70, 0x587,  0x1e9e,
        0xf73,   0xf71,   0xf72,   0x2028,  0x1680,  0x180e};
    uint64_t x = crmtest_rand(seed);
    uint32_t c;

    if (x % 8 != 0)
        return odd[(x >> 8) % (sizeof odd / sizeof odd[0])];
    do {
        c = (uint32_t)crmtest_below(seed, x & 8 ? 0x3000 : 0x1f000);
    } while (!oracle_knows(c));
    return c;
}

CRM_TEST(test_base_utf8__fold_of_random_text_as_the_oracle_and_idempotent)
{
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(60000, 2000000); i++) {
        char t[128];
        size_t n = 0, count = 1 + crmtest_below(&seed, 12);
        while (count--)
            n += crm__utf8_put(random_character(&seed), t + n);
        t[n] = 0;
        compare_fold(t);
    }
}

CRM_TEST(test_base_utf8__fold_of_any_valid_bytes_is_idempotent_and_equal_for_equivalents)
{
    uint64_t seed = crmtest_seed();
    uint8_t p[80];

    for (size_t i = 0; i < crmtest_rounds(60000, 2000000); i++) {
        size_t n = random_bytes(&seed, p, sizeof p - 1), len;
        utf8proc_uint8_t *nfc;
        const char *once;
        char out[2000];
        if (crm__utf8_valid((const char *)p, n) != n) {
            EXPECT(crm__utf8_fold((const char *)p, n, out, sizeof out, &len) == CRM_EINVAL);
            EXPECT(len == 0);
            continue;
        }
        once = folded((const char *)p, n);
        EXPECT(strcmp(folded(once, strlen(once)), once) == 0);
        p[n] = 0;
        if (strlen((const char *)p) != n)
            continue;
        nfc = utf8proc_NFC(p);
        EXPECT(strcmp(folded((const char *)nfc, strlen((const char *)nfc)), once) == 0);
        free(nfc);
    }
}

static void check_fold_caps(const char *s)
{
    char out[512], want[512];
    size_t n = strlen(s), len, full;

    EXPECT(crm__utf8_fold(s, n, want, sizeof want, &full) == CRM_OK);
    for (size_t cap = 0; cap < full; cap++) {
        memset(out, 0x55, sizeof out);
        EXPECT(crm__utf8_fold(s, n, out, cap, &len) == CRM_EVALUE);
        EXPECT(len == 0);
        EXPECT(out[cap] == 0x55);
    }
    EXPECT(crm__utf8_fold(s, n, out, full, &len) == CRM_OK);
    EXPECT(len == full);
    ck_assert_mem_eq(out, want, full);
    EXPECT(out[full] == 0x55);
}

CRM_TEST(test_base_utf8__fold_stops_at_the_capacity)
{
    check_fold_caps("  Anna  Maria ");
    check_fold_caps("M\u00fcller \u5f20\u4f1f  \ufdfa e\u0301\u0323 ");
}

/* 4,096 bytes always fold, whatever they are. */
CRM_TEST(test_base_utf8__fold_of_long_runs)
{
    static const uint32_t units[] = {0x344, 0x301,  0x315,  0x345, 0xfdfa, 0x1d15e,
                                     0xdf,  0x4e00, 0xac01, 0x9cb, 0xf73,  0xe01};
    static char t[5000];

    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        size_t n = 0, k = 0;
        t[n++] = 'A';
        while (n + 4 <= 4096)
            n += crm__utf8_put(units[k++ % 7 == 6 ? (u + 1) % 12 : u], t + n);
        t[n] = 0;
        compare_fold(t);
        n = 0;
        while (n + 4 <= 4096)
            n += crm__utf8_put(units[u], t + n);
        t[n] = 0;
        compare_fold(t);
    }
}

CRM_TEST(test_base_utf8__fold_refuses_an_endless_combining_sequence)
{
    static char t[20000], out[60000];
    size_t n = 0, len;

    while (n + 2 <= sizeof t)
        n += crm__utf8_put(0x301, t + n);
    ck_assert_int_eq(crm__utf8_fold(t, n, out, sizeof out, &len), CRM_EVALUE);
    /* A long text without one folds at any length. */
    n = 0;
    while (n + 3 <= sizeof t)
        n += crm__utf8_put(0xe01, t + n);
    ck_assert_int_eq(crm__utf8_fold(t, n, out, sizeof out, &len), CRM_OK);
    ck_assert_uint_eq(len, n);
}

/* Whatever the tables compose must not be cut apart before its second half. */
CRM_TEST(test_base_utf8__fold_composes_all_that_composes)
{
    uint32_t step = crmtest_stride(29);

    for (uint32_t c = 0xc0; c <= 0x10ffff; c += step) {
        char t[8] = {0};
        utf8proc_uint8_t *nfd, *nfc;
        const char *a;
        if (c >= 0xd800 && c < 0xe000)
            c = 0xe000;
        crm__utf8_put(c, t);
        nfd = utf8proc_NFD((const utf8proc_uint8_t *)t);
        nfc = utf8proc_NFC(nfd);
        a = folded((const char *)nfc, strlen((const char *)nfc));
        EXPECT(strcmp(folded((const char *)nfd, strlen((const char *)nfd)), a) == 0);
        free(nfd);
        free(nfc);
    }
}

/* ---- trim, controls ---- */

static void check_trim(const char *in, const char *want)
{
    const char *s = in;
    size_t n = strlen(in);
    int changed = crm__utf8_trim(&s, &n);

    ck_assert_uint_eq(n, strlen(want));
    ck_assert_mem_eq(s, want, n);
    ck_assert_int_eq(changed, n != strlen(in));
}

CRM_TEST(test_base_utf8__trim_by_example)
{
    const char *s = NULL;
    size_t n = 0;

    check_trim("", "");
    check_trim("a", "a");
    check_trim(" \t\r\n\v\f", "");
    check_trim("\u3000\ufeff\u00a0 a b\u3000c \u2003\u3000\ufeff", "a b\u3000c");
    check_trim("\u5f20\u4f1f\u3000", "\u5f20\u4f1f");
    check_trim("\u3000", "");
    check_trim("\U0001f600 ", "\U0001f600");
    check_trim("\u200b", "\u200b"); /* not white space */
    ck_assert_int_eq(crm__utf8_trim(&s, &n), 0);
}

CRM_TEST(test_base_utf8__control_characters_are_seen)
{
    for (uint32_t c = 0; c < 0x300; c++) {
        char t[32];
        size_t n;
        int want = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0);
        for (size_t at = 0; at < 20; at++) {
            memset(t, 'a', sizeof t);
            n = at + crm__utf8_put(c, t + at);
            ck_assert_int_eq(crm__utf8_has_control(t, n), want);
            ck_assert_int_eq(crm__utf8_has_control(t, n + 3), want);
        }
    }
    ck_assert_int_eq(crm__utf8_has_control(NULL, 0), 0);
    ck_assert_int_eq(crm__utf8_has_control("\u5f20\u4f1f\u00c2", 8), 0);
}

/* ---- nearest word ---- */

static size_t distance_oracle(const char *a, size_t n, const char *b, size_t m)
{
    size_t best, d;

    if (n == 0 || m == 0)
        return n + m;
    best = distance_oracle(a, n - 1, b, m - 1) + (a[n - 1] != b[m - 1]);
    d = distance_oracle(a, n - 1, b, m) + 1;
    best = d < best ? d : best;
    d = distance_oracle(a, n, b, m - 1) + 1;
    best = d < best ? d : best;
    if (n > 1 && m > 1 && a[n - 1] == b[m - 2] && a[n - 2] == b[m - 1]) {
        d = distance_oracle(a, n - 2, b, m - 2) + 1;
        best = d < best ? d : best;
    }
    return best;
}

CRM_TEST(test_base_utf8__near_by_example)
{
    static const char *const list[] = {"phone", "email",        "birthday",
                                       "name",  "\u59d3\u540d", "stra\u00dfe"};
    size_t best = 99;

    ck_assert_uint_eq(crm__near("emial", 5, list, 6, &best), 1);
    ck_assert_uint_eq(best, 1);
    ck_assert_uint_eq(crm__near("BIRTHDAI", 8, list, 6, &best), 1);
    ck_assert_uint_eq(best, 2);
    ck_assert_uint_eq(crm__near("brthdy", 6, list, 6, &best), 2);
    ck_assert_uint_eq(best, 2);
    ck_assert_uint_eq(crm__near("Name", 4, list, 6, &best), 0);
    ck_assert_uint_eq(best, 3);
    ck_assert_uint_eq(crm__near("\u59d3\u6c0f", 6, list, 6, &best), 1);
    ck_assert_uint_eq(best, 4);
    ck_assert_uint_eq(crm__near("STRASE", 6, list, 6, &best), 1);
    ck_assert_uint_eq(best, 5);
    best = 99;
    ck_assert_uint_eq(crm__near("quarterly", 9, list, 6, &best), SIZE_MAX);
    ck_assert_uint_eq(crm__near("", 0, list, 6, &best), SIZE_MAX);
    ck_assert_uint_eq(crm__near("\xff", 1, list, 6, &best), SIZE_MAX);
    ck_assert_uint_eq(crm__near("name", 4, list, 0, &best), SIZE_MAX);
    ck_assert_uint_eq(best, 99);
}

CRM_TEST(test_base_utf8__near_of_random_words_as_the_oracle)
{
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(3000, 50000); i++) {
        char word[3][8];
        const char *list[2] = {word[1], word[2]};
        size_t n[3], d[2], limit, want = SIZE_MAX, best = 7, want_best = 7;
        for (int w = 0; w < 3; w++) {
            n[w] = crmtest_below(&seed, 7);
            for (size_t j = 0; j < n[w]; j++)
                word[w][j] = (char)('a' + crmtest_below(&seed, 3));
            word[w][n[w]] = 0;
        }
        limit = n[0] / 3 > 1 ? n[0] / 3 : 1;
        for (int w = 0; w < 2 && n[0]; w++) {
            d[w] = distance_oracle(word[0], n[0], word[w + 1], n[w + 1]);
            /* Words of which nothing is alike are not near. */
            if (d[w] <= limit && d[w] < want && d[w] < n[0] && d[w] < n[w + 1]) {
                want = d[w];
                want_best = (size_t)w;
            }
        }
        EXPECT(crm__near(word[0], n[0], list, 2, &best) == want);
        EXPECT(best == want_best);
    }
}

CRM_TEST(test_base_utf8__near_bounds_long_words)
{
    static char text[4000];
    const char *list[1] = {text};
    size_t best = 0;

    memset(text, 'a', sizeof text - 1);
    ck_assert_uint_eq(crm__near("aaaa", 4, list, 1, &best), SIZE_MAX);
    ck_assert_uint_eq(crm__near(text, sizeof text - 1, list, 1, &best), SIZE_MAX);
    text[64] = 0;
    ck_assert_uint_eq(crm__near(text, 64, list, 1, &best), 0);
    ck_assert_uint_eq(crm__near(text, 50, list, 1, &best), 14);
}
