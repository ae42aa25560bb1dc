/* SPDX-License-Identifier: MIT
 * Threads, processes and locks used as they must not be: each gives its documented code, and what
 * was there goes on.
 */
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#define OK(call)                                                                                   \
    do {                                                                                           \
        crm_error err_ = CRM_ERROR_INIT;                                                           \
        fault_is((call), CRM_OK, &err_, #call);                                                    \
    } while (0)

static crm_id create(crm_txn *txn, const char *name)
{
    crm_error err = CRM_ERROR_INIT;
    char json[100];
    crm_id id = 0;

    snprintf(json, sizeof json, "{\"name\":\"%s\"}", name);
    fault_is(crm_customer_create_json(txn, json, CRM_NUL, &id, &err), CRM_OK, &err, "create");
    return id;
}

static void write_one(crm_db *db, const char *name)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;

    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
    create(txn, name);
    fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "commit");
}

static uint64_t count(crm_db *db)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db_stat st;

    fault_is(crm_db_stat_get(db, sizeof st, &st, &err), CRM_OK, &err, "stat");
    return st.customers;
}

static int open_code(const char *dir, crm_db **db)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = crm_db_open(dir, NULL, db, &err);

    ck_assert(rc == CRM_OK || (!*db && err.code == rc && err.message[0]));
    return rc;
}

/* In a child the code is the line that failed, modulo 251, never 0. */
#define CHILD(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "line %d: %s\n", __LINE__, #x);                                        \
            return __LINE__ % 251 + 1;                                                             \
        }                                                                                          \
    } while (0)

/* ---- threads ---- */

static void *meddle(void *ctx)
{
    crm_txn *txn = ctx;
    crm_error err = CRM_ERROR_INIT;
    crm_savepoint mark;
    crm_customer *c;
    char *json = NULL;

    ck_assert_int_eq(crm_customer_create_json(txn, "{\"name\":\"b\"}", CRM_NUL, NULL, &err),
                     CRM_ETHREAD);
    ck_assert_int_eq(err.code, CRM_ETHREAD);
    ck_assert_int_eq(crm_customer_get_json(txn, 1, 0, &json, NULL, NULL), CRM_ETHREAD);
    ck_assert_int_eq(crm_customer_new(txn, &c, NULL), CRM_ETHREAD);
    ck_assert_int_eq(crm_customer_delete(txn, 1, 0, NULL), CRM_ETHREAD);
    ck_assert_int_eq(crm_txn_savepoint(txn, &mark, NULL), CRM_ETHREAD);
    ck_assert_int_eq(crm_txn_commit(txn, NULL), CRM_ETHREAD);
    ck_assert_int_eq(crm_txn_abort(txn), CRM_ETHREAD);
    return NULL;
}

CRM_TEST(test_fault_lock__write_transaction_stays_on_its_thread)
{
    crm_db *db = fault_open(fault_path("db"), NULL);
    pthread_t thread;
    crm_txn *txn;

    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err_));
    create(txn, "a");
    pthread_create(&thread, NULL, meddle, txn);
    pthread_join(thread, NULL);
    create(txn, "c");
    OK(crm_txn_commit(txn, &err_));
    ck_assert_uint_eq(count(db), 2);
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err_));
    ck_assert_int_eq(crm_txn_begin(db, CRM_WRITE, NULL, &(crm_txn *){NULL}, NULL), CRM_ESTATE);
    pthread_create(&thread, NULL, meddle, txn);
    pthread_join(thread, NULL);
    OK(crm_txn_abort(txn));
    write_one(db, "d");
    ck_assert_uint_eq(count(db), 3);
    crm_db_close(db);
}

static void *read_elsewhere(void *ctx)
{
    char *json;

    OK(crm_customer_get_json(ctx, 1, 0, &json, NULL, &err_));
    crm_free(json);
    OK(crm_txn_commit(ctx, &err_));
    return NULL;
}

CRM_TEST(test_fault_lock__read_transaction_moves_between_threads)
{
    crm_db *db = fault_open(fault_path("db"), NULL);
    pthread_t thread;
    crm_txn *txn;

    write_one(db, "a");
    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, &err_));
    pthread_create(&thread, NULL, read_elsewhere, txn);
    pthread_join(thread, NULL);
    crm_db_close(db);
}

static int write_in_child(void *ctx)
{
    crm_db *db;
    crm_txn *txn;

    CHILD(crm_db_open(ctx, NULL, &db, NULL) == CRM_OK);
    CHILD(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
    CHILD(crm_customer_create_json(txn, "{\"name\":\"child\"}", CRM_NUL, NULL, NULL) == CRM_OK);
    CHILD(crm_txn_commit(txn, NULL) == CRM_OK);
    crm_db_close(db);
    return 0;
}

/* A thread that ends with its write transaction open.  Its own process can't write any more, since
 * nobody can end the transaction; it can read, and other processes can write. */
static void *leave_open(void *ctx)
{
    crm_txn *txn;

    OK(crm_txn_begin(ctx, CRM_WRITE, NULL, &txn, &err_));
    create(txn, "never");
    return NULL;
}

static int do_nothing(crm_txn *txn, void *ctx)
{
    (void)txn;
    (void)ctx;
    return CRM_OK;
}

static void *wait_to_write(void *ctx)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = crm_db_write(ctx, NULL, do_nothing, NULL, &err);

    return rc == CRM_EPOISONED && err.code == rc ? NULL : ctx;
}

static int lose_a_thread(void *ctx)
{
    pthread_t thread, waiting[2];
    void *result = ctx;
    crm_txn *txn;
    crm_db *db = fault_open(ctx, NULL);

    write_one(db, "a");
    pthread_create(&thread, NULL, leave_open, db);
    pthread_join(thread, NULL);
    CHILD(count(db) == 1);
    for (int i = 0; i < 2; i++)
        pthread_create(&waiting[i], NULL, wait_to_write, db);
    CHILD(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_EPOISONED);
    for (int i = 0; i < 2; i++) {
        pthread_join(waiting[i], &result);
        CHILD(result == NULL);
    }
    CHILD(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_EPOISONED);
    CHILD(crm_db_write(db, NULL, do_nothing, NULL, NULL) == CRM_EPOISONED);
    fault_child(write_in_child, ctx, 0, "another process");
    CHILD(count(db) == 2);
    crm_db_close(db);
    return 0;
}

CRM_TEST(test_fault_lock__thread_ends_inside_its_write_transaction)
{
    char dir[512];

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    fault_child(lose_a_thread, dir, 0, "a process that lost a thread");
    fault_clean(dir, "after a thread's end");
}

/* ---- one folder, several handles ---- */

CRM_TEST(test_fault_lock__second_open_shares)
{
    char dir[512], other[512];
    crm_db *a, *b, *c;
    crm_txn *txn;

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    snprintf(other, sizeof other, "%s", fault_path("link"));
    a = fault_open(dir, NULL);
    ck_assert_int_eq(symlink(dir, other), 0);
    b = fault_open(other, NULL);
    write_one(a, "a");
    ck_assert_uint_eq(count(b), 1);
    OK(crm_txn_begin(a, CRM_WRITE, NULL, &txn, &err_));
    ck_assert_int_eq(crm_txn_begin(b, CRM_WRITE, NULL, &(crm_txn *){NULL}, NULL), CRM_ESTATE);
    OK(crm_txn_abort(txn));
    crm_db_close(a);
    write_one(b, "b");
    c = fault_open(dir, NULL);
    ck_assert_uint_eq(count(c), 2);
    crm_db_close(b);
    write_one(c, "c");
    crm_db_close(c);
    fault_clean(dir, "after two handles");
}

/* ---- fork ---- */

typedef struct inherited {
    crm_db *db;
    crm_txn *read, *write;
    crm_customer_iter *it;
    crm_customer *c;
    const char *dir;
} inherited;

static int every_call_says_forked(inherited *h)
{
    crm_savepoint mark;
    crm_space_stat space;
    crm_customer *c;
    crm_db_stat st;
    crm_field f;
    char *text;
    size_t pos = 0, n;
    crm_txn *txn;
    crm_id id;

    CHILD(crm_txn_begin(h->db, CRM_READ, NULL, &txn, NULL) == CRM_EFORKED);
    CHILD(crm_txn_begin(h->db, CRM_WRITE, NULL, &txn, NULL) == CRM_EFORKED);
    CHILD(crm_db_write(h->db, NULL, do_nothing, NULL, NULL) == CRM_EFORKED);
    CHILD(crm_db_stat_get(h->db, sizeof st, &st, NULL) == CRM_EFORKED);
    CHILD(crm_db_space_next(h->db, &pos, &space, NULL) == CRM_EFORKED);
    CHILD(crm_field_find(h->read, "name", CRM_NUL, &f, NULL) == CRM_EFORKED);
    CHILD(crm_field_next(h->read, &pos, &f, NULL) == CRM_EFORKED);
    CHILD(crm_model_text(h->read, &text, NULL, NULL, NULL) == CRM_EFORKED);
    CHILD(crm_model_plan(h->read, "crm: 1", CRM_NUL, NULL, NULL, NULL) == CRM_EFORKED);
    CHILD(crm_customer_new(h->read, &c, NULL) == CRM_EFORKED);
    CHILD(crm_customer_get(h->read, 1, h->c, NULL) == CRM_EFORKED);
    CHILD(crm_customer_get_json(h->read, 1, 0, &text, NULL, NULL) == CRM_EFORKED);
    CHILD(crm_customer_validate_json(h->read, "{}", CRM_NUL, &text, NULL, NULL) == CRM_EFORKED);
    CHILD(crm_customer_next(h->it, &c, NULL) == CRM_EFORKED);
    CHILD(crm_customer_list(h->read, NULL, &(crm_customer_iter *){NULL}, NULL) == CRM_EFORKED);
    memset(&f, 0, sizeof f);
    CHILD(crm_customer_find(h->read, &f, NULL, "x", 1, &id, 1, &n, NULL) == CRM_EFORKED);
    CHILD(crm_customer_create_json(h->write, "{}", CRM_NUL, &id, NULL) == CRM_EFORKED);
    CHILD(crm_customer_create(h->write, h->c, &id, NULL) == CRM_EFORKED);
    CHILD(crm_customer_delete(h->write, 1, 0, NULL) == CRM_EFORKED);
    CHILD(crm_model_apply(h->write, "crm: 1", CRM_NUL, 0, NULL, NULL, NULL) == CRM_EFORKED);
    CHILD(crm_txn_savepoint(h->write, &mark, NULL) == CRM_EFORKED);
    CHILD(crm_txn_rollback(h->write, 1, NULL) == CRM_EFORKED);
    CHILD(crm_txn_revision(h->read) == 0);
    return 0;
}

static int use_inherited(void *ctx)
{
    inherited *h = ctx;
    int rc = every_call_says_forked(h);

    CHILD(rc == 0);
    crm_customer_list_close(h->it);
    CHILD(crm_txn_commit(h->write, NULL) == CRM_EFORKED);
    crm_txn_abort(h->read);
    crm_customer_free(h->c);
    crm_db_close(h->db);
    return 0;
}

/* A fresh open in the child, beside the inherited handle and after it. */
static int open_fresh(void *ctx)
{
    inherited *h = ctx;
    char *json;
    crm_txn *txn;
    crm_db *db;

    CHILD(crm_db_open(h->dir, NULL, &db, NULL) == CRM_OK);
    CHILD(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL) == CRM_OK);
    CHILD(crm_customer_get_json(txn, 1, 0, &json, NULL, NULL) == CRM_OK);
    crm_free(json);
    crm_txn_abort(txn);
    crm_db_close(h->db);
    CHILD(crm_db_stat_get(db, sizeof(crm_db_stat), &(crm_db_stat){0}, NULL) == CRM_OK);
    crm_db_close(db);
    return 0;
}

CRM_TEST(test_fault_lock__forked_handles)
{
    inherited h;
    char dir[512];

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    h.dir = dir;
    h.db = fault_open(dir, NULL);
    write_one(h.db, "a");
    OK(crm_txn_begin(h.db, CRM_READ, NULL, &h.read, &err_));
    OK(crm_customer_new(h.read, &h.c, &err_));
    OK(crm_customer_list(h.read, NULL, &h.it, &err_));
    OK(crm_txn_begin(h.db, CRM_WRITE, NULL, &h.write, &err_));
    create(h.write, "b");
    fault_child(use_inherited, &h, 0, "inherited handles");
    fault_child(open_fresh, &h, 0, "fresh handle");
    /* The parent's go on. */
    create(h.write, "c");
    OK(crm_txn_commit(h.write, &err_));
    OK(crm_customer_get(h.read, 1, h.c, &err_));
    OK(crm_customer_next(h.it, &(crm_customer *){NULL}, &err_));
    ck_assert_int_eq(crm_customer_next(h.it, &(crm_customer *){NULL}, NULL), CRM_DONE);
    crm_customer_list_close(h.it);
    crm_customer_free(h.c);
    OK(crm_txn_abort(h.read));
    fault_child(write_in_child, dir, 0, "writer");
    ck_assert_uint_eq(count(h.db), 4);
    write_one(h.db, "d");
    crm_db_close(h.db);
    fault_clean(dir, "after forks");
}

static atomic_int opening, stop_opening;

static void *open_and_close(void *ctx)
{
    while (!atomic_load(&stop_opening)) {
        crm_db *db;
        if (crm_db_open(ctx, NULL, &db, NULL))
            abort();
        atomic_fetch_add(&opening, 1);
        crm_db_close(db);
    }
    return NULL;
}

CRM_TEST(test_fault_lock__fork_while_another_thread_opens)
{
    char dir[512];
    pthread_t thread;

    if (!oom_possible())
        return; /* the allocator of a sanitizer does not outlive a fork among threads */
    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    crm_db_close(fault_open(dir, NULL));
    pthread_create(&thread, NULL, open_and_close, dir);
    while (!atomic_load(&opening))
        usleep(100);
    for (int i = 0; i < 60; i++) {
        usleep((unsigned)(i * 37 % 500));
        fault_child(write_in_child, dir, 0, "child of a process that opens");
    }
    atomic_store(&stop_opening, 1);
    pthread_join(thread, NULL);
    {
        crm_db *db = fault_open(dir, NULL);
        ck_assert_uint_eq(count(db), 60);
        crm_db_close(db);
    }
    fault_clean(dir, "after forks");
}

/* ---- a second copy of the library ---- */

/* The shared library of this build: CRM_SO, or where the build folder has it. */
static void *second_copy(const char *to)
{
    char exe[512], cmd[1200];
    const char *so = getenv("CRM_SO");
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 32);

    ck_assert_int_gt(n, 0);
    exe[n] = 0;
    if (!so) {
        for (int up = 0; up < 2; up++)
            *strrchr(exe, '/') = 0;
        strcat(exe, "/src/libcrm.so.0");
        so = exe;
    }
    if (access(so, R_OK))
        return NULL;
    snprintf(cmd, sizeof cmd, "cp -L '%s' '%s'", so, to);
    ck_assert_int_eq(system(cmd), 0);
    return dlopen(to, RTLD_NOW | RTLD_LOCAL);
}

typedef int (*open_fn)(const char *, const crm_db_options *, crm_db **, crm_error *);
typedef void (*close_fn)(crm_db *);

CRM_TEST(test_fault_lock__second_copy_of_the_library)
{
    char dir[512], copy[512];
    open_fn other_open;
    close_fn other_close;
    crm_error err = CRM_ERROR_INIT;
    crm_db *mine, *other = NULL;
    void *lib;

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    snprintf(copy, sizeof copy, "%s", fault_path("libcopy.so"));
    lib = second_copy(copy);
    if (!lib) {
        printf("no shared library to load: set CRM_SO\n");
        ck_assert_ptr_null(getenv("CRM_SO"));
        return;
    }
    *(void **)&other_open = dlsym(lib, "crm_db_open");
    *(void **)&other_close = dlsym(lib, "crm_db_close");
    ck_assert(other_open && other_close && other_open != crm_db_open);
    mine = fault_open(dir, NULL);
    ck_assert_int_eq(other_open(dir, NULL, &other, &err), CRM_EOPEN);
    ck_assert_ptr_null(other);
    write_one(mine, "a");
    crm_db_close(mine);
    ck_assert_int_eq(other_open(dir, NULL, &other, &err), CRM_OK);
    ck_assert_int_eq(open_code(dir, &mine), CRM_EOPEN);
    other_close(other);
    mine = fault_open(dir, NULL);
    ck_assert_uint_eq(count(mine), 1);
    crm_db_close(mine);
}

/* ---- crm.lock ---- */

static int hold_byte(const char *dir, off_t at, short type)
{
    struct flock l;
    char path[600];
    int fd;

    snprintf(path, sizeof path, "%s/crm.lock", dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    memset(&l, 0, sizeof l);
    l.l_type = type;
    l.l_whence = SEEK_SET;
    l.l_start = at;
    l.l_len = 1;
    if (fcntl(fd, F_OFD_SETLK, &l)) {
        close(fd);
        return -1;
    }
    return fd;
}

CRM_TEST(test_fault_lock__equal_pid)
{
    char dir[512];
    crm_db *db;
    int fd;

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    fd = hold_byte(dir, (off_t)getpid(), F_WRLCK);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(open_code(dir, &db), CRM_EOPEN);
    close(fd);
    db = fault_open(dir, NULL);
    ck_assert_int_eq(hold_byte(dir, (off_t)getpid(), F_WRLCK), -1);
    write_one(db, "a");
    crm_db_close(db);
    fd = hold_byte(dir, (off_t)getpid(), F_WRLCK);
    ck_assert_int_ge(fd, 0);
    close(fd);
    fault_clean(dir, "after an equal pid");
}

CRM_TEST(test_fault_lock__data_file_being_replaced)
{
    char dir[512];
    crm_db *db;
    int fd;

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    fd = hold_byte(dir, 0, F_WRLCK);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(open_code(dir, &db), CRM_EBUSY);
    close(fd);
    db = fault_open(dir, NULL);
    ck_assert_int_eq(hold_byte(dir, 0, F_WRLCK), -1);
    crm_db_close(db);
}

/* ---- readers ---- */

typedef struct reader {
    const char *dir;
    int ready;
} reader;

static int read_and_wait(void *ctx)
{
    reader *r = ctx;
    crm_txn *txn;
    crm_db *db;

    CHILD(crm_db_open(r->dir, NULL, &db, NULL) == CRM_OK);
    CHILD(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL) == CRM_OK);
    CHILD(write(r->ready, "x", 1) == 1);
    for (;;)
        pause();
}

/* A process with a reader, killed. */
static void dead_reader(const char *dir)
{
    reader r = {dir, -1};
    int fd[2];
    char c;
    pid_t pid;

    ck_assert_int_eq(pipe(fd), 0);
    r.ready = fd[1];
    pid = fault_fork(read_and_wait, &r);
    ck_assert_int_eq(read(fd[0], &c, 1), 1);
    kill(pid, SIGKILL);
    ck_assert_int_eq(fault_ended(pid), -SIGKILL);
    close(fd[0]);
    close(fd[1]);
}

CRM_TEST(test_fault_lock__readers_of_the_dead_are_cleared)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    char dir[512];
    crm_db_stat st;
    crm_txn *txn;
    crm_db *db;

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    o.max_readers = 4;
    db = fault_open(dir, &o);
    write_one(db, "a");
    /* More than there are slots, one after another. */
    for (int i = 0; i < 10; i++) {
        dead_reader(dir);
        write_one(db, "b");
        OK(crm_txn_begin(db, CRM_READ, NULL, &txn, &err_));
        OK(crm_txn_abort(txn));
    }
    crm_db_close(db);
    dead_reader(dir);
    db = fault_open(dir, &o);
    OK(crm_db_stat_get(db, sizeof st, &st, &err_));
    ck_assert_uint_le(st.readers, 1);
    ck_assert_uint_eq(st.oldest_reader_commits, 0);
    ck_assert_uint_eq(st.customers, 11);
    crm_db_close(db);
}

/* ---- a writer killed as its commit ends ---- */

static int write_in_another(void *ctx)
{
    crm_db *db;

    CHILD(crm_db_open(ctx, NULL, &db, NULL) == CRM_OK);
    write_one(db, "late");
    crm_db_close(db);
    return 0;
}

/* A process that dies with the engine's lock for writers. */
static int die_writing(void *dir)
{
    crm_db *db;
    crm_txn *txn;

    if (!crm_db_open(dir, NULL, &db, NULL) && !crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL))
        raise(SIGKILL);
    return 1;
}

/* Takes back by one the number of the last commit that the lock file tells readers: as it is while
 * the last page of a commit is being written.  Files begin at number 1,000.  In a child, because
 * closing the file would give up the locks of a process that has the database open. */
static int untell_last_commit(void *ctx)
{
    char path[600];
    uint64_t head[16];
    int fd, told = 0;

    snprintf(path, sizeof path, "%s/lock.mdb", (const char *)ctx);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CHILD(fd >= 0 && pread(fd, head, sizeof head, 0) == sizeof head);
    for (int i = 0; i < 16; i++) {
        if (head[i] < 1000 || head[i] > 1100)
            continue;
        head[i]--;
        CHILD(pwrite(fd, &head[i], sizeof head[i], i * (off_t)sizeof head[i]) == sizeof head[i]);
        told++;
    }
    CHILD(told == 1);
    return 0;
}

static uint64_t expected;

static int sees_all(void *ctx)
{
    crm_db *db;

    CHILD(crm_db_open(ctx, NULL, &db, NULL) == CRM_OK);
    CHILD(count(db) == expected);
    write_one(db, "after");
    crm_db_close(db);
    return 0;
}

/* What it committed is there for whoever comes next, not some time later.  With more commits before,
 * even and odd, there is a log. */
static void killed_as_a_commit_ends(uint64_t before)
{
    char dir[512];
    crm_db *db;

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    fault_remove(dir);
    db = fault_open(dir, NULL);
    for (uint64_t i = 0; i < before; i++)
        write_one(db, "a");
    fault_child(write_in_another, dir, 0, "a writer");
    ck_assert_int_eq(fault_ended(fault_fork(die_writing, dir)), -SIGKILL);
    fault_child(untell_last_commit, dir, 0, "the lock file");
    ck_assert_uint_eq(count(db), before);
    expected = before + 1;
    fault_child(sees_all, dir, 0, "the next process");
    ck_assert_uint_eq(count(db), before + 2);
    write_one(db, "b");
    ck_assert_uint_eq(count(db), before + 3);
    crm_db_close(db);
    fault_clean(dir, "after a writer was killed");
}

CRM_TEST(test_fault_lock__killed_as_a_commit_ends)
{
    for (uint64_t before = 1; before < 14; before++)
        killed_as_a_commit_ends(before);
}

CRM_TEST(test_fault_lock__too_many_readers)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn[200];
    crm_db *db;
    int n = 0, rc;

    o.max_readers = 8;
    db = fault_open(fault_path("db"), &o);
    while (n < 200 && (rc = crm_txn_begin(db, CRM_READ, NULL, &txn[n], &err)) == CRM_OK)
        n++;
    fault_is(rc, CRM_EREADERS, &err, "one reader too many");
    ck_assert_int_ge(n, 8);
    write_one(db, "a");
    OK(crm_txn_abort(txn[--n]));
    OK(crm_txn_begin(db, CRM_READ, NULL, &txn[n], &err_));
    n++;
    while (n)
        OK(crm_txn_abort(txn[--n]));
    ck_assert_uint_eq(count(db), 1);
    crm_db_close(db);
}
