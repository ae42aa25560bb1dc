/* SPDX-License-Identifier: MIT
 * LMDB behind kv.h: commits that wait for one sync (docs/decisions/0032).
 *
 * A small commit is first written to the end of data.log and synced there; then LMDB commits it without
 * a sync, so that everybody sees only what is on the disk.  Now and then the data file is synced and the log
 * begins anew.  After a power loss the data file may hold any mixture of pages; but
 * - the log's head holds the meta page of the commit that was synced last, the base, and
 * - no page of the base has been written over since,
 * so that the file can be set back to the base and the records applied to it (kv_lmdb_recover.c).
 *
 * The second holds because LMDB never gives out a page that the snapshot of a reader needs, and every writer
 * sees one of the base: each process has a slot in LMDB's table of readers and, while it writes,
 * stands in it as a reader of the base.  The slot is of an ended read transaction; LMDB has no call
 * to set it, so we write it through a map of the lock file of our own.  Whether it is where we take it to be is tried
 * by each opening through mdb_reader_list(); if not, the handle writes no log.
 *
 * Large commits, and the first few of a handle, go LMDB's own way with its two syncs.  Before one of
 * these the log is begun anew if it has records: an applied log must not take it back.
 *
 * When it begins anew is a matter of speed and of room alone: right at any time under the writer's lock, as
 * long as the data file is synced first and nobody takes a page of the old base before the new head is on
 * the disk.  A write transaction has taken none when it begins, and what it takes behind a new beginning is
 * free in the new base, which is the commit that it goes on from.
 *
 * All of this is under LMDB's writer lock.  Other processes' records are found by reading on where
 * we were.  A record whose writer was killed before LMDB's commit was never acknowledged; the next one is
 * written over it, or the log begun anew before a commit that goes LMDB's way.
 */
#include "kv/kv_lmdb.h"

#include "base/bytes.h"
#include "codec/key.h"
#include "kv/kv_page.h"
#include "kv/kv_patch.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FIRST_COMMITS = 3,      /* of a handle that go LMDB's way: most tools make no more */
    RECORD_MOST = 1 << 20,  /* larger ones go LMDB's way */
    PAGES_LEAST = 512,      /* 2 MiB: written between two syncs of the data file; a part of its size, */
    PAGES_MOST = 4096,      /* and never more */
    PAGES_PART = 4,
    GROWTH_PART = 8,        /* a part, when the file has grown meanwhile */
    PAGES_COMMIT = 6,       /* a commit writes beside the leaf pages of its rows, about */
    AFTER_FAILURE = 64,     /* commits that go LMDB's way after one that found no room */
    SLOT_STEP = 8,
    ROOT_PAGE = 16384,      /* larger pages have no log */
    META_MAIN = 72,         /* where in a meta page the record of the main database is, */
    META_LAST = 120         /* and its last page */
};
#define NO_COMMIT UINT64_MAX

/* ---- the slot ---- */

/* As struct MDB_reader of LMDB 0.9 begins. */
typedef struct slot_view {
    uint64_t commit;
    uint32_t pid, pad;
    uint64_t thread;
} slot_view;

static int find_slot(lmdb_log *l, uint64_t commit)
{
    slot_view *found = NULL;
    uint64_t self = 0;
    pthread_t thread = pthread_self();

    memcpy(&self, &thread, sizeof thread < sizeof self ? sizeof thread : sizeof self);
    for (size_t at = 0; at + sizeof(slot_view) <= l->table_bytes; at += SLOT_STEP) {
        slot_view *v = (slot_view *)(void *)(l->table + at);
        if (v->commit != commit || v->pid != (uint32_t)getpid() || v->thread != self)
            continue;
        if (found)
            return 0;
        found = v;
    }
    if (!found)
        return 0;
    found->thread = CRM__LMDB_KEEPER;
    l->slot = &found->commit;
    return 1;
}

/* What LMDB tells of its readers: lines of pid, thread, commit. */
typedef struct told {
    uint64_t commit;
    int seen;
} told;

static int told_line(const char *line, void *ctx)
{
    told *t = ctx;
    char *end;

    if (strtoll(line, &end, 10) == (long long)getpid() && end != line &&
        strtoull(end, &end, 16) == CRM__LMDB_KEEPER && strtoull(end, NULL, 10) == t->commit)
        t->seen++;
    return 0;
}

static int told_as(lmdb_env *e, uint64_t commit)
{
    told t = {commit, 0};

    __atomic_store_n(e->log.slot, commit, __ATOMIC_SEQ_CST);
    mdb_reader_list(e->env, told_line, &t);
    return t.seen == 1;
}

static int take_slot(lmdb_env *e)
{
    lmdb_log *l = &e->log;
    struct stat st;
    uint64_t commit;
    void *p;
    int ok;

    if (e->queue.fd < 0 || fstat(e->queue.fd, &st) || st.st_size <= 0)
        return 0;
    p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, e->queue.fd, 0);
    if (p == MAP_FAILED)
        return 0;
    l->table = p;
    l->table_bytes = (size_t)st.st_size;
    if (crm__lmdb_begin(e->env, MDB_RDONLY, &l->holder))
        return 0;
    commit = mdb_txn_id(l->holder);
    ok = find_slot(l, commit) && told_as(e, commit - 1) && told_as(e, commit);
    crm__lmdb_reset(l->holder);
    return ok && __atomic_load_n(l->slot, __ATOMIC_SEQ_CST) == NO_COMMIT;
}

void crm__lmdb_log_init(lmdb_env *e)
{
    lmdb_log *l = &e->log;

    l->file.fd = -1;
    l->wait = FIRST_COMMITS;
    crm__buf_init(&l->record, e->base.mem);
    crm__buf_init(&l->patch, e->base.mem);
    pthread_mutex_init(&l->lock, NULL);
}

/* A thread ends inside its transaction, which then never does. */
static void keeper_lost(crm__queue *q)
{
    lmdb_log *l = &((lmdb_env *)(void *)((char *)q - offsetof(lmdb_env, queue)))->log;

    pthread_mutex_lock(&l->lock);
    l->keeper = NULL;
    __atomic_store_n(l->slot, NO_COMMIT, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&l->lock);
}

void crm__lmdb_log_use(lmdb_env *e)
{
    e->log.usable = take_slot(e);
    e->queue.lost = e->log.usable ? keeper_lost : NULL;
}

void crm__lmdb_log_close(lmdb_env *e)
{
    lmdb_log *l = &e->log;

    crm__log_close(&l->file);
    crm__buf_clear(&l->record);
    crm__buf_clear(&l->patch);
    if (l->holder)
        crm__lmdb_abort(l->holder);
    if (l->table)
        munmap(l->table, l->table_bytes);
    pthread_mutex_destroy(&l->lock);
}

/* The commit that writers of this process keep.  One that has committed may still be on its way out
 * when the next begins: only the last gives it back. */
static void keep(lmdb_txn *t)
{
    lmdb_log *l = &((lmdb_env *)t->base.env)->log;

    if (!l->usable)
        return;
    pthread_mutex_lock(&l->lock);
    l->keeper = t;
    __atomic_store_n(l->slot, log_has_records(&l->file) ? l->file.base : NO_COMMIT,
                     __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&l->lock);
}

void crm__lmdb_log_end(lmdb_txn *t)
{
    lmdb_log *l = &((lmdb_env *)t->base.env)->log;

    if (!l->usable)
        return;
    pthread_mutex_lock(&l->lock);
    if (l->keeper == t) {
        l->keeper = NULL;
        __atomic_store_n(l->slot, NO_COMMIT, __ATOMIC_SEQ_CST);
    }
    pthread_mutex_unlock(&l->lock);
}

/* ---- the log and the data file ---- */

static int data_fd(lmdb_env *e)
{
    int fd = -1;

    return mdb_env_get_fd(e->env, &fd) ? -1 : fd;
}

/* A page joins the check; 0 or an errno. */
static int add_page(int fd, uint32_t psize, uint64_t page, uint8_t *p, uint64_t *check)
{
    ssize_t n;

    if (psize > ROOT_PAGE || page > PAGE_LAST_MAX)
        return EINVAL;
    n = pread(fd, p, psize, (off_t)(page * psize));
    if (n != (ssize_t)psize)
        return n < 0 ? errno : EINVAL;
    *check = *check * UINT64_C(0x9E3779B97F4A7C15) + crm__log_page_check(p, psize);
    return 0;
}

int crm__lmdb_root_check(int fd, uint32_t psize, const uint8_t meta[LOG_META], uint64_t *root)
{
    uint64_t page = crm__page_db_parse(meta + META_MAIN).root;
    uint8_t directory[ROOT_PAGE], p[ROOT_PAGE];
    int rc;

    *root = 0;
    if (page == PAGE_NONE)
        return 0;
    rc = add_page(fd, psize, page, directory, root);
    if (rc || crm__page_check(directory, psize, page, PAGE_USE_MAIN) || !page_is_leaf(directory))
        return rc;
    for (unsigned i = 0; i < page_count(directory) && !rc; i++) {
        const uint8_t *node = page_node(directory, i);
        if (node_flags(node) != NODE_DB || node_size(node) != PAGE_DB_BYTES)
            continue;
        page = crm__page_db_parse(node_data(node)).root;
        if (page != PAGE_NONE)
            rc = add_page(fd, psize, page, p, root);
    }
    return rc;
}

int crm__lmdb_meta(int fd, uint32_t psize, uint64_t commit, uint8_t out[LOG_META], uint64_t *root)
{
    ssize_t n = pread(fd, out, LOG_META, (off_t)((commit & 1) * psize + PAGE_HEAD));

    if (n < 0)
        return errno;
    if (n != LOG_META || crm__get_le64(out + LOG_META - 8) != commit)
        return EIO;
    return crm__lmdb_root_check(fd, psize, out, root);
}

/* The log's results as errno, which is what LMDB gives too. */
static int log_sys(const lmdb_log *l, int rc)
{
    return !rc ? 0 : rc == CRM_ENOMEM ? ENOMEM : l->file.sys ? l->file.sys : EIO;
}

/* The file open, if there is one or it is to be made.  *fresh: it was not before. */
static int open_log(lmdb_env *e, int make, int *fresh)
{
    lmdb_log *l = &e->log;
    const char *dir;
    int rc;

    *fresh = l->file.fd < 0;
    if (!*fresh)
        return 0;
    rc = mdb_env_get_path(e->env, &dir);
    if (rc)
        return rc;
    rc = crm__log_open(&l->file, dir, make);
    return rc == CRM_ENOTFOUND && !make ? 0 : log_sys(l, rc);
}

/* Reads what others have written since we did.  The state of the log is then that of `commit`. */
static int look(lmdb_env *e, uint64_t commit)
{
    lmdb_log *l = &e->log;
    int fresh, rc = open_log(e, 0, &fresh);

    /* Another may have begun it anew without a commit. */
    if (rc || l->file.fd < 0 || (!fresh && l->seen == commit && crm__log_current(&l->file))) {
        l->seen = rc ? 0 : commit;
        return rc;
    }
    l->seen = 0;
    rc = crm__log_read(&l->file, e->base.mem, commit);
    if (rc == CRM_ENOTFOUND) {
        l->file.generation = 0;
        l->file.base = l->file.last = 0;
    } else if (rc) {
        return log_sys(l, rc);
    }
    l->seen = commit;
    return 0;
}

/* The data file could not be synced.  The kernel may take a page that it could not write for clean the
 * next time: then only the log knows what was in it, for every process. */
static int give_up(lmdb_env *e, int sys)
{
    atomic_store(&e->poisoned, 1);
    crm__log_doubt(&e->log.file);
    return sys;
}

/* Begins the log anew behind the data file's last commit, which is brought to the disk before when
 * the log has records. */
static int renew(lmdb_env *e, uint64_t commit, int sync)
{
    lmdb_log *l = &e->log;
    uint8_t meta[LOG_META];
    uint64_t root;
    int fd = data_fd(e), dead, rc;

    if (atomic_load(&e->poisoned))
        return EIO;
    if (sync && crm__log_doubted(&l->file))
        return give_up(e, EIO);
    if (sync && fdatasync(fd))
        return give_up(e, errno);
    rc = crm__lmdb_meta(fd, e->file.psize, commit, meta, &root);
    if (!rc)
        rc = log_sys(l, crm__log_begin(&l->file, commit, e->file.psize, meta, root, sync));
    if (!rc)
        mdb_reader_check(e->env, &dead); /* killed writers keep the old base */
    return rc;
}

/* ---- transactions ---- */

/* Pages that are free since the base can't be used before the log begins anew: not where they may
 * be the last. */
static int has_room(lmdb_env *e)
{
    MDB_envinfo info;

    mdb_env_info(e->env, &info);
    return (uint64_t)info.me_last_pgno + 2 * PAGES_MOST < e->file.most;
}

/* A part of the file, within bounds. */
static uint64_t pages_part(uint64_t last_page, uint64_t part)
{
    uint64_t pages = last_page / part;

    return pages < PAGES_LEAST ? PAGES_LEAST : pages > PAGES_MOST ? PAGES_MOST : pages;
}

/* Pages that commits with so many changes, of so many bytes, have written, about; as many are free then. */
static uint64_t pages_of(lmdb_env *e, uint64_t commits, uint64_t changes, uint64_t bytes)
{
    return commits * PAGES_COMMIT + changes + bytes / e->file.psize;
}

static uint64_t pages_since(lmdb_env *e)
{
    const crm__log *l = &e->log.file;

    return pages_of(e, l->last - l->base, l->changes, log_bytes(l) + l->patched);
}

/* Whether the file has grown since the base though there are pages, enough for a sync of the data file, that
 * wait for the log alone and not for the snapshot of a reader: begun anew now, the log lets the open transaction
 * use them. */
static int grows_for_log(lmdb_env *e, uint64_t commit)
{
    const crm__log *l = &e->log.file;
    uint64_t pages = pages_since(e), most, oldest;
    MDB_envinfo info;

    mdb_env_info(e->env, &info);
    most = pages_part(info.me_last_pgno, GROWTH_PART);
    if ((uint64_t)info.me_last_pgno <= crm__get_le64(l->meta + META_LAST) || pages < most)
        return 0;
    oldest = crm__lmdb_oldest(e, commit);
    return oldest > l->base && pages * (oldest - l->base) / (l->last - l->base) >= most;
}

int crm__lmdb_log_begin(lmdb_txn *t)
{
    lmdb_env *e = (lmdb_env *)t->base.env;
    lmdb_log *l = &e->log;
    uint64_t commit = mdb_txn_id(t->txn) - 1;
    int rc = look(e, commit), records = !rc && log_has_records(&l->file);

    if (records && l->wait <= FIRST_COMMITS)
        l->wait = 0; /* somebody has begun it */
    l->recording = !rc && l->usable && !l->wait && has_room(e);
    /* Without a slot the pages of the base may be written over. */
    if (records && (!l->recording || grows_for_log(e, commit)))
        rc = renew(e, commit, 1);
    if (l->recording)
        crm__log_record(&l->record);
    keep(t);
    return rc;
}

/* The change as a patch of the value before, when that is small. */
static int as_patch(lmdb_txn *t, kv_space space, crm__slice key, crm__slice value)
{
    lmdb_log *l = &((lmdb_env *)t->base.env)->log;
    crm__slice before;

    if (value.n < CRM__PATCH_LEAST || value.n > CRM__PATCH_MOST ||
        lmdb_poisoned(&t->base) || crm__lmdb_get(t, space, key, &before))
        return 0;
    l->patch.n = 0;
    l->patch.failed = 0;
    return crm__patch_make(before, value, &l->patch) && !l->patch.failed;
}

size_t crm__lmdb_log_add(lmdb_txn *t, kv_log_what what, kv_space space, crm__slice key,
                         crm__slice value)
{
    lmdb_log *l = &((lmdb_env *)t->base.env)->log;
    size_t at = l->record.n;

    t->changes++;
    if (!l->recording)
        return 0;
    if (t->bytes + key.n + value.n > RECORD_MOST)
        l->recording = 0;
    else if (what == LOG_PUT && as_patch(t, space, key, value))
        crm__log_add(&l->record, LOG_PATCH, space, key, crm__slice_of(l->patch.p, l->patch.n));
    else
        crm__log_add(&l->record, what, space, key, value);
    return at;
}

void crm__lmdb_log_cut(lmdb_txn *t, size_t at)
{
    lmdb_log *l = &((lmdb_env *)t->base.env)->log;

    t->changes--;
    if (l->recording)
        l->record.n = at;
}

static uint64_t pages_most(lmdb_env *e)
{
    MDB_envinfo info;

    mdb_env_info(e->env, &info);
    return pages_part(info.me_last_pgno, PAGES_PART);
}

/* The file made, if there is none, and on the disk. */
static int have_file(lmdb_env *e, uint64_t commit)
{
    lmdb_log *l = &e->log;
    const char *dir;
    int fresh, rc = open_log(e, 1, &fresh);

    if (rc || (!fresh && l->file.generation))
        return rc;
    rc = crm__log_read(&l->file, e->base.mem, commit);
    if (rc != CRM_ENOTFOUND)
        return log_sys(l, rc);
    rc = mdb_env_get_path(e->env, &dir);
    return rc ? rc : log_sys(l, crm__log_secure(&l->file, dir));
}

/* The log ready for the record of the open transaction. */
static int make_ready(lmdb_env *e, uint64_t commit, uint64_t pages)
{
    lmdb_log *l = &e->log;
    int rc = have_file(e, commit);

    if (rc)
        return rc;
    if (log_has_records(&l->file)) {
        if (l->file.last == commit && pages_since(e) + pages <= pages_most(e) &&
            l->file.end + l->record.n + LOG_RECORD <= LOG_MOST)
            return 0;
        return renew(e, commit, 1);
    }
    return l->file.generation && l->file.base == commit ? 0 : renew(e, commit, 0);
}

/* Writes the record: 1 when it is on the disk, 0 when the commit has to go LMDB's way, -1 when
 * nothing is known of the disk any more. */
static int write_record(lmdb_env *e, uint64_t commit, uint64_t pages, crm__log *before)
{
    lmdb_log *l = &e->log;
    int lasting = 0;

    if (!l->recording || l->record.failed)
        return 0;
    if (make_ready(e, commit, pages)) {
        l->wait = AFTER_FAILURE;
        return atomic_load(&e->poisoned) ? -1 : 0;
    }
    *before = l->file;
    if (!crm__log_append(&l->file, &l->record, &lasting))
        return 1;
    return lasting ? -1 : 0;
}

/* LMDB's commit, whose sync the log has made.  One that fails must not come back with the next
 * opening. */
static int commit_logged(lmdb_env *e, lmdb_txn *t, const crm__log *before)
{
    int rc;

    mdb_env_set_flags(e->env, MDB_NOSYNC, 1);
    rc = crm__lmdb_commit(t->txn);
    mdb_env_set_flags(e->env, MDB_NOSYNC, 0);
    if (rc && crm__log_take_back(&e->log.file, before))
        atomic_store(&e->poisoned, 1);
    return rc;
}

/* Before a commit that goes LMDB's way: no record of the log may take it back, neither those before
 * it nor one that a killed writer has left in its place. */
static int clear_way(lmdb_env *e, uint64_t commit)
{
    lmdb_log *l = &e->log;

    if (!log_has_records(&l->file) && !crm__log_goes_on(&l->file, e->base.mem))
        return 0;
    return renew(e, commit, 1);
}

int crm__lmdb_log_commit(lmdb_txn *t)
{
    lmdb_env *e = (lmdb_env *)t->base.env;
    lmdb_log *l = &e->log;
    uint64_t commit = mdb_txn_id(t->txn) - 1;
    uint64_t pages = pages_of(e, 1, t->changes, t->bytes);
    crm__log before;
    int logged, rc = 0;

    if (!t->changes)
        return crm__lmdb_commit(t->txn);
    logged = write_record(e, commit, pages, &before);
    if (logged < 0) {
        atomic_store(&e->poisoned, 1);
        rc = log_sys(l, CRM_EIO);
    } else if (!logged) {
        rc = clear_way(e, commit);
    }
    if (rc) {
        crm__lmdb_abort(t->txn);
        return rc;
    }
    rc = logged ? commit_logged(e, t, &before) : crm__lmdb_commit(t->txn);
    if (rc == CRM__LMDB_POISON)
        crm__lmdb_abort(t->txn); /* an assertion left it open, with the writer's lock */
    if (rc) {
        l->wait = AFTER_FAILURE;
        return rc;
    }
    l->seen = commit + 1;
    l->wait -= l->wait > 0;
    return 0;
}

void crm__lmdb_settle(kv_env *env)
{
    lmdb_env *e = (lmdb_env *)env;
    lmdb_log *l = &e->log;
    const char *dir;
    MDB_txn *txn;
    uint64_t commit;
    int rc;

    if (!l->usable || atomic_load(&e->poisoned) || crm__lmdb_begin(e->env, 0, &txn))
        return;
    commit = mdb_txn_id(txn) - 1;
    rc = look(e, commit);
    if (!rc)
        rc = clear_way(e, commit);
    crm__lmdb_abort(txn);
    if (rc || l->file.fd < 0 || mdb_env_get_path(e->env, &dir))
        return;
    crm__log_close(&l->file);
    crm__log_remove(dir);
}
