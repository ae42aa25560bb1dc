/* SPDX-License-Identifier: MIT
 * CSV: any text is read into rows that stand in it one behind another, the same ones whatever
 * pieces it comes in and however short a row must be; cells written again are read again.
 */
#include "fuzz.h"

#include "io/csv.h"

#include <crm/codes.h>

typedef struct source {
    const uint8_t *p;
    size_t n, step;
} source;

static int fill(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    source *s = ctx;

    (void)err;
    *n = s->n < s->step ? s->n : s->step;
    *n = *n < cap ? *n : cap;
    if (*n) {
        memcpy(to, s->p, *n);
        s->p += *n;
        s->n -= *n;
    }
    return CRM_OK;
}

typedef struct opened {
    source from;
    crm__text *text;
    crm__csv *csv;
    crm_error err;
} opened;

static int open_all(opened *o, const uint8_t *p, size_t n, size_t step, char separator,
                    size_t limit)
{
    crm__csv_options opts = {separator, limit};
    int rc;

    memset(o, 0, sizeof *o);
    o->from = (source){p, n, step};
    rc = crm__text_open(NULL, fill, &o->from, NULL, &o->text, &o->err);
    return rc ? rc : crm__csv_open(NULL, o->text, &opts, &o->csv, &o->err);
}

static void close_all(opened *o)
{
    crm__csv_close(o->csv);
    crm__text_close(o->text);
}

static void same_rows(const crm__csv_row *a, const crm__csv_row *b)
{
    MUST(a->count == b->count && a->found == b->found && a->flags == b->flags);
    MUST(a->line == b->line && a->offset == b->offset && a->odd == b->odd);
    MUST(a->end == b->end && crm__slice_compare(a->raw, b->raw) == 0);
    for (size_t i = 0; i < a->count; i++)
        MUST(crm__slice_compare(a->cells[i], b->cells[i]) == 0);
}

/* Rows written by the writer are read as they were. */
static void check_written(const crm__buf *text, const crm__buf *cells, const crm__buf *widths,
                          char separator)
{
    const size_t *width = (const size_t *)(const void *)widths->p;
    size_t at = 0, rows = widths->n / sizeof *width;
    crm__csv_row row;
    opened o;

    MUST(open_all(&o, text->p, text->n, 1000, separator, 0) == CRM_OK);
    for (size_t i = 0; i < rows; i++) {
        MUST(crm__csv_next(o.csv, &row, &o.err) == CRM_OK && row.found == width[i]);
        for (size_t k = 0; k < row.found; k++) {
            size_t n;
            memcpy(&n, cells->p + at, sizeof n);
            at += sizeof n;
            if (k < row.count) {
                MUST(row.cells[k].n == n);
                MUST(!n || memcmp(row.cells[k].p, cells->p + at, n) == 0);
            } else {
                MUST(n == 0);
            }
            at += n;
        }
    }
    MUST(crm__csv_next(o.csv, &row, &o.err) == CRM_DONE);
    close_all(&o);
}

static void put_row(crm__csv_writer *w, crm__buf *cells, crm__buf *widths, const crm__csv_row *row)
{
    crm__buf_add(widths, &row->count, sizeof row->count);
    for (size_t i = 0; i < row->count; i++) {
        crm__csv_cell(w, row->cells[i]);
        crm__buf_add(cells, &row->cells[i].n, sizeof row->cells[i].n);
        crm__buf_add(cells, row->cells[i].p, row->cells[i].n);
    }
    crm__csv_end_row(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    uint8_t how = take(&in);
    char separator = ",;\t|\0\0:x"[how % 8];
    size_t limit = how & 16 ? 1 + take(&in) : 0;
    crm__buf text, cells, widths;
    crm__csv_writer w;
    crm__csv_row a, b;
    uint64_t offset = 0;
    opened one, two;
    int rc = open_all(&one, in.p, in.n, in.n + 1, separator, limit);

    MUST(open_all(&two, in.p, in.n, 1 + how % 5, separator, limit) == rc);
    crm__buf_init(&text, NULL);
    crm__buf_init(&cells, NULL);
    crm__buf_init(&widths, NULL);
    if (!rc)
        separator = crm__csv_info_of(one.csv)->separator;
    crm__csv_begin(&w, &text, separator, how >> 5 & 3);
    while (!rc) {
        rc = crm__csv_next(one.csv, &a, &one.err);
        MUST(crm__csv_next(two.csv, &b, &two.err) == rc);
        if (rc)
            break;
        same_rows(&a, &b);
        MUST(a.offset >= offset && a.count <= a.found && a.end <= 2);
        MUST(a.raw.n || a.flags & CRM__CSV_BROKEN);
        MUST((a.why != NULL) == ((a.flags & CRM__CSV_BROKEN) != 0));
        offset = a.offset + a.raw.n + a.end;
        if (a.count) /* a row that is too long has no cells to be shown */
            put_row(&w, &cells, &widths, &a);
    }
    if (rc < 0 && one.csv)
        MUST(one.err.row == two.err.row && one.err.offset == two.err.offset);
    close_all(&one);
    close_all(&two);
    check_written(&text, &cells, &widths, separator);
    crm__buf_clear(&text);
    crm__buf_clear(&cells);
    crm__buf_clear(&widths);
    return 0;
}
