/* SPDX-License-Identifier: MIT
 * The rows of read transactions, found in LMDB's map by ourselves: kv_map.h.
 */
#include "kv/kv_lmdb.h"

#include <string.h>

/* Of a read transaction. */
typedef struct read_cursor {
    kv_cursor base;
    map_cursor at;
} read_cursor;

/* ---- idle transactions ---- */

static void drop(lmdb_env *e, lmdb_txn *t)
{
    crm__lmdb_abort(t->txn);
    crm__release(e->base.mem, t);
}

lmdb_txn *crm__lmdb_take(lmdb_env *e)
{
    lmdb_txn *t;

    for (unsigned i = 0; i < CRM__LMDB_IDLE; i++) {
        if (!atomic_load_explicit(&e->idle[i], memory_order_relaxed))
            continue;
        t = atomic_exchange(&e->idle[i], NULL);
        if (!t)
            continue;
        if (crm__lmdb_renew(t->txn)) {
            drop(e, t);
            continue;
        }
        if (mdb_txn_id(t->txn) != t->snapshot)
            t->have = 0;
        t->base.sys = 0;
        return t;
    }
    return NULL;
}

int crm__lmdb_keep(lmdb_txn *t)
{
    lmdb_env *e = (lmdb_env *)t->base.env;
    unsigned most = e->idle_most < CRM__LMDB_IDLE ? e->idle_most : CRM__LMDB_IDLE;

    if (atomic_load(&e->poisoned))
        return 0;
    for (unsigned i = 0; i < most; i++) {
        lmdb_txn *none = NULL;
        if (atomic_load_explicit(&e->idle[i], memory_order_relaxed))
            continue;
        /* Before another can take it. */
        t->snapshot = mdb_txn_id(t->txn);
        crm__lmdb_reset(t->txn);
        if (atomic_compare_exchange_strong(&e->idle[i], &none, t))
            return 1;
        break; /* it has no snapshot any more, but can be aborted */
    }
    return 0;
}

void crm__lmdb_drop_idle(lmdb_env *e)
{
    for (unsigned i = 0; i < CRM__LMDB_IDLE; i++) {
        lmdb_txn *t = atomic_exchange(&e->idle[i], NULL);
        if (t)
            drop(e, t);
    }
}

/* ---- rows ---- */

/* LMDB holds the snapshot in which the record, and all pages below it, stay as they are. */
static int tree_of(kv_txn *txn, kv_space space, const map_tree **out)
{
    lmdb_txn *t = (lmdb_txn *)txn;
    const char *name = crm__kv_space_name(space);
    MDB_val k = {strlen(name), (void *)(uintptr_t)name}, v = {0, NULL};
    volatile int rc = 0;

    *out = &t->tree[space];
    if (lmdb_poisoned(txn))
        return CRM_EPOISONED;
    if (t->have >> space & 1)
        return CRM_OK;
    GUARD(rc, mdb_get(t->txn, ((lmdb_env *)txn->env)->directory, &k, &v));
    rc = rc ? crm__lmdb_result(txn, rc) : crm__map_tree_read(lmdb_slice(v), &t->tree[space]);
    if (!rc)
        t->have |= 1u << space;
    return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
}

static map_file *mapped(kv_txn *txn)
{
    return &((lmdb_env *)txn->env)->file;
}

/* As LMDB's own result, for messages. */
static int noted(kv_txn *txn, int rc)
{
    if (rc == CRM_ECORRUPT)
        __atomic_store_n(&txn->sys, MDB_CORRUPTED, __ATOMIC_RELAXED); /* threads may read at once */
    return rc;
}

int crm__lmdb_read_get(kv_txn *txn, kv_space space, crm__slice key, crm__slice *value)
{
    const map_tree *tree;
    int rc = tree_of(txn, space, &tree);

    return noted(txn, rc ? rc : crm__map_get(mapped(txn), tree, key, value));
}

int crm__lmdb_read_cursor(kv_txn *txn, kv_space space, kv_cursor **out)
{
    const map_tree *tree;
    read_cursor *c;
    int rc = tree_of(txn, space, &tree);

    *out = NULL;
    if (rc)
        return noted(txn, rc);
    c = crm__alloc(txn->env->mem, sizeof *c);
    if (!c)
        return CRM_ENOMEM;
    c->base.ops = &crm__lmdb_read_ops;
    c->base.txn = txn;
    crm__map_cursor_init(&c->at, mapped(txn), tree);
    *out = &c->base;
    return CRM_OK;
}

void crm__lmdb_read_close(kv_cursor *c)
{
    crm__release(c->txn->env->mem, c);
}

int crm__lmdb_read_seek(kv_cursor *c, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v)
{
    if (lmdb_poisoned(c->txn))
        return CRM_EPOISONED;
    return noted(c->txn, crm__map_seek(&((read_cursor *)c)->at, how, key, k, v));
}

static int read_move(kv_cursor *c, int back, crm__slice *k, crm__slice *v)
{
    if (lmdb_poisoned(c->txn))
        return CRM_EPOISONED;
    return noted(c->txn, crm__map_move(&((read_cursor *)c)->at, back, k, v));
}

int crm__lmdb_read_next(kv_cursor *c, crm__slice *k, crm__slice *v)
{
    return read_move(c, 0, k, v);
}

int crm__lmdb_read_prev(kv_cursor *c, crm__slice *k, crm__slice *v)
{
    return read_move(c, 1, k, v);
}
