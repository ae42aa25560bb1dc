/* SPDX-License-Identifier: MIT
 * Sets of one chunk as the records of its customers say, in the order of their keys: for the check,
 * which compares them with the stored ones, and the repair, which puts them in their place.  There
 * may be as many as customers, of few rows each.
 */
#ifndef CRM_DB_CHUNK_SETS_H
#define CRM_DB_CHUNK_SETS_H

#include "bits/set.h"

typedef struct crm__chunk_set {
    uint8_t index;
    uint32_t value;
    uint32_t count, cap;
    uint16_t *rows;  /* as they were put; NULL once there are words */
    uint64_t *words; /* NULL while there are few */
} crm__chunk_set;

typedef struct crm__chunk_sets {
    const crm_allocator *mem;
    crm__chunk_set *of; /* in order only behind crm__chunk_sets_sort() */
    size_t count, cap;
    uint32_t *table; /* open addressing, position + 1 */
    size_t table_size;
} crm__chunk_sets;

void crm__chunk_sets_init(crm__chunk_sets *s, const crm_allocator *mem);
void crm__chunk_sets_clear(crm__chunk_sets *s); /* frees */
void crm__chunk_sets_reset(crm__chunk_sets *s); /* empties */
/* Puts a row into the set of a key.  CRM_OK or CRM_ENOMEM. */
int crm__chunk_sets_put(crm__chunk_sets *s, uint8_t index, uint32_t value, uint32_t row);
/* All rows are put: now `of` is in order of keys. */
void crm__chunk_sets_sort(crm__chunk_sets *s);
/* Below, at or above 0 as the set stands before, at or behind this key. */
int crm__chunk_set_order(const crm__chunk_set *s, uint8_t index, uint32_t value);
/* The rows of a set, and of no others; NULL gives none. */
void crm__chunk_set_words(const crm__chunk_set *s, uint64_t words[CRM__SET_WORDS]);

#endif
