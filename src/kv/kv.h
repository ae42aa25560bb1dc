/* SPDX-License-Identifier: MIT
 * The storage seam: an ordered key-value store with named spaces, one writer, snapshot readers.
 * Engines: LMDB (kv_lmdb.c), fault (kv_fault.c, wraps another), page (kv_page.c, reads LMDB's files
 * with pread and trusts nothing; for check).  A network engine fits the same functions, so nothing
 * above may assume mapped memory or one process.
 *
 * Rules every engine keeps:
 * - Keys are 1 to 511 bytes, ordered as unsigned bytes.  Values are 0 to 2^31 bytes.
 * - Returned bytes live until the transaction ends; in a write transaction until its next write.  The
 *   page engine, which has no map to point into, keeps them until the next call on the same cursor, or
 *   the next get of the same transaction.
 * - Results are CRM_OK, CRM_ENOTFOUND where said, or a negative code; txn->sys then holds the engine's
 *   own number.  After an error from a write other than CRM_ENOTFOUND the transaction can only abort.
 * - A write transaction is committed or aborted on the thread that began it; reads and writes inside
 *   it may come from other threads one at a time.  Read transactions may move between threads.
 * - commit and abort always end the transaction, whatever the result.
 */
#ifndef CRM_KV_KV_H
#define CRM_KV_KV_H

#include "base/mem.h"

#include <crm/error.h>

/* Spaces of DESIGN section 5; the numbers are in the format (docs/format.md) and the tags. */
typedef enum kv_space {
    KV_META = 0,
    KV_CUSTOMER,
    KV_MEMBER,
    KV_EVENT,
    KV_TAG,
    KV_TAGGED,
    KV_CONSENT,
    KV_JOURNAL,
    KV_IMAGE,
    KV_VERDICT,
    KV_DICT,
    KV_IDENTITY,
    KV_GOLDEN,
    KV_BITS,
    KV_COLUMN,
    KV_DAY,
    KV_BLOCK,
    KV_DUE,
    KV_SPACES,
    KV_TAIL = KV_SPACES, /* kv_tail.c's own: the newest rows of KV_JOURNAL and KV_IMAGE */
    KV_STORED
} kv_space;

/* Name of a space as stored, e.g. "customer". */
const char *crm__kv_space_name(kv_space space);
/* 1 for spaces that can be rebuilt from the others. */
int crm__kv_space_derived(kv_space space);

enum { KV_KEY_MAX = 511 };

typedef struct kv_env kv_env;
typedef struct kv_txn kv_txn;
typedef struct kv_cursor kv_cursor;

typedef struct kv_options {
    const crm_allocator *mem;
    int readonly;
    int create;           /* make it when absent */
    uint32_t max_readers; /* 0: 1022 */
    uint64_t map_bytes;   /* 0: 1 TiB, halved until it can be had */
    uint64_t size_limit;  /* 0: none; the file never grows beyond it: CRM_EFULL */
    int log;              /* small commits may go to a log beside the file first: settle, recover */
} kv_options;

typedef struct kv_stat {
    uint64_t entries;
    uint64_t bytes; /* pages in use by the space */
    uint32_t depth;
} kv_stat;

typedef struct kv_info {
    uint64_t file_bytes;  /* size of the file */
    uint64_t used_bytes;  /* up to the last page in use */
    uint64_t free_bytes;  /* of those, reusable now or when readers end */
    uint64_t map_bytes;
    uint64_t commit;      /* number of the engine's last commit */
    uint32_t readers, max_readers;
    uint64_t oldest;      /* engine commit the oldest reader sees; commit when there is none */
    uint64_t kept_bytes;  /* of free_bytes: what the snapshots of readers keep from being used again */
} kv_info;

/* One live reader, for the age limit. */
typedef struct kv_reader {
    int64_t pid;
    uint64_t commit;
} kv_reader;
typedef void (*kv_reader_fn)(const kv_reader *reader, void *ctx);

typedef enum kv_seek { KV_FIRST, KV_LAST, KV_GE, KV_LE, KV_EXACT } kv_seek;
enum { KV_APPEND = 1 }; /* put: the key is after every other of the space */

typedef struct kv_ops {
    void (*close)(kv_env *env);
    /* Before close, when nobody else has the database open: what stands in the log goes into the
     * file.  Without it the next opening does that. */
    void (*settle)(kv_env *env);
    /* Frees the memory of an environment inherited through fork; no system call on its files. */
    void (*forget)(kv_env *env);
    int (*begin)(kv_env *env, int write, kv_txn **out, crm_error *err);
    int (*commit)(kv_txn *txn, crm_error *err);
    void (*abort)(kv_txn *txn);
    int (*get)(kv_txn *txn, kv_space space, crm__slice key, crm__slice *value);
    int (*put)(kv_txn *txn, kv_space space, crm__slice key, crm__slice value, unsigned flags);
    int (*del)(kv_txn *txn, kv_space space, crm__slice key);  /* CRM_ENOTFOUND */
    int (*clear)(kv_txn *txn, kv_space space);                /* removes every row */
    int (*cursor)(kv_txn *txn, kv_space space, kv_cursor **out);
    void (*cursor_close)(kv_cursor *c);
    /* CRM_ENOTFOUND when there is no such row; the cursor is then nowhere. */
    int (*seek)(kv_cursor *c, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v);
    /* CRM_ENOTFOUND at the end; CRM_ECORRUPT where, in a read transaction, keys are out of order.  Only behind a row that seek, next or prev gave; the page engine also goes
     * on behind a place it found damaged. */
    int (*next)(kv_cursor *c, crm__slice *k, crm__slice *v);
    int (*prev)(kv_cursor *c, crm__slice *k, crm__slice *v);
    int (*stat)(kv_txn *txn, kv_space space, kv_stat *out);
    int (*info)(kv_env *env, kv_info *out);
    /* Number of the last commit of any process. */
    int (*last)(kv_env *env, uint64_t *commit);
    /* Waits, without a snapshot, until a commit after that number, by any process: CRM_OK; CRM_DONE after
     * the time.  May be called from several threads. */
    int (*wait)(kv_env *env, uint64_t commit, int timeout_ms);
    int (*readers)(kv_env *env, kv_reader_fn fn, void *ctx);
    int (*clear_stale)(kv_env *env, int *count); /* frees the slots of dead readers */
} kv_ops;

/* Every engine's structs begin with these. */
struct kv_env {
    const kv_ops *ops;
    const crm_allocator *mem;
};
struct kv_txn {
    const kv_ops *ops;
    kv_env *env;
    int write;
    int sys; /* engine's number of the last error */
    int moved; /* rows were moved beside those written: what can be put off waits for a lighter commit */
};
struct kv_cursor {
    const kv_ops *ops;
    kv_txn *txn;
};

/* The two doors: as everything but the tests of the engines opens a database.  crm__kv_open() is
 * crm__kv_lmdb_open(), crm__kv_open_pages() is crm__kv_page_open(), with the tail (kv_tail.c). */
int crm__kv_open(const char *dir, const kv_options *opts, kv_env **out, crm_error *err);
int crm__kv_open_pages(const char *dir, const kv_options *opts, kv_env **out, crm_error *err);
/* dir is the database folder; the engine names its own files in it. */
int crm__kv_lmdb_open(const char *dir, const kv_options *opts, kv_env **out, crm_error *err);
/* Before opening, when nobody else has the database open: brings what the last process left in the log
 * into the file, whatever stopped it.  CRM_OK also when there is none. */
int crm__kv_lmdb_recover(const char *dir, const kv_options *opts, crm_error *err);
/* 1 if nobody has the data file open, nor can open it before *fd (-1: none) is closed: not even those
 * without a lock of crm.lock. */
int crm__kv_lmdb_alone(const char *dir, int *fd);
/* 1 if there is a log: somebody has the database open, or did not close it. */
int crm__kv_lmdb_logged(const char *dir);
/* Before a data file gets its name in a folder that somebody may have taken one from: a log that is
 * left there is not of the new one. */
void crm__kv_lmdb_drop_log(const char *dir);
/* 1 if there is no data file. */
int crm__kv_lmdb_absent(const char *dir);
/* 1 if the engine met a state it can't go on from (an assertion); only close is left. */
int crm__kv_lmdb_poisoned(const kv_env *env);

/* Read-only, for check: opens LMDB's file with pread only and verifies every page it touches.
 * The snapshot is that of the newer valid meta page at begin.  Any bytes give CRM_OK or CRM_ECORRUPT,
 * never a signal.  The caller keeps writers from recycling pages (a reader slot) or accepts
 * CRM_ECORRUPT from a file in motion. */
int crm__kv_page_open(const char *dir, const kv_options *opts, kv_env **out, crm_error *err);

/* What a walk over all pages found wrong: message without personal data, page number or -1. */
typedef void (*kv_page_fault_fn)(const char *what, int64_t page, const char *space, void *ctx);
typedef struct kv_page_summary {
    uint64_t pages;      /* in the file, by the meta page */
    uint64_t reachable;  /* tree, overflow and meta pages */
    uint64_t free_pages; /* in the free list */
    uint64_t faults;
    /* No faults by themselves: KV_STORED bits, of spaces without a name in the directory, when that
     * is whole; its root; and whether it has a tree with rows under a name of no space. */
    uint64_t unnamed, directory;
    int strange;
} kv_page_summary;
/* Walks every page of the snapshot once: each is in exactly one place, keys are in order, nothing
 * points outside.  CRM_OK (faults are in the summary), CRM_ENOMEM, CRM_EIO, CRM_ECANCELLED. */
int crm__kv_page_walk(kv_txn *txn, kv_page_fault_fn fault, crm_progress_fn progress, void *ctx,
                 kv_page_summary *out, crm_error *err);

/* ---- fault engine ---- */

enum {
    KV_CALL_BEGIN = 1, KV_CALL_COMMIT = 2, KV_CALL_GET = 4, KV_CALL_PUT = 8, KV_CALL_DEL = 16,
    KV_CALL_CURSOR = 32, KV_CALL_SEEK = 64, KV_CALL_NEXT = 128, KV_CALL_STAT = 256,
    KV_CALL_ANY = 511
};
typedef struct kv_fault_plan {
    unsigned calls;  /* mask of KV_CALL_* that count */
    uint64_t after;  /* the call with this number (from 1) fails; 0: none */
    int code;        /* with this result, */
    int sticky;      /* and all later ones when set */
    uint64_t count;  /* out: calls counted so far */
    uint64_t failed; /* out: calls failed */
} kv_fault_plan;
/* Wraps inner, which is closed with the wrapper.  plan stays the caller's and may be changed between
 * calls.  A failed commit aborts the inner transaction. */
int crm__kv_fault_wrap(kv_env *inner, kv_fault_plan *plan, kv_env **out);

#endif
