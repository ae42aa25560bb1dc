/* SPDX-License-Identifier: MIT
 * Undo of what some journal entries did to a tag in a chunk: each customer gets back what it had
 * before the first of them, with its end and its reason, unless another entry touched it since.
 */
#include "tag/tag.h"

#include <string.h>

/* Rows that had the tag before, all in one way. */
typedef struct had {
    struct had *next;
    crm__tag_how how;
    uint64_t words[CRM__SET_WORDS];
} had;

typedef struct look {
    crm_txn *txn;
    crm__arena *a;
    uint64_t touched[CRM__SET_WORDS], others[CRM__SET_WORDS];
    uint64_t conflict[CRM__SET_WORDS], known[CRM__SET_WORDS]; /* known: what was before */
    had *list;
} look;

static int add_had(look *l, const crm__tag_walk *w, const uint64_t *rows)
{
    had *h = crm__arena_alloc(l->a, sizeof *h);
    uint8_t *reason;
    int rc;

    if (!h)
        return CRM_ENOMEM;
    rc = crm__tag_how_read(l->txn, w->seq, CRM__TAGGED_GROUP(w->part), &h->how);
    reason = rc ? NULL : crm__arena_alloc(l->a, h->how.reason.n + 1);
    if (rc || !reason)
        return rc ? rc : CRM_ENOMEM;
    if (h->how.reason.n)
        memcpy(reason, h->how.reason.p, h->how.reason.n);
    h->how.reason.p = reason;
    memcpy(h->words, rows, sizeof h->words);
    h->next = l->list;
    l->list = h;
    return CRM_OK;
}

/* One part of an entry, the last entries first. */
static int see(look *l, const crm__tag_walk *w, int mine)
{
    uint64_t rows[CRM__SET_WORDS], any = 0;

    for (int i = 0; i < CRM__SET_WORDS; i++) {
        uint64_t x = w->words[i];
        if (mine) {
            l->conflict[i] |= x & l->others[i];
            l->touched[i] |= x;
            continue;
        }
        any |= rows[i] = x & l->touched[i] & ~l->known[i];
        l->known[i] |= rows[i];
        l->others[i] |= x;
    }
    return mine || !any || w->part == CRM__TAGGED_REMOVED ? CRM_OK : add_had(l, w, rows);
}

static int is_known(const look *l)
{
    for (int i = 0; i < CRM__SET_WORDS; i++) {
        if (l->touched[i] & ~l->known[i])
            return 0;
    }
    return 1;
}

static int look_back(look *l, const crm__tag_undo *u, uint64_t chunk, uint32_t tag)
{
    crm__tag_walk *w = crm__alloc(l->txn->mem, sizeof *w);
    int rc = w ? CRM_OK : CRM_ENOMEM;

    if (w)
        crm__tag_walk_open(l->txn, chunk, tag, UINT64_MAX, w);
    while (!rc && !(rc = crm__tag_walk_next(w))) {
        if (w->seq == l->txn->state.batch_seq)
            continue; /* of the undo itself */
        if (w->seq < u->first && is_known(l))
            break;
        rc = see(l, w, u->undone(u->ctx, w->seq));
    }
    crm__release(l->txn->mem, w);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* Tells every row, once, by which entry it was changed since. */
static int tell(crm__tag_undo *u, crm_txn *txn, uint64_t chunk, uint32_t tag, const uint64_t *rows)
{
    int rc = CRM_OK;

    for (int32_t row = crm__set_next(rows, 0); !rc && row >= 0;
         row = row + 1 < CRM__CHUNK_ROWS ? crm__set_next(rows, (uint32_t)row + 1) : -1) {
        crm_id id = (chunk << CRM__CHUNK_SHIFT) + (uint64_t)row;
        crm__tag_how how;
        uint64_t seq = 0;
        uint32_t part;
        rc = crm__tag_edge(txn, tag, id, UINT64_MAX, &seq, &part, &how);
        if (!rc || rc == CRM_ENOTFOUND)
            rc = u->changed_since(u->ctx, id, seq);
        else
            rc = crm__txn_fail(txn, rc, "can't read the tag", u->err);
    }
    return rc;
}

/* Rows that have another tag of a dimension with one. */
static int taken_rows(crm_txn *txn, const crm__model *m, const crm__tag *tag, uint64_t chunk,
                      uint64_t *taken)
{
    const crm__tag *list;
    crm__buf tags;
    int rc;

    crm__buf_init(&tags, txn->mem);
    rc = crm__tag_of_dimension(txn, m, tag->dimension, &txn->work, &tags);
    list = (const crm__tag *)(const void *)tags.p;
    for (size_t i = 0; i < tags.n / sizeof *list && !rc; i++) {
        uint8_t key[CRM__KEY_TAG];
        if (list[i].number != tag->number)
            rc = crm__txn_set(txn, KV_TAG, crm__key_tag(key, chunk, list[i].number), taken);
    }
    crm__buf_clear(&tags);
    return rc;
}

static int change(crm__tag_undo *u, crm_txn *txn, uint64_t chunk, const crm__tag *tag,
                  const uint64_t *words, const crm__tag_how *how)
{
    int ends = tag->dimension ? tag->dimension->expires : 1, rc;
    crm__tagging t;

    crm__tagging_begin(txn, 0, how, &t, u->err);
    rc = crm__tag_chunk(&t, tag->number, ends, chunk, words, how != NULL, NULL);
    crm__buf_clear(&t.tags);
    u->changed += t.changed;
    return rc;
}

static int give_back(crm__tag_undo *u, const crm__model *m, look *l, uint64_t chunk,
                     const crm__tag *tag)
{
    uint64_t taken[CRM__SET_WORDS] = {0}, rows[CRM__SET_WORDS];
    int rc = CRM_OK;

    if (tag->dimension && tag->dimension->one)
        rc = taken_rows(l->txn, m, tag, chunk, taken);
    if (rc)
        return crm__txn_fail(l->txn, rc, "can't read the tags", u->err);
    for (const had *h = l->list; h && !rc; h = h->next) {
        for (int i = 0; i < CRM__SET_WORDS; i++)
            rows[i] = h->words[i] & ~l->conflict[i] & taken[i];
        rc = tell(u, l->txn, chunk, tag->number, rows);
        for (int i = 0; i < CRM__SET_WORDS; i++)
            rows[i] = h->words[i] & ~l->conflict[i] & ~taken[i];
        if (!rc && crm__set_next(rows, 0) >= 0)
            rc = change(u, l->txn, chunk, tag, rows, &h->how);
    }
    return rc;
}

static int take_again(crm__tag_undo *u, look *l, uint64_t chunk, const crm__tag *tag)
{
    uint64_t rows[CRM__SET_WORDS];
    int rc = tell(u, l->txn, chunk, tag->number, l->conflict);

    for (int i = 0; i < CRM__SET_WORDS; i++)
        rows[i] = l->touched[i] & ~l->conflict[i];
    for (const had *h = l->list; h; h = h->next) {
        for (int i = 0; i < CRM__SET_WORDS; i++)
            rows[i] &= ~h->words[i];
    }
    return rc || crm__set_next(rows, 0) < 0 ? rc : change(u, l->txn, chunk, tag, rows, NULL);
}

int crm__tag_undo_step(crm__tag_undo *u, crm_txn *txn, const crm__model *m, uint64_t chunk,
                       uint32_t number, int give)
{
    look *l = crm__arena_alloc(&txn->work, sizeof *l);
    crm__tag tag;
    int rc;

    if (!l)
        return crm__fail_nomem(u->err);
    memset(l, 0, sizeof *l);
    l->txn = txn;
    l->a = &txn->work;
    rc = crm__tag_named(txn, m, number, &txn->work, &tag);
    if (!rc)
        rc = look_back(l, u, chunk, number);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read what is tagged", u->err);
    return give ? give_back(u, m, l, chunk, &tag) : take_again(u, l, chunk, &tag);
}
