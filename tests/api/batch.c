/* SPDX-License-Identifier: MIT
 * Batch transactions: their options, the one entry they make, going on in further transactions,
 * what a savepoint takes back, groups, and what is not possible inside one.
 */
#include "history_help.h"

#include <pthread.h>
#include <string.h>

static crm_txn *begin(crm_db *db, uint64_t batch, const char *name)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.batch = batch;
    o.batch_name = name;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    return txn;
}

static uint64_t head(crm_db *db)
{
    crm_db_stat st;

    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    return st.revision;
}

static void patch(crm_txn *txn, crm_id id, const char *json)
{
    OK(crm_customer_patch_json(txn, id, 0, json, CRM_NUL, &er));
}

CRM_TEST(test_api_batch__options)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    char name[300];
    crm_db *db = api_open();
    crm_txn *txn = NULL;

    memset(name, 'n', sizeof name);
    name[201] = 0;
    o.batch_name = name;
    IS(CRM_EINVAL, crm_txn_begin(db, CRM_WRITE, &o, &txn, &er)); /* a name, but no batch */
    o.batch = CRM_BATCH_NEW;
    IS(CRM_EINVAL, crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    name[200] = 0;
    IS(CRM_EINVAL, crm_txn_begin(db, CRM_READ, &o, &txn, &er));
    ck_assert_ptr_null(txn);
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    OK(crm_txn_abort(txn));
    name[7] = 1;
    IS(CRM_EINVAL, crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    name[7] = (char)0xc3;
    IS(CRM_EINVAL, crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    ck_assert_uint_eq(crm_txn_batch(NULL), 0);
    txn = api_begin(db, CRM_WRITE);
    api_create(txn, "{\"name\":\"A\"}");
    ck_assert_uint_eq(crm_txn_batch(txn), 0);
    api_commit(txn);
    txn = begin(db, 2, NULL); /* a revision, but no batch */
    IS(CRM_ENOTFOUND, crm_customer_delete(txn, 1, 0, &er));
    IS(CRM_ENOTFOUND, crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, &er));
    api_commit(txn);
    ck_assert_uint_eq(head(db), 2);
    crm_db_close(db);
}

/* One entry a transaction, however many changes; none of what changes nothing. */
CRM_TEST(test_api_batch__one_entry)
{
    crm_savepoint mark, before;
    crm_db *db = api_open();
    uint64_t batch;
    crm_txn *txn = begin(db, CRM_BATCH_NEW, "empty");

    api_commit(txn);
    ck_assert_uint_eq(head(db), 1);
    txn = begin(db, CRM_BATCH_NEW, "first");
    OK(crm_txn_savepoint(txn, &before, &er));
    api_create(txn, "{\"name\":\"A\"}");
    ck_assert_uint_eq(crm_txn_batch(txn), 2);
    OK(crm_txn_rollback(txn, before, &er));
    ck_assert_uint_eq(crm_txn_batch(txn), 0);
    ck_assert_uint_eq(crm_txn_revision(txn), 1);
    for (int i = 0; i < 20; i++)
        api_create(txn, "{\"name\":\"A\"}");
    IS(CRM_EVALUE, crm_customer_create_json(txn, "{}", CRM_NUL, NULL, &er));
    OK(crm_txn_savepoint(txn, &mark, &er));
    patch(txn, 3, "{\"city\":\"X\"}");
    OK(crm_customer_delete(txn, 4, 0, &er));
    OK(crm_txn_rollback(txn, mark, &er));
    /* A list has the edits put in the engine; what comes behind it still is of the entry. */
    ck_assert_uint_eq(api_list(txn, NULL, NULL, 0), 20);
    patch(txn, 3, "{\"city\":\"Y\"}");
    IS(CRM_ESTATE, crm_model_apply(txn, "crm: 1\nfields:\n  name: {type: text}\n", CRM_NUL,
                                   CRM_FORCE, NULL, NULL, &er));
    batch = crm_txn_batch(txn);
    api_commit(txn);
    ck_assert_uint_eq(head(db), 2);
    txn = begin(db, batch, NULL);
    patch(txn, 5, "{\"city\":\"Z\"}");
    ck_assert_uint_eq(api_list(txn, NULL, NULL, 0), 20);
    patch(txn, 5, "{\"city\":\"Z2\",\"name\":\"B\"}");
    ck_assert(crm_txn_batch(txn) == batch && crm_txn_revision(txn) == 3);
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    {
        crm_undo_result u = {.size = sizeof u};
        OK(crm_undo(txn, 3, 0, NULL, NULL, &u, &er));
        ck_assert(u.deleted == 20 && u.restored == 0 && u.batch == 4);
        ck_assert_uint_eq(api_list(txn, NULL, NULL, 0), 0);
    }
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- members of groups ---- */

typedef struct member {
    crm_db *db;
    int number, fail, rc;
    uint64_t batch;
} member;

static int member_fn(crm_txn *txn, void *ctx)
{
    member *m = ctx;
    crm_id id;
    int rc = CRM_OK;

    for (int i = 0; i < 3 && !rc; i++)
        rc = crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, &id, NULL);
    if (!rc)
        rc = crm_customer_patch_json(txn, 1, 0, m->number % 2 ? "{\"score\":1}" : "{\"score\":2}",
                                     CRM_NUL, NULL);
    m->batch = crm_txn_batch(txn);
    return rc ? rc : m->fail ? 7 : CRM_OK;
}

static void *member_thread(void *ctx)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    member *m = ctx;

    o.batch = m->number % 3 ? CRM_BATCH_NEW : 0;
    m->rc = crm_db_write(m->db, &o, member_fn, m, NULL);
    return NULL;
}

CRM_TEST(test_api_batch__groups)
{
    enum { MEMBERS = 8 };
    crm_db *db = api_open();
    crm_change c = CRM_CHANGE_INIT;
    crm_change_iter *it;
    pthread_t t[MEMBERS];
    member m[MEMBERS];
    uint64_t created = 0, batches = 0;
    crm_txn *txn = api_begin(db, CRM_WRITE);

    api_create(txn, "{\"name\":\"A\"}");
    api_commit(txn);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < MEMBERS; i++) {
            m[i] = (member){db, i, i % 4 == 3, 1, 0};
            ck_assert_int_eq(pthread_create(&t[i], NULL, member_thread, &m[i]), 0);
        }
        for (int i = 0; i < MEMBERS; i++) {
            ck_assert_int_eq(pthread_join(t[i], NULL), 0);
            ck_assert_int_eq(m[i].rc, m[i].fail ? 7 : CRM_OK);
            created += m[i].fail ? 0 : 3;
            batches += !m[i].fail && i % 3;
            ck_assert_int_eq(m[i].batch != 0, i % 3 != 0);
        }
    }
    txn = api_begin(db, CRM_READ);
    OK(crm_journal_verify(txn, NULL, 0, NULL, NULL, &er));
    OK(crm_change_list(txn, 2, &it, &er));
    while (crm_change_next(it, &c, &er) == CRM_OK) {
        if (c.action == CRM_ACTION_BATCH) {
            ck_assert(c.created == 3 && c.changed <= 1 && c.batch == c.revision);
            created -= 3;
            batches--;
        } else {
            created -= c.action == CRM_ACTION_CREATE;
        }
    }
    ck_assert(!created && !batches);
    crm_change_close(it);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}
