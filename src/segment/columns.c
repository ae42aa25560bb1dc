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

/* Numbers of a range, or of what two have in common, whose ends at the scale of a block are kept
 * from one block to the next. */
typedef struct span {
    const crm__limits *limits[2]; /* NULL: none */
    int known, scale;
    int64_t lo, hi;
    int has_end;
    int64_t end; /* of the second range */
} span;

/* Where the second range begins, or ends: a whole number, when the scale has it. */
static void end_at(span *s, int scale)
{
    const crm__limits *l = s->limits[1];

    s->has_end =
        l && crm__scaled_to(l->flags & CRM__LIMIT_LO ? l->lo : l->hi,
                            l->flags & CRM__LIMIT_LO ? l->lo_scale : l->hi_scale, scale, &s->end);
}

static void span_at(span *s, int scale)
{
    if (s->known && s->scale == scale)
        return;
    s->known = 1;
    s->scale = scale;
    s->lo = INT64_MIN;
    s->hi = INT64_MAX;
    end_at(s, scale);
    for (int i = 0; i < 2; i++) {
        int64_t lo, hi;
        if (!s->limits[i])
            continue;
        if (!crm__limits_at(s->limits[i], scale, &lo, &hi)) {
            lo = 1;
            hi = 0;
        }
        s->lo = lo > s->lo ? lo : s->lo;
        s->hi = hi < s->hi ? hi : s->hi;
    }
}

/* What a block leaves of its candidates.  *flat: they all have the end of the second range. */
static void narrow_block(const crm__column *c, const crm__test *t, span *s, uint64_t *words, int n,
                         uint8_t *flat)
{
    uint64_t found[CRM__COLUMN_WORDS];

    *flat = 0;

    if (s->limits[0] && !c->wide) {
        span_at(s, c->scale);
        *flat = s->has_end && (s->lo > c->min ? s->lo : c->min) == s->end &&
                (s->hi < c->max ? s->hi : c->max) == s->end;
        crm__column_within(c, s->lo, s->hi, words, n);
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

/* ---- blocks in order ---- */

/* Blocks stand one behind another: a few steps are cheaper than a descent. */
enum { STEPS = 8 };

/* Below, at or above 0 as the cursor stands before, at or behind a block, which keys of other
 * lengths never are at. */
static int order_of(const crm__column_walk *w, uint64_t column, uint32_t block)
{
    uint64_t at;

    if (w->k.n < CRM__KEY_COLUMN)
        return -1;
    at = crm__get_be64(w->k.p);
    if (at == column && w->k.n != CRM__KEY_COLUMN)
        return -1;
    return at != column ? (at < column ? -1 : 1) : (int)w->k.p[8] - (int)block;
}

static int walk_to(crm__column_walk *w, uint64_t column, uint32_t block)
{
    const kv_ops *ops = w->cursor->ops;
    uint8_t key[CRM__KEY_COLUMN];
    int rc = CRM_OK;

    for (int i = 0; w->k.n && i <= STEPS; i++) {
        if (order_of(w, column, block) >= 0)
            return CRM_OK;
        if (i == STEPS)
            break;
        rc = ops->next(w->cursor, &w->k, &w->v);
        if (rc) {
            w->k.n = 0;
            return rc;
        }
    }
    crm__put_be64(key, column);
    key[8] = (uint8_t)block;
    rc = ops->seek(w->cursor, KV_GE, crm__slice_of(key, sizeof key), &w->k, &w->v);
    if (rc)
        w->k.n = 0;
    return rc;
}

int crm__column_walk_at(crm__column_walk *w, uint64_t chunk, uint32_t column, uint32_t block,
                        crm__column *out)
{
    uint64_t of = chunk << 32 | column;
    int rc;

    if (!w->cursor) { /* edits may wait above the blocks */
        uint8_t key[CRM__KEY_COLUMN];
        return crm__txn_column(w->txn, crm__key_column(key, chunk, column, block), w->room, out);
    }
    if (of != w->column || block < w->block) /* another column, or back */
        w->k.n = 0;
    w->column = of;
    w->block = block;
    rc = walk_to(w, of, block);
    if (rc)
        return rc;
    if (order_of(w, of, block) != 0)
        return CRM_ENOTFOUND;
    if (w->v.n < CRM__TAG_SIZE)
        return CRM_ECORRUPT;
    return crm__column_open(crm__slice_of(w->v.p, w->v.n - CRM__TAG_SIZE), out);
}

void crm__column_walk_begin(crm__column_walk *w, crm_txn *txn, kv_cursor *c, crm__buf *room)
{
    memset(w, 0, sizeof *w);
    w->txn = txn;
    w->cursor = c;
    w->room = room;
}

/* ---- the step ---- */

static void saw_block(crm__run *r, const crm__step *s, const crm__column_walk *w, uint32_t block)
{
    uint8_t key[CRM__KEY_COLUMN];

    if (w->cursor)
        r->bytes += w->v.n;
    else
        crm__run_saw(r, KV_COLUMN, crm__key_column(key, r->chunk, s->column, block));
}

/* Blocks that are found and not yet dealt with: the memory of their codes is asked for meanwhile.  None
 * are held in a write transaction, where a block does not stay where it is. */
enum { HELD = 8 };

typedef struct narrowing {
    crm__run *r;
    const crm__step *s;
    uint64_t *words;
    span one;
    uint32_t first, end; /* of those held, at their numbers modulo HELD */
    uint32_t block[HELD];
    crm__column column[HELD];
} narrowing;

/* The one that was found first. */
static void narrow_held(narrowing *n)
{
    uint32_t at = n->first++ % HELD, b = n->block[at];
    crm__cut *cut = &n->r->cut;
    uint8_t flat;

    narrow_block(&n->column[at], &n->s->test, &n->one, n->words + b * CRM__COLUMN_WORDS, words_of(b),
                 cut->on && cut->by == n->s ? &cut->flat[b] : &flat);
}

static int narrow_next(narrowing *n, crm__column_walk *walk, uint32_t block)
{
    uint64_t *at = n->words + block * CRM__COLUMN_WORDS;
    uint32_t to = n->end % HELD;
    int rc = crm__column_walk_at(walk, n->r->chunk, n->s->column, block, &n->column[to]);

    if (rc == CRM_ENOTFOUND)
        clear_block(n->words, block);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    saw_block(n->r, n->s, walk, block);
    n->block[to] = block;
    n->end++;
    if (walk->cursor)
        crm__column_ask(&n->column[to], at, words_of(block));
    if (!walk->cursor || n->end - n->first == HELD)
        narrow_held(n);
    return CRM_OK;
}

int crm__column_narrow(crm__run *r, const crm__step *s, uint64_t *words)
{
    narrowing n = {.r = r, .s = s, .words = words};
    crm__column_walk walk;
    kv_cursor *cursor = NULL;
    int rc = CRM_OK;

    if (crm__column_one_range(s))
        n.one.limits[0] = s->test.limits;
    if (r->cut.on && r->cut.column == s->column)
        n.one.limits[1] = &r->cut.limits;
    if (!r->txn->write)
        cursor = crm__txn_cursor(r->txn, KV_COLUMN, &rc);
    crm__column_walk_begin(&walk, r->txn, cursor, &r->block);
    for (uint32_t b = next_asked(words, 0); b < CRM__COLUMN_BLOCKS && !rc;
         b = next_asked(words, b + 1))
        rc = narrow_next(&n, &walk, b);
    while (n.first < n.end)
        narrow_held(&n);
    return rc;
}

/* ---- rows in a list ---- */

enum { BLOCKS_AHEAD = 16 };

int crm__column_one_range(const crm__step *s)
{
    return s->test.limit_count == 1 && s->test.cmp != CRM__CMP_ANNIVERSARY;
}

/* Of a block with numbers of other scales. */
static uint32_t keep_one_by_one(const crm__column *c, const crm__limits *l, uint32_t first,
                                const uint16_t *rows, uint32_t n, uint16_t *to)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < n; i++) {
        crm__column_cell cell;
        crm__column_get(c, rows[i] - first, &cell);
        to[left] = rows[i];
        left += cell.state == CRM__CELL_NUMBER && crm__limits_take(l, cell.number, cell.scale);
    }
    return left;
}

/* Rows of a list that are in one block. */
typedef struct rows_at {
    uint32_t from, end, first;
    crm__column column;
} rows_at;

/* The next blocks that have rows of the list, `most` at most; what they have there, in lines of
 * memory here and there, is asked for before the first is looked at. */
static int find_blocks(crm__column_walk *walk, const crm__run *r, uint32_t column,
                       const uint16_t *rows, uint32_t *i, uint32_t n, rows_at *at, uint32_t *count)
{
    *count = 0;
    for (uint32_t end; *i < n && *count < BLOCKS_AHEAD; *i = end) {
        uint32_t block = rows[*i] / CRM__COLUMN_ROWS, first = block * CRM__COLUMN_ROWS;
        rows_at *to = &at[*count];
        int rc = crm__column_walk_at(walk, r->chunk, column, block, &to->column);
        if (rc && rc != CRM_ENOTFOUND)
            return rc;
        for (end = *i; end < n && (uint32_t)rows[end] - first < CRM__COLUMN_ROWS; end++) {
            if (!rc)
                __builtin_prefetch(to->column.p + (size_t)to->column.width * (rows[end] - first));
        }
        to->from = *i;
        to->end = end;
        to->first = first;
        *count += !rc;
    }
    return CRM_OK;
}

__attribute__((aligned(64))) int /* as crm__column_keep_rows() */
crm__column_keep(crm__run *r, uint32_t column, const crm__limits *l, uint16_t *rows,
                     uint32_t *n, crm__column_found *found)
{
    span one = {{l, NULL}, 0, 0, 0, 0, 0, 0};
    rows_at at[BLOCKS_AHEAD];
    uint32_t left = 0, next = 0, count;
    crm__column_walk walk;
    int rc = CRM_OK;
    kv_cursor *cursor = crm__txn_cursor(r->txn, KV_COLUMN, &rc);

    if (rc)
        return rc;
    crm__column_walk_begin(&walk, r->txn, cursor, &r->block);
    while (next < *n) {
        rc = find_blocks(&walk, r, column, rows, &next, *n, at, &count);
        if (rc)
            return rc;
        for (uint32_t i = 0; i < count; i++) {
            const crm__column *c = &at[i].column;
            const uint16_t *from = rows + at[i].from;
            uint32_t some = at[i].end - at[i].from, block = at[i].first / CRM__COLUMN_ROWS;
            if (found) {
                found->of[block] = *c;
                found->has[block] = 1;
            }
            if (c->wide) {
                left += keep_one_by_one(c, l, at[i].first, from, some, rows + left);
                continue;
            }
            span_at(&one, c->scale);
            left += crm__column_keep_rows(c, one.lo, one.hi, at[i].first, from, some, rows + left);
        }
    }
    *n = left;
    return CRM_OK;
}
