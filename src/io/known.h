/* SPDX-License-Identifier: MIT
 * What the columns of other programs' exports mean: a name gives a role (given name, phone ...), a
 * role says which field of a model may be meant.  Knows nothing of a table or a row.
 */
#ifndef CRM_IO_KNOWN_H
#define CRM_IO_KNOWN_H

#include "base/mem.h"

/* What a role is of. */
enum {
    CRM__ROLE_NONE,      /* known, and nothing that this library keeps */
    CRM__ROLE_VALUE,     /* the value of a field of customers, or a piece of it */
    CRM__ROLE_COMPANY,   /* the company somebody works at: an organisation's name */
    CRM__ROLE_ACCOUNT,   /* a customer's name, or the company of the person named beside */
    CRM__ROLE_OUTSIDE,   /* the number of a customer in the program the table comes from */
    CRM__ROLE_KIND,      /* of the customer, of the event */
    CRM__ROLE_SOURCE,    /* where the row comes from */
    CRM__ROLE_TAG,       /* tags */
    CRM__ROLE_TIME,      /* of an event */
    CRM__ROLE_DAY,       /* its date, beside which a time of the day may stand */
    CRM__ROLE_REFERENCE, /* of an event */
    CRM__ROLE_ATTRIBUTE, /* of events */
    CRM__ROLE_CUSTOMER   /* whose event it is */
};

/* Pieces that make the text of one field.  WHOLE goes before all others, SPARE behind them. */
enum {
    CRM__PART_WHOLE,
    CRM__PART_SPARE,
    CRM__PART_GIVEN,
    CRM__PART_MIDDLE,
    CRM__PART_FAMILY,
    CRM__PART_SUFFIX,
    CRM__PART_NAME, /* family;given;middle;prefix;suffix, as vCard has it */
    CRM__PART_LINE1,
    CRM__PART_LINE2,
    CRM__PART_LINE3,
    CRM__PART_DAY, /* of the time of an event */
    CRM__PARTS
};

typedef struct crm__role {
    const char *name;
    uint8_t of;       /* CRM__ROLE_... */
    uint8_t part;     /* CRM__PART_... */
    uint8_t type;     /* CRM_TYPE_... its field has; 0: any of text, date, enum ... */
    const char *keys; /* of fields (attributes) to look for, in this order, "a b c" */
} crm__role;

typedef struct crm__known {
    const crm__role *role;
    char mark;            /* of several addresses: which; 0: there is one */
    const char *programs; /* letters of those that use the name */
    size_t program_count; /* 0: anybody may */
    int strong;           /* in a table of these programs the name goes before a label */
} crm__known;

enum { CRM__KNOWN_CUSTOMER, CRM__KNOWN_EVENT, CRM__KNOWN_CARD }; /* tables of names */
enum { CRM__KNOWN_BYTES = 256 };

/* The form of a name in the tables: folded, letters and digits only (of a vCard's property also
 * ";"), a run of digits as "#".  *number: the first of these runs, 0: none.  The length; 0 when it
 * can't be a known name. */
size_t crm__known_form(const char *s, size_t n, int card, char out[CRM__KNOWN_BYTES],
                       unsigned *number);
/* 1 when a name (as it stands) is known. */
int crm__known_find(int table, const char *s, size_t n, crm__known *out, unsigned *number);
/* The program of a letter, as people write it and as the source of identities; NULL: no such. */
const char *crm__known_program(char letter);
const char *crm__known_source(char letter);
const char *crm__known_letters(void);
/* The word of a part in a mapping ("given") and back; PARTS, NULL: none. */
const char *crm__part_word(unsigned part);
unsigned crm__part_find(const char *s, size_t n);

/* Lines "name=role/programs", sorted; see known_names.c. */
extern const char crm__known_customers[], crm__known_events[], crm__known_cards[];
extern const size_t crm__known_customers_size, crm__known_events_size, crm__known_cards_size;

#endif
