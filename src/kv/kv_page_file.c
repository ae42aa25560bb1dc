/* SPDX-License-Identifier: MIT
 * LMDB 0.9 data files: opening, the meta pages, and the checks every page passes before a byte of
 * it is believed.  The format is described in kv_page.h.
 */
#include "kv/kv_page.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT32_C(0xBEEFC0DE)
enum { VERSION = 1, META_TRIES = 8 };

const char *crm__page_fault_text(int fault)
{
    static const char *const TEXT[PAGE_FAULTS] = {
        [PAGE_FINE] = "is fine",
        [PAGE_FAULT_OUTSIDE] = "lies beyond the end of the file or of the pages in use",
        [PAGE_FAULT_NUMBER] = "carries another page's number",
        [PAGE_FAULT_KIND] = "is of another kind than its place asks for",
        [PAGE_FAULT_LAYOUT] = "has an impossible layout",
        [PAGE_FAULT_FEW] = "has too few entries",
        [PAGE_FAULT_NODES] = "has entries that overlap, leave a gap or lie outside it",
        [PAGE_FAULT_KEY] = "has a key of impossible size",
        [PAGE_FAULT_ORDER] = "has keys out of order",
        [PAGE_FAULT_RANGE] = "has keys outside the range its parents give",
        [PAGE_FAULT_DEPTH] = "stands at another depth than its tree has",
        [PAGE_FAULT_ENTRY] = "has an entry of a kind that does not belong there",
        [PAGE_FAULT_RUN] = "begins an overflow run too short for its value or leaving the file",
        [PAGE_FAULT_VALUE] = "has a value of impossible size",
        [PAGE_FAULT_RECORD] = "is or holds the root of a tree whose record is impossible",
        [PAGE_FAULT_FLAGS] = "belongs to a database with duplicates or another key order",
        [PAGE_FAULT_FREE] = "has an impossible free list record",
        [PAGE_FAULT_MAGIC] = "is not a meta page",
        [PAGE_FAULT_VERSION] = "is a meta page of another data version",
        [PAGE_FAULT_SIZE] = "is a meta page with an impossible page size",
        [PAGE_FAULT_LAST] = "is a meta page with an impossible last page",
        [PAGE_FAULT_TURN] = "is a meta page out of turn: a commit is missing",
    };

    return fault >= 0 && fault < PAGE_FAULTS ? TEXT[fault] : "has a fault of unknown kind";
}

/* ---- reading ---- */

int crm__page_file_open(const char *path, int *fd, crm_error *err)
{
    struct stat st;
    int sys;

    /* Without O_NONBLOCK a named pipe in the file's place would wait for a writer. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return crm__fail_sys(err, CRM_ENOTFOUND, errno, "data.mdb: no such file");
        return crm__fail_sys(err, CRM_EIO, errno, "data.mdb: cannot be opened");
    }
    sys = fstat(*fd, &st) ? errno : 0;
    if (!sys && S_ISREG(st.st_mode))
        return CRM_OK;
    close(*fd);
    *fd = -1;
    if (sys)
        return crm__fail_sys(err, CRM_EIO, sys, "data.mdb: cannot be examined");
    return crm__fail(err, CRM_ECORRUPT, "data.mdb: is not a regular file");
}

static int read_at(int fd, void *to, uint64_t n, uint64_t offset, int *why)
{
    uint8_t *p = to;

    while (n) {
        ssize_t got = pread(fd, p, n < INT32_MAX ? (size_t)n : (size_t)INT32_MAX, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            *why = errno;
            return CRM_EIO;
        }
        if (got == 0) {
            *why = PAGE_FAULT_OUTSIDE;
            return CRM_ECORRUPT;
        }
        p += got;
        n -= (uint64_t)got;
        offset += (uint64_t)got;
    }
    return CRM_OK;
}

int crm__page_load(const page_snap *s, uint64_t pgno, uint64_t offset, void *to, uint64_t n,
                   int *why)
{
    uint32_t psize = s->meta.psize;
    uint64_t left;

    *why = PAGE_FAULT_OUTSIDE;
    if (pgno > s->meta.last || pgno >= s->file_bytes / psize)
        return CRM_ECORRUPT;
    left = s->file_bytes - pgno * psize;
    if (offset > left || n > left - offset)
        return CRM_ECORRUPT;
    *why = 0;
    return read_at(s->fd, to, n, pgno * psize + offset, why);
}

/* ---- meta pages ---- */

typedef struct meta_pair {
    uint8_t raw[2][PAGE_META_BYTES];
    page_meta meta[2];
    page_fault fault[2];
} meta_pair;

page_db crm__page_db_parse(const uint8_t *p)
{
    page_db db;

    db.flags = crm__get_le16(p + 4);
    db.depth = crm__get_le16(p + 6);
    db.branch = crm__get_le64(p + 8);
    db.leaf = crm__get_le64(p + 16);
    db.overflow = crm__get_le64(p + 24);
    db.entries = crm__get_le64(p + 32);
    db.root = crm__get_le64(p + 40);
    return db;
}

page_fault crm__page_db_check(const page_db *db, uint64_t last, page_use use)
{
    /* The flags of the free list's record hold those of the environment as well. */
    if (use != PAGE_USE_FREE && db->flags)
        return PAGE_FAULT_FLAGS;
    if (db->root == PAGE_NONE)
        return PAGE_FINE;
    if (db->root < 2 || db->root > last || !db->depth || db->depth > PAGE_DEPTH_MAX)
        return PAGE_FAULT_RECORD;
    return PAGE_FINE;
}

static page_fault meta_parse(const uint8_t *p, uint64_t index, page_meta *m)
{
    const uint8_t *at = p + PAGE_HEAD;

    memset(m, 0, sizeof *m);
    if (crm__get_le16(p + 10) != PAGE_META || crm__get_le32(at) != MAGIC)
        return PAGE_FAULT_MAGIC;
    if (crm__get_le32(at + 4) != VERSION)
        return PAGE_FAULT_VERSION;
    if (crm__get_le64(p) != index)
        return PAGE_FAULT_NUMBER;
    m->map_bytes = crm__get_le64(at + 16);
    m->psize = crm__get_le32(at + 24);
    m->free_list = crm__page_db_parse(at + 24);
    m->main = crm__page_db_parse(at + 72);
    m->last = crm__get_le64(at + 120);
    m->txnid = crm__get_le64(at + 128);
    if (m->psize < PAGE_SIZE_MIN || m->psize > PAGE_SIZE_MAX || (m->psize & (m->psize - 1)))
        return PAGE_FAULT_SIZE;
    if (m->last < 1 || m->last > PAGE_LAST_MAX)
        return PAGE_FAULT_LAST;
    return PAGE_FINE;
}

static int read_meta(int fd, meta_pair *m, unsigned index, uint64_t offset, int *sys)
{
    int why = 0, rc;

    memset(m->raw[index], 0, PAGE_META_BYTES);
    rc = read_at(fd, m->raw[index], PAGE_META_BYTES, offset, &why);
    if (rc == CRM_EIO) {
        *sys = why;
        return rc;
    }
    m->fault[index] = PAGE_FAULT_OUTSIDE;
    if (rc)
        return CRM_OK;
    m->fault[index] = meta_parse(m->raw[index], index, &m->meta[index]);
    if (index == 1 && m->fault[1] == PAGE_FINE && m->meta[1].psize != offset)
        m->fault[1] = PAGE_FAULT_SIZE;
    return CRM_OK;
}

/* Meta page 1 stands after one page, whose size is in meta page 0; when that is damaged every size
 * is tried. */
static int read_metas(int fd, meta_pair *m, int *sys)
{
    int rc = read_meta(fd, m, 0, 0, sys);

    if (rc)
        return rc;
    if (m->fault[0] == PAGE_FINE)
        return read_meta(fd, m, 1, m->meta[0].psize, sys);
    for (uint64_t size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 2) {
        rc = read_meta(fd, m, 1, size, sys);
        if (rc || m->fault[1] == PAGE_FINE || m->fault[1] == PAGE_FAULT_VERSION)
            return rc;
    }
    return CRM_OK;
}

/* Neither meta page can be used: which file is it? */
static int name_file(const meta_pair *m, uint64_t bytes, crm_error *err)
{
    const uint8_t *p = m->raw[0];

    if (!bytes)
        return crm__fail(err, CRM_ECORRUPT, "data.mdb: the file is empty");
    if (bytes < 2 * PAGE_SIZE_MIN)
        return crm__fail(err, CRM_ECORRUPT, "data.mdb: %u bytes are too few for a database",
                         (unsigned)bytes);
    if (crm__get_be32(p + PAGE_HEAD) == MAGIC)
        return crm__fail(err, CRM_EVERSION, "data.mdb: written on a 64-bit big-endian machine");
    if (crm__get_le32(p + 12) == MAGIC || crm__get_be32(p + 12) == MAGIC)
        return crm__fail(err, CRM_EVERSION, "data.mdb: written on a 32-bit %s-endian machine",
                         crm__get_be32(p + 12) == MAGIC ? "big" : "little");
    for (unsigned i = 0; i < 2; i++) {
        if (m->fault[i] == PAGE_FAULT_VERSION)
            return crm__fail(err, CRM_EVERSION, "data.mdb: LMDB data version %u, not %u",
                             (unsigned)crm__get_le32(m->raw[i] + PAGE_HEAD + 4), (unsigned)VERSION);
    }
    /* Later versions of LMDB have a longer page header. */
    if (crm__get_le32(p + 24) == MAGIC)
        return crm__fail(err, CRM_EVERSION, "data.mdb: written by another version of LMDB");
    return crm__fail(err, CRM_ECORRUPT, "data.mdb: page 0 %s; page 1 %s",
                     crm__page_fault_text((int)m->fault[0]),
                     crm__page_fault_text((int)m->fault[1]));
}

/* Commits write the meta pages in turn, even ones page 0 and odd ones page 1; so two fine ones are
 * neighbours.  If not, one was damaged into looking like an older commit, and the newest is lost.
 */
static void check_turn(meta_pair *m)
{
    uint64_t a = m->meta[0].txnid, b = m->meta[1].txnid;

    if (m->fault[0] != PAGE_FINE || m->fault[1] != PAGE_FINE || (!a && !b))
        return;
    if (a & 1)
        m->fault[0] = PAGE_FAULT_TURN;
    else if (!(b & 1) || (a > b ? a - b : b - a) != 1)
        m->fault[a > b || !(b & 1) ? 1 : 0] = PAGE_FAULT_TURN;
}

int crm__page_snap_take(int fd, page_snap *s, crm_error *err)
{
    meta_pair m, again;
    struct stat st;
    int rc = CRM_OK, sys = 0;
    unsigned newer;

    memset(s, 0, sizeof *s);
    s->fd = fd;
    memset(&m, 0, sizeof m);
    memset(&again, 0, sizeof again);
    rc = read_metas(fd, &m, &sys);
    /* A commit may be writing one of them at this moment. */
    for (int i = 0; i < META_TRIES && !rc; i++) {
        rc = read_metas(fd, &again, &sys);
        if (!memcmp(m.raw, again.raw, sizeof m.raw))
            break;
        m = again;
    }
    if (!rc && fstat(fd, &st)) {
        rc = CRM_EIO;
        sys = errno;
    }
    if (rc)
        return crm__fail_sys(err, rc, sys, "data.mdb: the meta pages cannot be read");
    s->file_bytes = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    if (m.fault[0] != PAGE_FINE && m.fault[1] != PAGE_FINE)
        return name_file(&m, s->file_bytes, err);
    check_turn(&m);
    if (m.fault[0] != PAGE_FINE)
        newer = 1;
    else
        newer = m.fault[1] == PAGE_FINE && m.meta[1].txnid > m.meta[0].txnid;
    s->meta = m.meta[newer];
    s->meta_page = newer;
    s->meta_fault[0] = m.fault[0];
    s->meta_fault[1] = m.fault[1];
    return CRM_OK;
}

/* ---- branch and leaf pages ---- */

int crm__page_compare(page_use use, crm__slice a, crm__slice b)
{
    if (use == PAGE_USE_FREE && a.n == 8 && b.n == 8) {
        uint64_t x = crm__get_le64(a.p), y = crm__get_le64(b.p);
        return (x > y) - (x < y);
    }
    return crm__slice_compare(a, b);
}

/* Bytes of the node at p + at with its padding, 0 when it does not end inside the page. */
static uint32_t node_bytes(const uint8_t *p, uint32_t psize, uint32_t at, int leaf)
{
    const uint8_t *node = p + at;
    uint64_t n = PAGE_NODE_HEAD;

    n += crm__get_le16(node + 6);
    if (leaf)
        n += node_flags(node) & NODE_BIG ? 8 : node_size(node);
    n += n & 1;
    return n <= psize - at ? (uint32_t)n : 0;
}

/* The nodes must form one chain from upper to the end of the page, each with one offset. */
static page_fault check_nodes(const uint8_t *p, uint32_t psize, unsigned n, uint32_t upper,
                              int leaf)
{
    uint64_t starts[PAGE_SIZE_MAX / 2 / 64];
    uint32_t at, size;
    unsigned seen = 0;

    memset(starts, 0, psize / 16);
    for (unsigned i = 0; i < n; i++) {
        at = crm__get_le16(p + PAGE_HEAD + 2 * i);
        if (at < upper || (at & 1) || at > psize - PAGE_NODE_HEAD)
            return PAGE_FAULT_NODES;
        starts[at / 128] |= UINT64_C(1) << (at / 2 % 64);
    }
    for (at = upper; at < psize; at += size) {
        if (!(starts[at / 128] >> (at / 2 % 64) & 1))
            return PAGE_FAULT_NODES;
        size = node_bytes(p, psize, at, leaf);
        if (!size)
            return PAGE_FAULT_NODES;
        seen++;
    }
    return seen == n ? PAGE_FINE : PAGE_FAULT_NODES;
}

static page_fault check_entry(const uint8_t *node, page_use use)
{
    switch (node_flags(node)) {
    case 0:
        return PAGE_FINE;
    case NODE_BIG:
        return node_size(node) <= PAGE_VALUE_MAX ? PAGE_FINE : PAGE_FAULT_VALUE;
    case NODE_DB:
        if (use != PAGE_USE_MAIN)
            return PAGE_FAULT_ENTRY;
        return node_size(node) == PAGE_DB_BYTES ? PAGE_FINE : PAGE_FAULT_RECORD;
    default:
        return PAGE_FAULT_ENTRY;
    }
}

static page_fault check_keys(const uint8_t *p, unsigned n, page_use use, int leaf)
{
    unsigned first = leaf ? 0 : 1;

    for (unsigned i = first; i < n; i++) {
        crm__slice key = page_key(p, i);
        page_fault fault = leaf ? check_entry(page_node(p, i), use) : PAGE_FINE;
        if (fault)
            return fault;
        if (!key.n || key.n > KV_KEY_MAX || (use == PAGE_USE_FREE && key.n != 8))
            return PAGE_FAULT_KEY;
        if (i > first && crm__page_compare(use, page_key(p, i - 1), key) >= 0)
            return PAGE_FAULT_ORDER;
    }
    return PAGE_FINE;
}

page_fault crm__page_check(const uint8_t *p, uint32_t psize, uint64_t pgno, page_use use)
{
    unsigned flags = crm__get_le16(p + 10);
    uint32_t lower = crm__get_le16(p + 12), upper = crm__get_le16(p + 14);
    int leaf = flags == PAGE_LEAF;
    unsigned n, least;
    page_fault fault;

    if (flags != PAGE_LEAF && flags != PAGE_BRANCH)
        return PAGE_FAULT_KIND;
    if (crm__get_le64(p) != pgno)
        return PAGE_FAULT_NUMBER;
    if (lower < PAGE_HEAD || lower > upper || upper > psize || ((lower | upper) & 1))
        return PAGE_FAULT_LAYOUT;
    n = page_count(p);
    /* LMDB's own readers stop at a branch with one child, but in the free list. */
    least = leaf || use == PAGE_USE_FREE ? 1 : 2;
    if (n < least)
        return PAGE_FAULT_FEW;
    fault = check_nodes(p, psize, n, upper, leaf);
    return fault ? fault : check_keys(p, n, use, leaf);
}

page_fault crm__page_check_range(const uint8_t *p, page_use use, crm__slice lo, crm__slice hi)
{
    int leaf = page_is_leaf(p);
    unsigned n = page_count(p), first = leaf ? 0 : 1;

    if (n <= first)
        return PAGE_FINE;
    /* A branch's key equal to lo would leave nothing for its first child.  Being strict here is
     * also what bounds a scan: no page can be valid in two places of one tree. */
    if (lo.p && crm__page_compare(use, page_key(p, first), lo) < (leaf ? 0 : 1))
        return PAGE_FAULT_RANGE;
    if (hi.p && crm__page_compare(use, page_key(p, n - 1), hi) >= 0)
        return PAGE_FAULT_RANGE;
    return PAGE_FINE;
}

page_fault crm__page_check_run(const page_snap *s, const uint8_t *p, uint64_t pgno, uint64_t size,
                               uint64_t *run)
{
    uint32_t psize = s->meta.psize;

    *run = crm__get_le32(p + 12);
    if (crm__get_le16(p + 10) != PAGE_OVERFLOW)
        return PAGE_FAULT_KIND;
    if (crm__get_le64(p) != pgno)
        return PAGE_FAULT_NUMBER;
    if (*run < (PAGE_HEAD + size + psize - 1) / psize || *run > s->meta.last - pgno + 1 ||
        *run > s->file_bytes / psize - pgno)
        return PAGE_FAULT_RUN;
    return PAGE_FINE;
}
