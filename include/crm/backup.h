/* SPDX-License-Identifier: MIT */
/**
 * @file backup.h
 * Backup, restore and compact: a whole database as one file, and back.
 */
#ifndef CRM_BACKUP_H
#define CRM_BACKUP_H

#include <crm/db.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Flag of crm_backup(): compress the file as gzip does. */
#define CRM_BACKUP_GZIP 1u
/** Flag of crm_backup(): put it in the place of a file of that name. */
#define CRM_BACKUP_REPLACE 2u
/** Flag of crm_backup(): where the handle only reads, make a backup that the journal does not know of,
 * instead of CRM_EREADONLY.  Through a handle that writes it changes nothing: the entry is made. */
#define CRM_BACKUP_READONLY 4u

/** Options of crm_backup(), crm_restore() and crm_compact(); all zero is the default. */
typedef struct crm_backup_options {
    /** Size of this struct, set by CRM_BACKUP_OPTIONS_INIT. */
    size_t size;
    /** Of crm_backup(): CRM_BACKUP_GZIP, CRM_BACKUP_REPLACE, CRM_BACKUP_READONLY.  Of the others: zero. */
    uint32_t flags;
    /** Zero. */
    uint32_t reserved;
    /** Memory functions, NULL: those of the C library.  crm_backup() takes the handle's: NULL. */
    const crm_allocator *allocator;
    /** Of crm_restore(): a data file larger than this is CRM_EFULL.  0: as large as its head says. */
    uint64_t size_limit;
    /** Progress, in rows and pages, of all parts of the work; NULL: none. */
    crm_progress_fn progress;
    /** Handed to progress. */
    void *progress_ctx;
    /** Of crm_backup(): why, for the journal, at most 200 bytes of UTF-8 without control characters;
     * NULL: "backup". */
    const char *reason;
    /** Of crm_backup(): who, for the journal; NULL: nobody is named. */
    const char *actor;
} crm_backup_options;

/** Default crm_backup_options. */
#define CRM_BACKUP_OPTIONS_INIT {sizeof(crm_backup_options), 0, 0, NULL, 0, NULL, NULL, NULL, NULL}

/**
 * Sets options to the default, for languages without CRM_BACKUP_OPTIONS_INIT.
 *
 * @param[out] opts  The struct; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_backup_options_init(crm_backup_options *opts);

/** What was copied. */
typedef struct crm_backup_result {
    /** Size of this struct, set by the call. */
    size_t size;
    /** Rows of all spaces, each read with its check tag verified. */
    uint64_t rows;
    /** Revision of the last change that is in the copy. */
    uint64_t revision;
    /** Size in bytes of the file that was read. */
    uint64_t source_bytes;
    /** Size in bytes of the file that was written. */
    uint64_t bytes;
} crm_backup_result;

/**
 * Copies a database, as of this moment, into one file, while others go on reading and writing.
 *
 * The file holds every row and no free pages, so nothing of what was deleted and dropped from the
 * journal; without CRM_BACKUP_GZIP it is a data file as it stands in a database's folder.  It is made
 * in a folder "<file>.crm-part" beside it, written through to the disk, read back (every page, every
 * row and its check tag, and that the rows are those of the database), and only then gets its name.
 * On any other result than CRM_OK there is nothing new, and a file of that name is as it was.
 * After a crash the folder stays; the next backup to the same name removes it.
 *
 * What leaves the database is in its journal: before the first row is copied an entry with the reason
 * (CRM_ACTION_BACKUP) is committed, and it is in the copy as the last one.  It stays when the backup
 * fails.  A handle that only reads can't do that: CRM_EREADONLY, unless CRM_BACKUP_READONLY is set.
 *
 * @param[in]  db    The handle; one that only reads will do with CRM_BACKUP_READONLY.
 * @param[in]  file  Name of the file, UTF-8, outside of the database's folder; its folder must exist.
 * @param[in]  opts  Options, or NULL.
 * @param[in]  struct_size  sizeof(crm_backup_result).
 * @param[out] out   Receives the figures; may be NULL.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK          the backup is there and sound
 * @retval CRM_EEXISTS     there is a file of that name, and CRM_BACKUP_REPLACE is not set
 * @retval CRM_EBUSY       another backup to that name is under way
 * @retval CRM_EREADONLY   the handle only reads, and CRM_BACKUP_READONLY is not set
 * @retval CRM_ESTATE      this thread has a write transaction on the database
 * @retval CRM_ECORRUPT    the database is damaged; the message names space and row
 * @retval CRM_EFULL       no room for the copy
 * @retval CRM_ECANCELLED  the progress function stopped it
 * @retval CRM_EINVAL      an unknown option, a reason that is none, or a name that is no place for a backup
 * @retval CRM_ENOMEM, CRM_EIO, CRM_EREADERS, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   any thread; the progress function may use the handle.
 * Cost:      one read transaction while rows are copied, not while they are verified: what others
 *            write meanwhile makes the database's file grow.  The copy is written once and read once;
 *            with CRM_BACKUP_GZIP it and its compressed form lie on the disk at the same time.  Memory
 *            about 32 MiB.
 * @since 0.1
 */
CRM_API int crm_backup(crm_db *db, const char *file, const crm_backup_options *opts,
                       size_t struct_size, crm_backup_result *out, crm_error *err);

/**
 * Makes a database of a backup.
 *
 * The copy has the id, the keys and the journal of the database it was taken of: heads noted before
 * the backup are found in it.  If both are written to from then on, they part.
 *
 * The file may be compressed or not; its first bytes tell.  It is not believed: a compressed one is
 * unpacked no further than the size its head says, and every page, and every row with its check tag,
 * is read before the database is there.  On any other result than CRM_OK there is none.
 *
 * @param[in]  file  The backup, UTF-8.
 * @param[in]  path  Folder of the new database, UTF-8; made when it is not there; its parent must exist.
 * @param[in]  opts  Options, or NULL.
 * @param[in]  struct_size  sizeof(crm_backup_result).
 * @param[out] out   Receives the figures; may be NULL.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK          the database is there
 * @retval CRM_EEXISTS     there is a database in the folder
 * @retval CRM_EBUSY       another process is making one there
 * @retval CRM_ENOTFOUND   there is no such backup
 * @retval CRM_ECORRUPT    the file is no backup, or is damaged
 * @retval CRM_EVERSION    made by a newer library, or on a machine of another kind
 * @retval CRM_EFULL       no room, or larger than size_limit
 * @retval CRM_ECANCELLED  the progress function stopped it
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_EIO  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   any thread.
 * Cost:      the file is read once, written once and read twice.  Memory a bit per page and about 1 MiB.
 * @since 0.1
 */
CRM_API int crm_restore(const char *file, const char *path, const crm_backup_options *opts,
                        size_t struct_size, crm_backup_result *out, crm_error *err);

/**
 * Rewrites the data file of a database that nobody has open, without its free pages.
 *
 * This gives room back to the disk, and it removes the bytes of what was deleted and dropped from
 * the journal (crm_journal_trim()), which stay in free pages otherwise.  What is still in the journal
 * can still be undone, so it stays.  The disk itself, and older backups, may hold old bytes longer.
 *
 * The new file is made in a folder "compact.part" of the database, verified as a backup is, and takes
 * the place of the old one in one step: whatever happens, the database has the one or the other, whole.
 * After a crash the folder stays; the next compact removes it.
 *
 * @param[in]  path  Folder of the database.
 * @param[in]  opts  Options, or NULL.
 * @param[in]  struct_size  sizeof(crm_backup_result).
 * @param[out] out   Receives the figures; may be NULL.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK          done
 * @retval CRM_EBUSY       somebody has the database open, this process included
 * @retval CRM_ENOTFOUND   no database there
 * @retval CRM_ECORRUPT    the database is damaged, and stays as it is
 * @retval CRM_EFULL       no room for a second file
 * @retval CRM_ECANCELLED  the progress function stopped it
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_EIO, CRM_EVERSION  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   any thread; nobody can open the database meanwhile (CRM_EBUSY).
 * Cost:      the file is read twice, what is in use written once and read twice.  Memory about 32 MiB,
 *            and a bit per page.
 * @since 0.1
 */
CRM_API int crm_compact(const char *path, const crm_backup_options *opts, size_t struct_size,
                        crm_backup_result *out, crm_error *err);

#ifdef __cplusplus
}
#endif

#endif
