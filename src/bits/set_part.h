/* SPDX-License-Identifier: MIT
 * What the files about stored sets share: see set.h.
 */
#ifndef CRM_BITS_SET_PART_H
#define CRM_BITS_SET_PART_H

#include "bits/set.h"

enum { CRM__SET_HEAD = 4, CRM__SET_BITMAP_BYTES = 8192 };
enum { CRM__SET_ARRAY = 0, CRM__SET_BITMAP = 1, CRM__SET_RUNS = 2 };

/* The form that takes the least room. */
unsigned crm__set_form(uint32_t rows, uint32_t runs);
uint32_t crm__set_runs(const uint64_t words[CRM__SET_WORDS]);
void crm__set_add_run(uint64_t *words, uint32_t first, uint32_t last);

/* Bits of a word.  Without an instruction for it compilers call a function with a table. */
static inline uint32_t crm__set_ones(uint64_t v)
{
    v -= v >> 1 & UINT64_C(0x5555555555555555);
    v = (v & UINT64_C(0x3333333333333333)) + (v >> 2 & UINT64_C(0x3333333333333333));
    v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(v * UINT64_C(0x0101010101010101) >> 56);
}

#endif
