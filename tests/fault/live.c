/* SPDX-License-Identifier: MIT
 * The scenario of watched segments: watched, told by single changes, a batch, a group and the
 * clock, given another meaning, read, watched no more.
 */
#include "fault.h"

#define PART(call)                                                                                 \
    do {                                                                                           \
        int part_ = (call);                                                                        \
        if (part_ != FAULT_GO)                                                                     \
            return part_;                                                                          \
    } while (0)

#define DAY INT64_C(86400000000)
enum { FIRST = 5 };

static int save(fault_run *r, crm_txn *txn, const char *name, const char *text, uint32_t flags)
{
    crm_segment *s;
    int rc = crm_segment_parse(txn, text, CRM_NUL, &s, &r->err);

    if (rc)
        return rc;
    rc = crm_segment_save(txn, name, s, flags, &r->err);
    crm_segment_free(s);
    return rc;
}

static int watch_part(fault_run *r, crm_txn *txn)
{
    STEP(r, CRM_OK, save(r, txn, "high", "tag(value:high)", 0));
    STEP(r, CRM_OK, save(r, txn, "mood", "segment(high) or tag(mood:*)", 0));
    STEP(r, CRM_OK, crm_segment_watch(txn, "high", &r->err));
    STEP(r, CRM_OK, crm_segment_watch(txn, "mood", &r->err));
    STEP(r, CRM_DONE, crm_segment_watch(txn, "mood", &r->err));
    return FAULT_GO;
}

static int tag_part(fault_run *r, crm_txn *txn)
{
    crm_tag_options o = CRM_TAG_OPTIONS_INIT;
    crm_id ids[] = {FIRST + 1, FIRST + 2, FIRST + 3};
    uint64_t n;

    o.until_us = INT64_C(1800000000000000);
    STEP(r, CRM_OK, crm_tag_add(txn, FIRST, "value:high", NULL, &r->err));
    STEP(r, CRM_OK, crm_tag_add_many(txn, ids, 3, "mood:a", &o, &n, &r->err));
    return FAULT_GO;
}

static int meaning_part(fault_run *r, crm_txn *txn)
{
    STEP(r, CRM_OK, save(r, txn, "high", "tag(value:low)", CRM_SEGMENT_REPLACE));
    return FAULT_GO;
}

static int unwatch_part(fault_run *r, crm_txn *txn)
{
    STEP(r, CRM_OK, crm_segment_unwatch(txn, "high", &r->err));
    STEP(r, CRM_OK, crm_segment_unwatch(txn, "mood", &r->err));
    return FAULT_GO;
}

static int walk_told(fault_run *r, crm_txn *txn)
{
    crm_live_change c = CRM_LIVE_CHANGE_INIT;
    crm_live_iter *it;
    int rc = crm_live_list(txn, 0, NULL, &it, &r->err);

    if (rc)
        return rc;
    while ((rc = crm_live_next(it, &c, &r->err)) == CRM_OK)
        ;
    crm_live_close(it);
    return rc == CRM_DONE ? CRM_OK : rc;
}

static int read_part(fault_run *r, crm_txn *txn)
{
    crm_live_segment s = CRM_LIVE_SEGMENT_INIT;

    STEP(r, CRM_OK, walk_told(r, txn));
    STEP(r, CRM_OK, crm_live_watched(txn, NULL, &s, &r->err));
    fault_saw_number(r, s.customers);
    STEP(r, CRM_OK, crm_journal_verify(txn, NULL, 0, NULL, NULL, &r->err));
    return FAULT_GO;
}

static int advance(fault_run *r, int64_t now)
{
    crm_live_advanced d = CRM_LIVE_ADVANCED_INIT;
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;

    o.now_us = now;
    STEP(r, CRM_OK, crm_live_advance(r->db, &o, NULL, NULL, &d, &r->err));
    fault_saw_number(r, d.left);
    r->commits++;
    if (r->keep_states)
        r->states[r->commits] = fault_state(r->db);
    return FAULT_GO;
}

int fault_live(fault_run *r)
{
    crm_txn_options batch = CRM_TXN_OPTIONS_INIT, plain = CRM_TXN_OPTIONS_INIT;
    crm_db_options o = r->opts;

    batch.batch = CRM_BATCH_NEW;
    plain.now_us = INT64_C(1700000000000000);
    STEP(r, CRM_OK, crm_db_open(r->dir, &o, &r->db, &r->err));
    PART(fault_txn(r, CRM_WRITE, &plain, watch_part));
    PART(fault_txn(r, CRM_WRITE, &batch, tag_part));
    PART(fault_group(r, &plain, meaning_part));
    PART(fault_txn(r, CRM_READ, NULL, read_part));
    PART(advance(r, INT64_C(1800000000000000) + DAY));
    PART(fault_txn(r, CRM_WRITE, &plain, unwatch_part));
    return FAULT_GO;
}

/* ---- numbers that are given again ---- */

static int give(crm_db *db, const char *tag, crm_id id)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    int rc;

    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
    fault_is(crm_tag_add(txn, id, tag, NULL, &err), CRM_OK, &err, tag);
    fault_is(crm_customer_patch_json(txn, id, 0, "{\"name\":\"Somebody\"}", CRM_NUL, &err), CRM_OK,
             &err, "patch");
    rc = crm_txn_commit(txn, &err);
    return rc;
}

/* The one customer in it; 0: nobody. */
static crm_id told(crm_db *db, const char *name)
{
    crm_error err = CRM_ERROR_INIT;
    crm_live_change c = CRM_LIVE_CHANGE_INIT;
    crm_live_iter *it;
    crm_txn *txn;
    crm_id in = 0;

    fault_is(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), CRM_OK, &err, "begin");
    fault_is(crm_live_list(txn, 0, name, &it, &err), CRM_OK, &err, "feed");
    while (crm_live_next(it, &c, &err) == CRM_OK)
        in = c.entered ? c.customer : 0;
    crm_live_close(it);
    crm_txn_abort(txn);
    return in;
}

/* A commit that fails when watched segments were asked already takes back the names it gave, and
 * with the next one their numbers are those of other names. */
CRM_TEST(test_fault_live__numbers_of_a_failed_commit)
{
    const char *dir = fault_path("live-numbers");
    kv_fault_plan plan = {0};
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    fault_run r = {0};
    crm_db *db;
    crm_txn *txn;

    fault_make_base(dir);
    o.test_fault = &plan;
    db = fault_open(dir, &o);
    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &r.err), CRM_OK, &r.err, "begin");
    fault_is(save(&r, txn, "x", "tag(mood:x) or name = \"Nobody\"", 0), CRM_OK, &r.err, "save");
    fault_is(save(&r, txn, "y", "tag(mood:y) or name = \"Nobody\"", 0), CRM_OK, &r.err, "save");
    fault_is(crm_segment_watch(txn, "x", &r.err), CRM_OK, &r.err, "watch");
    fault_is(crm_segment_watch(txn, "y", &r.err), CRM_OK, &r.err, "watch");
    fault_is(crm_txn_commit(txn, &r.err), CRM_OK, &r.err, "commit");
    plan.calls = KV_CALL_COMMIT;
    plan.after = plan.count + 1;
    plan.code = CRM_EIO;
    ck_assert_int_eq(give(db, "mood:x", FIRST), CRM_EIO);
    plan.after = 0;
    ck_assert_int_eq(give(db, "mood:y", FIRST + 1), CRM_OK);
    ck_assert_uint_eq(told(db, "x"), 0);
    ck_assert_uint_eq(told(db, "y"), FIRST + 1);
    ck_assert_int_eq(give(db, "mood:x", FIRST + 2), CRM_OK);
    ck_assert_uint_eq(told(db, "x"), FIRST + 2);
    ck_assert_uint_eq(told(db, "y"), FIRST + 1);
    crm_db_close(db);
    fault_clean(dir, "in the end");
}
