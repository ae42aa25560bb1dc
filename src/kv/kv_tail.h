/* SPDX-License-Identifier: MIT
 * The tail of the spaces that grow at their end, as a wrapper of an engine; for src/kv and its
 * tests.
 */
#ifndef CRM_KV_KV_TAIL_H
#define CRM_KV_KV_TAIL_H

#include "kv/kv.h"

/* inner is closed with the wrapper.  CRM_ENOMEM leaves it open. */
int crm__kv_tail_wrap(kv_env *inner, kv_env **out);
/* What is wrapped, or env or txn itself. */
kv_env *crm__kv_tail_inner(kv_env *env);
kv_txn *crm__kv_tail_inner_txn(kv_txn *txn);

#endif
