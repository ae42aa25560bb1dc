/* SPDX-License-Identifier: MIT
 * What leaves the database is in its journal: an entry with who and why before the first row, none
 * for a call that is refused, no way round it through a handle that writes, and no undo of it.
 */
#include "help.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t revision_of(crm_db *db)
{
    crm_txn *txn = api_begin(db, CRM_READ);
    uint64_t revision = crm_txn_revision(txn);

    OK(crm_txn_abort(txn));
    return revision;
}

static void fill(crm_db *db)
{
    crm_txn *txn = api_begin(db, CRM_WRITE);

    for (int i = 0; i < 5; i++)
        api_create(txn, "{\"name\":\"N\"}");
    OK(crm_txn_commit(txn, &er));
}

/* The last change, as JSON without its time. */
static void last_change(crm_db *db, const char *wanted)
{
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_change c = CRM_CHANGE_INIT;
    crm_change_iter *it;
    char *json, *from;

    OK(crm_change_list(txn, crm_txn_revision(txn) - 1, &it, &er));
    OK(crm_change_next(it, &c, &er));
    OK(crm_change_json(it, &json, NULL, &er));
    from = strstr(json, "\"action\"");
    ck_assert_ptr_nonnull(from);
    ck_assert_str_eq(from, wanted);
    ck_assert_ptr_nonnull(c.reason);
    ck_assert_uint_eq(c.batch, 0);
    ck_assert_uint_eq(c.target, 0);
    crm_free(json);
    crm_change_close(it);
    OK(crm_journal_verify(txn, NULL, 0, NULL, NULL, &er));
    OK(crm_txn_abort(txn));
}

CRM_TEST(test_api_handout__a_backup_is_journalled)
{
    crm_backup_options o = CRM_BACKUP_OPTIONS_INIT;
    crm_backup_result r;
    crm_db *db = api_open(), *copy;
    uint64_t before;

    fill(db);
    before = revision_of(db);
    OK(crm_backup(db, crmtest_path("a"), NULL, sizeof r, &r, &er));
    ck_assert_uint_eq(r.revision, before + 1);
    ck_assert_uint_eq(revision_of(db), before + 1);
    last_change(db, "\"action\":\"backup\",\"reason\":\"backup\"}");
    o.reason = "每周备份 \"Friday\"";
    o.actor = "li.na";
    OK(crm_backup(db, crmtest_path("b"), &o, sizeof r, &r, &er));
    last_change(
        db, "\"action\":\"backup\",\"reason\":\"每周备份 \\\"Friday\\\"\",\"actor\":\"li.na\"}");
    OK(crm_restore(crmtest_path("b"), crmtest_path("copy"), NULL, 0, NULL, &er));
    OK(crm_db_open(crmtest_path("copy"), NULL, &copy, &er));
    last_change(
        copy, "\"action\":\"backup\",\"reason\":\"每周备份 \\\"Friday\\\"\",\"actor\":\"li.na\"}");
    crm_db_close(copy);
    crm_db_close(db);
    api_check_clean(api_path());
    api_check_clean(crmtest_path("copy"));
}

CRM_TEST(test_api_handout__what_is_refused_leaves_no_entry)
{
    char long_reason[300];
    crm_backup_options o = CRM_BACKUP_OPTIONS_INIT;
    crm_db *db = api_open();
    uint64_t before;
    crm_txn *txn;

    fill(db);
    before = revision_of(db);
    IS(CRM_EINVAL, crm_backup(db, crmtest_path("db/x"), NULL, 0, NULL, &er));
    memset(long_reason, 'a', sizeof long_reason);
    long_reason[sizeof long_reason - 1] = 0;
    o.reason = long_reason;
    IS(CRM_EINVAL, crm_backup(db, crmtest_path("a"), &o, 0, NULL, &er));
    ck_assert_str_eq(er.field, "reason");
    o.reason = "two\nlines";
    IS(CRM_EINVAL, crm_backup(db, crmtest_path("a"), &o, 0, NULL, &er));
    o.reason = "";
    IS(CRM_EINVAL, crm_backup(db, crmtest_path("a"), &o, 0, NULL, &er));
    long_reason[200] = 0;
    o.reason = "fine";
    o.actor = long_reason;
    IS(CRM_EINVAL, crm_backup(db, crmtest_path("a"), &o, 0, NULL, &er));
    o.actor = NULL;
    txn = api_begin(db, CRM_WRITE);
    IS(CRM_ESTATE, crm_backup(db, crmtest_path("a"), &o, 0, NULL, &er));
    OK(crm_txn_abort(txn));
    ck_assert_uint_eq(revision_of(db), before);
    ck_assert_int_ne(access(crmtest_path("a"), F_OK), 0);
    o.reason = long_reason;
    OK(crm_backup(db, crmtest_path("a"), &o, 0, NULL, &er));
    ck_assert_uint_eq(revision_of(db), before + 1);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_handout__handles_that_only_read)
{
    crm_db_options d = CRM_DB_OPTIONS_INIT;
    crm_backup_options o = CRM_BACKUP_OPTIONS_INIT;
    crm_db *db = api_open(), *reader;
    uint64_t before;

    fill(db);
    before = revision_of(db);
    d.flags = CRM_READONLY;
    OK(crm_db_open(api_path(), &d, &reader, &er));
    IS(CRM_EREADONLY, crm_backup(reader, crmtest_path("a"), NULL, 0, NULL, &er));
    o.flags = CRM_BACKUP_READONLY;
    OK(crm_backup(reader, crmtest_path("a"), &o, 0, NULL, &er));
    ck_assert_uint_eq(revision_of(db), before);
    OK(crm_backup(db, crmtest_path("b"), &o, 0, NULL, &er)); /* no way round it */
    ck_assert_uint_eq(revision_of(db), before + 1);
    crm_db_close(reader);
    crm_db_close(db);
}

CRM_TEST(test_api_handout__is_no_change_and_no_batch)
{
    crm_txn_options t = CRM_TXN_OPTIONS_INIT;
    crm_db *db = api_open();
    uint64_t revision;
    crm_txn *txn;
    crm_id id;

    fill(db);
    OK(crm_backup(db, crmtest_path("a"), NULL, 0, NULL, &er));
    revision = revision_of(db);
    txn = api_begin(db, CRM_WRITE);
    IS(CRM_ESTATE, crm_undo(txn, revision, 0, NULL, NULL, NULL, &er));
    OK(crm_txn_abort(txn));
    t.batch = revision;
    OK(crm_txn_begin(db, CRM_WRITE, &t, &txn, &er));
    IS(CRM_ENOTFOUND, crm_customer_create_json(txn, "{\"name\":\"M\"}", CRM_NUL, &id, &er));
    ck_assert_str_eq(er.field, "batch");
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}
