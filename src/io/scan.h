/* SPDX-License-Identifier: MIT
 * Bytes looked for 64 at a time: a mask with one bit for each byte that is one of those wanted.
 * SSE2 where the compiler may use it (every x86-64), else eight bytes in a word.  The AVX2 form is
 * for functions compiled for it.
 */
#ifndef CRM_IO_SCAN_H
#define CRM_IO_SCAN_H

#include "base/bytes.h"

#if defined __SSE2__ && !defined CRM__SCAN_PORTABLE
#include <immintrin.h>
#define CRM__SCAN_X86 1
#endif

enum { CRM__SCAN_BLOCK = 64 };

/* The four bytes wanted, each eight times. */
typedef struct crm__scan_four {
    uint64_t word[4];
} crm__scan_four;

static inline crm__scan_four crm__scan_for(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    crm__scan_four f = {{ones * a, ones * b, ones * c, ones * d}};

    return f;
}

/* Bit i: byte i of the word (in memory's order) is zero.  Exact, with no carry between bytes. */
static inline unsigned crm__scan_zeros(uint64_t w)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t z = ~(((w & low) + low) | w | low);

    /* The high bits of eight bytes gathered into one. */
    return (unsigned)(((z >> 7) * UINT64_C(0x0102040810204080)) >> 56);
}

static inline uint64_t crm__scan_portable(const uint8_t *p, const crm__scan_four *f)
{
    uint64_t mask = 0;

    for (unsigned i = 0; i < CRM__SCAN_BLOCK; i += 8) {
        uint64_t w = crm__get_le64(p + i);
        unsigned hit = crm__scan_zeros(w ^ f->word[0]) | crm__scan_zeros(w ^ f->word[1]) |
                       crm__scan_zeros(w ^ f->word[2]) | crm__scan_zeros(w ^ f->word[3]);
        mask |= (uint64_t)hit << i;
    }
    return mask;
}

#ifdef CRM__SCAN_X86
static inline uint64_t crm__scan_sse2(const uint8_t *p, const crm__scan_four *f)
{
    __m128i a = _mm_set1_epi8((char)f->word[0]), b = _mm_set1_epi8((char)f->word[1]);
    __m128i c = _mm_set1_epi8((char)f->word[2]), d = _mm_set1_epi8((char)f->word[3]);
    uint64_t mask = 0;

    for (unsigned i = 0; i < CRM__SCAN_BLOCK; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, a), _mm_cmpeq_epi8(v, b)),
                                   _mm_or_si128(_mm_cmpeq_epi8(v, c), _mm_cmpeq_epi8(v, d)));
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(hit) << i;
    }
    return mask;
}

__attribute__((target("avx2"))) static inline uint64_t crm__scan_avx2(const uint8_t *p,
                                                                      const crm__scan_four *f)
{
    __m256i a = _mm256_set1_epi8((char)f->word[0]), b = _mm256_set1_epi8((char)f->word[1]);
    __m256i c = _mm256_set1_epi8((char)f->word[2]), d = _mm256_set1_epi8((char)f->word[3]);
    uint64_t mask = 0;

    for (unsigned i = 0; i < CRM__SCAN_BLOCK; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
        __m256i hit =
            _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(v, a), _mm256_cmpeq_epi8(v, b)),
                            _mm256_or_si256(_mm256_cmpeq_epi8(v, c), _mm256_cmpeq_epi8(v, d)));
        mask |= (uint64_t)(uint32_t)_mm256_movemask_epi8(hit) << i;
    }
    return mask;
}
#define crm__scan64 crm__scan_sse2
#else
#define crm__scan64 crm__scan_portable
#endif

#endif
