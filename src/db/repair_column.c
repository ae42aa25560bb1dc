/* SPDX-License-Identifier: MIT
 * Repair of the columns.  The blocks of 960 customers are made of their records, and the stored
 * ones that differ are replaced; cells of customers whose record can't be read stay as they are
 * stored. Then rows of columns the model does not have, and of no customer, go.
 */
#include "db/block_cells.h"
#include "db/repair.h"

#include <string.h>

typedef struct column_work {
    crm__repair *r;
    crm__block_cells cells;
    crm_id next; /* first of the piece at hand */
    uint8_t unread[CRM__COLUMN_ROWS];
    int any_unread;
    crm__column_cell have[CRM__COLUMN_ROWS];
    crm__record record;
    crm__buf scratch, out;
    crm__repair_at at; /* stored rows judged */
} column_work;

/* ---- what the records say ---- */

static int add_cell(void *ctx, const crm__derived *item)
{
    column_work *w = ctx;

    if (item->what != CRM__DERIVED_CELL)
        return CRM_OK;
    return crm__block_cells_put(&w->cells, crm__get_be32(item->key.p + 4), (uint32_t)item->member,
                                &item->cell);
}

/* The last id of the piece, and one more. */
static crm_id end_of(crm_id id)
{
    crm_id chunk = id & ~(crm_id)0xffff, end = (id & 0xffff) / CRM__COLUMN_ROWS + 1;

    end *= CRM__COLUMN_ROWS;
    return chunk + (end < CRM__CHUNK_ROWS ? end : CRM__CHUNK_ROWS);
}

static int add_record(column_work *w, crm_id id)
{
    crm__repair *r = w->r;
    uint8_t key[CRM__KEY_U64];
    crm__slice payload;
    int rc = crm__txn_read(r->txn, KV_CUSTOMER, crm__key_u64(key, id), &payload);

    if (!rc)
        rc = crm__record_decode(r->mem, payload, &w->record);
    if (!rc)
        rc = crm__derive(r->txn, r->model, id, &w->record, 0, 0, &w->scratch, add_cell, w);
    if (rc == CRM_ECORRUPT || rc == CRM_ENOTFOUND) {
        w->unread[(id & 0xffff) % CRM__COLUMN_ROWS] = 1;
        w->any_unread = 1;
        rc = CRM_OK;
    }
    return rc ? rc : crm__repair_work(r, 1);
}

/* ---- against what is stored ---- */

/* The cells of customers that can't be asked, from the stored block. */
static int keep_unread(column_work *w, crm__block_column *c, crm__slice stored)
{
    crm__column column;
    int rc = CRM_OK;

    if (!w->any_unread || !stored.n || crm__column_open(stored, &column))
        return CRM_OK;
    crm__column_cells(&column, w->have);
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS && !rc; i++) {
        if (w->unread[i] && w->have[i].state)
            rc = crm__block_cells_put(&w->cells, c->field, i, &w->have[i]);
    }
    return rc;
}

static int compare(column_work *w, crm_id first, crm__block_column *c)
{
    crm_txn *txn = w->r->txn;
    uint8_t key[CRM__KEY_COLUMN];
    crm__slice k = crm__key_column(key, first >> CRM__CHUNK_SHIFT, c->field,
                                   (uint32_t)(first & 0xffff) / CRM__COLUMN_ROWS),
               stored = {NULL, 0};
    int rc = crm__txn_read(txn, KV_COLUMN, k, &stored), damaged = rc == CRM_ECORRUPT;

    if (rc && rc != CRM_ENOTFOUND && !damaged)
        return rc;
    if (damaged)
        stored = crm__slice_of(NULL, 0);
    rc = keep_unread(w, c, stored);
    w->out.n = 0;
    crm__block_cells_store(c, &w->out);
    if (rc || w->out.failed)
        return rc ? rc : CRM_ENOMEM;
    if (!damaged && crm__slice_compare(stored, crm__slice_of(w->out.p, w->out.n)) == 0)
        return CRM_OK;
    if (!w->out.n)
        return crm__edits_del(&txn->edits, KV_COLUMN, k);
    return crm__edits_put(&txn->edits, KV_COLUMN, k, crm__slice_of(w->out.p, w->out.n), 0);
}

/* Pieces up to enough for one transaction. */
static int put_blocks(crm__repair *r, void *ctx, int *more)
{
    column_work *w = ctx;
    uint64_t done = 0;
    int rc = CRM_OK;

    w->r = r;
    while (!rc && w->next < r->next_id) {
        crm_id first = w->next, end = end_of(first);
        if (done >= CRM__REPAIR_ROWS || crm__repair_full(r)) {
            *more = 1;
            return CRM_OK;
        }
        crm__block_cells_reset(&w->cells);
        memset(w->unread, 0, sizeof w->unread);
        w->any_unread = 0;
        for (crm_id id = first ? first : 1; id < end && id < r->next_id && !rc; id++, done++)
            rc = add_record(w, id);
        for (size_t i = 0; i < w->cells.count && !rc; i++)
            rc = compare(w, first, &w->cells.of[i]);
        w->next = end;
    }
    return rc;
}

/* ---- rows that are not to be ---- */

/* Ends of a tag that somebody has in the chunk; which ones they are, repair_tag.c sees to. */
static int is_of_tag(const column_work *w, crm__slice k)
{
    kv_txn *kv = w->r->txn->kv;
    uint8_t key[CRM__KEY_TAG];
    crm__slice v;

    return k.p[8] < CRM__COLUMN_BLOCKS &&
           kv->ops->get(
               kv, KV_TAG,
               crm__key_tag(key, crm__get_be32(k.p), crm__get_be32(k.p + 4) & ~CRM__COLUMN_UNTIL),
               &v) == CRM_OK;
}

static int is_wanted(const column_work *w, crm__slice k)
{
    uint32_t field = k.n == CRM__KEY_COLUMN ? crm__get_be32(k.p + 4) : 0;

    if (crm__key_is_column_total(k)) /* repair_shared.c sees to what they say */
        return w->r->txn->store->totals &&
               crm__field_shared_column(w->r->model, crm__get_be32(k.p + 4)) &&
               (crm_id)crm__get_be32(k.p + 8) << CRM__CHUNK_SHIFT < w->r->next_id;
    if (field & CRM__COLUMN_UNTIL)
        return is_of_tag(w, k);

    return k.n == CRM__KEY_COLUMN && k.p[8] < CRM__COLUMN_BLOCKS &&
           (crm__block_cells_has(&w->cells, field) ||
            crm__field_shared_column(w->r->model, field)) &&
           ((crm_id)crm__get_be32(k.p) << CRM__CHUNK_SHIFT) + (crm_id)k.p[8] * CRM__COLUMN_ROWS <
               w->r->next_id;
}

static int drop_rows(crm__repair *r, void *ctx, int *more)
{
    column_work *w = ctx;
    crm__slice k, v;
    kv_cursor *c;
    int rc = crm__repair_behind(r, KV_COLUMN, &w->at, &c, &k, &v);

    w->r = r;
    for (uint32_t n = 0; !rc; n++) {
        if (n == CRM__REPAIR_ROWS || crm__repair_full(r)) {
            *more = 1;
            return CRM_OK;
        }
        crm__repair_note(&w->at, k);
        if (!is_wanted(w, k))
            rc = crm__edits_del(&r->txn->edits, KV_COLUMN, k);
        if (!rc)
            rc = crm__repair_work(r, 1);
        if (!rc)
            rc = c->ops->next(c, &k, &v);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* Between two steps another writer may have changed the model. */
static int take_model(column_work *w, crm__repair *r)
{
    crm__block_cells_clear(&w->cells);
    return crm__block_cells_init(&w->cells, r->mem, r->model);
}

static int put_step(crm__repair *r, void *ctx, int *more)
{
    int rc = take_model(ctx, r);

    return rc ? rc : put_blocks(r, ctx, more);
}

static int drop_step(crm__repair *r, void *ctx, int *more)
{
    int rc = take_model(ctx, r);

    return rc ? rc : drop_rows(r, ctx, more);
}

int crm__repair_columns(crm__repair *r)
{
    column_work *w = crm__calloc(r->mem, 1, sizeof *w);
    int rc;

    if (!w)
        return crm__fail_nomem(r->err);
    crm__buf_init(&w->scratch, r->mem);
    crm__buf_init(&w->out, r->mem);
    rc = crm__repair_steps(r, put_step, w);
    if (!rc)
        rc = crm__repair_steps(r, drop_step, w);
    crm__block_cells_clear(&w->cells);
    crm__record_clear(r->mem, &w->record);
    crm__buf_clear(&w->scratch);
    crm__buf_clear(&w->out);
    crm__release(r->mem, w);
    return rc;
}
