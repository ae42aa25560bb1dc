/* SPDX-License-Identifier: MIT
 * Power loss while a database is made.  The system calls that write are replaced in this program,
 * so that the making of a database leaves a log: which bytes were written where, and what was
 * synced when. From the log follows what a disk can hold when the power fails at any moment:
 * everything up to the last sync, and of each page written since then any one version, or none; and
 * a file no longer than what was written, cut at any page.
 *
 * Whatever it holds, opening makes the database anew or goes on with it, and it works.  Once a
 * commit has been acknowledged it is there.
 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, WRITES = 40000, PAGES = 64, COMMITS = 12 };

/* ---- the log ---- */

typedef struct entry {
    uint32_t page;
    int durable; /* on the disk when the call returned */
    size_t n;    /* 0: a sync of all before it */
    uint8_t *bytes;
} entry;

/* A new file has another name at first. */
static const char *const NAMES[2] = {"data.new", "data.mdb"};

static struct {
    atomic_int on;
    entry *list;
    size_t count, dropped;
    size_t renamed, named; /* where in the log it got its name; where that was synced */
    char dir[4096], parent[4096];
    int parent_synced;
} book;

static int is_path(int fd, const char *path)
{
    struct stat a, b;

    return !fstat(fd, &a) && !stat(path, &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int is_data(int fd)
{
    char path[4200];

    for (int i = 0; i < 2 && atomic_load(&book.on); i++) {
        snprintf(path, sizeof path, "%s/%s", book.dir, NAMES[i]);
        if (is_path(fd, path))
            return 1;
    }
    return 0;
}

static void note_page(int durable, uint32_t page, const uint8_t *p, size_t n)
{
    entry *e = &book.list[book.count];

    if (book.count == WRITES) {
        book.dropped++;
        return;
    }
    e->page = page;
    e->durable = durable;
    e->n = n;
    e->bytes = malloc(n ? n : 1);
    if (!e->bytes) {
        book.dropped++;
        return;
    }
    if (n)
        memcpy(e->bytes, p, n);
    book.count++;
}

/* LMDB writes whole pages, and the head of a meta page. */
static void note(int fd, const void *bytes, size_t n, off_t at)
{
    int durable = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    const uint8_t *p = bytes;

    while (n) {
        size_t in = (size_t)at % PAGE, part = PAGE - in < n ? PAGE - in : n;
        uint8_t whole[PAGE] = {0};
        uint32_t page = (uint32_t)(at / PAGE);
        for (size_t i = book.count; i-- > 0 && part < PAGE;) {
            if (book.list[i].n && book.list[i].page == page) {
                memcpy(whole, book.list[i].bytes, PAGE);
                break;
            }
        }
        memcpy(whole + in, p, part);
        note_page(durable, page, whole, PAGE);
        p += part;
        at += (off_t)part;
        n -= part;
    }
}

/* By the name that LMDB was built with, whatever a header makes of pwrite() here. */
ssize_t power_pwrite(int fd, const void *p, size_t n, off_t at) __asm__("pwrite");

ssize_t power_pwrite(int fd, const void *p, size_t n, off_t at)
{
    ssize_t done = syscall(SYS_pwrite64, fd, p, n, at);

    if (done > 0 && is_data(fd))
        note(fd, p, (size_t)done, at);
    return done;
}

ssize_t write(int fd, const void *p, size_t n)
{
    off_t at = atomic_load(&book.on) ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t done = syscall(SYS_write, fd, p, n);

    if (done > 0 && is_data(fd))
        note(fd, p, (size_t)done, at);
    return done;
}

ssize_t writev(int fd, const struct iovec *v, int count)
{
    off_t at = atomic_load(&book.on) ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t done = syscall(SYS_writev, fd, v, count), left = done;

    for (int i = 0; i < count && left > 0 && is_data(fd); i++) {
        size_t n = v[i].iov_len < (size_t)left ? v[i].iov_len : (size_t)left;
        note(fd, v[i].iov_base, n, at);
        at += (off_t)n;
        left -= (ssize_t)n;
    }
    return done;
}

static int synced(int fd, int rc)
{
    if (rc || !atomic_load(&book.on))
        return rc;
    if (is_data(fd))
        note_page(1, 0, NULL, 0);
    if (!book.named && is_path(fd, book.dir) && book.renamed)
        book.named = book.count;
    book.parent_synced |= is_path(fd, book.parent);
    return rc;
}

int fdatasync(int fd)
{
    return synced(fd, (int)syscall(SYS_fdatasync, fd));
}

int fsync(int fd)
{
    return synced(fd, (int)syscall(SYS_fsync, fd));
}

int rename(const char *from, const char *to)
{
    int rc = (int)syscall(SYS_rename, from, to);

    if (!rc && atomic_load(&book.on) && strcmp(strrchr(to, '/'), "/data.mdb") == 0)
        book.renamed = book.count;
    return rc;
}

/* ---- a database is made, and one commit acknowledged ---- */

static crm_id create_one(crm_db *db, const char *name)
{
    crm_error err = CRM_ERROR_INIT;
    char json[3000];
    crm_txn *txn;
    crm_id id;

    snprintf(json, sizeof json, "{\"name\":\"%s\",\"notes\":\"%01000d\",\"score\":7}", name, 7);
    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
    fault_is(crm_customer_create_json(txn, json, CRM_NUL, &id, &err), CRM_OK, &err, "create");
    fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "commit");
    return id;
}

/* Where in the log the making is over, and where the commit has been acknowledged. */
typedef struct bounds {
    size_t aged, opened, acknowledged;
} bounds;

static void make(bounds *b)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;

    snprintf(book.dir, sizeof book.dir, "%s", fault_path("power"));
    snprintf(book.parent, sizeof book.parent, "%s", book.dir);
    *strrchr(book.parent, '/') = 0;
    fault_remove(book.dir);
    free(book.list);
    book.list = calloc(WRITES, sizeof *book.list);
    ck_assert_ptr_nonnull(book.list);
    book.count = book.dropped = book.renamed = book.named = 0;
    book.parent_synced = 0;
    atomic_store(&book.on, 1);
    fault_is(crm_db_open(book.dir, NULL, &db, &err), CRM_OK, &err, "open");
    b->opened = book.count;
    ck_assert(book.named && book.parent_synced); /* the names are as durable as what they name */
    create_one(db, "first");
    b->acknowledged = book.count;
    atomic_store(&book.on, 0);
    crm_db_close(db);
    ck_assert_uint_eq(book.dropped, 0);
    /* The longest stretch without a sync is the ageing. */
    b->aged = 0;
    for (size_t i = 0, begun = 0, longest = 0; i < b->opened; i++) {
        if (book.list[i].n)
            continue;
        if (i - begun > longest) {
            longest = i - begun;
            b->aged = i;
        }
        begun = i;
    }
    ck_assert_uint_gt(b->aged, 1000);
    printf("%zu writes: aged at %zu, open at %zu\n", book.count, b->aged, b->opened);
    fflush(stdout);
}

/* ---- what the disk may hold ---- */

typedef struct disk {
    const uint8_t *page[PAGES]; /* NULL: zeros */
    uint32_t pages;
    int name; /* of NAMES */
} disk;

static void put(disk *d, const entry *e)
{
    ck_assert_uint_lt(e->page, PAGES);
    d->page[e->page] = e->bytes;
    if (e->page >= d->pages)
        d->pages = e->page + 1;
}

/* All that is synced for certain after `at` calls; *from: the first that may be lost. */
static void certain(disk *d, size_t at, size_t *from)
{
    memset(d, 0, sizeof *d);
    d->name = at >= book.named;
    *from = 0;
    for (size_t i = 0; i < at; i++) {
        if (!book.list[i].n)
            *from = i + 1;
    }
    for (size_t i = 0; i < at; i++) {
        if (book.list[i].n && (i < *from || book.list[i].durable))
            put(d, &book.list[i]);
    }
}

/* Everything that was written. */
static void written(disk *d, size_t at)
{
    memset(d, 0, sizeof *d);
    d->name = at >= book.renamed;
    for (size_t i = 0; i < at; i++) {
        if (book.list[i].n)
            put(d, &book.list[i]);
    }
}

/* Of each page what is there for certain, or one of the versions written later. */
static void any(disk *d, size_t at, uint64_t *seed)
{
    size_t from;
    disk sure;

    certain(&sure, at, &from);
    written(d, at);
    for (uint32_t page = 0; page < d->pages; page++) {
        size_t begin = from, versions = 0, wanted;
        for (size_t i = from; i < at; i++) {
            const entry *e = &book.list[i];
            if (!e->n || e->page != page)
                continue;
            versions = e->durable ? 0 : versions + 1;
            begin = e->durable ? i + 1 : begin;
        }
        wanted = crmtest_below(seed, versions + 1);
        if (versions && crmtest_below(seed, 3)) /* mostly a late one */
            wanted = versions - crmtest_below(seed, versions < 3 ? versions : 3);
        d->page[page] = page < sure.pages ? sure.page[page] : NULL;
        for (size_t i = begin; i < at && wanted; i++) {
            const entry *e = &book.list[i];
            if (e->n && e->page == page && --wanted == 0)
                d->page[page] = e->bytes;
        }
    }
    if (d->name != sure.name)
        d->name = (int)crmtest_below(seed, 2);
    if (d->pages > sure.pages)
        d->pages -= (uint32_t)crmtest_below(seed, d->pages - sure.pages + 1);
}

/* ---- what opening makes of it ---- */

typedef struct sight {
    int check, open, customers, first; /* first: the acknowledged customer is there */
    int done;
} sight;

static sight *seen;
static size_t tried, made_anew;

static int by_name(crm_db *db, int *customers, const char *name)
{
    crm_error err = CRM_ERROR_INIT;
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    crm_customer_iter *it;
    crm_customer *c;
    crm_field f;
    crm_txn *txn;
    int rc, found = 0;

    *customers = 0;
    fault_is(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), CRM_OK, &err, "begin");
    fault_is(crm_field_find(txn, "name", CRM_NUL, &f, &err), CRM_OK, &err, "name");
    fault_is(crm_customer_list(txn, &o, &it, &err), CRM_OK, &err, "list");
    while ((rc = crm_customer_next(it, &c, &err)) == CRM_OK) {
        const char *text;
        size_t n;
        fault_is(crm_customer_text(c, &f, 0, &text, &n, &err), CRM_OK, &err, "text");
        found |= n == strlen(name) && memcmp(text, name, n) == 0;
        ++*customers;
    }
    fault_is(rc, CRM_DONE, &err, "next");
    crm_customer_list_close(it);
    crm_txn_abort(txn);
    return found;
}

/* In a child: opens what is left and works with it for a while. */
static void look(const char *dir)
{
    crm_error err = CRM_ERROR_INIT;
    int before, after;
    crm_db *db;

    seen->check = crm_check(dir, NULL, 0, NULL, NULL); /* whatever it says, it lives */
    seen->open = crm_db_open(dir, NULL, &db, &err);
    if (!seen->open) {
        seen->first = by_name(db, &seen->customers, "first");
        before = seen->customers;
        for (int i = 0; i < COMMITS; i++)
            create_one(db, "later");
        crm_db_close(db);
        fault_clean(dir, "after a power loss and some commits");
        fault_is(crm_db_open(dir, NULL, &db, &err), CRM_OK, &err, "open again");
        by_name(db, &after, "later");
        ck_assert_int_eq(after, before + COMMITS);
        crm_db_close(db);
    }
    seen->done = 1;
}

static void try_disk(const disk *d, int acknowledged, const char *label)
{
    static const uint8_t ZERO[PAGE];
    const char *dir = fault_path("after");
    char path[4200];
    int fd, status;
    pid_t pid;

    fault_remove(dir);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    snprintf(path, sizeof path, "%s/%s", dir, NAMES[d->name]);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    for (uint32_t i = 0; i < d->pages; i++)
        ck_assert_int_eq(pwrite(fd, d->page[i] ? d->page[i] : ZERO, PAGE, (off_t)i * PAGE), PAGE);
    close(fd);
    memset(seen, 0, sizeof *seen);
    fflush(stdout);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(crmtest_seconds(20));
        look(dir);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && seen->done, "%s: %s %d", label,
                  WIFEXITED(status) ? "a check failed, exit" : "died by signal",
                  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    ck_assert_msg(seen->open == CRM_OK, "%s: open gives %s", label, crm_error_name(seen->open));
    ck_assert_msg(seen->check == CRM_OK || seen->check == CRM_ENOTFOUND, "%s: crm_check gives %s",
                  label, crm_error_name(seen->check));
    if (acknowledged)
        ck_assert_msg(seen->first && seen->customers == 1, "%s: what was acknowledged is gone",
                      label);
    else
        ck_assert_msg(seen->customers == seen->first, "%s: %d customers", label, seen->customers);
    tried++;
    made_anew += seen->check == CRM_ENOTFOUND;
}

static void set_up(bounds *b)
{
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(seen != MAP_FAILED);
    tried = made_anew = 0;
    make(b);
}

static void tell(const char *what)
{
    printf("%s: %zu states, %zu of them made anew\n", what, tried, made_anew);
    fault_remove(fault_path("after"));
    fault_remove(fault_path("power"));
}

/* ---- cases ---- */

/* Right before the sync that ends the ageing: cut at every page, and each page lost alone. */
CRM_TEST(test_fault_power__ageing_cut_and_zeroed)
{
    char label[100];
    bounds b;
    disk all, d;
    size_t from;

    set_up(&b);
    written(&all, b.aged);
    for (uint32_t pages = 0; pages <= all.pages; pages++) {
        d = all;
        d.pages = pages;
        snprintf(label, sizeof label, "cut to %u pages", pages);
        try_disk(&d, 0, label);
    }
    for (uint32_t page = 0; page < all.pages; page++) {
        d = all;
        d.page[page] = NULL;
        snprintf(label, sizeof label, "page %u of zeros", page);
        try_disk(&d, 0, label);
        certain(&d, b.aged, &from);
        all.page[page] = page < d.pages ? d.page[page] : NULL;
        d = all;
        snprintf(label, sizeof label, "pages to %u as at the last sync", page);
        try_disk(&d, 0, label);
        written(&all, b.aged);
    }
    for (uint32_t page = 2; page < all.pages; page++) {
        d = all;
        for (uint32_t i = page; i < all.pages; i++)
            d.page[i] = NULL;
        snprintf(label, sizeof label, "the tail from page %u of zeros", page);
        try_disk(&d, 0, label);
    }
    tell("cut and zeroed");
}

/* At any moment of the making, any mixture of what was and was not written. */
CRM_TEST(test_fault_power__any_mixture_at_any_moment)
{
    uint64_t seed = crmtest_seed();
    size_t rounds = crmtest_rounds(120, 20000);
    char label[100];
    bounds b;
    disk d;

    set_up(&b);
    for (size_t i = 0; i < rounds; i++) {
        /* All moments, and more often those around the few syncs before and after the ageing. */
        size_t at = i % 2 ? crmtest_below(&seed, b.aged + 1)
                          : b.aged + crmtest_below(&seed, b.acknowledged - b.aged);
        snprintf(label, sizeof label, "mixture %zu after %zu calls (seed %llu)", i, at,
                 (unsigned long long)crmtest_seed());
        any(&d, at, &seed);
        try_disk(&d, 0, label);
    }
    tell("mixtures");
}

/* From the moment on that the commit was acknowledged it is there: with all that came later lost.
 */
CRM_TEST(test_fault_power__acknowledged_is_there)
{
    uint64_t seed = crmtest_seed();
    bounds b;
    size_t from;
    disk d;

    set_up(&b);
    certain(&d, b.acknowledged, &from);
    try_disk(&d, 1, "acknowledged");
    for (int i = 0; i < 20; i++) {
        any(&d, b.acknowledged, &seed);
        try_disk(&d, 1, "acknowledged, mixed");
    }
    tell("acknowledged");
}
