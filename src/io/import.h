/* SPDX-License-Identifier: MIT
 * What the files of the import share.  Rows are read in portions into memory of their own, and only
 * then written, so that no transaction is open while the input keeps us waiting.  What a batch has
 * done so far stands in one row of the meta space, written in the same transactions as its changes.
 */
#ifndef CRM_IO_IMPORT_H
#define CRM_IO_IMPORT_H

#include "codec/json.h"
#include "db/journal.h"
#include "io/bulk.h"
#include "io/mapping.h"
#include "io/table.h"

#include <crm/import.h>

/* ---- lines of JSON (import_lines.c) ---- */

enum { CRM__LINE_MAX = 16 << 20 };

typedef struct crm__lines crm__lines;
/* from->idle NULL: it does not keep us waiting. */
int crm__lines_open(const crm_allocator *mem, const crm__input *from, const char *encoding,
                    crm__lines **out, crm_error *err);
void crm__lines_close(crm__lines *l);
/* The next line that is not blank, valid until the next call; *why is not NULL for one that is too
 * long, and then it has no text.  CRM_DONE at the end.  Errors stay. */
int crm__lines_next(crm__lines *l, crm__slice *line, uint64_t *number, const char **why,
                    crm_error *err);
/* Whether the next line, or the end, is there or comes soon. */
int crm__lines_ready(const crm__lines *l);
const crm__text_info *crm__lines_info(const crm__lines *l);
/* The first character of the text at the place of a descriptor, when that is '{' or '[', else 0; 0
 * for what can't seek.  CRM_ESYNTAX: it is a dump. */
int crm__lines_begin(const crm_allocator *mem, int fd, uint8_t *first, crm_error *err);

/* ---- portions of rows (import_read.c) ---- */

enum { CRM__PORTION_ROWS = 8192, CRM__PORTION_BYTES = 8 << 20 };

typedef struct crm__import_row {
    crm__table_row row; /* cells: set once the portion is complete */
    size_t first;       /* of its cells, in portion.cells */
    crm__slice text;    /* of JSON Lines */
    uint64_t empty;     /* rows without content before it, which are not kept */
} crm__import_row;

typedef struct crm__portion {
    crm__arena text;
    crm__buf rows, cells; /* crm__import_row, crm__cell */
    size_t count;
    uint64_t empty; /* rows without content behind the last one */
} crm__portion;

typedef struct crm__source_of_rows {
    crm__table *table; /* or */
    crm__lines *lines;
    uint64_t bytes; /* of the input read */
    uint64_t total; /* of the input, 0: not known */
} crm__source_of_rows;

int crm__rows_open(const crm_allocator *mem, const crm__input *from, const crm_import_options *o,
                   crm__source_of_rows *out, crm_error *err);
void crm__rows_close(crm__source_of_rows *s);
void crm__portion_init(crm__portion *p, const crm_allocator *mem);
void crm__portion_clear(crm__portion *p);
/* Reads the next portion: what there is, when lines keep us waiting.  CRM_DONE: it is the last one.
 * On an error it holds the rows before. */
int crm__portion_read(crm__source_of_rows *s, crm__portion *p, crm_error *err);
static inline const crm__import_row *crm__portion_at(const crm__portion *p, size_t i)
{
    return (const crm__import_row *)(const void *)p->rows.p + i;
}
/* Goes on with the hash of all rows before. */
uint64_t crm__row_hash(uint64_t h, const crm__import_row *r);
/* The same of the names of columns, to begin with. */
uint64_t crm__rows_hash_begin(const crm__source_of_rows *s);

/* ---- what a batch has done (import_state.c, import_find.c) ---- */

enum { CRM__SOURCE_ROOM = 104 }; /* a name has at most 100 bytes */

typedef struct crm__import_state {
    uint64_t batch;
    uint32_t what, policy;
    uint64_t rows; /* done */
    uint64_t hash; /* of those */
    uint64_t created, updated, unchanged, skipped, bad, empty;
    uint64_t mark; /* the host's */
    uint64_t ways; /* hash of what makes rows into what is stored: the mapping ... */
    char source[CRM__SOURCE_ROOM]; /* of the transactions; "": none */
} crm__import_state;

enum { CRM__KEY_IMPORT = 15 };
crm__slice crm__import_key(uint8_t to[CRM__KEY_IMPORT], uint64_t batch);
/* Reads the row of a batch: CRM_OK or CRM_ECORRUPT. */
int crm__import_read(uint64_t batch, crm__slice row, crm__import_state *s);
int crm__import_put(crm_txn *txn, const crm__import_state *s, crm_error *err);
/* Nothing is left to be resumed of a batch. */
int crm__import_forget(crm_txn *txn, uint64_t batch, crm_error *err);
/* Finds the batch to go on with: o->resume, or the one whose rows the input begins with.  It must
 * have been begun as *like says: `what`, `policy`, `source`, `ways`. */
int crm__import_find(crm_db *db, int fd, const crm_import_options *o, const crm__import_state *like,
                     crm__import_state *out, crm_error *err);

/* Imports that were cut short: what a whole one with the same rows leaves nothing to resume of. */
typedef struct crm__import_open {
    uint64_t batch, rows, hash;
    int same; /* it was begun with the rows that this one begins with */
} crm__import_open;
/* Those that were begun alike, the newest MOST of them, as an array of the caller's to release. */
int crm__import_list(crm_db *db, const crm__import_state *like, crm__buf *out, crm_error *err);

/* ---- numbers of event lines (import_number.c) ---- */

/* A map from a customer and a number to a number. */
typedef struct crm__numbers {
    struct crm__numbered *p;
    size_t n, cap;
} crm__numbers;

/* ---- one import ---- */

struct crm_import {
    crm_allocator mem;
    crm_db *db;
    crm_import_options o;  /* its texts in arena */
    crm_txn_options txn_o; /* the same */
    crm__arena arena;
    uint32_t what; /* CRM__MAP_CUSTOMERS, CRM__MAP_EVENTS */
    int waits;     /* the input may keep us waiting */
    int ran;
    int refused; /* the rows are not those of the batch to resume */
    int sampled; /* the mapping has seen the first portion */
    int events;  /* the columns of customers look like those of events */
    char missing[CRM_MESSAGE_SIZE]; /* why nothing can be imported, with CRM_IMPORT_LOOK; or "" */
    crm__source_of_rows in;
    crm__mapping *map; /* NULL: JSON Lines */
    crm__portion p;
    /* of a run */
    crm_txn *txn;
    crm_customer *c, *was;
    crm_event *e;
    crm__import_state done;
    crm__import_state stored; /* as of the last commit */
    crm__numbers became;      /* the number in a line: that of its event here */
    crm__numbers taken;       /* events here that stand for a line */
    crm_id numbered;          /* customer of the last such line */
    crm__buf others;          /* crm__import_open */
    uint64_t resumed, since;  /* rows since the last commit */
    uint64_t grown;           /* bytes of edits committed, once there was nothing before; else 0 */
    int first;                /* there was nothing before */
    uint64_t look;            /* rows until the host is asked again */
    crm_import_result r;
    /* of the row in work (import_row.c) */
    crm__arena row;
    crm_id named;           /* the customer whom the row names by number; 0: none */
    crm__slice line;        /* of JSON Lines: without the notes of a file of bad rows */
    crm__buf faults, texts; /* crm_import_fault; crm_import_text: columns, then cells */
};

/* ---- a row (import_row.c) ---- */

/* What is wrong with the row in work. */
void crm__import_fault(crm_import *imp, uint32_t column, int code, const char *field,
                       const char *what, const char *hint);
void crm__import_cell_fault(void *imp, const crm__cell_fault *f);
void crm__import_no_identity(crm_import *imp);
/* The column that is a field, UINT32_MAX when none is. */
uint32_t crm__import_column(const crm_import *imp, const char *field);
/* Whether something by which the customer would be found is a fault of the row. */
int crm__import_identity_told(const crm_import *imp);
/* Whether an error is the row's; others end the import. */
int crm__import_is_bad(int rc, const crm_error *err);

/* import_customer.c, import_event.c: what is wrong with the row stands in the faults then, or is an
 * error of crm__import_is_bad(). */
int crm__import_row_customer(crm_import *imp, const crm__import_row *r, crm_error *err);
int crm__import_line_customer(crm_import *imp, crm__slice json, crm_error *err);
int crm__import_row_event(crm_import *imp, const crm__import_row *r, crm_error *err);
int crm__import_line_event(crm_import *imp, const crm__import_row *r, crm__slice json,
                           crm_error *err);
/* A line that an earlier run of the batch had done: what its number stands for is learnt anew. */
int crm__import_line_passed(crm_import *imp, crm__slice json, crm_error *err);

/* import_owner.c: whose event a document is, by its member "customer". */
int crm__import_owner(crm_import *imp, const crm__json *doc, crm_id *id, crm_error *err);

/* import_number.c.  The number that a document carries, 0: none. */
uint32_t crm__import_number(const crm__json *doc);
/* Adds imp->e, read of a document with a number, unless the customer has it. */
int crm__import_add_numbered(crm_import *imp, uint32_t number, crm_id id, crm_error *err);
/* The same without adding it. */
int crm__import_find_numbered(crm_import *imp, uint32_t number, crm_id id, crm_error *err);
void crm__numbers_clear(const crm_allocator *mem, crm__numbers *map);

/* import_row.c: passes over the members "crm:..." that a file of bad lines has in front of each
 * document, in a copy in imp->row if there are any.  CRM_OK or CRM_ENOMEM. */
int crm__import_plain_line(crm_import *imp, crm__slice text, crm__slice *out);

/* The input begins with so many rows of that hash: those among the others that had come there are
 * imports of these rows. */
void crm__import_note(crm_import *imp, uint64_t rows, uint64_t hash);
/* Writes one row and counts what became of it.  CRM_DONE: the host said stop.  Errors end the
 * import: a bad row is none. */
int crm__import_write(crm_import *imp, const crm__import_row *r, crm_error *err);

#endif
