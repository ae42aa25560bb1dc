/* SPDX-License-Identifier: MIT
 * Readers that nobody knows of by crm.lock, because they may not write it: they go by LMDB's lock file alone.
 * What they read stays as it is whatever others do meanwhile, and what would replace the file or set it
 * back is refused or waits.  And readers whose thread or process has died.
 */
#include "damage.h"
#include "power_book.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST = 40, LATER = 60, NOBODY = 65534, POLLS = 20000 };

/* What a reader in another process has to say. */
typedef struct told {
    int rc;         /* of opening, */
    char why[240];  /* and its message */
    int ready, stop; /* it has its snapshot; it may end */
    uint64_t customers, sum, again; /* in its snapshot; the sum of it when it may end */
} told;

static const char *dir_of(void)
{
    static char dir[4096];

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    return dir;
}

static void write_one(crm_db *db, int n)
{
    crm_error err = CRM_ERROR_INIT;
    char json[400];
    crm_txn *txn;

    snprintf(json, sizeof json, "{\"name\":\"n%d\",\"notes\":\"%0300d\",\"score\":%d}", n, n, n % 900);
    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
    fault_is(crm_customer_create_json(txn, json, CRM_NUL, NULL, &err), CRM_OK, &err, "create");
    if (n > 4) /* pages are freed, too */
        fault_is(crm_customer_patch_json(txn, (crm_id)(n / 2), 0, "{\"city\":\"x\"}", CRM_NUL, &err),
                 CRM_OK, &err, "patch");
    fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "commit");
}

static uint64_t customers(crm_db *db)
{
    crm_db_stat st;

    ck_assert_int_eq(crm_db_stat_get(db, sizeof st, &st, NULL), CRM_OK);
    return st.customers;
}

/* All of a snapshot, as one number, and how many customers are in it. */
static uint64_t sum_of(crm_txn *txn, uint64_t *count)
{
    crm_error err = CRM_ERROR_INIT;
    uint64_t sum = 5381;
    int rc = CRM_OK;

    for (*count = 0; !rc; ++*count) {
        char *json;
        size_t n;
        rc = crm_customer_get_json(txn, *count + 1, 0, &json, &n, &err);
        for (size_t i = 0; !rc && i < n; i++)
            sum = sum * 33 + (uint8_t)json[i];
        if (rc)
            break;
        crm_free(json);
    }
    fault_is(rc, CRM_ENOTFOUND, &err, "a customer of the snapshot");
    return sum;
}

static void wait_for(int *flag)
{
    for (int i = 0; i < POLLS && !__atomic_load_n(flag, __ATOMIC_ACQUIRE); i++)
        usleep(1000);
    ck_assert(__atomic_load_n(flag, __ATOMIC_ACQUIRE));
}

/* ---- readers without crm.lock ---- */

/* In a child that may write nothing in the folder but LMDB's lock file. */
static int read_without_rights(void *ctx)
{
    told *t = ctx;
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    uint64_t count;
    crm_txn *txn;
    crm_db *db;

    if (geteuid() == 0)
        ck_assert(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    o.flags = CRM_READONLY;
    t->rc = crm_db_open(dir_of(), &o, &db, &err);
    snprintf(t->why, sizeof t->why, "%s", err.message);
    if (!t->rc) {
        fault_is(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), CRM_OK, &err, "begin");
        t->sum = sum_of(txn, &t->customers);
    }
    __atomic_store_n(&t->ready, 1, __ATOMIC_RELEASE);
    if (t->rc)
        return 0;
    wait_for(&t->stop);
    t->again = sum_of(txn, &count);
    ck_assert_uint_eq(count, t->customers);
    crm_txn_abort(txn);
    crm_db_close(db);
    return 0;
}

/* What a user without rights finds: files to be read, and a lock file that can be written. */
static void take_rights(const char *dir)
{
    ck_assert_int_eq(chmod(fault_path("."), 0755), 0);
    ck_assert_int_eq(chmod(fault_path("db/crm.lock"), 0), 0);
    ck_assert_int_eq(chmod(fault_path("db/lock.mdb"), 0666), 0);
    ck_assert_int_eq(chmod(fault_path("db/data.mdb"), 0644), 0);
    chmod(fault_path("db/data.log"), 0644);
    ck_assert_int_eq(chmod(dir, 0555), 0);
}

static void give_rights(const char *dir)
{
    ck_assert_int_eq(chmod(dir, 0755), 0);
    ck_assert_int_eq(chmod(fault_path("db/crm.lock"), 0600), 0);
}

static pid_t start_reader(told *t)
{
    memset(t, 0, sizeof *t);
    return fault_fork(read_without_rights, t);
}

static void end_reader(pid_t pid, told *t)
{
    __atomic_store_n(&t->stop, 1, __ATOMIC_RELEASE);
    ck_assert_int_eq(fault_ended(pid), 0);
    ck_assert_msg(t->sum == t->again || t->rc, "a snapshot of %llu customers has changed",
                  (unsigned long long)t->customers);
}

static int calls, stop_at, die_at;

static void before_a_write(void)
{
    calls++;
    if (calls == stop_at)
        raise(SIGSTOP);
    if (calls == die_at)
        raise(SIGKILL);
}

static void count_writes(const char *dir, int stop, int die)
{
    calls = 0;
    stop_at = stop;
    die_at = die;
    power_begin(dir);
    power_before(before_a_write);
}

typedef struct share {
    const char *dir;
    int from, to; /* the customers it writes */
    int at;       /* the write it dies before */
} share;

static int write_share(void *ctx)
{
    const share *s = ctx;
    crm_db *db = fault_open(s->dir, NULL);
    crm_txn *txn;

    for (int n = s->from; n <= s->to; n++)
        write_one(db, n);
    if (!s->at && !crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL))
        raise(SIGKILL);
    count_writes(s->dir, 0, s->at);
    write_one(db, s->to + 1);
    return 0;
}

/* A process that writes so many customers, begins another, and is killed: before the n-th write to a file, or
 * before the first.  0: it came to its end. */
static int killed_writer(const char *dir, int from, int to, int at)
{
    share s = {dir, from, to, at};
    int end = fault_ended(fault_fork(write_share, &s));

    ck_assert_msg(end == 0 || end == -SIGKILL, "the writer ended with %d", end);
    ck_assert(crm__kv_lmdb_logged(dir));
    return end != 0;
}

static void write_some(const char *dir, int from, int to)
{
    crm_db *db = fault_open(dir, NULL);

    ck_assert_uint_eq(customers(db), (uint64_t)from - 1);
    for (int n = from; n <= to; n++)
        write_one(db, n);
    crm_db_close(db);
}

/* While it reads, writers are killed and others open, and nothing sets the file back below it. */
CRM_TEST(test_fault_beside__a_reader_without_crm_lock_keeps_its_snapshot)
{
    told *t = power_shared(sizeof *t);
    const char *dir = dir_of();
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;
    pid_t pid;
    int n;

    fault_remove(dir);
    write_some(dir, 1, FIRST);
    db = fault_open(dir, NULL);
    for (n = FIRST + 1; n <= FIRST + 10; n++)
        write_one(db, n);
    take_rights(dir);
    pid = start_reader(t);
    wait_for(&t->ready);
    give_rights(dir);
    ck_assert_msg(t->rc == CRM_OK, "%s", t->why);
    ck_assert_uint_eq(t->customers, FIRST + 10);
    crm_db_close(db);
    for (int round = 0; round < 3; round++, n += LATER) {
        ck_assert_int_eq(killed_writer(dir, n, n + LATER - 1, 0), 1);
        ck_assert_int_eq(crm_compact(dir, NULL, 0, NULL, &err), CRM_EBUSY);
        crm_error_init(&err);
    }
    write_some(dir, n, n + 9);
    end_reader(pid, t);
    db = fault_open(dir, NULL); /* nobody reads it: the log goes into the file */
    ck_assert_uint_eq(customers(db), (uint64_t)n + 9);
    crm_db_close(db);
    ck_assert(!crm__kv_lmdb_logged(dir));
    fault_clean(dir, "after a reader without crm.lock");
    fault_is(crm_compact(dir, NULL, 0, NULL, &err), CRM_OK, &err, "compact");
}

/* ---- recovery that is cut short ---- */

static int recover(void *ctx)
{
    const share *s = ctx;
    crm_db *db;

    count_writes(s->dir, 1, s->at);
    db = fault_open(s->dir, NULL);
    power_before(NULL);
    power_end();
    for (int n = s->from; n <= s->to; n++)
        write_one(db, n);
    raise(SIGSTOP); /* the reader looks again */
    crm_db_close(db);
    return 0;
}

/* Opens what a killed writer left, stops before its first write, and dies before that one. */
static pid_t start_recovery(const char *dir, int at)
{
    share s = {dir, FIRST + 2 * LATER + 1, FIRST + 3 * LATER, at};
    pid_t pid = fault_fork(recover, &s);
    int status;

    ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
    ck_assert(WIFSTOPPED(status));
    return pid;
}

/* Whether that process waits for a lock of a file. */
static int waits_for_a_lock(pid_t pid)
{
    char line[300], want[30];
    FILE *f = fopen("/proc/locks", "r");
    int found = 0;

    ck_assert_ptr_nonnull(f);
    snprintf(want, sizeof want, " %d ", (int)pid);
    while (fgets(line, sizeof line, f))
        found |= strstr(line, "->") && strstr(line, want);
    fclose(f);
    return found;
}

/* 1: the recovery came to its end. */
static int go_on(pid_t pid, int at)
{
    int status;

    ck_assert_int_eq(kill(pid, SIGCONT), 0);
    ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
    ck_assert_msg(WIFSTOPPED(status) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL),
                  "recovery cut short at %d ended with %x", at, (unsigned)status);
    return WIFSTOPPED(status);
}

/* With the log, and LMDB's lock file as the killed writer left it. */
static void copy_base(const char *from, const char *dir)
{
    static const char *const NAMES[] = {"data.log", "lock.mdb", "crm.lock"};
    char a[4200], b[4200];

    fault_remove(dir);
    fault_copy(from, dir);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        snprintf(a, sizeof a, "%s/%s", from, NAMES[i]);
        snprintf(b, sizeof b, "%s/%s", dir, NAMES[i]);
        ck_assert_int_eq(damage_copy_file(a, b), 0);
    }
}

/* A reader has looked whether the file can be read, and waits for LMDB's lock while another recovers and is
 * killed before its n-th write, or goes on and writes.  It reads all that was committed for sure, and maybe
 * the one that was under way, or is told that it can't; never what the base had. */
static int recover_beside(const char *dir, told *t, int at, uint64_t sure)
{
    pid_t recovery = start_recovery(dir, at), reader;
    uint64_t found;
    int whole;
    crm_db *db;

    take_rights(dir);
    reader = start_reader(t);
    for (int i = 0; i < POLLS && !waits_for_a_lock(reader); i++)
        usleep(1000);
    ck_assert(waits_for_a_lock(reader));
    whole = go_on(recovery, at);
    wait_for(&t->ready);
    give_rights(dir);
    if (t->rc)
        ck_assert_msg(t->rc == CRM_EREADONLY && !whole, "write %d: %s", at, t->why);
    else
        ck_assert_msg(t->customers >= sure && t->customers <= sure + 1 + (whole ? LATER : 0), "write %d: the reader sees %llu customers", at,
                      (unsigned long long)t->customers);
    if (whole) {
        ck_assert_int_eq(kill(recovery, SIGCONT), 0);
        ck_assert_int_eq(fault_ended(recovery), 0);
    }
    end_reader(reader, t);
    db = fault_open(dir, NULL);
    found = customers(db) - (whole ? LATER : 0);
    ck_assert_msg(found == sure || found == sure + 1, "write %d: %llu customers", at,
                  (unsigned long long)found);
    write_one(db, 1);
    crm_db_close(db);
    fault_clean(dir, "after a recovery that was cut short");
    return whole;
}

/* What a writer left that was killed before its n-th write to a file of one commit more; 0: it was not. */
static int make_base(const char *dir, const char *base, int commits, int at)
{
    int killed;

    fault_remove(dir);
    write_some(dir, 1, FIRST);
    killed = killed_writer(dir, FIRST + 1, FIRST + commits, at);
    fault_remove(base);
    ck_assert_int_eq(rename(dir, base), 0);
    return killed;
}

CRM_TEST(test_fault_beside__recovery_cut_short_while_a_reader_waits)
{
    told *t = power_shared(sizeof *t);
    const char *dir = dir_of();
    char base[4096];
    int at = 2;

    snprintf(base, sizeof base, "%s", fault_path("base"));
    make_base(dir, base, LATER, 0);
    do
        copy_base(base, dir);
    while (!recover_beside(dir, t, at++, FIRST + LATER));
    printf("cut short before each of %d writes\n", at - 3);
    fflush(stdout);
    ck_assert_int_gt(at, 8);
}

/* A program that reads the data file by LMDB's lock alone has it open: what is not whole is not written beside it. */
CRM_TEST(test_fault_beside__not_whole_and_not_alone)
{
    struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
    const char *dir = dir_of();
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;
    int fd;

    fault_remove(dir);
    write_some(dir, 1, FIRST);
    killed_writer(dir, FIRST + 1, FIRST + LATER, 0);
    ck_assert_int_eq(go_on(start_recovery(dir, 6), 6), 0);
    fd = open(fault_path("db/lock.mdb"), O_RDWR | O_CLOEXEC);
    ck_assert(fd >= 0 && fcntl(fd, F_OFD_SETLK, &l) == 0);
    fault_is(crm_db_open(dir, NULL, &db, &err), CRM_EBUSY, &err, "open beside it");
    close(fd);
    db = fault_open(dir, NULL);
    ck_assert_uint_eq(customers(db), FIRST + LATER);
    crm_db_close(db);
    fault_clean(dir, "after it has ended");
}

/* LMDB's lock file, by which the reader goes, has the number of the killed writer's last commit, even or odd; who
 * may have had a record more on the disk. */
CRM_TEST(test_fault_beside__recovery_while_a_reader_waits)
{
    enum { NEVER = 100000 };
    told *t = power_shared(sizeof *t);
    const char *dir = dir_of();
    char base[4096];

    snprintf(base, sizeof base, "%s", fault_path("base"));
    for (int commits = LATER; commits < LATER + 2; commits++) {
        int at = 0;
        for (; make_base(dir, base, commits, at); at++) {
            copy_base(base, dir);
            ck_assert_int_eq(recover_beside(dir, t, NEVER, FIRST + (uint64_t)commits), 1);
        }
        printf("killed before each of %d writes\n", at - 1);
        fflush(stdout);
        ck_assert_int_gt(at, 4);
    }
}

/* ---- readers whose thread has died ---- */

static void *begin_only(void *db)
{
    crm_txn *txn;

    return crm_txn_begin(db, CRM_READ, NULL, &txn, NULL) ? NULL : txn;
}

/* A thread begins to read and ends; the process lives on. */
static int read_by_a_dead_thread(void *ctx)
{
    told *t = ctx;
    pthread_t thread;
    void *txn;
    crm_db *db;

    db = fault_open(dir_of(), NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, begin_only, db), 0);
    pthread_join(thread, &txn);
    ck_assert_ptr_nonnull(txn);
    t->sum = sum_of(txn, &t->customers);
    __atomic_store_n(&t->ready, 1, __ATOMIC_RELEASE);
    wait_for(&t->stop);
    t->again = sum_of(txn, &t->customers);
    if (t->rc)
        raise(SIGKILL);
    crm_txn_abort(txn);
    crm_db_close(db);
    return 0;
}

static void stat_of(crm_db *db, crm_db_stat *st)
{
    crm_error err = CRM_ERROR_INIT;

    fault_is(crm_db_stat_get(db, sizeof *st, st, &err), CRM_OK, &err, "stat");
}

/* The snapshot of a thread that is gone belongs to its process: nobody takes its slot while that lives.  When it
 * is killed a process that had the database open all the time does, before it writes. */
CRM_TEST(test_fault_beside__the_slot_of_a_dead_thread)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    told *t = power_shared(sizeof *t);
    const char *dir = dir_of();
    int n = FIRST + 1;
    crm_db_stat st;
    crm_db *db;

    fault_remove(dir);
    write_some(dir, 1, FIRST);
    o.max_reader_age_us = 1; /* looks at each write */
    db = fault_open(dir, &o);
    for (int killed = 0; killed < 2; killed++) {
        pid_t pid;
        memset(t, 0, sizeof *t);
        t->rc = killed;
        pid = fault_fork(read_by_a_dead_thread, t);
        wait_for(&t->ready);
        for (int last = n + LATER; n < last; n++)
            write_one(db, n);
        stat_of(db, &st);
        ck_assert_uint_ge(st.oldest_reader_commits, LATER);
        ck_assert_uint_gt(st.kept_bytes, 0);
        __atomic_store_n(&t->stop, 1, __ATOMIC_RELEASE);
        ck_assert_int_eq(fault_ended(pid), killed ? -SIGKILL : 0);
        ck_assert_uint_eq(t->sum, t->again);
        if (killed) {
            stat_of(db, &st);
            ck_assert_uint_ge(st.oldest_reader_commits, LATER); /* nobody has looked */
        }
        write_one(db, n++);
        stat_of(db, &st);
        ck_assert_uint_eq(st.oldest_reader_commits, 0);
        ck_assert_uint_eq(st.kept_bytes, 0);
    }
    crm_db_close(db);
    fault_clean(dir, "after readers of dead threads");
}
