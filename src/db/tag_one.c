/* SPDX-License-Identifier: MIT
 * Which tag of a dimension each row of a chunk has: see tag_one.h.
 *
 * To fill in a chunk asks all its tags once, as one question without does.  So nothing is filled in
 * for the first question of a transaction; nor soon again where what was filled in was of little
 * use, because rollbacks dropped it, or other chunks want its place.
 */
#include "db/tag_one.h"

#include "base/hash.h"

#include <string.h>

enum { PLACES = 64, USED_MOST = 64, PATIENCE_MOST = 1024, PAYS = 4 };

typedef struct place {
    char *dimension;
    uint64_t chunk, resets, rollbacks;
    uint32_t used, asked, patience;
    int on;
    uint32_t *tags; /* NULL until it is worth it */
} place;

struct crm__tag_ones {
    place places[PLACES];
};

void crm__tag_one_free(crm_txn *txn)
{
    struct crm__tag_ones *all = txn->tag_ones;

    for (int i = 0; all && i < PLACES; i++) {
        crm__release(txn->mem, all->places[i].dimension);
        crm__release(txn->mem, all->places[i].tags);
    }
    crm__release(txn->mem, all);
    txn->tag_ones = NULL;
}

static place *place_of(crm_txn *txn, const char *dimension, uint64_t chunk)
{
    return &txn->tag_ones->places[crm__hash64(chunk, dimension, strlen(dimension)) % PLACES];
}

static int is_of(const place *p, const char *dimension, uint64_t chunk)
{
    return p->dimension && p->chunk == chunk && strcmp(p->dimension, dimension) == 0;
}

/* What was filled in is of no use any more. */
static void drop(place *p)
{
    p->patience = p->used >= PAYS ? 1 : p->patience < PATIENCE_MOST ? p->patience * 2 : p->patience;
    p->on = 0;
    p->used = p->asked = 0;
}

static int take_over(crm_txn *txn, place *p, const char *dimension, uint64_t chunk)
{
    char *copy = crm__strdup(txn->mem, dimension, strlen(dimension));

    if (!copy)
        return CRM_ENOMEM;
    crm__release(txn->mem, p->dimension);
    p->dimension = copy;
    p->chunk = chunk;
    p->on = 0;
    p->used = p->asked = 0;
    p->patience = 1;
    return CRM_OK;
}

int crm__tag_one_rows(crm_txn *txn, const char *dimension, uint64_t chunk, uint32_t **tags,
                      int *filled)
{
    const crm__edits *e = &txn->edits;
    place *p;

    *tags = NULL;
    *filled = 0;
    if (!txn->tag_ones && !(txn->tag_ones = crm__calloc(txn->mem, 1, sizeof *txn->tag_ones)))
        return CRM_ENOMEM;
    p = place_of(txn, dimension, chunk);
    if (!is_of(p, dimension, chunk)) {
        p->used /= 2;
        if (p->used)
            return CRM_OK;
        if (take_over(txn, p, dimension, chunk))
            return CRM_ENOMEM;
    }
    if (p->on && (p->resets != e->resets || p->rollbacks != e->rollbacks))
        drop(p);
    if (p->on) {
        p->used += p->used < USED_MOST;
        *tags = p->tags;
        *filled = 1;
        return CRM_OK;
    }
    if (p->asked++ < p->patience)
        return CRM_OK;
    if (!p->tags && !(p->tags = crm__alloc(txn->mem, CRM__CHUNK_ROWS * sizeof *p->tags)))
        return CRM_ENOMEM;
    memset(p->tags, 0, CRM__CHUNK_ROWS * sizeof *p->tags);
    *tags = p->tags;
    return CRM_OK;
}

void crm__tag_one_filled(crm_txn *txn, const char *dimension, uint64_t chunk)
{
    place *p = place_of(txn, dimension, chunk);

    p->resets = txn->edits.resets;
    p->rollbacks = txn->edits.rollbacks;
    p->on = 1;
}

void crm__tag_one_switch(crm_txn *txn, uint64_t chunk, uint32_t row, uint32_t tag,
                         const char *dimension, int on)
{
    for (int i = 0; txn->tag_ones && i < PLACES; i++) {
        place *p = &txn->tag_ones->places[i];
        if (!p->on || p->chunk != chunk)
            continue;
        if (!on)
            p->tags[row] = p->tags[row] == tag ? 0 : p->tags[row];
        else if (!dimension)
            p->on = 0;
        else if (strcmp(p->dimension, dimension) == 0)
            p->tags[row] = p->tags[row] && p->tags[row] != tag ? CRM__TAG_MANY : tag;
    }
}

void crm__tag_one_forget(crm_txn *txn, uint64_t chunk)
{
    for (int i = 0; txn->tag_ones && i < PLACES; i++) {
        place *p = &txn->tag_ones->places[i];
        if (p->on && p->chunk == chunk)
            drop(p);
    }
}
