/* SPDX-License-Identifier: MIT
 * What the derived spaces hold of a customer, computed from its record and the model alone: root
 * and kind sets, presence of each field, sets and column cells of its values (index.h), identity
 * tokens. Every change and every rebuild goes through here, so an index can't differ from the
 * record by the road it was written on.  An entry that the model does not show gives nothing.
 */
#ifndef CRM_DB_DERIVE_H
#define CRM_DB_DERIVE_H

#include "bits/column.h"
#include "codec/record.h"
#include "db/txn.h"

enum { CRM__DERIVED_BIT = 1, CRM__DERIVED_ID = 2, CRM__DERIVED_CELL = 3 };
typedef struct crm__derived {
    int what;        /* CRM__DERIVED_* */
    crm__slice key;  /* of the set, the token, the block */
    uint64_t member; /* row in the chunk, id, row in the block */
    crm__column_cell cell;
    int count; /* of a token: what customers share by it is counted */
} crm__derived;
/* Whether what customers share by a field's values is counted: by a reference all would. */
static inline int crm__field_counts(const crm__field *f)
{
    return f->type != CRM_TYPE_CUSTOMER;
}
/* Takes one item; some may come twice.  Stops at a non-zero result. */
typedef int (*crm__derived_fn)(void *ctx, const crm__derived *item);

/* All items of a record; with only != 0 those of that field only.  With `give` a text of an indexed
 * field that has no number gets one; else it is in set 0, which no text has. */
int crm__derive(crm_txn *txn, const crm__model *m, crm_id id, const crm__record *r, uint32_t only,
                int give, crm__buf *scratch, crm__derived_fn fn, void *ctx);
/* Edits from one state of a record to another; NULL: it did not exist. */
int crm__derive_change(crm_txn *txn, const crm__model *m, crm_id id, const crm__record *before,
                       const crm__record *after);
/* 1 if customers can be found by the field. */
int crm__field_indexed(const crm__field *f);
/* Whether a number is that of a column of shared values (shared.h) of the model. */
int crm__field_shared_column(const crm__model *m, uint32_t column);
/* Token key of one value of a field; the source number counts for per-source identities. */
int crm__token_key(const crm__store *s, const crm__field *f, const crm__value *v, crm__buf *scratch,
                   uint8_t key[CRM__KEY_TOKEN]);

/* The root: rows of a chunk that a list, find or plan may see, in the transaction's view. */
int crm__visible(crm_txn *txn, uint64_t chunk, uint64_t words[CRM__SET_WORDS]);
/* Whether one customer is among them. */
int crm__visible_row(crm_txn *txn, crm_id id, int *in);
/* Whether every customer there ever was is in it, in a read transaction: sets have no others. */
int crm__visible_given(const crm_txn *txn);
/* Leaves of n rows in a list those in the root.  In a read transaction. */
int crm__visible_rows(crm_txn *txn, uint64_t chunk, uint16_t *rows, uint32_t *n);

#endif
