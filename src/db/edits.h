/* SPDX-License-Identifier: MIT
 * The edit list of a logical write transaction: what it wants to change, kept in memory until it is
 * applied to the engine's transaction, sorted by key.  So a failed call, a savepoint or a member of
 * a group commit can be dropped without touching the engine.
 *
 * Five forms of edit: a row put or deleted; rows of a stored set switched on or off; cells of a
 * block of a column put or taken away; ids of an identity token added or removed; items of a day
 * list added or removed.  Bytes given are payloads; apply adds the check tags.
 */
#ifndef CRM_DB_EDITS_H
#define CRM_DB_EDITS_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "bits/column.h"
#include "bits/set.h"
#include "codec/key.h"
#include "kv/kv.h"

typedef struct crm__slot crm__slot;
typedef struct crm__order crm__order; /* the rows of one space in order of keys */

typedef struct crm__undo {
    const uint8_t *value;
    uint32_t slot, count, value_n;
    uint8_t state;
} crm__undo;

typedef struct crm__edit_place {
    uint32_t hash, slot; /* slot number + 1; 0: free */
} crm__edit_place;

typedef struct crm__edits {
    const crm_allocator *mem;
    crm__arena arena;
    crm__slot *slots;
    uint32_t slot_count;
    size_t slot_cap;
    crm__edit_place *table; /* open addressing */
    uint32_t table_size;
    crm__undo *undo;
    size_t undo_count, undo_cap;
    crm__order *order[KV_SPACES]; /* NULL until the first crm__edits_near() of the space */
    uint64_t resets;              /* how often the list was emptied */
    uint64_t items;               /* edits of items since then, those rolled back among them */
    uint64_t rollbacks;           /* how often edits were dropped again */
    uint64_t changes; /* how often it was changed in any way: views of it are then old */
    int waits;        /* pieces of a few changed texts may wait (waiting.h); else sets are written */
    int totals;       /* what lists of days, and shared values, come to is kept */
} crm__edits;

void crm__edits_init(crm__edits *e, const crm_allocator *mem);
void crm__edits_clear(crm__edits *e); /* frees */
void crm__edits_reset(crm__edits *e); /* empties, keeps some memory */
size_t crm__edits_bytes(const crm__edits *e);

int crm__edits_put(crm__edits *e, kv_space space, crm__slice key, crm__slice payload,
                   unsigned kv_flags);
int crm__edits_del(crm__edits *e, kv_space space, crm__slice key);
/* A row of a set, in a space of sets (KV_BITS, KV_TAG). */
int crm__edits_bit(crm__edits *e, kv_space space, crm__slice key, uint32_t row, int on);
/* Many rows of a set at once. */
int crm__edits_words(crm__edits *e, kv_space space, crm__slice key,
                     const uint64_t words[CRM__SET_WORDS], int on);
/* A cell of a block (crm__key_column()), its row in the block; one without anything takes it away.
 */
int crm__edits_cell(crm__edits *e, crm__slice block_key, uint32_t row,
                    const crm__column_cell *cell);
/* All rows of a set off, all cells of a block away. */
int crm__edits_empty(crm__edits *e, kv_space space, crm__slice key);
/* An id of a token; `count`: what customers share by it is counted (shared.h), which is the same
 * for all edits of a token. */
int crm__edits_id(crm__edits *e, crm__slice token_key, uint64_t id, int on, int count);
/* Some of them: tokens come in no order, so the memory of all is waited for at once. */
typedef struct crm__edit_id {
    uint64_t id;
    uint8_t key[CRM__KEY_TOKEN];
    uint8_t on, count;
} crm__edit_id;
int crm__edits_ids(crm__edits *e, const crm__edit_id *ids, uint32_t n);
/* One item (crm__day_item_put()) more or fewer in a list (crm__key_day_list()).  A list is a
 * multiset: an item added and removed cancel, whatever the order; removing one that is not there is
 * damage, for which apply gives CRM_ECORRUPT. */
int crm__edits_item(crm__edits *e, crm__slice list_key, crm__slice item, int on);
/* Adds many, to lists here and there: the memory of the next ones is asked for in time. */
typedef struct crm__edit_item {
    crm__slice list, item;
} crm__edit_item;
int crm__edits_items(crm__edits *e, const crm__edit_item *items, uint32_t n);

enum { CRM__EDIT_NONE = 0, CRM__EDIT_PUT = 1, CRM__EDIT_DEL = 2, CRM__EDIT_SET = 3 };
/* What the list says of a row; *payload when it is CRM__EDIT_PUT. */
int crm__edits_get(const crm__edits *e, kv_space space, crm__slice key, crm__slice *payload);
/* The edit of a row nearest to key in its space: the first at or after it, or with `back` the last
 * at or before it; `past` leaves the key itself out.  *state CRM__EDIT_PUT or CRM__EDIT_DEL,
 * CRM__EDIT_SET for a set with switches, CRM__EDIT_NONE when there is none.  For spaces of rows and
 * of sets; *k until the next edit.  CRM_OK or CRM_ENOMEM. */
int crm__edits_near(crm__edits *e, kv_space space, crm__slice key, int back, int past, int *state,
                    crm__slice *k, crm__slice *payload);
/* Ops of a set, a block or a token, oldest first, and the number of uint64 they take: switches are
 * number << 1 | on; the others are for the functions below. */
#define CRM__EDITS_EMPTY UINT64_MAX
const uint64_t *crm__edits_ops(const crm__edits *e, kv_space space, crm__slice key,
                               uint32_t *count);
/* Makes the ops of a set on its words, of a block on its cells. */
void crm__edits_rows(const uint64_t *ops, uint32_t count, uint64_t *words);
/* Whether a row is in a set after its ops, when it `was` or was not before. */
int crm__edits_row(const uint64_t *ops, uint32_t count, uint32_t row, int was);
void crm__edits_cells(const uint64_t *ops, uint32_t count, crm__column_cell *cells);
/* A stored set, or block, with its ops made, in place of what is in out; nothing stands for the
 * empty one.  CRM_OK, CRM_ENOMEM, CRM_ECORRUPT. */
int crm__edits_make_set(const uint64_t *ops, uint32_t count, crm__slice stored, crm__buf *out);
int crm__edits_make_block(const uint64_t *ops, uint32_t count, crm__slice stored, crm__buf *out);
/* Days (int32_t) of the lists with edits under the first 8 bytes of their key, in no order.  CRM_OK
 * or CRM_ENOMEM. */
int crm__edits_days(const crm__edits *e, crm__slice prefix, crm__buf *days);
/* The item of a day list that one of its switches is about. */
static inline crm__slice crm__edits_item_of(uint64_t op)
{
    const uint8_t *p = (const uint8_t *)(uintptr_t)(op & ~(uint64_t)1);
    crm__slice item = {p + 2, crm__get_le16(p)};

    return item;
}

/* Marks: everything after can be dropped.  forget() says that no mark is held any more. */
size_t crm__edits_mark(const crm__edits *e);
void crm__edits_rollback(crm__edits *e, size_t mark);
void crm__edits_forget(crm__edits *e);

/* Writes all edits to an engine transaction, sorted; the list stays as it is. */
int crm__edits_apply(crm__edits *e, kv_txn *txn, const uint8_t tag_key[CRM__HASH_KEY]);

/* Makes ops on a stored set, or with a space of columns on a block. */
int crm__edits_apply_part(kv_txn *txn, const uint8_t *tag_key, kv_space space, crm__slice key,
                          const uint64_t *ops, uint32_t count, crm__buf *scratch);
/* Puts a set or block in the place of what is stored (n = 0: nothing), deletes it when nothing is
 * left, and leaves alone what is as it was. */
int crm__edits_replace(kv_txn *txn, const uint8_t *tag_key, kv_space space, crm__slice key,
                       crm__slice stored, crm__buf *value);
/* Writes one row with its check tag, for which there is room behind the payload. */
int crm__edits_write(kv_txn *txn, const uint8_t *tag_key, kv_space space, crm__slice key,
                     uint8_t *payload, size_t n, unsigned flags);

#endif
