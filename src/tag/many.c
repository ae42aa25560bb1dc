/* SPDX-License-Identifier: MIT
 * Giving, taking and setting tags of many customers: sets against sets, chunk by chunk, as one
 * journal entry.
 */
#include "bits/kernel.h"
#include "db/journal.h"
#include "db/tag_part.h"
#include "tag/tag.h"

#include <string.h>

/* ---- rows ---- */

/* Tags of the dimension `d` for some rows: those listed are given or taken, and `others` of the
 * dimension are taken. */
typedef struct job {
    crm_txn *txn;
    const crm__model *m;
    crm__tagging t;
    const crm__dimension *d;
    const crm__tag *tags;
    size_t count;
    int on, alone; /* alone: the dimension's other tags are taken */
    crm__buf others;
    uint64_t changed;
} job;

static int is_among(const job *j, uint32_t number)
{
    size_t i = 0;

    while (i < j->count && j->tags[i].number != number)
        i++;
    return i < j->count;
}

static int change_chunk(job *j, uint64_t chunk, const uint64_t *words)
{
    const crm__tag *list = (const crm__tag *)(const void *)j->others.p;
    uint64_t rows[CRM__SET_WORDS] = {0};
    int rc = CRM_OK;

    for (size_t i = 0; i < j->others.n / sizeof *list && !rc; i++) {
        if (!is_among(j, list[i].number))
            rc = crm__tag_chunk(&j->t, list[i].number, j->d->expires, chunk, words, 0, rows);
    }
    for (size_t i = 0; i < j->count && !rc; i++) {
        if (j->tags[i].number)
            rc = crm__tag_chunk(&j->t, j->tags[i].number, j->d->expires, chunk, words, j->on, rows);
    }
    j->changed += crm__set_count(rows);
    return rc;
}

static int change_rows(job *j, crm__tag_next_fn next, void *ctx)
{
    uint64_t words[CRM__SET_WORDS], chunk;
    crm_error *err = j->t.err;
    int rc;

    err->code = CRM_OK; /* which tells whether `next` has told its failure */
    for (;;) {
        rc = next(ctx, &chunk, words);
        if (rc == CRM_DONE)
            return CRM_OK;
        if (rc)
            return err->code == rc ? rc
                                   : crm__txn_fail(j->txn, rc, "can't read the customers", err);
        rc = change_chunk(j, chunk, words);
        if (rc)
            return rc;
    }
}

/* In a batch of its own when the transaction is none. */
static int change_all(job *j, const crm__tag_how *how, crm__tag_next_fn next, void *ctx,
                      crm_error *err)
{
    int own = !j->txn->batch.on, rc = CRM_OK;

    crm__buf_init(&j->others, j->txn->mem);
    if (j->alone) {
        rc = crm__tag_of_dimension(j->txn, j->m, j->d, &j->txn->work, &j->others);
        if (rc)
            crm__txn_fail(j->txn, rc, "can't read the dictionary", err);
    }
    if (!rc && own)
        rc = crm__batch_enter(j->txn, 0, err);
    if (!rc) {
        int keep = j->t.keep;
        crm__tagging_begin(j->txn, 0, how, &j->t, err);
        j->t.keep = keep;
        rc = change_rows(j, next, ctx);
        if (own && rc)
            crm__batch_drop(j->txn);
        else if (own)
            rc = crm__batch_leave(j->txn, err);
        crm__buf_clear(&j->t.tags);
    }
    crm__buf_clear(&j->others);
    return rc;
}

/* Reads what the names mean.  A tag that is only taken gets no number when it has none. */
static int read_wish(job *j, const crm__tag_wish *w, const crm__tag_how *how, crm__tag *one,
                     crm_error *err)
{
    crm__tag *refs = one;
    int rc;

    j->on = w->what != CRM__TAG_TAKE;
    j->t.keep = w->what == CRM__TAG_GIVE;
    j->count = w->what == CRM__TAG_SET ? w->count : 1;
    if (w->what == CRM__TAG_SET)
        rc = crm__tags_read(j->txn, j->m, w->name, w->tags, w->count, &j->d, &refs, err);
    else
        rc = crm__tag_read(j->txn, j->m, NULL, w->name, strlen(w->name), j->on, &j->txn->work, one,
                           err);
    if (rc)
        return rc;
    if (w->what != CRM__TAG_SET)
        j->d = one->dimension;
    j->alone = w->what == CRM__TAG_SET || (j->on && j->d->one);
    j->tags = refs;
    return crm__tags_ok(j->d, refs, j->count, how, err);
}

int crm__tag_rows(crm_txn *txn, const crm__tag_wish *wish, crm__tag_next_fn next, void *ctx,
                  uint64_t *changed, crm_error *err)
{
    crm__tag_how how;
    crm__tag one;
    crm__op op;
    job j;
    int rc;

    memset(&j, 0, sizeof j);
    j.txn = txn;
    rc = crm__tag_begin(txn, &op, wish->name, wish->opts, &how, &j.m, err);
    if (rc)
        return rc;
    rc = read_wish(&j, wish, &how, &one, op.err);
    if (!rc && (j.alone || j.tags[0].number))
        rc = change_all(&j, &how, next, ctx, op.err);
    if (!rc && changed)
        *changed = j.changed;
    if (!rc && !j.changed) { /* a name that was only looked at gets no number */
        crm__edits_rollback(&txn->edits, op.mark);
        txn->state = op.state;
    }
    return crm__op_end(txn, &op, rc);
}

/* ---- lists of customers ---- */

/* Rows of a chunk that are live. */
static int live_rows(crm_txn *txn, uint64_t chunk, const uint64_t **words)
{
    uint8_t key[CRM__KEY_BITS];

    return crm__tag_set_at_hand(txn, KV_BITS,
                                crm__key_bits(key, chunk, CRM__BITS_ROOT, CRM__ROOT_LIVE), words);
}

/* The place of the first id of a chunk that is not live. */
static int not_there(const crm_id *ids, size_t count, crm_id id, crm_error *err)
{
    size_t i = 0;

    while (i < count && ids[i] != id)
        i++;
    return crm__fail_at(err, CRM_ENOTFOUND, (int64_t)i, -1,
                        "there is no customer %llu, or it is deleted", (unsigned long long)id);
}

/* A list of ids, chunk by chunk. */
typedef struct id_rows {
    crm_txn *txn;
    const crm_id *given, *ids; /* as the caller has them, and in order */
    size_t count, n, at;
    crm_error *err;
} id_rows;

static int next_ids(void *ctx, uint64_t *chunk, uint64_t *words)
{
    const uint64_t *live = NULL;
    id_rows *r = ctx;
    int rc;

    if (r->at == r->n)
        return CRM_DONE;
    *chunk = r->ids[r->at] >> CRM__CHUNK_SHIFT;
    rc = *chunk > UINT32_MAX ? CRM_OK : live_rows(r->txn, *chunk, &live);
    if (rc)
        return rc;
    memset(words, 0, CRM__SET_WORDS * sizeof *words);
    for (; r->at < r->n && r->ids[r->at] >> CRM__CHUNK_SHIFT == *chunk; r->at++) {
        uint32_t row = (uint32_t)(r->ids[r->at] & (CRM__CHUNK_ROWS - 1));
        if (!live || !crm__set_has(live, row))
            return not_there(r->given, r->count, r->ids[r->at], r->err);
        crm__set_put(words, row, 1);
    }
    return CRM_OK;
}

static int many(crm_txn *txn, const crm_id *given, size_t count, const crm__tag_wish *wish,
                uint64_t *changed, crm_error *err)
{
    id_rows r = {txn, given, NULL, count, 0, 0, err};
    crm__buf ids;
    int rc = crm__txn_enter(txn, 1, err);

    if (!rc && count && !given)
        rc = crm__fail_field(err, CRM_EINVAL, "ids", "ids is NULL");
    if (rc)
        return rc;
    crm__buf_init(&ids, txn->mem);
    if (count)
        crm__buf_add(&ids, given, count * sizeof *given);
    if (ids.failed) {
        rc = crm__fail_nomem(err);
    } else {
        r.n = count ? crm__ids_sort((uint64_t *)(void *)ids.p, count) : 0;
        r.ids = (const crm_id *)(const void *)ids.p;
        rc = crm__tag_rows(txn, wish, next_ids, &r, changed, err);
    }
    crm__buf_clear(&ids);
    return rc;
}

int crm_tag_add_many(crm_txn *txn, const crm_id *ids, size_t count, const char *tag,
                     const crm_tag_options *opts, uint64_t *changed, crm_error *err)
{
    crm__tag_wish w = {CRM__TAG_GIVE, tag, NULL, 0, opts};

    return many(txn, ids, count, &w, changed, err);
}

int crm_tag_remove_many(crm_txn *txn, const crm_id *ids, size_t count, const char *tag,
                        uint64_t *changed, crm_error *err)
{
    crm__tag_wish w = {CRM__TAG_TAKE, tag, NULL, 0, NULL};

    return many(txn, ids, count, &w, changed, err);
}

int crm_tag_set_many(crm_txn *txn, const crm_id *ids, size_t count, const char *dimension,
                     const char *const *tags, size_t tag_count, const crm_tag_options *opts,
                     uint64_t *changed, crm_error *err)
{
    crm__tag_wish w = {CRM__TAG_SET, dimension, tags, tag_count, opts};

    return many(txn, ids, count, &w, changed, err);
}
