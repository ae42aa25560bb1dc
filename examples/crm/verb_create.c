/* SPDX-License-Identifier: MIT
 * crm create: one customer from arguments, or many from a file of JSON Lines.
 */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " create FIELD=VALUE... [--upsert] [--batch[=NAME]] [--dry-run]\n"
    "       " TOOL " create --file FILE [--upsert] [--atomic] [--batch[=NAME]] [--dry-run]\n"
    "\n"
    "Creates a customer and prints its id, or many from a file of JSON Lines ('-': standard\n"
    "input) and prints counts.\n"
    "\n"
    "  FIELD=VALUE         a field, named by key or label, as a person would write it\n"
    "  FIELD+=VALUE        a further value of a list\n"
    "  FIELD@SOURCE=VALUE  the id that another system gave, e.g. external@erp=10023\n"
    "  kind=organisation   a company; without it a person\n"
    "  -f, --file FILE     each line a document, e.g. {\"name\":\"张伟\",\"phone\":\"...\"}\n"
    "  --upsert            change the customer that has one of the identities, if there is one\n"
    "  --atomic            all lines or none; holds the database for writing meanwhile\n"
    "  --batch[=NAME]      make it one batch; its number is told on standard error, and undo\n"
    "                      takes all of it back\n"
    "  --dry-run           do it, then take it back\n"
    "\n"
    "A bad line is told with file, line and field, and the others go on: exit code 1. The\n"
    "first 10 are told, with --json all; a file whose first 100 lines are bad is left, but not\n"
    "with --json. Lines are written 10,000 at a time; Ctrl-C ends after those in work and says\n"
    "how far it came. A line may have 16 MiB.\n"
    "\n"
    "Examples\n"
    "  " TOOL " create name='Li Na' phone='+86 138 0013 8000' phone+=+8613900139000\n"
    "  " TOOL " create 姓名=张伟 电话='138 0013 8000' 城市=上海\n"
    "  " TOOL " create kind=organisation name='Shop Ltd' external@erp=10023\n"
    "  " TOOL " create --file customers.jsonl --dry-run\n"
    "  " TOOL " create --file - --upsert --source web-form < customers.jsonl\n"
    "  " TOOL " create --file fair.jsonl --batch=fair-2026   # and back: " TOOL " undo NUMBER\n";

typedef struct options {
    const char *file;
    int upsert, atomic, dry_run;
} options;

/* Whether the document made a difference.  In a batch all changes have one revision: a customer
 * that has it was changed in this transaction. */
static int made_change(crm_txn *txn, crm_id id, uint64_t before)
{
    crm_customer *c;
    int changed = 0;

    if (crm_txn_revision(txn) != before)
        return 1;
    if (!crm_txn_batch(txn) || crm_customer_new(txn, &c, NULL))
        return 0;
    if (!crm_customer_get(txn, id, c, NULL))
        changed = crm_customer_revision(c) == before;
    crm_customer_free(c);
    return changed;
}

/* Writes one document and counts what became of it. */
static int write_document(crm_txn *txn, const options *o, const char *json, size_t n, crm_id *id,
                          load_counts *sum, crm_error *err)
{
    uint64_t before = crm_txn_revision(txn);
    int created = 1;
    crm_id found = 0;
    int rc = o->upsert ? crm_customer_upsert_json(txn, json, n, &found, &created, err)
                       : crm_customer_create_json(txn, json, n, &found, err);

    if (rc)
        return rc;
    if (id)
        *id = found;
    if (created)
        sum->created++;
    else if (made_change(txn, found, before))
        sum->updated++;
    else
        sum->unchanged++;
    return 0;
}

/* Tells why a document was refused: all its faults, where the library can list them. */
static void tell_faults(tool *t, crm_txn *txn, const options *o, const char *json, size_t n,
                        crm_error *err)
{
    int listed = err->code == CRM_EVALUE || err->code == CRM_EFIELD || err->code == CRM_EEXISTS;

    if (listed && report_faults(t, txn, NULL, json, n, o->upsert ? CRM_EEXISTS : CRM_OK))
        return;
    if (!t->at)
        err->offset = -1; /* of a document nobody has seen */
    report(t, NULL, NULL, err);
}

/* ---- one customer ---- */

static void put_created(tool *t, crm_id id, const load_counts *sum, int dry_run)
{
    const char *what = sum->created ? "create" : sum->updated ? "update" : "leave";
    buf b = {0};

    if (t->json)
        buf_fmt(&b, "{\"id\":%" PRIu64 ",\"created\":%s,\"changed\":%s,\"dry_run\":%s}", id,
                sum->created ? "true" : "false", sum->unchanged ? "false" : "true",
                dry_run ? "true" : "false");
    else if (dry_run)
        buf_fmt(&b, "dry run: would %s customer %" PRIu64, what, id);
    else
        buf_fmt(&b, "%" PRIu64, id);
    out_line(b.p, b.n);
    buf_free(&b);
}

static int create_in(tool *t, const options *o, int argc, char **argv)
{
    crm_error err = CRM_ERROR_INIT;
    load_counts sum = {0, 0, 0, 0};
    crm_txn *txn;
    crm_id id = 0;
    buf json = {0};
    int rc;

    if ((rc = begin(t, CRM_WRITE, &txn)))
        return rc;
    rc = pairs_document(t, txn, argc, argv, 0, 0, &json);
    if (!rc && write_document(txn, o, json.p, json.n, &id, &sum, &err)) {
        rc = exit_code_of(err.code);
        tell_faults(t, txn, o, json.p, json.n, &err);
    }
    buf_free(&json);
    if (rc || o->dry_run)
        crm_txn_abort(txn);
    else
        rc = commit(t, txn);
    if (!rc)
        put_created(t, id, &sum, o->dry_run);
    return rc;
}

static int create_one(tool *t, const options *o, int argc, char **argv)
{
    int rc = open_write(t, o->dry_run ? MAKE_NOT : MAKE_DRAFT);

    if (!rc && (rc = create_in(t, o, argc, argv)) == TOOL_AGAIN)
        rc = create_in(t, o, argc, argv);
    return rc;
}

/* ---- a file ---- */

static int write_line(load *l, crm_txn *txn, slice doc, load_counts *sum)
{
    const options *o = l->ctx;
    crm_error err = CRM_ERROR_INIT;

    if (!write_document(txn, o, doc.p, doc.n, NULL, sum, &err))
        return 0;
    if (exit_code_of(err.code) == TOOL_SYSTEM)
        report(l->t, NULL, NULL, &err);
    else
        tell_faults(l->t, txn, o, doc.p, doc.n, &err);
    return exit_code_of(err.code);
}

static void put_summary(const load *l, const options *o)
{
    const load_counts *n = &l->done;
    buf b = {0};

    if (l->t->json) {
        buf_fmt(&b, "{\"created\":%" PRIu64 ",\"updated\":%" PRIu64 ",\"unchanged\":%" PRIu64,
                n->created, n->updated, n->unchanged);
        load_json(l, &b);
    } else {
        if (o->dry_run)
            buf_str(&b, "dry run: ");
        buf_count(&b, n->created);
        buf_str(&b, " created");
        if (o->upsert) {
            buf_str(&b, ", ");
            buf_count(&b, n->updated);
            buf_str(&b, " updated, ");
            buf_count(&b, n->unchanged);
            buf_str(&b, " unchanged");
        }
        buf_str(&b, ", ");
        buf_count(&b, n->bad);
        buf_str(&b, " bad");
    }
    out_line(b.p, b.n);
    buf_free(&b);
}

static int create_file(tool *t, options *o)
{
    load l = {.t = t, .make = 1, .write = write_line, .ctx = o};
    int rc;

    l.file = o->file;
    l.atomic = o->atomic;
    l.dry_run = o->dry_run;
    rc = load_run(&l);
    if (l.ran)
        put_summary(&l, o);
    return load_code(&l, rc);
}

static int run(tool *t, int argc, char **argv)
{
    options o = {NULL, 0, 0, 0};
    const arg_option own[] = {
        {"file", 'f', ARG_TEXT, &o.file},     {"upsert", 0, ARG_FLAG, &o.upsert},
        {"atomic", 0, ARG_FLAG, &o.atomic},   {"batch", 0, ARG_BATCH, NULL},
        {"dry-run", 0, ARG_FLAG, &o.dry_run}, {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (o.file && argc)
        return fail_usage(t, "either --file or FIELD=VALUE");
    if (o.atomic && !o.file)
        return fail_usage(t, "--atomic goes with --file");
    if (!o.file && !argc)
        return fail_usage(t, "needs FIELD=VALUE, or --file FILE (--file - reads standard input)");
    return o.file ? create_file(t, &o) : create_one(t, &o, argc, argv);
}

const verb verb_create = {"create", "FIELD=VALUE... | --file FILE", "create customers", help, 1,
                          run};
