/* SPDX-License-Identifier: MIT
 * The plan of a question: the tree with every name a number, every window a pair of instants, and
 * children in the order in which they are asked.  It is made for one transaction and run chunk by
 * chunk: each step narrows a set of candidate rows to those for which it is true, so what comes
 * late looks at few, and a chunk without candidates is left.
 */
#ifndef CRM_SEGMENT_STEP_H
#define CRM_SEGMENT_STEP_H

#include "bits/column.h"
#include "bits/day_fold.h"
#include "bits/kernel.h"
#include "codec/event.h"
#include "db/index.h"
#include "db/tagged.h"
#include "db/txn.h"
#include "segment/test.h"
#include "segment/tree.h"

/* In order of what a row costs: steps of an AND are asked in this order. */
typedef enum crm__step_op {
    CRM__STEP_NONE = 1,
    CRM__STEP_ALL,
    CRM__STEP_SETS,   /* any of some stored sets */
    CRM__STEP_COLUMN, /* numbers in ranges */
    CRM__STEP_NOT,
    CRM__STEP_OR,
    CRM__STEP_AND,
    CRM__STEP_IDS,    /* ids in ranges */
    CRM__STEP_DAYS,   /* day lists */
    CRM__STEP_RECORD, /* the record of each candidate is read */
    CRM__STEP_EVENTS  /* the events of each candidate are read */
} crm__step_op;

/* A stored set without its chunk. */
typedef struct crm__set_ref {
    uint8_t space; /* KV_BITS or KV_TAG */
    uint8_t index; /* of bits */
    uint8_t ends;  /* of a tag: some may have an end */
    uint32_t value;
} crm__set_ref;

/* A condition on attributes of events, ready to be asked. */
typedef struct crm__attribute_test {
    const crm__field *attribute; /* NULL: the source */
    uint8_t negated, empty;      /* empty: CMP_EMPTY */
    uint32_t *sources;           /* numbers, when it is the source */
    uint32_t source_count;
    const crm__event_test *of;
    int64_t *numbers; /* what a column of day lists has for the values of EQ and IN, ascending */
    uint32_t number_count;
    uint8_t in_days; /* day lists can tell it */
    crm__test test;
} crm__attribute_test;

typedef struct crm__events_test {
    const crm__event_kind *kind; /* NULL: every kind of the model */
    int64_t from, until;         /* from <= time < until */
    uint32_t count;
    crm__attribute_test *tests;
} crm__events_test;

typedef struct crm__step crm__step;
struct crm__step {
    crm__step_op op;
    const crm__node *node; /* NULL: made by the plan */
    uint32_t child_count;
    crm__step **children;
    uint64_t estimate;   /* customers, before anything else narrows it */
    uint8_t guessed;     /* COLUMN, DAYS, EVENTS: the estimate is of what is stored, not a rule of thumb */
    uint64_t rows, took; /* explain: rows that passed, nanoseconds, */
    uint64_t bytes;      /* and bytes of the stored values that it opened */

    /* SETS */
    uint32_t set_count;
    crm__set_ref *sets;

    /* AND, of the sets of a text's pieces and the text itself (waiting.c) */
    struct crm__step_waiting *waiting; /* NULL: no row waits */

    /* IDS */
    crm_id *ids; /* ascending; NULL: those in the test's ranges */
    size_t id_count;

    /* COLUMN, RECORD; of EVENTS the comparison of the aggregate */
    uint32_t column; /* number of the field, or CRM__COLUMN_* */
    crm__test test;

    /* EVENTS, DAYS */
    crm__aggregate aggregate;
    crm__events_test events, then;
    /* DAYS: another question about the same events, answered with this one.  SETS: another
     * condition of the same `or`, whose sets are among these. */
    crm__step *more;
};

/* What a run carries from step to step. */
typedef struct crm__plan {
    crm_txn *txn;
    const crm__model *model;
    crm__arena a;
    crm__step *root;
    uint32_t depth; /* buffers of words that a run needs */
    uint64_t chunks;
    int apart; /* each condition is a step of its own, in the order of the text */
    int few;   /* a few rows are asked: nothing is estimated, which takes longer than they do */
    int kept;  /* for one row at a time, in this transaction and later ones: see below */
    int timed; /* it has windows */
    crm_error *err;
    /* Saved segments that it is being made inside of, and all whose trees it holds. */
    uint32_t nested, tree_count, tree_cap;
    uint32_t nodes; /* of all trees, as often as they are named */
    uint32_t level; /* of the one that is being planned */
    crm__slice names[CRM__SEGMENT_DEPTH];
    crm__tree **trees;
} crm__plan;

/* How a plan is made: as the members of crm__plan say.
 *
 * One that is kept has its memory from the store.  It asks nothing of what is stored but the
 * numbers of names of two classes of the dictionary, CRM__PLAN_NAMES, and saved segments; and
 * crm__plan_renew() brings its windows to another moment.  So it is good as long as the model, the
 * saved segments that it names and how many names these classes have are the same: a number is
 * never given again once committed. */
enum { CRM__PLAN_APART = 1, CRM__PLAN_FEW = 2, CRM__PLAN_KEPT = 4 };
#define CRM__PLAN_NAMES (UINT32_C(1) << CRM__DICT_TAG | UINT32_C(1) << CRM__DICT_SOURCE)
/* Makes the plan of a tree in a transaction.  CRM_OK; CRM_ENOTFOUND (a saved segment), CRM_EVALUE
 * (it contains itself), CRM_ENOMEM, engine codes. */
int crm__plan_make(crm_txn *txn, const crm__tree *tree, int how, crm__plan *p, crm_error *err);
void crm__plan_end(crm__plan *p);
/* A kept plan in another transaction, at its `now` and in its zone. */
void crm__plan_renew(crm__plan *p, crm_txn *txn, crm_error *err);
/* The step of a node, and of nodes of one sort: events, tags, fields, saved segments. */
int crm__plan_node(crm__plan *p, const crm__node *n, crm__step **out);
int crm__plan_events(crm__plan *p, const crm__node *n, crm__step **out);
int crm__plan_tags(crm__plan *p, const crm__node *n, crm__step **out);
int crm__plan_field(crm__plan *p, const crm__node *n, crm__step **out);
int crm__plan_spec(crm__plan *p, const crm__event_spec *spec, crm__events_test *to);
int crm__plan_saved(crm__plan *p, const crm__node *n, crm__step **out);
/* Keeps a tree that steps point into; on a failure it stays the caller's. */
int crm__plan_hold(crm__plan *p, crm__tree *t);
crm__step *crm__step_new(crm__plan *p, crm__step_op op, const crm__node *n);
crm__step *crm__step_parent(crm__plan *p, crm__step_op op, const crm__node *n, uint32_t children);
/* One set more of a step of sets.  CRM_OK or CRM_ENOMEM. */
int crm__step_add_set(crm__plan *p, crm__step *s, crm__set_ref ref);
int crm__step_negate(crm__plan *p, const crm__node *n, crm__step **s);
/* Children in the order to be asked in, and the estimate that follows from theirs. */
int crm__step_order(crm__plan *p, crm__step *s);
/* What follows for a parent from the estimates of its children. */
void crm__step_sum(const crm__plan *p, crm__step *s);
/* Estimates, of a step and all below it, from heads of some blocks and lists: a few microseconds
 * each.  Only where they are of use: to put steps of one cost in order, and to be told. */
int crm__step_guess(crm__plan *p, crm__step *s);

/* Rows that nobody wants for another reason than the question: those behind the last of a list. */
typedef struct crm__cut {
    int on;
    uint32_t column;
    crm__limits limits; /* what is wanted: numbers from one on, or up to one */
    /* A step of that column which whoever is in the answer has passed; NULL: none. */
    const crm__step *by;
    /* Blocks of the chunk of whose rows it left only some that have just the number at the end. */
    uint8_t flat[CRM__COLUMN_BLOCKS];
} crm__cut;

typedef struct crm__run {
    crm__plan *plan;
    crm_txn *txn;
    uint64_t chunk;
    int timed; /* explain: steps count rows, time and bytes */
    uint64_t bytes; /* of stored values that steps opened, with their check tags */
    crm_progress_fn progress;
    void *progress_ctx;
    uint32_t reads;  /* records and timelines since the last look at progress */
    uint64_t *words; /* plan->depth buffers of CRM__SET_WORDS */
    uint32_t level;
    crm__buf scratch, block;
    crm__arena work; /* of one record or timeline */
    crm__record record;
    crm_id loaded;          /* crm__row_passes(): whose record it is; 0: none */
    struct crm__days *days; /* of day lists, made when first needed */
    crm__cut cut;           /* a step of that column takes them out, too, where that is cheap */
} crm__run;

int crm__run_begin(crm__run *r, crm__plan *p, crm_progress_fn progress, void *ctx, crm_error *err);
void crm__run_end(crm__run *r);
/* words &= the rows of the chunk for which the step is true.  CRM_OK, CRM_ECANCELLED, CRM_ENOMEM,
 * CRM_ECORRUPT, engine codes. */
int crm__run_narrow(crm__run *r, crm__step *s, uint64_t *words);
/* Those of a chunk that pass the root of the database and the plan's.  *any: 0 when there are none.
 */
int crm__run_chunk(crm__run *r, uint64_t chunk, uint64_t *words, int *any);
/* Whether one customer does. */
int crm__run_one(crm__run *r, crm_id id, uint64_t *words, int *in);
/* How many these are, without always filling words. */
int crm__run_count(crm__run *r, uint64_t chunk, uint64_t *words, uint64_t *count);
/* Counts the bytes of a stored value, when they are asked for, where its size is not at hand. */
void crm__run_saw(crm__run *r, kv_space space, crm__slice key);
/* Looks at progress now and then, between records; CRM_OK or CRM_ECANCELLED. */
int crm__run_read(crm__run *r);

/* Whether the step of a kept plan is true of one customer: 1, 0, or as crm__run_narrow().  The
 * record stays read from one question to the next; crm__row_changed() when the transaction changed
 * something. */
int crm__row_passes(crm__run *r, const crm__step *s, crm_id id);
static inline void crm__row_changed(crm__run *r)
{
    r->loaded = 0;
}
/* Whether a row of a chunk is in a stored set, as the transaction sees it: ends of tags count. */
int crm__row_in_set(crm_txn *txn, const crm__set_ref *ref, uint64_t chunk, uint32_t row, int *in);
/* The steps of records and of events for one customer, 1 or 0. */
int crm__record_passes(crm__run *r, const crm__step *s, crm_id id);
int crm__events_pass(crm__run *r, const crm__step *s, crm_id id);

/* Reads the record of a live customer into r->record.  CRM_ECORRUPT: there is none. */
int crm__record_load(crm__run *r, crm_id id);

/* The rows of a chunk that pass the root of the database and the first steps of a plan which begins
 * with a small set: steps from *from on are still to be asked.  CRM_DONE: it does not begin so. */
int crm__small_begin(crm__run *r, uint64_t *words, uint32_t *from);
/* How many they are, where no step is left.  CRM_DONE: some is, or it does not begin so. */
int crm__small_count(crm__run *r, uint64_t *count);

/* Whether rows of the run's chunk wait whose pieces a step asks for. */
int crm__waiting_in(const crm__run *r, const crm__step *s);
/* words &= the rows that the step's sets give, and those that wait with all of its pieces, of which
 * then the text is asked. */
int crm__waiting_narrow(crm__run *r, crm__step *s, uint64_t *words);
/* Looks for rows that wait, once for a plan. */
int crm__waiting_plan(crm__plan *p, crm__step *s, uint32_t field, const uint64_t *pieces);

/* The leaves. */
int crm__sets_narrow(crm__run *r, const crm__step *s, uint64_t *words);
/* words &= not the rows of a step of one set.  0: the step is another one; *rc is the result. */
int crm__sets_cut(crm__run *r, const crm__step *s, uint64_t *words, int *rc);
int crm__sets_estimate(crm__plan *p, crm__step *s);
int crm__column_narrow(crm__run *r, const crm__step *s, uint64_t *words);
/* Whether a step of a column asks for one range. */
int crm__column_one_range(const crm__step *s);
/* Blocks of a column in one chunk: those that were found. */
typedef struct crm__column_found {
    uint8_t has[CRM__COLUMN_BLOCKS];
    crm__column of[CRM__COLUMN_BLOCKS];
} crm__column_found;
/* Leaves of n rows of the run's chunk, which ascend, those whose number the limits take.  found:
 * the blocks that were looked at are added, NULL: nobody wants them.  In a read transaction. */
int crm__column_keep(crm__run *r, uint32_t column, const crm__limits *l, uint16_t *rows,
                     uint32_t *n, crm__column_found *found);
/* The blocks of columns, best in order of chunk, column, block. */
typedef struct crm__column_walk {
    crm_txn *txn;
    kv_cursor *cursor; /* NULL: of a write transaction */
    crm__buf *room;    /* for blocks of one */
    crm__slice k, v;   /* where the cursor stands; k.n 0: nowhere */
    uint64_t column; /* last asked for: chunk and column as in a key, block */
    uint32_t block;
} crm__column_walk;
void crm__column_walk_begin(crm__column_walk *w, crm_txn *txn, kv_cursor *c, crm__buf *room);
/* A block, good until the next call.  CRM_OK, CRM_ENOTFOUND: no row of it has anything. */
int crm__column_walk_at(crm__column_walk *w, uint64_t chunk, uint32_t column, uint32_t block,
                        crm__column *out);
int crm__ids_narrow(crm__run *r, const crm__step *s, uint64_t *words);
int crm__record_narrow(crm__run *r, const crm__step *s, uint64_t *words);
int crm__events_narrow(crm__run *r, const crm__step *s, uint64_t *words);
int crm__days_narrow(crm__run *r, const crm__step *s, uint64_t *words);
void crm__days_end(crm__run *r);
/* 1: the event is one of these; 0: it is not; CRM_ENOMEM. */
int crm__event_passes(crm__run *r, const crm__events_test *t, const crm__event *e);
/* The same of a part: keeps the items that pass a test which day lists can tell. */
int crm__day_passes(crm__day_view *v, const crm__attribute_test *t);
/* Days from 1970-01-01 in which such events lie; 0: none can be. */
int crm__events_days(const crm__events_test *t, int32_t *from, int32_t *until);
int crm__events_in_days(const crm__events_test *t);
/* Whether two ask about the same events. */
int crm__events_same(const crm__events_test *a, const crm__events_test *b);
/* Whether day lists can answer a step of events. */
int crm__days_can(const crm__step *s);
/* Whether two steps of day lists ask about the same events. */
int crm__days_same(const crm__step *a, const crm__step *b);

/* Questions about the same events that are answered in one pass. */
enum { CRM__DAYS_ASKS = 8 };

/* A set of a chunk as the transaction sees it: in place, or in words where edits wait above it. */
typedef struct crm__set_at {
    int present;
    const uint64_t *words; /* NULL: view */
    crm__set_view view;
} crm__set_at;
int crm__set_find(crm__run *r, const crm__set_ref *ref, uint64_t *room, crm__set_at *out);
uint32_t crm__set_at_rows(const crm__set_at *s);

static inline void crm__words_and(uint64_t *words, const uint64_t *with)
{
    for (int i = 0; i < CRM__SET_WORDS; i++)
        words[i] &= with[i];
}

static inline int crm__words_any(const uint64_t *words)
{
    uint64_t all = 0;

    for (int i = 0; i < CRM__SET_WORDS; i++)
        all |= words[i];
    return all != 0;
}

#endif
