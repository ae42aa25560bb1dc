/* SPDX-License-Identifier: MIT
 * A journal entry.  The key is its seq.
 *
 *   u8 format = 3, u8 action, i64 recorded time (little-endian, us),
 *   varint actor, purpose, channel, source (dictionary numbers, 0: none),
 *   varint target (customer id, model version, or revision or batch that is undone),
 *   varint seq of the target's previous change; of a batch: of its entry before,
 *   varint batch: seq of the first entry of the batch it is part of, 0: of none,
 *   varint number of fields, each: varint field number - that before,
 *   counters after the change: varint next id, live customers, deleted customers, first seq whose
 *   images are kept,
 *   u8 length of the commitment, 0 or 32, and that
 *   varint number of runs of names that the entry brings, each: u8 class of the dictionary,
 *   varint first number, varint how many
 *   of a batch: three lists of ids: created, changed, with new events, and a list of chunks + 1 in
 * which tags changed, each: varint number of runs, a run: varint first - last of the run before,
 * varint length - 1
 *   of a tag action, and a batch whose list of chunks is not empty: 32 bytes commitment of tags
 *   32 bytes chain
 *
 * Fields are numbers of tags where the action is tag or has lists.
 *
 * Chain: BLAKE2b-256 (RFC 7693) of: chain of the entry before (before the first, the database's
 * chain key), seq (8 bytes little-endian), the entry up to its chain, and, when it brings something
 * (db/brought.h), the sum over that.  All of it is one block of the hash for the entry of a single
 * change, which a key would make two.
 *
 * Image: what a change replaced, in its own row so that it can be erased: key seq, id (u64 each);
 *   u8 form = 1: 16 bytes salt, then [of a batch: varint number of fields, each as above], a record
 * (record.h) of the header before and the values before of the fields the change names u8 form = 2:
 * 32 bytes, the commitment of an image that was erased Commitment of an image: BLAKE2b-256 of seq,
 * id (8 bytes little-endian each), salt, and what follows it.  An entry with one image holds that;
 * a batch folds those of all its images in order of ids: from zeros, each time BLAKE2b-256 of what
 * there is and the next commitment.
 */
#ifndef CRM_CODEC_JOURNAL_H
#define CRM_CODEC_JOURNAL_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"

enum { CRM__JOURNAL_FORMAT = 3, CRM__IMAGE_KEPT = 1, CRM__IMAGE_ERASED = 2, CRM__SALT = 16 };
enum {
    CRM__ACTION_CREATE = 1,
    CRM__ACTION_UPDATE = 2,
    CRM__ACTION_DELETE = 3,
    CRM__ACTION_UNDELETE = 4,
    CRM__ACTION_MODEL = 5,
    CRM__ACTION_EVENT = 6,
    CRM__ACTION_VOID = 7,
    CRM__ACTION_BATCH = 8,
    CRM__ACTION_UNDO = 9,
    CRM__ACTION_TRIM = 10,   /* images before `target` were dropped */
    CRM__ACTION_REPAIR = 11, /* derived spaces were made anew; `target`: bits by space, 18: file */
    CRM__ACTION_EXPORT = 12, /* hand-outs: what leaves the database, `batch` names the reason */
    CRM__ACTION_BACKUP = 13,
    CRM__ACTION_DUMP = 14,
    CRM__ACTION_TAG = 15,     /* tags of one customer, outside of a batch */
    CRM__ACTION_SEGMENT = 16, /* a saved segment; its name stands where names of batches do */
    CRM__ACTION_WATCH = 17,   /* a segment is watched from here on; its name likewise */
    CRM__ACTION_UNWATCH = 18, /* it is no more */
    CRM__ACTION_LIVE = 19,    /* who entered and left watched segments, as tags (db/live.h) */
    CRM__ACTIONS = 20
};

typedef struct crm__counters {
    uint64_t next_id; /* from 1 */
    uint64_t live, deleted;
    uint64_t images_from; /* entries before it may have lost their images */
} crm__counters;

/* The lists of a batch. */
enum {
    CRM__BATCH_CREATED = 0,
    CRM__BATCH_CHANGED,
    CRM__BATCH_EVENTS,
    CRM__BATCH_TAGGED, /* numbers of chunks + 1, not ids */
    CRM__BATCH_LISTS
};

typedef struct crm__journal_entry {
    uint8_t action;
    int64_t recorded;
    uint32_t actor, purpose, channel, source;
    uint64_t target, previous, batch;
    const uint32_t *fields; /* encode only; decode gives mask */
    uint32_t field_count;
    crm__slice mask; /* decode: the numbers as stored, for crm__mask_next() */
    crm__counters counters;
    crm__slice commitment;              /* n = 0 or CRM__DIGEST */
    uint32_t name_runs;                 /* of names that it brings */
    crm__slice names;                   /* those, for crm__brings_next() */
    crm__slice lists[CRM__BATCH_LISTS]; /* of a batch: encoded runs */
    crm__slice tagged;                  /* commitment of tags, n = 0 or CRM__DIGEST */
    crm__slice chain;                   /* decode: in place */
} crm__journal_entry;

/* 1 for the actions whose entries have lists. */
static inline int crm__action_lists(uint8_t action)
{
    return action == CRM__ACTION_BATCH || action == CRM__ACTION_UNDO ||
           action == CRM__ACTION_LIVE;
}

/* 1 for the actions whose fields are numbers of tags. */
static inline int crm__action_tags(uint8_t action)
{
    return action == CRM__ACTION_TAG || crm__action_lists(action);
}

/* 1 for the actions whose reason stands where names of batches do. */
static inline int crm__action_hands_out(uint8_t action)
{
    return (action >= CRM__ACTION_EXPORT && action <= CRM__ACTION_DUMP) ||
           (action >= CRM__ACTION_SEGMENT && action <= CRM__ACTION_UNWATCH);
}

/* Everything but the chain, which the caller appends. */
void crm__journal_encode(const crm__journal_entry *e, crm__buf *out);
/* CRM_OK or CRM_ECORRUPT. */
int crm__journal_decode(crm__slice bytes, crm__journal_entry *e);

/* Numbers of fields: count, then steps.  Reading: in over a mask, *field from 0; 0 at the end. */
void crm__mask_encode(const uint32_t *fields, uint32_t count, crm__buf *out);
int crm__mask_next(crm__reader *in, uint32_t *field);

/* Sorts ids and drops doubles; how many are left. */
size_t crm__ids_sort(uint64_t *ids, size_t count);
/* Ids in ascending order, each once, as runs; and back: `in` over an encoded list. */
void crm__runs_encode(const uint64_t *ids, size_t count, crm__buf *out);
typedef struct crm__runs {
    crm__reader in;
    uint64_t left; /* runs not yet read */
    uint64_t last; /* of the run read last */
} crm__runs;
/* CRM_OK or CRM_ECORRUPT. */
int crm__runs_open(crm__slice list, crm__runs *r);
/* The next run; 0 at the end. */
int crm__runs_next(crm__runs *r, uint64_t *first, uint64_t *count);

/* Names that an entry brings.  Reading: in over the names of an entry; 0 at the end. */
typedef struct crm__names_run {
    uint8_t cls; /* first byte of the keys of the class */
    uint32_t first, count;
} crm__names_run;
void crm__brings_add(const crm__names_run *run, crm__buf *out);
int crm__brings_next(crm__reader *in, crm__names_run *run);

/* The next link of the chain.  brought: the sum over what the entry brings, n = 0: nothing. */
void crm__chain_next(const uint8_t before[CRM__DIGEST], uint64_t seq, crm__slice entry,
                     crm__slice brought, uint8_t out[CRM__DIGEST]);
/* Commitment of a stored image row, kept or erased.  CRM_OK or CRM_ECORRUPT. */
int crm__image_commitment(uint64_t seq, uint64_t id, crm__slice row, uint8_t out[CRM__DIGEST]);

#endif
