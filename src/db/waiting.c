/* SPDX-License-Identifier: MIT
 * Rows that wait, as they are stored: see waiting.h.
 */
#include "db/waiting.h"

#include <crm/codes.h>
#include <string.h>

void crm__waiting_init(crm__waiting *w, const crm_allocator *mem, uint32_t chunk, uint32_t field)
{
    memset(w, 0, sizeof *w);
    w->mem = mem;
    w->chunk = chunk;
    w->field = field;
}

void crm__waiting_clear(crm__waiting *w)
{
    crm__release(w->mem, w->rows);
    crm__waiting_init(w, w->mem, w->chunk, w->field);
}

crm__waiting_row *crm__waiting_add(crm__waiting *w, uint32_t row)
{
    crm__waiting_row *r;

    if (w->count == w->cap) {
        uint32_t cap = w->cap ? w->cap * 2 : 16;
        r = crm__realloc(w->mem, w->rows, cap * sizeof *r);
        if (!r)
            return NULL;
        w->rows = r;
        w->cap = cap;
    }
    r = &w->rows[w->count++];
    memset(r, 0, sizeof *r);
    r->row = (uint16_t)row;
    return r;
}

crm__waiting_row *crm__waiting_of(const crm__waiting *w, uint32_t row)
{
    for (uint32_t i = 0; i < w->count; i++) {
        if (w->rows[i].row == row)
            return &w->rows[i];
    }
    return NULL;
}

/* ---- forms ---- */

static int decode_list(crm__slice list, uint64_t *has)
{
    int32_t last = -1;

    if (list.n % 2 || list.n > 2 * CRM__WAITING_LIST_MOST)
        return 0;
    for (size_t i = 0; i < list.n; i += 2) {
        int32_t gram = crm__get_le16(list.p + i);
        if (gram <= last || gram >= CRM__GRAMS)
            return 0;
        has[gram / 64] |= UINT64_C(1) << gram % 64;
        last = gram;
    }
    return 1;
}

static uint32_t count_of(const uint64_t *has)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < CRM__GRAM_WORDS; i++)
        n += (uint32_t)__builtin_popcountll(has[i]);
    return n;
}

int crm__waiting_decode(crm__slice payload, uint64_t has[CRM__GRAM_WORDS])
{
    crm__slice rest = {payload.p + 1, payload.n - 1};

    memset(has, 0, CRM__GRAM_WORDS * sizeof *has);
    if (!payload.n)
        return 0;
    if (payload.p[0] == CRM__WAITING_LIST)
        return decode_list(rest, has);
    if (payload.p[0] != CRM__WAITING_BITMAP || rest.n != CRM__GRAMS / 8)
        return 0;
    for (uint32_t i = 0; i < CRM__GRAM_WORDS; i++)
        has[i] = crm__get_le64(rest.p + 8 * i);
    return count_of(has) > CRM__WAITING_LIST_MOST;
}

void crm__waiting_encode(const crm__waiting_row *r, crm__buf *out)
{
    uint8_t bytes[8];
    int list = count_of(r->has) <= CRM__WAITING_LIST_MOST;

    out->n = 0;
    crm__buf_add_u8(out, list ? CRM__WAITING_LIST : CRM__WAITING_BITMAP);
    for (uint32_t i = 0; i < CRM__GRAM_WORDS; i++) {
        crm__put_le64(bytes, r->has[i]);
        if (!list)
            crm__buf_add(out, bytes, 8);
        for (uint64_t left = list ? r->has[i] : 0; left; left &= left - 1) {
            crm__put_le16(bytes, (uint16_t)(i * 64 + (uint32_t)__builtin_ctzll(left)));
            crm__buf_add(out, bytes, 2);
        }
    }
}

int crm__waiting_key(crm__slice key, crm__waiting_place *p)
{
    if ((key.n != CRM__KEY_WAITING_ROUND && key.n != CRM__KEY_WAITING_ROW) ||
        crm__get_be32(key.p) != CRM__BITS_NO_CHUNK || key.p[4] != CRM__BITS_WAITING)
        return 0;
    p->field = crm__get_be16(key.p + 5);
    p->chunk = crm__get_be32(key.p + 7);
    p->place = crm__get_be16(key.p + CRM__KEY_WAITING);
    p->row = key.n == CRM__KEY_WAITING_ROW ? crm__get_be16(key.p + CRM__KEY_WAITING_ROUND) : -1;
    return p->place < CRM__GRAMS;
}

int32_t crm__waiting_saved(crm__slice payload)
{
    int32_t saved = payload.n == CRM__WAITING_ROUND ? crm__get_le16(payload.p + 1) : -1;

    return saved >= 0 && payload.p[0] == 1 && saved <= CRM__WAITING_SAVED ? saved : -1;
}

/* ---- reading ---- */

static int take(crm__waiting *w, crm__slice k, crm__slice v)
{
    crm__slice payload = {v.p, v.n - CRM__TAG_SIZE};
    crm__waiting_place at;
    crm__waiting_row *r;

    if (v.n <= CRM__TAG_SIZE || !crm__waiting_key(k, &at))
        return CRM_ECORRUPT;
    if (at.row < 0) {
        if (w->stored || crm__waiting_saved(payload) < 0)
            return CRM_ECORRUPT;
        w->stored = 1;
        w->saved = (uint16_t)crm__waiting_saved(payload);
        w->next = (uint16_t)at.place;
        return CRM_OK;
    }
    r = crm__waiting_add(w, (uint32_t)at.row);
    if (!r)
        return CRM_ENOMEM;
    r->stored = 1;
    r->since = r->was = (uint16_t)at.place;
    return crm__waiting_decode(payload, r->has) ? CRM_OK : CRM_ECORRUPT;
}

int crm__waiting_read(crm__waiting *w, kv_txn *txn)
{
    uint8_t key[CRM__KEY_WAITING];
    crm__slice from = crm__key_waiting(key, w->field, w->chunk), k, v;
    kv_cursor *c;
    int rc = txn->ops->cursor(txn, KV_BITS, &c);

    if (rc)
        return rc;
    rc = c->ops->seek(c, KV_GE, from, &k, &v);
    while (!rc && k.n >= from.n && memcmp(k.p, from.p, from.n) == 0) {
        rc = take(w, k, v);
        if (!rc)
            rc = c->ops->next(c, &k, &v);
    }
    c->ops->cursor_close(c);
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    return w->stored == (w->count != 0) ? CRM_OK : CRM_ECORRUPT;
}
