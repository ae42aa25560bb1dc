/* SPDX-License-Identifier: MIT
 * The reader of the text, by recursive descent; the parts of it that its files share.
 */
#ifndef CRM_SEGMENT_PARSE_H
#define CRM_SEGMENT_PARSE_H

#include "segment/build.h"
#include "segment/lex.h"

typedef struct crm__parser {
    crm__lexer lex;
    crm__build b;
    crm__buf nodes; /* stack of const crm__node *: the children of the groups that are open */
    crm__buf list;  /* operands, tests or tags of the condition that is being read */
    uint32_t depth; /* parentheses and nots that are open */
} crm__parser;

static inline const crm__token *crm__parse_now(const crm__parser *p)
{
    return &p->lex.now;
}

static inline int crm__parse_is(const crm__parser *p, crm__token_kind kind)
{
    return p->lex.now.kind == kind;
}

/* A keyword, which is never in quotes. */
static inline int crm__parse_word(const crm__parser *p, crm__word_id word)
{
    return p->lex.now.word == word;
}

static inline int crm__parse_next(crm__parser *p)
{
    return crm__lex_next(&p->lex);
}

static inline int crm__parse_is_text(const crm__parser *p)
{
    return crm__parse_is(p, CRM__TOKEN_WORD) || crm__parse_is(p, CRM__TOKEN_STRING);
}

/* "expected WHAT where X stands", with a word of the language that X is nearly. */
int crm__parse_expected(crm__parser *p, const char *what);
/* The same with a near word of the caller's; NULL: none. */
int crm__parse_expected_near(crm__parser *p, const char *what, const char *near_word);
/* The same where a unit, or a window, is expected: a word of those may be meant. */
int crm__parse_expected_unit(crm__parser *p);
int crm__parse_expected_window(crm__parser *p, const char *what);
/* Steps over a token of the kind. */
int crm__parse_take(crm__parser *p, crm__token_kind kind, const char *what);
int crm__parse_take_word(crm__parser *p, crm__word_id word);
/* A name: a word or a text in quotes. */
int crm__parse_name(crm__parser *p, const char *what, crm__operand *out);

/* Whether a window begins at the present token. */
int crm__parse_at_window(const crm__parser *p);
int crm__parse_window(crm__parser *p, crm__window *w);
/* "3 months" */
int crm__parse_span(crm__parser *p, uint32_t *count, uint8_t *unit);
/* The operator and what follows it. */
int crm__parse_comparison(crm__parser *p, const crm__subject *s, crm__comparison *out);
/* [not] in WINDOW, of an anniversary. */
int crm__parse_is_day(uint8_t word); /* today, yesterday, tomorrow */
int crm__parse_anniversary(crm__parser *p, const crm__subject *s, crm__comparison *out);

/* One value, as behind `=`. */
int crm__parse_value(crm__parser *p, const crm__subject *s, crm__comparison *out);

/* (KIND, ...) or, with attribute, (KIND.ATTRIBUTE, ...), from the parenthesis on. */
int crm__parse_spec(crm__parser *p, crm__event_spec *spec, const crm__field **attribute);
/* event, count ... last, from that word on. */
int crm__parse_events(crm__parser *p, const crm__node **out);
/* tag [any|all|none] (...), from that word on. */
int crm__parse_tags(crm__parser *p, const crm__node **out);

#endif
