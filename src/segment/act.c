/* SPDX-License-Identifier: MIT
 * Acting on the customers of a segment.
 */
#include "segment/segment.h"
#include "tag/tag.h"

#include <string.h>

typedef struct act {
    crm__asking a;
    uint64_t chunk;
} act;

/* The next chunk with customers of the segment.  A chunk is asked before it is changed, and what
 * was changed in others does not concern it. */
static int next_rows(void *ctx, uint64_t *chunk, uint64_t *words)
{
    act *x = ctx;
    int any = 0, rc = CRM_OK;

    while (!rc && !any && x->chunk < x->a.plan.chunks) {
        *chunk = x->chunk++;
        rc = crm__run_chunk(&x->a.run, *chunk, words, &any);
    }
    return rc ? rc : any ? CRM_OK : CRM_DONE;
}

static int tag_all(crm_txn *txn, const crm_segment *s, const char *tag, const crm_tag_options *how,
                   int on, const crm_segment_options *opts, uint64_t *changed, crm_error *err)
{
    act x;
    int rc;

    memset(&x, 0, sizeof x);
    rc = crm__segment_begin(txn, s, opts, &x.a, err);
    if (!rc)
        rc = crm__tag_rows(txn, tag, how, on, next_rows, &x, changed, err);
    crm__segment_end(&x.a);
    return rc;
}

int crm_segment_tag(crm_txn *txn, const crm_segment *s, const char *tag, const crm_tag_options *how,
                    const crm_segment_options *opts, uint64_t *changed, crm_error *err)
{
    return tag_all(txn, s, tag, how, 1, opts, changed, err);
}

int crm_segment_untag(crm_txn *txn, const crm_segment *s, const char *tag,
                      const crm_segment_options *opts, uint64_t *changed, crm_error *err)
{
    return tag_all(txn, s, tag, NULL, 0, opts, changed, err);
}
