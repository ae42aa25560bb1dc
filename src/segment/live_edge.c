/* SPDX-License-Identifier: MIT
 * What the clock changes: each relative window has two edges, which move as time goes on, and only
 * customers with a value between where an edge was and where it is can have entered or left by the
 * clock.  Values are found in columns (fields, ends of tags) and day lists (events).
 *
 * Where the clocks of a zone are set back, an edge may for an hour be behind where it was: near
 * such a change it is taken to have moved by some hours more, on both sides.  So it is at the end
 * of a month, from where months are counted to a day that is not there.
 */
#include "segment/live.h"

#include "base/error.h"
#include "base/time.h"
#include "db/days.h"
#include "db/due.h"
#include "db/index.h"

#include <stdlib.h>
#include <string.h>

typedef enum edge_sort {
    EDGE_EVENTS, /* times of events of a kind */
    EDGE_COLUMN, /* numbers of a column */
    EDGE_ROUND,  /* anniversaries of the dates of a column */
} edge_sort;

typedef struct edge {
    edge_sort sort;
    uint32_t number;     /* of the kind or column */
    int instants;        /* ROUND: the column has instants */
    int64_t from, until; /* from <= value < until; ROUND: dates */
} edge;

typedef struct finding {
    const crm__live_asking *a;
    const crm__zone *zone;
    int64_t from, until;
    crm__live_edges *out;
    crm_error *err;
} finding;

/* ---- where edges are ---- */

static int is_relative(const crm__window *w)
{
    return w->form >= CRM__WINDOW_LAST && w->form <= CRM__WINDOW_COMING;
}

enum { NEAR_HOURS = 26 };

static int near_change(const crm__zone *zone, int64_t us)
{
    int64_t near = NEAR_HOURS * 3600 * CRM__US_PER_SECOND;

    if (us < CRM__TIME_MIN + near || us > CRM__TIME_MAX - near)
        return 0;
    return crm__zone_offset(zone, us - near) != crm__zone_offset(zone, us) ||
           crm__zone_offset(zone, us + near) != crm__zone_offset(zone, us);
}

/* Months and years back from the end of a month come to one day, whose times of day come again: an
 * edge goes back there, too, by less than a day. */
static int late_in_month(const crm__zone *zone, int64_t us)
{
    crm__civil c;

    if (us < CRM__TIME_MIN + CRM__US_PER_DAY || us > CRM__TIME_MAX - CRM__US_PER_DAY)
        return 0;
    crm__civil_from_time(us + crm__zone_offset(zone, us) * CRM__US_PER_SECOND, &c);
    return c.day >= 28;
}

static int near_month_end(const finding *f, const crm__window *w)
{
    return w->form <= CRM__WINDOW_NEXT && w->unit >= CRM__UNIT_MONTH &&
           (late_in_month(f->zone, f->from) || late_in_month(f->zone, f->until));
}

static int add_edge(finding *f, const edge *e)
{
    crm__buf_add(&f->out->list, e, sizeof *e);
    return f->out->list.failed ? CRM_ENOMEM : CRM_OK;
}

/* Values from one place of an edge to another, both being `wide` more on both sides. */
static int add_span(finding *f, edge_sort sort, uint32_t number, int64_t a, int64_t b, int64_t wide)
{
    edge e = {.sort = sort, .number = number, .from = a < b ? a : b, .until = a < b ? b : a};

    if (wide) {
        e.from = e.from > INT64_MIN + wide ? e.from - wide : INT64_MIN;
        e.until = e.until < INT64_MAX - wide ? e.until + wide : INT64_MAX;
    }
    return e.from < e.until ? add_edge(f, &e) : CRM_OK;
}

static int add_instants(finding *f, edge_sort sort, uint32_t number, const crm__window *w)
{
    int64_t at[2][2], wide = 0;
    int rc;

    crm__window_range(w, f->from, f->zone, &at[0][0], &at[0][1]);
    crm__window_range(w, f->until, f->zone, &at[1][0], &at[1][1]);
    if (near_change(f->zone, f->from) || near_change(f->zone, f->until) || near_month_end(f, w))
        wide = NEAR_HOURS * 3600 * CRM__US_PER_SECOND;
    for (int i = 0; i < 4 && !wide; i++) {
        if (near_change(f->zone, at[i / 2][i % 2]))
            wide = NEAR_HOURS * 3600 * CRM__US_PER_SECOND;
    }
    rc = add_span(f, sort, number, at[0][0], at[1][0], wide);
    return rc ? rc : add_span(f, sort, number, at[0][1], at[1][1], wide);
}

static int add_dates(finding *f, uint32_t number, const crm__window *w)
{
    int32_t at[2][2];
    int64_t wide = near_change(f->zone, f->from) || near_change(f->zone, f->until) ? 31 + 512 : 0;
    int rc;

    crm__window_dates(w, f->from, f->zone, &at[0][0], &at[0][1]);
    crm__window_dates(w, f->until, f->zone, &at[1][0], &at[1][1]);
    rc = add_span(f, EDGE_COLUMN, number, at[0][0], at[1][0], wide);
    return rc ? rc : add_span(f, EDGE_COLUMN, number, at[0][1], at[1][1], wide);
}

/* The day so many days from a date. */
static int32_t days_on(int32_t date, int days)
{
    unsigned month = crm__date_month(date), day = crm__date_day(date);
    crm__civil c;

    if (date <= crm__date_pack(1, 1, 2) || date >= crm__date_pack(9999, 12, 31))
        return date;
    crm__civil_from_days(
        crm__days_from_civil(crm__date_year(date), month ? month : 1, day ? day : 1) + days, &c);
    return crm__date_pack(c.year, c.month, c.day);
}

static int add_dates_round(finding *f, uint32_t number, int instants, int32_t a, int32_t b,
                           int wide)
{
    edge e = {.sort = EDGE_ROUND, .number = number, .instants = instants};

    e.from = a < b ? a : b;
    e.until = a < b ? b : a;
    if (wide) {
        e.from = days_on((int32_t)e.from, -1);
        e.until = days_on((int32_t)e.until, 1);
    }
    return e.from < e.until ? add_edge(f, &e) : CRM_OK;
}

static int add_round(finding *f, uint32_t number, const crm__window *w, int instants)
{
    int wide = near_change(f->zone, f->from) || near_change(f->zone, f->until), rc;
    int32_t at[2][2];

    crm__window_dates(w, f->from, f->zone, &at[0][0], &at[0][1]);
    crm__window_dates(w, f->until, f->zone, &at[1][0], &at[1][1]);
    rc = add_dates_round(f, number, instants, at[0][0], at[1][0], wide);
    return rc ? rc : add_dates_round(f, number, instants, at[0][1], at[1][1], wide);
}

/* ---- what has windows ---- */

static int refuse(finding *f, const char *what, const char *key)
{
    return crm__fail_field(f->err, CRM_EREFUSED, "segment",
                           "the clock changes who is in it by %s '%s', which is in no column: it "
                           "can't be watched",
                           what, key);
}

static int find_field(finding *f, const crm__node *n)
{
    uint32_t column;
    int type;

    if ((n->cmp != CRM__CMP_WINDOW && n->cmp != CRM__CMP_ANNIVERSARY) || !is_relative(&n->window))
        return CRM_OK;
    if (!n->field && n->builtin != CRM__BUILTIN_CREATED)
        return refuse(f, "the time", "updated");
    if (n->field && (!(n->field->index & CRM__INDEX_COLUMN) || n->field->flags & CRM_FIELD_LIST))
        return refuse(f, "the field", n->field->key);
    column = n->field ? n->field->number : CRM__COLUMN_CREATED;
    type = n->field ? n->field->type : CRM_TYPE_DATETIME;
    if (n->cmp == CRM__CMP_ANNIVERSARY)
        return add_round(f, column, &n->window, type == CRM_TYPE_DATETIME);
    return type == CRM_TYPE_DATETIME ? add_instants(f, EDGE_COLUMN, column, &n->window)
                                     : add_dates(f, column, &n->window);
}

static int find_spec(finding *f, const crm__event_spec *spec, const crm__window *w)
{
    const crm__model *m = f->a->plan.model;
    int rc = CRM_OK;

    for (uint32_t i = 0; i < spec->test_count; i++) {
        if (spec->tests[i].cmp == CRM__CMP_WINDOW && is_relative(&spec->tests[i].window))
            return refuse(f, "the attribute", spec->tests[i].attribute->key);
    }
    if (!is_relative(w))
        return CRM_OK;
    if (spec->kind)
        return add_instants(f, EDGE_EVENTS, spec->kind->number, w);
    for (size_t i = 0; i < crm__model_event_count(m) && !rc; i++)
        rc = add_instants(f, EDGE_EVENTS, crm__model_event_at(m, i)->number, w);
    return rc;
}

static int find_node(finding *f, const crm__node *n)
{
    int rc = CRM_OK;

    switch (n->op) {
    case CRM__NODE_FIELD:
        return find_field(f, n);
    case CRM__NODE_EVENTS:
        rc = find_spec(f, &n->events, &n->events.window);
        if (rc || n->cmp != CRM__CMP_WINDOW || !is_relative(&n->window))
            return rc;
        return n->attribute ? refuse(f, "the attribute", n->attribute->key)
                            : find_spec(f, &n->events, &n->window);
    case CRM__NODE_SEQUENCE:
        rc = find_spec(f, &n->events, &n->events.window);
        return rc ? rc : find_spec(f, &n->then, &n->then.window);
    default:
        for (uint32_t i = 0; i < n->child_count && !rc; i++)
            rc = find_node(f, n->children[i]);
        return rc;
    }
}

/* Ends of the tags that a step asks for. */
static int find_ends(finding *f, const crm__step *s)
{
    int rc = CRM_OK;

    for (uint32_t i = 0; i < s->set_count && !rc; i++) {
        if (s->sets[i].space == KV_TAG && s->sets[i].ends)
            rc = add_span(f, EDGE_COLUMN, CRM__COLUMN_UNTIL | s->sets[i].value, f->from + 1,
                          f->until + 1, 0);
    }
    for (uint32_t i = 0; i < s->child_count && !rc; i++)
        rc = find_ends(f, s->children[i]);
    return rc;
}

/* The same edges of several conditions are one. */
static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(edge));
}

static void drop_doubles(crm__buf *list)
{
    edge *e = (edge *)(void *)list->p;
    size_t n = list->n / sizeof *e, kept = 0;

    if (n > 1)
        qsort(e, n, sizeof *e, by_bytes);
    for (size_t i = 0; i < n; i++) {
        if (!kept || memcmp(&e[kept - 1], &e[i], sizeof *e) != 0)
            e[kept++] = e[i];
    }
    list->n = kept * sizeof *e;
}

int crm__live_edges_find(const crm__live_asking *a, const crm__zone *zone, int64_t from,
                         int64_t until, crm__live_edges *out, crm_error *err)
{
    finding f = {a, zone, from, until, out, err};
    int rc;

    memset(out, 0, sizeof *out);
    out->txn = a->txn;
    crm__buf_init(&out->list, a->txn->mem);
    crm__buf_init(&out->room, a->txn->mem);
    rc = find_node(&f, crm__tree_root(a->item->tree));
    for (uint32_t i = 0; i < a->plan.tree_count && !rc; i++)
        rc = find_node(&f, crm__tree_root(a->plan.trees[i]));
    if (!rc && from < until)
        rc = find_ends(&f, a->plan.root);
    drop_doubles(&out->list);
    return rc == CRM_ENOMEM ? crm__fail_nomem(err) : rc;
}

void crm__live_edges_end(crm__live_edges *e)
{
    crm__buf_clear(&e->list);
    crm__buf_clear(&e->room);
}

/* ---- who has a value there ---- */

typedef struct seeing {
    const edge *edge;
    uint64_t *words;
} seeing;

static int see_part(void *ctx, int32_t day, crm__slice part)
{
    const seeing *s = ctx;
    uint16_t rows[CRM__DAY_ITEMS];
    int64_t us[CRM__DAY_ITEMS], midnight = day * CRM__US_PER_DAY;
    crm__day d;
    int rc = crm__day_open(part, &d);

    if (rc)
        return rc;
    crm__day_rows(&d, rows);
    crm__day_times(&d, us);
    for (uint32_t i = 0; i < d.items; i++) {
        if (us[i] + midnight >= s->edge->from && us[i] + midnight < s->edge->until)
            crm__set_put(s->words, rows[i], 1);
    }
    return CRM_OK;
}

/* Days of the calendar that an instant lies on, or the nearest there are. */
static int32_t day_of(int64_t us)
{
    us = us < CRM__TIME_MIN ? CRM__TIME_MIN : us > CRM__TIME_MAX ? CRM__TIME_MAX : us;
    return (int32_t)(us / CRM__US_PER_DAY - (us % CRM__US_PER_DAY < 0));
}

static int see_events(crm__live_edges *e, uint64_t chunk, const edge *at, uint64_t *words)
{
    seeing s = {at, words};

    return crm__day_visit(e->txn, chunk, at->number, day_of(at->from), day_of(at->until - 1) + 1, 1,
                          see_part, &s);
}

static int comes_round(const crm__live_edges *e, const edge *at, int64_t number)
{
    int32_t date = (int32_t)number;

    if (at->instants) {
        crm__civil c;
        crm__civil_from_time(number + crm__zone_offset(e->txn->zone, number) * CRM__US_PER_SECOND,
                             &c);
        date = crm__date_pack(c.year, c.month, c.day);
    }
    return crm__anniversary_within(date, (int32_t)at->from, (int32_t)at->until);
}

/* Which months and days of dates come round: of each month 32 places. */
enum { DAYS = 512 };

static void days_round(const edge *at, uint8_t days[DAYS])
{
    memset(days, 0, DAYS);
    for (int month = 1; month <= 12 && at->sort == EDGE_ROUND && !at->instants; month++) {
        for (int day = 1; day <= 31; day++) {
            int32_t date = crm__date_pack(2000, (unsigned)month, (unsigned)day);
            days[date % DAYS] =
                (uint8_t)crm__anniversary_within(date, (int32_t)at->from, (int32_t)at->until);
        }
    }
}

static void see_round(const crm__live_edges *e, const edge *at, const crm__column *c,
                      const uint8_t days[DAYS], uint64_t found[CRM__COLUMN_WORDS])
{
    uint64_t words[CRM__COLUMN_WORDS], wide[CRM__COLUMN_WORDS];
    int64_t numbers[CRM__COLUMN_ROWS];

    crm__column_present(c, words);
    crm__column_wide(c, wide);
    crm__column_numbers(c, numbers);
    memset(found, 0, CRM__COLUMN_WORDS * sizeof *found);
    for (uint32_t w = 0; w < CRM__COLUMN_WORDS; w++) {
        for (uint64_t left = words[w]; left; left &= left - 1) {
            int bit = __builtin_ctzll(left);
            int64_t number = numbers[w * 64 + (uint32_t)bit];
            crm__column_cell cell;
            int in;
            if (!at->instants && !c->scale && !(wide[w] >> bit & 1)) {
                in = number > 0 && days[number % DAYS];
            } else {
                crm__column_get(c, w * 64 + (uint32_t)bit, &cell);
                in = crm__scaled_to(cell.number, cell.scale, 0, &number) &&
                     comes_round(e, at, number);
            }
            found[w] |= (uint64_t)(in != 0) << bit;
        }
    }
}

/* The first edge that comes to a chunk reads it through; those behind it pass over it while they
 * are in the gap that was found then. */
static int see_column(crm__live_edges *e, uint64_t chunk, const edge *at, uint64_t *words)
{
    crm__gap gap = {INT64_MIN, INT64_MAX, at->until};
    crm__due due;
    crm__limits passed = {at->from, at->until - 1, 0, 0, CRM__LIMIT_LO | CRM__LIMIT_HI};
    uint8_t days[DAYS];
    int gaps = at->sort == EDGE_COLUMN, rc = CRM_OK;

    days_round(at, days);
    if (gaps) {
        rc = crm__due_read(e->txn, chunk, at->number, e->stamp, &due);
        if (rc || crm__due_none(&due, at->from, at->until))
            return rc;
    }
    for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS && !rc; b++) {
        uint64_t found[CRM__COLUMN_WORDS];
        uint8_t key[CRM__KEY_COLUMN];
        crm__column c;
        rc = crm__txn_column(e->txn, crm__key_column(key, chunk, at->number, b), &e->room, &c);
        if (rc == CRM_ENOTFOUND) {
            rc = CRM_OK;
            continue;
        }
        if (rc)
            break;
        if (gaps) {
            crm__column_range(&c, &passed, found);
            crm__gap_narrow(&gap, &c);
        } else {
            see_round(e, at, &c, days, found);
        }
        for (int w = 0; w < CRM__COLUMN_WORDS; w++) {
            if (b * CRM__COLUMN_WORDS + (uint32_t)w < CRM__SET_WORDS)
                words[b * CRM__COLUMN_WORDS + (uint32_t)w] |= found[w];
        }
    }
    return rc || !gaps ? rc : crm__due_note(e->txn, chunk, at->number, &due, at->from, &gap);
}

int crm__live_passed(crm__live_edges *e, uint64_t chunk, uint64_t words[CRM__SET_WORDS])
{
    const edge *list = (const edge *)(const void *)e->list.p;
    int rc = CRM_OK;

    for (size_t i = 0; i < e->list.n / sizeof *list && !rc; i++)
        rc = list[i].sort == EDGE_EVENTS ? see_events(e, chunk, &list[i], words)
                                         : see_column(e, chunk, &list[i], words);
    return rc;
}
