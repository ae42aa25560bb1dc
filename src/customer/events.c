/* SPDX-License-Identifier: MIT
 * The member "events" of a customer's document: checked with the document, added once the customer
 * is stored, written in order of numbers, so that a document written is taken again with the same
 * ones.
 */
#include "customer/customer.h"
#include "event/event.h"

#include <stdlib.h>
#include <string.h>

/* One item into e, empty before; the document's source is that of events without one. */
static int read_event(crm_txn *txn, const crm_customer *c, const crm__json *item, crm_event *e,
                      crm_error *err)
{
    int rc;

    crm_event_clear(e);
    rc = crm__event_read_json(txn, item, e, err);
    if (!rc && c->source && !e->source.n)
        rc = crm_event_set_source(e, c->source, CRM_NUL, err);
    return rc;
}

int crm__document_events(crm_txn *txn, const crm_customer *c, const crm__json *list,
                         crm__customer_faults *faults)
{
    crm__arena a;
    crm_event *e;
    int rc = CRM_OK;

    if (crm__json_kind(list) != CRM__JSON_ARRAY)
        return crm__customer_fault(
            faults, crm__fail_field(faults->err, CRM_EVALUE, "events", "events: is a list"));
    if (crm__event_make(txn->mem, c->model, &e))
        return crm__fail_nomem(faults->err);
    crm__arena_init(&a, txn->mem);
    for (size_t i = 0; i < crm__json_count(list) && !rc; i++) {
        crm__arena_reset(&a);
        rc = read_event(txn, c, crm__json_item(list, i), e, faults->err);
        if (!rc)
            rc = crm__event_check(txn, c->model, e, &a, faults->err);
        rc = crm__customer_fault(faults, rc);
    }
    crm__arena_clear(&a);
    crm_event_free(e);
    return rc;
}

int crm__customer_add_events(crm_txn *txn, const crm__model *m, crm_id id, const crm_customer *c,
                             crm_error *err)
{
    crm__arena a;
    crm_event *e;
    int rc = CRM_OK;

    if (!c->events)
        return CRM_OK;
    if (crm__event_make(txn->mem, (crm__model *)(uintptr_t)m, &e))
        return crm__fail_nomem(err);
    crm__arena_init(&a, txn->mem);
    for (size_t i = 0; i < crm__json_count(c->events) && rc >= 0; i++) {
        crm__arena_reset(&a);
        rc = read_event(txn, c, crm__json_item(c->events, i), e, err);
        if (!rc)
            rc = crm__event_write(txn, m, id, e, &a, NULL, err); /* CRM_DONE: it is there */
    }
    crm__arena_clear(&a);
    crm_event_free(e);
    return rc < 0 ? rc : CRM_OK;
}

static int by_number(const void *a, const void *b)
{
    const crm__event *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

int crm__customer_write_events(crm_txn *txn, const crm_customer *c, const char *between,
                               crm__buf *out, crm_error *err)
{
    crm__event_block all;
    crm__timeline t;
    crm__arena a;
    crm_event *e;
    int rc, n = 0;

    if (crm__event_make(txn->mem, c->model, &e))
        return crm__fail_nomem(err);
    crm__arena_init(&a, txn->mem);
    rc = crm__timeline_open(txn, c->id, &a, &t);
    if (!rc)
        rc = crm__timeline_all(&t, &all);
    if (rc)
        rc = crm__txn_fail(txn, rc, "can't read the customer's events", err);
    else if (all.count)
        qsort(all.events, all.count, sizeof *all.events, by_number);
    for (uint32_t i = 0; !rc && i < all.count; i++) {
        if (!crm__event_show(e, c->id, &all.events[i]))
            continue; /* out of view */
        crm__buf_add_str(out, n++ ? "," : "");
        crm__buf_add_str(out, between);
        rc = crm__event_write_json(txn, e, out, err);
    }
    crm__arena_clear(&a);
    crm_event_free(e);
    return rc;
}
