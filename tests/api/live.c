/* SPDX-License-Identifier: MIT
 * Watched segments: what can be watched, what is told with a commit, by the clock, in batches, by
 * undo, to several readers, and after a writer was killed.
 */
#include "help.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY INT64_C(86400000000)
#define NOW INT64_C(1770033600000000) /* 2026-02-02, noon UTC */

static const char MODEL[] = "crm: 1\n"
                            "fields:\n"
                            "  name: {type: text}\n"
                            "  score: {type: integer}\n"
                            "  joined: {type: date}\n"
                            "  left: {type: date, index: false}\n"
                            "tags:\n"
                            "  offer: {expires: true}\n"
                            "  value: {label: {zh: 购买力}, one: true}\n"
                            "events:\n"
                            "  order: {attributes: {amount: {type: decimal, fast: true}, "
                            "due: {type: date}}}\n"
                            "segments:\n"
                            "  rich: {label: {zh: 富人}, query: 'score >= 700'}\n";

static int64_t now = NOW;

static crm_db *open_db(void)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_db *db;

    o.model = MODEL;
    o.test_clock = api_clock;
    o.test_clock_ctx = &now;
    OK(crm_db_open(api_path(), &o, &db, &er));
    return db;
}

static crm_txn *begin_at(crm_db *db, int mode)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.now_us = now;
    OK(crm_txn_begin(db, mode, &o, &txn, &er));
    return txn;
}

static void save(crm_txn *txn, const char *name, const char *text, uint32_t flags)
{
    crm_segment *s;

    OK(crm_segment_parse(txn, text, CRM_NUL, &s, &er));
    OK(crm_segment_save(txn, name, s, flags, &er));
    crm_segment_free(s);
}

static void watch(crm_db *db, const char *name, const char *text)
{
    crm_txn *txn = begin_at(db, CRM_WRITE);

    save(txn, name, text, 0);
    OK(crm_segment_watch(txn, name, &er));
    api_commit(txn);
}

/* What is told behind a revision, e.g. "+vip:1 -vip:2 "; *after is then the last revision. */
static const char *told(crm_db *db, const char *name, uint64_t *after)
{
    static char text[4000];
    crm_live_change c = CRM_LIVE_CHANGE_INIT;
    crm_txn *txn = begin_at(db, CRM_READ);
    crm_live_iter *it;
    size_t n = 0;
    int rc;

    text[0] = 0;
    OK(crm_live_list(txn, *after, name, &it, &er));
    while (!(rc = crm_live_next(it, &c, &er)) && n < sizeof text - 200) {
        ck_assert_uint_gt(c.revision, *after);
        n += (size_t)snprintf(text + n, sizeof text - n, "%c%s:%llu ", c.entered ? '+' : '-',
                              c.segment, (unsigned long long)c.customer);
    }
    ck_assert_int_eq(rc, CRM_DONE);
    *after = crm_txn_revision(txn);
    crm_live_close(it);
    crm_txn_abort(txn);
    return text;
}

static void advance(crm_db *db, const char *want)
{
    crm_live_advanced d = CRM_LIVE_ADVANCED_INIT;
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    char got[60];

    o.now_us = now;
    OK(crm_live_advance(db, &o, NULL, NULL, &d, &er));
    snprintf(got, sizeof got, "+%d -%d", (int)d.entered, (int)d.left);
    ck_assert_str_eq(got, want);
}

/* What a transaction changes behind an unwatch is told as ever, also when that was taken back. */
CRM_TEST(test_api_live__changes_behind_an_unwatch)
{
    crm_live_segment w = CRM_LIVE_SEGMENT_INIT;
    crm_savepoint mark;
    crm_db *db = api_open();
    crm_txn *txn = begin_at(db, CRM_WRITE);

    api_create(txn, "{\"name\":\"A\",\"city\":\"Rome\"}");
    save(txn, "one", "city = Rome", 0);
    save(txn, "two", "city = Rome", 0);
    OK(crm_segment_watch(txn, "one", &er));
    OK(crm_segment_watch(txn, "two", &er));
    api_commit(txn);
    txn = begin_at(db, CRM_WRITE);
    OK(crm_segment_unwatch(txn, "one", &er));
    api_create(txn, "{\"name\":\"B\",\"city\":\"Rome\"}");
    api_commit(txn);
    txn = begin_at(db, CRM_WRITE);
    OK(crm_txn_savepoint(txn, &mark, &er));
    OK(crm_segment_unwatch(txn, "two", &er));
    OK(crm_txn_rollback(txn, mark, &er));
    api_create(txn, "{\"name\":\"C\",\"city\":\"Rome\"}");
    api_commit(txn);
    txn = begin_at(db, CRM_READ);
    OK(crm_live_watched(txn, "", &w, &er));
    ck_assert_str_eq(w.name, "two");
    ck_assert_uint_eq(w.customers, 3);
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_live__tells_with_the_commit)
{
    crm_db *db = open_db();
    uint64_t seen = 0;
    crm_txn *txn = begin_at(db, CRM_WRITE);
    crm_id a = api_create(txn, "{\"name\":\"A\",\"score\":800}"), b;

    save(txn, "vip", "score >= 700 and not tag(value:low)", 0);
    OK(crm_segment_watch(txn, "vip", &er));
    IS(CRM_DONE, crm_segment_watch(txn, "vip", &er));
    b = api_create(txn, "{\"name\":\"B\",\"score\":100}");
    OK(crm_tag_add(txn, b, "value:low", NULL, &er));
    api_commit(txn);
    ck_assert_str_eq(told(db, NULL, &seen), "+vip:1 ");
    txn = begin_at(db, CRM_WRITE);
    OK(crm_customer_patch_json(txn, b, 0, "{\"score\":900}", CRM_NUL, &er));
    api_commit(txn);
    ck_assert_str_eq(told(db, NULL, &seen), "");
    txn = begin_at(db, CRM_WRITE);
    OK(crm_tag_remove(txn, b, "value:low", &er));
    OK(crm_customer_delete(txn, a, 0, &er));
    api_commit(txn);
    ck_assert_str_eq(told(db, "vip", &seen), "-vip:1 +vip:2 ");
    ck_assert_str_eq(told(db, "vip", &seen), "");
    /* Dropped changes tell nothing. */
    txn = begin_at(db, CRM_WRITE);
    OK(crm_customer_undelete(txn, a, 0, &er));
    crm_txn_abort(txn);
    ck_assert_str_eq(told(db, NULL, &seen), "");
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_live__a_change_of_meaning_is_told)
{
    crm_db *db = open_db();
    uint64_t seen = 0;
    crm_txn *txn = begin_at(db, CRM_WRITE);

    api_create(txn, "{\"name\":\"A\",\"score\":800}");
    api_create(txn, "{\"name\":\"B\",\"score\":400}");
    save(txn, "base", "score >= 500", 0);
    save(txn, "upper", "segment(base) and name is not empty", 0);
    OK(crm_segment_watch(txn, "upper", &er));
    api_commit(txn);
    ck_assert_str_eq(told(db, NULL, &seen), "+upper:1 ");
    txn = begin_at(db, CRM_WRITE);
    save(txn, "base", "score < 500", CRM_SEGMENT_REPLACE);
    api_commit(txn);
    ck_assert_str_eq(told(db, NULL, &seen), "-upper:1 +upper:2 ");
    txn = begin_at(db, CRM_WRITE);
    IS(CRM_EREFUSED, crm_segment_remove(txn, "upper", &er));
    IS(CRM_EREFUSED, crm_segment_remove(txn, "base", &er));
    OK(crm_segment_unwatch(txn, "upper", &er));
    IS(CRM_ENOTFOUND, crm_segment_unwatch(txn, "upper", &er));
    OK(crm_segment_remove(txn, "upper", &er));
    api_commit(txn);
    ck_assert_str_eq(told(db, NULL, &seen), "-upper:2 ");
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_live__the_clock)
{
    crm_db *db = open_db();
    crm_tag_options o = CRM_TAG_OPTIONS_INIT;
    uint64_t seen = 0;
    crm_txn *txn;
    crm_id a;

    watch(db, "fresh", "count(order, last 3 days) >= 1");
    watch(db, "offered", "tag(offer:spring)");
    txn = begin_at(db, CRM_WRITE);
    a = api_create(txn, "{\"name\":\"A\"}");
    OK(crm_event_add_json(txn, a, "{\"kind\":\"order\",\"time\":\"2026-02-02T11:00:00Z\"}", CRM_NUL,
                          NULL, &er));
    o.until_us = NOW + DAY;
    OK(crm_tag_add(txn, a, "offer:spring", &o, &er));
    api_commit(txn);
    ck_assert_str_eq(told(db, "fresh", &seen), "+fresh:1 ");
    seen = 0;
    ck_assert_str_eq(told(db, "offered", &seen), "+offered:1 ");
    now = NOW + DAY - 1;
    advance(db, "+0 -0");
    now = NOW + DAY;
    advance(db, "+0 -1");
    ck_assert_str_eq(told(db, NULL, &seen), "-offered:1 ");
    now = NOW + 3 * DAY;
    advance(db, "+0 -1");
    ck_assert_str_eq(told(db, NULL, &seen), "-fresh:1 ");
    now = NOW; /* never back */
    advance(db, "+0 -0");
    now = NOW + 3 * DAY;
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_live__batches_and_undo)
{
    crm_db *db = open_db();
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    uint64_t seen = 0, batch;
    crm_txn *txn;

    watch(db, "vip", "tag(value:high)");
    o.batch = CRM_BATCH_NEW;
    o.now_us = now;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    for (int i = 0; i < 300; i++) {
        crm_id id = api_create(txn, "{\"name\":\"A\"}");
        if (i % 100 == 7)
            OK(crm_tag_add(txn, id, "value:high", NULL, &er));
    }
    batch = crm_txn_batch(txn);
    api_commit(txn);
    ck_assert_str_eq(told(db, NULL, &seen), "+vip:8 +vip:108 +vip:208 ");
    txn = begin_at(db, CRM_WRITE);
    IS(CRM_ESTATE, crm_undo(txn, crm_txn_revision(txn), 0, NULL, NULL, NULL, &er));
    OK(crm_undo(txn, batch, 0, NULL, NULL, NULL, &er));
    api_commit(txn);
    ck_assert_str_eq(told(db, NULL, &seen), "-vip:8 -vip:108 -vip:208 ");
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_live__what_can_be_watched)
{
    crm_db *db = open_db();
    crm_live_segment s = CRM_LIVE_SEGMENT_INIT;
    char longest[104] = "";
    crm_txn *txn = begin_at(db, CRM_WRITE);
    static const char *const REFUSED[] = {"left in last 3 days", "updated_at in last 3 days",
                                          "event(order, due in next 3 days)",
                                          "max(order.due) in next 3 days"};

    IS(CRM_ENOTFOUND, crm_segment_watch(txn, "none", &er));
    IS(CRM_EINVAL, crm_segment_watch(txn, NULL, &er));
    IS(CRM_EINVAL, crm_segment_watch(txn, "", &er));
    save(txn, "fixed", "score > 1", CRM_SEGMENT_STATIC);
    IS(CRM_EVALUE, crm_segment_watch(txn, "fixed", &er));
    for (size_t i = 0; i < 4; i++) {
        char name[] = {'r', (char)('0' + i), 0};
        save(txn, name, REFUSED[i], 0);
        IS(CRM_EREFUSED, crm_segment_watch(txn, name, &er));
    }
    IS(CRM_DONE, crm_live_watched(txn, NULL, &s, &er));
    {
        crm_segment *q;
        crm_live_iter *it;
        IS(CRM_ENOTFOUND, crm_live_list(txn, 0, "r0", &it, &er));
        save(txn, "inner", "score > 1", 0);
        save(txn, "outer", "segment(inner) or score < 0", 0);
        OK(crm_segment_watch(txn, "outer", &er));
        OK(crm_segment_parse(txn, REFUSED[0], CRM_NUL, &q, &er));
        IS(CRM_EREFUSED, crm_segment_save(txn, "outer", q, CRM_SEGMENT_REPLACE, &er));
        IS(CRM_EREFUSED, crm_segment_save(txn, "inner", q, CRM_SEGMENT_REPLACE, &er));
        crm_segment_free(q);
        OK(crm_segment_unwatch(txn, "outer", &er));
    }
    save(txn, "absolute", "left before 2026 or updated_at since 2020", 0);
    OK(crm_segment_watch(txn, "absolute", &er));
    IS(CRM_EREFUSED, crm_segment_remove(txn, "absolute", &er));
    OK(crm_segment_watch(txn, "富人", &er));
    s.size = sizeof s;
    OK(crm_live_watched(txn, "absolute", &s, &er));
    ck_assert_str_eq(s.name, "rich");
    ck_assert_str_eq(s.zone, "");
    IS(CRM_DONE, crm_live_watched(txn, s.name, &s, &er));
    api_commit(txn);
    memset(longest, 'x', sizeof longest - 1);
    IS(CRM_EINVAL, crm_segment_watch(NULL, "rich", &er));
    IS(CRM_EINVAL, crm_segment_unwatch(NULL, "rich", &er));
    txn = begin_at(db, CRM_READ);
    IS(CRM_EINVAL, crm_live_watched(txn, longest, &s, &er));
    IS(CRM_ESTATE, crm_segment_unwatch(txn, "rich", &er));
    IS(CRM_ESTATE, crm_segment_watch(txn, "rich", &er));
    IS(CRM_EINVAL, crm_live_list(txn, 0, NULL, NULL, &er));
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* ---- processes ---- */

static int write_on(void *ctx)
{
    crm_db *db;
    unsigned x = (unsigned)getpid();

    (void)ctx;
    NEED(!crm_db_open(api_path(), NULL, &db, NULL));
    for (;;) {
        crm_txn *txn;
        char json[60];
        NEED(!crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
        x = x * 1103515245u + 12345u;
        snprintf(json, sizeof json, "{\"score\":%u}", x >> 16 & 1023);
        NEED(!crm_customer_patch_json(txn, 1 + (x >> 8) % 50, 0, json, CRM_NUL, NULL));
        NEED(!crm_txn_commit(txn, NULL));
        crm_live_advance(db, NULL, NULL, NULL, NULL, NULL);
    }
    return 0;
}

/* Whoever entered and did not leave, by the feed, against the segment. */
static void replay(crm_db *db)
{
    crm_live_change c = CRM_LIVE_CHANGE_INIT;
    int in[60] = {0}, has;
    crm_txn *txn = begin_at(db, CRM_READ);
    crm_live_iter *it;
    crm_segment *s;

    OK(crm_live_list(txn, 0, "vip", &it, &er));
    while (crm_live_next(it, &c, &er) == CRM_OK) {
        ck_assert_int_eq(in[c.customer], !c.entered);
        in[c.customer] = (int)c.entered;
    }
    crm_live_close(it);
    OK(crm_segment_saved(txn, "vip", &s, &er));
    for (crm_id id = 1; id <= 50; id++) {
        OK(crm_segment_has(txn, s, id, &has, &er));
        ck_assert_int_eq(has, in[id]);
    }
    crm_segment_free(s);
    crm_txn_abort(txn);
}

CRM_TEST(test_api_live__writers_that_are_killed)
{
    crm_db *db = open_db();
    crm_txn *txn = begin_at(db, CRM_WRITE);

    for (int i = 0; i < 50; i++)
        api_create(txn, "{\"name\":\"A\",\"score\":500}");
    api_commit(txn);
    watch(db, "vip", "score >= 512");
    crm_db_close(db);
    for (int round = 0; round < 4; round++) {
        pid_t pid[2];
        for (int i = 0; i < 2; i++) {
            pid[i] = fork();
            if (!pid[i])
                _exit(write_on(NULL));
        }
        usleep(60000 + 20000 * (unsigned)round);
        for (int i = 0; i < 2; i++) {
            kill(pid[i], SIGKILL);
            waitpid(pid[i], NULL, 0);
        }
        db = open_db();
        replay(db);
        crm_db_close(db);
    }
    api_check_clean(api_path());
}
