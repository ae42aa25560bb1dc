/* SPDX-License-Identifier: MIT
 * What a change of event kinds and attributes loses: counted on the stored events, against a count
 * of the test's own.
 */
#include "help.h"

#include <stdio.h>
#include <string.h>

#define HEAD "crm: 1\ncurrency: CNY\nfields: {name: {type: text}}\n"
#define BASE                                                                                       \
    HEAD "events:\n"                                                                               \
         "  order: {attributes: {amount: {type: integer}, note: {type: text}, "                    \
         "channel: {type: enum, values: [web, shop]}}}\n"                                          \
         "  visit: {attributes: {amount: {type: integer}}}\n"
#define VISIT "  visit: {attributes: {amount: {type: integer}}}\n"

typedef struct seen {
    int losses, changes;
    uint64_t values;
    char text[2000];
} seen;

static void note(const crm_finding *f, void *ctx)
{
    seen *s = ctx;

    s->losses += f->severity == CRM_FINDING_LOSS;
    s->changes += f->severity == CRM_FINDING_CHANGE;
    s->values += f->values;
    strncat(s->text, f->message, sizeof s->text - strlen(s->text) - 2);
    strcat(s->text, "\n");
}

static void add(crm_txn *txn, crm_id id, const char *json)
{
    uint32_t number;

    OK(crm_event_add_json(txn, id, json, CRM_NUL, &number, &er));
}

/* Three customers: 6 orders that count (amounts 0 to 5; notes on 2 of them; 4 by the web, 2 in the
 * shop), one that is voided, 3 visits. */
static crm_db *make(void)
{
    crm_db *db = api_open_model(BASE);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = 0;
    uint32_t number;
    char json[200];

    for (int i = 0; i < 6; i++) {
        if (i % 2 == 0)
            id = api_create(txn, "{\"name\":\"A\"}");
        snprintf(json, sizeof json,
                 "{\"kind\":\"order\",\"time\":\"2026-01-0%dT10:00:00Z\",\"amount\":%d,"
                 "\"channel\":\"%s\"%s}",
                 i + 1, i, i < 4 ? "web" : "shop", i < 2 ? ",\"note\":\"n\"" : "");
        add(txn, id, json);
        if (i % 2 == 0)
            add(txn, id, "{\"kind\":\"visit\",\"time\":\"2026-02-01T10:00:00Z\",\"amount\":100}");
    }
    OK(crm_event_add_json(txn, id,
                          "{\"kind\":\"order\",\"time\":\"2026-03-01T10:00:00Z\",\"amount\":9,"
                          "\"note\":\"n\",\"channel\":\"shop\"}",
                          CRM_NUL, &number, &er));
    OK(crm_event_void(txn, id, number, &er));
    api_commit(txn);
    return db;
}

/* One loss of `values`, told by `message`; refused without CRM_FORCE. */
static void loses(crm_db *db, const char *yaml, uint64_t values, const char *message)
{
    crm_txn *txn = api_begin(db, CRM_WRITE);
    seen s;

    memset(&s, 0, sizeof s);
    IS(values ? CRM_EREFUSED : CRM_OK, crm_model_plan(txn, yaml, CRM_NUL, note, &s, &er));
    ck_assert_msg(s.losses == (values > 0) && s.values == values && strstr(s.text, message),
                  "%d losses of %d\n%s", s.losses, (int)s.values, s.text);
    IS(values ? CRM_EREFUSED : CRM_OK, crm_model_apply(txn, yaml, CRM_NUL, 0, NULL, NULL, &er));
    OK(crm_model_apply(txn, yaml, CRM_NUL, CRM_FORCE, NULL, NULL, &er));
    OK(crm_txn_abort(txn));
}

CRM_TEST(test_api_model_events__losses_are_counted_on_the_stored_events)
{
    crm_db *db = make();

#define ORDER(description) HEAD "events:\n  order: {attributes: {" description "}}\n" VISIT
#define A "amount: {type: integer}"
#define N "note: {type: text}"
#define C "channel: {type: enum, values: [web, shop]}"
    loses(db, HEAD "events:\n" VISIT, 6,
          "order: the event kind is removed; this affects 6 stored events");
    loses(db, ORDER(A ", " C), 2, "order.note: is removed; this affects 2 stored values");
    loses(db, ORDER("amount: {type: decimal}, " N ", " C), 6,
          "order.amount: type integer becomes decimal; this affects 6 stored values");
    loses(db, ORDER("amount: {type: integer, min: 4}, " N ", " C), 4,
          "order.amount: gets a min; this affects 4 stored values");
    loses(db, ORDER("amount: {type: integer, max: 5}, " N ", " C), 0,
          "order.amount: gets a max; no stored value is touched");
    loses(db, ORDER(A ", note: {type: text, required: true}, " C), 4,
          "order.note: becomes required, which 4 events do not have");
    loses(db, ORDER(A ", " N ", channel: {type: enum, values: [web]}"), 2,
          "order.channel: value shop is removed; this affects 2 stored values");
    loses(db, ORDER(A ", " N ", " C ", more: {type: date, required: true}"), 6,
          "order.more: is required, which 6 events do not have");
    loses(db, ORDER("amount: {type: integer, fast: true}, " N ", " C), 0,
          "order.amount: becomes fast; the day lists of order are rebuilt");
    loses(db, BASE "  gone: {}\n", 0, "gone: the event kind is added");
    crm_db_close(db);
    api_check_clean(api_path());
}

/* Pending events are seen too, and what a customer's record holds under a number of an attribute is
 * not touched. */
CRM_TEST(test_api_model_events__what_went_out_of_view_comes_back)
{
    crm_db *db = make();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    seen s;

    add(txn, 1, "{\"kind\":\"order\",\"time\":\"2026-05-01T10:00:00Z\",\"amount\":7}");
    memset(&s, 0, sizeof s);
    IS(CRM_EREFUSED, crm_model_plan(txn, HEAD, CRM_NUL, note, &s, &er));
    ck_assert_uint_eq(s.values, 7 + 3);
    OK(crm_model_apply(txn, HEAD, CRM_NUL, CRM_FORCE, NULL, NULL, &er));
    ck_assert_str_eq(api_member(txn, 1, "name"), "A");
    memset(&s, 0, sizeof s);
    OK(crm_model_apply(txn, BASE, CRM_NUL, 0, note, &s, &er));
    ck_assert(s.losses == 0 && s.changes == 2);
    memset(&s, 0, sizeof s);
    IS(CRM_EREFUSED, crm_model_plan(txn, HEAD, CRM_NUL, note, &s, &er));
    ck_assert_uint_eq(s.values, 7 + 3);
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* The check compares the day lists with what the events say. */
CRM_TEST(test_api_model_events__day_lists_follow_the_model)
{
    static const char *const steps[] = {
        ORDER("amount: {type: integer, fast: true}, " N ", " C),
        ORDER("amount: {type: integer, fast: true}, note: {type: text, fast: true}, " C),
        ORDER("amount: {type: decimal, fast: true}, " N),
        HEAD,
        ORDER(A ", " N ", channel: {type: enum, fast: true, values: [shop, web]}"),
        BASE,
    };
    crm_db *db = make();

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        crm_txn *txn = api_begin(db, CRM_WRITE);
        OK(crm_model_apply(txn, steps[i], CRM_NUL, CRM_FORCE, NULL, NULL, &er));
        if (i != 3)
            add(txn, 2, "{\"kind\":\"order\",\"time\":\"2026-04-01T10:00:00Z\",\"note\":\"m\"}");
        api_commit(txn);
        crm_db_close(db);
        api_check_clean(api_path());
        db = api_open();
    }
    crm_db_close(db);
}
