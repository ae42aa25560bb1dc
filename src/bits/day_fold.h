/* SPDX-License-Identifier: MIT
 * What questions do with a part of a day list: which of its items are asked about, told step by
 * step, then added into what is kept for each row of the chunk, or in all.
 *
 *   crm__day_view_open(v, part)        all items are in question
 *   crm__day_view_window, _among, _range, _one_of ...   some are not any more
 *   crm__day_view_any, _count, _sum, _total ...         what is left is added
 *
 * Numbers are exact decimals whatever their scales: nothing is rounded, and sums do not overflow.
 * Damaged parts give numbers or CRM_ECORRUPT; after that the view has to be opened again.
 */
#ifndef CRM_BITS_DAY_FOLD_H
#define CRM_BITS_DAY_FOLD_H

#include "bits/day.h"
#include "bits/limits.h"
#include "bits/set.h"

/* One part; large, so that whoever asks has one for all parts and threads have their own. */
typedef struct crm__day_view {
    crm__day day;
    uint32_t left;                    /* items in question */
    uint64_t in[CRM__DAY_ITEMS / 64]; /* which; no others are set */
    /* What has been read of the part. */
    uint8_t has_rows;
    uint16_t rows[CRM__DAY_ITEMS];
    int64_t numbers[CRM__DAY_ITEMS];
    uint64_t taken[CRM__DAY_ITEMS / 64];
} crm__day_view;

/* CRM_OK or CRM_ECORRUPT. */
int crm__day_view_open(crm__day_view *v, crm__slice part);

/* ---- which items ---- */

/* Keeps those with from_us <= time < until_us, both since midnight UTC of the list's day; costs
 * nothing when that is the whole day. */
void crm__day_view_window(crm__day_view *v, int64_t from_us, int64_t until_us);
/* Keeps those of the rows in words. */
void crm__day_view_among(crm__day_view *v, const uint64_t words[CRM__SET_WORDS]);
/* Keeps those that have a number in the column which the limits take (limits without flags: those
 * that have one), or with `negated` all others. */
int crm__day_view_range(crm__day_view *v, uint32_t column, const crm__limits *l, int negated);
/* The same with some whole numbers, which ascend: of enum values, texts, customers, currencies. */
int crm__day_view_one_of(crm__day_view *v, uint32_t column, const int64_t *numbers, size_t n,
                         int negated);

/* ---- what of them: for each row ---- */

/* Sets the bits of their rows. */
void crm__day_view_any(crm__day_view *v, uint64_t words[CRM__SET_WORDS]);
/* Adds 1 for each item; a count stays at its greatest. */
void crm__day_view_count(crm__day_view *v, uint16_t counts[CRM__SET_ROWS]);
/* words = rows whose count is from lo to hi. */
void crm__day_counts_range(const uint16_t counts[CRM__SET_ROWS], uint16_t lo, uint16_t hi,
                           uint64_t words[CRM__SET_WORDS]);
/* The time of the first and of the last item, since 1970 UTC in microseconds.  Rows without one
 * keep what stands there: begin with INT64_MAX, and INT64_MIN. */
void crm__day_view_first(crm__day_view *v, int32_t day, int64_t us[CRM__SET_ROWS]);
void crm__day_view_last(crm__day_view *v, int32_t day, int64_t us[CRM__SET_ROWS]);

/* Sums, and how many numbers each is of.  All of them are kept at one scale as long as they fit
 * int64; those that do not are kept in 128 bits. */
typedef struct crm__day_sums {
    const crm_allocator *mem;
    int64_t *sums;    /* of each row, at `scale`; of a wide one nothing */
    uint32_t *counts; /* NULL: not asked for */
    __int128 *bigs;   /* of wide rows, at scale CRM__DAY_SCALE; NULL as long as there are none */
    uint64_t wide[CRM__SET_WORDS];
    uint64_t most; /* no sum is further from 0 */
    uint8_t scale, first_scale;
} crm__day_sums;

/* scale: what most numbers are expected to have (2 for money), which only saves time.  counts: for
 * averages.  All sums are 0.  CRM_OK or CRM_ENOMEM. */
int crm__day_sums_init(crm__day_sums *s, const crm_allocator *mem, uint8_t scale, int counts);
void crm__day_sums_reset(crm__day_sums *s); /* all are 0 again */
void crm__day_sums_clear(crm__day_sums *s); /* frees */
/* Adds the numbers of a column.  CRM_OK, CRM_ECORRUPT, CRM_ENOMEM: the sums are then of no use. */
int crm__day_view_sum(crm__day_view *v, uint32_t column, crm__day_sums *s);
/* A sum at scale CRM__DAY_SCALE. */
__int128 crm__day_sums_get(const crm__day_sums *s, uint32_t row);
/* Takes out of words the rows whose sum, or average, the limits do not take; without a number there
 * is no average. */
void crm__day_sums_range(const crm__day_sums *s, const crm__limits *l,
                         uint64_t words[CRM__SET_WORDS]);
void crm__day_sums_average(const crm__day_sums *s, const crm__limits *l,
                           uint64_t words[CRM__SET_WORDS]);

/* Adds one number, of any scale. */
int crm__day_sums_add(crm__day_sums *s, uint32_t row, int64_t number, unsigned scale);

/* Count and sum of each row, or the sum alone, in one cell, for as long as both are small. */
typedef struct crm__day_tally {
    const crm_allocator *mem;
    uint64_t *cells;
    uint64_t most;  /* no sum is further from 0 */
    uint32_t items; /* no count is greater */
    uint8_t scale, first_scale;
} crm__day_tally;

enum { CRM__DAY_TALLY_COUNT = 1, CRM__DAY_TALLY_SUM = 2 };

/* As crm__day_sums_init() and the others. */
int crm__day_tally_init(crm__day_tally *t, const crm_allocator *mem, uint8_t scale);
void crm__day_tally_reset(crm__day_tally *t);
void crm__day_tally_clear(crm__day_tally *t);
/* Adds 1 for each item, or its number in a column if it has one, or both.  CRM_OK;
 * CRM_DONE: there is no room for so many; CRM_EVALUE: there is no place for such numbers; nothing
 * was added then; CRM_ECORRUPT. */
int crm__day_view_tally(crm__day_view *v, uint32_t column, int what, crm__day_tally *t);
/* Adds all to counts (NULL: none were added) and sums; then all are 0.  CRM_OK, CRM_ENOMEM. */
int crm__day_tally_spill(crm__day_tally *t, uint16_t counts[CRM__SET_ROWS], crm__day_sums *s);
/* words = rows whose count is from lo to hi. */
void crm__day_tally_counts(const crm__day_tally *t, uint16_t lo, uint16_t hi,
                           uint64_t words[CRM__SET_WORDS]);
/* words = rows of which both is so. */
void crm__day_tally_both(const crm__day_tally *t, uint16_t lo, uint16_t hi, const crm__limits *l,
                         uint64_t words[CRM__SET_WORDS]);
/* Takes out of words the rows whose sum the limits do not take. */
void crm__day_tally_sums(const crm__day_tally *t, const crm__limits *l,
                         uint64_t words[CRM__SET_WORDS]);

/* The least, or the greatest number of each row. */
typedef struct crm__day_best {
    const crm_allocator *mem;
    int64_t *numbers;
    uint8_t *scales;
    uint64_t has[CRM__SET_WORDS]; /* rows with a number */
    int greatest;
} crm__day_best;

int crm__day_best_init(crm__day_best *b, const crm_allocator *mem, int greatest);
void crm__day_best_reset(crm__day_best *b);
void crm__day_best_clear(crm__day_best *b);
int crm__day_view_best(crm__day_view *v, uint32_t column, crm__day_best *b);
/* Takes out of words the rows whose number the limits do not take, or that have none. */
void crm__day_best_range(const crm__day_best *b, const crm__limits *l,
                         uint64_t words[CRM__SET_WORDS]);

/* ---- what of them: one by one ---- */

typedef struct crm__day_moment {
    int64_t us; /* since 1970 UTC */
    uint16_t row;
} crm__day_moment;

/* Appends row and time of each. */
void crm__day_view_moments(crm__day_view *v, int32_t day, crm__buf *out);

typedef struct crm__day_number {
    int64_t number; /* without zeros at its end, so that what is equal is the same */
    uint16_t row;
    uint8_t scale;
} crm__day_number;

/* Appends row and number of each that has one.  CRM_OK, CRM_ECORRUPT. */
int crm__day_view_numbers(crm__day_view *v, uint32_t column, crm__buf *out);

/* ---- what of them: in all ---- */

typedef struct crm__day_total {
    uint64_t count;   /* of numbers */
    __int128 sum;     /* at scale CRM__DAY_SCALE */
    int64_t min, max; /* when there are any */
    uint8_t min_scale, max_scale;
} crm__day_total;

/* Adds to a total that began as all zeros.  v->left is how many items there are. */
int crm__day_view_total(crm__day_view *v, uint32_t column, crm__day_total *t);

/* Adds only count and sum, if the head of the part tells them: 1; 0: it does not, or not all items
 * are in question, and nothing was added. */
int crm__day_view_whole(const crm__day_view *v, uint32_t column, crm__day_total *t);

/* Adds n numbers of a scale from 0 on. */
void crm__day_total_add(const int64_t *numbers, uint32_t n, unsigned scale, crm__day_total *t);

/* ---- what of them: item by item ---- */

/* Rows of all items of the part, in question or not. */
const uint16_t *crm__day_view_rows(crm__day_view *v);

/* The numbers of the items in question: of item i, when bit i of `has` is set. */
typedef struct crm__day_numbers {
    uint64_t has[CRM__DAY_ITEMS / 64];
    int64_t numbers[CRM__DAY_ITEMS];
    uint8_t scales[CRM__DAY_ITEMS];
} crm__day_numbers;

int crm__day_view_each(crm__day_view *v, uint32_t column, crm__day_numbers *out);
/* Whether all items that have a number in the column have the same whole one, 0 too when none has.
 */
int crm__day_view_alike(const crm__day_view *v, uint32_t column, int64_t *number, int *any);

#endif
