/* SPDX-License-Identifier: MIT
 * Power loss while a database is worked with (power_book.h): small commits, which wait for the log
 * alone, between large ones, which go past it, and new beginnings of the log.
 *
 * Whatever the disk holds, opening finds the state after the last commit that was acknowledged, or
 * after the one that was under way: row for row, in every space.
 */
#include "power_book.h"

#include <unistd.h>

enum {
    COMMITS = 150,
    HANDLES = 3,  /* the database is closed and opened again between */
    LARGE = 420,  /* customers of 3 KB: more than the log takes */
    AFTER = 6     /* commits after the loss */
};

/* Where in the book each commit was acknowledged, and the state then. */
typedef struct history {
    size_t count, at[COMMITS + 1];
    uint64_t state[COMMITS + 1];
    size_t begun; /* the database has been made */
} history;

static void create(crm_txn *txn, int n, int bytes)
{
    crm_error err = CRM_ERROR_INIT;
    char json[3200];

    snprintf(json, sizeof json, "{\"name\":\"n%d\",\"notes\":\"%0*d\",\"score\":%d}", n, bytes + 1, 7,
             n % 900);
    fault_is(crm_customer_create_json(txn, json, CRM_NUL, NULL, &err), CRM_OK, &err, "create");
}

/* One commit: a new customer, a changed one, a deleted one, or very many. */
static void commit_one(crm_db *db, uint64_t *seed, uint32_t *made, int large)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    char json[80];
    crm_txn *txn;
    crm_id id;

    o.actor = "power";
    fault_is(crm_txn_begin(db, CRM_WRITE, &o, &txn, &err), CRM_OK, &err, "begin");
    if (large) {
        for (int i = 0; i < LARGE; i++)
            create(txn, (int)++*made, 3000);
    } else if (*made < 5 || crmtest_below(seed, 3) == 0) {
        create(txn, (int)++*made, (int)crmtest_below(seed, 2500));
    } else {
        id = 1 + crmtest_below(seed, *made);
        snprintf(json, sizeof json, "{\"score\":%d,\"city\":\"c%d\"}", (int)crmtest_below(seed, 900),
                 (int)crmtest_below(seed, 40));
        crm_customer_patch_json(txn, id, 0, json, CRM_NUL, &err); /* a deleted one is refused */
        if (crmtest_below(seed, 9) == 0)
            crm_customer_delete(txn, id, 0, &err);
    }
    crm_error_init(&err);
    fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "commit");
}

static void work(history *h)
{
    char dir[4096];
    uint64_t seed = crmtest_seed();
    uint32_t made = 0;
    crm_db *db;

    snprintf(dir, sizeof dir, "%s", fault_path("power"));
    fault_remove(dir);
    power_begin(dir);
    h->count = 0;
    for (int handle = 0; handle < HANDLES; handle++) {
        db = fault_open(dir, NULL);
        if (!handle) {
            h->begun = h->at[0] = power_at();
            h->state[0] = fault_state(db);
        }
        for (int i = 0; i < COMMITS / HANDLES; i++) {
            commit_one(db, &seed, &made, i == 20 && handle == 1);
            h->count++;
            h->at[h->count] = power_at();
            h->state[h->count] = fault_state(db);
        }
        if (handle < HANDLES - 1)
            crm_db_close(db);
    }
    printf("%zu writes, %zu commits, %u customers\n", power_end()->count, h->count, made);
    fflush(stdout);
    crm_db_close(db);
}

/* In a child: opens what is left, and goes on with it. */
static void look(const char *dir, void *ctx)
{
    uint64_t *seen = ctx, seed = 1, state;
    uint32_t made = 5;
    crm_db *db = fault_open(dir, NULL);

    *seen = fault_state(db);
    for (int i = 0; i < AFTER; i++)
        commit_one(db, &seed, &made, 0);
    state = fault_state(db);
    crm_db_close(db);
    fault_clean(dir, "after a power loss and some commits");
    db = fault_open(dir, NULL);
    ck_assert(fault_state(db) == state);
    crm_db_close(db);
}

static void try_disk(const power_disk *d, const history *h, size_t at, uint64_t *seen,
                     const char *label)
{
    size_t k = 0;

    while (k < h->count && h->at[k + 1] <= at)
        k++;
    power_look(d, look, seen, label);
    ck_assert_msg(*seen == h->state[k] || (k < h->count && *seen == h->state[k + 1]),
                  "%s: not the state after commit %zu, nor after the next", label, k);
}

/* At any moment, any mixture of what was and was not written. */
CRM_TEST(test_fault_power_commits__any_mixture_at_any_moment)
{
    uint64_t seed = crmtest_seed();
    size_t rounds = crmtest_rounds(60, 6000);
    static power_disk d;
    static history h;
    uint64_t *seen = power_shared(sizeof *seen);
    char label[100];

    work(&h);
    for (size_t i = 0; i < rounds; i++) {
        size_t at = h.begun + crmtest_below(&seed, power_at() - h.begun + 1);
        snprintf(label, sizeof label, "mixture %zu after %zu calls (seed %llu)", i, at,
                 (unsigned long long)crmtest_seed());
        power_any(&d, at, &seed);
        try_disk(&d, &h, at, seen, label);
    }
}

/* Right when a commit is acknowledged: what is certain, and nothing that was written since the last
 * sync of its file. */
CRM_TEST(test_fault_power_commits__acknowledged_is_there)
{
    size_t step = crmtest_rounds(COMMITS, 6 * COMMITS) > COMMITS ? 1 : 5;
    static power_disk d;
    static history h;
    uint64_t *seen = power_shared(sizeof *seen);
    char label[100];

    work(&h);
    for (size_t k = 1; k <= h.count; k += step) {
        snprintf(label, sizeof label, "commit %zu of %zu (seed %llu)", k, h.count,
                 (unsigned long long)crmtest_seed());
        power_certain(&d, h.at[k]);
        try_disk(&d, &h, h.at[k], seen, label);
    }
}

/* The opening after a power loss is cut short by another, and that by a third. */
CRM_TEST(test_fault_power_commits__opening_cut_short)
{
    enum { LOSSES = 3 };
    uint64_t seed = crmtest_seed() + 1;
    size_t rounds = crmtest_rounds(15, 600), end;
    static power_disk d;
    static history h;
    uint64_t *seen = power_shared(sizeof *seen);
    char dir[4096], label[100];

    snprintf(dir, sizeof dir, "%s", fault_path("again"));
    for (size_t i = 0; i < rounds; i++) {
        size_t at, then;
        if (i % 5 == 0)
            work(&h);
        end = h.at[h.count];
        at = then = h.begun + crmtest_below(&seed, end - h.begun + 1);
        snprintf(label, sizeof label, "round %zu, moment %zu (seed %llu)", i, at,
                 (unsigned long long)crmtest_seed());
        power_any(&d, at, &seed);
        for (int loss = 1; loss < LOSSES; loss++) {
            power_write(&d, dir);
            then = power_at();
            power_again(&d, dir);
            crm_db_close(fault_open(dir, NULL));
            power_end();
            power_any(&d, then + crmtest_below(&seed, power_at() - then + 1), &seed);
        }
        try_disk(&d, &h, at, seen, label);
        power_forget();
    }
}

/* The data file can't be synced, once.  Nothing is acknowledged on the strength of a later sync, by no
 * process, until an opening has written the pages again. */
/* The log takes a commit, and not one that needs the sync that fails. */
static int log_takes_no_more(void *dir)
{
    crm_db *db = fault_open(dir, NULL);
    crm_error err = CRM_ERROR_INIT;
    uint64_t seed = crmtest_seed();
    uint32_t made = 12;
    crm_txn *txn;

    commit_one(db, &seed, &made, 0);
    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
    for (int i = 0; i < LARGE; i++)
        create(txn, (int)++made, 3000);
    ck_assert_int_eq(crm_txn_commit(txn, &err), CRM_EIO);
    return 0;
}

CRM_TEST(test_fault_power_commits__sync_of_the_data_file_fails)
{
    crm_error err = CRM_ERROR_INIT;
    uint64_t seed = crmtest_seed(), state;
    uint32_t made = 0;
    char dir[4096];
    crm_txn *txn;
    crm_db *db;

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    fault_remove(dir);
    power_begin(dir);
    db = fault_open(dir, NULL);
    for (int i = 0; i < 12; i++)
        commit_one(db, &seed, &made, 0);
    state = fault_state(db);
    power_fail_syncs(1);
    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
    for (int i = 0; i < LARGE; i++)
        create(txn, (int)++made, 3000);
    fault_is(crm_txn_commit(txn, &err), CRM_EIO, &err, "a commit that needs the sync");
    crm_error_init(&err);
    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_EPOISONED, &err, "begin after it");
    power_end();
    power_fail_syncs(0);
    fault_child(log_takes_no_more, dir, 0, "another process, while the first is there");
    crm_db_close(db);
    db = fault_open(dir, NULL); /* alone: the file is set back */
    ck_assert(fault_state(db) != state); /* the other's commit */
    commit_one(db, &seed, &made, 1);
    crm_db_close(db);
    fault_clean(dir, "after a sync that failed");
}
