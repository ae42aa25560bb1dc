/* SPDX-License-Identifier: MIT
 * Day lists of events written through the public door, against a plain list of these events: under
 * savepoints, in crm_db_write(), after aborts, voids and corrections, and after models that make
 * other attributes fast or drop a kind.  crm_check() agrees, until a list is changed behind its
 * back.
 */
#include "base/time.h"
#include "crmtest.h"
#include "stingy.h"
#include "db/derive_event.h"
#include "db/model.h"

#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

enum { CUSTOMERS = 6, MOST = 4000, TEXT = 200, BASE_DAY = 19000 };

static const char *const CURRENCY[] = {"CNY", "EUR", "USD"};
static const char *const PRODUCT[] = {"tea", "茶", "coffee beans"};

typedef struct sale {
    int visit; /* else an order */
    int live;
    crm_id id;
    uint32_t number;
    int64_t us, cents, quantity; /* quantity below 0: none */
    int currency, product;
} sale;

typedef struct shop {
    sale all[MOST];
    size_t n;
    int fast[3]; /* amount, product, quantity */
    int visits;  /* the model has them */
    uint64_t *seed;
} shop;

static const char *model_text(const shop *s, char text[1024])
{
    snprintf(text, 1024,
             "crm: 1\nfields:\n  name: {type: text}\nevents:\n  order:\n    attributes:\n"
             "      amount: {type: money%s}\n      product: {type: text%s}\n"
             "      quantity: {type: integer%s}\n      note: {type: text}\n%s",
             s->fast[0] ? ", fast: true" : "", s->fast[1] ? ", fast: true" : "",
             s->fast[2] ? ", fast: true" : "", s->visits ? "  visit:\n" : "");
    return text;
}

static crm_db *open_shop(shop *s)
{
    crm_error err = CRM_ERROR_INIT;
    char text[1024];
    crm_txn *txn;
    crm_db *db;

    OK(crm_db_open(crmtest_path("db"), NULL, &db, NULL));
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    ck_assert_msg(!crm_model_apply(txn, model_text(s, text), CRM_NUL, CRM_FORCE, NULL, NULL, &err),
                  "%s", err.message);
    for (int i = 0; i < CUSTOMERS; i++)
        OK(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL));
    OK(crm_txn_commit(txn, NULL));
    return db;
}

/* ---- writing ---- */

static void add_sale(crm_txn *txn, shop *s, uint32_t corrects, crm_id id)
{
    crm_error err = CRM_ERROR_INIT;
    char json[512], time[40], voids[40] = "", quantity[60] = "";
    sale *e = &s->all[s->n];
    int64_t day = BASE_DAY + (int64_t)crmtest_below(s->seed, 4);

    memset(e, 0, sizeof *e);
    ck_assert_uint_lt(s->n, MOST);
    e->live = 1;
    e->id = id;
    e->visit = s->visits && crmtest_below(s->seed, 5) == 0;
    e->us = day * CRM__US_PER_DAY + (int64_t)crmtest_below(s->seed, 86400000) * 1000;
    e->cents = (int64_t)crmtest_below(s->seed, 100000);
    e->quantity = (int64_t)crmtest_below(s->seed, 6) - 2;
    e->currency = (int)crmtest_below(s->seed, 3);
    e->product = (int)crmtest_below(s->seed, 3);
    ck_assert(crm__datetime_format(e->us, time));
    if (corrects)
        snprintf(voids, sizeof voids, ",\"voids\":%lu", (unsigned long)corrects);
    if (e->quantity >= 0)
        snprintf(quantity, sizeof quantity, ",\"quantity\":%lld", (long long)e->quantity);
    if (e->visit)
        snprintf(json, sizeof json, "{\"kind\":\"visit\",\"time\":\"%s\"%s}", time, voids);
    else
        snprintf(json, sizeof json,
                 "{\"kind\":\"order\",\"time\":\"%s\"%s,\"amount\":\"%lld.%02lld %s\","
                 "\"product\":\"%s\",\"note\":\"x\"%s}",
                 time, voids, (long long)(e->cents / 100), (long long)(e->cents % 100),
                 CURRENCY[e->currency], PRODUCT[e->product], quantity);
    ck_assert_msg(!crm_event_add_json(txn, id, json, CRM_NUL, &e->number, &err), "%s: %s", json,
                  err.message);
    s->n++;
}

static sale *live_sale(shop *s)
{
    for (int tries = 0; s->n && tries < 20; tries++) {
        sale *e = &s->all[crmtest_below(s->seed, s->n)];
        if (e->live && (s->visits || !e->visit))
            return e;
    }
    return NULL;
}

static void change(crm_txn *txn, shop *s)
{
    sale *old = crmtest_below(s->seed, 4) ? NULL : live_sale(s);

    if (!old) {
        add_sale(txn, s, 0, 1 + crmtest_below(s->seed, CUSTOMERS));
    } else if (crmtest_below(s->seed, 2)) {
        OK(crm_event_void(txn, old->id, old->number, NULL));
        old->live = 0;
    } else {
        add_sale(txn, s, old->number, old->id);
        old->live = 0;
    }
}

/* ---- comparing ---- */

typedef struct seen {
    char (*text)[TEXT];
    size_t n;
    crm_txn *txn;
    crm__day_work *w;
    uint32_t attribute[3]; /* numbers of amount, product, quantity */
    char kind;
} seen;

static const crm__day_value *value_at(const crm__day_item *item, uint32_t column)
{
    for (uint32_t i = 0; i < item->count; i++) {
        if (item->values[i].column == column)
            return &item->values[i];
    }
    return NULL;
}

static void write_item(seen *s, int32_t day, const crm__day_item *item, char *out)
{
    const crm__day_value *v = value_at(item, crm__day_column_of(s->attribute[0], 0));
    uint32_t values = 0;
    int n = snprintf(out, TEXT, "%c %u %lld", s->kind, item->row,
                     (long long)(day * CRM__US_PER_DAY + item->us));

    if (v) {
        const crm__day_value *c = value_at(item, crm__day_column_of(s->attribute[0], 1));
        int64_t cents = v->mantissa;
        char currency[4];
        ck_assert_ptr_nonnull(c);
        for (unsigned k = v->scale; k < 2; k++)
            cents *= 10;
        crm__day_currency_text(c->mantissa, currency);
        n += snprintf(out + n, TEXT - (size_t)n, " %lld %s", (long long)cents, currency);
        values += 2;
    }
    v = value_at(item, crm__day_column_of(s->attribute[1], 0));
    if (v) {
        crm__slice name;
        OK(crm__dict_name(s->txn, CRM__DICT_TEXT, (uint32_t)v->mantissa, &name));
        n += snprintf(out + n, TEXT - (size_t)n, " %.*s", (int)name.n, (const char *)name.p);
        values++;
    }
    v = value_at(item, crm__day_column_of(s->attribute[2], 0));
    if (v) {
        snprintf(out + n, TEXT - (size_t)n, " %lld", (long long)v->mantissa);
        ck_assert_uint_eq(v->scale, 0);
        values++;
    }
    ck_assert_uint_eq(values, item->count);
}

static int take_part(void *ctx, int32_t day, crm__slice part)
{
    static crm__day_item item;
    seen *s = ctx;
    crm__day_list list;
    size_t at = 0, index = 0;
    crm__slice bytes;

    crm__day_list_init(&list, NULL);
    OK(crm__day_items(s->w, part, &list));
    while ((bytes = crm__day_list_next(&list, &at, &index)).p) {
        OK(crm__day_item_get(bytes, &item));
        ck_assert_uint_lt(s->n, MOST);
        write_item(s, day, &item, s->text[s->n++]);
    }
    crm__day_list_clear(&list);
    return CRM_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void write_sale(const shop *s, const sale *e, char *out)
{
    int n = snprintf(out, TEXT, "%c %llu %lld", e->visit ? 'v' : 'o', (unsigned long long)e->id,
                     (long long)e->us);

    if (e->visit)
        return;
    if (s->fast[0])
        n += snprintf(out + n, TEXT - (size_t)n, " %lld %s", (long long)e->cents,
                      CURRENCY[e->currency]);
    if (s->fast[1])
        n += snprintf(out + n, TEXT - (size_t)n, " %s", PRODUCT[e->product]);
    if (s->fast[2] && e->quantity >= 0)
        snprintf(out + n, TEXT - (size_t)n, " %lld", (long long)e->quantity);
}

static void visit_kind(crm_txn *txn, seen *s, const char *key, int32_t from, int32_t until)
{
    static const char *const ATTRIBUTE[] = {"amount", "product", "quantity"};
    const crm__event_kind *kind;
    const crm__model *m;

    OK(crm__txn_enter(txn, 0, NULL)); /* what is kept back is settled */
    OK(crm__txn_model(txn, &m, NULL));
    kind = crm__model_event_find(m, key, strlen(key));
    if (!kind)
        return;
    s->kind = key[0];
    for (int i = 0; i < 3 && s->kind == 'o'; i++)
        s->attribute[i] =
            crm__event_attribute_find(kind, ATTRIBUTE[i], strlen(ATTRIBUTE[i]))->number;
    OK(crm__day_visit(txn, 0, kind->number, from, until, 1, take_part, s));
}

static void compare(crm_txn *txn, const shop *s, int32_t from, int32_t until)
{
    char(*want)[TEXT] = calloc(MOST, TEXT);
    seen have = {calloc(MOST, TEXT), 0, txn, crm__day_work_new(NULL), {0, 0, 0}, 0};
    size_t n = 0;

    visit_kind(txn, &have, "order", from, until);
    visit_kind(txn, &have, "visit", from, until);
    for (size_t i = 0; i < s->n; i++) {
        const sale *e = &s->all[i];
        int64_t day = e->us / CRM__US_PER_DAY;
        if (e->live && (s->visits || !e->visit) && day >= from && day < until)
            write_sale(s, e, want[n++]);
    }
    qsort(want, n, TEXT, by_text);
    qsort(have.text, have.n, TEXT, by_text);
    ck_assert_uint_eq(have.n, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_str_eq(have.text[i], want[i]);
    crm__day_work_free(have.w);
    free(have.text);
    free(want);
}

static void compare_some(crm_txn *txn, shop *s)
{
    int32_t from = BASE_DAY + (int32_t)crmtest_below(s->seed, 4);

    if (crmtest_below(s->seed, 2))
        compare(txn, s, INT32_MIN, INT32_MAX);
    else
        compare(txn, s, from, from + 1 + (int32_t)crmtest_below(s->seed, 3));
}

/* ---- cases ---- */

static void change_model(crm_txn *txn, shop *s)
{
    crm_error err = CRM_ERROR_INIT;
    char text[1024];

    if (crmtest_below(s->seed, 3) == 0)
        s->visits = !s->visits;
    for (int i = 0; i < 3; i++)
        s->fast[i] = (int)crmtest_below(s->seed, 2);
    ck_assert_msg(!crm_model_apply(txn, model_text(s, text), CRM_NUL, CRM_FORCE, NULL, NULL, &err),
                  "%s", err.message);
}

static int in_group(crm_txn *txn, void *ctx)
{
    shop *s = ctx;

    if (crmtest_below(s->seed, 3) == 0) {
        change_model(txn, s); /* its lists are made of edits that wait */
        compare(txn, s, INT32_MIN, INT32_MAX);
    }
    for (int i = 0; i < 5; i++) {
        change(txn, s);
        compare_some(txn, s);
    }
    return CRM_OK;
}

static void transaction(crm_db *db, shop *s)
{
    shop *begun = malloc(sizeof *begun), *marked = malloc(sizeof *marked);
    crm_savepoint mark;
    crm_txn *txn;

    *begun = *s;
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    if (crmtest_below(s->seed, 4) == 0)
        change_model(txn, s);
    for (uint64_t i = crmtest_below(s->seed, 12); i > 0; i--)
        change(txn, s);
    if (crmtest_below(s->seed, 2)) {
        OK(crm_txn_savepoint(txn, &mark, NULL));
        *marked = *s;
        for (uint64_t i = crmtest_below(s->seed, 8); i > 0; i--) {
            change(txn, s);
            if (crmtest_below(s->seed, 3) == 0)
                compare_some(txn, s);
        }
        if (crmtest_below(s->seed, 2)) {
            OK(crm_txn_rollback(txn, mark, NULL));
            *s = *marked;
        }
        compare_some(txn, s);
        OK(crm_txn_release(txn, mark, NULL));
    }
    if (crmtest_below(s->seed, 2))
        compare_some(txn, s);
    if (crmtest_below(s->seed, 4) == 0) {
        OK(crm_txn_abort(txn));
        *s = *begun;
    } else {
        OK(crm_txn_commit(txn, NULL));
    }
    free(begun);
    free(marked);
}

static void keep_fault(const crm_fault *fault, void *ctx)
{
    char *text = ctx;
    size_t n = strlen(text);

    snprintf(text + n, 4096 - n, "%s: %s\n", fault->space, fault->message);
}

static void check_sound(void)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    crm_check_result r;
    char text[4096] = "";
    int rc;

    o.fault = keep_fault;
    o.fault_ctx = text;
    rc = crm_check(crmtest_path("db"), &o, sizeof r, &r, NULL);
    ck_assert_msg(rc == CRM_OK, "%s", text);
}

CRM_TEST(test_db_derive_event__random)
{
    uint64_t seed = crmtest_seed();
    shop *s = calloc(1, sizeof *s);
    crm_db *db;
    crm_txn *txn;

    s->seed = &seed;
    s->visits = s->fast[0] = s->fast[1] = 1;
    db = open_shop(s);
    for (size_t round = crmtest_rounds(40, 150); round > 0; round--) {
        if (crmtest_below(&seed, 4) == 0)
            OK(crm_db_write(db, NULL, in_group, s, NULL));
        else
            transaction(db, s);
        OK(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL));
        compare_some(txn, s);
        OK(crm_txn_abort(txn));
        if (crmtest_below(&seed, 10) == 0)
            check_sound();
    }
    check_sound();
    crm_db_close(db);
    free(s);
}

/* ---- values of each type ---- */

static const char TYPES[] =
    "crm: 1\nfields:\n  name: {type: text}\nevents:\n  all:\n    attributes:\n"
    "      a: {type: integer, fast: true}\n      b: {type: decimal, fast: true}\n"
    "      c: {type: money, fast: true}\n      d: {type: date, fast: true}\n"
    "      e: {type: boolean, fast: true}\n"
    "      f: {type: enum, fast: true, values: {x: , y: }}\n"
    "      g: {type: country, fast: true}\n      h: {type: language, fast: true}\n"
    "      i: {type: text, fast: true}\n      j: {type: text}\n";

typedef struct types {
    crm__day_work *w;
    crm__day_list list;
} types;

static int keep_items(void *ctx, int32_t day, crm__slice part)
{
    types *t = ctx;

    ck_assert_int_eq(day, -1);
    return crm__day_items(t->w, part, &t->list);
}

static void check_text(crm_txn *txn, const crm__day_value *v, const char *name, size_t n)
{
    crm__slice found;

    OK(crm__dict_name(txn, CRM__DICT_TEXT, (uint32_t)v->mantissa, &found));
    ck_assert(found.n == n && memcmp(found.p, name, n) == 0);
}

/* One event before 1970, and one of a text that is too long for a name of the dictionary. */
CRM_TEST(test_db_derive_event__each_type)
{
    static char json[4096], longest[3000];
    static crm__day_item item;
    types t = {crm__day_work_new(NULL), {{0}, {0}}};
    uint8_t digest[33] = {0xff};
    crm__slice text = {(const uint8_t *)longest, 2999};
    const crm__event_kind *kind;
    const crm__day_value *v[10];
    const crm__model *m;
    size_t at = 0, index = 0;
    uint32_t number;
    crm_txn *txn;
    crm_db *db;

    memset(longest, 'z', 2999);
    crm__day_list_init(&t.list, NULL);
    OK(crm_db_open(crmtest_path("db"), NULL, &db, NULL));
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    OK(crm_model_apply(txn, TYPES, CRM_NUL, CRM_FORCE, NULL, NULL, NULL));
    OK(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL));
    OK(crm_event_add_json(
        txn, 1,
        "{\"kind\":\"all\",\"time\":\"1969-12-31T23:00:00Z\",\"a\":-7,"
        "\"b\":\"1.250\",\"c\":\"-0.50 EUR\",\"d\":\"2020-05\",\"e\":true,"
        "\"f\":\"y\",\"g\":\"CN\",\"h\":\"zh-Hans\",\"i\":\"tea\",\"j\":\"note\"}",
        CRM_NUL, NULL, NULL));
    snprintf(json, sizeof json,
             "{\"kind\":\"all\",\"time\":\"1969-12-31T23:00:00.000001Z\",\"i\":\"%s\"}", longest);
    OK(crm_event_add_json(txn, 1, json, CRM_NUL, NULL, NULL));
    OK(crm__txn_enter(txn, 0, NULL));
    OK(crm__txn_model(txn, &m, NULL));
    kind = crm__model_event_find(m, "all", 3);
    number = kind->number;
    OK(crm__day_visit(txn, 0, number, -10, 10, 0, keep_items, &t));
    ck_assert_uint_eq(crm__day_list_count(&t.list), 2);
    OK(crm__day_item_get(crm__day_list_next(&t.list, &at, &index), &item));
    ck_assert(item.row == 1 && item.us == 23 * 3600 * CRM__US_PER_SECOND && item.count == 10);
    for (int i = 0; i < 9; i++) {
        char key[2] = {(char)('a' + i), 0};
        const crm__field *f = crm__event_attribute_find(kind, key, 1);
        v[i] = value_at(&item, crm__day_column_of(f->number, 0));
        if (i == 2)
            v[9] = value_at(&item, crm__day_column_of(f->number, 1));
    }
    ck_assert(v[0]->mantissa == -7 && v[1]->mantissa == 125 && v[1]->scale == 2);
    ck_assert(v[2]->mantissa == -5 && v[2]->scale == 1 &&
              v[9]->mantissa == crm__day_currency("EUR"));
    ck_assert(v[3]->mantissa == crm__date_pack(2020, 5, 0) && v[4]->mantissa == 1);
    ck_assert_int_eq(v[5]->mantissa, crm__event_attribute_find(kind, "f", 1)->values[1].number);
    check_text(txn, v[6], "CN", 2);
    check_text(txn, v[7], "zh-Hans", 7);
    check_text(txn, v[8], "tea", 3);
    OK(crm__day_item_get(crm__day_list_next(&t.list, &at, &index), &item));
    ck_assert(item.row == 1 && item.us == 23 * 3600 * CRM__US_PER_SECOND + 1 && item.count == 1);
    crm__digest(NULL, &text, 1, digest + 1);
    check_text(txn, &item.values[0], (const char *)digest, sizeof digest);
    OK(crm_txn_commit(txn, NULL));
    check_sound();
    /* Taken back, they leave an empty list. */
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    OK(crm_event_void(txn, 1, 1, NULL));
    OK(crm_event_void(txn, 1, 2, NULL));
    OK(crm_txn_commit(txn, NULL));
    check_sound();
    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL));
    t.list.lengths.n = t.list.bytes.n = 0;
    OK(crm__day_visit(txn, 0, number, -10, 10, 0, keep_items, &t));
    ck_assert_uint_eq(crm__day_list_count(&t.list), 0);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    crm__day_list_clear(&t.list);
    crm__day_work_free(t.w);
}

/* ---- how a visit ends ---- */

typedef struct few {
    int calls, most;
    int32_t last;
} few;

static int take_few(void *ctx, int32_t day, crm__slice part)
{
    few *f = ctx;

    ck_assert(part.n && (!f->calls || day > f->last));
    f->last = day;
    return ++f->calls == f->most ? 7 : CRM_OK;
}

/* A part is given when the next one is known; none is given behind the one that ended the visit,
 * and the last is not left out. */
CRM_TEST(test_db_derive_event__visit_ends_where_it_is_told)
{
    static const char DAY[] = "{\"kind\":\"all\",\"time\":\"2020-01-0%dT00:00:00Z\"}";
    const crm__event_kind *kind;
    const crm__model *m;
    crm_txn *txn;
    crm_db *db;

    OK(crm_db_open(crmtest_path("db"), NULL, &db, NULL));
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    OK(crm_model_apply(txn, TYPES, CRM_NUL, CRM_FORCE, NULL, NULL, NULL));
    OK(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL));
    for (int i = 1; i <= 5; i++) {
        char json[80];
        snprintf(json, sizeof json, DAY, i);
        OK(crm_event_add_json(txn, 1, json, CRM_NUL, NULL, NULL));
    }
    OK(crm_txn_commit(txn, NULL));
    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL));
    OK(crm__txn_enter(txn, 0, NULL));
    OK(crm__txn_model(txn, &m, NULL));
    kind = crm__model_event_find(m, "all", 3);
    for (int most = 1; most <= 6; most++) {
        for (int whole = 0; whole < 2; whole++) {
            few f = {0, most, 0};
            int rc = crm__day_visit(txn, 0, kind->number, 0, INT32_MAX, whole, take_few, &f);
            ck_assert_int_eq(rc, most < 6 ? 7 : CRM_OK);
            ck_assert_int_eq(f.calls, most < 6 ? most : 5);
        }
    }
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

/* ---- what crm_check() finds ---- */

typedef struct harm {
    int what;
    const char *message;
} harm;

static const harm HARMS[] = {
    {0, "day: what the lists of order events come to, chunk 0, span 593: there are no lists\n"
        "day: an event (order) of customer 2 is not in the list of 2022-01-08 as it is\n"},
    {1, "day: an event (order) that customer 5 does not have is in the list of 2022-01-08\n"},
    {2, "day: the list of order events of 2022-01-08, chunk 0: a part is damaged\n"
        "day: an event (order) of customer 2 is not in the list of 2022-01-08 as it is\n"},
    {3,
     "day: the list of order events of 2022-01-08, chunk 0: a part is not under its first row\n"},
    {4, "day: the list of order events of 2022-01-08, chunk 0: a part of a row is missing\n"
        "day: the list of order events of 2022-01-08, chunk 0: a row is in two parts\n"},
    {5, "day: a row has a key of another form\n"},
};

/* Writes or deletes a row of the day space under a good check tag. */
static void put_raw(crm_txn *txn, crm__slice key, crm__slice payload)
{
    uint8_t value[CRM__DAY_BYTES + CRM__TAG_SIZE];

    memcpy(value, payload.p, payload.n);
    OK(crm__edits_write(txn->kv, txn->store->tag_key, KV_DAY, key, value, payload.n, 0));
}

static void do_harm(crm_txn *txn, int what)
{
    uint8_t list[CRM__KEY_DAY_LIST], key[CRM__KEY_DAY], other[CRM__KEY_DAY], bytes[64];
    const crm__event_kind *kind;
    const crm__model *m;
    crm__slice stored, part = {bytes, 0};
    crm__buf item;

    OK(crm__txn_model(txn, &m, NULL));
    kind = crm__model_event_find(m, "order", 5);
    crm__key_day_list(list, 0, kind->number, BASE_DAY);
    OK(txn->kv->ops->get(txn->kv, KV_DAY, crm__key_day(key, list, 2, 0), &stored));
    part.n = stored.n - CRM__TAG_SIZE;
    ck_assert_uint_le(part.n, sizeof bytes);
    memcpy(bytes, stored.p, part.n);
    switch (what) {
    case 1:
        crm__buf_init(&item, NULL);
        OK(crm__day_item_put(&item, &(crm__day_item){5, 7, 0, {{0, 0, 0}}}));
        OK(crm__edits_item(&txn->edits, crm__slice_of(list, sizeof list),
                           crm__slice_of(item.p, item.n), 1));
        txn->state.changed = 1;
        crm__buf_clear(&item);
        return;
    case 2:
        bytes[1] = (uint8_t)(bytes[1] ^ 8); /* no such unit of time */
        put_raw(txn, crm__slice_of(key, sizeof key), part);
        return;
    case 5:
        put_raw(txn, crm__slice_of(key, 3), part);
        return;
    }
    OK(txn->kv->ops->del(txn->kv, KV_DAY, crm__slice_of(key, sizeof key)));
    if (what == 3)
        put_raw(txn, crm__key_day(other, list, 1, 0), part);
    if (what == 4)
        put_raw(txn, crm__key_day(other, list, 2, 1), part);
}

CRM_TEST(test_db_derive_event__check_tells)
{
    for (size_t i = 0; i < sizeof HARMS / sizeof *HARMS; i++) {
        crm_check_options o = CRM_CHECK_OPTIONS_INIT;
        uint64_t seed = crmtest_seed();
        shop *s = calloc(1, sizeof *s);
        char text[4096] = "", path[64];
        crm_txn *txn;
        crm_db *db;
        snprintf(path, sizeof path, "rm -rf %s", crmtest_path("db"));
        ck_assert_int_eq(system(path), 0);
        s->seed = &seed;
        db = open_shop(s);
        OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
        OK(crm_event_add_json(txn, 2,
                              "{\"kind\":\"order\",\"time\":\"2022-01-08T10:00:00Z\","
                              "\"amount\":\"1 CNY\",\"product\":\"tea\"}",
                              CRM_NUL, NULL, NULL));
        OK(crm_txn_commit(txn, NULL));
        check_sound();
        OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
        do_harm(txn, HARMS[i].what);
        OK(crm_customer_create_json(txn, "{\"name\":\"B\"}", CRM_NUL, NULL, NULL));
        OK(crm_txn_commit(txn, NULL));
        crm_db_close(db);
        o.fault = keep_fault;
        o.fault_ctx = text;
        ck_assert_int_eq(crm_check(crmtest_path("db"), &o, 0, NULL, NULL), CRM_ECORRUPT);
        ck_assert_str_eq(text, HARMS[i].message);
        free(s);
    }
}

/* ---- memory ---- */

/* A check for which memory runs out says so, and not that the database is damaged. */
CRM_TEST(test_db_derive_event__check_without_memory)
{
    uint64_t seed = crmtest_seed();
    shop *s = calloc(1, sizeof *s);
    int rc = CRM_ENOMEM;
    crm_txn *txn;
    crm_db *db;

    s->seed = &seed;
    s->fast[1] = s->fast[2] = 1;
    db = open_shop(s);
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    for (int i = 0; i < 30; i++)
        change(txn, s);
    OK(crm_txn_commit(txn, NULL));
    crm_db_close(db);
    for (int64_t allowed = 0; rc; allowed += allowed < 40 ? 1 : 7) {
        stingy left = {allowed, 0};
        crm_allocator mem = {sizeof mem, stingy_alloc, stingy_realloc, stingy_free, &left};
        crm_check_options o = CRM_CHECK_OPTIONS_INIT;
        o.allocator = &mem;
        rc = crm_check(crmtest_path("db"), &o, 0, NULL, NULL);
        ck_assert_int_eq(rc, rc ? CRM_ENOMEM : CRM_OK);
        ck_assert_int_eq(left.alive, 0);
        ck_assert_int_lt(allowed, 100000);
    }
    free(s);
}
