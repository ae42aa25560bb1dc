/* SPDX-License-Identifier: MIT
 * Customer record to bytes and back; the format is in record.h.
 */
#include "codec/record.h"

#include "base/bytes.h"
#include "codec/value.h"

#include <crm/codes.h>
#include <string.h>

void crm__record_clear(const crm_allocator *mem, crm__record *r)
{
    crm__release(mem, r->entries);
    crm__release(mem, r->origins);
    memset(r, 0, sizeof *r);
}

static int grow(const crm_allocator *mem, void **p, uint32_t *cap, uint32_t want, size_t size)
{
    uint32_t n = *cap ? *cap : 16;
    void *q;

    if (want <= *cap)
        return CRM_OK;
    while (n < want)
        n *= 2;
    q = crm__realloc(mem, *p, n * size);
    if (!q)
        return CRM_ENOMEM;
    *p = q;
    *cap = n;
    return CRM_OK;
}

int crm__record_room(const crm_allocator *mem, crm__record *r, uint32_t entries, uint32_t origins)
{
    void *e = r->entries, *o = r->origins;
    int rc = grow(mem, &e, &r->entry_cap, entries, sizeof *r->entries);

    r->entries = e;
    if (rc)
        return rc;
    rc = grow(mem, &o, &r->origin_cap, origins, sizeof *r->origins);
    r->origins = o;
    return rc;
}

static int decode_head(crm__reader *in, crm__record *r)
{
    if (crm__read_u8(in) != CRM__RECORD_FORMAT)
        return CRM_ECORRUPT;
    r->flags = crm__read_u8(in);
    r->kind = crm__read_u8(in);
    r->seq = crm__read_varint(in);
    r->created = (int64_t)crm__read_le64(in);
    r->updated = (int64_t)((uint64_t)r->created + (uint64_t)crm__read_zigzag(in));
    r->survivor = r->flags & CRM__RECORD_MERGED ? crm__read_varint(in) : 0;
    if (r->kind < 1 || r->kind > CRM__RECORD_KINDS)
        return CRM_ECORRUPT;
    return in->failed || (r->flags & ~CRM__RECORD_FLAGS) ? CRM_ECORRUPT : CRM_OK;
}

static int decode_origins(const crm_allocator *mem, crm__reader *in, crm__record *r)
{
    uint64_t n = crm__read_varint(in);

    if (in->failed || n > crm__reader_left(in) / 2)
        return CRM_ECORRUPT;
    if (crm__record_room(mem, r, 0, (uint32_t)n))
        return CRM_ENOMEM;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t source = crm__read_varint(in);
        if (source > UINT32_MAX)
            return CRM_ECORRUPT;
        r->origins[i].source = (uint32_t)source;
        r->origins[i].at = (int64_t)((uint64_t)r->created + (uint64_t)crm__read_zigzag(in));
    }
    r->origin_count = (uint32_t)n;
    return in->failed ? CRM_ECORRUPT : CRM_OK;
}

/* One origin for each value of a list. */
static int decode_mixed(crm__reader *in, const crm__record *r, crm__entry *e, int mixed)
{
    crm__slice item;
    size_t pos = 0;
    int rc;

    e->mixed = (crm__slice){NULL, 0};
    if (!mixed)
        return CRM_OK;
    if (!e->list)
        return CRM_ECORRUPT;
    e->mixed.p = in->p;
    while ((rc = crm__list_next(e->payload, &pos, &item)) == CRM_OK) {
        if (crm__read_varint(in) >= r->origin_count || in->failed)
            return CRM_ECORRUPT;
    }
    e->mixed.n = (size_t)(in->p - e->mixed.p);
    return rc == CRM_DONE && e->mixed.n ? CRM_OK : CRM_ECORRUPT;
}

static int decode_entries(const crm_allocator *mem, crm__reader *in, crm__record *r)
{
    uint64_t n = crm__read_varint(in), field = 0;

    if (in->failed || n > crm__reader_left(in) / 3)
        return CRM_ECORRUPT;
    if (crm__record_room(mem, r, (uint32_t)n, 0))
        return CRM_ENOMEM;
    for (uint64_t i = 0; i < n; i++) {
        crm__entry *e = &r->entries[i];
        uint64_t step, head, bytes;
        if (crm__reader_left(in) >= 4 && !(crm__get_le32(in->p) & 0x808080)) {
            step = in->p[0];
            head = in->p[1];
            bytes = in->p[2];
            in->p += 3;
        } else {
            step = crm__read_varint(in);
            head = crm__read_varint(in);
            bytes = crm__read_varint(in);
        }
        field += step;
        if (step == 0 || step > UINT16_MAX || field > UINT16_MAX || (head >> 8) >= r->origin_count)
            return CRM_ECORRUPT;
        e->field = (uint32_t)field;
        e->origin = (uint32_t)(head >> 8);
        e->scoped = head >> 6 & 1;
        e->list = head >> 5 & 1;
        e->type = head & 31;
        e->mode = 0;
        e->payload.p = crm__read_bytes(in, bytes);
        e->payload.n = (size_t)bytes;
        if (in->failed || decode_mixed(in, r, e, head >> 7 & 1))
            return CRM_ECORRUPT;
    }
    r->entry_count = (uint32_t)n;
    return CRM_OK;
}

int crm__record_decode(const crm_allocator *mem, crm__slice bytes, crm__record *r)
{
    crm__reader in = crm__reader_of(bytes.p, bytes.n);
    int rc;

    r->origin_count = r->entry_count = 0;
    rc = decode_head(&in, r);
    if (!rc)
        rc = decode_origins(mem, &in, r);
    if (!rc)
        rc = decode_entries(mem, &in, r);
    if (!rc && crm__reader_left(&in))
        rc = CRM_ECORRUPT;
    if (rc)
        r->origin_count = r->entry_count = 0;
    return rc;
}

int crm__record_head(crm__slice bytes, uint8_t *flags, uint64_t *seq)
{
    crm__reader in = crm__reader_of(bytes.p, bytes.n);
    crm__record r;
    int rc = decode_head(&in, &r);

    if (!rc) {
        *flags = r.flags;
        *seq = r.seq;
    }
    return rc;
}

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

void crm__record_encode(const crm__record *r, crm__buf *out)
{
    uint8_t created[8];
    uint32_t before = 0;

    crm__buf_add_u8(out, CRM__RECORD_FORMAT);
    crm__buf_add_u8(out, r->flags);
    crm__buf_add_u8(out, r->kind);
    crm__buf_add_varint(out, r->seq);
    crm__put_le64(created, (uint64_t)r->created);
    crm__buf_add(out, created, sizeof created);
    crm__buf_add_zigzag(out, minus(r->updated, r->created));
    if (r->flags & CRM__RECORD_MERGED)
        crm__buf_add_varint(out, r->survivor);
    crm__buf_add_varint(out, r->origin_count);
    for (uint32_t i = 0; i < r->origin_count; i++) {
        crm__buf_add_varint(out, r->origins[i].source);
        crm__buf_add_zigzag(out, minus(r->origins[i].at, r->created));
    }
    crm__buf_add_varint(out, r->entry_count);
    for (uint32_t i = 0; i < r->entry_count; i++) {
        const crm__entry *e = &r->entries[i];
        crm__buf_add_varint(out, e->field - before);
        crm__buf_add_varint(out, (uint64_t)e->origin << 8 | (uint64_t)(e->mixed.n ? 1 : 0) << 7 |
                                     (uint64_t)(e->scoped ? 1 : 0) << 6 |
                                     (uint64_t)(e->list ? 1 : 0) << 5 | e->type);
        crm__buf_add_varint(out, e->payload.n);
        crm__buf_add(out, e->payload.p, e->payload.n);
        crm__buf_add(out, e->mixed.p, e->mixed.n);
        before = e->field;
    }
}

const crm__entry *crm__record_find(const crm__record *r, uint32_t field)
{
    const crm__entry *e = r->entries;
    uint32_t n = r->entry_count;

    if (!n)
        return NULL;
    for (; n > 1; n -= n / 2) /* a step without a branch to guess */
        e += e[n / 2].field <= field ? n / 2 : 0;
    return e->field == field ? e : NULL;
}

int crm__entry_next(const crm__entry *e, size_t *pos, crm__slice *item)
{
    if (e->list)
        return crm__list_next(e->payload, pos, item);
    if (*pos)
        return CRM_DONE;
    *pos = 1;
    *item = e->payload;
    return CRM_OK;
}

uint32_t crm__entry_origin(const crm__entry *e, size_t i)
{
    crm__reader in = crm__reader_of(e->mixed.p, e->mixed.n);
    uint32_t origin = e->origin;

    for (size_t k = 0; e->mixed.n && k <= i; k++)
        origin = (uint32_t)crm__read_varint(&in);
    return in.failed ? e->origin : origin;
}

/* The number in r of an origin; UINT32_MAX without memory. */
static uint32_t take_origin(const crm_allocator *mem, crm__record *r, const crm__origin *o)
{
    for (uint32_t i = 0; i < r->origin_count; i++) {
        if (r->origins[i].source == o->source && r->origins[i].at == o->at)
            return i;
    }
    if (crm__record_room(mem, r, 0, r->origin_count + 1))
        return UINT32_MAX;
    r->origins[r->origin_count] = *o;
    return r->origin_count++;
}

static int take_mixed(const crm_allocator *mem, crm__arena *arena, crm__record *r,
                      const crm__record *from, crm__slice mixed, crm__slice *out)
{
    crm__reader in = crm__reader_of(mixed.p, mixed.n);
    crm__buf spelled;
    int rc = CRM_OK;

    crm__buf_init(&spelled, mem);
    while (crm__reader_left(&in) && !rc) {
        uint64_t origin = crm__read_varint(&in);
        uint32_t mine;
        if (in.failed || origin >= from->origin_count) {
            rc = CRM_ECORRUPT;
        } else {
            mine = take_origin(mem, r, &from->origins[origin]);
            crm__buf_add_varint(&spelled, mine);
            rc = mine == UINT32_MAX || spelled.failed ? CRM_ENOMEM : CRM_OK;
        }
    }
    if (!rc) {
        out->n = spelled.n;
        out->p = crm__arena_copy(arena, spelled.p, spelled.n);
        rc = out->p ? CRM_OK : CRM_ENOMEM;
    }
    crm__buf_clear(&spelled);
    return rc;
}

int crm__record_take(const crm_allocator *mem, crm__arena *arena, crm__record *r,
                     const crm__record *from, const crm__entry *e)
{
    crm__entry mine = *e;

    if (e->origin >= from->origin_count)
        return CRM_ECORRUPT;
    mine.origin = take_origin(mem, r, &from->origins[e->origin]);
    if (mine.origin == UINT32_MAX || crm__record_room(mem, r, r->entry_count + 1, 0))
        return CRM_ENOMEM;
    if (e->mixed.n) {
        int rc = take_mixed(mem, arena, r, from, e->mixed, &mine.mixed);
        if (rc)
            return rc;
    }
    r->entries[r->entry_count++] = mine;
    return CRM_OK;
}
