/* SPDX-License-Identifier: MIT
 * A tag as a whole: renamed, merged into another, deleted.  Numbers are never given another name,
 * for the journal tells what was, by numbers: the customers get the other tag.
 */
#include "db/journal.h"
#include "tag/tag.h"

#include <string.h>

/* One tag becomes another; `to` is 0 for a delete. */
typedef struct move {
    crm_txn *txn;
    const crm__tag *from, *to;
    crm__buf others; /* crm__tag: that give way to `to`, in a dimension with one */
    int strict;      /* customers who have the other one already are a fault */
    uint64_t touched;
    crm_error *err;
} move;

/* ---- ways ---- */

/* Rows that were given the tag alike, as a list. */
typedef struct way {
    crm__tag_how how;
    uint32_t rows, first;
} way;

enum { WAYS = 1024, FEW = 16, NO_ROW = UINT32_MAX };

/* How the rows were given the tag.  All is read before anything is changed: looks at edits that
 * change all the time would take the square of it. */
typedef struct ways {
    crm__buf list;       /* way */
    crm__buf bytes;      /* of the attributes at hand */
    uint32_t like[WAYS]; /* by a hash of the attributes: a way that may be the same, + 1 */
    uint32_t next[CRM__CHUNK_ROWS]; /* in the list of its way */
} ways;

static int is_empty(const uint64_t *words)
{
    return crm__set_next(words, 0) < 0;
}

static int same_how(const crm__tag_how *a, const crm__tag_how *b)
{
    return a->origin == b->origin && a->until == b->until && a->reason.n == b->reason.n &&
           (!a->reason.n || !memcmp(a->reason.p, b->reason.p, a->reason.n));
}

/* The way of some attributes; NULL when there is no memory. */
static way *way_of(move *v, ways *ws, const crm__tag_how *how)
{
    way *list = (way *)(void *)ws->list.p, made = {*how, 0, NO_ROW};
    uint8_t *copy;
    uint32_t *at;

    ws->bytes.n = 0;
    crm__tag_how_encode(how, &ws->bytes);
    if (ws->bytes.failed)
        return NULL;
    at = &ws->like[crm__hash64(0, ws->bytes.p, ws->bytes.n) % WAYS];
    if (*at && same_how(&list[*at - 1].how, how))
        return &list[*at - 1];
    if (how->reason.n) {
        copy = crm__arena_copy(&v->txn->work, how->reason.p, how->reason.n);
        if (!copy)
            return NULL;
        made.how.reason.p = copy;
    }
    crm__buf_add(&ws->list, &made, sizeof made);
    if (ws->list.failed)
        return NULL;
    *at = (uint32_t)(ws->list.n / sizeof made);
    return (way *)(void *)ws->list.p + *at - 1;
}

/* Adds what one part of an entry gave to the rows that are left. */
static int add_part(move *v, const crm__tag_walk *w, uint64_t *left, ways *ws)
{
    crm__tag_how how;
    way *at;
    int rc = crm__tag_how_read(v->txn, w->seq, CRM__TAGGED_GROUP(w->part), &how);

    if (rc)
        return rc;
    if (!v->from->dimension->expires)
        how.until = 0;
    at = way_of(v, ws, &how);
    if (!at)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < CRM__SET_WORDS; i++) {
        uint64_t some = w->words[i] & left[i];
        left[i] &= ~some;
        for (uint32_t row = i * 64; some; some >>= 1, row++) {
            if (!(some & 1))
                continue;
            ws->next[row] = at->first;
            at->first = row;
            at->rows++;
        }
    }
    return CRM_OK;
}

/* The last entries first: each row belongs to the first part that has it. */
static int find_ways(move *v, uint64_t chunk, const uint64_t *rows, ways *ws)
{
    crm__tag_walk *w = crm__alloc(v->txn->mem, sizeof *w);
    uint64_t left[CRM__SET_WORDS];
    int rc = w ? CRM_OK : CRM_ENOMEM;

    memcpy(left, rows, sizeof left);
    if (w)
        crm__tag_walk_open(v->txn, chunk, v->from->number, UINT64_MAX, w);
    while (!rc && !is_empty(left)) {
        uint64_t any = 0;
        rc = crm__tag_walk_next(w);
        for (int i = 0; i < CRM__SET_WORDS && !rc; i++)
            any |= w->words[i] & left[i];
        if (any && w->part == CRM__TAGGED_REMOVED)
            rc = CRM_ECORRUPT;
        else if (any)
            rc = add_part(v, w, left, ws);
    }
    crm__release(v->txn->mem, w);
    return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc; /* rows that no entry gave the tag */
}

/* The other tag gets the rows of one way as they were: with their end, origin and reason. */
static int give_way(move *v, uint64_t chunk, const ways *ws, const way *one)
{
    int ends = v->to->dimension->expires, rc = CRM_OK;
    uint64_t words[CRM__SET_WORDS] = {0};
    crm__tagging t;

    if (one->how.until && !ends)
        return crm__fail_field(v->err, CRM_EVALUE, v->to->dimension->key,
                               "a customer's tag has an end, and one of %s has none",
                               v->to->dimension->key);
    crm__tagging_begin(v->txn, 0, &one->how, &t, v->err);
    for (uint32_t row = one->first; row != NO_ROW && !rc; row = ws->next[row]) {
        if (one->rows > FEW)
            crm__set_put(words, row, 1);
        else
            rc = crm__tag_row(&t, v->to->number, ends, (chunk << CRM__CHUNK_SHIFT) + row, 1);
    }
    if (one->rows > FEW)
        rc = crm__tag_chunk(&t, v->to->number, ends, chunk, words, 1, NULL);
    crm__buf_clear(&t.tags);
    return rc;
}

static int move_rows(move *v, uint64_t chunk, const uint64_t *rows)
{
    ways *ws;
    int rc;

    if (is_empty(rows))
        return CRM_OK;
    ws = crm__alloc(v->txn->mem, sizeof *ws);
    if (!ws)
        return crm__fail_nomem(v->err);
    memset(ws->like, 0, sizeof ws->like);
    crm__buf_init(&ws->list, v->txn->mem);
    crm__buf_init(&ws->bytes, v->txn->mem);
    rc = find_ways(v, chunk, rows, ws);
    if (rc)
        rc = crm__txn_fail(v->txn, rc, "can't read the tag", v->err);
    for (size_t i = 0; i < ws->list.n / sizeof(way) && !rc; i++)
        rc = give_way(v, chunk, ws, (const way *)(const void *)ws->list.p + i);
    crm__buf_clear(&ws->list);
    crm__buf_clear(&ws->bytes);
    crm__release(v->txn->mem, ws);
    return rc;
}

/* ---- chunks ---- */

/* In a dimension with one the new tag takes the place of the old.  `ended` keeps those rows that
 * have no other tag. */
static int take_others(move *v, uint64_t chunk, const uint64_t *rows, uint64_t *ended)
{
    const crm__tag *list = (const crm__tag *)(const void *)v->others.p;
    crm__tagging t;
    int rc = CRM_OK;

    crm__tagging_begin(v->txn, 0, NULL, &t, v->err);
    for (size_t i = 0; i < v->others.n / sizeof *list && !rc; i++) {
        uint64_t has[CRM__SET_WORDS] = {0};
        uint8_t key[CRM__KEY_TAG];
        if (list[i].number == v->to->number || list[i].number == v->from->number)
            continue;
        rc = crm__txn_set(v->txn, KV_TAG, crm__key_tag(key, chunk, list[i].number), has);
        if (rc)
            rc = crm__txn_fail(v->txn, rc, "can't read the tag", v->err);
        else if (!is_empty(has))
            rc = crm__tag_chunk(&t, list[i].number, list[i].dimension->expires, chunk, rows, 0,
                                NULL);
        for (int k = 0; k < CRM__SET_WORDS; k++)
            ended[k] &= ~has[k];
    }
    crm__buf_clear(&t.tags);
    return rc;
}

/* The rows of a tag, and those of them whose end has not come. */
static int read_rows(move *v, const crm__tag *tag, uint64_t chunk, uint64_t *rows, uint64_t *live)
{
    uint8_t key[CRM__KEY_TAG];
    int rc;

    memset(rows, 0, CRM__SET_WORDS * sizeof *rows);
    rc = crm__txn_set(v->txn, KV_TAG, crm__key_tag(key, chunk, tag->number), rows);
    memcpy(live, rows, CRM__SET_WORDS * sizeof *live);
    if (!rc && tag->dimension->expires && !is_empty(live))
        rc = crm__tag_unexpired(v->txn, chunk, tag->number, v->txn->now, live);
    return rc ? crm__txn_fail(v->txn, rc, "can't read the tag", v->err) : CRM_OK;
}

/* Gives the other tag to those who do not have it.  A tag whose end has come counts as one that
 * they do not have: it is kept, ended, where it is in nobody's way. */
static int give_other(move *v, uint64_t chunk, const uint64_t *rows, const uint64_t *live)
{
    uint64_t other[CRM__SET_WORDS], had[CRM__SET_WORDS], ended[CRM__SET_WORDS];
    int rc = read_rows(v, v->to, chunk, other, had);

    if (rc)
        return rc;
    if (v->strict && !is_empty(had))
        return crm__fail_field(v->err, CRM_EEXISTS, v->to->dimension->key,
                               "customers have the other tag already: merge the two");
    for (int i = 0; i < CRM__SET_WORDS; i++) {
        ended[i] = v->to->dimension->expires ? rows[i] & ~live[i] & ~other[i] : 0;
        had[i] = live[i] & ~had[i]; /* those who get it */
    }
    rc = take_others(v, chunk, had, ended);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        had[i] |= ended[i];
    return rc ? rc : move_rows(v, chunk, had);
}

/* Takes the rows from the tag, and gives those the other one that have it not. */
static int change_chunk(move *v, uint64_t chunk)
{
    uint64_t rows[CRM__SET_WORDS], live[CRM__SET_WORDS];
    crm__tagging t;
    int rc = read_rows(v, v->from, chunk, rows, live);

    if (!rc && v->to && (v->strict || !is_empty(rows)))
        rc = give_other(v, chunk, rows, live);
    if (rc || is_empty(rows))
        return rc;
    crm__tagging_begin(v->txn, 0, NULL, &t, v->err);
    rc = crm__tag_chunk(&t, v->from->number, v->from->dimension->expires, chunk, rows, 0, NULL);
    crm__buf_clear(&t.tags);
    v->touched += t.changed;
    return rc;
}

static int change_tag(move *v)
{
    uint64_t end = v->txn->state.counters.next_id;
    int rc = CRM_OK;

    for (uint64_t chunk = 0; !rc && chunk << CRM__CHUNK_SHIFT < end; chunk++) {
        rc = crm__txn_step(v->txn, chunk << CRM__CHUNK_SHIFT, end, v->err);
        if (!rc)
            rc = change_chunk(v, chunk);
    }
    return rc;
}

/* Whether any customer has a tag. */
static int is_used(crm_txn *txn, uint32_t tag, int *used)
{
    int rc = CRM_OK;

    *used = 0;
    for (uint64_t chunk = 0;
         !rc && !*used && chunk << CRM__CHUNK_SHIFT < txn->state.counters.next_id; chunk++) {
        uint64_t words[CRM__SET_WORDS] = {0};
        uint8_t key[CRM__KEY_TAG];
        rc = crm__txn_set(txn, KV_TAG, crm__key_tag(key, chunk, tag), words);
        *used = !rc && crm__set_next(words, 0) >= 0;
    }
    return rc;
}

/* The tag that one below `tag` becomes. */
static int name_below(crm_txn *txn, const crm__model *m, const crm__tag *tag, const crm__tag *below,
                      const crm__tag *to, crm__tag *out, crm_error *err)
{
    crm__buf name;
    int rc;

    crm__buf_init(&name, txn->mem);
    crm__buf_add(&name, to->name.p, to->name.n);
    crm__buf_add(&name, below->name.p + tag->name.n, below->name.n - tag->name.n);
    rc = name.failed
             ? crm__fail_nomem(err)
             : crm__tag_read(txn, m, NULL, (const char *)name.p, name.n, 1, &txn->work, out, err);
    crm__buf_clear(&name);
    return rc;
}

static int lies_below(const crm__tag *tag, const crm__tag *to)
{
    return to->name.n >= tag->name.n && !memcmp(to->name.p, tag->name.p, tag->name.n) &&
           (to->name.n == tag->name.n || to->name.p[tag->name.n] == '/');
}

/* What the loop gives is in the way of what it gives later, as all of the dimension are: of several
 * tags that a customer has, the last stays. */
static int one_of_them(move *v, const crm__tag *tag)
{
    const crm__tag *list = (const crm__tag *)(const void *)v->others.p;

    for (size_t i = 0; i < v->others.n / sizeof *list; i++) {
        if (list[i].number == tag->number)
            return CRM_OK;
    }
    crm__buf_add(&v->others, tag, sizeof *tag);
    return v->others.failed ? crm__fail_nomem(v->err) : CRM_OK;
}

/* All of them, in one batch. */
static int change_all(crm_txn *txn, const crm__model *m, const crm__tag *tag, const crm__tag *to,
                      int strict, uint64_t *touched, crm_error *err)
{
    move v = {.txn = txn, .strict = strict, .err = err};
    const crm__tag *list;
    crm__tag other;
    crm__buf tags;
    int rc;

    crm__buf_init(&tags, txn->mem);
    crm__buf_init(&v.others, txn->mem);
    rc = crm__tag_below(txn, m, tag, &txn->work, &tags);
    if (!rc && to && to->dimension->one)
        rc = crm__tag_of_dimension(txn, m, to->dimension, &txn->work, &v.others);
    if (rc)
        rc = crm__txn_fail(txn, rc, "can't read the dictionary", err);
    list = (const crm__tag *)(const void *)tags.p;
    for (size_t i = 0; i < tags.n / sizeof *list && !rc; i++) {
        int used;
        v.from = &list[i];
        rc = is_used(txn, v.from->number, &used);
        if (rc)
            rc = crm__txn_fail(txn, rc, "can't read the tag", err);
        if (rc || !used)
            continue;
        if (to) {
            rc = name_below(txn, m, tag, &list[i], to, &other, err);
            v.to = &other;
            if (!rc && other.dimension->one)
                rc = one_of_them(&v, &other);
        }
        if (!rc)
            rc = change_tag(&v);
    }
    crm__buf_clear(&tags);
    crm__buf_clear(&v.others);
    *touched = v.touched;
    if (!rc && !v.touched)
        rc = crm__fail_field(err, CRM_ENOTFOUND, tag->dimension->key, "no customer has the tag");
    return rc;
}

enum { DELETE, RENAME, MERGE };

static int run(crm_txn *txn, const char *tag, const char *to, int what, uint64_t *touched,
               crm_error *err)
{
    const crm__model *m = NULL;
    crm__tag from, other;
    uint64_t n = 0;
    crm__op op;
    int rc = crm__op_begin(txn, &op, err), own = 0;

    if (rc)
        return rc;
    if (!tag || (what != DELETE && !to))
        rc = crm__fail_field(op.err, CRM_EINVAL, tag ? "to" : "tag", "a tag is NULL");
    if (!rc)
        rc = crm__txn_model(txn, &m, op.err);
    if (!rc)
        rc = crm__tag_read(txn, m, NULL, tag, strlen(tag), 0, &txn->work, &from, op.err);
    if (!rc && to)
        rc = crm__tag_read(txn, m, NULL, to, strlen(to), 1, &txn->work, &other, op.err);
    if (!rc && to && lies_below(&from, &other))
        rc = crm__fail_field(op.err, CRM_EVALUE, "to", "the other tag is this one, or below it");
    if (!rc && !txn->batch.on) {
        rc = crm__batch_enter(txn, 0, op.err);
        own = !rc;
    }
    if (!rc)
        rc = change_all(txn, m, &from, to ? &other : NULL, what == RENAME, &n, op.err);
    if (own && rc)
        crm__batch_drop(txn);
    else if (own)
        rc = crm__batch_leave(txn, op.err);
    if (!rc && touched)
        *touched = n;
    return crm__op_end(txn, &op, rc);
}

int crm_tag_rename(crm_txn *txn, const char *tag, const char *to, uint64_t *touched, crm_error *err)
{
    return run(txn, tag, to, RENAME, touched, err);
}

int crm_tag_merge(crm_txn *txn, const char *tag, const char *into, uint64_t *touched,
                  crm_error *err)
{
    return run(txn, tag, into, MERGE, touched, err);
}

int crm_tag_delete(crm_txn *txn, const char *tag, uint64_t *touched, crm_error *err)
{
    return run(txn, tag, NULL, DELETE, touched, err);
}
