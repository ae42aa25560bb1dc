/* SPDX-License-Identifier: MIT
 * The storage of one database in this process: shared by every handle on the same folder, found
 * through a registry by (device, inode) of the folder and pid.  Knows files, locks and keys; knows
 * nothing of customers.
 */
#ifndef CRM_DB_STORE_H
#define CRM_DB_STORE_H

#include "base/hash.h"
#include "base/mem.h"
#include "base/turn.h"
#include "kv/kv.h"
#include "model/model.h"

#include <crm/db.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* Features of the format that this library writes and knows, docs/format.md. */
#define CRM__FEATURES(X)                                                                           \
    X("record-2")                                                                                  \
    X("identity-2") X("bits-1") X("journal-3") X("model-1") X("event-2") X("day-1") X("column-1")       \
    X("log-1") X("waiting-2") X("totals-1")

/* Who may write in this process: one explicit transaction, or one group of crm_db_write() calls. */
typedef struct crm__member crm__member;
typedef struct crm__gate {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int busy;
    pthread_t owner; /* the thread whose code runs inside, when busy */
    pid_t tid;       /* its number: a dead thread's handle may be another's by now */
    int lost; /* it ended inside its transaction or its function: nobody writes here any more */
    uint32_t waiting;          /* explicit transactions that wait */
    crm__member *first, *last; /* queue of crm_db_write() */
    crm__bell bell;            /* rung at the end of each group */
} crm__gate;

typedef struct crm__watch crm__watch; /* readers.c */

typedef struct crm__store {
    struct crm__store *next; /* in the registry */
    crm_allocator mem;
    dev_t dev;
    ino_t ino;
    pid_t pid;
    uint32_t refs; /* under the registry's lock */
    char *dir;
    kv_env *kv;
    int lock_fd; /* crm.lock, -1 when none could be had (read-only file system) */
    int readonly;
    const uint32_t *alive; /* a page the kernel wipes in a forked child; NULL: ask getpid() */
    uint8_t id[16], tag_key[CRM__HASH_KEY], token_key[CRM__HASH_KEY];
    int64_t made;                   /* when, by the format header */
    int waits;                      /* its format has rows that wait (waiting.h) */
    int totals;                     /* and what lists of days, and shared values, come to */
    uint8_t chain_key[CRM__DIGEST]; /* made from those */
    uint8_t salt_key[CRM__DIGEST];  /* random, in memory only */
    crm__gate gate;
    crm__watch *watch;
    pthread_mutex_t model_lock;
    crm__model *model; /* the newest committed version somebody has read, or NULL */
    struct crm__live *live; /* what the writer knows of watched segments (live.h), or NULL */
} crm__store;

/* Finds or opens the store of a folder; the caller holds one reference. */
int crm__store_open(const char *path, const crm_db_options *opts, const crm_allocator *mem,
                    crm__store **out, crm_error *err);
void crm__store_close(crm__store *s);
/* 1 in a child of the process that opened it. */
int crm__store_forked(const crm__store *s);

/* crm.lock: see lock.c. */
int crm__lock_folder(const char *dir, int readonly, int *fd, crm_error *err);
/* For work that replaces the data file: CRM_EBUSY while anybody, here or elsewhere, has it open. */
int crm__lock_alone(const char *dir, int *fd, crm_error *err);
void crm__lock_opening(int fd, int on); /* one process at a time between look and open */
/* The same, for those who open and close: 1 if nobody else has the folder open, nor can until
 * crm__lock_shared(), which has to follow in any case, or the end of the descriptor.  Without `wait` 0 also when
 * somebody is opening it. */
int crm__lock_sole(int fd, int wait);
void crm__lock_shared(int fd);
void crm__unlock_folder(int fd);
int crm__network_folder(const char *dir); /* 1: on a network file system */
/* Says of an opening that failed for want of rights (CRM_EIO) which file it is, and what is needed.
 */
void crm__lock_denied(const char *dir, int readonly, crm_error *err);

/* The format header (format.c): made in an empty database, read and judged in another. */
int crm__format_make(crm__store *s, const crm_db_options *opts, crm_error *err);
int crm__format_read(crm__store *s, kv_txn *txn, crm_error *err);
/* Writes the header of a database that has the id, keys and time of s, whose chain key it makes. */
int crm__format_write(crm__store *s, kv_txn *txn, crm_error *err);
/* 1 for the name of a feature that this library knows. */
int crm__feature_known(const void *name, size_t n);
int crm__format_present(crm__store *s, int *present, crm_error *err);

int crm__watch_new(const crm_allocator *mem, crm__watch **out);
void crm__watch_free(const crm_allocator *mem, crm__watch *w);

/* Stores the first version of the model in an engine transaction (model.c). */
int crm__model_first(crm__store *s, kv_txn *txn, const crm_db_options *opts, crm_error *err);

#endif
