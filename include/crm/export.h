/* SPDX-License-Identifier: MIT */
/**
 * @file export.h
 * Export: customers, events and the journal for other programs, as CSV, JSON Lines or vCard.
 *
 * An export is of one moment, holds what a list would show (no deleted customers), and is in the
 * journal before its first byte leaves.  For the whole database, with its history and keys, there
 * are crm_backup() and crm_dump().
 */
#ifndef CRM_EXPORT_H
#define CRM_EXPORT_H

#include <crm/db.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is exported: customers. */
#define CRM_EXPORT_CUSTOMERS 0u
/** The events of all customers, in order of customers and time. */
#define CRM_EXPORT_EVENTS 1u
/** The journal: every entry; in JSON Lines as crm_change_json() gives it. */
#define CRM_EXPORT_JOURNAL 2u

/** Format: CSV (RFC 4180), the first row names the columns. */
#define CRM_EXPORT_CSV 1u
/** Format: JSON Lines; of customers the document that crm_customer_create_json() takes. */
#define CRM_EXPORT_JSONL 2u
/** Format: vCard 4.0 (RFC 6350).  Of customers only. */
#define CRM_EXPORT_VCARD 3u

/** Flag of crm_export(): JSON Lines of customers with their events in force. */
#define CRM_EXPORT_WITH_EVENTS 1u
/** Flag of crm_export(): JSON Lines of customers with source and time of each value. */
#define CRM_EXPORT_WITH_ORIGINS 2u
/** Flag of crm_export(): CSV begins with a byte order mark, by which Excel knows UTF-8. */
#define CRM_EXPORT_BOM 4u
/** Flag of crm_export(): CSV for a spreadsheet: a ' stands before a cell that it would take for a
 * formula.  What is read back from such a file is no longer the same. */
#define CRM_EXPORT_DEFORMULA 8u
/** Flag of crm_export(): put it in the place of a file of that name. */
#define CRM_EXPORT_REPLACE 16u
/** Flag of crm_export(): where the handle only reads, export without an entry in the journal, instead
 * of CRM_EREADONLY.  Through a handle that writes it changes nothing: the entry is made. */
#define CRM_EXPORT_READONLY 32u

/**
 * Takes the next piece of an export.
 *
 * @param[in] bytes  The piece, borrowed for the call.
 * @param[in] n      Its length in bytes, not 0.
 * @param[in] ctx    write_ctx of the options.
 *
 * @return 0 to go on; anything else ends the export with CRM_EIO.
 */
typedef int (*crm_export_fn)(const void *bytes, size_t n, void *ctx);

/** Options of crm_export(). */
typedef struct crm_export_options {
    /** Size of this struct, set by CRM_EXPORT_OPTIONS_INIT. */
    size_t size;
    /** CRM_EXPORT_... flags. */
    uint32_t flags;
    /** CRM_EXPORT_CUSTOMERS, CRM_EXPORT_EVENTS or CRM_EXPORT_JOURNAL. */
    uint32_t what;
    /** CRM_EXPORT_CSV, CRM_EXPORT_JSONL or CRM_EXPORT_VCARD; 0: CSV, of the journal JSON Lines. */
    uint32_t format;
    /** Separator of CSV, an ASCII character; 0: ','. */
    uint32_t separator;
    /** Columns of CSV in order, NUL-terminated: keys or labels of fields, separated by commas, and id,
     * kind, revision, created_at, updated_at.  "external@erp" stands for the values of one source of an
     * identity that is per source, "tags" for all tags, "tag:region" for those of a dimension.  Of
     * events: customer, number, kind, time, source, reference, and attributes.  NULL: id, kind and every field of the model, an identity that is per source with a
     * column for each source, and tags. */
    const char *fields;
    /** Language of column names and of values that have labels, e.g. "zh"; NULL: keys. */
    const char *lang;
    /** Only customers of this kind, "person" or "organisation"; NULL: both. */
    const char *kind;
    /** Why, for the journal: needed; at most 200 bytes of UTF-8 without control characters. */
    const char *reason;
    /** Who, for the journal; NULL: nobody is named. */
    const char *actor;
    /** What it is for, for the journal; NULL: none.  It says what was meant, and holds nobody back:
     * whoever may not be spoken to for it is left out by the segment. */
    const char *purpose;
    /** Without a file: takes what is exported. */
    crm_export_fn write;
    /** Handed to write. */
    void *write_ctx;
    /** Progress, in customers or entries; NULL: none. */
    crm_progress_fn progress;
    /** Handed to progress. */
    void *progress_ctx;
    /** Only customers of this segment, or their events (docs/segment-language.md), NUL-terminated; it
     * is in the journal beside the reason.  NULL: all.  Not of the journal. */
    const char *where;
    /** By which channel the customers will be spoken to, for the journal; NULL: none. */
    const char *channel;
    /** Zone of days, months and years in the segment, e.g. "Asia/Shanghai"; NULL: UTC. */
    const char *zone;
} crm_export_options;

/** Default crm_export_options. */
#define CRM_EXPORT_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(crm_export_options), 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,    \
            NULL, NULL, NULL, NULL, NULL                                                           \
    }

/**
 * Sets options to the default, for languages without CRM_EXPORT_OPTIONS_INIT.
 *
 * @param[out] opts  The struct; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_export_options_init(crm_export_options *opts);

/** What was exported. */
typedef struct crm_export_result {
    /** Size of this struct, set by the call. */
    size_t size;
    /** Revision of the last change that is in it: usually that of its own entry. */
    uint64_t revision;
    /** Customers, events or entries. */
    uint64_t rows;
    /** Size in bytes. */
    uint64_t bytes;
} crm_export_result;

/**
 * Exports customers, events or the journal, as of this moment, while others go on reading and writing.
 *
 * First an entry with the reason (CRM_ACTION_EXPORT) is committed to the journal; it stays when the
 * export fails or is stopped.  A call that is refused for its arguments leaves none.
 *
 * Lists of values stand in one cell with ';' between them, those of type url with line breaks.  A file
 * of CSV or JSON Lines that is imported again as it is changes nothing, but that in CSV an event without
 * a reference is a new one.
 *
 * A file is made in a folder "<file>.crm-part" beside it, written through to the disk, and only then
 * gets its name.  On any other result than CRM_OK there is nothing new, and a file of that name is as
 * it was.  After a crash the folder stays; the next export to the same name removes it.
 *
 * @param[in]  db    The handle; one that only reads will do with CRM_EXPORT_READONLY.
 * @param[in]  file  Name of the file, UTF-8, outside of the database's folder; its folder must exist.
 *                   NULL: opts->write takes what is exported.
 * @param[in]  opts  Options; the reason is needed.
 * @param[in]  struct_size  sizeof(crm_export_result).
 * @param[out] out   Receives the figures; may be NULL.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK          all of it is written
 * @retval CRM_EFIELD      a column names no field or attribute; or the segment names none of the model
 * @retval CRM_EVALUE      no such kind of customers, or a value in the segment that its field refuses
 * @retval CRM_ESYNTAX     the text is no segment; `offset` is the byte where it fails
 * @retval CRM_ENOTFOUND   the segment names a saved one that does not exist
 * @retval CRM_EEXISTS     there is a file of that name, and CRM_EXPORT_REPLACE is not set
 * @retval CRM_EBUSY       another export to that name is under way
 * @retval CRM_EREADONLY   the handle only reads, and CRM_EXPORT_READONLY is not set
 * @retval CRM_ECORRUPT    a record or an event is damaged; the message names it
 * @retval CRM_EFULL       no room for the file
 * @retval CRM_EIO         the file can't be written, or opts->write did not take a piece
 * @retval CRM_ECANCELLED  the progress function stopped it
 * @retval CRM_ESTATE      this thread has a write transaction on the database
 * @retval CRM_EINVAL      no reason, an unknown option, options that do not go together, no file and no
 *                         opts->write, both of them, or a name that is no place for a file
 * @retval CRM_ENOMEM, CRM_EREADERS, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED  see codes.h
 *
 * Ownership: inputs are borrowed for the call.
 * Threads:   any thread; the functions may use the handle.
 * Cost:      one read transaction until the last row is written: what others write meanwhile makes the
 *            database's file grow.  Memory about 1 MiB, and of JSON Lines with events the customer with
 *            the most.  CSV without chosen columns reads the customers twice when the model has an
 *            identity that is per source.
 * @since 0.1
 */
CRM_API int crm_export(crm_db *db, const char *file, const crm_export_options *opts,
                       size_t struct_size, crm_export_result *out, crm_error *err);

#ifdef __cplusplus
}
#endif

#endif
