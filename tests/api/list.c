/* SPDX-License-Identifier: MIT
 * Walking customers: order, kinds, deleted ones, resuming, several chunks, changes on the way,
 * iterators that live longer than what they walk.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CRM_TEST(test_api_list__empty)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_list_options o = CRM_LIST_OPTIONS_INIT;

    ck_assert_uint_eq(api_list(txn, NULL, NULL, 0), 0);
    for (int i = 0; i < 4; i++) {
        static const crm_id AFTER[] = {0, 1, 1 << 20, UINT64_MAX};
        o.after = AFTER[i];
        ck_assert_uint_eq(api_list(txn, &o, NULL, 0), 0);
        o.flags = CRM_LIST_DELETED;
        ck_assert_uint_eq(api_list(txn, &o, NULL, 0), 0);
    }
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

CRM_TEST(test_api_list__kinds_and_deleted)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    crm_id ids[20];

    for (int i = 1; i <= 12; i++)
        api_create(txn, i % 3 ? "{\"name\":\"P\"}" : "{\"kind\":\"organisation\",\"name\":\"O\"}");
    OK(crm_customer_delete(txn, 3, 0, &er));
    OK(crm_customer_delete(txn, 4, 0, &er));
    for (int round = 0; round < 2; round++) {
        memset(&o, 0, sizeof o);
        crm_list_options_init(&o);
        ck_assert_uint_eq(api_list(txn, &o, ids, 20), 10);
        ck_assert(ids[0] == 1 && ids[1] == 2 && ids[2] == 5 && ids[9] == 12);
        o.kind = "organisation";
        ck_assert_uint_eq(api_list(txn, &o, ids, 20), 3);
        ck_assert(ids[0] == 6 && ids[1] == 9 && ids[2] == 12);
        o.kind = "个人";
        ck_assert_uint_eq(api_list(txn, &o, ids, 20), 7);
        o.flags = CRM_LIST_DELETED;
        ck_assert_uint_eq(api_list(txn, &o, ids, 20), 1);
        ck_assert_uint_eq(ids[0], 4);
        o.kind = NULL;
        ck_assert_uint_eq(api_list(txn, &o, ids, 20), 2);
        o.flags = 0;
        o.after = 9;
        ck_assert_uint_eq(api_list(txn, &o, ids, 20), 3);
        ck_assert_uint_eq(ids[0], 10);
        o.after = 12;
        ck_assert_uint_eq(api_list(txn, &o, ids, 20), 0);
        o.kind = "robot";
        IS(CRM_EVALUE, crm_customer_list(txn, &o, &(crm_customer_iter *){NULL}, &er));
        api_commit(txn);
        txn = api_begin(db, CRM_READ);
    }
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_list__changes_on_the_way)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    crm_customer_iter *it;
    crm_customer *c;
    crm_field city = api_field(txn, "city");
    const char *text;
    size_t n;

    for (int i = 0; i < 6; i++)
        api_create(txn, "{\"name\":\"P\"}");
    o.kind = "person";
    OK(crm_customer_list(txn, &o, &it, &er));
    OK(crm_customer_next(it, &c, &er));
    OK(crm_customer_delete(txn, 2, 0, &er));
    OK(crm_customer_patch_json(txn, 3, 0, "{\"kind\":\"organisation\"}", CRM_NUL, &er));
    OK(crm_customer_patch_json(txn, 4, 0, "{\"city\":\"new\"}", CRM_NUL, &er));
    api_create(txn, "{\"name\":\"later\"}"); /* not seen: the walk is in this chunk already */
    OK(crm_customer_next(it, &c, &er));
    ck_assert_uint_eq(crm_customer_id(c), 4);
    OK(crm_customer_text(c, &city, 0, &text, &n, &er));
    ck_assert(n == 3 && !memcmp(text, "new", 3));
    OK(crm_customer_delete(txn, 4, 0, &er)); /* the one in hand is a copy */
    OK(crm_customer_text(c, &city, 0, &text, &n, &er));
    OK(crm_customer_next(it, &c, &er));
    ck_assert_uint_eq(crm_customer_id(c), 5);
    OK(crm_customer_next(it, &c, &er));
    IS(CRM_DONE, crm_customer_next(it, &c, &er));
    ck_assert_ptr_null(c);
    IS(CRM_DONE, crm_customer_next(it, &c, &er));
    crm_customer_list_close(it);
    api_commit(txn);
    crm_db_close(db);
}

/* Each listed customer as a document, and as what the typed getters say. */
CRM_TEST(test_api_list__records)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_field score = api_field(txn, "score");
    crm_customer_iter *it;
    crm_customer *c;
    char doc[80], *json;
    int64_t n;

    for (int i = 1; i <= 50; i++) {
        snprintf(doc, sizeof doc, "{\"name\":\"N%d\",\"score\":%d}", i, i);
        api_create(txn, doc);
    }
    OK(crm_customer_list(txn, NULL, &it, &er));
    for (int i = 1; i <= 50; i++) {
        OK(crm_customer_next(it, &c, &er));
        OK(crm_customer_integer(c, &score, 0, &n, &er));
        ck_assert_int_eq(n, i);
        OK(crm_customer_to_json(txn, c, 0, &json, NULL, &er));
        ck_assert_str_eq(json, api_json(txn, (crm_id)i, 0));
        crm_free(json);
    }
    IS(CRM_DONE, crm_customer_next(it, &c, &er));
    crm_customer_list_close(it);
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_list__iterators_live_longer)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_customer_iter *it[6];
    crm_customer *c = NULL, *kept;

    api_create(txn, "{\"name\":\"A\"}");
    api_create(txn, "{\"name\":\"B\"}");
    for (int i = 0; i < 3; i++)
        OK(crm_customer_list(txn, NULL, &it[i], &er));
    OK(crm_customer_next(it[0], &kept, &er));
    crm_customer_list_close(it[1]); /* in any order */
    api_commit(txn);
    ck_assert_uint_eq(crm_customer_id(kept), 1); /* until the iterator's next step */
    IS(CRM_ESTATE, crm_customer_next(it[0], &c, &er));
    ck_assert_ptr_null(c);
    IS(CRM_ESTATE, crm_customer_next(it[2], &c, &er));
    txn = api_begin(db, CRM_READ);
    for (int i = 3; i < 6; i++)
        OK(crm_customer_list(txn, NULL, &it[i], &er));
    OK(crm_customer_next(it[3], &c, &er));
    crm_db_close(db);
    IS(CRM_ECLOSED, crm_customer_next(it[3], &c, &er));
    crm_customer_list_close(it[4]);
    OK(crm_txn_abort(txn));
    IS(CRM_ESTATE, crm_customer_next(it[3], &c, &er));
    crm_customer_list_close(it[5]);
    crm_customer_list_close(it[3]);
    crm_customer_list_close(it[0]);
    crm_customer_list_close(it[2]);
    api_check_clean(api_path());
}

/* More than one chunk of 65,536 ids: resuming at every border, kinds, and what was deleted in each.
 */
CRM_TEST(test_api_list__over_chunks)
{
    enum { MANY = 66000, EACH = 977 };
    crm_db *db = api_open_model("crm: 1\nfields:\n  n: {type: integer}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_field f = api_field(txn, "n");
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    static crm_id ids[MANY + 1];
    static const crm_id AFTER[] = {65533, 65534, 65535, 65536, 65537, 131070, 131071, 131072};
    size_t n = 0, total;
    crm_customer *c;
    crm_id id;

    OK(crm_customer_new(txn, &c, &er));
    for (int i = 1; i <= MANY; i++) {
        OK(crm_customer_set_integer(c, &f, i, &er));
        OK(crm_customer_set_kind(c, i % 5 ? "person" : "organisation", CRM_NUL, &er));
        OK(crm_customer_create(txn, c, &id, &er));
        ck_assert_uint_eq(id, (crm_id)i);
    }
    for (int i = 1; i <= MANY; i += EACH, n++)
        OK(crm_customer_delete(txn, (crm_id)i, 0, &er));
    OK(crm_customer_delete(txn, 65535, 0, &er));
    OK(crm_customer_delete(txn, 65536, 0, &er));
    n += 2;
    ck_assert_uint_eq(api_list(txn, NULL, NULL, 0), MANY - n); /* before the commit */
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    total = api_list(txn, NULL, ids, MANY);
    ck_assert_uint_eq(total, MANY - n);
    for (size_t i = 1; i < total; i++)
        ck_assert(ids[i] > ids[i - 1] && ids[i] % EACH != 1);
    for (size_t i = 0; i < sizeof AFTER / sizeof AFTER[0]; i++) {
        size_t want = 0;
        for (size_t k = 0; k < total; k++)
            want += ids[k] > AFTER[i];
        o.after = AFTER[i];
        ck_assert_uint_eq(api_list(txn, &o, &id, 1), want);
        ck_assert(!want || (id > AFTER[i] && id <= AFTER[i] + 4));
    }
    /* In pages, each in a transaction of its own. */
    o.after = 0;
    for (size_t seen = 0; seen < total;) {
        crm_customer_iter *it;
        crm_customer *one;
        OK(crm_customer_list(txn, &o, &it, &er));
        for (int i = 0; i < 9000 && crm_customer_next(it, &one, &er) == CRM_OK; i++) {
            ck_assert_uint_eq(crm_customer_id(one), ids[seen++]);
            o.after = crm_customer_id(one);
        }
        crm_customer_list_close(it);
        OK(crm_txn_abort(txn));
        txn = api_begin(db, CRM_READ);
    }
    o.after = 0;
    o.flags = CRM_LIST_DELETED;
    ck_assert_uint_eq(api_list(txn, &o, NULL, 0), n);
    crm_customer_free(c);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}
