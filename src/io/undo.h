/* SPDX-License-Identifier: MIT
 * What the files of undo share: one undo, of a batch or of one change.
 */
#ifndef CRM_IO_UNDO_H
#define CRM_IO_UNDO_H

#include "customer/history.h"
#include "event/event.h"
#include "tag/tag.h"

#include <crm/batch.h>

typedef struct crm__undoing {
    crm_txn *txn;
    const crm__model *m;
    uint64_t batch;       /* what is undone: a batch, or 0 */
    uint64_t first, last; /* its entries */
    uint32_t flags;
    crm_undo_fn fn;
    void *ctx;
    crm_undo_result done;
    crm__buf ids[2]; /* uint64_t: customers whose records, and whose events, are touched */
    crm__buf tags;   /* uint64_t: chunk << 32 | tag */
    crm__buf since;  /* crm__undo_since: those that somebody changed since */
    crm__buf leave;  /* uint64_t: those to delete, when all others have their values again */
    int deleting;
    uint64_t handled, total; /* for progress: customers by record and by events, tags by chunk */
    uint64_t asked; /* by is_undone() last */
    int answer;
    int unread; /* why is_undone() could not tell; 0: it could */
    crm_error *err;
} crm__undoing;

/* A customer that somebody changed since, and when. */
typedef struct crm__undo_since {
    crm_id id;
    uint64_t seq;
} crm__undo_since;

/* undo_gather.c: the entries of the batch that a revision is in, or that one entry, and what they
 * touched. */
int crm__undo_gather(crm__undoing *u, uint64_t revision);

/* undo_keep.c.  Whether an entry, which was read, is part of what is undone. */
int crm__undo_mine(const crm__undoing *u, const crm__journal_entry *e, uint64_t seq);
/* The same of one that was not, as a crm__entry_fn.  When it can't be read, the undo ends with that
 * (u->unread). */
int crm__undo_has(void *u, uint64_t seq);
/* The entry by which somebody else, since the batch began, gave a customer an event or had another
 * refer to it; 0: there is none. */
int crm__undo_kept_since(crm__undoing *u, crm_id id, uint64_t *since);

#endif
