/* SPDX-License-Identifier: MIT
 * Batches in the journal: the entry that a batch transaction ends with, made of the lists that its
 * changes left, and the row that each batch has.
 */
#include "db/journal.h"
#include "db/tagged.h"

#include <crm/batch.h>
#include <string.h>

/* ---- the entry ---- */

/* Sorts what counts of a list, drops doubles, and encodes it. */
static int close_list(crm_txn *txn, int list, crm__buf *out, uint64_t *count)
{
    uint64_t *ids = (uint64_t *)(void *)txn->batch.lists[list].p;
    size_t n = crm__ids_sort(ids, (size_t)txn->state.listed[list]);

    *count = txn->state.listed[list] = n;
    crm__runs_encode(ids, n, out);
    return out->failed ? CRM_ENOMEM : CRM_OK;
}

/* Of pairs of chunk and tag: the chunks as a list, the tags as fields of the entry. */
static int close_tags(crm_txn *txn, crm__buf *chunks, crm__buf *tags, crm__journal_entry *e)
{
    uint64_t *pairs = (uint64_t *)(void *)txn->batch.lists[CRM__BATCH_TAGGED].p, *list;
    size_t n = crm__ids_sort(pairs, (size_t)txn->state.listed[CRM__BATCH_TAGGED]), count;

    txn->state.listed[CRM__BATCH_TAGGED] = n;
    list = (uint64_t *)(void *)crm__buf_reserve(tags, (n + 1) * sizeof *list);
    if (!list)
        return CRM_ENOMEM;
    for (size_t i = 0; i < n; i++)
        list[i] = (pairs[i] >> 32) + 1;
    crm__runs_encode(list, crm__ids_sort(list, n), chunks);
    for (size_t i = 0; i < n; i++)
        list[i] = (uint32_t)pairs[i];
    count = crm__ids_sort(list, n);
    for (size_t i = 0; i < count; i++) {
        uint32_t tag = (uint32_t)list[i]; /* in its place, which it does not overtake */
        memcpy(tags->p + i * sizeof tag, &tag, sizeof tag);
    }
    e->fields = (const uint32_t *)(const void *)tags->p;
    e->field_count = (uint32_t)count;
    return chunks->failed ? CRM_ENOMEM : CRM_OK;
}

static int fold_images(crm_txn *txn, uint8_t sum[CRM__DIGEST], crm_error *err)
{
    const uint64_t *ids = (const uint64_t *)(const void *)txn->batch.lists[CRM__BATCH_CHANGED].p;
    uint8_t key[CRM__KEY_IMAGE], one[CRM__DIGEST];
    crm__slice parts[2] = {{sum, CRM__DIGEST}, {one, sizeof one}}, row;

    memset(sum, 0, CRM__DIGEST);
    for (uint64_t i = 0; i < txn->state.listed[CRM__BATCH_CHANGED]; i++) {
        int rc =
            crm__txn_read(txn, KV_IMAGE, crm__key_image(key, txn->state.batch_seq, ids[i]), &row);
        if (!rc)
            rc = crm__image_commitment(txn->state.batch_seq, ids[i], row, one);
        if (rc)
            return crm__txn_fail(txn, rc, "can't read an image", err);
        crm__digest(NULL, parts, 2, sum);
    }
    return CRM_OK;
}

/* What the entry commits to; the lists stand. */
static int commit_to(crm_txn *txn, crm__journal_entry *e, uint8_t images[CRM__DIGEST],
                     uint8_t tags[CRM__DIGEST], crm_error *err)
{
    int rc = CRM_OK;

    if (txn->state.listed[CRM__BATCH_CHANGED]) {
        rc = fold_images(txn, images, err);
        e->commitment = crm__slice_of(images, CRM__DIGEST);
    }
    if (rc || !e->field_count)
        return rc;
    rc = crm__tagged_sum(txn, txn->state.batch_seq, e->lists[CRM__BATCH_TAGGED], e->fields,
                         e->field_count, tags, NULL);
    e->tagged = crm__slice_of(tags, CRM__DIGEST);
    return rc ? crm__txn_fail(txn, rc, "can't read what is tagged", err) : CRM_OK;
}

/* What the entry is, and the row of its batch, which goes on to it; the first entry brings the
 * name. */
static int put_row(crm_txn *txn, uint64_t seq, crm__journal_entry *e, crm_error *err)
{
    crm__batch b = {0, 0, {NULL, 0}};
    int rc = CRM_OK;

    if (txn->batch.live) {
        e->action = CRM__ACTION_LIVE;
        return CRM_OK;
    }
    if (txn->state.batch != seq) {
        rc = crm__batch_read(txn, txn->state.batch, &b);
        if (rc)
            return crm__txn_fail(txn, rc, "can't read the batch", err);
    } else if (txn->batch.name) {
        b.name = crm__slice_of(txn->batch.name, strlen(txn->batch.name));
    }
    e->action = txn->batch.undo ? CRM__ACTION_UNDO : CRM__ACTION_BATCH;
    e->target = txn->batch.undo;
    e->previous = b.last;
    e->batch = txn->state.batch;
    b.last = seq;
    return crm__batch_put(txn, txn->state.batch, &b, err);
}

int crm__journal_close(crm_txn *txn, crm_error *err)
{
    uint8_t images[CRM__DIGEST], tagged[CRM__DIGEST];
    crm__buf lists[CRM__BATCH_LISTS], tags;
    crm__journal_entry e;
    uint64_t count, seq = txn->state.batch_seq;
    int rc = CRM_OK;

    if (!txn->batch.on || !seq)
        return CRM_OK;
    memset(&e, 0, sizeof e);
    crm__buf_init(&tags, txn->mem);
    for (int i = 0; i < CRM__BATCH_LISTS; i++) {
        crm__buf_init(&lists[i], txn->mem);
        if (!rc && (i == CRM__BATCH_TAGGED ? close_tags(txn, &lists[i], &tags, &e)
                                           : close_list(txn, i, &lists[i], &count)))
            rc = crm__fail_nomem(err);
        e.lists[i] = crm__slice_of(lists[i].p, lists[i].n);
    }
    if (!rc)
        rc = commit_to(txn, &e, images, tagged, err);
    if (!rc)
        rc = put_row(txn, seq, &e, err);
    if (!rc)
        rc = crm__journal_put(txn, seq, &e, err);
    for (int i = 0; i < CRM__BATCH_LISTS; i++)
        crm__buf_clear(&lists[i]);
    crm__buf_clear(&tags);
    if (!rc)
        txn->state.batch_seq = 0;
    return rc;
}

void crm__journal_live_begin(crm_txn *txn, crm__aside *aside)
{
    aside->was = txn->batch;
    aside->batch = txn->state.batch;
    txn->batch.on = txn->batch.live = 1;
    txn->batch.want = CRM_BATCH_NEW;
    txn->batch.undo = 0;
    txn->batch.name = NULL;
    txn->state.batch_seq = 0;
    txn->state.tag_groups = 0;
    memset(txn->state.listed, 0, sizeof txn->state.listed);
}

int crm__journal_live_end(crm_txn *txn, crm__aside *aside, crm_error *err)
{
    int rc = crm__journal_close(txn, err);

    txn->batch.on = aside->was.on;
    txn->batch.live = 0;
    txn->batch.want = aside->was.want;
    txn->batch.undo = aside->was.undo;
    txn->batch.name = aside->was.name;
    txn->state.batch = aside->batch;
    return rc;
}

int crm__batch_enter(crm_txn *txn, uint64_t target, crm_error *err)
{
    if (txn->batch.on)
        return crm__fail(err, CRM_ESTATE, "the transaction is a batch itself");
    txn->batch.on = 1;
    txn->batch.want = CRM_BATCH_NEW;
    txn->batch.undo = target;
    txn->state.batch_seq = txn->state.batch = 0;
    memset(txn->state.listed, 0, sizeof txn->state.listed);
    return CRM_OK;
}

void crm__batch_drop(crm_txn *txn)
{
    txn->batch.on = 0;
    txn->batch.undo = 0;
}

int crm__batch_leave(crm_txn *txn, crm_error *err)
{
    int rc = crm__journal_close(txn, err);

    crm__batch_drop(txn);
    return rc;
}

/* ---- rows of batches: varint last entry, varint undoing batch, name ---- */

int crm__batch_row(crm_txn *txn, uint64_t batch, crm__batch *out)
{
    uint8_t key[CRM__KEY_BATCH];
    crm__slice row;
    crm__reader in;
    int rc = crm__txn_read(txn, KV_META, crm__key_batch(key, batch), &row);

    if (rc)
        return rc;
    in = crm__reader_of(row.p, row.n);
    out->last = crm__read_varint(&in);
    out->undone = crm__read_varint(&in);
    out->name = crm__slice_of(in.p, crm__reader_left(&in));
    return in.failed || out->last < batch || out->name.n > CRM__BATCH_TEXT ? CRM_ECORRUPT : CRM_OK;
}

int crm__batch_read(crm_txn *txn, uint64_t batch, crm__batch *out)
{
    int rc = crm__batch_row(txn, batch, out);

    if (rc)
        return rc;
    out->name.p = crm__arena_copy(&txn->work, out->name.p, out->name.n);
    return out->name.p ? CRM_OK : CRM_ENOMEM;
}

int crm__batch_put(crm_txn *txn, uint64_t batch, const crm__batch *b, crm_error *err)
{
    uint8_t key[CRM__KEY_BATCH];
    crm__buf *out = &txn->scratch[0];

    out->n = 0;
    crm__buf_add_varint(out, b->last);
    crm__buf_add_varint(out, b->undone);
    crm__buf_add(out, b->name.p, b->name.n);
    if (out->failed || crm__edits_put(&txn->edits, KV_META, crm__key_batch(key, batch),
                                      crm__slice_of(out->p, out->n), 0))
        return crm__fail_nomem(err);
    return CRM_OK;
}
