/* SPDX-License-Identifier: MIT
 * Undo of a batch when things go wrong: kill -9 at random moments, a database without room.  All of
 * it is undone, or nothing; and what was not can be undone then.
 */
#include "fault.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { NEW = 400 };

typedef struct place {
    char db[512], work[512];
    uint64_t batch, before, after;
} place;

static uint64_t state_of(const char *dir)
{
    crm_db *db = fault_open(dir, NULL);
    uint64_t state = fault_state(db);

    crm_db_close(db);
    return state;
}

static int undo(const char *dir, uint64_t batch, const crm_db_options *opts, crm_error *err)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_txn *txn = NULL;
    crm_db *db;
    int rc;

    if (opts)
        o = *opts;
    o.test_clock = fault_clock;
    rc = crm_db_open(dir, &o, &db, err);
    if (rc)
        return rc;
    rc = crm_txn_begin(db, CRM_WRITE, NULL, &txn, err);
    if (!rc)
        rc = crm_undo(txn, batch, 0, NULL, NULL, NULL, err);
    if (rc)
        crm_txn_abort(txn);
    else
        rc = crm_txn_commit(txn, err);
    crm_db_close(db);
    return rc;
}

/* A batch that creates, changes and deletes, with events. */
static void prepare(place *p)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    char json[700];
    crm_txn *txn;
    crm_db *db;
    int rc;

    snprintf(p->db, sizeof p->db, "%s", fault_path("db"));
    snprintf(p->work, sizeof p->work, "%s", fault_path("work"));
    fault_make_base(p->db);
    db = fault_open(p->db, NULL);
    o.batch = CRM_BATCH_NEW;
    fault_is(crm_txn_begin(db, CRM_WRITE, &o, &txn, &err), CRM_OK, &err, "begin");
    for (int i = 0; i < NEW; i++) {
        snprintf(json, sizeof json, "{\"name\":\"New %d\",\"notes\":\"%0500d\"}", i, i);
        fault_is(crm_customer_create_json(txn, json, CRM_NUL, NULL, &err), CRM_OK, &err, "create");
    }
    for (crm_id id = 1; id <= FAULT_CUSTOMERS; id++) {
        snprintf(json, sizeof json, "{\"notes\":\"%0500d\"}", (int)id);
        rc = id % 3 ? crm_customer_patch_json(txn, id, 0, json, CRM_NUL, &err)
                    : crm_customer_delete(txn, id, 0, &err);
        ck_assert(!rc || rc == CRM_ENOTFOUND);
    }
    p->batch = crm_txn_batch(txn);
    ck_assert_uint_ne(p->batch, 0);
    fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "commit");
    crm_db_close(db);
    p->before = state_of(p->db);
    fault_copy(p->db, p->work);
    fault_is(undo(p->work, p->batch, NULL, &err), CRM_OK, &err, "undo");
    p->after = state_of(p->work);
    ck_assert_uint_ne(p->before, p->after);
}

static int undo_alone(void *ctx)
{
    const place *p = ctx;
    crm_error err = CRM_ERROR_INIT;

    return undo(p->work, p->batch, NULL, &err) != CRM_OK;
}

CRM_TEST(test_fault_undo__kill_at_random_moments)
{
    size_t kills = crmtest_rounds(30, 1000), done = 0, not_done = 0;
    uint64_t seed = crmtest_seed();
    crm_error err = CRM_ERROR_INIT;
    place p;

    prepare(&p);
    for (size_t i = 0; i < kills; i++) {
        uint64_t us = crmtest_below(&seed, 30000), state;
        fault_copy(p.db, p.work);
        fault_kill_after(fault_fork(undo_alone, &p), us);
        fault_clean(p.work, "after a kill");
        state = state_of(p.work);
        ck_assert_msg(state == p.before || state == p.after, "kill %zu: half of it is undone", i);
        done += state == p.after;
        not_done += state == p.before;
        if (state == p.before)
            fault_is(undo(p.work, p.batch, NULL, &err), CRM_OK, &err, "undone then");
        ck_assert_msg(state_of(p.work) == p.after, "kill %zu: another state", i);
    }
    ck_assert_uint_eq(done + not_done, kills);
}

CRM_TEST(test_fault_undo__no_room)
{
    crm_error err = CRM_ERROR_INIT;
    uint64_t full = 0;
    place p;

    prepare(&p);
    for (uint64_t pages = 40; pages < 1000; pages += 20) {
        crm_db_options o = CRM_DB_OPTIONS_INIT;
        int rc;
        o.size_limit = pages * 4096;
        fault_copy(p.db, p.work);
        rc = undo(p.work, p.batch, &o, &err);
        if (!rc) {
            ck_assert(state_of(p.work) == p.after);
            break;
        }
        fault_is(rc, CRM_EFULL, &err, "no room");
        full++;
        fault_clean(p.work, "no room");
        ck_assert_msg(state_of(p.work) == p.before, "%d pages: something was undone", (int)pages);
        fault_is(undo(p.work, p.batch, NULL, &err), CRM_OK, &err, "with room");
        ck_assert(state_of(p.work) == p.after);
    }
    ck_assert_uint_ge(full, 2);
}
