/* SPDX-License-Identifier: MIT
 * What the cases of the fault suite share: a place for databases, a base database to begin from,
 * the state of a database as one number, and runs of a scenario with a fault in it.
 *
 * A scenario is a function that works through part of the API.  It runs once without a fault, which
 * gives its states (one at the start, one after each commit) and the digest of what its calls gave
 * back; then again and again with one injected fault, in one of two ways:
 *   RETRY   the n-th call fails once: the failed function returns the code, has changed nothing,
 * and the same call again works, so that the end is exactly that of the run without a fault; STICKY
 * the n-th and all later calls fail: the scenario stops at the first error and cleans up, and the
 * database is in the state of its last commit that returned CRM_OK.
 */
#ifndef FAULT_H
#define FAULT_H

#include "crmtest.h"
#include "kv/kv.h"

#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* ---- databases ---- */

/* "<folder>/<name>" in a fresh folder of the case; on a file system in memory when there is one and
 * TMPDIR is not set, as a sync of a real disk takes longer than everything else here. */
const char *fault_path(const char *name);
/* A folder with nothing but a copy of another database's data file; made or emptied first. */
void fault_copy(const char *from, const char *to);
void fault_remove(const char *dir); /* the folder and its files; it may be absent */

/* The model with every type that most cases use, and newer versions of it: one that adds fields and
 * indexes, and one that loses a field. */
extern const char FAULT_MODEL[], FAULT_MODEL_MORE[], FAULT_MODEL_LESS[];
enum { FAULT_CUSTOMERS = 60 };
/* A database with FAULT_CUSTOMERS customers, some of them deleted. */
void fault_make_base(const char *dir);
/* Opens with a clock that stands still, so that recorded times are the same in every run. */
crm_db *fault_open(const char *dir, const crm_db_options *opts);
int64_t fault_clock(void *ctx);

/* Every row of every space, as one number. */
uint64_t fault_state(crm_db *db);
/* crm_check() finds nothing. */
void fault_clean(const char *dir, const char *when);
/* Fails with the error's text unless the result is the wanted one. */
void fault_is(int rc, int want, const crm_error *err, const char *what);

/* Runs fn in a child, which has a minute, and dies with this process; its exit code is what fn returns. */
pid_t fault_fork(int (*fn)(void *ctx), void *ctx);
/* Waits for its end: its exit code, or minus the signal that it died of. */
int fault_ended(pid_t pid);
/* Kills it so much later; it may have come to its end by then, with 0. */
void fault_kill_after(pid_t pid, uint64_t us);
/* Runs fn in a child; its exit code must be this one. */
void fault_child(int (*fn)(void *ctx), void *ctx, int code, const char *what);

/* ---- runs ---- */

typedef enum fault_way { FAULT_NONE, FAULT_RETRY, FAULT_STICKY } fault_way;
enum { FAULT_GO = 0, FAULT_AGAIN, FAULT_REDO, FAULT_STOP };
enum { FAULT_STATES = 32 };

typedef struct fault_run {
    const char *dir;
    const char *scenario;
    char label[160]; /* of the fault, for messages */
    crm_db_options opts;
    fault_way way;
    int code;               /* what the injected call gives */
    const uint64_t *failed; /* calls failed so far */
    uint64_t handled;       /* results seen that an injected fault explains */
    uint64_t commits;
    uint64_t output; /* digest of what calls gave back */
    int keep_states; /* write down the state at each commit */
    uint64_t states[FAULT_STATES];
    crm_db *db;
    crm_error err;
    /* Things of a transaction's body, freed when it ends. */
    crm_customer *c;
    crm_customer_iter *it;
    char *text;
} fault_run;

typedef struct fault_scenario {
    const char *name;
    int (*fn)(fault_run *r);
    int fresh; /* begins without a database; its states can't be compared */
} fault_scenario;

extern const fault_scenario FAULT_SCENARIOS[];
int fault_events(fault_run *r); /* event.c */
int fault_journal(fault_run *r); /* journal.c */
int fault_tags(fault_run *r);    /* tag.c */
int fault_live(fault_run *r);    /* live.c */
extern const size_t FAULT_SCENARIO_COUNT;

/* One call of a scenario: returns FAULT_STOP from the function when it has to end, FAULT_REDO when
 * the transaction can only be aborted (edits that had to go to the engine early) and begun anew. */
#define STEP(r, want, call)                                                                        \
    do {                                                                                           \
        int go_;                                                                                   \
        do                                                                                         \
            go_ = fault_step((r), (call), (want), #call);                                          \
        while (go_ == FAULT_AGAIN);                                                                \
        if (go_ != FAULT_GO)                                                                       \
            return go_;                                                                            \
    } while (0)
int fault_step(fault_run *r, int rc, int want, const char *what);
/* What a call gave back, for the digest. */
void fault_saw(fault_run *r, const void *p, size_t n);
void fault_saw_number(fault_run *r, uint64_t v);
void fault_saw_text(fault_run *r, const char *s);

typedef int (*fault_body)(fault_run *r, crm_txn *txn);
/* Begins, runs the body, commits; all of it again when the commit fails and may be retried. */
int fault_txn(fault_run *r, int mode, const crm_txn_options *opts, fault_body body);
/* The same through crm_db_write(). */
int fault_group(fault_run *r, const crm_txn_options *opts, fault_body body);
/* Ends what the body of a transaction held. */
void fault_drop(fault_run *r);

/* Runs a scenario on a fresh copy of `base`, and verifies what is left against `plain`, the run
 * without a fault (NULL: this is it).  arm() switches the fault on, disarm() off; either may be
 * NULL. */
typedef struct fault_source {
    void (*arm)(void *ctx);
    void (*disarm)(void *ctx);
    void *ctx;
} fault_source;
void fault_run_once(fault_run *r, const fault_scenario *s, const char *base, const char *dir,
                    const fault_source *src, const fault_run *plain, int check);

/* Which n of a sweep are tried: all up to half of `all`, then every 2 * `step`-th; every one with
 * CRM_FULL, few with CRM_SHORT. */
int fault_wanted(uint64_t n, uint64_t all, uint64_t step);
/* What the engine may fail with, FAULT_CODES of them.  The codes to try at call n, one after another
 * from *i = 0 on, 0 behind the last: with CRM_FULL every one, else one, another at each n. */
enum { FAULT_CODES = 6 };
int fault_code(uint64_t n, int *i);

/* Work that only reads the database, and makes a file of that name. */
typedef int (*fault_reader)(crm_db *db, const char *file, crm_error *err);
/* The work with each call of a kind failing, one at a time, every step-th of them: it gives the
 * code, and neither the file nor what it is made as is left.  *tried counts on from one kind to the
 * next.  At least one must have failed. */
void fault_reading(const char *dir, const char *file, fault_reader fn, unsigned call, unsigned step,
                   uint64_t *tried);

/* ---- malloc, of the whole process (oom.c) ---- */

/* 0 under sanitizers and valgrind, where malloc is not ours. */
int oom_possible(void);
/* From now on the after-th call on this thread fails, 0: none; with sticky all later ones too. */
void oom_arm(uint64_t after, int sticky);
void oom_disarm(void);
/* Check's own functions allocate: none may fail inside them.  oom_hold() gives what oom_back()
 * takes. */
int oom_hold(void);
void oom_back(int held);
#define SURE(x)                                                                                    \
    do {                                                                                           \
        int held_ = oom_hold();                                                                    \
        ck_assert_msg((x), "%s", #x);                                                              \
        oom_back(held_);                                                                           \
    } while (0)
uint64_t oom_calls(void);         /* counted while armed */
extern uint64_t oom_failed_count; /* failed since oom_arm() */
int64_t oom_alive(void);          /* blocks of the process */

#endif
