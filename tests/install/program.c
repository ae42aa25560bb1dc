/* SPDX-License-Identifier: MIT
 * A stranger's program: makes a database in the current folder, reads a customer back, prints it.
 */
#include <crm/crm.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char LI_NA[] = "{\"name\":\"Li Na\",\"phone\":\"138 0013 8000\"}";

static int fail(const crm_error *err)
{
    fprintf(stderr, "%s: %s\n", crm_error_name(err->code), err->message);
    return 1;
}

static int create(crm_txn *txn, void *ctx)
{
    return crm_customer_create_json(txn, LI_NA, CRM_NUL, (crm_id *)ctx, NULL);
}

int main(void)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;
    crm_txn *txn;
    crm_customer *c;
    crm_field name;
    crm_id id = 0;
    const char *text;
    size_t n;

    if (crm_version_number() != CRM_VERSION_NUMBER || strcmp(crm_version(), CRM_VERSION_STRING) != 0)
        return 2;
    if (crm_db_open("shop.crm", NULL, &db, &err) ||
        crm_db_write(db, NULL, create, &id, &err) ||
        crm_txn_begin(db, CRM_READ, NULL, &txn, &err) ||
        crm_field_find(txn, "name", CRM_NUL, &name, &err) ||
        crm_customer_new(txn, &c, &err) ||
        crm_customer_get(txn, id, c, &err) ||
        crm_customer_text(c, &name, 0, &text, &n, &err))
        return fail(&err);
    printf("%" PRIu64 " %.*s\n", id, (int)n, text);
    crm_customer_free(c);
    crm_txn_abort(txn);
    crm_db_close(db);
    return 0;
}
