/* SPDX-License-Identifier: MIT
 * crm trim: drops what changes of long ago replaced.
 */
#include "tool.h"

#include <inttypes.h>
#include <time.h>

static const char help[] =
    "Usage: " TOOL " trim (--before TIME | --keep DAYS) [--dry-run]\n"
    "\n"
    "Drops the values that changes before a time replaced, which the journal keeps for history\n"
    "and undo. The entries stay: who changed which fields, and when; the journal still verifies\n"
    "against heads that were kept. The changes themselves stay, too. What was dropped can't be\n"
    "had back, except from a backup.\n"
    "\n"
    "  --before TIME     of changes recorded before it, e.g. 2026-01-01 or\n"
    "                    2026-01-01T09:30+08:00; without an offset in --zone, else UTC\n"
    "  --keep DAYS       of all but those of the last so many days\n"
    "  --dry-run         find out how many there are, and change nothing\n"
    "\n"
    "Many are dropped in parts, each an entry of the journal; broken off, it goes on where it was\n"
    "when it is called again.\n"
    "\n"
    "The dropped bytes stay in free pages of the file until they are used again or '" TOOL
    " compact'\n"
    "removes them, and in backups made before. What was trimmed can't be undone any more: exit\n"
    "code 3 of undo.\n"
    "\n"
    "Examples\n"
    "  " TOOL " trim --keep 730 --dry-run\n"
    "  " TOOL " trim --keep 730 --actor li.na && " TOOL " compact\n"
    "  " TOOL " trim --before 2026-01-01 --json\n";

#define DAY_US (INT64_C(86400) * 1000000)
enum { DAYS_MAX = 1000000 };

static int read_bound(tool *t, const char *before, uint64_t keep, int64_t *us)
{
    struct timespec now;

    if ((before != NULL) == (keep != UINT64_MAX))
        return fail_usage(t, "needs --before or --keep");
    if (before)
        return 0; /* needs a transaction, for its zone */
    if (keep > DAYS_MAX)
        return fail_usage(t, "--keep needs a number of days up to %d", DAYS_MAX);
    clock_gettime(CLOCK_REALTIME, &now);
    *us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - (int64_t)keep * DAY_US;
    return 0;
}

static void put_result(tool *t, uint64_t dropped, int64_t before, uint64_t revision, int dry_run)
{
    buf b = {0};

    if (t->json) {
        buf_fmt(&b, "{\"dropped\":%" PRIu64 ",\"before\":\"", dropped);
        buf_time(&b, before);
        buf_str(&b, "\",\"revision\":");
        if (revision)
            buf_fmt(&b, "%" PRIu64, revision);
        else
            buf_str(&b, "null");
        buf_fmt(&b, ",\"dry_run\":%s}", dry_run ? "true" : "false");
    } else {
        buf_str(&b, dry_run ? "dry run: " : "");
        buf_count(&b, dropped);
        buf_fmt(&b, " image%s dropped, of changes before ", dropped == 1 ? "" : "s");
        buf_time(&b, before);
        if (revision)
            buf_fmt(&b, "; revision %" PRIu64, revision);
    }
    out_line(b.p, b.n);
    buf_free(&b);
}

/* All parts: each in a transaction of its own, a rehearsal in one that is dropped. */
static int trim_all(tool *t, int64_t before, int dry_run, uint64_t *dropped, uint64_t *revision)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn = NULL;
    uint64_t part;
    int rc = 0;

    do {
        if (!txn && (rc = begin(t, CRM_WRITE, &txn)))
            return rc;
        if (crm_journal_trim(txn, before, &part, &err)) {
            crm_txn_abort(txn);
            return fail_crm(t, &err);
        }
        *dropped += part;
        if (part && !dry_run) {
            *revision = crm_txn_revision(txn);
            rc = commit(t, txn);
            txn = NULL;
        }
    } while (!rc && part);
    crm_txn_abort(txn);
    return rc;
}

static int trim(tool *t, const char *text, int64_t before, int dry_run)
{
    uint64_t dropped = 0, revision = 0;
    crm_txn *txn = NULL;
    int rc = open_write(t, MAKE_NOT);

    if (!rc && !(rc = begin(t, CRM_READ, &txn)))
        rc = time_option(t, txn, "before", text, &before);
    crm_txn_abort(txn);
    if (!rc)
        rc = trim_all(t, before, dry_run, &dropped, &revision);
    if (!rc)
        put_result(t, dropped, before, revision, dry_run);
    return rc;
}

static int run(tool *t, int argc, char **argv)
{
    const char *before = NULL;
    uint64_t keep = UINT64_MAX;
    int64_t us = 0;
    int dry_run = 0;
    const arg_option own[] = {{"before", 0, ARG_TEXT, &before},
                              {"keep", 0, ARG_NUMBER, &keep},
                              {"dry-run", 0, ARG_FLAG, &dry_run},
                              {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);

    if (!rc && argc)
        rc = fail_usage(t, "takes no argument; the time comes with --before or --keep");
    if (!rc)
        rc = read_bound(t, before, keep, &us);
    return rc ? rc : trim(t, before, us, dry_run);
}

const verb verb_trim = {"trim", "--before TIME", "drop what changes of long ago replaced", help, 1,
                        run};
