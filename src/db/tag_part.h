/* SPDX-License-Identifier: MIT
 * What a transaction that changes tags keeps at hand: sets it asks again and again, and in which
 * part of its entry a row is, for an entry may have as many parts as it gave tags in ways.
 */
#ifndef CRM_DB_TAG_PART_H
#define CRM_DB_TAG_PART_H

#include "db/tagged.h"

/* What the call does to one tag in one chunk. */
typedef struct crm__tag_call {
    crm__tagging *t;
    uint64_t chunk;
    uint32_t tag, row;
    uint8_t key[CRM__KEY_TAGGED];
} crm__tag_call;

/* A set as the transaction sees it, until another one is asked for; it is kept for the next call,
 * so that edits of many rows are made once, not for each tag. */
int crm__tag_set_at_hand(crm_txn *txn, kv_space space, crm__slice key, const uint64_t **words);
/* Whether a set has a row, as the transaction sees it. */
int crm__tag_row_in(crm_txn *txn, kv_space space, crm__slice key, uint32_t row, int *has);

/* The key of a part; good until the next one. */
crm__slice crm__tag_part_key(crm__tag_call *e, uint32_t part);
int crm__tag_part_switch(crm__tag_call *e, uint32_t part, int on);
/* The part, but REMOVED, that the entry has the row in; *found 0: none. */
int crm__tag_part_find(crm__tag_call *e, uint32_t *part, int *found);
/* Many rows change their parts. */
void crm__tag_parts_forget(crm__tag_call *e);

/* By a hash of how a tag is given: a group of the entry that may be the same.  NULL: no memory. */
enum { CRM__TAG_GROUPS = 256 };
uint32_t *crm__tag_group_at(crm_txn *txn, uint64_t hash);

#endif
