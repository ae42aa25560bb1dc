/* SPDX-License-Identifier: MIT
 * Which character separates the cells: the one that divides the first rows into equally many, with
 * regard to quotes.
 */
#include "io/csv.h"

enum { SAMPLE_ROWS = 200 };

typedef struct count {
    size_t first, rows, same; /* cells of the first row; rows; those with as many cells */
} count;

static void end_row(count *c, size_t cells)
{
    if (!c->rows++)
        c->first = cells;
    c->same += cells == c->first;
}

/* Rows as the reader sees them, byte by byte; a last one cut short is left out. */
static count count_rows(const uint8_t *p, size_t n, int whole, uint8_t separator)
{
    count c = {0, 0, 0};
    size_t cells = 1, begin = 0; /* of the cell */
    int quoted = 0, empty = 1;   /* within quotes; nothing on the line yet */

    for (size_t i = 0; i < n && c.rows < SAMPLE_ROWS; i++) {
        uint8_t b = p[i];
        if (b == '"' && (quoted || i == begin)) {
            if (quoted && i + 1 < n && p[i + 1] == '"')
                i++;
            else
                quoted = !quoted;
            empty = 0;
        } else if (quoted) {
            continue;
        } else if (b == '\n' || b == '\r') {
            if (!empty)
                end_row(&c, cells);
            cells = 1;
            begin = i + 1;
            empty = 1;
        } else {
            empty = 0;
            if (b == separator) {
                cells++;
                begin = i + 1;
            }
        }
    }
    if (!empty && c.rows < SAMPLE_ROWS && (whole || !c.rows))
        end_row(&c, cells);
    return c;
}

void crm__csv_guess_of(const uint8_t *p, size_t n, int whole, crm__csv_info *info)
{
    static const uint8_t CANDIDATES[] = {',', ';', '\t', '|'};
    count best = {0, 1, 0};
    int doubt = 0;

    info->separator = ',';
    info->found = CRM__CSV_NONE;
    info->percent = 100;
    for (size_t i = 0; i < sizeof CANDIDATES; i++) {
        count c = count_rows(p, n, whole, CANDIDATES[i]);
        size_t mine = c.same * best.rows, other = best.same * c.rows;
        if (c.first < 2)
            continue;
        if (mine == other)
            doubt = 1;
        if (mine > other || (mine == other && c.first > best.first)) {
            doubt = mine == other;
            best = c;
            info->separator = (char)CANDIDATES[i];
            info->found = CRM__CSV_COUNTS;
        }
    }
    if (info->found == CRM__CSV_COUNTS)
        info->percent = (unsigned)((doubt ? 70 : 100) * best.same / best.rows);
}
