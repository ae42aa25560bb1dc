/* SPDX-License-Identifier: MIT
 * What keeps a customer whom an undo would delete: an event that somebody else added, or another
 * customer who refers to it.
 */
#include "io/undo.h"

#include <string.h>

int crm__undo_mine(const crm__undoing *u, const crm__journal_entry *e, uint64_t seq)
{
    return u->batch ? e->batch == u->batch : seq == u->first;
}

int crm__undo_has(void *ctx, uint64_t seq)
{
    crm__undoing *u = ctx;
    crm__journal_entry e;

    if (seq < u->first || seq > u->last)
        return 0;
    if (u->batch && seq != u->asked) {
        int rc = crm__journal_read(u->txn, seq, &e);
        if (rc)
            u->unread = rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
        u->answer = !rc && e.batch == u->batch;
        u->asked = seq;
    }
    return !u->batch || u->answer;
}

typedef struct keeper {
    crm__undoing *u;
    uint64_t since; /* entry of who made it, 0: there is none */
} keeper;

/* An event that somebody else added, and that is in force once the batch is undone. */
static int keeping_event(void *ctx, const crm__timeline *t, const crm__event *e)
{
    keeper *k = ctx;
    crm__undoing *u = k->u;

    (void)t;
    if (e->kind == CRM__EVENT_VOID || e->seq <= u->first || e->seq == u->txn->state.batch_seq ||
        crm__undo_has(u, e->seq))
        return CRM_OK;
    if (e->state != CRM__EVENT_IN_FORCE && !crm__undo_has(u, e->voided))
        return CRM_OK;
    k->since = e->seq;
    return CRM_DONE;
}

static int refers(const crm__record *r, uint32_t field, crm_id to)
{
    const crm__entry *e = crm__record_find(r, field);
    crm__slice item;
    crm__value v;
    size_t pos = 0;

    if (!e || e->type != CRM_TYPE_CUSTOMER || e->scoped)
        return 0;
    while (crm__entry_next(e, &pos, &item) == CRM_OK) {
        if (!crm__value_decode(e->type, 0, item, &v) && (uint64_t)v.integer == to)
            return 1;
    }
    return 0;
}

/* Who made the reference that a customer has now: somebody else, since the batch began? */
static int keeping_reference(keeper *k, crm_id id, uint32_t field, crm_id to)
{
    crm__undoing *u = k->u;
    crm__walk w;
    int rc = crm__walk_open(u->txn, u->txn->mem, id, &w);

    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    while (!rc && crm__walk_after(&w)->seq > u->first && (rc = crm__walk_look(&w)) == CRM_OK) {
        int has = refers(crm__walk_after(&w), field, to);
        int had = w.how == CRM__WALK_CHANGED && refers(crm__walk_before(&w), field, to);
        /* What the undo itself put back was made further back. */
        if (has && !had && w.seq != u->txn->state.batch_seq) {
            k->since = crm__undo_mine(u, &w.e, w.seq) ? 0 : w.seq;
            break;
        }
        if (w.how != CRM__WALK_CHANGED)
            break;
        crm__walk_back(&w);
    }
    crm__walk_close(&w);
    return rc;
}

static int keeping_field(keeper *k, const crm__field *f, crm_id to)
{
    crm__value v = {.type = CRM_TYPE_CUSTOMER, .integer = (int64_t)to};
    crm_txn *txn = k->u->txn;
    uint8_t key[CRM__KEY_TOKEN];
    crm_id *ids = NULL;
    size_t count = 0, again = 0;
    int rc = crm__token_key(txn->store, f, &v, &txn->scratch[1], key);

    if (!rc)
        rc = crm__txn_ids(txn, crm__slice_of(key, sizeof key), NULL, 0, SIZE_MAX, &count);
    if (rc || !count)
        return rc;
    ids = crm__calloc(txn->mem, count, sizeof *ids);
    if (!ids)
        return CRM_ENOMEM;
    rc = crm__txn_ids(txn, crm__slice_of(key, sizeof key), ids, count, SIZE_MAX, &again);
    for (size_t i = 0; i < count && i < again && !rc && !k->since; i++)
        rc = ids[i] == to ? CRM_OK : keeping_reference(k, ids[i], f->number, to);
    crm__release(txn->mem, ids);
    return rc;
}

int crm__undo_kept_since(crm__undoing *u, crm_id id, uint64_t *since)
{
    keeper k = {u, 0};
    int rc = crm__event_each(u->txn, id, keeping_event, &k);

    if (rc == CRM_DONE)
        rc = CRM_OK;
    for (size_t i = 0; i < crm__model_count(u->m) && !rc && !k.since; i++) {
        const crm__field *f = crm__model_at(u->m, i);
        if (f->type == CRM_TYPE_CUSTOMER && !(f->flags & CRM_FIELD_PER_SOURCE))
            rc = keeping_field(&k, f, id);
    }
    *since = k.since;
    return rc ? crm__txn_fail(u->txn, rc, "can't read who needs a customer", u->err) : CRM_OK;
}
