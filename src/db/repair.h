/* SPDX-License-Identifier: MIT
 * Making derived rows anew in place, for crm_check() with CRM_CHECK_REPAIR: sets, columns, identity
 * rows, day lists, and the rows beside the blocks of events.
 *
 * In steps, a write transaction each.  A step takes the writer's lock, compares a piece of a
 * derived space with the records or events as they are in that transaction, and writes what
 * differs.  So every commit leaves the space no less right than before, other writers may come
 * between two steps, and one repair goes on where another was cut short.  Derived rows of a record
 * or of events that can't be read stay as they are: nobody knows what they should be.
 */
#ifndef CRM_DB_REPAIR_H
#define CRM_DB_REPAIR_H

#include "db/check.h"

typedef struct crm__repair {
    crm_db *db;
    const crm_allocator *mem;
    const crm_check_options *opts;
    crm_error *err;
    uint64_t done, total; /* rows, for progress */
    /* Of the step at hand. */
    crm_txn *txn;
    const crm__model *model;
    uint64_t next_id;
} crm__repair;

/* Spaces, as bits, that the journal's entry names; this one: the file was copied. */
enum { CRM__REPAIR_FILE = KV_SPACES };

/* Opens the database, whose pages are sound, writes the entry that names `named`, and makes
 * `spaces` anew where they differ.  KV_EVENT stands for the rows beside events. */
int crm__repair_spaces(const char *path, const crm_check_options *o, const crm_allocator *mem,
                       uint64_t spaces, uint64_t named, crm_error *err);

/* ---- steps ---- */

enum { CRM__REPAIR_ROWS = 1 << 16, CRM__REPAIR_BYTES = 16 << 20 };

/* One transaction; *more: there is to be a further one. */
typedef int (*crm__repair_step)(crm__repair *r, void *ctx, int *more);
int crm__repair_steps(crm__repair *r, crm__repair_step step, void *ctx);
/* Counts n rows looked at; CRM_ECANCELLED when the host says stop. */
int crm__repair_work(crm__repair *r, uint64_t n);
/* Whether the edits of the step are enough for one transaction. */
int crm__repair_full(const crm__repair *r);

/* Where a walk has come to: behind this key. */
typedef struct crm__repair_at {
    size_t n;
    uint8_t key[KV_KEY_MAX];
} crm__repair_at;
void crm__repair_note(crm__repair_at *at, crm__slice key);
/* Behind all rows of a chunk, those that the step or another writer adds at its end too. */
void crm__repair_note_chunk(crm__repair_at *at, uint64_t chunk);
/* The first row behind the place; the cursor is the transaction's.  CRM_ENOTFOUND: none. */
int crm__repair_behind(crm__repair *r, kv_space space, const crm__repair_at *at, kv_cursor **c,
                       crm__slice *k, crm__slice *v);
/* The first row at or behind a key. */
int crm__repair_from(crm__repair *r, kv_space space, crm__slice key, kv_cursor **c, crm__slice *k,
                     crm__slice *v);

/* ---- spaces ---- */

int crm__repair_sets(crm__repair *r);       /* repair_sets.c */
int crm__repair_columns(crm__repair *r);    /* repair_column.c */
int crm__repair_shared(crm__repair *r);     /* repair_shared.c: behind identity rows and columns */
int crm__repair_identities(crm__repair *r); /* repair_identity.c */
int crm__repair_days(crm__repair *r);       /* repair_day.c */
int crm__repair_spans(crm__repair *r);      /* repair_span.c: behind the day lists */
int crm__repair_beside(crm__repair *r);     /* repair_event.c */
int crm__repair_tags(crm__repair *r);       /* repair_tag.c */

#endif
