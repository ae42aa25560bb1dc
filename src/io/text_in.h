/* SPDX-License-Identifier: MIT
 * Text that people bring: a stream of bytes in some encoding, gzip-compressed or not, read as
 * strict UTF-8 without NUL in bounded memory (about 240 KiB).  However well the input is
 * compressed, no more of it is held than that, so there is no limit of the ratio.  What is wrong in
 * one place never ends it: marks stand there, for the reader of rows to find.
 */
#ifndef CRM_IO_TEXT_IN_H
#define CRM_IO_TEXT_IN_H

#include "base/error.h"
#include "base/mem.h"

/* Puts 1 to cap bytes at `to` and their number in *n; *n = 0 at the end.  A negative result ends
 * the text; err (never NULL) has the detail. */
typedef int (*crm__fill_fn)(void *ctx, void *to, size_t cap, size_t *n, crm_error *err);

/* Fills from the file descriptor that ctx, an int *, points to: a file, a pipe, a terminal. */
int crm__fill_fd(void *ctx, void *to, size_t cap, size_t *n, crm_error *err);

/* A descriptor, and who is asked whether to go on; each may be NULL. */
typedef struct crm__input {
    int fd;
    /* Asked now and then while nothing comes; non-zero ends the text with CRM_ECANCELLED. */
    int (*idle)(void *ctx);
    void *ctx;
    /* The same, while much is read that gives no row: of a few KB of XLSX gigabytes may be unpacked. */
    int (*busy)(void *ctx);
} crm__input;

/* As crm__fill_fd(); ctx is a crm__input. */
int crm__fill_waiting(void *ctx, void *to, size_t cap, size_t *n, crm_error *err);
/* Whether something comes, or has ended, within a moment (200 ms). */
int crm__fd_ready(int fd);

/* How the encoding was found. */
enum {
    CRM__TEXT_GIVEN,     /* by name */
    CRM__TEXT_BOM,       /* by a byte order mark */
    CRM__TEXT_ASCII,     /* ASCII alone has been met; if that changes, so does this */
    CRM__TEXT_UTF8,      /* it is UTF-8, or so nearly that nothing else is likely */
    CRM__TEXT_ZEROS,     /* UTF-16 by where the zero bytes stand */
    CRM__TEXT_FREQUENCY, /* GB18030, Big5 or Windows-1252 by which double bytes occur */
};

enum { CRM__TEXT_NAME = 32, CRM__TEXT_SAMPLE = 64 * 1024 };

typedef struct crm__text_guess {
    char name[CRM__TEXT_NAME]; /* "UTF-8", "UTF-16LE", "UTF-16BE", "GB18030",
                                * "Big5", "Windows-1252" */
    unsigned found;
    unsigned percent; /* how sure that is */
    size_t bom;       /* length of the byte order mark */
} crm__text_guess;

/* Guesses from n bytes, `whole` when the text ends with them. */
void crm__text_guess_of(const uint8_t *p, size_t n, int whole, crm__text_guess *g);
/* The same where only ASCII went before: UTF-8, GB18030, Big5 or Windows-1252, and no mark. */
void crm__text_guess_inside(const uint8_t *p, size_t n, int whole, crm__text_guess *g);

/* What a sequence that is not of the encoding is read as, and what NULs that stand together are:
 * U+FFFD and U+2400, a picture of NUL. */
#define CRM__TEXT_INVALID "\xef\xbf\xbd"
#define CRM__TEXT_NUL "\xe2\x90\x80"

/* Which of the two stand in a text that has faults. */
enum { CRM__HAS_INVALID = 1, CRM__HAS_NUL = 2 };
unsigned crm__text_marks(const void *p, size_t n);

/* A sequence that is not of the encoding, or a NUL (the first of several). */
typedef struct crm__text_fault {
    uint64_t offset; /* of its first byte, in the input unpacked */
    uint64_t line;   /* from 1 */
    const uint8_t *bytes;
    size_t n;
} crm__text_fault;

typedef struct crm__text_options {
    const char *encoding; /* any ASCII-based one that iconv knows, or UTF-16; NULL: guess */
    /* Told of every fault, before the text with its mark is returned; may be NULL. */
    void (*fault)(void *ctx, const crm__text_fault *fault);
    /* Whether more comes soon: a guess does with what is there if not.  NULL: it waits. */
    int (*ready)(void *ctx);
    void *ctx;
} crm__text_options;

typedef struct crm__text_info {
    crm__text_guess encoding;
    int gzip;
    uint64_t offset; /* bytes of the unpacked input behind what was read */
    uint64_t bytes;  /* of UTF-8 read */
    uint64_t lines;  /* ends of lines read: LF, CRLF or CR */
    uint64_t faults; /* invalid sequences, and NULs: those that stand together are one */
} crm__text_info;

typedef struct crm__text crm__text;

/* Reads as much as a guess needs.  opts may be NULL.  CRM_EINVAL: the encoding is not known;
 * CRM_ESYNTAX: it is no text, NULs stand all over its beginning. */
int crm__text_open(const crm_allocator *mem, crm__fill_fn fill, void *ctx,
                   const crm__text_options *opts, crm__text **out, crm_error *err);
void crm__text_close(crm__text *t);

/* 1 to cap bytes (cap at least CRM__TEXT_LEAST) of UTF-8 at `to`, whole characters; *n = 0 at the
 * end.  What stands before what can't be read comes first; the error then stays.  CRM_ESYNTAX:
 * damaged gzip data; or an error of the input. */
enum { CRM__TEXT_LEAST = 16 };
int crm__text_read(crm__text *t, uint8_t *to, size_t cap, size_t *n, crm_error *err);

const crm__text_info *crm__text_info_of(const crm__text *t);

#endif
