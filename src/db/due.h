/* SPDX-License-Identifier: MIT
 * Where the clock of watched segments need not look: gaps between the numbers of a column in a
 * chunk.  An edge of a window that moves inside of a gap passes nobody.
 *
 *   due   chunk, column -> u64 stamp of the clock (live.h), then for each gap i64 from, i64 until
 *         and i64 at, all little-endian: no row of the chunk has a number of the column from `from`
 *         to before `until`; when that was seen the edge stood at `at`
 * What is written with another stamp says nothing.  The clock notes a gap when it has read a chunk;
 * whoever writes a number into one cuts it, in the same commit.  Derived: what is not there is
 * read.
 */
#ifndef CRM_DB_DUE_H
#define CRM_DB_DUE_H

#include "bits/column.h"
#include "db/txn.h"

enum { CRM__DUE_GAPS = 32 };

typedef struct crm__gap {
    int64_t from, until, at;
} crm__gap;

typedef struct crm__due {
    uint64_t stamp;
    int there; /* a row is stored, whatever it says */
    uint32_t count;
    crm__gap gaps[CRM__DUE_GAPS];
} crm__due;

/* CRM_OK or CRM_ECORRUPT. */
int crm__due_decode(crm__slice payload, crm__due *out);
/* Nothing (count 0) where there is none, it is damaged, or has another stamp. */
int crm__due_read(crm_txn *txn, uint64_t chunk, uint32_t column, uint64_t stamp, crm__due *out);
/* Whether no number lies from `from` to before `until`, by what is noted. */
int crm__due_none(const crm__due *d, int64_t from, int64_t until);
/* Makes a gap around gap->at as narrow as the numbers of one more block want it. */
void crm__gap_narrow(crm__gap *gap, const crm__column *c);
/* Notes a gap that an edge has come to, in place of the one it was in. */
int crm__due_note(crm_txn *txn, uint64_t chunk, uint32_t column, crm__due *d, int64_t was,
                  const crm__gap *gap);
/* Before edits are applied: cuts gaps that numbers were written into, as the transaction touched
 * rows.  CRM_OK, CRM_ENOMEM, engine codes. */
int crm__due_cut(crm_txn *txn, uint64_t stamp);
/* Drops all there is. */
int crm__due_drop(crm_txn *txn);

#endif
