/* SPDX-License-Identifier: MIT
 * Repair of the rows beside the blocks of events: the check of each customer's events is made once
 * more, in the transaction, and where it has something to say of those rows they are made anew.
 */
#include "codec/event_head.h"
#include "db/repair.h"

#include <stdlib.h>
#include <string.h>

typedef struct beside_work {
    crm__repair *r;
    crm__check *c; /* carries the transaction and counts */
    crm__check_timeline *timeline;
    crm__arena arena;
    crm_id id, next;
    crm__buf keys; /* of the rows as they are to be, in order */
} beside_work;

static int feed(beside_work *w, crm__slice k, crm__slice v)
{
    crm__event_block b = {0};
    crm__slice payload;
    uint32_t number;
    uint64_t id;
    int64_t time;
    int block = 0, rc = crm__untag(w->r->txn->store, KV_EVENT, k, v, &payload);

    if (!rc && (block = crm__key_event_read(k, &id, &time, &number)) != 0) {
        crm__arena_reset(&w->arena);
        rc = crm__event_block_decode(&w->arena, time, number, payload, &b);
    }
    if (rc == CRM_ECORRUPT)
        return crm__check_timeline_lost(w->timeline, k);
    return rc ? rc : crm__check_timeline_row(w->timeline, k, payload, block ? &b : NULL);
}

static int put_row(void *ctx, uint8_t what, uint64_t part, crm__slice payload)
{
    beside_work *w = ctx;
    uint8_t key[CRM__KEY_EVENT_ROW];
    crm__slice k = crm__key_event_row(key, w->id, what, part), have;
    int rc = crm__txn_read(w->r->txn, KV_EVENT, k, &have);

    crm__buf_add(&w->keys, key, sizeof key);
    if (w->keys.failed)
        return CRM_ENOMEM;
    if (rc && rc != CRM_ENOTFOUND && rc != CRM_ECORRUPT)
        return rc;
    if (!rc && crm__slice_compare(have, payload) == 0)
        return CRM_OK;
    return crm__edits_put(&w->r->txn->edits, KV_EVENT, k, payload, 0);
}

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, CRM__KEY_EVENT_ROW);
}

/* Rows of the customer that are not among those just put. */
static int drop_others(beside_work *w)
{
    uint8_t key[CRM__KEY_EVENT_ROW];
    size_t n = w->keys.n / sizeof key;
    crm__slice k, v;
    kv_cursor *c;
    int rc = crm__repair_from(w->r, KV_EVENT,
                              crm__key_event_row(key, w->id, CRM__EVENT_ROW_HEAD, 0), &c, &k, &v);

    for (; !rc && k.n >= 16 && memcmp(k.p, key, 16) == 0; rc = rc ? rc : c->ops->next(c, &k, &v)) {
        if (k.n != sizeof key || k.p[16] > CRM__EVENT_ROW_TIME)
            continue; /* nobody knows what it is */
        if (!n || !bsearch(k.p, w->keys.p, n, sizeof key, by_key))
            rc = crm__edits_del(&w->r->txn->edits, KV_EVENT, k);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* All rows of the customer have passed. */
static int finish(beside_work *w)
{
    int rc = crm__check_timeline_end(w->timeline, 1);

    if (rc || !w->c->mendable[KV_EVENT])
        return rc;
    w->c->mendable[KV_EVENT] = 0;
    w->keys.n = 0;
    rc = crm__check_timeline_beside(w->timeline, put_row, w);
    if (!rc)
        rc = drop_others(w);
    return rc == CRM_DONE ? CRM_OK : rc;
}

/* One customer from the cursor's row on; then the first row behind it is read anew. */
static int one_customer(beside_work *w, crm__slice k, crm__slice v, kv_cursor *c)
{
    uint64_t rows = 0;
    int rc = CRM_OK;

    w->id = crm__get_be64(k.p);
    w->next = w->id + 1;
    while (!rc && k.n >= CRM__KEY_U64 && crm__get_be64(k.p) == w->id) {
        rc = feed(w, k, v);
        rows++;
        if (!rc)
            rc = c->ops->next(c, &k, &v);
    }
    if (rc == CRM_ENOTFOUND)
        rc = CRM_OK;
    if (!rc)
        rc = finish(w);
    return rc ? rc : crm__repair_work(w->r, rows);
}

static int step(crm__repair *r, void *ctx, int *more)
{
    beside_work *w = ctx;
    uint64_t until = r->done + CRM__REPAIR_ROWS;
    uint8_t key[CRM__KEY_U64];
    crm__slice k, v;
    kv_cursor *c;
    int rc = CRM_OK;

    w->r = r;
    w->c->txn = r->txn;
    memcpy(w->c->store.token_key, r->txn->store->token_key, sizeof w->c->store.token_key);
    while (!rc) {
        if (!w->next) /* behind the greatest id there can be */
            return CRM_OK;
        if (r->done >= until || crm__repair_full(r)) {
            *more = 1;
            return CRM_OK;
        }
        rc = crm__repair_from(r, KV_EVENT, crm__key_u64(key, w->next), &c, &k, &v);
        while (!rc && k.n < CRM__KEY_U64) /* of no customer */
            rc = c->ops->next(c, &k, &v);
        if (!rc)
            rc = one_customer(w, k, v, c);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__repair_beside(crm__repair *r)
{
    beside_work w;
    int rc = CRM_ENOMEM;

    memset(&w, 0, sizeof w);
    w.next = 1;
    crm__arena_init(&w.arena, r->mem);
    crm__buf_init(&w.keys, r->mem);
    w.c = crm__calloc(r->mem, 1, sizeof *w.c);
    if (w.c) {
        w.c->mem = *r->mem;
        w.c->last_id = UINT64_MAX; /* whether the customer is there is no matter here */
        w.timeline = crm__check_timeline_new(w.c);
    }
    if (w.timeline)
        rc = crm__repair_steps(r, step, &w);
    else
        crm__fail_nomem(r->err);
    crm__check_timeline_free(w.timeline);
    crm__release(r->mem, w.c);
    crm__arena_clear(&w.arena);
    crm__buf_clear(&w.keys);
    return rc;
}
