/* SPDX-License-Identifier: MIT
 * Undo of events that something happened to since; calls on the journal in the wrong state, and
 * again after an error.
 */
#include "help.h"

#include <stdio.h>
#include <string.h>

static uint32_t add(crm_txn *txn, crm_id id, const char *json)
{
    uint32_t number;

    OK(crm_event_add_json(txn, id, json, CRM_NUL, &number, &er));
    return number;
}

static crm_txn *begin_batch(crm_db *db)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.batch = CRM_BATCH_NEW;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    return txn;
}

static uint64_t commit(crm_txn *txn)
{
    uint64_t revision = crm_txn_revision(txn);

    api_commit(txn);
    return revision;
}

static int told(crm_id id, uint64_t revision, void *ctx)
{
    uint64_t *seen = ctx;

    seen[0] = id;
    seen[1] = revision;
    return 0;
}

static void same_sum(crm_db *db, crm_id id, const char *sum)
{
    crm_txn *txn = api_begin(db, CRM_READ);
    char *json;

    OK(crm_event_totals_json(txn, id, &json, NULL, &er));
    ck_assert_msg(strstr(json, sum), "%s, not %s", json, sum);
    crm_free(json);
    crm_txn_abort(txn);
}

#define ORDER(amount)                                                                              \
    "{\"kind\":\"order\",\"amount\":\"" amount " CNY\",\"source\":\"s\",\"reference\":\"r\"}"

CRM_TEST(test_api_undo_events__corrected_since)
{
    crm_undo_result r = {.size = sizeof r};
    crm_db *db = api_open();
    uint64_t batch, since, seen[2] = {0, 0};
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}");

    api_commit(txn);
    txn = begin_batch(db);
    ck_assert_uint_eq(add(txn, id, ORDER("5")), 1);
    batch = commit(txn);
    txn = api_begin(db, CRM_WRITE);
    add(txn, id, "{\"kind\":\"order\",\"amount\":\"7 CNY\",\"voids\":1}");
    since = commit(txn);
    txn = api_begin(db, CRM_WRITE);
    IS(CRM_ECONFLICT, crm_undo(txn, batch, 0, told, seen, &r, &er));
    ck_assert(seen[0] == id && seen[1] == since);
    OK(crm_undo(txn, batch, CRM_UNDO_SKIP, NULL, NULL, &r, &er));
    ck_assert(r.skipped == 1 && r.events == 0 && r.batch == 0);
    crm_txn_abort(txn);
    same_sum(db, id, "\"7\"");
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_undo_events__stored_anew_since)
{
    crm_undo_result r = {.size = sizeof r};
    crm_db *db = api_open();
    uint64_t batch;
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}");

    ck_assert_uint_eq(add(txn, id, ORDER("5")), 1);
    api_commit(txn);
    txn = begin_batch(db);
    OK(crm_event_void(txn, id, 1, &er));
    batch = commit(txn);
    txn = api_begin(db, CRM_WRITE);
    ck_assert_uint_eq(add(txn, id, ORDER("5")), 3);
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    IS(CRM_ECONFLICT, crm_undo(txn, batch, 0, NULL, NULL, &r, &er));
    OK(crm_undo(txn, batch, CRM_UNDO_SKIP, NULL, NULL, &r, &er));
    ck_assert(r.skipped == 1 && r.events == 0);
    api_commit(txn);
    same_sum(db, id, "\"5\"");
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_undo_events__voids_of_the_batch_itself)
{
    crm_undo_result r = {.size = sizeof r};
    crm_db *db = api_open();
    uint64_t batch;
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}");

    add(txn, id, ORDER("5"));
    api_commit(txn);
    txn = begin_batch(db);
    add(txn, id,
        "{\"kind\":\"order\",\"amount\":\"6 "
        "CNY\",\"source\":\"s\",\"reference\":\"r\",\"voids\":1}");
    add(txn, id, "{\"kind\":\"visit\"}");
    OK(crm_event_void(txn, id, 3, &er));
    batch = commit(txn);
    same_sum(db, id, "\"6\"");
    txn = api_begin(db, CRM_WRITE);
    OK(crm_undo(txn, batch, 0, NULL, NULL, &r, &er));
    ck_assert(r.skipped == 0 &&
              r.events == 2); /* the correction is voided, the first stored anew */
    api_commit(txn);
    same_sum(db, id, "\"5\"");
    crm_db_close(db);
    api_check_clean(api_path());
}

/* Two parts of a batch void the event of a reference, which somebody stored anew between them: only
 * the one that was in force before the second part comes back. */
CRM_TEST(test_api_undo_events__voided_twice)
{
    crm_db *db = api_open();

    for (int others = 0; others < 200; others += 150) {
        crm_undo_result r = {.size = sizeof r};
        crm_txn_options o = CRM_TXN_OPTIONS_INIT;
        uint32_t number = 0;
        crm_txn *txn = api_begin(db, CRM_WRITE);
        crm_id id = api_create(txn, "{\"name\":\"A\"}");

        for (int i = 0; i < others; i++)
            number =
                add(txn, id, "{\"kind\":\"call\",\"text\":\"a call, like all others before\"}");
        ck_assert_uint_eq(add(txn, id, ORDER("5")), number + 1);
        api_commit(txn);
        txn = begin_batch(db);
        OK(crm_event_void(txn, id, number + 1, &er));
        o.batch = commit(txn);
        txn = api_begin(db, CRM_WRITE);
        ck_assert_uint_eq(add(txn, id, ORDER("6")), number + 3);
        api_commit(txn);
        OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
        OK(crm_event_void(txn, id, number + 3, &er));
        api_commit(txn);
        txn = api_begin(db, CRM_WRITE);
        OK(crm_undo(txn, o.batch, 0, NULL, NULL, &r, &er));
        ck_assert(r.skipped == 0 && r.events == 1);
        api_commit(txn);
        same_sum(db, id, "\"6\"");
        same_sum(db, id, "\"order\":{\"count\":1,");
    }
    crm_db_close(db);
    api_check_clean(api_path());
}

/* A single change once more: by whom it was undone; when that was undone itself it may be again. */
CRM_TEST(test_api_undo_events__single_change_once)
{
    crm_undo_result r = {.size = sizeof r}, back = {.size = sizeof back};
    crm_db *db = api_open();
    uint64_t change[4], undone[4];
    char want[80];
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}");

    OK(crm_customer_patch_json(txn, id, 0, "{\"city\":\"X\"}", CRM_NUL, &er));
    change[0] = crm_txn_revision(txn);
    add(txn, id, "{\"kind\":\"visit\"}");
    change[1] = crm_txn_revision(txn);
    add(txn, id, "{\"kind\":\"call\"}");
    OK(crm_event_void(txn, id, 2, &er));
    change[2] = crm_txn_revision(txn);
    api_create(txn, "{\"name\":\"B\"}");
    change[3] = crm_txn_revision(txn);
    for (int i = 0; i < 4; i++) {
        OK(crm_undo(txn, change[i], 0, NULL, NULL, &r, &er));
        undone[i] = r.batch;
    }
    OK(crm_customer_patch_json(txn, id, 0, "{\"city\":\"Y\"}", CRM_NUL, &er));
    for (int i = 0; i < 4; i++) {
        uint64_t before = crm_txn_revision(txn);
        for (uint32_t flags = 0; flags < 4; flags++)
            IS(CRM_ESTATE, crm_undo(txn, change[i], flags, NULL, NULL, &r, &er));
        snprintf(want, sizeof want, "change %llu was undone already by %llu",
                 (unsigned long long)change[i], (unsigned long long)undone[i]);
        ck_assert_str_eq(er.message, want);
        ck_assert_uint_eq(crm_txn_revision(txn), before);
    }
    for (int i = 1; i < 4; i++) {
        OK(crm_undo(txn, undone[i], 0, NULL, NULL, &back, &er));
        /* It is in force again, by another event or entry than its own. */
        if (i == 2)
            OK(crm_undo(txn, change[i], 0, NULL, NULL, &r, &er));
        else
            IS(CRM_ECONFLICT, crm_undo(txn, change[i], 0, NULL, NULL, &r, &er));
    }
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_undo_events__no_further_part_of_an_undo)
{
    crm_undo_result r = {.size = sizeof r};
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_db *db = api_open();
    crm_txn *txn = begin_batch(db);

    api_create(txn, "{\"name\":\"A\"}");
    o.batch = commit(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_undo(txn, o.batch, CRM_UNDO_DRY_RUN, NULL, NULL, &r, &er));
    ck_assert(r.deleted == 1 && r.batch == 0);
    OK(crm_undo(txn, o.batch, 0, NULL, NULL, &r, &er));
    api_commit(txn);
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    IS(CRM_ESTATE, crm_customer_create_json(txn, "{\"name\":\"B\"}", CRM_NUL, NULL, &er));
    crm_txn_abort(txn);
    o.batch = r.batch;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    IS(CRM_ESTATE, crm_customer_create_json(txn, "{\"name\":\"B\"}", CRM_NUL, NULL, &er));
    crm_txn_abort(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_undo_events__history_goes_on_after_an_error)
{
    crm_change c = CRM_CHANGE_INIT;
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}");
    crm_history *h;

    OK(crm_customer_patch_json(txn, id, 0, "{\"name\":\"B\"}", CRM_NUL, &er));
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    OK(crm_history_open(txn, id, &h, &er));
    for (int i = 0; i < 3; i++) {
        crm_change none = {0};
        IS(CRM_EINVAL, crm_history_next(h, NULL, &er));
        if (i < 2)
            IS(CRM_EINVAL, crm_history_next(h, &none, &er));
        IS(i < 2 ? CRM_OK : CRM_DONE, crm_history_next(h, &c, &er));
        if (i < 2)
            ck_assert_int_eq(c.action, i ? CRM_ACTION_CREATE : CRM_ACTION_UPDATE);
        else
            break;
    }
    crm_history_close(h);
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_undo_events__no_trim_inside_a_batch)
{
    crm_db *db = api_open();
    crm_txn *txn = begin_batch(db);

    api_create(txn, "{\"name\":\"A\"}");
    memset(&er, 0, sizeof er);
    crm_error_init(&er);
    IS(CRM_ESTATE, crm_journal_trim(txn, INT64_MAX, NULL, &er));
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}
