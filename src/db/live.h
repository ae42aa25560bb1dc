/* SPDX-License-Identifier: MIT
 * Watched segments as they are stored, and what a transaction touched that they may ask about.
 *
 * The customers whom a watched segment has been told of have the tag `live(NAME)`, which no
 * dimension can have: its key has no bracket.  So who entered and left stands where all tags stand:
 * in the rows of `tagged` under the seq of an entry with action CRM__ACTION_LIVE, which commits to
 * them; the check proves the members from these, and dump, load and repair need nothing of their
 * own.  Rows of the space meta:
 *   "watch/" name  u8 form = 1, u32 tag, i64 since, u64 seq (little-endian), text of the zone, 0,
 *                  purpose, 0, channel, 0
 *   "live"         u8 form = 1, u64 stamp, which is another one whenever what is watched, or what
 *                  that asks, may have changed: the first bytes of a link of the chain, i64 from,
 * i64 until, u64 chunk: rows of chunks before `chunk` are told as of `until`, those behind as of
 * `from`; there is no such row while nothing is watched
 */
#ifndef CRM_DB_LIVE_H
#define CRM_DB_LIVE_H

#include "db/txn.h"

#define CRM__LIVE_TAG "live("

/* A watched segment.  Its texts lie in the arena it was read into. */
typedef struct crm__live_watch {
    crm__slice name;
    uint32_t tag;
    int64_t since;
    uint64_t seq;
    const char *zone, *purpose, *channel; /* "": none */
} crm__live_watch;

#define CRM__LIVE_ALL UINT64_MAX /* the clock has come through all chunks */
typedef struct crm__live_clock {
    uint64_t stamp;
    int64_t from, until;
    uint64_t chunk;
} crm__live_clock;

/* ---- rows ---- */

/* CRM_ENOTFOUND: nothing is watched. */
int crm__live_clock_read(crm_txn *txn, crm__live_clock *out);
/* NULL: nothing is watched any more.  CRM_OK or CRM_ENOMEM. */
int crm__live_clock_put(crm_txn *txn, const crm__live_clock *clock);
/* CRM_ENOTFOUND: the name is not watched. */
int crm__live_watch_read(crm_txn *txn, crm__slice name, crm__arena *a, crm__live_watch *out);
int crm__live_watch_put(crm_txn *txn, const crm__live_watch *w);
int crm__live_watch_drop(crm_txn *txn, crm__slice name);
/* The first one behind a name (empty: the first of all). */
int crm__live_watch_next(crm_txn *txn, crm__slice after, crm__arena *a, crm__live_watch *out);
/* Splits a row of meta; CRM_ENOTFOUND: it is another row. */
int crm__live_watch_split(crm__slice key, crm__slice row, crm__arena *a, crm__live_watch *out);
/* The name inside of `live(NAME)`; n is 0 for any other tag. */
crm__slice crm__live_name(crm__slice tag);

/* ---- what was touched ---- */

/* Sorts of change that no list of numbers tells apart. */
enum {
    CRM__TOUCH_EVENTS = 1, /* events of some customers */
    CRM__TOUCH_FIELDS = 2, /* any of their fields */
    CRM__TOUCH_ROOT = 4,   /* whether they are there at all */
    CRM__TOUCH_ALL = 8     /* anything of anybody: names, the model, a saved segment */
};

/* Whether anything is watched, so that it has to be told what is touched. */
int crm__live_on(crm_txn *txn);
/* Notes a change; of a record also that of field 0, which stands for when it was and its kind.
 * Nothing to fail: without memory for the details, all counts as touched. */
void crm__touch_fields(crm_txn *txn, crm_id id, const uint32_t *fields, uint32_t count);
void crm__touch_tag(crm_txn *txn, uint32_t tag, uint64_t chunk, const uint64_t *words);
void crm__touch_tag_row(crm_txn *txn, uint32_t tag, crm_id id);
void crm__touch_row(crm_txn *txn, crm_id id, unsigned what);
void crm__touch_all(crm_txn *txn);

/* Rows of a chunk that were touched. */
enum { CRM__TOUCHED_ROWS = 8 };
typedef struct crm__touched_rows {
    uint64_t chunk;
    uint32_t count; /* of rows; above the room in `rows` only the words know */
    uint16_t rows[CRM__TOUCHED_ROWS];
    uint64_t *words; /* NULL: `rows` has them all */
} crm__touched_rows;

void crm__touched_end(crm_txn *txn);
void crm__touched_clear(crm_txn *txn);
void crm__touched_words(const crm__touched_rows *rows, uint64_t words[CRM__SET_WORDS]);

/* ---- above (segment/live.c) ---- */

/* Tells who entered and left by what the transaction touched, in an entry of its own behind those
 * of the changes; part of commit.  CRM_OK or an error that is told. */
int crm__live_commit(crm_txn *txn, crm_error *err);
/* Frees what a store keeps of watched segments between transactions. */
void crm__live_free(crm__store *s);

#endif
