/* SPDX-License-Identifier: MIT
 * Finding customers: identities of every kind, sources, unique values, references, upserts.
 */
#include "help.h"

#include <stdio.h>
#include <string.h>

static int upsert(crm_txn *txn, const char *json, crm_id *id, int *created)
{
    *id = 0;
    *created = -1;
    return crm_customer_upsert_json(txn, json, CRM_NUL, id, created, &er);
}

static int create(crm_txn *txn, const char *json)
{
    return crm_customer_create_json(txn, json, CRM_NUL, NULL, &er);
}

CRM_TEST(test_api_identity__values_in_any_writing)
{
    static const char *const FIND[][2] = {
        {"phone", "138 0013 8000"},
        {"phone", "+8613800138000"},
        {"phone", "0086 138-0013-8000"},
        {"手机号", "13800138000"},
        {"phone", "１３８００１３８０００"},
        {"email", "ANN.Lee@example.com"},
        {"email", "ann.lee@EXAMPLE.COM"},
        {"邮箱", " Ann.Lee@example.com "},
        {"wechat", "wx_1"},
        {"qq", "1234567"},
        {"tax_id", "91310000"},
    };
    static const char *const NOT[][2] = {
        {"phone", "13800138001"},
        {"email", "ann@example.com"},
        {"wechat", "WX_1"},
        {"wecom", "wx_1"},
    };
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id found;

    api_create(txn, "{\"name\":\"A\",\"kind\":\"organisation\",\"phone\":\"13800138000\",\"tax_"
                    "id\":\"91310000\","
                    "\"email\":\"Ann.Lee@Example.com\",\"wechat\":\"wx_1\",\"qq\":\"1234567\"}");
    for (int round = 0; round < 2; round++) { /* before and after the commit */
        for (size_t i = 0; i < sizeof FIND / sizeof FIND[0]; i++) {
            ck_assert_msg(api_found(txn, FIND[i][0], NULL, FIND[i][1], &found) == 1 && found == 1,
                          "%s %s", FIND[i][0], FIND[i][1]);
        }
        for (size_t i = 0; i < sizeof NOT / sizeof NOT[0]; i++)
            ck_assert_uint_eq(api_found(txn, NOT[i][0], NULL, NOT[i][1], NULL), 0);
        api_commit(txn);
        txn = api_begin(db, CRM_READ);
    }
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

CRM_TEST(test_api_identity__find_checks_its_arguments)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_field phone = api_field(txn, "phone"), name = api_field(txn, "name");
    crm_field external = api_field(txn, "external"), strange = phone;
    crm_id ids[3];
    size_t n = 9;

    strange.number = 54321;
    IS(CRM_EFIELD, crm_customer_find(txn, &name, NULL, "A", CRM_NUL, ids, 3, &n, &er));
    ck_assert_uint_eq(n, 0);
    IS(CRM_EFIELD, crm_customer_find(txn, &strange, NULL, "A", CRM_NUL, ids, 3, &n, &er));
    IS(CRM_EVALUE, crm_customer_find(txn, &phone, NULL, "nonsense", CRM_NUL, ids, 3, &n, &er));
    ck_assert_str_eq(er.field, "phone");
    IS(CRM_EVALUE, crm_customer_find(txn, &phone, "erp", "13800138000", CRM_NUL, ids, 3, &n, &er));
    IS(CRM_EVALUE, crm_customer_find(txn, &external, NULL, "1", CRM_NUL, ids, 3, &n, &er));
    IS(CRM_ENOTFOUND,
       crm_customer_find(txn, &external, "unheard of", "1", CRM_NUL, ids, 3, &n, &er));
    IS(CRM_ENOTFOUND,
       crm_customer_find(txn, &phone, NULL, "13800138000", CRM_NUL, ids, 3, &n, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

CRM_TEST(test_api_identity__several_customers_of_one_value)
{
    enum { MANY = 300 };
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_field phone = api_field(txn, "phone");
    crm_id ids[MANY];
    size_t n;

    for (int i = 0; i < MANY; i++) {
        api_create(txn, i % 3 ? "{\"name\":\"A\",\"phone\":\"13800138000\"}" : "{\"name\":\"A\"}");
        if (i == 150) {
            api_commit(txn);
            txn = api_begin(db, CRM_WRITE);
        }
    }
    for (size_t cap = 0; cap <= MANY; cap = cap * 2 + 1) {
        memset(ids, 0xff, sizeof ids);
        OK(crm_customer_find(txn, &phone, NULL, "13800138000", CRM_NUL, cap ? ids : NULL, cap, &n,
                             &er));
        ck_assert_uint_eq(n, 200);
        for (size_t i = 0; i < cap; i++)
            ck_assert_uint_eq(ids[i], i < n ? 3 * (i / 2) + i % 2 + 2 : UINT64_MAX);
    }
    /* One of the first, while the rest is still pending. */
    OK(crm_customer_delete(txn, 2, 0, &er));
    OK(crm_customer_patch_json(txn, 1, 0, "{\"phone\":\"13800138000\"}", CRM_NUL, &er));
    OK(crm_customer_find(txn, &phone, NULL, "13800138000", CRM_NUL, ids, 2, &n, &er));
    ck_assert(n == 200 && ids[0] == 1 && ids[1] == 3);
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* The same value given, taken and given again in one transaction counts once. */
CRM_TEST(test_api_identity__to_and_fro)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(
        txn, "{\"name\":\"A\",\"wechat\":\"a\",\"external\":{\"source\":\"s\",\"value\":\"1\"}}");

    for (int i = 0; i < 3; i++) {
        OK(crm_customer_patch_json(txn, id, 0, "{\"wechat\":\"b\",\"external\":null}", CRM_NUL,
                                   &er));
        ck_assert_uint_eq(api_found(txn, "wechat", NULL, "a", NULL), 0);
        OK(crm_customer_patch_json(txn, id, 0,
                                   "{\"wechat\":\"a\",\"external\":{\"source\":\"s\","
                                   "\"value\":\"1\"}}",
                                   CRM_NUL, &er));
        ck_assert_uint_eq(api_found(txn, "wechat", NULL, "a", NULL), 1);
        ck_assert_uint_eq(api_found(txn, "wechat", NULL, "b", NULL), 0);
        ck_assert_uint_eq(api_found(txn, "external", "s", "1", NULL), 1);
        if (i == 1) {
            api_commit(txn);
            txn = api_begin(db, CRM_WRITE);
        }
    }
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* Two writings of one address are one identity; taking one away leaves the other. */
CRM_TEST(test_api_identity__two_writings_of_one_value)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(
        txn,
        "{\"name\":\"A\",\"email\":[\"Ann@example.com\",\"ann@example.com\",\"b@example.com\"]}");

    ck_assert_uint_eq(api_found(txn, "email", NULL, "ANN@example.com", NULL), 1);
    api_commit(txn);
    api_check_clean(api_path());
    txn = api_begin(db, CRM_WRITE);
    OK(crm_customer_patch_json(txn, id, 0, "{\"email\":{\"remove\":[\"Ann@example.com\"]}}",
                               CRM_NUL, &er));
    ck_assert_uint_eq(api_found(txn, "email", NULL, "ANN@example.com", NULL),
                      strstr(api_json(txn, id, 0), "ann@") ? 1 : 0);
    api_commit(txn);
    api_check_clean(api_path());
    crm_db_close(db);
}

CRM_TEST(test_api_identity__sources_are_apart)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id a = api_create(txn, "{\"name\":\"A\",\"external\":[{\"source\":\"erp\",\"value\":\"1\"},"
                               "{\"source\":\"旧系统\",\"value\":\"2\"}]}");
    crm_id b = api_create(txn,
                          "{\"name\":\"B\",\"external\":[{\"source\":\"erp\",\"value\":\"2\"}]}"),
           found;
    crm_field external = api_field(txn, "external");
    const char *source;
    crm_customer *c;

    ck_assert(api_found(txn, "external", "erp", "1", &found) == 1 && found == a);
    ck_assert(api_found(txn, "external", "erp", "2", &found) == 1 && found == b);
    ck_assert(api_found(txn, "external", "旧系统", "2", &found) == 1 && found == a);
    ck_assert_uint_eq(api_found(txn, "external", "ERP", "1", NULL), 0);
    IS(CRM_EEXISTS,
       create(txn, "{\"name\":\"C\",\"external\":[{\"source\":\"erp\",\"value\":\"2\"}]}"));
    ck_assert_int_eq(er.row, (int64_t)b);
    OK(crm_customer_new(txn, &c, &er));
    OK(crm_customer_get(txn, a, c, &er));
    OK(crm_customer_source(txn, c, &external, 1, &source, &er));
    ck_assert_str_eq(source, "旧系统");
    IS(CRM_ENOTFOUND, crm_customer_source(txn, c, &external, 2, &source, &er));
    {
        crm_field name = api_field(txn, "name");
        IS(CRM_EFIELD, crm_customer_source(txn, c, &name, 0, &source, &er));
    }
    crm_customer_free(c);
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_identity__unique)
{
    crm_db *db =
        api_open_model("crm: 1\nfields:\n  no: {type: integer, unique: true}\n"
                       "  d: {type: decimal, unique: true}\n  day: {type: date, unique: true}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id a = api_create(txn, "{\"no\":7,\"d\":\"1.50\",\"day\":\"1990\"}"), found;

    IS(CRM_EEXISTS, create(txn, "{\"no\":\"7\"}"));
    ck_assert_str_eq(er.field, "no");
    ck_assert_int_eq(er.row, (int64_t)a);
    IS(CRM_EEXISTS, create(txn, "{\"d\":\"1.5\"}")); /* the same number */
    IS(CRM_EEXISTS, create(txn, "{\"day\":\"1990\"}"));
    OK(create(txn, "{\"day\":\"1990-01\",\"d\":1.51,\"no\":8}"));
    ck_assert(api_found(txn, "d", NULL, "1.500", &found) == 1 && found == a);
    ck_assert(api_found(txn, "no", NULL, "7", &found) == 1 && found == a);
    OK(crm_customer_patch_json(txn, a, 0, "{\"no\":7,\"d\":1.5}", CRM_NUL, &er)); /* its own */
    IS(CRM_EEXISTS, crm_customer_patch_json(txn, a, 0, "{\"no\":8}", CRM_NUL, &er));
    OK(crm_customer_patch_json(txn, a, 0, "{\"no\":9}", CRM_NUL, &er));
    OK(create(txn, "{\"no\":7}"));
    IS(CRM_EEXISTS, crm_customer_replace_json(txn, a, 0, "{\"no\":7}", CRM_NUL, &er));
    OK(crm_customer_delete(txn, 3, 0, &er));
    OK(crm_customer_replace_json(txn, a, 0, "{\"no\":7}", CRM_NUL, &er));
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_identity__references)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_field employer = api_field(txn, "employer");
    crm_id org = api_create(txn, "{\"kind\":\"organisation\",\"name\":\"Org\"}"), ids[5], p;
    char doc[80], id_text[24];
    size_t n;

    snprintf(id_text, sizeof id_text, "%llu", (unsigned long long)org);
    snprintf(doc, sizeof doc, "{\"name\":\"P\",\"employer\":%s}", id_text);
    p = api_create(txn, doc);
    api_create(txn, doc);
    OK(crm_customer_find(txn, &employer, NULL, id_text, CRM_NUL, ids, 5, &n, &er));
    ck_assert(n == 2 && ids[0] == p && ids[1] == p + 1);
    IS(CRM_EVALUE, create(txn, "{\"name\":\"P\",\"employer\":99}"));
    ck_assert_str_eq(er.field, "employer");
    snprintf(doc, sizeof doc, "{\"employer\":%llu}", (unsigned long long)p);
    IS(CRM_EVALUE, crm_customer_patch_json(txn, p, 0, doc, CRM_NUL, &er)); /* itself */
    OK(crm_customer_delete(txn, org, 0, &er));
    snprintf(doc, sizeof doc, "{\"name\":\"P\",\"employer\":%s}", id_text);
    IS(CRM_EVALUE, create(txn, doc));
    /* Those who referred to it before keep the number, and can still be found by it. */
    ck_assert_str_eq(api_member(txn, p, "employer"), id_text);
    OK(crm_customer_find(txn, &employer, NULL, id_text, CRM_NUL, ids, 5, &n, &er));
    ck_assert_uint_eq(n, 2);
    OK(crm_customer_patch_json(txn, p, 0, "{\"city\":\"X\"}", CRM_NUL, &er));
    IS(CRM_EVALUE, crm_customer_find(txn, &employer, NULL, "x", CRM_NUL, ids, 5, &n, &er));
    OK(crm_customer_patch_json(txn, p, 0, "{\"employer\":null}", CRM_NUL, &er));
    OK(crm_customer_find(txn, &employer, NULL, id_text, CRM_NUL, ids, 5, &n, &er));
    ck_assert(n == 1 && ids[0] == p + 1);
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- upsert ---- */

CRM_TEST(test_api_identity__upsert)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id, first;
    int created;

    OK(upsert(txn, "{\"name\":\"A\",\"phone\":\"13800138000\"}", &first, &created));
    ck_assert_int_eq(created, 1);
    OK(upsert(txn, "{\"phone\":[\"13900139000\",\"138 0013 8000\"],\"city\":\"X\"}", &id,
              &created));
    ck_assert_int_eq(created, 0);
    ck_assert_uint_eq(id, first);
    ck_assert(api_has(txn, id, "\"phone\":[\"+8613800138000\",\"+8613900139000\"]")); /* added */
    ck_assert_str_eq(api_member(txn, id, "city"), "X");
    ck_assert_str_eq(api_member(txn, id, "name"), "A");
    IS(CRM_EVALUE, upsert(txn, "{\"name\":\"B\"}", &id, &created));   /* by what? */
    IS(CRM_EVALUE, upsert(txn, "{\"wechat\":\"w\"}", &id, &created)); /* new, and without a name */
    ck_assert_str_eq(er.field, "name");
    OK(upsert(txn, "{\"name\":\"B\",\"wechat\":\"w\"}", &id, &created));
    ck_assert_int_eq(created, 1);
    IS(CRM_EAMBIGUOUS, upsert(txn, "{\"wechat\":\"w\",\"phone\":\"13800138000\"}", &id, &created));
    OK(crm_customer_upsert_json(txn, "{\"wechat\":\"w\"}", CRM_NUL, NULL, NULL, NULL));
    IS(CRM_ESYNTAX, upsert(txn, "{", &id, &created));
    IS(CRM_EFIELD, upsert(txn, "{\"x\":1}", &id, &created));
    IS(CRM_EVALUE,
       upsert(txn, "{\"name\":\"B\",\"phone\":{\"add\":[\"13800138000\"]}}", &id, &created));
    OK(upsert(txn, "{\"wechat\":\"w\",\"phone\":{\"add\":[\"13700137000\"]}}", &id, &created));
    ck_assert(api_has(txn, id, "+8613700137000"));
    /* A deleted customer is not found, so this is another one. */
    OK(crm_customer_delete(txn, first, 0, &er));
    OK(upsert(txn, "{\"name\":\"C\",\"phone\":\"13800138000\"}", &id, &created));
    ck_assert(created == 1 && id != first);
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* Unique values are looked up first, and only without them the others. */
CRM_TEST(test_api_identity__upsert_by_unique_first)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id a = api_create(txn, "{\"name\":\"A\",\"external\":{\"source\":\"erp\",\"value\":\"1\"},"
                               "\"phone\":\"13800138001\"}");
    crm_id b = api_create(txn, "{\"name\":\"B\",\"external\":{\"source\":\"erp\",\"value\":\"2\"},"
                               "\"phone\":\"13800138002\"}");
    crm_id id;
    int created;

    /* The phone is B's, but the number says A: they share it now. */
    OK(upsert(txn, "{\"external\":{\"source\":\"erp\",\"value\":\"1\"},\"phone\":\"13800138002\"}",
              &id, &created));
    ck_assert(id == a && created == 0);
    ck_assert_uint_eq(api_found(txn, "phone", NULL, "13800138002", NULL), 2);
    /* A number nobody has makes a new customer, whatever the phone says. */
    OK(upsert(txn,
              "{\"name\":\"C\",\"external\":{\"source\":\"erp\",\"value\":\"3\"},\"phone\":"
              "\"13800138001\"}",
              &id, &created));
    ck_assert(id != a && id != b && created == 1);
    IS(CRM_EAMBIGUOUS, upsert(txn,
                              "{\"external\":[{\"source\":\"erp\",\"value\":\"1\"},"
                              "{\"source\":\"erp\",\"value\":\"2\"}]}",
                              &id, &created));
    IS(CRM_EAMBIGUOUS, upsert(txn, "{\"phone\":\"13800138001\",\"city\":\"X\"}", &id, &created));
    /* One of another source is added to the customer. */
    OK(upsert(txn,
              "{\"external\":[{\"source\":\"erp\",\"value\":\"2\"},{\"source\":\"shop\",\"value\":"
              "\"9\"}]}",
              &id, &created));
    ck_assert_uint_eq(id, b);
    ck_assert(api_has(txn, b,
                      "{\"kind\":\"external\",\"source\":\"erp\",\"value\":\"2\"},"
                      "{\"kind\":\"external\",\"source\":\"shop\",\"value\":\"9\"}"));
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_identity__upsert_typed)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_field name = api_field(txn, "name"), external = api_field(txn, "external");
    crm_customer *c;
    crm_id id;
    int created;

    OK(crm_customer_new(txn, &c, &er));
    IS(CRM_EVALUE, crm_customer_upsert(txn, c, &id, &created, &er));
    OK(crm_customer_set(c, &name, "A", CRM_NUL, &er));
    OK(crm_customer_add(c, &external, "erp", "1", CRM_NUL, &er));
    OK(crm_customer_upsert(txn, c, &id, &created, &er));
    ck_assert(id == 1 && created == 1);
    OK(crm_customer_set(c, &name, "B", CRM_NUL, &er));
    OK(crm_customer_upsert(txn, c, &id, &created, &er));
    ck_assert(id == 1 && created == 0);
    ck_assert_str_eq(api_member(txn, 1, "name"), "B");
    crm_customer_free(c);
    api_commit(txn);
    crm_db_close(db);
}
