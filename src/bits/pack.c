/* SPDX-License-Identifier: MIT
 * Bit packing: see pack.h.
 */
#include "bits/pack.h"

#include "base/bytes.h"
#include "bits/kernel.h"

#include <string.h>

void crm__pack(uint8_t *to, const uint64_t *from, size_t count, unsigned width)
{
    uint64_t mask = width ? UINT64_MAX >> (64 - width) : 0, held = 0;
    unsigned bits = 0;

    if (width == CRM__PACK_WIDE) {
        for (size_t i = 0; i < count; i++)
            crm__put_le64(to + 8 * i, from[i]);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        held |= (from[i] & mask) << bits; /* at most 7 + 56 bits */
        for (bits += width; bits >= 8; bits -= 8) {
            *to++ = (uint8_t)held;
            held >>= 8;
        }
    }
    if (bits)
        *to = (uint8_t)held;
}

void crm__unpack(const uint8_t *from, const uint8_t *end, size_t count, unsigned width,
                 uint64_t add, uint64_t *to)
{
    uint64_t mask;
    size_t i;

    if (width == 0) {
        for (i = 0; i < count; i++)
            to[i] = add;
        return;
    }
    if (width == CRM__PACK_WIDE) {
        for (i = 0; i < count; i++)
            to[i] = add + crm__get_le64(from + 8 * i);
        return;
    }
    mask = UINT64_MAX >> (64 - width);
    i = count >= 8 ? crm__kernel_best()->unpack(from, end, count, width, add, to) : 0;
    for (; i < count; i++) {
        const uint8_t *p = from + i * width / 8;
        size_t left = (size_t)(end - p);
        uint8_t last[8] = {0};
        if (left < 8) {
            memcpy(last, p, left);
            p = last;
        }
        to[i] = add + (crm__get_le64(p) >> (i * width % 8) & mask);
    }
}
