/* SPDX-License-Identifier: MIT
 * XLSX: any archive, and any XML within a whole one, is read into rows or refused.  The first byte
 * says which: an odd one that the rest is the file; else the rest, divided by zero bytes, is the
 * sheet, the shared texts, the formats, the book and its relations, as far as it goes.
 */
#include "fuzz_table.h"

#include "base/bytes.h"

#include <zlib.h>

static const char *const NAMES[] = {"xl/worksheets/sheet1.xml", "xl/sharedStrings.xml",
                                    "xl/styles.xml", "xl/workbook.xml",
                                    "xl/_rels/workbook.xml.rels"};
enum { PARTS = sizeof NAMES / sizeof *NAMES };

static const char BOOK[] = "<workbook><sheets><sheet name='a' r:id='r1'/></sheets></workbook>";
static const char RELATIONS[] =
    "<Relationships><Relationship Id='r1' Type='x/worksheet' Target='worksheets/sheet1.xml'/>"
    "<Relationship Id='r2' Type='x/sharedStrings' Target='sharedStrings.xml'/>"
    "<Relationship Id='r3' Type='x/styles' Target='styles.xml'/></Relationships>";

static void put16(crm__buf *b, unsigned v)
{
    uint8_t p[2];

    crm__put_le16(p, (uint16_t)v);
    crm__buf_add(b, p, sizeof p);
}

static void put32(crm__buf *b, size_t v)
{
    uint8_t p[4];

    crm__put_le32(p, (uint32_t)v);
    crm__buf_add(b, p, sizeof p);
}

/* What the header of an entry and the list of entries have in common. */
static void put_entry(crm__buf *b, const char *name, const uint8_t *p, size_t n)
{
    put16(b, 20);
    put16(b, 0);
    put16(b, 0);
    put32(b, 0);
    put32(b, (size_t)crc32(0, p, (uInt)n));
    put32(b, n);
    put32(b, n);
    put16(b, (unsigned)strlen(name));
    put16(b, 0);
}

static void archive(crm__buf *b, const uint8_t *p, size_t n)
{
    crm__buf list;
    size_t at, count = 0;

    crm__buf_init(&list, NULL);
    for (size_t i = 0; i < PARTS; i++) {
        const uint8_t *zero = n ? memchr(p, 0, n) : NULL, *text = p;
        size_t len = zero ? (size_t)(zero - p) : n;
        p += zero ? len + 1 : len;
        n -= zero ? len + 1 : len;
        if (!len && i >= 3) {
            text = (const uint8_t *)(i == 3 ? BOOK : RELATIONS);
            len = strlen((const char *)text);
        }
        if (!len)
            continue;
        at = b->n;
        crm__buf_add(b, "PK\x03\x04", 4);
        put_entry(b, NAMES[i], text, len);
        crm__buf_add_str(b, NAMES[i]);
        crm__buf_add(b, text, len);
        crm__buf_add(&list, "PK\x01\x02\x14\x00", 6);
        put_entry(&list, NAMES[i], text, len);
        crm__buf_add(&list, "\0\0\0\0\0\0\0\0\0\0", 10);
        put32(&list, at);
        crm__buf_add_str(&list, NAMES[i]);
        count++;
    }
    at = b->n;
    crm__buf_add(b, list.p, list.n);
    crm__buf_add(b, "PK\x05\x06\0\0\0\0", 8);
    put16(b, (unsigned)count);
    put16(b, (unsigned)count);
    put32(b, list.n);
    put32(b, at);
    put16(b, 0);
    crm__buf_clear(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crm__table *t = NULL;
    crm__table_row row;
    crm_error err;
    crm__buf bytes;
    uint64_t number = 0;
    int fd, rc;

    if (!size)
        return 0;
    crm__buf_init(&bytes, NULL);
    if (data[0] & 1)
        crm__buf_add(&bytes, data + 1, size - 1);
    else
        archive(&bytes, data + 1, size - 1);
    fd = bytes_fd(bytes.p, bytes.n);
    rc = crm__table_open(NULL, &(crm__input){fd, NULL, NULL, NULL}, NULL, &t, &err);
    while (!rc) {
        rc = crm__table_next(t, &row, &err);
        if (rc)
            break;
        check_row(t, &row, number);
        number = row.number;
    }
    if (t)
        check_columns(t);
    crm__table_close(t);
    close(fd);
    crm__buf_clear(&bytes);
    return 0;
}
