/* SPDX-License-Identifier: MIT
 * Which tag of a dimension each row of a chunk has, kept while a transaction writes: in a dimension
 * with one, giving a customer a tag takes another one, and the sets would have to be asked tag by
 * tag.  256 KiB a chunk and dimension, of 64 at most.
 */
#ifndef CRM_DB_TAG_ONE_H
#define CRM_DB_TAG_ONE_H

#include "db/txn.h"

/* More than one tag: the model said `one` later.  Then the sets have to be asked. */
#define CRM__TAG_MANY UINT32_MAX

/* The rows of a chunk of a dimension (its key): *tags, by row, 0 of those without; *filled 0: they
 * are to be filled in, CRM__CHUNK_ROWS zeros, and crm__tag_one_filled() called.  *tags NULL: it
 * does not pay to know them.  CRM_OK, CRM_ENOMEM. */
int crm__tag_one_rows(crm_txn *txn, const char *dimension, uint64_t chunk, uint32_t **tags,
                      int *filled);
void crm__tag_one_filled(crm_txn *txn, const char *dimension, uint64_t chunk);
/* A row gets a tag or loses it; dimension NULL: which is not known. */
void crm__tag_one_switch(crm_txn *txn, uint64_t chunk, uint32_t row, uint32_t tag,
                         const char *dimension, int on);
/* Many rows of the chunk do. */
void crm__tag_one_forget(crm_txn *txn, uint64_t chunk);
void crm__tag_one_free(crm_txn *txn);

#endif
