/* SPDX-License-Identifier: MIT
 * Event kinds and their attributes: what is read, look-ups, numbers, bounds, and those of the
 * built-in model.
 */
#include "help.h"

static const char SHOP[] =
    "crm: 1\ncurrency: CNY\n"
    "events:\n"
    "  visit:\n"
    "  order:\n"
    "    label: {en: [Order, Purchase], zh: 订单}\n"
    "    attributes:\n"
    "      amount: {type: money, min: 0, fast: true, required: true, class: transaction,\n"
    "               sensitivity: internal, label: {en: Total, zh: 金额}}\n"
    "      status: {type: enum, fast: true, values: {new: {zh: 新}, paid: Paid}, default: new}\n"
    "      note: {type: text, max: 500, pattern: '[a-z ]*'}\n"
    "  quote: {attributes: {amount: {type: money, currency: USD}, due: {type: date, fast: false},\n"
    "                       sku: {type: text, fast: true}, code: {type: text, fast: true, max: "
    "8}}}\n"
    "fields:\n"
    "  amount: {type: integer, label: {zh: 订单}}\n" /* kinds and fields may share a name */
    "  state: {type: enum, values: [new, old]}\n";

static const crm__event_kind *kind_of(const crm__model *m, const char *name)
{
    return crm__model_event_find(m, name, strlen(name));
}

static const crm__field *attribute_of(const crm__event_kind *kind, const char *name)
{
    return crm__event_attribute_find(kind, name, strlen(name));
}

CRM_TEST(test_model_event__what_is_written_is_what_the_kind_holds)
{
    crm__model *m = help_parse(SHOP);
    const crm__event_kind *order = crm__model_event_at(m, 1), *quote = crm__model_event_at(m, 2);
    const crm__field *f = &order->attributes[0];

    ck_assert_uint_eq(crm__model_event_count(m), 3);
    ck_assert_ptr_null(crm__model_event_at(m, 3));
    ck_assert_str_eq(crm__model_event_at(m, 0)->key, "visit");
    ck_assert_uint_eq(crm__model_event_at(m, 0)->attribute_count, 0);
    ck_assert_ptr_null(attribute_of(crm__model_event_at(m, 0), "amount"));
    ck_assert_ptr_null(crm__event_attribute_near(crm__model_event_at(m, 0), "amount", 6));
    ck_assert_str_eq(order->key, "order");
    ck_assert_uint_eq(order->label_count, 3);
    ck_assert_str_eq(order->labels[1].text, "Purchase");
    ck_assert_str_eq(order->labels[2].lang, "zh");
    ck_assert(order->line == 5 && order->column == 3);
    ck_assert_uint_eq(order->attribute_count, 3);
    ck_assert_uint_eq(order->fast_count, 2);
    ck_assert_str_eq(f->key, "amount");
    ck_assert_uint_eq(f->type, CRM_TYPE_MONEY);
    ck_assert_uint_eq(f->flags, CRM_FIELD_FAST | CRM_FIELD_REQUIRED);
    ck_assert_str_eq(f->currency, "CNY");
    ck_assert_str_eq(f->data_class, "transaction");
    ck_assert_str_eq(f->sensitivity, "internal");
    ck_assert(f->has_min && !f->has_max);
    ck_assert(f->line == 8 && f->column == 7);
    ck_assert_uint_eq(order->attributes[2].flags, 0);
    ck_assert_str_eq(order->attributes[2].pattern_text, "[a-z ]*");
    ck_assert_str_eq(quote->attributes[0].currency, "USD");
    ck_assert_uint_eq(quote->fast_count, 2);
    ck_assert_uint_eq(attribute_of(quote, "sku")->has_max, 0);
    ck_assert_int_eq(attribute_of(quote, "code")->max.mantissa, 8);
    ck_assert_uint_eq(attribute_of(quote, "due")->flags, 0);
    crm__model_unref(m);
}

CRM_TEST(test_model_event__kinds_and_attributes_are_found_by_key_and_label)
{
    crm__model *m = help_model(SHOP);
    const crm__event_kind *order = kind_of(m, "order"), *quote = kind_of(m, "quote");

    ck_assert_ptr_eq(kind_of(m, "ORDER"), order);
    ck_assert_ptr_eq(kind_of(m, " ｐurchase"), order);
    ck_assert_ptr_eq(kind_of(m, "订单"), order);
    ck_assert_ptr_null(kind_of(m, "void"));
    ck_assert_ptr_null(kind_of(m, ""));
    ck_assert_ptr_null(kind_of(m, "orders"));
    ck_assert_str_eq(crm__model_event_near(m, "ordre", 5), "order");
    ck_assert_str_eq(crm__model_event_near(m, "purchases", 9), "Purchase");
    ck_assert_ptr_null(crm__model_event_near(m, "something", 9));
    ck_assert_str_eq(help_find(m, "订单")->key, "amount");
    ck_assert_ptr_eq(attribute_of(order, "金额"), &order->attributes[0]);
    ck_assert_ptr_eq(attribute_of(order, "TOTAL"), &order->attributes[0]);
    ck_assert_ptr_eq(attribute_of(order, "note"), &order->attributes[2]);
    ck_assert_ptr_eq(attribute_of(quote, "amount"), &quote->attributes[0]);
    ck_assert_ptr_null(attribute_of(quote, "total"));
    ck_assert_ptr_null(attribute_of(order, "kind"));
    ck_assert_ptr_null(attribute_of(order, ""));
    ck_assert_str_eq(crm__event_attribute_near(order, "amuont", 6), "amount");
    ck_assert_ptr_null(crm__event_attribute_near(quote, "something", 9));
    crm__model_unref(m);
}

static int record(void *ctx, char cls, const char *name, size_t n, uint32_t *number, crm_error *err)
{
    char *log = ctx;
    size_t at = strlen(log);

    (void)err;
    ck_assert_uint_eq(strlen(name), n);
    snprintf(log + at, 1000 - at, "%c %s\n", cls, name);
    /* Each class counts from 1. */
    *number = 0;
    for (const char *p = log; *p; p = strchr(p, '\n') + 1)
        *number += *p == cls;
    return CRM_OK;
}

CRM_TEST(test_model_event__bind_asks_each_name_once_and_numbers_lead_back)
{
    char log[1000] = "";
    crm__model *m = help_parse(SHOP);
    const crm__event_kind *order = kind_of(m, "order");
    const crm__field *f;
    crm__value v;

    ck_assert_ptr_null(crm__model_event_number(m, 1));
    ck_assert_ptr_null(crm__event_attribute_number(order, 1));
    ck_assert_uint_eq(order->attributes[1].default_value.n, 0);
    ck_assert_int_eq(crm__model_bind(m, 9, record, log, NULL), CRM_OK);
    ck_assert_str_eq(log, "f amount\nf state\ne state/new\ne state/old\n"
                          "k visit\nk order\na order/amount\na order/status\ne order/status/new\n"
                          "e order/status/paid\na order/note\n"
                          "k quote\na quote/amount\na quote/due\na quote/sku\na quote/code\n");
    for (size_t i = 0; i < crm__model_event_count(m); i++) {
        const crm__event_kind *kind = crm__model_event_at(m, i);
        ck_assert_ptr_eq(crm__model_event_number(m, kind->number), kind);
        for (uint32_t k = 0; k < kind->attribute_count; k++) {
            f = &kind->attributes[k];
            ck_assert_ptr_eq(crm__event_attribute_number(kind, f->number), f);
        }
    }
    ck_assert_ptr_null(crm__model_event_number(m, 0));
    ck_assert_ptr_null(crm__model_event_number(m, 12345));
    ck_assert_ptr_null(crm__event_attribute_number(order, 0));
    ck_assert_ptr_null(crm__event_attribute_number(order, 12345));
    f = &kind_of(m, "quote")->attributes[1];
    ck_assert_ptr_null(crm__event_attribute_number(order, f->number));
    f = attribute_of(order, "status");
    ck_assert_int_eq(crm__value_decode(CRM_TYPE_ENUM, 0, f->default_value, &v), CRM_OK);
    ck_assert_str_eq(crm__enum_number(f, (uint32_t)v.integer)->key, "new");
    ck_assert_ptr_eq(crm__enum_find(f, "新", 3), &f->values[0]);
    crm__model_unref(m);
}

/* Stops at the call in `at`, or gives number 0 there. */
typedef struct trouble {
    int at, calls, rc;
} trouble;

static int make_trouble(void *ctx, char cls, const char *name, size_t n, uint32_t *number,
                        crm_error *err)
{
    trouble *t = ctx;

    (void)cls;
    (void)name;
    (void)n;
    (void)err;
    *number = (uint32_t)++t->calls;
    if (t->calls != t->at)
        return CRM_OK;
    *number = 0;
    return t->rc;
}

CRM_TEST(test_model_event__a_bind_that_fails_leaves_the_model_unbound)
{
    crm__model *m = help_parse(SHOP);
    const crm__event_kind *order = kind_of(m, "order");
    uint32_t last = 100;

    for (int at = 1; at <= 16; at++) {
        trouble t = {at, 0, CRM_EFULL};
        ck_assert_int_eq(crm__model_bind(m, 1, make_trouble, &t, NULL), CRM_EFULL);
        ck_assert_int_eq(t.calls, at);
        t = (trouble){at, 0, CRM_OK};
        ck_assert_int_eq(crm__model_bind(m, 1, make_trouble, &t, NULL), CRM_ECORRUPT);
        ck_assert_ptr_null(crm__model_event_number(m, 6));
        ck_assert_ptr_null(crm__event_attribute_number(order, 7));
        ck_assert_uint_eq(order->number, 0);
        ck_assert_uint_eq(order->attributes[1].number, 0);
        ck_assert_uint_eq(order->attributes[1].values[0].number, 0);
        ck_assert_uint_eq(order->attributes[1].default_value.n, 0);
        ck_assert_ptr_null(order->attributes[1].value_numbers);
    }
    ck_assert_int_eq(crm__model_bind(m, 1, help_number, &last, NULL), CRM_OK);
    ck_assert_ptr_eq(crm__model_event_number(m, 106), order);
    ck_assert_ptr_eq(crm__event_attribute_number(order, 107), &order->attributes[0]);
    crm__model_unref(m);
}

CRM_TEST(test_model_event__values_of_attributes_follow_the_rules_of_fields)
{
    crm__model *m = help_model(SHOP);
    const crm__event_kind *order = kind_of(m, "order");
    crm_error err = CRM_ERROR_INIT;
    crm__buf out;
    crm__value v;

    crm__buf_init(&out, NULL);
    ck_assert_int_eq(crm__value_parse(&order->attributes[0], NULL, "12.50", 5, 0, &out, &err),
                     CRM_OK);
    ck_assert_int_eq(crm__value_decode(CRM_TYPE_MONEY, 0, (crm__slice){out.p, out.n}, &v), CRM_OK);
    out.n = 0;
    ck_assert_int_eq(crm__value_format(&order->attributes[0], &v, &out), CRM_OK);
    ck_assert(out.n == 9 && !memcmp(out.p, "12.50 CNY", 9));
    ck_assert_int_eq(crm__value_parse(&order->attributes[0], NULL, "-1", 2, 0, &out, &err),
                     CRM_EVALUE);
    ck_assert_str_eq(err.field, "amount");
    ck_assert_int_eq(crm__value_parse(&order->attributes[2], NULL, "A", 1, 0, &out, &err),
                     CRM_EVALUE);
    out.n = 0;
    ck_assert_int_eq(crm__value_parse(&order->attributes[1], NULL, "新", 3, 0, &out, &err), CRM_OK);
    ck_assert_int_eq(crm__value_decode(CRM_TYPE_ENUM, 0, (crm__slice){out.p, out.n}, &v), CRM_OK);
    ck_assert_uint_eq((uint32_t)v.integer, order->attributes[1].values[0].number);
    crm__buf_clear(&out);
    crm__model_unref(m);
}

/* ---- bounds ---- */

static void note(const crm_finding *f, void *ctx)
{
    char *all = ctx;
    size_t at = strlen(all);

    snprintf(all + at, 600 - at, "%d:%d %s\n", f->line, f->column, f->message);
}

static char *many(int kinds, int attributes)
{
    char *s = malloc((size_t)(kinds * (attributes + 1)) * 32 + 100);
    size_t at = (size_t)sprintf(s, "crm: 1\nfields: {x: {type: text}}\nevents:\n");

    for (int k = 0; k < kinds; k++) {
        at += (size_t)sprintf(s + at, "  k%d:\n    attributes:\n", k);
        for (int a = 0; a < attributes; a++)
            at += (size_t)sprintf(s + at, "      a%d: {type: integer}\n", a);
    }
    return s;
}

static void check_many(int kinds, int attributes, const char *expected)
{
    char *s = many(kinds, attributes), got[600] = "";
    int rc = crm_model_check(s, CRM_NUL, note, got, NULL);

    ck_assert_str_eq(got, expected);
    ck_assert_int_eq(rc, *expected ? CRM_EMODEL : CRM_OK);
    free(s);
}

CRM_TEST(test_model_event__kinds_and_attributes_are_bounded)
{
    check_many(200, 1, "");
    check_many(201, 1, "604:3 more than 200 event kinds\n");
    check_many(1, 60, "");
    check_many(2, 61,
               "66:7 event kind \"k0\": more than 60 attributes\n"
               "129:7 event kind \"k1\": more than 60 attributes\n");
}

CRM_TEST(test_model_event__as_many_as_may_be_are_bound_and_found)
{
    char *s = many(200, 60), name[16];
    crm__model *m = help_model(s);

    ck_assert_uint_eq(crm__model_event_count(m), 200);
    for (int k = 0; k < 200; k++) {
        const crm__event_kind *kind = kind_of(m, (snprintf(name, sizeof name, "K%d", k), name));
        ck_assert_ptr_eq(kind, crm__model_event_at(m, (size_t)k));
        ck_assert_ptr_eq(kind, crm__model_event_number(m, kind->number));
        for (int a = 0; a < 60; a++) {
            const crm__field *f = attribute_of(kind, (snprintf(name, sizeof name, "a%d", a), name));
            ck_assert_ptr_eq(f, &kind->attributes[a]);
            ck_assert_ptr_eq(f, crm__event_attribute_number(kind, f->number));
        }
    }
    crm__model_unref(m);
    free(s);
}

/* ---- the built-in model ---- */

CRM_TEST(test_model_event__the_built_in_model_has_the_usual_kinds)
{
    static const char *const names[][3] = {
        {"visit", "拜访", "Visit"},         {"call", "通话", "Phone call"},
        {"email", "邮件", "E-mail"},        {"message", "短信", "Message"},
        {"meeting", "会议", "Meeting"},     {"quote", "报价", "Quotation"},
        {"order", "订单", "Order"},         {"payment", "付款", "Payment"},
        {"feedback", "反馈", "Review"},     {"complaint", "投诉", "Complaint"},
        {"social", "社交", "Social media"},
    };
    static const char *const fast[] = {"order.amount",   "order.product",  "order.channel",
                                       "quote.amount",   "quote.product",  "payment.amount",
                                       "payment.method", "feedback.score", "call.duration"};
    crm__model *m = help_model(crm_model_default());
    const crm__field *f;

    ck_assert_uint_eq(crm__model_event_count(m), sizeof names / sizeof names[0]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (int k = 0; k < 3; k++)
            ck_assert_ptr_eq(kind_of(m, names[i][k]), crm__model_event_at(m, i));
    }
    for (size_t i = 0; i < sizeof fast / sizeof fast[0]; i++) {
        const char *dot = strchr(fast[i], '.');
        f = attribute_of(crm__model_event_find(m, fast[i], (size_t)(dot - fast[i])), dot + 1);
        ck_assert_msg(f && f->flags & CRM_FIELD_FAST, "%s", fast[i]);
    }
    f = attribute_of(kind_of(m, "feedback"), "score");
    ck_assert(f->min.mantissa == 0 && f->max.mantissa == 10 && f->type == CRM_TYPE_INTEGER);
    ck_assert_str_eq(f->data_class, "feedback");
    for (size_t i = 0; i < crm__model_event_count(m); i++) { /* each speaks English and Chinese */
        const crm__event_kind *kind = crm__model_event_at(m, i);
        ck_assert(kind->label_count >= 2 && !strcmp(kind->labels[0].lang, "en"));
        ck_assert_str_eq(kind->labels[kind->label_count - 1].lang, "zh");
        for (uint32_t k = 0; k < kind->attribute_count; k++) {
            f = &kind->attributes[k];
            ck_assert_msg(f->label_count >= 2 && !strcmp(f->labels[0].lang, "en") &&
                              !strcmp(f->labels[f->label_count - 1].lang, "zh"),
                          "%s.%s", kind->key, f->key);
        }
    }
    crm__model_unref(m);
}
