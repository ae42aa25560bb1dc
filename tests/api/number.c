/* SPDX-License-Identifier: MIT
 * Numbers: what is handed out and refused, days on which clocks are changed, steps of a round
 * width, moving averages; comparisons of segments; actions on them.
 */
#include "help.h"
#include "stingy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char MODEL[] =
    "crm: 1\n"
    "currency: CNY\n"
    "fields:\n"
    "  name: {type: text}\n"
    "  score: {type: integer, max: 1000000}\n"
    "  huge: {type: decimal}\n"
    "  grade: {type: enum, values: [b, a, c]}\n"
    "  code: {type: text, unique: true}\n"
    "tags: {value: {}, ends: {expires: true}}\n"
    "events:\n"
    "  visit: {attributes: {length: {type: decimal, fast: true}, note: {type: text}}}\n"
    "  order: {attributes: {amount: {type: money, fast: true}}}\n";

static crm_txn *begin(crm_db *db, int mode, const char *zone, int64_t now)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.zone = zone;
    o.now_us = now;
    OK(crm_txn_begin(db, mode, &o, &txn, &er));
    return txn;
}

static crm_segment *segment(crm_txn *txn, const char *text)
{
    crm_segment *s;

    OK(crm_segment_parse(txn, text, CRM_NUL, &s, &er));
    return s;
}

/* The CSV of a request over everybody, in a static buffer, with \n for its line ends. */
static const char *csv(crm_txn *txn, const char *request)
{
    static char to[20000];
    crm_segment *s = segment(txn, "all");
    crm_numbers *t;
    char *text;
    size_t n, at = 0;

    OK(crm_numbers_ask(txn, s, request, CRM_NUL, NULL, &t, &er));
    OK(crm_numbers_csv(t, &text, &n, &er));
    ck_assert_uint_lt(n, sizeof to);
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '\r')
            to[at++] = text[i];
    }
    to[at] = 0;
    crm_free(text);
    crm_numbers_free(t);
    crm_segment_free(s);
    return to;
}

/* ---- clocks ---- */

/* Events every 20 minutes around the changes of the clocks, by days and weeks of the zone. */
static void check_zone(const char *zone, int64_t from)
{
    enum { HOURS = 96 };
    static const char *const UNITS[] = {"day", "month"};
    static const char *const FORMATS[] = {"%Y-%m-%d", "%Y-%m"};
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn = begin(db, CRM_WRITE, NULL, 0);
    crm_id id = api_create(txn, "{\"name\":\"n\"}");

    for (int i = 0; i < HOURS * 3; i++) {
        char json[120], at[40];
        time_t time = (time_t)from + i * 1200;
        struct tm t;
        gmtime_r(&time, &t);
        strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &t);
        snprintf(json, sizeof json, "{\"kind\":\"visit\",\"time\":\"%s\"}", at);
        OK(crm_event_add_json(txn, id, json, CRM_NUL, NULL, &er));
    }
    api_commit(txn);
    txn = begin(db, CRM_READ, zone, 0);
    setenv("TZ", zone, 1);
    tzset();
    for (int u = 0; u < 2; u++) {
        char want[4000] = "", request[40], last[20] = "", day[20];
        int count = 0;
        snprintf(request, sizeof request, "count(visit) by %s", UNITS[u]);
        snprintf(want, sizeof want, "%s,count(visit)\n", UNITS[u]);
        for (int i = 0; i <= HOURS * 3; i++) {
            time_t time = (time_t)from + i * 1200;
            struct tm t;
            localtime_r(&time, &t);
            strftime(day, sizeof day, FORMATS[u], &t);
            if (i == HOURS * 3 || (last[0] && strcmp(day, last) != 0)) {
                size_t n = strlen(want);
                snprintf(want + n, sizeof want - n, "%s,%d\n", last, count);
                count = 0;
            }
            memcpy(last, day, sizeof last);
            count++;
        }
        ck_assert_str_eq(csv(txn, request), want);
    }
    setenv("TZ", "UTC", 1);
    tzset();
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_number__days_on_which_clocks_are_changed)
{
    check_zone("Europe/Berlin", 1743116400); /* 2025-03-28: 23 hours on the 30th */
}

CRM_TEST(test_api_number__days_of_25_hours)
{
    check_zone("America/New_York", 1761854400); /* 2025-10-30: 25 hours on 2 November */
}

CRM_TEST(test_api_number__clocks_of_half_an_hour)
{
    check_zone("Australia/Lord_Howe", 1743638400); /* 2025-04-03: half an hour on the 6th */
}

/* ---- steps, order, exactness ---- */

static crm_db *some_customers(void)
{
    static const char *const DOCUMENTS[] = {
        "{\"score\":5,\"grade\":\"a\",\"huge\":\"999999999999999999\"}",
        "{\"score\":17,\"grade\":\"b\",\"huge\":\"999999999999999999\",\"code\":\"x\"}",
        "{\"score\":-3,\"grade\":\"b\",\"huge\":\"0.000000000001\"}", "{\"score\":93}",
        "{\"name\":\"last\"}"};
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn = begin(db, CRM_WRITE, NULL, 0);

    for (size_t i = 0; i < sizeof DOCUMENTS / sizeof *DOCUMENTS; i++)
        api_create(txn, DOCUMENTS[i]);
    api_commit(txn);
    return db;
}

CRM_TEST(test_api_number__rows_are_in_order_and_without_gaps)
{
    crm_db *db = some_customers();
    crm_txn *txn = begin(db, CRM_READ, NULL, 0);

    ck_assert_str_eq(csv(txn, "count by grade"), "grade,count\nb,2\na,1\n,2\n");
    ck_assert_str_eq(csv(txn, "count by score in 5 steps"),
                     "score in 5 steps,count\n-20,1\n0,2\n20,0\n40,0\n60,0\n80,1\n,1\n");
    ck_assert_str_eq(csv(txn, "count by score every 50"),
                     "score every 50,count\n-50,1\n0,2\n50,1\n,1\n");
    ck_assert_str_eq(csv(txn, "count by huge in 1 steps"), "huge in 1 steps,count\n0,3\n,2\n");
    ck_assert_str_eq(csv(txn, "count by score every 7, grade"),
                     "score every 7,grade,count\n-7,b,1\n0,a,1\n14,b,1\n91,,1\n,,1\n");
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_number__nothing_is_rounded_but_averages)
{
    crm_db *db = some_customers();
    crm_txn *txn = begin(db, CRM_READ, NULL, 0);

    ck_assert_str_eq(csv(txn, "sum(huge), min(huge), max(huge), distinct(huge)"),
                     "sum(huge),min(huge),max(huge),distinct(huge)\n"
                     "1999999999999999998.000000000001,0.000000000001,999999999999999999,2\n");
    ck_assert_str_eq(csv(txn, "avg(score), median(score), percentile 75 (score), "
                              "percentile 75.001 (score), percentile 0 (score)"),
                     "avg(score),median(score),percentile 75 (score),percentile 75.001 (score),"
                     "percentile 0 (score)\n28,5,17,93,-3\n");
    ck_assert_str_eq(csv(txn, "count(order), sum(order.amount), avg(order.amount)"),
                     "count(order),sum(order.amount),avg(order.amount)\n0,0,\n");
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_number__moving_averages)
{
    static const char *const EVENTS[] = {
        "{\"kind\":\"visit\",\"time\":\"2026-01-05\",\"length\":\"1\"}",
        "{\"kind\":\"visit\",\"time\":\"2026-01-06\",\"length\":\"2\"}",
        "{\"kind\":\"visit\",\"time\":\"2026-03-01\",\"length\":\"4\"}",
        "{\"kind\":\"visit\",\"time\":\"2026-04-01\",\"length\":\"2\"}"};
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn = begin(db, CRM_WRITE, NULL, 0);
    crm_id id = api_create(txn, "{\"name\":\"n\"}");

    for (int i = 0; i < 4; i++)
        OK(crm_event_add_json(txn, id, EVENTS[i], CRM_NUL, NULL, &er));
    ck_assert_str_eq(csv(txn, "count(visit), avg(visit.length) by month moving 3"),
                     "month,count(visit),avg(visit.length),moving 3 count(visit),"
                     "moving 3 avg(visit.length)\n"
                     "2026-01,2,1.5,,\n2026-02,0,,,\n2026-03,1,4,1,2.333333\n"
                     "2026-04,1,2,0.666667,3\n");
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_number__each_currency_moves_over_every_month)
{
    static const char *const EVENTS[] = {
        "{\"kind\":\"order\",\"time\":\"2026-01-05\",\"amount\":\"30 CNY\"}",
        "{\"kind\":\"order\",\"time\":\"2026-01-06\",\"amount\":\"9 USD\"}",
        "{\"kind\":\"order\",\"time\":\"2026-04-05\",\"amount\":\"1 CNY\"}"};
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn = begin(db, CRM_WRITE, NULL, 0);
    crm_id id = api_create(txn, "{\"name\":\"n\"}");

    for (int i = 0; i < 3; i++)
        OK(crm_event_add_json(txn, id, EVENTS[i], CRM_NUL, NULL, &er));
    ck_assert_str_eq(csv(txn, "count(order), sum(order.amount) by month moving 3"),
                     "month,currency,count(order),sum(order.amount),moving 3 count(order),"
                     "moving 3 sum(order.amount)\n"
                     "2026-01,CNY,2,30,,\n2026-01,USD,,9,,\n"
                     "2026-02,CNY,0,0,,\n2026-02,USD,,0,,\n"
                     "2026-03,CNY,0,0,0.666667,10\n2026-03,USD,,0,,3\n"
                     "2026-04,CNY,1,1,0.333333,0.333333\n2026-04,USD,,0,,0\n");
    crm_txn_abort(txn);
    crm_db_close(db);
}

typedef struct asked {
    int calls, most;
} asked;

static int stop_after(uint64_t done, uint64_t total, void *ctx)
{
    asked *a = ctx;

    (void)done;
    (void)total;
    return ++a->calls > a->most;
}

/* The host is asked more often for the second request than for the first, and can end it. */
static void check_asked(crm_txn *txn, crm_segment *s, const char *few, const char *more)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    asked a = {0, 1000000};
    crm_numbers *t;

    o.progress = stop_after;
    o.progress_ctx = &a;
    OK(crm_numbers_ask(txn, s, few, CRM_NUL, &o, &t, &er));
    crm_numbers_free(t);
    a.most = a.calls;
    a.calls = 0;
    ck_assert_int_eq(crm_numbers_ask(txn, s, more, CRM_NUL, &o, &t, &er), CRM_ECANCELLED);
}

/* As many rows and columns as customers: what exists is gone over, not every pair. */
CRM_TEST(test_api_number__two_groupings_of_many_groups)
{
    enum { CUSTOMERS = 3000 };
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn = begin(db, CRM_WRITE, NULL, 0);
    crm_segment *s;
    crm_numbers *t;
    size_t rows;

    for (int i = 0; i < CUSTOMERS; i++) {
        char json[80];
        snprintf(json, sizeof json, "{\"score\":%d,\"huge\":\"%d\"}", i, i * 7 % CUSTOMERS);
        api_create(txn, json);
    }
    s = segment(txn, "all");
    OK(crm_numbers_ask(txn, s, "count by score every 1, huge every 1", CRM_NUL, NULL, &t, &er));
    crm_numbers_size(t, &rows, NULL, NULL);
    ck_assert_uint_eq(rows, CUSTOMERS);
    check_asked(txn, s, "count", "count by score every 1, huge every 1");
    for (int i = 0; i < CUSTOMERS; i++) {
        crm_number_group a, b;
        OK(crm_numbers_group(t, (size_t)i, 0, &a, &er));
        OK(crm_numbers_group(t, (size_t)i, 1, &b, &er));
        ck_assert_int_eq(strtol(a.text, NULL, 10), i);
        ck_assert_int_eq(strtol(b.text, NULL, 10), i * 7 % CUSTOMERS);
    }
    crm_numbers_free(t);
    crm_segment_free(s);
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* ---- what is handed out ---- */

static int stop(uint64_t done, uint64_t total, void *ctx)
{
    (void)done;
    (void)total;
    (void)ctx;
    return 1;
}

CRM_TEST(test_api_number__what_is_handed_out_and_refused)
{
    crm_db *db = some_customers();
    crm_txn *txn = begin(db, CRM_READ, NULL, 0);
    crm_segment *s = segment(txn, "all");
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_number_group g;
    crm_number_value v;
    crm_numbers *t;
    char *text;
    size_t rows, groups, values;

    IS(CRM_EINVAL, crm_numbers_ask(txn, NULL, "count", CRM_NUL, NULL, &t, &er));
    IS(CRM_EINVAL, crm_numbers_ask(txn, s, NULL, 0, NULL, &t, &er));
    IS(CRM_EINVAL, crm_numbers_ask(txn, s, "count", CRM_NUL, NULL, NULL, &er));
    IS(CRM_ESYNTAX, crm_numbers_ask(txn, s, "cuont", CRM_NUL, NULL, &t, &er));
    ck_assert_int_eq((int)er.offset, 0);
    IS(CRM_EFIELD, crm_numbers_ask(txn, s, "count by name", CRM_NUL, NULL, &t, &er));
    IS(CRM_EFIELD, crm_numbers_ask(txn, s, "sum(scroe)", CRM_NUL, NULL, &t, &er));
    ck_assert_int_eq((int)er.offset, 4);
    ck_assert_ptr_null(t);
    o.progress = stop;
    IS(CRM_ECANCELLED, crm_numbers_ask(txn, s, "count", CRM_NUL, &o, &t, &er));
    OK(crm_numbers_ask(txn, s, "COUNT by x", 5, NULL, &t, &er));
    ck_assert_str_eq(crm_numbers_text(t), "count");
    crm_numbers_free(t);
    OK(crm_numbers_ask(txn, s, "count, distinct(name) by grade", CRM_NUL, NULL, &t, &er));
    crm_segment_free(s);
    crm_txn_abort(txn);
    crm_db_close(db); /* the table outlives them */
    crm_numbers_size(t, &rows, &groups, &values);
    ck_assert_int_eq((int)(rows * 100 + groups * 10 + values), 312);
    ck_assert_str_eq(crm_numbers_head(t, 0), "grade");
    ck_assert_str_eq(crm_numbers_head(t, 2), "distinct(name)");
    ck_assert_ptr_null(crm_numbers_head(t, 3));
    ck_assert_str_eq(crm_numbers_how(t, 0), "rows");
    ck_assert_str_eq(crm_numbers_how(t, 1), "record");
    ck_assert_ptr_null(crm_numbers_how(t, 2));
    OK(crm_numbers_group(t, 2, 0, &g, &er));
    ck_assert(g.kind == CRM_GROUP_NONE && !g.text[0]);
    OK(crm_numbers_value(t, 0, 0, &v, &er));
    ck_assert(v.of == 2 && v.number == 2 && strcmp(v.text, "2") == 0);
    IS(CRM_EINVAL, crm_numbers_group(t, 3, 0, &g, &er));
    IS(CRM_EINVAL, crm_numbers_group(t, 0, 1, &g, &er));
    IS(CRM_EINVAL, crm_numbers_value(t, 0, 2, &v, &er));
    IS(CRM_EINVAL, crm_numbers_value(NULL, 0, 0, &v, &er));
    IS(CRM_EINVAL, crm_numbers_value(t, 0, 0, NULL, &er));
    ck_assert_str_eq(crm_numbers_currency(t, 0), "");
    ck_assert_str_eq(crm_numbers_currency(t, 9), "");
    OK(crm_numbers_json(t, &text, NULL, &er));
    ck_assert_ptr_nonnull(strstr(text, "\"rows\":[{\"groups\":[\"b\"],\"values\":[2,0]}"));
    crm_free(text);
    IS(CRM_EINVAL, crm_numbers_json(t, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_numbers_csv(NULL, &text, NULL, &er));
    crm_numbers_free(t);
    crm_numbers_free(NULL);
    ck_assert_str_eq(crm_numbers_text(NULL), "");
}

/* ---- comparisons ---- */

CRM_TEST(test_api_number__two_segments_and_two_moments)
{
    crm_db *db = some_customers();
    crm_txn *txn = begin(db, CRM_WRITE, NULL, 0);
    crm_compare_options o = CRM_COMPARE_OPTIONS_INIT, other;
    crm_comparison c = {9, 9, 9};
    crm_segment *a, *b;
    const int64_t day = INT64_C(86400000000), march = INT64_C(1772323200000000);

    OK(crm_event_add_json(txn, 1, "{\"kind\":\"visit\",\"time\":\"2026-02-20\"}", CRM_NUL, NULL,
                          &er));
    OK(crm_event_add_json(txn, 2, "{\"kind\":\"visit\",\"time\":\"2026-02-01\"}", CRM_NUL, NULL,
                          &er));
    OK(crm_customer_delete(txn, 4, 0, &er));
    a = segment(txn, "score > 0");
    b = segment(txn, "score < 10 or name is not empty");
    OK(crm_segment_compare(txn, a, b, NULL, &c, &er));
    ck_assert_int_eq((int)(c.both * 100 + c.left * 10 + c.right), 112);
    crm_segment_free(a);
    a = segment(txn, "event(visit, last 14 days)");
    o.left_now_us = march - 25 * day;
    o.right_now_us = march;
    OK(crm_segment_compare(txn, a, a, &o, &c, &er));
    ck_assert_int_eq((int)(c.both * 100 + c.left * 10 + c.right), 11);
    crm_compare_options_init(&other);
    ck_assert_int_eq((int)other.size, (int)sizeof other);
    other.progress = stop;
    IS(CRM_ECANCELLED, crm_segment_compare(txn, a, b, &other, &c, &er));
    IS(CRM_EINVAL, crm_segment_compare(txn, NULL, b, NULL, &c, &er));
    IS(CRM_EINVAL, crm_segment_compare(txn, a, NULL, NULL, &c, &er));
    IS(CRM_EINVAL, crm_segment_compare(txn, a, b, NULL, NULL, &er));
    crm_segment_free(a);
    a = segment(txn, "segment(nobody)");
    IS(CRM_ENOTFOUND, crm_segment_compare(txn, b, a, NULL, &c, &er));
    crm_segment_free(a);
    crm_segment_free(b);
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* The last whole number there is, and the one behind it, which is none of 64 bits. */
CRM_TEST(test_api_number__a_step_at_the_end_of_the_numbers)
{
    crm_db *db = api_open_model("crm: 1\nfields:\n  points: {type: integer}\n");
    crm_txn *txn = begin(db, CRM_WRITE, NULL, 0);
    crm_segment *s = segment(txn, "all");
    crm_number_group g;
    crm_numbers *t;

    api_create(txn, "{\"points\":9223372036854775807}");
    OK(crm_numbers_ask(txn, s, "count by points every 1", CRM_NUL, NULL, &t, &er));
    OK(crm_numbers_group(t, 0, 0, &g, &er));
    ck_assert_str_eq(g.text, "9223372036854775807");
    ck_assert_str_eq(g.until, "9223372036854775808");
    crm_numbers_free(t);
    crm_segment_free(s);
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* ---- actions ---- */

static uint64_t count(crm_txn *txn, const char *text)
{
    crm_segment *s = segment(txn, text);
    uint64_t n;

    OK(crm_segment_count(txn, s, NULL, &n, &er));
    crm_segment_free(s);
    return n;
}

CRM_TEST(test_api_number__actions_are_one_batch)
{
    crm_db *db = some_customers();
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_segment_action acts[] = {{CRM_ACT_TAG, 0, "value:x", NULL, 0},
                                 {CRM_ACT_PATCH, 0, "{\"score\":500}", NULL, 0},
                                 {CRM_ACT_EVENT, 0, "{\"kind\":\"visit\"}", NULL, 0},
                                 {CRM_ACT_UNTAG, 0, "value:x", NULL, 0},
                                 {CRM_ACT_TAG, 0, "value:y", NULL, 0}};
    crm_undo_result undone = {.size = sizeof undone};
    uint64_t customers, batch;
    crm_segment *s;
    crm_txn *txn;

    o.batch = CRM_BATCH_NEW;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    s = segment(txn, "score < 20");
    OK(crm_segment_act(txn, s, acts, 5, NULL, &customers, &er));
    ck_assert_int_eq((int)customers, 3);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq((int)acts[i].changed, 3);
    ck_assert_int_eq((int)count(txn, "score = 500 and tag(value:y) and event(visit) and "
                                     "not tag(value:x)"),
                     3);
    batch = crm_txn_batch(txn);
    api_commit(txn);
    txn = begin(db, CRM_READ, NULL, 0);
    ck_assert_int_eq((int)count(txn, "score = 500 and tag(value:y)"), 3);
    crm_txn_abort(txn);
    txn = begin(db, CRM_WRITE, NULL, 0);
    OK(crm_undo(txn, batch, 0, NULL, NULL, &undone, &er));
    ck_assert_int_eq((int)count(txn, "score < 20 and not tag(value:y) and not event(visit)"), 3);
    crm_segment_free(s);
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* What nobody could be given is refused before anybody is looked at, and nothing is saved then. */
CRM_TEST(test_api_number__actions_on_nobody_are_read_all_the_same)
{
    static const struct {
        uint32_t what;
        int rc;
        const char *text;
    } WRONG[] = {{CRM_ACT_PATCH, CRM_EVALUE, "{\"score\":\"abc\"}"},
                 {CRM_ACT_PATCH, CRM_EFIELD, "{\"scoer\":1}"},
                 {CRM_ACT_PATCH, CRM_ESYNTAX, "{\"score\":1"},
                 {CRM_ACT_EVENT, CRM_EFIELD, "{\"kind\":\"vizit\"}"},
                 {CRM_ACT_EVENT, CRM_EVALUE, "{}"},
                 {CRM_ACT_EVENT, CRM_ESYNTAX, "[]"},
                 {CRM_ACT_TAG, CRM_EFIELD, "none:x"}};
    crm_db *db = some_customers();
    crm_txn *txn = begin(db, CRM_WRITE, NULL, 0);
    crm_segment *s = segment(txn, "score > 1000000");
    uint64_t revision = crm_txn_revision(txn), customers;

    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        crm_segment_action acts[] = {{CRM_ACT_SAVE, 0, "nobody", NULL, 0},
                                     {WRONG[i].what, 0, WRONG[i].text, NULL, 0}};
        IS(WRONG[i].rc, crm_segment_act(txn, s, acts, 2, NULL, NULL, &er));
        ck_assert_uint_eq(crm_txn_revision(txn), revision);
    }
    {
        crm_segment_action acts[] = {{CRM_ACT_PATCH, 0, "{\"score\":5}", NULL, 0},
                                     {CRM_ACT_EVENT, 0, "{\"kind\":\"visit\"}", NULL, 0}};
        OK(crm_segment_act(txn, s, acts, 2, NULL, &customers, &er));
        ck_assert(customers == 0 && acts[0].changed == 0 && acts[1].changed == 0);
    }
    crm_segment_free(s);
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* Of a patch the tags and events count like fields, once, in a batch and without one. */
CRM_TEST(test_api_number__patches_tell_whom_they_changed)
{
    static const char *const PATCH[] = {
        "{\"score\":7}", "{\"tags\":[\"value:x\"]}",
        "{\"events\":[{\"kind\":\"visit\",\"reference\":\"r1\",\"time\":\"2026-01-01\",\"source\":\"s\"}]}",
        "{\"tags\":{\"remove\":[\"value:x\"]}}"};
    crm_db *db = some_customers();

    for (int batch = 0; batch < 2; batch++) {
        crm_txn_options o = CRM_TXN_OPTIONS_INIT;
        crm_segment *s;
        crm_txn *txn;
        o.batch = batch ? CRM_BATCH_NEW : 0;
        OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
        s = segment(txn, "id <= 3");
        for (int i = 0; i < 8; i++) {
            crm_segment_action act = {CRM_ACT_PATCH, 0, PATCH[i / 2], NULL, 0};
            OK(crm_segment_act(txn, s, &act, 1, NULL, NULL, &er));
            ck_assert_msg(act.changed == (i % 2 ? 0 : 3), "%d: %s: %d", batch, PATCH[i / 2],
                          (int)act.changed);
        }
        crm_segment_free(s);
        crm_txn_abort(txn);
    }
    crm_db_close(db);
}

CRM_TEST(test_api_number__who_is_acted_on_is_saved_in_the_batch)
{
    crm_db *db = some_customers();
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_segment_action acts[] = {{CRM_ACT_PATCH, 0, "{\"score\":500}", NULL, 0},
                                 {CRM_ACT_SAVE, 0, "spring", NULL, 0},
                                 {CRM_ACT_SAVE, 0, "two words", NULL, 0}};
    crm_undo_result undone = {.size = sizeof undone};
    uint64_t customers, batch, all, before;
    crm_segment *s;
    crm_txn *txn;

    o.batch = CRM_BATCH_NEW;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    all = count(txn, "all");
    before = crm_txn_revision(txn);
    s = segment(txn, "score < 20");
    OK(crm_segment_act(txn, s, acts, 3, NULL, &customers, &er));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq((int)acts[i].changed, 3);
    ck_assert_int_eq((int)count(txn, "segment(spring) and segment(\"two words\") and score = 500"),
                     3);
    IS(CRM_ESTATE, crm_segment_act(txn, s, acts + 1, 1, NULL, NULL, &er)); /* the batch is open */
    ck_assert_int_eq((int)count(txn, "segment(spring)"), 3);
    batch = crm_txn_batch(txn);
    ck_assert_uint_eq(batch, before + 3); /* two names in front of it */
    api_commit(txn);

    /* others in their place, and back */
    acts[1].flags = CRM_SEGMENT_REPLACE;
    crm_segment_free(s);
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    s = segment(txn, "not segment(spring)");
    IS(CRM_EEXISTS, crm_segment_act(txn, s, acts + 2, 1, NULL, NULL, &er));
    OK(crm_segment_act(txn, s, acts + 1, 1, NULL, &customers, &er));
    ck_assert_uint_eq(customers, all - 3);
    ck_assert_uint_eq(acts[1].changed, all);
    ck_assert_uint_eq(count(txn, "segment(spring) and score != 500"), all - 3);
    ck_assert_uint_eq(count(txn, "segment(spring)"), all - 3);
    batch = crm_txn_batch(txn);
    api_commit(txn);
    txn = begin(db, CRM_WRITE, NULL, 0);
    OK(crm_undo(txn, batch, 0, NULL, NULL, &undone, &er));
    ck_assert_uint_eq(count(txn, "segment(spring) and score = 500"), 3);
    ck_assert_uint_eq(count(txn, "segment(spring)"), 3);

    /* without a batch, of nobody, and dropped with the transaction */
    crm_segment_free(s);
    s = segment(txn, "none");
    OK(crm_segment_act(txn, s, acts + 1, 1, NULL, &customers, &er));
    ck_assert_uint_eq(acts[1].changed, 3);
    ck_assert_uint_eq(count(txn, "segment(spring)"), 0);
    crm_txn_abort(txn);
    txn = begin(db, CRM_READ, NULL, 0);
    ck_assert_uint_eq(count(txn, "segment(spring)"), all - 3);
    crm_txn_abort(txn);
    crm_segment_free(s);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_number__an_action_that_fails_changes_nothing)
{
    crm_db *db = some_customers();
    crm_txn *txn = begin(db, CRM_WRITE, NULL, 0);
    crm_segment_action acts[] = {{CRM_ACT_TAG, 0, "value:x", NULL, 0},
                                 {CRM_ACT_PATCH, 0, "{\"code\":\"same\"}", NULL, 0}};
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_segment *s = segment(txn, "all");
    uint64_t customers;

    IS(CRM_EEXISTS, crm_segment_act(txn, s, acts, 2, NULL, &customers, &er));
    ck_assert_int_eq((int)acts[0].changed, 0);
    ck_assert_int_eq((int)count(txn, "tag(value:x) or code = same"), 0);
    acts[1].text = "{\"score\":1";
    IS(CRM_ESYNTAX, crm_segment_act(txn, s, acts, 2, NULL, &customers, &er));
    acts[1].text = "{\"scroe\":1}";
    IS(CRM_EFIELD, crm_segment_act(txn, s, acts, 2, NULL, &customers, &er));
    ck_assert_int_eq((int)count(txn, "tag(value:x)"), 0);
    o.progress = stop;
    IS(CRM_ECANCELLED, crm_segment_act(txn, s, acts, 1, &o, &customers, &er));
    acts[1].what = CRM_ACT_SAVE;
    acts[1].text = "a\nb";
    IS(CRM_EINVAL, crm_segment_act(txn, s, acts, 2, NULL, &customers, &er));
    acts[1].text = "saved";
    acts[1].flags = CRM_SEGMENT_STATIC;
    IS(CRM_EINVAL, crm_segment_act(txn, s, acts, 2, NULL, &customers, &er));
    acts[1].flags = 0;
    acts[0].flags = CRM_SEGMENT_REPLACE;
    IS(CRM_EINVAL, crm_segment_act(txn, s, acts, 2, NULL, &customers, &er));
    acts[0].flags = 0;
    ck_assert_int_eq((int)count(txn, "tag(value:x)"), 0);
    acts[1].what = 9;
    IS(CRM_EINVAL, crm_segment_act(txn, s, acts, 2, NULL, &customers, &er));
    IS(CRM_EINVAL, crm_segment_act(txn, s, NULL, 1, NULL, &customers, &er));
    IS(CRM_EINVAL, crm_segment_act(txn, NULL, acts, 1, NULL, &customers, &er));
    OK(crm_segment_act(txn, s, NULL, 0, NULL, NULL, &er));
    OK(crm_segment_act(txn, s, acts, 1, NULL, &customers, &er));
    ck_assert_int_eq((int)acts[0].changed, 5);
    crm_segment_free(s);
    api_commit(txn);
    txn = begin(db, CRM_READ, NULL, 0);
    s = segment(txn, "all");
    IS(CRM_ESTATE, crm_segment_act(txn, s, acts, 1, NULL, &customers, &er));
    crm_segment_free(s);
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* ---- without memory ---- */

/* What is asked or done while fewer and fewer allocations succeed: CRM_ENOMEM, or all of it. */
static void starve(int mode, int (*call)(crm_txn *txn, crm_segment *s))
{
    stingy mem = {INT64_MAX, 0};
    const crm_allocator allocator = {sizeof(crm_allocator), stingy_alloc, stingy_realloc,
                                     stingy_free, &mem};
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    int rc = CRM_ENOMEM;
    crm_db *db;

    crm_db_close(some_customers());
    o.allocator = &allocator;
    OK(crm_db_open(api_path(), &o, &db, &er));
    for (int64_t left = 0; rc == CRM_ENOMEM; left++) {
        crm_txn *txn = begin(db, mode, NULL, 0);
        crm_segment *s = segment(txn, "score < 50");
        int64_t before = mem.alive;
        ck_assert_int_lt((int)left, 2000);
        mem.left = left;
        rc = call(txn, s);
        mem.left = INT64_MAX;
        ck_assert_msg(rc == CRM_OK || rc == CRM_ENOMEM, "%s", er.message);
        if (mode == CRM_READ && rc == CRM_ENOMEM)
            ck_assert_int_le((int)mem.alive, (int)before + 8); /* what a transaction keeps */
        crm_segment_free(s);
        crm_txn_abort(txn);
    }
    ck_assert_int_eq(rc, CRM_OK);
    crm_db_close(db);
    ck_assert_int_eq((int)mem.alive, 0);
}

static int ask_much(crm_txn *txn, crm_segment *s)
{
    crm_numbers *t;
    char *text;
    int rc = crm_numbers_ask(txn, s,
                             "count, avg(score), median(huge), distinct(name), distinct(grade), "
                             "max(updated_at) by score in 3 steps, grade",
                             CRM_NUL, NULL, &t, &er);

    if (rc)
        return rc;
    rc = crm_numbers_json(t, &text, NULL, &er);
    if (!rc)
        crm_free(text);
    if (!rc)
        rc = crm_numbers_csv(t, &text, NULL, &er);
    if (!rc)
        crm_free(text);
    crm_numbers_free(t);
    return rc;
}

static int ask_events(crm_txn *txn, crm_segment *s)
{
    crm_numbers *t;
    int rc = crm_numbers_ask(txn, s,
                             "count(visit), sum(visit.length), count(order), sum(order.amount) by "
                             "grade, week last 5 weeks",
                             CRM_NUL, NULL, &t, &er);

    crm_numbers_free(t);
    return rc;
}

static int compare_both(crm_txn *txn, crm_segment *s)
{
    crm_comparison c;

    return crm_segment_compare(txn, s, s, NULL, &c, &er);
}

static int act_on(crm_txn *txn, crm_segment *s)
{
    crm_segment_action acts[] = {{CRM_ACT_TAG, 0, "value:x", NULL, 0},
                                 {CRM_ACT_PATCH, 0, "{\"grade\":\"c\"}", NULL, 0},
                                 {CRM_ACT_EVENT, 0, "{\"kind\":\"visit\"}", NULL, 0},
                                 {CRM_ACT_SAVE, CRM_SEGMENT_REPLACE, "them", NULL, 0}};

    return crm_segment_act(txn, s, acts, 4, NULL, NULL, &er);
}

CRM_TEST(test_api_number__without_memory_nothing_is_lost)
{
    starve(CRM_READ, ask_much);
}

CRM_TEST(test_api_number__without_memory_events)
{
    starve(CRM_READ, ask_events);
}

CRM_TEST(test_api_number__without_memory_comparisons)
{
    starve(CRM_READ, compare_both);
}

CRM_TEST(test_api_number__without_memory_actions)
{
    starve(CRM_WRITE, act_on);
}
