/* SPDX-License-Identifier: MIT
 * crm_check() of a damaged database while others write.  The file has moved on under its first
 * pass, so it holds a snapshot for a second one; when it can't have that, it says why, and nothing
 * of the file.
 */
#include "help.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char SPOT[] = "the spot that is to be damaged";
enum { CUSTOMERS = 6000 }; /* enough that the check tells its progress */

static crm_id make(uint32_t max_readers, crm_db **db)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_txn *txn;
    char json[100];
    crm_id id;

    o.max_readers = max_readers;
    OK(crm_db_open(api_path(), &o, db, &er));
    txn = api_begin(*db, CRM_WRITE);
    for (int i = 0; i < CUSTOMERS; i++)
        api_create(txn, "{\"name\":\"A\"}");
    snprintf(json, sizeof json, "{\"name\":\"A\",\"notes\":\"%s\"}", SPOT);
    id = api_create(txn, json);
    api_commit(txn);
    return id;
}

/* Flips a bit of the text SPOT wherever it stands in the data file. */
static void damage(void)
{
    int fd = open(crmtest_path("db/data.mdb"), O_RDWR), found = 0;
    off_t n = lseek(fd, 0, SEEK_END);
    char *all = malloc((size_t)n), *at;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, all, (size_t)n, 0), n);
    for (at = all; (at = memmem(at, (size_t)(all + n - at), SPOT, strlen(SPOT))) != NULL; at++) {
        ck_assert_int_eq(pwrite(fd, "T", 1, at - all), 1);
        found++;
    }
    ck_assert_int_gt(found, 0);
    free(all);
    close(fd);
}

/* ---- who moves the file, at the first sign of progress ---- */

typedef struct mover {
    crm_db *db; /* writes through it, or else tells the child: */
    int to, from;
    int moved, faults;
} mover;

static void commit_one(crm_db *db)
{
    crm_txn *txn = api_begin(db, CRM_WRITE);

    api_create(txn, "{\"name\":\"B\"}");
    api_commit(txn);
}

static int move(uint64_t done, uint64_t total, void *ctx)
{
    mover *m = ctx;
    char c = 'w';

    (void)done;
    (void)total;
    if (m->moved++)
        return 0;
    if (m->db) {
        commit_one(m->db);
        return 0;
    }
    ck_assert_int_eq(write(m->to, &c, 1), 1);
    ck_assert_int_eq(read(m->from, &c, 1), 1);
    return 0;
}

static void count(const crm_fault *fault, void *ctx)
{
    (void)fault;
    ((mover *)ctx)->faults++;
}

static int check(mover *m, crm_check_result *r)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;

    m->moved = m->faults = 0;
    o.progress = move;
    o.progress_ctx = m;
    o.fault = count;
    o.fault_ctx = m;
    memset(r, 0xff, sizeof *r);
    return crm_check(api_path(), &o, sizeof *r, r, &er);
}

CRM_TEST(test_api_check_moving__second_pass)
{
    crm_check_result r;
    mover m = {NULL, -1, -1, 0, 0};
    crm_id id = make(0, &m.db);

    OK(check(&m, &r));
    ck_assert_int_gt(m.moved, 0);
    damage();
    IS(CRM_ECORRUPT, check(&m, &r)); /* each pass finds it, once is told */
    ck_assert_int_gt(m.moved, 0);
    ck_assert_uint_ge(r.faults, 1);
    ck_assert_uint_eq((uint64_t)m.faults, r.faults);
    ck_assert_uint_eq(r.customers, id + 2); /* with those that the mover made */
    crm_db_close(m.db);
}

CRM_TEST(test_api_check_moving__no_reader_slot)
{
    crm_txn *held[64];
    crm_check_result r;
    mover m = {NULL, -1, -1, 0, 0};
    size_t n = 0;
    int rc;

    make(4, &m.db);
    damage();
    while ((rc = crm_txn_begin(m.db, CRM_READ, NULL, &held[n], &er)) == CRM_OK) {
        n++;
        ck_assert_uint_lt(n, sizeof held / sizeof held[0]);
    }
    IS(CRM_EREADERS, rc);
    IS(CRM_EREADERS, check(&m, &r));
    ck_assert_int_gt(m.moved, 0);
    ck_assert(er.message[0]);
    ck_assert_uint_eq(r.faults, 0); /* what the first pass met may be traces of the move */
    ck_assert_int_eq(m.faults, 0);
    crm_txn_abort(held[--n]);
    IS(CRM_ECORRUPT, check(&m, &r));
    while (n)
        crm_txn_abort(held[--n]);
    crm_db_close(m.db);
}

/* The child writes a customer for each byte it is given, and tells when it has. */
static void child(int in, int out)
{
    crm_db *db;
    char c = 'o';

    if (crm_db_open(api_path(), NULL, &db, NULL) || write(out, &c, 1) != 1)
        _exit(1);
    while (read(in, &c, 1) == 1) {
        crm_txn *txn;
        if (crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) ||
            crm_customer_create_json(txn, "{\"name\":\"C\"}", CRM_NUL, NULL, NULL) ||
            crm_txn_commit(txn, NULL) || write(out, &c, 1) != 1)
            _exit(2);
    }
    crm_db_close(db);
    _exit(0);
}

CRM_TEST(test_api_check_moving__open_by_another_copy_of_the_library)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = getpid(), .l_len = 1};
    mover m = {NULL, -1, -1, 0, 0};
    int to[2], from[2], status, fd;
    crm_check_result r;
    crm_db *db;
    pid_t pid;
    char c;

    make(0, &db);
    crm_db_close(db);
    damage();
    ck_assert_int_eq(pipe(to), 0);
    ck_assert_int_eq(pipe(from), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        close(to[1]);
        close(from[0]);
        child(to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    m.to = to[1];
    m.from = from[0];
    ck_assert_int_eq(read(m.from, &c, 1), 1);
    fd = open(crmtest_path("db/crm.lock"), O_RDWR);
    ck_assert_int_ge(fd, 0);
    l.l_start = getpid();
    ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &l), 0);
    IS(CRM_EOPEN, check(&m, &r));
    ck_assert_int_gt(m.moved, 0);
    ck_assert_uint_eq(r.faults, 0);
    ck_assert_int_eq(m.faults, 0);
    close(fd);
    IS(CRM_ECORRUPT, check(&m, &r));
    ck_assert_uint_ge(r.faults, 1);
    close(m.to);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    close(m.from);
}
