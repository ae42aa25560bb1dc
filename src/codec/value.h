/* SPDX-License-Identifier: MIT
 * Stored form of one value.  A value's type is kept beside it in the record, so old records stay
 * readable whatever the model becomes.
 *
 *   text email phone url language actor   UTF-8 bytes, canonical form
 *   country                               2 upper-case letters
 *   integer                               zigzag varint
 *   datetime                              varint: zigzag seconds since 1970 UTC << 1; of a time that
 *                                         is between two, zigzag microseconds << 1 | 1
 *   decimal                               scale u8, mantissa zigzag varint
 *   money                                 3 upper-case letters (ISO 4217), then as decimal
 *   date                                  varint year*512 + month*32 + day (0: unknown part)
 *   boolean                               one byte 0 or 1
 *   enum                                  varint number of the value (dictionary)
 *   customer                              varint id
 * An item that belongs to a source (external ids) has in front: varint number of the source.
 * A list is its items, each as varint length and bytes.
 */
#ifndef CRM_CODEC_VALUE_H
#define CRM_CODEC_VALUE_H

#include "base/decimal.h"
#include "base/mem.h"

#include <crm/model.h>

/* Decoded scalar.  Text points into the payload. */
typedef struct crm__value {
    uint8_t type;    /* CRM_TYPE_* */
    uint32_t source; /* dictionary number, scoped identities only */
    int64_t integer; /* integer, datetime, date (packed), boolean, enum, customer (as uint64) */
    crm__decimal decimal;
    char currency[4];
    crm__slice text;
} crm__value;

/* Whether values of a type are texts of their own. */
static inline uint8_t crm__type_is_text(uint8_t type)
{
    return type == CRM_TYPE_TEXT || type == CRM_TYPE_EMAIL || type == CRM_TYPE_PHONE ||
           type == CRM_TYPE_URL || type == CRM_TYPE_LANGUAGE || type == CRM_TYPE_COUNTRY ||
           type == CRM_TYPE_ACTOR;
}

/* Appends the payload of one scalar to out.  The caller has validated it. */
void crm__value_encode(crm__buf *out, const crm__value *v, int scoped);
/* CRM_ECORRUPT for bytes that are no value of the type. */
int crm__value_decode(uint8_t type, int scoped, crm__slice payload, crm__value *v);
/* The varint of a datetime. */
uint64_t crm__datetime_encode(int64_t us);
/* Items of a list payload: at *pos (start with 0); CRM_OK, CRM_DONE or CRM_ECORRUPT. */
int crm__list_next(crm__slice payload, size_t *pos, crm__slice *item);
void crm__list_add(crm__buf *out, crm__slice item);
size_t crm__list_count(crm__slice payload);

#endif
