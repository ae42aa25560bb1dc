/* SPDX-License-Identifier: MIT
 * What a host sets and watches: allocator, size limit, reader slots, old readers, log, clock,
 * figures, crm_check().
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- allocator ---- */

static void use_everything(crm_db *db)
{
    crm_txn *txn = api_begin(db, CRM_WRITE), *reader;
    crm_field phone = api_field(txn, "phone"), name = api_field(txn, "name");
    crm_customer_iter *it;
    crm_customer *c, *next;
    crm_savepoint mark;
    crm_id id, ids[2];
    char *json;
    size_t n;

    OK(crm_customer_new(txn, &c, &er));
    OK(crm_customer_set(c, &name, "A", CRM_NUL, &er));
    OK(crm_customer_add(c, &phone, NULL, "13800138000", CRM_NUL, &er));
    OK(crm_customer_create(txn, c, &id, &er));
    OK(crm_txn_savepoint(txn, &mark, &er));
    for (int i = 0; i < 300; i++)
        api_create(txn, "{\"name\":\"B\",\"external\":[]}");
    OK(crm_txn_rollback(txn, mark, &er));
    IS(CRM_EVALUE, crm_customer_create_json(txn, "{\"vip\":\"perhaps\"}", CRM_NUL, NULL, &er));
    OK(crm_customer_validate_json(txn, "{\"vip\":3}", CRM_NUL, &json, NULL, &er));
    crm_free(json);
    api_commit(txn);
    reader = api_begin(db, CRM_READ);
    OK(crm_customer_find(reader, &phone, NULL, "13800138000", CRM_NUL, ids, 2, &n, &er));
    OK(crm_customer_list(reader, NULL, &it, &er));
    OK(crm_customer_next(it, &next, &er));
    OK(crm_model_text(reader, &json, NULL, NULL, &er));
    crm_customer_list_close(it);
    OK(crm_txn_abort(reader));
    crm_customer_free(c);
    crm_db_close(db);
    crm_free(json); /* from a handle that is closed */
}

CRM_TEST(test_api_limits__allocator_is_used_and_balanced)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    api_memory m;
    crm_allocator a = api_allocator(&m);
    crm_db *db;

    o.allocator = &a;
    for (int i = 0; i < 3; i++) {
        uint64_t before = m.calls;
        OK(crm_db_open(api_path(), &o, &db, &er));
        ck_assert_int_gt(m.alive, 0);
        use_everything(db);
        ck_assert_uint_gt(m.calls, before + 100);
        ck_assert_int_eq(m.alive, 0);
        ck_assert_int_eq(m.bytes, 0);
    }
}

CRM_TEST(test_api_limits__allocator_is_balanced_after_failed_opens)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    api_memory m;
    crm_allocator a = api_allocator(&m);
    crm_db *db;

    o.allocator = &a;
    o.model = "crm: 1\nfields: {name: {type: nonsense}}\n";
    IS(CRM_EMODEL, crm_db_open(api_path(), &o, &db, &er));
    o.model = NULL;
    o.flags = CRM_NOCREATE;
    IS(CRM_ENOTFOUND, crm_db_open(crmtest_path("other"), &o, &db, &er));
    ck_assert_uint_gt(m.calls, 0);
    ck_assert_int_eq(m.alive, 0);
    a.realloc = NULL;
    o.flags = 0;
    IS(CRM_EINVAL, crm_db_open(api_path(), &o, &db, &er));
    ck_assert_str_eq(er.field, "allocator");
    a = (crm_allocator)CRM_ALLOCATOR_INIT; /* nothing set: the C library's */
    OK(crm_db_open(api_path(), &o, &db, &er));
    crm_db_close(db);
}

CRM_TEST(test_api_limits__check_uses_its_allocator)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    api_memory m;
    crm_allocator a = api_allocator(&m);

    crm_db_close(api_open());
    o.allocator = &a;
    OK(crm_check(api_path(), &o, 0, NULL, &er));
    ck_assert_uint_gt(m.calls, 0);
    ck_assert_int_eq(m.alive, 0);
    a.free = NULL;
    IS(CRM_EINVAL, crm_check(api_path(), &o, 0, NULL, &er));
}

/* ---- size ---- */

CRM_TEST(test_api_limits__size_limit)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_db *db;
    crm_txn *txn;
    crm_db_stat st;
    char doc[1200];
    crm_id id;
    int rc = CRM_OK, done = 0;

    crm_db_close(api_open());
    o.size_limit = 600 * 1024;
    OK(crm_db_open(api_path(), &o, &db, &er));
    snprintf(doc, sizeof doc, "{\"name\":\"A\",\"notes\":\"%01000d\"}", 7);
    for (int i = 0; i < 2000 && !rc; i++) {
        txn = api_begin(db, CRM_WRITE);
        for (int k = 0; k < 20; k++)
            id = api_create(txn, doc);
        rc = crm_txn_commit(txn, &er);
        done += rc == CRM_OK;
    }
    IS(CRM_EFULL, rc);
    ck_assert_int_gt(done, 3);
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_eq(st.customers, (uint64_t)done * 20); /* nothing of the refused ones */
    ck_assert_uint_le(st.file_bytes, o.size_limit);
    id = (crm_id)done * 20;
    txn = api_begin(db, CRM_READ);
    ck_assert(api_has(txn, id, "\"notes\":\"000"));
    OK(crm_txn_abort(txn));
    IS(CRM_EFULL, rc);
    crm_db_close(db);
    /* With more room it goes on. */
    o.size_limit = 0;
    OK(crm_db_open(api_path(), &o, &db, &er));
    txn = api_begin(db, CRM_WRITE);
    ck_assert_uint_eq(api_create(txn, doc), id + 1);
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* A commit that finds room in the file does not make it larger: what is full can still be changed.
 */
CRM_TEST(test_api_limits__full_database_can_be_changed)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_db *db;
    crm_txn *txn;
    crm_db_stat st;
    int rc = CRM_OK;

    o.size_limit = 400 * 1024;
    OK(crm_db_open(api_path(), &o, &db, &er));
    for (int i = 0; i < 20000 && !rc; i++) {
        txn = api_begin(db, CRM_WRITE);
        for (int k = 0; k < 10 && !rc; k++)
            rc = crm_customer_create_json(txn, "{\"name\":\"A\",\"phone\":\"13800138000\"}",
                                          CRM_NUL, NULL, &er);
        if (rc)
            OK(crm_txn_abort(txn));
        else
            rc = crm_txn_commit(txn, &er);
    }
    IS(CRM_EFULL, rc);
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_le(st.file_bytes, o.size_limit);
    /* Every change adds to the journal, so small ones may fit for a while; none does harm. */
    for (int i = 0; i < 20; i++) {
        txn = api_begin(db, CRM_WRITE);
        OK(crm_customer_patch_json(txn, 2, 0, i % 2 ? "{\"city\":\"b\"}" : "{\"city\":\"a\"}",
                                   CRM_NUL, &er));
        rc = crm_txn_commit(txn, &er);
        ck_assert(rc == CRM_OK || rc == CRM_EFULL);
    }
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_le(st.file_bytes, o.size_limit);
    crm_db_close(db);
    api_check_clean(api_path());
    o.size_limit *= 2;
    OK(crm_db_open(api_path(), &o, &db, &er));
    txn = api_begin(db, CRM_WRITE);
    OK(crm_customer_delete(txn, 1, 0, &er));
    api_commit(txn);
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_le(st.file_bytes, o.size_limit);
    crm_db_close(db);
    api_check_clean(api_path());
}

static int fill(crm_txn *txn, void *ctx)
{
    for (int k = 0; k < 40; k++) {
        int rc = crm_customer_create_json(txn, ctx, CRM_NUL, NULL, NULL);
        if (rc)
            return rc;
    }
    return CRM_OK;
}

CRM_TEST(test_api_limits__address_space)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_db *db;
    crm_db_stat st;
    char doc[2200];
    int rc = CRM_OK;

    o.map_bytes = 1 << 20;
    OK(crm_db_open(api_path(), &o, &db, &er));
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_eq(st.map_bytes, o.map_bytes);
    snprintf(doc, sizeof doc, "{\"name\":\"A\",\"notes\":\"%02000d\"}", 7);
    for (int i = 0; i < 100 && !rc; i++)
        rc = crm_db_write(db, NULL, fill, doc, &er);
    IS(CRM_EFULL, rc);
    ck_assert(er.message[0]);
    /* Usable: what fits is still taken. */
    for (int i = 0; i < 3; i++) {
        crm_txn *txn = api_begin(db, CRM_WRITE);
        OK(crm_customer_patch_json(txn, 1, 0, i % 2 ? "{\"city\":\"a\"}" : "{\"city\":\"b\"}",
                                   CRM_NUL, &er));
        api_commit(txn);
    }
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- readers ---- */

CRM_TEST(test_api_limits__reader_slots)
{
    enum { MOST = 300 };
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_db *db;
    crm_txn *txn[MOST], *writer;
    crm_db_stat st;
    int n = 0, rc = CRM_OK;

    o.max_readers = 5;
    OK(crm_db_open(api_path(), &o, &db, &er));
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_ge(st.max_readers, 5);
    while (n < MOST && !rc) {
        rc = crm_txn_begin(db, CRM_READ, NULL, &txn[n], &er);
        n += rc == CRM_OK;
    }
    IS(CRM_EREADERS, rc);
    ck_assert_ptr_null(txn[n]);
    ck_assert_int_ge(n, 5);
    IS(CRM_EREADERS, crm_db_stat_get(db, sizeof st, &st, &er));
    writer = api_begin(db, CRM_WRITE); /* writers take no slot */
    api_create(writer, "{\"name\":\"A\"}");
    api_commit(writer);
    OK(crm_txn_abort(txn[--n]));
    OK(crm_txn_begin(db, CRM_READ, NULL, &txn[n], &er));
    n++;
    while (n > 0)
        OK(crm_txn_abort(txn[--n]));
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_eq(st.customers, 1);
    crm_db_close(db);
}

typedef struct told {
    int count;
    int64_t pid, age;
    char line[300];
    int level;
} told;

static void old_reader(int64_t pid, int64_t age_us, void *ctx)
{
    told *t = ctx;

    t->count++;
    t->pid = pid;
    t->age = age_us;
}

static void note_line(int level, const char *line, void *ctx)
{
    told *t = ctx;

    t->count++;
    t->level = level;
    snprintf(t->line, sizeof t->line, "%s", line);
}

static void write_a_little(crm_db *db)
{
    crm_txn *txn = api_begin(db, CRM_WRITE);

    api_create(txn, "{\"name\":\"A\"}");
    api_commit(txn);
    usleep(3000);
}

CRM_TEST(test_api_limits__old_readers_are_reported)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    told t = {0}, lines = {0};
    crm_db *db, *other;
    crm_txn *reader;

    o.max_reader_age_us = 1000;
    o.old_reader = old_reader;
    o.old_reader_ctx = &t;
    OK(crm_db_open(api_path(), &o, &db, &er));
    for (int i = 0; i < 3; i++)
        write_a_little(db);
    ck_assert_int_eq(t.count, 0);
    reader = api_begin(db, CRM_READ);
    for (int i = 0; i < 4; i++)
        write_a_little(db);
    ck_assert_int_gt(t.count, 0);
    ck_assert_int_eq(t.pid, getpid());
    ck_assert_int_ge(t.age, 1000);
    OK(crm_txn_abort(reader));
    write_a_little(db);
    t.count = 0;
    for (int i = 0; i < 3; i++)
        write_a_little(db);
    ck_assert_int_eq(t.count, 0);
    /* Without a function of its own a handle logs them. */
    o.old_reader = NULL;
    o.log = note_line;
    o.log_ctx = &lines;
    OK(crm_db_open(api_path(), &o, &other, &er));
    reader = api_begin(other, CRM_READ);
    for (int i = 0; i < 4; i++)
        write_a_little(other);
    ck_assert_int_gt(lines.count, 0);
    ck_assert_int_eq(lines.level, CRM_LOG_WARN);
    ck_assert(lines.line[0] && !strchr(lines.line, '\n'));
    OK(crm_txn_abort(reader));
    crm_db_close(other);
    crm_db_close(db);
}

static int die_reading(void *ctx)
{
    crm_db *db;
    crm_txn *txn;

    (void)ctx;
    if (crm_db_open(api_path(), NULL, &db, NULL) || crm_txn_begin(db, CRM_READ, NULL, &txn, NULL))
        return 1;
    _exit(0);
}

/* A process that died while reading keeps no slot and no pages. */
CRM_TEST(test_api_limits__dead_readers_are_cleared)
{
    crm_db *db = api_open();
    crm_db_stat st;

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(api_child(die_reading, NULL), 0);
    for (int i = 0; i < 5; i++)
        write_a_little(db);
    usleep(1100000); /* they are looked for once a second */
    write_a_little(db);
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_le(st.readers, 1);
    crm_db_close(db);
}

/* ---- clock ---- */

CRM_TEST(test_api_limits__recorded_time_never_goes_back)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    int64_t clock, before, first;
    crm_customer *c;
    crm_db_stat st;
    crm_txn *txn;
    crm_db *db;

    o.test_clock = api_clock;
    o.test_clock_ctx = &clock;
    clock = 2000000000000000;
    OK(crm_db_open(api_path(), &o, &db, &er));
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    before = st.recorded_us;
    first = clock > before ? clock : before + 1;
    for (int i = 0; i < 6; i++) {
        txn = api_begin(db, CRM_WRITE);
        api_create(txn, "{\"name\":\"A\"}");
        api_create(txn, "{\"name\":\"B\"}");
        api_commit(txn);
        OK(crm_db_stat_get(db, sizeof st, &st, &er));
        ck_assert_int_gt(st.recorded_us, before);
        before = st.recorded_us;
        clock -= 86400000000; /* a day back each time */
    }
    ck_assert_int_eq(before, first + 5);
    crm_db_close(db);
    clock = 1;
    OK(crm_db_open(api_path(), &o, &db, &er));
    txn = api_begin(db, CRM_WRITE);
    OK(crm_customer_patch_json(txn, 1, 0, "{\"city\":\"X\"}", CRM_NUL, &er));
    OK(crm_customer_new(txn, &c, &er));
    OK(crm_customer_get(txn, 1, c, &er));
    ck_assert_int_eq(crm_customer_updated_us(c), first + 6);
    ck_assert_int_eq(crm_customer_created_us(c), first);
    crm_customer_free(c);
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_limits__now_is_the_callers)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_READ);

    ck_assert_int_gt(crm_txn_now(txn), 1600000000000000);
    OK(crm_txn_abort(txn));
    o.now_us = 1234567;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    ck_assert_int_eq(crm_txn_now(txn), 1234567);
    ck_assert(!strstr(api_json(txn, api_create(txn, "{\"name\":\"A\"}"), 0), "1970"));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

/* ---- figures ---- */

CRM_TEST(test_api_limits__figures)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_db_stat st;
    struct {
        size_t size;
        uint64_t customers;
        unsigned char guard[64];
    } small;

    api_create(txn, "{\"name\":\"A\"}");
    api_create(txn, "{\"name\":\"B\"}");
    OK(crm_customer_delete(txn, 1, 0, &er));
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_eq(st.customers, 0); /* not committed */
    api_commit(txn);
    memset(&st, 0xff, sizeof st);
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_eq(st.size, sizeof st);
    ck_assert_uint_eq(st.customers, 1);
    ck_assert_uint_eq(st.deleted, 1);
    ck_assert_uint_eq(st.revision, 1 + 3); /* the first is the model */
    ck_assert_int_gt(st.recorded_us, 0);
    ck_assert_uint_eq(st.model_version, 1);
    ck_assert_uint_gt(st.file_bytes, 0);
    ck_assert_uint_gt(st.data_bytes, 0);
    ck_assert_uint_le(st.data_bytes, st.file_bytes);
    ck_assert_uint_gt(st.map_bytes, st.file_bytes);
    ck_assert_uint_ge(st.max_readers, 100);
    ck_assert_uint_eq(st.imports, 0);
    memset(&small, 0x5a, sizeof small);
    OK(crm_db_stat_get(db, sizeof small.size + sizeof small.customers, (crm_db_stat *)&small, &er));
    ck_assert_uint_eq(small.size, sizeof small.size + sizeof small.customers);
    ck_assert_uint_eq(small.customers, 1);
    for (size_t i = 0; i < sizeof small.guard; i++)
        ck_assert_uint_eq(small.guard[i], 0x5a);
    IS(CRM_EINVAL, crm_db_stat_get(db, 0, &st, &er));
    IS(CRM_EINVAL, crm_db_stat_get(db, sizeof st, NULL, &er));
    IS(CRM_EINVAL, crm_db_stat_get(NULL, sizeof st, &st, &er));
    crm_db_close(db);
}

CRM_TEST(test_api_limits__figures_of_readers)
{
    crm_db *db = api_open();
    crm_txn *reader = api_begin(db, CRM_READ);
    crm_db_stat st;

    for (int i = 0; i < 3; i++)
        write_a_little(db);
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_ge(st.readers, 1);
    ck_assert_uint_eq(st.oldest_reader_commits, 3);
    ck_assert_uint_ge(st.kept_bytes, 3 * 4 * 4096); /* the path to a leaf of customers, and more */
    ck_assert_uint_le(st.kept_bytes, st.free_bytes);
    OK(crm_txn_abort(reader));
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_eq(st.oldest_reader_commits, 0);
    ck_assert_uint_eq(st.kept_bytes, 0);
    crm_db_close(db);
}

CRM_TEST(test_api_limits__spaces)
{
    crm_db *db = api_open();
    crm_space_stat s;
    size_t pos = 0, n = 0;
    int rc, customer = 0;

    write_a_little(db);
    while ((rc = crm_db_space_next(db, &pos, &s, &er)) == CRM_OK) {
        n++;
        ck_assert(s.name && s.name[0]);
        if (!strcmp(s.name, "customer")) {
            customer = 1;
            ck_assert_uint_eq(s.rows, 1);
            ck_assert_uint_eq(s.derived, 0);
            ck_assert_uint_ge(s.bytes, 4096);
            ck_assert_uint_eq(s.depth, 1);
        } else if (!strcmp(s.name, "identity") || !strcmp(s.name, "bits")) {
            ck_assert_uint_ne(s.derived, 0);
        }
    }
    IS(CRM_DONE, rc);
    IS(CRM_DONE, crm_db_space_next(db, &pos, &s, &er));
    ck_assert_int_eq(customer, 1);
    ck_assert_uint_ge(n, 10);
    IS(CRM_EINVAL, crm_db_space_next(db, NULL, &s, &er));
    pos = 0;
    IS(CRM_EINVAL, crm_db_space_next(db, &pos, NULL, &er));
    IS(CRM_EINVAL, crm_db_space_next(NULL, &pos, &s, &er));
    crm_db_close(db);
}

/* ---- check ---- */

static int stop_at_once(uint64_t done, uint64_t total, void *ctx)
{
    (void)done;
    (void)total;
    ++*(int *)ctx;
    return 1;
}

static int count_calls(uint64_t done, uint64_t total, void *ctx)
{
    ck_assert(!total || done <= total);
    ++*(int *)ctx;
    return 0;
}

CRM_TEST(test_api_limits__check)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    crm_check_result r;
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    int calls = 0;

    for (int i = 0; i < 3000; i++)
        api_create(txn, "{\"name\":\"A\",\"wechat\":[\"w\"]}");
    OK(crm_check(api_path(), NULL, sizeof r, &r, &er)); /* beside a writer */
    api_commit(txn);
    memset(&r, 0xff, sizeof r);
    o.progress = count_calls;
    o.progress_ctx = &calls;
    OK(crm_check(api_path(), &o, sizeof r, &r, &er)); /* while it is open */
    ck_assert_uint_eq(r.size, sizeof r);
    ck_assert_uint_eq(r.faults, 0);
    ck_assert_uint_eq(r.customers, 3000);
    ck_assert_uint_eq(r.entries, 3001);
    ck_assert_uint_gt(r.pages, 10);
    ck_assert_uint_gt(r.derived, 3000);
    ck_assert_int_gt(calls, 0);
    calls = 0;
    o.progress = stop_at_once;
    IS(CRM_ECANCELLED, crm_check(api_path(), &o, sizeof r, &r, &er));
    ck_assert_int_eq(calls, 1);
    crm_db_close(db);
    OK(crm_check(api_path(), NULL, 0, NULL, NULL));
    IS(CRM_ENOTFOUND, crm_check(crmtest_path("none"), NULL, 0, NULL, &er));
    ck_assert_int_ne(access(crmtest_path("none"), F_OK), 0);
    IS(CRM_EINVAL, crm_check(NULL, NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_check("", NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_check(api_path(), NULL, 1, &r, &er));
}
