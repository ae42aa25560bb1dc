/* SPDX-License-Identifier: MIT
 * crm compact: a data file without free pages.
 */
#include "tool.h"

static const char help[] =
    "Usage: " TOOL " compact [--json]\n"
    "\n"
    "Rewrites the data file without its free pages, while nobody has the database open. This\n"
    "gives room back to the disk, and removes the bytes of what was deleted and dropped from\n"
    "the journal; what can still be undone stays. There must be room for a second file. The\n"
    "new one is verified, and takes the place of the old one in one step.\n"
    "\n"
    "Prints what was copied. Exit code 5 when somebody has the database open, 130 when stopped\n"
    "by Ctrl-C, which leaves the database as it was.\n"
    "\n"
    "Examples\n"
    "  " TOOL " compact\n"
    "  " TOOL " -C 门店.db compact --json\n";

static int run(tool *t, int argc, char **argv)
{
    crm_error err = CRM_ERROR_INIT;
    crm_backup_result result;
    copying work;
    int rc = verb_start(t, &argc, argv, NULL);

    if (rc)
        return rc;
    if (argc)
        return fail_usage(t, "takes no argument; -C names the database");
    copying_start(t, &work);
    rc = crm_compact(t->path, &work.options, sizeof(result), &result, &err);
    progress_clear(&work.bar);
    t->bar = NULL;
    if (rc == CRM_ENOTFOUND)
        return open_absent(t);
    if (rc)
        return fail_crm(t, &err);
    copying_end(t, "path", t->path, &result);
    return 0;
}

const verb verb_compact = {"compact", "", "give free room back", help, 0, run};
