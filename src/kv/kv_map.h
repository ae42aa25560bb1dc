/* SPDX-License-Identifier: MIT
 * LMDB's trees read in its memory map, for read transactions; why: docs/decisions/0014.  LMDB keeps
 * the snapshot, the map and all writing; here are only descents.  Each page and node is checked as
 * far as memory safety needs it before it is believed, so a damaged file gives CRM_ECORRUPT;
 * whether rows are the right ones is for their check tags.  Page layout: kv_page.h.
 */
#ifndef CRM_KV_KV_MAP_H
#define CRM_KV_KV_MAP_H

#include "kv/kv_page.h"

#include <stdatomic.h>

/* The mapped file of an environment. */
typedef struct map_file {
    const uint8_t *base;
    uint32_t psize;
    int fd;
    uint64_t most; /* pages of the map, which the file may exceed */
    atomic_uint_least64_t
        pages; /* in the file when last looked: behind them a read would be a signal */
} map_file;

typedef struct map_tree {
    uint64_t root; /* PAGE_NONE: empty */
    unsigned depth;
} map_tree;

typedef struct map_cursor {
    map_file *file;
    map_tree tree;
    unsigned depth; /* levels held: those of the tree, or 0 when the cursor is nowhere */
    int broken;     /* it is nowhere because of damage: moves must not look like the end */
    const uint8_t *page[PAGE_DEPTH_MAX];
    uint16_t at[PAGE_DEPTH_MAX];
} map_cursor;

/* Where the map begins, from a value in it: of a leaf page that stands at a multiple of psize from
 * there. os_page: what the map is aligned to.  NULL when no page around the value holds it. */
const uint8_t *crm__map_base(const uint8_t *value, uint32_t psize, size_t os_page);
/* A tree from its record in the directory (PAGE_DB_BYTES).  CRM_ECORRUPT. */
int crm__map_tree_read(crm__slice record, map_tree *out);

/* CRM_OK, CRM_ENOTFOUND, CRM_ECORRUPT. */
int crm__map_get(map_file *f, const map_tree *t, crm__slice key, crm__slice *value);
void crm__map_cursor_init(map_cursor *c, map_file *f, const map_tree *t);
int crm__map_seek(map_cursor *c, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v);
/* Behind CRM_OK of a seek or move.  Rows out of order are CRM_ECORRUPT, and so is all that follows
 * damage. */
int crm__map_move(map_cursor *c, int back, crm__slice *k, crm__slice *v);

#endif
