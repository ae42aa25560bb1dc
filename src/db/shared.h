/* SPDX-License-Identifier: MIT
 * Identity rows as edits are applied, and beside them, of each customer, how many of its values in
 * a field another customer has too (column CRM__COLUMN_SHARED + field), and of how many of those it
 * is the first (CRM__COLUMN_SHARED_FIRST + field).  Both follow from the identity rows of a token,
 * which are neighbours; so what customers share is known without a walk over all of them.
 *
 * Of each chunk and column there is one row more, its total, where the format has them: how many
 * customers have a number, and what their numbers come to; none where nobody has one.
 */
#ifndef CRM_DB_SHARED_H
#define CRM_DB_SHARED_H

#include "base/hash.h"
#include "base/mem.h"
#include "db/identity.h"

typedef struct crm__shared {
    kv_txn *txn;
    const uint8_t *tag_key;
    crm__id_edit rows;
    int totals; /* are kept */
    crm__buf ids, changes;
} crm__shared;

typedef struct crm__shared_total {
    uint64_t customers, sum;
} crm__shared_total;

/* The stored form of a total: nothing where there are no customers; and back, CRM_ECORRUPT. */
void crm__shared_total_put(const crm__shared_total *t, crm__buf *out);
int crm__shared_total_get(crm__slice payload, crm__shared_total *t);

void crm__shared_init(crm__shared *s, const crm_allocator *mem, kv_txn *txn, const uint8_t *tag_key,
                      int totals);
void crm__shared_clear(crm__shared *s); /* frees */
/* Changes the identity rows of a token as its ops (crm__edits_ops()) say, tokens in ascending order
 * being the fast way; with `count` what customers share by it is counted.  CRM_OK, CRM_ENOMEM,
 * CRM_ECORRUPT: a stored block is damaged; engine codes. */
int crm__shared_apply(crm__shared *s, crm__slice token_key, const uint64_t *ops, uint32_t n,
                      int count);
/* Writes the rows at hand and the columns, behind the last token.  CRM_ECORRUPT: a stored block is damaged. */
int crm__shared_end(crm__shared *s, crm__buf *scratch);

#endif
