/* SPDX-License-Identifier: MIT
 * Descents in mapped trees.  What a look-up costs in a file larger than the caches is the lines of
 * memory it waits for, one after the other.  A binary search in a page waits six or seven times.
 * Keys are tokens or numbers, spread evenly between the two keys that the page's parent gives for
 * it, so the place is guessed from these, and the nodes around it are asked for at once: one wait
 * for the page's offsets, one for its nodes.  Where keys are spread otherwise, the steps from the
 * guess double: never more than twice a binary search.
 */
#include "kv/kv_map.h"

#include <sys/stat.h>

enum { LINE = 64, AROUND = 3, MOST_AHEAD = 8 };

/* The two keys that a page's keys lie between, as its parents say; p NULL: no bound. */
typedef struct range {
    crm__slice lo, hi;
} range;

/* ---- pages ---- */

/* As the file is now.  Not inlined: every move would make room for its locals. */
static __attribute__((noinline)) int holds_now(map_file *f, uint64_t pgno)
{
    struct stat st;
    uint64_t pages;

    if (fstat(f->fd, &st) || st.st_size < 0)
        return 0;
    pages = (uint64_t)st.st_size / f->psize;
    pages = pages < f->most ? pages : f->most;
    atomic_store_explicit(&f->pages, pages, memory_order_relaxed);
    return pgno < pages;
}

/* 1 if the map and the file, which may have grown, hold a page. */
static inline int holds(map_file *f, uint64_t pgno)
{
    return pgno < atomic_load_explicit(&f->pages, memory_order_relaxed) || holds_now(f, pgno);
}

/* NULL: damaged.  Its offsets lie inside it, one at least, two of a branch. */
static const uint8_t *page_at(map_file *f, uint64_t pgno, int leaf)
{
    const uint8_t *p;
    unsigned lower;

    if (!holds(f, pgno))
        return NULL;
    p = f->base + pgno * f->psize;
    crm__ask(p + LINE, 2 * (size_t)LINE);
    lower = crm__get_le16(p + 12);
    if (crm__get_le64(p) != pgno || crm__get_le16(p + 10) != (leaf ? PAGE_LEAF : PAGE_BRANCH) ||
        lower < PAGE_HEAD + (leaf ? 2 : 4) || lower > crm__get_le16(p + 14) ||
        crm__get_le16(p + 14) > f->psize)
        return NULL;
    return p;
}

/* Node i of a page that page_at() gave, NULL: damaged.  Its key lies in the page. */
static inline const uint8_t *node_of(const map_file *f, const uint8_t *p, unsigned i)
{
    unsigned at = crm__get_le16(p + PAGE_HEAD + 2 * (size_t)i);

    if (at < PAGE_HEAD || at + PAGE_NODE_HEAD > f->psize ||
        at + PAGE_NODE_HEAD + crm__get_le16(p + at + 6) > f->psize)
        return NULL;
    return p + at;
}

static int run_value(map_file *f, const uint8_t *node, crm__slice *v)
{
    uint64_t pgno = crm__get_le64(node_data(node)), bytes = (uint64_t)PAGE_HEAD + node_size(node),
             run;
    const uint8_t *p;

    if (!holds(f, pgno))
        return CRM_ECORRUPT;
    p = f->base + pgno * f->psize;
    run = crm__get_le32(p + 12);
    if (crm__get_le64(p) != pgno || crm__get_le16(p + 10) != PAGE_OVERFLOW ||
        run < (bytes + f->psize - 1) / f->psize || !holds(f, pgno + run - 1))
        return CRM_ECORRUPT;
    *v = (crm__slice){p + PAGE_HEAD, node_size(node)};
    return CRM_OK;
}

static int value_of(map_file *f, const uint8_t *page, const uint8_t *node, crm__slice *v)
{
    size_t at = (size_t)(node_data(node) - page);
    int big = node_flags(node) == NODE_BIG;
    size_t n = big ? 8 : node_size(node);

    if ((!big && node_flags(node)) || n > f->psize - at)
        return CRM_ECORRUPT;
    if (big)
        return run_value(f, node, v);
    *v = (crm__slice){page + at, n};
    return CRM_OK;
}

/* Of so many bytes those that are asked for. */
static inline size_t ahead(size_t n)
{
    return n < (size_t)MOST_AHEAD * LINE ? n : (size_t)MOST_AHEAD * LINE;
}

/* The beginning of a value that value_of() gave. */
static void ask_value(const uint8_t *node, crm__slice v)
{
    if (node_flags(node) != NODE_BIG && v.n > LINE)
        crm__ask(v.p + LINE, ahead(v.n) - LINE);
}

const uint8_t *crm__map_base(const uint8_t *value, uint32_t psize, size_t os_page)
{
    size_t unit = psize < os_page ? psize : os_page;
    const uint8_t *p = value - (uintptr_t)value % unit;

    for (size_t back = 0; back < psize; back += unit, p -= unit) {
        unsigned lower = crm__get_le16(p + 12);
        if (crm__get_le16(p + 10) != PAGE_LEAF || lower < PAGE_HEAD + 2 || lower > psize)
            continue;
        for (unsigned i = 0; i < page_count(p); i++) {
            const map_file f = {.psize = psize};
            const uint8_t *node = node_of(&f, p, i);
            if (node && node_data(node) == value)
                return p - crm__get_le64(p) * psize;
        }
    }
    return NULL;
}

int crm__map_tree_read(crm__slice record, map_tree *out)
{
    page_db db;

    if (record.n != PAGE_DB_BYTES)
        return CRM_ECORRUPT;
    db = crm__page_db_parse(record.p);
    out->root = db.root;
    out->depth = db.depth;
    return db.root != PAGE_NONE && (!db.depth || db.depth > PAGE_DEPTH_MAX) ? CRM_ECORRUPT : CRM_OK;
}

/* ---- search in a page ---- */

/* Most keys have 8, 9, 12 or 16 bytes, the first eight of neighbours often the same. */
static inline int compare(crm__slice a, crm__slice b)
{
    while (a.n >= 8 && b.n >= 8) {
        uint64_t x = crm__get_be64(a.p), y = crm__get_be64(b.p);
        if (x != y)
            return x < y ? -1 : 1;
        a = (crm__slice){a.p + 8, a.n - 8};
        b = (crm__slice){b.p + 8, b.n - 8};
    }
    for (size_t i = 0; i < 8; i++) {
        int x = i < a.n ? a.p[i] : -1, y = i < b.n ? b.p[i] : -1;
        if (x != y)
            return x < y ? -1 : 1;
        if (x < 0)
            break;
    }
    return 0;
}

/* Eight bytes from one on, zeros behind the end. */
static uint64_t number(crm__slice s, size_t from)
{
    uint8_t bytes[8] = {0};
    size_t n = s.n > from ? s.n - from : 0;

    if (n >= 8)
        return crm__get_be64(s.p + from);
    if (!n)
        return 0;
    if (s.n >= 8)
        return crm__get_be64(s.p + s.n - 8) << (64 - 8 * n);
    memcpy(bytes, s.p + from, n);
    return crm__get_be64(bytes);
}

/* How many bytes two keys begin with alike. */
static size_t alike(crm__slice a, crm__slice b)
{
    size_t same = 0, most = a.n < b.n ? a.n : b.n;

    for (; most - same >= 8; same += 8) {
        uint64_t differ = crm__get_be64(a.p + same) ^ crm__get_be64(b.p + same);
        if (differ)
            return same + (size_t)__builtin_clzll(differ) / 8;
    }
    while (same < most && a.p[same] == b.p[same])
        same++;
    return same;
}

/* Where in n places a key of the range may stand. */
static unsigned guess(const range *r, crm__slice key, unsigned n)
{
    size_t same = alike(r->lo, r->hi);
    uint64_t lo, hi, at;
    unsigned place;

    lo = number(r->lo, same);
    hi = number(r->hi, same);
    at = number(key, same);
    if (at <= lo || hi <= lo)
        return 0;
    if (at >= hi)
        return n - 1;
    place = (unsigned)((double)(at - lo) / (double)(hi - lo) * n);
    return place < n ? place : n - 1; /* the quotient may round to 1 */
}

typedef struct search {
    const map_file *f;
    const uint8_t *p;
    crm__slice key;
    unsigned lo, hi; /* the first key that is not below lies in lo..hi */
    int equal;       /* it is at lo, and equal */
} search;

/* Narrows by the key at a place: CRM_ECORRUPT. */
static inline int look(search *s, unsigned at)
{
    const uint8_t *node = node_of(s->f, s->p, at);
    int order;

    if (!node)
        return CRM_ECORRUPT;
    order = compare(node_key(node), s->key);
    if (order < 0) {
        s->lo = at + 1;
    } else {
        s->hi = at;
        if (order == 0) {
            s->lo = at;
            s->equal = 1;
        }
    }
    return CRM_OK;
}

/* From a guess outwards, in steps that double, until the place is passed. */
static int gallop(search *s, unsigned at)
{
    int up, rc;

    for (unsigned i = at > AROUND ? at - AROUND : 0; i <= at + AROUND && i < s->hi; i++)
        crm__ask(s->p + crm__get_le16(s->p + PAGE_HEAD + 2 * (size_t)i), 1);
    rc = look(s, at);
    up = s->lo > at;
    for (unsigned n = 1; !rc && s->lo + n <= s->hi && (s->lo > at) == up; n *= 2) {
        at = up ? s->lo + n - 1 : s->hi - n;
        rc = look(s, at);
    }
    return rc;
}

/* The first place from `from` on whose key is not below key; *equal if it is that key. */
static int below(const map_file *f, const uint8_t *p, unsigned from, crm__slice key, const range *r,
                 unsigned *at, int *equal)
{
    search s = {f, p, key, from, page_count(p), 0};
    int rc = CRM_OK;

    if (r->lo.p && r->hi.p && s.lo < s.hi)
        rc = gallop(&s, s.lo + guess(r, key, s.hi - s.lo));
    while (!rc && s.lo < s.hi)
        rc = look(&s, (s.lo + s.hi) / 2);
    *at = s.lo;
    *equal = s.equal;
    return rc;
}

/* Which child of a branch holds key, and its range. */
static int choose(const map_file *f, const uint8_t *p, crm__slice key, range *r, unsigned *at,
                  uint64_t *child)
{
    const uint8_t *node;
    unsigned i;
    int equal, rc = below(f, p, 1, key, r, &i, &equal);

    if (rc)
        return rc;
    if (i + (unsigned)equal < page_count(p)) {
        node = node_of(f, p, i + (unsigned)equal);
        if (!node)
            return CRM_ECORRUPT;
        r->hi = node_key(node);
    }
    i -= !equal;
    node = node_of(f, p, i);
    if (!node)
        return CRM_ECORRUPT;
    if (i)
        r->lo = node_key(node);
    *at = i;
    *child = node_child(node);
    return CRM_OK;
}

/* ---- look-up ---- */

int crm__map_get(map_file *f, const map_tree *t, crm__slice key, crm__slice *value)
{
    range r = {{NULL, 0}, {NULL, 0}};
    uint64_t pgno = t->root;
    const uint8_t *p;
    unsigned at;
    int equal, rc;

    if (pgno == PAGE_NONE)
        return CRM_ENOTFOUND;
    for (unsigned level = 1; level < t->depth; level++) {
        p = page_at(f, pgno, 0);
        rc = p ? choose(f, p, key, &r, &at, &pgno) : CRM_ECORRUPT;
        if (rc)
            return rc;
    }
    p = page_at(f, pgno, 1);
    rc = p ? below(f, p, 0, key, &r, &at, &equal) : CRM_ECORRUPT;
    if (rc)
        return rc;
    if (!equal)
        return CRM_ENOTFOUND;
    rc = value_of(f, p, node_of(f, p, at), value);
    if (!rc)
        ask_value(node_of(f, p, at), *value);
    return rc;
}

/* ---- cursors ---- */

void crm__map_cursor_init(map_cursor *c, map_file *f, const map_tree *t)
{
    c->file = f;
    c->tree = *t;
    c->depth = 0;
    c->broken = 0;
}

static int push(map_cursor *c, uint64_t pgno)
{
    const uint8_t *p = page_at(c->file, pgno, c->depth + 1 == c->tree.depth);

    if (!p)
        return CRM_ECORRUPT;
    c->page[c->depth] = p;
    c->at[c->depth++] = 0;
    return CRM_OK;
}

/* The entry that comes behind the present one on a level; NULL: it is the last. */
static const uint8_t *next_node(const map_cursor *c, unsigned level)
{
    unsigned at = c->at[level] + 1u;

    return at < page_count(c->page[level]) ? node_of(c->file, c->page[level], at) : NULL;
}

static void ask_page(const map_file *f, uint64_t pgno)
{
    if (pgno < atomic_load_explicit(&f->pages, memory_order_relaxed))
        crm__ask(f->base + pgno * f->psize, 1);
}

/* Where a node may stand, of any bytes: inside the page, but to ask for it, not to read it. */
static inline size_t hint(const map_file *f, const uint8_t *page, unsigned i)
{
    return crm__get_le16(page + PAGE_HEAD + 2 * (size_t)i) & (f->psize - 1);
}

/* The first two rows of the leaf behind the present one, whose beginning was asked for when the
 * walk came to this leaf. */
static void ask_next_leaf(const map_cursor *c)
{
    const map_file *f = c->file;
    const uint8_t *node = c->depth > 1 ? next_node(c, c->depth - 2) : NULL, *p;
    uint64_t pgno = node ? node_child(node) : PAGE_NONE;
    size_t first;

    if (pgno >= atomic_load_explicit(&f->pages, memory_order_relaxed))
        return;
    p = f->base + pgno * f->psize;
    crm__ask(p + hint(f, p, 1), 1);
    first = hint(f, p, 0);
    crm__ask(p + first, ahead(f->psize - first));
}

/* A walk asks for what comes behind the present row: its value, or the page with it, and the
 * beginning of the row behind that. */
static void look_ahead(const map_cursor *c)
{
    const uint8_t *page = c->page[c->depth - 1];
    const uint8_t *node = next_node(c, c->depth - 1);
    unsigned behind = c->at[c->depth - 1] + 2u;

    if (behind < page_count(page))
        crm__ask(page + hint(c->file, page, behind), 1);
    else if (!node)
        ask_next_leaf(c);
    if (node && node_flags(node) == NODE_BIG && node_data(node) + 8 <= page + c->file->psize) {
        ask_page(c->file, crm__get_le64(node_data(node)));
    } else if (node) {
        crm__ask(node_data(node), ahead(node_size(node)));
    }
}

/* From the present entry down to a leaf, along the first or the last children. */
static int descend(map_cursor *c, int last)
{
    int rc = CRM_OK;

    while (!rc && c->depth < c->tree.depth) {
        const uint8_t *node = node_of(c->file, c->page[c->depth - 1], c->at[c->depth - 1]);
        rc = node ? push(c, node_child(node)) : CRM_ECORRUPT;
        node = rc || last ? NULL : next_node(c, c->depth - 2);
        if (node)
            ask_page(c->file, node_child(node));
        if (!rc && last)
            c->at[c->depth - 1] = (uint16_t)(page_count(c->page[c->depth - 1]) - 1);
    }
    return rc;
}

/* To the next or previous row; at the end the cursor stays where it is. */
static int step(map_cursor *c, int back)
{
    unsigned level = c->depth;

    while (level > 0 &&
           (back ? c->at[level - 1] == 0 : c->at[level - 1] + 1u >= page_count(c->page[level - 1])))
        level--;
    if (!level)
        return CRM_ENOTFOUND;
    c->depth = level;
    if (back)
        c->at[level - 1]--;
    else
        c->at[level - 1]++;
    return level < c->tree.depth ? descend(c, back) : CRM_OK;
}

static int to_end(map_cursor *c, int last)
{
    int rc = push(c, c->tree.root);

    if (!rc && last)
        c->at[0] = (uint16_t)(page_count(c->page[0]) - 1);
    return rc ? rc : descend(c, last);
}

static int find(map_cursor *c, kv_seek how, crm__slice key)
{
    range r = {{NULL, 0}, {NULL, 0}};
    uint64_t pgno = c->tree.root;
    unsigned at;
    int equal, rc;

    while ((rc = push(c, pgno)) == CRM_OK && c->depth < c->tree.depth) {
        rc = choose(c->file, c->page[c->depth - 1], key, &r, &at, &pgno);
        if (rc)
            return rc;
        c->at[c->depth - 1] = (uint16_t)at;
    }
    if (!rc)
        rc = below(c->file, c->page[c->depth - 1], 0, key, &r, &at, &equal);
    if (rc)
        return rc;
    c->at[c->depth - 1] = (uint16_t)at;
    if (equal)
        return CRM_OK;
    if (how == KV_EXACT)
        return CRM_ENOTFOUND;
    if (how == KV_LE)
        return step(c, 1);
    if (at < page_count(c->page[c->depth - 1]))
        return CRM_OK;
    c->at[c->depth - 1] = (uint16_t)(at - 1);
    return step(c, 0);
}

/* asked: by the look ahead of a walk, so the value is not asked for again.  Inlined, as it is part
 * of every move. */
static inline __attribute__((always_inline)) int row(map_cursor *c, int asked, crm__slice *k,
                                                     crm__slice *v)
{
    const uint8_t *p = c->page[c->depth - 1];
    const uint8_t *node = node_of(c->file, p, c->at[c->depth - 1]);
    int rc = node ? value_of(c->file, p, node, v) : CRM_ECORRUPT;

    if (rc)
        return rc;
    *k = node_key(node);
    if (!asked)
        ask_value(node, *v);
    return CRM_OK;
}

int crm__map_seek(map_cursor *c, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v)
{
    int rc;

    c->depth = 0;
    c->broken = 0;
    if (c->tree.root == PAGE_NONE)
        return CRM_ENOTFOUND;
    rc = how == KV_FIRST || how == KV_LAST ? to_end(c, how == KV_LAST) : find(c, how, key);
    if (!rc)
        rc = row(c, 0, k, v);
    if (rc)
        c->depth = 0;
    return rc;
}

int crm__map_move(map_cursor *c, int back, crm__slice *k, crm__slice *v)
{
    crm__slice was;
    int order, rc;

    if (!c->depth)
        return c->broken ? CRM_ECORRUPT : CRM_ENOTFOUND;
    was = node_key(page_node(c->page[c->depth - 1], c->at[c->depth - 1]));
    rc = step(c, back);
    if (!rc)
        rc = row(c, !back, k, v);
    if (!rc) {
        if (!back)
            look_ahead(c);
        order = compare(was, *k);
        rc = (back ? order > 0 : order < 0) ? CRM_OK : CRM_ECORRUPT;
    }
    if (rc == CRM_ECORRUPT) {
        c->depth = 0;
        c->broken = 1;
    }
    return rc;
}
