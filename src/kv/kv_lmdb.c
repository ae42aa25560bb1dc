/* SPDX-License-Identifier: MIT
 * LMDB behind kv.h: transactions, the rows of write transactions, figures.
 */
#include "kv/kv_lmdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { ROOM = 1 << 16, FREE_LIST = 0 };

typedef struct lmdb_cursor {
    kv_cursor base;
    MDB_cursor *cursor;
} lmdb_cursor;

/* ---- transactions ---- */

static void end(lmdb_txn *t)
{
    if (t->base.write) {
        crm__lmdb_log_end(t);
        crm__queue_leave(&((lmdb_env *)t->base.env)->queue);
    }
    crm__release(t->base.env->mem, t);
}

static int lmdb_begin(kv_env *env, int write, kv_txn **out, crm_error *err)
{
    lmdb_env *e = (lmdb_env *)env;
    lmdb_txn *t;
    int rc, dead;

    *out = NULL;
    if (atomic_load(&e->poisoned))
        return crm__fail(err, CRM_EPOISONED, "the storage engine stopped in this process");
    t = write ? NULL : crm__lmdb_take(e);
    if (t) {
        *out = &t->base;
        return CRM_OK;
    }
    t = crm__calloc(env->mem, 1, sizeof *t);
    if (!t)
        return crm__fail_nomem(err);
    t->base.ops = write ? &crm__lmdb_ops : &crm__lmdb_read_ops;
    t->base.env = env;
    t->base.write = write;
    if (write)
        crm__queue_enter(&e->queue);
    rc = crm__lmdb_begin(e->env, write ? 0 : MDB_RDONLY, &t->txn);
    if (rc == MDB_READERS_FULL) {
        crm__lmdb_drop_idle(e);
        mdb_reader_check(e->env, &dead);
        rc = crm__lmdb_begin(e->env, write ? 0 : MDB_RDONLY, &t->txn);
    }
    if (!rc && write) {
        rc = crm__lmdb_log_begin(t);
        if (rc)
            crm__lmdb_abort(t->txn);
    }
    if (rc) {
        end(t);
        return crm__lmdb_fail(err, rc, "can't begin");
    }
    *out = &t->base;
    return CRM_OK;
}

static void lmdb_abort(kv_txn *txn)
{
    lmdb_txn *t = (lmdb_txn *)txn;

    if (!txn->write && crm__lmdb_keep(t))
        return;
    /* After an assertion too: it gives the writer's lock back. */
    crm__lmdb_abort(t->txn);
    end(t);
}

/* LMDB turns a write that was cut short by a full disk into EIO. */
static int disk_full(const lmdb_env *e, const lmdb_txn *t)
{
    struct statvfs st;
    int fd;

    return !mdb_env_get_fd(e->env, &fd) && !fstatvfs(fd, &st) &&
           (uint64_t)st.f_bavail * st.f_frsize < t->bytes * 2 + ROOM;
}

static int lmdb_commit(kv_txn *txn, crm_error *err)
{
    lmdb_txn *t = (lmdb_txn *)txn;
    lmdb_env *e = (lmdb_env *)txn->env;
    int rc;

    if (atomic_load(&e->poisoned)) {
        lmdb_abort(txn);
        return crm__fail(err, CRM_EPOISONED, "the storage engine stopped in this process");
    }
    rc = crm__lmdb_log_commit(t);
    if (rc == EIO && disk_full(e, t))
        rc = ENOSPC;
    end(t);
    return rc ? crm__lmdb_fail(err, rc, "can't commit") : CRM_OK;
}

/* ---- rows ---- */

static MDB_dbi dbi(kv_txn *txn, kv_space space)
{
    return ((lmdb_env *)txn->env)->dbi[space];
}

static MDB_val val(crm__slice s)
{
    MDB_val v = {s.n, (void *)(uintptr_t)s.p};

    return v;
}

int crm__lmdb_get(lmdb_txn *t, kv_space space, crm__slice key, crm__slice *value)
{
    MDB_val k = val(key), v = {0, NULL};
    volatile int rc = 0;

    GUARD(rc, mdb_get(t->txn, dbi(&t->base, space), &k, &v));
    if (!rc)
        *value = lmdb_slice(v);
    return rc;
}

static int lmdb_get(kv_txn *txn, kv_space space, crm__slice key, crm__slice *value)
{
    if (lmdb_poisoned(txn))
        return CRM_EPOISONED;
    return crm__lmdb_result(txn, crm__lmdb_get((lmdb_txn *)txn, space, key, value));
}

/* Writes use cursors of our own.  mdb_put() and mdb_del() link one on their stack into the
 * transaction: after a jump out of them mdb_txn_abort() would free it, which ends the process. */
static __attribute__((noinline)) int g_writer(lmdb_txn *t, kv_space space)
{
    volatile int rc = 0;

    if (!t->writer[space])
        GUARD(rc, mdb_cursor_open(t->txn, dbi(&t->base, space), &t->writer[space]));
    return rc;
}

int crm__lmdb_put(lmdb_txn *t, kv_space space, crm__slice key, crm__slice value, unsigned flags)
{
    MDB_val k = val(key), v = val(value);
    volatile int rc = g_writer(t, space);

    if (!rc)
        GUARD(rc, mdb_cursor_put(t->writer[space], &k, &v, flags & KV_APPEND ? MDB_APPEND : 0));
    return rc;
}

int crm__lmdb_del(lmdb_txn *t, kv_space space, crm__slice key)
{
    MDB_val k = val(key), v = {0, NULL};
    volatile int rc = g_writer(t, space);

    if (!rc)
        GUARD(rc, mdb_cursor_get(t->writer[space], &k, &v, MDB_SET));
    if (!rc)
        GUARD(rc, mdb_cursor_del(t->writer[space], 0));
    return rc;
}

int crm__lmdb_clear(lmdb_txn *t, kv_space space)
{
    volatile int rc = 0;

    GUARD(rc, mdb_drop(t->txn, dbi(&t->base, space), 0));
    return rc;
}

/* Added before it is made: key and value may lie in a page that the change moves. */
static int change(kv_txn *txn, kv_log_what what, kv_space space, crm__slice key, crm__slice value,
                  unsigned flags)
{
    lmdb_txn *t = (lmdb_txn *)txn;
    size_t before = crm__lmdb_log_add(t, what, space, key, value);
    int rc;

    if (lmdb_poisoned(txn))
        return CRM_EPOISONED;
    t->bytes += key.n + value.n + 16;
    rc = what == LOG_PUT   ? crm__lmdb_put(t, space, key, value, flags)
         : what == LOG_DEL ? crm__lmdb_del(t, space, key)
                           : crm__lmdb_clear(t, space);
    if (rc)
        crm__lmdb_log_cut(t, before);
    return crm__lmdb_result(txn, rc);
}

static int lmdb_put(kv_txn *txn, kv_space space, crm__slice key, crm__slice value, unsigned flags)
{
    return change(txn, LOG_PUT, space, key, value, flags);
}

static int lmdb_del(kv_txn *txn, kv_space space, crm__slice key)
{
    return change(txn, LOG_DEL, space, key, (crm__slice){NULL, 0}, 0);
}

static int lmdb_clear(kv_txn *txn, kv_space space)
{
    return change(txn, LOG_CLEAR, space, (crm__slice){NULL, 0}, (crm__slice){NULL, 0}, 0);
}

/* ---- cursors ---- */

static int lmdb_cursor_open(kv_txn *txn, kv_space space, kv_cursor **out)
{
    lmdb_cursor *c = crm__calloc(txn->env->mem, 1, sizeof *c);
    volatile int rc = 0;

    *out = NULL;
    if (!c)
        return CRM_ENOMEM;
    c->base.ops = &crm__lmdb_ops;
    c->base.txn = txn;
    if (lmdb_poisoned(txn)) {
        crm__release(txn->env->mem, c);
        return CRM_EPOISONED;
    }
    GUARD(rc, mdb_cursor_open(((lmdb_txn *)txn)->txn, dbi(txn, space), &c->cursor));
    if (rc) {
        crm__release(txn->env->mem, c);
        return crm__lmdb_result(txn, rc);
    }
    *out = &c->base;
    return CRM_OK;
}

static void lmdb_cursor_close(kv_cursor *c)
{
    QUIET(mdb_cursor_close(((lmdb_cursor *)c)->cursor));
    crm__release(c->txn->env->mem, c);
}

static int step(kv_cursor *c, MDB_cursor_op op, MDB_val *k, crm__slice *key, crm__slice *value)
{
    MDB_val v = {0, NULL};
    volatile int rc = 0;

    if (lmdb_poisoned(c->txn))
        return CRM_EPOISONED;
    GUARD(rc, mdb_cursor_get(((lmdb_cursor *)c)->cursor, k, &v, op));
    if (!rc) {
        *key = lmdb_slice(*k);
        *value = lmdb_slice(v);
    }
    return crm__lmdb_result(c->txn, rc);
}

static int seek_le(kv_cursor *c, crm__slice want, crm__slice *key, crm__slice *value)
{
    MDB_val k = val(want);
    int rc = step(c, MDB_SET_RANGE, &k, key, value);

    if (rc == CRM_ENOTFOUND)
        return step(c, MDB_LAST, &k, key, value);
    if (rc || (key->n == want.n && memcmp(key->p, want.p, want.n) == 0))
        return rc;
    return step(c, MDB_PREV, &k, key, value);
}

static int lmdb_seek(kv_cursor *c, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v)
{
    MDB_val at = val(key);

    switch (how) {
    case KV_FIRST:
        return step(c, MDB_FIRST, &at, k, v);
    case KV_LAST:
        return step(c, MDB_LAST, &at, k, v);
    case KV_GE:
        return step(c, MDB_SET_RANGE, &at, k, v);
    case KV_LE:
        return seek_le(c, key, k, v);
    case KV_EXACT:
        return step(c, MDB_SET_KEY, &at, k, v);
    }
    return CRM_EINVAL;
}

static int lmdb_next(kv_cursor *c, crm__slice *k, crm__slice *v)
{
    MDB_val at;

    return step(c, MDB_NEXT, &at, k, v);
}

static int lmdb_prev(kv_cursor *c, crm__slice *k, crm__slice *v)
{
    MDB_val at;

    return step(c, MDB_PREV, &at, k, v);
}

/* ---- figures ---- */

static uint64_t pages_of(const MDB_stat *st)
{
    return (uint64_t)st->ms_branch_pages + st->ms_leaf_pages + st->ms_overflow_pages;
}

static int lmdb_stat(kv_txn *txn, kv_space space, kv_stat *out)
{
    MDB_stat st;
    int rc = crm__lmdb_stat(((lmdb_txn *)txn)->txn, dbi(txn, space), &st);

    if (rc)
        return crm__lmdb_result(txn, rc);
    out->entries = st.ms_entries;
    out->bytes = pages_of(&st) * st.ms_psize;
    out->depth = st.ms_depth;
    return CRM_OK;
}

typedef struct reader_walk {
    kv_reader_fn fn;
    void *ctx;
    uint64_t oldest;
    uint32_t count;
} reader_walk;

/* LMDB tells its readers as lines of text: pid, thread, commit or "-". */
static int one_reader(const char *line, void *ctx)
{
    reader_walk *w = ctx;
    kv_reader r;
    char *end;

    r.pid = strtoll(line, &end, 10);
    if (end == line || strtoull(end, &end, 16) == CRM__LMDB_KEEPER)
        return 0;
    while (*end == ' ')
        end++;
    if (*end < '0' || *end > '9')
        return 0; /* a slot without a snapshot */
    w->count++;
    r.commit = strtoull(end, NULL, 10);
    if (r.commit < w->oldest)
        w->oldest = r.commit;
    if (w->fn)
        w->fn(&r, w->ctx);
    return 0;
}

uint64_t crm__lmdb_oldest(lmdb_env *e, uint64_t commit)
{
    reader_walk w = {NULL, NULL, commit, 0};

    mdb_reader_list(e->env, one_reader, &w);
    return w.oldest;
}

static int lmdb_readers(kv_env *env, kv_reader_fn fn, void *ctx)
{
    reader_walk w = {fn, ctx, UINT64_MAX, 0};

    mdb_reader_list(((lmdb_env *)env)->env, one_reader, &w);
    return CRM_OK;
}

/* Free pages that LMDB does not give out beside a reader of that commit. */
static __attribute__((noinline)) int count_kept(MDB_txn *txn, uint64_t oldest, uint64_t *pages)
{
    size_t from = (size_t)oldest;
    MDB_val k = {sizeof from, &from}, v;
    MDB_cursor *c = NULL;
    volatile uint64_t sum = 0;
    volatile int rc = 0;
    uint64_t count;

    GUARD(rc, mdb_cursor_open(txn, FREE_LIST, &c));
    if (rc)
        return rc;
    GUARD(rc, mdb_cursor_get(c, &k, &v, MDB_SET_RANGE));
    while (!rc) {
        if (v.mv_size >= sizeof count) {
            memcpy(&count, v.mv_data, sizeof count);
            sum += count;
        }
        GUARD(rc, mdb_cursor_get(c, &k, &v, MDB_NEXT));
    }
    QUIET(mdb_cursor_close(c));
    *pages = sum;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int lmdb_info(kv_env *env, kv_info *out)
{
    lmdb_env *e = (lmdb_env *)env;
    reader_walk w = {NULL, NULL, UINT64_MAX, 0};
    MDB_envinfo info;
    MDB_txn *txn = NULL;
    MDB_stat st;
    struct stat file;
    uint64_t live = 2, kept = 0;
    int rc, fd;

    memset(out, 0, sizeof *out);
    rc = mdb_env_info(e->env, &info);
    if (!rc)
        rc = mdb_env_get_fd(e->env, &fd);
    if (rc)
        return crm__lmdb_code(rc);
    if (!fstat(fd, &file))
        out->file_bytes = (uint64_t)file.st_size;
    out->map_bytes = info.me_mapsize;
    out->commit = info.me_last_txnid;
    out->max_readers = info.me_maxreaders - e->keepers;
    out->used_bytes = ((uint64_t)info.me_last_pgno + 1) * e->file.psize;
    mdb_reader_list(e->env, one_reader, &w);
    out->readers = w.count;
    out->oldest = w.oldest < out->commit ? w.oldest : out->commit;
    rc = crm__lmdb_begin(e->env, MDB_RDONLY, &txn);
    if (rc)
        return crm__lmdb_code(rc);
    if (out->oldest < out->commit)
        rc = count_kept(txn, out->oldest, &kept);
    for (unsigned i = 0; i < KV_STORED + 2u; i++) { /* 0 and 1 are LMDB's free list and directory */
        MDB_dbi d = i < 2 ? (MDB_dbi)i : e->dbi[i - 2];
        if (!crm__lmdb_stat(txn, d, &st))
            live += pages_of(&st);
    }
    crm__lmdb_abort(txn);
    live *= e->file.psize;
    out->free_bytes = out->used_bytes > live ? out->used_bytes - live : 0;
    out->kept_bytes = kept * e->file.psize;
    return crm__lmdb_code(rc);
}

static int lmdb_clear_stale(kv_env *env, int *count)
{
    return crm__lmdb_code(mdb_reader_check(((lmdb_env *)env)->env, count));
}

static int lmdb_last(kv_env *env, uint64_t *commit)
{
    MDB_envinfo info;
    int rc = mdb_env_info(((lmdb_env *)env)->env, &info);

    *commit = rc ? 0 : info.me_last_txnid;
    return crm__lmdb_code(rc);
}

typedef struct awaited {
    kv_env *env;
    uint64_t commit;
    int rc;
} awaited;

static int committed(void *ctx)
{
    awaited *w = ctx;
    uint64_t now;

    w->rc = lmdb_last(w->env, &now);
    return w->rc || now > w->commit;
}

/* The last write of a commit is that of its meta page, so the look behind it sees the commit. */
static int lmdb_wait(kv_env *env, uint64_t commit, int timeout_ms)
{
    awaited w = {env, commit, CRM_OK};
    char path[4096];
    const char *dir;
    int rc = mdb_env_get_path(((lmdb_env *)env)->env, &dir);

    if (rc || snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path)
        return CRM_EIO;
    rc = crm__wait_file(path, &((lmdb_env *)env)->watches, committed, &w, timeout_ms);
    return w.rc ? w.rc : rc;
}

/* What both tables share. */
#define COMMON_OPS                                                                                 \
    .close = crm__lmdb_close, .settle = crm__lmdb_settle, .forget = crm__lmdb_forget,              \
    .begin = lmdb_begin,                                                                           \
    .commit = lmdb_commit, .abort = lmdb_abort, .put = lmdb_put, .del = lmdb_del,                  \
    .clear = lmdb_clear, .stat = lmdb_stat, .info = lmdb_info, .last = lmdb_last,                  \
    .wait = lmdb_wait, .readers = lmdb_readers, .clear_stale = lmdb_clear_stale

const kv_ops crm__lmdb_ops = {
    COMMON_OPS,
    .get = lmdb_get,
    .cursor = lmdb_cursor_open,
    .cursor_close = lmdb_cursor_close,
    .seek = lmdb_seek,
    .next = lmdb_next,
    .prev = lmdb_prev,
};

const kv_ops crm__lmdb_read_ops = {
    COMMON_OPS,
    .get = crm__lmdb_read_get,
    .cursor = crm__lmdb_read_cursor,
    .cursor_close = crm__lmdb_read_close,
    .seek = crm__lmdb_read_seek,
    .next = crm__lmdb_read_next,
    .prev = crm__lmdb_read_prev,
};
