/* SPDX-License-Identifier: MIT
 * What the cases of history, batches and undo share: random changes of a database, and every state
 * a customer ever had, kept by (id, revision) as the text of its document with origins.
 */
#ifndef API_HISTORY_HELP_H
#define API_HISTORY_HELP_H

#include "help.h"

typedef struct past_state {
    crm_id id;
    uint64_t revision;
    int deleted;
    char *json;
} past_state;

enum { PAST_TOUCHED = 400 };

typedef struct past {
    crm_db *db;
    uint64_t seed;
    crm_customer *c;
    past_state *states; /* in the order they came to be; past_sort() orders them by id, revision */
    size_t count, cap;
    crm_id most;                  /* customers there are, deleted ones included */
    uint64_t unique;              /* for values no two customers have */
    int events;                   /* past_change() also makes events */
    crm_id touched[PAST_TOUCHED]; /* by past_change() since past_begin() */
    size_t touched_count;
} past;

/* On api_open(). */
void past_open(past *p);
void past_close(past *p);

/* A write transaction; batch as in crm_txn_options. */
crm_txn *past_begin(past *p, uint64_t batch);
/* One random change: create, patch, replace, upsert, delete, undelete, and events.  Most are good;
 * the id it was about, 0 when it was refused. */
crm_id past_change(past *p, crm_txn *txn);
/* Keeps the present state of a customer, unless it is kept already. */
void past_keep(past *p, crm_txn *txn, crm_id id);
/* Keeps the states of all that was touched, after the commit. */
void past_keep_touched(past *p);
/* Forgets the states kept since there were so many. */
void past_forget(past *p, size_t count);
/* For looking up: not while a mark is held that past_forget() shall go back to. */
void past_sort(past *p);
/* The state of a customer at a revision; NULL: it did not exist. */
const past_state *past_at(const past *p, crm_id id, uint64_t revision);

/* A customer's document, freed by the caller; NULL when there is none. */
char *past_json(past *p, crm_txn *txn, crm_id id, uint64_t *revision, int *deleted);
/* The same without its revision and the time of its last change: what a person sees, and where each
 * value came from. */
char *past_visible(past *p, crm_txn *txn, crm_id id);
/* Takes them out of a document. */
void past_strip(char *json);
/* Events of a customer in force, without number and revision, in order of their texts; freed by the
 * caller. */
char *past_events(crm_txn *txn, crm_id id);

#endif
