/* SPDX-License-Identifier: MIT
 * Day lists: the events of one kind on one UTC day in one chunk (65,536 rows), as a multiset of
 * items in order of (row, time, values).  A list is cut into parts of at most 4,064 bytes, which
 * with a check tag fill one overflow page.  A part names its columns, so it can be read, and
 * changed, without the model.  The bytes are in docs/format.md.
 *
 * An item is a row, a time within the day and some values; a value is an exact decimal under the
 * number of its column.  Outside a part it has one spelling, whose bytes sort as items do:
 *   row u16, us u40, for each value: column u32, scale u8, length of mantissa u8, mantissa
 * (big-endian; scale as small as it can be; length 128 + n for n bytes of a mantissa >= 0, 127 - n
 * for n bytes of one below, which are then those of the mantissa itself, cut to n).
 *
 * Which row is where: a part is named by its first row, and a number which is 0 but for rows that
 * do not fit one part.  Such a row has parts 0, 1, ... of its own, which hold no other row; every
 * other row lies wholly in one part.
 *
 * Bytes of parts are untrusted: reading any of them stays inside the part and inside the arrays,
 * and gives numbers or CRM_ECORRUPT.  Parts may be only 2-byte aligned.
 */
#ifndef CRM_BITS_DAY_H
#define CRM_BITS_DAY_H

#include "base/mem.h"

enum {
    CRM__DAY_BYTES = 4064,  /* of a part */
    CRM__DAY_ITEMS = 4096,  /* of a part */
    CRM__DAY_COLUMNS = 128, /* of a part, and so of an item */
    CRM__DAY_SCALE = 12,
    CRM__DAY_ITEM_BYTES = 7 + CRM__DAY_COLUMNS * 14
};

/* ---- items ---- */

/* Columns of an attribute: its value (of money the amount), and of money the currency. */
static inline uint32_t crm__day_column_of(uint32_t attribute, int currency)
{
    return attribute << 1 | (currency ? 1 : 0);
}

/* Three upper-case letters as a number, and back (to[4] with NUL). */
int64_t crm__day_currency(const char letters[3]);
void crm__day_currency_text(int64_t number, char to[4]);

typedef struct crm__day_value {
    uint32_t column;
    uint8_t scale; /* 0 to 12 */
    int64_t mantissa;
} crm__day_value;

typedef struct crm__day_item {
    uint16_t row;
    int64_t us; /* since midnight UTC */
    uint32_t count;
    crm__day_value values[CRM__DAY_COLUMNS]; /* ascending columns */
} crm__day_item;

/* Appends the one spelling of an item.  CRM_EINVAL: not an item; CRM_ENOMEM. */
int crm__day_item_put(crm__buf *out, const crm__day_item *item);
/* CRM_ECORRUPT for bytes that are not that spelling of an item. */
int crm__day_item_get(crm__slice bytes, crm__day_item *item);
/* Items of a list ascend by crm__slice_compare() of their spellings. */
static inline uint16_t crm__day_item_row(crm__slice item)
{
    return (uint16_t)(item.p[0] << 8 | item.p[1]);
}

/* ---- reading a part ---- */

typedef struct crm__day_column {
    uint32_t column;
    uint8_t scale; /* of all its values but the wide ones */
    uint8_t width, flags;
    uint16_t count; /* items that have a value */
    uint16_t outliers, wide;
    uint16_t outlier_size, wide_size;
    int64_t base;
    uint64_t total; /* with its flag: what all values are above the base, in all */
    const uint8_t *bitmap; /* NULL: every item has a value */
    const uint8_t *packed, *outlier_bytes, *wide_bytes;
} crm__day_column;

/* Points into the part. */
typedef struct crm__day {
    uint32_t items; /* 1 to CRM__DAY_ITEMS */
    uint16_t first_row;
    uint8_t rows_form, unit, time_width;
    uint64_t time_base;
    const uint8_t *rows, *times, *end;
    uint32_t column_count;
    crm__day_column columns[CRM__DAY_COLUMNS];
} crm__day;

/* Finds where everything lies and verifies all sizes. CRM_OK or CRM_ECORRUPT. */
int crm__day_open(crm__slice part, crm__day *d);
/* Each fills d->items elements.  Of a damaged part, rows and times may be out of order, and times
 * outside the day, by less than two days. */
void crm__day_rows(const crm__day *d, uint16_t rows[CRM__DAY_ITEMS]);
void crm__day_times(const crm__day *d, int64_t us[CRM__DAY_ITEMS]);
/* NULL: no item of the part has a value there. */
const crm__day_column *crm__day_find(const crm__day *d, uint32_t column);
/* Mantissas at the column's scale, 0 where there is none or a wide one; bit i of present (may be
 * NULL) says whether item i has a value.  CRM_OK or CRM_ECORRUPT. */
int crm__day_values(const crm__day *d, const crm__day_column *c, int64_t values[CRM__DAY_ITEMS],
                    uint64_t present[CRM__DAY_ITEMS / 64]);

/* Values that do not fit the column's scale, in order of items: those crm__day_values() gave as 0.
 */
typedef struct crm__day_wide {
    const crm__day *day;
    const crm__day_column *column;
    const uint8_t *p;
    uint32_t left, at, item, seen;
} crm__day_wide;
void crm__day_wide_begin(const crm__day *d, const crm__day_column *c, crm__day_wide *w);
/* CRM_OK, CRM_DONE or CRM_ECORRUPT. */
int crm__day_wide_next(crm__day_wide *w, uint32_t *item, crm__day_value *value);

/* ---- whole lists ---- */

/* Memory for reading and making parts, kept from one to the next. */
typedef struct crm__day_work crm__day_work;
crm__day_work *crm__day_work_new(const crm_allocator *mem); /* NULL: no memory */
void crm__day_work_free(crm__day_work *w);                  /* NULL does nothing */
const crm_allocator *crm__day_work_mem(const crm__day_work *w);

/* Items one after another. */
typedef struct crm__day_list {
    crm__buf bytes;
    crm__buf lengths; /* uint16_t of each */
} crm__day_list;

void crm__day_list_init(crm__day_list *l, const crm_allocator *mem);
void crm__day_list_clear(crm__day_list *l);
static inline size_t crm__day_list_count(const crm__day_list *l)
{
    return l->lengths.n / sizeof(uint16_t);
}
/* The next item, from *at and *index = 0 on; p is NULL at the end. */
crm__slice crm__day_list_next(const crm__day_list *l, size_t *at, size_t *index);

/* Appends the items of a part.  CRM_ECORRUPT: not a part, or its items are not in order;
 * CRM_ENOMEM. */
int crm__day_items(crm__day_work *w, crm__slice part, crm__day_list *out);
/* Appends the first of them only; the order of the others is not looked at. */
int crm__day_first(crm__day_work *w, crm__slice part, crm__day_list *out);

/* Gives the parts of a list, whose items (n > 0) are in order.  even: parts are halved until they
 * fit, so that later items find room; else each is filled.  Stops at a non-zero result.
 * CRM_ECORRUPT: an item is not one, or rows are out of order; CRM_EFULL: a row has more than 65,536
 * parts; CRM_ENOMEM. */
typedef int (*crm__day_part_fn)(void *ctx, uint16_t row, uint16_t number, crm__slice part);
int crm__day_build(crm__day_work *w, const crm__slice *items, size_t n, int even,
                   crm__day_part_fn fn, void *ctx);

#endif
