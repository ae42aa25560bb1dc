/* SPDX-License-Identifier: MIT
 * Text to tree: conditions on events.
 */
#include "segment/parse.h"

#include <crm/codes.h>
#include <string.h>

/* One window or one condition, behind the parenthesis or a comma. */
static int read_item(crm__parser *p, crm__event_spec *spec)
{
    crm__event_test test;
    crm__comparison c;
    crm__operand name;
    crm__subject s;
    int rc;

    if (crm__parse_at_window(p)) {
        if (spec->window.form)
            return crm__parse_expected(p, "one time, not two,");
        return crm__parse_window(p, &spec->window);
    }
    rc = crm__parse_name(p, "a time, an attribute or source", &name);
    if (!rc)
        rc = crm__build_test_subject(&p->b, spec->kind, &name, &s);
    if (!rc)
        rc = crm__parse_comparison(p, &s, &c);
    if (rc)
        return rc;
    memset(&test, 0, sizeof test);
    test.attribute = s.field;
    test.cmp = c.cmp;
    test.negated = c.negated;
    test.values = c.values;
    test.window = c.window;
    crm__buf_add(&p->list, &test, sizeof test);
    return p->list.failed ? crm__build_nomem(&p->b) : CRM_OK;
}

/* KIND or KIND.ATTRIBUTE; the separator is in force only up to its end, for numbers have points. */
static int read_kind(crm__parser *p, crm__event_spec *spec, const crm__field **attribute)
{
    crm__operand name;
    int rc;

    if (crm__parse_is(p, CRM__TOKEN_STAR)) {
        p->lex.separator = 0;
        if (attribute)
            return crm__parse_expected(p, "a kind of events and its attribute, such as "
                                          "order.amount,");
        return crm__parse_next(p);
    }
    if (!attribute) {
        rc = crm__parse_name(p, "a kind of events or *", &name);
        return rc ? rc : crm__build_kind(&p->b, &name, &spec->kind);
    }
    rc = crm__parse_name(p, "a kind of events", &name);
    if (!rc)
        rc = crm__build_kind(&p->b, &name, &spec->kind);
    if (!rc)
        rc = crm__parse_take(p, CRM__TOKEN_SEPARATOR, "\".\" and an attribute");
    p->lex.separator = 0;
    if (!rc)
        rc = crm__parse_name(p, "an attribute", &name);
    return rc ? rc : crm__build_attribute(&p->b, spec->kind, &name, attribute);
}

/* From the opening parenthesis to behind the closing one. */
int crm__parse_spec(crm__parser *p, crm__event_spec *spec, const crm__field **attribute)
{
    size_t base = p->list.n, at = crm__parse_now(p)->at;
    int rc;

    memset(spec, 0, sizeof *spec);
    p->lex.separator = attribute ? '.' : 0;
    rc = crm__parse_take(p, CRM__TOKEN_OPEN, "\"(\"");
    if (!rc)
        rc = read_kind(p, spec, attribute);
    p->lex.separator = 0;
    while (!rc && crm__parse_is(p, CRM__TOKEN_COMMA)) {
        rc = crm__parse_next(p);
        if (!rc)
            rc = read_item(p, spec);
    }
    if (!rc)
        rc = crm__parse_take(p, CRM__TOKEN_CLOSE, "a comma or \")\"");
    if (rc)
        return rc;
    rc = crm__build_tests(&p->b, (crm__event_test *)(void *)(p->list.p + base),
                          (p->list.n - base) / sizeof(crm__event_test), at, spec);
    p->list.n = base;
    return rc;
}

/* [not] followed by event(...) [within 90 days], where one of these words stands. */
static int read_sequence(crm__parser *p, crm__node *n)
{
    int rc = CRM_OK;

    n->op = CRM__NODE_SEQUENCE;
    n->aggregate = (crm__aggregate)0;
    n->negated = (uint8_t)crm__parse_word(p, CRM__WORD_NOT);
    if (n->negated)
        rc = crm__parse_next(p);
    if (!rc)
        rc = crm__parse_take_word(p, CRM__WORD_FOLLOWED);
    if (!rc)
        rc = crm__parse_take_word(p, CRM__WORD_BY);
    if (!rc)
        rc = crm__parse_take_word(p, CRM__WORD_EVENT);
    if (!rc)
        rc = crm__parse_spec(p, &n->then, NULL);
    if (rc || !crm__parse_word(p, CRM__WORD_WITHIN))
        return rc;
    rc = crm__parse_next(p);
    return rc ? rc : crm__parse_span(p, &n->within, &n->within_unit);
}

static int read_compared(crm__parser *p, crm__node *n, size_t attribute_at)
{
    crm__comparison c;
    crm__subject s;
    int rc = crm__build_aggregate(&p->b, n->aggregate, n->attribute, attribute_at, &s);

    if (!rc)
        rc = crm__parse_comparison(p, &s, &c);
    if (rc)
        return rc;
    n->cmp = c.cmp;
    n->negated = c.negated;
    n->values = c.values;
    n->window = c.window;
    return CRM_OK;
}

int crm__parse_events(crm__parser *p, const crm__node **out)
{
    uint8_t word = crm__parse_now(p)->word;
    size_t at = crm__parse_now(p)->at, inside;
    crm__node *n = crm__build_node(&p->b, CRM__NODE_EVENTS, at, at);
    int of_attribute = word >= CRM__WORD_SUM && word <= CRM__WORD_DISTINCT, rc;

    if (!n)
        return p->b.nodes == CRM__SEGMENT_NODES ? CRM_ESYNTAX : CRM_ENOMEM;
    n->aggregate = (crm__aggregate)(word - CRM__WORD_EVENT + CRM__AGG_EXISTS);
    rc = crm__parse_next(p);
    inside = crm__parse_now(p)->at + 1;
    if (!rc)
        rc = crm__parse_spec(p, &n->events, of_attribute ? &n->attribute : NULL);
    if (!rc && n->aggregate != CRM__AGG_EXISTS)
        rc = read_compared(p, n, inside);
    else if (!rc && (crm__parse_word(p, CRM__WORD_FOLLOWED) || crm__parse_word(p, CRM__WORD_NOT)))
        rc = read_sequence(p, n);
    n->length = (uint32_t)(p->lex.done - at);
    *out = n;
    return rc;
}
