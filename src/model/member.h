/* SPDX-License-Identifier: MIT
 * The members that a document has beside the fields of the model: a customer's, and an event's.
 * The one table of their names: what the model may not use as keys or labels, and what a reader of
 * documents takes for them.
 *
 * A member is named by its key or, where it has one, by its label, folded as labels of the model
 * are. A name of the model comes before a label of this table, so no model has to make room for
 * them. Members that are passed over when a document is read have no label: a column of another
 * system called "ID" shall be refused, not lost.
 */
#ifndef CRM_MODEL_MEMBER_H
#define CRM_MODEL_MEMBER_H

#include "codec/json.h"
#include "model/model.h"

enum {
    CRM__OWN_NONE = 0,
    CRM__OWN_ID,
    CRM__OWN_CUSTOMER,
    CRM__OWN_NUMBER,
    CRM__OWN_KIND,
    CRM__OWN_TIME,
    CRM__OWN_SOURCE,
    CRM__OWN_REFERENCE,
    CRM__OWN_VOIDS,
    CRM__OWN_STATE,
    CRM__OWN_REVISION,
    CRM__OWN_CREATED_AT,
    CRM__OWN_UPDATED_AT,
    CRM__OWN_DELETED,
    CRM__OWN_IDENTITIES,
    CRM__OWN_TAGS,
    CRM__OWN_EVENTS,
    CRM__OWN_CONSENTS,
    CRM__OWN_ORIGINS
};

/* Names that a space of the model can't have. */
typedef struct crm__own_word {
    const char *key;
    const char *label; /* folded; NULL: only the key, as it is */
    int own;           /* CRM__OWN_* */
} crm__own_word;

typedef struct crm__own_words {
    const crm__own_word *list;
    size_t count;
    const char *why; /* follows the word in a message */
} crm__own_words;

extern const crm__own_words crm__customer_words, crm__event_words;

/* The member of a document that a name means, NULL: none.  The order of asking is: by key, then the
 * fields (attributes) of the model, then by label. */
const crm__own_word *crm__own_by_key(const crm__own_words *words, const char *name, size_t n);
const crm__own_word *crm__own_by_label(const crm__own_words *words, const char *name, size_t n);

/* The member of an event whose kind is not known yet; NULL: absent or null. */
const crm__json *crm__event_own_value(const crm__json *event, int own);

#endif
