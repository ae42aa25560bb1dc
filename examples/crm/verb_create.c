/* SPDX-License-Identifier: MIT
 * crm create: one customer from arguments, or many from a file of JSON Lines.
 *
 * A file is taken in batches.  Lines are read first and written then, so that no transaction stays
 * open while a pipe keeps us waiting.  A failed line changes nothing (the library promises it), so
 * the others of its batch go on without a savepoint.  --atomic and --dry-run keep one transaction
 * over all.
 */
#include "tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " create FIELD=VALUE... [--upsert] [--dry-run]\n"
    "       " TOOL " create --file FILE [--upsert] [--atomic] [--dry-run]\n"
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
    "  --dry-run           do it, then take it back\n"
    "\n"
    "A bad line is told with file, line and field, and the others go on: exit code 1. Lines\n"
    "are written 10,000 at a time; Ctrl-C ends after those in work and says how far it came.\n"
    "A line may have 16 MiB.\n"
    "\n"
    "Examples\n"
    "  " TOOL " create name='Li Na' phone='+86 138 0013 8000' phone+=+8613900139000\n"
    "  " TOOL " create 姓名=张伟 电话='138 0013 8000' 城市=上海\n"
    "  " TOOL " create kind=organisation name='Shop Ltd' external@erp=10023\n"
    "  " TOOL " create --file customers.jsonl --dry-run\n"
    "  " TOOL " create --file - --upsert --source web-form < customers.jsonl\n";

enum { BATCH_LINES = 10000, BATCH_BYTES = 8 << 20 };

typedef struct options {
    const char *file;
    int upsert, atomic, dry_run;
} options;

typedef struct counts {
    uint64_t created, updated, unchanged, bad;
} counts;

/* Writes one document and counts what became of it. */
static int write_document(crm_txn *txn, const options *o, const char *json, size_t n, crm_id *id,
                          counts *sum, crm_error *err)
{
    uint64_t before = crm_txn_revision(txn);
    int created = 1;
    int rc = o->upsert ? crm_customer_upsert_json(txn, json, n, id, &created, err)
                       : crm_customer_create_json(txn, json, n, id, err);

    if (rc)
        return rc;
    if (created)
        sum->created++;
    else if (crm_txn_revision(txn) != before)
        sum->updated++;
    else
        sum->unchanged++;
    return 0;
}

/* Tells why a document was refused: all its faults, where the library can list them. */
static void tell_faults(tool *t, crm_txn *txn, const options *o, const place *at, const char *json,
                        size_t n, crm_error *err)
{
    int listed = err->code == CRM_EVALUE || err->code == CRM_EFIELD || err->code == CRM_EEXISTS;

    if (listed && report_faults(t, txn, at, json, n, o->upsert ? CRM_EEXISTS : CRM_OK))
        return;
    if (!at)
        err->offset = -1; /* of a document nobody has seen */
    report(t, at, NULL, err);
}

/* ---- one customer ---- */

static void put_created(tool *t, crm_id id, const counts *sum, int dry_run)
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

static int create_one(tool *t, const options *o, int argc, char **argv)
{
    crm_error err = CRM_ERROR_INIT;
    counts sum = {0, 0, 0, 0};
    crm_txn *txn;
    crm_id id = 0;
    buf json = {0};
    int rc;

    if ((rc = open_write(t, !o->dry_run)) || (rc = begin(t, CRM_WRITE, &txn)))
        return rc;
    rc = pairs_document(t, txn, argc, argv, 0, 0, &json);
    if (!rc && write_document(txn, o, json.p, json.n, &id, &sum, &err)) {
        rc = exit_code_of(err.code);
        tell_faults(t, txn, o, NULL, json.p, json.n, &err);
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

/* ---- a file ---- */

typedef struct batch_line {
    size_t at, n;
    uint64_t number;
    int bad; /* the text is why it can't be read */
} batch_line;

typedef struct load {
    tool *t;
    const options *o;
    lines in;
    crm_txn *txn; /* open between batches only with --atomic and --dry-run */
    buf text;
    batch_line *batch;
    size_t count;
    counts done;
    uint64_t last; /* last line that was dealt with */
    progress bar;
    int ended, stopped, advised;
} load;

static void keep(load *l, const char *s, size_t n, int bad)
{
    batch_line *line = &l->batch[l->count++];

    line->at = l->text.n;
    line->n = n;
    line->number = l->in.line;
    line->bad = bad;
    buf_add(&l->text, s, n);
}

/* Reads lines into the batch, until it is full or the input has no more for the moment. */
static int gather(load *l)
{
    slice line;

    l->count = l->text.n = 0;
    while (l->count < BATCH_LINES && l->text.n < BATCH_BYTES) {
        int got = lines_next(&l->in, l->count == 0, &line);
        if (got == LINES_LINE)
            keep(l, line.p, line.n, 0);
        else if (got == LINES_BAD)
            keep(l, l->in.why, strlen(l->in.why), 1);
        else if (got == LINES_ERROR)
            return fail(l->t, CRM_EIO, "can't read %s: %s", l->in.file, strerror(errno));
        else if (got == LINES_STOP)
            return l->stopped = 1, 0;
        else if (got == LINES_END)
            return l->ended = 1, 0;
        else
            return 0;
    }
    return 0;
}

/* One line of the batch.  An exit code ends the load: the database failed, not the line. */
static int write_line(load *l, const batch_line *line, counts *sum)
{
    place at = {l->in.file, line->number};
    const char *json = l->text.p + line->at;
    crm_error err = CRM_ERROR_INIT;
    buf advice = {0};
    int code;

    if (line->bad) {
        size_t n = line->n < sizeof(err.message) ? line->n : sizeof(err.message) - 1;
        err.code = CRM_ESYNTAX;
        memcpy(err.message, json, n);
        progress_clear(&l->bar);
        report(l->t, &at, NULL, &err);
        sum->bad++;
        return 0;
    }
    if (!write_document(l->txn, l->o, json, line->n, NULL, sum, &err))
        return 0;
    progress_clear(&l->bar);
    code = exit_code_of(err.code);
    if (code == TOOL_SYSTEM) {
        report(l->t, &at, NULL, &err);
        return code;
    }
    tell_faults(l->t, l->txn, l->o, &at, json, line->n, &err);
    if (!l->advised && !text_valid(json, line->n) && text_advice(&advice, at.file, json, line->n))
        l->advised = 1, note(l->t, "%s", advice.p);
    buf_free(&advice);
    sum->bad++;
    return 0;
}

static void add_counts(counts *to, const counts *more)
{
    to->created += more->created;
    to->updated += more->updated;
    to->unchanged += more->unchanged;
    to->bad += more->bad;
}

/* Writes the batch in a transaction of its own, or in the one of the whole load. */
static int write_batch(load *l)
{
    int whole = l->o->atomic || l->o->dry_run, rc = 0;
    counts sum = {0, 0, 0, 0};

    if (!l->txn && (rc = begin(l->t, CRM_WRITE, &l->txn)))
        return rc;
    for (size_t i = 0; i < l->count && !rc; i++) {
        rc = write_line(l, &l->batch[i], &sum);
        progress_step(&l->bar, l->in.read, l->in.total, l->batch[i].number);
        if (whole && interrupted())
            l->stopped = 1;
        if (l->stopped)
            break;
    }
    if (!rc && !whole) {
        rc = commit(l->t, l->txn);
        l->txn = NULL;
    }
    if (rc) {
        crm_txn_abort(l->txn);
        l->txn = NULL;
        if (!whole)
            note(l->t, "lines %" PRIu64 " to %" PRIu64 " were not written", l->batch[0].number,
                 l->batch[l->count - 1].number);
        return rc;
    }
    add_counts(&l->done, &sum);
    l->last = l->batch[l->count - 1].number;
    return 0;
}

/* Ends the transaction of the whole load. */
static int finish_whole(load *l, int rc)
{
    if (l->txn && !rc && !l->stopped && !l->o->dry_run && !l->done.bad) {
        rc = commit(l->t, l->txn);
        l->txn = NULL;
        if (!rc)
            return 0;
    }
    crm_txn_abort(l->txn);
    l->txn = NULL;
    if (!l->o->dry_run) {
        note(l->t, "nothing was written%s", l->done.bad && !rc ? ", because of the bad lines" : "");
        l->done.created = l->done.updated = l->done.unchanged = 0;
    }
    return rc;
}

static void put_summary(const load *l)
{
    const counts *n = &l->done;
    buf b = {0};

    if (l->t->json) {
        buf_fmt(&b,
                "{\"created\":%" PRIu64 ",\"updated\":%" PRIu64 ",\"unchanged\":%" PRIu64
                ",\"bad\":%" PRIu64 ",\"last_line\":%" PRIu64 ",\"interrupted\":%s,\"dry_run\":%s}",
                n->created, n->updated, n->unchanged, n->bad, l->last,
                l->stopped ? "true" : "false", l->o->dry_run ? "true" : "false");
    } else {
        if (l->o->dry_run)
            buf_str(&b, "dry run: ");
        buf_count(&b, n->created);
        buf_str(&b, " created");
        if (l->o->upsert) {
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

/* What is no JSON Lines at all is told once, before anything is made. */
static int judge_file(tool *t, lines *in)
{
    slice head = lines_head(in);
    buf advice = {0};
    int rc = 0;

    if (text_magic(&advice, in->file, head.p, head.n))
        rc = fail(t, CRM_ESYNTAX, "%s", advice.p);
    else if (head.n && head.p[0] == '[')
        rc = fail(t, CRM_ESYNTAX,
                  "%s begins with '[': one document a line is wanted, e.g. jq -c '.[]'", in->file);
    buf_free(&advice);
    return rc;
}

static int create_file(tool *t, const options *o)
{
    int whole = o->atomic || o->dry_run, rc;
    load l;

    memset(&l, 0, sizeof(l));
    l.t = t;
    l.o = o;
    if ((rc = lines_open(t, &l.in, o->file)))
        return rc;
    interrupt_catch();
    if ((rc = judge_file(t, &l.in)) || (rc = open_write(t, !o->dry_run))) {
        lines_close(&l.in);
        return rc;
    }
    l.batch = xrealloc(NULL, BATCH_LINES * sizeof(batch_line));
    progress_start(&l.bar, "lines");
    while (!rc && !l.ended && !l.stopped) {
        rc = gather(&l);
        if (!rc && l.count && !l.stopped)
            rc = write_batch(&l);
        if (interrupted() && (whole || !l.ended))
            l.stopped = 1;
    }
    progress_clear(&l.bar);
    if (whole)
        rc = finish_whole(&l, rc);
    if (l.stopped && !whole)
        note(t, "interrupted after line %" PRIu64, l.last);
    else if (l.stopped)
        note(t, "interrupted");
    put_summary(&l);
    free(l.batch);
    buf_free(&l.text);
    lines_close(&l.in);
    if (!rc && l.stopped)
        rc = TOOL_INTERRUPTED;
    return !rc && l.done.bad ? TOOL_MISSING : rc;
}

static int run(tool *t, int argc, char **argv)
{
    options o = {NULL, 0, 0, 0};
    const arg_option own[] = {{"file", 'f', ARG_TEXT, &o.file},
                              {"upsert", 0, ARG_FLAG, &o.upsert},
                              {"atomic", 0, ARG_FLAG, &o.atomic},
                              {"dry-run", 0, ARG_FLAG, &o.dry_run},
                              {NULL, 0, 0, NULL}};
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
