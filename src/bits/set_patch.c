/* SPDX-License-Identifier: MIT
 * One row of a stored set switched without taking the set apart: see set.h.  What is made equals
 * what crm__set_store() makes of the same rows, or nothing is made.
 */
#include "base/bytes.h"
#include "bits/kernel.h"
#include "bits/set_part.h"

#include <string.h>

/* Whether this form is the one that crm__set_store() takes. */
static int stays(unsigned form, uint32_t rows, uint32_t runs)
{
    return crm__set_form(rows, runs) == form;
}

/* Where a row is, or would be. */
static uint32_t place_of(const crm__set_view *v, uint32_t row)
{
    uint32_t lo = 0, hi = v->n;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (crm__get_le16(v->p + 2 * mid) < row)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Runs of an array's rows; 0: they do not ascend. */
static uint32_t array_runs(const uint8_t *p, uint32_t n)
{
    uint32_t runs = 1, wrong = 0;

    for (uint32_t i = 1; i < n; i++) {
        uint32_t before = crm__get_le16(p + 2 * i - 2), row = crm__get_le16(p + 2 * i);
        runs += row != before + 1;
        wrong |= row <= before;
    }
    return wrong ? 0 : runs;
}

static void put_head(uint8_t *p, unsigned form, uint32_t rows)
{
    p[0] = (uint8_t)form;
    p[1] = 0;
    crm__put_le16(p + 2, (uint16_t)(rows - 1));
}

static int patch_array(const crm__set_view *v, uint32_t row, int on, crm__buf *out)
{
    uint32_t at = place_of(v, row), rows = v->n, runs;
    int has = at < v->n && crm__get_le16(v->p + 2 * at) == row;
    uint8_t *p, *q;

    rows = on ? rows + !has : rows - (uint32_t)has;
    if (!rows)
        return 1;
    p = crm__buf_reserve(out, CRM__SET_HEAD + 2 * (size_t)rows);
    if (!p)
        return 0;
    put_head(p, CRM__SET_ARRAY, rows);
    q = p + CRM__SET_HEAD;
    memcpy(q, v->p, 2 * (size_t)at);
    q += 2 * at;
    if (on) {
        crm__put_le16(q, (uint16_t)row);
        q += 2;
    }
    at += (uint32_t)has;
    memcpy(q, v->p + 2 * at, 2 * (size_t)(v->n - at));
    runs = array_runs(p + CRM__SET_HEAD, rows);
    if (!runs || !stays(CRM__SET_ARRAY, rows, runs))
        return 0;
    out->n += CRM__SET_HEAD + 2 * (size_t)rows;
    return 1;
}

static int patch_bitmap(const crm__set_view *v, uint32_t row, int on, crm__buf *out)
{
    const crm__kernel *k = crm__kernel_best();
    uint64_t words[CRM__SET_WORDS] = {0};
    uint32_t rows;
    uint8_t *p;

    k->or_into(words, v->p, CRM__SET_WORDS);
    if (crm__set_count(words) != v->rows)
        return 0;
    rows = v->rows - (uint32_t)crm__set_has(words, row) + (uint32_t)on;
    crm__set_put(words, row, on);
    if (!stays(CRM__SET_BITMAP, rows, crm__set_runs(words)))
        return 0;
    p = crm__buf_reserve(out, CRM__SET_HEAD + CRM__SET_BITMAP_BYTES);
    if (!p)
        return 0;
    put_head(p, CRM__SET_BITMAP, rows);
    p += CRM__SET_HEAD;
    memcpy(p, v->p, CRM__SET_BITMAP_BYTES);
    p[row >> 3] = (uint8_t)((p[row >> 3] & ~(1u << (row & 7))) | (unsigned)on << (row & 7));
    out->n += CRM__SET_HEAD + CRM__SET_BITMAP_BYTES;
    return 1;
}

int crm__set_patch(crm__slice stored, uint32_t row, int on, crm__buf *out)
{
    static const uint8_t NO_ROWS[1];
    crm__set_view v = {.form = CRM__SET_ARRAY, .p = NO_ROWS};

    if (stored.n && crm__set_open(stored, &v))
        return 0;
    if (v.form == CRM__SET_ARRAY)
        return patch_array(&v, row, on, out);
    return v.form == CRM__SET_BITMAP && patch_bitmap(&v, row, on, out);
}
