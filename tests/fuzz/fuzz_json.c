/* SPDX-License-Identifier: MIT
 * JSON documents: the parser by itself, then a customer made from the document in a transaction
 * that is never committed.  The customer's own document must be accepted and change nothing.
 */
#include "fuzz.h"

#include "codec/json.h"

#include <crm/crm.h>

static crm_txn *txn;

static void set_up(void)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;

    if (crm_db_open(fuzz_folder(), NULL, &db, &err) ||
        crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err)) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
}

/* ---- the parser ---- */

static void check_string(crm__slice s)
{
    crm__buf out;
    crm__json *again;
    crm__slice got;

    crm__buf_init(&out, NULL);
    crm__json_string(&out, s.p, s.n);
    MUST(!out.failed);
    MUST(crm__json_parse(NULL, (const char *)out.p, out.n, &again, NULL) == CRM_OK);
    got = crm__json_text(again);
    MUST(crm__json_kind(again) == CRM__JSON_STRING && got.n == s.n);
    MUST(s.n == 0 || memcmp(got.p, s.p, s.n) == 0);
    crm__json_free(again);
    crm__buf_clear(&out);
}

static void walk(const crm__json *v, int depth)
{
    const void *at = NULL;
    const char *key;
    const crm__json *value;

    MUST(depth <= 64);
    switch (crm__json_kind(v)) {
    case CRM__JSON_STRING:
        check_string(crm__json_text(v));
        break;
    case CRM__JSON_NUMBER:
    case CRM__JSON_BOOLEAN:
        MUST(crm__json_text(v).n > 0);
        break;
    case CRM__JSON_ARRAY:
        for (size_t i = 0; i < crm__json_count(v); i++)
            walk(crm__json_item(v, i), depth + 1);
        break;
    case CRM__JSON_OBJECT:
        while (crm__json_next(v, &at, &key, &value)) {
            MUST(crm__json_member(v, key) == value);
            check_string((crm__slice){(const uint8_t *)key, strlen(key)});
            walk(value, depth + 1);
        }
        break;
    }
}

static int check_parser(const char *text, size_t n)
{
    crm_error err = CRM_ERROR_INIT;
    crm__json *root = NULL;
    int rc = crm__json_parse(NULL, text, n, &root, &err);

    MUST(rc == CRM_OK || rc == CRM_ESYNTAX);
    if (rc)
        MUST(!root && err.offset >= 0 && (size_t)err.offset <= n && err.message[0]);
    else
        walk(root, 0);
    crm__json_free(root);
    return rc;
}

/* ---- the document ---- */

static char *document(crm_id id, size_t *n)
{
    crm_error err = CRM_ERROR_INIT;
    char *json = NULL;

    if (crm_customer_get_json(txn, id, 0, &json, n, &err)) {
        fprintf(stderr, "%s\n", err.message);
        MUST(0);
    }
    MUST(strlen(json) == *n);
    return json;
}

static void check_made(crm_id id)
{
    crm_error err = CRM_ERROR_INIT;
    uint64_t revision = crm_txn_revision(txn);
    size_t n, again;
    char *json = document(id, &n), *pretty = NULL, *second;
    crm_id other;

    if (crm_customer_replace_json(txn, id, 0, json, n, &err)) {
        fprintf(stderr, "%s\n%s\n", json, err.message);
        MUST(0);
    }
    MUST(crm_txn_revision(txn) == revision);
    MUST(crm_customer_patch_json(txn, id, revision, json, n, NULL) == CRM_OK);
    MUST(crm_txn_revision(txn) == revision);
    second = document(id, &again);
    MUST(n == again && memcmp(json, second, n) == 0);
    MUST(crm_customer_get_json(txn, id, CRM_JSON_PRETTY | CRM_JSON_ORIGINS, &pretty, &n, NULL) ==
         0);
    MUST(crm_customer_replace_json(txn, id, 0, pretty, n, NULL) == CRM_OK);
    MUST(crm_txn_revision(txn) == revision);
    crm_free(pretty);
    crm_free(second);
    MUST(crm_customer_delete(txn, id, 0, NULL) == CRM_OK);
    MUST(crm_customer_create_json(txn, json, again, &other, NULL) == CRM_OK && other == id + 1);
    crm_free(json);
}

/* Whether the report of all faults is itself JSON, and empty exactly when there is none. */
static void check_report(const char *text, size_t n, int made)
{
    crm__json *root;
    char *report;
    size_t length;

    MUST(crm_customer_validate_json(txn, text, n, &report, &length, NULL) == CRM_OK);
    MUST(crm__json_parse(NULL, report, length, &root, NULL) == CRM_OK);
    MUST((crm__json_count(root) == 0) == made);
    crm__json_free(root);
    crm_free(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    crm_error err = CRM_ERROR_INIT;
    crm_savepoint mark;
    char *text;
    size_t n;
    crm_id id = 0;
    int rc;

    if (!txn)
        set_up();
    text = (char *)take_copy(&in, size, &n);
    rc = check_parser(text, n);
    MUST(crm_txn_savepoint(txn, &mark, NULL) == CRM_OK);
    MUST(rc == CRM_OK || crm_customer_create_json(txn, text, n, &id, NULL) == CRM_ESYNTAX);
    if (!rc) {
        rc = crm_customer_create_json(txn, text, n, &id, &err);
        if (rc) {
            MUST(rc == err.code && err.message[0] && crm_txn_revision(txn) == 1);
            check_report(text, n, 0);
        } else {
            MUST(id == 1);
            check_made(id);
        }
        MUST(crm_txn_rollback(txn, mark, NULL) == CRM_OK);
        if (!rc)
            check_report(text, n, 1);
    }
    MUST(crm_txn_release(txn, mark, NULL) == CRM_OK);
    free(text);
    return 0;
}
