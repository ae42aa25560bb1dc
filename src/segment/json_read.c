/* SPDX-License-Identifier: MIT
 * JSON to tree.  Strict: a member that is not known, or does not go with the others, is an error,
 * whose place is told as a JSON pointer.
 */
#include "segment/json_part.h"

#include <string.h>

/* ---- events ---- */

static int read_test(crm__json_reader *r, const crm__json *v, const crm__event_kind *kind,
                     crm__event_test *out)
{
    crm__json_given m = {{NULL}, 0};
    crm__comparison c;
    crm__operand name;
    crm__subject s;
    int rc = crm__json_members(r, v, crm__member_names, CRM__MEMBERS, m.value, &m.given);

    if (!rc)
        rc = crm__json_check(r, m.given, CRM__MEMBER_BIT(CRM__MEMBER_ATTRIBUTE),
                             CRM__MEMBERS_COMPARED, crm__member_names);
    if (!rc)
        rc = crm__json_text_member(r, &m, CRM__MEMBER_ATTRIBUTE, &name);
    if (!rc)
        rc = crm__build_test_subject(&r->b, kind, &name, &s);
    if (!rc)
        rc = crm__json_comparison(r, &s, &m, CRM__MEMBER_BIT(CRM__MEMBER_ATTRIBUTE), &c);
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

static int read_where(crm__json_reader *r, const crm__json *v, crm__event_spec *spec)
{
    size_t n = crm__json_count(v);
    crm__event_test *tests;
    crm__step step, item;
    int rc = CRM_OK;

    crm__json_enter(r, &step, crm__member_names[CRM__MEMBER_WHERE], 0);
    if (crm__json_kind(v) != CRM__JSON_ARRAY)
        return CRM__JSON_BAD(r, "expected a list");
    if (n > CRM__SEGMENT_LIST)
        return CRM__JSON_BAD(r, "more than %d conditions on one kind of events",
                             (int)CRM__SEGMENT_LIST);
    tests = crm__arena_alloc(&r->b.tree->arena, n * sizeof *tests);
    if (!tests)
        return crm__build_nomem(&r->b);
    for (size_t i = 0; i < n && !rc; i++) {
        crm__json_enter(r, &item, NULL, i);
        rc = read_test(r, crm__json_item(v, i), spec->kind, &tests[i]);
        crm__json_leave(r, &item);
    }
    crm__json_leave(r, &step);
    return rc ? rc : crm__build_tests(&r->b, tests, n, 0, spec);
}

static int read_kind(crm__json_reader *r, const crm__json_given *m, const crm__field **attribute,
                     crm__event_spec *spec)
{
    crm__operand name;
    int rc = crm__json_text_member(r, m, CRM__MEMBER_KIND, &name);

    if (rc)
        return rc;
    if (name.text.n == 1 && name.text.p[0] == '*')
        return attribute ? CRM__JSON_BAD(r, "an attribute is of one kind of events, not of *,")
                         : CRM_OK;
    rc = crm__build_kind(&r->b, &name, &spec->kind);
    if (!rc && attribute)
        rc = crm__json_text_member(r, m, CRM__MEMBER_ATTRIBUTE, &name);
    return rc || !attribute ? rc : crm__build_attribute(&r->b, spec->kind, &name, attribute);
}

static int read_spec(crm__json_reader *r, const crm__json_given *of, crm__member which,
                     crm__event_spec *spec, const crm__field **attribute)
{
    crm__json_given m = {{NULL}, 0};
    crm__step step;
    int rc;

    memset(spec, 0, sizeof *spec);
    crm__json_enter(r, &step, crm__member_names[which], 0);
    rc = crm__json_members(r, of->value[which], crm__member_names, CRM__MEMBERS, m.value, &m.given);
    if (!rc)
        rc = crm__json_check(r, m.given,
                             CRM__MEMBER_BIT(CRM__MEMBER_KIND) |
                                 (attribute ? CRM__MEMBER_BIT(CRM__MEMBER_ATTRIBUTE) : 0),
                             CRM__MEMBER_BIT(CRM__MEMBER_WINDOW) |
                                 CRM__MEMBER_BIT(CRM__MEMBER_WHERE),
                             crm__member_names);
    if (!rc)
        rc = read_kind(r, &m, attribute, spec);
    if (!rc && (m.given & CRM__MEMBER_BIT(CRM__MEMBER_WINDOW)))
        rc = crm__json_window(r, &m, &spec->window);
    if (!rc && (m.given & CRM__MEMBER_BIT(CRM__MEMBER_WHERE)))
        rc = read_where(r, m.value[CRM__MEMBER_WHERE], spec);
    crm__json_leave(r, &step);
    return rc;
}

static int read_sequence(crm__json_reader *r, const crm__json_given *m, crm__node *n)
{
    crm__member then = m->given & CRM__MEMBER_BIT(CRM__MEMBER_NOT_FOLLOWED)
                           ? CRM__MEMBER_NOT_FOLLOWED
                           : CRM__MEMBER_FOLLOWED;
    crm__step step;
    int rc =
        crm__json_check(r, m->given, CRM__MEMBER_BIT(CRM__MEMBER_EVENT) | CRM__MEMBER_BIT(then),
                        CRM__MEMBER_BIT(CRM__MEMBER_WITHIN), crm__member_names);

    if (!rc)
        rc = read_spec(r, m, CRM__MEMBER_EVENT, &n->events, NULL);
    if (!rc)
        rc = read_spec(r, m, then, &n->then, NULL);
    n->op = CRM__NODE_SEQUENCE;
    n->negated = then == CRM__MEMBER_NOT_FOLLOWED;
    if (rc || !(m->given & CRM__MEMBER_BIT(CRM__MEMBER_WITHIN)))
        return rc;
    crm__json_enter(r, &step, crm__member_names[CRM__MEMBER_WITHIN], 0);
    rc = crm__json_within(r, m->value[CRM__MEMBER_WITHIN], n);
    crm__json_leave(r, &step);
    return rc;
}

static void set_comparison(crm__node *n, const crm__comparison *c)
{
    n->cmp = c->cmp;
    n->negated = c->negated;
    n->values = c->values;
    n->window = c->window;
}

static int read_events(crm__json_reader *r, const crm__json_given *m, crm__member head,
                       crm__node *n)
{
    int of_attribute = head >= CRM__MEMBER_SUM && head <= CRM__MEMBER_DISTINCT, rc;
    crm__comparison c;
    crm__subject s;

    if (head == CRM__MEMBER_EVENT && m->given != CRM__MEMBER_BIT(CRM__MEMBER_EVENT))
        return read_sequence(r, m, n);
    n->aggregate = (crm__aggregate)(head - CRM__MEMBER_EVENT + CRM__AGG_EXISTS);
    rc = read_spec(r, m, head, &n->events, of_attribute ? &n->attribute : NULL);
    if (rc || head == CRM__MEMBER_EVENT)
        return rc;
    rc = crm__build_aggregate(&r->b, n->aggregate, n->attribute, 0, &s);
    if (!rc)
        rc = crm__json_comparison(r, &s, m, CRM__MEMBER_BIT(head), &c);
    if (!rc)
        set_comparison(n, &c);
    return rc;
}

/* ---- conditions ---- */

static int read_field(crm__json_reader *r, const crm__json_given *m, crm__member head, crm__node *n)
{
    crm__comparison c;
    crm__operand name;
    crm__subject s;
    crm__window w;
    int rc = crm__json_text_member(r, m, head, &name);

    if (!rc)
        rc = crm__build_field(&r->b, &name, &s);
    if (!rc)
        rc = crm__json_comparison(r, &s, m, CRM__MEMBER_BIT(head), &c);
    if (!rc && head == CRM__MEMBER_ANNIVERSARY) {
        if (c.cmp != CRM__CMP_WINDOW || !(m->given & CRM__MEMBER_BIT(CRM__MEMBER_WINDOW)))
            return CRM__JSON_BAD(r, "an anniversary is \"in\" or \"not in\" a \"window\",");
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
static int read_tag(crm__json_reader *r, const crm__json *v, crm__tag_name *out)
{
    crm__operand whole, dimension, path;
    const uint8_t *colon;
    int rc = crm__json_read_text(r, v, &whole);

    if (rc)
        return rc;
    colon = memchr(whole.text.p, ':', whole.text.n);
    if (!colon)
        return CRM__JSON_BAD(r, "expected a tag such as region:shanghai");
    dimension.text = (crm__slice){whole.text.p, (size_t)(colon - whole.text.p)};
    path.text = (crm__slice){colon + 1, whole.text.n - dimension.text.n - 1};
    dimension.at = path.at = 0;
    return crm__build_tag(&r->b, &dimension,
                          path.text.n == 1 && path.text.p[0] == '*' ? NULL : &path, out);
}

static int read_match(crm__json_reader *r, const crm__json_given *m, uint8_t *match)
{
    crm__operand o;
    int rc, i;

    *match = CRM__MATCH_ANY;
    if (!(m->given & CRM__MEMBER_BIT(CRM__MEMBER_MATCH)))
        return CRM_OK;
    rc = crm__json_text_member(r, m, CRM__MEMBER_MATCH, &o);
    if (rc)
        return rc;
    i = crm__json_one_of((const char *)o.text.p, crm__match_names, 4);
    if (i < CRM__MATCH_ANY)
        return CRM__JSON_BAD(r, "\"match\" is not any, all or none");
    *match = (uint8_t)i;
    return CRM_OK;
}

static int read_tags(crm__json_reader *r, const crm__json_given *m, crm__node *n)
{
    const crm__json *v = m->value[CRM__MEMBER_TAG];
    size_t count = crm__json_count(v);
    crm__tag_name *tags;
    crm__step step, item;
    int rc = crm__json_check(r, m->given, CRM__MEMBER_BIT(CRM__MEMBER_TAG),
                             CRM__MEMBER_BIT(CRM__MEMBER_MATCH), crm__member_names);

    if (!rc)
        rc = read_match(r, m, &n->match);
    if (rc)
        return rc;
    crm__json_enter(r, &step, crm__member_names[CRM__MEMBER_TAG], 0);
    if (crm__json_kind(v) != CRM__JSON_ARRAY || !count || count > CRM__SEGMENT_LIST)
        return CRM__JSON_BAD(r, "expected a list of 1 to %d tags", (int)CRM__SEGMENT_LIST);
    tags = crm__arena_alloc(&r->b.tree->arena, count * sizeof *tags);
    if (!tags)
        return crm__build_nomem(&r->b);
    for (size_t i = 0; i < count && !rc; i++) {
        crm__json_enter(r, &item, NULL, i);
        rc = read_tag(r, crm__json_item(v, i), &tags[i]);
        crm__json_leave(r, &item);
    }
    crm__json_leave(r, &step);
    n->tags = tags;
    n->tag_count = (uint32_t)count;
    return rc;
}

static int read_leaf(crm__json_reader *r, const crm__json_given *m, crm__member head, crm__node *n)
{
    static const uint8_t OPS[] = {CRM__NODE_ALL, CRM__NODE_NONE};
    crm__operand name;
    int rc;

    switch (head) {
    case CRM__MEMBER_ALL:
    case CRM__MEMBER_NONE:
        n->op = (crm__node_op)OPS[head - CRM__MEMBER_ALL];
        rc = crm__json_check(r, m->given, CRM__MEMBER_BIT(head), 0, crm__member_names);
        if (!rc && (crm__json_kind(m->value[head]) != CRM__JSON_BOOLEAN ||
                    crm__json_text(m->value[head]).p[0] != 't'))
            rc = CRM__JSON_BAD(r, "\"%s\" is not true", crm__member_names[head]);
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
        rc = crm__json_check(r, m->given, CRM__MEMBER_BIT(head), 0, crm__member_names);
        if (!rc)
            rc = crm__json_text_member(r, m, head, &name);
        return rc ? rc : crm__build_segment(&r->b, &name, &n->name);
    default:
        n->op = CRM__NODE_EVENTS;
        return read_events(r, m, head, n);
    }
}

/* ---- and, or, not ---- */

static int read_node(crm__json_reader *r, const crm__json *v, const crm__node **out);

static int read_children(crm__json_reader *r, const crm__json *v, crm__node_op op,
                         const crm__node **out)
{
    size_t base = r->nodes.n, n = crm__json_count(v);
    const crm__node *child;
    crm__step item;
    int rc;

    if (crm__json_kind(v) != CRM__JSON_ARRAY || !n)
        return CRM__JSON_BAD(r, "expected a list of conditions");
    for (size_t i = 0; i < n; i++) {
        crm__json_enter(r, &item, NULL, i);
        rc = read_node(r, crm__json_item(v, i), &child);
        if (rc)
            return rc;
        crm__json_leave(r, &item);
        crm__buf_add(&r->nodes, &child, sizeof child);
        if (r->nodes.failed)
            return crm__build_nomem(&r->b);
    }
    r->nodes.n = base;
    return crm__build_group(&r->b, op, (const crm__node *const *)(void *)(r->nodes.p + base), n, 0,
                            0, out);
}

static int read_group(crm__json_reader *r, const crm__json_given *m, crm__member head,
                      const crm__node **out)
{
    crm__step step;
    int rc = crm__json_check(r, m->given, CRM__MEMBER_BIT(head), 0, crm__member_names);

    if (rc)
        return rc;
    crm__json_enter(r, &step, crm__member_names[head], 0);
    if (head == CRM__MEMBER_NOT) {
        rc = read_node(r, m->value[head], out);
        if (!rc)
            rc = crm__build_group(&r->b, CRM__NODE_NOT, out, 1, 0, 0, out);
    } else {
        rc = read_children(r, m->value[head],
                           head == CRM__MEMBER_AND ? CRM__NODE_AND : CRM__NODE_OR, out);
    }
    if (!rc)
        crm__json_leave(r, &step);
    return rc;
}

static int read_node(crm__json_reader *r, const crm__json *v, const crm__node **out)
{
    crm__json_given m = {{NULL}, 0};
    uint32_t heads;
    crm__member head;
    crm__node *n;
    int rc = crm__json_members(r, v, crm__member_names, CRM__MEMBERS, m.value, &m.given);

    if (rc)
        return rc;
    heads = m.given & (CRM__MEMBER_BIT(CRM__MEMBER_MATCH) - 1);
    if (!heads)
        return CRM__JSON_BAD(r, "expected a condition such as {\"field\":...} or {\"and\":[...]}");
    head = (crm__member)__builtin_ctz(heads);
    if (heads & (heads - 1))
        return CRM__JSON_BAD(r, "\"%s\" and \"%s\" are two conditions in one object",
                             crm__member_names[head],
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
    crm__json_reader r;
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
