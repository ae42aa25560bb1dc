/* SPDX-License-Identifier: MIT
 * Transactions inside the library: the engine's snapshot, the edit list over it, and the numbers
 * that the journal carries.  Every public function enters through crm__txn_enter() or
 * crm__op_begin().
 */
#ifndef CRM_DB_TXN_H
#define CRM_DB_TXN_H

#include "base/error.h"
#include "base/mem.h"
#include "base/zone.h"
#include "bits/set.h"
#include "codec/journal.h"
#include "codec/key.h"
#include "codec/record.h"
#include "db/edits.h"
#include "db/store.h"
#include "kv/kv.h"
#include "model/model.h"

#include <crm/txn.h>

struct crm_db {
    crm__store *store;
    crm_allocator mem;
    atomic_uint refs; /* the caller's hold, and one for each transaction and iterator */
    atomic_int closed;
    uint32_t flags;
    crm_log_fn log;
    void *log_ctx;
    int64_t max_reader_age;
    crm_reader_fn old_reader;
    void *old_reader_ctx;
    crm_clock_fn clock;
    void *clock_ctx;
};

/* Classes of the dictionary. */
enum {
    CRM__DICT_FIELD = 0,
    CRM__DICT_ENUM,
    CRM__DICT_SOURCE,
    CRM__DICT_NAMES,
    CRM__DICT_EVENT,     /* kinds of events */
    CRM__DICT_ATTRIBUTE, /* attributes of event kinds */
    CRM__DICT_TEXT,      /* texts of fast attributes */
    CRM__DICT_TAG,       /* tags as `<dimension>:<path>` */
    CRM__DICT_VALUE,     /* texts of indexed fields as field number (4 bytes, big-endian), text */
    CRM__DICT_CLASSES
};
/* How far names were brought by entries, by class: the first number that was not (brought.h). */
typedef struct crm__brought {
    uint32_t next[CRM__DICT_CLASSES];
} crm__brought;
/* Names of the transaction as dictionary numbers. */
enum { CRM__BY_ACTOR = 0, CRM__BY_PURPOSE, CRM__BY_CHANNEL, CRM__BY_SOURCE, CRM__BY_COUNT };

/* What a rollback has to bring back beside the edits. */
typedef struct crm__state {
    uint64_t seq;
    crm__counters counters;
    uint32_t by[CRM__BY_COUNT];            /* 0: not yet given */
    uint32_t dict_next[CRM__DICT_CLASSES]; /* 0: not yet read */
    uint32_t named;                        /* bits of classes that got names, by it or its group */
    crm__brought brought;                  /* 0: not yet read */
    crm__model *model;                     /* made by this transaction or its group; NULL: none */
    int changed;                           /* something was journalled */
    uint8_t chain[CRM__DIGEST];            /* of the last entry */
    uint64_t batch_seq, batch;             /* entry being filled, and its batch; 0: none */
    uint64_t listed[CRM__BATCH_LISTS];     /* ids of its lists that count */
    uint32_t tag_groups;                   /* of its tags (tagged.h) */
} crm__state;

/* A transaction whose changes make one entry (journal.c). */
typedef struct crm__batching {
    int on;
    int live;      /* it is of watched segments, and no batch */
    uint64_t want; /* batch to go on with, or CRM_BATCH_NEW */
    uint64_t undo; /* what it undoes, 0: nothing */
    const char *name;
    crm__buf lists[CRM__BATCH_LISTS]; /* ids, of tags chunk << 32 | tag, in order of the changes */
    crm__record part;                 /* of the image being made */
} crm__batching;

typedef struct crm__save {
    crm_savepoint serial;
    size_t mark;
    crm__state state;
    int sticky; /* code of the sticky error at the mark */
} crm__save;

typedef struct crm__owned_model {
    struct crm__owned_model *next;
    crm__model *model;
} crm__owned_model;

/* Changes a module keeps back, journalled already, to write them together.  They are settled (made
 * edits) before anything else looks at the transaction, and before it ends. */
typedef struct crm__pending {
    uint32_t count;                            /* 0: none; the functions are then not needed */
    uint64_t target;                           /* what they all are about */
    void *p;                                   /* the module's, kept for the next ones */
    int (*settle)(crm_txn *txn);               /* CRM_OK; on a failure everything stays as it is */
    void (*cut)(crm_txn *txn, uint32_t count); /* drops those from the count on */
    void (*end)(crm_txn *txn);                 /* frees p */
} crm__pending;

/* Something that needs the transaction and may be ended after it. */
typedef struct crm__child {
    struct crm__child *next, **link;
    crm_txn *txn; /* NULL once the transaction has ended */
} crm__child;

/* What a write transaction touched that watched segments may ask about (live.h). */
typedef struct crm__touched {
    int asked, on; /* whether anything is watched */
    unsigned what; /* CRM__TOUCH_* */
    crm__buf fields, tags; /* numbers (uint32_t), of those that were touched */
    crm__buf chunks;       /* crm__touched_rows */
    size_t last;           /* the one looked at last */
} crm__touched;

struct crm_txn {
    crm_db *db;
    crm__store *store;
    const crm_allocator *mem;
    kv_txn *kv;
    int write, group;
    uint32_t flags;
    pthread_t thread;
    crm__arena arena;
    const char *name[CRM__BY_COUNT]; /* NULL: none */
    const char *reason;              /* of questions; NULL: none */
    struct crm__asked *asked;        /* what it is in the journal for (handout.c) */
    uint64_t asked_rollbacks;
    crm__zone *zone;
    int64_t now;
    int64_t recorded; /* write: of this transaction; read: of the last change */
    int state_read;
    crm__state state;
    crm__edits edits;
    int busy;   /* a callback of the host runs inside a call on the transaction */
    uint64_t flushed; /* bytes of edits that went to the engine before the end */
    int broken; /* the engine failed while edits were applied early: only abort is left */
    crm_error sticky;
    crm__save *saves;
    size_t save_count, save_cap;
    crm_savepoint serial;
    kv_cursor *cursors[KV_SPACES];
    crm__model *model; /* of the snapshot, borrowed from models; NULL: not yet read */
    crm__owned_model *models;
    crm__child *children;
    crm__buf scratch[2];
    crm__arena work;       /* of one public write; empty between them */
    crm__record record[2]; /* a write's before and after, kept for the next one */
    crm__batching batch;
    crm__pending pending;
    struct crm__texts *texts;         /* numbers of texts met (index.c); NULL until one is */
    struct crm__tag_cache *tag_cache; /* NULL until tags are changed */
    uint32_t tag_asked;               /* rows asked before anything is kept there */
    struct crm__end_cache *end_cache; /* NULL until ends of tags are */
    struct crm__tag_ones *tag_ones;   /* NULL until a tag of a dimension with one is given */
    uint8_t tag_origin;               /* CRM_TAG_*: of the tags that documents give */
    crm__touched touched;
    crm_progress_fn progress; /* of calls that have none of their own; NULL: nobody asks */
    void *progress_ctx;
};

/* ---- other threads ---- */

/* A read transaction that works for a call on several threads is lent to each of them: the same
 * snapshot, with cursors and memory of its own.  crm__txn_lend_begin() comes first, in the thread
 * of the call: it reads what all of them look at.  What is lent is only for reading, and ends
 * before the call does.  CRM_OK, CRM_ENOMEM, engine codes. */
int crm__txn_lend_begin(crm_txn *txn);
void crm__txn_lend(const crm_txn *txn, crm_txn *to);
void crm__txn_lent_end(crm_txn *to);

/* ---- entry ---- */

/* Checks the handle (NULL, fork, thread, closed, poisoned); write: also that it may write. */
int crm__txn_enter(crm_txn *txn, int write, crm_error *err);
/* The same for what looks at records, the model or the dictionary only, and gives copies: what is
 * kept back of events stays so. */
int crm__txn_enter_beside(crm_txn *txn, int write, crm_error *err);
int crm__db_enter(crm_db *db, crm_error *err);

/* Whether a text may be the name of an actor, purpose, channel or source: 1 to 100 bytes of UTF-8
 * without control characters. */
int crm__name_ok(const char *text, size_t n);
/* The same with the error of an option; NULL and "": no name, which is fine. */
int crm__name_check(const char *text, const char *what, crm_error *err);

/* Whether a text may be the name of a batch, or a reason: at most CRM__BATCH_NAME bytes of UTF-8
 * without control characters. */
int crm__batch_name_ok(const char *text, size_t n);

/* A public write: enters, and drops what it changed when it ends with an error. */
typedef struct crm__op {
    size_t mark;
    uint32_t pending;
    crm__state state;
    crm_error local;
    crm_error *err; /* the caller's, or local */
} crm__op;
int crm__op_begin(crm_txn *txn, crm__op *op, crm_error *err);
/* The same of a write that adds to what is kept back, and looks at nothing that it concerns. */
int crm__op_begin_beside(crm_txn *txn, crm__op *op, crm_error *err);
int crm__txn_settle(crm_txn *txn, crm_error *err);
int crm__op_end(crm_txn *txn, crm__op *op, int rc);

void crm__child_add(crm_txn *txn, crm__child *child);
void crm__child_remove(crm__child *child);
/* Enters the transaction of a child: CRM_ESTATE when it has ended, CRM_EFORKED in a forked child.
 */
int crm__child_enter(const crm__child *child, const crm_db *db, crm_txn **txn, crm_error *err);

void crm__db_hold(crm_db *db);
void crm__db_drop(crm_db *db);
int64_t crm__db_clock(const crm_db *db);
void crm__db_log(const crm_db *db, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Parts of begin and end that crm_txn_begin() and the group commit share. */
int crm__txn_new(crm_db *db, int write, const crm_txn_options *opts, crm_txn **out, crm_error *err);
void crm__txn_free(crm_txn *txn);
void crm__txn_detach_cursors(crm_txn *txn);
void crm__txn_detach(crm_txn *txn); /* closes cursors, cuts children off */

/* ---- reading through the edits ---- */

/* A row's payload, its check tag verified.  CRM_OK, CRM_ENOTFOUND, CRM_ECORRUPT, engine codes.  The
 * bytes live until the next write of the transaction. */
int crm__txn_read(crm_txn *txn, kv_space space, crm__slice key, crm__slice *payload);
/* The same for keys asked for in ascending order, most of them the next row of the space: a step of
 * its cursor, and a descent where the step leads elsewhere.  *on is the caller's, 0 at first. */
int crm__txn_read_on(crm_txn *txn, kv_space space, crm__slice key, int *on, crm__slice *payload);
/* Verifies and strips the check tag of a stored value. */
int crm__untag(const crm__store *s, kv_space space, crm__slice key, crm__slice stored,
               crm__slice *payload);
/* What stands stored under a key, without this transaction's edits. */
int crm__txn_stored(crm_txn *txn, kv_space space, crm__slice key, crm__slice *payload);
/* Adds the rows of a stored set, of KV_BITS or KV_TAG, to words. */
int crm__txn_set(crm_txn *txn, kv_space space, crm__slice key, uint64_t words[CRM__SET_WORDS]);
/* Whether it will have a row, by the edits alone: 1, 0, or -1 when these don't say. */
int crm__txn_set_waits(crm_txn *txn, kv_space space, crm__slice key, uint32_t row);
/* Whether it has a row.  verify: as all reads do but those of questions. */
int crm__txn_set_row(crm_txn *txn, kv_space space, crm__slice key, uint32_t row, int verify,
                     int *in);
/* Ids under an identity token, ascending: the first cap into ids, all counted.  With a limit it
 * stops when that many are found, and which ones is not said. */
int crm__txn_ids(crm_txn *txn, crm__slice token_key, crm_id *ids, size_t cap, size_t limit,
                 size_t *count);
kv_cursor *crm__txn_cursor(crm_txn *txn, kv_space space, int *rc);
/* Applies the edits to the engine now, so that plain scans see them. */
int crm__txn_flush(crm_txn *txn, crm_error *err);
/* Tells how far a long call is.  CRM_OK or CRM_ECANCELLED. */
int crm__txn_step(crm_txn *txn, uint64_t done, uint64_t total, crm_error *err);
/* Bytes of all edits so far. */
static inline uint64_t crm__txn_bytes(const crm_txn *txn)
{
    return txn->flushed + crm__edits_bytes(&txn->edits);
}
/* Error of a storage result for a caller. */
int crm__txn_fail(crm_txn *txn, int rc, const char *what, crm_error *err);

/* The recorded time of the next change: never back, never before the clock. */
int crm__recorded_next(const crm_db *db, int64_t last, int64_t *out, crm_error *err);
/* Reads seq, counters and last recorded time from the journal's last entry. */
int crm__state_read(crm_txn *txn, crm_error *err);

/* ---- dictionary ---- */

/* First byte of the keys of a class. */
uint8_t crm__dict_class_byte(int cls);
/* The class of a first byte; -1: of no class that is primary. */
int crm__dict_class_of(uint8_t byte);
/* 0 for the classes that are derived from events and records. */
int crm__dict_primary(int cls);
/* The number that the next new name of a class gets. */
int crm__dict_next(crm_txn *txn, int cls, uint32_t *number);
/* Number of a name; 0 when it has none. */
int crm__dict_find(crm_txn *txn, int cls, const char *name, size_t n, uint32_t *number);
/* Number of a name, given now when it has none. */
int crm__dict_give(crm_txn *txn, int cls, const char *name, size_t n, uint32_t *number,
                   crm_error *err);
int crm__dict_name(crm_txn *txn, int cls, uint32_t number, crm__slice *name);

/* ---- journal and model ---- */

/* Adds the entry of a change that keeps no image: gives it the next seq (also in txn->state.seq),
 * or makes it part of the open batch. */
int crm__journal_add(crm_txn *txn, uint8_t action, uint64_t target, uint64_t previous,
                     crm_error *err);
/* The model of the snapshot; borrowed until the transaction ends. */
int crm__txn_model(crm_txn *txn, const crm__model **out, crm_error *err);

/* ---- the writer's gate (group.c) ---- */

int crm__gate_enter(crm__store *s, crm_error *err);
void crm__gate_leave(crm__store *s);
/* Looks for old and dead readers, now and then (readers.c). */
void crm__readers_watch(crm_db *db);

#endif
