/* SPDX-License-Identifier: MIT
 * Repair of the columns of shared values (shared.h): counted anew from the identity rows, field by
 * field, for the customers of a few chunks at a time.
 */
#include "bits/column.h"
#include "db/identity.h"
#include "db/repair.h"
#include "db/shared.h"

#include <string.h>

enum { CHUNKS = 16, IDS = CHUNKS * CRM__CHUNK_ROWS };
enum { SHARED, FIRST, COLUMNS };

typedef struct shared_work {
    crm__repair *r;
    uint32_t field;           /* at hand */
    uint64_t chunk;           /* the first at hand */
    uint16_t *count[COLUMNS]; /* of each id at hand */
    crm__buf out;
} shared_work;

static void count_id(shared_work *w, int column, crm_id id)
{
    crm_id first = w->chunk << CRM__CHUNK_SHIFT;

    /* A record has no more values in a field than fit, but rows may be damaged. */
    if (id >= first && id - first < IDS && w->count[column][id - first] < UINT16_MAX)
        w->count[column][id - first]++;
}

/* The identity rows of the field. */
static int count_rows(shared_work *w)
{
    crm_txn *txn = w->r->txn;
    crm__id_walk at = {.tag_key = txn->store->tag_key};
    crm__id_row row = {{0}};
    crm_id first = 0;
    int same = 0, rc;

    at.cursor = crm__txn_cursor(txn, KV_IDENTITY, &rc);
    if (!rc)
        rc = crm__id_seek(&at, w->field, &row);
    for (; !rc && at.field == w->field; rc = crm__id_next(&at)) {
        crm_id id = crm__id_row_id(&at.row);
        same = first && memcmp(row.byte, at.row.byte, CRM__TOKEN_SIZE) == 0 ? same + 1 : 0;
        if (same == 1) {
            count_id(w, SHARED, first);
            count_id(w, FIRST, first);
        }
        if (same)
            count_id(w, SHARED, id);
        else
            first = id;
        row = at.row;
        rc = crm__repair_work(w->r, 1);
        if (rc)
            return rc;
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* A row of columns, when another one is stored; nothing in w->out: it is not to be. */
static int put_row(shared_work *w, crm__slice k)
{
    crm__slice stored = {NULL, 0};
    int rc = crm__txn_read(w->r->txn, KV_COLUMN, k, &stored), damaged = rc == CRM_ECORRUPT;

    if (rc && rc != CRM_ENOTFOUND && !damaged)
        return rc;
    if (w->out.failed)
        return CRM_ENOMEM;
    if (!damaged && crm__slice_compare(stored, crm__slice_of(w->out.p, w->out.n)) == 0)
        return CRM_OK;
    if (!w->out.n)
        return crm__edits_del(&w->r->txn->edits, KV_COLUMN, k);
    return crm__edits_put(&w->r->txn->edits, KV_COLUMN, k, crm__slice_of(w->out.p, w->out.n), 0);
}

static int put_block(shared_work *w, uint32_t column, uint64_t chunk, uint32_t block,
                     const uint16_t *counts, uint32_t rows)
{
    crm__column_cell cells[CRM__COLUMN_ROWS] = {{0, 0, 0}};
    uint8_t key[CRM__KEY_COLUMN];

    for (uint32_t i = 0; i < rows; i++) {
        if (counts[i])
            cells[i] = (crm__column_cell){CRM__CELL_NUMBER, 0, counts[i]};
    }
    w->out.n = 0;
    crm__column_store(cells, &w->out);
    return put_row(w, crm__key_column(key, chunk, column, block));
}

static int put_total(shared_work *w, uint32_t column, uint64_t chunk, const uint16_t *counts)
{
    uint8_t key[CRM__KEY_COLUMN_TOTAL];
    crm__shared_total t = {0, 0};

    for (uint32_t i = 0; i < CRM__CHUNK_ROWS; i++) {
        t.customers += counts[i] > 0;
        t.sum += counts[i];
    }
    w->out.n = 0;
    crm__shared_total_put(&t, &w->out);
    return put_row(w, crm__key_column_total(key, column, chunk));
}

static int put_blocks(shared_work *w)
{
    static const uint32_t COLUMN[COLUMNS] = {CRM__COLUMN_SHARED, CRM__COLUMN_SHARED_FIRST};
    int totals = w->r->txn->store->totals, rc = CRM_OK;

    for (uint32_t i = 0; i < CHUNKS * CRM__COLUMN_BLOCKS && !rc; i++) {
        uint32_t chunk = i / CRM__COLUMN_BLOCKS, block = i % CRM__COLUMN_BLOCKS;
        uint32_t at = chunk * CRM__CHUNK_ROWS + block * CRM__COLUMN_ROWS;
        uint32_t rows = block + 1 < CRM__COLUMN_BLOCKS ? CRM__COLUMN_ROWS : CRM__COLUMN_LAST_ROWS;
        if ((w->chunk << CRM__CHUNK_SHIFT) + at >= w->r->next_id)
            break;
        for (int c = 0; c < COLUMNS && !rc; c++)
            rc =
                put_block(w, COLUMN[c] + w->field, w->chunk + chunk, block, w->count[c] + at, rows);
    }
    for (uint32_t i = 0; i < CHUNKS && totals && !rc; i++) {
        if ((w->chunk + i) << CRM__CHUNK_SHIFT >= w->r->next_id)
            break;
        for (int c = 0; c < COLUMNS && !rc; c++)
            rc = put_total(w, COLUMN[c] + w->field, w->chunk + i,
                           w->count[c] + i * CRM__CHUNK_ROWS);
    }
    return rc;
}

/* The least number above `field` of a field whose values are counted; 0: none. */
static uint32_t next_field(const crm__model *m, uint32_t field)
{
    uint32_t next = 0;

    for (size_t i = 0; i < crm__model_count(m); i++) {
        const crm__field *f = crm__model_at(m, i);
        if (crm__field_indexed(f) && crm__field_counts(f) && f->number > field &&
            (!next || f->number < next))
            next = f->number;
    }
    return next;
}

static int step(crm__repair *r, void *ctx, int *more)
{
    shared_work *w = ctx;
    int rc;

    w->r = r;
    if (w->chunk << CRM__CHUNK_SHIFT >= r->next_id || !w->field) {
        w->field = next_field(r->model, w->field);
        w->chunk = 0;
    }
    if (!w->field)
        return CRM_OK;
    for (int c = 0; c < COLUMNS; c++)
        memset(w->count[c], 0, IDS * sizeof *w->count[c]);
    rc = count_rows(w);
    if (!rc)
        rc = put_blocks(w);
    w->chunk += CHUNKS;
    *more = 1;
    return rc;
}

int crm__repair_shared(crm__repair *r)
{
    shared_work w = {.r = r};
    int rc = CRM_OK;

    crm__buf_init(&w.out, r->mem);
    for (int c = 0; c < COLUMNS && !rc; c++) {
        w.count[c] = crm__alloc(r->mem, IDS * sizeof *w.count[c]);
        if (!w.count[c])
            rc = crm__fail_nomem(r->err);
    }
    if (!rc)
        rc = crm__repair_steps(r, step, &w);
    for (int c = 0; c < COLUMNS; c++)
        crm__release(r->mem, w.count[c]);
    crm__buf_clear(&w.out);
    return rc;
}
