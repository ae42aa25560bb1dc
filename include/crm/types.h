/* SPDX-License-Identifier: MIT */
/**
 * @file types.h
 * Small types every other header uses.
 */
#ifndef CRM_TYPES_H
#define CRM_TYPES_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
/** Marks a function that the shared library exports. */
#define CRM_API __attribute__((visibility("default")))
#else
/** Marks a function that the shared library exports. */
#define CRM_API
#endif

/** As a length: the text ends at its first NUL byte. */
#define CRM_NUL ((size_t)-1)

/**
 * Number of a customer: dense, in order of arrival from 1, never reused.
 * A number given inside a transaction is final only when its commit returns CRM_OK.  0 is none.
 */
typedef uint64_t crm_id;

/** A transaction: a read snapshot or the one writer, see txn.h. */
typedef struct crm_txn crm_txn;

/**
 * Memory functions of the host, for the library's own memory of one database handle.
 *
 * They must behave like malloc, realloc and free, and be callable from every thread that uses the
 * handle.  What LMDB and libyaml allocate inside comes from malloc all the same.
 */
typedef struct crm_allocator {
    /** Size of this struct, set by CRM_ALLOCATOR_INIT. */
    size_t size;
    /** Allocate @p n bytes, NULL when out of memory. */
    void *(*alloc)(size_t n, void *ctx);
    /** Resize @p p (NULL: allocate) to @p n bytes, NULL when out of memory and @p p is kept. */
    void *(*realloc)(void *p, size_t n, void *ctx);
    /** Free @p p; NULL does nothing. */
    void (*free)(void *p, void *ctx);
    /** Handed to each function. */
    void *ctx;
} crm_allocator;

/** All members unset: the C library's allocator. */
#define CRM_ALLOCATOR_INIT {sizeof(crm_allocator), NULL, NULL, NULL, NULL}

/** Level of a log line: something failed that the caller is also told of. */
#define CRM_LOG_ERROR 1
/** Level of a log line: something to look after, e.g. an old reader. */
#define CRM_LOG_WARN 2
/** Level of a log line: a normal event worth a line, e.g. a model change. */
#define CRM_LOG_INFO 3

/**
 * Receives log lines.  Called on the thread whose call caused the line, with no lock of the
 * library held.  Lines hold no personal data.
 *
 * @param[in] level  CRM_LOG_ERROR, CRM_LOG_WARN or CRM_LOG_INFO.
 * @param[in] line   One line, NUL-terminated, without a newline; valid during the call.
 * @param[in] ctx    As given with the function.
 */
typedef void (*crm_log_fn)(int level, const char *line, void *ctx);

/**
 * Reports the progress of long work and may stop it.  Called on the thread that does the work.
 *
 * @param[in] done   Units done.
 * @param[in] total  Units in all, 0 when not known.
 * @param[in] ctx    As given with the function.
 * @return 0 to go on; anything else stops the work, which then returns CRM_ECANCELLED.
 */
typedef int (*crm_progress_fn)(uint64_t done, uint64_t total, void *ctx);

/**
 * Frees a buffer that the library returned through a `char **`.
 *
 * @param[in] p  The buffer; NULL does nothing.
 *
 * Ownership: ends the caller's ownership of @p p.
 * Threads:   any thread; the allocator of the handle it came from is called.
 * Cost:      one free.
 * @since 0.1
 */
#ifdef __cplusplus
extern "C" {
#endif
CRM_API void crm_free(void *p);
#ifdef __cplusplus
}
#endif

#endif
