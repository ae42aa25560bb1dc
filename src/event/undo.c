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

typedef struct found {
    crm__entry_fn undone;
    void *ctx;
    crm__buf numbers[2]; /* of the events to void, and of those to store anew */
    uint64_t since;      /* an entry that changed one of them since, 0: none */
} found;

/* Whether another event now stands for the same fact, which the batch did not add itself. */
static int replaced(const found *f, const crm__timeline *t, const crm__event *e, uint64_t *since)
{
    crm__event other;
    int rc;

    if (!e->reference.n)
        return CRM_OK;
    rc = crm__timeline_same(t, e->source, e->reference, e->number, &other);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    if (other.state == CRM__EVENT_IN_FORCE && !f->undone(f->ctx, other.seq))
        *since = other.seq;
    return CRM_OK;
}

static int sort_out(found *f, const crm__timeline *t, const crm__event *e)
{
    int added = f->undone(f->ctx, e->seq), here = e->state == CRM__EVENT_IN_FORCE, rc;
    uint64_t since = 0;

    if (e->kind == CRM__EVENT_VOID || (!added && here))
        return CRM_OK;
    if (added && here) {
        crm__buf_add(&f->numbers[0], &e->number, sizeof e->number);
    } else if (added) {
        if (!f->undone(f->ctx, e->voided))
            f->since = e->voided;
    } else if (f->undone(f->ctx, e->voided)) {
        rc = replaced(f, t, e, &since);
        if (rc)
            return rc;
        if (since)
            f->since = since;
        else
            crm__buf_add(&f->numbers[1], &e->number, sizeof e->number);
    }
    return f->numbers[0].failed || f->numbers[1].failed ? CRM_ENOMEM : CRM_OK;
}

static int collect(crm_txn *txn, crm_id id, found *f)
{
    crm__event_block b = {0};
    crm__timeline t;
    int rc = crm__timeline_open(txn, id, &txn->work, &t);

    if (!rc)
        rc = crm__timeline_all(&t, &b);
    for (uint32_t i = 0; i < b.count && !rc; i++)
        rc = sort_out(f, &t, &b.events[i]);
    return rc;
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
                    uint64_t *changed, uint64_t *since, crm_error *err)
{
    found f = {.undone = undone, .ctx = ctx};
    int rc;

    for (int i = 0; i < 2; i++)
        crm__buf_init(&f.numbers[i], txn->mem);
    rc = collect(txn, id, &f);
    if (rc)
        rc = fail(txn, rc, err);
    *since = f.since;
    for (int what = 0; what < 2 && !rc; what++) {
        for (size_t i = 0; i < f.numbers[what].n / sizeof(uint32_t) && !rc; i++) {
            uint32_t number;
            memcpy(&number, f.numbers[what].p + i * sizeof number, sizeof number);
            crm__arena_reset(&txn->work);
            rc = what ? store_again(txn, m, id, number, err) : void_again(txn, m, id, number, err);
            *changed += !rc;
        }
    }
    for (int i = 0; i < 2; i++)
        crm__buf_clear(&f.numbers[i]);
    return rc;
}
