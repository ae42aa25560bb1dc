/* SPDX-License-Identifier: MIT
 * Exact decimal numbers and integers from text.  value = mantissa / 10^scale; the scale is kept as
 * written ("1.50" has scale 2).
 */
#ifndef CRM_BASE_DECIMAL_H
#define CRM_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

enum { CRM__DECIMAL_DIGITS = 18, CRM__DECIMAL_SCALE = 12 };

typedef struct crm__decimal {
    int64_t mantissa; /* |mantissa| < 10^18 */
    uint8_t scale;    /* 0..12 */
} crm__decimal;

/* Optional sign, digits (ASCII or fullwidth), optional fraction, optional exponent; comma, "_" or
 * "'" between groups of three digits before the point; white space around.
 * CRM_OK or CRM_EVALUE; then *why is a static phrase and *at a byte offset.  why, at may be NULL.
 */
int crm__decimal_parse(const char *s, size_t n, crm__decimal *d, const char **why, size_t *at);
/* Plain notation with exactly `scale` digits after the point, NUL-terminated; the length, 0 (and
 * "") when d is not valid. */
size_t crm__decimal_format(crm__decimal d, char out[24]);
/* -1, 0, 1 by value: 1.5 equals 1.50. */
int crm__decimal_compare(crm__decimal a, crm__decimal b);
int crm__decimal_valid(crm__decimal d);

/* The same writing for the whole int64 range; a fraction must be zero. */
int crm__int_parse(const char *s, size_t n, int64_t *v, const char **why, size_t *at);

#endif
