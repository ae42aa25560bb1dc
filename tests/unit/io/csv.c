/* SPDX-License-Identifier: MIT
 * CSV: rows against a reader that looks at one byte after another, whatever the pieces the text
 * comes in; what is odd in a row; limits; and what the writer writes is read again.
 */
#include "io/csv.h"
#include "io/scan.h"

#include <crm/codes.h>
#include <crmtest.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct source {
    const char *p;
    size_t n, at, step;
    int broken; /* an error stands behind the text */
} source;

static int fill(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    source *s = ctx;

    *n = s->step < cap ? s->step : cap;
    *n = *n < s->n - s->at ? *n : s->n - s->at;
    memcpy(to, s->p + s->at, *n);
    s->at += *n;
    return !*n && s->broken ? crm__fail(err, CRM_EIO, "broken") : CRM_OK;
}

typedef struct table {
    source from;
    crm__text *text;
    crm__csv *csv;
    crm_error err;
    crm__csv_row row;
    int rc;
} table;

static void open_table(table *t, const char *p, size_t n, size_t step, char separator, size_t limit)
{
    crm__csv_options o = {separator, limit};

    memset(t, 0, sizeof *t);
    crm_error_init(&t->err);
    t->from.p = p;
    t->from.n = n;
    t->from.step = step;
    ck_assert_int_eq(crm__text_open(NULL, fill, &t->from, NULL, &t->text, &t->err), CRM_OK);
    t->rc = crm__csv_open(NULL, t->text, &o, &t->csv, &t->err);
}

static int next(table *t)
{
    return t->rc = crm__csv_next(t->csv, &t->row, &t->err);
}

static void close_table(table *t)
{
    crm__csv_close(t->csv);
    crm__text_close(t->text);
}

/* The rows as text: cells between < and >, and flags other than of the width. */
static char *rows_of(table *t)
{
    crm__buf b;

    crm__buf_init(&b, NULL);
    while (t->rc == CRM_OK && next(t) == CRM_OK) {
        crm__buf_add_fmt(&b, "%llu:%llu ", (unsigned long long)t->row.line,
                         (unsigned long long)t->row.offset);
        for (size_t i = 0; i < t->row.count; i++) {
            crm__buf_add_u8(&b, '<');
            crm__buf_add(&b, t->row.cells[i].p, t->row.cells[i].n);
            crm__buf_add_u8(&b, '>');
        }
        crm__buf_add_fmt(&b, " %x\n", t->row.flags);
        /* What the row says of itself is where it stands. */
        ck_assert_mem_eq(t->from.p + t->row.offset, t->row.raw.p, t->row.raw.n + t->row.end);
    }
    crm__buf_add_u8(&b, 0);
    return (char *)b.p;
}

static void expect(const char *text, char separator, const char *want)
{
    for (size_t step = 1; step <= strlen(text) + 1; step += 1 + step / 3) {
        table t;
        char *rows;
        open_table(&t, text, strlen(text), step, separator, 0);
        rows = rows_of(&t);
        ck_assert_int_eq(t.rc, CRM_DONE);
        ck_assert_str_eq(rows, want);
        free(rows);
        close_table(&t);
    }
}

CRM_TEST(test_io_csv__ends_of_lines_quotes_and_blank_lines)
{
    expect("", ',', "");
    expect("\n\r\n\r", ',', "");
    expect("a,b", ',', "1:0 <a><b> 0\n");
    expect("a,b\n", ',', "1:0 <a><b> 0\n");
    expect("a,b\r\n1,2\r\n", ',', "1:0 <a><b> 0\n2:5 <1><2> 0\n");
    expect("a,b\r1,2\r\r3,4", ',', "1:0 <a><b> 0\n2:4 <1><2> 0\n4:9 <3><4> 0\n");
    expect("a,b\n\n\n1,2\n", ',', "1:0 <a><b> 0\n4:6 <1><2> 0\n");
    expect("a,b\n\"x\r\ny\nz\r\",2\n3,4\n", ',',
           "1:0 <a><b> 0\n2:4 <x\r\ny\nz\r><2> 0\n6:16 <3><4> 0\n");
    expect("a,b\n\"x \"\"y\"\"\",\"\"\n", ',', "1:0 <a><b> 0\n2:4 <x \"y\"><> 0\n");
    expect("\"\"\n\"\"\"\"\n", ',', "1:0 <> 20\n2:3 <\"> 0\n");
    expect("a,b\n\"1\",\"2\"", ',', "1:0 <a><b> 0\n2:4 <1><2> 0\n");
}

CRM_TEST(test_io_csv__what_is_odd_is_kept_and_told)
{
    expect("a,b\n1\n1,2,3\n1,2,,\n,\n", ',',
           "1:0 <a><b> 0\n2:4 <1> 1\n3:6 <1><2><3> 2\n4:12 <1><2> 4\n5:18 <><> 20\n");
    expect("a,b,\n1,2\n1\n1,2,3\n1,2,3,4\n", ',',
           "1:0 <a><b><> 0\n2:5 <1><2> 0\n3:9 <1> 1\n4:11 <1><2><3> 0\n5:17 <1><2><3><4> 2\n");
    expect("a,b\n5\" disk,x\n \"y\",z\"\n", ',',
           "1:0 <a><b> 0\n2:4 <5\" disk><x> 8\n3:14 < \"y\"><z\"> 8\n");
    expect("a,b\n\"x\"y,\"x\"\"\"z\"w\",\n", ',', "1:0 <a><b> 0\n2:4 <xy><x\"z\"w\"> 14\n");
    expect("a,b\n\"x\" ,1\n", ',', "1:0 <a><b> 0\n2:4 <x ><1> 10\n");
}

CRM_TEST(test_io_csv__the_separator_is_guessed)
{
    static const struct {
        const char *text;
        char separator;
        unsigned found;
    } CASES[] = {
        {"a,b\n1,2\n", ',', CRM__CSV_COUNTS},
        {"a;b;c\n1,5;2,5;3,5\n", ';', CRM__CSV_COUNTS},
        {"name\tnote\nx\ta, b, c; d\n", '\t', CRM__CSV_COUNTS},
        {"a|b\n1|2", '|', CRM__CSV_COUNTS},
        {"\"a,b,c\";d\n\"1,2\";3\n", ';', CRM__CSV_COUNTS},
        {"Name, first;City\nSmith, John;Paris\nLi;Rome\nA, B, C;Bonn\n", ';', CRM__CSV_COUNTS},
        {"name\nAnna\n", ',', CRM__CSV_NONE},
        {"", ',', CRM__CSV_NONE},
        {"sep=;\r\na,b;c\r\n", ';', CRM__CSV_HINT},
        {"a;\"b\n,,,,\n,,,,\nc\"\n1;2\n", ';', CRM__CSV_COUNTS},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        table t;
        open_table(&t, CASES[i].text, strlen(CASES[i].text), 3, 0, 0);
        ck_assert_int_eq(t.rc, CRM_OK);
        ck_assert_int_eq(crm__csv_info_of(t.csv)->separator, CASES[i].separator);
        ck_assert_uint_eq(crm__csv_info_of(t.csv)->found, CASES[i].found);
        ck_assert_uint_le(crm__csv_info_of(t.csv)->percent, 100);
        close_table(&t);
    }
    expect("sep=;\r\na,b;c\r\n", 0, "2:7 <a,b><c> 0\n");
    expect("sep=x\na\n", 0, "1:0 <sep=x> 0\n2:6 <a> 0\n");
}

/* ---- against one byte after another ---- */

typedef struct slow {
    const char *p;
    size_t n, at;
    uint64_t line;
    char cells[64][64];
    size_t lengths[64], count, begin, columns;
    uint64_t row_line;
} slow;

static char at(const slow *s)
{
    return s->at < s->n ? s->p[s->at] : '\n';
}

static void slow_end(slow *s)
{
    if (s->at < s->n) {
        s->at += s->p[s->at] == '\r' && s->at + 1 < s->n && s->p[s->at + 1] == '\n' ? 2 : 1;
        s->line++;
    }
}

/* A quote at p[quote] has no end: the row has the text behind it as its last cell, up to the end of
 * the line. */
static int slow_broken(slow *s, size_t quote, uint64_t line)
{
    size_t end = quote;

    while (end < s->n && s->p[end] != '\n' && s->p[end] != '\r')
        end++;
    s->lengths[s->count] = end - quote - 1;
    memcpy(s->cells[s->count++], s->p + quote + 1, end - quote - 1);
    s->at = end;
    s->line = s->row_line = line;
    slow_end(s);
    return -1;
}

/* Whether the line behind that of p[quote] has as many cells as there are columns. */
static int slow_ran(const slow *s, size_t quote, char separator)
{
    size_t i = quote, found = 1;

    while (s->p[i] != '\n' && s->p[i] != '\r')
        i++;
    i += s->p[i] == '\r' && i + 1 < s->n && s->p[i + 1] == '\n' ? 2 : 1;
    for (; i < s->n && s->p[i] != '\n' && s->p[i] != '\r'; i++)
        found += s->p[i] == separator;
    return s->columns > 1 && found == s->columns;
}

/* 1: a row, 0: the end, -1: a row with a quote without end. */
static int slow_next(slow *s, char separator)
{
    size_t ran = SIZE_MAX, ran_count = 0;
    uint64_t ran_line = 0;

    while (s->at < s->n && (at(s) == '\n' || at(s) == '\r'))
        slow_end(s);
    if (s->at == s->n)
        return 0;
    s->row_line = s->line;
    s->begin = s->at;
    for (s->count = 0;; s->at++) {
        char *to = s->cells[s->count];
        size_t n = 0;
        if (s->at < s->n && at(s) == '"') {
            size_t quote = s->at++;
            uint64_t line = s->line;
            for (;;) {
                if (s->at >= s->n)
                    return slow_broken(s, quote, line);
                if (at(s) == '"') {
                    if (s->at + 1 == s->n || s->p[s->at + 1] != '"')
                        break;
                    s->at++;
                } else if (at(s) == '\r' || (at(s) == '\n' && s->p[s->at - 1] != '\r')) {
                    s->line++;
                }
                to[n++] = at(s);
                s->at++;
            }
            s->at++;
            if (s->at < s->n && at(s) != separator && at(s) != '\n' && at(s) != '\r' &&
                s->line > line && ran == SIZE_MAX) {
                ran = quote;
                ran_count = s->count;
                ran_line = line;
            }
        }
        while (at(s) != separator && at(s) != '\n' && at(s) != '\r')
            to[n++] = s->p[s->at++];
        s->lengths[s->count++] = n;
        if (s->at == s->n || at(s) != separator)
            break;
    }
    if (ran != SIZE_MAX && slow_ran(s, ran, separator)) {
        s->count = ran_count;
        return slow_broken(s, ran, ran_line);
    }
    slow_end(s);
    s->columns = s->columns ? s->columns : s->count;
    return 1;
}

CRM_TEST(test_io_csv__random_tables_read_as_by_the_slow_reader)
{
    static const char SIGNS[] = "a\",;\n\r\"b,,xy\n";
    uint64_t x = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(20000, 1000000); i++) {
        char text[64];
        size_t n = crmtest_below(&x, 60);
        char separator = crmtest_below(&x, 2) ? ',' : ';';
        slow s = {.p = text, .n = n, .line = 1};
        table t;
        int rc;
        for (size_t k = 0; k < n; k++)
            text[k] = SIGNS[crmtest_below(&x, sizeof SIGNS - 1)];
        open_table(&t, text, n, 1 + crmtest_below(&x, 20), separator, 0);
        while ((rc = slow_next(&s, separator)) != 0) {
            ck_assert_int_eq(next(&t), CRM_OK);
            ck_assert_int_eq((t.row.flags & CRM__CSV_BROKEN) != 0, rc < 0);
            ck_assert_int_eq(t.row.why != NULL, rc < 0);
            ck_assert_uint_eq(t.row.line, s.row_line);
            ck_assert_uint_eq(t.row.offset, s.begin);
            ck_assert_uint_eq(t.row.found, s.count);
            ck_assert_uint_eq(t.row.raw.n + t.row.end, s.at - s.begin);
            for (size_t k = 0; k < t.row.count; k++) {
                ck_assert_uint_eq(t.row.cells[k].n, s.lengths[k]);
                ck_assert_mem_eq(t.row.cells[k].p, s.cells[k], s.lengths[k]);
            }
            for (size_t k = t.row.count; k < s.count; k++)
                ck_assert_uint_eq(s.lengths[k], 0);
        }
        ck_assert_int_eq(next(&t), CRM_DONE);
        ck_assert_int_eq(next(&t), CRM_DONE); /* it stays */
        close_table(&t);
    }
}

/* Quotes without end and rows that are too long, everywhere: each is one row, what stands behind is
 * read, whatever the pieces; and no byte is looked at over and over. */
CRM_TEST(test_io_csv__broken_rows_are_passed_over_in_any_pieces)
{
    enum { ROWS = 40, LIMIT = 5000 };
    uint64_t x = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(20, 500); i++) {
        char *b = malloc((size_t)ROWS * 3 * LIMIT);
        size_t n = 4, want = 0;
        memcpy(b, "a,b\n", 4);
        for (int r = 0; r < ROWS; r++) {
            size_t how = crmtest_below(&x, 3), len = crmtest_below(&x, LIMIT / 2);
            const char *end = crmtest_below(&x, 2) ? "\n" : "\r\n";
            if (how == 0) { /* nothing within reach ends it */
                memcpy(b + n, "1,\"", 3);
                n += 3;
                len += crmtest_below(&x, 2) * LIMIT;
                memset(b + n, 'x', len);
                n += len;
                n += (size_t)sprintf(b + n, "%s", end);
                for (len = n + LIMIT; n <= len; want++)
                    n += (size_t)sprintf(b + n, "abcd,\"\"f\n");
            } else {
                memset(b + n, 'y', len += how == 1 ? LIMIT : 0);
                n += len;
                n += (size_t)sprintf(b + n, ",%s", end);
            }
            want++;
        }
        for (size_t step = 37; step < n * 10; step *= 30) {
            size_t rows = 0;
            table t;
            open_table(&t, b, n, step, ',', LIMIT);
            while (next(&t) == CRM_OK)
                rows++;
            ck_assert_int_eq(t.rc, CRM_DONE);
            ck_assert_uint_eq(rows, want + 1);
            close_table(&t);
        }
        free(b);
    }
}

/* Rows over the borders of the window and of what is listed ahead. */
CRM_TEST(test_io_csv__long_tables_in_any_pieces)
{
    uint64_t x = crmtest_seed();
    crm__buf b;
    crm__csv_writer w;
    size_t rows = 0;

    crm__buf_init(&b, NULL);
    crm__csv_begin(&w, &b, ',', 0);
    while (b.n < 900000) {
        size_t len = crmtest_below(&x, 100) ? crmtest_below(&x, 12) : crmtest_below(&x, 300000);
        crm__slice number = {(const uint8_t *)&rows, 0}, cell;
        char digits[24];
        char *text = malloc(len + 1);
        number.p = (const uint8_t *)digits;
        number.n = (size_t)snprintf(digits, sizeof digits, "%zu", rows);
        memset(text, "xy,\"\n"[crmtest_below(&x, 5)], len);
        cell.p = (const uint8_t *)text;
        cell.n = len;
        crm__csv_cell(&w, number);
        crm__csv_cell(&w, cell);
        crm__csv_end_row(&w);
        free(text);
        rows++;
    }
    for (size_t step = 1000; step < 3000000; step *= 37) {
        table t;
        uint64_t sum = 0;
        open_table(&t, (char *)b.p, b.n, step, ',', 0);
        for (size_t i = 0; i < rows; i++) {
            char digits[24];
            ck_assert_int_eq(next(&t), CRM_OK);
            ck_assert_uint_eq(t.row.found, 2);
            ck_assert_uint_eq(t.row.cells[0].n, (size_t)snprintf(digits, sizeof digits, "%zu", i));
            ck_assert_mem_eq(t.row.cells[0].p, digits, t.row.cells[0].n);
            ck_assert_mem_eq(b.p + t.row.offset, t.row.raw.p, t.row.raw.n);
            for (size_t k = 1; k < t.row.cells[1].n; k++)
                ck_assert(t.row.cells[1].p[k] == t.row.cells[1].p[0]);
            sum += t.row.raw.n + t.row.end;
        }
        ck_assert_int_eq(next(&t), CRM_DONE);
        ck_assert_uint_eq(sum, b.n);
        close_table(&t);
    }
    crm__buf_clear(&b);
}

/* ---- limits, failures ---- */

CRM_TEST(test_io_csv__a_quote_without_end_is_told_where_it_begins)
{
    for (size_t step = 1; step < 40; step += 7) {
        table t;
        char *rows;
        open_table(&t, "a,b\n1,\"2\n2\"\n3,\"4\n5,6\n", 21, step, ',', 0);
        rows = rows_of(&t);
        ck_assert_str_eq(rows, "1:0 <a><b> 0\n2:4 <1><2\n2> 0\n4:12 <3><4> 80\n5:17 <5><6> 0\n");
        free(rows);
        close_table(&t);
    }
    expect("a,b\n\"x\ny\",\"2\n3,\"\"\n4", ',',
           "1:0 <a><b> 0\n3:4 <x\ny><2> 80\n4:13 <3><> 0\n5:18 <4> 1\n");
    expect("\"a", ',', "1:0 <a> 80\n");
    /* an end that is the beginning of another one, and one that is not */
    expect("a,b\n1,\"2\n3,4\n5,\"6\"\n", ',',
           "1:0 <a><b> 0\n2:4 <1><2> 80\n3:9 <3><4> 0\n4:13 <5><6> 0\n");
    expect("a,b\n1,\"2\n3\n4\"5\"\n6,7\n", ',',
           "1:0 <a><b> 0\n2:4 <1><2\n3\n45\"> 10\n5:16 <6><7> 0\n");
    expect("\"", ',', "1:0 <> 80\n");
    expect("a\n\"b\r\nc\r\n", ',', "1:0 <a> 0\n2:2 <b> 80\n3:6 <c> 0\n");
}

CRM_TEST(test_io_csv__rows_are_bounded)
{
    size_t n = 700000;
    char *b = malloc(n);

    for (size_t limit = 600000; limit <= 600001; limit++) {
        for (size_t step = 1000; step < n; step *= 7) {
            table t;
            memset(b, 'x', n);
            b[3] = '\n';
            b[600003] = '\n';
            b[10] = ',';
            open_table(&t, b, n, step, ',', limit);
            ck_assert_int_eq(next(&t), CRM_OK);
            if (limit == 600000) { /* with its newline */
                ck_assert_int_eq(next(&t), CRM_OK);
                ck_assert_uint_eq(t.row.raw.n, 599999);
                ck_assert_int_eq(next(&t), CRM_OK);
                ck_assert_int_eq(next(&t), CRM_DONE);
            }
            close_table(&t);
            b[11] = '"';
            open_table(&t, b, n, step, ',', limit - 1);
            ck_assert_int_eq(next(&t), CRM_OK);
            ck_assert_int_eq(next(&t), CRM_OK);
            ck_assert_uint_eq(t.row.flags, CRM__CSV_BROKEN);
            ck_assert_uint_eq(t.row.line, 2);
            ck_assert_uint_eq(t.row.offset, 4);
            ck_assert_uint_eq(t.row.count, limit == 600000 ? 0 : 2);
            ck_assert_int_eq(next(&t), CRM_OK);
            ck_assert_uint_eq(t.row.line, 3);
            ck_assert_uint_eq(t.row.offset, 600004);
            ck_assert_uint_eq(t.row.raw.n, n - 600004);
            ck_assert_int_eq(next(&t), CRM_DONE);
            close_table(&t);
            b[11] = 'x';
            open_table(&t, b, n, step, ',', limit - 1);
            ck_assert_int_eq(next(&t), CRM_OK);
            ck_assert_int_eq(next(&t), CRM_OK);
            ck_assert_uint_eq(t.row.flags & CRM__CSV_BROKEN, limit == 600000 ? CRM__CSV_BROKEN : 0);
            ck_assert_int_eq(next(&t), CRM_OK);
            ck_assert_uint_eq(t.row.offset, 600004);
            ck_assert_int_eq(next(&t), CRM_DONE);
            close_table(&t);
        }
    }
    free(b);
}

CRM_TEST(test_io_csv__columns_are_bounded)
{
    char *b = malloc(20000);
    table t;

    memset(b, ',', 20000);
    open_table(&t, b, 4096, 500, ',', 0);
    ck_assert_int_eq(next(&t), CRM_ESYNTAX);
    close_table(&t);
    open_table(&t, b, 4095, 500, ',', 0);
    ck_assert_int_eq(next(&t), CRM_OK);
    ck_assert_uint_eq(t.row.count, 4096);
    close_table(&t);
    b[1] = '\n';
    b[9001] = '\n';
    b[5] = 'x';
    open_table(&t, b, 9004, 500, ',', 0);
    ck_assert_int_eq(next(&t), CRM_OK);
    ck_assert_int_eq(next(&t), CRM_OK);
    ck_assert_uint_eq(t.row.found, 8999);
    ck_assert_uint_eq(t.row.count, 4096);
    ck_assert_uint_eq(t.row.flags, CRM__CSV_MANY);
    ck_assert_int_eq(next(&t), CRM_OK);
    ck_assert_uint_eq(t.row.flags, CRM__CSV_TRAILING | CRM__CSV_EMPTY);
    close_table(&t);
    free(b);
}

CRM_TEST(test_io_csv__rows_before_a_failure_come_first)
{
    for (size_t step = 1; step < 30; step += 9) {
        table t;
        open_table(&t, "a,b\n1,2\n3,\0", 11, step, ',', 0);
        ck_assert_int_eq(next(&t), CRM_OK);
        ck_assert_int_eq(next(&t), CRM_OK);
        ck_assert_int_eq(next(&t), CRM_OK);
        ck_assert_uint_eq(t.row.flags, CRM__CSV_REPLACED);
        ck_assert_int_eq(next(&t), CRM_DONE);
        close_table(&t);
        memset(&t, 0, sizeof t);
        t.from = (source){"a,b\n1,\"2", 8, 0, step, 1};
        ck_assert_int_eq(crm__text_open(NULL, fill, &t.from, NULL, &t.text, &t.err), CRM_OK);
        ck_assert_int_eq(crm__csv_open(NULL, t.text, NULL, &t.csv, &t.err), CRM_OK);
        ck_assert_int_eq(next(&t), CRM_OK);
        ck_assert_int_eq(next(&t), CRM_EIO);
        close_table(&t);
    }
}

CRM_TEST(test_io_csv__a_row_with_a_replaced_sequence_says_so)
{
    table t;
    const char *b = "a,b\n\xe5\xbc\xa0,\xe5\xbc\xa0\xe4\xb8\xa5\xe5\xbc\xa0\xe4\xb8\xa5"
                    "\xe5\xbc\xa0\xe4\xb8\xa5\xe5\xbc\xa0\xe4\xb8\xa5\xe5\xbc\xa0\xe4\xb8\xa5"
                    "\xe5\xbc\xa0\xe4\xb8\xa5\xe5\xbc\xa0\xe4\xb8\xa5\xe5\xbc\xa0\xe4\xb8\xa5"
                    "\xe5\xbc\xa0\xe4\xb8\xa5\xe5\xbc\xa0\xe4\xb8\xa5\n\xff,1\n";

    open_table(&t, b, strlen(b), 10, ',', 0);
    ck_assert_int_eq(next(&t), CRM_OK);
    ck_assert_int_eq(next(&t), CRM_OK);
    ck_assert_uint_eq(t.row.flags, 0);
    ck_assert_int_eq(next(&t), CRM_OK);
    ck_assert_uint_eq(t.row.flags, CRM__CSV_REPLACED);
    close_table(&t);
}

CRM_TEST(test_io_csv__separators_that_cannot_be_are_refused)
{
    static const char BAD[] = "\"\n\r\x01\x80";

    for (size_t i = 0; i < sizeof BAD - 1; i++) {
        table t;
        open_table(&t, "a", 1, 1, BAD[i], 0);
        ck_assert_int_eq(t.rc, CRM_EINVAL);
        close_table(&t);
    }
}

/* ---- memory ---- */

typedef struct scarce {
    long left; /* allocations that succeed */
    long live;
} scarce;

static void *scarce_alloc(size_t n, void *ctx)
{
    scarce *s = ctx;

    if (s->left-- <= 0)
        return NULL;
    s->live++;
    return malloc(n);
}

static void *scarce_realloc(void *p, size_t n, void *ctx)
{
    scarce *s = ctx;

    if (s->left-- <= 0)
        return NULL;
    s->live += p == NULL;
    return realloc(p, n);
}

static void scarce_free(void *p, void *ctx)
{
    ((scarce *)ctx)->live -= p != NULL;
    free(p);
}

/* Each allocation fails once; a row that there was no memory for can be asked for again. */
CRM_TEST(test_io_csv__every_allocation_may_fail)
{
    size_t n = 600000;
    char *b = malloc(n);
    long k, done = 0;

    memset(b, 'x', n);
    memcpy(b, "a,b\n\"\"\"1\",2\n\"", 13);
    memcpy(b + n - 6, "\"\"\",2\n", 6);
    for (k = 0; !done; k++) {
        scarce s = {k, 0};
        crm_allocator mem = {sizeof mem, scarce_alloc, scarce_realloc, scarce_free, &s};
        table t;
        memset(&t, 0, sizeof t);
        t.from = (source){b, n, 0, 5000, 0};
        t.rc = crm__text_open(&mem, fill, &t.from, NULL, &t.text, &t.err);
        if (!t.rc)
            t.rc = crm__csv_open(&mem, t.text, NULL, &t.csv, &t.err);
        for (int rows = 0, again = 0; !t.rc && rows < 3;) {
            if (next(&t) == CRM_OK) {
                rows++;
                ck_assert_uint_eq(t.row.found, 2);
                done = rows == 3 && !again;
            } else {
                ck_assert_int_eq(t.rc, CRM_ENOMEM);
                ck_assert_int_eq(again++, 0);
                s.left = 1000;
                t.rc = CRM_OK;
            }
        }
        ck_assert(t.rc == CRM_OK || t.rc == CRM_ENOMEM);
        close_table(&t);
        ck_assert_int_eq(s.live, 0);
    }
    ck_assert_int_gt(k, 5);
    free(b);
}

/* ---- kernels ---- */

CRM_TEST(test_io_csv__kernels_agree)
{
    uint64_t x = crmtest_seed();
    crm__scan_four f = crm__scan_for(',', '"', '\r', 0xff);

    for (size_t i = 0; i < crmtest_rounds(20000, 1000000); i++) {
        static const uint8_t NEAR[] = {',', '"', '\r', 0xff, ',' + 1, ',' ^ 0x80, 0, 0x7f};
        uint8_t b[64];
        uint64_t want = 0;
        for (unsigned k = 0; k < 64; k++) {
            uint64_t r = crmtest_rand(&x);
            b[k] = r & 256 ? (uint8_t)r : NEAR[r % 8];
            want |= (uint64_t)(b[k] == ',' || b[k] == '"' || b[k] == '\r' || b[k] == 0xff) << k;
        }
        ck_assert_uint_eq(crm__scan_portable(b, &f), want);
#ifdef CRM__SCAN_X86
        ck_assert_uint_eq(crm__scan_sse2(b, &f), want);
        if (__builtin_cpu_supports("avx2"))
            ck_assert_uint_eq(crm__scan_avx2(b, &f), want);
#endif
    }
}

/* ---- writing ---- */

static void writes(unsigned flags, const char *const cells[], const char *want)
{
    crm__csv_writer w;
    crm__buf b;

    crm__buf_init(&b, NULL);
    crm__csv_begin(&w, &b, ',', flags);
    for (size_t i = 0; cells[i]; i++) {
        crm__slice s = {(const uint8_t *)cells[i], strlen(cells[i])};
        if (strcmp(cells[i], "/") == 0)
            crm__csv_end_row(&w);
        else
            crm__csv_cell(&w, s);
    }
    crm__buf_add_u8(&b, 0);
    ck_assert_str_eq((char *)b.p, want);
    crm__buf_clear(&b);
}

CRM_TEST(test_io_csv__quotes_only_what_must_be)
{
    writes(0, (const char *[]){"a", "b c", " d ", "/", NULL}, "a,b c, d \n");
    writes(CRM__CSV_CRLF, (const char *[]){"a,b", "c\"d", "e\nf", "\r", "/", NULL},
           "\"a,b\",\"c\"\"d\",\"e\nf\",\"\r\"\r\n");
    writes(CRM__CSV_BOM, (const char *[]){"", "/", "", "", "/", NULL}, "\xef\xbb\xbf\"\"\n,\n");
    writes(0, (const char *[]){"sep=;", "/", "sep=;", "/", NULL}, "\"sep=;\"\nsep=;\n");
    writes(0, (const char *[]){"=1+1", "-5", "@x", "/", NULL}, "=1+1,-5,@x\n");
    writes(CRM__CSV_DEFORMULA,
           (const char *[]){"=1+1", "-5.25", "-5+3", "@x", "+49 30", "+4930", "-", "\tx", "a=b",
                            "=a,\"", "x;=1", "\uff1d1", "\uff21", "/", NULL},
           "'=1+1,-5.25,'-5+3,'@x,'+49 "
           "30,+4930,'-,\"'\tx\",a=b,\"'=a,\"\"\",\"x;=1\",'\uff1d1,\uff21\n");
}

CRM_TEST(test_io_csv__what_is_written_is_read)
{
    static const char SIGNS[] = "a\",;\n\r\t|=\xef\xbb\xbf"
                                "sep=;";
    uint64_t x = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(5000, 200000); i++) {
        char separator = ",;\t|"[crmtest_below(&x, 4)], cells[12][16];
        size_t columns = 1 + crmtest_below(&x, 4), lengths[12];
        unsigned flags = (unsigned)crmtest_below(&x, 4);
        crm__csv_writer w;
        crm__buf b;
        table t;
        crm__buf_init(&b, NULL);
        crm__csv_begin(&w, &b, separator, flags);
        for (size_t k = 0; k < 3 * columns; k++) {
            crm__slice s = {(uint8_t *)cells[k], 0};
            lengths[k] = 0;
            for (size_t m = crmtest_below(&x, 5); m > 0; m--) {
                size_t sign = crmtest_below(&x, sizeof SIGNS - 3);
                size_t len = sign == 9 ? 3 : sign > 9 ? 4 : 1;
                memcpy(cells[k] + lengths[k], SIGNS + (sign > 9 ? 12 : sign), len);
                lengths[k] += len;
                if (lengths[k] > 12)
                    break;
            }
            s.n = lengths[k];
            crm__csv_cell(&w, s);
            if ((k + 1) % columns == 0)
                crm__csv_end_row(&w);
        }
        ck_assert_int_eq(b.failed, 0);
        open_table(&t, (char *)b.p, b.n, 1 + crmtest_below(&x, 50), separator, 0);
        for (size_t k = 0; k < 3 * columns; k++) {
            if (k % columns == 0) {
                ck_assert_int_eq(next(&t), CRM_OK);
                ck_assert_uint_eq(t.row.found, columns);
                ck_assert_uint_eq(t.row.flags & ~(unsigned)CRM__CSV_EMPTY, 0);
            }
            ck_assert_uint_eq(t.row.cells[k % columns].n, lengths[k]);
            ck_assert_mem_eq(t.row.cells[k % columns].p, cells[k], lengths[k]);
        }
        ck_assert_int_eq(next(&t), CRM_DONE);
        close_table(&t);
        crm__buf_clear(&b);
    }
}
