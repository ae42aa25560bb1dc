/* SPDX-License-Identifier: MIT
 * One customer's events as the check gathers them: shared by who gathers (check_timeline.c) and who
 * compares the rows beside the blocks with them (check_beside.c).
 */
#ifndef CRM_DB_CHECK_TIMELINE_H
#define CRM_DB_CHECK_TIMELINE_H

#include "codec/event_head.h"
#include "db/check.h"

/* Kinds or sums of one customer, more than any model leads to; a made-up file does not keep the
 * check busy with more. */
enum { CRM__TOTALS_MOST = 1 << 14 };

typedef struct crm__brief {
    int64_t time;
    uint64_t seq, voided;
    uint32_t number, voids;
    uint8_t state, is_void, met; /* met: the event that voids it */
} crm__brief;

/* The reference of an event.  All 128 bits tell two references apart whose hash is the same. */
typedef struct crm__mention {
    uint64_t hash, more;
    uint32_t number;
} crm__mention;

struct crm__check_timeline {
    crm__check *c;
    crm_id id;       /* 0: before the first row */
    uint64_t blocks; /* of the customer */
    int named;       /* its faults */
    int lost;        /* a row of it is damaged: nothing is known of the whole */
    int ready;       /* its blocks have passed: the four below are in order */
    int numbered;    /* its numbers are 1 to the last */
    int64_t last_time;
    uint32_t last_number; /* of the event before */
    crm__buf events;      /* crm__brief */
    crm__buf references;  /* crm__mention; in the end one for each reference, of its last event */
    crm__buf totals;      /* the head as bytes */
    crm__event_head head;
    crm__arena arena; /* the head's arrays */
    crm__arena work;  /* of one row */
    /* What has passed of the rows beside. */
    int beside, head_met, misplaced;
    size_t at;              /* references compared */
    uint64_t missing, more; /* of these: not stored; stored, and of no event */
    uint64_t last_hash;
    int hashes; /* there was one */
    uint64_t times;
};

static inline crm__brief *crm__timeline_briefs(const crm__check_timeline *t, size_t *n)
{
    *n = t->events.n / sizeof(crm__brief);
    return (crm__brief *)(void *)t->events.p;
}

static inline crm__mention *crm__timeline_wanted(const crm__check_timeline *t, size_t *n)
{
    *n = t->references.n / sizeof(crm__mention);
    return (crm__mention *)(void *)t->references.p;
}

/* Sorts what was gathered, when the blocks have passed. */
int crm__timeline_ready(crm__check_timeline *t);
int crm__mention_by_hash(const void *a, const void *b);

/* Whether one more fault of the customer is named. */
int crm__timeline_name_one(crm__check_timeline *t);
/* A fault that the whole customer has; of the rows beside, which can be made anew; of one event. */
void crm__timeline_fault(crm__check_timeline *t, const char *what);
void crm__timeline_beside_fault(crm__check_timeline *t, const char *what);
void crm__timeline_event_fault(crm__check_timeline *t, uint64_t number, const char *what);

/* ---- check_beside.c ---- */

/* A row beside the blocks, its key sound. */
int crm__timeline_beside(crm__check_timeline *t, crm__slice key, crm__slice payload);
/* The times up to `to` of the numbers behind those that have passed are not stored. */
void crm__timeline_times_missing(crm__check_timeline *t, uint64_t to);

#endif
