/* SPDX-License-Identifier: MIT
 * A customer's stored record.
 *
 *   u8 format = 2 << 5 | origins << 4 | updated << 3 | organisation << 2 | merged << 1 | deleted,
 *   varint seq of the last change, i64 created (little-endian, us),
 *   [updated: zigzag varint updated - created, else it is 0], [merged: varint survivor],
 *   [origins: varint number of origins, each: varint source number, zigzag varint time - created]
 *   [else: varint source number of the one origin, of the time created]
 *   to the end, entries: u8 head = other << 7 | step << 4 | type,
 *     [step 0: varint field number - that before, more than 7; else step is that]
 *     [other: varint origin << 4 | mixed << 3 | scoped << 2 | list << 1 | sized; else it is 0]
 *     [a text, a list, scoped, sized: varint n; else the value's bytes tell their end] n bytes,
 *     [when mixed: a varint origin for each value of the list]
 * Entries are in order of field numbers, one a field.  Sized are bytes that do not end as a value
 * of the type does; a record keeps them all the same.  What has two spellings is refused in the
 * longer one.
 */
#ifndef CRM_CODEC_RECORD_H
#define CRM_CODEC_RECORD_H

#include "base/mem.h"

/* Entries and origins are bounded by the bytes they take, so that what was encoded always decodes; the
 * limits on lists and records are kept where records are made. */
enum { CRM__RECORD_FORMAT = 2, CRM__RECORD_BYTES = 16 << 20, CRM__LIST_ITEMS = 1000 };
enum { CRM__RECORD_DELETED = 1, CRM__RECORD_MERGED = 2, CRM__RECORD_FLAGS = 3 };
enum { CRM__RECORD_KINDS = 2 }; /* kinds are 1 to this: person, organisation */

typedef struct crm__origin {
    uint32_t source;
    int64_t at;
} crm__origin;

typedef struct crm__entry {
    uint32_t field;
    uint32_t origin; /* index into origins */
    crm__slice mixed; /* a list of several origins: a varint index for each value; n = 0: all of `origin` */
    uint8_t type, list, scoped;
    uint8_t mode;    /* not stored: what a write means to do with it */
    crm__slice payload;
} crm__entry;

typedef struct crm__record {
    uint8_t flags, kind;
    uint64_t seq, survivor;
    int64_t created, updated;
    crm__origin *origins;
    uint32_t origin_count, origin_cap;
    crm__entry *entries; /* payloads point into the bytes that were decoded, or elsewhere */
    uint32_t entry_count, entry_cap;
} crm__record;

void crm__record_clear(const crm_allocator *mem, crm__record *r); /* frees the arrays */
/* Decodes into r, reusing its arrays.  CRM_OK, CRM_ECORRUPT, CRM_ENOMEM. */
int crm__record_decode(const crm_allocator *mem, crm__slice bytes, crm__record *r);
void crm__record_encode(const crm__record *r, crm__buf *out);
/* Origin of value i of an entry. */
uint32_t crm__entry_origin(const crm__entry *e, size_t i);
/* Header only: flags and seq. */
int crm__record_head(crm__slice bytes, uint8_t *flags, uint64_t *seq);
/* NULL: no entry of that field. */
const crm__entry *crm__record_find(const crm__record *r, uint32_t field);
/* Values of an entry, whether it is a list or not: *pos from 0; CRM_OK, CRM_DONE, CRM_ECORRUPT. */
int crm__entry_next(const crm__entry *e, size_t *pos, crm__slice *item);
/* Appends an entry of another record, with its origins, which may get other numbers here.  Payloads are
 * shared; arena holds what has to be spelled anew.  CRM_OK, CRM_ECORRUPT or CRM_ENOMEM. */
int crm__record_take(const crm_allocator *mem, crm__arena *arena, crm__record *r,
                     const crm__record *from, const crm__entry *e);
int crm__record_room(const crm_allocator *mem, crm__record *r, uint32_t entries, uint32_t origins);

#endif
