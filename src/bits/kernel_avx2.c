/* SPDX-License-Identifier: MIT
 * The loops with AVX2: processors from Haswell and Zen on.
 *
 * Bits are counted as Mula, Kurz and Lemire describe: eight vectors are added bit by bit, carries
 * kept in vectors of twos and fours, so that only one of the eight is counted, by looking up each
 * half byte.
 */
#include "bits/kernel_part.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define WITH __attribute__((target("avx2,popcnt,bmi2")))
#define INLINE WITH static inline __attribute__((always_inline))

INLINE __m256i load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* What up to three sets have in common at a place; b and c may be NULL. */
INLINE __m256i common(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t at)
{
    __m256i v = load(a + at);

    if (b)
        v = _mm256_and_si256(v, load(b + at));
    if (c)
        v = _mm256_and_si256(v, load(c + at));
    return v;
}

INLINE uint64_t common_word(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t at)
{
    uint64_t v, w;

    memcpy(&v, a + at, sizeof v);
    if (b) {
        memcpy(&w, b + at, sizeof w);
        v &= w;
    }
    if (c) {
        memcpy(&w, c + at, sizeof w);
        v &= w;
    }
    return v;
}

/* Bits of each 64-bit lane. */
INLINE __m256i ones(__m256i v)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(0x0f);
    __m256i a = _mm256_shuffle_epi8(table, _mm256_and_si256(v, low));
    __m256i b = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), low));

    return _mm256_sad_epu8(_mm256_add_epi8(a, b), _mm256_setzero_si256());
}

/* *low + a + b = low' + 2 * carry, bit by bit. */
INLINE __m256i add(__m256i *low, __m256i a, __m256i b)
{
    __m256i half = _mm256_xor_si256(*low, a);
    __m256i carry = _mm256_or_si256(_mm256_and_si256(*low, a), _mm256_and_si256(half, b));

    *low = _mm256_xor_si256(half, b);
    return carry;
}

INLINE uint64_t lanes(__m256i v)
{
    __m128i two = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

    return (uint64_t)_mm_cvtsi128_si64(two) + (uint64_t)_mm_extract_epi64(two, 1);
}

INLINE uint64_t count_common(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t n)
{
    __m256i one = _mm256_setzero_si256(), two = one, four = one, sum = one;
    uint64_t total;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        size_t at = 8 * i;
        __m256i t0 = add(&one, common(a, b, c, at), common(a, b, c, at + 32));
        __m256i t1 = add(&one, common(a, b, c, at + 64), common(a, b, c, at + 96));
        __m256i f0 = add(&two, t0, t1), f1;
        t0 = add(&one, common(a, b, c, at + 128), common(a, b, c, at + 160));
        t1 = add(&one, common(a, b, c, at + 192), common(a, b, c, at + 224));
        f1 = add(&two, t0, t1);
        sum = _mm256_add_epi64(sum, ones(add(&four, f0, f1)));
    }
    total = 8 * lanes(sum) + 4 * lanes(ones(four)) + 2 * lanes(ones(two)) + lanes(ones(one));
    for (; i < n; i++)
        total += (uint64_t)_mm_popcnt_u64(common_word(a, b, c, 8 * i));
    return total;
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
WITH static uint32_t count_rows(const uint8_t *bitmap, const uint8_t *rows, size_t n)
{
    const __m256i one = _mm256_set1_epi32(1), within = _mm256_set1_epi32(31);
    __m256i sum = _mm256_setzero_si256();
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256i row =
            _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(rows + 2 * i)));
        __m256i v =
            _mm256_i32gather_epi32((const int *)(const void *)bitmap, _mm256_srli_epi32(row, 5), 4);
        v = _mm256_srlv_epi32(v, _mm256_and_si256(row, within));
        sum = _mm256_add_epi32(sum, _mm256_and_si256(v, one));
    }
    sum = _mm256_add_epi64(_mm256_and_si256(sum, _mm256_set1_epi64x(UINT32_MAX)),
                           _mm256_srli_epi64(sum, 32));
    return (uint32_t)lanes(sum) + crm__kernel_count_rows(bitmap, rows + 2 * i, n - i);
}

WITH static inline __attribute__((always_inline)) void put_row(uint64_t *words, const uint8_t *row)
{
    uint16_t r;

    memcpy(&r, row, sizeof r);
    words[r >> 6] |= UINT64_C(1) << (r & 63);
}

/* A shift by a register is three steps without BMI2.  Rows ascend as a rule, and neighbours are often of
 * one word, which would wait for what was just written there: so the four quarters are gone through
 * side by side. */
WITH void crm__kernel_put_rows_bmi2(uint64_t *words, const uint8_t *rows, size_t n)
{
    size_t quarter = n / 4 * 2;
    const uint8_t *second = rows + quarter, *third = second + quarter, *last = third + quarter;

    for (size_t at = 0; at < quarter; at += 2) {
        put_row(words, rows + at);
        put_row(words, second + at);
        put_row(words, third + at);
        put_row(words, last + at);
    }
    for (size_t i = 0; i < n % 4; i++)
        put_row(words, last + quarter + 2 * i);
}

#define INTO(name, vector, word)                                                                   \
    WITH static void name(uint64_t *words, const uint8_t *stored, size_t n)                        \
    {                                                                                              \
        size_t i = 0;                                                                              \
        for (; i + 4 <= n; i += 4) {                                                               \
            __m256i s = load(stored + 8 * i), w = load((const uint8_t *)(words + i));              \
            _mm256_storeu_si256((__m256i *)(void *)(words + i), vector(s, w));                     \
        }                                                                                          \
        for (; i < n; i++) {                                                                       \
            uint64_t s;                                                                            \
            memcpy(&s, stored + 8 * i, sizeof s);                                                  \
            words[i] = words[i] word s;                                                            \
        }                                                                                          \
    }

INTO(and_into, _mm256_and_si256, &)
INTO(or_into, _mm256_or_si256, |)
INTO(andnot_into, _mm256_andnot_si256, &~)
INTO(xor_into, _mm256_xor_si256, ^)

/* lo <= code <= hi is code - lo <= hi - lo without sign, when lo <= hi; and a <= b without sign is
 * min(a, b) = a. */
WITH static void range8(const uint8_t *codes, size_t n, uint8_t lo, uint8_t hi, uint64_t *to)
{
    __m256i base = _mm256_set1_epi8((char)lo), most = _mm256_set1_epi8((char)(hi - lo));

    for (size_t i = 0; i < n; i += 64) {
        __m256i a = _mm256_sub_epi8(load(codes + i), base);
        __m256i b = _mm256_sub_epi8(load(codes + i + 32), base);
        a = _mm256_cmpeq_epi8(_mm256_min_epu8(a, most), a);
        b = _mm256_cmpeq_epi8(_mm256_min_epu8(b, most), b);
        to[i / 64] = lo <= hi ? (uint32_t)_mm256_movemask_epi8(a) |
                                    (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32
                              : 0;
    }
}

WITH static void range16(const uint8_t *codes, size_t n, uint16_t lo, uint16_t hi, uint64_t *to)
{
    __m256i base = _mm256_set1_epi16((short)lo), most = _mm256_set1_epi16((short)(hi - lo));

    for (size_t i = 0; i < n; i += 64) {
        uint64_t word = 0;
        for (size_t k = 0; k < 64 && lo <= hi; k += 32) {
            const uint8_t *p = codes + 2 * (i + k);
            __m256i a = _mm256_sub_epi16(load(p), base), b = _mm256_sub_epi16(load(p + 32), base);
            a = _mm256_cmpeq_epi16(_mm256_min_epu16(a, most), a);
            b = _mm256_cmpeq_epi16(_mm256_min_epu16(b, most), b);
            a = _mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xd8);
            word |= (uint64_t)(uint32_t)_mm256_movemask_epi8(a) << k;
        }
        to[i / 64] = word;
    }
}

WITH static void range32(const uint8_t *codes, size_t n, uint32_t lo, uint32_t hi, uint64_t *to)
{
    __m256i base = _mm256_set1_epi32((int)lo), most = _mm256_set1_epi32((int)(hi - lo));

    for (size_t i = 0; i < n; i += 64) {
        uint64_t word = 0;
        for (size_t k = 0; k < 64 && lo <= hi; k += 8) {
            __m256i a = _mm256_sub_epi32(load(codes + 4 * (i + k)), base);
            a = _mm256_cmpeq_epi32(_mm256_min_epu32(a, most), a);
            word |= (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(a)) << k;
        }
        to[i / 64] = word;
    }
}

/* There is no compare without sign of this width: both sides are moved below 0. */
WITH static void range64(const uint8_t *codes, size_t n, uint64_t lo, uint64_t hi, uint64_t *to)
{
    const uint64_t sign = UINT64_C(1) << 63;
    __m256i base = _mm256_set1_epi64x((long long)(lo ^ sign));
    __m256i most = _mm256_set1_epi64x((long long)((hi - lo) ^ sign));

    for (size_t i = 0; i < n; i += 64) {
        uint64_t word = 0;
        for (size_t k = 0; k < 64 && lo <= hi; k += 4) {
            __m256i a = _mm256_sub_epi64(load(codes + 8 * (i + k)), base);
            a = _mm256_cmpgt_epi64(a, most);
            word |= (uint64_t)(~(uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(a)) & 15) << k;
        }
        to[i / 64] = word;
    }
}

WITH static void range_pair(const uint64_t *numbers, size_t n, const crm__range_pair *r,
                            uint64_t *to)
{
    const uint64_t sign = UINT64_C(1) << 63;
    __m256i lo0 = _mm256_set1_epi64x((long long)(r->lo[0] ^ sign));
    __m256i lo1 = _mm256_set1_epi64x((long long)(r->lo[1] ^ sign));
    __m256i span0 = _mm256_set1_epi64x((long long)(r->span[0] ^ sign));
    __m256i span1 = _mm256_set1_epi64x((long long)(r->span[1] ^ sign));
    __m128i shift = _mm_cvtsi32_si128((int)r->shift);

    for (size_t i = 0; i < n; i += 64) {
        uint64_t word = 0;
        for (size_t k = 0; k < 64; k += 4) {
            __m256i v = load((const uint8_t *)(numbers + i + k));
            __m256i a = _mm256_cmpgt_epi64(_mm256_sub_epi64(v, lo0), span0);
            v = _mm256_sub_epi64(_mm256_sll_epi64(v, shift), lo1);
            a = _mm256_or_si256(a, _mm256_cmpgt_epi64(v, span1));
            word |= (uint64_t)(~(uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(a)) & 15) << k;
        }
        to[i / 64] = word;
    }
}

/* Two numbers that begin within a byte's bits of `bit`, one in each lane: 15 bytes at most. */
INLINE __m128i load_two(const uint8_t *from, unsigned bit)
{
    return _mm_loadu_si128((const __m128i *)(const void *)(from + bit / 8));
}

/* Eight numbers take `width` bytes; of each pair of them 16 bytes are read, from where the first
 * begins. */
WITH static size_t unpack(const uint8_t *from, const uint8_t *end, size_t n, unsigned width,
                          uint64_t add, uint64_t *to)
{
    size_t left = (size_t)(end - from), last = 6 * (size_t)width / 8 + 16, done = 0;
    __m256i ones = _mm256_set1_epi64x((long long)(UINT64_MAX >> (64 - width)));
    __m256i base = _mm256_set1_epi64x((long long)add), bytes[2], shift[2];

    for (unsigned half = 0; half < 2; half++) {
        uint8_t place[32];
        uint64_t by[4];
        for (unsigned k = 0; k < 4; k++) {
            unsigned bit = (half * 4 + k) * width, first = (half * 4 + (k & 2)) * width;
            by[k] = bit % 8;
            for (unsigned b = 0; b < 8; b++)
                place[8 * k + b] = (uint8_t)(bit / 8 - first / 8 + b);
        }
        bytes[half] = load(place);
        shift[half] = load((const uint8_t *)by);
    }
    for (; n - done >= 8 && left >= last; done += 8, from += width, left -= width) {
        for (unsigned half = 0; half < 2; half++) {
            __m256i v = _mm256_set_m128i(load_two(from, (half * 4 + 2) * width),
                                         load_two(from, half * 4 * width));
            v = _mm256_srlv_epi64(_mm256_shuffle_epi8(v, bytes[half]), shift[half]);
            v = _mm256_add_epi64(_mm256_and_si256(v, ones), base);
            _mm256_storeu_si256((__m256i *)(void *)(to + done + half * 4), v);
        }
    }
    return done;
}

WITH static void sum(const int64_t *numbers, size_t n, crm__number_sum *out)
{
    __m256i total = _mm256_setzero_si256();
    __m256i min = _mm256_set1_epi64x(INT64_MAX), max = _mm256_set1_epi64x(INT64_MIN);
    int64_t least[4], most[4];
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        __m256i v = load((const uint8_t *)(numbers + i));
        total = _mm256_add_epi64(total, v);
        min = _mm256_blendv_epi8(min, v, _mm256_cmpgt_epi64(min, v));
        max = _mm256_blendv_epi8(max, v, _mm256_cmpgt_epi64(v, max));
    }
    _mm256_storeu_si256((__m256i *)(void *)least, min);
    _mm256_storeu_si256((__m256i *)(void *)most, max);
    out->sum = lanes(total);
    out->min = INT64_MAX;
    out->max = INT64_MIN;
    for (size_t k = 0; k < 4; k++) {
        out->min = least[k] < out->min ? least[k] : out->min;
        out->max = most[k] > out->max ? most[k] : out->max;
    }
    for (; i < n; i++) {
        out->sum += (uint64_t)numbers[i];
        out->min = numbers[i] < out->min ? numbers[i] : out->min;
        out->max = numbers[i] > out->max ? numbers[i] : out->max;
    }
}

const crm__kernel crm__kernel_avx2 = {
    .name = "avx2",
    .count = count,
    .count_and = count_and,
    .count_and_stored = count_and_stored,
    .count_and3 = count_and3,
    .count_and3_stored = count_and3_stored,
    .count_rows = count_rows,
    .keep_rows = crm__kernel_keep_rows,
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
typedef int crm__kernel_avx2_none; /* a file of C has something in it */
#endif
