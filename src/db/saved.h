/* SPDX-License-Identifier: MIT
 * Saved segments as they are stored: every version of every name, in the space meta under
 *   "segment/" name 0x00 seq u64 (of its journal entry)
 * each: u8 form = 1, u8 flags (1: static, 2: removed), u32 tag (little-endian; of a static one the
 * tag its customers have, else 0), the canonical text.
 */
#ifndef CRM_DB_SAVED_H
#define CRM_DB_SAVED_H

#include "db/txn.h"

enum { CRM__SAVED_NAME = 100, CRM__SAVED_STATIC = 1, CRM__SAVED_REMOVED = 2 };
/* A static one's customers have the tag `segment(NAME)`, which no dimension can have: its key has
 * no bracket.  All that keeps, changes, dumps and undoes tags does so with these. */
#define CRM__SAVED_TAG "segment("

typedef struct crm__saved {
    uint64_t seq;
    uint8_t flags;
    uint32_t tag;
    crm__slice text; /* as crm__txn_read() says */
} crm__saved;

/* The newest version of a name.  CRM_ENOTFOUND: there is none, or it was removed. */
int crm__saved_read(crm_txn *txn, crm__slice name, crm__saved *out);
/* The newest version before a seq, one that removes the name too. */
int crm__saved_before(crm_txn *txn, crm__slice name, uint64_t seq, crm__saved *out);
/* The number of the tag of a static one, front CRM__SAVED_TAG, or a watched one, CRM__LIVE_TAG; 0:
 * it has none.  give: now it gets one. */
int crm__saved_tag(crm_txn *txn, const char *front, crm__slice name, int give, uint32_t *tag,
                   crm_error *err);
/* Payload of the row of one version.  As crm__txn_read() says. */
int crm__saved_row(crm_txn *txn, crm__slice name, uint64_t seq, crm__slice *row);
/* Adds a version under a seq, before the entry, which brings it. */
int crm__saved_put(crm_txn *txn, crm__slice name, const crm__saved *s);
/* Name and version of a row of meta.  CRM_ENOTFOUND: it is another row; CRM_ECORRUPT. */
int crm__saved_split(crm__slice key, crm__slice payload, crm__slice *name, crm__saved *out);
/* The first name behind one that has versions, as a key's bytes; CRM_ENOTFOUND: none. */
int crm__saved_next(crm_txn *txn, crm__slice after, uint8_t name[CRM__SAVED_NAME], size_t *n);

#endif
