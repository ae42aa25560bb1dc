/* SPDX-License-Identifier: MIT
 * Words that threads wait at: a turn, at which one thread waits for its next step, and a bell, at
 * which many wait for the same end.  One system call wakes, and the one who is woken needs no lock;
 * with a condition variable he would wait a second time, for the mutex of the one who woke him.
 */
#ifndef CRM_BASE_TURN_H
#define CRM_BASE_TURN_H

#include <stdatomic.h>
#include <stdint.h>

/* Steps are numbers below 2^31.  Whoever sets one may find the turn's memory gone right after: he
 * does not read it again, and a wake-up for nobody is harmless. */
typedef struct crm__turn {
    atomic_uint word; /* step << 1 | its thread sleeps */
} crm__turn;

void crm__turn_set(crm__turn *t, uint32_t step);
uint32_t crm__turn_step(const crm__turn *t);
/* Waits until the step is another than `from` and returns it; `from` after that many milliseconds,
 * 0: it waits for ever.  May return early with `from`. */
uint32_t crm__turn_wait(crm__turn *t, uint32_t from, unsigned ms);

/* How many ends there were; the difference of two counts is what matters, it wraps. */
typedef struct crm__bell {
    atomic_uint ends;
} crm__bell;

void crm__bell_end(crm__bell *b);  /* counts; those awake see it */
void crm__bell_ring(crm__bell *b); /* wakes all who wait */
/* Whether there were that many ends. */
int crm__bell_ended(const crm__bell *b, uint32_t ends);
/* Waits for that, `ms` milliseconds at most, 0: for ever, and returns it.  May return 0 early. */
int crm__bell_wait(crm__bell *b, uint32_t ends, unsigned ms);

#endif
