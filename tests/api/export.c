/* SPDX-License-Identifier: MIT
 * crm_export(): what it writes equals what the other calls give, for every format, to a file and to
 * a function; it is journalled before, from one snapshot, and refuses what makes no sense.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct taken {
    char *p;
    size_t n, pieces, fail_at;
    crm_db *db; /* written to while the export runs; NULL: not */
} taken;

static int take(const void *bytes, size_t n, void *ctx)
{
    taken *t = ctx;

    ck_assert_uint_gt(n, 0);
    if (t->fail_at && ++t->pieces == t->fail_at)
        return 1;
    if (t->db) {
        crm_txn *txn = api_begin(t->db, CRM_WRITE);
        api_create(txn, "{\"name\":\"Meanwhile\"}");
        OK(crm_txn_commit(txn, &er));
    }
    t->p = realloc(t->p, t->n + n + 1);
    ck_assert_ptr_nonnull(t->p);
    memcpy(t->p + t->n, bytes, n);
    t->n += n;
    t->p[t->n] = 0;
    return 0;
}

static crm_export_options options(taken *t)
{
    crm_export_options o = CRM_EXPORT_OPTIONS_INIT;

    memset(t, 0, sizeof *t);
    o.reason = "test";
    o.write = take;
    o.write_ctx = t;
    return o;
}

static uint64_t revision_of(crm_db *db)
{
    crm_txn *txn = api_begin(db, CRM_READ);
    uint64_t revision = crm_txn_revision(txn);

    OK(crm_txn_abort(txn));
    return revision;
}

enum { CUSTOMERS = 700 };

/* Some of them deleted, one in three with events. */
static crm_db *fill(void)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char json[400];

    for (int i = 1; i <= CUSTOMERS; i++) {
        snprintf(json, sizeof json,
                 "{\"name\":\"N %d, \\\"x\\\"\\n\",\"phone\":\"1390013%04d\",\"email\":"
                 "[\"a%d@example.com\",\"b%d@example.com\"],\"gender\":\"female\",\"external\":"
                 "[{\"source\":\"%s\",\"value\":\"E%d\"}]%s}",
                 i, i, i, i, i % 2 ? "erp" : "shop", i,
                 i % 3 ? ""
                       : ",\"events\":[{\"kind\":\"order\",\"time\":\"2026-01-02T03:04:05Z\","
                         "\"amount\":\"12.50 CNY\"}]");
        api_create(txn, json);
    }
    for (crm_id id = 5; id <= CUSTOMERS; id += 50)
        OK(crm_customer_delete(txn, id, 0, &er));
    OK(crm_txn_commit(txn, &er));
    return db;
}

/* The documents of a list, a line each. */
static char *documents(crm_db *db, uint32_t flags, uint64_t *count)
{
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_customer_iter *it;
    crm_customer *c;
    char *all = calloc(1, 1), *json;
    size_t n = 0, m;

    *count = 0;
    OK(crm_customer_list(txn, NULL, &it, &er));
    while (crm_customer_next(it, &c, &er) == CRM_OK) {
        OK(crm_customer_to_json(txn, c, flags, &json, &m, &er));
        all = realloc(all, n + m + 2);
        ck_assert_ptr_nonnull(all);
        memcpy(all + n, json, m);
        n += m;
        memcpy(all + n++, "\n", 2);
        crm_free(json);
        ++*count;
    }
    crm_customer_list_close(it);
    OK(crm_txn_abort(txn));
    return all;
}

CRM_TEST(test_api_export__json_lines_are_the_documents)
{
    static const uint32_t FLAGS[][2] = {
        {0, 0},
        {CRM_EXPORT_WITH_EVENTS, CRM_JSON_EVENTS},
        {CRM_EXPORT_WITH_EVENTS | CRM_EXPORT_WITH_ORIGINS, CRM_JSON_EVENTS | CRM_JSON_ORIGINS}};
    crm_db *db = fill();

    for (size_t i = 0; i < 3; i++) {
        crm_export_result r;
        uint64_t count;
        taken t;
        crm_export_options o = options(&t);
        char *wanted;
        o.format = CRM_EXPORT_JSONL;
        o.flags = FLAGS[i][0];
        OK(crm_export(db, NULL, &o, sizeof r, &r, &er));
        wanted = documents(db, FLAGS[i][1], &count);
        ck_assert_str_eq(t.p, wanted);
        ck_assert_uint_eq(r.rows, count);
        ck_assert_uint_eq(r.bytes, t.n);
        ck_assert_uint_eq(r.revision, revision_of(db));
        free(wanted);
        free(t.p);
    }
    crm_db_close(db);
}

CRM_TEST(test_api_export__csv_columns)
{
    crm_db *db = fill();
    crm_export_result r;
    taken t;
    crm_export_options o = options(&t);

    o.fields = "id, name,email,external@erp,external,kind";
    OK(crm_export(db, NULL, &o, sizeof r, &r, &er));
    ck_assert_ptr_eq(strstr(t.p, "id,name,email,external@erp,external,kind\r\n1,\"N 1, \"\"x\"\"\","
                                 "a1@example.com;b1@example.com,E1,erp:E1,person\r\n2,"),
                     t.p);
    ck_assert_ptr_nonnull(strstr(t.p, "b2@example.com,,shop:E2,person\r\n"));
    ck_assert_ptr_null(strstr(t.p, "\r\n5,")); /* deleted */
    ck_assert_uint_eq(r.rows, CUSTOMERS - 14);
    free(t.p);
    o = options(&t);
    o.fields = "性别";
    o.lang = "en";
    o.separator = ';';
    o.flags = CRM_EXPORT_BOM;
    OK(crm_export(db, NULL, &o, sizeof r, &r, &er));
    ck_assert_ptr_eq(strstr(t.p, "\xef\xbb\xbfGender\r\nFemale\r\n"), t.p);
    free(t.p);
    o = options(&t); /* all: each source has a column */
    OK(crm_export(db, NULL, &o, sizeof r, &r, &er));
    ck_assert_ptr_nonnull(strstr(t.p, ",external@erp,external@shop,tags\r\n"));
    ck_assert_ptr_nonnull(strstr(t.p, ",,E2,\r\n"));
    ck_assert_uint_eq(r.rows, CUSTOMERS - 14);
    free(t.p);
    o = options(&t);
    o.what = CRM_EXPORT_EVENTS;
    o.fields = "customer,number,kind,time,amount,product";
    OK(crm_export(db, NULL, &o, sizeof r, &r, &er));
    ck_assert_ptr_eq(strstr(t.p, "customer,number,kind,time,amount,product\r\n3,1,order,"
                                 "2026-01-02T03:04:05Z,12.50 CNY,\r\n"),
                     t.p);
    free(t.p);
    crm_db_close(db);
}

CRM_TEST(test_api_export__events_and_journal_as_lines)
{
    crm_db *db = fill();
    crm_export_result r;
    taken t;
    crm_export_options o = options(&t);

    o.what = CRM_EXPORT_EVENTS;
    o.format = CRM_EXPORT_JSONL;
    OK(crm_export(db, NULL, &o, sizeof r, &r, &er));
    ck_assert_ptr_eq(strstr(t.p, "{\"customer\":3,\"number\":1,\"kind\":\"order\","), t.p);
    free(t.p);
    o = options(&t);
    o.what = CRM_EXPORT_JOURNAL;
    OK(crm_export(db, NULL, &o, sizeof r, &r, &er));
    ck_assert_uint_eq(r.rows, r.revision);
    ck_assert_ptr_nonnull(strstr(t.p, "\"action\":\"export\",\"reason\":\"test\"}\n"));
    free(t.p);
    crm_db_close(db);
}

CRM_TEST(test_api_export__is_of_one_moment)
{
    crm_db *db = fill();
    uint64_t count, before;
    crm_export_result r;
    taken t;
    crm_export_options o = options(&t);
    char *wanted = documents(db, 0, &count);

    o.format = CRM_EXPORT_JSONL;
    t.db = db;
    before = revision_of(db);
    OK(crm_export(db, NULL, &o, sizeof r, &r, &er));
    ck_assert_uint_eq(r.rows, count);
    ck_assert_uint_eq(r.revision, before + 1);
    ck_assert_uint_gt(revision_of(db), before + 1);
    ck_assert_str_eq(t.p, wanted);
    free(t.p);
    free(wanted);
    crm_db_close(db);
}

CRM_TEST(test_api_export__files)
{
    crm_db *db = fill();
    crm_export_result r;
    taken t;
    crm_export_options o = options(&t);
    const char *file = crmtest_path("out.csv");

    o.write = NULL;
    OK(crm_export(db, file, &o, sizeof r, &r, &er));
    ck_assert_int_eq(access(file, R_OK), 0);
    IS(CRM_EEXISTS, crm_export(db, file, &o, sizeof r, &r, &er));
    o.flags = CRM_EXPORT_REPLACE;
    OK(crm_export(db, file, &o, 0, NULL, &er));
    ck_assert_int_ne(access(crmtest_path("out.csv.crm-part"), F_OK), 0);
    IS(CRM_EINVAL, crm_export(db, crmtest_path("db/x.csv"), &o, 0, NULL, &er));
    crm_db_close(db);
}

/* The last change's segment, into a static buffer. */
static const char *segment_of_last(crm_db *db)
{
    static char text[200];
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_change c = CRM_CHANGE_INIT;
    crm_change_iter *it;

    strcpy(text, "none");
    OK(crm_change_list(txn, crm_txn_revision(txn) - 1, &it, &er));
    OK(crm_change_next(it, &c, &er));
    ck_assert_uint_eq(c.action, CRM_ACTION_EXPORT);
    if (c.segment)
        snprintf(text, sizeof text, "%s / %s", c.reason, c.segment);
    crm_change_close(it);
    OK(crm_txn_abort(txn));
    return text;
}

CRM_TEST(test_api_export__of_a_segment)
{
    crm_db *db = fill();
    crm_export_options o;
    crm_export_result r;
    uint64_t before;
    crm_txn *txn;
    taken t;

    txn = api_begin(db, CRM_WRITE);
    for (crm_id id = 2; id <= CUSTOMERS; id += 7)
        IS(id % 50 == 5 ? CRM_ENOTFOUND : CRM_OK,
           crm_customer_patch_json(txn, id, 0, "{\"city\":\"上海\"}", CRM_NUL, &er));
    OK(crm_txn_commit(txn, &er));
    o = options(&t);
    o.fields = "id";
    o.where = "城市 = 上海";
    OK(crm_export(db, NULL, &o, sizeof r, &r, &er));
    ck_assert_uint_eq(r.rows, 98);
    ck_assert_ptr_eq(strstr(t.p, "id\r\n2\r\n9\r\n16\r\n"), t.p);
    free(t.p);
    ck_assert_str_eq(segment_of_last(db), "test / city = \"上海\"");
    o = options(&t);
    o.what = CRM_EXPORT_EVENTS;
    o.fields = "customer";
    o.where = "city = 上海";
    OK(crm_export(db, NULL, &o, sizeof r, &r, &er));
    ck_assert_ptr_eq(strstr(t.p, "customer\r\n9\r\n30\r\n51\r\n"), t.p);
    free(t.p);
    o = options(&t);
    o.kind = "organisation";
    o.where = "city = 上海";
    OK(crm_export(db, NULL, &o, sizeof r, &r, &er));
    ck_assert_uint_eq(r.rows, 0);
    free(t.p);
    o = options(&t);
    OK(crm_export(db, NULL, &o, sizeof r, &r, &er));
    free(t.p);
    ck_assert_str_eq(segment_of_last(db), "none");

    /* what is refused is not in the journal */
    before = revision_of(db);
    o = options(&t);
    o.where = "city = ";
    IS(CRM_ESYNTAX, crm_export(db, NULL, &o, sizeof r, &r, &er));
    ck_assert_int_ge(er.offset, 6);
    o.where = "town_ = x";
    IS(CRM_EFIELD, crm_export(db, NULL, &o, sizeof r, &r, &er));
    o.where = "score = many";
    IS(CRM_EVALUE, crm_export(db, NULL, &o, sizeof r, &r, &er));
    o.where = "segment(nobody)";
    IS(CRM_ENOTFOUND, crm_export(db, NULL, &o, sizeof r, &r, &er));
    o.where = "all";
    o.what = CRM_EXPORT_JOURNAL;
    IS(CRM_EINVAL, crm_export(db, NULL, &o, sizeof r, &r, &er));
    ck_assert_uint_eq(revision_of(db), before);
    free(t.p);
    crm_db_close(db);
}

static int stop(uint64_t done, uint64_t total, void *ctx)
{
    ck_assert_uint_le(done, total);
    return ++*(int *)ctx == 2;
}

CRM_TEST(test_api_export__stopped_and_refused)
{
    crm_db_options d = CRM_DB_OPTIONS_INIT;
    crm_db *db = fill(), *reader;
    uint64_t before = revision_of(db);
    int seen = 0;
    taken t;
    crm_export_options o = options(&t), plain = o;
    crm_txn *txn;

    IS(CRM_EINVAL, crm_export(db, NULL, NULL, 0, NULL, &er));
    o.reason = NULL;
    IS(CRM_EINVAL, crm_export(db, NULL, &o, 0, NULL, &er));
    ck_assert_str_eq(er.field, "reason");
    o.reason = "";
    IS(CRM_EINVAL, crm_export(db, NULL, &o, 0, NULL, &er));
    o = plain;
    o.fields = "name,nosuch";
    IS(CRM_EFIELD, crm_export(db, NULL, &o, 0, NULL, &er));
    o.fields = "name@erp";
    IS(CRM_EFIELD, crm_export(db, NULL, &o, 0, NULL, &er));
    o.fields = "name,,id";
    IS(CRM_EFIELD, crm_export(db, NULL, &o, 0, NULL, &er));
    o = plain;
    o.kind = "robot";
    IS(CRM_EVALUE, crm_export(db, NULL, &o, 0, NULL, &er));
    o = plain;
    o.flags = 1u << 20;
    IS(CRM_EINVAL, crm_export(db, NULL, &o, 0, NULL, &er));
    o.flags = CRM_EXPORT_WITH_EVENTS; /* of CSV */
    IS(CRM_EINVAL, crm_export(db, NULL, &o, 0, NULL, &er));
    o = plain;
    o.what = CRM_EXPORT_JOURNAL;
    o.format = CRM_EXPORT_VCARD;
    IS(CRM_EINVAL, crm_export(db, NULL, &o, 0, NULL, &er));
    o = plain;
    o.separator = '"';
    IS(CRM_EINVAL, crm_export(db, NULL, &o, 0, NULL, &er));
    IS(CRM_EINVAL, crm_export(db, "both", &plain, 0, NULL, &er));
    IS(CRM_EINVAL, crm_export(NULL, NULL, &plain, 0, NULL, &er));
    txn = api_begin(db, CRM_WRITE);
    IS(CRM_ESTATE, crm_export(db, NULL, &plain, 0, NULL, &er));
    OK(crm_txn_abort(txn));
    ck_assert_uint_eq(revision_of(db), before); /* none of them left an entry */
    o = plain;
    o.progress = stop;
    o.progress_ctx = &seen;
    IS(CRM_ECANCELLED, crm_export(db, NULL, &o, 0, NULL, &er));
    t.fail_at = 1;
    IS(CRM_EIO, crm_export(db, NULL, &plain, 0, NULL, &er));
    ck_assert_uint_eq(revision_of(db), before + 2); /* begun is begun */
    free(t.p);
    t.p = NULL;
    t.n = t.fail_at = 0;
    d.flags = CRM_READONLY;
    OK(crm_db_open(api_path(), &d, &reader, &er));
    IS(CRM_EREADONLY, crm_export(reader, NULL, &plain, 0, NULL, &er));
    o = plain;
    o.flags = CRM_EXPORT_READONLY;
    OK(crm_export(reader, NULL, &o, 0, NULL, &er));
    ck_assert_uint_eq(revision_of(db), before + 2);
    crm_db_close(reader);
    free(t.p);
    crm_db_close(db);
    api_check_clean(api_path());
}
