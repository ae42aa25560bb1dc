/* SPDX-License-Identifier: MIT
 * What messages advise: it works, and what they take a word for is what was meant.
 */
#include "help.h"

#include <stdio.h>
#include <string.h>

static crm_segment *parse(crm_txn *txn, const char *text)
{
    crm_segment *s;

    OK(crm_segment_parse(txn, text, CRM_NUL, &s, &er));
    return s;
}

static int no_line(const crm_facet *f, void *ctx)
{
    (void)f;
    (void)ctx;
    return 0;
}

/* What can't be counted by says what can be done; what it says the model and numbers take. */
CRM_TEST(test_api_segment_advice__facets_advise_what_works)
{
    static const char *const NAMES[] = {"n",    "d", "m", "own",  "day", "at",
                                        "flag", "t", "u", "mail", "off"};
    static const char *const FIELDS = "crm: 1\nname: advice\nfields:\n"
                                 "  n: {type: integer}\n"
                                 "  d: {type: decimal}\n"
                                 "  m: {type: money}\n"
                                 "  own: {type: money, currency: EUR}\n"
                                 "  day: {type: date}\n"
                                 "  at: {type: datetime}\n"
                                 "  flag: {type: boolean%s}\n"
                                 "  t: {type: text%s}\n"
                                 "  u: {type: url%s}\n"
                                 "  mail: {type: email}\n"
                                 "  off: {type: integer%s}\n";
    char model[1000], request[100];
    int requests = 0, indexes = 0, without = 0;
    crm_segment *s;
    crm_numbers *t;
    crm_txn *txn;
    crm_db *db;

    snprintf(model, sizeof model, FIELDS, ", index: false", "", "", ", index: false");
    db = api_open_model(model);
    txn = api_begin(db, CRM_READ);
    s = parse(txn, "all");
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        const char *from;
        IS(CRM_EFIELD, crm_segment_facet(txn, s, NAMES[i], NULL, no_line, NULL, &er));
        ck_assert_str_eq(er.field, NAMES[i]);
        indexes += strstr(er.message, "`index: values`") != NULL;
        without += strstr(er.message, "without `index: false`") != NULL;
        from = strstr(er.message, "`count by ");
        if (!from)
            continue;
        snprintf(request, sizeof request, "%s", from + 1);
        *strchr(request, '`') = 0;
        OK(crm_numbers_ask(txn, s, request, CRM_NUL, NULL, &t, &er));
        crm_numbers_free(t);
        requests++;
    }
    ck_assert_int_eq(requests, 6);
    ck_assert_int_eq(indexes, 2);
    ck_assert_int_eq(without, 2);
    crm_segment_free(s);
    crm_txn_abort(txn);
    snprintf(model, sizeof model, FIELDS, "", ", index: values", ", index: values", "");
    txn = api_begin(db, CRM_WRITE);
    OK(crm_model_apply(txn, model, strlen(model), 0, NULL, NULL, &er));
    s = parse(txn, "all");
    for (int i = 6; i < 9; i++)
        OK(crm_segment_facet(txn, s, NAMES[i], NULL, no_line, NULL, &er));
    OK(crm_numbers_ask(txn, s, "count by off in 3 steps", CRM_NUL, NULL, &t, &er));
    crm_numbers_free(t);
    crm_segment_free(s);
    api_commit(txn);
    crm_db_close(db);
}

/* A name that is nearly one of what may stand there. */
CRM_TEST(test_api_segment_advice__near_names)
{
    static const struct {
        int code;
        const char *text, *meant;
    } SEGMENTS[] = {{CRM_ESYNTAX, "event(order, last 3 mnths)", "months"},
                    {CRM_ESYNTAX, "day in this mnth", "month"},
                    {CRM_ESYNTAX, "day in previuos month", "previous"},
                    {CRM_ESYNTAX, "anniversary(day) in nxt 7 days", "next"},
                    {CRM_EFIELD, "event(order, lats 3 months)", "last"},
                    {CRM_EFIELD, "event(*, snce 2026)", "since"},
                    {CRM_EFIELD, "event(order, amuont > 3)", "amount"},
                    {CRM_EFIELD, "event(order, xyzzy > 3)", NULL},
                    {CRM_EVALUE, "grade = gooo", "good"},
                    {CRM_EVALUE, "grade = zzz", NULL}},
      NUMBERS[] = {{CRM_EFIELD, "count by mnth", "month"},
                   {CRM_EFIELD, "count(order) by quartr", "quarter"},
                   {CRM_EFIELD, "count by regoin", "region"},
                   {CRM_EFIELD, "count by tgas", "tags"},
                   {CRM_EFIELD, "count(order) by soruce", "source"},
                   {CRM_EFIELD, "count by grdae", "grade"},
                   {CRM_EFIELD, "sum(mnth)", NULL}},
      FACETS[] = {{CRM_EFIELD, "regoin", "region"}, {CRM_EFIELD, "grdae", "grade"},
                  {CRM_EFIELD, "tgas", "tags"},     {CRM_EFIELD, "knd", "kind"},
                  {CRM_EFIELD, "xyzzy", NULL},      {CRM_EFIELD, "field(grdae)", "grade"},
                  {CRM_EFIELD, "field(regoin)", NULL}},
      CREATED[] = {{CRM_EVALUE, "{\"grade\":\"gooo\"}", "good"},
                   {CRM_EVALUE, "{\"grade\":\"zzz\"}", NULL}};
    crm_db *db = api_open_model("crm: 1\nname: near\nfields:\n"
                                "  day: {type: date}\n"
                                "  grade: {type: enum, values: [good, fair, poor]}\n"
                                "tags:\n  region: {}\n"
                                "events:\n  order: {attributes: {amount: {type: integer}}}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_segment *all = parse(txn, "all"), *s;
    crm_numbers *n;
    char meant[100];
    crm_id none, id = api_create(txn, "{\"grade\":\"good\"}");

#define EACH(list, call)                                                                           \
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {                                    \
        IS(list[i].code, call);                                                                    \
        snprintf(meant, sizeof meant, "did you mean \"%s\"", list[i].meant ? list[i].meant : "");  \
        ck_assert_msg(list[i].meant ? strstr(er.message, meant) != NULL                            \
                                    : !strstr(er.message, "did you mean"),                         \
                      "%s: %s", list[i].text, er.message);                                         \
    }
    EACH(SEGMENTS, crm_segment_parse(txn, SEGMENTS[i].text, CRM_NUL, &s, &er))
    EACH(NUMBERS, crm_numbers_ask(txn, all, NUMBERS[i].text, CRM_NUL, NULL, &n, &er))
    EACH(FACETS, crm_segment_facet(txn, all, FACETS[i].text, NULL, no_line, NULL, &er))
    EACH(CREATED, crm_customer_create_json(txn, CREATED[i].text, CRM_NUL, &none, &er))
    EACH(CREATED, crm_customer_patch_json(txn, id, 0, CREATED[i].text, CRM_NUL, &er))
    crm_segment_free(all);
    api_commit(txn);
    crm_db_close(db);
}
