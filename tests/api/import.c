/* SPDX-License-Identifier: MIT
 * Import, as a host sees it: what a file becomes, compared with the same rows
 * written one at a time; policies, bad rows, dry runs; and what happens when it
 * is cut short, anywhere.
 */
#include "help.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- files, databases ---- */

static int file_of(const void *p, size_t n)
{
    int fd = open(crmtest_path("file"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static crm_db *open_at(const char *name)
{
    crm_db *db;

    OK(crm_db_open(crmtest_path(name), NULL, &db, &er));
    return db;
}

/* Documents of all customers, without what depends on when and in how many
 * changes they came to be: the caller frees the text. */
static char *state_of(crm_db *db)
{
    static const char *const LEAVE[] = {"\"revision\":", "\"created_at\":", "\"updated_at\":"};
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_customer_iter *it;
    crm_customer *c;
    char *all = NULL;
    size_t size;
    FILE *out = open_memstream(&all, &size);
    int rc;

    OK(crm_customer_list(txn, NULL, &it, &er));
    while ((rc = crm_customer_next(it, &c, &er)) == CRM_OK) {
        char *json, *at;
        OK(crm_customer_to_json(txn, c, CRM_JSON_EVENTS, &json, NULL, &er));
        for (size_t i = 0; i < 3; i++) {
            while ((at = strstr(json, LEAVE[i])) != NULL) {
                char *end = at + strcspn(at, ",}");
                memmove(at, end + (*end == ','), strlen(end + (*end == ',')) + 1);
            }
        }
        fprintf(out, "%s\n", json);
        crm_free(json);
    }
    IS(CRM_DONE, rc);
    crm_customer_list_close(it);
    crm_txn_abort(txn);
    fclose(out);
    return all;
}

static uint64_t revision_of(crm_db *db)
{
    crm_txn *txn = api_begin(db, CRM_READ);
    uint64_t r = crm_txn_revision(txn);

    crm_txn_abort(txn);
    return r;
}

static void same_state(crm_db *a, crm_db *b)
{
    char *x = state_of(a), *y = state_of(b);

    ck_assert_str_eq(x, y);
    free(x);
    free(y);
}

static crm_import_result import_fd(crm_db *db, int fd, const crm_import_options *o, int want)
{
    crm_import_result r;
    crm_import *imp;

    OK(crm_import_open(db, fd, o, &imp, &er));
    IS(want, crm_import_run(imp, sizeof r, &r, &er));
    crm_import_close(imp);
    close(fd);
    return r;
}

static crm_import_result import_text(crm_db *db, const char *text, const crm_import_options *o)
{
    return import_fd(db, file_of(text, strlen(text)), o, CRM_OK);
}

static crm_import_options with(uint32_t flags, uint32_t policy)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;

    o.flags = flags;
    o.policy = policy;
    return o;
}

/* ---- bad rows ---- */

typedef struct heard {
    char text[4000];
    size_t count;
    size_t stop_at; /* 0: never */
} heard;

static int hear(const crm_import_bad *bad, void *ctx)
{
    heard *h = ctx;
    size_t n = strlen(h->text);

    ck_assert_uint_eq(bad->size, sizeof *bad);
    ck_assert_uint_ge(bad->fault_count, 1);
    for (size_t i = 0; i < bad->fault_count; i++) {
        const crm_import_fault *f = &bad->faults[i];
        const char *column = "-";
        int width = 1;
        if (f->column != UINT32_MAX) {
            ck_assert_uint_lt(f->column, bad->column_count);
            column = bad->columns[f->column].p;
            width = (int)bad->columns[f->column].n;
        }
        snprintf(h->text + n, sizeof h->text - n, "%llu %.*s %s %s\n",
                 (unsigned long long)bad->line, width, column, f->field, crm_error_name(f->code));
        n = strlen(h->text);
    }
    return ++h->count == h->stop_at;
}

static const char PEOPLE[] = "name,email,phone,city\n"
                             "Li Na,li.na@example.com,13800138000,Beijing\n"
                             "Zhang Wei,zw@example.com,,Shanghai\n"
                             ",,,\n"
                             "Eve Hill,eve@example.com,13900139000,\n";

CRM_TEST(test_api_import__creates_the_customers_of_a_file)
{
    crm_db *db = api_open();
    crm_import_result r = import_text(db, PEOPLE, NULL);
    crm_txn *txn;

    ck_assert_uint_eq(r.size, sizeof r);
    ck_assert_uint_eq(r.rows, 3);
    ck_assert_uint_eq(r.created, 3);
    ck_assert_uint_eq(r.empty, 1);
    ck_assert_uint_eq(r.bad + r.updated + r.unchanged + r.skipped, 0);
    ck_assert_uint_ne(r.batch, 0);
    ck_assert_uint_eq(r.written, 1);
    ck_assert_uint_eq(r.resumable, 0);
    ck_assert_uint_eq(r.commits, 1);
    txn = api_begin(db, CRM_READ);
    ck_assert(api_has(txn, 1, "Li Na"));
    ck_assert_uint_eq(api_found(txn, "phone", NULL, "+8613900139000", NULL), 1);
    crm_txn_abort(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_import__a_second_time_changes_nothing)
{
    crm_db *db = api_open();
    uint64_t before;
    crm_import_result r;

    import_text(db, PEOPLE, NULL);
    before = revision_of(db);
    r = import_text(db, PEOPLE, NULL);
    ck_assert_uint_eq(r.unchanged, 3);
    ck_assert_uint_eq(r.created + r.updated + r.bad, 0);
    ck_assert_uint_eq(r.batch, 0);
    ck_assert_uint_eq(r.commits, 0);
    ck_assert_uint_eq(revision_of(db), before);
    crm_db_close(db);
}

CRM_TEST(test_api_import__empty_cells_leave_what_is_stored)
{
    crm_db *db = api_open();
    crm_import_result r;
    crm_txn *txn;

    import_text(db, PEOPLE, NULL);
    r = import_text(db, "name,phone,city\nLi Na,13800138000,\nEve Hill,13900139000,Xi'an\n", NULL);
    ck_assert_uint_eq(r.unchanged, 1);
    ck_assert_uint_eq(r.updated, 1);
    txn = api_begin(db, CRM_READ);
    ck_assert(api_has(txn, 1, "Beijing"));
    ck_assert(api_has(txn, 3, "Xi'an"));
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_import__policies)
{
    static const char MORE[] = "name,email,city\n"
                               "Li Na,li.na@example.com,Wuhan\n"
                               "New One,new@example.com,Lhasa\n";
    static const uint64_t WANT[4][4] = {/* created, updated, unchanged, skipped */
                                        [CRM_IMPORT_UPSERT] = {1, 1, 0, 0},
                                        [CRM_IMPORT_CREATE] = {2, 0, 0, 0},
                                        [CRM_IMPORT_UPDATE] = {0, 1, 0, 1},
                                        [CRM_IMPORT_SKIP] = {1, 0, 0, 1}};

    for (uint32_t policy = 0; policy < 4; policy++) {
        char name[8] = {'d', (char)('0' + policy), 0};
        crm_import_options o = with(0, policy);
        crm_db *db = open_at(name);
        crm_import_result r;
        import_text(db, PEOPLE, NULL);
        r = import_text(db, MORE, &o);
        ck_assert_uint_eq(r.created, WANT[policy][0]);
        ck_assert_uint_eq(r.updated, WANT[policy][1]);
        ck_assert_uint_eq(r.unchanged, WANT[policy][2]);
        ck_assert_uint_eq(r.skipped, WANT[policy][3]);
        ck_assert_uint_eq(r.bad, 0);
        crm_db_close(db);
    }
}

CRM_TEST(test_api_import__bad_rows_are_told_and_the_others_written)
{
    static const char BAD[] = "name,email,phone\n"
                              "Good,good@example.com,\n"
                              "Bad,no address,12\n"
                              "Nobody,,\n"
                              "Both,li.na@example.com,13900139000\n"
                              "\"Many\",many@example.com,13700137000,more\n"
                              "Good too,too@example.com,\n";
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_db *db = api_open();
    static heard h;
    crm_import_result r;

    import_text(db, PEOPLE, NULL);
    o.bad = hear;
    o.ctx = &h;
    r = import_text(db, BAD, &o);
    ck_assert_uint_eq(r.rows, 6);
    ck_assert_uint_eq(r.created, 2);
    ck_assert_uint_eq(r.bad, 4);
    ck_assert_str_eq(h.text, "3 email email CRM_EVALUE\n"
                             "3 phone phone CRM_EVALUE\n"
                             "4 -  CRM_EVALUE\n"
                             "5 -  CRM_EAMBIGUOUS\n"
                             "6 -  CRM_ESYNTAX\n");
    crm_db_close(db);
}

CRM_TEST(test_api_import__a_dry_run_says_what_a_real_one_does_and_changes_nothing)
{
    crm_import_options dry = with(CRM_IMPORT_DRY_RUN, 0);
    crm_db *db = api_open();
    crm_import_result a, b;
    uint64_t before = revision_of(db);

    a = import_text(db, PEOPLE, &dry);
    ck_assert_uint_eq(revision_of(db), before);
    ck_assert_uint_eq(a.batch, 0);
    ck_assert_uint_eq(a.written, 0);
    ck_assert_uint_eq(a.commits, 0);
    b = import_text(db, PEOPLE, NULL);
    ck_assert_uint_eq(a.rows, b.rows);
    ck_assert_uint_eq(a.created, b.created);
    ck_assert_uint_eq(a.empty, b.empty);
    crm_db_close(db);
}

CRM_TEST(test_api_import__atomic_is_all_or_nothing)
{
    crm_import_options o = with(CRM_IMPORT_ATOMIC, 0);
    crm_db *db = api_open();
    crm_import_result r = import_text(db, "name,email\nA,a@example.com\nB,nothing\n", &o);
    uint64_t before = revision_of(db);

    ck_assert_uint_eq(r.bad, 1);
    ck_assert_uint_eq(r.created, 1);
    ck_assert_uint_eq(r.written, 0);
    ck_assert_uint_eq(r.batch, 0);
    ck_assert_uint_eq(before, 1);
    r = import_text(db, PEOPLE, &o);
    ck_assert_uint_eq(r.written, 1);
    ck_assert_uint_eq(r.created, 3);
    ck_assert_uint_ne(r.batch, 0);
    crm_db_close(db);
}

CRM_TEST(test_api_import__undo_takes_it_back)
{
    crm_db *db = api_open();
    crm_undo_result u = {.size = sizeof u};
    char *before, *after;
    crm_import_result r;
    crm_txn *txn;

    import_text(db, PEOPLE, NULL);
    before = state_of(db);
    r = import_text(db, "name,email,city\nLi Na,li.na@example.com,Wuhan\nX Y,xy@example.com,\n",
                    NULL);
    ck_assert_uint_eq(r.updated, 1);
    ck_assert_uint_eq(r.created, 1);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_undo(txn, r.batch, 0, NULL, NULL, &u, &er));
    api_commit(txn);
    ck_assert_uint_eq(u.deleted, 1);
    ck_assert_uint_eq(u.restored, 1);
    after = state_of(db);
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
    crm_db_close(db);
}

CRM_TEST(test_api_import__lines_of_json)
{
    static const char LINES[] = "{\"name\":\"Li Na\",\"phone\":\"13800138000\"}\n"
                                "\n"
                                "{\"name\":\"Zhang "
                                "Wei\",\"email\":[\"zw@example.com\",\"w@example.com\"]}\r\n"
                                "{\"name\":\"Bad\",\"email\":\"nothing\"}\n"
                                "nonsense\n"
                                "{\"crm:line\":3,\"crm:problem\":\"a \\\"b\\\"\",\"name\":\"Was "
                                "Bad\",\"email\":\"b@example.com\"}\n"
                                "{\"name\":\"Last\",\"phone\":\"13900139000\"}";
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    static heard h;
    crm_db *db = api_open();
    crm_import_result r;

    o.bad = hear;
    o.ctx = &h;
    r = import_text(db, LINES, &o);
    ck_assert_uint_eq(r.rows, 6);
    ck_assert_uint_eq(r.created, 4);
    ck_assert_uint_eq(r.bad, 2);
    ck_assert_str_eq(h.text, "4 - email CRM_EVALUE\n5 -  CRM_ESYNTAX\n");
    r = import_text(db, LINES, &o);
    ck_assert_uint_eq(r.unchanged, 4);
    ck_assert_uint_eq(r.batch, 0);
    for (uint32_t policy = CRM_IMPORT_UPDATE; policy <= CRM_IMPORT_SKIP; policy++) {
        o.policy = policy;
        r = import_text(db,
                        "{\"name\":\"Li Na\",\"phone\":\"13800138000\",\"city\":\"Wuhan\"}\n"
                        "{\"name\":\"New\",\"phone\":\"13700137000\"}\n",
                        &o);
        ck_assert_uint_eq(r.skipped, 1);
        ck_assert_uint_eq(r.updated, policy == CRM_IMPORT_UPDATE);
        ck_assert_uint_eq(r.created, policy == CRM_IMPORT_SKIP);
    }
    crm_db_close(db);
}

CRM_TEST(test_api_import__events_of_lines_of_json)
{
    static const char LINES[] = "{\"customer\":{\"phone\":\"138 0013 "
                                "8000\"},\"kind\":\"order\",\"amount\":\"12 CNY\","
                                "\"time\":\"2026-01-02\",\"reference\":\"O-1\"}\n"
                                "{\"customer\":\"email=zw@example.com\",\"kind\":\"call\",\"time\":"
                                "\"2026-01-03T10:00:00Z\"}\n"
                                "{\"customer\":3,\"kind\":\"call\",\"time\":\"2026-01-04\"}\n"
                                "{\"customer\":99,\"kind\":\"call\"}\n"
                                "{\"customer\":2.9,\"kind\":\"call\"}\n"
                                "{\"customer\":3e0,\"kind\":\"call\"}\n"
                                "{\"kind\":\"call\"}\n";
    crm_import_options o = with(CRM_IMPORT_EVENTS, 0);
    crm_db *db = api_open();
    crm_import_result r;

    import_text(db, PEOPLE, NULL);
    r = import_text(db, LINES, &o);
    ck_assert_uint_eq(r.created, 3);
    ck_assert_uint_eq(r.bad, 4);
    r = import_text(db, LINES, &o);
    ck_assert_uint_eq(r.created, 0);
    ck_assert_uint_eq(r.unchanged, 3);
    ck_assert_uint_eq(r.batch, 0);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* A phone that several share does not make one customer of them. */
CRM_TEST(test_api_import__somebody_else_is_not_changed)
{
    static const char OFFICE[] = "name,phone,email\n"
                                 "Zhang San,010-88886666,zs@example.com\n"
                                 "Li Si,010-88886666,ls@example.com\n"
                                 "zhangsan,010-88886666,\n"
                                 "Zhang S.,010-88886666,zs@example.com\n";
    static const char NUMBERED[] = "id,kind,name,phone\n1,person,Wang Wu,13900139000\n"
                                   "1,person,Zhang Sanfeng,010-88886666\n";
    crm_import_options o = with(CRM_IMPORT_RENAME, 0);
    crm_import_result r;
    crm_db *db = api_open();

    r = import_text(db, OFFICE, NULL);
    ck_assert_uint_eq(r.created, 1);
    ck_assert_uint_eq(r.bad, 1);
    ck_assert_uint_eq(r.updated, 2);
    r = import_text(db, NUMBERED, NULL);
    ck_assert_uint_eq(r.bad, 1);
    ck_assert_uint_eq(r.updated, 1);
    r = import_text(db, "name,phone\nLi Si,010-88886666\n", &o);
    ck_assert_uint_eq(r.updated, 1);
    o = with(0, CRM_IMPORT_CREATE);
    r = import_text(db, OFFICE, &o);
    ck_assert_uint_eq(r.created, 4);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* What one line's events change is not a change of the next line's customer. */
CRM_TEST(test_api_import__events_inside_lines_of_json)
{
    static const char OLD[] =
        "{\"name\":\"A\",\"phone\":\"13800138001\"}\n"
        "{\"name\":\"B\",\"phone\":\"13800138002\",\"events\":"
        "[{\"kind\":\"call\",\"time\":\"2024-01-01\",\"reference\":\"r\"}]}\n";
    char all[600];
    crm_db *db = api_open();
    crm_import_result r;

    import_text(db, OLD, NULL);
    snprintf(all, sizeof all,
             "{\"name\":\"C\",\"phone\":\"13800138003\",\"events\":[{\"kind\":\"call\",\"time\":"
             "\"2024-01-02\",\"reference\":\"r\"}]}\n%s",
             OLD);
    r = import_text(db, all, NULL);
    ck_assert_uint_eq(r.created, 1);
    ck_assert_uint_eq(r.updated, 0);
    ck_assert_uint_eq(r.unchanged, 2);
    r = import_text(db, all, NULL);
    ck_assert_uint_eq(r.unchanged, 3);
    ck_assert_uint_eq(r.batch, 0);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- against the same rows written one at a time ---- */

typedef struct text {
    char *p;
    size_t n, cap;
} text;

static void add(text *t, const char *s)
{
    size_t n = strlen(s);

    if (t->n + n + 1 > t->cap) {
        t->cap = (t->n + n + 1) * 2;
        t->p = realloc(t->p, t->cap);
    }
    memcpy(t->p + t->n, s, n + 1);
    t->n += n;
}

/* A random row, as cells and as a document; some are bad, many share
 * identities. */
static void random_row(uint64_t *seed, char cells[4][64], text *csv, text *json)
{
    static const char *const KEY[] = {"name", "email", "phone", "city"};
    static const char *const CITY[] = {"", "北京", "上海", "São Paulo", "a;b", "x \"y\""};
    uint64_t who = crmtest_below(seed, 60);
    const char *between = "{";

    snprintf(cells[0], 64, "%s%llu", crmtest_below(seed, 9) ? "Name " : "名字 ",
             (unsigned long long)crmtest_below(seed, 3));
    snprintf(cells[1], 64, crmtest_below(seed, 12) ? "u%llu@example.com" : "u%llu",
             (unsigned long long)(crmtest_below(seed, 20) ? who : who + 1));
    snprintf(cells[2], 64, "1380013%04llu", (unsigned long long)who);
    snprintf(cells[3], 64, "%s", CITY[crmtest_below(seed, 6)]);
    for (int i = 0; i < 3; i++)
        if (!crmtest_below(seed, 7))
            cells[i][0] = 0;
    json->n = 0;
    for (int i = 0; i < 4; i++) {
        add(csv, i ? ",\"" : "\"");
        for (const char *s = cells[i]; *s; s++) {
            char one[3] = {*s, *s == '"' ? '"' : 0, 0};
            add(csv, one);
        }
        add(csv, i == 3 ? "\"\n" : "\"");
        if (!cells[i][0])
            continue;
        add(json, between);
        add(json, "\"");
        add(json, KEY[i]);
        add(json, "\":\"");
        for (const char *s = cells[i]; *s; s++) {
            char one[3] = {*s == '"' ? '\\' : *s, *s == '"' ? '"' : 0, 0};
            add(json, one);
        }
        add(json, "\"");
        between = ",";
    }
    add(json, *between == '{' ? "{}" : "}");
}

/* `count` random rows as a file; with a database also written there, one at a
 * time.  The counts are what an import has to say. */
static text random_file(uint64_t seed, size_t count, crm_db *db, crm_import_result *want)
{
    text csv = {NULL, 0, 0}, json = {NULL, 0, 0};
    char cells[4][64];

    memset(want, 0, sizeof *want);
    add(&csv, "name,email,phone,city\n");
    for (size_t i = 0; i < count; i++) {
        crm_txn *txn;
        uint64_t before;
        int created = 0, rc;
        random_row(&seed, cells, &csv, &json);
        if (!db)
            continue;
        if (json.n == 2) {
            want->empty++;
            continue;
        }
        want->rows++;
        txn = api_begin(db, CRM_WRITE);
        before = crm_txn_revision(txn);
        rc = crm_customer_upsert_json(txn, json.p, json.n, NULL, &created, NULL);
        want->bad += rc != 0;
        want->created += !rc && created;
        want->updated += !rc && !created && crm_txn_revision(txn) != before;
        want->unchanged += !rc && !created && crm_txn_revision(txn) == before;
        api_commit(txn);
    }
    free(json.p);
    return csv;
}

static void same_counts(const crm_import_result *a, const crm_import_result *b)
{
    ck_assert_uint_eq(a->rows, b->rows);
    ck_assert_uint_eq(a->created, b->created);
    ck_assert_uint_eq(a->updated, b->updated);
    ck_assert_uint_eq(a->unchanged, b->unchanged);
    ck_assert_uint_eq(a->bad, b->bad);
    ck_assert_uint_eq(a->empty, b->empty);
}

CRM_TEST(test_api_import__is_the_same_as_rows_one_at_a_time)
{
    for (size_t round = 0; round < crmtest_rounds(3, 30); round++) {
        uint64_t seed = crmtest_seed() + round;
        char a[24], b[24];
        snprintf(a, sizeof a, "a%zu", round);
        snprintf(b, sizeof b, "b%zu", round);
        crm_db *one = open_at(a), *db = open_at(b);
        crm_import_options o = with(CRM_IMPORT_RENAME, 0);
        crm_import_result want, r;
        text csv = random_file(seed, 200, one, &want);
        o.commit_rows = crmtest_below(&seed, 3) * 7;
        r = import_fd(db, file_of(csv.p, csv.n), &o, CRM_OK);
        same_counts(&r, &want);
        same_state(one, db);
        free(csv.p);
        crm_db_close(one);
        crm_db_close(db);
        api_check_clean(crmtest_path(b));
    }
}

/* ---- cut short ---- */

typedef struct cut {
    uint64_t commits, stop_at, mark, bad;
    int kill;
} cut;

static int before_commit(uint64_t *mark, void *ctx)
{
    cut *c = ctx;

    *mark = c->mark + c->bad;
    if (++c->commits != c->stop_at)
        return 0;
    if (c->kill)
        raise(SIGKILL);
    return 1;
}

static int count_bad(const crm_import_bad *bad, void *ctx)
{
    (void)bad;
    ((cut *)ctx)->bad++;
    return 0;
}

CRM_TEST(test_api_import__goes_on_where_it_was_cut_short)
{
    uint64_t seed = crmtest_seed();
    crm_import_result want, r;
    crm_db *whole = open_at("whole");
    text csv = random_file(seed, 300, whole, &want);

    for (uint64_t stop = 1; stop < 40; stop += 1 + crmtest_below(&seed, 4)) {
        char name[16];
        crm_import_options o = with(CRM_IMPORT_RENAME, 0);
        cut c = {.stop_at = stop};
        crm_import *imp;
        uint64_t batch = 0, rows = 0;
        snprintf(name, sizeof name, "cut%llu", (unsigned long long)stop);
        crm_db *db = open_at(name);
        o.commit_rows = 11;
        o.before_commit = before_commit;
        o.bad = count_bad;
        o.ctx = &c;
        r = import_fd(db, file_of(csv.p, csv.n), &o, stop > 28 ? CRM_OK : CRM_ECANCELLED);
        if (r.resumable) {
            ck_assert_uint_ne(r.batch, 0);
            ck_assert_uint_eq(r.commits, stop - 1);
            o.flags = CRM_IMPORT_RENAME | CRM_IMPORT_RESUME;
            int fd = file_of(csv.p, csv.n);
            OK(crm_import_open(db, fd, &o, &imp, &er));
            OK(crm_import_resumed(imp, &batch, &rows, &c.mark));
            ck_assert_uint_eq(batch, r.batch);
            ck_assert_uint_eq(rows, r.rows);
            c.bad = 0;
            c.stop_at = 0;
            OK(crm_import_run(imp, sizeof r, &r, &er));
            crm_import_close(imp);
            close(fd);
            ck_assert_uint_eq(r.resumed, rows);
            ck_assert_uint_eq(c.mark + c.bad, want.bad);
        } else if (stop == 1) {
            ck_assert_uint_eq(r.batch, 0);
            ck_assert_uint_eq(r.rows, 0);
            c.stop_at = 0;
            r = import_fd(db, file_of(csv.p, csv.n), &o, CRM_OK);
        }
        same_counts(&r, &want);
        same_state(whole, db);
        o.flags = CRM_IMPORT_RESUME; /* there is nothing left */
        int fd = file_of(csv.p, csv.n);
        IS(CRM_ENOTFOUND, crm_import_open(db, fd, &o, &imp, &er));
        close(fd);
        crm_db_close(db);
        api_check_clean(crmtest_path(name));
    }
    free(csv.p);
    crm_db_close(whole);
}

/* A child imports and is killed before a commit, or at any moment. */
static void killed_import(const char *name, const text *csv, uint64_t commit, unsigned us)
{
    pid_t pid = fork();
    int status;

    ck_assert_int_ge(pid, 0);
    if (!pid) {
        crm_import_options o = with(CRM_IMPORT_RENAME, 0);
        cut c = {.stop_at = commit, .kill = 1};
        crm_import *imp;
        crm_db *db;
        int fd = open(crmtest_path("file"), O_RDONLY | O_CLOEXEC);
        o.commit_rows = 7;
        o.before_commit = before_commit;
        o.ctx = &c;
        if (fd < 0 || crm_db_open(crmtest_path(name), NULL, &db, NULL) ||
            crm_import_open(db, fd, &o, &imp, NULL))
            _exit(1);
        crm_import_run(imp, 0, NULL, NULL);
        _exit(0);
    }
    if (us) {
        usleep(us);
        kill(pid, SIGKILL);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    (void)csv;
}

CRM_TEST(test_api_import__a_killed_one_is_resumed_or_undone)
{
    uint64_t seed = crmtest_seed();
    crm_import_result want, r;
    crm_db *whole = open_at("whole");
    text csv = random_file(seed, 200, whole, &want);

    for (size_t round = 0; round < crmtest_rounds(8, 100); round++) {
        char name[24];
        crm_import_options o = with(CRM_IMPORT_RENAME | CRM_IMPORT_RESUME, 0);
        crm_import *imp;
        uint64_t fresh;
        crm_db *db;
        int fd, rc;
        snprintf(name, sizeof name, "k%zu", round);
        db = open_at(name);
        fresh = revision_of(db);
        crm_db_close(db);
        close(file_of(csv.p, csv.n));
        if (round % 2)
            killed_import(name, &csv, 1 + crmtest_below(&seed, 25), 0);
        else
            killed_import(name, &csv, 0, 1000 + (unsigned)crmtest_below(&seed, 60000));
        api_check_clean(crmtest_path(name));
        db = open_at(name);
        fd = file_of(csv.p, csv.n);
        rc = crm_import_open(db, fd, &o, &imp, &er);
        if (rc == CRM_ENOTFOUND) { /* nothing was committed, or all of it */
            close(fd);
            o.flags = CRM_IMPORT_RENAME;
            if (revision_of(db) == fresh) {
                r = import_fd(db, file_of(csv.p, csv.n), &o, CRM_OK);
                same_counts(&r, &want);
            }
        } else {
            OK(rc);
            if (round % 4 == 3) { /* undone, there is nothing left to go on with */
                uint64_t batch;
                crm_txn *txn;
                crm_undo_result u = {.size = sizeof u};
                OK(crm_import_resumed(imp, &batch, NULL, NULL));
                crm_import_close(imp);
                txn = api_begin(db, CRM_WRITE);
                OK(crm_undo(txn, batch, 0, NULL, NULL, &u, &er));
                api_commit(txn);
                txn = api_begin(db, CRM_READ);
                ck_assert_uint_eq(api_list(txn, NULL, NULL, 0), 0);
                crm_txn_abort(txn);
                lseek(fd, 0, SEEK_SET);
                IS(CRM_ENOTFOUND, crm_import_open(db, fd, &o, &imp, &er));
                close(fd);
                crm_db_close(db);
                continue;
            }
            OK(crm_import_run(imp, sizeof r, &r, &er));
            same_counts(&r, &want);
            crm_import_close(imp);
            close(fd);
        }
        /* of a whole one too, which is not made again: rows of one customer that differ would take turns */
        same_state(whole, db);
        crm_db_close(db);
    }
    free(csv.p);
    crm_db_close(whole);
}

static void refuse_resume(crm_db *db, const char *p, size_t n, const crm_import_options *o,
                          int code, const char *words)
{
    int fd = file_of(p, n);
    crm_import *imp;

    IS(code, crm_import_open(db, fd, o, &imp, &er));
    ck_assert_msg(strstr(er.message, words) != NULL, "%s", er.message);
    close(fd);
}

/* What can't be read twice: the text through a pipe. */
static int pipe_of(const char *p, size_t n)
{
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(write(fds[1], p, n), (ssize_t)n);
    close(fds[1]);
    return fds[0];
}

/* Each way in which there may be nothing, or the wrong thing, to go on with. */
CRM_TEST(test_api_import__says_why_there_is_nothing_to_resume)
{
    static const char FILE_A[] = "name,email\nA,a@example.com\nB,b@example.com\nC,c@example.com\n";
    static const char FILE_B[] = "name,email\nX,x@example.com\nY,y@example.com\nZ,z@example.com\n";
    static const char MORE[] = "name,email\nA,a@example.com\nB,b@example.com\nC,c@example.com\n"
                               "D,d@example.com\n";
    static const char OTHER[] = "name,email\nA,a@example.com\nBB,b@example.com\nC,c@example.com\n";
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT, go = CRM_IMPORT_OPTIONS_INIT;
    crm_txn_options txn = CRM_TXN_OPTIONS_INIT;
    const size_t n = sizeof FILE_A - 1;
    crm_db *db = api_open();
    crm_import_result r;
    crm_import *imp;
    cut c = {.stop_at = 3};
    uint64_t a, b;
    int fd;

    o.commit_rows = 1;
    o.before_commit = before_commit;
    o.ctx = &c;
    go.flags = CRM_IMPORT_RESUME;
    refuse_resume(db, FILE_A, n, &go, CRM_ENOTFOUND, "import without resuming");
    a = import_fd(db, file_of(FILE_A, n), &o, CRM_ECANCELLED).batch;
    /* one of another file, of a file that was changed or is shorter now */
    refuse_resume(db, FILE_B, n, &go, CRM_ENOTFOUND, "has these rows: it was of another file");
    refuse_resume(db, OTHER, sizeof OTHER - 1, &go, CRM_ENOTFOUND, "has these rows");
    refuse_resume(db, FILE_A, 28, &go, CRM_ENOTFOUND, "has these rows");
    fd = pipe_of(FILE_B, n); /* seen when its rows are read */
    go.format = "csv";
    import_fd(db, fd, &go, CRM_ECONFLICT);
    /* by other options */
    go.policy = CRM_IMPORT_CREATE;
    refuse_resume(db, FILE_A, n, &go, CRM_ENOTFOUND, "another policy or kind of rows");
    go.resume = a;
    refuse_resume(db, FILE_A, n, &go, CRM_EINVAL, "another policy or kind of rows");
    go.policy = 0;
    go.mapping = "columns:\n  name: name\n  email: email\n";
    for (int by_number = 1; by_number >= 0; by_number--) {
        go.resume = by_number ? a : 0;
        refuse_resume(db, FILE_A, n, &go, CRM_EINVAL, "another mapping, kind, zone");
    }
    go.mapping = NULL;
    txn.zone = "+08:00";
    go.txn = &txn;
    refuse_resume(db, FILE_A, n, &go, CRM_EINVAL, "another mapping, kind, zone");
    go.txn = NULL;
    go.resume = a + 100;
    refuse_resume(db, FILE_A, n, &go, CRM_ENOTFOUND, "is no import that was cut short");
    /* two: told by their rows, or not */
    c = (cut){.stop_at = 2};
    b = import_fd(db, file_of(FILE_B, n), &o, CRM_ECANCELLED).batch;
    go.resume = 0;
    go.format = "csv";
    fd = pipe_of(FILE_A, n);
    IS(CRM_EAMBIGUOUS, crm_import_open(db, fd, &go, &imp, &er));
    ck_assert(strstr(er.message, "say which one to go on with") != NULL);
    close(fd);
    go.resume = b;
    refuse_resume(db, FILE_A, n, &go, CRM_ECONFLICT, "not the rows that batch");
    go.resume = 0;
    r = import_fd(db, file_of(FILE_B, n), &go, CRM_OK);
    ck_assert_uint_eq(r.batch, b);
    /* rows behind those of before are gone on with as well, also through a pipe */
    r = import_fd(db, pipe_of(MORE, sizeof MORE - 1), &go, CRM_OK);
    ck_assert_uint_eq(r.batch, a);
    ck_assert_uint_eq(r.created, 4);
    refuse_resume(db, FILE_A, n, &go, CRM_ENOTFOUND, "import without resuming");
    crm_db_close(db);
}

/* The same file, begun in two ways: each is gone on with as it was begun. */
CRM_TEST(test_api_import__resumes_the_one_that_was_begun_alike)
{
    static const char *const SOURCE[] = {"erp", "web"};
    crm_db *db = api_open();
    uint64_t batch[2];

    for (int begin = 1; begin >= 0; begin--) {
        for (int i = 0; i < 2; i++) {
            crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
            crm_txn_options txn = CRM_TXN_OPTIONS_INIT;
            cut c = {.stop_at = 2};
            crm_import_result r;
            txn.source = SOURCE[i];
            o.txn = &txn;
            o.policy = CRM_IMPORT_CREATE;
            o.commit_rows = 1;
            o.ctx = &c;
            o.before_commit = begin ? before_commit : NULL;
            o.flags = begin ? 0 : CRM_IMPORT_RESUME;
            r = import_fd(db, file_of(PEOPLE, sizeof PEOPLE - 1), &o,
                          begin ? CRM_ECANCELLED : CRM_OK);
            if (begin)
                batch[i] = r.batch;
            ck_assert_uint_eq(r.batch, batch[i]);
        }
    }
    crm_db_close(db);
}

CRM_TEST(test_api_import__finds_the_one_to_resume_by_its_rows)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_db *db = api_open();
    text files[3];
    uint64_t batches[3];
    crm_import_result none, r;
    crm_import *imp;
    int fd;

    o.commit_rows = 10;
    o.before_commit = before_commit;
    for (unsigned i = 0; i < 3; i++) {
        cut c = {.stop_at = 3 + i};
        o.ctx = &c;
        files[i] = random_file(crmtest_seed() + i * 1000, 90, NULL, &none);
        r = import_fd(db, file_of(files[i].p, files[i].n), &o, CRM_ECANCELLED);
        batches[i] = r.batch;
        ck_assert_uint_eq(r.resumable, 1);
    }
    o.before_commit = NULL;
    o.flags = CRM_IMPORT_RESUME;
    for (unsigned i = 3; i-- > 0;) {
        uint64_t batch;
        fd = file_of(files[i].p, files[i].n);
        OK(crm_import_open(db, fd, &o, &imp, &er));
        OK(crm_import_resumed(imp, &batch, NULL, NULL));
        ck_assert_uint_eq(batch, batches[i]);
        crm_import_close(imp);
        close(fd);
    }
    /* of another file, by number: found out before anything is written */
    o.resume = batches[0];
    refuse_resume(db, files[1].p, files[1].n, &o, CRM_ECONFLICT, "not the rows that batch");
    refuse_resume(db, files[1].p, 100, &o, CRM_ECONFLICT, "not the rows that batch");
    r = import_fd(db, file_of(files[0].p, files[0].n), &o, CRM_OK);
    ck_assert_uint_eq(r.resumable, 0);
    o.resume = 1234;
    fd = file_of(files[0].p, files[0].n);
    IS(CRM_ENOTFOUND, crm_import_open(db, fd, &o, &imp, &er));
    o.resume = batches[1];
    o.policy = CRM_IMPORT_SKIP;
    IS(CRM_EINVAL, crm_import_open(db, fd, &o, &imp, &er));
    close(fd);
    for (unsigned i = 0; i < 3; i++)
        free(files[i].p);
    crm_db_close(db);
}

/* The values of an import have one source: it does not go on with another. */
CRM_TEST(test_api_import__goes_on_with_the_same_source_only)
{
    static const char *const SOURCE[] = {NULL, "", "erp", "web"};
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_txn_options txn = CRM_TXN_OPTIONS_INIT;
    crm_import_result r;

    for (int from = 1; from < 4; from++) {
        crm_db *db = open_at(from == 1 ? "a" : from == 2 ? "b" : "c");
        cut c = {.stop_at = 2};
        o = with(0, 0);
        o.txn = &txn;
        o.commit_rows = 1;
        o.before_commit = before_commit;
        o.ctx = &c;
        txn.source = SOURCE[from];
        r = import_fd(db, file_of(PEOPLE, sizeof PEOPLE - 1), &o, CRM_ECANCELLED);
        ck_assert_uint_eq(r.resumable, 1);
        o.before_commit = NULL;
        o.flags = CRM_IMPORT_RESUME;
        for (int by_number = 0; by_number < 2; by_number++) {
            o.resume = by_number ? r.batch : 0;
            for (int to = 0; to < 4; to++) {
                int fd = file_of(PEOPLE, sizeof PEOPLE - 1);
                crm_import *imp;
                txn.source = SOURCE[to];
                if (to == from || (from == 1 && to == 0)) {
                    OK(crm_import_open(db, fd, &o, &imp, &er));
                    crm_import_close(imp);
                } else {
                    IS(CRM_EINVAL, crm_import_open(db, fd, &o, &imp, &er));
                    ck_assert_str_eq(er.field, "source");
                }
                close(fd);
            }
        }
        crm_db_close(db);
    }
}

static uint64_t cut_short(crm_db *db)
{
    crm_db_stat st;

    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    return st.imports;
}

/* Once the rows of an import that was cut short are all in, there is nothing left to go on with. */
CRM_TEST(test_api_import__a_whole_one_closes_those_cut_short)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_db *db = api_open();
    uint64_t batch[3], revision;
    crm_import_result r;

    o.commit_rows = 1;
    o.before_commit = before_commit;
    for (unsigned i = 0; i < 3; i++) { /* two of this file, one of another */
        static const char OTHER[] = "name,email\nX,x@example.com\nY,y@example.com\n"
                                    "Z,z@example.com\nW,w@example.com\n";
        cut c = {.stop_at = i < 2 ? 2 + i : 3};
        o.ctx = &c;
        r = i < 2 ? import_fd(db, file_of(PEOPLE, sizeof PEOPLE - 1), &o, CRM_ECANCELLED)
                  : import_fd(db, file_of(OTHER, sizeof OTHER - 1), &o, CRM_ECANCELLED);
        ck_assert_uint_eq(r.resumable, 1);
        batch[i] = r.batch;
    }
    ck_assert_uint_eq(cut_short(db), 3);
    o.before_commit = NULL;
    o.flags = CRM_IMPORT_DRY_RUN;
    r = import_fd(db, file_of(PEOPLE, sizeof PEOPLE - 1), &o, CRM_OK);
    ck_assert_uint_eq(cut_short(db), 3);
    o.flags = 0;
    o.policy = CRM_IMPORT_SKIP; /* leaves undone what they would have done */
    r = import_fd(db, file_of(PEOPLE, sizeof PEOPLE - 1), &o, CRM_OK);
    ck_assert_uint_eq(cut_short(db), 3);
    o.policy = 0;
    revision = revision_of(db);
    r = import_fd(db, file_of(PEOPLE, sizeof PEOPLE - 1), &o, CRM_OK);
    ck_assert_uint_eq(r.unchanged, 3);
    ck_assert_uint_eq(r.resumable, 0);
    ck_assert_uint_eq(cut_short(db), 1); /* without any change of customers */
    ck_assert_uint_eq(revision_of(db), revision);
    o.flags = CRM_IMPORT_RESUME;
    for (unsigned i = 0; i < 3; i++) {
        crm_import *imp;
        int fd = file_of(PEOPLE, sizeof PEOPLE - 1);
        o.resume = batch[i];
        IS(i < 2 ? CRM_ENOTFOUND : CRM_ECONFLICT, crm_import_open(db, fd, &o, &imp, &er));
        crm_import_close(imp);
        close(fd);
    }
    crm_db_close(db);
    api_check_clean(api_path());
}

static int keep_beyond(const crm_import_bad *bad, void *ctx)
{
    char *to = ctx;

    snprintf(to + strlen(to), 200 - strlen(to), "%zu:", bad->beyond_count);
    for (size_t i = 0; i < bad->beyond_count; i++)
        snprintf(to + strlen(to), 200 - strlen(to), "%.*s|", (int)bad->beyond[i].n,
                 bad->beyond[i].p);
    return 0;
}

/* No cell of a bad row is lost. */
CRM_TEST(test_api_import__cells_beyond_the_columns_are_told)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_db *db = api_open();
    char got[200] = "";

    o.bad = keep_beyond;
    o.ctx = got;
    import_text(db,
                "name,email\nA,a@example.com,extra\nB,nothing\nC,c@example.com,,\n"
                "D,d@example.com,,x,,y z,\n,,,,lonely\n",
                &o);
    ck_assert_str_eq(got, "1:extra|0:4:|x||y z|3:||lonely|");
    crm_db_close(db);
}

/* ---- only to look ---- */

CRM_TEST(test_api_import__columns_of_no_use_can_be_looked_at)
{
    static const char *const LOOKS[] = {"colour,remark\n", "phone,time,kind,amount\n", "name,phone\n"};
    static const char *const MISSING[] = {
        "\"missing\":\"no column is one of a field: is the first row the names of the columns?\"",
        "\"looks_like\":\"events\",\"missing\":\"", "\"separator\":\",\",\"columns\":["};
    crm_db *db = api_open();

    for (size_t i = 0; i < sizeof LOOKS / sizeof *LOOKS; i++) {
        crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
        int fd = file_of(LOOKS[i], strlen(LOOKS[i]));
        crm_import_result r;
        crm_import *imp;
        char *json;
        if (i < 2)
            IS(CRM_EFIELD, crm_import_open(db, fd, &o, &imp, &er));
        ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
        o.flags = CRM_IMPORT_LOOK;
        OK(crm_import_open(db, fd, &o, &imp, &er));
        OK(crm_import_mapping_json(imp, &json, NULL, &er));
        ck_assert_msg(strstr(json, MISSING[i]) != NULL, "%s", json);
        crm_free(json);
        IS(CRM_ESTATE, crm_import_run(imp, sizeof r, &r, &er));
        crm_import_close(imp);
        close(fd);
    }
    crm_db_close(db);
}

/* ---- callbacks, arguments ---- */

static int stop_now(uint64_t bytes, uint64_t total, uint64_t rows, void *ctx)
{
    ck_assert_uint_le(bytes, total);
    return rows >= *(uint64_t *)ctx;
}

CRM_TEST(test_api_import__a_host_that_says_stop_keeps_the_rows_done)
{
    text csv = {NULL, 0, 0};
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_db *db = api_open();
    uint64_t at = 1000;
    crm_import_result r;
    char row[64];

    add(&csv, "name,phone\n");
    for (int i = 0; i < 3000; i++) {
        snprintf(row, sizeof row, "N %d,1380013%04d\n", i, i);
        add(&csv, row);
    }
    o.progress = stop_now;
    o.ctx = &at;
    r = import_fd(db, file_of(csv.p, csv.n), &o, CRM_ECANCELLED);
    ck_assert_uint_ge(r.rows, 1000);
    ck_assert_uint_lt(r.rows, 3000);
    ck_assert_uint_eq(r.created, r.rows);
    ck_assert_uint_eq(r.resumable, 1);
    o.flags = CRM_IMPORT_RESUME;
    at = UINT64_MAX;
    r = import_fd(db, file_of(csv.p, csv.n), &o, CRM_OK);
    ck_assert_uint_eq(r.created, 3000);
    o.flags = CRM_IMPORT_ATOMIC;
    o.policy = CRM_IMPORT_CREATE;
    at = 1000;
    uint64_t before = revision_of(db);
    r = import_fd(db, file_of(csv.p, csv.n), &o, CRM_ECANCELLED);
    ck_assert_uint_eq(r.written, 0);
    ck_assert_uint_eq(revision_of(db), before);
    free(csv.p);
    crm_db_close(db);
}

CRM_TEST(test_api_import__nothing_is_left_when_the_last_commit_was_the_last_row)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_db *db = api_open();
    crm_import_result r;
    crm_import *imp;
    int fd;

    o.commit_rows = 1;
    r = import_text(db, PEOPLE, &o);
    ck_assert_uint_eq(r.created, 3);
    ck_assert_uint_eq(r.resumable, 0);
    o.flags = CRM_IMPORT_RESUME;
    fd = file_of(PEOPLE, sizeof PEOPLE - 1);
    IS(CRM_ENOTFOUND, crm_import_open(db, fd, &o, &imp, &er));
    close(fd);
    crm_db_close(db);
}

CRM_TEST(test_api_import__a_bad_row_may_end_it)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    static heard h = {.stop_at = 2};
    crm_db *db = api_open();
    crm_import_result r;
    const char *csv = "name,email\nA,a@example.com\nB,b\nC,c@example.com\nD,d\nE,"
                      "e@example.com\n";

    o.bad = hear;
    o.ctx = &h;
    r = import_fd(db, file_of(csv, strlen(csv)), &o, CRM_ECANCELLED);
    ck_assert_uint_eq(r.rows, 4);
    ck_assert_uint_eq(r.created, 2);
    ck_assert_uint_eq(r.bad, 2);
    ck_assert_uint_eq(r.resumable, 1);
    crm_db_close(db);
}

CRM_TEST(test_api_import__a_pipe)
{
    crm_db *db = api_open();
    crm_import_result r;
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(write(fds[1], PEOPLE, sizeof PEOPLE - 1), (ssize_t)sizeof PEOPLE - 1);
    close(fds[1]);
    r = import_fd(db, fds[0], NULL, CRM_OK);
    ck_assert_uint_eq(r.created, 3);
    crm_db_close(db);
}

CRM_TEST(test_api_import__the_mapping_as_text)
{
    crm_db *db = api_open();
    int fd = file_of(PEOPLE, sizeof PEOPLE - 1);
    crm_import *imp;
    char *json, *yaml;
    size_t n;

    OK(crm_import_open(db, fd, NULL, &imp, &er));
    OK(crm_import_mapping_json(imp, &json, &n, &er));
    ck_assert_uint_eq(n, strlen(json));
    ck_assert_ptr_nonnull(strstr(json, "{\"format\":\"csv\",\"encoding\":\"UTF-8\""));
    ck_assert_ptr_nonnull(
        strstr(json, "{\"column\":\"phone\",\"use\":\"field\",\"field\":\"phone\""));
    crm_free(json);
    OK(crm_import_mapping_text(imp, &yaml, &n, &er));
    crm_import_close(imp);
    lseek(fd, 0, SEEK_SET);
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    o.mapping = yaml;
    crm_import_result r = import_fd(db, fd, &o, CRM_OK);
    ck_assert_uint_eq(r.created, 3);
    crm_free(yaml);
    fd = file_of("{}", 2);
    OK(crm_import_open(db, fd, NULL, &imp, &er));
    IS(CRM_ESTATE, crm_import_mapping_text(imp, &yaml, NULL, &er));
    OK(crm_import_mapping_json(imp, &json, NULL, &er));
    ck_assert_ptr_nonnull(strstr(json, "\"jsonl\""));
    crm_free(json);
    crm_import_close(imp);
    close(fd);
    crm_db_close(db);
}

CRM_TEST(test_api_import__arguments)
{
    crm_db *db = api_open();
    int fd = file_of(PEOPLE, sizeof PEOPLE - 1);
    crm_import_options o;
    crm_import_result r;
    crm_txn_options t = CRM_TXN_OPTIONS_INIT;
    crm_import *imp = (crm_import *)(uintptr_t)1;
    char *out;

    IS(CRM_EINVAL, crm_import_open(db, fd, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_import_open(NULL, fd, NULL, &imp, &er));
    ck_assert_ptr_null(imp);
    IS(CRM_EINVAL, crm_import_open(db, -1, NULL, &imp, &er));
    o = with(1u << 20, 0);
    IS(CRM_EINVAL, crm_import_open(db, fd, &o, &imp, &er));
    o = with(0, 4);
    IS(CRM_EINVAL, crm_import_open(db, fd, &o, &imp, &er));
    o = with(CRM_IMPORT_EVENTS, CRM_IMPORT_SKIP);
    IS(CRM_EINVAL, crm_import_open(db, fd, &o, &imp, &er));
    o = with(CRM_IMPORT_RESUME | CRM_IMPORT_DRY_RUN, 0);
    IS(CRM_EINVAL, crm_import_open(db, fd, &o, &imp, &er));
    o = with(0, 0);
    o.resume = 3;
    IS(CRM_EINVAL, crm_import_open(db, fd, &o, &imp, &er));
    crm_import_options_init(&o);
    o.separator = '"';
    IS(CRM_EINVAL, crm_import_open(db, fd, &o, &imp, &er));
    o.separator = 0;
    o.reserved = 1;
    IS(CRM_EINVAL, crm_import_open(db, fd, &o, &imp, &er));
    o.reserved = 0;
    o.format = "odt";
    IS(CRM_EINVAL, crm_import_open(db, fd, &o, &imp, &er));
    o.format = "";
    t.batch = CRM_BATCH_NEW;
    o.txn = &t;
    IS(CRM_EINVAL, crm_import_open(db, fd, &o, &imp, &er));
    crm_import_options_init(NULL);
    crm_import_close(NULL);
    IS(CRM_EINVAL, crm_import_run(NULL, sizeof r, &r, &er));
    IS(CRM_EINVAL, crm_import_mapping_json(NULL, &out, NULL, &er));
    IS(CRM_EINVAL, crm_import_mapping_text(NULL, &out, NULL, &er));
    IS(CRM_EINVAL, crm_import_resumed(NULL, NULL, NULL, NULL));
    lseek(fd, 0, SEEK_SET);
    OK(crm_import_open(db, fd, NULL, &imp, &er));
    IS(CRM_EINVAL, crm_import_mapping_json(imp, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_import_run(imp, 2, &r, &er));
    OK(crm_import_run(imp, sizeof r, &r, &er));
    IS(CRM_ESTATE, crm_import_run(imp, sizeof r, &r, &er));
    crm_db_close(db);
    IS(CRM_ECLOSED, crm_import_run(imp, sizeof r, &r, &er));
    crm_import_close(imp);
    db = api_open();
    lseek(fd, 0, SEEK_SET);
    OK(crm_import_open(db, fd, NULL, &imp, &er));
    crm_txn *txn = api_begin(db, CRM_WRITE);
    IS(CRM_ESTATE, crm_import_run(imp, sizeof r, &r, &er));
    crm_txn_abort(txn);
    crm_import_close(imp);
    crm_db_close(db);
    close(fd);
}
