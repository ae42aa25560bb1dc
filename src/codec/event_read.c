/* SPDX-License-Identifier: MIT
 * Bytes to blocks of events; the format is in event.h.  Decoding takes any bytes: what it reads is
 * bounded by their length, and what it accepts has values that value.h accepts, in order.
 */
#include "base/bytes.h"
#include "base/utf8.h"
#include "codec/event_part.h"

#include <string.h>

enum { COPY = 16 }; /* bytes of a short text, which are copied whatever its length */

typedef struct shape {
    uint32_t kind, source;
    uint32_t marks; /* EV_HAS_VOIDS and state */
    int has_reference;
    uint32_t value_count;
    crm__event_value *values; /* attribute, type, scale and currency; texts of the last event */
    crm__slice reference;     /* of the last event */
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
    uint8_t *texts; /* room for those that are put together */
    size_t texts_left;
    crm__slice text, reference; /* the last ones */
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

/* Digits and currency of an amount; without a name for the currency the letters are checked as a
 * value's are.  money: the currency before, here and after. */
static int read_amount(crm__reader *in, crm__value *v, char money[4])
{
    unsigned scale = crm__read_u8(in);
    const uint8_t *p;

    v->decimal.scale = (uint8_t)(scale >> EV_SCALE_SHIFT);
    if (!crm__decimal_valid(v->decimal))
        return CRM_ECORRUPT;
    if (v->type == CRM_TYPE_DECIMAL)
        return scale & EV_SAME_CURRENCY ? CRM_ECORRUPT : CRM_OK;
    if (!(scale & EV_SAME_CURRENCY)) {
        p = crm__read_bytes(in, 3);
        for (int i = 0; p && i < 3; i++) {
            if (p[i] < 'A' || p[i] > 'Z')
                return CRM_ECORRUPT;
            money[i] = (char)p[i];
        }
    }
    memcpy(v->currency, money, 4);
    return *money ? CRM_OK : CRM_ECORRUPT;
}

/* The fixed parts of one attribute. */
static int read_attribute(crm__reader *in, uint32_t *before, char money[4], crm__event_value *x)
{
    unsigned head = crm__read_u8(in);
    uint32_t step = head >> EV_STEP_SHIFT;

    memset(x, 0, sizeof *x);
    if (!step && (step = read_u32(in)) <= EV_STEP_MOST)
        return CRM_ECORRUPT;
    x->attribute = *before + step;
    x->v.type = head & EV_TYPE_MASK;
    if (in->failed || x->attribute < *before || !known_type(x->v.type))
        return CRM_ECORRUPT;
    *before = x->attribute;
    if (crm__event_is_amount(x->v.type) && read_amount(in, &x->v, money))
        return CRM_ECORRUPT;
    return in->failed ? CRM_ECORRUPT : CRM_OK;
}

/* What stands before the attributes of a shape; its source is at first that of the shape before. */
static int read_shape_head(crm__reader *in, shape *s)
{
    uint64_t flags;

    s->kind = read_u32(in);
    flags = crm__read_varint(in);
    s->marks = flags & EV_MARKED ? crm__read_u8(in) : 0;
    if (flags & EV_OTHER_SOURCE)
        s->source = read_u32(in);
    if (in->failed || flags >> EV_ATTRIBUTES_SHIFT > CRM__EVENT_VALUES || s->marks > EV_MARKS ||
        (flags & EV_MARKED && !s->marks) || (s->marks & EV_STATE_MASK) > CRM__EVENT_CORRECTED)
        return CRM_ECORRUPT;
    s->has_reference = (flags & EV_HAS_REFERENCE) != 0;
    s->value_count = (uint32_t)(flags >> EV_ATTRIBUTES_SHIFT);
    return CRM_OK;
}

static int read_shape(decoding *d, char money[4], shape *s)
{
    uint32_t before = 0;

    if (read_shape_head(&d->in, s) || s->value_count > crm__reader_left(&d->in))
        return CRM_ECORRUPT;
    s->reference = (crm__slice){NULL, 0};
    s->values = crm__arena_alloc(d->a, s->value_count * sizeof *s->values);
    if (!s->values)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < s->value_count; i++) {
        int rc = read_attribute(&d->in, &before, money, &s->values[i]);
        if (rc)
            return rc;
    }
    return CRM_OK;
}

static int read_shapes(decoding *d)
{
    uint64_t n = crm__read_varint(&d->in);
    char money[4] = "";
    int rc = CRM_OK;

    if (d->in.failed || !n || n > CRM__EVENT_BLOCK_EVENTS || n > crm__reader_left(&d->in) / 2)
        return CRM_ECORRUPT;
    d->shape_count = (uint32_t)n;
    d->shapes = crm__arena_alloc(d->a, d->shape_count * sizeof *d->shapes);
    if (!d->shapes)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < d->shape_count && !rc; i++) {
        d->shapes[i].source = i ? d->shapes[i - 1].source : 0;
        rc = read_shape(d, money, &d->shapes[i]);
    }
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

/* Room for a text of n bytes and as many as a copy of few may write or read behind it. */
static uint8_t *text_room(decoding *d, size_t n)
{
    enum { PIECE = 512 };
    uint8_t *at;

    n += COPY;
    if (n > d->texts_left) {
        size_t most = n < PIECE / 4 ? PIECE : n;
        at = crm__arena_alloc(d->a, most);
        if (!at || most == n)
            return at;
        d->texts = at;
        d->texts_left = most;
    }
    return d->texts;
}

/* A text of `shared` bytes of one before and `own` ones.  What is all of that one, or begins it, is
 * taken where that lies. */
static int put_together(decoding *d, crm__slice before, size_t shared, const uint8_t *p, size_t own,
                        crm__slice *out)
{
    uint8_t *to;

    if (shared > before.n || (!shared && !own))
        return CRM_ECORRUPT;
    *out = (crm__slice){shared ? before.p : p, shared + own};
    if (!shared || !own)
        return CRM_OK;
    to = text_room(d, out->n);
    if (!to)
        return CRM_ENOMEM;
    memcpy(to, before.p, shared);
    memcpy(to + shared, p, own);
    if (to == d->texts) {
        d->texts += out->n;
        d->texts_left -= out->n;
    }
    out->p = to;
    return CRM_OK;
}

static int read_long_text(decoding *d, crm__slice before, crm__slice *out)
{
    unsigned head = crm__read_u8(&d->in);
    uint64_t shared = head >> EV_SHARED_SHIFT, own = head & EV_PART_MOST;
    const uint8_t *p;

    if (shared == EV_PART_MOST)
        shared += crm__read_u8(&d->in);
    if (own == EV_PART_MOST)
        own += crm__read_varint(&d->in);
    p = crm__read_bytes(&d->in, own);
    return p ? put_together(d, before, (size_t)shared, p, (size_t)own, out) : CRM_ECORRUPT;
}

/* A text that may share its first bytes with one before.  Short ones, as most are, are copied
 * without a look at their length: those of the block lie before what is read now, behind which
 * there is enough, and those put together have room behind them. */
static int read_text(decoding *d, crm__slice before, crm__slice *out)
{
    const uint8_t *p = d->in.p + 1;
    size_t shared, own;

    if (crm__reader_left(&d->in) < 2 * COPY || d->texts_left < 2 * COPY)
        return read_long_text(d, before, out);
    shared = d->in.p[0] >> EV_SHARED_SHIFT;
    own = d->in.p[0] & EV_PART_MOST;
    if (shared == EV_PART_MOST || own == EV_PART_MOST || !shared || !own || shared > before.n)
        return read_long_text(d, before, out);
    memmove(d->texts, before.p, COPY);
    memcpy(d->texts + shared, p, COPY);
    *out = (crm__slice){d->texts, shared + own};
    d->in.p = p + own;
    d->texts += shared + own;
    d->texts_left -= shared + own;
    return CRM_OK;
}

/* The payload of a value that is no amount and no text: its end is found, then value.c judges it.
 * v has its type and is zero otherwise. */
static int read_value(crm__reader *in, crm__value *v)
{
    crm__slice payload;

    if (v->type == CRM_TYPE_INTEGER) {
        v->integer = crm__read_zigzag(in);
        return in->failed ? CRM_ECORRUPT : CRM_OK;
    }
    if (v->type == CRM_TYPE_BOOLEAN || v->type == CRM_TYPE_COUNTRY) {
        payload.n = v->type == CRM_TYPE_BOOLEAN ? 1 : 2;
        payload.p = crm__read_bytes(in, payload.n);
    } else {
        payload.p = in->p;
        crm__read_varint(in);
        payload.n = (size_t)(in->p - payload.p);
    }
    return in->failed ? CRM_ECORRUPT : crm__value_decode(v->type, 0, payload, v);
}

/* The text of an attribute, which its shape keeps for the next event. */
static int read_open(decoding *d, crm__value *kept, crm__value *v)
{
    int rc = read_text(d, kept->text.n ? kept->text : d->text, &v->text);

    if (rc)
        return rc;
    d->text = kept->text = v->text;
    return crm__utf8_valid((const char *)v->text.p, v->text.n) == v->text.n ? CRM_OK : CRM_ECORRUPT;
}

static int read_values(decoding *d, const shape *s, crm__event *e)
{
    crm__event_value *x;
    int rc = CRM_OK;

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
    for (uint32_t i = 0; i < s->value_count && !rc; i++) {
        crm__value *v = &x[i].v;
        if (crm__event_is_amount(v->type)) {
            v->decimal.mantissa = crm__read_zigzag(&d->in);
            rc = d->in.failed || !crm__decimal_valid(v->decimal) ? CRM_ECORRUPT : CRM_OK;
        } else {
            rc = crm__event_is_open(v->type) ? read_open(d, &s->values[i].v, v)
                                             : read_value(&d->in, v);
        }
    }
    return rc;
}

/* n bytes of a number, 0 to 8. */
static uint64_t read_number(crm__reader *in, unsigned n)
{
    const uint8_t *p = in->p;
    uint64_t v = 0;

    if (crm__reader_left(in) >= 8) {
        in->p += n;
        return n ? crm__get_le64(p) & UINT64_MAX >> (64 - 8 * n) : 0;
    }
    p = crm__read_bytes(in, n);
    while (p && n--)
        v = v << 8 | p[n];
    return v;
}

/* Head, time, number and seq of the event behind `before`.  The first one has none of those but the
 * seq: its time and number are told beforehand. */
static int read_place(decoding *d, const crm__event *before, crm__event *e, uint32_t *shape_number)
{
    unsigned head = crm__read_u8(&d->in), code = head & EV_TIME_MASK;
    uint64_t at = head >> EV_SHAPE_SHIFT, step, n;

    if (at == EV_SHAPE_MOST)
        at += crm__read_varint(&d->in);
    if (d->in.failed || at >= d->shape_count)
        return CRM_ECORRUPT;
    *shape_number = (uint32_t)at;
    if (!before) {
        e->seq = crm__read_varint(&d->in);
        return head & (EV_OTHER_NUMBER | EV_OTHER_SEQ | EV_TIME_MASK) ? CRM_ECORRUPT : CRM_OK;
    }
    step = read_number(&d->in, code < EV_TIME_MASK ? code : 8);
    if (step > d->most_step)
        return CRM_ECORRUPT;
    e->time = before->time + (int64_t)step * crm__event_unit(d->unit);
    if (e->time > CRM__TIME_MAX)
        return CRM_ECORRUPT;
    n = (uint64_t)before->number + 1;
    if (head & EV_OTHER_NUMBER)
        n += (uint64_t)crm__read_zigzag(&d->in);
    if (!n || n >= UINT32_MAX)
        return CRM_ECORRUPT;
    e->number = (uint32_t)n;
    if (e->time == before->time && e->number <= before->number)
        return CRM_ECORRUPT;
    e->seq = before->seq;
    if (head & EV_OTHER_SEQ)
        e->seq += (uint64_t)crm__read_zigzag(&d->in);
    return CRM_OK;
}

static int read_reference(decoding *d, shape *s, crm__event *e)
{
    int rc = read_text(d, s->reference.n ? s->reference : d->reference, &e->reference);

    if (rc)
        return rc;
    d->reference = s->reference = e->reference;
    return e->reference.n > CRM__EVENT_REFERENCE ? CRM_ECORRUPT : CRM_OK;
}

/* The event behind `before`; NULL: the first one. */
static int read_event(decoding *d, const crm__event *before, crm__event *e)
{
    uint32_t at;
    int rc = read_place(d, before, e, &at);
    shape *s;

    if (rc)
        return rc;
    s = &d->shapes[at];
    e->kind = s->kind;
    e->source = s->source;
    e->like = (uint16_t)(at + 1);
    e->state = s->marks & EV_STATE_MASK;
    e->voids = s->marks & EV_HAS_VOIDS ? read_u32(&d->in) : 0;
    e->voided = e->state ? e->seq + crm__read_varint(&d->in) : 0;
    e->reference = (crm__slice){NULL, 0};
    if (s->has_reference && (rc = read_reference(d, s, e)) != CRM_OK)
        return rc;
    if (d->in.failed || (s->marks & EV_HAS_VOIDS && !e->voids))
        return CRM_ECORRUPT;
    return read_values(d, s, e);
}

int crm__event_block_decode(crm__arena *a, int64_t time, uint32_t number, crm__slice bytes,
                            crm__event_block *b)
{
    decoding d = {.a = a, .in = crm__reader_of(bytes.p, bytes.n)};
    unsigned first = crm__read_u8(&d.in);
    uint64_t n;
    int rc;

    memset(b, 0, sizeof *b);
    d.unit = first & EV_UNIT_MASK;
    if (first >> EV_FORMAT_SHIFT != CRM__EVENT_FORMAT || d.unit >= CRM__EVENT_UNITS ||
        time < CRM__TIME_MIN || time > CRM__TIME_MAX || !number || number == UINT32_MAX)
        return CRM_ECORRUPT;
    d.most_step = (uint64_t)(CRM__TIME_MAX - CRM__TIME_MIN) / (uint64_t)crm__event_unit(d.unit);
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
    b->events->time = time;
    b->events->number = number;
    for (uint32_t i = 0; i < n && !rc; i++)
        rc = read_event(&d, i ? &b->events[i - 1] : NULL, &b->events[i]);
    if (!rc && crm__reader_left(&d.in))
        rc = CRM_ECORRUPT;
    b->count = rc ? 0 : (uint32_t)n;
    return rc;
}

/* Passes by an attribute of a shape. */
static void pass_attribute(crm__reader *in)
{
    unsigned head = crm__read_u8(in), scale = EV_SAME_CURRENCY;
    uint8_t type = head & EV_TYPE_MASK;

    if (!(head >> EV_STEP_SHIFT))
        crm__read_varint(in);
    if (crm__event_is_amount(type))
        scale = crm__read_u8(in);
    if (type == CRM_TYPE_MONEY && !(scale & EV_SAME_CURRENCY))
        crm__read_bytes(in, 3);
}

int crm__event_block_has(crm__slice bytes, uint32_t kind)
{
    crm__reader in = crm__reader_of(bytes.p, bytes.n);
    shape s = {0};

    crm__read_u8(&in);
    for (uint64_t left = crm__read_varint(&in); left && !in.failed; left--) {
        if (read_shape_head(&in, &s))
            return 1;
        if (s.kind == kind && (s.marks & EV_STATE_MASK) == CRM__EVENT_IN_FORCE)
            return 1;
        for (uint32_t i = 0; i < s.value_count && !in.failed; i++)
            pass_attribute(&in);
    }
    return in.failed;
}
