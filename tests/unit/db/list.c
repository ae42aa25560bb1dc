/* SPDX-License-Identifier: MIT
 * Damage under a walk: a set of customers is told once, and the walk goes on behind its chunk; an
 * entry of the journal is told again and again, and a walk that begins behind it goes on.
 */
#include "crmtest.h"
#include "db/txn.h"

#include <crm/crm.h>

#include <string.h>

static crm_error err = CRM_ERROR_INIT;
#define OK(call) ck_assert_msg((call) == CRM_OK, "%s: %s", #call, err.message)

enum { MANY = 66000, CHUNK = 65536 };

static void fill(crm_db *db)
{
    crm_customer *c;
    crm_txn *txn;
    crm_field n;
    crm_id id;

    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err));
    OK(crm_field_find(txn, "n", CRM_NUL, &n, &err));
    OK(crm_customer_new(txn, &c, &err));
    for (int i = 1; i <= MANY; i++) {
        OK(crm_customer_set_integer(c, &n, i, &err));
        OK(crm_customer_create(txn, c, &id, &err));
    }
    crm_customer_free(c);
    OK(crm_tag_add(txn, 7, "t:x", NULL, &err));
    OK(crm_tag_add(txn, CHUNK + 7, "t:x", NULL, &err));
    OK(crm_customer_delete(txn, 5, 0, &err));
    OK(crm_customer_delete(txn, CHUNK + 5, 0, &err));
    OK(crm_txn_commit(txn, &err));
}

/* A byte where the set of a chunk was. */
static void damage(crm_db *db, uint64_t chunk, uint32_t value)
{
    uint8_t key[CRM__KEY_BITS];
    crm_txn *txn;

    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err));
    OK(txn->kv->ops->put(txn->kv, KV_BITS, crm__key_bits(key, chunk, CRM__BITS_ROOT, value),
                         crm__slice_of("x", 1), 0));
    txn->state.changed = 1;
    OK(crm_txn_commit(txn, &err));
}

/* Walks to the end: how many came, the first of them; which faults were told. */
static size_t walk(crm_customer_iter *it, crm_id *first, size_t *faults)
{
    crm_customer *c;
    size_t n = 0;
    int rc;

    *first = 0;
    *faults = 0;
    while ((rc = crm_customer_next(it, &c, &err)) != CRM_DONE) {
        if (rc == CRM_OK) {
            *first = *first ? *first : crm_customer_id(c);
            n++;
            continue;
        }
        ck_assert_int_eq(rc, CRM_ECORRUPT);
        ck_assert_ptr_null(c);
        ck_assert_msg(++*faults < 3, "the walk does not go on: %s", err.message);
    }
    ck_assert_int_eq(crm_customer_next(it, &c, &err), CRM_DONE);
    crm_customer_list_close(it);
    return n;
}

static void lists(crm_db *db, int mode)
{
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    crm_customer_iter *it;
    size_t faults;
    crm_id first;
    crm_txn *txn;

    OK(crm_txn_begin(db, mode, NULL, &txn, &err));
    OK(crm_customer_list(txn, NULL, &it, &err));
    ck_assert_uint_eq(walk(it, &first, &faults), MANY - CHUNK);
    ck_assert_uint_eq(first, CHUNK);
    ck_assert_uint_eq(faults, 1);
    ck_assert_int_eq(err.row, 1);
    ck_assert_str_eq(err.message,
                     "can't read which of customers 1 to 65535 there are: damaged data");

    o.after = 65530;
    OK(crm_customer_list(txn, &o, &it, &err));
    ck_assert_uint_eq(walk(it, &first, &faults), MANY - CHUNK);
    ck_assert_uint_eq(faults, 1);
    ck_assert_int_eq(err.row, 65531);

    o.after = CHUNK - 1; /* what is damaged is not asked for */
    OK(crm_customer_list(txn, &o, &it, &err));
    ck_assert_uint_eq(walk(it, &first, &faults), MANY - CHUNK);
    ck_assert_uint_eq(faults, 0);

    OK(crm_tag_customers(txn, "t:x", 0, 0, &it, &err));
    ck_assert_uint_eq(walk(it, &first, &faults), 1);
    ck_assert_uint_eq(first, CHUNK + 7);
    ck_assert_uint_eq(faults, 1);

    o.after = 0;
    o.flags = CRM_LIST_DELETED; /* in the last chunk: the walk ends behind it */
    OK(crm_customer_list(txn, &o, &it, &err));
    ck_assert_uint_eq(walk(it, &first, &faults), 1);
    ck_assert_uint_eq(first, 5);
    ck_assert_uint_eq(faults, 1);
    ck_assert_str_eq(err.message,
                     "can't read which of customers 65536 to 66000 there are: damaged data");
    OK(crm_txn_abort(txn));
}

CRM_TEST(test_db_list__damaged_sets_are_told_once)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_db *db;

    o.model = "crm: 1\nfields:\n  n: {type: integer}\ntags:\n  t: {values: [x]}\n";
    OK(crm_db_open(crmtest_path("db"), &o, &db, &err));
    fill(db);
    damage(db, 0, CRM__ROOT_LIVE);
    damage(db, 1, CRM__ROOT_DELETED);
    lists(db, CRM_READ);
    lists(db, CRM_WRITE);
    crm_db_close(db);
}

CRM_TEST(test_db_list__a_damaged_entry_can_be_passed)
{
    crm_change change = CRM_CHANGE_INIT;
    uint8_t key[CRM__KEY_U64];
    crm_change_iter *it;
    crm_txn *txn;
    crm_db *db;

    OK(crm_db_open(crmtest_path("db"), NULL, &db, &err));
    for (int i = 0; i < 3; i++) {
        OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err));
        OK(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, &err));
        OK(crm_txn_commit(txn, &err));
    }
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err));
    OK(txn->kv->ops->put(txn->kv, KV_JOURNAL, crm__key_u64(key, 3), crm__slice_of("x", 1), 0));
    txn->state.changed = 1;
    OK(crm_txn_commit(txn, &err));
    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, &err));
    OK(crm_change_list(txn, 1, &it, &err));
    OK(crm_change_next(it, &change, &err));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(crm_change_next(it, &change, &err), CRM_ECORRUPT);
        ck_assert_int_eq(err.row, 3);
    }
    crm_change_close(it);
    OK(crm_change_list(txn, 3, &it, &err));
    OK(crm_change_next(it, &change, &err));
    ck_assert_uint_eq(change.revision, 4);
    ck_assert_int_eq(crm_change_next(it, &change, &err), CRM_DONE);
    crm_change_close(it);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}
