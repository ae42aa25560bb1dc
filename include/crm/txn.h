/* SPDX-License-Identifier: MIT */
/**
 * @file txn.h
 * Transactions: a read snapshot, or the one writer.
 *
 * All work happens in a transaction.  A failed call changes nothing and the transaction goes on; with
 * CRM_STICKY the first error makes later writes and the commit return it as well.
 * One exception: when storage or memory fails while a transaction of more than 64 MiB of changes, or a
 * model change, hands changes to the storage early, the transaction can only be aborted, and every call
 * says so.
 */
#ifndef CRM_TXN_H
#define CRM_TXN_H

#include <crm/db.h>
#include <crm/error.h>
#include <crm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Mode of crm_txn_begin(): a snapshot that sees nothing committed later. */
#define CRM_READ 0
/** Mode of crm_txn_begin(): the one writer; waits for another one to end. */
#define CRM_WRITE 1

/** Flag of crm_txn_options: after the first error later writes return it, and commit aborts. */
#define CRM_STICKY 1u

/** Value of crm_txn_options.batch: the changes are the first of a new batch, see batch.h. */
#define CRM_BATCH_NEW UINT64_MAX

/** Options of crm_txn_begin() and crm_db_write(); all zero is the default. */
typedef struct crm_txn_options {
    /** Size of this struct, set by CRM_TXN_OPTIONS_INIT. */
    size_t size;
    /** CRM_STICKY. */
    uint32_t flags;
    /** Zero. */
    uint32_t reserved;
    /** Who acts, in the host's words; goes into the journal.  At most 100 bytes; NULL: none. */
    const char *actor;
    /** Purpose of the work, e.g. "marketing"; NULL: none. */
    const char *purpose;
    /** Channel of the work, e.g. "email"; NULL: none. */
    const char *channel;
    /** Where new values come from, e.g. "web-form"; each value remembers it.  NULL: none. */
    const char *source;
    /** Time zone of datetimes written without offset: IANA name or "+08:00"; NULL: UTC. */
    const char *zone;
    /** The moment that conditions are judged at, microseconds since 1970 UTC; 0: the system clock. */
    int64_t now_us;
    /** 0: each change has a journal entry of its own.  CRM_BATCH_NEW: all changes of the transaction make one
     * entry, the first of a new batch; a batch from crm_txn_batch(): a further entry of that one.
     * The first call that changes something looks for it, and gives CRM_ENOTFOUND for a number that is
     * no batch, CRM_ESTATE for one that was undone or is an undo; err->field is "batch". */
    uint64_t batch;
    /** Name of a new batch, e.g. that of the imported file; at most 200 bytes; NULL: none. */
    const char *batch_name;
    /** Why questions are asked that no purpose binds; one line of at most 200 bytes.  Every question
     * about a segment (segment.h, number.h) and crm_live_list() then say so in the journal before they
     * answer, as of an export, with this transaction's actor, purpose and channel: once for each segment
     * that is asked.  From a read transaction that is a commit of its own: CRM_EREADONLY through a
     * handle that only reads, CRM_ESTATE in a thread that writes.  In a batch it is CRM_ESTATE.
     * NULL: they say nothing. */
    const char *reason;
} crm_txn_options;

/** Default crm_txn_options. */
#define CRM_TXN_OPTIONS_INIT                                                                       \
    {sizeof(crm_txn_options), 0, 0, NULL, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL}

/**
 * Sets options to the default, for languages without CRM_TXN_OPTIONS_INIT.
 *
 * @param[out] opts  The struct; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_txn_options_init(crm_txn_options *opts);

/**
 * Begins a transaction.
 *
 * A write transaction belongs to the thread that began it; on another thread every call on it,
 * crm_txn_abort() included, does nothing and returns CRM_ETHREAD.  A read transaction may move
 * between threads.  Keep read transactions short: the file grows while they live.
 *
 * @param[in]  db    The handle.
 * @param[in]  mode  CRM_READ or CRM_WRITE.
 * @param[in]  opts  Options, or NULL; its texts are copied.
 * @param[out] out   Receives the transaction; NULL on any result but CRM_OK.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK         begun
 * @retval CRM_ENOTFOUND  there is no time zone of the name in the options
 * @retval CRM_ESTATE     this thread already has a write transaction on the database
 * @retval CRM_EREADONLY  CRM_WRITE on a read-only handle
 * @retval CRM_EREADERS   every reader slot is taken
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_EFORKED, CRM_ECORRUPT, CRM_EPOISONED, CRM_EIO  see codes.h
 *
 * Ownership: *out is the caller's until crm_txn_commit() or crm_txn_abort().
 * Threads:   any thread.
 * Cost:      a microsecond; CRM_WRITE waits for the present writer of any process.
 * @since 0.1
 */
CRM_API int crm_txn_begin(crm_db *db, int mode, const crm_txn_options *opts, crm_txn **out,
                          crm_error *err);

/**
 * Makes the changes of a write transaction durable, or ends a read transaction.
 *
 * Ends the transaction whatever the result, CRM_ETHREAD apart.  With CRM_STICKY and an earlier error
 * it aborts and returns that error.
 *
 * @param[in]  txn  The transaction.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK     every change is on disk
 * @retval CRM_EFULL  disk or size limit; nothing was changed
 * @retval CRM_EIO    the disk reported an error; nothing was changed
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED  see codes.h
 *
 * Ownership: @p txn must not be used any more, unless the result is CRM_ETHREAD.
 * Threads:   the thread that began it; a read transaction: any.
 * Cost:      one sync of the disk for a transaction that changed something; two to four for one of more than
 *            1 MiB, for the first three of a handle, and now and then (every 2 to 16 MiB written) for another.
 * @since 0.1
 */
CRM_API int crm_txn_commit(crm_txn *txn, crm_error *err);

/**
 * Drops the changes of a transaction and ends it.
 *
 * @param[in] txn  The transaction; NULL does nothing.
 *
 * @retval CRM_OK       ended
 * @retval CRM_ETHREAD  the write transaction of another thread: nothing was done
 * @retval CRM_ESTATE   inside crm_db_write(): nothing was done; return an error from the callback
 *
 * Ownership: @p txn must not be used any more, unless the result is an error.
 * Threads:   the thread that began it; a read transaction: any.
 * Cost:      a microsecond.
 * @since 0.1
 */
CRM_API int crm_txn_abort(crm_txn *txn);

/** A mark in a write transaction. */
typedef uint64_t crm_savepoint;

/**
 * Sets a mark that crm_txn_rollback() can go back to.  Marks nest.
 *
 * @param[in]  txn  Live write transaction.
 * @param[out] out  Receives the mark.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED  see codes.h
 *
 * Ownership: the mark is a number; it ends with the transaction.
 * Threads:   the thread that began @p txn.
 * Cost:      constant; changes since the first open mark stay in memory until it is released.
 * @since 0.1
 */
CRM_API int crm_txn_savepoint(crm_txn *txn, crm_savepoint *out, crm_error *err);

/**
 * Drops every change since a mark, and the marks set after it.  The mark itself stays.
 * With CRM_STICKY an error since the mark is forgotten too.
 *
 * @param[in]  txn  Live write transaction.
 * @param[in]  to   A mark of this transaction that is still set.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EINVAL  @p to is not a set mark
 * @retval CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED  see codes.h
 *
 * Ownership: unchanged.
 * Threads:   the thread that began @p txn.
 * Cost:      linear in the changes dropped.
 * @since 0.1
 */
CRM_API int crm_txn_rollback(crm_txn *txn, crm_savepoint to, crm_error *err);

/**
 * Gives up a mark and those set after it; the changes stay in the transaction.
 *
 * @param[in]  txn   Live write transaction.
 * @param[in]  mark  A mark of this transaction that is still set.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_EINVAL  @p mark is not a set mark
 * @retval CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED  see codes.h
 *
 * Ownership: unchanged.
 * Threads:   the thread that began @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_txn_release(crm_txn *txn, crm_savepoint mark, crm_error *err);

/**
 * Revision a transaction sees: the number of the last change in it.
 *
 * @param[in] txn  Live transaction; NULL gives 0.
 * @return the revision; in a write transaction that of its own last change so far.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API uint64_t crm_txn_revision(const crm_txn *txn);

/**
 * The moment that conditions of a transaction are judged at.
 *
 * @param[in] txn  Live transaction; NULL gives 0.
 * @return microseconds since 1970 UTC.
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int64_t crm_txn_now(const crm_txn *txn);

/**
 * Reads an instant as people write it, in the zone of a transaction.
 *
 * Takes RFC 3339 ("2026-11-23T14:00:00+08:00"), the same without seconds or with a space for the T, and
 * a date alone ("2026-11-23", "2026/11/23", "20261123", "2026年11月23日"), which is its midnight.  Without
 * an offset it is local time in crm_txn_options.zone: a time that the clocks skip is moved forward by
 * what they skip, of one that comes twice it is the earlier.
 *
 * @param[in]  txn   Live transaction, of any mode.
 * @param[in]  text  UTF-8 text; white space around it does not matter.
 * @param[in]  n     Its length in bytes, or CRM_NUL.
 * @param[out] us    Receives microseconds since 1970 UTC; unchanged unless the result is CRM_OK.
 * @param[out] err   Optional detail; offset is the byte that was not expected.
 *
 * @retval CRM_OK      read
 * @retval CRM_EVALUE  the text is no instant, or one outside the years 0001 to 9999
 * @retval CRM_EINVAL, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED  see codes.h
 *
 * Ownership: @p text is read during the call only.
 * Threads:   one thread at a time per @p txn; a write transaction: the one that began it.
 * Cost:      a fraction of a microsecond.
 * @since 0.1
 */
CRM_API int crm_txn_time(crm_txn *txn, const char *text, size_t n, int64_t *us, crm_error *err);

/**
 * Sets who is told how far long calls of a transaction are, and may stop them: those that have no
 * progress function of their own, as crm_model_apply(), crm_segment_save() of a static segment,
 * crm_segment_watch(), crm_tag_rename(), crm_tag_merge(), crm_tag_delete() and crm_undo(), and
 * questions whose options have none.  It is called about every millisecond of work, and must not use the
 * transaction.  A call that it stops fails with CRM_ECANCELLED and changes nothing; after
 * crm_model_apply() that has made part of a large index the transaction can only be aborted.
 *
 * @param[in]  txn  Live transaction.
 * @param[in]  fn   Function; what it counts differs from call to call.  NULL: nobody.
 * @param[in]  ctx  Handed to @p fn.
 * @param[out] err  Error detail; may be NULL.
 * @retval CRM_OK
 * @retval CRM_EINVAL, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED  see codes.h
 *
 * Ownership: @p ctx stays the caller's, and is used until the transaction ends.
 * Threads:   one thread at a time per @p txn; a write transaction: the one that began it.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_txn_progress(crm_txn *txn, crm_progress_fn fn, void *ctx, crm_error *err);

/**
 * First error of a transaction with CRM_STICKY.
 *
 * @param[in]  txn  Live transaction.
 * @param[out] err  Receives its detail; may be NULL.
 * @return CRM_OK, or the first error.
 *
 * Ownership: *err is the caller's struct.
 * Threads:   one thread at a time per @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_txn_error(const crm_txn *txn, crm_error *err);

/**
 * Work for crm_db_write().  Runs on the calling thread.
 *
 * @param[in] txn  The write transaction; not to be committed or aborted here.
 * @param[in] ctx  As given with the function.
 * @return CRM_OK to commit; anything else drops the changes and is returned by crm_db_write().
 */
typedef int (*crm_write_fn)(crm_txn *txn, void *ctx);

/**
 * Runs a function in a write transaction and makes its changes durable.
 *
 * Calls from several threads at once share one commit (group commit): each function runs alone, sees
 * the changes of those before it in the group, and each call returns once the group is on disk.  A
 * function that fails takes only its own changes with it.
 *
 * @param[in]  db    The handle.
 * @param[in]  opts  Options, or NULL.
 * @param[in]  fn    The work; called once.
 * @param[in]  ctx   Handed to @p fn.
 * @param[out] err   Optional detail.  When @p fn fails: of its first failed call if CRM_STICKY is
 *                   set, otherwise only the code.
 *
 * @retval CRM_OK  the changes are on disk
 * @retval CRM_ENOTFOUND  there is no time zone of the name in the options
 * @retval CRM_ESTATE  this thread already has a write transaction on the database
 * @retval CRM_EFULL, CRM_EIO, CRM_EINVAL, CRM_ENOMEM, CRM_EFORKED, CRM_EREADONLY, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: the transaction is the library's.
 * Threads:   any thread.
 * Cost:      as one commit, shared by the group.
 * @since 0.1
 */
CRM_API int crm_db_write(crm_db *db, const crm_txn_options *opts, crm_write_fn fn, void *ctx,
                         crm_error *err);

#ifdef __cplusplus
}
#endif

#endif
