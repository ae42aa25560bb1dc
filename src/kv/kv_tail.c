/* SPDX-License-Identifier: MIT
 * The tail: the newest rows of the spaces that grow at their end, the journal and its images, stand
 * together in one leaf page of a tree of their own, KV_TAIL, until it is full; then they move to
 * their own trees, all at once.  A small commit so writes one page for both instead of a path
 * through each of two deep trees; a large one goes past the tail.  Why: docs/decisions/0020.
 *
 * Wraps an engine and shows no difference.  Invariant: in each of the two spaces every row of the
 * tail is behind every row of the space's own tree, so a walk is one after the other.  Keys of the
 * tail: number of the space (1 byte), key there.
 */
#include "kv/kv_tail.h"

#include "base/bytes.h"
#include "base/error.h"
#include "codec/key.h"

#include <string.h>

enum {
    TAIL_KEY = 64,    /* longer keys do not come into the tail */
    PAGE_ROOM = 4080, /* of a page of 4,096 behind its header */
    ROW_ROOM = 10,    /* of a row beside key and value */
    ROW_MOST = 1000,  /* larger rows go past the tail */
    SPACES = 2
};

typedef struct tail_env {
    kv_env head;
    kv_env *inner;
} tail_env;

typedef struct tail_txn {
    kv_txn head;
    kv_txn *inner;
    int known; /* of a write transaction: the next three are so */
    uint32_t count[SPACES];
    size_t room; /* taken in the page */
    int past;    /* the transaction is a large one: rows go past the tail */
} tail_txn;

typedef struct tail_cursor {
    kv_cursor head;
    const crm_allocator *mem; /* the transaction may end before the cursor is closed */
    uint8_t space;
    int in_tail;
    kv_cursor *part[2]; /* own tree, tail; NULL: not yet needed */
} tail_cursor;

static const kv_ops OPS;

static int grows(kv_space space)
{
    return space == KV_JOURNAL || space == KV_IMAGE;
}

static int nth(kv_space space)
{
    return space == KV_IMAGE;
}

static kv_txn *inner_of(kv_txn *txn)
{
    return ((tail_txn *)txn)->inner;
}

static int passed(kv_txn *txn, int rc)
{
    int sys = __atomic_load_n(&inner_of(txn)->sys, __ATOMIC_RELAXED); /* threads may read at once */

    __atomic_store_n(&txn->sys, sys, __ATOMIC_RELAXED);
    return rc;
}

/* The tail's key of a row: what is cut off no row of the tail has. */
static crm__slice tail_key(uint8_t out[KV_KEY_MAX], kv_space space, crm__slice key)
{
    size_t n = key.n < KV_KEY_MAX - 1 ? key.n : KV_KEY_MAX - 1;

    out[0] = (uint8_t)space;
    if (n)
        memcpy(out + 1, key.p, n);
    return crm__slice_of(out, n + 1);
}

static size_t room_of(size_t key_n, size_t value_n)
{
    return ROW_ROOM + ((key_n + value_n + 1) & ~(size_t)1);
}

/* ---- environment ---- */

static kv_env *within(kv_env *env)
{
    return ((tail_env *)env)->inner;
}

static void tail_close(kv_env *env)
{
    kv_env *inner = within(env);

    inner->ops->close(inner);
    crm__release(env->mem, env);
}

static void tail_settle(kv_env *env)
{
    within(env)->ops->settle(within(env));
}

static void tail_forget(kv_env *env)
{
    kv_env *inner = within(env);

    inner->ops->forget(inner);
    crm__release(env->mem, env);
}

static int tail_info(kv_env *env, kv_info *out)
{
    return within(env)->ops->info(within(env), out);
}

static int tail_last(kv_env *env, uint64_t *commit)
{
    return within(env)->ops->last(within(env), commit);
}

static int tail_wait(kv_env *env, uint64_t commit, int timeout_ms)
{
    return within(env)->ops->wait(within(env), commit, timeout_ms);
}

static int tail_readers(kv_env *env, kv_reader_fn fn, void *ctx)
{
    return within(env)->ops->readers(within(env), fn, ctx);
}

static int tail_clear_stale(kv_env *env, int *count)
{
    return within(env)->ops->clear_stale(within(env), count);
}

/* ---- transactions ---- */

static int tail_begin(kv_env *env, int write, kv_txn **out, crm_error *err)
{
    kv_env *inner = within(env);
    tail_txn *t;
    int rc;

    *out = NULL;
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

static void tail_abort(kv_txn *txn)
{
    kv_txn *inner = inner_of(txn);

    inner->ops->abort(inner);
    crm__release(txn->env->mem, txn);
}

static int tail_commit(kv_txn *txn, crm_error *err)
{
    kv_txn *inner = inner_of(txn);
    const crm_allocator *mem = txn->env->mem;
    int rc = inner->ops->commit(inner, err);

    crm__release(mem, txn);
    return rc;
}

/* ---- rows ---- */

static int tail_get(kv_txn *txn, kv_space space, crm__slice key, crm__slice *value)
{
    kv_txn *inner = inner_of(txn);
    uint8_t at[KV_KEY_MAX];
    int rc = CRM_ENOTFOUND, own;

    if (grows(space) && key.n < TAIL_KEY)
        rc = inner->ops->get(inner, KV_TAIL, tail_key(at, space, key), value);
    /* Damage of the tail is none of the rows that are not in it. */
    if (rc == CRM_ENOTFOUND || rc == CRM_ECORRUPT) {
        own = inner->ops->get(inner, space, key, value);
        rc = own == CRM_ENOTFOUND ? rc : own;
    }
    return passed(txn, rc);
}

/* Counts what is in the tail. */
static int look(tail_txn *t)
{
    crm__slice k, v;
    kv_cursor *c;
    int rc;

    if (t->known)
        return CRM_OK;
    rc = t->inner->ops->cursor(t->inner, KV_TAIL, &c);
    if (rc)
        return rc;
    t->count[0] = t->count[1] = 0;
    t->room = 0;
    rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v);
    while (!rc) {
        t->room += room_of(k.n, v.n);
        if (k.n && grows((kv_space)k.p[0]))
            t->count[nth((kv_space)k.p[0])]++;
        else
            rc = CRM_ECORRUPT;
        if (!rc)
            rc = c->ops->next(c, &k, &v);
    }
    c->ops->cursor_close(c);
    if (rc != CRM_ENOTFOUND)
        return rc;
    t->known = 1;
    return CRM_OK;
}

/* Copies the tail's rows: returned bytes live until the next write only. */
static int copy_rows(tail_txn *t, crm__buf *rows)
{
    crm__slice k, v;
    kv_cursor *c;
    int rc = t->inner->ops->cursor(t->inner, KV_TAIL, &c);

    if (rc)
        return rc;
    rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v);
    while (!rc) {
        crm__buf_add_varint(rows, k.n);
        crm__buf_add_varint(rows, v.n);
        crm__buf_add(rows, k.p, k.n);
        crm__buf_add(rows, v.p, v.n);
        rc = rows->failed ? CRM_ENOMEM : c->ops->next(c, &k, &v);
    }
    c->ops->cursor_close(c);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* Moves all rows of the tail to their own trees. */
static int empty(tail_txn *t)
{
    kv_txn *in = t->inner;
    crm__buf rows;
    crm__reader r;
    int rc;

    crm__buf_init(&rows, t->head.env->mem);
    rc = copy_rows(t, &rows);
    r = crm__reader_of(rows.p, rows.n);
    while (!rc && crm__reader_left(&r)) {
        size_t key_n = (size_t)crm__read_varint(&r), value_n = (size_t)crm__read_varint(&r);
        const uint8_t *p = crm__read_bytes(&r, key_n + value_n);
        rc = in->ops->put(in, (kv_space)p[0], crm__slice_of(p + 1, key_n - 1),
                          crm__slice_of(p + key_n, value_n), KV_APPEND);
    }
    crm__buf_clear(&rows);
    if (!rc)
        rc = in->ops->clear(in, KV_TAIL);
    t->count[0] = t->count[1] = 0;
    t->room = 0;
    t->head.moved = 1;
    return rc;
}

/* Whether a row that is not in the tail belongs before all of its space that is. */
static int before_tail(tail_txn *t, kv_space space, crm__slice key, int *yes)
{
    uint8_t at[KV_KEY_MAX];
    crm__slice k, v;
    kv_cursor *c;
    int rc = t->inner->ops->cursor(t->inner, KV_TAIL, &c);

    *yes = 0;
    if (rc)
        return rc;
    rc = c->ops->seek(c, KV_LE, tail_key(at, space, key), &k, &v);
    if (rc == CRM_ENOTFOUND || (!rc && k.p[0] != space))
        *yes = 1;
    c->ops->cursor_close(c);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* A row of the tail written again: *done, if its place was there. */
static int put_again(tail_txn *t, kv_space space, crm__slice key, crm__slice value, int *done)
{
    uint8_t at[KV_KEY_MAX];
    crm__slice k = tail_key(at, space, key), old;
    int rc = t->inner->ops->get(t->inner, KV_TAIL, k, &old);
    size_t room;

    *done = 0;
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    room = t->room - room_of(k.n, old.n) + room_of(k.n, value.n);
    if (room > PAGE_ROOM || room_of(k.n, value.n) > ROW_MOST)
        return empty(t);
    t->room = room;
    *done = 1;
    return t->inner->ops->put(t->inner, KV_TAIL, k, value, 0);
}

/* A row behind all others of its space. */
static int put_last(tail_txn *t, kv_space space, crm__slice key, crm__slice value, int *done)
{
    uint8_t at[KV_KEY_MAX];
    crm__slice k = tail_key(at, space, key);
    size_t room = room_of(k.n, value.n);

    *done = 0;
    if (!t->past && key.n < TAIL_KEY && room <= ROW_MOST && t->room + room <= PAGE_ROOM) {
        t->room += room;
        t->count[nth(space)]++;
        *done = 1;
        return t->inner->ops->put(t->inner, KV_TAIL, k, value, 0);
    }
    t->past = 1;
    return t->room ? empty(t) : CRM_OK;
}

static int put_growing(tail_txn *t, kv_space space, crm__slice key, crm__slice value,
                       unsigned flags)
{
    int rc = look(t), done = 0, yes;

    if (!rc && !(flags & KV_APPEND) && t->count[nth(space)]) {
        rc = put_again(t, space, key, value, &done);
        if (!rc && !done && t->count[nth(space)]) {
            rc = before_tail(t, space, key, &yes);
            if (!rc && !yes)
                rc = empty(t);
        }
    } else if (!rc && flags & KV_APPEND) {
        rc = put_last(t, space, key, value, &done);
    }
    return rc || done ? rc : t->inner->ops->put(t->inner, space, key, value, flags);
}

static int tail_put(kv_txn *txn, kv_space space, crm__slice key, crm__slice value, unsigned flags)
{
    kv_txn *inner = inner_of(txn);

    return passed(txn, grows(space) ? put_growing((tail_txn *)txn, space, key, value, flags)
                                    : inner->ops->put(inner, space, key, value, flags));
}

static int tail_del(kv_txn *txn, kv_space space, crm__slice key)
{
    tail_txn *t = (tail_txn *)txn;
    uint8_t at[KV_KEY_MAX];
    int rc = CRM_ENOTFOUND;

    if (grows(space) && key.n < TAIL_KEY) {
        t->known = 0;
        rc = t->inner->ops->del(t->inner, KV_TAIL, tail_key(at, space, key));
    }
    if (rc == CRM_ENOTFOUND)
        rc = t->inner->ops->del(t->inner, space, key);
    return passed(txn, rc);
}

/* Rows of the other space are kept: they go to their own tree. */
static int tail_clear(kv_txn *txn, kv_space space)
{
    tail_txn *t = (tail_txn *)txn;
    int rc = grows(space) ? look(t) : CRM_OK;

    if (!rc && grows(space) && t->count[nth(space)])
        rc = empty(t);
    return passed(txn, rc ? rc : t->inner->ops->clear(t->inner, space));
}

/* ---- cursors ---- */

static int tail_cursor_open(kv_txn *txn, kv_space space, kv_cursor **out)
{
    kv_txn *inner = inner_of(txn);
    tail_cursor *c;
    int rc;

    if (!grows(space))
        return passed(txn, inner->ops->cursor(inner, space, out));
    *out = NULL;
    c = crm__calloc(txn->env->mem, 1, sizeof *c);
    if (!c)
        return CRM_ENOMEM;
    rc = passed(txn, inner->ops->cursor(inner, KV_TAIL, &c->part[1]));
    if (rc) {
        crm__release(txn->env->mem, c);
        return rc;
    }
    c->head.ops = &OPS;
    c->head.txn = txn;
    c->mem = txn->env->mem;
    c->space = (uint8_t)space;
    *out = &c->head;
    return CRM_OK;
}

static void tail_cursor_close(kv_cursor *cursor)
{
    tail_cursor *c = (tail_cursor *)cursor;

    for (int i = 0; i < 2; i++) {
        if (c->part[i])
            c->part[i]->ops->cursor_close(c->part[i]);
    }
    crm__release(c->mem, c);
}

static int seek_own(tail_cursor *c, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v)
{
    kv_txn *inner = inner_of(c->head.txn);
    int rc = CRM_OK;

    c->in_tail = 0;
    if (!c->part[0])
        rc = inner->ops->cursor(inner, (kv_space)c->space, &c->part[0]);
    return rc ? rc : c->part[0]->ops->seek(c->part[0], how, key, k, v);
}

/* A row that the tail's cursor found, if it is of the space. */
static int of_space(const tail_cursor *c, int rc, crm__slice *k)
{
    if (rc)
        return rc;
    if (!k->n || k->p[0] != c->space)
        return CRM_ENOTFOUND;
    *k = crm__slice_of(k->p + 1, k->n - 1);
    return CRM_OK;
}

static int seek_tail(tail_cursor *c, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v)
{
    uint8_t at[KV_KEY_MAX];
    crm__slice from = tail_key(at, (kv_space)c->space, key);

    c->in_tail = 1;
    if (how == KV_FIRST) {
        from.n = 1;
        how = KV_GE;
    } else if (how == KV_LAST) {
        memset(at + 1, 0xff, TAIL_KEY);
        from.n = 1 + TAIL_KEY;
        how = KV_LE;
    }
    return of_space(c, c->part[1]->ops->seek(c->part[1], how, from, k, v), k);
}

static int tail_seek(kv_cursor *cursor, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v)
{
    tail_cursor *c = (tail_cursor *)cursor;
    int back = how == KV_LAST || how == KV_LE || how == KV_EXACT;
    int rc = back ? seek_tail(c, how, key, k, v) : seek_own(c, how, key, k, v);

    if (rc == CRM_ENOTFOUND)
        rc = back ? seek_own(c, how, key, k, v) : seek_tail(c, how, key, k, v);
    return passed(cursor->txn, rc);
}

static int tail_next(kv_cursor *cursor, crm__slice *k, crm__slice *v)
{
    tail_cursor *c = (tail_cursor *)cursor;
    kv_cursor *at = c->part[c->in_tail];
    int rc = at->ops->next(at, k, v);

    if (c->in_tail)
        rc = of_space(c, rc, k);
    else if (rc == CRM_ENOTFOUND)
        rc = seek_tail(c, KV_FIRST, crm__slice_of(NULL, 0), k, v);
    return passed(cursor->txn, rc);
}

static int tail_prev(kv_cursor *cursor, crm__slice *k, crm__slice *v)
{
    tail_cursor *c = (tail_cursor *)cursor;
    kv_cursor *at = c->part[c->in_tail];
    int rc = at->ops->prev(at, k, v);

    if (c->in_tail) {
        rc = of_space(c, rc, k);
        if (rc == CRM_ENOTFOUND)
            rc = seek_own(c, KV_LAST, crm__slice_of(NULL, 0), k, v);
    }
    return passed(cursor->txn, rc);
}

/* ---- figures ---- */

static int tail_stat(kv_txn *txn, kv_space space, kv_stat *out)
{
    tail_txn *t = (tail_txn *)txn;
    kv_txn *inner = t->inner;
    int rc = inner->ops->stat(inner, space, out);

    if (!rc && grows(space)) {
        if (!txn->write)
            t->known = 0;
        rc = look(t);
        out->entries += t->count[nth(space)];
    }
    return passed(txn, rc);
}

static const kv_ops OPS = {
    .close = tail_close,
    .settle = tail_settle,
    .forget = tail_forget,
    .begin = tail_begin,
    .commit = tail_commit,
    .abort = tail_abort,
    .get = tail_get,
    .put = tail_put,
    .del = tail_del,
    .clear = tail_clear,
    .cursor = tail_cursor_open,
    .cursor_close = tail_cursor_close,
    .seek = tail_seek,
    .next = tail_next,
    .prev = tail_prev,
    .stat = tail_stat,
    .info = tail_info,
    .last = tail_last,
    .wait = tail_wait,
    .readers = tail_readers,
    .clear_stale = tail_clear_stale,
};

kv_env *crm__kv_tail_inner(kv_env *env)
{
    return env->ops == &OPS ? within(env) : env;
}

kv_txn *crm__kv_tail_inner_txn(kv_txn *txn)
{
    return txn->ops == &OPS ? inner_of(txn) : txn;
}

int crm__kv_tail_wrap(kv_env *inner, kv_env **out)
{
    tail_env *e = crm__calloc(inner->mem, 1, sizeof *e);

    *out = NULL;
    if (!e)
        return CRM_ENOMEM;
    e->head.ops = &OPS;
    e->head.mem = inner->mem;
    e->inner = inner;
    *out = &e->head;
    return CRM_OK;
}

static int wrapped(kv_env *inner, kv_env **out, crm_error *err)
{
    if (!crm__kv_tail_wrap(inner, out))
        return CRM_OK;
    inner->ops->close(inner);
    return crm__fail_nomem(err);
}

int crm__kv_open(const char *dir, const kv_options *opts, kv_env **out, crm_error *err)
{
    kv_env *inner;
    int rc = crm__kv_lmdb_open(dir, opts, &inner, err);

    *out = NULL;
    return rc ? rc : wrapped(inner, out, err);
}

int crm__kv_open_pages(const char *dir, const kv_options *opts, kv_env **out, crm_error *err)
{
    kv_env *inner;
    int rc = crm__kv_page_open(dir, opts, &inner, err);

    *out = NULL;
    return rc ? rc : wrapped(inner, out, err);
}
