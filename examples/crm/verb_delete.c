/* SPDX-License-Identifier: MIT
 * crm delete and crm undelete.
 */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

static const char delete_help[] =
    "Usage: " TOOL " delete WHO... [--expect REVISION] [--batch[=NAME]]\n"
    "\n"
    "Deletes customers: they are not listed or found any more, and can be undeleted. Their\n"
    "bytes stay in the file: deleting is not erasing.\n"
    "\n"
    "  WHO                an id, FIELD=VALUE or a value, see get\n"
    "  --expect REVISION  only if this is still the customer's revision; otherwise nothing\n"
    "                     happens, exit code 3\n"
    "  --batch[=NAME]     make it one batch, which undo takes back\n"
    "\n"
    "All in one transaction. Those that are not found are told, the others are deleted,\n"
    "exit code 1; at any other error nothing is.\n"
    "\n"
    "Examples\n"
    "  " TOOL " delete 17 18\n"
    "  " TOOL " delete 电话=13800138000\n"
    "  " TOOL " delete 17 --expect 204 --actor li.na\n";

static const char undelete_help[] =
    "Usage: " TOOL " undelete ID... [--expect REVISION] [--batch[=NAME]]\n"
    "\n"
    "Brings deleted customers back as they were. Deleted customers are found by id only;\n"
    "'" TOOL " list --deleted' lists them.\n"
    "\n"
    "  --expect REVISION  only if this is still the customer's revision; otherwise nothing\n"
    "                     happens, exit code 3\n"
    "  --batch[=NAME]     make it one batch, which undo takes back\n"
    "\n"
    "All in one transaction. Those that are not found are told, the others come back, exit\n"
    "code 1; at any other error (e.g. a unique value was taken meanwhile) nothing happens.\n"
    "\n"
    "Examples\n"
    "  " TOOL " list --deleted      # 已删除的客户\n"
    "  " TOOL " undelete 17\n";

typedef int (*change_fn)(crm_txn *txn, crm_id id, uint64_t expected, crm_error *err);

static void put_done(tool *t, buf *out, crm_id id, uint64_t revision, int deleted)
{
    if (t->json)
        buf_fmt(out, "{\"id\":%" PRIu64 ",\"deleted\":%s,\"revision\":%" PRIu64 "}\n", id,
                deleted ? "true" : "false", revision);
    else
        buf_fmt(out, "%s %" PRIu64 "\n", deleted ? "deleted" : "undeleted", id);
}

static int change_one(tool *t, crm_txn *txn, const char *who, change_fn change, uint64_t expected,
                      buf *out)
{
    crm_error err = CRM_ERROR_INIT;
    crm_id id = 0;
    int rc = target_one(t, txn, who, &id);

    if (rc)
        return rc;
    rc = change(txn, id, expected, &err);
    if (rc)
        return fail_crm(t, &err);
    put_done(t, out, id, crm_txn_revision(txn), change == crm_customer_delete);
    return 0;
}

static int run(tool *t, int argc, char **argv, change_fn change)
{
    const char *expect = NULL;
    const arg_option own[] = {
        {"expect", 0, ARG_TEXT, &expect}, {"batch", 0, ARG_BATCH, NULL}, {NULL, 0, 0, NULL}};
    uint64_t expected = 0;
    int worst = 0, rc = verb_start(t, &argc, argv, own);
    crm_txn *txn;
    buf out = {0};

    if (rc)
        return rc;
    if (!argc)
        return fail_usage(t, "needs the id of a customer");
    if (expect && (args_number(expect, &expected) || !expected))
        return fail_usage(t, "--expect needs a revision, not '%s'", expect);
    if (expect && argc > 1)
        return fail_usage(t, "--expect goes with one customer");
    if ((rc = open_write(t, 0)) || (rc = begin(t, CRM_WRITE, &txn)))
        return rc;
    for (int i = 0; i < argc && worst <= TOOL_MISSING; i++) {
        rc = change_one(t, txn, argv[i], change, expected, &out);
        worst = rc > worst ? rc : worst;
    }
    if (worst > TOOL_MISSING)
        crm_txn_abort(txn);
    else if ((rc = commit(t, txn)))
        worst = rc;
    else
        out_put(out.p ? out.p : "", out.n);
    buf_free(&out);
    return worst;
}

static int run_delete(tool *t, int argc, char **argv)
{
    return run(t, argc, argv, crm_customer_delete);
}

static int run_undelete(tool *t, int argc, char **argv)
{
    return run(t, argc, argv, crm_customer_undelete);
}

const verb verb_delete = {"delete", "WHO...", "delete customers", delete_help, 1, run_delete};
const verb verb_undelete = {"undelete",    "ID...", "bring deleted customers back",
                            undelete_help, 1,       run_undelete};
