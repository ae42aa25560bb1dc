/* SPDX-License-Identifier: MIT
 * Data files for the tests of the page engine, made by LMDB itself, and its own account of them.
 */
#ifndef PAGE_MAKE_H
#define PAGE_MAKE_H

#include "crmtest.h"
#include "kv/kv.h"

#include <lmdb.h>

/* For inner loops: Check's own assertions make a system call each. */
#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x))                                                                                  \
            ck_abort_msg("failed: %s", #x);                                                        \
    } while (0)

typedef struct store {
    char dir[4300];
    MDB_env *env;
    MDB_dbi dbi[KV_SPACES];
} store;

/* A new environment in <test folder>/<name> with the first `spaces` spaces. */
void store_make(store *s, const char *name, unsigned spaces);
void store_close(store *s);
/* "<dir>/data.mdb", static. */
const char *store_file(const char *dir);
/* Random rows, then one commit; keys are drawn from `keys` ones, so later calls overwrite. */
void store_fill(store *s, uint64_t *seed, unsigned rows, unsigned keys, size_t value_max);
/* Deletes each row with a chance of percent in 100, then one commit. */
void store_thin(store *s, uint64_t *seed, unsigned percent);
/* Several fills and thinnings. */
void store_work(store *s, uint64_t *seed, unsigned commits, unsigned rows, size_t value_max);
/* The n-th of the keys of a space, 1 to 511 bytes in to. */
crm__slice store_key(unsigned space, uint64_t n, uint8_t to[KV_KEY_MAX]);

/* Opens with the page engine, asserting success; env and read transaction. */
kv_txn *page_begin(const char *dir);
void page_end(kv_txn *txn);

/* Faults of a walk; those handed out are kept here for messages. */
typedef struct walk_log {
    char first[400];
    uint64_t handed;
    int64_t pages[1000];
} walk_log;
uint64_t walk_faults(kv_txn *txn, walk_log *log, kv_page_summary *out);

/* Role of each page in a healthy file by its newest meta page, read without any checks. */
typedef enum page_role {
    ROLE_FREE,
    ROLE_META,
    ROLE_BRANCH,
    ROLE_LEAF,
    ROLE_RUN,   /* first page of an overflow run */
    ROLE_INSIDE /* the others: no header, only a value's bytes */
} page_role;
typedef struct page_map {
    uint8_t *bytes;
    size_t size, pages;
    page_role *role;
    const char **space; /* of the tree it is in, NULL else */
} page_map;
void page_map_read(page_map *m, const char *dir);
void page_map_free(page_map *m);

#endif
