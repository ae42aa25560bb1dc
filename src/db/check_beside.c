/* SPDX-License-Identifier: MIT
 * The rows beside the blocks of a customer's events (codec/event_head.h): compared with what the
 * events say as they pass, and made of it as they are to be.
 */
#include "db/check_timeline.h"

#include <string.h>

/* ---- rows that are there ---- */

static int is_encoded_as(const crm__check_timeline *t, const crm__event_head *h, crm__slice bytes)
{
    crm__buf out;
    int rc;

    crm__buf_init(&out, &t->c->mem);
    crm__event_head_encode(h, &out);
    rc = out.failed                                                    ? CRM_ENOMEM
         : crm__slice_compare(crm__slice_of(out.p, out.n), bytes) == 0 ? CRM_OK
                                                                       : CRM_ECORRUPT;
    crm__buf_clear(&out);
    return rc;
}

/* How many events are of the first and the last time need not be known. */
static int same_head(const crm__check_timeline *t, crm__event_head *h, crm__slice payload)
{
    int rc = is_encoded_as(t, h, payload);

    for (uint32_t i = 0; i < h->total_count && i < t->head.total_count; i++) {
        const crm__event_total *want = &t->head.totals[i];
        if (!h->totals[i].at_first)
            h->totals[i].at_first = want->at_first;
        if (!h->totals[i].at_last)
            h->totals[i].at_last = want->at_last;
    }
    return rc ? rc : is_encoded_as(t, h, crm__slice_of(t->totals.p, t->totals.n));
}

static int check_head(crm__check_timeline *t, crm__slice payload)
{
    crm__event_head h;
    int rc;

    t->head_met = 1;
    if (t->head.total_count > CRM__TOTALS_MOST || t->head.sum_count > CRM__TOTALS_MOST)
        return CRM_OK;
    crm__arena_reset(&t->work);
    rc = crm__event_head_decode(&t->work, payload, &h);
    if (!rc)
        rc = same_head(t, &h, payload);
    if (rc == CRM_ECORRUPT)
        crm__timeline_beside_fault(t, "the totals beside them are not theirs");
    return rc == CRM_ENOMEM ? rc : CRM_OK;
}

static int check_references(crm__check_timeline *t, uint64_t part, crm__slice payload)
{
    crm__event_reference *r;
    const crm__mention *want;
    uint32_t count;
    size_t n;
    int rc;

    crm__arena_reset(&t->work);
    rc = crm__event_references_decode(&t->work, payload, &r, &count);
    if (rc == CRM_ENOMEM)
        return rc;
    if (rc || !count || r[0].hash < part || (t->hashes && t->last_hash >= part)) {
        crm__timeline_beside_fault(t, rc ? "a part of their references is damaged"
                                         : "a part of their references is not in its place");
        t->misplaced = 1;
        return CRM_OK;
    }
    t->hashes = 1;
    t->last_hash = r[count - 1].hash;
    want = crm__timeline_wanted(t, &n);
    for (uint32_t i = 0; i < count; i++) {
        const crm__mention have = {r[i].hash, 0, r[i].number};
        int order = 1;
        while (t->at < n && (order = crm__mention_by_hash(&want[t->at], &have)) < 0) {
            t->missing++;
            t->at++;
        }
        if (t->at < n && order == 0)
            t->at++;
        else
            t->more++;
    }
    return CRM_OK;
}

void crm__timeline_times_missing(crm__check_timeline *t, uint64_t to)
{
    if (crm__timeline_name_one(t))
        crm__check_fault(t->c, "event", t->id, -1,
                         "the times of events %llu to %llu of customer %llu are missing",
                         (unsigned long long)t->times + 1, (unsigned long long)to,
                         (unsigned long long)t->id);
    crm__check_mendable(t->c, KV_EVENT);
    t->times = to;
}

static void check_times(crm__check_timeline *t, uint64_t part, crm__slice payload)
{
    uint32_t count;
    size_t n;
    const crm__brief *b = crm__timeline_briefs(t, &n);
    uint64_t first = part < UINT32_MAX ? part * CRM__EVENT_TIMES : UINT64_MAX;

    if (!t->numbered) /* which event has which number is not known */
        return;
    if (first >= n) {
        crm__timeline_beside_fault(t, "among the times beside them are some of none");
        return;
    }
    if (t->times < first)
        crm__timeline_times_missing(t, first);
    if (crm__event_times_count(payload, &count)) {
        crm__timeline_beside_fault(t, "a part of their times is damaged");
        t->times = first + CRM__EVENT_TIMES < n ? first + CRM__EVENT_TIMES : n;
        return;
    }
    for (uint32_t i = 0; i < count && first + i < n; i++) {
        if (crm__event_times_at(payload, i) == b[first + i].time)
            continue;
        crm__timeline_event_fault(t, b[first + i].number,
                                  "has another time than the one kept beside it");
        crm__check_mendable(t->c, KV_EVENT);
    }
    if (first + count > n)
        crm__timeline_beside_fault(t, "among the times beside them are some of none");
    t->times = first + count < n ? first + count : n;
}

int crm__timeline_beside(crm__check_timeline *t, crm__slice key, crm__slice payload)
{
    uint64_t part = crm__get_be64(key.p + 17);
    int rc = crm__timeline_ready(t);

    if (rc || t->lost)
        return rc;
    if (t->blocks < 2) {
        if (!t->beside)
            crm__timeline_beside_fault(t, t->blocks ? "rows stand beside their only block"
                                                    : "rows stand beside none");
        t->beside = 1;
        return CRM_OK;
    }
    t->c->result.derived++;
    switch (key.p[16]) {
    case CRM__EVENT_ROW_HEAD:
        return check_head(t, payload);
    case CRM__EVENT_ROW_REFERENCE:
        return check_references(t, part, payload);
    default:
        check_times(t, part, payload);
        return CRM_OK;
    }
}

/* ---- the rows as they are to be ---- */

/* Parts as full as they may be, but between two hashes, so that all entries of a hash stand
 * together. */
static int give_references(crm__check_timeline *t, crm__buf *out, crm__beside_fn fn, void *ctx)
{
    crm__event_reference r[CRM__EVENT_REFERENCES];
    size_t n, end;
    const crm__mention *m = crm__timeline_wanted(t, &n);

    for (size_t i = 0; i < n; i = end) {
        int rc;
        end = n - i < CRM__EVENT_REFERENCES ? n : i + CRM__EVENT_REFERENCES;
        while (end < n && end > i + 1 && m[end].hash == m[end - 1].hash)
            end--;
        if (end < n && m[end].hash == m[end - 1].hash)
            return CRM_DONE; /* more references than a part holds have one hash */
        for (size_t k = i; k < end; k++)
            r[k - i] = (crm__event_reference){m[k].hash, m[k].number};
        out->n = 0;
        crm__event_references_encode(r, (uint32_t)(end - i), out);
        rc = out->failed ? CRM_ENOMEM
                         : fn(ctx, CRM__EVENT_ROW_REFERENCE, i ? m[i].hash : 0,
                              crm__slice_of(out->p, out->n));
        if (rc)
            return rc;
    }
    return CRM_OK;
}

static int give_times(crm__check_timeline *t, crm__buf *out, crm__beside_fn fn, void *ctx)
{
    int64_t times[CRM__EVENT_TIMES];
    size_t n;
    const crm__brief *b = crm__timeline_briefs(t, &n);

    for (size_t i = 0; i < n;) {
        uint64_t part = i / CRM__EVENT_TIMES;
        uint32_t count = 0;
        int rc;
        out->n = 0;
        for (; i < n && i / CRM__EVENT_TIMES == part; i++)
            times[count++] = b[i].time;
        crm__event_times_encode(times, count, out);
        rc = out->failed ? CRM_ENOMEM
                         : fn(ctx, CRM__EVENT_ROW_TIME, part, crm__slice_of(out->p, out->n));
        if (rc)
            return rc;
    }
    return CRM_OK;
}

int crm__check_timeline_beside(crm__check_timeline *t, crm__beside_fn fn, void *ctx)
{
    crm__buf out;
    int rc;

    if (t->lost || !t->ready || !t->numbered)
        return CRM_DONE;
    if (t->blocks < 2)
        return CRM_OK;
    if (t->head.total_count > CRM__TOTALS_MOST || t->head.sum_count > CRM__TOTALS_MOST)
        return CRM_DONE;
    crm__buf_init(&out, &t->c->mem);
    crm__event_head_encode(&t->head, &out);
    rc = out.failed ? CRM_ENOMEM : fn(ctx, CRM__EVENT_ROW_HEAD, 0, crm__slice_of(out.p, out.n));
    if (!rc)
        rc = give_references(t, &out, fn, ctx);
    if (!rc)
        rc = give_times(t, &out, fn, ctx);
    crm__buf_clear(&out);
    return rc;
}
