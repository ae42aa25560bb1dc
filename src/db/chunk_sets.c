/* SPDX-License-Identifier: MIT
 * Sets of one chunk: see chunk_sets.h.
 */
#include "db/chunk_sets.h"

#include <string.h>

void crm__chunk_sets_init(crm__chunk_sets *s, const crm_allocator *mem)
{
    memset(s, 0, sizeof *s);
    s->mem = mem;
}

void crm__chunk_sets_reset(crm__chunk_sets *s)
{
    for (size_t i = 0; i < s->count; i++)
        crm__release(s->mem, s->of[i]);
    s->count = 0;
}

void crm__chunk_sets_clear(crm__chunk_sets *s)
{
    crm__chunk_sets_reset(s);
    crm__release(s->mem, s->of);
    crm__chunk_sets_init(s, s->mem);
}

int crm__chunk_set_order(const crm__chunk_set *s, uint8_t index, uint32_t value)
{
    if (s->index != index)
        return s->index < index ? -1 : 1;
    return s->value < value ? -1 : s->value > value;
}

crm__chunk_set *crm__chunk_sets_at(crm__chunk_sets *s, uint8_t index, uint32_t value)
{
    size_t lo = 0, hi = s->count;
    crm__chunk_set *set;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (crm__chunk_set_order(s->of[mid], index, value) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < s->count && crm__chunk_set_order(s->of[lo], index, value) == 0)
        return s->of[lo];
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 32;
        crm__chunk_set **p = crm__realloc(s->mem, s->of, cap * sizeof *p);
        if (!p)
            return NULL;
        s->of = p;
        s->cap = cap;
    }
    set = crm__calloc(s->mem, 1, sizeof *set);
    if (!set)
        return NULL;
    set->index = index;
    set->value = value;
    memmove(s->of + lo + 1, s->of + lo, (s->count - lo) * sizeof *s->of);
    s->of[lo] = set;
    s->count++;
    return set;
}
