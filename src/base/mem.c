/* SPDX-License-Identifier: MIT
 * Allocator, buffer, arena.  Knows nothing of what is kept in them.
 */
#include "base/mem.h"

#include <crm/codes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *libc_alloc(size_t n, void *ctx)
{
    (void)ctx;
    return malloc(n);
}

static void *libc_realloc(void *p, size_t n, void *ctx)
{
    (void)ctx;
    return realloc(p, n);
}

static void libc_free(void *p, void *ctx)
{
    (void)ctx;
    free(p);
}

static const crm_allocator LIBC = {sizeof(crm_allocator), libc_alloc, libc_realloc, libc_free,
                                   NULL};

int crm__allocator_read(const crm_allocator *from, crm_allocator *to)
{
    *to = LIBC;
    if (!from || (!from->alloc && !from->realloc && !from->free))
        return CRM_OK;
    if (from->size < sizeof *from || !from->alloc || !from->realloc || !from->free)
        return CRM_EINVAL;
    *to = *from;
    return CRM_OK;
}

void *crm__alloc(const crm_allocator *mem, size_t n)
{
    if (!mem)
        mem = &LIBC;
    return mem->alloc(n ? n : 1, mem->ctx);
}

void *crm__calloc(const crm_allocator *mem, size_t count, size_t size)
{
    void *p;

    if (size && count > SIZE_MAX / size)
        return NULL;
    p = crm__alloc(mem, count * size);
    if (p)
        memset(p, 0, count * size);
    return p;
}

void *crm__realloc(const crm_allocator *mem, void *p, size_t n)
{
    if (!mem)
        mem = &LIBC;
    return mem->realloc(p, n ? n : 1, mem->ctx);
}

void crm__release(const crm_allocator *mem, void *p)
{
    if (!p)
        return;
    if (!mem)
        mem = &LIBC;
    mem->free(p, mem->ctx);
}

char *crm__strdup(const crm_allocator *mem, const char *s, size_t n)
{
    char *p = crm__alloc(mem, n + 1);

    if (!p)
        return NULL;
    if (n)
        memcpy(p, s, n);
    p[n] = 0;
    return p;
}

/* A given buffer carries its allocator in front, so that crm_free() needs no handle. */
typedef union give_head {
    crm_allocator mem;
    max_align_t align;
} give_head;

char *crm__give(const crm_allocator *mem, const void *p, size_t n)
{
    give_head *h = crm__alloc(mem, sizeof *h + n + 1);
    char *out;

    if (!h)
        return NULL;
    h->mem = mem ? *mem : LIBC;
    out = (char *)(h + 1);
    if (n)
        memcpy(out, p, n);
    out[n] = 0;
    return out;
}

void crm_free(void *p)
{
    give_head *h;
    crm_allocator mem;

    if (!p)
        return;
    h = (give_head *)p - 1;
    mem = h->mem;
    mem.free(h, mem.ctx);
}

/* ---- buffer ---- */

void crm__buf_init(crm__buf *b, const crm_allocator *mem)
{
    memset(b, 0, sizeof *b);
    b->mem = mem;
}

void crm__buf_clear(crm__buf *b)
{
    crm__release(b->mem, b->p);
    crm__buf_init(b, b->mem);
}

uint8_t *crm__buf_reserve(crm__buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (b->cap - b->n < n || !b->p) {
        size_t cap = b->cap ? b->cap : 64;
        uint8_t *p;
        while (cap - b->n < n && cap < SIZE_MAX / 2)
            cap *= 2;
        p = cap - b->n < n ? NULL : crm__realloc(b->mem, b->p, cap);
        if (!p) {
            b->failed = 1;
            return NULL;
        }
        b->p = p;
        b->cap = cap;
    }
    return b->p + b->n;
}

/* The same without a call when there is room, as mostly. */
static inline uint8_t *room_for(crm__buf *b, size_t n)
{
    return b->p && !b->failed && b->cap - b->n >= n ? b->p + b->n : crm__buf_reserve(b, n);
}

void crm__buf_add(crm__buf *b, const void *p, size_t n)
{
    uint8_t *at = room_for(b, n);

    if (!at)
        return;
    if (n)
        memcpy(at, p, n);
    b->n += n;
}

void crm__buf_add_str(crm__buf *b, const char *s)
{
    crm__buf_add(b, s, strlen(s));
}

void crm__buf_add_u8(crm__buf *b, unsigned v)
{
    uint8_t *at = room_for(b, 1);

    if (!at)
        return;
    *at = (uint8_t)v;
    b->n++;
}

void crm__buf_add_varint(crm__buf *b, uint64_t v)
{
    uint8_t *at = room_for(b, 10), *p = at;

    if (!at)
        return;
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    b->n += (size_t)(p - at);
}

void crm__buf_add_zigzag(crm__buf *b, int64_t v)
{
    crm__buf_add_varint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

void crm__buf_add_fmt(crm__buf *b, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !crm__buf_reserve(b, (size_t)n + 1)) {
        b->failed = 1;
        return;
    }
    va_start(ap, fmt);
    vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

/* ---- arena ---- */

struct crm__arena_block {
    crm__arena_block *next;
    size_t n, cap;
    /* bytes follow */
};

enum { ARENA_BLOCK = 16 * 1024 - 64, ARENA_HEAD = (sizeof(crm__arena_block) + 15) & ~(size_t)15 };

void crm__arena_init(crm__arena *a, const crm_allocator *mem)
{
    memset(a, 0, sizeof *a);
    a->mem = mem;
}

void *crm__arena_alloc(crm__arena *a, size_t n)
{
    crm__arena_block *b = a->head;
    void *p;

    if (n > SIZE_MAX / 2)
        return NULL;
    n = (n + 7) & ~(size_t)7;
    if (!b || b->cap - b->n < n) {
        size_t cap = n > ARENA_BLOCK ? n : ARENA_BLOCK;
        b = crm__alloc(a->mem, ARENA_HEAD + cap);
        if (!b)
            return NULL;
        b->n = 0;
        b->cap = cap;
        b->next = a->head;
        a->head = b;
    }
    p = (uint8_t *)b + ARENA_HEAD + b->n;
    b->n += n;
    a->used += n;
    return p;
}

void *crm__arena_copy(crm__arena *a, const void *p, size_t n)
{
    void *to = crm__arena_alloc(a, n);

    if (to && n)
        memcpy(to, p, n);
    return to;
}

void crm__arena_reset(crm__arena *a)
{
    crm__arena_block *keep = NULL, *b = a->head;

    while (b) {
        crm__arena_block *next = b->next;
        if (!keep && b->cap == ARENA_BLOCK)
            keep = b;
        else
            crm__release(a->mem, b);
        b = next;
    }
    if (keep) {
        keep->n = 0;
        keep->next = NULL;
    }
    a->head = keep;
    a->used = 0;
}

void crm__arena_clear(crm__arena *a)
{
    crm__arena_block *b = a->head;

    while (b) {
        crm__arena_block *next = b->next;
        crm__release(a->mem, b);
        b = next;
    }
    crm__arena_init(a, a->mem);
}
