/* SPDX-License-Identifier: MIT */
/**
 * @file db.h
 * Opening, closing, statistics and checking of a database.
 */
#ifndef CRM_DB_H
#define CRM_DB_H

#include <crm/error.h>
#include <crm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A handle on a database.  Any number of threads may use it at once. */
typedef struct crm_db crm_db;

/** Flag of crm_db_open(): no write is possible through this handle.  The folder's lock files must be
 * writable all the same, unless the file system is read-only. */
#define CRM_READONLY 1u
/** Flag of crm_db_open(): CRM_ENOTFOUND when there is no database yet, instead of making one. */
#define CRM_NOCREATE 2u
/** Flag of crm_db_open(): go on although the folder is on a network file system. */
#define CRM_FORCE_NETWORK 4u
/** Flag of crm_db_open(): walk every page before use, and refuse a damaged file.  Without it reading
 * one gives CRM_ECORRUPT where the damage is, and writing to one may end the process. */
#define CRM_VERIFY 8u

/**
 * Told of a reader older than max_reader_age_us, at the begin of a write transaction.
 *
 * @param[in] pid      Process of the reader.
 * @param[in] age_us   Age of its snapshot in microseconds, at least.
 * @param[in] ctx      As given with the function.
 */
typedef void (*crm_reader_fn)(int64_t pid, int64_t age_us, void *ctx);

/** Returns the time in microseconds since 1970 UTC.  @param[in] ctx As given with the function. */
typedef int64_t (*crm_clock_fn)(void *ctx);

/** Options of crm_db_open(); all zero is the default. */
typedef struct crm_db_options {
    /** Size of this struct, set by CRM_DB_OPTIONS_INIT. */
    size_t size;
    /** CRM_READONLY, CRM_NOCREATE, CRM_FORCE_NETWORK, CRM_VERIFY. */
    uint32_t flags;
    /** Reader slots of a new lock file, shared by all processes, at most 65,536; 0: 1,022.  A slot takes
     * 64 bytes on the disk. */
    uint32_t max_readers;
    /** Memory functions, copied; NULL: those of the C library. */
    const crm_allocator *allocator;
    /** Address space to map; 0: 1 TiB, halved until it can be had. */
    uint64_t map_bytes;
    /** The file never grows beyond it: what would need more is CRM_EFULL.  0: no limit but the disk.
     * All processes should give the same; one that finds the file grown beyond its own gets CRM_EFULL. */
    uint64_t size_limit;
    /** Receives log lines; NULL: none. */
    crm_log_fn log;
    /** Handed to log. */
    void *log_ctx;
    /** Age from which a reader is reported, 0: never.  Old readers make the file grow. */
    int64_t max_reader_age_us;
    /** Receives old readers; NULL: they are logged as warnings. */
    crm_reader_fn old_reader;
    /** Handed to old_reader. */
    void *old_reader_ctx;
    /** Model (YAML, NUL-terminated) of a database made by this call; NULL: the built-in one. */
    const char *model;
    /** Who makes it, for the first entry of its journal; NULL: nobody is named. */
    const char *actor;
    /** For tests: replaces the system clock as the source of recorded time. */
    crm_clock_fn test_clock;
    /** Handed to test_clock. */
    void *test_clock_ctx;
    /** For tests: a struct of the static library's fault engine, NULL otherwise. */
    void *test_fault;
} crm_db_options;

/** Default crm_db_options. */
#define CRM_DB_OPTIONS_INIT {sizeof(crm_db_options), 0, 0, NULL, 0, 0, NULL, NULL, 0, NULL, NULL, \
                             NULL, NULL, NULL, NULL, NULL}

/**
 * Sets options to the default, for languages without CRM_DB_OPTIONS_INIT.
 *
 * @param[out] opts  The struct; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_db_options_init(crm_db_options *opts);

/**
 * Opens the database in a folder, and makes both when they are not there.  In a folder that is there
 * the database is made beside whatever other files are in it, which stay as they are.
 *
 * Opening a folder again in the same process shares the storage of the first handle.  A handle must
 * not be used in a child after fork(): there every call returns CRM_EFORKED; open again instead.
 *
 * @param[in]  path  Folder, UTF-8; its parent must exist.
 * @param[in]  opts  Options, or NULL.
 * @param[out] out   Receives the handle; NULL on any result but CRM_OK.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK         open
 * @retval CRM_ENOTFOUND  there is none and CRM_NOCREATE or CRM_READONLY is set
 * @retval CRM_EOPEN      another copy of the library in this process, or a process of the same pid
 * @retval CRM_EBUSY      another process holds the database exclusively
 * @retval CRM_ENETFS     network file system
 * @retval CRM_EVERSION   made by a newer library, or on a machine of another kind
 * @retval CRM_ECORRUPT   the file's head is damaged, or a page is and CRM_VERIFY is set
 * @retval CRM_EMODEL     the model of the options has faults
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_EIO, CRM_EFULL  see codes.h
 *
 * Ownership: *out is the caller's, ended by crm_db_close().
 * Threads:   any thread.
 * Cost:      under 2 ms; making a database some 10 ms; with CRM_VERIFY one read of the file.
 * @since 0.1
 */
CRM_API int crm_db_open(const char *path, const crm_db_options *opts, crm_db **out,
                        crm_error *err);

/**
 * Ends the caller's hold on a handle.
 *
 * Transactions and iterators that are still held keep the storage alive; every call on them but the
 * one that ends them returns CRM_ECLOSED.
 *
 * @param[in] db  The handle; NULL does nothing.
 *
 * Ownership: @p db must not be used any more.
 * Threads:   any thread.
 * Cost:      the last handle unmaps the file.
 * @since 0.1
 */
CRM_API void crm_db_close(crm_db *db);

/** Sizes and counts of a database. */
typedef struct crm_db_stat {
    /** Size of this struct, set by crm_db_stat_get(). */
    size_t size;
    /** Customers that exist and are not deleted. */
    uint64_t customers;
    /** Customers that are deleted and can be undeleted. */
    uint64_t deleted;
    /** Revision of the last change. */
    uint64_t revision;
    /** Recorded time of the last change, microseconds since 1970 UTC; 0 when there is none. */
    int64_t recorded_us;
    /** Size of the data file in bytes. */
    uint64_t file_bytes;
    /** Bytes of pages that hold data. */
    uint64_t data_bytes;
    /** Bytes of pages that can be used again. */
    uint64_t free_bytes;
    /** Address space mapped, in bytes. */
    uint64_t map_bytes;
    /** Live readers of all processes. */
    uint32_t readers;
    /** Reader slots. */
    uint32_t max_readers;
    /** Storage commits since the oldest reader's snapshot. */
    uint64_t oldest_reader_commits;
    /** Version of the model. */
    uint32_t model_version;
    /** Imports that were cut short and can be gone on with. */
    uint32_t imports;
    /** Batch of the newest of those; 0: there is none. */
    uint64_t import_batch;
    /** Process of the oldest reader; 0: it is no older than the last commit. */
    int64_t oldest_reader_pid;
    /** Of free_bytes: what can't be used again while the readers' snapshots last.  The file grows
     * where this is most of it. */
    uint64_t kept_bytes;
} crm_db_stat;

/** Size of one space of the storage. */
typedef struct crm_space_stat {
    /** Name, e.g. "customer". */
    const char *name;
    /** Rows. */
    uint64_t rows;
    /** Bytes of pages. */
    uint64_t bytes;
    /** Non-zero when it can be rebuilt from others. */
    uint32_t derived;
    /** Levels of its tree. */
    uint32_t depth;
} crm_space_stat;

/**
 * Reads sizes and counts.
 *
 * @param[in]  db   The handle.
 * @param[in]  struct_size  sizeof(crm_db_stat).
 * @param[out] out  Receives the figures.
 * @param[out] err  Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_EFORKED, CRM_ECLOSED, CRM_EREADERS, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's struct.
 * Threads:   any thread.
 * Cost:      one short read transaction.
 * @since 0.1
 */
CRM_API int crm_db_stat_get(crm_db *db, size_t struct_size, crm_db_stat *out, crm_error *err);

/**
 * Walks the sizes of the spaces.
 *
 * @param[in]     db   The handle.
 * @param[in,out] pos  Start with 0; moved on by each call.
 * @param[out]    out  Receives one space.
 * @param[out]    err  Optional detail.
 *
 * @retval CRM_OK    *out holds a space
 * @retval CRM_DONE  there is no further one
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_EFORKED, CRM_ECLOSED, CRM_EREADERS, CRM_ECORRUPT, CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's struct, its name static.
 * Threads:   any thread.
 * Cost:      one short read transaction.
 * @since 0.1
 */
CRM_API int crm_db_space_next(crm_db *db, size_t *pos, crm_space_stat *out, crm_error *err);

/** What a fault found by crm_check() concerns. */
typedef struct crm_fault {
    /** Size of this struct. */
    size_t size;
    /** Name of the space, e.g. "identity"; "file" for pages. */
    const char *space;
    /** Customer concerned, 0 when none. */
    crm_id customer;
    /** Page number, -1 when it does not apply. */
    int64_t page;
    /** One line for a person; valid during the call. */
    const char *message;
    /** Non-zero: it was there, and CRM_CHECK_REPAIR has mended it. */
    uint32_t repaired;
    /** Zero. */
    uint32_t reserved;
} crm_fault;

/**
 * Receives the faults crm_check() finds.
 *
 * @param[in] fault  The fault; valid during the call.
 * @param[in] ctx    As given with the function.
 */
typedef void (*crm_fault_fn)(const crm_fault *fault, void *ctx);

/** Flag of crm_check(): make what is derived anew where it is not what the records and events say. */
#define CRM_CHECK_REPAIR 1u

/** Options of crm_check(); all zero is the default. */
typedef struct crm_check_options {
    /** Size of this struct, set by CRM_CHECK_OPTIONS_INIT. */
    size_t size;
    /** CRM_CHECK_REPAIR, or 0. */
    uint32_t flags;
    /** Zero. */
    uint32_t reserved;
    /** Memory functions, NULL: those of the C library. */
    const crm_allocator *allocator;
    /** Receives each fault; NULL: none. */
    crm_fault_fn fault;
    /** Handed to fault. */
    void *fault_ctx;
    /** Progress, in rows and pages; NULL: none. */
    crm_progress_fn progress;
    /** Handed to progress. */
    void *progress_ctx;
    /** With CRM_CHECK_REPAIR: who repairs, for the journal; NULL: nobody is named. */
    const char *actor;
} crm_check_options;

/** Default crm_check_options. */
#define CRM_CHECK_OPTIONS_INIT {sizeof(crm_check_options), 0, 0, NULL, NULL, NULL, NULL, NULL, NULL}

/**
 * Sets options to the default, for languages without CRM_CHECK_OPTIONS_INIT.
 *
 * @param[out] opts  The struct; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_check_options_init(crm_check_options *opts);

/** What crm_check() saw. */
typedef struct crm_check_result {
    /** Size of this struct, set by crm_check(). */
    size_t size;
    /** Faults found; with CRM_CHECK_REPAIR those that are left. */
    uint64_t faults;
    /** Pages walked. */
    uint64_t pages;
    /** Customer records read. */
    uint64_t customers;
    /** Journal entries read. */
    uint64_t entries;
    /** Rows of derived spaces, and beside events, compared with what records and events say. */
    uint64_t derived;
    /** With CRM_CHECK_REPAIR: how many faults fewer there are than before. */
    uint64_t repaired;
} crm_check_result;

/**
 * Checks a whole database: every page, every value's check tag, the journal's sequence, the order,
 * numbers and voids of each customer's events, and that the rows beside events and the derived spaces
 * equal what would be rebuilt from the events and the records.
 *
 * Reads the file with plain reads, never through mapped memory, so that no damage of it can end the
 * process.  Other processes and threads may go on writing: a file that seems damaged but has changed
 * meanwhile is opened for a snapshot and checked again.  When it can't be opened then, the reason is the
 * result, and nothing is said of the file.
 *
 * With CRM_CHECK_REPAIR what is derived (crm_space_stat.derived, and the rows beside events) is made anew
 * where it differs, and the database is checked again.  Rows are written in transactions of bounded size,
 * each of which leaves the database no less right than it was: others may go on reading and writing
 * between them, and a repair that is cut short is gone on with by the next one.  Before the first of them
 * the journal gets an entry (CRM_ACTION_REPAIR) that names the spaces.  What records, events and the
 * journal hold is never changed: their faults stay, and are told, and so do derived rows of a record or
 * of events that can't be read.
 *
 * Damaged pages of derived spaces, or of the list of free pages, can't be written to in place: then
 * every other row is copied, as it is, to a new data file, what is derived is made in it, and it takes the
 * place of the old one in one step.  That needs room for a second file, and nobody may have the database
 * open (CRM_EBUSY).  With a damaged page of any other kind nothing is changed: that is for a backup.
 *
 * @param[in]  path  Folder of the database.
 * @param[in]  opts  Options, or NULL.
 * @param[in]  struct_size  sizeof(crm_check_result).
 * @param[out] out   Receives the counts; may be NULL.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK         no fault, or none is left
 * @retval CRM_ECORRUPT   at least one fault; after a repair, at least one that is left
 * @retval CRM_EBUSY      a damaged page is to be repaired, and somebody has the database open; or others
 *                        write, and no snapshot is to be had
 * @retval CRM_ESTATE     there is something to repair, and this thread has a write transaction
 * @retval CRM_ENOTFOUND  no database there
 * @retval CRM_ECANCELLED the progress function stopped it
 * @retval CRM_EREADERS, CRM_EOPEN, CRM_ENETFS, CRM_EFULL, CRM_EPOISONED  others write, and no
 *                        snapshot is to be had; or the repair can't write
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_EIO, CRM_EVERSION  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   any thread; needs no handle.  A thread with a write transaction of its own can't repair
 *            (CRM_ESTATE).
 * Cost:      a few reads of the file; memory bounded, about 32 MiB, a bit per page, and for the customer
 *            with the most events up to 150 bytes an event.  A repair reads as much again; writers wait
 *            for one chunk of 65,536 customers at a time, and its memory is bounded by what is wrong in
 *            the lists of one day, at least 64 MiB.
 * @since 0.1
 */
CRM_API int crm_check(const char *path, const crm_check_options *opts, size_t struct_size,
                      crm_check_result *out, crm_error *err);

#ifdef __cplusplus
}
#endif

#endif
