/* SPDX-License-Identifier: MIT
 * data.log: what small commits have changed since the data file was last written through to the
 * disk, in order, so that a commit waits for one sync (docs/decisions/0032).  This is the file
 * alone; kv_lmdb_log.c says when it is written and applied.
 *
 * Two heads of 512 bytes at 0 and 4,096, the newer valid one counts:
 *     0  8 bytes "crmlog1\n"
 *     8  u64  generation: of a random beginning, one more each time the log begins anew; its lowest
 *             bit says in which of the two places the head stands
 *    16  u64  the engine's commit that the records follow
 *    24  u32  size of a page of the data file, u32 0
 *    32  40 bytes: the kernel's name of this boot, padded with zeros
 *    72  136 bytes: the meta page of that commit, behind its header (kv_page.h)
 *   208  u64  of the page of its main database's root, and of those of the roots that stand on it, in
 *             order: check = check * 0x9E3779B97F4A7C15 + that of the page, beginning with 0
 *   216  zeros
 *   504  u64  check
 *
 * At 1,024 stands "not whole" when the data file is not to be trusted without the log, even while the
 * machine goes on: its sync has failed, or it is being set back.
 *
 * Records from 8,192 on, each the changes of one commit, the first that of the head and one more:
 *     0  u32  bytes of the changes, u32 0
 *     8  u64  commit
 *    16  u64  check
 *    24  the changes, padded to a multiple of 8 with zeros
 *
 * A change: u8 what (kv_log_what), u8 space; of all but a clearing varint bytes of the key, key; of a put
 * varint bytes of the value, value; of a patch varint bytes of it, the patch (kv_patch.h) that makes the
 * value of the one before.  Integers are little-endian.
 *
 * A check is that of docs/format.md over the bytes before it and, of a record, the changes; its key
 * is the generation and the check of the record before (of the first, of the head), so that what an
 * earlier generation left behind is never taken for a record.  The log ends before the first
 * record that does not check.
 */
#ifndef CRM_KV_KV_LOG_H
#define CRM_KV_KV_LOG_H

#include "kv/kv.h"

enum { LOG_META = 136, LOG_BOOT = 40, LOG_RECORDS = 8192, LOG_RECORD = 24, LOG_MOST = 4 << 20 };

typedef enum kv_log_what { LOG_PUT = 1, LOG_DEL, LOG_CLEAR, LOG_PATCH } kv_log_what;

typedef struct crm__log {
    int fd; /* -1: there is no file, or it is not open */
    int sys; /* errno of the last failure */
    /* The newest head; generation 0: there is none. */
    uint64_t generation, base;
    uint32_t psize;
    uint8_t boot[LOG_BOOT], meta[LOG_META];
    uint64_t root; /* of the base's root pages */
    uint64_t last;  /* commit of the newest record; base when there is none */
    uint64_t end;   /* where the next one goes */
    uint64_t changes; /* in all records */
    uint64_t patched; /* bytes of the values that patches make */
    uint64_t check; /* of the newest */
    uint64_t room;  /* bytes of the file that have been written once */
} crm__log;

/* Bytes of all records. */
static inline uint64_t log_bytes(const crm__log *l)
{
    return l->end - LOG_RECORDS;
}

static inline int log_has_records(const crm__log *l)
{
    return l->last != l->base;
}

/* Opens the file of a folder, which it makes when `make` is set, with the rights of the data file: CRM_EIO when those
 * can't be given.  CRM_ENOTFOUND, CRM_EFULL. */
int crm__log_open(crm__log *l, const char *dir, int make);
/* A file without a valid head: its first room and its name on the disk, before anything is trusted
 * to it. */
int crm__log_secure(crm__log *l, const char *dir);
void crm__log_close(crm__log *l);
/* Removes the file of a folder that nobody has open. */
void crm__log_remove(const char *dir);

/* Reads the heads, and which records follow, up to that of commit `most`.  CRM_ENOTFOUND: no valid
 * head.  CRM_ENOMEM, CRM_EIO. */
int crm__log_read(crm__log *l, const crm_allocator *mem, uint64_t most);

/* 1 when the newest head is still the one that was read. */
int crm__log_current(crm__log *l);
/* 1 when a record stands behind the newest that was read: of a writer that did not come to its end. */
int crm__log_goes_on(crm__log *l, const crm_allocator *mem);
/* Says for all that the data file is not whole; asks for it. */
int crm__log_doubt(crm__log *l);
int crm__log_doubted(crm__log *l);

/* Begins anew behind a commit, which the data file holds for certain.  With `sync` it is on the disk then;
 * without, together with the first record: only when the log has none. */
int crm__log_begin(crm__log *l, uint64_t commit, uint32_t psize, const uint8_t meta[LOG_META],
                   uint64_t root, int sync);

/* A record is made in a buffer: begun, changes added, appended.  crm__log_append() returns when it is on the
 * disk; *lasting says after a failure whether what the disk holds is unknown. */
void crm__log_record(crm__buf *b);
void crm__log_add(crm__buf *b, kv_log_what what, kv_space space, crm__slice key, crm__slice value);
int crm__log_append(crm__log *l, crm__buf *b, int *lasting);
/* Takes the newest record back, on the disk too; `before` is the log as it was without it. */
int crm__log_take_back(crm__log *l, const crm__log *before);

/* The changes of the record at *at, which moves behind it; CRM_DONE at the end of the log. */
int crm__log_next(crm__log *l, uint64_t *at, crm__buf *room, crm__slice *changes);
/* 1: a change; 0: no more; -1: the bytes are no changes. */
int crm__log_change(crm__slice *changes, kv_log_what *what, kv_space *space, crm__slice *key,
                    crm__slice *value);

/* The check of a page of the data file for a head. */
uint64_t crm__log_page_check(const uint8_t *page, size_t n);
/* 1 when the head was written since the machine was started. */
int crm__log_same_boot(const crm__log *l);

#endif
