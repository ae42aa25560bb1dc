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

struct crm__slot {
    uint64_t hash;
    const uint8_t *key;
    uint16_t key_n;
    uint8_t space, form;
    uint8_t state; /* rows: CRM__EDIT_* */
    uint8_t append;
    uint32_t count, cap; /* of ops */
    uint64_t *ops;
    crm__slice value; /* has CRM__TAG_SIZE bytes of room behind it */
};

#endif
