/* SPDX-License-Identifier: MIT
 * Undo of what a batch did to the events of one customer.  Events are only ever added: what the
 * batch added is voided, and what it voided is stored once more.
 */
#include "event/event.h"

#include <string.h>

static int fail(crm_txn *txn, int rc, crm_error *err)
{
    return crm__txn_fail(txn, rc, "can't read the events", err);
}

/* Numbers of the events to void, and of those to store anew. */
static int collect(crm_txn *txn, crm_id id, crm__entry_fn undone, void *ctx, crm__buf numbers[2])
{
    crm__event_block b = {0};
    crm__timeline t;
    int rc = crm__timeline_open(txn, id, &txn->work, &t);

    if (!rc)
        rc = crm__timeline_all(&t, &b);
    for (uint32_t i = 0; i < b.count && !rc; i++) {
        const crm__event *e = &b.events[i];
        int added = undone(ctx, e->seq);
        if (e->kind == CRM__EVENT_VOID)
            continue;
        if (e->state == CRM__EVENT_IN_FORCE && added)
            crm__buf_add(&numbers[0], &e->number, sizeof e->number);
        else if (e->state != CRM__EVENT_IN_FORCE && !added && undone(ctx, e->voided))
            crm__buf_add(&numbers[1], &e->number, sizeof e->number);
    }
    return numbers[0].failed || numbers[1].failed ? CRM_ENOMEM : rc;
}

static int store_again(crm_txn *txn, const crm__model *m, crm_id id, uint32_t number,
                       crm_error *err)
{
    crm__timeline t;
    crm__event e;
    int rc = crm__timeline_open(txn, id, &txn->work, &t);

    if (!rc)
        rc = crm__timeline_get(&t, number, &e);
    if (rc)
        return fail(txn, rc, err);
    e.like = 0; /* it is of no decoded block any more */
    e.state = CRM__EVENT_IN_FORCE;
    e.voided = 0;
    e.voids = 0;
    return crm__event_store(m, &t, NULL, &e, err);
}

static int void_again(crm_txn *txn, const crm__model *m, crm_id id, uint32_t number, crm_error *err)
{
    crm_event c;

    memset(&c, 0, sizeof c);
    c.void_set = 1;
    c.e.voids = number;
    return crm__event_write(txn, m, id, &c, &txn->work, NULL, err);
}

int crm__event_undo(crm_txn *txn, const crm__model *m, crm_id id, crm__entry_fn undone, void *ctx,
                    uint64_t *changed, crm_error *err)
{
    crm__buf numbers[2];
    int rc;

    for (int i = 0; i < 2; i++)
        crm__buf_init(&numbers[i], txn->mem);
    rc = collect(txn, id, undone, ctx, numbers);
    if (rc)
        rc = fail(txn, rc, err);
    for (int what = 0; what < 2 && !rc; what++) {
        for (size_t i = 0; i < numbers[what].n / sizeof(uint32_t) && !rc; i++) {
            uint32_t number;
            memcpy(&number, numbers[what].p + i * sizeof number, sizeof number);
            crm__arena_reset(&txn->work);
            rc = what ? store_again(txn, m, id, number, err) : void_again(txn, m, id, number, err);
            *changed += !rc;
        }
    }
    for (int i = 0; i < 2; i++)
        crm__buf_clear(&numbers[i]);
    return rc;
}
