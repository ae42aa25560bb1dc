/* SPDX-License-Identifier: MIT
 * Repair of the identity rows, which stand in order of tokens and not of customers: first each
 * stored block goes that can't be read or stands where it is not looked for, and of the others each
 * row whose record does not have it; then each record is asked for its rows, and those that are not
 * stored are added.  Both by look-ups, so no memory is needed for either side.
 */
#include "db/identity.h"
#include "db/repair.h"

#include <string.h>

typedef struct identity_work {
    crm__repair *r;
    crm_id next;       /* records */
    crm__repair_at at; /* stored blocks */
    crm__repair_at last; /* field, token and id of the last row */
    crm__record record;
    crm__buf scratch;
    crm__slice row; /* looked for among those of a record */
    int found;
} identity_work;

/* ---- rows that are to be ---- */

static int add_row(void *ctx, const crm__derived *item)
{
    identity_work *w = ctx;
    crm_txn *txn = w->r->txn;
    crm__id_row row;
    crm__id_walk at = {.tag_key = txn->store->tag_key};
    int rc;

    if (item->what != CRM__DERIVED_ID)
        return CRM_OK;
    row = crm__id_row_of(item->key.p + 2, item->member);
    at.cursor = crm__txn_cursor(txn, KV_IDENTITY, &rc);
    if (!rc)
        rc = crm__id_seek(&at, crm__get_be16(item->key.p), &row);
    if (!rc && crm__id_walk_has(&at, item->key) && crm__id_row_id(&at.row) == item->member)
        return CRM_OK;
    return rc && rc != CRM_ENOTFOUND ? rc : crm__edits_id(&txn->edits, item->key, item->member, 1, 0);
}

static int add_rows(crm__repair *r, void *ctx, int *more)
{
    identity_work *w = ctx;
    uint8_t key[CRM__KEY_U64];
    crm__slice k, v, payload;
    kv_cursor *c;
    int rc = crm__repair_from(r, KV_CUSTOMER, crm__key_u64(key, w->next), &c, &k, &v);

    w->r = r;
    for (uint32_t n = 0; !rc; n++) {
        crm_id id = k.n == CRM__KEY_U64 ? crm__get_be64(k.p) : 0;
        if (n == CRM__REPAIR_ROWS || crm__repair_full(r)) {
            *more = 1;
            return CRM_OK;
        }
        if (id) {
            w->next = id + 1;
            rc = crm__untag(r->txn->store, KV_CUSTOMER, k, v, &payload);
            if (!rc)
                rc = crm__record_decode(r->mem, payload, &w->record);
            if (!rc)
                rc = crm__derive(r->txn, r->model, id, &w->record, 0, 0, &w->scratch, add_row, w);
            if (rc == CRM_ECORRUPT)
                rc = CRM_OK;
        }
        if (!rc)
            rc = crm__repair_work(r, 1);
        if (!rc)
            rc = c->ops->next(c, &k, &v);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* ---- rows that are not ---- */

static int look(void *ctx, const crm__derived *item)
{
    identity_work *w = ctx;

    w->found |= item->what == CRM__DERIVED_ID && memcmp(item->key.p, w->row.p, CRM__KEY_TOKEN) == 0;
    return CRM_OK;
}

/* CRM_OK: it stays, for its record has it or can't be asked; CRM_DONE: it goes. */
static int judge(identity_work *w, crm__slice k)
{
    crm__repair *r = w->r;
    uint8_t key[CRM__KEY_U64];
    crm_id id = crm__get_be64(k.p + CRM__KEY_TOKEN);
    uint32_t field = crm__get_be16(k.p);
    crm__slice payload;
    int rc;

    if (!id || id >= r->next_id || !field)
        return CRM_DONE;
    rc = crm__txn_read(r->txn, KV_CUSTOMER, crm__key_u64(key, id), &payload);
    if (!rc)
        rc = crm__record_decode(r->mem, payload, &w->record);
    w->row = k;
    w->found = 0;
    if (!rc)
        rc = crm__derive(r->txn, r->model, id, &w->record, field, 0, &w->scratch, look, w);
    if (rc)
        return rc == CRM_ECORRUPT || rc == CRM_ENOTFOUND ? CRM_OK : rc;
    return w->found ? CRM_OK : CRM_DONE;
}

/* Those of a block; CRM_DONE: it goes as a whole. */
static int drop_of(identity_work *w, crm__slice k, crm__slice v)
{
    crm__repair *r = w->r;
    uint8_t key[CRM__KEY_IDENTITY];
    crm__slice row = crm__slice_of(key, sizeof key), last = crm__slice_of(w->last.key, w->last.n);
    crm__ids block;
    uint32_t field;
    int rc = crm__id_block(r->txn->store->tag_key, k, v, &field, &block);

    if (rc || !field || !crm__ids_sound(&block) || crm__slice_compare(k, last) <= 0)
        return CRM_DONE;
    for (uint32_t i = 0; i < block.count && !rc; i++) {
        crm__id_row of = crm__ids_row(&block, i);
        crm__id_row_key(key, field, &of);
        if ((!i && crm__slice_compare(k, row) > 0) || crm__id_row_id(&of) >= r->next_id)
            return CRM_DONE;
        rc = judge(w, row);
        if (rc == CRM_DONE)
            rc = crm__edits_id(&r->txn->edits, crm__slice_of(key, CRM__KEY_TOKEN),
                               crm__id_row_id(&of), 0, 0);
    }
    crm__repair_note(&w->last, row);
    return rc ? rc : crm__repair_work(r, 1);
}

static int drop_rows(crm__repair *r, void *ctx, int *more)
{
    identity_work *w = ctx;
    crm__slice k, v;
    kv_cursor *c;
    int rc = crm__repair_behind(r, KV_IDENTITY, &w->at, &c, &k, &v);

    w->r = r;
    for (uint32_t n = 0; !rc; n++) {
        if (n == CRM__REPAIR_ROWS / 64 || crm__repair_full(r)) {
            *more = 1;
            return CRM_OK;
        }
        crm__repair_note(&w->at, k);
        rc = drop_of(w, k, v);
        if (rc == CRM_DONE)
            rc = crm__edits_del(&r->txn->edits, KV_IDENTITY, crm__slice_of(w->at.key, w->at.n));
        if (!rc)
            rc = c->ops->next(c, &k, &v);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__repair_identities(crm__repair *r)
{
    identity_work *w = crm__calloc(r->mem, 1, sizeof *w);
    int rc;

    if (!w)
        return crm__fail_nomem(r->err);
    w->next = 1;
    crm__buf_init(&w->scratch, r->mem);
    rc = crm__repair_steps(r, drop_rows, w);
    if (!rc)
        rc = crm__repair_steps(r, add_rows, w);
    crm__record_clear(r->mem, &w->record);
    crm__buf_clear(&w->scratch);
    crm__release(r->mem, w);
    return rc;
}
