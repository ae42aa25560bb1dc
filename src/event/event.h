/* SPDX-License-Identifier: MIT
 * A crm_event inside the library: the one struct that both doors fill and every write reads.
 */
#ifndef CRM_EVENT_EVENT_H
#define CRM_EVENT_EVENT_H

#include "codec/event.h"
#include "codec/json.h"
#include "db/model.h"
#include "db/txn.h"
#include "event/timeline.h"

#include <crm/event.h>

struct crm_event {
    crm_allocator mem;
    crm__model *model;
    crm_id id;                   /* of the customer it was read from, 0: none */
    const crm__event_kind *kind; /* NULL: none set, or void */
    int void_set;                /* a plain void */
    int time_set;
    crm__event e; /* values are in `values` or, while it is only shown, in the row */
    crm__event_value *values;
    uint32_t value_cap;
    uint32_t beyond;   /* one that was corrected and has this number or a greater one does not keep
                          it from being stored, 0: each does */
    crm__slice source; /* by name: of the object, n = 0: by number in e, else the transaction's */
    crm__buf item, text;
    crm__arena arena;      /* texts of values, reference, source */
    const crm__zone *zone; /* of datetimes without an offset */
    crm__zone *own_zone;
};

int crm__event_make(const crm_allocator *mem, crm__model *m, crm_event **out);
/* Sets a value from text; f is an attribute of the event's kind. */
int crm__event_set_text(crm_event *c, const crm__field *f, const char *text, size_t n,
                        crm_error *err);
/* Shows a stored event, whose bytes stay where they are.  0: its kind is out of view. */
int crm__event_show(crm_event *c, crm_id id, const crm__event *e);
/* The value of an attribute that the model shows; NULL: none. */
const crm__event_value *crm__event_shown(const crm_event *c, const crm__field *f);
/* Whether two events of a kind, that of y, have the same values, as far as the model shows them. */
int crm__event_values_equal(crm_txn *txn, const crm_event *x, const crm_event *y, int *equal,
                            crm_error *err);

/* The model's rules for the event as a whole: attributes that must be there. */
int crm__event_check(crm_txn *txn, const crm__model *m, const crm_event *c, crm__arena *a,
                     crm_error *err);
/* Adds the event to the timeline of a customer who is there.  CRM_OK, CRM_DONE: it was there
 * already; *number (may be NULL) receives its number in both cases.  Inside a public write; a is
 * scratch. */
int crm__event_write(crm_txn *txn, const crm__model *m, crm_id id, const crm_event *c,
                     crm__arena *a, uint32_t *number, crm_error *err);
/* Number of the last event of the source and reference that c has, whatever its state; 0: none. */
int crm__event_last(crm_txn *txn, crm_id id, const crm_event *c, crm__arena *a, uint32_t *number,
                    crm_error *err);
/* Journals and stores an event behind the last, and marks the one that it voids (target, NULL:
 * none).  e gets its number and seq. */
int crm__event_store(const crm__model *m, crm__timeline *t, const crm__event *target, crm__event *e,
                     crm_error *err);
/* Undoes what some journal entries did to the events of a customer: voids those they added, and
 * stores those they voided anew.  *changed grows by their number.  *since: a later entry that
 * changed one of them, which is then left alone; 0: none. */
typedef int (*crm__entry_fn)(void *ctx, uint64_t seq);
int crm__event_undo(crm_txn *txn, const crm__model *m, crm_id id, crm__entry_fn undone, void *ctx,
                    uint64_t *changed, uint64_t *since, crm_error *err);
/* Every event of a customer in order of (time, number), voids and voided ones too.  A result of fn
 * that is not CRM_OK ends the walk and is returned. */
typedef int (*crm__event_look_fn)(void *ctx, const crm__timeline *t, const crm__event *e);
int crm__event_each(crm_txn *txn, crm_id id, crm__event_look_fn fn, void *ctx);
/* Whether the customer is there: CRM_OK or CRM_ENOTFOUND; deleted ones only with `deleted`. */
int crm__event_customer(crm_txn *txn, crm_id id, int deleted, crm_error *err);

/* Fills c, empty, from a JSON value. */
int crm__event_read_json(crm_txn *txn, const crm__json *v, crm_event *c, crm_error *err);
/* Whether crm_event_add_json() can read a document and the model lets it be: no customer is looked at. */
int crm__event_try_json(crm_txn *txn, const char *json, crm_error *err);
/* Appends an event as JSON. */
int crm__event_write_json(crm_txn *txn, const crm_event *c, crm__buf *out, crm_error *err);

#endif
