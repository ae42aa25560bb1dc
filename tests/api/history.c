/* SPDX-License-Identifier: MIT
 * History and crm_customer_get_at() against every state there ever was, kept while random changes
 * were made: single, several a transaction, batches over several commits, savepoints and rollbacks,
 * groups from threads, aborted transactions.
 */
#include "history_help.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t below(past *p, uint64_t n)
{
    return crmtest_below(&p->seed, n);
}

/* ---- random life ---- */

/* Of a transaction without a batch: each state is kept as it comes to be. */
static void plain_part(past *p, int changes)
{
    crm_txn *txn = past_begin(p, 0);
    size_t begun = p->count, at_mark = 0;
    crm_id most = p->most, most_at_mark = 0;
    crm_savepoint mark = 0;

    while (changes-- > 0) {
        crm_id id = past_change(p, txn);
        if (id)
            past_keep(p, txn, id);
        if (below(p, 6) == 0) {
            OK(crm_txn_savepoint(txn, &mark, &er));
            at_mark = p->count;
            most_at_mark = p->most;
        } else if (mark && below(p, 6) == 0) {
            OK(crm_txn_rollback(txn, mark, &er));
            past_forget(p, at_mark);
            p->most = most_at_mark;
            mark = 0;
        }
    }
    if (below(p, 6) == 0) {
        OK(crm_txn_abort(txn));
        past_forget(p, begun);
        p->most = most;
    } else {
        api_commit(txn);
    }
}

/* Of a batch: its states are those at its commit.  Gives the batch, 0: aborted or empty. */
static uint64_t batch_part(past *p, uint64_t batch, int changes)
{
    crm_txn *txn = past_begin(p, batch ? batch : CRM_BATCH_NEW);
    crm_id most = p->most, most_at_mark = 0;
    crm_savepoint mark = 0;
    uint64_t of;

    while (changes-- > 0) {
        past_change(p, txn);
        if (below(p, 6) == 0) {
            OK(crm_txn_savepoint(txn, &mark, &er));
            most_at_mark = p->most;
        } else if (mark && below(p, 5) == 0) {
            OK(crm_txn_rollback(txn, mark, &er));
            p->most = most_at_mark;
            mark = 0;
        }
    }
    of = crm_txn_batch(txn);
    if (below(p, 8) == 0) {
        OK(crm_txn_abort(txn));
        p->most = most;
        return batch;
    }
    api_commit(txn);
    past_keep_touched(p);
    return of ? of : batch;
}

typedef struct grouped {
    past *p;
    uint64_t seed;
    past own; /* states seen by this thread */
    int fail, rc;
} grouped;

static int group_fn(crm_txn *txn, void *ctx)
{
    grouped *g = ctx;

    past_forget(&g->own, 0); /* it may be run again */
    for (int i = 0; i < 4; i++) {
        crm_id id = past_change(&g->own, txn);
        if (id)
            past_keep(&g->own, txn, id);
    }
    return g->fail ? 1 : 0;
}

static void *group_thread(void *ctx)
{
    grouped *g = ctx;

    g->rc = crm_db_write(g->p->db, NULL, group_fn, g, NULL);
    return NULL;
}

/* Each member tells what it made; customers made by others are found by their ids only later. */
static void group_part(past *p)
{
    enum { THREADS = 4 };
    grouped g[THREADS];
    pthread_t t[THREADS];
    crm_txn *txn;
    crm_db_stat st;

    for (int i = 0; i < THREADS; i++) {
        memset(&g[i], 0, sizeof g[i]);
        g[i].p = p;
        g[i].own.seed = crmtest_rand(&p->seed);
        g[i].own.most = p->most;
        g[i].own.unique = UINT64_C(1) << 40 | crmtest_rand(&p->seed) >> 30;
        g[i].fail = below(p, 5) == 0;
        txn = api_begin(p->db, CRM_READ);
        OK(crm_customer_new(txn, &g[i].own.c, &er));
        OK(crm_txn_abort(txn));
    }
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, group_thread, &g[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(t[i], NULL), 0);
        ck_assert_int_eq(g[i].rc != CRM_OK, g[i].fail);
        for (size_t k = 0; k < g[i].own.count && !g[i].fail; k++) {
            if (p->count == p->cap) {
                p->cap = p->cap * 2 + 64;
                p->states = realloc(p->states, p->cap * sizeof *p->states);
                ck_assert_ptr_nonnull(p->states);
            }
            p->states[p->count] = g[i].own.states[k];
            p->states[p->count++].json = strdup(g[i].own.states[k].json);
        }
        past_forget(&g[i].own, 0);
        free(g[i].own.states);
        crm_customer_free(g[i].own.c);
    }
    OK(crm_db_stat_get(p->db, sizeof st, &st, &er));
    p->most = st.customers + st.deleted; /* ids are dense */
}

static void live(past *p, size_t parts)
{
    uint64_t batch = 0;

    while (parts-- > 0) {
        switch (below(p, 8)) {
        case 0:
            batch = 0;
            /* fall through */
        case 1:
        case 2:
            batch = batch_part(p, batch, 1 + (int)below(p, 30));
            break;
        case 3:
            group_part(p);
            break;
        default:
            plain_part(p, below(p, 3) ? 1 + (int)below(p, 12) : 1);
        }
    }
}

/* ---- as it was ---- */

static uint64_t last_revision(crm_txn *txn)
{
    crm_head head = CRM_HEAD_INIT;

    OK(crm_journal_head(txn, &head, &er));
    return head.revision;
}

static void same_at(past *p, crm_txn *txn, crm_id id, uint64_t revision)
{
    const past_state *want = past_at(p, id, revision);
    int rc = crm_customer_get_at(txn, id, revision, p->c, &er);
    char *json;

    if (!want) {
        IS(CRM_ENOTFOUND, rc);
        return;
    }
    OK(rc);
    OK(crm_customer_to_json(txn, p->c, CRM_JSON_ORIGINS, &json, NULL, &er));
    ck_assert_msg(!strcmp(json, want->json), "customer %llu at %llu:\n%s\nnot\n%s",
                  (unsigned long long)id, (unsigned long long)revision, json, want->json);
    ck_assert_uint_eq(crm_customer_revision(p->c), want->revision);
    ck_assert_int_eq(crm_customer_deleted(p->c), want->deleted);
    crm_free(json);
}

/* ---- history ---- */

/* A field of a record as history gives it: the text, a JSON array of a list; NULL: none.  The
 * values here need no escapes. */
static char *text_of(crm_txn *txn, crm_customer *c, const char *key, int list)
{
    crm_field f = api_field(txn, key);
    size_t count = crm_customer_count(c, &f), at = 0;
    char *out;

    if (!count)
        return NULL;
    out = malloc(4096);
    ck_assert_ptr_nonnull(out);
    at += (size_t)sprintf(out, "%s", list ? "[" : "");
    for (size_t i = 0; i < count; i++) {
        const char *text, *source;
        size_t n;
        OK(crm_customer_text(c, &f, i, &text, &n, &er));
        at += (size_t)sprintf(out + at, "%s", i ? "," : "");
        if (!strcmp(key, "external")) { /* per source */
            OK(crm_customer_source(txn, c, &f, i, &source, &er));
            at += (size_t)sprintf(out + at, "{\"source\":\"%s\",\"value\":\"%.*s\"}", source,
                                  (int)n, text);
        } else {
            at += (size_t)sprintf(out + at, list ? "\"%.*s\"" : "%.*s", (int)n, text);
        }
    }
    sprintf(out + at, "%s", list ? "]" : "");
    return out;
}

static void same_side(crm_txn *txn, crm_customer *c, const char *key, const char *got)
{
    int list = got && got[0] == '[';
    char *want = text_of(txn, c, key, list);

    ck_assert_msg((!got && !want) || (got && want && !strcmp(got, want)), "%s: %s, not %s", key,
                  got ? got : "(none)", want ? want : "(none)");
    free(want);
}

/* What stands of a field in the origins. */
static void origins_of(crm_txn *txn, crm_customer *c, const char *key, char out[2000])
{
    crm_field f = api_field(txn, key);
    size_t n = 0;

    out[0] = 0;
    for (size_t i = 0; i < crm_customer_count(c, &f) && n < 1800; i++) {
        const char *source;
        int64_t at;
        OK(crm_customer_origin(txn, c, &f, i, &source, &at, &er));
        n += (size_t)snprintf(out + n, 2000 - n, "%s %lld,", source, (long long)at);
    }
}

static const char *const KEYS[] = {"name",         "city",  "score",    "vip",      "email",
                                   "credit_limit", "notes", "external", "lifecycle"};
enum { KEY_COUNT = sizeof KEYS / sizeof KEYS[0] };

/* By the function and in the document; was NULL: created. */
static void same_kind(crm_history *h, const char *was, const char *is)
{
    const char *before, *after;
    char want[100], *json;

    OK(crm_history_kind(h, &before, &after, &er));
    OK(crm_history_json(h, &json, NULL, &er));
    if (was && !strcmp(was, is)) {
        ck_assert(!before && !after && !strstr(json, ",\"kind\":"));
    } else {
        ck_assert(!before == !was && (!was || !strcmp(before, was)));
        ck_assert_str_eq(after, is);
        snprintf(want, sizeof want,
                 ",\"kind\":{%s%s%s\"after\":\"%s\"},\"fields\":", was ? "\"before\":\"" : "",
                 was ? was : "", was ? "\"," : "", is);
        ck_assert_msg(strstr(json, want), "%s lacks %s", json, want);
    }
    crm_free(json);
}

static void same_change(past *p, crm_txn *txn, crm_history *h, const crm_change *c,
                        const past_state *s, const past_state *before, crm_customer *old)
{
    unsigned seen = 0;

    ck_assert_uint_eq(c->revision, s->revision);
    ck_assert_uint_eq(c->target, s->id);
    ck_assert_uint_eq(c->action, !before                         ? CRM_ACTION_CREATE
                                 : before->deleted == s->deleted ? CRM_ACTION_UPDATE
                                 : s->deleted                    ? CRM_ACTION_DELETE
                                                                 : CRM_ACTION_UNDELETE);
    OK(crm_customer_get_at(txn, s->id, s->revision, p->c, &er));
    crm_customer_clear(old);
    if (before)
        OK(crm_customer_get_at(txn, s->id, before->revision, old, &er));
    same_kind(h, before ? crm_customer_kind(old) : NULL, crm_customer_kind(p->c));
    for (uint32_t i = 0; i < c->field_count; i++) {
        const char *key, *was, *is;
        OK(crm_history_field(h, i, &key, &was, &is, &er));
        same_side(txn, old, key, was);
        same_side(txn, p->c, key, is);
        for (unsigned k = 0; k < KEY_COUNT; k++)
            seen |= (unsigned)!strcmp(KEYS[k], key) << k;
    }
    for (unsigned k = 0; k < KEY_COUNT; k++) {
        char one[2000], two[2000], *was = text_of(txn, old, KEYS[k], 1),
                                   *is = text_of(txn, p->c, KEYS[k], 1);
        int same = (!was && !is) || (was && is && !strcmp(was, is));
        origins_of(txn, old, KEYS[k], one);
        origins_of(txn, p->c, KEYS[k], two);
        same = same && !strcmp(one, two);
        ck_assert_msg(same || seen >> k & 1, "%s differs and is not told", KEYS[k]);
        ck_assert_msg(!same || !(seen >> k & 1) || c->batch, "%s is told and the same", KEYS[k]);
        free(was);
        free(is);
    }
}

static void same_history(past *p, crm_txn *txn, crm_id id, crm_customer *old)
{
    crm_change c = CRM_CHANGE_INIT;
    const past_state *s = past_at(p, id, UINT64_MAX);
    crm_history *h = NULL;
    char *json;
    int rc = crm_history_open(txn, id, &h, &er);

    if (!s) {
        IS(CRM_ENOTFOUND, rc);
        ck_assert_ptr_null(h);
        return;
    }
    OK(rc);
    IS(CRM_ESTATE, crm_history_json(h, &json, NULL, &er));
    for (; s; s = past_at(p, id, s->revision - 1)) {
        OK(crm_history_next(h, &c, &er));
        same_change(p, txn, h, &c, s, past_at(p, id, s->revision - 1), old);
        OK(crm_history_json(h, &json, NULL, &er));
        ck_assert(json[0] == '{' && json[strlen(json) - 1] == '}' && !strchr(json, '\n'));
        crm_free(json);
    }
    IS(CRM_DONE, crm_history_next(h, &c, &er));
    IS(CRM_DONE, crm_history_next(h, &c, &er));
    crm_history_close(h);
}

static void oracle(size_t parts, size_t looks)
{
    crm_txn *txn, *early = NULL;
    size_t early_count = 0;
    uint64_t last, early_last = 0;
    crm_customer *old;
    past p;

    past_open(&p);
    live(&p, parts / 2);
    early = api_begin(p.db, CRM_READ);
    early_last = last_revision(early);
    early_count = p.count;
    live(&p, parts - parts / 2);
    ck_assert_uint_gt(p.count, early_count);
    past_sort(&p);
    txn = api_begin(p.db, CRM_READ);
    OK(crm_customer_new(txn, &old, &er));
    last = last_revision(txn);
    for (size_t i = 0; i < looks; i++)
        same_at(&p, txn, 1 + below(&p, p.most + 2), below(&p, last + 3));
    for (crm_id id = 1; id <= p.most + 1; id++)
        same_history(&p, txn, id, old);
    /* A view that is older shows the same past. */
    for (size_t i = 0; i < looks / 4; i++)
        same_at(&p, early, 1 + below(&p, p.most), below(&p, early_last + 1));
    OK(crm_txn_abort(early));
    OK(crm_journal_verify(txn, NULL, 0, NULL, NULL, &er));
    OK(crm_txn_abort(txn));
    /* So does one that writes, beside what it changed itself. */
    txn = past_begin(&p, 0);
    for (int i = 0; i < 20; i++)
        past_change(&p, txn);
    for (size_t i = 0; i < looks / 4; i++)
        same_at(&p, txn, 1 + below(&p, p.most), below(&p, last + 1));
    OK(crm_txn_abort(txn));
    crm_customer_free(old);
    past_close(&p);
    api_check_clean(api_path());
}

CRM_TEST(test_api_history__every_earlier_state)
{
    oracle(crmtest_rounds(60, 250), crmtest_rounds(2000, 20000));
}

/* ---- edges ---- */

CRM_TEST(test_api_history__arguments_and_ends)
{
    crm_change c = CRM_CHANGE_INIT;
    crm_history *h = NULL, *other = NULL;
    const char *key, *was, *is;
    crm_db *db = api_open();
    crm_customer *record;
    crm_txn *txn, *batch;
    char *json;

    txn = api_begin(db, CRM_WRITE);
    api_create(txn, "{\"name\":\"A\"}");
    OK(crm_customer_patch_json(txn, 1, 0, "{\"city\":\"X\",\"name\":\"B\"}", CRM_NUL, &er));
    OK(crm_customer_new(txn, &record, &er));
    /* A write transaction sees its own changes, and an iterator ends where it writes on. */
    OK(crm_history_open(txn, 1, &h, &er));
    OK(crm_history_next(h, &c, &er));
    ck_assert_uint_eq(c.revision, 3);
    OK(crm_customer_delete(txn, 1, 0, &er));
    IS(CRM_ESTATE, crm_history_next(h, &c, &er));
    IS(CRM_ESTATE, crm_history_json(h, &json, NULL, &er));
    crm_history_close(h);
    api_commit(txn);

    txn = api_begin(db, CRM_READ);
    IS(CRM_EINVAL, crm_history_open(NULL, 1, &h, &er));
    IS(CRM_EINVAL, crm_history_open(txn, 1, NULL, &er));
    IS(CRM_ENOTFOUND, crm_history_open(txn, 2, &h, &er));
    ck_assert_ptr_null(h);
    IS(CRM_ENOTFOUND, crm_history_open(txn, 0, &h, &er));
    IS(CRM_ENOTFOUND, crm_customer_get_at(txn, UINT64_MAX, 4, record, &er));
    IS(CRM_EINVAL, crm_customer_get_at(txn, 1, 4, NULL, &er));
    IS(CRM_EINVAL, crm_customer_get_at(NULL, 1, 4, record, &er));
    OK(crm_history_open(txn, 1, &h, &er));
    IS(CRM_ESTATE, crm_history_field(h, 0, &key, &was, &is, &er));
    IS(CRM_ESTATE, crm_history_kind(h, &was, &is, &er));
    IS(CRM_EINVAL, crm_history_kind(NULL, &was, &is, &er));
    OK(crm_history_next(h, &c, &er));
    ck_assert(c.action == CRM_ACTION_DELETE && c.field_count == 0);
    IS(CRM_ENOTFOUND, crm_history_field(h, 0, &key, &was, &is, &er));
    c.size = 3;
    IS(CRM_EINVAL, crm_history_next(h, &c, &er));
    crm_history_close(h);
    c.size = sizeof c;
    OK(crm_history_open(txn, 1, &h, &er));
    OK(crm_history_next(h, &c, &er));
    OK(crm_history_next(h, &c, &er));
    ck_assert(c.action == CRM_ACTION_UPDATE && c.field_count == 2);
    IS(CRM_EINVAL, crm_history_field(h, 0, NULL, &was, &is, &er));
    IS(CRM_EINVAL, crm_history_kind(h, NULL, &is, &er));
    IS(CRM_EINVAL, crm_history_kind(h, &was, NULL, &er));
    IS(CRM_EINVAL, crm_history_json(h, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_history_next(NULL, &c, &er));
    OK(crm_history_json(h, &json, NULL, &er));
    ck_assert_ptr_nonnull(strstr(json, "\"city\":{\"before\":null,\"after\":\"X\"}"));
    ck_assert_ptr_nonnull(strstr(json, "\"name\":{\"before\":\"A\",\"after\":\"B\"}"));
    crm_free(json);
    OK(crm_history_next(h, &c, &er));
    ck_assert(c.action == CRM_ACTION_CREATE);
    IS(CRM_DONE, crm_history_next(h, &c, &er));
    OK(crm_history_open(txn, 1, &other, &er));
    OK(crm_txn_abort(txn));
    IS(CRM_ESTATE, crm_history_next(other, &c, &er));
    crm_history_close(other);
    crm_history_close(h);
    crm_history_close(NULL);

    /* Inside a batch the entry is not written yet. */
    {
        crm_txn_options o = CRM_TXN_OPTIONS_INIT;
        o.batch = CRM_BATCH_NEW;
        OK(crm_txn_begin(db, CRM_WRITE, &o, &batch, &er));
    }
    OK(crm_history_open(batch, 1, &h, &er));
    OK(crm_customer_undelete(batch, 1, 0, &er));
    IS(CRM_ESTATE, crm_history_next(h, &c, &er));
    IS(CRM_ESTATE, crm_history_open(batch, 1, &other, &er));
    IS(CRM_ESTATE, crm_customer_get_at(batch, 1, 2, record, &er));
    crm_history_close(h);
    api_commit(batch);
    crm_db_close(db);
    IS(CRM_EINVAL, crm_history_next(NULL, &c, &er));
    crm_customer_free(record);
}

/* A field that the model no longer has keeps its key and its values. */
CRM_TEST(test_api_history__field_that_is_gone)
{
    static const char WITH[] = "crm: 1\nfields:\n  name: {type: text, required: true}\n"
                               "  shoe: {type: integer}\n  pets: {type: text, list: true}\n",
                      WITHOUT[] = "crm: 1\nfields:\n  name: {type: text, required: true}\n";
    crm_change c = CRM_CHANGE_INIT;
    const char *key, *was, *is;
    crm_db *db = api_open_model(WITH);
    crm_history *h;
    crm_txn *txn = api_begin(db, CRM_WRITE);

    api_create(txn, "{\"name\":\"A\",\"shoe\":41,\"pets\":[\"cat\",\"dog\"]}");
    OK(crm_customer_patch_json(txn, 1, 0, "{\"shoe\":42,\"pets\":[\"cat\"]}", CRM_NUL, &er));
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_model_apply(txn, WITHOUT, CRM_NUL, CRM_FORCE, NULL, NULL, &er));
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    OK(crm_history_open(txn, 1, &h, &er));
    OK(crm_history_next(h, &c, &er));
    ck_assert_uint_eq(c.field_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        OK(crm_history_field(h, i, &key, &was, &is, &er));
        if (!strcmp(key, "shoe")) {
            ck_assert_str_eq(was, "41");
            ck_assert_str_eq(is, "42");
        } else {
            ck_assert_str_eq(key, "pets");
            ck_assert_str_eq(was, "[\"cat\",\"dog\"]");
            ck_assert_str_eq(is, "[\"cat\"]");
        }
    }
    crm_history_close(h);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}
