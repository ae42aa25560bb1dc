/* SPDX-License-Identifier: MIT
 * Blocks of identity rows: see ids.h.
 */
#include "codec/ids.h"

#include <crm/codes.h>

int crm__ids_open(crm__slice payload, crm__ids *out)
{
    size_t rest;

    if (payload.n < CRM__IDS_HEAD || payload.p[0] != CRM__IDS_FORMAT ||
        payload.p[1] > CRM__TOKEN_SIZE || payload.p[2] < 1 || payload.p[2] > 8 ||
        payload.n - CRM__IDS_HEAD < payload.p[1])
        return CRM_ECORRUPT;
    out->prefix_n = payload.p[1];
    out->id_n = payload.p[2];
    out->row_n = (uint8_t)(CRM__TOKEN_SIZE - out->prefix_n + out->id_n);
    out->prefix = payload.p + CRM__IDS_HEAD;
    out->rows = out->prefix + out->prefix_n;
    rest = payload.n - CRM__IDS_HEAD - out->prefix_n;
    if (!rest || rest % out->row_n || rest / out->row_n > UINT32_MAX)
        return CRM_ECORRUPT;
    out->count = (uint32_t)(rest / out->row_n);
    return CRM_OK;
}

static uint64_t get_id(const uint8_t *p, uint8_t n)
{
    uint64_t id = 0;

    for (uint8_t i = 0; i < n; i++)
        id = id << 8 | p[i];
    return id;
}

crm__id_row crm__ids_row(const crm__ids *b, uint32_t i)
{
    const uint8_t *p = b->rows + (size_t)i * b->row_n;
    size_t rest = CRM__TOKEN_SIZE - (size_t)b->prefix_n;
    crm__id_row row;

    memcpy(row.byte, b->prefix, b->prefix_n);
    memcpy(row.byte + b->prefix_n, p, rest);
    crm__put_be64(row.byte + CRM__TOKEN_SIZE, get_id(p + rest, b->id_n));
    return row;
}

uint32_t crm__ids_lower(const crm__ids *b, const crm__id_row *row)
{
    size_t rest = CRM__TOKEN_SIZE - (size_t)b->prefix_n;
    int order = memcmp(row->byte, b->prefix, b->prefix_n);
    uint64_t id = crm__id_row_id(row);
    uint32_t lo = 0, n = b->count;

    if (order)
        return order > 0 ? b->count : 0;
    while (n) {
        uint32_t half = n / 2;
        const uint8_t *p = b->rows + (size_t)(lo + half) * b->row_n;
        order = memcmp(p, row->byte + b->prefix_n, rest);
        if (order < 0 || (!order && get_id(p + rest, b->id_n) < id)) {
            lo += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return lo;
}

static uint8_t common(const crm__id_row *a, const crm__id_row *b)
{
    uint8_t n = 0;

    while (n < CRM__TOKEN_SIZE && a->byte[n] == b->byte[n])
        n++;
    return n;
}

static uint8_t id_bytes(const crm__id_row *row)
{
    uint8_t n = 8;

    while (n > 1 && !row->byte[CRM__ID_ROW - n])
        n--;
    return n;
}

int crm__ids_sound(const crm__ids *b)
{
    crm__id_row first = crm__ids_row(b, 0), last = first;
    uint8_t w = id_bytes(&first);

    for (uint32_t i = 1; i < b->count; i++) {
        crm__id_row row = crm__ids_row(b, i);
        if (crm__id_row_order(&last, &row) >= 0)
            return 0;
        if (id_bytes(&row) > w)
            w = id_bytes(&row);
        last = row;
    }
    return b->id_n == w && b->prefix_n == common(&first, &last);
}

static size_t block_bytes(uint32_t n, uint8_t prefix, uint8_t w)
{
    return CRM__IDS_HEAD + (size_t)prefix + (size_t)n * (CRM__TOKEN_SIZE - (size_t)prefix + w);
}

uint32_t crm__ids_fit(const crm__id_row *rows, uint32_t n, size_t most, size_t *bytes)
{
    uint8_t prefix = CRM__TOKEN_SIZE, w = 1;
    uint32_t i;

    *bytes = 0;
    for (i = 0; i < n; i++) {
        size_t with;
        uint8_t id_n = id_bytes(&rows[i]);
        if (memcmp(rows[i].byte, rows[0].byte, prefix) != 0)
            prefix = common(&rows[0], &rows[i]);
        w = id_n > w ? id_n : w;
        with = block_bytes(i + 1, prefix, w);
        if (i && with > most)
            break;
        *bytes = with;
    }
    return i;
}

void crm__ids_add(const crm__id_row *rows, uint32_t n, crm__buf *out)
{
    uint8_t prefix = common(&rows[0], &rows[n - 1]), w = 1;
    uint8_t *p;

    for (uint32_t i = 0; i < n; i++) {
        uint8_t id_n = id_bytes(&rows[i]);
        w = id_n > w ? id_n : w;
    }
    if (!crm__buf_reserve(out, block_bytes(n, prefix, w)))
        return;
    p = out->p + out->n;
    *p++ = CRM__IDS_FORMAT;
    *p++ = prefix;
    *p++ = w;
    memcpy(p, rows[0].byte, prefix);
    p += prefix;
    for (uint32_t i = 0; i < n; i++) {
        size_t rest = CRM__TOKEN_SIZE - (size_t)prefix;
        memcpy(p, rows[i].byte + prefix, rest);
        memcpy(p + rest, rows[i].byte + CRM__ID_ROW - w, w);
        p += rest + w;
    }
    out->n = (size_t)(p - out->p);
}
