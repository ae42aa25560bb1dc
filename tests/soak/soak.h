/* SPDX-License-Identifier: MIT
 * The soak: processes with several threads each write to one database, ask it and follow its
 * changes for as long as one likes, and some are killed meanwhile.  What they have in common is a
 * board in shared memory, which outlives a killed process: it is there that a writer notes what it
 * is about to commit, and what has been acknowledged.
 */
#ifndef CRM_SOAK_H
#define CRM_SOAK_H

#include <crm/crm.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROCESSES = 4, THREADS = 4, SLOTS = 32, IMPORT_ROWS = 300 };
enum { MOST_IDS = 1 << 20, WATCHES = 4 };
enum { HOST = PROCESSES, ALL = PROCESSES + 1 }; /* the one that follows the changes */

/* A step that was begun, and the last one that was acknowledged. */
typedef struct pledge {
    uint64_t asked, acked;
} pledge;

typedef struct board {
    int stop, writers_gone; /* the workers end; the host may compare */
    int brief;              /* nobody asks for what reads a large part of the file */
    int failed;
    char why[1000];
    uint64_t seed, stock;
    char path[1000], scratch[1000]; /* of the database; of files beside it */
    pledge step[PROCESSES][THREADS], import[PROCESSES];
    crm_id id[PROCESSES][THREADS][SLOTS]; /* of customers whose creation was acknowledged */
    uint64_t commits, steps, reads, imports, changes, crossed,
        others;              /* how often, for the closing line */
    uint64_t oldest, kept;   /* commits that a snapshot lived through; bytes it kept: the most */
    uint64_t in_use_kb[ALL]; /* memory that each process has asked for and not let go, last seen */
    uint64_t inherited;      /* times a killed writer's last step turned out to be committed */
} board;

/* What a thread of a worker has. */
typedef struct worker {
    board *b;
    crm_db *db;
    int process, thread;
    uint64_t seed;
    crm_field external, score, email;
    crm_id id[SLOTS], next_id[SLOTS];
    crm_customer *c;
    int64_t next_other, next_import;
} worker;

/* ---- common (common.c) ---- */

uint64_t soak_rand(uint64_t *state);
uint64_t soak_below(uint64_t *state, uint64_t n);
int64_t soak_clock_us(void);
void soak_rest_ms(long ms);
void soak_count(uint64_t *what, uint64_t n);
int soak_stop(const int *flag);
void soak_memory(board *b, int process); /* notes what it has in use */
/* Notes the first failure of all, and ends the process. */
void soak_fail(board *b, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
void soak_must(board *b, int rc, const crm_error *err, const char *what);
crm_txn *soak_begin(board *b, crm_db *db, int mode);
crm_db *soak_open(board *b);

/* ---- customers of one thread (slot.c) ---- */

/* Takes the thread's customers from one step to the next; on failure nothing of it may be kept. */
int slot_step(crm_txn *txn, worker *w, uint64_t v, crm_error *err);
/* Whether they are as they must be after v steps; 0: `why` says what differs. */
int slot_equal(crm_txn *txn, worker *w, int slot, uint64_t v, char why[300]);
/* Which of the two steps the database holds, as a whole; fails when neither. */
uint64_t slot_settle(crm_txn *txn, worker *w);

/* ---- processes ---- */

void import_stock(board *b); /* import.c: the customers that are there from the first */
void import_rows(worker *w); /* those of the process, all changed */
void import_judge(crm_txn *txn,
                  worker *w);     /* each row is of the last import, or of one cut short */
void ask_something(worker *w);    /* ask.c: a question, and the same in another way */
void work(board *b, int process); /* work.c: does not return */
void host(board *b);              /* host.c: does not return */
/* Watched segments (watch.c): bit i of a customer says that they are in the i-th. */
typedef struct watch {
    board *b;
    uint64_t seen;
    uint8_t *in;
} watch;
void watch_begin(board *b, crm_db *db);
int watch_follow(watch *w, crm_txn *txn); /* what was told up to the snapshot; 1: there is more */
int64_t watch_advance(watch *w, crm_db *db); /* to now, which is returned */
void watch_compare(watch *w, crm_db *db);    /* when nobody writes any more */
/* judge.c: the end of it all, in a process of its own; does not return.  Of the file it tells the
 * size it had and what remained. */
typedef struct verdict {
    uint64_t customers, entries, bytes, compact;
    int passed;
} verdict;
void judge(board *b, verdict *v);

#endif
