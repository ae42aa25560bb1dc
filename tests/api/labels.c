/* SPDX-License-Identifier: MIT
 * Event kinds, attributes and values through the public door; labels of all that has any.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char SHOP[] =
    "crm: 1\n"
    "kinds: {person: {label: {en: Patient, zh: [病人, 患者]}}}\n"
    "fields:\n"
    "  name: {type: text}\n"
    "  amount: {type: integer, label: 数}\n"
    "  size: {type: enum, values: {small: {en: Small, zh: 小}, large: {zh: 大}, huge: }}\n"
    "events:\n"
    "  order:\n"
    "    label: {en: Order, zh-Hant: 訂單, zh: [订单, 购买]}\n"
    "    attributes:\n"
    "      amount: {type: money, fast: true, label: {zh: 金额}}\n"
    "      status: {type: enum, required: true, values: {new: {zh: 新, en: New}, paid: 已付}}\n"
    "  visit:\n"
    "tags:\n"
    "  region:\n"
    "    label: {en: Region, zh: 地域}\n"
    "    hierarchical: true\n"
    "    closed: true\n"
    "    values: {cn: {zh: 中国, en: China}, cn/east: {zh: 华东}, us: }\n"
    "  mood: {one: true, expires: true}\n";

static crm_event_kind kind_of(crm_txn *txn, const char *name)
{
    crm_event_kind kind;

    OK(crm_event_kind_find(txn, name, CRM_NUL, &kind, &er));
    return kind;
}

static crm_field attribute_of(crm_txn *txn, const char *kind_name, const char *name)
{
    crm_event_kind kind = kind_of(txn, kind_name);
    crm_field f;

    OK(crm_attribute_find(txn, &kind, name, CRM_NUL, &f, &er));
    return f;
}

CRM_TEST(test_api_labels__event_kinds_are_walked_and_found)
{
    crm_db *db = api_open_model(SHOP);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_event_kind kind, other;
    size_t pos = 0;

    OK(crm_event_kind_next(txn, &pos, &kind, &er));
    ck_assert(kind.number > 0 && kind.reserved == 0);
    ck_assert_str_eq(kind.key, "order");
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"ＯＲＤＥＲ", "訂單", "购买"};
        other = kind_of(txn, names[i]);
        ck_assert(memcmp(&kind, &other, sizeof kind) == 0);
    }
    OK(crm_event_kind_next(txn, &pos, &other, &er));
    ck_assert_str_eq(other.key, "visit");
    ck_assert_uint_ne(kind.number, other.number);
    IS(CRM_DONE, crm_event_kind_next(txn, &pos, &kind, &er));
    ck_assert_uint_eq(pos, 2);
    OK(crm_event_kind_find(txn, "orders and more", 5, &kind, &er));
    IS(CRM_EFIELD, crm_event_kind_find(txn, "ordre", CRM_NUL, &kind, &er));
    ck_assert_str_eq(er.field, "ordre");
    ck_assert_str_eq(er.message,
                     "\"ordre\" is no event kind of the model; did you mean \"order\"?");
    IS(CRM_EFIELD, crm_event_kind_find(txn, "void", CRM_NUL, &kind, &er));
    IS(CRM_EFIELD, crm_event_kind_find(txn, "name", CRM_NUL, &kind, &er));
    IS(CRM_EFIELD, crm_event_kind_find(txn, "", 0, &kind, &er));
    IS(CRM_EFIELD, crm_event_kind_find(txn, "a@example.org", CRM_NUL, &kind, &er));
    ck_assert_ptr_null(strstr(er.message, "example")); /* may be personal */
    IS(CRM_EINVAL, crm_event_kind_find(txn, NULL, 0, &kind, &er));
    ck_assert_str_eq(er.field, "name");
    IS(CRM_EINVAL, crm_event_kind_find(txn, "order", CRM_NUL, NULL, &er));
    ck_assert_str_eq(er.field, "out");
    IS(CRM_EINVAL, crm_event_kind_next(txn, NULL, &kind, &er));
    IS(CRM_EINVAL, crm_event_kind_next(txn, &pos, NULL, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

CRM_TEST(test_api_labels__attributes_are_walked_and_found)
{
    crm_db *db = api_open_model(SHOP);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_event_kind order = kind_of(txn, "order"), visit = kind_of(txn, "visit"), gone = order;
    crm_field amount, state, f;
    size_t pos = 0;

    OK(crm_attribute_next(txn, &order, &pos, &amount, &er));
    ck_assert_str_eq(amount.key, "amount");
    ck_assert_uint_eq(amount.type, CRM_TYPE_MONEY);
    ck_assert_uint_eq(amount.flags, CRM_FIELD_FAST);
    ck_assert_uint_eq(amount.event, order.number);
    OK(crm_attribute_next(txn, &order, &pos, &state, &er));
    ck_assert_uint_eq(state.flags, CRM_FIELD_REQUIRED);
    ck_assert_uint_ne(state.number, amount.number);
    IS(CRM_DONE, crm_attribute_next(txn, &order, &pos, &f, &er));
    pos = 0;
    IS(CRM_DONE, crm_attribute_next(txn, &visit, &pos, &f, &er));
    f = attribute_of(txn, "order", "金额");
    ck_assert(memcmp(&f, &amount, sizeof f) == 0);
    OK(crm_attribute_find(txn, &order, "amount of it", 6, &f, &er));
    IS(CRM_EFIELD, crm_attribute_find(txn, &order, "amuont", CRM_NUL, &f, &er));
    ck_assert_str_eq(er.message, "\"amuont\" is no attribute of order; did you mean \"amount\"?");
    IS(CRM_EFIELD, crm_attribute_find(txn, &visit, "amount", CRM_NUL, &f, &er));
    IS(CRM_EFIELD, crm_attribute_find(txn, &order, "name", CRM_NUL, &f, &er));
    gone.number = 999;
    pos = 0;
    IS(CRM_EFIELD, crm_attribute_find(txn, &gone, "amount", CRM_NUL, &f, &er));
    IS(CRM_EFIELD, crm_attribute_next(txn, &gone, &pos, &f, &er));
    IS(CRM_EINVAL, crm_attribute_find(txn, NULL, "amount", CRM_NUL, &f, &er));
    IS(CRM_EINVAL, crm_attribute_find(txn, &order, NULL, 0, &f, &er));
    IS(CRM_EINVAL, crm_attribute_find(txn, &order, "amount", CRM_NUL, NULL, &er));
    ck_assert_str_eq(er.field, "out");
    IS(CRM_EINVAL, crm_attribute_next(txn, NULL, &pos, &f, &er));
    IS(CRM_EINVAL, crm_attribute_next(txn, &order, NULL, &f, &er));
    ck_assert_str_eq(er.field, "pos");
    IS(CRM_EINVAL, crm_attribute_next(txn, &order, &pos, NULL, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

/* An attribute is never taken for the field of the same key, nor for one of the same number. */
CRM_TEST(test_api_labels__an_attribute_is_no_field_of_customers)
{
    crm_db *db = api_open_model("crm: 1\nfields: {a: {type: integer}}\n"
                                "events: {k: {attributes: {a: {type: integer}}}}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_field field = api_field(txn, "a"), attribute = attribute_of(txn, "k", "a"), mixed;
    crm_customer *c;
    const char *label;
    int64_t v = 0;

    ck_assert_uint_eq(field.event, 0);
    ck_assert_uint_ne(field.number, attribute.number);
    OK(crm_customer_new(txn, &c, &er));
    OK(crm_customer_set(c, &field, "5", CRM_NUL, &er));
    IS(CRM_EFIELD, crm_customer_set(c, &attribute, "6", CRM_NUL, &er));
    ck_assert_uint_eq(crm_customer_count(c, &attribute), 0);
    ck_assert_uint_eq(crm_customer_count(c, &field), 1);
    OK(crm_customer_integer(c, &field, 0, &v, &er));
    ck_assert_int_eq(v, 5);
    crm_customer_free(c);
    mixed = attribute; /* of no kind */
    mixed.event = 0;
    IS(CRM_EFIELD, crm_field_label(txn, &mixed, NULL, &label, &er));
    mixed = field; /* a field that says it is an attribute */
    mixed.event = attribute.event;
    IS(CRM_EFIELD, crm_field_label(txn, &mixed, NULL, &label, &er));
    mixed = attribute; /* of a kind that is not */
    mixed.event = 99;
    IS(CRM_EFIELD, crm_field_label(txn, &mixed, NULL, &label, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

CRM_TEST(test_api_labels__labels_of_kinds_and_attributes)
{
    crm_db *db = api_open_model(SHOP);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_event_kind order = kind_of(txn, "order"), visit = kind_of(txn, "visit"), gone = order;
    crm_field amount = attribute_of(txn, "order", "amount");
    static const char *const wants[][2] = {{NULL, "Order"},   {"en-GB", "Order"},  {"zh", "订单"},
                                           {"zh_CN", "订单"}, {"ZH-Hant", "訂單"}, {"fr", "Order"}};
    const char *label;

    for (size_t i = 0; i < sizeof wants / sizeof wants[0]; i++) {
        OK(crm_event_kind_label(txn, &order, wants[i][0], &label, &er));
        ck_assert_str_eq(label, wants[i][1]);
    }
    OK(crm_event_kind_label(txn, &visit, "zh", &label, &er));
    ck_assert_str_eq(label, "visit");
    OK(crm_field_label(txn, &amount, "en", &label, &er));
    ck_assert_str_eq(label, "金额");
    OK(crm_kind_label(txn, "person", "zh", &label, &er));
    ck_assert_str_eq(label, "病人");
    OK(crm_kind_label(txn, "患者", NULL, &label, &er));
    ck_assert_str_eq(label, "Patient");
    OK(crm_kind_label(txn, "organisation", "zh", &label, &er));
    ck_assert_str_eq(label, "organisation");
    IS(CRM_EVALUE, crm_kind_label(txn, "robot", "zh", &label, &er));
    IS(CRM_EINVAL, crm_kind_label(txn, NULL, "zh", &label, &er));
    IS(CRM_EINVAL, crm_kind_label(txn, "person", "zh", NULL, &er));
    gone.number = 999;
    IS(CRM_EFIELD, crm_event_kind_label(txn, &gone, "zh", &label, &er));
    IS(CRM_EINVAL, crm_event_kind_label(txn, NULL, "zh", &label, &er));
    IS(CRM_EINVAL, crm_event_kind_label(txn, &order, "zh", NULL, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

CRM_TEST(test_api_labels__values_of_enums_and_their_labels)
{
    crm_db *db = api_open_model(SHOP);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_field size = api_field(txn, "size"), name = api_field(txn, "name");
    crm_field state = attribute_of(txn, "order", "status"), gone = size;
    static const char *const keys[] = {"small", "large", "huge"}, *const zh[] = {"小", "大",
                                                                                 "huge"};
    const char *value, *label;
    size_t pos = 0;

    for (int i = 0; i < 3; i++) {
        OK(crm_value_next(txn, &size, &pos, &value, &er));
        ck_assert_str_eq(value, keys[i]);
        OK(crm_value_label(txn, &size, value, "zh", &label, &er));
        ck_assert_str_eq(label, zh[i]);
    }
    IS(CRM_DONE, crm_value_next(txn, &size, &pos, &value, &er));
    pos = 0;
    IS(CRM_DONE, crm_value_next(txn, &name, &pos, &value, &er));
    OK(crm_value_next(txn, &state, &pos, &value, &er));
    ck_assert_str_eq(value, "new");
    OK(crm_value_label(txn, &state, "新", "en", &label, &er)); /* by a label too */
    ck_assert_str_eq(label, "New");
    OK(crm_value_label(txn, &state, "paid", "en", &label, &er));
    ck_assert_str_eq(label, "已付");
    IS(CRM_EVALUE, crm_value_label(txn, &state, "small", NULL, &label, &er));
    ck_assert_str_eq(er.field, "status");
    ck_assert_ptr_null(strstr(er.message, "small"));
    IS(CRM_EVALUE, crm_value_label(txn, &name, "small", NULL, &label, &er));
    gone.number = 999;
    IS(CRM_EFIELD, crm_value_next(txn, &gone, &pos, &value, &er));
    IS(CRM_EFIELD, crm_value_label(txn, &gone, "small", NULL, &label, &er));
    IS(CRM_EINVAL, crm_value_next(txn, NULL, &pos, &value, &er));
    IS(CRM_EINVAL, crm_value_next(txn, &size, NULL, &value, &er));
    ck_assert_str_eq(er.field, "pos");
    IS(CRM_EINVAL, crm_value_next(txn, &size, &pos, NULL, &er));
    ck_assert_str_eq(er.field, "value");
    IS(CRM_EINVAL, crm_value_label(txn, NULL, "small", NULL, &label, &er));
    IS(CRM_EINVAL, crm_value_label(txn, &size, NULL, NULL, &label, &er));
    ck_assert_str_eq(er.field, "value");
    IS(CRM_EINVAL, crm_value_label(txn, &size, "small", NULL, NULL, &er));
    ck_assert_str_eq(er.field, "label");
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

/* Every name of the built-in model leads back to itself by each of its labels. */
CRM_TEST(test_api_labels__the_built_in_model_speaks_two_languages)
{
    static const char *const langs[] = {"en", "zh"};
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_event_kind kind, by_label;
    crm_field f, g;
    const char *label;
    size_t kinds = 0, attributes = 0;

    for (size_t pos = 0; crm_event_kind_next(txn, &pos, &kind, &er) == CRM_OK; kinds++) {
        for (int l = 0; l < 2; l++) {
            OK(crm_event_kind_label(txn, &kind, langs[l], &label, &er));
            OK(crm_event_kind_find(txn, label, CRM_NUL, &by_label, &er));
            ck_assert(memcmp(&kind, &by_label, sizeof kind) == 0);
        }
        for (size_t at = 0; crm_attribute_next(txn, &kind, &at, &f, &er) == CRM_OK; attributes++) {
            for (int l = 0; l < 2; l++) {
                OK(crm_field_label(txn, &f, langs[l], &label, &er));
                OK(crm_attribute_find(txn, &kind, label, CRM_NUL, &g, &er));
                ck_assert(memcmp(&f, &g, sizeof f) == 0);
            }
        }
    }
    ck_assert_uint_eq(kinds, 11);
    ck_assert_uint_gt(attributes, 40);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- changes ---- */

typedef struct seen {
    int losses, changes, line;
    char text[2000];
} seen;

static void note(const crm_finding *f, void *ctx)
{
    seen *s = ctx;

    s->losses += f->severity == CRM_FINDING_LOSS;
    s->changes += f->severity == CRM_FINDING_CHANGE;
    s->line = f->line;
    strncat(s->text, f->message, sizeof s->text - strlen(s->text) - 2);
    strcat(s->text, "\n");
}

#define HEAD "crm: 1\nfields: {amount: {type: integer}}\n"

/* Numbers stay with their names whatever comes and goes; those of fields are not touched. */
CRM_TEST(test_api_labels__numbers_survive_changes_of_the_model)
{
    static const char one[] = HEAD "events:\n  order: {attributes: {amount: {type: integer}}}\n";
    static const char two[] = HEAD "events:\n  visit: {attributes: {amount: {type: integer}}}\n"
                                   "  order: {attributes: {n: {type: integer}, amount: {type: "
                                   "integer, fast: true}}}\n";
    crm_db *db = api_open_model(one);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_event_kind order = kind_of(txn, "order"), other;
    crm_field amount = attribute_of(txn, "order", "amount"), f;
    crm_id id = api_create(txn, "{\"amount\":7}");
    const char *label;
    seen s;

    memset(&s, 0, sizeof s);
    OK(crm_model_plan(txn, two, CRM_NUL, note, &s, &er));
    ck_assert_str_eq(s.text, "visit: the event kind is added\norder.n: is added\n"
                             "order.amount: becomes fast; the day lists of order are rebuilt\n");
    ck_assert(s.changes == 3 && s.losses == 0 && s.line == 5);
    IS(CRM_EFIELD, crm_event_kind_find(txn, "visit", CRM_NUL, &other, &er));
    OK(crm_model_apply(txn, two, CRM_NUL, 0, NULL, NULL, &er));
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    f = attribute_of(txn, "visit", "amount");
    ck_assert_uint_ne(f.number, amount.number);
    f = attribute_of(txn, "order", "amount");
    ck_assert(f.number == amount.number && f.event == order.number && f.flags == CRM_FIELD_FAST);
    OK(crm_field_label(txn, &amount, NULL, &label, &er)); /* resolved before the change */
    OK(crm_txn_abort(txn));

    txn = api_begin(db, CRM_WRITE);
    memset(&s, 0, sizeof s);
    OK(crm_model_apply(txn, HEAD, CRM_NUL, 0, note, &s, &er));
    ck_assert(s.changes == 2 && strstr(s.text, "order: the event kind is removed"));
    IS(CRM_EFIELD, crm_event_kind_label(txn, &order, NULL, &label, &er));
    IS(CRM_EFIELD, crm_field_label(txn, &amount, NULL, &label, &er));
    OK(crm_model_apply(txn, two, CRM_NUL, 0, NULL, NULL, &er));
    other = kind_of(txn, "order");
    ck_assert_uint_eq(other.number, order.number);
    ck_assert_uint_eq(attribute_of(txn, "order", "amount").number, amount.number);
    ck_assert_str_eq(api_member(txn, id, "amount"), "7");
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_labels__a_plan_numbers_more_new_names_than_16_bits_hold)
{
    crm_db *db = api_open_model(HEAD);
    crm_txn *txn = api_begin(db, CRM_READ);
    size_t n = 1 << 20, at = 0;
    char *yaml = malloc(n);

    at += (size_t)sprintf(yaml, HEAD "events:\n  k:\n    attributes:\n");
    for (int f = 0; f < 17; f++) {
        at += (size_t)sprintf(yaml + at, "      f%d:\n        type: enum\n        values: [", f);
        for (int v = 0; v < 4000; v++)
            at += (size_t)sprintf(yaml + at, "v%x,", v);
        at += (size_t)sprintf(yaml + at, "]\n");
    }
    OK(crm_model_plan(txn, yaml, CRM_NUL, NULL, NULL, &er));
    free(yaml);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

static int plan_and_apply(crm_txn *txn, void *ctx)
{
    const char *yaml = ctx;

    OK(crm_model_plan(txn, yaml, CRM_NUL, NULL, NULL, &er)); /* nothing is changed yet */
    api_create(txn, "{\"amount\":1}");
    IS(CRM_ESTATE, crm_model_plan(txn, yaml, CRM_NUL, NULL, NULL, &er));
    IS(CRM_ESTATE, crm_model_apply(txn, yaml, CRM_NUL, 0, NULL, NULL, &er));
    return CRM_OK;
}

CRM_TEST(test_api_labels__changes_of_the_model_need_no_pending_edits_under_a_savepoint)
{
    static char yaml[] = HEAD "events: {order: {}}\n";
    crm_db *db = api_open_model(HEAD);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_savepoint mark;

    api_create(txn, "{\"amount\":1}");
    OK(crm_txn_savepoint(txn, &mark, &er));
    IS(CRM_ESTATE, crm_model_plan(txn, yaml, CRM_NUL, NULL, NULL, &er));
    IS(CRM_ESTATE, crm_model_apply(txn, yaml, CRM_NUL, 0, NULL, NULL, &er));
    OK(crm_txn_release(txn, mark, &er));
    OK(crm_model_plan(txn, yaml, CRM_NUL, NULL, NULL, &er));
    OK(crm_txn_abort(txn));
    OK(crm_db_write(db, NULL, plan_and_apply, yaml, &er));
    crm_db_close(db);
}

/* ---- names that are none ---- */

/* Many unknown names: each is a fault, a near name is offered for the first of them. */
CRM_TEST(test_api_labels__many_unknown_names_are_told_with_few_near_names)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_READ);
    size_t cap = 1 << 16, at = 0, count = 0, near = 0;
    char *json = malloc(cap), *faults;

    at += (size_t)sprintf(json, "{\"name\":\"A\"");
    for (int i = 0; i < 900; i++)
        at += (size_t)sprintf(json + at, ",\"telephone%c%c%c\":1", 'a' + i % 26, 'a' + i / 26 % 26,
                              'a' + i / 676);
    strcpy(json + at, "}");
    OK(crm_customer_validate_json(txn, json, CRM_NUL, &faults, NULL, &er));
    for (const char *p = faults; (p = strstr(p, "is no field")) != NULL; p++)
        count++;
    for (const char *p = faults; (p = strstr(p, "did you mean")) != NULL; p++)
        near++;
    ck_assert_uint_eq(count, 900);
    ck_assert_uint_eq(near, 20);
    crm_free(faults);
    free(json);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

/* The members of an event that are no attributes have labels too, after those of its kind. */
CRM_TEST(test_api_labels__own_members_of_an_event)
{
    static const char *const TWICE[][2] = {
        {"\"kind\":\"visit\",\"类型\":\"visit\",\"time\":\"2026-01-01\"", "kind"},
        {"\"类型\":\"visit\",\"Kind\":\"visit\",\"time\":\"2026-01-01\"", "kind"},
        {"\"kind\":\"visit\",\"time\":\"2026-01-01\",\"时间\":\"2026-01-01\"", "time"},
        {"\"kind\":\"visit\",\"time\":\"2026-01-01\",\"source\":\"a\",\"来源\":\"a\"", "source"},
    };
    crm_db *db = api_open_model("crm: 1\nfields: {name: {type: text}}\n"
                                "events:\n  visit:\n  test:\n    label: 测试\n    attributes:\n"
                                "      sort: {type: text, label: [类型, 来源]}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}");
    crm_event *e;
    size_t n;
    const char *source;
    char json[300];

    OK(crm_event_add_json(txn, id,
                          "{\"时间\":\"2026-01-02\",\"类型\":\"VISIT\",\"来源\":\"shop\","
                          "\"单号\":\"R1\"}",
                          CRM_NUL, NULL, &er));
    OK(crm_event_new(txn, &e, &er));
    OK(crm_event_get(txn, id, 1, e, &er));
    ck_assert_str_eq(crm_event_kind_key(e), "visit");
    ck_assert_int_eq(strncmp(crm_event_reference(e, &n), "R1", 2), 0);
    ck_assert_uint_eq(n, 2);
    OK(crm_event_source(txn, e, &source, &n, &er));
    ck_assert_uint_eq(n, 4);
    ck_assert_mem_eq(source, "shop", 4);
    crm_event_free(e);
    /* An attribute of the kind comes first, unless its label gave the kind. */
    OK(crm_event_add_json(txn, id, "{\"kind\":\"test\",\"time\":\"2026-01-03\",\"类型\":\"x\"}",
                          CRM_NUL, NULL, &er));
    OK(crm_event_add_json(txn, id, "{\"类型\":\"测试\",\"time\":\"2026-01-04\",\"sort\":\"y\"}",
                          CRM_NUL, NULL, &er));
    /* a void, in a document */
    OK(crm_event_add_json(txn, id, "{\"类型\":\"void\",\"voids\":1,\"时间\":\"2026-01-05\"}",
                          CRM_NUL, NULL, &er));
    api_create(txn,
               "{\"name\":\"B\",\"events\":["
               "{\"number\":1,\"类型\":\"visit\",\"时间\":\"2026-01-01\",\"state\":\"voided\"},"
               "{\"number\":2,\"类型\":\"void\",\"voids\":1,\"时间\":\"2026-01-02\"}]}");
    for (size_t i = 0; i < sizeof TWICE / sizeof TWICE[0]; i++) {
        snprintf(json, sizeof json, "{%s}", TWICE[i][0]);
        IS(CRM_EVALUE, crm_event_add_json(txn, id, json, CRM_NUL, NULL, &er));
        ck_assert_str_eq(er.field, TWICE[i][1]);
    }
    IS(CRM_EFIELD, crm_event_add_json(txn, id, "{\"kind\":\"visit\",\"编号\":1,\"time\":\"2026\"}",
                                      CRM_NUL, NULL, &er));
    IS(CRM_EVALUE, crm_event_add_json(txn, id, "{\"time\":\"2026-01-01\"}", CRM_NUL, NULL, &er));
    ck_assert_str_eq(er.field, "kind");
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_labels__dimensions_and_their_values_are_walked_and_found)
{
    crm_db *db = api_open_model(SHOP);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_dimension region, mood, d;
    const char *s;
    size_t pos = 0;

    OK(crm_dimension_next(txn, &pos, &region, &er));
    ck_assert_str_eq(region.key, "region");
    ck_assert_uint_eq(region.flags, CRM_DIMENSION_HIERARCHICAL | CRM_DIMENSION_CLOSED);
    OK(crm_dimension_next(txn, &pos, &mood, &er));
    ck_assert_uint_eq(mood.flags, CRM_DIMENSION_ONE | CRM_DIMENSION_EXPIRES);
    IS(CRM_DONE, crm_dimension_next(txn, &pos, &d, &er));
    OK(crm_dimension_find(txn, "地域", CRM_NUL, &d, &er));
    ck_assert(memcmp(&d, &region, sizeof d) == 0);
    IS(CRM_EFIELD, crm_dimension_find(txn, "regoin", CRM_NUL, &d, &er));
    ck_assert_str_eq(er.message, "\"regoin\" is no dimension of tags; did you mean \"region\"?");
    OK(crm_dimension_label(txn, &region, "zh-CN", &s, &er));
    ck_assert_str_eq(s, "地域");
    OK(crm_dimension_label(txn, &mood, "zh", &s, &er));
    ck_assert_str_eq(s, "mood");
    pos = 0;
    OK(crm_dimension_value_next(txn, &region, &pos, &s, &er));
    OK(crm_dimension_value_next(txn, &region, &pos, &s, &er));
    ck_assert_str_eq(s, "cn/east");
    OK(crm_dimension_value_label(txn, &region, s, "zh", &s, &er));
    ck_assert_str_eq(s, "华东");
    OK(crm_dimension_value_label(txn, &region, "china", NULL, &s, &er));
    ck_assert_str_eq(s, "中国");
    OK(crm_dimension_value_label(txn, &region, "us", "zh", &s, &er));
    ck_assert_str_eq(s, "us");
    IS(CRM_EVALUE, crm_dimension_value_label(txn, &region, "de", "zh", &s, &er));
    pos = 0;
    IS(CRM_DONE, crm_dimension_value_next(txn, &mood, &pos, &s, &er));
    memcpy(d.key, "gone", 5);
    pos = 0;
    IS(CRM_EFIELD, crm_dimension_label(txn, &d, NULL, &s, &er));
    IS(CRM_EFIELD, crm_dimension_value_next(txn, &d, &pos, &s, &er));
    IS(CRM_EFIELD, crm_dimension_value_label(txn, &d, "a", NULL, &s, &er));
    IS(CRM_EINVAL, crm_dimension_find(txn, NULL, 0, &d, &er));
    IS(CRM_EINVAL, crm_dimension_find(txn, "region", CRM_NUL, NULL, &er));
    IS(CRM_EINVAL, crm_dimension_next(txn, NULL, &d, &er));
    IS(CRM_EINVAL, crm_dimension_next(txn, &pos, NULL, &er));
    IS(CRM_EINVAL, crm_dimension_label(txn, NULL, NULL, &s, &er));
    IS(CRM_EINVAL, crm_dimension_label(txn, &region, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_dimension_value_next(txn, &region, NULL, &s, &er));
    IS(CRM_EINVAL, crm_dimension_value_next(txn, NULL, &pos, &s, &er));
    IS(CRM_EINVAL, crm_dimension_value_next(txn, &region, &pos, NULL, &er));
    IS(CRM_EINVAL, crm_dimension_value_label(txn, NULL, "cn", NULL, &s, &er));
    IS(CRM_EINVAL, crm_dimension_value_label(txn, &region, NULL, NULL, &s, &er));
    IS(CRM_EINVAL, crm_dimension_value_label(txn, &region, "cn", NULL, NULL, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}
