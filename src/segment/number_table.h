/* SPDX-License-Identifier: MIT
 * A table of numbers as it is handed out: texts only, apart from the transaction it came from.
 */
#ifndef CRM_SEGMENT_NUMBER_TABLE_H
#define CRM_SEGMENT_NUMBER_TABLE_H

#include "segment/number_run.h"

#include <crm/number.h>

enum { CRM__FILL_MOST = 10000 }; /* rows that stand for nothing between two others */

typedef struct crm__table_row {
    const crm_number_group *groups[CRM__GROUPINGS];
    char currency[4];
    crm_number_value *values;
} crm__table_row;

struct crm_numbers {
    crm_allocator mem;
    crm__arena a;
    uint32_t group_count, measure_count, value_count; /* values: with moving averages */
    uint8_t money;                                    /* some row has a currency */
    const char *text;
    const char *heads[CRM__GROUPINGS + 2 * CRM__MEASURES];
    uint8_t how[CRM__MEASURES];
    uint8_t plain[CRM__MEASURES]; /* counts: numbers in JSON too */
    crm__table_row *rows;
    size_t row_count;
};

/* A group as it is sorted. */
typedef struct crm__group {
    uint32_t code;
    int64_t key;      /* ascending, where groups have an order of their own */
    uint64_t counted; /* else the most frequent first */
    crm_number_group out;
} crm__group;

/* The groups of grouping k that something was found in, in order, with those between them when
 * there is one grouping; the one of no value last. */
int crm__groups_make(crm__number_run *n, uint32_t k, crm__arena *a, crm__group **out,
                     size_t *count);
/* A number at CRM__SCALE_MOST without zeros at its end, of money with two digits when with any. */
const char *crm__number_text(crm__arena *a, __int128 number, int money);
int crm__numbers_fill(crm_numbers *t, crm__number_run *n);

#endif
