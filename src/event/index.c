/* SPDX-License-Identifier: MIT
 * The rows beside the blocks of a customer who has two or more: totals, references, times.  See
 * timeline.h; the bytes are in codec/event_head.h.
 */
#include "base/time.h"
#include "db/scan.h"
#include "event/timeline.h"

#include <stdlib.h>
#include <string.h>

static int put_row(const crm__timeline *t, uint8_t what, uint64_t part, const crm__buf *out)
{
    uint8_t key[CRM__KEY_EVENT_ROW];

    if (out->failed ||
        crm__edits_put(&t->txn->edits, KV_EVENT, crm__key_event_row(key, t->id, what, part),
                       crm__slice_of(out->p, out->n), 0))
        return CRM_ENOMEM;
    return CRM_OK;
}

static int put_head(const crm__timeline *t, const crm__event_head *h)
{
    crm__buf *out = &t->txn->scratch[0];

    out->n = 0;
    crm__event_head_encode(h, out);
    return put_row(t, CRM__EVENT_ROW_HEAD, 0, out);
}

/* ---- times ---- */

static int read_times(const crm__timeline *t, uint32_t part, crm__slice *bytes, uint32_t *count)
{
    uint8_t key[CRM__KEY_EVENT_ROW];
    int rc = crm__txn_read(t->txn, KV_EVENT,
                           crm__key_event_row(key, t->id, CRM__EVENT_ROW_TIME, part), bytes);

    return rc ? rc : crm__event_times_count(*bytes, count);
}

int crm__timeline_index_time(const crm__timeline *t, uint32_t number, int64_t *time)
{
    crm__slice bytes;
    uint32_t count;
    int rc;

    if (!number)
        return CRM_ENOTFOUND;
    rc = read_times(t, (number - 1) / CRM__EVENT_TIMES, &bytes, &count);
    if (rc)
        return rc;
    if ((number - 1) % CRM__EVENT_TIMES >= count)
        return CRM_ENOTFOUND;
    *time = crm__event_times_at(bytes, (number - 1) % CRM__EVENT_TIMES);
    return CRM_OK;
}

/* Times of the n events behind the last, by number; as many as go into one row are *took. */
static int append_times(const crm__timeline *t, const crm__event *const *order, uint32_t n,
                        uint32_t *took)
{
    uint32_t part = (order[0]->number - 1) / CRM__EVENT_TIMES, count = 0;
    uint32_t at = (order[0]->number - 1) % CRM__EVENT_TIMES, i = 0;
    crm__buf *out = &t->txn->scratch[0];
    int64_t times[CRM__EVENT_TIMES];
    crm__slice bytes;

    if (at) {
        int rc = read_times(t, part, &bytes, &count);
        if (rc || count != at)
            return rc && rc != CRM_ENOTFOUND ? rc : CRM_ECORRUPT;
    }
    *took = n < CRM__EVENT_TIMES - at ? n : CRM__EVENT_TIMES - at;
    out->n = 0;
    if (at)
        crm__buf_add(out, bytes.p, bytes.n);
    for (i = 0; at && !out->failed && i < *took && crm__event_times_add(out, order[i]->time);)
        i++;
    if (i < *took && !out->failed) { /* all of them anew */
        for (i = 0; i < at; i++)
            times[i] = crm__event_times_at(bytes, i);
        for (i = 0; i < *took; i++)
            times[at + i] = order[i]->time;
        out->n = 0;
        crm__event_times_encode(times, at + *took, out);
    }
    return put_row(t, CRM__EVENT_ROW_TIME, part, out);
}

/* ---- references ---- */

uint64_t crm__reference_hash(const crm_txn *txn, uint32_t source, crm__slice reference)
{
    return crm__event_reference_hash(txn->store->token_key, source, reference, NULL);
}

typedef struct references {
    uint64_t part; /* its key's */
    uint32_t n;
    crm__event_reference *r; /* with room for one more */
} references;

/* The part of a hash: the last whose least hash is not above it.  CRM_ENOTFOUND: there is none yet.
 */
static int read_references(const crm__timeline *t, uint64_t hash, references *p)
{
    uint8_t key[CRM__KEY_EVENT_ROW];
    crm__slice k, payload;
    crm__scan scan;
    int rc;

    crm__scan_open(t->txn, KV_EVENT, &scan);
    rc = crm__scan_seek(
        &scan, KV_LE, crm__key_event_row(key, t->id, CRM__EVENT_ROW_REFERENCE, hash), &k, &payload);
    if (!rc && (k.n != CRM__KEY_EVENT_ROW || memcmp(k.p, key, 17) != 0))
        rc = CRM_ENOTFOUND;
    if (!rc)
        rc = crm__event_references_decode(t->a, payload, &p->r, &p->n);
    if (!rc)
        p->part = crm__get_be64(k.p + 17);
    crm__scan_close(&scan);
    return rc;
}

/* Place of the first entry behind (hash, number). */
static uint32_t reference_behind(const references *p, uint64_t hash, uint32_t number)
{
    uint32_t lo = 0, hi = p->n;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (p->r[mid].hash < hash || (p->r[mid].hash == hash && p->r[mid].number <= number))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

int crm__timeline_index_reference(const crm__timeline *t, uint64_t hash, uint32_t *number)
{
    references p;
    uint32_t at;
    int rc = read_references(t, hash, &p);

    if (rc)
        return rc;
    at = reference_behind(&p, hash, *number);
    if (at == p.n || p.r[at].hash != hash)
        return CRM_ENOTFOUND;
    *number = p.r[at].number;
    return CRM_OK;
}

static int put_references(const crm__timeline *t, uint64_t part, const crm__event_reference *r,
                          uint32_t n)
{
    crm__buf *out = &t->txn->scratch[0];

    out->n = 0;
    crm__event_references_encode(r, n, out);
    return put_row(t, CRM__EVENT_ROW_REFERENCE, part, out);
}

/* A full part is parted between two hashes, so that all entries of a hash stand together. */
static int split_references(const crm__timeline *t, references *p)
{
    uint32_t at = p->n / 2, up = at, down = at;
    int rc;

    while (up < p->n && p->r[up].hash == p->r[up - 1].hash)
        up++;
    while (down > 0 && p->r[down].hash == p->r[down - 1].hash)
        down--;
    at = up < p->n ? up : down;
    if (!at)
        return put_references(t, p->part, p->r, p->n);
    rc = put_references(t, p->part, p->r, at);
    return rc ? rc : put_references(t, p->r[at].hash, p->r + at, p->n - at);
}

/* Takes the entry of an earlier event of the same source and reference out. */
static int drop_reference(const crm__timeline *t, references *p, uint64_t hash, const crm__event *e)
{
    for (uint32_t at = reference_behind(p, hash, 0); at < p->n && p->r[at].hash == hash; at++) {
        crm__event old;
        int rc = crm__timeline_get(t, p->r[at].number, &old);
        if (rc)
            return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
        if (!crm__event_is_of(&old, e->source, e->reference))
            continue; /* another reference has the same hash */
        p->n--;
        memmove(p->r + at, p->r + at + 1, (p->n - at) * sizeof *p->r);
        break;
    }
    return CRM_OK;
}

static int add_reference(const crm__timeline *t, const crm__event *e)
{
    uint64_t hash;
    references p;
    uint32_t at;
    int rc;

    if (!e->reference.n)
        return CRM_OK;
    hash = crm__reference_hash(t->txn, e->source, e->reference);
    rc = read_references(t, hash, &p);
    if (rc == CRM_ENOTFOUND) {
        p = (references){0, 0, crm__arena_alloc(t->a, sizeof *p.r)};
        rc = p.r ? CRM_OK : CRM_ENOMEM;
    }
    if (!rc)
        rc = drop_reference(t, &p, hash, e);
    if (rc)
        return rc;
    at = reference_behind(&p, hash, e->number);
    memmove(p.r + at + 1, p.r + at, (p.n - at) * sizeof *p.r);
    p.r[at] = (crm__event_reference){hash, e->number};
    p.n++;
    return p.n > CRM__EVENT_REFERENCES ? split_references(t, &p)
                                       : put_references(t, p.part, p.r, p.n);
}

/* ---- all ---- */

static int by_number(const void *a, const void *b)
{
    const crm__event *x = *(const crm__event *const *)a, *y = *(const crm__event *const *)b;

    return x->number < y->number ? -1 : x->number > y->number;
}

/* Takes events in whose numbers are those behind the head's last. */
static int take_in(const crm__timeline *t, crm__event_head *h, const crm__event *events, uint32_t n)
{
    const crm__event **order = crm__arena_alloc(t->a, n * sizeof(const crm__event *));
    uint32_t last = h->last, took = 0;
    int rc = order ? CRM_OK : CRM_ENOMEM;

    for (uint32_t i = 0; !rc && i < n; i++)
        order[i] = &events[i];
    if (!rc && n > 1)
        qsort(order, n, sizeof(const crm__event *), by_number);
    for (uint32_t i = 0; !rc && i < n; i++)
        rc = order[i]->number == last + i + 1 ? crm__event_head_add(t->a, h, order[i])
                                              : CRM_ECORRUPT;
    if (!rc)
        rc = put_head(t, h);
    for (uint32_t i = 0; !rc && i < n; i += took)
        rc = append_times(t, order + i, n - i, &took);
    for (uint32_t i = 0; !rc && i < n; i++)
        rc = add_reference(t, order[i]);
    return rc;
}

int crm__timeline_index_make(const crm__timeline *t, const crm__event_block *b)
{
    crm__event_head h;

    memset(&h, 0, sizeof h);
    return take_in(t, &h, b->events, b->count);
}

int crm__timeline_index_add(const crm__timeline *t, const crm__event *events, uint32_t n)
{
    crm__event_head h;
    int rc = crm__timeline_head(t, &h);

    return rc ? rc : take_in(t, &h, events, n);
}

/* ---- the first and the last of a kind ---- */

/* The event of a kind nearest to a time, on one side of it. */
typedef struct bound {
    uint32_t kind;
    int back, all; /* all: every event of the time that is found, not only one */
    int64_t from;  /* looked for before it, with `back`, or behind it */
    int64_t time;  /* found: of the nearest event that counts */
    uint64_t here; /* how many have been found */
} bound;

static void look_in(bound *w, const crm__event_block *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        const crm__event *e = &b->events[w->back ? b->count - 1 - i : i];
        if (e->kind != w->kind || !crm__event_counts(e) ||
            (w->back ? e->time >= w->from : e->time <= w->from))
            continue;
        if (w->here && (!w->all || e->time != w->time))
            return;
        w->time = e->time;
        w->here++;
    }
}

/* Goes over the blocks from that of the time on.  Those without any of the kind that is in force
 * are passed over without decoding them. */
static int find_bound(const crm__timeline *t, crm__arena *a, bound *w)
{
    uint8_t key[CRM__KEY_EVENT];
    crm__slice k, payload;
    crm__event_block b;
    uint32_t number;
    uint64_t id;
    int64_t time;
    crm__scan scan;
    int rc;

    crm__scan_open(t->txn, KV_EVENT, &scan);
    crm__key_event(key, t->id, w->from, w->back ? 0 : UINT32_MAX);
    rc = crm__scan_seek(&scan, KV_LE, crm__slice_of(key, sizeof key), &k, &payload);
    if (!w->back && (rc == CRM_ENOTFOUND ||
                     (!rc && (!crm__key_event_read(k, &id, &time, &number) || id != t->id))))
        rc = crm__scan_seek(&scan, KV_GE, crm__slice_of(key, sizeof key), &k, &payload);
    while (!rc && crm__key_event_read(k, &id, &time, &number) && id == t->id) {
        if (w->here && (!w->all || time > w->time))
            break;
        if (crm__event_block_has(payload, w->kind)) {
            crm__arena_reset(a);
            rc = crm__event_block_decode(a, time, number, payload, &b);
            if (rc)
                break;
            look_in(w, &b);
        }
        rc = w->back ? crm__scan_prev(&scan, &k, &payload) : crm__scan_next(&scan, &k, &payload);
    }
    crm__scan_close(&scan);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int find(const crm__timeline *t, bound *w)
{
    crm__arena a;
    int rc;

    crm__arena_init(&a, t->txn->mem);
    rc = find_bound(t, &a, w);
    crm__arena_clear(&a);
    return rc;
}

/* An event of the first or the last time of a kind counts no more.  Where it isn't known how many
 * there are of that time they are counted, once; without any the next time takes its place, and how
 * many are there is only counted when one of them goes. */
static int leave_bound(const crm__timeline *t, uint32_t kind, int back, int known, int64_t *time,
                       uint64_t *at)
{
    bound here = {kind, 0, 1, *time - 1, 0, 0}, next = {kind, back, 0, *time, 0, 0};
    int rc = CRM_OK;

    if (!known) {
        rc = find(t, &here);
        *at = here.time == *time ? here.here : 0;
    }
    if (rc || *at)
        return rc;
    rc = find(t, &next);
    if (!rc && !next.here)
        rc = CRM_ECORRUPT; /* the head counts events that are not there */
    *time = next.time;
    return rc;
}

int crm__timeline_index_remove(const crm__timeline *t, const crm__event *e)
{
    crm__event_head h;
    crm__event_total *total;
    int known_first, known_last, rc = crm__timeline_head(t, &h);

    if (rc)
        return rc;
    total = crm__event_head_find(&h, e->kind);
    if (!total || !total->count)
        return CRM_ECORRUPT;
    known_first = total->at_first != 0;
    known_last = total->at_last != 0;
    crm__event_head_remove(&h, e);
    if (!total->count)
        *total = (crm__event_total){.kind = e->kind};
    if (total->count && e->time == total->first)
        rc = leave_bound(t, e->kind, 0, known_first, &total->first, &total->at_first);
    if (!rc && total->count && e->time == total->last)
        rc = leave_bound(t, e->kind, 1, known_last, &total->last, &total->at_last);
    return rc ? rc : put_head(t, &h);
}
