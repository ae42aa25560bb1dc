/* SPDX-License-Identifier: MIT
 * What the files of crm numbers share: an answer, and how it is put.
 */
#ifndef NUMBERS_SHOW_H
#define NUMBERS_SHOW_H

#include "tool.h"

typedef struct numbers_show {
    tool *t;
    crm_txn *txn;
    crm_numbers *n;
    size_t rows, groups, values;
    int money;
    uint32_t kind; /* of the first grouping */
} numbers_show;

/* Names in order of their first appearance. */
typedef struct numbers_names {
    const char **p;
    size_t *index; /* open addressing: place + 1; twice as long as there is room for names */
    size_t n, room;
} numbers_names;

/* Appends what a row stands for in a grouping. */
void numbers_put_group(const numbers_show *s, size_t row, size_t group, buf *out);
crm_number_value numbers_value_of(const numbers_show *s, size_t row, size_t value);
/* Place of a name, which is taken out of the buffer; a new one comes behind the others. */
size_t numbers_name_own(numbers_names *all, buf *b);
void numbers_names_free(numbers_names *all);
/* Tells when the library left out rows that stand for nothing. */
void numbers_tell_gaps(const numbers_show *s);
/* Tables for people. */
void numbers_put_people(const numbers_show *s);

#endif
