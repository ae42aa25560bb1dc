/* SPDX-License-Identifier: MIT
 * The archive of an XLSX file, through minizip, the only file that sees it.  Its list of entries is
 * read once; an entry is unpacked in pieces, and of all entries together no more than a bound, so
 * that a small file cannot unpack for ever.
 */
#include "io/xlsx.h"

#ifdef CRM__XLSX

#include <crm/codes.h>
#include <errno.h>
#include <unistd.h>
#include <unzip.h>

enum { BLOCK = 16 * 1024, NAME = 256, ASK_BYTES = 1 << 20 };

typedef struct entry {
    const char *name; /* with slashes, none in front */
    unz64_file_pos at;
    uint64_t bytes;
    int packed; /* in a way that can be unpacked */
    int locked;
} entry;

struct crm__zip {
    const crm_allocator *mem;
    int fd, failed; /* failed: errno of a read */
    int64_t base;
    uint64_t size, pos;
    uint64_t block_at; /* of block[] in the file */
    size_t block_n;
    unzFile zip;
    crm__arena names;
    entry *entries;
    size_t count;
    long now; /* the entry being read, or CRM__ZIP_NONE */
    uint64_t read;
    const crm__input *host; /* asked whether to go on */
    uint8_t block[BLOCK];
};

/* ---- the file, as minizip asks for it ---- */

static voidpf ZCALLBACK io_open(voidpf ctx, const void *name, int mode)
{
    (void)name;
    (void)mode;
    return ctx;
}

/* Its headers are asked for byte by byte, so a block is kept. */
static int load_block(crm__zip *z)
{
    size_t n = 0;
    uint64_t left = z->size - z->pos;

    z->block_at = z->pos;
    z->block_n = 0;
    while (n < BLOCK && n < left) {
        size_t want = left - n < BLOCK - n ? (size_t)left - n : BLOCK - n;
        ssize_t got = pread(z->fd, z->block + n, want, (off_t)(z->base + (int64_t)(z->pos + n)));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            z->failed = errno;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    z->block_n = n;
    return n != 0;
}

static uLong ZCALLBACK io_read(voidpf ctx, voidpf stream, void *to, uLong n)
{
    crm__zip *z = ctx;
    uLong done = 0;

    (void)stream;
    while (done < n && z->pos < z->size) {
        size_t at, part;
        if ((z->pos < z->block_at || z->pos >= z->block_at + z->block_n) && !load_block(z))
            break;
        at = (size_t)(z->pos - z->block_at);
        part = z->block_n - at < n - done ? z->block_n - at : n - done;
        memcpy((uint8_t *)to + done, z->block + at, part);
        done += part;
        z->pos += part;
    }
    return done;
}

static uLong ZCALLBACK io_write(voidpf ctx, voidpf stream, const void *p, uLong n)
{
    (void)ctx;
    (void)stream;
    (void)p;
    (void)n;
    return 0;
}

static ZPOS64_T ZCALLBACK io_tell(voidpf ctx, voidpf stream)
{
    (void)stream;
    return ((crm__zip *)ctx)->pos;
}

static long ZCALLBACK io_seek(voidpf ctx, voidpf stream, ZPOS64_T offset, int origin)
{
    crm__zip *z = ctx;
    uint64_t from = origin == ZLIB_FILEFUNC_SEEK_CUR   ? z->pos
                    : origin == ZLIB_FILEFUNC_SEEK_END ? z->size
                                                       : 0;

    (void)stream;
    if (offset > z->size || from > z->size - offset)
        return -1;
    z->pos = from + offset;
    return 0;
}

static int ZCALLBACK io_close(voidpf ctx, voidpf stream)
{
    (void)ctx;
    (void)stream;
    return 0;
}

static int ZCALLBACK io_error(voidpf ctx, voidpf stream)
{
    (void)stream;
    return ((crm__zip *)ctx)->failed;
}

/* ---- the list of entries ---- */

static int damaged(const crm__zip *z, crm_error *err)
{
    if (z->failed)
        return crm__fail_sys(err, CRM_EIO, z->failed, "can't read the input");
    return crm__fail(err, CRM_ESYNTAX, "the XLSX file is damaged, or was not copied whole");
}

static int add_entry(crm__zip *z, size_t room, crm_error *err)
{
    char name[NAME + 1];
    unz_file_info64 info;
    entry *e = &z->entries[z->count];
    char *copy;
    size_t n;

    if (z->count == room ||
        unzGetCurrentFileInfo64(z->zip, &info, name, NAME, NULL, 0, NULL, 0) != UNZ_OK ||
        unzGetFilePos64(z->zip, &e->at) != UNZ_OK)
        return damaged(z, err);
    name[info.size_filename < NAME ? info.size_filename : NAME] = 0;
    n = strlen(name);
    for (size_t i = 0; i < n; i++)
        name[i] = name[i] == '\\' ? '/' : name[i]; /* as some programs write them */
    copy = crm__arena_copy(&z->names, name, n + 1);
    if (!copy)
        return crm__fail_nomem(err);
    e->name = copy + (*copy == '/');
    e->bytes = info.uncompressed_size;
    e->packed = info.compression_method == 0 || info.compression_method == 8;
    e->locked = info.flag & 1;
    z->count++;
    return CRM_OK;
}

static int list_entries(crm__zip *z, crm_error *err)
{
    unz_global_info64 all;
    size_t room;
    int rc = CRM_OK, at;

    if (unzGetGlobalInfo64(z->zip, &all) != UNZ_OK)
        return damaged(z, err);
    if (all.number_entry > CRM__ZIP_ENTRIES)
        return crm__fail(err, CRM_ESYNTAX, "the archive has more entries than an XLSX file has");
    room = (size_t)all.number_entry;
    z->entries = crm__calloc(z->mem, room ? room : 1, sizeof *z->entries);
    if (!z->entries)
        return crm__fail_nomem(err);
    for (at = room ? unzGoToFirstFile(z->zip) : UNZ_END_OF_LIST_OF_FILE; !rc && at == UNZ_OK;) {
        rc = add_entry(z, room, err);
        if (!rc)
            at = unzGoToNextFile(z->zip);
    }
    if (!rc && at != UNZ_END_OF_LIST_OF_FILE)
        rc = damaged(z, err);
    return rc;
}

int crm__zip_open(const crm_allocator *mem, int fd, int64_t base, uint64_t size,
                  const crm__input *host, crm__zip **out, crm_error *err)
{
    crm__zip *z = crm__alloc(mem, sizeof *z);
    zlib_filefunc64_def io = {io_open, io_read, io_write, io_tell, io_seek, io_close, io_error, z};
    int rc;

    *out = NULL;
    if (!z)
        return crm__fail_nomem(err);
    memset(z, 0, offsetof(crm__zip, block));
    z->mem = mem;
    z->fd = fd;
    z->base = base;
    z->size = size;
    z->host = host;
    z->now = CRM__ZIP_NONE;
    crm__arena_init(&z->names, mem);
    z->zip = unzOpen2_64("", &io);
    rc = z->zip ? list_entries(z, err) : damaged(z, err);
    if (rc) {
        crm__zip_close(z);
        return rc;
    }
    *out = z;
    return CRM_OK;
}

void crm__zip_close(crm__zip *z)
{
    if (!z)
        return;
    crm__zip_leave(z);
    if (z->zip)
        unzClose(z->zip);
    crm__arena_clear(&z->names);
    crm__release(z->mem, z->entries);
    crm__release(z->mem, z);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* `what` is name, or where not `whole`, its beginning. */
static int is_named(const char *name, const char *what, int whole)
{
    while (*what && lower(*name) == lower(*what)) {
        name++;
        what++;
    }
    return !*what && (!whole || !*name);
}

long crm__zip_find(const crm__zip *z, const char *name)
{
    for (size_t i = 0; i < z->count; i++) {
        if (is_named(z->entries[i].name, name, 1))
            return (long)i;
    }
    return CRM__ZIP_NONE;
}

int crm__zip_has_folder(const crm__zip *z, const char *folder)
{
    for (size_t i = 0; i < z->count; i++) {
        if (is_named(z->entries[i].name, folder, 0))
            return 1;
    }
    return 0;
}

uint64_t crm__zip_bytes(const crm__zip *z, long i)
{
    return z->entries[i].bytes;
}

/* ---- an entry ---- */

int crm__zip_enter(crm__zip *z, long i, crm_error *err)
{
    entry *e = &z->entries[i];

    if (e->locked)
        return crm__fail(err, CRM_ESYNTAX, "the file has a password: save it without one");
    if (!e->packed)
        return crm__fail(err, CRM_ESYNTAX, "the file is packed in a way that XLSX has not");
    crm__zip_leave(z);
    if (unzGoToFilePos64(z->zip, &e->at) != UNZ_OK || unzOpenCurrentFile(z->zip) != UNZ_OK)
        return damaged(z, err);
    z->now = i;
    return CRM_OK;
}

int crm__zip_read(crm__zip *z, void *to, size_t cap, size_t *n, crm_error *err)
{
    int got = unzReadCurrentFile(z->zip, to, cap < BLOCK ? (unsigned)cap : BLOCK);

    *n = got > 0 ? (size_t)got : 0;
    if ((z->read + *n) / ASK_BYTES != z->read / ASK_BYTES && z->host->busy &&
        z->host->busy(z->host->ctx))
        return crm__fail(err, CRM_ECANCELLED, "the callback ended the import");
    z->read += *n;
    if (z->read > CRM__ZIP_BYTES)
        return crm__fail(err, CRM_ESYNTAX, "the file unpacks to more than 8 GiB");
    if (got > 0)
        return CRM_OK;
    if (got == 0 && unzeof(z->zip) == 1) {
        z->now = CRM__ZIP_NONE;
        if (unzCloseCurrentFile(z->zip) == UNZ_OK)
            return CRM_OK;
    }
    return damaged(z, err);
}

void crm__zip_leave(crm__zip *z)
{
    if (z->now != CRM__ZIP_NONE)
        unzCloseCurrentFile(z->zip);
    z->now = CRM__ZIP_NONE;
}

#endif
