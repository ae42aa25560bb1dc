/* SPDX-License-Identifier: MIT
 * Watched segments under random changes and a random clock, around the days on which clocks change:
 * whoever entered and did not leave is who a run of the segment finds.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CUSTOMERS = 120, SEGMENTS = 21, ZONES = 4 };

#define DAY INT64_C(86400000000)
#define HOUR INT64_C(3600000000)

static const char MODEL[] = "crm: 1\n"
                            "fields:\n"
                            "  name: {type: text}\n"
                            "  score: {type: integer}\n"
                            "  joined: {type: date}\n"
                            "  seen: {type: datetime}\n"
                            "  city: {type: text, index: values}\n"
                            "  note: {type: text}\n"
                            "tags:\n"
                            "  value: {one: true}\n"
                            "  offer: {expires: true}\n"
                            "  region: {hierarchical: true}\n"
                            "  topic: {}\n"
                            "events:\n"
                            "  order: {attributes: {amount: {type: decimal, fast: true}}}\n"
                            "  quote: {attributes: {n: {type: integer}}}\n"
                            "segments:\n"
                            "  high: {query: 'tag(value:high)'}\n";

static const char *const TEXT[SEGMENTS] = {
    "tag(value:high) and score >= 500",
    "tag(offer:spring) or tag(offer:autumn)",
    "tag(region:cn/east) and not tag(offer:spring)",
    "joined in last 30 days",
    "joined in next 7 days or anniversary(joined) in next 5 days",
    "seen in last 36 hours",
    "seen in last 1 month and score < 900 or event(order, last 3 months)",
    "count(order, last 3 days) >= 2 or anniversary(seen) in this week",
    "sum(order.amount, this month) >= 100 or event(quote, last 90 minutes)",
    "event(quote, last 5 days) not followed by event(order)",
    "last(order) in last 2 days",
    "segment(s0) or segment(high) and created_at in last 10 days",
    "kind = organisation and seen is empty or updated_at before 2020",
    "city = \"Oslo\" or city starts with \"B\"",
    "not event(order, previous 2 weeks) and note is not empty",
    "score < 100 and seen is not empty",
    /* What these name is made, renewed and given numbers while they are watched. */
    "segment(part) and score >= 200",
    "tag(topic:a) or tag(topic:b) and not tag(topic:c) or tag(topic:d)",
    "tag(region:north) and not tag(region:north/2)",
    "event(order, last 20 days, source = \"web\") or event(order, source != \"shop\", last 2 days)",
    "count(quote, source in (\"mail\", \"fair\")) >= 1 and not segment(part)",
};

/* `part` of them, in turn. */
static const char *const PART[] = {"score < 700", "tag(value:high) or tag(topic:c)",
                                   "city = \"Rome\" or segment(high)", "seen in last 5 days"};

static const char *const ZONE[ZONES] = {"Europe/Berlin", "America/Havana", "UTC", "Asia/Shanghai"};

typedef struct live {
    crm_db *db;
    uint64_t seed;
    int64_t clock, advanced;
    crm_id ids[CUSTOMERS];
    int count;
    uint64_t seen; /* revision read last */
    int watched[SEGMENTS];
    const char *zone[SEGMENTS];
    unsigned char in[SEGMENTS][CUSTOMERS + 1]; /* by what was told */
} live;

static uint64_t below(live *w, uint64_t n)
{
    return crmtest_below(&w->seed, n);
}

static crm_txn *begin(live *w, int mode, int64_t now, const char *zone)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.now_us = now;
    o.zone = zone;
    o.actor = "tester";
    OK(crm_txn_begin(w->db, mode, &o, &txn, &er));
    return txn;
}

static const char *name_of(int s)
{
    static char name[2][8];
    static int at;
    char *to = name[at++ % 2];

    snprintf(to, sizeof name[0], "s%d", s);
    return to;
}

static const char *instant(int64_t us)
{
    static char text[2][40];
    static int at;
    char *to = text[at++ % 2];
    time_t s = (time_t)(us / 1000000);
    struct tm t;

    gmtime_r(&s, &t);
    strftime(to, sizeof text[0], "%Y-%m-%dT%H:%M:%SZ", &t);
    return to;
}

/* ---- names ---- */

/* Tags that nobody has had: what number the next one gets, nobody knows before. */
static const char *const LATE[] = {"topic:a",        "topic:b",         "topic:c",
                                   "topic:d",        "region:north",    "region:north/1",
                                   "region:north/2", "region:north/2/x"};
enum { LATES = sizeof LATE / sizeof *LATE };

static int give_late(crm_txn *txn, void *ctx)
{
    live *w = ctx;
    int rc = CRM_OK;

    for (int i = 0; i < 2 && rc >= 0; i++) {
        const char *t = LATE[below(w, LATES)];
        crm_id id = w->ids[below(w, (uint64_t)w->count)];
        rc = below(w, 4) ? crm_tag_add(txn, id, t, NULL, &er) : crm_tag_remove(txn, id, t, &er);
        rc = rc == CRM_ENOTFOUND ? CRM_OK : rc;
    }
    return rc < 0 ? rc : CRM_OK;
}
static int give_and_fail(crm_txn *txn, void *ctx)
{
    int rc = give_late(txn, ctx);

    return rc < 0 ? rc : CRM_ECONFLICT;
}

/* Another process has plans of its own, and names that it makes are news here. */
static void in_another(live *w, const char *path, int (*fn)(crm_txn *, void *))
{
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (!pid) {
        crm_db_options o = CRM_DB_OPTIONS_INIT;
        crm_txn_options t = CRM_TXN_OPTIONS_INIT;
        crm_db *db;
        int rc;
        o.test_clock = api_clock;
        o.test_clock_ctx = &w->clock;
        t.now_us = w->clock;
        rc = crm_db_open(path, &o, &db, &er);
        if (!rc)
            rc = crm_db_write(db, &t, fn, w, &er);
        if (!rc)
            rc = crm_db_write(db, &t, fn, w, &er);
        _exit(rc != 0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && !WEXITSTATUS(status));
    (void)below(w, 2); /* not the same again */
}

static int renew_part(crm_txn *txn, void *ctx)
{
    live *w = ctx;
    crm_segment *q;
    int rc = crm_segment_parse(txn, PART[below(w, 4)], CRM_NUL, &q, &er);

    if (!rc)
        rc = crm_segment_save(txn, "part", q, CRM_SEGMENT_REPLACE, &er);
    crm_segment_free(q);
    return rc < 0 ? rc : CRM_OK;
}

/* A model in which `high` is somebody else, and a dimension has another label. */
static int renew_model(crm_txn *txn, void *ctx)
{
    live *w = ctx;
    static const char HIGH[] = "tag(value:high)";
    char yaml[sizeof MODEL + 40], *at;

    memcpy(yaml, MODEL, sizeof MODEL);
    at = strstr(yaml, HIGH);
    if (below(w, 2))
        memcpy(at, "tag(value:low) ", sizeof HIGH - 1);
    int rc = crm_model_apply(txn, yaml, CRM_NUL, 0, NULL, NULL, &er);
    return rc < 0 ? rc : CRM_OK;
}

static void change_names(live *w, const char *path)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    int rc = CRM_OK;

    o.now_us = w->clock;
    if (!w->count)
        return;
    switch (below(w, 6)) {
    case 0:
        ck_assert_int_eq(crm_db_write(w->db, &o, give_and_fail, w, &er), CRM_ECONFLICT);
        break;
    case 1:
        in_another(w, path, below(w, 3) ? give_late : renew_part);
        break;
    case 2:
        rc = crm_db_write(w->db, &o, renew_part, w, &er);
        break;
    case 3:
        rc = crm_db_write(w->db, &o, renew_model, w, &er);
        break;
    default:
        rc = crm_db_write(w->db, &o, give_late, w, &er);
        break;
    }
    ck_assert_msg(!rc, "names: %s", er.message);
}

/* ---- changes ---- */

static crm_id some(live *w)
{
    return w->count ? w->ids[below(w, (uint64_t)w->count)] : 0;
}

static void create(live *w, crm_txn *txn)
{
    static const char *const CITY[] = {"Oslo", "Bern", "Rome", "Bonn"};
    int64_t at = w->clock + (int64_t)below(w, 80) * DAY - 40 * DAY;
    char json[300];

    if (w->count == CUSTOMERS)
        return;
    snprintf(json, sizeof json,
             "{\"name\":\"%s\",\"score\":%d,\"joined\":\"%.10s\",\"seen\":\"%s\",\"city\":\"%s\"}",
             below(w, 2) ? "Anna" : "Bo", (int)below(w, 1000), instant(at),
             instant(w->clock - (int64_t)below(w, 48) * HOUR), CITY[below(w, 4)]);
    OK(crm_customer_create_json(txn, json, CRM_NUL, &w->ids[w->count], &er));
    w->count++;
}

static void patch(live *w, crm_txn *txn, crm_id id)
{
    char json[120];
    int rc;

    switch (below(w, 7)) {
    case 6:
        snprintf(json, sizeof json, "{\"kind\":\"%s\"}", below(w, 2) ? "person" : "organisation");
        break;
    case 0:
        snprintf(json, sizeof json, "{\"score\":%d}", (int)below(w, 1000));
        break;
    case 1:
        snprintf(json, sizeof json, "{\"seen\":\"%s\"}",
                 instant(w->clock - (int64_t)below(w, 40) * HOUR -
                         (int64_t)(below(w, 2) ? 28 + below(w, 4) : 0) * DAY));
        break;
    case 2:
        snprintf(json, sizeof json, "{\"joined\":\"%.10s\"}",
                 instant(w->clock + ((int64_t)below(w, 60) - 35) * DAY));
        break;
    case 3:
        snprintf(json, sizeof json, "{\"seen\":null,\"joined\":\"%s\"}",
                 below(w, 2) ? "2024" : "1992-02-29");
        break;
    case 4:
        snprintf(json, sizeof json, "{\"city\":\"%s\"}", below(w, 2) ? "Oslo" : "Bergen");
        break;
    default:
        snprintf(json, sizeof json, "{\"note\":%s}", below(w, 2) ? "\"x\"" : "null");
        break;
    }
    rc = crm_customer_patch_json(txn, id, 0, json, CRM_NUL, &er);
    ck_assert_msg(rc >= 0 || rc == CRM_ENOTFOUND, "patch: %s", er.message);
}

static void tag(live *w, crm_txn *txn, crm_id id)
{
    static const char *const TAG[] = {"value:high",   "value:low",      "offer:spring",
                                      "offer:autumn", "region:cn/east", "region:cn/east/shanghai"};
    const char *t = TAG[below(w, 6)];
    crm_tag_options o = CRM_TAG_OPTIONS_INIT;
    int rc;

    if (*t == 'o' && below(w, 3))
        o.until_us = w->clock + (int64_t)below(w, 72) * HOUR + 1;
    rc = below(w, 3) ? crm_tag_add(txn, id, t, &o, &er) : crm_tag_remove(txn, id, t, &er);
    ck_assert_msg(rc >= 0 || rc == CRM_ENOTFOUND, "tag: %s", er.message);
}

static void add_event(live *w, crm_txn *txn, crm_id id)
{
    int64_t at = w->clock - (int64_t)below(w, 100) * HOUR + (int64_t)below(w, 3) * HOUR -
                 (int64_t)(below(w, 4) ? 0 : 88 + below(w, 5)) * DAY;
    uint32_t number;
    char json[160];
    int rc;

    static const char *const SOURCE[] = {"", ",\"source\":\"shop\"", ",\"source\":\"web\"",
                                         ",\"source\":\"mail\"", ",\"source\":\"fair\""};
    const char *source = SOURCE[below(w, 5)];

    if (below(w, 2))
        snprintf(json, sizeof json, "{\"kind\":\"order\",\"time\":\"%s\",\"amount\":\"%d.50\"%s}",
                 instant(at), (int)below(w, 90), source);
    else
        snprintf(json, sizeof json, "{\"kind\":\"quote\",\"time\":\"%s\"%s}", instant(at), source);
    rc = crm_event_add_json(txn, id, json, CRM_NUL, &number, &er);
    ck_assert_msg(rc >= 0 || rc == CRM_ENOTFOUND, "event: %s", er.message);
}

static void change(live *w, crm_txn *txn)
{
    crm_id id = some(w);
    int rc;

    if (!id || below(w, 8) == 0) {
        create(w, txn);
        return;
    }
    switch (below(w, 8)) {
    case 0:
    case 1:
        patch(w, txn, id);
        break;
    case 2:
    case 3:
    case 4:
        tag(w, txn, id);
        break;
    case 5:
    case 6:
        add_event(w, txn, id);
        break;
    default:
        rc = below(w, 2) ? crm_customer_delete(txn, id, 0, &er)
                         : crm_customer_undelete(txn, id, 0, &er);
        ck_assert_msg(rc >= 0 || rc == CRM_ENOTFOUND || rc == CRM_ESTATE || rc == CRM_EEXISTS,
                      "delete: %s", er.message);
    }
}

/* ---- what is told ---- */

static int index_of(const live *w, crm_id id)
{
    for (int i = 0; i < w->count; i++) {
        if (w->ids[i] == id)
            return i;
    }
    ck_abort_msg("customer %llu was told, whom nobody made", (unsigned long long)id);
    return -1;
}

static void follow(live *w)
{
    crm_txn *txn = begin(w, CRM_READ, w->clock, NULL);
    crm_live_change c = CRM_LIVE_CHANGE_INIT;
    crm_live_iter *it;
    int rc;

    OK(crm_live_list(txn, w->seen, NULL, &it, &er));
    while (!(rc = crm_live_next(it, &c, &er))) {
        int s = atoi(c.segment + 1), i = index_of(w, c.customer);
        ck_assert_int_eq(w->in[s][i], !c.entered); /* nobody enters or leaves twice */
        w->in[s][i] = (unsigned char)c.entered;
    }
    ck_assert_int_eq(rc, CRM_DONE);
    w->seen = crm_txn_revision(txn);
    crm_live_close(it);
    crm_txn_abort(txn);
}

/* Segments that no clock changes are right at each commit, all others when the clock came to now.
 */
static int is_timeless(int s)
{
    return s == 0 || s == 12 || s == 13 || s == 15 || s == 17 || s == 18;
}

/* All customers against the segment itself. */
static void compare(live *w, int64_t at, int timeless)
{
    for (int s = 0; s < SEGMENTS; s++) {
        crm_txn *txn;
        crm_segment *q;
        if (timeless && !is_timeless(s))
            continue;
        txn = begin(w, CRM_READ, at, w->zone[s]);
        if (w->watched[s])
            OK(crm_segment_saved(txn, name_of(s), &q, &er));
        for (int i = 0; i < w->count; i++) {
            int in = 0;
            if (w->watched[s])
                OK(crm_segment_has(txn, q, w->ids[i], &in, &er));
            ck_assert_msg(in == w->in[s][i],
                          "customer %d is %sin '%s' at %s (zone %s), and was told to be %s", i,
                          in ? "" : "not ", TEXT[s], instant(at), w->zone[s],
                          w->in[s][i] ? "in" : "out");
        }
        if (w->watched[s])
            crm_segment_free(q);
        crm_txn_abort(txn);
    }
}

static void advance(live *w)
{
    crm_live_advanced done = CRM_LIVE_ADVANCED_INIT;
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;

    o.now_us = w->clock;
    OK(crm_live_advance(w->db, &o, NULL, NULL, &done, &er));
    if (done.now_us) {
        ck_assert_int_ge(done.now_us, w->clock);
        w->advanced = done.now_us;
    }
}

/* ---- steps ---- */

typedef struct writing {
    live *w;
    int n;
} writing;

static int write_some(crm_txn *txn, void *ctx)
{
    writing *x = ctx;

    for (int i = 0; i < x->n; i++)
        change(x->w, txn);
    return CRM_OK;
}

static void write_once(live *w)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    writing x = {w, 1 + (int)below(w, 4)};
    crm_savepoint mark;
    crm_txn *txn;

    o.now_us = w->clock;
    o.batch = below(w, 3) ? 0 : CRM_BATCH_NEW;
    if (below(w, 2)) {
        OK(crm_db_write(w->db, &o, write_some, &x, &er));
        return;
    }
    OK(crm_txn_begin(w->db, CRM_WRITE, &o, &txn, &er));
    write_some(txn, &x);
    if (below(w, 2)) {
        int count = w->count;
        OK(crm_txn_savepoint(txn, &mark, &er));
        write_some(txn, &x);
        OK(crm_txn_rollback(txn, mark, &er));
        w->count = count;
    }
    OK(crm_txn_commit(txn, &er));
}

static void watch_or_not(live *w)
{
    int s = (int)below(w, SEGMENTS);
    const char *zone = ZONE[below(w, ZONES)];
    crm_txn *txn = begin(w, CRM_WRITE, w->clock, zone);

    if (w->watched[s])
        OK(crm_segment_unwatch(txn, name_of(s), &er));
    else
        OK(crm_segment_watch(txn, name_of(s), &er));
    if (!w->watched[s])
        w->zone[s] = zone;
    w->watched[s] = !w->watched[s];
    OK(crm_txn_commit(txn, &er));
}

static void save_all(live *w)
{
    crm_txn *part = begin(w, CRM_WRITE, w->clock, "UTC");

    OK(renew_part(part, w));
    OK(crm_txn_commit(part, &er));
    for (int s = 0; s < SEGMENTS; s++) {
        crm_txn *txn = begin(w, CRM_WRITE, w->clock, "UTC");
        crm_segment *q;
        int rc = crm_segment_parse(txn, TEXT[s], CRM_NUL, &q, &er);
        if (rc) {
            fprintf(stderr, "%s: %s\n", TEXT[s], er.message);
        }
        OK(rc);
        OK(crm_segment_save(txn, name_of(s), q, 0, &er));
        crm_segment_free(q);
        OK(crm_txn_commit(txn, &er));
    }
}

/* Segment 15 says what another one of the timeless does, or what it did at first. */
static void save_other(live *w)
{
    crm_txn *txn = begin(w, CRM_WRITE, w->clock, "UTC");
    crm_segment *q;
    int rc;

    OK(crm_segment_parse(txn, TEXT[below(w, 2) ? 15 : 13], CRM_NUL, &q, &er));
    rc = crm_segment_save(txn, name_of(15), q, CRM_SEGMENT_REPLACE, &er);
    ck_assert_msg(rc >= 0, "save: %s", er.message);
    crm_segment_free(q);
    rc = crm_segment_remove(txn, name_of(15), &er);
    if (w->watched[15])
        ck_assert_int_eq(rc, CRM_EREFUSED);
    crm_txn_commit(txn, &er);
    if (!w->watched[15]) {
        txn = begin(w, CRM_WRITE, w->clock, "UTC");
        OK(crm_segment_parse(txn, TEXT[15], CRM_NUL, &q, &er));
        OK(crm_segment_save(txn, name_of(15), q, 0, &er));
        crm_segment_free(q);
        OK(crm_txn_commit(txn, &er));
    }
}

/* What was told goes through a dump, and goes on behind it. */
static void dump_and_load(live *w, const char *from, const char *to)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_dump_options d = CRM_DUMP_OPTIONS_INIT;
    char file[400];

    snprintf(file, sizeof file, "%s.dump", from);
    d.reason = "test";
    OK(crm_dump(w->db, file, &d, sizeof(crm_dump_result), NULL, &er));
    crm_db_close(w->db);
    OK(crm_load(file, to, NULL, sizeof(crm_dump_result), NULL, &er));
    o.test_clock = api_clock;
    o.test_clock_ctx = &w->clock;
    OK(crm_db_open(to, &o, &w->db, &er));
}

/* Forth by a moment, or to the next hours or days, on which clocks change now and then. */
static void tick(live *w)
{
    static const int64_t STEP[] = {1, 1000000, 60000000, HOUR, 5 * HOUR, DAY, 9 * DAY};

    w->clock += STEP[below(w, 7)] * (int64_t)(1 + below(w, 3));
}

CRM_TEST(test_api_live_oracle__random_changes_and_clocks)
{
    static const int64_t START[] = {
        INT64_C(1774738800000000), /* 2026-03-29: clocks go forward in Berlin */
        INT64_C(1792886400000000), /* 2026-10-25: back in Berlin */
        INT64_C(1793505600000000), /* 2026-11-01: back at midnight in Havana */
        INT64_C(1709164800000000), /* 2024-02-29 */
    };
    size_t rounds = crmtest_rounds(4, 60);
    live *w = calloc(1, sizeof *w);

    w->seed = crmtest_seed();
    for (size_t r = 0; r < rounds; r++) {
        crm_db_options o = CRM_DB_OPTIONS_INIT;
        char name[24], path[300];
        uint64_t seed = w->seed;
        memset(w, 0, sizeof *w);
        w->seed = seed;
        w->clock = START[r % 4] - (int64_t)below(w, 4) * DAY;
        o.model = MODEL;
        o.test_clock = api_clock;
        o.test_clock_ctx = &w->clock;
        snprintf(name, sizeof name, "live%d", (int)r);
        snprintf(path, sizeof path, "%s", crmtest_path(name));
        OK(crm_db_open(path, &o, &w->db, &er));
        save_all(w);
        for (int i = 0; i < 12; i++)
            watch_or_not(w);
        for (int step = 0; step < 150; step++) {
            tick(w);
            if (step == 100) {
                char from[300];
                snprintf(from, sizeof from, "%s", crmtest_path(name));
                snprintf(name, sizeof name, "loaded%d", (int)r);
                dump_and_load(w, from, crmtest_path(name));
                snprintf(path, sizeof path, "%s", crmtest_path(name));
            }
            switch (below(w, 10)) {
            case 8:
            case 9:
                change_names(w, path);
                follow(w);
                compare(w, w->clock, 1);
                break;
            case 0:
            case 1:
                advance(w);
                follow(w);
                compare(w, w->clock, 0);
                break;
            case 2:
                if (below(w, 4))
                    watch_or_not(w);
                else
                    save_other(w);
                break;
            default:
                write_once(w);
                follow(w);
                compare(w, w->clock, 1);
                break;
            }
        }
        advance(w);
        follow(w);
        compare(w, w->clock, 0);
        crm_db_close(w->db);
        api_check_clean(crmtest_path(name));
    }
    free(w);
}
