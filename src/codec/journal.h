/* SPDX-License-Identifier: MIT
 * A journal entry.  The key is its seq.
 *
 *   u8 format = 1, u8 action, i64 recorded time (little-endian, us),
 *   varint actor, purpose, channel, source (dictionary numbers, 0: none),
 *   varint target (customer id, or model version), varint seq of the target's previous change,
 *   varint number of fields, each varint field number - that before,
 *   counters after the change: varint next id, live customers, deleted customers
 *   varint n, n bytes of chain (0 until the chain is in use)
 */
#ifndef CRM_CODEC_JOURNAL_H
#define CRM_CODEC_JOURNAL_H

#include "base/mem.h"

enum { CRM__JOURNAL_FORMAT = 1 };
enum {
    CRM__ACTION_CREATE = 1,
    CRM__ACTION_UPDATE = 2,
    CRM__ACTION_DELETE = 3,
    CRM__ACTION_UNDELETE = 4,
    CRM__ACTION_MODEL = 5
};

typedef struct crm__counters {
    uint64_t next_id; /* from 1 */
    uint64_t live, deleted;
} crm__counters;

typedef struct crm__journal_entry {
    uint8_t action;
    int64_t recorded;
    uint32_t actor, purpose, channel, source;
    uint64_t target, previous;
    const uint32_t *fields; /* encode only; decode leaves NULL and gives the count */
    uint32_t field_count;
    crm__counters counters;
    crm__slice chain;
} crm__journal_entry;

void crm__journal_encode(const crm__journal_entry *e, crm__buf *out);
/* CRM_OK or CRM_ECORRUPT. */
int crm__journal_decode(crm__slice bytes, crm__journal_entry *e);

#endif
