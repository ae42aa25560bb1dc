/* SPDX-License-Identifier: MIT
 * What is kept beside the blocks of a customer who has several: the head with the totals, the
 * hashes of references, and the times by number.  With one block all of it is computed from that.
 *
 * Head:
 *   u8 format = 1, varint last number,
 *   varint kinds, each: varint kind - that before, varint count,
 *     [count not 0: zigzag varint first time, varint last time - first time,
 *                   varint events at the first time, varint events at the last time (0: not known)]
 *   varint sums, each: varint kind, varint attribute, u8 type, [money: 3 letters],
 *     varint scales (bit n: there are values with n digits behind the point; of an integer n = 0),
 *     for each of its bits, the least first: varint number of values, u8 n, n bytes: the sum in
 *     two's complement, little-endian, n the least that holds it; in units of 10^-12, of an integer
 *     in ones
 * References: u8 format = 1, then in order each u64 hash, u32 number (little-endian): the last
 * event of each source and reference.
 * Times: u8 format = 2 << 4 | unit (see event.h: the coarsest exact one), u8 bytes of a time (the
 * least that do, but 1), i64 least time, then for each number of the part: time - least, in units,
 * in so many bytes (little-endian).
 */
#ifndef CRM_CODEC_EVENT_HEAD_H
#define CRM_CODEC_EVENT_HEAD_H

#include "base/hash.h"
#include "codec/event.h"

enum { CRM__EVENT_HEAD_FORMAT = 1, CRM__EVENT_REFERENCES = 165 };
enum { CRM__EVENT_TIMES_FORMAT = 2, CRM__EVENT_TIMES = 240 };

/* Of the events of a kind that count. */
typedef struct crm__event_total {
    uint32_t kind;
    uint64_t count;
    int64_t first, last;
    uint64_t at_first, at_last; /* events of these very times, 0: not known */
} crm__event_total;

/* Of an attribute of a kind; money: of one currency. */
typedef struct crm__event_sum {
    uint32_t kind, attribute;
    uint8_t type;
    char currency[4];
    uint32_t scales[CRM__DECIMAL_SCALE + 1]; /* values by their digits behind the point */
    uint64_t count;                          /* of values */
    uint64_t low, high; /* of the sum, 128 bits: an arena does not align __int128 */
} crm__event_sum;

static inline __int128 crm__event_sum_value(const crm__event_sum *s)
{
    return (__int128)((unsigned __int128)s->high << 64 | s->low);
}

static inline void crm__event_sum_set(crm__event_sum *s, unsigned __int128 v)
{
    s->low = (uint64_t)v;
    s->high = (uint64_t)(v >> 64);
}

typedef struct crm__event_head {
    uint32_t last;            /* number */
    crm__event_total *totals; /* in order of kinds; those without events among them */
    uint32_t total_count, total_cap;
    crm__event_sum *sums; /* in order of kind, attribute, type, currency */
    uint32_t sum_count, sum_cap;
} crm__event_head;

/* Decodes into arrays in the arena.  CRM_OK, CRM_ECORRUPT, CRM_ENOMEM. */
int crm__event_head_decode(crm__arena *a, crm__slice bytes, crm__event_head *h);
void crm__event_head_encode(const crm__event_head *h, crm__buf *out);
/* Takes an event in.  One that does not count leaves only its number, and a place for its kind. */
int crm__event_head_add(crm__arena *a, crm__event_head *h, const crm__event *e);
/* Takes an event out that has counted.  The first and last time of its kind are as before, and
 * at_first and at_last one less when it is of that time: at 0 the caller looks whether there are
 * others. */
void crm__event_head_remove(crm__event_head *h, const crm__event *e);
/* NULL: the kind never had an event. */
crm__event_total *crm__event_head_find(const crm__event_head *h, uint32_t kind);
/* The sum as exact text with the digits of its most exact value, NUL-terminated; its length. */
size_t crm__event_sum_format(const crm__event_sum *s, char out[64]);

/* The last event of a source and reference. */
typedef struct crm__event_reference {
    uint64_t hash;
    uint32_t number;
} crm__event_reference;

/* Hash of a reference (1 to CRM__EVENT_REFERENCE bytes) under the database's key of tokens.  *more
 * (may be NULL) receives 64 further bits. */
uint64_t crm__event_reference_hash(const uint8_t token_key[CRM__HASH_KEY], uint32_t source,
                                   crm__slice reference, uint64_t *more);
/* Decodes into an array in the arena, which has room for one more.  CRM_OK, CRM_ECORRUPT,
 * CRM_ENOMEM. */
int crm__event_references_decode(crm__arena *a, crm__slice bytes, crm__event_reference **out,
                                 uint32_t *n);
void crm__event_references_encode(const crm__event_reference *r, uint32_t n, crm__buf *out);

/* Times of a part: count, and one of them (0 to count - 1), of what count() took.  n to encode is 1
 * to CRM__EVENT_TIMES. */
int crm__event_times_count(crm__slice bytes, uint32_t *count);
int64_t crm__event_times_at(crm__slice bytes, uint32_t i);
void crm__event_times_encode(const int64_t *times, uint32_t n, crm__buf *out);
/* Appends a time to those in out, which count() took: 1 done, to what encode() would make of all; 0:
 * it does not fit their unit, their bytes or their least. */
int crm__event_times_add(crm__buf *out, int64_t time);

#endif
