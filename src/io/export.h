/* SPDX-License-Identifier: MIT
 * The parts of crm_export(): the walk over one snapshot and where its bytes go; rows of CSV; cards.
 * What is handed out passes the root, for it comes from crm_customer_list().
 */
#ifndef CRM_IO_EXPORT_H
#define CRM_IO_EXPORT_H

#include "io/copy.h"
#include "io/csv.h"
#include "tag/tag.h"

#include <crm/customer.h>
#include <crm/event.h>
#include <crm/export.h>
#include <crm/segment.h>

/* A column of CSV. */
typedef struct crm__export_column {
    const char *own;     /* what every record has: "id", or its tags; NULL: a field or attribute */
    crm_field field;     /* of an attribute only its key counts */
    const crm__field *f; /* of customers */
    const char *source;  /* of an identity that is per source: only this one's values; NULL: all */
    const crm__dimension *within; /* of tags: only those of it; NULL: all */
} crm__export_column;

typedef struct crm__export {
    crm_txn *txn;
    const crm_allocator *mem;
    const crm_export_options *o;
    const crm_segment *segment; /* NULL: all */
    const char *kind;           /* key of the only kind; NULL: both */
    crm_error *err;
    crm__buf out; /* not yet handed on */
    int fd;       /* -1: o->write */
    uint64_t rows, bytes, done, total;
    /* Of CSV. */
    crm__csv_writer csv;
    const crm__model *model;
    crm__buf columns; /* crm__export_column */
    crm__arena arena; /* their texts */
    crm__buf cell;
    crm__tag_window tags; /* open once they are asked for */
} crm__export;

static inline size_t crm__export_columns(const crm__export *x)
{
    return x->columns.n / sizeof(crm__export_column);
}

/* Calls fn for each customer. */
typedef int (*crm__export_customer_fn)(crm__export *x, crm_customer *c);
int crm__export_each(crm__export *x, crm__export_customer_fn fn);
/* Calls fn for each event in force of a customer. */
typedef int (*crm__export_event_fn)(crm__export *x, crm_event *e);
int crm__export_each_event(crm__export *x, crm_id id, crm__export_event_fn fn);
/* The tags of a customer, each given to crm__tag_window_next() then. */
int crm__export_tags(crm__export *x, const crm_customer *c);
/* A row is whole: hands bytes on when there are enough. */
int crm__export_row(crm__export *x);
/* A line of JSON is. */
int crm__export_line(crm__export *x, const char *front, const char *json, size_t n);
/* One of those that are counted is through. */
int crm__export_step(crm__export *x);

/* export_csv.c: what is in x->cell becomes a cell, the cells a row; a time there. */
void crm__export_csv_open(crm__export *x);
void crm__export_cell(crm__export *x);
int crm__export_end_row(crm__export *x);
void crm__export_time(crm__export *x, int64_t us);
/* Columns and the first row; a customer or an event. */
int crm__export_csv_begin(crm__export *x);
int crm__export_csv_customer(crm__export *x, crm_customer *c);
int crm__export_csv_event(crm__export *x, crm_event *e);
/* A tag in a text: "behaviour:active (until 2030-01-31T00:00:00Z)", as the import reads it. */
void crm__export_put_tag(crm__buf *to, crm__slice tag, int64_t until);

/* export_journal.c: all entries, as CSV or JSON Lines. */
int crm__export_journal(crm__export *x);

/* export_card.c */
int crm__export_card(crm__export *x, crm_customer *c);

#endif
