/* SPDX-License-Identifier: MIT
 * crm event: adds events to the timelines of customers, one from arguments or those of a file, as
 * import has them, and voids them.
 */
#include "importing.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " event add WHO kind=KIND [time=TIME] [ATTRIBUTE=VALUE]...\n"
    "                 [--reference REF] [--batch[=NAME]] [--dry-run]\n"
    "       " TOOL " event add [WHO] --file FILE [--atomic] [--batch[=NAME]] [--dry-run]\n"
    "                 [--errors FILE] [--resume]\n"
    "       " TOOL " event void WHO NUMBER... [--batch[=NAME]]\n"
    "\n"
    "Adds an event to a customer's timeline and prints its number; or those of a file, as\n"
    "'import --events' does, and prints its report. void takes events back: they stay stored\n"
    "and count no more.\n"
    "\n"
    "  WHO                 an id, FIELD=VALUE or a value, see get\n"
    "  kind=KIND           a kind of the model, by key or label; '" TOOL
    " model events' lists them\n"
    "  time=TIME           when it happened, also later or earlier; without it: now\n"
    "  ATTRIBUTE=VALUE     of the kind, named by key or label\n"
    "  voids=NUMBER        a correction: the event of that number counts no more\n"
    "  --reference REF     the source's own name for it, e.g. the number of the order: what\n"
    "                      was sent before is not stored again\n"
    "  -f, --file FILE     any that import takes, as a CSV with columns phone, kind, time ...;\n"
    "                      '-', standard input, has JSON Lines, each line an event, e.g.\n"
    "                      {\"customer\":17,\"kind\":\"order\",...}, where customer is an id or "
    "WHO.\n"
    "                      With WHO here rows and lines need not name their customer. A line\n"
    "                      that has a number, as timeline --json writes, names by voids a line\n"
    "                      before it. What was added before is known again. Of a table that\n"
    "                      needs more to be said, as its kind of events or which column is\n"
    "                      what: import FILE --events\n"
    "  --atomic            all rows or none; holds the database for writing meanwhile\n"
    "  --batch[=NAME]      one event: make it a batch, which undo takes back; a file is one\n"
    "                      always, and this its name\n"
    "  --dry-run           do it, then take it back\n"
    "  --errors FILE       bad rows go there, else beside the file\n"
    "  --resume            go on with a file that was cut short\n"
    "\n"
    "A bad row is told with file, line and attribute, and the others go on: exit code 1.\n"
    "An event that is voided already is a conflict: exit code 3.\n"
    "\n"
    "Examples\n"
    "  " TOOL " event add 17 kind=order amount='128.50 CNY' product=Tea --reference O-1001\n"
    "  " TOOL " event add 13800138000 kind=通话 方向=呼入 time=2026-03-01T09:30 --zone +08:00\n"
    "  " TOOL " event add --file orders.jsonl --source shop --batch=orders-march\n"
    "  " TOOL " timeline 17 --all --oldest --json > 17.jsonl\n"
    "  " TOOL " -C other.db event add 1 --file 17.jsonl\n"
    "  " TOOL " event void 17 3\n";

typedef struct options {
    const char *file, *reference;
    int dry_run;
} options;

/* ---- one event ---- */

/* voids=3 is the one member that is a number. */
static int put_voids(tool *t, slice value, buf *out)
{
    uint64_t number;

    if (args_number(value.p, &number) || !number)
        return fail_usage(t, "voids needs the number of an event");
    buf_fmt(out, "%" PRIu64, number);
    return 0;
}

static int put_member(tool *t, char **argv, int i, buf *out)
{
    const char *key;
    pair p, other;

    if (!text_valid(argv[i], strlen(argv[i])))
        return fail(t, CRM_EINVAL, "an argument is not UTF-8: %s", argv[i]);
    if (!pair_split(argv[i], &p))
        return fail_usage(t, "'%s' is not of the form ATTRIBUTE=VALUE", argv[i]);
    if (p.op != PAIR_SET || p.source.p)
        return fail_usage(t, "an event has one value of each attribute: write %.*s=VALUE",
                          (int)p.name.n, p.name.p);
    if (!p.value.n)
        return fail_usage(t, "%.*s has no value (leave it out)", (int)p.name.n, p.name.p);
    for (int k = 0; k < i; k++)
        if (pair_split(argv[k], &other) && other.name.n == p.name.n &&
            memcmp(other.name.p, p.name.p, p.name.n) == 0)
            return fail_usage(t, "%.*s is given twice", (int)p.name.n, p.name.p);
    key = built_in_key(p.name);
    if (key && strcmp(key, "kind") == 0) {
        json_key(out, key);
    } else {
        if (out->p[out->n - 1] != '{')
            buf_char(out, ',');
        json_string(out, p.name.p, p.name.n);
        buf_char(out, ':');
    }
    if (slice_is(p.name, "voids"))
        return put_voids(t, p.value, out);
    json_string(out, p.value.p, p.value.n);
    return 0;
}

int event_document(tool *t, const char *reference, int argc, char **argv, buf *out)
{
    int rc = 0;

    buf_char(out, '{');
    for (int i = 0; i < argc && !rc; i++)
        rc = put_member(t, argv, i, out);
    if (reference) {
        json_key(out, "reference");
        json_string(out, reference, strlen(reference));
    }
    buf_char(out, '}');
    return rc;
}

static void put_added(tool *t, crm_id id, uint32_t number, int added, int dry_run)
{
    buf b = {0};

    if (t->json)
        buf_fmt(&b, "{\"customer\":%" PRIu64 ",\"number\":%u,\"added\":%s,\"dry_run\":%s}", id,
                number, added ? "true" : "false", dry_run ? "true" : "false");
    else if (dry_run && added)
        buf_fmt(&b, "dry run: would add event %u to customer %" PRIu64, number, id);
    else
        buf_fmt(&b, "%u", number);
    out_line(b.p, b.n);
    buf_free(&b);
    if (!added && !t->json)
        note(t, "event %u of customer %" PRIu64 " has this source and reference: nothing was added",
             number, id);
}

static int add_one(tool *t, const options *o, int argc, char **argv)
{
    crm_error err = CRM_ERROR_INIT;
    uint32_t number = 0;
    int rc, result = 0;
    crm_txn *txn;
    crm_id id = 0;
    buf json = {0};

    if ((rc = open_write(t, 0)) || (rc = begin(t, CRM_WRITE, &txn)))
        return rc;
    rc = target_one(t, txn, argv[0], &id);
    if (!rc)
        rc = event_document(t, o->reference, argc - 1, argv + 1, &json);
    if (!rc && (result = crm_event_add_json(txn, id, json.p, json.n, &number, &err)) < 0) {
        err.offset = -1; /* of a document nobody has seen */
        rc = fail_crm(t, &err);
    }
    buf_free(&json);
    if (rc || o->dry_run)
        crm_txn_abort(txn);
    else
        rc = commit(t, txn);
    if (!rc)
        put_added(t, id, number, result == CRM_OK, o->dry_run);
    return rc;
}

/* ---- a file ---- */

/* The customer of all rows. */
static int find_customer(tool *t, const char *who, crm_id *id)
{
    crm_txn *txn;
    int rc = open_read(t);

    if (rc || (rc = begin(t, CRM_READ, &txn)))
        return rc;
    rc = target_one(t, txn, who, id);
    crm_txn_abort(txn);
    crm_db_close(t->db); /* the import opens it anew, for writing */
    t->db = NULL;
    return rc;
}

static int add_file(tool *t, const char *file, import_wishes *w, const char *who)
{
    int rc = who ? find_customer(t, who, &w->customer) : 0;

    return rc ? rc : import_documents(t, w, file);
}

/* ---- void ---- */

static int void_events(tool *t, int argc, char **argv)
{
    crm_error err = CRM_ERROR_INIT;
    uint64_t number;
    crm_txn *txn;
    crm_id id = 0;
    buf out = {0};
    int rc;

    for (int i = 1; i < argc; i++)
        if (args_number(argv[i], &number) || !number || number > UINT32_MAX)
            return fail_usage(t, "'%s' is no number of an event", argv[i]);
    if ((rc = open_write(t, 0)) || (rc = begin(t, CRM_WRITE, &txn)))
        return rc;
    rc = target_one(t, txn, argv[0], &id);
    for (int i = 1; i < argc && !rc; i++) {
        args_number(argv[i], &number);
        if (crm_event_void(txn, id, (uint32_t)number, &err))
            rc = fail_crm(t, &err);
        else if (t->json)
            buf_fmt(&out, "{\"customer\":%" PRIu64 ",\"voided\":%" PRIu64 "}\n", id, number);
        else
            buf_fmt(&out, "voided %" PRIu64 "\n", number);
    }
    if (rc)
        crm_txn_abort(txn);
    else
        rc = commit(t, txn);
    if (!rc)
        out_put(out.p, out.n);
    buf_free(&out);
    return rc;
}

static int run(tool *t, int argc, char **argv)
{
    options o = {0};
    import_wishes w = {0};
    const arg_option own[] = {
        {"file", 'f', ARG_TEXT, &o.file},     {"reference", 0, ARG_TEXT, &o.reference},
        {"atomic", 0, ARG_FLAG, &w.atomic},   {"batch", 0, ARG_BATCH, NULL},
        {"dry-run", 0, ARG_FLAG, &o.dry_run}, {"errors", 0, ARG_TEXT, &w.errors},
        {"resume", 0, ARG_FLAG, &w.resume},   {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);
    const char *what;

    if (rc)
        return rc;
    what = argc ? argv[0] : "";
    if (strcmp(what, "void") == 0) {
        if (o.file || o.reference || o.dry_run || w.atomic || w.errors || w.resume)
            return fail_usage(t, "--file, --reference, --atomic, --dry-run, --errors and --resume "
                                 "are for add");
        if (argc < 3)
            return fail_usage(t, "void needs a customer and the number of an event");
        return void_events(t, argc - 1, argv + 1);
    }
    if (strcmp(what, "add") != 0)
        return fail_usage(t, "needs add or void");
    if (o.file && (argc > 2 || o.reference))
        return fail_usage(t, "either --file or ATTRIBUTE=VALUE");
    if ((w.atomic || w.errors || w.resume) && !o.file)
        return fail_usage(t, "--atomic, --errors and --resume go with --file");
    w.events = 1;
    w.dry_run = o.dry_run;
    if (o.file)
        return add_file(t, o.file, &w, argc > 1 ? argv[1] : NULL);
    if (argc < 3)
        return fail_usage(t, "add needs a customer and kind=KIND, or --file FILE");
    return add_one(t, &o, argc - 1, argv + 1);
}

const verb verb_event = {"event", "add | void", "add events to a timeline, void them", help,
                         1,       run};
