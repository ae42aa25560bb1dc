/* SPDX-License-Identifier: MIT
 * What crm_check() looks at: every page, every value's check tag, the journal's sequence, and that
 * the derived spaces are what the records say.
 *
 * Nothing is read through mapped memory.  Pages stay what they are while they are read in two
 * cases: no writer commits twice meanwhile (the engine never writes to pages of its last snapshot),
 * or a reader slot holds the snapshot.  So the check first reads as it is; only if the file moved
 * on underneath does it open the database, to hold a snapshot, and read again.
 */
#include "db/check.h"

#include "db/due.h"
#include "db/index.h"
#include "db/live.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void crm_check_options_init(crm_check_options *opts)
{
    if (!opts)
        return;
    memset(opts, 0, sizeof *opts);
    opts->size = sizeof *opts;
}

void crm__check_fault(crm__check *c, const char *space, crm_id customer, int64_t page,
                      const char *fmt, ...)
{
    char text[CRM_MESSAGE_SIZE];
    crm_fault fault;
    va_list ap;

    c->result.faults++;
    for (int i = KV_IDENTITY; i < KV_SPACES; i++)
        c->mendable[i] += strcmp(space, crm__kv_space_name((kv_space)i)) == 0;
    if (!c->opts.fault)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    memset(&fault, 0, sizeof fault);
    fault.size = sizeof fault;
    fault.space = space;
    fault.customer = customer;
    fault.page = page;
    fault.message = text;
    c->opts.fault(&fault, c->opts.fault_ctx);
}

void crm__check_mendable(crm__check *c, kv_space space)
{
    c->mendable[space]++;
}

int crm__check_step(crm__check *c, uint64_t n)
{
    uint64_t before = c->work;

    c->work += n;
    if (c->opts.progress && (!before || (before >> 12) != (c->work >> 12)) &&
        c->opts.progress(c->work, c->work > c->work_all ? c->work : c->work_all,
                         c->opts.progress_ctx))
        return CRM_ECANCELLED;
    return CRM_OK;
}

void crm__sum_add(crm__sum *s, uint64_t seed, const void *p, size_t n, int sign)
{
    uint64_t a = crm__hash64(seed, p, n), b = crm__hash64(~seed, p, n);

    s->a += sign > 0 ? a : 0 - a;
    s->b += sign > 0 ? b : 0 - b;
    s->count += sign > 0 ? 1 : UINT64_MAX;
}

int crm__check_rows(crm__check *c, kv_space space,
                    int (*row)(crm__check *, crm__slice, crm__slice, void *), void *ctx)
{
    crm__slice k, v;
    kv_cursor *cur;
    int rc = c->txn->kv->ops->cursor(c->txn->kv, space, &cur);

    if (rc == CRM_ENOMEM)
        return rc;
    if (!rc) {
        rc = cur->ops->seek(cur, KV_FIRST, crm__slice_of(NULL, 0), &k, &v);
        while (!rc) {
            rc = row(c, k, v, ctx);
            if (!rc)
                rc = crm__check_step(c, 1);
            if (!rc)
                rc = cur->ops->next(cur, &k, &v);
        }
        cur->ops->cursor_close(cur);
    }
    if (rc == CRM_ENOTFOUND)
        return CRM_OK;
    if (rc == CRM_ECORRUPT) {
        crm__check_fault(c, crm__kv_space_name(space), 0, -1,
                         "a page can't be read: rows are missing");
        return CRM_OK;
    }
    return rc;
}

/* ---- pages ---- */

typedef struct page_walk {
    crm__check *c;
    int cancelled;
} page_walk;

static void page_fault(const char *what, int64_t page, const char *space, void *ctx)
{
    page_walk *w = ctx;
    const char *name = "file"; /* a static text: the fault is kept */
    int whole = space ? strcmp(space, "free list") == 0 : page >= 2; /* no rows stand there */

    for (int i = 0; space && i < KV_SPACES; i++) {
        if (strcmp(space, crm__kv_space_name((kv_space)i)) == 0) {
            name = crm__kv_space_name((kv_space)i);
            whole = crm__kv_space_derived((kv_space)i);
        }
    }
    w->c->pages_lost += !whole;
    crm__check_fault(w->c, name, 0, page, "%s", what);
}

static int page_progress(uint64_t done, uint64_t total, void *ctx)
{
    page_walk *w = ctx;

    return w->c->opts.progress ? w->c->opts.progress(done, total, w->c->opts.progress_ctx) : 0;
}

/* LMDB opens no file that lacks one of the names.  Where no rows stand under another name the space
 * was empty, and nothing but its name is lost. */
static void check_names(crm__check *c, const kv_page_summary *s)
{
    page_walk w = {c, 0};
    char what[80];

    for (int i = 0; i < KV_STORED; i++) {
        const char *name = crm__kv_space_name((kv_space)i);
        if (!(s->unnamed >> i & 1))
            continue;
        snprintf(what, sizeof what, "is the root of a directory without the space %s", name);
        page_fault(what, (int64_t)s->directory, s->strange ? name : NULL, &w);
        c->pages++;
    }
}

static int check_pages(crm__check *c, crm_error *err)
{
    page_walk w = {c, 0};
    kv_page_summary s;
    uint64_t before = c->result.faults;
    int rc = crm__kv_page_walk(c->txn->kv, page_fault, page_progress, &w, &s, err);

    if (rc)
        return rc;
    c->pages = s.faults;
    c->result.pages = s.reachable + s.free_pages;
    /* Faults beyond those handed out one by one count all the same. */
    if (c->result.faults - before < s.faults)
        c->result.faults = before + s.faults;
    check_names(c, &s);
    return CRM_OK;
}

/* ---- plain rows: meta, dict, and spaces without use yet ---- */

static int row_meta(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    crm__slice payload;

    (void)ctx;
    if (k.n == 6 && memcmp(k.p, "format", 6) == 0)
        return CRM_OK; /* judged when the file was opened */
    if (crm__untag(&c->store, KV_META, k, v, &payload))
        crm__check_fault(c, "meta", 0, -1, "a row is damaged");
    else if (k.n == CRM__KEY_BATCH && memcmp(k.p, "batch/", 6) == 0)
        crm__check_batch(c, crm__get_be64(k.p + 6));
    return CRM_OK;
}

static int row_dict(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    crm__slice payload, back;
    uint8_t key[CRM__DICT_NAME + 2];
    size_t n;
    int rc;

    (void)ctx;
    if (crm__untag(&c->store, KV_DICT, k, v, &payload) || k.n < 2 || payload.n > CRM__DICT_NAME ||
        (k.p[1] == 0 && payload.n != 4)) {
        crm__check_fault(c, "dict", 0, -1, "a row is damaged");
        return CRM_OK;
    }
    /* Each direction has its other. */
    key[0] = k.p[0];
    key[1] = !k.p[1];
    if (k.p[1] == 0) {
        crm__put_be32(key + 2, crm__get_le32(payload.p));
        n = 6;
    } else {
        memcpy(key + 2, payload.p, payload.n);
        n = payload.n + 2;
    }
    rc = crm__txn_read(c->txn, KV_DICT, crm__slice_of(key, n), &back);
    if (rc == CRM_ENOMEM || rc == CRM_EIO)
        return rc;
    if (rc)
        crm__check_fault(c, "dict", 0, -1, "a name and its number do not point to each other");
    return CRM_OK;
}

/* Numbers of a column inside of a gap that the clock passes over. */
static int in_gap(crm__check *c, uint64_t chunk, uint32_t column, const crm__gap *gap)
{
    crm__limits l = {gap->from, gap->until - 1, 0, 0, CRM__LIMIT_LO | CRM__LIMIT_HI};
    uint64_t words[CRM__COLUMN_WORDS], any = 0;
    crm__buf room;
    int rc = CRM_OK;

    crm__buf_init(&room, &c->mem);
    for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS && !rc && !any; b++) {
        uint8_t key[CRM__KEY_COLUMN];
        crm__column block;
        rc = crm__txn_column(c->txn, crm__key_column(key, chunk, column, b), &room, &block);
        if (!rc)
            crm__column_range(&block, &l, words);
        for (int w = 0; w < CRM__COLUMN_WORDS && !rc; w++)
            any |= words[w];
        rc = rc == CRM_ENOTFOUND ? CRM_OK : rc;
    }
    crm__buf_clear(&room);
    return rc ? rc : any != 0;
}

static int row_due(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    const crm__live_clock *clock = ctx;
    crm__slice payload;
    crm__due due;
    int rc = CRM_OK;

    if (crm__untag(&c->store, KV_DUE, k, v, &payload) || k.n != 8 ||
        crm__due_decode(payload, &due)) {
        crm__check_fault(c, "due", 0, -1, "a row is damaged");
        return CRM_OK;
    }
    for (uint32_t i = 0; clock && due.stamp == clock->stamp && i < due.count && !rc; i++) {
        if (due.gaps[i].from < due.gaps[i].until)
            rc = in_gap(c, crm__get_be32(k.p), crm__get_be32(k.p + 4), &due.gaps[i]);
    }
    if (rc > 0)
        crm__check_fault(c, "due", 0, -1, "the clock would pass over numbers of a column");
    return rc == CRM_ENOMEM || rc == CRM_EIO ? rc : CRM_OK; /* else the column is told of */
}

static int row_unused(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    (void)k;
    (void)v;
    crm__check_fault(c, crm__kv_space_name(*(const kv_space *)ctx), 0, -1,
                     "a row in a space this format does not use");
    return CRM_OK;
}

static int check_plain(crm__check *c)
{
    static const uint8_t USED[KV_SPACES] = {
        [KV_META] = 1,     [KV_CUSTOMER] = 1, [KV_JOURNAL] = 1, [KV_DICT] = 1,  [KV_BITS] = 1,
        [KV_IDENTITY] = 1, [KV_COLUMN] = 1,   [KV_EVENT] = 1,   [KV_IMAGE] = 1, [KV_DAY] = 1,
        [KV_TAG] = 1,      [KV_TAGGED] = 1,   [KV_DUE] = 1};
    crm__live_clock clock;
    int rc = crm__check_rows(c, KV_META, row_meta, NULL);

    if (!rc)
        rc = crm__check_rows(c, KV_DICT, row_dict, NULL);
    if (!rc)
        rc = crm__check_rows(c, KV_DUE, row_due,
                             crm__live_clock_read(c->txn, &clock) ? NULL : &clock);
    for (int i = 0; i < KV_SPACES && !rc; i++) {
        kv_space space = (kv_space)i;
        if (!USED[i])
            rc = crm__check_rows(c, space, row_unused, &space);
    }
    return rc;
}

/* ---- records ---- */

static int check_values(const crm__record *r)
{
    for (uint32_t i = 0; i < r->entry_count; i++) {
        crm__slice item;
        crm__value v;
        size_t pos = 0;
        int rc;
        while ((rc = crm__entry_next(&r->entries[i], &pos, &item)) == CRM_OK) {
            if (crm__value_decode(r->entries[i].type, r->entries[i].scoped, item, &v))
                return CRM_ECORRUPT;
        }
        if (rc != CRM_DONE)
            return rc;
    }
    return CRM_OK;
}

static int row_customer(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    crm__record *r = ctx;
    crm__slice payload;
    crm_id id = k.n == CRM__KEY_U64 ? crm__get_be64(k.p) : 0;
    int rc;

    c->result.customers++;
    rc = id ? crm__untag(&c->store, KV_CUSTOMER, k, v, &payload) : CRM_ECORRUPT;
    if (!rc)
        rc = crm__record_decode(&c->mem, payload, r);
    if (!rc)
        rc = check_values(r);
    if (rc == CRM_ENOMEM)
        return rc;
    if (rc) {
        crm__check_fault(c, "customer", id, -1, "the record of customer %llu is damaged",
                         (unsigned long long)id);
        return CRM_OK;
    }
    if (id != c->last_id + 1)
        crm__check_fault(c, "customer", id, -1, "customers %llu to %llu are missing",
                         (unsigned long long)(c->last_id + 1), (unsigned long long)(id - 1));
    c->last_id = id;
    crm__check_change(c, id, r->seq, 1);
    if (r->flags & CRM__RECORD_DELETED)
        c->deleted++;
    else
        c->live++;
    return CRM_OK;
}

static void check_counters(crm__check *c)
{
    if (c->batches.a || c->batches.b || c->batches.count)
        crm__check_fault(c, "meta", 0, -1, "the rows of batches and the journal's entries differ");
    if (!c->changes_lost && (c->last_change.a || c->last_change.b || c->last_change.count))
        crm__check_fault(c, "journal", 0, -1,
                         "the journal and the records do not tell the same last changes");
    if (c->counters.live != c->live || c->counters.deleted != c->deleted)
        crm__check_fault(c, "journal", 0, -1,
                         "the journal counts %llu live and %llu deleted customers, there are %llu "
                         "and %llu",
                         (unsigned long long)c->counters.live,
                         (unsigned long long)c->counters.deleted, (unsigned long long)c->live,
                         (unsigned long long)c->deleted);
    if (c->counters.next_id != c->last_id + 1)
        crm__check_fault(c, "journal", 0, -1, "the last customer is not the last one given out");
}

static int check_primary(crm__check *c)
{
    crm__record r;
    int rc = check_plain(c);

    memset(&r, 0, sizeof r);
    if (!rc)
        rc = crm__check_journal(c);
    if (!rc)
        rc = crm__check_rows(c, KV_CUSTOMER, row_customer, &r);
    crm__record_clear(&c->mem, &r);
    if (!rc)
        check_counters(c);
    if (!rc)
        rc = crm__check_tags(c);
    return rc;
}

/* ---- the whole ---- */

static uint64_t commit_number(kv_env *env)
{
    kv_info info;

    return env->ops->info(env, &info) ? 0 : info.commit;
}

static uint64_t count_rows(crm__check *c)
{
    uint64_t n = 0;

    for (int i = 0; i < KV_SPACES; i++) {
        kv_stat st;
        if (!c->txn->kv->ops->stat(c->txn->kv, (kv_space)i, &st))
            n += st.entries;
    }
    return n;
}

/* One pass over a file that does not move. */
static int check_once(crm__check *c, const char *path, uint64_t *commit, crm_error *err)
{
    kv_options kv = {.mem = &c->mem, .readonly = 1};
    int rc = crm__kv_open_pages(path, &kv, &c->store.kv, err);

    if (rc)
        return rc;
    atomic_store(&c->db.refs, 2); /* never the last: the handle is a part of c */
    rc = crm__txn_new(&c->db, 0, NULL, &c->txn, err);
    if (!rc) {
        rc = c->store.kv->ops->begin(c->store.kv, 0, &c->txn->kv, err);
        if (!rc) {
            *commit = commit_number(c->store.kv);
            rc = check_pages(c, err);
            if (!rc)
                rc = crm__format_read(&c->store, c->txn->kv, err);
            c->work_all = count_rows(c) * 2;
            if (rc == CRM_ENOTFOUND && (c->work_all || c->result.faults))
                rc = crm__fail(err, CRM_ECORRUPT, "the format header is missing");
            else if (rc == CRM_ENOTFOUND) /* its making was cut short */
                rc = crm__fail(err, rc, "no database there");
            if (!rc)
                rc = check_primary(c);
            if (!rc) {
                rc = crm__txn_model(c->txn, &c->model, NULL);
                c->trusted_model = !rc;
                if (!rc)
                    rc = crm__check_derived(c);
                else if (rc != CRM_ENOMEM && rc != CRM_EIO) {
                    crm__check_fault(c, "meta", 0, -1, "the model can't be read");
                    rc = CRM_OK;
                }
            }
            crm__txn_detach(c->txn);
            c->txn->kv->ops->abort(c->txn->kv);
            if (rc == CRM_ENOMEM)
                crm__fail_nomem(err);
        }
        crm__txn_free(c->txn);
    }
    c->store.kv->ops->close(c->store.kv);
    return rc;
}

/* The newest commit of the file, read anew. */
static uint64_t newest_commit(crm__check *c, const char *path)
{
    kv_options kv = {.mem = &c->mem, .readonly = 1};
    kv_env *env;
    kv_txn *txn;
    uint64_t n = 0;

    if (crm__kv_open_pages(path, &kv, &env, NULL))
        return 0;
    if (!env->ops->begin(env, 0, &txn, NULL)) {
        n = commit_number(env);
        txn->ops->abort(txn);
    }
    env->ops->close(env);
    return n;
}

/* Faults are kept back until it is sure that they are not the traces of a moving file. */
enum { KEPT_BYTES = 1 << 20 };

/* One behind another: struct, then message with NUL. */
static void keep_fault(const crm_fault *fault, void *ctx)
{
    crm__buf *kept = ctx;

    if (kept->n > KEPT_BYTES)
        return;
    crm__buf_add(kept, fault, sizeof *fault);
    crm__buf_add(kept, fault->message, strlen(fault->message) + 1);
}

/* The kept fault at *at, which moves on; 0 at the end. */
static int next_fault(const crm__buf *kept, size_t *at, crm_fault *fault)
{
    if (*at + sizeof *fault >= kept->n)
        return 0;
    memcpy(fault, kept->p + *at, sizeof *fault);
    fault->message = (const char *)kept->p + *at + sizeof *fault;
    *at += sizeof *fault + strlen(fault->message) + 1;
    return 1;
}

static uint64_t hash_of(const crm_fault *fault)
{
    uint64_t h = crm__hash64(fault->customer, fault->space, strlen(fault->space));

    return crm__hash64(h + (uint64_t)fault->page, fault->message, strlen(fault->message));
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

void crm__check_hand_out(const crm__buf *kept, const crm__buf *left, const crm_check_options *o)
{
    crm_fault fault;
    crm__buf hashes;
    uint64_t hash;
    size_t at = 0, n;

    crm__buf_init(&hashes, kept->mem);
    while (left && next_fault(left, &at, &fault)) {
        hash = hash_of(&fault);
        crm__buf_add(&hashes, &hash, sizeof hash);
    }
    n = hashes.n / sizeof hash;
    if (n)
        qsort(hashes.p, n, sizeof hash, by_hash);
    for (at = 0; o->fault && next_fault(kept, &at, &fault);) {
        hash = hash_of(&fault);
        fault.repaired = left != NULL;
        if (!n || !bsearch(&hash, hashes.p, n, sizeof hash, by_hash))
            o->fault(&fault, o->fault_ctx);
    }
    crm__buf_clear(&hashes);
}

static void reset(crm__check *c, const crm_check_options *o, const crm_allocator *mem,
                  crm__buf *kept)
{
    memset(c, 0, sizeof *c);
    c->opts = *o;
    c->opts.fault = keep_fault;
    c->opts.fault_ctx = kept;
    c->mem = *mem;
    c->store.mem = *mem;
    c->db.mem = *mem;
    c->db.store = &c->store;
    pthread_mutex_init(&c->store.model_lock, NULL);
    crm__random(&c->seed, sizeof c->seed);
    kept->n = 0;
}

static int judged(crm__check *c, int rc, crm_error *err)
{
    if (rc == CRM_ECORRUPT)
        crm__check_fault(c, "file", 0, -1, "%s", err->message);
    if (rc || !c->result.faults)
        return rc;
    return crm__fail(err, CRM_ECORRUPT, "%llu faults", (unsigned long long)c->result.faults);
}

/* A database that is being made is not looked at half-way. */
static int wait_for_maker(const char *path, crm_error *err)
{
    char name[4096];
    int fd;

    if (snprintf(name, sizeof name, "%s/crm.lock", path) >= (int)sizeof name)
        return crm__fail(err, CRM_EINVAL, "path is too long");
    fd = open(name, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        crm__lock_opening(fd, 1);
        crm__lock_opening(fd, 0);
        close(fd);
    }
    return CRM_OK;
}

/* The second pass, over a file that a snapshot keeps as it is.  When there is none to be had,
 * nothing is known of the file, and the reason is the result; a file too damaged to be opened is
 * what the first pass said of it, in rc and err. */
static int check_held(crm__check *c, const char *path, const crm_check_options *o,
                      const crm_allocator *mem, crm__buf *kept, int rc, crm_error *err)
{
    crm_db_options dbo = CRM_DB_OPTIONS_INIT;
    crm_error why = CRM_ERROR_INIT;
    uint64_t commit = 0;
    crm_txn *hold = NULL;
    crm_db *db = NULL;
    int held;

    dbo.flags = CRM_NOCREATE;
    dbo.allocator = mem;
    held = crm_db_open(path, &dbo, &db, &why);
    if (!held)
        held = crm_txn_begin(db, CRM_READ, NULL, &hold, &why);
    if (held != CRM_ECORRUPT) {
        crm__check_clear(c);
        reset(c, o, mem, kept);
        crm_error_init(err);
        rc = held ? crm__fail_copy(err, &why) : judged(c, check_once(c, path, &commit, err), err);
    }
    crm_txn_abort(hold);
    crm_db_close(db);
    return rc;
}

/* What an opening would do first.  While somebody has it open the file is whole as the kernel has it. */
static int finish_log(crm__check *c, const char *path)
{
    kv_options kv = {.mem = &c->mem};
    crm_error why = CRM_ERROR_INIT;
    int lock, rc;

    if (!crm__kv_lmdb_logged(path) || crm__lock_alone(path, &lock, NULL))
        return CRM_OK;
    rc = crm__kv_lmdb_recover(path, &kv, &why);
    crm__unlock_folder(lock);
    if (rc && rc != CRM_ENOMEM)
        crm__check_fault(c, "file", 0, -1, "%s", why.message);
    return rc == CRM_ENOMEM ? rc : CRM_OK;
}

int crm__check_path(crm__check *c, const char *path, const crm_check_options *o,
                    const crm_allocator *mem, crm__buf *kept, crm_error *err)
{
    uint64_t commit = 0;
    int rc;

    reset(c, o, mem, kept);
    rc = wait_for_maker(path, err);
    if (rc)
        return rc;
    if (finish_log(c, path))
        return crm__fail_nomem(err);
    rc = judged(c, check_once(c, path, &commit, err), err);
    if (rc != CRM_ECORRUPT || newest_commit(c, path) == commit)
        return rc;
    return check_held(c, path, o, mem, kept, rc, err);
}

void crm__check_clear(crm__check *c)
{
    crm__model_unref(c->store.model);
    c->store.model = NULL;
}
