/* SPDX-License-Identifier: MIT
 * Numbers of a fixed width, one after another, least bit first: number i begins at bit i * width.
 * A width is 0 to 56 or 64, so that a number and the bits before it in its byte fit one 8-byte
 * load.
 */
#ifndef CRM_BITS_PACK_H
#define CRM_BITS_PACK_H

#include <stddef.h>
#include <stdint.h>

enum { CRM__PACK_WIDE = 64, CRM__PACK_MOST = 56 };

static inline int crm__pack_width_ok(unsigned width)
{
    return width <= CRM__PACK_MOST || width == CRM__PACK_WIDE;
}

/* Bits of a number; 0 for 0. */
static inline unsigned crm__pack_bits(uint64_t v)
{
    return v ? 64u - (unsigned)__builtin_clzll(v) : 0;
}

/* The least width there is for numbers of so many bits. */
static inline unsigned crm__pack_width(unsigned bits)
{
    return bits <= CRM__PACK_MOST ? bits : CRM__PACK_WIDE;
}

static inline size_t crm__pack_size(size_t count, unsigned width)
{
    return (count * width + 7) / 8;
}

/* Writes crm__pack_size() bytes; bits of a number above the width are left out. */
void crm__pack(uint8_t *to, const uint64_t *from, size_t count, unsigned width);
/* to[i] = add + number i, modulo 2^64.  Reads from `from` on, never at or behind `end`; the caller
 * has made sure that crm__pack_size() bytes are there. */
void crm__unpack(const uint8_t *from, const uint8_t *end, size_t count, unsigned width,
                 uint64_t add, uint64_t *to);

#endif
