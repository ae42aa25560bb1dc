/* SPDX-License-Identifier: MIT
 * Words of the JSON form of segments, which its reader and writer share.
 *
 *   {"all":true}   {"none":true}   {"and":[...]}   {"or":[...]}   {"not":{...}}
 *   {"tag":["region:cn/east","value:*"],"match":"any"}
 *   {"field":"score","op":">=","value":700}      "values" of in and between, "window" of a time
 *   {"anniversary":"birth_date","op":"in","window":{...}}
 *   {"event":SPEC}   {"event":SPEC,"followed by":SPEC,"within":{"count":90,"unit":"day"}}
 *   {"count":SPEC,"op":">=","value":3}           and sum, min, max, avg, distinct, first, last
 *   {"segment":"vip"}
 * SPEC {"kind":"order","attribute":"amount","window":{...},"where":[{"attribute":"product",...}]}
 * window {"last":3,"unit":"month"}  {"this":"month"}  {"since":"2025-10"}
 * {"between":["2025","2026"]}
 */
#ifndef CRM_SEGMENT_JSON_H
#define CRM_SEGMENT_JSON_H

#include "segment/build.h"

/* Levels of JSON that a tree takes at most: two of each and, or, and those of one condition. */
enum { CRM__SEGMENT_JSON_BYTES = 1 << 20, CRM__SEGMENT_JSON_LEVELS = 2 * CRM__SEGMENT_DEPTH + 8 };

/* Members of a condition, in the order in which they are written; those from ALL to LAST say what
 * it is: one of them, and one only, is there.  COUNT to LAST are in the order of crm__aggregate. */
typedef enum crm__member {
    CRM__MEMBER_ALL,
    CRM__MEMBER_NONE,
    CRM__MEMBER_AND,
    CRM__MEMBER_OR,
    CRM__MEMBER_NOT,
    CRM__MEMBER_TAG,
    CRM__MEMBER_FIELD,
    CRM__MEMBER_ANNIVERSARY,
    CRM__MEMBER_SEGMENT,
    CRM__MEMBER_EVENT,
    CRM__MEMBER_COUNT,
    CRM__MEMBER_SUM,
    CRM__MEMBER_MIN,
    CRM__MEMBER_MAX,
    CRM__MEMBER_AVG,
    CRM__MEMBER_DISTINCT,
    CRM__MEMBER_FIRST,
    CRM__MEMBER_LAST,
    CRM__MEMBER_MATCH,
    CRM__MEMBER_FOLLOWED,
    CRM__MEMBER_NOT_FOLLOWED,
    CRM__MEMBER_WITHIN,
    CRM__MEMBER_KIND, /* from here: of a spec and a condition in it, too */
    CRM__MEMBER_ATTRIBUTE,
    CRM__MEMBER_WHERE,
    CRM__MEMBER_OP,
    CRM__MEMBER_VALUE,
    CRM__MEMBER_VALUES,
    CRM__MEMBER_WINDOW,
    CRM__MEMBERS
} crm__member;

/* Members of a window. */
typedef enum crm__window_member {
    CRM__WINDOW_M_LAST,
    CRM__WINDOW_M_NEXT,
    CRM__WINDOW_M_THIS,
    CRM__WINDOW_M_PREVIOUS,
    CRM__WINDOW_M_COMING,
    CRM__WINDOW_M_SINCE,
    CRM__WINDOW_M_BEFORE,
    CRM__WINDOW_M_BETWEEN,
    CRM__WINDOW_M_ON,
    CRM__WINDOW_M_COUNT, /* of "within" */
    CRM__WINDOW_M_UNIT,
    CRM__WINDOW_MEMBERS
} crm__window_member;

extern const char *const crm__member_names[CRM__MEMBERS];
extern const char *const crm__window_names[CRM__WINDOW_MEMBERS];
extern const char *const crm__match_names[4];

/* "not in" for IN negated, and back: 0 when it is no operator. */
const char *crm__op_name(uint8_t cmp, int negated);
int crm__op_find(const char *s, size_t n, uint8_t *cmp, uint8_t *negated);

#endif
