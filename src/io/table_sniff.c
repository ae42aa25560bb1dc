/* SPDX-License-Identifier: MIT
 * What a file is, by its first bytes.  People bring more than tables: each kind of file that is
 * often taken for one is told by its name, with what to do instead.
 */
#include "io/table_part.h"

#include <crm/codes.h>

enum {
    TOLD = 256,           /* the beginning of a text that is looked at */
    OLE_MOST = 256 << 20, /* bytes of an old Office file looked through for its parts' names */
    OLE_BLOCK = CRM__TABLE_HEAD,
};

/* ---- binary files ---- */

static int begins(const crm__table_input *in, const void *with, size_t n)
{
    return in->n >= n && memcmp(in->head, with, n) == 0;
}

/* The name of a part, as it stands in an OLE2 file's list: UTF-16. */
static int has_part(const uint8_t *p, size_t n, const char *name)
{
    uint8_t wide[64];
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        wide[2 * i] = (uint8_t)name[i];
        wide[2 * i + 1] = 0;
    }
    return memmem(p, n, wide, 2 * len) != NULL;
}

/* OLE2 is a file system of its own: an old Excel file, or any Office file with a password. */
static const char *what_ole2(crm__table_input *in)
{
    static const struct {
        const char *part, *what;
    } PARTS[] = {
        {"EncryptedPackage", "it has a password: save it without one"},
        {"Workbook", "an old Excel file (.xls): save it as .xlsx or CSV"},
        {"Book", "an old Excel file (.xls): save it as .xlsx or CSV"},
        {"WordDocument", "a Word file, not a table"},
    };
    enum { COUNT = sizeof PARTS / sizeof *PARTS };
    size_t best = COUNT, keep = 0, got = in->n;
    uint64_t total = 0;
    crm_error ignored;

    /* Over the head, whose bytes nobody needs any more. */
    crm_error_init(&ignored);
    while (got && total < OLE_MOST) {
        for (size_t i = 0; i < best; i++) {
            if (has_part(in->head, keep + got, PARTS[i].part))
                best = i;
        }
        total += got;
        got += keep;
        keep = got < 64 ? got : 64;
        memmove(in->head, in->head + got - keep, keep);
        got = 0;
        if (in->whole ||
            crm__unpack_read(in->unpack, in->head + keep, OLE_BLOCK - keep, &got, &ignored))
            break;
    }
    return best < COUNT ? PARTS[best].what : "an old Office file: save it as .xlsx or CSV";
}

static const char *what_binary(crm__table_input *in)
{
    static const struct {
        const char *magic;
        size_t n;
        const char *what;
    } MAGIC[] = {
        {"%PDF-", 5, "a PDF, not a table"},
        {"\x89PNG", 4, "a picture, not a table"},
        {"\xff\xd8\xff", 3, "a picture, not a table"},
        {"GIF8", 4, "a picture, not a table"},
        {"{\\rtf", 5, "a text with formats (RTF), not a table"},
        {"Rar!\x1a", 5, "a RAR archive: unpack it"},
        {"7z\xbc\xaf\x27\x1c", 6, "a 7z archive: unpack it"},
        {"BZh91AY&SY", 10, "a file packed by bzip2: unpack it"},
        {"\xfd"
         "7zXZ",
         5, "a file packed by xz: unpack it"},
        {"\x28\xb5\x2f\xfd", 4, "a file packed by zstd: unpack it"},
        {"SQLite format 3", 15, "a SQLite database, not a table"},
        {"PK\x05\x06", 4, "an empty zip archive, not an XLSX file"},
        {"PAR1\x15", 5, "a Parquet file: convert it to CSV"},
        {"\xff\xfe\0\0", 4, "it is UTF-32: save it as UTF-8"},
        {"\0\0\xfe\xff", 4, "it is UTF-32: save it as UTF-8"},
    };
    static const char STORE[] = "\xde\xc0\xef\xbe"; /* of LMDB, behind the head of its first page */
    enum { AT = 16 };

    if (begins(in, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8))
        return what_ole2(in);
    for (size_t i = 0; i < sizeof MAGIC / sizeof *MAGIC; i++) {
        if (begins(in, MAGIC[i].magic, MAGIC[i].n))
            return MAGIC[i].what;
    }
    if (in->n >= AT + sizeof STORE && memcmp(in->head + AT, STORE, sizeof STORE - 1) == 0)
        return "the file of a database, or a backup of one: restore makes a folder of that";
    return NULL;
}

/* ---- texts ---- */

static int is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The first characters of a text in lower case, without a byte order mark and white space in
 * front; UTF-16 by leaving out its zeros. */
static void beginning(const crm__table_input *in, char to[TOLD + 1])
{
    const uint8_t *p = in->head, *end = p + in->n;
    size_t n = 0;

    if (begins(in, "\xef\xbb\xbf", 3))
        p += 3;
    else if (begins(in, "\xff\xfe", 2) || begins(in, "\xfe\xff", 2))
        p += 2;
    for (; p < end && n < TOLD; p++) {
        char c = (char)*p;
        if (c && (n || !is_blank(c)))
            to[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    to[n] = 0;
}

static int starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static const char *after_blanks(const char *s)
{
    while (is_blank(*s))
        s++;
    return s;
}

static int is_vcard(const char *s)
{
    if (!starts(s, "begin"))
        return 0;
    s = after_blanks(s + 5);
    return *s == ':' && starts(after_blanks(s + 1), "vcard");
}

/* A text's first cell may be in brackets, so more than the bracket must be JSON's. */
static int is_json(const char *s)
{
    const char *next = after_blanks(s + (*s != 0));

    if (*s == '{')
        return *next == '"' || *next == '}';
    return *s == '[' && (*next == '{' || *next == '[' || *next == '"' || *next == ']');
}

static const char *what_text(const char *s)
{
    static const char *const HTML[] = {"<!doctype html", "<html",  "<table", "<meta",
                                       "<head",          "<style", "<body",  "<div"};

    for (size_t i = 0; i < sizeof HTML / sizeof *HTML; i++) {
        if (starts(s, HTML[i]))
            return "a page of HTML, whatever its name: open it in a spreadsheet and save it as "
                   ".xlsx or CSV";
    }
    if (starts(s, "<?xml"))
        return strstr(s, "excel.sheet") || strstr(s, "<workbook")
                   ? "an XML sheet of Excel 2003: save it as .xlsx or CSV"
                   : "an XML file, not a table";
    if (starts(s, "begin:vcalendar"))
        return "a calendar (iCalendar), not a table";
    if (starts(s, "dn:") || starts(s, "version: 1"))
        return "an LDIF file: export it as vCard or CSV";
    if (is_json(s))
        return "JSON, not a table: what can't be read twice must be said to be jsonl";
    return NULL;
}

/* ---- what it is ---- */

const char *crm__table_sniff(crm__table_input *in, const char *given, crm_error *err)
{
    char text[TOLD + 1];
    const char *what, *name = NULL;

    what = what_binary(in);
    if (!what && begins(in, "PK\x03\x04", 4)) {
        name = "xlsx";
    } else if (!what) {
        beginning(in, text);
        if (!text[0] && in->whole && !memchr(in->head, 0, in->n))
            what = "it has no text";
        else if (is_vcard(text))
            name = "vcard";
        else if (!given)
            what = what_text(text);
        if (!what && !name)
            name = "csv";
    }
    if (what) {
        crm__fail(err, CRM_ESYNTAX, "the file can't be read: %s", what);
        return NULL;
    }
    if (!given || strcmp(given, name) == 0)
        return name;
    if (strcmp(name, "xlsx") == 0)
        crm__fail(err, CRM_ESYNTAX, "the file is a zip archive or XLSX, not %s", given);
    else if (strcmp(given, "xlsx") == 0)
        crm__fail(err, CRM_ESYNTAX, "the file is no XLSX: it does not begin as a zip archive");
    else if (strcmp(given, "vcard") == 0)
        crm__fail(err, CRM_ESYNTAX, "the file is no vCard: it does not begin with BEGIN:VCARD");
    else
        return given; /* a CSV whose first cell looks like a card's beginning */
    return NULL;
}
