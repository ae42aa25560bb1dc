/* SPDX-License-Identifier: MIT
 * Comparisons: see test.h.
 */
#include "segment/test.h"

#include "base/time.h"
#include "base/utf8.h"
#include "db/gram.h"

#include <string.h>

int crm__value_number(const crm__value *v, crm__decimal *out)
{
    switch (v->type) {
    case CRM_TYPE_INTEGER:
    case CRM_TYPE_DATE:
    case CRM_TYPE_BOOLEAN:
    case CRM_TYPE_DATETIME:
        *out = (crm__decimal){v->integer, 0};
        return 1;
    case CRM_TYPE_DECIMAL:
    case CRM_TYPE_MONEY:
        *out = v->decimal;
        return 1;
    default:
        return 0;
    }
}

/* ---- making ---- */

/* Spaces around it are asked for, too; folding keeps those between others only. */
static int fold(crm__arena *a, crm__slice text, crm__slice *out)
{
    const char *end = (const char *)text.p + text.n, *inner = (const char *)text.p;
    size_t n = text.n;
    crm__buf b;
    int rc;

    crm__utf8_trim(&inner, &n);
    crm__buf_init(&b, a->mem);
    if (inner > (const char *)text.p || !n)
        crm__buf_add_u8(&b, ' ');
    rc = b.failed ? CRM_ENOMEM : crm__gram_fold(text, &b);
    if (n && inner + n < end)
        crm__buf_add_u8(&b, ' ');
    if (!rc && b.failed)
        rc = CRM_ENOMEM;
    if (!rc && !(out->p = crm__arena_copy(a, b.p, b.n)))
        rc = CRM_ENOMEM;
    out->n = rc ? 0 : b.n;
    crm__buf_clear(&b);
    return rc;
}

static int normal_forms(crm__arena *a, const crm__node_values *values, crm__test *t)
{
    crm__buf b;
    int rc = CRM_OK;

    t->normal = crm__arena_alloc(a, values->count * sizeof *t->normal + 1);
    if (!t->normal)
        return CRM_ENOMEM;
    crm__buf_init(&b, a->mem);
    for (uint32_t i = 0; i < values->count && !rc; i++) {
        b.n = 0;
        rc = crm__value_normal(t->type, &values->values[i], &b);
        if (!rc && b.failed)
            rc = CRM_ENOMEM;
        if (rc)
            break;
        t->normal[i].n = b.n;
        t->normal[i].p = crm__arena_copy(a, b.p, b.n);
        if (!t->normal[i].p)
            rc = CRM_ENOMEM;
    }
    crm__buf_clear(&b);
    return rc;
}

/* The limits of one comparison with numbers; d[1] is that of `between` only. */
static crm__limits limits_of(uint8_t cmp, const crm__decimal d[2])
{
    crm__limits l = {d[0].mantissa, d[0].mantissa, (int8_t)d[0].scale, (int8_t)d[0].scale, 0};

    switch (cmp) {
    case CRM__CMP_LT:
        l.flags = CRM__LIMIT_HI | CRM__LIMIT_HI_OPEN;
        break;
    case CRM__CMP_LE:
        l.flags = CRM__LIMIT_HI;
        break;
    case CRM__CMP_GT:
        l.flags = CRM__LIMIT_LO | CRM__LIMIT_LO_OPEN;
        break;
    case CRM__CMP_GE:
        l.flags = CRM__LIMIT_LO;
        break;
    case CRM__CMP_BETWEEN:
        l.hi = d[1].mantissa;
        l.hi_scale = (int8_t)d[1].scale;
        l.flags = CRM__LIMIT_LO | CRM__LIMIT_HI;
        break;
    default:
        l.flags = CRM__LIMIT_LO | CRM__LIMIT_HI;
        break;
    }
    return l;
}

static crm__limits window_limits(const crm__test *t)
{
    crm__limits l = {t->from, t->until, 0, 0, CRM__LIMIT_HI_OPEN};

    l.flags |= t->from == INT64_MIN ? 0 : CRM__LIMIT_LO;
    l.flags |= t->until == INT64_MAX ? 0 : CRM__LIMIT_HI;
    return l;
}

/* What numbers pass; nothing for a type that has no numbers, or amounts of several currencies. */
static int make_limits(crm__arena *a, const crm__node_values *values, crm__test *t)
{
    uint32_t n = t->cmp == CRM__CMP_IN ? values->count : 1;

    if (t->type == CRM_TYPE_MONEY && !t->currency[0])
        return CRM_OK;
    t->limits = crm__arena_alloc(a, (n + 1) * sizeof *t->limits);
    if (!t->limits)
        return CRM_ENOMEM;
    if (t->cmp == CRM__CMP_WINDOW)
        t->limits[t->limit_count++] = window_limits(t);
    for (uint32_t i = 0; i < n && values->count; i++) {
        crm__decimal d[2];
        if (!crm__value_number(&values->values[i], &d[0]) ||
            !crm__value_number(&values->values[values->count > n ? 1 : i], &d[1])) {
            t->limit_count = 0;
            return CRM_OK;
        }
        t->limits[t->limit_count++] = limits_of(t->cmp, d);
    }
    return CRM_OK;
}

static void make_window(crm__test *t, const crm__window *w, int64_t now, const crm__zone *zone)
{
    int32_t from, until;

    if (t->type == CRM_TYPE_DATETIME && t->cmp == CRM__CMP_WINDOW) {
        crm__window_range(w, now, zone, &t->from, &t->until);
        return;
    }
    crm__window_dates(w, now, zone, &from, &until);
    t->from = from;
    t->until = until;
}

int crm__test_make(crm__arena *a, uint8_t type, uint8_t cmp, const crm__node_values *values,
                   const crm__window *window, int64_t now, const crm__zone *zone, crm__test *out)
{
    memset(out, 0, sizeof *out);
    out->type = type;
    out->cmp = cmp;
    out->count = values->count;
    out->values = values->values;
    out->zone = zone;
    if (type == CRM_TYPE_MONEY && values->count)
        memcpy(out->currency, values->values[0].currency, sizeof out->currency);
    for (uint32_t i = 1; i < values->count; i++) {
        if (memcmp(values->values[i].currency, out->currency, 3) != 0)
            out->currency[0] = 0;
    }
    switch (cmp) {
    case CRM__CMP_PREFIX:
    case CRM__CMP_CONTAINS:
        return fold(a, values->values[0].text, &out->folded);
    case CRM__CMP_ANNIVERSARY:
        make_window(out, window, now, zone);
        return CRM_OK;
    case CRM__CMP_WINDOW:
        make_window(out, window, now, zone);
        return make_limits(a, values, out);
    case CRM__CMP_EQ:
    case CRM__CMP_IN: {
        int rc = normal_forms(a, values, out);
        return rc ? rc : make_limits(a, values, out);
    }
    default:
        return make_limits(a, values, out);
    }
}

void crm__test_renew(crm__test *t, const crm__window *window, int64_t now, const crm__zone *zone)
{
    if (t->cmp != CRM__CMP_WINDOW && t->cmp != CRM__CMP_ANNIVERSARY)
        return;
    make_window(t, window, now, zone);
    if (t->cmp == CRM__CMP_WINDOW && t->limit_count)
        t->limits[0] = window_limits(t);
}

/* ---- asking ---- */

int crm__test_scaled(const crm__test *t, int64_t number, int scale)
{
    for (uint32_t i = 0; i < t->limit_count; i++) {
        if (crm__limits_take(&t->limits[i], number, scale))
            return 1;
    }
    return 0;
}

static int is_one_of(const crm__test *t, const crm__value *v, crm__buf *scratch)
{
    scratch->n = 0;
    if (crm__value_normal(t->type, v, scratch) || scratch->failed)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->normal[i].n == scratch->n &&
            (!scratch->n || memcmp(t->normal[i].p, scratch->p, scratch->n) == 0))
            return 1;
    }
    return 0;
}

static int has_text(const crm__test *t, const crm__value *v, crm__buf *scratch)
{
    int rc;

    scratch->n = 0;
    rc = crm__gram_fold(v->text, scratch);
    if (rc)
        return rc == CRM_ENOMEM ? rc : 0;
    if (!t->folded.n)
        return 1;
    if (scratch->n < t->folded.n)
        return 0;
    if (t->cmp == CRM__CMP_PREFIX)
        return memcmp(scratch->p, t->folded.p, t->folded.n) == 0;
    return memmem(scratch->p, scratch->n, t->folded.p, t->folded.n) != NULL;
}

/* Texts in order of their bytes, which is that of their code points. */
static int text_order(const crm__test *t, const crm__value *v)
{
    int lo = crm__slice_compare(v->text, t->values[0].text);

    switch (t->cmp) {
    case CRM__CMP_LT:
        return lo < 0;
    case CRM__CMP_LE:
        return lo <= 0;
    case CRM__CMP_GT:
        return lo > 0;
    case CRM__CMP_GE:
        return lo >= 0;
    default:
        return lo >= 0 && crm__slice_compare(v->text, t->values[1].text) <= 0;
    }
}

static int comes_round(const crm__test *t, const crm__value *v)
{
    int32_t date = (int32_t)v->integer;

    if (v->type == CRM_TYPE_DATETIME) {
        crm__civil c;
        crm__civil_from_time(
            v->integer + crm__zone_offset(t->zone, v->integer) * CRM__US_PER_SECOND, &c);
        date = crm__date_pack(c.year, c.month, c.day);
    }
    return crm__anniversary_within(date, (int32_t)t->from, (int32_t)t->until);
}

int crm__test_value(const crm__test *t, const crm__value *v, crm__buf *scratch)
{
    crm__decimal d;

    if (v->type != t->type)
        return 0;
    if (t->cmp == CRM__CMP_PREFIX || t->cmp == CRM__CMP_CONTAINS)
        return has_text(t, v, scratch);
    if (t->cmp == CRM__CMP_ANNIVERSARY)
        return comes_round(t, v);
    if (v->type == CRM_TYPE_MONEY && t->limit_count && memcmp(v->currency, t->currency, 3) != 0)
        return 0;
    if (t->limit_count && crm__value_number(v, &d))
        return crm__test_number(t, d);
    if (t->cmp == CRM__CMP_EQ || t->cmp == CRM__CMP_IN)
        return is_one_of(t, v, scratch);
    return text_order(t, v);
}
