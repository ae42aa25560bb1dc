/* SPDX-License-Identifier: MIT
 * An import when things go wrong: memory that runs out at each allocation, an engine that fails at
 * each call, a database without room.  Whatever happens, what was committed is whole, and resuming
 * it, or importing again what did not come so far, gives what the import would have given.
 */
#include "fault.h"
#include "nth.h"

#include <fcntl.h>
#include <unistd.h>

static const char CSV[] = "name,email,phone,city,colour,tags\n"
                          "A,a@example.com,13800138000,Rome,red,value:low;region:it\n"
                          "B,b@example.com,,\"Den\nHaag\",,\n"
                          "Bad,b at example,12,,,value:low\n"
                          ",,,,,\n"
                          "C,c@example.com,13900139000,,,behaviour:active (until 2040-01-01)\n"
                          "A2,a@example.com,,,,\n"
                          "D,a@example.com,13900139000,,,\n"
                          "E,e@example.com,,,,value:none of them;nosuch:x\n"
                          "F,f@example.com,,,,friends\n"
                          "G,g@example.com,,,,value:high\n";
static const char LINES[] =
    "{\"name\":\"A\",\"email\":\"a@example.com\",\"tags\":[\"value:low\"]}\n"
    "{\"crm:line\":1,\"name\":\"B\",\"phone\":\"13800138000\"}\n"
    "nonsense\n"
    "{\"name\":\"C\",\"email\":[\"a@example.com\",\"c@example.com\"]}\n"
    "{\"name\":\"D\",\"email\":\"d@example.com\"}\n";

static int file_of(const char *text)
{
    int fd = open(fault_path("file"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static int hear(const crm_import_bad *bad, void *ctx)
{
    *(uint64_t *)ctx += bad->fault_count;
    return 0;
}

/* Opens, imports, asks for the mapping, closes.  The result of what failed first. */
static int import(const char *dir, const char *text, const crm_db_options *opts, uint32_t flags,
                  crm_import_result *r, crm_error *err)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    uint64_t faults = 0;
    crm_import *imp = NULL;
    char *json = NULL;
    crm_db *db;
    int fd = file_of(text);
    int rc = crm_db_open(dir, opts, &db, err);

    memset(r, 0, sizeof *r);
    o.flags = flags;
    o.commit_rows = 3;
    o.bad = hear;
    o.ctx = &faults;
    if (!rc) {
        rc = crm_import_open(db, fd, &o, &imp, err);
        if (!rc)
            rc = crm_import_mapping_json(imp, &json, NULL, err);
        crm_free(json);
        if (!rc)
            rc = crm_import_run(imp, sizeof *r, r, err);
        crm_import_close(imp);
        crm_db_close(db);
    }
    close(fd);
    return rc;
}

/* Names and identities of all customers, as one number. */
static uint64_t people(const char *dir)
{
    static const char *const LEAVE[] = {"\"revision\":", "\"created_at\":", "\"updated_at\":"};
    uint64_t h = 14695981039346656037u;
    crm_error err = CRM_ERROR_INIT;
    crm_db *db = fault_open(dir, NULL);
    crm_txn *txn;

    fault_is(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), CRM_OK, &err, "begin");
    for (crm_id id = 1; id < 20; id++) {
        char *json, *at;
        if (crm_customer_get_json(txn, id, CRM_JSON_TAGS, &json, NULL, &err))
            break;
        for (size_t i = 0; i < 3; i++) {
            at = strstr(json, LEAVE[i]);
            while (at && *at && *at != ',' && *at != '}')
                *at++ = ' ';
        }
        for (const char *p = json; *p; p++)
            h = (h ^ (uint8_t)*p) * 1099511628211u * (*p != ' ') + h * (*p == ' ');
        crm_free(json);
    }
    crm_txn_abort(txn);
    crm_db_close(db);
    return h;
}

/* After a failure: the database is clean, and the import can be brought to its end. */
static void go_on(const char *dir, const char *text, uint64_t want, int committed,
                  const crm_import_result *whole, const char *when)
{
    crm_error err = CRM_ERROR_INIT;
    crm_import_result r;
    int rc;

    fault_clean(dir, when);
    rc = import(dir, text, NULL, CRM_IMPORT_RESUME, &r, &err);
    if (rc == CRM_ENOTFOUND) {
        ck_assert_msg(!committed, "%s: it can't be resumed", when);
        rc = import(dir, text, NULL, 0, &r, &err);
    } else {
        ck_assert_msg(!rc && r.created == whole->created && r.bad == whole->bad &&
                          r.rows == whole->rows,
                      "%s: other counts", when);
    }
    fault_is(rc, CRM_OK, &err, when);
    ck_assert_msg(people(dir) == want, "%s: other customers", when);
    fault_clean(dir, when);
}

static void base(char dir[512])
{
    snprintf(dir, 512, "%s", fault_path("base"));
    crm_db_close(fault_open(dir, NULL));
}

static void memory_runs_out(const char *text)
{
    crm_error err = CRM_ERROR_INIT;
    crm_import_result whole, r;
    char from[512], dir[512], when[60];
    uint64_t want, all;
    nth m = {0, 0, 0};
    crm_allocator a = nth_allocator(&m);
    crm_db_options o = CRM_DB_OPTIONS_INIT;

    base(from);
    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    o.allocator = &a;
    fault_copy(from, dir);
    fault_is(import(dir, text, &o, 0, &whole, &err), CRM_OK, &err, "plain");
    ck_assert_int_eq(m.alive, 0);
    all = m.calls;
    want = people(dir);
    for (uint64_t n = 1; n <= all; n++) {
        int rc;
        if (!fault_wanted(n, 60, 11))
            continue;
        fault_copy(from, dir);
        m = (nth){0, n, 0};
        crm_error_init(&err);
        rc = import(dir, text, &o, 0, &r, &err);
        snprintf(when, sizeof when, "allocation %llu of %llu", (unsigned long long)n,
                 (unsigned long long)all);
        ck_assert_msg(m.alive == 0, "%s: %lld pieces stay", when, (long long)m.alive);
        ck_assert_msg(!rc || rc == CRM_ENOMEM, "%s gives %s: %s", when, crm_error_name(rc),
                      err.message);
        if (rc)
            go_on(dir, text, want, r.resumable != 0, &whole, when);
        else
            ck_assert_msg(people(dir) == want, "%s: other customers", when);
    }
}

CRM_TEST(test_fault_import__memory_runs_out_with_a_table)
{
    memory_runs_out(CSV);
}

CRM_TEST(test_fault_import__memory_runs_out_with_lines)
{
    memory_runs_out(LINES);
}

CRM_TEST(test_fault_import__engine_fails)
{
    crm_error err = CRM_ERROR_INIT;
    crm_import_result whole, r;
    char from[512], dir[512], when[60];
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    kv_fault_plan plan = {KV_CALL_ANY, 0, CRM_EIO, 0, 0, 0};
    uint64_t want, all, tried = 0;

    base(from);
    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    o.test_fault = &plan;
    fault_copy(from, dir);
    fault_is(import(dir, CSV, &o, 0, &whole, &err), CRM_OK, &err, "plain");
    all = plan.count;
    want = people(dir);
    for (uint64_t n = 1; n <= all; n++) {
        int code, i = 0;
        while (fault_wanted(n, 40, 7) && (code = fault_code(tried++, &i)) != 0) {
            int rc;
            fault_copy(from, dir);
            plan = (kv_fault_plan){KV_CALL_ANY, n, code, 0, 0, 0};
            crm_error_init(&err);
            rc = import(dir, CSV, &o, 0, &r, &err);
            snprintf(when, sizeof when, "call %llu of %llu, %s", (unsigned long long)n,
                     (unsigned long long)all, crm_error_name(code));
            ck_assert_msg(!rc || rc == code, "%s gives %s: %s", when, crm_error_name(rc),
                          err.message);
            if (rc)
                go_on(dir, CSV, want, r.resumable != 0, &whole, when);
            else
                ck_assert_msg(people(dir) == want, "%s: other customers", when);
        }
    }
}

CRM_TEST(test_fault_import__no_room)
{
    crm_error err = CRM_ERROR_INIT;
    crm_import_result whole, r;
    char dir[512], *text = NULL, when[60];
    size_t size, full = 0;
    FILE *f = open_memstream(&text, &size);
    uint64_t want;

    fprintf(f, "name,email,notes\n");
    for (int i = 0; i < 18; i++)
        fprintf(f, "N %d,n%d@example.com,%01500d\n", i, i, i);
    fclose(f);
    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    crm_db_close(fault_open(dir, NULL));
    fault_is(import(dir, text, NULL, 0, &whole, &err), CRM_OK, &err, "plain");
    want = people(dir);
    for (uint64_t pages = 20; pages < 70; pages += 3) {
        crm_db_options o = CRM_DB_OPTIONS_INIT;
        int rc;
        fault_remove(dir);
        crm_db_close(fault_open(dir, NULL));
        o.size_limit = pages * 4096;
        rc = import(dir, text, &o, 0, &r, &err);
        snprintf(when, sizeof when, "%llu pages", (unsigned long long)pages);
        if (!rc)
            continue;
        full++;
        fault_is(rc, CRM_EFULL, &err, when);
        go_on(dir, text, want, r.resumable != 0, &whole, when);
    }
    ck_assert_uint_ge(full, 2);
    free(text);
}
