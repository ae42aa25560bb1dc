/* SPDX-License-Identifier: MIT
 * Moments, zones and windows of time for questions.  The C library tells how a zone's clock stands
 * at an instant; all else is counted here, as docs/segment-language.md says.
 */
#ifndef SEGMENT_CLOCK_H
#define SEGMENT_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* The moment and zone that questions are judged at. */
typedef struct w_clock {
    int64_t now;
    const char *zone; /* for crm_txn_options */
    unsigned serial;  /* another one with every change */
} w_clock;
extern w_clock w_at;

void w_clock_set(int64_t now, const char *zone);
/* A moment near changes of the clocks, ends of months and of the year, in any of some zones. */
void w_clock_any(uint64_t *seed);
/* An instant near one of these; a quarter of an hour, or an edge of it. */
int64_t w_instant_any(uint64_t *seed);

/* from <= t < until; and the days, from 1970-01-01, that a window touches. */
typedef struct w_edges {
    int64_t from, until, first_day, end_day;
    unsigned serial;
} w_edges;

typedef struct w_window {
    int form, unit, count;
    int64_t a, b; /* instants, or days */
    w_edges edges;
} w_window;

/* days: one of days and larger units, without instants. */
void w_window_any(uint64_t *seed, int days, w_window *w, char *text, size_t size);
const w_edges *w_window_edges(w_window *w);
/* An instant so many days later by the zone's clock. */
int64_t w_days_later(int64_t us, int64_t days);
/* Year, month and day of a day from 1970-01-01. */
void w_civil(int64_t day, int *y, int *m, int *d);

#endif
