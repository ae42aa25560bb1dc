/* SPDX-License-Identifier: MIT
 * A value as what differs from the one it replaces, for the log: a set of 8 KB in which a row came or
 * went, a column in which a number changed, are a few bytes.
 *
 *   varint bytes of the value before, varint bytes of the value, then until those are made:
 *   varint n, n bytes that are new; and if any are missing still
 *   varint n, zigzag from where: n bytes of the value before, from so far behind those that would
 *   follow the last ones taken if the new ones stood in the place of as many
 */
#ifndef CRM_KV_KV_PATCH_H
#define CRM_KV_KV_PATCH_H

#include "base/bytes.h"
#include "base/mem.h"

/* Values below are not worth it.  A larger one than the second is made by no patch. */
enum { CRM__PATCH_LEAST = 512, CRM__PATCH_MOST = 4 << 20 };

/* Adds the patch that makes value of before: 1.  0, and nothing added, when a good part of it is new.  Out of
 * memory is out's to tell. */
int crm__patch_make(crm__slice before, crm__slice value, crm__buf *out);
/* The value, in place of what is in out.  CRM_ECORRUPT: it is no patch of that value; CRM_ENOMEM. */
int crm__patch_apply(crm__slice before, crm__slice patch, crm__buf *out);
/* Bytes of the value that it makes, by its own word. */
uint64_t crm__patch_bytes(crm__slice patch);

#endif
