/* SPDX-License-Identifier: MIT
 * The row of the clock of watched segments, damaged: the next change makes it anew and asks
 * everybody.
 */
#include "db/live.h"

#include "crmtest.h"

#include <crm/crm.h>

static crm_error err = CRM_ERROR_INIT;
#define OK(call) ck_assert_msg((call) >= 0, "%s: %s", #call, err.message)

static crm_txn *begin(crm_db *db, int mode)
{
    crm_txn *txn;

    OK(crm_txn_begin(db, mode, NULL, &txn, &err));
    return txn;
}

/* A row that no clock has; the change that is to be told is written with it, unseen. */
static void damage(crm_db *db, crm_id id)
{
    crm_txn *txn = begin(db, CRM_WRITE);

    txn->touched.asked = 1; /* nothing is told */
    OK(crm_customer_patch_json(txn, id, 0, "{\"score\":900}", CRM_NUL, &err));
    OK(crm__edits_put(&txn->edits, KV_META, crm__slice_of("live", 4), crm__slice_of("x", 1), 0));
    OK(crm_txn_commit(txn, &err));
}

static uint64_t told(crm_db *db)
{
    crm_live_segment s = CRM_LIVE_SEGMENT_INIT;
    crm_txn *txn = begin(db, CRM_READ);

    ck_assert_int_eq(crm_live_watched(txn, NULL, &s, &err), CRM_OK);
    crm_txn_abort(txn);
    return s.customers;
}

CRM_TEST(test_db_live__a_damaged_clock_is_made_anew)
{
    crm_live_advanced d = CRM_LIVE_ADVANCED_INIT;
    crm_segment *s;
    crm_txn *txn;
    crm_db *db;
    crm_id a, b;

    OK(crm_db_open(crmtest_path("db"), NULL, &db, &err));
    txn = begin(db, CRM_WRITE);
    OK(crm_customer_create_json(txn, "{\"name\":\"A\",\"score\":1}", CRM_NUL, &a, &err));
    OK(crm_customer_create_json(txn, "{\"name\":\"B\",\"score\":1}", CRM_NUL, &b, &err));
    OK(crm_segment_parse(txn, "score >= 500", CRM_NUL, &s, &err));
    OK(crm_segment_save(txn, "high", s, 0, &err));
    OK(crm_segment_watch(txn, "high", &err));
    crm_segment_free(s);
    OK(crm_txn_commit(txn, &err));
    damage(db, a);
    ck_assert_uint_eq(told(db), 0);
    txn = begin(db, CRM_WRITE); /* of somebody else */
    OK(crm_customer_patch_json(txn, b, 0, "{\"name\":\"C\"}", CRM_NUL, &err));
    OK(crm_txn_commit(txn, &err));
    ck_assert_uint_eq(told(db), 1);
    damage(db, b);
    OK(crm_live_advance(db, NULL, NULL, NULL, &d, &err));
    ck_assert_uint_eq(told(db), 2);
    damage(db, b);
    txn = begin(db, CRM_WRITE);
    OK(crm_segment_unwatch(txn, "high", &err));
    OK(crm_txn_commit(txn, &err));
    crm_db_close(db);
}
