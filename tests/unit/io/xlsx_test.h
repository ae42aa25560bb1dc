/* SPDX-License-Identifier: MIT
 * XLSX files in tests: an archive of parts given as text.
 */
#ifndef XLSX_TEST_H
#define XLSX_TEST_H

#include "table_test.h"

#include <zip.h>

#define X_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
#define X_MAIN " xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\""
#define X_TYPE "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"

typedef struct x_part {
    const char *name, *text; /* NULL: none */
    size_t n;                /* 0: of a NUL-terminated text */
} x_part;

/* Writes the parts to a file; its descriptor. */
static inline int x_file(const x_part *parts, size_t count)
{
    const char *path = crmtest_path("book.xlsx");
    zipFile z;
    int fd;

    unlink(path);
    z = zipOpen64(path, APPEND_STATUS_CREATE);
    ck_assert_ptr_nonnull(z);
    for (size_t i = 0; i < count; i++) {
        size_t n = parts[i].n ? parts[i].n : parts[i].text ? strlen(parts[i].text) : 0;
        if (!parts[i].text)
            continue;
        ck_assert_int_eq(zipOpenNewFileInZip64(z, parts[i].name, NULL, NULL, 0, NULL, 0, NULL,
                                               i % 3 ? Z_DEFLATED : 0, 6, 0),
                         ZIP_OK);
        ck_assert_int_eq(zipWriteInFileInZip(z, parts[i].text, (unsigned)n), ZIP_OK);
        ck_assert_int_eq(zipCloseFileInZip(z), ZIP_OK);
    }
    ck_assert_int_eq(zipClose(z, NULL), ZIP_OK);
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

/* A book of sheets given by what stands in <sheetData>, named S1 ... */
typedef struct x_book {
    const char *sheets[4];
    const char *states[4];  /* of the sheets, NULL: visible */
    const char *strings;    /* what stands in <sst> */
    const char *styles;     /* what stands in <styleSheet> */
    const char *properties; /* of workbookPr */
    const char *prefix;     /* of elements: "x:", or NULL */
} x_book;

static inline void x_open(seen_table *s, const x_book *b, const crm__table_options *o)
{
    char book[2048] = X_HEAD "<workbook" X_MAIN " xmlns:r=\"x\">", rels[2048], *sheets[4] = {0};
    char *strings = NULL, *styles = NULL;
    char names[4][40];
    x_part parts[12] = {{"[Content_Types].xml", X_HEAD "<Types/>", 0},
                        {"_rels/.rels",
                         X_HEAD "<Relationships><Relationship Id=\"rId1\" Type=\"" X_TYPE
                                "officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>",
                         0},
                        {"xl/workbook.xml", book, 0},
                        {"xl/_rels/workbook.xml.rels", rels, 0}};
    size_t n = 4;

    memset(s, 0, sizeof *s);
    crm_error_init(&s->err);
    strcat(strcat(strcat(book, "<workbookPr "), b->properties ? b->properties : ""), "/><sheets>");
    strcpy(rels, X_HEAD "<Relationships>");
    for (int i = 0; i < 4 && b->sheets[i]; i++) {
        size_t at = strlen(book);
        snprintf(book + at, sizeof book - at,
                 "<sheet name=\"S%d\" sheetId=\"%d\" %s%s%s r:id=\"rId%d\"/>", i + 1, i + 1,
                 b->states[i] ? "state=\"" : "", b->states[i] ? b->states[i] : "",
                 b->states[i] ? "\"" : "", i + 10);
        at = strlen(rels);
        snprintf(rels + at, sizeof rels - at,
                 "<Relationship Id=\"rId%d\" Type=\"" X_TYPE "worksheet\" "
                 "Target=\"%sworksheets/sheet%d.xml\"/>",
                 i + 10, i % 2 ? "/xl/" : "", i + 1);
        snprintf(names[i], sizeof names[i], "xl%cworksheets%csheet%d.xml", i == 2 ? '\\' : '/',
                 i == 2 ? '\\' : '/', i + 1);
        ck_assert_int_gt(asprintf(&sheets[i],
                                  X_HEAD "<worksheet" X_MAIN "><sheetViews><c r=\"A1\"/>"
                                         "</sheetViews><sheetData>%s</sheetData>"
                                         "<mergeCells><mergeCell ref=\"A1:B1\"/></mergeCells>"
                                         "</worksheet>",
                                  b->sheets[i]),
                         0);
        parts[n++] = (x_part){names[i], sheets[i], 0};
    }
    strcat(book, "</sheets></workbook>");
    if (b->strings) {
        strcat(rels, "<Relationship Id=\"rId2\" Type=\"" X_TYPE
                     "sharedStrings\" Target=\"sharedStrings.xml\"/>");
        ck_assert_int_gt(asprintf(&strings, X_HEAD "<sst" X_MAIN ">%s</sst>", b->strings), 0);
        parts[n++] = (x_part){"xl/sharedStrings.xml", strings, 0};
    }
    if (b->styles) {
        strcat(rels, "<Relationship Id=\"rId3\" Type=\"" X_TYPE "styles\" Target=\"styles.xml\"/>");
        ck_assert_int_gt(
            asprintf(&styles, X_HEAD "<styleSheet" X_MAIN ">%s</styleSheet>", b->styles), 0);
        parts[n++] = (x_part){"xl/styles.xml", styles, 0};
    }
    strcat(rels, "</Relationships>");
    s->fd = x_file(parts, n);
    s->rc = crm__table_open(NULL, &(crm__input){s->fd, NULL, NULL, NULL}, o, &s->t, &s->err);
    for (int i = 0; i < 4; i++)
        free(sheets[i]);
    free(strings);
    free(styles);
}

#endif
