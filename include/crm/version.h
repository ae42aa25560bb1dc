/* SPDX-License-Identifier: MIT */
/**
 * @file version.h
 * Version of the headers and of the library in use.
 */
#ifndef CRM_VERSION_H
#define CRM_VERSION_H

#include <crm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Major version of these headers. */
#define CRM_VERSION_MAJOR 0
/** Minor version of these headers. */
#define CRM_VERSION_MINOR 1
/** Patch version of these headers. */
#define CRM_VERSION_PATCH 0
/** Version of these headers as one comparable number. */
#define CRM_VERSION_NUMBER (CRM_VERSION_MAJOR * 1000000 + CRM_VERSION_MINOR * 1000 + CRM_VERSION_PATCH)
/** Version of these headers as text. */
#define CRM_VERSION_STRING "0.1.0"

/**
 * Version of the library in use, e.g. "0.1.0".
 *
 * @return the text.
 *
 * Ownership: static.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_version(void);

/**
 * Version of the library in use, comparable with CRM_VERSION_NUMBER.
 *
 * @return the number.
 *
 * Ownership: none.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_version_number(void);

/**
 * What the library is: its version, the formats it knows, its compiler; one line.
 *
 * @return the text.
 *
 * Ownership: static.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_build_info(void);

#ifdef __cplusplus
}
#endif

#endif
