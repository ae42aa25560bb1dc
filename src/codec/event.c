/* SPDX-License-Identifier: MIT
 * Blocks of events to bytes, and what is done with one in memory; the format is in event.h.
 */
#include "base/bytes.h"
#include "codec/event_part.h"

#include <string.h>

/* Bytes that a text shares with one before.  Fewer are not worth the copy that makes it whole
 * again; more would let short blocks decode to a great many times their size. */
enum { SHARED_LEAST = 3, SHARED_MOST = 255 };

static int same_shape(const crm__event *a, const crm__event *b)
{
    if (a->kind != b->kind || a->value_count != b->value_count || a->state != b->state ||
        a->source != b->source || !a->voids != !b->voids || !a->reference.n != !b->reference.n)
        return 0;
    for (uint32_t i = 0; i < a->value_count; i++) {
        const crm__event_value *x = &a->values[i], *y = &b->values[i];
        if (x->attribute != y->attribute || x->v.type != y->v.type)
            return 0;
        if (crm__event_is_amount(x->v.type) && x->v.decimal.scale != y->v.decimal.scale)
            return 0;
        if (x->v.type == CRM_TYPE_MONEY && memcmp(x->v.currency, y->v.currency, 3) != 0)
            return 0;
    }
    return 1;
}

static int same_currency(const crm__event_value *x, const char *money)
{
    return x->v.type == CRM_TYPE_MONEY && memcmp(x->v.currency, money, 3) == 0;
}

/* money: the currency before, here and after; source: of the shape before. */
static void add_shape(crm__buf *out, const crm__event *e, uint32_t *source, const char **money)
{
    unsigned marks = (e->voids ? EV_HAS_VOIDS : 0u) | e->state;
    uint32_t before = 0;

    crm__buf_add_varint(out, e->kind);
    crm__buf_add_varint(out, (uint64_t)e->value_count << EV_ATTRIBUTES_SHIFT |
                                 (e->source != *source ? EV_OTHER_SOURCE : 0u) |
                                 (e->reference.n ? EV_HAS_REFERENCE : 0u) |
                                 (marks ? EV_MARKED : 0u));
    if (marks)
        crm__buf_add_u8(out, marks);
    if (e->source != *source)
        crm__buf_add_varint(out, e->source);
    *source = e->source;
    for (uint32_t i = 0; i < e->value_count; i++) {
        const crm__event_value *x = &e->values[i];
        uint32_t step = x->attribute - before;
        int same = same_currency(x, *money);
        crm__buf_add_u8(out, (step <= EV_STEP_MOST ? step << EV_STEP_SHIFT : 0u) | x->v.type);
        if (step > EV_STEP_MOST)
            crm__buf_add_varint(out, step);
        if (crm__event_is_amount(x->v.type))
            crm__buf_add_u8(out, (unsigned)x->v.decimal.scale << EV_SCALE_SHIFT | (unsigned)same);
        if (x->v.type == CRM_TYPE_MONEY && !same)
            crm__buf_add(out, x->v.currency, 3);
        if (x->v.type == CRM_TYPE_MONEY)
            *money = x->v.currency;
        before = x->attribute;
    }
}

/* The coarsest unit that every step of time is whole in. */
static unsigned unit_of(const crm__event *events, uint32_t n)
{
    unsigned unit = CRM__EVENT_UNITS - 1;

    for (uint32_t i = 1; i < n && unit; i++) {
        unit = crm__event_unit_of(unit, (uint64_t)(events[i].time - events[i - 1].time));
    }
    return unit;
}

/* The shapes of a block that is encoded. */
typedef struct shapes {
    uint32_t count;
    uint16_t of[CRM__EVENT_BLOCK_EVENTS];        /* an event's */
    uint16_t first[CRM__EVENT_BLOCK_EVENTS];     /* a shape's first event */
    uint16_t last[CRM__EVENT_BLOCK_EVENTS];      /* the last one that was written + 1, 0: none */
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

/* How many of their first bytes are the same, of those that may be shared. */
static size_t shared_bytes(crm__slice a, crm__slice b)
{
    size_t n = a.n < b.n ? a.n : b.n, i = 0;

    n = n < SHARED_MOST ? n : SHARED_MOST;
    for (; i + 8 <= n; i += 8) {
        uint64_t differ = crm__get_le64(a.p + i) ^ crm__get_le64(b.p + i);
        if (differ)
            return i + (size_t)__builtin_ctzll(differ) / 8;
    }
    while (i < n && a.p[i] == b.p[i])
        i++;
    return i;
}

static uint8_t *put_text(uint8_t *p, crm__slice s, crm__slice before)
{
    size_t shared = shared_bytes(s, before), own;

    if (shared < SHARED_LEAST)
        shared = 0;
    own = s.n - shared;
    *p++ = (uint8_t)((shared < EV_PART_MOST ? shared : EV_PART_MOST) << EV_SHARED_SHIFT |
                     (own < EV_PART_MOST ? own : EV_PART_MOST));
    if (shared >= EV_PART_MOST)
        *p++ = (uint8_t)(shared - EV_PART_MOST);
    if (own >= EV_PART_MOST)
        p = put_varint(p, own - EV_PART_MOST);
    memcpy(p, s.p + shared, own);
    return p + own;
}

/* As crm__value_encode(), of what is no text. */
static uint8_t *put_value(uint8_t *p, const crm__value *v)
{
    switch (v->type) {
    case CRM_TYPE_DECIMAL:
    case CRM_TYPE_MONEY:
        return put_zigzag(p, v->decimal.mantissa);
    case CRM_TYPE_INTEGER:
        return put_zigzag(p, v->integer);
    case CRM_TYPE_DATETIME:
        return put_varint(p, crm__datetime_encode(v->integer));
    case CRM_TYPE_COUNTRY:
        memcpy(p, v->text.p, 2);
        return p + 2;
    default:
        return put_varint(p, (uint64_t)v->integer);
    }
}

/* The most bytes one event may take beside its shape. */
static size_t most_bytes(const crm__event *e)
{
    size_t n = 8 * 10 + e->reference.n;

    for (uint32_t i = 0; i < e->value_count; i++)
        n += 12 + e->values[i].v.text.n;
    return n;
}

/* Events of a block as they are written. */
typedef struct encoding {
    const crm__event *events;
    unsigned unit;
    crm__slice text, reference; /* the last ones */
    shapes s;
} encoding;

/* Head, time, number and seq. */
static uint8_t *put_place(uint8_t *p, const encoding *d, uint32_t i)
{
    const crm__event *e = &d->events[i];
    unsigned shape = d->s.of[i], bytes = 0, code;
    uint64_t step = 0;
    int number = 0, seq = 0;

    if (i) {
        step = crm__event_in_units(d->unit, (uint64_t)(e->time - e[-1].time));
        number = e->number != e[-1].number + 1;
        seq = e->seq != e[-1].seq;
        bytes = crm__event_bytes(step);
    }
    code = bytes < EV_TIME_MASK ? bytes : EV_TIME_MASK;
    bytes = bytes < EV_TIME_MASK ? bytes : 8;
    *p++ = (uint8_t)((shape < EV_SHAPE_MOST ? shape : EV_SHAPE_MOST) << EV_SHAPE_SHIFT |
                     (number ? EV_OTHER_NUMBER : 0u) | (seq ? EV_OTHER_SEQ : 0u) | code);
    if (shape >= EV_SHAPE_MOST)
        p = put_varint(p, shape - EV_SHAPE_MOST);
    crm__put_le64(p, step);
    p += bytes;
    if (number)
        p = put_zigzag(p, (int64_t)e->number - ((int64_t)e[-1].number + 1));
    if (seq)
        p = put_zigzag(p, (int64_t)(e->seq - e[-1].seq));
    return i ? p : put_varint(p, e->seq);
}

static void add_event(crm__buf *out, encoding *d, uint32_t i)
{
    const crm__event *e = &d->events[i], *like = NULL;
    uint16_t *last = &d->s.last[d->s.of[i]];
    uint8_t *p = crm__buf_reserve(out, most_bytes(e));

    if (!p)
        return;
    if (*last)
        like = &d->events[*last - 1];
    *last = (uint16_t)(i + 1);
    p = put_place(p, d, i);
    if (e->voids)
        p = put_varint(p, e->voids);
    if (e->state)
        p = put_varint(p, e->voided - e->seq);
    if (e->reference.n) {
        p = put_text(p, e->reference, like ? like->reference : d->reference);
        d->reference = e->reference;
    }
    for (uint32_t k = 0; k < e->value_count; k++) {
        const crm__value *v = &e->values[k].v;
        if (crm__event_is_open(v->type)) {
            p = put_text(p, v->text, like ? like->values[k].v.text : d->text);
            d->text = v->text;
        } else {
            p = put_value(p, v);
        }
    }
    out->n = (size_t)(p - out->p);
}

void crm__event_block_encode(const crm__event *events, uint32_t n, crm__buf *out)
{
    const char *money = (const char[4]){0};
    uint32_t source = 0;
    encoding d;

    d.events = events;
    d.unit = unit_of(events, n);
    d.text = d.reference = (crm__slice){NULL, 0};
    find_shapes(events, n, &d.s);
    crm__buf_add_u8(out, CRM__EVENT_FORMAT << EV_FORMAT_SHIFT | d.unit);
    crm__buf_add_varint(out, d.s.count);
    for (uint32_t i = 0; i < d.s.count; i++) {
        add_shape(out, &events[d.s.first[i]], &source, &money);
        d.s.last[i] = 0;
    }
    crm__buf_add_varint(out, n);
    for (uint32_t i = 0; i < n; i++)
        add_event(out, &d, i);
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
