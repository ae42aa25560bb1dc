/* SPDX-License-Identifier: MIT
 * When tags end: beside the set of a tag in a chunk, a column of instants (space column, column
 * CRM__COLUMN_UNTIL and the tag's number) of the rows whose tag has an end.  So a question takes
 * out who has it no more without a look at what gave it to them.
 *
 * Derived: of a row that has the tag, the end with which the last entry gave it; ends that have
 * come stay, for `now` is that of whoever asks.
 */
#ifndef CRM_DB_TAG_END_H
#define CRM_DB_TAG_END_H

#include "db/txn.h"

/* ---- reading ---- */

/* Whether any row of the chunk has an end. */
int crm__tag_ends_any(crm_txn *txn, uint64_t chunk, uint32_t tag, int *any);
/* The end of a row's tag; 0: none. */
int crm__tag_end(crm_txn *txn, uint64_t chunk, uint32_t tag, uint32_t row, int64_t *until);
/* Takes out of words the rows whose tag ends by `now`, those whose tag ends at `until` (0: has no
 * end), and those whose tag has no end. */
int crm__tag_unexpired(crm_txn *txn, uint64_t chunk, uint32_t tag, int64_t now,
                       uint64_t words[CRM__SET_WORDS]);
int crm__tag_ends_other(crm_txn *txn, uint64_t chunk, uint32_t tag, int64_t until,
                        uint64_t words[CRM__SET_WORDS]);
int crm__tag_ends_with(crm_txn *txn, uint64_t chunk, uint32_t tag, uint64_t words[CRM__SET_WORDS]);

/* ---- changing, with the set of the tag ---- */

/* A row was given the tag with an end (0: none), or lost it (0). */
int crm__tag_end_put(crm_txn *txn, uint64_t chunk, uint32_t tag, uint32_t row, int64_t until);
int crm__tag_ends_put(crm_txn *txn, uint64_t chunk, uint32_t tag,
                      const uint64_t words[CRM__SET_WORDS], int64_t until);
/* Makes what is stored of a tag in a chunk what these ends say, of all rows (0: none). */
int crm__tag_ends_make(crm_txn *txn, uint64_t chunk, uint32_t tag,
                       const int64_t until[CRM__CHUNK_ROWS], crm__buf *scratch);
/* One block of it as it is to be stored; nothing in *out when no row has an end. */
void crm__tag_ends_block(const int64_t until[CRM__CHUNK_ROWS], uint32_t block, crm__buf *out);
/* One part of an entry, replayed: the ends of its rows. */
void crm__tag_ends_replay(int64_t until[CRM__CHUNK_ROWS], const uint64_t words[CRM__SET_WORDS],
                          int64_t end);

/* What all that is stored of a tag in a chunk says; *any: whether some rows have an end.
 * CRM_ECORRUPT: a part of it is damaged. */
int crm__tag_ends_read(crm_txn *txn, uint64_t chunk, uint32_t tag, int64_t until[CRM__CHUNK_ROWS],
                       int *any);

/* What a transaction that writes keeps at hand. */
void crm__end_cache_free(crm_txn *txn);

#endif
