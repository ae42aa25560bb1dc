/* SPDX-License-Identifier: MIT
 * Events of one customer as bytes: blocks of events in order of (time, number), the head with the
 * totals of a customer of several blocks, and the rows that find an event by reference or number.
 *
 * A block.  Time and number of its first event stand in the row's key.
 *
 *   u8 format = 2 << 4 | unit (0 us, 1 ms, 2 s, 3 minute, 4 hour, 5 day: the coarsest exact one),
 *   varint number of shapes, each:
 *     varint kind (0: void), varint attributes << 3 | other source << 2 | reference << 1 | marked,
 *     [marked: u8 voids << 2 | state (0 in force, 1 voided, 2 corrected), not 0; else it is 0]
 *     [other source: varint source, 0: none; else that of the shape before, of the first one none]
 *     each attribute: u8 step << 4 | type, [step 0: varint attribute - that before, more than 15]
 *       [decimal and money: u8 scale << 1 | currency of the money before] [another one: 3 letters]
 *   varint number of events, each:
 *     u8 head: shape << 5 | other number << 4 | other seq << 3 | bytes of time (7: there are 8)
 *     [shape 7: varint shape - 7]
 *     time - that before, in units: so many bytes, little-endian; of the first event none
 *     [other number: zigzag varint number - (that before + 1)]
 *     [other seq: zigzag varint seq - that before; of the first event, in any case: varint seq]
 *     [voids: varint number of the event it voids] [state not 0: varint seq that voided it - seq]
 *     [reference: as a text]
 *     each attribute: text and its like a text; decimal and money the zigzag mantissa; others as in
 *       value.h
 *   text: u8 shared << 4 | own, [shared 15: u8 shared - 15], [own 15: varint own - 15], own bytes
 *
 * The shared bytes are the first ones of a text before: of the same attribute in the last event of
 * the same shape; for a shape's first event, of the last text of the block.  References likewise
 * share with references.
 */
#ifndef CRM_CODEC_EVENT_H
#define CRM_CODEC_EVENT_H

#include "base/mem.h"
#include "codec/value.h"

/* Five full blocks with their keys and tags fill a page of 4,096; larger blocks save a little
 * on long timelines and make a page of one twice as slow to read.  A block of one event has no
 * other limit than the event's own. */
enum {
    CRM__EVENT_FORMAT = 2,
    CRM__EVENT_BLOCK_BYTES = 778,
    CRM__EVENT_BLOCK_EVENTS = 1000,
    CRM__EVENT_VALUES = 60,
    CRM__EVENT_REFERENCE = 200
};
enum { CRM__EVENT_IN_FORCE = 0, CRM__EVENT_VOIDED = 1, CRM__EVENT_CORRECTED = 2 };
enum { CRM__EVENT_VOID = 0 }; /* the kind of a plain void */

typedef struct crm__event_value {
    uint32_t attribute;
    crm__value v;
} crm__event_value;

typedef struct crm__event {
    int64_t time;
    uint32_t number; /* of the customer's events, from 1 in order of arrival */
    uint32_t kind;
    uint32_t source; /* dictionary, 0: none */
    uint32_t voids;  /* number of the event it voids, 0: none */
    uint64_t seq;    /* journal entry that added it */
    uint64_t voided; /* journal entry that voided it, when state is not 0 */
    uint8_t state;   /* CRM__EVENT_IN_FORCE ... */
    uint16_t like; /* events of one decoded block with the same number here, not 0, have one shape;
                      who changes kind, source, state, voids, reference or attributes sets 0 */
    uint16_t value_count;
    const crm__event_value *values; /* in order of attributes */
    crm__slice reference;           /* n = 0: none */
} crm__event;

typedef struct crm__event_block {
    crm__event *events;
    uint32_t count, cap;
} crm__event_block;

/* Decodes a block whose key has time and number.  Everything lies in the arena, texts there or in
 * the bytes.  CRM_OK, CRM_ECORRUPT, CRM_ENOMEM. */
int crm__event_block_decode(crm__arena *a, int64_t time, uint32_t number, crm__slice bytes,
                            crm__event_block *b);
/* Appends n events (1 to CRM__EVENT_BLOCK_EVENTS), in order of (time, number), as a block. */
void crm__event_block_encode(const crm__event *events, uint32_t n, crm__buf *out);
/* Position of the first event that is not before (time, number). */
uint32_t crm__event_block_find(const crm__event_block *b, int64_t time, uint32_t number);
/* Puts a copy of *e in its place; *at receives that.  CRM_OK or CRM_ENOMEM. */
int crm__event_block_insert(crm__arena *a, crm__event_block *b, const crm__event *e, uint32_t *at);
/* Whether a block has events of a kind that are in force: 0 is certain, 1 is to be looked at. Reads
 * the shapes only. */
int crm__event_block_has(crm__slice bytes, uint32_t kind);
/* Value of an attribute; NULL: none. */
const crm__event_value *crm__event_value_find(const crm__event *e, uint32_t attribute);

/* Whether an event counts: it is in force and not a void. */
static inline int crm__event_counts(const crm__event *e)
{
    return e->state == CRM__EVENT_IN_FORCE && e->kind != CRM__EVENT_VOID;
}

/* Whether an event has a source and reference. */
static inline int crm__event_is_of(const crm__event *e, uint32_t source, crm__slice reference)
{
    return e->source == source && e->reference.n == reference.n &&
           memcmp(e->reference.p, reference.p, reference.n) == 0;
}

#endif
