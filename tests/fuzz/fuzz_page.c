/* SPDX-License-Identifier: MIT
 * Data files for the page engine.  When the first byte is odd the rest is the file; when it is even
 * the rest is patches of a sound file: u16 page, u16 place in it, u8 length, bytes.  Any file is
 * walked and read to the end; one without a fault gives each row it counts, in order.
 */
#include "fuzz.h"

#include "base/bytes.h"
#include "base/error.h"
#include "kv/kv.h"

#include <crm/codes.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { FILE_MOST = 1 << 20, ROWS = 240, LARGE = 5000, ROWS_READ = 20000 };

static uint8_t *sound, *work;
static size_t sound_n;
static int file = -1;

static void put_rows(kv_txn *txn, unsigned from, unsigned step)
{
    static uint8_t value[LARGE];
    uint8_t key[8];

    memset(value, 'v', sizeof value);
    for (unsigned i = from; i < ROWS; i += step) {
        kv_space space = (kv_space)(i % 3 * 5 + 1);
        size_t n = i % 80 == 0 ? LARGE : i % 90;
        crm__put_be64(key, i);
        MUST(txn->ops->put(txn, space, (crm__slice){key, 8}, (crm__slice){value, n}, 0) == CRM_OK);
    }
}

/* A file of several commits, so that it has a free list. */
static void make_sound(const char *dir, const char *path)
{
    kv_options opts = {.create = 1, .map_bytes = 1 << 26};
    crm_error err = CRM_ERROR_INIT;
    struct stat st;
    kv_env *env;
    kv_txn *txn;
    int fd;

    MUST(crm__kv_lmdb_open(dir, &opts, &env, &err) == CRM_OK);
    for (unsigned round = 0; round < 4; round++) {
        MUST(env->ops->begin(env, 1, &txn, &err) == CRM_OK);
        put_rows(txn, round, round + 1);
        MUST(txn->ops->commit(txn, &err) == CRM_OK);
    }
    env->ops->close(env);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    MUST(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= FILE_MOST);
    sound_n = (size_t)st.st_size;
    sound = malloc(sound_n);
    work = malloc(sound_n);
    MUST(sound && work && read(fd, sound, sound_n) == (ssize_t)sound_n);
    close(fd);
}

static void set_up(void)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/data.mdb", fuzz_folder());
    make_sound(fuzz_dir, path);
    file = open(path, O_RDWR | O_CLOEXEC);
    MUST(file >= 0);
}

static void write_file(const uint8_t *p, size_t n)
{
    MUST(ftruncate(file, (off_t)n) == 0);
    MUST(n == 0 || pwrite(file, p, n, 0) == (ssize_t)n);
}

static void write_patched(input in)
{
    memcpy(work, sound, sound_n);
    while (in.n >= 5) {
        size_t page = take_number(&in, 2), at = take_number(&in, 2), n = take(&in);
        at = page % (sound_n / 4096) * 4096 + at % 4096;
        for (; n && in.n && at < sound_n; n--)
            work[at++] = take(&in);
    }
    write_file(work, sound_n);
}

/* ---- reading ---- */

static int in_order(const crm__buf *before, crm__slice k)
{
    size_t n = before->n < k.n ? before->n : k.n;
    int c = n ? memcmp(before->p, k.p, n) : 0;

    return c < 0 || (c == 0 && before->n < k.n);
}

/* Rows of a space from one end to the other; every byte of them is touched. */
static uint64_t scan(kv_txn *txn, kv_space space, int back, int sound_file)
{
    uint64_t rows = 0;
    unsigned sum = 0;
    crm__slice k, v;
    crm__buf before;
    kv_cursor *c;
    int rc = txn->ops->cursor(txn, space, &c);

    if (rc)
        return 0;
    crm__buf_init(&before, NULL);
    rc = c->ops->seek(c, back ? KV_LAST : KV_FIRST, (crm__slice){NULL, 0}, &k, &v);
    while (rows < ROWS_READ && (rc == CRM_OK || (rc == CRM_ECORRUPT && !sound_file))) {
        if (rc == CRM_OK) {
            MUST(k.n > 0 && k.n <= KV_KEY_MAX);
            for (size_t i = 0; i < k.n; i++)
                sum += k.p[i];
            for (size_t i = 0; i < v.n; i += 16)
                sum += v.p[i];
            MUST(!sound_file || back || in_order(&before, k));
            before.n = 0;
            crm__buf_add(&before, k.p, k.n);
        }
        rows++;
        rc = back ? c->ops->prev(c, &k, &v) : c->ops->next(c, &k, &v);
    }
    MUST(rows == ROWS_READ || rc == CRM_ENOTFOUND || !sound_file);
    c->ops->cursor_close(c);
    crm__buf_clear(&before);
    return sum == 1 && rows == 0 ? 1 : rows;
}

static void read_spaces(kv_txn *txn, int sound_file)
{
    uint8_t key[8];
    crm__slice v;
    kv_stat st;

    for (int i = 0; i < KV_SPACES; i++) {
        kv_space space = (kv_space)i;
        uint64_t rows = scan(txn, space, 0, sound_file);
        scan(txn, space, 1, sound_file);
        if (txn->ops->stat(txn, space, &st) == CRM_OK && sound_file)
            MUST(st.entries == rows || rows == ROWS_READ);
        for (unsigned k = 0; k < ROWS; k += 30) {
            crm__put_be64(key, k);
            txn->ops->get(txn, space, (crm__slice){key, 8}, &v);
        }
    }
}

static void on_fault(const char *what, int64_t page, const char *space, void *ctx)
{
    (void)space;
    MUST(what && *what && page >= -1);
    ++*(uint64_t *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kv_options opts = {.readonly = 1};
    crm_error err = CRM_ERROR_INIT;
    kv_page_summary s;
    input in = {data, size};
    uint64_t told = 0;
    kv_env *env;
    kv_txn *txn;
    int rc;

    if (file < 0)
        set_up();
    if (take(&in) & 1)
        write_file(in.p, in.n < FILE_MOST ? in.n : FILE_MOST);
    else
        write_patched(in);
    if (crm__kv_page_open(fuzz_dir, &opts, &env, &err))
        return 0;
    if (env->ops->begin(env, 0, &txn, &err) == CRM_OK) {
        memset(&s, 0, sizeof s);
        rc = crm__kv_page_walk(txn, on_fault, NULL, &told, &s, &err);
        MUST(rc == CRM_OK || rc == CRM_ENOMEM || rc == CRM_ECORRUPT);
        MUST(rc != CRM_OK || told == s.faults || s.faults > 1000);
        read_spaces(txn, rc == CRM_OK && s.faults == 0);
        txn->ops->abort(txn);
    }
    env->ops->close(env);
    return 0;
}
