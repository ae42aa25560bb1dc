/* SPDX-License-Identifier: MIT
 * crm_restore(): a database of a backup.  The file is untrusted: its head is judged before more of
 * it is unpacked, and all of it before it gets its name.
 */
#include "io/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 16 }; /* at least two pages of the largest size */

typedef struct restore {
    const crm_backup_options *o;
    const crm_allocator *mem;
    crm__source *from;
    crm__work w;
    const crm__part *part;
    int fd;
    uint64_t most; /* bytes the data file may have */
    uint8_t *block;
    crm__rows rows;
} restore;

/* What is written so far is judged as the beginning of a data file; what it says of its size holds
 * for the rest. */
static int judge_head(restore *r, crm_error *err)
{
    kv_options kv = {.mem = r->mem, .readonly = 1};
    kv_info info;
    kv_env *env;
    int rc = crm__kv_open_pages(r->part->dir, &kv, &env, err);

    if (rc == CRM_ECORRUPT)
        return crm__fail(err, rc, "the file is not a backup, or its head is damaged");
    if (rc)
        return rc;
    /* That the free list may lie in what is not there yet does not matter. */
    memset(&info, 0, sizeof info);
    rc = env->ops->info(env, &info);
    env->ops->close(env);
    if (rc == CRM_ENOMEM)
        return crm__fail_nomem(err);
    if (!info.used_bytes)
        return crm__fail(err, CRM_ECORRUPT, "the file is not a backup, or its head is damaged");
    r->most = info.used_bytes;
    r->w.total = info.used_bytes / CRM__WORK_PAGE * 2;
    if (r->o->size_limit && r->most > r->o->size_limit)
        return crm__fail(err, CRM_EFULL, "the data file is larger than the limit");
    return CRM_OK;
}

static int unpack(restore *r, crm_error *err)
{
    uint64_t written = 0;
    size_t n = BLOCK;
    int rc = CRM_OK;

    while (!rc && n == BLOCK) {
        rc = crm__source_read(r->from, r->block, BLOCK, &n, err);
        if (!rc && written && written + n > r->most)
            rc = crm__fail(err, CRM_ECORRUPT, "the backup goes on behind its last page");
        if (!rc)
            rc = crm__file_write(r->fd, r->block, n, err);
        if (!rc && !written)
            rc = judge_head(r, err);
        written += n;
        if (!rc)
            rc = crm__work_step(&r->w, n / CRM__WORK_PAGE, err);
    }
    return rc;
}

static int make_file(void *ctx, const crm__part *part, crm_error *err)
{
    restore *r = ctx;
    int rc;

    r->part = part;
    r->block = crm__alloc(r->mem, BLOCK);
    if (!r->block)
        return crm__fail_nomem(err);
    r->fd = open(part->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (r->fd < 0) {
        rc = crm__fail_sys(err, crm__file_code(errno), errno, "can't write the copy: %s",
                           strerror(errno));
    } else {
        rc = unpack(r, err);
        close(r->fd);
    }
    if (!rc)
        rc = crm__file_sync(part->data, err);
    if (!rc)
        rc = crm__copy_verify(r->mem, part->dir, &r->w, &r->rows, err);
    crm__release(r->mem, r->block);
    return rc;
}

/* Into a folder that we hold alone. */
static int fill_folder(const crm_allocator *mem, const char *dir, const char *name, crm__make_fn fn,
                       void *ctx, uint64_t *bytes, crm_error *err)
{
    char *data = crm__path_join(mem, dir, "data.mdb");
    char *base = crm__path_join(mem, dir, name);
    crm__part part;
    int rc;

    if (!data || !base)
        rc = crm__fail_nomem(err);
    else if (!crm__kv_lmdb_absent(dir))
        rc = crm__fail(err, CRM_EEXISTS, "there is a database in the folder");
    else
        rc = crm__part_open(mem, base, ".part", &part, err);
    if (!rc) {
        rc = fn(ctx, &part, err);
        if (!rc) {
            crm__kv_lmdb_drop_log(dir);
            rc = crm__file_place(mem, part.data, data, 1, err);
        }
        *bytes = crm__file_bytes(data);
        crm__part_close(&part);
    }
    crm__release(mem, data);
    crm__release(mem, base);
    return rc;
}

/* Makes and holds the folder; leaves nothing of its own behind when that fails. */
int crm__database_make(const crm_allocator *mem, const char *dir, const char *name, crm__make_fn fn,
                       void *ctx, uint64_t *bytes, crm_error *err)
{
    char *lock_name = crm__path_join(mem, dir, "crm.lock");
    int made, locked_before, lock, rc;
    char *parent = crm__path_join(mem, dir, "..");

    if (!lock_name || !parent) {
        crm__release(mem, lock_name);
        crm__release(mem, parent);
        return crm__fail_nomem(err);
    }
    made = mkdir(dir, 0700) == 0;
    if (!made && errno != EEXIST) {
        rc = crm__fail_sys(err, crm__file_code(errno), errno, "can't make the folder: %s",
                           strerror(errno));
    } else {
        locked_before = access(lock_name, F_OK) == 0;
        rc = crm__lock_alone(dir, &lock, err);
        if (!rc) {
            rc = fill_folder(mem, dir, name, fn, ctx, bytes, err);
            if (rc && !locked_before)
                unlink(lock_name);
            crm__unlock_folder(lock);
        }
        if (rc && made)
            rmdir(dir);
        if (!rc && made)
            rc = crm__folder_sync(parent, err);
    }
    crm__release(mem, lock_name);
    crm__release(mem, parent);
    return rc;
}

int crm_restore(const char *file, const char *path, const crm_backup_options *opts,
                size_t struct_size, crm_backup_result *out, crm_error *err)
{
    crm_error local = CRM_ERROR_INIT;
    uint64_t bytes = 0;
    crm_backup_options o;
    crm_allocator mem;
    restore r;
    int rc;

    if (!err)
        err = &local;
    rc = crm__backup_options(opts, struct_size, out, 0, &o, &mem, err);
    if (!rc && (!file || !*file))
        rc = crm__fail_field(err, CRM_EINVAL, "file", "file is empty");
    if (!rc && (!path || !*path))
        rc = crm__fail_field(err, CRM_EINVAL, "path", "path is empty");
    if (!rc && !crm__kv_lmdb_absent(path))
        rc = crm__fail(err, CRM_EEXISTS, "there is a database in the folder");
    if (rc)
        return rc;
    memset(&r, 0, sizeof r);
    r.o = &o;
    r.mem = &mem;
    r.w.fn = o.progress;
    r.w.ctx = o.progress_ctx;
    rc = crm__source_open(&mem, file, &r.from, err);
    if (rc)
        return crm__backup_end(rc, err);
    rc = crm__database_make(&mem, path, "restore", make_file, &r, &bytes, err);
    if (!rc)
        crm__backup_result(out, struct_size, &r.rows, crm__source_bytes(r.from), bytes);
    crm__source_close(r.from);
    return crm__backup_end(rc, err);
}
