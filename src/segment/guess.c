/* SPDX-License-Identifier: MIT
 * How many customers a condition on numbers or events may be true of, guessed from heads: least,
 * greatest and how many of some blocks of a column, as if numbers between were spread evenly; how
 * many events some day lists hold, as if customers had them as often as not once they had one.
 */
#include "base/time.h"
#include "db/days.h"
#include "segment/step.h"

#include <string.h>

/* Looked at: so many chunks, spread over all, and in each so many blocks, or lists and parts of one. */
enum { CHUNKS = 4, BLOCKS = 2, LIST_CHUNKS = 2, LISTS = 4, PARTS = 4 };

/* The i-th of `most` chunks at most. */
static uint64_t chunk_at(const crm__plan *p, uint32_t most, uint32_t i)
{
    return p->chunks <= most ? i : p->chunks * (2 * i + 1) / (2 * most);
}

static uint32_t chunks_of(const crm__plan *p, uint32_t most)
{
    return p->chunks < most ? (uint32_t)p->chunks : most;
}

/* Rows that were ever given in a chunk. */
static uint32_t given(const crm__plan *p, uint64_t chunk)
{
    uint64_t next = p->txn->state.counters.next_id, first = chunk << CRM__CHUNK_SHIFT;

    return next - first < CRM__CHUNK_ROWS ? (uint32_t)(next - first) : CRM__CHUNK_ROWS;
}

/* A share of all customers. */
static uint64_t of_live(const crm__plan *p, double share)
{
    double live = (double)p->txn->state.counters.live;

    return share <= 0 ? 0 : (uint64_t)(live * (share < 1 ? share : 1));
}

/* ---- columns ---- */

/* Rows of a block that limits may take; wide numbers lie anywhere. */
static double rows_in(const crm__column *c, const crm__limits *l)
{
    double plain = (double)(c->rows - c->wide), most = (double)c->max - (double)c->min + 1;
    int64_t lo, hi;

    if (!crm__limits_at(l, c->scale, &lo, &hi) || lo > c->max || hi < c->min)
        return c->wide / 2.0;
    lo = lo > c->min ? lo : c->min;
    hi = hi < c->max ? hi : c->max;
    return plain * ((double)hi - (double)lo + 1) / most + c->wide / 2.0;
}

static int guess_column(crm__plan *p, crm__step *s)
{
    double found = 0, looked = 0;
    crm__buf room;
    int rc = CRM_OK;

    if (s->test.cmp == CRM__CMP_ANNIVERSARY || !s->test.limit_count)
        return CRM_OK;
    crm__buf_init(&room, p->txn->mem);
    for (uint32_t i = 0; i < chunks_of(p, CHUNKS) * BLOCKS && !rc; i++) {
        uint64_t chunk = chunk_at(p, CHUNKS, i / BLOCKS);
        uint32_t rows = given(p, chunk), row = rows * (2 * (i % BLOCKS) + 1) / (2 * BLOCKS);
        uint32_t block = row / CRM__COLUMN_ROWS, left = rows - block * CRM__COLUMN_ROWS;
        uint8_t key[CRM__KEY_COLUMN];
        crm__column c;
        looked += left < CRM__COLUMN_ROWS ? left : CRM__COLUMN_ROWS;
        rc = crm__txn_column(p->txn, crm__key_column(key, chunk, s->column, block), &room, &c);
        for (uint32_t k = 0; k < s->test.limit_count && !rc; k++)
            found += rows_in(&c, &s->test.limits[k]);
        rc = rc == CRM_ENOTFOUND ? CRM_OK : rc;
    }
    crm__buf_clear(&room);
    if (!rc && looked > 0)
        s->estimate = of_live(p, found / looked);
    return rc;
}

/* ---- events ---- */

typedef struct lists {
    kv_cursor *cursor;
    uint64_t chunk;
    uint32_t kind;
} lists;

/* The day of the list at a key, or on its side; CRM_ENOTFOUND: the kind has none there. */
static int list_at(const lists *l, kv_seek how, int32_t day, int32_t *found, crm__slice *v)
{
    uint8_t key[CRM__KEY_DAY_LIST];
    crm__slice k;
    int rc = l->cursor->ops->seek(l->cursor, how, crm__key_day_list(key, l->chunk, l->kind, day),
                                  &k, v);

    if (!rc && (k.n < CRM__KEY_DAY_LIST || memcmp(k.p, key, 8) != 0))
        rc = CRM_ENOTFOUND;
    if (!rc)
        *found = crm__key_day_of(k.p);
    return rc;
}

/* Items of the list of a day: those of its first parts. */
static int items_of(const lists *l, int32_t day, double *items)
{
    crm__slice k, v;
    int32_t at;
    int rc = list_at(l, KV_GE, day, &at, &v);

    for (int i = 0; i < PARTS && !rc && at == day; i++) {
        crm__day d;
        if (v.n < CRM__TAG_SIZE || crm__day_open(crm__slice_of(v.p, v.n - CRM__TAG_SIZE), &d))
            return CRM_ECORRUPT;
        *items += d.items;
        rc = l->cursor->ops->next(l->cursor, &k, &v);
        if (!rc && (k.n < CRM__KEY_DAY_LIST || crm__get_be32(k.p) != (uint32_t)l->chunk ||
                    crm__get_be32(k.p + 4) != l->kind))
            break;
        at = rc ? at : crm__key_day_of(k.p);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* Events of a chunk from one day to another. */
static int events_of(const lists *l, int32_t from, int32_t until, double *events)
{
    double items = 0;
    int32_t first, last;
    crm__slice v;
    int64_t days;
    int n, rc = list_at(l, KV_GE, from, &first, &v);

    if (!rc)
        rc = list_at(l, KV_LE, until, &last, &v); /* a list's key comes before those of its parts */
    if (rc || first > last)
        return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    days = (int64_t)last - first + 1;
    n = days < LISTS ? (int)days : LISTS;
    for (int i = 0; i < n && !rc; i++)
        rc = items_of(l, (int32_t)(first + days * (2 * i + 1) / (2 * n)), &items);
    *events += items / n * (double)days;
    return rc;
}

/* The share of customers with so many events at least, when they have `mean` in the mean. */
static double at_least(double mean, int64_t count)
{
    double share = 1, more = mean / (1 + mean);

    for (int64_t i = 0; i < count && share > 1e-9; i++)
        share *= more;
    return share;
}

static double share_of(const crm__step *s, double mean)
{
    double share = at_least(mean, 1);
    int64_t lo, hi;

    if (s->aggregate == CRM__AGG_COUNT && s->test.limit_count) {
        if (!crm__limits_at(&s->test.limits[0], 0, &lo, &hi) || hi < 0)
            return 0;
        share = at_least(mean, lo > 0 ? lo : 0) - (hi < 1000 ? at_least(mean, hi + 1) : 0);
    } else if (s->aggregate != CRM__AGG_EXISTS || s->node->op == CRM__NODE_SEQUENCE) {
        share /= 2;
    }
    return share;
}

static int guess_events(crm__plan *p, crm__step *s)
{
    lists l = {NULL, 0, 0};
    double events = 0, rows = 0;
    int32_t from, until;
    int rc = CRM_OK;

    if (!s->events.kind || p->txn->write) /* of a write transaction edits wait above the lists */
        return CRM_OK;
    if (!crm__events_days(&s->events, &from, &until)) {
        s->estimate = of_live(p, share_of(s, 0));
        return CRM_OK;
    }
    l.kind = s->events.kind->number;
    l.cursor = crm__txn_cursor(p->txn, KV_DAY, &rc);
    for (uint32_t i = 0; i < chunks_of(p, LIST_CHUNKS) && !rc; i++) {
        l.chunk = chunk_at(p, LIST_CHUNKS, i);
        rows += given(p, l.chunk);
        rc = events_of(&l, from, until, &events);
    }
    for (uint32_t i = 0; i < s->events.count; i++)
        events /= 2;
    if (!rc && rows > 0)
        s->estimate = of_live(p, share_of(s, events / rows));
    return rc;
}

/* Questions that are answered together are one `and`. */
static int guess_days(crm__plan *p, crm__step *s)
{
    uint64_t least = UINT64_MAX;
    int rc = CRM_OK;

    for (crm__step *q = s; q && !rc; q = q->more) {
        rc = guess_events(p, q);
        least = q->estimate < least ? q->estimate : least;
    }
    s->estimate = least;
    return rc;
}

int crm__step_guess(crm__plan *p, crm__step *s)
{
    int rc = CRM_OK, leaf = !s->guessed && !s->child_count;

    if (leaf && s->op == CRM__STEP_COLUMN)
        rc = guess_column(p, s);
    else if (leaf && (s->op == CRM__STEP_DAYS || s->op == CRM__STEP_EVENTS))
        rc = guess_days(p, s);
    s->guessed = 1;
    rc = rc == CRM_ECORRUPT ? CRM_OK : rc; /* whoever is asked there will say so */
    for (uint32_t i = 0; i < s->child_count && !rc; i++)
        rc = crm__step_guess(p, s->children[i]);
    crm__step_sum(p, s);
    return rc;
}
