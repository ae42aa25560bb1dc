/* SPDX-License-Identifier: MIT
 * LMDB's environment: its guarded calls and results, opening and making a data file.
 */
#include "kv/kv_lmdb.h"

#include "base/file.h"
#include "kv/kv_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MODE = 0600, READERS = 1022, AGE = 1000, LOOKS = 5, SLOTS_AN_IDLE = 32 };
#define DEFAULT_MAP ((uint64_t)1 << 40)
#define LEAST_MAP ((uint64_t)64 << 20)

_Thread_local jmp_buf *crm__lmdb_jump;

static void on_assert(MDB_env *env, const char *message)
{
    lmdb_env *e = mdb_env_get_userctx(env);

    (void)message;
    if (e)
        atomic_store(&e->poisoned, 1);
    if (crm__lmdb_jump)
        longjmp(*crm__lmdb_jump, 1);
}

/* Guarded calls for functions with more locals than longjmp leaves intact. */
#define APART __attribute__((noinline))

static APART int g_env_open(MDB_env *env, const char *dir, unsigned flags)
{
    volatile int rc = 0;

    GUARD(rc, mdb_env_open(env, dir, flags, FILE_MODE));
    return rc;
}

APART void crm__lmdb_env_close(MDB_env *env)
{
    QUIET(mdb_env_close(env));
}

int crm__lmdb_begin(MDB_env *env, unsigned flags, MDB_txn **out)
{
    volatile int rc = 0;

    GUARD(rc, mdb_txn_begin(env, NULL, flags, out));
    return rc;
}

int crm__lmdb_commit(MDB_txn *txn)
{
    volatile int rc = 0;

    GUARD(rc, mdb_txn_commit(txn));
    return rc;
}

void crm__lmdb_abort(MDB_txn *txn)
{
    QUIET(mdb_txn_abort(txn));
}

static APART int g_dbi_open(MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *out)
{
    volatile int rc = 0;

    GUARD(rc, mdb_dbi_open(txn, name, flags, out));
    return rc;
}

void crm__lmdb_reset(MDB_txn *txn)
{
    QUIET(mdb_txn_reset(txn));
}

int crm__lmdb_renew(MDB_txn *txn)
{
    volatile int rc = 0;

    GUARD(rc, mdb_txn_renew(txn));
    return rc;
}

int crm__lmdb_stat(MDB_txn *txn, MDB_dbi d, MDB_stat *out)
{
    volatile int rc = 0;

    GUARD(rc, mdb_stat(txn, d, out));
    return rc;
}

int crm__lmdb_code(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return CRM_OK;
    case MDB_NOTFOUND:
        return CRM_ENOTFOUND;
    case CRM__LMDB_POISON:
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

int crm__lmdb_result(kv_txn *txn, int rc)
{
    if (rc && rc != MDB_NOTFOUND)
        txn->sys = rc;
    return crm__lmdb_code(rc);
}

int crm__lmdb_fail(crm_error *err, int rc, const char *what)
{
    return crm__fail_sys(err, crm__lmdb_code(rc), rc, "%s: %s", what,
                         rc == CRM__LMDB_POISON ? "internal check of the storage engine"
                                                : mdb_strerror(rc));
}

/* ---- environment ---- */

void crm__lmdb_close(kv_env *env)
{
    lmdb_env *e = (lmdb_env *)env;

    crm__lmdb_drop_idle(e);
    crm__lmdb_log_close(e);
    if (e->env)
        crm__lmdb_env_close(e->env);
    crm__watches_close(&e->watches);
    if (e->queue.fd >= 0)
        close(e->queue.fd);
    crm__release(e->base.mem, e);
}

void crm__lmdb_forget(kv_env *env)
{
    lmdb_env *e = (lmdb_env *)env;

    /* LMDB's own memory stays: freeing it means closing descriptors that the parent's locks ride
     * on, and giving back slots that are the parent's. */
    for (unsigned i = 0; i < CRM__LMDB_IDLE; i++)
        crm__release(env->mem, atomic_load(&e->idle[i]));
    crm__buf_clear(&e->log.record);
    crm__release(env->mem, env);
}

static unsigned slots(const kv_options *opts)
{
    return (opts->max_readers ? opts->max_readers : READERS) +
           (opts->log ? (unsigned)CRM__LMDB_KEEPERS : 0);
}

/* Opens with the largest map that can be had, halving from the wanted one. */
int crm__lmdb_env_open(lmdb_env *e, const char *dir, const kv_options *opts, unsigned flags,
                       crm_error *err)
{
    uint64_t map = opts->map_bytes ? opts->map_bytes : DEFAULT_MAP;
    unsigned readers = slots(opts);
    int rc;

    flags |= MDB_NOTLS | (opts->readonly ? MDB_RDONLY : 0);

    /* LMDB gives no page behind the end of the map: so the map is the limit, exactly. */
    if (opts->size_limit && opts->size_limit < map)
        map = opts->size_limit;
    for (;; map /= 2) {
        rc = mdb_env_create(&e->env);
        if (rc)
            return crm__lmdb_fail(err, rc, "storage");
        mdb_env_set_userctx(e->env, e);
        mdb_env_set_assert(e->env, on_assert);
        mdb_env_set_maxdbs(e->env, KV_STORED);
        mdb_env_set_maxreaders(e->env, readers);
        mdb_env_set_mapsize(e->env, (size_t)map);
        rc = g_env_open(e->env, dir, flags);
        if (!rc)
            return CRM_OK;
        crm__lmdb_env_close(e->env);
        e->env = NULL;
        if ((rc != ENOMEM && rc != EINVAL) || map <= LEAST_MAP)
            return crm__lmdb_fail(err, rc, "can't open the data file");
    }
}

/* Handles opened in a transaction become the environment's when it commits. */
int crm__lmdb_spaces(lmdb_env *e, unsigned txn_flags, unsigned dbi_flags)
{
    MDB_txn *txn = NULL;
    int rc = crm__lmdb_begin(e->env, txn_flags, &txn);

    if (rc)
        return rc;
    for (unsigned i = 0; i < KV_STORED && !rc; i++)
        rc = g_dbi_open(txn, crm__kv_space_name((kv_space)i), dbi_flags, &e->dbi[i]);
    if (!rc)
        return crm__lmdb_commit(txn);
    crm__lmdb_abort(txn);
    return rc;
}

/* Gives LMDB room for small free-list records.  It writes what is left of a list of free pages
 * under numbers of transactions older than the oldest reader, a page each if there are numbers
 * enough; in a young file there are not, and after a large commit every small one would write the
 * whole list again (hundreds of kilobytes).  So a new file begins at transaction 1,000.  It has not
 * got its name yet: the commits go unsynced, and one sync ends them. */
static int age(lmdb_env *e)
{
    int rc = mdb_env_set_flags(e->env, MDB_NOSYNC, 1);

    for (int n = 0; !rc && n < AGE; n++) {
        MDB_val k = {3, (void *)(uintptr_t) "age"}, v = {0, NULL};
        MDB_txn *txn;
        rc = crm__lmdb_begin(e->env, 0, &txn);
        if (rc)
            break;
        rc = mdb_put(txn, e->dbi[KV_META], &k, &v, 0);
        if (!rc)
            rc = mdb_del(txn, e->dbi[KV_META], &k, NULL);
        if (rc)
            crm__lmdb_abort(txn);
        else
            rc = crm__lmdb_commit(txn);
    }
    mdb_env_set_flags(e->env, MDB_NOSYNC, 0);
    return rc ? rc : mdb_env_sync(e->env, 1);
}

/* A new file gets its name when it is whole and on the disk: a power loss in the unsynced time of
 * its making could leave any mixture of its pages.  The caller holds the folder's lock for opening.
 */
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
    rc = crm__lmdb_env_open(&e, part, opts, MDB_NOSUBDIR | MDB_NOLOCK, err);
    if (!rc) {
        sys = crm__lmdb_spaces(&e, 0, MDB_CREATE);
        if (!sys)
            sys = age(&e);
        crm__lmdb_env_close(e.env);
        if (sys)
            rc = crm__lmdb_fail(err, sys, "can't make the data file");
    }
    if (!rc)
        rc = crm__file_place(opts->mem, part, path, 1, err);
    if (rc)
        unlink(part);
    return rc;
}

static APART int g_first(MDB_txn *txn, MDB_dbi directory, MDB_val *v)
{
    const char *name = crm__kv_space_name(KV_META);
    MDB_val k = {strlen(name), (void *)(uintptr_t)name};
    volatile int rc = 0;

    GUARD(rc, mdb_get(txn, directory, &k, v));
    return rc;
}

/* What the first write transaction, that of find_dead_writer(), asks for already. */
static void size_up(lmdb_env *e)
{
    MDB_envinfo info;
    MDB_stat st;

    mdb_env_stat(e->env, &st);
    mdb_env_info(e->env, &info);
    mdb_env_get_fd(e->env, &e->file.fd);
    e->file.psize = st.ms_psize;
    e->file.most = info.me_mapsize / st.ms_psize;
}

/* LMDB does not tell where its map begins, but every value lies in it. */
static int find_map(lmdb_env *e, crm_error *err)
{
    MDB_txn *txn = NULL;
    MDB_val v = {0, NULL};
    int rc = crm__lmdb_begin(e->env, MDB_RDONLY, &txn);

    if (rc)
        return crm__lmdb_fail(err, rc, "can't open the spaces");
    rc = g_dbi_open(txn, NULL, 0, &e->directory);
    if (!rc)
        rc = g_first(txn, e->directory, &v);
    if (!rc)
        e->file.base = crm__map_base(v.mv_data, e->file.psize, (size_t)sysconf(_SC_PAGESIZE));
    if (!rc && !e->file.base)
        rc = MDB_CORRUPTED;
    if (rc) {
        crm__lmdb_abort(txn);
        return crm__lmdb_fail(err, rc, "can't open the spaces");
    }
    rc = crm__lmdb_commit(txn); /* keeps the handle */
    return rc ? crm__lmdb_fail(err, rc, "can't open the spaces") : CRM_OK;
}

int crm__kv_lmdb_absent(const char *dir)
{
    char path[4096];
    struct stat st;

    return snprintf(path, sizeof path, "%s/data.mdb", dir) < (int)sizeof path && stat(path, &st) &&
           errno == ENOENT;
}

int crm__lmdb_sound(const char *dir, const kv_options *opts, crm_error *err)
{
    kv_env *page;
    kv_txn *txn;
    int rc = crm__kv_page_open(dir, opts, &page, err);

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

/* Looks at the head of an existing file without mapping it.  *fresh: there is nothing in it yet. */
static int look_first(const char *dir, const kv_options *opts, int *fresh, crm_error *err)
{
    char path[4096];
    struct stat st;

    if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path)
        return crm__fail(err, CRM_EINVAL, "path is too long");
    *fresh = crm__kv_lmdb_absent(dir);
    if (*fresh)
        return opts->create ? CRM_OK : crm__fail(err, CRM_ENOTFOUND, "no database there");
    if (stat(path, &st))
        return crm__fail_sys(err, CRM_EIO, errno, "can't look at the data file");
    return crm__lmdb_sound(dir, opts, err);
}

/* LMDB maps its lock file and writes to it through the map, where a full disk is a signal.  So all
 * of it gets its room on the disk before.  The descriptor stays: writers queue at it. */
static int open_lock_file(const char *dir, const kv_options *opts, int *fd, crm_error *err)
{
    unsigned readers = slots(opts);
    char path[4096];
    int sys;

    if (snprintf(path, sizeof path, "%s/lock.mdb", dir) >= (int)sizeof path)
        return crm__fail(err, CRM_EINVAL, "path is too long");
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (*fd < 0)
        return errno == ENOSPC || errno == EDQUOT
                   ? crm__fail_sys(err, CRM_EFULL, errno, "no room for the lock file")
                   : CRM_OK; /* LMDB will say what is wrong */
    sys = fallocate(*fd, FALLOC_FL_KEEP_SIZE, 0, ((off_t)readers + 8) * 64) ? errno : 0;
    return sys == ENOSPC || sys == EDQUOT
               ? crm__fail_sys(err, CRM_EFULL, sys, "no room for the lock file")
               : CRM_OK;
}

/* Whether the file has a commit that readers do not see yet. */
static int unseen_commit(lmdb_env *e, int *unseen, crm_error *err)
{
    MDB_txn *txn = NULL;
    MDB_envinfo info;
    int rc;

    mdb_env_info(e->env, &info);
    rc = crm__lmdb_begin(e->env, MDB_RDONLY, &txn);
    if (rc)
        return crm__lmdb_fail(err, rc, "can't begin");
    *unseen = info.me_last_txnid > mdb_txn_id(txn);
    crm__lmdb_abort(txn);
    return CRM_OK;
}

/* A writer that is killed between the last page of its commit and the lock file, where readers look
 * which commit is the last, leaves one that others come to see when the next writer finds it dead.
 * Whoever takes its place asks what it left before that, so opening must not show what was there
 * before: it takes the writer's turn for a moment.  A writer that lives is through in another. */
static int find_dead_writer(lmdb_env *e, crm_error *err)
{
    const struct timespec pause = {0, 5000000};
    int unseen, rc = unseen_commit(e, &unseen, err);
    kv_txn *turn;

    for (int look = 0; !rc && unseen && look < LOOKS; look++) {
        nanosleep(&pause, NULL);
        rc = unseen_commit(e, &unseen, err);
    }
    if (rc || !unseen)
        return rc;
    rc = e->base.ops->begin(&e->base, 1, &turn, err);
    if (!rc)
        turn->ops->abort(turn);
    return rc;
}

/* The data file is there. */
static int open_files(lmdb_env *e, const char *dir, const kv_options *opts, crm_error *err)
{
    int rc = crm__lmdb_env_open(e, dir, opts, 0, err), dead;

    /* LMDB's lock may have been waited for while somebody recovered, and was cut short. */
    if (!rc && opts->readonly)
        rc = crm__lmdb_readable(dir, opts, err);
    if (rc)
        return rc;
    size_up(e);
    mdb_reader_check(e->env, &dead);
    if (opts->log && !opts->readonly)
        crm__lmdb_log_use(e);
    rc = opts->readonly ? CRM_OK : find_dead_writer(e, err);
    if (rc)
        return rc;
    rc = crm__lmdb_spaces(e, MDB_RDONLY, 0);
    if (rc == MDB_NOTFOUND)
        return crm__fail(err, CRM_ECORRUPT, "the data file is not a customer database");
    return rc ? crm__lmdb_fail(err, rc, "can't open the spaces") : find_map(e, err);
}

int crm__kv_lmdb_open(const char *dir, const kv_options *opts, kv_env **out, crm_error *err)
{
    lmdb_env *e;
    int rc, fresh;

    *out = NULL;
    rc = opts->readonly ? crm__lmdb_readable(dir, opts, err) : CRM_OK;
    if (!rc)
        rc = look_first(dir, opts, &fresh, err);
    if (rc)
        return rc;
    e = crm__calloc(opts->mem, 1, sizeof *e);
    if (!e)
        return crm__fail_nomem(err);
    e->base.ops = &crm__lmdb_ops;
    e->base.mem = opts->mem;
    e->queue.fd = -1;
    crm__lmdb_log_init(e);
    e->keepers = opts->log ? CRM__LMDB_KEEPERS : 0;
    e->idle_most = (opts->max_readers ? opts->max_readers : READERS) / SLOTS_AN_IDLE;
    if (!opts->readonly)
        rc = open_lock_file(dir, opts, &e->queue.fd, err);
    if (!rc && fresh) {
        crm__kv_lmdb_drop_log(dir);
        rc = make_file(dir, opts, err);
    }
    if (!rc)
        rc = open_files(e, dir, opts, err);
    if (rc) {
        crm__lmdb_close(&e->base);
        return rc;
    }
    *out = &e->base;
    return CRM_OK;
}

int crm__kv_lmdb_poisoned(const kv_env *env)
{
    env = crm__kv_tail_inner((kv_env *)(uintptr_t)env);
    return env->ops == &crm__lmdb_ops && atomic_load(&((const lmdb_env *)env)->poisoned);
}
