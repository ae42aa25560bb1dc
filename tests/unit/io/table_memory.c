/* SPDX-License-Identifier: MIT
 * Tables when memory runs out: each allocation fails once; the result is an error or all rows, and
 * nothing is left behind.
 */
#ifdef CRM__XLSX
#include "xlsx_test.h"
#else
#include "table_test.h"
#endif

typedef struct ration {
    size_t left; /* allocations until one fails */
    size_t live;
} ration;

static void *ration_realloc(void *p, size_t n, void *ctx)
{
    ration *r = ctx;
    void *to = r->left ? realloc(p, n) : NULL;

    r->left -= r->left != 0;
    r->live += to && !p;
    return to;
}

static void *ration_alloc(size_t n, void *ctx)
{
    return ration_realloc(NULL, n, ctx);
}

static void ration_free(void *p, void *ctx)
{
    ((ration *)ctx)->live--;
    free(p);
}

/* Reads the file again and again, each time one allocation further. */
static void starve(int fd, size_t rows)
{
    ration r;
    crm_allocator mem = {sizeof mem, ration_alloc, ration_realloc, ration_free, &r};
    int rc = CRM_ENOMEM;
    size_t n;

    for (n = 0; rc == CRM_ENOMEM; n++) {
        crm_error err = CRM_ERROR_INIT;
        crm__table_row row;
        crm__table *t;
        size_t seen = 0;
        r = (ration){n, 0};
        ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
        rc = crm__table_open(&mem, &(crm__input){fd, NULL, NULL, NULL}, NULL, &t, &err);
        while (!rc) {
            rc = crm__table_next(t, &row, &err);
            seen += rc == CRM_OK;
        }
        ck_assert_msg(rc == CRM_DONE || rc == CRM_ENOMEM, "%zu: %s", n, err.message);
        ck_assert_uint_eq(rc == CRM_DONE ? seen : rows, rows);
        if (rc < 0)
            ck_assert_int_eq(err.code, CRM_ENOMEM);
        crm__table_close(t);
        ck_assert_uint_eq(r.live, 0);
    }
    ck_assert_uint_gt(n, 5);
    close(fd);
}

CRM_TEST(test_io_table_memory__csv)
{
    static const char TEXT[] = "a,b\n1,\"x \"\"y\"\"\"\n\"\"\"\",2\n";

    starve(file_of(TEXT, sizeof TEXT - 1), 2);
}

CRM_TEST(test_io_table_memory__vcard)
{
    static const char TEXT[] = "BEGIN:VCARD\nitem1.TEL:1\nitem1.X-ABLabel:x\nN;CHARSET=GBK;QUOTED-"
                               "PRINTABLE:=D5=C5;=CE=B0\n"
                               "FN;ENCODING=B:5byg5Lyf\nNOTE;X=a^nb:long\n  text\nmore\nEND:VCARD\n"
                               "BEGIN:VCARD\nADR:;;a;b;c;d;e\nX-QQ:1\nORG:a;b\nEND:VCARD\n";

    starve(file_of(TEXT, sizeof TEXT - 1), 2);
}

#ifdef CRM__XLSX
CRM_TEST(test_io_table_memory__xlsx)
{
    const x_book b = {.sheets = {"<row/>",
                                 "<row><c t=\"s\"><v>0</v></c><c t=\"str\"><v>b</v></c></row>"
                                 "<row><c><v>1.5</v></c><c s=\"1\"><v>2</v></c></row>"},
                      .strings = "<si><t>a</t></si>",
                      .styles = "<numFmts><numFmt numFmtId=\"165\" formatCode=\"yyyy\"/></numFmts>"
                                "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"165\"/></cellXfs>"};
    seen_table s;

    x_open(&s, &b, NULL);
    crm__table_close(s.t);
    starve(s.fd, 1);
}
#else
CRM_TEST(test_io_table_memory__without_xlsx)
{
    expect_refused("PK\003\004 and more", 13, NULL, CRM_EINVAL, "built without XLSX");
}
#endif
