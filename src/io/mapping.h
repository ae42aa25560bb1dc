/* SPDX-License-Identifier: MIT
 * Which column of a table is which field: by key and label of the model, by the names that other
 * programs give their columns, or by a mapping somebody wrote; and a row as a customer or an event.
 */
#ifndef CRM_IO_MAPPING_H
#define CRM_IO_MAPPING_H

#include "io/table.h"

#include <crm/customer.h>
#include <crm/event.h>

enum { CRM__MAP_CUSTOMERS, CRM__MAP_EVENTS }; /* what the rows are */

/* What a column becomes. */
enum {
    CRM__USE_NONE,      /* nobody claims it: its cells are left out */
    CRM__USE_LEFT_OUT,  /* left out because the mapping says so, or an error file's own columns */
    CRM__USE_FIELD,     /* a field of customers; of events: the customer is found by it */
    CRM__USE_ID,        /* the customer's number in this database */
    CRM__USE_KIND,      /* kind of the customer, of the event */
    CRM__USE_PART,      /* part of a field: given and family name, lines of an address ... */
    CRM__USE_ATTRIBUTE, /* of events; which one depends on the kind of the row */
    CRM__USE_TIME,      /* of events */
    CRM__USE_REFERENCE, /* of events */
    CRM__USE_SOURCE,    /* where the row comes from */
    CRM__USE_TAG,       /* tags of customers, of any dimension or of one */
};

/* How that was found. */
enum {
    CRM__FOUND_NOT,
    CRM__FOUND_MAPPING, /* written in the mapping */
    CRM__FOUND_KEY,     /* the key of a field */
    CRM__FOUND_LABEL,   /* a label of the model */
    CRM__FOUND_KNOWN,   /* a name that exports of other programs use */
};

typedef struct crm__mapped {
    crm__slice column; /* as it stands */
    unsigned use, found;
    const char *key;     /* of the field, attribute or dimension, "" where there is none */
    const char *source;  /* of an identity that is per source: whose; "" otherwise */
    const char *program; /* of CRM__FOUND_KNOWN: "HubSpot", or "" when several use the name */
    const char *why;     /* of CRM__USE_NONE: what was near, or who claims the field already; one
                            line, or "" */
} crm__mapped;

struct crm__field;
typedef struct crm__mapping crm__mapping;

typedef struct crm__mapping_options {
    unsigned what;
    const char *text; /* a mapping (docs/import.md), NULL: none */
    size_t text_n;
    const char *kind;   /* of customers or events whose row has none; NULL: the model's usual */
    const char *source; /* of values, and of identities that are per source; NULL: that of the text,
                           else "import" (of identities: the program the table comes from, where its
                           columns tell that) */
    int partial;  /* rows only change customers that are there: they may lack required fields */
    int upsert;   /* rows may change such customers; those of others are bad without the fields */
    crm_id owner; /* of all events; 0: each row tells whose it is */
} crm__mapping_options;

/* A mapping for a model of the transaction, which must outlive it or be given anew by
 * crm__mapping_bind().  CRM_ESYNTAX, CRM_EFIELD: the text, with line (row) and column. */
int crm__mapping_new(crm_txn *txn, const crm__mapping_options *opts, crm__mapping **out,
                     crm_error *err);
void crm__mapping_free(crm__mapping *m);
/* Goes on with another transaction: the fields are looked up again. */
int crm__mapping_bind(crm__mapping *m, crm_txn *txn, crm_error *err);

/* Tells of the columns from the number of those told before on; what was said of those stays.  A
 * column whose name begins with "crm:" is one of an error file's own and left out.  CRM_ENOMEM. */
int crm__mapping_columns(crm__mapping *m, const crm__table *t, crm_error *err);
/* The same from names; card: they are properties of vCards. */
int crm__mapping_names(crm__mapping *m, const crm__slice *names, size_t count, int card,
                       crm_error *err);
/* Shows the mapping a row before any is filled: whether a column's dates have the day or the month
 * first is told by all the rows it was shown (the first portion will do), never by the row itself.
 */
void crm__mapping_sample(crm__mapping *m, const crm__table_row *row);
size_t crm__mapping_count(const crm__mapping *m);
const crm__mapped *crm__mapping_at(const crm__mapping *m, size_t column);
/* What makes the mapping of no use, once the columns are told: no column of a required field, no
 * column by which an event's customer can be found ...  CRM_EFIELD with a line for a person. */
int crm__mapping_judge(const crm__mapping *m, crm_error *err);
/* The mapping as a text that crm__mapping_options.text reads back to the same.  refused: nothing can be
 * imported by it, and columns that nobody claims are comments; else they are skipped. */
int crm__mapping_write(const crm__mapping *m, int refused, crm__buf *out);

/* A cell that can't be what it should. */
typedef struct crm__cell_fault {
    uint32_t column;   /* UINT32_MAX: the row as a whole */
    const char *field; /* "" when none */
    const char *what;  /* one line, without the value */
    const char *hint;  /* what would be right: "2024-05-31", "one of female, male, other"; or "" */
    int code;          /* CRM_EVALUE ... */
} crm__cell_fault;
typedef void (*crm__cell_fault_fn)(void *ctx, const crm__cell_fault *fault);

/* Fills an empty customer from a row: every fault is told, then CRM_EVALUE when there was one.
 * *id: the number a column CRM__USE_ID has, else 0.  CRM_ENOMEM ... end the work. */
int crm__mapping_customer(crm__mapping *m, const crm__table_row *row, crm_customer *c, crm_id *id,
                          crm__cell_fault_fn fault, void *ctx, crm_error *err);
/* The tags of the row that a customer was filled from last; names are canonical. */
typedef struct crm__row_tag {
    crm__slice name;
    const struct crm__dimension *dimension;
    int64_t until; /* 0: no end */
} crm__row_tag;
const crm__row_tag *crm__mapping_tags(const crm__mapping *m, size_t *count);
/* The same of an event, and whose it is: CRM_ENOTFOUND when nobody has the identities,
 * CRM_ECONFLICT when they are of several customers, or of another one than all rows are (both told
 * as faults). */
int crm__mapping_event(crm__mapping *m, const crm__table_row *row, crm_event *e, crm_id *customer,
                       crm__cell_fault_fn fault, void *ctx, crm_error *err);

/* ---- for exports ---- */

/* Whether import would make something else of a value of a card that does not say so. */
int crm__map_touches_card(const struct crm__field *f, crm__slice text);
/* Appends a value such that it is read back from a cell as it is (docs/import.md, "As it stands"):
 * with a mark in front when import would make something else of it, and of a list with a backslash
 * before what would end it.  f = NULL: a text that is no field's. */
void crm__map_put(crm__buf *to, const struct crm__field *f, crm__slice text);
/* Ends the value that was appended at `from`, when another follows in the cell. */
void crm__map_put_mark(crm__buf *to, const struct crm__field *f, size_t from);
/* "-", "n/a": a word for nothing. */
int crm__map_is_nothing(crm__slice s);

#endif
