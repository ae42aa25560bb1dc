/* SPDX-License-Identifier: MIT
 * The one spelling of an item of a day list: see day.h.
 */
#include "bits/day.h"

#include "base/bytes.h"
#include "base/time.h"

#include <crm/codes.h>
#include <string.h>

enum { HEAD = 7, NONNEGATIVE = 128, NEGATIVE = 127 };

int64_t crm__day_currency(const char letters[3])
{
    int64_t n = 0;

    for (int i = 0; i < 3; i++)
        n = n * 26 + (letters[i] - 'A');
    return n;
}

void crm__day_currency_text(int64_t number, char to[4])
{
    uint64_t n = (uint64_t)number;

    for (int i = 2; i >= 0; i--) {
        to[i] = (char)('A' + n % 26);
        n /= 26;
    }
    to[3] = 0;
}

static unsigned mantissa_bytes(int64_t m)
{
    uint64_t u = m < 0 ? ~(uint64_t)m : (uint64_t)m;

    return u ? (71u - (unsigned)__builtin_clzll(u)) / 8 : 0;
}

int crm__day_item_put(crm__buf *out, const crm__day_item *item)
{
    uint8_t *p;

    if (item->us < 0 || item->us >= CRM__US_PER_DAY || item->count > CRM__DAY_COLUMNS)
        return CRM_EINVAL;
    for (uint32_t i = 0; i < item->count; i++) {
        if (item->values[i].scale > CRM__DAY_SCALE ||
            (i && item->values[i].column <= item->values[i - 1].column))
            return CRM_EINVAL;
    }
    p = crm__buf_reserve(out, HEAD + item->count * 14);
    if (!p)
        return CRM_ENOMEM;
    crm__put_be16(p, item->row);
    p[2] = (uint8_t)(item->us >> 32);
    crm__put_be32(p + 3, (uint32_t)item->us);
    p += HEAD;
    for (uint32_t i = 0; i < item->count; i++) {
        int64_t m = item->values[i].mantissa;
        uint8_t scale = item->values[i].scale;
        unsigned n;
        for (; scale && m % 10 == 0; scale--)
            m /= 10;
        n = mantissa_bytes(m);
        crm__put_be32(p, item->values[i].column);
        p[4] = scale;
        p[5] = (uint8_t)(m < 0 ? NEGATIVE - n : NONNEGATIVE + n);
        p += 6;
        for (unsigned k = n; k-- > 0; p++)
            *p = (uint8_t)((uint64_t)m >> (8 * k));
    }
    out->n = (size_t)(p - out->p);
    return CRM_OK;
}

static int get_value(crm__reader *r, crm__day_value *v)
{
    unsigned head, n;
    uint64_t m;

    v->column = crm__read_be32(r);
    v->scale = crm__read_u8(r);
    head = crm__read_u8(r);
    n = head >= NONNEGATIVE ? head - NONNEGATIVE : NEGATIVE - head;
    if (r->failed || n > 8 || v->scale > CRM__DAY_SCALE)
        return CRM_ECORRUPT;
    m = head >= NONNEGATIVE ? 0 : UINT64_MAX;
    for (unsigned k = 0; k < n; k++)
        m = m << 8 | crm__read_u8(r);
    memcpy(&v->mantissa, &m, sizeof m);
    return r->failed || (v->mantissa < 0) != (head < NONNEGATIVE) ||
                   mantissa_bytes(v->mantissa) != n || (v->scale && v->mantissa % 10 == 0)
               ? CRM_ECORRUPT
               : CRM_OK;
}

int crm__day_item_get(crm__slice bytes, crm__day_item *item)
{
    crm__reader r = crm__reader_of(bytes.p, bytes.n);

    item->row = crm__read_be16(&r);
    item->us = (int64_t)crm__read_u8(&r) << 32;
    item->us |= crm__read_be32(&r);
    item->count = 0;
    if (r.failed || item->us >= CRM__US_PER_DAY)
        return CRM_ECORRUPT;
    while (crm__reader_left(&r)) {
        crm__day_value *v = &item->values[item->count];
        if (item->count == CRM__DAY_COLUMNS || get_value(&r, v) ||
            (item->count && v->column <= v[-1].column))
            return CRM_ECORRUPT;
        item->count++;
    }
    return CRM_OK;
}
