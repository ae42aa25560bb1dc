/* SPDX-License-Identifier: MIT
 * Backup, restore and compact when things go wrong: kill -9 at random moments, memory that runs out
 * at each allocation, an engine that fails at each call, a disk without room.  Whatever happens the
 * database is as it was, and what is there under its final name is whole.
 */
#include "fault.h"
#include "nth.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BACKUP, BACKUP_GZIP, RESTORE, COMPACT, WORKS };

typedef struct place {
    char db[512], file[512], copy[512];
    uint64_t state;
} place;

static uint64_t state_of(const char *dir)
{
    crm_db *db = fault_open(dir, NULL);
    uint64_t state = fault_state(db);

    crm_db_close(db);
    return state;
}

static void prepare(place *p)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;

    snprintf(p->db, sizeof p->db, "%s", fault_path("db"));
    snprintf(p->file, sizeof p->file, "%s", fault_path("b"));
    snprintf(p->copy, sizeof p->copy, "%s", fault_path("copy"));
    fault_make_base(p->db);
    db = fault_open(p->db, NULL);
    fault_is(crm_backup(db, fault_path("whole"), NULL, 0, NULL, &err), CRM_OK, &err, "backup");
    crm_db_close(db);
    p->state = state_of(p->db);
}

/* One of the works; what it makes is removed first. */
static int work(const place *p, int what, const crm_allocator *mem, crm_error *err)
{
    crm_backup_options o = CRM_BACKUP_OPTIONS_INIT;
    crm_db_options dbo = CRM_DB_OPTIONS_INIT;
    crm_db *db;
    int rc;

    if (what == RESTORE || what == COMPACT)
        o.allocator = mem;
    if (what == RESTORE)
        return crm_restore(fault_path("whole"), p->copy, &o, 0, NULL, err);
    if (what == COMPACT)
        return crm_compact(p->db, &o, 0, NULL, err);
    /* Only reading, so that the journal, and with it the state, stays as it is. */
    o.flags =
        CRM_BACKUP_REPLACE | CRM_BACKUP_READONLY | (what == BACKUP_GZIP ? CRM_BACKUP_GZIP : 0);
    dbo.flags = CRM_READONLY;
    dbo.allocator = mem;
    rc = crm_db_open(p->db, &dbo, &db, err);
    if (!rc) {
        rc = crm_backup(db, p->file, &o, 0, NULL, err);
        crm_db_close(db);
    }
    return rc;
}

/* What has its final name is whole. */
static void judge(const place *p, const char *when)
{
    crm_error err = CRM_ERROR_INIT;

    fault_clean(p->db, when);
    ck_assert_msg(state_of(p->db) == p->state, "%s: the database is another", when);
    if (access(p->file, F_OK) == 0) {
        char back[512];
        snprintf(back, sizeof back, "%s", fault_path("back"));
        fault_is(crm_restore(p->file, back, NULL, 0, NULL, &err), CRM_OK, &err, when);
        ck_assert_msg(state_of(back) == p->state, "%s: the backup is another", when);
        fault_remove(back);
        unlink(p->file);
    }
    if (access(fault_path("copy/data.mdb"), F_OK) == 0) {
        ck_assert_msg(state_of(p->copy) == p->state, "%s: the copy is another", when);
        fault_clean(p->copy, when);
    }
}

typedef struct job {
    const place *p;
    int what;
} job;

static int work_alone(void *ctx)
{
    const job *j = ctx;
    crm_error err = CRM_ERROR_INIT;

    return work(j->p, j->what, NULL, &err) != 0;
}

static void kill_one(const place *p, int what, uint64_t after_us)
{
    job j = {p, what};

    fault_kill_after(fault_fork(work_alone, &j), after_us);
}

CRM_TEST(test_fault_backup__kill_at_random_moments)
{
    size_t kills = crmtest_rounds(40, 2000);
    uint64_t seed = crmtest_seed();
    crm_error err = CRM_ERROR_INIT;
    char when[60];
    place p;

    prepare(&p);
    for (size_t i = 0; i < kills; i++) {
        int what = (int)(i % WORKS);
        kill_one(&p, what, crmtest_below(&seed, 40000));
        snprintf(when, sizeof when, "kill %zu of work %d", i, what);
        judge(&p, when);
        if (access(fault_path("copy/data.mdb"), F_OK) == 0)
            fault_remove(p.copy);
    }
    /* The next of each does its work, and removes what is left. */
    for (int what = 0; what < WORKS; what++)
        fault_is(work(&p, what, NULL, &err), CRM_OK, &err, "after the kills");
    judge(&p, "after the kills");
    ck_assert_uint_eq(crmtest_names_in(p.db), 3);
    fault_remove(p.copy);
    ck_assert_int_ne(access(fault_path("b.crm-part"), F_OK), 0);
    ck_assert_int_ne(access(p.copy, F_OK), 0);
}

/* ---- memory ---- */

CRM_TEST(test_fault_backup__memory_runs_out)
{
    size_t outside;
    place p;

    prepare(&p);
    outside = crmtest_names_in(fault_path("."));
    for (int what = 0; what < WORKS; what++) {
        uint64_t failed = 0;
        int rc = CRM_ENOMEM;
        for (uint64_t at = 1; rc; at += crmtest_stride(7)) {
            nth m = {0, at, 0};
            crm_allocator a = nth_allocator(&m);
            crm_error err = CRM_ERROR_INIT;
            rc = work(&p, what, &a, &err);
            ck_assert_int_eq(m.alive, 0);
            if (rc && m.calls >= at) {
                fault_is(rc, CRM_ENOMEM, &err, "without memory");
                failed++;
                ck_assert_uint_eq(crmtest_names_in(fault_path(".")), outside);
                ck_assert_uint_eq(crmtest_names_in(p.db), 3);
            }
        }
        ck_assert_uint_gt(failed, 5 / crmtest_stride(7));
        judge(&p, "memory");
        fault_remove(p.copy);
    }
}

/* ---- the engine ---- */

static int backup_reading(crm_db *db, const char *file, crm_error *err)
{
    crm_backup_options o = CRM_BACKUP_OPTIONS_INIT;

    o.flags = CRM_BACKUP_READONLY;
    return crm_backup(db, file, &o, 0, NULL, err);
}

CRM_TEST(test_fault_backup__engine_fails)
{
    static const unsigned CALLS[] = {KV_CALL_BEGIN, KV_CALL_CURSOR, KV_CALL_SEEK, KV_CALL_NEXT};
    uint64_t tried = 0;
    place p;

    prepare(&p);
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
        unsigned step = CALLS[i] == KV_CALL_NEXT ? crmtest_step(37, 74) : crmtest_step(5, 10);
        fault_reading(p.db, p.file, backup_reading, CALLS[i], step, &tried);
        judge(&p, "engine");
    }
}

/* ---- no room ---- */

CRM_TEST(test_fault_backup__no_room)
{
    struct rlimit old, small;
    uint64_t bytes;
    place p;

    prepare(&p);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    for (int what = 0; what < WORKS; what++) {
        int full = 0;
        for (bytes = 4096; bytes < (1 << 20); bytes *= 2) {
            crm_error err = CRM_ERROR_INIT;
            int rc;
            small = old;
            small.rlim_cur = bytes;
            ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
            rc = work(&p, what, NULL, &err);
            setrlimit(RLIMIT_FSIZE, &old);
            if (!rc)
                break;
            ck_assert_msg(rc == CRM_EFULL || rc == CRM_EIO, "%s", err.message);
            ck_assert_int_ne(access(p.file, F_OK), 0);
            ck_assert_int_ne(access(p.copy, F_OK), 0);
            ck_assert_int_ne(access(fault_path("b.crm-part"), F_OK), 0);
            ck_assert_uint_le(crmtest_names_in(p.db), 3);
            full++;
        }
        ck_assert_int_gt(full, 0);
        judge(&p, "no room");
        fault_remove(p.copy);
    }
}
