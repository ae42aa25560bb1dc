/* SPDX-License-Identifier: MIT
 * Repair of the identity rows, which stand in order of tokens and not of customers: first each
 * record is asked for its rows, and those that are not stored are added; then each stored row is
 * asked for its record, and goes when that does not have it.  Both by look-ups, so no memory is
 * needed for either side.
 */
#include "db/repair.h"

#include <string.h>

typedef struct identity_work {
    crm__repair *r;
    crm_id next;       /* records */
    crm__repair_at at; /* stored rows */
    crm__record record;
    crm__buf scratch;
    crm__slice row; /* looked for among those of a record */
    int found;
} identity_work;

/* ---- rows that are to be ---- */

static int is_sound(const crm__store *s, crm__slice k, crm__slice v)
{
    return v.n == 4 && crm__get_le32(v.p) == (uint32_t)crm__check_tag(s->tag_key, KV_IDENTITY, k,
                                                                      crm__slice_of(NULL, 0));
}

static int add_row(void *ctx, const crm__derived *item)
{
    identity_work *w = ctx;
    uint8_t key[CRM__KEY_IDENTITY];
    crm__slice k, v;
    kv_txn *kv = w->r->txn->kv;
    int rc;

    if (item->what != CRM__DERIVED_ID)
        return CRM_OK;
    k = crm__key_identity(key, item->key, item->member);
    rc = kv->ops->get(kv, KV_IDENTITY, k, &v);
    if ((!rc && is_sound(w->r->txn->store, k, v)) || (rc && rc != CRM_ENOTFOUND))
        return rc;
    return crm__edits_id(&w->r->txn->edits, item->key, item->member, 1, 0);
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

static int drop_rows(crm__repair *r, void *ctx, int *more)
{
    identity_work *w = ctx;
    crm__slice k, v;
    kv_cursor *c;
    int rc = crm__repair_behind(r, KV_IDENTITY, &w->at, &c, &k, &v);

    w->r = r;
    for (uint32_t n = 0; !rc; n++) {
        if (n == CRM__REPAIR_ROWS || crm__repair_full(r)) {
            *more = 1;
            return CRM_OK;
        }
        crm__repair_note(&w->at, k);
        rc = k.n == CRM__KEY_IDENTITY ? judge(w, k) : CRM_DONE;
        if (rc == CRM_DONE)
            rc = crm__edits_del(&r->txn->edits, KV_IDENTITY, k);
        if (!rc)
            rc = crm__repair_work(r, 1);
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
    rc = crm__repair_steps(r, add_rows, w);
    if (!rc)
        rc = crm__repair_steps(r, drop_rows, w);
    crm__record_clear(r->mem, &w->record);
    crm__buf_clear(&w->scratch);
    crm__release(r->mem, w);
    return rc;
}
