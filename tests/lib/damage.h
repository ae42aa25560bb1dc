/* SPDX-License-Identifier: MIT
 * Damage done on purpose to a database file made of pages, the same for the same seed.  The file
 * must not be open for writing by anybody at that moment.
 */
#ifndef DAMAGE_H
#define DAMAGE_H

#include <stddef.h>
#include <stdint.h>

typedef enum damage_kind {
    DAMAGE_FLIP,      /* 1 to 16 bits anywhere in one page */
    DAMAGE_FLIP_HEAD, /* bits of one page's header, offsets or node headers */
    DAMAGE_FIELD,     /* an extreme number into such a field */
    DAMAGE_ZERO,      /* one page is all zero */
    DAMAGE_SWAP,      /* two pages change places */
    DAMAGE_COPY,      /* one page over another */
    DAMAGE_TRUNCATE,  /* the file ends early, often inside a page */
    DAMAGE_META,      /* one or both meta pages */
    DAMAGE_KINDS
} damage_kind;

/* What was done. */
typedef struct damage_done {
    damage_kind kind;
    uint64_t page, other; /* pages changed, `other` is UINT64_MAX when there is one; of TRUNCATE the
                             first page that is not whole any more */
} damage_done;

const char *damage_name(damage_kind kind);

/* done may be NULL.  0, or -1 when the file can't be changed or is too small. */
int damage_file(const char *path, damage_kind kind, uint64_t seed, damage_done *done);

/* Whole pages of the file, and their size by its first meta page (4096 when that has none); 0 when
 * it can't be read. */
uint64_t damage_pages(const char *path, uint32_t *psize);

/* One thing, on pages of one's own choice.  0 or -1. */
int damage_zero_page(const char *path, uint64_t page);
int damage_swap_pages(const char *path, uint64_t a, uint64_t b);
int damage_copy_page(const char *path, uint64_t from, uint64_t to);
int damage_put(const char *path, uint64_t offset, const void *bytes, size_t n);
int damage_truncate(const char *path, uint64_t bytes);

/* Whole files, for a fresh copy before each damage.  0 or -1. */
int damage_copy_file(const char *from, const char *to);

#endif
