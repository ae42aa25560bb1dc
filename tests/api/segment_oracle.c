/* SPDX-License-Identifier: MIT
 * Segments against an evaluator that knows nothing of indexes: random customers, changes and
 * questions; as stored, and as a write transaction sees its own changes.
 */
#include "segment_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRINTED = 8000 };

/* Who passes, by id; how many. */
static uint8_t passes[W_CUSTOMERS + 1];

static uint64_t judge_all(const world *w, const w_question *q)
{
    uint64_t n = 0;

    memset(passes, 0, sizeof passes);
    for (int i = 0; i < w->count; i++) {
        const w_customer *c = &w->c[i];
        ck_assert_uint_le(c->id, W_CUSTOMERS);
        passes[c->id] = !c->deleted && w_passes(q, c);
        n += passes[c->id];
    }
    return n;
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
    uint64_t count, want, listed = 0;
    crm_id id, before = 0, probe = 1 + crmtest_below(&w->seed, W_CUSTOMERS);
    int in, rc;

    w_print(q, text, sizeof text);
    rc = crm_segment_parse(txn, text, CRM_NUL, &s, &er);
    ck_assert_msg(rc == CRM_OK, "%s: %s at %lld", text, er.message, (long long)er.offset);
    if (crmtest_below(&w->seed, 4) == 0)
        s = reread(w, txn, s);
    want = judge_all(w, q);
    rc = crm_segment_count(txn, s, NULL, &count, &er);
    ck_assert_msg(rc == CRM_OK, "%s: %s", text, er.message);
    OK(crm_segment_list(txn, s, NULL, &it, &er));
    while ((rc = crm_segment_next(it, &id, &er)) == CRM_OK) {
        if (id <= before || id > W_CUSTOMERS || !passes[id])
            ck_abort_msg("%s: %llu should not be in it, or not there", text,
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
    ck_assert_msg(in == passes[probe], "%s: has of %llu", text, (unsigned long long)probe);
    crm_segment_free(s);
}

static uint64_t count_of(crm_txn *txn, const char *text)
{
    crm_segment *s;
    uint64_t n;
    int rc = crm_segment_parse(txn, text, CRM_NUL, &s, &er);

    ck_assert_msg(rc == CRM_OK, "%s: %s", text, er.message);
    rc = crm_segment_count(txn, s, NULL, &n, &er);
    ck_assert_msg(rc == CRM_OK, "%s: %s", text, er.message);
    crm_segment_free(s);
    return n;
}

/* What holds of any two questions, whatever they say. */
static void compare_rules(world *w, crm_txn *txn)
{
    static char a[PRINTED], b[PRINTED], text[5 * PRINTED];
    w_question *p = w_ask(w, 2), *q = w_ask(w, 2);
    uint64_t n, all = count_of(txn, "all");

    w_print(p, a, sizeof a);
    w_print(q, b, sizeof b);
    n = count_of(txn, a);
#define SAME(want, ...)                                                                            \
    snprintf(text, sizeof text, __VA_ARGS__);                                                      \
    ck_assert_msg(count_of(txn, text) == (want), "%s", text)
    SAME(n, "(%s) and all", a);
    SAME(n, "(%s) or none", a);
    SAME(n, "not not (%s)", a);
    SAME(all - n, "not (%s)", a);
    SAME(n, "(%s) and (%s)", a, a);
    SAME(0, "(%s) and not (%s)", a, a);
    n = count_of(txn, (snprintf(text, sizeof text, "(%s) and (%s)", a, b), text));
    SAME(all - n, "not (%s) or not (%s)", a, b); /* De Morgan */
    SAME(count_of(txn, a) - n, "(%s) and not (%s)", a, b);
    SAME(count_of(txn, a) + count_of(txn, b) - n, "(%s) or (%s)", a, b);
    SAME(n, "(%s) and ((%s) or (%s)) and (%s)", b, a, b, a);
#undef SAME
    w_forget(p);
    w_forget(q);
}

static void ask_some(world *w, crm_txn *txn, int n, int depth)
{
    for (int i = 0; i < n; i++) {
        if (i % 64 == 63)
            compare_rules(w, txn);
        w_question *q = w_ask(w, (int)crmtest_below(&w->seed, (uint64_t)depth + 1));
        compare(w, txn, q);
        w_forget(q);
    }
}

enum { ASK_WRITING = 60, ASK_READING = 200 };

/* Moments, zones and models of all kinds: what is asked, what was saved, and the clock move apart.
 */
CRM_TEST(test_api_segment_oracle__stored)
{
    static world w;
    size_t clocks = crmtest_rounds(15, 20), asked = ASK_WRITING + clocks * ASK_READING;
    const char *wanted = getenv("CRM_QUERIES");
    size_t rounds = wanted ? strtoul(wanted, NULL, 10) / asked + 1 : crmtest_rounds(24, 240);

    w.seed = crmtest_seed() ^ 0x5e65;
    w.varied = 1;
    w_open(&w);
    for (size_t r = 0; r < rounds; r++) {
        crm_txn *txn = w_begin(&w, CRM_WRITE);
        for (int i = 0; i < 75; i++)
            w_change(&w, txn);
        ask_some(&w, txn, ASK_WRITING, 2);
        api_commit(txn);
        for (size_t clock = 0; clock < clocks; clock++) {
            txn = w_begin(&w, CRM_READ);
            ask_some(&w, txn, ASK_READING, 2 + (int)(r % 2));
            crm_txn_abort(txn);
        }
        if (r % 3 == 2)
            w_remodel(&w);
    }
    w_close(&w);
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
                ask_some(&w, txn, 120, 2);
        }
        api_commit(txn);
    }
    w_close(&w);
}

static int in_group(crm_txn *txn, void *ctx)
{
    world *w = ctx;

    for (int i = 0; i < 30; i++)
        w_change(w, txn);
    ask_some(w, txn, 500, 2);
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
    w_close(&w);
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
        w_question *q;
        int tag = (int)crmtest_below(&w.seed, W_TAGS), on = crmtest_below(&w.seed, 3) > 0;
        uint64_t changed, want = 0;
        crm_segment *s;
        for (int i = 0; i < 60; i++)
            w_change(&w, txn);
        q = w_ask(&w, 2); /* behind the changes, of which some save others anew */
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
            if (on && c->tags >> tag & 1 && (!c->until[tag] || c->until[tag] > w_at.now))
                continue; /* it keeps its end */
            want += on || c->tags >> tag & 1;
            if (on && strncmp(W_TAG[tag], "value:", 6) == 0)
                c->tags &= ~w_values();
            c->until[tag] = 0;
            c->tags = on ? c->tags | 1u << tag : c->tags & ~(1u << tag);
        }
        ck_assert_msg(changed == want, "%s of %s: %llu changed, not %llu", W_TAG[tag], text,
                      (unsigned long long)changed, (unsigned long long)want);
        crm_segment_free(s);
        w_forget(q);
        ask_some(&w, txn, 20, 1);
        api_commit(txn);
        txn = w_begin(&w, CRM_READ);
        ask_some(&w, txn, 300, 2);
        crm_txn_abort(txn);
    }
    w_close(&w);
    api_check_clean(api_path());
}
