/* SPDX-License-Identifier: MIT
 * The CSV writer: quotes only where a reader would otherwise see something else.
 */
#include "io/csv.h"

static const uint8_t BOM[] = {0xef, 0xbb, 0xbf};

void crm__csv_begin(crm__csv_writer *w, crm__buf *to, char separator, unsigned flags)
{
    memset(w, 0, sizeof *w);
    w->to = to;
    w->separator = separator;
    w->flags = flags;
    w->first_row = 1;
    if (flags & CRM__CSV_BOM)
        crm__buf_add(to, BOM, sizeof BOM);
}

/* What a file's beginning would mean to a reader: a byte order mark, "sep=". */
static int looks_like_beginning(crm__slice s)
{
    return (s.n >= sizeof BOM && memcmp(s.p, BOM, sizeof BOM) == 0) ||
           (s.n >= 4 && memcmp(s.p, "sep=", 4) == 0);
}

static int needs_quotes(const crm__csv_writer *w, crm__slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t b = s.p[i];
        if (b == (uint8_t)w->separator || b == '"' || b == '\n' || b == '\r')
            return 1;
        /* A spreadsheet may take another separator for its own. */
        if (w->flags & CRM__CSV_DEFORMULA && (b == ';' || b == ',' || b == '\t'))
            return 1;
    }
    return w->first_row && !w->cells && looks_like_beginning(s);
}

/* A sign and digits are a number, which does no harm. */
static int is_number(crm__slice s)
{
    size_t i = s.p[0] == '-' || s.p[0] == '+', digits = 0, points = 0;

    for (; i < s.n; i++) {
        digits += s.p[i] >= '0' && s.p[i] <= '9';
        points += s.p[i] == '.';
    }
    return digits && points <= 1 && i - (s.p[0] == '-' || s.p[0] == '+') == digits + points;
}

/* The signs that begin a formula, in their full-width forms too: U+FF1D, FF0B, FF0D, FF20. */
static int is_formula(crm__slice s)
{
    static const char WIDE[] = "\x9d\x8b\x8d\xa0";

    if (s.n >= 3 && s.p[0] == 0xef && s.p[1] == 0xbc)
        return memchr(WIDE, s.p[2], 4) != NULL;
    return s.n && memchr("=+-@\t\r", s.p[0], 6) && !is_number(s);
}

static void add_quoted(crm__buf *to, crm__slice s)
{
    size_t from = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"') {
            crm__buf_add(to, s.p + from, i + 1 - from);
            from = i; /* the quote once more */
        }
    }
    crm__buf_add(to, s.p + from, s.n - from);
}

void crm__csv_cell(crm__csv_writer *w, crm__slice cell)
{
    int formula = (w->flags & CRM__CSV_DEFORMULA) && is_formula(cell);
    int quotes = needs_quotes(w, cell) || (formula && w->separator == '\'');

    if (w->cells)
        crm__buf_add_u8(w->to, (uint8_t)w->separator);
    if (quotes)
        crm__buf_add_u8(w->to, '"');
    if (formula)
        crm__buf_add_u8(w->to, '\'');
    if (quotes)
        add_quoted(w->to, cell);
    else if (cell.n)
        crm__buf_add(w->to, cell.p, cell.n);
    if (quotes)
        crm__buf_add_u8(w->to, '"');
    w->empty = !w->cells++ && !cell.n;
}

void crm__csv_end_row(crm__csv_writer *w)
{
    if (w->empty) /* else it were a blank line */
        crm__buf_add(w->to, "\"\"", 2);
    if (w->flags & CRM__CSV_CRLF)
        crm__buf_add_u8(w->to, '\r');
    crm__buf_add_u8(w->to, '\n');
    w->cells = 0;
    w->empty = 0;
    w->first_row = 0;
}
