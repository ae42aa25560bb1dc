/* SPDX-License-Identifier: MIT
 * crm backup: the whole database as one file, while others go on working.
 */
#include "tool.h"

#include <string.h>

static const char help[] =
    "Usage: " TOOL " backup FILE [--gzip] [--force] [--reason TEXT] [--no-journal] [--json]\n"
    "\n"
    "Copies the database, as of this moment, into one file; others may go on working. The\n"
    "file is written through to the disk and read back, every page and every row, before it\n"
    "gets its name. It holds no free pages: nothing of what was deleted and dropped from the\n"
    "journal.\n"
    "\n"
    "  --gzip            compress it; restore knows by its first bytes\n"
    "  --force           put it in the place of a file of that name\n"
    "  --reason TEXT     why, for the journal; else \"backup\"\n"
    "  --no-journal      of a database that can't be written to (a file system mounted for\n"
    "                    reading, say), which then does not know of it\n"
    "\n"
    "What leaves the database is in its journal: an entry with the reason comes first.\n"
    "\n"
    "Prints what was copied. Exit code 3 when the file is there already, 130 when stopped by\n"
    "Ctrl-C, which leaves nothing behind.\n"
    "\n"
    "Examples\n"
    "  " TOOL " backup monday.crm\n"
    "  " TOOL " -C 门店.db backup --gzip --force /backup/latest.crm.gz\n";

static int run(tool *t, int argc, char **argv)
{
    int gzip = 0, force = 0, plain = 0;
    const char *reason = NULL;
    const arg_option own[] = {{"gzip", 0, ARG_FLAG, &gzip},
                              {"force", 0, ARG_FLAG, &force},
                              {"reason", 0, ARG_TEXT, &reason},
                              {"no-journal", 0, ARG_FLAG, &plain},
                              {NULL, 0, 0, NULL}};
    crm_error err = CRM_ERROR_INIT;
    crm_backup_result result;
    copying work;
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (argc != 1)
        return fail_usage(t, "takes the name of one file");
    if (strcmp(argv[0], "-") == 0)
        return fail_usage(t, "a backup is read back before it is one, and so needs a file: 'dump' "
                             "writes to standard output (./- is a file of that name)");
    if (reason && !*reason)
        return fail_usage(t, "--reason needs a text");
    if ((rc = plain ? open_read(t) : open_write(t, MAKE_NOT)))
        return rc;
    copying_start(t, &work);
    work.options.flags = (gzip ? CRM_BACKUP_GZIP : 0) | (force ? CRM_BACKUP_REPLACE : 0) |
                         (plain ? CRM_BACKUP_READONLY : 0);
    work.options.reason = reason;
    work.options.actor = t->write.actor;
    rc = crm_backup(t->db, argv[0], &work.options, sizeof(result), &result, &err);
    progress_clear(&work.bar);
    t->bar = NULL;
    if (rc == CRM_EEXISTS)
        return fail(t, rc, "there is a file %s already (--force replaces it)", argv[0]);
    if (rc)
        return fail_crm(t, &err);
    copying_end(t, "file", argv[0], &result);
    return 0;
}

const verb verb_backup = {"backup", "FILE", "the whole database as one file", help, 1, run};
