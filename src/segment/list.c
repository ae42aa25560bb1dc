/* SPDX-License-Identifier: MIT
 * Walks over the customers of a segment: by id chunk by chunk, in another order from a heap of
 * those that come first.
 */
#include "base/error.h"
#include "segment/order.h"
#include "segment/segment.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE = 256 }; /* entries whose values lie together */

struct crm_segment_iter {
    crm__child child; /* first: the transaction knows the walk by it */
    crm_allocator mem;
    crm_db *db;
    crm__asking asking;
    crm__order_list order;
    uint64_t left; /* of the limit */
    crm_id last;   /* given, 0: none yet */
    int done;

    /* By id. */
    uint64_t chunk;
    uint32_t row;
    int loaded;
    uint64_t words[CRM__SET_WORDS];

    /* In another order: a heap whose first is the last in order, then sorted. */
    crm__arena texts;
    crm__order_entry *entries;
    size_t count, cap, at;
    size_t made;              /* entries that have a place for their values */
    crm__order_value *values; /* the present piece of such places */
    size_t values_left;
    crm__order_entry after;   /* id 0: from the beginning */
    crm__order_value end;     /* what the last entry had when a chunk was begun, by the first key */
    int rc;                   /* a failure inside a comparison */
};

/* ---- in order of ids ---- */

static int next_by_id(crm_segment_iter *it, crm_id *id)
{
    for (; it->chunk < it->asking.plan.chunks; it->chunk++, it->row = 0, it->loaded = 0) {
        int32_t row;
        if (!it->loaded) {
            int any, rc = crm__run_chunk(&it->asking.run, it->chunk, it->words, &any);
            if (rc)
                return rc;
            it->loaded = 1;
        }
        row = crm__set_next(it->words, it->row);
        if (row >= 0) {
            it->row = (uint32_t)row + 1;
            *id = (it->chunk << CRM__CHUNK_SHIFT) + (uint64_t)row;
            return CRM_OK;
        }
    }
    return CRM_DONE;
}

/* ---- in another order ---- */

static int compare(crm_segment_iter *it, crm__order_entry *x, crm__order_entry *y)
{
    int c = 0;

    if (!it->rc && !crm__order_told(&it->order, x, y, &c))
        c = crm__order_compare(&it->asking.run, &it->order, &it->texts, x, y, &it->rc);
    return c;
}

static void swap(crm__order_entry *x, crm__order_entry *y)
{
    crm__order_entry t = *x;

    *x = *y;
    *y = t;
}

static void sift_up(crm_segment_iter *it, size_t at)
{
    while (at > 0 && compare(it, &it->entries[at], &it->entries[(at - 1) / 2]) > 0) {
        swap(&it->entries[at], &it->entries[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(crm_segment_iter *it, size_t count)
{
    for (size_t at = 0;;) {
        size_t child = at * 2 + 1;
        if (child >= count)
            return;
        if (child + 1 < count && compare(it, &it->entries[child + 1], &it->entries[child]) > 0)
            child++;
        if (compare(it, &it->entries[child], &it->entries[at]) <= 0)
            return;
        swap(&it->entries[child], &it->entries[at]);
        at = child;
    }
}

/* Room for more entries.  Their values lie in pieces that stay where they are, so that no walk stops
 * to move the values of all it found. */
static int grow(crm_segment_iter *it)
{
    size_t cap = it->cap ? it->cap * 2 : 64;
    crm__order_entry *e;

    if (cap > it->left)
        cap = (size_t)it->left;
    e = crm__realloc(&it->mem, it->entries, (cap + 1) * sizeof *e);
    if (!e)
        return CRM_ENOMEM;
    it->entries = e;
    it->cap = cap;
    return CRM_OK;
}

/* Room for n values: an arena's is aligned to 8 bytes, which is not enough for their numbers. */
static crm__order_value *values_room(crm_segment_iter *it, size_t n)
{
    enum { ALIGN = _Alignof(crm__order_value) };
    uint8_t *p = crm__arena_alloc(&it->texts, n * sizeof(crm__order_value) + ALIGN);

    return p ? (crm__order_value *)(void *)(p + (0 - (uintptr_t)p) % ALIGN) : NULL;
}

/* The room of the candidate, entries[count], with a place for its values. */
static crm__order_entry *candidate(crm_segment_iter *it)
{
    crm__order_entry *e = &it->entries[it->count];
    size_t keys = it->order.count;

    if (it->count < it->made)
        return e;
    if (!it->values_left) {
        it->values = values_room(it, PIECE * keys);
        it->values_left = it->values ? PIECE : 0;
    }
    if (!it->values_left)
        return NULL;
    memset(e, 0, sizeof *e);
    e->values = it->values + (PIECE - it->values_left--) * keys;
    it->made++;
    return e;
}

/* at_end: by the first key the candidate has what the last entry had when the chunk was begun. */
static int offer(crm_segment_iter *it, crm_id id, int at_end)
{
    crm__order_entry *e;

    if (it->count == it->cap && it->cap < it->left && grow(it))
        return CRM_ENOMEM;
    e = candidate(it);
    if (!e)
        return CRM_ENOMEM;
    e->id = id;
    e->loaded = at_end != 0;
    if (at_end)
        e->values[0] = it->end;
    if (it->after.id && compare(it, e, &it->after) <= 0)
        return it->rc;
    if (it->rc)
        return it->rc;
    if (it->count < it->cap) {
        sift_up(it, it->count++);
        return it->rc;
    }
    if (compare(it, e, &it->entries[0]) < 0 && !it->rc) {
        swap(e, &it->entries[0]);
        sift_down(it, it->count);
    }
    return it->rc;
}

/* With enough entries, rows that come behind the last of them need not be looked at; the last one
 * changes as entries are found, so it is asked block by block. */
static int offer_block(crm_segment_iter *it, uint64_t chunk, uint32_t block)
{
    uint64_t *words = it->words + block * CRM__COLUMN_WORDS;
    int n = block + 1 == CRM__COLUMN_BLOCKS ? CRM__COLUMN_LAST_WORDS : CRM__COLUMN_WORDS;
    uint64_t any = 0, first = (chunk << CRM__CHUNK_SHIFT) + block * CRM__COLUMN_ROWS;
    int rc = CRM_OK, at_end = crm__order_at_end(&it->asking.run, &it->order, block);

    for (int w = 0; w < n; w++)
        any |= words[w];
    if (!any)
        return CRM_OK;
    if (it->count == it->left)
        rc = crm__order_cut_block(&it->asking.run, &it->order, &it->entries[0], chunk, block, words,
                                  n);
    for (int w = 0; w < n && !rc; w++) {
        for (uint64_t bits = words[w]; bits && !rc; bits &= bits - 1) {
            rc = offer(it, first + (uint64_t)w * 64 + (uint64_t)__builtin_ctzll(bits), at_end);
            if (!rc)
                rc = crm__run_read(&it->asking.run);
        }
    }
    return rc;
}

static int offer_chunk(crm_segment_iter *it, uint64_t chunk)
{
    int any = 0, rc;

    if (it->count == it->left) {
        crm__order_cut(&it->order, &it->entries[0], &it->asking.run);
        if (it->asking.run.cut.on)
            it->end = it->entries[0].values[0];
    }
    rc = crm__run_chunk(&it->asking.run, chunk, it->words, &any);
    if (!rc && any && it->count < it->left && !it->after.id)
        rc = crm__order_trim(&it->asking.run, &it->order, it->left, it->words);
    if (!rc && any && it->count == it->left)
        rc = crm__order_cut_chunk(&it->asking.run, &it->order, &it->entries[0], it->words);
    for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS && any && !rc; b++)
        rc = offer_block(it, chunk, b);
    return rc;
}

static int gather(crm_segment_iter *it)
{
    crm__asking *a = &it->asking;
    int rc = grow(it);

    if (!rc)
        rc = crm__order_walk(&a->run, &it->order);
    for (uint64_t c = 0; c < a->plan.chunks && !rc; c++)
        rc = offer_chunk(it, c);
    a->run.cut.on = 0;
    /* What a write transaction changes later must not move the places of those who were found. */
    for (size_t i = 0; a->run.txn->write && i < it->count && !rc; i++) {
        rc = crm__order_load_all(&a->run, &it->order, &it->texts, &it->entries[i]);
        if (!rc)
            rc = crm__run_read(&a->run);
    }
    for (size_t n = it->count; n > 1 && !rc; n--) {
        swap(&it->entries[0], &it->entries[n - 1]);
        sift_down(it, n - 1);
        rc = it->rc ? it->rc : crm__run_read(&it->asking.run);
    }
    crm__order_walked(&it->order);
    return rc;
}

/* ---- the walk ---- */

static int begin_at(crm_segment_iter *it, const char *after, crm_error *err)
{
    size_t keys = it->order.count + 1u;
    int rc;

    if (!after)
        return CRM_OK;
    it->after.values = values_room(it, keys);
    if (!it->after.values)
        return crm__fail_nomem(err);
    rc = crm__order_after(&it->order, after, &it->texts, &it->after, err);
    if (rc || it->order.count)
        return rc;
    it->chunk = (it->after.id + 1) >> CRM__CHUNK_SHIFT;
    it->row = (uint32_t)(it->after.id + 1) & 0xffff;
    return CRM_OK;
}

int crm_segment_list(crm_txn *txn, const crm_segment *s, const crm_segment_options *opts,
                     crm_segment_iter **out, crm_error *err)
{
    crm_segment_options o;
    crm_segment_iter *it;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__txn_enter(txn, 0, err);
    if (!rc)
        rc = crm__segment_options(opts, &o, err);
    if (rc)
        return rc;
    it = crm__calloc(txn->mem, 1, sizeof *it);
    if (!it)
        return crm__fail_nomem(err);
    it->mem = *txn->mem;
    it->db = txn->db;
    it->left = o.limit ? o.limit : UINT64_MAX;
    crm__arena_init(&it->texts, txn->mem);
    rc = crm__segment_begin(txn, s, opts, &it->asking, err);
    if (!rc)
        rc = crm__order_read(&it->mem, it->asking.plan.model, o.order, &it->order, err);
    if (!rc)
        rc = begin_at(it, o.after, err);
    if (!rc)
        rc = crm__segment_hand_out(txn, s, o.reason, err);
    if (!rc && it->order.count) {
        rc = gather(it);
        if (rc)
            rc = crm__segment_fail(txn, rc, err);
    }
    crm__db_hold(txn->db);
    crm__child_add(txn, &it->child);
    if (rc)
        crm_segment_list_close(it);
    else
        *out = it;
    return rc;
}

static int next_sorted(crm_segment_iter *it, crm_id *id)
{
    if (it->at == it->count)
        return CRM_DONE;
    *id = it->entries[it->at++].id;
    return CRM_OK;
}

int crm_segment_next(crm_segment_iter *it, crm_id *id, crm_error *err)
{
    crm_txn *txn;
    int rc;

    if (id)
        *id = 0;
    if (!it || !id)
        return crm__fail_field(err, CRM_EINVAL, it ? "id" : "it", "%s is NULL", it ? "id" : "it");
    rc = crm__child_enter(&it->child, it->db, &txn, err);
    if (rc)
        return rc;
    if (it->done || !it->left)
        return CRM_DONE;
    rc = it->order.count ? next_sorted(it, id) : next_by_id(it, id);
    if (rc == CRM_DONE)
        it->done = 1;
    else if (!rc)
        it->left--;
    if (!rc)
        it->last = *id;
    return rc < 0 ? crm__segment_fail(txn, rc, err) : rc;
}

int crm_segment_key(const crm_segment_iter *it, char **key, crm_error *err)
{
    crm__order_entry e = {0, 0, NULL};
    crm__buf b;
    crm_txn *txn;
    int rc;

    if (key)
        *key = NULL;
    if (!it || !key)
        return crm__fail_field(err, CRM_EINVAL, it ? "key" : "it", "%s is NULL", it ? "key" : "it");
    rc = crm__child_enter(&it->child, it->db, &txn, err);
    if (!rc && !it->last)
        rc = crm__fail(err, CRM_ESTATE, "the walk has given no customer yet");
    if (rc)
        return rc;
    e.id = it->last;
    if (it->order.count) {
        crm_segment_iter *w = (crm_segment_iter *)(uintptr_t)it;
        e = it->entries[it->at - 1];
        crm__order_forget(&w->order);
        rc = crm__order_load_all(&w->asking.run, &w->order, &w->texts, &e);
        if (rc)
            return crm__segment_fail(txn, rc, err);
    }
    crm__buf_init(&b, &it->mem);
    crm__order_key(&it->order, &e, &b);
    *key = b.failed ? NULL : crm__give(&it->mem, b.p, b.n);
    crm__buf_clear(&b);
    return *key ? CRM_OK : crm__fail_nomem(err);
}

void crm_segment_list_close(crm_segment_iter *it)
{
    crm_allocator mem;
    crm_db *db;

    if (!it)
        return;
    mem = it->mem;
    db = it->db;
    crm__child_remove(&it->child);
    crm__segment_end(&it->asking);
    crm__order_end(&it->order);
    crm__arena_clear(&it->texts);
    crm__release(&mem, it->entries);
    crm__release(&mem, it);
    crm__db_drop(db);
}
