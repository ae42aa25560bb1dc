/* SPDX-License-Identifier: MIT
 * Gaps between the numbers of columns: see due.h.
 */
#include "db/due.h"

#include "db/live.h"
#include "db/scan.h"

#include <string.h>

enum { KEY = 8, HEAD = 8, GAP = 24 };

static crm__slice key_of(uint8_t key[KEY], uint64_t chunk, uint32_t column)
{
    crm__put_be32(key, (uint32_t)chunk);
    crm__put_be32(key + 4, column);
    return crm__slice_of(key, KEY);
}

int crm__due_decode(crm__slice payload, crm__due *out)
{
    crm__reader in = crm__reader_of(payload.p, payload.n);

    out->count = 0;
    if (payload.n < HEAD || (payload.n - HEAD) % GAP || payload.n > HEAD + GAP * CRM__DUE_GAPS)
        return CRM_ECORRUPT;
    out->stamp = crm__read_le64(&in);
    for (size_t n = (payload.n - HEAD) / GAP; n; n--) {
        crm__gap *g = &out->gaps[out->count++];
        g->from = (int64_t)crm__read_le64(&in);
        g->until = (int64_t)crm__read_le64(&in);
        g->at = (int64_t)crm__read_le64(&in);
    }
    return CRM_OK;
}

static int put(crm_txn *txn, uint64_t chunk, uint32_t column, const crm__due *d)
{
    uint8_t key[KEY], row[HEAD + GAP * CRM__DUE_GAPS];

    if (!d->count)
        return crm__edits_del(&txn->edits, KV_DUE, key_of(key, chunk, column));
    crm__put_le64(row, d->stamp);
    for (uint32_t i = 0; i < d->count; i++) {
        crm__put_le64(row + HEAD + i * GAP, (uint64_t)d->gaps[i].from);
        crm__put_le64(row + HEAD + i * GAP + 8, (uint64_t)d->gaps[i].until);
        crm__put_le64(row + HEAD + i * GAP + 16, (uint64_t)d->gaps[i].at);
    }
    return crm__edits_put(&txn->edits, KV_DUE, key_of(key, chunk, column),
                          crm__slice_of(row, HEAD + d->count * GAP), 0);
}

int crm__due_read(crm_txn *txn, uint64_t chunk, uint32_t column, uint64_t stamp, crm__due *out)
{
    uint8_t key[KEY];
    crm__slice row;
    int rc = crm__txn_read(txn, KV_DUE, key_of(key, chunk, column), &row);

    out->count = 0;
    out->there = rc != CRM_ENOTFOUND;
    if (!rc)
        rc = crm__due_decode(row, out);
    if (rc || out->stamp != stamp)
        out->count = 0;
    out->stamp = stamp;
    return rc == CRM_ENOTFOUND || rc == CRM_ECORRUPT ? CRM_OK : rc;
}

int crm__due_none(const crm__due *d, int64_t from, int64_t until)
{
    for (uint32_t i = 0; i < d->count; i++) {
        if (d->gaps[i].from <= from && until <= d->gaps[i].until)
            return 1;
    }
    return 0;
}

static void cut(crm__gap *g, int64_t number)
{
    if (number < g->at)
        g->from = number >= g->from ? number + 1 : g->from;
    else
        g->until = number < g->until ? number : g->until;
}

void crm__gap_narrow(crm__gap *g, const crm__column *c)
{
    crm__limits l = {g->from, g->until - 1, 0, 0, CRM__LIMIT_LO | CRM__LIMIT_HI};
    uint64_t words[CRM__COLUMN_WORDS];

    if (g->from >= g->until)
        return;
    crm__column_range(c, &l, words);
    for (uint32_t w = 0; w < CRM__COLUMN_WORDS; w++) {
        for (; words[w]; words[w] &= words[w] - 1) {
            crm__column_cell cell;
            int64_t number;
            crm__column_get(c, w * 64 + (uint32_t)__builtin_ctzll(words[w]), &cell);
            if (crm__scaled_to(cell.number, cell.scale, 0, &number))
                cut(g, number);
            else
                g->until = g->from;
        }
    }
}

int crm__due_note(crm_txn *txn, uint64_t chunk, uint32_t column, crm__due *d, int64_t was,
                  const crm__gap *gap)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < d->count; i++) {
        const crm__gap *g = &d->gaps[i];
        int left = g->from <= was && was < g->until,
            same = g->from < gap->until && gap->from < g->until;
        if (!left && !same && g->from < g->until)
            d->gaps[kept++] = *g;
    }
    if (kept == CRM__DUE_GAPS)
        memmove(d->gaps, d->gaps + 1, --kept * sizeof *d->gaps);
    if (gap->from < gap->until)
        d->gaps[kept++] = *gap;
    d->count = kept;
    return kept || d->there ? put(txn, chunk, column, d) : CRM_OK;
}

/* ---- writing ---- */

static int is_listed(const crm__buf *list, uint32_t number)
{
    const uint32_t *at = (const uint32_t *)(const void *)list->p;

    for (size_t i = 0; i < list->n / sizeof number; i++) {
        if (at[i] == number)
            return 1;
    }
    return 0;
}

/* Whether rows may have been given numbers of the column. */
static int is_written(const crm__touched *t, uint32_t column)
{
    if (column & CRM__COLUMN_UNTIL)
        return is_listed(&t->tags, column & ~CRM__COLUMN_UNTIL);
    return t->what & (CRM__TOUCH_ROOT | CRM__TOUCH_FIELDS) || is_listed(&t->fields, column);
}

static int has_block(const crm__touched_rows *rows, uint32_t block)
{
    for (uint32_t i = 0; !rows->words && i < rows->count; i++) {
        if (rows->rows[i] / CRM__COLUMN_ROWS == block)
            return 1;
    }
    return rows->words != NULL;
}

/* By the cells that wait in the edits. */
static int cut_all(crm_txn *txn, const crm__touched_rows *rows, uint32_t column, crm__due *d)
{
    int changed = 0;

    for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS; b++) {
        uint8_t key[CRM__KEY_COLUMN];
        const uint64_t *ops;
        uint32_t count = 0;
        if (!has_block(rows, b))
            continue;
        ops = crm__edits_ops(&txn->edits, KV_COLUMN, crm__key_column(key, rows->chunk, column, b),
                             &count);
        for (uint32_t i = 0; i + 1 < count; i += 2) {
            if (ops[i] == CRM__EDITS_EMPTY || (uint8_t)ops[i] != CRM__CELL_NUMBER)
                continue;
            for (uint32_t k = 0; k < d->count; k++) {
                crm__gap was = d->gaps[k];
                cut(&d->gaps[k], (int64_t)ops[i + 1]);
                changed |= was.from != d->gaps[k].from || was.until != d->gaps[k].until;
            }
        }
    }
    return changed;
}

static int cut_row(crm_txn *txn, const crm__touched_rows *rows, uint32_t column, uint64_t stamp,
                   crm__slice payload, int damaged)
{
    crm__due d;

    if (damaged || crm__due_decode(payload, &d))
        d = (crm__due){.stamp = stamp};
    else if (d.stamp != stamp || !is_written(&txn->touched, column))
        return CRM_OK;
    else if (txn->edits.resets) /* some cells wait no more */
        d.count = 0;
    else if (!cut_all(txn, rows, column, &d))
        return CRM_OK;
    return put(txn, rows->chunk, column, &d);
}

int crm__due_cut(crm_txn *txn, uint64_t stamp)
{
    const crm__touched_rows *rows = (const crm__touched_rows *)(const void *)txn->touched.chunks.p;
    int rc = CRM_OK;

    for (size_t i = 0; i < txn->touched.chunks.n / sizeof *rows && !rc; i++) {
        uint64_t column = 0;
        while (column <= UINT32_MAX) {
            uint8_t key[KEY];
            crm__slice k, payload = {NULL, 0};
            crm__scan scan;
            crm__scan_open(txn, KV_DUE, &scan);
            rc = crm__scan_seek(&scan, KV_GE, key_of(key, rows[i].chunk, (uint32_t)column), &k,
                                &payload);
            if ((!rc || rc == CRM_ECORRUPT) &&
                (k.n != KEY || crm__get_be32(k.p) != (uint32_t)rows[i].chunk))
                rc = CRM_ENOTFOUND;
            if (!rc || rc == CRM_ECORRUPT) {
                column = crm__get_be32(k.p + 4);
                rc = cut_row(txn, &rows[i], (uint32_t)column++, stamp, payload, rc != CRM_OK);
            }
            crm__scan_close(&scan);
            if (rc)
                break;
        }
        rc = rc == CRM_ENOTFOUND ? CRM_OK : rc;
    }
    return rc;
}

int crm__due_drop(crm_txn *txn)
{
    uint8_t key[KEY];
    crm__slice k;
    crm__scan scan;
    int rc;

    crm__scan_open(txn, KV_DUE, &scan);
    rc = crm__scan_seek(&scan, KV_GE, key_of(key, 0, 0), &k, NULL);
    while (!rc) {
        rc = crm__edits_del(&txn->edits, KV_DUE, k);
        if (!rc)
            rc = crm__scan_next(&scan, &k, NULL);
    }
    crm__scan_close(&scan);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}
