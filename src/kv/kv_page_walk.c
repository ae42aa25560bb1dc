/* SPDX-License-Identifier: MIT
 * The walk over every page of a snapshot.  Each page up to the last one must be in exactly one
 * place: a meta page, a tree, an overflow run, or the free list.  A bit per page says "met in use",
 * another "met free"; a page is entered once only, so the walk ends after at most as many reads as
 * there are pages, however they point at each other.  After a damaged page the rest is still
 * walked; what only that page led to is then met by nobody and reported as such.
 *
 * Order across pages needs no check of its own: every page is held to the range that its parents'
 * keys give it, and those ranges do not overlap.
 */
#include "kv/kv_page.h"
#include "kv/kv_tail.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>

/* Faults handed out; the rest is only counted. */
enum { FAULTS_MOST = 1000, TICK = 1000, IDS = 512 };

/* Trees of named databases are walked while the main database's leaf is still held. */
enum { NEST = 2 };

typedef struct walk {
    const page_snap *s;
    const crm_allocator *mem;
    kv_page_fault_fn fault;
    crm_progress_fn progress;
    void *ctx;
    kv_page_summary *out;
    uint64_t *used, *spare; /* bit per page: met in use, met in the free list */
    uint64_t pages;         /* bits */
    uint64_t ticked;
    uint32_t named; /* spaces whose names were met */
    int sys;
    uint8_t *buf[NEST][PAGE_DEPTH_MAX]; /* the pages from the root to the present one */
} walk;

typedef struct tree {
    page_db db;
    page_use use;
    const char *name;
    unsigned nest, level; /* level: pages held */
    unsigned at[PAGE_DEPTH_MAX];
    uint64_t branch, leaf, overflow, entries; /* met */
    int damaged;                              /* some of it was not met */
} tree;

static int walk_tree(walk *w, const page_db *db, page_use use, uint64_t holder, const char *name);

/* ---- reports ---- */

static void report(walk *w, const char *space, uint64_t page, const char *what)
{
    if (w->out->faults++ < FAULTS_MOST && w->fault)
        w->fault(what, page <= INT64_MAX ? (int64_t)page : -1, space, w->ctx);
}

static void report_page(walk *w, tree *t, uint64_t page, page_fault fault)
{
    t->damaged = 1;
    report(w, t->name, page, crm__page_fault_text((int)fault));
}

static int tick(walk *w)
{
    uint64_t done = w->out->reachable + w->out->free_pages;

    if (!w->progress || done / TICK == w->ticked)
        return CRM_OK;
    w->ticked = done / TICK;
    return w->progress(done, w->out->pages, w->ctx) ? CRM_ECANCELLED : CRM_OK;
}

/* A page that can't be read for a bad disk is a fault like any other. */
static int read_failed(walk *w, tree *t, uint64_t page, int rc, int why)
{
    if (rc == CRM_ECORRUPT) {
        report_page(w, t, page, (page_fault)why);
        return CRM_OK;
    }
    w->sys = why;
    if (why != EIO)
        return rc;
    t->damaged = 1;
    report(w, t->name, page, "cannot be read from the disk");
    return CRM_OK;
}

/* ---- where each page is ---- */

static int bit(const uint64_t *map, uint64_t i)
{
    return (int)(map[i / 64] >> (i % 64) & 1);
}

static void set_bit(uint64_t *map, uint64_t i)
{
    map[i / 64] |= UINT64_C(1) << (i % 64);
}

/* Takes a page into a tree; 0 after a fault that forbids to enter it. */
static int claim(walk *w, tree *t, uint64_t page)
{
    if (page < 2 || page >= w->pages) {
        report_page(w, t, page, PAGE_FAULT_OUTSIDE);
        return 0;
    }
    if (bit(w->used, page)) {
        t->damaged = 1;
        report(w, t->name, page, "is met in two places");
        return 0;
    }
    if (bit(w->spare, page))
        report(w, t->name, page, "is in use and in the free list");
    set_bit(w->used, page);
    w->out->reachable++;
    return 1;
}

static void claim_free(walk *w, tree *t, uint64_t page)
{
    if (page < 2 || page >= w->pages) {
        report(w, t->name, page, "is in the free list and lies beyond the pages in use");
        return;
    }
    if (bit(w->spare, page)) {
        report(w, t->name, page, "is in the free list twice");
        return;
    }
    if (bit(w->used, page))
        report(w, t->name, page, "is in use and in the free list");
    set_bit(w->spare, page);
    w->out->free_pages++;
}

/* Pages that nobody has met, a fault for each row of them. */
static void report_lost(walk *w)
{
    char what[80];
    uint64_t end;

    for (uint64_t page = 2; page < w->pages; page = end) {
        end = page + 1;
        if (bit(w->used, page) || bit(w->spare, page))
            continue;
        while (end < w->pages && !bit(w->used, end) && !bit(w->spare, end))
            end++;
        if (end - page == 1)
            report(w, NULL, page, "is neither in use nor free");
        else {
            snprintf(what, sizeof what, "and the %llu after it are neither in use nor free",
                     (unsigned long long)(end - page - 1));
            report(w, NULL, page, what);
        }
    }
}

/* ---- values ---- */

/* Takes an overflow run; *run is 0 after a fault. */
static int visit_run(walk *w, tree *t, uint64_t page, uint64_t size, uint64_t *run)
{
    uint8_t head[PAGE_HEAD];
    page_fault fault;
    uint64_t n;
    int why = 0, rc;

    *run = 0;
    if (!claim(w, t, page))
        return CRM_OK;
    rc = crm__page_load(w->s, page, 0, head, sizeof head, &why);
    if (rc)
        return read_failed(w, t, page, rc, why);
    fault = crm__page_check_run(w->s, head, page, size, &n);
    if (fault) {
        report_page(w, t, page, fault);
        return CRM_OK;
    }
    t->overflow += n;
    for (uint64_t i = 1; i < n; i++) {
        /* Stopping at the first page met before keeps overlapping runs from costing more. */
        if (!claim(w, t, page + i))
            return CRM_OK;
        rc = tick(w);
        if (rc)
            return rc;
    }
    *run = n;
    return CRM_OK;
}

/* One record of the free list being read. */
typedef struct id_list {
    uint64_t page;         /* where faults are reported */
    uint64_t left, before; /* numbers still to come, at first the most there may be; the last one */
    int started;
} id_list;

/* A stretch of a record; 0 at its end, or where its order breaks and the rest is not believed. */
static int visit_ids(walk *w, tree *t, id_list *list, const uint8_t *p, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t id = crm__get_le64(p + 8 * i);
        if (id >= list->before || (!list->started && id > list->left)) {
            report_page(w, t, list->page, PAGE_FAULT_FREE);
            return 0;
        }
        if (list->started) {
            claim_free(w, t, id);
            list->before = id;
            list->left--;
        } else {
            list->left = id;
            list->started = 1;
        }
        if (!list->left)
            return 0;
    }
    return 1;
}

/* A record of the free list: inline, or read in pieces from its overflow run. */
static int visit_free(walk *w, tree *t, uint64_t leaf, const uint8_t *node)
{
    uint64_t size = node_size(node), txnid = crm__get_le64(node_key(node).p);
    uint8_t piece[8 * IDS];
    id_list list = {leaf, 0, UINT64_MAX, 0};
    uint64_t run;
    int why = 0, rc;

    if (!txnid || txnid > w->s->meta.txnid)
        report_page(w, t, leaf, PAGE_FAULT_FREE);
    if (size < 8 || size % 8) {
        report_page(w, t, leaf, PAGE_FAULT_FREE);
        return CRM_OK;
    }
    list.left = size / 8 - 1;
    if (!(node_flags(node) & NODE_BIG)) {
        visit_ids(w, t, &list, node_data(node), size / 8);
        return tick(w);
    }
    list.page = crm__get_le64(node_data(node));
    rc = visit_run(w, t, list.page, size, &run);
    for (uint64_t done = 0; !rc && run && done < size;) {
        uint64_t n = size - done < sizeof piece ? size - done : sizeof piece;
        rc = crm__page_load(w->s, list.page, PAGE_HEAD + done, piece, n, &why);
        if (rc)
            return read_failed(w, t, list.page, rc, why);
        if (!visit_ids(w, t, &list, piece, n / 8))
            break;
        done += n;
        rc = tick(w);
    }
    return rc;
}

/* A row of the main database: a named database, or a value of somebody else. */
static int visit_name(walk *w, tree *t, uint64_t leaf, const uint8_t *node)
{
    crm__slice key = node_key(node);
    const char *name = NULL;
    page_db db;

    for (int i = 0; i < KV_STORED && !name; i++) {
        const char *s = crm__kv_space_name((kv_space)i);
        if (strlen(s) == key.n && !memcmp(s, key.p, key.n)) {
            name = s;
            w->named |= UINT32_C(1) << i;
        }
    }
    if (node_flags(node) == NODE_DB) {
        db = crm__page_db_parse(node_data(node));
        w->out->strange |= !name && (db.root != PAGE_NONE || db.entries);
        return walk_tree(w, &db, PAGE_USE_SPACE, leaf, name ? name : "other");
    }
    if (name)
        report_page(w, t, leaf, PAGE_FAULT_RECORD);
    return CRM_OK;
}

static int visit_leaf(walk *w, tree *t, uint64_t page, const uint8_t *p)
{
    unsigned n = page_count(p);
    uint64_t run;
    int rc = CRM_OK;

    t->leaf++;
    t->entries += n;
    for (unsigned i = 0; i < n && !rc; i++) {
        const uint8_t *node = page_node(p, i);
        if (t->use == PAGE_USE_FREE)
            rc = visit_free(w, t, page, node);
        else if (node_flags(node) == NODE_BIG)
            rc = visit_run(w, t, crm__get_le64(node_data(node)), node_size(node), &run);
        if (!rc && t->use == PAGE_USE_MAIN)
            rc = visit_name(w, t, page, node);
    }
    return rc;
}

/* ---- trees ---- */

static page_fault check_place(walk *w, const tree *t, const uint8_t *p)
{
    crm__slice lo = {NULL, 0}, hi = {NULL, 0};

    if (page_is_leaf(p) != (t->level + 1 == t->db.depth))
        return PAGE_FAULT_DEPTH;
    for (unsigned level = t->level; level-- > 0 && (!lo.p || !hi.p);) {
        const uint8_t *parent = w->buf[t->nest][level];
        unsigned at = t->at[level];
        if (!lo.p && at > 0)
            lo = page_key(parent, at);
        if (!hi.p && at + 1 < page_count(parent))
            hi = page_key(parent, at + 1);
    }
    return crm__page_check_range(p, t->use, lo, hi);
}

/* Reads the page below those held: a branch is held from now on, a leaf is done with. */
static int enter(walk *w, tree *t, uint64_t page)
{
    uint8_t **buf = &w->buf[t->nest][t->level];
    page_fault fault;
    int why = 0, rc;

    if (!*buf)
        *buf = crm__alloc(w->mem, w->s->meta.psize);
    if (!*buf)
        return CRM_ENOMEM;
    if (!claim(w, t, page))
        return CRM_OK;
    rc = crm__page_load(w->s, page, 0, *buf, w->s->meta.psize, &why);
    if (rc)
        return read_failed(w, t, page, rc, why);
    fault = crm__page_check(*buf, w->s->meta.psize, page, t->use);
    if (!fault)
        fault = check_place(w, t, *buf);
    if (fault) {
        report_page(w, t, page, fault);
        return CRM_OK;
    }
    rc = tick(w);
    if (rc)
        return rc;
    if (page_is_leaf(*buf))
        return visit_leaf(w, t, page, *buf);
    t->branch++;
    t->at[t->level++] = 0;
    return CRM_OK;
}

static void compare(walk *w, const tree *t, const char *what, uint64_t noted, uint64_t met)
{
    char text[120];

    if (noted == met)
        return;
    snprintf(text, sizeof text, "is the root of a tree said to have %llu %s, and has %llu",
             (unsigned long long)noted, what, (unsigned long long)met);
    report(w, t->name, t->db.root, text);
}

/* holder is the page its record stands on. */
static int walk_tree(walk *w, const page_db *db, page_use use, uint64_t holder, const char *name)
{
    tree t;
    page_fault fault = crm__page_db_check(db, w->s->meta.last, use);
    int rc;

    memset(&t, 0, sizeof t);
    t.db = *db;
    t.use = use;
    t.name = name;
    t.nest = use == PAGE_USE_SPACE;
    if (fault) {
        report_page(w, &t, holder, fault);
        return CRM_OK;
    }
    if (db->root == PAGE_NONE) {
        if (db->depth || db->branch || db->leaf || db->overflow || db->entries)
            report(w, name, holder, "holds the record of an empty tree said to have pages or rows");
        return CRM_OK;
    }
    rc = enter(w, &t, db->root);
    while (!rc && t.level) {
        const uint8_t *p = w->buf[t.nest][t.level - 1];
        unsigned at = t.at[t.level - 1];
        if (at == page_count(p)) {
            t.level--;
            if (t.level)
                t.at[t.level - 1]++;
            continue;
        }
        unsigned level = t.level;
        rc = enter(w, &t, node_child(page_node(p, at)));
        if (t.level == level)
            t.at[level - 1]++;
    }
    if (rc || t.damaged)
        return rc;
    if (use == PAGE_USE_MAIN) {
        w->out->unnamed = ~w->named & ((UINT32_C(1) << KV_STORED) - 1);
        w->out->directory = db->root;
    }
    compare(w, &t, "rows", db->entries, t.entries);
    compare(w, &t, "branch pages", db->branch, t.branch);
    compare(w, &t, "leaf pages", db->leaf, t.leaf);
    compare(w, &t, "overflow pages", db->overflow, t.overflow);
    return CRM_OK;
}

/* ---- the whole file ---- */

/* The pages up to the last in use, of which those beyond the end of the file can only be free ones
 * never written; as each of these takes 8 bytes of the free list, a last page further away is
 * none. */
static void size_maps(walk *w)
{
    uint64_t in_file = w->s->file_bytes / w->s->meta.psize;

    w->out->pages = w->s->meta.last + 1;
    w->pages = w->out->pages;
    if (w->pages > in_file && w->pages - in_file > w->s->file_bytes / 8) {
        w->pages = in_file;
        report(w, NULL, w->s->meta.last, "is said to be the last page and is far beyond the file");
    }
    /* The meta page in use was read, so both exist; a file cut since then has no further page. */
    if (w->pages < 2)
        w->pages = 2;
}

static int walk_all(walk *w)
{
    const page_meta *m = &w->s->meta;
    uint64_t holder = w->s->meta_page;
    int rc;

    for (unsigned i = 0; i < 2; i++) {
        set_bit(w->used, i);
        w->out->reachable++;
        if (w->s->meta_fault[i])
            report(w, NULL, i, crm__page_fault_text((int)w->s->meta_fault[i]));
    }
    rc = walk_tree(w, &m->free_list, PAGE_USE_FREE, holder, "free list");
    if (!rc)
        rc = walk_tree(w, &m->main, PAGE_USE_MAIN, holder, "main");
    if (!rc)
        report_lost(w);
    return rc;
}

int crm__kv_page_walk(kv_txn *txn, kv_page_fault_fn fault, crm_progress_fn progress, void *ctx,
                      kv_page_summary *out, crm_error *err)
{
    walk w;
    size_t words;
    int rc = CRM_ENOMEM;

    memset(&w, 0, sizeof w);
    memset(out, 0, sizeof *out);
    txn = crm__kv_tail_inner_txn(txn);
    w.s = crm__page_txn_snap(txn);
    if (!w.s)
        return crm__fail(err, CRM_EINVAL, "the transaction is not one of the page engine");
    w.mem = txn->env->mem;
    w.fault = fault;
    w.progress = progress;
    w.ctx = ctx;
    w.out = out;
    size_maps(&w);
    words = (size_t)(w.pages / 64 + 1);
    w.used = crm__calloc(w.mem, words, 8);
    w.spare = crm__calloc(w.mem, words, 8);
    if (w.used && w.spare)
        rc = walk_all(&w);
    crm__release(w.mem, w.used);
    crm__release(w.mem, w.spare);
    for (unsigned i = 0; i < NEST * PAGE_DEPTH_MAX; i++)
        crm__release(w.mem, w.buf[i / PAGE_DEPTH_MAX][i % PAGE_DEPTH_MAX]);
    if (rc == CRM_ENOMEM)
        return crm__fail_nomem(err);
    if (rc == CRM_ECANCELLED)
        return crm__fail(err, rc, "the walk over the pages was stopped");
    if (rc)
        return crm__fail_sys(err, rc, w.sys, "data.mdb: cannot be read");
    return CRM_OK;
}
