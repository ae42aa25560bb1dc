/* SPDX-License-Identifier: MIT
 * What the files about questions to parts of day lists share: see day_fold.h.
 */
#ifndef CRM_BITS_DAY_FOLD_PART_H
#define CRM_BITS_DAY_FOLD_PART_H

#include "bits/day_fold.h"
#include "bits/day_part.h"

/* v->numbers = numbers of a column with `add` in the place of its base; v->taken = items that have
 * one, but a wide one. */
int crm__day_view_read(crm__day_view *v, const crm__day_column *c, uint64_t add);

/* Every item that has a value has the same. */
static inline int crm__day_alike(const crm__day_column *c)
{
    return !c->width && !c->outliers && !c->outlier_size && !c->wide && !c->wide_size;
}

/* Each item of a bitset, in order. */
#define CRM__DAY_EACH(v, set, i)                                                                   \
    for (uint32_t w_ = 0; w_ * 64 < (v)->day.items; w_++)                                          \
        for (uint64_t bits_ = (set)[w_];                                                           \
             bits_ && ((i) = w_ * 64 + (uint32_t)__builtin_ctzll(bits_), 1); bits_ &= bits_ - 1)

/* v->taken = those of it that are in question; how many they are. */
uint32_t crm__day_view_left(crm__day_view *v);

/* At scale CRM__DAY_SCALE; sums of a damaged part may go round. */
static inline __int128 crm__day_to_big(__int128 number, unsigned scale)
{
    static const int64_t POWER[CRM__DAY_SCALE + 1] = {
        1000000000000, 100000000000, 10000000000, 1000000000, 100000000, 10000000, 1000000,
        100000,        10000,        1000,        100,        10,        1};

    return (__int128)((unsigned __int128)number * (unsigned __int128)POWER[scale]);
}

static inline __int128 crm__day_add_big(__int128 a, __int128 b)
{
    return (__int128)((unsigned __int128)a + (unsigned __int128)b);
}

#endif
