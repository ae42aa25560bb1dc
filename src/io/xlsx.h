/* SPDX-License-Identifier: MIT
 * XLSX (Office Open XML) as the files of its reader see it: the archive, XML read piece by piece,
 * values as a spreadsheet shows them, and what the book says of its sheets.  Only the first two see
 * the libraries behind them, and nothing but the values is built without these.
 */
#ifndef CRM_IO_XLSX_H
#define CRM_IO_XLSX_H

#include "base/error.h"
#include "base/mem.h"
#include "io/text_in.h"

/* ---- values ---- */

/* What a number format makes of a number. */
enum {
    CRM__AS_NUMBER,
    CRM__AS_DATE,     /* has a day, month or year ... */
    CRM__AS_DATETIME, /* ... and hours, minutes or seconds */
    CRM__AS_TIME,     /* only these */
    CRM__AS_ELAPSED,  /* hours above 24 too: [h]:mm */
    CRM__AS_DIGITS,   /* "00000": as many digits as that, for codes with zeros in front */
};

typedef struct crm__xlsx_style {
    uint8_t as;
    uint8_t digits; /* of CRM__AS_DIGITS */
} crm__xlsx_style;

/* Of a format's text. */
crm__xlsx_style crm__xlsx_style_of(const char *code, size_t n);
/* Of a format known by its number; CRM__AS_NUMBER for all others. */
crm__xlsx_style crm__xlsx_style_built_in(uint32_t id);

/* Appends a number as the sheet shows it: without exponent, at most 15 digits when it has a
 * fraction or an exponent (the noise of binary fractions is behind them), a date as 2024-05-31,
 * with its time where it has one; what is no number as it stands.  from_1904: days count from
 * there. */
void crm__xlsx_number(crm__buf *to, crm__slice text, crm__xlsx_style style, int from_1904);
/* Undoes _x000D_ in place; returns the new length.  CRM__TEXT_NUL stands for a NUL, and sets *nul. */
size_t crm__xlsx_unescape(uint8_t *p, size_t n, int *nul);

#ifdef CRM__XLSX

/* ---- the archive ---- */

enum {
    CRM__ZIP_ENTRIES = 65536,
    CRM__ZIP_NONE = -1,
};
#define CRM__ZIP_BYTES (UINT64_C(8) << 30) /* unpacked, of all that is read */

typedef struct crm__zip crm__zip;

/* The size bytes of the file from base on.  host->busy is asked with every MiB unpacked, and stays the
 * caller's: CRM_ECANCELLED. */
int crm__zip_open(const crm_allocator *mem, int fd, int64_t base, uint64_t size,
                  const crm__input *host, crm__zip **out, crm_error *err);
void crm__zip_close(crm__zip *z);
/* By name, "xl/workbook.xml", without regard to case; or CRM__ZIP_NONE. */
long crm__zip_find(const crm__zip *z, const char *name);
/* The first entry below a folder "word/". */
int crm__zip_has_folder(const crm__zip *z, const char *folder);
uint64_t crm__zip_bytes(const crm__zip *z, long entry);
/* One entry at a time.  CRM_ESYNTAX: damaged, or more than CRM__ZIP_BYTES were read. */
int crm__zip_enter(crm__zip *z, long entry, crm_error *err);
int crm__zip_read(crm__zip *z, void *to, size_t cap, size_t *n, crm_error *err);
void crm__zip_leave(crm__zip *z);

/* ---- XML ---- */

enum { CRM__XML_DEPTH = 64, CRM__XML_TOKEN = 1024 * 1024 };

/* Names are without their prefix; atts as name, value, ..., NULL, with prefixes. */
typedef struct crm__xml_handler {
    void (*start)(void *ctx, const char *name, const char **atts);
    void (*end)(void *ctx, const char *name);
    void (*text)(void *ctx, const char *p, size_t n);
    void *ctx;
} crm__xml_handler;

typedef struct crm__xml crm__xml;

/* Reads an entry of at most `limit` bytes. */
int crm__xml_open(const crm_allocator *mem, crm__zip *z, long entry, uint64_t limit,
                  const crm__xml_handler *h, crm__xml **out, crm_error *err);
/* Reads up to where a handler paused: CRM_OK; CRM_DONE at the end.  Errors stay. */
int crm__xml_step(crm__xml *x, crm_error *err);
void crm__xml_close(crm__xml *x);
/* For handlers. */
void crm__xml_pause(crm__xml *x);
void crm__xml_stop(crm__xml *x, const crm_error *why);
/* Unpacked bytes read. */
uint64_t crm__xml_bytes(const crm__xml *x);
/* All of an entry.  *x is set for the handlers while it is read. */
int crm__xml_read(const crm_allocator *mem, crm__zip *z, long entry, uint64_t limit,
                  const crm__xml_handler *h, crm__xml **x, crm_error *err);
/* The value of an attribute, by name without prefix; NULL without. */
const char *crm__xml_att(const char **atts, const char *name);

/* ---- the book ---- */

enum { CRM__XLSX_SHEETS = 4096, CRM__XLSX_STYLES = 65536 };
#define CRM__XLSX_STRINGS (UINT64_C(128) << 20) /* memory of shared texts */
#define CRM__XLSX_PART (UINT64_C(64) << 20)     /* of any part but sheets and shared texts */

typedef struct crm__xlsx_sheet {
    const char *name;
    const char *id;   /* of its relationship */
    const char *part; /* its entry's name, NULL when it is no sheet of cells */
    int hidden;
} crm__xlsx_sheet;

typedef struct crm__xlsx_book {
    const crm_allocator *mem;
    crm__arena text;
    crm__xlsx_sheet *sheets;
    size_t count;
    crm__xlsx_style *styles; /* by the number that cells give */
    size_t style_count;
    int from_1904;
    crm__buf strings; /* shared texts one behind another ... */
    crm__buf ends;    /* ... and where each ends: uint32_t */
    int has_nul;      /* a mark of text_in.h stands in one of them */
} crm__xlsx_book;

/* CRM_ESYNTAX when the archive is no XLSX, with what it is instead. */
int crm__xlsx_book_open(crm__xlsx_book *b, const crm_allocator *mem, crm__zip *z, crm_error *err);
void crm__xlsx_book_close(crm__xlsx_book *b);
/* The i-th shared text; 0 when there is none. */
int crm__xlsx_string(const crm__xlsx_book *b, uint64_t i, crm__slice *text);

#endif
#endif
