/* SPDX-License-Identifier: MIT
 * Watched segments with windows of time, and processes around them: writers that move the clock on
 * and are killed, and followers of the feed who read beside them.  Whoever entered and did not
 * leave, by the feed alone, is who a run of the segment finds.
 */
#include "help.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOUR INT64_C(3600000000)
#define NOW INT64_C(1770033600000000) /* 2026-02-02, noon UTC */

enum { CUSTOMERS = 40, SEGMENTS = 3, PROCESSES = 2 };

static const char MODEL[] = "crm: 1\n"
                            "fields:\n"
                            "  name: {type: text}\n"
                            "  score: {type: integer}\n"
                            "  seen: {type: datetime}\n"
                            "events:\n"
                            "  order: {attributes: {amount: {type: decimal, fast: true}}}\n";

static const char *const TEXT[SEGMENTS] = {
    "score >= 512",
    "seen in last 2 days and score < 900",
    "count(order, last 36 hours) >= 1 and not seen in last 12 hours",
};

/* What the processes share. */
typedef struct board {
    int64_t clock; /* of conditions; every write moves it on */
    int over;
    uint64_t told[PROCESSES]; /* changes that a follower was told */
    unsigned char in[PROCESSES][SEGMENTS][CUSTOMERS + 1];
} board;

typedef struct part {
    board *b;
    int number, rounds; /* rounds 0: until it is killed */
} part;

static board *shared_board(void)
{
    board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(b, MAP_FAILED);
    b->clock = NOW;
    return b;
}

static pid_t spawn(int (*fn)(part *), part *p)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid)
        _exit(fn(p));
    return pid;
}

static void await(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

static crm_txn *begin_at(crm_db *db, int mode, int64_t now)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.now_us = now;
    OK(crm_txn_begin(db, mode, &o, &txn, &er));
    return txn;
}

static crm_db *open_watched(int64_t now)
{
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn = begin_at(db, CRM_WRITE, now);

    for (int i = 0; i < CUSTOMERS; i++)
        api_create(txn, "{\"name\":\"A\",\"score\":500}");
    for (int i = 0; i < SEGMENTS; i++) {
        char name[] = {'s', (char)('0' + i), 0};
        crm_segment *s;
        OK(crm_segment_parse(txn, TEXT[i], CRM_NUL, &s, &er));
        OK(crm_segment_save(txn, name, s, 0, &er));
        OK(crm_segment_watch(txn, name, &er));
        crm_segment_free(s);
    }
    api_commit(txn);
    return db;
}

/* ---- writers ---- */

static int change(crm_txn *txn, int64_t now, uint64_t *seed)
{
    crm_id id = 1 + crmtest_below(seed, CUSTOMERS);
    time_t at = (time_t)((now - (int64_t)crmtest_below(seed, 48) * HOUR) / 1000000);
    char instant[40], json[120];
    struct tm tm;

    gmtime_r(&at, &tm);
    strftime(instant, sizeof instant, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (crmtest_below(seed, 3)) {
        snprintf(json, sizeof json, "{\"score\":%d,\"seen\":\"%s\"}",
                 (int)crmtest_below(seed, 1024), instant);
        return crm_customer_patch_json(txn, id, 0, json, CRM_NUL, NULL);
    }
    snprintf(json, sizeof json, "{\"kind\":\"order\",\"time\":\"%s\",\"amount\":\"%d\"}", instant,
             (int)id);
    return crm_event_add_json(txn, id, json, CRM_NUL, NULL, NULL);
}

static int write_on(part *p)
{
    uint64_t seed = crmtest_seed() ^ (uint64_t)getpid();
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;
    crm_db *db;

    NEED(crm_db_open(api_path(), NULL, &db, NULL) == CRM_OK);
    for (int r = 0; !p->rounds || r < p->rounds; r++) {
        o.now_us = __atomic_add_fetch(&p->b->clock, HOUR, __ATOMIC_RELAXED);
        NEED(crm_txn_begin(db, CRM_WRITE, &o, &txn, NULL) == CRM_OK);
        for (int i = 0; i < 3; i++)
            NEED(change(txn, o.now_us, &seed) == CRM_OK);
        NEED(crm_txn_commit(txn, NULL) == CRM_OK);
        if (r % 2)
            NEED(crm_live_advance(db, &o, NULL, NULL, NULL, NULL) >= 0);
    }
    crm_db_close(db);
    return 0;
}

/* ---- the feed ---- */

/* What is told behind a revision, into in; each change must be one. */
static int follow(crm_db *db, uint64_t *after, unsigned char in[SEGMENTS][CUSTOMERS + 1],
                  uint64_t *told)
{
    crm_live_change c = CRM_LIVE_CHANGE_INIT;
    crm_live_iter *it;
    crm_txn *txn;
    int rc;

    NEED(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL) == CRM_OK);
    NEED(crm_live_list(txn, *after, NULL, &it, NULL) == CRM_OK);
    while ((rc = crm_live_next(it, &c, NULL)) == CRM_OK) {
        int s = c.segment[1] - '0';
        NEED(c.revision > *after && c.customer <= CUSTOMERS);
        NEED(in[s][c.customer] != c.entered);
        in[s][c.customer] = (unsigned char)c.entered;
        ++*told;
    }
    NEED(rc == CRM_DONE);
    *after = crm_txn_revision(txn);
    crm_live_close(it);
    crm_txn_abort(txn);
    return 0;
}

static void check(crm_db *db, int64_t now, unsigned char in[SEGMENTS][CUSTOMERS + 1])
{
    crm_txn *txn = begin_at(db, CRM_READ, now);

    for (int i = 0; i < SEGMENTS; i++) {
        crm_segment *s;
        OK(crm_segment_parse(txn, TEXT[i], CRM_NUL, &s, &er));
        for (crm_id id = 1; id <= CUSTOMERS; id++) {
            int has;
            OK(crm_segment_has(txn, s, id, &has, &er));
            ck_assert_msg(has == in[i][id], "%s: customer %d: %d, by the feed %d", TEXT[i], (int)id,
                          has, in[i][id]);
        }
        crm_segment_free(s);
    }
    crm_txn_abort(txn);
}

static void advance(crm_db *db, int64_t now)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;

    o.now_us = now;
    ck_assert_int_ge(crm_live_advance(db, &o, NULL, NULL, NULL, &er), 0);
}

CRM_TEST(test_api_live_processes__windows_and_writers_that_are_killed)
{
    board *b = shared_board();
    part p = {b, 0, 0};

    crm_db_close(open_watched(NOW));
    for (int round = 0; round < 4; round++) {
        unsigned char in[SEGMENTS][CUSTOMERS + 1] = {{0}};
        uint64_t after = 0, told = 0;
        pid_t pid[PROCESSES];
        crm_db *db;
        for (int i = 0; i < PROCESSES; i++)
            pid[i] = spawn(write_on, &p);
        usleep(60000 + 20000 * (unsigned)round);
        for (int i = 0; i < PROCESSES; i++) {
            kill(pid[i], SIGKILL);
            waitpid(pid[i], NULL, 0);
        }
        db = api_open();
        advance(db, b->clock);
        ck_assert_int_eq(follow(db, &after, in, &told), 0);
        check(db, b->clock, in);
        /* Some enter and some leave by the clock alone. */
        b->clock += 20 * HOUR;
        advance(db, b->clock);
        ck_assert_int_eq(follow(db, &after, in, &told), 0);
        check(db, b->clock, in);
        ck_assert_uint_gt(told, 0);
        crm_db_close(db);
    }
    munmap(b, sizeof *b);
    api_check_clean(api_path());
}

/* ---- followers ---- */

static int follow_on(part *p)
{
    uint64_t after = 0, seen;
    crm_db *db;
    int over;

    NEED(crm_db_open(api_path(), NULL, &db, NULL) == CRM_OK);
    do {
        over = __atomic_load_n(&p->b->over, __ATOMIC_ACQUIRE);
        NEED(follow(db, &after, p->b->in[p->number], &p->b->told[p->number]) == 0);
        NEED(over || crm_db_wait(db, after, 20, &seen, NULL) >= 0);
    } while (!over);
    crm_db_close(db);
    return 0;
}

CRM_TEST(test_api_live_processes__followers_beside_writers)
{
    board *b = shared_board();
    part p[PROCESSES], f[PROCESSES];
    pid_t writer[PROCESSES], follower[PROCESSES];
    int rounds = (int)crmtest_rounds(40, 600);
    crm_db *db;

    crm_db_close(open_watched(NOW));
    for (int i = 0; i < PROCESSES; i++) {
        p[i] = f[i] = (part){b, i, rounds};
        follower[i] = spawn(follow_on, &f[i]);
        writer[i] = spawn(write_on, &p[i]);
    }
    for (int i = 0; i < PROCESSES; i++)
        await(writer[i]);
    db = api_open();
    advance(db, b->clock);
    __atomic_store_n(&b->over, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < PROCESSES; i++) {
        await(follower[i]);
        ck_assert_uint_gt(b->told[i], 0);
        check(db, b->clock, b->in[i]);
    }
    ck_assert_uint_eq(b->told[0], b->told[1]);
    crm_db_close(db);
    munmap(b, sizeof *b);
    api_check_clean(api_path());
}
