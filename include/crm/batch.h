/* SPDX-License-Identifier: MIT */
/**
 * @file batch.h
 * Batches: many changes as one journal entry, and undo.
 *
 * A transaction with crm_txn_options.batch set writes one entry for all its changes, which names
 * the customers it touched and keeps what it replaced.  A batch may take several transactions, so
 * that a large import commits in parts.  A batch, or any single change, can be undone.
 *
 * A number that is no batch is found out by the first call that changes something, whichever that
 * is: CRM_ENOTFOUND with "batch" in err->field; CRM_ESTATE when the batch was undone or is an undo
 * itself.
 */
#ifndef CRM_BATCH_H
#define CRM_BATCH_H

#include <crm/error.h>
#include <crm/txn.h>
#include <crm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Batch of a transaction.
 *
 * @param[in] txn  A write transaction; NULL gives 0.
 * @return the revision of the batch's first entry, which names the batch; 0 before the first change
 *         of the transaction and for a transaction that is no batch.  Final when commit returns.
 *
 * Ownership: none.
 * Threads:   the thread of @p txn.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API uint64_t crm_txn_batch(const crm_txn *txn);

/** Flag of crm_undo(): customers and events that were changed since are left as they are, each
 * told; without it they make the call fail. */
#define CRM_UNDO_SKIP 1u
/** Flag of crm_undo(): find out what would be done, and change nothing. */
#define CRM_UNDO_DRY_RUN 2u

/** What crm_undo() did, or would do. */
typedef struct crm_undo_result {
    /** Size of this struct, set by the caller. */
    size_t size;
    /** Customers deleted again that had been created. */
    uint64_t deleted;
    /** Customers that are as they were before: they have their earlier values again, are back after they
     * were deleted, or, when an undo is undone, are gone again. */
    uint64_t restored;
    /** Events that had been added and are voided, or had been voided and are stored anew. */
    uint64_t events;
    /** How often something was left alone since it was changed since: a customer, or events of one.
     */
    uint64_t skipped;
    /** Tags of customers that are as they were before. */
    uint64_t tags;
    /** Batch of the undo itself, by which it can be undone in turn; 0: nothing was changed. */
    uint64_t batch;
} crm_undo_result;

/**
 * Told of each customer that was changed since; a non-zero result ends the call with
 * CRM_ECANCELLED.
 *
 * @param[in] id        The customer.
 * @param[in] revision  Of a change since: its present revision; or that by which it got an event,
 * lost or changed one, or another customer came to refer to it.
 * @param[in] ctx       From the call.
 */
typedef int (*crm_undo_fn)(crm_id id, uint64_t revision, void *ctx);

/**
 * Undoes a batch, or one change.
 *
 * Created customers are deleted (crm_customer_undelete() brings them back), changed ones get back
 * the values that the batch replaced, with their sources and times, deleted ones come back, and
 * added events are voided, voided ones stored anew.  A customer that somebody changed after the
 * batch is not touched: the call fails with CRM_ECONFLICT after telling all of them, or goes on
 * without them with CRM_UNDO_SKIP.  The undo is a batch itself.  A change of the model can't be
 * undone here: apply the earlier text.
 *
 * A customer that would be deleted counts as changed, too, when somebody else has needed it since:
 * gave it an event that is in force, or had another customer refer to it in a field of type
 * customer, which it still does.  What the batch itself did does not count.
 *
 * @param[in]     txn       Live write transaction that is no batch.
 * @param[in]     revision  Any revision of the batch, or that of a single change.
 * @param[in]     flags     CRM_UNDO_SKIP, CRM_UNDO_DRY_RUN, or 0.
 * @param[in]     fn        Told of what was changed since, or NULL.
 * @param[in]     ctx       Handed to @p fn.
 * @param[in,out] out       What was done; its size is set by the caller.  NULL: not wanted.
 * @param[out]    err       Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  there is no such revision
 * @retval CRM_ECONFLICT  something was changed since; nothing was undone
 * @retval CRM_EEXISTS    a value that must be unique is now another customer's; nothing was undone
 * @retval CRM_ESTATE     the revision is a change of the model, or was undone already, or its
 * images were dropped, or @p txn is a batch
 * @retval CRM_ECANCELLED @p fn said so, or the progress function of @p txn (crm_txn_progress(), which
 * is told of customers done, and how many there are); nothing was undone
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread of @p txn; @p fn runs on it and must not use @p txn.
 * Cost:      about that of the changes that are undone.
 * @since 0.1
 */
CRM_API int crm_undo(crm_txn *txn, uint64_t revision, uint32_t flags, crm_undo_fn fn, void *ctx,
                     crm_undo_result *out, crm_error *err);

#ifdef __cplusplus
}
#endif

#endif
