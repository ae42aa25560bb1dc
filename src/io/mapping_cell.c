/* SPDX-License-Identifier: MIT
 * What people and spreadsheets do to values: marks around them, words for "nothing", numbers that
 * are none any more, several values in a cell.  A text is only made such that the reader of the
 * model takes it; what a value may be is decided there alone.
 */
#include "io/mapping_part.h"

#include "base/utf8.h"

#include <stdio.h>

/* ---- around a text ---- */

/* Joiners, and marks of direction: copied along from web pages and address books. */
static int is_invisible(uint32_t c)
{
    return (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x2069) || c == 0xad;
}

static int is_outer(uint32_t c)
{
    return crm__utf8_is_space(c) || is_invisible(c);
}

static int may_be_outer(uint8_t c)
{
    return c <= 0x20 || c >= 0x80;
}

crm__slice crm__map_bare(crm__slice text)
{
    const char *p = (const char *)text.p, *end = text.n ? p + text.n : p, *next, *at;

    while (p < end && may_be_outer((uint8_t)*p)) {
        next = p;
        if (!is_outer(crm__utf8_next(&next, end)))
            break;
        p = next;
    }
    while (p < end && may_be_outer((uint8_t)end[-1])) {
        at = end - 1;
        while (at > p && ((unsigned char)*at & 0xc0) == 0x80)
            at--;
        next = at;
        if (!is_outer(crm__utf8_next(&next, end)))
            break;
        end = at;
    }
    return crm__slice_of((const uint8_t *)p, (size_t)(end - p));
}

crm__slice crm__map_trim(crm__slice text)
{
    text = crm__map_bare(text);
    /* A spreadsheet's mark for "this is text", where it is of use to one. */
    if (text.n > 1 && text.p[0] == '\'' && memchr("=+-@0123456789", text.p[1], 14))
        return crm__slice_of(text.p + 1, text.n - 1);
    return text;
}

/* ---- as it stands ---- */

/* In front of a text that is taken as it stands, whatever the rules below would make of it. Exports
 * write it, and a cell of others hardly begins so. */
static const char LITERAL[] = CRM__CELL_EXACT;

int crm__map_is_literal(crm__slice text)
{
    return text.n >= 2 && memcmp(text.p, LITERAL, 2) == 0;
}

crm__slice crm__map_outer(const crm__mapping *m, crm__slice text)
{
    if (crm__map_is_literal(text))
        return text;
    return m->card ? crm__map_bare(text) : crm__map_trim(text);
}

crm__slice crm__map_plain(crm__slice text)
{
    return crm__map_is_literal(text) ? crm__slice_of(text.p + 2, text.n - 2) : text;
}

/* ---- nothing ---- */

static int is_word(crm__slice s, const char *word)
{
    size_t n = strlen(word);

    if (s.n != n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = s.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 32);
        if (c != (uint8_t)word[i])
            return 0;
    }
    return 1;
}

int crm__map_is_nothing(crm__slice s)
{
    static const char *const WORDS[] = {"-",    "--",   "—",    "——",     "/",     "n/a",
                                        "#n/a", "null", "none", "(null)", "\\n",   "nil",
                                        "无",   "暂无", "空",   "未填",   "未填写"};

    if (!s.n || s.n > 9 || !strchr("-/#(\\nN\xe2\xe6\xe7", s.p[0]))
        return 0;
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (is_word(s, WORDS[i]))
            return 1;
    }
    return 0;
}

/* Free text says what it says; all other values, ids among them, can't be "none". */
static int is_free(const crm__field *f)
{
    return f->type == CRM_TYPE_TEXT && !(f->flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE));
}

/* A word of the field's own comes first. */
static int means_nothing(const crm__field *f, crm__slice s)
{
    if (!crm__map_is_nothing(s))
        return 0;
    if (f->type == CRM_TYPE_BOOLEAN)
        return !is_word(s, "无");
    return f->type != CRM_TYPE_ENUM || !crm__enum_find(f, (const char *)s.p, s.n);
}

/* ---- forms of values ---- */

static int has_full_width(crm__slice s)
{
    for (size_t i = 0; i + 2 < s.n; i++) {
        if (s.p[i] == 0xef && (s.p[i + 1] == 0xbc || s.p[i + 1] == 0xbd))
            return 1;
    }
    return 0;
}

/* U+FF01 to U+FF5E as ASCII, into m->work. */
static crm__slice half_width(crm__mapping *m, crm__slice s)
{
    const char *p = (const char *)s.p, *end = p + s.n;
    char c4[4];

    m->work.n = 0;
    while (p < end) {
        uint32_t c = crm__utf8_next(&p, end);
        if (c >= 0xff01 && c <= 0xff5e)
            c -= 0xfee0;
        crm__buf_add(&m->work, c4, crm__utf8_put(c, c4));
    }
    return crm__slice_of(m->work.p, m->work.n);
}

static int is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "1.38E+10": a long number that a spreadsheet took for one to calculate with. */
static int is_rounded(crm__slice s)
{
    size_t i = 0, digits = 0, marks = 0;

    while (i < s.n && (is_digit(s.p[i]) || s.p[i] == '.')) {
        digits += s.p[i] != '.';
        marks += s.p[i] == '.';
        i++;
    }
    if (!digits || i + 2 > s.n || (s.p[i] != 'E' && s.p[i] != 'e'))
        return 0;
    i++;
    if (s.p[i] == '+') {
        marks++;
        i++;
    }
    if (!marks)
        return 0;
    if (s.n - i < 1 || s.n - i > 2)
        return 0;
    for (; i < s.n; i++) {
        if (!is_digit(s.p[i]))
            return 0;
    }
    return 1;
}

/* "13800138000.0" without its fraction. */
static crm__slice whole(crm__slice s)
{
    if (s.n < 7 || s.p[s.n - 1] != '0' || s.p[s.n - 2] != '.')
        return s;
    for (size_t i = 0; i + 2 < s.n; i++) {
        if (!is_digit(s.p[i]))
            return s;
    }
    s.n -= 2;
    return s;
}

/* "Li Na <li.na@example.com>", "mailto:li.na@example.com". */
static crm__slice address(crm__slice s)
{
    const uint8_t *open;

    if (s.n > 7 && !memcmp(s.p, "mailto:", 7))
        return crm__slice_of(s.p + 7, s.n - 7);
    if (s.n < 3 || s.p[s.n - 1] != '>')
        return s;
    open = memchr(s.p, '<', s.n);
    return open ? crm__slice_of(open + 1, (size_t)(s.p + s.n - 2 - open)) : s;
}

static crm__slice truth(crm__slice s)
{
    static const char *const YES[] = {"y", "t", "√", "✓", "✔", "☑", "对", "勾选", "checked"};
    static const char *const NO[] = {"n", "f", "×", "✗", "✘", "☐", "错", "未勾选", "unchecked"};

    for (size_t i = 0; i < sizeof YES / sizeof YES[0]; i++) {
        if (is_word(s, YES[i]))
            return crm__slice_of((const uint8_t *)"true", 4);
    }
    for (size_t i = 0; i < sizeof NO / sizeof NO[0]; i++) {
        if (is_word(s, NO[i]))
            return crm__slice_of((const uint8_t *)"false", 5);
    }
    return s;
}

static const char *const ROUNDED = "the spreadsheet cut the number: format the column as text, and "
                                   "export it again";

static int wrong(uint32_t column, const crm__field *f, const char *what, const char *hint,
                 crm__fault_to *to)
{
    char text[CRM_MESSAGE_SIZE];

    snprintf(text, sizeof text, "%s: %s", f->key, what);
    crm__map_tell(column, f->key, text, hint, CRM_EVALUE, to);
    return CRM_EVALUE;
}

static int ready_date(crm__mapping *m, uint32_t column, const crm__field *f, crm__slice *text,
                      crm__fault_to *to, crm_error *err)
{
    char out[CRM__MAP_DATE_BYTES];
    const char *why, *hint;
    int rc =
        crm__map_date(crm__map_column_at(m, column), f->type, m->txn->zone, out, text, &why, &hint);

    if (rc)
        return wrong(column, f, why, hint, to);
    if (text->p == (const uint8_t *)out) {
        m->join.n = 0;
        crm__buf_add(&m->join, out, text->n);
        if (m->join.failed) {
            m->join.failed = 0;
            return crm__fail_nomem(err);
        }
        text->p = m->join.p;
    }
    return CRM_OK;
}

int crm__map_ready(crm__mapping *m, uint32_t column, const crm__field *f, crm__slice *text,
                   crm__fault_to *to, crm_error *err)
{
    crm__slice s = *text;
    const char *why, *hint;
    int rc;

    if (crm__map_is_literal(s)) {
        *text = crm__map_plain(s);
        return text->n ? CRM_OK : CRM_DONE;
    }
    if (!s.n)
        return CRM_DONE;
    if (is_free(f))
        return CRM_OK;
    if (has_full_width(s))
        s = half_width(m, s);
    if (means_nothing(f, s))
        return CRM_DONE;
    switch (f->type) {
    case CRM_TYPE_PHONE:
        if (is_rounded(s))
            return wrong(column, f, "is a rounded number", ROUNDED, to);
        s = whole(s);
        break;
    case CRM_TYPE_TEXT:
        if (is_rounded(s))
            return wrong(column, f, "is a rounded number", ROUNDED, to);
        break;
    case CRM_TYPE_EMAIL:
        s = address(s);
        break;
    case CRM_TYPE_BOOLEAN:
        s = truth(s);
        break;
    case CRM_TYPE_MONEY:
    case CRM_TYPE_INTEGER:
    case CRM_TYPE_DECIMAL:
        rc = crm__map_amount(m, crm__map_column_at(m, column), f, &s, &why, &hint);
        if (rc)
            return wrong(column, f, why, hint, to);
        break;
    case CRM_TYPE_DATE:
    case CRM_TYPE_DATETIME:
        rc = ready_date(m, column, f, &s, to, err);
        if (rc)
            return rc;
        break;
    default:
        break;
    }
    if (m->work.failed || m->join.failed) {
        m->work.failed = m->join.failed = 0;
        return crm__fail_nomem(err);
    }
    *text = s;
    return CRM_OK;
}

/* ---- several values ---- */

/* Length of a mark between values at p, 0: none.  ";" may stand in the address of a page. */
static size_t mark_at(const crm__field *f, int safe, const uint8_t *p, size_t n)
{
    static const char *const MARKS[] = {" ::: ", "；", "、"}, *const SAFE[] = {"，", "／"};

    /* The first bytes of all marks. */
    if (*p != ' ' && *p != ';' && *p != '\n' && *p != ',' && *p != '/' && *p != 0xef && *p != 0xe3)
        return 0;
    for (size_t i = 0; i < sizeof MARKS / sizeof MARKS[0]; i++) {
        size_t k = strlen(MARKS[i]);
        if (n >= k && !memcmp(p, MARKS[i], k))
            return k;
    }
    if (*p == '\n' || (*p == ';' && f->type != CRM_TYPE_URL))
        return 1;
    if (!safe || (f->type != CRM_TYPE_PHONE && f->type != CRM_TYPE_EMAIL))
        return 0;
    for (size_t i = 0; i < sizeof SAFE / sizeof SAFE[0]; i++) {
        size_t k = strlen(SAFE[i]);
        if (n >= k && !memcmp(p, SAFE[i], k))
            return k;
    }
    return *p == ',' || *p == '/';
}

/* How many backslashes stand before p[n]. */
static size_t backslashes(const uint8_t *p, size_t n)
{
    size_t k = 0;

    while (k < n && p[n - 1 - k] == '\\')
        k++;
    return k;
}

/* Up to the next mark.  Before a mark two backslashes are one, and one left over takes the mark for
 * a part of the value; anywhere else they are what they are. */
static size_t cut(crm__mapping *m, const crm__field *f, crm__slice rest, crm__slice *one)
{
    size_t from = 0, n = 0, mark = 0, k;

    m->cut.n = 0;
    while (n < rest.n) {
        mark = mark_at(f, 0, rest.p + n, rest.n - n);
        k = mark ? backslashes(rest.p + from, n - from) : 0;
        if (k) {
            crm__buf_add(&m->cut, rest.p + from, n - from - k + k / 2);
            crm__buf_add(&m->cut, rest.p + n, k & 1 ? mark : 0);
            from = k & 1 ? n + mark : n;
        }
        if (mark && !(k & 1))
            break;
        n += mark ? mark : 1;
        mark = 0;
    }
    if (m->cut.n || from)
        crm__buf_add(&m->cut, rest.p + from, n - from);
    *one = m->cut.n || from ? crm__slice_of(m->cut.p, m->cut.n) : crm__slice_of(rest.p, n);
    return n + mark;
}

int crm__map_split(crm__mapping *m, const crm__field *f, int safe, crm__slice *rest,
                   crm__slice *one)
{
    size_t n = 0, mark = 0;

    if (!rest->n)
        return CRM_DONE;
    if (safe) {
        while (n < rest->n && (mark = mark_at(f, 1, rest->p + n, rest->n - n)) == 0)
            n++;
        *one = crm__slice_of(rest->p, n);
        n += mark;
    } else if (m->card && f->type == CRM_TYPE_TEXT) { /* a property has one */
        *one = *rest;
        n = rest->n;
    } else {
        n = cut(m, f, *rest, one);
        if (m->cut.failed) {
            m->cut.failed = 0;
            return CRM_ENOMEM;
        }
    }
    *one = crm__map_outer(m, *one);
    rest->p += n;
    rest->n -= n;
    return CRM_OK;
}

/* ---- what an export writes ---- */

/* Whether import would make something else of a value. */
static int is_touched(const crm__field *f, crm__slice text)
{
    if (crm__map_trim(text).n != text.n || (text.n >= 2 && !memcmp(text.p, LITERAL, 2)))
        return 1;
    if (!f || is_free(f))
        return 0;
    return has_full_width(text) || means_nothing(f, text) ||
           (f->type == CRM_TYPE_TEXT && is_rounded(text));
}

int crm__map_touches_card(const crm__field *f, crm__slice text)
{
    return crm__map_bare(text).n != text.n ||
           (!is_free(f) && (has_full_width(text) || means_nothing(f, text) ||
                            (f->type == CRM_TYPE_TEXT && is_rounded(text))));
}

void crm__map_put(crm__buf *to, const crm__field *f, crm__slice text)
{
    size_t from = 0, mark, k;

    if (is_touched(f, text))
        crm__buf_add(to, LITERAL, 2);
    for (size_t n = 0; f && f->flags & CRM_FIELD_LIST && n < text.n; n += mark ? mark : 1) {
        mark = mark_at(f, 0, text.p + n, text.n - n);
        k = mark ? backslashes(text.p + from, n - from) : 0;
        if (!mark)
            continue;
        crm__buf_add(to, text.p + from, n - from);
        while (k--)
            crm__buf_add_u8(to, '\\');
        crm__buf_add_u8(to, '\\');
        crm__buf_add(to, text.p + n, mark);
        from = n + mark;
    }
    crm__buf_add(to, text.p + from, text.n - from);
}

/* Between two values of a list: backslashes at the end of the one before are not the mark's. */
void crm__map_put_mark(crm__buf *to, const crm__field *f, size_t from)
{
    for (size_t k = backslashes(to->p + from, to->n - from); k; k--)
        crm__buf_add_u8(to, '\\');
    crm__buf_add_u8(to, f->type == CRM_TYPE_URL ? '\n' : ';');
}

/* ---- faults ---- */

void crm__map_tell(uint32_t column, const char *field, const char *what, const char *hint, int code,
                   crm__fault_to *to)
{
    crm__cell_fault fault = {column, field, what, hint, code};

    to->count++;
    if (to->fn)
        to->fn(to->ctx, &fault);
}

static const char *enum_hint(crm__mapping *m, const crm__field *f)
{
    m->hint.n = 0;
    crm__buf_add_str(&m->hint, "one of ");
    for (uint32_t i = 0; i < f->value_count; i++) {
        if (m->hint.n > 160) {
            crm__buf_add_str(&m->hint, ", ...");
            break;
        }
        crm__buf_add_str(&m->hint, i ? ", " : "");
        crm__buf_add_str(&m->hint, f->values[i].key);
    }
    crm__buf_add_u8(&m->hint, 0);
    if (m->hint.failed) {
        m->hint.failed = 0;
        return "";
    }
    return (const char *)m->hint.p;
}

/* A number that its field takes. */
static const char *integer_hint(crm__mapping *m, const crm__field *f)
{
    char text[96];

    if (!f->has_min && !f->has_max)
        return "1234";
    if (f->has_min && f->has_max)
        snprintf(text, sizeof text, "%lld to %lld", (long long)f->min.mantissa,
                 (long long)f->max.mantissa);
    else
        snprintf(text, sizeof text, "at %s %lld", f->has_min ? "least" : "most",
                 (long long)(f->has_min ? f->min : f->max).mantissa);
    m->hint.n = 0;
    crm__buf_add(&m->hint, text, strlen(text) + 1);
    if (m->hint.failed) {
        m->hint.failed = 0;
        return "";
    }
    return (const char *)m->hint.p;
}

static const char *hint_of(crm__mapping *m, const crm__field *f)
{
    switch (f->type) {
    case CRM_TYPE_ENUM:
        return enum_hint(m, f);
    case CRM_TYPE_DATE:
        return "2024-05-31";
    case CRM_TYPE_DATETIME:
        return "2024-05-31 09:30";
    case CRM_TYPE_BOOLEAN:
        return "yes or no";
    case CRM_TYPE_MONEY:
        return "1234.50, 1,234.50 or 1234.50 USD";
    case CRM_TYPE_INTEGER:
        return integer_hint(m, f);
    case CRM_TYPE_DECIMAL:
        return "1234.5";
    case CRM_TYPE_PHONE:
        return f->region[0] ? "a number of the country, or +44 20 7946 0018"
                            : "with the country: +44 20 7946 0018";
    case CRM_TYPE_EMAIL:
        return "name@example.com";
    case CRM_TYPE_URL:
        return "https://example.com";
    case CRM_TYPE_COUNTRY:
        return "CN, or the name of a country";
    case CRM_TYPE_LANGUAGE:
        return "zh, en, or the name of a language";
    case CRM_TYPE_CUSTOMER:
        return "the number of a customer of this database";
    default:
        return "";
    }
}

int crm__map_fault(crm__mapping *m, uint32_t column, const crm__field *f, const crm_error *why,
                   crm__fault_to *to, crm_error *err)
{
    if (why->code != CRM_EVALUE)
        return crm__fail_copy(err, why);
    crm__map_tell(column, f->key, why->message, hint_of(m, f), CRM_EVALUE, to);
    return CRM_EVALUE;
}
