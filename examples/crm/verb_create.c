/* SPDX-License-Identifier: MIT
 * crm create: one customer from arguments, or those of a file, as import has them.
 */
#include "importing.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " create FIELD=VALUE... [--upsert] [--batch[=NAME]] [--dry-run]\n"
    "       " TOOL " create --file FILE [--upsert] [--atomic] [--batch[=NAME]] [--dry-run]\n"
    "                  [--errors FILE] [--resume]\n"
    "\n"
    "Creates a customer and prints its id; or those of a file, as 'import --policy create' does,\n"
    "and prints its report.\n"
    "\n"
    "  FIELD=VALUE         a field, named by key or label, as a person would write it\n"
    "  FIELD+=VALUE        a further value of a list\n"
    "  FIELD@SOURCE=VALUE  the id that another system gave, e.g. external@erp=10023\n"
    "  kind=organisation   a company; without it a person\n"
    "  -f, --file FILE     any that import takes; '-', standard input, has JSON Lines: each line\n"
    "                      a document, e.g. {\"name\":\"张伟\",\"phone\":\"...\"}\n"
    "  --upsert            change the customer that has one of the identities, if there is one\n"
    "  --atomic            all rows or none; holds the database for writing meanwhile\n"
    "  --batch[=NAME]      one customer: make it a batch, whose number is told on standard error\n"
    "                      and which undo takes back; a file is one always, and this its name\n"
    "  --dry-run           do it, then take it back\n"
    "  --errors FILE       bad rows go there, else beside the file\n"
    "  --resume            go on with a file that was cut short\n"
    "\n"
    "A bad row is told with file, line and field, and the others go on: exit code 1. Lines that\n"
    "come slowly are written as they come.\n"
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
    int upsert, dry_run;
} options;

/* What became of the customer. */
enum { CREATED, UPDATED, UNCHANGED };

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

static int write_document(crm_txn *txn, const options *o, const char *json, size_t n, crm_id *id,
                          int *became, crm_error *err)
{
    uint64_t before = crm_txn_revision(txn);
    int created = 1;
    int rc = o->upsert ? crm_customer_upsert_json(txn, json, n, id, &created, err)
                       : crm_customer_create_json(txn, json, n, id, err);

    if (!rc)
        *became = created ? CREATED : made_change(txn, *id, before) ? UPDATED : UNCHANGED;
    return rc;
}

/* Tells why a document was refused: all its faults, where the library can list them. */
static void tell_faults(tool *t, crm_txn *txn, const options *o, const char *json, size_t n,
                        crm_error *err)
{
    int listed = err->code == CRM_EVALUE || err->code == CRM_EFIELD || err->code == CRM_EEXISTS;

    if (listed && report_faults(t, txn, json, n, o->upsert ? CRM_EEXISTS : CRM_OK, 0))
        return;
    err->offset = -1; /* of a document nobody has seen */
    report(t, NULL, NULL, err);
}

static void put_created(tool *t, crm_id id, int became, int dry_run)
{
    static const char *const WHAT[] = {"create", "update", "leave"};
    buf b = {0};

    if (t->json)
        buf_fmt(&b, "{\"id\":%" PRIu64 ",\"created\":%s,\"changed\":%s,\"dry_run\":%s}", id,
                became == CREATED ? "true" : "false", became == UNCHANGED ? "false" : "true",
                dry_run ? "true" : "false");
    else if (dry_run)
        buf_fmt(&b, "dry run: would %s customer %" PRIu64, WHAT[became], id);
    else
        buf_fmt(&b, "%" PRIu64, id);
    out_line(b.p, b.n);
    buf_free(&b);
}

static int create_in(tool *t, const options *o, int argc, char **argv)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    crm_id id = 0;
    buf json = {0};
    int rc, became = UNCHANGED;

    if ((rc = begin(t, CRM_WRITE, &txn)))
        return rc;
    rc = pairs_document(t, txn, argc, argv, 0, 0, &json);
    if (!rc && write_document(txn, o, json.p, json.n, &id, &became, &err)) {
        rc = exit_code_of(err.code);
        tell_faults(t, txn, o, json.p, json.n, &err);
    }
    buf_free(&json);
    if (rc || o->dry_run)
        crm_txn_abort(txn);
    else
        rc = commit(t, txn);
    if (!rc)
        put_created(t, id, became, o->dry_run);
    return rc;
}

static int create_one(tool *t, const options *o, int argc, char **argv)
{
    int rc = open_write(t, o->dry_run ? MAKE_NOT : MAKE_DRAFT);

    if (!rc && (rc = create_in(t, o, argc, argv)) == TOOL_AGAIN)
        rc = create_in(t, o, argc, argv);
    return rc;
}

static int run(tool *t, int argc, char **argv)
{
    options o = {NULL, 0, 0};
    import_wishes w = {0};
    const arg_option own[] = {
        {"file", 'f', ARG_TEXT, &o.file},     {"upsert", 0, ARG_FLAG, &o.upsert},
        {"atomic", 0, ARG_FLAG, &w.atomic},   {"batch", 0, ARG_BATCH, NULL},
        {"dry-run", 0, ARG_FLAG, &o.dry_run}, {"errors", 0, ARG_TEXT, &w.errors},
        {"resume", 0, ARG_FLAG, &w.resume},   {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (o.file && argc)
        return fail_usage(t, "either --file or FIELD=VALUE");
    if ((w.atomic || w.errors || w.resume) && !o.file)
        return fail_usage(t, "--atomic, --errors and --resume go with --file");
    if (!o.file && !argc)
        return fail_usage(t, "needs FIELD=VALUE, or --file FILE (--file - reads standard input)");
    w.policy = o.upsert ? "upsert" : "create";
    w.dry_run = o.dry_run;
    return o.file ? import_documents(t, &w, o.file) : create_one(t, &o, argc, argv);
}

const verb verb_create = {"create", "FIELD=VALUE... | --file FILE", "create customers", help, 1,
                          run};
