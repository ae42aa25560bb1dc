/* SPDX-License-Identifier: MIT
 * Tree to canonical text: keys of the model, keywords in lower case, ASCII marks, parentheses where
 * the order of and, or, not needs them.
 */
#include "base/time.h"
#include "segment/build.h"
#include "segment/lex.h"

#include "base/bytes.h"
#include "base/utf8.h"

#include <crm/codes.h>
#include <string.h>

/* ---- words ---- */

/* In quotes; what a reader of the text would not see as it is becomes \u. */
static void put_string(crm__buf *out, crm__slice s)
{
    const char *p = (const char *)s.p, *end = p + s.n;

    crm__buf_add_u8(out, '"');
    while (p < end) {
        const char *from = p;
        uint32_t c = crm__utf8_next(&p, end);
        if (c == '"' || c == '\\') {
            crm__buf_add_u8(out, '\\');
            crm__buf_add_u8(out, c);
        } else if (c == '\n') {
            crm__buf_add_str(out, "\\n");
        } else if (c == '\t') {
            crm__buf_add_str(out, "\\t");
        } else if (c == '\r') {
            crm__buf_add_str(out, "\\r");
        } else if (c < 0x20 || c == 0x7f) {
            crm__buf_add_fmt(out, "\\u%04x", (unsigned)c);
        } else {
            crm__buf_add(out, from, (size_t)(p - from));
        }
    }
    crm__buf_add_u8(out, '"');
}

static void put_word(crm__buf *out, crm__slice s, char separator, int keywords)
{
    const char *p = (const char *)s.p;
    uint8_t word = crm__word_find(p, s.n);
    int taken = keywords ? word != 0
                         : word == CRM__WORD_AND || word == CRM__WORD_OR || word == CRM__WORD_NOT;

    if (taken || !crm__word_is_bare(p, s.n, separator))
        put_string(out, s);
    else
        crm__buf_add(out, s.p, s.n);
}

void crm__print_key(crm__buf *out, const char *key)
{
    put_word(out, (crm__slice){(const uint8_t *)key, strlen(key)}, 0, 1);
}

static void put_value(crm__buf *out, const crm__value *v, crm__slice text)
{
    switch (v->type) {
    case CRM_TYPE_TEXT:
    case CRM_TYPE_EMAIL:
    case CRM_TYPE_PHONE:
    case CRM_TYPE_URL:
    case CRM_TYPE_ACTOR:
        put_string(out, text);
        break;
    case CRM_TYPE_MONEY: /* two words */
        crm__buf_add(out, text.p, text.n);
        break;
    default:
        put_word(out, text, 0, 0);
    }
}

/* ---- windows ---- */

static void put_point(crm__buf *out, const crm__point *p)
{
    char text[40];
    size_t n = p->date ? crm__date_format(p->date, text) : crm__datetime_format(p->us, text);

    crm__buf_add(out, text, n);
}

static void put_span(crm__buf *out, uint32_t count, uint8_t unit)
{
    crm__buf_add_fmt(out, "%u %s%s", (unsigned)count,
                     crm__word_text((uint8_t)(CRM__WORD_MINUTE + unit - CRM__UNIT_MINUTE)),
                     count == 1 ? "" : "s");
}

static void put_calendar(crm__buf *out, const crm__window *w)
{
    static const char *const DAYS[] = {"today", "yesterday", "tomorrow"};
    static const char *const FORMS[] = {"this ", "previous ", "coming "};
    unsigned i = (unsigned)w->form - CRM__WINDOW_THIS;

    if (w->unit == CRM__UNIT_DAY && w->count <= 1) {
        crm__buf_add_str(out, DAYS[i]);
        return;
    }
    crm__buf_add_str(out, FORMS[i]);
    if (w->count > 1)
        put_span(out, w->count, w->unit);
    else
        crm__buf_add_str(out, crm__word_text((uint8_t)(CRM__WORD_MINUTE + w->unit - 1)));
}

void crm__print_window(crm__buf *out, const crm__window *w)
{
    switch (w->form) {
    case CRM__WINDOW_LAST:
    case CRM__WINDOW_NEXT:
        crm__buf_add_str(out, w->form == CRM__WINDOW_LAST ? "last " : "next ");
        put_span(out, w->count, w->unit);
        break;
    case CRM__WINDOW_THIS:
    case CRM__WINDOW_PREVIOUS:
    case CRM__WINDOW_COMING:
        put_calendar(out, w);
        break;
    case CRM__WINDOW_SINCE:
        crm__buf_add_str(out, "since ");
        put_point(out, &w->from);
        break;
    case CRM__WINDOW_BEFORE:
        crm__buf_add_str(out, "before ");
        put_point(out, &w->until);
        break;
    default:
        crm__buf_add_str(out, w->on ? "on " : "between ");
        put_point(out, &w->from);
        if (w->on)
            break;
        crm__buf_add_str(out, " and ");
        put_point(out, &w->until);
    }
}

/* `in` stands before what is a length or unit of time, not before what is a comparison itself. */
static int takes_in(const crm__window *w)
{
    if (w->form == CRM__WINDOW_LAST || w->form == CRM__WINDOW_NEXT)
        return 1;
    return w->form >= CRM__WINDOW_THIS && w->form <= CRM__WINDOW_COMING &&
           !(w->unit == CRM__UNIT_DAY && w->count <= 1);
}

/* ---- comparisons ---- */

static void put_list(crm__buf *out, const crm__node_values *values)
{
    crm__buf_add_u8(out, '(');
    for (uint32_t i = 0; i < values->count; i++) {
        crm__buf_add_str(out, i ? ", " : "");
        put_value(out, &values->values[i], values->text[i]);
    }
    crm__buf_add_u8(out, ')');
}

/* From the space before the operator on. */
static void put_comparison(crm__buf *out, const crm__comparison *c)
{
    const crm__node_values *v = &c->values;
    const char *no = c->negated ? " not " : " ";

    switch (c->cmp) {
    case CRM__CMP_EQ:
        crm__buf_add_str(out, c->negated ? " != " : " = ");
        break;
    case CRM__CMP_EMPTY:
        crm__buf_add_str(out, c->negated ? " is not empty" : " is empty");
        return;
    case CRM__CMP_WINDOW:
    case CRM__CMP_ANNIVERSARY:
        crm__buf_add_str(out, no);
        if (c->cmp == CRM__CMP_ANNIVERSARY || takes_in(&c->window))
            crm__buf_add_str(out, "in ");
        crm__print_window(out, &c->window);
        return;
    default:
        crm__buf_add_str(out, no);
        crm__buf_add_str(out, crm__compare_name(c->cmp));
        crm__buf_add_u8(out, ' ');
    }
    if (c->cmp == CRM__CMP_IN) {
        put_list(out, v);
        return;
    }
    put_value(out, &v->values[0], v->text[0]);
    if (c->cmp == CRM__CMP_BETWEEN) {
        crm__buf_add_str(out, " and ");
        put_value(out, &v->values[1], v->text[1]);
    }
}

static crm__comparison comparison_of(const crm__node *n)
{
    crm__comparison c = {n->cmp, n->negated, n->values, n->window};

    return c;
}

/* ---- conditions ---- */

static const char *field_key(const crm__node *n)
{
    static const char *const BUILTINS[] = {"", "id", "kind", "created_at", "updated_at"};

    return n->field ? n->field->key : BUILTINS[n->builtin];
}

static void put_field(crm__buf *out, const crm__node *n)
{
    crm__comparison c = comparison_of(n);

    if (n->cmp == CRM__CMP_ANNIVERSARY)
        crm__buf_add_str(out, "anniversary(");
    crm__print_key(out, field_key(n));
    if (n->cmp == CRM__CMP_ANNIVERSARY)
        crm__buf_add_u8(out, ')');
    put_comparison(out, &c);
}

void crm__print_spec(crm__buf *out, const crm__event_spec *spec, const crm__field *attribute)
{
    crm__buf_add_u8(out, '(');
    if (spec->kind)
        crm__print_key(out, spec->kind->key);
    else
        crm__buf_add_u8(out, '*');
    if (attribute) {
        crm__buf_add_u8(out, '.');
        crm__print_key(out, attribute->key);
    }
    if (spec->window.form) {
        crm__buf_add_str(out, ", ");
        crm__print_window(out, &spec->window);
    }
    for (uint32_t i = 0; i < spec->test_count; i++) {
        const crm__event_test *t = &spec->tests[i];
        crm__comparison c = {t->cmp, t->negated, t->values, t->window};
        crm__buf_add_str(out, ", ");
        crm__print_key(out, t->attribute ? t->attribute->key : "source");
        put_comparison(out, &c);
    }
    crm__buf_add_u8(out, ')');
}

static void put_events(crm__buf *out, const crm__node *n)
{
    crm__comparison c = comparison_of(n);

    crm__buf_add_str(out, crm__aggregate_name(n->aggregate));
    crm__print_spec(out, &n->events, n->attribute);
    if (n->aggregate != CRM__AGG_EXISTS)
        put_comparison(out, &c);
}

static void put_sequence(crm__buf *out, const crm__node *n)
{
    crm__buf_add_str(out, "event");
    crm__print_spec(out, &n->events, NULL);
    crm__buf_add_str(out, n->negated ? " not followed by event" : " followed by event");
    crm__print_spec(out, &n->then, NULL);
    if (n->within) {
        crm__buf_add_str(out, " within ");
        put_span(out, n->within, n->within_unit);
    }
}

static void put_tags(crm__buf *out, const crm__node *n)
{
    static const char *const MATCH[] = {"", "tag(", "tag all (", "tag none ("};

    crm__buf_add_str(out, MATCH[n->match]);
    for (uint32_t i = 0; i < n->tag_count; i++) {
        const crm__tag_name *t = &n->tags[i];
        crm__buf_add_str(out, i ? ", " : "");
        crm__print_key(out, t->dimension->key);
        crm__buf_add_u8(out, ':');
        if (t->path.n)
            put_word(out, t->path, ':', 0);
        else
            crm__buf_add_u8(out, '*');
    }
    crm__buf_add_u8(out, ')');
}

static void put_node(crm__buf *out, const crm__node *n);

/* Tighter binding inside looser needs no parentheses. */
static void put_child(crm__buf *out, const crm__node *n, crm__node_op parent)
{
    int open = (n->op == CRM__NODE_OR && parent != CRM__NODE_OR) ||
               (n->op == CRM__NODE_AND && parent == CRM__NODE_NOT);

    if (open)
        crm__buf_add_u8(out, '(');
    put_node(out, n);
    if (open)
        crm__buf_add_u8(out, ')');
}

static void put_group(crm__buf *out, const crm__node *n)
{
    for (uint32_t i = 0; i < n->child_count; i++) {
        if (n->op == CRM__NODE_NOT)
            crm__buf_add_str(out, "not ");
        else if (i)
            crm__buf_add_str(out, n->op == CRM__NODE_AND ? " and " : " or ");
        put_child(out, n->children[i], n->op);
    }
}

static void put_node(crm__buf *out, const crm__node *n)
{
    switch (n->op) {
    case CRM__NODE_ALL:
        crm__buf_add_str(out, "all");
        break;
    case CRM__NODE_NONE:
        crm__buf_add_str(out, "none");
        break;
    case CRM__NODE_TAG:
        put_tags(out, n);
        break;
    case CRM__NODE_FIELD:
        put_field(out, n);
        break;
    case CRM__NODE_EVENTS:
        put_events(out, n);
        break;
    case CRM__NODE_SEQUENCE:
        put_sequence(out, n);
        break;
    case CRM__NODE_SEGMENT:
        crm__buf_add_str(out, "segment(");
        put_word(out, n->name, 0, 1);
        crm__buf_add_u8(out, ')');
        break;
    default:
        put_group(out, n);
    }
}

int crm__tree_print(const crm__node *n, crm__buf *out)
{
    put_node(out, n);
    return out->failed ? CRM_ENOMEM : CRM_OK;
}
