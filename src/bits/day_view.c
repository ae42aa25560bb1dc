/* SPDX-License-Identifier: MIT
 * Which items of a part of a day list are asked about: see day_fold.h.
 */
#include "base/bytes.h"
#include "bits/day_fold_part.h"
#include "bits/kernel.h"
#include "bits/set_part.h"

#include <crm/codes.h>
#include <string.h>

static uint32_t words_of(const crm__day_view *v)
{
    return (v->day.items + 63) / 64;
}

/* The items there are, in word w. */
static uint64_t all_of(const crm__day_view *v, uint32_t w)
{
    uint32_t left = v->day.items - w * 64;

    return left < 64 ? (UINT64_C(1) << left) - 1 : UINT64_MAX;
}

int crm__day_view_open(crm__day_view *v, crm__slice part)
{
    int rc = crm__day_open(part, &v->day);

    if (rc)
        return rc;
    v->has_rows = 0;
    v->left = v->day.items;
    for (uint32_t w = 0; w < words_of(v); w++)
        v->in[w] = all_of(v, w);
    return CRM_OK;
}

const uint16_t *crm__day_view_rows(crm__day_view *v)
{
    if (!v->has_rows)
        crm__day_rows(&v->day, v->rows);
    v->has_rows = 1;
    return v->rows;
}

uint32_t crm__day_view_left(crm__day_view *v)
{
    uint32_t left = 0;

    for (uint32_t w = 0; w < words_of(v); w++) {
        v->taken[w] &= v->in[w];
        left += crm__set_ones(v->taken[w]);
    }
    return left;
}

/* Keeps the items in v->taken, or with `negated` the others. */
static void keep(crm__day_view *v, int negated)
{
    uint64_t flip = negated ? UINT64_MAX : 0;

    v->left = 0;
    for (uint32_t w = 0; w < words_of(v); w++) {
        v->in[w] &= v->taken[w] ^ flip;
        v->left += crm__set_ones(v->in[w]);
    }
}

static void keep_none(crm__day_view *v, int negated)
{
    if (negated)
        return;
    memset(v->in, 0, words_of(v) * sizeof *v->in);
    v->left = 0;
}

void crm__day_view_window(crm__day_view *v, int64_t from_us, int64_t until_us)
{
    if ((from_us <= 0 && until_us >= CRM__US_PER_DAY) || !v->left)
        return;
    crm__day_times(&v->day, v->numbers);
    for (uint32_t w = 0; w < words_of(v); w++) {
        uint32_t n = v->day.items - w * 64;
        uint64_t word = 0;
        for (uint32_t i = 0; i < (n < 64 ? n : 64); i++) {
            int64_t us = v->numbers[w * 64 + i];
            word |= (uint64_t)(from_us <= us && us < until_us) << i;
        }
        v->taken[w] = word;
    }
    keep(v, 0);
}

void crm__day_view_among(crm__day_view *v, const uint64_t words[CRM__SET_WORDS])
{
    const uint16_t *rows;

    if (!v->left)
        return;
    rows = crm__day_view_rows(v);
    for (uint32_t w = 0; w < words_of(v); w++, rows += 64) {
        uint32_t n = v->day.items - w * 64;
        uint64_t word = 0;
        for (uint32_t i = 0; i < (n < 64 ? n : 64); i++)
            word |= (words[rows[i] >> 6] >> (rows[i] & 63) & 1) << i;
        v->taken[w] = word;
    }
    keep(v, 0);
}

int crm__day_view_read(crm__day_view *v, const crm__day_column *c, uint64_t add)
{
    crm__day_wide wide;
    crm__day_value value;
    uint32_t item;
    int rc = crm__day_decode(&v->day, c, add, (uint64_t *)v->numbers, v->taken);

    if (rc || !c->wide)
        return rc;
    crm__day_wide_begin(&v->day, c, &wide);
    while (!(rc = crm__day_wide_next(&wide, &item, &value)))
        crm__set_put(v->taken, item, 0);
    return rc == CRM_DONE ? CRM_OK : rc;
}

int crm__day_view_alike(const crm__day_view *v, uint32_t column, int64_t *number, int *any)
{
    const crm__day_column *c = crm__day_find(&v->day, column);

    *any = c != NULL;
    *number = c ? c->base : 0;
    return !c || (crm__day_alike(c) && !c->scale);
}

/* v->taken = items that have a value, of a column with a bitmap. */
static int read_bitmap(crm__day_view *v, const crm__day_column *c)
{
    uint32_t count = 0;

    for (uint32_t w = 0; w < words_of(v); w++) {
        v->taken[w] = crm__day_bitmap_word(&v->day, c, w);
        count += crm__set_ones(v->taken[w]);
    }
    return count == c->count ? CRM_OK : CRM_ECORRUPT;
}

/* Of a column whose values are all equal, or where only their being there is asked. */
static int keep_alike(crm__day_view *v, const crm__day_column *c, int taken, int negated)
{
    int rc;

    if (!taken) {
        keep_none(v, negated);
        return CRM_OK;
    }
    if (!c->bitmap) {
        if (negated)
            keep_none(v, 0);
        return CRM_OK;
    }
    rc = read_bitmap(v, c);
    if (!rc)
        keep(v, negated);
    return rc;
}

/* Sets the items whose wide value is taken. */
static int take_wide(crm__day_view *v, const crm__day_column *c, const crm__limits *l)
{
    crm__day_wide wide;
    crm__day_value value;
    uint32_t item;
    int rc = CRM_DONE;

    crm__day_wide_begin(&v->day, c, &wide);
    while (c->wide && !(rc = crm__day_wide_next(&wide, &item, &value))) {
        if (crm__limits_take(l, value.mantissa, value.scale))
            crm__set_put(v->taken, item, 1);
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

enum { SWAP = __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ };

/* hit = items whose number, without sign, is at most `most`. */
static void numbers_below(crm__day_view *v, uint64_t most, uint64_t *hit)
{
    uint32_t n = words_of(v) * 64;

    memset(v->numbers + v->day.items, 0, (n - v->day.items) * sizeof *v->numbers);
    for (uint32_t i = 0; i < n && SWAP; i++) /* the loop is made for stored numbers */
        v->numbers[i] = (int64_t)crm__swap64((uint64_t)v->numbers[i], 1);
    crm__kernel_best()->range64((const uint8_t *)v->numbers, n, 0, most, hit);
}

int crm__day_view_range(crm__day_view *v, uint32_t column, const crm__limits *l, int negated)
{
    const crm__day_column *c = crm__day_find(&v->day, column);
    uint64_t hit[CRM__DAY_ITEMS / 64];
    uint32_t words = words_of(v);
    int64_t lo, hi;
    int rc, some;

    if (!c || !v->left) {
        keep_none(v, negated);
        return CRM_OK;
    }
    if (!l->flags || crm__day_alike(c))
        return keep_alike(v, c, crm__limits_take(l, c->base, c->scale), negated);
    some = crm__limits_at(l, c->scale, &lo, &hi);
    if (!some)
        lo = hi = 0;
    rc = crm__day_view_read(v, c, (uint64_t)c->base - (uint64_t)lo); /* from lo on, without sign */
    if (rc)
        return rc;
    numbers_below(v, (uint64_t)hi - (uint64_t)lo, hit);
    for (uint32_t w = 0; w < words; w++)
        v->taken[w] &= some ? hit[w] : 0;
    rc = take_wide(v, c, l);
    if (!rc)
        keep(v, negated);
    return rc;
}

/* ---- one of some numbers ---- */

static int among(const int64_t *numbers, size_t n, int64_t number, int scale)
{
    size_t lo = 0, hi = n;

    if (!crm__scaled_to(number, scale, 0, &number))
        return 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (numbers[mid] < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && numbers[lo] == number;
}

int crm__day_view_one_of(crm__day_view *v, uint32_t column, const int64_t *numbers, size_t n,
                         int negated)
{
    const crm__day_column *c = crm__day_find(&v->day, column);
    crm__day_wide wide;
    crm__day_value value;
    uint32_t item;
    int rc;

    if (!c || !v->left) {
        keep_none(v, negated);
        return CRM_OK;
    }
    if (crm__day_alike(c))
        return keep_alike(v, c, among(numbers, n, c->base, c->scale), negated);
    rc = crm__day_view_read(v, c, (uint64_t)c->base);
    if (rc)
        return rc;
    for (uint32_t w = 0; w < words_of(v); w++) {
        v->taken[w] &= v->in[w];
        for (uint64_t bits = v->taken[w]; bits; bits &= bits - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(bits);
            if (!among(numbers, n, v->numbers[i], c->scale))
                v->taken[w] &= ~(UINT64_C(1) << (i & 63));
        }
    }
    crm__day_wide_begin(&v->day, c, &wide);
    while (!(rc = crm__day_wide_next(&wide, &item, &value)))
        crm__set_put(v->taken, item, among(numbers, n, value.mantissa, value.scale));
    if (rc != CRM_DONE)
        return rc;
    keep(v, negated);
    return CRM_OK;
}
