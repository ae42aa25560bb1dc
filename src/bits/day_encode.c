/* SPDX-License-Identifier: MIT
 * Making one part of a day list: see day.h.  The same items give the same bytes.
 */
#include "base/bytes.h"
#include "bits/day_part.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

/* ---- from items to columns ---- */

/* The place of a column in order; the one at hint or after it is tried first, as items name them in
 * order.  *found: it is there. */
static uint32_t series_at(const crm__day_work *w, uint32_t hint, uint32_t column, int *found)
{
    uint32_t lo = 0, hi = w->series_count;

    if (hint < hi && w->series[hint].column == column) {
        *found = 1;
        return hint;
    }
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (w->series[mid].column < column)
            lo = mid + 1;
        else
            hi = mid;
    }
    *found = lo < w->series_count && w->series[lo].column == column;
    return lo;
}

/* CRM_DONE: there are too many columns. */
static int add_cell(crm__day_work *w, uint32_t *hint, const crm__day_value *v, uint32_t item)
{
    crm__day_cell cell;
    int found;
    uint32_t at = series_at(w, *hint, v->column, &found);
    crm__day_series *s = &w->series[at];

    if (!found) {
        if (w->series_count == CRM__DAY_COLUMNS)
            return CRM_DONE;
        memmove(s + 1, s, (w->series_count++ - at) * sizeof *s);
        s->column = v->column;
        s->count = 0;
        s->scale = 0;
    }
    s->count++;
    if (v->scale > s->scale)
        s->scale = v->scale;
    *hint = at + 1;
    memset(&cell, 0, sizeof cell);
    cell.mantissa = v->mantissa;
    cell.column = v->column;
    cell.at = (uint16_t)item;
    cell.scale = v->scale;
    crm__buf_add(&w->values, &cell, sizeof cell);
    return w->values.failed ? CRM_ENOMEM : CRM_OK;
}

static int take_items(crm__day_work *w, const crm__slice *items, size_t n)
{
    w->series_count = 0;
    w->values.n = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t hint = 0;
        int rc = crm__day_item_get(items[i], &w->item);
        if (rc)
            return rc;
        if (i && w->item.row < w->rows[i - 1])
            return CRM_ECORRUPT;
        w->rows[i] = w->item.row;
        w->us[i] = w->item.us;
        for (uint32_t k = 0; k < w->item.count; k++) {
            rc = add_cell(w, &hint, &w->item.values[k], i);
            if (rc)
                return rc;
        }
    }
    return CRM_OK;
}

static int sort_cells(crm__day_work *w)
{
    const crm__day_cell *from = (const crm__day_cell *)(const void *)w->values.p;
    size_t n = w->values.n / sizeof *from;
    uint32_t first = 0, hint = 0;
    crm__day_cell *to;
    int found;

    w->present.n = 0;
    to = (crm__day_cell *)(void *)crm__buf_reserve(&w->present, w->values.n);
    if (!to)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < w->series_count; i++) {
        w->series[i].first = first;
        first += w->series[i].count;
        w->series[i].count = 0;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t at = series_at(w, hint, from[i].column, &found);
        crm__day_series *s = &w->series[at];
        to[s->first + s->count++] = from[i];
        hint = at + 1 < w->series_count ? at + 1 : 0;
    }
    return CRM_OK;
}

/* ---- head ---- */

static unsigned put_rows(crm__day_work *w, size_t n)
{
    unsigned most = 0;

    for (size_t i = 1; i < n; i++) {
        unsigned step = (unsigned)(w->rows[i] - w->rows[i - 1]);
        if (step > most)
            most = step;
    }
    if (!most)
        return CRM__DAY_ONE_ROW;
    if (most <= UINT8_MAX) {
        for (size_t i = 1; i < n; i++)
            crm__buf_add_u8(&w->data, (unsigned)(w->rows[i] - w->rows[i - 1]));
        return CRM__DAY_ROW_STEPS;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t row[2];
        crm__put_le16(row, w->rows[i]);
        crm__buf_add(&w->data, row, sizeof row);
    }
    return CRM__DAY_ROWS;
}

static void put_packed(crm__day_work *w, size_t count, unsigned width)
{
    size_t size = crm__pack_size(count, width);
    uint8_t *to = crm__buf_reserve(&w->data, size);

    if (to) {
        crm__pack(to, w->numbers, count, width);
        w->data.n += size;
    }
}

static void put_head(crm__day_work *w, size_t n)
{
    uint64_t least = UINT64_MAX, most = 0;
    unsigned unit = 1, form, width;
    uint8_t head[CRM__DAY_HEAD];

    while (unit < CRM__DAY_UNITS) {
        int64_t us = crm__day_unit(unit);
        size_t i = 0;
        while (i < n && w->us[i] % us == 0)
            i++;
        if (i == n)
            break;
        unit++;
    }
    for (size_t i = 0; i < n; i++) {
        w->numbers[i] = (uint64_t)(w->us[i] / crm__day_unit(unit));
        if (w->numbers[i] < least)
            least = w->numbers[i];
        if (w->numbers[i] > most)
            most = w->numbers[i];
    }
    for (size_t i = 0; i < n; i++)
        w->numbers[i] -= least;
    width = crm__pack_bits(most - least);
    form = put_rows(w, n);
    put_packed(w, n, width);
    head[0] = CRM__DAY_FORMAT;
    head[1] = (uint8_t)(form << 4 | unit);
    crm__put_le16(head + 2, (uint16_t)(n - 1));
    crm__put_le16(head + 4, w->rows[0]);
    head[6] = (uint8_t)width;
    crm__buf_add(&w->part, head, sizeof head);
    crm__buf_add_varint(&w->part, least);
    crm__buf_add_varint(&w->part, w->series_count);
}

/* ---- columns ---- */

/* The width that makes the column smallest, when the numbers that have more bits stand apart: each
 * then takes a step of about one byte and what it has above the width. */
static unsigned best_width(const uint64_t *numbers, size_t count)
{
    uint32_t with[65] = {0};
    unsigned best = CRM__PACK_WIDE;
    size_t least = SIZE_MAX;

    for (size_t i = 0; i < count; i++)
        with[crm__pack_bits(numbers[i])]++;
    for (unsigned bits = 0; bits <= 64; bits++) {
        unsigned width = crm__pack_width(bits);
        size_t size = crm__pack_size(count, width);
        if (bits && !with[bits])
            continue;
        for (unsigned b = width + 1; b <= 64; b++)
            size += with[b] * (1 + (b - width + 6) / 7);
        if (size < least) {
            least = size;
            best = width;
        }
    }
    return best;
}

/* What is told of one column beside its numbers. */
typedef struct apart {
    uint32_t count;
    uint64_t next; /* the place after the last one told */
    crm__buf *out;
    size_t begin;
} apart;

static void tell_place(apart *a, uint64_t place)
{
    crm__buf_add_varint(a->out, place - a->next);
    a->next = place + 1;
    a->count++;
}

/* What a column's numbers are in all, when the head can tell it; 0: they are alike or too much. */
static uint64_t total_of(const uint64_t *numbers, uint32_t n)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (__builtin_add_overflow(total, numbers[i], &total))
            return 0;
    }
    return total <= INT64_MAX ? total : 0;
}

/* All values at one scale into numbers, less the least of them; those that can't have it give 0.
 * Returns how many these are. */
static uint32_t bring_to_scale(crm__day_work *w, const crm__day_series *s,
                               const crm__day_cell *cells, int64_t *base)
{
    int64_t least = INT64_MAX, v;
    uint32_t wide = 0;

    for (uint32_t i = 0; i < s->count; i++) {
        if (!crm__day_scale_up(cells[i].mantissa, s->scale - cells[i].scale, &v))
            wide++;
        else if (v < least)
            least = v;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        w->numbers[i] = 0;
        if (crm__day_scale_up(cells[i].mantissa, s->scale - cells[i].scale, &v))
            w->numbers[i] = (uint64_t)v - (uint64_t)least;
    }
    *base = least;
    return wide;
}

static void put_bitmap(crm__day_work *w, const crm__day_series *s, const crm__day_cell *cells,
                       size_t n)
{
    uint8_t bits[CRM__DAY_ITEMS / 8] = {0};

    for (uint32_t i = 0; i < s->count; i++)
        bits[cells[i].at / 8] = (uint8_t)(bits[cells[i].at / 8] | 1 << cells[i].at % 8);
    crm__buf_add(&w->data, bits, (n + 7) / 8);
}

static void put_column(crm__day_work *w, const crm__day_series *s, uint32_t step, size_t n)
{
    const crm__day_cell *cells = (const crm__day_cell *)(const void *)w->present.p + s->first;
    apart outliers = {0, 0, &w->data, 0}, wide = {0, 0, &w->data, 0};
    size_t outlier_size, wide_size;
    unsigned width, flags;
    int64_t base, v;
    uint32_t wides = bring_to_scale(w, s, cells, &base);
    uint64_t total = wides ? 0 : total_of(w->numbers, s->count);

    width = best_width(w->numbers, s->count);
    if (s->count < n)
        put_bitmap(w, s, cells, n);
    put_packed(w, s->count, width);
    outliers.begin = w->data.n;
    for (uint32_t i = 0; i < s->count && width < CRM__PACK_WIDE; i++) {
        if (w->numbers[i] >> width) {
            tell_place(&outliers, i);
            crm__buf_add_varint(&w->data, w->numbers[i] >> width);
        }
    }
    outlier_size = w->data.n - outliers.begin;
    wide.begin = w->data.n;
    for (uint32_t i = 0; i < s->count && wides; i++) {
        if (!crm__day_scale_up(cells[i].mantissa, s->scale - cells[i].scale, &v)) {
            tell_place(&wide, i);
            crm__buf_add_u8(&w->data, cells[i].scale);
            crm__buf_add_zigzag(&w->data, cells[i].mantissa);
        }
    }
    wide_size = w->data.n - wide.begin;
    flags = (s->count < n ? CRM__DAY_BITMAP : 0u) | (outliers.count ? CRM__DAY_OUTLIERS : 0u) |
            (wide.count ? CRM__DAY_WIDE : 0u) | (total ? CRM__DAY_TOTAL : 0u);
    crm__buf_add_varint(&w->part, step);
    crm__buf_add_u8(&w->part, flags << 4 | s->scale);
    crm__buf_add_u8(&w->part, width);
    crm__buf_add_zigzag(&w->part, base);
    if (flags & CRM__DAY_BITMAP)
        crm__buf_add_varint(&w->part, s->count);
    if (flags & CRM__DAY_OUTLIERS) {
        crm__buf_add_varint(&w->part, outliers.count);
        crm__buf_add_varint(&w->part, outlier_size);
    }
    if (flags & CRM__DAY_WIDE) {
        crm__buf_add_varint(&w->part, wide.count);
        crm__buf_add_varint(&w->part, wide_size);
    }
    if (total)
        crm__buf_add_varint(&w->part, total);
}

int crm__day_encode(crm__day_work *w, const crm__slice *items, size_t n)
{
    uint32_t before = 0;
    int rc;

    w->part.n = w->data.n = 0;
    if (n > CRM__DAY_ITEMS)
        return CRM_DONE;
    rc = take_items(w, items, n);
    if (!rc)
        rc = sort_cells(w);
    if (rc)
        return rc;
    put_head(w, n);
    for (uint32_t i = 0; i < w->series_count; i++) {
        put_column(w, &w->series[i], w->series[i].column - before, n);
        before = w->series[i].column;
    }
    crm__buf_add(&w->part, w->data.p, w->data.n);
    if (w->part.failed || w->data.failed)
        return CRM_ENOMEM;
    return w->part.n > CRM__DAY_BYTES ? CRM_DONE : CRM_OK;
}
