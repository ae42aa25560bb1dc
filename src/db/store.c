/* SPDX-License-Identifier: MIT
 * Opening and sharing the storage of a folder.
 *
 * The registry is the one piece of state the library keeps for the process: without it a second
 * open of the same file would silently destroy the locks of the first.  Its lock is a word that
 * holds the pid of its holder, so that a child forked while another thread held it can tell, and
 * take it over.
 */
#include "db/store.h"

#include "base/error.h"
#include "db/live.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static atomic_int registry_holder;
static crm__store *registry; /* pushed and unlinked by single stores: whole in a forked child */

static void registry_lock(void)
{
    int me = (int)getpid();

    for (;;) {
        int held = 0;
        struct timespec pause = {0, 50000};
        if (atomic_compare_exchange_strong(&registry_holder, &held, me))
            return;
        if (held != me && atomic_compare_exchange_strong(&registry_holder, &held, me))
            return; /* the holder is in the parent process and will never come back here */
        nanosleep(&pause, NULL);
    }
}

static void registry_unlock(void)
{
    atomic_store(&registry_holder, 0);
}

int crm__store_forked(const crm__store *s)
{
    return s->alive ? *(const volatile uint32_t *)s->alive == 0 : getpid() != s->pid;
}

/* A word that reads 0 in a child: one load instead of a system call at every entry. */
static const uint32_t *alive_page(void)
{
    long size = sysconf(_SC_PAGESIZE);
    uint32_t *p =
        mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    if (madvise(p, (size_t)size, MADV_WIPEONFORK)) {
        munmap(p, (size_t)size);
        return NULL;
    }
    *p = 1;
    return p;
}

/* What the last one to close leaves is the data file alone. */
static void close_engine(crm__store *s)
{
    if (!s->readonly && crm__lock_sole(s->lock_fd, 0))
        s->kv->ops->settle(s->kv);
    s->kv->ops->close(s->kv);
}

static void store_free(crm__store *s, int forked)
{
    if (s->kv) {
        if (forked)
            s->kv->ops->forget(s->kv);
        else
            close_engine(s);
    }
    crm__live_free(s);
    crm__model_unref(s->model);
    crm__watch_free(&s->mem, s->watch);
    if (!forked) {
        crm__unlock_folder(s->lock_fd);
        pthread_mutex_destroy(&s->gate.lock);
        pthread_cond_destroy(&s->gate.freed);
        pthread_mutex_destroy(&s->model_lock);
    }
    if (s->alive)
        munmap((void *)(uintptr_t)s->alive, (size_t)sysconf(_SC_PAGESIZE));
    crm__release(&s->mem, s->dir);
    {
        crm_allocator mem = s->mem;
        crm__release(&mem, s);
    }
}

void crm__store_close(crm__store *s)
{
    int forked = crm__store_forked(s), last;

    registry_lock();
    last = --s->refs == 0;
    if (last) {
        for (crm__store **p = &registry; *p; p = &(*p)->next) {
            if (*p == s) {
                *p = s->next;
                break;
            }
        }
        /* Under the lock: nobody may open the folder again before its locks are given back. */
        store_free(s, forked);
    }
    registry_unlock();
}

static crm__store *registered(const struct stat *st)
{
    for (crm__store *s = registry; s; s = s->next) {
        if (s->dev == st->st_dev && s->ino == st->st_ino && s->pid == getpid() &&
            !crm__store_forked(s))
            return s;
    }
    return NULL;
}

/* So that a new folder outlives a power loss, like the commits in it.  A parent that can't be read
 * can't be synced. */
static void sync_parent(const char *path)
{
    int here = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

    if (here < 0)
        return;
    fd = openat(here, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    close(here);
}

static int make_folder(const char *path, const crm_db_options *opts, struct stat *st,
                       crm_error *err)
{
    if (stat(path, st)) {
        if (errno != ENOENT)
            return crm__fail_sys(err, CRM_EIO, errno, "can't look at the folder: %s",
                                 strerror(errno));
        if (opts->flags & (CRM_NOCREATE | CRM_READONLY))
            return crm__fail(err, CRM_ENOTFOUND, "no database there");
        if (mkdir(path, 0700) && errno != EEXIST)
            return crm__fail_sys(err, CRM_EIO, errno, "can't make the folder: %s", strerror(errno));
        sync_parent(path);
        if (stat(path, st))
            return crm__fail_sys(err, CRM_EIO, errno, "can't look at the folder: %s",
                                 strerror(errno));
    }
    if (!S_ISDIR(st->st_mode))
        return crm__fail(err, CRM_EIO, "the path is not a folder");
    if (crm__network_folder(path) && !(opts->flags & CRM_FORCE_NETWORK))
        return crm__fail(err, CRM_ENETFS, "the folder is on a network file system");
    return CRM_OK;
}

static crm__store *store_new(const char *path, const struct stat *st, const crm_allocator *mem)
{
    crm__store *s = crm__calloc(mem, 1, sizeof *s);

    if (!s)
        return NULL;
    s->mem = *mem;
    s->dev = st->st_dev;
    s->ino = st->st_ino;
    s->pid = getpid();
    s->refs = 1;
    s->lock_fd = -1;
    s->dir = crm__strdup(mem, path, strlen(path));
    pthread_mutex_init(&s->gate.lock, NULL);
    pthread_cond_init(&s->gate.freed, NULL);
    pthread_mutex_init(&s->model_lock, NULL);
    s->alive = alive_page();
    if (crm__watch_new(mem, &s->watch) || !s->dir) {
        store_free(s, 0);
        return NULL;
    }
    return s;
}

static int verify_pages(const char *path, const kv_options *kv, crm_error *err)
{
    kv_page_summary summary;
    kv_env *env;
    kv_txn *txn;
    int rc;

    if (kv->create && crm__kv_lmdb_absent(path))
        return CRM_OK;
    rc = crm__kv_open_pages(path, kv, &env, err);
    if (rc)
        return rc;
    rc = env->ops->begin(env, 0, &txn, err);
    if (!rc) {
        rc = crm__kv_page_walk(txn, NULL, NULL, NULL, &summary, err);
        txn->ops->abort(txn);
        if (!rc && summary.faults)
            rc = crm__fail(err, CRM_ECORRUPT, "%llu damaged places in the data file",
                           (unsigned long long)summary.faults);
    }
    env->ops->close(env);
    return rc;
}

/* Opens the engine and judges or makes the format header. */
static int open_engine(crm__store *s, const char *path, const crm_db_options *opts, crm_error *err)
{
    kv_options kv;
    int rc, present = 0;

    memset(&kv, 0, sizeof kv);
    kv.mem = &s->mem;
    kv.readonly = (opts->flags & CRM_READONLY) && access(path, W_OK) != 0;
    kv.create = !(opts->flags & (CRM_NOCREATE | CRM_READONLY));
    kv.max_readers = opts->max_readers;
    kv.map_bytes = opts->map_bytes;
    kv.size_limit = opts->size_limit;
    kv.log = 1;
    s->readonly = kv.readonly;
    if (!kv.create && crm__kv_lmdb_absent(path)) /* and leave no lock file where there is none */
        return crm__fail(err, CRM_ENOTFOUND, "no database there");
    rc = crm__lock_folder(path, kv.readonly, &s->lock_fd, err);
    if (rc)
        return rc;
    if (crm__lock_sole(s->lock_fd, 1) && !kv.readonly)
        rc = crm__kv_lmdb_recover(path, &kv, err);
    if (!rc && opts->flags & CRM_VERIFY)
        rc = verify_pages(path, &kv, err);
    if (!rc)
        rc = crm__kv_open(path, &kv, &s->kv, err);
    if (!rc && opts->test_fault) {
        kv_env *wrapped;
        rc = crm__kv_fault_wrap(s->kv, opts->test_fault, &wrapped);
        if (rc)
            rc = crm__fail_nomem(err);
        else
            s->kv = wrapped;
    }
    if (!rc)
        rc = crm__format_present(s, &present, err);
    if (!rc && !present)
        rc = kv.create ? crm__format_make(s, opts, err)
                       : crm__fail(err, CRM_ENOTFOUND, "no database there");
    crm__lock_shared(s->lock_fd);
    if (!rc && crm__random(s->salt_key, sizeof s->salt_key))
        rc = crm__fail(err, CRM_EIO, "no random numbers to be had");
    return rc;
}

int crm__store_open(const char *path, const crm_db_options *opts, const crm_allocator *mem,
                    crm__store **out, crm_error *err)
{
    struct stat st;
    crm__store *s;
    int rc;

    *out = NULL;
    registry_lock();
    rc = make_folder(path, opts, &st, err);
    if (rc)
        goto done;
    s = registered(&st);
    if (s) {
        s->refs++;
        *out = s;
        goto done;
    }
    s = store_new(path, &st, mem);
    if (!s) {
        rc = crm__fail_nomem(err);
        goto done;
    }
    rc = open_engine(s, path, opts, err);
    if (rc) {
        store_free(s, 0);
        goto done;
    }
    s->next = registry;
    registry = s;
    *out = s;
done:
    registry_unlock();
    return rc;
}
