/* SPDX-License-Identifier: MIT
 * The parts of crm_check(): pages, records and journal, derived spaces.  All of them read through
 * the page engine, whose bytes are never mapped and never trusted.
 */
#ifndef CRM_DB_CHECK_H
#define CRM_DB_CHECK_H

#include "codec/event.h"
#include "db/derive.h"

#include <crm/db.h>

enum { CRM__CHECK_BUCKETS = 1024 };

/* Sum of keyed 128-bit hashes: equal for equal multisets, whatever their order. */
typedef struct crm__sum {
    uint64_t a, b, count;
} crm__sum;

typedef struct crm__check {
    crm_check_options opts;
    crm_allocator mem;
    crm_check_result result;
    crm__store store; /* keys and engine only; never registered */
    crm_db db;
    crm_txn *txn; /* a read transaction on the page engine */
    const crm__model *model;
    uint64_t seed;
    uint64_t work, work_all; /* for progress */
    uint64_t live, deleted, last_id;
    crm__sum wanted[CRM__CHECK_BUCKETS], stored[CRM__CHECK_BUCKETS]; /* identity rows */
    crm__sum shared[2];   /* what customers share, as identity rows say and as columns do */
    crm__sum last_change; /* records minus journal: (customer, seq of its last change) */
    crm__counters counters;
    uint64_t last_seq;
    crm__sum batches; /* rows of batches minus what the entries say: (batch, its last entry) */
    int changes_lost; /* of some changes it is not known any more what was before: no sum */
    /* Blocks of ends of tags that there are to be, minus those met; unsure: that is not known. */
    uint64_t end_blocks;
    int end_unsure;
    int cancelled;
    int trusted_model;
    /* For crm__repair(): faults of what can be made anew, by space (of events the rows beside
     * blocks); faults of pages; and those of them that no copy of the other pages mends. */
    uint64_t mendable[KV_SPACES], pages, pages_lost;
} crm__check;

/* Reports a fault. */
void crm__check_fault(crm__check *c, const char *space, crm_id customer, int64_t page,
                      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Counts n units of work; CRM_ECANCELLED when the host says stop. */
int crm__check_step(crm__check *c, uint64_t n);
void crm__sum_add(crm__sum *s, uint64_t seed, const void *p, size_t n, int sign);
/* The fault told last is of something that can be made anew; of derived spaces that is known. */
void crm__check_mendable(crm__check *c, kv_space space);
/* What a walk over one space met: a page fault ends the walk of that space only. */
int crm__check_rows(crm__check *c, kv_space space,
                    int (*row)(crm__check *c, crm__slice key, crm__slice value, void *ctx),
                    void *ctx);

/* One whole check: c is made anew.  Faults are kept, as crm__check_hand_out() takes them.  CRM_OK,
 * CRM_ECORRUPT with faults, or why there was no check. */
int crm__check_path(crm__check *c, const char *path, const crm_check_options *o,
                    const crm_allocator *mem, crm__buf *kept, crm_error *err);
/* Hands kept faults to the host.  With `left`, only those that are not among these, as repaired. */
void crm__check_hand_out(const crm__buf *kept, const crm__buf *left, const crm_check_options *o);
void crm__check_clear(crm__check *c);

/* check_journal.c: entries, chain and images. */
int crm__check_journal(crm__check *c);
/* The row of a batch: that it can be read, and what undid it. */
void crm__check_batch(crm__check *c, uint64_t batch);
/* Adds to, or with sign -1 takes from, the sum of last changes. */
void crm__check_change(crm__check *c, crm_id id, uint64_t seq, int sign);
/* check_tag.c: the tags of customers against the changes of them. */
int crm__check_tags(crm__check *c);
/* check_derived.c: compares the derived spaces with the records, walking these once more if needed.
 */
int crm__check_derived(crm__check *c);
/* check_column.c: compares the columns with the records, whose items come in order of ids: each id,
 * then its cells, then the end.  CRM_OK, CRM_ENOMEM, engine codes. */
typedef struct crm__check_columns crm__check_columns;
crm__check_columns *crm__check_columns_new(crm__check *c); /* NULL: no memory */
void crm__check_columns_free(crm__check_columns *w);
int crm__check_columns_row(crm__check_columns *w, crm_id id);
int crm__check_columns_put(crm__check_columns *w, const crm__derived *cell);
int crm__check_columns_end(crm__check_columns *w);
/* A customer shares so many values, or is the first of so many: as stored, or as it should be. */
void crm__check_shared(crm__check *c, int stored, uint32_t column, crm_id id, uint64_t times);
/* Then the stored rows. */
int crm__check_columns_stored(crm__check_columns *w);

/* check_waiting.c: rows whose pieces wait.  First all of them, each by itself; then with each chunk
 * its sets of pieces: `have` gets the bits of rows that wait which may be either.  CRM_OK,
 * CRM_ENOMEM, engine codes. */
typedef struct crm__check_waiting crm__check_waiting;
crm__check_waiting *crm__check_waiting_new(crm__check *c); /* NULL: no memory */
void crm__check_waiting_free(crm__check_waiting *w);
int crm__check_waiting_rows(crm__check_waiting *w);
int crm__check_waiting_chunk(crm__check_waiting *w, uint64_t chunk);
void crm__check_waiting_set(crm__check_waiting *w, uint32_t value, uint64_t *have,
                            const uint64_t *want);
void crm__check_waiting_end(crm__check_waiting *w);

/* check_event.c: compares the day lists with the events; check_timeline.c looks on. */
int crm__check_events(crm__check *c);

/* check_span.c: compares what day lists come to with the lists.  Takes the rows of the day space in
 * order: those of spans, and of each part its items, or that it can't be read; then the end.
 * CRM_OK, CRM_ENOMEM, engine codes. */
typedef struct crm__check_spans crm__check_spans;
crm__check_spans *crm__check_spans_new(crm__check *c); /* NULL: no memory */
void crm__check_spans_free(crm__check_spans *w);
int crm__check_spans_row(crm__check_spans *w, crm__slice key, crm__slice value);
int crm__check_spans_item(crm__check_spans *w, const uint8_t *list, crm__slice item);
int crm__check_spans_lost(crm__check_spans *w, const uint8_t *list);
int crm__check_spans_end(crm__check_spans *w);

/* check_timeline.c: the events of each customer, and the rows beside their blocks.  Takes the rows
 * of the event space in order; a block comes decoded, another row with b NULL.  CRM_OK, CRM_ENOMEM,
 * engine codes. */
typedef struct crm__check_timeline crm__check_timeline;
crm__check_timeline *crm__check_timeline_new(crm__check *c); /* NULL: no memory */
void crm__check_timeline_free(crm__check_timeline *t);
int crm__check_timeline_row(crm__check_timeline *t, crm__slice key, crm__slice payload,
                            const crm__event_block *b);
/* In place of a row that is damaged: tells it. */
int crm__check_timeline_lost(crm__check_timeline *t, crm__slice key);
/* Behind the last row; whole: it is the last one stored. */
int crm__check_timeline_end(crm__check_timeline *t, int whole);

/* The rows that are to stand beside the blocks of the customer whose end was told last; none for
 * one with fewer than two blocks.  Stops at a non-zero result of fn.  CRM_DONE: what the events say
 * is not known, for some are lost. */
typedef int (*crm__beside_fn)(void *ctx, uint8_t what, uint64_t part, crm__slice payload);
int crm__check_timeline_beside(crm__check_timeline *t, crm__beside_fn fn, void *ctx);

/* How the parts of day lists follow each other, from {0} on; see bits/day.h. */
typedef struct crm__day_place {
    uint8_t list[CRM__KEY_DAY_LIST]; /* of the part before this one */
    int begun, first, number, last;  /* its rows; begun: it is in the same list */
} crm__day_place;
enum { CRM__PLACE_FIRST = 1, CRM__PLACE_MISSING = 2, CRM__PLACE_TWICE = 4 };
/* What is wrong with the place of a part with these rows: bits, 0: nothing. */
unsigned crm__day_place_next(crm__day_place *p, crm__slice key, uint16_t first, uint16_t last);

#endif
