/* SPDX-License-Identifier: MIT
 * The loops that questions spend their time in, in variants for what the processor has.  All
 * variants give what the scalar one gives, for any n, 0 too, but where another is told.
 */
#ifndef CRM_BITS_KERNEL_H
#define CRM_BITS_KERNEL_H

#include "bits/set.h"

#include <stddef.h>
#include <stdint.h>

typedef struct crm__number_sum {
    uint64_t sum;
    int64_t min, max;
} crm__number_sum;

/* Two ranges of one number: number - lo[0] <= span[0], and (number << shift) - lo[1] <= span[1],
 * all without sign and modulo 2^64. */
typedef struct crm__range_pair {
    uint64_t lo[2], span[2];
    unsigned shift; /* 0 to 63 */
} crm__range_pair;

/* `stored` are words as they lie in a value: little-endian, perhaps only 2-byte aligned. */
typedef struct crm__kernel {
    const char *name; /* scalar, avx2, avx512, neon */
    uint64_t (*count)(const uint64_t *words, size_t n);
    /* How many bits two, or three (a & b & c), have in common. */
    uint64_t (*count_and)(const uint64_t *words, const uint8_t *stored, size_t n);
    uint64_t (*count_and_stored)(const uint8_t *a, const uint8_t *b, size_t n);
    uint64_t (*count_and3)(const uint64_t *words, const uint8_t *a, const uint8_t *b, size_t n);
    uint64_t (*count_and3_stored)(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t n);
    /* How many of n stored rows (u16, any) are set in a bitmap of a whole chunk as it is stored. */
    uint32_t (*count_rows)(const uint8_t *bitmap, const uint8_t *rows, size_t n);
    /* Leaves of n rows in memory, in their order, those that are set in such a bitmap: how many. */
    uint32_t (*keep_rows)(const uint8_t *bitmap, uint16_t *rows, uint32_t n);
    /* Sets n stored rows (u16, any) in the words of a chunk. */
    void (*put_rows)(uint64_t *words, const uint8_t *rows, size_t n);
    /* words op= stored; the result is not counted. */
    void (*and_into)(uint64_t *words, const uint8_t *stored, size_t n);
    void (*or_into)(uint64_t *words, const uint8_t *stored, size_t n);
    void (*andnot_into)(uint64_t *words, const uint8_t *stored, size_t n);
    void (*xor_into)(uint64_t *words, const uint8_t *stored, size_t n);
    /* bit i of to: lo <= code i <= hi, for n codes (a multiple of 64) of 1, 2, 4 or 8 bytes; none
     * when lo > hi. */
    void (*range8)(const uint8_t *codes, size_t n, uint8_t lo, uint8_t hi, uint64_t *to);
    void (*range16)(const uint8_t *codes, size_t n, uint16_t lo, uint16_t hi, uint64_t *to);
    void (*range32)(const uint8_t *codes, size_t n, uint32_t lo, uint32_t hi, uint64_t *to);
    void (*range64)(const uint8_t *codes, size_t n, uint64_t lo, uint64_t hi, uint64_t *to);
    /* bit i of to: number i is in both ranges, of n numbers in memory (a multiple of 64). */
    void (*range_pair)(const uint64_t *numbers, size_t n, const crm__range_pair *r, uint64_t *to);
    /* to[i] = add + packed number i (pack.h) modulo 2^64, width 1 to 56; of n, as many as can be
     * done in strides: returned.  Reads nothing at or behind end. */
    size_t (*unpack)(const uint8_t *from, const uint8_t *end, size_t n, unsigned width,
                     uint64_t add, uint64_t *to);
    /* Of n numbers in memory the sum modulo 2^64, least and greatest; for n = 0: 0, INT64_MAX,
     * INT64_MIN. */
    void (*sum)(const int64_t *numbers, size_t n, crm__number_sum *out);
} crm__kernel;

/* The best one this processor runs. */
const crm__kernel *crm__kernel_best(void);
/* All that this build has and this processor runs, for tests: NULL behind the last. */
const crm__kernel *crm__kernel_at(size_t i);

/* ---- stored sets in place (form and bytes: set.h) ---- */

typedef struct crm__set_view {
    uint8_t form;
    uint32_t rows;
    const uint8_t *p; /* behind the head */
    uint32_t n;       /* rows of an array, runs; of a bitmap 0 */
} crm__set_view;

/* Verifies the sizes only; an array or runs out of order are found by check.  CRM_OK or
 * CRM_ECORRUPT. */
int crm__set_open(crm__slice stored, crm__set_view *v);
/* words op= set.  None reads or writes outside, whatever the bytes. */
void crm__set_and(const crm__set_view *v, uint64_t words[CRM__SET_WORDS]);
void crm__set_or(const crm__set_view *v, uint64_t words[CRM__SET_WORDS]);
void crm__set_andnot(const crm__set_view *v, uint64_t words[CRM__SET_WORDS]);
/* words = set. */
void crm__set_copy(const crm__set_view *v, uint64_t words[CRM__SET_WORDS]);
/* Rows in both, or in all three. */
uint32_t crm__set_and_count(const crm__set_view *v, const uint64_t words[CRM__SET_WORDS]);
uint32_t crm__set_pair_count(const crm__set_view *a, const crm__set_view *b);
uint32_t crm__set_triple_count(const crm__set_view *a, const crm__set_view *b,
                               const crm__set_view *c);
int crm__set_view_has(const crm__set_view *v, uint32_t row);
/* The rows of an array, as they stand there: 0 when it is none. */
int crm__set_list(const crm__set_view *v, uint16_t rows[CRM__SET_ARRAY_MOST], uint32_t *n);
/* Leaves of n rows, in their order, those in the set: how many. */
uint32_t crm__set_keep_rows(const crm__set_view *v, uint16_t *rows, uint32_t n);

#endif
