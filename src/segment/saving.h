/* SPDX-License-Identifier: MIT
 * Static segments made of customers who are known already.
 */
#ifndef CRM_SEGMENT_SAVING_H
#define CRM_SEGMENT_SAVING_H

#include "segment/segment.h"
#include "tag/tag.h"

/* A version of a name that is static, with the tag of those in it, who stay as they are.  In a
 * batch transaction its entry stands in front of the batch, which must not be open.  As
 * crm_segment_save(). */
int crm__static_define(crm_txn *txn, const char *name, const crm_segment *s, uint32_t flags,
                       uint32_t *tag, crm_error *err);
/* Makes the customers that `next` gives, chunks ascending, the ones that have the tag: part of the
 * batch, or a change of its own. */
int crm__static_fill(crm_txn *txn, uint32_t tag, crm__tag_next_fn next, void *ctx,
                     uint64_t *changed, crm_error *err);

#endif
