/* SPDX-License-Identifier: MIT
 * Segments in the public interface: parse, print, count, has, sample.
 */
#include "segment/segment.h"

#include "base/error.h"
#include "db/journal.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS = 64 };

/* ---- handles ---- */

static int make(crm_txn *txn, const char *text, size_t n, int json, crm_segment **out,
                crm_error *err)
{
    const crm__model *m;
    crm_segment *s;
    int rc;

    if (out)
        *out = NULL;
    rc = crm__txn_enter_beside(txn, 0, err);
    if (!rc && (!text || !out))
        rc = crm__fail_field(err, CRM_EINVAL, text ? "out" : "text", "%s is NULL",
                             text ? "out" : "text");
    if (!rc)
        rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    s = crm__calloc(txn->mem, 1, sizeof *s);
    if (!s)
        return crm__fail_nomem(err);
    s->mem = *txn->mem;
    rc = (json ? crm__tree_parse_json
               : crm__tree_parse)(txn->mem, (crm__model *)(uintptr_t)m, txn->zone, text,
                                  n == CRM_NUL ? strlen(text) : n, &s->tree, err);
    if (rc) {
        crm__release(txn->mem, s);
        return rc;
    }
    *out = s;
    return CRM_OK;
}

int crm_segment_parse(crm_txn *txn, const char *text, size_t n, crm_segment **out, crm_error *err)
{
    return make(txn, text, n, 0, out, err);
}

int crm_segment_parse_json(crm_txn *txn, const char *json, size_t n, crm_segment **out,
                           crm_error *err)
{
    return make(txn, json, n, 1, out, err);
}

void crm_segment_free(crm_segment *s)
{
    crm_allocator mem;

    if (!s)
        return;
    mem = s->mem;
    crm__tree_unref(s->tree);
    crm__release(&mem, s);
}

static int give(const crm_segment *s, int (*write)(const crm__node *, crm__buf *), char **out,
                size_t *n, crm_error *err)
{
    crm__buf b;
    int rc;

    if (out)
        *out = NULL;
    if (!s || !out)
        return crm__fail_field(err, CRM_EINVAL, s ? "out" : "s", "%s is NULL", s ? "out" : "s");
    crm__buf_init(&b, &s->mem);
    rc = write(crm__tree_root(s->tree), &b);
    if (!rc && !b.failed)
        *out = crm__give(&s->mem, b.p, b.n);
    if (n)
        *n = b.n;
    crm__buf_clear(&b);
    return *out ? CRM_OK : crm__fail_nomem(err);
}

int crm_segment_text(const crm_segment *s, char **out, size_t *n, crm_error *err)
{
    return give(s, crm__tree_print, out, n, err);
}

int crm_segment_json(const crm_segment *s, char **out, size_t *n, crm_error *err)
{
    return give(s, crm__tree_json, out, n, err);
}

/* ---- asking ---- */

void crm_segment_options_init(crm_segment_options *opts)
{
    if (!opts)
        return;
    memset(opts, 0, sizeof *opts);
    opts->size = sizeof *opts;
}

int crm__segment_options(const crm_segment_options *from, crm_segment_options *to, crm_error *err)
{
    int rc;

    crm_segment_options_init(to);
    rc = crm__options_read(to, sizeof *to, from, "options", err);
    if (!rc && to->flags)
        rc =
            crm__fail_field(err, CRM_EINVAL, "options", "a flag this library does not know is set");
    return rc;
}

int crm__segment_hand_out(crm_txn *txn, const crm_segment *s, const char *reason, crm_error *err)
{
    crm__buf text;
    int rc;

    if (!reason && !txn->reason)
        return CRM_OK;
    crm__buf_init(&text, txn->mem);
    rc = crm__tree_print(crm__tree_root(s->tree), &text);
    crm__buf_add_u8(&text, 0);
    if (rc || text.failed)
        rc = crm__fail_nomem(err);
    else
        rc = crm__txn_hand_out(txn, reason, (const char *)text.p, err);
    crm__buf_clear(&text);
    return rc;
}

int crm__segment_fail(crm_txn *txn, int rc, crm_error *err)
{
    if (rc == CRM_ECANCELLED)
        return crm__fail(err, rc, "the caller stopped it");
    return crm__txn_fail(txn, rc, "can't answer the segment", err);
}

static int begin(crm_txn *txn, const crm_segment *s, const crm_segment_options *opts, int how,
                 crm__asking *a, crm_error *err)
{
    crm_segment_options o;
    int rc;

    memset(a, 0, sizeof *a);
    rc = crm__txn_enter(txn, 0, err);
    if (!rc && !s)
        rc = crm__fail_field(err, CRM_EINVAL, "s", "s is NULL");
    if (!rc)
        rc = crm__segment_options(opts, &o, err);
    if (!rc && !o.progress) {
        o.progress = txn->progress;
        o.progress_ctx = txn->progress_ctx;
    }
    if (!rc)
        rc = crm__plan_make(txn, s->tree, how, &a->plan, err);
    if (!rc)
        rc = crm__run_begin(&a->run, &a->plan, o.progress, o.progress_ctx, err);
    if (!rc) {
        a->progress = o.progress;
        a->progress_ctx = o.progress_ctx;
        a->reason = o.reason;
        a->threads = txn->write ? 1 : o.threads < THREADS ? o.threads : THREADS;
    }
    return rc;
}

int crm__segment_begin(crm_txn *txn, const crm_segment *s, const crm_segment_options *opts,
                       crm__asking *a, crm_error *err)
{
    return begin(txn, s, opts, 0, a, err);
}

int crm__segment_begin_apart(crm_txn *txn, const crm_segment *s, crm__asking *a, crm_error *err)
{
    return begin(txn, s, NULL, CRM__PLAN_APART, a, err);
}

void crm__segment_end(crm__asking *a)
{
    crm__run_end(&a->run);
    crm__plan_end(&a->plan);
}

/* Of one thread, in a line of memory of its own. */
typedef struct counted {
    _Alignas(64) uint64_t n;
} counted;

static int count_chunk(crm__run *r, uint64_t chunk, void *own)
{
    uint64_t words[CRM__SET_WORDS];

    return crm__run_count(r, chunk, words, &((counted *)own)->n);
}

int crm_segment_count(crm_txn *txn, const crm_segment *s, const crm_segment_options *opts,
                      uint64_t *count, crm_error *err)
{
    counted by[THREADS] = {{0}};
    crm__asking a;
    int rc = crm__segment_begin(txn, s, opts, &a, err);

    if (!rc && !count)
        rc = crm__fail_field(err, CRM_EINVAL, "count", "count is NULL");
    if (!rc)
        rc = crm__segment_hand_out(txn, s, a.reason, err);
    if (!rc) {
        rc = crm__chunks_run(&a, count_chunk, by, sizeof *by);
        if (rc)
            rc = crm__segment_fail(txn, rc, err);
        else
            *count = 0;
        for (uint32_t i = 0; !rc && (i == 0 || i < a.threads); i++)
            *count += by[i].n;
    }
    crm__segment_end(&a);
    return rc;
}

int crm_segment_has(crm_txn *txn, const crm_segment *s, crm_id id, int *in, crm_error *err)
{
    uint64_t words[CRM__SET_WORDS];
    crm__asking a;
    int rc = begin(txn, s, NULL, CRM__PLAN_FEW, &a, err);

    if (!rc && !in)
        rc = crm__fail_field(err, CRM_EINVAL, "in", "in is NULL");
    if (!rc)
        rc = crm__segment_hand_out(txn, s, NULL, err);
    if (!rc) {
        *in = 0;
        if (id && id < txn->state.counters.next_id)
            rc = crm__run_one(&a.run, id, words, in);
        if (rc)
            rc = crm__segment_fail(txn, rc, err);
    }
    crm__segment_end(&a);
    return rc;
}

/* ---- samples ---- */

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* A number below n, without bias. */
static uint64_t random_below(uint64_t *state, uint64_t n)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, v;

    do
        v = random_next(state);
    while (v >= limit);
    return v % n;
}

static int by_id(const void *a, const void *b)
{
    crm_id x = *(const crm_id *)a, y = *(const crm_id *)b;

    return x < y ? -1 : x > y;
}

/* Reservoir sampling (Vitter 1985, algorithm R). */
static int draw(crm__asking *a, uint64_t seed, crm_id *ids, size_t cap, uint64_t *seen)
{
    enum { LOOK_EVERY = 8192 };
    crm__looking looking = crm__asking_looking(a);
    uint64_t words[CRM__SET_WORDS];
    int any, rc = CRM_OK;

    *seen = 0;
    for (uint64_t c = 0; c < a->plan.chunks && !rc; c++) {
        rc = crm__run_chunk(&a->run, c, words, &any);
        for (int32_t row = rc || !any ? -1 : crm__set_next(words, 0); row >= 0;
             row = rc ? -1 : crm__set_next(words, (uint32_t)row + 1)) {
            uint64_t at = *seen < cap ? *seen : random_below(&seed, *seen + 1);
            if (at < cap)
                ids[at] = (c << CRM__CHUNK_SHIFT) + (uint64_t)row;
            rc = crm__look_at(&looking, (size_t)(*seen)++, LOOK_EVERY);
        }
    }
    return rc;
}

int crm_segment_sample(crm_txn *txn, const crm_segment *s, const crm_segment_options *opts,
                       uint64_t seed, crm_id *ids, size_t cap, size_t *count, crm_error *err)
{
    uint64_t seen;
    crm__asking a;
    int rc = crm__segment_begin(txn, s, opts, &a, err);

    if (!rc && (!count || (!ids && cap)))
        rc = crm__fail_field(err, CRM_EINVAL, count ? "ids" : "count", "%s is NULL",
                             count ? "ids" : "count");
    if (!rc)
        rc = crm__segment_hand_out(txn, s, a.reason, err);
    if (!rc) {
        rc = draw(&a, seed, ids, cap, &seen);
        if (rc)
            rc = crm__segment_fail(txn, rc, err);
    }
    if (!rc) {
        *count = seen < cap ? (size_t)seen : cap;
        if (*count)
            qsort(ids, *count, sizeof *ids, by_id);
    }
    crm__segment_end(&a);
    return rc;
}
