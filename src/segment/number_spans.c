/* SPDX-License-Identifier: MIT
 * Passes over events of which nothing but counts and sums of whole days is asked: by spans, of which
 * each tells what the lists of 32 days come to.
 */
#include "base/time.h"
#include "db/day_spans.h"
#include "segment/number_run.h"

#include <string.h>

/* What a span tells for a measure of the pass. */
typedef struct told {
    uint32_t measure, currency; /* currency as cells have it */
    crm__span_column column;
    crm__day_total total;
} told;

typedef struct visit {
    crm__number_run *n;
    const crm__pass *p;
    crm__dim *time; /* NULL: no grouping by the time of events */
    int32_t from, until;
    crm__bucket unit; /* of the time grouping, the one that was met last, */
    uint32_t code;    /* and its code, 0 before it is needed */
    crm__span_view view;
    crm__buf told;
    crm__buf *days;
} visit;

int crm__pass_told(crm__number_run *n, const crm__pass *p)
{
    if (!n->all || p->events.count)
        return 0;
    for (uint32_t i = 0; i < p->count; i++) {
        switch (n->ops[p->of[i]]) {
        case CRM__MEASURE_COUNT:
        case CRM__MEASURE_SUM:
        case CRM__MEASURE_AVG:
            break;
        default:
            return 0;
        }
    }
    return crm__spans_tell(n->a.run.txn);
}

/* The days of one unit from a day on, all of them asked about as a whole; 0: the day is not, or is
 * not in one unit. */
static int unit_from(visit *w, int32_t day, uint32_t days, uint32_t *run)
{
    const crm__events_test *t = &w->p->events;
    int64_t midnight = (int64_t)day * CRM__US_PER_DAY, until = t->until;
    uint32_t place = crm__span_place(day);
    int64_t left;
    int rc;

    *run = 0;
    if (midnight < t->from || midnight > CRM__TIME_MAX)
        return CRM_OK;
    if (w->time && !(w->unit.from <= midnight && midnight < w->unit.until)) {
        rc = crm__dim_bucket(w->time, midnight, &w->unit);
        w->code = 0;
        if (rc)
            return rc;
    }
    if (w->time && w->unit.until < until)
        until = w->unit.until;
    if (until <= midnight)
        return CRM_OK;
    if (until > midnight + CRM__SPAN_DAYS * CRM__US_PER_DAY) /* without a window: for ever */
        until = midnight + CRM__SPAN_DAYS * CRM__US_PER_DAY;
    left = (until - midnight) / CRM__US_PER_DAY;
    *run = days & (UINT32_MAX << place);
    if (left < CRM__SPAN_DAYS - (int64_t)place)
        *run &= (UINT32_C(1) << (place + (uint32_t)left)) - 1;
    return CRM_OK;
}

/* Finds what the measures need; *enough: all of it is told. */
static int find(visit *w, int *enough)
{
    crm__number_run *n = w->n;
    crm__span_column c = {0};
    crm__span_view v = w->view;
    int rc;

    w->told.n = 0;
    *enough = 1;
    while (!(rc = crm__span_next(&v, &c))) {
        for (uint32_t i = 0; i < w->p->count; i++) {
            const crm__field *f = n->q.measures[w->p->of[i]].attribute;
            told one = {w->p->of[i], c.currency, c, {0}};
            if (!f || crm__day_column_of(f->number, 0) != c.column)
                continue;
            *enough &= (f->type == CRM_TYPE_MONEY) == (c.currency != 0);
            crm__buf_add(&w->told, &one, sizeof one);
        }
    }
    if (rc != CRM_DONE)
        return rc;
    return w->told.failed ? CRM_ENOMEM : CRM_OK;
}

static int add_counts(visit *w, uint32_t a, uint32_t b, uint64_t items)
{
    crm__number_run *n = w->n;
    crm__tally *t;
    int rc = CRM_OK;

    for (uint32_t i = 0; i < w->p->count && !rc; i++) {
        if (n->q.measures[w->p->of[i]].attribute)
            continue;
        rc = crm__cells_at(&n->cells, a, b, 0, &t);
        if (!rc)
            t[w->p->of[i]].count += items;
    }
    return rc;
}

/* The days of a unit; *enough: 0: they are not told, and nothing was added. */
static int add_run(visit *w, uint32_t days, int *enough)
{
    crm__number_run *n = w->n;
    told *t = (told *)(void *)w->told.p;
    size_t count = w->told.n / sizeof *t;
    uint64_t items = crm__span_items(&w->view, days);
    uint32_t a, b;
    int rc = CRM_OK;

    for (size_t i = 0; i < count && *enough; i++) {
        memset(&t[i].total, 0, sizeof t[i].total);
        *enough = crm__span_sum(&w->view, &t[i].column, days, &t[i].total);
    }
    if (!*enough || !items)
        return CRM_OK;
    if (w->time && !w->code) /* a unit without any is not in the answer */
        rc = crm__dim_date(w->time, w->unit.date, &w->code);
    if (rc)
        return rc;
    a = n->dims[0].op == CRM__DIM_TIME ? w->code : 0;
    b = n->dims[1].op == CRM__DIM_TIME ? w->code : 0;
    rc = add_counts(w, a, b, items);
    for (size_t i = 0; i < count && !rc; i++) {
        crm__tally *to;
        if (!t[i].total.count)
            continue;
        rc = crm__cells_at(&n->cells, a, b, t[i].currency, &to);
        if (!rc)
            rc = crm__tally_add_sum(&to[t[i].measure], &t[i].total);
    }
    return rc;
}

/* Days of the span that are asked about. */
static uint32_t days_of(const visit *w, int32_t first, uint32_t days)
{
    int64_t before = (int64_t)w->from - first, behind = (int64_t)w->until - first;

    if (before > 0)
        days &= before < CRM__SPAN_DAYS ? UINT32_MAX << before : 0;
    if (behind < CRM__SPAN_DAYS)
        days &= behind > 0 ? (UINT32_C(1) << behind) - 1 : 0;
    return days;
}

static int on_span(void *ctx, int32_t span, crm__slice stored)
{
    visit *w = ctx;
    int64_t first = (int64_t)span * CRM__SPAN_DAYS;
    uint32_t days, run;
    int enough, rc = crm__span_open(stored, &w->view);

    if (!rc && (first < INT32_MIN || first > INT32_MAX))
        rc = CRM_ECORRUPT;
    if (!rc)
        rc = find(w, &enough);
    for (days = rc ? 0 : days_of(w, (int32_t)first, w->view.days); days && !rc; days &= ~run) {
        int32_t day = (int32_t)first + __builtin_ctz(days);
        int known = enough;
        rc = unit_from(w, day, days, &run);
        if (!rc && run && known)
            rc = add_run(w, run, &known);
        if (!rc && (!run || !known)) {
            run = days & (0 - days);
            crm__buf_add(w->days, &day, sizeof day);
        }
    }
    return rc;
}

int crm__pass_spans(crm__number_run *n, const crm__pass *p, uint32_t kind, int32_t from,
                    int32_t until, crm__buf *days)
{
    crm__run *r = &n->a.run;
    visit w = {.n = n, .p = p, .from = from, .until = until, .days = days};
    int rc;

    for (uint32_t k = 0; k < n->q.grouping_count; k++) {
        if (n->dims[k].op == CRM__DIM_TIME)
            w.time = &n->dims[k];
    }
    crm__buf_init(&w.told, r->scratch.mem);
    rc = crm__span_visit(r->txn, r->chunk, kind, from, until, on_span, &w);
    crm__buf_clear(&w.told);
    return rc;
}
