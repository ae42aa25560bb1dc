/* SPDX-License-Identifier: MIT
 * What numbers are added into: a cell for each combination of groups that something was found in,
 * and in it a tally of each measure.  Everything is exact: sums have 128 bits and refuse to leave
 * them, values that are kept one by one are kept as they are.
 */
#ifndef CRM_SEGMENT_NUMBER_CELLS_H
#define CRM_SEGMENT_NUMBER_CELLS_H

#include "bits/day_fold.h"
#include "segment/sort.h"

#include <crm/types.h>
#include <stdint.h>

enum { CRM__CELLS_MOST = 1 << 20, CRM__CODES_MOST = 1 << 20 };

/* ---- numbers one by one ---- */

/* In int64 at one scale as long as they are whole there, the others at CRM__SCALE_MOST. */
typedef struct crm__values {
    crm__buf numbers, bigs;
    int8_t scale;
    crm__looking looking; /* whether sorting them goes on */
} crm__values;

/* ---- one measure in one cell ---- */

typedef struct crm__tally {
    uint64_t count; /* of numbers, or of what is counted */
    __int128 sum;   /* at CRM__SCALE_MOST */
    int64_t min, max;
    int8_t min_scale, max_scale;
    crm__values *values; /* percentiles and distinct values; NULL: none yet */
} crm__tally;

typedef struct crm__cell_key {
    uint32_t a, b;     /* codes of the groups, 0: none */
    uint32_t currency; /* 1 + crm__day_currency(), 0: no money */
} crm__cell_key;

typedef struct crm__cells {
    const crm_allocator *mem;
    const uint8_t *ops; /* crm__measure_op of each measure */
    uint32_t measures, count, cap, size, last;
    uint32_t *index; /* open addressing: cell + 1 */
    crm__cell_key *keys;
    crm__tally *tallies; /* `measures` of each cell */
    crm__looking looking;
    uint32_t asked; /* cells looked for, by which it looks */
} crm__cells;

void crm__cells_init(crm__cells *c, const crm_allocator *mem, const uint8_t *ops,
                     uint32_t measures);
void crm__cells_clear(crm__cells *c);
/* The tallies of a cell, which is made; they move when another one is made.  CRM_ENOMEM,
 * CRM_ECANCELLED, CRM_EVALUE: too many cells. */
int crm__cells_at(crm__cells *c, uint32_t a, uint32_t b, uint32_t currency, crm__tally **out);
/* Whether nothing was found in a cell that was made. */
int crm__cells_empty(const crm__cells *c, uint32_t cell);
/* NULL: nothing was found in it. */
const crm__tally *crm__cells_find(const crm__cells *c, uint32_t a, uint32_t b, uint32_t currency);

/* One number for one measure.  CRM_OK, CRM_ENOMEM, CRM_EVALUE: the sum leaves 128 bits. */
int crm__tally_add(crm__cells *c, uint32_t measure, crm__tally *t, int64_t number, int scale);
/* n numbers of one scale. */
int crm__tally_add_many(crm__cells *c, uint32_t measure, crm__tally *t, const int64_t *numbers,
                        uint32_t n, int scale);
/* What the numbers of a part come to, of a measure that keeps none. */
int crm__tally_add_total(crm__tally *t, const crm__day_total *total);
/* The same of a measure that asks for neither least nor greatest. */
int crm__tally_add_sum(crm__tally *t, const crm__day_total *total);
void crm__values_add_big(crm__values *v, __int128 big);
/* What was kept one by one, once all of it is there: how many differ, and that of a rank from 0.
 * CRM_OK, CRM_ENOMEM, CRM_ECANCELLED. */
int crm__values_distinct(crm__values *v, uint64_t *count);
int crm__values_rank(crm__values *v, uint64_t rank, __int128 *out);

/* ---- codes ---- */

/* Codes 1, 2, ... of numbers, in order of their first appearance. */
typedef struct crm__codes {
    const crm_allocator *mem;
    int64_t *keys; /* of code i + 1 */
    uint32_t *index;
    uint32_t count, cap, size, last;
    crm__looking looking;
    uint32_t asked;
} crm__codes;

void crm__codes_init(crm__codes *c, const crm_allocator *mem);
void crm__codes_clear(crm__codes *c);
/* CRM_OK, CRM_ENOMEM, CRM_ECANCELLED, CRM_EVALUE: too many. */
int crm__codes_of(crm__codes *c, int64_t key, uint32_t *code);

/* Numbers 1, 2, ... of texts. */
typedef struct crm__text_numbers {
    const crm_allocator *mem;
    crm__arena texts;
    crm__slice *of;   /* of number i + 1 */
    uint32_t *hashes; /* of the same, so that a larger index is made without the texts */
    uint32_t *index;
    uint32_t count, cap, size;
    crm__looking looking;
} crm__text_numbers;

void crm__text_numbers_init(crm__text_numbers *t, const crm_allocator *mem);
void crm__text_numbers_clear(crm__text_numbers *t);
int crm__text_number_of(crm__text_numbers *t, crm__slice text, uint32_t *number);

#endif
