/* SPDX-License-Identifier: MIT
 * What a transaction that changes tags keeps at hand: see tag_part.h.
 */
#include "db/tag_part.h"

#include "bits/kernel.h"
#include "db/at_hand.h"

#include <string.h>

/* To keep a set costs more than to ask for one row of it, which is what most transactions do. */
enum { ONE_BY_ONE = 32 };
enum { SETS = 256, PLACES = 128, TOUCHED = 16, PLACE_ROWS = CRM__COLUMN_ROWS };

/* Rows that are, or were, in a part of an entry, but REMOVED. */
typedef struct touched {
    int on;
    uint8_t key[CRM__KEY_TAGGED]; /* of the entry, without a part */
    uint64_t rollbacks;
    uint64_t words[CRM__SET_WORDS];
} touched;

/* In which part of an entry neighbouring rows are. */
typedef struct places {
    int on;
    uint8_t key[CRM__KEY_TAGGED]; /* of the entry, and the number of the rows in place of a part */
    uint64_t rollbacks;
    uint32_t part[PLACE_ROWS]; /* UINT32_MAX: in none but, maybe, REMOVED */
} places;

struct crm__tag_cache {
    crm__at_hand *sets[SETS];
    places *places[PLACES];
    touched *touched[TOUCHED];
    uint32_t groups[CRM__TAG_GROUPS]; /* see crm__tag_group_at() */
};

void crm__tag_cache_free(crm_txn *txn)
{
    crm__tag_cache *c = txn->tag_cache;

    if (!c)
        return;
    crm__at_hand_free(txn, c->sets, SETS);
    for (int i = 0; i < PLACES; i++)
        crm__release(txn->mem, c->places[i]);
    for (int i = 0; i < TOUCHED; i++)
        crm__release(txn->mem, c->touched[i]);
    crm__release(txn->mem, c);
    txn->tag_cache = NULL;
}

static crm__tag_cache *cache_of(crm_txn *txn)
{
    if (!txn->tag_cache)
        txn->tag_cache = crm__calloc(txn->mem, 1, sizeof *txn->tag_cache);
    return txn->tag_cache;
}

/* ---- sets at hand ---- */

static int read_set(crm_txn *txn, kv_space space, crm__slice key, void *words)
{
    return crm__txn_set(txn, space, key, words);
}

static void edit_set(const uint64_t *ops, uint32_t count, void *words)
{
    crm__edits_rows(ops, count, words);
}

int crm__tag_set_at_hand(crm_txn *txn, kv_space space, crm__slice key, const uint64_t **words)
{
    static const crm__at_hand_sort SET = {CRM__SET_WORDS * sizeof(uint64_t), read_set, edit_set};
    crm__tag_cache *c = cache_of(txn);
    const void *what;
    int rc;

    if (!c)
        return CRM_ENOMEM;
    rc = crm__at_hand_get(txn, &c->sets[crm__hash64((uint64_t)space, key.p, key.n) % SETS], &SET,
                          space, key, &what);
    *words = rc ? NULL : what;
    return rc;
}

int crm__tag_row_in(crm_txn *txn, kv_space space, crm__slice key, uint32_t row, int *has)
{
    const uint64_t *words;
    int rc;

    if (txn->tag_asked < ONE_BY_ONE) {
        txn->tag_asked++;
        return crm__txn_set_row(txn, space, key, row, 1, has);
    }
    *has = 0;
    rc = crm__tag_set_at_hand(txn, space, key, &words);
    if (!rc)
        *has = crm__set_has(words, row);
    return rc;
}

uint32_t *crm__tag_group_at(crm_txn *txn, uint64_t hash)
{
    crm__tag_cache *c = cache_of(txn);

    return c ? &c->groups[hash % CRM__TAG_GROUPS] : NULL;
}

/* ---- parts of an entry ---- */

crm__slice crm__tag_part_key(crm__tag_call *e, uint32_t part)
{
    return crm__key_tagged(e->key, e->chunk, e->tag, e->t->seq, part);
}

/* Where places of the row and its neighbours are kept; *known: they are those. */
static places **places_at(crm__tag_call *e, int *known)
{
    crm__tag_cache *c = cache_of(e->t->txn);
    crm__slice key = crm__tag_part_key(e, e->row / PLACE_ROWS);
    places **at;

    if (!c)
        return NULL;
    at = &c->places[(crm__hash64(0, key.p, key.n - 4) + e->row / PLACE_ROWS) % PLACES];
    *known = *at && (*at)->on && !memcmp((*at)->key, key.p, key.n) &&
             (*at)->rollbacks == e->t->txn->edits.rollbacks;
    return at;
}

static touched **touched_at(crm__tag_call *e, int *known)
{
    crm__tag_cache *c = cache_of(e->t->txn);
    crm__slice key = crm__tag_part_key(e, 0);
    touched **at;

    if (!c)
        return NULL;
    at = &c->touched[crm__hash64(1, key.p, key.n) % TOUCHED];
    *known = *at && (*at)->on && !memcmp((*at)->key, key.p, key.n) &&
             (*at)->rollbacks == e->t->txn->edits.rollbacks;
    return at;
}

int crm__tag_part_switch(crm__tag_call *e, uint32_t part, int on)
{
    int known;
    places **p = places_at(e, &known);
    touched **t;

    if (p && known && part != CRM__TAGGED_REMOVED)
        (*p)->part[e->row % PLACE_ROWS] = on ? part : UINT32_MAX;
    t = touched_at(e, &known);
    if (t && known && on && part != CRM__TAGGED_REMOVED)
        crm__set_put((*t)->words, e->row, 1);
    return crm__edits_bit(&e->t->txn->edits, KV_TAGGED, crm__tag_part_key(e, part), e->row, on);
}

/* Looks through all parts of the entry, but REMOVED, for the places (NULL: none) of rows, or for
 * all rows that are in any. */
static int see_parts(crm__tag_call *e, places *p, uint64_t *all)
{
    uint8_t key[CRM__KEY_TAGGED];
    crm__slice at = crm__tag_part_key(e, CRM__TAGGED_REMOVED);
    crm_txn *txn = e->t->txn;
    uint32_t first = e->row / PLACE_ROWS * PLACE_ROWS;

    memcpy(key, at.p, sizeof key);
    for (;;) {
        uint64_t words[CRM__SET_WORDS] = {0};
        int rc =
            crm__tag_near(txn, KV_TAGGED, crm__slice_of(key, sizeof key), 0, 1, key, sizeof key);
        if (rc == CRM_ENOTFOUND || (!rc && memcmp(key, e->key, sizeof key - 4) != 0))
            return CRM_OK;
        if (!rc)
            rc = crm__txn_set(txn, KV_TAGGED, crm__slice_of(key, sizeof key), words);
        if (rc)
            return rc;
        for (int i = 0; all && i < CRM__SET_WORDS; i++)
            all[i] |= words[i];
        for (uint32_t row = first; p && row < first + PLACE_ROWS && row < CRM__CHUNK_ROWS; row++) {
            if (crm__set_has(words, row))
                p->part[row % PLACE_ROWS] = crm__get_be32(key + sizeof key - 4);
        }
    }
}

/* Whether the entry has, or had, any of the row's neighbours in a part: then all parts have to be
 * looked through. */
static int any_touched(crm__tag_call *e, int *any)
{
    uint32_t first = e->row / PLACE_ROWS * (PLACE_ROWS / 64);
    int known, rc;
    touched *t, **at = touched_at(e, &known);

    if (!at || (!*at && !(*at = crm__calloc(e->t->txn->mem, 1, sizeof **at))))
        return CRM_ENOMEM;
    t = *at;
    if (!known) {
        t->on = 0;
        memset(t->words, 0, sizeof t->words);
        rc = see_parts(e, NULL, t->words);
        if (rc)
            return rc;
        memcpy(t->key, crm__tag_part_key(e, 0).p, sizeof t->key);
        t->rollbacks = e->t->txn->edits.rollbacks;
        t->on = 1;
    }
    *any = 0;
    for (uint32_t i = first; i < first + PLACE_ROWS / 64 && i < CRM__SET_WORDS; i++)
        *any |= t->words[i] != 0;
    return CRM_OK;
}

int crm__tag_part_find(crm__tag_call *e, uint32_t *part, int *found)
{
    int known, any = 0, rc;
    places *p, **at = places_at(e, &known);

    if (!at || (!*at && !(*at = crm__calloc(e->t->txn->mem, 1, sizeof **at))))
        return CRM_ENOMEM;
    p = *at;
    if (!known) {
        p->on = 0;
        memset(p->part, 0xff, sizeof p->part);
        rc = any_touched(e, &any);
        if (!rc && any)
            rc = see_parts(e, p, NULL);
        if (rc)
            return rc;
        memcpy(p->key, crm__tag_part_key(e, e->row / PLACE_ROWS).p, sizeof p->key);
        p->rollbacks = e->t->txn->edits.rollbacks;
        p->on = 1;
    }
    *part = p->part[e->row % PLACE_ROWS];
    *found = *part != UINT32_MAX;
    return CRM_OK;
}

void crm__tag_parts_forget(crm__tag_call *e)
{
    crm__tag_cache *c = e->t->txn->tag_cache;

    for (int i = 0; c && i < PLACES; i++) {
        if (c->places[i])
            c->places[i]->on = 0;
    }
    for (int i = 0; c && i < TOUCHED; i++) {
        if (c->touched[i])
            c->touched[i]->on = 0;
    }
}
