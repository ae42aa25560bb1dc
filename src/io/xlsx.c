/* SPDX-License-Identifier: MIT
 * A sheet of an XLSX file as a table: the first row with a text has the names.  Rows are read as
 * they are unpacked, one at a time; only what cells share is held.  Cells that others are merged
 * into stand empty in the file, and are.
 */
#include "base/file.h"
#include "io/table_part.h"
#include "io/xlsx.h"

#include <crm/codes.h>

#ifdef CRM__XLSX

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROW_BYTES = 16 * 1024 * 1024, COPY = 64 * 1024, TOLD = 256, SHEET_TOLD = 128 };
#define COPY_MOST (UINT64_C(4) << 30)

static const char LONG_TEXT[] = "a text is longer than 16 MiB";
static const char LONG_ROW[] = "the texts up to here are longer than a row may be";

/* Types of cells. */
enum { NUMBER, SHARED, TEXT, BOOLEAN, FAULT, DAY, UNKNOWN };

typedef struct reader {
    const crm_allocator *mem;
    int fd; /* of a copy; -1: the input itself is read */
    crm__zip *zip;
    crm__xlsx_book book;
    int has_book;
    crm__xml *xml;
    const crm__xlsx_sheet *sheet;
    uint64_t part_bytes; /* of the sheet, unpacked */
    uint64_t rows;       /* given, the names too */
    crm_error err;
    /* the row being read */
    uint64_t line;
    uint32_t next_column;
    size_t count;
    uint32_t width; /* columns up to the last one with a text */
    int in_data, in_row, unsorted;
    int has_nul;     /* a mark of text_in.h stands in a cell */
    const char *why; /* NULL, or told */
    char told[TOLD];
    size_t shared; /* bytes of its shared texts */
    crm__buf text; /* of its cells, but shared ones */
    crm__buf made; /* a number's text */
    uint64_t seen[CRM__TABLE_COLUMNS / 64];
    crm__cell cells[CRM__TABLE_COLUMNS];
    size_t offset[CRM__TABLE_COLUMNS]; /* in `text`; SIZE_MAX: shared */
    /* its present cell */
    int in_cell, in_inline, in_phonetic, takes, type;
    uint32_t column;
    crm__xlsx_style style;
    size_t begin;
} reader;

/* ---- a cell ---- */

static void stop(reader *r, int code, const char *what)
{
    crm__fail_at(&r->err, code, (int64_t)r->line, -1, "row %llu: %s", (unsigned long long)r->line,
                 what);
    crm__xml_stop(r->xml, &r->err);
}

/* The row can't be taken because of the present cell.  What is wrong first is told. */
static void refuse(reader *r, const char *what)
{
    char column[8];
    size_t n = strlen(r->sheet->name), at = sizeof column - 1;
    uint32_t c = r->column + 1;

    if (r->why)
        return;
    for (n = n < SHEET_TOLD ? n : SHEET_TOLD; n && (r->sheet->name[n] & 0xc0) == 0x80;)
        n--;
    for (column[at] = 0; c && at; c = (c - 1) / 26)
        column[--at] = (char)('A' + (c - 1) % 26);
    snprintf(r->told, sizeof r->told, "sheet %.*s, row %llu, column %s: %s", (int)n, r->sheet->name,
             (unsigned long long)r->line, column + at, what);
    r->why = r->told;
}

static int type_of(const char *t)
{
    static const struct {
        const char *name;
        int type;
    } TYPES[] = {{"n", NUMBER},  {"s", SHARED}, {"str", TEXT}, {"inlineStr", TEXT},
                 {"b", BOOLEAN}, {"e", FAULT},  {"d", DAY}};

    if (!t)
        return NUMBER;
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        if (strcmp(t, TYPES[i].name) == 0)
            return TYPES[i].type;
    }
    return UNKNOWN;
}

/* The column of "AB12", from 0; `otherwise` when there is none. */
static uint32_t column_of(const char *ref, uint32_t otherwise)
{
    uint32_t c = 0;

    for (; ref && ((*ref | 0x20) >= 'a' && (*ref | 0x20) <= 'z') && c < 1000000; ref++)
        c = c * 26 + (uint32_t)((*ref | 0x20) - 'a') + 1;
    return c ? c - 1 : otherwise;
}

static uint64_t number_of(const char *s, uint64_t otherwise)
{
    uint64_t v = 0;

    for (; s && *s >= '0' && *s <= '9' && v < UINT64_C(1) << 40; s++)
        v = v * 10 + (uint64_t)(*s - '0');
    return v ? v : otherwise;
}

static void begin_cell(reader *r, const char **atts)
{
    uint64_t style = number_of(crm__xml_att(atts, "s"), 0);

    r->in_cell = 1;
    r->in_inline = r->in_phonetic = r->takes = 0;
    r->column = column_of(crm__xml_att(atts, "r"), r->next_column);
    r->next_column = r->column + 1;
    r->type = type_of(crm__xml_att(atts, "t"));
    r->style = (crm__xlsx_style){CRM__AS_NUMBER, 0};
    if (style < r->book.style_count)
        r->style = r->book.styles[style];
    r->begin = r->text.n;
}

/* A day as a program other than a spreadsheet writes it: 2024-05-31T00:00:00.000. */
static size_t short_day(const uint8_t *p, size_t n)
{
    size_t at = 10;

    if (n < 11 || p[10] != 'T')
        return n;
    for (at++; at < n && (p[at] == '0' || p[at] == ':' || p[at] == '.'); at++)
        continue;
    return at == n ? 10 : n;
}

/* What r->text has from r->begin on becomes the cell's text, but a shared one, which is returned.
 */
static crm__slice take_value(reader *r)
{
    uint8_t *p = r->text.p + r->begin;
    size_t n = r->text.n - r->begin;
    crm__slice shared = {NULL, 0};
    uint64_t index = 0;

    switch (n ? r->type : TEXT) {
    case NUMBER:
        r->made.n = 0;
        crm__xlsx_number(&r->made, (crm__slice){p, n}, r->style, r->book.from_1904);
        r->text.n = r->begin;
        crm__buf_add(&r->text, r->made.p, r->made.n);
        return shared;
    case SHARED:
        for (size_t i = 0; i < n && p[i] >= '0' && p[i] <= '9' && index <= UINT32_MAX; i++)
            index = index * 10 + (uint64_t)(p[i] - '0');
        if (!crm__xlsx_string(&r->book, index, &shared))
            refuse(r, "a cell names a shared text that is not there");
        n = 0;
        break;
    case BOOLEAN:
        r->text.n = r->begin;
        crm__buf_add_str(&r->text, p[0] == '1' || p[0] == 't' ? "true" : "false");
        return shared;
    case FAULT:
        n = 0;
        break;
    case DAY:
        n = short_day(p, n);
        break;
    case UNKNOWN:
        refuse(r, "a cell is of a type that is not known");
        break;
    default:
        n = crm__xlsx_unescape(p, n, &r->has_nul);
    }
    r->text.n = r->begin + n;
    return shared;
}

static void end_cell(reader *r)
{
    crm__slice shared = take_value(r);
    size_t n = shared.n ? shared.n : r->text.n - r->begin;
    crm__cell *c = &r->cells[r->count];

    r->in_cell = 0;
    if (!n)
        return;
    if (r->width <= r->column)
        r->width = r->column + 1;
    if (r->column >= CRM__TABLE_COLUMNS) { /* told of by the width */
        r->text.n = r->begin;
        return;
    }
    if (r->seen[r->column / 64] >> (r->column % 64) & 1) {
        refuse(r, "two cells of it are of one column");
        return;
    }
    if (r->shared + shared.n + r->text.n > ROW_BYTES) {
        refuse(r, shared.n > ROW_BYTES ? LONG_TEXT : LONG_ROW);
        return;
    }
    if (r->book.has_nul && shared.n)
        r->has_nul |= (crm__text_marks(shared.p, shared.n) & CRM__HAS_NUL) != 0;
    r->shared += shared.n;
    r->seen[r->column / 64] |= UINT64_C(1) << (r->column % 64);
    r->unsorted |= r->count && c[-1].column > r->column;
    c->column = r->column;
    c->text = (crm__slice){shared.p, n};
    r->offset[r->column] = shared.n ? SIZE_MAX : r->begin;
    r->count++;
}

/* ---- a row ---- */

static void begin_row(reader *r, const char **atts)
{
    r->in_row = 1;
    r->line = number_of(crm__xml_att(atts, "r"), r->line + 1);
    r->next_column = r->width = 0;
    r->count = 0;
    r->unsorted = r->has_nul = 0;
    r->shared = 0;
    r->why = NULL;
    r->text.n = 0;
    memset(r->seen, 0, sizeof r->seen);
}

static int by_column(const void *a, const void *b)
{
    const crm__cell *x = a, *y = b;

    return (x->column > y->column) - (x->column < y->column);
}

/* Cells told so far have no place for their texts yet: the buffer may have moved. */
static void place_cells(reader *r)
{
    for (size_t i = 0; i < r->count; i++) {
        size_t at = r->offset[r->cells[i].column];
        if (at != SIZE_MAX)
            r->cells[i].text.p = r->text.p + at;
    }
    if (r->unsorted)
        qsort(r->cells, r->count, sizeof *r->cells, by_column);
}

static void on_start(void *ctx, const char *name, const char **atts)
{
    reader *r = ctx;

    if (!r->in_data)
        r->in_data = strcmp(name, "sheetData") == 0;
    else if (!r->in_row && strcmp(name, "row") == 0)
        begin_row(r, atts);
    else if (r->in_row && !r->in_cell && strcmp(name, "c") == 0)
        begin_cell(r, atts);
    else if (!r->in_cell)
        return;
    else if (strcmp(name, "is") == 0)
        r->in_inline = 1;
    else if (strcmp(name, "rPh") == 0) /* how it is read, beside what is written */
        r->in_phonetic++;
    else if (strcmp(name, "v") == 0 || (strcmp(name, "t") == 0 && r->in_inline && !r->in_phonetic))
        r->takes = 1;
}

static void on_end(void *ctx, const char *name)
{
    reader *r = ctx;

    if (!r->in_data)
        return;
    if (r->in_cell) {
        if (strcmp(name, "c") == 0)
            end_cell(r);
        else if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0)
            r->takes = 0;
        else if (strcmp(name, "rPh") == 0)
            r->in_phonetic -= r->in_phonetic > 0;
    } else if (r->in_row && strcmp(name, "row") == 0) {
        r->in_row = 0;
        if (r->text.failed || r->made.failed)
            stop(r, crm__fail_nomem(&r->err), "out of memory");
        else if (r->count || r->why || r->width)
            crm__xml_pause(r->xml);
    } else if (!r->in_row && strcmp(name, "sheetData") == 0) {
        r->in_data = 0;
    }
}

static void on_text(void *ctx, const char *p, size_t n)
{
    reader *r = ctx;

    if (!r->takes)
        return;
    if (r->text.n + n > ROW_BYTES) {
        refuse(r, r->text.n - r->begin + n > ROW_BYTES ? LONG_TEXT : LONG_ROW);
        r->takes = 0;
    } else {
        crm__buf_add(&r->text, p, n);
    }
}

/* ---- a sheet ---- */

/* The next row with a text; CRM_DONE behind the last. */
static int next_row(reader *r, crm_error *err)
{
    int rc = crm__xml_step(r->xml, err);

    if (!rc)
        place_cells(r);
    return rc;
}

static int take_names(crm__table *t, reader *r, crm_error *err)
{
    int rc = CRM_OK;

    if (r->why)
        return crm__fail_at(err, CRM_ESYNTAX, (int64_t)r->line, -1, "%s", r->why);
    if (r->width > CRM__TABLE_COLUMNS)
        return crm__fail_at(err, CRM_ESYNTAX, (int64_t)r->line, -1,
                            "row %llu: there are more than %d columns", (unsigned long long)r->line,
                            CRM__TABLE_COLUMNS);
    for (size_t i = 0; !rc && i < r->count; i++) {
        while (!rc && t->columns < r->cells[i].column)
            rc = crm__table_add(t, (crm__slice){NULL, 0}, err);
        if (!rc)
            rc = crm__table_add(t, r->cells[i].text, err);
    }
    r->rows = 1;
    return rc;
}

/* Begins a sheet and reads its names; CRM_DONE when it has no row with a text. */
static int begin_sheet(crm__table *t, reader *r, const crm__xlsx_sheet *s, crm_error *err)
{
    crm__xml_handler h = {on_start, on_end, on_text, r};
    long entry = s->part ? crm__zip_find(r->zip, s->part) : CRM__ZIP_NONE;
    int rc;

    if (entry == CRM__ZIP_NONE)
        return crm__fail(err, CRM_ESYNTAX, "the XLSX file lacks one of its sheets");
    crm__xml_close(r->xml);
    r->in_data = r->in_row = r->in_cell = r->takes = 0;
    r->line = 0;
    r->sheet = s;
    r->part_bytes = crm__zip_bytes(r->zip, entry);
    rc = crm__xml_open(t->mem, r->zip, entry, CRM__ZIP_BYTES, &h, &r->xml, err);
    if (!rc)
        rc = next_row(r, err);
    return rc ? rc : take_names(t, r, err);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static int same_name(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

static int find_sheet(crm__table *t, reader *r, const char *name, crm_error *err)
{
    const crm__xlsx_sheet *s = r->book.sheets;
    int rc = CRM_DONE;

    if (!name) {
        for (size_t i = 0; rc == CRM_DONE && i < r->book.count; i++) {
            if (!s[i].hidden && s[i].part)
                rc = begin_sheet(t, r, &s[i], err);
        }
        return rc == CRM_DONE ? crm__fail(err, CRM_ESYNTAX, "no visible sheet has a text") : rc;
    }
    for (size_t i = 0; i < r->book.count; i++) {
        if (!same_name(s[i].name, name))
            continue;
        if (!s[i].part)
            return crm__fail_field(err, CRM_EINVAL, "sheet",
                                   "the sheet has no cells, it is a chart");
        rc = begin_sheet(t, r, &s[i], err);
        return rc == CRM_DONE ? crm__fail(err, CRM_ESYNTAX, "the sheet has no text") : rc;
    }
    return crm__fail_field(err, CRM_EINVAL, "sheet", "the file has no sheet of that name");
}

/* ---- the file ---- */

/* An unnamed file with all of the input, as an archive is read from its end. */
static int copy_input(crm__table *t, reader *r, uint64_t *size, crm_error *err)
{
    uint8_t *piece;
    size_t n = 1;
    int rc = CRM_OK;

    r->fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (r->fd < 0)
        r->fd = memfd_create("crm-xlsx", MFD_CLOEXEC);
    if (r->fd < 0)
        return crm__fail_sys(err, CRM_EIO, errno, "can't make a temporary file");
    piece = crm__alloc(t->mem, COPY);
    if (!piece)
        return crm__fail_nomem(err);
    for (*size = 0; !rc && n; *size += n) {
        rc = crm__table_fill(&t->input, piece, COPY, &n, err);
        if (!rc && *size + n > COPY_MOST)
            rc = crm__fail(err, CRM_ESYNTAX, "the file is larger than 4 GiB");
        if (!rc && n)
            rc = crm__file_write(r->fd, piece, n, err);
    }
    crm__release(t->mem, piece);
    return rc;
}

static void close_xlsx(void *p)
{
    reader *r = p;

    crm__xml_close(r->xml);
    if (r->has_book)
        crm__xlsx_book_close(&r->book);
    crm__zip_close(r->zip);
    if (r->fd >= 0)
        close(r->fd);
    crm__buf_clear(&r->text);
    crm__buf_clear(&r->made);
    crm__release(r->mem, r);
}

static int open_xlsx(crm__table *t, const crm__table_options *o, crm_error *err)
{
    int copied = !t->input.seeks || crm__unpack_is_gzip(t->input.unpack), rc = CRM_OK;
    reader *r = crm__calloc(t->mem, 1, sizeof *r);
    uint64_t size = t->input.all;

    if (!r)
        return crm__fail_nomem(err);
    r->mem = t->mem;
    r->fd = -1;
    crm__buf_init(&r->text, t->mem);
    crm__buf_init(&r->made, t->mem);
    crm_error_init(&r->err);
    t->reader = r;
    if (!crm__buf_reserve(&r->text, COPY))
        return crm__fail_nomem(err);
    if (copied)
        rc = copy_input(t, r, &size, err);
    if (!rc)
        rc = crm__zip_open(t->mem, copied ? r->fd : t->input.from.fd, copied ? 0 : t->input.base,
                           size, &t->input.from, &r->zip, err);
    if (!rc) {
        r->has_book = 1;
        rc = crm__xlsx_book_open(&r->book, t->mem, r->zip, err);
    }
    if (!rc)
        rc = find_sheet(t, r, o->sheet, err);
    return rc;
}

static int next_xlsx(crm__table *t, crm__table_row *row, crm_error *err)
{
    reader *r = t->reader;
    int rc = next_row(r, err);
    size_t n = r->count;

    if (rc)
        return rc;
    while (n && r->cells[n - 1].column >= t->columns)
        n--;
    row->cells = r->cells;
    row->count = r->why ? 0 : n;
    row->number = ++r->rows;
    row->line = r->line;
    row->beyond = r->cells + n;
    row->beyond_count = r->why ? 0 : r->count - n;
    row->found = r->width;
    row->why = r->why;
    row->flags = (r->width > t->columns ? CRM__ROW_MANY : 0) | (r->why ? CRM__ROW_BROKEN : 0) |
                 (r->has_nul ? CRM__ROW_REPLACED : 0);
    return CRM_OK;
}

/* How much of the file is behind the row, by how much of the sheet is. */
static void tell_xlsx(crm__table *t)
{
    reader *r = t->reader;
    uint64_t done = crm__xml_bytes(r->xml), all = t->input.all;

    t->info.sheet = r->sheet->name;
    t->info.bytes = all;
    if (done < r->part_bytes)
        t->info.bytes = (uint64_t)((double)all * ((double)done / (double)r->part_bytes));
}

#else

static int open_xlsx(crm__table *t, const crm__table_options *o, crm_error *err)
{
    (void)t;
    (void)o;
    return crm__fail_field(err, CRM_EINVAL, "format", "built without XLSX: save it as CSV");
}

static int next_xlsx(crm__table *t, crm__table_row *row, crm_error *err)
{
    (void)t;
    (void)row;
    return crm__fail(err, CRM_EINVAL, "built without XLSX");
}

static void close_xlsx(void *p)
{
    (void)p;
}

static void tell_xlsx(crm__table *t)
{
    (void)t;
}

#endif

const crm__table_kind crm__table_xlsx = {"xlsx",    CRM__TAKES_SHEET, open_xlsx,
                                         next_xlsx, close_xlsx,       tell_xlsx};
