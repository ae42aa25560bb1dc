/* SPDX-License-Identifier: MIT
 * Blocks of a customer's events: finding, reading, adding, splitting.  See timeline.h.
 */
#include "event/timeline.h"

#include "base/time.h"
#include "db/scan.h"

#include <string.h>

/* ---- reading ---- */

/* Parts of a row's key if it is a block of the customer. */
static int own_block(const crm__timeline *t, crm__slice key, int64_t *time, uint32_t *number)
{
    int64_t at;
    uint32_t first;
    uint64_t id;

    if (!crm__key_event_read(key, &id, &at, &first) || id != t->id)
        return 0;
    *time = at;
    *number = first;
    return 1;
}

int crm__timeline_open(crm_txn *txn, crm_id id, crm__arena *a, crm__timeline *t)
{
    uint8_t key[CRM__KEY_EVENT_ROW];
    crm__slice k;
    crm__scan scan;
    int rc;

    memset(t, 0, sizeof *t);
    rc = crm__txn_settle(txn, NULL);
    if (rc)
        return rc;
    t->txn = txn;
    t->id = id;
    t->a = a;
    crm__scan_open(txn, KV_EVENT, &scan);
    rc = crm__scan_seek(&scan, KV_LE, crm__key_event_row(key, id, 0xff, 0), &k, NULL);
    if (!rc && own_block(t, k, &t->time, &t->number))
        rc = crm__scan_payload(&scan, &t->bytes);
    else if (!rc)
        t->many = k.n > 8 && crm__get_be64(k.p) == id;
    crm__scan_close(&scan);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* The block of the customer nearest to a key.  CRM_ENOTFOUND. */
static int seek_block(const crm__timeline *t, kv_seek how, int64_t time, uint32_t number,
                      crm__event_block *b)
{
    uint8_t key[CRM__KEY_EVENT];
    crm__slice k = {NULL, 0}, payload;
    crm__scan scan;
    int rc;

    crm__scan_open(t->txn, KV_EVENT, &scan);
    rc = crm__scan_seek(&scan, how, crm__key_event(key, t->id, time, number), &k, NULL);
    if (!rc && !own_block(t, k, &time, &number))
        rc = CRM_ENOTFOUND;
    if (!rc)
        rc = crm__scan_payload(&scan, &payload);
    if (!rc && t->read)
        *t->read += payload.n + CRM__TAG_SIZE;
    if (!rc)
        rc = crm__event_block_decode(t->a, time, number, payload, b);
    crm__scan_close(&scan);
    return rc;
}

int crm__timeline_block(const crm__timeline *t, int64_t time, uint32_t number, crm__event_block *b)
{
    int rc;

    if (!t->many)
        return t->number ? crm__event_block_decode(t->a, t->time, t->number, t->bytes, b)
                         : CRM_ENOTFOUND;
    rc = seek_block(t, KV_LE, time, number, b);
    return rc == CRM_ENOTFOUND ? seek_block(t, KV_GE, CRM__TIME_MIN, 0, b) : rc;
}

static int near_before(const crm__timeline *t, int64_t time, uint32_t number, crm__event_block *b,
                       uint32_t *at)
{
    int rc;

    if (number) {
        number--;
    } else if (time > CRM__TIME_MIN) { /* nothing stands at number 0: the time before is meant */
        time--;
        number = UINT32_MAX - 1;
    } else {
        return CRM_ENOTFOUND;
    }
    rc = t->many ? seek_block(t, KV_LE, time, number, b) : crm__timeline_block(t, time, number, b);
    if (rc)
        return rc;
    *at = crm__event_block_find(b, time, number + 1);
    if (!*at)
        return CRM_ENOTFOUND;
    --*at;
    return CRM_OK;
}

int crm__timeline_near(const crm__timeline *t, int64_t time, uint32_t number, int back,
                       crm__event_block *b, uint32_t *at)
{
    int rc;

    if (back)
        return near_before(t, time, number, b, at);
    rc = crm__timeline_block(t, time, number, b);
    if (rc)
        return rc;
    *at = crm__event_block_find(b, time, number + 1);
    if (*at < b->count)
        return CRM_OK;
    return crm__timeline_after(t, b, at);
}

int crm__timeline_after(const crm__timeline *t, crm__event_block *b, uint32_t *at)
{
    const crm__event *last = &b->events[b->count - 1];

    *at = 0;
    return t->many ? seek_block(t, KV_GE, last->time, last->number + 1, b) : CRM_ENOTFOUND;
}

void crm__timeline_walk(crm_txn *txn, crm_id id, crm__arena *a, crm__timeline *t)
{
    memset(t, 0, sizeof *t);
    t->txn = txn;
    t->id = id;
    t->a = a;
    t->many = 1;
}

int crm__timeline_head(const crm__timeline *t, crm__event_head *h)
{
    uint8_t key[CRM__KEY_EVENT_ROW];
    crm__event_block b;
    crm__slice payload;
    int rc;

    memset(h, 0, sizeof *h);
    if (t->many) {
        rc = crm__txn_read(t->txn, KV_EVENT, crm__key_event_row(key, t->id, CRM__EVENT_ROW_HEAD, 0),
                           &payload);
        if (!rc)
            rc = crm__event_head_decode(t->a, payload, h);
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    }
    rc = crm__timeline_block(t, 0, 0, &b);
    for (uint32_t i = 0; !rc && i < b.count; i++)
        rc = crm__event_head_add(t->a, h, &b.events[i]);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__timeline_last(const crm__timeline *t, uint32_t *number)
{
    crm__event_head h;
    int rc = crm__timeline_head(t, &h);

    *number = h.last;
    return rc;
}

int crm__timeline_get(const crm__timeline *t, uint32_t number, crm__event *e)
{
    crm__event_block b;
    int64_t time = 0;
    int rc = t->many ? crm__timeline_index_time(t, number, &time) : CRM_OK;

    if (rc)
        return rc;
    rc = crm__timeline_block(t, time, number, &b);
    if (rc)
        return rc == CRM_ENOTFOUND && t->many ? CRM_ECORRUPT : rc;
    for (uint32_t i = 0; i < b.count; i++) {
        if (b.events[i].number == number) {
            *e = b.events[i];
            return CRM_OK;
        }
    }
    return t->many ? CRM_ECORRUPT : CRM_ENOTFOUND;
}

/* ---- references ---- */

/* Among the events of one block. */
static int same_in_block(const crm__timeline *t, uint32_t source, crm__slice reference,
                         crm__event *e)
{
    crm__event_block b;
    int rc = crm__timeline_block(t, 0, 0, &b);

    e->number = 0;
    for (uint32_t i = 0; !rc && i < b.count; i++) {
        if (b.events[i].number > e->number && crm__event_is_of(&b.events[i], source, reference))
            *e = b.events[i];
    }
    return rc ? rc : e->number ? CRM_OK : CRM_ENOTFOUND;
}

int crm__timeline_same(const crm__timeline *t, uint32_t source, crm__slice reference, crm__event *e)
{
    uint32_t number = 0;
    uint64_t hash;
    int rc;

    if (!t->many)
        return same_in_block(t, source, reference, e);
    hash = crm__reference_hash(t->txn, source, reference);
    while ((rc = crm__timeline_index_reference(t, hash, &number)) == CRM_OK) {
        rc = crm__timeline_get(t, number, e);
        if (rc || crm__event_is_of(e, source, reference))
            return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    }
    return rc;
}

/* ---- all ---- */

int crm__timeline_next(const crm__timeline *t, crm__arena *a, crm__event *last, crm__event_block *b)
{
    crm__timeline in = *t;
    uint32_t at;
    int rc;

    in.a = a;
    if (!last->number) {
        rc = t->many ? crm__timeline_near(&in, CRM__TIME_MIN, 0, 0, b, &at)
                     : crm__timeline_block(&in, 0, 0, b);
    } else {
        crm__event_block before = {last, 1, 1};
        rc = crm__timeline_after(&in, &before, &at);
        *b = before;
    }
    if (!rc)
        *last = b->events[b->count - 1];
    return rc;
}

int crm__timeline_all(const crm__timeline *t, crm__event_block *all)
{
    crm__event_block b;
    crm__event last = {0};
    int rc;

    memset(all, 0, sizeof *all);
    while ((rc = crm__timeline_next(t, t->a, &last, &b)) == CRM_OK) {
        if (!t->many) {
            *all = b;
            return CRM_OK;
        }
        if (all->cap - all->count < b.count) {
            uint32_t cap = (all->count + b.count) * 2;
            crm__event *p = crm__arena_alloc(t->a, cap * sizeof *p);
            if (!p)
                return CRM_ENOMEM;
            if (all->count)
                memcpy(p, all->events, all->count * sizeof *p);
            all->events = p;
            all->cap = cap;
        }
        memcpy(all->events + all->count, b.events, b.count * sizeof *b.events);
        all->count += b.count;
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* ---- writing ---- */

static int put_block(crm__timeline *t, const crm__event *events, uint32_t n, crm__slice bytes)
{
    uint8_t key[CRM__KEY_EVENT];

    if (crm__edits_put(&t->txn->edits, KV_EVENT,
                       crm__key_event(key, t->id, events->time, events->number), bytes, 0))
        return CRM_ENOMEM;
    if (!t->many && n) { /* what a timeline of one block knows of it */
        t->time = events->time;
        t->number = events->number;
        (void)crm__edits_get(&t->txn->edits, KV_EVENT, crm__slice_of(key, sizeof key), &t->bytes);
    }
    return CRM_OK;
}

/* How new events stand among those of a block that is written again. */
enum { IN_BETWEEN, BEFORE_ALL, ONE_BEHIND, BEHIND_ALL };

static int put_encoded(crm__timeline *t, const crm__event *events, uint32_t n, uint32_t *blocks)
{
    crm__buf *out = &t->txn->scratch[0];

    ++*blocks;
    return put_block(t, events, n, crm__slice_of(out->p, out->n));
}

/* Encodes n events into the scratch buffer: CRM_OK, CRM_DONE when that is too large for a block. */
static int encode(crm__timeline *t, const crm__event *events, uint32_t n)
{
    crm__buf *out = &t->txn->scratch[0];

    out->n = 0;
    crm__event_block_encode(events, n, out);
    if (out->failed)
        return CRM_ENOMEM;
    return out->n <= CRM__EVENT_BLOCK_BYTES || n == 1 ? CRM_OK : CRM_DONE;
}

/* Writes events as one or more blocks, parted where new ones stand; *blocks grows by how many. */
static int put_events(crm__timeline *t, const crm__event *events, uint32_t n, int place,
                      uint32_t *blocks)
{
    uint32_t at = place == BEFORE_ALL ? 1 : place == ONE_BEHIND ? n - 1 : n / 2;
    int rc = n <= CRM__EVENT_BLOCK_EVENTS ? encode(t, events, n) : CRM_DONE;

    if (rc != CRM_DONE)
        return rc ? rc : put_encoded(t, events, n, blocks);
    rc = put_events(t, events, at, place, blocks);
    return rc ? rc : put_events(t, events + at, n - at, place, blocks);
}

/* Finds the most of n events that make one block, within a few bytes, and encodes them. */
static int encode_most(crm__timeline *t, const crm__event *events, uint32_t n, uint32_t *count)
{
    enum { NEAR = CRM__EVENT_BLOCK_BYTES - 16 };
    const crm__buf *out = &t->txn->scratch[0];
    uint32_t at = n < CRM__EVENT_BLOCK_EVENTS ? n : CRM__EVENT_BLOCK_EVENTS, fit = 0, over = at + 1;
    int rc;

    while ((rc = encode(t, events, at)) >= 0) {
        uint32_t guess = (uint32_t)((uint64_t)at * CRM__EVENT_BLOCK_BYTES / out->n);
        if (rc == CRM_OK)
            fit = at;
        else
            over = at;
        if (rc == CRM_OK && (over - fit == 1 || out->n > NEAR))
            break;
        at = guess > fit && guess < over ? guess : (fit + over) / 2;
    }
    *count = at;
    return rc;
}

/* Writes events to which new ones were added behind: what comes in order leaves full blocks. */
static int put_behind(crm__timeline *t, const crm__event *events, uint32_t n, uint32_t *blocks)
{
    uint32_t count;
    int rc = CRM_OK;

    for (; n && !rc; events += count, n -= count) {
        rc = encode_most(t, events, n, &count);
        if (!rc)
            rc = put_encoded(t, events, count, blocks);
    }
    return rc;
}

/* Writes a block again that was read with another first event, or the same. */
static int write_block(crm__timeline *t, crm__event_block *b, int64_t old_time, uint32_t old_number,
                       int place)
{
    uint8_t key[CRM__KEY_EVENT];
    uint32_t blocks = 0;
    int rc;

    if (old_number && (b->events->time != old_time || b->events->number != old_number) &&
        crm__edits_del(&t->txn->edits, KV_EVENT, crm__key_event(key, t->id, old_time, old_number)))
        return CRM_ENOMEM;
    rc = place == BEHIND_ALL ? put_behind(t, b->events, b->count, &blocks)
                             : put_events(t, b->events, b->count, place, &blocks);
    if (!rc && blocks > 1 && !t->many) {
        t->many = 1;
        return crm__timeline_index_make(t, b);
    }
    return rc;
}

/* How many of n events stand before the block behind one. */
static int before_next(const crm__timeline *t, crm__event_block *b, uint32_t n,
                       const crm__event *events, uint32_t *took)
{
    crm__event_block next = *b;
    uint32_t at;
    int rc = n > 1 && t->many ? crm__timeline_after(t, &next, &at) : CRM_ENOTFOUND;

    *took = rc ? n : 1;
    while (!rc && *took < n &&
           crm__event_block_find(&next, events[*took].time, events[*took].number) == 0)
        ++*took;
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* Puts the first of n events, and those that stand in the same block, there. */
static int add_to_block(crm__timeline *t, const crm__event *events, uint32_t n, uint32_t *took)
{
    crm__event_block b;
    uint32_t at, old = 0, old_number = 0;
    int64_t old_time = 0;
    int place = BEHIND_ALL, rc = crm__timeline_block(t, events->time, events->number, &b);

    *took = n;
    if (rc == CRM_ENOTFOUND && !t->many) { /* the first ones: written as they stand */
        b = (crm__event_block){(crm__event *)(uintptr_t)events, n, n};
        return write_block(t, &b, 0, 0, place);
    }
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc; /* a head without a block */
    old_time = b.events->time;
    old_number = b.events->number;
    old = b.count;
    rc = before_next(t, &b, n, events, took);
    for (uint32_t i = 0; i < *took && !rc; i++) {
        rc = crm__event_block_insert(t->a, &b, &events[i], &at);
        if (at < old + i)
            place = at == 0 && *took == 1 ? BEFORE_ALL : IN_BETWEEN;
    }
    if (*took == 1 && place == BEHIND_ALL)
        place = ONE_BEHIND;
    return rc ? rc : write_block(t, &b, old_time, old_number, place);
}

int crm__timeline_add(crm__timeline *t, const crm__event *events, uint32_t n)
{
    int many = t->many, rc = CRM_OK;

    for (uint32_t i = 0, took = 0; i < n && !rc; i += took)
        rc = add_to_block(t, events + i, n - i, &took);
    return rc || !many ? rc : crm__timeline_index_add(t, events, n);
}

int crm__timeline_mark(crm__timeline *t, const crm__event *e, uint8_t state, uint64_t seq)
{
    crm__event_block b;
    uint32_t at;
    int many = t->many, counted = crm__event_counts(e);
    int rc = crm__timeline_block(t, e->time, e->number, &b);

    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    at = crm__event_block_find(&b, e->time, e->number);
    if (at == b.count || b.events[at].number != e->number)
        return CRM_ECORRUPT;
    b.events[at].state = state;
    b.events[at].like = 0;
    b.events[at].voided = seq;
    rc = write_block(t, &b, b.events->time, b.events->number, IN_BETWEEN);
    return rc || !many || !counted ? rc : crm__timeline_index_remove(t, e);
}
