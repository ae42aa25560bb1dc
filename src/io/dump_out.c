/* SPDX-License-Identifier: MIT
 * The text of a dump on its way out: gathered in blocks, summed, compressed, written, read back.
 */
#include "io/dump.h"

#include <string.h>

static int put(void *ctx, const void *bytes, size_t n, crm_error *err)
{
    crm__dump_out *o = ctx;

    o->bytes += n;
    if (o->fd >= 0)
        return crm__file_write(o->fd, bytes, n, err);
    return o->write(bytes, n, o->write_ctx)
               ? crm__fail(err, CRM_EIO, "the text can't be written: it is not taken")
               : CRM_OK;
}

int crm__dump_out_open(crm__dump_out *o, const crm_allocator *mem, int fd,
                       const crm_dump_options *opts, crm_error *err)
{
    memset(o, 0, sizeof *o);
    o->mem = mem;
    o->fd = fd;
    o->write = opts->write;
    o->write_ctx = opts->write_ctx;
    o->block = crm__alloc(mem, CRM__DUMP_BLOCK);
    if (!o->block)
        return crm__fail_nomem(err);
    if (opts->flags & CRM_DUMP_GZIP) {
        int rc = crm__packer_open(&o->packer, mem, err);
        if (rc) {
            crm__dump_out_close(o);
            return rc;
        }
        o->packed = 1;
    }
    return CRM_OK;
}

void crm__dump_out_close(crm__dump_out *o)
{
    if (o->packed)
        crm__packer_close(&o->packer);
    crm__release(o->mem, o->block);
    o->block = NULL;
    o->packed = 0;
}

static int flush(crm__dump_out *o, int last, crm_error *err)
{
    int rc = CRM_OK;

    o->hash = crm__hash64(o->hash, o->block, o->n);
    if (o->packed)
        rc = crm__packer_add(&o->packer, o->block, o->n, last, put, o, err);
    else if (o->n)
        rc = put(o, o->block, o->n, err);
    o->n = 0;
    return rc;
}

static int add(crm__dump_out *o, const uint8_t *p, size_t n, crm_error *err)
{
    int rc = CRM_OK;

    while (n && !rc) {
        size_t room = CRM__DUMP_BLOCK - o->n, now = n < room ? n : room;
        memcpy(o->block + o->n, p, now);
        o->n += now;
        p += now;
        n -= now;
        if (o->n == CRM__DUMP_BLOCK)
            rc = flush(o, 0, err);
    }
    return rc;
}

int crm__dump_out_line(crm__dump_out *o, const crm__buf *line, crm_error *err)
{
    int rc;

    crm__line_sum(o->sum, line->p, line->n);
    o->lines++;
    rc = add(o, line->p, line->n, err);
    return rc ? rc : add(o, (const uint8_t *)"\n", 1, err);
}

int crm__dump_out_end(crm__dump_out *o, crm_error *err)
{
    return flush(o, 1, err);
}

int crm__dump_out_verify(crm__dump_out *o, const char *file, crm__work *w, crm_error *err)
{
    uint64_t hash = 0, before = 0;
    crm__source *s;
    size_t n = CRM__DUMP_BLOCK;
    int rc = crm__source_open(o->mem, file, &s, err);

    if (rc)
        return rc;
    while (!rc && n == CRM__DUMP_BLOCK) {
        uint64_t taken;
        rc = crm__source_read(s, o->block, CRM__DUMP_BLOCK, &n, err);
        hash = crm__hash64(hash, o->block, n);
        taken = crm__source_taken(s) / CRM__WORK_PAGE;
        if (!rc)
            rc = crm__work_step(w, taken - before, err);
        before = taken;
    }
    crm__source_close(s);
    if (rc == CRM_ECORRUPT || (!rc && hash != o->hash))
        rc = crm__fail(err, CRM_EIO, "the file is not what was written");
    return rc;
}
