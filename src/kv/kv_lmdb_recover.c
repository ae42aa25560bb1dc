/* SPDX-License-Identifier: MIT
 * LMDB behind kv.h: what a log still holds goes into the data file (docs/decisions/0032).
 *
 * The file is set back to the base of the log, whose pages are all as they were, and the records are
 * applied in one transaction.  Every step can be cut short and done again: until the log has begun anew the
 * pages of the base stay as they are, since the one transaction writes free ones.
 *
 * It is done while nobody has LMDB's lock file, but a reader may wait for that (one without crm.lock, which
 * it may not write), and then goes by the number of the last commit that stands there still.  So the one
 * transaction has the number of the last record, and both meta pages are of it: the commit there is that one or
 * the one before.  When recovery was cut short instead, that reader is refused.
 */
#include "kv/kv_lmdb.h"

#include "base/bytes.h"
#include "base/file.h"
#include "codec/key.h"
#include "kv/kv_page.h"
#include "kv/kv_patch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS = 200 };

static int fail_log(crm_error *err, const crm__log *l, int rc)
{
    return rc == CRM_ENOMEM ? crm__fail_nomem(err)
                            : crm__fail_sys(err, rc, l->sys, "data.log can't be read: %s",
                                            strerror(l->sys));
}

static int write_meta(int fd, uint32_t psize, const uint8_t meta[LOG_META], uint64_t commit)
{
    uint8_t p[PAGE_META_BYTES] = {0};
    uint64_t page = commit & 1;

    crm__put_le64(p, page);
    crm__put_le16(p + 10, PAGE_META);
    memcpy(p + PAGE_HEAD, meta, LOG_META);
    crm__put_le64(p + PAGE_META_BYTES - 8, commit);
    return pwrite(fd, p, sizeof p, (off_t)(page * psize)) == (ssize_t)sizeof p ? 0
           : errno                                                            ? errno
                                                                              : EIO;
}

/* Whether the data file is the one that the log goes on from, at that time: its root pages then, which
 * nobody has written over since, are the same.  A power loss may have left no meta page whole. */
static int belongs(int fd, const crm__log *l)
{
    page_snap s;
    uint64_t root;
    int rc = crm__page_snap_take(fd, &s, NULL);

    if (rc && rc != CRM_ECORRUPT)
        return 0;
    if (!rc && (s.meta.psize != l->psize || s.meta.txnid < l->base || s.meta.txnid > l->last))
        return 0;
    return !crm__lmdb_root_check(fd, l->psize, l->meta, &root) && root == l->root;
}

/* Both meta pages as after the base, but numbered as those before the last record. */
static int set_back(const char *path, crm__log *l, int trusted, crm_error *err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC), sys;

    if (fd < 0)
        return crm__fail_sys(err, CRM_EIO, errno, "can't open the data file: %s", strerror(errno));
    if (!belongs(fd, l)) {
        close(fd);
        return crm__fail(err, CRM_ECORRUPT,
                         trusted ? "data.log does not belong to this data.mdb; to open the file as it "
                               "is, move data.log away"
                             : "data.log does not belong to this data.mdb, which may not be whole "
                               "without its own");
    }
    errno = 0;
    sys = write_meta(fd, l->psize, l->meta, l->last - 1);
    if (!sys)
        sys = write_meta(fd, l->psize, l->meta, l->last - 2);
    if (!sys && fdatasync(fd))
        sys = errno;
    close(fd);
    return sys ? crm__fail_sys(err, CRM_EIO, sys, "can't write the data file: %s", strerror(sys))
               : CRM_OK;
}

/* LMDB's result, or an errno. */
static int apply_patch(lmdb_txn *t, kv_space space, crm__slice key, crm__slice patch, crm__buf *made)
{
    crm__slice before;
    int rc = crm__lmdb_get(t, space, key, &before);

    if (rc)
        return rc;
    rc = crm__patch_apply(before, patch, made);
    if (rc)
        return rc == CRM_ENOMEM ? ENOMEM : MDB_CORRUPTED;
    return crm__lmdb_put(t, space, key, crm__slice_of(made->p, made->n), 0);
}

static int apply_change(lmdb_txn *t, kv_log_what what, kv_space space, crm__slice key,
                        crm__slice value, crm__buf *made)
{
    switch (what) {
    case LOG_PUT:
        return crm__lmdb_put(t, space, key, value, 0);
    case LOG_DEL:
        return crm__lmdb_del(t, space, key);
    case LOG_CLEAR:
        return crm__lmdb_clear(t, space);
    case LOG_PATCH:
        return apply_patch(t, space, key, value, made);
    }
    return MDB_CORRUPTED;
}

static int apply_record(lmdb_txn *t, crm__slice changes, crm__buf *made)
{
    crm__slice key, value;
    kv_log_what what;
    kv_space space;
    int more, rc = 0;

    while (!rc && (more = crm__log_change(&changes, &what, &space, &key, &value)) > 0)
        rc = apply_change(t, what, space, key, value, made);
    return !rc && more < 0 ? MDB_CORRUPTED : rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

/* All records in one transaction, with LMDB's own syncs. */
static int apply(lmdb_env *e, crm__log *l, crm_error *err)
{
    lmdb_txn t = {.base = {.env = &e->base, .write = 1}};
    uint64_t at = 0;
    crm__slice changes;
    crm__buf room, made;
    int rc = crm__lmdb_begin(e->env, 0, &t.txn), more;

    if (rc)
        return crm__lmdb_fail(err, rc, "can't begin");
    crm__buf_init(&room, e->base.mem);
    crm__buf_init(&made, e->base.mem);
    while (!rc && (more = crm__log_next(l, &at, &room, &changes)) == CRM_OK)
        rc = apply_record(&t, changes, &made);
    crm__buf_clear(&room);
    crm__buf_clear(&made);
    if (!rc && more != CRM_DONE) {
        crm__lmdb_abort(t.txn);
        return fail_log(err, l, more);
    }
    if (rc) {
        crm__lmdb_abort(t.txn);
        return crm__lmdb_fail(err, rc, "data.log can't be applied");
    }
    rc = crm__lmdb_commit(t.txn);
    if (rc == CRM__LMDB_POISON)
        crm__lmdb_abort(t.txn);
    return rc ? crm__lmdb_fail(err, rc, "data.log can't be applied") : CRM_OK;
}

/* The log holds nothing any more that the file does not. */
static int end_log(lmdb_env *e, crm__log *l, crm_error *err)
{
    uint8_t meta[LOG_META];
    MDB_envinfo info;
    uint64_t root;
    int fd, rc, sys;

    mdb_env_info(e->env, &info);
    mdb_env_get_fd(e->env, &fd);
    sys = crm__lmdb_meta(fd, l->psize, info.me_last_txnid, meta, &root);
    if (sys)
        return crm__fail_sys(err, CRM_EIO, sys, "can't read the data file");
    sys = write_meta(fd, l->psize, meta, info.me_last_txnid - 1);
    if (!sys && fdatasync(fd))
        sys = errno;
    if (sys)
        return crm__fail_sys(err, CRM_EIO, sys, "can't write the data file: %s", strerror(sys));
    rc = crm__log_begin(l, info.me_last_txnid, l->psize, meta, root, 1);
    return rc ? crm__fail_sys(err, rc, l->sys, "can't write data.log: %s", strerror(l->sys))
              : CRM_OK;
}

static int recover(const char *dir, const kv_options *opts, crm__log *l, crm_error *err)
{
    char path[4096];
    lmdb_env *e;
    int rc, sys, trusted;

    if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path)
        return crm__fail(err, CRM_EINVAL, "path is too long");
    trusted = crm__log_same_boot(l) && !crm__log_doubted(l);
    if (crm__log_doubt(l)) /* from here on, until it is done */
        return crm__fail_sys(err, CRM_EIO, l->sys, "can't write data.log: %s", strerror(l->sys));
    rc = set_back(path, l, trusted, err);
    if (!rc)
        rc = crm__lmdb_sound(dir, opts, err);
    if (rc)
        return rc;
    e = crm__calloc(opts->mem, 1, sizeof *e);
    if (!e)
        return crm__fail_nomem(err);
    e->base.mem = opts->mem;
    rc = crm__lmdb_env_open(e, path, opts, MDB_NOSUBDIR | MDB_NOLOCK, err);
    if (!rc) {
        sys = crm__lmdb_spaces(e, MDB_RDONLY, 0);
        rc = sys ? crm__lmdb_fail(err, sys, "can't open the spaces") : apply(e, l, err);
        if (!rc)
            rc = end_log(e, l, err);
        crm__lmdb_env_close(e->env);
    }
    crm__release(opts->mem, e);
    return rc;
}

/* Each that has LMDB's file open, also without locks of ours, shares byte 0 of its lock file. */
int crm__kv_lmdb_alone(const char *dir, int *fd)
{
    char path[4096];
    struct flock l;

    *fd = -1;
    if (snprintf(path, sizeof path, "%s/lock.mdb", dir) >= (int)sizeof path)
        return 0;
    *fd = open(path, O_RDWR | O_CLOEXEC);
    if (*fd < 0)
        return errno == ENOENT;
    memset(&l, 0, sizeof l);
    l.l_type = F_WRLCK;
    l.l_whence = SEEK_SET;
    l.l_len = 1;
    if (!fcntl(*fd, F_OFD_SETLK, &l))
        return 1;
    close(*fd);
    *fd = -1;
    return 0;
}

static int recover_alone(const char *dir, const kv_options *opts, crm_error *err)
{
    kv_options plain = {.mem = opts->mem};
    crm__log l;
    int rc = crm__log_open(&l, dir, 0);

    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : fail_log(err, &l, rc);
    rc = crm__log_read(&l, opts->mem, UINT64_MAX);
    if (rc && rc != CRM_ENOTFOUND)
        rc = fail_log(err, &l, rc);
    else if (!rc && log_has_records(&l) && !crm__kv_lmdb_absent(dir))
        rc = recover(dir, &plain, &l, err);
    else
        rc = CRM_OK;
    crm__log_close(&l);
    if (!rc)
        crm__log_remove(dir);
    return rc;
}

/* A reader that is refused holds the lock for a moment; a program of LMDB's own, for as long as it likes. */
static int wait_alone(const char *dir, int *fd)
{
    const struct timespec pause = {0, 5000000};
    int alone = crm__kv_lmdb_alone(dir, fd);

    for (int look = 0; !alone && look < LOOKS; look++) {
        nanosleep(&pause, NULL);
        alone = crm__kv_lmdb_alone(dir, fd);
    }
    return alone;
}

int crm__kv_lmdb_recover(const char *dir, const kv_options *opts, crm_error *err)
{
    int fd, alone, rc;

    if (!crm__kv_lmdb_logged(dir))
        return CRM_OK;
    alone = crm__kv_lmdb_alone(dir, &fd);
    /* Beside a reader the file is whole as the kernel has it, and the log goes on: unless the last to
     * recover was cut short. */
    rc = alone ? CRM_OK : crm__lmdb_readable(dir, opts, err);
    if (rc == CRM_EREADONLY) {
        alone = wait_alone(dir, &fd);
        rc = alone ? CRM_OK
                   : crm__fail(err, CRM_EBUSY,
                               "the database is not whole, and can't be recovered while somebody "
                               "reads the data file");
    }
    if (alone)
        rc = recover_alone(dir, opts, err);
    if (fd >= 0)
        close(fd);
    return rc;
}

int crm__kv_lmdb_logged(const char *dir)
{
    char path[4096];

    return snprintf(path, sizeof path, "%s/data.log", dir) < (int)sizeof path &&
           access(path, F_OK) == 0;
}

void crm__kv_lmdb_drop_log(const char *dir)
{
    crm__log_remove(dir);
    crm__folder_sync(dir, NULL);
}

/* While the machine goes on the data file, as the kernel has it, is whole without the log. */
int crm__lmdb_readable(const char *dir, const kv_options *opts, crm_error *err)
{
    crm__log l;
    int rc = crm__log_open(&l, dir, 0), lost;

    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : fail_log(err, &l, rc);
    rc = crm__log_read(&l, opts->mem, UINT64_MAX);
    lost = !rc && log_has_records(&l) && (!crm__log_same_boot(&l) || crm__log_doubted(&l));
    if (rc && rc != CRM_ENOTFOUND)
        rc = fail_log(err, &l, rc);
    else
        rc = lost ? crm__fail(err, CRM_EREADONLY,
                              "the machine stopped while the database was open: it has to be "
                              "opened once by somebody who may write")
                  : CRM_OK;
    crm__log_close(&l);
    return rc;
}
