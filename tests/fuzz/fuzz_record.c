/* SPDX-License-Identifier: MIT
 * Stored records and the values in them: what decodes is spelled in one way only, so encoding it
 * again gives the same bytes.
 */
#include "fuzz.h"

#include "codec/record.h"
#include "codec/value.h"

#include <crm/codes.h>

static void check_value(const crm__entry *e, crm__slice item)
{
    crm__value v;
    crm__buf out;

    if (crm__value_decode(e->type, e->scoped, item, &v))
        return;
    crm__buf_init(&out, NULL);
    crm__value_encode(&out, &v, e->scoped);
    MUST(!out.failed && out.n == item.n);
    MUST(out.n == 0 || memcmp(out.p, item.p, out.n) == 0);
    crm__buf_clear(&out);
}

static void check_entry(const crm__record *r, const crm__entry *e)
{
    crm__slice item;
    crm__buf list;
    size_t pos = 0, count = 0;
    int rc;

    MUST(crm__record_find(r, e->field) == e);
    crm__buf_init(&list, NULL);
    while ((rc = crm__entry_next(e, &pos, &item)) == CRM_OK) {
        MUST(crm__entry_origin(e, count) < r->origin_count);
        check_value(e, item);
        if (e->list)
            crm__list_add(&list, item);
        count++;
    }
    MUST(rc == CRM_DONE || rc == CRM_ECORRUPT);
    MUST(e->list || (rc == CRM_DONE && count == 1));
    if (rc == CRM_DONE && e->list)
        MUST(list.n == e->payload.n && (!list.n || !memcmp(list.p, e->payload.p, list.n)));
    crm__buf_clear(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crm__slice bytes = {data, size};
    crm__record r;
    crm__buf out;
    uint8_t flags;
    uint64_t seq;
    int rc, head;

    memset(&r, 0, sizeof r);
    rc = crm__record_decode(NULL, bytes, &r);
    head = crm__record_head(bytes, &flags, &seq);
    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    if (rc == CRM_OK) {
        MUST(head == CRM_OK && flags == r.flags && seq == r.seq);
        for (uint32_t i = 0; i < r.entry_count; i++)
            check_entry(&r, &r.entries[i]);
        crm__buf_init(&out, NULL);
        crm__record_encode(&r, &out);
        MUST(!out.failed && out.n == size && memcmp(out.p, data, size) == 0);
        crm__buf_clear(&out);
    } else {
        MUST(r.entry_count == 0 && r.origin_count == 0);
    }
    crm__record_clear(NULL, &r);
    return 0;
}
