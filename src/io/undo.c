/* SPDX-License-Identifier: MIT
 * Undo of a batch or of one change: each customer it touched is walked back to its state before,
 * which is then written like any other change, as part of a batch of its own.
 */
#include "customer/history.h"
#include "event/event.h"

#include <crm/batch.h>
#include <string.h>

typedef struct undo {
    crm_txn *txn;
    const crm__model *m;
    uint64_t batch;       /* what is undone: a batch, or 0 */
    uint64_t first, last; /* its entries */
    uint32_t flags;
    crm_undo_fn fn;
    void *ctx;
    crm_undo_result done;
    crm__buf ids[2]; /* uint64_t: customers whose records, and whose events, are touched */
    crm_error *err;
} undo;

/* ---- what is to be undone ---- */

static int add_ids(crm__buf *to, crm__slice list)
{
    uint64_t first, count;
    crm__runs r;
    int rc = crm__runs_open(list, &r);

    while (!rc && crm__runs_next(&r, &first, &count)) {
        for (uint64_t i = 0; i < count && !to->failed; i++) {
            crm_id id = first + i;
            crm__buf_add(to, &id, sizeof id);
        }
    }
    return rc ? rc : to->failed ? CRM_ENOMEM : CRM_OK;
}

static int add_entry(undo *u, const crm__journal_entry *e)
{
    int events = e->action == CRM__ACTION_EVENT || e->action == CRM__ACTION_VOID, rc;

    if (!crm__action_lists(e->action)) {
        crm__buf_add(&u->ids[events], &e->target, sizeof e->target);
        return u->ids[events].failed ? CRM_ENOMEM : CRM_OK;
    }
    rc = add_ids(&u->ids[0], e->lists[CRM__BATCH_CREATED]);
    if (!rc)
        rc = add_ids(&u->ids[0], e->lists[CRM__BATCH_CHANGED]);
    return rc ? rc : add_ids(&u->ids[1], e->lists[CRM__BATCH_EVENTS]);
}

static void sort_ids(crm__buf *b)
{
    uint64_t *ids = (uint64_t *)(void *)b->p;

    b->n = crm__ids_sort(ids, b->n / sizeof *ids) * sizeof *ids;
}

/* The entries of the batch that a revision is in, or that one entry. */
static int gather(undo *u, uint64_t revision)
{
    crm__journal_entry e;
    crm__batch b;
    uint64_t seq;
    int rc = crm__journal_read(u->txn, revision, &e);

    if (rc == CRM_ENOTFOUND)
        return crm__fail(u->err, rc, "there is no revision %llu", (unsigned long long)revision);
    if (rc)
        return crm__txn_fail(u->txn, rc, "can't read the journal", u->err);
    if (e.action == CRM__ACTION_MODEL || e.action == CRM__ACTION_TRIM)
        return crm__fail(u->err, CRM_ESTATE, "revision %llu is no change of customers",
                         (unsigned long long)revision);
    u->batch = e.batch;
    u->first = u->last = revision;
    if (u->batch) {
        rc = crm__batch_read(u->txn, u->batch, &b);
        if (rc)
            return crm__txn_fail(u->txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc,
                                 "can't read the batch", u->err);
        if (b.undone)
            return crm__fail(u->err, CRM_ESTATE,
                             "batch %llu was undone by batch %llu; undo that one to have it back",
                             (unsigned long long)u->batch, (unsigned long long)b.undone);
        u->first = u->batch;
        u->last = b.last;
    }
    for (seq = u->last; seq; seq = e.previous) {
        rc = crm__journal_read(u->txn, seq, &e);
        if (!rc && u->batch && (e.batch != u->batch || e.previous >= seq))
            rc = CRM_ECORRUPT;
        if (!rc)
            rc = add_entry(u, &e);
        if (rc)
            return crm__txn_fail(u->txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc,
                                 "can't read the journal", u->err);
        if (!u->batch)
            break;
    }
    sort_ids(&u->ids[0]);
    sort_ids(&u->ids[1]);
    return CRM_OK;
}

static int mine(const undo *u, const crm__journal_entry *e, uint64_t seq)
{
    return u->batch ? e->batch == u->batch : seq == u->first;
}

/* ---- one customer ---- */

static int tell_changed(undo *u, crm_id id, uint64_t revision)
{
    int rc = 0;

    u->done.skipped++;
    if (u->fn) {
        u->txn->busy = 1;
        rc = u->fn(id, revision, u->ctx);
        u->txn->busy = 0;
    }
    return rc ? crm__fail(u->err, CRM_ECANCELLED, "the callback ended the undo") : CRM_OK;
}

/* Walks back while the changes are the batch's: to the state before them, or to the customer's
 * creation (w->how). */
static int walk_before(undo *u, crm__walk *w)
{
    int rc = CRM_OK;

    while (!rc && mine(u, &w->e, w->seq) && w->how != CRM__WALK_CREATED) {
        if (w->how == CRM__WALK_DROPPED)
            return crm__fail(u->err, CRM_ESTATE, "what revision %llu replaced was dropped",
                             (unsigned long long)w->seq);
        crm__walk_back(w);
        rc = crm__walk_look(w);
    }
    return rc ? crm__txn_fail(u->txn, rc, "can't read the history", u->err) : CRM_OK;
}

static int set_back(undo *u, crm__walk *w)
{
    int deleted = crm__walk_after(w)->flags & CRM__RECORD_DELETED; /* as it is now */
    int rc = walk_before(u, w);

    if (rc)
        return rc;
    if (!mine(u, &w->e, w->seq)) {
        u->done.restored++;
        return crm__customer_restore(u->txn, u->m, w->id, crm__walk_after(w), u->err);
    }
    if (deleted)
        return CRM_OK;
    u->done.deleted++;
    return crm__customer_set_deleted(u->txn, u->m, w->id, 0, 1, u->err);
}

/* Whether somebody changed a customer between two parts of the batch. */
static int changed_between(undo *u, crm_id id, int *found)
{
    int rc, others = 0;
    crm__walk w;

    *found = 0;
    rc = crm__walk_open(u->txn, u->txn->mem, id, &w);
    if (rc)
        return rc;
    while (!rc && (rc = crm__walk_look(&w)) == CRM_OK) {
        int own = mine(u, &w.e, w.seq);
        *found = own && others;
        others |= !own;
        if (*found || w.seq <= u->first || w.how != CRM__WALK_CHANGED)
            break;
        crm__walk_back(&w);
    }
    crm__walk_close(&w);
    return rc;
}

static int undo_record(undo *u, crm_id id)
{
    int between = 0;
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
        rc = mine(u, &w.e, w.seq) && !between ? set_back(u, &w) : tell_changed(u, id, w.seq);
    crm__walk_close(&w);
    return rc;
}

/* Whether an entry is part of what is undone. */
static int is_undone(void *ctx, uint64_t seq)
{
    const undo *u = ctx;
    crm__journal_entry e;

    if (seq < u->first || seq > u->last)
        return 0;
    return !u->batch || (!crm__journal_read(u->txn, seq, &e) && e.batch == u->batch);
}

static int undo_events(undo *u, crm_id id)
{
    uint64_t since = 0;
    int rc = crm__event_undo(u->txn, u->m, id, is_undone, u, &u->done.events, &since, u->err);

    return rc || !since ? rc : tell_changed(u, id, since);
}

/* The unique values of a customer that was restored: looked at when all are, since the batch may
 * have handed them from one to another.  What was restored is in the undo's own image. */
static int recheck(undo *u, crm_id id)
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

static int run(undo *u)
{
    int rc = CRM_OK;

    /* Events first: they can only be voided while their customer is there. */
    for (int what = 1; what >= 0 && !rc; what--) {
        for (size_t i = 0; i < u->ids[what].n / sizeof(crm_id) && !rc; i++) {
            crm_id id;
            memcpy(&id, u->ids[what].p + i * sizeof id, sizeof id);
            crm__arena_reset(&u->txn->work);
            rc = what ? undo_events(u, id) : undo_record(u, id);
        }
    }
    if (!rc && u->done.skipped && !(u->flags & CRM_UNDO_SKIP))
        rc = crm__fail(u->err, CRM_ECONFLICT, "changed since: %llu customer%s",
                       (unsigned long long)u->done.skipped, u->done.skipped == 1 ? "" : "s");
    for (size_t i = 0; i < u->ids[0].n / sizeof(crm_id) && !rc; i++) {
        crm_id id;
        memcpy(&id, u->ids[0].p + i * sizeof id, sizeof id);
        crm__arena_reset(&u->txn->work);
        rc = recheck(u, id);
    }
    return rc;
}

/* Marks what was undone, so that it isn't undone twice. */
static int mark_undone(undo *u)
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
    return crm__batch_put(u->txn, u->batch, &b, u->err);
}

int crm_undo(crm_txn *txn, uint64_t revision, uint32_t flags, crm_undo_fn fn, void *ctx,
             crm_undo_result *out, crm_error *err)
{
    undo u = {.txn = txn, .flags = flags, .fn = fn, .ctx = ctx};
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
    rc = crm__txn_model(txn, &u.m, op.err);
    if (!rc)
        rc = crm__batch_enter(txn, revision, op.err);
    if (!rc) {
        rc = gather(&u, revision);
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
