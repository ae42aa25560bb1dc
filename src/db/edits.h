/* SPDX-License-Identifier: MIT
 * The edit list of a logical write transaction: what it wants to change, kept in memory until it is
 * applied to the engine's transaction, sorted by key.  So a failed call, a savepoint or a member of a
 * group commit can be dropped without touching the engine.
 *
 * Three forms of edit: a row put or deleted; rows of a stored set switched on or off; ids of an
 * identity token added or removed.  Bytes given are payloads; apply adds the check tags.
 */
#ifndef CRM_DB_EDITS_H
#define CRM_DB_EDITS_H

#include "base/hash.h"
#include "base/mem.h"
#include "kv/kv.h"

typedef struct crm__slot crm__slot;

typedef struct crm__undo {
    uint32_t slot;
    uint8_t state;
    uint32_t count;
    crm__slice value;
} crm__undo;

typedef struct crm__edits {
    const crm_allocator *mem;
    crm__arena arena;
    crm__slot *slots;
    uint32_t slot_count, slot_cap;
    uint32_t *table; /* open addressing, slot number + 1 */
    uint32_t table_size;
    crm__undo *undo;
    size_t undo_count, undo_cap;
} crm__edits;

void crm__edits_init(crm__edits *e, const crm_allocator *mem);
void crm__edits_clear(crm__edits *e); /* frees */
void crm__edits_reset(crm__edits *e); /* empties, keeps some memory */
size_t crm__edits_bytes(const crm__edits *e);

int crm__edits_put(crm__edits *e, kv_space space, crm__slice key, crm__slice payload,
                   unsigned kv_flags);
int crm__edits_del(crm__edits *e, kv_space space, crm__slice key);
int crm__edits_bit(crm__edits *e, crm__slice key, uint32_t row, int on);
int crm__edits_id(crm__edits *e, crm__slice token_key, uint64_t id, int on);

enum { CRM__EDIT_NONE = 0, CRM__EDIT_PUT = 1, CRM__EDIT_DEL = 2 };
/* What the list says of a row; *payload when it is CRM__EDIT_PUT. */
int crm__edits_get(const crm__edits *e, kv_space space, crm__slice key, crm__slice *payload);
/* Switches of a set or a token, oldest first: number << 1 | on. */
const uint64_t *crm__edits_ops(const crm__edits *e, kv_space space, crm__slice key, uint32_t *count);

/* Marks: everything after can be dropped.  forget() says that no mark is held any more. */
size_t crm__edits_mark(const crm__edits *e);
void crm__edits_rollback(crm__edits *e, size_t mark);
void crm__edits_forget(crm__edits *e);

/* Writes all edits to an engine transaction, sorted; the list stays as it is. */
int crm__edits_apply(crm__edits *e, kv_txn *txn, const uint8_t tag_key[CRM__HASH_KEY]);

#endif
