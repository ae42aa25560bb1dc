/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Numbers over a segment: sums, averages, percentiles, histograms, tables by month or by city, and
 * the comparison of two segments.  docs/numbers.md has the language of requests.
 *
 * A request is text: `count(order), sum(order.amount) by month last 12 months`.  It is answered from
 * columns, sets and day lists, in the transaction's snapshot with its own changes, at its `now`, in
 * its zone.  Numbers are exact decimals; amounts of different currencies are never added.
 */
#ifndef CRM_NUMBER_H
#define CRM_NUMBER_H

#include <crm/segment.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A table of numbers: rows of groups, columns of measures. */
typedef struct crm_numbers crm_numbers;

/** What a group is. */
/** The whole of them that have no value, or none that says so much. */
#define CRM_GROUP_NONE 0u
/** A value: key of an enum's value, `dimension:path` of a tag, a text, a code. */
#define CRM_GROUP_VALUE 1u
/** A calendar unit: 2026, 2026-Q1, 2026-03, 2026-03-08; a week by its Monday. */
#define CRM_GROUP_TIME 2u
/** Numbers from a step to the next. */
#define CRM_GROUP_STEP 3u

/** A group of a row; texts live as long as the table. */
typedef struct crm_number_group {
    /** CRM_GROUP_NONE ... CRM_GROUP_STEP. */
    uint32_t kind;
    /** Zero. */
    uint32_t reserved;
    /** Its name; of a step the number it begins with; "" for CRM_GROUP_NONE. */
    const char *text;
    /** Of a step the number that is the first behind it, else "". */
    const char *until;
} crm_number_group;

/** A number of a row; the text lives as long as the table. */
typedef struct crm_number_value {
    /** Exact decimal, or a date or time; NULL: there is none. */
    const char *text;
    /** The nearest floating-point number, for drawing; of a time seconds since 1970 UTC. */
    double number;
    /** How many values it is of. */
    uint64_t of;
    /** Three letters when it is an amount of money, else "". */
    const char *currency;
} crm_number_value;

/**
 * Answers a request for numbers over the customers of a segment.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  s  The segment; `all` is everybody.
 * @param[in]  text  The request, UTF-8.
 * @param[in]  n  Its length in bytes, or CRM_NUL.
 * @param[in]  opts  Options, of which only progress and reason count, or NULL.
 * @param[out] out  Receives the table; NULL on any result but CRM_OK.
 * @param[out] err  Optional detail; offset is the byte of the request at which it fails, or -1.
 *
 * @retval CRM_OK  done
 * @retval CRM_ESYNTAX  the request does not follow the grammar
 * @retval CRM_EFIELD  the model has no field, kind of events or attribute of that name, or its
 * values have no sets to group by
 * @retval CRM_EVALUE  a name does not fit its place; or too many groups, or a sum beyond 128 bits
 * @retval CRM_ECANCELLED  progress asked to stop
 * @retval CRM_ENOTFOUND  the segment names a saved one that does not exist
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's, freed by crm_numbers_free(); it outlives the transaction.
 * Threads:   one thread at a time per @p txn; the table may be read by several threads.
 * Cost:      as crm_segment_count(), and one pass over the columns, sets and days asked for;
 * percentiles and distinct keep 8 bytes for each value.
 * @since 0.1
 */
CRM_API int crm_numbers_ask(crm_txn *txn, const crm_segment *s, const char *text, size_t n,
                            const crm_segment_options *opts, crm_numbers **out, crm_error *err);

/**
 * Frees a table.
 *
 * @param[in]  t  The table; NULL does nothing.
 *
 * Ownership: ends the caller's ownership, and what was given of it.
 * Threads:   any, when no other uses it.
 * Cost:      a few frees.
 * @since 0.1
 */
CRM_API void crm_numbers_free(crm_numbers *t);

/**
 * The canonical text of the request.
 *
 * @param[in]  t  The table; NULL gives "".
 *
 * @return NUL-terminated text, valid as long as the table.
 *
 * Ownership: the table's.
 * Threads:   any.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_numbers_text(const crm_numbers *t);

/**
 * How large the table is.
 *
 * @param[in]  t  The table; NULL gives zeros.
 * @param[out] rows  Receives the number of rows; may be NULL.
 * @param[out] groups  Receives that of groups in a row, 0 to 2; may be NULL.
 * @param[out] values  Receives that of numbers in a row; may be NULL.
 *
 * Ownership: unchanged.
 * Threads:   any.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_numbers_size(const crm_numbers *t, size_t *rows, size_t *groups, size_t *values);

/**
 * The heads of the columns: of groups first, then of numbers, each as in the canonical text; of
 * moving averages `moving 3 sum(order.amount)`.
 *
 * @param[in]  t  The table.
 * @param[in]  column  From 0 on.
 *
 * @return NUL-terminated text, valid as long as the table; NULL: there is no such column.
 *
 * Ownership: the table's.
 * Threads:   any.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_numbers_head(const crm_numbers *t, size_t column);

/**
 * By what a number was answered: "rows", "column", "sets", "days", or what costs more, "record" and
 * "events", for which the records or timelines of all customers of the segment were read.
 *
 * @param[in]  t  The table.
 * @param[in]  value  The number's column, from 0 on, without those of groups.
 *
 * @return NUL-terminated text, valid as long as the library; NULL: there is no such column.
 *
 * Ownership: the library's.
 * Threads:   any.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_numbers_how(const crm_numbers *t, size_t value);

/**
 * A group of a row.
 *
 * @param[in]  t  The table.
 * @param[in]  row  From 0 on.
 * @param[in]  group  0 or 1.
 * @param[out] out  Receives it.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL  there is no such row or group, or a NULL was given
 *
 * Ownership: texts are the table's.
 * Threads:   any.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_numbers_group(const crm_numbers *t, size_t row, size_t group, crm_number_group *out,
                              crm_error *err);

/**
 * The currency of the amounts of a row.  What is no amount stands in the first row of its groups
 * only, so that nothing is there twice.
 *
 * @param[in]  t  The table.
 * @param[in]  row  From 0 on.
 *
 * @return Three letters, or "": the row has no amounts.
 *
 * Ownership: the table's.
 * Threads:   any.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_numbers_currency(const crm_numbers *t, size_t row);

/**
 * A number of a row.
 *
 * @param[in]  t  The table.
 * @param[in]  row  From 0 on.
 * @param[in]  value  The number's column, from 0 on, without those of groups.
 * @param[out] out  Receives it.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL  there is no such row or column, or a NULL was given
 *
 * Ownership: texts are the table's.
 * Threads:   any.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_numbers_value(const crm_numbers *t, size_t row, size_t value, crm_number_value *out,
                              crm_error *err);

/**
 * The table as JSON: `request`, `groups` and `values` (heads), `how`, and `rows`, each with
 * `groups` (null: without a value; of a step its two ends), `currency` where it has one, and
 * `values`, exact decimals as strings.
 *
 * @param[in]  t  The table.
 * @param[out] json  Receives the text, NUL-terminated.
 * @param[out] n  Receives its length in bytes; may be NULL.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: *json is the caller's, freed by crm_free().
 * Threads:   any.
 * Cost:      its size.
 * @since 0.1
 */
CRM_API int crm_numbers_json(const crm_numbers *t, char **json, size_t *n, crm_error *err);

/**
 * The table as CSV (RFC 4180) with a head: groups, `currency` when a row has one, numbers.
 *
 * @param[in]  t  The table.
 * @param[out] csv  Receives the text, NUL-terminated.
 * @param[out] n  Receives its length in bytes; may be NULL.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: *csv is the caller's, freed by crm_free().
 * Threads:   any.
 * Cost:      its size.
 * @since 0.1
 */
CRM_API int crm_numbers_csv(const crm_numbers *t, char **csv, size_t *n, crm_error *err);

/* ---- two segments, or two moments ---- */

/** How two segments are compared. */
typedef struct crm_compare_options {
    /** sizeof(crm_compare_options). */
    size_t size;
    /** Moment at which the left one is asked, microseconds since 1970 UTC; 0: the transaction's. */
    int64_t left_now_us;
    /** The same of the right one. */
    int64_t right_now_us;
    /** Called for each chunk of 65,536 ids of either; NULL: never. */
    crm_progress_fn progress;
    /** Handed to progress. */
    void *progress_ctx;
    /** As in crm_segment_options, of both segments. */
    const char *reason;
} crm_compare_options;

/** All zero but the size. */
#define CRM_COMPARE_OPTIONS_INIT {sizeof(crm_compare_options), 0, 0, NULL, NULL, NULL}

/**
 * The same as CRM_COMPARE_OPTIONS_INIT, for other languages.
 *
 * @param[out] opts  Is set; NULL does nothing.
 *
 * Ownership: unchanged.
 * Threads:   any.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_compare_options_init(crm_compare_options *opts);

/** Which customers two segments have. */
typedef struct crm_comparison {
    /** In both. */
    uint64_t both;
    /** In the left one only. */
    uint64_t left;
    /** In the right one only. */
    uint64_t right;
} crm_comparison;

/**
 * Compares two segments, or one at two moments: what events, dates and ends of tags say then of the
 * data as it is now.  Earlier states of records are not kept for this.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  left  A segment.
 * @param[in]  right  Another one, or the same.
 * @param[in]  opts  Options, or NULL.
 * @param[out] out  Receives the numbers of customers.
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
 * Cost:      as crm_segment_count() of both.
 * @since 0.1
 */
CRM_API int crm_segment_compare(crm_txn *txn, const crm_segment *left, const crm_segment *right,
                                const crm_compare_options *opts, crm_comparison *out,
                                crm_error *err);

#ifdef __cplusplus
}
#endif

#endif
