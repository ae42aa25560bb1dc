/* SPDX-License-Identifier: MIT
 * Gaps that the clock of watched segments passes over: what is noted is so, writes cut it, check
 * finds what is not so, and a chunk in which nobody's time has come is not read.
 */
#include "db/due.h"

#include "base/time.h"
#include "crmtest.h"
#include "db/index.h"
#include "db/live.h"
#include "kv/kv.h"

#include <crm/crm.h>
#include <stdio.h>
#include <string.h>

static crm_error err = CRM_ERROR_INIT;
#define OK(call) ck_assert_msg((call) >= 0, "%s: %s", #call, err.message)

#define DAY INT64_C(86400000000)
#define NOW INT64_C(1790000000000000)
static const char MODEL[] = "crm: 1\n"
                            "fields:\n"
                            "  name: {type: text}\n"
                            "  seen: {type: datetime}\n";

static int64_t now;

static int64_t clock_of(void *ctx)
{
    (void)ctx;
    return now;
}

static crm_txn *begin(crm_db *db, int mode)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.now_us = now;
    OK(crm_txn_begin(db, mode, &o, &txn, &err));
    return txn;
}

static crm_db *open_one(const char *path, kv_fault_plan *plan)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_db *db;

    o.model = MODEL;
    o.test_clock = clock_of;
    o.test_fault = plan;
    OK(crm_db_open(path, &o, &db, &err));
    return db;
}

static const char *seen(char text[80], int64_t us)
{
    crm__civil c;

    crm__civil_from_time(us, &c);
    snprintf(text, 80, "{\"seen\":\"%04d-%02d-%02dT%02d:%02d:%02dZ\"}", c.year, c.month, c.day,
             c.hour, c.minute, c.second);
    return text;
}

static void make(crm_db *db)
{
    crm_txn *txn = begin(db, CRM_WRITE);
    crm_segment *s;
    char text[80];

    for (int i = 0; i < 50; i++)
        OK(crm_customer_create_json(txn, seen(text, now - i * DAY), CRM_NUL, NULL, &err));
    OK(crm_segment_parse(txn, "seen in last 30 days", CRM_NUL, &s, &err));
    OK(crm_segment_save(txn, "late", s, 0, &err));
    OK(crm_segment_watch(txn, "late", &err));
    crm_segment_free(s);
    OK(crm_txn_commit(txn, &err));
}

static uint64_t advance(crm_db *db)
{
    crm_live_advanced d = CRM_LIVE_ADVANCED_INIT;
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;

    o.now_us = now;
    OK(crm_live_advance(db, &o, NULL, NULL, &d, &err));
    return d.left + d.entered;
}

/* What is noted of the only column in the only chunk. */
static crm__due noted(crm_db *db)
{
    crm_txn *txn = begin(db, CRM_READ);
    const crm__model *m;
    crm__live_clock clock;
    crm__due due;

    OK(crm__txn_model(txn, &m, &err));
    OK(crm__live_clock_read(txn, &clock));
    OK(crm__due_read(txn, 0, crm__model_find(m, "seen", 4)->number, clock.stamp, &due));
    crm_txn_abort(txn);
    return due;
}

static uint64_t faults(const char *path, uint32_t flags)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    crm_check_result r;

    o.flags = flags;
    if (crm_check(path, &o, sizeof r, &r, &err) != CRM_ECORRUPT)
        OK(err.code);
    return r.faults;
}

CRM_TEST(test_db_due__what_a_block_leaves_of_a_gap)
{
    uint64_t seed = crmtest_seed();

    for (size_t r = 0; r < crmtest_rounds(200, 20000); r++) {
        crm__column_cell cells[CRM__COLUMN_ROWS];
        crm__gap gap = {INT64_MIN, INT64_MAX, (int64_t)crmtest_below(&seed, 3000) - 1500};
        int64_t from = INT64_MIN, until = INT64_MAX;
        for (int b = 0; b < 3; b++) {
            uint64_t wide = crmtest_below(&seed, 2) ? 1000 : UINT64_C(1) << 62;
            crm__column c;
            crm__buf out;
            memset(cells, 0, sizeof cells);
            for (uint64_t n = crmtest_below(&seed, 40); n; n--) {
                int64_t v = (int64_t)crmtest_below(&seed, wide) - (int64_t)(wide / 2);
                cells[crmtest_below(&seed, CRM__COLUMN_ROWS)] =
                    (crm__column_cell){CRM__CELL_NUMBER, 0, v};
            }
            for (int i = 0; i < CRM__COLUMN_ROWS; i++) {
                int64_t v = cells[i].number;
                if (!cells[i].state)
                    continue;
                from = v < gap.at && v >= from ? v + 1 : from;
                until = v >= gap.at && v < until ? v : until;
            }
            crm__buf_init(&out, NULL);
            crm__column_store(cells, &out);
            if (out.n) {
                ck_assert_int_eq(crm__column_open(crm__slice_of(out.p, out.n), &c), CRM_OK);
                crm__gap_narrow(&gap, &c);
            }
            crm__buf_clear(&out);
        }
        ck_assert_int_eq(gap.from, from);
        ck_assert_int_eq(gap.until, until);
    }
}

/* A number in a gap that is noted makes it end there, whether it is written alone, with others, or
 * in the import of so many that edits are applied before the commit. */
CRM_TEST(test_db_due__writes_cut_gaps)
{
    const char *path = crmtest_path("db");
    crm_db *db;
    crm_txn *txn;
    crm__due due;
    char text[80];

    now = NOW;
    db = open_one(path, NULL);
    make(db);
    now += 3600 * CRM__US_PER_SECOND;
    advance(db);
    due = noted(db);
    ck_assert_uint_gt(due.count, 0);
    ck_assert(crm__due_none(&due, now + 1, INT64_MAX));
    txn = begin(db, CRM_WRITE);
    OK(crm_customer_patch_json(txn, 7, 0, seen(text, now + DAY), CRM_NUL, &err));
    OK(crm_txn_commit(txn, &err));
    due = noted(db);
    ck_assert(crm__due_none(&due, now + 1, now + DAY - CRM__US_PER_SECOND));
    ck_assert(!crm__due_none(&due, now + DAY / 2, now + 2 * DAY));
    crm_db_close(db);
    ck_assert_uint_eq(faults(path, 0), 0);
    db = open_one(path, NULL);
    txn = begin(db, CRM_WRITE);
    OK(crm_customer_delete(txn, 7, 0, &err));
    OK(crm_txn_commit(txn, &err));
    now += 2 * DAY;
    advance(db);
    txn = begin(db, CRM_WRITE);
    OK(crm_customer_undelete(txn, 7, 0, &err));
    OK(crm_txn_commit(txn, &err));
    crm_db_close(db);
    ck_assert_uint_eq(faults(path, 0), 0);
}

CRM_TEST(test_db_due__a_chunk_that_nobody_leaves_is_not_read)
{
    const char *path = crmtest_path("db");
    kv_fault_plan plan = {.calls = KV_CALL_GET};
    uint64_t before;
    crm_db *db;

    now = NOW;
    db = open_one(path, &plan);
    make(db);
    now += 1000;
    advance(db);
    before = plan.count;
    now += 1000;
    ck_assert_uint_eq(advance(db), 0);
    ck_assert_uint_lt(plan.count - before, CRM__COLUMN_BLOCKS / 2);
    before = plan.count;
    now += DAY;
    ck_assert_uint_eq(advance(db), 1);
    ck_assert_uint_gt(plan.count - before, CRM__COLUMN_BLOCKS);
    crm_db_close(db);
}

CRM_TEST(test_db_due__check_finds_a_false_gap)
{
    const char *path = crmtest_path("db");
    crm__gap gap = {INT64_MIN, INT64_MAX, NOW};
    crm__due due;
    const crm__model *m;
    crm_txn *txn;
    crm_db *db;
    kv_stat st;

    now = NOW;
    db = open_one(path, NULL);
    make(db);
    now += 1000;
    advance(db);
    due = noted(db);
    txn = begin(db, CRM_WRITE);
    OK(crm__txn_model(txn, &m, &err));
    OK(crm__due_note(txn, 0, crm__model_find(m, "seen", 4)->number, &due, NOW, &gap));
    OK(crm_customer_patch_json(txn, 1, 0, "{\"name\":\"A\"}", CRM_NUL, &err));
    OK(crm_txn_commit(txn, &err));
    crm_db_close(db);
    ck_assert_uint_eq(faults(path, 0), 1);
    ck_assert_uint_eq(faults(path, CRM_CHECK_REPAIR), 0);
    ck_assert_uint_eq(faults(path, 0), 0);
    db = open_one(path, NULL);
    now += DAY;
    ck_assert_uint_eq(advance(db), 1);
    txn = begin(db, CRM_WRITE);
    OK(crm_segment_unwatch(txn, "late", &err));
    OK(crm_txn_commit(txn, &err));
    txn = begin(db, CRM_READ);
    OK(txn->kv->ops->stat(txn->kv, KV_DUE, &st));
    ck_assert_uint_eq(st.entries, 0);
    crm_txn_abort(txn);
    crm_db_close(db);
}
