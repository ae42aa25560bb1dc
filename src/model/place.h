/* SPDX-License-Identifier: MIT
 * Countries (ISO 3166-1), languages (BCP 47) and currencies (ISO 4217): which codes there are, and
 * the codes behind names and signs that people write.
 */
#ifndef CRM_MODEL_PLACE_H
#define CRM_MODEL_PLACE_H

#include <stddef.h>
#include <stdint.h>

extern const char crm__country_codes[]; /* two letters each, sorted */
/* Lines "name=code": names folded, in order of their bytes.  One text each: tables of pointers
 * would be three times as large, and relocated in every process. */
extern const char crm__country_names[], crm__language_names[];
extern const size_t crm__country_names_size, crm__language_names_size;

enum { CRM__LANGUAGE_SIZE = 64 };

/* 1 when s (two capital letters) is the code of a country. */
int crm__country_known(const char *s);
/* Code of a country by code in any case, or by name.  1 when found; out is NUL-terminated. */
int crm__country_find(const char *s, size_t n, char out[3]);

/* A well-formed tag in canonical case (zh-Hans-CN), NUL-terminated; "_" is read as "-".
 * The length, 0 when it is none. */
size_t crm__language_tag(const char *s, size_t n, char out[CRM__LANGUAGE_SIZE]);
/* The same, names of common languages accepted. */
size_t crm__language_find(const char *s, size_t n, char out[CRM__LANGUAGE_SIZE]);

/* 1 when s (three capital letters) is a currency code. */
int crm__currency_known(const char *s);
/* 1 when the text (a code in any case, or a sign such as U+00A5) stands for a currency and writes
 * its code to out, NUL-terminated.  Most signs belong to several currencies: they stand for `own`
 * (may be empty) or for nothing. */
int crm__currency_find(const char *s, size_t n, const char *own, char out[4]);

#endif
