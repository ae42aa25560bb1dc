/* SPDX-License-Identifier: MIT
 * Text to tree: comparisons and windows of time.
 */
#include "segment/parse.h"

#include <crm/codes.h>
#include <string.h>

/* ---- values ---- */

static int is_joint(const crm__token *t)
{
    return t->kind == CRM__TOKEN_WORD && t->word != CRM__WORD_AND && t->word != CRM__WORD_OR &&
           t->word != CRM__WORD_NOT;
}

/* Words that go on with a request for numbers, behind the width of its steps. */
static int goes_on(const crm__parser *p)
{
    const crm__token *t = crm__parse_now(p);

    return crm__parse_at_window(p) || (t->text.n == 6 && memcmp(t->text.p, "moving", 6) == 0);
}

/* `1000 CNY` and `CNY 1000` are two words and one value. */
static int join_money(crm__parser *p, crm__operand *o)
{
    const crm__token *t = crm__parse_now(p);
    uint8_t *to;

    if (!is_joint(t) || goes_on(p))
        return CRM_OK;
    to = crm__arena_alloc(&p->b.tree->arena, o->text.n + 1 + t->text.n);
    if (!to)
        return crm__build_nomem(&p->b);
    memcpy(to, o->text.p, o->text.n);
    to[o->text.n] = ' ';
    memcpy(to + o->text.n + 1, t->text.p, t->text.n);
    o->text.p = to;
    o->text.n += 1 + t->text.n;
    return crm__parse_next(p);
}

static int read_operand(crm__parser *p, const crm__subject *s, crm__operand *o)
{
    int bare = crm__parse_is(p, CRM__TOKEN_WORD), rc;

    if (!crm__parse_is(p, CRM__TOKEN_STRING) && !is_joint(crm__parse_now(p)))
        return crm__parse_expected(p, "a value");
    rc = crm__parse_name(p, "a value", o);
    if (!rc && bare && s->rule.type == CRM_TYPE_MONEY)
        rc = join_money(p, o);
    return rc;
}

static int add_operand(crm__parser *p, const crm__subject *s)
{
    crm__operand o;
    int rc = read_operand(p, s, &o);

    if (rc)
        return rc;
    crm__buf_add(&p->list, &o, sizeof o);
    return p->list.failed ? crm__build_nomem(&p->b) : CRM_OK;
}

/* The operands lie in the list from `base` on. */
static int pop_compare(crm__parser *p, const crm__subject *s, uint8_t cmp, int negated, size_t base,
                       size_t at, crm__comparison *out)
{
    const crm__operand *o = (const crm__operand *)(void *)(p->list.p + base);
    size_t n = (p->list.n - base) / sizeof *o;

    p->list.n = base;
    return crm__build_compare(&p->b, s, cmp, negated, o, n, at, out);
}

static int read_one(crm__parser *p, const crm__subject *s, uint8_t cmp, int negated, size_t at,
                    crm__comparison *out)
{
    crm__operand o;
    int rc = read_operand(p, s, &o);

    return rc ? rc : crm__build_compare(&p->b, s, cmp, negated, &o, 1, at, out);
}

int crm__parse_value(crm__parser *p, const crm__subject *s, crm__comparison *out)
{
    return read_one(p, s, CRM__CMP_EQ, 0, crm__parse_now(p)->at, out);
}

/* From the opening parenthesis to behind the closing one. */
static int read_list(crm__parser *p, const crm__subject *s, int negated, size_t at,
                     crm__comparison *out)
{
    size_t base = p->list.n;
    int rc;

    do {
        rc = crm__parse_next(p);
        if (!rc)
            rc = add_operand(p, s);
    } while (!rc && crm__parse_is(p, CRM__TOKEN_COMMA));
    if (!rc)
        rc = crm__parse_take(p, CRM__TOKEN_CLOSE, "a comma or \")\"");
    return rc ? rc : pop_compare(p, s, CRM__CMP_IN, negated, base, at, out);
}

static int read_between(crm__parser *p, const crm__subject *s, int negated, size_t at,
                        crm__comparison *out)
{
    size_t base = p->list.n;
    int rc = crm__parse_next(p);

    if (!rc)
        rc = add_operand(p, s);
    if (!rc)
        rc = crm__parse_take_word(p, CRM__WORD_AND);
    if (!rc)
        rc = add_operand(p, s);
    return rc ? rc : pop_compare(p, s, CRM__CMP_BETWEEN, negated, base, at, out);
}

static int read_empty(crm__parser *p, const crm__subject *s, size_t at, crm__comparison *out)
{
    int negated, rc = crm__parse_next(p);

    if (rc)
        return rc;
    negated = crm__parse_word(p, CRM__WORD_NOT);
    if (negated)
        rc = crm__parse_next(p);
    if (!rc)
        rc = crm__parse_take_word(p, CRM__WORD_EMPTY);
    return rc ? rc : crm__build_compare(&p->b, s, CRM__CMP_EMPTY, negated, NULL, 0, at, out);
}

static int read_window(crm__parser *p, const crm__subject *s, uint8_t cmp, int negated, size_t at,
                       crm__comparison *out)
{
    crm__window w;
    int rc = crm__parse_window(p, &w);

    return rc ? rc : crm__build_in_window(&p->b, s, cmp, negated, &w, at, out);
}

/* What may follow a not. */
static int read_worded(crm__parser *p, const crm__subject *s, int negated, size_t at,
                       crm__comparison *out)
{
    int rc;

    switch (crm__parse_now(p)->word) {
    case CRM__WORD_IN:
        rc = crm__parse_next(p);
        if (rc)
            return rc;
        if (crm__parse_is(p, CRM__TOKEN_OPEN))
            return read_list(p, s, negated, at, out);
        if (!crm__parse_at_window(p))
            return crm__parse_expected_window(
                p, "a list in parentheses, or a time such as last 3 months,");
        return read_window(p, s, CRM__CMP_WINDOW, negated, at, out);
    case CRM__WORD_BETWEEN:
        return read_between(p, s, negated, at, out);
    case CRM__WORD_STARTS:
        rc = crm__parse_next(p);
        if (!rc)
            rc = crm__parse_take_word(p, CRM__WORD_WITH);
        return rc ? rc : read_one(p, s, CRM__CMP_PREFIX, negated, at, out);
    case CRM__WORD_CONTAINS:
        rc = crm__parse_next(p);
        return rc ? rc : read_one(p, s, CRM__CMP_CONTAINS, negated, at, out);
    case CRM__WORD_SINCE:
    case CRM__WORD_BEFORE:
    case CRM__WORD_ON:
    case CRM__WORD_TODAY:
    case CRM__WORD_YESTERDAY:
    case CRM__WORD_TOMORROW:
        return read_window(p, s, CRM__CMP_WINDOW, negated, at, out);
    default:
        return crm__parse_expected(p, negated ? "in, between, starts with, contains or a time"
                                              : "a comparison such as =, in or is empty");
    }
}

int crm__parse_comparison(crm__parser *p, const crm__subject *s, crm__comparison *out)
{
    static const uint8_t CMP[] = {CRM__CMP_EQ, CRM__CMP_EQ, CRM__CMP_LT,
                                  CRM__CMP_LE, CRM__CMP_GT, CRM__CMP_GE};
    size_t at = crm__parse_now(p)->at;
    uint8_t kind = crm__parse_now(p)->kind;
    int negated, rc;

    if (kind >= CRM__TOKEN_EQ && kind <= CRM__TOKEN_GE) {
        rc = crm__parse_next(p);
        return rc ? rc : read_one(p, s, CMP[kind - CRM__TOKEN_EQ], kind == CRM__TOKEN_NE, at, out);
    }
    if (crm__parse_word(p, CRM__WORD_IS))
        return read_empty(p, s, at, out);
    negated = crm__parse_word(p, CRM__WORD_NOT);
    rc = negated ? crm__parse_next(p) : CRM_OK;
    return rc ? rc : read_worded(p, s, negated, at, out);
}

int crm__parse_is_day(uint8_t word)
{
    return word == CRM__WORD_TODAY || word == CRM__WORD_YESTERDAY || word == CRM__WORD_TOMORROW;
}

int crm__parse_anniversary(crm__parser *p, const crm__subject *s, crm__comparison *out)
{
    size_t at = crm__parse_now(p)->at;
    int negated = crm__parse_word(p, CRM__WORD_NOT), rc = CRM_OK;

    if (negated)
        rc = crm__parse_next(p);
    if (!rc && !crm__parse_is_day(crm__parse_now(p)->word))
        rc = crm__parse_take_word(p, CRM__WORD_IN);
    if (!rc && !crm__parse_at_window(p))
        rc = crm__parse_expected_window(p, "a time such as next 7 days or this month");
    return rc ? rc : read_window(p, s, CRM__CMP_ANNIVERSARY, negated, at, out);
}

/* ---- windows ---- */

int crm__parse_at_window(const crm__parser *p)
{
    switch (crm__parse_now(p)->word) {
    case CRM__WORD_LAST:
    case CRM__WORD_NEXT:
    case CRM__WORD_THIS:
    case CRM__WORD_PREVIOUS:
    case CRM__WORD_COMING:
    case CRM__WORD_SINCE:
    case CRM__WORD_BEFORE:
    case CRM__WORD_BETWEEN:
    case CRM__WORD_ON:
    case CRM__WORD_TODAY:
    case CRM__WORD_YESTERDAY:
    case CRM__WORD_TOMORROW:
        return 1;
    default:
        return 0;
    }
}

static int is_unit(const crm__parser *p)
{
    return crm__parse_now(p)->word >= CRM__WORD_MINUTE && crm__parse_now(p)->word <= CRM__WORD_YEAR;
}

static int read_unit(crm__parser *p, uint8_t *unit)
{
    if (!is_unit(p))
        return crm__parse_expected_unit(p);
    *unit = (uint8_t)(crm__parse_now(p)->word - CRM__WORD_MINUTE + CRM__UNIT_MINUTE);
    return crm__parse_next(p);
}

int crm__parse_span(crm__parser *p, uint32_t *count, uint8_t *unit)
{
    crm__operand number;
    int rc;

    if (is_unit(p))
        return crm__parse_expected(p, "a number such as 3 (a whole month is previous, this or "
                                      "coming month)");
    rc = crm__parse_name(p, "a number", &number);
    if (!rc)
        rc = crm__build_count(&p->b, &number, count);
    return rc ? rc : read_unit(p, unit);
}

static int read_point(crm__parser *p, crm__operand *o)
{
    return crm__parse_name(p, "a date", o);
}

static int read_edges(crm__parser *p, uint8_t word, crm__window *w)
{
    crm__operand from, until;
    int rc = read_point(p, &from);

    if (rc)
        return rc;
    if (word == CRM__WORD_ON)
        return crm__build_on(&p->b, &from, w);
    if (word == CRM__WORD_SINCE) {
        w->form = CRM__WINDOW_SINCE;
        return crm__build_point(&p->b, &from, &w->from);
    }
    if (word == CRM__WORD_BEFORE) {
        w->form = CRM__WINDOW_BEFORE;
        return crm__build_point(&p->b, &from, &w->until);
    }
    rc = crm__parse_take_word(p, CRM__WORD_AND);
    if (!rc)
        rc = read_point(p, &until);
    return rc ? rc : crm__build_between(&p->b, &from, &until, w);
}

static int day_window(crm__window *w, uint8_t form)
{
    w->form = form;
    w->unit = CRM__UNIT_DAY;
    w->count = form == CRM__WINDOW_THIS ? 0 : 1;
    return CRM_OK;
}

int crm__parse_window(crm__parser *p, crm__window *w)
{
    uint8_t word = crm__parse_now(p)->word;
    int rc = crm__parse_next(p);

    memset(w, 0, sizeof *w);
    if (rc)
        return rc;
    switch (word) {
    case CRM__WORD_TODAY:
        return day_window(w, CRM__WINDOW_THIS);
    case CRM__WORD_YESTERDAY:
        return day_window(w, CRM__WINDOW_PREVIOUS);
    case CRM__WORD_TOMORROW:
        return day_window(w, CRM__WINDOW_COMING);
    case CRM__WORD_LAST:
    case CRM__WORD_NEXT:
        w->form = word == CRM__WORD_LAST ? CRM__WINDOW_LAST : CRM__WINDOW_NEXT;
        return crm__parse_span(p, &w->count, &w->unit);
    case CRM__WORD_THIS:
        w->form = CRM__WINDOW_THIS;
        return read_unit(p, &w->unit);
    case CRM__WORD_PREVIOUS:
    case CRM__WORD_COMING:
        w->form = word == CRM__WORD_PREVIOUS ? CRM__WINDOW_PREVIOUS : CRM__WINDOW_COMING;
        w->count = 1;
        return is_unit(p) ? read_unit(p, &w->unit) : crm__parse_span(p, &w->count, &w->unit);
    default:
        return read_edges(p, word, w);
    }
}
