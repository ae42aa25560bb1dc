/* SPDX-License-Identifier: MIT
 * What is derived of a field's values for questions over many customers: a set of rows for each
 * value, and a column of numbers.  Which of them a field has, crm__field.index says.  A field with
 * neither is answered from the records; whether a customer has any value, by the presence set of
 * every field of the model (CRM__BITS_PRESENCE).
 *
 * Only what the model shows is there: an entry of another type than the field's is nowhere.  Of a
 * deleted customer nothing is there.  Of a list each value has its set; only fields of one value
 * have a column.
 *
 *   type                           set (CRM__INDEX_VALUES)     column (CRM__INDEX_COLUMN)
 *   enum, boolean, country         of each value               -
 *   text, language, actor, url     of each text (asked for)    -
 *   money                          of each currency            amount, whatever its currency
 *   integer, decimal               -                           number
 *   date                           -                           packed date, as crm__date_pack()
 *   datetime                       -                           microseconds
 *   text and its like              -                           the first 8 bytes (asked for)
 */
#ifndef CRM_DB_INDEX_H
#define CRM_DB_INDEX_H

#include "bits/column.h"
#include "db/txn.h"

/* ---- sets ---- */

/* The set that a value of the field belongs to, for crm__key_bits().  Of money it is the set of its
 * currency, of all other types the set of the rows that have exactly this value (texts byte by
 * byte).  CRM_OK; CRM_ENOTFOUND: no customer has it; CRM_EINVAL: the field has no sets; CRM_ENOMEM,
 * engine codes. */
int crm__index_set_key(crm_txn *txn, const crm__field *f, const crm__value *v, uint8_t *index,
                       uint32_t *value);

/* The same for derive.c, which gives a number to a text that has none when told so; else *value is
 * 0 then.  CRM_OK, CRM_ENOMEM, engine codes. */
int crm__index_set(crm_txn *txn, const crm__field *f, const crm__value *v, int give, uint8_t *index,
                   uint32_t *value);
int crm__index_text(crm_txn *txn, const crm__field *f, crm__slice text, int give, uint32_t *number);
/* Number of a name of a class of the dictionary; 0: it has none yet, which `give` mends.  Those met
 * lately are not looked up again. */
int crm__index_name(crm_txn *txn, int cls, crm__slice name, int give, uint32_t *number,
                    crm_error *err);

/* One text that a customer has, or had once, in an indexed field, and the number of its set
 * (CRM__BITS_TEXT).  text.n 0: it is longer than CRM__INDEX_TEXT, only the records tell it. */
enum { CRM__INDEX_TEXT = 400 };
typedef int (*crm__index_text_fn)(void *ctx, crm__slice text, uint32_t value);
/* Calls fn for the texts of a field that begin with `prefix`, in order of bytes, and for each that
 * is too long to tell; a set may be empty by now.  The first result that is not 0 ends it and is
 * returned.  fn must not write.  CRM_OK, CRM_ECORRUPT, CRM_ENOMEM, engine codes. */
int crm__index_texts(crm_txn *txn, const crm__field *f, crm__slice prefix, crm__index_text_fn fn,
                     void *ctx);

/* ---- columns ---- */

/* A number of the field as it stands in its column and in limits on it.  Of a list that the field
 * had before it became single, the column has the first value. */
int64_t crm__index_prefix(crm__slice text); /* ascends as the texts do; equal ones may differ */
void crm__index_number(const crm__value *v, int64_t *number, int8_t *scale);

/* A block of a column (crm__key_column()) as the transaction sees it.  It lies in the storage, or
 * in `room` when the transaction has changes of it, and lives until room is used again or the
 * transaction writes.  Check tags are not looked at: whatever its bytes, a block is safe to read.
 * CRM_OK, CRM_ENOTFOUND: no row of it has anything; CRM_ECORRUPT, CRM_ENOMEM, engine codes. */
int crm__txn_column(crm_txn *txn, crm__slice key, crm__buf *room, crm__column *c);

/* ---- shared values ---- */

/* What customers share by a field that they are found by (but no reference): the column of how many
 * of a customer's values another live customer has too, and that of how many of those it is the
 * first, whose sum is the number of values shared.  Both count what is written to the engine, so
 * what the transaction has changed goes there first.  CRM_OK; CRM_EINVAL: nothing is counted for
 * the field; CRM_ESTATE: inside crm_db_write() or while a savepoint is set that is not possible;
 * engine codes. */
int crm__index_shared(crm_txn *txn, const crm__field *f, uint32_t *shared, uint32_t *first,
                      crm_error *err);

#endif
