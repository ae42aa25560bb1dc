/* SPDX-License-Identifier: MIT
 * crm restore: a database of a backup.
 */
#include "tool.h"

static const char help[] =
    "Usage: " TOOL " restore FILE DIR [--json]\n"
    "\n"
    "Makes a database of a backup, compressed or not, in a folder that has none; the folder is\n"
    "made when it is not there. Every page and every row is read before the database is there.\n"
    "It has the id and the journal of the one that was backed up.\n"
    "\n"
    "Prints what was copied. Exit code 3 when there is a database in the folder, 130 when\n"
    "stopped by Ctrl-C; then, and after an error, nothing is left behind.\n"
    "\n"
    "Examples\n"
    "  " TOOL " restore monday.crm again.db\n"
    "  " TOOL " -C again.db list\n";

static int run(tool *t, int argc, char **argv)
{
    crm_error err = CRM_ERROR_INIT;
    crm_backup_result result;
    copying work;
    int rc = verb_start(t, &argc, argv, NULL);

    if (rc)
        return rc;
    if (argc != 2)
        return fail_usage(t, "takes the name of a backup and that of a folder");
    copying_start(t, &work);
    rc = crm_restore(argv[0], argv[1], &work.options, sizeof(result), &result, &err);
    progress_clear(&work.bar);
    t->bar = NULL;
    if (rc == CRM_ENOTFOUND)
        return fail(t, CRM_EIO, "there is no file %s", argv[0]);
    if (rc == CRM_EEXISTS)
        return fail(t, rc, "there is a database at %s already", argv[1]);
    if (rc)
        return fail_crm(t, &err);
    copying_end(t, "path", argv[1], &result);
    return 0;
}

const verb verb_restore = {"restore", "FILE DIR", "a database of a backup", help, 0, run};
