/* SPDX-License-Identifier: MIT
 * Column blocks: what is stored of cells reads back as the same numbers, ranges are what comparing
 * cell by cell gives, equal numbers give equal bytes, damaged blocks stay within bounds.
 */
#include "bits/column.h"

#include "codec/key.h"
#include "bits/set.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdlib.h>

enum { ROWS = CRM__COLUMN_ROWS, WORDS = CRM__COLUMN_WORDS };

static crm__column_cell cells[ROWS], back[ROWS];

static int64_t ten_to(int n)
{
    int64_t p = 1;

    while (n-- > 0)
        p *= 10;
    return p;
}

/* Compares by long division, digit by digit of the fraction, as one would by hand. */
static int by_value(int64_t a, int as, int64_t b, int bs)
{
    __int128 x = (__int128)a * ten_to(12 - as), y = (__int128)b * ten_to(12 - bs);

    return x < y ? -1 : x > y;
}

typedef struct style {
    int numbers, scale, absent;
} style;

static int64_t random_number(uint64_t *seed, int kind)
{
    static const int64_t ENDS[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};

    switch (kind) {
    case 0:
        return 42;
    case 1:
        return (int64_t)crmtest_below(seed, 256) - 128; /* 254 and 255 above the least */
    case 2:
        return (int64_t)crmtest_below(seed, 1000) * 100;
    case 3:
        return 1600000000000000 + (int64_t)crmtest_below(seed, 10000000) * 1000000;
    case 4:
        return ENDS[crmtest_below(seed, 7)];
    case 5:
        return (int64_t)crmtest_below(seed, 65536 + crmtest_below(seed, 2));
    default:
        return (int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 64)) ^
               -(int64_t)crmtest_below(seed, 2);
    }
}

static int8_t random_scale(uint64_t *seed, int kind)
{
    static const int RANGE[] = {1, 1, 4, 19}, FROM[] = {0, 2, 0, -6};

    return (int8_t)((int)crmtest_below(seed, (uint64_t)RANGE[kind]) + FROM[kind]);
}

static void random_cells(uint64_t *seed)
{
    style t = {(int)crmtest_below(seed, 8), (int)crmtest_below(seed, 4),
               (int)crmtest_below(seed, 4)};

    memset(cells, 0, sizeof cells);
    for (int i = 0; i < ROWS; i++) {
        if (t.absent && crmtest_below(seed, 4) < (uint64_t)t.absent)
            continue;
        cells[i].state = CRM__CELL_NUMBER;
        cells[i].number =
            random_number(seed, t.numbers == 7 ? (int)crmtest_below(seed, 7) : t.numbers);
        cells[i].scale = random_scale(seed, t.scale);
    }
}

static void store(const crm__column_cell *from, crm__buf *out)
{
    crm__buf_init(out, NULL);
    crm__buf_add(out, "xx", 2); /* at no alignment */
    crm__column_store(from, out);
    ck_assert(!out->failed);
}

static int same_cell(const crm__column_cell *a, const crm__column_cell *b)
{
    if (a->state != b->state)
        return 0;
    return a->state != CRM__CELL_NUMBER || by_value(a->number, a->scale, b->number, b->scale) == 0;
}

/* The same numbers in other spellings: zeros behind the point added or taken away. */
static void respell(uint64_t *seed, crm__column_cell *c)
{
    int64_t number;

    if (c->state == CRM__CELL_NUMBER && crmtest_below(seed, 2)) {
        int to = (int)crmtest_below(seed, 19) - 6;
        if (crm__scaled_to(c->number, c->scale, to, &number)) {
            c->number = number;
            c->scale = (int8_t)to;
        }
    }
}

static void check_reads(const crm__column *c)
{
    static int64_t numbers[ROWS];
    uint64_t present[WORDS], wide[WORDS];
    uint32_t rows = 0, wides = 0;
    int bad = 0;

    crm__column_cells(c, back);
    crm__column_numbers(c, numbers);
    crm__column_present(c, present);
    crm__column_wide(c, wide);
    for (uint32_t i = 0; i < ROWS; i++) {
        crm__column_cell one;
        crm__column_get(c, i, &one);
        bad += !same_cell(&cells[i], &back[i]) || !same_cell(&cells[i], &one);
        bad += crm__set_has(present, i) != (cells[i].state == CRM__CELL_NUMBER);
        rows += cells[i].state == CRM__CELL_NUMBER;
        wides += (uint32_t)crm__set_has(wide, i);
        if (cells[i].state == CRM__CELL_NUMBER && !crm__set_has(wide, i)) {
            bad += by_value(cells[i].number, cells[i].scale, numbers[i], c->scale) != 0;
            bad += numbers[i] < c->min || numbers[i] > c->max;
        }
    }
    ck_assert_int_eq(bad, 0);
    ck_assert_uint_eq(c->rows, rows);
    ck_assert_uint_eq(c->wide, wides);
}

static int taken(const crm__column_cell *c, const crm__limits *l)
{
    if (c->state != CRM__CELL_NUMBER)
        return 0;
    if (l->flags & CRM__LIMIT_LO) {
        int d = by_value(c->number, c->scale, l->lo, l->lo_scale);
        if (d < 0 || (d == 0 && l->flags & CRM__LIMIT_LO_OPEN))
            return 0;
    }
    if (l->flags & CRM__LIMIT_HI) {
        int d = by_value(c->number, c->scale, l->hi, l->hi_scale);
        if (d > 0 || (d == 0 && l->flags & CRM__LIMIT_HI_OPEN))
            return 0;
    }
    return 1;
}

/* A number that is there, or next to it, or any. */
static void some_limit(uint64_t *seed, int64_t *number, int8_t *scale)
{
    const crm__column_cell *c = &cells[crmtest_below(seed, ROWS)];

    *number = random_number(seed, (int)crmtest_below(seed, 7));
    *scale = (int8_t)((int)crmtest_below(seed, 19) - 6);
    if (crmtest_below(seed, 3) && c->state == CRM__CELL_NUMBER) {
        crm__column_cell near = *c;
        respell(seed, &near);
        *scale = near.scale;
        if (near.number > INT64_MIN && near.number < INT64_MAX)
            *number = near.number + ((int64_t)crmtest_below(seed, 3) - 1);
    }
}

/* The same of a list, in place and not. */
static void check_list(const crm__column *c, const uint64_t *before, const uint64_t *after,
                       int64_t lo, int64_t hi, uint32_t first)
{
    uint16_t rows[ROWS], to[ROWS];
    uint32_t n = 0, left, want = 0;

    for (uint32_t k = 0; k < ROWS; k++) {
        rows[n] = (uint16_t)(first + k);
        n += (uint32_t)crm__set_has(before, k);
    }
    left = crm__column_keep_rows(c, lo, hi, first, rows, n, to);
    for (uint32_t k = 0; k < ROWS; k++) {
        if (crm__set_has(after, k))
            ck_assert_msg(want < left && to[want++] == first + k, "row %u", k);
    }
    ck_assert_uint_eq(left, want);
    ck_assert_uint_eq(crm__column_keep_rows(c, lo, hi, first, rows, n, rows), left);
    ck_assert_mem_eq(rows, to, left * sizeof *to);
}

/* Candidates of any density, of a whole block or of a last one. */
static void check_within(const crm__column *c, uint64_t *seed, const crm__limits *l)
{
    int n = crmtest_below(seed, 2) ? WORDS : CRM__COLUMN_LAST_WORDS, bad = 0;
    uint64_t words[WORDS], before[WORDS], density = crmtest_below(seed, 60);
    int64_t lo, hi;

    if (c->wide || !crm__limits_at(l, c->scale, &lo, &hi))
        return;
    for (int w = 0; w < WORDS; w++) {
        words[w] = 0;
        for (int bit = 0; bit < 64; bit++)
            words[w] |= (uint64_t)(crmtest_below(seed, density + 1) == 0) << bit;
    }
    memcpy(before, words, sizeof words);
    crm__column_within(c, lo, hi, words, n);
    for (uint32_t k = 0; k < ROWS; k++) {
        int in = crm__set_has(before, k) && ((int)k >= n * 64 || taken(&cells[k], l));
        bad += crm__set_has(words, k) != in;
    }
    ck_assert_int_eq(bad, 0);
    memset(before + n, 0, (size_t)(WORDS - n) * sizeof *before);
    memset(words + n, 0, (size_t)(WORDS - n) * sizeof *words);
    check_list(c, before, words, lo, hi, ROWS * (uint32_t)crmtest_below(seed, 68));
}

static void check_ranges(const crm__column *c, uint64_t *seed, int times)
{
    uint64_t words[WORDS];

    for (int i = 0; i < times; i++) {
        crm__limits l;
        int bad = 0;
        l.flags = (uint8_t)crmtest_below(seed, 16);
        some_limit(seed, &l.lo, &l.lo_scale);
        some_limit(seed, &l.hi, &l.hi_scale);
        if (crmtest_below(seed, 4) == 0) { /* equality */
            l.hi = l.lo;
            l.hi_scale = l.lo_scale;
            l.flags = CRM__LIMIT_LO | CRM__LIMIT_HI;
        }
        check_within(c, seed, &l);
        crm__column_range(c, &l, words);
        for (uint32_t k = 0; k < ROWS; k++) {
            bad += crm__set_has(words, k) != taken(&cells[k], &l);
            bad += cells[k].state == CRM__CELL_NUMBER &&
                   crm__limits_take(&l, cells[k].number, cells[k].scale) != taken(&cells[k], &l);
        }
        ck_assert_int_eq(bad, 0);
    }
}

CRM_TEST(test_bits_column__random)
{
    uint64_t seed = crmtest_seed();
    crm__buf out, again;
    crm__column c;

    for (size_t round = crmtest_rounds(250, 20000); round > 0; round--) {
        random_cells(&seed);
        store(cells, &out);
        if (out.n == 2) {
            for (int i = 0; i < ROWS; i++)
                ck_assert_int_eq(cells[i].state, CRM__CELL_NONE);
            crm__buf_clear(&out);
            continue;
        }
        ck_assert_int_eq(crm__column_open((crm__slice){out.p + 2, out.n - 2}, &c), CRM_OK);
        check_reads(&c);
        check_ranges(&c, &seed, 12);
        for (int i = 0; i < ROWS; i++) /* of what was read, and of other spellings */
            respell(&seed, &back[i]);
        store(back, &again);
        ck_assert_uint_eq(again.n, out.n);
        ck_assert_mem_eq(again.p, out.p, out.n);
        crm__buf_clear(&again);
        crm__buf_clear(&out);
    }
}

/* A cell put and taken away again leaves no trace. */
CRM_TEST(test_bits_column__road_does_not_matter)
{
    uint64_t seed = crmtest_seed();
    crm__buf before, after;
    crm__column c;

    for (size_t round = crmtest_rounds(60, 3000); round > 0; round--) {
        uint32_t row = (uint32_t)crmtest_below(&seed, ROWS);
        random_cells(&seed);
        memset(&cells[row], 0, sizeof cells[row]);
        cells[(row + 1) % ROWS].state = CRM__CELL_NUMBER;
        store(cells, &before);
        cells[row].state = CRM__CELL_NUMBER;
        cells[row].scale = 12;
        cells[row].number = crmtest_below(&seed, 2) ? INT64_MAX : -1; /* others become wide */
        store(cells, &after);
        ck_assert_int_eq(crm__column_open((crm__slice){after.p + 2, after.n - 2}, &c), CRM_OK);
        check_reads(&c);
        memset(&back[row], 0, sizeof back[row]);
        crm__buf_clear(&after);
        store(back, &after);
        ck_assert_uint_eq(after.n, before.n);
        ck_assert_mem_eq(after.p, before.p, before.n);
        crm__buf_clear(&after);
        crm__buf_clear(&before);
    }
}

/* A cell for a row: one of the block's, one near them, anything, or none. */
static crm__column_cell another_cell(uint64_t *seed)
{
    crm__column_cell c = cells[crmtest_below(seed, ROWS)];

    switch (crmtest_below(seed, 5)) {
    case 0:
        memset(&c, 0, sizeof c);
        break;
    case 1:
        c.state = CRM__CELL_NUMBER;
        c.number = random_number(seed, (int)crmtest_below(seed, 7));
        c.scale = random_scale(seed, (int)crmtest_below(seed, 4));
        break;
    case 2:
        if (c.state == CRM__CELL_NUMBER && c.number < INT64_MAX - 9)
            c.number += (int64_t)crmtest_below(seed, 9);
        break;
    default:
        respell(seed, &c);
    }
    return c;
}

/* One cell changed in place gives the bytes that all cells give; the least, the greatest and the
 * one that needs the scale are met often, for blocks with few numbers are among these. */
CRM_TEST(test_bits_column__a_cell_changed_in_place)
{
    uint64_t seed = crmtest_seed();
    unsigned made = 0, others = 0;
    crm__buf before, after, patched;

    for (size_t round = crmtest_rounds(150, 8000); round > 0; round--) {
        uint64_t few = crmtest_below(&seed, 3) ? ROWS : 1 + crmtest_below(&seed, 4);
        random_cells(&seed);
        for (uint64_t i = few; i < ROWS; i++)
            memset(&cells[i], 0, sizeof cells[i]);
        for (int i = 0; i < 25; i++) {
            uint32_t row = (uint32_t)crmtest_below(&seed, crmtest_below(&seed, 2) ? few : ROWS);
            int done;
            store(cells, &before);
            cells[row] = another_cell(&seed);
            store(cells, &after);
            crm__buf_init(&patched, NULL);
            done = crm__column_patch(crm__slice_of(before.p + 2, before.n - 2), row, &cells[row],
                                     &patched);
            if (done) {
                ck_assert_uint_eq(patched.n, after.n - 2);
                ck_assert_mem_eq(patched.p, after.p + 2, patched.n);
                made++;
            } else {
                ck_assert_uint_eq(patched.n, 0);
                others++;
            }
            crm__buf_clear(&before);
            crm__buf_clear(&after);
            crm__buf_clear(&patched);
        }
    }
    ck_assert_uint_gt(made, 0);
    ck_assert_uint_gt(others, 0);
}

CRM_TEST(test_bits_column__sizes)
{
    static const struct {
        int64_t least, most;
        int all;
        size_t width;
    } CASE[] = {
        {5, 5, 1, 0},
        {5, 5, 0, 1},
        {-100, 154, 0, 1},
        {-101, 154, 0, 2},
        {1, 65535, 1, 2},
        {1, 65536, 1, 4},
        {1, INT64_C(0xffffffff), 1, 4},
        {1, INT64_C(0x100000001), 1, 8},
        {1600000000000000, 1600000003000000, 1, 1}, /* three seconds, in microseconds */
        {INT64_MIN + 1, INT64_MAX, 1, 8},
        {INT64_MIN, INT64_MAX - 1, 1, 8},
    };
    crm__buf out;
    crm__column c;

    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        for (int k = 0; k < ROWS; k++) {
            cells[k].state = CASE[i].all || k < 2;
            cells[k].scale = 0;
            cells[k].number = k % 2 ? CASE[i].most : CASE[i].least;
        }
        store(cells, &out);
        ck_assert_uint_eq(out.n, 2 + 22 + CASE[i].width * ROWS);
        ck_assert_int_eq(crm__column_open((crm__slice){out.p + 2, out.n - 2}, &c), CRM_OK);
        check_reads(&c);
        crm__buf_clear(&out);
    }
    cells[0].number = INT64_MIN; /* as far from one another as there is: the upper ones are wide */
    for (int k = 1; k < ROWS; k++)
        cells[k].number = INT64_MAX;
    store(cells, &out);
    ck_assert_int_eq(crm__column_open((crm__slice){out.p + 2, out.n - 2}, &c), CRM_OK);
    ck_assert_uint_eq(c.wide, ROWS - 1);
    ck_assert_uint_eq(out.n, 2 + 22 + ROWS + 2 + 11 * (ROWS - 1));
    check_reads(&c);
    crm__buf_clear(&out);
}

static void read_all(const uint8_t *p, size_t n, uint64_t *seed)
{
    uint8_t *copy = malloc(n + 1);
    uint64_t words[WORDS], present[WORDS];
    static int64_t numbers[ROWS];
    crm__column c;

    memcpy(copy, p, n);
    if (crm__column_open((crm__slice){copy, n}, &c) == CRM_OK) {
        crm__limits l = {(int64_t)crmtest_rand(seed), (int64_t)crmtest_rand(seed), 0, 0,
                         (uint8_t)crmtest_below(seed, 16)};
        crm__buf out;
        crm__column_present(&c, present);
        crm__column_range(&c, &l, words);
        for (int i = 0; i < WORDS; i++)
            ck_assert(!(words[i] & ~present[i]));
        crm__column_numbers(&c, numbers);
        crm__column_cells(&c, back);
        for (uint32_t i = 0; i < ROWS; i++) {
            crm__column_cell one;
            crm__column_get(&c, i, &one);
            ck_assert_int_eq(one.state, back[i].state);
            ck_assert_int_eq(one.state, crm__set_has(present, i));
        }
        store(back, &out);
        crm__buf_clear(&out);
    }
    free(copy);
}

CRM_TEST(test_bits_column__damaged_bytes)
{
    uint64_t seed = crmtest_seed();

    for (size_t round = crmtest_rounds(60, 3000); round > 0; round--) {
        crm__buf out;
        random_cells(&seed);
        cells[0].state = CRM__CELL_NUMBER;
        store(cells, &out);
        for (int i = 0; i < 20; i++) {
            size_t n = out.n - 2, at = crmtest_below(&seed, crmtest_below(&seed, 2) ? n : 22);
            uint8_t was = out.p[2 + at];
            out.p[2 + at] = (uint8_t)crmtest_rand(&seed);
            read_all(out.p + 2, crmtest_below(&seed, 3) ? n : crmtest_below(&seed, n), &seed);
            out.p[2 + at] = was;
        }
        crm__buf_clear(&out);
    }
}
