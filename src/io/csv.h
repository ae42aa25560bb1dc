/* SPDX-License-Identifier: MIT
 * Tables as text: RFC 4180 and what people make of it.  The reader gives rows as pieces of its own
 * buffer, tells what is odd in them instead of refusing, and holds no more than one row and a
 * buffer; the writer quotes what must be quoted.
 */
#ifndef CRM_IO_CSV_H
#define CRM_IO_CSV_H

#include "io/text_in.h"

enum { CRM__CSV_COLUMNS = 4096, CRM__CSV_RECORD = 16 * 1024 * 1024 };

typedef struct crm__csv_options {
    char separator;      /* ',' ';' '\t' '|' or any ASCII but a quote, CR, LF; 0: guess */
    size_t record_bytes; /* the longest row; 0: CRM__CSV_RECORD */
} crm__csv_options;

/* How the separator was found. */
enum {
    CRM__CSV_GIVEN,
    CRM__CSV_HINT,   /* a first line "sep=;", which is not a row */
    CRM__CSV_COUNTS, /* its number is the same in the first rows */
    CRM__CSV_NONE,   /* there is none: one column */
};

/* What is to be said of a row. */
enum {
    CRM__CSV_FEW = 1,          /* fewer cells than the first row's names */
    CRM__CSV_MANY = 2,         /* more cells than the first row, not all of them empty */
    CRM__CSV_TRAILING = 4,     /* empty cells behind the last column were left out */
    CRM__CSV_BARE_QUOTE = 8,   /* a quote inside a cell without quotes: kept */
    CRM__CSV_AFTER_QUOTE = 16, /* text behind a cell's closing quote: kept */
    CRM__CSV_EMPTY = 32,       /* every cell is empty */
    CRM__CSV_REPLACED = 64,    /* a mark of text_in.h stands in it, in a text with faults */
    CRM__CSV_BROKEN = 128,     /* it can't be read: `why`; cells up to the end of the line on which
                                  a quote begins that has no end, if that is not too long, too */
};

typedef struct crm__csv_row {
    const crm__slice *cells; /* unquoted */
    size_t count;            /* at most CRM__CSV_COLUMNS */
    size_t found;            /* cells in the text */
    crm__slice raw;          /* as it stands in the text (in UTF-8), without the end of its line */
    size_t end;              /* bytes of that: 0 (end of text), 1, 2 */
    uint64_t number;         /* of the row, from 1; the first one holds the names */
    uint64_t line;           /* of its first byte, from 1 */
    uint64_t offset;         /* of its first byte in the UTF-8 text, without byte order mark */
    unsigned flags;          /* CRM__CSV_FEW ... */
    size_t odd;              /* first cell of CRM__CSV_BARE_QUOTE or _AFTER_QUOTE, from 0 */
    const char *why;         /* of CRM__CSV_BROKEN, one line for a person; else NULL */
} crm__csv_row;

typedef struct crm__csv_info {
    char separator;
    unsigned found;   /* CRM__CSV_GIVEN ... */
    unsigned percent; /* how sure that is */
    size_t columns;   /* of the first row */
    uint64_t rows, blank_lines;
} crm__csv_info;

typedef struct crm__csv crm__csv;

/* text is borrowed until crm__csv_close().  Reads as much as a guess needs; opts may be NULL. */
int crm__csv_open(const crm_allocator *mem, crm__text *text, const crm__csv_options *opts,
                  crm__csv **out, crm_error *err);
void crm__csv_close(crm__csv *c);

/* The next row that is not a blank line; valid until the next call.  CRM_DONE at the end.
 * CRM_ESYNTAX: a first row of more columns than allowed; `row` is the line where it begins, `offset`
 * its byte in the UTF-8 text.  Or an error of crm__text_read().  Errors stay.  A row of more bytes
 * than allowed is broken, and passed over up to the end of its line; a quote without end breaks the
 * row that it begins in, not those behind its line. */
int crm__csv_next(crm__csv *c, crm__csv_row *row, crm_error *err);

const crm__csv_info *crm__csv_info_of(const crm__csv *c);

/* The separator of the n bytes at p, `whole` when the text ends with them. */
void crm__csv_guess_of(const uint8_t *p, size_t n, int whole, crm__csv_info *info);

/* ---- writing ---- */

enum {
    CRM__CSV_BOM = 1,      /* a byte order mark first: spreadsheets then know that it is UTF-8 */
    CRM__CSV_CRLF = 2,     /* lines end with CRLF, as RFC 4180 has it, not LF */
    CRM__CSV_DEFORMULA = 4 /* ' before a cell that a spreadsheet would run; not to be undone */
};

/* Appends to `to`, whose `failed` is to be looked at; the caller may empty it between rows. */
typedef struct crm__csv_writer {
    crm__buf *to;
    char separator;
    unsigned flags;
    size_t cells;  /* in the present row */
    int first_row; /* nothing but a byte order mark was written */
    int empty;     /* the present row has one cell, an empty one */
} crm__csv_writer;

void crm__csv_begin(crm__csv_writer *w, crm__buf *to, char separator, unsigned flags);
void crm__csv_cell(crm__csv_writer *w, crm__slice cell);
void crm__csv_end_row(crm__csv_writer *w);

#endif
