/* SPDX-License-Identifier: MIT
 * crm_check(), and its repair.  What is derived is made anew in place (db/repair.c) unless a page
 * is damaged: nothing may then be written through the map.  So, while nobody has the database open,
 * the rows of primary spaces are copied with plain reads, as they are, into a new data file in a
 * folder beside; the derived spaces are made in that one; and it takes the old one's place.
 */
#include "db/repair.h"
#include "io/copy.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMMIT_BYTES = 16 << 20, ROW_BYTES = 16, READERS = 126 };

/* ---- a file without derived rows ---- */

typedef struct copying {
    const crm_allocator *mem;
    const crm_check_options *opts;
    crm_error *err;
    kv_txn *from;
    kv_env *to;
    kv_txn *txn; /* of the new file */
    uint64_t bytes, done, total;
} copying;

static int put_row(copying *w, kv_space space, crm__slice k, crm__slice v)
{
    int rc = w->txn ? CRM_OK : w->to->ops->begin(w->to, 1, &w->txn, w->err);

    if (rc)
        return rc;
    rc = w->txn->ops->put(w->txn, space, k, v, KV_APPEND);
    if (rc)
        return crm__fail_sys(w->err, rc, w->txn->sys, "can't write the new file: %s",
                             crm_error_text(rc));
    w->bytes += k.n + v.n + ROW_BYTES;
    if (w->bytes >= COMMIT_BYTES) {
        kv_txn *txn = w->txn;
        w->txn = NULL;
        w->bytes = 0;
        rc = txn->ops->commit(txn, w->err);
    }
    w->done++;
    if (!rc && w->opts->progress && (w->done & 4095) == 0 &&
        w->opts->progress(w->done, w->done > w->total ? w->done : w->total, w->opts->progress_ctx))
        rc = crm__fail(w->err, CRM_ECANCELLED, "cancelled");
    return rc;
}

/* Check tags are not looked at: a row that is damaged stays so, and is told of. */
static int copy_space(copying *w, kv_space space)
{
    kv_stat st = {0, 0, 0};
    uint64_t rows = 0;
    crm__slice k, v;
    kv_cursor *c;
    int rc = w->from->ops->cursor(w->from, space, &c), read;

    if (!rc)
        rc = w->from->ops->stat(w->from, space, &st);
    if (rc)
        return crm__fail(w->err, rc, "%s: can't be read", crm__kv_space_name(space));
    read = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v);
    for (; !read && !rc; read = rc ? CRM_OK : c->ops->next(c, &k, &v)) {
        rc = put_row(w, space, k, v);
        rows++;
    }
    c->ops->cursor_close(c);
    if (rc)
        return rc;
    if (read != CRM_ENOTFOUND || rows != st.entries)
        return crm__fail(w->err, read == CRM_ENOTFOUND ? CRM_ECORRUPT : read,
                         "%s: a page behind row %llu can't be read", crm__kv_space_name(space),
                         (unsigned long long)rows);
    return CRM_OK;
}

static int copy_all(copying *w)
{
    int rc = CRM_OK;

    for (int i = 0; i < KV_SPACES && !rc; i++) {
        if (!crm__kv_space_derived((kv_space)i))
            rc = copy_space(w, (kv_space)i);
    }
    if (w->txn && rc) {
        w->txn->ops->abort(w->txn);
    } else if (w->txn) {
        rc = w->txn->ops->commit(w->txn, w->err);
    }
    w->txn = NULL;
    return rc;
}

static int copy_primary(const char *from, const char *to, const crm_check_options *o,
                        const crm_allocator *mem, crm_error *err)
{
    kv_options plain = {.mem = mem, .readonly = 1};
    kv_options fresh = {.mem = mem, .create = 1, .max_readers = READERS};
    copying w = {.mem = mem, .opts = o, .err = err};
    kv_env *env;
    int rc = crm__kv_open_pages(from, &plain, &env, err);

    if (rc)
        return rc;
    rc = env->ops->begin(env, 0, &w.from, err);
    if (!rc) {
        w.total = crm__rows_expected(w.from);
        rc = crm__kv_open(to, &fresh, &w.to, err);
        if (!rc) {
            rc = copy_all(&w);
            w.to->ops->close(w.to);
        }
        w.from->ops->abort(w.from);
    }
    env->ops->close(env);
    return rc;
}

/* ---- the folder it is made in ---- */

/* Nobody else uses it: who makes one holds the database alone. */
static void clear_folder(const char *dir, const crm_allocator *mem)
{
    static const char *const NAMES[] = {"data.mdb", "data.new", "data.log", "lock.mdb", "crm.lock"};

    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        char *name = crm__path_join(mem, dir, NAMES[i]);
        if (name)
            unlink(name);
        crm__release(mem, name);
    }
    rmdir(dir);
}

static int verify_pages(const char *dir, const crm_allocator *mem, crm_error *err)
{
    kv_options kv = {.mem = mem, .readonly = 1};
    crm__work w = {NULL, NULL, 0, 0};
    kv_env *env;
    kv_txn *txn;
    int rc = crm__kv_open_pages(dir, &kv, &env, err);

    if (rc)
        return rc;
    rc = env->ops->begin(env, 0, &txn, err);
    if (!rc) {
        rc = crm__pages_verify(txn, &w, err);
        txn->ops->abort(txn);
    }
    env->ops->close(env);
    return rc;
}

static int make_aside(const char *path, const char *part, const char *data, const char *made,
                      const crm_check_options *o, const crm_allocator *mem, uint64_t spaces,
                      uint64_t named, crm_error *err)
{
    kv_options plain = {.mem = mem};
    int rc = CRM_OK;

    clear_folder(part, mem);
    if (mkdir(part, 0700))
        return crm__fail_sys(err, crm__file_code(errno), errno,
                             "can't make a folder for the new file: %s", strerror(errno));
    rc = copy_primary(path, part, o, mem, err);
    if (!rc)
        rc = crm__repair_spaces(part, o, mem, spaces, named, err);
    if (!rc) /* of a handle that could not end its log as it closed */
        rc = crm__kv_lmdb_recover(part, &plain, err);
    if (!rc)
        rc = verify_pages(part, mem, err);
    if (!rc)
        rc = crm__same_rights(data, made, err);
    if (!rc)
        rc = crm__file_sync(made, err);
    if (rc)
        return rc;
    crm__kv_lmdb_drop_log(path); /* one that could not be applied */
    return crm__file_place(mem, made, data, 1, err);
}

static int repair_by_copy(const char *path, const crm_check_options *o, const crm_allocator *mem,
                          uint64_t spaces, uint64_t named, crm_error *err)
{
    char *data = crm__path_join(mem, path, "data.mdb");
    char *part = crm__path_join(mem, path, "repair.part");
    char *made = part ? crm__path_join(mem, part, "data.mdb") : NULL;
    int lock = -1, engine, rc;

    rc = data && made ? crm__lock_alone(path, &lock, err) : crm__fail_nomem(err);
    if (rc == CRM_EBUSY)
        rc = crm__fail(err, rc,
                       "a page is damaged: it is repaired while nobody has the database open");
    else if (rc == CRM_EIO)
        crm__lock_denied(path, 0, err);
    if (!rc) {
        rc = crm__kv_lmdb_alone(path, &engine)
                 ? make_aside(path, part, data, made, o, mem, spaces, named, err)
                 : crm__fail(err, CRM_EBUSY, "somebody reads the database");
        if (engine >= 0)
            close(engine);
        clear_folder(part, mem);
        crm__unlock_folder(lock);
    }
    crm__release(mem, made);
    crm__release(mem, part);
    crm__release(mem, data);
    return rc;
}

/* ---- the call ---- */

/* What a check has found and can be made anew is; CRM_DONE: there is nothing of that kind. */
static int mend(const crm__check *c, const char *path, const crm_check_options *o,
                const crm_allocator *mem, crm_error *err)
{
    uint64_t spaces = 0;

    for (int i = 0; i < KV_SPACES; i++)
        spaces |= (uint64_t)(c->mendable[i] != 0) << i;
    /* A column of ends is made with the tags that end. */
    if (spaces & 1u << KV_COLUMN || c->pages)
        spaces |= 1u << KV_TAG;
    if (!c->trusted_model || c->pages_lost || (!spaces && !c->pages))
        return CRM_DONE;
    crm_error_init(err);
    if (!c->pages)
        return crm__repair_spaces(path, o, mem, spaces, spaces, err);
    /* In the new file all of them are empty, whatever they were. */
    return repair_by_copy(path, o, mem, spaces | 1u << KV_IDENTITY | 1u << KV_BITS | 1u << KV_COLUMN | 1u << KV_DAY,
                          spaces | 1u << CRM__REPAIR_FILE, err);
}

static int check_and_mend(crm__check *c, const char *path, const crm_check_options *o,
                          const crm_allocator *mem, crm__buf *kept, crm_error *err)
{
    int rc = crm__check_path(c, path, o, mem, kept, err), mended;
    uint64_t faults = c->result.faults;
    crm__buf left;

    if (rc != CRM_ECORRUPT || !(o->flags & CRM_CHECK_REPAIR)) {
        crm__check_hand_out(kept, NULL, o);
        return rc;
    }
    mended = mend(c, path, o, mem, err);
    if (mended) {
        crm__check_hand_out(kept, NULL, o);
        return mended == CRM_DONE ? rc : mended;
    }
    crm__buf_init(&left, mem);
    crm__check_clear(c);
    rc = crm__check_path(c, path, o, mem, &left, err);
    if (!rc || rc == CRM_ECORRUPT) {
        c->result.repaired = faults > c->result.faults ? faults - c->result.faults : 0;
        crm__check_hand_out(kept, &left, o);
    }
    crm__check_hand_out(&left, NULL, o);
    crm__buf_clear(&left);
    return rc;
}

int crm_check(const char *path, const crm_check_options *opts, size_t struct_size,
              crm_check_result *out, crm_error *err)
{
    crm_check_options o;
    crm_allocator mem;
    crm_error local = CRM_ERROR_INIT;
    crm__check *c;
    crm__buf kept;
    int rc;

    if (!err)
        err = &local;
    rc = crm__options_read(&o, sizeof o, opts, "options", err);
    if (rc)
        return rc;
    if (!path || !*path)
        return crm__fail_field(err, CRM_EINVAL, "path", "path is %s", path ? "empty" : "NULL");
    if ((o.flags & ~CRM_CHECK_REPAIR) || o.reserved || (out && struct_size < sizeof(size_t)))
        return crm__fail_field(err, CRM_EINVAL, "options", "an option this library does not know");
    if (crm__allocator_read(o.allocator, &mem))
        return crm__fail_field(err, CRM_EINVAL, "allocator", "the allocator lacks a function");
    c = crm__calloc(&mem, 1, sizeof *c);
    if (!c)
        return crm__fail_nomem(err);
    crm__buf_init(&kept, &mem);
    rc = check_and_mend(c, path, &o, &mem, &kept, err);
    if (rc < 0 && !err->code)
        crm__fail(err, rc, "%s", crm_error_text(rc));
    if (out) {
        if (struct_size > sizeof c->result)
            struct_size = sizeof c->result;
        c->result.size = struct_size;
        memcpy(out, &c->result, struct_size);
    }
    crm__check_clear(c);
    crm__buf_clear(&kept);
    crm__release(&mem, c);
    return rc;
}
