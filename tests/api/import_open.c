/* SPDX-License-Identifier: MIT
 * What ends an import before its first row: nothing comes and the host says stop, the transactions
 * that it is to write with can't be, or the rows are not those of the batch to go on with.
 */
#include "help.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* A pipe with a text in it; *end: where more can be written, NULL: there is no more. */
static int pipe_of(const char *text, int *end)
{
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(write(fds[1], text, strlen(text)), (ssize_t)strlen(text));
    if (end)
        *end = fds[1];
    else
        close(fds[1]);
    return fds[0];
}

static int count_down(uint64_t bytes, uint64_t total, uint64_t rows, void *ctx)
{
    (void)bytes;
    (void)total;
    (void)rows;
    return --*(int *)ctx == 0;
}

/* Whatever it is, and whatever of it has come. */
CRM_TEST(test_api_import_open__what_does_not_come_can_be_given_up)
{
    static const struct {
        const char *format, *text;
    } CASES[] = {
        {NULL, ""},       {NULL, "name,phone\nAnn,13800138000\n"},
        {"csv", ""},      {"csv", "name,phone\nAnn,13800138000\nBob,"},
        {"vcard", ""},    {"vcard", "BEGIN:VCARD\nFN:A\nEND:VCARD\n"},
        {"jsonl", ""},    {"xlsx", ""},
        {"xlsx", "PK\3\4"}, {NULL, "\x1f\x8b\x08"},
    };
    crm_db *db = api_open();

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
        crm_import *imp;
        int asked = 2, end, fd = pipe_of(CASES[i].text, &end);
        o.format = CASES[i].format;
        o.progress = count_down;
        o.ctx = &asked;
        IS(CRM_ECANCELLED, crm_import_open(db, fd, &o, &imp, &er));
        ck_assert_ptr_null(imp);
        ck_assert_int_eq(asked, 0);
        close(fd);
        close(end);
    }
    crm_db_close(db);
}

/* Behind what is read at once: the import is open, and its rows do not come to an end. */
CRM_TEST(test_api_import_open__a_table_that_stops_coming_is_cut_short)
{
    crm_db *db = api_open();
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    int asked = 100, end, fd = pipe_of("name,phone\n", &end);
    char row[64];
    crm_import_result r;
    crm_import *imp;

    fcntl(end, F_SETPIPE_SZ, 1 << 20);
    for (int i = 0; i < 20000; i++) {
        int n = snprintf(row, sizeof row, "N%d,138%08d\n", i, i);
        ck_assert_int_eq(write(end, row, (size_t)n), n);
    }
    o.progress = count_down;
    o.ctx = &asked;
    OK(crm_import_open(db, fd, &o, &imp, &er));
    asked = 40;
    IS(CRM_ECANCELLED, crm_import_run(imp, sizeof r, &r, &er));
    ck_assert_uint_gt(r.created, 0);
    ck_assert_uint_eq(r.created, r.rows);
    ck_assert_uint_eq(r.resumable, 1);
    crm_import_close(imp);
    close(fd);
    close(end);
    crm_db_close(db);
}

/* Nothing of the transactions is found wrong only when the first row is written. */
CRM_TEST(test_api_import_open__judges_the_transaction)
{
    static const struct {
        crm_txn_options o;
        int code;
        const char *field;
    } CASES[] = {
        {{.zone = "Mars"}, CRM_ENOTFOUND, "zone"},
        {{.zone = "Mars/Olympus"}, CRM_ENOTFOUND, "zone"},
        {{.zone = "+25:00"}, CRM_EINVAL, NULL},
        {{.actor = "\xff"}, CRM_EINVAL, "actor"},
        {{.source = "a\nb"}, CRM_EINVAL, "source"},
        {{.purpose = "\xff"}, CRM_EINVAL, "purpose"},
        {{.batch_name = "a\nb"}, CRM_EINVAL, "batch_name"},
    };
    crm_db *db = api_open();

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
        crm_txn_options txn = CASES[i].o;
        crm_import *imp;
        int fd = pipe_of("name,phone\nAnn,13800138000\n", NULL);
        txn.size = sizeof txn;
        o.txn = &txn;
        o.format = "csv";
        IS(CASES[i].code, crm_import_open(db, fd, &o, &imp, &er));
        if (CASES[i].field)
            ck_assert_str_eq(er.field, CASES[i].field);
        close(fd);
    }
    crm_db_close(db);
}

static int stop(uint64_t *mark, void *ctx)
{
    *mark = 7;
    return --*(int *)ctx == 0;
}

/* Rows that turn out to be others do not count as those that the batch had done. */
CRM_TEST(test_api_import_open__a_refused_resume_has_done_nothing)
{
    static const char ROWS[] = "name,email\nA,a@example.com\nB,b@example.com\nC,c@example.com\n";
    static const char *const OTHERS[] = {
        "name,email\nX,x@example.com\nY,y@example.com\nZ,z@example.com\n",
        "name,email\nA,a@example.com\n"};
    crm_db *db = api_open();
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_import_result r;
    crm_import *imp;
    int left = 3, fd = pipe_of(ROWS, NULL);
    uint64_t batch;

    o.format = "csv";
    o.commit_rows = 1;
    o.before_commit = stop;
    o.ctx = &left;
    OK(crm_import_open(db, fd, &o, &imp, &er));
    IS(CRM_ECANCELLED, crm_import_run(imp, sizeof r, &r, &er));
    ck_assert_uint_eq(r.rows, 2);
    batch = r.batch;
    crm_import_close(imp);
    close(fd);
    o.before_commit = NULL;
    o.flags = CRM_IMPORT_RESUME;
    for (int i = 0; i < 3; i++) {
        fd = pipe_of(i < 2 ? OTHERS[i] : ROWS, NULL);
        OK(crm_import_open(db, fd, &o, &imp, &er));
        memset(&r, 0xff, sizeof r);
        if (i < 2) {
            IS(CRM_ECONFLICT, crm_import_run(imp, sizeof r, &r, &er));
            ck_assert_uint_eq(r.rows | r.created | r.updated | r.unchanged | r.bad | r.resumed, 0);
            ck_assert_uint_eq(r.batch, batch);
            ck_assert_uint_eq(r.resumable, 1);
        } else {
            OK(crm_import_run(imp, sizeof r, &r, &er));
            ck_assert_uint_eq(r.rows, 3);
            ck_assert_uint_eq(r.resumed, 2);
        }
        crm_import_close(imp);
        close(fd);
    }
    crm_db_close(db);
}
