/* SPDX-License-Identifier: MIT
 * Corrections of corrections, by every door; what is kept of them in totals; who recorded an event
 * and when; many events at one instant.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDER(amount, reference, rest)                                                             \
    "{\"kind\":\"order\",\"time\":\"2026-01-01\",\"amount\":\"" amount                             \
    " CNY\",\"source\":\"s\",\"reference\":\"" reference "\"" rest "}"

static void send(crm_txn *txn, crm_id id, int want, uint32_t number, const char *json)
{
    uint32_t got = 0;

    IS(want, crm_event_add_json(txn, id, json, CRM_NUL, &got, &er));
    ck_assert_msg(got == number, "%s is %u, not %u", json, got, number);
}

static const char *totals(crm_txn *txn, crm_id id)
{
    static char room[4][1000];
    static unsigned turn;
    char *json, *to = room[turn++ % 4];

    OK(crm_event_totals_json(txn, id, &json, NULL, &er));
    ck_assert_uint_lt(strlen(json), sizeof room[0]);
    strcpy(to, json);
    crm_free(json);
    return to;
}

static void has(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no %s in %s", part, text);
}

/* With a few events, and with so many others that they lie in several blocks. */
static crm_id customer(crm_txn *txn, int others)
{
    crm_id id = api_create(txn, "{\"name\":\"A\"}");
    char json[200];

    for (int i = 0; i < others; i++) {
        snprintf(json, sizeof json,
                 "{\"kind\":\"call\",\"time\":\"2026-01-01\",\"text\":\"%d:%040d\"}", i, 0);
        send(txn, id, CRM_OK, (uint32_t)i + 1, json);
    }
    return id;
}

static void voiding(char to[400], const char *amount, const char *reference, uint32_t voids)
{
    snprintf(to, 400,
             "{\"kind\":\"order\",\"time\":\"2026-01-01\",\"amount\":\"%s CNY\",\"source\":\"s\","
             "\"reference\":\"%s\",\"voids\":%u}",
             amount, reference, voids);
}

CRM_TEST(test_api_event_correct__over_and_over)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char json[400];

    for (uint32_t n = 0; n < 200; n += 150) {
        crm_id id = customer(txn, (int)n);
        uint64_t revision;
        send(txn, id, CRM_OK, n + 1, ORDER("1", "a", ""));
        for (uint32_t i = 1; i < 6; i++) {
            voiding(json, "2", "a", n + i);
            send(txn, id, CRM_OK, n + i + 1, json);
            revision = crm_txn_revision(txn);
            for (uint32_t old = 1; old <= i; old++) { /* each of them again */
                voiding(json, "2", "a", n + old);
                send(txn, id, CRM_DONE, n + i + 1, json);
            }
            send(txn, id, CRM_DONE, n + i + 1, ORDER("1", "a", ""));
            ck_assert_uint_eq(crm_txn_revision(txn), revision);
        }
        has(totals(txn, id), "\"order\":{\"count\":1,");
        /* To another reference, and back to the first one. */
        voiding(json, "3", "b", n + 6);
        send(txn, id, CRM_OK, n + 7, json);
        send(txn, id, CRM_DONE, n + 6, ORDER("1", "a", ""));
        send(txn, id, CRM_DONE, n + 7, ORDER("1", "b", ""));
        voiding(json, "4", "a", n + 7);
        send(txn, id, CRM_OK, n + 8, json);
        send(txn, id, CRM_DONE, n + 8, ORDER("1", "a", ""));
        send(txn, id, CRM_DONE, n + 7, ORDER("1", "b", ""));
        has(totals(txn, id), "\"4\"");
        /* Another in force keeps a correction away. */
        send(txn, id, CRM_OK, n + 9, ORDER("5", "c", ""));
        voiding(json, "6", "c", n + 8);
        send(txn, id, CRM_DONE, n + 9, json);
        has(totals(txn, id), "\"9\"");
        /* What is voided is not corrected; then all is as if it had never been there. */
        OK(crm_event_void(txn, id, n + 8, &er));
        voiding(json, "6", "a", n + 8);
        IS(CRM_EEXISTS, crm_event_add_json(txn, id, json, CRM_NUL, NULL, &er));
        send(txn, id, CRM_OK, n + 11, ORDER("1", "a", ""));
        send(txn, id, CRM_DONE, n + 11, ORDER("1", "a", ""));
        send(txn, id, CRM_DONE, n + 7, ORDER("1", "b", ""));
        has(totals(txn, id), "\"6\"");
    }
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- documents ---- */

#define ITEM(number, amount, rest) ORDER(amount, "a", ",\"number\":" number rest)
#define CORRECTED ",\"state\":\"corrected\""

static uint32_t length(crm_txn *txn, crm_id id)
{
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
    crm_event_iter *it;
    crm_event *e;
    uint32_t n = 0;

    o.flags = CRM_EVENTS_ALL;
    OK(crm_event_list(txn, id, &o, &it, &er));
    while (crm_event_next(it, &e, &er) == CRM_OK)
        n++;
    crm_event_list_close(it);
    return n;
}

/* A document with a chain of corrections under one reference, on customers who have none of it, a
 * part of it, all of it, or something else under the reference; each twice. */
CRM_TEST(test_api_event_correct__documents)
{
    static const struct {
        const char *had;
        uint32_t length; /* of the timeline behind it */
        const char *sum;
    } CASES[] = {
        {"", 3, "\"3\""},
        {ITEM("1", "1", ""), 3, "\"3\""},
        {ITEM("1", "1", CORRECTED) "," ITEM("2", "2", ",\"voids\":1"), 3, "\"3\""},
        {ITEM("5", "1", CORRECTED) "," ITEM("6", "2", CORRECTED ",\"voids\":5") "," ITEM(
             "7", "3", ",\"voids\":6"),
         3, "\"3\""},
        {ITEM("5", "1", CORRECTED) "," ITEM("6", "2", CORRECTED ",\"voids\":5") "," ITEM(
             "7", "3", CORRECTED ",\"voids\":6") "," ITEM("8", "8", ",\"voids\":7"),
         4, "\"8\""},
        /* Not the same under that reference: the corrections hold. */
        {ITEM("1", "9", ""), 3, "\"3\""},
        {ITEM("1", "9", CORRECTED) "," ITEM("2", "8", ",\"voids\":1"), 4, "\"3\""},
    };
    static const char SENT[] = "{\"name\":\"A\",\"events\":[" ITEM("11", "1", CORRECTED) "," ITEM(
        "12", "2", CORRECTED ",\"voids\":11") "," ITEM("13", "3", ",\"voids\":12") "]}";
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char text[2000];

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        for (int others = 0; others < 200; others += 150) {
            crm_id id = customer(txn, others);
            snprintf(text, sizeof text, "{\"events\":[%s]}", CASES[i].had);
            OK(crm_customer_patch_json(txn, id, 0, text, CRM_NUL, &er));
            for (int turn = 0; turn < 3; turn++) {
                uint32_t n;
                OK(crm_customer_patch_json(txn, id, 0, SENT, CRM_NUL, &er));
                n = length(txn, id) - (uint32_t)others;
                ck_assert_msg(n == CASES[i].length, "case %zu, turn %d: %u events", i, turn, n);
                has(totals(txn, id), CASES[i].sum);
                has(totals(txn, id), "\"order\":{\"count\":1,");
            }
        }
    }
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* What was voided by the end is taken once, and stays voided. */
CRM_TEST(test_api_event_correct__voided_documents)
{
    static const char *const SENT[] = {
        "{\"name\":\"A\",\"events\":[" ITEM("1", "1", CORRECTED) "," ITEM(
            "2", "2", ",\"voids\":1,\"state\":\"voided\"") ",{\"kind\":\"void\",\"number\":3,"
                                                           "\"voids\":2}]}",
        "{\"name\":\"A\",\"events\":[" ITEM("2", "2", ",\"state\":\"voided\"") "]}"};
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    uint64_t count;

    for (size_t i = 0; i < 2; i++) {
        crm_id id = customer(txn, 3);
        for (int turn = 0; turn < 3; turn++) {
            OK(crm_customer_patch_json(txn, id, 0, SENT[i], CRM_NUL, &er));
            ck_assert_uint_eq(length(txn, id), i ? 5 : 6);
            OK(crm_event_count(txn, id, NULL, &count, &er));
            ck_assert_uint_eq(count, 3);
        }
        /* The event itself comes back when it is sent. */
        send(txn, id, CRM_OK, i ? 6 : 7, ORDER("2", "a", ""));
    }
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- sums ---- */

/* A sum has the digits of the values that count, so equal timelines have equal sums. */
CRM_TEST(test_api_event_correct__digits)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char json[400];

    for (uint32_t n = 0; n < 200; n += 150) {
        crm_id id = customer(txn, (int)n);
        send(txn, id, CRM_OK, n + 1, ORDER("1.50", "a", ""));
        send(txn, id, CRM_OK, n + 2, ORDER("2", "b", ""));
        send(txn, id, CRM_OK, n + 3, ORDER("0.125", "c", ""));
        has(totals(txn, id), "\"CNY\":\"3.625\"");
        OK(crm_event_void(txn, id, n + 3, &er));
        has(totals(txn, id), "\"CNY\":\"3.50\"");
        voiding(json, "2", "a", n + 1);
        send(txn, id, CRM_OK, n + 5, json);
        has(totals(txn, id), "\"CNY\":\"4\"");
        OK(crm_event_void(txn, id, n + 5, &er));
        OK(crm_event_void(txn, id, n + 2, &er));
        ck_assert_ptr_null(strstr(totals(txn, id), "order"));
        send(txn, id, CRM_OK, n + 8, ORDER("1.5", "c", ""));
        has(totals(txn, id), "\"CNY\":\"1.5\"");
    }
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- recorded ---- */

/* The entry of an event's revision tells who recorded it and when, in a batch and outside. */
CRM_TEST(test_api_event_correct__recorded)
{
    int64_t now = INT64_C(1700000000000000);
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    uint64_t added, voided;
    crm_change c = CRM_CHANGE_INIT;
    crm_change_iter *it;
    crm_event *e;
    crm_db *db;
    crm_txn *txn;
    crm_id id;

    o.test_clock = api_clock;
    o.test_clock_ctx = &now;
    OK(crm_db_open(api_path(), &o, &db, &er));
    txn = api_begin(db, CRM_WRITE);
    id = api_create(txn, "{\"name\":\"A\"}");
    OK(crm_event_new(txn, &e, &er));
    api_commit(txn);
    for (uint32_t i = 0; i < 3; i++) {
        static const char *const ACTOR[] = {"ann", "bob", "eve"};
        crm_txn_options w = CRM_TXN_OPTIONS_INIT;
        w.actor = ACTOR[i];
        w.batch = i == 1 ? CRM_BATCH_NEW : 0;
        now += 1000000;
        OK(crm_txn_begin(db, CRM_WRITE, &w, &txn, &er));
        if (i < 2)
            send(txn, id, CRM_OK, i + 1, i ? ORDER("1", "b", "") : ORDER("1", "a", ""));
        else
            OK(crm_event_void(txn, id, 2, &er));
        api_commit(txn);
    }
    txn = api_begin(db, CRM_READ);
    OK(crm_event_get(txn, id, 2, e, &er));
    added = crm_event_revision(e);
    voided = crm_event_voided_revision(e);
    OK(crm_change_list(txn, added - 1, &it, &er));
    OK(crm_change_next(it, &c, &er));
    ck_assert(c.revision == added && c.action == CRM_ACTION_BATCH);
    ck_assert_int_eq(c.recorded_us, now - 1000000);
    ck_assert_str_eq(c.actor, "bob");
    crm_change_close(it);
    OK(crm_change_list(txn, voided - 1, &it, &er));
    OK(crm_change_next(it, &c, &er));
    ck_assert(c.revision == voided && c.action == CRM_ACTION_VOID && c.target == id);
    ck_assert_int_eq(c.recorded_us, now);
    ck_assert_str_eq(c.actor, "eve");
    crm_change_close(it);
    OK(crm_event_get(txn, id, 1, e, &er));
    OK(crm_change_list(txn, crm_event_revision(e) - 1, &it, &er));
    OK(crm_change_next(it, &c, &er));
    ck_assert(c.action == CRM_ACTION_EVENT && c.target == id);
    ck_assert_int_eq(c.recorded_us, now - 2000000);
    ck_assert_str_eq(c.actor, "ann");
    crm_change_close(it);
    OK(crm_txn_abort(txn));
    crm_event_free(e);
    crm_db_close(db);
}

/* ---- one instant ---- */

static void total_is(crm_txn *txn, crm_id id, uint64_t count, int64_t first, int64_t last)
{
    crm_event_total t[8];
    size_t n;

    OK(crm_event_totals(txn, id, t, 8, &n, &er));
    for (size_t i = 0; i < n; i++) {
        if (strcmp(t[i].kind, "order") != 0)
            continue;
        ck_assert_uint_eq(t[i].count, count);
        ck_assert_int_eq(t[i].first_us, first);
        ck_assert_int_eq(t[i].last_us, last);
        return;
    }
    ck_assert_uint_eq(count, 0);
}

/* First and last of a kind while many events of one instant, and some around it, are voided and
 * come again; against an array. */
CRM_TEST(test_api_event_correct__one_instant)
{
    enum { MOST = 900 };
    uint64_t seed = crmtest_seed();
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = customer(txn, 100);
    int64_t time[MOST];
    int in_force[MOST];
    uint32_t n = 100;
    crm_event_kind order;
    crm_event *e;

    memset(in_force, 0, sizeof in_force);
    OK(crm_event_kind_find(txn, "order", CRM_NUL, &order, &er));
    OK(crm_event_new(txn, &e, &er));
    while (n + 2 < MOST) {
        int64_t first = INT64_MAX, last = INT64_MIN;
        uint64_t count = 0;
        uint32_t pick = 100 + (uint32_t)crmtest_below(&seed, n - 99);
        if (n < 300 || (pick >= n || !in_force[pick])) {
            char reference[40];
            crm_event_clear(e);
            time[n] = 1000000 *
                      (n < 300 || crmtest_below(&seed, 4) ? 5 : (int64_t)crmtest_below(&seed, 11));
            snprintf(reference, sizeof reference, "r%u", n);
            OK(crm_event_set_kind(e, &order, &er));
            OK(crm_event_set_time(e, time[n], &er));
            OK(crm_event_set_reference(e, reference, CRM_NUL, &er));
            OK(crm_event_add(txn, id, e, NULL, &er));
            in_force[n++] = 1;
        } else {
            OK(crm_event_void(txn, id, pick + 1, &er));
            in_force[pick] = 0;
            n++; /* the void */
        }
        for (uint32_t i = 100; i < n; i++) {
            if (!in_force[i])
                continue;
            count++;
            first = time[i] < first ? time[i] : first;
            last = time[i] > last ? time[i] : last;
        }
        total_is(txn, id, count, first, last);
    }
    api_commit(txn);
    api_check_clean(api_path());
    txn = api_begin(db, CRM_WRITE);
    for (uint32_t i = 100; i < n; i++) { /* all, the last one too */
        if (in_force[i])
            OK(crm_event_void(txn, id, i + 1, &er));
    }
    total_is(txn, id, 0, 0, 0);
    api_commit(txn);
    crm_event_free(e);
    crm_db_close(db);
    api_check_clean(api_path());
}
