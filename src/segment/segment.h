/* SPDX-License-Identifier: MIT
 * A crm_segment inside the library.
 */
#ifndef CRM_SEGMENT_SEGMENT_H
#define CRM_SEGMENT_SEGMENT_H

#include "segment/sort.h"
#include "segment/step.h"

#include <crm/segment.h>

struct crm_segment {
    crm_allocator mem;
    crm__tree *tree;
};

/* Reads the caller's options, of any size it knows. */
int crm__segment_options(const crm_segment_options *from, crm_segment_options *to, crm_error *err);
/* Enters the transaction, makes the plan and begins the run; crm__segment_end() also after a
 * failure. */
typedef struct crm__asking {
    crm__plan plan;
    crm__run run;
    crm_progress_fn progress; /* the host's */
    void *progress_ctx;
    const char *reason; /* the call's; NULL: that of the transaction */
    uint32_t threads;   /* at most so many, 0 is one */
} crm__asking;
int crm__segment_begin(crm_txn *txn, const crm_segment *s, const crm_segment_options *opts,
                       crm__asking *a, crm_error *err);
/* The same with each condition apart, as people read it. */
int crm__segment_begin_apart(crm_txn *txn, const crm_segment *s, crm__asking *a, crm_error *err);
void crm__segment_end(crm__asking *a);
/* For work of it that goes through no chunk. */
static inline crm__looking crm__asking_looking(const crm__asking *a)
{
    return (crm__looking){a->progress, a->progress_ctx, a->plan.chunks, a->plan.chunks};
}
/* The next chunk with customers of the segment, as crm__tag_next_fn: a chunk is asked before it is
 * changed, and what was changed in others does not concern it.  ctx: begun, with the chunk at 0. */
typedef struct crm__rows_walk {
    crm__asking a;
    uint64_t chunk;
} crm__rows_walk;
int crm__segment_rows_next(void *ctx, uint64_t *chunk, uint64_t *words);
/* The sets of a dimension of tags, of all tags (`tags`) or of a field (NULL: that of the name), in
 * order of their keys; names lie in the arena.  CRM_EFIELD: there are none, and err says why; fn's
 * result. */
typedef int (*crm__facet_set_fn)(void *ctx, crm__set_ref ref, const char *name);
int crm__facet_sets(crm__asking *a, const char *by, const crm__field *field, crm__facet_set_fn fn,
                    void *ctx, crm_error *err);
/* Of every question, before it answers: crm__txn_hand_out() with its segment. */
int crm__segment_hand_out(crm_txn *txn, const crm_segment *s, const char *reason, crm_error *err);
/* Calls fn with each chunk, on the calling thread and on others, each with a run and a piece of
 * `own` (a->threads of own_size bytes) of its own; a failure ends all. */
typedef int (*crm__chunk_fn)(crm__run *r, uint64_t chunk, void *own);
int crm__chunks_run(crm__asking *a, crm__chunk_fn fn, void *own, size_t own_size);
/* The error of a run that failed. */
int crm__segment_fail(crm_txn *txn, int rc, crm_error *err);

#endif
