/* SPDX-License-Identifier: MIT
 * An allocator whose `at`-th call fails (0: none), and which counts what was not given back.
 */
#ifndef NTH_H
#define NTH_H

#include <crm/types.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct nth {
    uint64_t calls, at;
    int64_t alive;
} nth;

static inline void *nth_alloc(size_t n, void *ctx)
{
    nth *m = ctx;
    void *p = ++m->calls == m->at ? NULL : malloc(n ? n : 1);

    m->alive += p != NULL;
    return p;
}

static inline void *nth_realloc(void *old, size_t n, void *ctx)
{
    nth *m = ctx;
    void *p = ++m->calls == m->at ? NULL : realloc(old, n ? n : 1);

    m->alive += p && !old;
    return p;
}

static inline void nth_free(void *p, void *ctx)
{
    ((nth *)ctx)->alive -= p != NULL;
    free(p);
}

static inline crm_allocator nth_allocator(nth *m)
{
    crm_allocator a = {sizeof a, nth_alloc, nth_realloc, nth_free, m};

    return a;
}

#endif
