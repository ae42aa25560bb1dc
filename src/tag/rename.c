/* SPDX-License-Identifier: MIT
 * A tag as a whole: renamed, merged into another, deleted.  Numbers are never given another name,
 * for the journal tells what was, by numbers: the customers get the other tag.
 */
#include "db/journal.h"
#include "tag/tag.h"

#include <string.h>

/* One tag becomes another; `to` is 0 for a delete. */
typedef struct move {
    crm_txn *txn;
    const crm__tag *from, *to;
    crm__buf others; /* crm__tag: that give way to `to`, in a dimension with one */
    int strict;      /* customers who have the other one already are a fault */
    uint64_t touched;
    crm_error *err;
} move;

/* The rows of one way of giving, which the other tag gets as it was: with its end, its origin and
 * its reason. */
static int move_rows(move *v, uint64_t chunk, const uint64_t *words, const crm__tag_how *how)
{
    crm__tag_how kept = *how;
    crm__tagging t;
    uint8_t *copy;
    int rc;

    if (!v->to->dimension->expires)
        kept.until = 0;
    copy = crm__arena_alloc(&v->txn->work, how->reason.n + 1);
    if (!copy)
        return crm__fail_nomem(v->err);
    if (how->reason.n)
        memcpy(copy, how->reason.p, how->reason.n);
    kept.reason.p = copy;
    crm__tagging_begin(v->txn, 0, &kept, &t, v->err);
    rc = crm__tag_chunk(&t, v->to->number, v->to->dimension->expires, chunk, words, 1, NULL);
    crm__buf_clear(&t.tags);
    return rc;
}

/* Splits the rows by how they were given. */
static int move_chunk(move *v, uint64_t chunk, uint64_t *left)
{
    crm__tag_walk *w = crm__alloc(v->txn->mem, sizeof *w);
    uint64_t some[CRM__SET_WORDS], rows[CRM__SET_WORDS];
    crm__tag_how how;
    int rc = w ? CRM_OK : CRM_ENOMEM;

    if (w)
        crm__tag_walk_open(v->txn, chunk, v->from->number, UINT64_MAX, w);
    while (!rc && crm__set_next(left, 0) >= 0) {
        rc = crm__tag_walk_next(w);
        for (int i = 0; i < CRM__SET_WORDS && !rc; i++) {
            some[i] = w->words[i] & left[i];
            left[i] &= ~some[i];
        }
        if (rc || w->part == CRM__TAGGED_REMOVED || crm__set_next(some, 0) < 0)
            continue;
        rc = crm__tag_how_read(v->txn, w->seq, CRM__TAGGED_GROUP(w->part), &how);
        memcpy(rows, some, sizeof rows);
        if (!rc && (rc = move_rows(v, chunk, rows, &how)) != CRM_OK) {
            crm__release(v->txn->mem, w);
            return rc; /* told */
        }
    }
    crm__release(v->txn->mem, w);
    if (rc == CRM_ENOTFOUND)
        rc = CRM_ECORRUPT; /* rows that no entry gave the tag */
    return rc ? crm__txn_fail(v->txn, rc, "can't read the tag", v->err) : CRM_OK;
}

/* In a dimension with one the new tag takes the place of the old. */
static int take_others(move *v, uint64_t chunk, const uint64_t *words)
{
    const crm__tag *list = (const crm__tag *)(const void *)v->others.p;
    crm__tagging t;
    int rc = CRM_OK;

    crm__tagging_begin(v->txn, 0, NULL, &t, v->err);
    for (size_t i = 0; i < v->others.n / sizeof *list && !rc; i++) {
        if (list[i].number != v->to->number && list[i].number != v->from->number)
            rc = crm__tag_chunk(&t, list[i].number, list[i].dimension->expires, chunk, words, 0,
                                NULL);
    }
    crm__buf_clear(&t.tags);
    return rc;
}

/* Takes the rows from the tag, and gives those the other one that have it not. */
static int change_chunk(move *v, uint64_t chunk, uint64_t *words)
{
    uint64_t other[CRM__SET_WORDS] = {0}, left[CRM__SET_WORDS];
    uint8_t key[CRM__KEY_TAG];
    crm__tagging t;
    uint32_t n = 0;
    int rc = CRM_OK;

    if (v->to) {
        rc = crm__txn_set(v->txn, KV_TAG, crm__key_tag(key, chunk, v->to->number), other);
        if (rc)
            return crm__txn_fail(v->txn, rc, "can't read the tag", v->err);
        if (v->strict && crm__set_next(other, 0) >= 0)
            return crm__fail_field(v->err, CRM_EEXISTS, v->to->dimension->key,
                                   "customers have the other tag already: merge the two");
        for (int i = 0; i < CRM__SET_WORDS; i++)
            left[i] = words[i] & ~other[i];
        rc = take_others(v, chunk, left);
        if (!rc)
            rc = move_chunk(v, chunk, left);
        if (rc)
            return rc;
    }
    crm__tagging_begin(v->txn, 0, NULL, &t, v->err);
    rc = crm__tag_chunk(&t, v->from->number, v->from->dimension->expires, chunk, words, 0, &n);
    crm__buf_clear(&t.tags);
    v->touched += n;
    return rc;
}

static int change_tag(move *v)
{
    int rc = CRM_OK;

    for (uint64_t chunk = 0; !rc && chunk << CRM__CHUNK_SHIFT < v->txn->state.counters.next_id;
         chunk++) {
        uint64_t words[CRM__SET_WORDS] = {0};
        uint8_t key[CRM__KEY_TAG];
        rc = crm__txn_set(v->txn, KV_TAG, crm__key_tag(key, chunk, v->from->number), words);
        if (rc)
            return crm__txn_fail(v->txn, rc, "can't read the tag", v->err);
        if (crm__set_next(words, 0) >= 0 || (v->to && v->strict))
            rc = change_chunk(v, chunk, words);
    }
    return rc;
}

/* Whether any customer has a tag. */
static int is_used(crm_txn *txn, uint32_t tag, int *used)
{
    int rc = CRM_OK;

    *used = 0;
    for (uint64_t chunk = 0;
         !rc && !*used && chunk << CRM__CHUNK_SHIFT < txn->state.counters.next_id; chunk++) {
        uint64_t words[CRM__SET_WORDS] = {0};
        uint8_t key[CRM__KEY_TAG];
        rc = crm__txn_set(txn, KV_TAG, crm__key_tag(key, chunk, tag), words);
        *used = !rc && crm__set_next(words, 0) >= 0;
    }
    return rc;
}

/* The tag that one below `tag` becomes. */
static int name_below(crm_txn *txn, const crm__model *m, const crm__tag *tag, const crm__tag *below,
                      const crm__tag *to, crm__tag *out, crm_error *err)
{
    crm__buf name;
    int rc;

    crm__buf_init(&name, txn->mem);
    crm__buf_add(&name, to->name.p, to->name.n);
    crm__buf_add(&name, below->name.p + tag->name.n, below->name.n - tag->name.n);
    rc = name.failed
             ? crm__fail_nomem(err)
             : crm__tag_read(txn, m, NULL, (const char *)name.p, name.n, 1, &txn->work, out, err);
    crm__buf_clear(&name);
    return rc;
}

static int lies_below(const crm__tag *tag, const crm__tag *to)
{
    return to->name.n >= tag->name.n && !memcmp(to->name.p, tag->name.p, tag->name.n) &&
           (to->name.n == tag->name.n || to->name.p[tag->name.n] == '/');
}

/* All of them, in one batch. */
static int change_all(crm_txn *txn, const crm__model *m, const crm__tag *tag, const crm__tag *to,
                      int strict, uint64_t *touched, crm_error *err)
{
    move v = {.txn = txn, .strict = strict, .err = err};
    const crm__tag *list;
    crm__tag other;
    crm__buf tags;
    int rc;

    crm__buf_init(&tags, txn->mem);
    crm__buf_init(&v.others, txn->mem);
    rc = crm__tag_below(txn, m, tag, &txn->work, &tags);
    if (!rc && to && to->dimension->one)
        rc = crm__tag_of_dimension(txn, m, to->dimension, &txn->work, &v.others);
    if (rc)
        rc = crm__txn_fail(txn, rc, "can't read the dictionary", err);
    list = (const crm__tag *)(const void *)tags.p;
    for (size_t i = 0; i < tags.n / sizeof *list && !rc; i++) {
        int used;
        v.from = &list[i];
        rc = is_used(txn, v.from->number, &used);
        if (rc)
            rc = crm__txn_fail(txn, rc, "can't read the tag", err);
        if (rc || !used)
            continue;
        if (to) {
            rc = name_below(txn, m, tag, &list[i], to, &other, err);
            v.to = &other;
        }
        if (!rc)
            rc = change_tag(&v);
    }
    crm__buf_clear(&tags);
    crm__buf_clear(&v.others);
    *touched = v.touched;
    if (!rc && !v.touched)
        rc = crm__fail_field(err, CRM_ENOTFOUND, tag->dimension->key, "no customer has the tag");
    return rc;
}

enum { DELETE, RENAME, MERGE };

static int run(crm_txn *txn, const char *tag, const char *to, int what, uint64_t *touched,
               crm_error *err)
{
    const crm__model *m = NULL;
    crm__tag from, other;
    uint64_t n = 0;
    crm__op op;
    int rc = crm__op_begin(txn, &op, err), own = 0;

    if (rc)
        return rc;
    if (!tag || (what != DELETE && !to))
        rc = crm__fail_field(op.err, CRM_EINVAL, tag ? "to" : "tag", "a tag is NULL");
    if (!rc)
        rc = crm__txn_model(txn, &m, op.err);
    if (!rc)
        rc = crm__tag_read(txn, m, NULL, tag, strlen(tag), 0, &txn->work, &from, op.err);
    if (!rc && to)
        rc = crm__tag_read(txn, m, NULL, to, strlen(to), 1, &txn->work, &other, op.err);
    if (!rc && to && lies_below(&from, &other))
        rc = crm__fail_field(op.err, CRM_EVALUE, "to", "the other tag is this one, or below it");
    if (!rc && !txn->batch.on) {
        rc = crm__batch_enter(txn, 0, op.err);
        own = !rc;
    }
    if (!rc)
        rc = change_all(txn, m, &from, to ? &other : NULL, what == RENAME, &n, op.err);
    if (own && rc)
        crm__batch_drop(txn);
    else if (own)
        rc = crm__batch_leave(txn, op.err);
    if (!rc && touched)
        *touched = n;
    return crm__op_end(txn, &op, rc);
}

int crm_tag_rename(crm_txn *txn, const char *tag, const char *to, uint64_t *touched, crm_error *err)
{
    return run(txn, tag, to, RENAME, touched, err);
}

int crm_tag_merge(crm_txn *txn, const char *tag, const char *into, uint64_t *touched,
                  crm_error *err)
{
    return run(txn, tag, into, MERGE, touched, err);
}

int crm_tag_delete(crm_txn *txn, const char *tag, uint64_t *touched, crm_error *err)
{
    return run(txn, tag, NULL, DELETE, touched, err);
}
