/* SPDX-License-Identifier: MIT
 * Trees of pages: a small cache of checked pages for one transaction, and cursors that move in it.
 * Every page is checked when it is read, and against its parents' keys whenever it is entered.
 */
#include "kv/kv_page.h"

enum { CACHE_PAGES = 256 };

static int corrupt(page_txn *t, page_fault fault)
{
    t->head.sys = (int)fault;
    return CRM_ECORRUPT;
}

/* ---- cache ---- */

static void list_remove(page_txn *t, page_buf *b)
{
    *(b->newer ? &b->newer->older : &t->newest) = b->older;
    *(b->older ? &b->older->newer : &t->oldest) = b->newer;
    b->newer = b->older = NULL;
}

static void unpin(page_txn *t, page_buf *b)
{
    if (--b->pins)
        return;
    b->older = t->newest;
    b->newer = NULL;
    *(t->newest ? &t->newest->newer : &t->oldest) = b;
    t->newest = b;
}

/* Room for one page: the longest unused one when the cache is full. */
static page_buf *take(page_txn *t)
{
    page_buf *b = t->oldest, **link;

    if (t->pages < CACHE_PAGES || !b) {
        b = crm__alloc(t->head.env->mem, sizeof *b + t->snap.meta.psize);
        if (!b)
            return NULL;
        t->pages++;
        return b;
    }
    list_remove(t, b);
    for (link = &t->bucket[b->pgno % PAGE_BUCKETS]; *link != b; link = &(*link)->chain)
        continue;
    *link = b->chain;
    return b;
}

static int load(page_txn *t, uint64_t pgno, page_use use, page_buf **out)
{
    page_buf *b = take(t);
    int why = 0, rc;

    if (!b)
        return CRM_ENOMEM;
    rc = crm__page_load(&t->snap, pgno, 0, b->bytes, t->snap.meta.psize, &why);
    if (!rc) {
        why = (int)crm__page_check(b->bytes, t->snap.meta.psize, pgno, use);
        rc = why ? CRM_ECORRUPT : CRM_OK;
    }
    if (rc) {
        crm__release(t->head.env->mem, b);
        t->pages--;
        t->head.sys = why;
        return rc;
    }
    b->pgno = pgno;
    b->use = use;
    b->pins = 1;
    b->newer = b->older = NULL;
    b->chain = t->bucket[pgno % PAGE_BUCKETS];
    t->bucket[pgno % PAGE_BUCKETS] = b;
    *out = b;
    return CRM_OK;
}

/* The page, checked and pinned. */
static int pin(page_txn *t, uint64_t pgno, page_use use, page_buf **out)
{
    page_buf *b = t->bucket[pgno % PAGE_BUCKETS];
    page_fault fault;

    while (b && b->pgno != pgno)
        b = b->chain;
    if (!b)
        return load(t, pgno, use, out);
    if (b->use != use) {
        fault = crm__page_check(b->bytes, t->snap.meta.psize, pgno, use);
        if (fault)
            return corrupt(t, fault);
        b->use = use;
    }
    if (!b->pins++)
        list_remove(t, b);
    *out = b;
    return CRM_OK;
}

void crm__page_cache_clear(page_txn *t)
{
    for (unsigned i = 0; i < PAGE_BUCKETS; i++) {
        page_buf *b = t->bucket[i];
        while (b) {
            page_buf *next = b->chain;
            crm__release(t->head.env->mem, b);
            b = next;
        }
    }
}

/* ---- moving in a tree ---- */

static void cut(page_cursor *c, unsigned depth)
{
    while (c->depth > depth)
        unpin((page_txn *)c->head.txn, c->page[--c->depth]);
}

/* The keys that the page below the last one held may have. */
static void child_range(const page_cursor *c, crm__slice *lo, crm__slice *hi)
{
    *lo = *hi = (crm__slice){NULL, 0};
    for (unsigned level = c->depth; level-- > 0 && (!lo->p || !hi->p);) {
        const uint8_t *p = c->page[level]->bytes;
        unsigned at = c->at[level];
        if (!lo->p && at > 0)
            *lo = page_key(p, at);
        if (!hi->p && at + 1 < page_count(p))
            *hi = page_key(p, at + 1);
    }
}

/* Enters a page one level below those held, at its first entry. */
static int push(page_cursor *c, uint64_t pgno)
{
    page_txn *t = (page_txn *)c->head.txn;
    crm__slice lo, hi;
    page_fault fault;
    page_buf *b = NULL;
    int rc = pin(t, pgno, c->use, &b);

    if (rc)
        return rc;
    child_range(c, &lo, &hi);
    fault = crm__page_check_range(b->bytes, c->use, lo, hi);
    if (page_is_leaf(b->bytes) != (c->depth + 1 == c->db.depth))
        fault = PAGE_FAULT_DEPTH;
    if (fault) {
        unpin(t, b);
        return corrupt(t, fault);
    }
    c->page[c->depth] = b;
    c->at[c->depth++] = 0;
    return CRM_OK;
}

static int push_root(page_cursor *c)
{
    cut(c, 0);
    return c->db.root == PAGE_NONE ? CRM_ENOTFOUND : push(c, c->db.root);
}

static int push_child(page_cursor *c)
{
    return push(c, node_child(page_node(c->page[c->depth - 1]->bytes, c->at[c->depth - 1])));
}

static void to_last(page_cursor *c)
{
    c->at[c->depth - 1] = page_count(c->page[c->depth - 1]->bytes) - 1;
}

/* From the present entry down to a leaf, along the first or the last children. */
static int descend(page_cursor *c, int last)
{
    int rc = CRM_OK;

    while (!rc && c->depth < c->db.depth) {
        rc = push_child(c);
        if (!rc && last)
            to_last(c);
    }
    return rc;
}

/* To the next or previous row; at the end the cursor stays where it is. */
static int step(page_cursor *c, int back)
{
    unsigned level = c->depth;

    while (level > 0) {
        unsigned at = c->at[level - 1];
        if (back ? at > 0 : at + 1 < page_count(c->page[level - 1]->bytes))
            break;
        level--;
    }
    if (!level)
        return CRM_ENOTFOUND;
    cut(c, level);
    if (back)
        c->at[level - 1]--;
    else
        c->at[level - 1]++;
    return descend(c, back);
}

/* Number of keys from `from` on that are below key; *equal if the one after them is key itself. */
static unsigned below(const uint8_t *p, page_use use, unsigned from, crm__slice key, int *equal)
{
    unsigned lo = from, hi = page_count(p);

    *equal = 0;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        int order = crm__page_compare(use, page_key(p, mid), key);
        if (order == 0) {
            *equal = 1;
            return mid;
        }
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* To the leaf that holds key if any does. */
static int find_leaf(page_cursor *c, crm__slice key)
{
    int rc = push_root(c);

    while (!rc && c->depth < c->db.depth) {
        int equal;
        unsigned at = below(c->page[c->depth - 1]->bytes, c->use, 1, key, &equal);
        c->at[c->depth - 1] = equal ? at : at - 1;
        rc = push_child(c);
    }
    return rc;
}

static int find(page_cursor *c, kv_seek how, crm__slice key)
{
    const uint8_t *p;
    unsigned at;
    int equal, rc = find_leaf(c, key);

    if (rc)
        return rc;
    p = c->page[c->depth - 1]->bytes;
    at = below(p, c->use, 0, key, &equal);
    c->at[c->depth - 1] = at;
    if (equal)
        return CRM_OK;
    if (how == KV_EXACT)
        return CRM_ENOTFOUND;
    if (how == KV_LE)
        return step(c, 1);
    if (at < page_count(p))
        return CRM_OK;
    c->at[c->depth - 1] = at - 1;
    return step(c, 0);
}

/* ---- rows ---- */

static int read_run(page_cursor *c, uint64_t pgno, uint64_t size, crm__slice *v)
{
    page_txn *t = (page_txn *)c->head.txn;
    uint8_t head[PAGE_HEAD];
    page_fault fault;
    uint64_t run;
    int why = 0, rc = crm__page_load(&t->snap, pgno, 0, head, sizeof head, &why);

    if (!rc) {
        fault = crm__page_check_run(&t->snap, head, pgno, size, &run);
        if (fault)
            return corrupt(t, fault);
        /* Rows on the way to one end have runs of their own, so together they fit the file.  Rows
         * sharing a run must not turn a small file into endless reading. */
        c->run_bytes += size;
        if (c->run_bytes > t->snap.file_bytes)
            return corrupt(t, PAGE_FAULT_RUN);
        if (c->value_cap < PAGE_HEAD + size) {
            crm__release(c->mem, c->value);
            c->value = crm__alloc(c->mem, (size_t)(PAGE_HEAD + size));
            c->value_cap = c->value ? PAGE_HEAD + size : 0;
            if (!c->value)
                return CRM_ENOMEM;
        }
        rc = crm__page_load(&t->snap, pgno, 0, c->value, PAGE_HEAD + size, &why);
    }
    t->head.sys = why;
    if (!rc)
        *v = (crm__slice){c->value + PAGE_HEAD, (size_t)size};
    return rc;
}

int crm__page_row(page_cursor *c, crm__slice *k, crm__slice *v)
{
    const uint8_t *node = page_node(c->page[c->depth - 1]->bytes, c->at[c->depth - 1]);

    if (k)
        *k = node_key(node);
    if (!v)
        return CRM_OK;
    if (node_flags(node) & NODE_BIG)
        return read_run(c, crm__get_le64(node_data(node)), node_size(node), v);
    *v = (crm__slice){node_data(node), node_size(node)};
    return CRM_OK;
}

int crm__page_seek(page_cursor *c, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v)
{
    int rc;

    c->run_bytes = 0;
    if (how == KV_FIRST || how == KV_LAST) {
        rc = push_root(c);
        if (!rc && how == KV_LAST)
            to_last(c);
        if (!rc)
            rc = descend(c, how == KV_LAST);
    } else {
        rc = find(c, how, key);
    }
    if (rc == CRM_ENOTFOUND)
        cut(c, 0);
    return rc ? rc : crm__page_row(c, k, v);
}

int crm__page_move(page_cursor *c, int back, crm__slice *k, crm__slice *v)
{
    int rc = step(c, back);

    if (back != c->back)
        c->run_bytes = 0;
    c->back = back;
    return rc ? rc : crm__page_row(c, k, v);
}

/* ---- cursors ---- */

void crm__page_cursor_init(page_cursor *c, page_txn *t, const page_db *db, page_use use)
{
    memset(c, 0, sizeof *c);
    c->head.ops = t->head.ops;
    c->head.txn = &t->head;
    c->mem = t->head.env->mem;
    c->db = *db;
    c->use = use;
}

void crm__page_cursor_drop(page_cursor *c)
{
    if (c->head.txn)
        cut(c, 0);
    crm__release(c->mem, c->value);
    c->value = NULL;
    c->value_cap = 0;
}
