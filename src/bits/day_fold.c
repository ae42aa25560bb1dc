/* SPDX-License-Identifier: MIT
 * What the items of a part that are asked about say of their rows, and in all: see day_fold.h.  The
 * sums are in day_sums.c.
 */
#include "base/bytes.h"
#include "bits/day_fold_part.h"
#include "bits/kernel.h"

#include <crm/codes.h>
#include <string.h>

/* ---- for each row ---- */

/* Rows as they lie in the part: there is no need to copy them. */
static inline uint32_t stored_row(const uint8_t *rows, uint32_t i)
{
    return crm__get_le16(rows + 2 * i);
}

void crm__day_view_any(crm__day_view *v, uint64_t words[CRM__SET_WORDS])
{
    const uint16_t *rows;
    uint32_t i;

    if (!v->left)
        return;
    if (v->left == v->day.items && v->day.rows_form == CRM__DAY_ROWS) {
        crm__kernel_best()->put_rows(words, v->day.rows, v->left);
        return;
    }
    rows = crm__day_view_rows(v);
    CRM__DAY_EACH(v, v->in, i)
    {
        words[rows[i] >> 6] |= UINT64_C(1) << (rows[i] & 63);
    }
}

static inline void count_one(uint16_t *count)
{
    *count = (uint16_t)(*count + (*count != UINT16_MAX));
}

static void count_stored(const uint8_t *rows, uint32_t n, uint16_t *counts)
{
    for (uint32_t i = 0; i < n; i++)
        count_one(&counts[stored_row(rows, i)]);
}

void crm__day_view_count(crm__day_view *v, uint16_t counts[CRM__SET_ROWS])
{
    const uint16_t *rows;
    uint32_t i;

    if (!v->left)
        return;
    if (v->left == v->day.items && v->day.rows_form == CRM__DAY_ROWS) {
        count_stored(v->day.rows, v->left, counts);
        return;
    }
    rows = crm__day_view_rows(v);
    CRM__DAY_EACH(v, v->in, i)
    {
        count_one(&counts[rows[i]]);
    }
}

/* The loop is for stored codes, whose bytes may stand the other way round than in counts. */
enum { SWAP = __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ };

void crm__day_counts_range(const uint16_t counts[CRM__SET_ROWS], uint16_t lo, uint16_t hi,
                           uint64_t words[CRM__SET_WORDS])
{
    if (!SWAP) {
        crm__kernel_best()->range16((const uint8_t *)counts, CRM__SET_ROWS, lo, hi, words);
        return;
    }
    memset(words, 0, CRM__SET_WORDS * sizeof *words);
    for (uint32_t row = 0; row < CRM__SET_ROWS; row++)
        crm__set_put(words, row, lo <= counts[row] && counts[row] <= hi);
}

void crm__day_view_first(crm__day_view *v, int32_t day, int64_t us[CRM__SET_ROWS])
{
    const uint16_t *rows;
    uint32_t i;

    if (!v->left)
        return;
    rows = crm__day_view_rows(v);
    crm__day_times(&v->day, v->numbers);
    CRM__DAY_EACH(v, v->in, i)
    {
        int64_t at = day * CRM__US_PER_DAY + v->numbers[i];
        us[rows[i]] = at < us[rows[i]] ? at : us[rows[i]];
    }
}

void crm__day_view_last(crm__day_view *v, int32_t day, int64_t us[CRM__SET_ROWS])
{
    const uint16_t *rows;
    uint32_t i;

    if (!v->left)
        return;
    rows = crm__day_view_rows(v);
    crm__day_times(&v->day, v->numbers);
    CRM__DAY_EACH(v, v->in, i)
    {
        int64_t at = day * CRM__US_PER_DAY + v->numbers[i];
        us[rows[i]] = at > us[rows[i]] ? at : us[rows[i]];
    }
}

/* ---- one by one ---- */

void crm__day_view_moments(crm__day_view *v, int32_t day, crm__buf *out)
{
    const uint16_t *rows;
    crm__day_moment m;
    uint32_t i;

    if (!v->left)
        return;
    rows = crm__day_view_rows(v);
    crm__day_times(&v->day, v->numbers);
    memset(&m, 0, sizeof m);
    CRM__DAY_EACH(v, v->in, i)
    {
        m.us = day * CRM__US_PER_DAY + v->numbers[i];
        m.row = rows[i];
        crm__buf_add(out, &m, sizeof m);
    }
}

static void add_number(crm__buf *out, uint16_t row, int64_t number, unsigned scale)
{
    crm__day_number n;

    memset(&n, 0, sizeof n);
    while (scale && number % 10 == 0) {
        number /= 10;
        scale--;
    }
    n.number = number;
    n.row = row;
    n.scale = (uint8_t)scale;
    crm__buf_add(out, &n, sizeof n);
}

int crm__day_view_numbers(crm__day_view *v, uint32_t column, crm__buf *out)
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
            add_number(out, rows[i], v->numbers[i], c->scale);
    }
    crm__day_wide_begin(&v->day, c, &wide);
    while (!(rc = crm__day_wide_next(&wide, &i, &value))) {
        if (crm__set_has(v->in, i))
            add_number(out, rows[i], value.mantissa, value.scale);
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

/* ---- in all ---- */

static void bounds(crm__day_total *t, int64_t min, int64_t max, unsigned scale)
{
    if (!t->count || crm__scaled_compare(min, (int)scale, t->min, t->min_scale) < 0) {
        t->min = min;
        t->min_scale = (uint8_t)scale;
    }
    if (!t->count || crm__scaled_compare(max, (int)scale, t->max, t->max_scale) > 0) {
        t->max = max;
        t->max_scale = (uint8_t)scale;
    }
}

/* Moves the numbers of v->taken to the front; how many they are. */
static uint32_t gather(crm__day_view *v)
{
    uint32_t left = crm__day_view_left(v), n = 0, i;

    if (left == v->day.items)
        return left;
    CRM__DAY_EACH(v, v->taken, i)
    {
        v->numbers[n++] = v->numbers[i];
    }
    return n;
}

void crm__day_total_add(const int64_t *numbers, uint32_t n, unsigned scale, crm__day_total *t)
{
    const int64_t far = INT64_MAX / CRM__DAY_ITEMS;
    crm__number_sum s;
    __int128 sum = 0;

    if (!n)
        return;
    crm__kernel_best()->sum(numbers, n, &s);
    if (s.min >= -far && s.max <= far) {
        sum = (int64_t)s.sum;
    } else {
        for (uint32_t i = 0; i < n; i++)
            sum += numbers[i];
    }
    bounds(t, s.min, s.max, scale);
    t->sum = crm__day_add_big(t->sum, crm__day_to_big(sum, scale));
    t->count += n;
}

int crm__day_view_whole(const crm__day_view *v, uint32_t column, crm__day_total *t)
{
    const crm__day_column *c = crm__day_find(&v->day, column);
    __int128 sum;

    if (v->left != v->day.items)
        return 0;
    if (!c)
        return 1;
    if (!(c->flags & CRM__DAY_TOTAL) && !crm__day_alike(c))
        return 0;
    sum = (__int128)c->base * c->count + (__int128)c->total;
    t->sum = crm__day_add_big(t->sum, crm__day_to_big(sum, c->scale));
    t->count += c->count;
    return 1;
}

int crm__day_view_total(crm__day_view *v, uint32_t column, crm__day_total *t)
{
    const crm__day_column *c = crm__day_find(&v->day, column);
    crm__day_wide wide;
    crm__day_value value;
    uint32_t i;
    int rc;

    if (!c || !v->left)
        return CRM_OK;
    rc = crm__day_view_read(v, c, (uint64_t)c->base);
    if (rc)
        return rc;
    crm__day_total_add(v->numbers, gather(v), c->scale, t);
    crm__day_wide_begin(&v->day, c, &wide);
    while (!(rc = crm__day_wide_next(&wide, &i, &value))) {
        if (!crm__set_has(v->in, i))
            continue;
        bounds(t, value.mantissa, value.mantissa, value.scale);
        t->sum = crm__day_add_big(t->sum, crm__day_to_big(value.mantissa, value.scale));
        t->count++;
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

/* ---- item by item ---- */

int crm__day_view_each(crm__day_view *v, uint32_t column, crm__day_numbers *out)
{
    const crm__day_column *c = crm__day_find(&v->day, column);
    size_t words = (v->day.items + 63) / 64;
    crm__day_wide wide;
    crm__day_value value;
    uint32_t i;
    int rc;

    memset(out->has, 0, words * sizeof *out->has);
    if (!c || !v->left)
        return CRM_OK;
    rc = crm__day_view_read(v, c, (uint64_t)c->base);
    if (rc)
        return rc;
    for (size_t w = 0; w < words; w++)
        out->has[w] = v->taken[w] & v->in[w];
    memcpy(out->numbers, v->numbers, v->day.items * sizeof *out->numbers);
    memset(out->scales, c->scale, v->day.items);
    crm__day_wide_begin(&v->day, c, &wide);
    while (!(rc = crm__day_wide_next(&wide, &i, &value))) {
        if (!crm__set_has(v->in, i))
            continue;
        crm__set_put(out->has, i, 1);
        out->numbers[i] = value.mantissa;
        out->scales[i] = value.scale;
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}
