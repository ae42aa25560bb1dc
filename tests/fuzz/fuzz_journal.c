/* SPDX-License-Identifier: MIT
 * Journal entries: bytes to an entry and back, and an entry made from the input to bytes and back.
 */
#include "fuzz.h"

#include "base/bytes.h"
#include "codec/journal.h"

#include <crm/codes.h>

static int same(const crm__journal_entry *a, const crm__journal_entry *b)
{
    return a->action == b->action && a->recorded == b->recorded && a->actor == b->actor &&
           a->purpose == b->purpose && a->channel == b->channel && a->source == b->source &&
           a->target == b->target && a->previous == b->previous &&
           a->field_count == b->field_count && a->counters.next_id == b->counters.next_id &&
           a->counters.live == b->counters.live && a->counters.deleted == b->counters.deleted &&
           a->chain.n == b->chain.n &&
           (a->chain.n == 0 || memcmp(a->chain.p, b->chain.p, a->chain.n) == 0);
}

/* Decoding gives the number of fields only: those without any can be put together again. */
static void from_bytes(const uint8_t *data, size_t size)
{
    crm__slice bytes = {data, size};
    crm__journal_entry e;
    crm__buf out;
    int rc = crm__journal_decode(bytes, &e);

    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    if (rc)
        return;
    MUST(e.chain.n <= size && e.field_count <= size);
    if (e.field_count)
        return;
    crm__buf_init(&out, NULL);
    crm__journal_encode(&e, &out);
    MUST(!out.failed && out.n == size && memcmp(out.p, data, size) == 0);
    crm__buf_clear(&out);
}

static void from_entry(input in)
{
    uint32_t fields[64], field = 0;
    crm__journal_entry e, got;
    crm__buf out;

    memset(&e, 0, sizeof e);
    e.action = take(&in);
    e.recorded = (int64_t)take_number(&in, 8);
    e.actor = (uint32_t)take_number(&in, 4);
    e.purpose = (uint32_t)take_number(&in, 4);
    e.channel = (uint32_t)take_number(&in, 2);
    e.source = (uint32_t)take_number(&in, 1);
    e.target = take_number(&in, 8);
    e.previous = take_number(&in, 5);
    e.counters.next_id = take_number(&in, 8);
    e.counters.live = take_number(&in, 4);
    e.counters.deleted = take_number(&in, 3);
    e.field_count = take(&in) & 63u;
    for (uint32_t i = 0; i < e.field_count; i++) {
        field += 1 + (uint32_t)take_number(&in, 2);
        fields[i] = field;
    }
    e.fields = fields;
    e.chain.p = in.p;
    e.chain.n = in.n;
    crm__buf_init(&out, NULL);
    crm__journal_encode(&e, &out);
    MUST(!out.failed);
    MUST(crm__journal_decode((crm__slice){out.p, out.n}, &got) == CRM_OK && same(&e, &got));
    for (size_t n = 0; n < out.n; n += 1 + n / 8)
        MUST(crm__journal_decode((crm__slice){out.p, n}, &got) == CRM_ECORRUPT);
    crm__buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    from_bytes(data, size);
    from_entry((input){data, size});
    return 0;
}
