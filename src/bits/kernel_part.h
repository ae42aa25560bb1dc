/* SPDX-License-Identifier: MIT
 * The variants of the loops, each in a file of its own: see kernel.h.
 */
#ifndef CRM_BITS_KERNEL_PART_H
#define CRM_BITS_KERNEL_PART_H

#include "bits/kernel.h"

extern const crm__kernel crm__kernel_scalar;
#if defined(__x86_64__)
extern const crm__kernel crm__kernel_avx2, crm__kernel_avx512;
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
extern const crm__kernel crm__kernel_neon;
#endif

#endif
