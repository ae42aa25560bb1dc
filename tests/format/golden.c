/* SPDX-License-Identifier: MIT
 * Databases of every format there has been, opened by this library: each *.mdb here reads as its
 * *.txt says, read-only and for writing, can be written, and stays clean.  And formats of later
 * libraries, which are refused by name.
 */
#include "golden.h"

#include "codec/key.h"
#include "crmtest.h"
#include "damage.h"
#include "db/store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef CRM_TESTS
#define CRM_TESTS "tests"
#endif

static crm_error err = CRM_ERROR_INIT;

static void is(int rc, int want, const char *what)
{
    ck_assert_msg(rc == want, "%s: %s, wanted %s: %s", what, crm_error_name(rc),
                  crm_error_name(want), rc < 0 ? err.message : "");
}

/* A folder of the case with a golden data file; NULL when that can't be. */
static const char *copy_of(const char *name)
{
    static char dir[512];
    char from[600], to[600];

    snprintf(dir, sizeof dir, "%s", crmtest_path(name));
    snprintf(from, sizeof from, "%s/format/%s", CRM_TESTS, name);
    snprintf(to, sizeof to, "%s/data.mdb", dir);
    ck_assert(mkdir(dir, 0700) == 0);
    ck_assert_msg(damage_copy_file(from, to) == 0, "can't copy %s", from);
    return dir;
}

static crm_db *open_db(const char *dir, uint32_t flags)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_db *db;

    o.flags = flags | CRM_NOCREATE;
    is(crm_db_open(dir, &o, &db, &err), CRM_OK, "open");
    return db;
}

static void check(const char *dir)
{
    crm_check_result res;

    is(crm_check(dir, NULL, sizeof res, &res, &err), CRM_OK, "check");
    ck_assert_uint_eq(res.faults, 0);
}

static void same_text(const char *name, const char *how, char *got, const char *want)
{
    size_t line = 1, i = 0;

    while (got[i] && got[i] == want[i])
        line += got[i++] == '\n';
    ck_assert_msg(got[i] == want[i], "%s, %s: differs in line %zu: \"%.60s\", expected \"%.60s\"",
                  name, how, line, got + i, want + i);
    free(got);
}

/* The verbs, on records written by an older library. */
static void write_to(crm_db *db)
{
    crm_txn *txn;
    crm_id id;
    char *json;

    is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, "begin");
    is(crm_customer_create_json(txn, "{\"name\":\"new\",\"employer\":1,\"phone\":\"13800138000\"}",
                                CRM_NUL, &id, &err),
       CRM_OK, "create");
    is(crm_customer_patch_json(txn, 2, 0, "{\"score\":1,\"email\":null}", CRM_NUL, &err), CRM_OK,
       "patch");
    is(crm_customer_delete(txn, 3, 0, &err), CRM_OK, "delete");
    is(crm_customer_undelete(txn, 5, 0, &err), CRM_OK, "undelete");
    is(crm_txn_commit(txn, &err), CRM_OK, "commit");
    is(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), CRM_OK, "begin");
    is(crm_customer_get_json(txn, id, 0, &json, NULL, &err), CRM_OK, "get");
    ck_assert_ptr_nonnull(strstr(json, "new"));
    crm_free(json);
    crm_txn_abort(txn);
}

static void try_golden(const char *name)
{
    char text[600], *want;
    const char *dir = copy_of(name);
    crm_db *db;

    snprintf(text, sizeof text, "%s/format/%.*s.txt", CRM_TESTS, (int)strlen(name) - 4, name);
    want = golden_read_file(text, NULL);
    check(dir);
    db = open_db(dir, CRM_READONLY);
    same_text(name, "read-only", golden_dump(db), want);
    crm_db_close(db);
    db = open_db(dir, CRM_VERIFY);
    same_text(name, "verified", golden_dump(db), want);
    crm_db_close(db);
    db = open_db(dir, 0);
    same_text(name, "for writing", golden_dump(db), want);
    write_to(db);
    crm_db_close(db);
    check(dir);
    free(want);
}

CRM_TEST(test_format_golden__every_format_reads_and_writes)
{
    struct dirent *e;
    DIR *d = opendir(CRM_TESTS "/format");
    int n = 0;

    ck_assert_msg(d != NULL, "no folder %s/format", CRM_TESTS);
    while ((e = readdir(d))) {
        size_t len = strlen(e->d_name);
        if (len > 4 && strcmp(e->d_name + len - 4, ".mdb") == 0) {
            try_golden(e->d_name);
            n++;
        }
    }
    closedir(d);
    printf("%d golden databases\n", n);
    ck_assert_int_gt(n, 0);
}

/* What this library makes now reads back as it was: the maker's own steps work. */
CRM_TEST(test_format_golden__maker)
{
    const char *out = getenv("CRM_GOLDEN");
    char name[64];

    snprintf(name, sizeof name, "%s",
             out && getenv("CRM_GOLDEN_NAME") ? getenv("CRM_GOLDEN_NAME") : "format-1");
    golden_make(out ? out : crmtest_dir(), name);
}

/* Writes the texts anew, when asked to. */
CRM_TEST(test_format_golden__texts)
{
    const char *out = getenv("CRM_GOLDEN_TEXT");
    struct dirent *e;
    DIR *d = out ? opendir(CRM_TESTS "/format") : NULL;

    while (d && (e = readdir(d))) {
        size_t len = strlen(e->d_name);
        char path[600], *text;
        crm_db *db;
        if (len <= 4 || strcmp(e->d_name + len - 4, ".mdb") != 0)
            continue;
        db = open_db(copy_of(e->d_name), CRM_READONLY);
        text = golden_dump(db);
        crm_db_close(db);
        snprintf(path, sizeof path, "%s/%.*s.txt", out, (int)len - 4, e->d_name);
        golden_write_file(path, text, strlen(text));
        free(text);
    }
    if (d)
        closedir(d);
}

/* ---- other formats ---- */

static const uint8_t NO_KEY[CRM__HASH_KEY];

static crm__slice format_key(void)
{
    return crm__slice_of("format", 6);
}

/* Gives the header to edit(), which returns its new length, 0 to remove the row. */
static void edit_header(const char *dir, size_t (*edit)(uint8_t *p, size_t n), int seal)
{
    kv_options o;
    kv_env *env;
    kv_txn *txn;
    crm__slice v;
    uint8_t p[1000];
    size_t n;

    memset(&o, 0, sizeof o);
    is(crm__kv_open(dir, &o, &env, &err), CRM_OK, "engine");
    is(env->ops->begin(env, 1, &txn, &err), CRM_OK, "begin");
    is(txn->ops->get(txn, KV_META, format_key(), &v), CRM_OK, "header");
    ck_assert_uint_lt(v.n, sizeof p - 100);
    memcpy(p, v.p, v.n);
    n = edit(p, v.n - CRM__TAG_SIZE);
    if (n) {
        uint64_t tag = crm__check_tag(NO_KEY, KV_META, format_key(), crm__slice_of(p, n));
        crm__put_le64(p + n, seal ? tag : ~tag);
        is(txn->ops->put(txn, KV_META, format_key(), crm__slice_of(p, n + CRM__TAG_SIZE), 0),
           CRM_OK, "put");
    } else {
        is(txn->ops->del(txn, KV_META, format_key()), CRM_OK, "del");
    }
    is(txn->ops->commit(txn, &err), CRM_OK, "commit");
    env->ops->close(env);
}

enum { FEATURES_AT = 7 + 1 + 48 + 8 };

static size_t add_feature(uint8_t *p, size_t n)
{
    static const char NAME[] = "teleport-9";

    p[FEATURES_AT]++; /* a varint of one byte */
    p[n] = sizeof NAME - 1;
    memcpy(p + n + 1, NAME, sizeof NAME - 1);
    return n + sizeof NAME;
}

static size_t later_layout(uint8_t *p, size_t n)
{
    p[7] = 200;
    return n;
}

static size_t no_change(uint8_t *p, size_t n)
{
    (void)p;
    return n;
}

static size_t remove_it(uint8_t *p, size_t n)
{
    (void)p;
    (void)n;
    return 0;
}

static void refused(const char *dir, int code)
{
    static const uint32_t FLAGS[] = {0, CRM_READONLY, CRM_NOCREATE, CRM_VERIFY};
    crm_db *db;

    for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++) {
        crm_db_options o = CRM_DB_OPTIONS_INIT;
        o.flags = FLAGS[i];
        err = (crm_error)CRM_ERROR_INIT;
        is(crm_db_open(dir, &o, &db, &err), code, "open");
        ck_assert_ptr_null(db);
        ck_assert_int_eq(err.code, code);
    }
}

CRM_TEST(test_format_golden__unknown_feature_is_named)
{
    const char *dir = copy_of("format-1.mdb");
    int rc;

    edit_header(dir, add_feature, 1);
    refused(dir, CRM_EVERSION);
    ck_assert_ptr_nonnull(strstr(err.message, "teleport-9"));
    ck_assert_str_eq(err.field, "teleport-9");
    rc = crm_check(dir, NULL, 0, NULL, &err);
    is(rc, CRM_EVERSION, "check");
    ck_assert_ptr_nonnull(strstr(err.message, "teleport-9"));
}

CRM_TEST(test_format_golden__later_layout_is_refused)
{
    const char *dir = copy_of("format-1.mdb");

    edit_header(dir, later_layout, 1);
    refused(dir, CRM_EVERSION);
}

CRM_TEST(test_format_golden__damaged_header_is_refused)
{
    const char *dir = copy_of("format-1.mdb");

    edit_header(dir, no_change, 0);
    refused(dir, CRM_ECORRUPT);
    is(crm_check(dir, NULL, 0, NULL, &err), CRM_ECORRUPT, "check");
}

/* A new header would have new keys, under which nothing that is there could be read again. */
CRM_TEST(test_format_golden__lost_header_is_not_made_anew)
{
    const char *dir = copy_of("format-1.mdb");
    crm_db *db;

    edit_header(dir, remove_it, 1);
    is(crm_db_open(dir, NULL, &db, &err), CRM_ECORRUPT, "open");
    is(crm_check(dir, NULL, 0, NULL, &err), CRM_ECORRUPT, "check");
}

/* Another program's LMDB file, and files that are none. */
CRM_TEST(test_format_golden__other_files_are_refused)
{
    static const char *const TEXTS[] = {"not a database", "\0\0\0\0"};
    char dir[512], path[600];
    crm_db *db;

    snprintf(dir, sizeof dir, "%s", crmtest_path("other"));
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        char bytes[20000] = {0};
        memcpy(bytes, TEXTS[i], strlen(TEXTS[i]));
        golden_write_file(path, bytes, i ? sizeof bytes : strlen(TEXTS[i]));
        is(crm_db_open(dir, NULL, &db, &err), CRM_ECORRUPT, "open");
        is(crm_check(dir, NULL, 0, NULL, &err), CRM_ECORRUPT, "check");
    }
}
