/* SPDX-License-Identifier: MIT
 * Journal entries and images to bytes and back; the formats are in journal.h.
 */
#include "codec/journal.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists ---- */

int crm__mask_next(crm__reader *in, uint32_t *field)
{
    uint64_t step;

    if (!crm__reader_left(in))
        return 0;
    step = crm__read_varint(in);
    if (in->failed || step == 0 || step > UINT32_MAX - *field) {
        crm__reader_fail(in);
        return 0;
    }
    *field += (uint32_t)step;
    return 1;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

size_t crm__ids_sort(uint64_t *ids, size_t count)
{
    size_t n = 0, i = 1;

    while (i < count && ids[i - 1] <= ids[i]) /* as they mostly come */
        i++;
    if (i < count)
        qsort(ids, count, sizeof *ids, by_id);
    for (i = 0; i < count; i++) {
        if (!n || ids[n - 1] != ids[i])
            ids[n++] = ids[i];
    }
    return n;
}

void crm__runs_encode(const uint64_t *ids, size_t count, crm__buf *out)
{
    uint64_t runs = 0, last = 0;

    for (size_t i = 0; i < count; i++)
        runs += i == 0 || ids[i] != ids[i - 1] + 1;
    crm__buf_add_varint(out, runs);
    for (size_t i = 0, n; i < count; i += n) {
        for (n = 1; i + n < count && ids[i + n] == ids[i] + n; n++)
            ;
        crm__buf_add_varint(out, ids[i] - last);
        crm__buf_add_varint(out, n - 1);
        last = ids[i] + n - 1;
    }
}

int crm__runs_open(crm__slice list, crm__runs *r)
{
    r->in = crm__reader_of(list.p, list.n);
    r->left = list.n ? crm__read_varint(&r->in) : 0;
    r->last = 0;
    return r->in.failed || r->left > crm__reader_left(&r->in) / 2 ? CRM_ECORRUPT : CRM_OK;
}

int crm__runs_next(crm__runs *r, uint64_t *first, uint64_t *count)
{
    uint64_t step, more;

    if (!r->left)
        return 0;
    step = crm__read_varint(&r->in);
    more = crm__read_varint(&r->in);
    if (r->in.failed || step == 0 || step > UINT64_MAX - r->last ||
        more > UINT64_MAX - r->last - step) {
        crm__reader_fail(&r->in);
        r->left = 0;
        return 0;
    }
    r->left--;
    *first = r->last + step;
    *count = more + 1;
    r->last = *first + more;
    return 1;
}

/* ---- entries ---- */

void crm__brings_add(const crm__names_run *run, crm__buf *out)
{
    crm__buf_add_u8(out, run->cls);
    crm__buf_add_varint(out, run->first);
    crm__buf_add_varint(out, run->count);
}

int crm__brings_next(crm__reader *in, crm__names_run *run)
{
    uint64_t first, count;

    if (!crm__reader_left(in))
        return 0;
    run->cls = crm__read_u8(in);
    first = crm__read_varint(in);
    count = crm__read_varint(in);
    if (in->failed || !first || !count || first > UINT32_MAX || count > UINT32_MAX - first) {
        crm__reader_fail(in);
        return 0;
    }
    run->first = (uint32_t)first;
    run->count = (uint32_t)count;
    return 1;
}

/* Most bytes of an entry without its lists, names and fields, chain and check tag included; and of
 * a field. */
enum { MOST_ENTRY = 2 + 8 + 12 * 10 + 1 + 2 * CRM__DIGEST + 8, MOST_FIELD = 5 };

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static uint8_t *put_mask(uint8_t *p, const uint32_t *fields, uint32_t count)
{
    uint32_t before = 0;

    p = put_varint(p, count);
    for (uint32_t i = 0; i < count; i++) {
        p = put_varint(p, fields[i] - before);
        before = fields[i];
    }
    return p;
}

void crm__mask_encode(const uint32_t *fields, uint32_t count, crm__buf *out)
{
    uint8_t *p = crm__buf_reserve(out, 10 + (size_t)count * MOST_FIELD);

    if (p)
        out->n = (size_t)(put_mask(p, fields, count) - out->p);
}

/* One is written for every change, so room is made once and not for each number. */
void crm__journal_encode(const crm__journal_entry *e, crm__buf *out)
{
    uint8_t *p = crm__buf_reserve(out, MOST_ENTRY + (size_t)e->field_count * MOST_FIELD);

    if (!p)
        return;
    *p++ = CRM__JOURNAL_FORMAT;
    *p++ = e->action;
    crm__put_le64(p, (uint64_t)e->recorded);
    p = put_varint(p + 8, e->actor);
    p = put_varint(p, e->purpose);
    p = put_varint(p, e->channel);
    p = put_varint(p, e->source);
    p = put_varint(p, e->target);
    p = put_varint(p, e->previous);
    p = put_varint(p, e->batch);
    p = put_mask(p, e->fields, e->field_count);
    p = put_varint(p, e->counters.next_id);
    p = put_varint(p, e->counters.live);
    p = put_varint(p, e->counters.deleted);
    p = put_varint(p, e->counters.images_from);
    *p++ = (uint8_t)e->commitment.n;
    if (e->commitment.n)
        memcpy(p, e->commitment.p, e->commitment.n);
    p = put_varint(p + e->commitment.n, e->name_runs);
    out->n = (size_t)(p - out->p);
    crm__buf_add(out, e->names.p, e->names.n);
    for (int i = 0; i < CRM__BATCH_LISTS && crm__action_lists(e->action); i++)
        crm__buf_add(out, e->lists[i].p, e->lists[i].n);
    crm__buf_add(out, e->tagged.p, e->tagged.n);
}

static uint32_t number(crm__reader *in)
{
    uint64_t v = crm__read_varint(in);

    if (v > UINT32_MAX)
        crm__reader_fail(in);
    return (uint32_t)v;
}

static void decode_mask(crm__reader *in, crm__journal_entry *e)
{
    uint64_t count = crm__read_varint(in);
    uint32_t field = 0;

    e->fields = NULL;
    e->mask = (crm__slice){in->p, 0};
    if (count > crm__reader_left(in)) {
        crm__reader_fail(in);
        return;
    }
    for (uint64_t i = 0; i < count && crm__mask_next(in, &field); i++)
        ;
    e->mask.n = (size_t)(in->p - e->mask.p);
    e->field_count = (uint32_t)count;
    if (count && !e->mask.n)
        crm__reader_fail(in);
}

static void decode_names(crm__reader *in, crm__journal_entry *e)
{
    uint64_t count = crm__read_varint(in);
    crm__names_run run;

    e->names = (crm__slice){in->p, 0};
    if (count > crm__reader_left(in)) {
        crm__reader_fail(in);
        return;
    }
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        if (!crm__brings_next(in, &run))
            crm__reader_fail(in);
    }
    e->names.n = (size_t)(in->p - e->names.p);
    e->name_runs = (uint32_t)count;
}

/* One list of ids: what of the reader is it. */
static void decode_list(crm__reader *in, crm__slice *list)
{
    crm__slice rest = {in->p, crm__reader_left(in)};
    uint64_t first, count;
    crm__runs r;

    *list = rest;
    if (!rest.n || crm__runs_open(rest, &r)) {
        crm__reader_fail(in);
        return;
    }
    while (crm__runs_next(&r, &first, &count))
        ;
    if (r.in.failed) {
        crm__reader_fail(in);
        return;
    }
    list->n = (size_t)(r.in.p - rest.p);
    in->p = r.in.p;
}

int crm__journal_decode(crm__slice bytes, crm__journal_entry *e)
{
    crm__reader in;

    memset(e, 0, sizeof *e);
    if (bytes.n < CRM__DIGEST)
        return CRM_ECORRUPT;
    in = crm__reader_of(bytes.p, bytes.n - CRM__DIGEST);
    e->chain = (crm__slice){bytes.p + bytes.n - CRM__DIGEST, CRM__DIGEST};
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
    e->batch = crm__read_varint(&in);
    decode_mask(&in, e);
    e->counters.next_id = crm__read_varint(&in);
    e->counters.live = crm__read_varint(&in);
    e->counters.deleted = crm__read_varint(&in);
    e->counters.images_from = crm__read_varint(&in);
    e->commitment.n = crm__read_u8(&in);
    e->commitment.p = crm__read_bytes(&in, e->commitment.n);
    if (e->commitment.n && e->commitment.n != CRM__DIGEST)
        return CRM_ECORRUPT;
    decode_names(&in, e);
    for (int i = 0; i < CRM__BATCH_LISTS && crm__action_lists(e->action); i++)
        decode_list(&in, &e->lists[i]);
    /* An empty list is one byte. */
    if (e->action == CRM__ACTION_TAG || e->lists[CRM__BATCH_TAGGED].n > 1)
        e->tagged = (crm__slice){crm__read_bytes(&in, CRM__DIGEST), CRM__DIGEST};
    return in.failed || crm__reader_left(&in) ? CRM_ECORRUPT : CRM_OK;
}

/* ---- hashes ---- */

void crm__chain_next(const uint8_t before[CRM__DIGEST], uint64_t seq, crm__slice entry,
                     crm__slice brought, uint8_t out[CRM__DIGEST])
{
    uint8_t number_[8];
    crm__slice parts[4] = {{before, CRM__DIGEST}, {number_, sizeof number_}, entry, brought};

    crm__put_le64(number_, seq);
    crm__digest(NULL, parts, 4, out);
}

int crm__image_commitment(uint64_t seq, uint64_t id, crm__slice row, uint8_t out[CRM__DIGEST])
{
    uint8_t place[16];
    crm__slice parts[2] = {{place, sizeof place}, row};

    if (row.n == 1 + CRM__DIGEST && row.p[0] == CRM__IMAGE_ERASED) {
        memcpy(out, row.p + 1, CRM__DIGEST);
        return CRM_OK;
    }
    if (row.n < 1 + CRM__SALT || row.p[0] != CRM__IMAGE_KEPT)
        return CRM_ECORRUPT;
    crm__put_le64(place, seq);
    crm__put_le64(place + 8, id);
    parts[1].p++;
    parts[1].n--;
    crm__digest(NULL, parts, 2, out);
    return CRM_OK;
}
