/* SPDX-License-Identifier: MIT
 * Tree to JSON.  Values are written as in documents of customers: integers and booleans as such,
 * decimals as strings, money as an object.
 */
#include "segment/json.h"

#include "base/time.h"
#include "codec/json.h"
#include "model/json_value.h"
#include "segment/lex.h"

#include <crm/codes.h>
#include <string.h>

const char *const crm__member_names[CRM__MEMBERS] = {
    "all",         "none",     "and",       "or",    "not",   "tag",         "field",
    "anniversary", "segment",  "event",     "count", "sum",   "min",         "max",
    "avg",         "distinct", "first",     "last",  "match", "followed by", "not followed by",
    "within",      "kind",     "attribute", "where", "op",    "value",       "values",
    "window",
};
const char *const crm__window_names[CRM__WINDOW_MEMBERS] = {
    "last",   "next",    "this", "previous", "coming", "since",
    "before", "between", "on",   "count",    "unit",
};
const char *const crm__match_names[4] = {"", "any", "all", "none"};

static const struct op_word {
    const char *plain, *negated;
} OPS[] = {
    {NULL, NULL},
    {"=", "!="},
    {"<", NULL},
    {"<=", NULL},
    {">", NULL},
    {">=", NULL},
    {"in", "not in"},
    {"between", "not between"},
    {"is empty", "is not empty"},
    {"starts with", "not starts with"},
    {"contains", "not contains"},
};
enum { OP_COUNT = sizeof OPS / sizeof OPS[0] };

const char *crm__op_name(uint8_t cmp, int negated)
{
    if (cmp >= OP_COUNT) /* windows */
        cmp = CRM__CMP_IN;
    return negated ? OPS[cmp].negated : OPS[cmp].plain;
}

int crm__op_find(const char *s, size_t n, uint8_t *cmp, uint8_t *negated)
{
    for (uint8_t i = 1; i < OP_COUNT; i++) {
        for (uint8_t no = 0; no < 2; no++) {
            const char *word = no ? OPS[i].negated : OPS[i].plain;
            if (word && strlen(word) == n && memcmp(word, s, n) == 0) {
                *cmp = i;
                *negated = no;
                return 1;
            }
        }
    }
    return 0;
}

/* ---- pieces ---- */

static void put_string(crm__buf *out, const char *s)
{
    crm__json_string(out, s, strlen(s));
}

/* "name": with a comma before it unless it is the first member. */
static void put_name(crm__buf *out, const char *name)
{
    if (out->n && out->p[out->n - 1] != '{')
        crm__buf_add_u8(out, ',');
    put_string(out, name);
    crm__buf_add_u8(out, ':');
}

static void put_member(crm__buf *out, crm__member m)
{
    put_name(out, crm__member_names[m]);
}

static void put_point(crm__buf *out, const crm__point *p)
{
    char text[40];

    if (p->date)
        crm__date_format(p->date, text);
    else
        crm__datetime_format(p->us, text);
    put_string(out, text);
}

static void put_unit(crm__buf *out, uint8_t unit)
{
    put_string(out, crm__word_text((uint8_t)(CRM__WORD_MINUTE + unit - CRM__UNIT_MINUTE)));
}

static void put_span(crm__buf *out, crm__window_member m, uint32_t count, uint8_t unit)
{
    put_name(out, crm__window_names[m]);
    crm__buf_add_fmt(out, "%u", (unsigned)count);
    put_name(out, crm__window_names[CRM__WINDOW_M_UNIT]);
    put_unit(out, unit);
}

/* Member names follow the order of the forms; `on` is a form of between. */
static void put_window(crm__buf *out, const crm__window *w)
{
    crm__window_member m = (crm__window_member)(w->form - CRM__WINDOW_LAST + CRM__WINDOW_M_LAST);

    crm__buf_add_u8(out, '{');
    switch (w->form) {
    case CRM__WINDOW_THIS:
        put_name(out, crm__window_names[m]);
        put_unit(out, w->unit);
        break;
    case CRM__WINDOW_SINCE:
    case CRM__WINDOW_BEFORE:
        put_name(out, crm__window_names[m]);
        put_point(out, w->form == CRM__WINDOW_SINCE ? &w->from : &w->until);
        break;
    case CRM__WINDOW_BETWEEN:
        put_name(out, crm__window_names[w->on ? CRM__WINDOW_M_ON : m]);
        crm__buf_add_str(out, w->on ? "" : "[");
        put_point(out, &w->from);
        if (w->on)
            break;
        crm__buf_add_u8(out, ',');
        put_point(out, &w->until);
        crm__buf_add_u8(out, ']');
        break;
    default:
        put_span(out, m, w->count, w->unit);
    }
    crm__buf_add_u8(out, '}');
}

/* ---- comparisons ---- */

/* The kind of a customer is a number with a text of its own; a number of 20 digits is one that
 * readers of JSON refuse. */
static void put_value(crm__buf *out, const crm__field *f, const crm__value *v, crm__slice text,
                      int as_text)
{
    crm__buf scratch;

    if (as_text || (v->type == CRM_TYPE_CUSTOMER && text.n > 19)) {
        crm__json_string(out, text.p, text.n);
        return;
    }
    crm__buf_init(&scratch, out->mem);
    if (crm__json_value_write(f, v, &scratch, out))
        out->failed = 1;
    crm__buf_clear(&scratch);
}

static void put_comparison(crm__buf *out, const crm__field *f, const crm__comparison *c,
                           int as_text)
{
    const crm__node_values *v = &c->values;
    int list = c->cmp == CRM__CMP_IN || c->cmp == CRM__CMP_BETWEEN;

    put_member(out, CRM__MEMBER_OP);
    put_string(out, crm__op_name(c->cmp, c->negated));
    if (c->cmp == CRM__CMP_WINDOW || c->cmp == CRM__CMP_ANNIVERSARY) {
        put_member(out, CRM__MEMBER_WINDOW);
        put_window(out, &c->window);
        return;
    }
    if (!v->count)
        return;
    put_member(out, list ? CRM__MEMBER_VALUES : CRM__MEMBER_VALUE);
    crm__buf_add_str(out, list ? "[" : "");
    for (uint32_t i = 0; i < v->count; i++) {
        crm__buf_add_str(out, i ? "," : "");
        put_value(out, f, &v->values[i], v->text[i], as_text);
    }
    crm__buf_add_str(out, list ? "]" : "");
}

static void put_test(crm__buf *out, const crm__event_test *t)
{
    crm__comparison c = {t->cmp, t->negated, t->values, t->window};

    crm__buf_add_u8(out, '{');
    put_member(out, CRM__MEMBER_ATTRIBUTE);
    put_string(out, t->attribute ? t->attribute->key : "source");
    put_comparison(out, t->attribute, &c, 0);
    crm__buf_add_u8(out, '}');
}

static void put_spec(crm__buf *out, crm__member m, const crm__event_spec *spec,
                     const crm__field *attribute)
{
    put_member(out, m);
    crm__buf_add_u8(out, '{');
    put_member(out, CRM__MEMBER_KIND);
    put_string(out, spec->kind ? spec->kind->key : "*");
    if (attribute) {
        put_member(out, CRM__MEMBER_ATTRIBUTE);
        put_string(out, attribute->key);
    }
    if (spec->window.form) {
        put_member(out, CRM__MEMBER_WINDOW);
        put_window(out, &spec->window);
    }
    if (spec->test_count) {
        put_member(out, CRM__MEMBER_WHERE);
        crm__buf_add_u8(out, '[');
        for (uint32_t i = 0; i < spec->test_count; i++) {
            crm__buf_add_str(out, i ? "," : "");
            put_test(out, &spec->tests[i]);
        }
        crm__buf_add_u8(out, ']');
    }
    crm__buf_add_u8(out, '}');
}

/* ---- conditions ---- */

static void put_field(crm__buf *out, const crm__node *n)
{
    static const char *const BUILTINS[] = {"", "id", "kind", "created_at", "updated_at"};
    crm__comparison c = {n->cmp, n->negated, n->values, n->window};

    put_member(out, n->cmp == CRM__CMP_ANNIVERSARY ? CRM__MEMBER_ANNIVERSARY : CRM__MEMBER_FIELD);
    put_string(out, n->field ? n->field->key : BUILTINS[n->builtin]);
    put_comparison(out, n->field, &c, n->builtin == CRM__BUILTIN_KIND);
}

static void put_events(crm__buf *out, const crm__node *n)
{
    crm__comparison c = {n->cmp, n->negated, n->values, n->window};

    if (n->op == CRM__NODE_EVENTS) {
        put_spec(out, (crm__member)(CRM__MEMBER_EVENT + n->aggregate - CRM__AGG_EXISTS), &n->events,
                 n->attribute);
        if (n->aggregate != CRM__AGG_EXISTS)
            put_comparison(out, n->attribute, &c, 0);
        return;
    }
    put_spec(out, CRM__MEMBER_EVENT, &n->events, NULL);
    put_spec(out, n->negated ? CRM__MEMBER_NOT_FOLLOWED : CRM__MEMBER_FOLLOWED, &n->then, NULL);
    if (n->within) {
        put_member(out, CRM__MEMBER_WITHIN);
        crm__buf_add_u8(out, '{');
        put_span(out, CRM__WINDOW_M_COUNT, n->within, n->within_unit);
        crm__buf_add_u8(out, '}');
    }
}

static void put_tags(crm__buf *out, const crm__node *n)
{
    crm__buf name;

    crm__buf_init(&name, out->mem);
    put_member(out, CRM__MEMBER_TAG);
    crm__buf_add_u8(out, '[');
    for (uint32_t i = 0; i < n->tag_count; i++) {
        const crm__tag_name *t = &n->tags[i];
        name.n = 0;
        crm__buf_add_str(&name, t->dimension->key);
        crm__buf_add_u8(&name, ':');
        if (t->path.n)
            crm__buf_add(&name, t->path.p, t->path.n);
        else
            crm__buf_add_u8(&name, '*');
        crm__buf_add_str(out, i ? "," : "");
        crm__json_string(out, name.p, name.n);
    }
    crm__buf_add_u8(out, ']');
    put_member(out, CRM__MEMBER_MATCH);
    put_string(out, crm__match_names[n->match]);
    if (name.failed)
        out->failed = 1;
    crm__buf_clear(&name);
}

static void put_node(crm__buf *out, const crm__node *n);

static void put_group(crm__buf *out, const crm__node *n)
{
    put_member(out, n->op == CRM__NODE_AND  ? CRM__MEMBER_AND
                    : n->op == CRM__NODE_OR ? CRM__MEMBER_OR
                                            : CRM__MEMBER_NOT);
    if (n->op == CRM__NODE_NOT) {
        put_node(out, n->children[0]);
        return;
    }
    crm__buf_add_u8(out, '[');
    for (uint32_t i = 0; i < n->child_count; i++) {
        crm__buf_add_str(out, i ? "," : "");
        put_node(out, n->children[i]);
    }
    crm__buf_add_u8(out, ']');
}

static void put_node(crm__buf *out, const crm__node *n)
{
    crm__buf_add_u8(out, '{');
    switch (n->op) {
    case CRM__NODE_ALL:
    case CRM__NODE_NONE:
        put_member(out, n->op == CRM__NODE_ALL ? CRM__MEMBER_ALL : CRM__MEMBER_NONE);
        crm__buf_add_str(out, "true");
        break;
    case CRM__NODE_TAG:
        put_tags(out, n);
        break;
    case CRM__NODE_FIELD:
        put_field(out, n);
        break;
    case CRM__NODE_EVENTS:
    case CRM__NODE_SEQUENCE:
        put_events(out, n);
        break;
    case CRM__NODE_SEGMENT:
        put_member(out, CRM__MEMBER_SEGMENT);
        crm__json_string(out, n->name.p, n->name.n);
        break;
    default:
        put_group(out, n);
    }
    crm__buf_add_u8(out, '}');
}

int crm__tree_json(const crm__node *n, crm__buf *out)
{
    put_node(out, n);
    return out->failed ? CRM_ENOMEM : CRM_OK;
}
