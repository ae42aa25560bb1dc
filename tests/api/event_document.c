/* SPDX-License-Identifier: MIT
 * The member "events" of a customer's document: taken by every function that takes one, all or
 * nothing; written on request; what was written gives the same timeline again.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The events of a document, in a static buffer, without their revisions. */
static const char *events_of(crm_txn *txn, crm_id id, uint32_t flags)
{
    static char room[4000];
    char *json, *from, *at;
    size_t n = 0;

    OK(crm_customer_get_json(txn, id, CRM_JSON_EVENTS | flags, &json, NULL, &er));
    from = strstr(json, "\"events\":");
    ck_assert_ptr_nonnull(from);
    while ((at = strstr(from, ",\"revision\":")) != NULL) {
        ck_assert_uint_lt(n + (size_t)(at - from), sizeof room - 100);
        memcpy(room + n, from, (size_t)(at - from));
        n += (size_t)(at - from);
        from = at + strcspn(at, "}");
    }
    ck_assert_uint_lt(n + strlen(from), sizeof room);
    strcpy(room + n, from);
    crm_free(json);
    return room;
}

static const char TWO[] =
    "{\"name\":\"A\",\"email\":\"a@example.com\",\"source\":\"shop\",\"events\":["
    "{\"kind\":\"order\",\"time\":\"2026-01-02\",\"amount\":\"5 CNY\","
    "\"reference\":\"1\"},"
    "{\"kind\":\"visit\",\"time\":\"2026-01-01\",\"source\":\"door\"}]}";
static const char WRITTEN[] =
    "\"events\":[{\"number\":1,\"kind\":\"order\",\"time\":\"2026-01-02T00:00:00Z\",\"amount\":"
    "{\"amount\":\"5\",\"currency\":\"CNY\"},\"source\":\"shop\",\"reference\":\"1\"},"
    "{\"number\":2,\"kind\":\"visit\",\"time\":\"2026-01-01T00:00:00Z\",\"source\":\"door\"}]}";

CRM_TEST(test_api_event_document__create_and_get)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, TWO), other = api_create(txn, "{\"name\":\"B\",\"events\":[]}");

    ck_assert_str_eq(events_of(txn, id, 0), WRITTEN);
    ck_assert_str_eq(events_of(txn, other, 0), "\"events\":[]}");
    ck_assert_ptr_null(strstr(api_json(txn, id, 0), "\"events\""));
    ck_assert_ptr_nonnull(strstr(api_json(txn, id, CRM_JSON_EVENTS | CRM_JSON_PRETTY),
                                 "  \"events\": [\n    {\"number\":1,"));
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_event_document__patch_and_upsert)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, TWO), found = 0;
    uint64_t n;
    int created;

    /* Only the events without a reference are new, and the record stays as it was. */
    OK(crm_customer_upsert_json(txn, TWO, CRM_NUL, &found, &created, &er));
    ck_assert(found == id && !created);
    OK(crm_event_count(txn, id, NULL, &n, &er));
    ck_assert_uint_eq(n, 3);
    OK(crm_customer_patch_json(txn, id, 0, "{\"events\":[{\"kind\":\"call\",\"voids\":1}]}",
                               CRM_NUL, &er));
    OK(crm_event_count(txn, id, NULL, &n, &er));
    ck_assert_uint_eq(n, 3);
    OK(crm_customer_replace_json(
        txn, id, 0, "{\"name\":\"C\",\"events\":[{\"kind\":\"void\",\"voids\":2}]}", CRM_NUL, &er));
    OK(crm_event_count(txn, id, NULL, &n, &er));
    ck_assert_uint_eq(n, 2);
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_event_document__all_or_nothing)
{
    static const struct {
        int code;
        const char *field, *json;
    } CASES[] = {
        {CRM_EVALUE, "events", "{\"name\":\"A\",\"events\":{}}"},
        {CRM_EVALUE, "events", "{\"name\":\"A\",\"events\":[7]}"},
        {CRM_EFIELD, "dance",
         "{\"name\":\"A\",\"events\":[{\"kind\":\"call\"},{\"kind\":\"dance\"}]}"},
        {CRM_EVALUE, "score",
         "{\"name\":\"A\",\"events\":[{\"kind\":\"call\"},{\"kind\":\"feedback\",\"score\":11}]}"},
        {CRM_ENOTFOUND, "voids",
         "{\"name\":\"A\",\"events\":[{\"kind\":\"call\"},{\"kind\":\"call\",\"voids\":2}]}"},
    };
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}"), none = 0;
    uint64_t revision = crm_txn_revision(txn), n;
    char *report;

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        crm_error_init(&er);
        IS(CASES[i].code, crm_customer_create_json(txn, CASES[i].json, CRM_NUL, &none, &er));
        ck_assert_str_eq(er.field, CASES[i].field);
        IS(CASES[i].code, crm_customer_patch_json(txn, id, 0, CASES[i].json, CRM_NUL, &er));
        ck_assert_uint_eq(none, 0);
        ck_assert_uint_eq(crm_txn_revision(txn), revision);
        OK(crm_event_count(txn, id, NULL, &n, &er));
        ck_assert_uint_eq(n, 0);
    }
    /* A form is told of every fault at once. */
    OK(crm_customer_validate_json(
        txn,
        "{\"name\":\"A\",\"events\":[{\"kind\":\"call\"},{\"kind\":\"x\"},"
        "{\"kind\":\"feedback\",\"score\":11}]}",
        CRM_NUL, &report, NULL, &er));
    ck_assert_ptr_nonnull(strstr(report, "\"x\""));
    ck_assert_ptr_nonnull(strstr(report, "score"));
    crm_free(report);
    api_commit(txn);
    crm_db_close(db);
}

/* A document with corrections and voids, written and taken again, is the same. */
CRM_TEST(test_api_event_document__round_trip)
{
    uint64_t seed = crmtest_seed();
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}"), copy;
    char text[200], *json;
    static char first[4000];

    for (int i = 1; i <= 25; i++) {
        snprintf(text, sizeof text,
                 "{\"kind\":\"call\",\"time\":\"2026-01-%02d\",\"duration\":%d%s}",
                 1 + (int)crmtest_below(&seed, 28), i,
                 i % 4 == 0 ? ",\"source\":\"a\",\"reference\":\"r\"" : "");
        if (crm_event_add_json(txn, id, text, CRM_NUL, NULL, &er) < 0)
            ck_abort_msg("%s", er.message);
        if (i % 5 == 0)
            crm_event_void(txn, id, 1 + (uint32_t)crmtest_below(&seed, (uint64_t)i), NULL);
        if (i % 7 == 0) {
            snprintf(text, sizeof text, "{\"kind\":\"visit\",\"voids\":%d}",
                     1 + (int)crmtest_below(&seed, (uint64_t)i));
            crm_event_add_json(txn, id, text, CRM_NUL, NULL, NULL);
        }
    }
    OK(crm_customer_get_json(txn, id, CRM_JSON_EVENTS, &json, NULL, &er));
    OK(crm_customer_create_json(txn, json, CRM_NUL, &copy, &er));
    crm_free(json);
    snprintf(first, sizeof first, "%s", events_of(txn, id, 0));
    ck_assert_ptr_nonnull(strstr(first, "\"voids\":"));
    ck_assert_str_eq(events_of(txn, copy, 0), first);
    api_commit(txn);
    crm_db_close(db);
}

/* ---- numbers of a document ---- */

#define HEAD                                                                                       \
    "crm: 1\nname: m\nkinds:\n  person:\n    label: {en: P}\nfields:\n"                            \
    "  name: {type: text, required: true}\nevents:\n"                                              \
    "  order:\n    attributes:\n      amount: {type: money, fast: true}\n"                         \
    "      share: {type: decimal}\n"                                                               \
    "  visit:\n    attributes:\n      note: {type: text}\n"
static const char LESS[] = HEAD;
static const char MORE[] = HEAD "  call:\n    attributes:\n      n: {type: integer, fast: true}\n";

static void apply(crm_db *db, const char *model)
{
    crm_txn *txn = api_begin(db, CRM_WRITE);

    OK(crm_model_apply(txn, model, CRM_NUL, CRM_FORCE, NULL, NULL, &er));
    api_commit(txn);
}

static void add(crm_txn *txn, crm_id id, const char *json)
{
    int rc = crm_event_add_json(txn, id, json, CRM_NUL, NULL, &er);

    ck_assert_msg(rc == CRM_OK || rc == CRM_DONE, "%s: %s", json, er.message);
}

static char *document(crm_txn *txn, crm_id id)
{
    static char *json; /* else gcc -O3 takes what it points to for the variable itself */

    OK(crm_customer_get_json(txn, id, CRM_JSON_EVENTS, &json, NULL, &er));
    return json;
}

/* Every event that counts, without numbers, and the totals; static buffers in turn. */
static const char *counting(crm_txn *txn, crm_id id)
{
    static const char *const GONE[] = {"\"number\":", ",\"voids\":", ",\"revision\":"};
    static char room[4][40000];
    static unsigned turn;
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
    char *list, *totals, *to = room[turn++ % 4], *out = to;

    o.limit = 1000;
    OK(crm_event_list_json(txn, id, &o, &list, NULL, &er));
    OK(crm_event_totals_json(txn, id, &totals, NULL, &er));
    ck_assert_uint_lt(strlen(list) + strlen(totals), sizeof room[0]);
    for (const char *p = list; *p;) {
        size_t skip = 0;
        for (size_t i = 0; i < sizeof GONE / sizeof *GONE && !skip; i++) {
            if (strncmp(p, GONE[i], strlen(GONE[i])) == 0)
                skip = strlen(GONE[i]) + strspn(p + strlen(GONE[i]), "0123456789");
        }
        if (skip)
            p += skip;
        else
            *out++ = *p++;
    }
    strcpy(out, totals);
    crm_free(list);
    crm_free(totals);
    return to;
}

/* A customer's document changes nothing of that customer. */
static void give_back(crm_db *db, crm_id id)
{
    crm_txn *txn = api_begin_as(db, CRM_WRITE, "feed");
    uint64_t revision = crm_txn_revision(txn);
    char *before = document(txn, id), *after;

    OK(crm_customer_replace_json(txn, id, 0, before, CRM_NUL, &er));
    OK(crm_customer_patch_json(txn, id, 0, before, CRM_NUL, &er));
    after = document(txn, id);
    ck_assert_str_eq(after, before);
    ck_assert_uint_eq(crm_txn_revision(txn), revision);
    crm_free(before);
    crm_free(after);
    api_commit(txn);
}

/* A new customer with it has the same events and totals, and so has one with that one's. */
static void take(crm_db *db, crm_id id)
{
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char *json = document(txn, id);
    crm_id copy, again;

    OK(crm_customer_create_json(txn, json, CRM_NUL, &copy, &er));
    ck_assert_str_eq(counting(txn, copy), counting(txn, id));
    crm_free(json);
    json = document(txn, copy);
    OK(crm_customer_create_json(txn, json, CRM_NUL, &again, &er));
    ck_assert_str_eq(counting(txn, again), counting(txn, id));
    crm_free(json);
    api_commit(txn);
    give_back(db, copy);
}

/* What is out of view moves the numbers of a copy. */
CRM_TEST(test_api_event_document__numbers_move)
{
    crm_db *db = api_open_model(MORE);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"x\"}"), copy, other;
    char *json, text[2000];

    add(txn, id, "{\"kind\":\"call\",\"time\":\"2026-01-01\",\"n\":1}");
    add(txn, id, "{\"kind\":\"order\",\"time\":\"2026-01-02\",\"amount\":\"1 CNY\"}");
    add(txn, id, "{\"kind\":\"order\",\"time\":\"2026-01-03\",\"amount\":\"100 CNY\"}");
    OK(crm_event_void(txn, id, 2, &er));
    add(txn, id, "{\"kind\":\"order\",\"time\":\"2026-01-03\",\"amount\":\"70 CNY\",\"voids\":3}");
    api_commit(txn);
    apply(db, LESS);
    txn = api_begin(db, CRM_WRITE);
    json = document(txn, id);
    OK(crm_customer_create_json(txn, json, CRM_NUL, &copy, &er));
    ck_assert_str_eq(counting(txn, copy), counting(txn, id));
    ck_assert_ptr_nonnull(strstr(counting(txn, copy), "\"70\""));
    /* On a customer with events of their own. */
    other = api_create(txn, "{\"name\":\"y\",\"events\":[{\"kind\":\"order\",\"amount\":\"7 CNY\"},"
                            "{\"kind\":\"order\",\"amount\":\"9 CNY\"}]}");
    snprintf(text, sizeof text, "{%s", strstr(json, "\"events\":"));
    OK(crm_customer_patch_json(txn, other, 0, text, CRM_NUL, &er));
    ck_assert_ptr_nonnull(strstr(counting(txn, other), "\"86\""));
    crm_free(json);
    api_commit(txn);
    give_back(db, id);
    give_back(db, copy);
    crm_db_close(db);
}

/* The document of one customer on another, who has events. */
CRM_TEST(test_api_event_document__on_another)
{
    static const char VOIDED[] =
        "{\"events\":[{\"number\":1,\"kind\":\"order\",\"amount\":\"1 CNY\","
        "\"time\":\"2026-01-01\",\"state\":\"voided\"},"
        "{\"number\":2,\"kind\":\"void\",\"voids\":1}]}";
    static const char SENT[] =
        "{\"events\":["
        "{\"number\":4,\"kind\":\"order\",\"source\":\"s\",\"reference\":\"a\",\"time\":"
        "\"2026-01-01\",\"amount\":\"1 CNY\",\"state\":\"corrected\"},"
        "{\"number\":5,\"kind\":\"order\",\"source\":\"s\",\"reference\":\"b\",\"time\":"
        "\"2026-01-01\",\"amount\":\"2 CNY\",\"state\":\"voided\"},"
        "{\"number\":6,\"kind\":\"order\",\"source\":\"s\",\"reference\":\"a\",\"time\":"
        "\"2026-01-01\",\"amount\":\"3 CNY\",\"voids\":4},"
        "{\"number\":9,\"kind\":\"void\",\"voids\":5}]}";
    crm_db *db = api_open_model(MORE);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"b\"}");
    const char *had;

    add(txn, id, "{\"kind\":\"order\",\"time\":\"2026-01-05\",\"amount\":\"500 CNY\"}");
    had = counting(txn, id);
    OK(crm_customer_patch_json(txn, id, 0, VOIDED, CRM_NUL, &er));
    ck_assert_str_eq(counting(txn, id), had);
    /* Two duplicates in the middle: only what voids them is new. */
    add(txn, id,
        "{\"kind\":\"order\",\"source\":\"s\",\"reference\":\"b\",\"time\":\"2026-01-01\","
        "\"amount\":\"2 CNY\"}");
    add(txn, id,
        "{\"kind\":\"order\",\"source\":\"s\",\"reference\":\"a\",\"time\":\"2026-01-01\","
        "\"amount\":\"1 CNY\"}");
    OK(crm_customer_patch_json(txn, id, 0, SENT, CRM_NUL, &er));
    had = counting(txn, id);
    ck_assert_ptr_nonnull(strstr(had, "\"503\""));
    ck_assert_ptr_nonnull(strstr(had, "\"count\":2"));
    OK(crm_customer_patch_json(txn, id, 0, SENT, CRM_NUL, &er));
    ck_assert_str_eq(counting(txn, id), had);
    api_commit(txn);
    crm_db_close(db);
}

/* Voided without what voids it: counts no more all the same. */
CRM_TEST(test_api_event_document__state_alone)
{
    static const char *const STATE[] = {"voided", "corrected"};
    crm_db *db = api_open_model(MORE);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id;
    uint64_t n;
    char text[300];

    for (int i = 0; i < 4; i++) {
        snprintf(text, sizeof text,
                 "{\"name\":\"a\",\"events\":[{%s\"kind\":\"order\",\"amount\":\"1 CNY\","
                 "\"state\":\"%s\"},{\"kind\":\"visit\"}]}",
                 i % 2 ? "\"number\":8," : "", STATE[i / 2]);
        id = api_create(txn, text);
        OK(crm_event_count(txn, id, NULL, &n, &er));
        ck_assert_uint_eq(n, 1);
    }
    /* An order that a call corrects, which goes out of view. */
    id = api_create(txn, "{\"name\":\"c\",\"events\":[{\"kind\":\"order\",\"amount\":\"1 CNY\","
                         "\"time\":\"2026-01-01\"}]}");
    add(txn, id, "{\"kind\":\"call\",\"voids\":1,\"time\":\"2026-01-01\"}");
    add(txn, id, "{\"kind\":\"visit\",\"voids\":2,\"time\":\"2026-01-01\"}");
    add(txn, id, "{\"kind\":\"call\",\"time\":\"2026-01-01\"}");
    OK(crm_event_void(txn, id, 4, &er));
    api_commit(txn);
    apply(db, LESS);
    txn = api_begin(db, CRM_READ);
    ck_assert_ptr_null(strstr(events_of(txn, id, 0), "\"voids\""));
    ck_assert_ptr_nonnull(strstr(events_of(txn, id, 0), "\"state\":\"corrected\""));
    crm_txn_abort(txn);
    take(db, id);
    give_back(db, id);
    crm_db_close(db);
}

CRM_TEST(test_api_event_document__wrong_numbers)
{
    static const struct {
        const char *field, *events;
    } CASES[] = {
        {"voids", "{\"number\":1,\"kind\":\"visit\"},{\"number\":2,\"kind\":\"void\",\"voids\":3}"},
        {"voids", "{\"number\":5,\"kind\":\"visit\"},{\"kind\":\"visit\",\"voids\":1}"},
        {"voids", "{\"number\":2,\"kind\":\"void\",\"voids\":1},{\"number\":1,\"kind\":\"visit\"}"},
        {"voids", "{\"number\":1,\"kind\":\"visit\",\"voids\":1}"},
        {"voids", "{\"number\":1,\"kind\":\"visit\"},{\"number\":2,\"kind\":\"void\",\"voids\":1},"
                  "{\"number\":3,\"kind\":\"void\",\"voids\":2}"},
        {"voids", "{\"number\":1,\"kind\":\"visit\"},{\"number\":2,\"kind\":\"void\",\"voids\":1},"
                  "{\"number\":3,\"kind\":\"visit\",\"voids\":1}"},
        {"number", "{\"number\":1,\"kind\":\"visit\"},{\"number\":1,\"kind\":\"visit\"}"},
        {"number", "{\"number\":0,\"kind\":\"visit\"}"},
        {"number", "{\"number\":4294967296,\"kind\":\"visit\"}"},
        {"number", "{\"number\":1e3,\"kind\":\"visit\"}"},
        {"number", "{\"number\":\"1\",\"kind\":\"visit\"}"},
        {"state", "{\"number\":1,\"kind\":\"visit\",\"state\":\"gone\"}"},
        {"state", "{\"kind\":\"visit\",\"state\":1}"},
    };
    crm_db *db = api_open_model(MORE);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"a\",\"events\":[{\"kind\":\"visit\"}]}"), none = 0;
    uint64_t revision = crm_txn_revision(txn);
    char text[500], *report;

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        snprintf(text, sizeof text, "{\"name\":\"n\",\"events\":[%s]}", CASES[i].events);
        IS(CRM_EVALUE, crm_customer_create_json(txn, text, CRM_NUL, &none, &er));
        ck_assert_str_eq(er.field, CASES[i].field);
        IS(CRM_EVALUE, crm_customer_patch_json(txn, id, 0, text, CRM_NUL, &er));
        ck_assert_uint_eq(crm_txn_revision(txn), revision);
        OK(crm_customer_validate_json(txn, text, CRM_NUL, &report, NULL, &er));
        ck_assert_ptr_nonnull(strstr(report, CASES[i].field));
        crm_free(report);
    }
    api_commit(txn);
    crm_db_close(db);
}

static void random_event(crm_txn *txn, crm_id id, uint64_t *seed, uint32_t before)
{
    static const char *const KIND[] = {"order", "visit", "call"};
    char text[400];
    int n = 0, kind = (int)crmtest_below(seed, 3);

    n += snprintf(text + n, sizeof text - (size_t)n, "{\"kind\":\"%s\",\"time\":\"2026-01-0%d\"",
                  KIND[kind], 1 + (int)crmtest_below(seed, 5));
    if (kind == 0)
        n += snprintf(text + n, sizeof text - (size_t)n,
                      ",\"amount\":\"%d.%d CNY\",\"share\":%d.50", (int)crmtest_below(seed, 3),
                      (int)crmtest_below(seed, 3), (int)crmtest_below(seed, 2));
    if (kind == 1 && crmtest_below(seed, 2))
        n += snprintf(text + n, sizeof text - (size_t)n, ",\"note\":\"n%d\"",
                      (int)crmtest_below(seed, 2));
    if (crmtest_below(seed, 2))
        n += snprintf(text + n, sizeof text - (size_t)n, ",\"source\":\"s%d\"",
                      (int)crmtest_below(seed, 2));
    if (crmtest_below(seed, 3) == 0)
        n += snprintf(text + n, sizeof text - (size_t)n, ",\"reference\":\"r%d\"",
                      (int)crmtest_below(seed, 6));
    if (before && crmtest_below(seed, 4) == 0)
        n += snprintf(text + n, sizeof text - (size_t)n, ",\"voids\":%d",
                      1 + (int)crmtest_below(seed, before));
    snprintf(text + n, sizeof text - (size_t)n, "}");
    crm_event_add_json(txn, id, text, CRM_NUL, NULL, NULL); /* some void what is voided */
    if (before && crmtest_below(seed, 5) == 0)
        crm_event_void(txn, id, 1 + (uint32_t)crmtest_below(seed, before), NULL);
}

/* Random timelines, with all kinds in view and with one out of it. */
CRM_TEST(test_api_event_document__random)
{
    uint64_t seed = crmtest_seed();
    crm_db *db = api_open_model(MORE);
    crm_id id[8];
    crm_txn *txn = api_begin(db, CRM_WRITE);

    for (int c = 0; c < 8; c++) {
        uint32_t length = 1 + (uint32_t)crmtest_below(&seed, c < 6 ? 30 : 200);
        id[c] = api_create(txn, "{\"name\":\"A\"}");
        for (uint32_t i = 0; i < length; i++)
            random_event(txn, id[c], &seed, i);
    }
    api_commit(txn);
    for (int round = 0; round < 3; round++) {
        if (round)
            apply(db, round == 1 ? LESS : MORE);
        for (int c = 0; c < 8; c++) {
            give_back(db, id[c]);
            take(db, id[c]);
        }
    }
    api_check_clean(api_path());
    crm_db_close(db);
}

#define ORDER(number, reference, rest)                                                             \
    "{" number "\"kind\":\"order\",\"source\":\"s\",\"reference\":\"" reference                    \
    "\",\"time\":\"2026-01-01\",\"amount\":\"1 CNY\"" rest "}"

/* References lead to what corrected an event, and never leave one in force that was voided. */
CRM_TEST(test_api_event_document__references)
{
    static const struct {
        const char *had, *sent;
        uint64_t left;
    } CASES[] = {
        /* Corrected under another reference, and that voided. */
        {ORDER("", "a", "") "," ORDER("", "b", ",\"voids\":2"),
         ORDER("\"number\":7,", "a", ",\"state\":\"corrected\"") "," ORDER(
             "\"number\":8,", "b",
             ",\"voids\":7,\"state\":\"voided\"") ",{\"number\":9,\"kind\":\"void\",\"voids\":8}",
         1},
        /* Under the same one. */
        {ORDER("", "a", "") "," ORDER("", "a", ",\"voids\":2"),
         ORDER("\"number\":7,", "a", ",\"state\":\"corrected\"") "," ORDER(
             "\"number\":8,", "a",
             ",\"voids\":7,\"state\":\"voided\"") ",{\"number\":9,\"kind\":\"void\",\"voids\":8}",
         1},
        /* What corrects it is there already, by itself. */
        {ORDER("", "a", "") "," ORDER("", "b", ""),
         ORDER("\"number\":7,", "a", ",\"state\":\"corrected\"") "," ORDER("\"number\":8,", "b",
                                                                           ",\"voids\":7"),
         2},
        /* A duplicate that is voided, without what voided it. */
        {ORDER("", "a", "") "," ORDER("", "b", ""),
         ORDER("\"number\":7,", "b", ",\"state\":\"voided\""), 2},
    };
    crm_db *db = api_open_model(MORE);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char text[1000];
    uint64_t n;
    crm_id id;

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        snprintf(text, sizeof text, "{\"name\":\"a\",\"events\":[{\"kind\":\"visit\"},%s]}",
                 CASES[i].had);
        id = api_create(txn, text);
        snprintf(text, sizeof text, "{\"events\":[%s]}", CASES[i].sent);
        OK(crm_customer_patch_json(txn, id, 0, text, CRM_NUL, &er));
        OK(crm_event_count(txn, id, NULL, &n, &er));
        ck_assert_msg(n == CASES[i].left, "case %zu leaves %llu", i, (unsigned long long)n);
    }
    api_commit(txn);
    crm_db_close(db);
}
