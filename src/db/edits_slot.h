/* SPDX-License-Identifier: MIT
 * Inside of the edit list: one slot for each key that has edits, filled by edits.c, written to the
 * engine by edits_apply.c.
 */
#ifndef CRM_DB_EDITS_SLOT_H
#define CRM_DB_EDITS_SLOT_H

#include "db/edits.h"

enum {
    CRM__SLOT_ROW = 1,
    CRM__SLOT_BITS,
    CRM__SLOT_CELLS,
    CRM__SLOT_IDS,
    CRM__SLOT_SHARED_IDS,
    CRM__SLOT_ITEMS
};

enum { CRM__SLOT_KEY = 24 }; /* longer keys stand in the arena */

/* What a search looks at comes first: a slot is as long as a line of memory. */
struct crm__slot {
    uint32_t hash;
    uint16_t key_n;
    uint8_t space, form;
    union {
        uint8_t in[CRM__SLOT_KEY]; /* zeros behind it */
        const uint8_t *out;
    } key;
    uint64_t *ops;
    uint32_t count, cap;  /* of ops */
    const uint8_t *value; /* has CRM__TAG_SIZE bytes of room behind it */
    uint32_t value_n;
    uint8_t state; /* rows: CRM__EDIT_* */
    uint8_t append;
};

/* Until slots are added. */
static inline crm__slice crm__slot_key(const crm__slot *s)
{
    crm__slice key = {s->key_n > CRM__SLOT_KEY ? s->key.out : s->key.in, s->key_n};

    return key;
}

static inline crm__slice crm__slot_value(const crm__slot *s)
{
    crm__slice value = {s->value, s->value_n};

    return value;
}

#endif
