/* SPDX-License-Identifier: MIT
 * crm_compact(): a new data file in the place of the old one, while nobody has the database open.
 * The old file is read with plain reads, so that damage can't end the process.
 */
#include "io/copy.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All pages first: a damaged file stays as it is, for whoever will mend it. */
static int copy_from(kv_txn *txn, const crm_allocator *mem, const crm__part *part, crm__work *w,
                     crm__rows *rows, crm_error *err)
{
    crm__store keys;
    int rc;

    memset(&keys, 0, sizeof keys);
    keys.mem = *mem;
    w->total = crm__rows_expected(txn) * 2 + crm__pages_expected(txn) * 2;
    rc = crm__pages_verify(txn, w, err);
    if (!rc)
        rc = crm__format_read(&keys, txn, err);
    if (rc == CRM_ENOTFOUND)
        rc = crm__fail(err, CRM_ENOTFOUND, "no database there"); /* its making was cut short */
    return rc ? rc : crm__copy_make(&keys, txn, part->dir, w, rows, err);
}

static int copy(const char *dir, const crm_allocator *mem, const crm__part *part, crm__work *w,
                crm__rows *rows, crm_error *err)
{
    kv_options kv = {.mem = mem, .readonly = 1};
    crm__rows back;
    kv_env *env;
    kv_txn *txn;
    int rc = crm__kv_open_pages(dir, &kv, &env, err);

    if (rc)
        return rc;
    rc = env->ops->begin(env, 0, &txn, err);
    if (!rc) {
        rc = copy_from(txn, mem, part, w, rows, err);
        txn->ops->abort(txn);
    }
    env->ops->close(env);
    if (!rc)
        rc = crm__copy_verify(mem, part->dir, w, &back, err);
    if (!rc && (back.count != rows->count || back.hash != rows->hash))
        rc = crm__fail(err, CRM_EIO, "the copy is not what was written");
    return rc;
}

int crm__same_rights(const char *old, const char *new, crm_error *err)
{
    struct stat a, b;

    if (stat(old, &a) || stat(new, &b))
        return crm__fail_sys(err, CRM_EIO, errno, "can't look at the data file: %s",
                             strerror(errno));
    if (((a.st_uid != b.st_uid || a.st_gid != b.st_gid) && chown(new, a.st_uid, a.st_gid)) ||
        chmod(new, a.st_mode & 0777))
        return crm__fail_sys(err, CRM_EIO, errno,
                             "can't give the new file the owner of the old "
                             "one: %s",
                             strerror(errno));
    return CRM_OK;
}

static int compact(const char *dir, const crm_backup_options *o, const crm_allocator *mem,
                   crm__rows *rows, uint64_t bytes[2], crm_error *err)
{
    crm__work w = {o->progress, o->progress_ctx, 0, 0};
    char *data = crm__path_join(mem, dir, "data.mdb"), *base = crm__path_join(mem, dir, "compact");
    crm__part part;
    int rc;

    if (data && base)
        rc = crm__part_open(mem, base, ".part", &part, err);
    else
        rc = crm__fail_nomem(err);
    if (!rc) {
        bytes[0] = crm__file_bytes(data);
        rc = copy(dir, mem, &part, &w, rows, err);
        if (!rc)
            rc = crm__same_rights(data, part.data, err);
        if (!rc)
            rc = crm__file_sync(part.data, err);
        if (!rc)
            rc = crm__file_place(mem, part.data, data, 1, err);
        bytes[1] = crm__file_bytes(data);
        crm__part_close(&part);
    }
    crm__release(mem, data);
    crm__release(mem, base);
    return rc;
}

int crm_compact(const char *path, const crm_backup_options *opts, size_t struct_size,
                crm_backup_result *out, crm_error *err)
{
    crm_error local = CRM_ERROR_INIT;
    crm_backup_options o;
    uint64_t bytes[2] = {0, 0};
    crm_allocator mem;
    crm__rows rows;
    int rc, lock, engine;

    if (!err)
        err = &local;
    rc = crm__backup_options(opts, struct_size, out, 0, &o, &mem, err);
    if (!rc && o.size_limit)
        rc = crm__fail_field(err, CRM_EINVAL, "options", "an option of another call");
    if (!rc && (!path || !*path))
        rc = crm__fail_field(err, CRM_EINVAL, "path", "path is empty");
    if (!rc && crm__kv_lmdb_absent(path))
        rc = crm__fail(err, CRM_ENOTFOUND, "no database there");
    if (rc)
        return rc;
    rc = crm__lock_alone(path, &lock, err);
    if (rc == CRM_EIO)
        crm__lock_denied(path, 0, err);
    if (rc)
        return rc;
    rc = crm__kv_lmdb_recover(path, &(kv_options){.mem = &mem}, err);
    if (!rc && !crm__kv_lmdb_alone(path, &engine))
        rc = crm__fail(err, CRM_EBUSY, "somebody reads the database");
    if (!rc) {
        rc = compact(path, &o, &mem, &rows, bytes, err);
        if (engine >= 0)
            close(engine);
    }
    crm__unlock_folder(lock);
    if (!rc)
        crm__backup_result(out, struct_size, &rows, bytes[0], bytes[1]);
    return crm__backup_end(rc, err);
}
