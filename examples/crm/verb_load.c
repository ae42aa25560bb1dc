/* SPDX-License-Identifier: MIT
 * crm load: a database of a dump.
 */
#include "tool.h"

static const char help[] =
    "Usage: " TOOL " load FILE [--json]\n"
    "\n"
    "Makes a database of a dump, compressed or not, in a folder that has none: the one that -C\n"
    "names. It has the id, the journal and the revisions of the one that was dumped. Every\n"
    "line is judged, and the whole is checked as 'check' does, before the database is there.\n"
    "\n"
    "Prints what was loaded. Exit code 3 when there is a database already, 4 when a line is\n"
    "wrong, 5 when the dump is cut short or was changed, 130 when stopped by Ctrl-C; then, and\n"
    "after an error, nothing is left behind.\n"
    "\n"
    "Examples\n"
    "  " TOOL " -C again.db load monday.jsonl\n"
    "  " TOOL " -C again.db list\n";

static int run(tool *t, int argc, char **argv)
{
    crm_dump_options options;
    crm_error err = CRM_ERROR_INIT;
    crm_dump_result result;
    dumping work;
    int rc = verb_start(t, &argc, argv, NULL);

    if (rc)
        return rc;
    if (argc != 1)
        return fail_usage(t, "takes the name of a dump");
    dumping_start(t, &work, &options);
    rc = crm_load(argv[0], t->path, &options, sizeof(result), &result, &err);
    progress_clear(&work.bar);
    t->bar = NULL;
    if (rc == CRM_ENOTFOUND)
        return fail(t, CRM_EIO, "there is no file %s", argv[0]);
    if (rc == CRM_EEXISTS)
        return fail(t, rc, "there is a database at %s already", t->path);
    if (rc)
        return fail_crm(t, &err);
    dumping_end(t, "path", t->path, &result);
    return 0;
}

const verb verb_load = {"load", "FILE", "a database of a dump", help, 0, run};
