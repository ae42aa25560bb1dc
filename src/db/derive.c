/* SPDX-License-Identifier: MIT
 * Derived items of a record: see derive.h.
 */
#include "db/derive.h"

#include "db/gram.h"
#include "db/index.h"

#include <string.h>

int crm__field_indexed(const crm__field *f)
{
    return f &&
           (f->flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE) || f->type == CRM_TYPE_CUSTOMER);
}

int crm__field_shared_column(const crm__model *m, uint32_t column)
{
    uint32_t kind = column & ~(uint32_t)0xffff;
    const crm__field *f = crm__model_number(m, column & 0xffff);

    return (kind == CRM__COLUMN_SHARED || kind == CRM__COLUMN_SHARED_FIRST) &&
           crm__field_indexed(f) && crm__field_counts(f);
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
    crm_txn *txn;
    const crm__model *m;
    crm_id id;
    int give;
    crm__buf *scratch;
    crm__derived_fn fn;
    void *ctx;
} walk;

static int bit(const walk *w, uint8_t index, uint32_t value)
{
    uint8_t key[CRM__KEY_BITS];
    crm__derived item = {.what = CRM__DERIVED_BIT, .member = w->id & 0xffff};

    item.key = crm__key_bits(key, w->id >> CRM__CHUNK_SHIFT, index, value);
    return w->fn(w->ctx, &item);
}

static int cell(const walk *w, uint32_t column, const crm__column_cell *c)
{
    uint32_t row = w->id & 0xffff;
    uint8_t key[CRM__KEY_COLUMN];
    crm__derived item = {.what = CRM__DERIVED_CELL, .member = row % CRM__COLUMN_ROWS, .cell = *c};

    item.key = crm__key_column(key, w->id >> CRM__CHUNK_SHIFT, column, row / CRM__COLUMN_ROWS);
    return w->fn(w->ctx, &item);
}

/* ---- tokens ---- */

static int item_key(const walk *w, const crm__field *f, const crm__entry *e, crm__slice item,
                    uint8_t key[CRM__KEY_TOKEN])
{
    crm__value v;
    int rc = crm__value_decode(e->type, e->scoped, item, &v);

    return rc ? rc : crm__token_key(w->txn->store, f, &v, w->scratch, key);
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

static int tokens(const walk *w, const crm__field *f, const crm__entry *e)
{
    uint8_t key[CRM__KEY_TOKEN];
    crm__derived give = {.what = CRM__DERIVED_ID, .member = w->id, .count = crm__field_counts(f)};
    crm__slice item;
    size_t pos = 0, before = 0;
    int rc = CRM_OK;

    give.key = crm__slice_of(key, CRM__KEY_TOKEN);
    for (; !rc && (rc = crm__entry_next(e, &pos, &item)) == CRM_OK; before = pos) {
        rc = item_key(w, f, e, item, key);
        if (!rc && !repeats(w, f, e, before, key))
            rc = w->fn(w->ctx, &give);
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

/* ---- values ---- */

/* The sets of the pieces of all texts of an entry. */
static int grams(const walk *w, const crm__field *f, const crm__entry *e)
{
    uint64_t sets[CRM__GRAM_WORDS] = {0};
    crm__slice item;
    crm__value v;
    size_t pos = 0;
    int rc;

    while ((rc = crm__entry_next(e, &pos, &item)) == CRM_OK) {
        rc = crm__value_decode(e->type, e->scoped, item, &v);
        if (rc)
            return rc;
        w->scratch->n = 0;
        rc = crm__gram_fold(v.text, w->scratch);
        if (rc == CRM_ENOMEM)
            return rc;
        if (!rc) /* what is no text contains nothing */
            crm__gram_sets(crm__slice_of(w->scratch->p, w->scratch->n), sets);
    }
    if (rc != CRM_DONE)
        return rc;
    rc = CRM_OK;
    for (uint32_t i = 0; i < CRM__GRAM_WORDS && !rc; i++) {
        for (uint64_t left = sets[i]; left && !rc; left &= left - 1)
            rc = bit(w, CRM__BITS_GRAM,
                     (uint32_t)f->number << 16 | (i * 64 + (uint32_t)__builtin_ctzll(left)));
    }
    return rc;
}

static int values(const walk *w, const crm__field *f, const crm__entry *e)
{
    crm__column_cell c = {CRM__CELL_NONE, 0, 0};
    crm__slice item;
    crm__value v;
    size_t pos = 0;
    int rc = CRM_OK;

    while (!rc && (rc = crm__entry_next(e, &pos, &item)) == CRM_OK) {
        uint8_t index;
        uint32_t value;
        rc = crm__value_decode(e->type, e->scoped, item, &v);
        if (!rc && f->index & CRM__INDEX_VALUES) {
            rc = crm__index_set(w->txn, f, &v, w->give, &index, &value);
            if (!rc)
                rc = bit(w, index, value);
        }
        if (!rc && c.state == CRM__CELL_NONE) {
            c.state = CRM__CELL_NUMBER;
            crm__index_number(&v, &c.number, &c.scale);
        }
    }
    if (rc != CRM_DONE || !(f->index & CRM__INDEX_COLUMN) || c.state == CRM__CELL_NONE)
        return rc == CRM_DONE ? CRM_OK : rc;
    return cell(w, f->number, &c);
}

/* The field of an entry that the model shows, else NULL. */
static const crm__field *shown(const walk *w, const crm__entry *e)
{
    const crm__field *f = e ? crm__model_number(w->m, e->field) : NULL;

    return f && f->type == e->type && (e->scoped != 0) == ((f->flags & CRM_FIELD_PER_SOURCE) != 0)
               ? f
               : NULL;
}

/* What an entry gives; `presence` alone may be left as it is. */
static int entry(const walk *w, const crm__entry *e, int presence)
{
    const crm__field *f = shown(w, e);
    int rc = CRM_OK;

    if (!f)
        return CRM_OK;
    if (presence)
        rc = bit(w, CRM__BITS_PRESENCE, e->field);
    if (!rc && crm__field_indexed(f))
        rc = tokens(w, f, e);
    if (!rc && f->index & (CRM__INDEX_VALUES | CRM__INDEX_COLUMN))
        rc = values(w, f, e);
    if (!rc && f->index & CRM__INDEX_GRAMS)
        rc = grams(w, f, e);
    return rc;
}

static int record(const walk *w, const crm__record *r)
{
    crm__column_cell created = {CRM__CELL_NUMBER, 0, r->created};
    int rc;

    if (r->flags & CRM__RECORD_DELETED)
        return bit(w, CRM__BITS_ROOT, CRM__ROOT_DELETED);
    rc = bit(w, CRM__BITS_ROOT, CRM__ROOT_LIVE);
    if (!rc)
        rc = bit(w, CRM__BITS_KIND, r->kind);
    if (!rc)
        rc = cell(w, CRM__COLUMN_CREATED, &created);
    for (uint32_t i = 0; i < r->entry_count && !rc; i++)
        rc = entry(w, &r->entries[i], 1);
    return rc;
}

int crm__derive(crm_txn *txn, const crm__model *m, crm_id id, const crm__record *r, uint32_t only,
                int give, crm__buf *scratch, crm__derived_fn fn, void *ctx)
{
    walk w = {txn, m, id, give, scratch, fn, ctx};
    const crm__entry *e;

    if (!only)
        return record(&w, r);
    e = crm__record_find(r, only);
    return e && !(r->flags & CRM__RECORD_DELETED) ? entry(&w, e, 1) : CRM_OK;
}

/* ---- change ---- */

enum { IDS = 16 };

typedef struct edit_ctx {
    crm_txn *txn;
    int on;
    uint32_t count; /* ids put off, to be changed together */
    crm__edit_id ids[IDS];
} edit_ctx;

static int change_ids(edit_ctx *e)
{
    uint32_t n = e->count;

    e->count = 0;
    return crm__edits_ids(&e->txn->edits, e->ids, n);
}

static int put_off(edit_ctx *e, const crm__derived *d)
{
    crm__edit_id *i = &e->ids[e->count++];

    i->id = d->member;
    i->on = (uint8_t)e->on;
    i->count = (uint8_t)d->count;
    memcpy(i->key, d->key.p, sizeof i->key);
    return e->count == IDS ? change_ids(e) : CRM_OK;
}

static int edit(void *ctx, const crm__derived *d)
{
    static const crm__column_cell NONE = {CRM__CELL_NONE, 0, 0};
    edit_ctx *e = ctx;

    switch (d->what) {
    case CRM__DERIVED_BIT:
        return crm__edits_bit(&e->txn->edits, KV_BITS, d->key, (uint32_t)d->member, e->on);
    case CRM__DERIVED_CELL:
        return crm__edits_cell(&e->txn->edits, d->key, (uint32_t)d->member,
                               e->on ? &d->cell : &NONE);
    default:
        return put_off(e, d);
    }
}

static int same(const crm__entry *a, const crm__entry *b)
{
    return a->type == b->type && a->list == b->list && a->scoped == b->scoped &&
           a->payload.n == b->payload.n &&
           (a->payload.n == 0 || memcmp(a->payload.p, b->payload.p, a->payload.n) == 0);
}

/* Fields that differ: what is derived of the old value off, then that of the new one on. */
static int change_fields(const walk *w, edit_ctx *e, const crm__record *before,
                         const crm__record *after)
{
    uint32_t i = 0, k = 0;
    int rc = CRM_OK;

    while (!rc && (i < before->entry_count || k < after->entry_count)) {
        const crm__entry *a = i < before->entry_count ? &before->entries[i] : NULL;
        const crm__entry *b = k < after->entry_count ? &after->entries[k] : NULL;
        int both;
        if (a && b && a->field != b->field) {
            if (a->field < b->field)
                b = NULL;
            else
                a = NULL;
        }
        i += a != NULL;
        k += b != NULL;
        if (a && b && same(a, b))
            continue;
        both = shown(w, a) && shown(w, b);
        e->on = 0;
        if (a)
            rc = entry(w, a, !both);
        e->on = 1;
        if (!rc && b)
            rc = entry(w, b, !both);
    }
    return rc;
}

int crm__derive_change(crm_txn *txn, const crm__model *m, crm_id id, const crm__record *before,
                       const crm__record *after)
{
    edit_ctx e;
    walk w = {txn, m, id, 1, &txn->scratch[1], edit, &e};
    int rc = CRM_OK;

    e.txn = txn;
    e.on = 0;
    e.count = 0;
    if (before && after && before->flags == after->flags && before->kind == after->kind &&
        before->created == after->created && !(after->flags & CRM__RECORD_DELETED)) {
        rc = change_fields(&w, &e, before, after);
    } else {
        if (before)
            rc = record(&w, before);
        e.on = 1;
        if (!rc && after)
            rc = record(&w, after);
    }
    return rc ? rc : change_ids(&e);
}
