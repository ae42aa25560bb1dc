/* SPDX-License-Identifier: MIT
 * Every variant of the loops that this machine runs against the plain one, at all alignments.
 */
#include "bits/kernel.h"

#include "base/bytes.h"
#include "bits/pack.h"
#include "crmtest.h"

#include <stdlib.h>

enum { MOST = 1024, CODES = 1024 };

static const crm__kernel *plain(void)
{
    const crm__kernel *last = NULL, *k;

    for (size_t i = 0; (k = crm__kernel_at(i)) != NULL; i++)
        last = k;
    return last;
}

CRM_TEST(test_bits_kernel__best_is_first_and_plain_is_last)
{
    ck_assert_ptr_eq(crm__kernel_best(), crm__kernel_at(0));
    ck_assert_str_eq(plain()->name, "scalar");
    for (size_t i = 0; crm__kernel_at(i); i++) {
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(crm__kernel_at(i)->name, crm__kernel_at(k)->name);
    }
}

/* The plain one itself against bits counted one by one. */
CRM_TEST(test_bits_kernel__plain_counts_bits)
{
    uint64_t seed = crmtest_seed(), words[70], a[70], b[70];
    uint64_t one = 0, two = 0, three = 0, stored = 0;

    for (size_t i = 0; i < 70; i++) {
        words[i] = crmtest_rand(&seed);
        a[i] = crmtest_rand(&seed);
        b[i] = crmtest_rand(&seed);
        for (int bit = 0; bit < 64; bit++) {
            one += words[i] >> bit & 1;
            two += words[i] >> bit & a[i] >> bit & 1;
            three += words[i] >> bit & a[i] >> bit & b[i] >> bit & 1;
            stored += a[i] >> bit & b[i] >> bit & 1;
        }
    }
    for (size_t i = 0; i < 70; i++) {
        crm__put_le64((uint8_t *)&a[i], a[i]);
        crm__put_le64((uint8_t *)&b[i], b[i]);
    }
    ck_assert_uint_eq(plain()->count(words, 70), one);
    ck_assert_uint_eq(plain()->count_and(words, (uint8_t *)a, 70), two);
    ck_assert_uint_eq(plain()->count_and3(words, (uint8_t *)a, (uint8_t *)b, 70), three);
    ck_assert_uint_eq(plain()->count_and_stored((uint8_t *)a, (uint8_t *)b, 70), stored);
}

/* Bytes of just the size at an alignment, so that reading outside is seen. */
static uint8_t *at_offset(size_t n, size_t offset, uint8_t **block)
{
    *block = malloc(n + offset + 1); /* never 0 bytes */
    ck_assert_ptr_nonnull(*block);
    memset(*block, 0x5a, n + offset + 1);
    return *block + 1 + offset;
}

static void fill(uint64_t *seed, uint8_t *p, size_t n)
{
    uint64_t style = crmtest_below(seed, 5);

    for (size_t i = 0; i < n; i++) {
        uint8_t r = (uint8_t)crmtest_rand(seed);
        p[i] = style == 0   ? 0
               : style == 1 ? 0xff
               : style == 2 ? (uint8_t)(r & (uint8_t)crmtest_rand(seed))
                            : r;
    }
}

typedef void (*into_fn)(uint64_t *words, const uint8_t *stored, size_t n);

static void same_into(into_fn k, into_fn plain_fn, const uint64_t *words, const uint8_t *stored,
                      size_t n)
{
    static uint64_t x[MOST + 1], y[MOST + 1];

    memcpy(x, words, n * sizeof *x);
    memcpy(y, words, n * sizeof *y);
    x[n] = y[n] = UINT64_C(0x123456789abcdef0); /* is left alone */
    k(x, stored, n);
    plain_fn(y, stored, n);
    ck_assert_mem_eq(x, y, (n + 1) * sizeof *x);
}

static void same(const crm__kernel *k, uint64_t *seed, size_t n, size_t offset)
{
    const crm__kernel *p = plain();
    uint8_t *blocks[3], *a = at_offset(n * 8, offset, &blocks[0]);
    uint8_t *b = at_offset(n * 8, (offset + n) % 8, &blocks[1]);
    uint8_t *c = at_offset(n * 8, 7 - offset, &blocks[2]);
    uint64_t *words = malloc(n * 8 + 1);

    fill(seed, a, n * 8);
    fill(seed, b, n * 8);
    fill(seed, c, n * 8);
    fill(seed, (uint8_t *)words, n * 8);
    ck_assert_uint_eq(k->count(words, n), p->count(words, n));
    ck_assert_uint_eq(k->count_and(words, a, n), p->count_and(words, a, n));
    ck_assert_uint_eq(k->count_and_stored(a, b, n), p->count_and_stored(a, b, n));
    ck_assert_uint_eq(k->count_and3(words, a, b, n), p->count_and3(words, a, b, n));
    ck_assert_uint_eq(k->count_and3_stored(a, b, c, n), p->count_and3_stored(a, b, c, n));
    same_into(k->and_into, p->and_into, words, a, n);
    same_into(k->or_into, p->or_into, words, a, n);
    same_into(k->andnot_into, p->andnot_into, words, a, n);
    same_into(k->xor_into, p->xor_into, words, a, n);
    for (int i = 0; i < 3; i++)
        free(blocks[i]);
    free(words);
}

CRM_TEST(test_bits_kernel__sets)
{
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; crm__kernel_at(i); i++) {
        const crm__kernel *k = crm__kernel_at(i);
        for (size_t offset = 0; offset < 8; offset++) {
            for (size_t n = 0; n <= 70; n++)
                same(k, &seed, n, offset);
            for (size_t round = crmtest_rounds(10, 500); round > 0; round--) {
                same(k, &seed, MOST, offset);
                same(k, &seed, crmtest_below(&seed, MOST), offset);
            }
        }
    }
}

/* Those that are set stay, in their order; nothing behind them is written. */
static void check_keep_rows(const crm__kernel *k, const uint8_t *bitmap, const uint8_t *stored,
                            uint32_t n)
{
    uint16_t *rows = malloc((n + 1) * sizeof *rows);
    uint32_t left, at = 0;

    ck_assert_ptr_nonnull(rows);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = crm__get_le16(stored + 2 * i);
    rows[n] = 0x5a5a;
    left = k->keep_rows(bitmap, rows, n);
    ck_assert_uint_eq(rows[n], 0x5a5a);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = crm__get_le16(stored + 2 * i);
        if (!(bitmap[row / 8] >> (row % 8) & 1))
            continue;
        ck_assert_msg(at < left && rows[at] == row, "%s, row %u of %u", k->name, i, n);
        at++;
    }
    ck_assert_uint_eq(at, left);
    free(rows);
}

static void check_put_rows(const crm__kernel *k, const uint8_t *before, const uint8_t *stored,
                           size_t n)
{
    static uint64_t words[CRM__SET_WORDS], want[CRM__SET_WORDS];

    memcpy(words, before, sizeof words);
    memcpy(want, before, sizeof want);
    for (size_t i = 0; i < n; i++)
        crm__set_put(want, crm__get_le16(stored + 2 * i), 1);
    k->put_rows(words, stored, n);
    ck_assert_msg(memcmp(words, want, sizeof words) == 0, "%s, %zu rows", k->name, n);
}

CRM_TEST(test_bits_kernel__rows)
{
    uint64_t seed = crmtest_seed();
    uint8_t *block, *bitmap = at_offset(8192, 3, &block);

    fill(&seed, bitmap, 8192);
    for (size_t n = 0; n < 200; n++) {
        uint8_t *rows_block, *rows = at_offset(2 * n, n % 8, &rows_block);
        uint32_t want = 0;
        for (size_t i = 0; i < n; i++) {
            uint32_t row = crmtest_below(&seed, 9)   ? (uint32_t)crmtest_below(&seed, 65536)
                           : crmtest_below(&seed, 2) ? 65535
                                                     : 0;
            crm__put_le16(rows + 2 * i, (uint16_t)row);
            want += (uint32_t)(bitmap[row / 8] >> (row % 8) & 1);
        }
        for (size_t i = 0; crm__kernel_at(i); i++)
            ck_assert_uint_eq(crm__kernel_at(i)->count_rows(bitmap, rows, n), want);
        for (size_t i = 0; crm__kernel_at(i); i++)
            check_keep_rows(crm__kernel_at(i), bitmap, rows, (uint32_t)n);
        for (size_t i = 0; crm__kernel_at(i); i++)
            check_put_rows(crm__kernel_at(i), bitmap, rows, n);
        free(rows_block);
    }
    free(block);
}

/* ---- ranges ---- */

static uint64_t some_code(uint64_t *seed, unsigned bytes, const uint64_t *near)
{
    uint64_t most = UINT64_MAX >> (64 - 8 * bytes);
    static const uint64_t ENDS[] = {0,          1,
                                    0x7f,       0x80,
                                    0x7fff,     0x8000,
                                    0x7fffffff, 0x80000000,
                                    INT64_MAX,  UINT64_C(1) << 63,
                                    UINT64_MAX, UINT64_MAX - 1};

    switch (crmtest_below(seed, 4)) {
    case 0:
        return ENDS[crmtest_below(seed, sizeof ENDS / sizeof *ENDS)] & most;
    case 1:
        return (near[crmtest_below(seed, 2)] + crmtest_below(seed, 3) - 1) & most;
    default:
        return crmtest_rand(seed) & most;
    }
}

static uint64_t read_code(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

static void run_range(const crm__kernel *k, unsigned bytes, const uint8_t *codes, size_t n,
                      uint64_t lo, uint64_t hi, uint64_t *to)
{
    switch (bytes) {
    case 1:
        k->range8(codes, n, (uint8_t)lo, (uint8_t)hi, to);
        return;
    case 2:
        k->range16(codes, n, (uint16_t)lo, (uint16_t)hi, to);
        return;
    case 4:
        k->range32(codes, n, (uint32_t)lo, (uint32_t)hi, to);
        return;
    default:
        k->range64(codes, n, lo, hi, to);
    }
}

static void try_range(uint64_t *seed, unsigned bytes, size_t n, size_t offset)
{
    uint64_t limits[2] = {0, 0}, want[CODES / 64 + 1], got[CODES / 64 + 1];
    uint8_t *block, *codes = at_offset(n * bytes, offset, &block);

    limits[0] = some_code(seed, bytes, limits);
    limits[1] = some_code(seed, bytes, limits);
    memset(want, 0, sizeof want);
    for (size_t i = 0; i < n; i++) {
        uint64_t code = some_code(seed, bytes, limits);
        for (unsigned b = 0; b < bytes; b++)
            codes[i * bytes + b] = (uint8_t)(code >> 8 * b);
        code = read_code(codes + i * bytes, bytes);
        want[i / 64] |= (uint64_t)(limits[0] <= code && code <= limits[1]) << (i % 64);
    }
    for (size_t i = 0; crm__kernel_at(i); i++) {
        memset(got, 0xa5, sizeof got);
        run_range(crm__kernel_at(i), bytes, codes, n, limits[0], limits[1], got);
        ck_assert_mem_eq(got, want, n / 8);
        ck_assert_uint_eq(got[n / 64], UINT64_C(0xa5a5a5a5a5a5a5a5));
    }
    free(block);
}

CRM_TEST(test_bits_kernel__ranges)
{
    uint64_t seed = crmtest_seed();

    for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
        for (size_t offset = 0; offset < 8; offset++) {
            for (size_t round = crmtest_rounds(20, 2000); round > 0; round--)
                try_range(&seed, bytes, 64 * crmtest_below(&seed, CODES / 64 + 1), offset);
        }
    }
}

static void try_range_pair(uint64_t *seed, size_t n)
{
    uint64_t near[2] = {0, 0}, want[CODES / 64 + 1], got[CODES / 64 + 1];
    uint64_t *numbers = malloc((n + 1) * sizeof *numbers);
    crm__range_pair r = {{0, 0}, {0, 0}, (unsigned)crmtest_below(seed, 64)};

    for (int i = 0; i < 2; i++) {
        r.lo[i] = some_code(seed, 8, near);
        r.span[i] = crmtest_rand(seed) >> crmtest_below(seed, 64);
    }
    near[0] = r.lo[0];
    near[1] = r.lo[0] + r.span[0];
    memset(want, 0, sizeof want);
    for (size_t i = 0; i < n; i++) {
        uint64_t a, b;
        numbers[i] = some_code(seed, 8, near);
        a = numbers[i] - r.lo[0];
        b = numbers[i] * (UINT64_C(1) << r.shift) - r.lo[1];
        want[i / 64] |= (uint64_t)(a <= r.span[0] && b <= r.span[1]) << (i % 64);
    }
    for (size_t i = 0; crm__kernel_at(i); i++) {
        memset(got, 0xa5, sizeof got);
        crm__kernel_at(i)->range_pair(numbers, n, &r, got);
        ck_assert_mem_eq(got, want, n / 8);
        ck_assert_uint_eq(got[n / 64], UINT64_C(0xa5a5a5a5a5a5a5a5));
    }
    free(numbers);
}

CRM_TEST(test_bits_kernel__pairs_of_ranges)
{
    uint64_t seed = crmtest_seed();

    for (size_t round = crmtest_rounds(200, 20000); round > 0; round--)
        try_range_pair(&seed, 64 * crmtest_below(&seed, CODES / 64 + 1));
}

/* ---- numbers ---- */

static void try_unpack(uint64_t *seed, unsigned width, size_t n, size_t behind, size_t offset)
{
    size_t size = crm__pack_size(n, width);
    uint8_t *block, *packed = at_offset(size + behind, offset, &block);
    uint64_t *numbers = malloc((n + 1) * sizeof *numbers), *got = malloc((n + 1) * sizeof *got);
    uint64_t add = crmtest_below(seed, 2) ? 0 : crmtest_rand(seed);
    uint64_t most = UINT64_MAX >> (64 - width);

    for (size_t i = 0; i < n; i++)
        numbers[i] = crmtest_below(seed, 3) ? crmtest_rand(seed) & most : most;
    crm__pack(packed, numbers, n, width);
    for (size_t i = 0; crm__kernel_at(i); i++) {
        size_t done;
        memset(got, 0xa5, (n + 1) * sizeof *got);
        done = crm__kernel_at(i)->unpack(packed, packed + size + behind, n, width, add, got);
        ck_assert_uint_le(done, n);
        ck_assert(behind < 24 || n - done < 8); /* nothing near the end keeps it from going on */
        for (size_t k = 0; k < done; k++)
            ck_assert_uint_eq(got[k], numbers[k] + add);
        ck_assert_uint_eq(got[done], UINT64_C(0xa5a5a5a5a5a5a5a5));
    }
    crm__unpack(packed, packed + size + behind, n, width, add, got);
    for (size_t k = 0; k < n; k++)
        ck_assert_uint_eq(got[k], numbers[k] + add);
    free(block);
    free(numbers);
    free(got);
}

CRM_TEST(test_bits_kernel__packed_numbers)
{
    static const size_t SIZES[] = {0, 1, 7, 8, 9, 15, 16, 17, 80, 100};
    uint64_t seed = crmtest_seed();

    for (unsigned width = 1; width <= CRM__PACK_MOST; width++) {
        for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
            for (size_t behind = 0; behind < 30; behind += 1 + crmtest_below(&seed, 9))
                try_unpack(&seed, width, SIZES[i], behind, crmtest_below(&seed, 8));
        }
    }
}

CRM_TEST(test_bits_kernel__sums)
{
    uint64_t seed = crmtest_seed();

    for (size_t n = 0; n < 70; n++) {
        int64_t *numbers = malloc(n * sizeof *numbers + 1);
        crm__number_sum want, got;
        for (size_t i = 0; i < n; i++)
            numbers[i] = crmtest_below(&seed, 9)   ? (int64_t)crmtest_rand(&seed)
                         : crmtest_below(&seed, 2) ? INT64_MAX
                                                   : INT64_MIN;
        plain()->sum(numbers, n, &want);
        for (size_t i = 0; crm__kernel_at(i); i++) {
            crm__kernel_at(i)->sum(numbers, n, &got);
            ck_assert_uint_eq(got.sum, want.sum);
            ck_assert_int_eq(got.min, want.min);
            ck_assert_int_eq(got.max, want.max);
        }
        free(numbers);
    }
}
