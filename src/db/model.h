/* SPDX-License-Identifier: MIT
 * The model inside the database layer.
 */
#ifndef CRM_DB_MODEL_H
#define CRM_DB_MODEL_H

#include "db/derive_event.h"
#include "db/txn.h"

/* Class of the dictionary for a class of crm__model_bind(). */
int crm__model_class(char cls);
/* The document of a version, as stored.  As crm__txn_read() says. */
int crm__model_document(crm_txn *txn, uint32_t version, crm__slice *text);
/* The version in force.  CRM_OK, CRM_ENOTFOUND, CRM_ECORRUPT, engine codes. */
int crm__model_current(crm_txn *txn, uint32_t *version);
/* Binds a parsed model's names, stores its text as a version, journals it. */
int crm__model_store(crm_txn *txn, crm__model *m, uint32_t version, crm_error *err);
/* Gives the caller's reference to the transaction. */
int crm__model_own(crm_txn *txn, crm__model *m);

/* Every stored record in order, in the engine's view, which fn may write to. */
typedef int (*crm__record_fn)(void *ctx, crm_id id, const crm__record *r);
int crm__each_record(crm_txn *txn, crm__record_fn fn, void *ctx, crm_error *err);

/* ---- rebuilding (model_rebuild.c) ---- */

/* A field that a new model adds (before NULL), removes (after NULL) or changes. */
typedef struct crm__rebuild_field {
    uint32_t number;
    const crm__field *before, *after;
    int fresh; /* no record has ever had it */
} crm__rebuild_field;
/* Makes anew what the changes of these fields, and of these kinds of events, concern.  *flushed: a
 * part went to the engine, so that after a failure the transaction can only be aborted. */
int crm__model_rebuild(crm_txn *txn, const crm__model *m, const crm__rebuild_field *fields,
                       size_t count, const uint32_t *kinds, uint32_t kind_count, int *flushed,
                       crm_error *err);

/* ---- losses (model_loss.c) ---- */

/* Every event that counts, in order of customers, as the transaction sees them. */
int crm__each_event(crm_txn *txn, crm__event_fn fn, void *ctx, crm_error *err);
/* Values of an event (the event itself, of a kind that is removed) that a change of its kind or of
 * one of its attributes puts out of view or leaves against the rules. */
uint64_t crm__event_loss(const crm__change *c, const crm__event *e, crm__buf *scratch);

/* ---- names at the public door (model_names.c) ---- */

/* In a crm_field an attribute's number has this bit, so that no function for fields of customers
 * takes it for one of theirs. */
#define CRM__ATTRIBUTE_BIT 0x80000000u

/* kind: of an attribute; NULL for a field of customers. */
void crm__field_out(const crm__event_kind *kind, const crm__field *f, crm_field *out);
/* The attribute a crm_field stands for, and its kind; NULL when the model has none such. */
const crm__field *crm__field_attribute(const crm__model *m, const crm_field *field,
                                       const crm__event_kind **kind);
/* CRM_EFIELD, with a near name when `hint` is set: to look for one is slow among many names, so who
 * reads a whole document asks for the first CRM__HINTS only. */
enum { CRM__HINTS = 20 };
int crm__field_unknown(const crm__model *m, const char *name, size_t n, int hint, crm_error *err);
int crm__event_unknown(const crm__model *m, const char *name, size_t n, int hint, crm_error *err);
int crm__attribute_unknown(const crm__event_kind *kind, const char *name, size_t n, int hint,
                           crm_error *err);
int crm__dimension_unknown(const crm__model *m, const char *name, size_t n, int hint,
                           crm_error *err);

/* ---- tags (model_tags.c) ---- */

/* Rows of a chunk that were met once, and more than once. */
typedef struct crm__tag_several {
    int begun;
    uint32_t chunk;
    uint64_t once[CRM__SET_WORDS], twice[CRM__SET_WORDS];
} crm__tag_several;
/* Adds to *count what a change loses of one stored set, which come in order of keys. */
int crm__tag_loss(crm_txn *txn, const crm__change *c, crm__tag_several *several, crm__slice name,
                  uint32_t chunk, uint32_t tag, const uint64_t *words, uint64_t *count);
/* Every stored set of a tag, in order of keys. */
typedef int (*crm__tag_set_fn)(void *ctx, crm__slice name, uint32_t chunk, uint32_t tag,
                               const uint64_t *words);
int crm__each_tag(crm_txn *txn, crm__tag_set_fn fn, void *ctx, crm_error *err);

/* The module of segments (segment/of_model.c): whether all that the segments of the transaction's
 * model name is there, and none contains itself by way of saved ones.  CRM_OK, CRM_ENOTFOUND,
 * CRM_EVALUE, told. */
int crm__segments_try(crm_txn *txn, const crm__model *m, crm_error *err);
/* The saved ones, under another model: fn is told of each that could be asked and no longer can be,
 * and of each whose name is now one of the model's. */
typedef int (*crm__saved_lost_fn)(void *ctx, const char *message);
int crm__saved_try(crm_txn *txn, const crm__model *before, const crm__model *after,
                   crm__saved_lost_fn fn, void *ctx, crm_error *err);

#endif
