/* SPDX-License-Identifier: MIT
 * What dump and load share: the sorts of lines and their words, the names of the dictionary, and
 * the sum over all lines.
 *
 * A dump is logical: values as text, names in place of their numbers.  Two things are kept as they
 * stand, because commitments are over their bytes: an image is base64 of its row, and an entry is
 * encoded anew from its members, which must give its link of the chain.
 */
#ifndef CRM_IO_DUMP_H
#define CRM_IO_DUMP_H

#include "base/hash.h"
#include "codec/event.h"
#include "codec/json.h"
#include "codec/record.h"
#include "db/tagged.h"
#include "db/journal.h"
#include "db/live.h"
#include "db/saved.h"
#include "io/copy.h"

#include <crm/dump.h>

enum { CRM__DUMP_FORMAT = 1 };

/* Sorts of lines, in the order in which they stand in a dump. */
enum {
    CRM__LINE_HEAD = 0,
    CRM__LINE_MODEL,
    CRM__LINE_NAME,
    CRM__LINE_CUSTOMER,
    CRM__LINE_EVENT,
    CRM__LINE_BATCH,
    CRM__LINE_SEGMENT,
    CRM__LINE_WATCH,
    CRM__LINE_CLOCK,
    CRM__LINE_ENTRY,
    CRM__LINE_IMAGE,
    CRM__LINE_TAGGED,
    CRM__LINE_GIVEN,
    CRM__LINE_END,
    CRM__LINES
};
/* The name of its first member, which tells what a line is. */
const char *crm__line_word(int line);
/* The word of a class of the dictionary; NULL: one that is derived, and not dumped. */
const char *crm__class_word(int cls);

/* From zeros, with each line: BLAKE2b-256 of the sum until now and the line without its end. */
void crm__line_sum(uint8_t sum[CRM__DIGEST], const void *line, size_t n);

void crm__hex_add(crm__buf *out, const void *p, size_t n);
/* Exactly n bytes of lower-case text.  CRM_OK or CRM_EVALUE. */
int crm__hex_read(crm__slice text, uint8_t *to, size_t n);
void crm__base64_add(crm__buf *out, const void *p, size_t n);
/* Appends; standard alphabet, padded.  CRM_OK, CRM_EVALUE, CRM_ENOMEM. */
int crm__base64_read(crm__slice text, crm__buf *out);

/* ---- names of the dictionary (dump_names.c) ---- */

typedef struct crm__dump_names {
    const crm_allocator *mem;
    crm__arena arena; /* the texts */
    crm__buf of[CRM__DICT_CLASSES];
    struct crm__dump_slot *table;
    size_t slots, used;
} crm__dump_names;

void crm__dump_names_init(crm__dump_names *d, const crm_allocator *mem);
void crm__dump_names_clear(crm__dump_names *d);
/* Numbers of a class come in ascending order.  CRM_OK, CRM_ENOMEM; CRM_EVALUE for a number out of
 * order, CRM_EEXISTS for a name that has one. */
int crm__dump_names_add(crm__dump_names *d, int cls, uint32_t number, crm__slice name);
/* n = 0: none. */
crm__slice crm__dump_names_text(const crm__dump_names *d, int cls, uint32_t number);
/* 0: none. */
uint32_t crm__dump_names_number(const crm__dump_names *d, int cls, const void *p, size_t n);

/* ---- lines out (dump_line.c) ---- */

typedef struct crm__dumper {
    crm_txn *txn;
    crm__dump_names names;
    crm__buf line;
    int bad; /* a text or name can't be said: the row is damaged */
    crm__record record;
    crm__arena arena;
} crm__dumper;

/* Each makes the line of one row in d->line.  CRM_OK, CRM_ECORRUPT, CRM_ENOMEM. */
int crm__dump_head(crm__dumper *d, uint32_t model);
int crm__dump_model(crm__dumper *d, uint32_t version, crm__slice yaml);
int crm__dump_name(crm__dumper *d, int cls, uint32_t number, crm__slice name);
int crm__dump_customer(crm__dumper *d, crm_id id, crm__slice payload);
int crm__dump_event(crm__dumper *d, crm_id id, const crm__event *e);
int crm__dump_batch(crm__dumper *d, uint64_t batch, const crm__batch *b);
int crm__dump_segment(crm__dumper *d, crm__slice name, const crm__saved *s);
int crm__dump_watch(crm__dumper *d, const crm__live_watch *w);
int crm__dump_clock(crm__dumper *d, const crm__live_clock *c);
int crm__dump_entry(crm__dumper *d, uint64_t seq, crm__slice payload);
int crm__dump_image(crm__dumper *d, uint64_t seq, crm_id id, crm__slice payload);
int crm__dump_tagged(crm__dumper *d, crm__slice key, crm__slice payload);
int crm__dump_given(crm__dumper *d, uint64_t seq, uint32_t group, const crm__tag_how *how);
int crm__dump_end(crm__dumper *d, uint64_t lines, const uint8_t sum[CRM__DIGEST]);

/* ---- the text (dump_out.c) ---- */

enum { CRM__DUMP_BLOCK = 1 << 18 };

typedef struct crm__dump_out {
    const crm_allocator *mem;
    int fd; /* -1: write takes the text */
    crm_dump_fn write;
    void *write_ctx;
    crm__packer packer;
    int packed;
    uint8_t *block; /* CRM__DUMP_BLOCK bytes of text */
    size_t n;
    uint8_t sum[CRM__DIGEST]; /* of all lines */
    uint64_t lines, bytes;    /* bytes: as written */
    uint64_t hash;            /* of all full blocks, and the last one */
} crm__dump_out;

int crm__dump_out_open(crm__dump_out *o, const crm_allocator *mem, int fd,
                       const crm_dump_options *opts, crm_error *err);
/* Adds a line, which has no end yet. */
int crm__dump_out_line(crm__dump_out *o, const crm__buf *line, crm_error *err);
/* Writes what waits. */
int crm__dump_out_end(crm__dump_out *o, crm_error *err);
void crm__dump_out_close(crm__dump_out *o);
/* Reads a file that was written: CRM_EIO when it is not the text. */
int crm__dump_out_verify(crm__dump_out *o, const char *file, crm__work *w, crm_error *err);

/* ---- lines in (load_member.c, load_line.c, load_entry.c) ---- */

/* One object of a line.  A fault is kept with the first `rc`, after which the rest reads nothing.
 */
typedef struct crm__members {
    const crm__json *object;
    uint64_t line;
    crm_error *err;
    int rc;
    int count;
    const char *asked[24]; /* names, so that one that is not known can be told */
} crm__members;

int crm__members_fail(crm__members *m, int code, const char *member, const char *what);
int crm__members_bad(crm__members *m, const char *member, const char *what); /* CRM_EVALUE */
int crm__members_no_memory(crm__members *m, const char *member);
/* Members of an object within, with the faults so far. */
crm__members crm__members_inside(const crm__members *m, const crm__json *object);
/* A text of digits, also below zero; an instant.  CRM_EVALUE: it is none. */
int crm__members_unsigned(crm__slice text, uint64_t *out);
int crm__members_signed(crm__slice text, int64_t *out);
int crm__members_instant(const crm__json *v, int64_t *us);
/* NULL when it is absent; CRM_EVALUE when `must`. */
const crm__json *crm__members_get(crm__members *m, const char *name, int kind, int must);
uint64_t crm__members_number(crm__members *m, const char *name, uint64_t least, uint64_t most);
crm__slice crm__members_text(crm__members *m, const char *name, int must);
int64_t crm__members_time(crm__members *m, const char *name, const int64_t *absent);
int crm__members_flag(crm__members *m, const char *name);
void crm__members_hex(crm__members *m, const char *name, uint8_t *to, size_t n);
/* The number of a name in the dictionary; 0 when it is absent. */
uint32_t crm__members_name(crm__members *m, const char *name, const crm__dump_names *names,
                           int cls);
/* The result; CRM_EVALUE when there is a member that nobody asked for. */
int crm__members_end(crm__members *m);

/* What the lines of customers, events and entries are read into; all of it lies in the arena. */
typedef struct crm__loaded {
    const crm_allocator *mem;
    const crm__dump_names *names;
    crm__arena *arena;
    crm__buf scratch, name;
    crm__record record;
} crm__loaded;

int crm__load_customer(crm__loaded *l, crm__members *m);
int crm__load_event(crm__loaded *l, crm__members *m, crm__event *e);
/* The part of a change of tags, its chunk and its rows. */
int crm__load_tagged(crm__loaded *l, crm__members *m, uint32_t *tag, uint64_t *chunk,
                     uint32_t *part, uint64_t words[CRM__SET_WORDS]);
int crm__load_given(crm__loaded *l, crm__members *m, crm__tag_how *how);
/* Appends the entry without its chain to out. */
int crm__load_entry(crm__loaded *l, crm__members *m, crm__buf *out);

#endif
