/* SPDX-License-Identifier: MIT
 * The scenario of events: a timeline that grows from one block to several, corrections, voids,
 * references sent twice, the same by documents, and everything that reads it.
 */
#include "fault.h"

static int saw(fault_run *r)
{
    fault_saw_text(r, r->text);
    crm_free(r->text);
    r->text = NULL;
    return FAULT_GO;
}

static int add(fault_run *r, crm_txn *txn, int want, const char *json)
{
    uint32_t number = 0;

    STEP(r, want, crm_event_add_json(txn, 1, json, CRM_NUL, &number, &r->err));
    fault_saw_number(r, number);
    return FAULT_GO;
}

static int begin_timeline(fault_run *r, crm_txn *txn)
{
    crm_id id;

    STEP(
        r, CRM_OK,
        crm_customer_create_json(txn,
                                 "{\"name\":\"A\",\"source\":\"shop\",\"events\":["
                                 "{\"kind\":\"order\",\"time\":\"2026-01-01\",\"amount\":\"5 CNY\","
                                 "\"reference\":\"1\"},{\"kind\":\"visit\"}]}",
                                 CRM_NUL, &id, &r->err));
    fault_saw_number(r, id);
    return FAULT_GO;
}

static int grow(fault_run *r, crm_txn *txn)
{
    char json[400];
    int go;

    for (int i = 0; i < 14; i++) {
        snprintf(
            json, sizeof json,
            "{\"kind\":\"order\",\"time\":\"2026-01-%02d\",\"amount\":\"%d.50 USD\",\"source\":"
            "\"erp\",\"reference\":\"%d\",\"text\":\"%0200d\"}",
            1 + i * 5 % 28, i, i, i);
        if ((go = add(r, txn, CRM_OK, json)) != FAULT_GO)
            return go;
    }
    if ((go = add(r, txn, CRM_DONE, json)) != FAULT_GO)
        return go;
    go = add(r, txn, CRM_OK,
             "{\"kind\":\"feedback\",\"voids\":3,\"score\":9,\"time\":\"2026-01-03\"}");
    if (go != FAULT_GO)
        return go;
    STEP(r, CRM_OK, crm_event_void(txn, 1, 4, &r->err));
    STEP(r, CRM_EEXISTS, crm_event_void(txn, 1, 4, &r->err));
    return FAULT_GO;
}

#define ITEM(number, reference, rest)                                                              \
    "{\"number\":" number ",\"kind\":\"order\",\"time\":\"2026-01-02\",\"amount\":\"" number       \
    " CNY\",\"source\":\"doc\",\"reference\":\"" reference "\"" rest "}"

/* Events by documents: corrections of corrections, one without a reference, voids, on a customer
 * who has none of it, then all of it, and a document whose corrections meet other events. */
static int by_document(fault_run *r, crm_txn *txn, crm_id id)
{
    static const char *const SENT[] = {
        "{\"events\":[" ITEM("41", "a", ",\"state\":\"corrected\"") "," ITEM(
            "42", "a",
            ",\"voids\":41,\"state\":\"corrected\"") "," ITEM("43", "a",
                                                              ",\"voids\":42") "," ITEM("44", "b",
                                                                                        ",\"state\""
                                                                                        ":\"voided"
                                                                                        "\"") ",{"
                                                                                              "\"nu"
                                                                                              "mber"
                                                                                              "\":"
                                                                                              "45,"
                                                                                              "\"ki"
                                                                                              "nd\""
                                                                                              ":\"v"
                                                                                              "oid"
                                                                                              "\","
                                                                                              "\"vo"
                                                                                              "ids"
                                                                                              "\":"
                                                                                              "44},"
                                                                                              "{\"n"
                                                                                              "umbe"
                                                                                              "r\":"
                                                                                              "46,"
                                                                                              "\"ki"
                                                                                              "nd\""
                                                                                              ":\"v"
                                                                                              "isit"
                                                                                              "\","
                                                                                              "\"so"
                                                                                              "urce"
                                                                                              "\":"
                                                                                              "\"ne"
                                                                                              "w\","
                                                                                              "\"st"
                                                                                              "ate"
                                                                                              "\":"
                                                                                              "\"vo"
                                                                                              "ided"
                                                                                              "\"}]"
                                                                                              "}",
        "{\"events\":[" ITEM("51", "a", ",\"state\":\"corrected\"") "," ITEM(
            "52", "c", ",\"voids\":51") "," ITEM("53", "d", "") "," ITEM("54", "c",
                                                                         ",\"voids\":53") "]}"};

    for (int i = 0; i < 3; i++) {
        STEP(r, CRM_OK, crm_customer_patch_json(txn, id, 0, SENT[i / 2], CRM_NUL, &r->err));
        STEP(r, CRM_OK, crm_event_totals_json(txn, id, &r->text, NULL, &r->err));
        saw(r);
    }
    return FAULT_GO;
}

/* In one block, */
static int by_document_short(fault_run *r, crm_txn *txn)
{
    crm_id id;

    STEP(r, CRM_OK, crm_customer_create_json(txn, "{\"name\":\"B\"}", CRM_NUL, &id, &r->err));
    return by_document(r, txn, id);
}

/* and in several. */
static int by_document_long(fault_run *r, crm_txn *txn)
{
    return by_document(r, txn, 1);
}

static int read_all(fault_run *r, crm_txn *txn)
{
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
    crm_event_total totals[4];
    crm_event_sum sums[4];
    uint64_t count;
    size_t n;

    STEP(r, CRM_OK, crm_event_list_json(txn, 1, NULL, &r->text, NULL, &r->err));
    saw(r);
    o.flags = CRM_EVENTS_OLDEST | CRM_EVENTS_ALL;
    o.limit = 5;
    STEP(r, CRM_OK, crm_event_list_json(txn, 1, &o, &r->text, NULL, &r->err));
    saw(r);
    STEP(r, CRM_OK, crm_event_totals_json(txn, 1, &r->text, NULL, &r->err));
    saw(r);
    STEP(r, CRM_OK, crm_customer_get_json(txn, 1, CRM_JSON_EVENTS, &r->text, NULL, &r->err));
    saw(r);
    STEP(r, CRM_OK, crm_event_count(txn, 1, NULL, &count, &r->err));
    fault_saw_number(r, count);
    STEP(r, CRM_OK, crm_event_totals(txn, 1, totals, 4, &n, &r->err));
    fault_saw_number(r, n);
    STEP(r, CRM_OK, crm_event_sums(txn, 1, sums, 4, &n, &r->err));
    fault_saw_number(r, n);
    return FAULT_GO;
}

static int grow_and_read(fault_run *r, crm_txn *txn)
{
    int go = grow(r, txn);

    return go == FAULT_GO ? read_all(r, txn) : go;
}

int fault_events(fault_run *r)
{
    crm_txn_options t = CRM_TXN_OPTIONS_INIT;
    crm_db_options o = r->opts;
    int go;

    t.now_us = INT64_C(1768000000000000);
    STEP(r, CRM_OK, crm_db_open(r->dir, &o, &r->db, &r->err));
    go = fault_txn(r, CRM_WRITE, &t, begin_timeline);
    if (go == FAULT_GO)
        go = fault_txn(r, CRM_WRITE, &t, by_document_short);
    if (go == FAULT_GO)
        go = fault_txn(r, CRM_WRITE, &t, grow_and_read);
    if (go == FAULT_GO)
        go = fault_txn(r, CRM_WRITE, &t, by_document_long);
    return go == FAULT_GO ? fault_txn(r, CRM_READ, NULL, read_all) : go;
}
