/* SPDX-License-Identifier: MIT
 * LMDB behind kv.h; the only file that sees lmdb.h.
 *
 * Facts this file is built on (LMDB 0.9.24):
 * - An internal assertion ends the process unless its hook does not return.  Every call therefore runs
 *   inside GUARD, the hook jumps out, and the environment is poisoned from then on.
 * - DUPSORT with cursor deletes loses rows: spaces are plain.
 * - A file that is damaged in its first pages can raise a signal on open: they are read with the page
 *   engine first.
 * - Reader slots of dead processes keep old pages: cleared at open and when slots run out.
 */
#include "kv/kv.h"
#include "kv/kv_page.h"
#include "kv/kv_wait.h"

#include "base/bytes.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { POISON = -1, FILE_MODE = 0600, READERS = 1022, AGE = 1000, LOOKS = 5, ROOM = 1 << 16 };
#define DEFAULT_MAP ((uint64_t)1 << 40)
#define LEAST_MAP ((uint64_t)64 << 20)

typedef struct lmdb_env {
    kv_env base;
    MDB_env *env;
    MDB_dbi dbi[KV_SPACES];
    size_t page_size;
    atomic_int poisoned;
    int readonly;
    crm__watches watches;
} lmdb_env;

typedef struct lmdb_txn {
    kv_txn base;
    MDB_txn *txn;
    uint64_t bytes; /* written */
    MDB_cursor *writer[KV_SPACES]; /* freed by LMDB with the transaction */
} lmdb_txn;

typedef struct lmdb_cursor {
    kv_cursor base;
    MDB_cursor *cursor;
    crm__slice at; /* key of the row it stands at, while that stays in place: in a read transaction */
} lmdb_cursor;

static const kv_ops LMDB_OPS;

static _Thread_local jmp_buf *jump;

static void on_assert(MDB_env *env, const char *message)
{
    lmdb_env *e = mdb_env_get_userctx(env);

    (void)message;
    if (e)
        atomic_store(&e->poisoned, 1);
    if (jump)
        longjmp(*jump, 1);
}

/* Runs one LMDB call; rc is its result, or POISON after an assertion. */
#define GUARD(rc, call)                                                                            \
    do {                                                                                           \
        jmp_buf here_;                                                                             \
        jmp_buf *const outer_ = jump;                                                              \
        jump = &here_;                                                                             \
        if (_setjmp(here_) == 0)                                                                   \
            (rc) = (call);                                                                         \
        else                                                                                       \
            (rc) = POISON;                                                                         \
        jump = outer_;                                                                             \
    } while (0)

/* The same for a call without a result. */
#define QUIET(call)                                                                                \
    do {                                                                                           \
        volatile int quiet_ = 0;                                                                   \
        GUARD(quiet_, ((call), 0));                                                                \
        (void)quiet_;                                                                              \
    } while (0)

/* Guarded calls for functions with more locals than longjmp leaves intact. */
#define APART __attribute__((noinline))

static APART int g_env_open(MDB_env *env, const char *dir, unsigned flags)
{
    volatile int rc = 0;

    GUARD(rc, mdb_env_open(env, dir, flags, FILE_MODE));
    return rc;
}

static APART void g_env_close(MDB_env *env)
{
    QUIET(mdb_env_close(env));
}

static APART int g_begin(MDB_env *env, unsigned flags, MDB_txn **out)
{
    volatile int rc = 0;

    GUARD(rc, mdb_txn_begin(env, NULL, flags, out));
    return rc;
}

static APART int g_commit(MDB_txn *txn)
{
    volatile int rc = 0;

    GUARD(rc, mdb_txn_commit(txn));
    return rc;
}

static APART void g_abort(MDB_txn *txn)
{
    QUIET(mdb_txn_abort(txn));
}

static APART int g_dbi_open(MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *out)
{
    volatile int rc = 0;

    GUARD(rc, mdb_dbi_open(txn, name, flags, out));
    return rc;
}

static APART int g_stat(MDB_txn *txn, MDB_dbi d, MDB_stat *out)
{
    volatile int rc = 0;

    GUARD(rc, mdb_stat(txn, d, out));
    return rc;
}

static int code_of(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return CRM_OK;
    case MDB_NOTFOUND:
        return CRM_ENOTFOUND;
    case POISON:
    case MDB_PANIC:
        return CRM_EPOISONED;
    case ENOMEM:
        return CRM_ENOMEM;
    case MDB_MAP_FULL:
    case MDB_MAP_RESIZED: /* another process, without our limit, has grown the file */
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return CRM_EFULL;
    case MDB_READERS_FULL:
        return CRM_EREADERS;
    case MDB_VERSION_MISMATCH:
        return CRM_EVERSION;
    case MDB_BAD_VALSIZE:
        return CRM_EINVAL;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_CURSOR_FULL:
    case MDB_PAGE_FULL:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_DBI:
    case MDB_KEYEXIST:
        return CRM_ECORRUPT;
    default:
        return CRM_EIO;
    }
}

static int result(kv_txn *txn, int rc)
{
    if (rc && rc != MDB_NOTFOUND)
        txn->sys = rc;
    return code_of(rc);
}

static int fail(crm_error *err, int rc, const char *what)
{
    return crm__fail_sys(err, code_of(rc), rc, "%s: %s", what,
                         rc == POISON ? "internal check of the storage engine" : mdb_strerror(rc));
}

/* ---- environment ---- */

static void lmdb_close(kv_env *env)
{
    lmdb_env *e = (lmdb_env *)env;

    if (e->env)
        g_env_close(e->env);
    crm__watches_close(&e->watches);
    crm__release(e->base.mem, e);
}

static void lmdb_forget(kv_env *env)
{
    /* LMDB's own memory stays: freeing it means closing descriptors that the parent's locks ride on. */
    crm__release(env->mem, env);
}

/* Opens with the largest map that can be had, halving from the wanted one. */
static int open_env(lmdb_env *e, const char *dir, const kv_options *opts, unsigned flags,
                    crm_error *err)
{
    uint64_t map = opts->map_bytes ? opts->map_bytes : DEFAULT_MAP;
    unsigned readers = opts->max_readers ? opts->max_readers : READERS;
    int rc;

    flags |= MDB_NOTLS | (opts->readonly ? MDB_RDONLY : 0);

    /* LMDB gives no page behind the end of the map: so the map is the limit, exactly. */
    if (opts->size_limit && opts->size_limit < map)
        map = opts->size_limit;
    for (;; map /= 2) {
        rc = mdb_env_create(&e->env);
        if (rc)
            return fail(err, rc, "storage");
        mdb_env_set_userctx(e->env, e);
        mdb_env_set_assert(e->env, on_assert);
        mdb_env_set_maxdbs(e->env, KV_SPACES);
        mdb_env_set_maxreaders(e->env, readers);
        mdb_env_set_mapsize(e->env, (size_t)map);
        rc = g_env_open(e->env, dir, flags);
        if (!rc)
            return CRM_OK;
        g_env_close(e->env);
        e->env = NULL;
        if ((rc != ENOMEM && rc != EINVAL) || map <= LEAST_MAP)
            return fail(err, rc, "can't open the data file");
    }
}

/* Handles opened in a transaction become the environment's when it commits. */
static int open_spaces_in(lmdb_env *e, unsigned txn_flags, unsigned dbi_flags)
{
    MDB_txn *txn = NULL;
    int rc = g_begin(e->env, txn_flags, &txn);

    if (rc)
        return rc;
    for (unsigned i = 0; i < KV_SPACES && !rc; i++)
        rc = g_dbi_open(txn, crm__kv_space_name((kv_space)i), dbi_flags, &e->dbi[i]);
    if (!rc)
        return g_commit(txn);
    g_abort(txn);
    return rc;
}

/* Gives LMDB room for small free-list records.  It writes what is left of a list of free pages under
 * numbers of transactions older than the oldest reader, a page each if there are numbers enough; in a
 * young file there are not, and after a large commit every small one would write the whole list again
 * (hundreds of kilobytes).  So a new file begins at transaction 1,000.  It has not got its name yet: the
 * commits go unsynced, and one sync ends them. */
static int age(lmdb_env *e)
{
    int rc = mdb_env_set_flags(e->env, MDB_NOSYNC, 1);

    for (int n = 0; !rc && n < AGE; n++) {
        MDB_val k = {3, (void *)(uintptr_t)"age"}, v = {0, NULL};
        MDB_txn *txn;
        rc = g_begin(e->env, 0, &txn);
        if (rc)
            break;
        rc = mdb_put(txn, e->dbi[KV_META], &k, &v, 0);
        if (!rc)
            rc = mdb_del(txn, e->dbi[KV_META], &k, NULL);
        if (rc)
            g_abort(txn);
        else
            rc = g_commit(txn);
    }
    mdb_env_set_flags(e->env, MDB_NOSYNC, 0);
    return rc ? rc : mdb_env_sync(e->env, 1);
}

static int sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), sys = 0;

    if (fd < 0)
        return errno;
    if (fsync(fd) && errno != EINVAL) /* a file system that can't, or need not */
        sys = errno;
    close(fd);
    return sys;
}

/* A new file gets its name when it is whole and on the disk: a power loss in the unsynced time of its
 * making could leave any mixture of its pages.  The caller holds the folder's lock for opening. */
static int make_file(const char *dir, const kv_options *opts, crm_error *err)
{
    char part[4096], path[4096];
    lmdb_env e;
    int rc, sys;

    if (snprintf(part, sizeof part, "%s/data.new", dir) >= (int)sizeof part ||
        snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path)
        return crm__fail(err, CRM_EINVAL, "path is too long");
    if (unlink(part) && errno != ENOENT)
        return crm__fail_sys(err, CRM_EIO, errno, "can't remove data.new");
    memset(&e, 0, sizeof e);
    rc = open_env(&e, part, opts, MDB_NOSUBDIR | MDB_NOLOCK, err);
    if (!rc) {
        sys = open_spaces_in(&e, 0, MDB_CREATE);
        if (!sys)
            sys = age(&e);
        g_env_close(e.env);
        if (sys)
            rc = fail(err, sys, "can't make the data file");
    }
    if (!rc) {
        sys = rename(part, path) ? errno : sync_folder(dir);
        if (sys)
            rc = crm__fail_sys(err, code_of(sys), sys, "can't give the data file its name");
    }
    if (rc)
        unlink(part);
    return rc;
}

static int open_spaces(lmdb_env *e, int create, crm_error *err)
{
    int rc = open_spaces_in(e, MDB_RDONLY, 0);
    MDB_stat st;

    if (rc == MDB_NOTFOUND && create)
        rc = open_spaces_in(e, 0, MDB_CREATE);
    if (rc == MDB_NOTFOUND && !mdb_env_stat(e->env, &st) && !st.ms_entries)
        return crm__fail(err, CRM_ENOTFOUND, "no database there"); /* its making was cut short */
    if (rc == MDB_NOTFOUND)
        return crm__fail(err, CRM_ECORRUPT, "the data file is not a customer database");
    return rc ? fail(err, rc, "can't open the spaces") : CRM_OK;
}

/* LMDB begins a file with two pages in one write.  A kill, or a full disk, may leave the first alone: it
 * says that nothing was ever committed, by a transaction 0 and an empty directory. */
int crm__kv_lmdb_absent(const char *dir)
{
    enum { HEAD = 16, MAGIC_AT = HEAD, ROOT_AT = HEAD + 112, TXN_AT = HEAD + 128, BYTES = HEAD + 136 };
    uint8_t p[BYTES];
    char path[4096];
    struct stat st;
    int fd, first = 0;

    if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path)
        return 0;
    if (stat(path, &st))
        return errno == ENOENT;
    if (st.st_size == 0)
        return 1;
    if (st.st_size >= 2 * sysconf(_SC_PAGESIZE))
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (pread(fd, p, sizeof p, 0) == (ssize_t)sizeof p)
        first = crm__get_le32(p + MAGIC_AT) == 0xBEEFC0DE &&
                crm__get_le64(p + ROOT_AT) == UINT64_MAX && crm__get_le64(p + TXN_AT) == 0;
    close(fd);
    return first;
}

/* Looks at the head of an existing file without mapping it.  *fresh: there is nothing in it yet. */
static int look_first(const char *dir, const kv_options *opts, int *fresh, crm_error *err)
{
    char path[4096];
    struct stat st;
    kv_env *page;
    kv_txn *txn;
    int rc;

    if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path)
        return crm__fail(err, CRM_EINVAL, "path is too long");
    *fresh = crm__kv_lmdb_absent(dir);
    if (*fresh)
        return opts->create ? CRM_OK : crm__fail(err, CRM_ENOTFOUND, "no database there");
    if (stat(path, &st))
        return crm__fail_sys(err, CRM_EIO, errno, "can't look at the data file");
    rc = crm__kv_page_open(dir, opts, &page, err);
    if (rc)
        return rc;
    /* A commit of another process may move the file under one look, not under several. */
    for (int look = 0; look < LOOKS; look++) {
        const struct timespec pause = {0, 2000000};
        if (look)
            nanosleep(&pause, NULL);
        rc = page->ops->begin(page, 0, &txn, err);
        if (!rc) {
            rc = crm__page_sound(txn, err);
            txn->ops->abort(txn);
        }
        if (rc != CRM_ECORRUPT)
            break;
    }
    page->ops->close(page);
    return rc;
}

/* A file whose making failed, say half-way on a full disk, must not look like a damaged one later. */
static void forget_half_made(const char *dir)
{
    char path[4096];

    if (snprintf(path, sizeof path, "%s/data.mdb", dir) < (int)sizeof path)
        (void)!truncate(path, 0);
}

/* LMDB maps its lock file and writes to it through the map, where a full disk is a signal.  So all of
 * it gets its room on the disk before. */
static int reserve_lock_file(const char *dir, const kv_options *opts, crm_error *err)
{
    unsigned readers = opts->max_readers ? opts->max_readers : READERS;
    char path[4096];
    int fd, sys;

    if (snprintf(path, sizeof path, "%s/lock.mdb", dir) >= (int)sizeof path)
        return crm__fail(err, CRM_EINVAL, "path is too long");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return errno == ENOSPC || errno == EDQUOT
                   ? crm__fail_sys(err, CRM_EFULL, errno, "no room for the lock file")
                   : CRM_OK; /* LMDB will say what is wrong */
    sys = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, ((off_t)readers + 8) * 64) ? errno : 0;
    close(fd);
    return sys == ENOSPC || sys == EDQUOT
               ? crm__fail_sys(err, CRM_EFULL, sys, "no room for the lock file")
               : CRM_OK;
}

int crm__kv_lmdb_open(const char *dir, const kv_options *opts, kv_env **out, crm_error *err)
{
    lmdb_env *e;
    MDB_stat st;
    int rc, fresh, dead = 0;

    *out = NULL;
    rc = look_first(dir, opts, &fresh, err);
    if (!rc && !opts->readonly)
        rc = reserve_lock_file(dir, opts, err);
    if (!rc && fresh)
        rc = make_file(dir, opts, err);
    if (rc)
        return rc;
    e = crm__calloc(opts->mem, 1, sizeof *e);
    if (!e)
        return crm__fail_nomem(err);
    e->base.ops = &LMDB_OPS;
    e->base.mem = opts->mem;
    e->readonly = opts->readonly;
    rc = open_env(e, dir, opts, 0, err);
    if (!rc) {
        mdb_reader_check(e->env, &dead);
        rc = open_spaces(e, opts->create && !opts->readonly, err);
    }
    if (rc) {
        lmdb_close(&e->base);
        if (fresh)
            forget_half_made(dir);
        return rc;
    }
    mdb_env_stat(e->env, &st);
    e->page_size = st.ms_psize;
    *out = &e->base;
    return CRM_OK;
}

int crm__kv_lmdb_poisoned(const kv_env *env)
{
    return env->ops == &LMDB_OPS && atomic_load(&((const lmdb_env *)env)->poisoned);
}

/* ---- transactions ---- */

static int lmdb_begin(kv_env *env, int write, kv_txn **out, crm_error *err)
{
    lmdb_env *e = (lmdb_env *)env;
    lmdb_txn *t;
    int rc, dead;

    *out = NULL;
    if (atomic_load(&e->poisoned))
        return crm__fail(err, CRM_EPOISONED, "the storage engine stopped in this process");
    t = crm__calloc(env->mem, 1, sizeof *t);
    if (!t)
        return crm__fail_nomem(err);
    t->base.ops = &LMDB_OPS;
    t->base.env = env;
    t->base.write = write;
    rc = g_begin(e->env, write ? 0 : MDB_RDONLY, &t->txn);
    if (rc == MDB_READERS_FULL) {
        mdb_reader_check(e->env, &dead);
        rc = g_begin(e->env, write ? 0 : MDB_RDONLY, &t->txn);
    }
    if (rc) {
        crm__release(env->mem, t);
        return fail(err, rc, "can't begin");
    }
    *out = &t->base;
    return CRM_OK;
}

static void lmdb_abort(kv_txn *txn)
{
    lmdb_txn *t = (lmdb_txn *)txn;

    /* After an assertion too: it gives the writer's lock back. */
    g_abort(t->txn);
    crm__release(txn->env->mem, t);
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
    rc = g_commit(t->txn);
    if (rc == EIO && disk_full(e, t))
        rc = ENOSPC;
    if (rc == POISON)
        g_abort(t->txn); /* an assertion left it open, with the writer's lock */
    crm__release(txn->env->mem, t);
    return rc ? fail(err, rc, "can't commit") : CRM_OK;
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

static crm__slice slice(MDB_val v)
{
    crm__slice s = {v.mv_data, v.mv_size};

    return s;
}

/* After an assertion nothing of the environment can be trusted, in any transaction. */
static int poisoned(const kv_txn *txn)
{
    return atomic_load_explicit(&((const lmdb_env *)txn->env)->poisoned, memory_order_relaxed);
}

static int lmdb_get(kv_txn *txn, kv_space space, crm__slice key, crm__slice *value)
{
    lmdb_txn *t = (lmdb_txn *)txn;
    MDB_val k = val(key), v = {0, NULL};
    volatile int rc = 0;

    if (poisoned(txn))
        return CRM_EPOISONED;
    GUARD(rc, mdb_get(t->txn, dbi(txn, space), &k, &v));
    if (!rc)
        *value = slice(v);
    return result(txn, rc);
}

/* Writes use cursors of our own.  mdb_put() and mdb_del() link one on their stack into the transaction:
 * after a jump out of them mdb_txn_abort() would free it, which ends the process. */
static APART int g_writer(lmdb_txn *t, kv_space space)
{
    volatile int rc = 0;

    if (!t->writer[space])
        GUARD(rc, mdb_cursor_open(t->txn, dbi(&t->base, space), &t->writer[space]));
    return rc;
}

static int lmdb_put(kv_txn *txn, kv_space space, crm__slice key, crm__slice value, unsigned flags)
{
    lmdb_txn *t = (lmdb_txn *)txn;
    MDB_val k = val(key), v = val(value);
    volatile int rc = 0;

    if (poisoned(txn))
        return CRM_EPOISONED;
    rc = g_writer(t, space);
    if (!rc)
        GUARD(rc, mdb_cursor_put(t->writer[space], &k, &v, flags & KV_APPEND ? MDB_APPEND : 0));
    t->bytes += key.n + value.n + 16;
    return result(txn, rc);
}

static int lmdb_del(kv_txn *txn, kv_space space, crm__slice key)
{
    lmdb_txn *t = (lmdb_txn *)txn;
    MDB_val k = val(key), v = {0, NULL};
    volatile int rc = 0;

    if (poisoned(txn))
        return CRM_EPOISONED;
    rc = g_writer(t, space);
    if (!rc)
        GUARD(rc, mdb_cursor_get(t->writer[space], &k, &v, MDB_SET));
    if (!rc)
        GUARD(rc, mdb_cursor_del(t->writer[space], 0));
    return result(txn, rc);
}

static int lmdb_clear(kv_txn *txn, kv_space space)
{
    lmdb_txn *t = (lmdb_txn *)txn;
    volatile int rc = 0;

    if (poisoned(txn))
        return CRM_EPOISONED;
    GUARD(rc, mdb_drop(t->txn, dbi(txn, space), 0));
    return result(txn, rc);
}

/* ---- cursors ---- */

static int lmdb_cursor_open(kv_txn *txn, kv_space space, kv_cursor **out)
{
    lmdb_cursor *c = crm__calloc(txn->env->mem, 1, sizeof *c);
    volatile int rc = 0;

    *out = NULL;
    if (!c)
        return CRM_ENOMEM;
    c->base.ops = &LMDB_OPS;
    c->base.txn = txn;
    if (poisoned(txn)) {
        crm__release(txn->env->mem, c);
        return CRM_EPOISONED;
    }
    GUARD(rc, mdb_cursor_open(((lmdb_txn *)txn)->txn, dbi(txn, space), &c->cursor));
    if (rc) {
        crm__release(txn->env->mem, c);
        return result(txn, rc);
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
    lmdb_cursor *lc = (lmdb_cursor *)c;
    MDB_val v = {0, NULL};
    volatile int rc = 0;

    if (poisoned(c->txn))
        return CRM_EPOISONED;
    GUARD(rc, mdb_cursor_get(lc->cursor, k, &v, op));
    if (!rc) {
        *key = slice(*k);
        *value = slice(v);
        lc->at = *key;
    }
    return result(c->txn, rc);
}

/* A step to a neighbour.  In a damaged page two places may name one row, or an earlier one: a scan would
 * give rows twice, or never end. */
static int step_on(kv_cursor *c, MDB_cursor_op op, crm__slice *key, crm__slice *value)
{
    crm__slice was = ((lmdb_cursor *)c)->at;
    MDB_val k = {0, NULL};
    int order, rc = step(c, op, &k, key, value);

    if (rc || c->txn->write)
        return rc;
    order = crm__slice_compare(was, *key);
    return (op == MDB_NEXT ? order < 0 : order > 0) ? CRM_OK : CRM_ECORRUPT;
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
    return step_on(c, MDB_NEXT, k, v);
}

static int lmdb_prev(kv_cursor *c, crm__slice *k, crm__slice *v)
{
    return step_on(c, MDB_PREV, k, v);
}

/* ---- figures ---- */

static uint64_t pages_of(const MDB_stat *st)
{
    return (uint64_t)st->ms_branch_pages + st->ms_leaf_pages + st->ms_overflow_pages;
}

static int lmdb_stat(kv_txn *txn, kv_space space, kv_stat *out)
{
    MDB_stat st;
    int rc = g_stat(((lmdb_txn *)txn)->txn, dbi(txn, space), &st);

    if (rc)
        return result(txn, rc);
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
    if (end == line)
        return 0;
    strtoull(end, &end, 16);
    while (*end == ' ')
        end++;
    w->count++;
    if (*end < '0' || *end > '9')
        return 0;
    r.commit = strtoull(end, NULL, 10);
    if (r.commit < w->oldest)
        w->oldest = r.commit;
    if (w->fn)
        w->fn(&r, w->ctx);
    return 0;
}

static int lmdb_readers(kv_env *env, kv_reader_fn fn, void *ctx)
{
    reader_walk w = {fn, ctx, UINT64_MAX, 0};

    mdb_reader_list(((lmdb_env *)env)->env, one_reader, &w);
    return CRM_OK;
}

static int lmdb_info(kv_env *env, kv_info *out)
{
    lmdb_env *e = (lmdb_env *)env;
    reader_walk w = {NULL, NULL, UINT64_MAX, 0};
    MDB_envinfo info;
    MDB_txn *txn = NULL;
    MDB_stat st;
    struct stat file;
    uint64_t live = 2;
    int rc, fd;

    memset(out, 0, sizeof *out);
    rc = mdb_env_info(e->env, &info);
    if (!rc)
        rc = mdb_env_get_fd(e->env, &fd);
    if (rc)
        return code_of(rc);
    if (!fstat(fd, &file))
        out->file_bytes = (uint64_t)file.st_size;
    out->map_bytes = info.me_mapsize;
    out->commit = info.me_last_txnid;
    out->max_readers = info.me_maxreaders;
    out->used_bytes = ((uint64_t)info.me_last_pgno + 1) * e->page_size;
    rc = g_begin(e->env, MDB_RDONLY, &txn);
    if (rc)
        return code_of(rc);
    for (unsigned i = 0; i < KV_SPACES + 2u; i++) { /* 0 and 1 are LMDB's free list and directory */
        MDB_dbi d = i < 2 ? (MDB_dbi)i : e->dbi[i - 2];
        if (!g_stat(txn, d, &st))
            live += pages_of(&st);
    }
    g_abort(txn);
    live *= e->page_size;
    out->free_bytes = out->used_bytes > live ? out->used_bytes - live : 0;
    mdb_reader_list(e->env, one_reader, &w);
    out->readers = w.count;
    out->oldest = w.oldest < out->commit ? w.oldest : out->commit;
    return CRM_OK;
}

static int lmdb_clear_stale(kv_env *env, int *count)
{
    return code_of(mdb_reader_check(((lmdb_env *)env)->env, count));
}

static int lmdb_last(kv_env *env, uint64_t *commit)
{
    MDB_envinfo info;
    int rc = mdb_env_info(((lmdb_env *)env)->env, &info);

    *commit = rc ? 0 : info.me_last_txnid;
    return code_of(rc);
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

static const kv_ops LMDB_OPS = {
    .close = lmdb_close,
    .forget = lmdb_forget,
    .begin = lmdb_begin,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .get = lmdb_get,
    .put = lmdb_put,
    .del = lmdb_del,
    .clear = lmdb_clear,
    .cursor = lmdb_cursor_open,
    .cursor_close = lmdb_cursor_close,
    .seek = lmdb_seek,
    .next = lmdb_next,
    .prev = lmdb_prev,
    .stat = lmdb_stat,
    .info = lmdb_info,
    .last = lmdb_last,
    .wait = lmdb_wait,
    .readers = lmdb_readers,
    .clear_stale = lmdb_clear_stale,
};
