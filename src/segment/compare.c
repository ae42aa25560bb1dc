/* SPDX-License-Identifier: MIT
 * Comparisons: which go with which type, their values, and those with a day, month or year, which
 * become windows or the comparison with the edge.
 */
#include "segment/build.h"

#include "base/error.h"
#include "base/time.h"
#include "base/utf8.h"

#include <crm/codes.h>
#include <string.h>

static const char *const NAMES[] = {
    "",        "=",        "<",           "<=",       ">",           ">=",         "in",
    "between", "is empty", "starts with", "contains", "in a window", "anniversary"};

const char *crm__compare_name(uint8_t cmp)
{
    return NAMES[cmp];
}

static int op_fits(crm__build *b, const crm__subject *s, uint8_t cmp, size_t at)
{
    const char *type = s->builtin == CRM__BUILTIN_KIND ? "a kind" : crm__type_name(s->rule.type);

    if (s->ops >> cmp & 1)
        return CRM_OK;
    if (cmp == CRM__CMP_EMPTY)
        return crm__build_fail(b, CRM_EVALUE, at, "%s: is never empty", s->rule.key);
    return crm__build_fail(b, CRM_EVALUE, at, "%s: is of type %s, with which \"%s\" does not go,",
                           s->rule.key, type, NAMES[cmp]);
}

/* ---- values ---- */

static int keep_text(crm__build *b, crm__buf *text, crm__slice *out)
{
    int rc = CRM_ENOMEM;

    if (!text->failed) {
        out->n = text->n;
        out->p = crm__build_copy(b, text->p, text->n);
        rc = out->p ? CRM_OK : CRM_ENOMEM;
    }
    crm__buf_clear(text);
    return rc ? crm__build_nomem(b) : CRM_OK;
}

static int kind_value(crm__build *b, const crm__operand *o, crm__value *v, crm__slice *text)
{
    unsigned kind = crm__kind_find(b->model, (const char *)o->text.p, o->text.n);

    if (!kind)
        return crm__build_fail(b, CRM_EVALUE, o->at,
                               "kind: is not one of the values, expected person or organisation,");
    memset(v, 0, sizeof *v);
    v->type = CRM_TYPE_INTEGER;
    v->integer = kind;
    text->p = (const uint8_t *)crm__kind_key(kind);
    text->n = strlen(crm__kind_key(kind));
    return CRM_OK;
}

static int canonical_text(crm__build *b, const crm__field *rule, const crm__value *v,
                          crm__slice *text)
{
    crm__buf out;

    if (v->text.n) {
        *text = v->text;
        return CRM_OK;
    }
    crm__buf_init(&out, b->tree->mem);
    if (crm__value_format(rule, v, &out))
        out.failed = 1;
    return keep_text(b, &out, text);
}

/* Of an enum the value that may have been meant. */
static int refused(crm__build *b, const crm__field *rule, const crm__operand *o, int code)
{
    const char *near_name = rule->type == CRM_TYPE_ENUM
                                ? crm__enum_near(rule, (const char *)o->text.p, o->text.n)
                                : NULL;

    if (near_name)
        return crm__build_fail(b, code, o->at, "%s: no value of this name, did you mean \"%s\",",
                               rule->key, near_name);
    return crm__build_place(b, code, o->at);
}

/* Between two marks, so that its outer spaces are none that are left out. */
static int between_marks(crm__build *b, crm__slice *text)
{
    uint8_t *to = crm__arena_alloc(&b->tree->arena, text->n + 2);

    if (!to)
        return crm__build_nomem(b);
    to[0] = to[text->n + 1] = '.';
    memcpy(to + 1, text->p, text->n);
    *text = (crm__slice){to, text->n + 2};
    return CRM_OK;
}

static int read_value(crm__build *b, const crm__subject *s, uint8_t cmp, const crm__operand *o,
                      crm__value *v, crm__slice *text)
{
    int part = cmp == CRM__CMP_PREFIX || cmp == CRM__CMP_CONTAINS, rc;
    crm__slice given = o->text;
    crm__value_ctx ctx = {b->zone};
    crm__field rule = s->rule;
    crm__slice payload;
    crm__buf out;

    if (s->builtin == CRM__BUILTIN_KIND)
        return kind_value(b, o, v, text);
    if (part)
        rule.type = CRM_TYPE_TEXT; /* a part of an address or number is none */
    rc = part && given.n ? between_marks(b, &given) : CRM_OK;
    if (rc)
        return rc;
    crm__buf_init(&out, b->tree->mem);
    rc = crm__value_parse(&rule, &ctx, (const char *)given.p, given.n, 0, &out, b->err);
    if (rc) {
        crm__buf_clear(&out);
        return refused(b, &rule, o, rc);
    }
    rc = keep_text(b, &out, &payload);
    if (rc)
        return rc;
    memset(v, 0, sizeof *v);
    if (crm__value_decode(rule.type, 0, payload, v))
        return crm__build_fail(b, CRM_EVALUE, o->at, "%s: is no value of the field", rule.key);
    v->type = rule.type;
    if (part)
        v->text = (crm__slice){v->text.p + 1, v->text.n - 2};
    return canonical_text(b, &rule, v, text);
}

/* A value made here, of a type without text. */
static int own_value(crm__build *b, const crm__subject *s, uint8_t cmp, int64_t integer,
                     crm__comparison *out)
{
    crm__value v;
    crm__slice text;
    int rc;

    memset(&v, 0, sizeof v);
    v.type = s->rule.type;
    v.integer = integer;
    rc = canonical_text(b, &s->rule, &v, &text);
    if (rc)
        return rc;
    out->cmp = cmp;
    out->values.count = 1;
    out->values.values = crm__build_copy(b, &v, sizeof v);
    out->values.text = crm__build_copy(b, &text, sizeof text);
    return out->values.values && out->values.text ? CRM_OK : crm__build_nomem(b);
}

/* ---- days, months and years ---- */

/* A date that is less precise than the field, in `date`; 0: read it as a value. */
static int edge_date(const crm__subject *s, const crm__operand *o, int32_t *date)
{
    if (s->rule.type != CRM_TYPE_DATE && s->rule.type != CRM_TYPE_DATETIME)
        return 0;
    if (crm__date_parse((const char *)o->text.p, o->text.n, date, NULL, NULL))
        return 0;
    return s->rule.type == CRM_TYPE_DATETIME || !crm__date_day(*date);
}

static void window_at(crm__comparison *out, uint8_t form, int32_t date)
{
    crm__point p = {date, 0};

    out->cmp = CRM__CMP_WINDOW;
    memset(&out->window, 0, sizeof out->window);
    out->window.form = form;
    out->window.on = form == CRM__WINDOW_BETWEEN;
    if (form != CRM__WINDOW_BEFORE)
        out->window.from = p;
    if (form != CRM__WINDOW_SINCE)
        out->window.until = p;
}

/* `> 2025` is `>= 2026`, `<= 2025` is `< 2026`; behind the last year there is none. */
static int compare_edge(crm__build *b, const crm__subject *s, uint8_t cmp, int32_t date,
                        crm__comparison *out)
{
    int is_date = s->rule.type == CRM_TYPE_DATE, less = cmp == CRM__CMP_LT || cmp == CRM__CMP_LE;

    if (cmp == CRM__CMP_EQ) {
        window_at(out, CRM__WINDOW_BETWEEN, date);
        return CRM_OK;
    }
    if (cmp == CRM__CMP_GT || cmp == CRM__CMP_LE) {
        date = crm__date_after(date);
        if (!date)
            return own_value(b, s, cmp, is_date ? crm__date_pack(9999, 12, 31) : CRM__TIME_MAX,
                             out);
    }
    if (is_date)
        return own_value(b, s, less ? CRM__CMP_LT : CRM__CMP_GE, date, out);
    window_at(out, less ? CRM__WINDOW_BEFORE : CRM__WINDOW_SINCE, date);
    return CRM_OK;
}

static int has_edges(crm__build *b, const crm__subject *s, uint8_t cmp,
                     const crm__operand *operands, size_t n)
{
    int32_t date;

    if (cmp != CRM__CMP_IN)
        return CRM_OK;
    for (size_t i = 0; i < n; i++) {
        if (edge_date(s, &operands[i], &date))
            return crm__build_fail(b, CRM_EVALUE, operands[i].at,
                                   s->rule.type == CRM_TYPE_DATE
                                       ? "%s: expected a full date in a list, for a month or year "
                                         "there is \"on\","
                                       : "%s: expected a date with a time in a list, for a day, "
                                         "month or year there is \"on\",",
                                   s->rule.key);
    }
    return CRM_OK;
}

/* ---- all ---- */

/* Below, equal or above 0; of money of two currencies 2. */
static int value_order(const crm__value *a, const crm__value *b)
{
    switch (a->type) {
    case CRM_TYPE_MONEY:
        if (memcmp(a->currency, b->currency, 4) != 0)
            return 2;
        /* fall through */
    case CRM_TYPE_DECIMAL:
        return crm__decimal_compare(a->decimal, b->decimal);
    case CRM_TYPE_TEXT:
        return crm__slice_compare(a->text, b->text) > 0 ? 1 : -1;
    default:
        return (a->integer > b->integer) - (a->integer < b->integer);
    }
}

/* What is made of many amounts is of one currency. */
static int check_currencies(crm__build *b, const crm__subject *s, const crm__value *v, size_t n,
                            const crm__operand *operands)
{
    if (s->field || s->rule.type != CRM_TYPE_MONEY)
        return CRM_OK;
    for (size_t i = 1; i < n; i++) {
        if (memcmp(v[i].currency, v[0].currency, sizeof v->currency) != 0)
            return crm__build_fail(b, CRM_EVALUE, operands[i].at,
                                   "%s: two currencies in a comparison with many amounts",
                                   s->rule.key);
    }
    return CRM_OK;
}

static int is_bare_number(crm__slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!memchr("+-.0123456789", s.p[i], 13))
            return 0;
    }
    return 1;
}

/* `between 10 and 20 USD`: the currency is that of both. */
static int share_currency(crm__build *b, const crm__subject *s, crm__operand o[2])
{
    crm__slice text;
    crm__value v;
    uint8_t *to;
    int rc;

    if (!is_bare_number(o[0].text) || is_bare_number(o[1].text))
        return CRM_OK;
    rc = read_value(b, s, CRM__CMP_EQ, &o[1], &v, &text);
    if (rc)
        return rc;
    to = crm__arena_alloc(&b->tree->arena, o[0].text.n + 4);
    if (!to)
        return crm__build_nomem(b);
    memcpy(to, o[0].text.p, o[0].text.n);
    to[o[0].text.n] = ' ';
    memcpy(to + o[0].text.n + 1, v.currency, 3);
    o[0].text = (crm__slice){to, o[0].text.n + 4};
    return CRM_OK;
}

static int check_between(crm__build *b, const crm__subject *s, const crm__value *v, size_t at)
{
    int order = value_order(&v[0], &v[1]);

    if (order == 2)
        return crm__build_fail(b, CRM_EVALUE, at, "%s: two currencies in \"between\"", s->rule.key);
    if (order > 0)
        return crm__build_fail(b, CRM_EVALUE, at,
                               "%s: the first value of \"between\" is above the second",
                               s->rule.key);
    return CRM_OK;
}

int crm__build_compare(crm__build *b, const crm__subject *s, uint8_t cmp, int negated,
                       const crm__operand *operands, size_t n, size_t at, crm__comparison *out)
{
    crm__operand shared[2];
    crm__value *values;
    crm__slice *text;
    int32_t date;
    int rc = op_fits(b, s, cmp, at);

    memset(out, 0, sizeof *out);
    out->cmp = cmp;
    out->negated = negated != 0;
    if (rc || !n)
        return rc;
    if (n > CRM__SEGMENT_LIST)
        return crm__build_fail(b, CRM_ESYNTAX, at, "a list of more than %d values",
                               (int)CRM__SEGMENT_LIST);
    if (cmp == CRM__CMP_BETWEEN &&
        (s->rule.type == CRM_TYPE_DATE || s->rule.type == CRM_TYPE_DATETIME)) {
        out->cmp = CRM__CMP_WINDOW;
        return crm__build_between(b, &operands[0], &operands[1], &out->window);
    }
    if (cmp <= CRM__CMP_GE && edge_date(s, operands, &date))
        return compare_edge(b, s, cmp, date, out);
    rc = has_edges(b, s, cmp, operands, n);
    if (!rc && cmp == CRM__CMP_BETWEEN && s->rule.type == CRM_TYPE_MONEY) {
        memcpy(shared, operands, sizeof shared);
        operands = shared;
        rc = share_currency(b, s, shared);
    }
    if (rc)
        return rc;
    values = crm__arena_alloc(&b->tree->arena, n * sizeof *values);
    text = crm__arena_alloc(&b->tree->arena, n * sizeof *text);
    if (!values || !text)
        return crm__build_nomem(b);
    for (size_t i = 0; i < n && !rc; i++)
        rc = read_value(b, s, cmp, &operands[i], &values[i], &text[i]);
    if (!rc && cmp == CRM__CMP_BETWEEN)
        rc = check_between(b, s, values, operands[0].at);
    if (!rc)
        rc = check_currencies(b, s, values, n, operands);
    out->values.count = (uint32_t)n;
    out->values.values = values;
    out->values.text = text;
    return rc;
}

int crm__build_in_window(crm__build *b, const crm__subject *s, uint8_t cmp, int negated,
                         const crm__window *w, size_t at, crm__comparison *out)
{
    int rc = op_fits(b, s, cmp, at);

    memset(out, 0, sizeof *out);
    out->cmp = cmp;
    out->negated = negated != 0;
    out->window = *w;
    return rc;
}

/* ---- windows as written ---- */

int crm__build_count(crm__build *b, const crm__operand *number, uint32_t *out)
{
    int64_t v;

    if (crm__int_parse((const char *)number->text.p, number->text.n, &v, NULL, NULL) || v < 1 ||
        v > CRM__WINDOW_COUNT)
        return crm__build_fail(b, CRM_ESYNTAX, number->at, "expected a number from 1 to %d",
                               (int)CRM__WINDOW_COUNT);
    *out = (uint32_t)v;
    return CRM_OK;
}

int crm__build_point(crm__build *b, const crm__operand *text, crm__point *out)
{
    const char *s = (const char *)text->text.p, *why = "";

    memset(out, 0, sizeof *out);
    if (!crm__date_parse(s, text->text.n, &out->date, NULL, NULL))
        return CRM_OK;
    if (!crm__datetime_parse(s, text->text.n, b->zone, &out->us, &why, NULL) &&
        out->us >= CRM__TIME_MIN && out->us <= CRM__TIME_MAX)
        return CRM_OK;
    return crm__build_fail(b, CRM_EVALUE, text->at,
                           "expected a date such as 2025, 2025-10 or 2025-10-03, or a date and "
                           "time such as 2025-10-03T09:00:00Z,");
}

int crm__build_on(crm__build *b, const crm__operand *date, crm__window *out)
{
    memset(out, 0, sizeof *out);
    out->form = CRM__WINDOW_BETWEEN;
    out->on = 1;
    if (crm__date_parse((const char *)date->text.p, date->text.n, &out->from.date, NULL, NULL))
        return crm__build_fail(
            b, CRM_EVALUE, date->at,
            "expected a day, month or year such as 2025-10-03, 2025-10 or 2025,");
    out->until = out->from;
    return CRM_OK;
}

/* The last moment that a point has, for telling which of two is the earlier. */
static int32_t last_day(int32_t date)
{
    int32_t year = crm__date_year(date);
    unsigned month = crm__date_month(date), day = crm__date_day(date);

    if (!month)
        month = 12;
    if (!day)
        day = crm__days_in_month(year, month);
    return crm__date_pack(year, month, day);
}

int crm__build_between(crm__build *b, const crm__operand *from, const crm__operand *until,
                       crm__window *out)
{
    int rc, turned = 0;

    memset(out, 0, sizeof *out);
    out->form = CRM__WINDOW_BETWEEN;
    rc = crm__build_point(b, from, &out->from);
    if (!rc)
        rc = crm__build_point(b, until, &out->until);
    if (rc)
        return rc;
    if (out->from.date && out->until.date)
        turned = out->from.date > last_day(out->until.date);
    else if (!out->from.date && !out->until.date)
        turned = out->from.us > out->until.us;
    if (turned)
        return crm__build_fail(b, CRM_EVALUE, until->at, "a window that ends before it begins");
    return CRM_OK;
}
