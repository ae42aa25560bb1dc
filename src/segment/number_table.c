/* SPDX-License-Identifier: MIT
 * Cells to rows: a row for each group and currency, its numbers as text.
 */
#include "segment/number_table.h"

#include "base/time.h"
#include "bits/day.h"

#include <stdlib.h>
#include <string.h>

enum { AVERAGE_DIGITS = 6, LOOK_EVERY = 128 }; /* rows between two looks at progress */

/* ---- numbers as text ---- */

/* a / b to AVERAGE_DIGITS digits behind the point, halves away from 0, at CRM__SCALE_MOST. */
static __int128 divided(__int128 a, __int128 b)
{
    __int128 unit = 1, q, rest;

    for (int i = AVERAGE_DIGITS; i < CRM__SCALE_MOST; i++)
        unit *= 10;
    q = a / (b * unit);
    rest = a - q * b * unit;
    rest = rest < 0 ? -rest : rest;
    if (rest >= b * unit - rest)
        q += a < 0 ? -1 : 1;
    return q * unit;
}

static uint8_t type_of(const crm__measure *m)
{
    const crm__field *f = crm__measure_field(m);

    return f ? f->type : m->builtin ? CRM_TYPE_DATETIME : CRM_TYPE_INTEGER;
}

static int is_money(const crm__measure *m)
{
    return type_of(m) == CRM_TYPE_MONEY && m->op != CRM__MEASURE_DISTINCT;
}

static int has_currency(const crm__measure *m)
{
    return type_of(m) == CRM_TYPE_MONEY;
}

static int give_count(crm_numbers *t, uint64_t count, crm_number_value *out)
{
    out->text = crm__number_text(&t->a, crm__scaled_big(1, 0) * (__int128)count, 0);
    out->number = (double)count;
    return out->text ? CRM_OK : CRM_ENOMEM;
}

static int give_big(crm_numbers *t, const crm__measure *m, __int128 big, crm_number_value *out)
{
    uint8_t type = type_of(m);
    char text[40];
    size_t n;

    if (type == CRM_TYPE_DATE || type == CRM_TYPE_DATETIME) {
        int64_t v = (int64_t)(big / crm__scaled_big(1, 0));
        n = type == CRM_TYPE_DATE ? crm__date_format((int32_t)v, text)
                                  : crm__datetime_format(v, text);
        out->text = crm__arena_copy(&t->a, text, n + 1);
        if (type == CRM_TYPE_DATE && n)
            v = crm__days_from_civil(crm__date_year((int32_t)v),
                                     crm__date_month((int32_t)v) ? crm__date_month((int32_t)v) : 1,
                                     crm__date_day((int32_t)v) ? crm__date_day((int32_t)v) : 1) *
                CRM__US_PER_DAY;
        out->number = (double)v / 1e6;
    } else {
        out->text = crm__number_text(&t->a, big, is_money(m));
        out->number = (double)big / 1e12;
    }
    return out->text ? CRM_OK : CRM_ENOMEM;
}

static int give_rank(crm_numbers *t, const crm__measure *m, const crm__tally *y,
                     crm_number_value *out)
{
    /* The least number that at least so many per cent of all are not above. */
    unsigned __int128 parts = (unsigned __int128)y->count * m->percent;
    uint64_t rank = (uint64_t)((parts + 100 * CRM__PERCENT - 1) / (100 * CRM__PERCENT));
    __int128 big;
    int rc = crm__values_rank(y->values, rank ? rank - 1 : 0, &big);

    return rc ? rc : give_big(t, m, big, out);
}

/* A tally's number; of a tally that is not there (NULL) 0, or none. */
static int give(crm_numbers *t, const crm__measure *m, const crm__tally *y, crm_number_value *out)
{
    uint64_t distinct = 0;
    int rc;

    memset(out, 0, sizeof *out);
    out->currency = "";
    out->of = y ? y->count : 0;
    switch (m->op) {
    case CRM__MEASURE_COUNT:
        return give_count(t, out->of, out);
    case CRM__MEASURE_DISTINCT:
        rc = y && y->values ? crm__values_distinct(y->values, &distinct) : CRM_OK;
        return rc ? rc : give_count(t, distinct, out);
    case CRM__MEASURE_SUM:
        return give_big(t, m, y ? y->sum : 0, out);
    default:
        break;
    }
    if (!out->of)
        return CRM_OK;
    if (m->op == CRM__MEASURE_AVG)
        return give_big(t, m, divided(y->sum, (__int128)y->count), out);
    if (m->op == CRM__MEASURE_PERCENTILE)
        return give_rank(t, m, y, out);
    return give_big(t, m,
                    m->op == CRM__MEASURE_MIN ? crm__scaled_big(y->min, y->min_scale)
                                              : crm__scaled_big(y->max, y->max_scale),
                    out);
}

/* ---- moving averages ---- */

static int give_moving(crm_numbers *t, const crm__number_run *n, uint32_t m,
                       const crm__group *groups, size_t at, uint32_t currency,
                       crm_number_value *out)
{
    const crm__measure *x = &n->q.measures[m];
    uint64_t count = 0;
    __int128 sum = 0;

    memset(out, 0, sizeof *out);
    out->currency = "";
    if (at + 1 < n->q.moving || !groups[at].code)
        return CRM_OK;
    for (size_t i = at + 1 - n->q.moving; i <= at; i++) {
        const crm__tally *y = crm__cells_find(&n->cells, groups[i].code, 0, currency);
        count += y ? y[m].count : 0;
        if (y && __builtin_add_overflow(sum, y[m].sum, &sum))
            return CRM_EVALUE;
    }
    out->of = count;
    if (x->op == CRM__MEASURE_AVG)
        return count ? give_big(t, x, divided(sum, (__int128)count), out) : CRM_OK;
    if (x->op == CRM__MEASURE_COUNT)
        sum = crm__scaled_big(1, 0) * (__int128)count;
    return give_big(t, x, divided(sum, n->q.moving), out);
}

/* ---- rows ---- */

typedef struct filling {
    crm_numbers *t;
    crm__number_run *n;
    crm__group *groups[CRM__GROUPINGS];
    size_t counts[CRM__GROUPINGS];
    uint32_t *places[CRM__GROUPINGS]; /* of a code among the groups; of two groupings */
    uint32_t *currencies;             /* of the whole table, ascending */
    size_t currency_count, cap;
} filling;

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static int gather_currencies(filling *f)
{
    const crm__cells *c = &f->n->cells;
    size_t kept = 0;
    int rc = CRM_OK;

    f->currencies = crm__arena_alloc(&f->t->a, (c->count + 1) * sizeof *f->currencies);
    if (!f->currencies)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->keys[i].currency && !crm__cells_empty(c, i))
            f->currencies[f->currency_count++] = c->keys[i].currency;
        if (!rc)
            rc = crm__look_at(&c->looking, i, 128 * LOOK_EVERY);
    }
    if (!rc && f->currency_count)
        rc = crm__sort(&f->t->mem, f->currencies, f->currency_count, sizeof *f->currencies,
                       by_number, &c->looking);
    for (size_t i = 0; i < f->currency_count; i++) {
        if (!i || f->currencies[i] != f->currencies[i - 1])
            f->currencies[kept++] = f->currencies[i];
    }
    f->currency_count = kept;
    return rc;
}

static crm__table_row *new_row(filling *f)
{
    crm_numbers *t = f->t;
    crm__table_row *r;

    if (t->row_count == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 64;
        void *to = crm__realloc(&t->mem, t->rows, cap * sizeof *t->rows);
        if (!to)
            return NULL;
        t->rows = to;
        f->cap = cap;
    }
    r = &t->rows[t->row_count];
    memset(r, 0, sizeof *r);
    r->values = crm__arena_alloc(&t->a, (t->value_count + 1) * sizeof *r->values);
    if (!r->values)
        return NULL;
    memset(r->values, 0, (t->value_count + 1) * sizeof *r->values);
    t->row_count++;
    return r;
}

/* The row of one currency; the first of a group has what is no amount. */
static int add_row(filling *f, const size_t at[CRM__GROUPINGS], uint32_t currency, int first)
{
    crm_numbers *t = f->t;
    const crm__number_run *n = f->n;
    const crm__group *g[CRM__GROUPINGS] = {NULL, NULL};
    const crm__tally *plain, *money;
    crm__table_row *r = new_row(f);
    const char *letters = "";
    int rc = r ? CRM_OK : CRM_ENOMEM;

    for (uint32_t k = 0; k < t->group_count && !rc; k++) {
        g[k] = &f->groups[k][at[k]];
        r->groups[k] = &g[k]->out;
    }
    if (rc)
        return rc;
    if (currency) {
        crm__day_currency_text(currency - 1, r->currency);
        letters = crm__arena_copy(&t->a, r->currency, sizeof r->currency);
        if (!letters)
            return CRM_ENOMEM;
    }
    t->money |= currency != 0;
    plain = crm__cells_find(&n->cells, g[0] ? g[0]->code : 0, g[1] ? g[1]->code : 0, 0);
    money = crm__cells_find(&n->cells, g[0] ? g[0]->code : 0, g[1] ? g[1]->code : 0, currency);
    for (uint32_t m = 0; m < t->measure_count && !rc; m++) {
        const crm__measure *x = &n->q.measures[m];
        const crm__tally *y = has_currency(x) ? money : plain;
        r->values[m].currency = "";
        if (n->q.moving)
            r->values[t->measure_count + m].currency = "";
        if (!has_currency(x) && !first)
            continue;
        rc = give(t, x, y ? &y[m] : NULL, &r->values[m]);
        if (!rc && n->q.moving)
            rc = give_moving(t, n, m, f->groups[0], at[0], has_currency(x) ? currency : 0,
                             &r->values[t->measure_count + m]);
        if (is_money(x))
            r->values[m].currency = letters;
        if (is_money(x) && n->q.moving)
            r->values[t->measure_count + m].currency = letters;
    }
    return rc;
}

/* Averages over rows need every currency at every group of the axis, also where a currency has
 * nothing: a series of its own for each. */
static int add_series(filling *f, const size_t at[CRM__GROUPINGS])
{
    int rc = CRM_OK;

    for (size_t i = 0; i < f->currency_count && !rc; i++)
        rc = add_row(f, at, f->currencies[i], i == 0);
    return rc;
}

/* The rows of one combination of groups. */
static int add_rows(filling *f, const size_t at[CRM__GROUPINGS])
{
    const crm__number_run *n = f->n;
    uint32_t a = n->q.grouping_count > 0 ? f->groups[0][at[0]].code : 0;
    uint32_t b = n->q.grouping_count > 1 ? f->groups[1][at[1]].code : 0;
    int first = 1, all = n->q.grouping_count < 2, rc = CRM_OK;

    if (f->currency_count == 1) {
        if (!all && !crm__cells_find(&n->cells, a, b, 0) &&
            !crm__cells_find(&n->cells, a, b, f->currencies[0]))
            return CRM_OK;
        return add_row(f, at, f->currencies[0], 1);
    }
    if (n->q.moving && f->currency_count && a)
        return add_series(f, at);
    for (size_t i = 0; i < f->currency_count && !rc; i++) {
        if (!crm__cells_find(&n->cells, a, b, f->currencies[i]))
            continue;
        rc = add_row(f, at, f->currencies[i], first);
        first = 0;
    }
    if (!rc && first && (all || crm__cells_find(&n->cells, a, b, 0)))
        rc = add_row(f, at, 0, 1);
    return rc;
}

/* At most one grouping: a row of each group. */
static int fill_line(filling *f)
{
    size_t at[CRM__GROUPINGS] = {0, 0};
    int rc = CRM_OK;

    for (; at[0] < f->counts[0] && !rc; at[0]++) {
        rc = crm__look_at(&f->n->cells.looking, at[0], LOOK_EVERY);
        if (!rc)
            rc = add_rows(f, at);
    }
    return rc;
}

static int find_places(filling *f, uint32_t k)
{
    uint32_t most = 0;

    for (size_t i = 0; i < f->counts[k]; i++)
        most = f->groups[k][i].code > most ? f->groups[k][i].code : most;
    f->places[k] = crm__arena_alloc(&f->t->a, (most + (size_t)1) * sizeof *f->places[k]);
    if (!f->places[k])
        return CRM_ENOMEM;
    for (size_t i = 0; i < f->counts[k]; i++)
        f->places[k][f->groups[k][i].code] = (uint32_t)i;
    return CRM_OK;
}

static int by_pair(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Two groupings: only the pairs that something was found in, of which there are far fewer than
 * rows times columns. */
static int fill_pairs(filling *f)
{
    const crm__cells *c = &f->n->cells;
    uint64_t *pairs = crm__alloc(&f->t->mem, (c->count + (size_t)1) * sizeof *pairs);
    size_t count = 0;
    int rc = pairs ? CRM_OK : CRM_ENOMEM;

    for (uint32_t k = 0; k < CRM__GROUPINGS && !rc; k++)
        rc = find_places(f, k);
    for (uint32_t i = 0; i < c->count && !rc; i++) {
        if (!crm__cells_empty(c, i))
            pairs[count++] =
                (uint64_t)f->places[0][c->keys[i].a] << 32 | f->places[1][c->keys[i].b];
        rc = crm__look_at(&c->looking, i, 128 * LOOK_EVERY);
    }
    if (!rc && count)
        rc = crm__sort(&f->t->mem, pairs, count, sizeof *pairs, by_pair, &c->looking);
    for (size_t i = 0; i < count && !rc; i++) {
        size_t at[CRM__GROUPINGS] = {(size_t)(pairs[i] >> 32), (size_t)(uint32_t)pairs[i]};
        rc = crm__look_at(&f->n->cells.looking, i, LOOK_EVERY);
        if (!rc && (!i || pairs[i] != pairs[i - 1]))
            rc = add_rows(f, at);
    }
    crm__release(&f->t->mem, pairs);
    return rc;
}

int crm__numbers_fill(crm_numbers *t, crm__number_run *n)
{
    filling f = {t, n, {NULL, NULL}, {1, 1}, {NULL, NULL}, NULL, 0, 0};
    int rc = gather_currencies(&f);

    for (uint32_t k = 0; k < t->group_count && !rc; k++)
        rc = crm__groups_make(n, k, &t->a, &f.groups[k], &f.counts[k]);
    if (rc)
        return rc;
    return t->group_count == CRM__GROUPINGS ? fill_pairs(&f) : fill_line(&f);
}
