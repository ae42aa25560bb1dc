/* SPDX-License-Identifier: MIT
 * Dump and load, as a host sees them: a loaded dump is the database it was taken of, and dumped
 * again it is the same text, byte for byte; a text that was cut or changed gives no database.
 */
#include "history_help.h"
#include "ref_models.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct text {
    char *p;
    size_t n, cap;
    int left; /* pieces that are taken, -1: all */
} text;

static int take_piece(const void *bytes, size_t n, void *ctx)
{
    text *t = ctx;

    if (!t->left || !n)
        return 1;
    t->left -= t->left > 0;
    if (t->cap - t->n <= n) {
        t->cap = (t->cap + n + 1) * 2;
        t->p = realloc(t->p, t->cap);
        ck_assert_ptr_nonnull(t->p);
    }
    memcpy(t->p + t->n, bytes, n);
    t->n += n;
    t->p[t->n] = 0;
    return 0;
}

static crm_db *open_to_read(const char *dir)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_db *db = NULL;

    o.flags = CRM_READONLY;
    OK(crm_db_open(dir, &o, &db, &er));
    return db;
}

/* Without an entry in the journal. */
static text dump_text(const char *dir, uint32_t flags, crm_dump_result *r)
{
    crm_dump_options o = CRM_DUMP_OPTIONS_INIT;
    text t = {NULL, 0, 0, -1};
    crm_db *db = open_to_read(dir);

    o.flags = flags | CRM_DUMP_READONLY;
    o.write = take_piece;
    o.write_ctx = &t;
    OK(crm_dump(db, NULL, &o, sizeof *r, r, &er));
    crm_db_close(db);
    ck_assert_uint_eq(r->bytes, t.n);
    return t;
}

static void write_file(const char *path, const char *p, size_t n)
{
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(p, 1, n, f), n);
    fclose(f);
}

static text read_file(const char *path)
{
    text t = {NULL, 0, 0, -1};
    char piece[4096];
    FILE *f = fopen(path, "rb");
    size_t n;

    ck_assert_ptr_nonnull(f);
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        take_piece(piece, n, &t);
    fclose(f);
    return t;
}

static void remove_db(const char *dir)
{
    static const char *const NAMES[] = {"data.mdb", "lock.mdb", "crm.lock"};
    char path[700];

    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, NAMES[i]);
        unlink(path);
    }
    rmdir(dir);
}

/* All of them, with number, revision and state. */
static void same_events(crm_txn *x, crm_txn *y, crm_id id)
{
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
    crm_event_iter *a, *b;
    crm_event *e;
    int rc = CRM_OK;

    o.flags = CRM_EVENTS_OLDEST | CRM_EVENTS_ALL | CRM_EVENTS_DELETED;
    OK(crm_event_list(x, id, &o, &a, &er));
    OK(crm_event_list(y, id, &o, &b, &er));
    while (rc == CRM_OK) {
        char *one = NULL, *other = NULL;
        rc = crm_event_next(a, &e, &er);
        if (!rc)
            OK(crm_event_to_json(x, e, &one, NULL, &er));
        IS(rc, crm_event_next(b, &e, &er));
        if (!rc) {
            OK(crm_event_to_json(y, e, &other, NULL, &er));
            ck_assert_str_eq(one, other);
        }
        crm_free(one);
        crm_free(other);
    }
    IS(CRM_DONE, rc);
    crm_event_list_close(a);
    crm_event_list_close(b);
}

/* Every customer with its origins and its events is in both, and the journals are the same. */
static void same_content(crm_db *a, crm_db *b)
{
    crm_head heads[2] = {CRM_HEAD_INIT, CRM_HEAD_INIT};
    crm_txn *x = api_begin(a, CRM_READ), *y = api_begin(b, CRM_READ);
    crm_db_stat s, t;

    OK(crm_db_stat_get(a, sizeof s, &s, &er));
    OK(crm_db_stat_get(b, sizeof t, &t, &er));
    ck_assert_uint_eq(s.customers, t.customers);
    ck_assert_uint_eq(s.deleted, t.deleted);
    ck_assert_uint_eq(s.revision, t.revision);
    for (crm_id id = 1; id <= s.customers + s.deleted; id++) {
        char *one = NULL, *other = NULL;
        OK(crm_customer_get_json(x, id, CRM_JSON_ORIGINS, &one, NULL, &er));
        OK(crm_customer_get_json(y, id, CRM_JSON_ORIGINS, &other, NULL, &er));
        ck_assert_str_eq(one, other);
        crm_free(one);
        crm_free(other);
        same_events(x, y, id);
    }
    OK(crm_journal_head(x, &heads[0], &er));
    OK(crm_journal_head(y, &heads[1], &er));
    ck_assert_mem_eq(&heads[0], &heads[1], sizeof heads[0]);
    OK(crm_journal_verify(y, heads, 2, NULL, NULL, &er));
    crm_txn_abort(x);
    crm_txn_abort(y);
}

/* Dump, load, compare, dump again: the same bytes.  Then the copy is written to. */
static void round_trip(crm_db *db, const char *from, const char *name)
{
    char file[600], dir[600];
    crm_dump_result made, back, again;
    crm_db *copy = NULL;
    text first = dump_text(from, 0, &made), second;
    crm_txn *txn;

    snprintf(file, sizeof file, "%s", crmtest_path("round"));
    snprintf(dir, sizeof dir, "%s", crmtest_path(name));
    write_file(file, first.p, first.n);
    OK(crm_load(file, dir, NULL, sizeof back, &back, &er));
    ck_assert_uint_eq(crmtest_names_in(dir), 2); /* data.mdb, crm.lock */
    ck_assert_uint_eq(back.customers, made.customers);
    ck_assert_uint_eq(back.events, made.events);
    ck_assert_uint_eq(back.lines, made.lines);
    ck_assert_uint_eq(back.revision, made.revision);
    ck_assert_uint_eq(back.source_bytes, first.n);
    api_check_clean(dir);
    OK(crm_db_open(dir, NULL, &copy, &er));
    same_content(db, copy);
    second = dump_text(dir, 0, &again);
    ck_assert_uint_eq(second.n, first.n);
    ck_assert_mem_eq(second.p, first.p, first.n);
    txn = api_begin(copy, CRM_WRITE);
    for (crm_id id = 1; id <= made.customers; id += 7)
        (void)crm_customer_delete(txn, id, 0, NULL);
    api_commit(txn);
    crm_db_close(copy);
    api_check_clean(dir);
    remove_db(dir);
    free(first.p);
    free(second.p);
}

/* ---- content ---- */

CRM_TEST(test_api_dump__random_histories_come_back)
{
    past p;

    past_open(&p);
    for (size_t i = 0; i < crmtest_rounds(6, 40); i++) {
        uint64_t undone[3] = {0};
        size_t batches = 1 + crmtest_below(&p.seed, 3);
        for (size_t b = 0; b < batches; b++) {
            crm_txn *txn = past_begin(&p, b ? CRM_BATCH_NEW : 0);
            p.events = 1;
            for (size_t k = crmtest_below(&p.seed, 40) + 1; k > 0; k--)
                past_change(&p, txn);
            if (b)
                undone[b] = crm_txn_batch(txn);
            api_commit(txn);
        }
        for (size_t b = 1; b < batches; b++) {
            crm_txn *txn = past_begin(&p, 0);
            if (undone[b] && crmtest_below(&p.seed, 2))
                (void)crm_undo(txn, undone[b], CRM_UNDO_SKIP, NULL, NULL, NULL, NULL);
            api_commit(txn);
        }
        if (i % 3 == 2) { /* images that are gone */
            crm_txn *txn = past_begin(&p, 0);
            crm_db_stat s;
            OK(crm_db_stat_get(p.db, sizeof s, &s, &er));
            OK(crm_journal_trim(txn, s.recorded_us, NULL, &er));
            api_commit(txn);
        }
        round_trip(p.db, api_path(), "copy");
    }
    past_close(&p);
}

CRM_TEST(test_api_dump__every_type_of_every_model)
{
    ref_written *w = malloc(sizeof *w);

    ck_assert_ptr_nonnull(w);
    for (size_t m = 0; m < REF_MODEL_COUNT; m++) {
        ref_gen g = {crmtest_seed() + m, &REF_MODELS[m], 0, 0, 0, NULL, NULL};
        crm_db_options o = CRM_DB_OPTIONS_INIT;
        char dir[600], name[20];
        crm_db *db = NULL;
        crm_txn *txn;
        size_t good = 0;
        snprintf(name, sizeof name, "model %d", (int)m);
        snprintf(dir, sizeof dir, "%s", crmtest_path(name));
        o.model = REF_MODELS[m].yaml;
        OK(crm_db_open(dir, &o, &db, &er));
        txn = api_begin_as(db, 0, "shop");
        for (size_t i = 0; i < crmtest_rounds(200, 2000); i++) {
            crm_id id = 1 + crmtest_below(&g.seed, g.customers + 1);
            int how = i % 3 ? REF_CREATE : REF_PATCH;
            ref_document_make(&g, how, w);
            if (how == REF_CREATE && !crm_customer_create_json(txn, w->json, CRM_NUL, &id, NULL))
                g.customers = id;
            else if (how == REF_PATCH)
                good += !crm_customer_patch_json(txn, id, 0, w->json, CRM_NUL, NULL);
        }
        api_commit(txn);
        ck_assert_uint_gt(g.customers, 5);
        ck_assert_uint_gt(good, 0);
        round_trip(db, dir, "copy");
        crm_db_close(db);
    }
    free(w);
}

#define HEAD "crm: 1\nname: m\nfields:\n  name: {type: text}\n"
static const char BEFORE[] = HEAD "  colour: {type: enum, values: [red, blue]}\n"
                                  "  shoe: {type: integer}\n"
                                  "  code: {type: text, list: true}\n"
                                  "events:\n"
                                  "  order:\n"
                                  "    attributes:\n"
                                  "      amount: {type: money, fast: true}\n"
                                  "      way: {type: enum, fast: true, values: [web, shop]}\n"
                                  "      note: {type: text, fast: true}\n"
                                  "      quantity: {type: decimal, fast: true}\n"
                                  "      on: {type: date, fast: true}\n"
                                  "      who: {type: actor}\n"
                                  "      gift: {type: boolean, fast: true}\n"
                                  "  gone: {attributes: {note: {type: text}}}\n";
static const char AFTER[] = HEAD "  shoe: {type: text}\n"
                                 "events:\n"
                                 "  order:\n"
                                 "    attributes:\n"
                                 "      amount: {type: money}\n"
                                 "      note: {type: text, fast: true}\n"
                                 "  other: {attributes: {note: {type: text}}}\n";

static void add(crm_txn *txn, crm_id id, const char *json)
{
    OK(crm_event_add_json(txn, id, json, CRM_NUL, NULL, &er));
}

/* Many events of one customer, in each state, of times that don't come in order. */
static void many_events(crm_txn *txn, crm_id id, int count, uint64_t *seed)
{
    char json[400];

    for (int i = 0; i < count; i++) {
        int day = 1 + (int)crmtest_below(seed, 28), voids = (int)crmtest_below(seed, 200);
        int n =
            snprintf(json, sizeof json,
                     "{\"kind\":\"order\",\"time\":\"2025-%02d-%02dT10:%02d:00%sZ\","
                     "\"amount\":\"%d.%0*d %s\",\"note\":\"n%d\",\"way\":\"%s\"",
                     1 + (int)crmtest_below(seed, 12), day, i % 60, i % 5 ? "" : ".000123", i * 17,
                     1 + i % 4, i % 10, i % 3 ? "CNY" : "USD", i % 7, i % 2 ? "web" : "shop");
        if (i % 4 == 0)
            n += snprintf(json + n, sizeof json - (size_t)n, ",\"reference\":\"R-%d\"", i % 90);
        if (i % 6 == 0)
            n += snprintf(json + n, sizeof json - (size_t)n,
                          ",\"quantity\":\"%d.50\",\"on\":\"2025\"", i);
        if (i % 9 == 0)
            n += snprintf(json + n, sizeof json - (size_t)n, ",\"who\":\"li.na\",\"gift\":true");
        if (voids && voids < i)
            snprintf(json + n, sizeof json - (size_t)n, ",\"voids\":%d}", voids);
        else
            snprintf(json + n, sizeof json - (size_t)n, "}");
        (void)crm_event_add_json(txn, id, json, CRM_NUL, NULL, NULL);
        if (i % 11 == 0)
            (void)crm_event_void(txn, id, 1 + (uint32_t)crmtest_below(seed, (uint64_t)i + 1), NULL);
    }
}

/* Versions of saved segments, the last of one a removal. */
static void save_segments(crm_txn *txn)
{
    static const char *const TEXT[] = {"name contains \"李 \\\"\"", "all", "segment(all_of_them)"};
    static const char *const NAME[] = {"all_of_them", "all_of_them", "数 \"x\"\\"};
    crm_segment *s;

    for (int i = 0; i < 3; i++) {
        OK(crm_segment_parse(txn, TEXT[i], CRM_NUL, &s, &er));
        OK(crm_segment_save(txn, NAME[i], s, CRM_SEGMENT_REPLACE, &er));
        crm_segment_free(s);
    }
    OK(crm_segment_remove(txn, NAME[2], &er));
}

CRM_TEST(test_api_dump__models_events_and_what_is_out_of_view)
{
    uint64_t seed = crmtest_seed();
    crm_db *db = api_open_model(BEFORE);
    char *big = malloc(70000);
    crm_dump_result r;
    crm_txn *txn;
    text t;

    ck_assert_ptr_nonnull(big);
    snprintf(big, 70000, "{\"name\":\"%060000d\"}", 7);
    txn = api_begin_as(db, 0, "till \"1\"\\");
    api_create(txn,
               "{\"name\":\"李 \\\"娜\\\" \\\\ \\u2028 \U0001F600 \\n\\t x\",\"colour\":\"red\","
               "\"shoe\":42,\"code\":[\"a\",\"b\"]}");
    api_create(txn, big);
    api_create(txn, "{\"kind\":\"organisation\",\"name\":\"Nobody\"}");
    api_create(txn, "{\"name\":\"Gone\"}");
    many_events(txn, 1, 900, &seed);
    many_events(txn, 3, 12, &seed);
    add(txn, 2, "{\"kind\":\"gone\",\"time\":\"0001-01-01T00:00:00Z\",\"note\":\"\U0001F600\"}");
    add(txn, 2, "{\"kind\":\"order\",\"time\":\"9999-12-31T23:59:59.999999Z\"}");
    OK(crm_event_void(txn, 2, 1, &er));
    many_events(txn, 4, 300, &seed);
    OK(crm_customer_delete(txn, 4, 0, &er));
    save_segments(txn);
    api_commit(txn);
    /* another source adds to the same list: each value has its own origin */
    txn = api_begin_as(db, 0, "web");
    OK(crm_customer_patch_json(txn, 1, 0, "{\"code\":{\"add\":[\"c\"]}}", CRM_NUL, &er));
    api_commit(txn);
    round_trip(db, api_path(), "first");
    txn = api_begin(db, CRM_WRITE);
    OK(crm_model_apply(txn, AFTER, CRM_NUL, CRM_FORCE, NULL, NULL, &er));
    add(txn, 2, "{\"kind\":\"other\",\"note\":\"now\"}");
    api_commit(txn);
    t = dump_text(api_path(), 0, &r);
    ck_assert_ptr_nonnull(strstr(t.p, "{\"model\":2,"));
    ck_assert_ptr_nonnull(strstr(t.p, "\"colour\":{\"type\":\"enum\",\"value\":\"red\""));
    ck_assert_ptr_nonnull(strstr(t.p, "\"origins\":[{\"at\":"));
    ck_assert_ptr_nonnull(strstr(t.p, "\"corrected_by\":"));
    ck_assert_ptr_nonnull(strstr(t.p, "\"deleted\":true"));
    free(t.p);
    free(big);
    round_trip(db, api_path(), "second");
    crm_db_close(db);
}

CRM_TEST(test_api_dump__an_empty_database)
{
    crm_db *db = api_open();

    round_trip(db, api_path(), "copy");
    crm_db_close(db);
}

/* The stored database of the first format: what it was written with is not this run's library. */
CRM_TEST(test_api_dump__a_database_of_the_first_format)
{
    text t = read_file(CRM_TESTS "/format/format-1.mdb");
    char dir[600];
    crm_db *db = NULL;

    ck_assert_int_eq(mkdir(crmtest_path("old"), 0700), 0);
    write_file(crmtest_path("old/data.mdb"), t.p, t.n);
    free(t.p);
    snprintf(dir, sizeof dir, "%s", crmtest_path("old"));
    OK(crm_db_open(dir, NULL, &db, &er));
    round_trip(db, dir, "copy");
    crm_db_close(db);
}

/* ---- places, options, progress ---- */

static void fill(crm_db *db, int count)
{
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char json[200];

    for (int i = 0; i < count; i++) {
        snprintf(json, sizeof json, "{\"name\":\"Somebody %d\",\"phone\":\"+86139%08d\"}", i, i);
        api_create(txn, json);
    }
    api_commit(txn);
}

CRM_TEST(test_api_dump__files_plain_and_gzip)
{
    crm_dump_options o = CRM_DUMP_OPTIONS_INIT;
    char plain[600], gzip[600], dir[600];
    crm_db *db = api_open(), *copy = NULL;
    crm_dump_result r, written;
    struct stat st;
    text want, t;

    snprintf(plain, sizeof plain, "%s", crmtest_path("plain"));
    snprintf(gzip, sizeof gzip, "%s", crmtest_path("gzip"));
    snprintf(dir, sizeof dir, "%s", crmtest_path("copy"));
    fill(db, 3000);
    want = dump_text(api_path(), 0, &r);
    OK(crm_dump(db, plain, NULL, sizeof written, &written, &er));
    ck_assert_uint_eq(written.bytes, r.bytes);
    ck_assert_int_eq(stat(plain, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    t = read_file(plain);
    ck_assert_uint_eq(t.n, want.n);
    ck_assert_mem_eq(t.p, want.p, t.n);
    free(t.p);
    IS(CRM_EEXISTS, crm_dump(db, plain, NULL, 0, NULL, &er));
    crm_db_close(db);
    db = open_to_read(api_path());
    want.n = 0; /* with the entry of the dump before */
    free(want.p);
    want = dump_text(api_path(), 0, &r);
    o.flags = CRM_DUMP_GZIP;
    IS(CRM_EREADONLY, crm_dump(db, gzip, &o, sizeof written, &written, &er));
    o.flags |= CRM_DUMP_READONLY;
    OK(crm_dump(db, gzip, &o, sizeof written, &written, &er));
    ck_assert_uint_lt(written.bytes * 3, r.bytes);
    ck_assert_uint_eq(written.lines, r.lines);
    t = dump_text(api_path(), CRM_DUMP_GZIP, &r);
    ck_assert_uint_eq(t.n, written.bytes);
    free(t.p);
    OK(crm_load(gzip, dir, NULL, 0, NULL, &er));
    IS(CRM_EEXISTS, crm_load(gzip, dir, NULL, 0, NULL, &er));
    OK(crm_db_open(dir, NULL, &copy, &er));
    t = dump_text(dir, 0, &r);
    ck_assert_uint_eq(t.n, want.n);
    ck_assert_mem_eq(t.p, want.p, t.n);
    crm_db_close(copy);
    crm_db_close(db);
    db = api_open();
    o.flags = CRM_DUMP_REPLACE;
    fill(db, 1);
    OK(crm_dump(db, gzip, &o, sizeof written, &written, &er));
    ck_assert_uint_eq(written.customers, 3001);
    ck_assert_uint_eq(crmtest_names_in(crmtest_dir()), 4); /* db, plain, gzip, copy */
    crm_db_close(db);
    free(t.p);
    free(want.p);
}

CRM_TEST(test_api_dump__places_and_options_it_refuses)
{
    crm_dump_options o = CRM_DUMP_OPTIONS_INIT;
    char file[600], dir[600];
    crm_db *db = api_open();
    text t = {NULL, 0, 0, 1};

    snprintf(file, sizeof file, "%s", crmtest_path("d"));
    snprintf(dir, sizeof dir, "%s", crmtest_path("x"));
    fill(db, 4000);
    IS(CRM_EINVAL, crm_dump(NULL, file, NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_dump(db, NULL, NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_dump(db, "", NULL, 0, NULL, NULL));
    IS(CRM_EINVAL, crm_dump(db, crmtest_path("db/new"), NULL, 0, NULL, &er));
    IS(CRM_EIO, crm_dump(db, crmtest_path("nowhere/d"), NULL, 0, NULL, &er));
    o.write = take_piece;
    o.write_ctx = &t;
    IS(CRM_EINVAL, crm_dump(db, file, &o, 0, NULL, &er));
    IS(CRM_EINVAL, crm_load(file, dir, &o, 0, NULL, &er));
    IS(CRM_EIO, crm_dump(db, NULL, &o, 0, NULL, &er)); /* the second piece is not taken */
    free(t.p);
    crm_dump_options_init(&o);
    o.flags = 64;
    IS(CRM_EINVAL, crm_dump(db, file, &o, 0, NULL, &er));
    o.flags = CRM_DUMP_GZIP;
    IS(CRM_EINVAL, crm_load(file, dir, &o, 0, NULL, &er));
    o.flags = 0;
    o.size_limit = 1;
    IS(CRM_EINVAL, crm_dump(db, file, &o, 0, NULL, &er));
    OK(crm_dump(db, file, NULL, 0, NULL, &er));
    o.size_limit = 200000;
    IS(CRM_EFULL, crm_load(file, dir, &o, 0, NULL, &er));
    IS(CRM_ENOTFOUND, crm_load(crmtest_path("none"), dir, NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_load(crmtest_dir(), dir, NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_load("", dir, NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_load(file, NULL, NULL, 0, NULL, &er));
    IS(CRM_EIO, crm_load(file, crmtest_path("no/where"), NULL, 0, NULL, &er));
    IS(CRM_EEXISTS, crm_load(file, api_path(), NULL, 0, NULL, &er));
    ck_assert_int_ne(access(dir, F_OK), 0);
    crm_db_close(db);
    ck_assert_uint_eq(crmtest_names_in(crmtest_dir()), 2); /* db, d */
}

typedef struct steps {
    uint64_t calls, stop, done;
} steps;

static int on_progress(uint64_t done, uint64_t total, void *ctx)
{
    steps *s = ctx;

    ck_assert_uint_le(done, total);
    ck_assert_uint_ge(done, s->done);
    s->done = done;
    return ++s->calls == s->stop;
}

CRM_TEST(test_api_dump__progress_and_stopping)
{
    crm_dump_options o = CRM_DUMP_OPTIONS_INIT;
    char file[600], dir[600];
    crm_db *db = api_open();
    steps s = {0, 0, 0};

    snprintf(file, sizeof file, "%s", crmtest_path("d"));
    snprintf(dir, sizeof dir, "%s", crmtest_path("x"));
    fill(db, 9000);
    o.progress = on_progress;
    o.progress_ctx = &s;
    for (s.stop = 1;; s.stop += crmtest_stride(4)) {
        int rc;
        s.calls = s.done = 0;
        rc = crm_dump(db, file, &o, 0, NULL, &er);
        if (s.calls < s.stop) {
            IS(CRM_OK, rc);
            break;
        }
        IS(CRM_ECANCELLED, rc);
        ck_assert_uint_eq(crmtest_names_in(crmtest_dir()), 1);
    }
    ck_assert_uint_gt(s.stop, 3);
    for (s.stop = 1;; s.stop += crmtest_stride(4)) {
        int rc;
        s.calls = s.done = 0;
        rc = crm_load(file, dir, &o, 0, NULL, &er);
        if (s.calls < s.stop) {
            IS(CRM_OK, rc);
            break;
        }
        IS(CRM_ECANCELLED, rc);
        ck_assert_uint_eq(crmtest_names_in(crmtest_dir()), 2);
    }
    ck_assert_uint_gt(s.stop, 2);
    crm_db_close(db);
}

/* ---- texts that are not whole ---- */

static text small_dump(void)
{
    crm_db *db = api_open_model(BEFORE);
    uint64_t seed = crmtest_seed();
    crm_dump_result r;
    crm_txn *txn = api_begin_as(db, 0, "till");
    text t;

    api_create(txn, "{\"name\":\"Li Na\",\"colour\":\"red\",\"shoe\":42,\"code\":[\"a\",\"b\"]}");
    api_create(txn, "{\"name\":\"B\"}");
    many_events(txn, 1, 40, &seed);
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_customer_patch_json(txn, 1, 0, "{\"name\":\"Li Nan\"}", CRM_NUL, &er));
    OK(crm_customer_delete(txn, 2, 0, &er));
    api_commit(txn);
    t = dump_text(api_path(), 0, &r);
    crm_db_close(db);
    return t;
}

static int load_text(const char *p, size_t n)
{
    char file[600], dir[600];
    int rc;

    snprintf(file, sizeof file, "%s", crmtest_path("bad"));
    snprintf(dir, sizeof dir, "%s", crmtest_path("out"));
    write_file(file, p, n);
    rc = crm_load(file, dir, NULL, 0, NULL, &er);
    if (!rc) {
        api_check_clean(dir);
        remove_db(dir);
    } else {
        ck_assert_int_ne(access(dir, F_OK), 0);
        ck_assert(er.code == rc && er.message[0]);
    }
    return rc;
}

CRM_TEST(test_api_dump__cut_anywhere)
{
    text t = small_dump();
    uint64_t seed = crmtest_seed();

    OK(load_text(t.p, t.n));
    IS(CRM_ECORRUPT, load_text("", 0));
    IS(CRM_ECORRUPT, load_text("{}\n", 3));
    IS(CRM_ESYNTAX, load_text("hello\n", 6));
    IS(CRM_ECORRUPT, load_text(t.p, t.n - 1));
    for (size_t i = 0; i < crmtest_rounds(60, 1000); i++)
        IS(CRM_ECORRUPT, load_text(t.p, crmtest_below(&seed, t.n)));
    for (size_t i = 0; i < t.n; i++) { /* at the ends of lines */
        if (t.p[i] == '\n' && i + 1 < t.n && crmtest_below(&seed, crmtest_stride(4)) == 0)
            IS(CRM_ECORRUPT, load_text(t.p, i + 1));
    }
    t.p = realloc(t.p, t.n + 10);
    ck_assert_ptr_nonnull(t.p);
    memcpy(t.p + t.n, "{\"x\":1}\n", 9);
    IS(CRM_EVALUE, load_text(t.p, t.n + 8));
    memcpy(t.p + t.n, "\n", 2);
    IS(CRM_ESYNTAX, load_text(t.p, t.n + 1));
    free(t.p);
}

CRM_TEST(test_api_dump__changed_anywhere)
{
    text t = small_dump();
    char *p = malloc(t.n);
    uint64_t seed = crmtest_seed();
    size_t refused = 0, rounds = crmtest_rounds(150, 3000);

    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < rounds; i++) {
        size_t at = crmtest_below(&seed, t.n);
        int rc;
        memcpy(p, t.p, t.n);
        p[at] = (char)(p[at] ^ (1 << crmtest_below(&seed, 7)));
        rc = load_text(p, t.n);
        ck_assert_msg(rc == CRM_ECORRUPT || rc == CRM_ESYNTAX || rc == CRM_EVALUE ||
                          rc == CRM_EVERSION || rc == CRM_OK,
                      "%s: %s", crm_error_name(rc), er.message);
        /* What spells the last line in another way changes nothing. */
        ck_assert_msg(rc || memchr(t.p + at, '\n', t.n - at) == t.p + t.n - 1, "at %zu", at);
        refused += rc != CRM_OK;
    }
    ck_assert_uint_gt(refused, rounds * 9 / 10);
    free(p);
    free(t.p);
}

/* One text for another in the line that begins with some words: the line and member are told. */
static void told(const text *t, const char *line, const char *from, const char *to, int code,
                 const char *field)
{
    const char *at = strstr(t->p, line), *found = at ? strstr(at, from) : NULL;
    size_t before, number = 1;
    char *p = malloc(t->n + strlen(to) + 1);

    ck_assert_msg(found && p && found < strchr(at, '\n'), "%s: %s", line, from);
    before = (size_t)(found - t->p);
    for (const char *s = t->p; s < at; s++)
        number += *s == '\n';
    memcpy(p, t->p, before);
    strcpy(p + before, to);
    strcpy(p + before + strlen(to), found + strlen(from));
    IS(code, load_text(p, strlen(p)));
    ck_assert_str_eq(er.field, field);
    ck_assert_msg(er.row == (int64_t)number, "%s: row %d, not %d", er.message, (int)er.row,
                  (int)number);
    free(p);
}

CRM_TEST(test_api_dump__bad_lines_are_named)
{
    text t = small_dump();

    told(&t, "{\"crm\"", "\"format\":1", "\"format\":2", CRM_EVERSION, "format");
    told(&t, "{\"crm\"", "\"id\":\"", "\"id\":\"z", CRM_EVALUE, "id");
    told(&t, "{\"model\"", "\"model\":1", "\"model\":2", CRM_EVALUE, "model");
    told(&t, "{\"model\"", "\"yaml\"", "\"yml\"", CRM_EVALUE, "yaml");
    told(&t, "{\"name\":\"shoe\"", "\"number\":3", "\"number\":1", CRM_EVALUE, "number");
    told(&t, "{\"name\":\"shoe\"", "shoe", "name", CRM_EVALUE, "name");
    told(&t, "{\"name\":\"shoe\"", "field", "feild", CRM_EVALUE, "class");
    told(&t, "{\"customer\":1", "\"customer\":1", "\"customer\":2", CRM_EVALUE, "customer");
    told(&t, "{\"customer\":1", "\"person\"", "\"dog\"", CRM_EVALUE, "kind");
    told(&t, "{\"customer\":1", "\"created_at\":\"", "\"created_at\":\"x", CRM_EVALUE,
         "created_at");
    told(&t, "{\"customer\":1", "\"shoe\":{\"type\":\"integer\"", "\"shoe\":{\"type\":\"text\"",
         CRM_EVALUE, "value");
    told(&t, "{\"customer\":1", "\"value\":\"red\"", "\"value\":\"green\"", CRM_EVALUE, "value");
    told(&t, "{\"customer\":1", "\"shoe\"", "\"boot\"", CRM_EVALUE, "fields");
    told(&t, "{\"customer\":1", "\"source\":\"till\"", "\"source\":\"tilt\"", CRM_EVALUE, "source");
    told(&t, "{\"customer\":1", "\"kind\"", "\"more\":1,\"kind\"", CRM_EVALUE, "member");
    told(&t, "{\"event\":", "\"customer\":1", "\"customer\":9", CRM_EVALUE, "customer");
    told(&t, "{\"event\":", "\"kind\":\"order\"", "\"kind\":\"odor\"", CRM_EVALUE, "kind");
    told(&t, "{\"event\":", "\"note\":{", "\"nota\":{", CRM_EVALUE, "attributes");
    told(&t, "{\"event\":", "\"type\":\"money\",\"value\":{",
         "\"type\":\"money\",\"value\":{\"x\":1,", CRM_EVALUE, "member");
    told(&t, "{\"entry\":2", "\"entry\":2", "\"entry\":3", CRM_EVALUE, "entry");
    told(&t, "{\"entry\":2", "\"action\":\"create\"", "\"action\":\"delete\"", CRM_ECORRUPT,
         "chain");
    told(&t, "{\"image\":", "\"base64\":\"A", "\"base64\":\"?", CRM_EVALUE, "base64");
    told(&t, "{\"image\":", "{\"image\"", "{\"imago\"", CRM_EVALUE, "line");
    told(&t, "{\"end\":", "\"sum\":\"", "\"sum\":\"0", CRM_EVALUE, "sum");
    free(t.p);
}

/* Loads the dump with another name of a feature in its head: what comes of it, and of which member. */
static void with_feature(const text *t, const char *from, const char *to, int code, const char *field)
{
    char *p = malloc(t->n + 1), *at;

    ck_assert_ptr_nonnull(p);
    memcpy(p, t->p, t->n + 1);
    at = strstr(p, from);
    ck_assert_msg(at && at < strchr(p, '\n') && strlen(from) == strlen(to), "%s", from);
    memcpy(at, to, strlen(to));
    IS(code, load_text(p, t->n));
    ck_assert_str_eq(er.field, field);
    free(p);
}

/* A dump tells customers and events in words: of other forms of storing those, all its lines are read,
 * up to the sum that doesn't fit the changed text. Images are bytes of records. */
CRM_TEST(test_api_dump__features_of_what_it_does_not_hold)
{
    text t = small_dump();

    with_feature(&t, "\"identity-2\"", "\"identity-1\"", CRM_ECORRUPT, "sum");
    with_feature(&t, "\"event-2\"", "\"event-9\"", CRM_ECORRUPT, "sum");
    with_feature(&t, "\"record-2\"", "\"record-1\"", CRM_EVERSION, "record-1");
    ck_assert_int_gt(er.row, 1); /* the first image */
    with_feature(&t, "\"journal-3\"", "\"journal-4\"", CRM_EVERSION, "journal-4");
    free(t.p);
}
