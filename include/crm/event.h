/* SPDX-License-Identifier: MIT */
/**
 * @file event.h
 * Events of customers: what happened, when, in what words and amounts; one timeline a customer.
 *
 * An event has a kind of the model, a time, attributes, and where it came from: a source and a
 * reference, which is the source's own name for it.  It is named by its customer and a number, from
 * 1 in order of arrival.  Time and arrival are independent: late and future events are as good as
 * others.
 *
 * Events are only ever added.  A correction is a new event that voids the one it corrects; a plain
 * void (crm_event_void()) is an event of the kind "void", at the time of the one it voids.  A
 * voided event stays stored, with the mark that it is; it counts no more.  Adding events changes
 * neither the customer's record nor its revision.
 *
 * An event whose (source, reference) the customer already has is not stored again, so a feed may be
 * sent twice: the call returns CRM_DONE and the number of the last one that is there, in force or
 * corrected.  After a plain void it is stored anew.  A correction can be corrected again: one that
 * voids an event in force is stored, unless another event in force has its source and reference.
 * Events without a reference are never taken for the same.
 *
 * There are two doors: a crm_event with typed setters and getters, and JSON objects:
 * {"kind":"order","time":"2026-01-01T10:00:00Z","amount":"12.50
 * CNY","source":"shop","reference":"O-1"}. Both meet in one validation.  Events whose kind is no
 * longer in the model, and attributes that are not, stay stored and are out of view until the model
 * has them again.
 */
#ifndef CRM_EVENT_H
#define CRM_EVENT_H

#include <crm/error.h>
#include <crm/model.h>
#include <crm/txn.h>
#include <crm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An event outside the database: one to add, or a copy of one that was read. */
typedef struct crm_event crm_event;

/** State of an event: it counts. */
#define CRM_EVENT_IN_FORCE 0
/** State of an event: taken back by a plain void. */
#define CRM_EVENT_VOIDED 1
/** State of an event: taken back by a correction. */
#define CRM_EVENT_CORRECTED 2

/**
 * Makes an empty event, to set up and add or to read events into.
 * Datetimes without an offset are read in the zone of @p txn.
 *
 * @param[in]     txn  Live transaction, whose model the event follows; needed during the call only.
 * @param[out]    out  Receives the event; NULL on any result but CRM_OK.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: *out is the caller's, freed with crm_event_free(); it outlives @p txn and the handle.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one allocation; one object serves any number of events.
 * @since 0.1
 */
CRM_API int crm_event_new(crm_txn *txn, crm_event **out, crm_error *err);

/**
 * Frees an event.
 *
 * @param[in]     e  The event; NULL does nothing.
 *
 * Ownership: ends the caller's ownership.
 * Threads:   one thread at a time per @p e.
 * Cost:      a few frees.
 * @since 0.1
 */
CRM_API void crm_event_free(crm_event *e);

/**
 * Empties an event for another use.
 *
 * @param[in]     e  The event; NULL does nothing.
 *
 * Ownership: unchanged; keeps its memory.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_event_clear(crm_event *e);

/**
 * Sets the kind.  The attributes of another kind are dropped.
 *
 * @param[in]     e     The event.
 * @param[in]     kind  A kind of this database, see crm_event_kind_find().
 * @param[out]    err   Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EFIELD  the event's model has no such kind
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   one thread at a time per @p e.
 * Cost:      one hash look-up.
 * @since 0.1
 */
CRM_API int crm_event_set_kind(crm_event *e, const crm_event_kind *kind, crm_error *err);

/**
 * Sets the time.  Without it the event gets the time of the transaction that adds it,
 * crm_txn_now().
 *
 * @param[in]     e        The event.
 * @param[in]     time_us  Microseconds since 1970 UTC, in the years 1 to 9999; may lie ahead.
 * @param[out]    err      Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EVALUE  not in the years 1 to 9999
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_event_set_time(crm_event *e, int64_t time_us, crm_error *err);

/**
 * Sets an attribute from text, as a person would write it.
 *
 * @param[in]     e          The event.
 * @param[in]     attribute  An attribute of the event's kind, see crm_attribute_find().
 * @param[in]     text       The value, UTF-8.
 * @param[in]     n          Its length in bytes, or CRM_NUL.
 * @param[out]    err        Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EVALUE  the value breaks the model; the event is unchanged
 * @retval CRM_EFIELD  no attribute of the event's kind
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   one thread at a time per @p e.
 * Cost:      parsing one value.
 * @since 0.1
 */
CRM_API int crm_event_set(crm_event *e, const crm_field *attribute, const char *text, size_t n,
                          crm_error *err);

/**
 * Sets an attribute of type integer, boolean (0 or 1) or datetime (microseconds since 1970 UTC).
 *
 * @param[in]     e          The event.
 * @param[in]     attribute  An attribute of the event's kind.
 * @param[in]     value      The value.
 * @param[out]    err        Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EVALUE  the value breaks the model, or the attribute has another type
 * @retval CRM_EFIELD  no attribute of the event's kind
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_event_set_integer(crm_event *e, const crm_field *attribute, int64_t value,
                                  crm_error *err);

/**
 * Sets the source, e.g. "shop".  Without it the event gets the source of the transaction.
 *
 * @param[in]     e       The event.
 * @param[in]     source  Name of 1 to 100 bytes, UTF-8.
 * @param[in]     n       Its length in bytes, or CRM_NUL.
 * @param[out]    err     Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EVALUE  not such a name
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   one thread at a time per @p e.
 * Cost:      one copy.
 * @since 0.1
 */
CRM_API int crm_event_set_source(crm_event *e, const char *source, size_t n, crm_error *err);

/**
 * Sets the reference: the source's own name for the event, e.g. the number of an order.
 *
 * @param[in]     e          The event.
 * @param[in]     reference  Text of 1 to 200 bytes, UTF-8, without control characters.
 * @param[in]     n          Its length in bytes, or CRM_NUL.
 * @param[out]    err        Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EVALUE  not such a text
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   one thread at a time per @p e.
 * Cost:      one copy.
 * @since 0.1
 */
CRM_API int crm_event_set_reference(crm_event *e, const char *reference, size_t n, crm_error *err);

/**
 * Makes the event a correction: when it is added, the event of that number is voided, which may be
 * a correction itself.
 *
 * @param[in]     e       The event.
 * @param[in]     number  Number of an event of the same customer; 0: none.
 * @param[out]    err     Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_event_set_voids(crm_event *e, uint32_t number, crm_error *err);

/**
 * Customer of an event that was read.
 *
 * @param[in]     e  The event; NULL gives that of an empty one.
 * @return the id, 0 for an event that was not read.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API crm_id crm_event_customer(const crm_event *e);

/**
 * Number of an event that was read.
 *
 * @param[in]     e  The event; NULL gives that of an empty one.
 * @return the number, from 1; 0 for an event that was not read.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API uint32_t crm_event_number(const crm_event *e);

/**
 * Kind of an event.
 *
 * @param[in]     e  The event; NULL gives that of an empty one.
 * @return the key of the kind; "void" for a plain void; "" when none is set.
 *
 * Ownership: the library's; valid while @p e follows the same model.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_event_kind_key(const crm_event *e);

/**
 * Time of an event.
 *
 * @param[in]     e  The event; NULL gives that of an empty one.
 * @return microseconds since 1970 UTC.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int64_t crm_event_time_us(const crm_event *e);

/**
 * Revision at which an event was added: its entry in the journal tells when and by whom, which
 * crm_change_list() gives behind the revision before.
 *
 * @param[in]     e  The event; NULL gives that of an empty one.
 * @return the revision, 0 for an event that was not read.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API uint64_t crm_event_revision(const crm_event *e);

/**
 * Whether an event is in force.
 *
 * @param[in]     e  The event; NULL gives that of an empty one.
 * @return CRM_EVENT_IN_FORCE, CRM_EVENT_VOIDED or CRM_EVENT_CORRECTED.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_event_state(const crm_event *e);

/**
 * Revision at which an event was voided or corrected.
 *
 * @param[in]     e  The event; NULL gives that of an empty one.
 * @return the revision, 0 while it is in force.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API uint64_t crm_event_voided_revision(const crm_event *e);

/**
 * The event that this one voids.
 *
 * @param[in]     e  The event; NULL gives that of an empty one.
 * @return its number, 0: none.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API uint32_t crm_event_voids(const crm_event *e);

/**
 * Reference of an event.
 *
 * @param[in]     e  The event; NULL gives "".
 * @param[out]    n  Receives its length in bytes; may be NULL.
 * @return the text, not NUL-terminated; "" when there is none.
 *
 * Ownership: the event's, until it changes.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_event_reference(const crm_event *e, size_t *n);

/**
 * Source of an event.
 *
 * @param[in]     txn     Live transaction of the same database.
 * @param[in]     e       The event.
 * @param[out]    source  Receives the name, not NUL-terminated; "" when there is none.
 * @param[out]    n       Receives its length in bytes; may be NULL.
 * @param[out]    err     Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: *source is valid until @p txn writes or ends, or @p e changes.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_event_source(crm_txn *txn, const crm_event *e, const char **source, size_t *n,
                             crm_error *err);

/**
 * An attribute as text in its canonical form.
 *
 * @param[in]     e          The event.
 * @param[in]     attribute  An attribute of the event's kind.
 * @param[out]    text       Receives the text; not NUL-terminated for certain types: use @p n.
 * @param[out]    n          Receives its length in bytes.
 * @param[out]    err        Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  the event has no such value
 * @retval CRM_EFIELD     no attribute of the event's kind
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: *text is the event's, until the next call that is given @p e.
 * Threads:   one thread at a time per @p e.
 * Cost:      no copy for text types, formatting for others.
 * @since 0.1
 */
CRM_API int crm_event_text(crm_event *e, const crm_field *attribute, const char **text, size_t *n,
                           crm_error *err);

/**
 * An attribute of type integer, boolean or datetime as a number.
 *
 * @param[in]     e          The event.
 * @param[in]     attribute  An attribute of the event's kind.
 * @param[out]    value      Receives the number.
 * @param[out]    err        Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  the event has no such value
 * @retval CRM_EVALUE     the attribute has another type
 * @retval CRM_EFIELD     no attribute of the event's kind
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_event_integer(const crm_event *e, const crm_field *attribute, int64_t *value,
                              crm_error *err);

/**
 * Adds an event to a customer's timeline; voids the one it corrects.
 * The event stays as it is and may be added again, to this customer or another.
 *
 * @param[in]     txn     Live write transaction.
 * @param[in]     id      Id of the customer.
 * @param[in]     e       The event.
 * @param[out]    number  Receives the event's number, of CRM_DONE that of the one there; may be
 * NULL.
 * @param[out]    err     Optional detail.
 *
 * @retval CRM_OK         added
 * @retval CRM_DONE       the customer has an event of this source and reference, see above; nothing
 * was changed
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted; or no event of the number to void
 * @retval CRM_EVALUE     no kind, a required attribute is missing, or a value breaks the model
 * @retval CRM_EFIELD     the model no longer has the kind or an attribute
 * @retval CRM_EEXISTS    the event to void is voided already
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      two look-ups and a block of less than 1 KB read and written anew; grows with the
 * logarithm of the length of the timeline.
 * @since 0.1
 */
CRM_API int crm_event_add(crm_txn *txn, crm_id id, const crm_event *e, uint32_t *number,
                          crm_error *err);

/**
 * Adds an event from a JSON object with the members kind, time, source, reference, voids (the
 * number of an event to correct) and attributes, by key or label; {"kind":"void","voids":3} is a
 * plain void.  The members number, state, revision, id and customer, which tools write, are passed
 * over.
 *
 * @param[in]     txn     Live write transaction.
 * @param[in]     id      Id of the customer.
 * @param[in]     json    The object, UTF-8.
 * @param[in]     n       Its length in bytes, or CRM_NUL.
 * @param[out]    number  Receives the event's number, of CRM_DONE that of the one there; may be
 * NULL.
 * @param[out]    err     Optional detail.
 *
 * @retval CRM_OK         added
 * @retval CRM_DONE       the customer has an event of this source and reference, see above; nothing
 * was changed
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted; or no event of the number to void
 * @retval CRM_EVALUE     no kind, a required attribute is missing, or a value breaks the model
 * @retval CRM_EFIELD     no such kind or attribute
 * @retval CRM_EEXISTS    the event to void is voided already
 * @retval CRM_ESYNTAX    the text is no JSON object; offset tells where
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      as crm_event_add(), and the parsing.
 * @since 0.1
 */
CRM_API int crm_event_add_json(crm_txn *txn, crm_id id, const char *json, size_t n,
                               uint32_t *number, crm_error *err);

/**
 * Voids an event: adds an event of the kind "void" at its time.  It stays stored and counts no
 * more.
 *
 * @param[in]     txn     Live write transaction.
 * @param[in]     id      Id of the customer.
 * @param[in]     number  Number of the event.
 * @param[out]    err     Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted; or no such event
 * @retval CRM_EEXISTS    it is voided or corrected already
 * @retval CRM_EVALUE     it is itself a void
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: none.
 * Threads:   the thread that began @p txn.
 * Cost:      as crm_event_add(); of the first or last event of its kind: a look at each block up to
 * the next one of it, about a microsecond for 60 events.
 * @since 0.1
 */
CRM_API int crm_event_void(crm_txn *txn, crm_id id, uint32_t number, crm_error *err);

/**
 * Reads one event, in force or not; of a deleted customer too, as crm_customer_get() does.
 *
 * @param[in]     txn     Live transaction.
 * @param[in]     id      Id of the customer.
 * @param[in]     number  Number of the event.
 * @param[in,out] e       The event; empty on any result but CRM_OK.
 * @param[out]    err     Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer or event, or its kind is out of view
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: @p e holds a copy.
 * Threads:   one thread at a time per @p txn.
 * Cost:      two look-ups and one copy.
 * @since 0.1
 */
CRM_API int crm_event_get(crm_txn *txn, crm_id id, uint32_t number, crm_event *e, crm_error *err);

/**
 * Writes an event as a JSON object, as crm_event_add_json() takes it.
 *
 * @param[in]     txn   Live transaction of the same database.
 * @param[in]     e     The event.
 * @param[out]    json  Receives the object, NUL-terminated UTF-8; NULL on any result but CRM_OK.
 * @param[out]    n     Receives its length in bytes; may be NULL.
 * @param[out]    err   Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: *json is the caller's, freed with crm_free().
 * Threads:   one thread at a time per @p txn.
 * Cost:      the formatting.
 * @since 0.1
 */
CRM_API int crm_event_to_json(crm_txn *txn, const crm_event *e, char **json, size_t *n,
                              crm_error *err);

/** A place in a timeline: that of an event. */
typedef struct crm_event_position {
    /** Time of the event, microseconds since 1970 UTC. */
    int64_t time_us;
    /** Its number; 0: no place. */
    uint32_t number;
    /** Zero. */
    uint32_t reserved;
} crm_event_position;

/** Flag of crm_event_list_options: the oldest first, instead of the newest. */
#define CRM_EVENTS_OLDEST 1u
/** Flag of crm_event_list_options: also events that were voided or corrected, and the voids. */
#define CRM_EVENTS_ALL 2u
/** Flag of crm_event_list_options: also when the customer is deleted. */
#define CRM_EVENTS_DELETED 4u

/** Options of crm_event_list(); all zero is the default: every event in force, newest first. */
typedef struct crm_event_list_options {
    /** Size of this struct, set by CRM_EVENT_LIST_OPTIONS_INIT. */
    size_t size;
    /** CRM_EVENTS_... flags. */
    uint32_t flags;
    /** Number of @p kinds; 0: all kinds. */
    uint32_t kind_count;
    /** Only events of these kinds; a void is of the kind of what it voids. */
    const crm_event_kind *kinds;
    /** Only events at or after this time, microseconds since 1970 UTC; 0: from the beginning. */
    int64_t from_us;
    /** Only events before this time, microseconds since 1970 UTC; 0: to the end. */
    int64_t until_us;
    /** Go on behind this place, in the direction of the walk; good in any later transaction. */
    crm_event_position after;
    /** At most so many events; 0: all. */
    uint64_t limit;
} crm_event_list_options;

/** Default crm_event_list_options. */
#define CRM_EVENT_LIST_OPTIONS_INIT                                                                \
    {                                                                                              \
        sizeof(crm_event_list_options), 0, 0, NULL, 0, 0, {0, 0, 0}, 0                             \
    }

/** An iterator over a timeline. */
typedef struct crm_event_iter crm_event_iter;

/**
 * Sets options to the default, for languages without CRM_EVENT_LIST_OPTIONS_INIT.
 *
 * @param[out]    opts  The struct; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_event_list_options_init(crm_event_list_options *opts);

/**
 * Begins to walk a customer's timeline in order of time; events of one time in order of their
 * numbers.
 *
 * @param[in]     txn   Live transaction.
 * @param[in]     id    Id of the customer.
 * @param[in]     opts  Options, or NULL; copied.
 * @param[out]    out   Receives the iterator; NULL on any result but CRM_OK.
 * @param[out]    err   Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted and CRM_EVENTS_DELETED is not set
 * @retval CRM_EFIELD     the model has no such kind
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: *out is the caller's, ended by crm_event_list_close(); it needs @p txn alive.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_event_list(crm_txn *txn, crm_id id, const crm_event_list_options *opts,
                           crm_event_iter **out, crm_error *err);

/**
 * Steps to the next event.  Changes made in the same write transaction are seen, behind the place
 * the walk has come to.
 *
 * @param[in]     it   The iterator.
 * @param[out]    e    Receives the event; NULL on any result but CRM_OK.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK    *e is an event
 * @retval CRM_DONE  there is no further one; so is every later call
 * @retval CRM_ECORRUPT  damaged: end the walk, each further call may say so again
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED  see codes.h
 *
 * Ownership: *e is the iterator's, valid until its next step or the next write of the transaction.
 * Threads:   one thread at a time per @p txn.
 * Cost:      a block of events at a time is read; nothing is allocated for one.
 * @since 0.1
 */
CRM_API int crm_event_next(crm_event_iter *it, crm_event **e, crm_error *err);

/**
 * Place of an event, to go on behind it later.
 *
 * @param[in]     e    An event that was read; NULL gives no place.
 * @param[out]    out  Receives the place; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   one thread at a time per @p e.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_event_position_of(const crm_event *e, crm_event_position *out);

/**
 * Ends a walk.
 *
 * @param[in]     it  The iterator; NULL does nothing.
 *
 * Ownership: ends the caller's ownership; may come after the transaction has ended.
 * Threads:   one thread at a time per @p it.
 * Cost:      a few frees.
 * @since 0.1
 */
CRM_API void crm_event_list_close(crm_event_iter *it);

/**
 * A page of a timeline as JSON: {"events":[...],"next":{"time_us":...,"number":...}}.  Member next
 * is the place to go on behind, null at the end.
 *
 * @param[in]     txn   Live transaction.
 * @param[in]     id    Id of the customer.
 * @param[in]     opts  Options, or NULL.
 * @param[out]    json  Receives the object, NUL-terminated UTF-8; NULL on any result but CRM_OK.
 * @param[out]    n     Receives its length in bytes; may be NULL.
 * @param[out]    err   Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted and CRM_EVENTS_DELETED is not set
 * @retval CRM_EFIELD     the model has no such kind
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: *json is the caller's, freed with crm_free().
 * Threads:   one thread at a time per @p txn.
 * Cost:      the events read, and the formatting.
 * @since 0.1
 */
CRM_API int crm_event_list_json(crm_txn *txn, crm_id id, const crm_event_list_options *opts,
                                char **json, size_t *n, crm_error *err);

/** Totals of one kind of events of a customer; those in force count. */
typedef struct crm_event_total {
    /** Key of the kind, NUL-terminated. */
    char kind[CRM_FIELD_SIZE];
    /** Number of events. */
    uint64_t count;
    /** Time of the first event, microseconds since 1970 UTC. */
    int64_t first_us;
    /** Time of the last event, microseconds since 1970 UTC. */
    int64_t last_us;
} crm_event_total;

/** Sum of an attribute of type integer, decimal or money over the events in force of its kind. */
typedef struct crm_event_sum {
    /** Key of the kind, NUL-terminated. */
    char kind[CRM_FIELD_SIZE];
    /** Key of the attribute, NUL-terminated. */
    char attribute[CRM_FIELD_SIZE];
    /** Currency of money, NUL-terminated; "" for other types. */
    char currency[4];
    /** Zero. */
    uint32_t reserved;
    /** Number of values. */
    uint64_t count;
    /** Exact decimal text, NUL-terminated, with as many digits as the most exact value in force. */
    char sum[64];
} crm_event_sum;

/**
 * Number of events in force, of one kind or of all.
 *
 * @param[in]     txn    Live transaction.
 * @param[in]     id     Id of the customer.
 * @param[in]     kind   A kind; NULL: all kinds.
 * @param[out]    count  Receives the number; 0 when there is none.
 * @param[out]    err    Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant, whatever the length of the timeline.
 * @since 0.1
 */
CRM_API int crm_event_count(crm_txn *txn, crm_id id, const crm_event_kind *kind, uint64_t *count,
                            crm_error *err);

/**
 * Totals of each kind that the customer has events of, in the order of the model.
 *
 * @param[in]     txn     Live transaction.
 * @param[in]     id      Id of the customer.
 * @param[out]    totals  Receives the first totals; may be NULL if @p cap is 0.
 * @param[in]     cap     Room in @p totals.
 * @param[out]    count   Receives the number of all, which may be more than @p cap.
 * @param[out]    err     Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: outputs are the caller's.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant, whatever the length of the timeline.
 * @since 0.1
 */
CRM_API int crm_event_totals(crm_txn *txn, crm_id id, crm_event_total *totals, size_t cap,
                             size_t *count, crm_error *err);

/**
 * Sums of attributes, in the order of the model; money once for each currency.
 *
 * @param[in]     txn    Live transaction.
 * @param[in]     id     Id of the customer.
 * @param[out]    sums   Receives the first sums; may be NULL if @p cap is 0.
 * @param[in]     cap    Room in @p sums.
 * @param[out]    count  Receives the number of all, which may be more than @p cap.
 * @param[out]    err    Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: outputs are the caller's.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant, whatever the length of the timeline.
 * @since 0.1
 */
CRM_API int crm_event_sums(crm_txn *txn, crm_id id, crm_event_sum *sums, size_t cap, size_t *count,
                           crm_error *err);

/**
 * Totals and sums as JSON:
 * {"order":{"count":3,"first":"...","last":"...","sums":{"amount":{"CNY":"37.50"}}}}.
 *
 * @param[in]     txn   Live transaction.
 * @param[in]     id    Id of the customer.
 * @param[out]    json  Receives the object, NUL-terminated UTF-8; NULL on any result but CRM_OK.
 * @param[out]    n     Receives its length in bytes; may be NULL.
 * @param[out]    err   Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: *json is the caller's, freed with crm_free().
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant, whatever the length of the timeline.
 * @since 0.1
 */
CRM_API int crm_event_totals_json(crm_txn *txn, crm_id id, char **json, size_t *n, crm_error *err);

#ifdef __cplusplus
}
#endif

#endif
