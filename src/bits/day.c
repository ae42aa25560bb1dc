/* SPDX-License-Identifier: MIT
 * Reading a part of a day list: see day.h.  crm__day_open() looks at the head only, so that a
 * question pays for the columns it asks for; what lies inside a column is bounded again when it is
 * read.
 */
#include "bits/day.h"

#include "base/bytes.h"
#include "bits/day_part.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

enum { CRM__DAY_SWAP = __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ };

/* ---- head ---- */

static uint64_t read_most(crm__reader *r, uint64_t most)
{
    uint64_t v = crm__read_varint(r);

    if (v > most) {
        crm__reader_fail(r);
        return 0;
    }
    return v;
}

static void read_column(crm__reader *r, uint32_t items, crm__day_column *c)
{
    unsigned head = crm__read_u8(r);

    c->scale = head & 15;
    c->flags = (uint8_t)(head >> 4);
    c->width = crm__read_u8(r);
    c->base = crm__read_zigzag(r);
    c->count = (uint16_t)items;
    c->outliers = c->wide = c->outlier_size = c->wide_size = 0;
    c->total = 0;
    if (c->flags & CRM__DAY_BITMAP)
        c->count = (uint16_t)read_most(r, items);
    if (c->flags & CRM__DAY_OUTLIERS) {
        c->outliers = (uint16_t)read_most(r, c->count);
        c->outlier_size = (uint16_t)read_most(r, CRM__DAY_BYTES);
    }
    if (c->flags & CRM__DAY_WIDE) {
        c->wide = (uint16_t)read_most(r, c->count);
        c->wide_size = (uint16_t)read_most(r, CRM__DAY_BYTES);
    }
    if (c->flags & CRM__DAY_TOTAL) {
        c->total = crm__read_varint(r);
        if (c->flags & CRM__DAY_WIDE)
            crm__reader_fail(r);
    }
    if (!c->count || c->flags > CRM__DAY_FLAGS || c->scale > CRM__DAY_SCALE ||
        !crm__pack_width_ok(c->width))
        crm__reader_fail(r);
}

/* As nearly all columns are.  Most numbers have as many bytes in each part, one to three: branches,
 * which are foretold, tell where the next one stands.  Totals have now three bytes, now four, and
 * are read without one.  p NULL: it is none of these. */
typedef struct quick {
    const uint8_t *p;
} quick;

enum { QUICK_MOST = 32 }; /* bytes of such a column, and those read with it */

static inline uint64_t quick_number(quick *q)
{
    const uint8_t *p = q->p;

    if (!p)
        return 0;
    if (p[0] < 0x80) {
        q->p = p + 1;
        return p[0];
    }
    if (p[1] < 0x80) {
        q->p = p[1] ? p + 2 : NULL;
        return (p[0] & 0x7fu) | (uint32_t)p[1] << 7;
    }
    q->p = p[2] && p[2] < 0x80 ? p + 3 : NULL;
    return (p[0] & 0x7fu) | (p[1] & 0x7fu) << 7 | (uint32_t)(p[2] & 0x7f) << 14;
}

/* One to eight bytes, of which eight can be read. */
static inline uint64_t quick_total(quick *q)
{
    const uint8_t *p = q->p;
    uint64_t w, stop;
    size_t last;

    if (!p)
        return 0;
    w = crm__get_le64(p);
    stop = ~w & UINT64_C(0x8080808080808080);
    last = stop ? (size_t)__builtin_ctzll(stop) / 8 : 0;
    q->p = stop && (p[last] || !last) ? p + last + 1 : NULL;
    w &= (stop ^ (stop - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    w = (w & UINT64_C(0x007f007f007f007f)) | (w & UINT64_C(0x7f007f007f007f00)) >> 1;
    w = (w & UINT64_C(0x00003fff00003fff)) | (w & UINT64_C(0x3fff00003fff0000)) >> 2;
    return (w & UINT64_C(0x000000000fffffff)) | (w & UINT64_C(0x0fffffff00000000)) >> 4;
}

static inline uint16_t quick_most(quick *q, uint32_t most)
{
    uint64_t v = quick_number(q);

    q->p = v > most ? NULL : q->p;
    return (uint16_t)v;
}

/* A step to the next column and what read_column() reads; 0: nothing is read. */
static inline int quick_column(crm__reader *r, uint32_t items, uint64_t *step, crm__day_column *c)
{
    quick q = {r->p};
    uint64_t base;
    unsigned head;

    if (crm__reader_left(r) < QUICK_MOST)
        return 0;
    *step = quick_number(&q);
    if (!q.p)
        return 0;
    head = q.p[0];
    c->scale = head & 15;
    c->flags = (uint8_t)(head >> 4);
    c->width = q.p[1];
    q.p += 2;
    base = quick_number(&q);
    c->base = (int64_t)((base >> 1) ^ (0 - (base & 1)));
    c->count = (uint16_t)items;
    c->outliers = c->wide = c->outlier_size = c->wide_size = 0;
    c->total = 0;
    if (head >> 4 & CRM__DAY_BITMAP)
        c->count = quick_most(&q, items);
    if (head >> 4 & CRM__DAY_OUTLIERS) {
        c->outliers = quick_most(&q, c->count);
        c->outlier_size = quick_most(&q, CRM__DAY_BYTES);
    }
    if (head >> 4 & CRM__DAY_TOTAL)
        c->total = quick_total(&q);
    if (!q.p || !c->count || head >> 4 & ~(unsigned)(CRM__DAY_FLAGS & ~CRM__DAY_WIDE) ||
        c->scale > CRM__DAY_SCALE || !crm__pack_width_ok(c->width))
        return 0;
    r->p = q.p;
    return 1;
}

static void read_head(crm__reader *r, crm__day *d)
{
    unsigned head;
    uint64_t column = 0, units;

    if (crm__read_u8(r) != CRM__DAY_FORMAT)
        crm__reader_fail(r);
    head = crm__read_u8(r);
    d->unit = head & 15;
    d->rows_form = (uint8_t)(head >> 4);
    d->items = crm__read_le16(r) + 1u;
    d->first_row = crm__read_le16(r);
    d->time_width = crm__read_u8(r);
    if (crm__reader_left(r) >= 8) {
        quick q = {r->p};
        d->time_base = quick_total(&q);
        r->p = q.p ? q.p : r->p;
        r->failed |= !q.p; /* a time of day has no nine bytes */
    } else {
        d->time_base = crm__read_varint(r);
    }
    d->column_count = (uint32_t)read_most(r, CRM__DAY_COLUMNS);
    if (!crm__day_unit(d->unit) || d->rows_form > CRM__DAY_ROWS || d->items > CRM__DAY_ITEMS) {
        crm__reader_fail(r);
        return;
    }
    units = (uint64_t)(CRM__US_PER_DAY / crm__day_unit(d->unit));
    if (d->time_base >= units || d->time_width > crm__pack_bits(units - 1))
        crm__reader_fail(r);
    for (uint32_t i = 0; i < d->column_count && !r->failed; i++) {
        crm__day_column *c = &d->columns[i];
        uint64_t step;
        if (!quick_column(r, d->items, &step, c)) {
            step = read_most(r, UINT32_MAX);
            read_column(r, d->items, c);
        }
        column += step;
        if (column > UINT32_MAX || (i && !step))
            crm__reader_fail(r);
        c->column = (uint32_t)column;
    }
}

static size_t rows_size(const crm__day *d)
{
    return d->rows_form == CRM__DAY_ONE_ROW     ? 0
           : d->rows_form == CRM__DAY_ROW_STEPS ? d->items - 1
                                                : d->items * 2;
}

int crm__day_open(crm__slice part, crm__day *d)
{
    crm__reader r = crm__reader_of(part.p, part.n);

    if (part.n > CRM__DAY_BYTES)
        return CRM_ECORRUPT;
    read_head(&r, d);
    if (r.failed)
        return CRM_ECORRUPT;
    d->rows = crm__read_bytes(&r, rows_size(d));
    d->times = crm__read_bytes(&r, crm__pack_size(d->items, d->time_width));
    for (uint32_t i = 0; i < d->column_count; i++) {
        crm__day_column *c = &d->columns[i];
        c->bitmap = NULL;
        if (c->flags & CRM__DAY_BITMAP)
            c->bitmap = crm__read_bytes(&r, (d->items + 7) / 8);
        c->packed = crm__read_bytes(&r, crm__pack_size(c->count, c->width));
        c->outlier_bytes = crm__read_bytes(&r, c->outlier_size);
        c->wide_bytes = crm__read_bytes(&r, c->wide_size);
    }
    d->end = r.end;
    return r.failed || crm__reader_left(&r) ? CRM_ECORRUPT : CRM_OK;
}

/* ---- rows and times ---- */

void crm__day_rows(const crm__day *d, uint16_t rows[CRM__DAY_ITEMS])
{
    uint16_t row = d->first_row;

    switch (d->rows_form) {
    case CRM__DAY_ONE_ROW:
        for (uint32_t i = 0; i < d->items; i++)
            rows[i] = row;
        return;
    case CRM__DAY_ROW_STEPS:
        rows[0] = row;
        for (uint32_t i = 1; i < d->items; i++) {
            row = (uint16_t)(row + d->rows[i - 1]);
            rows[i] = row;
        }
        return;
    default:
        memcpy(rows, d->rows, d->items * sizeof *rows);
        for (uint32_t i = 0; i < d->items && CRM__DAY_SWAP; i++)
            rows[i] = crm__swap16(rows[i], 1);
    }
}

void crm__day_times(const crm__day *d, int64_t us[CRM__DAY_ITEMS])
{
    uint64_t *to = (uint64_t *)us; /* of the same size, and both signs of one type may alias */
    uint64_t unit = (uint64_t)crm__day_unit(d->unit);

    crm__unpack(d->times, d->end, d->items, d->time_width, d->time_base, to);
    for (uint32_t i = 0; i < d->items; i++)
        to[i] *= unit;
}

/* ---- values ---- */

const crm__day_column *crm__day_find(const crm__day *d, uint32_t column)
{
    for (uint32_t i = 0; i < d->column_count; i++) {
        if (d->columns[i].column == column)
            return &d->columns[i];
    }
    return NULL;
}

/* Outliers and wide values are told by their place among the values there are. */
static int add_outliers(const crm__day_column *c, uint64_t *values)
{
    crm__reader r = crm__reader_of(c->outlier_bytes, c->outlier_size);
    const uint8_t *p = r.p, *end = r.end;
    uint32_t left = c->outliers, count = c->count;
    unsigned width = c->width;
    uint64_t at = 0;

    if (width == CRM__PACK_WIDE && left)
        return CRM_ECORRUPT;
    for (; left; left--) {
        uint64_t above;
        if (end - p >= 2 && (p[0] | p[1]) < 0x80) { /* as most are */
            at += p[0];
            above = p[1];
            p += 2;
        } else {
            r.p = p;
            at += read_most(&r, CRM__DAY_ITEMS);
            above = crm__read_varint(&r);
            p = r.p;
        }
        if (r.failed || at >= count)
            return CRM_ECORRUPT;
        values[at++] += above << width;
    }
    return r.failed || p != end ? CRM_ECORRUPT : CRM_OK;
}

typedef struct wide_reader {
    crm__reader r;
    uint64_t at;
} wide_reader;

static int read_wide(wide_reader *w, const crm__day_column *c, crm__day_value *v)
{
    w->at += read_most(&w->r, CRM__DAY_ITEMS);
    v->column = c->column;
    v->scale = crm__read_u8(&w->r);
    v->mantissa = crm__read_zigzag(&w->r);
    return w->r.failed || w->at >= c->count || v->scale > CRM__DAY_SCALE ? CRM_ECORRUPT : CRM_OK;
}

static int clear_wide(const crm__day_column *c, uint64_t *values)
{
    wide_reader w = {crm__reader_of(c->wide_bytes, c->wide_size), 0};
    crm__day_value v;

    for (uint32_t i = 0; i < c->wide; i++) {
        if (read_wide(&w, c, &v))
            return CRM_ECORRUPT;
        values[w.at++] = 0;
    }
    return crm__reader_left(&w.r) ? CRM_ECORRUPT : CRM_OK;
}

uint64_t crm__day_bitmap_word(const crm__day *d, const crm__day_column *c, uint32_t word)
{
    uint32_t bytes = (d->items + 7) / 8 - word * 8, left = d->items - word * 64;
    uint8_t last[8] = {0};

    memcpy(last, c->bitmap + word * 8, bytes < 8 ? bytes : 8);
    return crm__get_le64(last) & (left < 64 ? (UINT64_C(1) << left) - 1 : UINT64_MAX);
}

/* Moves the values that follow one another to the items that have them, from the last on, so that
 * none is overwritten before it has moved. */
static void spread(const crm__day *d, uint32_t count, const uint64_t *present, uint64_t *values)
{
    for (uint32_t i = d->items; i-- > 0;)
        values[i] = present[i / 64] >> (i % 64) & 1 ? values[--count] : 0;
}

int crm__day_decode(const crm__day *d, const crm__day_column *c, uint64_t add,
                    uint64_t to[CRM__DAY_ITEMS], uint64_t present[CRM__DAY_ITEMS / 64])
{
    uint64_t own[CRM__DAY_ITEMS / 64];
    uint32_t words = (d->items + 63) / 64, count = 0;

    crm__unpack(c->packed, d->end, c->count, c->width, add, to);
    if ((c->outliers || c->outlier_size) && add_outliers(c, to))
        return CRM_ECORRUPT;
    if ((c->wide || c->wide_size) && clear_wide(c, to))
        return CRM_ECORRUPT;
    if (!c->bitmap) {
        if (present) {
            memset(present, 0xff, words * sizeof *present);
            if (d->items % 64)
                present[words - 1] = (UINT64_C(1) << d->items % 64) - 1;
        }
        return CRM_OK;
    }
    if (!present)
        present = own;
    for (uint32_t i = 0; i < words; i++) {
        present[i] = crm__day_bitmap_word(d, c, i);
        count += (uint32_t)__builtin_popcountll(present[i]);
    }
    if (count != c->count)
        return CRM_ECORRUPT;
    spread(d, count, present, to);
    return CRM_OK;
}

int crm__day_values(const crm__day *d, const crm__day_column *c, int64_t values[CRM__DAY_ITEMS],
                    uint64_t present[CRM__DAY_ITEMS / 64])
{
    return crm__day_decode(d, c, (uint64_t)c->base, (uint64_t *)values, present);
}

/* ---- wide values ---- */

void crm__day_wide_begin(const crm__day *d, const crm__day_column *c, crm__day_wide *w)
{
    w->day = d;
    w->column = c;
    w->p = c->wide_bytes;
    w->left = c->wide;
    w->at = w->item = w->seen = 0;
}

/* The item that has the value of a place: places and items are both gone through once. */
static int item_of(crm__day_wide *w, uint64_t place, uint32_t *item)
{
    const uint8_t *bitmap = w->column->bitmap;

    if (!bitmap) {
        *item = (uint32_t)place;
        return CRM_OK;
    }
    for (; w->item < w->day->items; w->item++) {
        if (!(bitmap[w->item / 8] >> (w->item % 8) & 1))
            continue;
        if (w->seen++ == place) {
            *item = w->item++;
            return CRM_OK;
        }
    }
    return CRM_ECORRUPT;
}

int crm__day_wide_next(crm__day_wide *w, uint32_t *item, crm__day_value *value)
{
    const uint8_t *end = w->column->wide_bytes + w->column->wide_size;
    wide_reader r = {crm__reader_of(w->p, (size_t)(end - w->p)), w->at};

    if (!w->left)
        return CRM_DONE;
    w->left--;
    if (read_wide(&r, w->column, value) || item_of(w, r.at, item)) {
        w->left = 0;
        return CRM_ECORRUPT;
    }
    w->p = r.r.p;
    w->at = (uint32_t)r.at + 1;
    return CRM_OK;
}
