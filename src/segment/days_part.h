/* SPDX-License-Identifier: MIT
 * What the files of day lists share: what is kept of a chunk while they are read.
 */
#ifndef CRM_SEGMENT_DAYS_PART_H
#define CRM_SEGMENT_DAYS_PART_H

#include "bits/day_fold.h"
#include "segment/step.h"

/* What one question keeps of a chunk; each part is made when first needed. */
typedef struct crm__days_answer {
    uint64_t any[CRM__SET_WORDS];
    uint16_t *counts;
    int64_t *first, *last; /* times; of a sequence the last of what follows in `last` */
    crm__day_sums sums;
    crm__day_best best;
    crm__buf numbers; /* DISTINCT: crm__day_number */
    int has_sums, has_best;
} crm__days_answer;

struct crm__days {
    crm__day_view view;
    crm__days_answer of[CRM__DAYS_ASKS];
    /* A count and a sum of the same events, or a sum alone, are kept in the tally while that is
     * possible. */
    crm__day_tally tally;
    const crm__step *tallied;      /* the step of the sum; NULL: this is no such question */
    crm__days_answer *count, *sum; /* where what has no place in the tally goes; count NULL: none */
    int spilled;                   /* something has */
};

/* days_keep.c: leaves of the rows those that a step takes. */
int crm__days_keep(crm__run *r, const crm__step *s, crm__days_answer *a, uint64_t *words);
/* The same for a sum, and a count, from the tally; 0: they are not there, or not all. */
int crm__days_keep_tally(crm__run *r, const crm__step *s, uint64_t *words, int *rc);

#endif
