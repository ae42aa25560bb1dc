/* SPDX-License-Identifier: MIT
 * The typed door: records filled by setters and read by getters, and the verbs on them.
 */
#include "help.h"

#include <string.h>

static const char *text_of(crm_customer *c, const crm_field *f, size_t i)
{
    static char room[8][300];
    static unsigned turn;
    char *to = room[turn++ % 8];
    const char *text;
    size_t n;

    OK(crm_customer_text(c, f, i, &text, &n, &er));
    ck_assert_uint_lt(n, sizeof room[0]);
    memcpy(to, text, n);
    to[n] = 0;
    return to;
}

typedef struct door {
    crm_db *db;
    crm_txn *txn;
    crm_customer *c;
    crm_field name, phone, score, vip, employer, last_contact, credit, external, email, gender;
} door;

static void open_door(door *d)
{
    d->db = api_open();
    d->txn = api_begin(d->db, CRM_WRITE);
    d->name = api_field(d->txn, "name");
    d->phone = api_field(d->txn, "phone");
    d->score = api_field(d->txn, "score");
    d->vip = api_field(d->txn, "vip");
    d->employer = api_field(d->txn, "employer");
    d->last_contact = api_field(d->txn, "last_contact");
    d->credit = api_field(d->txn, "credit_limit");
    d->external = api_field(d->txn, "external");
    d->email = api_field(d->txn, "email");
    d->gender = api_field(d->txn, "gender");
    OK(crm_customer_new(d->txn, &d->c, &er));
}

static void close_door(door *d)
{
    crm_customer_free(d->c);
    api_commit(d->txn);
    crm_db_close(d->db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_customer__set_create_get)
{
    door d;
    crm_customer *c;
    crm_id id, org;
    int64_t n;

    open_door(&d);
    org = api_create(d.txn, "{\"name\":\"Org\",\"kind\":\"organisation\"}");
    OK(crm_customer_set(d.c, &d.name, "  张伟 ", CRM_NUL, &er));
    OK(crm_customer_set(d.c, &d.gender, "女", CRM_NUL, &er));
    OK(crm_customer_add(d.c, &d.phone, NULL, "138 0013 8000", CRM_NUL, &er));
    OK(crm_customer_add(d.c, &d.phone, NULL, "+86 13800138000", CRM_NUL, &er)); /* the same */
    OK(crm_customer_add(d.c, &d.phone, NULL, "010-6552 9988", CRM_NUL, &er));
    OK(crm_customer_add(d.c, &d.external, "erp", "10023", CRM_NUL, &er));
    OK(crm_customer_set_integer(d.c, &d.score, 700, &er));
    OK(crm_customer_set_integer(d.c, &d.vip, 1, &er));
    OK(crm_customer_set_integer(d.c, &d.employer, (int64_t)org, &er));
    OK(crm_customer_set_integer(d.c, &d.last_contact, 1700000000000000, &er));
    OK(crm_customer_set(d.c, &d.credit, "¥1,234.50", CRM_NUL, &er));
    ck_assert_uint_eq(crm_customer_id(d.c), 0);
    ck_assert_uint_eq(crm_customer_revision(d.c), 0);
    ck_assert_uint_eq(crm_customer_count(d.c, &d.phone), 2);
    ck_assert_str_eq(text_of(d.c, &d.phone, 0),
                     "+8613800138000"); /* readable before it is written */
    OK(crm_customer_create(d.txn, d.c, &id, &er));

    OK(crm_customer_new(d.txn, &c, &er));
    OK(crm_customer_get(d.txn, id, c, &er));
    ck_assert_uint_eq(crm_customer_id(c), id);
    ck_assert_uint_eq(crm_customer_revision(c), crm_txn_revision(d.txn));
    ck_assert_int_eq(crm_customer_created_us(c), crm_customer_updated_us(c));
    ck_assert_int_gt(crm_customer_created_us(c), 0);
    ck_assert_int_eq(crm_customer_deleted(c), 0);
    ck_assert_str_eq(crm_customer_kind(c), "person");
    ck_assert_str_eq(text_of(c, &d.name, 0), "张伟");
    ck_assert_str_eq(text_of(c, &d.gender, 0), "female");
    ck_assert_str_eq(text_of(c, &d.phone, 1), "+861065529988");
    ck_assert_str_eq(text_of(c, &d.credit, 0), "1234.50 CNY");
    ck_assert_str_eq(text_of(c, &d.vip, 0), "true");
    ck_assert_str_eq(text_of(c, &d.last_contact, 0), "2023-11-14T22:13:20Z");
    OK(crm_customer_integer(c, &d.score, 0, &n, &er));
    ck_assert_int_eq(n, 700);
    OK(crm_customer_integer(c, &d.vip, 0, &n, &er));
    ck_assert_int_eq(n, 1);
    OK(crm_customer_integer(c, &d.employer, 0, &n, &er));
    ck_assert_int_eq(n, (int64_t)org);
    OK(crm_customer_integer(c, &d.last_contact, 0, &n, &er));
    ck_assert_int_eq(n, 1700000000000000);
    IS(CRM_EVALUE, crm_customer_integer(c, &d.name, 0, &n, &er));
    ck_assert_str_eq(er.field, "name");
    IS(CRM_ENOTFOUND, crm_customer_integer(c, &d.score, 1, &n, &er));
    IS(CRM_ENOTFOUND, crm_customer_integer(c, &d.email, 0, &n, &er));
    crm_customer_free(c);
    close_door(&d);
}

CRM_TEST(test_api_customer__setters_refuse)
{
    door d;
    crm_field strange;

    open_door(&d);
    OK(crm_customer_set(d.c, &d.name, "A", CRM_NUL, &er));
    IS(CRM_EVALUE, crm_customer_set(d.c, &d.name, " ", CRM_NUL, &er));
    ck_assert_str_eq(er.field, "name");
    IS(CRM_EVALUE, crm_customer_set(d.c, &d.name, "\xff", CRM_NUL, &er));
    ck_assert_str_eq(text_of(d.c, &d.name, 0), "A"); /* unchanged */
    OK(crm_customer_set(d.c, &d.name, "BCD", 2, &er));
    ck_assert_str_eq(text_of(d.c, &d.name, 0), "BC");
    IS(CRM_EVALUE, crm_customer_set(d.c, &d.score, "1001", CRM_NUL, &er));
    IS(CRM_EVALUE, crm_customer_set_integer(d.c, &d.score, 1001, &er));
    ck_assert_str_eq(er.field, "score");
    IS(CRM_EVALUE, crm_customer_set_integer(d.c, &d.vip, 2, &er));
    IS(CRM_EVALUE, crm_customer_set_integer(d.c, &d.employer, 0, &er));
    IS(CRM_EVALUE, crm_customer_set_integer(d.c, &d.last_contact, INT64_MAX, &er));
    IS(CRM_EVALUE, crm_customer_set_integer(d.c, &d.name, 5, &er));
    IS(CRM_EVALUE, crm_customer_add(d.c, &d.name, NULL, "A", CRM_NUL, &er));     /* no list */
    IS(CRM_EVALUE, crm_customer_add(d.c, &d.external, NULL, "1", CRM_NUL, &er)); /* no source */
    IS(CRM_EVALUE, crm_customer_add(d.c, &d.external, "", "1", CRM_NUL, &er));
    IS(CRM_EVALUE, crm_customer_set(d.c, &d.external, "1", CRM_NUL, &er));
    IS(CRM_EVALUE, crm_customer_add(d.c, &d.phone, "erp", "13800138000", CRM_NUL, &er));
    ck_assert_str_eq(er.field, "phone");
    IS(CRM_EVALUE, crm_customer_set_kind(d.c, "robot", CRM_NUL, &er));
    ck_assert_str_eq(er.field, "kind");
    ck_assert_uint_eq(crm_customer_count(d.c, &d.phone), 0);
    strange = d.name;
    strange.number = 60000;
    IS(CRM_EFIELD, crm_customer_set(d.c, &strange, "A", CRM_NUL, &er));
    IS(CRM_EFIELD, crm_customer_add(d.c, &strange, NULL, "A", CRM_NUL, &er));
    IS(CRM_EFIELD, crm_customer_set_integer(d.c, &strange, 1, &er));
    IS(CRM_EFIELD, crm_customer_unset(d.c, &strange, &er));
    ck_assert_uint_eq(crm_customer_count(d.c, &strange), 0);
    close_door(&d);
}

CRM_TEST(test_api_customer__null_arguments)
{
    door d;
    const char *s;
    char *json;
    size_t n;
    int64_t v;
    crm_id id;

    open_door(&d);
    IS(CRM_EINVAL, crm_customer_new(d.txn, NULL, &er));
    IS(CRM_EINVAL, crm_customer_set(NULL, &d.name, "A", CRM_NUL, &er));
    IS(CRM_EINVAL, crm_customer_set(d.c, NULL, "A", CRM_NUL, &er));
    IS(CRM_EINVAL, crm_customer_set(d.c, &d.name, NULL, 0, &er));
    IS(CRM_EINVAL, crm_customer_add(NULL, &d.phone, NULL, "1", CRM_NUL, &er));
    IS(CRM_EINVAL, crm_customer_add(d.c, NULL, NULL, "1", CRM_NUL, &er));
    IS(CRM_EINVAL, crm_customer_add(d.c, &d.phone, NULL, NULL, CRM_NUL, &er));
    IS(CRM_EINVAL, crm_customer_set_integer(NULL, &d.score, 1, &er));
    IS(CRM_EINVAL, crm_customer_set_integer(d.c, NULL, 1, &er));
    IS(CRM_EINVAL, crm_customer_unset(NULL, &d.score, &er));
    IS(CRM_EINVAL, crm_customer_unset(d.c, NULL, &er));
    IS(CRM_EINVAL, crm_customer_set_kind(NULL, "person", CRM_NUL, &er));
    IS(CRM_EINVAL, crm_customer_set_kind(d.c, NULL, CRM_NUL, &er));
    OK(crm_customer_set(d.c, &d.name, "A", CRM_NUL, &er));
    IS(CRM_EINVAL, crm_customer_text(NULL, &d.name, 0, &s, &n, &er));
    IS(CRM_EINVAL, crm_customer_text(d.c, NULL, 0, &s, &n, &er));
    IS(CRM_EINVAL, crm_customer_text(d.c, &d.name, 0, NULL, &n, &er));
    IS(CRM_EINVAL, crm_customer_text(d.c, &d.name, 0, &s, NULL, &er));
    IS(CRM_EINVAL, crm_customer_integer(NULL, &d.score, 0, &v, &er));
    IS(CRM_EINVAL, crm_customer_integer(d.c, NULL, 0, &v, &er));
    OK(crm_customer_create(d.txn, d.c, NULL, NULL));
    OK(crm_customer_get(d.txn, 1, d.c, NULL));
    IS(CRM_EINVAL, crm_customer_integer(d.c, &d.score, 0, NULL, &er));
    IS(CRM_EINVAL, crm_customer_origin(d.txn, NULL, &d.name, 0, &s, &v, &er));
    IS(CRM_EINVAL, crm_customer_origin(d.txn, d.c, NULL, 0, &s, &v, &er));
    IS(CRM_EINVAL, crm_customer_source(d.txn, NULL, &d.external, 0, &s, &er));
    IS(CRM_EINVAL, crm_customer_source(d.txn, d.c, NULL, 0, &s, &er));
    IS(CRM_EINVAL, crm_customer_get(d.txn, 1, NULL, &er));
    IS(CRM_EINVAL, crm_customer_get_json(d.txn, 1, 0, NULL, &n, &er));
    IS(CRM_EINVAL, crm_customer_get_json(d.txn, 1, 16, &json, &n, &er));
    IS(CRM_EINVAL, crm_customer_to_json(d.txn, NULL, 0, &json, &n, &er));
    IS(CRM_EINVAL, crm_customer_to_json(d.txn, d.c, 0, NULL, &n, &er));
    IS(CRM_EINVAL, crm_customer_to_json(d.txn, d.c, 16, &json, &n, &er));
    IS(CRM_EINVAL, crm_customer_create(d.txn, NULL, &id, &er));
    IS(CRM_EINVAL, crm_customer_replace(d.txn, 1, 0, NULL, &er));
    IS(CRM_EINVAL, crm_customer_patch(d.txn, 1, 0, NULL, &er));
    IS(CRM_EINVAL, crm_customer_upsert(d.txn, NULL, &id, NULL, &er));
    IS(CRM_EINVAL, crm_customer_create_json(d.txn, NULL, 0, &id, &er));
    IS(CRM_EINVAL, crm_customer_replace_json(d.txn, 1, 0, NULL, 0, &er));
    IS(CRM_EINVAL, crm_customer_patch_json(d.txn, 1, 0, NULL, 0, &er));
    IS(CRM_EINVAL, crm_customer_upsert_json(d.txn, NULL, 0, &id, NULL, &er));
    IS(CRM_EINVAL, crm_customer_validate_json(d.txn, NULL, 0, &json, NULL, &er));
    ck_assert_ptr_null(json);
    IS(CRM_EINVAL, crm_customer_validate_json(d.txn, "{}", 2, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_customer_find(d.txn, NULL, NULL, "1", CRM_NUL, &id, 1, &n, &er));
    IS(CRM_EINVAL, crm_customer_find(d.txn, &d.phone, NULL, NULL, 0, &id, 1, &n, &er));
    IS(CRM_EINVAL, crm_customer_find(d.txn, &d.phone, NULL, "1", CRM_NUL, NULL, 1, &n, &er));
    IS(CRM_EINVAL, crm_customer_find(d.txn, &d.phone, NULL, "1", CRM_NUL, &id, 1, NULL, &er));
    IS(CRM_EINVAL, crm_customer_list(d.txn, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_customer_next(NULL, &(crm_customer *){NULL}, &er));
    ck_assert_uint_eq(crm_customer_id(NULL), 0);
    ck_assert_uint_eq(crm_customer_revision(NULL), 0);
    ck_assert_int_eq(crm_customer_created_us(NULL), 0);
    ck_assert_int_eq(crm_customer_updated_us(NULL), 0);
    ck_assert_int_eq(crm_customer_deleted(NULL), 0);
    ck_assert_str_eq(crm_customer_kind(NULL), "");
    ck_assert_uint_eq(crm_customer_count(NULL, &d.name), 0);
    ck_assert_uint_eq(crm_customer_count(d.c, NULL), 0);
    crm_customer_clear(NULL);
    close_door(&d);
}

CRM_TEST(test_api_customer__patch_and_unset)
{
    door d;
    crm_id id;
    uint64_t revision;

    open_door(&d);
    id = api_create(d.txn,
                    "{\"name\":\"A\",\"city\":\"X\",\"phone\":[\"13800138000\",\"13900139000\"]}");
    OK(crm_customer_add(d.c, &d.phone, NULL, "13700137000", CRM_NUL, &er));
    OK(crm_customer_patch(d.txn, id, 0, d.c, &er));
    ck_assert(
        api_has(d.txn, id, "\"phone\":[\"+8613700137000\"]")); /* in the place of the others */
    ck_assert_str_eq(api_member(d.txn, id, "city"), "X");
    ck_assert_str_eq(api_member(d.txn, id, "name"), "A");
    revision = crm_txn_revision(d.txn);
    OK(crm_customer_patch(d.txn, id, 0, d.c, &er));
    ck_assert_uint_eq(crm_txn_revision(d.txn), revision); /* nothing differs, nothing is written */
    crm_customer_clear(d.c);
    OK(crm_customer_unset(d.c, &d.phone, &er));
    OK(crm_customer_patch(d.txn, id, 0, d.c, &er));
    ck_assert(!api_has(d.txn, id, "phone"));
    crm_customer_clear(d.c);
    OK(crm_customer_unset(d.c, &d.name, &er));
    IS(CRM_EVALUE, crm_customer_patch(d.txn, id, 0, d.c, &er)); /* required */
    ck_assert_str_eq(er.field, "name");
    OK(crm_customer_set(d.c, &d.name, "B", CRM_NUL, &er)); /* said last, it counts */
    OK(crm_customer_patch(d.txn, id, 0, d.c, &er));
    ck_assert_str_eq(api_member(d.txn, id, "name"), "B");
    IS(CRM_ENOTFOUND, crm_customer_patch(d.txn, id + 1, 0, d.c, &er));
    IS(CRM_ENOTFOUND, crm_customer_patch(d.txn, 0, 0, d.c, &er));
    IS(CRM_ENOTFOUND, crm_customer_patch(d.txn, UINT64_MAX, 0, d.c, &er));
    close_door(&d);
}

/* A record that was read can be changed and given back. */
CRM_TEST(test_api_customer__read_change_replace)
{
    door d;
    crm_id id;
    uint64_t revision;

    open_door(&d);
    id = api_create(d.txn, "{\"name\":\"A\",\"phone\":\"13800138000\",\"score\":5,"
                           "\"external\":[{\"source\":\"erp\",\"value\":\"1\"}]}");
    OK(crm_customer_get(d.txn, id, d.c, &er));
    revision = crm_customer_revision(d.c);
    OK(crm_customer_replace(d.txn, id, revision, d.c, &er));
    ck_assert_uint_eq(crm_txn_revision(d.txn), revision);
    OK(crm_customer_add(d.c, &d.external, "erp", "1", CRM_NUL, &er)); /* is there already */
    OK(crm_customer_replace(d.txn, id, revision, d.c, &er));
    ck_assert_uint_eq(crm_txn_revision(d.txn), revision);
    OK(crm_customer_add(d.c, &d.phone, NULL, "13900139000", CRM_NUL, &er));
    OK(crm_customer_add(d.c, &d.external, "shop", "1", CRM_NUL, &er));
    OK(crm_customer_unset(d.c, &d.score, &er));
    OK(crm_customer_replace(d.txn, id, revision, d.c, &er));
    ck_assert(api_has(d.txn, id, "\"phone\":[\"+8613800138000\",\"+8613900139000\"]"));
    ck_assert(api_has(d.txn, id, "{\"kind\":\"external\",\"source\":\"shop\",\"value\":\"1\"}"));
    ck_assert(!api_has(d.txn, id, "score"));
    /* And a copy of it can be made, but for what is unique. */
    OK(crm_customer_get(d.txn, id, d.c, &er));
    IS(CRM_EEXISTS, crm_customer_create(d.txn, d.c, NULL, &er));
    ck_assert_str_eq(er.field, "external");
    ck_assert_int_eq(er.row, (int64_t)id);
    OK(crm_customer_unset(d.c, &d.external, &er));
    OK(crm_customer_create(d.txn, d.c, NULL, &er));
    crm_customer_clear(d.c);
    OK(crm_customer_set(d.c, &d.name, "only this", CRM_NUL, &er));
    OK(crm_customer_replace(d.txn, id, 0, d.c, &er));
    ck_assert(!api_has(d.txn, id, "phone"));
    ck_assert(api_has(d.txn, id, "\"identities\":[]"));
    ck_assert(!api_has(d.txn, id, "lifecycle")); /* defaults belong to creation */
    close_door(&d);
}

CRM_TEST(test_api_customer__expected_revision)
{
    door d;
    crm_id id;
    uint64_t first, second;

    open_door(&d);
    id = api_create(d.txn, "{\"name\":\"A\"}");
    OK(crm_customer_get(d.txn, id, d.c, &er));
    first = crm_customer_revision(d.c);
    OK(crm_customer_set(d.c, &d.name, "B", CRM_NUL, &er));
    OK(crm_customer_patch(d.txn, id, first, d.c, &er));
    second = crm_txn_revision(d.txn);
    OK(crm_customer_set(d.c, &d.name, "C", CRM_NUL, &er));
    IS(CRM_ECONFLICT, crm_customer_patch(d.txn, id, first, d.c, &er));
    ck_assert_int_eq(er.row, (int64_t)second);
    IS(CRM_ECONFLICT, crm_customer_replace(d.txn, id, second + 1, d.c, &er));
    IS(CRM_ECONFLICT, crm_customer_delete(d.txn, id, first, &er));
    ck_assert_int_eq(er.row, (int64_t)second);
    IS(CRM_ECONFLICT, crm_customer_patch_json(d.txn, id, first, "{\"name\":\"D\"}", CRM_NUL, &er));
    IS(CRM_ECONFLICT,
       crm_customer_patch_json(d.txn, id, 0, "{\"name\":\"D\",\"revision\":1}", CRM_NUL, &er));
    IS(CRM_ECONFLICT,
       crm_customer_replace_json(d.txn, id, 0, "{\"name\":\"D\",\"revision\":1}", CRM_NUL, &er));
    ck_assert_str_eq(api_member(d.txn, id, "name"), "B");
    OK(crm_customer_delete(d.txn, id, second, &er));
    IS(CRM_ECONFLICT, crm_customer_undelete(d.txn, id, second, &er));
    OK(crm_customer_undelete(d.txn, id, crm_txn_revision(d.txn), &er));
    close_door(&d);
}

CRM_TEST(test_api_customer__delete_and_undelete)
{
    crm_list_options deleted = CRM_LIST_OPTIONS_INIT;
    door d;
    crm_id id, other, found;

    open_door(&d);
    deleted.flags = CRM_LIST_DELETED;
    id = api_create(d.txn, "{\"name\":\"A\",\"phone\":\"13800138000\",\"external\":"
                           "{\"source\":\"erp\",\"value\":\"1\"}}");
    IS(CRM_EEXISTS, crm_customer_undelete(d.txn, id, 0, &er));
    OK(crm_customer_delete(d.txn, id, 0, &er));
    IS(CRM_ENOTFOUND, crm_customer_delete(d.txn, id, 0, &er));
    ck_assert_uint_eq(api_found(d.txn, "phone", NULL, "13800138000", NULL), 0);
    ck_assert_uint_eq(api_found(d.txn, "external", "erp", "1", NULL), 0);
    ck_assert_uint_eq(api_list(d.txn, NULL, NULL, 0), 0);
    ck_assert_uint_eq(api_list(d.txn, &deleted, &found, 1), 1);
    ck_assert_uint_eq(found, id);
    ck_assert(api_has(d.txn, id, "\"deleted\":true")); /* by its number it can still be seen */
    OK(crm_customer_get(d.txn, id, d.c, &er));
    ck_assert_int_eq(crm_customer_deleted(d.c), 1);
    IS(CRM_ENOTFOUND, crm_customer_patch_json(d.txn, id, 0, "{\"name\":\"B\"}", CRM_NUL, &er));
    IS(CRM_ENOTFOUND, crm_customer_replace(d.txn, id, 0, d.c, &er));
    /* Meanwhile somebody takes its number. */
    other = api_create(d.txn, "{\"name\":\"B\",\"external\":{\"source\":\"erp\",\"value\":\"1\"}}");
    IS(CRM_EEXISTS, crm_customer_undelete(d.txn, id, 0, &er));
    ck_assert_str_eq(er.field, "external");
    ck_assert_int_eq(er.row, (int64_t)other);
    OK(crm_customer_patch_json(d.txn, other, 0, "{\"external\":null}", CRM_NUL, &er));
    OK(crm_customer_undelete(d.txn, id, 0, &er));
    ck_assert_uint_eq(api_found(d.txn, "external", "erp", "1", &found), 1);
    ck_assert_uint_eq(found, id);
    ck_assert_uint_eq(api_found(d.txn, "phone", NULL, "13800138000", NULL), 1);
    ck_assert(!api_has(d.txn, id, "deleted"));
    IS(CRM_ENOTFOUND, crm_customer_delete(d.txn, 77, 0, &er));
    IS(CRM_ENOTFOUND, crm_customer_undelete(d.txn, 77, 0, &er));
    close_door(&d);
}

CRM_TEST(test_api_customer__deleted_twice_over_commits)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\",\"wechat\":\"w\"}");
    crm_db_stat st;

    api_commit(txn);
    for (int i = 0; i < 5; i++) {
        txn = api_begin(db, CRM_WRITE);
        OK(crm_customer_delete(txn, id, 0, &er));
        OK(crm_customer_undelete(txn, id, 0, &er));
        OK(crm_customer_delete(txn, id, 0, &er));
        api_commit(txn);
        OK(crm_db_stat_get(db, sizeof st, &st, &er));
        ck_assert(st.customers == 0 && st.deleted == 1);
        txn = api_begin(db, CRM_WRITE);
        OK(crm_customer_undelete(txn, id, 0, &er));
        ck_assert_uint_eq(api_found(txn, "wechat", NULL, "w", NULL), 1);
        api_commit(txn);
    }
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_customer__kinds)
{
    door d;
    crm_id person, org;

    open_door(&d);
    person = api_create(d.txn, "{\"name\":\"A\",\"gender\":\"f\"}");
    org = api_create(d.txn, "{\"kind\":\"公司\",\"name\":\"B\",\"employees\":12}");
    ck_assert_str_eq(api_member(d.txn, org, "kind"), "organisation");
    IS(CRM_EVALUE, crm_customer_create_json(d.txn,
                                            "{\"kind\":\"organisation\",\"name\":\"C\","
                                            "\"gender\":\"f\"}",
                                            CRM_NUL, NULL, &er));
    ck_assert_str_eq(er.field, "gender");
    IS(CRM_EVALUE, crm_customer_patch_json(d.txn, person, 0, "{\"employees\":1}", CRM_NUL, &er));
    ck_assert_str_eq(er.field, "employees");
    /* A change of kind looks at everything that is there. */
    IS(CRM_EVALUE,
       crm_customer_patch_json(d.txn, person, 0, "{\"kind\":\"organisation\"}", CRM_NUL, &er));
    ck_assert_str_eq(er.field, "gender");
    OK(crm_customer_patch_json(d.txn, person, 0,
                               "{\"kind\":\"organisation\",\"gender\":null,"
                               "\"employees\":3}",
                               CRM_NUL, &er));
    ck_assert_str_eq(api_member(d.txn, person, "kind"), "organisation");
    OK(crm_customer_set_kind(d.c, "个人", CRM_NUL, &er));
    ck_assert_str_eq(crm_customer_kind(d.c), "person");
    IS(CRM_EVALUE, crm_customer_patch(d.txn, org, 0, d.c, &er));
    ck_assert_str_eq(er.field, "employees");
    crm_customer_clear(d.c); /* a record that does not say its kind changes none */
    OK(crm_customer_set(d.c, &d.name, "D", CRM_NUL, &er));
    OK(crm_customer_patch(d.txn, org, 0, d.c, &er));
    ck_assert_str_eq(api_member(d.txn, org, "kind"), "organisation");
    IS(CRM_EVALUE,
       crm_customer_create_json(d.txn, "{\"name\":\"A\",\"kind\":\"robot\"}", CRM_NUL, NULL, &er));
    IS(CRM_EVALUE,
       crm_customer_create_json(d.txn, "{\"name\":\"A\",\"kind\":3}", CRM_NUL, NULL, &er));
    close_door(&d);
}

CRM_TEST(test_api_customer__defaults)
{
    door d;
    crm_id id;

    open_door(&d);
    id = api_create(d.txn, "{\"name\":\"A\"}");
    ck_assert_str_eq(api_member(d.txn, id, "lifecycle"), "lead");
    ck_assert_str_eq(api_member(d.txn, id, "score"), "0");
    ck_assert_str_eq(api_member(d.txn, id, "vip"), "false");
    id = api_create(d.txn, "{\"name\":\"A\",\"lifecycle\":null,\"score\":7}");
    ck_assert_str_eq(api_member(d.txn, id, "lifecycle"), "");
    ck_assert_str_eq(api_member(d.txn, id, "score"), "7");
    OK(crm_customer_patch_json(d.txn, id, 0, "{\"score\":null}", CRM_NUL, &er));
    OK(crm_customer_patch_json(d.txn, id, 0, "{\"name\":\"B\"}", CRM_NUL, &er));
    ck_assert_str_eq(api_member(d.txn, id, "score"), "");
    OK(crm_customer_set(d.c, &d.name, "C", CRM_NUL, &er));
    OK(crm_customer_unset(d.c, &d.vip, &er));
    OK(crm_customer_create(d.txn, d.c, &id, &er));
    ck_assert_str_eq(api_member(d.txn, id, "vip"), "");
    ck_assert_str_eq(api_member(d.txn, id, "score"), "0");
    close_door(&d);
}

/* Where each value comes from, and since when. */
CRM_TEST(test_api_customer__origins)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    int64_t clock = 3000000000000000, at;
    crm_customer *c;
    crm_field name, city, phone;
    const char *source;
    crm_txn *txn;
    crm_db *db;
    crm_id id;

    o.test_clock = api_clock;
    o.test_clock_ctx = &clock;
    OK(crm_db_open(api_path(), &o, &db, &er));
    clock = 4000000000000000;
    txn = api_begin_as(db, 0, "web-form");
    name = api_field(txn, "name");
    city = api_field(txn, "city");
    phone = api_field(txn, "phone");
    id = api_create(txn, "{\"name\":\"A\",\"city\":\"X\",\"phone\":\"13800138000\"}");
    api_commit(txn);
    clock = 5000000000000000;
    txn = api_begin_as(db, 0, NULL);
    OK(crm_customer_patch_json(txn, id, 0, "{\"name\":\"A\",\"city\":\"Y\"}", CRM_NUL, &er));
    api_commit(txn);
    clock = 6000000000000000;
    txn = api_begin_as(db, 0, "web-form");
    OK(crm_customer_patch_json(
        txn, id, 0, "{\"phone\":{\"add\":[\"13900139000\"]},\"source\":\"call\"}", CRM_NUL, &er));
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    OK(crm_customer_new(txn, &c, &er));
    OK(crm_customer_get(txn, id, c, &er));
    OK(crm_customer_origin(txn, c, &name, 0, &source, &at,
                           &er)); /* the same value again is no news */
    ck_assert_str_eq(source, "web-form");
    ck_assert_int_eq(at, 4000000000000000);
    OK(crm_customer_origin(txn, c, &city, 0, &source, &at, &er));
    ck_assert_str_eq(source, "");
    ck_assert_int_eq(at, 5000000000000000);
    OK(crm_customer_origin(txn, c, &phone, 0, &source, &at, &er));
    ck_assert_str_eq(source, "web-form");
    ck_assert_int_eq(at, 4000000000000000);
    OK(crm_customer_origin(txn, c, &phone, 1, &source, &at, &er));
    ck_assert_str_eq(source, "call");
    ck_assert_int_eq(at, 6000000000000000);
    IS(CRM_ENOTFOUND, crm_customer_origin(txn, c, &phone, 2, &source, &at, &er));
    OK(crm_customer_origin(txn, c, &phone, 1, NULL, NULL, &er));
    ck_assert(strstr(api_json(txn, id, CRM_JSON_ORIGINS),
                     "\"phone\":[{\"at\":\"2096-10-02T07:06:40Z\",\"source\":\"web-form\"},"
                     "{\"at\":\"2160-02-18T10:40:00Z\",\"source\":\"call\"}]"));
    crm_customer_free(c);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

CRM_TEST(test_api_customer__records_outlive_the_database)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_field name = api_field(txn, "name");
    crm_customer *c;

    api_create(txn, "{\"name\":\"A\"}");
    OK(crm_customer_new(txn, &c, &er));
    OK(crm_customer_get(txn, 1, c, &er));
    api_commit(txn);
    crm_db_close(db);
    ck_assert_str_eq(text_of(c, &name, 0), "A");
    OK(crm_customer_set(c, &name, "B", CRM_NUL, &er));
    ck_assert_str_eq(text_of(c, &name, 0), "B");
    db = api_open();
    txn = api_begin(db, CRM_WRITE);
    OK(crm_customer_patch(txn, 1, 0, c, &er)); /* and may be used with the next handle */
    ck_assert_str_eq(api_member(txn, 1, "name"), "B");
    api_commit(txn);
    crm_customer_free(c);
    crm_db_close(db);
}
