/* SPDX-License-Identifier: MIT
 * Heads and anchors, verifying through the public API, and trimming: images go, the chain still
 * verifies, and history says where it ends.
 */
#include "history_help.h"

#include <string.h>

static crm_head head_of(crm_db *db)
{
    crm_head h = CRM_HEAD_INIT;
    crm_txn *txn = api_begin(db, CRM_READ);

    OK(crm_journal_head(txn, &h, &er));
    OK(crm_txn_abort(txn));
    return h;
}

CRM_TEST(test_api_journal__heads)
{
    crm_head a, b, other = CRM_HEAD_INIT;
    crm_db *db = api_open();
    crm_txn *txn;

    a = head_of(db);
    ck_assert_uint_eq(a.revision, 1);
    txn = api_begin(db, CRM_WRITE);
    api_create(txn, "{\"name\":\"A\"}");
    OK(crm_journal_head(txn, &other, &er)); /* with its own changes */
    ck_assert_uint_eq(other.revision, 2);
    IS(CRM_ESTATE, crm_journal_verify(txn, NULL, 0, NULL, NULL, &er));
    api_commit(txn);
    b = head_of(db);
    ck_assert_mem_eq(&b, &other, sizeof b);
    ck_assert_mem_ne(a.chain, b.chain, sizeof a.chain);
    ck_assert_int_gt(b.recorded_us, a.recorded_us);
    txn = api_begin(db, CRM_READ);
    {
        crm_head both[2] = {b, a};
        OK(crm_journal_verify(txn, both, 2, NULL, NULL, &er));
        both[1].chain[31] ^= 1;
        IS(CRM_ECORRUPT, crm_journal_verify(txn, both, 2, NULL, NULL, &er));
        ck_assert_int_eq(er.row, 1);
        both[1] = a;
        both[0].revision = 3;
        IS(CRM_ECORRUPT, crm_journal_verify(txn, both, 2, NULL, NULL, &er));
        ck_assert_int_eq(er.row, 3);
    }
    IS(CRM_EINVAL, crm_journal_verify(NULL, NULL, 0, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_journal_verify(txn, NULL, 2, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_journal_head(NULL, &a, &er));
    IS(CRM_EINVAL, crm_journal_head(txn, NULL, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

static int end_it(uint64_t done, uint64_t total, void *ctx)
{
    ck_assert_uint_le(done, total);
    return ++*(int *)ctx > 1;
}

CRM_TEST(test_api_journal__progress)
{
    crm_db *db = api_open();
    int calls = 0;
    crm_txn *txn = api_begin(db, CRM_WRITE);

    api_create(txn, "{\"name\":\"A\"}");
    for (int i = 0; i < 9000; i++)
        OK(crm_customer_patch_json(txn, 1, 0, i % 2 ? "{\"city\":\"X\"}" : "{\"city\":\"Y\"}",
                                   CRM_NUL, &er));
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    IS(CRM_ECANCELLED, crm_journal_verify(txn, NULL, 0, end_it, &calls, &er));
    ck_assert_int_eq(calls, 2);
    OK(crm_journal_verify(txn, NULL, 0, NULL, NULL, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

/* Before and behind a trim, of everything there was. */
static void look_back(past *p, crm_txn *txn, uint64_t from, size_t seen[2])
{
    for (size_t i = 0; i < p->count; i++) {
        const past_state *s = &p->states[i];
        const past_state *later = past_at(p, s->id, UINT64_MAX);
        int rc = crm_customer_get_at(txn, s->id, s->revision, p->c, &er), lost = 0;
        char *json;
        /* Lost, when a change behind it was before the trim: what that replaced is gone. */
        for (; later->revision > s->revision; later = past_at(p, s->id, later->revision - 1))
            lost |= later->revision < from;
        seen[lost]++;
        if (lost) {
            IS(CRM_ESTATE, rc);
            continue;
        }
        OK(rc);
        OK(crm_customer_to_json(txn, p->c, CRM_JSON_ORIGINS, &json, NULL, &er));
        ck_assert_str_eq(json, s->json);
        crm_free(json);
    }
}

static void history_ends(past *p, crm_txn *txn, uint64_t from)
{
    for (crm_id id = 1; id <= p->most; id++) {
        crm_change c = CRM_CHANGE_INIT;
        crm_history *h;
        int rc, dropped = 0, created = 0;
        OK(crm_history_open(txn, id, &h, &er));
        while ((rc = crm_history_next(h, &c, &er)) == CRM_OK) {
            char *json;
            int before = dropped;
            ck_assert(!created);
            created = c.action == CRM_ACTION_CREATE;
            OK(crm_history_json(h, &json, NULL, &er));
            dropped = strstr(json, "\"dropped\":true") != NULL;
            ck_assert(dropped || !before); /* what is before it is not known either */
            ck_assert_int_eq(dropped, before || (c.revision < from && !created));
            if (before)
                ck_assert_ptr_null(strstr(json, "\"after\":"));
            crm_free(json);
        }
        ck_assert(created); /* the entries stay, to the first */
        IS(CRM_DONE, rc);
        crm_history_close(h);
    }
}

CRM_TEST(test_api_journal__trim)
{
    uint64_t dropped = 0, batch = 0, again, from;
    size_t seen[2] = {0};
    crm_head before, middle, end;
    crm_undo_result u = {.size = sizeof u};
    crm_change c = CRM_CHANGE_INIT;
    crm_change_iter *it;
    crm_txn *txn;
    past p;

    past_open(&p);
    before = head_of(p.db);
    for (int part = 0; part < 10; part++) {
        txn = past_begin(&p, part % 3 ? 0 : CRM_BATCH_NEW);
        for (int i = 0; i < 15; i++) {
            crm_id id = past_change(&p, txn);
            if (id && part % 3)
                past_keep(&p, txn, id);
        }
        if (part == 0)
            batch = crm_txn_batch(txn);
        api_commit(txn);
        past_keep_touched(&p);
        if (part == 4)
            middle = head_of(p.db);
    }
    txn = api_begin(p.db, CRM_WRITE);
    OK(crm_journal_trim(txn, middle.recorded_us, &dropped, &er));
    ck_assert_uint_gt(dropped, 0);
    api_commit(txn);
    end = head_of(p.db);
    txn = api_begin(p.db, CRM_READ);
    OK(crm_change_list(txn, end.revision - 1, &it, &er));
    OK(crm_change_next(it, &c, &er));
    ck_assert_uint_eq(c.action, CRM_ACTION_TRIM);
    from = c.target;
    crm_change_close(it);
    ck_assert(from <= middle.revision && from > 1);
    {
        crm_head anchors[3] = {before, middle, end};
        OK(crm_journal_verify(txn, anchors, 3, NULL, NULL, &er));
    }
    look_back(&p, txn, from, seen);
    ck_assert(seen[0] > 0 && seen[1] > 0);
    history_ends(&p, txn, from);
    OK(crm_txn_abort(txn));
    txn = api_begin(p.db, CRM_WRITE);
    ck_assert_int_ne(crm_undo(txn, batch, CRM_UNDO_SKIP, NULL, NULL, &u, &er), CRM_ECORRUPT);
    OK(crm_txn_abort(txn));
    /* Nothing is left to drop: no entry. */
    txn = api_begin(p.db, CRM_WRITE);
    OK(crm_journal_trim(txn, middle.recorded_us, &again, &er));
    ck_assert_uint_eq(again, 0);
    OK(crm_journal_trim(txn, INT64_MIN, &again, &er));
    ck_assert_uint_eq(again, 0);
    api_commit(txn);
    ck_assert_uint_eq(head_of(p.db).revision, end.revision);
    api_check_clean(api_path());
    /* All of them, also those of this transaction. */
    txn = past_begin(&p, 0);
    for (int i = 0; i < 15; i++)
        past_change(&p, txn);
    OK(crm_journal_trim(txn, INT64_MAX, &again, &er));
    ck_assert_uint_gt(again, 0);
    api_commit(txn);
    txn = api_begin(p.db, CRM_READ);
    OK(crm_journal_verify(txn, &end, 1, NULL, NULL, &er));
    OK(crm_txn_abort(txn));
    txn = past_begin(&p, CRM_BATCH_NEW);
    IS(CRM_ESTATE, crm_journal_trim(txn, INT64_MAX, &again, &er));
    OK(crm_txn_abort(txn));
    txn = api_begin(p.db, CRM_READ);
    IS(CRM_ESTATE, crm_journal_trim(txn, INT64_MAX, &again, &er));
    IS(CRM_EINVAL, crm_journal_trim(NULL, INT64_MAX, &again, &er));
    OK(crm_txn_abort(txn));
    past_close(&p);
    api_check_clean(api_path());
}
