/* SPDX-License-Identifier: MIT
 * See sort.h.
 */
#include "segment/sort.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

/* Things between two looks: 1 to 2 ms, where each comparison misses the cache twice. */
enum { PIECE = 4096 };

int crm__look(const crm__looking *l)
{
    return l->look && l->look(l->done, l->total, l->ctx) ? CRM_ECANCELLED : CRM_OK;
}

/* Two neighbouring lists from one place to another. */
static int merge(const uint8_t *from, uint8_t *to, size_t a, size_t b, size_t width,
                 int (*by)(const void *, const void *), const crm__looking *l)
{
    const uint8_t *x = from, *y = from + a * width, *x_end = y, *y_end = y + b * width;
    int rc = CRM_OK;

    for (size_t i = 0; i < a + b && !rc; i++, to += width) {
        int first = x < x_end && (y == y_end || by(x, y) <= 0);
        memcpy(to, first ? x : y, width);
        *(first ? &x : &y) += width;
        rc = crm__look_at(l, i, PIECE);
    }
    return rc;
}

int crm__sort(const crm_allocator *mem, void *p, size_t n, size_t width,
              int (*by)(const void *a, const void *b), const crm__looking *l)
{
    uint8_t *from = p, *room, *to, *was;
    int rc = CRM_OK;

    for (size_t i = 0; i < n && !rc; i += PIECE) {
        qsort(from + i * width, n - i < PIECE ? n - i : PIECE, width, by);
        rc = n > PIECE ? crm__look(l) : CRM_OK;
    }
    if (rc || n <= PIECE)
        return rc;
    room = crm__alloc(mem, n * width);
    if (!room)
        return CRM_ENOMEM;
    to = room;
    for (size_t step = PIECE; step < n && !rc; step *= 2) {
        for (size_t i = 0; i < n && !rc; i += 2 * step) {
            size_t a = n - i < step ? n - i : step, b = n - i - a < step ? n - i - a : step;
            rc = merge(from + i * width, to + i * width, a, b, width, by, l);
        }
        was = from;
        from = to;
        to = was;
    }
    for (size_t i = 0; i < n && !rc && from == room; i += 16 * PIECE) {
        memcpy((uint8_t *)p + i * width, room + i * width,
               (n - i < 16 * PIECE ? n - i : 16 * PIECE) * width);
        rc = crm__look(l);
    }
    crm__release(mem, room);
    return rc;
}
