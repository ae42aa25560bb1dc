/* SPDX-License-Identifier: MIT
 * crm_check() with CRM_CHECK_REPAIR as a program sees it: nothing is written where nothing is
 * wrong, a page of what is derived is mended, and the options are held to.
 */
#include "help.h"

#include "damage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUSTOMERS = 400 };

typedef struct heard {
    int left, repaired, primary;
} heard;

static void on_fault(const crm_fault *fault, void *ctx)
{
    static const char *const DERIVED[] = {"identity", "bits", "day"};
    int derived = strcmp(fault->space, "file") == 0 && fault->page >= 2;
    heard *h = ctx;

    for (size_t i = 0; i < 3; i++)
        derived |= strcmp(fault->space, DERIVED[i]) == 0;
    h->left += !fault->repaired;
    h->repaired += fault->repaired != 0;
    h->primary += !derived;
}

static int check(uint32_t flags, heard *h, crm_check_result *r)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;

    memset(h, 0, sizeof *h);
    o.flags = flags;
    o.fault = on_fault;
    o.fault_ctx = h;
    o.actor = "repairer";
    return crm_check(api_path(), &o, sizeof *r, r, &er);
}

static void fill(void)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char json[100];

    for (int i = 0; i < CUSTOMERS; i++) {
        snprintf(json, sizeof json, "{\"name\":\"N\",\"phone\":\"1390013%04d\"}", i);
        api_create(txn, json);
    }
    OK(crm_txn_commit(txn, &er));
    crm_db_close(db);
}

CRM_TEST(test_api_repair__of_a_sound_database_writes_nothing)
{
    crm_check_result r;
    crm_db_stat before, after;
    crm_db *db;
    heard h;

    fill();
    db = api_open();
    OK(crm_db_stat_get(db, sizeof before, &before, &er));
    OK(check(CRM_CHECK_REPAIR, &h, &r)); /* while it is open */
    ck_assert_uint_eq(r.faults, 0);
    ck_assert_uint_eq(r.repaired, 0);
    ck_assert_uint_eq(r.customers, CUSTOMERS);
    OK(crm_db_stat_get(db, sizeof after, &after, &er));
    ck_assert_uint_eq(after.revision, before.revision);
    crm_db_close(db);
    IS(CRM_EINVAL, check(4, &h, &r));
    IS(CRM_ENOTFOUND, crm_check(crmtest_path("none"), NULL, 0, NULL, &er));
}

CRM_TEST(test_api_repair__of_a_page)
{
    const char *file = crmtest_path("db/data.mdb"), *whole = crmtest_path("whole");
    crm_check_result r;
    crm_db *db;
    crm_txn *txn;
    crm_field phone;
    uint64_t pages;
    size_t found;
    heard h;
    int mended = 0;

    fill();
    pages = damage_pages(file, NULL);
    ck_assert_int_eq(damage_copy_file(file, whole), 0);
    for (uint64_t page = 2; page < pages && mended < 4; page++) {
        ck_assert_int_eq(damage_copy_file(whole, file), 0);
        ck_assert_int_eq(damage_zero_page(file, page), 0);
        if (check(0, &h, &r) != CRM_ECORRUPT || h.primary)
            continue;
        ck_assert_int_eq(h.repaired, 0);
        OK(check(CRM_CHECK_REPAIR, &h, &r));
        ck_assert_int_gt(h.repaired, 0);
        ck_assert_int_eq(h.left, 0);
        api_check_clean(api_path());
        db = api_open();
        txn = api_begin(db, CRM_READ);
        OK(crm_field_find(txn, "phone", CRM_NUL, &phone, &er));
        OK(crm_customer_find(txn, &phone, NULL, "13900130007", CRM_NUL, NULL, 0, &found, &er));
        ck_assert_uint_eq(found, 1);
        OK(crm_txn_abort(txn));
        crm_db_close(db);
        mended++;
    }
    ck_assert_int_eq(mended, 4);
}
