/* SPDX-License-Identifier: MIT */
/**
 * @file live.h
 * Watched segments: who enters a saved segment and who leaves it, told as it happens.
 *
 * A dynamic saved segment, or one of the model, can be watched.  Whoever is in it then enters; from
 * there on each commit tells, as a part of itself, who entered and left by what it changed, and
 * crm_live_advance() tells who did by the clock: tags and windows of time that came to an end,
 * birthdays that came near.  So at any moment those who entered and did not leave are the customers
 * of the segment, as of the later of two moments: that to which the clock was advanced last, and
 * the `now` of the last change of each customer.
 *
 * What was told stays in the database and can be read again from any revision on.  Many segments
 * can be watched at once: a change asks only those that ask about what it changed, and one that
 * changes nothing they ask about costs nothing.
 */
#ifndef CRM_LIVE_H
#define CRM_LIVE_H

#include <crm/db.h>
#include <crm/segment.h>
#include <crm/txn.h>
#include <crm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Begins to watch a saved segment.
 *
 * Everybody who is in it now enters, in the journal's next entries.  Times without a zone in the
 * segment, and its days, weeks and months, are those of the transaction's zone from here on.
 *
 * What the clock changes must be in an index: a window of a field without a column (`index: false`,
 * or a list), of `updated`, or of an attribute of an event can't be watched.
 *
 * @param[in]  txn   Live write transaction that is no batch.
 * @param[in]  name  Name of a dynamic saved segment, or key or label of one of the model.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_DONE       it is watched already
 * @retval CRM_ENOTFOUND  there is no such segment
 * @retval CRM_EVALUE     it is a static one: what changes its customers is told as a tag
 * @retval CRM_EREFUSED   the clock changes it by something that is in no index
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread of @p txn.
 * Cost:      one run of the segment, and a set of its customers for each 65,536 ids.
 * @since 0.1
 */
CRM_API int crm_segment_watch(crm_txn *txn, const char *name, crm_error *err);

/**
 * Ends that: everybody who is in it leaves.
 *
 * @param[in]  txn   Live write transaction that is no batch.
 * @param[in]  name  Name as crm_live_watched() tells it, or a label.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no segment of that name is watched
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   the thread of @p txn.
 * Cost:      one set for each 65,536 ids.
 * @since 0.1
 */
CRM_API int crm_segment_unwatch(crm_txn *txn, const char *name, crm_error *err);

/** Longest name of a zone, with its end. */
#define CRM_LIVE_ZONE_SIZE 64

/** One watched segment. */
typedef struct crm_live_segment {
    /** Size of this struct, set by CRM_LIVE_SEGMENT_INIT. */
    size_t size;
    /** Revision at which watching began. */
    uint64_t revision;
    /** When watching began, recorded time, microseconds since 1970 UTC. */
    int64_t since_us;
    /** Customers who are in it by what was told. */
    uint64_t customers;
    /** Its name, NUL-terminated. */
    char name[104];
    /** Zone of its days; "" is UTC. */
    char zone[CRM_LIVE_ZONE_SIZE];
    /** 1: it can't be asked under the present model, or has grown too long with what it refers to, or
     * the clock finds what it changes in no index any more; who is in it stays as it was told. */
    uint32_t asleep;
    /** Zero. */
    uint32_t reserved;
} crm_live_segment;

/** An empty crm_live_segment. */
#define CRM_LIVE_SEGMENT_INIT                                                                      \
    {                                                                                              \
        sizeof(crm_live_segment), 0, 0, 0, "", "", 0, 0                                            \
    }

/**
 * The watched segment behind a name, in order of names.
 *
 * @param[in]     txn    Live transaction.
 * @param[in]     after  Name behind which to look; NULL or "": the first.
 * @param[in,out] out    Filled; its size is set by the caller.  @p after may lie in it.
 * @param[out]    err    Optional detail.
 *
 * @retval CRM_OK    done
 * @retval CRM_DONE  there is none
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: @p out is the caller's.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up for each 65,536 ids.
 * @since 0.1
 */
CRM_API int crm_live_watched(crm_txn *txn, const char *after, crm_live_segment *out,
                             crm_error *err);

/** What crm_live_advance() did. */
typedef struct crm_live_advanced {
    /** Size of this struct, set by CRM_LIVE_ADVANCED_INIT. */
    size_t size;
    /** Moment to which the clock came, microseconds since 1970 UTC; 0: nothing is watched. */
    int64_t now_us;
    /** Customers who entered, over all segments. */
    uint64_t entered;
    /** Customers who left. */
    uint64_t left;
} crm_live_advanced;

/** An empty crm_live_advanced. */
#define CRM_LIVE_ADVANCED_INIT                                                                     \
    {                                                                                              \
        sizeof(crm_live_advanced), 0, 0, 0                                                         \
    }

/**
 * Advances the clock of the watched segments: tells who entered and left because time went on.
 *
 * The work grows with the customers for whom something came or went since the last advance, so it
 * can be called every second or once a night.  It writes in transactions of its own, each short,
 * so that other writers get their turn; what was told before a crash or a cancellation stays told,
 * and the next call goes on from there.  The clock never goes back: a moment that it has passed
 * changes nothing.
 *
 * @param[in]     db        The database.
 * @param[in]     opts      Who acts (actor, purpose, channel), and now_us, the moment to advance
 *                          to (0: that of the system's clock); NULL: nobody, now.
 * @param[in]     progress  Told how many chunks of ids were seen, may cancel; or NULL.
 * @param[in]     ctx       Handed to @p progress.
 * @param[in,out] out       Filled, also after an error; its size is set by the caller; NULL: not
 *                          wanted.
 * @param[out]    err       Optional detail.
 *
 * @retval CRM_OK          done
 * @retval CRM_ECANCELLED  @p progress said so
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EREADONLY, CRM_EFULL, CRM_EIO, CRM_EFORKED,
 * CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   any thread that has no write transaction.
 * Cost:      for each watched segment with something that the clock changes, a few look-ups for
 *            each 65,536 ids, and the rows on the edges of its windows.
 * @since 0.1
 */
CRM_API int crm_live_advance(crm_db *db, const crm_txn_options *opts, crm_progress_fn progress,
                             void *ctx, crm_live_advanced *out, crm_error *err);

/** An iterator over who entered and left. */
typedef struct crm_live_iter crm_live_iter;

/** One customer who entered or left a watched segment. */
typedef struct crm_live_change {
    /** Size of this struct, set by CRM_LIVE_CHANGE_INIT. */
    size_t size;
    /** Revision of the entry that tells it. */
    uint64_t revision;
    /** Its recorded time, microseconds since 1970 UTC. */
    int64_t recorded_us;
    /** The customer. */
    crm_id customer;
    /** Name of the segment, NUL-terminated, lent until the next step. */
    const char *segment;
    /** 1: entered; 0: left. */
    uint32_t entered;
    /** Zero. */
    uint32_t reserved;
} crm_live_change;

/** An empty crm_live_change. */
#define CRM_LIVE_CHANGE_INIT                                                                       \
    {                                                                                              \
        sizeof(crm_live_change), 0, 0, 0, NULL, 0, 0                                               \
    }

/**
 * Begins to read who entered and left behind a revision, in order of revisions, up to the
 * transaction's snapshot; within a revision segment by segment, those who left first.
 *
 * To follow: keep the last revision that was read to its end, wait with crm_db_wait(), begin a read
 * transaction, read on from there.
 *
 * @param[in]  txn    Live read transaction.
 * @param[in]  after  The last revision already seen; 0: from the beginning.
 * @param[in]  name   Only of this segment; NULL: of all.
 * @param[out] out    Receives the iterator; NULL on any result but CRM_OK.
 * @param[out] err    Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  no segment of that name is, or ever was, watched
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: *out is the caller's, ended with crm_live_close(), before or after @p txn.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_live_list(crm_txn *txn, uint64_t after, const char *name, crm_live_iter **out,
                          crm_error *err);

/**
 * The next one.
 *
 * @param[in]     it   The iterator.
 * @param[in,out] out  Filled; its size is set by the caller; its text is lent until the next step.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK    done
 * @retval CRM_DONE  there is none
 * @retval CRM_ECORRUPT  damaged: end the walk, each further call may say so again
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED  see codes.h
 *
 * Ownership: the text is the iterator's.
 * Threads:   one thread at a time per transaction.
 * Cost:      of many of one revision, next to nothing; a microsecond for each entry passed over.
 * @since 0.1
 */
CRM_API int crm_live_next(crm_live_iter *it, crm_live_change *out, crm_error *err);

/**
 * Ends an iterator.
 *
 * @param[in] it  The iterator; NULL does nothing.
 *
 * Ownership: frees it.
 * Threads:   as crm_live_next().
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_live_close(crm_live_iter *it);

#ifdef __cplusplus
}
#endif

#endif
