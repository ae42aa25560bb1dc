/* SPDX-License-Identifier: MIT
 * Counts and sums of rows in one pass over them: see day_fold.h.  A cell is count * 2^48 + sum,
 * where the sum may be below 0, so that one addition changes both.  As long as no sum leaves 48
 * bits and no count 16, they can be told apart again.  What could leave them is not added, or taken
 * back: the tally says so and is emptied into counts and sums of their full size.
 */
#include "base/bytes.h"
#include "bits/day_fold_part.h"
#include "bits/kernel.h"

#include <crm/codes.h>
#include <string.h>

enum { SUM_BITS = 48, MOST_ITEMS = UINT16_MAX - 1 };

static const uint64_t ONE = UINT64_C(1) << SUM_BITS;
static const uint64_t HALF = UINT64_C(1) << (SUM_BITS - 1); /* no sum is so far from 0 */

static inline uint64_t count_of(uint64_t cell)
{
    return (cell + HALF) >> SUM_BITS;
}

static inline int64_t sum_of(uint64_t cell)
{
    return (int64_t)((cell + HALF) & (ONE - 1)) - (int64_t)HALF;
}

int crm__day_tally_init(crm__day_tally *t, const crm_allocator *mem, uint8_t scale)
{
    memset(t, 0, sizeof *t);
    t->mem = mem;
    t->first_scale = scale;
    t->cells = crm__alloc(mem, CRM__SET_ROWS * sizeof *t->cells);
    if (!t->cells)
        return CRM_ENOMEM;
    crm__day_tally_reset(t);
    return CRM_OK;
}

void crm__day_tally_reset(crm__day_tally *t)
{
    memset(t->cells, 0, CRM__SET_ROWS * sizeof *t->cells);
    t->items = 0;
    t->most = 0;
    t->scale = t->first_scale;
}

void crm__day_tally_clear(crm__day_tally *t)
{
    crm__release(t->mem, t->cells);
    t->cells = NULL;
}

/* ---- adding ---- */

/* What numbers of a scale are multiplied by. */
static int64_t factor_of(const crm__day_tally *t, const crm__day_column *c)
{
    int64_t factor = 1;

    for (unsigned scale = c->scale; scale < t->scale; scale++)
        factor *= 10;
    return factor;
}

/* How far from 0 the sums can be when n numbers, none further from 0 than `far`, are added; 0: too
 * far. */
static int room_for(const crm__day_tally *t, uint64_t far, int64_t factor, uint32_t n,
                    uint64_t *most)
{
    return !__builtin_mul_overflow(far, (uint64_t)factor, most) &&
           !__builtin_mul_overflow(*most, (uint64_t)n, most) &&
           !__builtin_add_overflow(*most, t->most, most) && *most < HALF;
}

/* Adds `one` and a number to each row; modulo 2^64, so that the opposites take it back.  All bits
 * that a number, or one below 0 turned round, has. */
static uint64_t add_rows(uint64_t *cells, const uint8_t *stored, const uint16_t *rows, uint32_t n,
                         const int64_t *numbers, uint64_t one, uint64_t factor)
{
    uint64_t bits = 0;

    for (uint32_t i = 0; i < n && stored; i++) {
        bits |= (uint64_t)(numbers[i] ^ numbers[i] >> 63);
        cells[crm__get_le16(stored + 2 * i)] += one + (uint64_t)numbers[i] * factor;
    }
    for (uint32_t i = 0; i < n && !stored; i++) {
        bits |= (uint64_t)(numbers[i] ^ numbers[i] >> 63);
        cells[rows[i]] += one + (uint64_t)numbers[i] * factor;
    }
    return bits;
}

static void add_ready(uint64_t *cells, const uint8_t *stored, const uint16_t *rows, uint32_t n,
                      const uint64_t *ready)
{
    if (stored) {
#pragma GCC unroll 4
        for (size_t i = 0; i < n; i++)
            cells[crm__get_le16(stored + 2 * i)] += ready[i];
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        cells[rows[i]] += ready[i];
}

/* What all numbers of a part come to, each without its sign, at most; 0: the head does not tell. */
static uint64_t most_in_all(const crm__day_column *c, uint32_t n)
{
    uint64_t far = (uint64_t)c->base, most;

    if (!(c->flags & CRM__DAY_TOTAL))
        return 0;
    far = c->base < 0 ? 0 - far : far;
    return __builtin_mul_overflow(far, (uint64_t)n, &most) ||
                   __builtin_add_overflow(most, c->total, &most)
               ? 0
               : most;
}

/* As add_both(), where the head tells beforehand that there is room: what is unpacked has the one
 * that is counted in it.  Damage may make a row's sum another, as it may make its numbers others.
 */
static int add_told(crm__day_view *v, const crm__day_column *c, uint64_t one, crm__day_tally *t)
{
    const uint8_t *stored = v->day.rows_form == CRM__DAY_ROWS ? v->day.rows : NULL;
    const uint16_t *rows = stored ? NULL : crm__day_view_rows(v);
    uint64_t *ready = (uint64_t *)v->numbers;
    int rc = crm__day_decode(&v->day, c, (uint64_t)c->base + one, ready, NULL);

    if (!rc)
        add_ready(t->cells, stored, rows, v->day.items, ready);
    t->items += rc || !one ? 0 : v->day.items;
    return rc;
}

/* All items of the part, each with a number.  one: ONE, or 0 where they are not counted. */
static int add_both(crm__day_view *v, const crm__day_column *c, uint64_t one, crm__day_tally *t)
{
    const uint8_t *stored = v->day.rows_form == CRM__DAY_ROWS ? v->day.rows : NULL;
    const uint16_t *rows = stored ? NULL : crm__day_view_rows(v);
    uint64_t factor = (uint64_t)factor_of(t, c), bits, most = most_in_all(c, v->day.items);
    uint32_t n = v->day.items;
    int rc;

    if (most && factor == 1 && room_for(t, most, 1, 1, &most)) {
        t->most = most;
        return add_told(v, c, one, t);
    }

    rc = crm__day_decode(&v->day, c, (uint64_t)c->base, (uint64_t *)v->numbers, NULL);
    if (rc)
        return rc;
    bits = add_rows(t->cells, stored, rows, n, v->numbers, one, factor);
    /* Below a power of two; a number below 0 is 1 further from it than its bits. */
    if (bits >= HALF || !room_for(t, bits ? UINT64_C(1) << (64 - __builtin_clzll(bits)) : 1,
                                  (int64_t)factor, n, &most)) {
        (void)add_rows(t->cells, stored, rows, n, v->numbers, 0 - one, 0 - factor);
        return CRM_DONE;
    }
    t->most = most;
    t->items += one ? n : 0;
    return CRM_OK;
}

/* Of some items, or where some have no number. */
static int add_some(crm__day_view *v, const crm__day_column *c, crm__day_tally *t)
{
    int64_t factor = factor_of(t, c);
    const uint16_t *rows;
    uint64_t far = 0, most;
    uint32_t n, i;
    int rc = crm__day_view_read(v, c, (uint64_t)c->base);

    if (rc)
        return rc;
    n = crm__day_view_left(v);
    CRM__DAY_EACH(v, v->taken, i)
    {
        uint64_t number = (uint64_t)v->numbers[i];
        number = v->numbers[i] < 0 ? 0 - number : number;
        far = number > far ? number : far;
    }
    if (!room_for(t, far, factor, n, &most))
        return CRM_DONE;
    t->most = most;
    rows = crm__day_view_rows(v);
    CRM__DAY_EACH(v, v->taken, i)
    {
        t->cells[rows[i]] += (uint64_t)(v->numbers[i] * factor);
    }
    return CRM_OK;
}

static void add_counts(crm__day_view *v, crm__day_tally *t)
{
    const uint16_t *rows = crm__day_view_rows(v);
    uint32_t i;

    t->items += v->left;
    CRM__DAY_EACH(v, v->in, i)
    {
        t->cells[rows[i]] += ONE;
    }
}

int crm__day_view_tally(crm__day_view *v, uint32_t column, int what, crm__day_tally *t)
{
    const crm__day_column *c = what & CRM__DAY_TALLY_SUM ? crm__day_find(&v->day, column) : NULL;
    int rc;

    if (!v->left)
        return CRM_OK;
    if (c && !t->items && !t->most && c->scale > t->scale)
        t->scale = c->scale;
    if (c && (c->wide || c->wide_size || c->scale > t->scale))
        return CRM_EVALUE;
    if (what & CRM__DAY_TALLY_COUNT && v->left > MOST_ITEMS - t->items)
        return CRM_DONE;
    if (c && !c->bitmap && v->left == v->day.items)
        return add_both(v, c, what & CRM__DAY_TALLY_COUNT ? ONE : 0, t);
    rc = c ? add_some(v, c, t) : CRM_OK;
    if (!rc && what & CRM__DAY_TALLY_COUNT)
        add_counts(v, t);
    return rc;
}

/* ---- asking ---- */

int crm__day_tally_spill(crm__day_tally *t, uint16_t counts[CRM__SET_ROWS], crm__day_sums *s)
{
    int rc = CRM_OK;

    if (!t->items && !t->most)
        return CRM_OK;
    for (uint32_t row = 0; row < CRM__SET_ROWS && !rc; row++) {
        uint64_t cell = t->cells[row], n = count_of(cell);
        if (!cell)
            continue;
        if (counts)
            counts[row] =
                (uint16_t)(n < (uint64_t)UINT16_MAX - counts[row] ? counts[row] + n : UINT16_MAX);
        rc = crm__day_sums_add(s, row, sum_of(cell), t->scale);
    }
    crm__day_tally_reset(t);
    return rc;
}

/* The loop is for stored codes, whose bytes may stand the other way round. */
enum { SWAP = __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ };

void crm__day_tally_counts(const crm__day_tally *t, uint16_t lo, uint16_t hi,
                           uint64_t words[CRM__SET_WORDS])
{
    int flip = lo == 0; /* the others, of which a range does not begin below 0 */
    uint64_t from = flip ? hi + UINT64_C(1) : lo, to = flip ? UINT16_MAX : hi;

    if (SWAP) {
        for (uint32_t row = 0; row < CRM__SET_ROWS; row++) {
            uint64_t n = count_of(t->cells[row]);
            crm__set_put(words, row, lo <= n && n <= hi);
        }
        return;
    }
    if (from > to)
        memset(words, 0, CRM__SET_WORDS * sizeof *words);
    else
        crm__kernel_best()->range64((const uint8_t *)t->cells, CRM__SET_ROWS,
                                    (from << SUM_BITS) - HALF, (to << SUM_BITS) + HALF - 1, words);
    for (uint32_t w = 0; w < CRM__SET_WORDS && flip; w++)
        words[w] = ~words[w];
}

void crm__day_tally_sums(const crm__day_tally *t, const crm__limits *l,
                         uint64_t words[CRM__SET_WORDS])
{
    int64_t lo, hi;

    if (!crm__limits_at(l, t->scale, &lo, &hi)) {
        memset(words, 0, CRM__SET_WORDS * sizeof *words);
        return;
    }
    for (uint32_t w = 0; w < CRM__SET_WORDS; w++) {
        uint64_t keep = words[w];
        for (uint64_t bits = keep; bits; bits &= bits - 1) {
            uint32_t at = (uint32_t)__builtin_ctzll(bits);
            int64_t sum = sum_of(t->cells[w * 64 + at]);
            keep &= ~((uint64_t) !(lo <= sum && sum <= hi) << at);
        }
        words[w] = keep;
    }
}

/* A range of sums, the counts above them shifted away, is one modulo 2^64. */
void crm__day_tally_both(const crm__day_tally *t, uint16_t lo, uint16_t hi, const crm__limits *l,
                         uint64_t words[CRM__SET_WORDS])
{
    crm__range_pair r = {{0, 0}, {0, 0}, 64 - SUM_BITS};
    int64_t from, to, least = -(int64_t)HALF, most = (int64_t)HALF - 1;
    int some = crm__limits_at(l, t->scale, &from, &to);

    if (!some || lo > hi || from > most || to < least) {
        memset(words, 0, CRM__SET_WORDS * sizeof *words);
        return;
    }
    from = from < least ? least : from;
    to = to > most ? most : to;
    r.lo[0] = ((uint64_t)lo << SUM_BITS) - HALF;
    r.span[0] = ((uint64_t)(hi - lo) << SUM_BITS) + (ONE - 1);
    r.lo[1] = (uint64_t)from << r.shift;
    r.span[1] = ((uint64_t)to - (uint64_t)from) << r.shift;
    crm__kernel_best()->range_pair(t->cells, CRM__SET_ROWS, &r, words);
}
