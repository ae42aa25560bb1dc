/* SPDX-License-Identifier: MIT
 * Repair of the day lists, chunk by chunk.  Both sides of a chunk are summed, one sum for each
 * bucket of its lists, as crm_check() does; the lists of buckets that differ, or have a part that
 * is damaged or out of place, are dropped and made of the events, some buckets in a step.  Items of
 * a customer some of whose events can't be read stay as they are stored, where they can be read.
 */
#include "db/derive_event.h"
#include "db/repair.h"

#include <string.h>

enum { BUCKETS = CRM__CHECK_BUCKETS, ITEMS_MOST = 1 << 19, ROUNDS_MOST = 2 * BUCKETS };

typedef struct day_work {
    crm__repair *r;
    uint64_t chunk, seed;
    int rounds;                      /* of this chunk */
    uint64_t unread[CRM__SET_WORDS]; /* customers */
    int found;                       /* one more of those */
    crm__sum want[BUCKETS], have[BUCKETS];
    uint8_t bad[BUCKETS], chosen[BUCKETS];
    int choosing; /* the items of chosen buckets become edits; else all are summed */
    crm__arena arena;
    crm__day_work *work;
    crm__day_list items;
    crm__buf row;
    crm__day_place place;
    crm__repair_at at; /* end of the chunk before */
} day_work;

static int bucket_of(const uint8_t *list)
{
    return (int)(crm__hash64(0, list, CRM__KEY_DAY_LIST) % BUCKETS);
}

static int is_unread(const day_work *w, uint32_t row)
{
    return crm__set_has(w->unread, row & 0xffff);
}

static void lose(day_work *w, uint64_t id)
{
    if (is_unread(w, (uint32_t)id))
        return;
    crm__set_put(w->unread, (uint32_t)id & 0xffff, 1);
    w->found = 1;
}

static int sum_item(day_work *w, crm__sum *sums, const uint8_t *list, crm__slice item)
{
    w->row.n = 0;
    crm__buf_add(&w->row, list, CRM__KEY_DAY_LIST);
    crm__buf_add(&w->row, item.p, item.n);
    if (w->row.failed)
        return CRM_ENOMEM;
    crm__sum_add(&sums[bucket_of(list)], w->seed, w->row.p, w->row.n, 1);
    return CRM_OK;
}

/* ---- events ---- */

static int add_event(void *ctx, crm_id id, const crm__event *e)
{
    day_work *w = ctx;
    const crm__event_kind *kind = crm__model_event_number(w->r->model, e->kind);
    uint8_t list[CRM__KEY_DAY_LIST];
    crm__slice item;
    int rc;

    if (!kind || is_unread(w, (uint32_t)id))
        return CRM_OK;
    rc = crm__event_item(w->r->txn, kind, id, e, 1, list, &w->items.bytes, NULL);
    if (rc == CRM_ECORRUPT)
        lose(w, id);
    if (rc)
        return rc == CRM_ECORRUPT ? CRM_OK : rc;
    item = crm__slice_of(w->items.bytes.p, w->items.bytes.n);
    if (!w->choosing)
        return sum_item(w, w->want, list, item);
    if (!w->chosen[bucket_of(list)])
        return CRM_OK;
    return crm__edits_item(&w->r->txn->edits, crm__slice_of(list, sizeof list), item, 1);
}

static int each_event(day_work *w)
{
    uint8_t key[CRM__KEY_U64];
    crm__slice k, v, payload;
    kv_cursor *c;
    int rc = crm__repair_from(w->r, KV_EVENT, crm__key_u64(key, w->chunk << CRM__CHUNK_SHIFT), &c,
                              &k, &v);

    for (; !rc; rc = rc ? rc : c->ops->next(c, &k, &v)) {
        if (k.n < CRM__KEY_U64)
            continue;
        if (crm__get_be64(k.p) >> CRM__CHUNK_SHIFT != w->chunk)
            break;
        if (k.n != CRM__KEY_EVENT)
            continue;
        rc = crm__untag(w->r->txn->store, KV_EVENT, k, v, &payload);
        if (!rc)
            rc = crm__event_row_each(&w->arena, k, payload, add_event, w);
        if (rc == CRM_ECORRUPT) {
            lose(w, crm__get_be64(k.p));
            rc = CRM_OK;
        }
        if (!rc)
            rc = crm__repair_work(w->r, 1);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* ---- stored parts ---- */

/* The items of a part: summed, or those that only it tells kept. */
static int take_items(day_work *w, const uint8_t *list)
{
    size_t at = 0, index = 0;
    crm__slice item;
    int rc = CRM_OK;

    while (!rc && (item = crm__day_list_next(&w->items, &at, &index)).p) {
        int lost = is_unread(w, crm__day_item_row(item));
        if (!w->choosing && !lost)
            rc = sum_item(w, w->have, list, item);
        else if (w->choosing && lost)
            rc =
                crm__edits_item(&w->r->txn->edits, crm__slice_of(list, CRM__KEY_DAY_LIST), item, 1);
    }
    return rc;
}

/* Whether the part stands where it should. */
static int in_place(day_work *w, crm__slice k)
{
    size_t at = 0, index = 0;
    uint16_t first = 0, last = 0;
    crm__slice item;

    while ((item = crm__day_list_next(&w->items, &at, &index)).p) {
        last = crm__day_item_row(item);
        if (index == 1)
            first = last;
    }
    return !crm__day_place_next(&w->place, k, first, last);
}

static int part(day_work *w, crm__slice k, crm__slice v)
{
    int bucket, rc;
    crm__slice payload;

    if (crm__key_is_span(k) && w->r->txn->store->totals)
        return CRM_OK;
    if (k.n != CRM__KEY_DAY || crm__key_is_span(k))
        return w->choosing ? CRM_OK : crm__edits_del(&w->r->txn->edits, KV_DAY, k);
    bucket = bucket_of(k.p);
    if (w->choosing && !w->chosen[bucket])
        return CRM_OK;
    w->items.bytes.n = w->items.lengths.n = 0;
    rc = crm__untag(w->r->txn->store, KV_DAY, k, v, &payload);
    if (!rc)
        rc = crm__day_items(w->work, payload, &w->items);
    if (rc && rc != CRM_ECORRUPT)
        return rc;
    if (rc || !in_place(w, k))
        w->bad[bucket] = 1;
    if (!rc)
        rc = take_items(w, k.p);
    if (rc == CRM_ECORRUPT)
        rc = CRM_OK;
    if (!rc && w->choosing)
        rc = crm__edits_del(&w->r->txn->edits, KV_DAY, k);
    return rc;
}

static int each_part(day_work *w)
{
    uint8_t end[4];
    crm__slice k, v;
    kv_cursor *c;
    int rc;

    w->place.begun = 0;
    crm__put_be32(end, (uint32_t)w->chunk + 1);
    rc = crm__repair_behind(w->r, KV_DAY, &w->at, &c, &k, &v);
    for (; !rc; rc = rc ? rc : c->ops->next(c, &k, &v)) {
        if (w->chunk < UINT32_MAX && crm__slice_compare(k, crm__slice_of(end, sizeof end)) >= 0)
            break;
        rc = part(w, k, v);
        if (!rc)
            rc = crm__repair_work(w->r, 1);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* ---- chunks ---- */

/* Buckets that differ, as many as a step takes; 0: there is none.  *more: not all were taken. */
static int choose(day_work *w, int *more)
{
    uint64_t items = 0;
    int n = 0;

    for (int i = 0; i < BUCKETS; i++) {
        const crm__sum *a = &w->want[i], *b = &w->have[i];
        w->chosen[i] = 0;
        if (!w->bad[i] && a->a == b->a && a->b == b->b && a->count == b->count)
            continue;
        if (items > ITEMS_MOST) {
            *more = 1;
            break;
        }
        w->chosen[i] = 1;
        items += a->count;
        n++;
    }
    return n;
}

static int next_chunk(day_work *w, int *more)
{
    uint64_t events = UINT64_MAX, stored = UINT64_MAX;
    uint8_t key[CRM__KEY_U64], padded[4] = {0};
    crm__slice k, v;
    kv_cursor *c;
    int rc = crm__repair_from(w->r, KV_EVENT, crm__key_u64(key, (w->chunk + 1) << CRM__CHUNK_SHIFT),
                              &c, &k, &v);

    if (!rc && k.n >= CRM__KEY_U64)
        events = crm__get_be64(k.p) >> CRM__CHUNK_SHIFT;
    if (!rc || rc == CRM_ENOTFOUND)
        rc = crm__repair_behind(w->r, KV_DAY, &w->at, &c, &k, &v);
    if (!rc) {
        memcpy(padded, k.p, k.n < sizeof padded ? k.n : sizeof padded);
        stored = crm__get_be32(padded);
    }
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    w->chunk = events < stored ? events : stored;
    w->rounds = 0;
    *more = w->chunk <= UINT32_MAX;
    return CRM_OK;
}

static int sum_all(day_work *w)
{
    int rc;

    w->choosing = 0;
    memset(w->unread, 0, sizeof w->unread);
    do { /* what is summed of a customer before one of its rows is lost is none of it */
        w->found = 0;
        memset(w->want, 0, sizeof w->want);
        rc = each_event(w);
    } while (!rc && w->found);
    memset(w->have, 0, sizeof w->have);
    memset(w->bad, 0, sizeof w->bad);
    return rc ? rc : each_part(w);
}

static int step(crm__repair *r, void *ctx, int *more)
{
    day_work *w = ctx;
    int rc;

    w->r = r;
    r->txn->edits.totals = 0; /* made anew behind all lists */
    rc = sum_all(w);
    if (rc)
        return rc;
    if (w->rounds++ < ROUNDS_MOST && choose(w, more)) {
        w->choosing = 1;
        rc = each_part(w);
        if (!rc)
            rc = each_event(w);
        if (rc || *more) /* the same chunk once more */
            return rc;
    }
    crm__repair_note_chunk(&w->at, w->chunk);
    return next_chunk(w, more);
}

int crm__repair_days(crm__repair *r)
{
    day_work *w = crm__calloc(r->mem, 1, sizeof *w);
    int rc = CRM_ENOMEM;

    if (!w)
        return crm__fail_nomem(r->err);
    crm__random(&w->seed, sizeof w->seed);
    crm__arena_init(&w->arena, r->mem);
    crm__buf_init(&w->row, r->mem);
    crm__day_list_init(&w->items, r->mem);
    w->work = crm__day_work_new(r->mem);
    if (w->work)
        rc = crm__repair_steps(r, step, w);
    else
        crm__fail_nomem(r->err);
    crm__day_work_free(w->work);
    crm__day_list_clear(&w->items);
    crm__buf_clear(&w->row);
    crm__arena_clear(&w->arena);
    crm__release(r->mem, w);
    return rc;
}
