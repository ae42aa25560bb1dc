/* SPDX-License-Identifier: MIT
 * Which numbers a condition takes: those between two decimals.  A number at scale s is
 * number / 10^s; what is compared may have another scale than the limits, and no digit is lost.
 */
#ifndef CRM_BITS_LIMITS_H
#define CRM_BITS_LIMITS_H

#include <stdint.h>

enum { CRM__SCALE_LEAST = -6, CRM__SCALE_MOST = 12 };

enum {
    CRM__LIMIT_LO = 1,      /* there is a lower limit */
    CRM__LIMIT_HI = 2,      /* there is an upper one */
    CRM__LIMIT_LO_OPEN = 4, /* what equals it is not taken */
    CRM__LIMIT_HI_OPEN = 8
};

/* No flag: every number is taken.  Equality has both limits, and they are the same. */
typedef struct crm__limits {
    int64_t lo, hi;
    int8_t lo_scale, hi_scale; /* CRM__SCALE_LEAST to CRM__SCALE_MOST, as all scales are */
    uint8_t flags;
} crm__limits;

/* -1, 0, 1 by value. */
int crm__scaled_compare(int64_t a, int a_scale, int64_t b, int b_scale);
/* A number at another scale; 0 when it is not whole there, or leaves int64. */
int crm__scaled_to(int64_t number, int scale, int to_scale, int64_t *out);
int crm__limits_take(const crm__limits *l, int64_t number, int scale);
/* A number at scale CRM__SCALE_MOST and a rest: +1 when it is a little more than said, else 0. */
int crm__limits_take_big(const crm__limits *l, __int128 number, int rest);
/* Of a number at a scale, at CRM__SCALE_MOST. */
__int128 crm__scaled_big(int64_t number, int scale);
/* The limits in numbers of a scale: exactly those from *lo to *hi are taken.  0: none is. */
int crm__limits_at(const crm__limits *l, int scale, int64_t *lo, int64_t *hi);

#endif
