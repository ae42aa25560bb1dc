/* SPDX-License-Identifier: MIT
 * crm find: which customers have an identity, or refer to a customer.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " find FIELD=VALUE | FIELD@SOURCE=VALUE | VALUE\n"
    "\n"
    "Prints id and name of the customers found. Values may be written in any usual way.\n"
    "\n"
    "  FIELD=VALUE         by an identity or a unique field, named by key or label; by a\n"
    "                      field that refers to customers: those who refer to this id\n"
    "  FIELD@SOURCE=VALUE  by the id that another system gave\n"
    "  VALUE               in every identity that has no source, then among the names\n"
    "\n"
    "Exit code 1 when there is none.\n"
    "\n"
    "Examples\n"
    "  " TOOL " find phone=13800138000\n"
    "  " TOOL " find 电话='138 0013 8000'\n"
    "  " TOOL " find li.na@example.com\n"
    "  " TOOL " find external@erp=10023\n"
    "  " TOOL " find employer=17        # who works at customer 17\n"
    "  " TOOL " find -- -zhang-         # a value with '-' in front\n";

static int put_one(tool *t, crm_txn *txn, crm_customer *c, crm_id id, int digits)
{
    crm_error err = CRM_ERROR_INIT;
    crm_field field;
    const char *name = "";
    size_t n = 0;
    buf b = {0};

    if (crm_customer_get(txn, id, c, &err))
        return fail_crm(t, &err);
    if (target_name_field(txn, &field) && crm_customer_text(c, &field, 0, &name, &n, NULL))
        n = 0;
    if (t->json) {
        buf_fmt(&b, "{\"id\":%" PRIu64, id);
        json_key(&b, "kind");
        json_string(&b, crm_customer_kind(c), strlen(crm_customer_kind(c)));
        if (n) {
            json_key(&b, field.key);
            json_string(&b, name, n);
        }
        buf_char(&b, '}');
        out_json(b.p, b.n);
    } else {
        buf_fmt(&b, "%*" PRIu64, digits, id);
        if (n)
            buf_str(&b, "  ");
        text_clean(&b, name, n);
        out_line(b.p, b.n);
    }
    buf_free(&b);
    return 0;
}

static int put_all(tool *t, crm_txn *txn, const ids *found)
{
    crm_error err = CRM_ERROR_INIT;
    crm_customer *c;
    int rc = 0, digits = 0;

    if (crm_customer_new(txn, &c, &err))
        return fail_crm(t, &err);
    for (crm_id last = found->p[found->n - 1]; last; last /= 10)
        digits++;
    for (size_t i = 0; i < found->n && !rc && !out_failed(); i++)
        rc = put_one(t, txn, c, found->p[i], digits);
    crm_customer_free(c);
    return rc;
}

static int run(tool *t, int argc, char **argv)
{
    crm_txn *txn;
    ids found = {0};
    int rc = verb_start(t, &argc, argv, NULL);

    if (rc)
        return rc;
    if (argc != 1)
        return fail_usage(t, "needs one FIELD=VALUE or VALUE");
    if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &txn)))
        return rc;
    rc = target_all(t, txn, argv[0], 0, &found);
    if (!rc)
        rc = put_all(t, txn, &found);
    free(found.p);
    crm_txn_abort(txn);
    return rc;
}

const verb verb_find = {
    "find", "FIELD=VALUE", "who has this phone, e-mail, external id ...", help, 0, run};
