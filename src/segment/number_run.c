/* SPDX-License-Identifier: MIT
 * From a request to passes, and the passes over the chunks: see number_run.h.
 */
#include "segment/number_run.h"

#include "base/error.h"

#include <string.h>

/* ---- which passes ---- */

/* Day lists hold the tests, the attribute and the groupings. */
static int in_days(const crm__number_run *n, const crm__measure *m, const crm__events_test *t)
{
    if (!crm__events_in_days(t) || (m->attribute && !(m->attribute->flags & CRM_FIELD_FAST)))
        return 0;
    for (uint32_t i = 0; i < n->q.grouping_count; i++) {
        const crm__grouping *g = &n->q.by[i];
        if (g->source || (g->attribute && !(g->attribute->flags & CRM_FIELD_FAST)))
            return 0;
    }
    return 1;
}

static int plan_events(crm__number_run *n, const crm__measure *m, crm__pass *p)
{
    crm__event_spec spec = m->events;
    int rc;

    if (n->q.window.form)
        spec.window = n->q.window;
    rc = crm__plan_spec(&n->a.plan, &spec, &p->events);
    p->op = in_days(n, m, &p->events) ? CRM__PASS_DAYS : CRM__PASS_EVENTS;
    return rc;
}

static int plan_customers(crm__number_run *n, const crm__measure *m, crm__pass *p, crm_error *err)
{
    const crm__field *f = m->field;
    crm_txn *txn = n->a.plan.txn;

    p->builtin = m->builtin;
    p->field = f;
    if (m->op == CRM__MEASURE_COUNT) {
        p->op = CRM__PASS_ROWS;
    } else if (m->op == CRM__MEASURE_DISTINCT && f && f->index & CRM__INDEX_VALUES &&
               f->type != CRM_TYPE_MONEY) {
        p->op = CRM__PASS_SETS;
        return CRM_DONE;
    } else if (f && f->type == CRM_TYPE_MONEY && txn->write && txn->edits.slot_count) {
        p->op = CRM__PASS_RECORD; /* sets of currencies that only edits know are not walked */
    } else if (f ? (f->index & CRM__INDEX_COLUMN) && !crm__type_is_text(f->type)
                 : m->builtin == CRM__BUILTIN_CREATED) {
        p->op = CRM__PASS_COLUMN;
    } else {
        p->op = CRM__PASS_RECORD;
    }
    (void)err;
    return CRM_OK;
}

/* The values of a field that has sets, as a grouping of its own. */
static int open_values(crm__number_run *n, crm__pass *p, crm_error *err)
{
    crm__grouping *g = crm__arena_alloc(&n->a.plan.a, sizeof *g);

    if (!g)
        return crm__fail_nomem(err);
    memset(g, 0, sizeof *g);
    g->op = CRM__BY_VALUES;
    g->field = p->field;
    return crm__dim_open(&p->values, g, &n->a, err);
}

static int same_pass(const crm__pass *a, const crm__pass *b)
{
    if (a->op != b->op || a->op == CRM__PASS_SETS)
        return 0;
    if (a->op == CRM__PASS_DAYS || a->op == CRM__PASS_EVENTS)
        return crm__events_same(&a->events, &b->events);
    return a->field == b->field && a->builtin == b->builtin;
}

static int plan_pass(crm__number_run *n, uint32_t measure, crm_error *err)
{
    const crm__measure *m = &n->q.measures[measure];
    crm__pass *p = &n->passes[n->pass_count];
    int rc;

    memset(p, 0, sizeof *p);
    rc = m->of_events ? plan_events(n, m, p) : plan_customers(n, m, p, err);
    n->how[measure] = p->op;
    for (uint32_t i = 0; !rc && i < n->pass_count; i++) {
        if (same_pass(&n->passes[i], p)) {
            n->passes[i].of[n->passes[i].count++] = measure;
            return CRM_OK;
        }
    }
    n->pass_count++;
    p->of[p->count++] = measure;
    if (rc == CRM_DONE)
        return open_values(n, p, err);
    return rc ? crm__segment_fail(n->a.plan.txn, rc, err) : CRM_OK;
}

/* ---- steps of about a width ---- */

/* The request for the least and the greatest of what is cut into steps, for one measure's events or
 * for the customers. */
static void bounds_request(const crm__number_run *n, const crm__grouping *g, const crm__measure *m,
                           crm__request *to)
{
    memset(to, 0, sizeof *to);
    to->measure_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        crm__measure *x = &to->measures[i];
        x->op = i ? CRM__MEASURE_MAX : CRM__MEASURE_MIN;
        x->field = g->field;
        x->of_events = g->of_events;
        if (!g->of_events)
            continue;
        x->events = m->events;
        x->attribute = g->attribute;
    }
    if (g->of_events)
        to->window = n->q.window;
}

typedef struct bounds {
    int any;
    __int128 min, max; /* at CRM__SCALE_MOST */
} bounds;

static void widen(bounds *b, const crm__tally *t)
{
    __int128 min = crm__scaled_big(t[0].min, t[0].min_scale);
    __int128 max = crm__scaled_big(t[1].max, t[1].max_scale);

    b->min = !b->any || min < b->min ? min : b->min;
    b->max = !b->any || max > b->max ? max : b->max;
    b->any = 1;
}

/* 1, 2 or 5 with zeros, such that at most `steps` of it go from the least to the greatest; 5 with
 * 18 zeros is the widest. */
static crm__decimal nice_width(const bounds *b, uint32_t steps, int whole)
{
    static const int NICE[] = {1, 2, 5};
    __int128 need = (b->max - b->min) / (int)steps, unit = 1;
    int exponent = -CRM__SCALE_MOST;

    if (whole)
        for (; exponent < 0; exponent++)
            unit *= 10;
    for (;; exponent++, unit *= 10) {
        for (int i = 0; i < 3; i++) {
            crm__decimal d = {NICE[i], 0};
            if (unit * NICE[i] < need && (exponent < 18 || i < 2))
                continue;
            if (exponent < 0)
                d.scale = (uint8_t)-exponent;
            for (int k = 0; k < exponent; k++)
                d.mantissa *= 10;
            return d;
        }
    }
}

static int run_all(crm__number_run *n, crm_txn *txn, const crm_segment *s, const crm__request *q,
                   const crm_segment_options *opts, int inner, crm_error *err);

static int nice_steps(crm__number_run *n, crm__dim *d, const crm_segment *s,
                      const crm_segment_options *opts, crm_error *err)
{
    const crm__grouping *g = d->g;
    const crm__field *f = crm__grouping_field(g);
    uint32_t currency =
        f->type == CRM_TYPE_MONEY ? 1 + (uint32_t)crm__day_currency(g->currency) : 0;
    uint32_t count = g->of_events ? n->q.measure_count : 1;
    crm__number_run *to = crm__alloc(d->mem, sizeof *to);
    bounds b = {0, 0, 0};
    int rc = to ? CRM_OK : crm__fail_nomem(err);

    for (uint32_t i = 0; i < count && !rc; i++) {
        const crm__tally *t;
        crm__request q;
        bounds_request(n, g, &n->q.measures[i], &q);
        rc = run_all(to, n->a.plan.txn, s, &q, opts, 1, err);
        t = rc ? NULL : crm__cells_find(&to->cells, 0, 0, currency);
        if (t && t[0].count)
            widen(&b, t);
        crm__number_end(to);
    }
    crm__release(d->mem, to);
    d->width = nice_width(&b, g->steps, f->type == CRM_TYPE_INTEGER);
    return rc;
}

/* ---- running ---- */

static int run_pass(crm__number_run *n, crm__pass *p, const uint64_t *words)
{
    switch (p->op) {
    case CRM__PASS_ROWS:
        return crm__pass_rows(n, p, words);
    case CRM__PASS_COLUMN:
        return crm__pass_column(n, p, words);
    case CRM__PASS_SETS:
        return crm__pass_sets(n, p, words);
    case CRM__PASS_RECORD:
        return crm__pass_record(n, p, words);
    case CRM__PASS_DAYS:
        return crm__pass_days(n, p, words);
    default:
        return crm__pass_events(n, p, words);
    }
}

/* Whether every row that was ever given in the chunk is in words: then no event is of another. */
static int all_given(const crm__run *r, const uint64_t *words)
{
    uint64_t next = r->txn->state.counters.next_id, first = r->chunk << CRM__CHUNK_SHIFT;
    uint64_t given = next - first < CRM__CHUNK_ROWS ? next - first : CRM__CHUNK_ROWS;

    return crm__set_count(words) == given - (r->chunk == 0);
}

static int run_chunk(crm__number_run *n, uint64_t chunk)
{
    uint64_t words[CRM__SET_WORDS];
    int any, rc = crm__run_chunk(&n->a.run, chunk, words, &any);

    if (rc || !any)
        return rc;
    n->all = all_given(&n->a.run, words);
    for (uint32_t i = 0; i < n->q.grouping_count && !rc; i++)
        rc = crm__dim_layers(&n->dims[i], &n->a.run, words);
    for (uint32_t i = 0; i < n->pass_count && !rc; i++)
        rc = run_pass(n, &n->passes[i], words);
    return rc;
}

static int fail(crm__number_run *n, int rc, crm_error *err)
{
    if (rc == CRM_EVALUE)
        return crm__fail(err, rc, "numbers: more groups than %d, or a sum that leaves 128 bits",
                         (int)CRM__CELLS_MOST);
    return crm__segment_fail(n->a.plan.txn, rc, err);
}

/* inner: for another run of the same question. */
static int run_all(crm__number_run *n, crm_txn *txn, const crm_segment *s, const crm__request *q,
                   const crm_segment_options *opts, int inner, crm_error *err)
{
    int rc;

    memset(n, 0, sizeof *n);
    n->q = *q;
    rc = crm__segment_begin(txn, s, opts, &n->a, err);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < q->measure_count; i++)
        n->ops[i] = q->measures[i].op;
    crm__cells_init(&n->cells, txn->mem, n->ops, q->measure_count);
    n->cells.looking = crm__asking_looking(&n->a);
    crm__text_numbers_init(&n->texts, txn->mem);
    n->texts.looking = n->cells.looking;
    for (uint32_t i = 0; i < q->grouping_count && !rc; i++)
        rc = crm__dim_open(&n->dims[i], &n->q.by[i], &n->a, err);
    for (uint32_t i = 0; i < q->measure_count && !rc; i++)
        rc = plan_pass(n, i, err);
    for (uint32_t i = 0; i < q->grouping_count && !rc; i++) {
        if (n->q.by[i].steps)
            rc = nice_steps(n, &n->dims[i], s, opts, err);
    }
    if (!rc && !inner)
        rc = crm__segment_hand_out(txn, s, n->a.reason, err);
    if (rc)
        return rc;
    for (uint64_t c = 0; c < n->a.plan.chunks && !rc; c++)
        rc = run_chunk(n, c);
    return rc ? fail(n, rc, err) : CRM_OK;
}

int crm__number_run_all(crm__number_run *n, crm_txn *txn, const crm_segment *s,
                        const crm__request *q, const crm_segment_options *opts, crm_error *err)
{
    return run_all(n, txn, s, q, opts, 0, err);
}

void crm__number_end(crm__number_run *n)
{
    for (uint32_t i = 0; i < CRM__GROUPINGS; i++)
        crm__dim_close(&n->dims[i]);
    for (uint32_t i = 0; i < CRM__MEASURES; i++)
        crm__dim_close(&n->passes[i].values);
    crm__day_room_free(n);
    crm__cells_clear(&n->cells);
    crm__text_numbers_clear(&n->texts);
    crm__segment_end(&n->a);
}
