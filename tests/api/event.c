/* SPDX-License-Identifier: MIT
 * Events through the public API: both doors and what each refuses, sources and references, deleted
 * customers, models that change, pages, objects and iterators that live longer than what they show.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char MODEL[] =
    "crm: 1\n"
    "fields:\n"
    "  name: {type: text, required: true}\n"
    "events:\n"
    "  order:\n"
    "    label: {en: Order, zh: 订单}\n"
    "    attributes:\n"
    "      amount: {type: money, required: true, fast: true, label: {zh: 金额}}\n"
    "      quantity: {type: integer, min: 1, max: 100, default: 1}\n"
    "      paid: {type: boolean}\n"
    "      due: {type: datetime}\n"
    "      rate: {type: decimal}\n"
    "      state_of: {type: enum, default: open, values: {open: {zh: 未结}, done: {zh: 已结}}}\n"
    "      note: {type: text, max: 20}\n"
    "  visit:\n"
    "    label: {zh: 拜访}\n";

typedef struct shop {
    crm_db *db;
    crm_txn *txn;
    crm_id id;
    crm_event_kind order, visit;
    crm_field amount, quantity, paid, due, note;
    crm_event *e;
} shop;

static shop open_shop(void)
{
    shop s;

    memset(&s, 0, sizeof s);
    s.db = api_open_model(MODEL);
    s.txn = api_begin(s.db, CRM_WRITE);
    s.id = api_create(s.txn, "{\"name\":\"A\"}");
    OK(crm_event_kind_find(s.txn, "订单", CRM_NUL, &s.order, &er));
    OK(crm_event_kind_find(s.txn, "visit", CRM_NUL, &s.visit, &er));
    OK(crm_attribute_find(s.txn, &s.order, "amount", CRM_NUL, &s.amount, &er));
    OK(crm_attribute_find(s.txn, &s.order, "quantity", CRM_NUL, &s.quantity, &er));
    OK(crm_attribute_find(s.txn, &s.order, "paid", CRM_NUL, &s.paid, &er));
    OK(crm_attribute_find(s.txn, &s.order, "due", CRM_NUL, &s.due, &er));
    OK(crm_attribute_find(s.txn, &s.order, "note", CRM_NUL, &s.note, &er));
    OK(crm_event_new(s.txn, &s.e, &er));
    return s;
}

static void close_shop(shop *s)
{
    crm_event_free(s->e);
    OK(crm_txn_abort(s->txn));
    crm_db_close(s->db);
}

/* Adds an event from JSON and gives its number. */
static uint32_t add(shop *s, const char *json)
{
    uint32_t number = 0;

    OK(crm_event_add_json(s->txn, s->id, json, CRM_NUL, &number, &er));
    return number;
}

static void refuse(shop *s, int code, const char *field, const char *json)
{
    uint32_t number = 77;
    uint64_t revision = crm_txn_revision(s->txn);

    crm_error_init(&er);
    IS(code, crm_event_add_json(s->txn, s->id, json, CRM_NUL, &number, &er));
    ck_assert_uint_eq(number, 77);
    ck_assert_uint_eq(crm_txn_revision(s->txn), revision);
    if (field)
        ck_assert_str_eq(er.field, field);
}

/* The JSON of an event, in a static buffer, without its revision. */
static const char *look(shop *s, uint32_t number)
{
    static char room[2000];
    char *json;

    OK(crm_event_get(s->txn, s->id, number, s->e, &er));
    OK(crm_event_to_json(s->txn, s->e, &json, NULL, &er));
    ck_assert_uint_lt(strlen(json), sizeof room);
    strcpy(room, json);
    crm_free(json);
    ck_assert_ptr_nonnull(strstr(room, ",\"revision\":"));
    strcpy(strstr(room, ",\"revision\":"), "}");
    return room;
}

CRM_TEST(test_api_event__json_forms)
{
    shop s = open_shop();

    ck_assert_uint_eq(add(&s, "{\"kind\":\"order\",\"amount\":\"12.50 CNY\","
                              "\"time\":\"2026-01-01T10:00:00+08:00\"}"),
                      1);
    ck_assert_str_eq(look(&s, 1),
                     "{\"number\":1,\"kind\":\"order\",\"time\":\"2026-01-01T02:00:00Z\","
                     "\"amount\":{\"amount\":\"12.50\",\"currency\":\"CNY\"},"
                     "\"quantity\":1,\"state_of\":\"open\"}");
    ck_assert_uint_eq(
        add(&s, "{\"金额\":{\"amount\":3,\"currency\":\"USD\"},\"kind\":\"订单\",\"quantity\":7,"
                "\"paid\":true,\"due\":\"2026-02-01\",\"rate\":\"0.10\","
                "\"state_of\":\"已结\",\"note\":\"好\",\"source\":\"erp\",\"reference\":\"7\","
                "\"time\":\"1969-12-31T23:59:59.5Z\",\"number\":9,\"revision\":9,\"state\":1}"),
        2);
    ck_assert_str_eq(
        look(&s, 2),
        "{\"number\":2,\"kind\":\"order\",\"time\":\"1969-12-31T23:59:59.500Z\","
        "\"amount\":{\"amount\":\"3\",\"currency\":\"USD\"},\"quantity\":7,"
        "\"paid\":true,\"due\":\"2026-02-01T00:00:00Z\",\"rate\":\"0.10\","
        "\"state_of\":\"done\",\"note\":\"好\",\"source\":\"erp\",\"reference\":\"7\"}");
    add(&s, "{\"kind\":\"order\",\"voids\":1,\"amount\":\"-1 CNY\",\"note\":null,\"source\":null,"
            "\"time\":null}");
    OK(crm_event_get(s.txn, s.id, 3, s.e, &er));
    ck_assert_int_eq(crm_event_time_us(s.e), crm_txn_now(s.txn));
    ck_assert_ptr_nonnull(strstr(look(&s, 1), ",\"state\":\"corrected\"}"));
    ck_assert_ptr_nonnull(strstr(look(&s, 3), ",\"voids\":1}"));
    ck_assert_uint_eq(add(&s, "{\"kind\":\"void\",\"voids\":3}"), 4);
    ck_assert_ptr_nonnull(strstr(look(&s, 3), ",\"voids\":1,\"state\":\"voided\"}"));
    ck_assert_ptr_nonnull(strstr(look(&s, 4), "\"kind\":\"void\""));
    close_shop(&s);
}

CRM_TEST(test_api_event__json_refused)
{
    shop s = open_shop();

    add(&s, "{\"kind\":\"visit\"}");
    refuse(&s, CRM_ESYNTAX, NULL, "");
    refuse(&s, CRM_ESYNTAX, NULL, "[]");
    refuse(&s, CRM_ESYNTAX, NULL, "{\"kind\":\"visit\"");
    refuse(&s, CRM_EVALUE, "kind", "{}");
    refuse(&s, CRM_EVALUE, "kind", "{\"kind\":7}");
    refuse(&s, CRM_EFIELD, "visi", "{\"kind\":\"visi\"}");
    refuse(&s, CRM_EFIELD, "amount", "{\"kind\":\"visit\",\"amount\":\"1 CNY\"}");
    refuse(&s, CRM_EVALUE, "amount", "{\"kind\":\"order\"}");
    refuse(&s, CRM_EVALUE, "amount", "{\"kind\":\"order\",\"amount\":null}");
    refuse(&s, CRM_EVALUE, "amount", "{\"kind\":\"order\",\"amount\":[\"1 CNY\"]}");
    refuse(&s, CRM_EVALUE, "amount",
           "{\"kind\":\"order\",\"amount\":\"1 CNY\",\"金额\":\"1 CNY\"}");
    refuse(&s, CRM_EVALUE, "quantity", "{\"kind\":\"order\",\"amount\":\"1 CNY\",\"quantity\":0}");
    refuse(&s, CRM_EVALUE, "quantity",
           "{\"kind\":\"order\",\"amount\":\"1 CNY\",\"quantity\":true}");
    refuse(&s, CRM_EVALUE, "state_of",
           "{\"kind\":\"order\",\"amount\":\"1 CNY\",\"state_of\":\"lost\"}");
    refuse(&s, CRM_EVALUE, "note",
           "{\"kind\":\"order\",\"amount\":\"1 CNY\",\"note\":\"more than twenty letters\"}");
    refuse(&s, CRM_EVALUE, "time", "{\"kind\":\"visit\",\"time\":\"soon\"}");
    refuse(&s, CRM_EVALUE, "time", "{\"kind\":\"visit\",\"time\":12}");
    refuse(&s, CRM_EVALUE, "source", "{\"kind\":\"visit\",\"source\":\"\"}");
    refuse(&s, CRM_EVALUE, "source", "{\"kind\":\"visit\",\"source\":3}");
    refuse(&s, CRM_EVALUE, "reference", "{\"kind\":\"visit\",\"reference\":\"\"}");
    refuse(&s, CRM_EVALUE, "reference", "{\"kind\":\"visit\",\"reference\":\"a\\tb\"}");
    refuse(&s, CRM_EVALUE, "voids", "{\"kind\":\"visit\",\"voids\":\"1\"}");
    refuse(&s, CRM_EVALUE, "voids", "{\"kind\":\"visit\",\"voids\":0}");
    refuse(&s, CRM_EVALUE, "voids", "{\"kind\":\"visit\",\"voids\":1.5}");
    refuse(&s, CRM_EVALUE, "voids", "{\"kind\":\"void\"}");
    refuse(&s, CRM_EVALUE, "kind", "{\"kind\":\"void\",\"voids\":1,\"note\":\"x\"}");
    refuse(&s, CRM_ENOTFOUND, "voids", "{\"kind\":\"visit\",\"voids\":2}");
    refuse(&s, CRM_ENOTFOUND, "voids", "{\"kind\":\"visit\",\"voids\":4294967295}");
    ck_assert_uint_eq(add(&s, "{\"kind\":\"void\",\"voids\":1}"), 2);
    refuse(&s, CRM_EEXISTS, "voids", "{\"kind\":\"visit\",\"voids\":1}");
    refuse(&s, CRM_EEXISTS, "voids", "{\"kind\":\"void\",\"voids\":1}");
    refuse(&s, CRM_EVALUE, "voids", "{\"kind\":\"void\",\"voids\":2}");
    IS(CRM_ENOTFOUND, crm_event_void(s.txn, s.id, 0, &er));
    ck_assert_uint_eq(add(&s, "{\"kind\":\"visit\"}"), 3);
    close_shop(&s);
}

CRM_TEST(test_api_event__typed_refused)
{
    shop s = open_shop();
    crm_event_kind stranger = s.order;
    crm_field strange = s.amount;
    int64_t v;
    const char *text;
    size_t n;

    IS(CRM_EVALUE, crm_event_add(s.txn, s.id, s.e, NULL, &er)); /* no kind */
    IS(CRM_EFIELD, crm_event_set(s.e, &s.amount, "1 CNY", CRM_NUL, &er));
    strcpy(stranger.key, "other");
    IS(CRM_EFIELD, crm_event_set_kind(s.e, &stranger, &er));
    OK(crm_event_set_kind(s.e, &s.order, &er));
    IS(CRM_EVALUE, crm_event_add(s.txn, s.id, s.e, NULL, &er)); /* no amount */
    ck_assert_str_eq(er.field, "amount");
    IS(CRM_EVALUE, crm_event_set(s.e, &s.amount, "many", CRM_NUL, &er));
    OK(crm_event_set(s.e, &s.amount, "1 CNY and more", 5, &er));
    strange.type = CRM_TYPE_TEXT;
    IS(CRM_EFIELD, crm_event_set(s.e, &strange, "1 CNY", CRM_NUL, &er));
    IS(CRM_EVALUE, crm_event_set_integer(s.e, &s.amount, 1, &er));
    IS(CRM_EVALUE, crm_event_set_integer(s.e, &s.quantity, 101, &er));
    OK(crm_event_set_integer(s.e, &s.quantity, 100, &er));
    OK(crm_event_set_integer(s.e, &s.paid, 1, &er));
    OK(crm_event_set_integer(s.e, &s.due, -1, &er));
    IS(CRM_EVALUE, crm_event_set_time(s.e, INT64_MAX, &er));
    IS(CRM_EVALUE, crm_event_set_source(s.e, "a\nb", CRM_NUL, &er));
    IS(CRM_EVALUE, crm_event_set_reference(s.e, "", CRM_NUL, &er));
    OK(crm_event_add(s.txn, s.id, s.e, NULL, &er));
    OK(crm_event_get(s.txn, s.id, 1, s.e, &er));
    OK(crm_event_integer(s.e, &s.quantity, &v, &er));
    ck_assert_int_eq(v, 100);
    OK(crm_event_integer(s.e, &s.due, &v, &er));
    ck_assert_int_eq(v, -1);
    IS(CRM_EVALUE, crm_event_integer(s.e, &s.amount, &v, &er));
    IS(CRM_ENOTFOUND, crm_event_text(s.e, &s.note, &text, &n, &er));
    OK(crm_event_text(s.e, &s.due, &text, &n, &er));
    ck_assert(n == 27 && memcmp(text, "1969-12-31T23:59:59.999999Z", n) == 0);
    /* What was read can be changed and added again; the other kind drops the attributes. */
    OK(crm_event_set(s.e, &s.note, "again", CRM_NUL, &er));
    OK(crm_event_add(s.txn, s.id, s.e, NULL, &er));
    ck_assert_ptr_nonnull(strstr(look(&s, 2), "\"quantity\":100"));
    ck_assert_ptr_nonnull(strstr(look(&s, 2), "\"note\":\"again\""));
    OK(crm_event_set_kind(s.e, &s.visit, &er));
    OK(crm_event_add(s.txn, s.id, s.e, NULL, &er));
    ck_assert_ptr_null(strstr(look(&s, 3), "amount"));
    close_shop(&s);
}

CRM_TEST(test_api_event__null_and_ended)
{
    shop s = open_shop();
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
    crm_event_iter *it = NULL;
    crm_event *e = NULL;
    crm_txn *read;
    char *json;
    uint64_t n;
    size_t count;

    IS(CRM_EINVAL, crm_event_new(s.txn, NULL, &er));
    IS(CRM_EINVAL, crm_event_new(NULL, &e, &er));
    IS(CRM_EINVAL, crm_event_set_kind(NULL, &s.order, &er));
    IS(CRM_EINVAL, crm_event_set_kind(s.e, NULL, &er));
    IS(CRM_EINVAL, crm_event_set_time(NULL, 0, &er));
    IS(CRM_EINVAL, crm_event_set(s.e, NULL, "", 0, &er));
    IS(CRM_EINVAL, crm_event_set_source(s.e, NULL, 0, &er));
    IS(CRM_EINVAL, crm_event_set_reference(s.e, NULL, 0, &er));
    IS(CRM_EINVAL, crm_event_set_voids(NULL, 1, &er));
    IS(CRM_EINVAL, crm_event_add(s.txn, s.id, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_event_add(NULL, s.id, s.e, NULL, &er));
    IS(CRM_EINVAL, crm_event_add_json(s.txn, s.id, NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_event_get(s.txn, s.id, 1, NULL, &er));
    IS(CRM_EINVAL, crm_event_to_json(s.txn, s.e, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_event_to_json(s.txn, NULL, &json, NULL, &er));
    IS(CRM_EINVAL, crm_event_list(s.txn, s.id, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_event_next(NULL, &e, &er));
    IS(CRM_EINVAL, crm_event_list_json(s.txn, s.id, NULL, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_event_count(s.txn, s.id, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_event_totals(s.txn, s.id, NULL, 1, &count, &er));
    IS(CRM_EINVAL, crm_event_sums(s.txn, s.id, NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_event_totals_json(s.txn, s.id, NULL, NULL, &er));
    o.flags = 64;
    IS(CRM_EINVAL, crm_event_list(s.txn, s.id, &o, &it, &er));
    o.flags = 0;
    o.kind_count = 1;
    IS(CRM_EINVAL, crm_event_list(s.txn, s.id, &o, &it, &er));
    o.kind_count = 0;
    ck_assert_ptr_null(it);
    crm_event_free(NULL);
    crm_event_clear(NULL);
    crm_event_list_close(NULL);
    crm_event_position_of(NULL, &o.after);
    ck_assert_uint_eq(o.after.number, 0);
    ck_assert_uint_eq(crm_event_number(NULL), 0);
    ck_assert_str_eq(crm_event_kind_key(NULL), "");
    ck_assert_str_eq(crm_event_kind_key(s.e), "");
    ck_assert_str_eq(crm_event_reference(NULL, &count), "");
    IS(CRM_ENOTFOUND, crm_event_add(s.txn, 99, s.e, NULL, &er));
    IS(CRM_ENOTFOUND, crm_event_count(s.txn, 99, NULL, &n, &er));
    IS(CRM_ENOTFOUND, crm_event_list(s.txn, 99, NULL, &it, &er));
    add(&s, "{\"kind\":\"visit\"}");
    api_commit(s.txn);
    read = api_begin(s.db, CRM_READ);
    IS(CRM_ESTATE, crm_event_add(read, s.id, s.e, NULL, &er));
    IS(CRM_ESTATE, crm_event_void(read, s.id, 1, &er));
    OK(crm_event_list(read, s.id, NULL, &it, &er));
    OK(crm_event_next(it, &e, &er));
    OK(crm_event_get(read, s.id, 1, s.e, &er));
    OK(crm_txn_abort(read));
    IS(CRM_ESTATE, crm_event_next(it, &e, &er));
    crm_event_list_close(it);
    ck_assert_str_eq(crm_event_kind_key(s.e), "visit"); /* a copy lives on */
    s.txn = api_begin(s.db, CRM_WRITE);
    close_shop(&s);
}

CRM_TEST(test_api_event__sources_and_references)
{
    shop s = open_shop();
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    uint32_t number;

    api_commit(s.txn);
    o.source = "shop";
    OK(crm_txn_begin(s.db, CRM_WRITE, &o, &s.txn, &er));
    ck_assert_uint_eq(add(&s, "{\"kind\":\"visit\",\"reference\":\"1\"}"), 1);
    IS(CRM_DONE, crm_event_add_json(s.txn, s.id, "{\"kind\":\"visit\",\"reference\":\"1\"}",
                                    CRM_NUL, &number, &er));
    ck_assert_uint_eq(number, 1);
    IS(CRM_DONE, crm_event_add_json(s.txn, s.id,
                                    "{\"kind\":\"order\",\"amount\":\"1 CNY\",\"source\":\"shop\","
                                    "\"reference\":\"1\"}",
                                    CRM_NUL, NULL, &er)); /* whatever else it says */
    ck_assert_uint_eq(add(&s, "{\"kind\":\"visit\",\"reference\":\"1\",\"source\":\"erp\"}"), 2);
    /* A correction keeps the reference, and may itself be sent twice. */
    ck_assert_uint_eq(add(&s, "{\"kind\":\"visit\",\"reference\":\"1\",\"voids\":1}"), 3);
    IS(CRM_DONE,
       crm_event_add_json(s.txn, s.id, "{\"kind\":\"visit\",\"reference\":\"1\",\"voids\":1}",
                          CRM_NUL, &number, &er));
    ck_assert_uint_eq(number, 3);
    /* One corrected to another reference still stands for its own. */
    ck_assert_uint_eq(add(&s, "{\"kind\":\"visit\",\"reference\":\"2\",\"voids\":3}"), 4);
    IS(CRM_DONE, crm_event_add_json(s.txn, s.id, "{\"kind\":\"visit\",\"reference\":\"1\"}",
                                    CRM_NUL, &number, &er));
    ck_assert_uint_eq(number, 3);
    /* After a plain void it is stored anew. */
    OK(crm_event_void(s.txn, s.id, 4, &er));
    ck_assert_uint_eq(add(&s, "{\"kind\":\"visit\",\"reference\":\"2\"}"), 6);
    ck_assert_uint_eq(add(&s, "{\"kind\":\"visit\"}"), 7);
    ck_assert_uint_eq(add(&s, "{\"kind\":\"visit\"}"), 8);
    ck_assert_ptr_nonnull(strstr(look(&s, 8), "\"source\":\"shop\""));
    close_shop(&s);
}

CRM_TEST(test_api_event__record_and_revision_stay)
{
    shop s = open_shop();
    char before[100];

    snprintf(before, sizeof before, "%s", api_member(s.txn, s.id, "revision"));
    add(&s, "{\"kind\":\"visit\"}");
    OK(crm_event_void(s.txn, s.id, 1, &er));
    ck_assert_str_eq(api_member(s.txn, s.id, "revision"), before);
    ck_assert_uint_eq(crm_txn_revision(s.txn), strtoull(before, NULL, 10) + 2);
    OK(crm_event_get(s.txn, s.id, 1, s.e, &er));
    ck_assert_uint_eq(crm_event_revision(s.e), strtoull(before, NULL, 10) + 1);
    ck_assert_uint_eq(crm_event_voided_revision(s.e), strtoull(before, NULL, 10) + 2);
    close_shop(&s);
}

CRM_TEST(test_api_event__deleted_customers)
{
    shop s = open_shop();
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
    crm_event_iter *it;
    crm_event *e;
    uint64_t n;

    add(&s, "{\"kind\":\"visit\"}");
    OK(crm_customer_delete(s.txn, s.id, 0, &er));
    refuse(&s, CRM_ENOTFOUND, NULL, "{\"kind\":\"visit\"}");
    IS(CRM_ENOTFOUND, crm_event_void(s.txn, s.id, 1, &er));
    IS(CRM_ENOTFOUND, crm_event_list(s.txn, s.id, &o, &it, &er));
    IS(CRM_ENOTFOUND, crm_event_count(s.txn, s.id, NULL, &n, &er));
    o.flags = CRM_EVENTS_DELETED;
    OK(crm_event_list(s.txn, s.id, &o, &it, &er));
    OK(crm_event_next(it, &e, &er));
    crm_event_list_close(it);
    OK(crm_event_get(s.txn, s.id, 1, s.e, &er));
    OK(crm_customer_undelete(s.txn, s.id, 0, &er));
    OK(crm_event_count(s.txn, s.id, NULL, &n, &er));
    ck_assert_uint_eq(n, 1);
    close_shop(&s);
}

CRM_TEST(test_api_event__model_changes)
{
    static const char LESS[] = "crm: 1\n"
                               "fields:\n"
                               "  name: {type: text, required: true}\n"
                               "events:\n"
                               "  order:\n"
                               "    attributes:\n"
                               "      quantity: {type: integer, min: 5}\n";
    shop s = open_shop();
    crm_event *old;
    uint64_t n;
    char *json;

    OK(crm_event_new(s.txn, &old, &er));
    OK(crm_event_set_kind(old, &s.order, &er));
    OK(crm_event_set(old, &s.amount, "1 CNY", CRM_NUL, &er));
    add(&s, "{\"kind\":\"order\",\"amount\":\"2 CNY\",\"quantity\":3}");
    add(&s, "{\"kind\":\"visit\"}");
    api_commit(s.txn);
    s.txn = api_begin(s.db, CRM_WRITE);
    OK(crm_model_apply(s.txn, LESS, CRM_NUL, CRM_FORCE, NULL, NULL, &er));
    /* What the model no longer has is out of view. */
    OK(crm_event_count(s.txn, s.id, NULL, &n, &er));
    ck_assert_uint_eq(n, 1);
    IS(CRM_ENOTFOUND, crm_event_get(s.txn, s.id, 2, s.e, &er));
    ck_assert_ptr_null(strstr(look(&s, 1), "amount"));
    OK(crm_event_list_json(s.txn, s.id, NULL, &json, NULL, &er));
    ck_assert_ptr_null(strstr(json, "visit"));
    crm_free(json);
    OK(crm_event_totals_json(s.txn, s.id, &json, NULL, &er));
    ck_assert_ptr_nonnull(strstr(json, "\"sums\":{\"quantity\":\"3\"}"));
    crm_free(json);
    /* An object of the old model is judged by the new one. */
    IS(CRM_EFIELD, crm_event_add(s.txn, s.id, old, NULL, &er));
    crm_event_clear(old);
    OK(crm_event_set_kind(old, &s.order, &er));
    OK(crm_event_set_integer(old, &s.quantity, 4, &er));
    IS(CRM_EVALUE, crm_event_add(s.txn, s.id, old, NULL, &er));
    OK(crm_event_set_integer(old, &s.quantity, 5, &er));
    OK(crm_event_add(s.txn, s.id, old, NULL, &er));
    /* And comes back with the model. */
    OK(crm_model_apply(s.txn, MODEL, CRM_NUL, CRM_FORCE, NULL, NULL, &er));
    OK(crm_event_count(s.txn, s.id, NULL, &n, &er));
    ck_assert_uint_eq(n, 3);
    ck_assert_ptr_nonnull(strstr(look(&s, 1), "\"amount\":{\"amount\":\"2\""));
    crm_event_free(old);
    close_shop(&s);
}

/* An object made with another database: names count, not numbers. */
CRM_TEST(test_api_event__object_of_another_database)
{
    static const char OTHER[] = "crm: 1\n"
                                "fields:\n"
                                "  name: {type: text}\n"
                                "events:\n"
                                "  call:\n"
                                "    attributes: {amount: {type: integer}}\n"
                                "  order:\n"
                                "    attributes:\n"
                                "      note: {type: text}\n"
                                "      state_of: {type: enum, values: [lost, done]}\n"
                                "      amount: {type: money}\n"
                                "      colour: {type: text}\n";
    shop s = open_shop();
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_event_kind kind;
    crm_field f;
    crm_event *e;
    crm_txn *txn;
    crm_db *db;

    o.model = OTHER;
    OK(crm_db_open(crmtest_path("other"), &o, &db, &er));
    txn = api_begin(db, CRM_READ);
    OK(crm_event_kind_find(txn, "order", CRM_NUL, &kind, &er));
    OK(crm_event_new(txn, &e, &er));
    OK(crm_event_set_kind(e, &kind, &er));
    OK(crm_event_set_time(e, 0, &er));
    OK(crm_attribute_find(txn, &kind, "state_of", CRM_NUL, &f, &er));
    OK(crm_event_set(e, &f, "done", CRM_NUL, &er));
    OK(crm_attribute_find(txn, &kind, "amount", CRM_NUL, &f, &er));
    OK(crm_event_set(e, &f, "7.5 EUR", CRM_NUL, &er));
    OK(crm_attribute_find(txn, &kind, "note", CRM_NUL, &f, &er));
    OK(crm_event_set(e, &f, "n", CRM_NUL, &er));
    OK(crm_event_add(s.txn, s.id, e, NULL, &er));
    ck_assert_str_eq(look(&s, 1),
                     "{\"number\":1,\"kind\":\"order\",\"time\":\"1970-01-01T00:00:00Z\","
                     "\"amount\":{\"amount\":\"7.5\",\"currency\":\"EUR\"},"
                     "\"quantity\":1,\"state_of\":\"done\",\"note\":\"n\"}");
    OK(crm_attribute_find(txn, &kind, "colour", CRM_NUL, &f, &er));
    OK(crm_event_set(e, &f, "red", CRM_NUL, &er));
    IS(CRM_EFIELD, crm_event_add(s.txn, s.id, e, NULL, &er));
    ck_assert_str_eq(er.field, "colour");
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    crm_event_free(e);
    close_shop(&s);
}

CRM_TEST(test_api_event__pages_as_json)
{
    shop s = open_shop();
    crm_event_list_options o;
    const char *next;
    long long time;
    unsigned number, seen = 0;
    char *json, text[200];

    crm_event_list_options_init(&o);
    OK(crm_event_list_json(s.txn, s.id, &o, &json, NULL, &er));
    ck_assert_str_eq(json, "{\"events\":[],\"next\":null}");
    crm_free(json);
    for (int i = 0; i < 250; i++) {
        snprintf(text, sizeof text, "{\"kind\":\"visit\",\"time\":\"2026-01-01T%02d:%02d:00Z\"}",
                 i / 30, i % 60);
        add(&s, text);
    }
    o.limit = 50;
    for (;;) {
        OK(crm_event_list_json(s.txn, s.id, &o, &json, NULL, &er));
        for (const char *p = json; (p = strstr(p, "{\"number\":")) != NULL; p++)
            seen++;
        next = strstr(json, "],\"next\":");
        ck_assert_ptr_nonnull(next);
        if (strcmp(next, "],\"next\":null}") == 0)
            break;
        ck_assert_int_eq(
            sscanf(next, "],\"next\":{\"time_us\":%lld,\"number\":%u}}", &time, &number), 2);
        o.after.time_us = time;
        o.after.number = number;
        crm_free(json);
    }
    crm_free(json);
    ck_assert_uint_eq(seen, 250);
    close_shop(&s);
}

/* A walk in a write transaction goes on behind its place, whatever is added or dropped meanwhile.
 */
CRM_TEST(test_api_event__changes_on_the_way)
{
    shop s = open_shop();
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
    crm_event_iter *it;
    crm_savepoint save;
    crm_event *e;
    char text[200];
    int n = 0, rc;

    for (int i = 0; i < 60; i++) {
        snprintf(text, sizeof text, "{\"kind\":\"visit\",\"time\":\"2026-01-01T00:%02d:00Z\"}", i);
        add(&s, text);
    }
    o.flags = CRM_EVENTS_OLDEST;
    OK(crm_event_list(s.txn, s.id, &o, &it, &er));
    while ((rc = crm_event_next(it, &e, &er)) == CRM_OK) {
        n++;
        if (n == 10)
            add(&s, "{\"kind\":\"visit\",\"time\":\"2026-01-01T00:00:30Z\"}"); /* behind us */
        if (n == 20)
            add(&s, "{\"kind\":\"visit\",\"time\":\"2026-01-01T00:50:30Z\"}"); /* seen */
        if (n == 30)
            OK(crm_event_void(s.txn, s.id, 60, &er)); /* not seen */
        if (n == 35) {
            OK(crm_txn_savepoint(s.txn, &save, &er));
            add(&s, "{\"kind\":\"visit\",\"time\":\"2026-01-01T00:40:30Z\"}");
        }
        if (n == 38)
            OK(crm_txn_rollback(s.txn, save, &er));
    }
    IS(CRM_DONE, rc);
    ck_assert_int_eq(n, 60);
    crm_event_list_close(it);
    close_shop(&s);
}

CRM_TEST(test_api_event__long_texts)
{
    static const size_t SIZES[] = {1900, 2000, 4000, 4060, 9000, 60000};
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}");
    crm_event_kind kind;
    crm_field text;
    crm_event *e;
    char *long_text = malloc(60001);
    const char *got;
    size_t n;

    memset(long_text, 'x', 60000);
    OK(crm_event_kind_find(txn, "email", CRM_NUL, &kind, &er));
    OK(crm_attribute_find(txn, &kind, "text", CRM_NUL, &text, &er));
    OK(crm_event_new(txn, &e, &er));
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 6; i++) {
            crm_event_clear(e);
            OK(crm_event_set_kind(e, &kind, &er));
            OK(crm_event_set_time(e, (i * 7 + round) % 5, &er));
            OK(crm_event_set(e, &text, long_text, SIZES[i], &er));
            OK(crm_event_add(txn, id, e, NULL, &er));
        }
        api_commit(txn);
        txn = api_begin(db, CRM_WRITE);
    }
    for (uint32_t i = 0; i < 24; i++) {
        OK(crm_event_get(txn, id, i + 1, e, &er));
        OK(crm_event_text(e, &text, &got, &n, &er));
        ck_assert_uint_eq(n, SIZES[i % 6]);
        ck_assert(memcmp(got, long_text, n) == 0);
    }
    OK(crm_txn_abort(txn));
    crm_event_free(e);
    crm_db_close(db);
    free(long_text);
}

/* References that begin alike, a commit each: a text is put together from one that was itself, in the
 * bytes before it. */
CRM_TEST(test_api_event__references_that_begin_alike)
{
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}");
    const char *got;
    char json[120];
    size_t n;

    for (int i = 10; i < 25; i++) {
        snprintf(json, sizeof json,
                 "{\"kind\":\"visit\",\"time\":\"2024-01-%dT00:00:00Z\",\"reference\":\"abcdef%d\"}", i, i);
        OK(crm_event_add_json(txn, id, json, CRM_NUL, NULL, &er));
        api_commit(txn);
        txn = api_begin(db, CRM_WRITE);
    }
    for (uint32_t i = 0; i < 15; i++) {
        crm_event *e;
        OK(crm_event_new(txn, &e, &er));
        OK(crm_event_get(txn, id, i + 1, e, &er));
        got = crm_event_reference(e, &n);
        snprintf(json, sizeof json, "abcdef%d", (int)i + 10);
        ck_assert(n == strlen(json) && memcmp(got, json, n) == 0);
        crm_event_free(e);
    }
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}
