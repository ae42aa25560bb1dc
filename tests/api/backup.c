/* SPDX-License-Identifier: MIT
 * Backup, restore and compact, as a host sees them.
 */
#include "damage.h"
#include "help.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CUSTOMERS = 300 };

static crm_backup_options options(uint32_t flags)
{
    crm_backup_options o = CRM_BACKUP_OPTIONS_INIT;

    o.flags = flags;
    return o;
}

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

/* A path that stays: crmtest_path() has a few buffers only. */
static char *path_of(char to[600], const char *name)
{
    snprintf(to, 600, "%s", crmtest_path(name));
    return to;
}

static char *read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *p;

    ck_assert_ptr_nonnull(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    p = malloc(*n + 1);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(fread(p, 1, *n, f), *n);
    fclose(f);
    return p;
}

static void write_file(const char *path, const char *p, size_t n)
{
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(p, 1, n, f), n);
    fclose(f);
}

/* Every customer of one database is in the other, the same to the byte, and the journal too. */
static void same_content(crm_db *a, crm_db *b)
{
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    crm_head head = CRM_HEAD_INIT;
    crm_txn *x = api_begin(a, CRM_READ), *y = api_begin(b, CRM_READ);
    size_t n = api_list(x, &o, NULL, 0);

    ck_assert_uint_eq(api_list(y, &o, NULL, 0), n);
    for (crm_id id = 1; id <= n; id++)
        ck_assert_str_eq(api_json(x, id, 0), api_json(y, id, 0));
    OK(crm_journal_head(x, &head, &er));
    OK(crm_journal_verify(y, &head, 1, NULL, NULL, &er));
    OK(crm_journal_head(y, &head, &er));
    OK(crm_journal_verify(x, &head, 1, NULL, NULL, &er));
    crm_txn_abort(x);
    crm_txn_abort(y);
}

CRM_TEST(test_api_backup__round_trip_plain_and_gzip)
{
    crm_db *db = api_open();

    fill(db, CUSTOMERS);
    for (uint32_t gzip = 0; gzip < 2; gzip++) {
        crm_backup_options o = options(gzip ? CRM_BACKUP_GZIP : 0);
        char file[600], dir[600];
        crm_backup_result made, back;
        crm_db *copy = NULL;
        struct stat st;
        size_t n;
        char *p;

        path_of(file, gzip ? "b.gz" : "b");
        path_of(dir, gzip ? "g" : "p");
        OK(crm_backup(db, file, &o, sizeof made, &made, &er));
        ck_assert_uint_eq(made.size, sizeof made);
        ck_assert_uint_eq(made.revision, CUSTOMERS + 2 + gzip); /* its own entry is in it */
        ck_assert_uint_gt(made.rows, 3 * CUSTOMERS);
        ck_assert_int_eq(stat(file, &st), 0);
        ck_assert_uint_eq(made.bytes, (uint64_t)st.st_size);
        ck_assert_int_eq(st.st_mode & 0777, 0600);
        p = read_file(file, &n);
        ck_assert_int_eq((uint8_t)p[0] == 0x1f && (uint8_t)p[1] == 0x8b, gzip);
        free(p);
        OK(crm_restore(file, dir, NULL, sizeof back, &back, &er));
        ck_assert_uint_eq(back.rows, made.rows);
        ck_assert_uint_eq(back.revision, made.revision);
        ck_assert_uint_eq(back.source_bytes, made.bytes);
        ck_assert_uint_eq(crmtest_names_in(dir), 2); /* data.mdb, crm.lock */
        api_check_clean(dir);
        OK(crm_db_open(dir, NULL, &copy, &er));
        same_content(db, copy);
        fill(copy, 3);
        crm_db_close(copy);
        api_check_clean(dir);
    }
    crm_db_close(db);
    ck_assert_uint_eq(crmtest_names_in(crmtest_dir()), 5);
}

typedef struct writer {
    crm_db *db;
    atomic_int *stop;
    uint64_t written;
    int number, rc;
} writer;

static int write_one(crm_txn *txn, void *ctx)
{
    writer *w = ctx;
    char json[200];

    snprintf(json, sizeof json, "{\"name\":\"Writer %d, %llu\"}", w->number,
             (unsigned long long)w->written);
    return crm_customer_create_json(txn, json, CRM_NUL, NULL, NULL);
}

static void *write_on(void *ctx)
{
    writer *w = ctx;

    while (!atomic_load(w->stop) && !w->rc) {
        w->rc = crm_db_write(w->db, NULL, write_one, w, NULL);
        w->written++;
    }
    return NULL;
}

/* The head of the copy is in the journal of the original, which ties every change before it. */
static void part_of(crm_db *db, const char *dir, uint64_t revision, uint64_t backups)
{
    crm_head head = CRM_HEAD_INIT;
    crm_db *copy = NULL;
    crm_txn *txn;
    crm_db_stat st;

    OK(crm_db_open(dir, NULL, &copy, &er));
    txn = api_begin(copy, CRM_READ);
    OK(crm_journal_head(txn, &head, &er));
    crm_txn_abort(txn);
    ck_assert_uint_eq(head.revision, revision);
    OK(crm_db_stat_get(copy, sizeof st, &st, &er));
    ck_assert_uint_eq(st.customers + 1 + backups, revision); /* each has an entry */
    crm_db_close(copy);
    txn = api_begin(db, CRM_READ);
    OK(crm_journal_verify(txn, &head, 1, NULL, NULL, &er));
    crm_txn_abort(txn);
}

CRM_TEST(test_api_backup__while_two_threads_write)
{
    crm_db *db = api_open();
    atomic_int stop = 0;
    writer w[2] = {{db, &stop, 0, 0, 0}, {db, &stop, 0, 1, 0}};
    uint64_t last = CUSTOMERS + 1;
    pthread_t t[2];

    fill(db, CUSTOMERS);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, write_on, &w[i]), 0);
    for (int i = 0; i < 3; i++) {
        crm_backup_options o = options(CRM_BACKUP_REPLACE | (i & 1 ? CRM_BACKUP_GZIP : 0));
        crm_backup_result r;
        char name[20];
        int rc = crm_db_wait(db, last, (int)crmtest_seconds(60) * 1000, NULL, &er);
        ck_assert_msg(rc == CRM_OK, "%s: the writers have %s and %s", crm_error_name(rc),
                      crm_error_name(w[0].rc), crm_error_name(w[1].rc));
        OK(crm_backup(db, crmtest_path("b"), &o, sizeof r, &r, &er));
        ck_assert_uint_gt(r.revision, last);
        last = r.revision;
        snprintf(name, sizeof name, "copy %d", i);
        OK(crm_restore(crmtest_path("b"), crmtest_path(name), NULL, 0, NULL, &er));
        api_check_clean(crmtest_path(name));
        part_of(db, crmtest_path(name), r.revision, (uint64_t)i + 1);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    ck_assert_int_eq(w[0].rc | w[1].rc, CRM_OK);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_backup__places_and_options_it_refuses)
{
    crm_backup_options o = options(CRM_BACKUP_REPLACE), bad = options(64), full = options(0);
    char file_room[600], text_room[600];
    const char *file = path_of(file_room, "b"), *text = path_of(text_room, "text");
    crm_db *db = api_open();
    size_t n;
    char *p;

    fill(db, 3);
    IS(CRM_EINVAL, crm_backup(NULL, file, NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_backup(db, NULL, NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_backup(db, "", NULL, 0, NULL, NULL));
    IS(CRM_EINVAL, crm_backup(db, file, &bad, 0, NULL, &er));
    full.size_limit = 1;
    IS(CRM_EINVAL, crm_backup(db, file, &full, 0, NULL, &er));
    IS(CRM_EINVAL, crm_restore(file, api_path(), &o, 0, NULL, &er));
    IS(CRM_EINVAL, crm_compact(api_path(), &o, 0, NULL, &er));
    IS(CRM_EINVAL, crm_compact("", NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_backup(db, crmtest_path("db/data.mdb"), &o, 0, NULL, &er));
    IS(CRM_EINVAL, crm_backup(db, crmtest_path("db/new"), &o, 0, NULL, &er));
    IS(CRM_EINVAL, crm_backup(db, crmtest_dir(), &o, 0, NULL, &er));
    IS(CRM_EIO, crm_backup(db, crmtest_path("nowhere/b"), &o, 0, NULL, &er));
    write_file(file, "mine", 4);
    IS(CRM_EEXISTS, crm_backup(db, file, NULL, 0, NULL, &er));
    p = read_file(file, &n);
    ck_assert_uint_eq(n, 4);
    free(p);
    OK(crm_backup(db, file, &o, 0, NULL, &er));
    IS(CRM_EEXISTS, crm_restore(file, api_path(), NULL, 0, NULL, &er));
    IS(CRM_ENOTFOUND, crm_restore(crmtest_path("none"), crmtest_path("x"), NULL, 0, NULL, &er));
    IS(CRM_EINVAL, crm_restore(crmtest_dir(), crmtest_path("x"), NULL, 0, NULL, &er));
    IS(CRM_EIO, crm_restore(file, crmtest_path("no/where"), NULL, 0, NULL, &er));
    IS(CRM_EFULL, crm_restore(file, crmtest_path("x"), &full, 0, NULL, &er));
    write_file(text, "name,phone\n", 11);
    IS(CRM_ECORRUPT, crm_restore(text, crmtest_path("x"), NULL, 0, NULL, &er));
    write_file(text, "\x1f\x8b", 2);
    IS(CRM_ECORRUPT, crm_restore(text, crmtest_path("x"), NULL, 0, NULL, &er));
    crm_db_close(db);
    ck_assert_uint_eq(crmtest_names_in(crmtest_dir()), 3);
}

typedef struct stopper {
    uint64_t at, calls, done, total;
} stopper;

static int stop_at(uint64_t done, uint64_t total, void *ctx)
{
    stopper *s = ctx;

    ck_assert_uint_ge(done, s->done);
    ck_assert_uint_le(done, total);
    s->done = done;
    s->total = total;
    return ++s->calls == s->at;
}

CRM_TEST(test_api_backup__stopped_at_each_call_leaves_nothing)
{
    char file_room[600], dir_room[600];
    const char *file = path_of(file_room, "b.gz"), *dir = path_of(dir_room, "copy");
    crm_db *db = api_open();
    stopper s;

    fill(db, 4000);
    for (int i = 0; i < 9; i++) /* the log is there */
        fill(db, 1);
    for (int what = 0; what < 3; what++) {
        int rc = CRM_ECANCELLED;
        if (what == 2)
            crm_db_close(db);
        for (uint64_t at = 1; rc == CRM_ECANCELLED; at++) {
            crm_backup_options o = options(what == 0 ? CRM_BACKUP_GZIP : 0);
            size_t before = crmtest_names_in(crmtest_dir()), inside = crmtest_names_in(api_path());
            s = (stopper){at, 0, 0, 0};
            o.progress = stop_at;
            o.progress_ctx = &s;
            rc = what == 0   ? crm_backup(db, file, &o, 0, NULL, &er)
                 : what == 1 ? crm_restore(file, dir, &o, 0, NULL, &er)
                             : crm_compact(api_path(), &o, 0, NULL, &er);
            ck_assert_msg(rc == CRM_OK || rc == CRM_ECANCELLED, "%s", er.message);
            ck_assert_uint_eq(crmtest_names_in(crmtest_dir()), before + (!rc && what < 2));
            ck_assert_uint_eq(crmtest_names_in(api_path()), inside);
        }
        ck_assert_uint_gt(s.calls, 2);
    }
    api_check_clean(api_path());
    api_check_clean(dir);
}

static int contains(const char *path, const char *text)
{
    size_t n, m = strlen(text);
    char *p = read_file(path, &n);
    int found = 0;

    for (size_t i = 0; i + m <= n && !found; i++)
        found = memcmp(p + i, text, m) == 0;
    free(p);
    return found;
}

CRM_TEST(test_api_backup__compact_removes_what_was_dropped)
{
    static const char SECRET[] = "Zuleika Quartermaine";
    char data_room[600];
    const char *data = path_of(data_room, "db/data.mdb");
    crm_db *db = api_open(), *again = NULL;
    crm_head head = CRM_HEAD_INIT;
    crm_backup_result r;
    struct stat before, after;
    crm_txn *txn;
    char json[100];
    uint64_t dropped = 0;
    crm_id id;

    fill(db, CUSTOMERS);
    txn = api_begin(db, CRM_WRITE);
    snprintf(json, sizeof json, "{\"name\":\"%s\"}", SECRET);
    id = api_create(txn, json);
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_customer_patch_json(txn, id, 0, "{\"name\":\"nobody\"}", CRM_NUL, &er));
    api_commit(txn);
    crm_db_close(db);
    /* It can be undone, so it stays. */
    OK(crm_compact(api_path(), NULL, sizeof r, &r, &er));
    ck_assert(contains(data, SECRET));
    db = api_open();
    txn = api_begin(db, CRM_WRITE);
    OK(crm_journal_trim(txn, INT64_MAX, &dropped, &er));
    ck_assert_uint_gt(dropped, 0);
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    OK(crm_journal_head(txn, &head, &er));
    crm_txn_abort(txn);
    ck_assert(contains(data, SECRET)); /* in a free page */
    OK(crm_backup(db, crmtest_path("b"), NULL, 0, NULL, &er));
    ck_assert(!contains(crmtest_path("b"), SECRET));
    IS(CRM_EBUSY, crm_compact(api_path(), NULL, 0, NULL, &er));
    crm_db_close(db);
    ck_assert_int_eq(chmod(data, 0640), 0);
    ck_assert_int_eq(stat(data, &before), 0);
    OK(crm_compact(api_path(), NULL, sizeof r, &r, &er));
    ck_assert(!contains(data, SECRET));
    ck_assert_int_eq(stat(data, &after), 0);
    ck_assert_uint_eq(after.st_mode, before.st_mode);
    ck_assert_uint_eq(r.source_bytes, (uint64_t)before.st_size);
    ck_assert_uint_eq(r.bytes, (uint64_t)after.st_size);
    ck_assert_uint_lt(r.bytes, r.source_bytes);
    api_check_clean(api_path());
    OK(crm_db_open(api_path(), NULL, &again, &er));
    txn = api_begin(again, CRM_READ);
    OK(crm_journal_verify(txn, &head, 1, NULL, NULL, &er));
    crm_txn_abort(txn);
    fill(again, 5);
    crm_db_close(again);
    api_check_clean(api_path());
    IS(CRM_ENOTFOUND, crm_compact(crmtest_path("none"), NULL, 0, NULL, &er));
    ck_assert_int_ne(access(crmtest_path("none"), F_OK), 0);
}

CRM_TEST(test_api_backup__damaged_files_are_refused_or_sound)
{
    size_t refused = 0, rounds = crmtest_rounds(60, 1000), n;
    char file[600], hurt[600], dir[600];
    crm_db *db = api_open();
    char *p;

    path_of(file, "b");
    path_of(hurt, "hurt");
    path_of(dir, "copy");
    fill(db, CUSTOMERS);
    OK(crm_backup(db, file, NULL, 0, NULL, &er));
    crm_db_close(db);
    p = read_file(file, &n);
    for (size_t i = 0; i < rounds; i++) {
        uint64_t seed = crmtest_seed() + i;
        int rc;
        write_file(hurt, p, n);
        ck_assert_int_eq(damage_file(hurt, (damage_kind)(i % DAMAGE_KINDS), seed, NULL), 0);
        rc = crm_restore(hurt, dir, NULL, 0, NULL, &er);
        if (rc) {
            ck_assert_msg(rc == CRM_ECORRUPT || rc == CRM_EVERSION, "%s", er.message);
            ck_assert_int_ne(access(dir, F_OK), 0);
            refused++;
            continue;
        }
        api_check_clean(dir); /* nothing that is in use was hit */
        unlink(crmtest_path("copy/data.mdb"));
        unlink(crmtest_path("copy/crm.lock"));
        unlink(crmtest_path("copy/lock.mdb"));
        ck_assert_int_eq(rmdir(dir), 0);
    }
    ck_assert_uint_gt(refused, rounds / 2);
    free(p);
}

CRM_TEST(test_api_backup__of_a_damaged_database)
{
    char data_room[600];
    const char *data = path_of(data_room, "db/data.mdb");
    crm_db *db = api_open();
    size_t n, m;
    char *p, *q;

    fill(db, CUSTOMERS);
    crm_db_close(db);
    p = read_file(data, &n);
    for (size_t i = 0; i + 12 < n; i++) {
        if (memcmp(p + i, "Somebody 123", 12) == 0)
            p[i] = 'X';
    }
    write_file(data, p, n);
    IS(CRM_ECORRUPT, crm_compact(api_path(), NULL, 0, NULL, &er));
    q = read_file(data, &m);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(p, q, n);
    db = api_open();
    crm_error_init(&er);
    IS(CRM_ECORRUPT, crm_backup(db, crmtest_path("b"), NULL, 0, NULL, &er));
    ck_assert_str_eq(er.message, "customer: customer 124 is damaged");
    ck_assert_int_eq(er.row, 124);
    crm_db_close(db);
    ck_assert_uint_eq(crmtest_names_in(crmtest_dir()), 1);
    free(p);
    free(q);
}
