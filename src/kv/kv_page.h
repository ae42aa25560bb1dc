/* SPDX-License-Identifier: MIT
 * LMDB 0.9 data files read by hand: the format, and what the page engine (kv_page.c) and the walk
 * over all pages (kv_page_walk.c) share.  Nothing outside src/kv includes this.
 *
 * The file, data version 1, as a 64-bit little-endian machine writes it, is a row of pages of
 * `psize` bytes, a power of two from 512 to 32768 (16-bit offsets end there).  Every page but those
 * inside an overflow run begins with a header:
 *
 *     0  u64  page number, the place where it stands
 *     8  u16  unused here (key size of fixed-size duplicates)
 *    10  u16  flags: 1 branch, 2 leaf, 4 overflow, 8 meta, exactly one on disk
 *    12  u16  lower: end of the array of node offsets   } overflow: u32, pages in the run,
 *    14  u16  upper: start of the nodes                 } the value follows from byte 16 on
 *    16  u16  node offsets, in key order
 *
 * Nodes fill upper..psize without gaps, each padded to an even size:
 *
 *     0  u16 + u16  low and high half of the value's size; branch: low 32 bits of the child
 *     4  u16        leaf: 0, 1 value is on overflow pages, 2 value is a database record, 4
 *                   duplicates (not used here); branch: bits 32 to 47 of the child
 *     6  u16        size of the key
 *     8             key, then the value, or the u64 page number of its overflow run
 *
 * The key of a branch's first node is not used; child i holds keys from key i on, below key i + 1.
 *
 * A database record:
 *     0 u32 pad (in the free list's record: psize), 4 u16 flags, 6 u16 depth, 8 u64 branch pages,
 *    16 u64 leaf pages, 24 u64 overflow pages, 32 u64 entries, 40 u64 root, all ones when empty
 *
 * Pages 0 and 1 are the meta pages, written in turn by each commit; after the header:
 *     0 u32 magic BEEFC0DE, 4 u32 version, 8 u64 map address, 16 u64 map size, 24 record of the
 *    free list, 72 record of the main database, 120 u64 last page in use, 128 u64 commit number
 *
 * The main database maps names to records of named databases.  The free list maps commit numbers
 * (u64, ordered as numbers) to lists of u64: a count, then page numbers from high to low; a record
 * may be larger than its count needs.  The last pages in use may lie beyond the end of the file
 * when they are free and were never written.
 */
#ifndef CRM_KV_KV_PAGE_H
#define CRM_KV_KV_PAGE_H

#include "base/bytes.h"
#include "kv/kv.h"

enum {
    PAGE_HEAD = 16,
    PAGE_NODE_HEAD = 8,
    PAGE_DB_BYTES = 48,
    PAGE_META_BYTES = PAGE_HEAD + 136,
    PAGE_SIZE_MIN = 512,
    PAGE_SIZE_MAX = 32768,
    PAGE_DEPTH_MAX = 32
};
enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIG = 1, NODE_DB = 2 };

#define PAGE_NONE UINT64_MAX
/* Numbers of 48 bits are what a branch can hold; one bit less keeps every product in 64 bits. */
#define PAGE_LAST_MAX ((UINT64_C(1) << 47) - 1)
#define PAGE_VALUE_MAX (UINT64_C(1) << 31)

/* What can be wrong with a page; kv_txn.sys after CRM_ECORRUPT. */
typedef enum page_fault {
    PAGE_FINE = 0,
    PAGE_FAULT_OUTSIDE,
    PAGE_FAULT_NUMBER,
    PAGE_FAULT_KIND,
    PAGE_FAULT_LAYOUT,
    PAGE_FAULT_FEW,
    PAGE_FAULT_NODES,
    PAGE_FAULT_KEY,
    PAGE_FAULT_ORDER,
    PAGE_FAULT_RANGE,
    PAGE_FAULT_DEPTH,
    PAGE_FAULT_ENTRY,
    PAGE_FAULT_RUN,
    PAGE_FAULT_VALUE,
    PAGE_FAULT_RECORD,
    PAGE_FAULT_FLAGS,
    PAGE_FAULT_FREE,
    PAGE_FAULT_MAGIC,
    PAGE_FAULT_VERSION,
    PAGE_FAULT_SIZE,
    PAGE_FAULT_LAST,
    PAGE_FAULT_TURN,
    PAGE_FAULTS
} page_fault;

/* A clause that follows "page N": "carries another page's number". */
const char *crm__page_fault_text(int fault);

/* Which rules a page is read under. */
typedef enum page_use { PAGE_USE_FREE, PAGE_USE_MAIN, PAGE_USE_SPACE } page_use;

typedef struct page_db {
    uint16_t flags, depth;
    uint64_t branch, leaf, overflow, entries, root;
} page_db;

typedef struct page_meta {
    uint32_t psize;
    uint64_t map_bytes, last, txnid;
    page_db free_list, main;
} page_meta;

/* What the file holds as of one commit. */
typedef struct page_snap {
    int fd;
    uint64_t file_bytes;
    unsigned meta_page; /* 0 or 1 */
    page_meta meta;
    page_fault meta_fault[2]; /* of each meta page; at least one is fine */
} page_snap;

/* CRM_ENOTFOUND, CRM_EIO, CRM_ECORRUPT when it is no regular file. */
int crm__page_file_open(const char *path, int *fd, crm_error *err);
/* The newer valid meta page.  CRM_ECORRUPT, CRM_EVERSION, CRM_EIO. */
int crm__page_snap_take(int fd, page_snap *s, crm_error *err);
/* n bytes from an offset in a page, or in the run that begins there.  *why is a page_fault with
 * CRM_ECORRUPT and errno with CRM_EIO. */
int crm__page_load(const page_snap *s, uint64_t pgno, uint64_t offset, void *to, uint64_t n,
                   int *why);
/* The snapshot of a transaction of the page engine, NULL of another. */
const page_snap *crm__page_txn_snap(const kv_txn *txn);

/* Whether LMDB may map the file of this transaction, as far as can be told without a walk: both
 * meta pages are fine (LMDB takes the one with the higher number without a further look), the roots
 * and the directory of spaces can be entered, and a file that ends before the last page lacks free pages
 * only.  CRM_ECORRUPT, CRM_EIO, CRM_ENOMEM. */
int crm__page_sound(kv_txn *txn, crm_error *err);

page_db crm__page_db_parse(const uint8_t *p);
/* Whether a tree can be entered: flags, depth and root.  An empty one is fine. */
page_fault crm__page_db_check(const page_db *db, uint64_t last, page_use use);

/* A branch or leaf page that passes has all nodes and keys inside it, in strict order, so that the
 * accessors below may be used on it. */
page_fault crm__page_check(const uint8_t *p, uint32_t psize, uint64_t pgno, page_use use);
/* Whether a checked page's keys are in lo (included) to hi (excluded); a NULL bound is none. */
page_fault crm__page_check_range(const uint8_t *p, page_use use, crm__slice lo, crm__slice hi);
/* The header of an overflow run against the size of the value; *run is its number of pages. */
page_fault crm__page_check_run(const page_snap *s, const uint8_t *p, uint64_t pgno, uint64_t size,
                               uint64_t *run);
int crm__page_compare(page_use use, crm__slice a, crm__slice b);

static inline int page_is_leaf(const uint8_t *p)
{
    return crm__get_le16(p + 10) == PAGE_LEAF;
}

static inline unsigned page_count(const uint8_t *p)
{
    return (crm__get_le16(p + 12) - (unsigned)PAGE_HEAD) / 2;
}

static inline const uint8_t *page_node(const uint8_t *p, unsigned i)
{
    return p + crm__get_le16(p + PAGE_HEAD + 2 * i);
}

static inline crm__slice node_key(const uint8_t *node)
{
    return (crm__slice){node + PAGE_NODE_HEAD, crm__get_le16(node + 6)};
}

static inline uint32_t node_size(const uint8_t *node)
{
    return crm__get_le32(node);
}

static inline unsigned node_flags(const uint8_t *node)
{
    return crm__get_le16(node + 4);
}

static inline uint64_t node_child(const uint8_t *node)
{
    return (uint64_t)node_flags(node) << 32 | node_size(node);
}

static inline const uint8_t *node_data(const uint8_t *node)
{
    return node + PAGE_NODE_HEAD + crm__get_le16(node + 6);
}

static inline crm__slice page_key(const uint8_t *p, unsigned i)
{
    return node_key(page_node(p, i));
}

/* ---- trees of a transaction (kv_page_tree.c) ---- */

enum { PAGE_BUCKETS = 256 };

/* A page in the cache: pinned by cursors, or in the list of those that may be dropped. */
typedef struct page_buf page_buf;
struct page_buf {
    page_buf *chain;
    page_buf *newer, *older;
    uint64_t pgno;
    uint32_t pins;
    page_use use; /* the rules it has passed */
    uint8_t bytes[];
};

typedef struct page_cursor page_cursor;
struct page_cursor {
    kv_cursor head; /* its txn is NULL once the transaction has ended */
    const crm_allocator *mem;
    page_cursor *next, **link; /* the transaction's open cursors */
    page_db db;
    page_use use;
    unsigned depth; /* pages held from the root down; fewer than db.depth after a damaged page */
    page_buf *page[PAGE_DEPTH_MAX];
    unsigned at[PAGE_DEPTH_MAX];
    uint8_t *value; /* page header and value of the last overflow run read */
    uint64_t value_cap;
    uint64_t run_bytes; /* read from overflow runs since the last seek or turn */
    int back;
};

typedef struct page_txn {
    kv_txn head;
    page_snap snap;
    page_db db[KV_STORED]; /* those looked up so far */
    uint8_t have[KV_STORED];
    page_buf *bucket[PAGE_BUCKETS];
    page_buf *newest, *oldest; /* pages not pinned */
    unsigned pages;
    page_cursor *cursors;
    page_cursor get;
} page_txn;

/* db has passed crm__page_db_check. */
void crm__page_cursor_init(page_cursor *c, page_txn *t, const page_db *db, page_use use);
void crm__page_cursor_drop(page_cursor *c);
/* A NULL k or v is not wanted; without v a large value is not read. */
int crm__page_seek(page_cursor *c, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v);
/* After CRM_ECORRUPT the next move goes on behind the damaged page or row. */
int crm__page_move(page_cursor *c, int back, crm__slice *k, crm__slice *v);
/* The row the cursor stands on, after a CRM_OK of the other two. */
int crm__page_row(page_cursor *c, crm__slice *k, crm__slice *v);
/* Frees all pages; no cursor holds one any more. */
void crm__page_cache_clear(page_txn *t);

#endif
