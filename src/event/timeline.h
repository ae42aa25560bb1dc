/* SPDX-License-Identifier: MIT
 * The stored timeline of one customer: blocks of events in order of (time, number), and beside
 * them, when there are two or more, the head, the references and the times by number.  Knows rows
 * and edits; knows nothing of the model.
 *
 * What the functions give lies in the arena, and texts in the rows themselves: good until the
 * transaction writes.
 */
#ifndef CRM_EVENT_TIMELINE_H
#define CRM_EVENT_TIMELINE_H

#include "codec/event.h"
#include "codec/event_head.h"
#include "db/txn.h"

typedef struct crm__timeline {
    crm_txn *txn;
    crm_id id;
    crm__arena *a;
    int many;         /* a head and its rows stand beside the blocks */
    int64_t time;     /* with one block: its first event, */
    uint32_t number;  /* 0: no block at all */
    crm__slice bytes; /* and its payload */
    uint64_t *read;   /* grows by the bytes of blocks as they are stored; NULL: nobody asks */
} crm__timeline;

/* Results of all: CRM_OK, CRM_ECORRUPT, CRM_ENOMEM, engine codes; CRM_ENOTFOUND where said. */

int crm__timeline_open(crm_txn *txn, crm_id id, crm__arena *a, crm__timeline *t);
/* The block in which (time, number) stands or would stand.  CRM_ENOTFOUND: there is none at all. */
int crm__timeline_block(const crm__timeline *t, int64_t time, uint32_t number, crm__event_block *b);
/* The block with the nearest event behind (time, number), or before it, and that event's place in
 * it. number below UINT32_MAX, which no event has.  CRM_ENOTFOUND: there is none. */
int crm__timeline_near(const crm__timeline *t, int64_t time, uint32_t number, int back,
                       crm__event_block *b, uint32_t *at);
/* The block behind one that was read, into the same. */
int crm__timeline_after(const crm__timeline *t, crm__event_block *b, uint32_t *at);
/* In place of open for who only walks with near and after. */
void crm__timeline_walk(crm_txn *txn, crm_id id, crm__arena *a, crm__timeline *t);
/* Totals and last number. */
int crm__timeline_head(const crm__timeline *t, crm__event_head *h);
/* The last number given; 0: none. */
int crm__timeline_last(const crm__timeline *t, uint32_t *number);
/* An event by its number.  CRM_ENOTFOUND. */
int crm__timeline_get(const crm__timeline *t, uint32_t number, crm__event *e);
/* The last event of (source, reference), whatever its state.  No other one of them is in force.
 * CRM_ENOTFOUND. */
int crm__timeline_same(const crm__timeline *t, uint32_t source, crm__slice reference,
                       crm__event *e);

/* Writes.  t follows them.  add: n events in order of (time, number), whose numbers are those
 * behind the last.  mark: the event, as read, gets the state and the entry that voided it. */
int crm__timeline_add(crm__timeline *t, const crm__event *events, uint32_t n);
int crm__timeline_mark(crm__timeline *t, const crm__event *e, uint8_t state, uint64_t seq);

/* The next block in order of time and number, its memory in *a: begins at the first one with
 * *last = {0}, which keeps the place.  CRM_ENOTFOUND: there is none. */
int crm__timeline_next(const crm__timeline *t, crm__arena *a, crm__event *last,
                       crm__event_block *b);
/* Every event of the timeline into a block of any size, in order of (time, number). */
int crm__timeline_all(const crm__timeline *t, crm__event_block *b);

/* ---- the rows beside the blocks (index.c) ---- */

/* Key hash of a reference. */
uint64_t crm__reference_hash(const crm_txn *txn, uint32_t source, crm__slice reference);
/* Makes all of them for the events that stood in one block until now. */
int crm__timeline_index_make(const crm__timeline *t, const crm__event_block *b);
/* Takes new events in. */
int crm__timeline_index_add(const crm__timeline *t, const crm__event *events, uint32_t n);
/* Takes one out that counted until now; its block, and what was added with it, is written already.
 */
int crm__timeline_index_remove(const crm__timeline *t, const crm__event *e);
/* Time of an event.  CRM_ENOTFOUND. */
int crm__timeline_index_time(const crm__timeline *t, uint32_t number, int64_t *time);
/* Numbers of events whose reference has the hash, ascending, one a call: *number from 0, each call
 * gives the next behind it.  CRM_ENOTFOUND. */
int crm__timeline_index_reference(const crm__timeline *t, uint64_t hash, uint32_t *number);

#endif
