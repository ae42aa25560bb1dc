/* SPDX-License-Identifier: MIT
 * Portions of rows: copies of what the table or the lines give, which live until the next portion.
 */
#include "io/import.h"

#include <crm/codes.h>
#include <sys/stat.h>

static const char *const FORMATS[] = {"csv", "xlsx", "vcard", "jsonl"};

static int is_lines(const crm_allocator *mem, int fd, const crm_import_options *o, int *lines,
                    crm_error *err)
{
    uint8_t first;
    int rc;

    *lines = 0;
    if (!o->format) {
        rc = crm__lines_begin(mem, fd, &first, err);
        if (!rc && first == '[')
            rc = crm__fail(err, CRM_ESYNTAX,
                           "a JSON list: one document a line is wanted, e.g. jq -c '.[]'");
        *lines = first == '{';
        return rc;
    }
    for (size_t i = 0; i < sizeof FORMATS / sizeof *FORMATS; i++) {
        if (strcmp(o->format, FORMATS[i]) == 0) {
            *lines = i == 3;
            return CRM_OK;
        }
    }
    return crm__fail_field(err, CRM_EINVAL, "format", "a format is csv, xlsx, vcard or jsonl");
}

int crm__rows_open(const crm_allocator *mem, const crm__input *from, const crm_import_options *o,
                   crm__source_of_rows *out, crm_error *err)
{
    const int fd = from->fd;
    crm__table_options t = {o->format, o->encoding, (char)o->separator, o->sheet};
    struct stat st;
    int lines, rc;

    memset(out, 0, sizeof *out);
    rc = is_lines(mem, fd, o, &lines, err);
    if (rc)
        return rc;
    if (lines) {
        if (o->separator || o->sheet)
            return crm__fail_field(err, CRM_EINVAL, o->sheet ? "sheet" : "separator",
                                   "a file of format jsonl has no %s",
                                   o->sheet ? "sheets" : "separator");
        rc = crm__lines_open(mem, from, o->encoding, &out->lines, err);
        if (!rc && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !crm__lines_info(out->lines)->gzip)
            out->total = (uint64_t)st.st_size;
        return rc;
    }
    rc = crm__table_open(mem, from, &t, &out->table, err);
    if (!rc)
        out->total = crm__table_info_of(out->table)->bytes_all;
    return rc;
}

void crm__rows_close(crm__source_of_rows *s)
{
    crm__lines_close(s->lines);
    crm__table_close(s->table);
    s->lines = NULL;
    s->table = NULL;
}

void crm__portion_init(crm__portion *p, const crm_allocator *mem)
{
    crm__arena_init(&p->text, mem);
    crm__buf_init(&p->rows, mem);
    crm__buf_init(&p->cells, mem);
    p->count = 0;
    p->empty = 0;
}

void crm__portion_clear(crm__portion *p)
{
    crm__arena_clear(&p->text);
    crm__buf_clear(&p->rows);
    crm__buf_clear(&p->cells);
}

static size_t text_bytes(const crm__cell *cells, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += cells[i].text.n;
    return n;
}

/* Keeps the cells that are not empty; how many there are. */
static size_t keep_cells(crm__portion *p, const crm__cell *cells, size_t count, uint8_t **to)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        crm__cell c = cells[i];
        if (!c.text.n)
            continue;
        memcpy(*to, c.text.p, c.text.n);
        c.text.p = *to;
        *to += c.text.n;
        crm__buf_add(&p->cells, &c, sizeof c);
        kept++;
    }
    return kept;
}

/* Copies what there is of a row, all texts in one piece. */
static int keep_row(crm__portion *p, const crm__table_row *row)
{
    crm__import_row r = {*row, p->cells.n / sizeof(crm__cell), {NULL, 0}, p->empty};
    size_t all = row->why ? strlen(row->why) + 1 : 0;
    uint8_t *to;

    all += text_bytes(row->cells, row->count) + text_bytes(row->beyond, row->beyond_count);
    to = crm__arena_alloc(&p->text, all ? all : 1);
    if (!to)
        return CRM_ENOMEM;
    if (row->why) {
        size_t n = strlen(row->why) + 1;
        memcpy(to, row->why, n);
        r.row.why = (const char *)to;
        to += n;
    }
    r.row.count = keep_cells(p, row->cells, row->count, &to);
    r.row.beyond_count = keep_cells(p, row->beyond, row->beyond_count, &to);
    crm__buf_add(&p->rows, &r, sizeof r);
    if (p->cells.failed || p->rows.failed)
        return CRM_ENOMEM;
    p->count++;
    p->empty = 0;
    return CRM_OK;
}

static int keep_line(crm__portion *p, crm__slice line, uint64_t number, const char *why, int marked)
{
    crm__import_row r;

    memset(&r, 0, sizeof r);
    r.row.number = r.row.line = number;
    r.row.why = why;
    r.row.flags = why ? CRM__ROW_BROKEN : marked ? CRM__ROW_REPLACED : 0;
    r.text.p = crm__arena_copy(&p->text, line.n ? line.p : (const uint8_t *)"", line.n + !line.n);
    r.text.n = line.n;
    if (!r.text.p)
        return CRM_ENOMEM;
    crm__buf_add(&p->rows, &r, sizeof r);
    if (p->rows.failed)
        return CRM_ENOMEM;
    p->count++;
    return CRM_OK;
}

static int read_row(crm__source_of_rows *s, crm__portion *p, crm_error *err)
{
    crm__table_row row;
    int rc = crm__table_next(s->table, &row, err);

    s->bytes = crm__table_info_of(s->table)->bytes;
    if (rc)
        return rc;
    if (row.flags & CRM__ROW_EMPTY) {
        p->empty++;
        return CRM_OK;
    }
    return keep_row(p, &row) ? crm__fail_nomem(err) : CRM_OK;
}

static int read_line(crm__source_of_rows *s, crm__portion *p, crm_error *err)
{
    const char *why;
    crm__slice line;
    uint64_t number;
    int marked, rc = crm__lines_next(s->lines, &line, &number, &why, err);

    s->bytes = crm__lines_info(s->lines)->offset;
    if (rc)
        return rc;
    marked = crm__lines_info(s->lines)->faults && crm__text_marks(line.p, line.n);
    return keep_line(p, line, number, why, marked) ? crm__fail_nomem(err) : CRM_OK;
}

int crm__portion_read(crm__source_of_rows *s, crm__portion *p, crm_error *err)
{
    crm__import_row *rows;
    int rc = CRM_OK;

    crm__arena_reset(&p->text);
    p->rows.n = p->cells.n = 0;
    p->count = 0;
    /* Empty rows count, so that the host is asked between many of them. */
    for (uint64_t n = 0; !rc && n < CRM__PORTION_ROWS && p->text.used < CRM__PORTION_BYTES; n++) {
        if (p->count && s->lines && !crm__lines_ready(s->lines))
            break;
        rc = s->table ? read_row(s, p, err) : read_line(s, p, err);
    }
    rows = (crm__import_row *)(void *)p->rows.p;
    for (size_t i = 0; i < p->count; i++) {
        const crm__cell *cells = (const crm__cell *)(const void *)p->cells.p;
        rows[i].row.cells = rows[i].row.count ? cells + rows[i].first : NULL;
        rows[i].row.beyond =
            rows[i].row.beyond_count ? cells + rows[i].first + rows[i].row.count : NULL;
    }
    return rc;
}

uint64_t crm__row_hash(uint64_t h, const crm__import_row *r)
{
    for (size_t i = 0; i < r->row.count; i++)
        h = crm__hash64(h * 31 + r->row.cells[i].column, r->row.cells[i].text.p,
                        r->row.cells[i].text.n);
    return crm__hash64(h + 1, r->text.p ? (const void *)r->text.p : "", r->text.n);
}

uint64_t crm__rows_hash_begin(const crm__source_of_rows *s)
{
    uint64_t h = 0;

    /* Columns of vCards are not known yet: theirs are hashed with the cells, by number. */
    for (size_t i = 0; s->table && i < crm__table_columns(s->table); i++) {
        crm__slice name = crm__table_column(s->table, i);
        h = crm__hash64(h + 1, name.p ? (const void *)name.p : "", name.n);
    }
    return h;
}
