/* SPDX-License-Identifier: MIT
 * Set containers against a plain array of booleans.
 */
#include "base/bytes.h"
#include "codec/key.h"
#include "bits/set.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 65536, HEAD = 4 };

static unsigned char plain[ROWS];
static uint64_t words[CRM__SET_WORDS], loaded[CRM__SET_WORDS];

static void fill(int from, int to, int on)
{
    for (int i = from; i < to; i++)
        plain[i] = (unsigned char)on;
}

static void to_words(void)
{
    memset(words, 0, sizeof words);
    for (uint32_t i = 0; i < ROWS; i++)
        crm__set_put(words, i, plain[i]);
}

/* The least any of the three forms would need. */
static size_t smallest(uint32_t *rows)
{
    size_t runs = 0, n = 0, best;

    for (int i = 0; i < ROWS; i++) {
        n += plain[i];
        runs += plain[i] && (i == 0 || !plain[i - 1]);
    }
    *rows = (uint32_t)n;
    best = n * 2 < runs * 4 ? n * 2 : runs * 4;
    return HEAD + (best < 8192 ? best : 8192);
}

/* Stores what plain says and checks size, form and that it comes back. */
static void round_trip(void)
{
    crm__buf out;
    uint32_t rows;
    size_t want = smallest(&rows);

    to_words();
    crm__buf_init(&out, NULL);
    crm__buf_add_str(&out, "front"); /* stored forms need no alignment */
    crm__set_store(words, &out);
    ck_assert(!out.failed);
    ck_assert_uint_eq(crm__set_count(words), rows);
    if (!rows) {
        ck_assert_uint_eq(out.n, 5);
        crm__buf_clear(&out);
        return;
    }
    ck_assert_uint_eq(out.n - 5, want);
    memset(loaded, 0, sizeof loaded);
    ck_assert_int_eq(crm__set_load((crm__slice){out.p + 5, out.n - 5}, loaded), CRM_OK);
    ck_assert(memcmp(loaded, words, sizeof words) == 0);
    crm__buf_clear(&out);
}

CRM_TEST(test_bits_set__boundaries)
{
    static const int EDGE[] = {0,    1,    62,    63,    64,    65,    127,  128,
                               4095, 4096, 32767, 65471, 65472, 65534, 65535};
    enum { EDGES = sizeof EDGE / sizeof EDGE[0] };

    fill(0, ROWS, 0);
    round_trip();
    fill(0, ROWS, 1);
    round_trip();
    for (int i = 0; i < EDGES; i++) {
        fill(0, ROWS, 0);
        plain[EDGE[i]] = 1; /* alone */
        round_trip();
        fill(0, ROWS, 1);
        plain[EDGE[i]] = 0; /* the only one missing */
        round_trip();
        for (int k = i; k < EDGES; k++) {
            fill(0, ROWS, 0);
            fill(EDGE[i], EDGE[k] + 1, 1); /* a run */
            round_trip();
            fill(0, ROWS, 1);
            fill(EDGE[i], EDGE[k] + 1, 0);
            round_trip();
        }
    }
}

/* Around the sizes where one form becomes smaller than another. */
CRM_TEST(test_bits_set__forms_change_where_they_should)
{
    for (int n = 4090; n <= 4100; n++) { /* scattered rows: array or bitmap */
        fill(0, ROWS, 0);
        for (int i = 0; i < n; i++)
            plain[i * 15 + 3] = 1;
        round_trip();
    }
    for (int n = 2040; n <= 2055; n++) { /* runs of three: runs or bitmap */
        fill(0, ROWS, 0);
        for (int i = 0; i < n; i++)
            fill(i * 30, i * 30 + 3, 1);
        round_trip();
    }
    for (int n = 1; n <= 6; n++) { /* short runs: runs or array */
        fill(0, ROWS, 0);
        for (int i = 0; i < 100; i++)
            fill(i * 50, i * 50 + 1 + (i < n * 17), 1);
        round_trip();
    }
}

static void random_rows(uint64_t *seed)
{
    uint64_t density = (uint64_t)1 << crmtest_below(seed, 17);

    switch (crmtest_below(seed, 3)) {
    case 0: /* single rows of some density */
        for (int i = 0; i < ROWS; i++)
            plain[i] = crmtest_below(seed, density) == 0;
        break;
    case 1: /* runs and gaps of some length */
        for (int i = 0, on = 0; i < ROWS; on = !on) {
            int n = 1 + (int)crmtest_below(seed, density);
            fill(i, i + n < ROWS ? i + n : ROWS, on);
            i += n;
        }
        break;
    default: /* few rows */
        fill(0, ROWS, 0);
        for (uint64_t n = crmtest_below(seed, 5000); n > 0; n--)
            plain[crmtest_below(seed, ROWS)] = 1;
    }
}

CRM_TEST(test_bits_set__random)
{
    uint64_t seed = crmtest_seed();

    for (size_t round = crmtest_rounds(300, 20000); round > 0; round--) {
        random_rows(&seed);
        round_trip();
    }
}

/* Switches a row as crm__set_patch() does and as taking the set apart does; gives whether the first
 * found that it can. */
static int switch_row(crm__buf *stored, uint32_t row, int on)
{
    crm__buf patched, whole;
    int made;

    plain[row] = (unsigned char)on;
    to_words();
    crm__buf_init(&patched, NULL);
    crm__buf_init(&whole, NULL);
    crm__set_store(words, &whole);
    made = crm__set_patch(crm__slice_of(stored->p, stored->n), row, on, &patched);
    ck_assert(!patched.failed && !whole.failed);
    ck_assert_uint_eq(patched.n, made ? whole.n : 0);
    if (patched.n)
        ck_assert_mem_eq(patched.p, whole.p, whole.n);
    stored->n = 0;
    crm__buf_add(stored, whole.p, whole.n);
    crm__buf_clear(&patched);
    crm__buf_clear(&whole);
    return made;
}

CRM_TEST(test_bits_set__a_row_switched_in_place)
{
    uint64_t seed = crmtest_seed();
    unsigned made = 0, others = 0;
    crm__buf stored;

    for (size_t round = crmtest_rounds(60, 3000); round > 0; round--) {
        random_rows(&seed);
        crm__buf_init(&stored, NULL);
        to_words();
        crm__set_store(words, &stored);
        for (int i = 0; i < 12; i++) {
            uint32_t row = (uint32_t)crmtest_below(&seed, ROWS), near = row ? row - 1 : 0;
            if (switch_row(&stored, crmtest_below(&seed, 3) ? row : near,
                           (int)crmtest_below(&seed, 2)))
                made++;
            else
                others++;
        }
        crm__buf_clear(&stored);
    }
    ck_assert_uint_gt(made, others);
}

/* From the first row to a bitmap and back: at each border the long way is asked for. */
CRM_TEST(test_bits_set__grown_row_by_row)
{
    uint32_t others = 0;
    crm__buf stored;

    fill(0, ROWS, 0);
    crm__buf_init(&stored, NULL);
    for (uint32_t i = 0; i < 4110; i++)
        plain[i * 15] = 1;
    to_words();
    crm__set_store(words, &stored);
    for (uint32_t i = 4110; i-- > 4080;)
        others += !switch_row(&stored, i * 15, 0);
    for (uint32_t i = 4080; i < 4110; i++)
        others += !switch_row(&stored, i * 15, 1);
    ck_assert_uint_eq(others, 2); /* bitmap to array, array to bitmap */
    fill(0, ROWS, 0);
    stored.n = 0;
    ck_assert_int_eq(switch_row(&stored, 9, 0), 1);
    ck_assert_int_eq(switch_row(&stored, 9, 1), 1);
    ck_assert_int_eq(switch_row(&stored, 9, 0), 1);
    ck_assert_uint_eq(stored.n, 0);
    crm__buf_clear(&stored);
}

CRM_TEST(test_bits_set__load_adds)
{
    uint64_t seed = crmtest_seed();
    crm__buf out;

    for (int round = 0; round < 30; round++) {
        memset(loaded, 0, sizeof loaded);
        for (int part = 0; part < 3; part++) {
            random_rows(&seed);
            plain[crmtest_below(&seed, ROWS)] = 1;
            to_words();
            crm__buf_init(&out, NULL);
            crm__set_store(words, &out);
            {
                static uint64_t before[CRM__SET_WORDS];
                memcpy(before, loaded, sizeof before);
                ck_assert_int_eq(crm__set_load((crm__slice){out.p, out.n}, loaded), CRM_OK);
                for (int i = 0; i < CRM__SET_WORDS; i++)
                    before[i] |= words[i];
                ck_assert(memcmp(loaded, before, sizeof loaded) == 0);
            }
            crm__buf_clear(&out);
        }
    }
}

CRM_TEST(test_bits_set__next)
{
    uint64_t seed = crmtest_seed();

    for (size_t round = crmtest_rounds(40, 1000); round > 0; round--) {
        int32_t next = -1;
        int differ = 0;
        random_rows(&seed);
        to_words();
        ck_assert_int_eq(crm__set_next(words, ROWS), -1);
        ck_assert_int_eq(crm__set_next(words, UINT32_MAX), -1);
        for (int i = ROWS - 1; i >= 0; i--) {
            if (plain[i])
                next = i;
            differ += crm__set_has(words, (uint32_t)i) != plain[i];
            differ += crm__set_next(words, (uint32_t)i) != next;
        }
        ck_assert_int_eq(differ, 0);
    }
}

CRM_TEST(test_bits_set__put)
{
    memset(words, 0, sizeof words);
    crm__set_put(words, 65535, 1);
    crm__set_put(words, 65535, 1);
    crm__set_put(words, 64, 1);
    crm__set_put(words, 64, 0);
    crm__set_put(words, 63, 0);
    ck_assert_uint_eq(crm__set_count(words), 1);
    ck_assert_uint_eq(words[1023], (uint64_t)1 << 63);
}

/* Bytes of the exact length on the heap, so that reading outside is seen. */
static int load_copy(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    int rc;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, p, n);
    memset(loaded, 0, sizeof loaded);
    rc = crm__set_load((crm__slice){copy, n}, loaded);
    free(copy);
    ck_assert(rc == CRM_OK || rc == CRM_ECORRUPT);
    return rc;
}

/* What loads is a set that stores to bytes that load to the same. */
static void sensible(void)
{
    static uint64_t first[CRM__SET_WORDS];
    crm__buf out;

    memcpy(first, loaded, sizeof first);
    ck_assert_uint_gt(crm__set_count(first), 0);
    crm__buf_init(&out, NULL);
    crm__set_store(first, &out);
    ck_assert_int_eq(load_copy(out.p, out.n), CRM_OK);
    ck_assert(memcmp(first, loaded, sizeof first) == 0);
    crm__buf_clear(&out);
}

CRM_TEST(test_bits_set__damaged_bytes)
{
    uint64_t seed = crmtest_seed();
    crm__buf out;

    for (size_t round = crmtest_rounds(300, 10000); round > 0; round--) {
        random_rows(&seed);
        plain[crmtest_below(&seed, ROWS)] = 1;
        to_words();
        crm__buf_init(&out, NULL);
        crm__set_store(words, &out);
        for (int i = 0; i < 20; i++) {
            size_t n = crmtest_below(&seed, 3) ? out.n : crmtest_below(&seed, out.n + 1);
            size_t at =
                crmtest_below(&seed, 4) ? crmtest_below(&seed, out.n) : crmtest_below(&seed, 4);
            uint8_t was = out.p[at];
            out.p[at] = (uint8_t)crmtest_rand(&seed);
            if (load_copy(out.p, n) == CRM_OK)
                sensible();
            out.p[at] = was;
        }
        crm__buf_clear(&out);
    }
    for (size_t round = crmtest_rounds(5000, 100000); round > 0; round--) {
        uint8_t junk[64];
        size_t n = crmtest_below(&seed, sizeof junk + 1);
        for (size_t i = 0; i < n; i++)
            junk[i] = (uint8_t)(crmtest_rand(&seed) >> crmtest_below(&seed, 8));
        if (n > 1)
            junk[1] = 0;
        if (load_copy(junk, n) == CRM_OK)
            sensible();
    }
}

CRM_TEST(test_bits_set__what_is_no_set)
{
    static const struct {
        size_t n;
        uint8_t bytes[16];
    } BAD[] = {
        {0, {0}},
        {3, {0}},
        {4, {0}},                                   /* too short */
        {6, {3, 0, 0, 0, 1, 0}},                    /* no such form */
        {6, {0, 1, 0, 0, 1, 0}},                    /* a flag */
        {6, {0, 0, 1, 0, 1, 0}},                    /* one row, two told */
        {8, {0, 0, 0, 0, 1, 0, 2, 0}},              /* the other way round */
        {8, {0, 0, 1, 0, 2, 0, 1, 0}},              /* not in order */
        {8, {0, 0, 1, 0, 2, 0, 2, 0}},              /* twice */
        {7, {0, 0, 0, 0, 2, 0, 0}},                 /* half a row */
        {4, {2, 0, 0, 0}},                          /* no run */
        {6, {2, 0, 0, 0, 1, 0}},                    /* half a run */
        {8, {2, 0, 1, 0, 0xff, 0xff, 1, 0}},        /* beyond the last row */
        {12, {2, 0, 3, 0, 1, 0, 1, 0, 3, 0, 1, 0}}, /* runs that touch */
        {12, {2, 0, 3, 0, 9, 0, 1, 0, 3, 0, 1, 0}}, /* not in order */
        {8, {2, 0, 2, 0, 1, 0, 1, 0}},              /* two rows, three told */
        {12, {1, 0, 0, 0, 1}},                      /* a short bitmap */
    };
    uint8_t full[HEAD + 8192] = {1, 0, 0, 0, 3};

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        ck_assert_int_eq(load_copy(BAD[i].bytes, BAD[i].n), CRM_ECORRUPT);
    ck_assert_int_eq(load_copy(full, sizeof full), CRM_ECORRUPT); /* counts one, has two */
    full[2] = 1;
    ck_assert_int_eq(load_copy(full, sizeof full), CRM_OK);
}
