/* SPDX-License-Identifier: MIT
 * Power loss while a database is made (power_book.h).
 *
 * Whatever the disk holds, opening makes the database anew or goes on with it, and it works.  Once a
 * commit has been acknowledged it is there.
 */
#include "power_book.h"

enum { COMMITS = 12 };

/* ---- a database is made, and one commit acknowledged ---- */

static crm_id create_one(crm_db *db, const char *name)
{
    crm_error err = CRM_ERROR_INIT;
    char json[3000];
    crm_txn *txn;
    crm_id id;

    snprintf(json, sizeof json, "{\"name\":\"%s\",\"notes\":\"%01000d\",\"score\":7}", name, 7);
    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
    fault_is(crm_customer_create_json(txn, json, CRM_NUL, &id, &err), CRM_OK, &err, "create");
    fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "commit");
    return id;
}

/* Where in the log the making is over, and where the commit has been acknowledged. */
typedef struct bounds {
    size_t aged, opened, acknowledged;
} bounds;

static void make(bounds *b)
{
    crm_error err = CRM_ERROR_INIT;
    const char *dir = fault_path("power");
    const power_book *book;
    crm_db *db;

    fault_remove(dir);
    power_begin(dir);
    fault_is(crm_db_open(dir, NULL, &db, &err), CRM_OK, &err, "open");
    b->opened = power_at();
    create_one(db, "first");
    b->acknowledged = power_at();
    book = power_end();
    ck_assert(book->named && book->parent_synced); /* the names are as durable as what they name */
    crm_db_close(db);
    /* The longest stretch without a sync is the ageing. */
    b->aged = 0;
    for (size_t i = 0, begun = 0, longest = 0; i < b->opened; i++) {
        if (book->list[i].n)
            continue;
        if (i - begun > longest) {
            longest = i - begun;
            b->aged = i;
        }
        begun = i;
    }
    ck_assert_uint_gt(b->aged, 1000);
    printf("%zu writes: aged at %zu, open at %zu\n", book->count, b->aged, b->opened);
    fflush(stdout);
}

/* ---- what opening makes of it ---- */

typedef struct sight {
    int check, open, customers, first; /* first: the acknowledged customer is there */
} sight;

static sight *seen;
static size_t tried, made_anew;

static int by_name(crm_db *db, int *customers, const char *name)
{
    crm_error err = CRM_ERROR_INIT;
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    crm_customer_iter *it;
    crm_customer *c;
    crm_field f;
    crm_txn *txn;
    int rc, found = 0;

    *customers = 0;
    fault_is(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), CRM_OK, &err, "begin");
    fault_is(crm_field_find(txn, "name", CRM_NUL, &f, &err), CRM_OK, &err, "name");
    fault_is(crm_customer_list(txn, &o, &it, &err), CRM_OK, &err, "list");
    while ((rc = crm_customer_next(it, &c, &err)) == CRM_OK) {
        const char *text;
        size_t n;
        fault_is(crm_customer_text(c, &f, 0, &text, &n, &err), CRM_OK, &err, "text");
        found |= n == strlen(name) && memcmp(text, name, n) == 0;
        ++*customers;
    }
    fault_is(rc, CRM_DONE, &err, "next");
    crm_customer_list_close(it);
    crm_txn_abort(txn);
    return found;
}

/* In a child: opens what is left and works with it for a while. */
static void look(const char *dir, void *ctx)
{
    sight *s = ctx;
    crm_error err = CRM_ERROR_INIT;
    int before, after;
    crm_db *db;

    s->check = crm_check(dir, NULL, 0, NULL, NULL); /* whatever it says, it lives */
    s->open = crm_db_open(dir, NULL, &db, &err);
    if (!s->open) {
        s->first = by_name(db, &s->customers, "first");
        before = s->customers;
        for (int i = 0; i < COMMITS; i++)
            create_one(db, "later");
        crm_db_close(db);
        fault_clean(dir, "after a power loss and some commits");
        fault_is(crm_db_open(dir, NULL, &db, &err), CRM_OK, &err, "open again");
        by_name(db, &after, "later");
        ck_assert_int_eq(after, before + COMMITS);
        crm_db_close(db);
    }
}

static void try_disk(const power_disk *d, int acknowledged, const char *label)
{
    memset(seen, 0, sizeof *seen);
    power_look(d, look, seen, label);
    ck_assert_msg(seen->open == CRM_OK, "%s: open gives %s", label, crm_error_name(seen->open));
    ck_assert_msg(seen->check == CRM_OK || seen->check == CRM_ENOTFOUND, "%s: crm_check gives %s",
                  label, crm_error_name(seen->check));
    if (acknowledged)
        ck_assert_msg(seen->first && seen->customers == 1, "%s: what was acknowledged is gone",
                      label);
    else
        ck_assert_msg(seen->customers == seen->first, "%s: %d customers", label, seen->customers);
    tried++;
    made_anew += seen->check == CRM_ENOTFOUND;
}

static void set_up(bounds *b)
{
    seen = power_shared(sizeof *seen);
    tried = made_anew = 0;
    make(b);
}

static void tell(const char *what)
{
    printf("%s: %zu states, %zu of them made anew\n", what, tried, made_anew);
    fault_remove(fault_path("after"));
    fault_remove(fault_path("power"));
}

/* ---- cases ---- */

/* Right before the sync that ends the ageing: cut at every page, and each page lost alone. */
CRM_TEST(test_fault_power__ageing_cut_and_zeroed)
{
    char label[100];
    bounds b;
    static power_disk all, d;
    const power_file *data = &all.file[POWER_DATA];

    set_up(&b);
    power_written(&all, b.aged);
    for (uint32_t pages = 0; pages <= data->units; pages++) {
        d = all;
        d.file[POWER_DATA].units = pages;
        snprintf(label, sizeof label, "cut to %u pages", pages);
        try_disk(&d, 0, label);
    }
    for (uint32_t page = 0; page < data->units; page++) {
        d = all;
        d.file[POWER_DATA].unit[page] = NULL;
        snprintf(label, sizeof label, "page %u of zeros", page);
        try_disk(&d, 0, label);
        power_certain(&d, b.aged);
        all.file[POWER_DATA].unit[page] = page < d.file[POWER_DATA].units ? d.file[POWER_DATA].unit[page] : NULL;
        d = all;
        snprintf(label, sizeof label, "pages to %u as at the last sync", page);
        try_disk(&d, 0, label);
        power_written(&all, b.aged);
    }
    for (uint32_t page = 2; page < data->units; page++) {
        d = all;
        for (uint32_t i = page; i < data->units; i++)
            d.file[POWER_DATA].unit[i] = NULL;
        snprintf(label, sizeof label, "the tail from page %u of zeros", page);
        try_disk(&d, 0, label);
    }
    tell("cut and zeroed");
}

/* At any moment of the making, any mixture of what was and was not written. */
CRM_TEST(test_fault_power__any_mixture_at_any_moment)
{
    uint64_t seed = crmtest_seed();
    size_t rounds = crmtest_rounds(120, 20000);
    char label[100];
    bounds b;
    static power_disk d;

    set_up(&b);
    for (size_t i = 0; i < rounds; i++) {
        /* All moments, and more often those around the few syncs before and after the ageing. */
        size_t at = i % 2 ? crmtest_below(&seed, b.aged + 1)
                          : b.aged + crmtest_below(&seed, b.acknowledged - b.aged);
        snprintf(label, sizeof label, "mixture %zu after %zu calls (seed %llu)", i, at,
                 (unsigned long long)crmtest_seed());
        power_any(&d, at, &seed);
        try_disk(&d, 0, label);
    }
    tell("mixtures");
}

/* From the moment on that the commit was acknowledged it is there: with all that came later lost.
 */
CRM_TEST(test_fault_power__acknowledged_is_there)
{
    uint64_t seed = crmtest_seed();
    bounds b;
    static power_disk d;

    set_up(&b);
    power_certain(&d, b.acknowledged);
    try_disk(&d, 1, "acknowledged");
    for (int i = 0; i < 20; i++) {
        power_any(&d, b.acknowledged, &seed);
        try_disk(&d, 1, "acknowledged, mixed");
    }
    tell("acknowledged");
}
