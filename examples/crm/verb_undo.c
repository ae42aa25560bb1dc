/* SPDX-License-Identifier: MIT
 * crm undo: takes back a batch, or one change.
 */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " undo REVISION [--skip] [--dry-run]\n"
    "\n"
    "Takes back a batch, or one change: customers it created are deleted, those it changed or\n"
    "deleted are as before, its events are voided. Nothing is lost: the undo is a batch of its\n"
    "own, which can be undone in turn.\n"
    "\n"
    "  REVISION          that of the change, see history and changes; or of the batch, which\n"
    "                    --batch of create, set, event add ... told\n"
    "  --skip            leave alone the customers that were changed since, and undo the rest\n"
    "  --dry-run         find out what would happen, and change nothing\n"
    "\n"
    "Prints each customer that was changed since, with its present revision, and counts: put\n"
    "back is who has the earlier values again, or is back, or after the undo of an undo is gone\n"
    "again, whereas deleted is who was created. When there are such customers and no --skip,\n"
    "nothing is undone: exit code 3. So it is when a unique value was taken meanwhile, when the\n"
    "batch was undone already, and for what is no change of customers. Exit code 1 when there is\n"
    "no such revision. An undo is whole or is not there: stopped by Ctrl-C it has undone nothing\n"
    "(exit code 130), and may be begun anew.\n"
    "\n"
    "Examples\n"
    "  " TOOL " undo 204 --dry-run\n"
    "  " TOOL " undo 204 --skip --actor li.na\n"
    "  " TOOL " create --file fair.jsonl --batch=fair-2026   # tells the batch, e.g. 310; then\n"
    "  " TOOL " undo 310\n";

typedef struct undoing {
    tool *t;
    uint64_t changed; /* customers that were changed since */
} undoing;

static int on_changed(crm_id id, uint64_t revision, void *ctx)
{
    undoing *u = ctx;
    tool *t = u->t;
    buf b = {0};

    if (t->json)
        buf_fmt(&b, "{\"customer\":%" PRIu64 ",\"changed_since\":%" PRIu64 "}", id, revision);
    else
        buf_fmt(&b, tr(t, "customer %" PRIu64 " was changed since, at revision %" PRIu64), id,
                revision);
    u->changed++;
    out_line(b.p, b.n);
    buf_free(&b);
    return out_failed();
}

static void put_count(const tool *t, buf *b, uint64_t n, const char *one, const char *many)
{
    if (b->n && b->p[b->n - 1] != ' ')
        buf_str(b, ", ");
    buf_count(b, n);
    buf_fmt(b, " %s", tr(t, n == 1 ? one : many));
}

static void put_result(tool *t, const crm_undo_result *r, int dry_run)
{
    buf b = {0};

    if (t->json) {
        buf_fmt(&b,
                "{\"deleted\":%" PRIu64 ",\"restored\":%" PRIu64 ",\"events\":%" PRIu64
                ",\"tags\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"batch\":",
                r->deleted, r->restored, r->events, r->tags, r->skipped);
        if (r->batch && !dry_run)
            buf_fmt(&b, "%" PRIu64, r->batch);
        else
            buf_str(&b, "null");
        buf_fmt(&b, ",\"dry_run\":%s}", dry_run ? "true" : "false");
    } else {
        buf_str(&b, dry_run ? tr(t, "dry run: ") : "");
        put_count(t, &b, r->deleted, "deleted", "deleted");
        put_count(t, &b, r->restored, "put back", "put back");
        put_count(t, &b, r->events, "event", "events");
        if (r->tags)
            put_count(t, &b, r->tags, "tag", "tags");
        put_count(t, &b, r->skipped, "skipped", "skipped");
        if (r->batch && !dry_run)
            buf_fmt(&b, tr(t, "; batch %" PRIu64), r->batch);
        else if (!dry_run)
            buf_str(&b, tr(t, "; nothing to undo"));
    }
    out_line(b.p, b.n);
    buf_free(&b);
}

static int refused(const undoing *u, const crm_error *err)
{
    int code;

    if (err->code == CRM_ECONFLICT && u->changed)
        return fail(u->t, CRM_ECONFLICT,
                    "%" PRIu64 " customer%s changed since: nothing was undone (--skip undoes the "
                    "rest)",
                    u->changed, u->changed == 1 ? " was" : "s were");
    code = fail_crm(u->t, err);
    /* undone already, no change of customers, images dropped: refused as it stands */
    return err->code == CRM_ESTATE ? TOOL_CONFLICT : code;
}

static int run(tool *t, int argc, char **argv)
{
    crm_undo_result result;
    crm_error err = CRM_ERROR_INIT;
    int skip = 0, dry_run = 0;
    const arg_option own[] = {
        {"skip", 0, ARG_FLAG, &skip}, {"dry-run", 0, ARG_FLAG, &dry_run}, {NULL, 0, 0, NULL}};
    undoing u = {t, 0};
    long_call work;
    uint64_t revision = 0;
    crm_txn *txn;
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (argc != 1 || args_number(argv[0], &revision) || !revision)
        return fail_usage(t, "needs one revision%s%s", argc == 1 ? ", not " : "",
                          argc == 1 ? argv[0] : "");
    if ((rc = open_write(t, 0)) || (rc = begin(t, CRM_WRITE, &txn)))
        return rc;
    memset(&result, 0, sizeof(result));
    result.size = sizeof(result);
    long_begin(&work, t, txn, "customers");
    rc = crm_undo(txn, revision, (skip ? CRM_UNDO_SKIP : 0) | (dry_run ? CRM_UNDO_DRY_RUN : 0),
                  on_changed, &u, &result, &err);
    if (rc && !interrupted()) {
        (void)long_end(&work, 0, &err);
        rc = refused(&u, &err);
    } else {
        rc = long_end(&work, rc, &err);
    }
    if (rc || dry_run)
        crm_txn_abort(txn);
    else
        rc = commit(t, txn);
    if (!rc)
        put_result(t, &result, dry_run);
    return rc;
}

const verb verb_undo = {"undo", "REVISION", "take back a batch or one change", help, 1, run};
