/* SPDX-License-Identifier: MIT
 * Segments against an evaluator that knows nothing of indexes: random customers, changes and
 * questions; as stored, and as a write transaction sees its own changes.
 */
#include "segment_world.h"

#include <stdio.h>
#include <string.h>

enum { PRINTED = 8000 };

static int in_oracle(const world *w, const w_question *q, crm_id id)
{
    for (int i = 0; i < w->count; i++) {
        if (w->c[i].id == id)
            return !w->c[i].deleted && w_passes(q, &w->c[i]);
    }
    return 0;
}

/* The text again, from its canonical spelling and from its JSON, means the same. */
static crm_segment *reread(world *w, crm_txn *txn, crm_segment *s)
{
    char *text, *again;
    crm_segment *other;
    size_t n;

    if (crmtest_below(&w->seed, 2)) {
        OK(crm_segment_json(s, &text, &n, &er));
        OK(crm_segment_parse_json(txn, text, n, &other, &er));
    } else {
        OK(crm_segment_text(s, &text, &n, &er));
        OK(crm_segment_parse(txn, text, n, &other, &er));
        OK(crm_segment_text(other, &again, NULL, &er));
        ck_assert_str_eq(text, again);
        crm_free(again);
    }
    crm_free(text);
    crm_segment_free(s);
    return other;
}

static void compare(world *w, crm_txn *txn, const w_question *q)
{
    static char text[PRINTED];
    crm_segment *s;
    crm_segment_iter *it;
    uint64_t count, want = 0, listed = 0;
    crm_id id, before = 0, probe = 1 + crmtest_below(&w->seed, W_CUSTOMERS);
    int in, rc;

    w_print(q, text, sizeof text);
    rc = crm_segment_parse(txn, text, CRM_NUL, &s, &er);
    ck_assert_msg(rc == CRM_OK, "%s: %s at %lld", text, er.message, (long long)er.offset);
    s = reread(w, txn, s);
    for (int i = 0; i < w->count; i++)
        want += !w->c[i].deleted && w_passes(q, &w->c[i]);
    rc = crm_segment_count(txn, s, NULL, &count, &er);
    ck_assert_msg(rc == CRM_OK, "%s: %s", text, er.message);
    OK(crm_segment_list(txn, s, NULL, &it, &er));
    while ((rc = crm_segment_next(it, &id, &er)) == CRM_OK) {
        ck_assert_msg(id > before, "%s: ids out of order", text);
        ck_assert_msg(in_oracle(w, q, id), "%s: %llu should not be in it", text,
                      (unsigned long long)id);
        before = id;
        listed++;
    }
    ck_assert_int_eq(rc, CRM_DONE);
    crm_segment_list_close(it);
    ck_assert_msg(count == want && listed == want, "%s: counted %llu, listed %llu, should be %llu",
                  text, (unsigned long long)count, (unsigned long long)listed,
                  (unsigned long long)want);
    OK(crm_segment_has(txn, s, probe, &in, &er));
    ck_assert_msg(in == in_oracle(w, q, probe), "%s: has of %llu", text, (unsigned long long)probe);
    crm_segment_free(s);
}

static void ask_some(world *w, crm_txn *txn, int n, int depth)
{
    for (int i = 0; i < n; i++) {
        w_question *q = w_ask(w, (int)crmtest_below(&w->seed, (uint64_t)depth + 1));
        compare(w, txn, q);
        w_forget(q);
    }
}

CRM_TEST(test_api_segment_oracle__stored)
{
    static world w;
    size_t rounds = crmtest_rounds(12, 120);

    w.seed = crmtest_seed() ^ 0x5e65;
    w_open(&w);
    for (size_t r = 0; r < rounds; r++) {
        crm_txn *txn = w_begin(&w, CRM_WRITE);
        for (int i = 0; i < 150; i++)
            w_change(&w, txn);
        api_commit(txn);
        txn = w_begin(&w, CRM_READ);
        ask_some(&w, txn, 300, 3);
        crm_txn_abort(txn);
    }
    crm_db_close(w.db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_segment_oracle__while_writing)
{
    static world w;
    size_t rounds = crmtest_rounds(20, 200);

    w.seed = crmtest_seed() ^ 0x77a1;
    w_open(&w);
    for (size_t r = 0; r < rounds; r++) {
        crm_txn *txn = w_begin(&w, CRM_WRITE);
        crm_savepoint mark;
        for (int i = 0; i < 40; i++) {
            w_change(&w, txn);
            if (i == 20 && r % 2)
                OK(crm_txn_savepoint(txn, &mark, &er));
            if (i % 8 == 7)
                ask_some(&w, txn, 12, 2);
        }
        api_commit(txn);
    }
    crm_db_close(w.db);
}

static int in_group(crm_txn *txn, void *ctx)
{
    world *w = ctx;

    for (int i = 0; i < 30; i++)
        w_change(w, txn);
    ask_some(w, txn, 40, 2);
    return CRM_OK;
}

CRM_TEST(test_api_segment_oracle__in_group_commit)
{
    static world w;
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    size_t rounds = crmtest_rounds(12, 100);

    w.seed = crmtest_seed() ^ 0x9091;
    w_open(&w);
    o.now_us = W_NOW;
    for (size_t r = 0; r < rounds; r++)
        OK(crm_db_write(w.db, &o, in_group, &w, &er));
    crm_db_close(w.db);
}

/* A tag for whoever passes, taken again, and undone. */
CRM_TEST(test_api_segment_oracle__tags_of_a_segment)
{
    static world w;
    size_t rounds = crmtest_rounds(30, 300);

    w.seed = crmtest_seed() ^ 0x1234;
    w_open(&w);
    for (size_t r = 0; r < rounds; r++) {
        static char text[PRINTED];
        crm_txn *txn = w_begin(&w, CRM_WRITE);
        w_question *q = w_ask(&w, 2);
        int tag = (int)crmtest_below(&w.seed, W_TAGS), on = crmtest_below(&w.seed, 3) > 0;
        uint64_t changed, want = 0;
        crm_segment *s;
        for (int i = 0; i < 60; i++)
            w_change(&w, txn);
        w_print(q, text, sizeof text);
        OK(crm_segment_parse(txn, text, CRM_NUL, &s, &er));
        if (on)
            OK(crm_segment_tag(txn, s, W_TAG[tag], NULL, NULL, &changed, &er));
        else
            OK(crm_segment_untag(txn, s, W_TAG[tag], NULL, &changed, &er));
        for (int i = 0; i < w.count; i++) {
            w_customer *c = &w.c[i];
            if (c->deleted || !w_passes(q, c))
                continue;
            want += (int)(c->tags >> tag & 1) != on;
            if (on && strncmp(W_TAG[tag], "value:", 6) == 0)
                c->tags &= ~w_values();
            c->tags = on ? c->tags | 1u << tag : c->tags & ~(1u << tag);
        }
        ck_assert_msg(changed == want, "%s of %s: %llu changed, not %llu", W_TAG[tag], text,
                      (unsigned long long)changed, (unsigned long long)want);
        crm_segment_free(s);
        w_forget(q);
        ask_some(&w, txn, 10, 1);
        api_commit(txn);
        txn = w_begin(&w, CRM_READ);
        ask_some(&w, txn, 30, 2);
        crm_txn_abort(txn);
    }
    crm_db_close(w.db);
    api_check_clean(api_path());
}
