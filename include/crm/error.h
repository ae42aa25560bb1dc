/* SPDX-License-Identifier: MIT */
/**
 * @file error.h
 * Results and their detail.
 *
 * A function that can fail returns int: 0 is CRM_OK, positive is not an error (CRM_DONE), negative
 * is an error.  Detail goes into a crm_error that the caller owns and may leave out.
 */
#ifndef CRM_ERROR_H
#define CRM_ERROR_H

#include <crm/codes.h>
#include <crm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Room for a message, its NUL included. */
#define CRM_MESSAGE_SIZE 240
/** Room for the key of a field, its NUL included. */
#define CRM_FIELD_SIZE 64

/**
 * Detail of an error.  Filled only when a call returns a negative result; untouched otherwise.
 * Messages are one line, name the field, row or position, and never hold personal data.
 */
typedef struct crm_error {
    /** Size of this struct, set by CRM_ERROR_INIT. */
    size_t size;
    /** The result, as returned. */
    int32_t code;
    /** errno or the storage engine's number, 0 when none is behind it. */
    int32_t sys;
    /** Byte offset in the input (JSON), or column (model); -1 when it does not apply. */
    int64_t offset;
    /** Line (model), row (import), other customer's id or revision, as the code says; -1 when none. */
    int64_t row;
    /** Key of the field or name of the argument at fault, empty when none. */
    char field[CRM_FIELD_SIZE];
    /** One line for a person, NUL-terminated. */
    char message[CRM_MESSAGE_SIZE];
} crm_error;

/** An empty crm_error. */
#define CRM_ERROR_INIT {sizeof(crm_error), 0, 0, -1, -1, {0}, {0}}

/**
 * Makes an error detail empty, for languages without CRM_ERROR_INIT.
 *
 * @param[out] err  The struct; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   any thread, one at a time for one struct.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_error_init(crm_error *err);

/**
 * Name of a result code, e.g. "CRM_ENOTFOUND".
 *
 * @param[in] code  A result.
 * @return the name, or "CRM_?" for a number that is no result code.
 *
 * Ownership: static.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_error_name(int code);

/**
 * Short meaning of a result code in English, e.g. "not found".
 *
 * @param[in] code  A result.
 * @return the text, or "unknown result".
 *
 * Ownership: static.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_error_text(int code);

#ifdef __cplusplus
}
#endif

#endif
