/* SPDX-License-Identifier: MIT
 * What the files of crm_peer share: cells of the reference files, lines of output, the columns of
 * the customers, loading.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "measure.h"

#include <crm/crm.h>

enum { TEXTS = 11, SCORE = 11, CREATED = 12, COLUMNS = 13, CELLS = 14, SIDE = 8192 };

typedef struct cell {
    const char *p;
    size_t n;
} cell;

typedef struct peer_options {
    const char *data, *dir;
    int loads, runs;
    int customers;             /* no events */
    int single;                /* a journal entry each, in place of a batch */
    int by_time;               /* events in the order of their file */
    int alone;                 /* no second thread reads */
    uint32_t threads;          /* of a count or a facet */
    uint64_t part, event_part; /* customers and events a commit, 0: all in one */
} peer_options;

extern crm_error err;
extern uint64_t peer_size;
extern crm_field peer_field[COLUMNS];
extern const char *const PEER_COLUMN[COLUMNS];

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void must(int rc, const char *what);
/* A line of output; extra: more members, led by a comma, or NULL. */
void emit(const char *op, uint64_t n, const series *s, const char *unit, const char *result,
          const char *extra);
void emit_one(const char *op, double v, const char *unit);

/* A whole file in memory, ended by a NUL that is not counted. */
cell peer_file(const char *dir, const char *name);
void peer_file_end(cell file);
/* Cells of one row of RFC 4180 text; a quoted cell is unescaped into side.  0 at the end. */
int peer_row(cell *text, cell *out, int count, char side[SIDE]);
/* The lines of a file of keys. */
cell *peer_keys(const char *dir, const char *name, size_t *count);

crm_db *peer_open(const char *dir);
/* Loads as often as the options say, and tells times, memory and sizes. */
void peer_loads(const peer_options *o);
/* Operations that need events. */
void peer_events(crm_db *db, const peer_options *o);

/* ---- peer_pipe.c ---- */

/* A row that was read. */
typedef struct peer_slot {
    crm_customer *customer; /* one of the two */
    crm_event *event;
    uint32_t number; /* of its customer */
    cell tags;
    char side[SIDE];
} peer_slot;

typedef struct peer_pipe peer_pipe;
typedef void (*peer_make_fn)(void *ctx, peer_slot *slot);
typedef int (*peer_fill_fn)(void *ctx, peer_slot *slot); /* 0: no row is left */
/* fill runs on a second thread, unless `alone`. */
peer_pipe *peer_pipe_open(peer_make_fn make, peer_fill_fn fill, void *ctx, int alone);
/* The next row, good until the call after; NULL at the end, to which it must come. */
peer_slot *peer_pipe_next(peer_pipe *p);
void peer_pipe_close(peer_pipe *p);

/* ---- peer_segments.c ---- */

/* Takes the tags of a customer down; the flush gives them, a tag at a time. */
void peer_tag_row(crm_id id, cell list);
void peer_tag_flush(crm_txn *txn);
void peer_segments(crm_db *db, const peer_options *o);
/* A new tag for all of a segment, one durable commit. */
void peer_tag_segment(crm_db *db, int runs);

#endif
