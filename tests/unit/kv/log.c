/* SPDX-License-Identifier: MIT
 * The log of small commits (src/kv/kv_log.h): the file alone, whatever its bytes; and the engine
 * that writes it, beside what killed processes leave.
 */
#include "kv/kv_lmdb.h"

#include "base/bytes.h"
#include "codec/key.h"
#include "crmtest.h"
#include "damage.h"
#include "ok.h"

#include <crm/error.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BASE = 2000, RECORDS = 12, PSIZE = 4096, SMALL = 10 };

static crm__slice text(const char *s)
{
    return crm__slice_of(s, strlen(s));
}

static uint8_t meta_byte(uint64_t base, int i)
{
    return (uint8_t)(base * 7 + (uint64_t)i);
}

static void begin_at(crm__log *l, uint64_t base, int sync)
{
    uint8_t meta[LOG_META];

    for (int i = 0; i < LOG_META; i++)
        meta[i] = meta_byte(base, i);
    OK(crm__log_begin(l, base, PSIZE, meta, base, sync));
}

/* Record n: n % 4 puts, a removal, and sometimes a clearing. */
static void append(crm__log *l, int n)
{
    static const uint8_t VALUE[300];
    char key[20];
    int lasting;
    crm__buf b;

    crm__buf_init(&b, NULL);
    crm__log_record(&b);
    for (int i = 0; i < n % 4; i++) {
        snprintf(key, sizeof key, "key %d %d", n, i);
        crm__log_add(&b, LOG_PUT, KV_BITS, text(key), crm__slice_of(VALUE, (size_t)n * 20));
    }
    if (n % 3 == 0)
        crm__log_add(&b, LOG_CLEAR, KV_DAY, text(""), text(""));
    crm__log_add(&b, LOG_DEL, KV_META, text("gone"), text(""));
    OK(crm__log_append(l, &b, &lasting));
    crm__buf_clear(&b);
}

static void expect(int more, crm__slice *left, kv_log_what what, kv_space space, const char *key)
{
    crm__slice k, v;
    kv_log_what w;
    kv_space s;

    ck_assert_int_eq(crm__log_change(left, &w, &s, &k, &v), more);
    if (!more)
        return;
    ck_assert(w == what && s == space);
    ck_assert(k.n == strlen(key) && (!k.n || memcmp(k.p, key, k.n) == 0));
}

static void expect_record(crm__slice left, int n)
{
    char key[20];

    for (int i = 0; i < n % 4; i++) {
        snprintf(key, sizeof key, "key %d %d", n, i);
        expect(1, &left, LOG_PUT, KV_BITS, key);
    }
    if (n % 3 == 0)
        expect(1, &left, LOG_CLEAR, KV_DAY, "");
    expect(1, &left, LOG_DEL, KV_META, "gone");
    expect(0, &left, LOG_DEL, KV_META, "");
}

/* The records behind a base, from 1 on; how many there are. */
static int count_records(const char *dir, uint64_t base)
{
    crm__slice changes;
    uint64_t at = 0;
    crm__buf room;
    crm__log l;
    int n = 0;

    OK(crm__log_open(&l, dir, 0));
    crm__buf_init(&room, NULL);
    while (crm__log_next(&l, &at, &room, &changes) == CRM_OK) {
        ck_assert_uint_eq(l.base, base);
        for (int i = 0; i < LOG_META; i++)
            ck_assert_uint_eq(l.meta[i], meta_byte(base, i));
        expect_record(changes, ++n);
        ck_assert_uint_eq(l.last, base + (uint64_t)n);
    }
    crm__buf_clear(&room);
    crm__log_close(&l);
    return n;
}

CRM_TEST(test_kv_log__gives_back_what_was_appended)
{
    crm__log l, other;

    ck_assert_int_eq(crm__log_open(&l, crmtest_dir(), 0), CRM_ENOTFOUND);
    OK(crm__log_open(&l, crmtest_dir(), 1));
    ck_assert_int_eq(crm__log_read(&l, NULL, UINT64_MAX), CRM_ENOTFOUND);
    begin_at(&l, BASE, 1);
    ck_assert(!log_has_records(&l) && crm__log_same_boot(&l));
    OK(crm__log_open(&other, crmtest_dir(), 1));
    for (int n = 1; n <= RECORDS; n++) {
        append(&l, n);
        if (n % 5 == 0) { /* goes on where it was */
            OK(crm__log_read(&other, NULL, UINT64_MAX));
            ck_assert(other.last == l.last && other.end == l.end && other.check == l.check);
        }
    }
    ck_assert_int_eq(count_records(crmtest_dir(), BASE), RECORDS);
    OK(crm__log_read(&other, NULL, BASE + 3)); /* no further than asked for */
    ck_assert_uint_eq(other.last, BASE + 3);
    append(&other, 4);
    ck_assert_int_eq(count_records(crmtest_dir(), BASE), RECORDS); /* the same record again */
    crm__log_close(&other);
    crm__log_close(&l);
}

CRM_TEST(test_kv_log__begins_anew_and_takes_back)
{
    crm__log l, before, other;

    OK(crm__log_open(&l, crmtest_dir(), 1));
    begin_at(&l, BASE, 0);
    for (int n = 1; n <= RECORDS; n++)
        append(&l, n);
    before = l;
    append(&l, RECORDS + 1);
    OK(crm__log_take_back(&l, &before));
    ck_assert(l.last == before.last && l.end == before.end);
    ck_assert_int_eq(count_records(crmtest_dir(), BASE), RECORDS);
    OK(crm__log_open(&other, crmtest_dir(), 0));
    OK(crm__log_read(&other, NULL, UINT64_MAX));
    ck_assert(crm__log_current(&other));
    for (uint64_t base = BASE + RECORDS; base < BASE + 9 * RECORDS; base += RECORDS) {
        begin_at(&l, base, 1);
        ck_assert_int_eq(count_records(crmtest_dir(), base), 0);
        ck_assert(!crm__log_current(&other));
        OK(crm__log_read(&other, NULL, UINT64_MAX));
        ck_assert(crm__log_current(&other) && other.base == base && !log_has_records(&other));
        append(&other, 1);
        OK(crm__log_read(&l, NULL, UINT64_MAX));
        append(&l, 2);
        ck_assert_int_eq(count_records(crmtest_dir(), base), 2);
    }
    crm__log_close(&other);
    crm__log_close(&l);
}

/* Two handles, each of which makes the file larger for its own records. */
CRM_TEST(test_kv_log__grows_under_several_writers)
{
    enum { TURNS = 60, BYTES = 50000 };
    uint8_t *bytes = malloc(BYTES);
    crm__log l[2];
    crm__slice changes, key, value;
    kv_log_what what;
    kv_space space;
    uint64_t at = 0;
    crm__buf b;
    int lasting, n = 0;

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, 7, BYTES);
    OK(crm__log_open(&l[0], crmtest_dir(), 1));
    begin_at(&l[0], BASE, 1);
    OK(crm__log_open(&l[1], crmtest_dir(), 0));
    crm__buf_init(&b, NULL);
    for (int i = 0; i < TURNS; i++) {
        crm__log *mine = &l[i / 3 % 2]; /* three times each */
        OK(crm__log_read(mine, NULL, BASE + (uint64_t)i));
        bytes[0] = (uint8_t)i;
        crm__log_record(&b);
        crm__log_add(&b, LOG_PUT, KV_BITS, text("k"), crm__slice_of(bytes, BYTES));
        OK(crm__log_append(mine, &b, &lasting));
    }
    OK(crm__log_open(&l[0], crmtest_dir(), 0));
    while (crm__log_next(&l[0], &at, &b, &changes) == CRM_OK) {
        ck_assert_int_eq(crm__log_change(&changes, &what, &space, &key, &value), 1);
        ck_assert(value.n == BYTES && value.p[0] == n++);
    }
    ck_assert_int_eq(n, TURNS);
    crm__buf_clear(&b);
    free(bytes);
}

/* Every byte changed, and the file cut at every length: the records up to there, and no others. */
CRM_TEST(test_kv_log__ends_before_what_is_damaged)
{
    char path[4200];
    uint64_t ends[SMALL + 1];
    crm__log l;
    int fd, kept;

    OK(crm__log_open(&l, crmtest_dir(), 1));
    begin_at(&l, BASE, 1);
    ends[0] = l.end;
    for (int n = 1; n <= SMALL; n++) {
        append(&l, n);
        ends[n] = l.end;
    }
    crm__log_close(&l);
    snprintf(path, sizeof path, "%s/data.log", crmtest_dir());
    fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    for (uint64_t at = ends[0]; at < ends[SMALL]; at++) {
        uint8_t byte, other;
        ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
        other = (uint8_t)(byte ^ (1 + at % 255));
        ck_assert_int_eq(pwrite(fd, &other, 1, (off_t)at), 1);
        kept = count_records(crmtest_dir(), BASE);
        /* A byte of the padding belongs to nothing. */
        ck_assert_msg(kept == SMALL || (at >= ends[kept] && at < ends[kept + 1]), "byte %llu",
                      (unsigned long long)at);
        ck_assert(kept < SMALL || !byte);
        ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
    }
    for (uint64_t n = ends[SMALL]; n-- > ends[0];) {
        ck_assert_int_eq(ftruncate(fd, (off_t)n), 0);
        kept = count_records(crmtest_dir(), BASE);
        ck_assert(ends[kept] <= n + 7);
        ck_assert(kept == SMALL || ends[kept + 1] > n);
    }
    for (uint64_t at = 0; at < 512; at++) { /* the head's place is the one of its number */
        uint8_t byte, other;
        for (uint64_t half = 0; half < 2; half++) {
            off_t to = (off_t)(at + 4096 * half);
            ck_assert_int_eq(pread(fd, &byte, 1, to), 1);
            other = (uint8_t)~byte;
            ck_assert_int_eq(pwrite(fd, &other, 1, to), 1);
            OK(crm__log_open(&l, crmtest_dir(), 0));
            kept = crm__log_read(&l, NULL, UINT64_MAX);
            ck_assert(kept == CRM_OK || kept == CRM_ENOTFOUND);
            ck_assert(kept || l.base == BASE);
            crm__log_close(&l);
            ck_assert_int_eq(pwrite(fd, &byte, 1, to), 1);
        }
    }
    close(fd);
}

/* ---- the engine ---- */

static kv_env *open_engine(const char *dir)
{
    kv_options o = {.create = 1, .log = 1};
    crm_error err = CRM_ERROR_INIT;
    kv_env *env;

    ck_assert_msg(crm__kv_lmdb_open(dir, &o, &env, &err) == CRM_OK, "%s", err.message);
    return env;
}

static void put_number(kv_env *env, uint64_t n)
{
    uint8_t bytes[8];
    kv_txn *txn;

    crm__put_be64(bytes, n);
    OK(env->ops->begin(env, 1, &txn, NULL));
    OK(txn->ops->put(txn, KV_META, text("n"), crm__slice_of(bytes, 8), 0));
    OK(txn->ops->commit(txn, NULL));
}

static uint64_t number_in(const char *dir)
{
    kv_options o = {.readonly = 1};
    kv_env *env;
    kv_txn *txn;
    crm__slice v;
    uint64_t n;

    OK(crm__kv_page_open(dir, &o, &env, NULL));
    OK(env->ops->begin(env, 0, &txn, NULL));
    OK(txn->ops->get(txn, KV_META, text("n"), &v));
    n = crm__get_be64(v.p);
    txn->ops->abort(txn);
    env->ops->close(env);
    return n;
}

/* What an opening finds after a power loss that took nothing but what was not synced: the file as it was
 * before, and the log. */
static uint64_t recovered(const char *dir)
{
    char copy[4000], a[4200], b[4200];
    kv_options o = {0};
    crm_error err = CRM_ERROR_INIT;

    snprintf(copy, sizeof copy, "%s", crmtest_path("copy"));
    ck_assert(mkdir(copy, 0700) == 0 || access(copy, F_OK) == 0);
    snprintf(a, sizeof a, "%s/data.mdb", dir);
    snprintf(b, sizeof b, "%s/data.mdb", copy);
    ck_assert_int_eq(damage_copy_file(a, b), 0);
    snprintf(a, sizeof a, "%s/data.log", dir);
    snprintf(b, sizeof b, "%s/data.log", copy);
    unlink(b);
    if (access(a, F_OK) == 0)
        ck_assert_int_eq(damage_copy_file(a, b), 0);
    ck_assert_msg(crm__kv_lmdb_recover(copy, &o, &err) == CRM_OK, "%s", err.message);
    ck_assert_int_eq(access(b, F_OK), -1);
    return number_in(copy);
}

static void read_log(crm__log *l, const char *dir)
{
    OK(crm__log_open(l, dir, 0));
    OK(crm__log_read(l, NULL, UINT64_MAX));
}

/* A writer that was killed between its record and LMDB's commit: another's is written over it. */
CRM_TEST(test_kv_log__a_killed_writer_s_record_is_written_over)
{
    const char *dir = crmtest_dir();
    kv_env *env = open_engine(dir);
    crm__log l;
    crm__buf b;
    int lasting;

    for (uint64_t n = 1; n <= SMALL; n++)
        put_number(env, n);
    read_log(&l, dir);
    ck_assert(log_has_records(&l));
    crm__buf_init(&b, NULL);
    crm__log_record(&b);
    crm__log_add(&b, LOG_PUT, KV_META, text("n"), text("killed!!"));
    OK(crm__log_append(&l, &b, &lasting));
    crm__buf_clear(&b);
    ck_assert_uint_eq(number_in(dir), SMALL);
    put_number(env, SMALL + 1);
    put_number(env, SMALL + 2);
    ck_assert_uint_eq(recovered(dir), SMALL + 2);
    crm__log_close(&l);
    env->ops->close(env);
}

static uint64_t root_of(const uint8_t meta[LOG_META])
{
    uint64_t root;
    int fd = open(crmtest_path("data.mdb"), O_RDONLY);

    ck_assert_int_eq(crm__lmdb_root_check(fd, PSIZE, meta, &root), 0);
    close(fd);
    return root;
}

/* One that was killed after it had begun the log anew, before its record: the next record goes
 * behind the new beginning. */
CRM_TEST(test_kv_log__a_killed_writer_s_beginning_is_seen)
{
    const char *dir = crmtest_dir();
    kv_env *env = open_engine(dir);
    uint8_t meta[LOG_META];
    crm__log l;
    int fd;

    for (uint64_t n = 1; n <= SMALL; n++)
        put_number(env, n);
    read_log(&l, dir);
    fd = open(crmtest_path("data.mdb"), O_RDWR);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fdatasync(fd), 0);
    ck_assert_int_eq(pread(fd, meta, LOG_META, (off_t)((l.last & 1) * PSIZE + 16)), LOG_META);
    close(fd);
    OK(crm__log_begin(&l, l.last, PSIZE, meta, root_of(meta), 1));
    put_number(env, SMALL + 1);
    OK(crm__log_read(&l, NULL, UINT64_MAX));
    ck_assert_uint_eq(l.last, l.base + 1);
    ck_assert_uint_eq(recovered(dir), SMALL + 1);
    crm__log_close(&l);
    env->ops->close(env);
}

static void stray_record(const char *dir)
{
    crm__log l;
    crm__buf b;
    int lasting;

    read_log(&l, dir);
    crm__buf_init(&b, NULL);
    crm__log_record(&b);
    crm__log_add(&b, LOG_PUT, KV_META, text("n"), text("killed!!"));
    OK(crm__log_append(&l, &b, &lasting));
    crm__buf_clear(&b);
    crm__log_close(&l);
}

/* The same, and the next commits go past the log: of a handle that has made few, and of one that
 * makes a large one, with and without records before. */
CRM_TEST(test_kv_log__a_killed_writer_s_record_does_not_take_back_others)
{
    enum { LARGE = 3 << 20 };
    const char *dir = crmtest_dir();
    uint8_t *large = calloc(1, LARGE);
    uint64_t n = 0;

    ck_assert_ptr_nonnull(large);
    for (int round = 0; round < 4; round++) {
        kv_env *env = open_engine(dir);
        kv_txn *txn;
        for (int i = 0; i < SMALL; i++)
            put_number(env, ++n);
        if (round & 1) { /* a log without records */
            OK(env->ops->begin(env, 1, &txn, NULL));
            OK(txn->ops->put(txn, KV_BITS, text("large"), crm__slice_of(large, LARGE), 0));
            OK(txn->ops->commit(txn, NULL));
            put_number(env, ++n);
            OK(env->ops->begin(env, 1, &txn, NULL));
            OK(txn->ops->put(txn, KV_BITS, text("large"), crm__slice_of(large, LARGE), 0));
            OK(txn->ops->commit(txn, NULL));
        }
        if (round < 2) { /* a new handle */
            env->ops->close(env);
            stray_record(dir);
            env = open_engine(dir);
            for (int i = 0; i < 2; i++) {
                put_number(env, ++n);
                ck_assert_uint_eq(recovered(dir), n);
            }
        } else {
            stray_record(dir);
            OK(env->ops->begin(env, 1, &txn, NULL));
            OK(txn->ops->put(txn, KV_BITS, text("large"), crm__slice_of(large, LARGE), 0));
            OK(txn->ops->commit(txn, NULL));
            ck_assert_uint_eq(recovered(dir), n);
            put_number(env, ++n);
        }
        ck_assert_uint_eq(recovered(dir), n);
        env->ops->close(env);
        OK(crm__kv_lmdb_recover(dir, &(kv_options){0}, NULL));
        ck_assert_uint_eq(number_in(dir), n);
    }
    free(large);
}

/* Between small commits one of more than a log takes, an aborted one, and one without a change. */
CRM_TEST(test_kv_log__large_and_empty_commits)
{
    enum { LARGE = 3 << 20 };
    const char *dir = crmtest_dir();
    kv_env *env = open_engine(dir);
    uint8_t *large = calloc(1, LARGE);
    kv_txn *txn;

    ck_assert_ptr_nonnull(large);
    for (uint64_t n = 1; n <= 40; n++) {
        put_number(env, n);
        ck_assert_uint_eq(recovered(dir), n);
        OK(env->ops->begin(env, 1, &txn, NULL));
        if (n % 8 == 0) {
            OK(txn->ops->put(txn, KV_BITS, text("large"), crm__slice_of(large, LARGE), 0));
        } else if (n % 8 == 3) {
            ck_assert_int_eq(txn->ops->del(txn, KV_BITS, text("absent")), CRM_ENOTFOUND);
            OK(txn->ops->clear(txn, KV_DAY));
        } else if (n % 8 == 5) {
            OK(txn->ops->put(txn, KV_META, text("n"), text("aborted!"), 0));
            txn->ops->abort(txn);
            continue;
        }
        OK(txn->ops->commit(txn, NULL));
        ck_assert_uint_eq(recovered(dir), n);
    }
    free(large);
    env->ops->close(env);
}

/* The log begins anew before it is too large, and is gone after the last one has closed. */
CRM_TEST(test_kv_log__stays_small_and_ends)
{
    enum { COMMITS = 150, VALUE = 60000 };
    const char *dir = crmtest_dir();
    kv_env *env = open_engine(dir);
    uint8_t *bytes = calloc(1, VALUE);
    struct stat st;
    kv_txn *txn;

    ck_assert_ptr_nonnull(bytes);
    for (uint64_t n = 1; n <= COMMITS; n++) {
        put_number(env, n);
        OK(env->ops->begin(env, 1, &txn, NULL));
        crm__put_be64(bytes, n);
        OK(txn->ops->put(txn, KV_BITS, text("value"), crm__slice_of(bytes, VALUE), 0));
        OK(txn->ops->commit(txn, NULL));
    }
    ck_assert_int_eq(stat(crmtest_path("data.log"), &st), 0);
    ck_assert_int_le(st.st_size, LOG_MOST + (256 << 10));
    ck_assert_uint_eq(recovered(dir), COMMITS);
    env->ops->settle(env);
    ck_assert_int_eq(crm__kv_lmdb_logged(dir), 0);
    env->ops->close(env);
    ck_assert_uint_eq(number_in(dir), COMMITS);
    free(bytes);
}

/* Who keeps the base of the log for writers is no reader, and takes no reader's slot. */
CRM_TEST(test_kv_log__its_slot_is_no_reader)
{
    kv_env *env = open_engine(crmtest_dir());
    kv_txn *txn;
    kv_info info;

    for (uint64_t n = 1; n <= SMALL; n++)
        put_number(env, n);
    OK(env->ops->begin(env, 1, &txn, NULL));
    OK(env->ops->info(env, &info));
    ck_assert_uint_eq(info.readers, 0);
    ck_assert_uint_eq(info.oldest, info.commit);
    txn->ops->abort(txn);
    env->ops->close(env);
}

/* A log that is not of this file is left alone, and so is the file. */
CRM_TEST(test_kv_log__refuses_another_file_s)
{
    const char *dir = crmtest_dir();
    kv_options o = {.create = 1};
    crm_error err = CRM_ERROR_INIT;
    kv_env *env = open_engine(dir);
    char path[4000];

    for (uint64_t n = 1; n <= SMALL; n++)
        put_number(env, n);
    env->ops->close(env);
    snprintf(path, sizeof path, "%s", crmtest_path("young"));
    ck_assert_int_eq(mkdir(path, 0700), 0);
    OK(crm__kv_lmdb_open(path, &o, &env, NULL));
    put_number(env, 77);
    env->ops->close(env);
    ck_assert_int_eq(rename(crmtest_path("data.log"), crmtest_path("young/data.log")), 0);
    ck_assert_int_eq(crm__kv_lmdb_recover(path, &o, &err), CRM_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(err.message, "data.log does not belong"));
    ck_assert_uint_eq(number_in(path), 77);
    ck_assert_int_eq(crm__kv_lmdb_logged(path), 1);
}

/* Nor one of another database that has made as many commits. */
CRM_TEST(test_kv_log__refuses_a_twin_s)
{
    static const char *const NAMES[2] = {"one", "two"};
    kv_options o = {.create = 1};
    crm_error err = CRM_ERROR_INIT;
    char dir[2][4000], from[4200], to[4200];

    for (uint64_t i = 0; i < 2; i++) {
        kv_env *env;
        snprintf(dir[i], sizeof dir[i], "%s", crmtest_path(NAMES[i]));
        ck_assert_int_eq(mkdir(dir[i], 0700), 0);
        env = open_engine(dir[i]);
        for (uint64_t n = 1; n <= SMALL; n++)
            put_number(env, n + 100 * i);
        env->ops->close(env);
    }
    snprintf(from, sizeof from, "%s/data.log", dir[0]);
    snprintf(to, sizeof to, "%s/data.log", dir[1]);
    ck_assert_int_eq(damage_copy_file(from, to), 0);
    ck_assert_int_eq(crm__kv_lmdb_recover(dir[1], &o, &err), CRM_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(err.message, "data.log does not belong"));
    ck_assert_uint_eq(number_in(dir[1]), SMALL + 100);
    OK(crm__kv_lmdb_recover(dir[0], &o, &err)); /* its own is applied */
    ck_assert_uint_eq(number_in(dir[0]), SMALL);
}

/* Who only reads may do without the log until it says that the file is not whole. */
CRM_TEST(test_kv_log__not_whole_is_not_read)
{
    const char *dir = crmtest_dir();
    kv_options o = {.readonly = 1};
    crm_error err = CRM_ERROR_INIT;
    kv_env *env = open_engine(dir);
    crm__log l;

    for (uint64_t n = 1; n <= SMALL; n++)
        put_number(env, n);
    env->ops->close(env);
    OK(crm__kv_lmdb_open(dir, &o, &env, &err));
    env->ops->close(env);
    read_log(&l, dir);
    ck_assert(!crm__log_doubted(&l));
    OK(crm__log_doubt(&l));
    ck_assert(crm__log_doubted(&l));
    crm__log_close(&l);
    ck_assert_int_eq(crm__kv_lmdb_open(dir, &o, &env, &err), CRM_EREADONLY);
    OK(crm__kv_lmdb_recover(dir, &o, &err));
    OK(crm__kv_lmdb_open(dir, &o, &env, &err));
    env->ops->close(env);
    ck_assert_uint_eq(number_in(dir), SMALL);
}

/* A log has the rights and the owner of its data file, whoever makes it: one that root makes locks
 * nobody out, and one that can't be like it is not made. */
CRM_TEST(test_kv_log__rights_of_the_data_file)
{
    enum { OWNER = 12345, GROUP = 23456 };
    static const mode_t MODES[] = {0600, 0640, 0660, 0664, 0666};
    const char *dir = crmtest_dir();
    kv_env *env = open_engine(dir);
    int root = geteuid() == 0;
    struct stat st;
    uint64_t n = 0;

    put_number(env, ++n);
    env->ops->close(env);
    for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++) {
        OK(crm__kv_lmdb_recover(dir, &(kv_options){0}, NULL));
        ck_assert_int_eq(crm__kv_lmdb_logged(dir), 0);
        OK(chmod(crmtest_path("data.mdb"), MODES[i]));
        if (root)
            OK(chown(crmtest_path("data.mdb"), OWNER, GROUP));
        env = open_engine(dir);
        for (int k = 0; k < SMALL; k++)
            put_number(env, ++n);
        OK(stat(crmtest_path("data.log"), &st));
        ck_assert_int_eq((int)(st.st_mode & 0777), (int)MODES[i]);
        if (root)
            ck_assert(st.st_uid == OWNER && st.st_gid == GROUP);
        ck_assert_uint_eq(recovered(dir), n);
        env->ops->close(env);
    }
}
