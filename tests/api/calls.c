/* SPDX-License-Identifier: MIT
 * Every function that takes a transaction, called in states that allow none of them: no
 * transaction, one of another thread, one that only reads, one inherited through fork, one whose
 * handle is closed.
 */
#include "help.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char YAML[] = "crm: 1\nfields:\n  name: {type: text}\n"
                           "identities:\n  external: {type: text, per: source}\n"
                           "events:\n  order: {attributes: {status: {type: enum, values: [new]}}}\n"
                           "tags: {region: {hierarchical: true, values: [cn, cn/east]}}\n";

/* What the calls work with. */
typedef struct world {
    crm_db *db;
    crm_txn *txn;
    crm_customer *record;
    crm_customer_iter *iter;
    crm_field name, external, state;
    crm_event_kind order;
    crm_dimension region;
    crm_savepoint mark;
    crm_id id;
    int mode;
    crm_error *err; /* of each call; NULL: none */
} world;

typedef int (*call_fn)(world *w);

static int c_new(world *w)
{
    crm_customer *c = NULL;
    int rc = crm_customer_new(w->txn, &c, w->err);

    crm_customer_free(c);
    return rc;
}

static int c_get(world *w)
{
    return crm_customer_get(w->txn, w->id, w->record, w->err);
}

static int c_get_json(world *w)
{
    char *json = NULL;
    int rc = crm_customer_get_json(w->txn, w->id, 0, &json, NULL, w->err);

    crm_free(json);
    return rc;
}

static int c_to_json(world *w)
{
    char *json = NULL;
    int rc = crm_customer_to_json(w->txn, w->record, 0, &json, NULL, w->err);

    crm_free(json);
    return rc;
}

static int c_origin(world *w)
{
    return crm_customer_origin(w->txn, w->record, &w->name, 0, NULL, NULL, w->err);
}

static int c_source(world *w)
{
    const char *source;

    return crm_customer_source(w->txn, w->record, &w->external, 0, &source, w->err);
}

static int c_validate(world *w)
{
    char *faults = NULL;
    int rc = crm_customer_validate_json(w->txn, "{}", CRM_NUL, &faults, NULL, w->err);

    crm_free(faults);
    return rc;
}

static int c_find(world *w)
{
    size_t n;

    return crm_customer_find(w->txn, &w->external, "erp", "1", CRM_NUL, NULL, 0, &n, w->err);
}

static int c_list(world *w)
{
    crm_customer_iter *it = NULL;
    int rc = crm_customer_list(w->txn, NULL, &it, w->err);

    crm_customer_list_close(it);
    return rc;
}

static int c_model_text(world *w)
{
    char *yaml = NULL;
    int rc = crm_model_text(w->txn, &yaml, NULL, NULL, w->err);

    crm_free(yaml);
    return rc;
}

static int c_model_plan(world *w)
{
    return crm_model_plan(w->txn, YAML, CRM_NUL, NULL, NULL, w->err);
}

static int c_field_find(world *w)
{
    crm_field f;

    return crm_field_find(w->txn, "name", CRM_NUL, &f, w->err);
}

static int c_field_next(world *w)
{
    crm_field f;
    size_t pos = 0;

    return crm_field_next(w->txn, &pos, &f, w->err);
}

static int c_field_label(world *w)
{
    const char *label;

    return crm_field_label(w->txn, &w->name, NULL, &label, w->err);
}

static int c_value_next(world *w)
{
    const char *value;
    size_t pos = 0;

    return crm_value_next(w->txn, &w->state, &pos, &value, w->err);
}

static int c_value_label(world *w)
{
    const char *label;

    return crm_value_label(w->txn, &w->state, "new", NULL, &label, w->err);
}

static int c_kind_label(world *w)
{
    const char *label;

    return crm_kind_label(w->txn, "person", NULL, &label, w->err);
}

static int c_event_kind_find(world *w)
{
    crm_event_kind kind;

    return crm_event_kind_find(w->txn, "order", CRM_NUL, &kind, w->err);
}

static int c_event_kind_next(world *w)
{
    crm_event_kind kind;
    size_t pos = 0;

    return crm_event_kind_next(w->txn, &pos, &kind, w->err);
}

static int c_event_kind_label(world *w)
{
    const char *label;

    return crm_event_kind_label(w->txn, &w->order, NULL, &label, w->err);
}

static int c_attribute_find(world *w)
{
    crm_field f;

    return crm_attribute_find(w->txn, &w->order, "status", CRM_NUL, &f, w->err);
}

static int c_attribute_next(world *w)
{
    crm_field f;
    size_t pos = 0;

    return crm_attribute_next(w->txn, &w->order, &pos, &f, w->err);
}

static int c_dimension_find(world *w)
{
    crm_dimension d;

    return crm_dimension_find(w->txn, "region", CRM_NUL, &d, w->err);
}

static int c_dimension_next(world *w)
{
    crm_dimension d;
    size_t pos = 0;

    return crm_dimension_next(w->txn, &pos, &d, w->err);
}

static int c_dimension_label(world *w)
{
    const char *label;

    return crm_dimension_label(w->txn, &w->region, NULL, &label, w->err);
}

static int c_dimension_value_next(world *w)
{
    const char *value;
    size_t pos = 0;

    return crm_dimension_value_next(w->txn, &w->region, &pos, &value, w->err);
}

static int c_dimension_value_label(world *w)
{
    const char *label;

    return crm_dimension_value_label(w->txn, &w->region, "cn", NULL, &label, w->err);
}

static int c_savepoint(world *w)
{
    return crm_txn_savepoint(w->txn, &w->mark, w->err);
}

static int c_rollback(world *w)
{
    return crm_txn_rollback(w->txn, w->mark, w->err);
}

static int c_release(world *w)
{
    return crm_txn_release(w->txn, w->mark, w->err);
}

static int c_create(world *w)
{
    return crm_customer_create(w->txn, w->record, NULL, w->err);
}

static int c_replace(world *w)
{
    return crm_customer_replace(w->txn, w->id, 0, w->record, w->err);
}

static int c_patch(world *w)
{
    return crm_customer_patch(w->txn, w->id, 0, w->record, w->err);
}

static int c_upsert(world *w)
{
    return crm_customer_upsert(w->txn, w->record, NULL, NULL, w->err);
}

static int c_create_json(world *w)
{
    return crm_customer_create_json(w->txn, "{\"name\":\"B\"}", CRM_NUL, NULL, w->err);
}

static int c_replace_json(world *w)
{
    return crm_customer_replace_json(w->txn, w->id, 0, "{\"name\":\"C\"}", CRM_NUL, w->err);
}

static int c_patch_json(world *w)
{
    return crm_customer_patch_json(w->txn, w->id, 0, "{\"name\":\"D\"}", CRM_NUL, w->err);
}

static int c_upsert_json(world *w)
{
    return crm_customer_upsert_json(w->txn, "{\"external\":{\"source\":\"erp\",\"value\":\"1\"}}",
                                    CRM_NUL, NULL, NULL, w->err);
}

static int c_delete(world *w)
{
    return crm_customer_delete(w->txn, w->id, 0, w->err);
}

static int c_undelete(world *w)
{
    return crm_customer_undelete(w->txn, w->id, 0, w->err);
}

static int c_time(world *w)
{
    int64_t us;

    return crm_txn_time(w->txn, "2026-11-23 14:00", CRM_NUL, &us, w->err);
}

static int c_model_apply(world *w)
{
    return crm_model_apply(w->txn, YAML, CRM_NUL, 0, NULL, NULL, w->err);
}

static const struct call {
    const char *name;
    call_fn fn;
    int writes;
} CALLS[] = {
    {"crm_customer_new", c_new, 0},
    {"crm_customer_get", c_get, 0},
    {"crm_customer_get_json", c_get_json, 0},
    {"crm_customer_to_json", c_to_json, 0},
    {"crm_customer_origin", c_origin, 0},
    {"crm_customer_source", c_source, 0},
    {"crm_customer_validate_json", c_validate, 0},
    {"crm_customer_find", c_find, 0},
    {"crm_customer_list", c_list, 0},
    {"crm_txn_time", c_time, 0},
    {"crm_model_text", c_model_text, 0},
    {"crm_model_plan", c_model_plan, 0},
    {"crm_field_find", c_field_find, 0},
    {"crm_field_next", c_field_next, 0},
    {"crm_field_label", c_field_label, 0},
    {"crm_value_next", c_value_next, 0},
    {"crm_value_label", c_value_label, 0},
    {"crm_kind_label", c_kind_label, 0},
    {"crm_event_kind_find", c_event_kind_find, 0},
    {"crm_event_kind_next", c_event_kind_next, 0},
    {"crm_event_kind_label", c_event_kind_label, 0},
    {"crm_attribute_find", c_attribute_find, 0},
    {"crm_attribute_next", c_attribute_next, 0},
    {"crm_dimension_find", c_dimension_find, 0},
    {"crm_dimension_next", c_dimension_next, 0},
    {"crm_dimension_label", c_dimension_label, 0},
    {"crm_dimension_value_next", c_dimension_value_next, 0},
    {"crm_dimension_value_label", c_dimension_value_label, 0},
    {"crm_txn_savepoint", c_savepoint, 1},
    {"crm_txn_rollback", c_rollback, 1},
    {"crm_customer_patch", c_patch, 1},
    {"crm_customer_patch_json", c_patch_json, 1},
    {"crm_customer_replace", c_replace, 1},
    {"crm_customer_replace_json", c_replace_json, 1},
    {"crm_customer_upsert", c_upsert, 1},
    {"crm_customer_upsert_json", c_upsert_json, 1},
    {"crm_customer_delete", c_delete, 1},
    {"crm_customer_undelete", c_undelete, 1},
    {"crm_txn_release", c_release, 1},
    {"crm_customer_create", c_create, 1},
    {"crm_customer_create_json", c_create_json, 1},
    {"crm_model_apply", c_model_apply, 1},
};
enum { CALL_COUNT = sizeof CALLS / sizeof CALLS[0] };

/* A database with one customer, a record of it, and a transaction of each kind. */
static void make(world *w, int mode)
{
    crm_txn *txn;

    memset(w, 0, sizeof *w);
    w->db = api_open_model(YAML);
    txn = api_begin(w->db, CRM_WRITE);
    w->id = api_create(txn, "{\"name\":\"A\",\"external\":{\"source\":\"erp\",\"value\":\"1\"}}");
    api_commit(txn);
    w->txn = api_begin(w->db, mode);
    w->name = api_field(w->txn, "name");
    w->external = api_field(w->txn, "external");
    OK(crm_event_kind_find(w->txn, "order", CRM_NUL, &w->order, &er));
    OK(crm_attribute_find(w->txn, &w->order, "status", CRM_NUL, &w->state, &er));
    OK(crm_dimension_find(w->txn, "region", CRM_NUL, &w->region, &er));
    OK(crm_customer_new(w->txn, &w->record, &er));
    OK(crm_customer_get(w->txn, w->id, w->record, &er));
    w->mode = mode;
    OK(crm_customer_list(w->txn, NULL, &w->iter, &er));
}

/* 0 if every call gives `code`, with and without room for the detail. */
static int all_give(world *w, int code, int writes_only)
{
    for (int i = 0; i < CALL_COUNT; i++) {
        crm_error err = CRM_ERROR_INIT;
        if (writes_only && !CALLS[i].writes)
            continue;
        w->err = NULL;
        if (CALLS[i].fn(w) != code)
            return api_unmet(CALLS[i].name, i, crm_error_name(code));
        w->err = &err;
        if (CALLS[i].fn(w) != code || err.code != code || !err.message[0])
            return api_unmet(CALLS[i].name, i, "the detail of the error");
    }
    return 0;
}

CRM_TEST(test_api_calls__all_work_in_a_write_transaction)
{
    world w;

    make(&w, CRM_WRITE);
    for (int i = 0; i < CALL_COUNT; i++) {
        int rc = CALLS[i].fn(&w);
        ck_assert_msg(rc == CRM_OK, "%s gives %s", CALLS[i].name, crm_error_name(rc));
    }
    crm_customer_list_close(w.iter);
    crm_customer_free(w.record);
    OK(crm_txn_commit(w.txn, &er));
    crm_db_close(w.db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_calls__reads_work_in_a_read_transaction)
{
    world w;

    make(&w, CRM_READ);
    for (int i = 0; i < CALL_COUNT; i++) {
        int rc = CALLS[i].fn(&w);
        ck_assert_msg(rc == (CALLS[i].writes ? CRM_ESTATE : CRM_OK), "%s gives %s", CALLS[i].name,
                      crm_error_name(rc));
    }
    ck_assert_int_eq(all_give(&w, CRM_ESTATE, 1), 0);
    crm_customer_list_close(w.iter);
    crm_customer_free(w.record);
    OK(crm_txn_commit(w.txn, &er));
    crm_db_close(w.db);
}

CRM_TEST(test_api_calls__no_transaction)
{
    world w;

    make(&w, CRM_READ);
    crm_customer_list_close(w.iter);
    OK(crm_txn_abort(w.txn));
    w.txn = NULL;
    ck_assert_int_eq(all_give(&w, CRM_EINVAL, 0), 0);
    IS(CRM_EINVAL, crm_txn_commit(NULL, &er));
    ck_assert_str_eq(er.field, "txn");
    OK(crm_txn_abort(NULL));
    ck_assert_uint_eq(crm_txn_revision(NULL), 0);
    ck_assert_int_eq(crm_txn_now(NULL), 0);
    IS(CRM_EINVAL, crm_txn_error(NULL, &er));
    crm_customer_free(w.record);
    crm_db_close(w.db);
    crm_db_close(NULL);
    crm_customer_list_close(NULL);
    crm_customer_free(NULL);
    crm_free(NULL);
}

CRM_TEST(test_api_calls__closed_handle)
{
    for (int mode = CRM_READ; mode <= CRM_WRITE; mode++) {
        world w;
        crm_customer *c;
        make(&w, mode);
        crm_db_close(w.db);
        ck_assert_int_eq(all_give(&w, CRM_ECLOSED, 0), 0);
        IS(CRM_ECLOSED, crm_customer_next(w.iter, &c, &er));
        ck_assert_uint_eq(crm_txn_revision(w.txn), 0);
        /* Records outlive everything. */
        ck_assert_uint_eq(crm_customer_id(w.record), w.id);
        ck_assert_uint_eq(crm_customer_count(w.record, &w.name), 1);
        if (mode == CRM_WRITE)
            IS(CRM_ECLOSED, crm_txn_commit(w.txn, &er));
        else
            OK(crm_txn_abort(w.txn));
        IS(CRM_ESTATE, crm_customer_next(w.iter, &c, &er));
        crm_customer_list_close(w.iter);
        OK(crm_customer_set(w.record, &w.name, "E", CRM_NUL, &er));
        crm_customer_free(w.record);
    }
    api_check_clean(api_path());
}

/* ---- threads ---- */

static int on_other_thread(void *ctx)
{
    world *w = ctx;
    crm_customer *c;

    NEED(all_give(w, CRM_ETHREAD, 0) == 0);
    NEED(crm_customer_next(w->iter, &c, NULL) == CRM_ETHREAD);
    NEED(crm_txn_commit(w->txn, NULL) == CRM_ETHREAD);
    NEED(crm_txn_abort(w->txn) == CRM_ETHREAD);
    NEED(crm_txn_revision(w->txn) == 0);
    return 0;
}

CRM_TEST(test_api_calls__write_transaction_on_another_thread)
{
    world w;
    uint64_t revision;

    make(&w, CRM_WRITE);
    OK(c_patch_json(&w));
    revision = crm_txn_revision(w.txn);
    ck_assert_int_eq(api_thread(on_other_thread, &w), 0);
    /* Nothing happened to it. */
    ck_assert_uint_eq(crm_txn_revision(w.txn), revision);
    ck_assert(api_has(w.txn, w.id, "\"name\":\"D\""));
    crm_customer_list_close(w.iter);
    OK(crm_txn_commit(w.txn, &er));
    crm_customer_free(w.record);
    crm_db_close(w.db);
}

static int read_there(void *ctx)
{
    world *w = ctx;
    crm_customer *c;

    for (int i = 0; i < CALL_COUNT; i++)
        NEED(CALLS[i].fn(w) == (CALLS[i].writes ? CRM_ESTATE : CRM_OK));
    NEED(crm_customer_next(w->iter, &c, NULL) == CRM_OK && crm_customer_id(c) == w->id);
    return 0;
}

static int end_there(void *ctx)
{
    world *w = ctx;

    crm_customer_list_close(w->iter);
    NEED(crm_txn_abort(w->txn) == CRM_OK);
    return 0;
}

CRM_TEST(test_api_calls__read_transaction_moves_between_threads)
{
    world w;

    make(&w, CRM_READ);
    ck_assert_int_eq(api_thread(read_there, &w), 0);
    for (int i = 0; i < CALL_COUNT; i++)
        ck_assert_int_eq(CALLS[i].fn(&w), CALLS[i].writes ? CRM_ESTATE : CRM_OK);
    ck_assert_int_eq(api_thread(end_there, &w), 0);
    crm_customer_free(w.record);
    crm_db_close(w.db);
}

/* ---- fork ---- */

static int db_gives_forked(world *w)
{
    crm_space_stat space;
    crm_db_stat st;
    crm_txn *txn = NULL;
    size_t pos = 0;

    NEED(crm_txn_begin(w->db, CRM_READ, NULL, &txn, NULL) == CRM_EFORKED && !txn);
    NEED(crm_txn_begin(w->db, CRM_WRITE, NULL, &txn, NULL) == CRM_EFORKED && !txn);
    NEED(crm_db_stat_get(w->db, sizeof st, &st, NULL) == CRM_EFORKED);
    NEED(crm_db_space_next(w->db, &pos, &space, NULL) == CRM_EFORKED);
    NEED(crm_db_write(w->db, NULL, (crm_write_fn)abort, NULL, NULL) == CRM_EFORKED);
    return 0;
}

/* Opens the database anew in the child, reads, and writes when nobody else does. */
static int open_in_child(world *w, int write)
{
    crm_db *db = NULL;
    crm_txn *txn = NULL;
    char *json = NULL;

    NEED(crm_db_open(api_path(), NULL, &db, NULL) == CRM_OK);
    NEED(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL) == CRM_OK);
    NEED(crm_customer_get_json(txn, w->id, 0, &json, NULL, NULL) == CRM_OK);
    NEED(strstr(json, "\"name\":\"A\""));
    crm_free(json);
    NEED(crm_txn_abort(txn) == CRM_OK);
    if (write) {
        NEED(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
        NEED(crm_customer_create_json(txn, "{\"name\":\"child\"}", CRM_NUL, NULL, NULL) == CRM_OK);
        NEED(crm_txn_commit(txn, NULL) == CRM_OK);
    }
    crm_db_close(db);
    return 0;
}

static int in_child(void *ctx)
{
    world *w = ctx;
    crm_customer *c;

    NEED(all_give(w, CRM_EFORKED, 0) == 0);
    NEED(crm_customer_next(w->iter, &c, NULL) == CRM_EFORKED);
    NEED(db_gives_forked(w) == 0);
    NEED(crm_txn_revision(w->txn) == 0);
    NEED(crm_customer_id(w->record) == w->id); /* a copy is a copy */
    return open_in_child(w, w->mode == CRM_READ);
}

static int end_in_child(void *ctx)
{
    world *w = ctx;

    NEED(open_in_child(w, 0) == 0);
    if (w->id % 2 == 1)
        NEED(crm_txn_abort(w->txn) == CRM_OK);
    else
        NEED(crm_txn_commit(w->txn, NULL) == CRM_EFORKED);
    crm_customer_list_close(w->iter);
    crm_customer_free(w->record);
    crm_db_close(w->db);
    return open_in_child(w, w->mode == CRM_READ);
}

static int close_first_in_child(void *ctx)
{
    world *w = ctx;

    crm_db_close(w->db);
    NEED(all_give(w, CRM_EFORKED, 0) == 0);
    crm_customer_list_close(w->iter);
    NEED(crm_txn_commit(w->txn, NULL) == CRM_EFORKED);
    crm_customer_free(w->record);
    return open_in_child(w, w->mode == CRM_READ);
}

CRM_TEST(test_api_calls__forked_child_with_a_read_transaction)
{
    world w;
    size_t n;

    make(&w, CRM_READ);
    ck_assert_int_eq(api_child(in_child, &w), 0);
    ck_assert_int_eq(api_child(end_in_child, &w), 0);
    ck_assert_int_eq(api_child(close_first_in_child, &w), 0);
    /* The parent's handles are as good as before, and its locks still hold. */
    ck_assert_int_eq(api_child(end_in_child, &w), 0);
    ck_assert(api_has(w.txn, w.id, "\"name\":\"A\""));
    crm_customer_list_close(w.iter);
    OK(crm_txn_abort(w.txn));
    w.txn = api_begin(w.db, CRM_WRITE);
    OK(c_patch_json(&w));
    api_commit(w.txn);
    w.txn = api_begin(w.db, CRM_READ);
    n = api_list(w.txn, NULL, NULL, 0);
    ck_assert_uint_eq(n, 1 + 4);
    OK(crm_txn_abort(w.txn));
    crm_customer_free(w.record);
    crm_db_close(w.db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_calls__forked_child_with_a_write_transaction)
{
    world w;

    make(&w, CRM_WRITE);
    OK(c_patch_json(&w));
    ck_assert_int_eq(api_child(in_child, &w), 0);
    ck_assert_int_eq(api_child(end_in_child, &w), 0);
    ck_assert_int_eq(api_child(close_first_in_child, &w), 0);
    /* The children saw what was committed; the parent goes on with what it wrote. */
    ck_assert(api_has(w.txn, w.id, "\"name\":\"D\""));
    crm_customer_list_close(w.iter);
    OK(crm_txn_commit(w.txn, &er));
    w.txn = api_begin(w.db, CRM_READ);
    ck_assert(api_has(w.txn, w.id, "\"name\":\"D\""));
    OK(crm_txn_abort(w.txn));
    crm_customer_free(w.record);
    crm_db_close(w.db);
    api_check_clean(api_path());
}

/* A child forked while other threads are inside the library can still open.  Not with a sanitizer's
 * allocator: its locks, unlike those of the C library, may stay held in the child. */
#if defined(__SANITIZE_ADDRESS__)
#define ALLOCATOR_FORKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define ALLOCATOR_FORKS 0
#endif
#endif
#ifndef ALLOCATOR_FORKS
#define ALLOCATOR_FORKS 1
#endif

typedef struct busy {
    crm_db *db;
    int stop;
} busy;

static int keep_busy(void *ctx)
{
    busy *b = ctx;

    while (!__atomic_load_n(&b->stop, __ATOMIC_ACQUIRE)) {
        crm_db *db;
        crm_txn *txn;
        NEED(crm_db_open(api_path(), NULL, &db, NULL) == CRM_OK);
        NEED(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
        NEED(crm_customer_create_json(txn, "{\"name\":\"busy\"}", CRM_NUL, NULL, NULL) == CRM_OK);
        NEED(crm_txn_abort(txn) == CRM_OK);
        crm_db_close(db);
    }
    return 0;
}

static int look_in_child(void *ctx)
{
    return open_in_child(ctx, 0);
}

static int fork_often(void *ctx)
{
    busy *b = ctx;
    world w = {0};

    w.db = b->db;
    w.id = 1;
    for (int i = 0; i < 40 && ALLOCATOR_FORKS; i++)
        NEED(api_child(look_in_child, &w) == 0);
    return 0;
}

static int fork_then_stop(void *ctx)
{
    busy *b = ctx;
    int rc = fork_often(b);

    __atomic_store_n(&b->stop, 1, __ATOMIC_RELEASE);
    return rc;
}

static void *busy_thread(void *ctx)
{
    return (void *)(intptr_t)keep_busy(ctx);
}

CRM_TEST(test_api_calls__fork_while_threads_open_and_write)
{
    world w;
    busy b;
    pthread_t t;
    void *rc = NULL;

    make(&w, CRM_READ);
    b = (busy){w.db, 0};
    ck_assert_int_eq(pthread_create(&t, NULL, busy_thread, &b), 0);
    ck_assert_int_eq(api_thread(fork_then_stop, &b), 0);
    pthread_join(t, &rc);
    ck_assert_ptr_null(rc);
    crm_customer_list_close(w.iter);
    OK(crm_txn_abort(w.txn));
    crm_customer_free(w.record);
    crm_db_close(w.db);
}
