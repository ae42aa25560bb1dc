/* SPDX-License-Identifier: MIT
 * Tables: CSV through the table against the reader below it, what a file is told to be, inputs of
 * every kind.
 */
#include "io/csv.h"
#include "table_test.h"

#include <pthread.h>
#include <zlib.h>

#define TEXT(s) s, sizeof(s) - 1

CRM_TEST(test_io_table__csv_with_names)
{
    expect_rows(TEXT("name,email\nAnna,a@x.org\n\nBo,\n"), NULL,
                "2@2 name=Anna email=a@x.org\n3@4 name=Bo\n");
    /* Names are trimmed, empty ones numbered, double ones kept. */
    expect_rows(TEXT(" name ,,\"\xe3\x80\x80tel \",tel\n1,2,3,4\n"), NULL,
                "2@2 name=1 column 2=2 tel=3 tel=4\n");
    expect_rows(TEXT("a;b\n1;2\n"), NULL, "2@2 a=1 b=2\n");
    /* Rows without any text in front of the names. */
    expect_rows(TEXT(",,\na,b,c\n1,2,3\n1,2,3,4\n1\n"), NULL,
                "2@3 a=1 b=2 c=3\n3@4 !2 a=1 b=2 c=3\n4@5 !1 a=1\n");
}

CRM_TEST(test_io_table__csv_says_what_is_odd)
{
    expect_rows(TEXT("a,b\n1\n1,2,3\n1,2,,\n,\n5\",x\n\"q\"x,\n"), NULL,
                "2@2 !1 a=1\n3@3 !2 a=1 b=2\n4@4 a=1 b=2\n5@5 !16\n6@6 !4 a=5\" b=x\n"
                "7@7 !8 a=qx\n");
    expect_rows(TEXT("a,b,\n1,2\n1,2,3\n1,2,3,4\n1\n"), NULL,
                "2@2 a=1 b=2\n3@3 a=1 b=2 column 3=3\n4@4 !2 a=1 b=2 column 3=3\n5@5 !1 a=1\n");
    expect_rows(TEXT("name,b\nAnn\xff,2\nBo,3\n"), &(crm__table_options){.encoding = "UTF-8"},
                "2@2 !32 name=Ann\xef\xbf\xbd b=2\n3@3 name=Bo b=3\n");
}

CRM_TEST(test_io_table__says_what_it_is)
{
    static const char GB[] =
        "\xd0\xd5\xc3\xfb;\xb3\xc7\xca\xd0\n\xd5\xc5\xce\xb0;\xc9\xcf\xba\xa3\n";
    crm__table_options o = {"csv", "gbk", ';', NULL};
    const crm__table_info *i;
    crm__table_row row;
    seen_table s;

    open_seen(&s, TEXT(GB), &o);
    ck_assert_int_eq(s.rc, CRM_OK);
    ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_OK);
    ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_DONE);
    ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_DONE);
    i = crm__table_info_of(s.t);
    ck_assert_str_eq(i->format, "csv");
    ck_assert_str_eq(i->encoding, "GB18030");
    ck_assert_uint_eq(i->encoding_percent, 100);
    ck_assert_int_eq(i->separator, ';');
    ck_assert_uint_eq(i->percent, 100);
    ck_assert_int_eq(i->gzip, 0);
    ck_assert_uint_eq(i->bytes, sizeof GB - 1);
    ck_assert_uint_eq(i->bytes_all, sizeof GB - 1);
    ck_assert_ptr_null(i->sheet);
    ck_assert_ptr_null(i->version);
    close_seen(&s);
}

CRM_TEST(test_io_table__what_is_no_table_is_told)
{
    static const uint8_t OLE[] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};
    static const struct {
        const char *p, *words;
    } TEXTS[] = {
        {"%PDF-1.7\n", "a PDF"},
        {"\x89PNG\r\n\x1a\n", "a picture"},
        {"<!DOCTYPE HTML PUBLIC", "HTML"},
        {"\xef\xbb\xbf\n  <html><table>", "HTML"},
        {"<?xml version=\"1.0\"?><?mso-application progid=\"Excel.Sheet\"?><Workbook>", "2003"},
        {"<?xml version=\"1.0\"?><feed>", "an XML file"},
        {"{\"name\": \"Anna\"}\n", "said to be jsonl"},
        {" [ {\"name\": 1}]", "JSON"},
        {"BEGIN:VCALENDAR\n", "iCalendar"},
        {"dn: cn=Anna\ncn: Anna\n", "LDIF"},
        {"\n \r\n\t\n", "no text"},
        {",,\n,\n", "no text"},
        {"PK\x05\x06", "empty zip"},
        {"a,b\n1,\"2", "a quote begins"},
    };
    uint8_t ole[4096];
    crm__table_row row;
    seen_table s;

    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS - 1; i++)
        expect_refused(TEXTS[i].p, strlen(TEXTS[i].p), NULL, CRM_ESYNTAX, TEXTS[i].words);
    expect_refused("", 0, NULL, CRM_ESYNTAX, "the file is empty");
    /* In UTF-16 too. */
    expect_refused(TEXT("\xff\xfe<\0h\0t\0m\0l\0>\0"), NULL, CRM_ESYNTAX, "HTML");
    /* Behind the names it is of one row. */
    open_seen(&s, TEXTS[13].p, strlen(TEXTS[13].p), NULL);
    ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_OK);
    ck_assert_uint_ne(row.flags & CRM__ROW_BROKEN, 0);
    ck_assert(strstr(row.why, TEXTS[13].words) != NULL && row.line == 2);
    ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_DONE);
    close_seen(&s);
    expect_refused(TEXT("\"a,b\n1,2\n"), NULL, CRM_ESYNTAX, "quote");
    expect_refused(TEXT("\0\0\0\0"), NULL, CRM_ESYNTAX, "NUL");
    open_seen(&s, TEXT("a,b\n1,2\n3,\0\n4,5\n"), NULL);
    ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_OK);
    ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_OK);
    ck_assert_uint_eq(row.flags, CRM__ROW_REPLACED);
    ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_OK);
    ck_assert_uint_eq(row.flags, 0);
    close_seen(&s);
    memset(ole, 0, sizeof ole);
    memcpy(ole, OLE, sizeof OLE);
    expect_refused(ole, sizeof ole, NULL, CRM_ESYNTAX, "old Office");
    memcpy(ole + 3001, "W\0o\0r\0k\0b\0o\0o\0k\0", 16);
    expect_refused(ole, sizeof ole, NULL, CRM_ESYNTAX, "old Excel");
    memcpy(ole + 2001, "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0", 32);
    expect_refused(ole, sizeof ole, NULL, CRM_ESYNTAX, "password");
}

CRM_TEST(test_io_table__parts_of_an_office_file_are_found_anywhere)
{
    static const uint8_t OLE[] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};
    size_t n = 200000, edge = 64 * 1024;
    uint8_t *p = calloc(1, n);

    memcpy(p, OLE, sizeof OLE);
    for (size_t at = edge - 20; at < edge + 4; at++) {
        memset(p + 100, 0, n - 100);
        memcpy(p + at, "B\0o\0o\0k\0", 8);
        expect_refused(p, n, NULL, CRM_ESYNTAX, "old Excel");
    }
    free(p);
}

CRM_TEST(test_io_table__options_that_mean_nothing_are_refused)
{
    static const char CSV[] = "a,b\n1,2\n", CARD[] = "BEGIN:VCARD\nFN:A\nEND:VCARD\n";

    expect_refused(TEXT(CSV), &(crm__table_options){.format = "json"}, CRM_EINVAL, "one of");
    expect_refused(TEXT(CSV), &(crm__table_options){.sheet = "x"}, CRM_EINVAL, "csv");
    expect_refused(TEXT(CSV), &(crm__table_options){.encoding = "x-none"}, CRM_EINVAL, "iconv");
    expect_refused(TEXT(CSV), &(crm__table_options){.separator = '"'}, CRM_EINVAL, "");
    expect_refused(TEXT(CARD), &(crm__table_options){.separator = ','}, CRM_EINVAL, "vcard");
    expect_refused(TEXT(CSV), &(crm__table_options){.format = "vcard"}, CRM_ESYNTAX, "no vCard");
    expect_refused(TEXT(CSV), &(crm__table_options){.format = "xlsx"}, CRM_ESYNTAX, "no XLSX");
    expect_refused(TEXT("PK\x03\x04"), &(crm__table_options){.format = "csv"}, CRM_ESYNTAX, "zip");
    /* What only looks like something else is a table when somebody says so. */
    expect_rows(TEXT("{\"a\"},b\n1,2\n"), &(crm__table_options){.format = "csv"},
                "2@2 {\"a\"}=1 b=2\n");
    expect_rows(TEXT("BEGIN:VCARD,b\n1,2\n"), &(crm__table_options){.format = "csv"},
                "2@2 BEGIN:VCARD=1 b=2\n");
}

CRM_TEST(test_io_table__a_folder_and_a_closed_descriptor)
{
    crm_error err = CRM_ERROR_INIT;
    crm__table *t;
    int fd = open(crmtest_dir(), O_RDONLY | O_CLOEXEC);

    ck_assert_int_eq(open_table(NULL, fd, &t, &err), CRM_EIO);
    ck_assert_str_eq(err.message, "it is a folder");
    close(fd);
    ck_assert_int_eq(open_table(NULL, fd, &t, &err), CRM_EIO);
    ck_assert_ptr_null(t);
}

typedef struct feeder {
    int fd;
    const uint8_t *p;
    size_t n;
} feeder;

static void *feed(void *ctx)
{
    feeder *f = ctx;

    for (size_t at = 0; at < f->n;) {
        ssize_t done = write(f->fd, f->p + at, f->n - at < 777 ? f->n - at : 777);
        if (done <= 0)
            break;
        at += (size_t)done;
    }
    close(f->fd);
    return NULL;
}

/* Rows of bytes that come through a pipe. */
static char *rows_of_pipe(const void *p, size_t n, crm__table_info *info)
{
    int ends[2];
    pthread_t thread;
    feeder f;
    seen_table s;
    char *rows;

    ck_assert_int_eq(pipe(ends), 0);
    f = (feeder){ends[1], p, n};
    ck_assert_int_eq(pthread_create(&thread, NULL, feed, &f), 0);
    crm_error_init(&s.err);
    s.fd = ends[0];
    s.rc = open_table(NULL, s.fd, &s.t, &s.err);
    ck_assert_msg(!s.rc, "%s", s.err.message);
    rows = rows_of(&s);
    ck_assert_int_eq(s.rc, CRM_DONE);
    *info = *crm__table_info_of(s.t);
    close_seen(&s);
    pthread_join(thread, NULL);
    return rows;
}

static size_t packed(const void *p, size_t n, uint8_t *to, size_t cap)
{
    z_stream z = {0};

    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)p;
    z.avail_in = (uInt)n;
    z.next_out = to;
    z.avail_out = (uInt)cap;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return cap - z.avail_out;
}

CRM_TEST(test_io_table__pipes_and_gzip_give_the_same_rows)
{
    size_t cap = 400000, n = 0, zn;
    char *text = malloc(cap), *rows, *again;
    uint8_t *gz = malloc(cap);
    crm__table_info info;
    seen_table s;

    n += (size_t)snprintf(text, cap, "id,name\n");
    for (int i = 0; n < cap - 100; i++)
        n += (size_t)snprintf(text + n, cap - n, "%d,\"Name, %d\"\n", i, i * 7919);
    open_seen(&s, text, n, NULL);
    rows = rows_of(&s);
    close_seen(&s);
    again = rows_of_pipe(text, n, &info);
    ck_assert_str_eq(again, rows);
    ck_assert_uint_eq(info.bytes, n);
    ck_assert_uint_eq(info.bytes_all, 0);
    free(again);
    zn = packed(text, n, gz, cap);
    again = rows_of_pipe(gz, zn, &info);
    ck_assert_str_eq(again, rows);
    ck_assert_int_eq(info.gzip, 1);
    ck_assert_uint_eq(info.bytes, zn);
    free(again);
    zn = packed("BEGIN:VCARD\nFN:Anna\nEND:VCARD\n", 30, gz, cap);
    again = rows_of_pipe(gz, zn, &info);
    ck_assert_str_eq(again, "1@1 FN=Anna\n");
    ck_assert_str_eq(info.format, "vcard");
    free(again);
    free(rows);
    free(text);
    free(gz);
}

/* A descriptor that stands behind the beginning: the rest is the table. */
CRM_TEST(test_io_table__reads_from_where_the_descriptor_stands)
{
    static const char TEXT_[] = "rubbish\na,b\n1,2\n";
    crm_error err = CRM_ERROR_INIT;
    int fd = file_of(TEXT(TEXT_));
    crm__table_row row;
    crm__table *t;

    lseek(fd, 8, SEEK_SET);
    ck_assert_int_eq(open_table(NULL, fd, &t, &err), CRM_OK);
    ck_assert_int_eq(crm__table_next(t, &row, &err), CRM_OK);
    ck_assert_uint_eq(row.count, 2);
    ck_assert_int_eq(row.cells[0].text.p[0], '1');
    ck_assert_uint_eq(crm__table_info_of(t)->bytes_all, sizeof TEXT_ - 1 - 8);
    crm__table_close(t);
    close(fd);
}

typedef struct memory {
    const char *p;
    size_t n;
} memory;

static int fill(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    memory *m = ctx;

    (void)err;
    *n = m->n < cap ? m->n : cap;
    memcpy(to, m->p, *n);
    m->p += *n;
    m->n -= *n;
    return CRM_OK;
}

/* Against the CSV reader alone, on random texts. */
CRM_TEST(test_io_table__csv_is_what_its_reader_gives)
{
    static const char ALPHABET[] = "aab1,,,,\"\"\n\n\r \xc3\xa9;";
    uint64_t seed = crmtest_seed();

    for (size_t round = 0; round < crmtest_rounds(300, 5000); round++) {
        char text[400] = "x,y\n";
        size_t n = 4 + crmtest_below(&seed, sizeof text - 4), got = 0;
        crm__table_options o = {"csv", "UTF-8", ',', NULL};
        crm__csv_options co = {',', 0};
        crm__text_options to = {.encoding = "UTF-8"};
        memory m = {text, n};
        crm__text *t;
        crm__csv *c;
        crm__csv_row want;
        crm__table_row row;
        crm_error err = CRM_ERROR_INIT;
        seen_table s;
        int rc;
        for (size_t i = 4; i < n; i++)
            text[i] = ALPHABET[crmtest_below(&seed, sizeof ALPHABET - 1)];
        open_seen(&s, text, n, &o);
        ck_assert_int_eq(s.rc, CRM_OK);
        ck_assert_int_eq(crm__text_open(NULL, fill, &m, &to, &t, &err), CRM_OK);
        ck_assert_int_eq(crm__csv_open(NULL, t, &co, &c, &err), CRM_OK);
        ck_assert_int_eq(crm__csv_next(c, &want, &err), CRM_OK);
        while ((rc = crm__csv_next(c, &want, &err)) == CRM_OK) {
            ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_OK);
            ck_assert_uint_eq(row.number, want.number);
            ck_assert_uint_eq(row.line, want.line);
            ck_assert_uint_eq(row.found, want.found);
            ck_assert_uint_eq(row.count, want.count < 2 ? want.count : 2);
            for (size_t i = 0; i < row.count; i++)
                ck_assert_int_eq(crm__slice_compare(row.cells[i].text, want.cells[i]), 0);
            ck_assert_int_eq((row.flags & CRM__ROW_FEW) != 0, (want.flags & CRM__CSV_FEW) != 0);
            ck_assert_int_eq((row.flags & CRM__ROW_MANY) != 0, (want.flags & CRM__CSV_MANY) != 0);
            ck_assert_int_eq((row.flags & CRM__ROW_EMPTY) != 0, (want.flags & CRM__CSV_EMPTY) != 0);
            got++;
        }
        ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), rc);
        if (rc < 0)
            ck_assert_int_eq(s.err.row, err.row);
        crm__csv_close(c);
        crm__text_close(t);
        close_seen(&s);
    }
}

CRM_TEST(test_io_table__more_columns_than_there_may_be)
{
    crm__buf b;
    seen_table s;

    crm__buf_init(&b, NULL);
    for (int i = 0; i < CRM__TABLE_COLUMNS; i++)
        crm__buf_add_fmt(&b, "%sc%d", i ? "," : "", i);
    open_seen(&s, b.p, b.n, NULL);
    ck_assert_int_eq(s.rc, CRM_OK);
    ck_assert_uint_eq(crm__table_columns(s.t), CRM__TABLE_COLUMNS);
    close_seen(&s);
    crm__buf_add_str(&b, ",x\n");
    expect_refused(b.p, b.n, NULL, CRM_ESYNTAX, "columns");
    crm__buf_clear(&b);
}
