/* SPDX-License-Identifier: MIT
 * What the files of the comparison of two models share.
 */
#ifndef CRM_MODEL_DIFF_H
#define CRM_MODEL_DIFF_H

#include "model/load.h"

typedef struct crm__diff {
    const crm__model *before, *after;
    crm__change_fn fn;
    void *ctx;
    int rc; /* first result of fn that is not 0: nothing more is said */
    const crm__event_kind *event_before, *event_after; /* whose attributes are compared; or NULL */
    const crm__enum_default *defaults_before, *defaults_after; /* beside the fields compared */
    const crm__field *fields_before, *fields_after;
    const crm__dimension *dimension_before, *dimension_after; /* that are compared; or NULL */
} crm__diff;

/* The message begins with what has changed: a field, an attribute (order.amount), an event kind, a
 * dimension of tags, or nothing for the model as a whole. */
void crm__diff_say(crm__diff *d, crm__change change, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
crm__change crm__diff_change(int what, const crm__field *before, const crm__field *after);
/* Whether rows are derived of the values of a field. */
int crm__diff_derived(const crm__diff *d, const crm__field *f);
int crm__diff_same_labels(const crm__label *a, uint32_t n, const crm__label *b, uint32_t k);
/* All that differs between two fields of one key, or two attributes. */
void crm__diff_field(crm__diff *d, const crm__field *a, const crm__field *b);

#endif
