/* SPDX-License-Identifier: MIT
 * Phone numbers in any usual writing, to E.164.
 *
 * Read: "+" or "00" or the region's international prefix before a country code; the region's
 * national prefix, with or without carrier code; "(0)" inside an international number; the country
 * code without "+" when the number fits in no other way; tel: URIs; spaces, dashes, dots, slashes
 * and brackets of ASCII and Unicode, full-width forms, the decimal digits of the larger scripts.
 * Refused: letters (also those that stand for digits), extensions, numbers for use within an area.
 *
 * A number is taken as valid when it fits the pattern of a kind of number (fixed line, mobile ...)
 * of a region of its country code; or else, as ranges are opened after the metadata was made, fits
 * the region's coarse pattern, with a usual length, which is one that numbers with the same first
 * two digits have where there are any.  It has at most 15 digits.  It may be valid and not in
 * service.
 */
#ifndef CRM_BASE_PHONE_H
#define CRM_BASE_PHONE_H

#include <stddef.h>

enum { CRM__PHONE_SIZE = 20 }; /* "+", up to 15 digits, NUL, room */

/* Reads s; region is the ISO 3166-1 code (any case) for numbers without country code, "" or NULL or
 * unknown for none.  out receives E.164, or "" on a fault.
 * CRM_OK, or CRM_EVALUE with *why and *at (why and at may be NULL).  *why is static, one of
 *   - empty
 *   - unexpected character
 *   - extension is not part of a phone number
 *   - too short
 *   - too long (also any text above 250 bytes)
 *   - unknown country code
 *   - no country code and no default region
 *   - not a number of this country: the one of the number's country code, else the region
 * *at is the byte offset of the character or extension refused, else where the number begins. */
int crm__phone_parse(const char *s, size_t n, const char *region, char out[CRM__PHONE_SIZE],
                     const char **why, size_t *at);

/* 1 when the 2-letter code (any case) has metadata. */
int crm__phone_region_known(const char *region);

#endif
