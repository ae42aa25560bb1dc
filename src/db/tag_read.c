/* SPDX-License-Identifier: MIT
 * Reading the tags of customers and where they came from: see tagged.h.
 */
#include "bits/kernel.h"
#include "db/tag_end.h"
#include "db/tagged.h"

#include <crm/journal.h>
#include <string.h>

/* ---- keys in order ---- */

static int stored_near(crm_txn *txn, kv_space space, crm__slice key, int back, int past,
                       crm__slice *k)
{
    crm__slice v;
    int rc;
    kv_cursor *c = crm__txn_cursor(txn, space, &rc);

    if (rc)
        return rc;
    rc = c->ops->seek(c, back ? KV_LE : KV_GE, key, k, &v);
    if (!rc && past && crm__slice_compare(*k, key) == 0)
        rc = back ? c->ops->prev(c, k, &v) : c->ops->next(c, k, &v);
    return rc;
}

int crm__tag_near(crm_txn *txn, kv_space space, crm__slice key, int back, int past, uint8_t *out,
                  size_t size)
{
    uint8_t from[CRM__KEY_TAGGED];

    memcpy(from, key.p, size);
    for (;;) {
        crm__slice k = {NULL, 0}, ek = {NULL, 0}, payload;
        int state = CRM__EDIT_NONE, rc, deleted = 0;
        crm__slice at = crm__slice_of(from, size);
        rc = stored_near(txn, space, at, back, past, &k);
        if (rc && rc != CRM_ENOTFOUND)
            return rc;
        if (!rc && k.n != size)
            return CRM_ECORRUPT;
        if (txn->write &&
            crm__edits_near(&txn->edits, space, at, back, past, &state, &ek, &payload))
            return CRM_ENOMEM;
        if (state == CRM__EDIT_NONE && rc)
            return CRM_ENOTFOUND;
        if (state != CRM__EDIT_NONE &&
            (rc || (back ? crm__slice_compare(ek, k) >= 0 : crm__slice_compare(ek, k) <= 0))) {
            deleted = state == CRM__EDIT_DEL;
            k = ek;
        }
        memcpy(from, k.p, size);
        if (!deleted) {
            memcpy(out, from, size);
            return CRM_OK;
        }
        past = 1;
    }
}

/* ---- the walk ---- */

void crm__tag_walk_open(crm_txn *txn, uint64_t chunk, uint32_t tag, uint64_t last, crm__tag_walk *w)
{
    memset(w, 0, sizeof *w);
    w->txn = txn;
    w->chunk = chunk;
    w->tag = tag;
    crm__key_tagged(w->key, chunk, tag, last, UINT32_MAX);
}

/* To the next part of the walk. */
static int walk_step(crm__tag_walk *w)
{
    uint8_t first[CRM__KEY_TAGGED];
    int rc;

    if (w->done)
        return CRM_ENOTFOUND;
    crm__key_tagged(first, w->chunk, w->tag, 0, 0);
    rc = crm__tag_near(w->txn, KV_TAGGED, crm__slice_of(w->key, sizeof w->key), 1, w->past, w->key,
                       sizeof w->key);
    if (!rc && memcmp(w->key, first, 8) != 0)
        rc = CRM_ENOTFOUND;
    w->done = rc != CRM_OK;
    w->past = 1;
    w->seq = crm__get_be64(w->key + 8);
    w->part = crm__get_be32(w->key + 16);
    return rc;
}

int crm__tag_walk_next(crm__tag_walk *w)
{
    for (;;) {
        int rc = walk_step(w);
        if (rc)
            return rc;
        memset(w->words, 0, sizeof w->words);
        rc = crm__txn_set(w->txn, KV_TAGGED, crm__slice_of(w->key, sizeof w->key), w->words);
        if (rc)
            return rc;
        if (crm__set_next(w->words, 0) >= 0)
            return CRM_OK;
    }
}

int crm__tag_edge(crm_txn *txn, uint32_t tag, crm_id id, uint64_t last, uint64_t *seq,
                  uint32_t *part, crm__tag_how *how)
{
    uint32_t row = (uint32_t)(id & (CRM__CHUNK_ROWS - 1));
    crm__tag_walk *w = crm__alloc(txn->mem, sizeof *w);
    int rc, has = 0;

    if (!w)
        return CRM_ENOMEM;
    crm__tag_walk_open(txn, id >> CRM__CHUNK_SHIFT, tag, last, w);
    do {
        rc = walk_step(w);
        if (!rc)
            rc = crm__txn_set_row(txn, KV_TAGGED, crm__slice_of(w->key, sizeof w->key), row, 1,
                                  &has);
    } while (!rc && !has);
    if (!rc) {
        *seq = w->seq;
        *part = w->part;
        if (w->part == CRM__TAGGED_REMOVED)
            memset(how, 0, sizeof *how);
        else
            rc = crm__tag_how_read(txn, w->seq, CRM__TAGGED_GROUP(w->part), how);
    }
    crm__release(txn->mem, w);
    return rc;
}

/* ---- sets ---- */

int crm__tag_words(crm_txn *txn, uint64_t chunk, uint32_t tag, int ends, int64_t now,
                   uint64_t words[CRM__SET_WORDS])
{
    uint64_t own[CRM__SET_WORDS] = {0};
    uint8_t key[CRM__KEY_TAG];
    int rc = crm__txn_set(txn, KV_TAG, crm__key_tag(key, chunk, tag), own);

    if (!rc && ends && crm__set_next(own, 0) >= 0)
        rc = crm__tag_unexpired(txn, chunk, tag, now, own);
    for (int i = 0; i < CRM__SET_WORDS && !rc; i++)
        words[i] |= own[i];
    return rc;
}

/* ---- the journal's commitment ---- */

typedef struct sum {
    crm_txn *txn;
    uint64_t seq;
    uint8_t *digest;
    uint64_t rows;
    crm__buf payload;
} sum;

static void fold(sum *s, const uint8_t *key, crm__slice payload)
{
    uint8_t length[2];
    crm__slice parts[4] = {
        {s->digest, CRM__DIGEST}, {length, sizeof length}, {key, CRM__KEY_TAGGED}, payload};

    crm__put_le16(length, CRM__KEY_TAGGED);
    crm__digest(NULL, parts, 4, s->digest);
    s->rows++;
}

/* The payload that a row has, or will have once it is stored; none for an empty set. */
static int row_payload(sum *s, crm__slice key, int is_set, crm__slice *payload)
{
    crm__slice stored = {NULL, 0};
    const uint64_t *ops;
    uint32_t count = 0;
    int rc;

    if (!is_set)
        return crm__txn_read(s->txn, KV_TAGGED, key, payload);
    rc = crm__txn_stored(s->txn, KV_TAGGED, key, &stored);
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    *payload = stored;
    ops = s->txn->write ? crm__edits_ops(&s->txn->edits, KV_TAGGED, key, &count) : NULL;
    if (!count)
        return CRM_OK;
    rc = crm__edits_make_set(ops, count, stored, &s->payload);
    *payload = crm__slice_of(s->payload.p, s->payload.n);
    return rc;
}

/* All rows of the entry under one chunk and tag. */
static int add_rows(sum *s, uint64_t chunk, uint32_t tag)
{
    uint8_t first[CRM__KEY_TAGGED], key[CRM__KEY_TAGGED];
    crm__slice payload;
    int rc, past = 0;

    crm__key_tagged(first, chunk, tag, s->seq, 0);
    memcpy(key, first, sizeof key);
    for (;; past = 1) {
        rc = crm__tag_near(s->txn, KV_TAGGED, crm__slice_of(key, sizeof key), 0, past, key,
                           sizeof key);
        if (rc == CRM_ENOTFOUND || (!rc && memcmp(key, first, sizeof key - 4) != 0))
            return CRM_OK;
        if (!rc)
            rc = row_payload(s, crm__slice_of(key, sizeof key), chunk != CRM__TAGGED_HOW, &payload);
        if (rc)
            return rc;
        if (payload.n)
            fold(s, key, payload);
    }
}

unsigned crm__tagged_way(uint32_t part)
{
    return part == CRM__TAGGED_REMOVED ? CRM_TAG_TAKEN : part % 2 ? CRM_TAG_GIVEN : CRM_TAG_RENEWED;
}

int crm__tagged_rows(crm_txn *txn, uint64_t seq, uint64_t chunk, uint32_t tag, unsigned ways,
                     uint64_t words[CRM__SET_WORDS])
{
    uint8_t first[CRM__KEY_TAGGED], key[CRM__KEY_TAGGED];
    int rc, past = 0;

    crm__key_tagged(first, chunk, tag, seq, 0);
    memcpy(key, first, sizeof key);
    for (;; past = 1) {
        rc =
            crm__tag_near(txn, KV_TAGGED, crm__slice_of(key, sizeof key), 0, past, key, sizeof key);
        if (rc == CRM_ENOTFOUND || (!rc && memcmp(key, first, sizeof key - 4) != 0))
            return CRM_OK;
        if (!rc && ways >> crm__tagged_way(crm__get_be32(key + sizeof key - 4)) & 1)
            rc = crm__txn_set(txn, KV_TAGGED, crm__slice_of(key, sizeof key), words);
        if (rc)
            return rc;
    }
}

int crm__tag_steps(crm_txn *txn, crm_id id, crm__buf *out)
{
    uint64_t chunk = id >> CRM__CHUNK_SHIFT;
    crm__tag_walk *w = crm__alloc(txn->mem, sizeof *w);
    int rc = w ? CRM_OK : CRM_ENOMEM, has;

    if (rc || chunk >= CRM__TAGGED_HOW) {
        crm__release(txn->mem, w);
        return rc;
    }
    crm__tag_walk_open(txn, chunk, 0, 0, w);
    crm__key_tagged(w->key, chunk, 0, 0, 0);
    while (!rc) {
        crm__tag_step step;
        rc = crm__tag_near(txn, KV_TAGGED, crm__slice_of(w->key, sizeof w->key), 0, w->past, w->key,
                           sizeof w->key);
        if (rc || crm__get_be32(w->key) != chunk)
            break;
        w->past = 1;
        rc = crm__txn_set_row(txn, KV_TAGGED, crm__slice_of(w->key, sizeof w->key),
                              (uint32_t)(id & (CRM__CHUNK_ROWS - 1)), 1, &has);
        if (rc || !has)
            continue;
        step.tag = crm__get_be32(w->key + 4);
        step.seq = crm__get_be64(w->key + 8);
        step.part = crm__get_be32(w->key + 16);
        crm__buf_add(out, &step, sizeof step);
        rc = out->failed ? CRM_ENOMEM : CRM_OK;
    }
    crm__release(txn->mem, w);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__tagged_sum(crm_txn *txn, uint64_t seq, crm__slice chunks, const uint32_t *tags,
                    uint32_t count, uint8_t digest[CRM__DIGEST], uint64_t *rows)
{
    sum s = {txn, seq, digest, 0, {0}};
    uint64_t first, n;
    crm__runs r;
    int rc = crm__runs_open(chunks, &r);

    memset(digest, 0, CRM__DIGEST);
    crm__buf_init(&s.payload, txn->mem);
    while (!rc && crm__runs_next(&r, &first, &n)) {
        if (first + n - 2 > txn->state.counters.next_id >> CRM__CHUNK_SHIFT)
            rc = CRM_ECORRUPT; /* before it is walked through */
        for (uint64_t c = first; c < first + n && !rc; c++) {
            for (uint32_t i = 0; i < count && !rc; i++)
                rc = add_rows(&s, c - 1, tags[i]);
        }
    }
    if (!rc && r.in.failed)
        rc = CRM_ECORRUPT;
    if (!rc)
        rc = add_rows(&s, CRM__TAGGED_HOW, 0);
    crm__buf_clear(&s.payload);
    if (rows)
        *rows += s.rows;
    return rc;
}
