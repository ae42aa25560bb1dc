/* SPDX-License-Identifier: MIT
 * Verifying the journal entry by entry, images beside it; shared by crm_journal_verify() and
 * crm_check().
 */
#ifndef CRM_DB_VERIFY_H
#define CRM_DB_VERIFY_H

#include "db/brought.h"
#include "db/journal.h"

/* Each image that was found, and is what its entry says: previous is the seq its record had. */
typedef int (*crm__image_fn)(void *ctx, uint64_t seq, crm_id id, uint64_t previous);

typedef struct crm__verify {
    crm_txn *txn;
    uint64_t images_from; /* by the last entry: those before it may be gone */
    uint64_t next;        /* seq expected */
    int64_t recorded;
    uint8_t chain[CRM__DIGEST];
    crm__brought brought;
    kv_cursor *images;
    int more; /* image, key and row, is the next one not yet claimed by an entry */
    crm__slice key, row;
    crm__image_fn fn;
    void *ctx;
    int lost;        /* images were missing that may be */
    int faulty;      /* not all entries are known */
    uint64_t tagged; /* rows of tags that entries told of */
    uint64_t texts;  /* rows of batches and of saved segments that they brought */
    uint64_t model;  /* version by the last change of it */
} crm__verify;

/* images_from: of the last entry's counters.  fn may be NULL. */
int crm__verify_begin(crm_txn *txn, uint64_t images_from, crm__image_fn fn, void *ctx,
                      crm__verify *v);
/* The next stored entry, its check tag verified.  CRM_ECORRUPT with *what, after which the walk can
 * go on; other codes are errors of reading. */
int crm__verify_entry(crm__verify *v, uint64_t seq, crm__slice payload, crm__journal_entry *e,
                      const char **what);
/* After the last: nothing may be left over. */
int crm__verify_end(crm__verify *v, const char **what);

#endif
