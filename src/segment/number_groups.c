/* SPDX-License-Identifier: MIT
 * Groups of a table: codes back to what they stand for, in an order, without gaps.
 */
#include "segment/number_table.h"

#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_EVERY = 256 }; /* groups between two looks at progress: under 2 ms */

static const char *copy(crm__arena *a, const char *s, size_t n)
{
    char *to = crm__arena_alloc(a, n + 1);

    if (!to)
        return NULL;
    if (n)
        memcpy(to, s, n);
    to[n] = 0;
    return to;
}

/* ---- texts ---- */

static const char *time_text(crm__arena *a, int32_t date, uint8_t unit)
{
    int year = crm__date_year(date);
    unsigned month = crm__date_month(date);
    char text[24];
    int n;

    switch (unit) {
    case CRM__UNIT_YEAR:
        n = snprintf(text, sizeof text, "%04d", year);
        break;
    case CRM__UNIT_QUARTER:
        n = snprintf(text, sizeof text, "%04d-Q%u", year, (month + 2) / 3);
        break;
    case CRM__UNIT_MONTH:
        n = snprintf(text, sizeof text, "%04d-%02u", year, month);
        break;
    default:
        n = snprintf(text, sizeof text, "%04d-%02u-%02u", year, month, crm__date_day(date));
    }
    return copy(a, text, (size_t)n);
}

const char *crm__number_text(crm__arena *a, __int128 number, int money)
{
    unsigned __int128 v = number < 0 ? 0 - (unsigned __int128)number : (unsigned __int128)number;
    char digits[48], text[56];
    size_t n = 0, at = 0;
    unsigned scale = CRM__SCALE_MOST;

    for (; scale && v % 10 == 0 && !(money && scale == 2); scale--)
        v /= 10;
    if (money && scale == 2 && v % 100 == 0) {
        v /= 100;
        scale = 0;
    }
    while (v || n <= scale) {
        digits[n++] = (char)('0' + (int)(v % 10));
        v /= 10;
    }
    if (number < 0)
        text[at++] = '-';
    while (n) {
        text[at++] = digits[--n];
        if (n && n == scale)
            text[at++] = '.';
    }
    return copy(a, text, at);
}

/* The number at which a step begins. */
static const char *step_text(const crm__dim *d, crm__arena *a, __int128 step)
{
    __int128 edge;

    if (__builtin_mul_overflow(step, crm__scaled_big(d->width.mantissa, d->width.scale),
                               &edge))
        return copy(a, "", 0);
    return crm__number_text(a, edge, crm__grouping_field(d->g)->type == CRM_TYPE_MONEY);
}

/* A value of an attribute, or a source. */
static const char *value_text(const crm__dim *d, crm_txn *txn, crm__arena *a, int64_t key)
{
    const crm__field *f = d->g->attribute;
    const crm__enum_value *v;
    crm__slice name = {NULL, 0};
    char text[24];

    if (!f || crm__type_is_text(f->type)) {
        if (f && !(f->flags & CRM_FIELD_FAST)) {
            if (key < 1 || key > d->texts.count)
                return NULL;
            name = d->texts.of[key - 1];
        } else if (crm__dict_name(txn, f ? CRM__DICT_TEXT : CRM__DICT_SOURCE, (uint32_t)key,
                                  &name)) {
            name.n = 0;
        }
        if (name.n && name.p[0] == 0xff) /* its digest */
            return copy(a, "…", sizeof "…" - 1);
        return copy(a, (const char *)name.p, name.n);
    }
    if (f->type == CRM_TYPE_BOOLEAN)
        return copy(a, key ? "true" : "false", key ? 4 : 5);
    v = f->type == CRM_TYPE_ENUM && key >= 0 && key <= UINT32_MAX
            ? crm__enum_number(f, (uint32_t)key)
            : NULL;
    if (v)
        return copy(a, v->key, strlen(v->key));
    snprintf(text, sizeof text, f->type == CRM_TYPE_ENUM ? "#%lld" : "%lld", (long long)key);
    return copy(a, text, strlen(text));
}

/* ---- one group ---- */

/* Place of an enum's value in the model; -1: values are in order of their frequency. */
static int64_t place_of(const crm__dim *d, uint32_t code)
{
    const crm__field *f = crm__grouping_field(d->g);

    if (d->g->builtin)
        return code;
    if (!f || (f->type != CRM_TYPE_ENUM && f->type != CRM_TYPE_BOOLEAN))
        return -1;
    if (f->type == CRM_TYPE_BOOLEAN)
        return d->op == CRM__DIM_SETS ? code : d->codes.keys[code - 1];
    for (uint32_t i = 0; i < f->value_count; i++) {
        uint32_t number =
            d->op == CRM__DIM_SETS ? d->sets[code - 1].value : (uint32_t)d->codes.keys[code - 1];
        if (f->values[i].number == number)
            return i;
    }
    return f->value_count;
}

static int describe(const crm__dim *d, crm_txn *txn, crm__arena *a, crm__group *g)
{
    g->out.text = g->out.until = "";
    if (!g->code) {
        g->out.kind = CRM_GROUP_NONE;
        return CRM_OK;
    }
    if (d->g->op == CRM__BY_VALUES) {
        g->out.kind = CRM_GROUP_VALUE;
        g->key = place_of(d, g->code);
        g->out.text = d->op == CRM__DIM_SETS
                          ? copy(a, d->names[g->code - 1], strlen(d->names[g->code - 1]))
                          : value_text(d, txn, a, d->codes.keys[g->code - 1]);
    } else if (d->g->op == CRM__BY_TIME) {
        g->out.kind = CRM_GROUP_TIME;
        g->key = d->codes.keys[g->code - 1];
        g->out.text = time_text(a, (int32_t)g->key, d->g->unit);
    } else {
        g->out.kind = CRM_GROUP_STEP;
        g->key = d->codes.keys[g->code - 1];
        g->out.text = step_text(d, a, g->key);
        g->out.until = step_text(d, a, (__int128)g->key + 1);
    }
    return g->out.text && g->out.until ? CRM_OK : CRM_ENOMEM;
}

static int in_order(const void *a, const void *b)
{
    const crm__group *x = a, *y = b;

    if (!x->code != !y->code)
        return !x->code ? 1 : -1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->counted != y->counted)
        return x->counted > y->counted ? -1 : 1;
    return strcmp(x->out.text, y->out.text);
}

/* ---- without gaps ---- */

/* The key behind one, of times and steps. */
static int64_t next_key(const crm__dim *d, int64_t key)
{
    int32_t date = (int32_t)key, year = crm__date_year(date);
    unsigned month = crm__date_month(date), by = 1;
    crm__civil c;

    if (d->g->op == CRM__BY_STEPS)
        return key + 1;
    if (d->g->unit == CRM__UNIT_DAY || d->g->unit == CRM__UNIT_WEEK) {
        crm__civil_from_days(crm__days_from_civil(year, month, crm__date_day(date)) +
                                 (d->g->unit == CRM__UNIT_WEEK ? 7 : 1),
                             &c);
        return crm__date_pack(c.year, c.month, c.day);
    }
    by = d->g->unit == CRM__UNIT_YEAR ? 12 : d->g->unit == CRM__UNIT_QUARTER ? 3 : 1;
    month += by;
    return month > 12 ? crm__date_pack(year + 1, month - 12, 1) : crm__date_pack(year, month, 1);
}

/* A window of the request bounds the time of events: its first and last unit are there even when
 * nothing was. */
static int add_edges(crm__number_run *n, crm__dim *d, crm_txn *txn)
{
    int64_t from, until;
    uint32_t code;
    int rc = CRM_OK;

    if (d->op != CRM__DIM_TIME || !n->q.window.form)
        return CRM_OK;
    crm__window_range(&n->q.window, txn->now, txn->zone, &from, &until);
    if (from >= until)
        return CRM_OK;
    if (from >= CRM__TIME_MIN && from <= CRM__TIME_MAX)
        rc = crm__dim_number(d, from, 0, &code);
    until = n->q.window.form == CRM__WINDOW_SINCE ? txn->now + 1 : until;
    if (!rc && until > from && until - 1 >= CRM__TIME_MIN && until - 1 <= CRM__TIME_MAX)
        rc = crm__dim_number(d, until - 1, 0, &code);
    return rc;
}

/* Gives codes to the keys between the least and the greatest, unless there are very many: averages
 * over rows need all of them. */
static int fill_gaps(crm__dim *d, int moving)
{
    const uint32_t limit = moving ? CRM__CODES_MOST : CRM__FILL_MOST;
    int64_t least = INT64_MAX, most = INT64_MIN, key;
    uint32_t steps = 0, code;
    int rc = CRM_OK;

    if (d->g->op == CRM__BY_VALUES)
        return CRM_OK;
    for (uint32_t i = 0; i < d->codes.count; i++) {
        least = d->codes.keys[i] < least ? d->codes.keys[i] : least;
        most = d->codes.keys[i] > most ? d->codes.keys[i] : most;
    }
    for (key = least; key < most && steps <= limit; steps++)
        key = next_key(d, key);
    if (steps > limit)
        return moving ? CRM_EVALUE : CRM_OK;
    for (key = least; key < most && !rc; key = next_key(d, key))
        rc = crm__codes_of(&d->codes, key, &code);
    return rc;
}

int crm__groups_make(crm__number_run *n, uint32_t k, crm__arena *a, crm__group **out, size_t *count)
{
    crm__dim *d = &n->dims[k];
    crm_txn *txn = n->a.plan.txn;
    int fill = n->q.grouping_count == 1, rc = CRM_OK;
    uint32_t codes;
    uint8_t *seen;

    if (fill)
        rc = add_edges(n, d, txn);
    if (!rc && fill)
        rc = fill_gaps(d, n->q.moving != 0);
    if (rc)
        return rc;
    codes = 1 + (d->op == CRM__DIM_SETS ? d->set_count : d->codes.count);
    fill = fill && d->g->op != CRM__BY_VALUES;
    *out = crm__arena_alloc(a, codes * sizeof **out);
    seen = crm__calloc(d->mem, codes, 1);
    if (!*out || !seen) {
        crm__release(d->mem, seen);
        return CRM_ENOMEM;
    }
    for (uint32_t i = 0; i < codes && !rc; i++) {
        memset(*out + i, 0, sizeof **out);
        rc = crm__look_at(&n->cells.looking, i, 32 * LOOK_EVERY);
    }
    for (uint32_t i = 0; i < n->cells.count && !rc; i++) {
        uint32_t code = k ? n->cells.keys[i].b : n->cells.keys[i].a;
        seen[code] |= !crm__cells_empty(&n->cells, i);
        (*out)[code].counted += n->cells.tallies[(size_t)i * n->cells.measures].count;
        rc = crm__look_at(&n->cells.looking, i, 32 * LOOK_EVERY);
    }
    *count = 0;
    for (uint32_t code = 0; code < codes && !rc; code++) {
        crm__group g = (*out)[code];
        if (!seen[code] && !(fill && code))
            continue;
        g.code = code;
        rc = describe(d, txn, a, &g);
        (*out)[(*count)++] = g;
        if (!rc)
            rc = crm__look_at(&n->cells.looking, code, LOOK_EVERY);
    }
    crm__release(d->mem, seen);
    if (!rc && *count)
        rc = crm__sort(d->mem, *out, *count, sizeof **out, in_order, &n->cells.looking);
    return rc;
}
