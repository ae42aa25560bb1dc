/* SPDX-License-Identifier: MIT
 * The fault engine over an engine that only notes what reaches it.
 */
#include "crmtest.h"
#include "ok.h"
#include "kv/kv.h"

#include <crm/error.h>

#include <stdlib.h>
#include <string.h>

typedef enum call {
    CLOSE = 1, SETTLE, FORGET, BEGIN, COMMIT, ABORT, GET, PUT, DEL, CLEAR, CURSOR, CURSOR_CLOSE, SEEK, NEXT,
    PREV, STAT, INFO, LAST, WAIT, READERS, CLEAR_STALE
} call;

/* What reached the inner engine, and what it is to answer. */
static struct note {
    call last;
    unsigned calls, open_txns, open_cursors;
    kv_space space;
    crm__slice key, value;
    unsigned flags;
    int write, seek, rc, sys;
} note;

static const crm__slice KEY = {(const uint8_t *)"key", 3}, VALUE = {(const uint8_t *)"value", 5};

static int noted(call c)
{
    note.last = c;
    note.calls++;
    return note.rc;
}

static int noted_txn(kv_txn *txn, call c)
{
    txn->sys = note.sys;
    return noted(c);
}

static const kv_ops NOTE_OPS;

static void note_close(kv_env *env)
{
    noted(CLOSE);
    free(env);
}

static void note_settle(kv_env *env)
{
    (void)env;
    noted(SETTLE);
}

static void note_forget(kv_env *env)
{
    noted(FORGET);
    free(env);
}

static int note_begin(kv_env *env, int write, kv_txn **out, crm_error *err)
{
    int rc = noted(BEGIN);

    *out = NULL;
    note.write = write;
    if (rc) {
        if (err)
            err->code = rc;
        return rc;
    }
    *out = calloc(1, sizeof **out);
    ck_assert_ptr_nonnull(*out);
    (*out)->ops = &NOTE_OPS;
    (*out)->env = env;
    (*out)->write = write;
    note.open_txns++;
    return 0;
}

static void end(kv_txn *txn)
{
    note.open_txns--;
    free(txn);
}

static int note_commit(kv_txn *txn, crm_error *err)
{
    int rc = noted(COMMIT);

    if (rc && err)
        err->code = rc;
    end(txn);
    return rc;
}

static void note_abort(kv_txn *txn)
{
    noted(ABORT);
    end(txn);
}

static int note_get(kv_txn *txn, kv_space space, crm__slice key, crm__slice *value)
{
    note.space = space;
    note.key = key;
    *value = VALUE;
    return noted_txn(txn, GET);
}

static int note_put(kv_txn *txn, kv_space space, crm__slice key, crm__slice value, unsigned flags)
{
    note.space = space;
    note.key = key;
    note.value = value;
    note.flags = flags;
    return noted_txn(txn, PUT);
}

static int note_del(kv_txn *txn, kv_space space, crm__slice key)
{
    note.space = space;
    note.key = key;
    return noted_txn(txn, DEL);
}

static int note_clear(kv_txn *txn, kv_space space)
{
    note.space = space;
    return noted_txn(txn, CLEAR);
}

static int note_cursor(kv_txn *txn, kv_space space, kv_cursor **out)
{
    int rc = noted_txn(txn, CURSOR);

    note.space = space;
    *out = NULL;
    if (rc)
        return rc;
    *out = calloc(1, sizeof **out);
    ck_assert_ptr_nonnull(*out);
    (*out)->ops = &NOTE_OPS;
    (*out)->txn = txn;
    note.open_cursors++;
    return 0;
}

static void note_cursor_close(kv_cursor *c)
{
    noted(CURSOR_CLOSE);
    note.open_cursors--;
    free(c);
}

static int note_seek(kv_cursor *c, kv_seek how, crm__slice key, crm__slice *k, crm__slice *v)
{
    note.seek = (int)how;
    note.key = key;
    *k = KEY;
    *v = VALUE;
    return noted_txn(c->txn, SEEK);
}

static int note_next(kv_cursor *c, crm__slice *k, crm__slice *v)
{
    *k = KEY;
    *v = VALUE;
    return noted_txn(c->txn, NEXT);
}

static int note_prev(kv_cursor *c, crm__slice *k, crm__slice *v)
{
    *k = KEY;
    *v = VALUE;
    return noted_txn(c->txn, PREV);
}

static int note_stat(kv_txn *txn, kv_space space, kv_stat *out)
{
    note.space = space;
    out->entries = 42;
    return noted_txn(txn, STAT);
}

static int note_info(kv_env *env, kv_info *out)
{
    (void)env;
    out->commit = 43;
    return noted(INFO);
}

static int note_readers(kv_env *env, kv_reader_fn fn, void *ctx)
{
    kv_reader r = {44, 45};

    (void)env;
    fn(&r, ctx);
    return noted(READERS);
}

static int note_clear_stale(kv_env *env, int *count)
{
    (void)env;
    *count = 46;
    return noted(CLEAR_STALE);
}

static int note_last(kv_env *env, uint64_t *commit)
{
    (void)env;
    *commit = 47;
    return noted(LAST);
}

static int note_wait(kv_env *env, uint64_t commit, int timeout_ms)
{
    (void)env;
    ck_assert(commit == 48 && timeout_ms == 49);
    return noted(WAIT);
}

static const kv_ops NOTE_OPS = {
    note_close,  note_settle, note_forget, note_begin,  note_commit,       note_abort, note_get,
    note_put,    note_del,    note_clear,  note_cursor,       note_cursor_close,
    note_seek,   note_next,   note_prev,   note_stat,         note_info,  note_last,
    note_wait,   note_readers, note_clear_stale,
};

static kv_env *wrap(kv_fault_plan *plan)
{
    kv_env *inner = calloc(1, sizeof *inner), *env;

    ck_assert_ptr_nonnull(inner);
    inner->ops = &NOTE_OPS;
    memset(&note, 0, sizeof note);
    OK(crm__kv_fault_wrap(inner, plan, &env));
    return env;
}

static void see_reader(const kv_reader *reader, void *ctx)
{
    ck_assert_int_eq(reader->pid, 44);
    ++*(int *)ctx;
}

CRM_TEST(test_kv_fault__every_call_passes_through)
{
    kv_fault_plan plan = {KV_CALL_ANY, 0, CRM_EIO, 1, 0, 0};
    kv_env *env = wrap(&plan);
    crm__slice k, v;
    kv_cursor *c;
    kv_txn *txn;
    kv_stat st;
    uint64_t commit;
    kv_info info;
    int seen = 0;

    OK(env->ops->begin(env, 1, &txn, NULL));
    ck_assert(note.last == BEGIN && note.write == 1 && txn->write == 1 && txn->env == env);
    note.sys = 7;
    OK(txn->ops->get(txn, KV_TAG, KEY, &v));
    ck_assert(note.last == GET && note.space == KV_TAG && note.key.p == KEY.p && v.p == VALUE.p);
    ck_assert_int_eq(txn->sys, 7);
    OK(txn->ops->put(txn, KV_DAY, KEY, VALUE, KV_APPEND));
    ck_assert(note.last == PUT && note.space == KV_DAY && note.key.p == KEY.p &&
              note.value.p == VALUE.p && note.flags == KV_APPEND);
    OK(txn->ops->del(txn, KV_DUE, KEY));
    ck_assert(note.last == DEL && note.space == KV_DUE && note.key.p == KEY.p);
    OK(txn->ops->clear(txn, KV_BITS));
    ck_assert(note.last == CLEAR && note.space == KV_BITS);
    OK(txn->ops->stat(txn, KV_DICT, &st));
    ck_assert(note.last == STAT && note.space == KV_DICT && st.entries == 42);
    OK(txn->ops->cursor(txn, KV_EVENT, &c));
    ck_assert(note.last == CURSOR && note.space == KV_EVENT && c->txn == txn);
    for (int how = KV_FIRST; how <= KV_EXACT; how++) {
        OK(c->ops->seek(c, (kv_seek)how, KEY, &k, &v));
        ck_assert(note.last == SEEK && note.seek == how && k.p == KEY.p && v.p == VALUE.p);
    }
    OK(c->ops->next(c, &k, &v));
    ck_assert_int_eq(note.last, NEXT);
    OK(c->ops->prev(c, &k, &v));
    ck_assert(note.last == PREV && k.p == KEY.p && v.p == VALUE.p);
    note.rc = CRM_ENOTFOUND;
    ck_assert_int_eq(c->ops->next(c, &k, &v), CRM_ENOTFOUND);
    note.rc = 0;
    c->ops->cursor_close(c);
    ck_assert(note.last == CURSOR_CLOSE && note.open_cursors == 0);
    OK(txn->ops->commit(txn, NULL));
    ck_assert(note.last == COMMIT && note.open_txns == 0);
    OK(env->ops->begin(env, 0, &txn, NULL));
    ck_assert(note.write == 0 && txn->write == 0);
    txn->ops->abort(txn);
    ck_assert(note.last == ABORT && note.open_txns == 0);
    OK(env->ops->info(env, &info));
    ck_assert(note.last == INFO && info.commit == 43);
    OK(env->ops->last(env, &commit));
    ck_assert(note.last == LAST && commit == 47);
    OK(env->ops->wait(env, 48, 49));
    ck_assert(note.last == WAIT);
    OK(env->ops->readers(env, see_reader, &seen));
    ck_assert(note.last == READERS && seen == 1);
    OK(env->ops->clear_stale(env, &seen));
    ck_assert(note.last == CLEAR_STALE && seen == 46);
    ck_assert_uint_eq(plan.failed, 0);
    ck_assert_uint_eq(plan.count, note.calls - 6 /* abort, cursor_close, last, wait, readers, clear_stale */);
    env->ops->close(env);
}

CRM_TEST(test_kv_fault__settle_close_and_forget_reach_the_inner_engine)
{
    kv_fault_plan plan = {KV_CALL_ANY, 1, CRM_EIO, 1, 0, 0};
    kv_env *env = wrap(&plan);

    env->ops->settle(env);
    ck_assert(note.last == SETTLE && note.calls == 1);
    env->ops->close(env);
    ck_assert(note.last == CLOSE && note.calls == 2);
    env = wrap(&plan);
    env->ops->forget(env);
    ck_assert(note.last == FORGET && note.calls == 1);
}

/* Makes the call of one kind; the inner engine must not see it when it fails. */
static int one_call(kv_env *env, kv_txn **txn, kv_cursor *c, unsigned kind)
{
    crm_error err = CRM_ERROR_INIT;
    crm__slice k, v;
    kv_cursor *d;
    kv_stat st;
    kv_txn *t;
    int rc;

    switch (kind) {
    case KV_CALL_BEGIN:
        rc = env->ops->begin(env, 1, &t, &err);
        ck_assert(!rc == !!t);
        if (!rc)
            t->ops->abort(t);
        break;
    case KV_CALL_COMMIT:
        rc = (*txn)->ops->commit(*txn, &err);
        *txn = NULL;
        break;
    case KV_CALL_GET:
        return (*txn)->ops->get(*txn, KV_TAG, KEY, &v);
    case KV_CALL_PUT:
        return (*txn)->ops->put(*txn, KV_TAG, KEY, VALUE, 0);
    case KV_CALL_DEL:
        return (*txn)->ops->del(*txn, KV_TAG, KEY);
    case KV_CALL_CURSOR:
        rc = (*txn)->ops->cursor(*txn, KV_TAG, &d);
        ck_assert(!rc == !!d);
        if (d)
            d->ops->cursor_close(d);
        return rc;
    case KV_CALL_SEEK:
        return c->ops->seek(c, KV_FIRST, KEY, &k, &v);
    case KV_CALL_NEXT:
        return c->ops->next(c, &k, &v);
    default:
        return (*txn)->ops->stat(*txn, KV_TAG, &st);
    }
    if (rc) {
        ck_assert_int_eq(err.code, rc);
        ck_assert_ptr_nonnull(strstr(err.message, "injected"));
    }
    return rc;
}

CRM_TEST(test_kv_fault__each_kind_fails_alone_and_at_its_number)
{
    for (unsigned kind = 1; kind <= KV_CALL_STAT; kind *= 2) {
        for (uint64_t after = 1; after <= 3; after++) {
            for (int sticky = 0; sticky < 2; sticky++) {
                kv_fault_plan plan = {kind, 0, CRM_EFULL, sticky, 0, 0};
                kv_env *env = wrap(&plan);
                for (uint64_t i = 1; i <= 5; i++) {
                    int fails = sticky ? i >= after : i == after;
                    kv_cursor *c;
                    kv_txn *txn;
                    unsigned before;
                    /* The frame around the call is not counted. */
                    plan.calls = 0;
                    OK(env->ops->begin(env, 1, &txn, NULL));
                    OK(txn->ops->cursor(txn, KV_TAG, &c));
                    plan.calls = kind;
                    plan.after = after;
                    before = note.calls;
                    ck_assert_int_eq(one_call(env, &txn, c, kind), fails ? CRM_EFULL : 0);
                    ck_assert_uint_eq(plan.count, i);
                    if (fails && kind != KV_CALL_COMMIT)
                        ck_assert_uint_eq(note.calls, before);
                    else if (fails)
                        ck_assert(note.last == ABORT && note.calls == before + 1);
                    else
                        ck_assert_uint_gt(note.calls, before);
                    plan.calls = 0;
                    c->ops->cursor_close(c);
                    if (txn)
                        txn->ops->abort(txn);
                    ck_assert_uint_eq(note.open_txns + note.open_cursors, 0);
                }
                ck_assert_uint_eq(plan.count, 5);
                ck_assert_uint_eq(plan.failed, sticky ? 6 - after : 1);
                env->ops->close(env);
            }
        }
    }
}

CRM_TEST(test_kv_fault__other_calls_of_a_kind)
{
    kv_fault_plan plan = {KV_CALL_DEL | KV_CALL_NEXT | KV_CALL_STAT, 1, CRM_EIO, 1, 0, 0};
    kv_env *env = wrap(&plan);
    crm__slice k, v;
    kv_cursor *c;
    kv_info info;
    kv_txn *txn;

    OK(env->ops->begin(env, 1, &txn, NULL));
    OK(txn->ops->cursor(txn, KV_TAG, &c));
    ck_assert_int_eq(c->ops->prev(c, &k, &v), CRM_EIO);
    ck_assert_int_eq(env->ops->info(env, &info), CRM_EIO);
    ck_assert_int_eq(txn->ops->clear(txn, KV_TAG), CRM_EIO);
    c->ops->cursor_close(c);
    txn->ops->abort(txn);
    ck_assert_uint_eq(plan.count, 3);
    env->ops->close(env);
}

CRM_TEST(test_kv_fault__after_a_failed_write_only_abort_is_left)
{
    crm_error err = CRM_ERROR_INIT;
    kv_fault_plan plan = {KV_CALL_PUT, 2, CRM_EFULL, 0, 0, 0};
    kv_env *env = wrap(&plan);
    kv_txn *txn;

    OK(env->ops->begin(env, 1, &txn, NULL));
    OK(txn->ops->put(txn, KV_TAG, KEY, VALUE, 0));
    ck_assert_int_eq(txn->ops->put(txn, KV_TAG, KEY, VALUE, 0), CRM_EFULL);
    ck_assert_int_eq(txn->ops->put(txn, KV_TAG, KEY, VALUE, 0), CRM_EFULL);
    ck_assert_int_eq(txn->ops->del(txn, KV_TAG, KEY), CRM_EFULL);
    ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_EFULL);
    ck_assert_int_eq(err.code, CRM_EFULL);
    ck_assert(note.last == ABORT && note.open_txns == 0);
    ck_assert_uint_eq(plan.failed, 1);

    /* The same when the inner engine fails; but not for a row that is not there. */
    OK(env->ops->begin(env, 1, &txn, NULL));
    note.rc = CRM_ENOTFOUND;
    ck_assert_int_eq(txn->ops->del(txn, KV_TAG, KEY), CRM_ENOTFOUND);
    note.rc = CRM_EIO;
    note.sys = 5;
    ck_assert_int_eq(txn->ops->put(txn, KV_TAG, KEY, VALUE, 0), CRM_EIO);
    ck_assert_int_eq(txn->sys, 5);
    note.rc = 0;
    ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_EIO);
    ck_assert_int_eq(note.last, ABORT);
    OK(env->ops->begin(env, 1, &txn, NULL));
    note.rc = CRM_ENOTFOUND;
    ck_assert_int_eq(txn->ops->del(txn, KV_TAG, KEY), CRM_ENOTFOUND);
    note.rc = CRM_EIO;
    ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_EIO);
    ck_assert_int_eq(note.last, COMMIT);
    ck_assert_uint_eq(note.open_txns, 0);

    /* Errors of begin and cursor come through, and nothing is left open. */
    ck_assert_int_eq(env->ops->begin(env, 1, &txn, &err), CRM_EIO);
    ck_assert_ptr_null(txn);
    ck_assert_uint_eq(note.open_txns, 0);
    note.rc = 0;
    env->ops->close(env);
}

static size_t allocs_left;

static void *scarce_alloc(size_t n, void *ctx)
{
    (void)ctx;
    return allocs_left && allocs_left-- ? malloc(n) : NULL;
}

static void *scarce_realloc(void *p, size_t n, void *ctx)
{
    (void)ctx;
    return allocs_left && allocs_left-- ? realloc(p, n) : NULL;
}

static void scarce_free(void *p, void *ctx)
{
    (void)ctx;
    free(p);
}

CRM_TEST(test_kv_fault__out_of_memory_leaves_nothing_open)
{
    static const crm_allocator mem = {sizeof mem, scarce_alloc, scarce_realloc, scarce_free, NULL};
    kv_fault_plan plan = {0, 0, 0, 0, 0, 0};
    kv_env *inner = calloc(1, sizeof *inner), *env;
    kv_cursor *c;
    kv_txn *txn;

    ck_assert_ptr_nonnull(inner);
    inner->ops = &NOTE_OPS;
    inner->mem = &mem;
    memset(&note, 0, sizeof note);
    ck_assert_int_eq(crm__kv_fault_wrap(NULL, &plan, &env), CRM_EINVAL);
    ck_assert_int_eq(crm__kv_fault_wrap(inner, NULL, &env), CRM_EINVAL);
    ck_assert_int_eq(crm__kv_fault_wrap(inner, &plan, &env), CRM_ENOMEM);
    ck_assert_ptr_null(env);
    allocs_left = 1;
    OK(crm__kv_fault_wrap(inner, &plan, &env));
    ck_assert_int_eq(env->ops->begin(env, 0, &txn, NULL), CRM_ENOMEM);
    ck_assert_uint_eq(note.calls, 0);
    allocs_left = 1;
    OK(env->ops->begin(env, 0, &txn, NULL));
    ck_assert_int_eq(txn->ops->cursor(txn, KV_TAG, &c), CRM_ENOMEM);
    ck_assert_uint_eq(note.open_cursors, 0);
    /* A cursor may be closed after its transaction. */
    allocs_left = 1;
    OK(txn->ops->cursor(txn, KV_TAG, &c));
    txn->ops->abort(txn);
    c->ops->cursor_close(c);
    ck_assert_uint_eq(note.open_txns + note.open_cursors, 0);
    env->ops->close(env);
}
