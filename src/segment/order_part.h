/* SPDX-License-Identifier: MIT
 * What the two halves of an order share: order.c loads and compares, order_cut.c takes out of a chunk
 * who comes too late.
 */
#ifndef CRM_SEGMENT_ORDER_PART_H
#define CRM_SEGMENT_ORDER_PART_H

#include "segment/order.h"

/* Numbers of all scales are compared with 12 digits behind the point. */
static inline __int128 crm__order_twelve(__int128 number, int scale)
{
    static const int64_t POWER[] = {1,
                                    10,
                                    100,
                                    1000,
                                    10000,
                                    100000,
                                    1000000,
                                    10000000,
                                    100000000,
                                    1000000000,
                                    10000000000,
                                    100000000000,
                                    1000000000000,
                                    10000000000000,
                                    100000000000000,
                                    1000000000000000,
                                    10000000000000000,
                                    100000000000000000,
                                    1000000000000000000};

    return number * POWER[12 - scale];
}

static inline uint32_t crm__order_column(const crm__order_by *by)
{
    return by->builtin ? CRM__COLUMN_CREATED : by->field->number;
}

static inline int crm__order_in_column(const crm__order_by *by)
{
    return by->builtin == CRM__BUILTIN_CREATED ||
           (by->field && by->field->index & CRM__INDEX_COLUMN);
}

/* Makes by->at the block. */
int crm__order_block_at(crm__run *r, crm__order_list *o, crm__order_by *by, uint64_t chunk,
                        uint32_t block);

#endif
