/* SPDX-License-Identifier: MIT
 * Items of events for the day lists: see derive_event.h.
 */
#include "db/derive_event.h"

#include "base/time.h"
#include "db/index.h"

#include <string.h>

/* ---- one event ---- */

/* Name of a text in the dictionary.  One that is too long for it stands there by its digest, behind
 * a byte that no text begins with. */
static crm__slice text_name(crm__slice normal, uint8_t room[1 + CRM__DIGEST])
{
    if (normal.n <= CRM__DICT_NAME)
        return normal;
    room[0] = 0xff;
    crm__digest(NULL, &normal, 1, room + 1);
    return crm__slice_of(room, 1 + CRM__DIGEST);
}

int crm__event_text_find(crm_txn *txn, crm__slice normal, uint32_t *number)
{
    uint8_t room[1 + CRM__DIGEST];
    crm__slice name = text_name(normal, room);

    return crm__dict_find(txn, CRM__DICT_TEXT, (const char *)name.p, name.n, number);
}

static int text_number(crm_txn *txn, const crm__value *v, int give, crm__buf *scratch,
                       int64_t *number, crm_error *err)
{
    uint8_t room[1 + CRM__DIGEST];
    crm__slice name;
    uint32_t n;
    int rc;

    scratch->n = 0;
    rc = crm__value_normal(v->type, v, scratch);
    if (rc)
        return rc;
    name = text_name(crm__slice_of(scratch->p, scratch->n), room);
    rc = crm__index_name(txn, CRM__DICT_TEXT, name, give, &n, err);
    if (!rc && !n)
        rc = CRM_ECORRUPT;
    *number = n;
    return rc;
}

static void add_value(crm__day_item *item, uint32_t column, int64_t mantissa, uint8_t scale)
{
    crm__day_value *v = &item->values[item->count++];

    v->column = column;
    v->mantissa = mantissa;
    v->scale = scale;
}

static int item_value(crm_txn *txn, const crm__event_value *x, int give, crm__buf *scratch,
                      crm__day_item *item, crm_error *err)
{
    const crm__value *v = &x->v;
    uint32_t column = crm__day_column_of(x->attribute, 0);
    int64_t number = v->integer;
    int rc = CRM_OK;

    switch (v->type) {
    case CRM_TYPE_DECIMAL:
    case CRM_TYPE_MONEY:
        add_value(item, column, v->decimal.mantissa, v->decimal.scale);
        if (v->type == CRM_TYPE_MONEY)
            add_value(item, crm__day_column_of(x->attribute, 1), crm__day_currency(v->currency), 0);
        return CRM_OK;
    case CRM_TYPE_INTEGER:
    case CRM_TYPE_DATETIME:
    case CRM_TYPE_BOOLEAN:
    case CRM_TYPE_DATE:
    case CRM_TYPE_ENUM:
    case CRM_TYPE_CUSTOMER:
        break;
    default:
        rc = text_number(txn, v, give, scratch, &number, err);
    }
    if (!rc)
        add_value(item, column, number, 0);
    return rc;
}

int crm__event_item(crm_txn *txn, const crm__event_kind *kind, crm_id id, const crm__event *e,
                    int give, uint8_t list[CRM__KEY_DAY_LIST], crm__buf *item, crm_error *err)
{
    int64_t us = e->time % CRM__US_PER_DAY, day = e->time / CRM__US_PER_DAY;
    crm__day_item to;
    int rc = CRM_OK;

    if (us < 0) {
        us += CRM__US_PER_DAY;
        day--;
    }
    to.row = (uint16_t)id;
    to.us = us;
    to.count = 0;
    /* Each value of an event is of another attribute, but a block's bytes could say otherwise. */
    for (uint32_t i = 0; i < e->value_count && i < CRM__MODEL_ATTRIBUTES && !rc; i++) {
        const crm__field *f = crm__event_attribute_number(kind, e->values[i].attribute);
        if (f && f->flags & CRM_FIELD_FAST && f->type == e->values[i].v.type)
            rc = item_value(txn, &e->values[i], give, item, &to, err);
    }
    item->n = 0;
    if (!rc)
        rc = crm__day_item_put(item, &to);
    crm__key_day_list(list, id >> CRM__CHUNK_SHIFT, kind->number, (int32_t)day);
    return rc == CRM_EINVAL ? CRM_ECORRUPT : rc;
}

int crm__event_derive(crm_txn *txn, const crm__event_kind *kind, crm_id id, const crm__event *event,
                      int on, crm_error *err)
{
    uint8_t list[CRM__KEY_DAY_LIST];
    crm__buf *item = &txn->scratch[1];
    int rc = crm__event_item(txn, kind, id, event, on, list, item, err);

    if (!rc)
        rc = crm__edits_item(&txn->edits, crm__slice_of(list, sizeof list),
                             crm__slice_of(item->p, item->n), on);
    return rc ? crm__txn_fail(txn, rc, "can't index the event", err) : CRM_OK;
}

/* ---- many ---- */

int crm__event_row_each(crm__arena *a, crm__slice key, crm__slice payload, crm__event_fn fn,
                        void *ctx)
{
    crm__event_block b;
    uint32_t number;
    uint64_t id;
    int64_t time;
    int rc;

    if (!crm__key_event_read(key, &id, &time, &number))
        return CRM_OK;
    crm__arena_reset(a);
    rc = crm__event_block_decode(a, time, number, payload, &b);
    for (uint32_t i = 0; i < b.count && !rc; i++) {
        if (crm__event_counts(&b.events[i]))
            rc = fn(ctx, id, &b.events[i]);
    }
    return rc;
}

typedef struct rebuild {
    crm_txn *txn;
    const crm__model *m;
    const uint32_t *kinds;
    uint32_t count;
    int (*relieve)(void *ctx);
    void *ctx;
    crm_error *err;
} rebuild;

static int ease(const rebuild *r)
{
    return r->relieve ? r->relieve(r->ctx) : CRM_OK;
}

static int chosen(const rebuild *r, uint32_t kind)
{
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->kinds[i] == kind)
            return 1;
    }
    return 0;
}

/* Deletes the rows of all chunks whose keys go on with `tail`. */
static int drop_rows(const rebuild *r, const uint8_t *tail, size_t tail_n)
{
    uint8_t at[CRM__KEY_DAY + 1] = {0};
    size_t n = 4 + tail_n;
    crm__slice k, v;
    int rc;

    memcpy(at + 4, tail, tail_n);
    for (;;) {
        kv_cursor *c = crm__txn_cursor(r->txn, KV_DAY, &rc);
        int order;
        if (!rc)
            rc = c->ops->seek(c, KV_GE, crm__slice_of(at, n), &k, &v);
        if (rc || k.n != CRM__KEY_DAY)
            return rc == CRM_ENOTFOUND ? CRM_OK : rc ? rc : CRM_ECORRUPT;
        order = memcmp(k.p + 4, tail, tail_n);
        if (!order) {
            /* The least key behind this one. */
            memcpy(at, k.p, CRM__KEY_DAY);
            n = CRM__KEY_DAY + 1;
            rc = crm__edits_del(&r->txn->edits, KV_DAY, crm__slice_of(at, CRM__KEY_DAY));
            if (!rc)
                rc = ease(r);
            if (rc)
                return rc;
            continue;
        }
        /* Before their place in this chunk, or behind it: then on to the next. */
        if (order > 0 && crm__get_be32(k.p) == UINT32_MAX)
            return CRM_OK;
        crm__put_be32(at, crm__get_be32(k.p) + (order > 0));
        memcpy(at + 4, tail, tail_n);
        n = 4 + tail_n;
    }
}

/* The lists of a kind lie together in each chunk, and so do their spans. */
static int drop_lists(const rebuild *r, uint32_t kind)
{
    uint8_t tail[8] = {0};
    int rc;

    crm__put_be32(tail + 4, kind);
    rc = drop_rows(r, tail, sizeof tail);
    return rc ? rc : drop_rows(r, tail + 4, 4);
}

static int rebuild_event(void *ctx, crm_id id, const crm__event *e)
{
    rebuild *r = ctx;
    const crm__event_kind *kind =
        chosen(r, e->kind) ? crm__model_event_number(r->m, e->kind) : NULL;

    return kind ? crm__event_derive(r->txn, kind, id, e, 1, r->err) : CRM_OK;
}

static int rebuild_lists(rebuild *r)
{
    uint8_t at[CRM__KEY_EVENT_ROW + 1] = {0};
    size_t n = CRM__KEY_U64;
    crm__slice k, v, payload;
    crm__arena a;
    int rc;

    crm__arena_init(&a, r->txn->mem);
    for (;;) {
        kv_cursor *c = crm__txn_cursor(r->txn, KV_EVENT, &rc);
        if (!rc)
            rc = c->ops->seek(c, KV_GE, crm__slice_of(at, n), &k, &v);
        if (!rc)
            rc = k.n <= CRM__KEY_EVENT_ROW ? crm__untag(r->txn->store, KV_EVENT, k, v, &payload)
                                           : CRM_ECORRUPT;
        if (rc)
            break;
        memcpy(at, k.p, k.n);
        at[k.n] = 0;
        n = k.n + 1;
        rc = crm__event_row_each(&a, k, payload, rebuild_event, r);
        if (!rc)
            rc = ease(r);
        if (rc)
            break;
    }
    crm__arena_clear(&a);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__event_rebuild(crm_txn *txn, const crm__model *m, const uint32_t *kinds, uint32_t count,
                       int (*relieve)(void *ctx), void *ctx, crm_error *err)
{
    rebuild r = {txn, m, kinds, count, relieve, ctx, err};
    int any = 0, rc = CRM_OK;

    for (uint32_t i = 0; i < count && !rc; i++) {
        any |= crm__model_event_number(m, kinds[i]) != NULL;
        rc = drop_lists(&r, kinds[i]);
    }
    if (!rc && any)
        rc = rebuild_lists(&r);
    return rc ? crm__txn_fail(txn, rc, "can't rebuild the lists of events", err) : CRM_OK;
}
