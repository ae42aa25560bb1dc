/* SPDX-License-Identifier: MIT
 * Watched segments inside src/segment: what the writer keeps of them, and asking one of them about
 * some rows.  What is stored, db/live.h says.
 *
 * Who is in is told as of a moment for each row: that of the clock, or the later `now` of the
 * change that touched the row last.  The clock only goes forward.  A row whose conditions come out
 * differently at two moments has a value that an edge of a window passed between them
 * (live_edge.c), so the clock asks only about such rows.
 */
#ifndef CRM_SEGMENT_LIVE_H
#define CRM_SEGMENT_LIVE_H

#include "db/journal.h"
#include "db/live.h"
#include "db/tagged.h"
#include "segment/step.h"

typedef struct crm__live_item {
    crm__live_watch watch;
    crm__zone *zone;
    crm__tree *tree; /* what it says; NULL: it can't be asked under the model there is */
    /* What it asks about.  Fields by number, 0 for what every change of a record may change; tags
     * as "<dimension>:" or
     * "<dimension>:<path>" or whole names. */
    int events;
    crm__buf fields;   /* uint32_t */
    crm__buf tags;     /* crm__slice */
    uint64_t tag_bits; /* one bit for each of them, by its hash */
    crm__plan plan;    /* CRM__PLAN_KEPT, when `planned` */
    int planned;
} crm__live_item;

typedef struct crm__live crm__live;
/* All that are watched. */
struct crm__live {
    const crm_allocator *mem; /* the store's */
    crm__arena a;
    crm__model *model;
    uint64_t stamp;
    crm__buf items;    /* crm__live_item */
    uint32_t names[2]; /* what CRM__PLAN_NAMES had when plans that are kept were made */
};

static inline crm__live_item *crm__live_items(const crm__live *l)
{
    return (crm__live_item *)(void *)l->items.p;
}
static inline size_t crm__live_count(const crm__live *l)
{
    return l->items.n / sizeof(crm__live_item);
}

/* Those of a stamp, kept by the store for the next writer; good until the next call. */
int crm__live_load(crm_txn *txn, uint64_t stamp, crm__live **out, crm_error *err);
/* The stamp of what the entries up to the last one made: its link of the chain, which no other
 * state of the database has. */
uint64_t crm__live_stamp(const crm_txn *txn);
/* Adds one to a list, for crm__live_end(). */
int crm__live_add(crm_txn *txn, crm__live *l, const crm__live_watch *w, crm_error *err);
void crm__live_begin(crm_txn *txn, crm__live *l);
void crm__live_end(crm__live *l);
/* Reads the clock's row.  One that is damaged is made anew, and everybody is asked at commit.
 * CRM_OK, CRM_ENOTFOUND: nothing is watched, or a failure, which is told. */
int crm__live_clock_get(crm_txn *txn, crm__live_clock *clock, crm_error *err);
/* The moment that a change of the transaction is told as of. */
int64_t crm__live_moment(const crm_txn *txn, const crm__live_clock *clock);

/* ---- asking ---- */

/* The changes that come of asking, all of them one entry. */
typedef struct crm__live_telling {
    crm__aside aside;
    crm__tagging tagging;
    int on;
    uint64_t entered, left;
} crm__live_telling;
void crm__live_tell_begin(crm_txn *txn, crm__live_telling *t, crm_error *err);
/* Writes the entry, when somebody entered or left; after an error only lets go. */
int crm__live_tell_end(crm_txn *txn, crm__live_telling *t, int rc, crm_error *err);

typedef struct crm__live_asking {
    crm_txn *txn;
    const crm__live_item *item;
    int64_t now;
    crm__zone *zone;
    crm__plan plan;
    crm__run run;
    crm_error *err;
} crm__live_asking;
/* As of a moment, in the zone of the watched segment, which the transaction has until end(), to be
 * called whatever begin() gives; how: CRM__PLAN_FEW, or 0.  CRM_DONE: it can't be asked, and stays
 * as it was told. */
int crm__live_ask_begin(crm_txn *txn, const crm__live_item *item, int64_t at, int how,
                        crm__live_asking *a, crm_error *err);
void crm__live_ask_end(crm__live_asking *a);
/* Who of these rows (NULL: all of the chunk) is in now, and was not told to be, enters, and so on.
 */
int crm__live_ask(crm__live_asking *a, uint64_t chunk, const uint64_t *rows, crm__live_telling *t);
/* Of all chunks. */
int crm__live_ask_all(crm__live_asking *a, crm__live_telling *t);

/* ---- the clock (live_edge.c) ---- */

/* The edges of windows of a planned question as they move from one moment to another. */
typedef struct crm__live_edges {
    crm_txn *txn;
    crm__buf list; /* of edges */
    crm__buf room;
    uint64_t stamp; /* of the clock: see db/due.h */
} crm__live_edges;
/* CRM_EREFUSED: something in it changes with the clock and is in no index, and err says what. */
int crm__live_edges_find(const crm__live_asking *a, const crm__zone *zone, int64_t from,
                         int64_t until, crm__live_edges *out, crm_error *err);
void crm__live_edges_end(crm__live_edges *e);
/* Adds the rows of a chunk that an edge passed. */
int crm__live_passed(crm__live_edges *e, uint64_t chunk, uint64_t words[CRM__SET_WORDS]);

/* Whether all that are watched can still be followed by the clock; CRM_EREFUSED: one can't, and err
 * says which and why. */
int crm__live_judge(crm_txn *txn, crm_error *err);

/* The name of a saved segment as it is given (save.c). */
int crm__saved_name(const char *name, crm__slice *out, crm_error *err);
/* The tree of `segment(NAME)` (save.c). */
int crm__saved_tree(crm_txn *txn, const crm__model *m, crm__slice name, crm__tree **out,
                    crm_error *err);

#endif
