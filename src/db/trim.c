/* SPDX-License-Identifier: MIT
 * Dropping the images of old entries, in parts that a transaction can hold.
 *
 * A part ends between two entries, since a batch commits to all of its images as one; so what a
 * part drops is little more than its bound and the images of one entry, which a transaction has
 * held before.  Each part is journalled with how far it came, and the chain verifies behind it.
 */
#include "db/journal.h"

#include <crm/journal.h>

enum { TRIM_BYTES = 64 << 20 };

/* First seq recorded at or after a time: the entries are in order of both. */
static int first_since(crm_txn *txn, int64_t time, uint64_t *seq)
{
    uint64_t lo = 1, hi = txn->state.seq + 1;

    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        crm__journal_entry e;
        int rc = crm__journal_read(txn, mid, &e);
        if (rc)
            return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
        if (e.recorded < time)
            lo = mid + 1;
        else
            hi = mid;
    }
    *seq = lo;
    return CRM_OK;
}

/* *before: receives the seq that it came to, when that is less. */
static int drop_images(crm_txn *txn, size_t bytes, uint64_t *before, uint64_t *dropped)
{
    uint64_t seq = 0;
    crm__slice k, v;
    kv_cursor *c;
    int rc;

    c = crm__txn_cursor(txn, KV_IMAGE, &rc);
    if (!rc)
        rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v);
    for (; !rc && k.n == CRM__KEY_IMAGE && crm__get_be64(k.p) < *before;
         rc = c->ops->next(c, &k, &v)) {
        if (crm__get_be64(k.p) != seq && crm__edits_bytes(&txn->edits) > bytes) {
            *before = crm__get_be64(k.p);
            return CRM_OK;
        }
        seq = crm__get_be64(k.p);
        rc = crm__edits_del(&txn->edits, KV_IMAGE, k);
        if (rc)
            return rc;
        ++*dropped;
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__journal_trim_part(crm_txn *txn, int64_t before_us, size_t bytes, uint64_t *dropped,
                           crm_error *err)
{
    uint64_t from = 0, count = 0;
    crm__op op;
    int rc = crm__op_begin(txn, &op, err), read;

    if (rc)
        return rc;
    /* Images of this transaction are no business of a trim, and would not be seen by its cursor. */
    rc = txn->batch.on ? crm__fail(op.err, CRM_ESTATE, "not possible inside a batch")
                       : crm__txn_flush(txn, op.err);
    if (!rc) {
        read = first_since(txn, before_us, &from);
        if (!read)
            read = drop_images(txn, bytes, &from, &count);
        if (read)
            rc = crm__txn_fail(txn, read, "can't read the journal", op.err);
    }
    if (!rc && count) {
        if (from > txn->state.counters.images_from)
            txn->state.counters.images_from = from;
        rc = crm__journal_add(txn, CRM__ACTION_TRIM, from, 0, op.err);
    }
    if (!rc && dropped)
        *dropped = count;
    return crm__op_end(txn, &op, rc);
}

int crm_journal_trim(crm_txn *txn, int64_t before_us, uint64_t *dropped, crm_error *err)
{
    return crm__journal_trim_part(txn, before_us, TRIM_BYTES, dropped, err);
}
