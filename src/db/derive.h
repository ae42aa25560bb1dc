/* SPDX-License-Identifier: MIT
 * What the derived spaces hold of a customer, computed from its record alone: root and kind sets,
 * presence of each field, identity tokens.  Every change and every rebuild goes through here, so an
 * index can't differ from the record by the road it was written on.
 */
#ifndef CRM_DB_DERIVE_H
#define CRM_DB_DERIVE_H

#include "codec/record.h"
#include "db/txn.h"

enum { CRM__DERIVED_BIT = 1, CRM__DERIVED_ID = 2 };
/* One item: BIT: key of the set and row; ID: token key and id.  Stops at a non-zero result. */
typedef int (*crm__derived_fn)(void *ctx, int what, crm__slice key, uint64_t member);

/* All items of a record; with only != 0 those of that field's tokens only. */
int crm__derive(const crm__store *s, const crm__model *m, crm_id id, const crm__record *r,
                uint32_t only, crm__buf *scratch, crm__derived_fn fn, void *ctx);
/* Edits from one state of a record to another; NULL: it did not exist. */
int crm__derive_change(crm_txn *txn, const crm__model *m, crm_id id, const crm__record *before,
                       const crm__record *after);
/* 1 if customers can be found by the field. */
int crm__field_indexed(const crm__field *f);
/* Token key of one value of a field; the source number counts for per-source identities. */
int crm__token_key(const crm__store *s, const crm__field *f, const crm__value *v, crm__buf *scratch,
                   uint8_t key[CRM__KEY_TOKEN]);

/* The root: rows of a chunk that a list, find or plan may see, in the transaction's view. */
int crm__visible(crm_txn *txn, uint64_t chunk, uint64_t words[CRM__SET_WORDS]);

#endif
