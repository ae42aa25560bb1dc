/* SPDX-License-Identifier: MIT
 * Spans of day lists in the store: see day_spans.h.
 */
#include "db/day_spans.h"

#include "db/edits.h"
#include "db/txn.h"

#include <string.h>

/* ---- changing ---- */

void crm__span_edit_init(crm__span_edit *e, const crm_allocator *mem, kv_txn *txn,
                         const uint8_t *tag_key)
{
    e->txn = txn;
    e->tag_key = tag_key;
    e->begun = 0;
    crm__span_init(&e->span, mem);
    crm__buf_init(&e->out, mem);
}

void crm__span_edit_clear(crm__span_edit *e)
{
    crm__span_clear(&e->span);
    crm__buf_clear(&e->out);
}

static int begin(crm__span_edit *e, const uint8_t key[CRM__KEY_DAY])
{
    crm__slice k = crm__slice_of(e->key, sizeof e->key), stored;
    int rc;

    memcpy(e->key, key, sizeof e->key);
    e->begun = 1;
    rc = e->txn->ops->get(e->txn, KV_DAY, k, &stored);
    if (rc == CRM_ENOTFOUND) {
        crm__span_reset(&e->span);
        return CRM_OK;
    }
    if (rc)
        return rc;
    if (stored.n < CRM__TAG_SIZE)
        return CRM_ECORRUPT;
    stored.n -= CRM__TAG_SIZE;
    if (crm__get_le64(stored.p + stored.n) != crm__check_tag(e->tag_key, KV_DAY, k, stored))
        return CRM_ECORRUPT;
    return crm__span_read(&e->span, stored);
}

int crm__span_edit_end(crm__span_edit *e)
{
    crm__slice k = crm__slice_of(e->key, sizeof e->key);
    int rc;

    if (!e->begun)
        return CRM_OK;
    e->begun = 0;
    e->out.n = 0;
    rc = crm__span_put(&e->span, &e->out);
    if (rc)
        return rc;
    if (!e->out.n) {
        rc = e->txn->ops->del(e->txn, KV_DAY, k);
        return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    }
    if (!crm__buf_reserve(&e->out, CRM__TAG_SIZE))
        return CRM_ENOMEM;
    return crm__edits_write(e->txn, e->tag_key, KV_DAY, k, e->out.p, e->out.n, 0);
}

int crm__span_edit_add(crm__span_edit *e, crm__slice list, const crm__day_change *changes, size_t n)
{
    int32_t day = crm__key_day_of(list.p);
    uint8_t key[CRM__KEY_DAY];
    int rc = CRM_OK;

    if (!n)
        return CRM_OK;
    crm__key_span(key, crm__get_be32(list.p), crm__get_be32(list.p + 4), crm__span_of(day));
    if (!e->begun || memcmp(key, e->key, sizeof key) != 0) {
        rc = crm__span_edit_end(e);
        if (!rc)
            rc = begin(e, key);
    }
    for (size_t i = 0; i < n && !rc; i++)
        rc = crm__span_add(&e->span, crm__span_place(day), changes[i].item, changes[i].more);
    return rc;
}

/* ---- reading ---- */

int crm__spans_tell(crm_txn *txn)
{
    if (!txn->store->totals)
        return 0;
    if (txn->write && txn->edits.items) {
        int rc;
        if (txn->group || txn->save_count)
            return 0;
        crm__txn_detach_cursors(txn);
        rc = crm__txn_flush(txn, NULL);
        if (rc)
            return rc;
    }
    return 1;
}

int crm__span_visit(crm_txn *txn, uint64_t chunk, uint32_t kind, int32_t from, int32_t until,
                    crm__span_fn fn, void *ctx)
{
    uint8_t key[CRM__KEY_DAY];
    crm__slice k, v;
    int rc;
    kv_cursor *c;

    if (from >= until)
        return CRM_OK;
    c = crm__txn_cursor(txn, KV_DAY, &rc);
    if (rc)
        return rc;
    rc = c->ops->seek(c, KV_GE, crm__key_span(key, chunk, kind, crm__span_of(from)), &k, &v);
    for (; !rc; rc = rc ? rc : c->ops->next(c, &k, &v)) {
        if (k.n < CRM__KEY_DAY_LIST || memcmp(k.p, key, CRM__KEY_DAY_LIST) != 0)
            return CRM_OK;
        if (k.n != CRM__KEY_DAY || v.n < CRM__TAG_SIZE)
            return CRM_ECORRUPT;
        if (crm__key_span_of(k.p) > crm__span_of(until - 1))
            return CRM_OK;
        rc = fn(ctx, crm__key_span_of(k.p), crm__slice_of(v.p, v.n - CRM__TAG_SIZE));
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}
