/* SPDX-License-Identifier: MIT
 * The loops with AVX-512 and its count of bits: processors from Ice Lake and Zen 4 on.
 */
#include "bits/kernel_part.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

/* Without optimisation the compiler's own header gives macros for some of these loops, whose casts it
 * then warns of. */
#ifndef __OPTIMIZE__
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif

#define WITH __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vpopcntdq")))
#define INLINE WITH static inline __attribute__((always_inline))

/* What up to three sets have in common at a place; b and c may be NULL.  Of a whole vector, or of
 * the words that a mask names: no others are read. */
INLINE __m512i common(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t at, __mmask8 m)
{
    __m512i v = _mm512_maskz_loadu_epi64(m, a + at);

    if (b)
        v = _mm512_and_si512(v, _mm512_maskz_loadu_epi64(m, b + at));
    if (c)
        v = _mm512_and_si512(v, _mm512_maskz_loadu_epi64(m, c + at));
    return v;
}

INLINE uint64_t count_common(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t n)
{
    __m512i even = _mm512_setzero_si512(), odd = even;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        even = _mm512_add_epi64(even, _mm512_popcnt_epi64(common(a, b, c, 8 * i, 0xff)));
        odd = _mm512_add_epi64(odd, _mm512_popcnt_epi64(common(a, b, c, 8 * i + 64, 0xff)));
    }
    for (; i < n; i += 8) {
        __mmask8 m = (__mmask8)(n - i >= 8 ? 0xff : (1u << (n - i)) - 1);
        even = _mm512_add_epi64(even, _mm512_popcnt_epi64(common(a, b, c, 8 * i, m)));
    }
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(even, odd));
}

WITH static uint64_t count(const uint64_t *words, size_t n)
{
    return count_common((const uint8_t *)words, NULL, NULL, n);
}

WITH static uint64_t count_and(const uint64_t *words, const uint8_t *stored, size_t n)
{
    return count_common((const uint8_t *)words, stored, NULL, n);
}

WITH static uint64_t count_and_stored(const uint8_t *a, const uint8_t *b, size_t n)
{
    return count_common(a, b, NULL, n);
}

WITH static uint64_t count_and3(const uint64_t *words, const uint8_t *a, const uint8_t *b, size_t n)
{
    return count_common((const uint8_t *)words, a, b, n);
}

WITH static uint64_t count_and3_stored(const uint8_t *a, const uint8_t *b, const uint8_t *c,
                                       size_t n)
{
    return count_common(a, b, c, n);
}

/* The 32 bits around each row are gathered, and that of the row shifted down. */
INLINE __mmask16 in_bitmap(const uint8_t *bitmap, __m512i row, __mmask16 m)
{
    __m512i v = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), m, _mm512_srli_epi32(row, 5),
                                            bitmap, 4);

    v = _mm512_srlv_epi32(v, _mm512_and_si512(row, _mm512_set1_epi32(31)));
    return _mm512_test_epi32_mask(v, _mm512_set1_epi32(1)) & m;
}

WITH static uint32_t keep_rows(const uint8_t *bitmap, uint16_t *rows, uint32_t n)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < n; i += 16) {
        __mmask16 m = (__mmask16)(n - i >= 16 ? 0xffff : (1u << (n - i)) - 1);
        __m512i row = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m, rows + i));
        uint32_t some;
        m = in_bitmap(bitmap, row, m);
        some = (uint32_t)__builtin_popcount(m);
        row = _mm512_maskz_compress_epi32(m, row);
        _mm256_mask_storeu_epi16(rows + left, (__mmask16)((1u << some) - 1),
                                 _mm512_cvtepi32_epi16(row));
        left += some;
    }
    return left;
}

/* The same, counted. */
WITH static uint32_t count_rows(const uint8_t *bitmap, const uint8_t *rows, size_t n)
{
    const __m512i one = _mm512_set1_epi32(1), within = _mm512_set1_epi32(31);
    __m512i sum = _mm512_setzero_si512();

    for (size_t i = 0; i < n; i += 16) {
        __mmask16 m = (__mmask16)(n - i >= 16 ? 0xffff : (1u << (n - i)) - 1);
        __m512i row = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m, rows + 2 * i));
        __m512i v = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), m,
                                                _mm512_srli_epi32(row, 5), bitmap, 4);
        v = _mm512_srlv_epi32(v, _mm512_and_si512(row, within));
        sum = _mm512_add_epi32(sum, _mm512_and_si512(v, one));
    }
    return (uint32_t)_mm512_reduce_add_epi32(sum);
}

/* In the order of the table of _mm512_ternarylogic_epi64(): words 0xf0, stored 0xcc. */
enum { AND = 0xf0 & 0xcc, OR = 0xf0 | 0xcc, ANDNOT = 0xf0 & 0x33, XOR = 0xf0 ^ 0xcc };

#define INTO(name, table)                                                                          \
    WITH static void name(uint64_t *words, const uint8_t *stored, size_t n)                        \
    {                                                                                              \
        for (size_t i = 0; i < n; i += 8) {                                                        \
            __mmask8 m = (__mmask8)(n - i >= 8 ? 0xff : (1u << (n - i)) - 1);                      \
            __m512i v = _mm512_maskz_loadu_epi64(m, words + i);                                    \
            __m512i s = _mm512_maskz_loadu_epi64(m, stored + 8 * i);                               \
            _mm512_mask_storeu_epi64(words + i, m, _mm512_ternarylogic_epi64(v, s, s, table));     \
        }                                                                                          \
    }

INTO(and_into, AND)
INTO(or_into, OR)
INTO(andnot_into, ANDNOT)
INTO(xor_into, XOR)

/* lo <= code <= hi is code - lo <= hi - lo without sign, when lo <= hi.  Each mask is stored by
 * itself: where masks of 32 bits are joined by shifts, gcc 12 makes code that joins them wrongly.
 */
#define RANGE(bits, type, mask, set1)                                                              \
    WITH static void range##bits(const uint8_t *codes, size_t n, type lo, type hi, uint64_t *to)   \
    {                                                                                              \
        enum { EACH = 512 / bits };                                                                \
        __m512i base = set1(lo), most = set1((type)(hi - lo));                                     \
        mask any = (mask)(lo <= hi ? UINT64_MAX : 0);                                              \
        for (size_t i = 0; i < n; i += EACH) {                                                     \
            __m512i v = _mm512_loadu_si512(codes + i * sizeof(type));                              \
            mask in =                                                                              \
                _mm512_mask_cmple_epu##bits##_mask(any, _mm512_sub_epi##bits(v, base), most);      \
            memcpy((uint8_t *)to + i / 8, &in, sizeof in);                                         \
        }                                                                                          \
    }

#define SET8(v) _mm512_set1_epi8((char)(v))
#define SET16(v) _mm512_set1_epi16((short)(v))
#define SET32(v) _mm512_set1_epi32((int)(v))
#define SET64(v) _mm512_set1_epi64((long long)(v))

RANGE(8, uint8_t, __mmask64, SET8)
RANGE(16, uint16_t, __mmask32, SET16)
RANGE(32, uint32_t, __mmask16, SET32)
RANGE(64, uint64_t, __mmask8, SET64)

WITH static void range_pair(const uint64_t *numbers, size_t n, const crm__range_pair *r,
                            uint64_t *to)
{
    __m512i lo0 = SET64(r->lo[0]), span0 = SET64(r->span[0]);
    __m512i lo1 = SET64(r->lo[1]), span1 = SET64(r->span[1]);
    __m128i shift = _mm_cvtsi32_si128((int)r->shift);

    for (size_t i = 0; i < n; i += 8) {
        __m512i v = _mm512_loadu_si512(numbers + i);
        __mmask8 in = _mm512_cmple_epu64_mask(_mm512_sub_epi64(v, lo0), span0);
        v = _mm512_sub_epi64(_mm512_sll_epi64(v, shift), lo1);
        in = _mm512_mask_cmple_epu64_mask(in, v, span1);
        memcpy((uint8_t *)to + i / 8, &in, sizeof in);
    }
}

/* Eight numbers take `width` bytes.  The bytes that each begins in go to a lane of its own, from
 * where it is shifted down; a mask keeps all reading within those bytes. */
typedef struct unpacking {
    __m512i at, shift, ones, base;
} unpacking;

INLINE __m512i eight(const unpacking *u, const uint8_t *from, __mmask64 bytes)
{
    __m512i v = _mm512_permutexvar_epi8(u->at, _mm512_maskz_loadu_epi8(bytes, from));

    v = _mm512_and_si512(_mm512_srlv_epi64(v, u->shift), u->ones);
    return _mm512_add_epi64(v, u->base);
}

WITH static size_t unpack(const uint8_t *from, const uint8_t *end, size_t n, unsigned width,
                          uint64_t add, uint64_t *to)
{
    const __m512i lane = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    const __m512i byte = _mm512_set1_epi64(0x0706050403020100);
    __m512i bit = _mm512_mullo_epi32(lane, _mm512_set1_epi64((long long)width));
    unpacking u = {_mm512_srli_epi64(bit, 3), _mm512_and_si512(bit, _mm512_set1_epi64(7)),
                   _mm512_set1_epi64((long long)(UINT64_MAX >> (64 - width))),
                   _mm512_set1_epi64((long long)add)};
    __mmask64 all = UINT64_MAX >> (64 - width);
    size_t i = 0, left;

    /* The place of the first byte in all eight bytes of a lane, then the places behind it. */
    u.at = _mm512_shuffle_epi8(u.at, _mm512_set4_epi32(0x08080808, 0x08080808, 0, 0));
    u.at = _mm512_add_epi8(u.at, byte);
    (void)end; /* the caller has made sure that they are there */
    for (; i + 8 <= n; i += 8, from += width)
        _mm512_storeu_si512(to + i, eight(&u, from, all));
    left = n - i;
    if (left)
        _mm512_mask_storeu_epi64(to + i, (__mmask8)((1u << left) - 1),
                                 eight(&u, from, UINT64_MAX >> (64 - (left * width + 7) / 8)));
    return n;
}

WITH static void sum(const int64_t *numbers, size_t n, crm__number_sum *out)
{
    __m512i total = _mm512_setzero_si512();
    __m512i min = _mm512_set1_epi64(INT64_MAX), max = _mm512_set1_epi64(INT64_MIN);
    uint64_t lanes[8];

    for (size_t i = 0; i < n; i += 8) {
        __mmask8 m = (__mmask8)(n - i >= 8 ? 0xff : (1u << (n - i)) - 1);
        __m512i v = _mm512_maskz_loadu_epi64(m, numbers + i);
        total = _mm512_add_epi64(total, v);
        min = _mm512_mask_min_epi64(min, m, min, v);
        max = _mm512_mask_max_epi64(max, m, max, v);
    }
    _mm512_storeu_si512(lanes, total); /* gcc's own sum of lanes is one with sign */
    out->sum = 0;
    for (size_t i = 0; i < 8; i++)
        out->sum += lanes[i];
    out->min = _mm512_reduce_min_epi64(min);
    out->max = _mm512_reduce_max_epi64(max);
}

const crm__kernel crm__kernel_avx512 = {
    .name = "avx512",
    .count = count,
    .count_and = count_and,
    .count_and_stored = count_and_stored,
    .count_and3 = count_and3,
    .count_and3_stored = count_and3_stored,
    .count_rows = count_rows,
    .keep_rows = keep_rows,
    .put_rows = crm__kernel_put_rows_bmi2,
    .and_into = and_into,
    .or_into = or_into,
    .andnot_into = andnot_into,
    .xor_into = xor_into,
    .range8 = range8,
    .range16 = range16,
    .range32 = range32,
    .range64 = range64,
    .range_pair = range_pair,
    .unpack = unpack,
    .sum = sum,
};

#else
typedef int crm__kernel_avx512_none; /* a file of C has something in it */
#endif
