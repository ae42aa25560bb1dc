/* SPDX-License-Identifier: MIT
 * Sets of one chunk: see chunk_sets.h.
 */
#include "db/chunk_sets.h"

#include "base/hash.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_FIRST = 4, ROWS_MOST = 4096 }; /* beyond, words take no more than a list */

void crm__chunk_sets_init(crm__chunk_sets *s, const crm_allocator *mem)
{
    memset(s, 0, sizeof *s);
    s->mem = mem;
}

void crm__chunk_sets_reset(crm__chunk_sets *s)
{
    for (size_t i = 0; i < s->count; i++) {
        crm__release(s->mem, s->of[i].rows);
        crm__release(s->mem, s->of[i].words);
    }
    if (s->table)
        memset(s->table, 0, s->table_size * sizeof *s->table);
    s->count = 0;
}

void crm__chunk_sets_clear(crm__chunk_sets *s)
{
    crm__chunk_sets_reset(s);
    crm__release(s->mem, s->of);
    crm__release(s->mem, s->table);
    crm__chunk_sets_init(s, s->mem);
}

int crm__chunk_set_order(const crm__chunk_set *s, uint8_t index, uint32_t value)
{
    if (s->index != index)
        return s->index < index ? -1 : 1;
    return s->value < value ? -1 : s->value > value;
}

static uint32_t *place_of(const crm__chunk_sets *s, uint8_t index, uint32_t value)
{
    uint64_t key = (uint64_t)index << 32 | value;
    size_t at = crm__hash64(0, &key, sizeof key) & (s->table_size - 1);

    while (s->table[at] && crm__chunk_set_order(&s->of[s->table[at] - 1], index, value))
        at = (at + 1) & (s->table_size - 1);
    return &s->table[at];
}

static int grow(crm__chunk_sets *s)
{
    size_t cap = s->cap ? s->cap * 2 : 64;
    crm__chunk_set *of = crm__realloc(s->mem, s->of, cap * sizeof *of);
    uint32_t *table;

    if (!of)
        return CRM_ENOMEM;
    s->of = of;
    table = crm__calloc(s->mem, cap * 2, sizeof *table);
    if (!table)
        return CRM_ENOMEM;
    crm__release(s->mem, s->table);
    s->table = table;
    s->table_size = cap * 2;
    s->cap = cap;
    for (size_t i = 0; i < s->count; i++)
        *place_of(s, of[i].index, of[i].value) = (uint32_t)i + 1;
    return CRM_OK;
}

/* Room for one row more. */
static int set_grow(const crm_allocator *mem, crm__chunk_set *set)
{
    uint32_t cap = set->cap ? set->cap * 2 : ROWS_FIRST;
    uint64_t *words;
    uint16_t *rows;

    if (cap <= ROWS_MOST) {
        rows = crm__realloc(mem, set->rows, cap * sizeof *rows);
        if (!rows)
            return CRM_ENOMEM;
        set->rows = rows;
        set->cap = cap;
        return CRM_OK;
    }
    words = crm__calloc(mem, CRM__SET_WORDS, sizeof *words);
    if (!words)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < set->count; i++)
        crm__set_put(words, set->rows[i], 1);
    crm__release(mem, set->rows);
    set->rows = NULL;
    set->words = words;
    return CRM_OK;
}

int crm__chunk_sets_put(crm__chunk_sets *s, uint8_t index, uint32_t value, uint32_t row)
{
    crm__chunk_set *set;
    uint32_t *at;

    if (s->count == s->cap && grow(s))
        return CRM_ENOMEM;
    at = place_of(s, index, value);
    if (!*at) {
        s->of[s->count++] = (crm__chunk_set){.index = index, .value = value};
        *at = (uint32_t)s->count;
    }
    set = &s->of[*at - 1];
    if (!set->words && set->count == set->cap && set_grow(s->mem, set))
        return CRM_ENOMEM;
    if (set->words)
        crm__set_put(set->words, row, 1);
    else
        set->rows[set->count++] = (uint16_t)row;
    return CRM_OK;
}

static int by_key(const void *a, const void *b)
{
    const crm__chunk_set *y = b;

    return crm__chunk_set_order(a, y->index, y->value);
}

void crm__chunk_sets_sort(crm__chunk_sets *s)
{
    if (s->count)
        qsort(s->of, s->count, sizeof *s->of, by_key);
}

void crm__chunk_set_words(const crm__chunk_set *s, uint64_t words[CRM__SET_WORDS])
{
    if (s && s->words) {
        memcpy(words, s->words, CRM__SET_WORDS * sizeof *words);
        return;
    }
    memset(words, 0, CRM__SET_WORDS * sizeof *words);
    for (uint32_t i = 0; s && i < s->count; i++)
        crm__set_put(words, s->rows[i], 1);
}
