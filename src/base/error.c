/* SPDX-License-Identifier: MIT
 * Result names and texts, error detail, option structs.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void crm_error_init(crm_error *err)
{
    if (!err)
        return;
    memset(err, 0, sizeof *err);
    err->size = sizeof *err;
    err->offset = -1;
    err->row = -1;
}

const char *crm_error_name(int code)
{
    switch (code) {
#define CRM_CODE(name, number, text, when, what)                                                   \
    case number:                                                                                   \
        return "CRM_" #name;
#include "base/errors.def"
#undef CRM_CODE
    default:
        return "CRM_?";
    }
}

const char *crm_error_text(int code)
{
    switch (code) {
#define CRM_CODE(name, number, text, when, what)                                                   \
    case number:                                                                                   \
        return text;
#include "base/errors.def"
#undef CRM_CODE
    default:
        return "unknown result";
    }
}

static void fill(crm_error *err, int code, int sys, const char *field, const char *fmt, va_list ap)
{
    if (!err)
        return;
    crm_error_init(err);
    err->code = code;
    err->sys = sys;
    if (field)
        crm__copy_name(err->field, field, strlen(field));
    vsnprintf(err->message, sizeof err->message, fmt, ap);
}

int crm__fail(crm_error *err, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fill(err, code, 0, NULL, fmt, ap);
    va_end(ap);
    return code;
}

int crm__fail_sys(crm_error *err, int code, int sys, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fill(err, code, sys, NULL, fmt, ap);
    va_end(ap);
    return code;
}

int crm__fail_field(crm_error *err, int code, const char *field, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fill(err, code, 0, field, fmt, ap);
    va_end(ap);
    return code;
}

int crm__fail_at(crm_error *err, int code, int64_t row, int64_t offset, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fill(err, code, 0, NULL, fmt, ap);
    va_end(ap);
    if (err) {
        err->row = row;
        err->offset = offset;
    }
    return code;
}

int crm__fail_nomem(crm_error *err)
{
    return crm__fail(err, CRM_ENOMEM, "out of memory");
}

int crm__fail_copy(crm_error *err, const crm_error *from)
{
    if (err && err != from)
        *err = *from;
    return from->code;
}

int crm__struct_give(void *out, const void *full, size_t known, const char *what, crm_error *err)
{
    size_t size;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, what, "%s is NULL", what);
    memcpy(&size, out, sizeof size);
    if (size < sizeof size)
        return crm__fail_field(err, CRM_EINVAL, what, "%s: its size is not set", what);
    memcpy(out, full, size < known ? size : known);
    memcpy(out, &size, sizeof size);
    return CRM_OK;
}

int crm__options_read(void *to, size_t known, const void *opts, const char *what, crm_error *err)
{
    size_t size;

    memset(to, 0, known);
    memcpy(to, &known, sizeof known);
    if (!opts)
        return CRM_OK;
    memcpy(&size, opts, sizeof size);
    if (size < sizeof size || size > 4096)
        return crm__fail_field(err, CRM_EINVAL, what, "%s: size is not set", what);
    for (size_t i = known; i < size; i++) {
        if (((const uint8_t *)opts)[i])
            return crm__fail_field(err, CRM_EINVAL, what,
                                   "%s: an option this library does not know is set", what);
    }
    memcpy((uint8_t *)to + sizeof size, (const uint8_t *)opts + sizeof size,
           (size < known ? size : known) - sizeof size);
    return CRM_OK;
}

void crm__copy_name(char to[CRM_FIELD_SIZE], const char *s, size_t n)
{
    size_t k = 0;

    while (k < n && k < CRM_FIELD_SIZE - 1) {
        unsigned char c = (unsigned char)s[k];
        if (c == 0)
            break;
        to[k++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    if (k < n)
        while (k > 0 && ((unsigned char)s[k] & 0xc0) == 0x80)
            k--;
    to[k] = 0;
}
