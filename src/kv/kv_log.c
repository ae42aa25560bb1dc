/* SPDX-License-Identifier: MIT
 * The file data.log: kv_log.h.
 */
#include "kv/kv_log.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "codec/key.h"
#include "kv/kv_patch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEAD = 512,
    HEAD_PLACE = 4096,
    HEAD_BOOT = 32,
    HEAD_META = 72,
    HEAD_ROOT = HEAD_META + LOG_META,
    DOUBT = 1024,
    HEAD_CHECK = HEAD - 8,
    STEP = 256 << 10 /* by which the file grows */
};

static const char MAGIC[9] = "crmlog1\n", NOT_WHOLE[10] = "not whole";

static int failed(crm__log *l, int sys)
{
    l->sys = sys;
    return crm__file_code(sys);
}

/* ---- bytes ---- */

static int write_at(crm__log *l, const void *p, size_t n, uint64_t at)
{
    const uint8_t *from = p;

    while (n) {
        ssize_t did = pwrite(l->fd, from, n, (off_t)at);
        if (did < 0 && errno == EINTR)
            continue;
        if (did <= 0)
            return failed(l, did < 0 ? errno : ENOSPC);
        from += did;
        at += (uint64_t)did;
        n -= (size_t)did;
    }
    return CRM_OK;
}

/* Fewer bytes than asked for at the end of the file. */
static int read_at(crm__log *l, void *p, size_t n, uint64_t at, size_t *got)
{
    uint8_t *to = p;

    *got = 0;
    while (*got < n) {
        ssize_t did = pread(l->fd, to + *got, n - *got, (off_t)(at + *got));
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return failed(l, errno);
        if (!did)
            break;
        *got += (size_t)did;
    }
    return CRM_OK;
}

static int sync_log(crm__log *l)
{
    return fdatasync(l->fd) ? failed(l, errno) : CRM_OK;
}

static uint64_t check_of(uint64_t generation, uint64_t before, const uint8_t *head, size_t head_n,
                         const uint8_t *changes, size_t n)
{
    uint8_t key[CRM__HASH_KEY];

    crm__put_le64(key, generation);
    crm__put_le64(key + 8, before);
    return crm__check_tag(key, 0, crm__slice_of(head, head_n), crm__slice_of(changes, n));
}

static size_t padded(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

/* ---- the file ---- */

static void boot_name(uint8_t out[LOG_BOOT])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, LOG_BOOT);

    if (fd >= 0)
        close(fd);
    memset(out + (n > 0 ? n : 0), 0, LOG_BOOT - (size_t)(n > 0 ? n : 0));
}

int crm__log_same_boot(const crm__log *l)
{
    uint8_t now[LOG_BOOT];

    boot_name(now);
    return now[0] && memcmp(now, l->boot, LOG_BOOT) == 0;
}

static int log_path(char out[4096], const char *dir)
{
    return snprintf(out, 4096, "%s/data.log", dir) < 4096;
}

/* Zeros from the end of the file on, wherever another writer has put it. */
static int fill_up(crm__log *l, uint64_t to)
{
    uint8_t zero[STEP / 16] = {0};
    struct stat st;
    int rc = fstat(l->fd, &st) ? failed(l, errno) : CRM_OK;

    if (!rc)
        l->room = (uint64_t)st.st_size;
    while (!rc && l->room < to) {
        rc = write_at(l, zero, sizeof zero, l->room);
        if (!rc)
            l->room += sizeof zero;
    }
    return rc;
}

/* Whoever may write the data file can write this one. */
static int same_rights(const struct stat *data, const struct stat *log)
{
    mode_t mode = data->st_mode & 0777;

    if ((log->st_mode & 0777) != mode)
        return 0;
    return (mode & 06) == 06 ||
           (log->st_gid == data->st_gid && (log->st_uid == data->st_uid || (mode & 060) == 060));
}

static int give_rights(crm__log *l, const char *dir)
{
    char path[4096];
    struct stat data, log;
    int sys = 0;

    if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path || stat(path, &data))
        return CRM_OK; /* there is none to be like */
    if (fchown(l->fd, geteuid() ? (uid_t)-1 : data.st_uid, data.st_gid))
        sys = errno;
    if (fchmod(l->fd, data.st_mode & 0777) || fstat(l->fd, &log))
        return failed(l, errno);
    return same_rights(&data, &log) ? CRM_OK : failed(l, sys ? sys : EPERM);
}

int crm__log_secure(crm__log *l, const char *dir)
{
    int rc = l->room < STEP ? fill_up(l, STEP) : CRM_OK;

    if (!rc && fsync(l->fd))
        rc = failed(l, errno);
    if (!rc) {
        rc = crm__folder_sync(dir, NULL);
        l->sys = rc ? EIO : 0;
    }
    return rc;
}

int crm__log_open(crm__log *l, const char *dir, int make)
{
    char path[4096];
    struct stat st;
    int rc = CRM_OK;

    memset(l, 0, sizeof *l);
    l->fd = -1;
    if (!log_path(path, dir))
        return CRM_ENOTFOUND;
    l->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (l->fd < 0 && (errno == EACCES || errno == EROFS))
        l->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (l->fd < 0 && errno == ENOENT && make) {
        l->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (l->fd >= 0 && give_rights(l, dir)) {
            rc = crm__file_code(l->sys);
            unlink(path);
        }
    }
    if (l->fd < 0) {
        l->sys = errno;
        return errno == ENOENT ? CRM_ENOTFOUND : failed(l, errno);
    }
    if (!rc && (fstat(l->fd, &st) || !S_ISREG(st.st_mode)))
        rc = failed(l, EINVAL);
    if (rc) {
        crm__log_close(l);
        return rc;
    }
    l->room = (uint64_t)st.st_size;
    return CRM_OK;
}

void crm__log_close(crm__log *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    l->generation = 0;
    l->base = l->last = 0;
}

void crm__log_remove(const char *dir)
{
    char path[4096];

    if (log_path(path, dir) && !unlink(path))
        crm__folder_sync(dir, NULL);
}

/* ---- heads ---- */

static int head_valid(const uint8_t p[HEAD], uint64_t place)
{
    return memcmp(p, MAGIC, 8) == 0 && (crm__get_le64(p + 8) & 1) == place &&
           crm__get_le64(p + HEAD_CHECK) ==
               check_of(crm__get_le64(p + 8), 0, p, HEAD_CHECK, NULL, 0);
}

static void take_head(crm__log *l, const uint8_t p[HEAD])
{
    l->generation = crm__get_le64(p + 8);
    l->base = l->last = crm__get_le64(p + 16);
    l->psize = crm__get_le32(p + 24);
    memcpy(l->boot, p + HEAD_BOOT, LOG_BOOT);
    memcpy(l->meta, p + HEAD_META, LOG_META);
    l->root = crm__get_le64(p + HEAD_ROOT);
    l->check = crm__get_le64(p + HEAD_CHECK);
    l->end = LOG_RECORDS;
    l->changes = l->patched = 0;
}

static int read_heads(crm__log *l)
{
    uint8_t p[HEAD];
    size_t got;

    l->generation = 0;
    for (uint64_t place = 0; place < 2; place++) {
        int rc = read_at(l, p, HEAD, place * HEAD_PLACE, &got);
        if (rc)
            return rc;
        if (got == HEAD && head_valid(p, place) && crm__get_le64(p + 8) > l->generation)
            take_head(l, p);
    }
    return l->generation ? CRM_OK : CRM_ENOTFOUND;
}

int crm__log_current(crm__log *l)
{
    uint64_t newest = 0;
    uint8_t p[16];
    size_t got;

    for (uint64_t place = 0; place < 2; place++) {
        if (read_at(l, p, sizeof p, place * HEAD_PLACE, &got))
            return 0;
        if (got == sizeof p && memcmp(p, MAGIC, 8) == 0 && crm__get_le64(p + 8) > newest)
            newest = crm__get_le64(p + 8);
    }
    return newest == l->generation;
}

uint64_t crm__log_page_check(const uint8_t *page, size_t n)
{
    return check_of(0, 0, NULL, 0, page, n);
}

int crm__log_doubt(crm__log *l)
{
    int rc = write_at(l, NOT_WHOLE, sizeof NOT_WHOLE, DOUBT);

    return rc ? rc : sync_log(l);
}

int crm__log_doubted(crm__log *l)
{
    char p[sizeof NOT_WHOLE];
    size_t got;

    return !read_at(l, p, sizeof p, DOUBT, &got) && got == sizeof p &&
           memcmp(p, NOT_WHOLE, sizeof p) == 0;
}

int crm__log_begin(crm__log *l, uint64_t commit, uint32_t psize, const uint8_t meta[LOG_META],
                   uint64_t root, int sync)
{
    uint64_t generation = l->generation + 1;
    uint8_t p[HEAD] = {0};
    int rc = CRM_OK;

    if (!l->generation && crm__random(&generation, sizeof generation))
        return failed(l, EIO);
    if (!l->generation)
        generation = generation >> 1 | 2; /* room to count on */
    memcpy(p, MAGIC, 8);
    crm__put_le64(p + 8, generation);
    crm__put_le64(p + 16, commit);
    crm__put_le32(p + 24, psize);
    boot_name(p + HEAD_BOOT);
    memcpy(p + HEAD_META, meta, LOG_META);
    crm__put_le64(p + HEAD_ROOT, root);
    crm__put_le64(p + HEAD_CHECK, check_of(generation, 0, p, HEAD_CHECK, NULL, 0));
    rc = write_at(l, p, HEAD, (generation & 1) * HEAD_PLACE);
    if (!rc && sync)
        rc = sync_log(l);
    if (!rc)
        take_head(l, p);
    return rc;
}

/* ---- records ---- */

static void count_changes(crm__log *l, crm__slice changes)
{
    crm__slice key, value;
    kv_log_what what;
    kv_space space;

    while (crm__log_change(&changes, &what, &space, &key, &value) > 0) {
        l->changes++;
        l->patched += what == LOG_PATCH ? crm__patch_bytes(value) : 0;
    }
}

/* The record at `at` when it is the one that follows: its bytes in `room`.  CRM_DONE when not. */
static int read_record(crm__log *l, uint64_t at, crm__buf *room)
{
    uint8_t head[LOG_RECORD];
    size_t got, n;
    int rc = read_at(l, head, sizeof head, at, &got);

    if (rc || got < sizeof head)
        return rc ? rc : CRM_DONE;
    n = crm__get_le32(head);
    if (n > LOG_MOST || crm__get_le64(head + 8) != l->last + 1)
        return CRM_DONE;
    room->n = 0;
    if (!crm__buf_reserve(room, n))
        return CRM_ENOMEM;
    rc = read_at(l, room->p, n, at + LOG_RECORD, &got);
    if (rc || got < n)
        return rc ? rc : CRM_DONE;
    room->n = n;
    if (crm__get_le64(head + 16) != check_of(l->generation, l->check, head, 16, room->p, n))
        return CRM_DONE;
    l->check = crm__get_le64(head + 16);
    l->last++;
    return CRM_OK;
}

int crm__log_read(crm__log *l, const crm_allocator *mem, uint64_t most)
{
    crm__log was = *l;
    crm__buf room;
    int rc = read_heads(l);

    if (rc)
        return rc;
    if (l->generation == was.generation && was.last <= most) { /* go on where it ended */
        l->last = was.last;
        l->end = was.end;
        l->changes = was.changes;
        l->patched = was.patched;
        l->check = was.check;
    }
    crm__buf_init(&room, mem);
    while (!rc && l->last < most) {
        rc = read_record(l, l->end, &room);
        if (!rc) {
            l->end += LOG_RECORD + padded(room.n);
            count_changes(l, crm__slice_of(room.p, room.n));
        }
    }
    crm__buf_clear(&room);
    return rc == CRM_DONE ? CRM_OK : rc;
}

int crm__log_goes_on(crm__log *l, const crm_allocator *mem)
{
    crm__log behind = *l;
    crm__buf room;
    int rc;

    if (l->fd < 0 || !l->generation)
        return 0;
    crm__buf_init(&room, mem);
    rc = read_record(&behind, behind.end, &room);
    crm__buf_clear(&room);
    return rc != CRM_DONE; /* when it can't be read, too */
}

void crm__log_record(crm__buf *b)
{
    b->n = 0;
    b->failed = 0;
    if (crm__buf_reserve(b, LOG_RECORD))
        b->n = LOG_RECORD;
}

void crm__log_add(crm__buf *b, kv_log_what what, kv_space space, crm__slice key, crm__slice value)
{
    crm__buf_add_u8(b, what);
    crm__buf_add_u8(b, space);
    if (what == LOG_CLEAR)
        return;
    crm__buf_add_varint(b, key.n);
    crm__buf_add(b, key.p, key.n);
    if (what == LOG_PUT || what == LOG_PATCH) {
        crm__buf_add_varint(b, value.n);
        crm__buf_add(b, value.p, value.n);
    }
}

int crm__log_append(crm__log *l, crm__buf *b, int *lasting)
{
    size_t n = b->n - LOG_RECORD, whole = LOG_RECORD + padded(n);
    uint64_t check;
    int rc;

    *lasting = 0;
    crm__buf_add(b, "\0\0\0\0\0\0\0", whole - b->n);
    if (b->failed)
        return CRM_ENOMEM;
    crm__put_le32(b->p, (uint32_t)n);
    crm__put_le32(b->p + 4, 0);
    crm__put_le64(b->p + 8, l->last + 1);
    check = check_of(l->generation, l->check, b->p, 16, b->p + LOG_RECORD, n);
    crm__put_le64(b->p + 16, check);
    /* What is behind the end is zeros that have been written: then a sync of a record need not write
     * how large the file is and where it lies. */
    rc = l->end + whole > l->room ? fill_up(l, l->end + whole + STEP) : CRM_OK;
    if (!rc)
        rc = write_at(l, b->p, whole, l->end);
    if (!rc) {
        rc = sync_log(l);
        *lasting = rc != CRM_OK;
    }
    if (rc)
        return rc;
    l->last++;
    l->end += whole;
    count_changes(l, crm__slice_of(b->p + LOG_RECORD, n));
    l->check = check;
    return CRM_OK;
}

int crm__log_take_back(crm__log *l, const crm__log *before)
{
    static const uint8_t ZERO[LOG_RECORD];
    uint64_t room = l->room;
    int rc = write_at(l, ZERO, sizeof ZERO, before->end);

    if (!rc)
        rc = sync_log(l);
    *l = *before;
    l->room = room;
    return rc;
}

int crm__log_next(crm__log *l, uint64_t *at, crm__buf *room, crm__slice *changes)
{
    int rc;

    if (!*at) { /* from the head on */
        rc = read_heads(l);
        if (rc)
            return rc;
        *at = LOG_RECORDS;
    }
    rc = read_record(l, *at, room);
    if (rc)
        return rc;
    *at += LOG_RECORD + padded(room->n);
    l->end = *at;
    *changes = crm__slice_of(room->p, room->n);
    return CRM_OK;
}

int crm__log_change(crm__slice *changes, kv_log_what *what, kv_space *space, crm__slice *key,
                    crm__slice *value)
{
    crm__reader r = crm__reader_of(changes->p, changes->n);
    size_t n;

    *key = *value = crm__slice_of(NULL, 0);
    if (!changes->n)
        return 0;
    *what = (kv_log_what)crm__read_u8(&r);
    *space = (kv_space)crm__read_u8(&r);
    if (*what != LOG_CLEAR) {
        n = (size_t)crm__read_varint(&r);
        *key = crm__slice_of(crm__read_bytes(&r, n), n);
    }
    if (*what == LOG_PUT || *what == LOG_PATCH) {
        n = (size_t)crm__read_varint(&r);
        *value = crm__slice_of(crm__read_bytes(&r, n), n);
    }
    if (r.failed || *what < LOG_PUT || *what > LOG_PATCH || *space >= KV_STORED)
        return -1;
    changes->p = r.p;
    changes->n = crm__reader_left(&r);
    return 1;
}
