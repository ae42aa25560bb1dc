/* SPDX-License-Identifier: MIT
 * The typed door: what the setters and getters of customers and of events have in common.  Each
 * checks its arguments, names the argument or the field in a fault, and leaves its results alone
 * then.
 */
#ifndef CRM_MODEL_TYPED_H
#define CRM_MODEL_TYPED_H

#include "base/error.h"
#include "model/model.h"

/* The length of a text given with a length or CRM_NUL.  CRM_OK, or CRM_EINVAL: it is NULL. */
int crm__text_given(const char *text, size_t *n, const char *what, crm_error *err);

/* Types whose values are numbers in the typed door; only fields of customers refer to customers. */
enum { CRM__INTEGERS_CUSTOMER = 1, CRM__INTEGERS_EVENT };
/* Appends the payload of a number.  CRM_OK, CRM_EVALUE (the type, or a rule), CRM_ENOMEM. */
int crm__integer_put(const crm__field *f, int which, int64_t value, crm__buf *out, crm_error *err);
/* The number that a value is.  CRM_OK, CRM_EINVAL (out is NULL), CRM_EVALUE (no number). */
int crm__integer_get(const char *key, int which, const crm__value *v, int64_t *out, crm_error *err);

/* The text of a value, canonical: in the value itself, or made in room, and valid as long as that.
 * f may be NULL, as for crm__value_format(). */
int crm__text_get(const crm__field *f, const char *key, const crm__value *v, crm__buf *room,
                  const char **text, size_t *n, crm_error *err);

/* A zone of its own for an object that outlives the transaction; NULL stays NULL. */
int crm__zone_keep(const crm_allocator *mem, const crm__zone *zone, crm__zone **own,
                   crm_error *err);

#endif
