/* SPDX-License-Identifier: MIT
 * Counts and sums of events of whole days, which are kept, against the same beside a greatest
 * number, for which every list is read: in any zone and window, while events come, go and are
 * corrected, under savepoints, inside crm_db_write(), and with customers deleted.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUSTOMERS = 12 };
#define NOW (INT64_C(1777548153) * 1000000) /* 2026-04-30T11:22:33Z */

static const char MODEL[] = "crm: 1\n"
                            "currency: CNY\n"
                            "fields:\n"
                            "  name: {type: text}\n"
                            "events:\n"
                            "  visit: {attributes: {length: {type: decimal, fast: true}}}\n"
                            "  order: {attributes: {amount: {type: money, fast: true}, pieces: "
                            "{type: integer, fast: true}}}\n";

static const char *const MEASURES[][2] = {
    {"count(order), sum(order.amount), avg(order.amount)", "max(order.amount)"},
    {"count(order), sum(order.pieces), avg(order.pieces)", "min(order.pieces)"},
    {"sum(visit.length), avg(visit.length)", "max(visit.length)"},
    {"count(visit), sum(visit.length)", "min(visit.length)"},
};
static const char *const BY[] = {"", " by day", " by week", " by month", " by year"};
static const char *const WINDOWS[] = {
    "",
    " last 70 days",
    " last 3 months",
    " previous month",
    " since 2026-02-03T07:30:00Z",
    " since 2025-12-31T16:00:00Z",
};
static const char *const ZONES[] = {"UTC", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu"};

/* A request as CSV, without the columns of least and greatest numbers. */
static char *ask(crm_txn *txn, const char *request)
{
    char drop[64] = {0}, *text, *to;
    crm_segment *s;
    crm_numbers *t;
    size_t n, at = 0;
    int column = 0, line = 0;

    OK(crm_segment_parse(txn, "all", CRM_NUL, &s, &er));
    OK(crm_numbers_ask(txn, s, request, CRM_NUL, NULL, &t, &er));
    OK(crm_numbers_csv(t, &text, &n, &er));
    to = malloc(n + 1);
    ck_assert_ptr_nonnull(to);
    for (size_t i = 0; i < n; i++) {
        if (line == 0 && (strncmp(text + i, "max(", 4) == 0 || strncmp(text + i, "min(", 4) == 0))
            drop[column] = 1;
        while (text[i] == '\n' && at && to[at - 1] == ',') /* of what is dropped, or empty */
            at--;
        if (text[i] == '\n' || (text[i] != '\r' && !drop[column]))
            to[at++] = text[i];
        line += text[i] == '\n';
        column = text[i] == '\n' ? 0 : column + (text[i] == ',');
        ck_assert_int_lt(column, 64);
    }
    to[at] = 0;
    crm_free(text);
    crm_numbers_free(t);
    crm_segment_free(s);
    return to;
}

static void compare(uint64_t *seed, crm_txn *txn)
{
    size_t m = crmtest_below(seed, sizeof MEASURES / sizeof *MEASURES);
    size_t b = crmtest_below(seed, sizeof BY / sizeof *BY);
    size_t w = crmtest_below(seed, sizeof WINDOWS / sizeof *WINDOWS);
    char told[300], read[300], *x, *y;

    snprintf(told, sizeof told, "%s%s%s", MEASURES[m][0], BY[b], WINDOWS[w]);
    snprintf(read, sizeof read, "%s, %s%s%s", MEASURES[m][0], MEASURES[m][1], BY[b], WINDOWS[w]);
    x = ask(txn, told);
    y = ask(txn, read);
    ck_assert_msg(strcmp(x, y) == 0, "%s (seed %llu):\n%s\nbut\n%s", told,
                  (unsigned long long)crmtest_seed(), x, y);
    free(x);
    free(y);
}

static void add(uint64_t *seed, crm_txn *txn)
{
    static const int YEARS[] = {1, 1901, 1969, 1970, 9999};
    static const char *const CURRENCY[] = {"CNY", "CNY", "USD"};
    char json[300], value[80] = "";
    crm_id id = 1 + crmtest_below(seed, CUSTOMERS);
    int order = (int)crmtest_below(seed, 2), year = 2025 + (int)crmtest_below(seed, 2), rc;

    if (order && crmtest_below(seed, 5))
        snprintf(value, sizeof value, ",\"amount\":\"%s%d.%02d %s\"",
                 crmtest_below(seed, 9) ? "" : "-", (int)crmtest_below(seed, 5000),
                 (int)crmtest_below(seed, 100), CURRENCY[crmtest_below(seed, 3)]);
    else if (order)
        snprintf(value, sizeof value, ",\"pieces\":%d", (int)crmtest_below(seed, 9));
    else if (crmtest_below(seed, 4))
        snprintf(value, sizeof value, ",\"length\":%d.%d", (int)crmtest_below(seed, 90),
                 (int)crmtest_below(seed, 1000));
    if (crmtest_below(seed, 12) == 0)
        year = YEARS[crmtest_below(seed, sizeof YEARS / sizeof *YEARS)];
    snprintf(json, sizeof json, "{\"kind\":\"%s\",\"time\":\"%04d-%02d-%02dT%02d:%02d:00Z\"%s}",
             order ? "order" : "visit", year,
             1 + (int)crmtest_below(seed, 4), 1 + (int)crmtest_below(seed, 28),
             (int)crmtest_below(seed, 24), (int)crmtest_below(seed, 60), value);
    rc = crm_event_add_json(txn, id, json, CRM_NUL, NULL, &er);
    ck_assert_msg(rc == CRM_OK || rc == CRM_ENOTFOUND, "%s: %s", json, er.message);
}

/* Numbers of events count from 1 for each customer; what is void already says so. */
static void take(uint64_t *seed, crm_txn *txn)
{
    crm_id id = 1 + crmtest_below(seed, CUSTOMERS);
    int rc = crm_event_void(txn, id, 1 + (uint32_t)crmtest_below(seed, 25), &er);

    ck_assert_msg(rc == CRM_OK || rc == CRM_ENOTFOUND || rc == CRM_EEXISTS || rc == CRM_EVALUE,
                  "%d: %s", rc, er.message);
}

static void change(uint64_t *seed, crm_txn *txn, uint64_t most)
{
    for (uint64_t n = crmtest_below(seed, most); n > 0; n--) {
        uint64_t what = crmtest_below(seed, 40);
        crm_id id = 1 + crmtest_below(seed, CUSTOMERS);
        if (what < 10)
            take(seed, txn);
        else if (what == 10)
            (void)crm_customer_delete(txn, id, 0, &er);
        else if (what < 13)
            (void)crm_customer_undelete(txn, id, 0, &er);
        else
            add(seed, txn);
    }
}

static int write_some(crm_txn *txn, void *ctx)
{
    uint64_t *seed = ctx;

    change(seed, txn, 12);
    compare(seed, txn);
    change(seed, txn, 12);
    compare(seed, txn);
    return crmtest_below(seed, 4) ? CRM_OK : CRM_ESTATE;
}

static void in_transaction(uint64_t *seed, crm_db *db, const crm_txn_options *o)
{
    crm_savepoint mark;
    crm_txn *txn;

    OK(crm_txn_begin(db, CRM_WRITE, o, &txn, &er));
    change(seed, txn, 30);
    compare(seed, txn);
    if (crmtest_below(seed, 2)) {
        OK(crm_txn_savepoint(txn, &mark, &er));
        change(seed, txn, 20);
        compare(seed, txn);
        if (crmtest_below(seed, 2))
            OK(crm_txn_rollback(txn, mark, &er));
        else
            OK(crm_txn_release(txn, mark, &er));
        compare(seed, txn);
    }
    if (crmtest_below(seed, 5))
        api_commit(txn);
    else
        crm_txn_abort(txn);
}

CRM_TEST(test_api_number_spans__equal_what_lists_tell)
{
    uint64_t seed = crmtest_seed();
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn;

    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &er));
    for (int i = 0; i < CUSTOMERS; i++)
        api_create(txn, "{\"name\":\"n\"}");
    api_commit(txn);
    for (size_t rounds = crmtest_rounds(150, 3000); rounds-- > 0;) {
        crm_txn_options o = CRM_TXN_OPTIONS_INIT;
        o.zone = ZONES[crmtest_below(&seed, sizeof ZONES / sizeof *ZONES)];
        o.now_us = NOW;
        if (crmtest_below(&seed, 3) == 0) {
            int rc = crm_db_write(db, &o, write_some, &seed, &er);
            ck_assert(rc == CRM_OK || rc == CRM_ESTATE);
        } else {
            in_transaction(&seed, db, &o);
        }
        OK(crm_txn_begin(db, CRM_READ, &o, &txn, &er));
        for (int i = 0; i < 4; i++)
            compare(&seed, txn);
        crm_txn_abort(txn);
    }
    crm_db_close(db);
    api_check_clean(api_path());
}
