/* SPDX-License-Identifier: MIT
 * Many threads on one database: writers through crm_db_write() and by hand, some of which fail,
 * readers that look whether every snapshot makes sense.  Each case runs under an alarm, so that a
 * wake-up that gets lost ends it.
 */
#include "help.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITERS = 6, READERS = 2, ALARM = 120 };

static const char YAML[] = "crm: 1\nfields:\n  n: {type: integer}\n"
                           "identities:\n  mark: {type: text, per: source, unique: true}\n";

typedef struct bank {
    crm_db *db, *other; /* two handles on one folder */
    crm_field n, mark;
    int rounds;
    int stop;
    uint64_t acknowledged; /* moves that were committed */
} bank;

/* One thread's work. */
typedef struct teller {
    bank *b;
    int number, turn;
    uint64_t seed;
    int fail;    /* how this move fails: 0 not, 1 by its result, 2 by a sticky error, 3 positive */
    char *given; /* per round: 1 when its mark was acknowledged */
} teller;

static int number_of(bank *b, crm_txn *txn, crm_customer *c, crm_id id, int64_t *n)
{
    int rc = crm_customer_get(txn, id, c, NULL);

    return rc ? rc : crm_customer_integer(c, &b->n, 0, n, NULL);
}

static int set_number(bank *b, crm_txn *txn, crm_customer *c, crm_id id, int64_t n)
{
    int rc;

    crm_customer_clear(c);
    rc = crm_customer_set_integer(c, &b->n, n, NULL);
    return rc ? rc : crm_customer_patch(txn, id, 0, c, NULL);
}

/* Moves something from customer 1 to 2, counts it on customer 3, and leaves a mark of its own. */
static int move(crm_txn *txn, void *ctx)
{
    teller *t = ctx;
    bank *b = t->b;
    int64_t from, to, count, amount = 1 + (int64_t)crmtest_below(&t->seed, 99);
    char source[16], value[16];
    crm_customer *c;
    int rc = crm_customer_new(txn, &c, NULL);

    if (rc)
        return rc;
    rc = number_of(b, txn, c, 1, &from);
    if (!rc)
        rc = number_of(b, txn, c, 2, &to);
    if (!rc)
        rc = number_of(b, txn, c, 3, &count);
    if (!rc)
        rc = set_number(b, txn, c, 1, from - amount);
    if (!rc)
        rc = set_number(b, txn, c, 2, to + amount);
    if (!rc)
        rc = set_number(b, txn, c, 3, count + 1);
    snprintf(source, sizeof source, "t%d", t->number);
    snprintf(value, sizeof value, "%d", t->turn);
    crm_customer_clear(c);
    if (!rc)
        rc = crm_customer_add(c, &b->mark, source, value, CRM_NUL, NULL);
    if (!rc)
        rc = crm_customer_create(txn, c, NULL, NULL);
    crm_customer_free(c);
    if (rc)
        return rc;
    if (t->fail == 2) /* noticed by the transaction alone */
        crm_customer_create_json(txn, "{\"n\":\"x\"}", CRM_NUL, NULL, NULL);
    return t->fail == 1 ? CRM_ECANCELLED : t->fail == 3 ? CRM_DONE : CRM_OK;
}

static int by_hand(teller *t, crm_db *db)
{
    crm_txn *txn;
    int rc;

    NEED(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
    rc = move(txn, t);
    if (rc || t->fail) {
        NEED(crm_txn_abort(txn) == CRM_OK);
        return t->fail ? CRM_ECANCELLED : rc;
    }
    return crm_txn_commit(txn, NULL);
}

static int tell(void *ctx)
{
    teller *t = ctx;
    bank *b = t->b;

    for (t->turn = 0; t->turn < b->rounds; t->turn++) {
        crm_db *db = crmtest_below(&t->seed, 2) ? b->db : b->other;
        crm_txn_options o = CRM_TXN_OPTIONS_INIT;
        int rc, want;
        t->fail = crmtest_below(&t->seed, 3) ? 0 : 1 + (int)crmtest_below(&t->seed, 3);
        o.flags = t->fail == 2 ? CRM_STICKY : 0;
        o.actor = t->number % 2 ? "odd" : "even";
        if (t->number == 0 || crmtest_below(&t->seed, 8) == 0) {
            rc = by_hand(t, db);
            want = t->fail ? CRM_ECANCELLED : CRM_OK;
        } else {
            rc = crm_db_write(db, &o, move, t, NULL);
            want = t->fail == 1 ? CRM_ECANCELLED : t->fail == 2 ? CRM_EVALUE : t->fail;
            if (t->fail == 3)
                want = CRM_DONE;
        }
        NEED(rc == want);
        t->given[t->turn] = rc == CRM_OK;
        if (rc == CRM_OK)
            __atomic_fetch_add(&b->acknowledged, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

/* Every snapshot: the sum stays, the count is the number of marks, revision and time only grow. */
static int look(void *ctx)
{
    bank *b = ctx;
    uint64_t revision = 0, acknowledged;
    int64_t recorded = 0;

    while (!__atomic_load_n(&b->stop, __ATOMIC_ACQUIRE)) {
        int64_t from, to, count, listed = 0, newest = 0;
        crm_customer_iter *it;
        crm_customer *c, *one;
        crm_txn *txn;
        int rc;
        acknowledged = __atomic_load_n(&b->acknowledged, __ATOMIC_ACQUIRE);
        NEED(crm_txn_begin(b->other, CRM_READ, NULL, &txn, NULL) == CRM_OK);
        NEED(crm_customer_new(txn, &c, NULL) == CRM_OK);
        NEED(number_of(b, txn, c, 1, &from) == CRM_OK);
        NEED(number_of(b, txn, c, 2, &to) == CRM_OK);
        NEED(from + to == 1000000);
        NEED(number_of(b, txn, c, 3, &count) == CRM_OK);
        NEED((uint64_t)count >= acknowledged); /* what somebody was told is there */
        NEED(crm_customer_list(txn, NULL, &it, NULL) == CRM_OK);
        while ((rc = crm_customer_next(it, &one, NULL)) == CRM_OK) {
            listed++;
            if (crm_customer_updated_us(one) > newest)
                newest = crm_customer_updated_us(one);
        }
        NEED(rc == CRM_DONE && listed == count + 3);
        crm_customer_list_close(it);
        NEED(crm_txn_revision(txn) >= revision && newest >= recorded);
        revision = crm_txn_revision(txn);
        recorded = newest;
        NEED(crm_txn_revision(txn) == 1 + 3 + 4 * (uint64_t)count);
        crm_customer_free(c);
        NEED(crm_txn_abort(txn) == CRM_OK);
    }
    return 0;
}

typedef struct worker {
    pthread_t thread;
    int (*fn)(void *);
    void *ctx;
    int rc;
} worker;

static void *work(void *ctx)
{
    worker *w = ctx;

    w->rc = w->fn(w->ctx);
    return NULL;
}

static void start(worker *w, int (*fn)(void *), void *ctx)
{
    w->fn = fn;
    w->ctx = ctx;
    w->rc = 1;
    ck_assert_int_eq(pthread_create(&w->thread, NULL, work, w), 0);
}

static void finish(worker *w)
{
    ck_assert_int_eq(pthread_join(w->thread, NULL), 0);
    ck_assert_int_eq(w->rc, 0);
}

static void open_bank(bank *b, int rounds)
{
    crm_txn *txn;

    memset(b, 0, sizeof *b);
    b->rounds = rounds;
    b->db = api_open_model(YAML);
    OK(crm_db_open(api_path(), NULL, &b->other, &er));
    txn = api_begin(b->db, CRM_WRITE);
    b->n = api_field(txn, "n");
    b->mark = api_field(txn, "mark");
    api_create(txn, "{\"n\":1000000}");
    api_create(txn, "{\"n\":0}");
    api_create(txn, "{\"n\":0}");
    api_commit(txn);
}

static int by_revision(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return x[0] < y[0] ? -1 : x[0] > y[0];
}

/* The order of revisions is the order of recorded times. */
static void time_follows_revision(crm_txn *txn)
{
    static int64_t seen[20000][2];
    crm_customer_iter *it;
    crm_customer *c;
    size_t n = 0;

    OK(crm_customer_list(txn, NULL, &it, &er));
    while (crm_customer_next(it, &c, &er) == CRM_OK && n < 20000) {
        seen[n][0] = (int64_t)crm_customer_revision(c);
        seen[n++][1] = crm_customer_updated_us(c);
    }
    crm_customer_list_close(it);
    qsort(seen, n, sizeof seen[0], by_revision);
    for (size_t i = 1; i < n; i++)
        ck_assert(seen[i][0] > seen[i - 1][0] && seen[i][1] >= seen[i - 1][1]);
}

CRM_TEST(test_api_threads__writers_and_readers)
{
    worker writer[WRITERS], reader[READERS];
    teller t[WRITERS];
    int64_t count = 0;
    char source[16], value[16];
    crm_customer *c;
    crm_txn *txn;
    bank b;

    alarm(crmtest_seconds(ALARM));
    open_bank(&b, (int)crmtest_rounds(60, 600));
    for (int i = 0; i < WRITERS; i++) {
        t[i] =
            (teller){&b, i, 0, crmtest_seed() * 31 + (uint64_t)i, 0, calloc(1, (size_t)b.rounds)};
        start(&writer[i], tell, &t[i]);
    }
    for (int i = 0; i < READERS; i++)
        start(&reader[i], look, &b);
    for (int i = 0; i < WRITERS; i++)
        finish(&writer[i]);
    __atomic_store_n(&b.stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < READERS; i++)
        finish(&reader[i]);
    txn = api_begin(b.db, CRM_READ);
    OK(crm_customer_new(txn, &c, &er));
    OK(number_of(&b, txn, c, 3, &count));
    ck_assert_uint_eq((uint64_t)count, b.acknowledged);
    for (int i = 0; i < WRITERS; i++) {
        snprintf(source, sizeof source, "t%d", i);
        for (int k = 0; k < b.rounds; k++) {
            snprintf(value, sizeof value, "%d", k);
            ck_assert_uint_eq(api_found(txn, "mark", source, value, NULL), t[i].given[k] ? 1 : 0);
        }
        free(t[i].given);
    }
    time_follows_revision(txn);
    crm_customer_free(c);
    OK(crm_txn_abort(txn));
    crm_db_close(b.other);
    crm_db_close(b.db);
    api_check_clean(api_path());
}

/* ---- the gate ---- */

static int refuse(crm_txn *txn, void *ctx)
{
    int *inside = ctx;
    int now = __atomic_add_fetch(inside, 1, __ATOMIC_ACQ_REL);

    (void)txn;
    NEED(now == 1); /* alone */
    __atomic_sub_fetch(inside, 1, __ATOMIC_ACQ_REL);
    return CRM_EREFUSED;
}

typedef struct crowd {
    crm_db *db;
    int inside, rounds, number;
} crowd;

static int inside_of_all;

static int pass_through(void *ctx)
{
    crowd *c = ctx;
    crm_txn *txn;

    for (int i = 0; i < c->rounds; i++) {
        if ((i + c->number) % 3) {
            NEED(crm_db_write(c->db, NULL, refuse, &inside_of_all, NULL) == CRM_EREFUSED);
            continue;
        }
        NEED(crm_txn_begin(c->db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
        NEED(__atomic_add_fetch(&inside_of_all, 1, __ATOMIC_ACQ_REL) == 1);
        NEED(__atomic_sub_fetch(&inside_of_all, 1, __ATOMIC_ACQ_REL) == 0);
        NEED(i % 2 ? crm_txn_abort(txn) == CRM_OK : crm_txn_commit(txn, NULL) == CRM_OK);
    }
    return 0;
}

/* Nothing is written, so nobody waits for the disk: only for each other. */
CRM_TEST(test_api_threads__nobody_is_forgotten_at_the_gate)
{
    enum { MANY = 12 };
    crm_db *db = api_open();
    worker w[MANY];
    crowd c[MANY];

    alarm(crmtest_seconds(ALARM));
    inside_of_all = 0;
    for (int i = 0; i < MANY; i++) {
        c[i] = (crowd){db, 0, (int)crmtest_rounds(1500, 20000), i};
        start(&w[i], pass_through, &c[i]);
    }
    for (int i = 0; i < MANY; i++)
        finish(&w[i]);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- nesting ---- */

static int nest(crm_txn *txn, void *ctx)
{
    crm_db *db = ctx;
    crm_txn *other;

    NEED(crm_txn_begin(db, CRM_WRITE, NULL, &other, NULL) == CRM_ESTATE && !other);
    NEED(crm_db_write(db, NULL, nest, db, NULL) == CRM_ESTATE);
    NEED(crm_txn_begin(db, CRM_READ, NULL, &other, NULL) == CRM_OK);
    NEED(crm_txn_abort(other) == CRM_OK);
    return crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL);
}

static int nest_often(void *ctx)
{
    crm_db *db = ctx;
    crm_txn *txn, *other;

    for (int i = 0; i < 30; i++) {
        NEED(crm_db_write(db, NULL, nest, db, NULL) == CRM_OK);
        NEED(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
        NEED(crm_txn_begin(db, CRM_WRITE, NULL, &other, NULL) == CRM_ESTATE);
        NEED(crm_db_write(db, NULL, nest, db, NULL) == CRM_ESTATE);
        NEED(crm_txn_abort(txn) == CRM_OK);
    }
    return 0;
}

CRM_TEST(test_api_threads__a_second_writer_on_one_thread)
{
    crm_db *db = api_open();
    worker w[4];
    crm_db_stat st;

    alarm(crmtest_seconds(ALARM));
    for (int i = 0; i < 4; i++)
        start(&w[i], nest_often, db);
    for (int i = 0; i < 4; i++)
        finish(&w[i]);
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_eq(st.customers, 4 * 30);
    crm_db_close(db);
}

/* ---- a group as a whole ---- */

typedef struct queue {
    crm_db *db;
    int started, release;
    crm_id seen[8];
} queue;

typedef struct member {
    queue *q;
    int number;
    int result;
} member;

static int wait_then_create(crm_txn *txn, void *ctx)
{
    member *m = ctx;

    if (m->number == 0) {
        /* The first holds the gate until the others have had time to line up behind it. */
        __atomic_store_n(&m->q->started, 1, __ATOMIC_RELEASE);
        while (!__atomic_load_n(&m->q->release, __ATOMIC_ACQUIRE))
            usleep(500);
    }
    if (crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, &m->q->seen[m->number], NULL))
        return CRM_EINVAL;
    return m->result;
}

static int take_part(void *ctx)
{
    member *m = ctx;
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;

    o.source = m->number % 2 ? "odd" : "even";
    NEED(crm_db_write(m->q->db, &o, wait_then_create, m, NULL) == m->result);
    return 0;
}

CRM_TEST(test_api_threads__members_of_a_group)
{
    crm_db *db = api_open();
    crm_txn *txn, *reader = api_begin(db, CRM_READ);
    worker w[8];
    member m[8];
    queue q = {db, 0, 0, {0}};
    crm_db_stat st;
    size_t found = 0;

    alarm(crmtest_seconds(ALARM));
    for (int i = 0; i < 8; i++) {
        m[i] = (member){&q, i, i == 3 || i == 4 ? CRM_EREFUSED : CRM_OK};
        start(&w[i], take_part, &m[i]);
        while (i == 0 && !__atomic_load_n(&q.started, __ATOMIC_ACQUIRE))
            usleep(500);
    }
    usleep(100000);
    __atomic_store_n(&q.release, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 8; i++)
        finish(&w[i]);
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_eq(st.customers, 6);
    ck_assert_uint_le(st.oldest_reader_commits, 6);
    OK(crm_txn_abort(reader));
    txn = api_begin(db, CRM_READ);
    for (int i = 0; i < 8; i++) {
        char want[40];
        if (m[i].result)
            continue;
        snprintf(want, sizeof want, "\"source\":\"%s\"", i % 2 ? "odd" : "even");
        ck_assert(q.seen[i] >= 1 && q.seen[i] <= 6);
        ck_assert(strstr(api_json(txn, q.seen[i], CRM_JSON_ORIGINS), want));
        found |= (size_t)1 << q.seen[i];
    }
    ck_assert_uint_eq(found,
                      0x7e); /* every number once: those of failed members were given again */
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- a thread that ends inside its function ---- */

enum { CREW = 6 }; /* number 0 leads; the last writes by hand */

static crm_txn *left_behind; /* what nobody can free */

typedef struct crew {
    crm_db *db;
    int lost; /* whose thread ends */
    int inside, came;
} crew;

typedef struct hand {
    crew *c;
    int number;
} hand;

static int create_or_end(crm_txn *txn, void *ctx)
{
    hand *h = ctx;

    if (h->number == 0) {
        __atomic_store_n(&h->c->inside, 1, __ATOMIC_RELEASE);
        while (__atomic_load_n(&h->c->came, __ATOMIC_ACQUIRE) < CREW)
            usleep(500);
        usleep(300000); /* for the others to line up */
    }
    if (crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL))
        return CRM_EINVAL;
    if (h->number == h->c->lost) {
        left_behind = txn;
        /* Its own second one fails at the gate, whose lock also tells ThreadSanitizer that all this
         * came before what the leader does; it does not see the end of a thread. */
        if (crm_db_write(h->c->db, NULL, create_or_end, h, NULL) == CRM_ESTATE)
            pthread_exit(NULL);
    }
    return CRM_OK;
}

static int write_in_crew(void *ctx)
{
    hand *h = ctx;
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    int rc;

    if (h->number) {
        while (!__atomic_load_n(&h->c->inside, __ATOMIC_ACQUIRE))
            usleep(500);
        __atomic_fetch_add(&h->c->came, 1, __ATOMIC_RELEASE);
    }
    if (h->number == CREW)
        rc = crm_txn_begin(h->c->db, CRM_WRITE, NULL, &txn, &err);
    else
        rc = crm_db_write(h->c->db, NULL, create_or_end, h, &err);
    NEED(rc == CRM_EPOISONED && err.code == rc);
    return 0;
}

static int write_elsewhere(void *ctx)
{
    hand alone = {ctx, 1};

    NEED(crm_db_open(api_path(), NULL, &alone.c->db, NULL) == CRM_OK);
    NEED(crm_db_write(alone.c->db, NULL, create_or_end, &alone, NULL) == CRM_OK);
    crm_db_close(alone.c->db);
    return 0;
}

static int lose_one(void *ctx)
{
    crew c = {NULL, *(int *)ctx, 0, 0}, child = {NULL, CREW, 0, 0};
    hand h[CREW + 1], late = {&c, CREW - 1};
    worker w[CREW + 1];
    crm_db_stat st;

    NEED(crm_db_open(api_path(), NULL, &c.db, NULL) == CRM_OK);
    for (int i = 0; i <= CREW; i++) {
        h[i] = (hand){&c, i};
        if (i || i == c.lost)
            start(&w[i], write_in_crew, &h[i]);
    }
    /* A leader that lives on must have given the engine's lock back by itself. */
    if (c.lost)
        NEED(write_in_crew(&h[0]) == 0);
    for (int i = c.lost != 0; i <= CREW; i++) {
        NEED(pthread_join(w[i].thread, NULL) == 0);
        NEED(w[i].rc == (i == c.lost));
    }
    NEED(write_in_crew(&late) == 0);
    late.number = CREW;
    NEED(write_in_crew(&late) == 0);
    NEED(crm_db_stat_get(c.db, sizeof st, &st, NULL) == CRM_OK && st.customers == 0);
    NEED(api_child(write_elsewhere, &child) == 0);
    NEED(crm_db_stat_get(c.db, sizeof st, &st, NULL) == CRM_OK && st.customers == 1);
    crm_db_close(c.db);
    return 0;
}

/* Nothing of its group is kept, and nobody waits for it for ever: neither those who wait for their
 * turn, nor who waits for the end of the group, nor its leader. */
static void check_crew(int lost)
{
    alarm(crmtest_seconds(ALARM));
    crm_db_close(api_open());
    ck_assert_int_eq(api_child(lose_one, &lost), 0);
    api_check_clean(api_path());
}

CRM_TEST(test_api_threads__leader_ends_inside_its_function)
{
    check_crew(0);
}

CRM_TEST(test_api_threads__member_ends_inside_its_function)
{
    check_crew(CREW / 2);
}

/* ---- handles and transactions that come and go ---- */

static int open_and_close(void *ctx)
{
    uint64_t seed = (uint64_t)(uintptr_t)ctx;

    for (int i = 0; i < 60; i++) {
        crm_db *db;
        crm_txn *txn;
        NEED(crm_db_open(api_path(), NULL, &db, NULL) == CRM_OK);
        if (crmtest_below(&seed, 2)) {
            NEED(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
            NEED(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL) == CRM_OK);
        } else {
            NEED(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL) == CRM_OK);
        }
        if (crmtest_below(&seed, 3) == 0) {
            crm_db_close(db); /* before its transaction */
            NEED(crm_txn_abort(txn) == CRM_OK);
        } else {
            NEED(crm_txn_commit(txn, NULL) == CRM_OK);
            crm_db_close(db);
        }
    }
    return 0;
}

CRM_TEST(test_api_threads__open_and_close)
{
    worker w[5];

    alarm(crmtest_seconds(ALARM));
    crm_db_close(api_open());
    for (int i = 0; i < 5; i++)
        start(&w[i], open_and_close, (void *)(uintptr_t)(crmtest_seed() + (uint64_t)i));
    for (int i = 0; i < 5; i++)
        finish(&w[i]);
    api_check_clean(api_path());
}

/* ---- one read transaction handed round ---- */

static int read_some(void *ctx)
{
    crm_txn *txn = ctx;
    char *json;

    NEED(crm_customer_get_json(txn, 1, 0, &json, NULL, NULL) == CRM_OK);
    crm_free(json);
    return 0;
}

CRM_TEST(test_api_threads__read_transaction_handed_round)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);

    alarm(crmtest_seconds(ALARM));
    api_create(txn, "{\"name\":\"A\"}");
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(api_thread(read_some, txn), 0);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}
