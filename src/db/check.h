/* SPDX-License-Identifier: MIT
 * The parts of crm_check(): pages, records and journal, derived spaces.  All of them read through the
 * page engine, whose bytes are never mapped and never trusted.
 */
#ifndef CRM_DB_CHECK_H
#define CRM_DB_CHECK_H

#include "db/derive.h"

#include <crm/db.h>

enum { CRM__CHECK_BUCKETS = 1024 };

/* Sum of keyed 128-bit hashes: equal for equal multisets, whatever their order. */
typedef struct crm__sum {
    uint64_t a, b, count;
} crm__sum;

typedef struct crm__check {
    crm_check_options opts;
    crm_allocator mem;
    crm_check_result result;
    crm__store store; /* keys and engine only; never registered */
    crm_db db;
    crm_txn *txn;     /* a read transaction on the page engine */
    const crm__model *model;
    uint64_t seed;
    uint64_t work, work_all; /* for progress */
    uint64_t live, deleted, last_id;
    crm__sum wanted[CRM__CHECK_BUCKETS], stored[CRM__CHECK_BUCKETS]; /* identity rows */
    crm__sum last_change; /* records minus journal: (customer, seq of its last change) */
    crm__counters counters;
    uint64_t last_seq;
    int changes_lost; /* of some changes it is not known any more what was before: no sum */
    int cancelled;
    int trusted_model;
} crm__check;

/* Reports a fault. */
void crm__check_fault(crm__check *c, const char *space, crm_id customer, int64_t page,
                      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Counts n units of work; CRM_ECANCELLED when the host says stop. */
int crm__check_step(crm__check *c, uint64_t n);
void crm__sum_add(crm__sum *s, uint64_t seed, const void *p, size_t n, int sign);
/* What a walk over one space met: a page fault ends the walk of that space only. */
int crm__check_rows(crm__check *c, kv_space space,
                    int (*row)(crm__check *c, crm__slice key, crm__slice value, void *ctx), void *ctx);

/* check_journal.c: entries, chain and images. */
int crm__check_journal(crm__check *c);
/* Adds to, or with sign -1 takes from, the sum of last changes. */
void crm__check_change(crm__check *c, crm_id id, uint64_t seq, int sign);
/* check_derived.c: compares the derived spaces with the records, walking these once more if needed. */
int crm__check_derived(crm__check *c);
/* check_event.c: compares the day lists with the events. */
int crm__check_events(crm__check *c);

#endif
