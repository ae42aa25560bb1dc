/* SPDX-License-Identifier: MIT
 * Numbers and amounts as tables have them: in brackets below zero, without the currency that the
 * column names, with spaces between groups, with a comma where the field's reader wants a point.
 *
 * "1.234,50" and "12,5" can have but one meaning, "1.234" and "1,234" two.  The other cells of the
 * column tell which, or the mapping says it.  It is never guessed where anything in the table
 * speaks for commas.
 */
#include "io/mapping_part.h"

#include <string.h>

enum { CORE = 64 };

/* Ways to read a number: NEITHER is none, PLAIN is the same in both styles. */
enum { NEITHER, PLAIN, POINT, COMMA, EITHER };

static int is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int is_mark(uint8_t c)
{
    return c == '.' || c == ',' || c == '\'' || c == '_';
}

/* From the first digit to the last one; of no bytes when there is none. */
static crm__slice core_of(crm__slice s)
{
    while (s.n && !is_digit(*s.p)) {
        s.p++;
        s.n--;
    }
    while (s.n && !is_digit(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Length of a space that may stand between groups: also no-break and thin ones. */
static size_t space_at(const uint8_t *p, size_t n)
{
    if (*p == ' ')
        return 1;
    if (n > 1 && p[0] == 0xc2 && p[1] == 0xa0)
        return 2;
    return n > 2 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xaf || p[2] == 0x89) ? 3 : 0;
}

/* The core with each space as ' '; 0 when it is too long or has anything else in it. */
static size_t flat(crm__slice core, char out[CORE])
{
    size_t n = 0, space;

    for (size_t i = 0; i < core.n; i += space ? space : 1) {
        space = space_at(core.p + i, core.n - i);
        if (n == CORE || (!space && !is_digit(core.p[i]) && !is_mark(core.p[i])))
            return 0;
        out[n++] = space ? ' ' : (char)core.p[i];
    }
    return n;
}

/* Digits, or groups of three of them between marks of one sort. */
static int grouped(const char *s, size_t n, const char *marks)
{
    size_t run = 0;
    char mark = 0;

    for (size_t i = 0; i < n; i++) {
        if (is_digit((uint8_t)s[i])) {
            run++;
        } else {
            if (mark ? s[i] != mark || run != 3 : !strchr(marks, s[i]) || !run || run > 3)
                return 0;
            if (!mark && s[0] == '0')
                return 0;
            mark = s[i];
            run = 0;
        }
    }
    return mark ? run == 3 : run > 0;
}

static int is_style(const char *s, size_t n, char mark, const char *groups)
{
    const char *at = memchr(s, mark, n);
    size_t whole = at ? (size_t)(at - s) : n;

    for (size_t i = whole + 1; i < n; i++) {
        if (!is_digit((uint8_t)s[i]))
            return 0;
    }
    return grouped(s, whole, groups);
}

static int style_of(crm__slice core)
{
    char s[CORE];
    size_t n = flat(core, s);
    int point = n && is_style(s, n, '.', ",'_ "), comma = n && is_style(s, n, ',', ".'_ ");

    if (point && comma)
        return memchr(s, '.', n) || memchr(s, ',', n) ? EITHER : PLAIN;
    return point ? POINT : comma ? COMMA : NEITHER;
}

unsigned crm__map_number_look(crm__slice text)
{
    int style = style_of(core_of(text));

    return style == POINT ? CRM__DECIMAL_POINT : style == COMMA ? CRM__DECIMAL_COMMA : 0;
}

/* Settles the style of a cell by what the mapping or the column says. */
static int settle(const crm__mapping *m, const crm__map_column *c, int style, const char **why,
                  const char **hint)
{
    unsigned says = c->decimal ? c->decimal : c->seen_number;

    if (c->decimal && ((style == POINT && c->decimal == CRM__DECIMAL_COMMA) ||
                       (style == COMMA && c->decimal == CRM__DECIMAL_POINT))) {
        *why = style == POINT ? "has a decimal point, and the mapping says that it is a comma"
                              : "has a decimal comma, and the mapping says that it is a point";
        *hint = style == POINT ? "1234,50 or 1.234,50" : "1234.50 or 1,234.50";
        return NEITHER;
    }
    if (style == COMMA)
        return says & CRM__DECIMAL_COMMA ? COMMA : PLAIN; /* which the field's reader refuses */
    if (style != EITHER)
        return style;
    if (says == CRM__DECIMAL_COMMA || says == CRM__DECIMAL_POINT)
        return says == CRM__DECIMAL_COMMA ? COMMA : POINT;
    if (!says && !m->commas)
        return POINT;
    *why = "does not tell whether it has a decimal comma, as others in the table do";
    *hint = "1234, or 1.2340 for a fraction; or \"decimal: comma\" or \"decimal: point\" in the "
            "mapping";
    return NEITHER;
}

/* Appends the core as the field's reader wants it. */
static void put_core(crm__slice core, int style, crm__buf *out)
{
    size_t space;

    for (size_t i = 0; i < core.n; i += space ? space : 1) {
        uint8_t c = core.p[i];
        space = space_at(core.p + i, core.n - i);
        if (space || (style == COMMA && c == '.'))
            continue;
        crm__buf_add_u8(out, style == COMMA && c == ',' ? '.' : c);
    }
}

/* An amount without a currency: nothing but the number stands there. */
static int is_bare(crm__slice s)
{
    for (size_t i = 0, space; i < s.n; i += space ? space : 1) {
        space = space_at(s.p + i, s.n - i);
        if (!space && !is_digit(s.p[i]) && !is_mark(s.p[i]) && (!s.p[i] || !strchr("-+()", s.p[i])))
            return 0;
    }
    return 1;
}

static int has_space(crm__slice core)
{
    for (size_t i = 0; i < core.n; i++) {
        if (space_at(core.p + i, core.n - i))
            return 1;
    }
    return 0;
}

int crm__map_amount(crm__mapping *m, const crm__map_column *c, const crm__field *f,
                    crm__slice *text, const char **why, const char **hint)
{
    crm__slice s = *text, core = core_of(s);
    int below = s.n > 2 && s.p[0] == '(' && s.p[s.n - 1] == ')' && s.p[1] != '-';
    int bare = f->type == CRM_TYPE_MONEY && c->currency[0] && is_bare(s);
    int style = style_of(core), read = settle(m, c, style, why, hint);
    int spaced = style != NEITHER && has_space(core);

    if (style != NEITHER && read == NEITHER)
        return CRM_EVALUE;
    if (!core.n)
        return CRM_OK;
    if (!below && !bare && !spaced && read != COMMA)
        return CRM_OK;
    m->join.n = 0;
    if (below)
        crm__buf_add_u8(&m->join, '-');
    crm__buf_add(&m->join, s.p + below, (size_t)(core.p - s.p) - (size_t)below);
    if (style == NEITHER)
        crm__buf_add(&m->join, core.p, core.n);
    else
        put_core(core, read, &m->join);
    crm__buf_add(&m->join, core.p + core.n, (size_t)(s.p + s.n - core.p) - core.n - (size_t)below);
    if (bare) {
        crm__buf_add_u8(&m->join, ' ');
        crm__buf_add_str(&m->join, c->currency);
    }
    *text = crm__slice_of(m->join.p, m->join.n);
    return CRM_OK;
}
