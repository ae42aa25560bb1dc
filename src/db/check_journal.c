/* SPDX-License-Identifier: MIT
 * The part of crm_check() that reads the journal: the chain with its images, and which change of
 * each customer was the last, to be compared with the records.
 */
#include "db/check.h"
#include "db/verify.h"

typedef struct journal_walk {
    crm__verify v;
    int faults;
} journal_walk;

void crm__check_change(crm__check *c, crm_id id, uint64_t seq, int sign)
{
    uint8_t pair[16];

    crm__put_be64(pair, id);
    crm__put_be64(pair + 8, seq);
    crm__sum_add(&c->last_change, c->seed, pair, sizeof pair, sign);
}

/* What a change of a batch replaced is the last change no more. */
static int on_image(void *ctx, uint64_t seq, crm_id id, uint64_t previous)
{
    crm__check *c = ctx;
    crm__journal_entry e;

    if (!crm__journal_read(c->txn, seq, &e) && crm__action_lists(e.action))
        crm__check_change(c, id, previous, 1);
    return CRM_OK;
}

static void add_list(crm__check *c, crm__slice list, uint64_t seq)
{
    uint64_t first, count;
    crm__runs r;

    if (crm__runs_open(list, &r))
        return;
    while (crm__runs_next(&r, &first, &count)) {
        for (uint64_t i = 0; i < count && first + i < c->counters.next_id; i++)
            crm__check_change(c, first + i, seq, -1);
    }
}

static void add_batch(crm__check *c, uint64_t batch, uint64_t last, int sign)
{
    uint8_t pair[16];

    crm__put_be64(pair, batch);
    crm__put_be64(pair + 8, last);
    crm__sum_add(&c->batches, c->seed, pair, sizeof pair, sign);
}

void crm__check_batch(crm__check *c, uint64_t batch)
{
    crm__journal_entry e;
    crm__batch b;
    int rc = crm__batch_read(c->txn, batch, &b);

    crm__arena_reset(&c->txn->work);
    if (!rc)
        add_batch(c, batch, b.last, 1);
    if (!rc && b.undone)
        rc = crm__journal_read(c->txn, b.undone, &e) || e.action != CRM__ACTION_UNDO ||
             e.target != batch;
    if (rc)
        crm__check_fault(c, "meta", 0, -1, "the row of batch %llu is not what its entries say",
                         (unsigned long long)batch);
}

/* The row of a batch that was undone names the undo, so that it isn't undone twice. */
static void see_undo(crm__check *c, uint64_t batch, uint64_t seq)
{
    crm__journal_entry e;
    crm__batch b;

    if (crm__journal_read(c->txn, batch, &e) || e.batch != batch)
        return; /* it took a single change back */
    if (crm__batch_row(c->txn, batch, &b) || b.undone != seq)
        crm__check_fault(c, "meta", 0, -1, "the row of batch %llu does not name what undid it",
                         (unsigned long long)batch);
}

static void add_changes(crm__check *c, const crm__journal_entry *e, uint64_t seq)
{
    if (e->action == CRM__ACTION_UNDO)
        see_undo(c, e->target, seq);
    if (crm__action_lists(e->action)) {
        if (e->action != CRM__ACTION_LIVE)
            add_batch(c, e->batch, seq, -1);
        if (e->previous)
            add_batch(c, e->batch, e->previous, 1);
        add_list(c, e->lists[CRM__BATCH_CREATED], seq);
        add_list(c, e->lists[CRM__BATCH_CHANGED], seq);
    } else if (crm__action_hands_out(e->action)) {
        add_batch(c, e->batch, seq, -1);
    } else if (e->action <= CRM__ACTION_UNDELETE) {
        crm__check_change(c, e->target, seq, -1);
        if (e->previous)
            crm__check_change(c, e->target, e->previous, 1);
    }
}

static int row_journal(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    journal_walk *w = ctx;
    crm__journal_entry e;
    crm__slice payload;
    const char *what = "it is damaged";
    uint64_t seq = k.n == CRM__KEY_U64 ? crm__get_be64(k.p) : 0;
    int rc = seq ? crm__untag(&c->store, KV_JOURNAL, k, v, &payload) : CRM_ECORRUPT;

    c->result.entries++;
    if (rc)
        w->v.next = seq + 1;
    else
        rc = crm__verify_entry(&w->v, seq, payload, &e, &what);
    if (rc && rc != CRM_ECORRUPT)
        return rc;
    if (rc) {
        crm__check_fault(c, "journal", 0, -1, "entry %llu: %s", (unsigned long long)seq, what);
        c->changes_lost = 1;
        w->faults = 1;
        return CRM_OK;
    }
    c->last_seq = seq;
    c->counters = e.counters;
    add_changes(c, &e, seq);
    return CRM_OK;
}

/* The row that says how far names were brought, which the next entry goes by. */
static int check_brought(crm__check *c, const crm__brought *seen)
{
    crm__brought row;
    int rc = crm__brought_read(c->txn, &row);

    if (rc == CRM_ENOMEM || rc == CRM_EIO)
        return rc;
    if (rc || !crm__brought_equal(&row, seen))
        crm__check_fault(c, "meta", 0, -1, "the row of names is not what the entries brought");
    return CRM_OK;
}

int crm__check_journal(crm__check *c)
{
    journal_walk w = {.faults = 0};
    const char *what;
    int rc = crm__state_read(c->txn, NULL);
    uint64_t images_from = rc ? UINT64_MAX : c->txn->state.counters.images_from;

    if (rc == CRM_ENOMEM || rc == CRM_EIO)
        return rc;
    rc = crm__verify_begin(c->txn, images_from, on_image, c, &w.v);
    if (rc == CRM_ECORRUPT) {
        crm__check_fault(c, "image", 0, -1, "the images can't be read");
        w.v.more = 0;
        c->changes_lost = 1;
        rc = CRM_OK;
    }
    if (!rc)
        rc = crm__check_rows(c, KV_JOURNAL, row_journal, &w);
    c->changes_lost |= w.v.lost;
    if (!rc) {
        rc = crm__verify_end(&w.v, &what);
        if (rc == CRM_ECORRUPT) {
            crm__check_fault(c, "journal", 0, -1, "%s", what);
            rc = CRM_OK;
        }
    }
    if (!rc && !w.faults)
        rc = check_brought(c, &w.v.brought);
    return rc;
}
