/* SPDX-License-Identifier: MIT
 * Saving segments under names.
 */
#include "base/error.h"
#include "db/journal.h"
#include "db/saved.h"
#include "db/tagged.h"
#include "segment/live.h"
#include "segment/saving.h"
#include "segment/segment.h"

#include <string.h>

int crm__saved_name(const char *name, crm__slice *out, crm_error *err)
{
    size_t n = name ? strlen(name) : 0;

    if (!name)
        return crm__fail_field(err, CRM_EINVAL, "name", "name is NULL");
    if (!crm__name_ok(name, n))
        return crm__fail_field(err, CRM_EINVAL, "name",
                               "a name is 1 to 100 bytes of UTF-8 without control characters");
    if (name[0] == ' ' || name[n - 1] == ' ')
        return crm__fail_field(err, CRM_EINVAL, "name",
                               "a name neither begins nor ends with a space");
    *out = crm__slice_of(name, n);
    return CRM_OK;
}

static int fail(crm_txn *txn, int rc, crm_error *err)
{
    return crm__txn_fail(txn, rc, "can't read a saved segment", err);
}

static int none(crm__slice name, crm_error *err)
{
    return crm__fail_field(err, CRM_ENOTFOUND, "segment", "there is no saved segment '%.*s'",
                           (int)name.n, (const char *)name.p);
}

/* The segment of the model that has a name or label; *out NULL: none. */
static int of_model(crm_txn *txn, crm__slice name, const crm__model_segment **out, crm_error *err)
{
    const crm__model *m;
    int rc = crm__txn_model(txn, &m, err);

    *out = rc ? NULL : crm__model_segment_find(m, (const char *)name.p, name.n);
    return rc;
}

static int refuse_of_model(crm_txn *txn, crm__slice name, crm_error *err)
{
    const crm__model_segment *s;
    int rc = of_model(txn, name, &s, err);

    if (rc || !s)
        return rc;
    return crm__fail_field(err, CRM_EREFUSED, "name",
                           "the segment '%s' stands in the model, which alone can change it",
                           s->key);
}

/* Adds the version and journals the change. */
static int put(crm_txn *txn, crm__slice name, const char *text_name, crm__slice text, uint8_t flags,
               uint32_t tag, crm_error *err)
{
    crm__saved s = {0, flags, tag, text};
    int rc = crm__state_read(txn, err);

    if (rc)
        return rc;
    s.seq = crm__journal_seq(txn);
    crm__touch_all(txn);
    return crm__saved_put(txn, name, &s)
               ? crm__fail_nomem(err)
               : crm__journal_hand_out(txn, CRM__ACTION_SEGMENT, text_name, err);
}

static void write_name(crm__buf *b, crm__slice name)
{
    crm__buf_add_str(b, "segment(\"");
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"' || name.p[i] == '\\')
            crm__buf_add_u8(b, '\\');
        crm__buf_add_u8(b, name.p[i]);
    }
    crm__buf_add_str(b, "\")");
}

int crm__saved_tree(crm_txn *txn, const crm__model *m, crm__slice name, crm__tree **out,
                    crm_error *err)
{
    crm__buf b;
    int rc;

    crm__buf_init(&b, txn->mem);
    write_name(&b, name);
    rc = b.failed ? crm__fail_nomem(err)
                  : crm__tree_parse(txn->mem, (crm__model *)(uintptr_t)m, txn->zone,
                                    (const char *)b.p, b.n, out, err);
    crm__buf_clear(&b);
    return rc;
}

/* Asks the plan whether all it names is there, and whether it is inside itself. */
static int try_plan(crm_txn *txn, crm__slice name, crm_error *err)
{
    const crm__model *m;
    crm__plan p;
    crm__tree *t;
    int rc = crm__txn_model(txn, &m, err);

    if (!rc)
        rc = crm__saved_tree(txn, m, name, &t, err);
    if (rc)
        return rc;
    rc = crm__plan_make(txn, t, 0, &p, err);
    crm__plan_end(&p);
    crm__tree_unref(t);
    return rc;
}

/* One that is watched stays dynamic, and stays. */
static int refuse_watched(crm_txn *txn, crm__slice name, crm_error *err)
{
    crm__live_watch w;
    int rc = crm__live_watch_read(txn, name, &txn->work, &w);

    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : fail(txn, rc, err);
    return crm__fail_field(err, CRM_EREFUSED, "segment", "the segment '%.*s' is watched",
                           (int)name.n, (const char *)name.p);
}

/* ---- static ones ---- */

/* Makes those of `next` (NULL: nobody) the ones that have a tag, chunk by chunk. */
static int tag_chunks(crm_txn *txn, uint32_t tag, crm__tag_next_fn next, void *ctx, crm_error *err,
                      uint64_t *changed)
{
    uint64_t chunks = (txn->state.counters.next_id + CRM__CHUNK_ROWS - 1) >> CRM__CHUNK_SHIFT;
    uint64_t given[CRM__SET_WORDS], at = 0;
    int rc = CRM_OK, more = next ? CRM_OK : CRM_DONE, ready = 0;
    crm__tagging t;

    crm__tagging_begin(txn, 0, NULL, &t, err);
    for (uint64_t c = 0; c < chunks && !rc; c++) {
        uint64_t want[CRM__SET_WORDS] = {0}, gone[CRM__SET_WORDS] = {0};
        uint8_t key[CRM__KEY_TAG];
        if (!more && !ready)
            more = next(ctx, &at, given);
        ready = !more;
        rc = more == CRM_DONE ? CRM_OK : more;
        if (!rc)
            rc = crm__txn_set(txn, KV_TAG, crm__key_tag(key, c, tag), gone);
        if (rc) {
            rc = crm__segment_fail(txn, rc, err);
            break;
        }
        if (ready && at == c) {
            memcpy(want, given, sizeof want);
            ready = 0;
        }
        for (int i = 0; i < CRM__SET_WORDS; i++)
            gone[i] &= ~want[i];
        rc = crm__tag_chunk(&t, tag, 0, c, gone, 0, NULL);
        if (!rc)
            rc = crm__tag_chunk(&t, tag, 0, c, want, 1, NULL);
    }
    *changed = t.changed;
    crm__buf_clear(&t.tags);
    return rc;
}

/* The same as a change of its own, which can be undone, unless the transaction is a batch. */
static int tag_all(crm_txn *txn, uint32_t tag, crm__tag_next_fn next, void *ctx, uint64_t *changed,
                   crm_error *err)
{
    int rc = crm__state_read(txn, err);

    if (rc || txn->batch.on)
        return rc ? rc : tag_chunks(txn, tag, next, ctx, err, changed);
    rc = crm__batch_enter(txn, 0, err);
    if (rc)
        return rc;
    rc = tag_chunks(txn, tag, next, ctx, err, changed);
    if (rc)
        crm__batch_drop(txn);
    return rc ? rc : crm__batch_leave(txn, err);
}

static int tag_segment(crm_txn *txn, uint32_t tag, const crm_segment *s, uint64_t *changed,
                       crm_error *err)
{
    crm__rows_walk x = {.chunk = 0};
    int rc = crm__segment_begin(txn, s, NULL, &x.a, err);

    if (!rc)
        rc = tag_all(txn, tag, crm__segment_rows_next, &x, changed, err);
    crm__segment_end(&x.a);
    return rc;
}

static int save_static(crm_txn *txn, crm__slice name, const char *given, const crm_segment *s,
                       const crm__saved *now, crm__slice text, crm_error *err)
{
    uint64_t changed = 0;
    uint32_t tag;
    int rc = crm__saved_tag(txn, CRM__SAVED_TAG, name, 1, &tag, err), same;

    same = now && now->flags & CRM__SAVED_STATIC && crm__slice_compare(now->text, text) == 0;
    if (!rc)
        rc = tag_segment(txn, tag, s, &changed, err);
    if (rc || (same && !changed))
        return rc ? rc : CRM_DONE;
    return put(txn, name, given, text, CRM__SAVED_STATIC, tag, err);
}

/* One that is static no more has no customers of its own. */
static int empty_static(crm_txn *txn, crm__slice name, const crm__saved *was, crm_error *err)
{
    uint64_t changed;
    uint32_t tag = 0;
    int rc = was->flags & CRM__SAVED_STATIC
                 ? crm__saved_tag(txn, CRM__SAVED_TAG, name, 0, &tag, err)
                 : CRM_OK;

    return rc || !tag ? rc : tag_all(txn, tag, NULL, NULL, &changed, err);
}

/* ---- saving ---- */

static int save(crm_txn *txn, crm__slice name, const char *given, const crm_segment *s,
                uint32_t flags, crm_error *err)
{
    crm__saved now;
    crm__buf text, old;
    int rc = crm__saved_read(txn, name, &now), known = rc == CRM_OK, fixed;

    if (rc && rc != CRM_ENOTFOUND)
        return fail(txn, rc, err);
    fixed = (flags & CRM_SEGMENT_STATIC) != 0;
    crm__buf_init(&text, txn->mem);
    crm__buf_init(&old, txn->mem);
    if (known) { /* what is read lives until the next write */
        crm__buf_add(&old, now.text.p, now.text.n);
        now.text = crm__slice_of(old.p, old.n);
    }
    rc = crm__tree_print(crm__tree_root(s->tree), &text);
    if (rc || text.failed || old.failed)
        rc = crm__fail_nomem(err);
    else if (known && !fixed && !(now.flags & CRM__SAVED_STATIC) &&
             crm__slice_compare(now.text, crm__slice_of(text.p, text.n)) == 0)
        rc = CRM_DONE;
    else if (known && !(flags & CRM_SEGMENT_REPLACE))
        rc = crm__fail_field(err, CRM_EEXISTS, "name", "the segment '%s' is saved already", given);
    if (!rc && fixed)
        rc = save_static(txn, name, given, s, known ? &now : NULL, crm__slice_of(text.p, text.n),
                         err);
    else if (!rc) {
        rc = known ? empty_static(txn, name, &now, err) : CRM_OK;
        if (!rc)
            rc = put(txn, name, given, crm__slice_of(text.p, text.n), 0, 0, err);
    }
    crm__buf_clear(&text);
    crm__buf_clear(&old);
    return rc ? rc : try_plan(txn, name, err);
}

int crm_segment_save(crm_txn *txn, const char *name, const crm_segment *s, uint32_t flags,
                     crm_error *err)
{
    crm__slice n;
    crm__op op;
    int rc = crm__op_begin(txn, &op, err);

    if (rc)
        return rc;
    rc = crm__saved_name(name, &n, op.err);
    if (!rc && !s)
        rc = crm__fail_field(op.err, CRM_EINVAL, "s", "s is NULL");
    if (!rc && flags & ~(CRM_SEGMENT_REPLACE | CRM_SEGMENT_STATIC))
        rc = crm__fail_field(op.err, CRM_EINVAL, "flags",
                             "a flag this library does not know is set");
    if (!rc && txn->batch.on)
        rc = crm__fail(op.err, CRM_ESTATE, "not possible inside a batch");
    if (!rc)
        rc = refuse_of_model(txn, n, op.err);
    if (!rc && flags & CRM_SEGMENT_STATIC)
        rc = refuse_watched(txn, n, op.err);
    if (!rc)
        rc = save(txn, n, name, s, flags, op.err);
    if (!rc)
        rc = crm__live_judge(txn, op.err);
    return crm__op_end(txn, &op, rc);
}

static int define(crm_txn *txn, const char *given, const crm_segment *s, uint32_t flags,
                  uint32_t *tag, crm_error *err)
{
    int rc, batch = txn->batch.on;
    crm__slice name;
    crm__saved now;
    crm__buf text;

    rc = crm__saved_name(given, &name, err);
    if (!rc)
        rc = refuse_of_model(txn, name, err);
    if (!rc)
        rc = refuse_watched(txn, name, err);
    if (rc)
        return rc;
    rc = crm__saved_read(txn, name, &now);
    if (rc && rc != CRM_ENOTFOUND)
        return fail(txn, rc, err);
    if (!rc && !(flags & CRM_SEGMENT_REPLACE))
        return crm__fail_field(err, CRM_EEXISTS, "name", "the segment '%s' is saved already",
                               given);
    crm__buf_init(&text, txn->mem);
    rc = crm__tree_print(crm__tree_root(s->tree), &text);
    rc = rc || text.failed ? crm__fail_nomem(err)
                           : crm__saved_tag(txn, CRM__SAVED_TAG, name, 1, tag, err);
    txn->batch.on = 0; /* an entry of its own */
    if (!rc)
        rc = put(txn, name, given, crm__slice_of(text.p, text.n), CRM__SAVED_STATIC, *tag, err);
    txn->batch.on = batch;
    crm__buf_clear(&text);
    return rc ? rc : try_plan(txn, name, err);
}

int crm__static_define(crm_txn *txn, const char *name, const crm_segment *s, uint32_t flags,
                       uint32_t *tag, crm_error *err)
{
    crm__op op;
    int rc = crm__op_begin(txn, &op, err);

    if (rc)
        return rc;
    if (txn->batch.on && txn->state.batch_seq)
        rc = crm__fail_field(op.err, CRM_ESTATE, "name",
                             "a segment is saved before anything else of a batch");
    else
        rc = define(txn, name, s, flags, tag, op.err);
    return crm__op_end(txn, &op, rc);
}

int crm__static_fill(crm_txn *txn, uint32_t tag, crm__tag_next_fn next, void *ctx,
                     uint64_t *changed, crm_error *err)
{
    crm__op op;
    int rc = crm__op_begin(txn, &op, err);

    return rc ? rc : crm__op_end(txn, &op, tag_all(txn, tag, next, ctx, changed, op.err));
}

/* A static one is its name: its text says who was in it once. */
static int give_name(crm_txn *txn, crm__slice name, crm_segment **out, crm_error *err)
{
    crm__buf text;
    int rc;

    crm__buf_init(&text, txn->mem);
    write_name(&text, name);
    rc = text.failed ? crm__fail_nomem(err)
                     : crm_segment_parse(txn, (const char *)text.p, text.n, out, err);
    crm__buf_clear(&text);
    return rc;
}

int crm_segment_saved(crm_txn *txn, const char *name, crm_segment **out, crm_error *err)
{
    const crm__model_segment *of;
    crm__slice n;
    crm__saved s;
    char *text;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__txn_enter(txn, 0, err);
    if (!rc)
        rc = crm__saved_name(name, &n, err);
    if (rc)
        return rc;
    rc = of_model(txn, n, &of, err);
    if (rc)
        return rc;
    if (of)
        return crm_segment_parse(txn, of->query, of->n, out, err);
    rc = crm__saved_read(txn, n, &s);
    if (rc)
        return rc == CRM_ENOTFOUND ? none(n, err) : fail(txn, rc, err);
    if (s.flags & CRM__SAVED_STATIC)
        return give_name(txn, n, out, err);
    text = crm__strdup(txn->mem, (const char *)s.text.p, s.text.n);
    rc = text ? crm_segment_parse(txn, text, s.text.n, out, err) : crm__fail_nomem(err);
    crm__release(txn->mem, text);
    return rc;
}

/* ---- removing ---- */

/* The name as it stands in canonical texts.  A text that the model can't read any more may come
 * back with another model, so texts are asked, not trees; a name inside of a quoted text counts as
 * one that is referred to. */
static int written(crm_txn *txn, const crm__model *m, crm__slice name, crm__buf *out,
                   crm_error *err)
{
    crm__tree *t;
    int rc = crm__saved_tree(txn, m, name, &t, err);

    if (rc)
        return rc;
    rc = crm__tree_print(crm__tree_root(t), out);
    crm__tree_unref(t);
    return rc || out->failed ? crm__fail_nomem(err) : CRM_OK;
}

static int is_name(void *ctx, const char *name, size_t n)
{
    return crm__slice_compare(*(const crm__slice *)ctx, crm__slice_of(name, n)) == 0 ? CRM_DONE
                                                                                     : CRM_OK;
}

static int used_by(crm_txn *txn, crm__slice name, crm_error *err)
{
    uint8_t other[CRM__SAVED_NAME];
    crm__slice at = {NULL, 0};
    const crm__model *m;
    crm__buf text;
    size_t n;
    int rc = crm__txn_model(txn, &m, err), step = CRM_ENOTFOUND;

    crm__buf_init(&text, txn->mem);
    if (!rc)
        rc = written(txn, m, name, &text, err);
    while (!rc && (step = crm__saved_next(txn, at, other, &n)) == CRM_OK) {
        crm__saved s;
        at = crm__slice_of(other, n);
        rc = crm__saved_read(txn, at, &s);
        if (rc == CRM_ENOTFOUND || (!rc && s.flags & CRM__SAVED_STATIC) ||
            crm__slice_compare(at, name) == 0)
            rc = CRM_OK;
        else if (rc)
            rc = fail(txn, rc, err);
        else if (memmem(s.text.p, s.text.n, text.p, text.n))
            rc = crm__fail_field(err, CRM_EREFUSED, "segment",
                                 "the saved segment '%.*s' refers to it", (int)n,
                                 (const char *)other);
    }
    for (size_t i = 0; !rc && i < crm__model_segment_count(m); i++) {
        const crm__model_segment *of = crm__model_segment_at(m, i);
        rc = crm__segment_judge((crm__model *)(uintptr_t)m, of->query, of->n, is_name, &name, err);
        if (rc == CRM_DONE)
            rc = crm__fail_field(err, CRM_EREFUSED, "segment",
                                 "the segment '%s' of the model refers to it", of->key);
    }
    crm__buf_clear(&text);
    return rc || step == CRM_ENOTFOUND ? rc : fail(txn, step, err);
}

int crm_segment_remove(crm_txn *txn, const char *name, crm_error *err)
{
    crm__slice n;
    crm__saved s;
    crm__op op;
    int rc = crm__op_begin(txn, &op, err);

    if (rc)
        return rc;
    rc = crm__saved_name(name, &n, op.err);
    if (!rc && txn->batch.on)
        rc = crm__fail(op.err, CRM_ESTATE, "not possible inside a batch");
    if (!rc)
        rc = refuse_of_model(txn, n, op.err);
    if (!rc && (rc = crm__saved_read(txn, n, &s)))
        rc = rc == CRM_ENOTFOUND ? none(n, op.err) : fail(txn, rc, op.err);
    if (!rc)
        rc = refuse_watched(txn, n, op.err);
    if (!rc)
        rc = used_by(txn, n, op.err);
    if (!rc)
        rc = empty_static(txn, n, &s, op.err);
    if (!rc)
        rc = put(txn, n, name, crm__slice_of(NULL, 0), CRM__SAVED_REMOVED, 0, op.err);
    return crm__op_end(txn, &op, rc);
}

static void give_version(crm__slice name, const crm__saved *s, crm_saved_segment *out)
{
    crm_saved_segment v;

    memset(&v, 0, sizeof v);
    memcpy(v.name, name.p, name.n); /* which may be that of *out */
    v.revision = s->seq;
    v.flags = (s->flags & CRM__SAVED_STATIC ? CRM_SEGMENT_STATIC : 0) |
              (s->flags & CRM__SAVED_REMOVED ? CRM_SEGMENT_REMOVED : 0);
    *out = v;
}

static void give_of_model(const crm__model_segment *of, crm_saved_segment *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->name, of->key, strlen(of->key));
    out->flags = CRM_SEGMENT_OF_MODEL;
}

int crm_segment_version(crm_txn *txn, const char *name, uint64_t before, crm_saved_segment *out,
                        char **text, crm_error *err)
{
    const crm__model_segment *of = NULL;
    crm__slice n;
    crm__saved s;
    int rc = crm__txn_enter(txn, 0, err);

    if (text)
        *text = NULL;
    if (!rc && !out)
        rc = crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    if (!rc)
        rc = crm__saved_name(name, &n, err);
    if (!rc)
        rc = of_model(txn, n, &of, err);
    if (rc)
        return rc;
    if (of) {
        give_of_model(of, out);
        return CRM_DONE;
    }
    rc = crm__saved_before(txn, n, before ? before : UINT64_MAX, &s);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_DONE : fail(txn, rc, err);
    give_version(n, &s, out);
    if (text)
        *text = crm__give(txn->mem, s.text.p, s.text.n);
    return text && !*text ? crm__fail_nomem(err) : CRM_OK;
}

/* The first of the model behind a name; NULL: none. */
static const crm__model_segment *next_of_model(const crm__model *m, crm__slice after)
{
    const crm__model_segment *best = NULL;

    for (size_t i = 0; i < crm__model_segment_count(m); i++) {
        const crm__model_segment *s = crm__model_segment_at(m, i);
        if (crm__slice_compare(crm__slice_of(s->key, strlen(s->key)), after) > 0 &&
            (!best || strcmp(s->key, best->key) < 0))
            best = s;
    }
    return best;
}

/* The first saved one behind a name. */
static int next_saved(crm_txn *txn, crm__slice after, uint8_t name[CRM__SAVED_NAME], size_t *n,
                      crm__saved *s)
{
    int rc;

    do {
        rc = crm__saved_next(txn, after, name, n);
        after = crm__slice_of(name, *n);
        if (rc)
            return rc;
        rc = crm__saved_read(txn, after, s);
    } while (rc == CRM_ENOTFOUND);
    return rc;
}

int crm_segment_saved_next(crm_txn *txn, const char *after, crm_saved_segment *out, crm_error *err)
{
    uint8_t name[CRM__SAVED_NAME];
    crm__slice at = {(const uint8_t *)after, after ? strlen(after) : 0};
    const crm__model_segment *of;
    const crm__model *m;
    crm__saved s;
    size_t n = 0;
    int rc = crm__txn_enter(txn, 0, err);

    if (!rc && !out)
        rc = crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    if (!rc && at.n > CRM__SAVED_NAME)
        rc = crm__fail_field(err, CRM_EINVAL, "after", "after is no name of a saved segment");
    if (!rc)
        rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    of = next_of_model(m, at);
    rc = next_saved(txn, at, name, &n, &s);
    if (rc && rc != CRM_ENOTFOUND)
        return fail(txn, rc, err);
    at = crm__slice_of(name, n);
    if (rc && !of)
        return CRM_DONE;
    if (of && (rc || crm__slice_compare(crm__slice_of(of->key, strlen(of->key)), at) <= 0)) {
        give_of_model(of, out);
        return CRM_OK;
    }
    give_version(at, &s, out);
    return CRM_OK;
}
