/* SPDX-License-Identifier: MIT
 * The root: the one set that every list, page, plan and export passes.  Today it is the live
 * customers; purpose and channel of the transaction narrow it when consent and access rules come,
 * here and nowhere else.
 */
#include "db/derive.h"

int crm__visible(crm_txn *txn, uint64_t chunk, uint64_t words[CRM__SET_WORDS])
{
    uint8_t key[CRM__KEY_BITS];

    return crm__txn_set(txn, KV_BITS, crm__key_bits(key, chunk, CRM__BITS_ROOT, CRM__ROOT_LIVE),
                        words);
}
