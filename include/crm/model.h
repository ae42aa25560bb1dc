/* SPDX-License-Identifier: MIT */
/**
 * @file model.h
 * The model: a YAML document that says what a customer's record may hold.
 *
 * See docs/model.md for the language.  A database without a model of its own uses the built-in one
 * (crm_model_default()).  Models are versioned inside the database; records written under an old
 * version stay readable.
 */
#ifndef CRM_MODEL_H
#define CRM_MODEL_H

#include <crm/error.h>
#include <crm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** UTF-8 text. */
#define CRM_TYPE_TEXT 1
/** 64-bit signed integer. */
#define CRM_TYPE_INTEGER 2
/** Exact decimal, at most 18 digits. */
#define CRM_TYPE_DECIMAL 3
/** Exact decimal with an ISO 4217 currency. */
#define CRM_TYPE_MONEY 4
/** Calendar date; may be a year or a year and month only. */
#define CRM_TYPE_DATE 5
/** Instant, microseconds since 1970-01-01T00:00:00Z. */
#define CRM_TYPE_DATETIME 6
/** True or false. */
#define CRM_TYPE_BOOLEAN 7
/** One of a list of named values. */
#define CRM_TYPE_ENUM 8
/** E-mail address. */
#define CRM_TYPE_EMAIL 9
/** Telephone number, kept as E.164. */
#define CRM_TYPE_PHONE 10
/** Web address. */
#define CRM_TYPE_URL 11
/** ISO 3166-1 alpha-2 country code. */
#define CRM_TYPE_COUNTRY 12
/** BCP 47 language tag. */
#define CRM_TYPE_LANGUAGE 13
/** Another customer: person works at organisation. */
#define CRM_TYPE_CUSTOMER 14
/** Name of a user of the host application, e.g. the owner. */
#define CRM_TYPE_ACTOR 15

/** Flag of a field: it holds a list of values. */
#define CRM_FIELD_LIST 1u
/** Flag of a field: every customer of its kinds (of an attribute: every event) must have it. */
#define CRM_FIELD_REQUIRED 2u
/** Flag of a field: no two customers may share a value. */
#define CRM_FIELD_UNIQUE 4u
/** Flag of a field: customers can be found by its values. */
#define CRM_FIELD_IDENTITY 8u
/** Flag of an identity: each value belongs to a source (external ids). */
#define CRM_FIELD_PER_SOURCE 16u
/** Flag of an attribute of an event kind: questions about many events read its values fast. */
#define CRM_FIELD_FAST 32u

/** Flag of a dimension: a customer has at most one tag of it. */
#define CRM_DIMENSION_ONE 1u
/** Flag of a dimension: its values have levels, "cn/east/shanghai". */
#define CRM_DIMENSION_HIERARCHICAL 2u
/** Flag of a dimension: only the values the model lists may be given. */
#define CRM_DIMENSION_CLOSED 4u
/** Flag of a dimension: its tags may have an end. */
#define CRM_DIMENSION_EXPIRES 8u

/** Flag of crm_model_apply(): go on although stored values will be lost from view. */
#define CRM_FORCE 1u

/** Severity of a model finding: the model can't be used. */
#define CRM_FINDING_ERROR 1
/** Severity of a model finding: a change that would lose data; needs CRM_FORCE. */
#define CRM_FINDING_LOSS 2
/** Severity of a model finding: a change that is made online. */
#define CRM_FINDING_CHANGE 3

/**
 * A field or identity of the model, resolved once and used with the typed functions of customer.h; or
 * an attribute of an event kind.  Stays good for every transaction of the database until a model
 * change removes the field.
 */
typedef struct crm_field {
    /** Number of the field in this database; never given to another field or attribute. */
    uint32_t number;
    /** CRM_TYPE_... */
    uint32_t type;
    /** CRM_FIELD_... flags. */
    uint32_t flags;
    /** Number of the event kind whose attribute it is; 0: a field of customers. */
    uint32_t event;
    /** Key, NUL-terminated. */
    char key[CRM_FIELD_SIZE];
} crm_field;

/**
 * A kind of events, resolved once.  Stays good for every transaction of the database until a model
 * change removes the kind.
 */
typedef struct crm_event_kind {
    /** Number of the kind in this database; never given to another kind. */
    uint32_t number;
    /** Zero. */
    uint32_t reserved;
    /** Key, NUL-terminated. */
    char key[CRM_FIELD_SIZE];
} crm_event_kind;

/** A dimension of tags: what the part of a tag before its colon names. */
typedef struct crm_dimension {
    /** CRM_DIMENSION_... flags. */
    uint32_t flags;
    /** Zero. */
    uint32_t reserved;
    /** Key, NUL-terminated. */
    char key[CRM_FIELD_SIZE];
} crm_dimension;

/** One finding of crm_model_check(), crm_model_plan() or crm_model_apply(). */
typedef struct crm_finding {
    /** Size of this struct. */
    size_t size;
    /** CRM_FINDING_... */
    int32_t severity;
    /** Line in the YAML text from 1, 0 when it has none. */
    int32_t line;
    /** Column in characters from 1, 0 when it has none. */
    int32_t column;
    /** Zero. */
    int32_t reserved;
    /** Stored values touched by the change, 0 when not counted. */
    uint64_t values;
    /** One line for a person; valid during the call. */
    const char *message;
} crm_finding;

/**
 * Receives findings, in the order of the document.  No call on the same transaction is possible in it
 * (CRM_ESTATE).
 *
 * @param[in] finding  The finding; valid during the call.
 * @param[in] ctx      As given with the function.
 */
typedef void (*crm_finding_fn)(const crm_finding *finding, void *ctx);

/**
 * The built-in model as YAML text.
 *
 * @return NUL-terminated UTF-8 text.
 *
 * Ownership: static.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_model_default(void);

/**
 * Checks a model document without a database and reports every fault.
 *
 * @param[in]  yaml  The document, UTF-8.
 * @param[in]  n     Its length in bytes, or CRM_NUL.
 * @param[in]  fn    Receives each fault; may be NULL.
 * @param[in]  ctx   Handed to @p fn.
 * @param[out] err   Optional detail: the first fault, with its line in row and column in offset.
 *
 * @retval CRM_OK      no fault
 * @retval CRM_EMODEL  at least one fault
 * @retval CRM_EINVAL  @p yaml is NULL
 * @retval CRM_ENOMEM  out of memory
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   any thread.
 * Cost:      linear in the size of the document, which may have at most 1 MiB.
 * @since 0.1
 */
CRM_API int crm_model_check(const char *yaml, size_t n, crm_finding_fn fn, void *ctx,
                            crm_error *err);

/**
 * The YAML text of the model a transaction works under.
 *
 * @param[in]  txn   Live transaction.
 * @param[out] yaml  Receives the text, NUL-terminated; NULL on any result but CRM_OK.
 * @param[out] n     Receives its length in bytes; may be NULL.
 * @param[out] version  Receives the version, from 1; may be NULL.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *yaml is the caller's, freed with crm_free().
 * Threads:   one thread at a time per @p txn.
 * Cost:      one copy.
 * @since 0.1
 */
CRM_API int crm_model_text(crm_txn *txn, char **yaml, size_t *n, uint32_t *version,
                           crm_error *err);

/**
 * Lists what applying a document would change, and what it would lose, without changing anything.
 *
 * Saved segments that could no longer be asked, or whose name the document gives to one of its own, are
 * losses, too.
 *
 * Stored values are counted where they are stored: in a write transaction that has changes, these are
 * handed to the storage first (they are still dropped by an abort), which is not possible inside
 * crm_db_write() or while a savepoint is set.
 *
 * @param[in]  txn   Live transaction.
 * @param[in]  yaml  The new document, UTF-8.
 * @param[in]  n     Its length in bytes, or CRM_NUL.
 * @param[in]  fn    Receives each finding; may be NULL.
 * @param[in]  ctx   Handed to @p fn.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK        the change loses nothing (or there is no change)
 * @retval CRM_EREFUSED  it would lose data; crm_model_apply() would need CRM_FORCE
 * @retval CRM_ENOTFOUND, CRM_EVALUE  a segment of the document names one that is neither in it nor saved,
 *                       or itself by way of saved ones
 * @retval CRM_EMODEL    the document has faults
 * @retval CRM_ESTATE    the transaction has changes, and runs inside crm_db_write() or has a savepoint;
 *                       or it only reads, for crm_model_apply()
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   one thread at a time per @p txn.
 * Cost:      linear in the document; a removed, narrowed, newly required or newly unique field costs
 *            one scan of the customers.
 * @since 0.1
 */
CRM_API int crm_model_plan(crm_txn *txn, const char *yaml, size_t n, crm_finding_fn fn,
                           void *ctx, crm_error *err);

/**
 * Makes a document the model of the database, as a new version, in this transaction.
 *
 * Additions are online.  A change that would lose data is refused unless @p flags has CRM_FORCE;
 * then stored values that no longer fit stay in their records and are out of view until the field
 * comes back.  The same document again changes nothing.
 *
 * Like crm_model_plan() it needs a transaction without changes of its own when it runs inside
 * crm_db_write() or while a savepoint is set: change the model first, or in a transaction of its own.
 *
 * @param[in]  txn    Live write transaction.
 * @param[in]  yaml   The new document, UTF-8.
 * @param[in]  n      Its length in bytes, or CRM_NUL.
 * @param[in]  flags  0 or CRM_FORCE.
 * @param[in]  fn     Receives each finding; may be NULL.
 * @param[in]  ctx    Handed to @p fn.
 * @param[out] err    Optional detail.
 *
 * @retval CRM_OK        done
 * @retval CRM_EREFUSED  it would lose data; nothing was changed
 * @retval CRM_ENOTFOUND, CRM_EVALUE  as of crm_model_plan(); nothing was changed
 * @retval CRM_EMODEL    the document has faults; nothing was changed
 * @retval CRM_EEXISTS   a field made unique has a value that customers share; nothing was changed
 * @retval CRM_ESTATE    the transaction has changes, and runs inside crm_db_write() or has a savepoint;
 *                       or it only reads, for crm_model_apply()
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      as crm_model_plan(), and one scan of the customers when an index is added.
 * @since 0.1
 */
CRM_API int crm_model_apply(crm_txn *txn, const char *yaml, size_t n, uint32_t flags,
                            crm_finding_fn fn, void *ctx, crm_error *err);

/**
 * Finds a field or identity by its key or any of its labels.
 *
 * @param[in]  txn   Live transaction.
 * @param[in]  name  Key or label, UTF-8; letter case and width do not matter.
 * @param[in]  n     Its length in bytes, or CRM_NUL.
 * @param[out] out   Receives the field.
 * @param[out] err   Optional detail; offers a near name.
 *
 * @retval CRM_OK      found
 * @retval CRM_EFIELD  no field has that name
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *out is the caller's struct.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one hash look-up.
 * @since 0.1
 */
CRM_API int crm_field_find(crm_txn *txn, const char *name, size_t n, crm_field *out,
                           crm_error *err);

/**
 * Walks the fields and identities of the model in the document's order.
 *
 * @param[in]     txn  Live transaction.
 * @param[in,out] pos  Start with 0; moved on by each call.
 * @param[out]    out  Receives the field.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK    *out holds a field
 * @retval CRM_DONE  there is no further one
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *out is the caller's struct.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_field_next(crm_txn *txn, size_t *pos, crm_field *out, crm_error *err);

/**
 * Label of a field or attribute in a language.
 *
 * @param[in]  txn    Live transaction.
 * @param[in]  field  A field or attribute of this database.
 * @param[in]  lang   BCP 47 tag, e.g. "zh"; "zh-CN" falls back to "zh"; NULL for the first label.
 * @param[out] label  Receives the label, NUL-terminated; the key when there is none.
 * @param[out] err    Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EFIELD  the model has no such field
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *label is the library's, valid until @p txn ends.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_field_label(crm_txn *txn, const crm_field *field, const char *lang,
                            const char **label, crm_error *err);

/**
 * Walks the values of an enum field or attribute in the document's order; another type has none.
 *
 * @param[in]     txn    Live transaction.
 * @param[in]     field  A field or attribute of this database.
 * @param[in,out] pos    Start with 0; moved on by each call.
 * @param[out]    value  Receives the key of the value, NUL-terminated.
 * @param[out]    err    Optional detail.
 *
 * @retval CRM_OK      *value is a value
 * @retval CRM_DONE    there is no further one
 * @retval CRM_EFIELD  the model has no such field
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *value is the library's, valid until @p txn ends.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_value_next(crm_txn *txn, const crm_field *field, size_t *pos, const char **value,
                           crm_error *err);

/**
 * Label of a value of an enum field or attribute in a language.
 *
 * @param[in]  txn    Live transaction.
 * @param[in]  field  A field or attribute of this database.
 * @param[in]  value  Key or label of the value, NUL-terminated.
 * @param[in]  lang   As in crm_field_label(); NULL for the first label.
 * @param[out] label  Receives the label, NUL-terminated; the key when there is none.
 * @param[out] err    Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EFIELD  the model has no such field
 * @retval CRM_EVALUE  the field has no such value
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *label is the library's, valid until @p txn ends.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one hash look-up.
 * @since 0.1
 */
CRM_API int crm_value_label(crm_txn *txn, const crm_field *field, const char *value,
                            const char *lang, const char **label, crm_error *err);

/**
 * Label of a kind of customers in a language.
 *
 * @param[in]  txn    Live transaction.
 * @param[in]  kind   "person" or "organisation", or a label of either; NUL-terminated.
 * @param[in]  lang   As in crm_field_label(); NULL for the first label.
 * @param[out] label  Receives the label, NUL-terminated; the key when there is none.
 * @param[out] err    Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EVALUE  no such kind
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *label is the library's, valid until @p txn ends.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one hash look-up.
 * @since 0.1
 */
CRM_API int crm_kind_label(crm_txn *txn, const char *kind, const char *lang, const char **label,
                           crm_error *err);

/**
 * Finds an event kind by its key or any of its labels.
 *
 * @param[in]  txn   Live transaction.
 * @param[in]  name  Key or label, UTF-8; letter case and width do not matter.
 * @param[in]  n     Its length in bytes, or CRM_NUL.
 * @param[out] out   Receives the kind.
 * @param[out] err   Optional detail; offers a near name.
 *
 * @retval CRM_OK      found
 * @retval CRM_EFIELD  no event kind has that name
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *out is the caller's struct.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one hash look-up.
 * @since 0.1
 */
CRM_API int crm_event_kind_find(crm_txn *txn, const char *name, size_t n, crm_event_kind *out,
                                crm_error *err);

/**
 * Walks the event kinds of the model in the document's order.
 *
 * @param[in]     txn  Live transaction.
 * @param[in,out] pos  Start with 0; moved on by each call.
 * @param[out]    out  Receives the kind.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK    *out holds a kind
 * @retval CRM_DONE  there is no further one
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *out is the caller's struct.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_event_kind_next(crm_txn *txn, size_t *pos, crm_event_kind *out, crm_error *err);

/**
 * Label of an event kind in a language.
 *
 * @param[in]  txn    Live transaction.
 * @param[in]  kind   An event kind of this database.
 * @param[in]  lang   As in crm_field_label(); NULL for the first label.
 * @param[out] label  Receives the label, NUL-terminated; the key when there is none.
 * @param[out] err    Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EFIELD  the model has no such event kind
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *label is the library's, valid until @p txn ends.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_event_kind_label(crm_txn *txn, const crm_event_kind *kind, const char *lang,
                                 const char **label, crm_error *err);

/**
 * Finds an attribute of an event kind by its key or any of its labels.
 *
 * @param[in]  txn   Live transaction.
 * @param[in]  kind  An event kind of this database.
 * @param[in]  name  Key or label, UTF-8; letter case and width do not matter.
 * @param[in]  n     Its length in bytes, or CRM_NUL.
 * @param[out] out   Receives the attribute: its member event is the kind's number, and no function
 *                   for fields of customers takes it.
 * @param[out] err   Optional detail; offers a near name.
 *
 * @retval CRM_OK      found
 * @retval CRM_EFIELD  no attribute of the kind has that name, or the model has no such kind
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *out is the caller's struct.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one hash look-up.
 * @since 0.1
 */
CRM_API int crm_attribute_find(crm_txn *txn, const crm_event_kind *kind, const char *name, size_t n,
                               crm_field *out, crm_error *err);

/**
 * Walks the attributes of an event kind in the document's order.
 *
 * @param[in]     txn   Live transaction.
 * @param[in]     kind  An event kind of this database.
 * @param[in,out] pos   Start with 0; moved on by each call.
 * @param[out]    out   Receives the attribute.
 * @param[out]    err   Optional detail.
 *
 * @retval CRM_OK      *out holds an attribute
 * @retval CRM_DONE    there is no further one
 * @retval CRM_EFIELD  the model has no such event kind
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *out is the caller's struct.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_attribute_next(crm_txn *txn, const crm_event_kind *kind, size_t *pos,
                               crm_field *out, crm_error *err);

/**
 * Finds a dimension of tags by its key or any of its labels.
 *
 * @param[in]  txn   Live transaction.
 * @param[in]  name  Key or label, UTF-8; letter case and width do not matter.
 * @param[in]  n     Its length in bytes, or CRM_NUL.
 * @param[out] out   Receives the dimension.
 * @param[out] err   Optional detail; offers a near name.
 *
 * @retval CRM_OK      found
 * @retval CRM_EFIELD  no dimension has that name
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *out is the caller's struct.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one hash look-up.
 * @since 0.1
 */
CRM_API int crm_dimension_find(crm_txn *txn, const char *name, size_t n, crm_dimension *out,
                               crm_error *err);

/**
 * Walks the dimensions of tags of the model in the document's order.
 *
 * @param[in]     txn  Live transaction.
 * @param[in,out] pos  Start with 0; moved on by each call.
 * @param[out]    out  Receives the dimension.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK    *out holds a dimension
 * @retval CRM_DONE  there is no further one
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *out is the caller's struct.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_dimension_next(crm_txn *txn, size_t *pos, crm_dimension *out, crm_error *err);

/**
 * Label of a dimension of tags in a language.
 *
 * @param[in]  txn        Live transaction.
 * @param[in]  dimension  A dimension of this database.
 * @param[in]  lang       As in crm_field_label(); NULL for the first label.
 * @param[out] label      Receives the label, NUL-terminated; the key when there is none.
 * @param[out] err        Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EFIELD  the model has no such dimension
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *label is the library's, valid until @p txn ends.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one hash look-up.
 * @since 0.1
 */
CRM_API int crm_dimension_label(crm_txn *txn, const crm_dimension *dimension, const char *lang,
                                const char **label, crm_error *err);

/**
 * Walks the values that the model lists for a dimension, in the document's order.  Customers may have
 * others too unless the dimension is closed: crm_tag_counts() tells those in use.
 *
 * @param[in]     txn        Live transaction.
 * @param[in]     dimension  A dimension of this database.
 * @param[in,out] pos        Start with 0; moved on by each call.
 * @param[out]    value      Receives the value, NUL-terminated: what stands behind the colon of a tag.
 * @param[out]    err        Optional detail.
 *
 * @retval CRM_OK      *value is a value
 * @retval CRM_DONE    there is no further one
 * @retval CRM_EFIELD  the model has no such dimension
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *value is the library's, valid until @p txn ends.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_dimension_value_next(crm_txn *txn, const crm_dimension *dimension, size_t *pos,
                                     const char **value, crm_error *err);

/**
 * Label of a listed value of a dimension in a language.
 *
 * @param[in]  txn        Live transaction.
 * @param[in]  dimension  A dimension of this database.
 * @param[in]  value      The value or a label of it, NUL-terminated.
 * @param[in]  lang       As in crm_field_label(); NULL for the first label.
 * @param[out] label      Receives the label, NUL-terminated; the value when there is none.
 * @param[out] err        Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EFIELD  the model has no such dimension
 * @retval CRM_EVALUE  the model lists no such value
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT
 *         see codes.h
 *
 * Ownership: *label is the library's, valid until @p txn ends.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one hash look-up.
 * @since 0.1
 */
CRM_API int crm_dimension_value_label(crm_txn *txn, const crm_dimension *dimension,
                                      const char *value, const char *lang, const char **label,
                                      crm_error *err);

#ifdef __cplusplus
}
#endif

#endif
