/* SPDX-License-Identifier: MIT
 * An allocator that gives so many pieces and then none, and counts those not given back.
 */
#ifndef STINGY_H
#define STINGY_H

#include <stdint.h>
#include <stdlib.h>

typedef struct stingy {
    int64_t left, alive;
} stingy;

static inline void *stingy_alloc(size_t n, void *ctx)
{
    stingy *s = ctx;
    void *p = s->left-- > 0 ? malloc(n) : NULL;

    s->alive += p != NULL;
    return p;
}

static inline void *stingy_realloc(void *p, size_t n, void *ctx)
{
    stingy *s = ctx;
    void *q = s->left-- > 0 ? realloc(p, n) : NULL;

    s->alive += q && !p;
    return q;
}

static inline void stingy_free(void *p, void *ctx)
{
    ((stingy *)ctx)->alive -= p != NULL;
    free(p);
}

#endif
