/* SPDX-License-Identifier: MIT
 * The fault engine: passes every call on to another engine, counts the kinds its plan names, and
 * fails those that the plan says instead of passing them on.  For tests of everything above.
 */
#include "kv/kv.h"

#include "base/error.h"

#include <string.h>

typedef struct fault_env {
    kv_env head;
    kv_env *inner;
    kv_fault_plan *plan;
} fault_env;

typedef struct fault_txn {
    kv_txn head;
    kv_txn *inner;
    int broken; /* result of a failed write: only abort is left */
} fault_txn;

typedef struct fault_cursor {
    kv_cursor head;
    const crm_allocator *mem; /* the transaction may end before the cursor is closed */
    kv_cursor *inner;
} fault_cursor;

static const kv_ops OPS;

/* The result to fail with, 0 to go on.  Counted atomically: readers may be on several threads. */
static int hit(kv_env *env, unsigned call)
{
    kv_fault_plan *plan = ((fault_env *)env)->plan;
    uint64_t n;

    if (!(plan->calls & call))
        return CRM_OK;
    n = __atomic_add_fetch(&plan->count, 1, __ATOMIC_RELAXED);
    if (!plan->after || (plan->sticky ? n < plan->after : n != plan->after))
        return CRM_OK;
    __atomic_add_fetch(&plan->failed, 1, __ATOMIC_RELAXED);
    return plan->code;
}

static kv_txn *inner_of(kv_txn *txn)
{
    return ((fault_txn *)txn)->inner;
}

/* The inner engine's own number shows through. */
static int passed(kv_txn *txn, int rc)
{
    txn->sys = inner_of(txn)->sys;
    txn->moved = inner_of(txn)->moved;
    return rc;
}

static int injected(kv_txn *txn, int rc)
{
    txn->sys = 0;
    return rc;
}

/* As a real engine's, a transaction with a failed write can only abort. */
static int wrote(kv_txn *txn, int rc)
{
    if (rc && rc != CRM_ENOTFOUND)
        ((fault_txn *)txn)->broken = rc;
    return rc;
}

static int hit_write(kv_txn *txn, unsigned call)
{
    int rc = hit(txn->env, call);

    return rc ? wrote(txn, injected(txn, rc)) : ((fault_txn *)txn)->broken;
}

/* ---- environment ---- */

static void fault_close(kv_env *env)
{
    kv_env *inner = ((fault_env *)env)->inner;

    inner->ops->close(inner);
    crm__release(env->mem, env);
}

static void fault_settle(kv_env *env)
{
    kv_env *inner = ((fault_env *)env)->inner;

    inner->ops->settle(inner);
}

static void fault_forget(kv_env *env)
{
    kv_env *inner = ((fault_env *)env)->inner;

    inner->ops->forget(inner);
    crm__release(env->mem, env);
}

static int fault_info(kv_env *env, kv_info *out)
{
    kv_env *inner = ((fault_env *)env)->inner;
    int rc = hit(env, KV_CALL_STAT);

    return rc ? rc : inner->ops->info(inner, out);
}

static int fault_readers(kv_env *env, kv_reader_fn fn, void *ctx)
{
    kv_env *inner = ((fault_env *)env)->inner;

    return inner->ops->readers(inner, fn, ctx);
}

static int fault_clear_stale(kv_env *env, int *count)
{
    kv_env *inner = ((fault_env *)env)->inner;

    return inner->ops->clear_stale(inner, count);
}

/* ---- transactions ---- */

static int fault_begin(kv_env *env, int write, kv_txn **out, crm_error *err)
{
    kv_env *inner = ((fault_env *)env)->inner;
    fault_txn *t;
    int rc = hit(env, KV_CALL_BEGIN);

    *out = NULL;
    if (rc)
        return crm__fail(err, rc, "injected fault: begin");
    t = crm__calloc(env->mem, 1, sizeof *t);
    if (!t)
        return crm__fail_nomem(err);
    rc = inner->ops->begin(inner, write, &t->inner, err);
    if (rc) {
        crm__release(env->mem, t);
        return rc;
    }
    t->head.ops = &OPS;
    t->head.env = env;
    t->head.write = t->inner->write;
    t->head.sys = t->inner->sys;
    *out = &t->head;
    return CRM_OK;
}

static void fault_abort(kv_txn *txn)
{
    kv_txn *inner = inner_of(txn);

    inner->ops->abort(inner);
    crm__release(txn->env->mem, txn);
}

static int fault_commit(kv_txn *txn, crm_error *err)
{
    kv_txn *inner = inner_of(txn);
    const crm_allocator *mem = txn->env->mem;
    int rc = hit(txn->env, KV_CALL_COMMIT);

    if (rc)
        crm__fail(err, rc, "injected fault: commit");
    else if (((fault_txn *)txn)->broken)
        rc = crm__fail(err, ((fault_txn *)txn)->broken, "a write of the transaction has failed");
    if (rc) {
        fault_abort(txn);
        return rc;
    }
    rc = inner->ops->commit(inner, err);
    crm__release(mem, txn);
    return rc;
}

/* ---- rows ---- */

static int fault_get(kv_txn *txn, kv_space space, crm__slice key, crm__slice *value)
{
    kv_txn *inner = inner_of(txn);
    int rc = hit(txn->env, KV_CALL_GET);

    if (rc)
        return injected(txn, rc);
    return passed(txn, inner->ops->get(inner, space, key, value));
}

static int fault_put(kv_txn *txn, kv_space space, crm__slice key, crm__slice value, unsigned flags)
{
    kv_txn *inner = inner_of(txn);
    int rc = hit_write(txn, KV_CALL_PUT);

    if (rc)
        return rc;
    return wrote(txn, passed(txn, inner->ops->put(inner, space, key, value, flags)));
}

static int fault_del(kv_txn *txn, kv_space space, crm__slice key)
{
    kv_txn *inner = inner_of(txn);
    int rc = hit_write(txn, KV_CALL_DEL);

    if (rc)
        return rc;
    return wrote(txn, passed(txn, inner->ops->del(inner, space, key)));
}

static int fault_clear(kv_txn *txn, kv_space space)
{
    kv_txn *inner = inner_of(txn);
    int rc = hit_write(txn, KV_CALL_DEL);

    if (rc)
        return rc;
    return wrote(txn, passed(txn, inner->ops->clear(inner, space)));
}

static int fault_stat(kv_txn *txn, kv_space space, kv_stat *out)
{
    kv_txn *inner = inner_of(txn);
    int rc = hit(txn->env, KV_CALL_STAT);

    if (rc)
        return injected(txn, rc);
    return passed(txn, inner->ops->stat(inner, space, out));
}

/* ---- cursors ---- */

static int fault_cursor_open(kv_txn *txn, kv_space space, kv_cursor **out)
{
    kv_txn *inner = inner_of(txn);
    fault_cursor *c;
    int rc = hit(txn->env, KV_CALL_CURSOR);

    *out = NULL;
    if (rc)
        return injected(txn, rc);
    c = crm__calloc(txn->env->mem, 1, sizeof *c);
    if (!c)
        return CRM_ENOMEM;
    rc = passed(txn, inner->ops->cursor(inner, space, &c->inner));
    if (rc) {
        crm__release(txn->env->mem, c);
        return rc;
    }
    c->head.ops = &OPS;
    c->head.txn = txn;
    c->mem = txn->env->mem;
    *out = &c->head;
    return CRM_OK;
}

static void fault_cursor_close(kv_cursor *cursor)
{
    fault_cursor *c = (fault_cursor *)cursor;

    c->inner->ops->cursor_close(c->inner);
    crm__release(c->mem, c);
}

static int fault_seek(kv_cursor *cursor, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v)
{
    kv_cursor *inner = ((fault_cursor *)cursor)->inner;
    int rc = hit(cursor->txn->env, KV_CALL_SEEK);

    if (rc)
        return injected(cursor->txn, rc);
    return passed(cursor->txn, inner->ops->seek(inner, how, key, k, v));
}

static int fault_next(kv_cursor *cursor, crm__slice *k, crm__slice *v)
{
    kv_cursor *inner = ((fault_cursor *)cursor)->inner;
    int rc = hit(cursor->txn->env, KV_CALL_NEXT);

    if (rc)
        return injected(cursor->txn, rc);
    return passed(cursor->txn, inner->ops->next(inner, k, v));
}

static int fault_prev(kv_cursor *cursor, crm__slice *k, crm__slice *v)
{
    kv_cursor *inner = ((fault_cursor *)cursor)->inner;
    int rc = hit(cursor->txn->env, KV_CALL_NEXT);

    if (rc)
        return injected(cursor->txn, rc);
    return passed(cursor->txn, inner->ops->prev(inner, k, v));
}

static int fault_last(kv_env *env, uint64_t *commit)
{
    kv_env *inner = ((fault_env *)env)->inner;

    return inner->ops->last(inner, commit);
}

static int fault_wait(kv_env *env, uint64_t commit, int timeout_ms)
{
    kv_env *inner = ((fault_env *)env)->inner;

    return inner->ops->wait(inner, commit, timeout_ms);
}

static const kv_ops OPS = {
    .close = fault_close,
    .settle = fault_settle,
    .forget = fault_forget,
    .begin = fault_begin,
    .commit = fault_commit,
    .abort = fault_abort,
    .get = fault_get,
    .put = fault_put,
    .del = fault_del,
    .clear = fault_clear,
    .cursor = fault_cursor_open,
    .cursor_close = fault_cursor_close,
    .seek = fault_seek,
    .next = fault_next,
    .prev = fault_prev,
    .stat = fault_stat,
    .info = fault_info,
    .last = fault_last,
    .wait = fault_wait,
    .readers = fault_readers,
    .clear_stale = fault_clear_stale,
};

int crm__kv_fault_wrap(kv_env *inner, kv_fault_plan *plan, kv_env **out)
{
    fault_env *e;

    *out = NULL;
    if (!inner || !plan)
        return CRM_EINVAL;
    e = crm__calloc(inner->mem, 1, sizeof *e);
    if (!e)
        return CRM_ENOMEM;
    e->head.ops = &OPS;
    e->head.mem = inner->mem;
    e->inner = inner;
    e->plan = plan;
    *out = &e->head;
    return CRM_OK;
}
