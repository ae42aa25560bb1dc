/* SPDX-License-Identifier: MIT */
/**
 * @file dump.h
 * Dump and load: a whole database as text, and back.
 */
#ifndef CRM_DUMP_H
#define CRM_DUMP_H

#include <crm/db.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Flag of crm_dump(): compress the text as gzip does. */
#define CRM_DUMP_GZIP 1u
/** Flag of crm_dump(): put it in the place of a file of that name. */
#define CRM_DUMP_REPLACE 2u
/** Flag of crm_dump(): a handle that only reads will do; the dump is then not in the journal. */
#define CRM_DUMP_READONLY 4u

/**
 * Takes the next piece of a dump.
 *
 * @param[in] bytes  The piece, borrowed for the call.
 * @param[in] n      Its length in bytes, not 0.
 * @param[in] ctx    write_ctx of the options.
 *
 * @return 0 to go on; anything else ends the dump with CRM_EIO.
 */
typedef int (*crm_dump_fn)(const void *bytes, size_t n, void *ctx);

/** Options of crm_dump() and crm_load(); all zero is the default. */
typedef struct crm_dump_options {
    /** Size of this struct, set by CRM_DUMP_OPTIONS_INIT. */
    size_t size;
    /** Of crm_dump(): CRM_DUMP_GZIP, CRM_DUMP_REPLACE, CRM_DUMP_READONLY.  Of crm_load(): zero. */
    uint32_t flags;
    /** Zero. */
    uint32_t reserved;
    /** Of crm_load(): memory functions, NULL: those of the C library. */
    const crm_allocator *allocator;
    /** Of crm_load(): a data file that would grow beyond this is CRM_EFULL.  0: no limit. */
    uint64_t size_limit;
    /** Of crm_dump() without a file: takes the text. */
    crm_dump_fn write;
    /** Handed to write. */
    void *write_ctx;
    /** Progress, in units that only their ratio gives a meaning; NULL: none. */
    crm_progress_fn progress;
    /** Handed to progress. */
    void *progress_ctx;
    /** Of crm_dump(): why, for the journal, at most 200 bytes of UTF-8 without control characters;
     * NULL: "dump". */
    const char *reason;
    /** Of crm_dump(): who, for the journal; NULL: nobody is named. */
    const char *actor;
} crm_dump_options;

/** Default crm_dump_options. */
#define CRM_DUMP_OPTIONS_INIT                                                                      \
    {                                                                                              \
        sizeof(crm_dump_options), 0, 0, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL                            \
    }

/**
 * Sets options to the default, for languages without CRM_DUMP_OPTIONS_INIT.
 *
 * @param[out] opts  The struct; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_dump_options_init(crm_dump_options *opts);

/** What was dumped or loaded. */
typedef struct crm_dump_result {
    /** Size of this struct, set by the call. */
    size_t size;
    /** Revision of the last change that is in the dump. */
    uint64_t revision;
    /** Customers, deleted ones among them. */
    uint64_t customers;
    /** Events, voided ones and voids among them. */
    uint64_t events;
    /** Lines of the text. */
    uint64_t lines;
    /** Size in bytes of the file that was read. */
    uint64_t source_bytes;
    /** Size in bytes of what was written. */
    uint64_t bytes;
} crm_dump_result;

/**
 * Writes a database, as of this moment, as text, while others go on reading and writing.
 *
 * The text is JSON Lines, UTF-8, and holds all that is not derived: model versions, customers with
 * the source and time of each value, deleted ones too, events, voided ones too, batches, and the
 * journal with its images.  What the lines are is in docs/format.md.  The same content gives the
 * same text: a dump of a loaded dump is equal to it, byte for byte.
 *
 * A file is made in a folder "<file>.crm-part" beside it, written through to the disk, read back,
 * and only then gets its name.  On any other result than CRM_OK there is nothing new, and a file of
 * that name is as it was.  After a crash the folder stays; the next dump to the same name removes
 * it. Without a file the text goes to opts->write, piece by piece.
 *
 * Whoever has the text has the whole database: values, history, and the keys of the file.
 *
 * What leaves the database is in its journal: an entry with the reason is committed before the first
 * byte goes out, and is not in the dump itself.
 *
 * @param[in]  db    The handle; one that only reads will do with CRM_DUMP_READONLY only.
 * @param[in]  file  Name of the file, UTF-8, outside of the database's folder; its folder must
 * exist. NULL: opts->write takes the text.
 * @param[in]  opts  Options; NULL for the default, when there is a file.
 * @param[in]  struct_size  sizeof(crm_dump_result).
 * @param[out] out   Receives the figures; may be NULL.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK          all of it is written
 * @retval CRM_EEXISTS     there is a file of that name, and CRM_DUMP_REPLACE is not set
 * @retval CRM_EBUSY       another dump or backup to that name is under way
 * @retval CRM_ECORRUPT    the database is damaged; the message names space and row
 * @retval CRM_EFULL       no room for the file
 * @retval CRM_EIO         the file can't be written, or opts->write did not take a piece
 * @retval CRM_ECANCELLED  the progress function stopped it
 * @retval CRM_EINVAL      an unknown option, no file and no opts->write, both of them, or a name
 * that is no place for a dump
 * @retval CRM_ENOMEM, CRM_EREADERS, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   any thread; progress and write functions may use the handle to read.
 * Cost:      one read transaction while the text is written: what others write meanwhile makes the
 *            database's file grow.  A file is written once and read once.  Memory: the names of the
 *            dictionary, the largest customer or journal entry several times, and about 1 MiB.
 * @since 0.1
 */
CRM_API int crm_dump(crm_db *db, const char *file, const crm_dump_options *opts, size_t struct_size,
                     crm_dump_result *out, crm_error *err);

/**
 * Makes a database of a dump.
 *
 * It has the id, the keys, the journal and the revisions of the database the dump was taken of:
 * heads noted before the dump are found in it.  What is derived, indexes and day lists, is made
 * anew.
 *
 * The file may be compressed or not; its first bytes tell.  It is not believed: every member of
 * every line is judged, the last line tells whether the text is whole and as it was written, and
 * then the database is checked as crm_check() does, all before it is there.  On any other result
 * than CRM_OK there is none; after a crash a folder "load.part" may stay, which the next load
 * removes.
 *
 * @param[in]  file  The dump, UTF-8.
 * @param[in]  path  Folder of the new database, UTF-8; made when it is not there; its parent must
 * exist.
 * @param[in]  opts  Options, or NULL.
 * @param[in]  struct_size  sizeof(crm_dump_result).
 * @param[out] out   Receives the figures; may be NULL.
 * @param[out] err   Optional detail; its row is the number of the line at fault, from 1, its field
 * the member.
 *
 * @retval CRM_OK          the database is there
 * @retval CRM_EEXISTS     there is a database in the folder
 * @retval CRM_EBUSY       another process is making one there
 * @retval CRM_ENOTFOUND   there is no such file
 * @retval CRM_ESYNTAX     a line is not JSON; the offset is within the line
 * @retval CRM_EVALUE      a member of a line is missing, not known, or not what the format says
 * @retval CRM_ECORRUPT    the text is cut short or was changed, or is no sound database as a whole
 * @retval CRM_EVERSION    made by a newer library
 * @retval CRM_EFULL       no room, or larger than size_limit
 * @retval CRM_ECANCELLED  the progress function stopped it
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_EIO  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   any thread.
 * Cost:      the file is read once; the database is written in commits of 24 MiB and read once.
 *            Memory: the names of the dictionary, the events of one customer, the longest line
 * several times, and about 100 MiB.
 * @since 0.1
 */
CRM_API int crm_load(const char *file, const char *path, const crm_dump_options *opts,
                     size_t struct_size, crm_dump_result *out, crm_error *err);

#ifdef __cplusplus
}
#endif

#endif
