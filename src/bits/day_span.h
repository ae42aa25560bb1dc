/* SPDX-License-Identifier: MIT
 * Spans: what the day lists of one kind and chunk come to on each of 32 days: how many items, and
 * for each column how many numbers and their sum.  So a sum by months reads one row where it would
 * read the heads of thirty lists.  Amounts of money are told for each currency apart.  The bytes
 * are in docs/format.md.
 *
 * A span follows from the items of its lists alone, in whatever order they came and went: each is
 * added or taken away by itself, without a look at the others.  Sums go round at 128 bits, which a
 * reader minds (crm__span_sum()).
 *
 * Bytes are untrusted: reading any of them stays inside, and gives numbers or CRM_ECORRUPT.
 */
#ifndef CRM_BITS_DAY_SPAN_H
#define CRM_BITS_DAY_SPAN_H

#include "base/bytes.h"
#include "bits/day_fold.h"

enum { CRM__SPAN_DAYS = 32, CRM__SPAN_SHIFT = 5 };

/* The span of a day, and the day's place in it. */
static inline int32_t crm__span_of(int32_t day)
{
    return day >= 0 ? day >> CRM__SPAN_SHIFT : -1 - ((-1 - day) >> CRM__SPAN_SHIFT);
}
static inline uint32_t crm__span_place(int32_t day)
{
    return (uint32_t)day % CRM__SPAN_DAYS;
}

/* ---- making and changing ---- */

/* The numbers of a column, or those of one currency. */
typedef struct crm__span_series {
    uint32_t column;
    uint32_t currency; /* 1 + crm__day_currency(); 0: no currency stands beside the numbers */
    int64_t counts[CRM__SPAN_DAYS];
    unsigned __int128 sums[CRM__SPAN_DAYS]; /* at scale CRM__DAY_SCALE, going round */
} crm__span_series;

typedef struct crm__span {
    int64_t items[CRM__SPAN_DAYS];
    crm__buf series;                /* crm__span_series, ascending by column and currency */
    uint32_t met[CRM__DAY_COLUMNS]; /* where the n-th value of an item was found last */
} crm__span;

void crm__span_init(crm__span *s, const crm_allocator *mem);
void crm__span_reset(crm__span *s); /* empties, keeps memory */
void crm__span_clear(crm__span *s); /* frees */
/* Of a stored one, in place of what there was.  CRM_OK, CRM_ECORRUPT, CRM_ENOMEM. */
int crm__span_read(crm__span *s, crm__slice stored);
/* An item (crm__day_item_put()) `more` times on a day of the span.  CRM_OK, CRM_ECORRUPT: not an
 * item; CRM_ENOMEM. */
int crm__span_add(crm__span *s, uint32_t place, crm__slice item, int64_t more);
/* Appends the stored form; nothing when there are no items.  CRM_OK, CRM_ENOMEM, CRM_ECORRUPT: of
 * something there are fewer than none, or a sum of none. */
int crm__span_put(const crm__span *s, crm__buf *out);

/* ---- reading in place ---- */

typedef struct crm__span_view {
    uint32_t days; /* bit n: there are items on day n */
    uint8_t items_width;
    const uint8_t *items;
    crm__reader rest; /* series, from the first on */
    uint64_t series;
} crm__span_view;

typedef struct crm__span_column {
    uint32_t column, currency;
    uint8_t scale, count_width, sum_width; /* count_width 0: as many as there are items */
    const uint8_t *counts, *sums;
} crm__span_column;

/* CRM_OK or CRM_ECORRUPT. */
int crm__span_open(crm__slice stored, crm__span_view *v);
/* One series after another: c is the one before, at first all zeros.  CRM_OK, CRM_DONE,
 * CRM_ECORRUPT. */
int crm__span_next(crm__span_view *v, crm__span_column *c);
/* Items of some days, bit n for day n. */
uint64_t crm__span_items(const crm__span_view *v, uint32_t days);
/* Adds count and sum of some days: 1; 0: there are so many that the sum may have gone round, and
 * nothing was added. */
int crm__span_sum(const crm__span_view *v, const crm__span_column *c, uint32_t days,
                  crm__day_total *t);

#endif
