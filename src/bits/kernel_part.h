/* SPDX-License-Identifier: MIT
 * The variants of the loops, each in a file of its own: see kernel.h.
 */
#ifndef CRM_BITS_KERNEL_PART_H
#define CRM_BITS_KERNEL_PART_H

#include "bits/kernel.h"

extern const crm__kernel crm__kernel_scalar;
#if defined(__x86_64__)
extern const crm__kernel crm__kernel_avx2, crm__kernel_avx512;
void crm__kernel_put_rows_bmi2(uint64_t *words, const uint8_t *rows, size_t n);
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
extern const crm__kernel crm__kernel_neon;
#endif

/* Plain ones that others take too, where their vectors gain nothing. */
uint32_t crm__kernel_count_rows(const uint8_t *bitmap, const uint8_t *rows, size_t n);
void crm__kernel_put_rows(uint64_t *words, const uint8_t *rows, size_t n);
uint32_t crm__kernel_keep_rows(const uint8_t *bitmap, uint16_t *rows, uint32_t n);
void crm__kernel_range_pair(const uint64_t *numbers, size_t n, const crm__range_pair *r,
                            uint64_t *to);
size_t crm__kernel_unpack(const uint8_t *from, const uint8_t *end, size_t n, unsigned width,
                          uint64_t add, uint64_t *to);

#endif
