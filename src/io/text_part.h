/* SPDX-License-Identifier: MIT
 * What the files of text_in.h share: the input below the encoding, and the decoders.
 */
#ifndef CRM_IO_TEXT_PART_H
#define CRM_IO_TEXT_PART_H

#include "io/text_in.h"

#include <iconv.h>

/* ---- bytes, unpacked ---- */

typedef struct crm__unpack crm__unpack;
int crm__unpack_open(const crm_allocator *mem, crm__fill_fn fill, void *ctx, crm__unpack **out,
                     crm_error *err);
void crm__unpack_close(crm__unpack *u);
int crm__unpack_is_gzip(const crm__unpack *u);
/* As a crm__fill_fn; ctx is the crm__unpack. */
int crm__unpack_read(void *ctx, void *to, size_t cap, size_t *n, crm_error *err);

/* ---- decoders ---- */

enum {
    CRM__DECODE_UTF8,
    CRM__DECODE_UTF16LE,
    CRM__DECODE_UTF16BE,
    CRM__DECODE_1252,
    CRM__DECODE_ICONV
};

typedef struct crm__decoder {
    int kind;
    iconv_t cd; /* of CRM__DECODE_ICONV */
} crm__decoder;

/* `name` becomes the name in use.  CRM_EINVAL: not known. */
int crm__decoder_open(crm__decoder *d, char name[CRM__TEXT_NAME], crm_error *err);
void crm__decoder_close(crm__decoder *d);

typedef struct crm__decoded {
    size_t used, made;
    size_t bad; /* length of the invalid sequence behind what was used, 0: none */
} crm__decoded;

/* Decodes up to a NUL, an invalid sequence, the end, or until fewer than 4 bytes of room are left.
 * `last`: no more bytes follow, so that a sequence cut short is invalid. */
crm__decoded crm__decode(const crm__decoder *d, const uint8_t *p, size_t n, int last, uint8_t *to,
                         size_t cap);
/* Length of the next character when it is a NUL, else 0. */
size_t crm__decode_at_nul(const crm__decoder *d, const uint8_t *p, size_t n);
/* Whether NULs stand in so many places that it is no text with some of them.  One place may have
 * very many. */
int crm__decode_is_binary(const crm__decoder *d, const uint8_t *p, size_t n);
/* Length of the valid or invalid UTF-8 sequence at p (n >= 1) that begins above ASCII: its valid
 * length, or 0 and in *bad the length of its longest beginning, or 0 and 0 when cut short. */
size_t crm__decode_sequence(const uint8_t *p, size_t n, size_t *bad);

#endif
