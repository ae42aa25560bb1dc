/* SPDX-License-Identifier: MIT
 * What the targets of tables share: bytes as a descriptor, and what every row must be.
 */
#ifndef FUZZ_TABLE_H
#define FUZZ_TABLE_H

#include "fuzz.h"

#include "base/utf8.h"
#include "io/table.h"

#include <crm/codes.h>
#include <sys/mman.h>

static inline int bytes_fd(const uint8_t *p, size_t n)
{
    int fd = memfd_create("table", MFD_CLOEXEC);

    MUST(fd >= 0);
    for (size_t at = 0; at < n;) {
        ssize_t done = write(fd, p + at, n - at);
        MUST(done > 0);
        at += (size_t)done;
    }
    MUST(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* Cells stand by column, in columns that are there, and are UTF-8 without NUL. */
static inline void check_row(const crm__table *t, const crm__table_row *row, uint64_t before)
{
    MUST(row->number > before && row->line >= 1);
    MUST((row->why != NULL) == ((row->flags & CRM__ROW_BROKEN) != 0));
    for (size_t i = 0; i < row->count; i++) {
        const crm__cell *c = &row->cells[i];
        MUST(c->column < crm__table_columns(t));
        MUST(!i || c->column >= row->cells[i - 1].column);
        MUST(!c->text.n || !memchr(c->text.p, 0, c->text.n));
        MUST(crm__utf8_valid((const char *)c->text.p, c->text.n) == c->text.n);
    }
}

static inline void check_columns(const crm__table *t)
{
    MUST(crm__table_columns(t) <= CRM__TABLE_COLUMNS);
    for (size_t i = 0; i < crm__table_columns(t); i++) {
        crm__slice name = crm__table_column(t, i);
        MUST(name.n && crm__utf8_valid((const char *)name.p, name.n) == name.n);
    }
    MUST(crm__table_info_of(t)->format != NULL);
}

#endif
