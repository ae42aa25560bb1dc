/* SPDX-License-Identifier: MIT
 * crm event: adds events to the timelines of customers, one from arguments or many from a file of
 * JSON Lines, and voids them.
 */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " event add WHO kind=KIND [time=TIME] [ATTRIBUTE=VALUE]...\n"
    "                 [--reference REF] [--batch[=NAME]] [--dry-run]\n"
    "       " TOOL " event add [WHO] --file FILE [--atomic] [--batch[=NAME]] [--dry-run]\n"
    "       " TOOL " event void WHO NUMBER... [--batch[=NAME]]\n"
    "\n"
    "Adds an event to a customer's timeline and prints its number, or many from a file of\n"
    "JSON Lines ('-': standard input) and prints counts. void takes events back: they stay\n"
    "stored and count no more.\n"
    "\n"
    "  WHO                 an id, FIELD=VALUE or a value, see get\n"
    "  kind=KIND           a kind of the model, by key or label; '" TOOL
    " model events' lists them\n"
    "  time=TIME           when it happened, also later or earlier; without it: now\n"
    "  ATTRIBUTE=VALUE     of the kind, named by key or label\n"
    "  voids=NUMBER        a correction: the event of that number counts no more\n"
    "  --reference REF     the source's own name for it, e.g. the number of the order: what\n"
    "                      was sent before is not stored again\n"
    "  -f, --file FILE     each line an event, e.g. {\"customer\":17,\"kind\":\"order\",...};\n"
    "                      member customer is an id or WHO; it stays out with WHO here\n"
    "                      a line that has a number, as timeline --json writes, names by voids\n"
    "                      a line before it; what was added before is known again\n"
    "  --atomic            all lines or none; holds the database for writing meanwhile\n"
    "  --batch[=NAME]      make it one batch, which undo takes back\n"
    "  --dry-run           do it, then take it back\n"
    "\n"
    "A bad line is told with file, line and attribute, and the others go on: exit code 1. The\n"
    "first 10 are told, with --json all; a file whose first 100 lines are bad is left, but not\n"
    "with --json.\n"
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
    int atomic, dry_run;
    crm_id id; /* of all lines; 0: each names its own */
    numbers numbers;
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

/* Overwrites a member of the document with spaces, so that positions stay right. */
static void blank(char *doc, size_t n, size_t from, size_t to)
{
    size_t after = to;

    while (after < n && (doc[after] == ' ' || doc[after] == '\t'))
        after++;
    if (after < n && doc[after] == ',') {
        to = after + 1;
    } else {
        while (from && (doc[from - 1] == ' ' || doc[from - 1] == '\t'))
            from--;
        if (from && doc[from - 1] == ',')
            from--;
    }
    memset(doc + from, ' ', to - from);
}

/* Why there is no customer to be seen in a line: perhaps it is no JSON. */
static int no_customer(tool *t, crm_txn *txn, slice doc)
{
    if (doc.p[strspn(doc.p, " \t")] != '{')
        return fail(t, CRM_ESYNTAX, "JSON: an event is an object");
    if (report_syntax(t, txn, doc.p, doc.n))
        return TOOL_INPUT;
    return fail(t, CRM_EVALUE,
                "customer: is required: an id, or an identity such as \"phone=...\"");
}

/* Takes the member customer out of a line, and finds whom it means. */
static int line_customer(tool *t, crm_txn *txn, slice doc, buf *rest, crm_id *id)
{
    slice key, value;
    size_t pos = 0;
    buf who = {0};
    int rc;

    while (json_next(doc, &pos, &key, &value) && !slice_is(key, "customer"))
        ;
    if (!slice_is(key, "customer") || !value.n)
        return no_customer(t, txn, doc);
    json_text(&who, value);
    rc = target_one(t, txn, who.p ? who.p : "", id);
    buf_free(&who);
    buf_add(rest, doc.p, doc.n);
    blank(rest->p, rest->n, (size_t)(key.p - 1 - doc.p), (size_t)(value.p + value.n - doc.p));
    return rc;
}

/* Adds the event of a line, unless it is there. */
static int add_line(tool *t, crm_txn *txn, numbers *all, crm_id id, slice doc, load_counts *sum)
{
    crm_error err = CRM_ERROR_INIT;
    numbered line = {0};
    uint32_t got = 0;
    int rc = numbers_read(t, txn, all, id, doc, &line), result = CRM_DONE;

    if (!rc && line.number)
        got = numbers_known(t, txn, all, id, &line);
    if (!rc && !got)
        result = crm_event_add_json(txn, id, line.text.p, line.text.n, &got, &err);
    if (result == CRM_ESYNTAX && line.voids) /* told of the text as it was, where positions fit */
        result = crm_event_add_json(txn, id, doc.p, doc.n, &got, &err);
    if (result == CRM_EEXISTS && line.voids && slice_is(json_member(doc, "kind"), "\"void\""))
        result = CRM_DONE; /* what it takes back was taken back before */
    if (!rc && result < 0)
        rc = fail_crm(t, &err);
    if (!rc) {
        sum->created += result == CRM_OK;
        sum->unchanged += result == CRM_DONE;
        if (line.number && got)
            numbers_put(all, id, line.number, got);
    }
    buf_free(&line.text);
    return rc;
}

static int write_line(load *l, crm_txn *txn, slice doc, load_counts *sum)
{
    options *o = l->ctx;
    crm_id id = o->id;
    buf json = {0};
    int rc = 0;

    if (id && !json_member(doc, "customer").n) {
        buf_add(&json, doc.p, doc.n);
    } else {
        rc = line_customer(l->t, txn, doc, &json, &id);
        if (!rc && o->id && id != o->id)
            rc = fail(l->t, CRM_EVALUE, "customer: is another one than all lines are of");
    }
    if (!rc) {
        slice line = {json.p, json.n};
        rc = add_line(l->t, txn, &o->numbers, id, line, sum);
    }
    buf_free(&json);
    return rc;
}

static void put_summary(const load *l)
{
    buf b = {0};

    if (l->t->json) {
        buf_fmt(&b, "{\"added\":%" PRIu64 ",\"known\":%" PRIu64, l->done.created,
                l->done.unchanged);
        load_json(l, &b);
    } else {
        if (l->dry_run)
            buf_str(&b, "dry run: ");
        buf_count(&b, l->done.created);
        buf_str(&b, " added, ");
        buf_count(&b, l->done.unchanged);
        buf_str(&b, " known already, ");
        buf_count(&b, l->done.bad);
        buf_str(&b, " bad");
    }
    out_line(b.p, b.n);
    buf_free(&b);
}

/* The customer of all lines. */
static int find_customer(tool *t, const char *who, crm_id *id)
{
    crm_txn *txn;
    int rc = open_read(t);

    if (rc || (rc = begin(t, CRM_READ, &txn)))
        return rc;
    rc = target_one(t, txn, who, id);
    crm_txn_abort(txn);
    crm_db_close(t->db); /* the load opens it anew, when it has looked at the file */
    t->db = NULL;
    return rc;
}

static int add_file(tool *t, options *o, const char *who)
{
    load l = {.t = t, .write = write_line, .ctx = o};
    int rc = who ? find_customer(t, who, &o->id) : 0;

    if (rc)
        return rc;
    l.file = o->file;
    l.atomic = o->atomic;
    l.dry_run = o->dry_run;
    rc = load_run(&l);
    numbers_free(&o->numbers);
    if (l.ran)
        put_summary(&l);
    return load_code(&l, rc);
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
    const arg_option own[] = {
        {"file", 'f', ARG_TEXT, &o.file},     {"reference", 0, ARG_TEXT, &o.reference},
        {"atomic", 0, ARG_FLAG, &o.atomic},   {"batch", 0, ARG_BATCH, NULL},
        {"dry-run", 0, ARG_FLAG, &o.dry_run}, {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);
    const char *what;

    if (rc)
        return rc;
    what = argc ? argv[0] : "";
    if (strcmp(what, "void") == 0) {
        if (o.file || o.reference || o.atomic || o.dry_run)
            return fail_usage(t, "--file, --reference, --atomic and --dry-run are for add");
        if (argc < 3)
            return fail_usage(t, "void needs a customer and the number of an event");
        return void_events(t, argc - 1, argv + 1);
    }
    if (strcmp(what, "add") != 0)
        return fail_usage(t, "needs add or void");
    if (o.file && (argc > 2 || o.reference))
        return fail_usage(t, "either --file or ATTRIBUTE=VALUE");
    if (o.atomic && !o.file)
        return fail_usage(t, "--atomic goes with --file");
    if (o.file)
        return add_file(t, &o, argc > 1 ? argv[1] : NULL);
    if (argc < 3)
        return fail_usage(t, "add needs a customer and kind=KIND, or --file FILE");
    return add_one(t, &o, argc - 1, argv + 1);
}

const verb verb_event = {"event", "add | void", "add events to a timeline, void them", help,
                         1,       run};
