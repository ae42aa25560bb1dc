/* SPDX-License-Identifier: MIT
 * Text to tree: or, and, not, parentheses, and which condition it is.  Each open parenthesis and
 * each not is one level, and there are at most CRM__SEGMENT_DEPTH of them.
 */
#include "segment/parse.h"

#include "base/error.h"
#include "base/utf8.h"

#include <crm/codes.h>
#include <string.h>

/* ---- tokens ---- */

int crm__parse_expected_near(crm__parser *p, const char *what, const char *near_word)
{
    const crm__token *now = crm__parse_now(p);
    char room[CRM__TOKEN_NAME];

    if (now->kind != CRM__TOKEN_WORD || now->word)
        near_word = NULL;
    return crm__build_fail(&p->b, CRM_ESYNTAX, now->at, "expected %s where %s stands%s%s%s", what,
                           crm__token_name(now, room), near_word ? ", did you mean \"" : "",
                           near_word ? near_word : "", near_word ? "\"," : "");
}

int crm__parse_expected(crm__parser *p, const char *what)
{
    return crm__parse_expected_near(
        p, what, crm__word_near(crm__parse_now(p)->text, CRM__WORD_AND, CRM__WORD_YEAR));
}

int crm__parse_expected_unit(crm__parser *p)
{
    return crm__parse_expected_near(
        p, "a unit from minute to year",
        crm__word_near(crm__parse_now(p)->text, CRM__WORD_MINUTE, CRM__WORD_YEAR));
}

int crm__parse_expected_window(crm__parser *p, const char *what)
{
    return crm__parse_expected_near(p, what, crm__near_window(crm__parse_now(p)->text));
}

int crm__parse_take(crm__parser *p, crm__token_kind kind, const char *what)
{
    return crm__parse_is(p, kind) ? crm__parse_next(p) : crm__parse_expected(p, what);
}

int crm__parse_take_word(crm__parser *p, crm__word_id word)
{
    char what[CRM__TOKEN_NAME];
    crm__token wanted = {CRM__TOKEN_WORD, (uint8_t)word, 0, 0, {NULL, 0}};

    return crm__parse_word(p, word) ? crm__parse_next(p)
                                    : crm__parse_expected(p, crm__token_name(&wanted, what));
}

int crm__parse_name(crm__parser *p, const char *what, crm__operand *out)
{
    if (!crm__parse_is_text(p))
        return crm__parse_expected(p, what);
    out->text = crm__parse_now(p)->text;
    out->at = crm__parse_now(p)->at;
    return crm__parse_next(p);
}

/* ---- conditions ---- */

static crm__node *new_node(crm__parser *p, crm__node_op op, size_t at, size_t end)
{
    return crm__build_node(&p->b, op, at, end);
}

/* An error of new_node() is in err; its code: */
static int no_node(const crm__parser *p)
{
    return p->b.nodes == CRM__SEGMENT_NODES ? CRM_ESYNTAX : CRM_ENOMEM;
}

static int set_field(crm__parser *p, const crm__subject *s, const crm__comparison *c, size_t at,
                     const crm__node **out)
{
    crm__node *n = new_node(p, CRM__NODE_FIELD, at, p->lex.done);

    if (!n)
        return no_node(p);
    n->builtin = s->builtin;
    n->field = s->field;
    n->cmp = c->cmp;
    n->negated = c->negated;
    n->values = c->values;
    n->window = c->window;
    *out = n;
    return CRM_OK;
}

/* `birthday in next 7 days`, `birthday today` ask for the day that comes round; a list behind the
 * `in` asks for the dates themselves. */
static int asks_for_birthday(crm__parser *p, const crm__token *name, const crm__subject *s,
                             int *yes)
{
    static const char HAN[] = "生日";
    crm__token next;
    int rc;

    *yes = 0;
    if (name->kind != CRM__TOKEN_WORD || s->rule.type != CRM_TYPE_DATE)
        return CRM_OK;
    if (name->word != CRM__WORD_BIRTHDAY &&
        !(name->text.n == sizeof HAN - 1 && memcmp(name->text.p, HAN, name->text.n) == 0))
        return CRM_OK;
    if (crm__parse_word(p, CRM__WORD_NOT)) {
        rc = crm__lex_peek(&p->lex, &next);
        *yes = !rc && (next.word == CRM__WORD_IN || crm__parse_is_day(next.word));
        return rc;
    }
    if (crm__parse_is_day(crm__parse_now(p)->word))
        *yes = 1;
    if (!crm__parse_word(p, CRM__WORD_IN))
        return CRM_OK;
    rc = crm__lex_peek(&p->lex, &next);
    *yes = !rc && next.kind != CRM__TOKEN_OPEN;
    return rc;
}

static int read_field(crm__parser *p, const crm__node **out)
{
    crm__token name = *crm__parse_now(p);
    crm__operand o = {name.text, name.at};
    crm__comparison c;
    crm__subject s;
    int rc = crm__build_field(&p->b, &o, &s), birthday = 0;

    if (!rc)
        rc = crm__parse_next(p);
    if (!rc)
        rc = asks_for_birthday(p, &name, &s, &birthday);
    if (!rc)
        rc = birthday ? crm__parse_anniversary(p, &s, &c) : crm__parse_comparison(p, &s, &c);
    return rc ? rc : set_field(p, &s, &c, name.at, out);
}

/* anniversary(FIELD) [not] in WINDOW */
static int read_anniversary(crm__parser *p, const crm__node **out)
{
    size_t at = crm__parse_now(p)->at;
    crm__comparison c;
    crm__operand name;
    crm__subject s;
    int rc = crm__parse_next(p);

    if (!rc)
        rc = crm__parse_take(p, CRM__TOKEN_OPEN, "\"(\"");
    if (!rc)
        rc = crm__parse_name(p, "a field", &name);
    if (!rc)
        rc = crm__build_field(&p->b, &name, &s);
    if (!rc)
        rc = crm__parse_take(p, CRM__TOKEN_CLOSE, "\")\"");
    if (!rc)
        rc = crm__parse_anniversary(p, &s, &c);
    return rc ? rc : set_field(p, &s, &c, at, out);
}

static int read_segment(crm__parser *p, const crm__node **out)
{
    size_t at = crm__parse_now(p)->at;
    crm__operand name;
    crm__node *n;
    crm__slice s;
    int rc = crm__parse_next(p);

    if (!rc)
        rc = crm__parse_take(p, CRM__TOKEN_OPEN, "\"(\"");
    if (!rc)
        rc = crm__parse_name(p, "the name of a segment", &name);
    if (!rc && crm__parse_is_text(p))
        rc = crm__parse_expected_near(p, "\")\" (a name of several words is in quotes)", NULL);
    if (!rc)
        rc = crm__build_segment(&p->b, &name, &s);
    if (!rc)
        rc = crm__parse_take(p, CRM__TOKEN_CLOSE, "\")\"");
    if (rc)
        return rc;
    n = new_node(p, CRM__NODE_SEGMENT, at, p->lex.done);
    if (!n)
        return no_node(p);
    n->name = s;
    *out = n;
    return CRM_OK;
}

static int read_plain(crm__parser *p, crm__node_op op, const crm__node **out)
{
    const crm__token *now = crm__parse_now(p);

    *out = new_node(p, op, now->at, now->end);
    return *out ? crm__parse_next(p) : no_node(p);
}

/* Words that are names of fields, too, unless a parenthesis follows. */
static int read_function(crm__parser *p, const crm__node **out)
{
    uint8_t word = crm__parse_now(p)->word;
    crm__token next;
    int rc = crm__lex_peek(&p->lex, &next);

    if (rc)
        return rc;
    if (word == CRM__WORD_TAG &&
        (next.word == CRM__WORD_ANY || next.word == CRM__WORD_ALL || next.word == CRM__WORD_NONE))
        return crm__parse_tags(p, out);
    if (next.kind != CRM__TOKEN_OPEN)
        return read_field(p, out);
    if (word == CRM__WORD_TAG)
        return crm__parse_tags(p, out);
    if (word == CRM__WORD_SEGMENT)
        return read_segment(p, out);
    if (word == CRM__WORD_ANNIVERSARY)
        return read_anniversary(p, out);
    return crm__parse_events(p, out);
}

/* A name in front of a parenthesis is of no field, but nearly of what takes one. */
static int read_named(crm__parser *p, const crm__node **out)
{
    const crm__token *now = crm__parse_now(p);
    const char *near_word;
    crm__token next;
    int rc = crm__lex_peek(&p->lex, &next);

    if (rc)
        return rc;
    if (next.kind != CRM__TOKEN_OPEN)
        return read_field(p, out);
    near_word = crm__word_near(now->text, CRM__WORD_TAG, CRM__WORD_ANNIVERSARY);
    if (!near_word)
        return read_field(p, out);
    return crm__build_fail(&p->b, CRM_ESYNTAX, now->at,
                           "no condition of this name, did you mean \"%s\",", near_word);
}

static int read_condition(crm__parser *p, const crm__node **out)
{
    static const char WANTED[] = "a condition";
    uint8_t word = crm__parse_now(p)->word;

    if (crm__parse_is(p, CRM__TOKEN_STRING))
        return read_field(p, out);
    if (!crm__parse_is(p, CRM__TOKEN_WORD))
        return crm__parse_expected(p, WANTED);
    switch (word) {
    case CRM__WORD_ALL:
        return read_plain(p, CRM__NODE_ALL, out);
    case CRM__WORD_NONE:
        return read_plain(p, CRM__NODE_NONE, out);
    case CRM__WORD_AND:
    case CRM__WORD_OR:
        return crm__parse_expected(p, WANTED);
    default:
        if (word >= CRM__WORD_TAG && word <= CRM__WORD_ANNIVERSARY)
            return read_function(p, out);
        return word ? read_field(p, out) : read_named(p, out);
    }
}

/* ---- or, and, not ---- */

static int read_or(crm__parser *p, const crm__node **out);

static int deeper(crm__parser *p)
{
    if (p->depth == CRM__SEGMENT_DEPTH)
        return crm__build_fail(&p->b, CRM_ESYNTAX, crm__parse_now(p)->at,
                               "more than %d levels of parentheses and not",
                               (int)CRM__SEGMENT_DEPTH);
    p->depth++;
    return crm__parse_next(p);
}

/* Nots are counted in a loop: each is a level, but of text, not of the stack. */
static int read_not(crm__parser *p, const crm__node **out)
{
    uint32_t depth = p->depth, nots = 0;
    size_t at = crm__parse_now(p)->at;
    int rc = CRM_OK;

    while (!rc && crm__parse_word(p, CRM__WORD_NOT)) {
        rc = deeper(p);
        nots++;
    }
    if (!rc && crm__parse_is(p, CRM__TOKEN_OPEN)) {
        rc = deeper(p);
        if (!rc)
            rc = read_or(p, out);
        if (!rc)
            rc = crm__parse_take(p, CRM__TOKEN_CLOSE, "and, or or \")\"");
    } else if (!rc) {
        rc = read_condition(p, out);
    }
    p->depth = depth;
    if (!rc && nots % 2)
        rc = crm__build_group(&p->b, CRM__NODE_NOT, out, 1, at, p->lex.done, out);
    return rc;
}

static int push(crm__parser *p, const crm__node *n)
{
    crm__buf_add(&p->nodes, &n, sizeof n);
    return p->nodes.failed ? crm__build_nomem(&p->b) : CRM_OK;
}

/* The children of a group lie on the stack from `base` on. */
static int pop_group(crm__parser *p, crm__node_op op, size_t base, size_t at, const crm__node **out)
{
    const crm__node *const *children = (const crm__node *const *)(void *)(p->nodes.p + base);
    size_t n = (p->nodes.n - base) / sizeof *children;

    p->nodes.n = base;
    return crm__build_group(&p->b, op, children, n, at, p->lex.done, out);
}

static int read_and(crm__parser *p, const crm__node **out)
{
    size_t base = p->nodes.n, at = crm__parse_now(p)->at;
    const crm__node *n = NULL;
    int rc;

    for (;;) {
        rc = read_not(p, &n);
        if (!rc)
            rc = push(p, n);
        if (rc)
            return rc;
        if (!crm__parse_word(p, CRM__WORD_AND))
            return pop_group(p, CRM__NODE_AND, base, at, out);
        rc = crm__parse_next(p);
        if (rc)
            return rc;
    }
}

static int read_or(crm__parser *p, const crm__node **out)
{
    size_t base = p->nodes.n, at = crm__parse_now(p)->at;
    const crm__node *n = NULL;
    int rc;

    for (;;) {
        rc = read_and(p, &n);
        if (!rc)
            rc = push(p, n);
        if (rc)
            return rc;
        if (!crm__parse_word(p, CRM__WORD_OR))
            return pop_group(p, CRM__NODE_OR, base, at, out);
        rc = crm__parse_next(p);
        if (rc)
            return rc;
    }
}

static int read_all(crm__parser *p, const crm__node **out)
{
    int rc = crm__parse_next(p);

    if (!rc)
        rc = read_or(p, out);
    if (!rc && !crm__parse_is(p, CRM__TOKEN_END))
        rc = crm__parse_expected(p, "and, or or the end (a value with spaces stands in quotes)");
    return rc;
}

int crm__tree_parse(const crm_allocator *mem, crm__model *m, const crm__zone *zone,
                    const char *text, size_t n, crm__tree **out, crm_error *err)
{
    crm__parser p;
    const crm__node *root = NULL;
    size_t valid;
    int rc;

    *out = NULL;
    if (n > CRM__SEGMENT_BYTES)
        return crm__fail_at(err, CRM_ESYNTAX, -1, CRM__SEGMENT_BYTES,
                            "segment: longer than %d bytes", (int)CRM__SEGMENT_BYTES);
    valid = crm__utf8_valid(text, n);
    if (valid != n)
        return crm__fail_at(err, CRM_ESYNTAX, -1, (int64_t)valid, "segment: not UTF-8 at byte %zu",
                            valid);
    memset(&p, 0, sizeof p);
    rc = crm__build_open(&p.b, mem, m, zone, err);
    if (rc)
        return rc;
    crm__buf_init(&p.nodes, p.b.tree->mem);
    crm__buf_init(&p.list, p.b.tree->mem);
    p.lex.s = p.lex.p = text;
    p.lex.end = text + n;
    p.lex.arena = &p.b.tree->arena;
    p.lex.err = err;
    rc = crm__buf_reserve(&p.nodes, 64) && crm__buf_reserve(&p.list, 64) ? read_all(&p, &root)
                                                                         : crm__fail_nomem(err);
    crm__buf_clear(&p.nodes);
    crm__buf_clear(&p.list);
    return crm__build_close(&p.b, rc, root, n, out);
}
