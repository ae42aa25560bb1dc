/* SPDX-License-Identifier: MIT
 * Undo of a batch or of one change: each customer it touched is walked back to its state before,
 * which is then written like any other change, as part of a batch of its own.
 */
#include "customer/history.h"
#include "event/event.h"
#include "io/import.h"
#include "tag/tag.h"

#include <crm/batch.h>
#include <stdlib.h>
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
    crm__buf tags;   /* uint64_t: chunk << 32 | tag */
    crm__buf since;  /* what changed since: customers of tags */
    crm__buf leave;  /* uint64_t: those to delete, when all others have their values again */
    int deleting;
    uint64_t asked; /* by is_undone() last */
    int answer;
    int unread; /* why is_undone() could not tell; 0: it could */
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

/* Tags that an entry has rows of in a chunk. */
static int add_tags(undo *u, const crm__journal_entry *e, uint64_t seq, uint64_t chunk)
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

static int add_tagged(undo *u, const crm__journal_entry *e, uint64_t seq)
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

static int add_entry(undo *u, const crm__journal_entry *e, uint64_t seq)
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
static int undid(undo *u, uint64_t seq, const crm__journal_entry *e)
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
    undo *u = ctx;
    crm__journal_entry entry;
    int rc;

    (void)t;
    if (e->seq <= u->first || e->seq == u->asked)
        return CRM_OK;
    rc = crm__journal_read(u->txn, e->seq, &entry);
    u->asked = e->seq;
    return rc ? rc : undid(u, e->seq, &entry);
}

static int undone_record(undo *u, crm_id id)
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
static int check_single(undo *u)
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
    if (e.action == CRM__ACTION_MODEL || e.action == CRM__ACTION_TRIM ||
        e.action == CRM__ACTION_REPAIR || crm__action_hands_out(e.action))
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

/* ---- what keeps a customer from being deleted ---- */

static int mine(const undo *u, const crm__journal_entry *e, uint64_t seq)
{
    return u->batch ? e->batch == u->batch : seq == u->first;
}

/* Whether an entry is part of what is undone.  When it can't be read, the undo ends with that. */
static int is_undone(void *ctx, uint64_t seq)
{
    undo *u = ctx;
    crm__journal_entry e;

    if (seq < u->first || seq > u->last)
        return 0;
    if (u->batch && seq != u->asked) {
        int rc = crm__journal_read(u->txn, seq, &e);
        if (rc)
            u->unread = rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
        u->answer = !rc && e.batch == u->batch;
        u->asked = seq;
    }
    return !u->batch || u->answer;
}

typedef struct keeper {
    undo *u;
    uint64_t since; /* entry of who made it, 0: there is none */
} keeper;

/* An event that somebody else added, and that is in force once the batch is undone. */
static int keeping_event(void *ctx, const crm__timeline *t, const crm__event *e)
{
    keeper *k = ctx;
    undo *u = k->u;

    (void)t;
    if (e->kind == CRM__EVENT_VOID || e->seq <= u->first || e->seq == u->txn->state.batch_seq ||
        is_undone(u, e->seq))
        return CRM_OK;
    if (e->state != CRM__EVENT_IN_FORCE && !is_undone(u, e->voided))
        return CRM_OK;
    k->since = e->seq;
    return CRM_DONE;
}

static int refers(const crm__record *r, uint32_t field, crm_id to)
{
    const crm__entry *e = crm__record_find(r, field);
    crm__slice item;
    crm__value v;
    size_t pos = 0;

    if (!e || e->type != CRM_TYPE_CUSTOMER || e->scoped)
        return 0;
    while (crm__entry_next(e, &pos, &item) == CRM_OK) {
        if (!crm__value_decode(e->type, 0, item, &v) && (uint64_t)v.integer == to)
            return 1;
    }
    return 0;
}

/* Who made the reference that a customer has now: somebody else, since the batch began? */
static int keeping_reference(keeper *k, crm_id id, uint32_t field, crm_id to)
{
    undo *u = k->u;
    crm__walk w;
    int rc = crm__walk_open(u->txn, u->txn->mem, id, &w);

    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    while (!rc && crm__walk_after(&w)->seq > u->first && (rc = crm__walk_look(&w)) == CRM_OK) {
        int has = refers(crm__walk_after(&w), field, to);
        int had = w.how == CRM__WALK_CHANGED && refers(crm__walk_before(&w), field, to);
        /* What the undo itself put back was made further back. */
        if (has && !had && w.seq != u->txn->state.batch_seq) {
            k->since = mine(u, &w.e, w.seq) ? 0 : w.seq;
            break;
        }
        if (w.how != CRM__WALK_CHANGED)
            break;
        crm__walk_back(&w);
    }
    crm__walk_close(&w);
    return rc;
}

static int keeping_field(keeper *k, const crm__field *f, crm_id to)
{
    crm__value v = {.type = CRM_TYPE_CUSTOMER, .integer = (int64_t)to};
    crm_txn *txn = k->u->txn;
    uint8_t key[CRM__KEY_TOKEN];
    crm_id *ids = NULL;
    size_t count = 0, again = 0;
    int rc = crm__token_key(txn->store, f, &v, &txn->scratch[1], key);

    if (!rc)
        rc = crm__txn_ids(txn, crm__slice_of(key, sizeof key), NULL, 0, SIZE_MAX, &count);
    if (rc || !count)
        return rc;
    ids = crm__calloc(txn->mem, count, sizeof *ids);
    if (!ids)
        return CRM_ENOMEM;
    rc = crm__txn_ids(txn, crm__slice_of(key, sizeof key), ids, count, SIZE_MAX, &again);
    for (size_t i = 0; i < count && i < again && !rc && !k->since; i++)
        rc = ids[i] == to ? CRM_OK : keeping_reference(k, ids[i], f->number, to);
    crm__release(txn->mem, ids);
    return rc;
}

/* The entry by which somebody else, since the batch began, gave a customer an event or had another
 * refer to it; 0: there is none. */
static int kept_since(undo *u, crm_id id, uint64_t *since)
{
    keeper k = {u, 0};
    int rc = crm__event_each(u->txn, id, keeping_event, &k);

    if (rc == CRM_DONE)
        rc = CRM_OK;
    for (size_t i = 0; i < crm__model_count(u->m) && !rc && !k.since; i++) {
        const crm__field *f = crm__model_at(u->m, i);
        if (f->type == CRM_TYPE_CUSTOMER && !(f->flags & CRM_FIELD_PER_SOURCE))
            rc = keeping_field(&k, f, id);
    }
    *since = k.since;
    return rc ? crm__txn_fail(u->txn, rc, "can't read who needs a customer", u->err) : CRM_OK;
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
    int rc = walk_before(u, w), created;
    uint64_t since = 0;

    if (rc)
        return rc;
    created = mine(u, &w->e, w->seq);
    if (!deleted && (created || crm__walk_after(w)->flags & CRM__RECORD_DELETED)) {
        if (!u->deleting) {
            crm__buf_add(&u->leave, &w->id, sizeof w->id);
            return u->leave.failed ? crm__fail_nomem(u->err) : CRM_OK;
        }
        rc = kept_since(u, w->id, &since);
        if (rc || since)
            return rc ? rc : tell_changed(u, w->id, since);
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

static int for_all(undo *u, const crm__buf *ids, int (*fn)(undo *u, crm_id id))
{
    int rc = CRM_OK;

    for (size_t i = 0; i < ids->n / sizeof(crm_id) && !rc; i++) {
        crm_id id;
        memcpy(&id, ids->p + i * sizeof id, sizeof id);
        crm__arena_reset(&u->txn->work);
        rc = fn(u, id);
    }
    return rc;
}

typedef struct since {
    crm_id id;
    uint64_t seq;
} since;

/* A customer may be told for each of its tags, and is counted once. */
static int tag_changed(void *ctx, crm_id id, uint64_t seq)
{
    since s = {id, seq};
    undo *u = ctx;

    crm__buf_add(&u->since, &s, sizeof s);
    return u->since.failed ? crm__fail_nomem(u->err) : CRM_OK;
}

/* By customer, the last change first. */
static int by_customer(const void *a, const void *b)
{
    const since *x = a, *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->seq > y->seq ? -1 : x->seq < y->seq;
}

static int tell_tags(undo *u)
{
    since *list = (since *)(void *)u->since.p;
    size_t n = u->since.n / sizeof *list;
    int rc = CRM_OK;

    if (n)
        qsort(list, n, sizeof *list, by_customer);
    for (size_t i = 0; i < n && !rc; i++) {
        if (!i || list[i].id != list[i - 1].id)
            rc = tell_changed(u, list[i].id, list[i].seq);
    }
    return rc;
}

/* Taken first, then given: a dimension with one has room by then. */
static int undo_tags(undo *u)
{
    crm__tag_undo t = {u->first, is_undone, tag_changed, u, 0, u->err};
    int rc = CRM_OK;

    for (int give = 0; give < 2; give++) {
        for (size_t i = 0; i < u->tags.n / sizeof(uint64_t) && !rc; i++) {
            uint64_t pair;
            memcpy(&pair, u->tags.p + i * sizeof pair, sizeof pair);
            crm__arena_reset(&u->txn->work);
            rc = crm__tag_undo_step(&t, u->txn, u->m, pair >> 32, (uint32_t)pair, give);
        }
    }
    u->done.tags = t.changed;
    return rc ? rc : tell_tags(u);
}

static int run(undo *u)
{
    int rc;

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
    if (!rc && u->done.skipped && !(u->flags & CRM_UNDO_SKIP))
        rc = crm__fail(u->err, CRM_ECONFLICT, "changed since: %llu customer%s",
                       (unsigned long long)u->done.skipped, u->done.skipped == 1 ? "" : "s");
    return rc ? rc : for_all(u, &u->ids[0], recheck);
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
    rc = crm__batch_put(u->txn, u->batch, &b, u->err);
    return rc ? rc : crm__import_forget(u->txn, u->batch, u->err);
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
    crm__buf_init(&u.tags, txn->mem);
    crm__buf_init(&u.leave, txn->mem);
    crm__buf_init(&u.since, txn->mem);
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
