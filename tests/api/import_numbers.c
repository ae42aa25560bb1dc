/* SPDX-License-Identifier: MIT
 * Lines of events that carry the numbers of another timeline: random timelines are written as lines
 * and imported into a database whose customers have events of their own, cut short anywhere; and
 * lines that come slowly, or not at all.
 */
#include "help.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CUSTOMERS = 3, EVENTS = 40 };

static crm_db *open_at(const char *name)
{
    crm_db *db;

    OK(crm_db_open(crmtest_path(name), NULL, &db, &er));
    return db;
}

/* CUSTOMERS customers; with `own` each has events of its own. */
static crm_db *people(const char *name, int own)
{
    crm_db *db = open_at(name);
    crm_txn *txn = api_begin(db, CRM_WRITE);

    for (int i = 0; i < CUSTOMERS; i++) {
        crm_id id = api_create(txn, "{\"name\":\"A\"}");
        for (int k = 0; k < own * (i + 1); k++)
            OK(crm_event_add_json(txn, id, "{\"kind\":\"visit\",\"time\":\"2020-01-01\"}", CRM_NUL,
                                  NULL, &er));
    }
    api_commit(txn);
    return db;
}

/* Adds one of a few events, with a correction or a void among them now and then. */
static void add_some(crm_txn *txn, crm_id id, uint64_t *seed)
{
    char json[300], voids[40] = "", reference[60] = "";
    uint64_t r = crmtest_rand(seed);
    int rc;

    if (r % 3 == 0)
        snprintf(voids, sizeof voids, ",\"voids\":%d", 1 + (int)(r / 3 % EVENTS));
    if (r / 1000 % 2)
        snprintf(reference, sizeof reference, ",\"source\":\"shop\",\"reference\":\"R%d\"",
                 (int)(r / 2000 % 12));
    if (r / 7 % 4 == 0 && *voids)
        snprintf(json, sizeof json, "{\"kind\":\"void\"%s}", voids);
    else
        snprintf(json, sizeof json,
                 "{\"kind\":\"order\",\"time\":\"2026-01-0%d\",\"amount\":\"%d CNY\"%s%s}",
                 1 + (int)(r / 11 % 3), 1 + (int)(r / 33 % 2), reference, voids);
    rc = crm_event_add_json(txn, id, json, CRM_NUL, NULL, &er);
    ck_assert_msg(rc >= 0 || rc == CRM_ENOTFOUND || rc == CRM_EEXISTS || rc == CRM_EVALUE, "%s",
                  er.message);
}

/* The events of a customer in order of their numbers, one in a line. */
static size_t numbered(crm_txn *txn, crm_id id, char *lines[3 * EVENTS])
{
    crm_event *e;
    size_t n = 0;

    OK(crm_event_new(txn, &e, &er));
    for (uint32_t number = 1;; number++) {
        char *json;
        int rc = crm_event_get(txn, id, number, e, &er);
        if (rc == CRM_ENOTFOUND)
            break;
        OK(rc);
        OK(crm_event_to_json(txn, e, &json, NULL, &er));
        lines[n++] = json;
    }
    crm_event_free(e);
    return n;
}

/* All timelines as lines, those of the customers mixed. */
static char *write_lines(crm_db *db, uint64_t *seed, size_t *all)
{
    crm_txn *txn = api_begin(db, CRM_READ);
    char *lines[CUSTOMERS][3 * EVENTS], *text = NULL;
    size_t n[CUSTOMERS], at[CUSTOMERS] = {0}, left = 0, size;
    FILE *out = open_memstream(&text, &size);

    for (int i = 0; i < CUSTOMERS; i++) {
        n[i] = numbered(txn, (crm_id)i + 1, lines[i]);
        left += n[i];
    }
    *all = left;
    while (left) {
        size_t i = crmtest_rand(seed) % CUSTOMERS;
        if (at[i] == n[i])
            continue;
        fprintf(out, "{\"customer\":%zu,%s\n", i + 1, lines[i][at[i]] + 1);
        crm_free(lines[i][at[i]++]);
        left--;
    }
    fclose(out);
    crm_txn_abort(txn);
    return text;
}

/* Cuts a member and its value out of a line. */
static void cut(char *line, const char *member)
{
    char *at = strstr(line, member);

    if (at) {
        char *end = at + strcspn(at, ",}");
        memmove(at, end + (*end == ','), strlen(end + (*end == ',')) + 1);
    }
}

/* What timelines say, without revisions: numbers are those behind the first `own` of a customer. */
static char *say(crm_db *db, int own)
{
    crm_txn *txn = api_begin(db, CRM_READ);
    char *lines[3 * EVENTS], *text = NULL, *voids;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    for (int i = 0; i < CUSTOMERS; i++) {
        size_t before = (size_t)(own * (i + 1)), n = numbered(txn, (crm_id)i + 1, lines);
        for (size_t k = 0; k < n; k++) {
            long of = (voids = strstr(lines[k], "\"voids\":")) ? strtol(voids + 8, NULL, 10) : 0;
            cut(lines[k], "\"number\":");
            cut(lines[k], "\"revision\":");
            cut(lines[k], "\"voids\":");
            if (k >= before)
                fprintf(out, "%d %zu %s %ld\n", i, k - before, lines[k],
                        of ? of - (long)before : 0);
            crm_free(lines[k]);
        }
    }
    fclose(out);
    crm_txn_abort(txn);
    return text;
}

static int fd_of(const char *text)
{
    int fd = open(crmtest_path("lines"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t n = strlen(text);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, n), (ssize_t)n);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* Ends the import at the commit that *ctx counts down to. */
static int countdown(uint64_t *mark, void *ctx)
{
    (void)mark;
    return --*(int *)ctx == 0;
}

static crm_import_result run(crm_db *db, const char *text, uint32_t flags, int commits)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_import_result r;
    crm_import *imp;
    int fd = fd_of(text);

    o.flags = CRM_IMPORT_EVENTS | flags;
    if (commits) {
        o.commit_rows = 3;
        o.before_commit = countdown;
        o.ctx = &commits;
    }
    OK(crm_import_open(db, fd, &o, &imp, &er));
    crm_import_run(imp, sizeof r, &r, &er);
    crm_import_close(imp);
    close(fd);
    return r;
}

CRM_TEST(test_api_import_numbers__keep_what_they_void)
{
    uint64_t seed = crmtest_seed();

    for (int round = 0; round < 6; round++) {
        char name[3][20], *lines, *want, *got;
        crm_db *from, *to, *cut_short;
        crm_import_result r;
        crm_txn *txn;
        size_t all;
        for (int i = 0; i < 3; i++)
            snprintf(name[i], sizeof name[i], "%d-%d", round, i);
        from = people(name[0], 0);
        txn = api_begin(from, CRM_WRITE);
        for (int i = 0; i < EVENTS; i++)
            add_some(txn, 1 + crmtest_rand(&seed) % CUSTOMERS, &seed);
        api_commit(txn);
        lines = write_lines(from, &seed, &all);
        want = say(from, 0);

        to = people(name[1], 1);
        r = run(to, lines, 0, 0);
        ck_assert_uint_eq(r.created, all);
        ck_assert_uint_eq(r.bad, 0);
        got = say(to, 1);
        ck_assert_str_eq(got, want);
        free(got);
        r = run(to, lines, 0, 0);
        ck_assert_uint_eq(r.created, 0);
        ck_assert_uint_eq(r.unchanged, all);
        r = run(from, lines, 0, 0);
        ck_assert_uint_eq(r.created, 0);

        cut_short = people(name[2], 1);
        r = run(cut_short, lines, 0, 1 + (int)(crmtest_rand(&seed) % 5));
        ck_assert_uint_lt(r.rows, all);
        r = run(cut_short, lines, r.resumable ? CRM_IMPORT_RESUME : 0, 0);
        ck_assert_uint_eq(r.created, all);
        ck_assert_uint_eq(r.bad, 0);
        got = say(cut_short, 1);
        ck_assert_str_eq(got, want);
        free(got);
        free(want);
        free(lines);
        crm_db_close(from);
        crm_db_close(to);
        crm_db_close(cut_short);
    }
}

CRM_TEST(test_api_import_numbers__one_customer_for_all_lines)
{
    static const char LINES[] = "{\"kind\":\"visit\",\"time\":\"2026-01-01\"}\n"
                                "{\"customer\":2,\"kind\":\"visit\",\"time\":\"2026-01-02\"}\n"
                                "{\"customer\":1,\"kind\":\"visit\",\"time\":\"2026-01-03\"}\n";
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_db *db = people("db", 0);
    crm_import_result r;
    crm_import *imp;
    int fd = fd_of(LINES);

    o.customer = 1;
    IS(CRM_EINVAL, crm_import_open(db, fd, &o, &imp, &er));
    o.flags = CRM_IMPORT_EVENTS;
    OK(crm_import_open(db, fd, &o, &imp, &er));
    OK(crm_import_run(imp, sizeof r, &r, &er));
    ck_assert_uint_eq(r.created, 2);
    ck_assert_uint_eq(r.bad, 1);
    crm_import_close(imp);
    close(fd);
    crm_db_close(db);
}

/* Whatever a line says of its customer, it is a bad line at most. */
CRM_TEST(test_api_import_numbers__owners_that_are_none)
{
    static const char *const OWNERS[] = {
        "{\"phone\":null}",
        "{\"phone\":[]}",
        "{\"phone\":{}}",
        "{\"phone\":true}",
        "{}",
        "null",
        "[1]",
        "\"phone=\"",
        "\"=x\"",
        "\"@erp=x\"",
        "\"\"",
        "0",
        "\"name=A\"",
        "\"id=\"",
        "{\"id\":1.5}",
        "{\"id\":1,\"id@x\":2}",
        "77",
        "\"a@b@c=d\"",
        "\"external@=1\"",
        "\"nobody@example.com\"",
    };
    enum { COUNT = sizeof OWNERS / sizeof *OWNERS };
    crm_db *db = people("db", 0);
    char *lines = NULL;
    crm_import_result r;
    size_t size;
    FILE *out = open_memstream(&lines, &size);

    for (size_t i = 0; i < COUNT; i++)
        fprintf(out, "{\"customer\":%s,\"kind\":\"visit\",\"time\":\"2026-01-01\"}\n", OWNERS[i]);
    fprintf(out, "{\"customer\":\"id=2\",\"kind\":\"visit\",\"time\":\"2026-01-01\"}\n");
    fclose(out);
    r = run(db, lines, 0, 0);
    ck_assert_uint_eq(r.rows, COUNT + 1);
    ck_assert_uint_eq(r.bad, COUNT);
    ck_assert_uint_eq(r.created, 1);
    free(lines);
    crm_db_close(db);
    api_check_clean(crmtest_path("db"));
}

/* ---- lines that come slowly ---- */

typedef struct slow {
    int asked, stop_at;
    uint64_t rows;
} slow;

static int asked(uint64_t bytes, uint64_t total, uint64_t rows, void *ctx)
{
    slow *s = ctx;

    (void)bytes;
    (void)total;
    s->rows = rows;
    return ++s->asked >= s->stop_at;
}

CRM_TEST(test_api_import_numbers__a_pipe_without_anything_can_be_left)
{
    slow s = {.stop_at = 2};
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_db *db = people("db", 0);
    crm_import *imp;
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    o.format = "jsonl";
    o.progress = asked;
    o.ctx = &s;
    IS(CRM_ECANCELLED, crm_import_open(db, fds[0], &o, &imp, &er));
    ck_assert_ptr_null(imp);
    ck_assert_int_eq(s.asked, 2);
    close(fds[0]);
    close(fds[1]);
    crm_db_close(db);
}

CRM_TEST(test_api_import_numbers__what_a_pipe_gave_is_committed_while_it_waits)
{
    static const char LINE[] = "{\"name\":\"early\"}\n{\"name\":";
    slow s = {.stop_at = 5};
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_db *db = people("db", 0);
    crm_import_result r;
    crm_import *imp;
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(write(fds[1], LINE, sizeof LINE - 1), (ssize_t)sizeof LINE - 1);
    o.policy = CRM_IMPORT_CREATE;
    o.format = "jsonl";
    o.progress = asked;
    o.ctx = &s;
    OK(crm_import_open(db, fds[0], &o, &imp, &er));
    IS(CRM_ECANCELLED, crm_import_run(imp, sizeof r, &r, &er));
    ck_assert_uint_eq(s.rows, 1);
    ck_assert_uint_eq(r.commits, 1);
    ck_assert_uint_eq(r.created, 1);
    ck_assert_uint_eq(r.resumable, 1);
    crm_import_close(imp);
    close(fds[0]);
    close(fds[1]);
    crm_db_close(db);
    api_check_clean(crmtest_path("db"));
}
