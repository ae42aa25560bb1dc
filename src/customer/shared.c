/* SPDX-License-Identifier: MIT
 * How many customers share a value of an identity: the first question about duplicates.
 */
#include "customer/customer.h"
#include "db/index.h"
#include "db/shared.h"

#include <string.h>

typedef struct tally {
    uint64_t rows, sum; /* with a number above 0, and of those numbers */
} tally;

/* The head of a block tells how many rows have a number, and where these are all the same, what they
 * come to: its codes are not looked at then. */
static int add_head(const crm__column *c, tally *t)
{
    int64_t number;

    if (c->min <= 0 || c->min != c->max || c->wide ||
        !crm__scaled_to(c->min, c->scale, 0, &number))
        return 0;
    t->rows += c->rows;
    t->sum += c->rows * (uint64_t)number;
    return 1;
}

static void add_block(const crm__column *c, tally *t)
{
    static const crm__limits ABOVE_ZERO = {1, 0, 0, 0, CRM__LIMIT_LO};
    uint64_t words[CRM__COLUMN_WORDS];

    if (add_head(c, t))
        return;
    crm__column_range(c, &ABOVE_ZERO, words);
    for (uint32_t w = 0; w < CRM__COLUMN_WORDS; w++) {
        for (uint64_t left = words[w]; left; left &= left - 1) {
            crm__column_cell cell;
            int64_t number = 0;
            crm__column_get(c, w * 64 + (uint32_t)__builtin_ctzll(left), &cell);
            t->rows++;
            if (crm__scaled_to(cell.number, cell.scale, 0, &number))
                t->sum += (uint64_t)number; /* tens may stand at another scale */
        }
    }
}

/* In a write transaction edits may wait above the blocks. */
static int add_edited(crm_txn *txn, uint64_t chunks, uint32_t column, tally *t)
{
    crm__buf room;
    int rc = CRM_OK;

    crm__buf_init(&room, txn->mem);
    for (uint64_t i = 0; i < chunks * CRM__COLUMN_BLOCKS && !rc; i++) {
        uint8_t key[CRM__KEY_COLUMN];
        crm__column c;
        rc = crm__txn_column(txn,
                             crm__key_column(key, i / CRM__COLUMN_BLOCKS, column,
                                             (uint32_t)(i % CRM__COLUMN_BLOCKS)),
                             &room, &c);
        if (!rc)
            add_block(&c, t);
        rc = rc == CRM_ENOTFOUND ? CRM_OK : rc;
    }
    crm__buf_clear(&room);
    return rc;
}

/* The blocks of one chunk stand one behind another. */
static int add_chunk(kv_cursor *cursor, uint64_t chunk, uint32_t column, tally *t)
{
    uint8_t key[CRM__KEY_COLUMN];
    crm__slice k, v;
    int rc = cursor->ops->seek(cursor, KV_GE, crm__key_column(key, chunk, column, 0), &k, &v);

    for (; !rc; rc = cursor->ops->next(cursor, &k, &v)) {
        crm__column c;
        if (k.n != CRM__KEY_COLUMN || memcmp(k.p, key, CRM__KEY_COLUMN - 1) != 0)
            return CRM_OK;
        if (v.n < CRM__TAG_SIZE || k.p[CRM__KEY_COLUMN - 1] >= CRM__COLUMN_BLOCKS)
            return CRM_ECORRUPT;
        rc = crm__column_open(crm__slice_of(v.p, v.n - CRM__TAG_SIZE), &c);
        if (rc)
            return rc;
        add_block(&c, t);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* Where totals are kept, those of all chunks are neighbours. */
static int add_totals(crm_txn *txn, uint32_t column, tally *t)
{
    uint8_t key[CRM__KEY_COLUMN_TOTAL];
    crm__slice k, v;
    int rc;
    kv_cursor *cursor = crm__txn_cursor(txn, KV_COLUMN, &rc);

    if (!rc)
        rc = cursor->ops->seek(cursor, KV_GE, crm__key_column_total(key, column, 0), &k, &v);
    for (; !rc; rc = cursor->ops->next(cursor, &k, &v)) {
        crm__shared_total one;
        if (!crm__key_is_column_total(k) || memcmp(k.p, key, 8) != 0)
            return CRM_OK;
        if (v.n < CRM__TAG_SIZE ||
            crm__shared_total_get(crm__slice_of(v.p, v.n - CRM__TAG_SIZE), &one))
            return CRM_ECORRUPT;
        t->rows += one.customers;
        t->sum += one.sum;
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int add_column(crm_txn *txn, uint32_t column, tally *t)
{
    uint64_t chunks = (txn->state.counters.next_id + CRM__CHUNK_ROWS - 1) >> CRM__CHUNK_SHIFT;
    kv_cursor *cursor;
    int rc;

    if (txn->store->totals)
        return add_totals(txn, column, t);
    if (txn->write)
        return add_edited(txn, chunks, column, t);
    cursor = crm__txn_cursor(txn, KV_COLUMN, &rc);
    for (uint64_t c = 0; c < chunks && !rc; c++)
        rc = add_chunk(cursor, c, column, t);
    return rc;
}

int crm_customer_shared(crm_txn *txn, const crm_field *field, uint64_t *customers, uint64_t *values,
                        crm_error *err)
{
    tally who = {0, 0}, which = {0, 0};
    uint32_t shared, first;
    const crm__model *m;
    const crm__field *f;
    int rc = crm__txn_enter(txn, 0, err);

    if (!rc && (!field || !customers || !values))
        rc = crm__fail_field(err, CRM_EINVAL, "field", "an argument is NULL");
    if (!rc)
        rc = crm__txn_model(txn, &m, err);
    if (!rc)
        rc = crm__state_read(txn, err);
    if (rc)
        return rc;
    f = crm__model_number(m, field->number);
    if (!f || strcmp(f->key, field->key) != 0)
        return crm__fail_field(err, CRM_EFIELD, "field", "the model has no such field");
    rc = crm__index_shared(txn, f, &shared, &first, err);
    if (rc == CRM_EINVAL)
        return crm__fail_field(err, CRM_EFIELD, f->key, "%s: customers are not found by it",
                               f->key);
    if (rc)
        return rc;
    rc = add_column(txn, shared, &who);
    if (!rc)
        rc = add_column(txn, first, &which);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read what customers share", err);
    *customers = who.rows;
    *values = which.sum;
    return CRM_OK;
}
