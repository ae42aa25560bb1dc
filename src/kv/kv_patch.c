/* SPDX-License-Identifier: MIT
 * Values as differences: kv_patch.h.
 */
#include "kv/kv_patch.h"

#include <crm/codes.h>
#include <string.h>

/* Bytes that are alike are taken from the value before when there are so many.  Lists are of numbers of
 * two bytes, a few of which come or go at a place. */
enum { ALIKE_LEAST = 8, NUMBER = 2, NUMBERS_MOST = 2 };
/* A patch of more bytes than these and a fourth of those made so far is not worth it, nor is the time to
 * look further. */
enum { PATCH_ROOM = 96 };

/* How many bytes are alike from there on. */
static size_t alike(crm__slice before, size_t from, crm__slice value, size_t at)
{
    size_t n = 0, most = value.n - at;

    if (from >= before.n)
        return 0;
    if (before.n - from < most)
        most = before.n - from;
    for (; most - n >= 8; n += 8) {
        uint64_t differ = crm__get_le64(before.p + from + n) ^ crm__get_le64(value.p + at + n);
        if (differ)
            return n + (size_t)__builtin_ctzll(differ) / 8;
    }
    while (n < most && before.p[from + n] == value.p[at + n])
        n++;
    return n;
}

/* Where to go on in the value before: as now, or some numbers on or back.  0: nowhere. */
static size_t find_alike(crm__slice before, crm__slice value, size_t at, size_t *from)
{
    size_t n = alike(before, *from, value, at);

    for (size_t k = NUMBER; n < ALIKE_LEAST && k <= NUMBER * NUMBERS_MOST; k += NUMBER) {
        n = alike(before, *from + k, value, at);
        if (n >= ALIKE_LEAST) {
            *from += k;
            return n;
        }
        n = *from < k ? 0 : alike(before, *from - k, value, at);
        if (n >= ALIKE_LEAST)
            *from -= k;
    }
    return n < ALIKE_LEAST ? 0 : n;
}

int crm__patch_make(crm__slice before, crm__slice value, crm__buf *out)
{
    size_t was = out->n, at = 0, from = 0, new_from = 0, expected = 0;

    crm__buf_add_varint(out, before.n);
    crm__buf_add_varint(out, value.n);
    while (at < value.n) {
        size_t n = find_alike(before, value, at, &from);
        if (!n) {
            at++;
            from++;
            if (out->n - was + at - new_from <= PATCH_ROOM + at / 4)
                continue;
            out->n = was;
            return 0;
        }
        crm__buf_add_varint(out, at - new_from);
        crm__buf_add(out, value.p + new_from, at - new_from);
        crm__buf_add_varint(out, n);
        crm__buf_add_zigzag(out, (int64_t)from - (int64_t)(expected + at - new_from));
        at += n;
        from += n;
        new_from = at;
        expected = from;
    }
    if (new_from < value.n) {
        crm__buf_add_varint(out, value.n - new_from);
        crm__buf_add(out, value.p + new_from, value.n - new_from);
    }
    return 1;
}

/* One run of new bytes and of those before; *expected: where the latter would go on. */
static int apply_run(crm__slice before, crm__reader *r, uint64_t size, uint64_t *expected,
                     crm__buf *out)
{
    uint64_t n = crm__read_varint(r), from;
    const uint8_t *p = n <= size - out->n ? crm__read_bytes(r, (size_t)n) : NULL;

    if (r->failed || n > size - out->n)
        return CRM_ECORRUPT;
    crm__buf_add(out, p, (size_t)n);
    if (out->n == size)
        return CRM_OK;
    *expected += n;
    n = crm__read_varint(r);
    from = *expected + (uint64_t)crm__read_zigzag(r);
    if (r->failed || !n || n > size - out->n || from > before.n || n > before.n - from)
        return CRM_ECORRUPT;
    crm__buf_add(out, before.p + from, (size_t)n);
    *expected = from + n;
    return CRM_OK;
}

int crm__patch_apply(crm__slice before, crm__slice patch, crm__buf *out)
{
    crm__reader r = crm__reader_of(patch.p, patch.n);
    uint64_t was = crm__read_varint(&r), size = crm__read_varint(&r), expected = 0;
    int rc = CRM_OK;

    out->n = 0;
    if (r.failed || was != before.n || !size || size > CRM__PATCH_MOST)
        return CRM_ECORRUPT;
    if (!crm__buf_reserve(out, (size_t)size))
        return CRM_ENOMEM;
    while (!rc && out->n < size)
        rc = apply_run(before, &r, size, &expected, out);
    return rc ? rc : crm__reader_left(&r) ? CRM_ECORRUPT : CRM_OK;
}

uint64_t crm__patch_bytes(crm__slice patch)
{
    crm__reader r = crm__reader_of(patch.p, patch.n);

    crm__read_varint(&r);
    return crm__read_varint(&r);
}
