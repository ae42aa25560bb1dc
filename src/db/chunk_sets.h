/* SPDX-License-Identifier: MIT
 * Sets of one chunk as the records of its customers say, in the order of their keys: for the check,
 * which compares them with the stored ones, and the repair, which puts them in their place.
 */
#ifndef CRM_DB_CHUNK_SETS_H
#define CRM_DB_CHUNK_SETS_H

#include "bits/set.h"

typedef struct crm__chunk_set {
    uint8_t index;
    uint32_t value;
    uint64_t words[CRM__SET_WORDS];
} crm__chunk_set;

typedef struct crm__chunk_sets {
    const crm_allocator *mem;
    crm__chunk_set **of; /* ascending by (index, value) */
    size_t count, cap;
} crm__chunk_sets;

void crm__chunk_sets_init(crm__chunk_sets *s, const crm_allocator *mem);
void crm__chunk_sets_clear(crm__chunk_sets *s); /* frees */
void crm__chunk_sets_reset(crm__chunk_sets *s); /* empties */
/* Below, at or above 0 as the set stands before, at or behind this key. */
int crm__chunk_set_order(const crm__chunk_set *s, uint8_t index, uint32_t value);
/* The set, made empty when there is none; NULL: no memory. */
crm__chunk_set *crm__chunk_sets_at(crm__chunk_sets *s, uint8_t index, uint32_t value);

#endif
