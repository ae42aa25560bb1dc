/* SPDX-License-Identifier: MIT
 * crm head: the end of the journal's chain, to be kept outside.
 */
#include "tool.h"

#include <inttypes.h>

static const char help[] =
    "Usage: " TOOL " head [--json]\n"
    "\n"
    "Prints the end of the journal's chain: the revision of the last change, when it was\n"
    "recorded, and its link of the chain. Keep it where nobody who writes the database can\n"
    "change it: verify tells with it whether anything before was changed or cut off.\n"
    "\n"
    "Examples\n"
    "  " TOOL " head >> heads.txt\n"
    "  " TOOL " verify --anchor heads.txt\n"
    "  " TOOL " head --json\n";

static int run(tool *t, int argc, char **argv)
{
    crm_error err = CRM_ERROR_INIT;
    crm_head head = CRM_HEAD_INIT;
    crm_txn *txn;
    buf b = {0};
    int rc = verb_start(t, &argc, argv, NULL);

    if (rc)
        return rc;
    if (argc)
        return fail_usage(t, "takes no argument");
    if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &txn)))
        return rc;
    rc = crm_journal_head(txn, &head, &err);
    crm_txn_abort(txn);
    if (rc)
        return fail_crm(t, &err);
    buf_fmt(&b, t->json ? "{\"revision\":%" PRIu64 ",\"recorded_at\":\"" : "%" PRIu64 " ",
            head.revision);
    buf_time(&b, head.recorded_us);
    buf_str(&b, t->json ? "\",\"chain\":\"" : " ");
    for (size_t i = 0; i < sizeof(head.chain); i++)
        buf_fmt(&b, "%02x", head.chain[i]);
    buf_str(&b, t->json ? "\"}" : "");
    out_line(b.p, b.n);
    buf_free(&b);
    return 0;
}

const verb verb_head = {"head", "", "the end of the journal's chain, to be kept outside",
                        help,   0,  run};
