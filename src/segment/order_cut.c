/* SPDX-License-Identifier: MIT
 * What of a chunk need not be offered to a list that holds the best, or will: see order.h.
 */
#include "segment/order_part.h"

#include <string.h>

/* So many rows of a block are looked at one by one. */
enum { FEW = 64 };

/* What comes before a value, or with it where `equal`; 0: the column can't tell. */
static int before(const crm__order_by *by, const crm__order_value *v, int equal, crm__limits *to)
{
    memset(to, 0, sizeof *to);
    if (!crm__order_in_column(by) || !v->has)
        return 0;
    to->lo = to->hi = (int64_t)(v->number / crm__order_twelve(1, 0));
    if (crm__order_twelve(to->lo, 0) != v->number)
        return 0; /* has digits behind the point */
    to->flags = by->descending ? CRM__LIMIT_LO : CRM__LIMIT_HI;
    if (!equal && !by->text) /* what begins alike may come before or behind */
        to->flags |= by->descending ? CRM__LIMIT_LO_OPEN : CRM__LIMIT_HI_OPEN;
    return 1;
}

/* A step of the column itself, or one that others are asked together with. */
static const crm__step *passed_by_all(const crm__step *s, uint32_t column)
{
    uint32_t n = s->op == CRM__STEP_AND ? s->child_count : 1;

    for (uint32_t i = 0; i < n; i++) {
        const crm__step *of = s->op == CRM__STEP_AND ? s->children[i] : s;
        if (of->op == CRM__STEP_COLUMN && of->column == column)
            return of;
    }
    return NULL;
}

void crm__order_cut(const crm__order_list *o, const crm__order_entry *last, crm__run *r)
{
    crm__cut *cut = &r->cut;

    memset(cut, 0, sizeof *cut);
    cut->on = last->loaded && before(&o->by[0], &last->values[0], o->count > 1, &cut->limits);
    if (!cut->on)
        return;
    cut->column = crm__order_column(&o->by[0]);
    cut->by = passed_by_all(r->plan->root, cut->column);
}

/* The rows in words of one block, n words, go to a list as long as they are few: how many. */
static uint32_t list_few(const uint64_t *words, size_t n, uint32_t first, uint16_t *rows)
{
    uint32_t count = 0;

    for (size_t w = 0; w < n; w++) {
        for (uint64_t left = words[w]; left; left &= left - 1) {
            if (count == FEW)
                return 0;
            rows[count++] = (uint16_t)(first + w * 64 + (uint32_t)__builtin_ctzll(left));
        }
    }
    return count;
}

/* Takes out of words, for a list, the rows of blocks of which only such are left that are all just
 * as good by the first key.  Where they are so many that codes are better compared as they lie,
 * they stay. */
static uint32_t take_flat(const crm__cut *cut, uint64_t *words, uint16_t *rows)
{
    uint32_t n = 0;

    for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS; b++) {
        uint64_t *at = words + b * CRM__COLUMN_WORDS;
        size_t count = b + 1 == CRM__COLUMN_BLOCKS ? CRM__COLUMN_LAST_WORDS : CRM__COLUMN_WORDS;
        uint32_t some = cut->flat[b] ? list_few(at, count, b * CRM__COLUMN_ROWS, rows + n) : 0;
        if (some)
            memset(at, 0, count * sizeof *at);
        n += some;
    }
    return n;
}

int crm__order_cut_chunk(crm__run *r, crm__order_list *o, const crm__order_entry *last,
                         uint64_t *words)
{
    uint16_t rows[CRM__COLUMN_BLOCKS * FEW];
    crm__limits limits;
    uint32_t n;
    int rc;

    if (r->txn->write || !r->cut.on || !r->cut.by || o->count < 2 || o->by[0].text ||
        last->loaded < 2 || !before(&o->by[1], &last->values[1], o->count > 2, &limits))
        return CRM_OK;
    n = take_flat(&r->cut, words, rows);
    o->has_found = 1;
    o->found_chunk = r->chunk;
    memset(o->found.has, 0, sizeof o->found.has);
    rc = crm__column_keep(r, crm__order_column(&o->by[1]), &limits, rows, &n, &o->found);
    for (uint32_t i = 0; i < n; i++)
        crm__set_put(words, rows[i], 1);
    return rc;
}

/* Whether the step of that column has taken out what comes behind, and what has no number. */
static int is_cut(const crm__cut *cut, const crm__limits *l)
{
    return cut->on && cut->by && cut->limits.flags == l->flags && cut->limits.lo == l->lo &&
           cut->limits.hi == l->hi;
}

/* Of `same`, who are as good as the entry by the first key, only those who are before it by the
 * second stay. */
static int cut_second(crm__run *r, crm__order_list *o, crm__order_entry *last, uint64_t chunk,
                      uint32_t block, const uint64_t *same, uint64_t *words, int n)
{
    const crm__column *second = &o->by[1].at.column;
    uint64_t keep[CRM__COLUMN_WORDS];
    crm__limits limits;
    int64_t lo, hi;
    int rc;

    if (o->by[0].text || last->loaded < 2 ||
        !before(&o->by[1], &last->values[1], o->count > 2, &limits))
        return CRM_OK;
    rc = crm__order_block_at(r, o, &o->by[1], chunk, block);
    if (rc || o->by[1].at.absent || second->wide ||
        !crm__limits_at(&limits, second->scale, &lo, &hi))
        return rc;
    memcpy(keep, same, (size_t)n * sizeof *keep);
    crm__column_within(second, lo, hi, keep, n);
    for (int w = 0; w < n; w++)
        words[w] &= keep[w] | ~same[w];
    return CRM_OK;
}

static int cut_equal(crm__run *r, crm__order_list *o, crm__order_entry *last, uint64_t chunk,
                     uint32_t block, int64_t equal, uint64_t *words, int n)
{
    const crm__column *first = &o->by[0].at.column;
    uint64_t same[CRM__COLUMN_WORDS];

    memcpy(same, words, (size_t)n * sizeof *same);
    if (equal != (o->by[0].descending ? first->max : first->min)) /* else all there are equal it */
        crm__column_within(first, equal, equal, same, n);
    return cut_second(r, o, last, chunk, block, same, words, n);
}

int crm__order_at_end(const crm__run *r, const crm__order_list *o, uint32_t block)
{
    return r->cut.on && r->cut.by && r->cut.flat[block] && !o->by[0].text;
}

int crm__order_cut_block(crm__run *r, crm__order_list *o, crm__order_entry *last, uint64_t chunk,
                         uint32_t block, uint64_t *words, int n)
{
    const crm__column *c = &o->by[0].at.column;
    crm__limits limits;
    int64_t lo, hi;
    int rc;

    if (!last->loaded || !before(&o->by[0], &last->values[0], o->count > 1, &limits))
        return CRM_OK;
    if (is_cut(&r->cut, &limits) && r->cut.flat[block]) {
        if (o->has_found && o->found_chunk == chunk && o->found.has[block])
            return CRM_OK; /* the few that are left were cut with the chunk */
        uint64_t same[CRM__COLUMN_WORDS];
        memcpy(same, words, (size_t)n * sizeof *same);
        return o->count > 1 ? cut_second(r, o, last, chunk, block, same, words, n) : CRM_OK;
    }
    rc = crm__order_block_at(r, o, &o->by[0], chunk, block);
    if (rc || o->by[0].at.absent || c->wide || !crm__limits_at(&limits, c->scale, &lo, &hi))
        return rc;
    crm__column_within(c, lo, hi, words, n);
    return o->count > 1
               ? cut_equal(r, o, last, chunk, block, o->by[0].descending ? lo : hi, words, n)
               : CRM_OK;
}

/* ---- the first chunk ---- */

/* Blocks that a guess at the best is made of, one in so many, and how many of the best it takes. */
enum { SAMPLE_EACH = 8, SAMPLE_MOST = 64 };

typedef struct best {
    uint32_t n, most;
    int descending, scale;
    int64_t of[SAMPLE_MOST]; /* the best first */
} best;

static void take_best(best *b, int64_t number)
{
    uint32_t at = b->n;

    while (at && (b->descending ? number > b->of[at - 1] : number < b->of[at - 1]))
        at--;
    if (at == b->most)
        return;
    b->n += b->n < b->most;
    memmove(b->of + at + 1, b->of + at, (b->n - 1 - at) * sizeof *b->of);
    b->of[at] = number;
}

/* The numbers of the rows in words.  0: they are not all told by codes of one scale. */
static int take_block(best *b, const crm__column *c, const uint64_t *words, int n)
{
    int64_t numbers[CRM__COLUMN_ROWS];
    uint64_t has[CRM__COLUMN_WORDS];

    if (c->wide || (b->n && c->scale != b->scale))
        return 0;
    b->scale = c->scale;
    crm__column_numbers(c, numbers);
    crm__column_present(c, has);
    for (int w = 0; w < n; w++) {
        for (uint64_t left = words[w] & has[w]; left; left &= left - 1)
            take_best(b, numbers[w * 64 + __builtin_ctzll(left)]);
    }
    return 1;
}

static int words_of(uint32_t block)
{
    return block + 1 == CRM__COLUMN_BLOCKS ? CRM__COLUMN_LAST_WORDS : CRM__COLUMN_WORDS;
}

/* Of some blocks.  b->n 0: nothing can be said. */
static int guess_best(crm__run *r, crm__order_list *o, const uint64_t *words, best *b)
{
    crm__order_by *by = &o->by[0];

    for (uint32_t block = 0; block < CRM__COLUMN_BLOCKS; block += SAMPLE_EACH) {
        int rc = crm__order_block_at(r, o, by, r->chunk, block);
        if (rc)
            return rc;
        if (!by->at.absent && !take_block(b, &by->at.column, words + block * CRM__COLUMN_WORDS,
                                          words_of(block))) {
            b->n = 0;
            return CRM_OK;
        }
    }
    return CRM_OK;
}

/* words = rows at least as good as the last of the best.  *sure: 0: not all could be told. */
static int keep_best(crm__run *r, crm__order_list *o, const best *b, uint64_t *words, int *sure)
{
    crm__order_by *by = &o->by[0];
    int64_t end = b->of[b->n - 1];

    *sure = 1;
    for (uint32_t block = 0; block < CRM__COLUMN_BLOCKS && *sure; block++) {
        uint64_t *at = words + block * CRM__COLUMN_WORDS;
        int rc = crm__order_block_at(r, o, by, r->chunk, block);
        if (rc)
            return rc;
        if (by->at.absent)
            memset(at, 0, (size_t)words_of(block) * sizeof *at);
        else if (by->at.column.wide || by->at.column.scale != b->scale)
            *sure = 0;
        else
            crm__column_within(&by->at.column, b->descending ? end : INT64_MIN,
                               b->descending ? INT64_MAX : end, at, words_of(block));
    }
    return CRM_OK;
}

int crm__order_trim(crm__run *r, crm__order_list *o, uint64_t most, uint64_t *words)
{
    uint64_t some[CRM__SET_WORDS], rows;
    best b = {0, 0, o->by[0].descending, 0, {0}};
    int rc, sure;

    if (!crm__order_in_column(&o->by[0]) || most > SAMPLE_MOST * SAMPLE_EACH / 2)
        return CRM_OK;
    rows = crm__set_count(words);
    if (rows < most * 2)
        return CRM_OK;
    b.most = (uint32_t)(most * 2 / SAMPLE_EACH + 2); /* twice what should be in that share */
    b.most = b.most < SAMPLE_MOST ? b.most : SAMPLE_MOST;
    rc = guess_best(r, o, words, &b);
    if (rc || !b.n)
        return rc;
    memcpy(some, words, sizeof some);
    rc = keep_best(r, o, &b, some, &sure);
    if (!rc && sure && crm__set_count(some) >= most)
        memcpy(words, some, sizeof some);
    return rc;
}
