/* SPDX-License-Identifier: MIT
 * Bytes of one stored value and of a list of them; the forms are in value.h.  Knows nothing of
 * fields: what a value may be is the model's, here is only what its bytes may be.
 */
#include "codec/value.h"

#include "base/bytes.h"
#include "base/time.h"
#include "base/utf8.h"

#include <string.h>

static void add_decimal(crm__buf *out, crm__decimal d)
{
    crm__buf_add_u8(out, d.scale);
    crm__buf_add_zigzag(out, d.mantissa);
}

static uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

uint64_t crm__datetime_encode(int64_t us)
{
    int64_t seconds = us / CRM__US_PER_SECOND;

    return seconds * CRM__US_PER_SECOND == us ? zigzag(seconds) << 1 : zigzag(us) << 1 | 1;
}

void crm__value_encode(crm__buf *out, const crm__value *v, int scoped)
{
    if (scoped)
        crm__buf_add_varint(out, v->source);
    switch (v->type) {
    case CRM_TYPE_INTEGER:
        crm__buf_add_zigzag(out, v->integer);
        break;
    case CRM_TYPE_DATETIME:
        crm__buf_add_varint(out, crm__datetime_encode(v->integer));
        break;
    case CRM_TYPE_MONEY:
        crm__buf_add(out, v->currency, 3);
        add_decimal(out, v->decimal);
        break;
    case CRM_TYPE_DECIMAL:
        add_decimal(out, v->decimal);
        break;
    case CRM_TYPE_BOOLEAN:
        crm__buf_add_u8(out, v->integer != 0);
        break;
    case CRM_TYPE_DATE:
    case CRM_TYPE_ENUM:
    case CRM_TYPE_CUSTOMER:
        crm__buf_add_varint(out, (uint64_t)v->integer);
        break;
    default:
        crm__buf_add(out, v->text.p, v->text.n);
    }
}

static int upper_letters(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] < 'A' || p[i] > 'Z')
            return 0;
    }
    return 1;
}

static int read_decimal(crm__reader *r, crm__decimal *d)
{
    d->scale = crm__read_u8(r);
    d->mantissa = crm__read_zigzag(r);
    return !r->failed && crm__decimal_valid(*d);
}

static int read_text(crm__reader *r, crm__value *v)
{
    v->text.n = crm__reader_left(r);
    v->text.p = crm__read_bytes(r, v->text.n);
    if (!v->text.p || !v->text.n)
        return 0;
    return crm__utf8_valid((const char *)v->text.p, v->text.n) == v->text.n;
}

/* Numbers that stand as one varint. */
static int read_number(crm__reader *r, crm__value *v)
{
    uint64_t u = crm__read_varint(r);

    v->integer = (int64_t)u;
    if (v->type == CRM_TYPE_DATE)
        return u <= INT32_MAX && crm__date_packed_valid((int32_t)u);
    if (v->type == CRM_TYPE_ENUM)
        return u > 0 && u <= UINT32_MAX;
    return u > 0;
}

static int read_datetime(crm__reader *r, crm__value *v)
{
    uint64_t u = crm__read_varint(r), half = u >> 2;
    int64_t n = u & 2 ? -(int64_t)half - 1 : (int64_t)half;

    if (!(u & 1)) {
        if (n < CRM__TIME_MIN / CRM__US_PER_SECOND || n > CRM__TIME_MAX / CRM__US_PER_SECOND)
            return 0;
        v->integer = n * CRM__US_PER_SECOND;
        return 1;
    }
    v->integer = n;
    return n >= CRM__TIME_MIN && n <= CRM__TIME_MAX && n % CRM__US_PER_SECOND;
}

static int read_scalar(crm__reader *r, crm__value *v)
{
    switch (v->type) {
    case CRM_TYPE_INTEGER:
        v->integer = crm__read_zigzag(r);
        return 1;
    case CRM_TYPE_DATETIME:
        return read_datetime(r, v);
    case CRM_TYPE_MONEY: {
        const uint8_t *p = crm__read_bytes(r, 3);
        if (!p || !upper_letters(p, 3))
            return 0;
        memcpy(v->currency, p, 3);
        return read_decimal(r, &v->decimal);
    }
    case CRM_TYPE_DECIMAL:
        return read_decimal(r, &v->decimal);
    case CRM_TYPE_BOOLEAN:
        v->integer = crm__read_u8(r);
        return v->integer <= 1;
    case CRM_TYPE_DATE:
    case CRM_TYPE_ENUM:
    case CRM_TYPE_CUSTOMER:
        return read_number(r, v);
    case CRM_TYPE_COUNTRY:
        return crm__reader_left(r) == 2 && upper_letters(r->p, 2) && read_text(r, v);
    case CRM_TYPE_TEXT:
    case CRM_TYPE_EMAIL:
    case CRM_TYPE_PHONE:
    case CRM_TYPE_URL:
    case CRM_TYPE_LANGUAGE:
    case CRM_TYPE_ACTOR:
        return read_text(r, v);
    default:
        return 0;
    }
}

int crm__value_decode(uint8_t type, int scoped, crm__slice payload, crm__value *v)
{
    crm__reader r = crm__reader_of(payload.p, payload.n);

    *v = (crm__value){.type = type};
    if (scoped) {
        uint64_t source = crm__read_varint(&r);
        if (!source || source > UINT32_MAX)
            return CRM_ECORRUPT;
        v->source = (uint32_t)source;
    }
    if (!read_scalar(&r, v) || r.failed || crm__reader_left(&r))
        return CRM_ECORRUPT;
    return CRM_OK;
}

int crm__list_next(crm__slice payload, size_t *pos, crm__slice *item)
{
    crm__reader r;
    uint64_t n;

    if (*pos == payload.n)
        return CRM_DONE;
    if (*pos > payload.n || !payload.p)
        return CRM_ECORRUPT;
    r = crm__reader_of(payload.p + *pos, payload.n - *pos);
    n = crm__read_varint(&r);
    item->p = crm__read_bytes(&r, n);
    if (r.failed)
        return CRM_ECORRUPT;
    item->n = (size_t)n;
    *pos = payload.n - crm__reader_left(&r);
    return CRM_OK;
}

void crm__list_add(crm__buf *out, crm__slice item)
{
    crm__buf_add_varint(out, item.n);
    crm__buf_add(out, item.p, item.n);
}

size_t crm__list_count(crm__slice payload)
{
    crm__slice item;
    size_t pos = 0, n = 0;

    while (crm__list_next(payload, &pos, &item) == CRM_OK)
        n++;
    return n;
}
