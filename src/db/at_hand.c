/* SPDX-License-Identifier: MIT
 * What a transaction that writes keeps decoded: see at_hand.h.
 */
#include "db/at_hand.h"

#include <string.h>

static int is_of(const crm__at_hand *h, kv_space space, crm__slice key, const crm__edits *e)
{
    return h->on && h->n == key.n && h->space == space && !memcmp(h->key, key.p, key.n) &&
           h->resets == e->resets && h->rollbacks == e->rollbacks;
}

int crm__at_hand_get(crm_txn *txn, crm__at_hand **place, const crm__at_hand_sort *sort,
                     kv_space space, crm__slice key, const void **what)
{
    const crm__edits *e = &txn->edits;
    crm__at_hand *h = *place;
    const uint64_t *ops;
    uint32_t count;
    int rc;

    if (!h && !(h = *place = crm__calloc(txn->mem, 1, sizeof *h + sort->size)))
        return CRM_ENOMEM;
    *what = h->what;
    ops = crm__edits_ops(e, space, key, &count);
    if (is_of(h, space, key, e)) {
        if (count > h->seen)
            sort->edit(ops + h->seen, count - h->seen, h->what);
        h->seen = count;
        return CRM_OK;
    }
    h->on = 0;
    memset(h->what, 0, sort->size);
    rc = sort->read(txn, space, key, h->what);
    if (rc)
        return rc;
    h->space = space;
    memcpy(h->key, key.p, key.n);
    h->n = key.n;
    h->resets = e->resets;
    h->rollbacks = e->rollbacks;
    h->seen = count;
    h->on = 1;
    return CRM_OK;
}

void crm__at_hand_free(crm_txn *txn, crm__at_hand **places, int n)
{
    for (int i = 0; i < n; i++)
        crm__release(txn->mem, places[i]);
}
