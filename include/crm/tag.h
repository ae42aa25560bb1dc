/* SPDX-License-Identifier: MIT */
/**
 * @file tag.h
 * Tags of customers: given, taken, counted and renamed.
 *
 * A tag is "<dimension>:<value>", such as "region:cn/east/shanghai".  The model names the
 * dimensions and says whether a customer may have several tags of one, whether values have levels,
 * whether only listed values may be given, and whether tags may have an end (docs/model.md). Labels
 * mean the same as keys and values everywhere: "地域:上海".  What is given back are keys and
 * values.
 *
 * A tag that a customer has already is not given again, and then there is no journal entry; another
 * end counts as a change.  A tag whose end has come is had no more from that moment on (the
 * transaction's time, crm_txn_now()), without anything being written.  Tags leave the customer's
 * record and its revision alone, and a deleted customer keeps them until it comes back.
 *
 * Every tag of every customer remembers who gave it, when, and how: by hand, by a rule, by an
 * import, with a reason.  Each change is journalled and can be undone (crm_undo()).
 */
#ifndef CRM_TAG_H
#define CRM_TAG_H

#include <crm/customer.h>
#include <crm/error.h>
#include <crm/model.h>
#include <crm/txn.h>
#include <crm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a tag was given: by hand. */
#define CRM_TAG_MANUAL 0
/** How a tag was given: by a rule of the host application. */
#define CRM_TAG_RULE 1
/** How a tag was given: by an import. */
#define CRM_TAG_IMPORT 2

/** Options of the functions that give tags; all zero is the default. */
typedef struct crm_tag_options {
    /** Size of this struct, set by CRM_TAG_OPTIONS_INIT. */
    size_t size;
    /** CRM_TAG_MANUAL, CRM_TAG_RULE or CRM_TAG_IMPORT. */
    uint32_t origin;
    /** Zero. */
    uint32_t reserved;
    /** From when on the customer no longer has the tag, microseconds since 1970 UTC; 0: no end.
     * Only for dimensions with `expires`. */
    int64_t until_us;
    /** Why, one line of at most 200 bytes, for people; NULL: none. */
    const char *reason;
} crm_tag_options;

/** Default crm_tag_options. */
#define CRM_TAG_OPTIONS_INIT                                                                       \
    {                                                                                              \
        sizeof(crm_tag_options), 0, 0, 0, NULL                                                     \
    }

/**
 * Sets options to the default, for languages without CRM_TAG_OPTIONS_INIT.
 *
 * @param[out]    opts  The struct; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_tag_options_init(crm_tag_options *opts);

/**
 * Gives a customer a tag.  In a dimension with `one`, it takes the place of the tag that the
 * customer had.  A tag that is there keeps its end and its reason unless the options have an end;
 * to take an end away, crm_tag_set() the tag without one, or remove it and add it.
 *
 * @param[in]  txn   Live write transaction.
 * @param[in]  id    The customer.
 * @param[in]  tag   "<dimension>:<value>", keys or labels, NUL-terminated UTF-8.
 * @param[in]  opts  How it is given; NULL: by hand, without an end.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_DONE       the customer has it already
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted
 * @retval CRM_EFIELD     the model has no such dimension
 * @retval CRM_EVALUE     not a value of the dimension, or an end where it has none
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EFULL, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      a few look-ups; of a dimension with `one`, one for each tag that customers near it
 * have.
 * @since 0.1
 */
CRM_API int crm_tag_add(crm_txn *txn, crm_id id, const char *tag, const crm_tag_options *opts,
                        crm_error *err);

/**
 * Takes a tag from a customer.  Tags below it, in a hierarchy, are other tags and stay.
 *
 * @param[in]  txn  Live write transaction.
 * @param[in]  id   The customer.
 * @param[in]  tag  As in crm_tag_add().
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_DONE       the customer does not have it
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted
 * @retval CRM_EFIELD     the model has no such dimension
 * @retval CRM_EVALUE     not a value of the dimension
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EFULL, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      a few look-ups.
 * @since 0.1
 */
CRM_API int crm_tag_remove(crm_txn *txn, crm_id id, const char *tag, crm_error *err);

/**
 * Makes the given tags the only ones a customer has of a dimension, in one change; they have the
 * end that the options say, and none when those say none.
 *
 * @param[in]  txn        Live write transaction.
 * @param[in]  id         The customer.
 * @param[in]  dimension  Key or label, NUL-terminated.
 * @param[in]  tags       Tags of it, as "<dimension>:<value>" or "<value>"; NULL when there are
 * none.
 * @param[in]  count      Their number; 0 takes all tags of the dimension.
 * @param[in]  opts       How they are given; NULL: by hand, without an end.
 * @param[out] err        Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_DONE       it was so already
 * @retval CRM_ENOTFOUND  no such customer, or it is deleted
 * @retval CRM_EFIELD     the model has no such dimension
 * @retval CRM_EVALUE     not a value of the dimension, or several of a dimension with `one`
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EFULL, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      one look-up for each tag that customers near it have.
 * @since 0.1
 */
CRM_API int crm_tag_set(crm_txn *txn, crm_id id, const char *dimension, const char *const *tags,
                        size_t count, const crm_tag_options *opts, crm_error *err);

/**
 * Gives a tag to many customers, as one journal entry; who has it keeps it as crm_tag_add() says.
 *
 * @param[in]  txn      Live write transaction.
 * @param[in]  ids      The customers, in any order; the same one twice counts once.
 * @param[in]  count    Their number.
 * @param[in]  tag      As in crm_tag_add().
 * @param[in]  opts     How it is given; NULL: by hand, without an end.
 * @param[out] changed  Receives how many of them did not have it so already; may be NULL.
 * @param[out] err      Optional detail; of an id that is no live customer its place from 0 in row.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  one of them is no customer, or deleted; nothing was changed
 * @retval CRM_EFIELD     the model has no such dimension
 * @retval CRM_EVALUE     not a value of the dimension, or an end where it has none
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EFULL, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      one set operation for each 65,536 neighbouring ids.
 * @since 0.1
 */
CRM_API int crm_tag_add_many(crm_txn *txn, const crm_id *ids, size_t count, const char *tag,
                             const crm_tag_options *opts, uint64_t *changed, crm_error *err);

/**
 * Takes a tag from many customers, as one journal entry.
 *
 * @param[in]  txn      Live write transaction.
 * @param[in]  ids      The customers, in any order.
 * @param[in]  count    Their number.
 * @param[in]  tag      As in crm_tag_add().
 * @param[out] changed  Receives how many of them had it; may be NULL.
 * @param[out] err      Optional detail; of an id that is no live customer its place from 0 in row.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  one of them is no customer, or deleted; nothing was changed
 * @retval CRM_EFIELD     the model has no such dimension
 * @retval CRM_EVALUE     not a value of the dimension
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EFULL, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      one set operation for each 65,536 neighbouring ids.
 * @since 0.1
 */
CRM_API int crm_tag_remove_many(crm_txn *txn, const crm_id *ids, size_t count, const char *tag,
                                uint64_t *changed, crm_error *err);

/**
 * Makes the given tags the only ones that many customers have of a dimension, as one journal entry;
 * they have the end that the options say, and none when those say none.
 *
 * @param[in]  txn        Live write transaction.
 * @param[in]  ids        The customers, in any order; the same one twice counts once.
 * @param[in]  count      Their number.
 * @param[in]  dimension  As in crm_tag_set(), as are tags.
 * @param[in]  tags       NULL when there are none.
 * @param[in]  tag_count  Their number; 0 takes all tags of the dimension.
 * @param[in]  opts       How they are given; NULL: by hand, without an end.
 * @param[out] changed    Receives how many of the customers had not just these so already; may be
 * NULL.
 * @param[out] err        Optional detail; of an id that is no live customer its place from 0 in row.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  one of them is no customer, or deleted; nothing was changed
 * @retval CRM_EFIELD     the model has no such dimension
 * @retval CRM_EVALUE     not a value of the dimension, several of a dimension with `one`, or an end
 * where it has none
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EFULL, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      one set operation for each tag of the dimension and 65,536 neighbouring ids.
 * @since 0.1
 */
CRM_API int crm_tag_set_many(crm_txn *txn, const crm_id *ids, size_t count, const char *dimension,
                             const char *const *tags, size_t tag_count, const crm_tag_options *opts,
                             uint64_t *changed, crm_error *err);

/* ---- tags of a customer ---- */

/** Flag of crm_tag_list(): names and ends only, without a look at where the tags came from. */
#define CRM_TAG_BRIEF 1u
/** Flag of crm_tag_list(): also tags whose end has come. */
#define CRM_TAG_ENDED 2u

/** An iterator over the tags of a customer. */
typedef struct crm_tag_iter crm_tag_iter;

/** One tag of a customer, lent by crm_tag_next() until its next step. */
typedef struct crm_tag {
    /** Size of this struct, set by CRM_TAG_INIT. */
    size_t size;
    /** "<dimension>:<value>", NUL-terminated. */
    const char *tag;
    /** End, microseconds since 1970 UTC; 0: none. */
    int64_t until_us;
    /** Revision by which it was given, or got its end; 0 with CRM_TAG_BRIEF. */
    uint64_t revision;
    /** When that was, microseconds since 1970 UTC. */
    int64_t given_us;
    /** Batch that was part of; 0: none. */
    uint64_t batch;
    /** CRM_TAG_MANUAL, CRM_TAG_RULE or CRM_TAG_IMPORT. */
    uint32_t origin;
    /** Zero. */
    uint32_t reserved;
    /** Who gave it; NULL: nobody was named. */
    const char *actor;
    /** Source of the transaction; NULL: none. */
    const char *source;
    /** Why; NULL: no reason was given. */
    const char *reason;
} crm_tag;

/** An empty crm_tag. */
#define CRM_TAG_INIT                                                                               \
    {                                                                                              \
        sizeof(crm_tag), NULL, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL                                  \
    }

/**
 * Opens an iterator over the tags of a customer, in order of dimension and value.  A deleted
 * customer has those it had.
 *
 * @param[in]  txn    Live transaction.
 * @param[in]  id     The customer.
 * @param[in]  flags  CRM_TAG_BRIEF, CRM_TAG_ENDED, or 0.
 * @param[out] out    Receives the iterator; NULL on any result but CRM_OK.
 * @param[out] err    Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no such customer
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's, closed with crm_tag_list_close(); it is a picture of this
 * moment. Threads:   one thread at a time per @p txn. Cost:      one look-up for each tag that
 * customers near it have; and without CRM_TAG_BRIEF, and in dimensions with `expires`, one step for
 * each change of the tag since, among 65,536 neighbours.
 * @since 0.1
 */
CRM_API int crm_tag_list(crm_txn *txn, crm_id id, uint32_t flags, crm_tag_iter **out,
                         crm_error *err);

/**
 * The next tag.
 *
 * @param[in]     it   The iterator.
 * @param[in,out] out  Filled; its size is set by the caller.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK    *out holds a tag
 * @retval CRM_DONE  there is no further one
 * @retval CRM_EINVAL  an argument is NULL
 *
 * Ownership: texts in *out are the iterator's, until it is closed.
 * Threads:   one thread at a time.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_tag_next(crm_tag_iter *it, crm_tag *out, crm_error *err);

/**
 * Closes an iterator.
 *
 * @param[in] it  The iterator; NULL does nothing.
 *
 * Ownership: ends it.
 * Threads:   one thread at a time.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_tag_list_close(crm_tag_iter *it);

/* ---- customers of a tag ---- */

/** Flag of crm_tag_customers(): this very tag, not those below it. */
#define CRM_TAG_EXACT 1u

/**
 * Opens an iterator over the customers who have a tag or, in a hierarchy, one below it; in order of
 * ids, for crm_customer_next().
 *
 * @param[in]  txn    Live transaction.
 * @param[in]  tag    As in crm_tag_add().
 * @param[in]  flags  0 or CRM_TAG_EXACT.
 * @param[in]  after  Only ids after this one: the resume key, good in any later transaction.
 * @param[out] out    Receives the iterator; NULL on any result but CRM_OK.
 * @param[out] err    Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EFIELD  the model has no such dimension
 * @retval CRM_EVALUE  not a value of the dimension
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's, closed with crm_customer_list_close().
 * Threads:   one thread at a time per @p txn.
 * Cost:      one set operation for each 65,536 customers and tag below it; crm_customer_next()
 * reads one record each.
 * @since 0.1
 */
CRM_API int crm_tag_customers(crm_txn *txn, const char *tag, uint32_t flags, crm_id after,
                              crm_customer_iter **out, crm_error *err);

/* ---- counts ---- */

/** An iterator over counts of tags. */
typedef struct crm_tag_count_iter crm_tag_count_iter;

/** How many customers have a tag, lent by crm_tag_count_next() until its next step. */
typedef struct crm_tag_count {
    /** Size of this struct, set by CRM_TAG_COUNT_INIT. */
    size_t size;
    /** "<dimension>:<value>", NUL-terminated. */
    const char *tag;
    /** Live customers who have this very tag. */
    uint64_t customers;
    /** Live customers who have it or one below it; in a dimension without levels the same. */
    uint64_t below;
} crm_tag_count;

/** An empty crm_tag_count. */
#define CRM_TAG_COUNT_INIT                                                                         \
    {                                                                                              \
        sizeof(crm_tag_count), NULL, 0, 0                                                          \
    }

/**
 * Counts all tags at once.
 *
 * @param[in]  txn        Live transaction.
 * @param[in]  dimension  Key or label, NUL-terminated; NULL: all dimensions.
 * @param[out] out        Receives the iterator; NULL on any result but CRM_OK.
 * @param[out] err        Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EFIELD  the model has no such dimension
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's, closed with crm_tag_count_close(); it is a picture of this
 * moment. Threads:   one thread at a time per @p txn. Cost:      one set operation for each tag and
 * 65,536 customers.
 * @since 0.1
 */
CRM_API int crm_tag_counts(crm_txn *txn, const char *dimension, crm_tag_count_iter **out,
                           crm_error *err);

/**
 * The next tag with its count, in order of dimension and value; tags that no live customer has, nor
 * one below them, are left out.
 *
 * @param[in]     it   The iterator.
 * @param[in,out] out  Filled; its size is set by the caller.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK    *out holds a count
 * @retval CRM_DONE  there is no further one
 * @retval CRM_EINVAL  an argument is NULL
 *
 * Ownership: texts in *out are the iterator's, until it is closed.
 * Threads:   one thread at a time.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_tag_count_next(crm_tag_count_iter *it, crm_tag_count *out, crm_error *err);

/**
 * Closes an iterator.
 *
 * @param[in] it  The iterator; NULL does nothing.
 *
 * Ownership: ends it.
 * Threads:   one thread at a time.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_tag_count_close(crm_tag_count_iter *it);

/* ---- a tag as a whole ---- */

/**
 * Gives a tag another name: every customer who has it, or one below it, has the new one instead,
 * with the same end, origin and reason.  Deleted customers too.  One journal entry, which can be
 * undone.
 *
 * A customer whose tag has ended counts as one who does not have it: an ended tag is kept, under
 * the new name, only where it is in no other's way, and is dropped where the new dimension knows no
 * ends.  A dimension with `one` keeps one: the new tag takes the place of others, and of several
 * tags that a customer had below @p tag the last in order of names stays.
 *
 * @param[in]  txn      Live write transaction.
 * @param[in]  tag      As in crm_tag_add().
 * @param[in]  to       The new one, of the same dimension or another.
 * @param[out] touched  Receives how many tags of customers were changed; may be NULL.
 * @param[out] err      Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no customer has the tag
 * @retval CRM_EEXISTS    a customer has the new one already: crm_tag_merge() goes on all the same
 * @retval CRM_EFIELD     the model has no such dimension
 * @retval CRM_EVALUE     not a value of the dimension; or the new one lies below the old one; or a
 * customer's tag has an end that is to come and the new dimension knows no ends
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EFULL, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      a set operation for each 65,536 customers, and one step for each change of the tag
 * since.
 * @since 0.1
 */
CRM_API int crm_tag_rename(crm_txn *txn, const char *tag, const char *to, uint64_t *touched,
                           crm_error *err);

/**
 * Makes one tag of two: as crm_tag_rename(), but customers may have the other one already; they
 * then keep it as it is.  Where theirs has ended, they get the one that has not.
 *
 * @param[in]  txn      Live write transaction.
 * @param[in]  tag      As in crm_tag_add().
 * @param[in]  into     The other one.
 * @param[out] touched  Receives how many tags of customers were changed; may be NULL.
 * @param[out] err      Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no customer has the tag
 * @retval CRM_EFIELD     the model has no such dimension
 * @retval CRM_EVALUE     not a value of the dimension; or the other one lies below the first; or a
 * customer's tag has an end that is to come and the other dimension knows no ends
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EFULL, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      as crm_tag_rename().
 * @since 0.1
 */
CRM_API int crm_tag_merge(crm_txn *txn, const char *tag, const char *into, uint64_t *touched,
                          crm_error *err);

/**
 * Takes a tag, and those below it, from every customer who has it, deleted ones too.
 *
 * @param[in]  txn      Live write transaction.
 * @param[in]  tag      As in crm_tag_add().
 * @param[out] touched  Receives how many tags of customers were taken; may be NULL.
 * @param[out] err      Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no customer has the tag
 * @retval CRM_EFIELD     the model has no such dimension
 * @retval CRM_EVALUE     not a value of the dimension
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EFULL, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      a set operation for each 65,536 customers.
 * @since 0.1
 */
CRM_API int crm_tag_delete(crm_txn *txn, const char *tag, uint64_t *touched, crm_error *err);

#ifdef __cplusplus
}
#endif

#endif
