/* SPDX-License-Identifier: MIT
 * Spans of day lists in the store (bits/day_span.h): kept with each change of a list, and read where
 * whole days are asked about.
 */
#ifndef CRM_DB_DAY_SPANS_H
#define CRM_DB_DAY_SPANS_H

#include "bits/day_span.h"
#include "db/days.h"

/* The span at hand, while lists change one behind another. */
typedef struct crm__span_edit {
    kv_txn *txn;
    const uint8_t *tag_key;
    int begun;
    uint8_t key[CRM__KEY_DAY];
    crm__span span;
    crm__buf out;
} crm__span_edit;

void crm__span_edit_init(crm__span_edit *e, const crm_allocator *mem, kv_txn *txn,
                         const uint8_t *tag_key);
void crm__span_edit_clear(crm__span_edit *e); /* frees */
/* What the changes of a list (a key of crm__key_day_list()) come to; lists in order of keys are the
 * fast way.  CRM_OK, CRM_ENOMEM; CRM_ECORRUPT: the stored span is damaged, or has less
 * than is taken away; engine codes. */
int crm__span_edit_add(crm__span_edit *e, crm__slice list, const crm__day_change *changes,
                       size_t n);
/* Writes the one at hand, behind the last list. */
int crm__span_edit_end(crm__span_edit *e);

struct crm_txn;
/* Whether spans tell what the transaction sees: 1; 0 in a database that has none, or when what it
 * changed can't be written to the engine first (in crm_db_write(), or while a savepoint is set);
 * else an engine's code. */
int crm__spans_tell(struct crm_txn *txn);
typedef int (*crm__span_fn)(void *ctx, int32_t span, crm__slice stored);
/* The spans of a kind in a chunk in which there are days from `from` to before `until`, in order.
 * Check tags are not looked at.  A non-zero result ends the visit; fn must not read day lists.
 * CRM_OK, fn's result, CRM_ECORRUPT, engine codes. */
int crm__span_visit(struct crm_txn *txn, uint64_t chunk, uint32_t kind, int32_t from, int32_t until,
                    crm__span_fn fn, void *ctx);

#endif
