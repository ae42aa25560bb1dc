/* SPDX-License-Identifier: MIT
 * Assertions of the storage engine, forced by a damaged branch page that a write meets: the handle
 * is poisoned, the process lives, the writer's lock is given back, and after the page is mended the
 * database is as it was.  A read that meets it is told of the damage.
 */
#include "fault.h"

#include "base/bytes.h"
#include "damage.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, CUSTOMERS = 1500, BRANCH = 1, FLAGS_AT = 10, LOWER_AT = 12 };

/* Exit codes of a child that met what it should. */
enum { SAW_NOTHING = 10, SAW_AT_OPEN, SAW_AT_BEGIN, SAW_IN_WRITE, SAW_IN_COMMIT };

#define CHILD(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "page %llu, line %d: %s\n", (unsigned long long)t->page, __LINE__,     \
                    #x);                                                                           \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

typedef struct trial {
    char dir[512], file[600];
    uint64_t page;
    uint8_t good[2];
    int corrupt[2]; /* reads that met no damage, and that did; the struct is shared with the
                       children */
} trial;

static void mend(const trial *t)
{
    if (damage_put(t->file, t->page * PAGE + LOWER_AT, t->good, 2))
        _exit(2);
}

/* Another process: reads and writes. */
static int other_process(void *ctx)
{
    trial *t = ctx;
    crm_db *db;
    crm_txn *txn;

    CHILD(crm_db_open(t->dir, NULL, &db, NULL) == CRM_OK);
    CHILD(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
    CHILD(crm_customer_create_json(txn, "{\"name\":\"other\"}", CRM_NUL, NULL, NULL) == CRM_OK);
    CHILD(crm_txn_commit(txn, NULL) == CRM_OK);
    crm_db_close(db);
    return SAW_NOTHING;
}

/* From the first CRM_EPOISONED on. */
static void poisoned(trial *t, crm_db *db, int where)
{
    crm_db_stat st;
    crm_txn *txn;

    CHILD(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL) == CRM_EPOISONED);
    CHILD(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_EPOISONED);
    CHILD(crm_db_stat_get(db, sizeof st, &st, NULL) == CRM_EPOISONED);
    mend(t);
    CHILD(fault_ended(fault_fork(other_process, t)) == SAW_NOTHING);
    crm_db_close(db);
    CHILD(crm_db_open(t->dir, NULL, &db, NULL) == CRM_OK);
    CHILD(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
    CHILD(crm_customer_create_json(txn, "{\"name\":\"again\"}", CRM_NUL, NULL, NULL) == CRM_OK);
    CHILD(crm_txn_commit(txn, NULL) == CRM_OK);
    CHILD(crm_db_stat_get(db, sizeof st, &st, NULL) == CRM_OK);
    CHILD(st.customers == CUSTOMERS + 2);
    crm_db_close(db);
    _exit(where);
}

static void work(trial *t, int reads)
{
    static const int IDS[] = {1, CUSTOMERS / 2, CUSTOMERS};
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;
    crm_txn *txn;
    int rc = crm_db_open(t->dir, NULL, &db, &err);

    if (rc)
        _exit(SAW_AT_OPEN);
    if (reads) {
        rc = crm_txn_begin(db, CRM_READ, NULL, &txn, &err);
        CHILD(rc == CRM_OK);
        for (size_t i = 0; i < sizeof IDS / sizeof IDS[0] && !rc; i++) {
            char *json;
            rc = crm_customer_get_json(txn, (crm_id)IDS[i], 0, &json, NULL, &err);
            if (!rc)
                crm_free(json);
        }
        crm_txn_abort(txn);
        CHILD(rc == CRM_OK || rc == CRM_ECORRUPT);
        t->corrupt[rc == CRM_ECORRUPT]++;
    }
    rc = crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err);
    if (rc == CRM_EPOISONED)
        poisoned(t, db, SAW_AT_BEGIN);
    CHILD(rc == CRM_OK || rc == CRM_ECORRUPT);
    if (rc)
        _exit(SAW_NOTHING);
    rc = crm_customer_create_json(txn, "{\"name\":\"n\",\"phone\":\"13800138000\"}", CRM_NUL, NULL,
                                  &err);
    if (rc == CRM_EPOISONED) {
        CHILD(crm_txn_abort(txn) == CRM_OK);
        poisoned(t, db, SAW_IN_WRITE);
    }
    CHILD(rc == CRM_OK || rc == CRM_ECORRUPT);
    rc = crm_txn_commit(txn, &err);
    if (rc == CRM_EPOISONED)
        poisoned(t, db, SAW_IN_COMMIT);
    crm_db_close(db);
}

static int read_and_write(void *t)
{
    work(t, 1);
    return SAW_NOTHING;
}

static int only_write(void *t)
{
    work(t, 0);
    return SAW_NOTHING;
}

static void make(const char *dir)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db = fault_open(dir, NULL);
    char json[120];
    crm_txn *txn;

    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
    for (int i = 0; i < CUSTOMERS; i++) {
        snprintf(json, sizeof json, "{\"name\":\"customer %d\",\"phone\":\"1390013%04d\"}", i, i);
        fault_is(crm_customer_create_json(txn, json, CRM_NUL, NULL, &err), CRM_OK, &err, "create");
    }
    fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "commit");
    crm_db_close(db);
}

CRM_TEST(test_fault_poison__assertions_poison_the_handle)
{
    int seen[SAW_IN_COMMIT + 1] = {0};
    char base[512], file[600];
    uint64_t pages;
    trial *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert(t != MAP_FAILED);
    snprintf(base, sizeof base, "%s", fault_path("base"));
    snprintf(t->dir, sizeof t->dir, "%s", fault_path("db"));
    snprintf(file, sizeof file, "%s/data.mdb", base);
    snprintf(t->file, sizeof t->file, "%s/data.mdb", t->dir);
    make(base);
    pages = damage_pages(file, NULL);
    for (t->page = 2; t->page < pages; t->page++) {
        static const uint8_t ONE_KEY[2] = {16 + 2, 0};
        uint8_t head[16];
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(pread(fd, head, sizeof head, (off_t)(t->page * PAGE)), sizeof head);
        close(fd);
        if (crm__get_le16(head + FLAGS_AT) != BRANCH)
            continue;
        memcpy(t->good, head + LOWER_AT, 2);
        for (int reads = 0; reads < 2; reads++) {
            int saw;
            fault_copy(base, t->dir);
            ck_assert_int_eq(damage_put(t->file, t->page * PAGE + LOWER_AT, ONE_KEY, 2), 0);
            saw = fault_ended(fault_fork(reads ? read_and_write : only_write, t));
            ck_assert_msg(saw >= SAW_NOTHING, "page %llu: %s %d", (unsigned long long)t->page,
                          saw < 0 ? "signal" : "exit", saw < 0 ? -saw : saw);
            seen[saw]++;
            if (saw >= SAW_AT_BEGIN)
                fault_clean(t->dir, "after the page was mended");
        }
    }
    printf("assertions met: %d at begin, %d in writes, %d in commits; %d not met\n",
           seen[SAW_AT_BEGIN], seen[SAW_IN_WRITE], seen[SAW_IN_COMMIT], seen[SAW_NOTHING]);
    ck_assert_int_gt(t->corrupt[1], 0);
    ck_assert_int_gt(t->corrupt[0], 0); /* not every read meets the page */
    ck_assert_int_gt(seen[SAW_AT_BEGIN] + seen[SAW_IN_WRITE], 0);
    ck_assert_int_gt(seen[SAW_IN_COMMIT], 0);
}
