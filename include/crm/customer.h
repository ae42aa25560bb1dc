/* SPDX-License-Identifier: MIT */
/**
 * @file customer.h
 * Customers: create, read, change, find, list.
 *
 * There are two doors to a record: typed (a crm_field resolved once, then setters and getters on a
 * crm_customer) and one JSON document in and out.  Both meet in one validation.  Names may be given by
 * key or by any label of the model; output uses keys.
 *
 * In a document the order of the members says nothing.  A field may stand in it once: by key or by one
 * of its labels, and an identity as a member of its own or in the list identities; twice is CRM_EVALUE,
 * which names the field.  A value of an identity that is per source is of the source that stands with
 * it, else of the document's member source, else of the transaction's.  The same name twice in one
 * object is no JSON here: CRM_ESYNTAX, with the offset of the second, and the name if it is one of the
 * model.  A list field or identity has at most 1,000 values.
 */
#ifndef CRM_CUSTOMER_H
#define CRM_CUSTOMER_H

#include <crm/error.h>
#include <crm/model.h>
#include <crm/txn.h>
#include <crm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A record outside the database: a copy of a customer, or fields to write. */
typedef struct crm_customer crm_customer;

/** Flag of the JSON functions: add a member origins: source and time of each value, as an array for
 * list fields and identities, in the order of the values. */
#define CRM_JSON_ORIGINS 1u
/** Flag of the JSON functions: indented, one member a line. */
#define CRM_JSON_PRETTY 2u
/** Flag of the JSON functions: add a member events: every event of the customer in order of their
 * numbers, voided ones and voids too.  Documents given to the functions that write may have it always:
 * the events are added, those left out that the customer has: by source and reference, or by a number
 * of the document under which the customer had an equal event before.  When an event of the document
 * has a number, the members voids name events of the document that stand before; when none has, the
 * customer's.  An event with a state and without one that voids it is added and voided at once.
 * Numbers, voids and states that do not fit give CRM_EVALUE. */
#define CRM_JSON_EVENTS 4u
/** Flag of the JSON functions: add a member tags: the tags the customer has, each a text, or with an
 * end {"tag":...,"until":...}.  Documents given to the functions that write may have it always: a list
 * of such tags (with a "reason" too) is given to the customer, and those it has stay;
 * {"add":[...],"remove":[...]} also takes some. */
#define CRM_JSON_TAGS 8u

/**
 * Makes an empty record, of kind person, to set fields in or to read customers into.
 * Datetimes without an offset are read in the zone of @p txn.
 *
 * @param[in]     txn  Live transaction, whose model the record follows; needed during the call only.
 * @param[out]    out  Receives the record; NULL on any result but CRM_OK.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's, freed with crm_customer_free(); it outlives @p txn and the handle.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one allocation.
 * @since 0.1
 */
CRM_API int crm_customer_new(crm_txn *txn, crm_customer **out, crm_error *err);

/**
 * Frees a record.
 *
 * @param[in]     c  The record; NULL does nothing.
 *
 * Ownership: ends the caller's ownership.
 * Threads:   one thread at a time per @p c.
 * Cost:      a few frees.
 * @since 0.1
 */
CRM_API void crm_customer_free(crm_customer *c);

/**
 * Empties a record for another use.
 *
 * @param[in]     c  The record; NULL does nothing.
 *
 * Ownership: unchanged.
 * Threads:   one thread at a time per @p c.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_customer_clear(crm_customer *c);

/**
 * Sets the kind of customer.
 *
 * @param[in]     c     The record.
 * @param[in]     kind  "person" or "organisation", or a label of either.
 * @param[in]     n     Its length in bytes, or CRM_NUL.
 * @param[out]    err   Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EVALUE  no such kind
 * @retval CRM_EINVAL  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   one thread at a time per @p c.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_customer_set_kind(crm_customer *c, const char *kind, size_t n, crm_error *err);

/**
 * Sets a field from text, as a person would write it; a list field then holds this one value.
 *
 * @param[in]     c      The record.
 * @param[in]     field  A field of the database that is not per source.
 * @param[in]     text   The value, UTF-8.
 * @param[in]     n      Its length in bytes, or CRM_NUL.
 * @param[out]    err    Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EVALUE  the value breaks the model; the record is unchanged
 * @retval CRM_EFIELD  the record's model has no such field
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   one thread at a time per @p c.
 * Cost:      parsing one value.
 * @since 0.1
 */
CRM_API int crm_customer_set(crm_customer *c, const crm_field *field, const char *text, size_t n,
                             crm_error *err);

/**
 * Adds a value to a list field or identity; one that is already there is not added again.
 *
 * @param[in]     c       The record.
 * @param[in]     field   A list field or identity of the database.
 * @param[in]     source  Source of a per-source identity, e.g. "erp", NUL-terminated; NULL for others.
 * @param[in]     text    The value, UTF-8.
 * @param[in]     n       Its length in bytes, or CRM_NUL.
 * @param[out]    err     Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EVALUE  the value breaks the model, the source is missing or not allowed, or the list has
 *                     1,000 values
 * @retval CRM_EFIELD  the record's model has no such field
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   one thread at a time per @p c.
 * Cost:      parsing one value.
 * @since 0.1
 */
CRM_API int crm_customer_add(crm_customer *c, const crm_field *field, const char *source,
                             const char *text, size_t n, crm_error *err);

/**
 * Sets a field of type integer, boolean (0 or 1), datetime (microseconds since 1970 UTC) or customer (id).
 *
 * @param[in]     c      The record.
 * @param[in]     field  A field of the database.
 * @param[in]     value  The value.
 * @param[out]    err    Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EVALUE  the value breaks the model, or the field has another type
 * @retval CRM_EFIELD  the record's model has no such field
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   one thread at a time per @p c.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_customer_set_integer(crm_customer *c, const crm_field *field, int64_t value,
                                     crm_error *err);

/**
 * Says that a field shall be absent: in crm_customer_patch() this removes it.
 *
 * @param[in]     c      The record.
 * @param[in]     field  A field of the database.
 * @param[out]    err    Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EFIELD  the record's model has no such field
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   one thread at a time per @p c.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_customer_unset(crm_customer *c, const crm_field *field, crm_error *err);

/**
 * Id of the customer a record was read from.
 *
 * @param[in]     c  The record; NULL gives 0.
 * @return the id, 0 for a record that was not read.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p c.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API crm_id crm_customer_id(const crm_customer *c);

/**
 * Revision of the customer's last change, when read.
 *
 * @param[in]     c  The record; NULL gives 0.
 * @return the revision, 0 for a record that was not read.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p c.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API uint64_t crm_customer_revision(const crm_customer *c);

/**
 * Recorded time of the customer's creation.
 *
 * @param[in]     c  The record; NULL gives 0.
 * @return microseconds since 1970 UTC, 0 for a record that was not read.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p c.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int64_t crm_customer_created_us(const crm_customer *c);

/**
 * Recorded time of the customer's last change.
 *
 * @param[in]     c  The record; NULL gives 0.
 * @return microseconds since 1970 UTC, 0 for a record that was not read.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p c.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int64_t crm_customer_updated_us(const crm_customer *c);

/**
 * Whether the customer is deleted.
 *
 * @param[in]     c  The record; NULL gives 0.
 * @return 1 if deleted, 0 if not.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p c.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_customer_deleted(const crm_customer *c);

/**
 * Kind of the customer.
 *
 * @param[in]     c  The record.
 * @return "person" or "organisation"; "" for NULL.
 *
 * Ownership: static.
 * Threads:   one thread at a time per @p c.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_customer_kind(const crm_customer *c);

/**
 * Number of values of a field.
 *
 * @param[in]     c      The record.
 * @param[in]     field  A field of the database.
 * @return the number, 0 when the field is absent.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p c.
 * Cost:      linear in the number of fields.
 * @since 0.1
 */
CRM_API size_t crm_customer_count(const crm_customer *c, const crm_field *field);

/**
 * A value as text in its canonical form, e.g. E.164, RFC 3339, the key of an enum value.
 *
 * @param[in]     c      The record.
 * @param[in]     field  A field of the database.
 * @param[in]     i      Number of the value in a list, from 0.
 * @param[out]    text   Receives the text; not NUL-terminated for certain types: use @p n.
 * @param[out]    n      Receives its length in bytes.
 * @param[out]    err    Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  there is no such value
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ECORRUPT  see codes.h
 *
 * Ownership: *text is the record's, valid until the next call that is given @p c.
 * Threads:   one thread at a time per @p c.
 * Cost:      no copy for text types, formatting for others.
 * @since 0.1
 */
CRM_API int crm_customer_text(crm_customer *c, const crm_field *field, size_t i, const char **text,
                              size_t *n, crm_error *err);

/**
 * A value of type integer, boolean, datetime or customer as a number.
 *
 * @param[in]     c      The record.
 * @param[in]     field  A field of the database.
 * @param[in]     i      Number of the value in a list, from 0.
 * @param[out]    value  Receives the number.
 * @param[out]    err    Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  there is no such value
 * @retval CRM_EVALUE     the value has another type
 * @retval CRM_EINVAL, CRM_ECORRUPT  see codes.h
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p c.
 * Cost:      linear in the number of fields.
 * @since 0.1
 */
CRM_API int crm_customer_integer(crm_customer *c, const crm_field *field, size_t i, int64_t *value,
                                 crm_error *err);

/**
 * Where a value came from, and when: each value of a list has its own origin.
 *
 * @param[in]  txn     Live transaction of the same database.
 * @param[in]  c       A record that was read.
 * @param[in]  field   A field of the database.
 * @param[in]  i       Number of the value in a list, from 0.
 * @param[out] source  Receives the source, NUL-terminated, "" when none was given; may be NULL.
 * @param[out] at_us   Receives the recorded time, microseconds since 1970 UTC; may be NULL.
 * @param[out] err     Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  there is no such value
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT  see codes.h
 *
 * Ownership: *source is the library's, valid until @p txn ends.
 * Threads:   one thread at a time per @p txn and @p c.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_customer_origin(crm_txn *txn, const crm_customer *c, const crm_field *field,
                                size_t i, const char **source, int64_t *at_us, crm_error *err);

/**
 * Source that a per-source identity belongs to, e.g. "erp".
 *
 * @param[in]  txn     Live transaction of the same database.
 * @param[in]  c       A record that was read.
 * @param[in]  field   A per-source identity of the database.
 * @param[in]  i       Number of the value in the list, from 0.
 * @param[out] source  Receives the source, NUL-terminated.
 * @param[out] err     Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  there is no such value
 * @retval CRM_EFIELD     the field is not per source
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT  see codes.h
 *
 * Ownership: *source is the library's, valid until @p txn ends.
 * Threads:   one thread at a time per @p txn and @p c.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_customer_source(crm_txn *txn, const crm_customer *c, const crm_field *field, size_t i,
                                const char **source, crm_error *err);

/**
 * Reads a customer into a record.  Deleted customers are read too: see crm_customer_deleted().
 *
 * @param[in]     txn  Live transaction.
 * @param[in]     id   Id of the customer.
 * @param[in,out] c    The record; empty on any result but CRM_OK.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: @p c holds a copy.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up and one copy, nothing allocated after the first use of @p c.
 * @since 0.1
 */
CRM_API int crm_customer_get(crm_txn *txn, crm_id id, crm_customer *c, crm_error *err);

/**
 * Reads a customer as a JSON document: the same that crm_customer_create_json() takes.
 *
 * @param[in]     txn    Live transaction.
 * @param[in]     id     Id of the customer.
 * @param[in]     flags  0, CRM_JSON_ORIGINS, CRM_JSON_PRETTY, CRM_JSON_EVENTS, CRM_JSON_TAGS.
 * @param[out]    json   Receives the document, NUL-terminated UTF-8; NULL on any result but CRM_OK.
 * @param[out]    n      Receives its length in bytes; may be NULL.
 * @param[out]    err    Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: *json is the caller's, freed with crm_free().
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up and the formatting.
 * @since 0.1
 */
CRM_API int crm_customer_get_json(crm_txn *txn, crm_id id, uint32_t flags, char **json, size_t *n,
                                  crm_error *err);

/**
 * A record that was read, e.g. by crm_customer_next(), as a JSON document.
 *
 * @param[in]     txn    Live transaction of the same database.
 * @param[in]     c      The record.
 * @param[in]     flags  0, CRM_JSON_ORIGINS, CRM_JSON_PRETTY, CRM_JSON_EVENTS, CRM_JSON_TAGS.
 * @param[out]    json   Receives the document, NUL-terminated UTF-8; NULL on any result but CRM_OK.
 * @param[out]    n      Receives its length in bytes; may be NULL.
 * @param[out]    err    Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: *json is the caller's, freed with crm_free().
 * Threads:   one thread at a time per @p txn.
 * Cost:      the formatting.
 * @since 0.1
 */
CRM_API int crm_customer_to_json(crm_txn *txn, const crm_customer *c, uint32_t flags, char **json,
                                 size_t *n, crm_error *err);

/**
 * Creates a customer from a record.
 *
 * @param[in]     txn  Live write transaction.
 * @param[in]     c    The record.
 * @param[out]    id   Receives the new id, final when the commit returns; may be NULL.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK       done
 * @retval CRM_EVALUE   a required field is missing, a field is not for the kind, a reference points nowhere
 * @retval CRM_EEXISTS  a unique value is taken; the other customer's id is in row
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      a look-up for each unique value and reference.
 * @since 0.1
 */
CRM_API int crm_customer_create(crm_txn *txn, const crm_customer *c, crm_id *id, crm_error *err);

/**
 * Replaces all fields and identities of a customer: what the record does not have is removed.
 * Values that are the same keep their source and time.
 *
 * @param[in]     txn       Live write transaction.
 * @param[in]     id        Id of the customer.
 * @param[in]     expected  Revision the caller has read, or 0 for whatever is there.
 * @param[in]     c         The record.
 * @param[out]    err       Optional detail.
 *
 * @retval CRM_OK         done; nothing is written if nothing differs
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted
 * @retval CRM_ECONFLICT  changed since @p expected; the present revision is in row
 * @retval CRM_EVALUE     as crm_customer_create()
 * @retval CRM_EEXISTS    a unique value is taken; the other customer's id is in row
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      one look-up, and one for each new unique value and reference.
 * @since 0.1
 */
CRM_API int crm_customer_replace(crm_txn *txn, crm_id id, uint64_t expected, const crm_customer *c,
                                 crm_error *err);

/**
 * Changes the fields that a record has, removes those it has unset, leaves the others.
 *
 * @param[in]     txn       Live write transaction.
 * @param[in]     id        Id of the customer.
 * @param[in]     expected  Revision the caller has read, or 0 for whatever is there.
 * @param[in]     c         The record.
 * @param[out]    err       Optional detail.
 *
 * @retval CRM_OK         done; nothing is written if nothing differs
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted
 * @retval CRM_ECONFLICT  changed since @p expected; the present revision is in row
 * @retval CRM_EVALUE     as crm_customer_create()
 * @retval CRM_EEXISTS    a unique value is taken; the other customer's id is in row
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      one look-up, and one for each new unique value and reference.
 * @since 0.1
 */
CRM_API int crm_customer_patch(crm_txn *txn, crm_id id, uint64_t expected, const crm_customer *c,
                               crm_error *err);

/**
 * Patches the customer that has one of the record's identities, or creates it.
 * Unique values are looked up first; only a record without any is looked up by its other identities.
 * Values of identities are added to those the customer has, not put in their place.
 *
 * @param[in]     txn      Live write transaction.
 * @param[in]     c        The record.
 * @param[out]    id       Receives the id; may be NULL.
 * @param[out]    created  Receives 1 if created, 0 if patched; may be NULL.
 * @param[out]    err      Optional detail.
 *
 * @retval CRM_OK          done
 * @retval CRM_EVALUE      as crm_customer_create(), or the record has no identity at all
 * @retval CRM_EAMBIGUOUS  the identities belong to more than one customer
 * @retval CRM_EEXISTS     a unique value is taken; the other customer's id is in row
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      as create or patch.
 * @since 0.1
 */
CRM_API int crm_customer_upsert(crm_txn *txn, const crm_customer *c, crm_id *id, int *created,
                                crm_error *err);

/**
 * Creates a customer from a JSON document, e.g. {"name":"张伟","phone":"138 0013 8000"}.
 * Members are keys or labels of the model, and source: where the values come from.  Read-only members
 * (id, revision, created_at, updated_at, deleted, origins) are ignored, whatever they hold, so that a
 * document that was read can be given back; a deleted customer's makes a live one.
 *
 * @param[in]     txn   Live write transaction.
 * @param[in]     json  The document, UTF-8.
 * @param[in]     n     Its length in bytes, or CRM_NUL.
 * @param[out]    id    Receives the new id, final when the commit returns; may be NULL.
 * @param[out]    err   Optional detail.
 *
 * @retval CRM_OK       done
 * @retval CRM_ESYNTAX  not JSON, or a name stands twice in an object; offset is the byte
 * @retval CRM_EFIELD   a member names no field of the model
 * @retval CRM_EVALUE   a value breaks the model
 * @retval CRM_EEXISTS  a unique value is taken; the other customer's id is in row
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      parsing, then as crm_customer_create().
 * @since 0.1
 */
CRM_API int crm_customer_create_json(crm_txn *txn, const char *json, size_t n, crm_id *id,
                                     crm_error *err);

/**
 * Replaces a customer by a JSON document, see crm_customer_replace().
 * A member revision in it stands for @p expected when that is 0.
 *
 * @param[in]     txn       Live write transaction.
 * @param[in]     id        Id of the customer.
 * @param[in]     expected  Revision the caller has read, or 0 for whatever is there.
 * @param[in]     json      The document, UTF-8.
 * @param[in]     n         Its length in bytes, or CRM_NUL.
 * @param[out]    err       Optional detail.
 *
 * @retval CRM_OK         done; nothing is written if nothing differs
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted
 * @retval CRM_ECONFLICT  changed since the expected revision; the present one is in row
 * @retval CRM_ESYNTAX    not JSON, or a name stands twice in an object; offset is the byte
 * @retval CRM_EFIELD     a member names no field of the model
 * @retval CRM_EVALUE     a value breaks the model
 * @retval CRM_EEXISTS    a unique value is taken; the other customer's id is in row
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      parsing, then as crm_customer_replace().
 * @since 0.1
 */
CRM_API int crm_customer_replace_json(crm_txn *txn, crm_id id, uint64_t expected, const char *json,
                                      size_t n, crm_error *err);

/**
 * Changes the fields that a JSON document names, see crm_customer_patch(); null removes a field.
 * Of a list field {"add":[...],"remove":[...]} changes single values.  A member revision in it stands
 * for @p expected when that is 0.
 *
 * @param[in]     txn       Live write transaction.
 * @param[in]     id        Id of the customer.
 * @param[in]     expected  Revision the caller has read, or 0 for whatever is there.
 * @param[in]     json      The document, UTF-8.
 * @param[in]     n         Its length in bytes, or CRM_NUL.
 * @param[out]    err       Optional detail.
 *
 * @retval CRM_OK         done; nothing is written if nothing differs
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted
 * @retval CRM_ECONFLICT  changed since the expected revision; the present one is in row
 * @retval CRM_ESYNTAX    not JSON, or a name stands twice in an object; offset is the byte
 * @retval CRM_EFIELD     a member names no field of the model
 * @retval CRM_EVALUE     a value breaks the model
 * @retval CRM_EEXISTS    a unique value is taken; the other customer's id is in row
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      parsing, then as crm_customer_patch().
 * @since 0.1
 */
CRM_API int crm_customer_patch_json(crm_txn *txn, crm_id id, uint64_t expected, const char *json,
                                    size_t n, crm_error *err);

/**
 * Patches or creates the customer of a JSON document, see crm_customer_upsert().
 *
 * @param[in]     txn      Live write transaction.
 * @param[in]     json     The document, UTF-8.
 * @param[in]     n        Its length in bytes, or CRM_NUL.
 * @param[out]    id       Receives the id; may be NULL.
 * @param[out]    created  Receives 1 if created, 0 if patched; may be NULL.
 * @param[out]    err      Optional detail.
 *
 * @retval CRM_OK          done
 * @retval CRM_ESYNTAX     not JSON, or a name stands twice in an object; offset is the byte
 * @retval CRM_EFIELD      a member names no field of the model
 * @retval CRM_EVALUE      a value breaks the model, or there is no identity at all
 * @retval CRM_EAMBIGUOUS  the identities belong to more than one customer
 * @retval CRM_EEXISTS     a unique value is taken; the other customer's id is in row
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      parsing, then as crm_customer_upsert().
 * @since 0.1
 */
CRM_API int crm_customer_upsert_json(crm_txn *txn, const char *json, size_t n, crm_id *id,
                                     int *created, crm_error *err);

/**
 * Checks a document as crm_customer_create_json() would, without creating, and reports all faults, up to
 * 1,000 of them, where the work ends.  The report is a JSON array of
 * {"code","field","message"[,"offset"][,"row"]}, empty when there are none, of at most 1 MiB.
 *
 * @param[in]     txn     Live transaction.
 * @param[in]     json    The document, UTF-8.
 * @param[in]     n       Its length in bytes, or CRM_NUL.
 * @param[out]    faults  Receives the report, NUL-terminated UTF-8; NULL on any error.
 * @param[out]    length  Receives its length in bytes; may be NULL.
 * @param[out]    err     Optional detail.
 *
 * @retval CRM_OK  checked; see the report
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: *faults is the caller's, freed with crm_free().
 * Threads:   one thread at a time per @p txn.
 * Cost:      as crm_customer_create_json().
 * @since 0.1
 */
CRM_API int crm_customer_validate_json(crm_txn *txn, const char *json, size_t n, char **faults,
                                       size_t *length, crm_error *err);

/**
 * Deletes a customer: it is not listed or found any more, and can be undeleted.
 *
 * @param[in]     txn       Live write transaction.
 * @param[in]     id        Id of the customer.
 * @param[in]     expected  Revision the caller has read, or 0 for whatever is there.
 * @param[out]    err       Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted already
 * @retval CRM_ECONFLICT  changed since @p expected; the present revision is in row
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: none.
 * Threads:   the thread that began @p txn.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_customer_delete(crm_txn *txn, crm_id id, uint64_t expected, crm_error *err);

/**
 * Brings a deleted customer back as it was.
 *
 * @param[in]     txn       Live write transaction.
 * @param[in]     id        Id of the customer.
 * @param[in]     expected  Revision the caller has read, or 0 for whatever is there.
 * @param[out]    err       Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer
 * @retval CRM_ECONFLICT  changed since @p expected; the present revision is in row
 * @retval CRM_EEXISTS    it is not deleted, or a unique value was taken meanwhile
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: none.
 * Threads:   the thread that began @p txn.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_customer_undelete(crm_txn *txn, crm_id id, uint64_t expected, crm_error *err);

/**
 * Finds customers by an identity, a unique field, or who refers to a customer.
 * The value may be written in any usual way ("138 0013 8000").  For a field of type customer the value
 * is an id and the result those who refer to it.  Deleted customers are not found.
 *
 * @param[in]     txn     Live transaction.
 * @param[in]     field   An identity, a field with identity or unique, or one of type customer.
 * @param[in]     source  Source of a per-source identity, NUL-terminated; NULL for others.
 * @param[in]     value   The value, UTF-8.
 * @param[in]     n       Its length in bytes, or CRM_NUL.
 * @param[out]    ids     Receives the first ids in ascending order; may be NULL if @p cap is 0.
 * @param[in]     cap     Room in @p ids.
 * @param[out]    count   Receives the number of customers found, which may be more than @p cap.
 * @param[out]    err     Optional detail.
 *
 * @retval CRM_OK         at least one
 * @retval CRM_ENOTFOUND  none; *count is 0
 * @retval CRM_EVALUE     the value can't be one of this field
 * @retval CRM_EFIELD     the field is not indexed
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: outputs are the caller's.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_customer_find(crm_txn *txn, const crm_field *field, const char *source,
                              const char *value, size_t n, crm_id *ids, size_t cap, size_t *count,
                              crm_error *err);

/**
 * How many customers share a value with another one by an identity or a unique field: the first
 * question about duplicates.  Deleted customers do not count.
 *
 * @param[in]  txn        Live transaction.  In a write transaction what was changed goes to the engine
 *                        first.
 * @param[in]  field      An identity, or a field with identity or unique.
 * @param[out] customers  Receives how many have a value that another customer has too.
 * @param[out] values     Receives how many values are shared.
 * @param[out] err        Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EFIELD  customers are not found by the field
 * @retval CRM_ESTATE  inside crm_db_write(), or while a savepoint is set, in a transaction that changed something
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: outputs are the caller's.
 * Threads:   one thread at a time per @p txn.
 * Cost:      two small rows for each 65,536 customers, kept as customers are written; in a database
 * made before there were such, one pass over two small columns.
 * @since 0.1
 */
CRM_API int crm_customer_shared(crm_txn *txn, const crm_field *field, uint64_t *customers,
                                uint64_t *values, crm_error *err);

/** An iterator over customers. */
typedef struct crm_customer_iter crm_customer_iter;

/** Options of crm_customer_list(); all zero is the default. */
typedef struct crm_list_options {
    /** Size of this struct, set by CRM_LIST_OPTIONS_INIT. */
    size_t size;
    /** 0 or CRM_LIST_DELETED. */
    uint32_t flags;
    /** Zero. */
    uint32_t reserved;
    /** Only ids after this one: the resume key, good in any later transaction. */
    crm_id after;
    /** Only this kind, "person" or "organisation"; NULL: both. */
    const char *kind;
} crm_list_options;

/** Default crm_list_options. */
#define CRM_LIST_OPTIONS_INIT {sizeof(crm_list_options), 0, 0, 0, NULL}

/** Flag of crm_list_options: the deleted customers instead of the live ones. */
#define CRM_LIST_DELETED 1u

/**
 * Sets options to the default, for languages without CRM_LIST_OPTIONS_INIT.
 *
 * @param[out]    opts  The struct; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_list_options_init(crm_list_options *opts);

/**
 * Begins to walk customers in the order of their ids.
 *
 * @param[in]     txn   Live transaction.
 * @param[in]     opts  Options, or NULL.
 * @param[out]    out   Receives the iterator; NULL on any result but CRM_OK.
 * @param[out]    err   Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EVALUE  no such kind
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's, ended by crm_customer_list_close(); it needs @p txn alive.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_customer_list(crm_txn *txn, const crm_list_options *opts, crm_customer_iter **out,
                              crm_error *err);

/**
 * Steps to the next customer.  Changes made in the same write transaction while walking are seen from the
 * next chunk of 65,536 ids on; a customer deleted meanwhile is not returned.
 *
 * @param[in]     it   The iterator.
 * @param[out]    c    Receives the record.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK        *c holds a customer
 * @retval CRM_DONE      there is no further one; so is every later call
 * @retval CRM_ECORRUPT  a record is damaged, or the set that says which of up to 65,536 customers there
 *                       are: the message names it, and the next call goes on behind it
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED  see codes.h
 *
 * Ownership: *c is the iterator's, valid until its next step.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up; nothing allocated.
 * @since 0.1
 */
CRM_API int crm_customer_next(crm_customer_iter *it, crm_customer **c, crm_error *err);

/**
 * Ends a walk.
 *
 * @param[in]     it  The iterator; NULL does nothing.
 *
 * Ownership: ends the caller's ownership; may come after the transaction has ended.
 * Threads:   one thread at a time per transaction, which keeps a list of its iterators: not while
 *            another thread uses the transaction or one of its iterators.  After it has ended, any thread.
 * Cost:      a few frees.
 * @since 0.1
 */
CRM_API void crm_customer_list_close(crm_customer_iter *it);
#ifdef __cplusplus
}
#endif

#endif
