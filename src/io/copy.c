/* SPDX-License-Identifier: MIT
 * All rows of a database, from one engine into another: read in order, verified, appended; and read
 * back.  Knows spaces and check tags, nothing of files.
 */
#include "io/copy.h"

#include <string.h>

enum { CHUNK = 16 << 20, ROW_BYTES = 16, STEP = 12, READERS = 8 };

/* ---- progress ---- */

int crm__work_step(crm__work *w, uint64_t n, crm_error *err)
{
    uint64_t before = w->done;

    w->done += n;
    if (!w->fn || (before && before >> STEP == w->done >> STEP))
        return CRM_OK;
    if (!w->fn(w->done, w->done > w->total ? w->done : w->total, w->ctx))
        return CRM_OK;
    return crm__fail(err, CRM_ECANCELLED, "cancelled");
}

typedef struct walking {
    crm__work *w;
    uint64_t seen;
    int64_t page; /* of the first fault, -1: without a page */
    int faults;
    char space[CRM_FIELD_SIZE], what[120];
    int cancelled;
} walking;

static int on_page(uint64_t done, uint64_t total, void *ctx)
{
    walking *walk = ctx;
    uint64_t n = done > walk->seen ? done - walk->seen : 0;

    (void)total;
    walk->seen = done;
    walk->cancelled = crm__work_step(walk->w, n, NULL) != CRM_OK;
    return walk->cancelled;
}

static void on_fault(const char *what, int64_t page, const char *space, void *ctx)
{
    walking *walk = ctx;

    if (walk->faults++)
        return;
    walk->page = page;
    crm__copy_name(walk->space, space ? space : "file", space ? strlen(space) : 4);
    strncpy(walk->what, what, sizeof walk->what - 1);
}

int crm__pages_verify(kv_txn *txn, crm__work *w, crm_error *err)
{
    walking walk;
    kv_page_summary s;
    int rc;

    memset(&walk, 0, sizeof walk);
    walk.w = w;
    rc = crm__kv_page_walk(txn, on_fault, on_page, &walk, &s, err);
    if (walk.cancelled)
        return crm__fail(err, CRM_ECANCELLED, "cancelled");
    if (!rc && !s.faults && s.unnamed)
        return crm__fail(err, CRM_ECORRUPT, "file: page %lld: the directory lacks a space",
                         (long long)s.directory);
    if (rc || !s.faults)
        return rc;
    if (walk.page < 0)
        return crm__fail(err, CRM_ECORRUPT, "%s: %s", walk.space, walk.what);
    return crm__fail(err, CRM_ECORRUPT, "%s: page %lld: %s", walk.space, (long long)walk.page,
                     walk.what);
}

uint64_t crm__rows_expected(kv_txn *txn)
{
    uint64_t n = 0;
    kv_stat st;

    for (int i = 0; i < KV_SPACES; i++) {
        if (!txn->ops->stat(txn, (kv_space)i, &st))
            n += st.entries;
    }
    return n;
}

uint64_t crm__pages_expected(kv_txn *txn)
{
    uint64_t n = 0;
    kv_stat st;

    for (int i = 0; i < KV_SPACES; i++) {
        if (!txn->ops->stat(txn, (kv_space)i, &st))
            n += st.bytes / CRM__WORK_PAGE;
    }
    return n;
}

/* ---- rows ---- */

/* The engine that takes the rows, in transactions of some size: memory stays bounded. */
typedef struct sink {
    kv_env *env;
    kv_txn *txn;
    uint64_t bytes;
} sink;

static int sink_commit(sink *s, crm_error *err)
{
    kv_txn *txn = s->txn;

    s->txn = NULL;
    s->bytes = 0;
    return txn ? txn->ops->commit(txn, err) : CRM_OK;
}

static int sink_put(sink *s, kv_space space, crm__slice k, crm__slice v, crm_error *err)
{
    int rc = CRM_OK;

    if (!s->env)
        return CRM_OK;
    if (!s->txn)
        rc = s->env->ops->begin(s->env, 1, &s->txn, err);
    if (rc)
        return rc;
    rc = s->txn->ops->put(s->txn, space, k, v, KV_APPEND);
    if (rc)
        return crm__fail_sys(err, rc, s->txn->sys, "can't write the copy");
    s->bytes += k.n + v.n + ROW_BYTES;
    return s->bytes < CHUNK ? CRM_OK : sink_commit(s, err);
}

static int row_fault(kv_space space, crm__slice k, uint64_t row, crm_error *err)
{
    unsigned long long number = row;
    int id = (space == KV_CUSTOMER || space == KV_JOURNAL) && k.n == CRM__KEY_U64;

    if (id)
        number = crm__get_be64(k.p);
    return crm__fail_at(err, CRM_ECORRUPT, id ? (int64_t)number : -1, -1, "%s: %s %llu is damaged",
                        crm__kv_space_name(space),
                        !id                    ? "row"
                        : space == KV_CUSTOMER ? "customer"
                                               : "entry",
                        number);
}

/* The format header has a tag of its own kind, and was judged when the keys were read from it. */
static int is_sound(const crm__store *keys, kv_space space, crm__slice k, crm__slice v)
{
    crm__slice payload;

    if (space == KV_META && k.n == 6 && memcmp(k.p, "format", 6) == 0)
        return 1;
    return crm__untag(keys, space, k, v, &payload) == CRM_OK;
}

static void see(crm__rows *sum, kv_space space, crm__slice k, crm__slice v)
{
    sum->hash = crm__hash64(sum->hash + (uint64_t)space + 1, k.p, k.n);
    sum->hash = crm__hash64(sum->hash, v.p, v.n);
    sum->count++;
    if (space == KV_JOURNAL && k.n == CRM__KEY_U64)
        sum->revision = crm__get_be64(k.p);
}

static int copy_space(const crm__store *keys, kv_txn *from, kv_space space, sink *to, crm__work *w,
                      crm__rows *sum, crm_error *err)
{
    crm__slice k, v;
    uint64_t row = 0;
    kv_cursor *c;
    int rc = from->ops->cursor(from, space, &c), read;

    if (rc)
        return crm__fail_sys(err, rc, from->sys, "%s: can't be read", crm__kv_space_name(space));
    for (read = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v); !read;
         read = c->ops->next(c, &k, &v)) {
        row++;
        if (!is_sound(keys, space, k, v))
            rc = row_fault(space, k, row, err);
        if (!rc)
            rc = sink_put(to, space, k, v, err);
        if (rc)
            break;
        see(sum, space, k, v);
        rc = crm__work_step(w, 1, err);
        if (rc)
            break;
    }
    c->ops->cursor_close(c);
    if (rc || read == CRM_ENOTFOUND)
        return rc;
    return crm__fail_sys(err, read, from->sys, "%s: a page behind row %llu can't be read",
                         crm__kv_space_name(space), (unsigned long long)row);
}

/* With `to` NULL reads only. */
static int copy_rows(const crm__store *keys, kv_txn *from, kv_env *to, crm__work *w, crm__rows *out,
                     crm_error *err)
{
    sink s = {to, NULL, 0};
    int rc = CRM_OK;

    memset(out, 0, sizeof *out);
    for (int i = 0; i < KV_SPACES && !rc; i++)
        rc = copy_space(keys, from, (kv_space)i, &s, w, out, err);
    if (!rc)
        return sink_commit(&s, err);
    if (s.txn)
        s.txn->ops->abort(s.txn);
    return rc;
}

int crm__copy_make(const crm__store *keys, kv_txn *from, const char *dir, crm__work *w,
                   crm__rows *out, crm_error *err)
{
    kv_options kv = {.mem = &keys->mem, .create = 1, .max_readers = READERS};
    kv_env *env;
    int rc = crm__kv_open(dir, &kv, &env, err);

    if (rc)
        return rc;
    rc = copy_rows(keys, from, env, w, out, err);
    env->ops->close(env);
    return rc;
}

int crm__copy_verify(const crm_allocator *mem, const char *dir, crm__work *w, crm__rows *out,
                     crm_error *err)
{
    kv_options kv = {.mem = mem, .readonly = 1};
    crm__store keys; /* for these alone */
    kv_env *env;
    kv_txn *txn;
    int rc = crm__kv_open_pages(dir, &kv, &env, err);

    if (rc)
        return rc;
    memset(&keys, 0, sizeof keys);
    keys.mem = *mem;
    rc = env->ops->begin(env, 0, &txn, err);
    if (!rc) {
        uint64_t left = crm__pages_expected(txn) + crm__rows_expected(txn);
        if (w->total < w->done + left)
            w->total = w->done + left;
        rc = crm__pages_verify(txn, w, err);
        if (!rc)
            rc = crm__format_read(&keys, txn, err);
        if (rc == CRM_ENOTFOUND)
            rc = crm__fail(err, CRM_ECORRUPT, "the data file is not a customer database");
        if (!rc)
            rc = copy_rows(&keys, txn, NULL, w, out, err);
        txn->ops->abort(txn);
    }
    env->ops->close(env);
    return rc;
}
