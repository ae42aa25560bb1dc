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

/* Bits of the first byte beside those of the record's own flags. */
enum { ORGANISATION = 4, UPDATED = 8, ORIGINS = 16, FORMAT_SHIFT = 5 };
/* Of an entry's head, and of what stands behind it when that says so. */
enum { TYPE_MASK = 15, STEP_SHIFT = 4, STEP_MASK = 7, OTHER = 128 };
enum { SIZED = 1, LIST = 2, SCOPED = 4, MIXED = 8, ORIGIN_SHIFT = 4 };

/* How the bytes of a value end: so many; a varint behind so many; 0: only a length tells. */
enum { VARINT = 8 };
static const uint8_t END[TYPE_MASK + 1] = {
    [CRM_TYPE_INTEGER] = VARINT,      [CRM_TYPE_DATETIME] = VARINT,
    [CRM_TYPE_DATE] = VARINT,         [CRM_TYPE_ENUM] = VARINT,
    [CRM_TYPE_CUSTOMER] = VARINT,     [CRM_TYPE_DECIMAL] = VARINT | 1,
    [CRM_TYPE_MONEY] = VARINT | 4,    [CRM_TYPE_BOOLEAN] = 1,
    [CRM_TYPE_COUNTRY] = 2,
};

/* Bytes of the value at p by what ends it; 0: it has no end in n bytes. */
static size_t value_bytes(unsigned end, const uint8_t *p, size_t n)
{
    size_t at = end & (VARINT - 1);

    if (!(end & VARINT))
        return at <= n ? at : 0;
    if (n >= at + 8) {
        uint64_t stop = ~crm__get_le64(p + at) & UINT64_C(0x8080808080808080);
        if (stop)
            return at + (size_t)__builtin_ctzll(stop) / 8 + 1;
    }
    for (size_t last = at + 10; at < n && at < last; at++) {
        if (p[at] < 0x80)
            return at + 1;
    }
    return 0;
}

/* Whether it is all of a payload. */
static int is_whole(unsigned end, crm__slice payload)
{
    return payload.n && value_bytes(end, payload.p, payload.n) == payload.n;
}

static int decode_head(crm__reader *in, crm__record *r, unsigned *first)
{
    unsigned head = crm__read_u8(in);
    int64_t since = 0;

    if (head >> FORMAT_SHIFT != CRM__RECORD_FORMAT)
        return CRM_ECORRUPT;
    *first = head;
    r->flags = head & CRM__RECORD_FLAGS;
    r->kind = head & ORGANISATION ? 2 : 1;
    r->seq = crm__read_varint(in);
    r->created = (int64_t)crm__read_le64(in);
    if (head & UPDATED && (since = crm__read_zigzag(in)) == 0)
        return CRM_ECORRUPT;
    r->updated = (int64_t)((uint64_t)r->created + (uint64_t)since);
    r->survivor = head & CRM__RECORD_MERGED ? crm__read_varint(in) : 0;
    return in->failed ? CRM_ECORRUPT : CRM_OK;
}

static int decode_origins(const crm_allocator *mem, crm__reader *in, crm__record *r, unsigned first)
{
    uint64_t n = first & ORIGINS ? crm__read_varint(in) : 1;

    if (in->failed || (first & ORIGINS && n > crm__reader_left(in) / 2))
        return CRM_ECORRUPT;
    if (crm__record_room(mem, r, 0, (uint32_t)n))
        return CRM_ENOMEM;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t source = crm__read_varint(in);
        int64_t since = first & ORIGINS ? crm__read_zigzag(in) : 0;
        if (source > UINT32_MAX || (first & ORIGINS && n == 1 && !since))
            return CRM_ECORRUPT;
        r->origins[i].source = (uint32_t)source;
        r->origins[i].at = (int64_t)((uint64_t)r->created + (uint64_t)since);
    }
    r->origin_count = (uint32_t)n;
    return in->failed ? CRM_ECORRUPT : CRM_OK;
}

/* One origin for each value of a list. */
static int decode_mixed(crm__reader *in, const crm__record *r, crm__entry *e)
{
    crm__slice item;
    size_t pos = 0;
    int rc;

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

/* The bytes of an entry's value: those behind a length, or those that end by themselves. */
static int decode_payload(crm__reader *in, crm__entry *e, uint64_t other)
{
    unsigned end = END[e->type];
    uint64_t n;

    if (!end || other & (SIZED | LIST | SCOPED)) {
        n = crm__read_varint(in);
        e->payload.p = crm__read_bytes(in, n);
        e->payload.n = (size_t)n;
        if (in->failed)
            return CRM_ECORRUPT;
        if (!(other & SIZED))
            return CRM_OK;
        return !end || other & (LIST | SCOPED) || is_whole(end, e->payload) ? CRM_ECORRUPT : CRM_OK;
    }
    e->payload.p = in->p;
    e->payload.n = value_bytes(end, in->p, crm__reader_left(in));
    in->p += e->payload.n;
    return e->payload.n ? CRM_OK : CRM_ECORRUPT;
}

static int decode_entry(crm__reader *in, const crm__record *r, crm__entry *e, uint32_t before)
{
    unsigned head = crm__read_u8(in);
    uint64_t step = head >> STEP_SHIFT & STEP_MASK, other = 0;

    if (!step && (step = crm__read_varint(in)) <= STEP_MASK)
        return CRM_ECORRUPT;
    if (head & OTHER && (other = crm__read_varint(in)) == 0)
        return CRM_ECORRUPT;
    if (step > UINT16_MAX - before || other >> ORIGIN_SHIFT >= r->origin_count)
        return CRM_ECORRUPT;
    e->field = before + (uint32_t)step;
    e->origin = (uint32_t)(other >> ORIGIN_SHIFT);
    e->scoped = (other & SCOPED) != 0;
    e->list = (other & LIST) != 0;
    e->type = head & TYPE_MASK;
    e->mode = 0;
    e->mixed = (crm__slice){NULL, 0};
    if (decode_payload(in, e, other))
        return CRM_ECORRUPT;
    return other & MIXED ? decode_mixed(in, r, e) : CRM_OK;
}

/* An entry as most are: of the first origin, one value, with bytes behind it.  CRM_DONE: it is
 * another one. */
static int decode_plain(crm__reader *in, crm__entry *e, uint32_t before)
{
    const uint8_t *p = in->p;
    unsigned type, end;
    size_t n;

    if (crm__reader_left(in) < 16 || p[0] >= OTHER || !(p[0] >> STEP_SHIFT))
        return CRM_DONE;
    type = *p & TYPE_MASK;
    e->field = before + (*p++ >> STEP_SHIFT);
    end = END[type];
    n = end ? value_bytes(end, p, (size_t)(in->end - p)) : *p++;
    if (!n || n >= 0x80 || n > (size_t)(in->end - p))
        return CRM_DONE;
    e->origin = 0;
    e->mixed = (crm__slice){NULL, 0};
    e->type = (uint8_t)type;
    e->list = e->scoped = e->mode = 0;
    e->payload = (crm__slice){p, n};
    in->p = p + n;
    return CRM_OK;
}

static int decode_entries(const crm_allocator *mem, crm__reader *in, crm__record *r)
{
    uint32_t n = 0, before = 0;

    for (; crm__reader_left(in); before = r->entries[n++].field) {
        if (n == r->entry_cap && crm__record_room(mem, r, n + 1, 0))
            return CRM_ENOMEM;
        if (decode_plain(in, &r->entries[n], before) == CRM_OK) {
            if (r->entries[n].field > UINT16_MAX || !r->origin_count)
                return CRM_ECORRUPT;
        } else if (decode_entry(in, r, &r->entries[n], before)) {
            return CRM_ECORRUPT;
        }
    }
    r->entry_count = n;
    return CRM_OK;
}

int crm__record_decode(const crm_allocator *mem, crm__slice bytes, crm__record *r)
{
    crm__reader in = crm__reader_of(bytes.p, bytes.n);
    unsigned first = 0;
    int rc;

    r->origin_count = r->entry_count = 0;
    rc = decode_head(&in, r, &first);
    if (!rc)
        rc = decode_origins(mem, &in, r, first);
    if (!rc)
        rc = decode_entries(mem, &in, r);
    if (rc)
        r->origin_count = r->entry_count = 0;
    return rc;
}

int crm__record_head(crm__slice bytes, uint8_t *flags, uint64_t *seq)
{
    crm__reader in = crm__reader_of(bytes.p, bytes.n);
    unsigned first;
    crm__record r;
    int rc = decode_head(&in, &r, &first);

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

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static uint8_t *put_bytes(uint8_t *p, crm__slice s)
{
    if (s.n)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

static void encode_entry(const crm__entry *e, uint32_t step, crm__buf *out)
{
    unsigned end = END[e->type & TYPE_MASK];
    int alone = end && !e->list && !e->scoped, sized = alone && !is_whole(end, e->payload);
    uint64_t other = (uint64_t)e->origin << ORIGIN_SHIFT | (e->mixed.n ? MIXED : 0u) |
                     (e->scoped ? SCOPED : 0u) | (e->list ? LIST : 0u) | (sized ? SIZED : 0u);
    uint8_t *p = crm__buf_reserve(out, 1 + 3 * 10 + e->payload.n + e->mixed.n);

    if (!p)
        return;
    *p++ = (uint8_t)((other ? OTHER : 0u) | (step <= STEP_MASK ? step << STEP_SHIFT : 0u) |
                     (e->type & TYPE_MASK));
    if (step > STEP_MASK)
        p = put_varint(p, step);
    if (other)
        p = put_varint(p, other);
    if (!alone || sized)
        p = put_varint(p, e->payload.n);
    p = put_bytes(put_bytes(p, e->payload), e->mixed);
    out->n = (size_t)(p - out->p);
}

void crm__record_encode(const crm__record *r, crm__buf *out)
{
    int origins = r->origin_count != 1 || r->origins[0].at != r->created;
    uint8_t created[8];
    uint32_t before = 0;

    crm__buf_add_u8(out, CRM__RECORD_FORMAT << FORMAT_SHIFT | (origins ? ORIGINS : 0u) |
                             (r->updated != r->created ? UPDATED : 0u) |
                             (r->kind == 2 ? ORGANISATION : 0u) | (r->flags & CRM__RECORD_FLAGS));
    crm__buf_add_varint(out, r->seq);
    crm__put_le64(created, (uint64_t)r->created);
    crm__buf_add(out, created, sizeof created);
    if (r->updated != r->created)
        crm__buf_add_zigzag(out, minus(r->updated, r->created));
    if (r->flags & CRM__RECORD_MERGED)
        crm__buf_add_varint(out, r->survivor);
    if (origins)
        crm__buf_add_varint(out, r->origin_count);
    for (uint32_t i = 0; i < r->origin_count; i++) {
        crm__buf_add_varint(out, r->origins[i].source);
        if (origins)
            crm__buf_add_zigzag(out, minus(r->origins[i].at, r->created));
    }
    for (uint32_t i = 0; i < r->entry_count; i++) {
        encode_entry(&r->entries[i], r->entries[i].field - before, out);
        before = r->entries[i].field;
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
