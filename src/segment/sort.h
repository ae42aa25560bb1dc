/* SPDX-License-Identifier: MIT
 * Sorting that a host can stop: short pieces by the C library, which are then merged, with a look
 * at progress between.
 */
#ifndef CRM_SEGMENT_SORT_H
#define CRM_SEGMENT_SORT_H

#include "base/mem.h"

#include <crm/types.h>

/* Whether long work goes on, as the host says; of a zeroed one nobody asks. */
typedef struct crm__looking {
    crm_progress_fn look;
    void *ctx;
    uint64_t done, total; /* handed to it */
} crm__looking;

/* CRM_OK or CRM_ECANCELLED. */
int crm__look(const crm__looking *l);
/* The same behind step i of a loop, which looks after every `every` steps. */
static inline int crm__look_at(const crm__looking *l, size_t i, size_t every)
{
    return i % every == every - 1 ? crm__look(l) : 0;
}

/* n things of `width` bytes, in the order of by(); equal ones in any.  CRM_OK, CRM_ENOMEM,
 * CRM_ECANCELLED, after which they are not in order, and some may be there twice. */
int crm__sort(const crm_allocator *mem, void *p, size_t n, size_t width,
              int (*by)(const void *a, const void *b), const crm__looking *l);

#endif
