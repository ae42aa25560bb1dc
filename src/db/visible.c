/* SPDX-License-Identifier: MIT
 * The root: the one set that every list, page, plan and export passes.  Today it is the live
 * customers; purpose and channel of the transaction narrow it when consent and access rules come,
 * here and nowhere else.
 */
#include "bits/kernel.h"
#include "db/derive.h"

int crm__visible(crm_txn *txn, uint64_t chunk, uint64_t words[CRM__SET_WORDS])
{
    uint8_t key[CRM__KEY_BITS];

    return crm__txn_set(txn, KV_BITS, crm__key_bits(key, chunk, CRM__BITS_ROOT, CRM__ROOT_LIVE),
                        words);
}

int crm__visible_row(crm_txn *txn, crm_id id, int *in)
{
    uint8_t key[CRM__KEY_BITS];

    return crm__txn_set_row(
        txn, KV_BITS, crm__key_bits(key, id >> CRM__CHUNK_SHIFT, CRM__BITS_ROOT, CRM__ROOT_LIVE),
        (uint32_t)(id & (CRM__CHUNK_ROWS - 1)), 1, in);
}

/* The counters stand in the last entry of the journal, and check compares them with the records. */
int crm__visible_given(const crm_txn *txn)
{
    return !txn->write && txn->state.counters.live + 1 == txn->state.counters.next_id;
}

int crm__visible_rows(crm_txn *txn, uint64_t chunk, uint16_t *rows, uint32_t *n)
{
    uint8_t key[CRM__KEY_BITS];
    crm__slice payload;
    crm__set_view v;
    int rc;

    if (crm__visible_given(txn))
        return CRM_OK;
    rc = crm__txn_read(txn, KV_BITS, crm__key_bits(key, chunk, CRM__BITS_ROOT, CRM__ROOT_LIVE),
                       &payload);
    if (!rc)
        rc = crm__set_open(payload, &v);
    *n = rc ? 0 : crm__set_keep_rows(&v, rows, *n);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}
