/* SPDX-License-Identifier: MIT
 * See lex.h.
 */
#include "segment/lex.h"
#include "segment/build.h"

#include "base/error.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

static const char *const WORDS[] = {
    "",         "and",      "or",    "not",       "all",         "none",     "any",
    "tag",      "event",    "count", "sum",       "min",         "max",      "avg",
    "distinct", "first",    "last",  "segment",   "anniversary", "birthday", "followed",
    "by",       "within",   "in",    "between",   "is",          "empty",    "starts",
    "with",     "contains", "next",  "this",      "previous",    "coming",   "since",
    "before",   "on",       "today", "yesterday", "tomorrow",    "minute",   "hour",
    "day",      "week",     "month", "quarter",   "year",
};
enum { WORD_COUNT = sizeof WORDS / sizeof WORDS[0], LONGEST = 11 };

uint8_t crm__word_find(const char *s, size_t n)
{
    char low[LONGEST + 2];

    if (n == 0 || n > LONGEST + 1)
        return CRM__WORD_NONE_OF_THEM;
    for (size_t i = 0; i < n; i++)
        low[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
    for (size_t i = 1; i < WORD_COUNT; i++) {
        size_t k = strlen(WORDS[i]);
        int plural = i >= CRM__WORD_MINUTE && n == k + 1 && low[k] == 's';
        if ((n == k || plural) && memcmp(low, WORDS[i], k) == 0)
            return (uint8_t)i;
    }
    return CRM__WORD_NONE_OF_THEM;
}

const char *crm__word_near(crm__slice s, uint8_t first, uint8_t last)
{
    static const char *const MANY[] = {"minutes", "hours",    "days", "weeks",
                                       "months",  "quarters", "years"};
    size_t away = SIZE_MAX;
    const char *one = crm__nearer((const char *)s.p, s.n, WORDS + first, (size_t)(last - first) + 1, &away);
    const char *many = last == CRM__WORD_YEAR
                           ? crm__nearer((const char *)s.p, s.n, MANY, sizeof MANY / sizeof MANY[0], &away)
                           : NULL;

    return many ? many : one;
}

const char *crm__near_window(crm__slice s)
{
    static const char *const BEGINS[] = {"last",  "next",   "this",    "previous",
                                         "coming", "since",  "before",  "between",
                                         "on",     "today",  "yesterday", "tomorrow"};

    return crm__nearer((const char *)s.p, s.n, BEGINS, sizeof BEGINS / sizeof BEGINS[0], &(size_t){SIZE_MAX});
}

const char *crm__near_unit(crm__slice s)
{
    return crm__word_near(s, CRM__WORD_DAY, CRM__WORD_YEAR);
}

const char *crm__word_text(uint8_t word)
{
    return word < WORD_COUNT ? WORDS[word] : "";
}

/* Marks that have no ASCII character of their own; no code point is so high. */
enum { MARK_NE = 0x110000, MARK_LE, MARK_GE, MARK_RIGHT_QUOTE };

/* The ASCII twin of what is typed on a Chinese keyboard: fullwidth forms and the full stop; itself
 * of any other. */
static uint32_t plain_of(uint32_t c)
{
    return c >= 0xff01 && c <= 0xff5e ? c - 0xfee0 : c == 0x3002 ? '.' : c;
}

/* The mark that a character stands for. */
static uint32_t mark_of(uint32_t c)
{
    switch (c) {
    case 0x3001:
        return ',';
    case 0xff02: /* what is between quotes of ASCII may have it */
    case 0x201c:
    case 0x201d:
        return MARK_RIGHT_QUOTE;
    case 0x2260:
        return MARK_NE;
    case 0x2264:
        return MARK_LE;
    case 0x2265:
        return MARK_GE;
    default:
        return plain_of(c);
    }
}

/* 1 when no word goes on with it. */
static int ends_word(uint32_t c, char separator)
{
    uint32_t m = mark_of(c);

    if (c <= 0x20 || c == 0x7f || (separator && m == (unsigned char)separator))
        return 1;
    switch (m) {
    case '(':
    case ')':
    case ',':
    case '=':
    case '<':
    case '>':
    case '!':
    case '"':
    case '*':
    case '#':
    case MARK_RIGHT_QUOTE:
    case MARK_NE:
    case MARK_LE:
    case MARK_GE:
        return 1;
    default:
        return crm__utf8_is_space(c) || (c >= 0x80 && c < 0xa0);
    }
}

/* As in other languages; here they are characters like others, as in 's-Hertogenbosch, and a text
 * between them would be nobody's. */
static int in_single_quotes(const char *s, size_t n)
{
    return n > 1 && s[0] == '\'' && s[n - 1] == '\'';
}

int crm__word_is_bare(const char *s, size_t n, char separator)
{
    const char *end = s + n;

    if (n == 0 || crm__utf8_valid(s, n) != n || in_single_quotes(s, n))
        return 0;
    while (s < end) {
        uint32_t c = crm__utf8_next(&s, end);
        if (ends_word(c, separator) || plain_of(c) != c)
            return 0;
    }
    return 1;
}

/* ---- strings ---- */

static int fail(crm__lexer *x, const char *at, const char *what)
{
    size_t offset = (size_t)(at - x->s);

    return crm__fail_at(x->err, CRM_ESYNTAX, -1, (int64_t)offset, "%s: %s at byte %zu",
                        x->about ? x->about : "segment", what, offset);
}

static int hex4(const char *p, const char *end, uint32_t *out)
{
    *out = 0;
    if (end - p < 4)
        return 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i], low = c | 0x20;
        if (c >= '0' && c <= '9')
            *out = *out << 4 | (uint32_t)(c - '0');
        else if (low >= 'a' && low <= 'f')
            *out = *out << 4 | (uint32_t)(low - 'a' + 10);
        else
            return 0;
    }
    return 1;
}

/* \uXXXX or two of them; *p is behind the u.  0: faulty. */
static size_t read_unicode(const char **p, const char *end, char out[4])
{
    uint32_t c, low;

    if (!hex4(*p, end, &c) || c == 0 || (c >= 0xdc00 && c <= 0xdfff))
        return 0;
    *p += 4;
    if (c >= 0xd800 && c <= 0xdbff) {
        if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u' || !hex4(*p + 2, end, &low) ||
            low < 0xdc00 || low > 0xdfff)
            return 0;
        *p += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    return crm__utf8_put(c, out);
}

/* One escape; *p is at the backslash.  Its length, 0: faulty. */
static size_t read_escape(const char **p, const char *end, char out[4])
{
    static const char FROM[] = "\"\\/bfnrt", TO[] = "\"\\/\b\f\n\r\t";
    const char *found;
    char c;

    if (end - *p < 2)
        return 0;
    c = (*p)[1];
    *p += 2;
    if (c == 'u')
        return read_unicode(p, end, out);
    found = c ? strchr(FROM, c) : NULL;
    if (!found)
        return 0;
    out[0] = TO[found - FROM];
    return 1;
}

/* Room that a string's decoded form takes at most. */
static size_t raw_length(const crm__lexer *x, const char *from, uint32_t open)
{
    const char *p = from;

    while (p < x->end) {
        uint32_t c = crm__utf8_next(&p, x->end);
        if (mark_of(c) == open)
            break;
        if (c == '\\' && p < x->end)
            crm__utf8_next(&p, x->end);
    }
    return (size_t)(p - from);
}

/* From the opening mark to behind the closing one.  A quote typed on a Chinese keyboard ends with
 * one of them, whichever way it is turned. */
static int read_string(crm__lexer *x, uint32_t open)
{
    const char *begun = x->p, *p = x->p, *here;
    char *to, *first;

    crm__utf8_next(&p, x->end);
    first = to = crm__arena_alloc(x->arena, raw_length(x, p, open) + 4);
    if (!to)
        return crm__fail_nomem(x->err);
    for (;;) {
        uint32_t c;
        here = p;
        if (p >= x->end)
            return fail(x, begun, "a quote is opened and never closed,");
        c = crm__utf8_next(&p, x->end);
        if (mark_of(c) == open)
            break;
        if (c < 0x20 || c == 0x7f)
            return fail(x, here,
                        "a control character in a text in quotes, write it as \\n or \\u0007,");
        if (c == '\\') {
            p = here;
            size_t n = read_escape(&p, x->end, to);
            if (n == 0)
                return fail(x, here, "a faulty escape in a text in quotes");
            to += n;
        } else {
            memcpy(to, here, (size_t)(p - here));
            to += p - here;
        }
    }
    x->p = p;
    x->now.kind = CRM__TOKEN_STRING;
    x->now.text.p = (const uint8_t *)first;
    x->now.text.n = (size_t)(to - first);
    return CRM_OK;
}

/* ---- tokens ---- */

static void skip(crm__lexer *x)
{
    while (x->p < x->end) {
        const char *next = x->p;
        uint32_t c = crm__utf8_next(&next, x->end);
        if (mark_of(c) == '#') {
            while (next < x->end && *next != '\n')
                next++;
        } else if (!crm__utf8_is_space(c)) {
            return;
        }
        x->p = next;
    }
}

static int take_mark(crm__lexer *x, uint32_t want)
{
    const char *next = x->p;

    if (x->p >= x->end || mark_of(crm__utf8_next(&next, x->end)) != want)
        return 0;
    x->p = next;
    return 1;
}

static uint8_t simple_mark(uint32_t m)
{
    switch (m) {
    case '(':
        return CRM__TOKEN_OPEN;
    case ')':
        return CRM__TOKEN_CLOSE;
    case ',':
        return CRM__TOKEN_COMMA;
    case '*':
        return CRM__TOKEN_STAR;
    case MARK_NE:
        return CRM__TOKEN_NE;
    case MARK_LE:
        return CRM__TOKEN_LE;
    case MARK_GE:
        return CRM__TOKEN_GE;
    default:
        return CRM__TOKEN_END;
    }
}

/* x->p is behind the mark m, which begins a token that is neither word nor string. */
static int read_mark(crm__lexer *x, uint32_t m, const char *at)
{
    x->now.kind = simple_mark(m);
    if (x->now.kind)
        return CRM_OK;
    if (x->separator && m == (unsigned char)x->separator) {
        x->now.kind = CRM__TOKEN_SEPARATOR;
    } else if (m == '=') {
        take_mark(x, '=');
        x->now.kind = CRM__TOKEN_EQ;
    } else if (m == '<') {
        x->now.kind = take_mark(x, '=')   ? CRM__TOKEN_LE
                      : take_mark(x, '>') ? CRM__TOKEN_NE
                                          : CRM__TOKEN_LT;
    } else if (m == '>') {
        x->now.kind = take_mark(x, '=') ? CRM__TOKEN_GE : CRM__TOKEN_GT;
    } else if (m == '!') {
        if (!take_mark(x, '='))
            return fail(x, at, "expected != where a lone ! stands");
        x->now.kind = CRM__TOKEN_NE;
    } else {
        return fail(x, at, "a control character");
    }
    return CRM_OK;
}

/* A word of n bytes, x->p behind it: as it stands, or a copy in plain forms. */
static int read_word(crm__lexer *x, const char *at, size_t n)
{
    const char *p = at;
    int odd = 0;

    if (in_single_quotes(at, n))
        return fail(x, at, "a text stands in double quotes, where single ones stand");
    x->now.kind = CRM__TOKEN_WORD;
    x->now.text.p = (const uint8_t *)at;
    x->now.text.n = n;
    while (p < x->p && !odd) {
        uint32_t c = crm__utf8_next(&p, x->p);
        odd = plain_of(c) != c;
    }
    if (odd) {
        char *to = crm__arena_alloc(x->arena, n + 4);
        if (!to)
            return crm__fail_nomem(x->err);
        x->now.text.p = (const uint8_t *)to;
        for (p = at; p < x->p;)
            to += crm__utf8_put(plain_of(crm__utf8_next(&p, x->p)), to);
        x->now.text.n = (size_t)((const uint8_t *)to - x->now.text.p);
    }
    x->now.word = crm__word_find((const char *)x->now.text.p, x->now.text.n);
    return CRM_OK;
}

int crm__lex_next(crm__lexer *x)
{
    const char *at, *next;
    uint32_t c, m;
    int rc = CRM_OK;

    skip(x);
    at = next = x->p;
    x->done = x->now.end;
    memset(&x->now, 0, sizeof x->now);
    x->now.at = x->now.end = (size_t)(at - x->s);
    if (at >= x->end)
        return CRM_OK;
    c = crm__utf8_next(&next, x->end);
    m = mark_of(c);
    if (m == '"' || m == MARK_RIGHT_QUOTE) {
        rc = read_string(x, m);
    } else if (ends_word(c, x->separator)) {
        x->p = next;
        rc = read_mark(x, m, at);
    } else {
        while (next < x->end) {
            const char *after = next;
            if (ends_word(crm__utf8_next(&after, x->end), x->separator))
                break;
            next = after;
        }
        x->p = next;
        rc = read_word(x, at, (size_t)(next - at));
    }
    x->now.end = (size_t)(x->p - x->s);
    return rc;
}

int crm__lex_peek(crm__lexer *x, crm__token *next)
{
    crm__lexer back = *x;
    int rc = crm__lex_next(x);

    *next = x->now;
    *x = back;
    return rc;
}

const char *crm__token_name(const crm__token *t, char room[CRM__TOKEN_NAME])
{
    static const char *const MARKS[] = {
        "the end", "a word", "a text in quotes", "\"(\"", "\")\"",  "a comma", "a separator",
        "\"*\"",   "\"=\"",  "\"!=\"",           "\"<\"", "\"<=\"", "\">\"",   "\">=\""};
    const uint8_t *p = t->text.p;

    if (t->kind != CRM__TOKEN_WORD)
        return MARKS[t->kind];
    if (t->word) {
        snprintf(room, CRM__TOKEN_NAME, "\"%s\"", WORDS[t->word]);
        return room;
    }
    p += p[0] == '-' || p[0] == '+';
    return p < t->text.p + t->text.n && *p >= '0' && *p <= '9' ? "a number" : "a word";
}
