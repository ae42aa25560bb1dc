/* SPDX-License-Identifier: MIT
 * What entries of the journal bring beside their change, so that the chain covers it: the names
 * that were given since the entry before; of a change of the model its document; of a batch's first
 * entry and of a hand-out the name or reason; of a saved segment also its row.
 *
 * Records, events and entries hold numbers of names.  Each name is brought by one entry, before or
 * with the first that uses it, and numbers of a class are brought in order without a gap.  So an
 * entry whose names were all given before it pays nothing, and the chain covers the text behind
 * every number.  A name that a call gave and no change followed is brought by the next entry, which
 * is why the row `names` of the space meta says how far the entries have come.
 *
 * Sum over what an entry brings: from zeros, with each name BLAKE2b-256 of the sum until now, the
 * class (first byte of its keys), the number (4 bytes, big-endian) and the name; then, of a change
 * of the model, of the sum, `m`, the version (4 bytes, big-endian) and the document; of a batch's
 * first entry and a hand-out, of the sum, `b`, 4 zeros and the name or reason; of a saved segment
 * then of the sum, `s`, 4 zeros and the payload of its row.
 *
 * Row: for each class of which there are names: its byte, varint first number not brought.
 */
#ifndef CRM_DB_BROUGHT_H
#define CRM_DB_BROUGHT_H

#include "db/txn.h"

/* As long as nothing was brought. */
void crm__brought_init(crm__brought *b);
/* CRM_OK, CRM_ECORRUPT, engine codes. */
int crm__brought_read(crm_txn *txn, crm__brought *out);
/* CRM_OK or CRM_ENOMEM. */
int crm__brought_put(crm_txn *txn, const crm__brought *b);
int crm__brought_equal(const crm__brought *a, const crm__brought *b);

/* Fills in what an entry that is about to be written brings; runs keeps its bytes.  CRM_OK, else
 * as crm__txn_read(), with err. */
int crm__brought_fill(crm_txn *txn, crm__journal_entry *e, crm__buf *runs, crm_error *err);

/* 1 for an entry that brings a name or reason, which stands in its row of batches. */
static inline int crm__brings_text(uint64_t seq, const crm__journal_entry *e)
{
    return e->batch == seq && (crm__action_lists(e->action) || crm__action_hands_out(e->action));
}

/* What an entry brings, as the database has it: its sum in room, or n = 0.  b is what the entries
 * before brought and goes on; it may be NULL when that is known.  CRM_ECORRUPT with *what: it is
 * not there, not in order, or the entry uses a number that was not brought. */
int crm__brought_take(crm_txn *txn, uint64_t seq, const crm__journal_entry *e, crm__brought *b,
                      uint8_t room[CRM__DIGEST], crm__slice *sum, const char **what);

#endif
