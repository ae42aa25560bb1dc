/* SPDX-License-Identifier: MIT
 * What backup, restore and compact share: copying and verifying all rows through the storage seam,
 * a folder for what is not ready, putting a file in its place, and files that may be compressed.
 *
 * A copy is made row by row and not page by page: so it works with any engine on either side, every
 * check tag is verified on the way, the copy is dense, and a new file is one like every other (its
 * transaction numbers do not begin anew, see kv_lmdb_open.c).
 */
#ifndef CRM_IO_COPY_H
#define CRM_IO_COPY_H

#include "base/file.h"
#include "db/txn.h"

#include <crm/backup.h>

/* ---- progress of a work in several parts ---- */

typedef struct crm__work {
    crm_progress_fn fn;
    void *ctx;
    uint64_t done, total; /* rows and pages */
} crm__work;

enum { CRM__WORK_PAGE = 4096 }; /* bytes of a file that count as one */

/* Counts n; CRM_ECANCELLED, with its message, when the host says stop. */
int crm__work_step(crm__work *w, uint64_t n, crm_error *err);

/* ---- rows (copy.c) ---- */

/* What was seen of all rows: equal for equal rows. */
typedef struct crm__rows {
    uint64_t count, hash;
    uint64_t revision; /* the last entry of the journal */
} crm__rows;

/* Number of rows of all spaces, and of pages, as far as can be told. */
uint64_t crm__rows_expected(kv_txn *txn);
uint64_t crm__pages_expected(kv_txn *txn);

/* Walks all pages: CRM_ECORRUPT when there is any fault. */
int crm__pages_verify(kv_txn *txn, crm__work *w, crm_error *err);
/* Makes the data file of a folder with the rows of a transaction, the check tag of each verified
 * with the keys of its database. */
int crm__copy_make(const crm__store *keys, kv_txn *from, const char *dir, crm__work *w,
                   crm__rows *out, crm_error *err);
/* Reads the data file of a folder with plain reads: pages, then rows. */
int crm__copy_verify(const crm_allocator *mem, const char *dir, crm__work *w, crm__rows *out,
                     crm_error *err);

/* ---- what is not ready (part.c) ---- */

/* A folder in which a file is made; held by one process at a time, removed with what is in it. */
typedef struct crm__part {
    const crm_allocator *mem;
    char *dir, *data, *packed; /* data.mdb and data.gz in it */
    int lock;
} crm__part;

/* Takes the folder base + suffix, and removes what a crash may have left in it.  CRM_EBUSY. */
int crm__part_open(const crm_allocator *mem, const char *base, const char *suffix, crm__part *out,
                   crm_error *err);
void crm__part_close(crm__part *p);

/* The same people may read and write the new file as the old one (compact.c). */
int crm__same_rights(const char *old, const char *new, crm_error *err);

/* ---- files that may be compressed (packed.c) ---- */

typedef struct crm__source crm__source;
/* Opens a regular file; its first bytes tell what it is.  CRM_ENOTFOUND, CRM_EINVAL, CRM_EIO. */
int crm__source_open(const crm_allocator *mem, const char *path, crm__source **out, crm_error *err);
/* Reads n bytes, fewer only at the end.  CRM_ECORRUPT: damaged, or cut short. */
int crm__source_read(crm__source *s, uint8_t *to, size_t n, size_t *got, crm_error *err);
uint64_t crm__source_bytes(const crm__source *s); /* of the file as it is */
uint64_t crm__source_taken(const crm__source *s); /* of those, read until now */
void crm__source_close(crm__source *s);

/* Compresses what comes piece by piece, and hands it on. */
typedef int (*crm__put_fn)(void *ctx, const void *bytes, size_t n, crm_error *err);
typedef struct crm__packer {
    const crm_allocator *mem;
    struct z_stream_s *z;
    uint8_t *packed;
} crm__packer;
int crm__packer_open(crm__packer *p, const crm_allocator *mem, crm_error *err);
/* last: nothing follows. */
int crm__packer_add(crm__packer *p, const void *bytes, size_t n, int last, crm__put_fn put,
                    void *ctx, crm_error *err);
void crm__packer_close(crm__packer *p);

/* Compresses a file into a new one, written through to the disk, and reads that back. */
int crm__file_pack(const crm_allocator *mem, const char *from, const char *to, crm__work *w,
                   crm_error *err);

/* ---- a folder for a new database (restore.c) ---- */

/* Makes a data file in a folder that is held alone, and in which a database gets its name when it
 * is whole. */
typedef int (*crm__make_fn)(void *ctx, const crm__part *part, crm_error *err);
/* The part is "<dir>/<name>.part"; its data file takes the name of a database's.  Nothing is left
 * behind when that fails.  *bytes: size of the file.  CRM_EEXISTS, CRM_EBUSY, results of fn. */
int crm__database_make(const crm_allocator *mem, const char *dir, const char *name, crm__make_fn fn,
                       void *ctx, uint64_t *bytes, crm_error *err);

/* Journals that all of the database is handed out.  unnoted: a handle that only reads will do, and
 * nothing is journalled then; else it is CRM_EREADONLY. */
int crm__whole_handout(crm_db *db, uint8_t action, int unnoted, const char *reason,
                       const char *actor, crm_error *err);

/* ---- options and places (backup.c) ---- */

/* Whether a file that is no part of a database may go there; what: "backup", "dump". */
int crm__place_judge(const crm__store *store, const char *file, int replace, const char *what,
                     crm_error *err);

int crm__backup_options(const crm_backup_options *opts, size_t struct_size,
                        const crm_backup_result *out, uint32_t known, crm_backup_options *o,
                        crm_allocator *mem, crm_error *err);
void crm__backup_result(crm_backup_result *out, size_t struct_size, const crm__rows *rows,
                        uint64_t source_bytes, uint64_t bytes);
/* A result that came without a message gets one. */
int crm__backup_end(int rc, crm_error *err);

#endif
