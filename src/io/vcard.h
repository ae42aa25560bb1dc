/* SPDX-License-Identifier: MIT
 * Cards (vCard 2.1, 3.0, 4.0) as a stream of properties: folded lines are joined, parameters of
 * every spelling taken apart, quoted-printable, base64 and other character sets decoded.  Large
 * binary values are passed over without being held.
 */
#ifndef CRM_IO_VCARD_H
#define CRM_IO_VCARD_H

#include "io/text_part.h"

enum {
    CRM__VCARD_LINE = 1024 * 1024, /* of a property that is not binary, in bytes */
    CRM__VCARD_PARAMS = 64,
};

/* ---- lines ---- */

enum {
    CRM__LINE_CUT = 1, /* longer than CRM__VCARD_LINE: the rest is left out */
};

typedef struct crm__vcard_lines {
    const crm_allocator *mem;
    crm__text *text;
    uint8_t *window; /* text not looked at yet: from `at` to `n` */
    size_t at, n;
    int ended, after_cr;
    crm__buf line;  /* given */
    crm__buf next;  /* the one behind it, unfolded */
    crm__buf ahead; /* the text line behind that */
    int has_next, next_kind, has_ahead;
    uint64_t number; /* of the last text line read, from 1 */
    uint64_t next_number;
    unsigned next_flags, ahead_flags;
    int rc; /* of the text, for when the lines before it were given */
    crm_error why;
} crm__vcard_lines;

int crm__vcard_lines_open(crm__vcard_lines *l, const crm_allocator *mem, crm__text *text,
                          crm_error *err);
void crm__vcard_lines_close(crm__vcard_lines *l);
/* The next line with what was folded joined, until the next call; blank ones are left out.
 * *number: of its first text line.  CRM_DONE at the end. */
int crm__vcard_lines_next(crm__vcard_lines *l, crm__slice *line, uint64_t *number, unsigned *flags,
                          crm_error *err);

/* Folds cut through characters by old programs, made right: a fill function over another.  Only
 * for UTF-8, so it is told by the first bytes whether it is of use. */
typedef struct crm__vcard_mend crm__vcard_mend;
int crm__vcard_mend_open(const crm_allocator *mem, crm__fill_fn fill, void *ctx,
                         crm__vcard_mend **out, crm_error *err);
void crm__vcard_mend_close(crm__vcard_mend *m);
int crm__vcard_mend_fill(void *ctx, void *to, size_t cap, size_t *n, crm_error *err);

/* ---- properties ---- */

typedef struct crm__vcard_param {
    crm__slice name;  /* "TYPE" where it stands alone, as in 2.1: "TEL;CELL:" */
    crm__slice value; /* one of a list, without quotes */
} crm__vcard_param;

enum {
    CRM__PROP_BINARY = 1,     /* a picture or the like: without its value */
    CRM__PROP_CUT = 2,        /* longer than CRM__VCARD_LINE */
    CRM__PROP_REPLACED = 4,   /* U+FFFD stands for what its character set does not have */
    CRM__PROP_QUOTED = 8,     /* the value was quoted-printable or base64 */
    CRM__PROP_NO_MEMORY = 16, /* of crm__vcard_head_parse() */
};

typedef struct crm__vcard_prop {
    crm__slice group, name; /* "item1", or none; "TEL" */
    crm__vcard_param params[CRM__VCARD_PARAMS];
    size_t count;
    crm__slice value; /* UTF-8; escapes stand */
    unsigned flags;
} crm__vcard_prop;

/* What decoding needs; the last character set stays open. */
typedef struct crm__vcard_scratch {
    crm__buf bytes, text;
    crm__arena params;
    char charset[CRM__TEXT_NAME];
    crm__decoder decoder;
} crm__vcard_scratch;

void crm__vcard_scratch_init(crm__vcard_scratch *s, const crm_allocator *mem);
void crm__vcard_scratch_clear(crm__vcard_scratch *s);

/* All but the value's encoding; 0 when it is no property.  Without an arena (NULL) the values of
 * parameters keep their escapes. */
int crm__vcard_head_parse(crm__arena *to, crm__slice line, crm__vcard_prop *p);

/* Takes a line apart; pieces lie in the line or in *s.  0 when it is no property (its first
 * characters are not a name), below that CRM_ENOMEM. */
int crm__vcard_prop_parse(crm__vcard_scratch *s, crm__slice line, unsigned line_flags,
                          crm__vcard_prop *p, crm_error *err);

/* ASCII without regard to case. */
int crm__vcard_is(crm__slice s, const char *word);
/* One of TYPE's values is the word. */
int crm__vcard_has_type(const crm__vcard_prop *p, const char *word);
/* The first value of a parameter; of no bytes when there is none. */
crm__slice crm__vcard_param_of(const crm__vcard_prop *p, const char *name);

/* Appends a text with its escapes undone. */
void crm__vcard_text(crm__buf *to, crm__slice value);
/* The part of *rest up to an unescaped separator, which is passed; 0 when nothing is left.  Begin
 * with *rest the value and *more 1. */
int crm__vcard_part(crm__slice *rest, int *more, char separator, crm__slice *part);

#endif
