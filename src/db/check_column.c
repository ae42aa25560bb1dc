/* SPDX-License-Identifier: MIT
 * Columns against the records: the blocks of 960 customers are made of their records, in the one
 * form that their cells have, and compared with the stored ones byte by byte; then the stored rows
 * are walked for those that should not be there.
 */
#include "db/block_cells.h"
#include "db/check.h"
#include "db/shared.h"

#include <string.h>

enum { PIECES = CRM__COLUMN_BLOCKS };

struct crm__check_columns {
    crm__check *c;
    crm__block_cells cells;
    uint64_t piece; /* chunk * PIECES + block, of the records given now */
    int begun;
    crm__buf want;
    crm__column_cell have[CRM__COLUMN_ROWS];
    /* Totals of shared values: what the blocks come to, and the rows. */
    crm__sum totals[2];
    crm__shared_total total;     /* of the blocks met last */
    uint32_t of_chunk, of_field; /* which these are of */
    int unsure;                  /* a block can't be read */
};

static uint64_t piece_of(crm_id id)
{
    return (id >> CRM__CHUNK_SHIFT) * PIECES + (id & 0xffff) / CRM__COLUMN_ROWS;
}

static crm_id first_of(uint64_t piece)
{
    return (piece / PIECES << CRM__CHUNK_SHIFT) + piece % PIECES * CRM__COLUMN_ROWS;
}

static const char *column_name(const crm__check *c, uint32_t field)
{
    const crm__field *f = crm__model_number(c->model, field);

    return field == CRM__COLUMN_CREATED ? "created_at" : f ? f->key : "removed field";
}

crm__check_columns *crm__check_columns_new(crm__check *c)
{
    crm__check_columns *w = crm__calloc(&c->mem, 1, sizeof *w);

    if (!w)
        return NULL;
    w->c = c;
    crm__buf_init(&w->want, &c->mem);
    if (crm__block_cells_init(&w->cells, &c->mem, c->model)) {
        crm__release(&c->mem, w);
        return NULL;
    }
    return w;
}

void crm__check_columns_free(crm__check_columns *w)
{
    if (!w)
        return;
    crm__block_cells_clear(&w->cells);
    crm__buf_clear(&w->want);
    crm__release(&w->c->mem, w);
}

/* ---- the blocks that are to be ---- */

/* The first row in which two blocks say something else; 0 when one of them can't be told. */
static uint32_t first_difference(crm__check_columns *w, const crm__block_column *want,
                                 crm__slice have)
{
    crm__column c;

    memset(w->have, 0, sizeof w->have);
    if (have.n && crm__column_open(have, &c))
        return 0;
    if (have.n)
        crm__column_cells(&c, w->have);
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++) {
        static const crm__column_cell NONE = {CRM__CELL_NONE, 0, 0};
        const crm__column_cell *a = want->rows ? &want->cells[i] : &NONE, *b = &w->have[i];
        if (a->state != b->state ||
            (a->state && crm__scaled_compare(a->number, a->scale, b->number, b->scale)))
            return i;
    }
    return 0;
}

static int compare(crm__check_columns *w, const crm__block_column *want)
{
    crm__check *c = w->c;
    uint8_t key[CRM__KEY_COLUMN];
    crm__slice k = crm__key_column(key, w->piece / PIECES, want->field,
                                   (uint32_t)(w->piece % PIECES)),
               have = {NULL, 0};
    int rc = crm__txn_read(c->txn, KV_COLUMN, k, &have);

    if (rc == CRM_ENOMEM || rc == CRM_EIO)
        return rc;
    w->want.n = 0;
    crm__block_cells_store(want, &w->want);
    if (w->want.failed)
        return CRM_ENOMEM;
    if (rc && rc != CRM_ENOTFOUND)
        crm__check_fault(c, "column", first_of(w->piece), -1,
                         "a block of the column of %s is damaged", column_name(c, want->field));
    else if (crm__slice_compare(have, crm__slice_of(w->want.p, w->want.n)) != 0)
        crm__check_fault(c, "column", first_of(w->piece) + first_difference(w, want, have), -1,
                         "the column of %s is not what the record says",
                         column_name(c, want->field));
    return CRM_OK;
}

int crm__check_columns_end(crm__check_columns *w)
{
    int rc = CRM_OK;

    for (size_t i = 0; w->begun && i < w->cells.count && !rc; i++)
        rc = compare(w, &w->cells.of[i]);
    crm__block_cells_reset(&w->cells);
    w->begun = 0;
    return rc;
}

int crm__check_columns_row(crm__check_columns *w, crm_id id)
{
    int rc = w->begun && w->piece != piece_of(id) ? crm__check_columns_end(w) : CRM_OK;

    w->piece = piece_of(id);
    w->begun = 1;
    return rc;
}

int crm__check_columns_put(crm__check_columns *w, const crm__derived *cell)
{
    return crm__block_cells_put(&w->cells, crm__get_be32(cell->key.p + 4), (uint32_t)cell->member,
                                &cell->cell);
}

/* ---- the blocks that are ---- */

/* Whether there is any customer in the piece: then its blocks were compared. */
static int has_customers(crm__check *c, uint64_t piece, int *has)
{
    uint8_t key[CRM__KEY_U64];
    crm__slice k, v;
    kv_cursor *cursor;
    int rc = c->txn->kv->ops->cursor(c->txn->kv, KV_CUSTOMER, &cursor);

    *has = 1;
    if (rc)
        return rc;
    rc = cursor->ops->seek(cursor, KV_GE, crm__key_u64(key, first_of(piece)), &k, &v);
    if (rc == CRM_ENOTFOUND ||
        (!rc && k.n == CRM__KEY_U64 && piece_of(crm__get_be64(k.p)) != piece))
        *has = 0;
    cursor->ops->cursor_close(cursor);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

void crm__check_shared(crm__check *c, int stored, uint32_t column, crm_id id, uint64_t times)
{
    crm__sum one = {0, 0, 0}, *s = &c->shared[stored];
    uint8_t item[12];

    crm__put_be32(item, column);
    crm__put_be64(item + 4, id);
    crm__sum_add(&one, c->seed, item, sizeof item, 1);
    s->a += one.a * times;
    s->b += one.b * times;
    s->count += times;
}

static void sum_total(crm__check_columns *w, int stored, uint32_t field, uint32_t chunk,
                      const crm__shared_total *t)
{
    uint8_t item[CRM__KEY_COLUMN_TOTAL + 16];

    crm__key_column_total(item, field, chunk);
    crm__put_be64(item + CRM__KEY_COLUMN_TOTAL, t->customers);
    crm__put_be64(item + CRM__KEY_COLUMN_TOTAL + 8, t->sum);
    crm__sum_add(&w->totals[stored], w->c->seed, item, sizeof item, 1);
}

/* The blocks of another chunk or column come, or none more. */
static void end_total(crm__check_columns *w)
{
    if (w->total.customers)
        sum_total(w, 0, w->of_field, w->of_chunk, &w->total);
    w->total = (crm__shared_total){0, 0};
}

static int total_row(crm__check_columns *w, crm__slice k, crm__slice v)
{
    uint32_t field = crm__get_be32(k.p + 4);
    crm__shared_total t;
    crm__slice payload;

    if (!w->c->store.totals)
        crm__check_fault(w->c, "column", 0, -1, "a row has a key of another form");
    else if (crm__untag(&w->c->store, KV_COLUMN, k, v, &payload) ||
             crm__shared_total_get(payload, &t))
        crm__check_fault(w->c, "column", 0, -1, "the total of shared values of %s is damaged",
                         column_name(w->c, field & 0xffff));
    else
        sum_total(w, 1, field, crm__get_be32(k.p + 8), &t);
    return CRM_OK;
}

static void compare_totals(crm__check_columns *w)
{
    end_total(w);
    if (w->c->store.totals && !w->unsure &&
        memcmp(&w->totals[0], &w->totals[1], sizeof w->totals[0]) != 0)
        crm__check_fault(w->c, "column", 0, -1,
                         "the totals of shared values are not what their blocks come to");
}

/* A block of what customers share, whose counts are compared as a sum: how many identity rows there
 * are for a value is seen in their order, not in that of customers. */
static int shared_block(crm__check_columns *w, crm__slice k, crm__slice v)
{
    crm__check *c = w->c;
    uint32_t field = crm__get_be32(k.p + 4);
    crm_id first =
        ((crm_id)crm__get_be32(k.p) << CRM__CHUNK_SHIFT) + (crm_id)k.p[8] * CRM__COLUMN_ROWS;
    crm__column column;
    crm__slice payload;

    if (crm__untag(&c->store, KV_COLUMN, k, v, &payload) || crm__column_open(payload, &column)) {
        crm__check_fault(c, "column", first, -1, "a block of shared values of %s is damaged",
                         column_name(c, field & 0xffff));
        w->unsure = 1;
        return CRM_OK;
    }
    if (w->of_chunk != crm__get_be32(k.p) || w->of_field != field)
        end_total(w);
    w->of_chunk = crm__get_be32(k.p);
    w->of_field = field;
    crm__column_cells(&column, w->have);
    w->want.n = 0;
    crm__column_store(w->have, &w->want);
    if (w->want.failed)
        return CRM_ENOMEM;
    /* A code that means nothing is damage too. */
    if (crm__slice_compare(crm__slice_of(w->want.p, w->want.n), payload) != 0)
        crm__check_fault(c, "column", first, -1, "a block of shared values of %s is damaged",
                         column_name(c, field & 0xffff));
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++) {
        int64_t times = 0;
        if (w->have[i].state && crm__scaled_to(w->have[i].number, w->have[i].scale, 0, &times) &&
            times > 0) {
            crm__check_shared(c, 1, field, first + i, (uint64_t)times);
            w->total.customers++;
            w->total.sum += (uint64_t)times;
        } else if (w->have[i].state)
            crm__check_shared(c, 1, UINT32_MAX, first + i, 1); /* no count: differs from any */
    }
    return CRM_OK;
}

static int stored_row(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    crm__check_columns *w = ctx;
    uint32_t field, block;
    int has, rc;

    if (crm__key_is_column_total(k))
        return total_row(w, k, v);
    if (k.n != CRM__KEY_COLUMN || k.p[8] >= PIECES) {
        crm__check_fault(c, "column", 0, -1, "a row has a key of another form");
        return CRM_OK;
    }
    field = crm__get_be32(k.p + 4);
    block = k.p[8];
    if (crm__field_shared_column(c->model, field))
        return shared_block(w, k, v);
    if (field & CRM__COLUMN_UNTIL) {
        c->end_blocks--; /* those that there are to be were compared with the tags */
        return CRM_OK;
    }
    if (!crm__block_cells_has(&w->cells, field)) {
        crm__check_fault(c, "column", 0, -1, "a column of %s, which has none",
                         column_name(c, field));
        return CRM_OK;
    }
    rc = has_customers(c, (uint64_t)crm__get_be32(k.p) * PIECES + block, &has);
    if (!rc && !has)
        crm__check_fault(c, "column", 0, -1, "a block of the column of %s is of no customer",
                         column_name(c, field));
    return rc == CRM_ECORRUPT ? CRM_OK : rc;
}

int crm__check_columns_stored(crm__check_columns *w)
{
    int rc = crm__check_rows(w->c, KV_COLUMN, stored_row, w);

    if (!rc)
        compare_totals(w);
    if (!rc && (int64_t)w->c->end_blocks < 0 && !w->c->end_unsure) {
        crm__check_fault(w->c, "column", 0, -1, "there are ends of tags that nobody has");
        crm__check_mendable(w->c, KV_TAG);
    }
    return rc;
}
