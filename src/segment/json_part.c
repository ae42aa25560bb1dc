/* SPDX-License-Identifier: MIT
 * Members of objects, windows and comparisons of the JSON form: see json_part.h.
 */
#include "segment/json_part.h"

#include "model/json_value.h"
#include "segment/lex.h"

#include <string.h>

/* ---- places and members ---- */

void crm__json_enter(crm__json_reader *r, crm__step *step, const char *key, size_t index)
{
    step->up = r->b.path;
    step->key = key;
    step->index = index;
    r->b.path = step;
}

void crm__json_leave(crm__json_reader *r, const crm__step *step)
{
    r->b.path = step->up;
}

int crm__json_one_of(const char *key, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(key, names[i]) == 0)
            return i;
    }
    return -1;
}

int crm__json_members(crm__json_reader *r, const crm__json *v, const char *const *names, int count,
                      const crm__json **values, uint32_t *given)
{
    const crm__json *value;
    const void *at = NULL;
    const char *key;

    *given = 0;
    if (crm__json_kind(v) != CRM__JSON_OBJECT)
        return CRM__JSON_BAD(r, "expected an object");
    while (crm__json_next(v, &at, &key, &value)) {
        int i = crm__json_one_of(key, names, count);
        if (i < 0)
            return CRM__JSON_BAD(r, "a member that is not known, in an object");
        values[i] = value;
        *given |= CRM__MEMBER_BIT(i);
    }
    return CRM_OK;
}

int crm__json_check(crm__json_reader *r, uint32_t given, uint32_t needed, uint32_t allowed,
                    const char *const *names)
{
    uint32_t missing = needed & ~given, extra = given & ~(needed | allowed);

    if (missing)
        return CRM__JSON_BAD(r, "\"%s\" is missing", names[__builtin_ctz(missing)]);
    if (extra)
        return CRM__JSON_BAD(r, "\"%s\" does not go with the other members",
                             names[__builtin_ctz(extra)]);
    return CRM_OK;
}

int crm__json_read_text(crm__json_reader *r, const crm__json *v, crm__operand *out)
{
    if (crm__json_kind(v) != CRM__JSON_STRING)
        return CRM__JSON_BAD(r, "expected a string");
    out->text = crm__json_text(v);
    out->at = 0;
    return CRM_OK;
}

int crm__json_text_member(crm__json_reader *r, const crm__json_given *m, crm__member which,
                          crm__operand *out)
{
    crm__step step;
    int rc;

    crm__json_enter(r, &step, crm__member_names[which], 0);
    rc = crm__json_read_text(r, m->value[which], out);
    crm__json_leave(r, &step);
    return rc;
}

/* ---- windows ---- */

static int read_count(crm__json_reader *r, const crm__json *v, uint32_t *out)
{
    crm__operand number;

    if (crm__json_kind(v) != CRM__JSON_NUMBER)
        return CRM__JSON_BAD(r, "expected a number");
    number.text = crm__json_text(v);
    number.at = 0;
    return crm__build_count(&r->b, &number, out);
}

static int read_unit(crm__json_reader *r, const crm__json *v, uint8_t *out)
{
    crm__slice s = crm__json_text(v);
    uint8_t word = CRM__WORD_NONE_OF_THEM;

    if (crm__json_kind(v) == CRM__JSON_STRING)
        word = crm__word_find((const char *)s.p, s.n);
    if (word < CRM__WORD_MINUTE)
        return CRM__JSON_BAD(r, "expected a unit from minute to year");
    *out = (uint8_t)(word - CRM__WORD_MINUTE + CRM__UNIT_MINUTE);
    return CRM_OK;
}

static int read_between(crm__json_reader *r, const crm__json *v, crm__window *w)
{
    crm__operand points[2];
    int rc = CRM_OK;

    if (crm__json_kind(v) != CRM__JSON_ARRAY || crm__json_count(v) != 2)
        return CRM__JSON_BAD(r, "expected a list of two dates");
    for (size_t i = 0; i < 2 && !rc; i++)
        rc = crm__json_read_text(r, crm__json_item(v, i), &points[i]);
    return rc ? rc : crm__build_between(&r->b, &points[0], &points[1], w);
}

static int read_edge(crm__json_reader *r, const crm__json *v, int m, crm__window *w)
{
    crm__operand point;
    int rc;

    if (m == CRM__WINDOW_M_BETWEEN)
        return read_between(r, v, w);
    rc = crm__json_read_text(r, v, &point);
    if (rc)
        return rc;
    if (m == CRM__WINDOW_M_ON)
        return crm__build_on(&r->b, &point, w);
    w->form = m == CRM__WINDOW_M_SINCE ? CRM__WINDOW_SINCE : CRM__WINDOW_BEFORE;
    return crm__build_point(&r->b, &point, m == CRM__WINDOW_M_SINCE ? &w->from : &w->until);
}

static int read_window(crm__json_reader *r, const crm__json *v, crm__window *w)
{
    const crm__json *value[CRM__WINDOW_MEMBERS] = {NULL};
    crm__step step;
    uint32_t given, heads;
    int m, rc = crm__json_members(r, v, crm__window_names, CRM__WINDOW_MEMBERS, value, &given),
           spans;

    memset(w, 0, sizeof *w);
    if (rc)
        return rc;
    heads = given & (CRM__MEMBER_BIT(CRM__WINDOW_M_COUNT) - 1);
    if (!heads)
        return CRM__JSON_BAD(r, "expected a time such as {\"last\":3,\"unit\":\"month\"}");
    m = __builtin_ctz(heads);
    spans = m <= CRM__WINDOW_M_COMING && m != CRM__WINDOW_M_THIS;
    rc = crm__json_check(r, given,
                         CRM__MEMBER_BIT(m) | (spans ? CRM__MEMBER_BIT(CRM__WINDOW_M_UNIT) : 0), 0,
                         crm__window_names);
    if (rc)
        return rc;
    crm__json_enter(r, &step, crm__window_names[m], 0);
    if (m <= CRM__WINDOW_M_COMING)
        w->form = (uint8_t)(m - CRM__WINDOW_M_LAST + CRM__WINDOW_LAST);
    if (spans)
        rc = read_count(r, value[m], &w->count);
    else if (m == CRM__WINDOW_M_THIS)
        rc = read_unit(r, value[m], &w->unit);
    else
        rc = read_edge(r, value[m], m, w);
    step.key = spans ? crm__window_names[CRM__WINDOW_M_UNIT] : step.key;
    if (!rc && spans)
        rc = read_unit(r, value[CRM__WINDOW_M_UNIT], &w->unit);
    crm__json_leave(r, &step);
    return rc;
}

int crm__json_window(crm__json_reader *r, const crm__json_given *m, crm__window *w)
{
    crm__step step;
    int rc;

    crm__json_enter(r, &step, crm__member_names[CRM__MEMBER_WINDOW], 0);
    rc = read_window(r, m->value[CRM__MEMBER_WINDOW], w);
    crm__json_leave(r, &step);
    return rc;
}

int crm__json_within(crm__json_reader *r, const crm__json *v, crm__node *n)
{
    const crm__json *value[CRM__WINDOW_MEMBERS] = {NULL};
    uint32_t given;
    int rc = crm__json_members(r, v, crm__window_names, CRM__WINDOW_MEMBERS, value, &given);

    if (!rc)
        rc = crm__json_check(
            r, given, CRM__MEMBER_BIT(CRM__WINDOW_M_COUNT) | CRM__MEMBER_BIT(CRM__WINDOW_M_UNIT), 0,
            crm__window_names);
    if (!rc)
        rc = read_count(r, value[CRM__WINDOW_M_COUNT], &n->within);
    return rc ? rc : read_unit(r, value[CRM__WINDOW_M_UNIT], &n->within_unit);
}

/* ---- comparisons ---- */

static int read_operand(crm__json_reader *r, const crm__subject *s, uint8_t cmp, const crm__json *v,
                        crm__operand *out)
{
    char room[CRM__JSON_MONEY];
    crm__field rule = s->rule;
    int rc;

    if (cmp == CRM__CMP_PREFIX || cmp == CRM__CMP_CONTAINS)
        rule.type = CRM_TYPE_TEXT;
    out->at = 0;
    rc = crm__json_value_text(&rule, v, room, &out->text, r->b.err);
    if (rc)
        return crm__build_place(&r->b, rc, 0);
    if (out->text.p != (const uint8_t *)room)
        return CRM_OK;
    out->text.p = crm__build_copy(&r->b, room, out->text.n);
    return out->text.p ? CRM_OK : crm__build_nomem(&r->b);
}

static int read_one(crm__json_reader *r, const crm__subject *s, uint8_t cmp, int negated,
                    const crm__json_given *m, crm__comparison *out)
{
    crm__operand o;
    crm__step step;
    int rc;

    crm__json_enter(r, &step, crm__member_names[CRM__MEMBER_VALUE], 0);
    rc = read_operand(r, s, cmp, m->value[CRM__MEMBER_VALUE], &o);
    if (!rc)
        rc = crm__build_compare(&r->b, s, cmp, negated, &o, 1, 0, out);
    crm__json_leave(r, &step);
    return rc;
}

static int read_list(crm__json_reader *r, const crm__subject *s, uint8_t cmp, int negated,
                     const crm__json_given *m, crm__comparison *out)
{
    const crm__json *v = m->value[CRM__MEMBER_VALUES];
    size_t n = crm__json_count(v);
    crm__operand *list;
    crm__step step, item;
    int rc = CRM_OK;

    crm__json_enter(r, &step, crm__member_names[CRM__MEMBER_VALUES], 0);
    if (crm__json_kind(v) != CRM__JSON_ARRAY || !n || (cmp == CRM__CMP_BETWEEN && n != 2))
        return CRM__JSON_BAD(r, cmp == CRM__CMP_BETWEEN ? "expected a list of two values"
                                                        : "expected a list of one value or more");
    if (n > CRM__SEGMENT_LIST)
        return CRM__JSON_BAD(r, "a list of more than %d values", (int)CRM__SEGMENT_LIST);
    list = crm__arena_alloc(&r->b.tree->arena, n * sizeof *list);
    if (!list)
        return crm__build_nomem(&r->b);
    for (size_t i = 0; i < n && !rc; i++) {
        crm__json_enter(r, &item, NULL, i);
        rc = read_operand(r, s, cmp, crm__json_item(v, i), &list[i]);
        crm__json_leave(r, &item);
    }
    if (!rc)
        rc = crm__build_compare(&r->b, s, cmp, negated, list, n, 0, out);
    crm__json_leave(r, &step);
    return rc;
}

int crm__json_comparison(crm__json_reader *r, const crm__subject *s, const crm__json_given *m,
                         uint32_t others, crm__comparison *out)
{
    crm__operand op;
    crm__member needed = CRM__MEMBER_VALUE;
    uint8_t cmp, negated;
    int window, rc = crm__json_check(r, m->given, others | CRM__MEMBER_BIT(CRM__MEMBER_OP),
                                     CRM__MEMBERS_COMPARED, crm__member_names);

    if (!rc)
        rc = crm__json_text_member(r, m, CRM__MEMBER_OP, &op);
    if (rc)
        return rc;
    if (!crm__op_find((const char *)op.text.p, op.text.n, &cmp, &negated))
        return CRM__JSON_BAD(r, "\"op\" is no operator, expected such as = or not in,");
    window = cmp == CRM__CMP_IN && (m->given & CRM__MEMBER_BIT(CRM__MEMBER_WINDOW));
    if (window)
        needed = CRM__MEMBER_WINDOW;
    else if (cmp == CRM__CMP_IN || cmp == CRM__CMP_BETWEEN)
        needed = CRM__MEMBER_VALUES;
    else if (cmp == CRM__CMP_EMPTY)
        needed = CRM__MEMBER_OP;
    rc = crm__json_check(r, m->given,
                         others | CRM__MEMBER_BIT(CRM__MEMBER_OP) | CRM__MEMBER_BIT(needed), 0,
                         crm__member_names);
    if (rc)
        return rc;
    if (window) {
        crm__window w;
        rc = crm__json_window(r, m, &w);
        return rc ? rc : crm__build_in_window(&r->b, s, CRM__CMP_WINDOW, negated, &w, 0, out);
    }
    if (needed == CRM__MEMBER_VALUES)
        return read_list(r, s, cmp, negated, m, out);
    if (needed == CRM__MEMBER_OP)
        return crm__build_compare(&r->b, s, cmp, negated, NULL, 0, 0, out);
    return read_one(r, s, cmp, negated, m, out);
}
