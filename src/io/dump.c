/* SPDX-License-Identifier: MIT
 * crm_dump(): one snapshot as text.  Rows are walked space by space, in the order of their keys,
 * each with its check tag verified, so the same content always gives the same text.
 */
#include "io/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char SUFFIX[] = ".crm-part";

typedef struct dump {
    crm__dumper d;
    crm__dump_out out;
    crm__work *w;
    crm_dump_result result;
    crm_error *err;
} dump;

void crm_dump_options_init(crm_dump_options *opts)
{
    if (!opts)
        return;
    memset(opts, 0, sizeof *opts);
    opts->size = sizeof *opts;
}

/* ---- walking ---- */

typedef int (*row_fn)(dump *d, crm__slice key, crm__slice payload);

static int row_fault(dump *d, kv_space space, crm__slice key)
{
    int numbered =
        (space == KV_CUSTOMER || space == KV_JOURNAL || space == KV_IMAGE || space == KV_EVENT) &&
        key.n >= CRM__KEY_U64;

    if (!numbered)
        return crm__fail(d->err, CRM_ECORRUPT, "%s: a row is damaged", crm__kv_space_name(space));
    return crm__fail_at(d->err, CRM_ECORRUPT, (int64_t)crm__get_be64(key.p), -1,
                        "%s: a row of %llu is damaged", crm__kv_space_name(space),
                        (unsigned long long)crm__get_be64(key.p));
}

/* Result of a line: its error, or the line is written. */
static int line(dump *d, int rc, kv_space space, crm__slice key)
{
    if (rc == CRM_ENOMEM)
        return crm__fail_nomem(d->err);
    if (rc)
        return row_fault(d, space, key);
    return crm__dump_out_line(&d->out, &d->d.line, d->err);
}

/* The rows of a space whose keys begin with some bytes. */
static int each(dump *d, kv_space space, crm__slice prefix, row_fn fn)
{
    crm_txn *txn = d->d.txn;
    crm__slice k, stored, payload;
    kv_cursor *c;
    int rc = txn->kv->ops->cursor(txn->kv, space, &c), read;

    if (rc)
        return crm__txn_fail(txn, rc, "can't read", d->err);
    read = c->ops->seek(c, prefix.n ? KV_GE : KV_FIRST, prefix, &k, &stored);
    while (!rc && !read && k.n >= prefix.n && (!prefix.n || memcmp(k.p, prefix.p, prefix.n) == 0)) {
        rc = crm__untag(txn->store, space, k, stored, &payload);
        rc = rc ? row_fault(d, space, k) : fn(d, k, payload);
        if (!rc)
            rc = crm__work_step(d->w, 1, d->err);
        if (!rc)
            read = c->ops->next(c, &k, &stored);
    }
    c->ops->cursor_close(c);
    if (!rc && read && read != CRM_ENOTFOUND)
        rc = crm__txn_fail(txn, read, "can't read", d->err);
    return rc;
}

static int on_model(dump *d, crm__slice k, crm__slice v)
{
    if (k.n != 10)
        return row_fault(d, KV_META, k);
    return line(d, crm__dump_model(&d->d, crm__get_be32(k.p + 6), v), KV_META, k);
}

static int class_of(uint8_t byte)
{
    for (int cls = 0; cls < CRM__DICT_CLASSES; cls++) {
        if (crm__dict_class_byte(cls) == byte)
            return cls;
    }
    return -1;
}

static int on_name(dump *d, crm__slice k, crm__slice v)
{
    int cls = class_of(k.p[0]), rc;
    uint32_t number;

    if (cls < 0 || k.n != 6)
        return row_fault(d, KV_DICT, k);
    number = crm__get_be32(k.p + 2);
    rc = crm__dump_names_add(&d->d.names, cls, number, v);
    if (!rc)
        rc = crm__dump_name(&d->d, cls, number, v);
    return line(d, rc, KV_DICT, k);
}

static int on_customer(dump *d, crm__slice k, crm__slice v)
{
    if (k.n != CRM__KEY_U64)
        return row_fault(d, KV_CUSTOMER, k);
    d->result.customers++;
    return line(d, crm__dump_customer(&d->d, crm__get_be64(k.p), v), KV_CUSTOMER, k);
}

static int on_event(dump *d, crm__slice k, crm__slice v)
{
    crm__event_block b;
    uint32_t number;
    uint64_t id;
    int64_t time;
    int rc;

    if (!crm__key_event_read(k, &id, &time, &number)) /* beside the blocks: made anew by load */
        return k.n == CRM__KEY_EVENT_ROW ? CRM_OK : row_fault(d, KV_EVENT, k);
    crm__arena_reset(&d->d.arena);
    rc = crm__event_block_decode(&d->d.arena, time, number, v, &b);
    if (rc)
        return line(d, rc, KV_EVENT, k);
    for (uint32_t i = 0; i < b.count && !rc; i++) {
        d->result.events++;
        rc = line(d, crm__dump_event(&d->d, id, &b.events[i]), KV_EVENT, k);
    }
    return rc;
}

static int on_batch(dump *d, crm__slice k, crm__slice v)
{
    crm__batch b;
    int rc;

    (void)v;
    if (k.n != CRM__KEY_BATCH)
        return row_fault(d, KV_META, k);
    crm__arena_reset(&d->d.txn->work);
    rc = crm__batch_read(d->d.txn, crm__get_be64(k.p + 6), &b);
    if (!rc)
        rc = crm__dump_batch(&d->d, crm__get_be64(k.p + 6), &b);
    return line(d, rc, KV_META, k);
}

static int on_entry(dump *d, crm__slice k, crm__slice v)
{
    if (k.n != CRM__KEY_U64)
        return row_fault(d, KV_JOURNAL, k);
    d->result.revision = crm__get_be64(k.p);
    return line(d, crm__dump_entry(&d->d, crm__get_be64(k.p), v), KV_JOURNAL, k);
}

static int on_image(dump *d, crm__slice k, crm__slice v)
{
    if (k.n != CRM__KEY_IMAGE)
        return row_fault(d, KV_IMAGE, k);
    return line(d, crm__dump_image(&d->d, crm__get_be64(k.p), crm__get_be64(k.p + 8), v), KV_IMAGE,
                k);
}

static int on_tagged(dump *d, crm__slice k, crm__slice v)
{
    if (k.n != CRM__KEY_TAGGED)
        return row_fault(d, KV_TAGGED, k);
    if (crm__get_be32(k.p) == CRM__TAGGED_HOW)
        return CRM_OK; /* behind them, with lines of their own */
    return line(d, crm__dump_tagged(&d->d, k, v), KV_TAGGED, k);
}

static int on_given(dump *d, crm__slice k, crm__slice v)
{
    crm__tag_how how;
    uint64_t seq;
    int rc;

    (void)v;
    if (k.n != CRM__KEY_TAGGED)
        return row_fault(d, KV_TAGGED, k);
    seq = crm__get_be64(k.p + 8);
    rc = crm__tag_how_read(d->d.txn, seq, crm__get_be32(k.p + 16), &how);
    if (!rc)
        rc = crm__dump_given(&d->d, seq, crm__get_be32(k.p + 16), &how);
    return line(d, rc, KV_TAGGED, k);
}

static int each_name(dump *d)
{
    int rc = CRM_OK;

    for (int cls = 0; cls < CRM__DICT_CLASSES && !rc; cls++) {
        uint8_t prefix[2] = {crm__dict_class_byte(cls), 1};
        if (crm__class_word(cls))
            rc = each(d, KV_DICT, crm__slice_of(prefix, 2), on_name);
    }
    return rc;
}

static int on_segment(dump *d, crm__slice k, crm__slice v)
{
    crm__slice name;
    crm__saved s;
    int rc = crm__saved_split(k, v, &name, &s);

    return rc ? row_fault(d, KV_META, k) : line(d, crm__dump_segment(&d->d, name, &s), KV_META, k);
}

static int on_watch(dump *d, crm__slice k, crm__slice v)
{
    crm__live_watch w;
    int rc;

    crm__arena_reset(&d->d.arena);
    rc = crm__live_watch_split(k, v, &d->d.arena, &w);
    if (rc == CRM_ENOMEM)
        return rc;
    return rc ? row_fault(d, KV_META, k) : line(d, crm__dump_watch(&d->d, &w), KV_META, k);
}

static int on_clock(dump *d)
{
    crm__slice key = crm__slice_of("live", 4);
    crm__live_clock c;
    int rc = crm__live_clock_read(d->d.txn, &c);

    if (rc == CRM_ENOTFOUND)
        return CRM_OK;
    if (rc && rc != CRM_ECORRUPT)
        return crm__txn_fail(d->d.txn, rc, "can't read", d->err);
    return rc ? row_fault(d, KV_META, key) : line(d, crm__dump_clock(&d->d, &c), KV_META, key);
}

static int all_lines(dump *d)
{
    static const crm__slice ALL = {NULL, 0};
    const crm__model *m;
    uint8_t sum[CRM__DIGEST];
    int rc = crm__txn_model(d->d.txn, &m, d->err);

    if (!rc)
        rc = line(d, crm__dump_head(&d->d, crm__model_version(m)), KV_META, ALL);
    if (!rc)
        rc = each(d, KV_META, crm__slice_of("model/", 6), on_model);
    if (!rc)
        rc = each_name(d);
    if (!rc)
        rc = each(d, KV_CUSTOMER, ALL, on_customer);
    if (!rc)
        rc = each(d, KV_EVENT, ALL, on_event);
    if (!rc)
        rc = each(d, KV_META, crm__slice_of("batch/", 6), on_batch);
    if (!rc)
        rc = each(d, KV_META, crm__slice_of("segment/", 8), on_segment);
    if (!rc)
        rc = each(d, KV_META, crm__slice_of("watch/", 6), on_watch);
    if (!rc)
        rc = on_clock(d);
    if (!rc)
        rc = each(d, KV_JOURNAL, ALL, on_entry);
    if (!rc)
        rc = each(d, KV_IMAGE, ALL, on_image);
    if (!rc)
        rc = each(d, KV_TAGGED, ALL, on_tagged);
    if (!rc)
        rc = each(d, KV_TAGGED, crm__slice_of("\xff\xff\xff\xff", 4), on_given);
    if (rc)
        return rc;
    memcpy(sum, d->out.sum, sizeof sum);
    rc = line(d, crm__dump_end(&d->d, d->out.lines, sum), KV_META, ALL);
    return rc ? rc : crm__dump_out_end(&d->out, d->err);
}

/* ---- the text, and the file ---- */

static uint64_t rows_expected(kv_txn *txn)
{
    static const kv_space SPACES[] = {KV_CUSTOMER, KV_EVENT, KV_JOURNAL, KV_IMAGE, KV_TAGGED};
    uint64_t n = 0;
    kv_stat st;

    for (size_t i = 0; i < sizeof SPACES / sizeof *SPACES; i++) {
        if (!txn->ops->stat(txn, SPACES[i], &st))
            n += st.entries;
    }
    return n;
}

/* Writes the snapshot to fd, or to opts->write.  The caller closes d->out. */
static int write_text(dump *d, crm_txn *txn, const crm_allocator *mem, int fd,
                      const crm_dump_options *o)
{
    int rc = crm__dump_out_open(&d->out, mem, fd, o, d->err);

    if (rc)
        return rc;
    d->d.txn = txn;
    crm__dump_names_init(&d->d.names, mem);
    crm__buf_init(&d->d.line, mem);
    crm__arena_init(&d->d.arena, mem);
    rc = all_lines(d);
    crm__dump_names_clear(&d->d.names);
    crm__buf_clear(&d->d.line);
    crm__arena_clear(&d->d.arena);
    crm__record_clear(mem, &d->d.record);
    return rc;
}

static int write_file(dump *d, crm_txn *txn, const crm_allocator *mem, const crm__part *part,
                      const crm_dump_options *o)
{
    int fd = open(part->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), rc;

    if (fd < 0)
        return crm__fail_sys(d->err, crm__file_code(errno), errno, "can't write the dump: %s",
                             strerror(errno));
    rc = write_text(d, txn, mem, fd, o);
    close(fd);
    return rc;
}

/* Ends the transaction, which may be the last to hold the handle: mem is a copy. */
static int to_file(dump *d, crm_txn *txn, const char *file, const crm_allocator *mem,
                   const crm_dump_options *o)
{
    int replace = (o->flags & CRM_DUMP_REPLACE) != 0;
    crm__part part;
    int rc = crm__part_open(mem, file, SUFFIX, &part, d->err);

    if (rc) {
        crm_txn_abort(txn);
        return rc;
    }
    rc = write_file(d, txn, mem, &part, o);
    crm_txn_abort(txn);
    if (!rc)
        rc = crm__file_sync(part.data, d->err);
    if (!rc) {
        d->w->total = d->w->done + crm__file_bytes(part.data) / CRM__WORK_PAGE;
        rc = crm__dump_out_verify(&d->out, part.data, d->w, d->err);
    }
    if (!rc)
        rc = crm__file_place(mem, part.data, file, replace, d->err);
    crm__dump_out_close(&d->out);
    crm__part_close(&part);
    return rc;
}

static int to_writer(dump *d, crm_txn *txn, const crm_allocator *mem, const crm_dump_options *o)
{
    int rc = write_text(d, txn, mem, -1, o);

    crm_txn_abort(txn);
    crm__dump_out_close(&d->out);
    return rc;
}

/* ---- the call ---- */

static int judge_options(const char *file, const crm_dump_options *o, size_t struct_size,
                         const crm_dump_result *out, crm_error *err)
{
    if ((o->flags & ~(CRM_DUMP_GZIP | CRM_DUMP_REPLACE | CRM_DUMP_READONLY)) || o->reserved ||
        (out && struct_size < sizeof(size_t)))
        return crm__fail_field(err, CRM_EINVAL, "options", "an option this library does not know");
    if (o->allocator || o->size_limit)
        return crm__fail_field(err, CRM_EINVAL, "options", "an option of another call");
    if (file && !*file)
        return crm__fail_field(err, CRM_EINVAL, "file", "file is empty");
    if (!file == !o->write)
        return crm__fail_field(err, CRM_EINVAL, "file", "either a file or a write function");
    return CRM_OK;
}

static void give_result(crm_dump_result *out, size_t struct_size, const dump *d, uint64_t source)
{
    crm_dump_result r = d->result;

    if (!out)
        return;
    if (struct_size > sizeof r)
        struct_size = sizeof r;
    r.size = struct_size;
    r.lines = d->out.lines;
    r.source_bytes = source;
    r.bytes = d->out.bytes;
    memcpy(out, &r, struct_size);
}

int crm_dump(crm_db *db, const char *file, const crm_dump_options *opts, size_t struct_size,
             crm_dump_result *out, crm_error *err)
{
    crm_error local = CRM_ERROR_INIT;
    crm_dump_options o;
    crm_allocator mem;
    crm__work w;
    kv_info info;
    crm_txn *txn;
    dump d;
    int rc;

    memset(&d, 0, sizeof d);
    memset(&w, 0, sizeof w);
    memset(&info, 0, sizeof info);
    d.err = err ? err : &local;
    d.w = &w;
    rc = crm__options_read(&o, sizeof o, opts, "options", d.err);
    if (!rc)
        rc = judge_options(file, &o, struct_size, out, d.err);
    if (!rc)
        rc = crm_txn_begin(db, CRM_READ, NULL, &txn, d.err);
    if (rc)
        return rc;
    /* The snapshot comes first, so that a dump holds no entry of its own, and that of what was
     * loaded from it is equal; the entry is there before the first byte goes out. */
    if (file)
        rc = crm__place_judge(txn->store, file, (o.flags & CRM_DUMP_REPLACE) != 0, "dump", d.err);
    if (!rc)
        rc = crm__whole_handout(db, CRM__ACTION_DUMP, (o.flags & CRM_DUMP_READONLY) != 0,
                                o.reason ? o.reason : "dump", o.actor, d.err);
    if (rc) {
        crm_txn_abort(txn);
        return crm__backup_end(rc, d.err);
    }
    if (txn->store->kv->ops->info(txn->store->kv, &info))
        info.file_bytes = 0;
    mem = db->mem;
    w.fn = o.progress;
    w.ctx = o.progress_ctx;
    w.total = rows_expected(txn->kv);
    rc = file ? to_file(&d, txn, file, &mem, &o) : to_writer(&d, txn, &mem, &o);
    if (!rc)
        give_result(out, struct_size, &d, info.file_bytes);
    return crm__backup_end(rc, d.err);
}
