/* SPDX-License-Identifier: MIT
 * Reading day lists as a transaction sees them: see days.h.
 */
#include "db/days.h"

#include "db/txn.h"

#include <stdlib.h>
#include <string.h>

typedef struct visit {
    crm_txn *txn;
    uint64_t chunk;
    uint32_t kind;
    int whole;
    crm__day_fn fn;
    void *ctx;
    int32_t day; /* of the list that is joined with its edits */
} visit;

/* The first part at or after a key that is of the kind and before `until`; CRM_ENOTFOUND: none. */
static int part_at(const visit *w, int rc, crm__slice k, crm__slice v, int32_t until, int32_t *day,
                   crm__slice *part)
{
    if (rc)
        return rc;
    if (k.n < CRM__KEY_DAY_LIST || crm__get_be32(k.p) != (uint32_t)w->chunk ||
        crm__get_be32(k.p + 4) != w->kind || crm__key_day_of(k.p) >= until)
        return CRM_ENOTFOUND;
    if (k.n != CRM__KEY_DAY || v.n < CRM__TAG_SIZE)
        return CRM_ECORRUPT;
    *day = crm__key_day_of(k.p);
    *part = crm__slice_of(v.p, v.n - CRM__TAG_SIZE);
    return CRM_OK;
}

/* Dropped for a rebuild whose items are still among the edits. */
static int deleted(const visit *w, crm__slice k)
{
    crm__slice payload;

    return w->txn->write && w->txn->edits.slot_count &&
           crm__edits_get(&w->txn->edits, KV_DAY, k, &payload) == CRM__EDIT_DEL;
}

/* Parts lie here and there in the file.  Whoever reads all of one would wait for its memory longer
 * than work on it, so it is asked for while the part before it is dealt with. */
static int visit_stored(const visit *w, int32_t from, int32_t until, crm__day_fn fn, void *ctx)
{
    uint8_t key[CRM__KEY_DAY_LIST];
    crm__slice k, v, part, held = {NULL, 0};
    int32_t day, held_day = 0;
    int rc;
    kv_cursor *c = crm__txn_cursor(w->txn, KV_DAY, &rc);

    if (rc)
        return rc;
    rc = c->ops->seek(c, KV_GE, crm__key_day_list(key, w->chunk, w->kind, from), &k, &v);
    while (!(rc = part_at(w, rc, k, v, until, &day, &part))) {
        if (!deleted(w, k)) {
            if (w->whole)
                crm__ask(part.p, part.n);
            if (held.p)
                rc = fn(ctx, held_day, held);
            held = part;
            held_day = day;
        }
        if (rc)
            return rc;
        rc = c->ops->next(c, &k, &v);
    }
    if (rc == CRM_ENOTFOUND)
        rc = held.p ? fn(ctx, held_day, held) : CRM_OK;
    return rc;
}

/* ---- with edits ---- */

static int by_day(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return x < y ? -1 : x > y;
}

typedef struct joined {
    crm__day_work *w;
    crm__day_list items;
    crm__buf changes, merged;
} joined;

static int gather(void *ctx, int32_t day, crm__slice part)
{
    joined *j = ctx;

    (void)day;
    return crm__day_items(j->w, part, &j->items);
}

static int give(void *ctx, uint16_t row, uint16_t number, crm__slice part)
{
    const visit *w = ctx;

    (void)row;
    (void)number;
    return w->fn(w->ctx, w->day, part);
}

static int visit_joined(visit *w, joined *j, int32_t day)
{
    uint8_t key[CRM__KEY_DAY_LIST];
    uint32_t count;
    const uint64_t *ops = crm__edits_ops(&w->txn->edits, KV_DAY,
                                         crm__key_day_list(key, w->chunk, w->kind, day), &count);
    int rc;

    j->items.bytes.n = j->items.lengths.n = j->changes.n = j->merged.n = 0;
    w->day = day;
    rc = crm__day_changes(ops, count, &j->changes);
    if (!rc)
        rc = visit_stored(w, day, day + 1, gather, j);
    if (!rc)
        rc = crm__day_merge(&j->items, (const crm__day_change *)(const void *)j->changes.p,
                            j->changes.n / sizeof(crm__day_change), &j->merged);
    if (rc || !j->merged.n)
        return rc;
    return crm__day_build(j->w, (const crm__slice *)(const void *)j->merged.p,
                          j->merged.n / sizeof(crm__slice), 0, give, w);
}

static int visit_days(visit *w, const int32_t *days, size_t n, int32_t from, int32_t until)
{
    joined j = {crm__day_work_new(w->txn->mem), {{0}, {0}}, {0}, {0}};
    int rc = j.w ? CRM_OK : CRM_ENOMEM;

    crm__day_list_init(&j.items, w->txn->mem);
    crm__buf_init(&j.changes, w->txn->mem);
    crm__buf_init(&j.merged, w->txn->mem);
    for (size_t i = 0; i < n && !rc; i++) {
        if (days[i] < from || days[i] >= until)
            continue;
        rc = visit_stored(w, from, days[i], w->fn, w->ctx);
        if (!rc)
            rc = visit_joined(w, &j, days[i]);
        from = days[i] + 1;
    }
    if (!rc && from < until)
        rc = visit_stored(w, from, until, w->fn, w->ctx);
    crm__day_work_free(j.w);
    crm__day_list_clear(&j.items);
    crm__buf_clear(&j.changes);
    crm__buf_clear(&j.merged);
    return rc;
}

int crm__day_visit(crm_txn *txn, uint64_t chunk, uint32_t kind, int32_t from, int32_t until,
                   int whole, crm__day_fn fn, void *ctx)
{
    visit w = {txn, chunk, kind, whole, fn, ctx, 0};
    uint8_t key[CRM__KEY_DAY_LIST];
    crm__buf days;
    int rc = CRM_OK;

    if (from >= until)
        return CRM_OK;
    if (txn->write && txn->edits.items && !txn->group && !txn->save_count) {
        crm__txn_detach_cursors(txn);
        rc = crm__txn_flush(txn, NULL);
        if (rc)
            return rc;
    }
    if (!txn->write || !txn->edits.items)
        return visit_stored(&w, from, until, fn, ctx);
    crm__buf_init(&days, txn->mem);
    crm__key_day_list(key, chunk, kind, from);
    rc = crm__edits_days(&txn->edits, crm__slice_of(key, 8), &days);
    if (!rc && days.n)
        qsort(days.p, days.n / sizeof(int32_t), sizeof(int32_t), by_day);
    if (!rc)
        rc = visit_days(&w, (const int32_t *)(const void *)days.p, days.n / sizeof(int32_t), from,
                        until);
    crm__buf_clear(&days);
    return rc;
}
