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

static void add_time(crm__buf *out, int64_t time)
{
    uint8_t bytes[8];

    crm__put_le64(bytes, (uint64_t)time);
    crm__buf_add(out, bytes, sizeof bytes);
}

/* Number and time of the event behind the last. */
static int append_time(const crm__timeline *t, uint32_t number, int64_t time)
{
    uint32_t part = (number - 1) / CRM__EVENT_TIMES, count = 0;
    crm__buf *out = &t->txn->scratch[0];
    crm__slice bytes;
    int rc;

    out->n = 0;
    if ((number - 1) % CRM__EVENT_TIMES == 0) {
        crm__buf_add_u8(out, CRM__EVENT_HEAD_FORMAT);
    } else {
        rc = read_times(t, part, &bytes, &count);
        if (rc || count != (number - 1) % CRM__EVENT_TIMES)
            return rc && rc != CRM_ENOTFOUND ? rc : CRM_ECORRUPT;
        crm__buf_add(out, bytes.p, bytes.n);
    }
    add_time(out, time);
    return put_row(t, CRM__EVENT_ROW_TIME, part, out);
}

/* ---- references ---- */

uint64_t crm__reference_hash(const crm_txn *txn, uint32_t source, crm__slice reference)
{
    return crm__event_reference_hash(txn->store->token_key, source, reference);
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

/* Place of the first entry behind (hash, time). */
static uint32_t reference_behind(const references *p, uint64_t hash, int64_t time)
{
    uint32_t lo = 0, hi = p->n;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (p->r[mid].hash < hash || (p->r[mid].hash == hash && p->r[mid].time <= time))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

int crm__timeline_index_reference(const crm__timeline *t, uint64_t hash, int64_t *time)
{
    references p;
    uint32_t at;
    int rc = read_references(t, hash, &p);

    if (rc)
        return rc;
    at = reference_behind(&p, hash, *time);
    if (at == p.n || p.r[at].hash != hash)
        return CRM_ENOTFOUND;
    *time = p.r[at].time;
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

/* A full part is parted between two hashes, so that all entries of a hash stand together; one hash
 * that fills a part by itself (a reference corrected over and over) makes it larger. */
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
    if (rc)
        return rc;
    at = reference_behind(&p, hash, e->time);
    if (at && p.r[at - 1].hash == hash && p.r[at - 1].time == e->time)
        return CRM_OK;
    memmove(p.r + at + 1, p.r + at, (p.n - at) * sizeof *p.r);
    p.r[at] = (crm__event_reference){hash, e->time};
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

int crm__timeline_index_make(const crm__timeline *t, const crm__event_block *b)
{
    const crm__event **order = crm__arena_alloc(t->a, b->count * sizeof(const crm__event *));
    crm__event_head h;
    int rc = order ? CRM_OK : CRM_ENOMEM;

    memset(&h, 0, sizeof h);
    for (uint32_t i = 0; !rc && i < b->count; i++)
        order[i] = &b->events[i];
    if (!rc)
        qsort(order, b->count, sizeof(const crm__event *), by_number);
    for (uint32_t i = 0; !rc && i < b->count; i++) {
        rc = order[i]->number == i + 1 ? crm__event_head_add(t->a, &h, order[i]) : CRM_ECORRUPT;
        if (!rc)
            rc = append_time(t, i + 1, order[i]->time);
        if (!rc)
            rc = add_reference(t, order[i]);
    }
    return rc ? rc : put_head(t, &h);
}

int crm__timeline_index_add(const crm__timeline *t, const crm__event *e)
{
    crm__event_head h;
    int rc = crm__timeline_head(t, &h);

    if (!rc)
        rc = crm__event_head_add(t->a, &h, e);
    if (!rc)
        rc = put_head(t, &h);
    if (!rc)
        rc = append_time(t, e->number, e->time);
    return rc ? rc : add_reference(t, e);
}

/* Time of the first event of a kind that counts, or with `back` of the last; from a time on. */
static int bound_of(const crm__timeline *t, uint32_t kind, int back, int64_t *time)
{
    uint32_t number = back ? UINT32_MAX - 1 : 0, at;
    int64_t from = *time;
    crm__event_block b;
    int rc;

    while ((rc = crm__timeline_near(t, from, number, back, &b, &at)) == CRM_OK) {
        for (;;) {
            const crm__event *e = &b.events[at];
            from = e->time;
            number = e->number;
            if (e->kind == kind && crm__event_counts(e)) {
                *time = from;
                return CRM_OK;
            }
            if (back ? at == 0 : at + 1 == b.count)
                break;
            at = back ? at - 1 : at + 1;
        }
    }
    return rc;
}

int crm__timeline_index_remove(const crm__timeline *t, const crm__event *e)
{
    crm__event_head h;
    crm__event_total *total;
    int rc = crm__timeline_head(t, &h);

    if (rc)
        return rc;
    crm__event_head_remove(&h, e);
    total = crm__event_head_find(&h, e->kind);
    if (!total)
        return CRM_ECORRUPT;
    if (!total->count)
        total->first = total->last = 0;
    else if (e->time == total->first)
        rc = bound_of(t, e->kind, 0, &total->first);
    if (!rc && total->count && e->time == total->last)
        rc = bound_of(t, e->kind, 1, &total->last);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    return put_head(t, &h);
}
