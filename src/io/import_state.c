/* SPDX-License-Identifier: MIT
 * What a batch of an import has done so far, in one row of the meta space beside the batch's own:
 *   "import/" batch u64 -> 3 (u8), hash u64, ways u64, varints: what, policy, rows, created, updated,
 *   unchanged, skipped, bad, empty, mark; then the source
 * It is written in the transactions that commit the rows, and goes with the last of them.
 */
#include "io/import.h"

#include <crm/codes.h>

enum { VERSION = 3 };

crm__slice crm__import_key(uint8_t to[CRM__KEY_IMPORT], uint64_t batch)
{
    memcpy(to, "import/", 7);
    crm__put_be64(to + 7, batch);
    return crm__slice_of(to, CRM__KEY_IMPORT);
}

int crm__import_put(crm_txn *txn, const crm__import_state *s, crm_error *err)
{
    const uint64_t n[] = {s->what,      s->policy,  s->rows, s->created, s->updated,
                          s->unchanged, s->skipped, s->bad,  s->empty,   s->mark};
    uint8_t key[CRM__KEY_IMPORT], hash[16];
    crm__buf *out = &txn->scratch[0];

    out->n = 0;
    crm__put_le64(hash, s->hash);
    crm__put_le64(hash + 8, s->ways);
    crm__buf_add_u8(out, VERSION);
    crm__buf_add(out, hash, sizeof hash);
    for (size_t i = 0; i < sizeof n / sizeof *n; i++)
        crm__buf_add_varint(out, n[i]);
    crm__buf_add_str(out, s->source);
    if (out->failed || crm__edits_put(&txn->edits, KV_META, crm__import_key(key, s->batch),
                                      crm__slice_of(out->p, out->n), 0))
        return crm__fail_nomem(err);
    txn->state.changed = 1;
    return CRM_OK;
}

int crm__import_forget(crm_txn *txn, uint64_t batch, crm_error *err)
{
    uint8_t key[CRM__KEY_IMPORT];
    crm__slice row;
    int rc = crm__txn_read(txn, KV_META, crm__import_key(key, batch), &row);

    if (rc == CRM_ENOTFOUND)
        return CRM_OK;
    if (rc && rc != CRM_ECORRUPT)
        return crm__txn_fail(txn, rc, "can't read what the import had done", err);
    if (crm__edits_del(&txn->edits, KV_META, crm__import_key(key, batch)))
        return crm__fail_nomem(err);
    txn->state.changed = 1;
    return CRM_OK;
}

int crm__import_read(uint64_t batch, crm__slice row, crm__import_state *s)
{
    crm__reader in = crm__reader_of(row.p, row.n);
    uint64_t *const to[] = {&s->rows,    &s->created, &s->updated, &s->unchanged,
                            &s->skipped, &s->bad,     &s->empty,   &s->mark};

    memset(s, 0, sizeof *s);
    s->batch = batch;
    if (crm__read_u8(&in) != VERSION)
        return CRM_ECORRUPT;
    s->hash = crm__read_le64(&in);
    s->ways = crm__read_le64(&in);
    s->what = (uint32_t)crm__read_varint(&in);
    s->policy = (uint32_t)crm__read_varint(&in);
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        *to[i] = crm__read_varint(&in);
    if (in.failed || crm__reader_left(&in) >= sizeof s->source)
        return CRM_ECORRUPT;
    if (crm__reader_left(&in))
        memcpy(s->source, in.p, crm__reader_left(&in));
    return CRM_OK;
}
