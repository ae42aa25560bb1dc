/* SPDX-License-Identifier: MIT
 * hello.c: open a database, create a customer from JSON, find it by telephone, print it.
 *
 *   cc hello.c -o hello $(pkg-config --cflags --libs libcrm) && ./hello
 */
#include <crm/crm.h>

#include <stdio.h>

/* Every call returns 0 or a code and fills the caller's crm_error. */
static int failed(const char *what, const crm_error *err)
{
    fprintf(stderr, "hello: %s: %s (%s)\n", what, err->message, crm_error_name(err->code));
    return 1;
}

/* All changes happen in a transaction: nothing is kept if anything fails. */
static int create(crm_txn *txn, void *json)
{
    return crm_customer_create_json(txn, json, CRM_NUL, NULL, NULL);
}

int main(void)
{
    static char customer[] = "{\"name\":\"张伟\",\"phone\":\"138 0013 8000\",\"城市\":\"上海\"}";
    crm_error err = CRM_ERROR_INIT;
    crm_txn_options options = CRM_TXN_OPTIONS_INIT;
    crm_db *db = NULL;
    crm_txn *txn = NULL;
    crm_field phone;
    crm_id id = 0;
    size_t count = 0;
    char *json = NULL;
    int rc;

    options.flags = CRM_STICKY;                    /* so that err tells what failed in create() */
    if (crm_db_open("hello.crm", NULL, &db, &err)) /* made when it is not there */
        return failed("open", &err);
    for (int tries = 0;; tries++) {
        if (crm_txn_begin(db, CRM_READ, NULL, &txn, &err) ||
            crm_field_find(txn, "phone", CRM_NUL, &phone, &err))
            return failed("read", &err);
        rc = crm_customer_find(txn, &phone, NULL, "13800138000", CRM_NUL, &id, 1, &count, &err);
        if (rc != CRM_ENOTFOUND || tries)
            break;
        crm_txn_abort(txn); /* a snapshot: it would not see what is created now */
        if (crm_db_write(db, &options, create, customer, &err))
            return failed("create", &err);
    }
    if (rc || crm_customer_get_json(txn, id, CRM_JSON_PRETTY, &json, NULL, &err))
        return failed("find", &err);
    printf("%s\n", json);
    crm_free(json);
    crm_txn_abort(txn);
    crm_db_close(db);
    return 0;
}
