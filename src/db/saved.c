/* SPDX-License-Identifier: MIT
 * Rows of saved segments: see saved.h.
 */
#include "db/saved.h"

#include "db/scan.h"

#include <string.h>

static const char PREFIX[] = "segment/";
enum { PREFIX_N = sizeof PREFIX - 1, KEY = PREFIX_N + CRM__SAVED_NAME + 9, HEAD = 6 };

static crm__slice key_of(uint8_t key[KEY], crm__slice name, uint64_t seq)
{
    memcpy(key, PREFIX, PREFIX_N);
    memcpy(key + PREFIX_N, name.p, name.n);
    key[PREFIX_N + name.n] = 0;
    crm__put_be64(key + PREFIX_N + name.n + 1, seq);
    return crm__slice_of(key, PREFIX_N + name.n + 9);
}

int crm__saved_split(crm__slice k, crm__slice row, crm__slice *name, crm__saved *out)
{
    if (k.n < PREFIX_N + 10 || k.n > KEY || memcmp(k.p, PREFIX, PREFIX_N) != 0)
        return CRM_ENOTFOUND;
    *name = crm__slice_of(k.p + PREFIX_N, k.n - PREFIX_N - 9);
    out->seq = crm__get_be64(k.p + k.n - 8);
    if (row.n < HEAD || row.p[0] != 1 || row.p[1] > 3)
        return CRM_ECORRUPT;
    out->flags = row.p[1];
    out->tag = crm__get_le32(row.p + 2);
    out->text = crm__slice_of(row.p + HEAD, row.n - HEAD);
    return CRM_OK;
}

int crm__saved_before(crm_txn *txn, crm__slice name, uint64_t seq, crm__saved *out)
{
    uint8_t key[KEY];
    crm__slice k, row, from;
    crm__scan scan;
    int rc;

    if (!name.n || name.n > CRM__SAVED_NAME || !seq)
        return CRM_ENOTFOUND;
    from = key_of(key, name, seq - 1);
    crm__scan_open(txn, KV_META, &scan);
    rc = crm__scan_seek(&scan, KV_LE, from, &k, &row);
    if (!rc && (k.n != from.n || memcmp(k.p, key, k.n - 8) != 0))
        rc = CRM_ENOTFOUND;
    if (!rc)
        rc = crm__saved_split(k, row, &name, out);
    crm__scan_close(&scan);
    return rc;
}

int crm__saved_read(crm_txn *txn, crm__slice name, crm__saved *out)
{
    int rc = crm__saved_before(txn, name, UINT64_MAX, out);

    return !rc && out->flags & CRM__SAVED_REMOVED ? CRM_ENOTFOUND : rc;
}

int crm__saved_tag(crm_txn *txn, const char *front, crm__slice name, int give, uint32_t *tag,
                   crm_error *err)
{
    char text[sizeof CRM__SAVED_TAG + CRM__SAVED_NAME];
    size_t n = strlen(front);
    int rc;

    memcpy(text, front, n);
    memcpy(text + n, name.p, name.n);
    n += name.n;
    text[n++] = ')';
    if (give)
        return crm__dict_give(txn, CRM__DICT_TAG, text, n, tag, err);
    rc = crm__dict_find(txn, CRM__DICT_TAG, text, n, tag);
    return rc ? crm__txn_fail(txn, rc, "can't read the dictionary", err) : CRM_OK;
}

int crm__saved_row(crm_txn *txn, crm__slice name, uint64_t seq, crm__slice *row)
{
    uint8_t key[KEY];

    if (!name.n || name.n > CRM__SAVED_NAME)
        return CRM_ECORRUPT;
    return crm__txn_read(txn, KV_META, key_of(key, name, seq), row);
}

int crm__saved_put(crm_txn *txn, crm__slice name, const crm__saved *s)
{
    crm__buf *out = &txn->scratch[0];
    uint8_t key[KEY], tag[4];

    crm__put_le32(tag, s->tag);
    out->n = 0;
    crm__buf_add_u8(out, 1);
    crm__buf_add_u8(out, s->flags);
    crm__buf_add(out, tag, sizeof tag);
    crm__buf_add(out, s->text.p, s->text.n);
    if (out->failed)
        return CRM_ENOMEM;
    return crm__edits_put(&txn->edits, KV_META, key_of(key, name, s->seq),
                          crm__slice_of(out->p, out->n), 0);
}

int crm__saved_next(crm_txn *txn, crm__slice after, uint8_t name[CRM__SAVED_NAME], size_t *n)
{
    uint8_t key[KEY];
    crm__slice k, row, from = {key, PREFIX_N};
    crm__scan scan;
    int rc;

    memcpy(key, PREFIX, PREFIX_N);
    if (after.n) {
        memcpy(key + PREFIX_N, after.p, after.n);
        key[PREFIX_N + after.n] = 1; /* behind all versions of the name */
        from.n += after.n + 1;
    }
    crm__scan_open(txn, KV_META, &scan);
    rc = crm__scan_seek(&scan, KV_GE, from, &k, &row);
    if (!rc && (k.n < PREFIX_N + 10 || k.n > KEY || memcmp(k.p, PREFIX, PREFIX_N) != 0))
        rc = CRM_ENOTFOUND;
    if (!rc) {
        *n = k.n - PREFIX_N - 9;
        memcpy(name, k.p + PREFIX_N, *n);
    }
    crm__scan_close(&scan);
    return rc;
}
