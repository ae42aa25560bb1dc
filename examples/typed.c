/* SPDX-License-Identifier: MIT
 * typed.c: fields resolved once, then records without JSON; a list; a change that notices others.
 *   cc typed.c -o typed $(pkg-config --cflags --libs libcrm) && ./typed */
#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>
static crm_error err = CRM_ERROR_INIT;

static void must(int rc, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "typed: %s: %s (%s)\n", what, err.message, crm_error_name(rc));
        exit(1); /* the transaction is dropped: nothing of it is kept */
    }
}

int main(void)
{
    crm_db *db;
    crm_txn *txn;
    crm_field name, score;
    crm_customer *c, *p, *found;
    crm_customer_iter *it;
    const char *text;
    int64_t points;
    crm_id id;
    size_t n;
    int rc;

    must(crm_db_open("typed.crm", NULL, &db, &err), "open");
    must(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), "begin");
    must(crm_field_find(txn, "name", CRM_NUL, &name, &err), "field");
    must(crm_field_find(txn, "评分", CRM_NUL, &score, &err), "field"); /* a label of score */
    must(crm_customer_new(txn, &c, &err), "record");
    must(crm_customer_new(txn, &p, &err), "record");
    must(crm_customer_set(c, &name, "Li Na", CRM_NUL, &err), "set");
    must(crm_customer_create(txn, c, &id, &err), "create");
    must(crm_customer_get(txn, id, c, &err), "get"); /* now c knows its revision */
    must(crm_customer_set_integer(p, &score, 700, &err), "set");
    must(crm_customer_patch(txn, id, 0, p, &err), "patch"); /* somebody else was faster: */
    while ((rc = crm_customer_patch(txn, id, crm_customer_revision(c), p, &err)) == CRM_ECONFLICT) {
        must(crm_customer_get(txn, id, c, &err), "get"); /* read again, and repeat the change */
        must(crm_customer_integer(c, &score, 0, &points, &err), "score");
        must(crm_customer_set_integer(p, &score, points + 20, &err), "set");
    }
    must(rc, "patch");
    must(crm_customer_list(txn, NULL, &it, &err), "list");
    while ((rc = crm_customer_next(it, &found, &err)) == CRM_OK) {
        must(crm_customer_text(found, &name, 0, &text, &n, &err), "name");
        must(crm_customer_integer(found, &score, 0, &points, &err), "score");
        printf("%d %.*s %d\n", (int)crm_customer_id(found), (int)n, text, (int)points);
    }
    must(rc, "next");
    crm_customer_list_close(it);
    crm_customer_free(p);
    crm_customer_free(c);
    must(crm_txn_commit(txn, &err), "commit");
    crm_db_close(db);
    return 0;
}
