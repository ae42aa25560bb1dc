/* SPDX-License-Identifier: MIT
 * Day lists in the store: changing one by the items a transaction added and removed, and reading
 * them through these.  What a list and its parts are is in bits/day.h.
 */
#ifndef CRM_DB_DAYS_H
#define CRM_DB_DAYS_H

#include "base/hash.h"
#include "bits/day.h"
#include "codec/key.h"
#include "kv/kv.h"

/* How many more of an item there are, below 0: fewer. */
typedef struct crm__day_change {
    crm__slice item;
    int64_t more;
} crm__day_change;

/* Appends the changes that the edits of a list come to, in order of items, each item once. */
int crm__day_changes(const uint64_t *ops, uint32_t count, crm__buf *out);
/* Items of a list with changes made to them, as crm__slice each.  CRM_ECORRUPT: an item that is
 * removed is not there as often; CRM_ENOMEM. */
int crm__day_merge(const crm__day_list *list, const crm__day_change *changes, size_t n,
                   crm__buf *out);
/* Makes the changes of one list (a key of crm__key_day_list()) in the engine: each part that has
 * some is read and written once.  Engine codes; CRM_ECORRUPT for a part that is damaged or under a
 * wrong key, and when the list has fewer of an item than are removed; CRM_EFULL as
 * crm__day_build(); CRM_ENOMEM. */
int crm__day_apply(kv_txn *txn, const uint8_t tag_key[CRM__HASH_KEY], crm__day_work *w,
                   crm__slice list, const crm__day_change *changes, size_t n);

struct crm_txn;
/* One part, of `day` days from 1970-01-01.  A non-zero result ends the visit. */
typedef int (*crm__day_fn)(void *ctx, int32_t day, crm__slice part);
/* The parts of the lists of a kind in a chunk, of days from `from` to before `until`, in order of
 * day and row, as the transaction sees them.  What it changed in them is written to the engine
 * first, or joined with them where that is not possible (in crm_db_write(), or while a savepoint is
 * set).  Check tags are not looked at: whatever its bytes, a part is safe to read.  fn must not
 * write.  whole: it reads all of a part, as a rule, and not the head only.  CRM_OK, fn's result,
 * CRM_ECORRUPT, CRM_ENOMEM, engine codes. */
int crm__day_visit(struct crm_txn *txn, uint64_t chunk, uint32_t kind, int32_t from, int32_t until,
                   int whole, crm__day_fn fn, void *ctx);

#endif
