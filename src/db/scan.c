/* SPDX-License-Identifier: MIT
 * Ordered scans through the edits: see scan.h.  The cursor stands at the nearest stored row that
 * was not given yet, the edits are asked anew at each step; where both have a key, the edit counts.
 */
#include "db/scan.h"

#include <string.h>

void crm__scan_open(crm_txn *txn, kv_space space, crm__scan *s)
{
    s->txn = txn;
    s->space = space;
    s->cursor = NULL;
    s->back = s->stored = s->given = 0;
    s->resets = 0;
    s->key_n = 0;
}

void crm__scan_close(crm__scan *s)
{
    if (s->cursor)
        s->cursor->ops->cursor_close(s->cursor);
    s->cursor = NULL;
}

/* After a call of the cursor: keeps whether it stands at a row. */
static int placed(crm__scan *s, int rc)
{
    s->stored = rc == CRM_OK;
    s->given = 0;
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int step_stored(crm__scan *s)
{
    const kv_ops *ops = s->cursor->ops;

    return placed(s, s->back ? ops->prev(s->cursor, &s->k, &s->v)
                             : ops->next(s->cursor, &s->k, &s->v));
}

/* Brings the cursor to the nearest stored row at key, or with `past` behind it. */
static int place_stored(crm__scan *s, crm__slice key, int past)
{
    int rc = CRM_OK;

    if (!s->cursor)
        rc = s->txn->kv->ops->cursor(s->txn->kv, s->space, &s->cursor);
    if (rc)
        return rc;
    rc = placed(s, s->cursor->ops->seek(s->cursor, s->back ? KV_LE : KV_GE, key, &s->k, &s->v));
    if (!rc && s->stored && past && crm__slice_compare(s->k, key) == 0)
        rc = step_stored(s);
    s->resets = s->txn->edits.resets;
    return rc;
}

int crm__scan_payload(const crm__scan *s, crm__slice *payload)
{
    if (s->given)
        return crm__untag(s->txn->store, s->space, s->k, s->v, payload);
    *payload = s->edit;
    return CRM_OK;
}

/* Notes the row that is given; without edits the cursor itself knows it. */
static void note(crm__scan *s, crm__slice k)
{
    if (s->txn->write) {
        memcpy(s->key, k.p, k.n);
        s->key_n = k.n;
    }
}

static int give_stored(crm__scan *s, crm__slice *k, crm__slice *payload)
{
    note(s, s->k);
    s->given = 1;
    *k = s->k;
    return payload ? crm__scan_payload(s, payload) : CRM_OK;
}

/* The nearest row at key, or with `past` behind it. */
static int nearest(crm__scan *s, crm__slice key, int past, crm__slice *k, crm__slice *payload)
{
    for (;;) {
        crm__slice pk, pv;
        int state = CRM__EDIT_NONE, c, rc = CRM_OK;
        if (s->txn->write)
            rc = crm__edits_near(&s->txn->edits, s->space, key, s->back, past, &state, &pk, &pv);
        if (rc)
            return rc;
        if (state == CRM__EDIT_NONE && !s->stored)
            return CRM_ENOTFOUND;
        c = state == CRM__EDIT_NONE ? -1 : !s->stored ? 1 : crm__slice_compare(s->k, pk);
        if (s->back && state != CRM__EDIT_NONE && s->stored)
            c = -c;
        if (c < 0)
            return give_stored(s, k, payload);
        if (c == 0 && (rc = step_stored(s)) != CRM_OK)
            return rc;
        if (state == CRM__EDIT_PUT) {
            note(s, pk);
            *k = crm__slice_of(s->key, s->key_n);
            s->edit = pv;
            if (payload)
                *payload = pv;
            return CRM_OK;
        }
        key = pk; /* deleted: on behind it */
        past = 1;
    }
}

int crm__scan_seek(crm__scan *s, kv_seek how, crm__slice key, crm__slice *k, crm__slice *payload)
{
    int rc;

    s->back = how == KV_LE;
    rc = place_stored(s, key, 0);
    return rc ? rc : nearest(s, key, 0, k, payload);
}

static int step(crm__scan *s, int back, crm__slice *k, crm__slice *payload)
{
    crm__slice last = crm__slice_of(s->key, s->key_n);
    int rc = CRM_OK, turned = s->back != back;

    s->back = back;
    if (s->txn->write && (turned || s->resets != s->txn->edits.resets))
        rc = place_stored(s, last, 1);
    else if (s->given)
        rc = step_stored(s);
    return rc ? rc : nearest(s, last, 1, k, payload);
}

int crm__scan_next(crm__scan *s, crm__slice *k, crm__slice *payload)
{
    return step(s, 0, k, payload);
}

int crm__scan_prev(crm__scan *s, crm__slice *k, crm__slice *payload)
{
    return step(s, 1, k, payload);
}
