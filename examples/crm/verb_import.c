/* SPDX-License-Identifier: MIT
 * crm import: customers or events of a file as people have it.
 */
#include "importing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "Usage: " TOOL " import FILE [OPTION...]\n"
    "       " TOOL " import FILE --show-mapping\n"
    "       " TOOL " import FILE --resume [OPTION...]\n"
    "\n"
    "Imports customers, or events, from CSV, XLSX, vCard or JSON Lines, "
    "compressed by gzip or\n"
    "not ('-': standard input). Columns are found by their names, in English "
    "and Chinese and as\n"
    "other programs call them; which column became which field is printed, "
    "with the counts.\n"
    "\n"
    "  --events            the rows are events; each finds its customer by any "
    "identity\n"
    "  --policy POLICY     upsert (the default): change those that exist, "
    "create the others;\n"
    "                      create: all are new; update: only those that exist; "
    "skip: only\n"
    "                      those that do not\n"
    "  --dry-run           do it, then take it back; the report is the same\n"
    "  --atomic            one transaction: all rows or none\n"
    "  --errors FILE       bad rows go there, else to FILE.errors.csv beside "
    "the file\n"
    "                      ('-': standard output)\n"
    "  --mapping FILE      which column is which field, as --show-mapping "
    "prints it\n"
    "  --show-mapping      print the mapping, and import nothing\n"
    "  --rename            a customer found by a phone or an e-mail takes the row's name;\n"
    "                      else a row with another name is bad: it may be somebody else\n"
    "  --kind KIND         of rows that do not say: person, organisation; a "
    "kind of events\n"
    "  --format FORMAT     csv, xlsx, vcard or jsonl; else found out\n"
    "  --encoding NAME     e.g. GB18030; else found out\n"
    "  --separator CHAR    of CSV: a character, or tab; else found out\n"
    "  --sheet NAME        of XLSX; else the first with a row\n"
    "  --resume            go on with an import of this file that was cut short, with the\n"
    "                      same policy, source, mapping, kind and zone. Rows may have come\n"
    "                      behind the others, else the file is as it was. Exit code 3 and why\n"
    "                      when there is nothing to go on with: then import it without\n"
    "  --of BATCH          the batch to resume, when standard input does not tell which\n"
    "  --commit-rows N     commit after N rows; else after 64 MB of changes, or\n"
    "                      an eighth of what was written to an empty database\n"
    "  --stats             rate, time of each stage, share of the journal\n"
    "\n"
    "All changes are one batch, which undo takes back. Importing the same file "
    "again changes\n"
    "nothing; an empty cell leaves what is stored.\n"
    "A bad row never stops the import: it goes to FILE.errors.csv with line, "
    "column, problem\n"
    "and what would be right. Put it right there, and import that file. The "
    "first 10 are told,\n"
    "with --json all. Exit code 1 when rows were bad. Ctrl-C ends after the "
    "row in work; the\n"
    "batch can be resumed or undone.\n"
    "\n"
    "Examples\n"
    "  " TOOL " import customers.csv\n"
    "  " TOOL " import 客户.xlsx --dry-run\n"
    "  " TOOL " import contacts.vcf --policy skip --source phone\n"
    "  " TOOL " import orders.csv --events --kind order --zone +08:00\n"
    "  " TOOL " import customers.csv --show-mapping > mapping.yaml\n"
    "  " TOOL " import customers.csv --mapping mapping.yaml\n";

enum { TOLD_ROWS = 10, MAPPING_BYTES = 1 << 20, SURE_PERCENT = 90 };

/* ---- callbacks ---- */

static void tell_fault(importing *g, const crm_import_bad *bad, const crm_import_fault *f)
{
    place at = {g->file, bad->line, 0};
    crm_error err = CRM_ERROR_INIT;
    buf b = {0};

    if (f->column < bad->column_count) {
        const crm_import_text *name = &bad->columns[f->column];
        buf_add(&b, name->p, name->n);
        buf_str(&b, ": ");
    } else if (*f->field) {
        buf_fmt(&b, "%s: ", f->field);
    }
    buf_str(&b, f->message);
    if (*f->hint && !strstr(f->message, "expected"))
        buf_fmt(&b, tr(g->t, " (right: %s)"), f->hint);
    err.code = f->code;
    strncpy(err.field, f->field, sizeof(err.field) - 1);
    strncpy(err.message, b.p, sizeof(err.message) - 1);
    report(g->t, &at, NULL, &err);
    buf_free(&b);
}

static int on_bad(const crm_import_bad *bad, void *ctx)
{
    importing *g = ctx;

    if (g->t->json || g->told < TOLD_ROWS) {
        for (size_t i = 0; i < bad->fault_count; i++)
            tell_fault(g, bad, &bad->faults[i]);
        g->told++;
    } else {
        g->untold++;
    }
    g->rc = badrows_add(&g->bad, bad);
    return g->rc;
}

static int on_commit(uint64_t *mark, void *ctx)
{
    importing *g = ctx;

    g->rc = badrows_mark(&g->bad, mark);
    if (!g->rc && g->t->draft)
        g->rc = draft_settle(g->t);
    return g->rc;
}

static int on_progress(uint64_t bytes, uint64_t total, uint64_t rows, void *ctx)
{
    importing *g = ctx;

    progress_step(&g->bar, bytes, total, rows);
    return interrupted();
}

/* ---- the work ---- */

static int read_policy(importing *g)
{
    static const char *const NAMES[] = {"upsert", "create", "update", "skip"};
    const char *name = g->o->policy;

    if (!name)
        return 0;
    if (g->o->events)
        return fail_usage(g->t, "--policy is for customers: events that are there are left alone");
    for (uint32_t i = 0; i < 4; i++) {
        if (strcmp(name, NAMES[i]) == 0) {
            g->io.policy = i;
            return 0;
        }
    }
    return fail_usage(g->t, "--policy is upsert, create, update or skip, not '%s'", name);
}

static int read_options(importing *g)
{
    const import_wishes *o = g->o;
    int rc = read_policy(g);

    if (rc)
        return rc;
    if (o->separator && strcmp(o->separator, "tab") == 0)
        g->io.separator = '\t';
    else if (o->separator && (strlen(o->separator) != 1 || (o->separator[0] & 0x80)))
        return fail_usage(g->t, "--separator needs one character, or tab");
    else if (o->separator)
        g->io.separator = (uint32_t)o->separator[0];
    if (o->resume && (o->dry_run || o->atomic))
        return fail_usage(g->t, "--resume does not go with --dry-run or --atomic");
    if (o->of && !o->resume)
        return fail_usage(g->t, "--of goes with --resume");
    if (o->errors && !*o->errors)
        return fail_usage(g->t, "--errors needs the name of a file, or -");
    if (o->errors && strcmp(o->errors, "-") == 0 && g->t->json)
        return fail_usage(g->t, "--errors - does not go with --json");
    g->io.flags = (o->dry_run ? CRM_IMPORT_DRY_RUN : 0) | (o->atomic ? CRM_IMPORT_ATOMIC : 0) |
                  (o->events ? CRM_IMPORT_EVENTS : 0) | (o->resume ? CRM_IMPORT_RESUME : 0) |
                  (o->rename ? CRM_IMPORT_RENAME : 0) |
                  (o->show ? CRM_IMPORT_LOOK : 0);
    g->io.format = o->format;
    g->io.encoding = o->encoding;
    g->io.sheet = o->sheet;
    g->io.kind = o->kind;
    g->io.resume = o->of;
    g->io.customer = o->customer;
    g->io.commit_rows = o->commit_rows;
    g->io.bad = on_bad;
    g->io.before_commit = on_commit;
    g->io.progress = on_progress;
    g->io.ctx = g;
    if (o->mapping) {
        rc = slurp(g->t, o->mapping, MAPPING_BYTES, &g->mapping);
        g->io.mapping = g->mapping.p;
    }
    return rc;
}

static int open_file(importing *g, const char *file)
{
    const char *slash = strrchr(file, '/');
    int is_stream = strcmp(file, "-") == 0;

    g->file = is_stream ? "standard input" : file;
    g->fd = is_stream ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (g->fd < 0) {
        fail(g->t, CRM_EIO, "can't read %s: %s", file, strerror(errno));
        return TOOL_SYSTEM;
    }
    if (!g->t->write.batch_name)
        g->t->write.batch_name = is_stream ? "import" : slash ? slash + 1 : file;
    return 0;
}

/* The name of a batch is plain text of at most 200 bytes; a file's may be
 * anything. */
static void name_batch(const importing *g, crm_txn_options *w, buf *name)
{
    const char *s = w->batch_name;
    size_t n = strlen(s);

    (void)g;
    if (!text_valid(s, n))
        s = "import", n = 6;
    text_cut(name, s, n, 60);
    w->batch_name = name->n <= 200 ? name->p : "import";
}

static const char EVENTS[] = "the columns look like those of events";

/* What the library found, with the option that goes with it. */
static void put_hint(const importing *g, crm_error *err)
{
    size_t n = strlen(err->message);
    const char *hint = "";

    if (err->code == CRM_EFIELD && strstr(err->message, EVENTS))
        hint = tr(g->t, ": --events imports them");
    else if (err->code == CRM_EFIELD && !err->field[0] && !g->o->mapping &&
             strcmp(g->t->verb->name, "import") == 0)
        hint = tr(g->t, " (--show-mapping shows them)");
    if (n + strlen(hint) < sizeof err->message) /* whole or not at all */
        strcpy(err->message + n, hint);
}

static const char OF_MAPPING[] = " of the mapping: ";

/* A fault of the mapping begins with "line N of the mapping: ", and stands under the name of its file. */
static void report_open(const importing *g, crm_error *err)
{
    place at = {g->o->mapping, (uint64_t)err->row, err->offset > 0 ? (uint64_t)err->offset : 0};
    const char *end = strstr(err->message, OF_MAPPING);

    if (!g->o->mapping || err->row <= 0 || !end) {
        report(g->t, NULL, g->file, err);
        return;
    }
    end += sizeof OF_MAPPING - 1;
    memmove(err->message, end, strlen(end) + 1);
    report(g->t, &at, NULL, err);
}

static int prepare(importing *g)
{
    crm_txn_options w = g->t->write;
    crm_error err = CRM_ERROR_INIT;
    buf name = {0};
    int rc;

    w.batch = 0;
    name_batch(g, &w, &name);
    g->io.txn = &w;
    rc = crm_import_open(g->t->db, g->fd, &g->io, &g->imp, &err);
    g->io.txn = NULL;
    buf_free(&name);
    if (!rc)
        return 0;
    if (rc == CRM_ECANCELLED)
        return note(g->t, "cut short"), TOOL_INTERRUPTED;
    put_hint(g, &err);
    report_open(g, &err);
    /* 1 would say that rows were bad */
    if (rc == CRM_ENOTFOUND)
        rc = strcmp(err.field, "zone") == 0 ? CRM_EINVAL : CRM_ECONFLICT;
    return exit_code_of(rc);
}

/* The columns that nobody claims, each with what is near. */
static void tell_unclaimed(const importing *g, slice mapping)
{
    slice columns = json_member(mapping, "columns"), key, column;
    buf use = {0}, text = {0}, b = {0};
    size_t pos = 0, n = 0;

    while (json_next(columns, &pos, &key, &column)) {
        import_member(column, "use", &use);
        if (strcmp(use.p, "none"))
            continue;
        import_member(column, "column", &text);
        buf_str(&b, n++ ? ", " : "");
        text_cut(&b, text.p, text.n, 60);
        import_member(column, "why", &text);
        if (text.n)
            buf_fmt(&b, " (%s)", text.p);
        if (b.n > 600) {
            buf_str(&b, " ...");
            break;
        }
    }
    if (n)
        note(g->t, "columns that nobody claims: %s", b.p);
    buf_free(&use);
    buf_free(&text);
    buf_free(&b);
}

/* Behind the mapping: why nothing can be imported by it. */
static int tell_missing(importing *g, slice mapping)
{
    crm_error err = CRM_ERROR_INIT;
    buf why = {0};

    import_member(mapping, "missing", &why);
    tell_unclaimed(g, mapping);
    if (why.n) {
        err.code = CRM_EFIELD;
        snprintf(err.message, sizeof(err.message), "%s", why.p);
        if (strstr(err.message, EVENTS))
            put_hint(g, &err);
        report(g->t, NULL, g->file, &err);
    }
    buf_free(&why);
    return exit_code_of(err.code);
}

static int mapping_json(importing *g, slice *out)
{
    crm_error err = CRM_ERROR_INIT;
    char *json;

    if (crm_import_mapping_json(g->imp, &json, &out->n, &err))
        return fail_crm(g->t, &err);
    out->p = json;
    return 0;
}

/* The mapping's text, and what the file was found to be. */
static void put_mapping_json(slice mapping, const char *text, size_t n)
{
    static const char *const FOUND[] = {"format",  "encoding", "encoding_percent", "gzip", "separator",
                                        "sheet",   "version",  "looks_like",       "missing"};
    buf b = {0};

    buf_str(&b, "{\"mapping\":");
    json_string(&b, text, n);
    for (size_t i = 0; i < sizeof FOUND / sizeof *FOUND; i++) {
        slice value = json_member(mapping, FOUND[i]);
        if (!value.n)
            continue;
        json_key(&b, FOUND[i]);
        buf_add(&b, value.p, value.n);
    }
    buf_char(&b, '}');
    out_json(b.p, b.n);
    buf_free(&b);
}

static int show_mapping(importing *g)
{
    crm_error err = CRM_ERROR_INIT;
    slice mapping;
    char *text;
    size_t n;
    int rc;

    if (crm_import_mapping_text(g->imp, &text, &n, &err)) {
        if (err.code == CRM_ESTATE)
            err.code = CRM_EINVAL; /* it is the file that asks for none */
        report(g->t, NULL, g->file, &err);
        return exit_code_of(err.code);
    }
    rc = mapping_json(g, &mapping);
    if (!rc) {
        if (g->t->json) {
            put_mapping_json(mapping, text, n);
        } else {
            import_put_format(g, mapping, "# ");
            out_put(text, n);
        }
        rc = tell_missing(g, mapping);
        crm_free((char *)(uintptr_t)mapping.p);
    }
    crm_free(text);
    return rc;
}

static int start_bad_rows(importing *g, const char *file, slice mapping)
{
    buf percent = {0};
    uint64_t mark = 0;
    /* What a dry run finds is told, and kept where that was asked for. */
    int rc = badrows_open(g->t, &g->bad, g->o->errors, g->o->dry_run ? "-" : file,
                          slice_is(json_member(mapping, "format"), "\"jsonl\""));

    import_member(mapping, "encoding_percent", &percent);
    g->doubtful = percent.n < 3 && atoi(percent.p) < SURE_PERCENT &&
                  !slice_is(json_member(mapping, "encoding"), "\"\"");
    buf_free(&percent);
    g->bad.grows = slice_is(json_member(mapping, "format"), "\"vcard\"");
    crm_import_resumed(g->imp, NULL, NULL, &mark);
    g->like_events = slice_is(json_member(mapping, "looks_like"), "\"events\"");
    return rc ? rc : badrows_resume(&g->bad, mark);
}

static int run_import(importing *g, crm_import_result *r, int *stopped)
{
    crm_error err = CRM_ERROR_INIT;
    int rc;

    progress_start(g->t, &g->bar, "rows");
    g->t->bar = &g->bar;
    rc = crm_import_run(g->imp, sizeof *r, r, &err);
    progress_clear(&g->bar);
    g->t->bar = NULL;
    *stopped = rc != 0;
    g->refused = rc == CRM_ECONFLICT;
    if (g->rc)
        return g->rc; /* told already */
    if (rc == CRM_ECANCELLED)
        return TOOL_INTERRUPTED;
    if (rc)
        report(g->t, NULL, g->file, &err);
    return exit_code_of(rc);
}

static int import(importing *g, const char *file)
{
    crm_import_result r = {0};
    slice mapping = {NULL, 0}, last = {NULL, 0};
    uint64_t bytes[2];
    int rc, stopped = 0, made = 0, kept;

    if ((rc = mapping_json(g, &mapping)))
        return rc;
    import_measure(g, bytes);
    g->journal = bytes[0];
    g->all = bytes[1];
    rc = start_bad_rows(g, file, mapping);
    /* columns of vCards are known when they have been read */
    if (!rc && !g->t->json && !g->bad.to_out && !g->bad.grows)
        import_put_mapping(g, mapping);
    out_flush(); /* it is told before a row is written */
    if (!rc) {
        rc = run_import(g, &r, &stopped);
        kept = mapping_json(g, &last);
        if (!kept)
            badrows_columns(&g->bad, json_member(last, "columns"));
        kept = badrows_close(&g->bad, stopped, r.resumable != 0, &made);
        rc = rc ? rc : kept;
        if (last.p && !g->refused) {
            if (g->t->json)
                import_put_json(g, &r, last, stopped, made);
            else if (!g->bad.to_out && g->bad.grows)
                import_put_mapping(g, last);
        }
        if (!g->t->json && !g->refused) {
            import_put_counts(g, &r);
            if (g->o->stats && !g->bad.to_out)
                import_put_stats(g, &r);
            import_tell_next(g, &r, stopped, made);
        }
    }
    crm_free((char *)(uintptr_t)mapping.p);
    crm_free((char *)(uintptr_t)last.p);
    return rc ? rc : r.bad ? TOOL_MISSING : 0;
}

int import_file(tool *t, const import_wishes *o, const char *file)
{
    importing g = {.t = t, .o = o, .fd = -1};
    int rc;

    crm_import_options_init(&g.io);
    g.bad.fd = -1;
    if (!(rc = read_options(&g)))
        rc = open_file(&g, file);
    /* From here on: to open a pipe waits for its writer, and Ctrl-C may just end that. */
    interrupt_catch();
    if (!rc)
        rc = open_write(t, o->resume ? MAKE_NOT : MAKE_ONCE);
    interrupt_catch(); /* a first write holds signals back */
    if (!rc)
        rc = prepare(&g);
    if (!rc)
        rc = o->show ? show_mapping(&g) : import(&g, file);
    crm_import_close(g.imp);
    badrows_free(&g.bad);
    buf_free(&g.mapping);
    if (g.fd > STDIN_FILENO)
        close(g.fd);
    return rc;
}

int import_documents(tool *t, import_wishes *o, const char *file)
{
    struct stat st;

    if (strcmp(file, "-") == 0 || (stat(file, &st) == 0 && S_ISFIFO(st.st_mode)))
        o->format = "jsonl";
    return import_file(t, o, file);
}

static int run(tool *t, int argc, char **argv)
{
    import_wishes o = {0};
    const arg_option own[] = {
        {"events", 0, ARG_FLAG, &o.events},     {"policy", 0, ARG_TEXT, &o.policy},
        {"dry-run", 0, ARG_FLAG, &o.dry_run},   {"atomic", 0, ARG_FLAG, &o.atomic},
        {"rename", 0, ARG_FLAG, &o.rename},     {"errors", 0, ARG_TEXT, &o.errors},
        {"mapping", 0, ARG_TEXT, &o.mapping},   {"show-mapping", 0, ARG_FLAG, &o.show},
        {"kind", 0, ARG_TEXT, &o.kind},         {"format", 0, ARG_TEXT, &o.format},
        {"encoding", 0, ARG_TEXT, &o.encoding}, {"separator", 0, ARG_TEXT, &o.separator},
        {"sheet", 0, ARG_TEXT, &o.sheet},       {"resume", 0, ARG_FLAG, &o.resume},
        {"of", 0, ARG_NUMBER, &o.of},           {"commit-rows", 0, ARG_NUMBER, &o.commit_rows},
        {"stats", 0, ARG_FLAG, &o.stats},       {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (argc != 1)
        return fail_usage(t, "needs one file ('-': standard input)");
    return import_file(t, &o, argv[0]);
}

const verb verb_import = {
    "import", "FILE", "import customers or events from CSV, XLSX, vCard, JSON Lines", help, 1, run};
