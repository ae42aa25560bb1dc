/* SPDX-License-Identifier: MIT
 * crm_load(): a database of a dump.  The text is untrusted: each line is judged, written as rows by
 * the functions that every change goes through, in commits of bounded size, into a data file aside;
 * what was made is checked as a whole before it gets its name.
 */
#include "io/load.h"

#include <stdlib.h>
#include <string.h>

/* LINE_MOST: the largest record, each byte of it as an escape, and room around it. */
enum { READ = 1 << 18, LINE_MOST = 128 << 20, READERS = 8 };

/* ---- the text ---- */

/* The next line without its end.  CRM_DONE: there is none. */
static int next_line(crm__loading *l, crm__slice *line)
{
    size_t seen = 0, got;

    for (;;) {
        const uint8_t *from = l->text.p ? l->text.p + l->at : NULL;
        size_t n = l->text.n - l->at;
        const uint8_t *end = n > seen ? memchr(from + seen, '\n', n - seen) : NULL;
        uint8_t *to;
        int rc;
        if (end) {
            *line = crm__slice_of(from, (size_t)(end - from));
            l->at += line->n + 1;
            return CRM_OK;
        }
        if (l->ended)
            return n ? crm__fail_at(l->err, CRM_ECORRUPT, (int64_t)l->result.lines + 1, -1,
                                    "line %llu: the dump ends within it",
                                    (unsigned long long)l->result.lines + 1)
                     : CRM_DONE;
        if (n > LINE_MOST)
            return crm__fail_at(l->err, CRM_ECORRUPT, (int64_t)l->result.lines + 1, -1,
                                "line %llu: it is longer than any line of a dump",
                                (unsigned long long)l->result.lines + 1);
        seen = n;
        if (l->at)
            memmove(l->text.p, l->text.p + l->at, n);
        l->text.n = n;
        l->at = 0;
        to = crm__buf_reserve(&l->text, READ);
        if (!to)
            return crm__fail_nomem(l->err);
        rc = crm__source_read(l->from, to, READ, &got, l->err);
        if (rc)
            return rc;
        l->text.n += got;
        l->ended = got < READ;
    }
}

/* ---- the whole text ---- */

static const struct {
    int (*read)(crm__loading *l, crm__members *m);
    int once;
} SORTS[CRM__LINES] = {
    [CRM__LINE_HEAD] = {crm__load_line_head, 1},
    [CRM__LINE_MODEL] = {crm__load_line_model, 0},
    [CRM__LINE_NAME] = {crm__load_line_name, 0},
    [CRM__LINE_CUSTOMER] = {crm__load_line_customer, 0},
    [CRM__LINE_EVENT] = {crm__load_line_event, 0},
    [CRM__LINE_BATCH] = {crm__load_line_batch, 0},
    [CRM__LINE_SEGMENT] = {crm__load_line_segment, 0},
    [CRM__LINE_ENTRY] = {crm__load_line_entry, 0},
    [CRM__LINE_WATCH] = {crm__load_line_watch, 0},
    [CRM__LINE_CLOCK] = {crm__load_line_clock, 1},
    [CRM__LINE_IMAGE] = {crm__load_line_image, 0},
    [CRM__LINE_TAGGED] = {crm__load_line_tagged, 0},
    [CRM__LINE_GIVEN] = {crm__load_line_given, 0},
    [CRM__LINE_END] = {crm__load_line_end, 1},
};

/* Models and names are all there, and what follows needs them. */
static int begin_content(crm__loading *l)
{
    int rc;

    if (!l->models || l->models != l->model_version)
        return crm__fail_at(l->err, CRM_ECORRUPT, (int64_t)l->result.lines, -1,
                            "line %llu: the last model is not the one in force",
                            (unsigned long long)l->result.lines);
    rc = crm__load_end_commit(l, 1);
    return rc ? rc : crm__txn_model(l->txn, &l->model, l->err);
}

/* Between two sorts of lines. */
static int turn_to(crm__loading *l, crm__members *m, int sort)
{
    int rc = CRM_OK, before = l->section;

    if (sort < before || (sort == before && SORTS[sort].once) ||
        (before < 0) != (sort == CRM__LINE_HEAD))
        return crm__members_fail(
            m, sort && before < 0 ? CRM_ECORRUPT : CRM_EVALUE, crm__line_word(sort),
            before < 0 ? "the file is not a dump" : "such a line can't stand here");
    if (sort == before)
        return CRM_OK;
    if (before <= CRM__LINE_NAME && sort > CRM__LINE_NAME)
        rc = begin_content(l);
    if (!rc && before <= CRM__LINE_EVENT)
        rc = crm__load_end_timeline(l);
    if (!rc && before == CRM__LINE_TAGGED)
        rc = crm__load_end_tag(l);
    l->section = sort;
    l->last = l->last_id = 0;
    return rc;
}

static int sort_of(const crm__json *object)
{
    const crm__json *value;
    const void *at = NULL;
    const char *name;

    if (crm__json_kind(object) != CRM__JSON_OBJECT || !crm__json_next(object, &at, &name, &value))
        return -1;
    for (int i = 0; i < CRM__LINES; i++) {
        if (strcmp(name, crm__line_word(i)) == 0)
            return i;
    }
    return -1;
}

static int read_line(crm__loading *l, crm__slice line)
{
    crm__members m = {.line = l->result.lines, .err = l->err};
    crm__json *root;
    int rc, sort;

    rc = crm__json_parse(l->mem, (const char *)line.p, line.n, &root, l->err);
    if (rc == CRM_ESYNTAX) {
        int64_t offset = l->err->offset;
        rc = crm__fail_at(l->err, rc, (int64_t)m.line, offset,
                          "line %llu: it is not JSON, at byte %lld", (unsigned long long)m.line,
                          (long long)offset);
    }
    if (rc)
        return rc;
    m.object = root;
    sort = sort_of(root);
    if (sort < 0)
        rc = crm__members_fail(&m, l->section < 0 ? CRM_ECORRUPT : CRM_EVALUE, "line",
                               l->section < 0 ? "the file is not a dump"
                                              : "its first member is not that of a line");
    if (!rc)
        rc = turn_to(l, &m, sort);
    l->loaded.arena = sort == CRM__LINE_EVENT ? &l->timeline : &l->arena;
    crm__arena_reset(&l->arena);
    if (!rc)
        rc = SORTS[sort].read(l, &m);
    crm__json_free(root);
    if (!rc && sort != CRM__LINE_END)
        crm__line_sum(l->sum, line.p, line.n);
    return rc;
}

static int all_lines(crm__loading *l)
{
    uint64_t before = 0;
    crm__slice line = {NULL, 0};
    int rc = CRM_OK;

    while (!rc && (rc = next_line(l, &line)) == CRM_OK) {
        uint64_t taken = crm__source_taken(l->from) / CRM__WORK_PAGE;
        l->result.lines++;
        rc = read_line(l, line);
        if (!rc)
            rc = crm__load_commit_some(l);
        if (!rc && taken != before)
            rc = crm__work_step(&l->w, taken - before, l->err);
        before = taken;
    }
    if (rc != CRM_DONE)
        return rc;
    if (l->section != CRM__LINE_END)
        return crm__fail(l->err, CRM_ECORRUPT,
                         l->section < 0 ? "the file is not a dump" : "the dump ends early");
    return crm__load_end_commit(l, 0);
}

/* ---- the data file ---- */

static int with_txn(crm__loading *l)
{
    int rc = crm__txn_new(&l->db, 1, NULL, &l->txn, l->err);

    if (rc)
        return rc;
    crm__dump_names_init(&l->names, l->mem);
    crm__arena_init(&l->arena, l->mem);
    crm__arena_init(&l->timeline, l->mem);
    crm__buf_init(&l->text, l->mem);
    crm__buf_init(&l->bytes, l->mem);
    l->loaded.mem = l->mem;
    l->loaded.names = &l->names;
    crm__buf_init(&l->loaded.scratch, l->mem);
    crm__buf_init(&l->loaded.name, l->mem);
    l->section = -1;
    rc = l->store.kv->ops->begin(l->store.kv, 1, &l->txn->kv, l->err);
    if (!rc)
        rc = all_lines(l);
    crm__txn_detach(l->txn);
    if (l->txn->kv)
        l->txn->kv->ops->abort(l->txn->kv);
    crm__txn_free(l->txn);
    crm__dump_names_clear(&l->names);
    crm__arena_clear(&l->arena);
    crm__arena_clear(&l->timeline);
    crm__buf_clear(&l->text);
    crm__buf_clear(&l->bytes);
    crm__buf_clear(&l->loaded.scratch);
    crm__buf_clear(&l->loaded.name);
    crm__record_clear(l->mem, &l->loaded.record);
    return rc;
}

typedef struct checking {
    crm__loading *l;
    uint64_t base;
    char what[CRM_MESSAGE_SIZE];
} checking;

static void on_fault(const crm_fault *fault, void *ctx)
{
    checking *c = ctx;

    if (!c->what[0])
        strncpy(c->what, fault->message, sizeof c->what - 1);
}

static int on_progress(uint64_t done, uint64_t total, void *ctx)
{
    checking *c = ctx;
    crm__work *w = &c->l->w;

    if (!w->fn)
        return 0;
    return w->fn(c->base + done, c->base + (total > done ? total : done), w->ctx);
}

/* Pages, check tags, journal, and that the rest is what records and events say. */
static int check(crm__loading *l, const char *dir)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    checking c = {l, l->w.done, {0}};
    int rc;

    o.allocator = l->mem;
    o.fault = on_fault;
    o.fault_ctx = &c;
    o.progress = on_progress;
    o.progress_ctx = &c;
    rc = crm_check(dir, &o, sizeof(crm_check_result), NULL, l->err);
    if (rc == CRM_ECORRUPT && c.what[0])
        return crm__fail(l->err, rc, "the dump gives no sound database: %.200s", c.what);
    return rc;
}

static int make(void *ctx, const crm__part *part, crm_error *err)
{
    crm__loading *l = ctx;
    kv_options kv = {
        .mem = l->mem, .create = 1, .max_readers = READERS, .size_limit = l->o->size_limit};
    int rc;

    l->store.mem = *l->mem;
    l->db.store = &l->store;
    l->db.mem = *l->mem;
    atomic_store(&l->db.refs, 2); /* never the last: the handle is a part of l */
    rc = crm__kv_open(part->dir, &kv, &l->store.kv, err);
    if (rc)
        return rc;
    pthread_mutex_init(&l->store.model_lock, NULL);
    rc = with_txn(l);
    crm__model_unref(l->store.model);
    l->store.model = NULL;
    pthread_mutex_destroy(&l->store.model_lock);
    l->store.kv->ops->close(l->store.kv);
    if (!rc)
        rc = check(l, part->dir);
    return rc;
}

static int judge_call(const char *file, const char *path, const crm_dump_options *o,
                      size_t struct_size, const crm_dump_result *out, crm_allocator *mem,
                      crm_error *err)
{
    if (o->flags || o->reserved || (out && struct_size < sizeof(size_t)))
        return crm__fail_field(err, CRM_EINVAL, "options", "an option this library does not know");
    if (o->write)
        return crm__fail_field(err, CRM_EINVAL, "options", "an option of another call");
    if (crm__allocator_read(o->allocator, mem))
        return crm__fail_field(err, CRM_EINVAL, "allocator", "the allocator lacks a function");
    if (!file || !*file)
        return crm__fail_field(err, CRM_EINVAL, "file", "file is empty");
    if (!path || !*path)
        return crm__fail_field(err, CRM_EINVAL, "path", "path is empty");
    if (!crm__kv_lmdb_absent(path))
        return crm__fail(err, CRM_EEXISTS, "there is a database in the folder");
    return CRM_OK;
}

int crm_load(const char *file, const char *path, const crm_dump_options *opts, size_t struct_size,
             crm_dump_result *out, crm_error *err)
{
    crm_error local = CRM_ERROR_INIT;
    crm_dump_options o;
    crm_allocator mem;
    crm__loading *l;
    int rc;

    if (!err)
        err = &local;
    rc = crm__options_read(&o, sizeof o, opts, "options", err);
    if (!rc)
        rc = judge_call(file, path, &o, struct_size, out, &mem, err);
    if (rc)
        return rc;
    l = crm__calloc(&mem, 1, sizeof *l);
    if (!l)
        return crm__fail_nomem(err);
    l->o = &o;
    l->mem = &mem;
    l->err = err;
    l->w.fn = o.progress;
    l->w.ctx = o.progress_ctx;
    rc = crm__source_open(&mem, file, &l->from, err);
    if (!rc) {
        l->result.source_bytes = crm__source_bytes(l->from);
        l->w.total = l->result.source_bytes / CRM__WORK_PAGE * 2;
        rc = crm__database_make(&mem, path, "load", make, l, &l->result.bytes, err);
        crm__source_close(l->from);
    }
    if (!rc && out) {
        l->result.size = struct_size < sizeof l->result ? struct_size : sizeof l->result;
        memcpy(out, &l->result, l->result.size);
    }
    crm__release(&mem, l);
    return crm__backup_end(rc, err);
}
