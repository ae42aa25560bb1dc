/* SPDX-License-Identifier: MIT
 * Values that were kept one by one, in order: see number_cells.h.  Sorting millions takes longer
 * than a host waits for its cancel, so it looks every so many values.
 */
#include "segment/number_cells.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_EVERY = 1 << 16 };

static int64_t *numbers_of(crm__values *v, size_t *n)
{
    *n = v->numbers.n / sizeof(int64_t);
    return (int64_t *)(void *)v->numbers.p;
}

/* One pass by a byte; *done is 0 when all have the same there. */
static int pass(const crm__values *v, const uint64_t *from, uint64_t *to, size_t n, unsigned shift,
                int *done)
{
    size_t counts[256] = {0}, starts[256], at = 0;
    int rc = CRM_OK;

    for (size_t i = 0; i < n && !rc; i++) {
        counts[from[i] >> shift & 255]++;
        rc = crm__look_at(&v->looking, i, LOOK_EVERY);
    }
    *done = !rc && counts[from[0] >> shift & 255] != n;
    if (!*done)
        return rc;
    for (unsigned d = 0; d < 256; d++) {
        starts[d] = at;
        at += counts[d];
    }
    for (size_t i = 0; i < n && !rc; i++) {
        to[starts[from[i] >> shift & 255]++] = from[i];
        rc = crm__look_at(&v->looking, i, LOOK_EVERY);
    }
    return rc;
}

/* Least significant byte first; a byte that all numbers share is passed over. */
static int sort_numbers(const crm__values *v, int64_t *p, size_t n)
{
    const crm_allocator *mem = v->numbers.mem;
    uint64_t *from = (uint64_t *)(void *)p, *to, *room = crm__alloc(mem, n * sizeof *room);
    int rc = room ? CRM_OK : CRM_ENOMEM, done;

    to = room;
    for (size_t i = 0; i < n && !rc; i++)
        from[i] ^= UINT64_C(1) << 63;
    for (unsigned shift = 0; shift < 64 && !rc; shift += 8) {
        rc = pass(v, from, to, n, shift, &done);
        if (rc || !done)
            continue;
        to = from;
        from = from == room ? (uint64_t *)(void *)p : room;
    }
    for (size_t i = 0; i < n && !rc; i++)
        p[i] = (int64_t)(from[i] ^ UINT64_C(1) << 63);
    crm__release(mem, room);
    return rc;
}

static int by_big(const void *a, const void *b)
{
    __int128 x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

/* One sorted list: numbers, or when some are big all of them as big ones. */
static int sort_values(crm__values *v)
{
    size_t n;
    int64_t *p = numbers_of(v, &n);
    int rc = CRM_OK;

    if (!v->bigs.n)
        return n ? sort_numbers(v, p, n) : CRM_OK;
    for (size_t i = 0; i < n && !rc; i++) {
        crm__values_add_big(v, crm__scaled_big(p[i], v->scale));
        rc = crm__look_at(&v->looking, i, LOOK_EVERY);
    }
    if (rc)
        return rc;
    v->numbers.n = 0;
    if (v->bigs.failed)
        return CRM_ENOMEM;
    return crm__sort(v->bigs.mem, v->bigs.p, v->bigs.n / sizeof(__int128), sizeof(__int128), by_big,
                     &v->looking);
}

int crm__values_distinct(crm__values *v, uint64_t *count)
{
    int rc = sort_values(v);
    size_t n;
    int64_t *p = numbers_of(v, &n);

    *count = 0;
    for (size_t i = 0; i < n && !rc; i++)
        *count += !i || p[i] != p[i - 1];
    for (size_t i = 0; i < v->bigs.n && !rc; i += sizeof(__int128))
        *count += !i || memcmp(v->bigs.p + i, v->bigs.p + i - sizeof(__int128), sizeof(__int128));
    return rc;
}

int crm__values_rank(crm__values *v, uint64_t rank, __int128 *out)
{
    int rc = sort_values(v);
    size_t n;
    int64_t *p = numbers_of(v, &n);

    if (rc)
        return rc;
    if (v->bigs.n)
        memcpy(out, v->bigs.p + rank * sizeof *out, sizeof *out);
    else
        *out = crm__scaled_big(p[rank], v->scale);
    return CRM_OK;
}
