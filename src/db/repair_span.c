/* SPDX-License-Identifier: MIT
 * Repair of the spans of day lists: made anew from the lists, behind whose repair it comes, chunk by
 * chunk.  A part that can't be read is not there any more by then.
 */
#include "db/day_spans.h"
#include "db/derive_event.h"
#include "db/repair.h"

#include <string.h>

typedef struct span_work {
    crm__repair *r;
    uint64_t chunk;
    crm__buf old;  /* keys of the stored spans of the chunk, CRM__KEY_DAY bytes each */
    size_t met;    /* of those */
    int begun;     /* a span is at hand */
    uint8_t key[CRM__KEY_DAY];
    crm__span span;
    crm__buf out;
    crm__day_work *work;
    crm__day_list items;
    crm__repair_at at; /* end of the chunk before */
} span_work;

/* Drops the stored spans before a key, or all that are left: no list belongs to them. */
static int drop_before(span_work *w, const uint8_t *key)
{
    int rc = CRM_OK;

    while (!rc && w->met < w->old.n) {
        const uint8_t *old = w->old.p + w->met;
        int order = key ? memcmp(old, key, CRM__KEY_DAY) : -1;
        if (order > 0)
            break;
        w->met += CRM__KEY_DAY;
        if (!order)
            break;
        rc = crm__edits_del(&w->r->txn->edits, KV_DAY, crm__slice_of(old, CRM__KEY_DAY));
    }
    return rc;
}

static int end_span(span_work *w)
{
    crm__slice k = crm__slice_of(w->key, sizeof w->key), stored = {NULL, 0};
    int rc;

    if (!w->begun)
        return CRM_OK;
    w->begun = 0;
    rc = drop_before(w, w->key);
    if (rc)
        return rc;
    w->out.n = 0;
    rc = crm__span_put(&w->span, &w->out);
    if (rc)
        return rc;
    rc = crm__txn_read(w->r->txn, KV_DAY, k, &stored);
    if (!rc && crm__slice_compare(stored, crm__slice_of(w->out.p, w->out.n)) == 0)
        return CRM_OK;
    if (rc && rc != CRM_ENOTFOUND && rc != CRM_ECORRUPT)
        return rc;
    return crm__edits_put(&w->r->txn->edits, KV_DAY, k, crm__slice_of(w->out.p, w->out.n), 0);
}

static int add_part(span_work *w, crm__slice k, crm__slice v)
{
    int32_t day = crm__key_day_of(k.p);
    uint8_t key[CRM__KEY_DAY];
    crm__slice payload, item;
    size_t at = 0, index = 0;
    int rc = CRM_OK;

    crm__key_span(key, crm__get_be32(k.p), crm__get_be32(k.p + 4), crm__span_of(day));
    if (!w->begun || memcmp(key, w->key, sizeof key) != 0) {
        rc = end_span(w);
        memcpy(w->key, key, sizeof key);
        crm__span_reset(&w->span);
        w->begun = 1;
    }
    w->items.bytes.n = w->items.lengths.n = 0;
    if (!rc)
        rc = crm__untag(w->r->txn->store, KV_DAY, k, v, &payload);
    if (!rc)
        rc = crm__day_items(w->work, payload, &w->items);
    while (!rc && (item = crm__day_list_next(&w->items, &at, &index)).p)
        rc = crm__span_add(&w->span, crm__span_place(day), item, 1);
    return rc == CRM_ECORRUPT ? CRM_OK : rc;
}

static int note_old(span_work *w, crm__slice k)
{
    crm__buf_add(&w->old, k.p, k.n);
    return w->old.failed ? CRM_ENOMEM : CRM_OK;
}

static int step(crm__repair *r, void *ctx, int *more)
{
    span_work *w = ctx;
    crm__slice k, v;
    kv_cursor *c;
    int begun = 0, rc;

    if (!r->txn->store->totals)
        return CRM_OK;
    w->r = r;
    w->begun = 0;
    w->old.n = w->met = 0;
    rc = crm__repair_behind(r, KV_DAY, &w->at, &c, &k, &v);
    for (; !rc; rc = rc ? rc : c->ops->next(c, &k, &v)) {
        if (k.n != CRM__KEY_DAY)
            continue;
        if (begun && crm__get_be32(k.p) != w->chunk)
            break;
        w->chunk = crm__get_be32(k.p);
        begun = 1;
        rc = crm__key_is_span(k) ? note_old(w, k) : add_part(w, k, v);
        if (!rc)
            rc = crm__repair_work(r, 1);
    }
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    *more = rc == CRM_OK;
    rc = end_span(w);
    if (!rc)
        rc = drop_before(w, NULL);
    if (begun)
        crm__repair_note_chunk(&w->at, w->chunk);
    return rc;
}

int crm__repair_spans(crm__repair *r)
{
    span_work *w = crm__calloc(r->mem, 1, sizeof *w);
    int rc = CRM_ENOMEM;

    if (!w)
        return crm__fail_nomem(r->err);
    crm__buf_init(&w->old, r->mem);
    crm__buf_init(&w->out, r->mem);
    crm__span_init(&w->span, r->mem);
    crm__day_list_init(&w->items, r->mem);
    w->work = crm__day_work_new(r->mem);
    if (w->work)
        rc = crm__repair_steps(r, step, w);
    else
        crm__fail_nomem(r->err);
    crm__day_work_free(w->work);
    crm__day_list_clear(&w->items);
    crm__span_clear(&w->span);
    crm__buf_clear(&w->out);
    crm__buf_clear(&w->old);
    crm__release(r->mem, w);
    return rc;
}
