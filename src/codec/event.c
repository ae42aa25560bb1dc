/* SPDX-License-Identifier: MIT
 * Blocks of events to bytes and back; the format is in event.h.  Decoding takes any bytes: what it
 * reads is bounded by their length, and what it accepts has values that value.h accepts, in order.
 */
#include "codec/event.h"

#include "base/bytes.h"
#include "base/time.h"

#include <string.h>

/* Microseconds of a unit of time. */
static const int64_t UNIT[] = {
    1,
    1000,
    CRM__US_PER_SECOND,
    60 * CRM__US_PER_SECOND,
    3600 * CRM__US_PER_SECOND,
    CRM__US_PER_DAY,
};
enum { UNITS = sizeof UNIT / sizeof *UNIT };
enum { HAS_VOIDS = 4, HAS_REFERENCE = 8, ATTRIBUTES_SHIFT = 4, STATE_MASK = 3 };
enum { OTHER_SEQ = 1, OTHER_NUMBER = 2, SHAPE_SHIFT = 2 };

static int is_amount(uint8_t type)
{
    return type == CRM_TYPE_DECIMAL || type == CRM_TYPE_MONEY;
}

/* Types whose payload has no length of its own. */
static int is_open(uint8_t type)
{
    switch (type) {
    case CRM_TYPE_TEXT:
    case CRM_TYPE_EMAIL:
    case CRM_TYPE_PHONE:
    case CRM_TYPE_URL:
    case CRM_TYPE_LANGUAGE:
    case CRM_TYPE_ACTOR:
        return 1;
    default:
        return 0;
    }
}

/* ---- encode ---- */

static int same_shape(const crm__event *a, const crm__event *b)
{
    if (a->kind != b->kind || a->value_count != b->value_count || a->state != b->state ||
        a->source != b->source || !a->voids != !b->voids || !a->reference.n != !b->reference.n)
        return 0;
    for (uint32_t i = 0; i < a->value_count; i++) {
        const crm__event_value *x = &a->values[i], *y = &b->values[i];
        if (x->attribute != y->attribute || x->v.type != y->v.type)
            return 0;
        if (is_amount(x->v.type) && x->v.decimal.scale != y->v.decimal.scale)
            return 0;
        if (x->v.type == CRM_TYPE_MONEY && memcmp(x->v.currency, y->v.currency, 3) != 0)
            return 0;
    }
    return 1;
}

static void add_shape(crm__buf *out, const crm__event *e)
{
    uint32_t before = 0;

    crm__buf_add_varint(out, e->kind);
    crm__buf_add_varint(out, e->source);
    crm__buf_add_varint(out, (uint64_t)e->value_count << ATTRIBUTES_SHIFT |
                                 (e->reference.n ? HAS_REFERENCE : 0u) |
                                 (e->voids ? HAS_VOIDS : 0u) | e->state);
    for (uint32_t i = 0; i < e->value_count; i++) {
        const crm__event_value *x = &e->values[i];
        crm__buf_add_varint(out, x->attribute - before);
        crm__buf_add_u8(out, x->v.type);
        if (is_amount(x->v.type))
            crm__buf_add_u8(out, x->v.decimal.scale);
        if (x->v.type == CRM_TYPE_MONEY)
            crm__buf_add(out, x->v.currency, 3);
        before = x->attribute;
    }
}

/* Divides by a unit; a division by what the compiler knows is a multiplication. */
static uint64_t in_units(unsigned unit, uint64_t us)
{
    switch (unit) {
    case 0:
        return us;
    case 1:
        return us / 1000;
    case 2:
        return us / 1000000;
    case 3:
        return us / 60000000;
    case 4:
        return us / UINT64_C(3600000000);
    default:
        return us / UINT64_C(86400000000);
    }
}

/* The coarsest unit that every step of time is whole in. */
static unsigned unit_of(const crm__event *events, uint32_t n)
{
    unsigned unit = UNITS - 1;

    for (uint32_t i = 1; i < n && unit; i++) {
        uint64_t step = (uint64_t)(events[i].time - events[i - 1].time);
        while (in_units(unit, step) * (uint64_t)UNIT[unit] != step)
            unit--;
    }
    return unit;
}

/* The shapes of a block that is encoded. */
typedef struct shapes {
    uint32_t count;
    uint16_t of[CRM__EVENT_BLOCK_EVENTS];        /* an event's */
    uint16_t first[CRM__EVENT_BLOCK_EVENTS];     /* a shape's first event */
    uint16_t known[CRM__EVENT_BLOCK_EVENTS + 1]; /* shape + 1 of a number in `like` */
} shapes;

static void find_shapes(const crm__event *events, uint32_t n, shapes *s)
{
    s->count = 0;
    memset(s->known, 0, sizeof s->known);
    for (uint32_t i = 0; i < n; i++) {
        uint16_t like = events[i].like <= CRM__EVENT_BLOCK_EVENTS ? events[i].like : 0;
        uint32_t at = 0;
        if (like && s->known[like]) {
            s->of[i] = (uint16_t)(s->known[like] - 1);
            continue;
        }
        while (at < s->count && !same_shape(&events[i], &events[s->first[at]]))
            at++;
        if (at == s->count)
            s->first[s->count++] = (uint16_t)i;
        s->of[i] = (uint16_t)at;
        if (like)
            s->known[like] = (uint16_t)(at + 1);
    }
}

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static uint8_t *put_zigzag(uint8_t *p, int64_t v)
{
    return put_varint(p, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

static uint8_t *put_bytes(uint8_t *p, crm__slice s)
{
    p = put_varint(p, s.n);
    memcpy(p, s.p, s.n);
    return p + s.n;
}

/* As crm__value_encode(), with the length in front of what has none. */
static uint8_t *put_value(uint8_t *p, const crm__value *v)
{
    switch (v->type) {
    case CRM_TYPE_DECIMAL:
    case CRM_TYPE_MONEY:
        return put_zigzag(p, v->decimal.mantissa);
    case CRM_TYPE_INTEGER:
    case CRM_TYPE_DATETIME:
        return put_zigzag(p, v->integer);
    case CRM_TYPE_BOOLEAN:
    case CRM_TYPE_DATE:
    case CRM_TYPE_ENUM:
    case CRM_TYPE_CUSTOMER:
        return put_varint(p, (uint64_t)v->integer);
    case CRM_TYPE_COUNTRY:
        memcpy(p, v->text.p, 2);
        return p + 2;
    default:
        return put_bytes(p, v->text);
    }
}

/* The most bytes one event may take beside its shape. */
static size_t most_bytes(const crm__event *e)
{
    size_t n = 6 * 10 + 3 + e->reference.n;

    for (uint32_t i = 0; i < e->value_count; i++)
        n += 10 + e->values[i].v.text.n;
    return n;
}

static void add_event(crm__buf *out, const crm__event *e, const crm__event *before, unsigned shape,
                      unsigned unit)
{
    uint32_t number = before ? before->number + 1 : e->number;
    uint64_t seq = before ? before->seq : 0;
    unsigned other = (e->number != number ? OTHER_NUMBER : 0u) | (e->seq != seq ? OTHER_SEQ : 0u);
    uint8_t *p = crm__buf_reserve(out, most_bytes(e));

    if (!p)
        return;
    p = put_varint(p, (uint64_t)shape << SHAPE_SHIFT | other);
    if (before)
        p = put_varint(p, in_units(unit, (uint64_t)(e->time - before->time)));
    if (other & OTHER_NUMBER)
        p = put_zigzag(p, (int64_t)e->number - (int64_t)number);
    if (other & OTHER_SEQ)
        p = put_zigzag(p, (int64_t)(e->seq - seq));
    if (e->voids)
        p = put_varint(p, e->voids);
    if (e->state)
        p = put_varint(p, e->voided - e->seq);
    if (e->reference.n)
        p = put_bytes(p, e->reference);
    for (uint32_t i = 0; i < e->value_count; i++)
        p = put_value(p, &e->values[i].v);
    out->n = (size_t)(p - out->p);
}

void crm__event_block_encode(const crm__event *events, uint32_t n, crm__buf *out)
{
    unsigned unit = unit_of(events, n);
    shapes s;

    find_shapes(events, n, &s);
    crm__buf_add_u8(out, CRM__EVENT_FORMAT);
    crm__buf_add_u8(out, unit);
    crm__buf_add_varint(out, s.count);
    for (uint32_t i = 0; i < s.count; i++)
        add_shape(out, &events[s.first[i]]);
    crm__buf_add_varint(out, n);
    for (uint32_t i = 0; i < n; i++)
        add_event(out, &events[i], i ? &events[i - 1] : NULL, s.of[i], unit);
}

/* ---- decode ---- */

typedef struct shape {
    uint32_t kind, source;
    uint32_t flags;
    uint32_t value_count;
    crm__event_value *values; /* attribute, type, scale and currency */
} shape;

typedef struct decoding {
    crm__arena *a;
    crm__reader in;
    shape *shapes;
    uint32_t shape_count;
    unsigned unit;
    uint64_t most_step;     /* of time between events: the calendar has no more units */
    crm__event_value *room; /* for values */
    size_t room_left, room_step;
} decoding;

static uint32_t read_u32(crm__reader *in)
{
    uint64_t v = crm__read_varint(in);

    if (v > UINT32_MAX)
        crm__reader_fail(in);
    return (uint32_t)v;
}

static int known_type(uint8_t type)
{
    return type >= CRM_TYPE_TEXT && type <= CRM_TYPE_ACTOR;
}

/* The fixed parts of one attribute.  Without a name for the currency the letters are checked as a
 * value's are. */
static int read_attribute(crm__reader *in, uint32_t *before, crm__event_value *x)
{
    uint32_t step = read_u32(in);

    memset(x, 0, sizeof *x);
    x->attribute = *before + step;
    x->v.type = crm__read_u8(in);
    if (in->failed || !step || x->attribute < *before || !known_type(x->v.type))
        return CRM_ECORRUPT;
    *before = x->attribute;
    if (is_amount(x->v.type)) {
        x->v.decimal.scale = crm__read_u8(in);
        if (!crm__decimal_valid(x->v.decimal))
            return CRM_ECORRUPT;
    }
    if (x->v.type == CRM_TYPE_MONEY) {
        const uint8_t *p = crm__read_bytes(in, 3);
        for (int i = 0; p && i < 3; i++) {
            if (p[i] < 'A' || p[i] > 'Z')
                return CRM_ECORRUPT;
            x->v.currency[i] = (char)p[i];
        }
    }
    return in->failed ? CRM_ECORRUPT : CRM_OK;
}

static int read_shape(decoding *d, shape *s)
{
    uint64_t flags;
    uint32_t before = 0;

    s->kind = read_u32(&d->in);
    s->source = read_u32(&d->in);
    flags = crm__read_varint(&d->in);
    if (d->in.failed || flags >> ATTRIBUTES_SHIFT > CRM__EVENT_VALUES ||
        (flags & STATE_MASK) > CRM__EVENT_CORRECTED)
        return CRM_ECORRUPT;
    s->flags = (uint32_t)flags;
    s->value_count = s->flags >> ATTRIBUTES_SHIFT;
    if (s->value_count > crm__reader_left(&d->in) / 2)
        return CRM_ECORRUPT;
    s->values = crm__arena_alloc(d->a, s->value_count * sizeof *s->values);
    if (!s->values)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < s->value_count; i++) {
        int rc = read_attribute(&d->in, &before, &s->values[i]);
        if (rc)
            return rc;
    }
    return CRM_OK;
}

static int read_shapes(decoding *d)
{
    uint64_t n = crm__read_varint(&d->in);
    int rc = CRM_OK;

    if (d->in.failed || !n || n > CRM__EVENT_BLOCK_EVENTS || n > crm__reader_left(&d->in) / 3)
        return CRM_ECORRUPT;
    d->shape_count = (uint32_t)n;
    d->shapes = crm__arena_alloc(d->a, d->shape_count * sizeof *d->shapes);
    if (!d->shapes)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < d->shape_count && !rc; i++)
        rc = read_shape(d, &d->shapes[i]);
    return rc;
}

/* Room for n values in one piece. */
static crm__event_value *values_room(decoding *d, uint32_t n)
{
    crm__event_value *at;

    if (n > d->room_left) {
        d->room_left = n > d->room_step ? n : d->room_step;
        d->room = crm__arena_alloc(d->a, d->room_left * sizeof *d->room);
        if (!d->room)
            return NULL;
    }
    at = d->room;
    d->room += n;
    d->room_left -= n;
    return at;
}

/* The payload of a value that is no amount: its end is found, then value.c judges it.  v has its
 * type and is zero otherwise. */
static int read_value(crm__reader *in, crm__value *v)
{
    crm__slice payload;
    uint64_t n = 0;

    if (v->type == CRM_TYPE_INTEGER) {
        v->integer = crm__read_zigzag(in);
        return in->failed ? CRM_ECORRUPT : CRM_OK;
    }
    if (is_open(v->type)) {
        n = crm__read_varint(in);
        payload.p = crm__read_bytes(in, n);
        payload.n = (size_t)n;
    } else if (v->type == CRM_TYPE_BOOLEAN || v->type == CRM_TYPE_COUNTRY) {
        payload.n = v->type == CRM_TYPE_BOOLEAN ? 1 : 2;
        payload.p = crm__read_bytes(in, payload.n);
    } else {
        payload.p = in->p;
        crm__read_varint(in);
        payload.n = (size_t)(in->p - payload.p);
    }
    return in->failed ? CRM_ECORRUPT : crm__value_decode(v->type, 0, payload, v);
}

static int read_values(decoding *d, const shape *s, crm__event *e)
{
    crm__event_value *x;

    e->value_count = (uint16_t)s->value_count;
    e->values = NULL;
    if (!s->value_count)
        return CRM_OK;
    if (s->value_count > crm__reader_left(&d->in))
        return CRM_ECORRUPT;
    x = values_room(d, s->value_count);
    if (!x)
        return CRM_ENOMEM;
    memcpy(x, s->values, s->value_count * sizeof *x);
    e->values = x;
    for (uint32_t i = 0; i < s->value_count; i++) {
        if (is_amount(x[i].v.type)) {
            x[i].v.decimal.mantissa = crm__read_zigzag(&d->in);
            if (d->in.failed || !crm__decimal_valid(x[i].v.decimal))
                return CRM_ECORRUPT;
        } else {
            int rc = read_value(&d->in, &x[i].v);
            if (rc)
                return rc;
        }
    }
    return CRM_OK;
}

/* The event behind `before`; for the first one, which has no step of time, that is a pretended one.
 */
static int read_event(decoding *d, const crm__event *before, int first, crm__event *e)
{
    uint64_t head = crm__read_varint(&d->in), step = first ? 0 : crm__read_varint(&d->in), n;
    const shape *s;

    if (d->in.failed || head >> SHAPE_SHIFT >= d->shape_count)
        return CRM_ECORRUPT;
    s = &d->shapes[head >> SHAPE_SHIFT];
    if (step > d->most_step)
        return CRM_ECORRUPT;
    e->time = before->time + (int64_t)step * UNIT[d->unit];
    if (e->time > CRM__TIME_MAX)
        return CRM_ECORRUPT;
    n = (uint64_t)before->number + 1;
    if (head & OTHER_NUMBER)
        n += (uint64_t)crm__read_zigzag(&d->in);
    if (!n || n >= UINT32_MAX)
        return CRM_ECORRUPT;
    e->number = (uint32_t)n;
    if (!first && e->time == before->time && e->number <= before->number)
        return CRM_ECORRUPT;
    e->seq = before->seq;
    if (head & OTHER_SEQ)
        e->seq += (uint64_t)crm__read_zigzag(&d->in);
    e->kind = s->kind;
    e->source = s->source;
    e->like = (uint16_t)((head >> SHAPE_SHIFT) + 1);
    e->state = s->flags & STATE_MASK;
    e->voids = s->flags & HAS_VOIDS ? read_u32(&d->in) : 0;
    e->voided = e->state ? e->seq + crm__read_varint(&d->in) : 0;
    e->reference = (crm__slice){NULL, 0};
    if (s->flags & HAS_REFERENCE) {
        n = crm__read_varint(&d->in);
        if (!n || n > CRM__EVENT_REFERENCE)
            return CRM_ECORRUPT;
        e->reference.p = crm__read_bytes(&d->in, n);
        e->reference.n = (size_t)n;
    }
    if (d->in.failed || (s->flags & HAS_VOIDS && !e->voids))
        return CRM_ECORRUPT;
    return read_values(d, s, e);
}

int crm__event_block_decode(crm__arena *a, int64_t time, uint32_t number, crm__slice bytes,
                            crm__event_block *b)
{
    decoding d = {a, crm__reader_of(bytes.p, bytes.n), NULL, 0, 0, 0, NULL, 0, 0};
    crm__event before;
    uint64_t n;
    int rc;

    memset(b, 0, sizeof *b);
    memset(&before, 0, sizeof before);
    if (crm__read_u8(&d.in) != CRM__EVENT_FORMAT || (d.unit = crm__read_u8(&d.in)) >= UNITS ||
        time < CRM__TIME_MIN || time > CRM__TIME_MAX || !number)
        return CRM_ECORRUPT;
    d.most_step = (uint64_t)(CRM__TIME_MAX - CRM__TIME_MIN) / (uint64_t)UNIT[d.unit];
    rc = read_shapes(&d);
    if (rc)
        return rc;
    n = crm__read_varint(&d.in);
    if (d.in.failed || !n || n > CRM__EVENT_BLOCK_EVENTS || n > crm__reader_left(&d.in))
        return CRM_ECORRUPT;
    b->cap = (uint32_t)n + 1; /* with room for the one that most who decode mean to add */
    b->events = crm__arena_alloc(a, b->cap * sizeof *b->events);
    if (!b->events)
        return CRM_ENOMEM;
    d.room_step = n < 16 ? (size_t)n : 16;
    before.time = time;
    before.number = number - 1;
    for (uint32_t i = 0; i < n && !rc; i++) {
        rc = read_event(&d, i ? &b->events[i - 1] : &before, i == 0, &b->events[i]);
        if (!i && !rc && b->events[0].number != number)
            rc = CRM_ECORRUPT;
    }
    if (!rc && crm__reader_left(&d.in))
        rc = CRM_ECORRUPT;
    b->count = rc ? 0 : (uint32_t)n;
    return rc;
}

int crm__event_block_has(crm__slice bytes, uint32_t kind)
{
    crm__reader in = crm__reader_of(bytes.p, bytes.n);
    uint64_t shapes_left, of, flags;

    crm__read_bytes(&in, 2);
    for (shapes_left = crm__read_varint(&in); shapes_left && !in.failed; shapes_left--) {
        of = crm__read_varint(&in);
        crm__read_varint(&in);
        flags = crm__read_varint(&in);
        if (of == kind && (flags & STATE_MASK) == CRM__EVENT_IN_FORCE)
            return 1;
        for (uint64_t left = flags >> ATTRIBUTES_SHIFT; left && !in.failed; left--) {
            unsigned type;
            crm__read_varint(&in);
            type = crm__read_u8(&in);
            crm__read_bytes(&in, type == CRM_TYPE_MONEY ? 4 : type == CRM_TYPE_DECIMAL ? 1 : 0);
        }
    }
    return in.failed;
}

/* ---- in memory ---- */

uint32_t crm__event_block_find(const crm__event_block *b, int64_t time, uint32_t number)
{
    uint32_t lo = 0, hi = b->count;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        const crm__event *e = &b->events[mid];
        if (e->time < time || (e->time == time && e->number < number))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

int crm__event_block_insert(crm__arena *a, crm__event_block *b, const crm__event *e, uint32_t *at)
{
    if (b->count == b->cap) {
        uint32_t cap = b->cap ? b->cap * 2 : 4;
        crm__event *p = crm__arena_alloc(a, cap * sizeof *p);
        if (!p)
            return CRM_ENOMEM;
        if (b->count)
            memcpy(p, b->events, b->count * sizeof *p);
        b->events = p;
        b->cap = cap;
    }
    *at = crm__event_block_find(b, e->time, e->number);
    memmove(b->events + *at + 1, b->events + *at, (b->count - *at) * sizeof *b->events);
    b->events[*at] = *e;
    b->count++;
    return CRM_OK;
}

const crm__event_value *crm__event_value_find(const crm__event *e, uint32_t attribute)
{
    for (uint32_t i = 0; i < e->value_count; i++) {
        if (e->values[i].attribute == attribute)
            return &e->values[i];
    }
    return NULL;
}
