/* SPDX-License-Identifier: MIT
 * Damage to page files.  Fields are those of LMDB's pages, little-endian; other files are damaged
 * just as well, only less cunningly.
 */
#include "damage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 16, NODE = 8, META = 136, PAGE_MOST = 65536 };

static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

const char *damage_name(damage_kind kind)
{
    static const char *const NAMES[DAMAGE_KINDS] = {
        "flip", "flip-head", "field", "zero", "swap", "copy", "truncate", "meta",
    };

    return (unsigned)kind < DAMAGE_KINDS ? NAMES[kind] : "?";
}

/* ---- the file ---- */

typedef struct target {
    int fd;
    uint32_t psize;
    uint64_t pages, bytes;
} target;

static unsigned u16_at(const uint8_t *p)
{
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static int target_open(target *t, const char *path)
{
    uint8_t head[HEAD + 32];
    struct stat st;

    t->psize = 4096;
    t->fd = open(path, O_RDWR | O_CLOEXEC);
    if (t->fd < 0)
        return -1;
    if (fstat(t->fd, &st) || st.st_size < 0) {
        close(t->fd);
        return -1;
    }
    if (pread(t->fd, head, sizeof head, 0) == (ssize_t)sizeof head) {
        uint32_t size = u16_at(head + HEAD + 24) | u16_at(head + HEAD + 26) << 16;
        if (size >= 512 && size <= PAGE_MOST && !(size & (size - 1)))
            t->psize = size;
    }
    t->bytes = (uint64_t)st.st_size;
    t->pages = t->bytes / t->psize;
    return 0;
}

static int target_close(target *t, int rc)
{
    return close(t->fd) || rc ? -1 : 0;
}

static int get(const target *t, uint64_t page, uint8_t *to)
{
    return pread(t->fd, to, t->psize, (off_t)(page * t->psize)) == (ssize_t)t->psize ? 0 : -1;
}

static int put(const target *t, uint64_t page, const uint8_t *from)
{
    return pwrite(t->fd, from, t->psize, (off_t)(page * t->psize)) == (ssize_t)t->psize ? 0 : -1;
}

static int swap(const target *t, uint64_t a, uint64_t b, int both)
{
    uint8_t *p = malloc(2 * (size_t)t->psize);
    int rc = -1;

    if (p && !get(t, a, p) && !get(t, b, p + t->psize))
        rc = put(t, b, p) || (both && put(t, a, p + t->psize)) ? -1 : 0;
    free(p);
    return rc;
}

/* ---- kinds of damage in a page's bytes ---- */

static void flip(uint8_t *p, size_t n, uint64_t *state)
{
    uint64_t count = 1 + draw(state) % 16;

    while (count--) {
        uint64_t at = draw(state) % (n * 8);
        p[at / 8] ^= (uint8_t)(1u << (at % 8));
    }
}

/* Where a field of the page's structure stands, and its width. */
static size_t pick_field(const uint8_t *p, uint32_t psize, uint64_t *state, size_t *width)
{
    static const uint8_t HEADS[][2] = {{0, 8}, {0, 4}, {8, 2}, {10, 2}, {12, 2}, {14, 2}, {12, 4}};
    unsigned n = u16_at(p + 12) > HEAD && u16_at(p + 12) <= psize ? (u16_at(p + 12) - HEAD) / 2 : 0;
    uint64_t way = draw(state) % 4;
    size_t at;

    if (way == 0 || !n) {
        uint64_t i = draw(state) % (sizeof HEADS / sizeof HEADS[0]);
        *width = HEADS[i][1];
        return HEADS[i][0];
    }
    at = HEAD + 2 * (size_t)(draw(state) % n);
    *width = 2;
    if (way == 1)
        return at;
    at = u16_at(p + at);
    if (at + NODE + 16 > psize)
        at = psize - NODE - 16;
    if (way == 2)
        return at + 2 * (size_t)(draw(state) % 4);
    /* Behind the node's header and key: often a page number or a database record. */
    *width = 8;
    at += NODE + u16_at(p + at + 6);
    at += 8 * (size_t)(draw(state) % 6);
    return at + 8 > psize ? psize - 8 : at;
}

static void set_field(uint8_t *p, size_t width, uint64_t *state)
{
    static const uint64_t VALUES[] = {
        0, 1, 2, 3, 4, 8, 15, 16, 17, 18, 0x7f, 0x80, 511, 512, 4080, 4094, 4095, 4096, 4097,
        0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, UINT64_MAX - 1, UINT64_MAX,
    };
    uint64_t v = VALUES[draw(state) % (sizeof VALUES / sizeof VALUES[0])];

    if (draw(state) % 4 == 0)
        v = draw(state) % 64;
    for (size_t i = 0; i < width; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static int damage_inside(const target *t, damage_kind kind, uint64_t page, uint64_t *state)
{
    uint8_t *p = malloc(t->psize);
    uint64_t count;
    size_t at, width;
    int rc = -1;

    if (!p || get(t, page, p)) {
        free(p);
        return -1;
    }
    if (kind == DAMAGE_ZERO) {
        memset(p, 0, t->psize);
    } else if (kind == DAMAGE_FLIP) {
        flip(p, t->psize, state);
    } else {
        for (count = 1 + draw(state) % 3; count; count--) {
            at = pick_field(p, t->psize, state, &width);
            if (kind == DAMAGE_FIELD)
                set_field(p + at, width, state);
            else
                p[at + draw(state) % width] ^= (uint8_t)(1u << (draw(state) % 8));
        }
    }
    rc = put(t, page, p);
    free(p);
    return rc;
}

static int damage_meta(const target *t, uint64_t page, uint64_t *state)
{
    uint8_t *p = malloc(t->psize);
    size_t at;
    int rc = -1;

    if (p && !get(t, page, p)) {
        switch (draw(state) % 4) {
        case 0:
            memset(p, 0, t->psize);
            break;
        case 1:
            flip(p, HEAD + META, state);
            break;
        default:
            at = HEAD + 4 * (size_t)(draw(state) % (META / 4 - 1));
            set_field(p + at, draw(state) % 2 ? 4 : 8, state);
        }
        rc = put(t, page, p);
    }
    free(p);
    return rc;
}

/* ---- public ---- */

int damage_file(const char *path, damage_kind kind, uint64_t seed, damage_done *done)
{
    damage_done mine;
    target t;
    uint64_t size;
    int rc = -1;

    if (target_open(&t, path))
        return -1;
    if (t.pages < 3)
        return target_close(&t, -1);
    if (!done)
        done = &mine;
    seed = seed * DAMAGE_KINDS + (uint64_t)kind;
    done->kind = kind;
    done->page = draw(&seed) % t.pages;
    done->other = UINT64_MAX;
    switch (kind) {
    case DAMAGE_SWAP:
    case DAMAGE_COPY:
        done->other = (done->page + 1 + draw(&seed) % (t.pages - 1)) % t.pages;
        rc = swap(&t, done->page, done->other, kind == DAMAGE_SWAP);
        if (kind == DAMAGE_COPY) {
            done->page = done->other;
            done->other = UINT64_MAX;
        }
        break;
    case DAMAGE_TRUNCATE:
        size = draw(&seed) % t.bytes;
        if (draw(&seed) % 2)
            size -= size % t.psize;
        done->page = size / t.psize;
        rc = ftruncate(t.fd, (off_t)size);
        break;
    case DAMAGE_META:
        done->page = draw(&seed) % 2;
        rc = damage_meta(&t, done->page, &seed);
        if (!rc && draw(&seed) % 4 == 0) {
            done->other = 1 - done->page;
            rc = damage_meta(&t, done->other, &seed);
        }
        break;
    default:
        rc = damage_inside(&t, kind, done->page, &seed);
    }
    return target_close(&t, rc);
}

uint64_t damage_pages(const char *path, uint32_t *psize)
{
    target t;

    if (target_open(&t, path))
        return 0;
    if (psize)
        *psize = t.psize;
    return target_close(&t, 0) ? 0 : t.pages;
}

int damage_zero_page(const char *path, uint64_t page)
{
    uint64_t state = 0;
    target t;

    if (target_open(&t, path))
        return -1;
    return target_close(&t, damage_inside(&t, DAMAGE_ZERO, page, &state));
}

int damage_swap_pages(const char *path, uint64_t a, uint64_t b)
{
    target t;

    if (target_open(&t, path))
        return -1;
    return target_close(&t, swap(&t, a, b, 1));
}

int damage_copy_page(const char *path, uint64_t from, uint64_t to)
{
    target t;

    if (target_open(&t, path))
        return -1;
    return target_close(&t, swap(&t, from, to, 0));
}

int damage_put(const char *path, uint64_t offset, const void *bytes, size_t n)
{
    target t;

    if (target_open(&t, path))
        return -1;
    return target_close(&t, pwrite(t.fd, bytes, n, (off_t)offset) == (ssize_t)n ? 0 : -1);
}

int damage_truncate(const char *path, uint64_t bytes)
{
    return truncate(path, (off_t)bytes);
}

int damage_copy_file(const char *from, const char *to)
{
    enum { PIECE = 1 << 16 };
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    char *p = malloc(PIECE);
    ssize_t n = -1;

    while (in >= 0 && out >= 0 && p && (n = read(in, p, PIECE)) > 0) {
        if (write(out, p, (size_t)n) != n) {
            n = -1;
            break;
        }
    }
    free(p);
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out))
        n = -1;
    return n ? -1 : 0;
}
