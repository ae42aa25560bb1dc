/* SPDX-License-Identifier: MIT
 * Derived items of a record: see derive.h.
 */
#include "db/derive.h"

#include <string.h>

int crm__field_indexed(const crm__field *f)
{
    return f &&
           (f->flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE) || f->type == CRM_TYPE_CUSTOMER);
}

int crm__token_key(const crm__store *s, const crm__field *f, const crm__value *v, crm__buf *scratch,
                   uint8_t key[CRM__KEY_TOKEN])
{
    uint8_t token[CRM__TOKEN_SIZE], source[4];
    int rc;

    scratch->n = 0;
    if (f->flags & CRM_FIELD_PER_SOURCE) {
        crm__put_le32(source, v->source);
        crm__buf_add(scratch, source, sizeof source);
    }
    rc = crm__value_normal(f->type, v, scratch);
    if (!rc && scratch->failed)
        rc = CRM_ENOMEM;
    if (rc)
        return rc;
    crm__token(s->token_key, crm__slice_of(scratch->p, scratch->n), token);
    crm__key_token(key, f->number, token);
    return CRM_OK;
}

typedef struct walk {
    const crm__store *s;
    const crm__model *m;
    crm_id id;
    crm__buf *scratch;
    crm__derived_fn fn;
    void *ctx;
} walk;

static int item_key(const walk *w, const crm__field *f, const crm__entry *e, crm__slice item,
                    uint8_t key[CRM__KEY_TOKEN])
{
    crm__value v;
    int rc = crm__value_decode(e->type, e->scoped, item, &v);

    return rc ? rc : crm__token_key(w->s, f, &v, w->scratch, key);
}

/* One writing of an e-mail address or a number among several that have the same token: only the
 * first gives it. */
static int repeats(const walk *w, const crm__field *f, const crm__entry *e, size_t before,
                   const uint8_t *key)
{
    uint8_t other[CRM__KEY_TOKEN];
    crm__slice item;
    size_t pos = 0;

    if (f->type != CRM_TYPE_EMAIL && f->type != CRM_TYPE_DECIMAL && f->type != CRM_TYPE_MONEY)
        return 0;
    while (pos < before && crm__entry_next(e, &pos, &item) == CRM_OK) {
        if (item_key(w, f, e, item, other) == CRM_OK && memcmp(other, key, CRM__KEY_TOKEN) == 0)
            return 1;
    }
    return 0;
}

/* Values of another type than the model's are out of view, and so not indexed. */
static int tokens(const walk *w, const crm__entry *e)
{
    const crm__field *f = crm__model_number(w->m, e->field);
    uint8_t key[CRM__KEY_TOKEN];
    crm__slice item;
    size_t pos = 0, before = 0;
    int rc = CRM_OK;

    if (!crm__field_indexed(f) || f->type != e->type ||
        e->scoped != ((f->flags & CRM_FIELD_PER_SOURCE) != 0))
        return CRM_OK;
    for (; !rc && (rc = crm__entry_next(e, &pos, &item)) == CRM_OK; before = pos) {
        rc = item_key(w, f, e, item, key);
        if (!rc && !repeats(w, f, e, before, key))
            rc = w->fn(w->ctx, CRM__DERIVED_ID, crm__slice_of(key, CRM__KEY_TOKEN), w->id);
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

static int bit(const walk *w, uint8_t index, uint32_t value)
{
    uint8_t key[CRM__KEY_BITS];

    return w->fn(w->ctx, CRM__DERIVED_BIT,
                 crm__key_bits(key, w->id >> CRM__CHUNK_SHIFT, index, value), w->id & 0xffff);
}

static int entry(const walk *w, const crm__entry *e)
{
    int rc = bit(w, CRM__BITS_PRESENCE, e->field);

    return rc ? rc : tokens(w, e);
}

int crm__derive(const crm__store *s, const crm__model *m, crm_id id, const crm__record *r,
                uint32_t only, crm__buf *scratch, crm__derived_fn fn, void *ctx)
{
    walk w = {s, m, id, scratch, fn, ctx};
    int rc = CRM_OK;

    if (only) {
        const crm__entry *e = crm__record_find(r, only);
        return e && !(r->flags & CRM__RECORD_DELETED) ? tokens(&w, e) : CRM_OK;
    }
    if (r->flags & CRM__RECORD_DELETED)
        return bit(&w, CRM__BITS_ROOT, CRM__ROOT_DELETED);
    rc = bit(&w, CRM__BITS_ROOT, CRM__ROOT_LIVE);
    if (!rc)
        rc = bit(&w, CRM__BITS_KIND, r->kind);
    for (uint32_t i = 0; i < r->entry_count && !rc; i++)
        rc = entry(&w, &r->entries[i]);
    return rc;
}

/* ---- change ---- */

typedef struct edit_ctx {
    crm_txn *txn;
    int on;
} edit_ctx;

static int edit(void *ctx, int what, crm__slice key, uint64_t member)
{
    edit_ctx *e = ctx;

    return what == CRM__DERIVED_BIT
               ? crm__edits_bit(&e->txn->edits, KV_BITS, key, (uint32_t)member, e->on)
               : crm__edits_id(&e->txn->edits, key, member, e->on);
}

static int same(const crm__entry *a, const crm__entry *b)
{
    return a->type == b->type && a->list == b->list && a->scoped == b->scoped &&
           a->payload.n == b->payload.n &&
           (a->payload.n == 0 || memcmp(a->payload.p, b->payload.p, a->payload.n) == 0);
}

/* Fields that differ: tokens of the old value off, then those of the new one on. */
static int change_fields(walk *w, edit_ctx *e, const crm__record *before, const crm__record *after)
{
    uint32_t i = 0, k = 0;
    int rc = CRM_OK;

    while (!rc && (i < before->entry_count || k < after->entry_count)) {
        const crm__entry *a = i < before->entry_count ? &before->entries[i] : NULL;
        const crm__entry *b = k < after->entry_count ? &after->entries[k] : NULL;
        if (a && b && a->field == b->field) {
            if (!same(a, b)) {
                e->on = 0;
                rc = tokens(w, a);
                e->on = 1;
                if (!rc)
                    rc = tokens(w, b);
            }
            i++;
            k++;
        } else if (a && (!b || a->field < b->field)) {
            e->on = 0;
            rc = entry(w, a);
            i++;
        } else {
            e->on = 1;
            rc = entry(w, b);
            k++;
        }
    }
    return rc;
}

int crm__derive_change(crm_txn *txn, const crm__model *m, crm_id id, const crm__record *before,
                       const crm__record *after)
{
    edit_ctx e = {txn, 0};
    walk w = {txn->store, m, id, &txn->scratch[1], edit, &e};
    int rc = CRM_OK;

    if (before && after && before->flags == after->flags && before->kind == after->kind &&
        !(after->flags & CRM__RECORD_DELETED))
        return change_fields(&w, &e, before, after);
    if (before)
        rc = crm__derive(txn->store, m, id, before, 0, w.scratch, edit, &e);
    e.on = 1;
    if (!rc && after)
        rc = crm__derive(txn->store, m, id, after, 0, w.scratch, edit, &e);
    return rc;
}
