/* SPDX-License-Identifier: MIT
 * Stored sets in place against the same sets loaded into words; damaged ones stay within bounds.
 */
#include "base/bytes.h"
#include "bits/kernel.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdlib.h>

enum { ROWS = 65536, HEAD = 4 };

typedef struct set {
    uint64_t words[CRM__SET_WORDS];
    uint8_t *block; /* of just the size, 2-byte aligned at most */
    crm__set_view view;
} set;

static void fill_run(uint64_t *words, uint32_t from, uint32_t n)
{
    for (uint32_t i = from; i < from + n && i < ROWS; i++)
        crm__set_put(words, i, 1);
}

/* Never empty; of all three forms, at all sizes. */
static void random_words(uint64_t *seed, uint64_t *words)
{
    memset(words, 0, CRM__SET_WORDS * sizeof *words);
    switch (crmtest_below(seed, 5)) {
    case 0: /* a few rows */
        for (uint64_t n = 1 + crmtest_below(seed, 300); n > 0; n--)
            crm__set_put(words, (uint32_t)crmtest_below(seed, ROWS), 1);
        break;
    case 1: /* many */
        for (uint64_t n = 300 + crmtest_below(seed, 3600); n > 0; n--)
            crm__set_put(words, (uint32_t)crmtest_below(seed, ROWS), 1);
        break;
    case 2: /* runs */
        for (uint64_t n = 1 + crmtest_below(seed, 60); n > 0; n--)
            fill_run(words, (uint32_t)crmtest_below(seed, ROWS),
                     1 + (uint32_t)crmtest_below(seed, 3000));
        break;
    case 3: /* all, or nearly */
        memset(words, 0xff, CRM__SET_WORDS * sizeof *words);
        for (uint64_t n = crmtest_below(seed, 3); n > 0; n--)
            crm__set_put(words, (uint32_t)crmtest_below(seed, ROWS), 0);
        break;
    default:
        for (int i = 0; i < CRM__SET_WORDS; i++)
            words[i] = crmtest_rand(seed);
    }
    crm__set_put(words, crmtest_below(seed, 2) ? 0 : ROWS - 1, 1);
}

static void keep(set *s, crm__slice stored)
{
    s->block = malloc(stored.n + 2);
    ck_assert_ptr_nonnull(s->block);
    memcpy(s->block + 2, stored.p, stored.n);
}

static void make(set *s)
{
    crm__buf out;

    crm__buf_init(&out, NULL);
    crm__set_store(s->words, &out);
    keep(s, (crm__slice){out.p, out.n});
    ck_assert_int_eq(crm__set_open((crm__slice){s->block + 2, out.n}, &s->view), CRM_OK);
    ck_assert_uint_eq(s->view.rows, crm__set_count(s->words));
    crm__buf_clear(&out);
}

static uint32_t count_common(const uint64_t *a, const uint64_t *b, const uint64_t *c)
{
    uint32_t n = 0;

    for (int i = 0; i < CRM__SET_WORDS; i++)
        n += (uint32_t)__builtin_popcountll(a[i] & b[i] & c[i]);
    return n;
}

static set s[3];
static uint64_t got[CRM__SET_WORDS], want[CRM__SET_WORDS];

static void check_into(const set *a, const uint64_t *words)
{
    memcpy(got, words, sizeof got);
    crm__set_and(&a->view, got);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        want[i] = words[i] & a->words[i];
    ck_assert_mem_eq(got, want, sizeof got);
    memcpy(got, words, sizeof got);
    crm__set_or(&a->view, got);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        want[i] = words[i] | a->words[i];
    ck_assert_mem_eq(got, want, sizeof got);
    memcpy(got, words, sizeof got);
    crm__set_andnot(&a->view, got);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        want[i] = words[i] & ~a->words[i];
    ck_assert_mem_eq(got, want, sizeof got);
    crm__set_copy(&a->view, got);
    ck_assert_mem_eq(got, a->words, sizeof got);
}

static void check_has(const set *a, uint64_t *seed)
{
    int differ = crm__set_view_has(&a->view, ROWS) || crm__set_view_has(&a->view, UINT32_MAX);

    for (int i = 0; i < 300; i++) {
        uint32_t row = (uint32_t)crmtest_below(seed, ROWS);
        differ |= crm__set_view_has(&a->view, row) != crm__set_has(a->words, row);
    }
    for (int32_t row = crm__set_next(a->words, 0), n = 0; row >= 0 && n < 200;
         row = crm__set_next(a->words, (uint32_t)row + 1), n++)
        differ |= !crm__set_view_has(&a->view, (uint32_t)row);
    ck_assert(!differ);
}

/* An array as a list, and what is left of rows, in any order, in another set. */
static void check_list(const set *a, const set *b, uint64_t *seed)
{
    static uint16_t rows[CRM__SET_ARRAY_MOST + 1], from[CRM__SET_ARRAY_MOST];
    uint32_t n = 0, left, at = 0;

    if (crm__set_list(&a->view, rows, &n)) {
        ck_assert_uint_eq(n, a->view.rows);
        for (uint32_t i = 0; i < n; i++)
            ck_assert(crm__set_has(a->words, rows[i]) && (!i || rows[i] > rows[i - 1]));
    } else {
        ck_assert_uint_ne(a->view.form, 0);
        for (n = 0; n < 500; n++)
            rows[n] = (uint16_t)crmtest_rand(seed);
    }
    memcpy(from, rows, n * sizeof *rows);
    rows[n] = 0x5a5a;
    left = crm__set_keep_rows(&b->view, rows, n);
    ck_assert_uint_eq(rows[n], 0x5a5a);
    for (uint32_t i = 0; i < n; i++) {
        if (crm__set_has(b->words, from[i]))
            ck_assert(at < left && rows[at++] == from[i]);
    }
    ck_assert_uint_eq(at, left);
}

CRM_TEST(test_bits_set_view__random)
{
    uint64_t seed = crmtest_seed();

    for (size_t round = crmtest_rounds(200, 10000); round > 0; round--) {
        for (int i = 0; i < 3; i++) {
            random_words(&seed, s[i].words);
            make(&s[i]);
        }
        check_into(&s[0], s[1].words);
        check_has(&s[0], &seed);
        check_list(&s[0], &s[1], &seed);
        ck_assert_uint_eq(crm__set_and_count(&s[0].view, s[1].words),
                          count_common(s[0].words, s[1].words, s[1].words));
        ck_assert_uint_eq(crm__set_pair_count(&s[0].view, &s[1].view),
                          count_common(s[0].words, s[1].words, s[1].words));
        ck_assert_uint_eq(crm__set_triple_count(&s[0].view, &s[1].view, &s[2].view),
                          count_common(s[0].words, s[1].words, s[2].words));
        for (int i = 0; i < 3; i++)
            free(s[i].block);
    }
}

/* Every pair of forms in both orders, at the ends of words and of the chunk. */
CRM_TEST(test_bits_set_view__edges)
{
    static const uint32_t EDGE[] = {0, 1, 63, 64, 127, 128, 4095, 65471, 65472, 65534, 65535};
    enum { EDGES = sizeof EDGE / sizeof *EDGE };

    for (int i = 0; i < EDGES; i++) {
        for (int k = i; k < EDGES; k++) {
            for (int j = 0; j < 3; j++)
                memset(s[j].words, 0, sizeof s[j].words);
            fill_run(s[0].words, EDGE[i], EDGE[k] - EDGE[i] + 1); /* a run */
            crm__set_put(s[1].words, EDGE[i], 1);                 /* an array of two */
            crm__set_put(s[1].words, EDGE[k], 1);
            for (uint32_t r = EDGE[i]; r <= EDGE[k]; r += 2) /* perhaps a bitmap */
                crm__set_put(s[2].words, r, 1);
            for (int j = 0; j < 3; j++)
                make(&s[j]);
            for (int a = 0; a < 3; a++) {
                for (int b = 0; b < 3; b++) {
                    check_into(&s[a], s[b].words);
                    ck_assert_uint_eq(crm__set_pair_count(&s[a].view, &s[b].view),
                                      count_common(s[a].words, s[b].words, s[b].words));
                }
            }
            for (int j = 0; j < 3; j++)
                free(s[j].block);
        }
    }
}

/* Rows out of order, runs beyond the end: nothing is read or written outside, and what is counted
 * is at most what there is. */
static void use_all(const crm__set_view *v, const uint64_t *words)
{
    memcpy(got, words, sizeof got);
    crm__set_and(v, got);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        ck_assert(!(got[i] & ~words[i]));
    crm__set_or(v, got);
    crm__set_andnot(v, got);
    crm__set_copy(v, got);
    (void)crm__set_and_count(v, words);
    for (int i = 0; i < 3; i++) {
        (void)crm__set_pair_count(v, &s[i].view);
        (void)crm__set_pair_count(&s[i].view, v);
        (void)crm__set_triple_count(v, &s[i].view, &s[(i + 1) % 3].view);
    }
    (void)crm__set_pair_count(v, v);
    for (uint32_t row = 0; row < ROWS; row += 257)
        (void)crm__set_view_has(v, row);
}

CRM_TEST(test_bits_set_view__damaged_bytes)
{
    static const size_t SIZES[] = {1, 2, 4, 100, 2000, 4096};
    uint64_t seed = crmtest_seed();
    size_t opened = 0;

    for (int i = 0; i < 3; i++) {
        do {
            random_words(&seed, s[i].words);
            make(&s[i]);
        } while (s[i].view.form != i);
    }
    for (size_t round = crmtest_rounds(400, 20000); round > 0; round--) {
        size_t n = SIZES[crmtest_below(&seed, 6)], form = crmtest_below(&seed, 3);
        size_t size = form == 1 ? 8192 : form == 0 ? 2 * n : 4 * (n < 2048 ? n : 2048);
        set bad;
        uint8_t *p = malloc(HEAD + size);
        for (size_t i = 0; i < size; i++)
            p[HEAD + i] = (uint8_t)crmtest_rand(&seed);
        p[0] = (uint8_t)form;
        p[1] = 0;
        crm__put_le16(p + 2, (uint16_t)(form == 0 ? n - 1 : crmtest_rand(&seed)));
        keep(&bad, (crm__slice){p, HEAD + size});
        free(p);
        if (crm__set_open((crm__slice){bad.block + 2, HEAD + size}, &bad.view) == CRM_OK) {
            use_all(&bad.view, s[crmtest_below(&seed, 3)].words);
            opened++;
        }
        free(bad.block);
    }
    ck_assert_uint_gt(opened, 0);
    for (int i = 0; i < 3; i++)
        free(s[i].block);
}

CRM_TEST(test_bits_set_view__sizes)
{
    uint8_t p[HEAD + 8192 + 4] = {0};
    crm__set_view v;

    for (unsigned form = 0; form < 5; form++) {
        p[0] = (uint8_t)form;
        for (size_t n = 0; n <= sizeof p; n++) {
            size_t data = n - HEAD;
            for (unsigned rows = 1; rows < 6; rows++) {
                int sound =
                    n >= HEAD && ((form == 0 && data == rows * 2) || (form == 1 && data == 8192) ||
                                  (form == 2 && data && data % 4 == 0 && data <= 8192));
                p[2] = (uint8_t)(rows - 1);
                if (n > 40 && n < HEAD + 8192 - 4)
                    continue;
                ck_assert_int_eq(crm__set_open((crm__slice){p, n}, &v),
                                 sound ? CRM_OK : CRM_ECORRUPT);
            }
        }
    }
    p[0] = 0;
    p[1] = 1; /* a flag */
    p[2] = 0;
    ck_assert_int_eq(crm__set_open((crm__slice){p, HEAD + 2}, &v), CRM_ECORRUPT);
}
