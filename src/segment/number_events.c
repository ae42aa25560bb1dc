/* SPDX-License-Identifier: MIT
 * Passes over events: by day lists, and where they do not hold what is asked by the timeline of
 * each customer.
 */
#include "base/time.h"
#include "db/days.h"
#include "segment/number_run.h"

#include <string.h>

/* ---- day lists ---- */

/* What is read of a part; large, kept from one to the next. */
typedef struct crm__day_room {
    crm__day_view view;
    crm__day_numbers dims[CRM__GROUPINGS], currencies_of_dim[CRM__GROUPINGS];
    crm__day_numbers measures[CRM__MEASURES], currencies[CRM__MEASURES];
    uint32_t codes[CRM__GROUPINGS][CRM__DAY_ITEMS];
} crm__day_room;

void crm__day_room_free(crm__number_run *n)
{
    crm__release(n->a.run.scratch.mem, n->days);
    n->days = NULL;
}

/* A cell that was found for a measure; one is found again at the same place as long as no cells are
 * given back. */
typedef struct found_cell {
    uint32_t a, b, currency, place; /* place: from 1 on; 0: none yet */
} found_cell;

typedef struct visit {
    crm__number_run *n;
    crm__pass *p;
    const uint64_t *words;
    crm__dim *time; /* NULL: no grouping by the time of events */
    int items;      /* groupings that differ from item to item, or from row to row */
    crm__bucket unit;   /* of the time grouping, the one that was met last, */
    uint32_t unit_code; /* and its code, 0 before the first of its items */
    found_cell cells[CRM__MEASURES]; /* for parts that go into one cell as a whole */
} visit;

/* ---- all of the items into one cell ---- */

static int total_of(visit *w, uint32_t m, const crm__field *f, crm__tally *t)
{
    crm__cells *cells = &w->n->cells;
    crm__day_view *v = &w->n->days->view;
    uint32_t column = crm__day_column_of(f->number, 0);
    crm__day_numbers *numbers = &w->n->days->measures[0];
    crm__day_total total;
    int rc;

    memset(&total, 0, sizeof total);
    switch (cells->ops[m]) {
    case CRM__MEASURE_COUNT:
    case CRM__MEASURE_SUM:
    case CRM__MEASURE_AVG:
        if (crm__day_view_whole(v, column, &total))
            return crm__tally_add_sum(t, &total);
        break;
    default:
        break;
    }
    if (cells->ops[m] != CRM__MEASURE_DISTINCT && cells->ops[m] != CRM__MEASURE_PERCENTILE) {
        rc = crm__day_view_total(v, column, &total);
        return rc ? rc : crm__tally_add_total(t, &total);
    }
    rc = crm__day_view_each(v, column, numbers);
    for (uint32_t i = 0; i < v->day.items && !rc; i++) {
        if (crm__set_has(numbers->has, i))
            rc = crm__tally_add(cells, m, t, numbers->numbers[i], numbers->scales[i]);
    }
    return rc;
}

/* The cell of the i-th measure of the pass.  Neighbouring parts go to the same. */
static int cell_of(visit *w, uint32_t i, uint32_t a, uint32_t b, uint32_t currency, crm__tally **t)
{
    crm__cells *cells = &w->n->cells;
    found_cell *f = &w->cells[i];
    int rc;

    if (f->place && f->a == a && f->b == b && f->currency == currency) {
        *t = cells->tallies + (size_t)(f->place - 1) * cells->measures;
        return CRM_OK;
    }
    rc = crm__cells_at(cells, a, b, currency, t);
    if (!rc)
        *f = (found_cell){a, b, currency, cells->last + 1};
    return rc;
}

/* 1 when the amounts are of several currencies, or nobody knows of which; below 0: an error. */
static int add_all(visit *w, uint32_t a, uint32_t b)
{
    crm__number_run *n = w->n;
    crm__day_view *v = &n->days->view;
    uint32_t currencies[CRM__MEASURES];
    crm__tally *t;
    int rc = CRM_OK;

    for (uint32_t i = 0; i < w->p->count; i++) {
        const crm__field *f = n->q.measures[w->p->of[i]].attribute;
        int64_t currency;
        int any;
        currencies[i] = 0;
        if (!f || f->type != CRM_TYPE_MONEY)
            continue;
        if (!crm__day_view_alike(v, crm__day_column_of(f->number, 1), &currency, &any))
            return 1;
        if (any && (currency < 0 || currency >= 26 * 26 * 26))
            return CRM_ECORRUPT;
        currencies[i] = any ? 1 + (uint32_t)currency : 0;
    }
    for (uint32_t i = 0; i < w->p->count && !rc; i++) {
        uint32_t m = w->p->of[i];
        const crm__field *f = n->q.measures[m].attribute;
        if (f && !crm__day_find(&v->day, crm__day_column_of(f->number, 0)))
            continue;
        rc = cell_of(w, i, a, b, currencies[i], &t);
        if (!rc && f)
            rc = total_of(w, m, f, &t[m]);
        else if (!rc)
            t[m].count += v->left;
    }
    return rc;
}

/* ---- item by item ---- */

static int load_codes(visit *w, uint32_t k)
{
    crm__day_room *room = w->n->days;
    crm__dim *d = &w->n->dims[k];
    const crm__field *f = d->g->attribute;
    int money = f->type == CRM_TYPE_MONEY;
    int64_t currency = money ? crm__day_currency(d->g->currency) : 0;
    int rc = crm__day_view_each(&room->view, crm__day_column_of(f->number, 0), &room->dims[k]);

    if (!rc && money)
        rc = crm__day_view_each(&room->view, crm__day_column_of(f->number, 1),
                                &room->currencies_of_dim[k]);
    for (uint32_t i = 0; i < room->view.day.items && !rc; i++) {
        const crm__day_numbers *x = &room->dims[k], *y = &room->currencies_of_dim[k];
        room->codes[k][i] = 0;
        if (!crm__set_has(x->has, i) ||
            (money && (!crm__set_has(y->has, i) || y->numbers[i] != currency)))
            continue;
        rc = crm__dim_stored(d, x->numbers[i], x->scales[i], &room->codes[k][i]);
    }
    return rc;
}

/* What the items need: codes of groupings by attributes, numbers and currencies of measures. */
static int load_items(visit *w)
{
    crm__day_room *room = w->n->days;
    int rc = CRM_OK;

    for (uint32_t k = 0; k < w->n->q.grouping_count && !rc; k++) {
        if (w->n->dims[k].op == CRM__DIM_EVENT)
            rc = load_codes(w, k);
    }
    for (uint32_t i = 0; i < w->p->count && !rc; i++) {
        const crm__field *f = w->n->q.measures[w->p->of[i]].attribute;
        if (!f)
            continue;
        rc = crm__day_view_each(&room->view, crm__day_column_of(f->number, 0), &room->measures[i]);
        if (!rc && f->type == CRM_TYPE_MONEY)
            rc = crm__day_view_each(&room->view, crm__day_column_of(f->number, 1),
                                    &room->currencies[i]);
    }
    return rc;
}

static int add_item(visit *w, uint32_t i, uint32_t a, uint32_t b)
{
    crm__number_run *n = w->n;
    crm__day_room *room = n->days;
    crm__tally *t;
    int rc = CRM_OK;

    for (uint32_t k = 0; k < w->p->count && !rc; k++) {
        uint32_t m = w->p->of[k], currency = 0;
        const crm__field *f = n->q.measures[m].attribute;
        if (f && !crm__set_has(room->measures[k].has, i))
            continue;
        if (f && f->type == CRM_TYPE_MONEY) {
            int64_t c = room->currencies[k].numbers[i];
            if (!crm__set_has(room->currencies[k].has, i) || c < 0 || c >= 26 * 26 * 26)
                return CRM_ECORRUPT;
            currency = 1 + (uint32_t)c;
        }
        rc = crm__cells_at(&n->cells, a, b, currency, &t);
        if (!rc && f)
            rc = crm__tally_add(&n->cells, m, &t[m], room->measures[k].numbers[i],
                                room->measures[k].scales[i]);
        else if (!rc)
            t[m].count++;
    }
    return rc;
}

/* The code of an item in one layer of a grouping; 0: it is in another layer. */
static int item_code(const crm__number_run *n, uint32_t k, uint32_t layer, uint32_t time,
                     uint32_t row, uint32_t i, uint32_t *code)
{
    const crm__dim *d = &n->dims[k];

    if (crm__dim_of_rows(d)) {
        const crm__layer *l = d->layers[layer];
        *code = l->codes[row];
        return crm__set_has(l->words, row);
    }
    *code = d->op == CRM__DIM_TIME ? time : d->op == CRM__DIM_EVENT ? n->days->codes[k][i] : 0;
    return 1;
}

static int add_items(visit *w, uint32_t time)
{
    crm__number_run *n = w->n;
    crm__day_view *v = &n->days->view;
    const uint16_t *rows;
    uint32_t across = crm__dim_layer_count(&n->dims[0]), down = crm__dim_layer_count(&n->dims[1]);
    int rc = load_items(w);

    rows = crm__day_view_rows(v);
    for (uint32_t i = 0; i < v->day.items && !rc; i++) {
        if (!crm__set_has(v->in, i))
            continue;
        for (uint32_t x = 0; x < across && !rc; x++) {
            uint32_t a, b;
            if (!item_code(n, 0, x, time, rows[i], i, &a))
                continue;
            for (uint32_t y = 0; y < down && !rc; y++) {
                if (item_code(n, 1, y, time, rows[i], i, &b))
                    rc = add_item(w, i, a, b);
            }
        }
    }
    return rc;
}

/* ---- parts ---- */

/* The events of a part from one time to another, both since its midnight. */
static int add_span(visit *w, crm__slice part, int64_t from, int64_t until)
{
    const crm__events_test *t = &w->p->events;
    crm__number_run *n = w->n;
    crm__day_view *v = &n->days->view;
    uint32_t time;
    int rc = crm__day_view_open(v, part);

    if (!rc)
        crm__day_view_window(v, from, until);
    for (uint32_t i = 0; i < t->count && !rc && v->left; i++)
        rc = crm__day_passes(v, &t->tests[i]);
    if (!rc && !n->all)
        crm__day_view_among(v, w->words);
    if (rc || !v->left)
        return rc;
    if (w->time && !w->unit_code) /* a unit without any is not in the answer */
        rc = crm__dim_date(w->time, w->unit.date, &w->unit_code);
    if (rc)
        return rc;
    time = w->unit_code;
    if (!w->items)
        rc = add_all(w, n->dims[0].op == CRM__DIM_TIME ? time : 0,
                     n->dims[1].op == CRM__DIM_TIME ? time : 0);
    if (!w->items && rc != 1)
        return rc;
    return add_items(w, time);
}

/* The unit of the time grouping that a time is in: days follow one another. */
static int find_unit(visit *w, int64_t us)
{
    int rc;

    if (w->unit.from <= us && us < w->unit.until)
        return CRM_OK;
    rc = crm__dim_bucket(w->time, us, &w->unit);
    w->unit_code = 0;
    return rc;
}

static int on_part(void *ctx, int32_t day, crm__slice part)
{
    visit *w = ctx;
    const crm__events_test *t = &w->p->events;
    int64_t midnight = (int64_t)day * CRM__US_PER_DAY, from, until;
    int rc = CRM_OK;

    if (midnight < CRM__TIME_MIN - CRM__US_PER_DAY || midnight > CRM__TIME_MAX)
        return CRM_ECORRUPT;
    from = t->from > midnight ? t->from : midnight;
    until = t->until < midnight + CRM__US_PER_DAY ? t->until : midnight + CRM__US_PER_DAY;
    if (!w->time)
        return add_span(w, part, from - midnight, until - midnight);
    while (from < until && !rc) {
        int64_t end;
        rc = find_unit(w, from);
        if (rc)
            break;
        end = w->unit.until < until ? w->unit.until : until;
        rc = add_span(w, part, from - midnight, end - midnight);
        from = end;
    }
    return rc;
}

/* The lists of some days, which ascend. */
static int visit_days(visit *w, uint32_t kind, const crm__buf *days, int whole)
{
    crm__run *r = &w->n->a.run;
    size_t count = days->n / sizeof(int32_t);
    const int32_t *day = (const int32_t *)(const void *)days->p;
    int rc = CRM_OK;

    for (size_t i = 0, k; i < count && !rc; i = k) {
        for (k = i + 1; k < count && day[k] == day[k - 1] + 1;)
            k++;
        rc = crm__day_visit(r->txn, r->chunk, kind, day[i], day[k - 1] + 1, whole, on_part, w);
    }
    return rc;
}

static int pass_kind(visit *w, uint32_t kind, int told)
{
    crm__number_run *n = w->n;
    crm__run *r = &n->a.run;
    int whole = w->items || !n->all, rc;
    int32_t from, until;
    crm__buf days;

    if (!crm__events_days(&w->p->events, &from, &until))
        return CRM_OK;
    if (!told)
        return crm__day_visit(r->txn, r->chunk, kind, from, until, whole, on_part, w);
    crm__buf_init(&days, r->scratch.mem);
    rc = crm__pass_spans(n, w->p, kind, from, until, &days);
    if (!rc)
        rc = days.failed ? CRM_ENOMEM : visit_days(w, kind, &days, whole);
    crm__buf_clear(&days);
    return rc;
}

int crm__pass_days(crm__number_run *n, crm__pass *p, const uint64_t *words)
{
    crm__run *r = &n->a.run;
    visit w = {.n = n, .p = p, .words = words};
    size_t kinds = p->events.kind ? 1 : crm__model_event_count(r->plan->model);
    int told = 0, rc = CRM_OK;

    if (!n->days)
        n->days = crm__alloc(r->scratch.mem, sizeof *n->days);
    if (!n->days)
        return CRM_ENOMEM;
    for (uint32_t k = 0; k < n->q.grouping_count; k++) {
        if (n->dims[k].op == CRM__DIM_TIME)
            w.time = &n->dims[k];
        else
            w.items = 1;
    }
    if (!w.items)
        told = crm__pass_told(n, p);
    if (told < 0)
        return told;
    for (size_t i = 0; i < kinds && !rc; i++) {
        const crm__event_kind *k =
            p->events.kind ? p->events.kind : crm__model_event_at(r->plan->model, i);
        rc = pass_kind(&w, k->number, told);
    }
    return rc;
}

/* ---- timelines ---- */

/* The code of an event in a grouping that is none of rows. */
static int event_code(crm__number_run *n, uint32_t k, const crm__event *e, uint32_t *code)
{
    crm__dim *d = &n->dims[k];
    const crm__event_value *v;
    crm__bucket b;
    int rc;

    *code = 0;
    switch (d->op) {
    case CRM__DIM_TIME:
        rc = crm__dim_bucket(d, e->time, &b);
        return rc ? rc : crm__dim_date(d, b.date, code);
    case CRM__DIM_SOURCE:
        return e->source ? crm__codes_of(&d->codes, e->source, code) : CRM_OK;
    case CRM__DIM_EVENT:
        v = crm__event_value_find(e, d->g->attribute->number);
        if (!v || v->v.type != d->g->attribute->type)
            return CRM_OK;
        return crm__dim_value(d, n->a.run.txn, &v->v, &n->a.run.scratch, code);
    default:
        return CRM_OK;
    }
}

static int add_measures(crm__number_run *n, const crm__pass *p, const crm__event *e, uint32_t a,
                        uint32_t b)
{
    crm__tally *t;
    int rc = CRM_OK;

    for (uint32_t k = 0; k < p->count && !rc; k++) {
        uint32_t m = p->of[k], currency = 0;
        const crm__field *f = n->q.measures[m].attribute;
        const crm__event_value *v = f ? crm__event_value_find(e, f->number) : NULL;
        int64_t number = 0;
        int scale = 0;
        if (f && (!v || v->v.type != f->type))
            continue;
        if (f)
            rc = crm__number_of(n, &v->v, &number, &scale, &currency);
        if (!rc)
            rc = crm__cells_at(&n->cells, a, b, currency, &t);
        if (!rc)
            rc = crm__tally_add(&n->cells, m, &t[m], number, scale);
    }
    return rc;
}

static int add_event(crm__number_run *n, const crm__pass *p, const crm__event *e, uint32_t row)
{
    const crm__dim *x = &n->dims[0], *y = &n->dims[1];
    uint32_t codes[CRM__GROUPINGS], a, b;
    int rc = crm__event_passes(&n->a.run, &p->events, e);

    if (rc <= 0)
        return rc;
    rc = event_code(n, 0, e, &codes[0]);
    if (!rc)
        rc = event_code(n, 1, e, &codes[1]);
    for (uint32_t i = 0; i < crm__dim_layer_count(x) && !rc; i++) {
        const crm__layer *l = crm__dim_layer(x, i);
        if (l && !crm__set_has(l->words, row))
            continue;
        a = l ? l->codes[row] : codes[0];
        for (uint32_t j = 0; j < crm__dim_layer_count(y) && !rc; j++) {
            const crm__layer *k = crm__dim_layer(y, j);
            if (k && !crm__set_has(k->words, row))
                continue;
            b = k ? k->codes[row] : codes[1];
            rc = add_measures(n, p, e, a, b);
        }
    }
    return rc;
}

static int add_timeline(crm__number_run *n, const crm__pass *p, crm_id id)
{
    crm__run *r = &n->a.run;
    crm__event_block b = {NULL, 0, 0};
    crm__timeline t;
    uint32_t at;
    int rc;

    crm__timeline_walk(r->txn, id, &r->work, &t);
    rc = crm__timeline_near(&t, p->events.from, 0, 0, &b, &at);
    while (!rc) {
        for (; at < b.count; at++) {
            if (b.events[at].time >= p->events.until)
                return CRM_OK;
            rc = add_event(n, p, &b.events[at], (uint32_t)(id & 0xffff));
            if (rc)
                return rc;
        }
        rc = crm__run_read(r);
        if (!rc)
            rc = crm__timeline_after(&t, &b, &at);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__pass_events(crm__number_run *n, crm__pass *p, const uint64_t *words)
{
    crm__run *r = &n->a.run;
    int rc = CRM_OK;

    if (p->events.from >= p->events.until)
        return CRM_OK;
    for (int32_t row = crm__set_next(words, 0); row >= 0 && !rc;
         row = crm__set_next(words, (uint32_t)row + 1)) {
        rc = add_timeline(n, p, (r->chunk << CRM__CHUNK_SHIFT) + (uint64_t)row);
        crm__arena_reset(&r->work);
        if (!rc)
            rc = crm__run_read(r);
    }
    return rc;
}
