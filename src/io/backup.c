/* SPDX-License-Identifier: MIT
 * crm_backup(): one snapshot as one file, while others write.
 */
#include "db/journal.h"
#include "io/copy.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const char SUFFIX[] = ".crm-part";

void crm_backup_options_init(crm_backup_options *opts)
{
    if (!opts)
        return;
    memset(opts, 0, sizeof *opts);
    opts->size = sizeof *opts;
}

/* ---- what the three calls share ---- */

int crm__backup_options(const crm_backup_options *opts, size_t struct_size,
                        const crm_backup_result *out, uint32_t known, crm_backup_options *o,
                        crm_allocator *mem, crm_error *err)
{
    int rc = crm__options_read(o, sizeof *o, opts, "options", err);

    if (rc)
        return rc;
    if ((o->flags & ~known) || o->reserved || (out && struct_size < sizeof(size_t)))
        return crm__fail_field(err, CRM_EINVAL, "options", "an option this library does not know");
    if (crm__allocator_read(o->allocator, mem))
        return crm__fail_field(err, CRM_EINVAL, "allocator", "the allocator lacks a function");
    return CRM_OK;
}

void crm__backup_result(crm_backup_result *out, size_t struct_size, const crm__rows *rows,
                        uint64_t source_bytes, uint64_t bytes)
{
    crm_backup_result r;

    if (!out)
        return;
    if (struct_size > sizeof r)
        struct_size = sizeof r;
    memset(&r, 0, sizeof r);
    r.size = struct_size;
    r.rows = rows->count;
    r.revision = rows->revision;
    r.source_bytes = source_bytes;
    r.bytes = bytes;
    memcpy(out, &r, struct_size);
}

int crm__backup_end(int rc, crm_error *err)
{
    if (rc < 0 && !err->code)
        crm__fail(err, rc, "%s", crm_error_text(rc));
    return rc;
}

/* ---- backup ---- */

/* Where a backup may go: not on anything but a file, and not among the database's own files. */
int crm__place_judge(const crm__store *store, const char *file, int replace, const char *what,
                     crm_error *err)
{
    char *folder = crm__path_folder(&store->mem, file);
    struct stat st;
    int rc = CRM_OK;

    if (!folder)
        return crm__fail_nomem(err);
    if (stat(folder, &st))
        rc = crm__fail_sys(err, CRM_EIO, errno, "can't look at the folder of the %s: %s", what,
                           strerror(errno));
    else if (st.st_dev == store->dev && st.st_ino == store->ino)
        rc = crm__fail_field(err, CRM_EINVAL, "file",
                             "the %s can't be in the database's own folder", what);
    else if (!lstat(file, &st) && !S_ISREG(st.st_mode))
        rc = crm__fail_field(err, CRM_EINVAL, "file",
                             "there is something of that name, and it is not a regular file");
    else if (!lstat(file, &st) && !replace)
        rc = crm__fail(err, CRM_EEXISTS, "there is a file of that name");
    crm__release(&store->mem, folder);
    return rc;
}

/* The snapshot ends here, before anything is verified. */
static int copy(crm_txn *txn, const crm_backup_options *o, const crm__part *part, crm__work *w,
                crm__rows *rows, crm_error *err)
{
    uint64_t pages = crm__pages_expected(txn->kv);
    int rc;

    w->total = crm__rows_expected(txn->kv) * 2 + pages;
    if (o->flags & CRM_BACKUP_GZIP)
        w->total += pages * 2;
    rc = crm__copy_make(txn->store, txn->kv, part->dir, w, rows, err);
    crm_txn_abort(txn);
    return rc;
}

/* Ends the transaction, which may be the last to hold the handle: mem is a copy. */
static int backup(crm_txn *txn, const char *file, const crm_backup_options *o,
                  const crm_allocator *mem, crm__rows *rows, crm_error *err)
{
    crm__work w = {o->progress, o->progress_ctx, 0, 0};
    int replace = (o->flags & CRM_BACKUP_REPLACE) != 0;
    crm__rows back;
    crm__part part;
    int rc = crm__part_open(mem, file, SUFFIX, &part, err);

    if (rc) {
        crm_txn_abort(txn);
        return rc;
    }
    rc = copy(txn, o, &part, &w, rows, err);
    if (!rc)
        rc = crm__copy_verify(mem, part.dir, &w, &back, err);
    if (!rc && (back.count != rows->count || back.hash != rows->hash))
        rc = crm__fail(err, CRM_EIO, "the copy is not what was written");
    if (!rc && (o->flags & CRM_BACKUP_GZIP))
        rc = crm__file_pack(mem, part.data, part.packed, &w, err);
    else if (!rc)
        rc = crm__file_sync(part.data, err);
    if (!rc)
        rc = crm__file_place(mem, o->flags & CRM_BACKUP_GZIP ? part.packed : part.data, file,
                             replace, err);
    crm__part_close(&part);
    return rc;
}

/* The entry that says so comes first, or nothing is handed out. */
static int journal(crm_db *db, const crm_backup_options *o, crm_error *err)
{
    return crm__whole_handout(db, CRM__ACTION_BACKUP, (o->flags & CRM_BACKUP_READONLY) != 0,
                              o->reason ? o->reason : "backup", o->actor, err);
}

int crm__whole_handout(crm_db *db, uint8_t action, int unnoted, const char *reason,
                       const char *actor, crm_error *err)
{
    crm_txn_options who = CRM_TXN_OPTIONS_INIT;

    if (db->flags & CRM_READONLY || db->store->readonly) {
        if (unnoted)
            return CRM_OK;
        return crm__fail(err, CRM_EREADONLY,
                         "the database was opened read-only, and a copy is noted in its journal");
    }
    who.actor = actor;
    return crm__journal_handout(db, &who, action, reason, NULL, NULL, err);
}

int crm_backup(crm_db *db, const char *file, const crm_backup_options *opts, size_t struct_size,
               crm_backup_result *out, crm_error *err)
{
    crm_error local = CRM_ERROR_INIT;
    crm_backup_options o;
    crm_allocator mem;
    crm__rows rows;
    kv_info info;
    crm_txn *txn;
    int rc;

    if (!err)
        err = &local;
    rc = crm__backup_options(opts, struct_size, out,
                             CRM_BACKUP_GZIP | CRM_BACKUP_REPLACE | CRM_BACKUP_READONLY, &o, &mem,
                             err);
    if (!rc && (o.allocator || o.size_limit))
        rc = crm__fail_field(err, CRM_EINVAL, "options", "an option of another call");
    if (!rc && (!file || !*file))
        rc = crm__fail_field(err, CRM_EINVAL, "file", "file is empty");
    if (rc)
        return rc;
    memset(&rows, 0, sizeof rows);
    memset(&info, 0, sizeof info);
    rc = crm__db_enter(db, err);
    if (!rc)
        rc = crm__place_judge(db->store, file, (o.flags & CRM_BACKUP_REPLACE) != 0, "backup", err);
    if (!rc)
        rc = journal(db, &o, err);
    if (!rc)
        rc = crm_txn_begin(db, CRM_READ, NULL, &txn, err);
    if (rc)
        return rc;
    if (txn->store->kv->ops->info(txn->store->kv, &info))
        info.file_bytes = 0;
    mem = db->mem;
    rc = backup(txn, file, &o, &mem, &rows, err);
    if (!rc)
        crm__backup_result(out, struct_size, &rows, info.file_bytes, crm__file_bytes(file));
    return crm__backup_end(rc, err);
}
