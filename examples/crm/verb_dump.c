/* SPDX-License-Identifier: MIT
 * crm dump: the whole database as text.
 */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " dump [FILE] [--gzip] [--force] [--reason TEXT] [--no-journal] [--json]\n"
    "\n"
    "Writes the database, as of this moment, as text in JSON Lines, to a file or to standard\n"
    "output; others may go on working. All is in it but what is derived: models, customers\n"
    "with the source and time of each value, deleted ones too, events, batches, the journal.\n"
    "The same content gives the same text. 'load' makes a database of it, wherever libcrm runs.\n"
    "\n"
    "  --gzip            compress it; load knows by its first bytes\n"
    "  --force           put it in the place of a file of that name\n"
    "  --reason TEXT     why, for the journal; else \"dump\"\n"
    "  --no-journal      without an entry, where nobody can write one\n"
    "\n"
    "What leaves the database is in its journal: an entry with the reason comes first.\n"
    "\n"
    "A file is written through to the disk and read back before it gets its name. Prints what\n"
    "was written to it. Exit code 3 when the file is there already, 130 when stopped by Ctrl-C,\n"
    "which leaves nothing behind.\n"
    "\n"
    "Examples\n"
    "  " TOOL " dump monday.jsonl\n"
    "  " TOOL " dump --gzip monday.jsonl.gz\n"
    "  " TOOL " -C 门店.db dump | grep -c '^{\"customer\"'\n";

static int to_output(const void *bytes, size_t n, void *ctx)
{
    (void)ctx;
    out_put(bytes, n);
    return out_failed();
}

static int run(tool *t, int argc, char **argv)
{
    int gzip = 0, force = 0, plain = 0;
    const char *reason = NULL;
    const arg_option own[] = {{"gzip", 0, ARG_FLAG, &gzip},
                              {"force", 0, ARG_FLAG, &force},
                              {"reason", 0, ARG_TEXT, &reason},
                              {"no-journal", 0, ARG_FLAG, &plain},
                              {NULL, 0, 0, NULL}};
    crm_dump_options options;
    crm_error err = CRM_ERROR_INIT;
    crm_dump_result result;
    dumping work;
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (argc > 1)
        return fail_usage(t, "takes the name of one file, or none");
    if (argc && strcmp(argv[0], "-") == 0)
        argc = 0; /* standard output, as without a name */
    if (!argc && force)
        return fail_usage(t, "--force is for a file");
    if (reason && !*reason)
        return fail_usage(t, "--reason needs a text");
    if ((rc = plain ? open_read(t) : open_write(t, MAKE_NOT)))
        return rc;
    dumping_start(t, &work, &options);
    options.flags = (gzip ? CRM_DUMP_GZIP : 0) | (force ? CRM_DUMP_REPLACE : 0) |
                    (plain ? CRM_DUMP_READONLY : 0);
    options.reason = reason;
    options.actor = t->write.actor;
    if (!argc)
        options.write = to_output;
    rc = crm_dump(t->db, argc ? argv[0] : NULL, &options, sizeof(result), &result, &err);
    progress_clear(&work.bar);
    t->bar = NULL;
    if (rc && out_failed()) /* out_end() says what went wrong */
        return 0;
    if (rc == CRM_EEXISTS)
        return fail(t, rc, "there is a file %s already (--force replaces it)", argv[0]);
    if (rc)
        return fail_crm(t, &err);
    if (argc)
        dumping_end(t, "file", argv[0], &result);
    return 0;
}

const verb verb_dump = {"dump", "[FILE]", "the whole database as text", help, 1, run};
