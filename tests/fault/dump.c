/* SPDX-License-Identifier: MIT
 * Dump and load when things go wrong: kill -9 at random moments, memory that runs out at each
 * allocation, an engine that fails at each call, a disk without room.  What is there under its
 * final name is whole, and the next run works.
 */
#include "fault.h"
#include "nth.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { DUMP, DUMP_GZIP, LOAD, LOAD_GZIP, WORKS };

typedef struct place {
    char db[512], file[512], copy[512];
    char *text; /* the dump */
    size_t n;
} place;

static char *read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *p;

    ck_assert_ptr_nonnull(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    p = malloc(*n + 1);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(fread(p, 1, *n, f), *n);
    fclose(f);
    return p;
}

/* A few customers with events in more than one block, and an image. */
static void add_events(const char *dir)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db = fault_open(dir, NULL);
    crm_txn *txn;
    char json[200], model[8192];

    snprintf(model, sizeof model,
             "%sevents:\n  order: {attributes: {note: {type: text, fast: true}}}\n", FAULT_MODEL);
    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
    fault_is(crm_model_apply(txn, model, CRM_NUL, 0, NULL, NULL, &err), CRM_OK, &err, "model");
    for (int i = 0; i < 120; i++) {
        int rc;
        snprintf(json, sizeof json,
                 "{\"kind\":\"order\",\"time\":\"2025-03-%02dT10:00:00Z\",\"reference\":\"R%d\","
                 "\"note\":\"n%d\"}",
                 1 + i % 28, i, i % 9);
        rc = crm_event_add_json(txn, 1, json, CRM_NUL, NULL, &err);
        fault_is(rc, CRM_OK, &err, "event");
    }
    fault_is(crm_event_void(txn, 1, 7, &err), CRM_OK, &err, "void");
    fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "commit");
    crm_db_close(db);
}

/* A handle that only reads, whose dumps are not journalled: they stay the same. */
static crm_db *open_to_read(const char *dir)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;

    o.flags = CRM_READONLY;
    return fault_open(dir, &o);
}

static void prepare(place *p)
{
    crm_dump_options o = CRM_DUMP_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;

    snprintf(p->db, sizeof p->db, "%s", fault_path("db"));
    snprintf(p->file, sizeof p->file, "%s", fault_path("d"));
    snprintf(p->copy, sizeof p->copy, "%s", fault_path("copy"));
    fault_make_base(p->db);
    add_events(p->db);
    db = open_to_read(p->db);
    o.flags = CRM_DUMP_READONLY;
    fault_is(crm_dump(db, fault_path("whole"), &o, 0, NULL, &err), CRM_OK, &err, "dump");
    o.flags |= CRM_DUMP_GZIP;
    fault_is(crm_dump(db, fault_path("packed"), &o, 0, NULL, &err), CRM_OK, &err, "dump");
    crm_db_close(db);
    p->text = read_file(fault_path("whole"), &p->n);
}

static int work(const place *p, int what, const crm_allocator *mem, crm_error *err)
{
    crm_dump_options o = CRM_DUMP_OPTIONS_INIT;
    crm_db_options dbo = CRM_DB_OPTIONS_INIT;
    crm_db *db;
    int rc;

    if (what == LOAD || what == LOAD_GZIP) {
        o.allocator = mem;
        return crm_load(fault_path(what == LOAD ? "whole" : "packed"), p->copy, &o, 0, NULL, err);
    }
    o.flags = CRM_DUMP_READONLY | CRM_DUMP_REPLACE | (what == DUMP_GZIP ? CRM_DUMP_GZIP : 0);
    dbo.allocator = mem;
    dbo.flags = CRM_READONLY;
    rc = crm_db_open(p->db, &dbo, &db, err);
    if (!rc) {
        rc = crm_dump(db, p->file, &o, 0, NULL, err);
        crm_db_close(db);
    }
    return rc;
}

/* A database that is there is sound, and the one that was dumped. */
static void same_db(const place *p, const char *dir, const char *when)
{
    crm_dump_options o = CRM_DUMP_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;
    char *text;
    size_t n;

    fault_clean(dir, when);
    db = open_to_read(dir);
    o.flags = CRM_DUMP_READONLY;
    fault_is(crm_dump(db, fault_path("again"), &o, 0, NULL, &err), CRM_OK, &err, when);
    crm_db_close(db);
    text = read_file(fault_path("again"), &n);
    ck_assert_msg(n == p->n && memcmp(text, p->text, n) == 0, "%s: another text", when);
    free(text);
    unlink(fault_path("again"));
}

/* What has its final name is whole. */
static void judge(const place *p, const char *when)
{
    crm_error err = CRM_ERROR_INIT;

    if (access(p->file, F_OK) == 0) {
        char back[512];
        snprintf(back, sizeof back, "%s", fault_path("back"));
        fault_is(crm_load(p->file, back, NULL, 0, NULL, &err), CRM_OK, &err, when);
        same_db(p, back, when);
        fault_remove(back);
        unlink(p->file);
    }
    if (access(fault_path("copy/data.mdb"), F_OK) == 0) {
        same_db(p, p->copy, when);
        fault_remove(p->copy);
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

CRM_TEST(test_fault_dump__kill_at_random_moments)
{
    size_t kills = crmtest_rounds(40, 2000);
    uint64_t seed = crmtest_seed();
    crm_error err = CRM_ERROR_INIT;
    char when[60];
    place p;

    prepare(&p);
    for (size_t i = 0; i < kills; i++) {
        int what = (int)(i % WORKS);
        kill_one(&p, what, crmtest_below(&seed, 30000));
        snprintf(when, sizeof when, "kill %zu of work %d", i, what);
        judge(&p, when);
    }
    for (int what = 0; what < WORKS; what++) {
        fault_is(work(&p, what, NULL, &err), CRM_OK, &err, "after the kills");
        if (what >= LOAD)
            ck_assert_uint_eq(crmtest_names_in(p.copy), 2); /* data.mdb, crm.lock */
        judge(&p, "after the kills");
    }
    ck_assert_int_ne(access(fault_path("d.crm-part"), F_OK), 0);
    free(p.text);
}

/* ---- memory ---- */

/* Every one of the first calls, which open things, then some of the many that lines make. */
CRM_TEST(test_fault_dump__memory_runs_out)
{
    size_t outside;
    place p;

    prepare(&p);
    outside = crmtest_names_in(fault_path("."));
    for (int what = 0; what < WORKS; what++) {
        uint64_t failed = 0;
        int rc = CRM_ENOMEM;
        for (uint64_t at = 1; rc; at += at < 100 ? crmtest_stride(7) : crmtest_step(13, 39)) {
            nth m = {0, at, 0};
            crm_allocator a = nth_allocator(&m);
            crm_error err = CRM_ERROR_INIT;
            rc = work(&p, what, &a, &err);
            ck_assert_int_eq(m.alive, 0);
            if (rc && m.calls >= at) {
                fault_is(rc, CRM_ENOMEM, &err, "without memory");
                failed++;
                ck_assert_msg(crmtest_names_in(fault_path(".")) == outside,
                              "work %d, call %llu: %s", what, (unsigned long long)at, err.message);
            }
        }
        ck_assert_uint_gt(failed, 5 / crmtest_stride(7));
        judge(&p, "memory");
    }
    free(p.text);
}

/* ---- the engine ---- */

static int dump_reading(crm_db *db, const char *file, crm_error *err)
{
    crm_dump_options o = CRM_DUMP_OPTIONS_INIT;

    o.flags = CRM_DUMP_READONLY;
    return crm_dump(db, file, &o, 0, NULL, err);
}

CRM_TEST(test_fault_dump__engine_fails)
{
    static const unsigned CALLS[] = {KV_CALL_BEGIN, KV_CALL_GET, KV_CALL_CURSOR, KV_CALL_SEEK,
                                     KV_CALL_NEXT};
    uint64_t tried = 0;
    place p;

    prepare(&p);
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
        unsigned step = CALLS[i] == KV_CALL_NEXT ? crmtest_step(11, 33) : crmtest_step(1, 3);
        fault_reading(p.db, p.file, dump_reading, CALLS[i], step, &tried);
        judge(&p, "engine");
    }
    free(p.text);
}

/* ---- no room ---- */

CRM_TEST(test_fault_dump__no_room)
{
    struct rlimit old, small;
    place p;

    prepare(&p);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    for (int what = 0; what < WORKS; what++) {
        int full = 0;
        for (uint64_t bytes = 2048; bytes < (8 << 20); bytes *= 2) {
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
            ck_assert_int_ne(access(fault_path("d.crm-part"), F_OK), 0);
            full++;
        }
        ck_assert_int_gt(full, 0);
        judge(&p, "no room");
    }
    free(p.text);
}
