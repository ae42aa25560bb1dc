/* SPDX-License-Identifier: MIT
 * The page engine: reads LMDB's data file with pread, through a small cache of checked pages, and
 * gives CRM_OK or CRM_ECORRUPT whatever the bytes are.  A transaction is one meta page's snapshot
 * with its own cache, so transactions of one environment may be used on different threads.
 *
 * Bytes from get live until the next get of the transaction, those from a cursor until the next
 * call on it: a cursor keeps the pages it stands on in the cache and has one buffer for a large
 * value.
 */
#include "kv/kv_page.h"

#include "base/error.h"

#include <errno.h>
#include <unistd.h>

typedef struct page_env {
    kv_env head;
    int fd;
} page_env;

static const kv_ops OPS;

static int corrupt(page_txn *t, page_fault fault)
{
    t->head.sys = (int)fault;
    return CRM_ECORRUPT;
}

/* The record of a space in the main database, kept for the transaction. */
static int find_space(page_txn *t, kv_space space, const page_db **out)
{
    const char *name = crm__kv_space_name(space);
    crm__slice v, key = {(const uint8_t *)name, strlen(name)};
    page_db *db;
    page_fault fault;
    page_cursor c;
    int rc;

    if ((unsigned)space >= KV_STORED)
        return CRM_EINVAL;
    db = &t->db[space];
    *out = db;
    if (t->have[space])
        return CRM_OK;
    fault = crm__page_db_check(&t->snap.meta.main, t->snap.meta.last, PAGE_USE_MAIN);
    if (fault)
        return corrupt(t, fault);
    crm__page_cursor_init(&c, t, &t->snap.meta.main, PAGE_USE_MAIN);
    rc = crm__page_seek(&c, KV_EXACT, key, NULL, NULL);
    memset(db, 0, sizeof *db);
    db->root = PAGE_NONE;
    fault = PAGE_FINE;
    if (!rc && node_flags(page_node(c.page[c.depth - 1]->bytes, c.at[c.depth - 1])) != NODE_DB) {
        fault = PAGE_FAULT_RECORD;
    } else if (!rc) {
        crm__page_row(&c, NULL, &v);
        *db = crm__page_db_parse(v.p);
        fault = crm__page_db_check(db, t->snap.meta.last, PAGE_USE_SPACE);
    }
    crm__page_cursor_drop(&c);
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    if (fault)
        return corrupt(t, fault);
    t->have[space] = 1;
    return CRM_OK;
}

/* ---- the engine's functions ---- */

static void page_settle(kv_env *env)
{
    (void)env;
}

static void page_forget(kv_env *env)
{
    crm__release(env->mem, env);
}

static void page_close(kv_env *env)
{
    close(((page_env *)env)->fd);
    page_forget(env);
}

static page_txn *txn_new(page_env *e, crm_error *err, int *rc)
{
    page_txn *t = crm__calloc(e->head.mem, 1, sizeof *t);

    if (!t) {
        *rc = crm__fail_nomem(err);
        return NULL;
    }
    t->head.ops = &OPS;
    t->head.env = &e->head;
    *rc = crm__page_snap_take(e->fd, &t->snap, err);
    if (*rc) {
        crm__release(e->head.mem, t);
        return NULL;
    }
    crm__page_cursor_init(&t->get, t, &t->snap.meta.main, PAGE_USE_SPACE);
    return t;
}

static void page_abort(kv_txn *txn)
{
    page_txn *t = (page_txn *)txn;
    page_cursor *c, *next;

    for (c = t->cursors; c; c = next) {
        next = c->next;
        c->head.txn = NULL;
        c->depth = 0;
        c->next = NULL;
        c->link = NULL;
    }
    crm__page_cursor_drop(&t->get);
    crm__page_cache_clear(t);
    crm__release(txn->env->mem, t);
}

static int page_begin(kv_env *env, int write, kv_txn **out, crm_error *err)
{
    page_txn *t;
    int rc;

    *out = NULL;
    if (write)
        return crm__fail(err, CRM_EREADONLY, "the page engine only reads");
    t = txn_new((page_env *)env, err, &rc);
    if (t)
        *out = &t->head;
    return rc;
}

static int page_commit(kv_txn *txn, crm_error *err)
{
    (void)err;
    page_abort(txn);
    return CRM_OK;
}

static int page_get(kv_txn *txn, kv_space space, crm__slice key, crm__slice *value)
{
    page_txn *t = (page_txn *)txn;
    const page_db *db;
    int rc = find_space(t, space, &db);

    if (rc)
        return rc;
    t->get.db = *db;
    return crm__page_seek(&t->get, KV_EXACT, key, NULL, value);
}

static int page_put(kv_txn *txn, kv_space space, crm__slice key, crm__slice value, unsigned flags)
{
    (void)txn;
    (void)space;
    (void)key;
    (void)value;
    (void)flags;
    return CRM_EREADONLY;
}

static int page_del(kv_txn *txn, kv_space space, crm__slice key)
{
    (void)txn;
    (void)space;
    (void)key;
    return CRM_EREADONLY;
}

static int page_clear(kv_txn *txn, kv_space space)
{
    (void)txn;
    (void)space;
    return CRM_EREADONLY;
}

static int page_cursor_open(kv_txn *txn, kv_space space, kv_cursor **out)
{
    page_txn *t = (page_txn *)txn;
    const page_db *db;
    page_cursor *c;
    int rc = find_space(t, space, &db);

    *out = NULL;
    if (rc)
        return rc;
    c = crm__alloc(txn->env->mem, sizeof *c);
    if (!c)
        return CRM_ENOMEM;
    crm__page_cursor_init(c, t, db, PAGE_USE_SPACE);
    c->next = t->cursors;
    c->link = &t->cursors;
    if (c->next)
        c->next->link = &c->next;
    t->cursors = c;
    *out = &c->head;
    return CRM_OK;
}

static void page_cursor_close(kv_cursor *cursor)
{
    page_cursor *c = (page_cursor *)cursor;

    if (c->link) {
        *c->link = c->next;
        if (c->next)
            c->next->link = c->link;
    }
    crm__page_cursor_drop(c);
    crm__release(c->mem, c);
}

static int page_seek(kv_cursor *cursor, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v)
{
    return cursor->txn ? crm__page_seek((page_cursor *)cursor, how, key, k, v) : CRM_ESTATE;
}

/* After CRM_ECORRUPT the next step goes on behind the damaged page or row. */
static int move(kv_cursor *cursor, int back, crm__slice *k, crm__slice *v)
{
    return cursor->txn ? crm__page_move((page_cursor *)cursor, back, k, v) : CRM_ESTATE;
}

static int page_next(kv_cursor *cursor, crm__slice *k, crm__slice *v)
{
    return move(cursor, 0, k, v);
}

static int page_prev(kv_cursor *cursor, crm__slice *k, crm__slice *v)
{
    return move(cursor, 1, k, v);
}

static int page_stat(kv_txn *txn, kv_space space, kv_stat *out)
{
    page_txn *t = (page_txn *)txn;
    const page_db *db;
    int rc = find_space(t, space, &db);

    memset(out, 0, sizeof *out);
    if (rc)
        return rc;
    /* What the record says; the walk compares it with what is there. */
    out->entries = db->entries;
    out->bytes = (db->branch + db->leaf + db->overflow) * t->snap.meta.psize;
    out->depth = db->depth;
    return CRM_OK;
}

/* Page numbers in the free list from `from` on. */
static int count_free(page_txn *t, uint64_t from, uint64_t *pages)
{
    const page_db *db = &t->snap.meta.free_list;
    page_fault fault = crm__page_db_check(db, t->snap.meta.last, PAGE_USE_FREE);
    crm__slice v, none = {NULL, 0};
    page_cursor c;
    int rc;

    *pages = 0;
    if (fault)
        return corrupt(t, fault);
    crm__page_cursor_init(&c, t, db, PAGE_USE_FREE);
    rc = crm__page_seek(&c, KV_FIRST, none, NULL, &v);
    while (!rc) {
        uint64_t n = v.n >= 8 ? crm__get_le64(v.p) : 0;
        if (v.n < 8 || n > v.n / 8 - 1) {
            rc = corrupt(t, PAGE_FAULT_FREE);
            break;
        }
        /* From high to low. */
        for (uint64_t i = 1; from && i <= n && crm__get_le64(v.p + 8 * i) >= from; i++)
            ++*pages;
        *pages += from ? 0 : n;
        rc = crm__page_move(&c, 0, NULL, &v);
    }
    crm__page_cursor_drop(&c);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* With CRM_ECORRUPT the free list is damaged and all but free_bytes is filled in. */
static int page_info(kv_env *env, kv_info *out)
{
    int rc;
    page_txn *t = txn_new((page_env *)env, NULL, &rc);

    memset(out, 0, sizeof *out);
    if (!t)
        return rc;
    out->file_bytes = t->snap.file_bytes;
    out->used_bytes = (t->snap.meta.last + 1) * t->snap.meta.psize;
    out->map_bytes = t->snap.meta.map_bytes;
    out->commit = t->snap.meta.txnid;
    out->oldest = out->commit;
    rc = count_free(t, 0, &out->free_bytes);
    out->free_bytes = rc ? 0 : out->free_bytes * t->snap.meta.psize;
    page_abort(&t->head);
    return rc;
}

int crm__page_sound(kv_txn *txn, crm_error *err)
{
    page_txn *t = (page_txn *)txn;
    const page_snap *s = &t->snap;
    uint64_t in_file = s->file_bytes / s->meta.psize, unwritten;
    page_fault fault;
    int rc;

    for (unsigned i = 0; i < 2; i++) {
        if (s->meta_fault[i])
            return crm__fail(err, CRM_ECORRUPT, "data.mdb: page %u %s", i,
                             crm__page_fault_text((int)s->meta_fault[i]));
    }
    fault = crm__page_db_check(&s->meta.free_list, s->meta.last, PAGE_USE_FREE);
    if (!fault)
        fault = crm__page_db_check(&s->meta.main, s->meta.last, PAGE_USE_MAIN);
    if (fault)
        return crm__fail(err, CRM_ECORRUPT, "data.mdb: page %u %s", s->meta_page,
                         crm__page_fault_text((int)fault));
    if (s->meta.last >= in_file) {
        rc = count_free(t, in_file, &unwritten);
        if (!rc && unwritten != s->meta.last + 1 - in_file)
            return crm__fail(err, CRM_ECORRUPT,
                             "data.mdb: the file is cut: %llu pages are in it, not %llu",
                             (unsigned long long)in_file, (unsigned long long)s->meta.last + 1);
        if (rc == CRM_ECORRUPT)
            return crm__fail(err, rc, "data.mdb: the file is cut, or its free list is damaged");
        if (rc)
            return crm__fail_sys(err, rc, txn->sys, "data.mdb: the free list cannot be read");
    }
    for (unsigned i = 0; i < KV_STORED; i++) {
        const page_db *db;
        rc = find_space(t, (kv_space)i, &db);
        if (rc)
            return crm__fail_sys(err, rc, txn->sys, "data.mdb: the directory of spaces %s",
                                 rc == CRM_ECORRUPT ? "is damaged" : "cannot be read");
    }
    return CRM_OK;
}

static int page_readers(kv_env *env, kv_reader_fn fn, void *ctx)
{
    (void)env;
    (void)fn;
    (void)ctx;
    return CRM_OK;
}

static int page_clear_stale(kv_env *env, int *count)
{
    (void)env;
    if (count)
        *count = 0;
    return CRM_OK;
}

/* A snapshot of a file does not move. */
static int page_last(kv_env *env, uint64_t *commit)
{
    (void)env;
    *commit = 0;
    return CRM_OK;
}

static int page_wait(kv_env *env, uint64_t commit, int timeout_ms)
{
    (void)env;
    (void)commit;
    (void)timeout_ms;
    return CRM_DONE;
}

static const kv_ops OPS = {
    .close = page_close,
    .settle = page_settle,
    .forget = page_forget,
    .begin = page_begin,
    .commit = page_commit,
    .abort = page_abort,
    .get = page_get,
    .put = page_put,
    .del = page_del,
    .clear = page_clear,
    .cursor = page_cursor_open,
    .cursor_close = page_cursor_close,
    .seek = page_seek,
    .next = page_next,
    .prev = page_prev,
    .stat = page_stat,
    .info = page_info,
    .last = page_last,
    .wait = page_wait,
    .readers = page_readers,
    .clear_stale = page_clear_stale,
};

const page_snap *crm__page_txn_snap(const kv_txn *txn)
{
    return txn && txn->ops == &OPS ? &((const page_txn *)txn)->snap : NULL;
}

int crm__kv_page_open(const char *dir, const kv_options *opts, kv_env **out, crm_error *err)
{
    const crm_allocator *mem = opts ? opts->mem : NULL;
    size_t n = strlen(dir);
    page_env *e = crm__calloc(mem, 1, sizeof *e);
    char *path = crm__alloc(mem, n + sizeof "/data.mdb");
    page_snap s;
    int rc;

    *out = NULL;
    if (!e || !path) {
        crm__release(mem, e);
        crm__release(mem, path);
        return crm__fail_nomem(err);
    }
    memcpy(path, dir, n);
    memcpy(path + n, "/data.mdb", sizeof "/data.mdb");
    e->head.ops = &OPS;
    e->head.mem = mem;
    rc = crm__page_file_open(path, &e->fd, err);
    crm__release(mem, path);
    if (!rc) {
        rc = crm__page_snap_take(e->fd, &s, err);
        if (rc)
            close(e->fd);
    }
    if (rc) {
        crm__release(mem, e);
        return rc;
    }
    *out = &e->head;
    return CRM_OK;
}
