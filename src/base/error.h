/* SPDX-License-Identifier: MIT
 * Filling a caller's crm_error.  Messages: one line, lower case, name the thing, no personal data.
 */
#ifndef CRM_BASE_ERROR_H
#define CRM_BASE_ERROR_H

#include <crm/error.h>

/* Each returns `code`, so that a function can end with `return crm__fail(err, CRM_E..., "...")`.
 * err may be NULL. */
int crm__fail(crm_error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int crm__fail_sys(crm_error *err, int code, int sys, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int crm__fail_field(crm_error *err, int code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int crm__fail_at(crm_error *err, int code, int64_t row, int64_t offset, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
int crm__fail_nomem(crm_error *err);
/* Copies the detail of another crm_error; returns its code. */
int crm__fail_copy(crm_error *err, const crm_error *from);

/* The zero-tail rule for option structs: copies *opts (its `size` first) into *to of `known` bytes,
 * zero where the caller's struct is shorter.  NULL opts gives all zero.  CRM_EINVAL when the size
 * is absurd or a byte beyond `known` is not zero. */
/* Fills a caller's struct that begins with its size, as far as the caller knows it. */
int crm__struct_give(void *out, const void *full, size_t known, const char *what, crm_error *err);
int crm__options_read(void *to, size_t known, const void *opts, const char *what, crm_error *err);

/* A field name fit for a message: printable, at most CRM_FIELD_SIZE - 1 bytes, cut at a character.
 */
void crm__copy_name(char to[CRM_FIELD_SIZE], const char *s, size_t n);

#endif
