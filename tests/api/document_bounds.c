/* SPDX-License-Identifier: MIT
 * Documents with more of something than any customer has: the work and the report of faults stay
 * bounded, and nothing is cut silently.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 1000, FAULTS_MAX = 1000 };

/* A growing text. */
typedef struct text {
    char *s;
    size_t n, cap;
} text;

static void add(text *t, const char *s)
{
    size_t n = strlen(s);

    if (t->n + n + 1 > t->cap) {
        t->cap = (t->n + n + 1) * 2;
        t->s = realloc(t->s, t->cap);
        ck_assert_ptr_nonnull(t->s);
    }
    memcpy(t->s + t->n, s, n + 1);
    t->n += n;
}

static void add_number(text *t, const char *format, int i)
{
    char one[700];

    snprintf(one, sizeof one, format, i);
    add(t, one);
}

/* {"name":"A",<begin> item, item ... <end>} */
static text document(const char *begin, const char *item, int count, const char *end)
{
    text t = {NULL, 0, 0};

    add(&t, "{\"name\":\"A\",");
    add(&t, begin);
    for (int i = 0; i < count; i++) {
        add(&t, i ? "," : "");
        add_number(&t, item, i);
    }
    add(&t, end);
    add(&t, "}");
    return t;
}

static int count_faults(const char *report)
{
    int n = 0;

    while ((report = strstr(report, "{\"code\":")) != NULL) {
        n++;
        report++;
    }
    return n;
}

/* Number of faults of the report, which is a whole JSON array. */
static int faults_of(crm_txn *txn, const text *doc, size_t *bytes)
{
    char *report;
    int n;

    OK(crm_customer_validate_json(txn, doc->s, doc->n, &report, bytes, &er));
    ck_assert_uint_eq(*bytes, strlen(report));
    ck_assert_int_eq(report[0], '[');
    ck_assert_str_eq(report + *bytes - (*bytes == 2 ? 1 : 2), *bytes == 2 ? "]" : "}]");
    n = count_faults(report);
    crm_free(report);
    return n;
}

CRM_TEST(test_api_document_bounds__the_report_is_bounded)
{
    static const struct {
        const char *begin, *item, *end;
        int count, faults;
    } CASES[] = {
        {"", "\"unknown %d\":1", "", 50, 50},
        {"", "\"unknown %d\":1", "", FAULTS_MAX - 1, FAULTS_MAX - 1},
        {"", "\"unknown %d\":1", "", 5000, FAULTS_MAX},
        {"\"phone\":[", "\"x%d\"", "]", 5000, FAULTS_MAX},
        {"\"phone\":{\"add\":[", "\"x%d\"", "]}", 5000, FAULTS_MAX},
        {"\"identities\":[", "{\"kind\":\"k%d\",\"value\":\"1\"}", "]", 5000, FAULTS_MAX},
        {"\"identities\":[", "{\"kind\":\"qq\",\"value\":\"x%d\"}", "]", 5000, FAULTS_MAX},
        {"\"identities\":[", "%d", "]", 5000, FAULTS_MAX},
    };
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_READ);

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        text doc = document(CASES[i].begin, CASES[i].item, CASES[i].count, CASES[i].end);
        size_t bytes;
        ck_assert_int_eq(faults_of(txn, &doc, &bytes), CASES[i].faults);
        ck_assert_uint_lt(bytes, (size_t)FAULTS_MAX * 1024);
        free(doc.s);
    }
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* A fault that is reported is one of the document's first ones, and names of the greatest length do
 * not make the report long. */
CRM_TEST(test_api_document_bounds__long_names)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_READ);
    char item[600], *report;
    text doc;
    size_t bytes;

    memset(item, 'n', sizeof item);
    snprintf(item + 500, sizeof item - 500, "%%d\":1");
    item[0] = '"';
    doc = document("", item, 3000, "");
    OK(crm_customer_validate_json(txn, doc.s, doc.n, &report, &bytes, &er));
    ck_assert_int_eq(count_faults(report), FAULTS_MAX);
    ck_assert_uint_lt(bytes, (size_t)FAULTS_MAX * 1024);
    crm_free(report);
    free(doc.s);
    crm_txn_abort(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_document_bounds__values_of_a_list)
{
    static const struct {
        const char *begin, *item, *end, *field;
    } ROADS[] = {
        {"\"wechat\":[", "\"w%d\"", "]", "wechat"},
        {"\"wechat\":{\"add\":[", "\"w%d\"", "]}", "wechat"},
        {"\"identities\":[", "{\"kind\":\"wechat\",\"value\":\"w%d\"}", "]", "wechat"},
        {"\"identities\":[", "{\"kind\":\"external\",\"source\":\"erp\",\"value\":%d}", "]",
         "external"},
    };
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);

    for (size_t i = 0; i < sizeof ROADS / sizeof ROADS[0]; i++) {
        text fits = document(ROADS[i].begin, ROADS[i].item, LIST_MAX, ROADS[i].end);
        text over = document(ROADS[i].begin, ROADS[i].item, LIST_MAX + 1, ROADS[i].end);
        text far = document(ROADS[i].begin, ROADS[i].item, 50000, ROADS[i].end);
        size_t bytes;
        crm_id id = 0;
        OK(crm_customer_create_json(txn, fits.s, fits.n, &id, &er));
        IS(CRM_EVALUE, crm_customer_create_json(txn, over.s, over.n, NULL, &er));
        ck_assert_str_eq(er.field, ROADS[i].field);
        IS(CRM_EVALUE, crm_customer_create_json(txn, far.s, far.n, NULL, &er));
        ck_assert_str_eq(er.field, ROADS[i].field);
        OK(crm_customer_delete(txn, id, 0, &er));
        ck_assert_int_eq(faults_of(txn, &fits, &bytes), 0);
        ck_assert_int_eq(faults_of(txn, &over, &bytes), 1);
        ck_assert_int_eq(faults_of(txn, &far, &bytes), 1);
        free(fits.s);
        free(over.s);
        free(far.s);
    }
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* The same value again and again is one value. */
CRM_TEST(test_api_document_bounds__one_value_many_times)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    text doc = document("\"wechat\":[", "\"w\"", 20000, "]");
    crm_id id;

    OK(crm_customer_create_json(txn, doc.s, doc.n, &id, &er));
    ck_assert(api_has(txn, id, "\"identities\":[{\"kind\":\"wechat\",\"value\":\"w\"}]"));
    free(doc.s);
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_document_bounds__values_added_one_by_one)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_customer *c;
    crm_field f;
    char value[20];

    OK(crm_field_find(txn, "wechat", CRM_NUL, &f, &er));
    OK(crm_customer_new(txn, &c, &er));
    for (int i = 0; i < LIST_MAX; i++) {
        snprintf(value, sizeof value, "w%d", i);
        OK(crm_customer_add(c, &f, NULL, value, CRM_NUL, &er));
    }
    IS(CRM_EVALUE, crm_customer_add(c, &f, NULL, "one more", CRM_NUL, &er));
    ck_assert_str_eq(er.field, "wechat");
    OK(crm_customer_add(c, &f, NULL, "w0", CRM_NUL, &er)); /* it is there already */
    ck_assert_uint_eq(crm_customer_count(c, &f), LIST_MAX);
    crm_customer_free(c);
    crm_txn_abort(txn);
    crm_db_close(db);
}
