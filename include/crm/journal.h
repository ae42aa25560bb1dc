/* SPDX-License-Identifier: MIT */
/**
 * @file journal.h
 * The journal: every change in order, chained, to follow, to verify, and the history of a customer.
 *
 * An entry is written in the transaction of its change, so neither is without the other.  Entries
 * hold ids, field names and who acted, never values; what a change replaced lies apart, so that it
 * can be dropped later while the chain of entries still verifies.
 */
#ifndef CRM_JOURNAL_H
#define CRM_JOURNAL_H

#include <crm/customer.h>
#include <crm/error.h>
#include <crm/txn.h>
#include <crm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a link of the chain. */
#define CRM_CHAIN_SIZE 32

/** What an entry says was done. */
#define CRM_ACTION_CREATE 1
/** Fields of a customer changed. */
#define CRM_ACTION_UPDATE 2
/** A customer was deleted. */
#define CRM_ACTION_DELETE 3
/** A deleted customer came back. */
#define CRM_ACTION_UNDELETE 4
/** The model changed. */
#define CRM_ACTION_MODEL 5
/** An event was added. */
#define CRM_ACTION_EVENT 6
/** An event was voided. */
#define CRM_ACTION_VOID 7
/** Changes of a batch. */
#define CRM_ACTION_BATCH 8
/** A batch or a change was undone. */
#define CRM_ACTION_UNDO 9
/** Images of old entries were dropped. */
#define CRM_ACTION_TRIM 10
/** What is derived was made anew by crm_check() with CRM_CHECK_REPAIR. */
#define CRM_ACTION_REPAIR 11
/** Customers, events or the journal were handed out by crm_export(), or a segment was asked with a
 * reason. */
#define CRM_ACTION_EXPORT 12
/** The whole database was handed out by crm_backup(). */
#define CRM_ACTION_BACKUP 13
/** The whole database was handed out as text. */
#define CRM_ACTION_DUMP 14
/** Tags of a customer changed. */
#define CRM_ACTION_TAG 15
/** Action: a segment was saved or removed; `reason` is its name. */
#define CRM_ACTION_SEGMENT 16
/** A segment is watched from here on; `reason` is its name. */
#define CRM_ACTION_WATCH 17
/** A segment is watched no more; `reason` is its name. */
#define CRM_ACTION_UNWATCH 18
/** Customers entered and left watched segments, as crm_live_next() tells them: those of the changes
 * before it in the same commit, or of the clock. */
#define CRM_ACTION_LIVE 19

/**
 * Word of an action.
 *
 * @param[in] action  CRM_ACTION_*.
 * @return the word, e.g. "update"; "" for no action.
 *
 * Ownership: static.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API const char *crm_action_name(uint32_t action);

/** The end of the chain, for the host to keep outside: whoever holds it can tell later that nothing
 * before was changed or cut off. */
typedef struct crm_head {
    /** Size of this struct, set by CRM_HEAD_INIT. */
    size_t size;
    /** Revision of the last entry; 0: none. */
    uint64_t revision;
    /** Its recorded time, microseconds since 1970 UTC. */
    int64_t recorded_us;
    /** Its link of the chain. */
    uint8_t chain[CRM_CHAIN_SIZE];
} crm_head;

/** An empty crm_head. */
#define CRM_HEAD_INIT                                                                              \
    {                                                                                              \
        sizeof(crm_head), 0, 0,                                                                    \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/**
 * The end of the chain in a transaction's view.
 *
 * @param[in]     txn   Live transaction.
 * @param[in,out] head  Filled; its size is set by the caller.
 * @param[out]    err   Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see
 * codes.h
 *
 * Ownership: @p head is the caller's.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_journal_head(crm_txn *txn, crm_head *head, crm_error *err);

/**
 * Verifies the journal: that no entry was changed, dropped, put elsewhere or cut off, that recorded
 * time never goes back, and that what changes replaced is what it was.
 *
 * Without an anchor, entries cut off at the end, or a whole older copy of the file, can't be told
 * by anybody who has only the file.  The first fault ends the walk: err->row is its revision, the
 * message says what it is.
 *
 * @param[in]  txn       Live read transaction.
 * @param[in]  anchors   Heads that were kept outside; the journal must contain each.  May be NULL.
 * @param[in]  count     Their number.
 * @param[in]  progress  Told how far the walk is, may cancel; or NULL.
 * @param[in]  ctx       Handed to @p progress.
 * @param[out] err       Optional detail.
 *
 * @retval CRM_OK          every entry is sound
 * @retval CRM_ECORRUPT    a fault, see above
 * @retval CRM_ECANCELLED  @p progress said so
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   one thread at a time per @p txn.
 * Cost:      about a microsecond an entry.
 * @since 0.1
 */
CRM_API int crm_journal_verify(crm_txn *txn, const crm_head *anchors, size_t count,
                               crm_progress_fn progress, void *ctx, crm_error *err);

/**
 * Drops what changes before a time replaced (their images), the oldest first.  The entries stay,
 * and the chain still verifies; history and undo of those changes end there.  The trim is an entry
 * itself, unless there was nothing to drop.
 *
 * One call drops as much as takes 64 MB of memory, some 500,000 images, and ends between two
 * entries. So that all are dropped however many there are, call it in one transaction after another
 * until
 * @p dropped is 0; what was committed before a crash stays dropped.  To only count them, call it
 * again and again in one transaction, and abort that.
 *
 * @param[in]  txn        Live write transaction that is no batch.
 * @param[in]  before_us  Recorded time, microseconds since 1970 UTC.
 * @param[out] dropped    Receives the number of images dropped, 0 when none is left; NULL: not
 *                        wanted.
 * @param[out] err        Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: none.
 * Threads:   the thread of @p txn.
 * Cost:      one deletion an image, one step an entry.
 * @since 0.1
 */
CRM_API int crm_journal_trim(crm_txn *txn, int64_t before_us, uint64_t *dropped, crm_error *err);

/* ---- following changes ---- */

/** An iterator over changes. */
typedef struct crm_change_iter crm_change_iter;

/** One entry, lent by crm_change_next() until its next step. */
typedef struct crm_change {
    /** Size of this struct, set by CRM_CHANGE_INIT. */
    size_t size;
    /** Its revision. */
    uint64_t revision;
    /** Recorded time, microseconds since 1970 UTC. */
    int64_t recorded_us;
    /** CRM_ACTION_*. */
    uint32_t action;
    /** Number of fields that changed; 0 of a batch, which changed fields of many. */
    uint32_t field_count;
    /** The customer; of CRM_ACTION_MODEL the version; of CRM_ACTION_UNDO the revision or batch
     * undone; of CRM_ACTION_REPAIR a bit for each space, by its place in crm_db_space_next(), and
     * bit 18 when pages were damaged; 0 for a batch, and for what was handed out. */
    uint64_t target;
    /** Batch it belongs to, 0: none. */
    uint64_t batch;
    /** Of a batch: number of customers created. */
    uint64_t created;
    /** Of a batch: number of customers changed. */
    uint64_t changed;
    /** Of a batch: number of customers with events added or voided. */
    uint64_t with_events;
    /** Who acted; NULL: nobody was named. */
    const char *actor;
    /** Purpose; NULL: none. */
    const char *purpose;
    /** Channel; NULL: none. */
    const char *channel;
    /** Source of the values; NULL: none. */
    const char *source;
    /** Of what was handed out (export, backup, dump): the reason given; NULL for other actions. */
    const char *reason;
    /** Of an export of a segment: its canonical text; NULL: of all, and for other actions. */
    const char *segment;
    /** Number of tags that were given or taken, also by a batch. */
    uint32_t tag_count;
    /** Zero. */
    uint32_t reserved;
} crm_change;

/** An empty crm_change. */
#define CRM_CHANGE_INIT                                                                            \
    {                                                                                              \
        sizeof(crm_change), 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0    \
    }

/**
 * Begins to read the changes after a revision, in order, up to the transaction's snapshot.
 *
 * To follow a database: keep the last revision seen, wait with crm_db_wait(), begin a read
 * transaction, read on from there.  Each revision is seen once.
 *
 * @param[in]  txn    Live read transaction.
 * @param[in]  after  The last revision already seen; 0: from the beginning.
 * @param[out] out    Receives the iterator; NULL on any result but CRM_OK.
 * @param[out] err    Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: *out is the caller's, ended with crm_change_close(), before or after @p txn.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_change_list(crm_txn *txn, uint64_t after, crm_change_iter **out, crm_error *err);

/**
 * The next change.
 *
 * @param[in]     it   The iterator.
 * @param[in,out] out  Filled; its size is set by the caller; its texts are lent until the next
 * step.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK    done
 * @retval CRM_DONE  there is none
 * @retval CRM_ECORRUPT  the entry in row of err is damaged; every further call says so again, and
 *                       crm_change_list() after it goes on
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED  see codes.h
 *
 * Ownership: texts are the iterator's.
 * Threads:   one thread at a time per transaction.
 * Cost:      a microsecond.
 * @since 0.1
 */
CRM_API int crm_change_next(crm_change_iter *it, crm_change *out, crm_error *err);

/**
 * Key of a field of the present change.
 *
 * @param[in]  it   The iterator.
 * @param[in]  i    From 0 to field_count - 1.
 * @param[out] key  Receives the key, NUL-terminated, also of a field that the model no longer has.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  there are not so many
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: *key is the iterator's, until its next step.
 * Threads:   one thread at a time per transaction.
 * Cost:      one look-up.
 * @since 0.1
 */
CRM_API int crm_change_field(crm_change_iter *it, uint32_t i, const char **key, crm_error *err);

/** Which customers crm_change_customers() lists: those created. */
#define CRM_CHANGE_CREATED 0
/** Those changed. */
#define CRM_CHANGE_CHANGED 1
/** Those with events added or voided. */
#define CRM_CHANGE_EVENTS 2
/** Those whose tags changed. */
#define CRM_CHANGE_TAGGED 3

/**
 * Customers that the present change touched, ascending; also of one that is no batch.
 *
 * @param[in]  it     The iterator.
 * @param[in]  which  CRM_CHANGE_CREATED, CRM_CHANGE_CHANGED, CRM_CHANGE_EVENTS or
 * CRM_CHANGE_TAGGED.
 * @param[in]  after  Ids up to this one are left out; 0: from the first.
 * @param[out] ids    Receives them.
 * @param[in]  cap    Room in @p ids.
 * @param[out] count  Receives their number, at most @p cap; 0 at the end.
 * @param[out] err    Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED  see
 * codes.h
 *
 * Ownership: @p ids is the caller's.
 * Threads:   one thread at a time per transaction.
 * Cost:      linear in the ids before and given.
 * @since 0.1
 */
CRM_API int crm_change_customers(crm_change_iter *it, int which, crm_id after, crm_id *ids,
                                 size_t cap, size_t *count, crm_error *err);

/** What was done with a tag: it was given to who did not have it. */
#define CRM_TAG_GIVEN 1
/** It was taken from who had it. */
#define CRM_TAG_TAKEN 2
/** Who had it has it until another time. */
#define CRM_TAG_RENEWED 3

/** What a change did with one tag, lent by crm_change_tag() until the iterator's next step. */
typedef struct crm_tag_change {
    /** Size of this struct, set by CRM_TAG_CHANGE_INIT. */
    size_t size;
    /** "<dimension>:<value>", NUL-terminated, also of a tag that the model no longer has. */
    const char *tag;
    /** How many customers it was given to. */
    uint64_t given;
    /** How many it was taken from. */
    uint64_t taken;
    /** How many have it until another time. */
    uint64_t renewed;
} crm_tag_change;

/** An empty crm_tag_change. */
#define CRM_TAG_CHANGE_INIT                                                                        \
    {                                                                                              \
        sizeof(crm_tag_change), NULL, 0, 0, 0                                                      \
    }

/**
 * A tag that the present change gave or took.
 *
 * @param[in]     it   The iterator.
 * @param[in]     i    From 0 to tag_count - 1.
 * @param[in,out] out  Filled; its size is set by the caller; its text is lent until the next step.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  there are not so many
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: the text is the iterator's.
 * Threads:   one thread at a time per transaction.
 * Cost:      a few look-ups for each 65,536 neighbouring ids that the change has tags of.
 * @since 0.1
 */
CRM_API int crm_change_tag(crm_change_iter *it, uint32_t i, crm_tag_change *out, crm_error *err);

/**
 * Customers that the present change gave one of its tags, or took it from, ascending.
 *
 * @param[in]  it     The iterator.
 * @param[in]  i      The tag, from 0 to tag_count - 1.
 * @param[in]  way    CRM_TAG_GIVEN, CRM_TAG_TAKEN or CRM_TAG_RENEWED.
 * @param[in]  after  Ids up to this one are left out; 0: from the first.
 * @param[out] ids    Receives them.
 * @param[in]  cap    Room in @p ids.
 * @param[out] count  Receives their number, at most @p cap; 0 at the end.
 * @param[out] err    Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  there are not so many tags
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: @p ids is the caller's.
 * Threads:   one thread at a time per transaction.
 * Cost:      as crm_change_tag().
 * @since 0.1
 */
CRM_API int crm_change_tagged(crm_change_iter *it, uint32_t i, int way, crm_id after, crm_id *ids,
                              size_t cap, size_t *count, crm_error *err);

/**
 * The present change as one JSON object, without line breaks: revision, recorded_at, action,
 * customer, batch, actor, purpose, channel, source, fields; of a batch the ids as ranges [first,
 * last]; of each tag the ids that it was given to, taken from or renewed for, as such ranges; of
 * what was handed out the reason; of a repair the names of the spaces.
 *
 * @param[in]  it    The iterator.
 * @param[out] json  Receives the text, NUL-terminated.
 * @param[out] n     Receives its length in bytes; NULL: not wanted.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: *json is the caller's, freed with crm_free().
 * Threads:   one thread at a time per transaction.
 * Cost:      linear in the text.
 * @since 0.1
 */
CRM_API int crm_change_json(crm_change_iter *it, char **json, size_t *n, crm_error *err);

/**
 * Ends the iteration.
 *
 * @param[in] it  The iterator; NULL does nothing.
 *
 * Ownership: ends the caller's ownership.
 * Threads:   one thread at a time per transaction.
 * Cost:      a few frees.
 * @since 0.1
 */
CRM_API void crm_change_close(crm_change_iter *it);

/**
 * Waits until there is a change after a revision, made by any process.  Holds no snapshot.
 *
 * @param[in]  db          The handle.
 * @param[in]  after       The last revision already seen.
 * @param[in]  timeout_ms  Milliseconds to wait at most; 0: only look; negative: for ever.
 * @param[out] revision    Receives the last revision; NULL: not wanted.
 * @param[out] err         Optional detail.
 *
 * @retval CRM_OK    there is one
 * @retval CRM_DONE  none came within the time
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_EREADERS, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED, CRM_EIO  see codes.h
 *
 * Ownership: none.
 * Threads:   any thread, also several at once.  Closing the handle meanwhile ends the wait with
 * CRM_ECLOSED within 100 ms. Cost:      none while waiting; under a millisecond from commit to
 * return.
 * @since 0.1
 */
CRM_API int crm_db_wait(crm_db *db, uint64_t after, int64_t timeout_ms, uint64_t *revision,
                        crm_error *err);

/* ---- history of a customer ---- */

/** An iterator over the history of one customer. */
typedef struct crm_history crm_history;

/** What a change did with a tag of the customer, lent by crm_history_tag() until the next step. */
typedef struct crm_tag_step {
    /** Size of this struct, set by CRM_TAG_STEP_INIT. */
    size_t size;
    /** "<dimension>:<value>", NUL-terminated, also of a tag that the model no longer has. */
    const char *tag;
    /** CRM_TAG_GIVEN, CRM_TAG_TAKEN or CRM_TAG_RENEWED. */
    uint32_t way;
    /** How it was given: CRM_TAG_MANUAL, CRM_TAG_RULE or CRM_TAG_IMPORT. */
    uint32_t origin;
    /** Its end, microseconds since 1970 UTC; 0: none. */
    int64_t until_us;
    /** Why it was given; NULL: no reason was given, or it was taken. */
    const char *reason;
} crm_tag_step;

/** An empty crm_tag_step. */
#define CRM_TAG_STEP_INIT                                                                          \
    {                                                                                              \
        sizeof(crm_tag_step), NULL, 0, 0, 0, NULL                                                  \
    }

/**
 * Begins to read what was changed on a customer, newest first.
 *
 * @param[in]  txn  Live transaction; one that writes must not write while the iterator is used.
 * @param[in]  id   The customer; a deleted one has its history still.
 * @param[out] out  Receives the iterator; NULL on any result but CRM_OK.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  there is no such customer
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's, ended with crm_history_close(), before or after @p txn.
 * Threads:   one thread at a time per @p txn.
 * Cost:      one look-up, and one for each change of tags among 65,536 neighbouring ids.
 * @since 0.1
 */
CRM_API int crm_history_open(crm_txn *txn, crm_id id, crm_history **out, crm_error *err);

/**
 * The next change of the customer, going back in time.
 *
 * action is CRM_ACTION_CREATE, _UPDATE, _DELETE, _UNDELETE, _TAG or _UNDO, also where the change
 * was part of a batch.  A change of a batch may concern fields and tags: action is then that of the
 * record.
 *
 * @param[in]     h    The iterator.
 * @param[in,out] out  Filled; its size is set by the caller; its texts are lent until the next
 * step.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK     done
 * @retval CRM_DONE   there is none
 * @retval CRM_ESTATE the transaction wrote since
 * @retval CRM_ECORRUPT  damaged: end the walk, each further call may say so again
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED  see codes.h
 *
 * Ownership: texts are the iterator's.
 * Threads:   one thread at a time per transaction.
 * Cost:      a few look-ups.
 * @since 0.1
 */
CRM_API int crm_history_next(crm_history *h, crm_change *out, crm_error *err);

/**
 * A field of the present change, with its value before and after as canonical text; of a list as a
 * JSON array, of a per-source identity one of objects with source and value.
 *
 * @param[in]  h       The iterator.
 * @param[in]  i       From 0 to field_count - 1.
 * @param[out] key     Receives the field's key, also of one that the model no longer has.
 * @param[out] before  Receives the value before; NULL: there was none, or it was dropped.
 * @param[out] after   Receives the value after; NULL: there is none.
 * @param[out] err     Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  there are not so many
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: the texts are the iterator's, until its next step.
 * Threads:   one thread at a time per transaction.
 * Cost:      formatting two values.
 * @since 0.1
 */
CRM_API int crm_history_field(crm_history *h, uint32_t i, const char **key, const char **before,
                              const char **after, crm_error *err);

/**
 * A tag that the present change gave the customer, or took from it.
 *
 * @param[in]     h    The iterator.
 * @param[in]     i    From 0 to tag_count - 1.
 * @param[in,out] out  Filled; its size is set by the caller; its texts are lent until the next
 * step.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK         done
 * @retval CRM_ENOTFOUND  there are not so many
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: texts are the iterator's.
 * Threads:   one thread at a time per transaction.
 * Cost:      a few look-ups.
 * @since 0.1
 */
CRM_API int crm_history_tag(crm_history *h, uint32_t i, crm_tag_step *out, crm_error *err);

/**
 * What the present change made of the customer's kind, which is no field: "person" or
 * "organisation" before and after.
 *
 * @param[in]  h       The iterator.
 * @param[out] before  Receives the kind before; NULL: the customer was created, or see @p after.
 * @param[out] after   Receives the kind after; NULL: the change left the kind as it was, or what it
 * replaced was dropped.
 * @param[out] err     Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED  see codes.h
 *
 * Ownership: static.
 * Threads:   one thread at a time per transaction.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_history_kind(crm_history *h, const char **before, const char **after,
                             crm_error *err);

/**
 * The present change as one JSON object, without line breaks: as crm_change_json(), with fields
 * as {"name": {"before": ..., "after": ...}}; when the kind changed, or the customer was created, a
 * member kind of the same form.
 *
 * @param[in]  h     The iterator.
 * @param[out] json  Receives the text, NUL-terminated.
 * @param[out] n     Receives its length in bytes; NULL: not wanted.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ESTATE, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: *json is the caller's, freed with crm_free().
 * Threads:   one thread at a time per transaction.
 * Cost:      linear in the text.
 * @since 0.1
 */
CRM_API int crm_history_json(crm_history *h, char **json, size_t *n, crm_error *err);

/**
 * Ends the iteration.
 *
 * @param[in] h  The iterator; NULL does nothing.
 *
 * Ownership: ends the caller's ownership.
 * Threads:   one thread at a time per transaction.
 * Cost:      a few frees.
 * @since 0.1
 */
CRM_API void crm_history_close(crm_history *h);

/**
 * Reads a customer as it was at a revision.
 *
 * @param[in]  txn       Live transaction.
 * @param[in]  id        The customer.
 * @param[in]  revision  The last change that counts.
 * @param[out] c         Receives the record; unchanged on an error.
 * @param[out] err       Optional detail.
 *
 * @retval CRM_OK         done; crm_customer_deleted() says whether it was deleted then
 * @retval CRM_ENOTFOUND  it did not exist then
 * @retval CRM_ESTATE     the images of a later change were dropped
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_ETHREAD, CRM_EFORKED, CRM_ECLOSED, CRM_ECORRUPT,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: @p c is the caller's.
 * Threads:   one thread at a time per @p txn and @p c.
 * Cost:      a few look-ups a change since.
 * @since 0.1
 */
CRM_API int crm_customer_get_at(crm_txn *txn, crm_id id, uint64_t revision, crm_customer *c,
                                crm_error *err);

#ifdef __cplusplus
}
#endif

#endif
