/* SPDX-License-Identifier: MIT
 * XLSX: books made here part by part, as spreadsheets and other programs write them; bounds; what
 * is damaged.
 */
#ifdef CRM__XLSX

#include "xlsx_test.h"

#include <zlib.h>

static void expect(const x_book *b, const crm__table_options *o, const char *want)
{
    seen_table s;
    char *rows;

    x_open(&s, b, o);
    ck_assert_msg(s.rc == CRM_OK, "not opened: %s", s.err.message);
    rows = rows_of(&s);
    ck_assert_str_eq(rows, want);
    ck_assert_msg(s.rc == CRM_DONE, "ended with: %s", s.err.message);
    free(rows);
    close_seen(&s);
}

static void refused(const x_book *b, const crm__table_options *o, int rc, const char *words)
{
    seen_table s;

    x_open(&s, b, o);
    if (!s.rc)
        free(rows_of(&s));
    ck_assert_int_eq(s.rc, rc);
    ck_assert_msg(strstr(s.err.message, words) != NULL, "says: %s", s.err.message);
    close_seen(&s);
}

CRM_TEST(test_io_xlsx__cells_of_every_type)
{
    const x_book b = {
        .sheets =
            {"<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c>"
             "<c r=\"C1\" t=\"inlineStr\"><is><r><rPr><b/></rPr><t>in</t></r><r><t>line</t></r>"
             "<rPh sb=\"0\" eb=\"1\"><t>no</t></rPh></is></c><c r=\"D1\" t=\"str\"><v>d</v></c>"
             "</row>"
             "<row r=\"2\"><c r=\"A2\"><v>13800138000</v></c><c r=\"B2\" t=\"b\"><v>1</v></c>"
             "<c r=\"C2\" t=\"b\"><v>0</v></c><c r=\"D2\" t=\"e\"><v>#N/A</v></c></row>"
             "<row r=\"3\"><c r=\"A3\"><f>1+2</f><v>3</v></c><c r=\"B3\" t=\"str\">"
             "<f>A&amp;B</f><v>a &amp; &lt;b&gt;</v></c><c r=\"C3\" t=\"s\"><v>2</v></c>"
             "<c r=\"D3\" t=\"d\"><v>2024-05-31T00:00:00.000</v></c></row>"
             "<row r=\"4\"><c r=\"A4\" t=\"d\"><v>2024-05-31T09:30:00</v></c>"
             "<c r=\"B4\" t=\"n\"><v>1.38001380E10</v></c><c r=\"C4\" t=\"s\"><v>3</v></c></row>"},
        .strings = "<si><t>姓名</t></si><si><r><t>ri</t></r><r><t>ch </t></r></si>"
                   "<si><t xml:space=\"preserve\"> a_x000D_\nb</t><rPh><t>x</t></rPh></si><si/>"};

    expect(&b, NULL,
           "2@2 姓名=13800138000 rich=true inline=false\n"
           "3@3 姓名=3 rich=a & <b> inline= a\r\nb d=2024-05-31\n"
           "4@4 姓名=2024-05-31T09:30:00 rich=13800138000\n");
}

CRM_TEST(test_io_xlsx__formats_of_cells)
{
    x_book b = {
        .sheets =
            {"<row><c t=\"str\"><v>a</v></c><c t=\"str\"><v>b</v></c><c t=\"str\"><v>c</v></c>"
             "<c t=\"str\"><v>d</v></c></row>"
             "<row><c s=\"1\"><v>45443</v></c><c s=\"2\"><v>45443.5</v></c><c "
             "s=\"3\"><v>310</v></c>"
             "<c s=\"0\"><v>45443</v></c></row>"
             "<row><c s=\"99\"><v>0.30000000000000004</v></c><c s=\"4\"><v>0.25</v></c>"
             "<c s=\"2\" t=\"str\"><v>45443</v></c></row>"},
        .styles = "<numFmts count=\"2\"><numFmt numFmtId=\"164\" "
                  "formatCode=\"yyyy&quot;年&quot;m/d hh:mm\"/>"
                  "<numFmt numFmtId=\"165\" formatCode=\"000000\"/></numFmts>"
                  "<cellStyleXfs><xf numFmtId=\"22\"/></cellStyleXfs>"
                  "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"164\"/>"
                  "<xf numFmtId=\"165\"/><xf numFmtId=\"20\"/></cellXfs>"
                  "<dxfs><dxf><numFmt numFmtId=\"165\" formatCode=\"yyyy\"/></dxf></dxfs>"};

    expect(
        &b, NULL,
        "2@2 a=2024-05-31 b=2024-05-31T12:00:00 c=000310 d=45443\n3@3 a=0.3 b=06:00:00 c=45443\n");
    b.properties = "date1904=\"1\"";
    expect(
        &b, NULL,
        "2@2 a=2028-06-01 b=2028-06-01T12:00:00 c=000310 d=45443\n3@3 a=0.3 b=06:00:00 c=45443\n");
}

CRM_TEST(test_io_xlsx__rows_and_columns_with_gaps)
{
    const x_book b = {
        .sheets = {
            "<row r=\"1\"/><row r=\"2\"><c r=\"A2\" s=\"1\"/></row>"
            "<row r=\"3\"><c r=\"B3\" t=\"str\"><v> b </v></c><c r=\"D3\" t=\"str\"><v>d</v></c>"
            "<c r=\"E3\"/></row>"
            "<row r=\"4\"/>"
            "<row r=\"7\"><c r=\"D7\"><v>4</v></c><c r=\"A7\"><v>1</v></c><c r=\"B7\"><v>2</v></c>"
            "</row>"
            "<row><c><v>1</v></c><c/><c><v>3</v></c></row>"
            "<row r=\"10\"><c r=\"E10\"><v>5</v></c><c r=\"XFD10\"><v>5</v></c></row>"
            "<row r=\"11\"><c r=\"E11\" t=\"str\"><v></v></c><c t=\"e\"><v>#REF!</v></c></row>"
            "<row r=\"12\"><c r=\"b12\"><v>2</v></c><c r=\"B12\"><v>2</v></c></row>"
            "<row r=\"13\"><c r=\"B13\" t=\"zz\"><v>2</v></c></row>"
            "<row r=\"14\"><c r=\"B14\" t=\"s\"><v>2</v></c></row>"
            "<row r=\"15\"><c r=\"B15\"><v>x</v></c></row>"}};

    expect(&b, NULL,
           "2@7 column 1=1 b=2 d=4\n3@8 column 1=1 column 3=3\n4@10 !2\n5@12 !64\n6@13 !64\n"
           "7@14 !64\n8@15 b=x\n");
}

CRM_TEST(test_io_xlsx__the_right_sheet)
{
#define ROWS(x) "<row><c t=\"str\"><v>" x "</v></c></row><row><c><v>1</v></c></row>"
    x_book b = {.sheets = {ROWS("one"), "<row/>", ROWS("three"), ROWS("four")},
                .states = {"hidden", NULL, NULL, "veryHidden"}};
    seen_table s;

    expect(&b, NULL, "2@2 three=1\n");
    expect(&b, &(crm__table_options){.sheet = "S1"}, "2@2 one=1\n");
    expect(&b, &(crm__table_options){.sheet = "s4"}, "2@2 four=1\n");
    refused(&b, &(crm__table_options){.sheet = "S2"}, CRM_ESYNTAX, "no text");
    refused(&b, &(crm__table_options){.sheet = "S5"}, CRM_EINVAL, "no sheet of that name");
    refused(&b, &(crm__table_options){.encoding = "UTF-8"}, CRM_EINVAL, "xlsx");
    x_open(&s, &b, NULL);
    ck_assert_str_eq(crm__table_info_of(s.t)->sheet, "S3");
    ck_assert_str_eq(crm__table_info_of(s.t)->format, "xlsx");
    ck_assert_str_eq(crm__table_info_of(s.t)->encoding, "");
    ck_assert_uint_le(crm__table_info_of(s.t)->bytes, crm__table_info_of(s.t)->bytes_all);
    free(rows_of(&s));
    ck_assert_int_eq(s.rc, CRM_DONE);
    close_seen(&s);
    b.states[2] = "hidden";
    refused(&b, NULL, CRM_ESYNTAX, "no visible sheet");
}

CRM_TEST(test_io_xlsx__bounds)
{
    static const char *const ATTACKS[][2] = {
        {"<!DOCTYPE a [<!ENTITY b \"bb\">]><worksheet><sheetData/></worksheet>", "document type"},
        {"<worksheet><sheetData><row>", "damaged"},
        {"<worksheet><sheetData><row></sheetData></worksheet>", "damaged"},
        {"", "damaged"},
        {"no xml", "damaged"},
    };
    static const char REL[] = "<Relationships><Relationship Id=\"r\" Type=\"x/worksheet\" "
                              "Target=\"s.xml\"/></Relationships>";
    static const char BOOK[] =
        "<workbook><sheets><sheet name=\"a\" r:id=\"r\"/></sheets></workbook>";
    x_part parts[] = {{"xl/workbook.xml", BOOK, 0},
                      {"xl/_rels/workbook.xml.rels", REL, 0},
                      {"xl/s.xml", NULL, 0}};
    crm__buf deep;
    crm__table *t;

    crm__buf_init(&deep, NULL);
    for (size_t i = 0; i < 3 + sizeof ATTACKS / sizeof *ATTACKS; i++) {
        size_t k = i - 3;
        const char *words = i < 3 ? NULL : ATTACKS[k][1];
        crm_error err = CRM_ERROR_INIT;
        crm__table_row row;
        int fd, rc;
        if (i == 2 && crmtest_stride(2) > 1)
            continue; /* 20 MB, which takes a checker of memory long */
        deep.n = 0;
        if (i == 0) {
            for (int d = 0; d < 1000; d++)
                crm__buf_add_str(&deep, "<a>");
            words = "too deep";
        } else if (i == 1) { /* an element without end */
            crm__buf_add_str(&deep, "<worksheet a='");
            for (int d = 0; d < 3000000; d++)
                crm__buf_add_u8(&deep, 'x');
            words = "too long";
        } else if (i == 2) { /* a text without end */
            crm__buf_add_str(&deep, "<w><sheetData><row><c t='str'><v>");
            for (int d = 0; d < 2000000; d++)
                crm__buf_add_str(&deep, "0123456789");
            crm__buf_add_str(&deep, "</v></c></row></sheetData></w>");
            words = "longer than 16 MiB";
        } else {
            crm__buf_add_str(&deep, ATTACKS[k][0]);
        }
        crm__buf_add_u8(&deep, 0);
        parts[2].text = (char *)deep.p;
        fd = x_file(parts, 3);
        rc = open_table(NULL, fd, &t, &err);
        if (!rc)
            rc = crm__table_next(t, &row, &err);
        ck_assert_int_lt(rc, 0);
        ck_assert_msg(strstr(err.message, words) != NULL, "%zu: %s", i, err.message);
        crm__table_close(t);
        close(fd);
    }
    crm__buf_clear(&deep);
}

/* Opens a book and compares its next rows: NULL for one that can be read, else why it can't. */
static void expect_why(const x_book *b, const char *const why[], size_t count)
{
    crm__table_row row;
    seen_table s;

    x_open(&s, b, NULL);
    ck_assert_msg(s.rc == CRM_OK, "%s", s.err.message);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_OK);
        ck_assert_int_eq((row.flags & CRM__ROW_BROKEN) != 0, why[i] != NULL);
        if (why[i])
            ck_assert_str_eq(row.why, why[i]);
        else
            ck_assert_uint_eq(row.count, 2);
    }
    ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_DONE);
    close_seen(&s);
}

/* The bound of a row is one of each of its texts, shared ones too. */
CRM_TEST(test_io_xlsx__texts_that_are_too_long)
{
    enum { MOST = 16 << 20, HALF = MOST / 2 };
    static const char *const WHY[] = {
        NULL,
        "sheet S1, row 3, column B: a text is longer than 16 MiB",
        NULL,
        "sheet S1, row 5, column AB: the texts up to here are longer than a row may be",
        "sheet S1, row 6, column B: a text is longer than 16 MiB",
        "sheet S1, row 7, column B: a cell names a shared text that is not there",
        NULL,
    };
    x_book b = {0};
    crm__buf strings, data;

    if (crmtest_stride(2) > 1)
        return; /* a checker of memory takes long */
    crm__buf_init(&strings, NULL);
    crm__buf_init(&data, NULL);
    for (int i = 0; i < 3; i++) {
        size_t n = i == 0 ? MOST + 1 : i == 1 ? MOST - 1 : HALF;
        crm__buf_add_str(&strings, "<si><t>");
        for (size_t k = 0; k < n; k++)
            crm__buf_add_u8(&strings, 'x');
        crm__buf_add_str(&strings, "</t></si>");
    }
    crm__buf_add_u8(&strings, 0);
    crm__buf_add_str(&data,
                     "<row r=\"1\"><c r=\"A1\" t=\"str\"><v>a</v></c>"
                     "<c r=\"AC1\" t=\"str\"><v>b</v></c></row>"
                     "<row r=\"2\"><c><v>1</v></c><c t=\"s\"><v>1</v></c></row>"
                     "<row r=\"3\"><c><v>1</v></c><c t=\"s\"><v>0</v></c></row>"
                     "<row r=\"4\"><c t=\"s\"><v>2</v></c><c t=\"s\"><v>2</v></c></row>"
                     "<row r=\"5\"><c t=\"s\"><v>2</v></c><c r=\"AB5\" t=\"s\"><v>1</v></c>"
                     "<c t=\"s\"><v>9</v></c></row>"
                     "<row r=\"6\"><c><v>1</v></c><c t=\"inlineStr\"><is><t>");
    for (size_t k = 0; k <= MOST; k++)
        crm__buf_add_u8(&data, 'x');
    crm__buf_add_str(&data, "</t></is></c></row>"
                            "<row r=\"7\"><c><v>1</v></c><c t=\"s\"><v>3</v></c></row>"
                            "<row r=\"8\"><c><v>1</v></c><c><v>2</v></c></row>");
    crm__buf_add_u8(&data, 0);
    b.sheets[0] = (char *)data.p;
    b.strings = (char *)strings.p;
    expect_why(&b, WHY, sizeof WHY / sizeof *WHY);
    crm__buf_clear(&strings);
    crm__buf_clear(&data);
}

/* A NUL has its mark, shared or not, as in other files. */
CRM_TEST(test_io_xlsx__nuls)
{
    static const char SHEET[] =
        "<row><c t=\"str\"><v>a</v></c><c t=\"str\"><v>b</v></c></row>"
        "<row><c t=\"s\"><v>0</v></c><c t=\"str\"><v>x</v></c></row>"
        "<row><c t=\"s\"><v>1</v></c><c t=\"str\"><v>_x0001_</v></c></row>"
        "<row><c t=\"s\"><v>1</v></c><c t=\"inlineStr\"><is><t>_x0000_</t></is></c></row>"
        "<row><c t=\"s\"><v>1</v></c><c t=\"str\"><v>y</v></c></row>";
    static const int MARKED[] = {1, 0, 1, 0};
    const x_book b = {.sheets = {SHEET},
                      .strings = "<si><t>p_x0000_q</t></si><si><t>_x005F_x0000_</t></si>"};
    crm__table_row row;
    seen_table s;

    x_open(&s, &b, NULL);
    ck_assert_int_eq(s.rc, CRM_OK);
    for (size_t i = 0; i < 4; i++) {
        crm__slice text;
        ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_OK);
        ck_assert_int_eq(row.flags, MARKED[i] ? CRM__ROW_REPLACED : 0);
        ck_assert_uint_eq(row.count, 2);
        text = row.cells[i == 2].text;
        if (MARKED[i])
            ck_assert_uint_eq(crm__text_marks(text.p, text.n), CRM__HAS_NUL);
    }
    close_seen(&s);
}

CRM_TEST(test_io_xlsx__too_many_columns)
{
    const x_book b = {.sheets = {"<row><c r=\"A1\"><v>1</v></c><c r=\"XFD1\"><v>1</v></c></row>"}};
    const x_book right = {
        .sheets = {
            "<row><c r=\"FAN1\"><v>1</v></c><c r=\"XFD1\"/></row><row><c><v>1</v></c></row>"}};
    seen_table s;

    refused(&b, NULL, CRM_ESYNTAX, "4096 columns");
    x_open(&s, &right, NULL);
    ck_assert_int_eq(s.rc, CRM_OK);
    ck_assert_uint_eq(crm__table_columns(s.t), CRM__TABLE_COLUMNS);
    close_seen(&s);
}

CRM_TEST(test_io_xlsx__other_archives_are_told)
{
    static const struct {
        const char *name, *words;
    } OTHERS[] = {{"content.xml", "OpenDocument"}, {"word/document.xml", "Word"},
                  {"ppt/x.xml", "presentation"},   {"xl/workbook.bin", "xlsb"},
                  {"Index/a.iwa", "Numbers"},      {"readme.txt", "zip archive"}};
    crm_error err = CRM_ERROR_INIT;
    crm__table *t;

    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        x_part part = {OTHERS[i].name, "x", 0};
        int fd = x_file(&part, 1);
        ck_assert_int_eq(open_table(NULL, fd, &t, &err), CRM_ESYNTAX);
        ck_assert_msg(strstr(err.message, OTHERS[i].words) != NULL, "%s", err.message);
        close(fd);
    }
    {
        x_part parts[] = {
            {"xl/workbook.xml", "<workbook><sheets><sheet name='a'/></sheets></workbook>", 0}};
        int fd = x_file(parts, 1);
        ck_assert_int_eq(open_table(NULL, fd, &t, &err), CRM_ESYNTAX);
        ck_assert(strstr(err.message, "no visible sheet") != NULL);
        close(fd);
    }
}

/* Random rows as a book; what they read as. */
static void random_book(uint64_t *seed, size_t rows, crm__buf *data, crm__buf *strings,
                        crm__buf *want)
{
    static const char *const TEXTS[] = {"Anna", "张伟", "a &amp; b", "&lt;x&gt;", "é", "😀 y", "#1"};
    static const char *const READ[] = {"Anna", "张伟", "a & b", "<x>", "é", "😀 y", "#1"};
    static const char NAMES[] = "abcdef";
    size_t shared = 0;

    crm__buf_add_str(data, "<row r=\"1\">");
    for (int c = 0; c < 6; c++)
        crm__buf_add_fmt(data, "<c t=\"str\"><v>%c</v></c>", NAMES[c]);
    crm__buf_add_str(data, "</row>");
    for (size_t i = 0; i < rows; i++) {
        int with_refs = crmtest_below(seed, 2) == 0;
        crm__buf_add_fmt(data, "<row r=\"%zu\">", i + 2);
        crm__buf_add_fmt(want, "%zu@%zu", i + 2, i + 2);
        for (int c = 0; c < 6; c++) {
            size_t k = crmtest_below(seed, sizeof TEXTS / sizeof *TEXTS),
                   kind = crmtest_below(seed, 5);
            long number = (long)crmtest_below(seed, 1000000);
            char ref[32] = "";
            if (with_refs || kind == 4)
                snprintf(ref, sizeof ref, " r=\"%c%zu\"", 'A' + c, i + 2);
            if (kind == 4 && c == 0)
                kind = 0; /* a row has something */
            if (kind == 0) {
                crm__buf_add_fmt(data, "<c%s t=\"s\"><v>%zu</v></c>", ref, shared++);
                crm__buf_add_fmt(strings, "<si><t>%s</t></si>", TEXTS[k]);
                crm__buf_add_fmt(want, " %c=%s", NAMES[c], READ[k]);
            } else if (kind == 1) {
                crm__buf_add_fmt(data, "<c%s t=\"inlineStr\"><is><t>%s%ld</t></is></c>", ref,
                                 TEXTS[k], number);
                crm__buf_add_fmt(want, " %c=%s%ld", NAMES[c], READ[k], number);
            } else if (kind == 2) {
                crm__buf_add_fmt(data, "<c%s><v>%ld.25</v></c>", ref, number);
                crm__buf_add_fmt(want, " %c=%ld.25", NAMES[c], number);
            } else if (kind == 3) {
                crm__buf_add_fmt(data, "<c%s s=\"1\"><v>%ld</v></c>", ref, number);
                crm__buf_add_fmt(want, " %c=%ld", NAMES[c], number);
            } else {
                crm__buf_add_fmt(data, "<c%s/>", ref);
            }
        }
        crm__buf_add_str(data, "</row>");
        crm__buf_add_u8(want, '\n');
    }
    crm__buf_add_u8(data, 0);
    crm__buf_add_u8(strings, 0);
    crm__buf_add_u8(want, 0);
}

CRM_TEST(test_io_xlsx__what_was_written_is_read)
{
    uint64_t seed = crmtest_seed();

    for (size_t round = 0; round < crmtest_rounds(8, 100); round++) {
        crm__buf data, strings, want;
        x_book b = {0};
        crm__buf_init(&data, NULL);
        crm__buf_init(&strings, NULL);
        crm__buf_init(&want, NULL);
        random_book(&seed, round % 4 ? 30 : 3000, &data, &strings, &want);
        b.sheets[0] = (char *)data.p;
        b.strings = (char *)strings.p;
        expect(&b, NULL, (char *)want.p);
        crm__buf_clear(&data);
        crm__buf_clear(&strings);
        crm__buf_clear(&want);
    }
}

/* Through a pipe, packed once more: the same. */
CRM_TEST(test_io_xlsx__from_a_pipe)
{
    const x_book b = {.sheets = {ROWS("one")}};
    static uint8_t bytes[8192], again[16384];
    crm_error err = CRM_ERROR_INIT;
    crm__table_row row;
    seen_table s;
    ssize_t n;

    x_open(&s, &b, NULL);
    n = pread(s.fd, bytes, sizeof bytes, 0);
    ck_assert(n > 100 && n < (ssize_t)sizeof bytes);
    close_seen(&s);
    for (int gz = 0; gz < 2; gz++) {
        z_stream z = {0};
        crm__table *t;
        int ends[2];
        ck_assert_int_eq(pipe(ends), 0);
        if (gz) {
            deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
            z.next_in = bytes;
            z.avail_in = (uInt)n;
            z.next_out = again;
            z.avail_out = sizeof again;
            ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
            ck_assert_int_eq(write(ends[1], again, z.total_out), (ssize_t)z.total_out);
            deflateEnd(&z);
        } else {
            ck_assert_int_eq(write(ends[1], bytes, (size_t)n), n);
        }
        close(ends[1]);
        ck_assert_msg(open_table(NULL, ends[0], &t, &err) == CRM_OK, "%s", err.message);
        ck_assert_int_eq(crm__table_next(t, &row, &err), CRM_OK);
        ck_assert_uint_eq(row.count, 1);
        ck_assert_int_eq(crm__table_next(t, &row, &err), CRM_DONE);
        ck_assert_int_eq(crm__table_info_of(t)->gzip, gz);
        crm__table_close(t);
        close(ends[0]);
    }
}

/* Any byte changed, any end cut: an error or other rows, nothing worse. */
CRM_TEST(test_io_xlsx__damaged_files)
{
    uint64_t seed = crmtest_seed();
    static uint8_t good[16384], bad[16384];
    crm__buf data, strings, want;
    x_book b = {0};
    seen_table s;
    size_t n;

    crm__buf_init(&data, NULL);
    crm__buf_init(&strings, NULL);
    crm__buf_init(&want, NULL);
    random_book(&seed, 10, &data, &strings, &want);
    b.sheets[0] = (char *)data.p;
    b.strings = (char *)strings.p;
    b.styles = "<cellXfs><xf numFmtId=\"14\"/></cellXfs>";
    x_open(&s, &b, NULL);
    n = (size_t)pread(s.fd, good, sizeof good, 0);
    ck_assert(n > 1000 && n < sizeof good);
    close_seen(&s);
    for (size_t round = 0; round < crmtest_rounds(1500, 30000); round++) {
        size_t len = crmtest_below(&seed, 4) ? n : crmtest_below(&seed, n);
        memcpy(bad, good, n);
        for (size_t k = 0; k <= crmtest_below(&seed, 4); k++)
            bad[4 + crmtest_below(&seed, n - 4)] = (uint8_t)crmtest_rand(&seed);
        open_seen(&s, bad, len, NULL);
        if (!s.rc)
            free(rows_of(&s));
        ck_assert(s.rc == CRM_DONE || s.rc == CRM_ESYNTAX || s.rc == CRM_EINVAL ||
                  s.rc == CRM_ENOMEM);
        close_seen(&s);
    }
    crm__buf_clear(&data);
    crm__buf_clear(&strings);
    crm__buf_clear(&want);
}

/* What is held, through an allocator that counts. */
typedef struct held {
    size_t now, most;
} held;

static void *count_realloc(void *p, size_t n, void *ctx)
{
    held *h = ctx;
    size_t *block = p ? (size_t *)p - 2 : NULL;

    h->now += n - (block ? *block : 0);
    h->most = h->now > h->most ? h->now : h->most;
    block = realloc(block, n + 2 * sizeof *block);
    ck_assert_ptr_nonnull(block);
    *block = n;
    return block + 2;
}

static void *count_alloc(size_t n, void *ctx)
{
    return count_realloc(NULL, n, ctx);
}

static void count_free(void *p, void *ctx)
{
    size_t *block = (size_t *)p - 2;

    ((held *)ctx)->now -= *block;
    free(block);
}

CRM_TEST(test_io_xlsx__memory_does_not_grow_with_rows)
{
    held h = {0, 0};
    crm_allocator mem = {sizeof mem, count_alloc, count_realloc, count_free, &h};
    size_t most[2];

    for (int round = 0; round < 2; round++) {
        size_t rows = 0, all = round ? 50000 : 100;
        crm__table_row row;
        crm__buf data;
        x_book b = {0};
        seen_table s;
        crm__buf_init(&data, NULL);
        for (size_t i = 0; i < all; i++)
            crm__buf_add_str(&data, "<row><c t=\"inlineStr\"><is><t>some text</t></is></c></row>");
        crm__buf_add_u8(&data, 0);
        b.sheets[0] = (char *)data.p;
        x_open(&s, &b, NULL);
        crm__buf_clear(&data);
        crm__table_close(s.t);
        ck_assert_int_eq(lseek(s.fd, 0, SEEK_SET), 0);
        h.most = 0;
        ck_assert_int_eq(open_table(&mem, s.fd, &s.t, &s.err), CRM_OK);
        while ((s.rc = crm__table_next(s.t, &row, &s.err)) == CRM_OK)
            rows++;
        ck_assert_int_eq(s.rc, CRM_DONE);
        ck_assert_uint_eq(rows, all - 1);
        close_seen(&s);
        ck_assert_uint_eq(h.now, 0);
        most[round] = h.most;
    }
    ck_assert_uint_eq(most[0], most[1]);
}

#endif
