/* SPDX-License-Identifier: MIT
 * Keys of the spaces.  Integers are big-endian, so that byte order is number order.
 *
 *   meta      "format" | "model" | "model/" version u32 | "batch/" seq u64 of its first entry
 *   dict      class u8, 0, name -> number      class u8, 1, number u32 -> name
 *   customer  id u64
 *   journal   seq u64
 *   image     seq u64, id u64
 *   identity  field u16, a beginning of token and id: a block (ids.h)
 *   bits      chunk u32, index u8, value u32
 *             u32 all ones, 9, field u16, chunk u32, place u16: rows of the chunk wait
 *             (CRM__BITS_WAITING), and this far the round is; and row u16: one of them
 *   event     id u64, time i64 with its sign flipped, number u32: a block, by its first event
 *             id u64, 8 bytes 0xff, what u8, part u64: rows beside the blocks (CRM__EVENT_ROW_*)
 *   tag       chunk u32, tag u32
 *   tagged    chunk u32, tag u32, seq u64, part u32: a set of rows (CRM__TAGGED_*)
 *             u32 all ones, u32 0, seq u64, group u32: how the tags of a group were given
 *   column    chunk u32, field u32 (CRM__COLUMN_* or a field's number), block u8
 *             u32 all ones, field u32 (CRM__COLUMN_SHARED*), chunk u32: what its blocks come to
 *   day       chunk u32, kind u32, day i32 with its sign flipped: a list; then first row u16 and
 *             number u16: a part of it
 *             chunk u32, u32 0, kind u32, span i32 with its sign flipped: what the lists of 32 days
 *             come to (bits/day_span.h); no kind has the number 0
 */
#ifndef CRM_CODEC_KEY_H
#define CRM_CODEC_KEY_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

enum { CRM__CHUNK_ROWS = 65536, CRM__CHUNK_SHIFT = 16 };
enum {
    CRM__KEY_U64 = 8,
    CRM__KEY_IMAGE = 16,
    CRM__KEY_BATCH = 14,
    CRM__BATCH_NAME = 200,
    CRM__BATCH_TEXT = 200 + 1 + (64 << 10), /* with the segment that was handed out */
    CRM__KEY_TOKEN = 2 + CRM__TOKEN_SIZE,
    CRM__KEY_IDENTITY = 26,
    CRM__KEY_BITS = 9,
    CRM__DICT_NAME = 500,
    CRM__KEY_EVENT = 20,
    CRM__KEY_EVENT_ROW = 25
};

enum { CRM__KEY_DAY_LIST = 12, CRM__KEY_DAY = 16 };
enum { CRM__KEY_TAG = 8, CRM__KEY_TAGGED = 20, CRM__KEY_COLUMN = 9, CRM__KEY_COLUMN_TOTAL = 12 };

/* Indexes of the bits space. */
enum {
    CRM__BITS_ROOT = 0,     /* value: CRM__ROOT_* */
    CRM__BITS_PRESENCE = 1, /* value: field number */
    CRM__BITS_KIND = 2,     /* value: kind */
    CRM__BITS_VALUE = 3,    /* value: number of an enum's value */
    CRM__BITS_BOOLEAN = 4,  /* value: field << 1 | 1 for true */
    CRM__BITS_COUNTRY = 5,  /* value: field << 16 | first letter * 26 + second, A is 0 */
    CRM__BITS_CURRENCY = 6, /* value: field << 16 | crm__day_currency() */
    CRM__BITS_TEXT = 7,     /* value: number of a text of an indexed field (CRM__DICT_VALUE) */
    CRM__BITS_GRAM = 8,     /* value: field << 16 | crm__gram() of a piece of a text */
    CRM__BITS_WAITING = 9   /* no sets: rows whose pieces wait (db/waiting.h) */
};
/* Stands where the chunk does, for rows that wait. */
#define CRM__BITS_NO_CHUNK UINT32_MAX
enum { CRM__KEY_WAITING = 11, CRM__KEY_WAITING_ROUND = 13, CRM__KEY_WAITING_ROW = 15 };
enum { CRM__ROOT_LIVE = 0, CRM__ROOT_DELETED = 1 };
/* Columns beside those of fields, whose numbers are 1 to 65,535. */
enum {
    CRM__COLUMN_CREATED = 0,
    CRM__COLUMN_SHARED = 0x10000,      /* and a field: how many of its values another has too */
    CRM__COLUMN_SHARED_FIRST = 0x20000 /* and a field: of how many of those it is the first */
};
/* And a tag's number: when the tag of a row ends, in microseconds. */
#define CRM__COLUMN_UNTIL (UINT32_C(1) << 31)

/* Parts of what a journal entry did to a tag in a chunk.  The rows of the parts of one entry are
 * apart.  Group 0 has no row: tags given by hand, without a reason and without an end. */
enum { CRM__TAGGED_REMOVED = 0 };
#define CRM__TAGGED_ADDED(group) (2u * (group) + 1)   /* rows that had not the tag */
#define CRM__TAGGED_RENEWED(group) (2u * (group) + 2) /* rows that had it with another end */
#define CRM__TAGGED_GROUP(part) (((part)-1) / 2)      /* of a part that is not REMOVED */
#define CRM__TAGGED_GROUPS (UINT32_MAX / 2 - 1)
/* Stands where the chunk does, for rows of groups. */
#define CRM__TAGGED_HOW UINT32_MAX

/* What stands beside the blocks of a customer who has two or more of them. */
enum {
    CRM__EVENT_ROW_HEAD = 0,      /* part 0 */
    CRM__EVENT_ROW_REFERENCE = 1, /* part: the least hash that may stand in it */
    CRM__EVENT_ROW_TIME = 2       /* part: (number - 1) / CRM__EVENT_TIMES */
};

static inline crm__slice crm__slice_of(const void *p, size_t n)
{
    crm__slice s = {(const uint8_t *)p, n};

    return s;
}

static inline crm__slice crm__key_u64(uint8_t to[CRM__KEY_U64], uint64_t v)
{
    crm__put_be64(to, v);
    return crm__slice_of(to, CRM__KEY_U64);
}

static inline crm__slice crm__key_image(uint8_t to[CRM__KEY_IMAGE], uint64_t seq, uint64_t id)
{
    crm__put_be64(to, seq);
    crm__put_be64(to + 8, id);
    return crm__slice_of(to, CRM__KEY_IMAGE);
}

static inline crm__slice crm__key_batch(uint8_t to[CRM__KEY_BATCH], uint64_t seq)
{
    memcpy(to, "batch/", 6);
    crm__put_be64(to + 6, seq);
    return crm__slice_of(to, CRM__KEY_BATCH);
}

static inline crm__slice crm__key_bits(uint8_t to[CRM__KEY_BITS], uint64_t chunk, uint8_t index,
                                       uint32_t value)
{
    crm__put_be32(to, (uint32_t)chunk);
    to[4] = index;
    crm__put_be32(to + 5, value);
    return crm__slice_of(to, CRM__KEY_BITS);
}

/* What all rows of a field and chunk begin with whose pieces wait. */
static inline crm__slice crm__key_waiting(uint8_t to[CRM__KEY_WAITING], uint32_t field,
                                          uint64_t chunk)
{
    crm__put_be32(to, CRM__BITS_NO_CHUNK);
    to[4] = CRM__BITS_WAITING;
    crm__put_be16(to + 5, (uint16_t)field);
    crm__put_be32(to + 7, (uint32_t)chunk);
    return crm__slice_of(to, CRM__KEY_WAITING);
}

static inline crm__slice crm__key_waiting_round(uint8_t to[CRM__KEY_WAITING_ROUND], uint32_t field,
                                                uint64_t chunk, uint32_t place)
{
    (void)crm__key_waiting(to, field, chunk);
    crm__put_be16(to + CRM__KEY_WAITING, (uint16_t)place);
    return crm__slice_of(to, CRM__KEY_WAITING_ROUND);
}

static inline crm__slice crm__key_waiting_row(uint8_t to[CRM__KEY_WAITING_ROW], uint32_t field,
                                              uint64_t chunk, uint32_t place, uint32_t row)
{
    (void)crm__key_waiting_round(to, field, chunk, place);
    crm__put_be16(to + CRM__KEY_WAITING_ROUND, (uint16_t)row);
    return crm__slice_of(to, CRM__KEY_WAITING_ROW);
}

static inline crm__slice crm__key_token(uint8_t to[CRM__KEY_TOKEN], uint32_t field,
                                        const uint8_t token[CRM__TOKEN_SIZE])
{
    crm__put_be16(to, (uint16_t)field);
    memcpy(to + 2, token, CRM__TOKEN_SIZE);
    return crm__slice_of(to, CRM__KEY_TOKEN);
}

static inline crm__slice crm__key_event(uint8_t to[CRM__KEY_EVENT], uint64_t id, int64_t time,
                                        uint32_t number)
{
    crm__put_be64(to, id);
    crm__put_be64(to + 8, (uint64_t)time ^ (uint64_t)1 << 63);
    crm__put_be32(to + 16, number);
    return crm__slice_of(to, CRM__KEY_EVENT);
}

/* Parts of a block's key; 0 for the key of another row. */
static inline int crm__key_event_read(crm__slice key, uint64_t *id, int64_t *time, uint32_t *number)
{
    if (key.n != CRM__KEY_EVENT)
        return 0;
    *id = crm__get_be64(key.p);
    *time = (int64_t)(crm__get_be64(key.p + 8) ^ (uint64_t)1 << 63);
    *number = crm__get_be32(key.p + 16);
    return 1;
}

static inline crm__slice crm__key_event_row(uint8_t to[CRM__KEY_EVENT_ROW], uint64_t id,
                                            uint8_t what, uint64_t part)
{
    crm__put_be64(to, id);
    memset(to + 8, 0xff, 8);
    to[16] = what;
    crm__put_be64(to + 17, part);
    return crm__slice_of(to, CRM__KEY_EVENT_ROW);
}

static inline crm__slice crm__key_tag(uint8_t to[CRM__KEY_TAG], uint64_t chunk, uint32_t tag)
{
    crm__put_be32(to, (uint32_t)chunk);
    crm__put_be32(to + 4, tag);
    return crm__slice_of(to, CRM__KEY_TAG);
}

static inline crm__slice crm__key_tagged(uint8_t to[CRM__KEY_TAGGED], uint64_t chunk, uint32_t tag,
                                         uint64_t seq, uint32_t part)
{
    crm__put_be32(to, (uint32_t)chunk);
    crm__put_be32(to + 4, tag);
    crm__put_be64(to + 8, seq);
    crm__put_be32(to + 16, part);
    return crm__slice_of(to, CRM__KEY_TAGGED);
}

/* block: row of the chunk / CRM__COLUMN_ROWS. */
static inline crm__slice crm__key_column(uint8_t to[CRM__KEY_COLUMN], uint64_t chunk,
                                         uint32_t field, uint32_t block)
{
    crm__put_be32(to, (uint32_t)chunk);
    crm__put_be32(to + 4, field);
    to[8] = (uint8_t)block;
    return crm__slice_of(to, CRM__KEY_COLUMN);
}

/* What the blocks of a column of shared values come to in a chunk; those of all chunks are
 * neighbours. */
static inline crm__slice crm__key_column_total(uint8_t to[CRM__KEY_COLUMN_TOTAL], uint32_t field,
                                               uint64_t chunk)
{
    crm__put_be32(to, UINT32_MAX);
    crm__put_be32(to + 4, field);
    crm__put_be32(to + 8, (uint32_t)chunk);
    return crm__slice_of(to, CRM__KEY_COLUMN_TOTAL);
}

static inline int crm__key_is_column_total(crm__slice key)
{
    return key.n == CRM__KEY_COLUMN_TOTAL && crm__get_be32(key.p) == UINT32_MAX;
}

/* A list: the events of one kind on one day (from 1970-01-01) in one chunk. */
static inline crm__slice crm__key_day_list(uint8_t to[CRM__KEY_DAY_LIST], uint64_t chunk,
                                           uint32_t kind, int32_t day)
{
    crm__put_be32(to, (uint32_t)chunk);
    crm__put_be32(to + 4, kind);
    crm__put_be32(to + 8, (uint32_t)day ^ UINT32_C(1) << 31);
    return crm__slice_of(to, CRM__KEY_DAY_LIST);
}

static inline int32_t crm__key_day_of(const uint8_t *key)
{
    return (int32_t)(crm__get_be32(key + 8) ^ UINT32_C(1) << 31);
}

static inline crm__slice crm__key_day(uint8_t to[CRM__KEY_DAY],
                                      const uint8_t list[CRM__KEY_DAY_LIST], uint16_t row,
                                      uint16_t number)
{
    memcpy(to, list, CRM__KEY_DAY_LIST);
    crm__put_be16(to + CRM__KEY_DAY_LIST, row);
    crm__put_be16(to + CRM__KEY_DAY_LIST + 2, number);
    return crm__slice_of(to, CRM__KEY_DAY);
}

static inline crm__slice crm__key_span(uint8_t to[CRM__KEY_DAY], uint64_t chunk, uint32_t kind,
                                       int32_t span)
{
    crm__put_be32(to, (uint32_t)chunk);
    crm__put_be32(to + 4, 0);
    crm__put_be32(to + 8, kind);
    crm__put_be32(to + 12, (uint32_t)span ^ UINT32_C(1) << 31);
    return crm__slice_of(to, CRM__KEY_DAY);
}

/* Of a key of the day space. */
static inline int crm__key_is_span(crm__slice key)
{
    return key.n == CRM__KEY_DAY && crm__get_be32(key.p + 4) == 0;
}

static inline int32_t crm__key_span_of(const uint8_t *key)
{
    return (int32_t)(crm__get_be32(key + 12) ^ UINT32_C(1) << 31);
}

#endif
