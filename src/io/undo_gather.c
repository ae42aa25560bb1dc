/* SPDX-License-Identifier: MIT
 * What is to be undone: the entries of a batch, or one, the customers, events and tags they
 * touched, and whether it was undone before.
 */
#include "io/undo.h"

#include <string.h>

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

/* Tags that an entry has rows of in a chunk. */
static int add_tags(crm__undoing *u, const crm__journal_entry *e, uint64_t seq, uint64_t chunk)
{
    crm__reader in = crm__reader_of(e->mask.p, e->mask.n);
    uint8_t key[CRM__KEY_TAGGED], found[CRM__KEY_TAGGED];
    uint32_t tag = 0;

    while (crm__mask_next(&in, &tag)) {
        uint64_t pair = chunk << 32 | tag;
        int rc = crm__tag_near(u->txn, KV_TAGGED, crm__key_tagged(key, chunk, tag, seq, 0), 0, 0,
                               found, sizeof found);
        if (rc && rc != CRM_ENOTFOUND)
            return rc;
        if (!rc && !memcmp(found, key, sizeof key - 4))
            crm__buf_add(&u->tags, &pair, sizeof pair);
    }
    return u->tags.failed ? CRM_ENOMEM : CRM_OK;
}

static int add_tagged(crm__undoing *u, const crm__journal_entry *e, uint64_t seq)
{
    uint64_t first, count;
    crm__runs r;
    int rc = crm__runs_open(e->lists[CRM__BATCH_TAGGED], &r);

    while (!rc && crm__runs_next(&r, &first, &count)) {
        if (first + count - 2 > u->txn->state.counters.next_id >> CRM__CHUNK_SHIFT)
            return CRM_ECORRUPT;
        for (uint64_t i = 0; i < count && !rc; i++)
            rc = add_tags(u, e, seq, first + i - 1);
    }
    return rc;
}

static int add_entry(crm__undoing *u, const crm__journal_entry *e, uint64_t seq)
{
    int events = e->action == CRM__ACTION_EVENT || e->action == CRM__ACTION_VOID, rc;

    if (e->action == CRM__ACTION_TAG)
        return add_tags(u, e, seq, e->target >> CRM__CHUNK_SHIFT);
    rc = add_tagged(u, e, seq);
    if (rc)
        return rc;
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

/* ---- a single change undone before ---- */

/* Whether an entry undid the single change, and was not undone itself.  CRM_DONE: it is so. */
static int undid(crm__undoing *u, uint64_t seq, const crm__journal_entry *e)
{
    crm__batch b;
    int rc;

    if (e->action != CRM__ACTION_UNDO || e->target != u->first || !e->batch)
        return CRM_OK;
    rc = crm__batch_read(u->txn, e->batch, &b);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    u->asked = seq;
    return b.undone ? CRM_OK : CRM_DONE;
}

static int undone_event(void *ctx, const crm__timeline *t, const crm__event *e)
{
    crm__undoing *u = ctx;
    crm__journal_entry entry;
    int rc;

    (void)t;
    if (e->seq <= u->first || e->seq == u->asked)
        return CRM_OK;
    rc = crm__journal_read(u->txn, e->seq, &entry);
    u->asked = e->seq;
    return rc ? rc : undid(u, e->seq, &entry);
}

static int undone_record(crm__undoing *u, crm_id id)
{
    crm__walk w;
    int rc = crm__walk_open(u->txn, u->txn->mem, id, &w);

    if (rc)
        return rc;
    while (!rc && crm__walk_after(&w)->seq > u->first && (rc = crm__walk_look(&w)) == CRM_OK) {
        rc = undid(u, w.seq, &w.e);
        if (w.how != CRM__WALK_CHANGED)
            break;
        crm__walk_back(&w);
    }
    crm__walk_close(&w);
    return rc;
}

/* A batch knows what undid it; of a single change the undo is found where it changed something. */
static int check_single(crm__undoing *u)
{
    int events = u->ids[1].n > 0, rc;
    crm_id id;

    if (u->batch || u->ids[events].n < sizeof id)
        return CRM_OK;
    memcpy(&id, u->ids[events].p, sizeof id);
    rc = events ? crm__event_each(u->txn, id, undone_event, u) : undone_record(u, id);
    if (rc == CRM_DONE)
        return crm__fail(u->err, CRM_ESTATE, "change %llu was undone already by %llu",
                         (unsigned long long)u->first, (unsigned long long)u->asked);
    return rc ? crm__txn_fail(u->txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc,
                              "can't read the history", u->err)
              : CRM_OK;
}

/* ---- its entries ---- */

/* What undid the batch may be undone itself, and so on: the last of them says whether the batch
 * stands. */
static int refuse_undone(crm__undoing *u, uint64_t by)
{
    uint64_t last = by;
    int stands = 0;
    crm__batch b;
    int rc;

    while ((rc = crm__batch_read(u->txn, last, &b)) == CRM_OK && b.undone > last) {
        last = b.undone;
        stands = !stands;
    }
    if (rc)
        return crm__txn_fail(u->txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc, "can't read the batch",
                             u->err);
    if (stands)
        return crm__fail(u->err, CRM_ESTATE,
                         "batch %llu was undone by batch %llu and is back by batch %llu; undo batch "
                         "%llu to undo it again",
                         (unsigned long long)u->batch, (unsigned long long)by,
                         (unsigned long long)last, (unsigned long long)last);
    return crm__fail(u->err, CRM_ESTATE,
                     "batch %llu was undone by batch %llu; undo batch %llu to have it back",
                     (unsigned long long)u->batch, (unsigned long long)by,
                     (unsigned long long)last);
}

int crm__undo_gather(crm__undoing *u, uint64_t revision)
{
    crm__journal_entry e;
    crm__batch b;
    uint64_t seq;
    int rc = crm__journal_read(u->txn, revision, &e);

    if (rc == CRM_ENOTFOUND)
        return crm__fail(u->err, rc, "there is no revision %llu", (unsigned long long)revision);
    if (rc)
        return crm__txn_fail(u->txn, rc, "can't read the journal", u->err);
    if (e.action == CRM__ACTION_MODEL || e.action == CRM__ACTION_TRIM ||
        e.action == CRM__ACTION_REPAIR || e.action == CRM__ACTION_LIVE ||
        crm__action_hands_out(e.action))
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
            return refuse_undone(u, b.undone);
        u->first = u->batch;
        u->last = b.last;
    }
    for (seq = u->last; seq; seq = e.previous) {
        rc = crm__journal_read(u->txn, seq, &e);
        if (!rc && u->batch && (e.batch != u->batch || e.previous >= seq))
            rc = CRM_ECORRUPT;
        if (!rc)
            rc = add_entry(u, &e, seq);
        if (rc)
            return crm__txn_fail(u->txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc,
                                 "can't read the journal", u->err);
        if (!u->batch)
            break;
    }
    sort_ids(&u->ids[0]);
    sort_ids(&u->ids[1]);
    sort_ids(&u->tags);
    return check_single(u);
}
