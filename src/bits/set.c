/* SPDX-License-Identifier: MIT
 * Set containers; the format is in set.h.
 */
#include "bits/set.h"

#include "base/bytes.h"
#include "bits/kernel.h"
#include "bits/set_part.h"

#include <crm/codes.h>

static int load_array(const uint8_t *p, size_t n, uint32_t rows, uint64_t *words)
{
    int32_t before = -1;

    if (n != rows * 2u)
        return CRM_ECORRUPT;
    for (uint32_t i = 0; i < rows; i++) {
        uint16_t row = crm__get_le16(p + 2 * i);
        if (row <= before)
            return CRM_ECORRUPT;
        words[row >> 6] |= (uint64_t)1 << (row & 63);
        before = row;
    }
    return CRM_OK;
}

static int load_bitmap(const uint8_t *p, size_t n, uint32_t rows, uint64_t *words)
{
    const crm__kernel *k = crm__kernel_best();

    if (n != CRM__SET_BITMAP_BYTES)
        return CRM_ECORRUPT;
    k->or_into(words, p, CRM__SET_WORDS);
    return k->count_and_stored(p, p, CRM__SET_WORDS) == rows ? CRM_OK : CRM_ECORRUPT;
}

static int load_runs(const uint8_t *p, size_t n, uint32_t rows, uint64_t *words)
{
    int32_t before = -2;
    uint32_t count = 0;

    if (n % 4 || n == 0)
        return CRM_ECORRUPT;
    for (size_t i = 0; i < n; i += 4) {
        uint32_t first = crm__get_le16(p + i), last = first + crm__get_le16(p + i + 2);
        if ((int32_t)first <= before + 1 || last >= CRM__SET_WORDS * 64)
            return CRM_ECORRUPT;
        crm__set_add_run(words, first, last);
        count += last - first + 1;
        before = (int32_t)last;
    }
    return count == rows ? CRM_OK : CRM_ECORRUPT;
}

int crm__set_load(crm__slice stored, uint64_t words[CRM__SET_WORDS])
{
    uint32_t rows;

    if (stored.n < CRM__SET_HEAD || stored.p[1])
        return CRM_ECORRUPT;
    rows = crm__get_le16(stored.p + 2) + 1u;
    switch (stored.p[0]) {
    case CRM__SET_ARRAY:
        return load_array(stored.p + CRM__SET_HEAD, stored.n - CRM__SET_HEAD, rows, words);
    case CRM__SET_BITMAP:
        return load_bitmap(stored.p + CRM__SET_HEAD, stored.n - CRM__SET_HEAD, rows, words);
    case CRM__SET_RUNS:
        return load_runs(stored.p + CRM__SET_HEAD, stored.n - CRM__SET_HEAD, rows, words);
    default:
        return CRM_ECORRUPT;
    }
}

uint32_t crm__set_count(const uint64_t words[CRM__SET_WORDS])
{
    return (uint32_t)crm__kernel_best()->count(words, CRM__SET_WORDS);
}

/* Runs begin where a bit is set and the one before it is not. */
uint32_t crm__set_runs(const uint64_t words[CRM__SET_WORDS])
{
    uint64_t begins[CRM__SET_WORDS];

    begins[0] = words[0] & ~(words[0] << 1);
    for (uint32_t i = 1; i < CRM__SET_WORDS; i++)
        begins[i] = words[i] & ~(words[i] << 1 | words[i - 1] >> 63);
    return crm__set_count(begins);
}

unsigned crm__set_form(uint32_t rows, uint32_t runs)
{
    if (runs * 4 <= rows * 2 && runs * 4 < CRM__SET_BITMAP_BYTES)
        return CRM__SET_RUNS;
    return rows * 2 < CRM__SET_BITMAP_BYTES ? CRM__SET_ARRAY : CRM__SET_BITMAP;
}

int32_t crm__set_next(const uint64_t words[CRM__SET_WORDS], uint32_t from)
{
    uint32_t i = from >> 6;
    uint64_t w;

    if (from >= CRM__SET_WORDS * 64)
        return -1;
    w = words[i] & (UINT64_MAX << (from & 63));
    while (!w) {
        if (++i == CRM__SET_WORDS)
            return -1;
        w = words[i];
    }
    return (int32_t)(i * 64 + (uint32_t)__builtin_ctzll(w));
}

/* The first row at or after `from` that is not in the set; 65536 when there is none. */
static uint32_t next_gap(const uint64_t *words, uint32_t from)
{
    uint32_t i = from >> 6;
    uint64_t w;

    if (from >= CRM__SET_WORDS * 64)
        return CRM__SET_WORDS * 64;
    w = ~words[i] & (UINT64_MAX << (from & 63));
    while (!w) {
        if (++i == CRM__SET_WORDS)
            return CRM__SET_WORDS * 64;
        w = ~words[i];
    }
    return i * 64 + (uint32_t)__builtin_ctzll(w);
}

void crm__set_store(const uint64_t words[CRM__SET_WORDS], crm__buf *out)
{
    uint32_t rows = crm__set_count(words);
    unsigned form;
    uint8_t *p;

    if (!rows)
        return;
    form = crm__set_form(rows, crm__set_runs(words));
    p = crm__buf_reserve(out, CRM__SET_HEAD + CRM__SET_BITMAP_BYTES);
    if (!p)
        return;
    p[0] = (uint8_t)form;
    p[1] = 0;
    crm__put_le16(p + 2, (uint16_t)(rows - 1));
    p += CRM__SET_HEAD;
    out->n += CRM__SET_HEAD;
    if (form == CRM__SET_RUNS) {
        for (int32_t at = crm__set_next(words, 0); at >= 0; p += 4, out->n += 4) {
            uint32_t end = next_gap(words, (uint32_t)at);
            crm__put_le16(p, (uint16_t)at);
            crm__put_le16(p + 2, (uint16_t)(end - (uint32_t)at - 1));
            at = crm__set_next(words, end);
        }
        return;
    }
    if (form == CRM__SET_ARRAY) {
        for (int32_t at = crm__set_next(words, 0); at >= 0; p += 2, out->n += 2) {
            crm__put_le16(p, (uint16_t)at);
            at = crm__set_next(words, (uint32_t)at + 1);
        }
        return;
    }
    for (uint32_t i = 0; i < CRM__SET_WORDS; i++)
        crm__put_le64(p + 8 * i, words[i]);
    out->n += CRM__SET_BITMAP_BYTES;
}
