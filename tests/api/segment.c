/* SPDX-License-Identifier: MIT
 * The functions of segments one by one: errors, orders and pages, facets, samples, explain and why,
 * saved segments.
 */
#include "help.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char MODEL[] = "crm: 1\n"
                            "name: segments\n"
                            "fields:\n"
                            "  name: {type: text}\n"
                            "  score: {type: integer}\n"
                            "  joined: {type: date}\n"
                            "  member: {type: boolean}\n"
                            "  grade: {type: enum, values: [a, b, c]}\n"
                            "  country: {type: country}\n"
                            "  city: {type: text, index: values}\n"
                            "  hobbies: {type: text, list: true, index: values}\n"
                            "  email: {type: email, identity: true, list: true}\n"
                            "events:\n"
                            "  order: {attributes: {qty: {type: integer, fast: true}}}\n";

static crm_segment *parse(crm_txn *txn, const char *text)
{
    crm_segment *s;

    OK(crm_segment_parse(txn, text, CRM_NUL, &s, &er));
    return s;
}

static uint64_t count_of(crm_txn *txn, const char *text)
{
    crm_segment *s = parse(txn, text);
    uint64_t n;

    OK(crm_segment_count(txn, s, NULL, &n, &er));
    crm_segment_free(s);
    return n;
}

static crm_db *few(int customers)
{
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn = api_begin(db, CRM_WRITE);

    for (int i = 0; i < customers; i++) {
        char text[300];
        snprintf(text, sizeof text,
                 "{\"name\":\"n%d\",\"score\":%d,\"member\":%s,\"grade\":\"%c\",\"city\":\"%s\","
                 "\"country\":\"%s\",\"hobbies\":[%s],\"email\":[\"p%d@example.com\"]}",
                 i, i % 10, i % 3 ? "true" : "false", "abc"[i % 3], i % 2 ? "Bern" : "上海",
                 i % 4 ? "CN" : "CH", i % 5 ? "\"golf\",\"茶\"" : "", i);
        api_create(txn, text);
    }
    api_commit(txn);
    return db;
}

CRM_TEST(test_api_segment__errors_name_the_place)
{
    static const struct {
        const char *text;
        int code;
        int64_t offset;
    } CASE[] = {
        {"", CRM_ESYNTAX, 0},
        {"score >", CRM_ESYNTAX, 7},
        {"scoer = 1", CRM_EFIELD, 0},
        {"score = x", CRM_EVALUE, 8},
        {"grade = d", CRM_EVALUE, 8},
        {"score = 1 and", CRM_ESYNTAX, 13},
        {"(score = 1", CRM_ESYNTAX, 10},
        {"event(oder)", CRM_EFIELD, 6},
    };
    crm_db *db = few(1);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_segment *s = (crm_segment *)txn;

    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        int rc = crm_segment_parse(txn, CASE[i].text, CRM_NUL, &s, &er);
        ck_assert_msg(rc == CASE[i].code && er.offset == CASE[i].offset, "%s: %s at %lld: %s",
                      CASE[i].text, crm_error_name(rc), (long long)er.offset, er.message);
        ck_assert_ptr_null(s);
    }
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_segment__arguments)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_db *db = few(3);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_segment *s = parse(txn, "score >= 1"), *none;
    crm_segment_iter *it;
    uint64_t n;
    char *text;
    crm_id id;
    int in;

    IS(CRM_EINVAL, crm_segment_parse(txn, NULL, 0, &none, &er));
    IS(CRM_EINVAL, crm_segment_parse(txn, "all", CRM_NUL, NULL, &er));
    IS(CRM_EINVAL, crm_segment_count(txn, NULL, NULL, &n, &er));
    IS(CRM_EINVAL, crm_segment_count(txn, s, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_segment_has(txn, s, 1, NULL, &er));
    IS(CRM_EINVAL, crm_segment_list(txn, s, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_segment_facet(txn, s, NULL, NULL, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_segment_text(NULL, &text, NULL, &er));
    IS(CRM_EINVAL, crm_segment_next(NULL, &id, &er));
    o.flags = 1;
    IS(CRM_EINVAL, crm_segment_count(txn, s, &o, &n, &er));
    o.flags = 0;
    o.order = "nothing";
    IS(CRM_EFIELD, crm_segment_list(txn, s, &o, &it, &er));
    o.order = "email";
    IS(CRM_EVALUE, crm_segment_list(txn, s, &o, &it, &er));
    o.order = "score, name, city, country, joined";
    IS(CRM_EVALUE, crm_segment_list(txn, s, &o, &it, &er));
    o.order = "score";
    o.after = "n12,i3";
    IS(CRM_EVALUE, crm_segment_list(txn, s, &o, &it, &er));
    o.after = "i3";
    IS(CRM_EVALUE, crm_segment_list(txn, s, &o, &it, &er));
    OK(crm_segment_has(txn, s, 77, &in, &er));
    ck_assert_int_eq(in, 0);
    OK(crm_segment_list(txn, s, NULL, &it, &er));
    IS(CRM_ESTATE, crm_segment_key(it, &text, &er));
    crm_txn_abort(txn);
    IS(CRM_ESTATE, crm_segment_next(it, &id, &er));
    crm_segment_list_close(it);
    crm_segment_list_close(NULL);
    txn = api_begin(db, CRM_READ);
    OK(crm_segment_count(txn, s, NULL, &n, &er)); /* outlives the transaction it was read in */
    ck_assert_uint_eq(n, 2);
    crm_txn_abort(txn);
    crm_segment_free(s);
    crm_segment_free(NULL);
    crm_db_close(db);
}

static int stop(uint64_t done, uint64_t total, void *ctx)
{
    (void)done;
    (void)total;
    ++*(int *)ctx;
    return 1;
}

CRM_TEST(test_api_segment__can_be_stopped)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_db *db = few(600);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_segment *s = parse(txn, "name contains \"n1\"");
    uint64_t n = 77;
    int calls = 0;

    o.progress = stop;
    o.progress_ctx = &calls;
    IS(CRM_ECANCELLED, crm_segment_count(txn, s, &o, &n, &er));
    ck_assert_uint_eq(n, 77);
    ck_assert_int_eq(calls, 1);
    OK(crm_segment_count(txn, s, NULL, &n, &er));
    ck_assert_uint_eq(n, 111);
    crm_txn_abort(txn);
    crm_segment_free(s);
    crm_db_close(db);
}

/* ---- orders ---- */

enum { MANY = 2100, ORDERS = 8 }; /* more than two blocks of columns */

typedef struct row {
    crm_id id;
    int score, city, joined; /* -1: none */
} row;

/* Two with the same beginning of 8 bytes. */
static const char *const CITY[] = {"Bern-Bümpliz", "上海", "Aarau", "Bern-Bümpl"};
static const char *const JOINED[] = {"1990", "1990-05-17", "2020-01-01"};
static const char *const ORDER[ORDERS] = {
    "score",   "score desc, city", "city desc",          "joined, 城市",
    "id desc", "score desc, town", "score desc, joined", "score, joined desc"};
static int ordering;

static int by(int a, int b, int descending)
{
    if (a < 0 || b < 0)
        return (a < 0) - (b < 0);
    return descending ? b - a : a - b;
}

static int city_rank(int c)
{
    static const int RANK[] = {2, 3, 0, 1}; /* by bytes */

    return c < 0 ? -1 : RANK[c];
}

static int compare(const void *p, const void *q)
{
    const row *a = p, *b = q;
    int c = 0;

    switch (ordering) {
    case 0:
        c = by(a->score, b->score, 0);
        break;
    case 1:
    case 5:
        c = by(a->score, b->score, 1);
        c = c ? c : by(city_rank(a->city), city_rank(b->city), 0);
        break;
    case 2:
        c = by(city_rank(a->city), city_rank(b->city), 1);
        break;
    case 3:
        c = by(a->joined, b->joined, 0);
        c = c ? c : by(city_rank(a->city), city_rank(b->city), 0);
        break;
    case 6:
    case 7:
        c = by(a->score, b->score, ordering == 6);
        c = c ? c : by(a->joined, b->joined, ordering == 7);
        break;
    default:
        return a->id < b->id ? 1 : -1;
    }
    return c ? c : a->id < b->id ? -1 : 1;
}

static row any_row(crm_txn *txn, uint64_t *seed)
{
    row r = {0, (int)crmtest_below(seed, 8) - 1, (int)crmtest_below(seed, 5) - 1,
             (int)crmtest_below(seed, 4) - 1};
    char text[300], *at = text;

    at += sprintf(at, "{\"name\":\"x\"");
    if (r.score >= 0)
        at += sprintf(at, ",\"score\":%d", r.score);
    if (r.city >= 0)
        at += sprintf(at, ",\"city\":\"%s\",\"town\":\"%s\"", CITY[r.city], CITY[r.city]);
    if (r.joined >= 0)
        at += sprintf(at, ",\"joined\":\"%s\"", JOINED[r.joined]);
    sprintf(at, "}");
    r.id = api_create(txn, text);
    return r;
}

/* Pages of some size, each begun at the key of the one before. */
static void walk_pages(crm_db *db, const row *want, int n, uint64_t page)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    char *key = NULL;
    int at = 0, rc;

    o.order = ORDER[ordering];
    o.limit = page;
    do {
        crm_txn *txn = api_begin(db, CRM_READ);
        crm_segment *s = parse(txn, "all");
        crm_segment_iter *it;
        crm_id id;
        uint64_t got = 0;
        o.after = key;
        OK(crm_segment_list(txn, s, &o, &it, &er));
        while ((rc = crm_segment_next(it, &id, &er)) == CRM_OK) {
            ck_assert_int_lt(at, n);
            ck_assert_msg(id == want[at].id, "%s: place %d is %llu, not %llu", ORDER[ordering], at,
                          (unsigned long long)id, (unsigned long long)want[at].id);
            at++;
            got++;
        }
        ck_assert_int_eq(rc, CRM_DONE);
        if (got) {
            crm_free(key);
            OK(crm_segment_key(it, &key, &er));
        }
        crm_segment_list_close(it);
        crm_segment_free(s);
        crm_txn_abort(txn);
        if (!got)
            break;
    } while (page);
    crm_free(key);
    ck_assert_int_eq(at, n);
}

/* A part of all, and who is in it. */
static const char *const PART[] = {"all", "score >= 4",
                                   "score >= 2 and (score <= 5 or city = Aarau)",
                                   "score between 1 and 5 or city = \"上海\"",
                                   "score >= 3 and city in (\"上海\", Aarau)"};

static int in_part(const row *r, int part)
{
    switch (part) {
    case 0:
        return 1;
    case 1:
        return r->score >= 4;
    case 2:
        return r->score >= 2 && (r->score <= 5 || r->city == 2);
    case 4: /* few enough of a block for a list */
        return r->score >= 3 && (r->city == 1 || r->city == 2);
    default:
        return (r->score >= 1 && r->score <= 5) || r->city == 1;
    }
}

static void check_best(crm_txn *txn, const row *sorted, int n, int part, uint64_t limit)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_segment *s = parse(txn, PART[part]);
    crm_segment_iter *it;
    crm_id id;
    int rc;

    o.order = ORDER[ordering];
    o.limit = limit;
    OK(crm_segment_list(txn, s, &o, &it, &er));
    for (int i = 0; i < n && limit; i++) {
        if (!in_part(&sorted[i], part))
            continue;
        limit--;
        OK(crm_segment_next(it, &id, &er));
        ck_assert_msg(id == sorted[i].id, "%s by %s: %llu, not %llu", PART[part], ORDER[ordering],
                      (unsigned long long)id, (unsigned long long)sorted[i].id);
    }
    rc = crm_segment_next(it, &id, &er);
    ck_assert_int_eq(rc, CRM_DONE);
    crm_segment_list_close(it);
    crm_segment_free(s);
}

/* In the second chunk, who comes behind the best of the first is taken out by columns. */
CRM_TEST(test_api_segment__best_of_two_chunks)
{
    enum { PLAIN = 63500, RICH = 4500, ALL = PLAIN + RICH };
    uint64_t seed = crmtest_seed() ^ 0xbe57;
    row *r = malloc(ALL * sizeof *r);
    crm_db *db = api_open_model("crm: 1\nname: o\nfields:\n  name: {type: text}\n"
                                "  score: {type: integer}\n  joined: {type: date}\n"
                                "  city: {type: text, index: [sort, values], label: {zh: 城市}}\n"
                                "  town: {type: text}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);

    for (int i = 0; i < PLAIN; i++) {
        char text[40];
        r[i] = (row){0, (int)crmtest_below(&seed, 6), -1, -1};
        sprintf(text, "{\"score\":%d}", r[i].score);
        r[i].id = api_create(txn, text);
    }
    for (int i = PLAIN; i < ALL; i++)
        r[i] = any_row(txn, &seed);
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    for (ordering = 0; ordering < ORDERS; ordering++) {
        if (ordering >= 2 && ordering <= 5) /* by records, or with few to tell apart */
            continue;
        qsort(r, ALL, sizeof *r, compare);
        for (int part = 0; part < (int)(sizeof PART / sizeof *PART); part++) {
            for (uint64_t limit = 1; limit < 800;
                 limit += 1 + crmtest_below(&seed, limit < 120 ? 12 : 200))
                check_best(txn, r, ALL, part, limit);
        }
    }
    crm_txn_abort(txn);
    crm_db_close(db);
    free(r);
}

/* Numbers of many scales, some of them kept apart in their blocks, some nobody has. */
typedef struct many {
    crm_id id;
    int has;
    __int128 number; /* with 12 digits behind the point */
} many;

static int many_up(const void *a, const void *b)
{
    const many *x = a, *y = b;

    if (!x->has || !y->has)
        return x->has != y->has ? y->has - x->has : x->id < y->id ? -1 : x->id > y->id;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int many_down(const void *a, const void *b)
{
    const many *x = a, *y = b;

    return x->has && y->has && x->number != y->number ? (x->number > y->number ? -1 : 1)
                                                      : many_up(a, b);
}

static many any_number(crm_txn *txn, uint64_t *seed, int block)
{
    uint64_t whole = crmtest_below(seed, block % 2 ? 3000 : 40);
    int digits = block < 3 ? 0 : (int)crmtest_below(seed, 3);
    char text[80] = "{}", end[16] = "";
    many m = {0, crmtest_below(seed, 5) != 0, 0};

    if (block == 7 && crmtest_below(seed, 40) == 0) { /* both do not fit one scale */
        whole = 90000000 + crmtest_below(seed, 9);
        digits = 0;
    } else if (block == 7 && crmtest_below(seed, 40) == 0) {
        digits = 12;
    }
    m.number = (__int128)whole * 1000000000000;
    if (digits == 12)
        m.number += 1;
    else if (digits)
        m.number += digits == 1 ? 500000000000 : 250000000000;
    sprintf(end, "%s", digits == 12 ? ".000000000001" : digits == 1 ? ".5" : digits ? ".25" : "");
    if (m.has)
        sprintf(text, "{\"score\":%llu%s}", (unsigned long long)whole, end);
    m.id = api_create(txn, text);
    return m;
}

static void check_many(crm_txn *txn, const many *m, int n, const char *order, int limit)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_segment *s = parse(txn, "all");
    crm_segment_iter *it;
    crm_id id;

    o.order = order;
    o.limit = (uint64_t)limit;
    OK(crm_segment_list(txn, s, &o, &it, &er));
    for (int i = 0; i < n && i < limit; i++) {
        OK(crm_segment_next(it, &id, &er));
        ck_assert_msg(id == m[i].id, "%s, %d: place %d is %llu, not %llu", order, limit, i,
                      (unsigned long long)id, (unsigned long long)m[i].id);
    }
    crm_segment_list_close(it);
    crm_segment_free(s);
}

CRM_TEST(test_api_segment__best_of_many_numbers)
{
    enum { ALL = 9600 };
    uint64_t seed = crmtest_seed() ^ 0x9a27;
    many *m = malloc(ALL * sizeof *m);
    crm_db *db = api_open_model("crm: 1\nname: o\nfields:\n  score: {type: decimal}\n");

    for (int with = 0; with < 2; with++) { /* only blocks of one scale; then all others too */
        int n = with ? ALL : 2800;
        crm_txn *txn = api_begin(db, CRM_WRITE);
        for (int i = with ? 2800 : 0; i < n; i++)
            m[i] = any_number(txn, &seed, i / 960);
        for (int write = 1; write >= 0; write--) {
            if (!write) {
                api_commit(txn);
                txn = api_begin(db, CRM_READ);
            }
            for (int down = 0; down < 2; down++) {
                qsort(m, (size_t)n, sizeof *m, down ? many_down : many_up);
                for (int limit = 1; limit < 700; limit += 1 + limit / 2)
                    check_many(txn, m, n, down ? "score desc" : "score", limit);
            }
        }
        crm_txn_abort(txn);
    }
    crm_db_close(db);
    free(m);
}

/* ---- estimates ---- */

/* The first estimate, or number of rows, that is told behind a text. */
static uint64_t told(const char *json, const char *behind, const char *name)
{
    const char *at = strstr(json, behind);

    at = at ? strstr(at, name) : NULL;
    ck_assert_msg(at != NULL, "%s of %s in %s", name, behind, json);
    return strtoull(at + strlen(name), NULL, 10);
}

/* Explains a question: *estimate of the whole, and how many customers there are. */
static uint64_t explained(crm_txn *txn, const char *text, uint64_t *estimate, char **json)
{
    crm_segment *s = parse(txn, text);

    OK(crm_segment_explain(txn, s, NULL, json, NULL, &er));
    *estimate = told(*json, "\"plan\":", "\"estimate\":");
    crm_segment_free(s);
    return told(*json, "{", "\"count\":");
}

CRM_TEST(test_api_segment__estimates)
{
    static const char *const NEAR[] = {
        "score >= 900", "score < 50", "score between 300 and 700", "not score >= 900",
        "joined >= 2020-06-15", "event(visit, since 2026-01-01)",
        "event(rare, since 2026-01-01)", "count(visit, since 2026-01-01) >= 2",
        "count(visit, since 2026-01-01) = 0"};
    enum { ALL = 4000, DAYS = 20 };
    crm_db *db = api_open_model("crm: 1\nname: o\nfields:\n  score: {type: integer}\n"
                                "  joined: {type: date}\nevents:\n  visit:\n  rare:\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);
    uint64_t seed = crmtest_seed() ^ 0xe571, estimate, count;
    crm_segment *s;
    char *json;

    for (int i = 0; i < ALL; i++) {
        char text[200], day[40];
        crm_id id;
        sprintf(text, "{\"score\":%d,\"joined\":\"2020-06-%02d\"}",
                (int)crmtest_below(&seed, 1000), 1 + (int)crmtest_below(&seed, 30));
        id = api_create(txn, text);
        for (uint64_t events = crmtest_below(&seed, 3); events; events--) {
            sprintf(day, "2026-01-%02dT10:00:00Z", 1 + (int)crmtest_below(&seed, DAYS));
            sprintf(text, "{\"kind\":\"%s\",\"time\":\"%s\"}",
                    crmtest_below(&seed, 20) ? "visit" : "rare", day);
            OK(crm_event_add_json(txn, id, text, CRM_NUL, NULL, &er));
        }
    }
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    for (size_t i = 0; i < sizeof NEAR / sizeof *NEAR; i++) {
        count = explained(txn, NEAR[i], &estimate, &json);
        ck_assert_msg(estimate * 2 > count && estimate < count * 2 + 20, "%s: %llu, guessed %llu",
                      NEAR[i], (unsigned long long)count, (unsigned long long)estimate);
        crm_free(json);
    }
    /* Of two of one cost the one that leaves fewer is asked first, wherever it stands. */
    explained(txn, "score >= 20 and joined >= 2020-06-29", &estimate, &json);
    ck_assert(strstr(strstr(json, "\"of\""), "joined >=") <
              strstr(strstr(json, "\"of\""), "score >="));
    crm_free(json);
    explained(txn, "event(visit, since 2026-01-01) and event(rare, since 2026-01-01)", &estimate,
              &json);
    ck_assert(strstr(strstr(json, "\"of\""), "event(rare") <
              strstr(strstr(json, "\"of\""), "event(visit"));
    crm_free(json);
    /* Nothing there, nothing to guess from. */
    explained(txn, "event(visit, since 2030-01-01)", &estimate, &json);
    ck_assert_uint_eq(estimate, 0);
    crm_free(json);
    s = parse(txn, "score > 5000 and joined > 2020-01-01");
    OK(crm_segment_count(txn, s, NULL, &count, &er));
    ck_assert_uint_eq(count, 0);
    crm_segment_free(s);
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_segment__orders_and_pages)
{
    static row r[MANY];
    uint64_t seed = crmtest_seed() ^ 0x0dde;
    crm_db *db = api_open_model("crm: 1\nname: o\nfields:\n  name: {type: text}\n"
                                "  score: {type: integer}\n  joined: {type: date}\n"
                                "  city: {type: text, index: sort, label: {zh: 城市}}\n"
                                "  town: {type: text}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);

    for (int i = 0; i < MANY; i++)
        r[i] = any_row(txn, &seed);
    api_commit(txn);
    for (ordering = 0; ordering < ORDERS; ordering++) {
        qsort(r, MANY, sizeof *r, compare);
        walk_pages(db, r, MANY, 0);
        walk_pages(db, r, MANY, 1 + crmtest_below(&seed, 40));
        walk_pages(db, r, MANY, MANY);
    }
    crm_db_close(db);
}

CRM_TEST(test_api_segment__a_page_goes_on_whatever_was_written)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_db *db = few(30);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_segment *s = parse(txn, "all");
    crm_segment_iter *it;
    crm_id id, last = 0;
    char *key;

    o.order = "score";
    o.limit = 10;
    OK(crm_segment_list(txn, s, &o, &it, &er));
    while (crm_segment_next(it, &id, &er) == CRM_OK)
        last = id;
    OK(crm_segment_key(it, &key, &er));
    crm_segment_list_close(it);
    crm_txn_abort(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_customer_delete(txn, last, 0, &er)); /* the one the key stands for */
    api_create(txn, "{\"name\":\"new\",\"score\":0}");
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    o.after = key;
    o.limit = 1;
    OK(crm_segment_list(txn, s, &o, &it, &er));
    OK(crm_segment_next(it, &id, &er));
    ck_assert_uint_eq(last, 4); /* behind three each of the scores 0, 1 and 2 */
    ck_assert_uint_eq(id, 14);
    crm_segment_list_close(it);
    crm_free(key);
    crm_segment_free(s);
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_segment__keys_are_of_the_moment_of_asking)
{
    static const char *const NEW[] = {"{\"name\":\"zzzzzzzzzz\"}", "{\"name\":null}"};
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_db *db = api_open_model("crm: 1\nname: k\nfields:\n  name: {type: text, index: sort}\n");

    for (int i = 0; i < 2; i++) {
        crm_txn *txn = api_begin(db, CRM_WRITE);
        crm_segment *s = parse(txn, "all");
        crm_segment_iter *it;
        crm_id id = 0, first = 0;
        char *key, text[64];
        for (int k = 0; k < 10; k++) {
            snprintf(text, sizeof text, "{\"name\":\"a long name %d\"}", k);
            id = api_create(txn, text);
            first = first ? first : id;
        }
        o.order = "name";
        o.limit = 3;
        o.after = NULL;
        OK(crm_segment_list(txn, s, &o, &it, &er));
        for (int k = 0; k < 3; k++)
            OK(crm_segment_next(it, &id, &er));
        ck_assert_uint_eq(id, first + 2);
        OK(crm_customer_patch_json(txn, id, 0, NEW[i], CRM_NUL, &er));
        OK(crm_segment_key(it, &key, &er));
        crm_segment_list_close(it);
        o.after = key;
        OK(crm_segment_list(txn, s, &o, &it, &er));
        OK(crm_segment_next(it, &id, &er));
        ck_assert_uint_eq(id, first + 3);
        crm_segment_list_close(it);
        crm_free(key);
        crm_segment_free(s);
        crm_txn_abort(txn);
    }
    crm_db_close(db);
}

/* ---- facets ---- */

static int add_facet(const crm_facet *f, void *ctx)
{
    char *to = ctx;

    sprintf(to + strlen(to), "%s=%llu ", f->value, (unsigned long long)f->count);
    return 0;
}

static int end_facet(const crm_facet *f, void *ctx)
{
    (void)f;
    (void)ctx;
    return 1;
}

static const char *facet(crm_txn *txn, const char *text, const char *by)
{
    static char out[2000];
    crm_segment *s = parse(txn, text);

    out[0] = 0;
    OK(crm_segment_facet(txn, s, by, NULL, add_facet, out, &er));
    crm_segment_free(s);
    return out;
}

CRM_TEST(test_api_segment__facets)
{
    crm_db *db = few(60);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_segment *s = parse(txn, "all");

    ck_assert_str_eq(facet(txn, "all", "grade"), "a=20 b=20 c=20 ");
    ck_assert_str_eq(facet(txn, "all", "member"), "true=40 false=20 ");
    ck_assert_str_eq(facet(txn, "all", "city"), "Bern=30 上海=30 ");
    ck_assert_str_eq(facet(txn, "all", "country"), "CN=45 CH=15 ");
    ck_assert_str_eq(facet(txn, "all", "hobbies"), "golf=48 茶=48 ");
    ck_assert_str_eq(facet(txn, "grade = b and score < 5", "grade"), "b=10 ");
    ck_assert_str_eq(facet(txn, "none", "city"), "");
    ck_assert_str_eq(facet(txn, "all", "tags"), "");
    IS(CRM_EFIELD, crm_segment_facet(txn, s, "nothing", NULL, add_facet, NULL, &er));
    IS(CRM_EFIELD, crm_segment_facet(txn, s, "name", NULL, add_facet, NULL, &er));
    IS(CRM_EFIELD, crm_segment_facet(txn, s, "score", NULL, add_facet, NULL, &er));
    IS(CRM_ECANCELLED, crm_segment_facet(txn, s, "grade", NULL, end_facet, NULL, &er));
    crm_txn_abort(txn);
    txn = api_begin(db, CRM_WRITE); /* as the transaction sees its own changes */
    api_create(txn, "{\"name\":\"new\",\"grade\":\"c\",\"city\":\"Genf\"}");
    OK(crm_customer_delete(txn, 1, 0, &er));
    ck_assert_str_eq(facet(txn, "all", "grade"), "c=21 b=20 a=19 ");
    ck_assert_str_eq(facet(txn, "all", "city"), "Bern=30 上海=29 Genf=1 ");
    crm_txn_abort(txn);
    crm_segment_free(s);
    crm_db_close(db);
}

/* ---- shared values ---- */

CRM_TEST(test_api_segment__what_customers_share)
{
    enum { CUSTOMERS = 300, VALUES = 60 };
    uint64_t seed = crmtest_seed() ^ 0x5a5a, n, v;
    unsigned has[CUSTOMERS][2];
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_field email = api_field(txn, "email"), name = api_field(txn, "name");

    for (int round = 0; round < 3; round++) {
        uint64_t customers = 0, values = 0, owners[VALUES] = {0};
        for (int i = 0; i < CUSTOMERS; i++) {
            char text[200];
            has[i][0] = (unsigned)crmtest_below(&seed, VALUES);
            has[i][1] = (unsigned)crmtest_below(&seed, VALUES);
            if (crmtest_below(&seed, 3))
                has[i][0] = has[i][1] = (unsigned)crmtest_below(&seed, 2) ? VALUES : has[i][0];
            snprintf(text, sizeof text,
                     has[i][0] == VALUES
                         ? "{\"name\":\"x\"}"
                         : "{\"name\":\"x\",\"email\":[\"P%u@example.com\",\"p%u@example.com\"]}",
                     has[i][0], has[i][1]);
            if (round == 0)
                api_create(txn, text);
            else
                OK(crm_customer_replace_json(txn, (crm_id)i + 1, 0, text, CRM_NUL, &er));
        }
        OK(crm_customer_delete(txn, 7, 0, &er));
        for (int i = 0; i < CUSTOMERS; i++) {
            if (i == 6 || has[i][0] == VALUES)
                continue;
            owners[has[i][0]]++;
            owners[has[i][1]] += has[i][1] != has[i][0];
        }
        for (int i = 0; i < CUSTOMERS; i++)
            customers +=
                i != 6 && has[i][0] != VALUES && (owners[has[i][0]] > 1 || owners[has[i][1]] > 1);
        for (int i = 0; i < VALUES; i++)
            values += owners[i] > 1;
        OK(crm_customer_shared(txn, &email, &n, &v, &er));
        ck_assert_uint_eq(n, customers);
        ck_assert_uint_eq(v, values);
        OK(crm_customer_undelete(txn, 7, 0, &er));
    }
    /* Ten each: a block of nothing but tens. */
    for (crm_id id = 1; id <= CUSTOMERS; id++)
        OK(crm_customer_delete(txn, id, 0, &er));
    for (int i = 0; i < 2; i++)
        api_create(txn, "{\"email\":[\"a@x.org\",\"b@x.org\",\"c@x.org\",\"d@x.org\",\"e@x.org\","
                        "\"f@x.org\",\"g@x.org\",\"h@x.org\",\"i@x.org\",\"j@x.org\"]}");
    OK(crm_customer_shared(txn, &email, &n, &v, &er));
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(v, 10);
    IS(CRM_EFIELD, crm_customer_shared(txn, &name, &n, &v, &er));
    IS(CRM_EINVAL, crm_customer_shared(txn, NULL, &n, &v, &er));
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- samples ---- */

CRM_TEST(test_api_segment__samples)
{
    crm_db *db = few(300);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_segment *s = parse(txn, "grade = a");
    crm_id ids[200], again[200];
    uint32_t drawn[300] = {0};
    size_t n, m;

    OK(crm_segment_sample(txn, s, NULL, 1, ids, 200, &n, &er));
    ck_assert_uint_eq(n, 100);
    for (size_t i = 0; i < n; i++)
        ck_assert_uint_eq(ids[i], 1 + 3 * i);
    OK(crm_segment_sample(txn, s, NULL, 5, ids, 10, &n, &er));
    OK(crm_segment_sample(txn, s, NULL, 5, again, 10, &m, &er));
    ck_assert_uint_eq(n, 10);
    ck_assert_mem_eq(ids, again, sizeof *ids * 10);
    for (uint64_t seed = 0; seed < 2000; seed++) {
        OK(crm_segment_sample(txn, s, NULL, seed, ids, 10, &n, &er));
        for (size_t i = 0; i < n; i++) {
            ck_assert(i == 0 || ids[i - 1] < ids[i]);
            drawn[ids[i] - 1]++;
        }
    }
    /* 200 times each on average, with a deviation of 13.4: seven of them are far. */
    for (int i = 0; i < 300; i++)
        ck_assert(i % 3 ? drawn[i] == 0 : drawn[i] > 106 && drawn[i] < 294);
    OK(crm_segment_sample(txn, s, NULL, 5, NULL, 0, &n, &er));
    ck_assert_uint_eq(n, 0);
    crm_txn_abort(txn);
    crm_segment_free(s);
    crm_db_close(db);
}

/* ---- explain, why ---- */

CRM_TEST(test_api_segment__explains)
{
    crm_db *db = few(60);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_segment *s = parse(txn, "name contains \"n1\" and grade = b and not score >= 5");
    char *json;
    size_t n;

    OK(crm_segment_explain(txn, s, NULL, &json, &n, &er));
    ck_assert_uint_eq(strlen(json), n);
    ck_assert_ptr_nonnull(strstr(json, "\"count\":3,"));
    /* Sets first, the record of each last. */
    ck_assert(strstr(json, "\"sets\"") < strstr(json, "\"not\""));
    ck_assert(strstr(json, "\"not\"") < strstr(json, "\"record\""));
    ck_assert_ptr_nonnull(strstr(json, "\"rows\":20,"));
    crm_free(json);
    OK(crm_segment_why(txn, s, 2, &json, NULL, &er));
    ck_assert_ptr_nonnull(strstr(json, "{\"customer\":2,\"in\":true,\"visible\":true,"));
    crm_free(json);
    OK(crm_segment_why(txn, s, 7, &json, NULL, &er));
    ck_assert_ptr_nonnull(strstr(json, "{\"customer\":7,\"in\":false,\"visible\":true,"));
    ck_assert_ptr_nonnull(strstr(json, "\"text\":\"score >= 5\",\"true\":true"));
    crm_free(json);
    IS(CRM_ENOTFOUND, crm_segment_why(txn, s, 61, &json, NULL, &er));
    IS(CRM_ENOTFOUND, crm_segment_why(txn, s, 0, &json, NULL, &er));
    crm_txn_abort(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_customer_delete(txn, 2, 0, &er));
    OK(crm_segment_why(txn, s, 2, &json, NULL, &er));
    ck_assert_ptr_nonnull(strstr(json, "{\"customer\":2,\"in\":false,\"visible\":false,"));
    crm_free(json);
    crm_txn_abort(txn);
    crm_segment_free(s);
    crm_db_close(db);
}

/* Customer 2: n1, score 1, grade b, Bern. */
CRM_TEST(test_api_segment__why_tells_each_condition_as_it_was_written)
{
    static const char *const WANTED[] = {
        /* sets that the plan joins */
        "\"text\":\"grade = a\",\"true\":false}",
        "\"text\":\"city = \\\"Bern\\\"\",\"true\":true}",
        /* what is the opposite of what is stored */
        "\"text\":\"score != 1\",\"true\":false}",
        "\"text\":\"name is empty\",\"true\":false}",
        "\"text\":\"grade not in (a, c)\",\"true\":true}",
    };
    crm_db *db = few(6);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_segment *s = parse(txn, "(grade = a or city = Bern) and (score != 1 or name is empty or "
                                "grade not in (a, c))");
    const char *at;
    char *json;

    OK(crm_segment_why(txn, s, 2, &json, NULL, &er));
    at = json;
    for (size_t i = 0; i < sizeof WANTED / sizeof WANTED[0]; i++) {
        const char *found = strstr(at, WANTED[i]);
        ck_assert_msg(found != NULL, "%s\n%s", WANTED[i], json);
        at = found;
    }
    crm_free(json);
    OK(crm_segment_explain(txn, s, NULL, &json, NULL, &er));
    ck_assert_msg(strstr(json, "\"text\":\"grade = a or city = \\\"Bern\\\"\"") != NULL, "%s",
                  json);
    ck_assert_ptr_null(strstr(json, "\"text\":\"grade in (a, c)\""));
    crm_free(json);
    crm_txn_abort(txn);
    crm_segment_free(s);
    crm_db_close(db);
}

/* ---- chunks ---- */

CRM_TEST(test_api_segment__beyond_one_chunk)
{
    enum { ALL = 65536 + 3000 };
    crm_db *db = api_open_model(MODEL);
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_segment_options so = CRM_SEGMENT_OPTIONS_INIT;
    crm_field score;
    crm_customer *c;
    crm_segment_iter *it;
    crm_segment *s;
    crm_txn *txn;
    crm_id id, want = 65536 + 2999;

    o.batch = CRM_BATCH_NEW;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    score = api_field(txn, "score");
    OK(crm_customer_new(txn, &c, &er));
    for (int i = 1; i <= ALL; i++) {
        crm_customer_clear(c);
        OK(crm_customer_set_integer(c, &score, i, &er));
        OK(crm_customer_create(txn, c, &id, &er));
        ck_assert_uint_eq(id, (crm_id)i);
    }
    crm_customer_free(c);
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    ck_assert_uint_eq(count_of(txn, "all"), ALL);
    ck_assert_uint_eq(count_of(txn, "score between 65530 and 65540"), 11);
    ck_assert_uint_eq(count_of(txn, "id >= 65535 and not score = 65536"), 3001);
    s = parse(txn, "score < 68536");
    so.order = "score desc";
    so.limit = 3;
    OK(crm_segment_list(txn, s, &so, &it, &er));
    while (crm_segment_next(it, &id, &er) == CRM_OK)
        ck_assert_uint_eq(id, want--);
    ck_assert_uint_eq(want, 65536 + 2996);
    crm_segment_list_close(it);
    crm_segment_free(s);
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* ---- threads ---- */

enum { CHUNKS_ALL = 2 * 65536 + 500 };

static crm_db *chunks(void)
{
    crm_db *db = api_open_model(MODEL);
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_field score, city, name, grade;
    crm_customer *c;
    crm_txn *txn;
    crm_id id;

    o.batch = CRM_BATCH_NEW;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    score = api_field(txn, "score");
    city = api_field(txn, "city");
    name = api_field(txn, "name");
    grade = api_field(txn, "grade");
    OK(crm_customer_new(txn, &c, &er));
    for (int i = 1; i <= CHUNKS_ALL; i++) {
        crm_customer_clear(c);
        OK(crm_customer_set_integer(c, &score, i, &er));
        if (i % 3)
            OK(crm_customer_set(c, &city, i % 7 ? "Bern" : "Aarau", CRM_NUL, &er));
        if (i % 5)
            OK(crm_customer_set(c, &grade, i % 2 ? "a" : "c", CRM_NUL, &er));
        if (i % 16 == 0)
            OK(crm_customer_set(c, &name, i % 5 ? "Golfer" : "Gopher", CRM_NUL, &er));
        OK(crm_customer_create(txn, c, &id, &er));
    }
    crm_customer_free(c);
    api_commit(txn);
    return db;
}

static int mix_facet(const crm_facet *f, void *ctx)
{
    uint64_t *sum = ctx;

    *sum = *sum * 31 + f->count * (unsigned char)f->value[0];
    return 0;
}

typedef struct watch {
    pthread_t thread;
    int calls, stop_at, elsewhere;
} watch;

static int on_progress(uint64_t done, uint64_t total, void *ctx)
{
    watch *w = ctx;

    w->calls++;
    w->elsewhere += !pthread_equal(w->thread, pthread_self());
    ck_assert_uint_eq(total, 3);
    ck_assert_uint_le(done, total);
    return w->calls == w->stop_at;
}

/* A condition on `name` reads each record: long enough to call for others. */
CRM_TEST(test_api_segment__threads_give_the_same_answer)
{
    static const char *const ASK[] = {"score > 70000", "name contains \"ol\"",
                                      "name contains \"ol\" or score < 5", "none"};
    static const uint32_t THREADS[] = {1, 2, 3, 64, UINT32_MAX};
    const int quick = crmtest_stride(2) > 1;
    crm_db *db = chunks();
    crm_txn *txn = api_begin(db, CRM_READ);

    for (int i = 0; i < 4; i++) {
        crm_segment *s = parse(txn, ASK[i]);
        uint64_t alone, n, facet = 1, sum;
        OK(crm_segment_count(txn, s, NULL, &alone, &er));
        OK(crm_segment_facet(txn, s, "city", NULL, mix_facet, &facet, &er));
        for (int k = quick ? (i + 2) % 5 : i % 2; k < 5; k += quick ? 5 : 2) {
            watch w = {pthread_self(), 0, -1, 0};
            crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
            o.threads = THREADS[k];
            o.progress = on_progress;
            o.progress_ctx = &w;
            OK(crm_segment_count(txn, s, &o, &n, &er));
            ck_assert_uint_eq(n, alone);
            sum = 1;
            OK(crm_segment_facet(txn, s, "city", &o, mix_facet, &sum, &er));
            ck_assert_uint_eq(sum, facet);
            ck_assert_int_eq(w.elsewhere, 0);
            n = 77;
            w.calls = 0;
            w.stop_at = 1 + i;
            ck_assert_int_eq(crm_segment_count(txn, s, &o, &n, &er), CRM_ECANCELLED);
            ck_assert_uint_eq(n, 77);
        }
        crm_segment_free(s);
    }
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* ---- counts of sets ---- */

static const char *const SET[] = {"grade = a",          "grade in (a, b)", "member = true",
                                  "city = \"Bern\"",    "city = \"上海\"", "country = CN",
                                  "country = CH",       "city is empty",   "hobbies = \"golf\"",
                                  "grade is not empty", "city = \"Ulm\"",  "member = false"};

static uint64_t walked(crm_txn *txn, const crm_segment *s)
{
    crm_segment_iter *it;
    uint64_t n = 0;
    crm_id id;

    OK(crm_segment_list(txn, s, NULL, &it, &er));
    while (crm_segment_next(it, &id, &er) == CRM_OK)
        n++;
    crm_segment_list_close(it);
    return n;
}

static void count_and_walk(crm_db *db, uint64_t *seed, int questions)
{
    crm_txn *txn = api_begin(db, CRM_READ);

    while (questions-- > 0) {
        char text[800], *at = text;
        int terms = 1 + (int)crmtest_below(seed, 5);
        crm_segment *s;
        uint64_t n;
        for (int i = 0; i < terms; i++)
            at += sprintf(at, "%s%s(%s or %s)", i ? " and " : "",
                          crmtest_below(seed, 3) ? "" : "not ", SET[crmtest_below(seed, 12)],
                          crmtest_below(seed, 2) ? "none" : SET[crmtest_below(seed, 12)]);
        s = parse(txn, text);
        OK(crm_segment_count(txn, s, NULL, &n, &er));
        ck_assert_msg(n == walked(txn, s), "%s", text);
        crm_segment_free(s);
    }
    crm_txn_abort(txn);
}

/* A count of sets is made another way than a walk. */
CRM_TEST(test_api_segment__counts_are_what_walks_give)
{
    uint64_t seed = crmtest_seed() ^ 0xc0;
    crm_db *db = few(900);

    count_and_walk(db, &seed, 200);
    crm_db_close(db);
    db = chunks();
    count_and_walk(db, &seed, 20);
    crm_db_close(db);
}

/* ---- models ---- */

CRM_TEST(test_api_segment__follows_the_model)
{
    crm_db *db = few(30);
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_segment *s = parse(txn, "score = 3"), *t = parse(txn, "member = true");
    uint64_t n;

    crm_txn_abort(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_model_apply(txn,
                       "crm: 1\nname: segments\nfields:\n  name: {type: text}\n"
                       "  score: {type: integer, index: false, label: Points}\n",
                       CRM_NUL, CRM_FORCE, NULL, NULL, &er));
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    OK(crm_segment_count(txn, s, NULL, &n, &er)); /* from the records now */
    ck_assert_uint_eq(n, 3);
    IS(CRM_EFIELD, crm_segment_count(txn, t, NULL, &n, &er));
    ck_assert_uint_eq(count_of(txn, "points = 3"), 3);
    crm_txn_abort(txn);
    crm_segment_free(s);
    crm_segment_free(t);
    crm_db_close(db);
}

/* ---- saved ---- */

static int save(crm_txn *txn, const char *name, const char *text, uint32_t flags)
{
    crm_segment *s = parse(txn, text);
    int rc = crm_segment_save(txn, name, s, flags, &er);

    crm_segment_free(s);
    return rc;
}

CRM_TEST(test_api_segment__saved)
{
    crm_db *db = few(60);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_saved_segment saved;
    crm_segment *s;
    uint64_t n;
    char *text;

    OK(save(txn, "good", "score >= 8", 0));
    OK(save(txn, "好客户 \"vip\"", "segment(good) and grade = a", 0));
    ck_assert_uint_eq(count_of(txn, "segment(good)"), 12);
    ck_assert_uint_eq(count_of(txn, "segment(\"好客户 \\\"vip\\\"\") or not segment(good)"), 52);
    IS(CRM_EEXISTS, save(txn, "good", "score >= 7", 0));
    IS(CRM_DONE, save(txn, "good", "score>=8", 0));
    OK(save(txn, "good", "score >= 7", CRM_SEGMENT_REPLACE));
    ck_assert_uint_eq(count_of(txn, "segment(good)"), 18);
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    IS(CRM_EVALUE, save(txn, "good", "segment(\"好客户 \\\"vip\\\"\")", CRM_SEGMENT_REPLACE));
    IS(CRM_EVALUE, save(txn, "self", "not segment(self)", 0));
    IS(CRM_ENOTFOUND, save(txn, "other", "segment(nobody)", 0));
    IS(CRM_EREFUSED, crm_segment_remove(txn, "good", &er));
    IS(CRM_ENOTFOUND, crm_segment_remove(txn, "self", &er));
    IS(CRM_EINVAL, crm_segment_remove(txn, "", &er));
    OK(crm_segment_saved_next(txn, NULL, &saved, &er));
    ck_assert_str_eq(saved.name, "good");
    OK(crm_segment_saved_next(txn, "good", &saved, &er));
    ck_assert_str_eq(saved.name, "好客户 \"vip\"");
    IS(CRM_DONE, crm_segment_saved_next(txn, saved.name, &saved, &er));
    OK(crm_segment_saved(txn, "good", &s, &er));
    OK(crm_segment_text(s, &text, NULL, &er));
    ck_assert_str_eq(text, "score >= 7");
    crm_free(text);
    crm_segment_free(s);
    s = parse(txn, "segment(nobody)");
    IS(CRM_ENOTFOUND, crm_segment_count(txn, s, NULL, &n, &er));
    crm_segment_free(s);
    OK(crm_segment_remove(txn, "好客户 \"vip\"", &er));
    OK(crm_segment_remove(txn, "good", &er));
    IS(CRM_DONE, crm_segment_saved_next(txn, NULL, &saved, &er));
    OK(save(txn, "good", "all", 0));
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    ck_assert_uint_eq(count_of(txn, "segment(good)"), 60);
    IS(CRM_ESTATE, save(txn, "more", "all", 0));
    crm_txn_abort(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* Who was in it when it was saved, whatever becomes of them. */
CRM_TEST(test_api_segment__static)
{
    crm_db *db = few(60);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_saved_segment v;
    crm_segment *s;
    uint64_t before, was;
    char path[600], file[600], *text;
    crm_dump_options o = CRM_DUMP_OPTIONS_INIT;
    crm_undo_result undone = {.size = sizeof undone};

    OK(save(txn, "then", "score >= 8", CRM_SEGMENT_STATIC));
    OK(save(txn, "both", "segment(then) and grade = a", 0));
    was = count_of(txn, "segment(both)");
    ck_assert_uint_eq(count_of(txn, "segment(then)"), 12);
    ck_assert_uint_eq(count_of(txn, "segment(then) and not score >= 8"), 0);
    IS(CRM_EEXISTS, save(txn, "then", "score >= 7", CRM_SEGMENT_STATIC));
    IS(CRM_EINVAL, save(txn, "then", "score >= 7", 8));
    IS(CRM_DONE, save(txn, "then", "score >= 8", CRM_SEGMENT_STATIC | CRM_SEGMENT_REPLACE));
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    for (crm_id id = 1; id <= 60; id += 2) { /* they are in it still, and others are not */
        OK(crm_customer_patch_json(txn, id, 0, "{\"score\":8}", CRM_NUL, &er));
    }
    ck_assert_uint_eq(count_of(txn, "segment(then)"), 12);
    ck_assert_uint_eq(count_of(txn, "segment(both)"), was);
    before = count_of(txn, "score >= 8");
    ck_assert_uint_gt(before, 12);
    OK(save(txn, "then", "score >= 8", CRM_SEGMENT_STATIC | CRM_SEGMENT_REPLACE));
    ck_assert_uint_eq(count_of(txn, "segment(then)"), before);
    OK(crm_customer_delete(txn, 1, 0, &er));
    ck_assert_uint_eq(count_of(txn, "segment(then)"), before - 1);
    OK(crm_customer_undelete(txn, 1, 0, &er));
    ck_assert_uint_eq(count_of(txn, "segment(then)"), before);
    /* It is itself, and one that is made of it is no circle. */
    OK(save(txn, "then", "segment(then) and not id = 1", CRM_SEGMENT_STATIC | CRM_SEGMENT_REPLACE));
    ck_assert_uint_eq(count_of(txn, "segment(then)"), before - 1);
    IS(CRM_EREFUSED, crm_segment_remove(txn, "then", &er));
    OK(crm_segment_saved(txn, "then", &s, &er));
    OK(crm_segment_text(s, &text, NULL, &er));
    ck_assert_str_eq(text, "segment(then)");
    crm_free(text);
    crm_segment_free(s);
    api_commit(txn);

    snprintf(file, sizeof file, "%s/dump", crmtest_dir());
    snprintf(path, sizeof path, "%s/loaded", crmtest_dir());
    OK(crm_dump(db, file, &o, 0, NULL, &er));
    crm_db_close(db);
    api_check_clean(api_path());
    OK(crm_load(file, path, &o, 0, NULL, &er));
    api_check_clean(path);
    OK(crm_db_open(path, NULL, &db, &er));
    txn = api_begin(db, CRM_WRITE);
    ck_assert_uint_eq(count_of(txn, "segment(then)"), before - 1);
    OK(crm_segment_saved_next(txn, "both", &v, &er));
    OK(crm_segment_version(txn, v.name, 0, &v, &text, &er)); /* the name of *out itself */
    ck_assert_str_eq(v.name, "then");
    ck_assert_uint_eq(v.flags, CRM_SEGMENT_STATIC);
    ck_assert_str_eq(text, "segment(then) and not id = 1");
    crm_free(text);
    /* The change before that of the name is who is in it: undone, they are who they were. */
    OK(crm_undo(txn, v.revision - 1, 0, NULL, NULL, &undone, &er));
    ck_assert_uint_eq(count_of(txn, "segment(then)"), before);
    OK(save(txn, "then", "score >= 8", CRM_SEGMENT_REPLACE)); /* static no more */
    ck_assert_uint_eq(count_of(txn, "segment(then)"), before);
    OK(crm_segment_remove(txn, "both", &er));
    OK(save(txn, "then", "all", CRM_SEGMENT_STATIC | CRM_SEGMENT_REPLACE));
    OK(crm_segment_remove(txn, "then", &er));
    OK(crm_segment_version(txn, "then", 0, &v, NULL, &er));
    ck_assert_uint_eq(v.flags, CRM_SEGMENT_REMOVED);
    for (int n = 1;; n++) {
        int rc = crm_segment_version(txn, "then", v.revision, &v, NULL, &er);
        if (rc == CRM_DONE) {
            ck_assert_int_eq(n, 6);
            break;
        }
        OK(rc);
    }
    IS(CRM_DONE, crm_segment_version(txn, "nobody", 0, &v, &text, &er));
    ck_assert_ptr_null(text);
    IS(CRM_EINVAL, crm_segment_version(txn, "then", 0, NULL, &text, &er));
    IS(CRM_EINVAL, crm_segment_version(txn, NULL, 0, &v, &text, &er));
    OK(save(txn, "then", "all", CRM_SEGMENT_STATIC));
    ck_assert_uint_eq(count_of(txn, "segment(then)"), 60);
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(path);
}

/* What is handed out with a reason is in the journal before it is. */
CRM_TEST(test_api_segment__a_reason_is_journalled)
{
    crm_db *db = few(20);
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_change change = CRM_CHANGE_INIT;
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_segment *s = parse(txn, "score >= 8");
    crm_segment_iter *it;
    crm_change_iter *changes;
    crm_id ids[3];
    size_t n;
    int seen = 0, rc;

    o.reason = "newsletter";
    OK(crm_segment_list(txn, s, &o, &it, &er));
    crm_segment_list_close(it);
    o.reason = "call these";
    OK(crm_segment_sample(txn, s, &o, 1, ids, 3, &n, &er));
    o.reason = "";
    IS(CRM_EINVAL, crm_segment_list(txn, s, &o, &it, &er));
    crm_txn_abort(txn);
    txn = api_begin(db, CRM_WRITE);
    o.reason = "while writing";
    OK(crm_segment_list(txn, s, &o, &it, &er));
    crm_segment_list_close(it);
    o.reason = "a\nb";
    IS(CRM_EINVAL, crm_segment_list(txn, s, &o, &it, &er));
    o.reason = NULL;
    OK(crm_segment_list(txn, s, &o, &it, &er));
    crm_segment_list_close(it);
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    OK(crm_change_list(txn, 0, &changes, &er));
    while ((rc = crm_change_next(changes, &change, &er)) == CRM_OK) {
        static const char *const REASON[] = {"newsletter", "call these", "while writing"};
        if (change.action != CRM_ACTION_EXPORT)
            continue;
        ck_assert_int_lt(seen, 3);
        ck_assert_str_eq(change.reason, REASON[seen++]);
    }
    IS(CRM_DONE, rc);
    ck_assert_int_eq(seen, 3);
    crm_change_close(changes);
    crm_txn_abort(txn);
    crm_segment_free(s);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_segment__saved_ones_do_not_grow_without_end)
{
    crm_db *db = few(5);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char name[16], text[800];
    int level = 0, rc = CRM_OK;

    OK(save(txn, "s0", "name contains \"n1\"", 0));
    while (!rc && level < 8) {
        text[0] = 0;
        for (int i = 0; i < 16; i++)
            sprintf(text + strlen(text), "%ssegment(s%d)", i ? " or " : "", level);
        snprintf(name, sizeof name, "s%d", ++level);
        rc = save(txn, name, text, 0);
    }
    ck_assert_int_eq(rc, CRM_EVALUE);
    ck_assert_int_eq(level, 4); /* 16 to the 4 is 65,536, and more with those between */
    ck_assert_uint_eq(count_of(txn, "segment(s3)"), 1);
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_segment__saved_ones_are_bounded_in_depth)
{
    crm_db *db = few(5);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char name[16], text[1200], *json;
    int level = 0, rc = CRM_OK;
    crm_segment *s;

    OK(save(txn, "d0", "score = 1", 0));
    while (!rc && level < 60) {
        text[0] = 0;
        for (int i = 0; i < 20; i++) /* and/or inside one another, so that none is dropped */
            strcat(text, i % 2 ? "(score > 0 or " : "(score > 0 and ");
        sprintf(text + strlen(text), "segment(d%d)", level);
        for (int i = 0; i < 20; i++)
            strcat(text, ")");
        snprintf(name, sizeof name, "d%d", ++level);
        rc = save(txn, name, text, 0);
    }
    ck_assert_int_eq(rc, CRM_EVALUE);
    ck_assert_int_gt(level, 10);
    snprintf(text, sizeof text, "segment(d%d)", level - 1);
    s = parse(txn, text);
    OK(crm_segment_why(txn, s, 2, &json, NULL, &er));
    crm_free(json);
    OK(crm_segment_explain(txn, s, NULL, &json, NULL, &er));
    crm_free(json);
    crm_segment_free(s);
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_segment__one_that_is_out_of_view_keeps_what_it_names)
{
    static const char WITH[] =
        "crm: 1\nname: m\nfields:\n  name: {type: text}\n  foo: {type: text}\n";
    static const char WITHOUT[] = "crm: 1\nname: m\nfields:\n  name: {type: text}\n";
    crm_db *db = api_open_model(WITH);
    crm_txn *txn = api_begin(db, CRM_WRITE);

    OK(save(txn, "in \"it\"", "name = \"A\"", 0));
    OK(save(txn, "outer", "segment(\"in \\\"it\\\"\") and foo = \"1\"", 0));
    OK(crm_model_apply(txn, WITHOUT, CRM_NUL, CRM_FORCE, NULL, NULL, &er));
    IS(CRM_EREFUSED, crm_segment_remove(txn, "in \"it\"", &er));
    OK(crm_segment_remove(txn, "outer", &er));
    OK(crm_segment_remove(txn, "in \"it\"", &er));
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* An index of what texts contain comes and goes with the model, and changes no answer. */
CRM_TEST(test_api_segment__an_index_of_what_texts_contain)
{
    static const char *const WHAT[] = {"王",    "小王", "王小", "li",     "LI N",
                                       "na 王", "x",    "ss",   "strasse"};
    static const char *const INDEX[] = {"", ", index: contains", ", index: [values, contains]",
                                        ", index: sort"};
    static const char *const NAME[] = {"王小明", "小王", "Li Na", "LI NA 王", "Max Straße", "x"};
    uint64_t want[9];
    crm_db *db = NULL;
    crm_txn *txn;

    for (int turn = 0; turn < 6; turn++) {
        char model[300];
        snprintf(model, sizeof model, "crm: 1\nname: n\nfields:\n  name: {type: text%s}\n",
                 INDEX[turn % 4]);
        if (!db)
            db = api_open_model(model);
        txn = api_begin(db, CRM_WRITE);
        if (turn)
            OK(crm_model_apply(txn, model, CRM_NUL, 0, NULL, NULL, &er));
        for (int i = 0; !turn && i < 60; i++) {
            char text[100];
            snprintf(text, sizeof text, "{\"name\":\"%s%s\"}", NAME[i % 6], i % 4 ? "" : " 王小");
            api_create(txn, text);
        }
        OK(crm_customer_delete(txn, (crm_id)turn + 1, 0, &er));
        OK(crm_customer_undelete(txn, (crm_id)turn + 1, 0, &er));
        OK(crm_customer_patch_json(
            txn, 60, 0, turn % 2 ? "{\"name\":\"小王 Li Na\"}" : "{\"name\":\"x\"}", CRM_NUL, &er));
        OK(crm_customer_patch_json(txn, 60, 0, "{\"name\":\"王小明\"}", CRM_NUL, &er));
        for (int i = 0; i < 9; i++) {
            char text[60];
            uint64_t n;
            snprintf(text, sizeof text, "name contains \"%s\"", WHAT[i]);
            n = count_of(txn, text);
            if (!turn)
                want[i] = n;
            ck_assert_uint_eq(n, want[i]);
            snprintf(text, sizeof text, "name starts with \"%s\"", WHAT[i]);
            ck_assert_uint_le(count_of(txn, text), n);
        }
        api_commit(txn);
        api_check_clean(api_path());
    }
    ck_assert_uint_gt(want[0], 20);
    ck_assert_uint_eq(want[8], 10);
    crm_db_close(db);
}

/* ---- of the model ---- */

typedef struct finding {
    int line, column, count;
    char message[300];
} finding;

static void on_finding(const crm_finding *f, void *ctx)
{
    finding *x = ctx;

    if (!x->count++) {
        x->line = f->line;
        x->column = f->column;
        snprintf(x->message, sizeof x->message, "%s", f->message);
    }
}

#define HEAD "crm: 1\nname: n\nfields:\n  score: {type: integer}\n"

CRM_TEST(test_api_segment__faults_of_the_model_have_a_place)
{
    static const struct {
        const char *yaml;
        int line, column;
        const char *message;
    } CASE[] = {
        {HEAD "segments: {a: score >= 7, b: segment(a)}\n", 0, 0, ""},
        {HEAD "segments:\n  a: scor >= 7\n", 6, 6, "did you mean"},
        {HEAD "segments:\n  a: score >= 7 and nmae = 1\n", 6, 21, "no field"},
        {HEAD "segments:\n  a: \"score >= x\"\n", 6, 16, "segment \"a\""},
        {HEAD "segments:\n  a:\n    query: |\n      score >= 7\n      and nmae = 1\n", 9, 11,
         "no field"},
        {HEAD "segments:\n  a: segment(b)\n  b: not segment(a)\n", 6, 6, "contains itself"},
        {HEAD "segments:\n  a: segment(a)\n", 6, 6, "contains itself"},
        {HEAD "segments: [a]\n", 5, 11, "expected a map"},
        {HEAD "segments:\n  a: {label: x}\n", 6, 6, "query"},
        {HEAD "segments:\n  a: {query: all, lable: x}\n", 6, 19, "did you mean"},
        {HEAD "segments:\n  a: {query: all, label: b}\n  b: none\n", 6, 26, "b"},
    };

    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        finding f = {0};
        int rc = crm_model_check(CASE[i].yaml, CRM_NUL, on_finding, &f, &er);
        ck_assert_msg(rc == (CASE[i].line ? CRM_EMODEL : CRM_OK), "%zu: %s", i, er.message);
        ck_assert_msg(f.line == CASE[i].line && f.column == CASE[i].column, "%zu: %d:%d %s", i,
                      f.line, f.column, f.message);
        ck_assert_msg(strstr(f.message, CASE[i].message) != NULL, "%zu: %s", i, f.message);
    }
}

CRM_TEST(test_api_segment__of_the_model)
{
    crm_db *db =
        api_open_model(HEAD "segments:\n  good: score >= 7\n"
                            "  best: {label: {zh: 最好}, query: segment(good) and score >= 9}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_saved_segment saved;
    crm_segment *s;
    char *text;

    for (int i = 0; i < 20; i++) {
        char doc[40];
        snprintf(doc, sizeof doc, "{\"score\":%d}", i % 10);
        api_create(txn, doc);
    }
    ck_assert_uint_eq(count_of(txn, "segment(good)"), 6);
    ck_assert_uint_eq(count_of(txn, "segment(最好)"), 2);
    IS(CRM_EREFUSED, save(txn, "good", "all", 0));
    IS(CRM_EREFUSED, save(txn, "最好", "all", CRM_SEGMENT_REPLACE));
    IS(CRM_EREFUSED, crm_segment_remove(txn, "good", &er));
    OK(save(txn, "first", "segment(best) and id < 11", 0));
    ck_assert_uint_eq(count_of(txn, "segment(first)"), 1);
    OK(crm_segment_saved_next(txn, NULL, &saved, &er));
    ck_assert_str_eq(saved.name, "best");
    ck_assert_uint_eq(saved.flags, CRM_SEGMENT_OF_MODEL);
    OK(crm_segment_saved_next(txn, "best", &saved, &er));
    ck_assert_str_eq(saved.name, "first");
    ck_assert_uint_eq(saved.flags, 0);
    OK(crm_segment_saved_next(txn, "first", &saved, &er));
    ck_assert_str_eq(saved.name, "good");
    IS(CRM_DONE, crm_segment_saved_next(txn, "good", &saved, &er));
    OK(crm_segment_saved(txn, "最好", &s, &er));
    OK(crm_segment_text(s, &text, NULL, &er));
    ck_assert_str_eq(text, "segment(good) and score >= 9");
    crm_free(text);
    crm_segment_free(s);
    s = parse(txn, "segment(goood)");
    IS(CRM_ENOTFOUND, crm_segment_count(txn, s, NULL, &(uint64_t){0}, &er));
    ck_assert_ptr_nonnull(strstr(er.message, "did you mean 'good'"));
    crm_segment_free(s);
    s = parse(txn, "segment(frst)");
    IS(CRM_ENOTFOUND, crm_segment_count(txn, s, NULL, &(uint64_t){0}, &er));
    ck_assert_ptr_nonnull(strstr(er.message, "did you mean 'first'"));
    crm_segment_free(s);
    api_commit(txn);
    /* A circle through both kinds, and one that is not there. */
    txn = api_begin(db, CRM_WRITE);
    IS(CRM_EVALUE, crm_model_apply(txn, HEAD "segments: {good: all, best: segment(first)}\n",
                                   CRM_NUL, 0, NULL, NULL, &er));
    IS(CRM_ENOTFOUND, crm_model_apply(txn, HEAD "segments: {good: segment(nobody), best: all}\n",
                                      CRM_NUL, 0, NULL, NULL, &er));
    OK(crm_model_apply(txn, HEAD "segments: {good: score < 2, best: segment(good)}\n", CRM_NUL, 0,
                       NULL, NULL, &er));
    ck_assert_uint_eq(count_of(txn, "segment(first)"), 2);
    OK(crm_model_apply(txn, HEAD "segments: {best: all, uses: not segment(first)}\n", CRM_NUL, 0,
                       NULL, NULL, &er));
    ck_assert_uint_eq(count_of(txn, "segment(uses)"), 10);
    IS(CRM_EREFUSED, crm_segment_remove(txn, "first", &er));
    /* A saved one that would name nothing, or be behind one of the model. */
    IS(CRM_EREFUSED, crm_model_plan(txn, HEAD, CRM_NUL, NULL, NULL, &er));
    ck_assert_ptr_nonnull(strstr(er.message, "'first'"));
    IS(CRM_EREFUSED, crm_model_apply(txn, HEAD "segments: {best: all, FIRST: all}\n", CRM_NUL, 0,
                                     NULL, NULL, &er));
    IS(CRM_ENOTFOUND,
       crm_model_plan(txn, HEAD "segments: {best: segment(nobody)}\n", CRM_NUL, NULL, NULL, &er));
    ck_assert_uint_eq(count_of(txn, "segment(uses)"), 10);
    OK(save(txn, "good", "none", 0));
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}
