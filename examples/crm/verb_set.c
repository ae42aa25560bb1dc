/* SPDX-License-Identifier: MIT
 * crm set: changes named fields of a customer.
 */
#include "tool.h"

#include <inttypes.h>

static const char help[] =
    "Usage: " TOOL " set WHO FIELD=VALUE... [--expect REVISION] [--batch[=NAME]]\n"
    "               [--dry-run]\n"
    "\n"
    "Changes fields of a customer and leaves the others. All of it happens, or nothing.\n"
    "\n"
    "  WHO                an id, FIELD=VALUE or a value, see get\n"
    "  FIELD=VALUE        sets a field, named by key or label; of a list: this one value\n"
    "  FIELD+=VALUE       adds a value to a list\n"
    "  FIELD-=VALUE       takes a value out of a list\n"
    "  FIELD=             removes the field\n"
    "  FIELD@SOURCE=...   the same for the ids that another system gave\n"
    "  --expect REVISION  only if this is still the customer's revision; otherwise nothing\n"
    "                     happens, exit code 3\n"
    "  --batch[=NAME]     make it a batch, see create\n"
    "  --dry-run          do it, then take it back\n"
    "\n"
    "Prints the customer's revision, for the next --expect. When every field has its value\n"
    "already nothing is written.\n"
    "\n"
    "Examples\n"
    "  " TOOL " set 17 city=Shanghai score=820\n"
    "  " TOOL " set 17 姓名=张伟 电话+='139 0013 9000' 邮箱=\n"
    "  " TOOL " set phone=13800138000 lifecycle=active --expect 204\n"
    "  " TOOL " set 17 external@erp=10023 外部编号@shop=\n";

static void put_result(tool *t, crm_id id, uint64_t before, uint64_t after, int dry_run)
{
    buf b = {0};

    if (t->json)
        buf_fmt(&b, "{\"id\":%" PRIu64 ",\"revision\":%" PRIu64 ",\"changed\":%s,\"dry_run\":%s}",
                id, after, before != after ? "true" : "false", dry_run ? "true" : "false");
    else
        buf_fmt(&b, "%srevision %" PRIu64 "%s", dry_run ? "dry run: " : "", after,
                before != after ? "" : ", nothing to change");
    out_line(b.p, b.n);
    buf_free(&b);
}

/* Revision of a customer. */
static int revision_of(tool *t, crm_txn *txn, crm_id id, crm_customer *c, uint64_t *revision)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = crm_customer_get(txn, id, c, &err);

    if (rc)
        return fail_crm(t, &err);
    if (crm_customer_deleted(c))
        return fail(t, CRM_ENOTFOUND, "customer %" PRIu64 " is deleted", id);
    *revision = crm_customer_revision(c);
    return 0;
}

static int change(tool *t, crm_txn *txn, int argc, char **argv, uint64_t expected, crm_id *id,
                  uint64_t revision[2])
{
    crm_error err = CRM_ERROR_INIT;
    crm_customer *c;
    buf json = {0};
    int rc = target_one(t, txn, argv[0], id);

    if (rc)
        return rc;
    if (crm_customer_new(txn, &c, &err))
        return fail_crm(t, &err);
    rc = revision_of(t, txn, *id, c, &revision[0]);
    if (!rc)
        rc = pairs_document(t, txn, argc - 1, argv + 1, 1, *id, &json);
    if (!rc && crm_customer_patch_json(txn, *id, expected, json.p, json.n, &err)) {
        err.offset = -1; /* of a document nobody has seen */
        rc = fail_crm(t, &err);
    }
    if (!rc)
        rc = revision_of(t, txn, *id, c, &revision[1]);
    buf_free(&json);
    crm_customer_free(c);
    return rc;
}

static int run(tool *t, int argc, char **argv)
{
    const char *expect = NULL;
    int dry_run = 0;
    const arg_option own[] = {{"expect", 0, ARG_TEXT, &expect},
                              {"batch", 0, ARG_BATCH, NULL},
                              {"dry-run", 0, ARG_FLAG, &dry_run},
                              {NULL, 0, 0, NULL}};
    uint64_t expected = 0, revision[2] = {0, 0};
    int rc = verb_start(t, &argc, argv, own);
    crm_txn *txn;
    crm_id id = 0;

    if (rc)
        return rc;
    if (argc < 2)
        return fail_usage(t, "needs a customer and FIELD=VALUE");
    if (expect && (args_number(expect, &expected) || !expected))
        return fail_usage(t, "--expect needs a revision, not '%s'", expect);
    if ((rc = open_write(t, 0)) || (rc = begin(t, CRM_WRITE, &txn)))
        return rc;
    rc = change(t, txn, argc, argv, expected, &id, revision);
    if (rc || dry_run)
        crm_txn_abort(txn);
    else
        rc = commit(t, txn);
    if (!rc)
        put_result(t, id, revision[0], revision[1], dry_run);
    return rc;
}

const verb verb_set = {"set", "WHO FIELD=VALUE...", "change fields of a customer", help, 1, run};
