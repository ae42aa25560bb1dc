/* SPDX-License-Identifier: MIT
 * The loops in plain C, for any processor; the other variants are measured by it.
 */
#include "base/bytes.h"
#include "bits/kernel_part.h"
#include "bits/set_part.h"

static uint64_t count(const uint64_t *words, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += crm__set_ones(words[i]);
    return sum;
}

static uint64_t count_and(const uint64_t *words, const uint8_t *stored, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += crm__set_ones(words[i] & crm__get_le64(stored + 8 * i));
    return sum;
}

static uint64_t count_and_stored(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += crm__set_ones(crm__get_le64(a + 8 * i) & crm__get_le64(b + 8 * i));
    return sum;
}

static uint64_t count_and3(const uint64_t *words, const uint8_t *a, const uint8_t *b, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += crm__set_ones(words[i] & crm__get_le64(a + 8 * i) & crm__get_le64(b + 8 * i));
    return sum;
}

static uint64_t count_and3_stored(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += crm__set_ones(crm__get_le64(a + 8 * i) & crm__get_le64(b + 8 * i) &
                             crm__get_le64(c + 8 * i));
    return sum;
}

uint32_t crm__kernel_count_rows(const uint8_t *bitmap, const uint8_t *rows, size_t n)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t row = crm__get_le16(rows + 2 * i);
        sum += (uint32_t)bitmap[row >> 3] >> (row & 7) & 1;
    }
    return sum;
}

uint32_t crm__kernel_keep_rows(const uint8_t *bitmap, uint16_t *rows, uint32_t n)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows[i];
        rows[left] = (uint16_t)row;
        left += (uint32_t)bitmap[row >> 3] >> (row & 7) & 1;
    }
    return left;
}

void crm__kernel_put_rows(uint64_t *words, const uint8_t *rows, size_t n)
{
    const uint8_t *end = rows + 2 * n;

#pragma GCC unroll 4
    for (; rows != end; rows += 2) {
        uint32_t row = crm__get_le16(rows);
        words[row >> 6] |= UINT64_C(1) << (row & 63);
    }
}

static void and_into(uint64_t *words, const uint8_t *stored, size_t n)
{
    for (size_t i = 0; i < n; i++)
        words[i] &= crm__get_le64(stored + 8 * i);
}

static void or_into(uint64_t *words, const uint8_t *stored, size_t n)
{
    for (size_t i = 0; i < n; i++)
        words[i] |= crm__get_le64(stored + 8 * i);
}

static void andnot_into(uint64_t *words, const uint8_t *stored, size_t n)
{
    for (size_t i = 0; i < n; i++)
        words[i] &= ~crm__get_le64(stored + 8 * i);
}

static void xor_into(uint64_t *words, const uint8_t *stored, size_t n)
{
    for (size_t i = 0; i < n; i++)
        words[i] ^= crm__get_le64(stored + 8 * i);
}

#define RANGE(bits, type, get)                                                                     \
    static void range##bits(const uint8_t *codes, size_t n, type lo, type hi, uint64_t *to)        \
    {                                                                                              \
        for (size_t i = 0; i < n; i += 64) {                                                       \
            uint64_t word = 0;                                                                     \
            for (size_t k = 0; k < 64; k++) {                                                      \
                type code = get(codes + (i + k) * sizeof(type));                                   \
                word |= (uint64_t)(code >= lo && code <= hi) << k;                                 \
            }                                                                                      \
            to[i / 64] = word;                                                                     \
        }                                                                                          \
    }

static inline uint8_t get8(const uint8_t *p)
{
    return *p;
}

RANGE(8, uint8_t, get8)
RANGE(16, uint16_t, crm__get_le16)
RANGE(32, uint32_t, crm__get_le32)
RANGE(64, uint64_t, crm__get_le64)

void crm__kernel_range_pair(const uint64_t *numbers, size_t n, const crm__range_pair *r,
                            uint64_t *to)
{
    for (size_t i = 0; i < n; i += 64) {
        uint64_t word = 0;
        for (size_t k = 0; k < 64; k++) {
            uint64_t v = numbers[i + k];
            word |=
                (uint64_t)(v - r->lo[0] <= r->span[0] && (v << r->shift) - r->lo[1] <= r->span[1])
                << k;
        }
        to[i / 64] = word;
    }
}

/* Eight numbers take exactly `width` bytes, so in all groups they begin at the same bits. */
size_t crm__kernel_unpack(const uint8_t *from, const uint8_t *end, size_t n, unsigned width,
                          uint64_t add, uint64_t *to)
{
    uint64_t mask = UINT64_MAX >> (64 - width);
    size_t left = (size_t)(end - from), last = 7 * (size_t)width / 8 + 8, done = 0;

    for (; n - done >= 8 && left >= last; done += 8) {
#pragma GCC unroll 8
        for (unsigned k = 0; k < 8; k++)
            to[done + k] = add + (crm__get_le64(from + k * width / 8) >> (k * width % 8) & mask);
        from += width;
        left -= width;
    }
    return done;
}

static void sum(const int64_t *numbers, size_t n, crm__number_sum *out)
{
    uint64_t total = 0;
    int64_t min = INT64_MAX, max = INT64_MIN;

    for (size_t i = 0; i < n; i++) {
        total += (uint64_t)numbers[i];
        min = numbers[i] < min ? numbers[i] : min;
        max = numbers[i] > max ? numbers[i] : max;
    }
    out->sum = total;
    out->min = min;
    out->max = max;
}

const crm__kernel crm__kernel_scalar = {
    .name = "scalar",
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
