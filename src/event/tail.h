/* SPDX-License-Identifier: MIT
 * New events of one customer that a write transaction keeps back: they come many at a time, and the
 * last block, the head and the rows beside it are then read and written once for all of them, not
 * for each, and day lists are changed together.  Journalled they are at once.
 */
#ifndef CRM_EVENT_TAIL_H
#define CRM_EVENT_TAIL_H

#include "codec/key.h"
#include "event/timeline.h"

/* Whose events are kept back, or whose timeline was looked at last for that; 0: nobody's. */
crm_id crm__tail_id(const crm_txn *txn);
/* Whether one more can be kept back without settling. */
int crm__tail_has_room(const crm_txn *txn);
/* Begins with the events of a customer, those of another one are settled. */
int crm__tail_open(crm_txn *txn, crm_id id);
/* The last number given, those kept back counted. */
uint32_t crm__tail_last(const crm_txn *txn);
/* The last event of (source, reference), whatever its state; good until the transaction writes.
 * CRM_ENOTFOUND. */
int crm__tail_same(const crm_txn *txn, uint32_t source, crm__slice reference, crm__event *e);
/* Keeps a copy of an event that has the number behind the last, and is no correction; and of what it
 * is in its day list. */
int crm__tail_add(crm_txn *txn, const crm__event *e, const uint8_t list[CRM__KEY_DAY_LIST],
                  crm__slice item);

#endif
