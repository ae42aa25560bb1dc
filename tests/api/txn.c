/* SPDX-License-Identifier: MIT
 * Transactions: what they see, savepoints, the sticky flag, names, crm_db_write().
 */
#include "help.h"

#include <string.h>

#define A "{\"name\":\"A\"}"
#define FAULTY "{\"name\":\"A\",\"vip\":\"perhaps\"}"

static int create(crm_txn *txn, const char *json)
{
    return crm_customer_create_json(txn, json, CRM_NUL, NULL, &er);
}

static uint64_t customers(crm_db *db)
{
    crm_db_stat st;

    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    return st.customers;
}

CRM_TEST(test_api_txn__begin_checks_its_arguments)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_db *db = api_open();
    crm_txn *txn = (crm_txn *)1;
    char long_name[102];

    IS(CRM_EINVAL, crm_txn_begin(NULL, CRM_READ, NULL, &txn, &er));
    ck_assert_ptr_null(txn);
    IS(CRM_EINVAL, crm_txn_begin(db, CRM_READ, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_txn_begin(db, 2, NULL, &txn, &er));
    IS(CRM_EINVAL, crm_txn_begin(db, -1, NULL, &txn, &er));
    memset(long_name, 'x', sizeof long_name);
    long_name[101] = 0;
    for (int i = 0; i < 4; i++) {
        static const char *const NAME[] = {"actor", "purpose", "channel", "source"};
        const char **member[] = {&o.actor, &o.purpose, &o.channel, &o.source};
        *member[i] = long_name;
        IS(CRM_EINVAL, crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
        ck_assert_str_eq(er.field, NAME[i]);
        *member[i] = "bell\a";
        IS(CRM_EINVAL, crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
        *member[i] = "\xc3";
        IS(CRM_EINVAL, crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
        *member[i] = long_name + 1; /* 100 bytes */
    }
    o.zone = "Mars/Olympus";
    ck_assert_int_ne(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er), CRM_OK);
    ck_assert_ptr_null(txn);
    o.zone = "+14:00";
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    OK(create(txn, A));
    api_commit(txn);
    ck_assert_uint_eq(customers(db), 1);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_txn__snapshots)
{
    crm_db *db = api_open();
    crm_txn *before = api_begin(db, CRM_READ), *w = api_begin(db, CRM_WRITE), *during, *after;
    crm_id id = api_create(w, A);

    during = api_begin(db, CRM_READ);
    ck_assert(api_has(w, id, "\"name\":\"A\""));
    IS(CRM_ENOTFOUND, crm_customer_get_json(before, id, 0, &(char *){NULL}, NULL, &er));
    IS(CRM_ENOTFOUND, crm_customer_get_json(during, id, 0, &(char *){NULL}, NULL, &er));
    ck_assert_uint_gt(crm_txn_revision(w), crm_txn_revision(during));
    api_commit(w);
    after = api_begin(db, CRM_READ);
    IS(CRM_ENOTFOUND, crm_customer_get_json(during, id, 0, &(char *){NULL}, NULL, &er));
    ck_assert_uint_eq(api_list(before, NULL, NULL, 0), 0);
    ck_assert_uint_eq(api_list(after, NULL, NULL, 0), 1);
    ck_assert(api_has(after, id, "\"name\":\"A\""));
    OK(crm_txn_commit(before, &er)); /* ends a read transaction too */
    OK(crm_txn_abort(during));
    OK(crm_txn_abort(after));
    crm_db_close(db);
}

CRM_TEST(test_api_txn__abort_drops_everything)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\",\"phone\":\"13800138000\"}");
    uint64_t revision = crm_txn_revision(txn);

    OK(crm_txn_abort(txn));
    txn = api_begin(db, CRM_WRITE);
    ck_assert_uint_eq(crm_txn_revision(txn), revision - 1);
    ck_assert_uint_eq(api_found(txn, "phone", NULL, "13800138000", NULL), 0);
    ck_assert_uint_eq(api_create(txn, A), id); /* the number was never final */
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_txn__one_writer_of_a_thread)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE), *other = (crm_txn *)1;

    IS(CRM_ESTATE, crm_txn_begin(db, CRM_WRITE, NULL, &other, &er));
    ck_assert_ptr_null(other);
    OK(create(txn, A)); /* the first is as it was */
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

/* ---- a failed call ---- */

CRM_TEST(test_api_txn__failed_call_changes_nothing)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin_as(db, 0, "new-source");
    uint64_t revision;
    crm_id id;

    id = api_create(txn, "{\"name\":\"A\",\"external\":{\"source\":\"erp\",\"value\":\"1\"}}");
    revision = crm_txn_revision(txn);
    IS(CRM_EVALUE, create(txn, FAULTY));
    ck_assert_str_eq(er.field, "vip");
    IS(CRM_EEXISTS,
       create(txn, "{\"name\":\"B\",\"phone\":\"13800138000\",\"external\":"
                   "[{\"source\":\"new\",\"value\":\"1\"},{\"source\":\"erp\",\"value\":\"1\"}]}"));
    ck_assert_str_eq(er.field, "external");
    ck_assert_int_eq(er.row, (int64_t)id);
    IS(CRM_ESYNTAX, create(txn, "{\"name\":\"A\""));
    IS(CRM_EFIELD, create(txn, "{\"nmae\":\"A\"}"));
    IS(CRM_EVALUE, create(txn, "{\"phone\":\"13800138000\"}"));
    ck_assert_uint_eq(crm_txn_revision(txn), revision);
    ck_assert_uint_eq(api_found(txn, "phone", NULL, "13800138000", NULL), 0);
    OK(crm_txn_error(txn, &er)); /* not sticky: forgotten */
    ck_assert_uint_eq(api_create(txn, A), id + 1);
    api_commit(txn);
    ck_assert_uint_eq(customers(db), 2);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_txn__sticky)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin_as(db, CRM_STICKY, NULL);
    crm_error first = CRM_ERROR_INIT;
    crm_id id = api_create(txn, A), none = 77;
    crm_customer *c;

    OK(crm_txn_error(txn, &er));
    IS(CRM_EVALUE, crm_customer_create_json(txn, FAULTY, CRM_NUL, &none, &first));
    ck_assert_uint_eq(none, 77);
    IS(CRM_EVALUE, create(txn, A)); /* nothing wrong with it */
    ck_assert_str_eq(er.field, "vip");
    ck_assert_str_eq(er.message, first.message);
    IS(CRM_EVALUE, crm_customer_delete(txn, id, 0, NULL));
    IS(CRM_EVALUE, crm_customer_patch_json(txn, 99, 0, "{}", CRM_NUL, &er));
    IS(CRM_EVALUE,
       crm_model_apply(txn, "crm: 1\nfields: {a: {type: text}}\n", CRM_NUL, 0, NULL, NULL, &er));
    OK(crm_customer_new(txn, &c, &er)); /* reading goes on */
    OK(crm_customer_get(txn, id, c, &er));
    IS(CRM_EVALUE, crm_customer_create(txn, c, NULL, &er));
    crm_customer_free(c);
    IS(CRM_EVALUE, crm_txn_error(txn, &er));
    ck_assert_str_eq(er.message, first.message);
    er = (crm_error)CRM_ERROR_INIT;
    IS(CRM_EVALUE, crm_txn_commit(txn, &er));
    ck_assert_str_eq(er.field, "vip");
    ck_assert_str_eq(er.message, first.message);
    ck_assert_uint_eq(customers(db), 0);
    txn = api_begin_as(db, CRM_STICKY, NULL);
    OK(create(txn, A));
    api_commit(txn);
    ck_assert_uint_eq(customers(db), 1);
    crm_db_close(db);
}

CRM_TEST(test_api_txn__sticky_without_room_for_detail)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin_as(db, CRM_STICKY, NULL);

    ck_assert_int_eq(crm_customer_create_json(txn, FAULTY, CRM_NUL, NULL, NULL), CRM_EVALUE);
    IS(CRM_EVALUE, crm_txn_commit(txn, &er)); /* the detail comes here at last */
    ck_assert_str_eq(er.field, "vip");
    crm_db_close(db);
}

CRM_TEST(test_api_txn__reads_do_not_stick)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin_as(db, CRM_STICKY, NULL);
    crm_field f;

    IS(CRM_ENOTFOUND, crm_customer_get_json(txn, 5, 0, &(char *){NULL}, NULL, &er));
    IS(CRM_EFIELD, crm_field_find(txn, "none", CRM_NUL, &f, &er));
    OK(crm_txn_error(txn, &er));
    OK(create(txn, A));
    api_commit(txn);
    ck_assert_uint_eq(customers(db), 1);
    crm_db_close(db);
}

/* ---- savepoints ---- */

CRM_TEST(test_api_txn__savepoints_nest)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_savepoint a, b, c;
    crm_id id = api_create(txn, "{\"name\":\"A\",\"city\":\"0\"}");

    OK(crm_txn_savepoint(txn, &a, &er));
    OK(crm_customer_patch_json(txn, id, 0, "{\"city\":\"1\"}", CRM_NUL, &er));
    OK(crm_txn_savepoint(txn, &b, &er));
    OK(crm_customer_patch_json(txn, id, 0, "{\"city\":\"2\"}", CRM_NUL, &er));
    OK(crm_txn_savepoint(txn, &c, &er));
    ck_assert(a != b && b != c && a != c);
    OK(create(txn, A));
    OK(crm_customer_delete(txn, id, 0, &er));
    OK(crm_txn_rollback(txn, c, &er));
    ck_assert_str_eq(api_member(txn, id, "city"), "2");
    ck_assert_uint_eq(api_list(txn, NULL, NULL, 0), 1);
    OK(crm_txn_rollback(txn, c, &er)); /* the mark itself stays */
    OK(crm_txn_release(txn, c, &er));
    IS(CRM_EINVAL, crm_txn_rollback(txn, c, &er));
    IS(CRM_EINVAL, crm_txn_release(txn, c, &er));
    OK(crm_txn_rollback(txn, b, &er));
    ck_assert_str_eq(api_member(txn, id, "city"), "1");
    OK(crm_txn_savepoint(txn, &c, &er));
    OK(crm_txn_rollback(txn, a, &er)); /* drops the marks behind it */
    ck_assert_str_eq(api_member(txn, id, "city"), "0");
    IS(CRM_EINVAL, crm_txn_rollback(txn, b, &er));
    IS(CRM_EINVAL, crm_txn_rollback(txn, c, &er));
    OK(crm_customer_patch_json(txn, id, 0, "{\"city\":\"3\"}", CRM_NUL, &er));
    OK(crm_txn_savepoint(txn, &b, &er));
    OK(crm_txn_release(txn, a, &er)); /* gives up b as well, and keeps the changes */
    IS(CRM_EINVAL, crm_txn_rollback(txn, b, &er));
    IS(CRM_EINVAL, crm_txn_rollback(txn, 0, &er));
    IS(CRM_EINVAL, crm_txn_savepoint(txn, NULL, &er));
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    ck_assert_str_eq(api_member(txn, id, "city"), "3");
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_txn__rollback_brings_figures_back)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin_as(db, 0, "first");
    crm_savepoint mark;
    crm_id id;
    uint64_t revision;

    OK(crm_txn_savepoint(txn, &mark, &er));
    revision = crm_txn_revision(txn);
    id = api_create(txn, "{\"name\":\"A\",\"external\":{\"source\":\"s1\",\"value\":\"1\"}}");
    OK(crm_customer_delete(txn, id, 0, &er));
    OK(crm_txn_rollback(txn, mark, &er));
    ck_assert_uint_eq(crm_txn_revision(txn), revision);
    /* Names that were new in what was dropped are new again. */
    ck_assert_uint_eq(
        api_create(txn, "{\"name\":\"B\",\"external\":{\"source\":\"s2\",\"value\":\"1\"}}"), id);
    ck_assert(api_has(txn, id, "\"source\":\"s2\""));
    ck_assert(strstr(api_json(txn, id, CRM_JSON_ORIGINS), "\"source\":\"first\""));
    ck_assert_uint_eq(api_found(txn, "external", "s1", "1", NULL), 0);
    api_commit(txn);
    ck_assert_uint_eq(customers(db), 1);
    txn = api_begin(db, CRM_READ);
    ck_assert(strstr(api_json(txn, id, CRM_JSON_ORIGINS), "\"source\":\"first\""));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_txn__rollback_forgets_a_later_sticky_error)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin_as(db, CRM_STICKY, NULL);
    crm_savepoint before, after;

    OK(crm_txn_savepoint(txn, &before, &er));
    OK(create(txn, A));
    IS(CRM_EVALUE, create(txn, FAULTY));
    OK(crm_txn_savepoint(txn, &after, &er));
    OK(crm_txn_rollback(txn, after, &er));
    IS(CRM_EVALUE, create(txn, A)); /* that error came before the mark */
    OK(crm_txn_rollback(txn, before, &er));
    OK(crm_txn_error(txn, &er));
    OK(create(txn, A));
    api_commit(txn);
    ck_assert_uint_eq(customers(db), 1);
    crm_db_close(db);
}

CRM_TEST(test_api_txn__many_savepoints)
{
    enum { MANY = 500 };
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_savepoint mark[MANY];

    for (int i = 0; i < MANY; i++) {
        OK(crm_txn_savepoint(txn, &mark[i], &er));
        OK(create(txn, A));
    }
    for (int i = MANY - 1; i >= 100; i -= 3) {
        OK(crm_txn_rollback(txn, mark[i], &er));
        ck_assert_uint_eq(api_list(txn, NULL, NULL, 0), (size_t)i);
    }
    OK(crm_txn_release(txn, mark[0], &er));
    api_commit(txn);
    ck_assert_uint_ge(customers(db), 100);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- walking while the transaction changes ---- */

CRM_TEST(test_api_txn__rollback_under_an_iterator)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_customer_iter *it;
    crm_customer *c;
    crm_savepoint mark;

    api_create(txn, A);
    api_create(txn, A);
    OK(crm_txn_savepoint(txn, &mark, &er));
    api_create(txn, A);
    OK(crm_customer_list(txn, NULL, &it, &er));
    OK(crm_customer_next(it, &c, &er));
    ck_assert_uint_eq(crm_customer_id(c), 1);
    OK(crm_txn_rollback(txn, mark, &er));
    OK(crm_customer_next(it, &c, &er));
    ck_assert_uint_eq(crm_customer_id(c), 2);
    IS(CRM_DONE, crm_customer_next(it, &c, &er)); /* the third is gone */
    ck_assert_ptr_null(c);
    crm_customer_list_close(it);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

/* ---- crm_db_write ---- */

typedef struct work {
    crm_db *db;
    const char *json;
    int result;
    int seen;
} work;

static int work_fn(crm_txn *txn, void *ctx)
{
    work *w = ctx;
    crm_txn *other;

    w->seen++;
    if (crm_customer_create_json(txn, A, CRM_NUL, NULL, NULL))
        return 12345;
    if (w->json)
        crm_customer_create_json(txn, w->json, CRM_NUL, NULL, NULL);
    if (crm_txn_commit(txn, NULL) != CRM_ESTATE || crm_txn_abort(txn) != CRM_ESTATE ||
        crm_txn_begin(w->db, CRM_WRITE, NULL, &other, NULL) != CRM_ESTATE ||
        crm_db_write(w->db, NULL, work_fn, w, NULL) != CRM_ESTATE)
        return 23456;
    if (crm_txn_begin(w->db, CRM_READ, NULL, &other, NULL) || crm_txn_abort(other))
        return 34567;
    return w->result;
}

CRM_TEST(test_api_txn__write_function)
{
    crm_txn_options sticky = CRM_TXN_OPTIONS_INIT;
    crm_db *db = api_open();
    work w = {db, NULL, CRM_OK, 0};

    OK(crm_db_write(db, NULL, work_fn, &w, &er));
    ck_assert_int_eq(w.seen, 1);
    ck_assert_uint_eq(customers(db), 1);
    w.result = CRM_ECANCELLED; /* its own reasons */
    IS(CRM_ECANCELLED, crm_db_write(db, NULL, work_fn, &w, &er));
    ck_assert_int_eq(er.code, CRM_ECANCELLED);
    ck_assert(er.message[0]);
    w.result = -4711; /* not even a code of ours */
    ck_assert_int_eq(crm_db_write(db, NULL, work_fn, &w, &er), -4711);
    ck_assert_int_eq(er.code, -4711);
    w.result = 7;
    ck_assert_int_eq(crm_db_write(db, NULL, work_fn, &w, &er), 7);
    ck_assert_uint_eq(customers(db), 1);
    w.result = CRM_OK;
    w.json = FAULTY; /* its failure is not noticed */
    OK(crm_db_write(db, NULL, work_fn, &w, &er));
    ck_assert_uint_eq(customers(db), 2);
    sticky.flags = CRM_STICKY; /* or is it */
    IS(CRM_EVALUE, crm_db_write(db, &sticky, work_fn, &w, &er));
    ck_assert_str_eq(er.field, "vip");
    w.result = CRM_EREFUSED;
    IS(CRM_EREFUSED, crm_db_write(db, &sticky, work_fn, &w, &er));
    ck_assert_int_eq(er.code, CRM_EREFUSED);
    ck_assert_uint_eq(customers(db), 2);
    IS(CRM_EINVAL, crm_db_write(db, NULL, NULL, NULL, &er));
    ck_assert_str_eq(er.field, "fn");
    IS(CRM_EINVAL, crm_db_write(NULL, NULL, work_fn, &w, &er));
    ck_assert_int_eq(crm_db_write(db, NULL, work_fn, &w, NULL), CRM_EREFUSED);
    ck_assert_int_eq(w.seen, 8);
    crm_db_close(db);
    api_check_clean(api_path());
}

static int change_and_roll_back(crm_txn *txn, void *ctx)
{
    crm_savepoint mark;
    crm_id *id = ctx;

    if (crm_customer_create_json(txn, A, CRM_NUL, id, NULL) ||
        crm_txn_savepoint(txn, &mark, NULL) ||
        crm_customer_create_json(txn, A, CRM_NUL, NULL, NULL) ||
        crm_customer_delete(txn, *id, 0, NULL) || crm_txn_rollback(txn, mark, NULL))
        return CRM_EINVAL;
    return CRM_OK;
}

CRM_TEST(test_api_txn__savepoints_in_a_write_function)
{
    crm_db *db = api_open();
    crm_id id = 0;

    OK(crm_db_write(db, NULL, change_and_roll_back, &id, &er));
    ck_assert_uint_eq(id, 1);
    ck_assert_uint_eq(customers(db), 1);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* A large transaction leaves memory early; it is still one. */
CRM_TEST(test_api_txn__large)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    static char doc[16500];
    size_t many = crmtest_rounds(6000, 20000), n;

    memset(doc, 'x', sizeof doc);
    memcpy(doc, "{\"name\":\"A\",\"notes\":\"", 21);
    memcpy(doc + 16400, "\"}", 3);
    for (size_t i = 0; i < many; i++)
        api_create(txn, doc);
    OK(crm_customer_delete(txn, 3, 0, &er));
    OK(crm_customer_patch_json(txn, 4, 0, "{\"phone\":\"13800138000\",\"notes\":null}", CRM_NUL,
                               &er));
    n = api_list(txn, NULL, NULL, 0);
    ck_assert_uint_eq(n, many - 1);
    ck_assert_uint_eq(api_found(txn, "phone", NULL, "13800138000", NULL), 1);
    OK(crm_txn_abort(txn));
    ck_assert_uint_eq(customers(db), 0);
    txn = api_begin(db, CRM_WRITE);
    for (size_t i = 0; i < many; i++)
        api_create(txn, doc);
    OK(crm_customer_delete(txn, 3, 0, &er));
    api_commit(txn);
    ck_assert_uint_eq(customers(db), many - 1);
    crm_db_close(db);
}

static int64_t instant(crm_txn *txn, const char *text)
{
    int64_t us = -7;

    IS(CRM_OK, crm_txn_time(txn, text, CRM_NUL, &us, &er));
    return us;
}

CRM_TEST(test_api_txn__a_time_is_read_in_the_zone_of_the_transaction)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_db *db = api_open();
    crm_txn *txn;
    const int64_t hour = INT64_C(3600000000), at = INT64_C(1795442400000000); /* 14:00 UTC */

    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, &er));
    ck_assert_int_eq(instant(txn, "2026-11-23T14:00:00Z"), at);
    ck_assert_int_eq(instant(txn, "2026-11-23 14:00"), at);
    ck_assert_int_eq(instant(txn, "  2026-11-23  "), at - 14 * hour);
    ck_assert_int_eq(instant(txn, "2026-11-23T14:00+08:00"), at - 8 * hour);
    ck_assert_int_eq(instant(txn, "1970-01-01"), 0);
    crm_txn_abort(txn);
    o.zone = "Asia/Shanghai";
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    ck_assert_int_eq(instant(txn, "2026-11-23T14:00:00Z"), at);
    ck_assert_int_eq(instant(txn, "2026-11-23 14:00"), at - 8 * hour);
    ck_assert_int_eq(instant(txn, "2026-11-23"), at - 22 * hour);
    ck_assert_int_eq(instant(txn, "2026年11月23日"), at - 22 * hour);
    crm_txn_abort(txn);
    o.zone = "Europe/Berlin"; /* 02:00 to 03:00 is skipped on 29 March 2026, comes twice on 25 October */
    OK(crm_txn_begin(db, CRM_READ, &o, &txn, &er));
    ck_assert_int_eq(instant(txn, "2026-03-29 02:30"), instant(txn, "2026-03-29T01:30Z"));
    ck_assert_int_eq(instant(txn, "2026-10-25 02:30"), instant(txn, "2026-10-25T00:30Z"));
    ck_assert_int_eq(instant(txn, "2026-10-26"), instant(txn, "2026-10-25T23:00Z"));
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_txn__what_is_no_time_is_told_with_its_place)
{
    static const struct {
        const char *text;
        int64_t offset;
    } odd[] = {{"", 0},
               {"soon", 0},
               {"2026-11", 7},
               {"2026-13-01", 5},
               {"2026-02-29", 8},
               {"2026-11-23T25:00", 11},
               {"2026-11-23 14:00 east", 17},
               {"0001-01-01T00:00+01:00", 0}};
    crm_db *db = api_open();
    int64_t us = 7;
    crm_txn *txn;

    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, &er));
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        IS(CRM_EVALUE, crm_txn_time(txn, odd[i].text, CRM_NUL, &us, &er));
        ck_assert_msg(er.offset == odd[i].offset, "%s: at %d, not %d", odd[i].text, (int)er.offset,
                      (int)odd[i].offset);
        ck_assert_int_eq(us, 7);
    }
    IS(CRM_OK, crm_txn_time(txn, "2026-11-23T99", 10, &us, &er)); /* the length ends it */
    IS(CRM_EINVAL, crm_txn_time(txn, NULL, 0, &us, &er));
    IS(CRM_EINVAL, crm_txn_time(txn, "2026-11-23", CRM_NUL, NULL, &er));
    IS(CRM_EINVAL, crm_txn_time(NULL, "2026-11-23", CRM_NUL, &us, &er));
    crm_db_close(db);
    IS(CRM_ECLOSED, crm_txn_time(txn, "2026-11-23", CRM_NUL, &us, &er));
    crm_txn_abort(txn);
}
