/* SPDX-License-Identifier: MIT
 * Tables in tests: a file of given bytes opened, and its rows as text to be compared.
 */
#ifndef TABLE_TEST_H
#define TABLE_TEST_H

#include "io/table.h"

#include <crm/codes.h>
#include <crmtest.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct seen_table {
    int fd, rc; /* of opening it, then of the last row */
    crm__table *t;
    crm_error err;
} seen_table;

static inline int open_table(const crm_allocator *mem, int fd, crm__table **t, crm_error *err)
{
    const crm__input from = {fd, NULL, NULL, NULL};

    return crm__table_open(mem, &from, NULL, t, err);
}

/* A descriptor of a file with these bytes. */
static inline int file_of(const void *p, size_t n)
{
    int fd = open(crmtest_path("table"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    for (size_t at = 0; at < n;) {
        ssize_t done = write(fd, (const char *)p + at, n - at);
        ck_assert_int_gt(done, 0);
        at += (size_t)done;
    }
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static inline void open_seen(seen_table *s, const void *p, size_t n, const crm__table_options *o)
{
    memset(s, 0, sizeof *s);
    crm_error_init(&s->err);
    s->fd = file_of(p, n);
    s->rc = crm__table_open(NULL, &(crm__input){s->fd, NULL, NULL, NULL}, o, &s->t, &s->err);
}

static inline void close_seen(seen_table *s)
{
    crm__table_close(s->t);
    close(s->fd);
}

/* Every row: its number, line, flags when there are any, and "name=text" of each cell that is not
 * empty. */
static inline char *rows_of(seen_table *s)
{
    crm__table_row row;
    crm__buf b;

    crm__buf_init(&b, NULL);
    crm__buf_reserve(&b, 1);
    while (!s->rc && (s->rc = crm__table_next(s->t, &row, &s->err)) == CRM_OK) {
        crm__buf_add_fmt(&b, "%llu@%llu", (unsigned long long)row.number,
                         (unsigned long long)row.line);
        if (row.flags)
            crm__buf_add_fmt(&b, " !%u", row.flags);
        ck_assert_int_eq(row.why != NULL, (row.flags & CRM__ROW_BROKEN) != 0);
        for (size_t i = 0; i < row.count; i++) {
            crm__slice name;
            ck_assert_uint_lt(row.cells[i].column, crm__table_columns(s->t));
            ck_assert(!i || row.cells[i].column >= row.cells[i - 1].column);
            name = crm__table_column(s->t, row.cells[i].column);
            if (!row.cells[i].text.n)
                continue;
            crm__buf_add_u8(&b, ' ');
            crm__buf_add(&b, name.p, name.n);
            crm__buf_add_u8(&b, '=');
            crm__buf_add(&b, row.cells[i].text.p, row.cells[i].text.n);
        }
        crm__buf_add_u8(&b, '\n');
    }
    crm__buf_add_u8(&b, 0);
    return (char *)b.p;
}

static inline void expect_rows(const void *p, size_t n, const crm__table_options *o,
                               const char *want)
{
    seen_table s;
    char *rows;

    open_seen(&s, p, n, o);
    ck_assert_msg(s.rc == CRM_OK, "not opened: %s", s.err.message);
    rows = rows_of(&s);
    ck_assert_str_eq(rows, want);
    ck_assert_msg(s.rc == CRM_DONE, "ended with: %s", s.err.message);
    free(rows);
    close_seen(&s);
}

/* Opening it fails, with a message that has the words. */
static inline void expect_refused(const void *p, size_t n, const crm__table_options *o, int rc,
                                  const char *words)
{
    seen_table s;

    open_seen(&s, p, n, o);
    ck_assert_int_eq(s.rc, rc);
    ck_assert_int_eq(s.err.code, rc);
    ck_assert_ptr_null(s.t);
    ck_assert_msg(strstr(s.err.message, words) != NULL, "says: %s", s.err.message);
    close_seen(&s);
}

#endif
