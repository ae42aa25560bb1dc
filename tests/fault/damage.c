/* SPDX-License-Identifier: MIT
 * Damaged copies of a database: flipped bits, extreme numbers, zeroed, swapped and copied pages,
 * damaged heads, short files.  For each, in processes of their own: crm_check() never dies and
 * never hangs; opened with CRM_VERIFY or plainly, every record that is read is the original one, or
 * the call gives an error; a record that is missing without a word, or any error, is also a fault
 * that crm_check() reports; and what crm_check() calls clean reads back row for row as it was;
 * and nothing dies: what is not verified is read, not written to.  The original's tokens are
 * random, so a seed alone brings no mutant back: one that fails is kept, and its path printed.
 */
#include "damage.h"
#include "fault.h"

#include "base/hash.h"
#include "db/txn.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CUSTOMERS = 2000, LAST = CUSTOMERS + 1 };

/* What the processes that try a mutant write down. */
typedef struct notes {
    int code; /* of crm_check() or crm_db_open() */
    uint64_t faults;
    uint64_t errors;  /* calls that gave an error */
    uint64_t missing; /* records not there, without an error */
    uint64_t wrong;   /* records that are not the original */
    char what[200];   /* the first of these */
    int state_read;
    uint64_t state;
    int done;
} notes;

typedef struct bed {
    char base[512], dir[512];
    uint64_t wanted[LAST + 1]; /* hash of each document */
    uint64_t state;
    notes *n;         /* shared with the children */
    damage_kind kind; /* of the mutant at hand */
    uint64_t seed;
    uint64_t tried, reported, refused;
} bed;

static bed *the_bed;

/* ---- the original ---- */

static void customer_json(char json[400], int i)
{
    snprintf(
        json, 400,
        "{\"name\":\"客户 %d\",\"phone\":[\"1390013%04d\"],\"email\":\"c%d@example.com\","
        "\"score\":%d,\"notes\":\"%0*d\",\"external\":[{\"source\":\"erp\",\"value\":\"E%d\"}]}",
        i, i, i, i % 1000, 1 + i % 90, i, i);
}

static void make(const char *dir)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db = fault_open(dir, NULL);
    char json[400], large[12000];
    crm_txn *txn;

    for (int i = 1; i <= LAST; i++) {
        if (i % 500 == 1)
            fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
        customer_json(json, i);
        if (i % 200 == 0) /* too large for a leaf page */
            snprintf(json, sizeof json, "{\"name\":\"large\",\"phone\":\"1390013%04d\"}", i);
        fault_is(crm_customer_create_json(txn, json, CRM_NUL, NULL, &err), CRM_OK, &err, "create");
        if (i % 200 == 0) {
            snprintf(large, sizeof large, "{\"notes\":\"%0*d\"}", 9000 + i, i);
            fault_is(crm_customer_patch_json(txn, (crm_id)i, 0, large, CRM_NUL, &err), CRM_OK, &err,
                     "patch");
        }
        /* The last commit makes one customer: a file without its newest head is one behind. */
        if (i % 500 == 0 || i == LAST)
            fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "commit");
    }
    crm_db_close(db);
    fault_clean(dir, "the original");
}

static void remember(bed *b)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db = fault_open(b->base, NULL);
    crm_txn *txn;

    b->state = fault_state(db);
    fault_is(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), CRM_OK, &err, "begin");
    for (crm_id id = 1; id <= LAST; id++) {
        char *json;
        size_t n;
        fault_is(crm_customer_get_json(txn, id, CRM_JSON_ORIGINS, &json, &n, &err), CRM_OK, &err,
                 "get");
        b->wanted[id] = crm__hash64(1, json, n);
        crm_free(json);
    }
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* ---- in a child ---- */

static void note(uint64_t *counter, const char *what, crm_id id, int rc)
{
    notes *n = the_bed->n;

    if (!n->what[0])
        snprintf(n->what, sizeof n->what, "%s of %llu: %s", what, (unsigned long long)id,
                 crm_error_name(rc));
    ++*counter;
}

static void judge_json(const char *how, crm_id id, char *json, size_t n)
{
    if (crm__hash64(1, json, n) != the_bed->wanted[id])
        note(&the_bed->n->wrong, how, id, CRM_OK);
    crm_free(json);
}

static void read_by_id(crm_txn *txn)
{
    notes *n = the_bed->n;

    for (crm_id id = 1; id <= LAST; id++) {
        char *json;
        size_t bytes;
        int rc = crm_customer_get_json(txn, id, CRM_JSON_ORIGINS, &json, &bytes, NULL);
        if (rc == CRM_OK)
            judge_json("get", id, json, bytes);
        else
            note(rc == CRM_ENOTFOUND ? &n->missing : &n->errors, "get", id, rc);
    }
}

static void find_one(crm_txn *txn, const crm_field *f, const char *source, const char *value,
                     crm_id id)
{
    notes *n = the_bed->n;
    crm_id ids[3];
    size_t count;
    int rc = crm_customer_find(txn, f, source, value, CRM_NUL, ids, 3, &count, NULL);

    if (rc == CRM_OK && (count != 1 || ids[0] != id))
        note(&n->wrong, "find", id, rc);
    else if (rc)
        note(rc == CRM_ENOTFOUND ? &n->missing : &n->errors, "find", id, rc);
}

static void find_all(crm_txn *txn)
{
    crm_field phone, external;
    char value[32];
    int rc = crm_field_find(txn, "phone", CRM_NUL, &phone, NULL);

    if (!rc)
        rc = crm_field_find(txn, "external", CRM_NUL, &external, NULL);
    if (rc) {
        note(&the_bed->n->errors, "field", 0, rc);
        return;
    }
    for (crm_id id = 1; id <= LAST; id++) {
        snprintf(value, sizeof value, "1390013%04d", (int)id);
        find_one(txn, &phone, NULL, value, id);
        snprintf(value, sizeof value, "E%d", (int)id);
        if (id % 200)
            find_one(txn, &external, "erp", value, id);
    }
}

static void list_all(crm_txn *txn)
{
    notes *n = the_bed->n;
    crm_customer_iter *it;
    crm_id next = 1;
    int rc = crm_customer_list(txn, NULL, &it, NULL);

    for (int steps = 0; rc == CRM_OK || (rc == CRM_ECORRUPT && it); steps++) {
        crm_customer *c;
        size_t bytes;
        char *json;
        if (steps > 2 * LAST) { /* each damage is told once */
            note(&n->wrong, "list without an end", next, rc);
            break;
        }
        rc = crm_customer_next(it, &c, NULL);
        if (rc == CRM_OK) {
            crm_id id = crm_customer_id(c);
            if (id < next || id > LAST) {
                note(&n->wrong, "list", id, rc);
                break;
            }
            if (id > next)
                note(&n->missing, "list", next, CRM_DONE);
            next = id + 1;
            rc = crm_customer_to_json(txn, c, CRM_JSON_ORIGINS, &json, &bytes, NULL);
            if (rc == CRM_OK)
                judge_json("list", id, json, bytes);
        }
        if (rc < 0)
            note(&n->errors, "list", next, rc);
    }
    if (rc == CRM_DONE && next <= LAST)
        note(&n->missing, "list", next, rc);
    crm_customer_list_close(it);
}

static void write_one(crm_db *db)
{
    crm_txn *txn;

    if (crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL))
        return;
    if (crm_customer_create_json(txn, "{\"name\":\"new\",\"phone\":\"13800138000\"}", CRM_NUL, NULL,
                                 NULL) ||
        crm_customer_patch_json(txn, CUSTOMERS / 2, 0, "{\"score\":1}", CRM_NUL, NULL) ||
        crm_customer_delete(txn, 7, 0, NULL))
        crm_txn_abort(txn);
    else
        crm_txn_commit(txn, NULL);
}

static void use(uint32_t flags, int clean)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    notes *n = the_bed->n;
    crm_txn *txn;
    crm_db *db;
    int rc;

    o.flags = flags | CRM_NOCREATE;
    n->code = crm_db_open(the_bed->dir, &o, &db, NULL);
    if (n->code)
        return;
    rc = crm_txn_begin(db, CRM_READ, NULL, &txn, NULL);
    if (rc) {
        note(&n->errors, "begin", 0, rc);
    } else {
        read_by_id(txn);
        find_all(txn);
        list_all(txn);
        crm_txn_abort(txn);
    }
    if (clean) {
        n->state = fault_state(db);
        n->state_read = 1;
    }
    if (clean || flags & CRM_VERIFY)
        write_one(db);
    crm_db_close(db);
}

static void use_verified(int clean)
{
    use(CRM_VERIFY, clean);
}

static void use_plainly(int clean)
{
    use(0, clean);
}

static void check(int clean)
{
    crm_check_result res;

    (void)clean;
    memset(&res, 0, sizeof res);
    the_bed->n->code = crm_check(the_bed->dir, NULL, sizeof res, &res, NULL);
    the_bed->n->faults = res.faults;
}

/* ---- the parent ---- */

typedef struct job {
    void (*fn)(int clean);
    int clean;
} job;

static int run_job(void *ctx)
{
    const job *j = ctx;

    j->fn(j->clean);
    the_bed->n->done = 1;
    return 0;
}

/* The signal that ended the child, 0 when it came to its end. */
static int in_child(void (*fn)(int clean), int clean)
{
    job j = {fn, clean};
    int end;

    memset(the_bed->n, 0, sizeof *the_bed->n);
    end = fault_ended(fault_fork(run_job, &j));
    if (end == 0 && the_bed->n->done)
        return 0;
    return end < 0 ? -end : SIGABRT; /* a sanitizer's exit is a death too */
}

static void mutate(const bed *b, const char *dir, damage_done *done)
{
    char file[600];

    fault_copy(b->base, dir);
    snprintf(file, sizeof file, "%s/data.mdb", dir);
    ck_assert_int_eq(damage_file(file, b->kind, b->seed, done), 0);
}

/* Leaves what fails, as it was before anybody opened it, in a folder that stays.  Gives ok back. */
static int keep(const bed *b, int ok)
{
    char dir[] = "/tmp/crm-mutant.XXXXXX";

    if (!ok && mkdtemp(dir)) {
        mutate(b, dir, NULL);
        printf("FAILED %s, seed %llu, kept in %s\n", damage_name(b->kind),
               (unsigned long long)b->seed, dir);
        fflush(stdout);
    }
    return ok;
}

#define HOLDS(ok, ...) ck_assert_msg(keep(b, (ok)), __VA_ARGS__)

static void judge_use(const bed *b, const char *label, const char *how, int bad)
{
    const notes *n = b->n;

    HOLDS(n->wrong == 0, "%s, %s: %llu wrong records, %s", label, how, (unsigned long long)n->wrong,
          n->what);
    HOLDS(bad || (n->code == CRM_OK && !n->errors && !n->missing),
          "%s, %s: crm_check() found nothing, but: %s %llu errors, %llu missing, %s", label, how,
          crm_error_name(n->code), (unsigned long long)n->errors, (unsigned long long)n->missing,
          n->what);
    HOLDS(!n->state_read || n->state == b->state,
          "%s, %s: crm_check() found nothing, but rows differ", label, how);
}

static void try_mutant(bed *b, damage_kind kind, uint64_t seed)
{
    char label[160];
    damage_done done;
    int signo, bad;

    b->kind = kind;
    b->seed = seed;
    mutate(b, b->dir, &done);
    snprintf(label, sizeof label, "%s, seed %llu, page %llu", damage_name(kind),
             (unsigned long long)seed, (unsigned long long)done.page);
    b->tried++;
    signo = in_child(check, 0);
    HOLDS(!signo, "%s: crm_check() died by signal %d", label, signo);
    bad = b->n->code != CRM_OK;
    HOLDS(bad == (b->n->faults > 0) || b->n->code == CRM_EVERSION, "%s: %s with %llu faults", label,
          crm_error_name(b->n->code), (unsigned long long)b->n->faults);
    b->reported += (uint64_t)bad;
    signo = in_child(use_verified, !bad);
    HOLDS(!signo, "%s: died by signal %d although verified", label, signo);
    b->refused += b->n->code != CRM_OK;
    judge_use(b, label, "verified", bad);
    mutate(b, b->dir, &done); /* a verified one was written to */
    signo = in_child(use_plainly, !bad);
    HOLDS(!signo, "%s: died by signal %d", label, signo);
    judge_use(b, label, "plain", bad);
}

static void try_kind(damage_kind kind)
{
    size_t count = crmtest_rounds(300, 5000) / DAMAGE_KINDS + 1;
    bed b;

    memset(&b, 0, sizeof b);
    the_bed = &b;
    b.n = mmap(NULL, sizeof *b.n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(b.n != MAP_FAILED);
    snprintf(b.base, sizeof b.base, "%s", fault_path("base"));
    snprintf(b.dir, sizeof b.dir, "%s", fault_path("db"));
    make(b.base);
    remember(&b);
    for (size_t i = 0; i < count; i++)
        try_mutant(&b, kind, crmtest_seed() + i);
    printf("%-10s %4llu mutants: %4llu reported by check, %4llu refused by verify\n",
           damage_name(kind), (unsigned long long)b.tried, (unsigned long long)b.reported,
           (unsigned long long)b.refused);
    fflush(stdout);
}

CRM_TEST(test_fault_damage__flipped_bits)
{
    try_kind(DAMAGE_FLIP);
}

CRM_TEST(test_fault_damage__flipped_bits_in_page_heads)
{
    try_kind(DAMAGE_FLIP_HEAD);
}

CRM_TEST(test_fault_damage__extreme_numbers)
{
    try_kind(DAMAGE_FIELD);
}

CRM_TEST(test_fault_damage__zeroed_pages)
{
    try_kind(DAMAGE_ZERO);
}

CRM_TEST(test_fault_damage__swapped_pages)
{
    try_kind(DAMAGE_SWAP);
}

CRM_TEST(test_fault_damage__copied_pages)
{
    try_kind(DAMAGE_COPY);
}

CRM_TEST(test_fault_damage__short_files)
{
    try_kind(DAMAGE_TRUNCATE);
}

CRM_TEST(test_fault_damage__heads_of_the_file)
{
    try_kind(DAMAGE_META);
}
