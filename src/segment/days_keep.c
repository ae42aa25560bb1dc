/* SPDX-License-Identifier: MIT
 * Which rows a step takes, by what day lists were folded into.
 */
#include "segment/days_part.h"

#include <stdlib.h>
#include <string.h>

/* counts NULL: those of the tally. */
static void keep_counts(const crm__test *t, const uint16_t *counts, const crm__day_tally *tally,
                        uint64_t *words)
{
    uint64_t any[CRM__SET_WORDS] = {0}, one[CRM__SET_WORDS];

    for (uint32_t i = 0; i < t->limit_count; i++) {
        int64_t lo, hi;
        if (!crm__limits_at(&t->limits[i], 0, &lo, &hi) || hi < 0 || lo > UINT16_MAX)
            continue;
        lo = lo < 0 ? 0 : lo;
        hi = hi > UINT16_MAX ? UINT16_MAX : hi;
        if (counts)
            crm__day_counts_range(counts, (uint16_t)lo, (uint16_t)hi, one);
        else
            crm__day_tally_counts(tally, (uint16_t)lo, (uint16_t)hi, one);
        for (int w = 0; w < CRM__SET_WORDS; w++)
            any[w] |= one[w];
    }
    crm__words_and(words, any);
}

/* Times of the rows there are; `none` is what a row without one has. */
static void keep_times(const crm__test *t, const int64_t *times, int64_t none, uint64_t *words)
{
    for (int32_t row = crm__set_next(words, 0); row >= 0;
         row = crm__set_next(words, (uint32_t)row + 1)) {
        if (times[row] == none || !crm__test_number(t, (crm__decimal){times[row], 0}))
            crm__set_put(words, (uint32_t)row, 0);
    }
}

static void keep_sequence(const crm__step *s, const crm__days_answer *a, uint64_t *words)
{
    for (int32_t row = crm__set_next(words, 0); row >= 0;
         row = crm__set_next(words, (uint32_t)row + 1)) {
        int64_t first = a->first[row], then = a->last[row];
        int in = s->node->negated ? first != INT64_MIN && then <= first
                                  : first != INT64_MAX && then > first;
        if (!in)
            crm__set_put(words, (uint32_t)row, 0);
    }
}

static int by_number(const void *a, const void *b)
{
    const crm__day_number *x = a, *y = b;

    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    if (x->scale != y->scale)
        return x->scale < y->scale ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void keep_distinct(const crm__test *t, crm__days_answer *a, uint64_t *words)
{
    crm__day_number *n = (crm__day_number *)(void *)a->numbers.p;
    size_t count = a->numbers.n / sizeof *n, at = 0;

    if (count)
        qsort(n, count, sizeof *n, by_number);
    for (int32_t row = crm__set_next(words, 0); row >= 0;
         row = crm__set_next(words, (uint32_t)row + 1)) {
        int64_t different = 0;
        while (at < count && n[at].row < row)
            at++;
        for (size_t i = at; i < count && n[i].row == row; i++)
            different += i == at || by_number(&n[i - 1], &n[i]) != 0;
        if (!crm__test_number(t, (crm__decimal){different, 0}))
            crm__set_put(words, (uint32_t)row, 0);
    }
}

/* Rows that any of the limits takes, each tried on the candidates.  tally: sums are there. */
static void keep_any(const crm__step *s, const crm__days_answer *a, const crm__day_tally *tally,
                     uint64_t *words)
{
    uint64_t any[CRM__SET_WORDS] = {0}, one[CRM__SET_WORDS];

    for (uint32_t i = 0; i < s->test.limit_count; i++) {
        const crm__limits *l = &s->test.limits[i];
        memcpy(one, words, sizeof one);
        if (tally)
            crm__day_tally_sums(tally, l, one);
        else if (s->aggregate == CRM__AGG_SUM)
            crm__day_sums_range(&a->sums, l, one);
        else if (s->aggregate == CRM__AGG_AVG)
            crm__day_sums_average(&a->sums, l, one);
        else
            crm__day_best_range(&a->best, l, one);
        for (int w = 0; w < CRM__SET_WORDS; w++)
            any[w] |= one[w];
    }
    memcpy(words, any, sizeof any);
}

/* Counts that stay at the greatest there is are told by the events themselves. */
static int keep_great_counts(crm__run *r, const crm__step *s, const uint16_t *counts,
                             const uint64_t *before, uint64_t *words)
{
    uint64_t great[CRM__SET_WORDS];
    int rc;

    crm__kernel_best()->range16((const uint8_t *)counts, CRM__SET_ROWS, UINT16_MAX, UINT16_MAX,
                                great);
    crm__words_and(great, before);
    if (!crm__words_any(great))
        return CRM_OK;
    for (int w = 0; w < CRM__SET_WORDS; w++)
        words[w] &= ~great[w];
    rc = crm__events_narrow(r, s, great);
    for (int w = 0; w < CRM__SET_WORDS; w++)
        words[w] |= great[w];
    return rc;
}

int crm__days_keep(crm__run *r, const crm__step *s, crm__days_answer *a, uint64_t *words)
{
    uint64_t before[CRM__SET_WORDS];

    if (s->node->op == CRM__NODE_SEQUENCE) {
        keep_sequence(s, a, words);
        return CRM_OK;
    }
    switch (s->aggregate) {
    case CRM__AGG_EXISTS:
        crm__words_and(words, a->any);
        return CRM_OK;
    case CRM__AGG_COUNT:
        memcpy(before, words, sizeof before);
        keep_counts(&s->test, a->counts, NULL, words);
        return keep_great_counts(r, s, a->counts, before, words);
    case CRM__AGG_FIRST:
        keep_times(&s->test, a->first, INT64_MAX, words);
        return CRM_OK;
    case CRM__AGG_LAST:
        keep_times(&s->test, a->last, INT64_MIN, words);
        return CRM_OK;
    case CRM__AGG_DISTINCT:
        if (a->numbers.failed)
            return CRM_ENOMEM;
        keep_distinct(&s->test, a, words);
        return CRM_OK;
    default:
        keep_any(s, a, NULL, words);
        return CRM_OK;
    }
}

/* One range of each, as most questions have.  count NULL: of the sum alone. */
static int keep_both(const crm__day_tally *tally, const crm__test *count, const crm__test *sum,
                     uint64_t *words)
{
    uint64_t found[CRM__SET_WORDS];
    int64_t lo = 0, hi = UINT16_MAX;

    if ((count && count->limit_count != 1) || sum->limit_count != 1)
        return 0;
    if (count &&
        (!crm__limits_at(&count->limits[0], 0, &lo, &hi) || hi < 0 || lo > UINT16_MAX)) {
        memset(words, 0, sizeof found);
        return 1;
    }
    lo = lo < 0 ? 0 : lo;
    hi = hi > UINT16_MAX ? UINT16_MAX : hi;
    crm__day_tally_both(tally, (uint16_t)lo, (uint16_t)hi, &sum->limits[0], found);
    crm__words_and(words, found);
    return 1;
}

int crm__days_keep_tally(crm__run *r, const crm__step *s, uint64_t *words, int *rc)
{
    struct crm__days *d = r->days;
    const crm__test *count = NULL;

    *rc = CRM_OK;
    if (!d->tallied || d->spilled) {
        if (d->tallied)
            *rc = crm__day_tally_spill(&d->tally, d->count ? d->count->counts : NULL,
                                       &d->sum->sums);
        return 0;
    }
    if (d->count)
        count = s == d->tallied ? &s->more->test : &s->test;
    if (keep_both(&d->tally, count, &d->tallied->test, words))
        return 1;
    if (count)
        keep_counts(count, NULL, &d->tally, words);
    keep_any(d->tallied, NULL, &d->tally, words); /* looks at each that is left */
    return 1;
}
