/* SPDX-License-Identifier: MIT
 * Whole files compressed as gzip does, and files that may be.
 */
#include "io/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* 16 more than the size of the window: with the head and the sum of gzip. */
enum { IN = 1 << 16, BLOCK = 1 << 18, GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8 };

struct crm__source {
    const crm_allocator *mem;
    int fd, packed, ended;
    uint64_t bytes, taken;
    z_stream z;
    uint8_t in[IN];
};

static void *z_alloc(void *ctx, unsigned count, unsigned size)
{
    return crm__calloc(ctx, count, size);
}

static void z_free(void *ctx, void *p)
{
    crm__release(ctx, p);
}

static void z_prepare(z_stream *z, const crm_allocator *mem)
{
    memset(z, 0, sizeof *z);
    z->zalloc = z_alloc;
    z->zfree = z_free;
    z->opaque = (void *)(uintptr_t)mem;
}

/* ---- reading ---- */

static int read_some(int fd, uint8_t *to, size_t n, size_t *got, crm_error *err)
{
    *got = 0;
    while (*got < n) {
        ssize_t did = read(fd, to + *got, n - *got);
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return crm__fail_sys(err, CRM_EIO, errno, "can't read the file: %s", strerror(errno));
        if (did == 0)
            break;
        *got += (size_t)did;
    }
    return CRM_OK;
}

static int start(crm__source *s, crm_error *err)
{
    uint8_t head[2] = {0, 0};

    if (pread(s->fd, head, sizeof head, 0) < 0)
        return crm__fail_sys(err, CRM_EIO, errno, "can't read the file: %s", strerror(errno));
    if (head[0] != 0x1f || head[1] != 0x8b)
        return CRM_OK;
    z_prepare(&s->z, s->mem);
    if (inflateInit2(&s->z, GZIP_WINDOW) != Z_OK)
        return crm__fail_nomem(err);
    s->packed = 1;
    return CRM_OK;
}

int crm__source_open(const crm_allocator *mem, const char *path, crm__source **out, crm_error *err)
{
    crm__source *s = crm__calloc(mem, 1, sizeof *s);
    struct stat st;
    int rc = CRM_OK;

    *out = NULL;
    if (!s)
        return crm__fail_nomem(err);
    s->mem = mem;
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* and wait for no writer of a pipe */
    if (s->fd < 0)
        rc = crm__fail_sys(err, errno == ENOENT ? CRM_ENOTFOUND : CRM_EIO, errno,
                           "can't open the file: %s", strerror(errno));
    else if (fstat(s->fd, &st) || !S_ISREG(st.st_mode))
        rc = crm__fail_field(err, CRM_EINVAL, "file", "it is not a regular file");
    else
        rc = start(s, err);
    if (rc) {
        crm__source_close(s);
        return rc;
    }
    s->bytes = (uint64_t)st.st_size;
    *out = s;
    return CRM_OK;
}

uint64_t crm__source_bytes(const crm__source *s)
{
    return s->bytes;
}

uint64_t crm__source_taken(const crm__source *s)
{
    return s->taken;
}

static int fill(crm__source *s, crm_error *err)
{
    size_t n;
    int rc = read_some(s->fd, s->in, sizeof s->in, &n, err);

    s->z.next_in = s->in;
    s->z.avail_in = (uInt)n;
    s->taken += n;
    if (!rc && !n)
        rc = crm__fail(err, CRM_ECORRUPT, "the compressed file ends early");
    return rc;
}

int crm__source_read(crm__source *s, uint8_t *to, size_t n, size_t *got, crm_error *err)
{
    int rc = CRM_OK, z = Z_OK;

    if (!s->packed) {
        rc = read_some(s->fd, to, n, got, err);
        s->taken += *got;
        return rc;
    }
    s->z.next_out = to;
    s->z.avail_out = (uInt)n;
    while (!rc && !s->ended && s->z.avail_out) {
        if (!s->z.avail_in)
            rc = fill(s, err);
        if (!rc)
            z = inflate(&s->z, Z_NO_FLUSH);
        s->ended = z == Z_STREAM_END;
        if (!rc && z == Z_MEM_ERROR)
            rc = crm__fail_nomem(err);
        else if (!rc && z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
            rc = crm__fail(err, CRM_ECORRUPT, "the compressed file is damaged");
    }
    *got = n - s->z.avail_out;
    if (!rc && s->ended && s->z.avail_out && s->z.avail_in)
        rc = crm__fail(err, CRM_ECORRUPT, "the compressed file goes on behind its end");
    return rc;
}

void crm__source_close(crm__source *s)
{
    if (!s)
        return;
    if (s->packed)
        inflateEnd(&s->z);
    if (s->fd >= 0)
        close(s->fd);
    crm__release(s->mem, s);
}

/* ---- writing ----
 *
 * Half of the bytes of a backup are tokens and tags, which nothing compresses: the usual level
 * saves 2 % more and takes twice as long. */

int crm__packer_open(crm__packer *p, const crm_allocator *mem, crm_error *err)
{
    memset(p, 0, sizeof *p);
    p->mem = mem;
    p->z = crm__calloc(mem, 1, sizeof *p->z);
    p->packed = crm__alloc(mem, BLOCK);
    if (p->z && p->packed) {
        z_prepare(p->z, mem);
        if (deflateInit2(p->z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                         Z_DEFAULT_STRATEGY) == Z_OK)
            return CRM_OK;
    }
    crm__release(mem, p->z);
    p->z = NULL;
    crm__packer_close(p);
    return crm__fail_nomem(err);
}

int crm__packer_add(crm__packer *p, const void *bytes, size_t n, int last, crm__put_fn put,
                    void *ctx, crm_error *err)
{
    int rc = CRM_OK, z = Z_OK;

    p->z->next_in = (Bytef *)(uintptr_t)bytes;
    p->z->avail_in = (uInt)n;
    do {
        p->z->next_out = p->packed;
        p->z->avail_out = BLOCK;
        z = deflate(p->z, last ? Z_FINISH : Z_NO_FLUSH);
        if (p->z->avail_out < BLOCK)
            rc = put(ctx, p->packed, BLOCK - p->z->avail_out, err);
    } while (!rc && p->z->avail_out == 0);
    if (!rc && last && z != Z_STREAM_END)
        rc = crm__fail(err, CRM_EIO, "can't compress the copy");
    return rc;
}

void crm__packer_close(crm__packer *p)
{
    if (p->z)
        deflateEnd(p->z);
    crm__release(p->mem, p->z);
    crm__release(p->mem, p->packed);
    p->z = NULL;
    p->packed = NULL;
}

typedef struct packing {
    crm__packer z;
    int fd;
    crm__work *w;
    uint8_t *block; /* BLOCK bytes */
    uint64_t hash;
} packing;

static int put_packed(void *ctx, const void *bytes, size_t n, crm_error *err)
{
    return crm__file_write(((packing *)ctx)->fd, bytes, n, err);
}

static int deflate_block(packing *p, size_t n, int last, crm_error *err)
{
    p->hash = crm__hash64(p->hash, p->block, n);
    return crm__packer_add(&p->z, p->block, n, last, put_packed, p, err);
}

static int pack_all(packing *p, crm__source *from, crm_error *err)
{
    size_t n = BLOCK;
    int rc = CRM_OK;

    while (!rc && n == BLOCK) {
        rc = crm__source_read(from, p->block, BLOCK, &n, err);
        if (!rc)
            rc = deflate_block(p, n, n < BLOCK, err);
        if (!rc)
            rc = crm__work_step(p->w, n / CRM__WORK_PAGE, err);
    }
    return rc;
}

/* Reads what was written, in the same blocks. */
static int verify_all(packing *p, const crm_allocator *mem, const char *to, crm_error *err)
{
    uint64_t hash = 0;
    crm__source *s;
    size_t n = BLOCK;
    int rc = crm__source_open(mem, to, &s, err);

    if (rc)
        return rc;
    while (!rc && n == BLOCK) {
        rc = crm__source_read(s, p->block, BLOCK, &n, err);
        hash = crm__hash64(hash, p->block, n);
        if (!rc)
            rc = crm__work_step(p->w, n / CRM__WORK_PAGE, err);
    }
    crm__source_close(s);
    if (!rc && hash != p->hash)
        rc = crm__fail(err, CRM_EIO, "the compressed copy is not what was written");
    return rc;
}

static int pack_open(packing *p, const crm_allocator *mem, const char *from, const char *to,
                     crm_error *err)
{
    crm__source *s;
    int rc = crm__source_open(mem, from, &s, err);

    if (rc)
        return rc;
    p->fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (p->fd < 0) {
        rc = crm__fail_sys(err, crm__file_code(errno), errno, "can't write the copy: %s",
                           strerror(errno));
    } else {
        rc = pack_all(p, s, err);
        close(p->fd);
    }
    crm__source_close(s);
    return rc ? rc : crm__file_sync(to, err);
}

int crm__file_pack(const crm_allocator *mem, const char *from, const char *to, crm__work *w,
                   crm_error *err)
{
    packing p;
    int rc;

    memset(&p, 0, sizeof p);
    p.w = w;
    rc = crm__packer_open(&p.z, mem, err);
    if (rc)
        return rc;
    p.block = crm__alloc(mem, BLOCK);
    rc = p.block ? pack_open(&p, mem, from, to, err) : crm__fail_nomem(err);
    crm__packer_close(&p.z);
    if (!rc)
        rc = verify_all(&p, mem, to, err);
    crm__release(mem, p.block);
    return rc;
}
