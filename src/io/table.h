/* SPDX-License-Identifier: MIT
 * Rows of any file that people bring: columns with names, cells with text.  CSV and XLSX have their
 * columns in the first row; a vCard has one for each kind of property it meets, so columns may be
 * added while rows are read, and a row says of each cell which column it is of.
 */
#ifndef CRM_IO_TABLE_H
#define CRM_IO_TABLE_H

#include "base/error.h"
#include "base/mem.h"
#include "io/text_in.h"

enum { CRM__TABLE_COLUMNS = 4096 };

/* What is to be said of a row. */
enum {
    CRM__ROW_FEW = 1,         /* CSV: fewer cells than columns with a name */
    CRM__ROW_MANY = 2,        /* more cells than columns, not all of them empty */
    CRM__ROW_BARE_QUOTE = 4,  /* a quote inside a cell without quotes: kept */
    CRM__ROW_AFTER_QUOTE = 8, /* text behind a cell's closing quote: kept; broken by a quote */
    CRM__ROW_EMPTY = 16,      /* every cell is empty: to be passed over (a sheet's are already) */
    CRM__ROW_REPLACED = 32,   /* a mark of text_in.h stands for what was wrong in the text */
    CRM__ROW_BROKEN = 64,     /* the row as a whole can't be read (a card without end, a cell of a
                                 type nobody knows): `why` says so, and its cells, if any, are to be
                                 shown only; the next row can be read */
};

/* A cell that begins with this mark is to be taken as it stands behind it (docs/import.md).  In a
 * table people write it; of a card the reader does, where the property says so, and where a text
 * begins so by chance. */
#define CRM__CELL_EXACT "\\="

typedef struct crm__cell {
    uint32_t column; /* from 0 */
    crm__slice text; /* UTF-8; of a date "2024-05-31" or "2024-05-31T09:30:00" */
} crm__cell;

typedef struct crm__table_row {
    const crm__cell *cells;  /* by column ascending; of a card several may be of one column */
    size_t count;            /* a cell that is not here is empty, one that is here may be */
    const crm__cell *beyond; /* of CRM__ROW_MANY: those behind the last column, by column too */
    size_t beyond_count;
    uint64_t number; /* of the row, from 1; the row of names, where there is one, is 1 */
    uint64_t line;   /* where it begins in the text, from 1; in a sheet, its row there */
    unsigned flags;  /* CRM__ROW_... */
    size_t odd;      /* of CRM__ROW_BARE_QUOTE, _AFTER_QUOTE: the first such cell's column */
    size_t found; /* of CRM__ROW_FEW, _MANY: cells in the text; in a sheet, up to its last text */
    const char *why; /* of CRM__ROW_BROKEN: one line for a person, no data of the row; else NULL */
} crm__table_row;

/* How a table was found to be what it is, for the report. */
typedef struct crm__table_info {
    const char *format;            /* "csv", "xlsx", "vcard" */
    char encoding[CRM__TEXT_NAME]; /* "" where it can't vary (XLSX) */
    unsigned encoding_percent;     /* how sure that is; 100 when given */
    int gzip;
    char separator;      /* CSV; else 0 */
    unsigned percent;    /* how sure the separator is; 100 when given */
    const char *sheet;   /* XLSX: its name; else NULL */
    const char *version; /* vCard: "2.1", "3.0", "4.0", of the first card; else NULL */
    uint64_t bytes;      /* of the input (as it is, packed or not) behind what was read */
    uint64_t bytes_all;  /* of the input, 0 when that can't be told */
    uint64_t replaced;   /* invalid sequences of the encoding */
} crm__table_info;

typedef struct crm__table crm__table;

typedef struct crm__table_options {
    const char *format;   /* NULL: guess from the first bytes */
    const char *encoding; /* NULL: guess */
    char separator;       /* 0: guess */
    const char *sheet;    /* name of a sheet, or NULL: the first one with a row */
} crm__table_options;

/* Reads from a descriptor, which stays the caller's: a file, a pipe, a terminal; from->idle NULL:
 * it does not keep us waiting.  XLSX from what can't seek is put into an unnamed temporary file.
 * CRM_ECANCELLED: from->idle said so, here or in crm__table_next(); CRM_EINVAL: an option, or a
 * format that is not built in; CRM_ESYNTAX: it is no such file, with what it is instead when that
 * can be told ("a PDF", "an old Excel file (.xls): save it as .xlsx or CSV"); CRM_EIO, CRM_ENOMEM.
 */
int crm__table_open(const crm_allocator *mem, const crm__input *from,
                    const crm__table_options *opts, crm__table **out, crm_error *err);
void crm__table_close(crm__table *t);

/* The next row, valid until the next call; CRM_DONE at the end.  Errors stay: CRM_ESYNTAX (`row` is
 * the line where what can't be read begins; or it is damaged as a whole), CRM_EIO, CRM_ENOMEM. */
int crm__table_next(crm__table *t, crm__table_row *row, crm_error *err);

/* Columns known so far; they keep their numbers.  A name is the header as it stands, trimmed;
 * "column 7" where it is empty; the same name twice stays so.  The names are those of the first row
 * with a text.  Of cards it is the property, in capitals, with its part or kind:
 *   N;family N;given N;additional N;prefix N;suffix     ORG;name ORG;unit ("A / B")
 *   ADR;street ADR;city ADR;region ADR;code ADR;country ADR;box ADR;extended: of the card's first
 *       address; ADR;other: any further one, as a text
 *   TEL;cell TEL;work TEL;home TEL;fax TEL;pager TEL     EMAIL;home EMAIL;work EMAIL
 *   BDAY, ANNIVERSARY: 1985-04-12, or --0412 without a year; CATEGORIES, NICKNAME: a cell for each
 *   FN TITLE ROLE URL NOTE GENDER LANG UID KIND X-QQ ...: all others as they stand
 * Pictures, sounds, keys, VERSION, PRODID and REV are left out. */
size_t crm__table_columns(const crm__table *t);
crm__slice crm__table_column(const crm__table *t, size_t column);
const crm__table_info *crm__table_info_of(const crm__table *t);

#endif
