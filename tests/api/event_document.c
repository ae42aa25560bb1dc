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
