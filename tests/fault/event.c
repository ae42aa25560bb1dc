/* SPDX-License-Identifier: MIT
 * The scenario of events: a timeline that grows from one block to several, corrections, voids,
 * references sent twice, and everything that reads it.
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
        go = fault_txn(r, CRM_WRITE, &t, grow_and_read);
    return go == FAULT_GO ? fault_txn(r, CRM_READ, NULL, read_all) : go;
}
