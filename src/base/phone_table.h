/* SPDX-License-Identifier: MIT
 * The shape of the generated numbering plans (phone_table.c).  Patterns over digits are automata in
 * one array of states, shared among all of them; no automaton has a cycle.  For phone.c only.
 */
#ifndef CRM_BASE_PHONE_TABLE_H
#define CRM_BASE_PHONE_TABLE_H

#include <stdint.h>

/* State 0 is the dead end: it accepts nothing and leads to itself.  As a first state it stands for
 * "no such pattern".
 *
 * `out` of a whole-number pattern: 1 when the digits read so far are a number.
 * `out` of a prefix pattern, read digit by digit, the last match seen being the match:
 *   bit 0      a match ends here
 *   bit 1      a match ends here when the text does
 *   bit 2      a group of the pattern is kept: digits [bits 3-6, bits 7-10) of the text */
typedef struct crm__phone_state {
    uint16_t next[10];
    uint16_t out;
} crm__phone_state;

/* How numbers are written in one region; the plans after the regions' belong to calling codes
 * without region, such as +800.  Numbers are without country code and national prefix. */
typedef struct crm__phone_plan {
    uint32_t lengths; /* bit n: there are numbers of n digits */
    uint32_t local;   /* bit n: n digits can be dialled within an area only */
    uint16_t code;    /* country calling code */
    uint16_t general; /* first state: any number of the region, coarsely */
    uint16_t trunk;   /* first state: national prefix, with or without carrier code */
    uint16_t abroad;  /* first state: international prefix */
    char insert[6];   /* digits put before the kept group of `trunk` */
} crm__phone_plan;

typedef struct crm__phone_code {
    uint16_t code;
    uint16_t plan;  /* the main region's */
    uint16_t valid; /* first state: numbers taken as valid, of all regions of the code */
} crm__phone_code;

extern const char crm__phone_source[];
extern const crm__phone_state crm__phone_states[];
extern const crm__phone_plan crm__phone_plans[];
extern const crm__phone_code crm__phone_codes[];  /* [0] is none */
extern const uint8_t crm__phone_code_index[1000]; /* calling code -> crm__phone_codes, 0 none */
extern const uint8_t crm__phone_region_index[26 * 26]; /* letters -> 1 + crm__phone_plans, 0 none */

#endif
