/* SPDX-License-Identifier: MIT
 * Several processes on one database, and two copies of the library in one process.
 */
#include "help.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 4, MOST_ROUNDS = 4000 };

/* What the processes tell each other. */
typedef struct board {
    int go, stop;
    int model_changed;
    unsigned char given[PROCESSES][MOST_ROUNDS];
} board;

typedef struct part {
    board *b;
    int number, rounds;
} part;

static board *shared_board(void)
{
    board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(b, MAP_FAILED);
    return b;
}

static pid_t spawn(int (*fn)(part *), part *p)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        alarm(crmtest_seconds(100));
        _exit(fn(p) ? 1 : 0);
    }
    return pid;
}

static void await(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a process ended with %x", status);
}

static void wait_for(const int *flag)
{
    while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
        usleep(200);
}

static int create_marked(crm_txn *txn, void *ctx)
{
    char doc[120];
    const int *mark = ctx;

    snprintf(doc, sizeof doc, "{\"name\":\"P\",\"external\":{\"source\":\"p%d\",\"value\":\"%d\"}}",
             mark[0], mark[1]);
    return crm_customer_create_json(txn, doc, CRM_NUL, NULL, NULL);
}

/* Opens with the others at once, into a folder that nobody has made yet. */
static int write_some(part *p)
{
    crm_db *db = NULL;

    wait_for(&p->b->go);
    NEED(crm_db_open(api_path(), NULL, &db, &er) == CRM_OK);
    for (int i = 0; i < p->rounds; i++) {
        int mark[2] = {p->number, i};
        if (i % 5 == 4) { /* reopened now and then */
            crm_db_close(db);
            NEED(crm_db_open(api_path(), NULL, &db, NULL) == CRM_OK);
        }
        NEED(crm_db_write(db, NULL, create_marked, mark, NULL) == CRM_OK);
        p->b->given[p->number][i] = 1;
    }
    crm_db_close(db);
    return 0;
}

static int read_some(part *p)
{
    uint64_t revision = 0, seen = 0;
    crm_db *db;

    wait_for(&p->b->go);
    NEED(crm_db_open(api_path(), NULL, &db, NULL) == CRM_OK);
    while (!__atomic_load_n(&p->b->stop, __ATOMIC_ACQUIRE)) {
        crm_customer_iter *it;
        crm_customer *c;
        crm_txn *txn;
        uint64_t n = 0;
        NEED(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL) == CRM_OK);
        NEED(crm_txn_revision(txn) >= revision);
        revision = crm_txn_revision(txn);
        NEED(crm_customer_list(txn, NULL, &it, NULL) == CRM_OK);
        while (crm_customer_next(it, &c, NULL) == CRM_OK)
            NEED(crm_customer_id(c) == ++n); /* dense, in order of arrival */
        NEED(n >= seen && n + 1 == revision);
        seen = n;
        crm_customer_list_close(it);
        NEED(crm_txn_abort(txn) == CRM_OK);
    }
    crm_db_close(db);
    return 0;
}

static void all_given_are_there(const board *b, int rounds)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_READ);
    char source[16], value[16];

    for (int p = 0; p < PROCESSES; p++) {
        snprintf(source, sizeof source, "p%d", p);
        for (int i = 0; i < rounds; i++) {
            if (!b->given[p][i])
                continue;
            snprintf(value, sizeof value, "%d", i);
            ck_assert_uint_eq(api_found(txn, "external", source, value, NULL), 1);
        }
    }
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

CRM_TEST(test_api_processes__write_and_read_at_once)
{
    board *b = shared_board();
    pid_t writer[PROCESSES], reader;
    part p[PROCESSES], r = {b, 0, 0};
    int rounds = (int)crmtest_rounds(60, 1000);
    crm_db_stat st;
    crm_db *db;

    api_path();
    for (int i = 0; i < PROCESSES; i++) {
        p[i] = (part){b, i, rounds};
        writer[i] = spawn(write_some, &p[i]);
    }
    reader = spawn(read_some, &r);
    __atomic_store_n(&b->go, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < PROCESSES; i++)
        await(writer[i]);
    __atomic_store_n(&b->stop, 1, __ATOMIC_RELEASE);
    await(reader);
    all_given_are_there(b, rounds);
    db = api_open();
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_eq(st.customers, (uint64_t)(PROCESSES * rounds));
    crm_db_close(db);
    api_check_clean(api_path());
    munmap(b, sizeof *b);
}

static void remove_database(void)
{
    unlink(crmtest_path("db/data.mdb"));
    unlink(crmtest_path("db/lock.mdb"));
    unlink(crmtest_path("db/crm.lock"));
    ck_assert_int_eq(rmdir(api_path()), 0);
}

/* Writers that are killed: what they were told is there stays there, and others go on. */
CRM_TEST(test_api_processes__killed_while_writing)
{
    board *b = shared_board();
    uint64_t seed = crmtest_seed();
    pid_t writer[PROCESSES];
    part p[PROCESSES];
    crm_db *db = api_open();
    crm_txn *txn;

    __atomic_store_n(&b->go, 1, __ATOMIC_RELEASE);
    for (size_t round = crmtest_rounds(4, 40); round > 0; round--) {
        memset(b->given, 0, sizeof b->given);
        crm_db_close(db);
        remove_database();
        for (int i = 0; i < PROCESSES; i++) {
            p[i] = (part){b, i, MOST_ROUNDS};
            writer[i] = spawn(write_some, &p[i]);
        }
        for (int i = 0; i < PROCESSES; i++) {
            usleep((useconds_t)(1000 + crmtest_below(&seed, 40000)));
            kill(writer[i], SIGKILL);
            ck_assert_int_eq(waitpid(writer[i], NULL, 0), writer[i]);
        }
        all_given_are_there(b, MOST_ROUNDS);
        api_check_clean(api_path());
        db = api_open();
        txn = api_begin(db, CRM_WRITE); /* nobody holds the writer's lock */
        api_create(txn, "{\"name\":\"after\"}");
        api_commit(txn);
    }
    crm_db_close(db);
    munmap(b, sizeof *b);
}

static int change_model(part *p)
{
    crm_db *db;
    crm_txn *txn;

    NEED(crm_db_open(api_path(), NULL, &db, NULL) == CRM_OK);
    NEED(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
    NEED(crm_model_apply(txn, "crm: 1\nfields:\n  name: {type: text}\n  extra: {type: integer}\n",
                         CRM_NUL, 0, NULL, NULL, NULL) == CRM_OK);
    NEED(crm_customer_create_json(txn, "{\"name\":\"B\",\"extra\":5}", CRM_NUL, NULL, NULL) ==
         CRM_OK);
    NEED(crm_txn_commit(txn, NULL) == CRM_OK);
    crm_db_close(db);
    p->b->model_changed = 1;
    return 0;
}

CRM_TEST(test_api_processes__model_changed_elsewhere)
{
    board *b = shared_board();
    part p = {b, 0, 0};
    crm_db *db;
    crm_txn *txn, *before;
    crm_field f;
    pid_t child;

    crm_db_close(api_open_model("crm: 1\nfields:\n  name: {type: text}\n"));
    db = api_open();
    txn = api_begin(db, CRM_WRITE);
    api_create(txn, "{\"name\":\"A\"}");
    api_commit(txn);
    before = api_begin(db, CRM_READ);
    IS(CRM_EFIELD, crm_field_find(before, "extra", CRM_NUL, &f, &er));
    child = spawn(change_model, &p);
    await(child);
    ck_assert_int_eq(b->model_changed, 1);
    IS(CRM_EFIELD, crm_field_find(before, "extra", CRM_NUL, &f, &er));
    txn = api_begin(db, CRM_WRITE);
    f = api_field(txn, "extra");
    ck_assert_str_eq(api_member(txn, 2, "extra"), "5");
    OK(crm_customer_patch_json(txn, 1, 0, "{\"extra\":6}", CRM_NUL, &er));
    api_commit(txn);
    ck_assert(!api_has(before, 1, "extra"));
    OK(crm_txn_abort(before));
    crm_db_close(db);
    api_check_clean(api_path());
    munmap(b, sizeof *b);
}

/* ---- a second copy of the library ---- */

typedef int (*open_fn)(const char *, const crm_db_options *, crm_db **, crm_error *);
typedef void (*close_fn)(crm_db *);

static void copy_file(const char *from, const char *to)
{
    char room[65536];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    ssize_t n;

    ck_assert(in >= 0 && out >= 0);
    while ((n = read(in, room, sizeof room)) > 0)
        ck_assert_int_eq(write(out, room, (size_t)n), n);
    ck_assert_int_eq(n, 0);
    close(in);
    close(out);
}

static void *symbol(void *lib, const char *name)
{
    void *p = dlsym(lib, name);

    ck_assert_ptr_nonnull(p);
    return p;
}

CRM_TEST(test_api_processes__second_copy_of_the_library)
{
    const char *path = crmtest_path("copy-of-it.so");
    open_fn open2;
    close_fn close2;
    crm_db *db = api_open(), *other = (crm_db *)1;
    crm_txn *txn;
    Dl_info info;
    void *lib, *p;

    *(void **)&p = dlsym(RTLD_DEFAULT, "crm_db_open");
    ck_assert_int_ne(dladdr(p, &info), 0);
    copy_file(info.dli_fname, path);
    lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(lib != NULL, "%s", dlerror());
    *(void **)&open2 = symbol(lib, "crm_db_open");
    *(void **)&close2 = symbol(lib, "crm_db_close");
    ck_assert(*(void **)&open2 != p); /* it is another one */
    IS(CRM_EOPEN, open2(api_path(), NULL, &other, &er));
    ck_assert_ptr_null(other);
    ck_assert(er.message[0]);
    OK(open2(crmtest_path("elsewhere"), NULL, &other, &er));
    close2(other);
    /* Ours is as it was, its locks too. */
    txn = api_begin(db, CRM_WRITE);
    api_create(txn, "{\"name\":\"A\"}");
    api_commit(txn);
    IS(CRM_EOPEN, open2(api_path(), NULL, &other, &er));
    crm_db_close(db);
    OK(open2(api_path(), NULL, &other, &er));
    IS(CRM_EOPEN, crm_db_open(api_path(), NULL, &db, &er));
    close2(other);
    db = api_open();
    crm_db_close(db);
    dlclose(lib);
    api_check_clean(api_path());
}
