/* SPDX-License-Identifier: MIT
 * Memory: the host's allocator, a growable buffer, an arena.  Everything the library allocates
 * itself goes through here, so that a test can fail the n-th allocation.
 */
#ifndef CRM_BASE_MEM_H
#define CRM_BASE_MEM_H

#include <crm/types.h>

#include <string.h>

/* A piece of bytes somebody else owns. */
typedef struct crm__slice {
    const uint8_t *p;
    size_t n;
} crm__slice;

/* As unsigned bytes, a prefix first: below, equal or above 0. */
static inline int crm__slice_compare(crm__slice a, crm__slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* mem may be NULL everywhere: the C library's allocator. */
void *crm__alloc(const crm_allocator *mem, size_t n);
void *crm__calloc(const crm_allocator *mem, size_t count, size_t size);
void *crm__realloc(const crm_allocator *mem, void *p, size_t n);
void crm__release(const crm_allocator *mem, void *p);
char *crm__strdup(const crm_allocator *mem, const char *s, size_t n);
/* Copies *from (NULL or partly unset: libc) to *to, complete; CRM_EINVAL when only some are set. */
int crm__allocator_read(const crm_allocator *from, crm_allocator *to);

/* Memory handed to the caller and freed by crm_free(), whatever allocator it came from. */
char *crm__give(const crm_allocator *mem, const void *p, size_t n);

/* Growable bytes.  A failed growth sets `failed` and later calls do nothing: check once at the end.
 */
typedef struct crm__buf {
    const crm_allocator *mem;
    uint8_t *p;
    size_t n, cap;
    int failed;
} crm__buf;

void crm__buf_init(crm__buf *b, const crm_allocator *mem);
void crm__buf_clear(crm__buf *b); /* frees */
void crm__buf_add(crm__buf *b, const void *p, size_t n);
void crm__buf_add_str(crm__buf *b, const char *s);
void crm__buf_add_u8(crm__buf *b, unsigned v);
void crm__buf_add_varint(crm__buf *b, uint64_t v);
void crm__buf_add_zigzag(crm__buf *b, int64_t v);
void crm__buf_add_fmt(crm__buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for n more bytes and returns where they start, NULL (and failed) without memory. */
uint8_t *crm__buf_reserve(crm__buf *b, size_t n);

/* Many small pieces freed together.  Pointers stay where they are. */
typedef struct crm__arena_block crm__arena_block;
typedef struct crm__arena {
    const crm_allocator *mem;
    crm__arena_block *head;
    size_t used; /* bytes handed out since the last reset */
} crm__arena;

void crm__arena_init(crm__arena *a, const crm_allocator *mem);
void *crm__arena_alloc(crm__arena *a, size_t n); /* 8-byte aligned, not zeroed */
void *crm__arena_copy(crm__arena *a, const void *p, size_t n);
void crm__arena_reset(crm__arena *a); /* keeps one block */
void crm__arena_clear(crm__arena *a); /* frees all */

#endif
