/* SPDX-License-Identifier: MIT
 * Fixed-width integers in bytes and a bounded reader.  Big-endian stands in keys, where bytes must
 * sort as numbers do; little-endian in values.  The writers of varints are in mem.h.
 */
#ifndef CRM_BASE_BYTES_H
#define CRM_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ && __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__
#error "byte order not known"
#endif

static inline uint16_t crm__swap16(uint16_t v, int swap)
{
    return swap ? __builtin_bswap16(v) : v;
}

static inline uint32_t crm__swap32(uint32_t v, int swap)
{
    return swap ? __builtin_bswap32(v) : v;
}

static inline uint64_t crm__swap64(uint64_t v, int swap)
{
    return swap ? __builtin_bswap64(v) : v;
}

#define CRM__BYTES_ORDER(order, bits, swap)                                                        \
    static inline void crm__put_##order##bits(uint8_t *p, uint##bits##_t v)                        \
    {                                                                                              \
        v = crm__swap##bits(v, swap);                                                              \
        memcpy(p, &v, sizeof v);                                                                   \
    }                                                                                              \
    static inline uint##bits##_t crm__get_##order##bits(const uint8_t *p)                          \
    {                                                                                              \
        uint##bits##_t v;                                                                          \
        memcpy(&v, p, sizeof v);                                                                   \
        return crm__swap##bits(v, swap);                                                           \
    }

#define CRM__SWAP_BE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#define CRM__SWAP_LE (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

/* crm__put_be16(uint8_t *, uint16_t), uint16_t crm__get_be16(const uint8_t *), and so on for
 * be32, be64, le16, le32, le64.  No alignment is needed. */
CRM__BYTES_ORDER(be, 16, CRM__SWAP_BE)
CRM__BYTES_ORDER(be, 32, CRM__SWAP_BE)
CRM__BYTES_ORDER(be, 64, CRM__SWAP_BE)
CRM__BYTES_ORDER(le, 16, CRM__SWAP_LE)
CRM__BYTES_ORDER(le, 32, CRM__SWAP_LE)
CRM__BYTES_ORDER(le, 64, CRM__SWAP_LE)

#undef CRM__BYTES_ORDER
#undef CRM__SWAP_BE
#undef CRM__SWAP_LE

/* Reads bytes front to back.  A read past the end gives 0, sets `failed` and leaves nothing to
 * read, so a decoder may check once, after its last read.  p <= end always. */
typedef struct crm__reader {
    const uint8_t *p, *end;
    int failed;
} crm__reader;

static inline crm__reader crm__reader_of(const void *p, size_t n)
{
    static const uint8_t none = 0;
    crm__reader r;

    r.p = p ? (const uint8_t *)p : &none;
    r.end = p ? r.p + n : &none;
    r.failed = p == NULL && n != 0;
    return r;
}

static inline size_t crm__reader_left(const crm__reader *r)
{
    return (size_t)(r->end - r->p);
}

static inline void crm__reader_fail(crm__reader *r)
{
    r->p = r->end;
    r->failed = 1;
}

/* n bytes in place; NULL and failed when fewer are left. */
static inline const uint8_t *crm__read_bytes(crm__reader *r, uint64_t n)
{
    const uint8_t *at = r->p;

    if (r->failed || n > crm__reader_left(r)) {
        crm__reader_fail(r);
        return NULL;
    }
    r->p += n;
    return at;
}

static inline uint8_t crm__read_u8(crm__reader *r)
{
    if (r->p == r->end) {
        r->failed = 1;
        return 0;
    }
    return *r->p++;
}

static inline uint16_t crm__read_le16(crm__reader *r)
{
    const uint8_t *p = crm__read_bytes(r, 2);

    return p ? crm__get_le16(p) : (uint16_t)0;
}

static inline uint32_t crm__read_le32(crm__reader *r)
{
    const uint8_t *p = crm__read_bytes(r, 4);

    return p ? crm__get_le32(p) : 0;
}

static inline uint64_t crm__read_le64(crm__reader *r)
{
    const uint8_t *p = crm__read_bytes(r, 8);

    return p ? crm__get_le64(p) : 0;
}

static inline uint16_t crm__read_be16(crm__reader *r)
{
    const uint8_t *p = crm__read_bytes(r, 2);

    return p ? crm__get_be16(p) : (uint16_t)0;
}

static inline uint32_t crm__read_be32(crm__reader *r)
{
    const uint8_t *p = crm__read_bytes(r, 4);

    return p ? crm__get_be32(p) : 0;
}

static inline uint64_t crm__read_be64(crm__reader *r)
{
    const uint8_t *p = crm__read_bytes(r, 8);

    return p ? crm__get_be64(p) : 0;
}

/* Asks for memory that is read soon, so that it is on its way while other work is done; reads
 * nothing, so p may be anything. */
static inline void crm__ask(const uint8_t *p, size_t n)
{
    enum { LINE = 64 };

    for (size_t at = 0; at < n; at += LINE)
        __builtin_prefetch(p + at);
}

/* A varint of any length, byte by byte. */
uint64_t crm__read_varint_slow(crm__reader *r);

/* LEB128, at most 10 bytes.  Each number has one spelling: an overlong one fails, as does one above
 * 64 bits.  Two to eight bytes are taken at once, without a branch on the length: all 7-bit groups
 * are brought together in three steps. */
static inline uint64_t crm__read_varint(crm__reader *r)
{
    if (r->p != r->end && r->p[0] < 0x80)
        return *r->p++;
    if (crm__reader_left(r) >= 8) {
        uint64_t w = crm__get_le64(r->p), stop = ~w & UINT64_C(0x8080808080808080);
        size_t last = stop ? (size_t)__builtin_ctzll(stop) / 8 : 0;
        if (stop && r->p[last] != 0) {
            w &= (stop ^ (stop - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
            w = (w & UINT64_C(0x007f007f007f007f)) | (w & UINT64_C(0x7f007f007f007f00)) >> 1;
            w = (w & UINT64_C(0x00003fff00003fff)) | (w & UINT64_C(0x3fff00003fff0000)) >> 2;
            w = (w & UINT64_C(0x000000000fffffff)) | (w & UINT64_C(0x0fffffff00000000)) >> 4;
            r->p += last + 1;
            return w;
        }
    }
    return crm__read_varint_slow(r);
}

static inline int64_t crm__read_zigzag(crm__reader *r)
{
    uint64_t v = crm__read_varint(r);

    v = (v >> 1) ^ (0 - (v & 1));
    return v <= INT64_MAX ? (int64_t)v : -(int64_t)(UINT64_MAX - v) - 1;
}

#endif
