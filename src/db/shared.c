/* SPDX-License-Identifier: MIT
 * Identity rows and what customers share by them: see shared.h.
 */
#include "db/shared.h"

#include "bits/column.h"
#include "codec/key.h"
#include "db/edits.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

/* What has become of an id under a token. */
typedef struct id_change {
    uint64_t id;
    uint32_t at; /* of its op */
    uint8_t on, was;
} id_change;

/* A count more or less in a cell. */
typedef struct cell_change {
    uint8_t key[CRM__KEY_COLUMN];
    uint16_t row;
    int32_t more;
} cell_change;

void crm__shared_init(crm__shared *s, const crm_allocator *mem, kv_txn *txn, const uint8_t *tag_key,
                      int totals)
{
    memset(s, 0, sizeof *s);
    s->txn = txn;
    s->tag_key = tag_key;
    s->totals = totals;
    crm__id_edit_init(&s->rows, mem, txn, tag_key);
    crm__buf_init(&s->ids, mem);
    crm__buf_init(&s->changes, mem);
}

void crm__shared_clear(crm__shared *s)
{
    crm__id_edit_clear(&s->rows);
    crm__buf_clear(&s->ids);
    crm__buf_clear(&s->changes);
}

/* ---- rows of a token ---- */

/* The first id of a token that is not below `id`; CRM_ENOTFOUND: none. */
static int id_from(crm__shared *s, crm__slice token_key, uint64_t id, uint64_t *found)
{
    const uint8_t *token = token_key.p + 2;
    crm__id_row row = crm__id_row_of(token, id);
    int rc = crm__id_edit_from(&s->rows, crm__get_be16(token_key.p), &row, &row);

    if (!rc && memcmp(row.byte, token, CRM__TOKEN_SIZE) != 0)
        rc = CRM_ENOTFOUND;
    *found = rc ? 0 : crm__id_row_id(&row);
    return rc;
}

/* The first two ids of a token, and how many of them there are: 2 stands for more, too. */
static int first_two(crm__shared *s, crm__slice token_key, uint64_t id[2], int *n)
{
    int rc = CRM_OK;

    for (*n = 0; !rc && *n < 2;) {
        rc = id_from(s, token_key, *n ? id[0] + 1 : 0, &id[*n]);
        *n += !rc;
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int by_id(const void *a, const void *b)
{
    const id_change *x = a, *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Each id once, with its last op. */
static id_change *last_ops(crm__shared *s, const uint64_t *ops, uint32_t *n)
{
    id_change *c = NULL;
    uint32_t count = 0;

    s->ids.n = 0;
    if (!crm__buf_reserve(&s->ids, *n * sizeof *c))
        return NULL;
    c = (id_change *)(void *)s->ids.p;
    for (uint32_t i = 0; i < *n; i++)
        c[i] = (id_change){ops[i] >> 1, i, (uint8_t)(ops[i] & 1), 0};
    if (*n > 1)
        qsort(c, *n, sizeof *c, by_id);
    for (uint32_t i = 0; i < *n; i++) {
        if (i + 1 == *n || c[i + 1].id != c[i].id)
            c[count++] = c[i];
    }
    *n = count;
    return c;
}

static int write_rows(crm__shared *s, crm__slice token_key, id_change *c, uint32_t n)
{
    int rc = CRM_OK;

    for (uint32_t i = 0; i < n && !rc; i++) {
        crm__id_row row = crm__id_row_of(token_key.p + 2, c[i].id);
        rc = crm__id_edit_set(&s->rows, crm__get_be16(token_key.p), &row, c[i].on, &c[i].was);
    }
    return rc;
}

/* ---- what is shared ---- */

static void note(crm__shared *s, uint32_t column, uint64_t id, int32_t more)
{
    uint32_t row = (uint32_t)(id & 0xffff);
    cell_change c;

    memset(&c, 0, sizeof c);
    crm__key_column(c.key, id >> CRM__CHUNK_SHIFT, column, row / CRM__COLUMN_ROWS);
    c.row = (uint16_t)(row % CRM__COLUMN_ROWS);
    c.more = more;
    crm__buf_add(&s->changes, &c, sizeof c);
}

/* All ids under a token, there being few that the ops did not put there. */
static int note_all(crm__shared *s, crm__slice token_key, uint32_t column, int32_t more)
{
    uint64_t id = 0;
    int rc;

    while ((rc = id_from(s, token_key, id, &id)) == CRM_OK)
        note(s, column, id++, more);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int count_shared(crm__shared *s, crm__slice token_key, const id_change *c, uint32_t n,
                        const uint64_t before[2], int had)
{
    uint32_t field = crm__get_be16(token_key.p), column = CRM__COLUMN_SHARED + field;
    uint64_t after[2] = {0, 0};
    int has, rc = first_two(s, token_key, after, &has);

    if (rc || (had < 2 && has < 2))
        return rc;
    if (had == 2 && (has < 2 || before[0] != after[0]))
        note(s, CRM__COLUMN_SHARED_FIRST + field, before[0], -1);
    if (has == 2 && (had < 2 || before[0] != after[0]))
        note(s, CRM__COLUMN_SHARED_FIRST + field, after[0], 1);
    if (had < 2)
        return note_all(s, token_key, column, 1);
    for (uint32_t i = 0; i < n; i++) {
        if (c[i].was && !c[i].on)
            note(s, column, c[i].id, -1);
        else if (!c[i].was && c[i].on && has == 2)
            note(s, column, c[i].id, 1);
        else if (c[i].was && c[i].on && has < 2)
            note(s, column, c[i].id, -1);
    }
    /* The one that is left alone, when no op is about it. */
    if (has == 1) {
        uint32_t i = 0;
        while (i < n && c[i].id != after[0])
            i++;
        if (i == n)
            note(s, column, after[0], -1);
    }
    return CRM_OK;
}

int crm__shared_apply(crm__shared *s, crm__slice token_key, const uint64_t *ops, uint32_t n,
                      int count)
{
    uint64_t before[2] = {0, 0};
    id_change *c = last_ops(s, ops, &n);
    int had = 0, rc = c ? CRM_OK : CRM_ENOMEM;

    if (!rc && count)
        rc = first_two(s, token_key, before, &had);
    if (!rc)
        rc = write_rows(s, token_key, c, n);
    /* A value that was nobody's and is one customer's now is shared by none. */
    if (!rc && count && (had || n > 1))
        rc = count_shared(s, token_key, c, n, before, had);
    if (!rc && s->changes.failed)
        rc = CRM_ENOMEM;
    return rc;
}

/* ---- columns ---- */

static int by_cell(const void *a, const void *b)
{
    const cell_change *x = a, *y = b;

    return memcmp(x->key, y->key, sizeof x->key);
}

static int64_t number_of(const crm__column_cell *cell)
{
    int64_t number = 0;

    return cell->state == CRM__CELL_NUMBER &&
                   crm__scaled_to(cell->number, cell->scale, 0, &number) && number > 0
               ? number
               : 0;
}

/* How a chunk's total changes. */
typedef struct total_change {
    int64_t customers, sum;
} total_change;

static void change_cell(crm__column_cell *cell, int32_t more, total_change *total)
{
    int64_t before = number_of(cell), number = before + more;

    /* Below one only when rows were damaged: check tells. */
    *cell = number > 0 ? (crm__column_cell){CRM__CELL_NUMBER, 0, number}
                       : (crm__column_cell){CRM__CELL_NONE, 0, 0};
    number = number > 0 ? number : 0;
    total->sum += number - before;
    total->customers += (number > 0) - (before > 0);
}

static int change_block(crm__shared *s, const cell_change *c, size_t n, total_change *total,
                        crm__buf *scratch)
{
    crm__column_cell cells[CRM__COLUMN_ROWS] = {{0, 0, 0}};
    crm__slice key = crm__slice_of(c->key, sizeof c->key), stored = {NULL, 0};
    crm__column column;
    int rc = s->txn->ops->get(s->txn, KV_COLUMN, key, &stored);

    if (!rc && stored.n < CRM__TAG_SIZE)
        return CRM_ECORRUPT;
    if (!rc)
        rc = crm__column_open(crm__slice_of(stored.p, stored.n - CRM__TAG_SIZE), &column);
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    if (!rc)
        crm__column_cells(&column, cells);
    for (size_t i = 0; i < n; i++)
        change_cell(&cells[c[i].row], c[i].more, total);
    scratch->n = 0;
    crm__column_store(cells, scratch);
    return crm__edits_replace(s->txn, s->tag_key, KV_COLUMN, key, stored, scratch);
}

/* ---- totals ---- */

void crm__shared_total_put(const crm__shared_total *t, crm__buf *out)
{
    if (!t->customers)
        return;
    crm__buf_add_varint(out, t->customers);
    crm__buf_add_varint(out, t->sum);
}

int crm__shared_total_get(crm__slice payload, crm__shared_total *t)
{
    crm__reader r = crm__reader_of(payload.p, payload.n);

    t->customers = crm__read_varint(&r);
    t->sum = crm__read_varint(&r);
    return r.failed || crm__reader_left(&r) || !t->customers || t->customers > CRM__CHUNK_ROWS ||
                   t->sum < t->customers
               ? CRM_ECORRUPT
               : CRM_OK;
}

static int change_total(crm__shared *s, const uint8_t *block, const total_change *more,
                        crm__buf *scratch)
{
    uint8_t key[CRM__KEY_COLUMN_TOTAL];
    crm__slice k = crm__key_column_total(key, crm__get_be32(block + 4), crm__get_be32(block));
    crm__slice stored = {NULL, 0};
    crm__shared_total t = {0, 0};
    int rc;

    if (!s->totals || (!more->customers && !more->sum))
        return CRM_OK;
    rc = s->txn->ops->get(s->txn, KV_COLUMN, k, &stored);
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    if (!rc && (stored.n < CRM__TAG_SIZE ||
                crm__shared_total_get(crm__slice_of(stored.p, stored.n - CRM__TAG_SIZE), &t)))
        return CRM_ECORRUPT;
    t.customers += (uint64_t)more->customers;
    t.sum += (uint64_t)more->sum;
    if (t.customers > CRM__CHUNK_ROWS || t.sum < t.customers || (!t.customers && t.sum))
        return CRM_ECORRUPT;
    scratch->n = 0;
    crm__shared_total_put(&t, scratch);
    return crm__edits_replace(s->txn, s->tag_key, KV_COLUMN, k, stored, scratch);
}

int crm__shared_end(crm__shared *s, crm__buf *scratch)
{
    cell_change *c = (cell_change *)(void *)s->changes.p;
    size_t n = s->changes.n / sizeof *c;
    total_change total = {0, 0};
    int rc = crm__id_edit_flush(&s->rows);

    if (n > 1)
        qsort(c, n, sizeof *c, by_cell);
    for (size_t i = 0, k; i < n && !rc; i = k) {
        for (k = i + 1; k < n && !by_cell(&c[i], &c[k]);)
            k++;
        rc = change_block(s, &c[i], k - i, &total, scratch);
        if (rc || (k < n && !memcmp(c[k].key, c[i].key, CRM__KEY_COLUMN - 1)))
            continue;
        rc = change_total(s, c[i].key, &total, scratch);
        total = (total_change){0, 0};
    }
    return rc;
}
