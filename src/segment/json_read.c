/* SPDX-License-Identifier: MIT
 * JSON to tree.  Strict: a member that is not known, or does not go with the others, is an error,
 * whose place is told as a JSON pointer.
 */
#include "segment/json.h"

#include "base/error.h"
#include "codec/json.h"
#include "model/json_value.h"
#include "segment/lex.h"

#include <crm/codes.h>
#include <string.h>

typedef struct reader {
    crm__build b;
    crm__buf nodes; /* stack, as of the text's reader */
} reader;

/* Members of one object. */
typedef struct members {
    const crm__json *value[CRM__MEMBERS];
    uint32_t given; /* mask; a null is given, too */
} members;

#define BIT(m) (UINT32_C(1) << (m))
#define COMPARED                                                                                   \
    (BIT(CRM__MEMBER_OP) | BIT(CRM__MEMBER_VALUE) | BIT(CRM__MEMBER_VALUES) |                      \
     BIT(CRM__MEMBER_WINDOW))

#define BAD(r, ...) crm__build_fail(&(r)->b, CRM_ESYNTAX, 0, __VA_ARGS__)

/* ---- places and members ---- */

/* Goes into a member or an item; leave() comes back, also from an error further in. */
static void enter(reader *r, crm__step *step, const char *key, size_t index)
{
    step->up = r->b.path;
    step->key = key;
    step->index = index;
    r->b.path = step;
}

static void leave(reader *r, const crm__step *step)
{
    r->b.path = step->up;
}

static int one_of(const char *key, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(key, names[i]) == 0)
            return i;
    }
    return -1;
}

/* Members of an object, all of them among `names`. */
static int read_members(reader *r, const crm__json *v, const char *const *names, int count,
                        const crm__json **values, uint32_t *given)
{
    const crm__json *value;
    const void *at = NULL;
    const char *key;

    *given = 0;
    if (crm__json_kind(v) != CRM__JSON_OBJECT)
        return BAD(r, "expected an object");
    while (crm__json_next(v, &at, &key, &value)) {
        int i = one_of(key, names, count);
        if (i < 0)
            return BAD(r, "a member that is not known, in an object");
        values[i] = value;
        *given |= BIT(i);
    }
    return CRM_OK;
}

/* All that is given is allowed, all that is needed is given. */
static int check_members(reader *r, uint32_t given, uint32_t needed, uint32_t allowed,
                         const char *const *names)
{
    uint32_t missing = needed & ~given, extra = given & ~(needed | allowed);

    if (missing)
        return BAD(r, "\"%s\" is missing", names[__builtin_ctz(missing)]);
    if (extra)
        return BAD(r, "\"%s\" does not go with the other members", names[__builtin_ctz(extra)]);
    return CRM_OK;
}

static int read_text(reader *r, const crm__json *v, crm__operand *out)
{
    if (crm__json_kind(v) != CRM__JSON_STRING)
        return BAD(r, "expected a string");
    out->text = crm__json_text(v);
    out->at = 0;
    return CRM_OK;
}

static int text_member(reader *r, const members *m, crm__member which, crm__operand *out)
{
    crm__step step;
    int rc;

    enter(r, &step, crm__member_names[which], 0);
    rc = read_text(r, m->value[which], out);
    leave(r, &step);
    return rc;
}

/* ---- windows ---- */

static int read_count(reader *r, const crm__json *v, uint32_t *out)
{
    crm__operand number;

    if (crm__json_kind(v) != CRM__JSON_NUMBER)
        return BAD(r, "expected a number");
    number.text = crm__json_text(v);
    number.at = 0;
    return crm__build_count(&r->b, &number, out);
}

static int read_unit(reader *r, const crm__json *v, uint8_t *out)
{
    crm__slice s = crm__json_text(v);
    uint8_t word = CRM__WORD_NONE_OF_THEM;

    if (crm__json_kind(v) == CRM__JSON_STRING)
        word = crm__word_find((const char *)s.p, s.n);
    if (word < CRM__WORD_MINUTE)
        return BAD(r, "expected a unit from minute to year");
    *out = (uint8_t)(word - CRM__WORD_MINUTE + CRM__UNIT_MINUTE);
    return CRM_OK;
}

static int read_between(reader *r, const crm__json *v, crm__window *w)
{
    crm__operand points[2];
    int rc = CRM_OK;

    if (crm__json_kind(v) != CRM__JSON_ARRAY || crm__json_count(v) != 2)
        return BAD(r, "expected a list of two dates");
    for (size_t i = 0; i < 2 && !rc; i++)
        rc = read_text(r, crm__json_item(v, i), &points[i]);
    return rc ? rc : crm__build_between(&r->b, &points[0], &points[1], w);
}

static int read_edge(reader *r, const crm__json *v, int m, crm__window *w)
{
    crm__operand point;
    int rc;

    if (m == CRM__WINDOW_M_BETWEEN)
        return read_between(r, v, w);
    rc = read_text(r, v, &point);
    if (rc)
        return rc;
    if (m == CRM__WINDOW_M_ON)
        return crm__build_on(&r->b, &point, w);
    w->form = m == CRM__WINDOW_M_SINCE ? CRM__WINDOW_SINCE : CRM__WINDOW_BEFORE;
    return crm__build_point(&r->b, &point, m == CRM__WINDOW_M_SINCE ? &w->from : &w->until);
}

static int read_window(reader *r, const crm__json *v, crm__window *w)
{
    const crm__json *value[CRM__WINDOW_MEMBERS] = {NULL};
    crm__step step;
    uint32_t given, heads;
    int m, rc = read_members(r, v, crm__window_names, CRM__WINDOW_MEMBERS, value, &given), spans;

    memset(w, 0, sizeof *w);
    if (rc)
        return rc;
    heads = given & (BIT(CRM__WINDOW_M_COUNT) - 1);
    if (!heads)
        return BAD(r, "expected a time such as {\"last\":3,\"unit\":\"month\"}");
    m = __builtin_ctz(heads);
    spans = m <= CRM__WINDOW_M_COMING && m != CRM__WINDOW_M_THIS;
    rc = check_members(r, given, BIT(m) | (spans ? BIT(CRM__WINDOW_M_UNIT) : 0), 0,
                       crm__window_names);
    if (rc)
        return rc;
    enter(r, &step, crm__window_names[m], 0);
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
    leave(r, &step);
    return rc;
}

static int window_member(reader *r, const members *m, crm__window *w)
{
    crm__step step;
    int rc;

    enter(r, &step, crm__member_names[CRM__MEMBER_WINDOW], 0);
    rc = read_window(r, m->value[CRM__MEMBER_WINDOW], w);
    leave(r, &step);
    return rc;
}

/* {"count":90,"unit":"day"} */
static int read_within(reader *r, const crm__json *v, crm__node *n)
{
    const crm__json *value[CRM__WINDOW_MEMBERS] = {NULL};
    uint32_t given;
    int rc = read_members(r, v, crm__window_names, CRM__WINDOW_MEMBERS, value, &given);

    if (!rc)
        rc = check_members(r, given, BIT(CRM__WINDOW_M_COUNT) | BIT(CRM__WINDOW_M_UNIT), 0,
                           crm__window_names);
    if (!rc)
        rc = read_count(r, value[CRM__WINDOW_M_COUNT], &n->within);
    return rc ? rc : read_unit(r, value[CRM__WINDOW_M_UNIT], &n->within_unit);
}

/* ---- comparisons ---- */

static int read_operand(reader *r, const crm__subject *s, uint8_t cmp, const crm__json *v,
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

static int read_one(reader *r, const crm__subject *s, uint8_t cmp, int negated, const members *m,
                    crm__comparison *out)
{
    crm__operand o;
    crm__step step;
    int rc;

    enter(r, &step, crm__member_names[CRM__MEMBER_VALUE], 0);
    rc = read_operand(r, s, cmp, m->value[CRM__MEMBER_VALUE], &o);
    if (!rc)
        rc = crm__build_compare(&r->b, s, cmp, negated, &o, 1, 0, out);
    leave(r, &step);
    return rc;
}

static int read_list(reader *r, const crm__subject *s, uint8_t cmp, int negated, const members *m,
                     crm__comparison *out)
{
    const crm__json *v = m->value[CRM__MEMBER_VALUES];
    size_t n = crm__json_count(v);
    crm__operand *list;
    crm__step step, item;
    int rc = CRM_OK;

    enter(r, &step, crm__member_names[CRM__MEMBER_VALUES], 0);
    if (crm__json_kind(v) != CRM__JSON_ARRAY || !n || (cmp == CRM__CMP_BETWEEN && n != 2))
        return BAD(r, cmp == CRM__CMP_BETWEEN ? "expected a list of two values"
                                              : "expected a list of one value or more");
    if (n > CRM__SEGMENT_LIST)
        return BAD(r, "a list of more than %d values", (int)CRM__SEGMENT_LIST);
    list = crm__arena_alloc(&r->b.tree->arena, n * sizeof *list);
    if (!list)
        return crm__build_nomem(&r->b);
    for (size_t i = 0; i < n && !rc; i++) {
        enter(r, &item, NULL, i);
        rc = read_operand(r, s, cmp, crm__json_item(v, i), &list[i]);
        leave(r, &item);
    }
    if (!rc)
        rc = crm__build_compare(&r->b, s, cmp, negated, list, n, 0, out);
    leave(r, &step);
    return rc;
}

/* Members op and what belongs to it; the others have been looked at. */
static int read_comparison(reader *r, const crm__subject *s, const members *m, uint32_t others,
                           crm__comparison *out)
{
    crm__operand op;
    crm__member needed = CRM__MEMBER_VALUE;
    uint8_t cmp, negated;
    int window,
        rc = check_members(r, m->given, others | BIT(CRM__MEMBER_OP), COMPARED, crm__member_names);

    if (!rc)
        rc = text_member(r, m, CRM__MEMBER_OP, &op);
    if (rc)
        return rc;
    if (!crm__op_find((const char *)op.text.p, op.text.n, &cmp, &negated))
        return BAD(r, "\"op\" is no operator, expected such as = or not in,");
    window = cmp == CRM__CMP_IN && (m->given & BIT(CRM__MEMBER_WINDOW));
    if (window)
        needed = CRM__MEMBER_WINDOW;
    else if (cmp == CRM__CMP_IN || cmp == CRM__CMP_BETWEEN)
        needed = CRM__MEMBER_VALUES;
    else if (cmp == CRM__CMP_EMPTY)
        needed = CRM__MEMBER_OP;
    rc = check_members(r, m->given, others | BIT(CRM__MEMBER_OP) | BIT(needed), 0,
                       crm__member_names);
    if (rc)
        return rc;
    if (window) {
        crm__window w;
        rc = window_member(r, m, &w);
        return rc ? rc : crm__build_in_window(&r->b, s, CRM__CMP_WINDOW, negated, &w, 0, out);
    }
    if (needed == CRM__MEMBER_VALUES)
        return read_list(r, s, cmp, negated, m, out);
    if (needed == CRM__MEMBER_OP)
        return crm__build_compare(&r->b, s, cmp, negated, NULL, 0, 0, out);
    return read_one(r, s, cmp, negated, m, out);
}

/* ---- events ---- */

static int read_test(reader *r, const crm__json *v, const crm__event_kind *kind,
                     crm__event_test *out)
{
    members m = {{NULL}, 0};
    crm__comparison c;
    crm__operand name;
    crm__subject s;
    int rc = read_members(r, v, crm__member_names, CRM__MEMBERS, m.value, &m.given);

    if (!rc)
        rc = check_members(r, m.given, BIT(CRM__MEMBER_ATTRIBUTE), COMPARED, crm__member_names);
    if (!rc)
        rc = text_member(r, &m, CRM__MEMBER_ATTRIBUTE, &name);
    if (!rc)
        rc = crm__build_test_subject(&r->b, kind, &name, &s);
    if (!rc)
        rc = read_comparison(r, &s, &m, BIT(CRM__MEMBER_ATTRIBUTE), &c);
    if (rc)
        return rc;
    memset(out, 0, sizeof *out);
    out->attribute = s.field;
    out->cmp = c.cmp;
    out->negated = c.negated;
    out->values = c.values;
    out->window = c.window;
    return CRM_OK;
}

static int read_where(reader *r, const crm__json *v, crm__event_spec *spec)
{
    size_t n = crm__json_count(v);
    crm__event_test *tests;
    crm__step step, item;
    int rc = CRM_OK;

    enter(r, &step, crm__member_names[CRM__MEMBER_WHERE], 0);
    if (crm__json_kind(v) != CRM__JSON_ARRAY)
        return BAD(r, "expected a list");
    if (n > CRM__SEGMENT_LIST)
        return BAD(r, "more than %d conditions on one kind of events", (int)CRM__SEGMENT_LIST);
    tests = crm__arena_alloc(&r->b.tree->arena, n * sizeof *tests);
    if (!tests)
        return crm__build_nomem(&r->b);
    for (size_t i = 0; i < n && !rc; i++) {
        enter(r, &item, NULL, i);
        rc = read_test(r, crm__json_item(v, i), spec->kind, &tests[i]);
        leave(r, &item);
    }
    leave(r, &step);
    return rc ? rc : crm__build_tests(&r->b, tests, n, 0, spec);
}

static int read_kind(reader *r, const members *m, const crm__field **attribute,
                     crm__event_spec *spec)
{
    crm__operand name;
    int rc = text_member(r, m, CRM__MEMBER_KIND, &name);

    if (rc)
        return rc;
    if (name.text.n == 1 && name.text.p[0] == '*')
        return attribute ? BAD(r, "an attribute is of one kind of events, not of *,") : CRM_OK;
    rc = crm__build_kind(&r->b, &name, &spec->kind);
    if (!rc && attribute)
        rc = text_member(r, m, CRM__MEMBER_ATTRIBUTE, &name);
    return rc || !attribute ? rc : crm__build_attribute(&r->b, spec->kind, &name, attribute);
}

static int read_spec(reader *r, const members *of, crm__member which, crm__event_spec *spec,
                     const crm__field **attribute)
{
    members m = {{NULL}, 0};
    crm__step step;
    int rc;

    memset(spec, 0, sizeof *spec);
    enter(r, &step, crm__member_names[which], 0);
    rc = read_members(r, of->value[which], crm__member_names, CRM__MEMBERS, m.value, &m.given);
    if (!rc)
        rc = check_members(r, m.given,
                           BIT(CRM__MEMBER_KIND) | (attribute ? BIT(CRM__MEMBER_ATTRIBUTE) : 0),
                           BIT(CRM__MEMBER_WINDOW) | BIT(CRM__MEMBER_WHERE), crm__member_names);
    if (!rc)
        rc = read_kind(r, &m, attribute, spec);
    if (!rc && (m.given & BIT(CRM__MEMBER_WINDOW)))
        rc = window_member(r, &m, &spec->window);
    if (!rc && (m.given & BIT(CRM__MEMBER_WHERE)))
        rc = read_where(r, m.value[CRM__MEMBER_WHERE], spec);
    leave(r, &step);
    return rc;
}

static int read_sequence(reader *r, const members *m, crm__node *n)
{
    crm__member then =
        m->given & BIT(CRM__MEMBER_NOT_FOLLOWED) ? CRM__MEMBER_NOT_FOLLOWED : CRM__MEMBER_FOLLOWED;
    crm__step step;
    int rc = check_members(r, m->given, BIT(CRM__MEMBER_EVENT) | BIT(then), BIT(CRM__MEMBER_WITHIN),
                           crm__member_names);

    if (!rc)
        rc = read_spec(r, m, CRM__MEMBER_EVENT, &n->events, NULL);
    if (!rc)
        rc = read_spec(r, m, then, &n->then, NULL);
    n->op = CRM__NODE_SEQUENCE;
    n->negated = then == CRM__MEMBER_NOT_FOLLOWED;
    if (rc || !(m->given & BIT(CRM__MEMBER_WITHIN)))
        return rc;
    enter(r, &step, crm__member_names[CRM__MEMBER_WITHIN], 0);
    rc = read_within(r, m->value[CRM__MEMBER_WITHIN], n);
    leave(r, &step);
    return rc;
}

static void set_comparison(crm__node *n, const crm__comparison *c)
{
    n->cmp = c->cmp;
    n->negated = c->negated;
    n->values = c->values;
    n->window = c->window;
}

static int read_events(reader *r, const members *m, crm__member head, crm__node *n)
{
    int of_attribute = head >= CRM__MEMBER_SUM && head <= CRM__MEMBER_DISTINCT, rc;
    crm__comparison c;
    crm__subject s;

    if (head == CRM__MEMBER_EVENT && m->given != BIT(CRM__MEMBER_EVENT))
        return read_sequence(r, m, n);
    n->aggregate = (crm__aggregate)(head - CRM__MEMBER_EVENT + CRM__AGG_EXISTS);
    rc = read_spec(r, m, head, &n->events, of_attribute ? &n->attribute : NULL);
    if (rc || head == CRM__MEMBER_EVENT)
        return rc;
    rc = crm__build_aggregate(&r->b, n->aggregate, n->attribute, 0, &s);
    if (!rc)
        rc = read_comparison(r, &s, m, BIT(head), &c);
    if (!rc)
        set_comparison(n, &c);
    return rc;
}

/* ---- conditions ---- */

static int read_field(reader *r, const members *m, crm__member head, crm__node *n)
{
    crm__comparison c;
    crm__operand name;
    crm__subject s;
    crm__window w;
    int rc = text_member(r, m, head, &name);

    if (!rc)
        rc = crm__build_field(&r->b, &name, &s);
    if (!rc)
        rc = read_comparison(r, &s, m, BIT(head), &c);
    if (!rc && head == CRM__MEMBER_ANNIVERSARY) {
        if (c.cmp != CRM__CMP_WINDOW || !(m->given & BIT(CRM__MEMBER_WINDOW)))
            return BAD(r, "an anniversary is \"in\" or \"not in\" a \"window\",");
        w = c.window;
        rc = crm__build_in_window(&r->b, &s, CRM__CMP_ANNIVERSARY, c.negated, &w, 0, &c);
    }
    if (rc)
        return rc;
    n->builtin = s.builtin;
    n->field = s.field;
    set_comparison(n, &c);
    return CRM_OK;
}

/* "dimension:path" or "dimension:*" */
static int read_tag(reader *r, const crm__json *v, crm__tag_name *out)
{
    crm__operand whole, dimension, path;
    const uint8_t *colon;
    int rc = read_text(r, v, &whole);

    if (rc)
        return rc;
    colon = memchr(whole.text.p, ':', whole.text.n);
    if (!colon)
        return BAD(r, "expected a tag such as region:shanghai");
    dimension.text = (crm__slice){whole.text.p, (size_t)(colon - whole.text.p)};
    path.text = (crm__slice){colon + 1, whole.text.n - dimension.text.n - 1};
    dimension.at = path.at = 0;
    return crm__build_tag(&r->b, &dimension,
                          path.text.n == 1 && path.text.p[0] == '*' ? NULL : &path, out);
}

static int read_match(reader *r, const members *m, uint8_t *match)
{
    crm__operand o;
    int rc, i;

    *match = CRM__MATCH_ANY;
    if (!(m->given & BIT(CRM__MEMBER_MATCH)))
        return CRM_OK;
    rc = text_member(r, m, CRM__MEMBER_MATCH, &o);
    if (rc)
        return rc;
    i = one_of((const char *)o.text.p, crm__match_names, 4);
    if (i < CRM__MATCH_ANY)
        return BAD(r, "\"match\" is not any, all or none");
    *match = (uint8_t)i;
    return CRM_OK;
}

static int read_tags(reader *r, const members *m, crm__node *n)
{
    const crm__json *v = m->value[CRM__MEMBER_TAG];
    size_t count = crm__json_count(v);
    crm__tag_name *tags;
    crm__step step, item;
    int rc =
        check_members(r, m->given, BIT(CRM__MEMBER_TAG), BIT(CRM__MEMBER_MATCH), crm__member_names);

    if (!rc)
        rc = read_match(r, m, &n->match);
    if (rc)
        return rc;
    enter(r, &step, crm__member_names[CRM__MEMBER_TAG], 0);
    if (crm__json_kind(v) != CRM__JSON_ARRAY || !count || count > CRM__SEGMENT_LIST)
        return BAD(r, "expected a list of 1 to %d tags", (int)CRM__SEGMENT_LIST);
    tags = crm__arena_alloc(&r->b.tree->arena, count * sizeof *tags);
    if (!tags)
        return crm__build_nomem(&r->b);
    for (size_t i = 0; i < count && !rc; i++) {
        enter(r, &item, NULL, i);
        rc = read_tag(r, crm__json_item(v, i), &tags[i]);
        leave(r, &item);
    }
    leave(r, &step);
    n->tags = tags;
    n->tag_count = (uint32_t)count;
    return rc;
}

static int read_leaf(reader *r, const members *m, crm__member head, crm__node *n)
{
    static const uint8_t OPS[] = {CRM__NODE_ALL, CRM__NODE_NONE};
    crm__operand name;
    int rc;

    switch (head) {
    case CRM__MEMBER_ALL:
    case CRM__MEMBER_NONE:
        n->op = (crm__node_op)OPS[head - CRM__MEMBER_ALL];
        rc = check_members(r, m->given, BIT(head), 0, crm__member_names);
        if (!rc && (crm__json_kind(m->value[head]) != CRM__JSON_BOOLEAN ||
                    crm__json_text(m->value[head]).p[0] != 't'))
            rc = BAD(r, "\"%s\" is not true", crm__member_names[head]);
        return rc;
    case CRM__MEMBER_TAG:
        n->op = CRM__NODE_TAG;
        return read_tags(r, m, n);
    case CRM__MEMBER_FIELD:
    case CRM__MEMBER_ANNIVERSARY:
        n->op = CRM__NODE_FIELD;
        return read_field(r, m, head, n);
    case CRM__MEMBER_SEGMENT:
        n->op = CRM__NODE_SEGMENT;
        rc = check_members(r, m->given, BIT(head), 0, crm__member_names);
        if (!rc)
            rc = text_member(r, m, head, &name);
        return rc ? rc : crm__build_segment(&r->b, &name, &n->name);
    default:
        n->op = CRM__NODE_EVENTS;
        return read_events(r, m, head, n);
    }
}

/* ---- and, or, not ---- */

static int read_node(reader *r, const crm__json *v, const crm__node **out);

static int read_children(reader *r, const crm__json *v, crm__node_op op, const crm__node **out)
{
    size_t base = r->nodes.n, n = crm__json_count(v);
    const crm__node *child;
    crm__step item;
    int rc;

    if (crm__json_kind(v) != CRM__JSON_ARRAY || !n)
        return BAD(r, "expected a list of conditions");
    for (size_t i = 0; i < n; i++) {
        enter(r, &item, NULL, i);
        rc = read_node(r, crm__json_item(v, i), &child);
        if (rc)
            return rc;
        leave(r, &item);
        crm__buf_add(&r->nodes, &child, sizeof child);
        if (r->nodes.failed)
            return crm__build_nomem(&r->b);
    }
    r->nodes.n = base;
    return crm__build_group(&r->b, op, (const crm__node *const *)(void *)(r->nodes.p + base), n, 0,
                            0, out);
}

static int read_group(reader *r, const members *m, crm__member head, const crm__node **out)
{
    crm__step step;
    int rc = check_members(r, m->given, BIT(head), 0, crm__member_names);

    if (rc)
        return rc;
    enter(r, &step, crm__member_names[head], 0);
    if (head == CRM__MEMBER_NOT) {
        rc = read_node(r, m->value[head], out);
        if (!rc)
            rc = crm__build_group(&r->b, CRM__NODE_NOT, out, 1, 0, 0, out);
    } else {
        rc = read_children(r, m->value[head],
                           head == CRM__MEMBER_AND ? CRM__NODE_AND : CRM__NODE_OR, out);
    }
    if (!rc)
        leave(r, &step);
    return rc;
}

static int read_node(reader *r, const crm__json *v, const crm__node **out)
{
    members m = {{NULL}, 0};
    uint32_t heads;
    crm__member head;
    crm__node *n;
    int rc = read_members(r, v, crm__member_names, CRM__MEMBERS, m.value, &m.given);

    if (rc)
        return rc;
    heads = m.given & (BIT(CRM__MEMBER_MATCH) - 1);
    if (!heads)
        return BAD(r, "expected a condition such as {\"field\":...} or {\"and\":[...]}");
    head = (crm__member)__builtin_ctz(heads);
    if (heads & (heads - 1))
        return BAD(r, "\"%s\" and \"%s\" are two conditions in one object", crm__member_names[head],
                   crm__member_names[__builtin_ctz(heads & (heads - 1))]);
    if (head >= CRM__MEMBER_AND && head <= CRM__MEMBER_NOT)
        return read_group(r, &m, head, out);
    n = crm__build_node(&r->b, CRM__NODE_ALL, 0, 0);
    if (!n)
        return r->b.nodes == CRM__SEGMENT_NODES ? CRM_ESYNTAX : CRM_ENOMEM;
    *out = n;
    return read_leaf(r, &m, head, n);
}

int crm__tree_parse_json(const crm_allocator *mem, crm__model *m, const crm__zone *zone,
                         const char *json, size_t n, crm__tree **out, crm_error *err)
{
    const crm__node *root = NULL;
    crm__json *v;
    reader r;
    int rc;

    *out = NULL;
    if (n > CRM__SEGMENT_JSON_BYTES)
        return crm__fail_at(err, CRM_ESYNTAX, -1, CRM__SEGMENT_JSON_BYTES,
                            "segment: longer than %d bytes", (int)CRM__SEGMENT_JSON_BYTES);
    rc = crm__json_parse_deep(mem, json, n, CRM__SEGMENT_JSON_LEVELS, &v, err);
    if (rc)
        return rc;
    memset(&r, 0, sizeof r);
    rc = crm__build_open(&r.b, mem, m, zone, err);
    if (rc) {
        crm__json_free(v);
        return rc;
    }
    r.b.json = 1;
    crm__buf_init(&r.nodes, r.b.tree->mem);
    rc = read_node(&r, v, &root);
    r.b.path = NULL;
    crm__buf_clear(&r.nodes);
    crm__json_free(v);
    return crm__build_close(&r.b, rc, root, n, out);
}
