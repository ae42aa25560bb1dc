/* SPDX-License-Identifier: MIT
 * One comparison with the values of a field or of an attribute: made once for a run, asked of any
 * number of values.
 */
#ifndef CRM_SEGMENT_TEST_H
#define CRM_SEGMENT_TEST_H

#include "bits/limits.h"
#include "segment/tree.h"

typedef struct crm__test {
    uint8_t type; /* CRM_TYPE_*, of the values it is asked of */
    uint8_t cmp;
    uint32_t count;
    const crm__value *values;
    crm__slice *normal; /* EQ, IN: comparable forms */
    crm__slice folded;  /* PREFIX, CONTAINS: the text as compared */
    int64_t from,
        until; /* WINDOW: instants, or packed dates, from <= x < until; ANNIVERSARY: dates */
    crm__limits *limits; /* what numbers pass; limit_count 0: it is no question of numbers */
    uint32_t limit_count;
    char currency[4];      /* of money: that of all values, or "" */
    const crm__zone *zone; /* in which instants have a month and a day */
} crm__test;

/* The test without its negation.  CMP_EMPTY is not for here.  CRM_OK, CRM_EVALUE (text too long to
 * be compared), CRM_ENOMEM. */
int crm__test_make(crm__arena *a, uint8_t type, uint8_t cmp, const crm__node_values *values,
                   const crm__window *window, int64_t now, const crm__zone *zone, crm__test *out);
/* The same test at another moment. */
void crm__test_renew(crm__test *t, const crm__window *window, int64_t now, const crm__zone *zone);
/* 1: the value passes, 0: it does not, below 0: CRM_ENOMEM.  scratch is for work. */
int crm__test_value(const crm__test *t, const crm__value *v, crm__buf *scratch);
/* Whether a number lies in one of the test's limits. */
int crm__test_scaled(const crm__test *t, int64_t number, int scale);
static inline int crm__test_number(const crm__test *t, crm__decimal d)
{
    return crm__test_scaled(t, d.mantissa, d.scale);
}

/* The number that a value is in columns and limits: integers as they are, instants in microseconds,
 * dates packed, amounts.  0: the type has none. */
int crm__value_number(const crm__value *v, crm__decimal *out);

#endif
