/* SPDX-License-Identifier: MIT
 * Changing the tags of customers: see tagged.h.
 *
 * All of it is switches of sets in the edit list, so that savepoints, failed calls and group
 * commits drop it like any other edit.  A transaction that tags many customers one by one asks the
 * same few sets again and again: they are kept at hand, and brought up to date by the switches
 * since.
 */
#include "db/tagged.h"

#include "bits/kernel.h"
#include "db/journal.h"

#include <stdlib.h>
#include <string.h>

enum { VIEWS = 256, GROUPS = 256 };

/* ---- sets at hand ---- */

typedef struct view {
    kv_space space;
    uint8_t key[CRM__KEY_TAGGED];
    size_t n;
    uint64_t resets, rollbacks;
    uint32_t seen; /* switches that are in the words */
    uint64_t words[CRM__SET_WORDS];
} view;

struct crm__tag_cache {
    view *views[VIEWS];
    uint32_t groups[GROUPS]; /* by a hash of their attributes: which may be the same */
};

void crm__tag_cache_free(crm_txn *txn)
{
    crm__tag_cache *c = txn->tag_cache;

    if (!c)
        return;
    for (int i = 0; i < VIEWS; i++)
        crm__release(txn->mem, c->views[i]);
    crm__release(txn->mem, c);
    txn->tag_cache = NULL;
}

static crm__tag_cache *cache_of(crm_txn *txn)
{
    if (!txn->tag_cache)
        txn->tag_cache = crm__calloc(txn->mem, 1, sizeof *txn->tag_cache);
    return txn->tag_cache;
}

/* A set as the transaction sees it; good until the next call. */
static int view_of(crm_txn *txn, kv_space space, crm__slice key, const uint64_t **words)
{
    crm__tag_cache *c = cache_of(txn);
    const crm__edits *e = &txn->edits;
    const uint64_t *ops;
    uint32_t count;
    view **at, *v;
    int rc;

    if (!c)
        return CRM_ENOMEM;
    at = &c->views[crm__hash64((uint64_t)space, key.p, key.n) % VIEWS];
    if (!*at && !(*at = crm__calloc(txn->mem, 1, sizeof **at)))
        return CRM_ENOMEM;
    v = *at;
    *words = v->words;
    ops = crm__edits_ops(e, space, key, &count);
    if (v->n == key.n && v->space == space && !memcmp(v->key, key.p, key.n) &&
        v->resets == e->resets && v->rollbacks == e->rollbacks) {
        crm__edits_rows(ops + v->seen, count - v->seen, v->words);
        v->seen = count;
        return CRM_OK;
    }
    memset(v->words, 0, sizeof v->words);
    v->n = 0;
    rc = crm__txn_set(txn, space, key, v->words);
    if (rc)
        return rc;
    v->space = space;
    memcpy(v->key, key.p, key.n);
    v->n = key.n;
    v->resets = e->resets;
    v->rollbacks = e->rollbacks;
    v->seen = count;
    return CRM_OK;
}

static int has_row(crm_txn *txn, kv_space space, crm__slice key, uint32_t row, int *has)
{
    const uint64_t *words;
    int rc = view_of(txn, space, key, &words);

    *has = rc ? 0 : crm__set_has(words, row);
    return rc;
}

int crm__tag_has(crm_txn *txn, uint32_t tag, crm_id id, int *has)
{
    uint8_t key[CRM__KEY_TAG];
    crm__slice k = crm__key_tag(key, id >> CRM__CHUNK_SHIFT, tag), stored, payload;
    uint32_t row = (uint32_t)(id & (CRM__CHUNK_ROWS - 1));
    crm__set_view set;
    int rc;

    if (txn->write)
        return has_row(txn, KV_TAG, k, row, has);
    *has = 0;
    rc = txn->kv->ops->get(txn->kv, KV_TAG, k, &stored);
    if (!rc)
        rc = crm__untag(txn->store, KV_TAG, k, stored, &payload);
    if (!rc)
        rc = crm__set_open(payload, &set);
    if (!rc)
        *has = crm__set_view_has(&set, row);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* ---- groups ---- */

void crm__tag_how_encode(const crm__tag_how *how, crm__buf *out)
{
    crm__buf_add_u8(out, how->origin);
    crm__buf_add_u8(out, (how->until ? 1u : 0) | (how->reason.n ? 2u : 0));
    if (how->until) {
        uint8_t until[8];
        crm__put_le64(until, (uint64_t)how->until);
        crm__buf_add(out, until, sizeof until);
    }
    crm__buf_add(out, how->reason.p, how->reason.n);
}

static int how_decode(crm__slice row, crm__tag_how *how)
{
    crm__reader in = crm__reader_of(row.p, row.n);
    uint8_t flags;

    memset(how, 0, sizeof *how);
    how->origin = crm__read_u8(&in);
    flags = crm__read_u8(&in);
    if (flags & 1)
        how->until = (int64_t)crm__read_le64(&in);
    how->reason.n = crm__reader_left(&in);
    how->reason.p = in.p;
    return in.failed || flags > 3 || how->origin >= CRM__TAG_ORIGINS ||
                   how->reason.n > CRM__TAG_REASON || !(flags & 2) != !how->reason.n ||
                   (flags & 1 && !how->until)
               ? CRM_ECORRUPT
               : CRM_OK;
}

int crm__tag_how_read(crm_txn *txn, uint64_t seq, uint32_t group, crm__tag_how *how)
{
    uint8_t key[CRM__KEY_TAGGED];
    crm__slice row;
    int rc;

    memset(how, 0, sizeof *how);
    if (!group)
        return CRM_OK;
    rc = crm__txn_read(txn, KV_TAGGED, crm__key_tagged(key, CRM__TAGGED_HOW, 0, seq, group), &row);
    return rc ? (rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc) : how_decode(row, how);
}

static int same_how(const crm__tag_how *a, const crm__tag_how *b)
{
    return a->origin == b->origin && a->until == b->until && a->reason.n == b->reason.n &&
           !memcmp(a->reason.p ? a->reason.p : (const uint8_t *)"",
                   b->reason.p ? b->reason.p : (const uint8_t *)"", a->reason.n);
}

/* The number of the call's attributes in the entry; two may have the same ones. */
static int group_of(crm__tagging *t)
{
    crm_txn *txn = t->txn;
    crm__tag_cache *c = cache_of(txn);
    uint8_t key[CRM__KEY_TAGGED];
    crm__buf *row = &txn->scratch[0];
    crm__tag_how other;
    uint32_t *at, last;
    crm__slice bytes;

    if (t->grouped)
        return CRM_OK;
    t->grouped = 1;
    t->group = 0;
    if (!t->how.origin && !t->how.until && !t->how.reason.n)
        return CRM_OK;
    row->n = 0;
    crm__tag_how_encode(&t->how, row);
    if (!c || row->failed)
        return CRM_ENOMEM;
    last = t->id ? 0 : txn->state.tag_groups;
    at = &c->groups[crm__hash64(t->seq, row->p, row->n) % GROUPS];
    if (*at && *at <= last &&
        !crm__txn_read(txn, KV_TAGGED, crm__key_tagged(key, CRM__TAGGED_HOW, 0, t->seq, *at),
                       &bytes) &&
        !how_decode(bytes, &other) && same_how(&t->how, &other)) {
        t->group = *at;
        return CRM_OK;
    }
    if (last >= CRM__TAGGED_GROUPS)
        return CRM_EFULL;
    *at = t->group = last + 1;
    if (!t->id)
        txn->state.tag_groups = t->group;
    return crm__edits_put(&txn->edits, KV_TAGGED,
                          crm__key_tagged(key, CRM__TAGGED_HOW, 0, t->seq, t->group),
                          crm__slice_of(row->p, row->n), 0);
}

/* ---- one call ---- */

void crm__tagging_begin(crm_txn *txn, crm_id id, const crm__tag_how *how, crm__tagging *t,
                        crm_error *err)
{
    memset(t, 0, sizeof *t);
    t->txn = txn;
    if (how)
        t->how = *how;
    t->id = txn->batch.on ? 0 : id;
    t->seq = crm__journal_seq(txn);
    t->err = err;
    crm__buf_init(&t->tags, txn->mem);
}

static int fail(crm__tagging *t, int rc)
{
    return crm__txn_fail(t->txn, rc, "can't change tags", t->err);
}

/* The entry will name the tag, and in a batch the chunk.  Before the first edit of it. */
static int touch(crm__tagging *t, uint64_t chunk, uint32_t tag)
{
    uint8_t key[CRM__KEY_TAGGED];
    uint32_t count;
    int rc;

    if (t->id) {
        const uint32_t *list = (const uint32_t *)(const void *)t->tags.p;
        for (size_t i = 0; i < t->tags.n / sizeof tag; i++) {
            if (list[i] == tag)
                return CRM_OK;
        }
        crm__buf_add(&t->tags, &tag, sizeof tag);
        return t->tags.failed ? crm__fail_nomem(t->err) : CRM_OK;
    }
    /* Noted already with the edit that this one follows. */
    if (t->grouped &&
        crm__edits_ops(&t->txn->edits, KV_TAGGED,
                       crm__key_tagged(key, chunk, tag, t->seq, CRM__TAGGED_ADDED(t->group)),
                       &count) &&
        count)
        return CRM_OK;
    rc = crm__journal_tagged(t->txn, chunk, tag, t->err);
    return rc;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

int crm__tagging_end(crm__tagging *t)
{
    uint32_t *list = (uint32_t *)(void *)t->tags.p;
    size_t count = t->tags.n / sizeof *list;
    int rc = CRM_OK;

    if (count > 1)
        qsort(list, count, sizeof *list, by_number);
    if (count)
        rc = crm__journal_tag(t->txn, t->id, list, (uint32_t)count, t->err);
    crm__buf_clear(&t->tags);
    return rc;
}

/* ---- one row ---- */

/* What the call does to one tag in one chunk. */
typedef struct edge {
    crm__tagging *t;
    uint64_t chunk;
    uint32_t tag, row;
    uint8_t key[CRM__KEY_TAGGED];
} edge;

static crm__slice part_key(edge *e, uint32_t part)
{
    return crm__key_tagged(e->key, e->chunk, e->tag, e->t->seq, part);
}

static int switch_part(edge *e, uint32_t part, int on)
{
    return crm__edits_bit(&e->t->txn->edits, KV_TAGGED, part_key(e, part), e->row, on);
}

/* The part, but REMOVED, that the entry has the row in; *found 0: none. */
static int find_part(edge *e, uint32_t *part, int *found)
{
    uint8_t key[CRM__KEY_TAGGED];
    crm__slice at = part_key(e, CRM__TAGGED_REMOVED);
    crm_txn *txn = e->t->txn;
    int rc;

    memcpy(key, at.p, sizeof key);
    for (*found = 0; !*found;) {
        rc = crm__tag_near(txn, KV_TAGGED, crm__slice_of(key, sizeof key), 0, 1, key, sizeof key);
        if (rc == CRM_ENOTFOUND || (!rc && memcmp(key, e->key, sizeof key - 4) != 0))
            return CRM_OK;
        if (!rc)
            rc = has_row(txn, KV_TAGGED, crm__slice_of(key, sizeof key), e->row, found);
        if (rc)
            return rc;
        *part = crm__get_be32(key + sizeof key - 4);
    }
    return CRM_OK;
}

/* The customer has it: another end is a renewal. */
static int renew(edge *e)
{
    crm__tagging *t = e->t;
    crm__tag_how how;
    uint64_t seq;
    uint32_t part;
    int found, rc = crm__tag_edge(t->txn, e->tag, (e->chunk << CRM__CHUNK_SHIFT) + e->row,
                                  UINT64_MAX, &seq, &part, &how);

    if (rc || how.until == t->how.until)
        return rc;
    rc = group_of(t);
    if (!rc)
        rc = find_part(e, &part, &found);
    if (rc || (rc = touch(t, e->chunk, e->tag)) != 0)
        return rc;
    t->changed++;
    if (found && (rc = switch_part(e, part, 0)) != 0)
        return rc;
    return switch_part(
        e, found && part % 2 ? CRM__TAGGED_ADDED(t->group) : CRM__TAGGED_RENEWED(t->group), 1);
}

static int give(edge *e, int ends)
{
    int was, rc = has_row(e->t->txn, KV_TAGGED, part_key(e, CRM__TAGGED_REMOVED), e->row, &was);

    if (!rc)
        rc = group_of(e->t);
    if (rc || (rc = touch(e->t, e->chunk, e->tag)) != 0)
        return rc;
    if (!was)
        return switch_part(e, CRM__TAGGED_ADDED(e->t->group), 1);
    rc = switch_part(e, CRM__TAGGED_REMOVED, 0);
    return rc || !ends ? rc : switch_part(e, CRM__TAGGED_RENEWED(e->t->group), 1);
}

static int take(edge *e)
{
    uint32_t part;
    int found, rc = find_part(e, &part, &found);

    if (rc || (rc = touch(e->t, e->chunk, e->tag)) != 0)
        return rc;
    if (found && (rc = switch_part(e, part, 0)) != 0)
        return rc;
    return found && part % 2 ? CRM_OK : switch_part(e, CRM__TAGGED_REMOVED, 1);
}

int crm__tag_row(crm__tagging *t, uint32_t tag, int ends, crm_id id, int on)
{
    edge e = {t, id >> CRM__CHUNK_SHIFT, tag, (uint32_t)(id & (CRM__CHUNK_ROWS - 1)), {0}};
    uint8_t key[CRM__KEY_TAG];
    crm__slice k = crm__key_tag(key, e.chunk, tag);
    int has, rc = has_row(t->txn, KV_TAG, k, e.row, &has);

    if (!rc && has == on && !(on && ends))
        return CRM_OK;
    if (!rc && has && on) {
        rc = renew(&e);
        return rc ? fail(t, rc) : CRM_OK;
    }
    if (!rc && has == on)
        return CRM_OK;
    if (!rc)
        rc = on ? give(&e, ends) : take(&e);
    if (!rc)
        rc = crm__edits_bit(&t->txn->edits, KV_TAG, k, e.row, on);
    if (rc)
        return fail(t, rc);
    t->changed++;
    return CRM_OK;
}

/* ---- many rows ---- */

static uint32_t both(const uint64_t *a, const uint64_t *b, uint64_t *out)
{
    uint64_t any = 0;

    for (int i = 0; i < CRM__SET_WORDS; i++)
        any |= out[i] = a[i] & b[i];
    return any != 0;
}

static void without(uint64_t *words, const uint64_t *less)
{
    for (int i = 0; i < CRM__SET_WORDS; i++)
        words[i] &= ~less[i];
}

static int is_empty(const uint64_t *words)
{
    uint64_t any = 0;

    for (int i = 0; i < CRM__SET_WORDS; i++)
        any |= words[i];
    return !any;
}

static int switch_words(edge *e, uint32_t part, const uint64_t *words, int on)
{
    if (is_empty(words))
        return CRM_OK;
    return crm__edits_words(&e->t->txn->edits, KV_TAGGED, part_key(e, part), words, on);
}

/* Takes rows out of the parts of the entry that have them, and puts each into `from_added`,
 * `from_renewed` or, in none before, `from_none`; UINT32_MAX: into no part. */
static int move_parts(edge *e, uint64_t *left, uint32_t from_added, uint32_t from_renewed,
                      uint32_t from_none)
{
    uint64_t words[CRM__SET_WORDS], some[CRM__SET_WORDS];
    uint8_t key[CRM__KEY_TAGGED], first[CRM__KEY_TAGGED];
    crm_txn *txn = e->t->txn;
    int rc = CRM_OK;

    crm__key_tagged(first, e->chunk, e->tag, e->t->seq, CRM__TAGGED_REMOVED);
    memcpy(key, first, sizeof key);
    while (!is_empty(left)) {
        uint32_t part, to;
        rc = crm__tag_near(txn, KV_TAGGED, crm__slice_of(key, sizeof key), 0, 1, key, sizeof key);
        if (rc == CRM_ENOTFOUND || (!rc && memcmp(key, first, sizeof key - 4) != 0))
            break;
        memset(words, 0, sizeof words);
        if (!rc)
            rc = crm__txn_set(txn, KV_TAGGED, crm__slice_of(key, sizeof key), words);
        if (rc)
            return rc;
        part = crm__get_be32(key + sizeof key - 4);
        to = part % 2 ? from_added : from_renewed;
        if (!both(words, left, some))
            continue;
        without(left, some);
        if (part == to)
            continue;
        rc = switch_words(e, part, some, 0);
        if (!rc && to != UINT32_MAX)
            rc = switch_words(e, to, some, 1);
        if (rc)
            return rc;
    }
    return switch_words(e, from_none, left, 1);
}

/* Rows among words whose tag ends at another time than the call gives it. */
static int differing(edge *e, uint64_t *words)
{
    uint64_t left[CRM__SET_WORDS], some[CRM__SET_WORDS];
    crm__tag_walk *w = crm__alloc(e->t->txn->mem, sizeof *w);
    crm__tag_how how;
    int rc = w ? CRM_OK : CRM_ENOMEM;

    memcpy(left, words, sizeof left);
    if (w)
        crm__tag_walk_open(e->t->txn, e->chunk, e->tag, UINT64_MAX, w);
    while (!rc && !is_empty(left) && !(rc = crm__tag_walk_next(w))) {
        if (!both(w->words, left, some))
            continue;
        without(left, some);
        if (w->part == CRM__TAGGED_REMOVED)
            continue;
        rc = crm__tag_how_read(e->t->txn, w->seq, CRM__TAGGED_GROUP(w->part), &how);
        if (!rc && how.until == e->t->how.until)
            without(words, some);
    }
    crm__release(e->t->txn->mem, w);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int give_words(edge *e, int ends, const uint64_t *words, const uint64_t *now,
                      uint32_t *changed)
{
    uint64_t anew[CRM__SET_WORDS], back[CRM__SET_WORDS], had[CRM__SET_WORDS];
    uint8_t key[CRM__KEY_TAG];
    crm__tagging *t = e->t;
    int rc;

    memcpy(anew, words, sizeof anew);
    without(anew, now);
    both(words, now, had);
    rc = ends ? differing(e, had) : CRM_OK;
    *changed = crm__set_count(anew) + (ends ? crm__set_count(had) : 0);
    if (rc || !*changed)
        return rc;
    memset(back, 0, sizeof back);
    rc = crm__txn_set(t->txn, KV_TAGGED, part_key(e, CRM__TAGGED_REMOVED), back);
    if (!rc)
        rc = group_of(t);
    if (!rc)
        rc = touch(t, e->chunk, e->tag);
    if (!rc && !is_empty(anew))
        rc = crm__edits_words(&t->txn->edits, KV_TAG, crm__key_tag(key, e->chunk, e->tag), anew, 1);
    both(back, anew, back);
    without(anew, back);
    if (!rc)
        rc = switch_words(e, CRM__TAGGED_REMOVED, back, 0);
    if (!rc && ends)
        rc = switch_words(e, CRM__TAGGED_RENEWED(t->group), back, 1);
    if (!rc)
        rc = switch_words(e, CRM__TAGGED_ADDED(t->group), anew, 1);
    if (!rc && ends)
        rc = move_parts(e, had, CRM__TAGGED_ADDED(t->group), CRM__TAGGED_RENEWED(t->group),
                        CRM__TAGGED_RENEWED(t->group));
    return rc;
}

static int take_words(edge *e, const uint64_t *words, const uint64_t *now, uint32_t *changed)
{
    uint64_t gone[CRM__SET_WORDS];
    uint8_t key[CRM__KEY_TAG];
    int rc;

    both(words, now, gone);
    *changed = crm__set_count(gone);
    if (!*changed)
        return CRM_OK;
    rc = touch(e->t, e->chunk, e->tag);
    if (!rc)
        rc = crm__edits_words(&e->t->txn->edits, KV_TAG, crm__key_tag(key, e->chunk, e->tag), gone,
                              0);
    return rc ? rc : move_parts(e, gone, UINT32_MAX, CRM__TAGGED_REMOVED, CRM__TAGGED_REMOVED);
}

int crm__tag_chunk(crm__tagging *t, uint32_t tag, int ends, uint64_t chunk,
                   const uint64_t words[CRM__SET_WORDS], int on, uint32_t *changed)
{
    edge e = {t, chunk, tag, 0, {0}};
    uint64_t now[CRM__SET_WORDS] = {0};
    uint8_t key[CRM__KEY_TAG];
    uint32_t n = 0;
    int rc = crm__txn_set(t->txn, KV_TAG, crm__key_tag(key, chunk, tag), now);

    if (!rc)
        rc = on ? give_words(&e, ends, words, now, &n) : take_words(&e, words, now, &n);
    if (rc)
        return fail(t, rc);
    t->changed += n;
    if (changed)
        *changed = n;
    return CRM_OK;
}
