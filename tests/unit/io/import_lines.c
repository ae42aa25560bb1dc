/* SPDX-License-Identifier: MIT
 * Lines of a text, against a split of the whole; long ones; what a text begins with.
 */
#include "crmtest.h"
#include "io/import.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int file_of(const void *p, size_t n)
{
    int fd = open(crmtest_path("lines"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    for (size_t at = 0; at < n;) {
        ssize_t done = write(fd, (const char *)p + at, n - at);
        ck_assert_int_gt(done, 0);
        at += (size_t)done;
    }
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* The next line of a text as the reader should give it; 0 at the end. */
static int next_of(const char *p, size_t n, size_t *at, uint64_t *number, crm__slice *line)
{
    while (*at < n) {
        const char *end = memchr(p + *at, '\n', n - *at);
        size_t length = end ? (size_t)(end - p) - *at : n - *at, blank = 0;
        *line = crm__slice_of(p + *at, length);
        *at += length + (end != NULL);
        ++*number;
        if (line->n && line->p[line->n - 1] == '\r')
            line->n--;
        while (blank < line->n && (line->p[blank] == ' ' || line->p[blank] == '\t'))
            blank++;
        if (blank < line->n)
            return 1;
    }
    return 0;
}

static void compare(const char *p, size_t n)
{
    crm_error err = CRM_ERROR_INIT;
    crm__slice line, want;
    uint64_t number = 0, expected = 0;
    const char *why;
    crm__lines *l;
    size_t at = 0;
    int fd = file_of(p, n), rc;

    ck_assert_int_eq(crm__lines_open(NULL, &(crm__input){fd, NULL, NULL, NULL}, "UTF-8", &l, &err),
                     CRM_OK);
    while ((rc = crm__lines_next(l, &line, &number, &why, &err)) == CRM_OK) {
        ck_assert(next_of(p, n, &at, &expected, &want));
        ck_assert_uint_eq(number, expected);
        ck_assert_ptr_null(why);
        ck_assert_uint_eq(line.n, want.n);
        ck_assert_mem_eq(line.p, want.p, want.n);
    }
    ck_assert_int_eq(rc, CRM_DONE);
    ck_assert(!next_of(p, n, &at, &expected, &want));
    ck_assert_int_eq(crm__lines_next(l, &line, &number, &why, &err), CRM_DONE);
    crm__lines_close(l);
    close(fd);
}

CRM_TEST(test_io_import_lines__commits_grow_with_what_was_written)
{
    static const uint64_t MB = 1000 * 1000, NO_END = UINT64_MAX / 2;
    uint64_t written = 0;
    int commits = 0;

    ck_assert_uint_eq(crm__bulk_bytes(0, 0), 64 * MB); /* not into an empty database */
    ck_assert_uint_eq(crm__bulk_bytes(0, 512 * MB), 64 * MB);
    ck_assert_uint_eq(crm__bulk_bytes(0, 1024 * MB), 128 * MB);
    ck_assert_uint_eq(crm__bulk_bytes(5 * MB, NO_END), 5 * MB); /* what the host asks for */
    ck_assert_uint_eq(crm__bulk_bytes(100 * MB, NO_END), 64 * MB);
    for (; written < 20000 * MB; commits++)
        written += crm__bulk_bytes(0, written);
    ck_assert_int_le(commits, 8 + 32); /* and not 313 */
}

CRM_TEST(test_io_import_lines__are_those_of_the_text)
{
    static const char *const TEXTS[] = {"",          "\n",   "a", "a\n", "a\r\n\r\n \t\nb",
                                        "\n\na\n\n", " \r\n"};
    uint64_t seed = crmtest_seed();
    size_t n = 3 << 20;
    char *p = malloc(n);

    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        compare(TEXTS[i], strlen(TEXTS[i]));
    /* lines of 0 to 300,000 bytes, over every edge of the window */
    for (size_t round = 0; round < crmtest_rounds(3, 30); round++) {
        size_t at = 0;
        while (at < n) {
            size_t length = (size_t)crmtest_below(&seed, 1 + (300000u >> crmtest_below(&seed, 19)));
            for (size_t i = 0; i < length && at < n; i++)
                p[at++] = "ab \t\r"[crmtest_below(&seed, 5)];
            if (at < n)
                p[at++] = '\n';
        }
        compare(p, n - (size_t)crmtest_below(&seed, 3));
    }
    free(p);
}

CRM_TEST(test_io_import_lines__one_that_is_too_long_is_passed_over)
{
    crm_error err = CRM_ERROR_INIT;
    size_t most = CRM__LINE_MAX;
    const char *why;
    crm__lines *l;
    crm__slice line;
    uint64_t number;

    for (size_t more = 0; more < 3; more++) {
        size_t n = most + more * 400000 + (more == 1);
        char *p = malloc(n + 4);
        int fd;
        memset(p, 'x', n);
        memcpy(p + n, "\nab\n", 4);
        fd = file_of(p, n + 4);
        ck_assert_int_eq(crm__lines_open(NULL, &(crm__input){fd, NULL, NULL, NULL}, NULL, &l, &err),
                         CRM_OK);
        ck_assert_int_eq(crm__lines_next(l, &line, &number, &why, &err), CRM_OK);
        ck_assert_int_eq(why != NULL, more > 0);
        ck_assert_uint_eq(number, 1);
        ck_assert_int_eq(crm__lines_next(l, &line, &number, &why, &err), CRM_OK);
        ck_assert_ptr_null(why);
        ck_assert_uint_eq(number, 2);
        ck_assert_uint_eq(line.n, 2);
        ck_assert_int_eq(crm__lines_next(l, &line, &number, &why, &err), CRM_DONE);
        crm__lines_close(l);
        close(fd);
        free(p);
    }
}

CRM_TEST(test_io_import_lines__bytes_that_are_no_text_are_marked_in_their_line)
{
    static const char TEXT[] = "a\nb\xff\nc\0\0\0\nd\n\xc3";
    static const char *const LINES[] = {"a", "b\xef\xbf\xbd", "c␀", "d", "\xef\xbf\xbd"};
    crm_error err = CRM_ERROR_INIT;
    int fd = file_of(TEXT, sizeof TEXT - 1);
    crm__slice line;
    uint64_t number;
    const char *why;
    crm__lines *l;

    ck_assert_int_eq(crm__lines_open(NULL, &(crm__input){fd, NULL, NULL, NULL}, "UTF-8", &l, &err),
                     CRM_OK);
    for (uint64_t k = 1; k <= 5; k++) {
        ck_assert_int_eq(crm__lines_next(l, &line, &number, &why, &err), CRM_OK);
        ck_assert_uint_eq(number, k);
        ck_assert_uint_eq(line.n, strlen(LINES[k - 1]));
        ck_assert_mem_eq(line.p, LINES[k - 1], line.n);
    }
    ck_assert_int_eq(crm__lines_next(l, &line, &number, &why, &err), CRM_DONE);
    ck_assert_uint_eq(crm__lines_info(l)->faults, 3);
    crm__lines_close(l);
    close(fd);
}

CRM_TEST(test_io_import_lines__what_a_text_begins_with)
{
    static const struct {
        const char *p;
        size_t n;
        uint8_t first;
    } CASES[] = {{"{\"a\":1}", 7, '{'},
                 {"\xef\xbb\xbf \r\n\t{", 8, '{'},
                 {"[1]", 3, '['},
                 {"a,{", 3, 0},
                 {"", 0, 0},
                 {"\n\n", 2, 0},
                 {"\xff\xfe{\0\"\0a\0", 8, '{'}};
    crm_error err = CRM_ERROR_INIT;
    uint8_t first = 1;
    int fds[2];

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        int fd = file_of(CASES[i].p, CASES[i].n);
        ck_assert_int_eq(crm__lines_begin(NULL, fd, &first, &err), CRM_OK);
        ck_assert_msg(first == CASES[i].first, "text %zu", i);
        ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
        close(fd);
    }
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(crm__lines_begin(NULL, fds[0], &first, &err), CRM_OK);
    ck_assert_uint_eq(first, 0);
    close(fds[0]);
    close(fds[1]);
}
