/* SPDX-License-Identifier: MIT
 * Blocks of identity rows: which customers have a value, by the value's token.
 *
 * A row is a token and an id.  A block holds rows of one field in ascending order, each once:
 *   u8 format = 1, u8 n: bytes that the tokens of all rows begin with, u8 w: bytes of an id (1 to 8),
 *   n bytes: that beginning, then the rows, each: the other 16 - n bytes of its token, id (w bytes,
 *   big-endian)
 * Rows are of one length, so one is found by halving; n and w are the greatest and the least that
 * hold.  Blocks are untrusted: a reader of one looks at no byte outside, whatever they say.
 */
#ifndef CRM_CODEC_IDS_H
#define CRM_CODEC_IDS_H

#include "codec/key.h"

enum {
    CRM__IDS_FORMAT = 1,
    CRM__IDS_HEAD = 3,
    CRM__IDS_MOST = 960, /* bytes: four blocks with their keys and tags are a page of 4,096 */
    CRM__ID_ROW = CRM__TOKEN_SIZE + 8
};

/* A row by itself: token, id big-endian; so rows are in order as their bytes are. */
typedef struct crm__id_row {
    uint8_t byte[CRM__ID_ROW];
} crm__id_row;

/* A block, in the caller's memory. */
typedef struct crm__ids {
    const uint8_t *prefix, *rows;
    uint32_t count;
    uint8_t prefix_n, id_n, row_n;
} crm__ids;

static inline crm__id_row crm__id_row_of(const uint8_t token[CRM__TOKEN_SIZE], uint64_t id)
{
    crm__id_row row;

    memcpy(row.byte, token, CRM__TOKEN_SIZE);
    crm__put_be64(row.byte + CRM__TOKEN_SIZE, id);
    return row;
}

/* Field and row: the key that a row would have by itself, and the form in which rows of all fields
 * are compared. */
static inline crm__slice crm__id_row_key(uint8_t to[CRM__KEY_IDENTITY], uint32_t field,
                                         const crm__id_row *row)
{
    crm__put_be16(to, (uint16_t)field);
    memcpy(to + 2, row->byte, CRM__ID_ROW);
    return crm__slice_of(to, CRM__KEY_IDENTITY);
}

static inline uint64_t crm__id_row_id(const crm__id_row *row)
{
    return crm__get_be64(row->byte + CRM__TOKEN_SIZE);
}

static inline int crm__id_row_order(const crm__id_row *a, const crm__id_row *b)
{
    return memcmp(a->byte, b->byte, CRM__ID_ROW);
}

/* CRM_OK, or CRM_ECORRUPT: no block. Rows out of order are no fault here (crm__ids_sound()). */
int crm__ids_open(crm__slice payload, crm__ids *out);
/* i < count. */
crm__id_row crm__ids_row(const crm__ids *b, uint32_t i);
/* The first row that is not before this one; count: none. */
uint32_t crm__ids_lower(const crm__ids *b, const crm__id_row *row);
/* Whether it is as crm__ids_add() writes it: in order, each row once, n and w as they are to be. */
int crm__ids_sound(const crm__ids *b);

/* Of n rows in order, n > 0, how many one block of `most` bytes holds, at least one; *bytes: what it
 * takes. */
uint32_t crm__ids_fit(const crm__id_row *rows, uint32_t n, size_t most, size_t *bytes);
/* Adds the block of all these rows to the buffer (whose failed flag tells of missing memory). */
void crm__ids_add(const crm__id_row *rows, uint32_t n, crm__buf *out);

#endif
