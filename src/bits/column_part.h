/* SPDX-License-Identifier: MIT
 * What the files about column blocks share: see column.h.
 */
#ifndef CRM_BITS_COLUMN_PART_H
#define CRM_BITS_COLUMN_PART_H

#include "base/bytes.h"
#include "bits/column.h"

enum {
    CRM__COLUMN_FORMAT = 1,
    CRM__COLUMN_FLAG_WIDE = 1,
    CRM__COLUMN_HEAD = 22,
    CRM__COLUMN_WIDE_BYTES = 11
};

/* The greatest code of a width: that of no number. */
static inline uint64_t crm__column_none(unsigned width)
{
    return UINT64_MAX >> (64 - 8 * width);
}

static inline uint64_t crm__column_spread(const crm__column *c)
{
    return (uint64_t)c->max - (uint64_t)c->min;
}

static inline uint64_t crm__column_code(const crm__column *c, uint32_t row)
{
    switch (c->width) {
    case 0:
        return 0;
    case 1:
        return c->p[row];
    case 2:
        return crm__get_le16(c->p + 2 * row);
    case 4:
        return crm__get_le32(c->p + 4 * row);
    default:
        return crm__get_le64(c->p + 8 * row);
    }
}

#endif
