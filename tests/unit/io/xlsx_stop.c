/* SPDX-License-Identifier: MIT
 * An XLSX file that unpacks for long without giving a row: the host is asked meanwhile, and stops it.
 */
#include "xlsx_test.h"

#include <crm/crm.h>

enum { STRETCH = 3000000, MIB = 1 << 20 };

/* A name, a customer, rows without a cell, and another customer. */
static int make_file(int first_stretch)
{
    static const char ROW[] = "<row/>", A[] = "<row r=\"1\"><c t=\"str\"><v>name</v></c></row>",
                      B[] = "<row><c t=\"str\"><v>Ann</v></c></row>";
    char *sheet = malloc(sizeof A + 2 * sizeof B + STRETCH * (sizeof ROW - 1)), *p = sheet;
    x_book book = {.sheets = {sheet}};
    seen_table s;
    int fd;

    ck_assert_ptr_nonnull(sheet);
    p = stpcpy(p, first_stretch ? "" : A);
    p = stpcpy(p, first_stretch ? "" : B);
    for (int i = 0; i < STRETCH; i++)
        p = stpcpy(p, ROW);
    stpcpy(p, first_stretch ? A : B);
    x_open(&s, &book, NULL);
    ck_assert_int_eq(s.rc, CRM_OK); /* nobody is asked */
    close_seen(&s);
    free(sheet);
    fd = open(crmtest_path("book.xlsx"), O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static int count_down(uint64_t bytes, uint64_t total, uint64_t rows, void *ctx)
{
    int *left = ctx;

    (void)bytes;
    (void)total;
    (void)rows;
    return --*left <= 0;
}

static crm_db *open_db(void)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;

    ck_assert_msg(crm_db_open(crmtest_path("db"), NULL, &db, &err) == CRM_OK, "%s", err.message);
    return db;
}

/* The names are behind the stretch. */
CRM_TEST(test_io_xlsx_stop__while_it_is_opened)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    int fd = make_file(1), left = 3;
    crm_db *db = open_db();
    crm_import *imp;

    o.progress = count_down;
    o.ctx = &left;
    o.policy = CRM_IMPORT_CREATE;
    ck_assert_int_eq(crm_import_open(db, fd, &o, &imp, &err), CRM_ECANCELLED);
    ck_assert_ptr_null(imp);
    ck_assert_int_eq(left, 0); /* asked no more behind it */
    left = 1 << 20;
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    ck_assert_msg(crm_import_open(db, fd, &o, &imp, &err) == CRM_OK, "%s", err.message);
    ck_assert_int_ge((1 << 20) - left, STRETCH * 6 / MIB); /* with every MiB */
    crm_import_close(imp);
    close(fd);
    crm_db_close(db);
}

/* The row before it is kept, and the rest can be had later. */
CRM_TEST(test_io_xlsx_stop__while_rows_are_read)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    int fd = make_file(0), left = 1 << 20;
    crm_db *db = open_db();
    crm_import_result r;
    crm_import *imp;

    o.progress = count_down;
    o.ctx = &left;
    o.commit_rows = 1;
    o.policy = CRM_IMPORT_CREATE;
    ck_assert_int_eq(crm_import_open(db, fd, &o, &imp, &err), CRM_OK);
    left = 5;
    ck_assert_int_eq(crm_import_run(imp, sizeof r, &r, &err), CRM_ECANCELLED);
    ck_assert_int_ge(left, -1);
    ck_assert_uint_lt(r.rows, 2);
    ck_assert_uint_eq(r.created, r.rows);
    crm_import_close(imp);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    o.flags = r.resumable ? CRM_IMPORT_RESUME : 0;
    left = 1 << 20;
    ck_assert_int_eq(crm_import_open(db, fd, &o, &imp, &err), CRM_OK);
    ck_assert_int_eq(crm_import_run(imp, sizeof r, &r, &err), CRM_OK);
    ck_assert_uint_eq(r.rows, 2);
    crm_import_close(imp);
    close(fd);
    crm_db_close(db);
}
