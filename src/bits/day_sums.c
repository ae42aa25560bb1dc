/* SPDX-License-Identifier: MIT
 * Sums, and the least or greatest numbers, of the rows of a chunk: see day_fold.h.
 *
 * A sum is kept in int64 at a scale that all rows share; it is raised when a part has a finer one.
 * `most` bounds all sums, from what parts can hold at most, so that as long as it is small no
 * addition has to be looked at.  A row whose sum leaves int64 becomes wide: 128 bits at scale
 * CRM__DAY_SCALE hold any sum of 2^24 numbers.
 */
#include "bits/day_fold_part.h"
#include "bits/kernel.h"

#include <crm/codes.h>
#include <string.h>

/* ---- sums ---- */

int crm__day_sums_init(crm__day_sums *s, const crm_allocator *mem, uint8_t scale, int counts)
{
    memset(s, 0, sizeof *s);
    s->mem = mem;
    s->scale = s->first_scale = scale;
    s->sums = crm__calloc(mem, CRM__SET_ROWS, sizeof *s->sums);
    s->counts = counts ? crm__calloc(mem, CRM__SET_ROWS, sizeof *s->counts) : NULL;
    if (s->sums && (s->counts || !counts))
        return CRM_OK;
    crm__day_sums_clear(s);
    return CRM_ENOMEM;
}

void crm__day_sums_reset(crm__day_sums *s)
{
    memset(s->sums, 0, CRM__SET_ROWS * sizeof *s->sums);
    if (s->counts)
        memset(s->counts, 0, CRM__SET_ROWS * sizeof *s->counts);
    memset(s->wide, 0, sizeof s->wide);
    s->most = 0;
    s->scale = s->first_scale;
}

void crm__day_sums_clear(crm__day_sums *s)
{
    crm__release(s->mem, s->sums);
    crm__release(s->mem, s->counts);
    crm__release(s->mem, s->bigs);
    s->sums = NULL;
    s->counts = NULL;
    s->bigs = NULL;
}

static int widen(crm__day_sums *s, uint32_t row)
{
    if (!s->bigs)
        s->bigs = crm__alloc(s->mem, CRM__SET_ROWS * sizeof *s->bigs);
    if (!s->bigs)
        return CRM_ENOMEM;
    s->bigs[row] = crm__day_to_big(s->sums[row], s->scale);
    crm__set_put(s->wide, row, 1);
    return CRM_OK;
}

static int add_any(crm__day_sums *s, uint32_t row, int64_t number, unsigned scale)
{
    int64_t at;

    if (!crm__set_has(s->wide, row)) {
        if (crm__scaled_to(number, (int)scale, s->scale, &at) &&
            !__builtin_add_overflow(s->sums[row], at, &at)) {
            s->sums[row] = at;
            return CRM_OK;
        }
        if (widen(s, row))
            return CRM_ENOMEM;
    }
    s->bigs[row] = crm__day_add_big(s->bigs[row], crm__day_to_big(number, scale));
    return CRM_OK;
}

static int64_t power(unsigned n)
{
    int64_t p = 1;

    while (n-- > 0)
        p *= 10;
    return p;
}

static int raise_to(crm__day_sums *s, unsigned scale)
{
    int64_t by = power(scale - s->scale), at;

    if (s->most > (uint64_t)INT64_MAX / (uint64_t)by) {
        for (uint32_t row = 0; row < CRM__SET_ROWS; row++) {
            if (!__builtin_mul_overflow(s->sums[row], by, &at))
                s->sums[row] = at;
            else if (!crm__set_has(s->wide, row) && widen(s, row))
                return CRM_ENOMEM;
        }
        s->most = UINT64_MAX;
    } else if (s->most) {
        for (uint32_t row = 0; row < CRM__SET_ROWS; row++)
            s->sums[row] *= by;
        s->most *= (uint64_t)by;
    }
    s->scale = (uint8_t)scale;
    return CRM_OK;
}

int crm__day_sums_add(crm__day_sums *s, uint32_t row, int64_t number, unsigned scale)
{
    int rc = scale > s->scale ? raise_to(s, scale) : CRM_OK;

    s->most = UINT64_MAX;
    return rc ? rc : add_any(s, row, number, scale);
}

/* No number among v->taken, n of them, is further from 0. */
static uint64_t furthest(const crm__day_view *v, uint32_t n)
{
    uint64_t most = 0;
    uint32_t i;

    if (n == v->day.items) {
        crm__number_sum s;
        uint64_t below, above;
        crm__kernel_best()->sum(v->numbers, n, &s);
        below = s.min < 0 ? 0 - (uint64_t)s.min : 0;
        above = s.max > 0 ? (uint64_t)s.max : 0;
        return below > above ? below : above;
    }
    CRM__DAY_EACH(v, v->taken, i)
    {
        uint64_t far = (uint64_t)v->numbers[i];
        far = v->numbers[i] < 0 ? 0 - far : far;
        most = far > most ? far : most;
    }
    return most;
}

/* v->taken, n of them, where no addition can leave int64. */
static void add_small(crm__day_view *v, uint32_t n, const uint16_t *rows, int64_t factor,
                      int64_t *sums)
{
    uint32_t i;

    if (n == v->day.items && factor == 1) {
        for (i = 0; i < n; i++)
            sums[rows[i]] += v->numbers[i];
        return;
    }
    CRM__DAY_EACH(v, v->taken, i)
    {
        sums[rows[i]] += v->numbers[i] * factor;
    }
}

static int add_column(crm__day_view *v, const crm__day_column *c, const uint16_t *rows,
                      crm__day_sums *s)
{
    int64_t factor = power(s->scale - (unsigned)c->scale);
    uint32_t n = crm__day_view_left(v), i;
    uint64_t most = furthest(v, n);

    if (!__builtin_mul_overflow(most, (uint64_t)factor, &most) &&
        !__builtin_mul_overflow(most, (uint64_t)n, &most) &&
        !__builtin_add_overflow(most, s->most, &most) && most <= INT64_MAX) {
        s->most = most;
        add_small(v, n, rows, factor, s->sums);
        return CRM_OK;
    }
    s->most = UINT64_MAX;
    CRM__DAY_EACH(v, v->taken, i)
    {
        if (add_any(s, rows[i], v->numbers[i], c->scale))
            return CRM_ENOMEM;
    }
    return CRM_OK;
}

static int add_wide(crm__day_view *v, const crm__day_column *c, const uint16_t *rows,
                    crm__day_sums *s)
{
    crm__day_wide wide;
    crm__day_value value;
    uint32_t i;
    int rc = CRM_DONE;

    crm__day_wide_begin(&v->day, c, &wide);
    while (c->wide && !(rc = crm__day_wide_next(&wide, &i, &value))) {
        if (!crm__set_has(v->in, i))
            continue;
        s->most = UINT64_MAX;
        if (add_any(s, rows[i], value.mantissa, value.scale))
            return CRM_ENOMEM;
        if (s->counts)
            s->counts[rows[i]]++;
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

int crm__day_view_sum(crm__day_view *v, uint32_t column, crm__day_sums *s)
{
    const crm__day_column *c = crm__day_find(&v->day, column);
    const uint16_t *rows;
    uint32_t i;
    int rc;

    if (!c || !v->left)
        return CRM_OK;
    rows = crm__day_view_rows(v);
    rc = crm__day_view_read(v, c, (uint64_t)c->base);
    if (!rc && c->scale > s->scale)
        rc = raise_to(s, c->scale);
    if (rc)
        return rc;
    rc = add_column(v, c, rows, s);
    if (!rc && s->counts) {
        CRM__DAY_EACH(v, v->taken, i)
        {
            s->counts[rows[i]]++;
        }
    }
    return rc ? rc : add_wide(v, c, rows, s);
}

__int128 crm__day_sums_get(const crm__day_sums *s, uint32_t row)
{
    return crm__set_has(s->wide, row) ? s->bigs[row] : crm__day_to_big(s->sums[row], s->scale);
}

void crm__day_sums_range(const crm__day_sums *s, const crm__limits *l,
                         uint64_t words[CRM__SET_WORDS])
{
    int64_t lo, hi;
    int some = crm__limits_at(l, s->scale, &lo, &hi);

    for (uint32_t w = 0; w < CRM__SET_WORDS; w++) {
        uint64_t keep = words[w];
        for (uint64_t bits = keep; bits; bits &= bits - 1) {
            uint32_t row = w * 64 + (uint32_t)__builtin_ctzll(bits);
            int64_t sum = s->sums[row];
            int in = crm__set_has(s->wide, row) ? crm__limits_take_big(l, s->bigs[row], 0)
                                                : some && lo <= sum && sum <= hi;
            keep &= ~((uint64_t)!in << (row & 63));
        }
        words[w] = keep;
    }
}

void crm__day_sums_average(const crm__day_sums *s, const crm__limits *l,
                           uint64_t words[CRM__SET_WORDS])
{
    for (uint32_t w = 0; w < CRM__SET_WORDS; w++) {
        uint64_t keep = words[w];
        for (uint64_t bits = keep; bits; bits &= bits - 1) {
            uint32_t row = w * 64 + (uint32_t)__builtin_ctzll(bits);
            __int128 sum = crm__day_sums_get(s, row), n = s->counts[row];
            __int128 down = n ? sum / n - (sum % n < 0) : 0; /* the average, towards -infinity */
            int in = n && crm__limits_take_big(l, down, down * n != sum);
            keep &= ~((uint64_t)!in << (row & 63));
        }
        words[w] = keep;
    }
}

/* ---- the least or the greatest ---- */

int crm__day_best_init(crm__day_best *b, const crm_allocator *mem, int greatest)
{
    memset(b, 0, sizeof *b);
    b->mem = mem;
    b->greatest = greatest;
    b->numbers = crm__alloc(mem, CRM__SET_ROWS * sizeof *b->numbers);
    b->scales = crm__alloc(mem, CRM__SET_ROWS * sizeof *b->scales);
    if (b->numbers && b->scales)
        return CRM_OK;
    crm__day_best_clear(b);
    return CRM_ENOMEM;
}

void crm__day_best_reset(crm__day_best *b)
{
    memset(b->has, 0, sizeof b->has);
}

void crm__day_best_clear(crm__day_best *b)
{
    crm__release(b->mem, b->numbers);
    crm__release(b->mem, b->scales);
    b->numbers = NULL;
    b->scales = NULL;
}

static void take_best(crm__day_best *b, uint32_t row, int64_t number, unsigned scale)
{
    if (crm__set_has(b->has, row)) {
        int than = crm__scaled_compare(number, (int)scale, b->numbers[row], b->scales[row]);
        if (b->greatest ? than <= 0 : than >= 0)
            return;
    }
    b->numbers[row] = number;
    b->scales[row] = (uint8_t)scale;
    crm__set_put(b->has, row, 1);
}

int crm__day_view_best(crm__day_view *v, uint32_t column, crm__day_best *b)
{
    const crm__day_column *c = crm__day_find(&v->day, column);
    const uint16_t *rows;
    crm__day_wide wide;
    crm__day_value value;
    uint32_t i;
    int rc;

    if (!c || !v->left)
        return CRM_OK;
    rows = crm__day_view_rows(v);
    rc = crm__day_view_read(v, c, (uint64_t)c->base);
    if (rc)
        return rc;
    CRM__DAY_EACH(v, v->taken, i)
    {
        if (crm__set_has(v->in, i))
            take_best(b, rows[i], v->numbers[i], c->scale);
    }
    crm__day_wide_begin(&v->day, c, &wide);
    while (!(rc = crm__day_wide_next(&wide, &i, &value))) {
        if (crm__set_has(v->in, i))
            take_best(b, rows[i], value.mantissa, value.scale);
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

void crm__day_best_range(const crm__day_best *b, const crm__limits *l,
                         uint64_t words[CRM__SET_WORDS])
{
    for (uint32_t w = 0; w < CRM__SET_WORDS; w++) {
        uint64_t keep = words[w] & b->has[w];
        for (uint64_t bits = keep; bits; bits &= bits - 1) {
            uint32_t row = w * 64 + (uint32_t)__builtin_ctzll(bits);
            int in = crm__limits_take(l, b->numbers[row], b->scales[row]);
            keep &= ~((uint64_t)!in << (row & 63));
        }
        words[w] = keep;
    }
}
