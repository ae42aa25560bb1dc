/* SPDX-License-Identifier: MIT
 * The journal inside the library: one entry for a change, or one for all changes of a batch
 * transaction; the chain; the images of what changes replaced; reading entries and images back.
 */
#ifndef CRM_DB_JOURNAL_H
#define CRM_DB_JOURNAL_H

#include "db/txn.h"

/* The seq that a change made now has: the next one, or that of the open batch entry. */
uint64_t crm__journal_seq(const crm_txn *txn);

/* A change of one customer.  before: its record until now (NULL: a new customer); fields: the
 * numbers that differ, ascending. */
int crm__journal_change(crm_txn *txn, uint8_t action, crm_id id, const crm__record *before,
                        const uint32_t *fields, uint32_t count, crm_error *err);
/* Tags of one customer, outside of a batch: numbers ascending.  Their rows (tagged.h) are written
 * before, under crm__journal_seq(). */
int crm__journal_tag(crm_txn *txn, crm_id id, const uint32_t *tags, uint32_t count, crm_error *err);
/* In a batch: rows of a tag in a chunk are changed. */
int crm__journal_tagged(crm_txn *txn, uint64_t chunk, uint32_t tag, crm_error *err);
/* Fills in who and when, links an entry to the chain and puts it; what it brings stands. */
int crm__journal_put(crm_txn *txn, uint64_t seq, crm__journal_entry *e, crm_error *err);
/* Writes the open batch entry, if any; part of commit. */
int crm__journal_close(crm_txn *txn, crm_error *err);

/* ---- entries of watched segments (batch.c) ---- */

/* What of a transaction stands aside while its changes are of watched segments. */
typedef struct crm__aside {
    crm__batching was;
    uint64_t batch;
} crm__aside;
/* The entry of the transaction's own changes, when it is a batch, is written before.  From here on
 * changes of tags are of an entry with action CRM__ACTION_LIVE, which end() writes when there were
 * any. */
void crm__journal_live_begin(crm_txn *txn, crm__aside *aside);
int crm__journal_live_end(crm_txn *txn, crm__aside *aside, crm_error *err);

/* ---- batches (batch.c) ---- */

/* What is known of a batch without its entries. */
typedef struct crm__batch {
    uint64_t last;   /* seq of its last entry */
    uint64_t undone; /* seq of the first entry of the batch that undid it, 0: none */
    crm__slice name; /* may be empty */
} crm__batch;
int crm__batch_read(crm_txn *txn, uint64_t batch, crm__batch *out);
/* The same, its name as crm__txn_read() says. */
int crm__batch_row(crm_txn *txn, uint64_t batch, crm__batch *out);
int crm__batch_put(crm_txn *txn, uint64_t batch, const crm__batch *b, crm_error *err);
/* Begins a batch inside a transaction that is not one, for one undo; target as in the entry. */
int crm__batch_enter(crm_txn *txn, uint64_t target, crm_error *err);
/* Ends it again, with its entry when anything was changed. */
int crm__batch_leave(crm_txn *txn, crm_error *err);
/* Ends it without an entry; the caller drops the changes. */
void crm__batch_drop(crm_txn *txn);

/* ---- hand-outs (handout.c) ---- */

/* Commits an entry, in a transaction of its own, that says that something is about to be handed
 * out: before it is, so that nothing leaves without one; how much it was is not known yet.  action:
 * CRM__ACTION_EXPORT, _BACKUP or _DUMP; reason: not empty, as crm__batch_name_ok() wants it; segment:
 * the canonical text of what was asked for, NULL: all; opts: actor, purpose and channel, may be
 * NULL.  *revision may be NULL.  Results of a small write:
 * CRM_EREADONLY through a handle that only reads, CRM_ESTATE in a thread that writes, CRM_EINVAL
 * for the reason. */
int crm__journal_handout(crm_db *db, const crm_txn_options *opts, uint8_t action,
                         const char *reason, const char *segment, uint64_t *revision,
                         crm_error *err);
/* The part of it that writes: inside a write transaction that is no batch.  text: the reason, and
 * behind an end of line, which no reason has, the segment. */
int crm__journal_hand_out(crm_txn *txn, uint8_t action, const char *text, crm_error *err);
/* Before a question is answered: says so, when the call has a reason, or else its transaction, which
 * says it once for each segment; needs no more than a snapshot.  segment: as in
 * crm__journal_handout(). */
int crm__txn_hand_out(crm_txn *txn, const char *reason, const char *segment, crm_error *err);

/* crm_journal_trim() with a bound of its own for what the transaction holds in memory (trim.c). */
int crm__journal_trim_part(crm_txn *txn, int64_t before_us, size_t bytes, uint64_t *dropped,
                           crm_error *err);

/* ---- reading ---- */

/* Entry of a seq: CRM_OK, CRM_ENOTFOUND, CRM_ECORRUPT, engine codes.  Lives as crm__txn_read()
 * says. */
int crm__journal_read(crm_txn *txn, uint64_t seq, crm__journal_entry *e);
/* Splits a kept image row: its mask (of a batch) and record bytes.  CRM_ENOTFOUND: erased. */
int crm__image_split(crm__slice row, int with_mask, crm__slice *mask, crm__slice *record);
/* What a list of a batch says of an id. */
int crm__runs_has(crm__slice list, uint64_t id);

#endif
