/* SPDX-License-Identifier: MIT
 * What the makers and the reader of blocks of events and the rows beside them share: see event.h.
 */
#ifndef CRM_CODEC_EVENT_PART_H
#define CRM_CODEC_EVENT_PART_H

#include "base/time.h"
#include "codec/event.h"

#include <crm/model.h>

enum { CRM__EVENT_UNITS = 6 };

/* Microseconds of a unit of time. */
static inline int64_t crm__event_unit(unsigned unit)
{
    static const int64_t UNIT[CRM__EVENT_UNITS] = {
        1,
        1000,
        CRM__US_PER_SECOND,
        60 * CRM__US_PER_SECOND,
        3600 * CRM__US_PER_SECOND,
        CRM__US_PER_DAY,
    };

    return UNIT[unit];
}

/* Divides by a unit; a division by what the compiler knows is a multiplication. */
static inline uint64_t crm__event_in_units(unsigned unit, uint64_t us)
{
    switch (unit) {
    case 0:
        return us;
    case 1:
        return us / 1000;
    case 2:
        return us / 1000000;
    case 3:
        return us / 60000000;
    case 4:
        return us / UINT64_C(3600000000);
    default:
        return us / UINT64_C(86400000000);
    }
}

/* The coarsest unit, of those up to one, that a span of time is whole in. */
static inline unsigned crm__event_unit_of(unsigned unit, uint64_t us)
{
    while (crm__event_in_units(unit, us) * (uint64_t)crm__event_unit(unit) != us)
        unit--;
    return unit;
}

/* Bytes that a number takes. */
static inline unsigned crm__event_bytes(uint64_t v)
{
    return v ? (71 - (unsigned)__builtin_clzll(v)) / 8 : 0;
}

/* Of a block's first byte, and that of times. */
enum { EV_FORMAT_SHIFT = 4, EV_UNIT_MASK = 15 };
/* Of a shape, its marks, and its attributes. */
enum { EV_MARKED = 1, EV_HAS_REFERENCE = 2, EV_OTHER_SOURCE = 4, EV_ATTRIBUTES_SHIFT = 3 };
enum { EV_STATE_MASK = 3, EV_HAS_VOIDS = 4, EV_MARKS = 7 };
enum { EV_TYPE_MASK = 15, EV_STEP_SHIFT = 4, EV_STEP_MOST = 15 };
enum { EV_SAME_CURRENCY = 1, EV_SCALE_SHIFT = 1 };
/* Of an event.  The greatest of the codes of bytes of time stands for 8. */
enum { EV_TIME_MASK = 7, EV_OTHER_SEQ = 8, EV_OTHER_NUMBER = 16 };
enum { EV_SHAPE_SHIFT = 5, EV_SHAPE_MOST = 7 };
/* Of a text: the greatest that one of its two lengths is in its head. */
enum { EV_SHARED_SHIFT = 4, EV_PART_MOST = 15 };

static inline int crm__event_is_amount(uint8_t type)
{
    return type == CRM_TYPE_DECIMAL || type == CRM_TYPE_MONEY;
}

/* Types whose payload has no length of its own: texts, but for that of two letters. */
static inline int crm__event_is_open(uint8_t type)
{
    return crm__type_is_text(type) && type != CRM_TYPE_COUNTRY;
}

#endif
