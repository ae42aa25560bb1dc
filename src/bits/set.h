/* SPDX-License-Identifier: MIT
 * A set of rows of one chunk (65,536 rows).
 *
 * Stored: u8 form, u8 flags = 0, u16 rows - 1 (little-endian), then
 *   form 0  array: each row u16, ascending
 *   form 1  bitmap: 8,192 bytes, row r is bit r % 8 of byte r / 8
 *   form 2  runs: pairs u16 first, u16 length - 1, ascending, not touching
 * whichever is smallest.  An empty set is not stored.  Values may be only 2-byte aligned, and their
 * bytes are untrusted: row numbers are 16 bits, so no content can lead outside the words.
 */
#ifndef CRM_BITS_SET_H
#define CRM_BITS_SET_H

#include "base/mem.h"

enum { CRM__SET_WORDS = 1024, CRM__SET_ROWS = CRM__SET_WORDS * 64 };
/* More rows make a bitmap, which is smaller. */
enum { CRM__SET_ARRAY_MOST = 4096 };

/* Adds the rows of a stored set to words.  CRM_ECORRUPT: not a set; words may hold a part of it. */
int crm__set_load(crm__slice stored, uint64_t words[CRM__SET_WORDS]);
/* Appends the stored form; nothing for an empty set. */
void crm__set_store(const uint64_t words[CRM__SET_WORDS], crm__buf *out);
/* Appends the stored form of a stored set (nothing stands for the empty one) with one row put in, or
 * taken out: what load, put and store would append, in a fraction of the time.  0: this takes load
 * and store (another form, bytes that are no set, no memory). */
int crm__set_patch(crm__slice stored, uint32_t row, int on, crm__buf *out);
uint32_t crm__set_count(const uint64_t words[CRM__SET_WORDS]);
/* The first row at or after `from`, -1 when there is none. */
int32_t crm__set_next(const uint64_t words[CRM__SET_WORDS], uint32_t from);

static inline int crm__set_has(const uint64_t *words, uint32_t row)
{
    return (int)(words[row >> 6] >> (row & 63) & 1);
}

static inline void crm__set_put(uint64_t *words, uint32_t row, int in)
{
    if (in)
        words[row >> 6] |= (uint64_t)1 << (row & 63);
    else
        words[row >> 6] &= ~((uint64_t)1 << (row & 63));
}

#endif
