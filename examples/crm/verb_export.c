/* SPDX-License-Identifier: MIT
 * crm export: customers, events or the journal for other programs.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: " TOOL " export [FILE] --reason TEXT [--format csv|jsonl|vcard] [--fields NAMES]\n"
    "       " TOOL " export [FILE] --reason TEXT --events [--format csv|jsonl] [--fields NAMES]\n"
    "       " TOOL " export [FILE] --reason TEXT --journal [--format csv|jsonl]\n"
    "\n"
    "Writes customers, their events, or the journal, as of this moment, to a file or standard\n"
    "output; others may go on working. It holds what a list would show: no deleted customers.\n"
    "Before the first line leaves, the journal gets an entry with the reason.\n"
    "\n"
    "  --reason TEXT     why, for the journal\n"
    "  --purpose NAME    what it is for, for the journal; --channel NAME: by which channel\n"
    "  --format F        csv, jsonl (a JSON document a line) or vcard; else by the name of\n"
    "                    FILE (.csv .tsv .jsonl .ndjson .vcf .vcard); without a suffix\n"
    "                    csv, and jsonl with --json to standard output\n"
    "  --events          events in force, with the id of their customer; with --format jsonl\n"
    "                    and --with-events they stand in the documents of customers instead\n"
    "  --journal         every entry, as '" TOOL " changes --json' prints them, or in rows\n"
    "  --fields NAMES    of CSV: columns in order, separated by commas; also id, kind,\n"
    "                    revision, created_at, updated_at, tags, tag:region (those of a\n"
    "                    dimension); external@erp is one source's\n"
    "  --where QUERY     only customers of a segment, or their events, see segment; @FILE, or\n"
    "                    - for standard input; the journal keeps it with the reason\n"
    "  --kind KIND       only persons or organisations\n"
    "  --with-events     jsonl: customers with their events\n"
    "  --with-origins    jsonl: customers with source and time of each value\n"
    "  --labels          csv: names of columns, and values that have labels, in the language\n"
    "                    of --lang\n"
    "  --separator C     csv: another than the comma; tab for a tab\n"
    "  --excel           csv: begin with a byte order mark, and keep cells from being run as\n"
    "                    formulas; such a file is for people, not to be imported again\n"
    "  --bom             csv: only the byte order mark\n"
    "  --force           put it in the place of a file of that name\n"
    "  --no-journal      of a database that can't be written to, which then does not know\n"
    "\n"
    "A file is made aside and gets its name when it is whole. Customers exported as CSV or JSON\n"
    "Lines and imported again are found by number or identity, and unchanged.\n"
    "\n"
    "Examples\n"
    "  " TOOL " export customers.csv --reason 'newsletter of May'\n"
    "  " TOOL " export --format jsonl --with-events --reason audit | gzip >all.jsonl.gz\n"
    "  " TOOL " export 客户.csv --fields 姓名,电话 --labels --excel --reason 回访\n"
    "  " TOOL " export call.csv --where 'score >= 700 and phone is not empty' --reason calls\n"
    "  " TOOL " export orders.csv --events --fields customer,time,amount --reason report\n";

typedef struct exporting {
    tool *t;
    progress bar;
    crm_export_options o;
    const char *format, *separator, *where;
    query q;
    int events, journal, with_events, with_origins, labels, excel, bom, force, plain;
} exporting;

static int on_progress(uint64_t done, uint64_t total, void *ctx)
{
    exporting *x = ctx;

    progress_step(&x->bar, done, total, done);
    return interrupted() || out_failed();
}

static int on_write(const void *bytes, size_t n, void *ctx)
{
    exporting *x = ctx;

    if (out_is_terminal()) {
        progress_clear(&x->bar);
        out_raw(bytes, n);
    } else {
        out_put(bytes, n);
    }
    return interrupted() || out_failed();
}

static int ends_with(const char *file, const char *with)
{
    size_t n = strlen(file), m = strlen(with);

    return n > m && strcmp(file + n - m, with) == 0;
}

static int has_suffix(const char *file)
{
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    const char *dot = strrchr(name, '.');

    return dot && dot > name;
}

/* 0, or an exit code after a message. */
static int choose_format(exporting *x, const char *file)
{
    static const struct {
        const char *word, *end, *other;
        uint32_t format;
    } FORMATS[] = {{"csv", ".csv", ".tsv", CRM_EXPORT_CSV},
                   {"jsonl", ".jsonl", ".ndjson", CRM_EXPORT_JSONL},
                   {"vcard", ".vcf", ".vcard", CRM_EXPORT_VCARD}};

    for (size_t i = 0; i < sizeof(FORMATS) / sizeof(FORMATS[0]); i++) {
        if (x->format
                ? strcmp(x->format, FORMATS[i].word) == 0
                : file && (ends_with(file, FORMATS[i].end) || ends_with(file, FORMATS[i].other)))
            x->o.format = FORMATS[i].format;
    }
    if (x->format && !x->o.format)
        return fail_usage(x->t, "--format is csv, jsonl or vcard");
    if (!x->o.format && file && has_suffix(file))
        return fail_usage(x->t,
                          "the name of the file tells no format: .csv, .tsv, .jsonl, .ndjson, "
                          ".vcf and .vcard do, or --format csv, jsonl or vcard");
    if (!x->o.format && !file && x->t->json)
        x->o.format = CRM_EXPORT_JSONL;
    if (!x->o.format)
        x->o.format =
            x->journal || x->with_events || x->with_origins ? CRM_EXPORT_JSONL : CRM_EXPORT_CSV;
    if (x->separator && strcmp(x->separator, "tab") == 0)
        x->separator = "\t";
    if (x->separator && strlen(x->separator) != 1)
        return fail_usage(x->t, "--separator is one character, or tab");
    if (x->separator)
        x->o.separator = (unsigned char)x->separator[0];
    else if (file && ends_with(file, ".tsv") && x->o.format == CRM_EXPORT_CSV)
        x->o.separator = '\t';
    return 0;
}

static int choose(exporting *x, const char *file)
{
    tool *t = x->t;
    int rc = choose_format(x, file);

    if (rc)
        return rc;
    if (!x->o.reason || !*x->o.reason)
        return fail_usage(t, "--reason is needed: why it is handed out, for the journal");
    if (x->events && x->journal)
        return fail_usage(t, "--events and --journal don't go together");
    if (x->journal && x->where)
        return fail_usage(t, "the journal is exported as a whole");
    x->o.what = x->events    ? CRM_EXPORT_EVENTS
                : x->journal ? CRM_EXPORT_JOURNAL
                             : CRM_EXPORT_CUSTOMERS;
    x->o.flags = (x->with_events ? CRM_EXPORT_WITH_EVENTS : 0) |
                 (x->with_origins ? CRM_EXPORT_WITH_ORIGINS : 0) |
                 (x->bom || x->excel ? CRM_EXPORT_BOM : 0) | (x->excel ? CRM_EXPORT_DEFORMULA : 0) |
                 (x->force ? CRM_EXPORT_REPLACE : 0) | (x->plain ? CRM_EXPORT_READONLY : 0);
    x->o.lang = x->labels ? t->lang : NULL;
    x->o.actor = t->write.actor;
    x->o.zone = t->write.zone;
    x->o.progress = on_progress;
    x->o.progress_ctx = x;
    if (!file) {
        x->o.write = on_write;
        x->o.write_ctx = x;
    }
    return 0;
}

static void put_result(tool *t, const char *file, const crm_export_result *r)
{
    buf b = {0};

    if (t->json) {
        buf_str(&b, "{\"file\":");
        json_string(&b, file, strlen(file));
        buf_fmt(&b, ",\"rows\":%" PRIu64 ",\"revision\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
                r->rows, r->revision, r->bytes);
        out_json(b.p, b.n);
    } else {
        buf_str(&b, "exported ");
        buf_count(&b, r->rows);
        buf_str(&b, r->rows == 1 ? " row to " : " rows to ");
        text_clean(&b, file, strlen(file));
        buf_str(&b, " (");
        buf_size(&b, r->bytes);
        buf_char(&b, ')');
        out_line(b.p, b.n);
    }
    buf_free(&b);
}

/* What can't be exported, in the words of the tool. */
static int fail_export(exporting *x, const char *file, crm_error *err)
{
    if (err->code == CRM_EIO && !file && (interrupted() || out_failed())) /* told at the end */
        return interrupted() ? TOOL_INTERRUPTED : TOOL_SYSTEM;
    if (err->code == CRM_EEXISTS)
        return fail(x->t, err->code, "there is a file %s already (--force replaces it)", file);
    if (x->where && err->offset >= 0)
        return query_misread(&x->q, err);
    return fail_crm(x->t, err);
}

/* ---- whether it comes back ---- */

/* Appends a name to a list: "a, b". */
static void list_name(buf *list, const char *name, size_t n)
{
    buf_str(list, list->n ? ", " : "");
    text_clean(list, name, n);
}

typedef struct coming_back {
    buf lost, other, sources, found_by;
    int by_id;
} coming_back;

static void judge_column(exporting *x, crm_txn *txn, slice column, coming_back *c)
{
    buf name = {0}, use = {0}, key = {0};
    crm_field f = {0};
    size_t bare;

    json_text(&name, json_member(column, "column"));
    json_text(&use, json_member(column, "use"));
    json_text(&key, json_member(column, "field"));
    bare = strcspn(name.p, "@");
    if (strcmp(use.p, "id") == 0)
        c->by_id = 1;
    if (strcmp(use.p, "none") == 0 || strcmp(use.p, "left_out") == 0) {
        list_name(&c->lost, name.p, name.n);
    } else if (strcmp(use.p, "field") == 0 && key.n) {
        if (!x->labels && (key.n != bare || memcmp(key.p, name.p, bare) != 0))
            buf_fmt(&c->other, "%s%s as %s", c->other.n ? ", " : "", name.p, key.p);
        if (!crm_field_find(txn, key.p, key.n, &f, NULL) && !name.p[bare] &&
            f.flags & CRM_FIELD_PER_SOURCE)
            list_name(&c->sources, name.p, name.n);
        else if (f.flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE))
            list_name(&c->found_by, name.p, name.n);
    }
    buf_free(&name);
    buf_free(&use);
    buf_free(&key);
}

static void tell_columns(exporting *x, crm_import *imp)
{
    coming_back c = {0};
    slice mapping = {NULL, 0}, columns, key, column;
    size_t pos = 0;
    crm_txn *txn;
    char *json;

    if (crm_import_mapping_json(imp, &json, &mapping.n, NULL))
        return;
    mapping.p = json;
    columns = json_member(mapping, "columns");
    if (!begin(x->t, CRM_READ, &txn)) {
        while (json_next(columns, &pos, &key, &column))
            judge_column(x, txn, column, &c);
        crm_txn_abort(txn);
    }
    crm_free(json);
    if (c.lost.n)
        note(x->t, "imported again, it leaves out: %s", c.lost.p);
    if (c.other.n)
        note(x->t, "imported again, it has %s", c.other.p);
    if (c.sources.n)
        note(x->t, "imported again, values of %s lose their source: choose %s@SOURCE", c.sources.p,
             c.sources.p);
    if (!x->events && !c.by_id && c.found_by.n)
        note(x->t,
             "imported again, customers are found by %s, and those without are not: begin with "
             "id,kind",
             c.found_by.p);
    buf_free(&c.lost);
    buf_free(&c.other);
    buf_free(&c.sources);
    buf_free(&c.found_by);
}

/* With chosen columns a file may not come back as it went: says so, by what import makes of it. */
static void tell_way_back(exporting *x, const char *file)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_import *imp;
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    o.flags = x->events ? CRM_IMPORT_EVENTS : 0;
    if (crm_import_open(x->t->db, fd, &o, &imp, &err) == CRM_OK)
        tell_columns(x, imp);
    else if (err.code == CRM_EFIELD)
        note(x->t, "it can't be imported again: %s%s", err.message,
             x->events ? "" : " (columns that begin with id,kind always can)");
    crm_import_close(imp);
    close(fd);
}

/* The query, which may be the name of a saved segment, as the library takes it. */
static int read_where(exporting *x)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    char *text;
    int rc = begin(x->t, CRM_READ, &txn);

    if (rc)
        return rc;
    rc = query_parse(&x->q, txn);
    if (!rc && crm_segment_text(x->q.segment, &text, NULL, &err)) {
        rc = fail_crm(x->t, &err);
    } else if (!rc) {
        x->q.text.n = 0;
        buf_str(&x->q.text, text);
        crm_free(text);
    }
    crm_txn_abort(txn);
    return rc;
}

static int export_to(exporting *x, const char *file)
{
    crm_error err = CRM_ERROR_INIT;
    tool *t = x->t;
    crm_export_result result;
    crm_txn *txn = NULL;
    int rc = x->where ? query_read(&x->q, t, x->where) : 0;

    if (!rc && !t->db)
        rc = x->plain ? open_read(t) : open_write(t, MAKE_NOT);
    if (!rc && x->o.zone)
        rc = begin(t, CRM_READ, &txn); /* judges the zone */
    crm_txn_abort(txn);
    if (!rc && x->where)
        rc = read_where(x);
    if (rc)
        return rc;
    x->o.where = x->where ? x->q.text.p : NULL;
    interrupt_catch();
    progress_start(x->t, &x->bar, x->journal ? "entries" : "customers");
    t->bar = &x->bar;
    rc = crm_export(t->db, file, &x->o, sizeof(result), &result, &err);
    progress_clear(&x->bar);
    t->bar = NULL;
    if (rc)
        return fail_export(x, file, &err);
    if (file)
        put_result(t, file, &result);
    if (file && x->o.fields && x->o.format == CRM_EXPORT_CSV && !x->excel)
        tell_way_back(x, file);
    return 0;
}

static int run_export(tool *t, int argc, char **argv, int of_segment)
{
    exporting x = {.t = t, .o = CRM_EXPORT_OPTIONS_INIT};
    const arg_option own[] = {{"reason", 0, ARG_TEXT, &x.o.reason},
                              {"purpose", 0, ARG_TEXT, &x.o.purpose},
                              {"channel", 0, ARG_TEXT, &x.o.channel},
                              {"where", 0, ARG_TEXT, &x.where},
                              {"format", 0, ARG_TEXT, &x.format},
                              {"events", 0, ARG_FLAG, &x.events},
                              {"journal", 0, ARG_FLAG, &x.journal},
                              {"fields", 0, ARG_TEXT, &x.o.fields},
                              {"kind", 0, ARG_TEXT, &x.o.kind},
                              {"with-events", 0, ARG_FLAG, &x.with_events},
                              {"with-origins", 0, ARG_FLAG, &x.with_origins},
                              {"labels", 0, ARG_FLAG, &x.labels},
                              {"separator", 0, ARG_TEXT, &x.separator},
                              {"excel", 0, ARG_FLAG, &x.excel},
                              {"bom", 0, ARG_FLAG, &x.bom},
                              {"force", 0, ARG_FLAG, &x.force},
                              {"no-journal", 0, ARG_FLAG, &x.plain},
                              {NULL, 0, 0, NULL}};
    const char *file;
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (of_segment) {
        if (!argc || x.where)
            return fail_usage(t, "export needs one QUERY, in quotes, then the name of a file");
        x.where = argv[0];
        argv++;
        argc--;
    }
    if (argc > 1)
        return fail_usage(t, "takes the name of one file");
    file = argc && strcmp(argv[0], "-") != 0 ? argv[0] : NULL;
    rc = choose(&x, file);
    if (!rc)
        rc = export_to(&x, file);
    query_free(&x.q);
    return rc;
}

static int run(tool *t, int argc, char **argv)
{
    return run_export(t, argc, argv, 0);
}

int segment_export(tool *t, int argc, char **argv)
{
    return run_export(t, argc, argv, 1);
}

/* Whether the folder of a file can be written to: 0 or errno. */
static int no_folder(const char *file)
{
    const char *slash = strrchr(file, '/');
    buf dir = {0};
    int rc;

    buf_add(&dir, file, slash ? (size_t)(slash - file) + 1 : 0);
    rc = access(slash ? dir.p : ".", W_OK | X_OK) ? errno : 0;
    buf_free(&dir);
    return rc;
}

int export_named(tool *t, const char *name, const char *file, const char *reason, int look)
{
    exporting x = {.t = t, .o = CRM_EXPORT_OPTIONS_INIT};
    buf where = {0};
    int rc;

    x.o.reason = reason;
    buf_str(&where, "segment(");
    json_string(&where, name, strlen(name));
    buf_char(&where, ')');
    x.where = where.p;
    rc = strcmp(file, "-") == 0 ? fail_usage(t, "--export needs the name of a file")
                                : choose(&x, file);
    if (!rc && look && access(file, F_OK) == 0)
        rc = fail(t, CRM_EEXISTS, "there is a file %s already", file);
    else if (!rc && look && (rc = no_folder(file)))
        rc = fail(t, CRM_EIO, "can't write %s: %s", file, strerror(rc));
    else if (!rc && !look)
        rc = export_to(&x, file);
    query_free(&x.q);
    buf_free(&where);
    return rc;
}

const verb verb_export = {"export", "[FILE]", "customers, events, journal for other programs",
                          help,     1,        run};
