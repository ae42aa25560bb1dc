/* SPDX-License-Identifier: MIT
 * Repair of damaged pages, and repair cut short.  Each page of a database in turn is zeroed or
 * changed: where only what is derived has suffered, crm_check() with CRM_CHECK_REPAIR leaves a
 * clean database with every customer as it was; else it says so, and has changed nothing.  Killed
 * at any moment, and stopped by its progress function, it leaves every customer as it was, and the
 * next one ends the work.
 */
#include "damage.h"
#include "fault.h"

#include "base/hash.h"
#include "db/txn.h"

#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CUSTOMERS = 900 };

typedef struct bed {
    char base[512], dir[512], file[600];
    uint64_t wanted; /* hash of all documents */
} bed;

static void make(bed *b)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    char json[300];
    crm_db *db;

    snprintf(b->base, sizeof b->base, "%s", fault_path("base"));
    snprintf(b->dir, sizeof b->dir, "%s", fault_path("db"));
    snprintf(b->file, sizeof b->file, "%s/data.mdb", b->dir);
    db = fault_open(b->base, NULL);
    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
    for (int i = 1; i <= CUSTOMERS; i++) {
        snprintf(json, sizeof json,
                 "{\"name\":\"N %d\",\"phone\":\"1390013%04d\",\"email\":\"c%d@example.com\","
                 "\"events\":[{\"kind\":\"order\",\"time\":\"2026-01-%02dT08:00:00Z\","
                 "\"amount\":\"%d CNY\"}]}",
                 i, i, i, 1 + i % 5, i);
        fault_is(crm_customer_create_json(txn, json, CRM_NUL, NULL, &err), CRM_OK, &err, "create");
    }
    fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "commit");
    crm_db_close(db);
    fault_clean(b->base, "the original");
}

/* Every customer, its events among it, by id and by telephone number. */
static uint64_t documents(const char *dir)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db = fault_open(dir, NULL);
    uint64_t sum = 1;
    crm_txn *txn;

    fault_is(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), CRM_OK, &err, "begin");
    for (crm_id id = 1; id <= CUSTOMERS; id++) {
        char *json;
        size_t n;
        fault_is(
            crm_customer_get_json(txn, id, CRM_JSON_EVENTS | CRM_JSON_ORIGINS, &json, &n, &err),
            CRM_OK, &err, "get");
        sum = crm__hash64(sum, json, n);
        crm_free(json);
    }
    crm_txn_abort(txn);
    crm_db_close(db);
    return sum;
}

static void found(const char *dir)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db = fault_open(dir, NULL);
    crm_field phone;
    char value[32];
    crm_txn *txn;
    crm_id id;
    size_t n;

    fault_is(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), CRM_OK, &err, "begin");
    fault_is(crm_field_find(txn, "phone", CRM_NUL, &phone, &err), CRM_OK, &err, "field");
    for (int i = 1; i <= CUSTOMERS; i += 37) {
        snprintf(value, sizeof value, "1390013%04d", i);
        fault_is(crm_customer_find(txn, &phone, NULL, value, CRM_NUL, &id, 1, &n, &err), CRM_OK,
                 &err, "find");
        ck_assert_uint_eq(id, (crm_id)i);
    }
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* Changes the last letter of the name of a space, within the order of the names, wherever its record stands, in older versions of
 * the directory too.  The most rows that one of the records tells of. */
static uint64_t rename_space(const char *file, const char *name)
{
    uint8_t head[8 + 16] = {48, 0, 0, 0, 2, 0, 0, 0};
    size_t n = strlen(name), found = 0;
    uint64_t most = 0;
    FILE *f = fopen(file, "r+b");
    uint8_t *p;
    long size;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    size = ftell(f);
    rewind(f);
    p = malloc((size_t)size);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(fread(p, 1, (size_t)size, f), (size_t)size);
    head[6] = (uint8_t)n;
    memcpy(head + 8, name, n);
    for (size_t i = 0; i + 8 + n + 48 <= (size_t)size; i++) {
        const uint8_t *record = p + i + 8 + n;
        uint64_t rows = 0;
        if (memcmp(p + i, head, 8 + n) != 0)
            continue;
        for (int b = 7; b >= 0; b--)
            rows = rows << 8 | record[32 + b];
        most = rows > most ? rows : most;
        ck_assert_int_eq(fseek(f, (long)(i + 8 + n - 1), SEEK_SET), 0);
        ck_assert_int_eq(fputc(name[n - 1] - 1, f), name[n - 1] - 1);
        found++;
    }
    ck_assert_uint_gt(found, 0);
    ck_assert_int_eq(fclose(f), 0);
    free(p);
    return most;
}

typedef struct heard {
    int lost; /* faults of what is no derived space */
    int left, repaired;
    uint64_t stop, seen; /* of the progress function */
} heard;

static void on_fault(const crm_fault *fault, void *ctx)
{
    static const char *const DERIVED[] = {"identity", "bits",  "day", "column",
                                          "golden",   "block", "due"};
    int derived = strcmp(fault->space, "file") == 0 && fault->page >= 2;
    heard *h = ctx;

    for (size_t i = 0; i < sizeof DERIVED / sizeof *DERIVED; i++)
        derived |= strcmp(fault->space, DERIVED[i]) == 0;
    h->lost += !derived;
    h->left += !fault->repaired;
    h->repaired += fault->repaired != 0;
}

static int on_progress(uint64_t done, uint64_t total, void *ctx)
{
    heard *h = ctx;

    ck_assert_uint_le(done, total);
    return h->stop && ++h->seen == h->stop;
}

static int check(const bed *b, uint32_t flags, heard *h, crm_check_result *r)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    uint64_t stop = h->stop;

    memset(h, 0, sizeof *h);
    memset(r, 0, sizeof *r);
    h->stop = stop;
    o.flags = flags;
    o.fault = on_fault;
    o.fault_ctx = h;
    o.progress = on_progress;
    o.progress_ctx = h;
    return crm_check(b->dir, &o, sizeof *r, r, NULL);
}

static int is_there(const bed *b)
{
    char part[600];
    struct stat st;

    snprintf(part, sizeof part, "%s/repair.part", b->dir);
    return stat(part, &st) == 0;
}

/* ---- pages ---- */

static void try_page(const bed *b, const char *what, uint64_t page, int counts[3])
{
    heard h = {0}, before = {0};
    crm_check_result r, was;
    int rc = check(b, 0, &before, &was);

    if (rc == CRM_OK) {
        counts[0]++;
        return;
    }
    rc = check(b, CRM_CHECK_REPAIR, &h, &r);
    ck_assert_msg(!is_there(b), "%s page %llu: the folder is left", what, (unsigned long long)page);
    if (rc == CRM_OK) {
        ck_assert_msg(documents(b->dir) == b->wanted, "%s page %llu: repaired, but not as it was",
                      what, (unsigned long long)page);
        found(b->dir);
        ck_assert_int_eq(h.left, 0);
        ck_assert_uint_eq(r.faults, 0);
        ck_assert_uint_eq(r.repaired, was.faults);
        ck_assert_int_eq(check(b, 0, &h, &r), CRM_OK);
        counts[1]++;
        return;
    }
    /* What can be told to be derived alone is mended. */
    ck_assert_msg(before.lost, "%s page %llu: %s", what, (unsigned long long)page,
                  crm_error_name(rc));
    counts[2]++;
}

CRM_TEST(test_fault_repair__each_page)
{
    uint64_t pages, step;
    int counts[3] = {0, 0, 0};
    bed b;

    make(&b);
    fault_copy(b.base, b.dir);
    b.wanted = documents(b.dir);
    pages = damage_pages(b.file, NULL);
    step = pages / crmtest_rounds(90, 2000) + 1;
    for (uint64_t page = 0; page < pages; page += step) {
        fault_copy(b.base, b.dir);
        ck_assert_int_eq(damage_zero_page(b.file, page), 0);
        try_page(&b, "zeroed", page, counts);
    }
    printf("repair: %d sound, %d mended, %d left\n", counts[0], counts[1], counts[2]);
    ck_assert_int_gt(counts[1], 0);
    ck_assert_int_gt(counts[2], 0);
}

CRM_TEST(test_fault_repair__damaged_files)
{
    size_t rounds = crmtest_rounds(60, 2000);
    int counts[3] = {0, 0, 0};
    bed b;

    make(&b);
    fault_copy(b.base, b.dir);
    b.wanted = documents(b.dir);
    /* Few pages are derived, and none of them may be met at first. */
    for (size_t i = 0; i < rounds || (!counts[1] && i < rounds * 20); i++) {
        heard h = {0}, before = {0};
        crm_check_result r;
        damage_kind kind = (damage_kind)(i % DAMAGE_TRUNCATE);
        int rc;
        fault_copy(b.base, b.dir);
        ck_assert_int_eq(damage_file(b.file, kind, crmtest_seed() + i, NULL), 0);
        rc = check(&b, 0, &before, &r);
        if (rc == CRM_OK || before.lost)
            rc = check(&b, CRM_CHECK_REPAIR, &h, &r); /* whatever comes: it ends */
        else
            try_page(&b, damage_name(kind), crmtest_seed() + i, counts);
    }
    ck_assert_int_gt(counts[1], 0);
}

/* While somebody has it open, a damaged page is left alone. */
CRM_TEST(test_fault_repair__pages_of_an_open_database)
{
    crm_check_result r;
    heard h = {0};
    uint64_t page, pages;
    crm_db *db;
    bed b;

    make(&b);
    fault_copy(b.base, b.dir);
    b.wanted = documents(b.dir);
    pages = damage_pages(b.file, NULL);
    for (page = 2; page < pages; page++) {
        fault_copy(b.base, b.dir);
        ck_assert_int_eq(damage_zero_page(b.file, page), 0);
        if (check(&b, 0, &h, &r) == CRM_ECORRUPT && !h.lost)
            break;
    }
    ck_assert_uint_lt(page, pages);
    db = fault_open(b.dir, NULL);
    ck_assert_int_eq(check(&b, CRM_CHECK_REPAIR, &h, &r), CRM_EBUSY);
    ck_assert_int_gt(h.left, 0);
    crm_db_close(db);
    ck_assert_int_eq(check(&b, CRM_CHECK_REPAIR, &h, &r), CRM_OK);
    ck_assert(documents(b.dir) == b.wanted);
}

/* ---- cut short ---- */

/* All derived rows are gone, or a page of them. */
static void harm(const bed *b, uint64_t page)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    crm_db *db;

    fault_copy(b->base, b->dir);
    if (page) {
        ck_assert_int_eq(damage_zero_page(b->file, page), 0);
        return;
    }
    db = fault_open(b->dir, NULL);
    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
    for (int i = KV_IDENTITY; i < KV_SPACES; i++)
        fault_is(txn->kv->ops->clear(txn->kv, (kv_space)i), CRM_OK, NULL, "clear");
    txn->state.changed = 1;
    fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "commit");
    crm_db_close(db);
}

static uint64_t derived_page(const bed *b)
{
    uint64_t pages = damage_pages(b->file, NULL);
    crm_check_result r;
    heard h = {0};

    for (uint64_t page = 2; page < pages; page++) {
        fault_copy(b->base, b->dir);
        ck_assert_int_eq(damage_zero_page(b->file, page), 0);
        if (check(b, 0, &h, &r) == CRM_ECORRUPT && !h.lost)
            return page;
    }
    ck_abort_msg("no derived page");
    return 0;
}

static int repair_alone(void *b)
{
    crm_check_result r;
    heard h = {0};

    return check(b, CRM_CHECK_REPAIR, &h, &r) != CRM_OK;
}

static void kill_rounds(uint64_t page)
{
    uint64_t seed = crmtest_seed();
    bed b;

    make(&b);
    fault_copy(b.base, b.dir);
    b.wanted = documents(b.dir);
    if (page)
        page = derived_page(&b);
    for (size_t i = 0; i < crmtest_rounds(14, 400); i++) {
        uint64_t us = crmtest_below(&seed, 60) * 1000;
        crm_check_result r;
        heard h = {0};
        harm(&b, page);
        fault_kill_after(fault_fork(repair_alone, &b), us);
        ck_assert(documents(b.dir) == b.wanted);
        ck_assert_int_eq(check(&b, CRM_CHECK_REPAIR, &h, &r), CRM_OK);
        ck_assert(!page || !is_there(&b) || r.repaired == 0);
        ck_assert(documents(b.dir) == b.wanted);
        found(b.dir);
        fault_clean(b.dir, "after the kill");
    }
}

CRM_TEST(test_fault_repair__killed_in_place)
{
    kill_rounds(0);
}

CRM_TEST(test_fault_repair__killed_while_copying)
{
    kill_rounds(1);
}

CRM_TEST(test_fault_repair__stopped)
{
    bed b;

    make(&b);
    fault_copy(b.base, b.dir);
    b.wanted = documents(b.dir);
    for (int copy = 0; copy < 2; copy++) {
        uint64_t page = copy ? derived_page(&b) : 0;
        int rc = CRM_ECANCELLED;
        for (uint64_t stop = 1; rc == CRM_ECANCELLED; stop += crmtest_stride(3)) {
            crm_check_result r;
            heard h = {0};
            harm(&b, page);
            h.stop = stop;
            rc = check(&b, CRM_CHECK_REPAIR, &h, &r);
            ck_assert_msg(rc == CRM_OK || rc == CRM_ECANCELLED, "stop %llu: %s",
                          (unsigned long long)stop, crm_error_name(rc));
            ck_assert(documents(b.dir) == b.wanted);
            ck_assert(!is_there(&b));
        }
    }
}

/* A directory in which the name of a space is another: of a derived or empty one nothing is lost,
 * and the repair gives it back; of another the repair changes nothing. */
CRM_TEST(test_fault_repair__names_of_spaces)
{
    int mended = 0, left = 0;
    bed b;

    make(&b);
    b.wanted = documents(b.base);
    for (int i = 0; i < KV_STORED; i++) {
        const char *name = crm__kv_space_name((kv_space)i);
        heard h = {0};
        crm_check_result r;
        uint64_t rows;
        int rc;

        fault_copy(b.base, b.dir);
        rows = rename_space(b.file, name);
        ck_assert_int_eq(check(&b, 0, &h, &r), CRM_ECORRUPT);
        ck_assert_uint_gt(r.faults, 0);
        rc = check(&b, CRM_CHECK_REPAIR, &h, &r);
        if (!rows || (i < KV_SPACES && crm__kv_space_derived((kv_space)i))) {
            ck_assert_msg(!rc, "%s: %d", name, rc);
            ck_assert_uint_eq(documents(b.dir), b.wanted);
            found(b.dir);
            mended++;
        } else if (rc || i != KV_TAIL) { /* an older directory may tell of rows of the tail */
            ck_assert_msg(rc == CRM_ECORRUPT, "%s: %d", name, rc);
            ck_assert_uint_eq(r.repaired, 0);
            left++;
        }
    }
    ck_assert_int_gt(mended, 5);
    ck_assert_int_gt(left, 3);
}
