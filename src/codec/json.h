/* SPDX-License-Identifier: MIT
 * JSON text to values, and the pieces of writing it.
 */
#ifndef CRM_CODEC_JSON_H
#define CRM_CODEC_JSON_H

#include "base/mem.h"

#include <crm/error.h>

typedef struct crm__json crm__json; /* a parsed value; NULL is JSON null */

enum {
    CRM__JSON_NULL = 0,
    CRM__JSON_BOOLEAN,
    CRM__JSON_NUMBER,
    CRM__JSON_STRING,
    CRM__JSON_ARRAY,
    CRM__JSON_OBJECT
};

/* Strict JSON, one value, UTF-8, no member twice, no NUL character, numbers of at most 19 digits
 * unless they have a fraction or exponent (their text is kept exactly).  CRM_ESYNTAX gives the byte
 * offset. */
int crm__json_parse(const crm_allocator *mem, const char *text, size_t n, crm__json **out,
                    crm_error *err);
/* A name that stands twice is in the error when known() says so: others may be somebody's data. */
typedef int (*crm__json_known_fn)(void *ctx, const char *key, size_t n);
int crm__json_parse_known(const crm_allocator *mem, const char *text, size_t n,
                          crm__json_known_fn known, void *ctx, crm__json **out, crm_error *err);
/* The same with at most so many levels of objects and arrays in one another; of others it is 31.
 * The caller has bounded n. */
int crm__json_parse_deep(const crm_allocator *mem, const char *text, size_t n, int levels,
                         crm__json **out, crm_error *err);
void crm__json_free(crm__json *v);

int crm__json_kind(const crm__json *v);
/* Text of a string, number or boolean; valid while the root lives. */
crm__slice crm__json_text(const crm__json *v);
size_t crm__json_count(const crm__json *v); /* array items */
const crm__json *crm__json_item(const crm__json *v, size_t i);
const crm__json *crm__json_member(const crm__json *v, const char *key); /* NULL: absent or null */

/* Members in order: start with *at = NULL; 0 at the end. */
int crm__json_next(const crm__json *object, const void **at, const char **key,
                   const crm__json **value);

/* Appends a JSON string with quotes. */
void crm__json_string(crm__buf *out, const void *p, size_t n);

#endif
