/* SPDX-License-Identifier: MIT
 * Totals of a customer's events, in memory and as bytes, and the small rows that find events: see
 * event_head.h.
 */
#include "codec/event_head.h"

#include "base/bytes.h"
#include "base/time.h"
#include "codec/event_part.h"
#include "codec/key.h"

#include <string.h>

enum { REFERENCE_BYTES = 12, TIMES_HEAD = 10 };

/* ---- totals in memory ---- */

static int grow(crm__arena *a, void **p, uint32_t *cap, uint32_t count, size_t size)
{
    uint32_t n = *cap ? *cap * 2 : 8;
    void *q;

    if (count < *cap)
        return CRM_OK;
    q = crm__arena_alloc(a, n * size);
    if (!q)
        return CRM_ENOMEM;
    if (count)
        memcpy(q, *p, count * size);
    *p = q;
    *cap = n;
    return CRM_OK;
}

/* Place of the first total that is not before the kind. */
static uint32_t total_place(const crm__event_head *h, uint32_t kind)
{
    uint32_t lo = 0, hi = h->total_count;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (h->totals[mid].kind < kind)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

crm__event_total *crm__event_head_find(const crm__event_head *h, uint32_t kind)
{
    uint32_t at = total_place(h, kind);

    return at < h->total_count && h->totals[at].kind == kind ? &h->totals[at] : NULL;
}

static int open_total(crm__arena *a, crm__event_head *h, uint32_t kind, crm__event_total **out)
{
    void *p = h->totals;
    uint32_t at = total_place(h, kind);
    int rc;

    *out = crm__event_head_find(h, kind);
    if (*out)
        return CRM_OK;
    rc = grow(a, &p, &h->total_cap, h->total_count, sizeof *h->totals);
    h->totals = p;
    if (rc)
        return rc;
    memmove(h->totals + at + 1, h->totals + at, (h->total_count - at) * sizeof *h->totals);
    h->total_count++;
    h->totals[at] = (crm__event_total){.kind = kind};
    *out = &h->totals[at];
    return CRM_OK;
}

static int is_summed(uint8_t type)
{
    return type == CRM_TYPE_INTEGER || type == CRM_TYPE_DECIMAL || type == CRM_TYPE_MONEY;
}

/* The order of sums: kind, attribute, type, currency. */
static int compare_sum(const crm__event_sum *s, uint32_t kind, uint32_t attribute,
                       const crm__value *v)
{
    if (s->kind != kind)
        return s->kind < kind ? -1 : 1;
    if (s->attribute != attribute)
        return s->attribute < attribute ? -1 : 1;
    if (s->type != v->type)
        return s->type < v->type ? -1 : 1;
    return memcmp(s->currency, v->currency, 3);
}

/* *at: its place, or where it would stand. */
static crm__event_sum *find_sum(const crm__event_head *h, uint32_t kind, uint32_t attribute,
                                const crm__value *v, uint32_t *at)
{
    uint32_t lo = 0, hi = h->sum_count;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        int c = compare_sum(&h->sums[mid], kind, attribute, v);
        if (c == 0) {
            *at = mid;
            return &h->sums[mid];
        }
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    *at = lo;
    return NULL;
}

static int open_sum(crm__arena *a, crm__event_head *h, uint32_t kind, const crm__event_value *x,
                    crm__event_sum **out)
{
    void *p = h->sums;
    uint32_t at;
    int rc;

    *out = find_sum(h, kind, x->attribute, &x->v, &at);
    if (*out)
        return CRM_OK;
    rc = grow(a, &p, &h->sum_cap, h->sum_count, sizeof *h->sums);
    h->sums = p;
    if (rc)
        return rc;
    memmove(h->sums + at + 1, h->sums + at, (h->sum_count - at) * sizeof *h->sums);
    h->sum_count++;
    *out = &h->sums[at];
    memset(*out, 0, sizeof **out);
    (*out)->kind = kind;
    (*out)->attribute = x->attribute;
    (*out)->type = x->v.type;
    memcpy((*out)->currency, x->v.currency, 3);
    return CRM_OK;
}

static __int128 amount(const crm__value *v)
{
    __int128 n = v->decimal.mantissa;

    if (v->type == CRM_TYPE_INTEGER)
        return v->integer;
    for (int i = v->decimal.scale; i < CRM__DECIMAL_SCALE; i++)
        n *= 10;
    return n;
}

static unsigned scale_of(const crm__value *v)
{
    return v->type == CRM_TYPE_INTEGER ? 0 : v->decimal.scale;
}

/* Sums wrap instead of overflowing: an amount has at most 30 digits here, a sum 38. */
static void change_sum(crm__event_sum *s, const crm__value *v, int add)
{
    unsigned __int128 n = (unsigned __int128)amount(v),
                      old = (unsigned __int128)crm__event_sum_value(s);

    crm__event_sum_set(s, add ? old + n : old - n);
    s->count = add ? s->count + 1 : s->count - 1;
    s->scales[scale_of(v)] += add ? 1u : UINT32_MAX;
}

/* How many are at a bound: one when it is new, and what isn't known stays so. */
static void add_bound(int64_t *bound, uint64_t *at, int64_t time, int is_new)
{
    if (is_new) {
        *bound = time;
        *at = 1;
    } else if (time == *bound && *at) {
        ++*at;
    }
}

static void add_time(crm__event_total *t, int64_t time)
{
    add_bound(&t->first, &t->at_first, time, !t->count || time < t->first);
    add_bound(&t->last, &t->at_last, time, !t->count || time > t->last);
    t->count++;
}

int crm__event_head_add(crm__arena *a, crm__event_head *h, const crm__event *e)
{
    int counts = crm__event_counts(e), rc;
    crm__event_total *t;

    if (e->number > h->last)
        h->last = e->number;
    if (e->kind == CRM__EVENT_VOID)
        return CRM_OK;
    rc = open_total(a, h, e->kind, &t);
    if (rc)
        return rc;
    if (counts)
        add_time(t, e->time);
    for (uint32_t i = 0; i < e->value_count; i++) {
        const crm__event_value *x = &e->values[i];
        crm__event_sum *s;
        if (!is_summed(x->v.type))
            continue;
        rc = open_sum(a, h, e->kind, x, &s);
        if (rc)
            return rc;
        if (counts)
            change_sum(s, &x->v, 1);
    }
    return CRM_OK;
}

void crm__event_head_remove(crm__event_head *h, const crm__event *e)
{
    crm__event_total *t = crm__event_head_find(h, e->kind);

    if (t && t->count) {
        t->count--;
        t->at_first -= e->time == t->first && t->at_first;
        t->at_last -= e->time == t->last && t->at_last;
    }
    for (uint32_t i = 0; i < e->value_count; i++) {
        const crm__event_value *x = &e->values[i];
        uint32_t at;
        crm__event_sum *s =
            is_summed(x->v.type) ? find_sum(h, e->kind, x->attribute, &x->v, &at) : NULL;
        if (s)
            change_sum(s, &x->v, 0);
    }
}

size_t crm__event_sum_format(const crm__event_sum *s, char out[64])
{
    char digits[48];
    unsigned __int128 v = (unsigned __int128)crm__event_sum_value(s);
    size_t n = 0, len = 0;
    unsigned scale = CRM__DECIMAL_SCALE;

    while (scale && !s->scales[scale])
        scale--;
    if (crm__event_sum_value(s) < 0) {
        v = 0 - v;
        out[len++] = '-';
    }
    for (int i = s->type == CRM_TYPE_INTEGER ? 0 : CRM__DECIMAL_SCALE - (int)scale; i > 0; i--)
        v /= 10;
    while (v || n <= scale) {
        digits[n++] = (char)('0' + (int)(v % 10));
        v /= 10;
    }
    while (n) {
        out[len++] = digits[--n];
        if (n && n == scale)
            out[len++] = '.';
    }
    out[len] = 0;
    return len;
}

/* ---- head ---- */

static void add_int128(crm__buf *out, __int128 v)
{
    uint8_t bytes[16];
    unsigned __int128 u = (unsigned __int128)v;
    unsigned n = 16;

    for (int i = 0; i < 16; i++, u >>= 8)
        bytes[i] = (uint8_t)u;
    while (n > 1 && bytes[n - 1] == (v < 0 ? 0xff : 0) &&
           (bytes[n - 2] & 0x80) == (v < 0 ? 0x80 : 0))
        n--;
    crm__buf_add_u8(out, n);
    crm__buf_add(out, bytes, n);
}

static __int128 read_int128(crm__reader *in)
{
    unsigned n = crm__read_u8(in);
    const uint8_t *p;
    unsigned __int128 u = 0;

    if (!n || n > 16) {
        crm__reader_fail(in);
        return 0;
    }
    p = crm__read_bytes(in, n);
    if (!p)
        return 0;
    if (p[n - 1] & 0x80)
        u = ~u;
    while (n--)
        u = u << 8 | p[n];
    return (__int128)u;
}

static void add_scales(crm__buf *out, const crm__event_sum *s)
{
    uint64_t mask = 0;

    for (unsigned i = 0; i <= CRM__DECIMAL_SCALE; i++)
        mask |= (uint64_t)(s->scales[i] != 0) << i;
    crm__buf_add_varint(out, mask);
    for (unsigned i = 0; i <= CRM__DECIMAL_SCALE; i++) {
        if (s->scales[i])
            crm__buf_add_varint(out, s->scales[i]);
    }
}

void crm__event_head_encode(const crm__event_head *h, crm__buf *out)
{
    uint32_t before = 0;

    crm__buf_add_u8(out, CRM__EVENT_HEAD_FORMAT);
    crm__buf_add_varint(out, h->last);
    crm__buf_add_varint(out, h->total_count);
    for (uint32_t i = 0; i < h->total_count; i++) {
        const crm__event_total *t = &h->totals[i];
        crm__buf_add_varint(out, t->kind - before);
        crm__buf_add_varint(out, t->count);
        if (t->count) {
            crm__buf_add_zigzag(out, t->first);
            crm__buf_add_varint(out, (uint64_t)t->last - (uint64_t)t->first);
            crm__buf_add_varint(out, t->at_first);
            crm__buf_add_varint(out, t->at_last);
        }
        before = t->kind;
    }
    crm__buf_add_varint(out, h->sum_count);
    for (uint32_t i = 0; i < h->sum_count; i++) {
        const crm__event_sum *s = &h->sums[i];
        crm__buf_add_varint(out, s->kind);
        crm__buf_add_varint(out, s->attribute);
        crm__buf_add_u8(out, s->type);
        if (s->type == CRM_TYPE_MONEY)
            crm__buf_add(out, s->currency, 3);
        add_scales(out, s);
        add_int128(out, crm__event_sum_value(s));
    }
}

static uint32_t read_u32(crm__reader *in)
{
    uint64_t v = crm__read_varint(in);

    if (v > UINT32_MAX)
        crm__reader_fail(in);
    return (uint32_t)v;
}

static int read_totals(crm__arena *a, crm__reader *in, crm__event_head *h)
{
    uint64_t n = crm__read_varint(in);
    uint32_t kind = 0;

    if (in->failed || n > crm__reader_left(in) / 2)
        return CRM_ECORRUPT;
    h->total_cap = (uint32_t)n + 1;
    h->totals = crm__arena_alloc(a, h->total_cap * sizeof *h->totals);
    if (!h->totals)
        return CRM_ENOMEM;
    for (; h->total_count < n; h->total_count++) {
        crm__event_total *t = &h->totals[h->total_count];
        uint32_t step = read_u32(in);
        *t = (crm__event_total){.kind = kind + step, .count = crm__read_varint(in)};
        if (!step || t->kind < kind)
            return CRM_ECORRUPT;
        kind = t->kind;
        if (t->count) {
            t->first = crm__read_zigzag(in);
            t->last = (int64_t)((uint64_t)t->first + crm__read_varint(in));
            t->at_first = crm__read_varint(in);
            t->at_last = crm__read_varint(in);
            if (t->first < CRM__TIME_MIN || t->last > CRM__TIME_MAX || t->last < t->first ||
                t->at_first > t->count || t->at_last > t->count)
                return CRM_ECORRUPT;
        }
    }
    return in->failed ? CRM_ECORRUPT : CRM_OK;
}

static int read_scales(crm__reader *in, crm__event_sum *s)
{
    uint64_t mask = crm__read_varint(in);

    if (mask >> (s->type == CRM_TYPE_INTEGER ? 1 : CRM__DECIMAL_SCALE + 1))
        return CRM_ECORRUPT;
    for (unsigned i = 0; i <= CRM__DECIMAL_SCALE; i++) {
        if (!(mask >> i & 1))
            continue;
        s->scales[i] = read_u32(in);
        s->count += s->scales[i];
        if (!s->scales[i])
            return CRM_ECORRUPT;
    }
    return in->failed ? CRM_ECORRUPT : CRM_OK;
}

static int read_sum(crm__reader *in, crm__event_sum *s)
{
    memset(s, 0, sizeof *s);
    s->kind = read_u32(in);
    s->attribute = read_u32(in);
    s->type = crm__read_u8(in);
    if (!is_summed(s->type))
        return CRM_ECORRUPT;
    if (s->type == CRM_TYPE_MONEY) {
        const uint8_t *p = crm__read_bytes(in, 3);
        for (int i = 0; p && i < 3; i++) {
            if (p[i] < 'A' || p[i] > 'Z')
                return CRM_ECORRUPT;
            s->currency[i] = (char)p[i];
        }
    }
    if (read_scales(in, s))
        return CRM_ECORRUPT;
    crm__event_sum_set(s, (unsigned __int128)read_int128(in));
    return in->failed ? CRM_ECORRUPT : CRM_OK;
}

/* Whether b comes behind a. */
static int in_order(const crm__event_sum *a, const crm__event_sum *b)
{
    crm__value v;

    memset(&v, 0, sizeof v);
    v.type = b->type;
    memcpy(v.currency, b->currency, 4);
    return compare_sum(a, b->kind, b->attribute, &v) < 0;
}

static int read_sums(crm__arena *a, crm__reader *in, crm__event_head *h)
{
    uint64_t n = crm__read_varint(in);

    if (in->failed || n > crm__reader_left(in) / 6)
        return CRM_ECORRUPT;
    h->sum_cap = (uint32_t)n + 1;
    h->sums = crm__arena_alloc(a, h->sum_cap * sizeof *h->sums);
    if (!h->sums)
        return CRM_ENOMEM;
    for (; h->sum_count < n; h->sum_count++) {
        crm__event_sum *s = &h->sums[h->sum_count];
        if (read_sum(in, s) || (h->sum_count && !in_order(s - 1, s)))
            return CRM_ECORRUPT;
    }
    return CRM_OK;
}

int crm__event_head_decode(crm__arena *a, crm__slice bytes, crm__event_head *h)
{
    crm__reader in = crm__reader_of(bytes.p, bytes.n);
    int rc;

    memset(h, 0, sizeof *h);
    if (crm__read_u8(&in) != CRM__EVENT_HEAD_FORMAT)
        return CRM_ECORRUPT;
    h->last = read_u32(&in);
    rc = read_totals(a, &in, h);
    if (!rc)
        rc = read_sums(a, &in, h);
    if (!rc && (in.failed || crm__reader_left(&in)))
        rc = CRM_ECORRUPT;
    return rc;
}

/* ---- references and times ---- */

uint64_t crm__event_reference_hash(const uint8_t token_key[CRM__HASH_KEY], uint32_t source,
                                   crm__slice reference, uint64_t *more)
{
    uint8_t input[4 + CRM__EVENT_REFERENCE], token[CRM__TOKEN_SIZE];

    crm__put_le32(input, source);
    memcpy(input + 4, reference.p, reference.n);
    crm__token(token_key, crm__slice_of(input, 4 + reference.n), token);
    if (more)
        *more = crm__get_le64(token + 8);
    return crm__get_le64(token);
}

int crm__event_references_decode(crm__arena *a, crm__slice bytes, crm__event_reference **out,
                                 uint32_t *n)
{
    crm__reader in = crm__reader_of(bytes.p, bytes.n);
    crm__event_reference *r;

    *n = 0;
    if (crm__read_u8(&in) != CRM__EVENT_HEAD_FORMAT || crm__reader_left(&in) % REFERENCE_BYTES)
        return CRM_ECORRUPT;
    *out = r = crm__arena_alloc(a, (bytes.n / REFERENCE_BYTES + 1) * sizeof *r);
    if (!r)
        return CRM_ENOMEM;
    for (; crm__reader_left(&in); ++*n, r++) {
        r->hash = crm__read_le64(&in);
        r->number = crm__read_le32(&in);
        if (*n && (r->hash < r[-1].hash || (r->hash == r[-1].hash && r->number <= r[-1].number)))
            return CRM_ECORRUPT;
    }
    return CRM_OK;
}

void crm__event_references_encode(const crm__event_reference *r, uint32_t n, crm__buf *out)
{
    uint8_t pair[REFERENCE_BYTES];

    crm__buf_add_u8(out, CRM__EVENT_HEAD_FORMAT);
    for (uint32_t i = 0; i < n; i++) {
        crm__put_le64(pair, r[i].hash);
        crm__put_le32(pair + 8, r[i].number);
        crm__buf_add(out, pair, sizeof pair);
    }
}

int crm__event_times_count(crm__slice bytes, uint32_t *count)
{
    size_t each = bytes.n > TIMES_HEAD ? bytes.p[1] : 0;

    if (!each || each > 8 || bytes.p[0] >> EV_FORMAT_SHIFT != CRM__EVENT_TIMES_FORMAT ||
        (bytes.p[0] & EV_UNIT_MASK) >= CRM__EVENT_UNITS || (bytes.n - TIMES_HEAD) % each ||
        (bytes.n - TIMES_HEAD) / each > CRM__EVENT_TIMES)
        return CRM_ECORRUPT;
    *count = (uint32_t)((bytes.n - TIMES_HEAD) / each);
    return CRM_OK;
}

int64_t crm__event_times_at(crm__slice bytes, uint32_t i)
{
    const uint8_t *p = bytes.p + TIMES_HEAD + (size_t)i * bytes.p[1];
    uint64_t units = 0;

    for (unsigned k = bytes.p[1]; k > 0; k--)
        units = units << 8 | p[k - 1];
    return (int64_t)(crm__get_le64(bytes.p + 2) +
                     units * (uint64_t)crm__event_unit(bytes.p[0] & EV_UNIT_MASK));
}

void crm__event_times_encode(const int64_t *times, uint32_t n, crm__buf *out)
{
    int64_t least = times[0], most = times[0];
    unsigned unit = CRM__EVENT_UNITS - 1, each;
    uint8_t *p = crm__buf_reserve(out, TIMES_HEAD + 8 * (size_t)n);

    if (!p)
        return;
    for (uint32_t i = 1; i < n; i++) {
        least = times[i] < least ? times[i] : least;
        most = times[i] > most ? times[i] : most;
    }
    for (uint32_t i = 0; i < n && unit; i++)
        unit = crm__event_unit_of(unit, (uint64_t)times[i] - (uint64_t)least);
    each = crm__event_bytes(crm__event_in_units(unit, (uint64_t)most - (uint64_t)least));
    each += !each;
    *p++ = (uint8_t)(CRM__EVENT_TIMES_FORMAT << EV_FORMAT_SHIFT | unit);
    *p++ = (uint8_t)each;
    crm__put_le64(p, (uint64_t)least);
    p += 8;
    for (uint32_t i = 0; i < n; i++, p += each) /* the next one lies over the zeros behind */
        crm__put_le64(p, crm__event_in_units(unit, (uint64_t)times[i] - (uint64_t)least));
    out->n = (size_t)(p - out->p);
}

int crm__event_times_add(crm__buf *out, int64_t time)
{
    unsigned unit = out->p[0] & EV_UNIT_MASK, each = out->p[1];
    int64_t least = (int64_t)crm__get_le64(out->p + 2);
    uint64_t span = (uint64_t)time - (uint64_t)least, units = crm__event_in_units(unit, span);
    uint8_t *p;

    if (time < least || units * (uint64_t)crm__event_unit(unit) != span ||
        crm__event_bytes(units) > each || out->n == TIMES_HEAD + each)
        return 0; /* one time alone is in the coarsest unit, whatever the next one is in */
    p = crm__buf_reserve(out, 8);
    if (p)
        crm__put_le64(p, units);
    out->n += p ? each : 0;
    return 1;
}
