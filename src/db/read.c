/* SPDX-License-Identifier: MIT
 * Reading through the edit list: rows, sets, identity tokens; the dictionary.
 */
#include "db/txn.h"

#include "bits/kernel.h"
#include "db/identity.h"

#include <stdlib.h>
#include <string.h>

int crm__txn_fail(crm_txn *txn, int rc, const char *what, crm_error *err)
{
    return crm__fail_sys(err, rc, txn->kv ? txn->kv->sys : 0, "%s: %s", what, crm_error_text(rc));
}

int crm__untag(const crm__store *s, kv_space space, crm__slice key, crm__slice stored,
               crm__slice *payload)
{
    if (stored.n < CRM__TAG_SIZE)
        return CRM_ECORRUPT;
    stored.n -= CRM__TAG_SIZE;
    if (crm__get_le64(stored.p + stored.n) !=
        crm__check_tag(s->tag_key, (uint8_t)space, key, stored))
        return CRM_ECORRUPT;
    *payload = stored;
    return CRM_OK;
}

int crm__txn_stored(crm_txn *txn, kv_space space, crm__slice key, crm__slice *payload)
{
    crm__slice stored;
    int rc = txn->kv->ops->get(txn->kv, space, key, &stored);

    return rc ? rc : crm__untag(txn->store, space, key, stored, payload);
}

int crm__txn_read(crm_txn *txn, kv_space space, crm__slice key, crm__slice *payload)
{
    if (txn->write) {
        switch (crm__edits_get(&txn->edits, space, key, payload)) {
        case CRM__EDIT_PUT:
            return CRM_OK;
        case CRM__EDIT_DEL:
            return CRM_ENOTFOUND;
        }
    }
    return crm__txn_stored(txn, space, key, payload);
}

int crm__txn_set(crm_txn *txn, kv_space space, crm__slice key, uint64_t words[CRM__SET_WORDS])
{
    crm__slice payload;
    const uint64_t *ops;
    uint32_t count = 0;
    int rc = crm__txn_stored(txn, space, key, &payload);

    if (!rc)
        rc = crm__set_load(payload, words);
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    if (!txn->write)
        return CRM_OK;
    ops = crm__edits_ops(&txn->edits, space, key, &count);
    crm__edits_rows(ops, count, words);
    return CRM_OK;
}

int crm__txn_set_waits(crm_txn *txn, kv_space space, crm__slice key, uint32_t row)
{
    uint32_t count = 0;
    const uint64_t *ops = txn->write ? crm__edits_ops(&txn->edits, space, key, &count) : NULL;
    int in = count ? crm__edits_row(ops, count, row, 0) : -1;

    return count && crm__edits_row(ops, count, row, 1) == in ? in : -1;
}

int crm__txn_set_row(crm_txn *txn, kv_space space, crm__slice key, uint32_t row, int verify,
                     int *in)
{
    crm__slice stored;
    crm__set_view set;
    int rc, waits = crm__txn_set_waits(txn, space, key, row);

    *in = waits > 0;
    if (waits >= 0)
        return CRM_OK;
    rc = txn->kv->ops->get(txn->kv, space, key, &stored);
    if (!rc && verify)
        rc = crm__untag(txn->store, space, key, stored, &stored);
    else if (!rc && stored.n < CRM__TAG_SIZE)
        rc = CRM_ECORRUPT;
    else if (!rc)
        stored.n -= CRM__TAG_SIZE;
    if (!rc)
        rc = crm__set_open(stored, &set);
    *in = !rc && crm__set_view_has(&set, row);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__txn_read_on(crm_txn *txn, kv_space space, crm__slice key, int *on, crm__slice *payload)
{
    crm__slice k, stored;
    kv_cursor *c;
    int rc = CRM_ENOTFOUND, stepped = 0;

    if (txn->write)
        return crm__txn_read(txn, space, key, payload);
    c = crm__txn_cursor(txn, space, &rc);
    if (!c)
        return rc;
    if (*on) {
        rc = c->ops->next(c, &k, &stored);
        stepped = !rc && k.n == key.n && memcmp(k.p, key.p, key.n) == 0;
    }
    /* Damage is that of the row stepped to, which need not be the one asked for. */
    if (!stepped && (!rc || rc == CRM_ENOTFOUND || rc == CRM_ECORRUPT))
        rc = c->ops->seek(c, KV_EXACT, key, &k, &stored);
    *on = !rc;
    return rc ? rc : crm__untag(txn->store, space, key, stored, payload);
}

kv_cursor *crm__txn_cursor(crm_txn *txn, kv_space space, int *rc)
{
    *rc = CRM_OK;
    if (!txn->cursors[space])
        *rc = txn->kv->ops->cursor(txn->kv, space, &txn->cursors[space]);
    return txn->cursors[space];
}

/* The switches of a token in order of ids, each id once with its last word. */
typedef struct switches {
    uint64_t *ops; /* id << 1 | on; NULL: none */
    uint32_t count;
} switches;

typedef struct ordered {
    uint64_t op;
    uint32_t at;
} ordered;

static int by_id(const void *a, const void *b)
{
    const ordered *x = a, *y = b;

    if (x->op >> 1 != y->op >> 1)
        return x->op >> 1 < y->op >> 1 ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int sort_switches(crm_txn *txn, crm__slice token_key, switches *out)
{
    const uint64_t *ops;
    ordered *o;
    uint32_t n = 0;

    out->ops = NULL;
    out->count = 0;
    ops = txn->write ? crm__edits_ops(&txn->edits, KV_IDENTITY, token_key, &n) : NULL;
    if (!n)
        return CRM_OK;
    o = crm__alloc(txn->mem, n * sizeof *o);
    out->ops = crm__alloc(txn->mem, n * sizeof *out->ops);
    if (!o || !out->ops) {
        crm__release(txn->mem, o);
        crm__release(txn->mem, out->ops);
        return CRM_ENOMEM;
    }
    for (uint32_t i = 0; i < n; i++)
        o[i] = (ordered){ops[i], i};
    qsort(o, n, sizeof *o, by_id);
    for (uint32_t i = 0; i < n; i++) {
        if (i + 1 == n || o[i + 1].op >> 1 != o[i].op >> 1)
            out->ops[out->count++] = o[i].op;
    }
    crm__release(txn->mem, o);
    return CRM_OK;
}

/* What they say of an id: -1 nothing, 0 removed, 1 added. */
static int pending(const switches *w, uint64_t id)
{
    uint32_t lo = 0, hi = w->count;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (w->ops[mid] >> 1 < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < w->count && w->ops[lo] >> 1 == id ? (int)(w->ops[lo] & 1) : -1;
}

static void give(crm_id id, crm_id *ids, size_t cap, size_t *count)
{
    size_t at = *count < cap ? *count : cap;

    /* Pending ids come after stored ones: keep the room in ascending order. */
    if (at && cap && ids[at - 1] > id) {
        size_t i = at;
        if (i == cap)
            i--;
        for (; i > 0 && ids[i - 1] > id; i--)
            ids[i] = ids[i - 1];
        ids[i] = id;
    } else if (at < cap) {
        ids[at] = id;
    }
    ++*count;
}

static int stored_ids(crm_txn *txn, crm__slice token_key, const switches *w, crm_id *ids,
                      size_t cap, size_t limit, size_t *count)
{
    crm__id_row first = crm__id_row_of(token_key.p + 2, 0);
    crm__id_walk walk = {.tag_key = txn->store->tag_key};
    int rc;

    walk.cursor = crm__txn_cursor(txn, KV_IDENTITY, &rc);
    if (!rc)
        rc = crm__id_seek(&walk, crm__get_be16(token_key.p), &first);
    while (!rc && crm__id_walk_has(&walk, token_key)) {
        uint64_t id = crm__id_row_id(&walk.row);
        if (pending(w, id) != 0)
            give(id, ids, cap, count);
        if (*count >= limit)
            return CRM_OK;
        rc = crm__id_next(&walk);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* Whether a row is stored: CRM_OK, CRM_ENOTFOUND, CRM_ECORRUPT, engine codes. */
static int stored_id(crm_txn *txn, crm__slice token_key, uint64_t id)
{
    crm__id_row row = crm__id_row_of(token_key.p + 2, id);
    crm__id_walk walk = {.tag_key = txn->store->tag_key};
    int rc;

    walk.cursor = crm__txn_cursor(txn, KV_IDENTITY, &rc);
    if (!rc)
        rc = crm__id_seek(&walk, crm__get_be16(token_key.p), &row);
    if (!rc && (!crm__id_walk_has(&walk, token_key) || crm__id_row_id(&walk.row) != id))
        rc = CRM_ENOTFOUND;
    return rc;
}

int crm__txn_ids(crm_txn *txn, crm__slice token_key, crm_id *ids, size_t cap, size_t limit,
                 size_t *count)
{
    switches w;
    int rc;

    *count = 0;
    if (!limit)
        return CRM_OK;
    rc = sort_switches(txn, token_key, &w);
    if (rc)
        return rc;
    rc = stored_ids(txn, token_key, &w, ids, cap, limit, count);
    for (uint32_t i = 0; i < w.count && !rc && *count < limit; i++) {
        if (!(w.ops[i] & 1))
            continue;
        rc = stored_id(txn, token_key, w.ops[i] >> 1);
        if (rc == CRM_ENOTFOUND) { /* else it was given with the stored ones */
            give(w.ops[i] >> 1, ids, cap, count);
            rc = CRM_OK;
        }
    }
    crm__release(txn->mem, w.ops);
    return rc;
}

int crm__txn_flush(crm_txn *txn, crm_error *err)
{
    int rc;

    if (!txn->edits.slot_count)
        return CRM_OK;
    if (txn->save_count || txn->group)
        return crm__fail(err, CRM_ESTATE,
                         "not possible inside crm_db_write() or while a savepoint is set");
    rc = crm__edits_apply(&txn->edits, txn->kv, txn->store->tag_key);
    if (rc) {
        txn->broken = rc;
        return crm__txn_fail(txn, rc, "can't write", err);
    }
    txn->flushed += crm__edits_bytes(&txn->edits);
    crm__edits_reset(&txn->edits);
    return CRM_OK;
}

/* ---- dictionary ---- */

static const uint8_t CLASS_BYTE[CRM__DICT_CLASSES] = {'f', 'e', 's', 'n', 'k', 'a', 't', 'g', 'v'};

uint8_t crm__dict_class_byte(int cls)
{
    return CLASS_BYTE[cls];
}

int crm__dict_primary(int cls)
{
    return cls != CRM__DICT_TEXT && cls != CRM__DICT_VALUE;
}

int crm__dict_class_of(uint8_t byte)
{
    for (int i = 0; i < CRM__DICT_CLASSES; i++) {
        if (crm__dict_primary(i) && CLASS_BYTE[i] == byte)
            return i;
    }
    return -1;
}

static crm__slice name_key(uint8_t key[CRM__DICT_NAME + 2], int cls, const char *name, size_t n)
{
    key[0] = CLASS_BYTE[cls];
    key[1] = 0;
    memcpy(key + 2, name, n);
    return crm__slice_of(key, n + 2);
}

static crm__slice number_key(uint8_t key[6], int cls, uint32_t number)
{
    key[0] = CLASS_BYTE[cls];
    key[1] = 1;
    crm__put_be32(key + 2, number);
    return crm__slice_of(key, 6);
}

int crm__dict_find(crm_txn *txn, int cls, const char *name, size_t n, uint32_t *number)
{
    uint8_t key[CRM__DICT_NAME + 2];
    crm__slice v;
    int rc;

    *number = 0;
    if (n > CRM__DICT_NAME)
        return CRM_OK;
    rc = crm__txn_read(txn, KV_DICT, name_key(key, cls, name, n), &v);
    if (rc == CRM_ENOTFOUND)
        return CRM_OK;
    if (!rc && v.n != 4)
        rc = CRM_ECORRUPT;
    if (!rc)
        *number = crm__get_le32(v.p);
    return rc;
}

int crm__dict_next(crm_txn *txn, int cls, uint32_t *number)
{
    uint8_t key[6];
    crm__slice k, v;
    kv_cursor *c;
    int rc;

    *number = txn->state.dict_next[cls];
    if (*number)
        return CRM_OK;
    c = crm__txn_cursor(txn, KV_DICT, &rc);
    if (!rc)
        rc = c->ops->seek(c, KV_LE, number_key(key, cls, UINT32_MAX), &k, &v);
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    *number = 1;
    if (!rc && k.n == 6 && k.p[0] == key[0] && k.p[1] == 1)
        *number = crm__get_be32(k.p + 2) + 1;
    txn->state.dict_next[cls] = *number;
    return CRM_OK;
}

int crm__dict_give(crm_txn *txn, int cls, const char *name, size_t n, uint32_t *number,
                   crm_error *err)
{
    uint8_t key[CRM__DICT_NAME + 2], value[4];
    uint32_t next;
    int rc;

    if (n > CRM__DICT_NAME)
        return crm__fail(err, CRM_EVALUE, "a name is longer than %d bytes", CRM__DICT_NAME);
    rc = crm__dict_find(txn, cls, name, n, number);
    if (!rc && !*number)
        rc = crm__dict_next(txn, cls, &next);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read the dictionary", err);
    if (*number)
        return CRM_OK;
    if (cls == CRM__DICT_FIELD && next > UINT16_MAX)
        return crm__fail(err, CRM_EFULL, "the database has had 65,535 different fields");
    *number = next;
    txn->state.dict_next[cls] = next + 1;
    txn->state.named |= UINT32_C(1) << cls;
    crm__put_le32(value, *number);
    if (crm__edits_put(&txn->edits, KV_DICT, name_key(key, cls, name, n),
                       crm__slice_of(value, sizeof value), 0) ||
        crm__edits_put(&txn->edits, KV_DICT, number_key(key, cls, *number), crm__slice_of(name, n),
                       0))
        return crm__fail_nomem(err);
    return CRM_OK;
}

int crm__dict_name(crm_txn *txn, int cls, uint32_t number, crm__slice *name)
{
    uint8_t key[6];

    return crm__txn_read(txn, KV_DICT, number_key(key, cls, number), name);
}
