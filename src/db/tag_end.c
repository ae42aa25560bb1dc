/* SPDX-License-Identifier: MIT
 * When tags end: see tag_end.h.
 */
#include "db/tag_end.h"

#include "bits/kernel.h"
#include "db/at_hand.h"
#include "db/index.h"
#include "db/tagged.h"

#include <string.h>

/* ---- blocks at hand ---- */

/* A transaction that renews ends one by one asks the same blocks again and again. */
enum { BLOCKS = 128 };

struct crm__end_cache {
    crm__at_hand *blocks[BLOCKS];
};

void crm__end_cache_free(crm_txn *txn)
{
    struct crm__end_cache *c = txn->end_cache;

    if (c)
        crm__at_hand_free(txn, c->blocks, BLOCKS);
    crm__release(txn->mem, c);
    txn->end_cache = NULL;
}

static crm__slice block_key(uint8_t key[CRM__KEY_COLUMN], uint64_t chunk, uint32_t tag,
                            uint32_t block)
{
    return crm__key_column(key, chunk, CRM__COLUMN_UNTIL | tag, block);
}

static void edit_block(const uint64_t *ops, uint32_t count, void *cells)
{
    crm__edits_cells(ops, count, cells);
}

static int read_block(crm_txn *txn, kv_space space, crm__slice key, void *cells)
{
    crm__column column;
    const uint64_t *ops;
    crm__slice stored;
    uint32_t count;
    int rc = txn->kv->ops->get(txn->kv, space, key, &stored);

    if (!rc && stored.n < CRM__TAG_SIZE)
        rc = CRM_ECORRUPT;
    if (!rc)
        rc = crm__column_open(crm__slice_of(stored.p, stored.n - CRM__TAG_SIZE), &column);
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    if (!rc)
        crm__column_cells(&column, cells);
    ops = crm__edits_ops(&txn->edits, space, key, &count);
    if (count)
        edit_block(ops, count, cells);
    return CRM_OK;
}

/* The blocks of a chunk stand in places of their own. */
static int block_at_hand(crm_txn *txn, crm__slice key, const crm__column_cell **cells)
{
    static const crm__at_hand_sort BLOCK = {CRM__COLUMN_ROWS * sizeof(crm__column_cell), read_block,
                                            edit_block};
    const void *what;
    int rc;

    if (!txn->end_cache && !(txn->end_cache = crm__calloc(txn->mem, 1, sizeof *txn->end_cache)))
        return CRM_ENOMEM;
    rc = crm__at_hand_get(
        txn,
        &txn->end_cache->blocks[(crm__hash64(0, key.p, key.n - 1) + key.p[key.n - 1]) % BLOCKS],
        &BLOCK, KV_COLUMN, key, &what);
    *cells = what;
    return rc;
}

/* ---- blocks as they are ---- */

static int64_t end_of(const crm__column_cell *cell)
{
    int64_t until;

    return cell->state && crm__scaled_to(cell->number, cell->scale, 0, &until) ? until : 0;
}

/* What to do with the words of a block. */
typedef void (*block_fn)(const crm__column *c, int64_t at, uint64_t *words, int n);

static uint32_t words_of(uint32_t block)
{
    return block + 1 == CRM__COLUMN_BLOCKS ? CRM__COLUMN_LAST_WORDS : CRM__COLUMN_WORDS;
}

static int any_in(const uint64_t *words, uint32_t n)
{
    uint64_t any = 0;

    for (uint32_t i = 0; i < n; i++)
        any |= words[i];
    return any != 0;
}

/* Where edits may wait above the blocks: those with rows that are asked about. */
static int blocks_written(crm_txn *txn, uint64_t chunk, uint32_t tag, int64_t at, uint64_t *words,
                          block_fn fn)
{
    crm__buf room;
    int rc = CRM_OK;

    crm__buf_init(&room, txn->mem);
    for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS && !rc; b++) {
        uint64_t *w = words + b * CRM__COLUMN_WORDS;
        uint8_t key[CRM__KEY_COLUMN];
        crm__column c;
        if (!any_in(w, words_of(b)))
            continue;
        rc = crm__txn_column(txn, block_key(key, chunk, tag, b), &room, &c);
        if (!rc)
            fn(&c, at, w, (int)words_of(b));
        rc = rc == CRM_ENOTFOUND ? CRM_OK : rc;
    }
    crm__buf_clear(&room);
    return rc;
}

static int first_stored(crm_txn *txn, uint64_t chunk, uint32_t tag, kv_cursor **c, crm__slice *k,
                        crm__slice *v)
{
    uint8_t key[CRM__KEY_COLUMN];
    crm__slice from = block_key(key, chunk, tag, 0);
    int rc;

    *c = crm__txn_cursor(txn, KV_COLUMN, &rc);
    if (!rc)
        rc = (*c)->ops->seek(*c, KV_GE, from, k, v);
    if (!rc && (k->n != sizeof key || memcmp(k->p, key, sizeof key - 1) != 0))
        rc = CRM_ENOTFOUND;
    return rc;
}

/* Those that are stored, one behind another. */
static int blocks_stored(crm_txn *txn, uint64_t chunk, uint32_t tag, int64_t at, uint64_t *words,
                         block_fn fn)
{
    crm__slice k, v;
    kv_cursor *c;
    int rc = first_stored(txn, chunk, tag, &c, &k, &v);

    while (!rc) {
        uint8_t key[CRM__KEY_COLUMN];
        crm__column column;
        uint32_t b = k.p[CRM__KEY_COLUMN - 1];
        if (b >= CRM__COLUMN_BLOCKS || v.n < CRM__TAG_SIZE)
            return CRM_ECORRUPT;
        rc = crm__column_open(crm__slice_of(v.p, v.n - CRM__TAG_SIZE), &column);
        if (rc)
            return rc;
        fn(&column, at, words + b * CRM__COLUMN_WORDS, (int)words_of(b));
        memcpy(key, k.p, sizeof key);
        rc = c->ops->next(c, &k, &v);
        if (!rc && (k.n != sizeof key || memcmp(k.p, key, sizeof key - 1) != 0))
            rc = CRM_ENOTFOUND;
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int each_block(crm_txn *txn, uint64_t chunk, uint32_t tag, int64_t at, uint64_t *words,
                      block_fn fn)
{
    return txn->write ? blocks_written(txn, chunk, tag, at, words, fn)
                      : blocks_stored(txn, chunk, tag, at, words, fn);
}

static void cut_range(const crm__column *c, int64_t lo, int64_t hi, uint8_t flags, uint64_t *words,
                      int n)
{
    crm__limits l = {lo, hi, 0, 0, flags};
    uint64_t found[CRM__COLUMN_WORDS];

    crm__column_range(c, &l, found);
    for (int i = 0; i < n; i++)
        words[i] &= ~found[i];
}

static void cut_come(const crm__column *c, int64_t now, uint64_t *words, int n)
{
    cut_range(c, 0, now, CRM__LIMIT_HI, words, n);
}

static void cut_equal(const crm__column *c, int64_t until, uint64_t *words, int n)
{
    cut_range(c, until, until, CRM__LIMIT_LO | CRM__LIMIT_HI, words, n);
}

static void cut_any(const crm__column *c, int64_t unused, uint64_t *words, int n)
{
    (void)unused;
    cut_range(c, 0, 0, 0, words, n);
}

/* ---- reading ---- */

int crm__tag_ends_any(crm_txn *txn, uint64_t chunk, uint32_t tag, int *any)
{
    crm__slice k, v;
    kv_cursor *c;
    int rc = first_stored(txn, chunk, tag, &c, &k, &v);

    *any = !rc;
    for (uint32_t b = 0; txn->write && rc == CRM_ENOTFOUND && !*any && b < CRM__COLUMN_BLOCKS;
         b++) {
        uint8_t key[CRM__KEY_COLUMN];
        uint32_t count;
        (void)crm__edits_ops(&txn->edits, KV_COLUMN, block_key(key, chunk, tag, b), &count);
        *any = count != 0;
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__tag_end(crm_txn *txn, uint64_t chunk, uint32_t tag, uint32_t row, int64_t *until)
{
    uint8_t key[CRM__KEY_COLUMN];
    crm__slice k = block_key(key, chunk, tag, row / CRM__COLUMN_ROWS);
    crm__column_cell cell = {0, 0, 0};
    crm__column c;
    const crm__column_cell *cells;
    int rc;

    if (txn->write) {
        rc = block_at_hand(txn, k, &cells);
        if (!rc)
            cell = cells[row % CRM__COLUMN_ROWS];
    } else {
        rc = crm__txn_column(txn, k, NULL, &c);
        if (!rc)
            crm__column_get(&c, row % CRM__COLUMN_ROWS, &cell);
    }
    *until = rc ? 0 : end_of(&cell);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__tag_unexpired(crm_txn *txn, uint64_t chunk, uint32_t tag, int64_t now,
                       uint64_t words[CRM__SET_WORDS])
{
    return each_block(txn, chunk, tag, now, words, cut_come);
}

int crm__tag_ends_with(crm_txn *txn, uint64_t chunk, uint32_t tag, uint64_t words[CRM__SET_WORDS])
{
    uint64_t without[CRM__SET_WORDS];
    int rc;

    memcpy(without, words, sizeof without);
    rc = each_block(txn, chunk, tag, 0, without, cut_any);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        words[i] &= ~without[i];
    return rc;
}

int crm__tag_ends_other(crm_txn *txn, uint64_t chunk, uint32_t tag, int64_t until,
                        uint64_t words[CRM__SET_WORDS])
{
    return until ? each_block(txn, chunk, tag, until, words, cut_equal)
                 : crm__tag_ends_with(txn, chunk, tag, words);
}

/* ---- changing ---- */

static int put(crm_txn *txn, crm__slice key, uint32_t row, int64_t until)
{
    crm__column_cell cell = {until ? CRM__CELL_NUMBER : CRM__CELL_NONE, 0, until};

    return crm__edits_cell(&txn->edits, key, row % CRM__COLUMN_ROWS, &cell);
}

int crm__tag_end_put(crm_txn *txn, uint64_t chunk, uint32_t tag, uint32_t row, int64_t until)
{
    uint8_t key[CRM__KEY_COLUMN];
    crm__slice k = block_key(key, chunk, tag, row / CRM__COLUMN_ROWS), stored;
    uint32_t count = 0;
    int rc = CRM_OK;

    if (!until) {
        /* Most tags never have an end: then there is nothing to take away. */
        (void)crm__edits_ops(&txn->edits, KV_COLUMN, k, &count);
        if (!count)
            rc = txn->kv->ops->get(txn->kv, KV_COLUMN, k, &stored);
        if (rc == CRM_ENOTFOUND)
            return CRM_OK;
    }
    return rc ? rc : put(txn, k, row, until);
}

int crm__tag_ends_put(crm_txn *txn, uint64_t chunk, uint32_t tag,
                      const uint64_t words[CRM__SET_WORDS], int64_t until)
{
    uint64_t rows[CRM__SET_WORDS];
    int any = 1, rc = CRM_OK;

    memcpy(rows, words, sizeof rows);
    if (!until)
        rc = crm__tag_ends_any(txn, chunk, tag, &any);
    if (!rc && !until && any)
        rc = crm__tag_ends_with(txn, chunk, tag, rows);
    for (int32_t row = any ? crm__set_next(rows, 0) : -1; !rc && row >= 0;
         row = crm__set_next(rows, (uint32_t)row + 1)) {
        uint8_t key[CRM__KEY_COLUMN];
        rc = put(txn, block_key(key, chunk, tag, (uint32_t)row / CRM__COLUMN_ROWS), (uint32_t)row,
                 until);
    }
    return rc;
}

void crm__tag_ends_replay(int64_t until[CRM__CHUNK_ROWS], const uint64_t words[CRM__SET_WORDS],
                          int64_t end)
{
    for (uint32_t i = 0; i < CRM__SET_WORDS; i++) {
        for (uint64_t left = words[i]; left; left &= left - 1)
            until[i * 64 + (uint32_t)__builtin_ctzll(left)] = end;
    }
}

void crm__tag_ends_block(const int64_t until[CRM__CHUNK_ROWS], uint32_t block, crm__buf *out)
{
    crm__column_cell cells[CRM__COLUMN_ROWS] = {{0, 0, 0}};
    const int64_t *from = until + block * CRM__COLUMN_ROWS;

    for (uint32_t i = 0; i < words_of(block) * 64; i++) {
        if (from[i])
            cells[i] = (crm__column_cell){CRM__CELL_NUMBER, 0, from[i]};
    }
    crm__column_store(cells, out);
}

int crm__tag_ends_make(crm_txn *txn, uint64_t chunk, uint32_t tag,
                       const int64_t until[CRM__CHUNK_ROWS], crm__buf *scratch)
{
    int rc = CRM_OK;

    for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS && !rc; b++) {
        uint8_t key[CRM__KEY_COLUMN];
        crm__slice k = block_key(key, chunk, tag, b), have = {NULL, 0};
        int damaged;
        scratch->n = 0;
        crm__tag_ends_block(until, b, scratch);
        if (scratch->failed)
            return CRM_ENOMEM;
        rc = crm__txn_read(txn, KV_COLUMN, k, &have);
        damaged = rc == CRM_ECORRUPT;
        rc = damaged || rc == CRM_ENOTFOUND ? CRM_OK : rc;
        if (rc || (!damaged && !crm__slice_compare(have, crm__slice_of(scratch->p, scratch->n))))
            continue;
        rc = scratch->n ? crm__edits_put(&txn->edits, KV_COLUMN, k,
                                         crm__slice_of(scratch->p, scratch->n), 0)
                        : crm__edits_del(&txn->edits, KV_COLUMN, k);
    }
    return rc;
}

int crm__tag_ends_read(crm_txn *txn, uint64_t chunk, uint32_t tag, int64_t until[CRM__CHUNK_ROWS],
                       int *any)
{
    uint8_t from[CRM__KEY_TAGGED];
    crm__slice k, v, payload, first = crm__key_tagged(from, chunk, tag, 0, 0);
    kv_cursor *c;
    int rc = txn->kv->ops->cursor(txn->kv, KV_TAGGED, &c);

    if (rc)
        return rc;
    *any = 0;
    memset(until, 0, CRM__CHUNK_ROWS * sizeof *until);
    rc = c->ops->seek(c, KV_GE, first, &k, &v);
    for (; !rc && k.n == sizeof from && !memcmp(k.p, from, CRM__KEY_TAG);
         rc = rc ? rc : c->ops->next(c, &k, &v)) {
        uint64_t words[CRM__SET_WORDS] = {0};
        uint32_t part = crm__get_be32(k.p + 16);
        crm__tag_how how = {0};
        rc = crm__untag(txn->store, KV_TAGGED, k, v, &payload);
        if (!rc)
            rc = crm__set_load(payload, words);
        if (!rc && part != CRM__TAGGED_REMOVED)
            rc = crm__tag_how_read(txn, crm__get_be64(k.p + 8), CRM__TAGGED_GROUP(part), &how);
        *any |= how.until != 0;
        if (!rc && *any)
            crm__tag_ends_replay(until, words, how.until);
    }
    c->ops->cursor_close(c);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}
