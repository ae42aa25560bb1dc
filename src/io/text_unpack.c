/* SPDX-License-Identifier: MIT
 * The bytes below an encoding: as they come, or unpacked when the first ones are gzip's.  A file of
 * several gzip members is their texts one after another; zero bytes behind the last (tapes, blocks)
 * are nothing.
 */
#include "io/text_part.h"

#include <crm/codes.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include <zlib.h>

enum { PACKED = 64 * 1024, PATIENCE_MS = 200 };

struct crm__unpack {
    const crm_allocator *mem;
    crm__fill_fn fill;
    void *ctx;
    int gzip, ended;
    int in_member; /* between the first and the last byte of a member */
    int padding;   /* zeros behind a member were met */
    z_stream z;
    size_t at, n; /* what is left in bytes[] */
    uint8_t bytes[PACKED];
};

int crm__fill_fd(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    int fd = *(const int *)ctx;

    for (;;) {
        ssize_t got = read(fd, to, cap);
        if (got >= 0) {
            *n = (size_t)got;
            return CRM_OK;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd p = {fd, POLLIN, 0};
            if (poll(&p, 1, -1) >= 0 || errno == EINTR)
                continue;
        }
        if (errno == EINTR)
            continue;
        *n = 0;
        return crm__fail_sys(err, CRM_EIO, errno, "%s",
                             errno == EISDIR ? "it is a folder" : "can't read the input");
    }
}

int crm__fd_ready(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};

    return poll(&p, 1, PATIENCE_MS) > 0;
}

int crm__fill_waiting(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    crm__input *w = ctx;

    *n = 0;
    while (!crm__fd_ready(w->fd)) {
        if (w->idle && w->idle(w->ctx))
            return crm__fail(err, CRM_ECANCELLED, "the callback ended the import");
    }
    return crm__fill_fd(&w->fd, to, cap, n, err);
}

static int fill_more(crm__unpack *u, crm_error *err)
{
    size_t got = 0;
    int rc;

    if (u->at) {
        memmove(u->bytes, u->bytes + u->at, u->n - u->at);
        u->n -= u->at;
        u->at = 0;
    }
    rc = u->fill(u->ctx, u->bytes + u->n, PACKED - u->n, &got, err);
    if (rc)
        return rc;
    u->n += got;
    u->ended = got == 0;
    return CRM_OK;
}

static voidpf z_alloc(voidpf ctx, uInt count, uInt size)
{
    return crm__calloc(ctx, count, size);
}

static void z_free(voidpf ctx, voidpf p)
{
    crm__release(ctx, p);
}

static int begins_member(const crm__unpack *u)
{
    const uint8_t *p = u->bytes + u->at;

    return u->n - u->at >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == Z_DEFLATED;
}

int crm__unpack_open(const crm_allocator *mem, crm__fill_fn fill, void *ctx, crm__unpack **out,
                     crm_error *err)
{
    crm__unpack *u = crm__alloc(mem, sizeof *u);
    int rc = CRM_OK;

    *out = NULL;
    if (!u)
        return crm__fail_nomem(err);
    memset(u, 0, offsetof(crm__unpack, bytes));
    u->mem = mem;
    u->fill = fill;
    u->ctx = ctx;
    while (!rc && u->n < 3 && !u->ended)
        rc = fill_more(u, err);
    if (!rc && begins_member(u)) {
        u->z.zalloc = z_alloc;
        u->z.zfree = z_free;
        u->z.opaque = (voidpf)(uintptr_t)mem;
        if (inflateInit2(&u->z, 15 + 16) != Z_OK)
            rc = crm__fail_nomem(err);
        u->gzip = u->in_member = rc == CRM_OK;
    }
    if (rc) {
        crm__unpack_close(u);
        return rc;
    }
    *out = u;
    return CRM_OK;
}

void crm__unpack_close(crm__unpack *u)
{
    if (!u)
        return;
    if (u->gzip)
        inflateEnd(&u->z);
    crm__release(u->mem, u);
}

int crm__unpack_is_gzip(const crm__unpack *u)
{
    return u->gzip;
}

/* Between members: steps over padding and begins the next one.  CRM_DONE at the end. */
static int next_member(crm__unpack *u, crm_error *err)
{
    for (;;) {
        int rc;
        while (u->at < u->n && u->bytes[u->at] == 0) {
            u->at++;
            u->padding = 1;
        }
        if (u->ended && u->at == u->n)
            return CRM_DONE;
        if (u->n - u->at >= 3 || u->ended)
            break;
        rc = fill_more(u, err);
        if (rc)
            return rc;
    }
    if (!begins_member(u) || u->padding)
        return crm__fail(err, CRM_ESYNTAX, "other bytes stand behind the end of the gzip data");
    inflateReset(&u->z);
    u->in_member = 1;
    return CRM_OK;
}

static int inflate_some(crm__unpack *u, void *to, size_t cap, size_t *n, crm_error *err)
{
    uInt room = cap < PACKED ? (uInt)cap : PACKED;
    int rc;

    if (u->at == u->n && !u->ended) {
        rc = fill_more(u, err);
        if (rc)
            return rc;
    }
    u->z.next_in = u->bytes + u->at;
    u->z.avail_in = (uInt)(u->n - u->at);
    u->z.next_out = to;
    u->z.avail_out = room;
    rc = inflate(&u->z, Z_NO_FLUSH);
    u->at = u->n - u->z.avail_in;
    *n = room - u->z.avail_out;
    if (rc == Z_STREAM_END)
        u->in_member = 0;
    else if (rc == Z_MEM_ERROR)
        return crm__fail_nomem(err);
    else if (rc != Z_OK && rc != Z_BUF_ERROR)
        return crm__fail(err, CRM_ESYNTAX, "the gzip data is damaged");
    else if (*n == 0 && u->ended && u->at == u->n)
        return crm__fail(err, CRM_ESYNTAX, "the gzip data ends too early");
    return CRM_OK;
}

int crm__unpack_read(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    crm__unpack *u = ctx;
    int rc = CRM_OK;

    *n = 0;
    if (u->gzip) {
        while (!rc && !*n) {
            if (!u->in_member)
                rc = next_member(u, err);
            else
                rc = inflate_some(u, to, cap, n, err);
        }
        return rc == CRM_DONE ? CRM_OK : rc;
    }
    if (u->at < u->n) {
        *n = cap < u->n - u->at ? cap : u->n - u->at;
        memcpy(to, u->bytes + u->at, *n);
        u->at += *n;
        return CRM_OK;
    }
    if (u->ended)
        return CRM_OK;
    rc = u->fill(u->ctx, to, cap, n, err);
    u->ended = !rc && *n == 0;
    return rc;
}
