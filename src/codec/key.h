/* SPDX-License-Identifier: MIT
 * Keys of the spaces.  Integers are big-endian, so that byte order is number order.
 *
 *   meta      "format" | "model" | "model/" version u32
 *   dict      class u8, 0, name -> number      class u8, 1, number u32 -> name
 *   customer  id u64
 *   journal   seq u64
 *   identity  field u16, token 16 bytes, id u64
 *   bits      chunk u32, index u8, value u32
 */
#ifndef CRM_CODEC_KEY_H
#define CRM_CODEC_KEY_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

enum { CRM__CHUNK_ROWS = 65536, CRM__CHUNK_SHIFT = 16 };
enum { CRM__KEY_U64 = 8, CRM__KEY_TOKEN = 2 + CRM__TOKEN_SIZE, CRM__KEY_IDENTITY = 26,
       CRM__KEY_BITS = 9, CRM__DICT_NAME = 500 };

/* Indexes of the bits space. */
enum {
    CRM__BITS_ROOT = 0,     /* value: CRM__ROOT_* */
    CRM__BITS_PRESENCE = 1, /* value: field number */
    CRM__BITS_KIND = 2      /* value: kind */
};
enum { CRM__ROOT_LIVE = 0, CRM__ROOT_DELETED = 1 };

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

static inline crm__slice crm__key_bits(uint8_t to[CRM__KEY_BITS], uint64_t chunk, uint8_t index,
                                       uint32_t value)
{
    crm__put_be32(to, (uint32_t)chunk);
    to[4] = index;
    crm__put_be32(to + 5, value);
    return crm__slice_of(to, CRM__KEY_BITS);
}

static inline crm__slice crm__key_token(uint8_t to[CRM__KEY_TOKEN], uint32_t field,
                                        const uint8_t token[CRM__TOKEN_SIZE])
{
    crm__put_be16(to, (uint16_t)field);
    memcpy(to + 2, token, CRM__TOKEN_SIZE);
    return crm__slice_of(to, CRM__KEY_TOKEN);
}

static inline crm__slice crm__key_identity(uint8_t to[CRM__KEY_IDENTITY], crm__slice token_key,
                                           uint64_t id)
{
    memcpy(to, token_key.p, CRM__KEY_TOKEN);
    crm__put_be64(to + CRM__KEY_TOKEN, id);
    return crm__slice_of(to, CRM__KEY_IDENTITY);
}

#endif
