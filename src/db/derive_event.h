/* SPDX-License-Identifier: MIT
 * What the day lists hold of an event, computed from the event and the model alone: every change,
 * every rebuild and every check goes through here.  In the lists are the events that count (neither
 * void nor voided) of the kinds of the model in force; with them those of their values whose
 * attribute is fast and has the type of the value.
 *
 * Values as numbers: integer and decimal as they are; money as its amount and, in a column of its
 * own, its currency (crm__day_currency()); boolean 0 or 1; datetime microseconds; date packed as in
 * base/time.h; enum and customer their number; all texts the number of their comparable form in the
 * dictionary (CRM__DICT_TEXT).
 */
#ifndef CRM_DB_DERIVE_EVENT_H
#define CRM_DB_DERIVE_EVENT_H

#include "codec/event.h"
#include "db/days.h"
#include "db/txn.h"

/* The list of an event (a key of crm__key_day_list()) and its item, which replaces what is in
 * `item`. give: a text that has no number is given one; else CRM_ECORRUPT. */
int crm__event_item(crm_txn *txn, const crm__event_kind *kind, crm_id id, const crm__event *e,
                    int give, uint8_t list[CRM__KEY_DAY_LIST], crm__buf *item, crm_error *err);
/* Number that a text, in its comparable form, has in day lists; 0: no event ever had it. */
int crm__event_text_find(crm_txn *txn, crm__slice normal, uint32_t *number);
/* Edits that put an event into its list (on) or take it out. */
int crm__event_derive(crm_txn *txn, const crm__event_kind *kind, crm_id id, const crm__event *event,
                      int on, crm_error *err);

/* The events that count of one row of the event space, which may be no block.  Stops at a non-zero
 * result; CRM_ECORRUPT for a block that is not one; CRM_ENOMEM.  The arena is reset. */
typedef int (*crm__event_fn)(void *ctx, crm_id id, const crm__event *e);
int crm__event_row_each(crm__arena *a, crm__slice key, crm__slice payload, crm__event_fn fn,
                        void *ctx);

/* Makes the lists of some kinds anew from the events in the engine, where all edits of events must
 * be; of a kind the model has not, they are dropped.  relieve (may be NULL) is called now and then,
 * and may write the edits to the engine. */
int crm__event_rebuild(crm_txn *txn, const crm__model *m, const uint32_t *kinds, uint32_t count,
                       int (*relieve)(void *ctx), void *ctx, crm_error *err);

#endif
