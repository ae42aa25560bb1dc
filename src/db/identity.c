/* SPDX-License-Identifier: MIT
 * Identity rows: see identity.h.
 */
#include "db/identity.h"

#include "db/edits.h"

#include <crm/codes.h>

int crm__id_block(const uint8_t *tag_key, crm__slice k, crm__slice v, uint32_t *field,
                  crm__ids *block)
{
    if (k.n < 2 || k.n > CRM__KEY_IDENTITY || v.n < CRM__TAG_SIZE)
        return CRM_ECORRUPT;
    v.n -= CRM__TAG_SIZE;
    if (crm__get_le64(v.p + v.n) != crm__check_tag(tag_key, KV_IDENTITY, k, v))
        return CRM_ECORRUPT;
    *field = crm__get_be16(k.p);
    return crm__ids_open(v, block);
}

/* ---- reading ---- */

/* The row at hand, or the first of a later block. */
static int stand(crm__id_walk *w)
{
    crm__slice k, v;

    while (w->at == w->block.count) {
        int rc = w->cursor->ops->next(w->cursor, &k, &v);
        if (!rc)
            rc = crm__id_block(w->tag_key, k, v, &w->field, &w->block);
        if (rc)
            return rc;
        w->at = 0;
    }
    w->row = crm__ids_row(&w->block, w->at);
    return w->row.byte[CRM__TOKEN_SIZE] >> 7 ? CRM_ECORRUPT : CRM_OK; /* no id is that great */
}

int crm__id_seek(crm__id_walk *w, uint32_t field, const crm__id_row *row)
{
    uint8_t to[CRM__KEY_IDENTITY];
    crm__slice key = crm__id_row_key(to, field, row), k, v;
    int rc = w->cursor->ops->seek(w->cursor, KV_LE, key, &k, &v);

    if (rc == CRM_ENOTFOUND)
        rc = w->cursor->ops->seek(w->cursor, KV_GE, key, &k, &v);
    if (!rc)
        rc = crm__id_block(w->tag_key, k, v, &w->field, &w->block);
    if (rc)
        return rc;
    w->at = w->field < field   ? w->block.count
            : w->field > field ? 0
                               : crm__ids_lower(&w->block, row);
    return stand(w);
}

int crm__id_next(crm__id_walk *w)
{
    w->at++;
    return stand(w);
}

int crm__id_walk_has(const crm__id_walk *w, crm__slice token_key)
{
    return w->field == crm__get_be16(token_key.p) &&
           memcmp(w->row.byte, token_key.p + 2, CRM__TOKEN_SIZE) == 0;
}

/* ---- writing: the block at hand ---- */

void crm__id_edit_init(crm__id_edit *e, const crm_allocator *mem, kv_txn *txn,
                       const uint8_t *tag_key)
{
    memset(e, 0, sizeof *e);
    e->txn = txn;
    e->tag_key = tag_key;
    crm__buf_init(&e->rows, mem);
    crm__buf_init(&e->out, mem);
}

void crm__id_edit_clear(crm__id_edit *e)
{
    if (e->cursor)
        e->cursor->ops->cursor_close(e->cursor);
    e->cursor = NULL;
    e->field = 0;
    crm__buf_clear(&e->rows);
    crm__buf_clear(&e->out);
}

static crm__id_row *rows_of(const crm__id_edit *e, uint32_t *n)
{
    *n = (uint32_t)(e->rows.n / sizeof(crm__id_row));
    return (crm__id_row *)(void *)e->rows.p;
}

/* The shortest key that parts a row from the one before it. */
static crm__slice part_key(uint8_t to[CRM__KEY_IDENTITY], uint32_t field, const crm__id_row *before,
                           const crm__id_row *row)
{
    size_t n = 0;

    while (n < CRM__ID_ROW - 1 && before->byte[n] == row->byte[n])
        n++;
    crm__id_row_key(to, field, row);
    return crm__slice_of(to, 2 + n + 1);
}

static int write_block(crm__id_edit *e, const crm__id_row *rows, uint32_t first, uint32_t n)
{
    uint8_t to[CRM__KEY_IDENTITY];
    crm__slice key = crm__slice_of(e->lo, e->lo_n);

    if (first)
        key = part_key(to, e->field, &rows[first - 1], &rows[first]);
    e->out.n = 0;
    crm__ids_add(rows + first, n, &e->out);
    if (!crm__buf_reserve(&e->out, CRM__TAG_SIZE))
        return CRM_ENOMEM;
    return crm__edits_write(e->txn, e->tag_key, KV_IDENTITY, key, e->out.p, e->out.n, 0);
}

/* Blocks of about the same size, for the next rows may come anywhere. */
static int write_blocks(crm__id_edit *e, const crm__id_row *rows, uint32_t n)
{
    size_t bytes, all = 0, most;
    uint32_t blocks = 0;
    int rc = CRM_OK;

    for (uint32_t i = 0; i < n; blocks++) {
        i += crm__ids_fit(rows + i, n - i, CRM__IDS_MOST, &bytes);
        all += bytes;
    }
    if (blocks == 1)
        return write_block(e, rows, 0, n);
    most = all / blocks + CRM__ID_ROW;
    if (most > CRM__IDS_MOST)
        most = CRM__IDS_MOST;
    for (uint32_t i = 0, k; i < n && !rc; i += k) {
        k = crm__ids_fit(rows + i, n - i, most, &bytes);
        rc = write_block(e, rows, i, k);
    }
    return rc;
}

int crm__id_edit_flush(crm__id_edit *e)
{
    uint32_t n;
    crm__id_row *rows = rows_of(e, &n);
    int rc = CRM_OK;

    if (e->field && e->changed && n)
        rc = write_blocks(e, rows, n);
    else if (e->field && e->changed && e->stored)
        rc = e->txn->ops->del(e->txn, KV_IDENTITY, crm__slice_of(e->lo, e->lo_n));
    e->field = 0;
    return rc;
}

static int take_rows(crm__id_edit *e, const crm__ids *block)
{
    crm__id_row *rows;

    e->rows.n = 0;
    if (!crm__buf_reserve(&e->rows, block->count * sizeof *rows))
        return CRM_ENOMEM;
    rows = (crm__id_row *)(void *)e->rows.p;
    for (uint32_t i = 0; i < block->count; i++)
        rows[i] = crm__ids_row(block, i);
    e->rows.n = block->count * sizeof *rows;
    return CRM_OK;
}

/* Notes the key of the block behind the one at hand, at which the cursor stands. */
static int take_end(crm__id_edit *e, int rc, crm__slice k)
{
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    if (!rc && (k.n < 2 || k.n > CRM__KEY_IDENTITY))
        return CRM_ECORRUPT;
    e->hi_n = 0;
    if (!rc && crm__get_be16(k.p) == e->field) {
        e->hi_n = (uint8_t)k.n;
        memcpy(e->hi, k.p, k.n);
    }
    return CRM_OK;
}

/* Takes the block in hand in which the rows of this key stand, or would. */
static int take(crm__id_edit *e, uint32_t field, crm__slice key)
{
    crm__ids block = {0};
    crm__slice k, v;
    int rc = crm__id_edit_flush(e);

    if (!rc && !e->cursor)
        rc = e->txn->ops->cursor(e->txn, KV_IDENTITY, &e->cursor);
    if (rc)
        return rc;
    rc = e->cursor->ops->seek(e->cursor, KV_LE, key, &k, &v);
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    e->stored = !rc && k.n >= 2 && crm__get_be16(k.p) == field;
    if (e->stored && (rc = crm__id_block(e->tag_key, k, v, &field, &block)) != CRM_OK)
        return rc;
    e->lo_n = e->stored ? (uint8_t)k.n : 2;
    memcpy(e->lo, e->stored ? k.p : key.p, e->lo_n);
    rc = take_rows(e, &block);
    if (rc)
        return rc;
    e->field = field;
    e->changed = 0;
    e->hint = 0;
    rc = e->stored ? e->cursor->ops->next(e->cursor, &k, &v)
                   : e->cursor->ops->seek(e->cursor, KV_GE, key, &k, &v);
    rc = take_end(e, rc, k);
    if (rc)
        e->field = 0;
    return rc;
}

/* Whether a row is, or would be, in the block at hand. */
static int is_here(const crm__id_edit *e, uint32_t field, crm__slice key)
{
    return e->field == field && crm__slice_compare(crm__slice_of(e->lo, e->lo_n), key) <= 0 &&
           (!e->hi_n || crm__slice_compare(key, crm__slice_of(e->hi, e->hi_n)) < 0);
}

/* Place of the first row that is not before this one, of the block at hand. */
static uint32_t lower(crm__id_edit *e, const crm__id_row *row)
{
    uint32_t lo = 0, n;
    const crm__id_row *rows = rows_of(e, &n);

    if (e->hint <= n && (!e->hint || crm__id_row_order(&rows[e->hint - 1], row) < 0)) {
        lo = e->hint;
        if (lo == n || crm__id_row_order(&rows[lo], row) >= 0)
            return lo;
        n -= lo;
    }
    while (n) {
        uint32_t half = n / 2;
        if (crm__id_row_order(&rows[lo + half], row) < 0) {
            lo += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return e->hint = lo;
}

/* Takes the row's block in hand; *at: as lower(). */
static int go_to(crm__id_edit *e, uint32_t field, const crm__id_row *row, uint32_t *at)
{
    uint8_t to[CRM__KEY_IDENTITY];
    crm__slice key = crm__id_row_key(to, field, row);
    int rc = is_here(e, field, key) ? CRM_OK : take(e, field, key);

    *at = rc ? 0 : lower(e, row);
    return rc;
}

int crm__id_edit_set(crm__id_edit *e, uint32_t field, const crm__id_row *row, int on, uint8_t *was)
{
    uint32_t at, n;
    crm__id_row *rows;
    int rc = go_to(e, field, row, &at);

    if (rc)
        return rc;
    rows = rows_of(e, &n);
    *was = at < n && crm__id_row_order(&rows[at], row) == 0;
    if (*was == (on != 0))
        return CRM_OK;
    e->changed = 1;
    if (!on) {
        memmove(rows + at, rows + at + 1, (n - at - 1) * sizeof *rows);
        e->rows.n -= sizeof *rows;
        return CRM_OK;
    }
    if (!crm__buf_reserve(&e->rows, sizeof *rows))
        return CRM_ENOMEM;
    rows = rows_of(e, &n);
    memmove(rows + at + 1, rows + at, (n - at) * sizeof *rows);
    rows[at] = *row;
    e->rows.n += sizeof *rows;
    e->hint = at + 1;
    return CRM_OK;
}

int crm__id_edit_from(crm__id_edit *e, uint32_t field, const crm__id_row *row, crm__id_row *found)
{
    uint32_t at, n;
    const crm__id_row *rows;
    int rc = go_to(e, field, row, &at);

    for (rows = rows_of(e, &n); !rc && at == n; rows = rows_of(e, &n)) {
        uint8_t hi[CRM__KEY_IDENTITY];
        if (!e->hi_n)
            return CRM_ENOTFOUND;
        memcpy(hi, e->hi, sizeof hi);
        rc = take(e, field, crm__slice_of(hi, e->hi_n));
        at = 0;
        rows = rows_of(e, &n);
        if (!rc && n && crm__id_row_order(&rows[0], row) < 0)
            rc = CRM_ECORRUPT; /* out of order: whoever goes on behind it would come here again */
    }
    if (!rc)
        *found = rows[at];
    return rc;
}
