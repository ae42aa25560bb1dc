/* SPDX-License-Identifier: MIT
 * Sets of values, numbers of texts, cells and bounds of columns: see index.h.
 */
#include "db/index.h"

#include "bits/day.h"
#include "db/derive.h"
#include "db/scan.h"

#include <string.h>

/* ---- numbers of texts ---- */

/* Texts met by a transaction, each at the place its hash says: the same cities and products come
 * again and again, and a look at the dictionary costs more than all else that is derived of one.
 * What was met before a rollback may have lost its number. */
enum { MET = 256, MET_NAME = 48 };

typedef struct met {
    uint64_t hash;
    uint32_t number; /* 0: the place is free */
    uint16_t n;
    uint8_t cls, name[MET_NAME];
} met;

struct crm__texts {
    uint64_t rollbacks;
    met at[MET];
};

enum { NAME_HEAD = 4, NAME_BYTES = NAME_HEAD + CRM__INDEX_TEXT, LONG = 0xff };

/* Name of a text in the dictionary.  A longer one stands there by its digest, behind a byte that no
 * text begins with. */
static crm__slice name_of(const crm__field *f, crm__slice text, uint8_t room[NAME_BYTES])
{
    crm__put_be32(room, f->number);
    if (text.n <= CRM__INDEX_TEXT) {
        memcpy(room + NAME_HEAD, text.p, text.n);
        return crm__slice_of(room, NAME_HEAD + text.n);
    }
    room[NAME_HEAD] = LONG;
    crm__digest(NULL, &text, 1, room + NAME_HEAD + 1);
    return crm__slice_of(room, NAME_HEAD + 1 + CRM__DIGEST);
}

/* The place of a name, empty when another has it; NULL: no memory, or the name is too long. */
static met *place_of(crm_txn *txn, int cls, crm__slice name)
{
    uint64_t hash = crm__hash64((uint64_t)cls, name.p, name.n);
    met *m;

    if (name.n > MET_NAME)
        return NULL;
    if (!txn->texts)
        txn->texts = crm__calloc(txn->mem, 1, sizeof *txn->texts);
    if (!txn->texts)
        return NULL;
    if (txn->texts->rollbacks != txn->edits.rollbacks)
        memset(txn->texts, 0, sizeof *txn->texts);
    txn->texts->rollbacks = txn->edits.rollbacks;
    m = &txn->texts->at[hash % MET];
    if (m->hash != hash || m->cls != cls || m->n != name.n ||
        memcmp(m->name, name.p, name.n) != 0)
        m->number = 0;
    m->hash = hash;
    m->cls = (uint8_t)cls;
    m->n = (uint16_t)name.n;
    memcpy(m->name, name.p, name.n);
    return m;
}

int crm__index_name(crm_txn *txn, int cls, crm__slice name, int give, uint32_t *number,
                    crm_error *err)
{
    met *m = place_of(txn, cls, name);
    int rc;

    *number = m ? m->number : 0;
    if (*number)
        return CRM_OK;
    if (give)
        rc = crm__dict_give(txn, cls, (const char *)name.p, name.n, number, err);
    else
        rc = crm__dict_find(txn, cls, (const char *)name.p, name.n, number);
    if (!rc && m)
        m->number = *number;
    return rc;
}

int crm__index_text(crm_txn *txn, const crm__field *f, crm__slice text, int give, uint32_t *number)
{
    uint8_t room[NAME_BYTES];

    return crm__index_name(txn, CRM__DICT_VALUE, name_of(f, text, room), give, number, NULL);
}

static int texts_of(crm_txn *txn, const crm__field *f, crm__slice prefix, int all_long,
                    crm__index_text_fn fn, void *ctx)
{
    uint8_t room[2 + NAME_BYTES] = {crm__dict_class_byte(CRM__DICT_VALUE), 0};
    size_t n = 2 + NAME_HEAD + prefix.n;
    crm__slice k, payload;
    crm__scan s;
    int rc;

    crm__put_be32(room + 2, f->number);
    if (prefix.n)
        memcpy(room + 2 + NAME_HEAD, prefix.p, prefix.n);
    crm__scan_open(txn, KV_DICT, &s);
    rc = crm__scan_seek(&s, KV_GE, crm__slice_of(room, n), &k, &payload);
    for (; !rc && k.n >= n && memcmp(k.p, room, n) == 0; rc = crm__scan_next(&s, &k, &payload)) {
        crm__slice text = crm__slice_of(k.p + 2 + NAME_HEAD, k.n - 2 - NAME_HEAD);
        if (payload.n != 4 || !text.n) {
            rc = CRM_ECORRUPT;
            break;
        }
        if (text.p[0] == LONG && !all_long)
            continue;
        if (text.p[0] == LONG)
            text = crm__slice_of(NULL, 0);
        rc = fn(ctx, text, crm__get_le32(payload.p));
        if (rc)
            break;
    }
    crm__scan_close(&s);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__index_texts(crm_txn *txn, const crm__field *f, crm__slice prefix, crm__index_text_fn fn,
                     void *ctx)
{
    static const uint8_t BEHIND = LONG;
    int rc = prefix.n > CRM__INDEX_TEXT ? CRM_OK : texts_of(txn, f, prefix, !prefix.n, fn, ctx);

    /* Behind all texts, as the byte says. */
    return rc || !prefix.n ? rc : texts_of(txn, f, crm__slice_of(&BEHIND, 1), 1, fn, ctx);
}

/* ---- sets ---- */

static uint32_t country_of(crm__slice text)
{
    return (uint32_t)(text.p[0] - 'A') * 26 + (uint32_t)(text.p[1] - 'A');
}

int crm__index_set(crm_txn *txn, const crm__field *f, const crm__value *v, int give, uint8_t *index,
                   uint32_t *value)
{
    switch (f->type) {
    case CRM_TYPE_ENUM:
        *index = CRM__BITS_VALUE;
        *value = (uint32_t)v->integer;
        return CRM_OK;
    case CRM_TYPE_BOOLEAN:
        *index = CRM__BITS_BOOLEAN;
        *value = f->number << 1 | (v->integer != 0);
        return CRM_OK;
    case CRM_TYPE_COUNTRY:
        *index = CRM__BITS_COUNTRY;
        *value = f->number << 16 | country_of(v->text);
        return CRM_OK;
    case CRM_TYPE_MONEY:
        *index = CRM__BITS_CURRENCY;
        *value = f->number << 16 | (uint32_t)crm__day_currency(v->currency);
        return CRM_OK;
    default:
        *index = CRM__BITS_TEXT;
        return crm__index_text(txn, f, v->text, give, value);
    }
}

int crm__index_set_key(crm_txn *txn, const crm__field *f, const crm__value *v, uint8_t *index,
                       uint32_t *value)
{
    int rc;

    if (!(f->index & CRM__INDEX_VALUES))
        return CRM_EINVAL;
    rc = crm__index_set(txn, f, v, 0, index, value);
    return rc || *index != CRM__BITS_TEXT || *value ? rc : CRM_ENOTFOUND;
}

/* ---- columns ---- */

int64_t crm__index_prefix(crm__slice text)
{
    uint8_t head[8] = {0};

    memcpy(head, text.p, text.n < sizeof head ? text.n : sizeof head);
    return (int64_t)(crm__get_be64(head) ^ UINT64_C(1) << 63);
}

void crm__index_number(const crm__value *v, int64_t *number, int8_t *scale)
{
    int decimal = v->type == CRM_TYPE_DECIMAL || v->type == CRM_TYPE_MONEY;

    if (crm__type_is_text(v->type)) {
        *number = crm__index_prefix(v->text);
        *scale = 0;
        return;
    }
    *number = decimal ? v->decimal.mantissa : v->integer;
    *scale = decimal ? (int8_t)v->decimal.scale : 0;
}

int crm__txn_column(crm_txn *txn, crm__slice key, crm__buf *room, crm__column *c)
{
    crm__slice stored, payload = {NULL, 0};
    const uint64_t *ops;
    uint32_t count = 0;
    int rc = txn->kv->ops->get(txn->kv, KV_COLUMN, key, &stored);

    if (!rc && stored.n <= CRM__TAG_SIZE)
        return CRM_ECORRUPT;
    if (!rc)
        payload = crm__slice_of(stored.p, stored.n - CRM__TAG_SIZE);
    ops = txn->write ? crm__edits_ops(&txn->edits, KV_COLUMN, key, &count) : NULL;
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    if (!count)
        return rc ? rc : crm__column_open(payload, c);
    rc = crm__edits_make_block(ops, count, payload, room);
    if (rc)
        return rc;
    return room->n ? crm__column_open(crm__slice_of(room->p, room->n), c) : CRM_ENOTFOUND;
}

int crm__index_shared(crm_txn *txn, const crm__field *f, uint32_t *shared, uint32_t *first,
                      crm_error *err)
{
    if (!crm__field_indexed(f) || !crm__field_counts(f))
        return crm__fail_field(err, CRM_EINVAL, f->key, "%s: customers are not found by it",
                               f->key);
    *shared = CRM__COLUMN_SHARED + f->number;
    *first = CRM__COLUMN_SHARED_FIRST + f->number;
    return txn->write ? crm__txn_flush(txn, err) : CRM_OK;
}
