/* SPDX-License-Identifier: MIT
 * Whole day lists: the items of a part, and items cut into parts: see day.h.
 */
#include "bits/day_part.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_GUESS = 512, TRIES = 6 };

crm__day_work *crm__day_work_new(const crm_allocator *mem)
{
    crm__day_work *w = crm__alloc(mem, sizeof *w);

    if (!w)
        return NULL;
    memset(w, 0, sizeof *w);
    w->mem = mem;
    crm__buf_init(&w->values, mem);
    crm__buf_init(&w->present, mem);
    crm__buf_init(&w->data, mem);
    crm__buf_init(&w->part, mem);
    return w;
}

void crm__day_work_free(crm__day_work *w)
{
    if (!w)
        return;
    crm__buf_clear(&w->values);
    crm__buf_clear(&w->present);
    crm__buf_clear(&w->data);
    crm__buf_clear(&w->part);
    crm__release(w->mem, w);
}

const crm_allocator *crm__day_work_mem(const crm__day_work *w)
{
    return w->mem;
}

/* ---- the items of a part ---- */

static int look_ahead(crm__day_ahead *a)
{
    int rc = crm__day_wide_next(&a->wide, &a->item, &a->value);

    if (rc)
        a->item = UINT32_MAX;
    return rc == CRM_DONE ? CRM_OK : rc;
}

/* Whether the head tells the total of the values that there are. */
static int same_total(const crm__day *d, const crm__day_column *c, const int64_t *values,
                      const uint64_t *present)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < d->items; i++) {
        if (present[i / 64] >> (i % 64) & 1)
            total += (uint64_t)values[i] - (uint64_t)c->base;
    }
    return !(c->flags & CRM__DAY_TOTAL) || total == c->total;
}

static int read_columns(crm__day_work *w)
{
    const crm__day *d = &w->day;
    size_t values = (size_t)d->column_count * d->items * sizeof(int64_t);
    size_t words = (size_t)d->column_count * (CRM__DAY_ITEMS / 64) * sizeof(uint64_t);
    int64_t *v;
    uint64_t *p;

    w->values.n = w->present.n = 0;
    v = (int64_t *)(void *)crm__buf_reserve(&w->values, values);
    p = (uint64_t *)(void *)crm__buf_reserve(&w->present, words);
    if (!v || !p)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < d->column_count; i++) {
        crm__day_wide_begin(d, &d->columns[i], &w->ahead[i].wide);
        if (crm__day_values(d, &d->columns[i], v, p) || !same_total(d, &d->columns[i], v, p) ||
            look_ahead(&w->ahead[i]))
            return CRM_ECORRUPT;
        v += d->items;
        p += CRM__DAY_ITEMS / 64;
    }
    return CRM_OK;
}

static int read_item(crm__day_work *w, uint32_t i)
{
    const crm__day *d = &w->day;
    const int64_t *v = (const int64_t *)(const void *)w->values.p;
    const uint64_t *p = (const uint64_t *)(const void *)w->present.p;
    crm__day_item *item = &w->item;

    item->row = w->rows[i];
    item->us = w->us[i];
    item->count = 0;
    for (uint32_t k = 0; k < d->column_count; k++) {
        crm__day_value *to = &item->values[item->count];
        if (!(p[k * (CRM__DAY_ITEMS / 64) + i / 64] >> (i % 64) & 1))
            continue;
        item->count++;
        if (w->ahead[k].item == i) {
            *to = w->ahead[k].value;
            if (look_ahead(&w->ahead[k]))
                return CRM_ECORRUPT;
            continue;
        }
        to->column = d->columns[k].column;
        to->scale = d->columns[k].scale;
        to->mantissa = v[(size_t)k * d->items + i];
    }
    return CRM_OK;
}

static int read_items(crm__day_work *w, crm__slice part, uint32_t most, crm__day_list *out)
{
    size_t before = 0, length = 0;
    int rc = crm__day_open(part, &w->day);

    if (!rc)
        rc = read_columns(w);
    if (rc)
        return rc;
    crm__day_rows(&w->day, w->rows);
    crm__day_times(&w->day, w->us);
    if (w->rows[0] != w->day.first_row)
        return CRM_ECORRUPT;
    for (uint32_t i = 0; i < w->day.items && i < most; i++) {
        size_t at = out->bytes.n, n;
        uint16_t n16;
        if (read_item(w, i))
            return CRM_ECORRUPT;
        rc = crm__day_item_put(&out->bytes, &w->item);
        if (rc)
            return rc == CRM_ENOMEM ? rc : CRM_ECORRUPT;
        n = out->bytes.n - at;
        if (i && crm__slice_compare((crm__slice){out->bytes.p + before, length},
                                    (crm__slice){out->bytes.p + at, n}) > 0)
            return CRM_ECORRUPT;
        before = at;
        length = n;
        n16 = (uint16_t)n;
        crm__buf_add(&out->lengths, &n16, sizeof n16);
        if (out->lengths.failed)
            return CRM_ENOMEM;
    }
    return CRM_OK;
}

int crm__day_items(crm__day_work *w, crm__slice part, crm__day_list *out)
{
    return read_items(w, part, CRM__DAY_ITEMS, out);
}

int crm__day_first(crm__day_work *w, crm__slice part, crm__day_list *out)
{
    return read_items(w, part, 1, out);
}

void crm__day_list_init(crm__day_list *l, const crm_allocator *mem)
{
    crm__buf_init(&l->bytes, mem);
    crm__buf_init(&l->lengths, mem);
}

void crm__day_list_clear(crm__day_list *l)
{
    crm__buf_clear(&l->bytes);
    crm__buf_clear(&l->lengths);
}

crm__slice crm__day_list_next(const crm__day_list *l, size_t *at, size_t *index)
{
    crm__slice s = {NULL, 0};
    uint16_t n;

    if (*index >= l->lengths.n / sizeof n)
        return s;
    memcpy(&n, l->lengths.p + *index * sizeof n, sizeof n);
    s.p = l->bytes.p + *at;
    s.n = n;
    *at += n;
    ++*index;
    return s;
}

/* ---- cutting ---- */

typedef struct cutter {
    crm__day_work *w;
    const crm__slice *items;
    crm__day_part_fn fn;
    void *ctx;
    int begun;
    uint16_t row; /* of the last part given */
    uint32_t number;
} cutter;

/* Gives what crm__day_encode() made last. */
static int give(cutter *c, size_t first)
{
    uint16_t row = crm__day_item_row(c->items[first]);

    c->number = c->begun && row == c->row ? c->number + 1 : 0;
    c->row = row;
    c->begun = 1;
    if (c->number > UINT16_MAX)
        return CRM_EFULL;
    return c->fn(c->ctx, row, (uint16_t)c->number, (crm__slice){c->w->part.p, c->w->part.n});
}

/* Bounds of the row of item `at` within lo to hi. */
static size_t row_begin(const cutter *c, size_t lo, size_t at)
{
    uint16_t row = crm__day_item_row(c->items[at]);

    while (at > lo && crm__day_item_row(c->items[at - 1]) == row)
        at--;
    return at;
}

static size_t row_end(const cutter *c, size_t at, size_t hi)
{
    uint16_t row = crm__day_item_row(c->items[at]);

    while (at < hi && crm__day_item_row(c->items[at]) == row)
        at++;
    return at;
}

static int halve(cutter *c, size_t lo, size_t hi)
{
    size_t mid = lo + (hi - lo) / 2, down, up;
    int rc = crm__day_encode(c->w, c->items + lo, hi - lo);

    if (rc != CRM_DONE)
        return rc ? rc : give(c, lo);
    down = row_begin(c, lo, mid);
    up = row_end(c, mid, hi);
    if (down > lo && (up == hi || mid - down <= up - mid))
        mid = down;
    else if (up < hi)
        mid = up;
    rc = halve(c, lo, mid);
    return rc ? rc : halve(c, mid, hi);
}

/* How many items from lo on fill a part; they are then encoded.  Lengths are tried by what the last
 * one took, so it is seldom more than three. */
static int fill_one(cutter *c, size_t lo, size_t hi, size_t *count)
{
    crm__day_work *w = c->w;
    size_t fits = 0, not = hi - lo + 1, n = w->guess ? w->guess : FIRST_GUESS, last = 0;
    int rc;

    for (int tries = 0; fits + 1 < not ; tries++) {
        size_t size;
        if (n >= not )
            n = not -1;
        if (n <= fits || tries >= TRIES)
            n = fits + (not -fits) / 2;
        last = n;
        rc = crm__day_encode(w, c->items + lo, n);
        if (rc && rc != CRM_DONE)
            return rc;
        size = w->part.n;
        if (rc) {
            not = n;
            n = size ? n * (CRM__DAY_BYTES - 40) / size : n / 2;
            continue;
        }
        fits = n;
        if (size >= CRM__DAY_BYTES - CRM__DAY_BYTES / 16)
            break;
        n = n * (CRM__DAY_BYTES - 40) / size;
        if (n <= fits)
            break;
    }
    *count = fits;
    if (!fits)
        return CRM_ECORRUPT; /* one item always fits */
    if (lo + fits < hi)
        w->guess = fits;
    return last == fits ? CRM_OK : crm__day_encode(w, c->items + lo, fits);
}

/* Parts of one row, which does not fit one of them. */
static int fill_row(cutter *c, size_t lo, size_t hi)
{
    size_t n;
    int rc = CRM_OK;

    for (; lo < hi && !rc; lo += n) {
        rc = fill_one(c, lo, hi, &n);
        if (!rc)
            rc = give(c, lo);
    }
    return rc;
}

static int fill(cutter *c, size_t lo, size_t hi)
{
    size_t n, end;
    int rc = CRM_OK;

    while (lo < hi && !rc) {
        rc = fill_one(c, lo, hi, &n);
        if (rc)
            return rc;
        end = lo + n;
        if (end == hi || crm__day_item_row(c->items[end]) != crm__day_item_row(c->items[end - 1])) {
            rc = give(c, lo);
        } else if ((end = row_begin(c, lo, end - 1)) > lo) {
            rc = crm__day_encode(c->w, c->items + lo, end - lo);
            if (!rc)
                rc = give(c, lo);
        } else {
            end = row_end(c, lo, hi);
            rc = fill_row(c, lo, end);
        }
        lo = end;
    }
    return rc == CRM_DONE ? CRM_ECORRUPT : rc;
}

int crm__day_build(crm__day_work *w, const crm__slice *items, size_t n, int even,
                   crm__day_part_fn fn, void *ctx)
{
    cutter c = {w, items, fn, ctx, 0, 0, 0};

    return even ? halve(&c, 0, n) : fill(&c, 0, n);
}
