/* SPDX-License-Identifier: MIT
 * The loops with NEON, which every 64-bit ARM processor has.
 */
#include "bits/kernel_part.h"

#if defined(__aarch64__) && !defined(__AARCH64EB__)
#include "base/bytes.h"
#include "bits/set_part.h"

#include <arm_neon.h>

#define INLINE static inline __attribute__((always_inline))

/* What up to three sets have in common at a place; b and c may be NULL. */
INLINE uint8x16_t common(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t at)
{
    uint8x16_t v = vld1q_u8(a + at);

    if (b)
        v = vandq_u8(v, vld1q_u8(b + at));
    if (c)
        v = vandq_u8(v, vld1q_u8(c + at));
    return v;
}

INLINE uint64_t common_word(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t at)
{
    uint64_t v = crm__get_le64(a + at);

    if (b)
        v &= crm__get_le64(b + at);
    if (c)
        v &= crm__get_le64(c + at);
    return v;
}

/* Bits of each byte are added in bytes for as long as those can't overflow. */
INLINE uint64_t count_common(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t n)
{
    uint64_t total = 0;
    size_t i = 0;

    while (i + 4 <= n) {
        uint8x16_t even = vdupq_n_u8(0), odd = even;
        for (size_t steps = 0; steps < 31 && i + 4 <= n; steps++, i += 4) {
            even = vaddq_u8(even, vcntq_u8(common(a, b, c, 8 * i)));
            odd = vaddq_u8(odd, vcntq_u8(common(a, b, c, 8 * i + 16)));
        }
        total += vaddlvq_u8(even) + (uint64_t)vaddlvq_u8(odd);
    }
    for (; i < n; i++)
        total += crm__set_ones(common_word(a, b, c, 8 * i));
    return total;
}

static uint64_t count(const uint64_t *words, size_t n)
{
    return count_common((const uint8_t *)words, NULL, NULL, n);
}

static uint64_t count_and(const uint64_t *words, const uint8_t *stored, size_t n)
{
    return count_common((const uint8_t *)words, stored, NULL, n);
}

static uint64_t count_and_stored(const uint8_t *a, const uint8_t *b, size_t n)
{
    return count_common(a, b, NULL, n);
}

static uint64_t count_and3(const uint64_t *words, const uint8_t *a, const uint8_t *b, size_t n)
{
    return count_common((const uint8_t *)words, a, b, n);
}

static uint64_t count_and3_stored(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t n)
{
    return count_common(a, b, c, n);
}

#define INTO(name, vector, word)                                                                   \
    static void name(uint64_t *words, const uint8_t *stored, size_t n)                             \
    {                                                                                              \
        size_t i = 0;                                                                              \
        for (; i + 2 <= n; i += 2) {                                                               \
            uint8x16_t s = vld1q_u8(stored + 8 * i), w = vld1q_u8((const uint8_t *)(words + i));   \
            vst1q_u8((uint8_t *)(words + i), vector(w, s));                                        \
        }                                                                                          \
        for (; i < n; i++)                                                                         \
            words[i] = words[i] word crm__get_le64(stored + 8 * i);                                \
    }

INTO(and_into, vandq_u8, &)
INTO(or_into, vorrq_u8, |)
INTO(andnot_into, vbicq_u8, &~)
INTO(xor_into, veorq_u8, ^)

/* The 64 bytes of four vectors, each 0 or 255, as bits. */
INLINE uint64_t bits_of(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
    static const uint8_t PLACE[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t place = vld1q_u8(PLACE);
    uint8x16_t ab = vpaddq_u8(vandq_u8(a, place), vandq_u8(b, place));
    uint8x16_t cd = vpaddq_u8(vandq_u8(c, place), vandq_u8(d, place));
    uint8x16_t all = vpaddq_u8(ab, cd);

    all = vpaddq_u8(all, all);
    return vgetq_lane_u64(vreinterpretq_u64_u8(all), 0);
}

/* lo <= code <= hi is code - lo <= hi - lo without sign, when lo <= hi. */
INLINE uint8x16_t in8(const uint8_t *p, uint8_t lo, uint8_t most)
{
    return vcleq_u8(vsubq_u8(vld1q_u8(p), vdupq_n_u8(lo)), vdupq_n_u8(most));
}

INLINE uint16x8_t in16(const uint8_t *p, uint16_t lo, uint16_t most)
{
    uint16x8_t v = vreinterpretq_u16_u8(vld1q_u8(p));

    return vcleq_u16(vsubq_u16(v, vdupq_n_u16(lo)), vdupq_n_u16(most));
}

INLINE uint32x4_t in32(const uint8_t *p, uint32_t lo, uint32_t most)
{
    uint32x4_t v = vreinterpretq_u32_u8(vld1q_u8(p));

    return vcleq_u32(vsubq_u32(v, vdupq_n_u32(lo)), vdupq_n_u32(most));
}

INLINE uint64x2_t in64(const uint8_t *p, uint64_t lo, uint64_t most)
{
    uint64x2_t v = vreinterpretq_u64_u8(vld1q_u8(p));

    return vcleq_u64(vsubq_u64(v, vdupq_n_u64(lo)), vdupq_n_u64(most));
}

/* Masks of 16 codes each, of any width, as bytes. */
INLINE uint8x16_t mask16(const uint8_t *p, uint16_t lo, uint16_t most)
{
    return vcombine_u8(vmovn_u16(in16(p, lo, most)), vmovn_u16(in16(p + 16, lo, most)));
}

INLINE uint8x16_t mask32(const uint8_t *p, uint32_t lo, uint32_t most)
{
    uint16x8_t a = vcombine_u16(vmovn_u32(in32(p, lo, most)), vmovn_u32(in32(p + 16, lo, most)));
    uint16x8_t b =
        vcombine_u16(vmovn_u32(in32(p + 32, lo, most)), vmovn_u32(in32(p + 48, lo, most)));

    return vcombine_u8(vmovn_u16(a), vmovn_u16(b));
}

INLINE uint16x4_t mask64_4(const uint8_t *p, uint64_t lo, uint64_t most)
{
    return vmovn_u32(vcombine_u32(vmovn_u64(in64(p, lo, most)), vmovn_u64(in64(p + 16, lo, most))));
}

INLINE uint8x16_t mask64(const uint8_t *p, uint64_t lo, uint64_t most)
{
    uint16x8_t a = vcombine_u16(mask64_4(p, lo, most), mask64_4(p + 32, lo, most));
    uint16x8_t b = vcombine_u16(mask64_4(p + 64, lo, most), mask64_4(p + 96, lo, most));

    return vcombine_u8(vmovn_u16(a), vmovn_u16(b));
}

#define RANGE(bits, type, mask)                                                                    \
    static void range##bits(const uint8_t *codes, size_t n, type lo, type hi, uint64_t *to)        \
    {                                                                                              \
        enum { STRIDE = 2 * bits };                                                                \
        type most = (type)(hi - lo);                                                               \
        for (size_t i = 0; i < n; i += 64, codes += 4 * STRIDE) {                                  \
            to[i / 64] = lo <= hi ? bits_of(mask(codes, lo, most), mask(codes + STRIDE, lo, most), \
                                            mask(codes + 2 * STRIDE, lo, most),                    \
                                            mask(codes + 3 * STRIDE, lo, most))                    \
                                  : 0;                                                             \
        }                                                                                          \
    }

RANGE(8, uint8_t, in8)
RANGE(16, uint16_t, mask16)
RANGE(32, uint32_t, mask32)
RANGE(64, uint64_t, mask64)

static void sum(const int64_t *numbers, size_t n, crm__number_sum *out)
{
    int64x2_t total = vdupq_n_s64(0), min = vdupq_n_s64(INT64_MAX), max = vdupq_n_s64(INT64_MIN);
    int64_t a, b;
    size_t i = 0;

    for (; i + 2 <= n; i += 2) {
        int64x2_t v = vld1q_s64(numbers + i);
        total = vaddq_s64(total, v);
        min = vbslq_s64(vcltq_s64(v, min), v, min);
        max = vbslq_s64(vcgtq_s64(v, max), v, max);
    }
    out->sum = (uint64_t)vaddvq_s64(total);
    a = vgetq_lane_s64(min, 0);
    b = vgetq_lane_s64(min, 1);
    out->min = a < b ? a : b;
    a = vgetq_lane_s64(max, 0);
    b = vgetq_lane_s64(max, 1);
    out->max = a > b ? a : b;
    if (i < n) {
        out->sum += (uint64_t)numbers[i];
        out->min = numbers[i] < out->min ? numbers[i] : out->min;
        out->max = numbers[i] > out->max ? numbers[i] : out->max;
    }
}

const crm__kernel crm__kernel_neon = {
    .name = "neon",
    .count = count,
    .count_and = count_and,
    .count_and_stored = count_and_stored,
    .count_and3 = count_and3,
    .count_and3_stored = count_and3_stored,
    .count_rows = crm__kernel_count_rows,
    .keep_rows = crm__kernel_keep_rows,
    .put_rows = crm__kernel_put_rows,
    .and_into = and_into,
    .or_into = or_into,
    .andnot_into = andnot_into,
    .xor_into = xor_into,
    .range8 = range8,
    .range16 = range16,
    .range32 = range32,
    .range64 = range64,
    .range_pair = crm__kernel_range_pair,
    .unpack = crm__kernel_unpack,
    .sum = sum,
};

#else
typedef int crm__kernel_neon_none; /* a file of C has something in it */
#endif
