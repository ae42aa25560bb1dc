/* SPDX-License-Identifier: MIT
 * Tags of customers as they are stored: which rows of a chunk have a tag (space tag), and what each
 * journal entry did to that (space tagged), which says who gave a tag, when, why and until when.
 *
 *   tag     chunk, tag -> set of rows, each under its own id; kept while a customer is deleted
 *   tagged  chunk, tag, seq, part -> set of rows: removed, added in a group, renewed in a group
 *           all ones, 0, seq, group -> u8 origin, u8 flags (1: an end, 2: a reason), [i64 end],
 *           [the reason]: how the tags of that group were given
 * The rows of the parts of one entry are apart, and tell the whole: what is in tag is what comes of
 * them in order.  The commitment of an entry: from zeros, for each of its rows in order of keys
 * BLAKE2b-256 of what there is, length of the key (u16), key, payload.
 */
#ifndef CRM_DB_TAGGED_H
#define CRM_DB_TAGGED_H

#include "db/tag_end.h"
#include "db/txn.h"

/* How a tag was given. */
typedef struct crm__tag_how {
    uint8_t origin; /* CRM_TAG_* */
    int64_t until;  /* 0: no end */
    crm__slice reason;
} crm__tag_how;

/* Longest reason, as of a name of a batch. */
enum { CRM__TAG_REASON = 200, CRM__TAG_ORIGINS = 3 };

/* ---- changing ---- */

/* The changes of tags of one call; `how` counts for what it adds. */
typedef struct crm__tagging {
    crm_txn *txn;
    crm__tag_how how;
    uint64_t seq; /* of the entry all of it is part of */
    uint32_t group;
    int grouped; /* the group is known */
    int keep;    /* a tag that is there and not over keeps its end, unless `how` has one */
    crm_id id;   /* the one customer of an entry of its own; 0: in a batch */
    const char *dimension; /* key of that of the tag that is given; NULL: not said, which costs */
    crm__buf tags;
    uint64_t changed; /* customers and tags */
    crm_error *err;
} crm__tagging;

/* id: the customer, when the transaction is no batch.  Inside a public write. */
void crm__tagging_begin(crm_txn *txn, crm_id id, const crm__tag_how *how, crm__tagging *t,
                        crm_error *err);
/* Gives a customer a tag or takes it; a tag that is there already changes nothing unless
 * its end does (ends: it may have one), see `keep`.  The functions give CRM_OK, or an error that is
 * told. */
int crm__tag_row(crm__tagging *t, uint32_t tag, int ends, crm_id id, int on);
/* The same for all rows of words; those that it changed are added to `rows` (may be NULL). */
int crm__tag_chunk(crm__tagging *t, uint32_t tag, int ends, uint64_t chunk,
                   const uint64_t words[CRM__SET_WORDS], int on, uint64_t *rows);
/* Journals what was changed, unless it is part of a batch. */
int crm__tagging_end(crm__tagging *t);

/* ---- reading ---- */

/* Whether a customer's row has a tag; ends that have come are not asked for. */
int crm__tag_has(crm_txn *txn, uint32_t tag, crm_id id, int *has);
/* Attributes of a group; their reason lives as crm__txn_read() says. */
void crm__tag_how_encode(const crm__tag_how *how, crm__buf *out);
int crm__tag_how_read(crm_txn *txn, uint64_t seq, uint32_t group, crm__tag_how *how);

/* Walks what entries did to a tag in a chunk, the last first. */
typedef struct crm__tag_walk {
    crm_txn *txn;
    uint64_t chunk;
    uint32_t tag;
    uint8_t key[CRM__KEY_TAGGED]; /* of the row given last, or where to begin */
    int past, done;
    uint64_t seq;
    uint32_t part;
    uint64_t words[CRM__SET_WORDS];
} crm__tag_walk;
/* Entries up to and with `last`. */
void crm__tag_walk_open(crm_txn *txn, uint64_t chunk, uint32_t tag, uint64_t last,
                        crm__tag_walk *w);
/* The next part that is not empty: CRM_OK, CRM_ENOTFOUND at the end, engine codes. */
int crm__tag_walk_next(crm__tag_walk *w);

/* The last part that a row is in, of entries up to `last`: what gave it the tag it has.
 * CRM_ENOTFOUND: none. */
int crm__tag_edge(crm_txn *txn, uint32_t tag, crm_id id, uint64_t last, uint64_t *seq,
                  uint32_t *part, crm__tag_how *how);
/* Rows that have the tag at `now`, added to words.  ends: its dimension has ends. */
int crm__tag_words(crm_txn *txn, uint64_t chunk, uint32_t tag, int ends, int64_t now,
                   uint64_t words[CRM__SET_WORDS]);

/* The key of the row of a space nearest to key, edits counted, at or after it, or with `back` at or
 * before it; `past` leaves the key itself out.  For the spaces tag and tagged.  CRM_ENOTFOUND. */
int crm__tag_near(crm_txn *txn, kv_space space, crm__slice key, int back, int past, uint8_t *out,
                  size_t size);

/* ---- journal ---- */

/* Commitment of the rows of an entry: chunks as runs of number + 1, tags ascending.  *rows (may be
 * NULL) grows by how many there are. */
int crm__tagged_sum(crm_txn *txn, uint64_t seq, crm__slice chunks, const uint32_t *tags,
                    uint32_t count, uint8_t sum[CRM__DIGEST], uint64_t *rows);

/* CRM_TAG_GIVEN, _TAKEN or _RENEWED. */
unsigned crm__tagged_way(uint32_t part);
/* Adds the rows whose tag an entry changed, in one chunk, to words.  ways: a bit for each of
 * crm__tagged_way() that counts. */
int crm__tagged_rows(crm_txn *txn, uint64_t seq, uint64_t chunk, uint32_t tag, unsigned ways,
                     uint64_t words[CRM__SET_WORDS]);

/* All that entries did to the tags of one customer, added to out in order of tags.  Looks at every
 * change of tags in its chunk. */
typedef struct crm__tag_step {
    uint64_t seq;
    uint32_t tag, part;
} crm__tag_step;
int crm__tag_steps(crm_txn *txn, crm_id id, crm__buf *out);

/* Sets of the transaction that are kept at hand while it writes. */
typedef struct crm__tag_cache crm__tag_cache;
void crm__tag_cache_free(crm_txn *txn);

#endif
