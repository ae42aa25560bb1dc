/* SPDX-License-Identifier: MIT
 * Journal entries, images and lists of ids: bytes to what they say and back, and an entry made from
 * the input to bytes and back.
 */
#include "fuzz.h"

#include "base/bytes.h"
#include "codec/journal.h"
#include "codec/key.h"
#include "codec/record.h"
#include "db/journal.h"

#include <crm/codes.h>

enum { FIELDS = 64 };

static int same_bytes(crm__slice a, crm__slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static int same(const crm__journal_entry *a, const crm__journal_entry *b)
{
    return a->action == b->action && a->recorded == b->recorded && a->actor == b->actor &&
           a->purpose == b->purpose && a->channel == b->channel && a->source == b->source &&
           a->target == b->target && a->previous == b->previous && a->batch == b->batch &&
           a->field_count == b->field_count && a->counters.next_id == b->counters.next_id &&
           a->counters.live == b->counters.live && a->counters.deleted == b->counters.deleted &&
           a->counters.images_from == b->counters.images_from &&
           same_bytes(a->commitment, b->commitment) && same_bytes(a->lists[0], b->lists[0]) &&
           same_bytes(a->lists[1], b->lists[1]) && same_bytes(a->lists[2], b->lists[2]) &&
           same_bytes(a->lists[CRM__BATCH_TAGGED], b->lists[CRM__BATCH_TAGGED]) &&
           same_bytes(a->tagged, b->tagged) && a->name_runs == b->name_runs &&
           same_bytes(a->names, b->names);
}

/* Runs are ascending, apart from or next to each other, and never go past the last number. */
static void read_list(crm__slice list, int sound)
{
    uint64_t first, count, end = 0, n = 0;
    crm__runs r;
    int rc = crm__runs_open(list, &r);

    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    MUST(!sound || rc == CRM_OK);
    while (!rc && crm__runs_next(&r, &first, &count)) {
        MUST(first > end && count > 0 && first + (count - 1) >= first);
        if (n++ < 100) {
            MUST(crm__runs_has(list, first) && crm__runs_has(list, first + (count - 1)));
            MUST(crm__runs_has(list, first - 1) == (n > 1 && first - 1 == end));
        }
        end = first + (count - 1);
    }
    MUST(!sound || !r.in.failed);
}

/* What decodes can be put together again; the same bytes come out when they were the short ones. */
static void from_bytes(const uint8_t *data, size_t size)
{
    crm__slice bytes = {data, size};
    uint32_t fields[FIELDS], field = 0, n = 0;
    crm__journal_entry e, again;
    crm__reader in;
    crm__buf out;
    int rc = crm__journal_decode(bytes, &e);

    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    if (rc)
        return;
    MUST(e.chain.n == CRM__DIGEST && e.chain.p + CRM__DIGEST == data + size);
    MUST(e.field_count <= size);
    for (int i = 0; i < CRM__BATCH_LISTS; i++)
        read_list(e.lists[i], 1);
    in = crm__reader_of(e.mask.p, e.mask.n);
    while (crm__mask_next(&in, &field)) {
        if (n < FIELDS)
            fields[n] = field;
        n++;
    }
    MUST(!in.failed && n == e.field_count);
    if (n > FIELDS)
        return;
    e.fields = fields;
    crm__buf_init(&out, NULL);
    crm__journal_encode(&e, &out);
    crm__buf_add(&out, e.chain.p, e.chain.n);
    MUST(!out.failed && out.n <= size);
    MUST(crm__journal_decode((crm__slice){out.p, out.n}, &again) == CRM_OK && same(&e, &again));
    crm__buf_clear(&out);
}

static void take_list(input *in, crm__buf *out)
{
    uint64_t ids[40], id = 0;
    size_t n = take(in) % 40;

    for (size_t i = 0; i < n; i++)
        ids[i] = id += 1 + (take(in) & 1 ? 0 : take_number(in, 1 + take(in) % 6));
    crm__buf_init(out, NULL);
    crm__runs_encode(ids, n, out);
    read_list((crm__slice){out->p, out->n}, 1);
    for (size_t i = 0; i < n; i++)
        MUST(crm__runs_has((crm__slice){out->p, out->n}, ids[i]));
}

/* Runs that can be: what is put in comes out. */
static void take_names(input *in, crm__journal_entry *e, crm__buf *out)
{
    crm__names_run runs[8], got;
    crm__reader r;

    e->name_runs = take(in) % 8;
    for (uint32_t i = 0; i < e->name_runs; i++) {
        runs[i].cls = take(in);
        runs[i].first = 1 + (uint32_t)take_number(in, 3);
        runs[i].count = 1 + (uint32_t)take_number(in, 3);
        crm__brings_add(&runs[i], out);
    }
    e->names = (crm__slice){out->p, out->n};
    r = crm__reader_of(out->p, out->n);
    for (uint32_t i = 0; i < e->name_runs; i++) {
        MUST(crm__brings_next(&r, &got) && got.cls == runs[i].cls);
        MUST(got.first == runs[i].first && got.count == runs[i].count);
    }
    MUST(!crm__brings_next(&r, &got) && !r.failed);
}

static void from_entry(input in)
{
    static const uint8_t ZEROS[CRM__DIGEST];
    uint32_t fields[FIELDS], field = 0;
    crm__buf out, names, lists[CRM__BATCH_LISTS];
    crm__journal_entry e, got;

    memset(&e, 0, sizeof e);
    e.action = take(&in);
    e.recorded = (int64_t)take_number(&in, 8);
    e.actor = (uint32_t)take_number(&in, 4);
    e.purpose = (uint32_t)take_number(&in, 4);
    e.channel = (uint32_t)take_number(&in, 2);
    e.source = (uint32_t)take_number(&in, 1);
    e.target = take_number(&in, 8);
    e.previous = take_number(&in, 5);
    e.batch = take_number(&in, 6);
    e.counters.next_id = take_number(&in, 8);
    e.counters.live = take_number(&in, 4);
    e.counters.deleted = take_number(&in, 3);
    e.counters.images_from = take_number(&in, 5);
    e.commitment = (crm__slice){ZEROS, take(&in) & 1 ? CRM__DIGEST : 0};
    e.field_count = take(&in) % FIELDS;
    for (uint32_t i = 0; i < e.field_count; i++) {
        field += 1 + (uint32_t)take_number(&in, 2);
        fields[i] = field;
    }
    e.fields = fields;
    crm__buf_init(&names, NULL);
    take_names(&in, &e, &names);
    for (int i = 0; i < CRM__BATCH_LISTS; i++) {
        take_list(&in, &lists[i]);
        if (crm__action_lists(e.action))
            e.lists[i] = (crm__slice){lists[i].p, lists[i].n};
    }
    if (e.action == CRM__ACTION_TAG || e.lists[CRM__BATCH_TAGGED].n > 1)
        e.tagged = (crm__slice){ZEROS, CRM__DIGEST};
    crm__buf_init(&out, NULL);
    crm__journal_encode(&e, &out);
    crm__buf_add(&out, ZEROS, sizeof ZEROS);
    MUST(!out.failed);
    MUST(crm__journal_decode((crm__slice){out.p, out.n}, &got) == CRM_OK && same(&e, &got));
    crm__buf_clear(&out);
    crm__buf_clear(&names);
    for (int i = 0; i < CRM__BATCH_LISTS; i++)
        crm__buf_clear(&lists[i]);
}

/* An image row: what it commits to, and its parts. */
static void from_image(const uint8_t *data, size_t size)
{
    crm__slice row = {data, size}, mask, record;
    uint8_t one[CRM__DIGEST], two[CRM__DIGEST];

    for (int with_mask = 0; with_mask < 2; with_mask++) {
        int known = crm__image_commitment(7, 9, row, one);
        int rc = crm__image_split(row, with_mask, &mask, &record);
        MUST(known == CRM_OK || known == CRM_ECORRUPT);
        MUST(rc == CRM_OK || rc == CRM_ENOTFOUND || rc == CRM_ECORRUPT);
        if (known == CRM_OK && data[0] == CRM__IMAGE_KEPT) {
            MUST(crm__image_commitment(8, 9, row, two) == CRM_OK && memcmp(one, two, sizeof one));
            MUST(crm__image_commitment(7, 8, row, two) == CRM_OK && memcmp(one, two, sizeof one));
        }
        if (rc == CRM_OK) {
            crm__record r = {0};
            MUST(data[0] == CRM__IMAGE_KEPT && record.p >= data && mask.n <= size);
            MUST(record.p + record.n == data + size);
            crm__record_decode(NULL, record, &r);
            crm__record_clear(NULL, &r);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    from_bytes(data, size);
    from_image(data, size);
    read_list((crm__slice){data, size}, 0);
    from_entry((input){data, size});
    return 0;
}
