/* SPDX-License-Identifier: MIT
 * Look-up by name and by number.  Built once in an arena, then read by any thread.
 */
#ifndef CRM_MODEL_NAMES_H
#define CRM_MODEL_NAMES_H

#include "base/mem.h"

enum { CRM__NAME_BYTES = 512, CRM__FOLD_BYTES = 3584 };

#define CRM__NO_OWNER UINT32_MAX

/* Names of numbered owners, as written and folded.  The raw bytes of a name are looked up first; a
 * raw name that equals another's folded form folds to that form too, so one table serves both. */
typedef struct crm__names {
    struct crm__name_slot *slots;
    uint32_t mask, used;
    const char **list; /* NUL-terminated, as written, in order of adding */
    size_t count;
} crm__names;

/* Room for `most` names. CRM_OK or CRM_ENOMEM. */
int crm__names_init(crm__names *t, crm__arena *a, size_t most);
/* s is NUL-terminated and stays; `listed` puts it into the list.  CRM_OK; CRM_EEXISTS: another
 * owner has it, *other; CRM_EVALUE: empty when folded, or too long; CRM_ENOMEM. */
int crm__names_add(crm__names *t, crm__arena *a, const char *s, size_t n, uint32_t owner,
                   int listed, uint32_t *other);
/* CRM__NO_OWNER: none. */
uint32_t crm__names_find(const crm__names *t, const char *s, size_t n);
/* The listed name that s was probably meant to be; NULL: none. */
const char *crm__names_near(const crm__names *t, const char *s, size_t n);

/* Positions by dictionary number. */
struct crm__number_slot {
    uint32_t number, position; /* number 0: free */
};

typedef struct crm__numbers {
    struct crm__number_slot *slots;
    uint32_t mask;
} crm__numbers;

int crm__numbers_init(crm__numbers *t, crm__arena *a, size_t most);
/* 0 is no number; the same number twice: CRM_EEXISTS. */
int crm__numbers_add(crm__numbers *t, uint32_t number, uint32_t position);

/* The slot of a number, or the free one where it would stand. */
static inline struct crm__number_slot *crm__numbers_slot(const crm__numbers *t, uint32_t number)
{
    uint32_t i = number & t->mask; /* numbers are given one after the other */

    while (t->slots[i].number && t->slots[i].number != number)
        i = (i + 1) & t->mask;
    return &t->slots[i];
}

static inline uint32_t crm__numbers_find(const crm__numbers *t, uint32_t number)
{
    const struct crm__number_slot *slot;

    if (!t->slots || !number)
        return CRM__NO_OWNER;
    slot = crm__numbers_slot(t, number);
    return slot->number ? slot->position : CRM__NO_OWNER;
}

#endif
