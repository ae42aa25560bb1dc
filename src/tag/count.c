/* SPDX-License-Identifier: MIT
 * How many live customers have each tag, and each tag or one below it: chunk by chunk, all tags at
 * once.
 */
#include "db/derive.h"
#include "tag/tag.h"

#include <stdlib.h>
#include <string.h>

/* A tag that is counted.  Those above come before those below: names are in byte order. */
typedef struct counted {
    crm__tag tag;
    size_t above; /* the nearest tag above that is in the list, SIZE_MAX: none */
    int parent;   /* some tag is below it */
    uint64_t own, below;
    uint64_t *words; /* of a parent: rows of the chunk that have it or one below */
} counted;

struct crm_tag_count_iter {
    crm_allocator mem;
    crm__arena arena;
    counted *list;
    size_t count, at;
};

static int by_name(const void *a, const void *b)
{
    const counted *x = a, *y = b;

    if (x->tag.dimension != y->tag.dimension)
        return x->tag.dimension < y->tag.dimension ? -1 : 1;
    return crm__slice_compare(x->tag.name, y->tag.name);
}

/* Position of a name among those of its dimension; SIZE_MAX: it is not in the list. */
static size_t place_of(const crm_tag_count_iter *it, const counted *like, size_t n)
{
    counted want = *like;
    const counted *found;

    want.tag.name.n = n;
    found = bsearch(&want, it->list, it->count, sizeof want, by_name);
    return found ? (size_t)(found - it->list) : SIZE_MAX;
}

static int link_levels(crm_tag_count_iter *it)
{
    for (size_t i = 0; i < it->count; i++) {
        counted *c = &it->list[i];
        c->above = SIZE_MAX;
        for (size_t n = c->tag.name.n; c->tag.dimension->hierarchical && n-- > 0;) {
            if (c->tag.name.p[n] == '/')
                c->above = place_of(it, c, n);
            if (c->above != SIZE_MAX)
                break;
        }
        if (c->above != SIZE_MAX)
            it->list[c->above].parent = 1;
    }
    for (size_t i = 0; i < it->count; i++) {
        counted *c = &it->list[i];
        if (!c->parent)
            continue;
        c->words = crm__arena_alloc(&it->arena, CRM__SET_WORDS * sizeof *c->words);
        if (!c->words)
            return CRM_ENOMEM;
    }
    return CRM_OK;
}

static int count_chunk(crm_tag_count_iter *it, crm_txn *txn, uint64_t chunk)
{
    uint64_t live[CRM__SET_WORDS] = {0}, own[CRM__SET_WORDS];
    int rc = crm__visible(txn, chunk, live);

    for (size_t i = 0; i < it->count; i++) {
        if (it->list[i].words)
            memset(it->list[i].words, 0, sizeof own);
    }
    /* From the last: what is below a tag is done before it. */
    for (size_t i = it->count; i-- > 0 && !rc;) {
        counted *c = &it->list[i];
        memset(own, 0, sizeof own);
        rc = crm__tag_words(txn, chunk, c->tag.number, c->tag.dimension->expires, txn->now, own);
        for (int k = 0; k < CRM__SET_WORDS; k++)
            own[k] &= live[k];
        c->own += crm__set_count(own);
        for (int k = 0; c->words && k < CRM__SET_WORDS; k++)
            own[k] = c->words[k] |= own[k];
        c->below += crm__set_count(own);
        if (c->above != SIZE_MAX) {
            for (int k = 0; k < CRM__SET_WORDS; k++)
                it->list[c->above].words[k] |= own[k];
        }
    }
    return rc;
}

static int gather(crm_tag_count_iter *it, crm_txn *txn, const char *dimension, crm_error *err)
{
    const crm__dimension *d = NULL;
    const crm__model *m;
    const crm__tag *tags;
    crm__buf list;
    int rc = crm__txn_model(txn, &m, err);

    if (!rc && dimension) {
        d = crm__model_dimension_find(m, dimension, strlen(dimension));
        if (!d)
            rc = crm__dimension_unknown(m, dimension, strlen(dimension), 1, err);
    }
    if (rc)
        return rc;
    crm__buf_init(&list, &it->mem);
    rc = d ? crm__tag_of_dimension(txn, m, d, &it->arena, &list)
           : crm__tag_each_named(txn, m, crm__slice_of("", 0), &it->arena, &list);
    tags = (const crm__tag *)(const void *)list.p;
    it->count = rc ? 0 : list.n / sizeof *tags;
    it->list = crm__arena_alloc(&it->arena, (it->count + 1) * sizeof *it->list);
    if (!rc && !it->list)
        rc = CRM_ENOMEM;
    for (size_t i = 0; i < it->count && !rc; i++) {
        memset(&it->list[i], 0, sizeof it->list[i]);
        it->list[i].tag = tags[i];
    }
    crm__buf_clear(&list);
    if (!rc && it->count)
        qsort(it->list, it->count, sizeof *it->list, by_name);
    if (!rc)
        rc = link_levels(it);
    for (uint64_t chunk = 0;
         !rc && it->count && chunk << CRM__CHUNK_SHIFT < txn->state.counters.next_id; chunk++)
        rc = count_chunk(it, txn, chunk);
    return rc ? crm__txn_fail(txn, rc, "can't count the tags", err) : CRM_OK;
}

int crm_tag_counts(crm_txn *txn, const char *dimension, crm_tag_count_iter **out, crm_error *err)
{
    crm_tag_count_iter *it;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__txn_enter(txn, 0, err);
    if (!rc)
        rc = crm__state_read(txn, err);
    if (rc)
        return rc;
    it = crm__calloc(txn->mem, 1, sizeof *it);
    if (!it)
        return crm__fail_nomem(err);
    it->mem = *txn->mem;
    crm__arena_init(&it->arena, &it->mem);
    rc = gather(it, txn, dimension, err);
    if (rc)
        crm_tag_count_close(it);
    else
        *out = it;
    return rc;
}

int crm_tag_count_next(crm_tag_count_iter *it, crm_tag_count *out, crm_error *err)
{
    crm_tag_count c = CRM_TAG_COUNT_INIT;

    if (!it || !out)
        return crm__fail_field(err, CRM_EINVAL, it ? "out" : "it", "%s is NULL", it ? "out" : "it");
    while (it->at < it->count && !it->list[it->at].below)
        it->at++;
    if (it->at == it->count)
        return CRM_DONE;
    c.tag = (const char *)it->list[it->at].tag.name.p;
    c.customers = it->list[it->at].own;
    c.below = it->list[it->at].below;
    it->at++;
    return crm__struct_give(out, &c, sizeof c, "out", err);
}

void crm_tag_count_close(crm_tag_count_iter *it)
{
    crm_allocator mem;

    if (!it)
        return;
    mem = it->mem;
    crm__arena_clear(&it->arena);
    crm__release(&mem, it);
}
