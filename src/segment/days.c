/* SPDX-License-Identifier: MIT
 * Steps answered by day lists: the events of a kind in a chunk, day by day, folded into what is
 * kept for each row.
 */
#include "segment/days_part.h"

#include "base/time.h"
#include "db/days.h"

#include <stdlib.h>
#include <string.h>

/* ---- what day lists can tell ---- */

int crm__events_in_days(const crm__events_test *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        if (!t->tests[i].in_days)
            return 0;
    }
    return 1;
}

static int attribute_in_days(const crm__step *s)
{
    const crm__field *f = s->node->attribute;

    if (!f)
        return 1;
    if (!(f->flags & CRM_FIELD_FAST))
        return 0;
    if (f->type == CRM_TYPE_MONEY)
        return s->aggregate != CRM__AGG_DISTINCT && s->test.currency[0];
    return 1;
}

int crm__days_can(const crm__step *s)
{
    if (s->node->op == CRM__NODE_SEQUENCE)
        return !s->node->within && crm__events_in_days(&s->events) && crm__events_in_days(&s->then);
    return crm__events_in_days(&s->events) && attribute_in_days(s);
}

static int same_values(const crm__node_values *a, const crm__node_values *b)
{
    if (a->count != b->count)
        return 0;
    for (uint32_t i = 0; i < a->count; i++) {
        if (crm__slice_compare(a->text[i], b->text[i]) != 0)
            return 0;
    }
    return 1;
}

int crm__days_same(const crm__step *a, const crm__step *b)
{
    return a->node->op == CRM__NODE_EVENTS && b->node->op == CRM__NODE_EVENTS &&
           crm__events_same(&a->events, &b->events);
}

int crm__events_same(const crm__events_test *x, const crm__events_test *y)
{
    if (x->kind != y->kind || x->from != y->from || x->until != y->until || x->count != y->count)
        return 0;
    for (uint32_t i = 0; i < x->count; i++) {
        const crm__event_test *p = x->tests[i].of, *q = y->tests[i].of;
        if (p->attribute != q->attribute || p->cmp != q->cmp || p->negated != q->negated ||
            !same_values(&p->values, &q->values) ||
            x->tests[i].test.from != y->tests[i].test.from ||
            x->tests[i].test.until != y->tests[i].test.until)
            return 0;
    }
    return 1;
}

/* ---- memory ---- */

static void *make_room(const crm_allocator *mem, void **to, size_t n)
{
    if (!*to)
        *to = crm__alloc(mem, n);
    return *to;
}

static int fill_times(const crm_allocator *mem, int64_t **to, int64_t with)
{
    void *p = *to;

    *to = make_room(mem, &p, CRM__SET_ROWS * sizeof **to);
    if (!*to)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < CRM__SET_ROWS; i++)
        (*to)[i] = with;
    return CRM_OK;
}

static int begin_counts(const crm_allocator *mem, crm__days_answer *a)
{
    void *p = a->counts;

    a->counts = make_room(mem, &p, CRM__SET_ROWS * sizeof *a->counts);
    if (!a->counts)
        return CRM_ENOMEM;
    memset(a->counts, 0, CRM__SET_ROWS * sizeof *a->counts);
    return CRM_OK;
}

static uint8_t usual_scale(const crm__step *s)
{
    return s->node->attribute->type == CRM_TYPE_MONEY ? 2 : 0;
}

static int begin_sums(const crm_allocator *mem, const crm__step *s, crm__days_answer *a)
{
    int counts = s->aggregate == CRM__AGG_AVG;

    if (a->has_sums && (a->sums.counts != NULL) == counts) {
        crm__day_sums_reset(&a->sums);
        return CRM_OK;
    }
    if (a->has_sums)
        crm__day_sums_clear(&a->sums);
    a->has_sums = 0;
    if (crm__day_sums_init(&a->sums, mem, usual_scale(s), counts))
        return CRM_ENOMEM;
    a->has_sums = 1;
    return CRM_OK;
}

static int begin_best(const crm_allocator *mem, const crm__step *s, crm__days_answer *a)
{
    if (a->has_best)
        crm__day_best_clear(&a->best);
    a->has_best = 0;
    if (crm__day_best_init(&a->best, mem, s->aggregate == CRM__AGG_MAX))
        return CRM_ENOMEM;
    a->has_best = 1;
    return CRM_OK;
}

static int begin_answer(crm__run *r, const crm__step *s, crm__days_answer *a)
{
    const crm_allocator *mem = r->scratch.mem;

    if (s->node->op == CRM__NODE_SEQUENCE) {
        int rc = fill_times(mem, &a->last, INT64_MIN);
        return rc ? rc : fill_times(mem, &a->first, s->node->negated ? INT64_MIN : INT64_MAX);
    }
    switch (s->aggregate) {
    case CRM__AGG_EXISTS:
        memset(a->any, 0, sizeof a->any);
        return CRM_OK;
    case CRM__AGG_COUNT:
        return begin_counts(mem, a);
    case CRM__AGG_SUM:
    case CRM__AGG_AVG:
        return begin_sums(mem, s, a);
    case CRM__AGG_MIN:
    case CRM__AGG_MAX:
        return begin_best(mem, s, a);
    case CRM__AGG_FIRST:
        return fill_times(mem, &a->first, INT64_MAX);
    case CRM__AGG_LAST:
        return fill_times(mem, &a->last, INT64_MIN);
    default:
        a->numbers.n = 0;
        a->numbers.mem = mem;
        return CRM_OK;
    }
}

void crm__days_end(crm__run *r)
{
    const crm_allocator *mem = r->scratch.mem;

    for (int i = 0; r->days && i < CRM__DAYS_ASKS; i++) {
        crm__days_answer *a = &r->days->of[i];
        crm__release(mem, a->counts);
        crm__release(mem, a->first);
        crm__release(mem, a->last);
        crm__buf_clear(&a->numbers);
        if (a->has_sums)
            crm__day_sums_clear(&a->sums);
        if (a->has_best)
            crm__day_best_clear(&a->best);
    }
    if (r->days && r->days->tally.cells)
        crm__day_tally_clear(&r->days->tally);
    crm__release(mem, r->days);
    r->days = NULL;
}

/* *yes: the questions are a count and a sum, or a sum alone, and the tally for them is begun. */
static int begin_tally(crm__run *r, const crm__step *s, int *yes)
{
    struct crm__days *d = r->days;
    const crm__step *t = s->more;
    int count_first = t && s->aggregate == CRM__AGG_COUNT;

    d->tallied = NULL;
    d->spilled = 0;
    *yes = s->node->op != CRM__NODE_SEQUENCE &&
           (count_first ? t : s)->aggregate == CRM__AGG_SUM &&
           (!t || (!t->more && (count_first ? s : t)->aggregate == CRM__AGG_COUNT));
    if (!*yes)
        return CRM_OK;
    d->tallied = count_first ? t : s;
    d->count = t ? &d->of[!count_first] : NULL;
    d->sum = &d->of[count_first];
    if (d->tally.cells) {
        d->tally.first_scale = usual_scale(d->tallied);
        crm__day_tally_reset(&d->tally);
        return CRM_OK;
    }
    return crm__day_tally_init(&d->tally, r->scratch.mem, usual_scale(d->tallied));
}

/* ---- one part ---- */

typedef struct pass {
    crm__run *r;
    const crm__step *s;
    const crm__events_test *t;
    int then; /* the second events of a sequence */
} pass;

int crm__day_passes(crm__day_view *v, const crm__attribute_test *t)
{
    static const crm__limits ANY = {0, 0, 0, 0, 0};
    uint32_t column = crm__day_column_of(t->attribute->number, 0);
    int64_t currency;
    int rc;

    if (t->empty)
        return crm__day_view_range(v, column, &ANY, !t->negated);
    if (t->numbers || !t->test.limit_count)
        return crm__day_view_one_of(v, column, t->numbers, t->number_count, t->negated);
    rc = crm__day_view_range(v, column, &t->test.limits[0], t->negated);
    if (rc || t->attribute->type != CRM_TYPE_MONEY)
        return rc;
    currency = crm__day_currency(t->test.currency);
    return crm__day_view_one_of(v, crm__day_column_of(t->attribute->number, 1), &currency, 1, 0);
}

/* Amounts of other currencies are not part of a sum. */
static int keep_currency(crm__day_view *v, const crm__step *s)
{
    int64_t currency = crm__day_currency(s->test.currency);

    return crm__day_view_one_of(v, crm__day_column_of(s->node->attribute->number, 1), &currency, 1,
                                0);
}

static int fold(crm__day_view *v, const crm__step *s, crm__days_answer *a, int32_t day)
{
    uint32_t column = s->node->attribute ? crm__day_column_of(s->node->attribute->number, 0) : 0;

    switch (s->aggregate) {
    case CRM__AGG_EXISTS:
        crm__day_view_any(v, a->any);
        return CRM_OK;
    case CRM__AGG_COUNT:
        crm__day_view_count(v, a->counts);
        return CRM_OK;
    case CRM__AGG_SUM:
    case CRM__AGG_AVG:
        return crm__day_view_sum(v, column, &a->sums);
    case CRM__AGG_MIN:
    case CRM__AGG_MAX:
        return crm__day_view_best(v, column, &a->best);
    case CRM__AGG_FIRST:
        crm__day_view_first(v, day, a->first);
        return CRM_OK;
    case CRM__AGG_LAST:
        crm__day_view_last(v, day, a->last);
        return CRM_OK;
    default:
        return crm__day_view_numbers(v, column, &a->numbers);
    }
}

/* Both in their full size, which are begun when first needed. */
static int spill(crm__run *r)
{
    struct crm__days *d = r->days;
    int rc = CRM_OK;

    if (!d->spilled && d->count)
        rc = begin_counts(r->scratch.mem, d->count);
    if (!rc && !d->spilled)
        rc = begin_sums(r->scratch.mem, d->tallied, d->sum);
    d->spilled |= !rc;
    return rc;
}

static int add_to_tally(crm__run *r, uint32_t column, int what)
{
    struct crm__days *d = r->days;
    int rc = crm__day_view_tally(&d->view, column, what, &d->tally);

    if (rc == CRM_DONE) {
        rc = spill(r);
        if (!rc)
            rc = crm__day_tally_spill(&d->tally, d->count ? d->count->counts : NULL,
                                      &d->sum->sums);
        if (!rc)
            rc = crm__day_view_tally(&d->view, column, what, &d->tally);
    }
    if (rc != CRM_DONE && rc != CRM_EVALUE)
        return rc;
    rc = spill(r);
    if (!rc && what & CRM__DAY_TALLY_COUNT)
        crm__day_view_count(&d->view, d->count->counts);
    if (!rc && what & CRM__DAY_TALLY_SUM)
        rc = crm__day_view_sum(&d->view, column, &d->sum->sums);
    return rc;
}

/* All items are counted; of money, amounts of other currencies are not part of the sum. */
static int fold_tally(crm__day_view *v, const pass *p)
{
    const crm__step *s = p->r->days->tallied;
    uint32_t column = crm__day_column_of(s->node->attribute->number, 0), left = v->left;
    size_t n = (v->day.items + 63) / 64 * sizeof *v->in;
    uint64_t all[CRM__DAY_ITEMS / 64], some[CRM__DAY_ITEMS / 64];
    int rc = CRM_OK;

    if (s->node->attribute->type == CRM_TYPE_MONEY) {
        memcpy(all, v->in, n);
        rc = keep_currency(v, s);
    }
    if (!p->r->days->count)
        return rc ? rc : add_to_tally(p->r, column, CRM__DAY_TALLY_SUM);
    if (rc || v->left == left)
        return rc ? rc : add_to_tally(p->r, column, CRM__DAY_TALLY_COUNT | CRM__DAY_TALLY_SUM);
    memcpy(some, v->in, n);
    memcpy(v->in, all, n);
    n = v->left;
    v->left = left;
    rc = add_to_tally(p->r, column, CRM__DAY_TALLY_COUNT);
    memcpy(v->in, some, (v->day.items + 63) / 64 * sizeof *v->in);
    v->left = (uint32_t)n;
    return rc ? rc : add_to_tally(p->r, column, CRM__DAY_TALLY_SUM);
}

/* The question whose amounts are of one currency only comes last: it leaves fewer items. */
static int fold_all(crm__day_view *v, const pass *p, int32_t day)
{
    crm__days_answer *a = p->r->days->of;
    int rc = CRM_OK, n = 0;

    if (p->r->days->tallied)
        return fold_tally(v, p);
    if (p->s->node->op == CRM__NODE_SEQUENCE) {
        if (p->then || p->s->node->negated)
            crm__day_view_last(v, day, p->then ? a->last : a->first);
        else
            crm__day_view_first(v, day, a->first);
        return CRM_OK;
    }
    for (const crm__step *s = p->s; s && !rc; s = s->more, n++) {
        if (s->node->attribute && s->node->attribute->type == CRM_TYPE_MONEY)
            rc = keep_currency(v, s);
        if (!rc)
            rc = fold(v, s, &a[n], day);
    }
    return rc;
}

static int on_part(void *ctx, int32_t day, crm__slice part)
{
    const pass *p = ctx;
    crm__day_view *v = &p->r->days->view;
    int64_t midnight = (int64_t)day * CRM__US_PER_DAY;
    int rc = crm__day_view_open(v, part);

    p->r->bytes += part.n + CRM__TAG_SIZE;
    if (!rc && (p->t->from > midnight || p->t->until < midnight + CRM__US_PER_DAY))
        crm__day_view_window(v, p->t->from > midnight ? p->t->from - midnight : 0,
                             p->t->until < midnight + CRM__US_PER_DAY ? p->t->until - midnight
                                                                      : CRM__US_PER_DAY);
    for (uint32_t i = 0; i < p->t->count && !rc && v->left; i++)
        rc = crm__day_passes(v, &p->t->tests[i]);
    if (!rc && v->left)
        rc = fold_all(v, p, day);
    return rc;
}

static int32_t day_of(int64_t us)
{
    int64_t day = us / CRM__US_PER_DAY - (us % CRM__US_PER_DAY < 0);

    return (int32_t)day;
}

int crm__events_days(const crm__events_test *t, int32_t *from, int32_t *until)
{
    if (t->from >= t->until)
        return 0;
    *from = day_of(t->from);
    *until = INT32_MAX;
    if (t->until != INT64_MAX) {
        *until = day_of(t->until);
        *until += (int64_t)*until * CRM__US_PER_DAY < t->until;
    }
    return 1;
}

/* Whether more of a part is read than its rows, which stand first. */
static int reads_more(const crm__step *s)
{
    int more = s->node->op == CRM__NODE_SEQUENCE;

    for (; s && !more; s = s->more)
        more = s->node->attribute || s->aggregate == CRM__AGG_FIRST ||
               s->aggregate == CRM__AGG_LAST;
    return more;
}

static int visit(crm__run *r, const crm__step *s, const crm__events_test *t, int then)
{
    pass p = {r, s, t, then};
    int32_t from, until;
    size_t kinds = t->kind ? 1 : crm__model_event_count(r->plan->model);
    int rc = CRM_OK, whole = t->count || reads_more(s);

    if (!crm__events_days(t, &from, &until))
        return CRM_OK;
    for (size_t i = 0; i < kinds && !rc; i++) {
        const crm__event_kind *k = t->kind ? t->kind : crm__model_event_at(r->plan->model, i);
        rc = crm__day_visit(r->txn, r->chunk, k->number, from, until, whole, on_part, &p);
    }
    return rc;
}

/* ---- narrowing ---- */

/* Reading the events of a customer costs about as much as so many lists. */
enum { LISTS_A_CUSTOMER = 8, LISTS_OF_ALL_TIME = 1000 };

static int few(const crm__step *s, const uint64_t *words)
{
    int64_t days = LISTS_OF_ALL_TIME;

    if (s->events.from > -LISTS_OF_ALL_TIME * CRM__US_PER_DAY * 100 &&
        s->events.until - CRM__US_PER_DAY * LISTS_OF_ALL_TIME < s->events.from)
        days = (s->events.until - s->events.from) / CRM__US_PER_DAY + 1;
    return (int64_t)crm__set_count(words) * LISTS_A_CUSTOMER < days;
}

int crm__days_narrow(crm__run *r, const crm__step *s, uint64_t *words)
{
    int rc, n = 0, tally;

    if (few(s, words)) {
        rc = CRM_OK;
        for (; s && !rc; s = s->more)
            rc = crm__events_narrow(r, s, words);
        return rc;
    }
    if (!r->days) {
        r->days = crm__calloc(r->scratch.mem, 1, sizeof *r->days);
        if (!r->days)
            return CRM_ENOMEM;
    }
    rc = begin_tally(r, s, &tally);
    for (const crm__step *q = s; q && !rc && !tally; q = q->more)
        rc = begin_answer(r, q, &r->days->of[n++]);
    if (!rc)
        rc = visit(r, s, &s->events, 0);
    if (!rc && s->node->op == CRM__NODE_SEQUENCE)
        rc = visit(r, s, &s->then, 1);
    if (rc || crm__days_keep_tally(r, s, words, &rc))
        return rc;
    n = 0;
    for (const crm__step *q = s; q && !rc; q = q->more)
        rc = crm__days_keep(r, q, &r->days->of[n++], words);
    return rc;
}
