/* SPDX-License-Identifier: MIT
 * Steps answered by a column of numbers, block by block.
 */
#include "segment/step.h"

#include <string.h>

/* Month and day of each number there is. */
static void come_round(const crm__column *c, const crm__test *t, const uint64_t *words,
                       uint32_t rows, uint64_t found[CRM__COLUMN_WORDS])
{
    crm__value v = {.type = t->type};

    for (uint32_t i = 0; i < rows; i++) {
        crm__column_cell cell;
        if (!(words[i / 64] >> (i % 64) & 1))
            continue;
        crm__column_get(c, i, &cell);
        if (cell.state != CRM__CELL_NUMBER ||
            !crm__scaled_to(cell.number, cell.scale, 0, &v.integer))
            continue;
        if (crm__test_value(t, &v, NULL) == 1)
            found[i / 64] |= UINT64_C(1) << i % 64;
    }
}

/* words: the candidates, of which the last block has fewer than the others. */
static void block_rows(const crm__column *c, const crm__test *t, const uint64_t *words,
                       uint32_t rows, uint64_t found[CRM__COLUMN_WORDS])
{
    uint64_t one[CRM__COLUMN_WORDS];

    memset(found, 0, CRM__COLUMN_WORDS * sizeof *found);
    if (t->cmp == CRM__CMP_ANNIVERSARY) {
        come_round(c, t, words, rows, found);
        return;
    }
    for (uint32_t i = 0; i < t->limit_count; i++) {
        crm__column_range(c, &t->limits[i], one);
        for (int w = 0; w < CRM__COLUMN_WORDS; w++)
            found[w] |= one[w];
    }
}

/* Candidates so few that each is looked at by itself. */
enum { FEW = 3 };

static void few_rows(const crm__column *c, const crm__test *t, uint64_t *words, int n)
{
    int64_t lo, hi;
    int plain = t->limit_count == 1 && crm__limits_at(&t->limits[0], c->scale, &lo, &hi);

    for (int w = 0; w < n; w++) {
        for (uint64_t left = words[w]; left; left &= left - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(left);
            crm__column_cell cell;
            int in;
            crm__column_get(c, (uint32_t)w * 64 + bit, &cell);
            in = cell.state == CRM__CELL_NUMBER;
            if (in && plain && cell.scale == c->scale)
                in = cell.number >= lo && cell.number <= hi;
            else if (in)
                in = crm__test_scaled(t, cell.number, cell.scale);
            if (!in)
                words[w] &= ~(UINT64_C(1) << bit);
        }
    }
}

/* What a block leaves of its candidates. */
static void narrow_block(const crm__column *c, const crm__test *t, uint64_t *words, int n)
{
    uint64_t found[CRM__COLUMN_WORDS];
    int rows = 0;

    for (int w = 0; w < n; w++)
        rows += __builtin_popcountll(words[w]);
    if (rows <= FEW && t->cmp != CRM__CMP_ANNIVERSARY) {
        few_rows(c, t, words, n);
        return;
    }
    block_rows(c, t, words, (uint32_t)n * 64, found);
    for (int w = 0; w < n; w++)
        words[w] &= found[w];
}

static int words_of(uint32_t block)
{
    return block + 1 == CRM__COLUMN_BLOCKS ? CRM__COLUMN_LAST_WORDS : CRM__COLUMN_WORDS;
}

/* The first block from b on that has candidates; CRM__COLUMN_BLOCKS: none. */
static uint32_t next_asked(const uint64_t *words, uint32_t b)
{
    for (; b < CRM__COLUMN_BLOCKS; b++) {
        const uint64_t *at = words + b * CRM__COLUMN_WORDS;
        for (int w = 0; w < words_of(b); w++) {
            if (at[w])
                return b;
        }
    }
    return b;
}

static void clear_block(uint64_t *words, uint32_t b)
{
    memset(words + b * CRM__COLUMN_WORDS, 0, (size_t)words_of(b) * sizeof *words);
}

/* Where edits may wait above the blocks. */
static int narrow_one_by_one(crm__run *r, const crm__step *s, uint64_t *words)
{
    for (uint32_t b = next_asked(words, 0); b < CRM__COLUMN_BLOCKS; b = next_asked(words, b + 1)) {
        uint8_t key[CRM__KEY_COLUMN];
        crm__column c;
        int rc =
            crm__txn_column(r->txn, crm__key_column(key, r->chunk, s->column, b), &r->block, &c);
        if (rc == CRM_ENOTFOUND)
            clear_block(words, b);
        else if (rc)
            return rc;
        else
            narrow_block(&c, &s->test, words + b * CRM__COLUMN_WORDS, words_of(b));
    }
    return CRM_OK;
}

/* Blocks stand one behind another: a few steps are cheaper than a descent. */
enum { STEPS = 8 };

static int block_at(crm__run *r, const crm__step *s, kv_cursor *c, uint32_t b, crm__slice *k,
                    crm__slice *v)
{
    uint8_t key[CRM__KEY_COLUMN];
    crm__slice from = crm__key_column(key, r->chunk, s->column, b);
    int rc = CRM_OK;

    for (int i = 0; k->n && i < STEPS && !rc; i++) {
        if (crm__slice_compare(*k, from) >= 0)
            return CRM_OK;
        rc = c->ops->next(c, k, v);
    }
    if (rc || (k->n && crm__slice_compare(*k, from) >= 0))
        return rc;
    return c->ops->seek(c, KV_GE, from, k, v);
}

static int narrow_walking(crm__run *r, const crm__step *s, uint64_t *words)
{
    crm__slice k = {NULL, 0}, v;
    uint8_t key[CRM__KEY_COLUMN];
    crm__column column;
    int rc;
    kv_cursor *c = crm__txn_cursor(r->txn, KV_COLUMN, &rc);

    for (uint32_t b = next_asked(words, 0); b < CRM__COLUMN_BLOCKS && !rc;
         b = next_asked(words, b + 1)) {
        rc = block_at(r, s, c, b, &k, &v);
        crm__key_column(key, r->chunk, s->column, b);
        if (rc == CRM_ENOTFOUND || (!rc && (k.n != sizeof key || memcmp(k.p, key, k.n) != 0))) {
            clear_block(words, b);
            k.n = rc ? 0 : k.n;
            rc = CRM_OK;
            continue;
        }
        if (!rc)
            rc = v.n < CRM__TAG_SIZE
                     ? CRM_ECORRUPT
                     : crm__column_open(crm__slice_of(v.p, v.n - CRM__TAG_SIZE), &column);
        if (!rc)
            narrow_block(&column, &s->test, words + b * CRM__COLUMN_WORDS, words_of(b));
    }
    return rc;
}

int crm__column_narrow(crm__run *r, const crm__step *s, uint64_t *words)
{
    return r->txn->write ? narrow_one_by_one(r, s, words) : narrow_walking(r, s, words);
}
