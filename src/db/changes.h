/* SPDX-License-Identifier: MIT
 * Journal entries as the public crm_change and as JSON; shared by the change feed and history.
 */
#ifndef CRM_DB_CHANGES_H
#define CRM_DB_CHANGES_H

#include "db/journal.h"

#include <crm/journal.h>

/* ---- the feed ---- */

struct crm_change_iter {
    crm_allocator mem;
    crm_db *db;
    crm__child child;
    uint64_t seq;   /* of the present entry, or the last revision seen */
    int present;    /* there is a present entry */
    crm__buf bytes; /* of the present entry */
    crm__journal_entry entry;
    crm__arena names;
    crm_change change;
};

/* The live transaction of the iterator, or why there is none; present: also its present change. */
int crm__change_enter(crm_change_iter *it, crm_txn **txn, int present, crm_error *err);
/* Customers of the present change whose tags changed, as crm_change_tagged(); tag 0: any tag; ways:
 * as crm__tagged_rows().  (change_tags.c) */
int crm__change_tagged(crm_change_iter *it, crm_txn *txn, uint32_t tag, unsigned ways, crm_id after,
                       crm_id *ids, size_t cap, size_t *count);
/* The member `tags` of the present change, when it has some. */
int crm__change_tags_member(crm_change_iter *it, crm_txn *txn, crm__buf *out);

/* ---- entries ---- */

/* Fills c with an entry; its names are copied to arena.  CRM_OK or a negative code. */
int crm__change_of(crm_txn *txn, uint64_t seq, const crm__journal_entry *e, crm__arena *arena,
                   crm_change *c);
/* The number-th field of a mask; 0: there are not so many. */
uint32_t crm__mask_at(crm__slice mask, uint32_t number);
/* Name of a tag by number, in arena. */
int crm__tag_key(crm_txn *txn, uint32_t number, crm__arena *arena, const char **name);
/* Key of a field by number, also of one the model no longer has; in arena. */
int crm__field_key(crm_txn *txn, uint32_t number, crm__arena *arena, const char **key);
/* Members of a change that history and feed share, after an opening brace; no comma behind. target:
 * what its target is called. */
void crm__change_members(const crm_change *c, const char *target, crm__buf *out);

#endif
