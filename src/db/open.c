/* SPDX-License-Identifier: MIT
 * Handles: open, close; version; figures.
 */
#include "db/txn.h"

#include "base/utf8.h"

#include <crm/version.h>
#include <errno.h>
#include <string.h>

/* A slot takes 64 bytes of the lock file, which gets its room on the disk at once. */
enum { CRM__READERS_MAX = 65536 };

const char *crm_version(void)
{
    return CRM_VERSION_STRING;
}

int crm_version_number(void)
{
    return CRM_VERSION_NUMBER;
}

#define WORD(name) " " name
const char *crm_build_info(void)
{
    return "libcrm " CRM_VERSION_STRING "; formats" CRM__FEATURES(WORD)
#if defined(__clang__)
        "; clang " __clang_version__
#elif defined(__GNUC__)
        "; gcc " __VERSION__
#endif
        ;
}

void crm_db_options_init(crm_db_options *opts)
{
    if (!opts)
        return;
    memset(opts, 0, sizeof *opts);
    opts->size = sizeof *opts;
}

static int read_options(const char *path, const crm_db_options *opts, crm_db_options *o,
                        crm_allocator *mem, crm_error *err)
{
    const uint32_t known = CRM_READONLY | CRM_NOCREATE | CRM_FORCE_NETWORK | CRM_VERIFY;
    int rc = crm__options_read(o, sizeof *o, opts, "options", err);

    if (rc)
        return rc;
    if (!path || !*path)
        return crm__fail_field(err, CRM_EINVAL, "path", "path is %s", path ? "empty" : "NULL");
    if (crm__utf8_valid(path, strlen(path)) != strlen(path))
        return crm__fail_field(err, CRM_EINVAL, "path", "path is not UTF-8");
    if (o->flags & ~known)
        return crm__fail_field(err, CRM_EINVAL, "flags",
                               "a flag this library does not know is set");
    if (o->max_readers > CRM__READERS_MAX)
        return crm__fail_field(err, CRM_EINVAL, "max_readers", "max_readers is more than %d",
                               CRM__READERS_MAX);
    if (o->max_reader_age_us < 0)
        return crm__fail_field(err, CRM_EINVAL, "max_reader_age_us",
                               "max_reader_age_us is negative");
    rc = crm__name_check(o->actor, "actor", err);
    if (rc)
        return rc;
    if (crm__allocator_read(o->allocator, mem))
        return crm__fail_field(err, CRM_EINVAL, "allocator", "the allocator lacks a function");
    return CRM_OK;
}

int crm_db_open(const char *path, const crm_db_options *opts, crm_db **out, crm_error *err)
{
    crm_db_options o;
    crm_allocator mem;
    crm_db *db;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = read_options(path, opts, &o, &mem, err);
    if (rc)
        return rc;
    if (o.model) { /* before a folder is made for nothing */
        rc = crm_model_check(o.model, CRM_NUL, NULL, NULL, err);
        if (rc)
            return rc;
    }
    db = crm__calloc(&mem, 1, sizeof *db);
    if (!db)
        return crm__fail_nomem(err);
    db->mem = mem;
    atomic_init(&db->refs, 1);
    atomic_init(&db->closed, 0);
    db->flags = o.flags;
    db->log = o.log;
    db->log_ctx = o.log_ctx;
    db->max_reader_age = o.max_reader_age_us;
    db->old_reader = o.old_reader;
    db->old_reader_ctx = o.old_reader_ctx;
    db->clock = o.test_clock;
    db->clock_ctx = o.test_clock_ctx;
    rc = crm__store_open(path, &o, &mem, &db->store, err);
    if (rc == CRM_EIO && err && (err->sys == EACCES || err->sys == EPERM || err->sys == EROFS))
        crm__lock_denied(path, (o.flags & CRM_READONLY) != 0, err);
    if (rc) {
        crm__release(&mem, db);
        return rc;
    }
    *out = db;
    return CRM_OK;
}

void crm_db_close(crm_db *db)
{
    if (!db)
        return;
    atomic_store(&db->closed, 1);
    crm__db_drop(db);
}

/* ---- figures ---- */

/* The reader that holds the oldest snapshot. */
static void see_reader(const kv_reader *reader, void *ctx)
{
    kv_reader *oldest = ctx;

    if (!oldest->pid || reader->commit < oldest->commit)
        *oldest = *reader;
}

static int count_imports(crm_txn *txn, crm_db_stat *stat)
{
    enum { IMPORT = 15 }; /* "import/" and the batch */
    crm__slice k, v;
    int rc;
    kv_cursor *c = crm__txn_cursor(txn, KV_META, &rc);

    if (!rc)
        rc = c->ops->seek(c, KV_GE, crm__slice_of("import/", 7), &k, &v);
    for (; !rc && k.n >= 7 && memcmp(k.p, "import/", 7) == 0; rc = c->ops->next(c, &k, &v)) {
        if (k.n != IMPORT)
            continue;
        stat->imports++;
        stat->import_batch = crm__get_be64(k.p + 7);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int read_figures(crm_txn *txn, crm_db_stat *out, crm_error *err)
{
    const crm__model *m;
    kv_reader oldest = {0, 0};
    kv_info info;
    int rc = crm__state_read(txn, err);

    if (rc)
        return rc;
    rc = txn->store->kv->ops->info(txn->store->kv, &info);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read the figures", err);
    rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    out->customers = txn->state.counters.live;
    out->deleted = txn->state.counters.deleted;
    out->revision = txn->state.seq;
    out->recorded_us = txn->recorded;
    out->file_bytes = info.file_bytes;
    out->data_bytes = info.used_bytes - info.free_bytes;
    out->free_bytes = info.free_bytes;
    out->map_bytes = info.map_bytes;
    out->readers = info.readers;
    out->max_readers = info.max_readers;
    out->oldest_reader_commits = info.commit - info.oldest;
    out->kept_bytes = info.kept_bytes;
    out->model_version = crm__model_version(m);
    if (out->oldest_reader_commits)
        txn->store->kv->ops->readers(txn->store->kv, see_reader, &oldest);
    out->oldest_reader_pid = oldest.pid;
    rc = count_imports(txn, out);
    return rc ? crm__txn_fail(txn, rc, "can't read the figures", err) : CRM_OK;
}

int crm_db_stat_get(crm_db *db, size_t struct_size, crm_db_stat *out, crm_error *err)
{
    crm_db_stat stat;
    crm_txn *txn;
    int rc;

    if (!out || struct_size < sizeof(size_t))
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL or its size is not given");
    rc = crm_txn_begin(db, CRM_READ, NULL, &txn, err);
    if (rc)
        return rc;
    memset(&stat, 0, sizeof stat);
    rc = read_figures(txn, &stat, err);
    crm_txn_abort(txn);
    if (rc)
        return rc;
    if (struct_size > sizeof stat)
        struct_size = sizeof stat;
    stat.size = struct_size;
    memcpy(out, &stat, struct_size);
    return CRM_OK;
}

int crm_db_space_next(crm_db *db, size_t *pos, crm_space_stat *out, crm_error *err)
{
    kv_stat st;
    crm_txn *txn;
    int rc;

    if (!pos || !out)
        return crm__fail_field(err, CRM_EINVAL, pos ? "out" : "pos", "%s is NULL",
                               pos ? "out" : "pos");
    rc = crm__db_enter(db, err);
    if (rc)
        return rc;
    if (*pos >= KV_SPACES)
        return CRM_DONE;
    rc = crm_txn_begin(db, CRM_READ, NULL, &txn, err);
    if (rc)
        return rc;
    memset(&st, 0, sizeof st);
    rc = txn->kv->ops->stat(txn->kv, (kv_space)*pos, &st);
    if (rc)
        crm__txn_fail(txn, rc, "can't read the figures", err);
    crm_txn_abort(txn);
    if (rc)
        return rc;
    out->name = crm__kv_space_name((kv_space)*pos);
    out->derived = (uint32_t)crm__kv_space_derived((kv_space)*pos);
    out->rows = st.entries;
    out->bytes = st.bytes;
    out->depth = st.depth;
    ++*pos;
    return CRM_OK;
}
