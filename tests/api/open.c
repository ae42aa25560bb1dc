/* SPDX-License-Identifier: MIT
 * Opening and closing: what is made and what is refused, options, several handles, exclusive
 * holders.
 */
#include "help.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_with(const char *path, uint32_t flags, crm_db **db)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;

    o.flags = flags;
    *db = (crm_db *)1;
    return crm_db_open(path, &o, db, &er);
}

static int there(const char *path)
{
    return access(path, F_OK) == 0;
}

CRM_TEST(test_api_open__makes_folder_and_files)
{
    crm_db *db = api_open();
    struct stat st;

    ck_assert_int_eq(stat(api_path(), &st), 0);
    ck_assert(S_ISDIR(st.st_mode));
    ck_assert_uint_eq(st.st_mode & 077, 0); /* nobody else's business */
    ck_assert(there(crmtest_path("db/data.mdb")));
    ck_assert(there(crmtest_path("db/crm.lock")));
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_open__refuses_to_make)
{
    crm_db *db;

    IS(CRM_ENOTFOUND, open_with(api_path(), CRM_NOCREATE, &db));
    ck_assert_ptr_null(db);
    IS(CRM_ENOTFOUND, open_with(api_path(), CRM_READONLY, &db));
    ck_assert(!there(api_path()));
    ck_assert_int_eq(mkdir(api_path(), 0700), 0);
    IS(CRM_ENOTFOUND, open_with(api_path(), CRM_NOCREATE, &db));
    IS(CRM_ENOTFOUND, open_with(api_path(), CRM_READONLY, &db));
    ck_assert(!there(crmtest_path("db/data.mdb")));
    OK(open_with(api_path(), 0, &db)); /* an empty folder is as good as none */
    crm_db_close(db);
    OK(open_with(api_path(), CRM_NOCREATE, &db));
    crm_db_close(db);
}

CRM_TEST(test_api_open__faulty_arguments)
{
    crm_db *db;
    FILE *f;

    IS(CRM_EINVAL, crm_db_open(NULL, NULL, &db, &er));
    ck_assert_str_eq(er.field, "path");
    ck_assert_ptr_null(db);
    IS(CRM_EINVAL, crm_db_open("", NULL, &db, &er));
    IS(CRM_EINVAL, crm_db_open("\xff\xfe", NULL, &db, &er));
    IS(CRM_EINVAL, crm_db_open(api_path(), NULL, NULL, &er));
    ck_assert_int_eq(crm_db_open(api_path(), NULL, NULL, NULL), CRM_EINVAL);
    IS(CRM_EIO, open_with(crmtest_path("no/such/parent"), 0, &db));
    ck_assert_int_eq(er.sys, ENOENT);
    ck_assert_ptr_null(db);
    f = fopen(crmtest_path("file"), "w");
    ck_assert_ptr_nonnull(f);
    fclose(f);
    IS(CRM_EIO, open_with(crmtest_path("file"), 0, &db));
    IS(CRM_EINVAL, open_with(api_path(), 1u << 30, &db));
    ck_assert_str_eq(er.field, "flags");
    for (int i = 0; i < 2; i++) {
        crm_db_options o = CRM_DB_OPTIONS_INIT;
        char name[102];
        memset(name, i ? '\n' : 'a', 101);
        name[101] = 0;
        o.actor = name;
        IS(CRM_EINVAL, crm_db_open(api_path(), &o, &db, &er));
        ck_assert_str_eq(er.field, "actor");
    }
    ck_assert(!there(api_path()));
}

/* The first entry names who made the database; opening it later changes nothing of that. */
CRM_TEST(test_api_open__who_made_it)
{
    static const char *const ACTOR[] = {"li.na", NULL, ""};
    crm_db_options o = CRM_DB_OPTIONS_INIT;

    for (int i = 0; i < 3; i++) {
        const char *dir = crmtest_path(i ? i > 1 ? "two" : "one" : "none");
        crm_change c = CRM_CHANGE_INIT;
        crm_change_iter *it;
        crm_txn *txn;
        crm_db *db;
        o.actor = ACTOR[i];
        OK(crm_db_open(dir, &o, &db, &er));
        crm_db_close(db);
        o.actor = "wang";
        OK(crm_db_open(dir, &o, &db, &er));
        txn = api_begin(db, CRM_READ);
        OK(crm_change_list(txn, 0, &it, &er));
        OK(crm_change_next(it, &c, &er));
        ck_assert(c.action == CRM_ACTION_MODEL);
        if (i)
            ck_assert_ptr_null(c.actor);
        else
            ck_assert_str_eq(c.actor, "li.na");
        IS(CRM_DONE, crm_change_next(it, &c, &er));
        crm_change_close(it);
        OK(crm_txn_abort(txn));
        crm_db_close(db);
    }
}

/* The room for reader slots is taken on the disk at once: no number of them fills it by mistake. */
CRM_TEST(test_api_open__readers_are_bounded)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    struct stat st;
    crm_db *db;

    o.max_readers = 65537;
    IS(CRM_EINVAL, crm_db_open(api_path(), &o, &db, &er));
    ck_assert_str_eq(er.field, "max_readers");
    o.max_readers = UINT32_MAX;
    IS(CRM_EINVAL, crm_db_open(api_path(), &o, &db, &er));
    ck_assert(!there(api_path()));
    o.max_readers = 65536;
    OK(crm_db_open(api_path(), &o, &db, &er));
    crm_db_close(db);
    ck_assert_int_eq(stat(crmtest_path("db/lock.mdb"), &st), 0);
    ck_assert_int_le(st.st_size, 65536 * 64 + 8192);
    ck_assert_int_le((int64_t)st.st_blocks * 512, 65536 * 64 + 65536);
}

/* ---- options ---- */

/* A buffer larger than any option struct, whose head is one. */
typedef union wide {
    size_t size;
    crm_db_options db;
    crm_txn_options txn;
    crm_list_options list;
    crm_check_options check;
    unsigned char byte[4200];
} wide;

typedef struct users {
    crm_db *db;
    crm_txn *txn;
} users;

static int nothing(crm_txn *txn, void *ctx)
{
    (void)txn;
    (void)ctx;
    return CRM_OK;
}

static int use_db(users *u, const void *opts)
{
    crm_db *db = NULL;
    int rc = crm_db_open(api_path(), opts, &db, &er);

    (void)u;
    crm_db_close(db);
    return rc;
}

static int use_begin(users *u, const void *opts)
{
    crm_txn *txn = NULL;
    int rc = crm_txn_begin(u->db, CRM_READ, opts, &txn, &er);

    crm_txn_abort(txn);
    return rc;
}

static int use_write(users *u, const void *opts)
{
    return crm_db_write(u->db, opts, nothing, NULL, &er);
}

static int use_list(users *u, const void *opts)
{
    crm_customer_iter *it = NULL;
    int rc = crm_customer_list(u->txn, opts, &it, &er);

    crm_customer_list_close(it);
    return rc;
}

static int use_check(users *u, const void *opts)
{
    (void)u;
    return crm_check(api_path(), opts, 0, NULL, &er);
}

static void try_sizes(users *u, int (*use)(users *, const void *), size_t known)
{
    wide w;

    memset(&w, 0, sizeof w);
    IS(CRM_EINVAL, use(u, &w)); /* size is not set */
    w.size = 3;
    IS(CRM_EINVAL, use(u, &w));
    w.size = sizeof(size_t); /* an old caller's struct, of which nothing is known but the size */
    memset(w.byte + w.size, 0xff, sizeof w - w.size);
    OK(use(u, &w));
    memset(w.byte + sizeof w.size, 0, sizeof w - sizeof w.size);
    w.size = known;
    OK(use(u, &w));
    w.size = known + 64; /* a new caller's, who uses nothing that is new */
    OK(use(u, &w));
    w.byte[known + 63] = 1;
    IS(CRM_EINVAL, use(u, &w));
    ck_assert(er.message[0]);
    w.byte[known + 63] = 0;
    w.byte[known] = 1;
    IS(CRM_EINVAL, use(u, &w));
    w.size = known; /* now it is behind the end */
    OK(use(u, &w));
    w.byte[known] = 0;
    w.size = (size_t)1 << 40;
    IS(CRM_EINVAL, use(u, &w));
}

CRM_TEST(test_api_open__option_structs_of_other_sizes)
{
    users u;

    u.db = api_open();
    u.txn = api_begin(u.db, CRM_READ);
    try_sizes(&u, use_db, sizeof(crm_db_options));
    try_sizes(&u, use_begin, sizeof(crm_txn_options));
    try_sizes(&u, use_write, sizeof(crm_txn_options));
    try_sizes(&u, use_list, sizeof(crm_list_options));
    try_sizes(&u, use_check, sizeof(crm_check_options));
    OK(crm_txn_abort(u.txn));
    crm_db_close(u.db);
}

CRM_TEST(test_api_open__unknown_flags_and_reserved_members)
{
    crm_txn_options t = CRM_TXN_OPTIONS_INIT;
    crm_list_options l = CRM_LIST_OPTIONS_INIT;
    crm_check_options c = CRM_CHECK_OPTIONS_INIT;
    crm_db_options d = CRM_DB_OPTIONS_INIT;
    users u;

    u.db = api_open();
    u.txn = api_begin(u.db, CRM_READ);
    t.flags = 1u << 31;
    IS(CRM_EINVAL, use_begin(&u, &t));
    IS(CRM_EINVAL, use_write(&u, &t));
    t.flags = 0;
    t.reserved = 1;
    IS(CRM_EINVAL, use_begin(&u, &t));
    l.flags = 2;
    IS(CRM_EINVAL, use_list(&u, &l));
    l.flags = 0;
    l.reserved = 7;
    IS(CRM_EINVAL, use_list(&u, &l));
    c.flags = 2;
    IS(CRM_EINVAL, use_check(&u, &c));
    d.max_reader_age_us = -1;
    IS(CRM_EINVAL, use_db(&u, &d));
    ck_assert_str_eq(er.field, "max_reader_age_us");
    OK(crm_txn_abort(u.txn));
    crm_db_close(u.db);
}

CRM_TEST(test_api_open__init_functions_equal_the_macros)
{
    crm_db_options d, d0 = CRM_DB_OPTIONS_INIT;
    crm_txn_options t, t0 = CRM_TXN_OPTIONS_INIT;
    crm_list_options l, l0 = CRM_LIST_OPTIONS_INIT;
    crm_check_options c, c0 = CRM_CHECK_OPTIONS_INIT;
    crm_error e, e0 = CRM_ERROR_INIT;

    memset(&c, 0xaa, sizeof c);
    memset(&d, 0xaa, sizeof d);
    memset(&t, 0xaa, sizeof t);
    memset(&l, 0xaa, sizeof l);
    memset(&e, 0xaa, sizeof e);
    crm_db_options_init(&d);
    crm_txn_options_init(&t);
    crm_list_options_init(&l);
    crm_error_init(&e);
    crm_check_options_init(&c);
    ck_assert(memcmp(&c, &c0, sizeof c) == 0);
    ck_assert(d.size == d0.size && d.flags == 0 && !d.allocator && !d.log && !d.model);
    ck_assert(memcmp(&t, &t0, sizeof t) == 0);
    ck_assert(memcmp(&l, &l0, sizeof l) == 0);
    ck_assert(e.size == e0.size && e.code == 0 && e.offset == -1 && e.row == -1 && !e.field[0]);
    crm_db_options_init(NULL);
    crm_txn_options_init(NULL);
    crm_list_options_init(NULL);
    crm_check_options_init(NULL);
    crm_error_init(NULL);
}

CRM_TEST(test_api_open__version_and_names)
{
    ck_assert_str_eq(crm_version(), CRM_VERSION_STRING);
    ck_assert_int_eq(crm_version_number(), CRM_VERSION_NUMBER);
    ck_assert_ptr_nonnull(strstr(crm_build_info(), CRM_VERSION_STRING));
    ck_assert_str_eq(crm_error_name(CRM_OK), "CRM_OK");
    ck_assert_str_eq(crm_error_name(CRM_DONE), "CRM_DONE");
    ck_assert_str_eq(crm_error_name(CRM_EPOISONED), "CRM_EPOISONED");
    ck_assert_str_eq(crm_error_name(12345), "CRM_?");
    ck_assert_str_eq(crm_error_text(CRM_ENOTFOUND), "not found");
    ck_assert_str_eq(crm_error_text(-999), "unknown result");
}

/* ---- models ---- */

CRM_TEST(test_api_open__faulty_model)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_txn *txn;
    crm_db *db;

    o.model = "crm: 1\nfields:\n  name: {type: texts}\n";
    IS(CRM_EMODEL, crm_db_open(api_path(), &o, &db, &er));
    ck_assert_ptr_null(db);
    ck_assert_int_eq(er.row, 3);
    ck_assert_int_eq(er.offset, 16);
    o.model = "crm: 1\nfields:\n  name: {type: text}\n";
    OK(crm_db_open(api_path(), &o, &db, &er)); /* what was half made is not in the way */
    crm_db_close(db);
    o.model = "crm: 1\nfields:\n  other: {type: integer}\n";
    OK(crm_db_open(api_path(), &o, &db, &er)); /* only for a database that is made */
    txn = api_begin(db, CRM_READ);
    ck_assert_uint_eq(api_field(txn, "name").type, CRM_TYPE_TEXT);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    o.model = "not even a model"; /* a mistake of the caller's whether it is used or not */
    IS(CRM_EMODEL, crm_db_open(api_path(), &o, &db, &er));
    api_check_clean(api_path());
}

/* ---- several handles ---- */

CRM_TEST(test_api_open__handles_of_one_folder_share)
{
    crm_db *a = api_open(), *b = NULL, *c = NULL;
    crm_txn *txn, *other = NULL;
    crm_id id;

    ck_assert_int_eq(symlink(api_path(), crmtest_path("link")), 0);
    OK(crm_db_open(crmtest_path("link"), NULL, &b, &er));
    OK(open_with(api_path(), CRM_READONLY, &c));
    txn = api_begin(a, CRM_WRITE);
    IS(CRM_ESTATE, crm_txn_begin(b, CRM_WRITE, NULL, &other, &er)); /* it would wait for itself */
    IS(CRM_ESTATE, crm_db_write(b, NULL, nothing, NULL, &er));
    id = api_create(txn, "{\"name\":\"A\"}");
    api_commit(txn);
    crm_db_close(a);
    txn = api_begin(b, CRM_READ);
    ck_assert(api_has(txn, id, "\"name\":\"A\""));
    OK(crm_txn_abort(txn));
    txn = api_begin(c, CRM_READ);
    ck_assert(api_has(txn, id, "\"name\":\"A\""));
    OK(crm_txn_abort(txn));
    crm_db_close(b);
    crm_db_close(c);
    api_check_clean(api_path());
}

CRM_TEST(test_api_open__readonly)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\",\"phone\":\"13800138000\"}");
    crm_db_stat st;

    api_commit(txn);
    crm_db_close(db);
    OK(open_with(api_path(), CRM_READONLY, &db));
    IS(CRM_EREADONLY, crm_txn_begin(db, CRM_WRITE, NULL, &txn, &er));
    ck_assert_ptr_null(txn);
    IS(CRM_EREADONLY, crm_db_write(db, NULL, nothing, NULL, &er));
    txn = api_begin(db, CRM_READ);
    ck_assert(api_has(txn, id, "+8613800138000"));
    ck_assert_uint_eq(api_found(txn, "phone", NULL, "138 0013 8000", NULL), 1);
    OK(crm_txn_abort(txn));
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_eq(st.customers, 1);
    crm_db_close(db);
}

/* Opens without rights, as another user when this one has all; the message begins with ctx. */
static int open_as_nobody(void *ctx)
{
    const char *want = ctx;
    char begin[100];
    crm_db *db;

    if (geteuid() == 0)
        NEED(setegid(65534) == 0 && seteuid(65534) == 0);
    for (uint32_t flags = 0; flags <= CRM_READONLY; flags++) {
        NEED(open_with(api_path(), flags, &db) == CRM_EIO && er.sys == EACCES && !db);
        if (flags && strcmp(want, "can't make crm.lock") == 0)
            want = "can't make lock.mdb"; /* a reader does without crm.lock there */
        snprintf(begin, sizeof begin, "%s: Permission denied; user %lu needs the right", want,
                 (unsigned long)geteuid());
        NEED(strncmp(er.message, begin, strlen(begin)) == 0);
    }
    return 0;
}

static void rights(mode_t folder, mode_t lock, mode_t engine, mode_t data)
{
    ck_assert_int_eq(chmod(api_path(), 0755), 0);
    ck_assert_int_eq(chmod(crmtest_path("db/crm.lock"), lock), 0);
    ck_assert_int_eq(chmod(crmtest_path("db/lock.mdb"), engine), 0);
    ck_assert_int_eq(chmod(crmtest_path("db/data.mdb"), data), 0);
    ck_assert_int_eq(chmod(api_path(), folder), 0);
}

static void denied(const char *want)
{
    ck_assert_msg(api_child(open_as_nobody, (void *)(uintptr_t)want) == 0, "%s", want);
}

/* Readers have to say in the lock file that they read: without the right to, there is no snapshot.
 * The message names the file that is in the way. */
CRM_TEST(test_api_open__without_rights)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);

    api_create(txn, "{\"name\":\"A\"}");
    api_commit(txn);
    crm_db_close(db);
    ck_assert_int_eq(chmod(crmtest_dir(), 0755), 0);
    rights(0777, 0444, 0666, 0666);
    denied("can't open crm.lock");
    rights(0777, 0666, 0444, 0666);
    denied("can't open lock.mdb");
    rights(0777, 0666, 0666, 0444);
    denied("can't open data.mdb");
    rights(0000, 0666, 0666, 0666);
    denied("can't enter the folder");
    rights(0755, 0666, 0666, 0666);
    ck_assert_int_eq(unlink(crmtest_path("db/lock.mdb")), 0);
    ck_assert_int_eq(chmod(api_path(), 0555), 0);
    denied("can't make lock.mdb");
    ck_assert_int_eq(chmod(api_path(), 0755), 0);
    ck_assert_int_eq(unlink(crmtest_path("db/crm.lock")), 0);
    ck_assert_int_eq(chmod(api_path(), 0555), 0);
    denied("can't make crm.lock");
    ck_assert_int_eq(chmod(api_path(), 0755), 0);
}

/* ---- other holders ---- */

static int lock_byte(off_t at, short type)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    int fd = open(crmtest_path("db/crm.lock"), O_RDWR);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &l), 0);
    return fd;
}

CRM_TEST(test_api_open__held_by_others)
{
    crm_db *db = api_open();
    int fd;

    crm_db_close(db);
    fd = lock_byte(0, F_WRLCK); /* somebody replaces the data file */
    IS(CRM_EBUSY, open_with(api_path(), 0, &db));
    ck_assert_ptr_null(db);
    close(fd);
    fd = lock_byte(getpid(), F_WRLCK); /* another copy of the library, or an equal pid */
    IS(CRM_EOPEN, open_with(api_path(), 0, &db));
    IS(CRM_EOPEN, open_with(api_path(), CRM_READONLY, &db));
    close(fd);
    fd = lock_byte(getpid() + 1, F_WRLCK); /* another process */
    OK(open_with(api_path(), 0, &db));
    crm_db_close(db);
    close(fd);
}

CRM_TEST(test_api_open__lock_file_is_replaced)
{
    crm_db *db = api_open();

    crm_db_close(db);
    ck_assert_int_eq(unlink(crmtest_path("db/crm.lock")), 0);
    db = api_open();
    ck_assert(there(crmtest_path("db/crm.lock")));
    crm_db_close(db);
}

/* ---- damage ---- */

static void overwrite(const char *path, off_t at, size_t n)
{
    char junk[8192];
    int fd = open(path, O_RDWR);

    memset(junk, 0x5a, sizeof junk);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, junk, n, at), (ssize_t)n);
    close(fd);
}

CRM_TEST(test_api_open__damaged_head)
{
    crm_db *db = api_open();

    crm_db_close(db);
    overwrite(crmtest_path("db/data.mdb"), 0, 8192);
    IS(CRM_ECORRUPT, open_with(api_path(), 0, &db));
    ck_assert_ptr_null(db);
    IS(CRM_ECORRUPT, open_with(api_path(), CRM_READONLY, &db));
    IS(CRM_ECORRUPT, crm_check(api_path(), NULL, 0, NULL, &er));
}

CRM_TEST(test_api_open__verify_walks_the_pages)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    struct stat st;
    off_t at;

    for (int i = 0; i < 2000; i++)
        api_create(txn, "{\"name\":\"A\",\"notes\":\"some text that takes room\"}");
    api_commit(txn);
    crm_db_close(db);
    OK(open_with(api_path(), CRM_VERIFY, &db));
    crm_db_close(db);
    ck_assert_int_eq(stat(crmtest_path("db/data.mdb"), &st), 0);
    for (at = 8192; at + 4096 <= st.st_size; at += 4096)
        overwrite(crmtest_path("db/data.mdb"), at, 4096);
    IS(CRM_ECORRUPT, open_with(api_path(), CRM_VERIFY, &db));
    ck_assert_ptr_null(db);
}

CRM_TEST(test_api_open__foreign_file)
{
    crm_db *db;
    FILE *f;

    ck_assert_int_eq(mkdir(api_path(), 0700), 0);
    f = fopen(crmtest_path("db/data.mdb"), "w");
    ck_assert_ptr_nonnull(f);
    fputs("this is no database, but it is longer than a few bytes\n", f);
    fclose(f);
    IS(CRM_ECORRUPT, open_with(api_path(), 0, &db));
    ck_assert_ptr_null(db);
}

CRM_TEST(test_api_open__many_times)
{
    crm_db *db;

    for (int i = 0; i < 200; i++) {
        OK(open_with(api_path(), i % 2 ? CRM_NOCREATE : 0, &db));
        crm_db_close(db);
    }
}
