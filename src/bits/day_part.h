/* SPDX-License-Identifier: MIT
 * What the reader and the maker of parts of day lists share: see day.h.
 */
#ifndef CRM_BITS_DAY_PART_H
#define CRM_BITS_DAY_PART_H

#include "base/time.h"
#include "bits/day.h"
#include "bits/pack.h"

enum { CRM__DAY_FORMAT = 2, CRM__DAY_UNITS = 5, CRM__DAY_HEAD = 7 };
enum { CRM__DAY_ONE_ROW = 0, CRM__DAY_ROW_STEPS = 1, CRM__DAY_ROWS = 2 };
enum { CRM__DAY_BITMAP = 1, CRM__DAY_OUTLIERS = 2, CRM__DAY_WIDE = 4, CRM__DAY_TOTAL = 8 };
enum { CRM__DAY_FLAGS = 15 };

/* Microseconds of a unit: hour, minute, second, millisecond, microsecond are 1 to 5; 0: no unit. */
static inline int64_t crm__day_unit(unsigned unit)
{
    switch (unit) {
    case 1:
        return 3600 * CRM__US_PER_SECOND;
    case 2:
        return 60 * CRM__US_PER_SECOND;
    case 3:
        return CRM__US_PER_SECOND;
    case 4:
        return 1000;
    case 5:
        return 1;
    default:
        return 0;
    }
}

/* m * 10^by, 0 when that leaves int64. */
static inline int crm__day_scale_up(int64_t m, unsigned by, int64_t *out)
{
    while (by-- > 0) {
        if (__builtin_mul_overflow(m, 10, &m))
            return 0;
    }
    *out = m;
    return 1;
}

/* Making: one value of one item. */
typedef struct crm__day_cell {
    int64_t mantissa;
    uint32_t column;
    uint16_t at; /* the item */
    uint8_t scale;
} crm__day_cell;

typedef struct crm__day_series {
    uint32_t column;
    uint32_t count, first; /* its cells, in order of items */
    uint8_t scale;         /* the largest */
} crm__day_series;

/* Reading: the next wide value of a column. */
typedef struct crm__day_ahead {
    crm__day_wide wide;
    uint32_t item; /* UINT32_MAX: none */
    crm__day_value value;
} crm__day_ahead;

struct crm__day_work {
    const crm_allocator *mem;
    crm__day day;
    crm__day_item item;
    uint16_t rows[CRM__DAY_ITEMS];
    int64_t us[CRM__DAY_ITEMS];
    uint64_t numbers[CRM__DAY_ITEMS];
    crm__day_series series[CRM__DAY_COLUMNS];
    uint32_t series_count;
    crm__day_ahead ahead[CRM__DAY_COLUMNS];
    crm__buf values;  /* reading: int64 of each column in turn; making: cells as they come */
    crm__buf present; /* reading: words of each column; making: cells in order of columns */
    crm__buf data;    /* making: what stands behind the head */
    crm__buf part;
    size_t guess; /* items of the last part filled */
};

/* crm__day_values() with `add` in the place of the column's base, modulo 2^64. */
int crm__day_decode(const crm__day *d, const crm__day_column *c, uint64_t add,
                    uint64_t to[CRM__DAY_ITEMS], uint64_t present[CRM__DAY_ITEMS / 64]);

/* Items that have a value, 64 from word * 64 on; of a column with a bitmap. */
uint64_t crm__day_bitmap_word(const crm__day *d, const crm__day_column *c, uint32_t word);

/* Makes one part in w->part of n items.  CRM_OK; CRM_DONE: they do not fit one part (w->part is
 * then of use for its size only, 0 when they are too many); CRM_ECORRUPT, CRM_ENOMEM. */
int crm__day_encode(crm__day_work *w, const crm__slice *items, size_t n);

#endif
