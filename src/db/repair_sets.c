/* SPDX-License-Identifier: MIT
 * Repair of the sets: a chunk in a step.  Its sets are made of its records, and the stored ones
 * that differ are replaced; bits of customers whose record can't be read stay as they are stored.
 */
#include "db/chunk_sets.h"
#include "db/repair.h"

#include <string.h>

typedef struct chunk_work {
    crm__repair *r;
    uint64_t chunk;
    crm__chunk_sets sets;
    uint64_t unread[CRM__SET_WORDS];
    crm__record record;
    crm__buf scratch, out;
    crm__repair_at at; /* stored rows compared */
} chunk_work;

/* ---- what the records say ---- */

static int add_bit(void *ctx, const crm__derived *item)
{
    chunk_work *w = ctx;

    return item->what == CRM__DERIVED_BIT
               ? crm__chunk_sets_put(&w->sets, item->key.p[4], crm__get_be32(item->key.p + 5),
                                     (uint32_t)item->member)
               : CRM_OK;
}

/* Customers from one id to before another are not there; those ever given should be. */
static void missing(chunk_work *w, crm_id from, crm_id to)
{
    for (; from < to && from < w->r->next_id; from++)
        crm__set_put(w->unread, (uint32_t)from & 0xffff, 1);
}

static int add_record(chunk_work *w, crm_id id, crm__slice k, crm__slice v)
{
    crm__slice payload;
    int rc = crm__untag(w->r->txn->store, KV_CUSTOMER, k, v, &payload);

    if (!rc)
        rc = crm__record_decode(w->r->mem, payload, &w->record);
    if (!rc)
        rc = crm__derive(w->r->txn, w->r->model, id, &w->record, 0, 1, &w->scratch, add_bit, w);
    if (rc == CRM_ECORRUPT) {
        crm__set_put(w->unread, (uint32_t)id & 0xffff, 1);
        rc = CRM_OK;
    }
    return rc ? rc : crm__repair_work(w->r, 1);
}

static int gather(chunk_work *w)
{
    crm_id first = w->chunk << CRM__CHUNK_SHIFT, end = first + CRM__CHUNK_ROWS;
    crm_id next = first ? first : 1;
    uint8_t key[CRM__KEY_U64];
    crm__slice k, v;
    kv_cursor *c;
    int rc = crm__repair_from(w->r, KV_CUSTOMER, crm__key_u64(key, next), &c, &k, &v);

    for (; !rc; rc = rc ? rc : c->ops->next(c, &k, &v)) {
        crm_id id = k.n == CRM__KEY_U64 ? crm__get_be64(k.p) : 0;
        if (k.n >= CRM__KEY_U64 && crm__get_be64(k.p) >= end)
            break;
        if (!id)
            continue;
        missing(w, next, id);
        next = id + 1;
        rc = add_record(w, id, k, v);
    }
    missing(w, next, end);
    crm__chunk_sets_sort(&w->sets);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* ---- against what is stored ---- */

static int put_set(chunk_work *w, crm__slice key, const uint64_t *words)
{
    w->out.n = 0;
    crm__set_store(words, &w->out);
    if (w->out.failed)
        return CRM_ENOMEM;
    if (!w->out.n)
        return crm__edits_del(&w->r->txn->edits, KV_BITS, key);
    return crm__edits_put(&w->r->txn->edits, KV_BITS, key, crm__slice_of(w->out.p, w->out.n), 0);
}

/* What the records say that can be read. */
static void wanted(const chunk_work *w, const crm__chunk_set *want, uint64_t *words)
{
    crm__chunk_set_words(want, words);
    for (uint32_t i = 0; i < CRM__SET_WORDS; i++)
        words[i] &= ~w->unread[i];
}

static int put_missing(chunk_work *w, const crm__chunk_set *want)
{
    uint64_t words[CRM__SET_WORDS];
    uint8_t key[CRM__KEY_BITS];

    wanted(w, want, words);
    if (crm__set_next(words, 0) < 0)
        return CRM_OK;
    return put_set(w, crm__key_bits(key, w->chunk, want->index, want->value), words);
}

static int compare(chunk_work *w, crm__slice k, crm__slice v, const crm__chunk_set *want)
{
    uint64_t have[CRM__SET_WORDS] = {0}, words[CRM__SET_WORDS];
    crm__slice payload;
    int damaged = crm__untag(w->r->txn->store, KV_BITS, k, v, &payload) != CRM_OK;

    if (!damaged && crm__set_load(payload, have)) {
        damaged = 1;
        memset(have, 0, sizeof have);
    }
    wanted(w, want, words);
    for (uint32_t i = 0; i < CRM__SET_WORDS; i++)
        words[i] |= have[i] & w->unread[i];
    if (!damaged && memcmp(words, have, sizeof have) == 0)
        return CRM_OK;
    return put_set(w, k, words);
}

/* Stored rows up to the end of the chunk, and the made sets, both in order of keys. */
static int compare_all(chunk_work *w)
{
    uint8_t end[4];
    size_t i = 0;
    crm__slice k, v;
    kv_cursor *c;
    int rc = crm__repair_behind(w->r, KV_BITS, &w->at, &c, &k, &v);

    crm__put_be32(end, (uint32_t)w->chunk + 1);
    for (; !rc; rc = rc ? rc : c->ops->next(c, &k, &v)) {
        int order = -1;
        if (w->chunk < UINT32_MAX && crm__slice_compare(k, crm__slice_of(end, sizeof end)) >= 0)
            break;
        if (k.n != CRM__KEY_BITS) {
            rc = crm__edits_del(&w->r->txn->edits, KV_BITS, k);
            continue;
        }
        while (!rc && i < w->sets.count &&
               (order = crm__chunk_set_order(&w->sets.of[i], k.p[4], crm__get_be32(k.p + 5))) < 0)
            rc = put_missing(w, &w->sets.of[i++]);
        if (!rc)
            rc = compare(w, k, v, i < w->sets.count && order == 0 ? &w->sets.of[i++] : NULL);
        if (!rc)
            rc = crm__repair_work(w->r, 1);
    }
    if (rc == CRM_ENOTFOUND)
        rc = CRM_OK;
    while (!rc && i < w->sets.count)
        rc = put_missing(w, &w->sets.of[i++]);
    crm__repair_note_chunk(&w->at, w->chunk);
    return rc;
}

/* ---- chunks ---- */

/* The next chunk that has customers or stored rows. */
static int next_chunk(chunk_work *w, int *more)
{
    uint64_t customers = UINT64_MAX, stored = UINT64_MAX;
    uint8_t key[CRM__KEY_U64], padded[4] = {0};
    crm__slice k, v;
    kv_cursor *c;
    int rc = crm__repair_from(w->r, KV_CUSTOMER,
                              crm__key_u64(key, (w->chunk + 1) << CRM__CHUNK_SHIFT), &c, &k, &v);

    if (!rc && k.n >= CRM__KEY_U64)
        customers = crm__get_be64(k.p) >> CRM__CHUNK_SHIFT;
    if (!rc || rc == CRM_ENOTFOUND)
        rc = crm__repair_behind(w->r, KV_BITS, &w->at, &c, &k, &v);
    if (!rc) {
        memcpy(padded, k.p, k.n < sizeof padded ? k.n : sizeof padded);
        stored = crm__get_be32(padded);
    }
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    w->chunk = customers < stored ? customers : stored;
    *more = w->chunk <= UINT32_MAX;
    return CRM_OK;
}

static int step(crm__repair *r, void *ctx, int *more)
{
    chunk_work *w = ctx;
    int rc;

    w->r = r;
    crm__chunk_sets_reset(&w->sets);
    memset(w->unread, 0, sizeof w->unread);
    rc = gather(w);
    if (!rc)
        rc = compare_all(w);
    return rc ? rc : next_chunk(w, more);
}

int crm__repair_sets(crm__repair *r)
{
    chunk_work *w = crm__calloc(r->mem, 1, sizeof *w);
    int rc;

    if (!w)
        return crm__fail_nomem(r->err);
    crm__chunk_sets_init(&w->sets, r->mem);
    crm__buf_init(&w->scratch, r->mem);
    crm__buf_init(&w->out, r->mem);
    rc = crm__repair_steps(r, step, w);
    crm__chunk_sets_clear(&w->sets);
    crm__record_clear(r->mem, &w->record);
    crm__buf_clear(&w->scratch);
    crm__buf_clear(&w->out);
    crm__release(r->mem, w);
    return rc;
}
