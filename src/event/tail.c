/* SPDX-License-Identifier: MIT
 * Events kept back: see tail.h.
 */
#include "event/tail.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 256 }; /* is also how many are compared when a reference is looked for */

typedef struct tail {
    crm__arena a; /* of all that follows */
    crm__timeline t;
    crm__event_block stored; /* of a timeline of one block */
    uint32_t last;           /* number stored */
    crm__event events[MOST]; /* in order of arrival */
    crm__edit_item items[MOST];
    uint8_t lists[MOST][CRM__KEY_DAY_LIST]; /* of the items */
} tail;

static tail *tail_of(const crm_txn *txn)
{
    return txn->pending.p;
}

crm_id crm__tail_id(const crm_txn *txn)
{
    return txn->pending.target;
}

int crm__tail_has_room(const crm_txn *txn)
{
    return txn->pending.count < MOST;
}

uint32_t crm__tail_last(const crm_txn *txn)
{
    return tail_of(txn)->last + txn->pending.count;
}

static int by_time(const void *a, const void *b)
{
    const crm__event *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int settle(crm_txn *txn)
{
    tail *p = tail_of(txn);
    crm__timeline t = p->t;
    uint32_t n = txn->pending.count;
    int rc, sorted = 1;

    for (uint32_t i = 1; i < n && sorted; i++)
        sorted = p->events[i - 1].time <= p->events[i].time;
    if (!sorted)
        qsort(p->events, n, sizeof *p->events, by_time);
    txn->pending.count = 0; /* what is read from here on is what is stored */
    rc = crm__timeline_add(&t, p->events, n);
    if (!rc)
        rc = crm__edits_items(&txn->edits, p->items, n);
    if (rc)
        txn->pending.count = n;
    return rc;
}

static void cut(crm_txn *txn, uint32_t count)
{
    txn->pending.count = count;
}

static void end(crm_txn *txn)
{
    crm__arena_clear(&tail_of(txn)->a);
    crm__release(txn->mem, txn->pending.p);
    txn->pending.p = NULL;
}

static tail *make(crm_txn *txn)
{
    tail *p = crm__alloc(txn->mem, sizeof *p);

    if (!p)
        return NULL;
    crm__arena_init(&p->a, txn->mem);
    txn->pending.p = p;
    txn->pending.settle = settle;
    txn->pending.cut = cut;
    txn->pending.end = end;
    return p;
}

/* What was read of a timeline of one block is kept: the transaction writes meanwhile, the
 * customer's events not. */
static int keep_block(tail *p)
{
    uint8_t *copy;

    memset(&p->stored, 0, sizeof p->stored);
    if (p->t.many || !p->t.number)
        return CRM_OK;
    copy = crm__arena_copy(&p->a, p->t.bytes.p, p->t.bytes.n);
    if (!copy)
        return CRM_ENOMEM;
    p->t.bytes = crm__slice_of(copy, p->t.bytes.n);
    return crm__timeline_block(&p->t, 0, 0, &p->stored);
}

int crm__tail_open(crm_txn *txn, crm_id id)
{
    tail *p = tail_of(txn) ? tail_of(txn) : make(txn);
    int rc;

    if (!p)
        return CRM_ENOMEM;
    if (txn->pending.target == id && crm__tail_has_room(txn))
        return CRM_OK;
    rc = crm__txn_settle(txn, NULL);
    if (rc)
        return rc;
    crm__arena_reset(&p->a);
    rc = crm__timeline_open(txn, id, &p->a, &p->t);
    if (!rc)
        rc = keep_block(p);
    p->last = 0;
    if (!rc && p->t.many)
        rc = crm__timeline_last(&p->t, &p->last);
    for (uint32_t i = 0; !rc && i < p->stored.count; i++)
        p->last = p->last < p->stored.events[i].number ? p->stored.events[i].number : p->last;
    if (!rc)
        txn->pending.target = id;
    return rc;
}

int crm__tail_same(const crm_txn *txn, uint32_t source, crm__slice reference, crm__event *e)
{
    const tail *p = tail_of(txn);

    for (uint32_t i = txn->pending.count; i-- > 0;) {
        if (crm__event_is_of(&p->events[i], source, reference)) {
            *e = p->events[i];
            return CRM_OK;
        }
    }
    if (p->t.many)
        return crm__timeline_same(&p->t, source, reference, e);
    e->number = 0;
    for (uint32_t i = 0; i < p->stored.count; i++) {
        if (p->stored.events[i].number > e->number &&
            crm__event_is_of(&p->stored.events[i], source, reference))
            *e = p->stored.events[i];
    }
    return e->number ? CRM_OK : CRM_ENOTFOUND;
}

/* With its texts. */
static int copy_values(crm__arena *a, crm__event *e)
{
    crm__event_value *values = NULL;

    if (e->value_count) {
        values = crm__arena_copy(a, e->values, e->value_count * sizeof *values);
        if (!values)
            return CRM_ENOMEM;
    }
    for (uint32_t i = 0; i < e->value_count; i++) {
        crm__slice *text = &values[i].v.text;
        if (text->n)
            text->p = crm__arena_copy(a, text->p, text->n);
        if (text->n && !text->p)
            return CRM_ENOMEM;
    }
    e->values = values;
    return CRM_OK;
}

int crm__tail_add(crm_txn *txn, const crm__event *e, const uint8_t list[CRM__KEY_DAY_LIST],
                  crm__slice item)
{
    tail *p = tail_of(txn);
    uint32_t at = txn->pending.count;
    crm__event *to = &p->events[at];
    const uint8_t *copy = crm__arena_copy(&p->a, item.p, item.n);

    *to = *e;
    to->like = 0;
    if (e->reference.n)
        to->reference.p = crm__arena_copy(&p->a, e->reference.p, e->reference.n);
    if (!copy || (e->reference.n && !to->reference.p) || copy_values(&p->a, to))
        return CRM_ENOMEM;
    memcpy(p->lists[at], list, CRM__KEY_DAY_LIST);
    p->items[at].list = crm__slice_of(p->lists[at], CRM__KEY_DAY_LIST);
    p->items[at].item = crm__slice_of(copy, item.n);
    txn->pending.count++;
    return CRM_OK;
}
