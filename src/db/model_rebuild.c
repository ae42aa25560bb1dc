/* SPDX-License-Identifier: MIT
 * Making anew what is derived of fields and event kinds that a new model changes: rows that no
 * record gives any more are dropped, those that records give now are made in one pass over them, by
 * the same function that writes them.
 */
#include "db/derive.h"
#include "db/identity.h"
#include "db/index.h"
#include "db/model.h"
#include "db/scan.h"
#include "db/waiting.h"

#include <stdlib.h>
#include <string.h>

enum { RELIEF_BYTES = 32 << 20, LOOK_EVERY = 64 };

/* What there is of a field. */
enum { TOKENS = 1, PRESENCE = 2, VALUES = 4, COLUMN = 8, GRAMS = 16 };

typedef struct rebuild {
    crm_txn *txn;
    const crm__model *m;
    uint32_t field; /* at hand */
    unsigned make;  /* of it */
    unsigned *makes;
    const crm__rebuild_field *fields;
    size_t count;
    int flushed;
    uint64_t steps, done; /* done: customers */
    crm__buf scratch;
    crm_error *err;
} rebuild;

/* Edits of a rebuild may outgrow memory: then they go to the engine at once, and a later failure
 * can only abort the transaction. */
static int relieve(void *ctx)
{
    rebuild *r = ctx;
    crm_txn *txn = r->txn;
    int rc = CRM_OK;

    if (++r->steps % LOOK_EVERY == 0)
        rc = crm__txn_step(txn, r->done, txn->state.counters.live, r->err);
    if (rc)
        return rc;
    if (crm__edits_bytes(&txn->edits) < RELIEF_BYTES || txn->group || txn->save_count)
        return CRM_OK;
    crm__txn_detach_cursors(txn);
    r->flushed++;
    return crm__txn_flush(txn, r->err);
}

/* ---- what goes ---- */

static int drop_tokens(rebuild *r, const crm__field *f)
{
    crm__id_row row = {{0}};
    crm__id_walk w = {.tag_key = r->txn->store->tag_key};
    uint8_t key[CRM__KEY_TOKEN];
    int rc;

    w.cursor = crm__txn_cursor(r->txn, KV_IDENTITY, &rc);
    if (!rc)
        rc = crm__id_seek(&w, r->field, &row);
    while (!rc && w.field == r->field) {
        int flushed = r->flushed;
        row = w.row;
        rc = crm__edits_id(&r->txn->edits, crm__key_token(key, r->field, row.byte),
                           crm__id_row_id(&row), 0, crm__field_counts(f));
        if (!rc)
            rc = relieve(r);
        if (!rc && flushed == r->flushed) {
            rc = crm__id_next(&w);
        } else if (!rc) {
            /* What was written has gone, so it is the next one that stands there. */
            w.cursor = crm__txn_cursor(r->txn, KV_IDENTITY, &rc);
            if (!rc)
                rc = crm__id_seek(&w, r->field, &row);
        }
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* Sets of a field: those of an index whose value is in a range, or of these also in a list. */
typedef struct value_sets {
    uint8_t index;
    uint32_t lo, hi;
    int listed;
    crm__buf list; /* uint32_t, ascending */
} value_sets;

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static int is_of(const value_sets *s, uint32_t value)
{
    if (!s->listed)
        return 1;
    return s->list.n &&
           bsearch(&value, s->list.p, s->list.n / sizeof value, sizeof value, by_value);
}

static int drop_sets(rebuild *r, const value_sets *s)
{
    uint64_t chunks = (r->txn->state.counters.next_id >> CRM__CHUNK_SHIFT) + 1;
    uint8_t at[CRM__KEY_BITS], end[CRM__KEY_BITS];
    crm__slice k, v, from;
    int rc = CRM_OK;

    for (uint64_t chunk = 0; chunk < chunks && !rc; chunk++) {
        uint64_t next = s->lo;
        crm__key_bits(end, chunk, s->index, s->hi);
        while (!rc && next <= s->hi) {
            kv_cursor *c = crm__txn_cursor(r->txn, KV_BITS, &rc);
            from = crm__key_bits(at, chunk, s->index, (uint32_t)next);
            if (!rc)
                rc = c->ops->seek(c, KV_GE, from, &k, &v);
            if (rc || k.n != CRM__KEY_BITS || memcmp(k.p, end, CRM__KEY_BITS) > 0)
                break;
            next = crm__get_be32(k.p + 5);
            crm__key_bits(at, chunk, s->index, (uint32_t)next);
            if (is_of(s, (uint32_t)next))
                rc = crm__edits_empty(&r->txn->edits, KV_BITS, from);
            if (!rc)
                rc = relieve(r);
            next++;
        }
        if (rc == CRM_ENOTFOUND)
            rc = CRM_OK;
    }
    return rc;
}

static int add_number(void *ctx, crm__slice text, uint32_t value)
{
    crm__buf *list = ctx;

    (void)text;
    crm__buf_add(list, &value, sizeof value);
    return list->failed ? CRM_ENOMEM : CRM_OK;
}

/* Numbers of all values that an enum field has had. */
static int enum_numbers(rebuild *r, const crm__field *f, crm__buf *list)
{
    uint8_t at[CRM_FIELD_SIZE + 4] = {crm__dict_class_byte(CRM__DICT_ENUM), 0};
    size_t n = 2 + strlen(f->key) + 1;
    crm__slice k, payload;
    crm__scan s;
    int rc;

    memcpy(at + 2, f->key, n - 3);
    at[n - 1] = '/';
    crm__scan_open(r->txn, KV_DICT, &s);
    rc = crm__scan_seek(&s, KV_GE, crm__slice_of(at, n), &k, &payload);
    for (; !rc && k.n >= n && memcmp(k.p, at, n) == 0; rc = crm__scan_next(&s, &k, &payload)) {
        if (payload.n != 4)
            rc = CRM_ECORRUPT;
        else
            rc = add_number(list, k, crm__get_le32(payload.p));
        if (rc)
            break;
    }
    crm__scan_close(&s);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int drop_values(rebuild *r, const crm__field *f)
{
    value_sets s = {CRM__BITS_TEXT, 0, UINT32_MAX, 1, {0}};
    int rc = CRM_OK;

    crm__buf_init(&s.list, r->txn->mem);
    switch (f->type) {
    case CRM_TYPE_BOOLEAN:
        s = (value_sets){CRM__BITS_BOOLEAN, f->number << 1, f->number << 1 | 1, 0, s.list};
        break;
    case CRM_TYPE_COUNTRY:
    case CRM_TYPE_MONEY:
        s.index = f->type == CRM_TYPE_COUNTRY ? CRM__BITS_COUNTRY : CRM__BITS_CURRENCY;
        s.lo = f->number << 16;
        s.hi = s.lo | 0xffff;
        s.listed = 0;
        break;
    case CRM_TYPE_ENUM:
        s.index = CRM__BITS_VALUE;
        rc = enum_numbers(r, f, &s.list);
        break;
    default:
        rc = crm__index_texts(r->txn, f, crm__slice_of(NULL, 0), add_number, &s.list);
    }
    if (s.list.n)
        qsort(s.list.p, s.list.n / sizeof(uint32_t), sizeof(uint32_t), by_value);
    if (!rc)
        rc = drop_sets(r, &s);
    crm__buf_clear(&s.list);
    return rc;
}

static int drop_column(rebuild *r)
{
    uint64_t chunks = (r->txn->state.counters.next_id >> CRM__CHUNK_SHIFT) + 1;
    uint8_t at[CRM__KEY_COLUMN];
    int rc = CRM_OK;

    for (uint64_t chunk = 0; chunk < chunks && !rc; chunk++) {
        for (uint32_t block = 0; block < CRM__COLUMN_BLOCKS && !rc; block++) {
            crm__slice k, v, from = crm__key_column(at, chunk, r->field, block);
            kv_cursor *c = crm__txn_cursor(r->txn, KV_COLUMN, &rc);
            if (!rc)
                rc = c->ops->seek(c, KV_GE, from, &k, &v);
            if (rc || k.n != CRM__KEY_COLUMN || memcmp(k.p, at, CRM__KEY_COLUMN - 1) != 0)
                break;
            block = k.p[CRM__KEY_COLUMN - 1];
            from = crm__key_column(at, chunk, r->field, block);
            rc = crm__edits_empty(&r->txn->edits, KV_COLUMN, from);
            if (!rc)
                rc = relieve(r);
        }
        if (rc == CRM_ENOTFOUND)
            rc = CRM_OK;
    }
    return rc;
}

/* Rows that wait: who has pieces now gets them in the sets. */
static int drop_waiting(rebuild *r)
{
    uint8_t key[CRM__KEY_WAITING_ROW] = {0};
    crm__slice k, v, from = crm__key_waiting(key, r->field, 0);
    crm__waiting_place at;
    int rc;
    kv_cursor *c = crm__txn_cursor(r->txn, KV_BITS, &rc);

    if (!rc)
        rc = c->ops->seek(c, KV_GE, from, &k, &v);
    while (!rc && crm__waiting_key(k, &at) && at.field == r->field) {
        int flushed = r->flushed;
        memcpy(key, k.p, k.n);
        from = crm__slice_of(key, k.n);
        rc = crm__edits_del(&r->txn->edits, KV_BITS, from);
        if (!rc)
            rc = relieve(r);
        if (!rc && flushed == r->flushed) {
            rc = c->ops->next(c, &k, &v);
        } else if (!rc) {
            c = crm__txn_cursor(r->txn, KV_BITS, &rc);
            if (!rc)
                rc = c->ops->seek(c, KV_GE, from, &k, &v);
        }
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int drop(rebuild *r, const crm__field *before, unsigned what)
{
    value_sets presence = {CRM__BITS_PRESENCE, r->field, r->field, 0, {0}};
    value_sets grams = {CRM__BITS_GRAM, r->field << 16, r->field << 16 | 0xffff, 0, {0}};
    int rc = CRM_OK;

    if (what & TOKENS)
        rc = drop_tokens(r, before);
    if (!rc && what & PRESENCE)
        rc = drop_sets(r, &presence);
    if (!rc && what & VALUES)
        rc = drop_values(r, before);
    if (!rc && what & GRAMS)
        rc = drop_waiting(r);
    if (!rc && what & GRAMS)
        rc = drop_sets(r, &grams);
    if (!rc && what & COLUMN)
        rc = drop_column(r);
    return rc;
}

/* ---- what comes ---- */

static int make_item(void *ctx, const crm__derived *item)
{
    rebuild *r = ctx;
    crm__edits *e = &r->txn->edits;

    switch (item->what) {
    case CRM__DERIVED_BIT:
        return r->make & (item->key.p[4] == CRM__BITS_PRESENCE ? PRESENCE
                          : item->key.p[4] == CRM__BITS_GRAM   ? GRAMS
                                                               : VALUES)
                   ? crm__edits_bit(e, KV_BITS, item->key, (uint32_t)item->member, 1)
                   : CRM_OK;
    case CRM__DERIVED_CELL:
        return r->make & COLUMN ? crm__edits_cell(e, item->key, (uint32_t)item->member, &item->cell)
                                : CRM_OK;
    default:
        return r->make & TOKENS ? crm__edits_id(e, item->key, item->member, 1, item->count)
                                : CRM_OK;
    }
}

static int make_record(void *ctx, crm_id id, const crm__record *record)
{
    rebuild *r = ctx;
    int rc = CRM_OK;

    for (size_t i = 0; i < r->count && !rc; i++) {
        r->field = r->fields[i].number;
        r->make = r->makes[i];
        if (r->make)
            rc = crm__derive(r->txn, r->m, id, record, r->field, 1, &r->scratch, make_item, r);
    }
    r->done++;
    return rc ? rc : relieve(r);
}

/* ---- which ---- */

static unsigned parts_of(const crm__field *f)
{
    unsigned parts = PRESENCE;

    if (!f)
        return 0;
    if (crm__field_indexed(f))
        parts |= TOKENS;
    if (f->index & CRM__INDEX_VALUES)
        parts |= VALUES;
    if (f->index & CRM__INDEX_COLUMN)
        parts |= COLUMN;
    if (f->index & CRM__INDEX_GRAMS)
        parts |= GRAMS;
    return parts;
}

/* Whether what was kept of a field before is what is kept of it now. */
static int stays(const crm__field *a, const crm__field *b)
{
    return a && b && a->type == b->type && !((a->flags ^ b->flags) & CRM_FIELD_PER_SOURCE);
}

static int rebuild_field(rebuild *r, const crm__rebuild_field *f, unsigned *make)
{
    unsigned was = parts_of(f->before), is = parts_of(f->after), same = 0;

    if (stays(f->before, f->after))
        same = was & is;
    *make = f->fresh ? 0 : is & ~same;
    r->field = f->number;
    return drop(r, f->before, was & ~same);
}

int crm__model_rebuild(crm_txn *txn, const crm__model *m, const crm__rebuild_field *fields,
                       size_t count, const uint32_t *kinds, uint32_t kind_count, int *flushed,
                       crm_error *err)
{
    rebuild r = {.txn = txn, .m = m, .fields = fields, .count = count, .err = err};
    unsigned any = 0;
    int rc = CRM_OK;

    r.makes = crm__calloc(txn->mem, count + 1, sizeof *r.makes);
    if (!r.makes)
        return crm__fail_nomem(err);
    crm__buf_init(&r.scratch, txn->mem);
    txn->edits.waits = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        rc = rebuild_field(&r, &fields[i], &r.makes[i]);
        any |= r.makes[i];
    }
    if (rc)
        crm__txn_fail(txn, rc, "can't rebuild an index", err);
    else if (any)
        rc = crm__each_record(txn, make_record, &r, err);
    if (!rc && kind_count)
        rc = crm__event_rebuild(txn, m, kinds, kind_count, relieve, &r, err);
    crm__buf_clear(&r.scratch);
    crm__release(txn->mem, r.makes);
    *flushed = r.flushed;
    return rc;
}
