/* SPDX-License-Identifier: MIT
 * crm_export() when memory runs out, at every allocation: it says so, leaves no file and no
 * folder, and what was journalled is whole.
 */
#include "crmtest.h"
#include "stingy.h"

#include <crm/crm.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

static void fill(void)
{
    crm_txn *txn;
    crm_db *db;

    OK(crm_db_open(crmtest_path("db"), NULL, &db, NULL));
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    for (int i = 0; i < 3; i++) {
        char json[300];
        snprintf(json, sizeof json,
                 "{\"name\":\"N\",\"phone\":\"1390013000%d\",\"city\":\"上海\",\"birth_date\":"
                 "\"1990-05-01\",\"gender\":\"male\",\"external\":[{\"source\":\"vcard\",\"value\":"
                 "\"E%d\"}],\"events\":[{\"kind\":\"order\",\"time\":\"2026-01-02T03:04:05Z\","
                 "\"amount\":\"12.50 CNY\"}]}",
                 i, i);
        OK(crm_customer_create_json(txn, json, CRM_NUL, NULL, NULL));
    }
    OK(crm_txn_commit(txn, NULL));
    crm_db_close(db);
}

static void without_memory(uint32_t what, uint32_t format, uint32_t flags)
{
    char file[512], part[512]; /* there are few buffers for paths */
    int rc = CRM_ENOMEM;

    snprintf(file, sizeof file, "%s", crmtest_path("out"));
    snprintf(part, sizeof part, "%s", crmtest_path("out.crm-part"));
    for (int64_t allowed = 0; rc == CRM_ENOMEM; allowed += (1 + allowed / 20) * crmtest_stride(8)) {
        stingy left = {allowed, 0};
        crm_allocator mem = {sizeof mem, stingy_alloc, stingy_realloc, stingy_free, &left};
        crm_db_options d = CRM_DB_OPTIONS_INIT;
        crm_export_options o = CRM_EXPORT_OPTIONS_INIT;
        crm_db *db;
        d.allocator = &mem;
        o.reason = "test";
        o.what = what;
        o.format = format;
        o.flags = flags;
        rc = crm_db_open(crmtest_path("db"), &d, &db, NULL);
        if (!rc) {
            rc = crm_export(db, file, &o, 0, NULL, NULL);
            ck_assert_int_eq(access(file, F_OK) == 0, rc == CRM_OK);
            ck_assert_int_ne(access(part, F_OK), 0);
            crm_db_close(db);
        }
        ck_assert_msg(rc == CRM_OK || rc == CRM_ENOMEM, "%d after %lld", rc, (long long)allowed);
        ck_assert_int_eq(left.alive, 0);
    }
    OK(rc);
    ck_assert_int_eq(unlink(file), 0);
    OK(crm_check(crmtest_path("db"), NULL, 0, NULL, NULL));
}

CRM_TEST(test_io_export__without_memory)
{
    fill();
    without_memory(CRM_EXPORT_CUSTOMERS, CRM_EXPORT_CSV, 0);
    without_memory(CRM_EXPORT_CUSTOMERS, CRM_EXPORT_VCARD, 0);
    without_memory(CRM_EXPORT_CUSTOMERS, CRM_EXPORT_JSONL,
                   CRM_EXPORT_WITH_EVENTS | CRM_EXPORT_WITH_ORIGINS);
    without_memory(CRM_EXPORT_EVENTS, CRM_EXPORT_CSV, 0);
    without_memory(CRM_EXPORT_JOURNAL, CRM_EXPORT_JSONL, 0);
}
