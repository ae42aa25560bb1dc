/* SPDX-License-Identifier: MIT
 * LMDB behind kv.h, for kv_lmdb*.c alone; the only file that sees lmdb.h.
 *
 * Facts these files are built on (LMDB 0.9.24):
 * - An internal assertion ends the process unless its hook does not return.  Every call therefore
 * runs inside GUARD, the hook jumps out, and the environment is poisoned from then on.
 * - DUPSORT with cursor deletes loses rows: spaces are plain.
 * - A file that is damaged in its first pages can raise a signal on open: they are read with the
 * page engine first.
 * - Reader slots of dead processes keep old pages: cleared at open and when slots run out.
 */
#ifndef CRM_KV_KV_LMDB_H
#define CRM_KV_KV_LMDB_H

#include "kv/kv.h"
#include "kv/kv_log.h"
#include "kv/kv_map.h"
#include "kv/kv_queue.h"
#include "kv/kv_wait.h"

#include "base/error.h"

#include <lmdb.h>
#include <pthread.h>
#include <setjmp.h>

enum { CRM__LMDB_POISON = -1 };

/* Ended read transactions that are kept with their reader slot, for the next ones: a tenth of the
 * work of finding a slot and making one. */
enum { CRM__LMDB_IDLE = 16 };

/* Slots for writing processes beside those of readers. */
enum { CRM__LMDB_KEEPERS = 32 };

typedef struct lmdb_txn lmdb_txn;

/* What a handle knows of data.log (kv_lmdb_log.c).  All but the last two belong to the open write
 * transaction. */
typedef struct lmdb_log {
    crm__log file;
    int usable;        /* this handle may write records */
    uint64_t seen;     /* the commit that `file` was read at; 0: never */
    unsigned wait;     /* commits of this handle that go without the log yet */
    crm__buf record;   /* of the open transaction */
    crm__buf patch;    /* of the value at hand */
    int recording;     /* its changes are added to that */
    MDB_txn *holder;   /* an ended read transaction, for its slot in the table of readers */
    uint8_t *table;    /* the lock file, mapped by us */
    size_t table_bytes;
    uint64_t *slot;    /* in it: the commit that writers of this process keep */
    pthread_mutex_t lock;
    lmdb_txn *keeper;  /* the last transaction that wanted it kept */
} lmdb_log;

typedef struct lmdb_env {
    kv_env base;
    MDB_env *env;
    MDB_dbi directory, dbi[KV_STORED];
    map_file file;
    atomic_int poisoned;
    crm__watches watches;
    crm__queue queue; /* on the lock file */
    lmdb_log log;
    unsigned idle_most, keepers;
    _Atomic(lmdb_txn *) idle[CRM__LMDB_IDLE];
} lmdb_env;

struct lmdb_txn {
    kv_txn base;
    MDB_txn *txn;
    uint64_t bytes, changes;       /* written */
    MDB_cursor *writer[KV_STORED]; /* freed by LMDB with the transaction */
    size_t snapshot;               /* that the trees are of */
    uint32_t have;                 /* trees known, a bit a space */
    map_tree tree[KV_STORED];
};

/* The engine's functions; the second table is of read transactions and their cursors. */
extern const kv_ops crm__lmdb_ops, crm__lmdb_read_ops;

extern _Thread_local jmp_buf *crm__lmdb_jump;

/* Runs one LMDB call; rc is its result, or CRM__LMDB_POISON after an assertion. */
#define GUARD(rc, call)                                                                            \
    do {                                                                                           \
        jmp_buf here_;                                                                             \
        jmp_buf *const outer_ = crm__lmdb_jump;                                                    \
        crm__lmdb_jump = &here_;                                                                   \
        if (_setjmp(here_) == 0)                                                                   \
            (rc) = (call);                                                                         \
        else                                                                                       \
            (rc) = CRM__LMDB_POISON;                                                               \
        crm__lmdb_jump = outer_;                                                                   \
    } while (0)

/* The same for a call without a result. */
#define QUIET(call)                                                                                \
    do {                                                                                           \
        volatile int quiet_ = 0;                                                                   \
        GUARD(quiet_, ((call), 0));                                                                \
        (void)quiet_;                                                                              \
    } while (0)

/* Guarded calls for functions with more locals than longjmp leaves intact: LMDB's result. */
int crm__lmdb_begin(MDB_env *env, unsigned flags, MDB_txn **out);
int crm__lmdb_commit(MDB_txn *txn);
void crm__lmdb_abort(MDB_txn *txn);
/* Of read transactions: the snapshot is given back, a new one taken. */
void crm__lmdb_reset(MDB_txn *txn);
int crm__lmdb_renew(MDB_txn *txn);
int crm__lmdb_stat(MDB_txn *txn, MDB_dbi d, MDB_stat *out);
/* The commit of the oldest snapshot of a reader; the given one when there is none older. */
uint64_t crm__lmdb_oldest(lmdb_env *e, uint64_t commit);

/* A result of LMDB's as one of ours; noted in the transaction; as an error. */
int crm__lmdb_code(int rc);
int crm__lmdb_result(kv_txn *txn, int rc);
int crm__lmdb_fail(crm_error *err, int rc, const char *what);

void crm__lmdb_close(kv_env *env);
void crm__lmdb_forget(kv_env *env);

/* Opening, for kv_lmdb_recover.c: an environment with the largest map that can be had; the handles of the
 * spaces; whether LMDB may map the file of a folder. */
int crm__lmdb_env_open(lmdb_env *e, const char *dir, const kv_options *opts, unsigned flags,
                       crm_error *err);
void crm__lmdb_env_close(MDB_env *env);
int crm__lmdb_spaces(lmdb_env *e, unsigned txn_flags, unsigned dbi_flags);
int crm__lmdb_sound(const char *dir, const kv_options *opts, crm_error *err);
/* A value in a transaction, and one change of a write transaction: LMDB's result. */
int crm__lmdb_get(lmdb_txn *t, kv_space space, crm__slice key, crm__slice *value);
int crm__lmdb_put(lmdb_txn *t, kv_space space, crm__slice key, crm__slice value, unsigned flags);
int crm__lmdb_del(lmdb_txn *t, kv_space space, crm__slice key);
int crm__lmdb_clear(lmdb_txn *t, kv_space space);

/* The log, kv_lmdb_log.c.  begin, right after LMDB's: CRM_OK or why nothing can be written; end, in any case.
 * commit does LMDB's commit: its result, or an errno; the transaction has ended. */
void crm__lmdb_log_init(lmdb_env *e);
void crm__lmdb_log_use(lmdb_env *e); /* LMDB's environment is open; records may be written */
void crm__lmdb_log_close(lmdb_env *e);
int crm__lmdb_log_begin(lmdb_txn *t);
size_t crm__lmdb_log_add(lmdb_txn *t, kv_log_what what, kv_space space, crm__slice key,
                         crm__slice value); /* where the change begins, to cut it off */
void crm__lmdb_log_cut(lmdb_txn *t, size_t at);
int crm__lmdb_log_commit(lmdb_txn *t);
void crm__lmdb_log_end(lmdb_txn *t);
void crm__lmdb_settle(kv_env *env);
/* Whether a file that can't be written may be read without its log. */
int crm__lmdb_readable(const char *dir, const kv_options *opts, crm_error *err);
/* The meta page of a commit as it stands in the data file, and the check of the roots below it; an
 * errno. */
int crm__lmdb_meta(int fd, uint32_t psize, uint64_t commit, uint8_t out[LOG_META], uint64_t *root);
int crm__lmdb_root_check(int fd, uint32_t psize, const uint8_t meta[LOG_META], uint64_t *root);
/* The thread number of the slots that keep a commit for writers: no reader. */
#define CRM__LMDB_KEEPER UINT64_C(0x63726d6b656570)

/* Of read transactions, kv_lmdb_read.c.  take and keep are begin and end: NULL, or 0, when there is
 * none to take or no place to keep it. */
lmdb_txn *crm__lmdb_take(lmdb_env *e);
int crm__lmdb_keep(lmdb_txn *t);
void crm__lmdb_drop_idle(lmdb_env *e);
int crm__lmdb_read_get(kv_txn *txn, kv_space space, crm__slice key, crm__slice *value);
int crm__lmdb_read_cursor(kv_txn *txn, kv_space space, kv_cursor **out);
void crm__lmdb_read_close(kv_cursor *c);
int crm__lmdb_read_seek(kv_cursor *c, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v);
int crm__lmdb_read_next(kv_cursor *c, crm__slice *k, crm__slice *v);
int crm__lmdb_read_prev(kv_cursor *c, crm__slice *k, crm__slice *v);

/* After an assertion nothing of the environment can be trusted, in any transaction. */
static inline int lmdb_poisoned(const kv_txn *txn)
{
    return atomic_load_explicit(&((const lmdb_env *)txn->env)->poisoned, memory_order_relaxed);
}

static inline crm__slice lmdb_slice(MDB_val v)
{
    crm__slice s = {v.mv_data, v.mv_size};

    return s;
}

#endif
