/* SPDX-License-Identifier: MIT */
/**
 * @file import.h
 * Import: customers or events of a file, as people have it, into a database.
 *
 * A file is CSV, XLSX, vCard or JSON Lines, in any encoding, compressed or not.  Its columns are
 * found by their names, or by a mapping (docs/import.md).  All changes are one batch (batch.h),
 * which commits in parts, so that memory stays bounded whatever the file's size; a batch that was
 * cut short, by a crash even, can be resumed or undone.  A bad row changes nothing, is told to the
 * host with what would be right, and never stops the import.  Importing a file again changes
 * nothing.
 *
 * An empty cell says nothing: it leaves what is stored as it is.
 */
#ifndef CRM_IMPORT_H
#define CRM_IMPORT_H

#include <crm/batch.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Flag of crm_import_open(): do all of it in one transaction, then take it back. */
#define CRM_IMPORT_DRY_RUN 1u
/** Flag of crm_import_open(): one transaction, and nothing is written if a row is bad. */
#define CRM_IMPORT_ATOMIC 2u
/** Flag of crm_import_open(): the rows are events; each finds its customer by any identity. */
#define CRM_IMPORT_EVENTS 4u
/** Flag of crm_import_open(): go on with a batch that was cut short: crm_import_options.resume, or,
 * with 0 there, the one whose rows the file begins with. */
#define CRM_IMPORT_RESUME 8u
/** Flag of crm_import_open(): a customer who is found by an identity that several may have, as a
 * phone, takes the row's name.  Without it a row with another name is bad unless it shares a second
 * identity with the customer, and so is one that has a customer's number but neither name nor
 * identity of theirs: it may be about somebody else. */
#define CRM_IMPORT_RENAME 16u
/** Flag of crm_import_open(): only to look at the mapping.  Columns by which nothing can be imported
 * are no error then: crm_import_mapping_json() says what is missing, and crm_import_run() is
 * CRM_ESTATE. */
#define CRM_IMPORT_LOOK 32u

/** Policy: change the customer that has one of the row's identities, create one when there is none.
 */
#define CRM_IMPORT_UPSERT 0u
/** Policy: every row is a new customer; a unique value that is taken makes a bad row. */
#define CRM_IMPORT_CREATE 1u
/** Policy: change those that exist; the other rows are skipped. */
#define CRM_IMPORT_UPDATE 2u
/** Policy: create those that do not exist; the other rows are skipped. */
#define CRM_IMPORT_SKIP 3u

/** A text that need not end with a NUL. */
typedef struct crm_import_text {
    /** Its bytes, UTF-8. */
    const char *p;
    /** Their number. */
    size_t n;
} crm_import_text;

/** What is wrong with a row. */
typedef struct crm_import_fault {
    /** Column, from 0; UINT32_MAX: the row as a whole. */
    uint32_t column;
    /** CRM_EVALUE, CRM_EEXISTS, CRM_EAMBIGUOUS ... */
    int32_t code;
    /** Key of the field; "" when it is none. */
    const char *field;
    /** What is wrong: one line, without the value. */
    const char *message;
    /** What would be right, e.g. "2024-05-31"; "" when that can't be told. */
    const char *hint;
} crm_import_fault;

/** A bad row.  All of it is valid during the callback only. */
typedef struct crm_import_bad {
    /** Size of this struct. */
    size_t size;
    /** Number of the row in the file, from 1, the row of names and empty rows included. */
    uint64_t row;
    /** Line of the text on which it begins, from 1; of a sheet the row there. */
    uint64_t line;
    /** Faults. */
    const crm_import_fault *faults;
    /** Their number, at least 1. */
    size_t fault_count;
    /** Cells, one for each column: several values of one are parted by " ::: ".  NULL for JSON
     * Lines.
     */
    const crm_import_text *cells;
    /** Names of the columns; NULL for JSON Lines. */
    const crm_import_text *columns;
    /** Number of cells, and of columns. */
    size_t column_count;
    /** The line of JSON Lines; n = 0 for others. */
    crm_import_text text;
    /** Cells behind those of the columns, which make a row bad. */
    const crm_import_text *beyond;
    /** Their number. */
    size_t beyond_count;
} crm_import_bad;

/**
 * Told of each bad row, in the order of the file; a non-zero result ends the import as
 * crm_import_progress_fn does.
 *
 * @param[in] bad  The row.
 * @param[in] ctx  crm_import_options.ctx.
 */
typedef int (*crm_import_bad_fn)(const crm_import_bad *bad, void *ctx);

/**
 * Called before each commit, so that the host may put its own output, such as the bad rows so far,
 * in safety first; a non-zero result ends the import, and what would be committed is dropped.
 *
 * @param[in,out] mark  A number of the host's own, e.g. the length of its output, which is stored
 * with the place in the file and given back by crm_import_resumed().
 * @param[in]     ctx   crm_import_options.ctx.
 */
typedef int (*crm_import_commit_fn)(uint64_t *mark, void *ctx);

/**
 * Called now and then, and while the input keeps us waiting, in crm_import_open() also; a non-zero
 * result ends the import with CRM_ECANCELLED: the rows done are committed, and the batch can be
 * resumed or undone.  With CRM_IMPORT_ATOMIC nothing is written.
 *
 * @param[in] bytes  Of the input read, compressed if it is.
 * @param[in] total  Of the input; 0 when that can't be told.
 * @param[in] rows   Done, those of earlier runs included.
 * @param[in] ctx    crm_import_options.ctx.
 */
typedef int (*crm_import_progress_fn)(uint64_t bytes, uint64_t total, uint64_t rows, void *ctx);

/** Options of crm_import_open(); all zero is the default. */
typedef struct crm_import_options {
    /** Size of this struct, set by CRM_IMPORT_OPTIONS_INIT. */
    size_t size;
    /** CRM_IMPORT_DRY_RUN, CRM_IMPORT_ATOMIC, CRM_IMPORT_EVENTS, CRM_IMPORT_RESUME,
     * CRM_IMPORT_RENAME, CRM_IMPORT_LOOK. */
    uint32_t flags;
    /** CRM_IMPORT_UPSERT, ..._CREATE, ..._UPDATE, ..._SKIP; of events zero: those that the customer
     * has already are left alone. */
    uint32_t policy;
    /** "csv", "xlsx", "vcard" or "jsonl"; NULL: found out.  JSON Lines from what is no regular file
     * must be named. */
    const char *format;
    /** Encoding of the text, any that iconv knows; NULL: found out. */
    const char *encoding;
    /** Name of the sheet of XLSX; NULL: the first with a row. */
    const char *sheet;
    /** Kind of customers, or of events, of rows that do not say; NULL: the model's usual one. */
    const char *kind;
    /** A mapping, NUL-terminated; NULL: columns are found by their names. */
    const char *mapping;
    /** Actor, source, zone and so on of the changes, and the name of the batch; NULL: none.  Its
     * members flags and batch must be zero. */
    const crm_txn_options *txn;
    /** Batch to go on with, with CRM_IMPORT_RESUME. */
    uint64_t resume;
    /** Commit after so many rows; 0: by bytes alone. */
    uint64_t commit_rows;
    /** Commit after about so many bytes of changes, at most 64 MB; 0: 64 MB, and an eighth of what
     * this import wrote, when that is more and it fills an empty database. */
    uint64_t commit_bytes;
    /** Separator of CSV, an ASCII character; 0: found out. */
    uint32_t separator;
    /** Zero. */
    uint32_t reserved;
    /** Told of bad rows; NULL: they are only counted. */
    crm_import_bad_fn bad;
    /** Called before commits; NULL: not wanted. */
    crm_import_commit_fn before_commit;
    /** Progress; NULL: not wanted. */
    crm_import_progress_fn progress;
    /** Handed to the three. */
    void *ctx;
    /** Events: the customer of the rows or lines that name none; those that name another are bad.
     * 0: each names its own. */
    crm_id customer;
} crm_import_options;

/** Default crm_import_options. */
#define CRM_IMPORT_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(crm_import_options), 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, NULL, \
            NULL, NULL, NULL, 0                                                                    \
    }

/** An import that was prepared. */
typedef struct crm_import crm_import;

/** What an import did, or in a dry run would do. */
typedef struct crm_import_result {
    /** Size of this struct, set by the call. */
    size_t size;
    /** Rows done, empty ones left out; of a resumed batch those of the earlier runs included, as in
     * all counts but the times. */
    uint64_t rows;
    /** Customers created, or events added. */
    uint64_t created;
    /** Customers changed. */
    uint64_t updated;
    /** Rows that are stored as they are already. */
    uint64_t unchanged;
    /** Rows that the policy leaves out. */
    uint64_t skipped;
    /** Bad rows. */
    uint64_t bad;
    /** Rows without any content, which are passed over. */
    uint64_t empty;
    /** The batch; 0: nothing was changed. */
    uint64_t batch;
    /** Non-zero when what is counted is on the disk: not after a dry run, nor after an atomic
     * import with a bad row. */
    uint32_t written;
    /** Non-zero when the batch was cut short and can be resumed. */
    uint32_t resumable;
    /** Rows that earlier runs of the batch had done. */
    uint64_t resumed;
    /** Bytes of the input that were read. */
    uint64_t bytes;
    /** Commits made. */
    uint64_t commits;
    /** Microseconds that reading took: unpacking, decoding, rows. */
    int64_t read_us;
    /** Microseconds that cells took to become values. */
    int64_t map_us;
    /** Microseconds that finding and changing customers, or adding events, took. */
    int64_t write_us;
    /** Microseconds that commits took. */
    int64_t commit_us;
    /** Microseconds of all of crm_import_run(). */
    int64_t total_us;
} crm_import_result;

/**
 * Sets options to the default, for languages without CRM_IMPORT_OPTIONS_INIT.
 *
 * @param[out] opts  The struct; NULL does nothing.
 *
 * Ownership: the caller's.
 * Threads:   any thread.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API void crm_import_options_init(crm_import_options *opts);

/**
 * Prepares an import: reads the head of the input, finds out what it is and which column is which
 * field.  Changes nothing.
 *
 * @param[in]  db    The handle.
 * @param[in]  fd    A descriptor to read from, from its present place on: a file, a pipe, a
 * terminal.
 * @param[in]  opts  Options, or NULL; its texts are copied.
 * @param[out] out   Receives the import; NULL on any result but CRM_OK.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK         prepared
 * @retval CRM_ESYNTAX    it is no such file; the message says what it is instead when that can be
 * told; or the mapping is wrong, row is its line
 * @retval CRM_EFIELD     the mapping is of no use: nothing that customers are found by, or a field
 * that the model does not have.  The message says it when the columns are rather those of events
 * @retval CRM_ENOTFOUND  with CRM_IMPORT_RESUME: nothing was cut short, or nothing that was has
 * these rows: it was of another file, or the file was changed where rows had been done; or
 * crm_import_options.resume is no batch of an import that was cut short; with field "zone": no such
 * time zone
 * @retval CRM_ECONFLICT  with crm_import_options.resume: these are not the rows of that batch
 * @retval CRM_EAMBIGUOUS with CRM_IMPORT_RESUME: several were cut short, and the input can't be
 * read twice to tell which: give crm_import_options.resume
 * @retval CRM_EVALUE     no such kind
 * @retval CRM_ECANCELLED nothing came, and the progress callback said so
 * @retval CRM_EINVAL     an option is wrong; a format that is not built in; the batch to resume was
 * begun with another policy, source, mapping, kind, zone, customer or CRM_IMPORT_RENAME
 * @retval CRM_ENOMEM, CRM_EIO, CRM_ECORRUPT, CRM_EREADERS, CRM_EFORKED, CRM_ECLOSED, CRM_EPOISONED
 * see codes.h
 *
 * Ownership: *out is the caller's, ended by crm_import_close(); @p fd stays the caller's and must
 *            stay open.
 * Threads:   any thread; one at a time per import.
 * Cost:      64 KiB are read; to find a batch to resume, the rows it had done.
 * @since 0.1
 */
CRM_API int crm_import_open(crm_db *db, int fd, const crm_import_options *opts, crm_import **out,
                            crm_error *err);

/**
 * Which column is which field, and what the file was found to be, as JSON: {"format","encoding",
 * "encoding_percent","gzip","separator","sheet","version","columns":[{"column","use","field","source",
 * "found","program","why"}]}.  Columns of vCards come to be known while rows are read: ask again
 * behind crm_import_run().
 *
 * "missing" is there with CRM_IMPORT_LOOK when nothing can be imported by these columns: why, one
 * line.  "looks_like":"events" is there when the columns are rather those of events, and
 * CRM_IMPORT_EVENTS was not set.
 *
 * use: "field", "id", "kind", "part", "attribute", "time", "reference", "source", "tag", "left_out"
 * (the mapping says so), "none" (nobody claims it); found: "mapping", "key", "label", "known", "".
 *
 * @param[in]  imp   The import.
 * @param[out] json  Receives the object, NUL-terminated UTF-8; NULL on any result but CRM_OK.
 * @param[out] n     Receives its length in bytes; may be NULL.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK  done
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: *json is the caller's, freed with crm_free().
 * Threads:   one thread at a time per @p imp.
 * Cost:      the formatting.
 * @since 0.1
 */
CRM_API int crm_import_mapping_json(const crm_import *imp, char **json, size_t *n, crm_error *err);

/**
 * The mapping in use as a text to be kept, changed, and given to a later import
 * (crm_import_options.mapping).  A column that nobody claims is skipped by it; where nothing can be
 * imported by these columns (CRM_IMPORT_LOOK) it stands there as a comment, so that an import by this
 * text is refused for the same reason until the text says what that column is.
 *
 * @param[in]  imp   The import; not one of JSON Lines, which needs no mapping.
 * @param[out] text  Receives the mapping, NUL-terminated UTF-8; NULL on any result but CRM_OK.
 * @param[out] n     Receives its length in bytes; may be NULL.
 * @param[out] err   Optional detail.
 *
 * @retval CRM_OK      done
 * @retval CRM_ESTATE  the input is JSON Lines
 * @retval CRM_EINVAL, CRM_ENOMEM  see codes.h
 *
 * Ownership: *text is the caller's, freed with crm_free().
 * Threads:   one thread at a time per @p imp.
 * Cost:      the formatting.
 * @since 0.1
 */
CRM_API int crm_import_mapping_text(const crm_import *imp, char **text, size_t *n, crm_error *err);

/**
 * What an import with CRM_IMPORT_RESUME goes on with.
 *
 * @param[in]  imp    The import.
 * @param[out] batch  Receives the batch, 0 when the import does not resume one; may be NULL.
 * @param[out] rows   Receives the rows it had done; may be NULL.
 * @param[out] mark   Receives the number that crm_import_commit_fn gave; may be NULL.
 *
 * @retval CRM_OK      done
 * @retval CRM_EINVAL  @p imp is NULL
 *
 * Ownership: none.
 * Threads:   one thread at a time per @p imp.
 * Cost:      constant.
 * @since 0.1
 */
CRM_API int crm_import_resumed(const crm_import *imp, uint64_t *batch, uint64_t *rows,
                               uint64_t *mark);

/**
 * Reads all rows and writes them.  Once per import.
 *
 * Whatever the result, the counts say what was done, and what was committed stays: the batch can be
 * undone (crm_undo()), and when the work was cut short, resumed: by the options, the same rows, and
 * CRM_IMPORT_RESUME.
 *
 * While the input keeps it waiting no transaction is open, unless with CRM_IMPORT_ATOMIC or
 * CRM_IMPORT_DRY_RUN.
 *
 * @param[in]  imp          The import.
 * @param[in]  struct_size  sizeof(crm_import_result).
 * @param[out] out          Receives the figures, on every result but CRM_EINVAL; may be NULL.
 * @param[out] err          Optional detail.
 *
 * @retval CRM_OK          all rows were read; some may be bad
 * @retval CRM_ECANCELLED  a callback said so
 * @retval CRM_ESYNTAX     the text can't be read from a line on, which is in row
 * @retval CRM_ECONFLICT   the rows are not those the batch to resume was begun with, of an input
 * that crm_import_open() could not read twice: nothing was done, and all counts are 0
 * @retval CRM_ESTATE      it ran before, or was opened with CRM_IMPORT_LOOK; this thread has a write transaction on the database; or
 * the batch to resume was undone
 * @retval CRM_EFULL       disk or size limit; what was committed stays
 * @retval CRM_EINVAL, CRM_ENOMEM, CRM_EIO, CRM_ECORRUPT, CRM_EREADONLY, CRM_EFORKED, CRM_ECLOSED,
 * CRM_EPOISONED  see codes.h
 *
 * Ownership: *out is the caller's struct.
 * Threads:   any thread; callbacks run on it and must not use the handle.
 * Cost:      about 10 microseconds a row; memory for about 64 MB of changes, and the pages of a
 *            commit, up to 512 MB.
 * @since 0.1
 */
CRM_API int crm_import_run(crm_import *imp, size_t struct_size, crm_import_result *out,
                           crm_error *err);

/**
 * Ends an import.
 *
 * @param[in] imp  The import; NULL does nothing.
 *
 * Ownership: ends the caller's ownership; may come after the handle was closed.
 * Threads:   one thread at a time per @p imp.
 * Cost:      a few frees.
 * @since 0.1
 */
CRM_API void crm_import_close(crm_import *imp);

#ifdef __cplusplus
}
#endif

#endif
