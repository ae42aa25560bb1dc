/* SPDX-License-Identifier: MIT
 * Journal entry to bytes and back; the format is in journal.h.
 */
#include "codec/journal.h"

#include "base/bytes.h"

#include <crm/codes.h>

void crm__journal_encode(const crm__journal_entry *e, crm__buf *out)
{
    uint8_t time[8];
    uint32_t before = 0;

    crm__buf_add_u8(out, CRM__JOURNAL_FORMAT);
    crm__buf_add_u8(out, e->action);
    crm__put_le64(time, (uint64_t)e->recorded);
    crm__buf_add(out, time, sizeof time);
    crm__buf_add_varint(out, e->actor);
    crm__buf_add_varint(out, e->purpose);
    crm__buf_add_varint(out, e->channel);
    crm__buf_add_varint(out, e->source);
    crm__buf_add_varint(out, e->target);
    crm__buf_add_varint(out, e->previous);
    crm__buf_add_varint(out, e->field_count);
    for (uint32_t i = 0; i < e->field_count; i++) {
        crm__buf_add_varint(out, e->fields[i] - before);
        before = e->fields[i];
    }
    crm__buf_add_varint(out, e->counters.next_id);
    crm__buf_add_varint(out, e->counters.live);
    crm__buf_add_varint(out, e->counters.deleted);
    crm__buf_add_varint(out, e->chain.n);
    crm__buf_add(out, e->chain.p, e->chain.n);
}

static uint32_t number(crm__reader *in)
{
    uint64_t v = crm__read_varint(in);

    if (v > UINT32_MAX)
        crm__reader_fail(in);
    return (uint32_t)v;
}

int crm__journal_decode(crm__slice bytes, crm__journal_entry *e)
{
    crm__reader in = crm__reader_of(bytes.p, bytes.n);
    uint64_t fields, n;

    if (crm__read_u8(&in) != CRM__JOURNAL_FORMAT)
        return CRM_ECORRUPT;
    e->action = crm__read_u8(&in);
    e->recorded = (int64_t)crm__read_le64(&in);
    e->actor = number(&in);
    e->purpose = number(&in);
    e->channel = number(&in);
    e->source = number(&in);
    e->target = crm__read_varint(&in);
    e->previous = crm__read_varint(&in);
    fields = crm__read_varint(&in);
    if (in.failed || fields > crm__reader_left(&in))
        return CRM_ECORRUPT;
    for (uint64_t i = 0; i < fields; i++)
        number(&in);
    e->fields = NULL;
    e->field_count = (uint32_t)fields;
    e->counters.next_id = crm__read_varint(&in);
    e->counters.live = crm__read_varint(&in);
    e->counters.deleted = crm__read_varint(&in);
    n = crm__read_varint(&in);
    e->chain.p = crm__read_bytes(&in, n);
    e->chain.n = (size_t)n;
    return in.failed || crm__reader_left(&in) ? CRM_ECORRUPT : CRM_OK;
}
