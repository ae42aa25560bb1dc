/* SPDX-License-Identifier: MIT
 * Steps for which the events of each candidate are read: what day lists do not hold, and what few
 * customers are asked.
 */
#include "segment/step.h"

#include "event/timeline.h"

#include <string.h>

/* ---- which events count ---- */

static int attribute_passes(crm__run *r, const crm__attribute_test *t, const crm__event *e)
{
    const crm__event_value *v;
    int rc = 0;

    if (!t->attribute) {
        for (uint32_t i = 0; i < t->source_count && !rc; i++)
            rc = t->sources[i] == e->source;
        return t->negated ? !rc : rc;
    }
    v = crm__event_value_find(e, t->attribute->number);
    if (!v || v->v.type != t->attribute->type)
        rc = t->empty;
    else if (!t->empty)
        rc = crm__test_value(&t->test, &v->v, &r->scratch);
    if (rc < 0)
        return rc;
    return t->negated ? !rc : rc;
}

int crm__event_passes(crm__run *r, const crm__events_test *t, const crm__event *e)
{
    if (!crm__event_counts(e) || e->time < t->from || e->time >= t->until)
        return 0;
    if (t->kind ? e->kind != t->kind->number : !crm__model_event_number(r->plan->model, e->kind))
        return 0;
    for (uint32_t i = 0; i < t->count; i++) {
        int rc = attribute_passes(r, &t->tests[i], e);
        if (rc != 1)
            return rc;
    }
    return 1;
}

/* ---- totals of one customer ---- */

enum { TOTAL_SCALE = 12 };

typedef struct total {
    uint64_t count;
    __int128 sum; /* at TOTAL_SCALE */
    crm__decimal min, max;
    int64_t first, last;
    crm__slice *seen; /* DISTINCT: comparable forms, open addressing */
    uint32_t seen_count, seen_size;
} total;

static __int128 widen(crm__decimal d)
{
    __int128 v = d.mantissa;

    for (unsigned i = d.scale; i < TOTAL_SCALE; i++)
        v *= 10;
    return v;
}

/* The place of a value among those seen, or where it would stand. */
static crm__slice *place_of(crm__slice *table, uint32_t size, crm__slice value)
{
    uint32_t at = (uint32_t)crm__hash64(0, value.p, value.n) & (size - 1);

    while (table[at].p && crm__slice_compare(table[at], value) != 0)
        at = (at + 1) & (size - 1);
    return &table[at];
}

static int grow_seen(crm__run *r, total *t)
{
    uint32_t size = t->seen_size ? t->seen_size * 2 : 16;
    crm__slice *to = crm__arena_alloc(&r->work, size * sizeof *to);

    if (!to)
        return CRM_ENOMEM;
    memset(to, 0, size * sizeof *to);
    for (uint32_t i = 0; i < t->seen_size; i++) {
        if (t->seen[i].p)
            *place_of(to, size, t->seen[i]) = t->seen[i];
    }
    t->seen = to;
    t->seen_size = size;
    return CRM_OK;
}

static int see(crm__run *r, const crm__value *v, total *t)
{
    crm__slice *to;

    r->scratch.n = 0;
    if (crm__value_normal(v->type, v, &r->scratch) || r->scratch.failed)
        return CRM_ENOMEM;
    if (t->seen_count * 2 >= t->seen_size && grow_seen(r, t))
        return CRM_ENOMEM;
    to = place_of(t->seen, t->seen_size, crm__slice_of(r->scratch.p, r->scratch.n));
    if (to->p)
        return CRM_OK;
    to->n = r->scratch.n;
    to->p = crm__arena_alloc(&r->work, to->n + 1);
    if (!to->p)
        return CRM_ENOMEM;
    if (to->n)
        memcpy((uint8_t *)(uintptr_t)to->p, r->scratch.p, to->n);
    t->seen_count++;
    return CRM_OK;
}

static int add_value(crm__run *r, const crm__step *s, const crm__event *e, total *t)
{
    const crm__field *f = s->node->attribute;
    const crm__event_value *v = crm__event_value_find(e, f->number);
    crm__decimal d;

    if (!v || v->v.type != f->type)
        return CRM_OK;
    if (s->aggregate == CRM__AGG_DISTINCT)
        return see(r, &v->v, t);
    if (f->type == CRM_TYPE_MONEY && memcmp(v->v.currency, s->test.currency, 3) != 0)
        return CRM_OK;
    if (!crm__value_number(&v->v, &d))
        return CRM_OK;
    if (!t->count || crm__decimal_compare(d, t->min) < 0)
        t->min = d;
    if (!t->count || crm__decimal_compare(d, t->max) > 0)
        t->max = d;
    t->sum += widen(d);
    t->count++;
    return CRM_OK;
}

static int add_event(crm__run *r, const crm__step *s, const crm__event *e, total *t)
{
    int rc = crm__event_passes(r, &s->events, e);

    if (rc <= 0)
        return rc;
    if (s->node->attribute)
        return add_value(r, s, e, t);
    if (!t->count++)
        t->first = e->time;
    t->last = e->time;
    return CRM_OK;
}

static __int128 wide_limit(int64_t number, int scale)
{
    return widen((crm__decimal){number, (uint8_t)scale});
}

/* Whether a sum lies in one of the limits; of an average, the sum is compared with limit * count.
 */
static int sum_passes(const crm__test *t, __int128 sum, __int128 times)
{
    for (uint32_t i = 0; i < t->limit_count; i++) {
        const crm__limits *l = &t->limits[i];
        __int128 lo = wide_limit(l->lo, l->lo_scale) * times;
        __int128 hi = wide_limit(l->hi, l->hi_scale) * times;
        if ((!(l->flags & CRM__LIMIT_LO) ||
             (l->flags & CRM__LIMIT_LO_OPEN ? sum > lo : sum >= lo)) &&
            (!(l->flags & CRM__LIMIT_HI) || (l->flags & CRM__LIMIT_HI_OPEN ? sum < hi : sum <= hi)))
            return 1;
    }
    return 0;
}

static int total_passes(const crm__step *s, const total *t)
{
    switch (s->aggregate) {
    case CRM__AGG_EXISTS:
        return t->count > 0;
    case CRM__AGG_COUNT:
        return crm__test_number(&s->test, (crm__decimal){(int64_t)t->count, 0});
    case CRM__AGG_DISTINCT:
        return crm__test_number(&s->test, (crm__decimal){(int64_t)t->seen_count, 0});
    case CRM__AGG_SUM:
        return sum_passes(&s->test, t->sum, 1);
    case CRM__AGG_AVG:
        return t->count && sum_passes(&s->test, t->sum, (__int128)t->count);
    case CRM__AGG_MIN:
        return t->count && crm__test_number(&s->test, t->min);
    case CRM__AGG_MAX:
        return t->count && crm__test_number(&s->test, t->max);
    case CRM__AGG_FIRST:
        return t->count && crm__test_number(&s->test, (crm__decimal){t->first, 0});
    case CRM__AGG_LAST:
        return t->count && crm__test_number(&s->test, (crm__decimal){t->last, 0});
    }
    return 0;
}

/* ---- sequences ---- */

typedef struct times {
    int64_t *at;
    uint32_t count, cap;
} times;

static int add_time(crm__run *r, times *t, int64_t time)
{
    if (t->count == t->cap) {
        uint32_t cap = t->cap ? t->cap * 2 : 32;
        int64_t *to = crm__arena_alloc(&r->work, cap * sizeof *to);
        if (!to)
            return CRM_ENOMEM;
        if (t->count)
            memcpy(to, t->at, t->count * sizeof *to);
        t->at = to;
        t->cap = cap;
    }
    t->at[t->count++] = time;
    return CRM_OK;
}

static int followed(crm__run *r, const crm__node *n, int64_t time, const times *then)
{
    uint32_t lo = 0, hi = then->count;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (then->at[mid] <= time)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == then->count)
        return 0;
    return !n->within || then->at[lo] <= crm__time_move(time, (int32_t)n->within,
                                                        (crm__unit)n->within_unit, r->txn->zone);
}

static int sequence_passes(crm__run *r, const crm__node *n, const times *first, const times *then)
{
    for (uint32_t i = 0; i < first->count; i++) {
        if (followed(r, n, first->at[i], then) != n->negated)
            return 1;
    }
    return 0;
}

/* ---- one customer ---- */

typedef struct reading {
    total t;
    times first, then;
} reading;

static int take(crm__run *r, const crm__step *s, const crm__event *e, reading *to)
{
    int rc;

    if (s->node->op == CRM__NODE_EVENTS)
        return add_event(r, s, e, &to->t);
    rc = crm__event_passes(r, &s->events, e);
    if (rc > 0)
        rc = add_time(r, &to->first, e->time);
    if (rc < 0)
        return rc;
    rc = crm__event_passes(r, &s->then, e);
    return rc > 0 ? add_time(r, &to->then, e->time) : rc;
}

static int read_events(crm__run *r, const crm__step *s, crm_id id, reading *to)
{
    int sequence = s->node->op == CRM__NODE_SEQUENCE;
    int64_t from = s->events.from, until = s->events.until;
    crm__timeline t;
    crm__event_block b = {NULL, 0, 0};
    uint32_t at;
    int rc;

    if (sequence && s->then.from < from)
        from = s->then.from;
    if (sequence && s->then.until > until)
        until = s->then.until;
    crm__timeline_walk(r->txn, id, &r->work, &t);
    t.read = &r->bytes;
    rc = crm__timeline_near(&t, from, 0, 0, &b, &at);
    while (!rc) {
        for (; at < b.count; at++) {
            if (b.events[at].time >= until)
                return CRM_OK;
            rc = take(r, s, &b.events[at], to);
            if (rc < 0)
                return rc;
        }
        rc = crm__run_read(r);
        if (!rc)
            rc = crm__timeline_after(&t, &b, &at);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__events_pass(crm__run *r, const crm__step *s, crm_id id)
{
    reading to;
    int rc;

    memset(&to, 0, sizeof to);
    rc = read_events(r, s, id, &to);
    if (!rc)
        rc = s->node->op == CRM__NODE_EVENTS ? total_passes(s, &to.t)
                                             : sequence_passes(r, s->node, &to.first, &to.then);
    crm__arena_reset(&r->work);
    return rc;
}

int crm__events_narrow(crm__run *r, const crm__step *s, uint64_t *words)
{
    for (int32_t row = crm__set_next(words, 0); row >= 0;
         row = crm__set_next(words, (uint32_t)row + 1)) {
        int rc = crm__events_pass(r, s, (r->chunk << CRM__CHUNK_SHIFT) + (uint64_t)row);
        if (rc < 0)
            return rc;
        if (!rc)
            crm__set_put(words, (uint32_t)row, 0);
        rc = crm__run_read(r);
        if (rc)
            return rc;
    }
    return CRM_OK;
}
