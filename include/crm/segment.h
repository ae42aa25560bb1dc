/* SPDX-License-Identifier: MIT */
/**
 * @file segment.h
 * Segments: questions over all customers, in a language people can read (docs/segment-language.md),
 * answered from sets, columns and day lists as of this transaction and its `now`.
 *
 * A segment is parsed once and may then be asked in any number of transactions, of several threads
 * too.  Every run passes the root of the database: customers that are deleted are never in a
 * result.  Purpose, channel and reason of a run are those of its transaction (crm_txn_options), of
 * every function here: the journal keeps them, and as long as there are no consents they narrow
 * nothing.  A run with options may have a reason of its own.
 */
#ifndef CRM_SEGMENT_H
#define CRM_SEGMENT_H

#include <crm/error.h>
#include <crm/tag.h>
#include <crm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A parsed segment. */
typedef struct crm_segment crm_segment;

/** Options of a run; all zero is the default. */
typedef struct crm_segment_options {
    /** Size of this struct, set by CRM_SEGMENT_OPTIONS_INIT. */
    size_t size;
    /** Zero. */
    uint32_t flags;
    /** Of crm_segment_count() and crm_segment_facet() in a read transaction: at most so many
     * threads work on the answer, of which the calling one is the first; no more than 64 are used.
     * Others are made only when what is left of a question takes more than some 150 microseconds,
     * and are gone when the call returns.  The answer is the same, and nothing of the host's is
     * called on them but its allocator.  0: the calling thread alone. */
    uint32_t threads;
    /** Of crm_segment_list(): the order, as `score desc, name`: names of fields of one value, or
     * id, created_at and updated_at, each with `asc` (the default) or `desc`, at most four.
     * Customers without a value come last, equal ones in order of ids.  NULL: by id. */
    const char *order;
    /** Of crm_segment_list(): at most so many customers; 0: all. */
    uint64_t limit;
    /** Of crm_segment_list(): only what comes after this resume key, from crm_segment_key() of a
     * walk with the same order, in any transaction.  NULL: from the beginning. */
    const char *after;
    /** Of questions, as crm_segment_list() and crm_segment_count(), in the place of the transaction's:
     * why.  The journal then says so before they answer, as of an export; in a read transaction that is
     * a commit of its own, with the actor and the purpose of the transaction.  NULL: that of the
     * transaction, see crm_txn_options.  Of crm_segment_tag() and other changes: NULL. */
    const char *reason;
    /** Called now and then with chunks of 65,536 ids done, and in all; may stop the run.  NULL:
     * none. */
    crm_progress_fn progress;
    /** Handed to it. */
    void *progress_ctx;
} crm_segment_options;

/** Default crm_segment_options. */
#define CRM_SEGMENT_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(crm_segment_options), 0, 0, NULL, 0, NULL, NULL, NULL, NULL                         \
    }

/**
 * Sets options to the default, for languages without CRM_SEGMENT_OPTIONS_INIT.
 *
 * @param[out] opts  The struct; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_segment_options_init(crm_segment_options *opts);

/**
 * Reads the text of a segment with the names of the transaction's model.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  text  The segment, UTF-8, at most 64 KiB.
 * @param[in]  n  Its length in bytes, or CRM_NUL.
 * @param[out] out  Receives the segment; NULL on any result but CRM_OK.
 * @param[out] err  Optional detail: `offset` is the byte where it fails, the message says what
 *                was expected.
 *
 * @retval CRM_OK  done
 * @retval CRM_ESYNTAX  the text is no segment
 * @retval CRM_EFIELD  a name the model does not have
 * @retval CRM_EVALUE  a value its field refuses
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's, freed by crm_segment_free(); it outlives @p txn.
 * Threads:   one thread at a time per @p txn.
 * Cost:      linear in the text.
 * @since 0.1
 */
CRM_API int crm_segment_parse(crm_txn *txn, const char *text, size_t n, crm_segment **out,
                              crm_error *err);

/**
 * Reads the JSON form of a segment; otherwise like crm_segment_parse().
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  json  The tree as JSON, UTF-8.
 * @param[in]  n  Its length in bytes, or CRM_NUL.
 * @param[out] out  Receives the segment; NULL on any result but CRM_OK.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_ESYNTAX, CRM_EFIELD, CRM_EVALUE  as crm_segment_parse()
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's, freed by crm_segment_free().
 * Threads:   one thread at a time per @p txn.
 * Cost:      linear in the text.
 * @since 0.1
 */
CRM_API int crm_segment_parse_json(crm_txn *txn, const char *json, size_t n, crm_segment **out,
                                   crm_error *err);

/**
 * Frees a segment.
 *
 * @param[in]  s  The segment; NULL does nothing.
 *
 * Ownership: ends the caller's ownership.
 * Threads:   any thread; no other may use @p s any more.
 * Cost:      a few frees.
 * @since 0.1
 */
CRM_API void crm_segment_free(crm_segment *s);

/**
 * The canonical text of a segment: keys instead of labels, one spelling of everything; parsed again
 * it is the same segment.
 *
 * @param[in]  s  The segment.
 * @param[out] out  Receives it, NUL-terminated.
 * @param[out] n  Receives its length in bytes; may be NULL.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: *out is the caller's, freed by crm_free().
 * Threads:   any thread.
 * Cost:      linear in the segment.
 * @since 0.1
 */
CRM_API int crm_segment_text(const crm_segment *s, char **out, size_t *n, crm_error *err);

/**
 * The JSON form of a segment: the tree for programs; docs/segment-language.md says how it looks.
 *
 * @param[in]  s  The segment.
 * @param[out] out  Receives it, NUL-terminated.
 * @param[out] n  Receives its length in bytes; may be NULL.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: *out is the caller's, freed by crm_free().
 * Threads:   any thread.
 * Cost:      linear in the segment.
 * @since 0.1
 */
CRM_API int crm_segment_json(const crm_segment *s, char **out, size_t *n, crm_error *err);

/**
 * Counts the customers of a segment.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  s  The segment.
 * @param[in]  opts  Options, or NULL.
 * @param[out] count  Receives the number.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_ECANCELLED  progress asked to stop
 * @retval CRM_ENOTFOUND  it names a saved segment that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: unchanged.
 * Threads:   one thread at a time per @p txn.
 * Cost:      a few microseconds for each chunk of 65,536 ids when sets answer it; nothing allocated
 * per customer.  crm_segment_explain() tells what a segment costs.
 * @since 0.1
 */
CRM_API int crm_segment_count(crm_txn *txn, const crm_segment *s, const crm_segment_options *opts,
                              uint64_t *count, crm_error *err);

/**
 * Whether one customer is in a segment.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  s  The segment.
 * @param[in]  id  The customer.
 * @param[out] in  Receives 1 or 0; 0 for a customer who is deleted or does not exist.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_ENOTFOUND  it names a saved segment that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: unchanged.
 * Threads:   one thread at a time per @p txn.
 * Cost:      that of the plan on one customer.
 * @since 0.1
 */
CRM_API int crm_segment_has(crm_txn *txn, const crm_segment *s, crm_id id, int *in, crm_error *err);

/** A walk over the customers of a segment. */
typedef struct crm_segment_iter crm_segment_iter;

/**
 * Begins to walk the customers of a segment: all, a page, or the first of an order.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  s  The segment.
 * @param[in]  opts  Options, or NULL.
 * @param[out] out  Receives the walk; NULL on any result but CRM_OK.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EFIELD  the order names no such field
 * @retval CRM_EVALUE  the order, or the resume key, can't be read
 * @retval CRM_ECANCELLED  progress asked to stop
 * @retval CRM_ENOTFOUND  it names a saved segment that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's, ended by crm_segment_list_close(); it needs @p txn alive.
 * Threads:   one thread at a time per @p txn.
 * Cost:      by id: constant.  In another order: as crm_segment_count(), and memory for `limit`
 * customers, or without a limit for all of them.
 * @since 0.1
 */
CRM_API int crm_segment_list(crm_txn *txn, const crm_segment *s, const crm_segment_options *opts,
                             crm_segment_iter **out, crm_error *err);

/**
 * Steps to the next customer.  What the same write transaction changes while walking is seen from
 * the next chunk of 65,536 ids on, in another order than that of ids not at all.
 *
 * @param[in]  it  The walk.
 * @param[out] id  Receives the customer.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  *id is a customer
 * @retval CRM_DONE  there is no further one
 * @retval CRM_ECANCELLED  progress asked to stop
 * @retval CRM_ECORRUPT  damaged: end the walk, each further call may say so again
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: the caller's.
 * Threads:   one thread at a time per @p txn.
 * Cost:      by id: the plan of a chunk with its first customer, then a few nanoseconds.
 * @since 0.1
 */
CRM_API int crm_segment_next(crm_segment_iter *it, crm_id *id, crm_error *err);

/**
 * The resume key behind the customer given last, for `after`: a page begun there goes on, whatever
 * was written meanwhile, with what comes after that customer in the order.
 *
 * @param[in]  it  The walk.
 * @param[out] key  Receives the key, printable ASCII, NUL-terminated.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_ESTATE  nothing was given yet
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: *key is the caller's, freed by crm_free().
 * Threads:   one thread at a time per transaction.
 * Cost:      small.
 * @since 0.1
 */
CRM_API int crm_segment_key(const crm_segment_iter *it, char **key, crm_error *err);

/**
 * Ends a walk.
 *
 * @param[in]  it  The walk; NULL does nothing.
 *
 * Ownership: ends the caller's ownership; may come after the transaction has ended.
 * Threads:   one thread at a time per transaction.
 * Cost:      a few frees.
 * @since 0.1
 */
CRM_API void crm_segment_list_close(crm_segment_iter *it);

/** One line of a facet. */
typedef struct crm_facet {
    /** `dimension:path` of a tag, key of an enum's value, a text, a code; valid during the call. */
    const char *value;
    /** Customers of the segment that have it. */
    uint64_t count;
} crm_facet;

/**
 * Receives one line of a facet.
 *
 * @param[in] facet  The line, valid during the call.
 * @param[in] ctx    As given with the function.
 * @return 0 to go on; anything else ends the facet, which then returns CRM_ECANCELLED.
 */
typedef int (*crm_facet_fn)(const crm_facet *facet, void *ctx);

/**
 * Counts the customers of a segment by tag, or by the values of a field whose values are indexed.
 * Values that none of them has are left out; a customer with several counts for each.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  s  The segment.
 * @param[in]  by  `tags` for all tags, a dimension of tags, a field (enum, boolean, country,
 * text with `index: values` and their like), or `kind`; key or label, NUL-terminated.  A name that
 * both have means the dimension, `field(NAME)` the field.
 * @param[in]  opts  Options, or NULL.
 * @param[in]  fn  Called for each value, the most frequent first.
 * @param[in]  ctx  Handed to @p fn.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EFIELD  there is no such dimension or field, or its values are not indexed
 * @retval CRM_ECANCELLED  @p fn or progress asked to stop
 * @retval CRM_ENOTFOUND  it names a saved segment that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: unchanged.
 * Threads:   one thread at a time per @p txn.
 * Cost:      as crm_segment_count(), and one pass over the sets of the values.
 * @since 0.1
 */
CRM_API int crm_segment_facet(crm_txn *txn, const crm_segment *s, const char *by,
                              const crm_segment_options *opts, crm_facet_fn fn, void *ctx,
                              crm_error *err);

/**
 * Draws customers of a segment at random, each as likely as any other, none twice.  The same seed
 * on the same data gives the same ones.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  s  The segment.
 * @param[in]  opts  Options, or NULL.
 * @param[in]  seed  Any number.
 * @param[out] ids  Receives them in ascending order.
 * @param[in]  cap  How many are wanted.
 * @param[out] count  Receives how many there are, at most @p cap.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_ECANCELLED  progress asked to stop
 * @retval CRM_ENOTFOUND  it names a saved segment that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: unchanged.
 * Threads:   one thread at a time per @p txn.
 * Cost:      as crm_segment_count().
 * @since 0.1
 */
CRM_API int crm_segment_sample(crm_txn *txn, const crm_segment *s, const crm_segment_options *opts,
                               uint64_t seed, crm_id *ids, size_t cap, size_t *count,
                               crm_error *err);

/**
 * Runs a segment step by step and tells how: as JSON, a tree of the steps in the order in which
 * they are asked, each with `step` (sets, column, days, record, events, ids, and, or, not, all,
 * none), `text` (the condition), `estimate` and `rows` (customers expected, and left behind it) and
 * `us` (time taken, with what is in it) and `bytes` (read, with what is in it: of the stored values
 * that were opened, sets, blocks of columns, parts of day lists, records and blocks of events);
 * beside it `count`, `chunks` and `us` of the whole.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  s  The segment.
 * @param[in]  opts  Options, or NULL.
 * @param[out] json  Receives the text, NUL-terminated.
 * @param[out] n  Receives its length in bytes; may be NULL.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_ECANCELLED  progress asked to stop
 * @retval CRM_ENOTFOUND  it names a saved segment that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *json is the caller's, freed by crm_free().
 * Threads:   one thread at a time per @p txn.
 * Cost:      as crm_segment_count().
 * @since 0.1
 */
CRM_API int crm_segment_explain(crm_txn *txn, const crm_segment *s, const crm_segment_options *opts,
                                char **json, size_t *n, crm_error *err);

/**
 * Tells why a customer is in a segment, or is not: as JSON, the tree of conditions, each with
 * `text` and `true`; beside it `in` and `visible` (0 for one whom the root keeps out).
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  s  The segment.
 * @param[in]  id  The customer.
 * @param[out] json  Receives the text, NUL-terminated.
 * @param[out] n  Receives its length in bytes; may be NULL.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_ENOTFOUND  there is no such customer, or it names a saved segment that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *json is the caller's, freed by crm_free().
 * Threads:   one thread at a time per @p txn.
 * Cost:      every condition on one customer.
 * @since 0.1
 */
CRM_API int crm_segment_why(crm_txn *txn, const crm_segment *s, crm_id id, char **json, size_t *n,
                            crm_error *err);

/* ---- saved segments ---- */

/** Flag of crm_segment_save(): another version of a name that is saved already. */
#define CRM_SEGMENT_REPLACE 1u
/** Flag of crm_segment_save(), and of a saved segment: it is who was in it when it was saved. */
#define CRM_SEGMENT_STATIC 2u
/** Flag of a version: with it the name was removed. */
#define CRM_SEGMENT_REMOVED 4u
/** Flag of a saved segment: it stands in the model, which alone can change or remove it. */
#define CRM_SEGMENT_OF_MODEL 8u

/** A saved segment, see crm_segment_saved_next() and crm_segment_version(). */
typedef struct crm_saved_segment {
    /** Its name, NUL-terminated; crm_segment_saved() gives the segment. */
    char name[104];
    /** Revision at which this version was saved: crm_change_list() tells by whom; 0: of the model. */
    uint64_t revision;
    /** CRM_SEGMENT_STATIC, CRM_SEGMENT_REMOVED, CRM_SEGMENT_OF_MODEL. */
    uint32_t flags;
    /** Zero. */
    uint32_t reserved;
} crm_saved_segment;

/**
 * Saves a segment under a name, by which others, and questions, refer to it: `segment(name)`.  It
 * is what it says at the moment of asking, not who was in it when it was saved.  Earlier versions
 * are kept.
 *
 * With CRM_SEGMENT_STATIC it is a set of customers: those who are in it now, whatever becomes of
 * them, but for deleted ones, who are in no segment.  Who they are is a change of its own, before
 * that of the name: undone, the set is as it was before.
 *
 * @param[in]  txn  Live write transaction that is no batch.
 * @param[in]  name  1 to 100 bytes of UTF-8 without control characters, NUL-terminated.
 * @param[in]  s  The segment.
 * @param[in]  flags  Any of CRM_SEGMENT_REPLACE and CRM_SEGMENT_STATIC.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_DONE  it was saved with this meaning already
 * @retval CRM_EEXISTS  the name is taken, and CRM_SEGMENT_REPLACE is not set
 * @retval CRM_EREFUSED  the model has a segment of that name
 * @retval CRM_EVALUE  the segment would contain itself
 * @retval CRM_ENOTFOUND  it names a saved segment that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: unchanged.
 * Threads:   the thread that began @p txn.
 * Cost:      a few rows; of a static one that of a count, and two rows for each chunk.
 * @since 0.1
 */
CRM_API int crm_segment_save(crm_txn *txn, const char *name, const crm_segment *s, uint32_t flags,
                             crm_error *err);

/**
 * The saved segment of a name, to be asked or printed.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  name  The name, NUL-terminated.
 * @param[out] out  Receives the segment; NULL on any result but CRM_OK.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_ENOTFOUND  there is none
 * @retval CRM_EFIELD, CRM_EVALUE  the model no longer has what it asks for
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's, freed by crm_segment_free().
 * Threads:   one thread at a time per @p txn.
 * Cost:      as crm_segment_parse().
 * @since 0.1
 */
CRM_API int crm_segment_saved(crm_txn *txn, const char *name, crm_segment **out, crm_error *err);

/**
 * The versions of a saved segment, the last first, those that removed it too.  One that stands in the
 * model has none, the versions of the model are its own: CRM_DONE, and @p out has its key, also for a
 * label, and CRM_SEGMENT_OF_MODEL.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  name  The name, NUL-terminated.
 * @param[in]  before  Revision of the version given last; 0: from the newest on.
 * @param[out] out  Receives the version.
 * @param[out] text  Receives its canonical text, NUL-terminated, empty where the name was removed;
 *                 of a static one what was asked when it was saved.  May be NULL.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_DONE  there is no earlier one
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *text is the caller's, freed by crm_free().
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_segment_version(crm_txn *txn, const char *name, uint64_t before,
                                crm_saved_segment *out, char **text, crm_error *err);

/**
 * Removes a saved segment.  Its versions stay in the history of the database.
 *
 * @param[in]  txn  Live write transaction that is no batch.
 * @param[in]  name  The name, NUL-terminated.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_ENOTFOUND  there is none
 * @retval CRM_EREFUSED  another segment refers to it, and the message names one; or it stands in the
 * model
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: unchanged.
 * Threads:   the thread that began @p txn.
 * Cost:      every saved segment is read.
 * @since 0.1
 */
CRM_API int crm_segment_remove(crm_txn *txn, const char *name, crm_error *err);

/**
 * The saved segments, and those of the model, one after another, in order of the bytes of their
 * names.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  after  The name of the one given last; NULL: from the first on.
 * @param[out] out  Receives the next.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_DONE  there is no further one
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_segment_saved_next(crm_txn *txn, const char *after, crm_saved_segment *out,
                                   crm_error *err);

/* ---- acting on a segment ---- */

/**
 * Gives a tag to every customer of a segment: a set operation for each chunk of 65,536 ids, in one
 * change with one journal entry (part of the batch, in a batch transaction), which can be undone.
 *
 * @param[in]  txn  Live write transaction.
 * @param[in]  s  The segment.
 * @param[in]  tag  `dimension:value`, by keys or labels, NUL-terminated.
 * @param[in]  how  How the tag is given, or NULL.
 * @param[in]  opts  Options, or NULL.
 * @param[out] changed  Receives how many customers it changed; may be NULL.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EFIELD, CRM_EVALUE  as crm_tag_add()
 * @retval CRM_ECANCELLED  progress asked to stop; nothing was changed
 * @retval CRM_ENOTFOUND  it names a saved segment that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: unchanged.
 * Threads:   the thread that began @p txn.
 * Cost:      as crm_segment_count(), and a few rows for each chunk.
 * @since 0.1
 */
CRM_API int crm_segment_tag(crm_txn *txn, const crm_segment *s, const char *tag,
                            const crm_tag_options *how, const crm_segment_options *opts,
                            uint64_t *changed, crm_error *err);

/**
 * Takes a tag from every customer of a segment; otherwise like crm_segment_tag().
 *
 * @param[in]  txn  Live write transaction.
 * @param[in]  s  The segment.
 * @param[in]  tag  `dimension:value`, by keys or labels, NUL-terminated.
 * @param[in]  opts  Options, or NULL.
 * @param[out] changed  Receives how many customers it changed; may be NULL.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EFIELD, CRM_EVALUE  as crm_tag_add()
 * @retval CRM_ECANCELLED  progress asked to stop; nothing was changed
 * @retval CRM_ENOTFOUND  it names a saved segment that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: unchanged.
 * Threads:   the thread that began @p txn.
 * Cost:      as crm_segment_count(), and a few rows for each chunk.
 * @since 0.1
 */
CRM_API int crm_segment_untag(crm_txn *txn, const crm_segment *s, const char *tag,
                              const crm_segment_options *opts, uint64_t *changed, crm_error *err);

/**
 * Makes the given tags the only ones that the customers of a segment have of a dimension; otherwise
 * like crm_segment_tag().
 *
 * @param[in]  txn  Live write transaction.
 * @param[in]  s  The segment.
 * @param[in]  dimension  Key or label, NUL-terminated.
 * @param[in]  tags  Tags of it, as "<dimension>:<value>" or "<value>"; NULL when there are none.
 * @param[in]  count  Their number; 0 takes all tags of the dimension.
 * @param[in]  how  How the tags are given, or NULL: they have no end.
 * @param[in]  opts  Options, or NULL.
 * @param[out] changed  Receives how many customers it changed; may be NULL.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EFIELD, CRM_EVALUE  as crm_tag_set()
 * @retval CRM_ECANCELLED  progress asked to stop; nothing was changed
 * @retval CRM_ENOTFOUND  it names a saved segment that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      as crm_segment_count(), and a few rows for each chunk and tag of the dimension.
 * @since 0.1
 */
CRM_API int crm_segment_tag_set(crm_txn *txn, const crm_segment *s, const char *dimension,
                                const char *const *tags, size_t count, const crm_tag_options *how,
                                const crm_segment_options *opts, uint64_t *changed, crm_error *err);

/** What crm_segment_act() does with every customer of a segment. */
/** Gives a tag: text is `dimension:value`. */
#define CRM_ACT_TAG 1u
/** Takes a tag: text is `dimension:value`. */
#define CRM_ACT_UNTAG 2u
/** Changes fields: text is a JSON document as of crm_customer_patch_json(). */
#define CRM_ACT_PATCH 3u
/** Adds an event: text is a JSON document as of crm_event_add_json(). */
#define CRM_ACT_EVENT 4u
/** Saves who is in the segment under a name, as crm_segment_save() does with CRM_SEGMENT_STATIC: text is
 * the name. */
#define CRM_ACT_SAVE 5u

/** One action on a segment. */
typedef struct crm_segment_action {
    /** CRM_ACT_TAG ... CRM_ACT_SAVE. */
    uint32_t what;
    /** Of CRM_ACT_SAVE 0 or CRM_SEGMENT_REPLACE, else 0. */
    uint32_t flags;
    /** What is given, changed or saved, NUL-terminated. */
    const char *text;
    /** Of CRM_ACT_TAG how the tag is given, or NULL. */
    const crm_tag_options *how;
    /** Receives how many customers it changed. */
    uint64_t changed;
} crm_segment_action;

/**
 * Does several things to the customers of a segment: one after another, all of them to those who
 * are in it before the first.  In a batch transaction all of it is part of the batch, and undone
 * with it; else each change has an entry of its own.  For a dry run abort the transaction.
 *
 * What is given is read first: a document that is faulty is refused also where the segment has nobody.
 *
 * A name that is saved has an entry in front of the batch, so nothing of the batch may be changed before;
 * who is in it is part of the batch: undone, the name stays, and has who was in it before.
 *
 * @param[in]     txn  Live write transaction.
 * @param[in]     s  The segment.
 * @param[in,out] actions  What is done; receive how many each changed.
 * @param[in]     count  How many they are.
 * @param[in]     opts  Options, or NULL; progress tells chunks while it asks, then customers.
 * @param[out]    customers  Receives how many the segment has; may be NULL.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EFIELD, CRM_EVALUE, CRM_ESYNTAX, CRM_EEXISTS, CRM_EREFUSED  as crm_tag_add(),
 * crm_customer_patch_json(), crm_event_add_json() and crm_segment_save(); nothing was changed
 * @retval CRM_ECANCELLED  progress asked to stop; nothing was changed
 * @retval CRM_ENOTFOUND  it names a saved segment that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread that began @p txn.
 * Cost:      as crm_segment_count(), then a tag costs a few rows a chunk, the others a change of
 * each customer; what is changed stays in memory until all is done.
 * @since 0.1
 */
CRM_API int crm_segment_act(crm_txn *txn, const crm_segment *s, crm_segment_action *actions,
                            size_t count, const crm_segment_options *opts, uint64_t *customers,
                            crm_error *err);

#ifdef __cplusplus
}
#endif

#endif
