/* SPDX-License-Identifier: MIT
 * CSV as a table: the first row with a text has the names.  Rows pass through as they are, cells
 * beside the number of their column.
 */
#include "io/csv.h"
#include "io/table_part.h"

#include <crm/codes.h>

typedef struct reader {
    const crm_allocator *mem;
    crm__text *text;
    crm__csv *csv;
    size_t named;    /* columns without unnamed ones at the end */
    uint64_t before; /* rows without any text in front of the names */
    crm__cell cells[CRM__TABLE_COLUMNS];
} reader;

static void close_csv(void *p)
{
    reader *r = p;

    crm__csv_close(r->csv);
    crm__text_close(r->text);
    crm__release(r->mem, r);
}

static int take_names(crm__table *t, reader *r, crm_error *err)
{
    crm__csv_row row;
    int rc;

    do {
        rc = crm__csv_next(r->csv, &row, err);
        r->before++;
    } while (!rc && row.flags & CRM__CSV_EMPTY);
    r->before--;
    if (rc == CRM_DONE)
        return crm__fail(err, CRM_ESYNTAX, "the file has no text");
    if (!rc && row.flags & CRM__CSV_BROKEN)
        return crm__fail_at(err, CRM_ESYNTAX, (int64_t)row.line, (int64_t)row.offset,
                            "line %llu: %s", (unsigned long long)row.line, row.why);
    if (!rc && row.found > CRM__TABLE_COLUMNS)
        return crm__fail_at(err, CRM_ESYNTAX, (int64_t)row.line, (int64_t)row.offset,
                            "line %llu: there are more than %d columns",
                            (unsigned long long)row.line, CRM__TABLE_COLUMNS);
    for (size_t i = 0; !rc && i < row.count; i++) {
        rc = crm__table_add(t, row.cells[i], err);
        r->named = row.cells[i].n ? i + 1 : r->named;
    }
    return rc;
}

static int open_csv(crm__table *t, const crm__table_options *o, crm_error *err)
{
    crm__text_options text = {.encoding = o->encoding};
    crm__csv_options csv = {o->separator, 0};
    reader *r = crm__alloc(t->mem, sizeof *r);
    int rc;

    if (!r)
        return crm__fail_nomem(err);
    memset(r, 0, offsetof(reader, cells));
    for (uint32_t i = 0; i < CRM__TABLE_COLUMNS; i++)
        r->cells[i].column = i;
    r->mem = t->mem;
    t->reader = r;
    rc = crm__text_open(t->mem, crm__table_fill, &t->input, &text, &r->text, err);
    if (!rc)
        rc = crm__csv_open(t->mem, r->text, &csv, &r->csv, err);
    return rc ? rc : take_names(t, r, err);
}

/* Flags of a row of n cells, `found` in the text, against the names. */
static unsigned flags_of(const reader *r, size_t columns, const crm__csv_row *row)
{
    unsigned flags = row->found < r->named ? CRM__ROW_FEW : 0;

    for (size_t i = columns; i < row->count; i++) {
        if (row->cells[i].n)
            flags |= CRM__ROW_MANY;
    }
    if (row->found > CRM__CSV_COLUMNS)
        flags |= CRM__ROW_MANY;
    if (row->flags & CRM__CSV_BARE_QUOTE)
        flags |= CRM__ROW_BARE_QUOTE;
    if (row->flags & CRM__CSV_AFTER_QUOTE)
        flags |= CRM__ROW_AFTER_QUOTE;
    if (row->flags & CRM__CSV_EMPTY)
        flags |= CRM__ROW_EMPTY;
    if (row->flags & CRM__CSV_REPLACED)
        flags |= CRM__ROW_REPLACED;
    return flags;
}

static int next_csv(crm__table *t, crm__table_row *out, crm_error *err)
{
    reader *r = t->reader;
    crm__csv_row row;
    int rc = crm__csv_next(r->csv, &row, err);
    size_t n;

    if (rc)
        return rc;
    n = row.count < t->columns ? row.count : t->columns;
    for (size_t i = 0; i < n; i++)
        r->cells[i].text = row.cells[i];
    out->cells = r->cells;
    out->count = n;
    out->number = row.number - r->before;
    out->line = row.line;
    out->found = row.found;
    out->odd = row.odd;
    out->why = row.why;
    if (row.flags & CRM__CSV_BROKEN)
        out->flags = CRM__ROW_BROKEN | (row.count ? CRM__ROW_AFTER_QUOTE : 0);
    else if (row.flags || row.found != t->columns)
        out->flags = flags_of(r, t->columns, &row);
    if (out->flags & CRM__ROW_MANY && row.count > n) {
        for (size_t i = n; i < row.count; i++)
            r->cells[i].text = row.cells[i];
        out->beyond = r->cells + n;
        out->beyond_count = row.count - n;
    }
    return CRM_OK;
}

static void tell_csv(crm__table *t)
{
    reader *r = t->reader;
    const crm__csv_info *i = crm__csv_info_of(r->csv);

    crm__table_tell_text(t, r->text);
    t->info.separator = i->separator;
    t->info.percent = i->percent;
}

const crm__table_kind crm__table_csv = {
    "csv", CRM__TAKES_ENCODING | CRM__TAKES_SEPARATOR, open_csv, next_csv, close_csv, tell_csv};
