/* SPDX-License-Identifier: MIT
 * The part of crm_check() that looks at the events of each customer: their order, numbers, entries
 * and voids, and that the rows beside the blocks (codec/event_head.h) say what the events say.
 *
 * Fed with the rows of the event space in order.  A customer's blocks come first: what the rows
 * beside them must say is gathered from those, and compared as they pass.  In memory is one
 * customer: 40 bytes an event, and 24 a reference.
 */
#include "db/check_timeline.h"

#include <stdlib.h>
#include <string.h>

enum { NAMED_MOST = 100, LONG_MOST = 64 << 10 };

int crm__timeline_name_one(crm__check_timeline *t)
{
    if (t->named >= NAMED_MOST)
        return 0;
    t->named++;
    return 1;
}

void crm__timeline_fault(crm__check_timeline *t, const char *what)
{
    crm__check_fault(t->c, "event", t->id, -1, "the events of customer %llu: %s",
                     (unsigned long long)t->id, what);
}

void crm__timeline_beside_fault(crm__check_timeline *t, const char *what)
{
    crm__timeline_fault(t, what);
    crm__check_mendable(t->c, KV_EVENT);
}

void crm__timeline_event_fault(crm__check_timeline *t, uint64_t number, const char *what)
{
    if (crm__timeline_name_one(t))
        crm__check_fault(t->c, "event", t->id, -1, "event %llu of customer %llu %s",
                         (unsigned long long)number, (unsigned long long)t->id, what);
}

/* ---- events ---- */

static void begin(crm__check_timeline *t, crm_id id)
{
    const crm__check *c = t->c;

    t->id = id;
    t->blocks = t->missing = t->more = t->times = t->last_hash = 0;
    t->named = t->lost = t->ready = t->numbered = 0;
    t->beside = t->head_met = t->misplaced = t->hashes = 0;
    t->at = 0;
    t->last_time = INT64_MIN;
    t->last_number = 0;
    memset(&t->head, 0, sizeof t->head);
    crm__arena_reset(&t->arena);
    /* A long timeline does not keep its memory for all the short ones behind it. */
    if (t->events.cap > LONG_MOST)
        crm__buf_clear(&t->events);
    if (t->references.cap > LONG_MOST)
        crm__buf_clear(&t->references);
    t->events.n = t->references.n = t->totals.n = 0;
    /* What is missing between the first and the last customer is told as such. */
    if (id > c->last_id) {
        uint8_t key[CRM__KEY_U64];
        crm__slice record;
        if (crm__txn_read(c->txn, KV_CUSTOMER, crm__key_u64(key, id), &record) == CRM_ENOTFOUND)
            crm__timeline_fault(t, "there is no such customer");
    }
}

static int add_event(crm__check_timeline *t, const crm__event *e)
{
    crm__brief b = {e->time, e->seq, e->voided, e->number, e->voids, e->state, 0, 0};

    b.is_void = e->kind == CRM__EVENT_VOID;
    crm__buf_add(&t->events, &b, sizeof b);
    if (e->reference.n) {
        crm__mention r = {0, 0, e->number};
        r.hash = crm__event_reference_hash(t->c->store.token_key, e->source, e->reference, &r.more);
        crm__buf_add(&t->references, &r, sizeof r);
    }
    if (t->events.failed || t->references.failed)
        return CRM_ENOMEM;
    if (t->head.total_count > CRM__TOTALS_MOST || t->head.sum_count > CRM__TOTALS_MOST)
        return CRM_OK;
    return crm__event_head_add(&t->arena, &t->head, e);
}

static int add_block(crm__check_timeline *t, const crm__event_block *b)
{
    const crm__event *first = &b->events[0], *last = &b->events[b->count - 1];
    int rc = CRM_OK;

    if (first->time < t->last_time ||
        (first->time == t->last_time && first->number <= t->last_number))
        crm__timeline_event_fault(t, first->number, "does not stand behind the one before it");
    t->last_time = last->time;
    t->last_number = last->number;
    t->blocks++;
    for (uint32_t i = 0; i < b->count && !rc; i++)
        rc = add_event(t, &b->events[i]);
    return rc;
}

static int by_number(const void *a, const void *b)
{
    const crm__brief *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

static int order_of(uint64_t x, uint64_t y)
{
    return x < y ? -1 : x > y;
}

static int by_reference(const void *a, const void *b)
{
    const crm__mention *x = a, *y = b;
    int c = order_of(x->hash, y->hash);

    c = c ? c : order_of(x->more, y->more);
    return c ? c : order_of(x->number, y->number);
}

/* As the entries of the rows stand. */
int crm__mention_by_hash(const void *a, const void *b)
{
    const crm__mention *x = a, *y = b;
    int c = order_of(x->hash, y->hash);

    return c ? c : order_of(x->number, y->number);
}

/* Leaves the last event of each reference. */
static void sort_references(crm__check_timeline *t)
{
    size_t n, kept = 0;
    crm__mention *r = crm__timeline_wanted(t, &n);

    if (n)
        qsort(r, n, sizeof *r, by_reference);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 == n || r[i].hash != r[i + 1].hash || r[i].more != r[i + 1].more)
            r[kept++] = r[i];
    }
    if (kept)
        qsort(r, kept, sizeof *r, crm__mention_by_hash);
    t->references.n = kept * sizeof *r;
}

/* Numbers are 1 to the last, each once. */
static void check_numbers(crm__check_timeline *t, const crm__brief *b, size_t n)
{
    uint64_t next = 1;

    t->numbered = 1;
    for (size_t i = 0; i < n; next = (uint64_t)b[i++].number + 1) {
        if (b[i].number == next)
            continue;
        t->numbered = 0;
        if (b[i].number < next)
            crm__timeline_event_fault(t, b[i].number, "stands there twice");
        else if (crm__timeline_name_one(t))
            crm__check_fault(t->c, "event", t->id, -1,
                             "events %llu to %llu of customer %llu are missing",
                             (unsigned long long)next, (unsigned long long)b[i].number - 1,
                             (unsigned long long)t->id);
    }
}

/* Entries come in the order of numbers, and none after the journal's last. */
static void check_entries(crm__check_timeline *t, const crm__brief *b, size_t n)
{
    const crm_txn *txn = t->c->txn;
    uint64_t most = txn->state_read ? txn->state.seq : UINT64_MAX;

    for (size_t i = 0; i < n; i++) {
        if (!b[i].seq || b[i].seq > most)
            crm__timeline_event_fault(t, b[i].number,
                                      "is of an entry that the journal does not have");
        else if (i && b[i].seq < b[i - 1].seq)
            crm__timeline_event_fault(t, b[i].number,
                                      "is of an earlier entry than the event before it");
    }
}

/* An event that voids another is met by that one's mark, and each mark by one such event. */
static void check_voids(crm__check_timeline *t, crm__brief *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t state = b[i].is_void ? CRM__EVENT_VOIDED : CRM__EVENT_CORRECTED;
        crm__brief *of = b[i].voids && b[i].voids <= i ? &b[b[i].voids - 1] : NULL;
        if (!b[i].voids && !b[i].is_void)
            continue;
        if (!of || of->is_void)
            crm__timeline_event_fault(t, b[i].number, "voids an event that is not there");
        else if (of->met)
            crm__timeline_event_fault(t, b[i].number, "voids an event that another one voids too");
        else if (of->state != state || of->voided != b[i].seq)
            crm__timeline_event_fault(t, b[i].number, "voids an event that does not say so");
        if (of)
            of->met = 1;
    }
    for (size_t i = 0; i < n; i++) {
        if (b[i].state != CRM__EVENT_IN_FORCE && !b[i].met)
            crm__timeline_event_fault(t, b[i].number, "is voided by no event");
    }
}

/* All blocks of the customer have passed. */
int crm__timeline_ready(crm__check_timeline *t)
{
    size_t n;
    crm__brief *b = crm__timeline_briefs(t, &n);

    if (t->ready || t->lost)
        return CRM_OK;
    t->ready = 1;
    if (n)
        qsort(b, n, sizeof *b, by_number);
    check_numbers(t, b, n);
    check_entries(t, b, n);
    if (t->numbered)
        check_voids(t, b, n);
    if (t->blocks < 2)
        return CRM_OK;
    crm__event_head_encode(&t->head, &t->totals);
    sort_references(t);
    return t->totals.failed ? CRM_ENOMEM : CRM_OK;
}

/* Whether a key is that of a row that may stand beside blocks. */
static int is_beside(crm__slice key)
{
    uint8_t own[CRM__KEY_EVENT_ROW];

    if (key.n != CRM__KEY_EVENT_ROW || key.p[16] > CRM__EVENT_ROW_TIME)
        return 0;
    crm__key_event_row(own, crm__get_be64(key.p), key.p[16], crm__get_be64(key.p + 17));
    return memcmp(own, key.p, sizeof own) == 0 && crm__get_be64(key.p) &&
           (key.p[16] != CRM__EVENT_ROW_HEAD || crm__get_be64(key.p + 17) == 0);
}

/* ---- the walk ---- */

static int finish(crm__check_timeline *t)
{
    size_t n, m;
    int rc = t->id ? crm__timeline_ready(t) : CRM_OK;

    if (rc || !t->id || t->lost || t->blocks < 2)
        return rc;
    crm__timeline_briefs(t, &n);
    crm__timeline_wanted(t, &m);
    if (!t->head_met)
        crm__timeline_beside_fault(t, "the totals beside them are missing");
    t->missing += m - t->at;
    if (t->missing || t->more)
        crm__check_mendable(t->c, KV_EVENT);
    if (t->missing && !t->misplaced)
        crm__check_fault(t->c, "event", t->id, -1,
                         "the events of customer %llu: %llu of their references are missing",
                         (unsigned long long)t->id, (unsigned long long)t->missing);
    if (t->more && !t->misplaced)
        crm__check_fault(t->c, "event", t->id, -1,
                         "the events of customer %llu: %llu references are kept that none has",
                         (unsigned long long)t->id, (unsigned long long)t->more);
    if (t->numbered && t->times < n)
        crm__timeline_times_missing(t, n);
    return CRM_OK;
}

static int turn_to(crm__check_timeline *t, crm_id id)
{
    int rc = id == t->id ? CRM_OK : finish(t);

    if (!rc && id != t->id)
        begin(t, id);
    return rc;
}

int crm__check_timeline_row(crm__check_timeline *t, crm__slice key, crm__slice payload,
                            const crm__event_block *b)
{
    int rc;

    if (b ? !crm__get_be64(key.p) : !is_beside(key)) {
        crm__check_fault(t->c, "event", 0, -1, "a row has a key of another form");
        return CRM_OK;
    }
    rc = turn_to(t, crm__get_be64(key.p));
    if (rc)
        return rc;
    return b ? add_block(t, b) : crm__timeline_beside(t, key, payload);
}

/* A row beside the blocks that is damaged: nothing is lost that the events do not say. */
static int lost_beside(crm__check_timeline *t, crm__slice key)
{
    size_t n;
    int rc = crm__timeline_ready(t);

    if (rc)
        return rc;
    crm__timeline_beside_fault(t, "a row beside them is damaged");
    t->beside = 1;
    if (t->lost)
        return CRM_OK;
    switch (key.p[16]) {
    case CRM__EVENT_ROW_HEAD:
        t->head_met = 1;
        break;
    case CRM__EVENT_ROW_REFERENCE:
        t->misplaced = 1;
        break;
    default: /* what is missing of the times is not told besides */
        crm__timeline_briefs(t, &n);
        t->times = n;
    }
    return CRM_OK;
}

int crm__check_timeline_lost(crm__check_timeline *t, crm__slice key)
{
    crm_id id = key.n >= CRM__KEY_U64 ? crm__get_be64(key.p) : 0;
    int rc = id ? turn_to(t, id) : CRM_OK;

    if (rc || is_beside(key))
        return rc ? rc : lost_beside(t, key);
    crm__check_fault(t->c, "event", id, -1, "a row of the events of customer %llu is damaged",
                     (unsigned long long)id);
    if (id)
        t->lost = 1;
    return CRM_OK;
}

int crm__check_timeline_end(crm__check_timeline *t, int whole)
{
    int rc = whole ? finish(t) : CRM_OK;

    t->id = 0;
    return rc;
}

/* ---- one for a check ---- */

crm__check_timeline *crm__check_timeline_new(crm__check *c)
{
    crm__check_timeline *t = crm__calloc(&c->mem, 1, sizeof *t);

    if (!t)
        return NULL;
    t->c = c;
    crm__buf_init(&t->events, &c->mem);
    crm__buf_init(&t->references, &c->mem);
    crm__buf_init(&t->totals, &c->mem);
    crm__arena_init(&t->arena, &c->mem);
    crm__arena_init(&t->work, &c->mem);
    return t;
}

void crm__check_timeline_free(crm__check_timeline *t)
{
    if (!t)
        return;
    crm__buf_clear(&t->events);
    crm__buf_clear(&t->references);
    crm__buf_clear(&t->totals);
    crm__arena_clear(&t->arena);
    crm__arena_clear(&t->work);
    crm__release(&t->c->mem, t);
}
