/* SPDX-License-Identifier: MIT
 * Walking a customer's record back through the journal, change by change (walk.c).
 */
#ifndef CRM_CUSTOMER_HISTORY_H
#define CRM_CUSTOMER_HISTORY_H

#include "customer/customer.h"
#include "db/journal.h"

/* How a step ended. */
enum { CRM__WALK_CHANGED = 0, CRM__WALK_CREATED, CRM__WALK_DROPPED };

typedef struct crm__walk {
    crm_txn *txn;
    const crm_allocator *mem;
    crm_id id;
    crm__buf bytes[2];
    crm__record record[2];
    int now;        /* which of the two is the state after the present change */
    int how;        /* CRM__WALK_* of the present change */
    int lost;       /* not known what the present change made: a later one's image was dropped */
    uint64_t seq;   /* of the present change */
    crm__buf entry; /* its journal entry */
    crm__journal_entry e;
    crm__buf fields; /* uint32_t: what it changed */
    crm__arena arena;
} crm__walk;

/* On the customer's present record, with memory that lives as long as the walk.  CRM_ENOTFOUND. */
int crm__walk_open(crm_txn *txn, const crm_allocator *mem, crm_id id, crm__walk *w);
void crm__walk_close(crm__walk *w);
/* Reads the change that made the present state: w->seq, e, fields, how, and the state before. */
int crm__walk_look(crm__walk *w);
/* Goes to the state before; only after a look that gave CRM__WALK_CHANGED. */
void crm__walk_back(crm__walk *w);
/* After a look that gave CRM__WALK_DROPPED: to the change before.  Of it only the entry tells: a
 * look gives w->seq, e, fields and how (CREATED or DROPPED), and no state.  Cost: one entry, but
 * behind a batch all entries back to the customer's. */
int crm__walk_lost(crm__walk *w);

/* Tells an error of one of them. */
int crm__walk_fail(crm_txn *txn, crm_id id, int rc, crm_error *err);

static inline crm__record *crm__walk_after(crm__walk *w)
{
    return &w->record[w->now];
}

static inline crm__record *crm__walk_before(crm__walk *w)
{
    return &w->record[!w->now];
}

#endif
