/* SPDX-License-Identifier: MIT
 * A full disk: a file system that is too small (as root, who can mount one), and a limit on the
 * size of files.  Nothing that was committed is lost, and with room again the database goes on.
 */
#include "fault.h"

#include "base/bytes.h"
#include "damage.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char document[4200];

static void make_document(void)
{
    memset(document, 'n', sizeof document);
    memcpy(document, "{\"name\":\"", 9);
    memcpy(document + 100, "\",\"notes\":\"", 11);
    memcpy(document + sizeof document - 3, "\"}", 3);
}

/* Adds customers one by one until it fails; how it failed. */
static int fill(crm_db *db, uint64_t *added, uint64_t most)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = CRM_OK;

    while (!rc && *added < most) {
        crm_txn *txn;
        rc = crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err);
        if (rc)
            break;
        rc = crm_customer_create_json(txn, document, CRM_NUL, NULL, &err);
        if (rc)
            crm_txn_abort(txn);
        else
            rc = crm_txn_commit(txn, &err);
        *added += rc == CRM_OK;
    }
    return rc;
}

static void holds(crm_db *db, uint64_t added)
{
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_customer_iter *it;
    crm_customer *c;
    uint64_t n = 0;
    crm_txn *txn;
    int rc;

    fault_is(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), CRM_OK, &err, "begin");
    fault_is(crm_customer_list(txn, &o, &it, &err), CRM_OK, &err, "list");
    while ((rc = crm_customer_next(it, &c, &err)) == CRM_OK)
        n++;
    fault_is(rc, CRM_DONE, &err, "next");
    ck_assert_uint_eq(n, added);
    crm_customer_list_close(it);
    crm_txn_abort(txn);
}

/* Until nothing more goes in: after a commit that found no room, pages that its log kept are used. */
static uint64_t fill_up(crm_db *db, uint64_t *added)
{
    uint64_t before;
    int tries = 0;

    do {
        int rc;
        before = *added;
        rc = fill(db, added, UINT64_MAX);
        ck_assert_msg(rc == CRM_EFULL || rc == CRM_EIO, "%s", crm_error_name(rc));
        holds(db, *added);
        ck_assert_int_lt(tries++, 20);
    } while (*added > before);
    return before;
}

CRM_TEST(test_fault_full__limit_on_file_size)
{
    struct rlimit old, small;
    uint64_t added = 0, before;
    char dir[512];
    crm_db *db;

    make_document();
    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    db = fault_open(dir, NULL);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 2 << 20;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    before = fill_up(db, &added);
    setrlimit(RLIMIT_FSIZE, &old);
    ck_assert_int_eq(fill(db, &added, before + 100), CRM_OK);
    holds(db, before + 100);
    crm_db_close(db);
    fault_clean(dir, "after a full file");
}

/* ---- a file system of our own ---- */

static char mounted[512];

/* In a name space of our own, so that the mount goes with the process.  0: not possible here. */
static int mount_small(const char *options)
{
    snprintf(mounted, sizeof mounted, "%s", fault_path("small"));
    if (mkdir(mounted, 0700))
        return 0;
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return 0;
    return mount("tmpfs", mounted, "tmpfs", 0, options) == 0;
}

static void unmount(void)
{
    umount2(mounted, MNT_DETACH);
}

/* Takes all the room that is left, and `but` bytes less. */
static void fill_disk(const char *name, size_t but)
{
    static char bytes[4096];
    char path[700];
    off_t size = 0;
    int fd;

    snprintf(path, sizeof path, "%s/%s", mounted, name);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    while (write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes)
        size += (off_t)sizeof bytes;
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_int_eq(ftruncate(fd, size > (off_t)but ? size - (off_t)but : 0), 0);
    close(fd);
}

static void free_disk(const char *name)
{
    char path[700];

    snprintf(path, sizeof path, "%s/%s", mounted, name);
    ck_assert_int_eq(unlink(path), 0);
}

CRM_TEST(test_fault_full__disk_fills_while_writing)
{
    uint64_t added = 0, before;
    char dir[600];
    crm_db *db;

    make_document();
    if (!mount_small("size=4m"))
        return;
    snprintf(dir, sizeof dir, "%s/db", mounted);
    db = fault_open(dir, NULL);
    ck_assert_int_eq(fill(db, &added, 50), CRM_OK);
    fill_disk("ballast", 256 << 10);
    before = fill_up(db, &added);
    fault_clean(dir, "on a full disk");
    free_disk("ballast");
    ck_assert_int_eq(fill(db, &added, before + 50), CRM_OK);
    holds(db, before + 50);
    crm_db_close(db);
    db = fault_open(dir, NULL);
    holds(db, before + 50);
    crm_db_close(db);
    fault_clean(dir, "with room again");
    unmount();
}

static int open_and_read(void *dir)
{
    crm_db *db;
    crm_txn *txn;
    int rc = crm_db_open(dir, NULL, &db, NULL);

    if (rc)
        return -rc;
    rc = crm_txn_begin(db, CRM_READ, NULL, &txn, NULL);
    if (!rc)
        crm_txn_abort(txn);
    crm_db_close(db);
    return -rc;
}

static int open_in_child(char *dir, size_t but)
{
    int end = fault_ended(fault_fork(open_and_read, dir));

    ck_assert_msg(end >= 0, "open with %zu bytes of room: signal %d", but, -end);
    return -end;
}

/* Opening takes room for two lock files, and a new database some for itself. */
CRM_TEST(test_fault_full__opening_on_a_full_disk)
{
    char base[512], dir[600], file[700];
    int opened = 0;

    snprintf(base, sizeof base, "%s", fault_path("base"));
    fault_make_base(base);
    if (!mount_small("size=2m"))
        return;
    for (int existing = 1; existing >= 0; existing--) {
        for (size_t but = 0; but <= (512 << 10); but += but < (128 << 10) ? 4096 : 65536) {
            int rc;
            snprintf(dir, sizeof dir, "%s/db", mounted);
            fault_remove(dir);
            if (existing)
                fault_copy(base, dir);
            else
                ck_assert_int_eq(mkdir(dir, 0700), 0);
            fill_disk("ballast", but);
            rc = open_in_child(dir, but);
            ck_assert_msg(rc == CRM_OK || rc == CRM_EFULL || rc == CRM_EIO, "%s",
                          crm_error_name(rc));
            free_disk("ballast");
            ck_assert_int_eq(open_in_child(dir, but), CRM_OK);
            opened += rc == CRM_OK;
            snprintf(file, sizeof file, "%s with %zu bytes of room", existing ? "old" : "new", but);
            fault_clean(dir, file);
        }
    }
    ck_assert_int_gt(opened, 0);
    unmount();
}

/* ---- a file whose making was cut short ---- */

enum { PAGE = 4096 };

/* The first of the two pages that the engine begins a file with. */
static void write_first_page(const char *file, size_t bytes, uint64_t commit)
{
    uint8_t p[PAGE] = {0};
    FILE *f = fopen(file, "wb");

    p[10] = 8; /* a meta page */
    crm__put_le32(p + 16, 0xBEEFC0DE);
    crm__put_le32(p + 20, 1);
    crm__put_le32(p + 40, PAGE);
    crm__put_le64(p + 16 + 64, UINT64_MAX);
    crm__put_le64(p + 16 + 112, UINT64_MAX);
    crm__put_le64(p + 16 + 120, 1);
    crm__put_le64(p + 16 + 128, commit);
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(p, 1, bytes, f), bytes);
    fclose(f);
}

static int open_flags(const char *dir, uint32_t flags)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_db *db;
    int rc;

    o.flags = flags;
    rc = crm_db_open(dir, &o, &db, NULL);
    crm_db_close(db);
    return rc;
}

/* It gets its name when it is whole: what is left of one that is not is made anew. */
CRM_TEST(test_fault_full__making_cut_short)
{
    static const uint32_t FLAGS[] = {0, CRM_VERIFY};
    char dir[512], file[600];

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    snprintf(file, sizeof file, "%s/data.new", dir);
    for (int first = 0; first < 2; first++) {
        for (size_t i = 0; i < 2; i++) {
            fault_remove(dir);
            ck_assert_int_eq(mkdir(dir, 0700), 0);
            write_first_page(file, first ? PAGE : 0, 0);
            ck_assert_int_eq(open_flags(dir, CRM_NOCREATE), CRM_ENOTFOUND);
            ck_assert_int_eq(open_flags(dir, CRM_READONLY), CRM_ENOTFOUND);
            ck_assert_int_eq(open_flags(dir, FLAGS[i]), CRM_OK);
            ck_assert_int_ne(access(file, F_OK), 0);
            ck_assert_int_eq(open_flags(dir, CRM_NOCREATE | CRM_VERIFY), CRM_OK);
            fault_clean(dir, "made after all");
        }
    }
}

/* What is left of a data file is a damaged one, and stays as it is. */
CRM_TEST(test_fault_full__cut_off_database_is_not_made_anew)
{
    char dir[512], file[600];
    struct stat st;

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    snprintf(file, sizeof file, "%s/data.mdb", dir);
    for (int i = 0; i < 6; i++) {
        static const off_t LEFT[] = {PAGE, -1, 100, 2 * PAGE, 0, -1};
        fault_remove(dir);
        fault_make_base(dir);
        if (LEFT[i] < 0)
            write_first_page(file, PAGE, i == 1 ? 7 : 0);
        else
            ck_assert_int_eq(damage_truncate(file, (uint64_t)LEFT[i]), 0);
        ck_assert_int_eq(stat(file, &st), 0);
        ck_assert_int_eq(open_flags(dir, 0), CRM_ECORRUPT);
        ck_assert_int_eq(open_flags(dir, CRM_VERIFY), CRM_ECORRUPT);
        ck_assert_int_eq(open_flags(dir, CRM_NOCREATE), CRM_ECORRUPT);
        ck_assert_int_eq(crm_check(dir, NULL, 0, NULL, NULL), CRM_ECORRUPT);
        {
            off_t size = st.st_size;
            ck_assert_int_eq(stat(file, &st), 0);
            ck_assert_int_eq(st.st_size, size);
        }
    }
}
