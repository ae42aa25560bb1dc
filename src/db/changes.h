/* SPDX-License-Identifier: MIT
 * Journal entries as the public crm_change and as JSON; shared by the change feed and history.
 */
#ifndef CRM_DB_CHANGES_H
#define CRM_DB_CHANGES_H

#include "db/journal.h"

#include <crm/journal.h>

/* Fills c with an entry; its names are copied to arena.  CRM_OK or a negative code. */
int crm__change_of(crm_txn *txn, uint64_t seq, const crm__journal_entry *e, crm__arena *arena,
                   crm_change *c);
/* The number-th field of a mask; 0: there are not so many. */
uint32_t crm__mask_at(crm__slice mask, uint32_t number);
/* Key of a field by number, also of one the model no longer has; in arena. */
int crm__field_key(crm_txn *txn, uint32_t number, crm__arena *arena, const char **key);
/* Members of a change that history and feed share, after an opening brace; no comma behind. target:
 * what its target is called. */
void crm__change_members(const crm_change *c, const char *target, crm__buf *out);

#endif
