/* SPDX-License-Identifier: MIT
 * What the files of table.h share: the input with what was read of it to tell its format, the
 * columns, and what a format does.  A format knows nothing of the others.
 */
#ifndef CRM_IO_TABLE_PART_H
#define CRM_IO_TABLE_PART_H

#include "io/table.h"
#include "io/text_part.h"

enum { CRM__TABLE_HEAD = CRM__TEXT_SAMPLE };

/* The bytes, unpacked when they are gzip's. */
typedef struct crm__table_input {
    const crm_allocator *mem;
    crm__input from;
    int seeks;      /* it is a file, whose bytes from `base` on are also to be had by pread() */
    int64_t base;   /* where the descriptor stood */
    uint64_t bytes; /* taken from the descriptor */
    uint64_t all;   /* of the file from `base` on, 0 when not known */
    crm__unpack *unpack;
    uint8_t *head; /* the first bytes; `at` of the n were handed out */
    size_t at, n;
    int whole; /* the input ends with them */
} crm__table_input;

/* As a crm__fill_fn; ctx is the crm__table_input. */
int crm__table_fill(void *ctx, void *to, size_t cap, size_t *n, crm_error *err);

typedef struct crm__table_kind crm__table_kind;

struct crm__table {
    const crm_allocator *mem;
    const crm__table_kind *kind;
    void *reader; /* the format's own */
    crm__table_input input;
    crm__table_info info;
    crm__arena text; /* of the names */
    crm__slice *names;
    size_t columns, room;
    int rc; /* stays */
    crm_error why;
};

/* A format.  open() sets t->reader as soon as there is something to close. */
struct crm__table_kind {
    const char *name;
    unsigned takes; /* CRM__TAKES_..., the options that mean something */
    int (*open)(crm__table *t, const crm__table_options *opts, crm_error *err);
    int (*next)(crm__table *t, crm__table_row *row, crm_error *err);
    void (*close)(void *reader);
    void (*tell)(crm__table *t); /* brings t->info up to date */
};

enum { CRM__TAKES_ENCODING = 1, CRM__TAKES_SEPARATOR = 2, CRM__TAKES_SHEET = 4 };

extern const crm__table_kind crm__table_csv, crm__table_vcard, crm__table_xlsx;

/* Adds a column; a name that is empty once trimmed becomes "column 7". */
int crm__table_add(crm__table *t, crm__slice name, crm_error *err);

/* The format of the input by its first bytes: "csv", "vcard", "xlsx", or NULL with what it is
 * instead in err.  `given`: what somebody says it is, or NULL; then only what can't be so is told.
 */
const char *crm__table_sniff(crm__table_input *in, const char *given, crm_error *err);

/* What t->info says of the text that `text` reads, where the input is gzip's or not. */
void crm__table_tell_text(crm__table *t, const crm__text *text);

#endif
