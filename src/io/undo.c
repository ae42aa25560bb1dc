/* SPDX-License-Identifier: MIT
 * Undo of a batch or of one change: each customer it touched is walked back to its state before,
 * which is then written like any other change, as part of a batch of its own.
 */
#include "io/import.h"
#include "io/undo.h"

#include <stdlib.h>
#include <string.h>

/* ---- one customer ---- */

/* A customer may be found changed in their record, an event and each of their tags, and is told of
 * once, when all is done. */
static int note_changed(crm__undoing *u, crm_id id, uint64_t seq)
{
    crm__undo_since s = {id, seq};

    crm__buf_add(&u->since, &s, sizeof s);
    return u->since.failed ? crm__fail_nomem(u->err) : CRM_OK;
}

/* Walks back while the changes are the batch's: to the state before them, or to the customer's
 * creation (w->how). */
static int walk_before(crm__undoing *u, crm__walk *w)
{
    int rc = CRM_OK;

    while (!rc && crm__undo_mine(u, &w->e, w->seq) && w->how != CRM__WALK_CREATED) {
        if (w->how == CRM__WALK_DROPPED)
            return crm__fail(u->err, CRM_ESTATE, "what revision %llu replaced was dropped",
                             (unsigned long long)w->seq);
        crm__walk_back(w);
        rc = crm__walk_look(w);
    }
    return rc ? crm__txn_fail(u->txn, rc, "can't read the history", u->err) : CRM_OK;
}

static int set_back(crm__undoing *u, crm__walk *w)
{
    int deleted = crm__walk_after(w)->flags & CRM__RECORD_DELETED; /* as it is now */
    int rc = walk_before(u, w), created;
    uint64_t since = 0;

    if (rc)
        return rc;
    created = crm__undo_mine(u, &w->e, w->seq);
    if (!deleted && (created || crm__walk_after(w)->flags & CRM__RECORD_DELETED)) {
        if (!u->deleting) {
            crm__buf_add(&u->leave, &w->id, sizeof w->id);
            return u->leave.failed ? crm__fail_nomem(u->err) : CRM_OK;
        }
        rc = crm__undo_kept_since(u, w->id, &since);
        if (rc || since)
            return rc ? rc : note_changed(u, w->id, since);
    }
    if (!created) {
        u->done.restored++;
        return crm__customer_restore(u->txn, u->m, w->id, crm__walk_after(w), u->err);
    }
    if (deleted)
        return CRM_OK;
    u->done.deleted++;
    return crm__customer_set_deleted(u->txn, u->m, w->id, 0, 1, u->err);
}

/* Whether somebody changed a customer between two parts of the batch. */
static int changed_between(crm__undoing *u, crm_id id, int *found)
{
    int rc, others = 0;
    crm__walk w;

    *found = 0;
    rc = crm__walk_open(u->txn, u->txn->mem, id, &w);
    if (rc)
        return rc;
    while (!rc && (rc = crm__walk_look(&w)) == CRM_OK) {
        int own = crm__undo_mine(u, &w.e, w.seq);
        *found = own && others;
        others |= !own;
        if (*found || w.seq <= u->first || w.how != CRM__WALK_CHANGED)
            break;
        crm__walk_back(&w);
    }
    crm__walk_close(&w);
    return rc;
}

static int undo_record(crm__undoing *u, crm_id id)
{
    int between = 0;
    size_t left = u->leave.n;
    crm__walk w;
    int rc = crm__walk_open(u->txn, u->txn->mem, id, &w);

    if (rc)
        return crm__txn_fail(u->txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc,
                             "can't read a customer", u->err);
    rc = crm__walk_look(&w);
    if (!rc && u->first != u->last)
        rc = changed_between(u, id, &between);
    if (rc)
        rc = crm__txn_fail(u->txn, rc, "can't read the history", u->err);
    else
        rc = crm__undo_mine(u, &w.e, w.seq) && !between ? set_back(u, &w)
                                                        : note_changed(u, id, w.seq);
    crm__walk_close(&w);
    u->handled += u->leave.n == left; /* else this comes again, to be deleted */
    return rc;
}

static int undo_events(crm__undoing *u, crm_id id)
{
    uint64_t since = 0;
    int rc = crm__event_undo(u->txn, u->m, id, crm__undo_has, u, &u->done.events, &since, u->err);

    u->handled++;
    return rc || !since ? rc : note_changed(u, id, since);
}

/* The unique values of a customer that was restored: looked at when all are, since the batch may
 * have handed them from one to another.  What was restored is in the undo's own image. */
static int recheck(crm__undoing *u, crm_id id)
{
    uint8_t key[CRM__KEY_IMAGE], flags;
    crm_txn *txn = u->txn;
    crm__slice row, mask, record;
    uint64_t seq = txn->state.batch_seq;
    uint8_t *copy;
    int rc;

    if (!seq)
        return CRM_OK;
    rc = crm__txn_read(txn, KV_IMAGE, crm__key_image(key, seq, id), &row);
    if (rc == CRM_ENOTFOUND)
        return CRM_OK;
    copy = rc ? NULL : crm__arena_copy(&txn->work, row.p, row.n);
    if (!rc)
        rc = copy ? crm__image_split(crm__slice_of(copy, row.n), 1, &mask, &record) : CRM_ENOMEM;
    if (!rc)
        rc = crm__record_head(record, &flags, &seq);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read an image", u->err);
    return crm__customer_restored(txn, u->m, id, mask, flags & CRM__RECORD_DELETED, u->err);
}

enum { LOOK_EVERY = 64 };

static int for_all(crm__undoing *u, const crm__buf *ids, int (*fn)(crm__undoing *u, crm_id id))
{
    int rc = CRM_OK;

    for (size_t i = 0; i < ids->n / sizeof(crm_id) && !rc; i++) {
        crm_id id;
        memcpy(&id, ids->p + i * sizeof id, sizeof id);
        crm__arena_reset(&u->txn->work);
        if (i % LOOK_EVERY == 0)
            rc = crm__txn_step(u->txn, u->handled, u->total, u->err);
        if (!rc)
            rc = fn(u, id);
    }
    return rc;
}

static int tag_changed(void *ctx, crm_id id, uint64_t seq)
{
    return note_changed(ctx, id, seq);
}

/* By customer, the last change first. */
static int by_customer(const void *a, const void *b)
{
    const crm__undo_since *x = a, *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->seq > y->seq ? -1 : x->seq < y->seq;
}

static int tell_changed(crm__undoing *u)
{
    crm__undo_since *list = (crm__undo_since *)(void *)u->since.p;
    size_t n = u->since.n / sizeof *list;
    int rc = 0;

    if (n)
        qsort(list, n, sizeof *list, by_customer);
    for (size_t i = 0; i < n && !rc; i++) {
        if (i && list[i].id == list[i - 1].id)
            continue;
        u->done.skipped++;
        if (u->fn) {
            u->txn->busy = 1;
            rc = u->fn(list[i].id, list[i].seq, u->ctx);
            u->txn->busy = 0;
        }
    }
    return rc ? crm__fail(u->err, CRM_ECANCELLED, "the callback ended the undo") : CRM_OK;
}

/* Taken first, then given: a dimension with one has room by then. */
static int undo_tags(crm__undoing *u)
{
    crm__tag_undo t = {u->first, crm__undo_has, tag_changed, u, 0, u->err};
    int rc = CRM_OK;

    for (int give = 0; give < 2; give++) {
        for (size_t i = 0; i < u->tags.n / sizeof(uint64_t) && !rc; i++) {
            uint64_t pair;
            memcpy(&pair, u->tags.p + i * sizeof pair, sizeof pair);
            crm__arena_reset(&u->txn->work);
            rc = crm__txn_step(u->txn, u->handled++, u->total, u->err);
            if (!rc)
                rc = crm__tag_undo_step(&t, u->txn, u->m, pair >> 32, (uint32_t)pair, give);
        }
    }
    u->done.tags = t.changed;
    return rc;
}

static int run(crm__undoing *u)
{
    int rc;

    u->total = (u->ids[0].n + u->ids[1].n + 2 * u->tags.n) / sizeof(uint64_t);
    /* Events first: they can only be voided while their customer is there.  Deleting last: by then
     * nobody refers to a customer but those who will go on doing so. */
    rc = for_all(u, &u->ids[1], undo_events);
    if (!rc)
        rc = undo_tags(u);
    if (!rc)
        rc = for_all(u, &u->ids[0], undo_record);
    u->deleting = 1;
    if (!rc)
        rc = for_all(u, &u->leave, undo_record);
    if (u->unread)
        return crm__txn_fail(u->txn, u->unread, "can't read the journal", u->err);
    if (!rc)
        rc = tell_changed(u);
    if (!rc && u->done.skipped && !(u->flags & CRM_UNDO_SKIP))
        rc = crm__fail(u->err, CRM_ECONFLICT, "changed since: %llu customer%s",
                       (unsigned long long)u->done.skipped, u->done.skipped == 1 ? "" : "s");
    return rc ? rc : for_all(u, &u->ids[0], recheck);
}

/* Marks what was undone, so that it isn't undone twice. */
static int mark_undone(crm__undoing *u)
{
    crm__batch b;
    int rc;

    u->done.batch = u->txn->state.batch;
    if (!u->batch || !u->done.batch)
        return CRM_OK;
    rc = crm__batch_read(u->txn, u->batch, &b);
    if (rc)
        return crm__txn_fail(u->txn, rc, "can't read the batch", u->err);
    b.undone = u->done.batch;
    rc = crm__batch_put(u->txn, u->batch, &b, u->err);
    return rc ? rc : crm__import_forget(u->txn, u->batch, u->err);
}

int crm_undo(crm_txn *txn, uint64_t revision, uint32_t flags, crm_undo_fn fn, void *ctx,
             crm_undo_result *out, crm_error *err)
{
    crm__undoing u = {.txn = txn, .flags = flags, .fn = fn, .ctx = ctx};
    crm__op op;
    int rc = crm__op_begin(txn, &op, err);

    if (rc)
        return rc;
    u.err = op.err;
    u.done.size = sizeof u.done;
    if (flags & ~(CRM_UNDO_SKIP | CRM_UNDO_DRY_RUN))
        return crm__op_end(txn, &op,
                           crm__fail_field(op.err, CRM_EINVAL, "flags",
                                           "a flag this library does not know is set"));
    for (int i = 0; i < 2; i++)
        crm__buf_init(&u.ids[i], txn->mem);
    crm__buf_init(&u.tags, txn->mem);
    crm__buf_init(&u.leave, txn->mem);
    crm__buf_init(&u.since, txn->mem);
    rc = crm__txn_model(txn, &u.m, op.err);
    if (!rc)
        rc = crm__batch_enter(txn, revision, op.err);
    if (!rc) {
        rc = crm__undo_gather(&u, revision);
        txn->batch.undo = u.batch ? u.batch : revision;
        if (!rc)
            rc = run(&u);
        if (!rc)
            rc = mark_undone(&u);
        if (!rc)
            rc = crm__batch_leave(txn, op.err);
        else
            crm__batch_drop(txn);
    }
    for (int i = 0; i < 2; i++)
        crm__buf_clear(&u.ids[i]);
    crm__buf_clear(&u.tags);
    crm__buf_clear(&u.leave);
    crm__buf_clear(&u.since);
    if (flags & CRM_UNDO_DRY_RUN)
        u.done.batch = 0;
    if (!rc && out)
        rc = crm__struct_give(out, &u.done, sizeof u.done, "out", op.err);
    if (!rc && flags & CRM_UNDO_DRY_RUN) {
        crm__edits_rollback(&txn->edits, op.mark);
        txn->state = op.state;
    }
    return crm__op_end(txn, &op, rc);
}
