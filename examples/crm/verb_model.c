/* SPDX-License-Identifier: MIT
 * crm model: shows, checks and changes the model, and lists its fields and kinds of events.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " model show [--default]\n"
    "       " TOOL " model check FILE\n"
    "       " TOOL " model apply FILE [--plan | --dry-run] [--force]\n"
    "       " TOOL " model fields | events\n"
    "\n"
    "The model says which fields a customer may have, of which type, under which names.\n"
    "FILE is a YAML document; '-' is standard input.\n"
    "\n"
    "  show              the model of the database, as YAML\n"
    "    --default       the built-in model; needs no database\n"
    "  check             every fault of a document, with line and column; needs no database\n"
    "  apply             make a document the model, as a new version\n"
    "    --plan          only list what would change, what would be lost; holds up nobody;\n"
    "                    exit code 3 when apply would refuse it\n"
    "    --dry-run       do all of it, then take it back\n"
    "    --force         even if stored values will be out of view\n"
    "  fields            keys, types and labels of the fields\n"
    "  events            the kinds of events, and their attributes\n"
    "\n"
    "A change that would lose data is refused (exit code 3) without --force. check exits\n"
    "with 1 when there are faults, apply with 4.\n"
    "\n"
    "Examples\n"
    "  " TOOL " model show > shop.yaml      # edit it, then\n"
    "  " TOOL " model check shop.yaml\n"
    "  " TOOL " model apply shop.yaml --plan\n"
    "  " TOOL " model apply shop.yaml --actor li.na\n"
    "  " TOOL " model fields --lang zh      # 字段的中文名称\n";

enum { MODEL_MAX = 1 << 20 };

/* Which document findings are about, and how many there were. */
typedef struct findings {
    tool *t;
    const char *file;
    uint64_t count;
} findings;

static const char *severity(int32_t number)
{
    return number == CRM_FINDING_ERROR ? "error" : number == CRM_FINDING_LOSS ? "loss" : "change";
}

static void finding_json(buf *b, const crm_finding *f)
{
    buf_fmt(b, "{\"severity\":\"%s\"", severity(f->severity));
    if (f->line)
        buf_fmt(b, ",\"line\":%d", f->line);
    if (f->column)
        buf_fmt(b, ",\"column\":%d", f->column);
    if (f->values)
        buf_fmt(b, ",\"values\":%" PRIu64, f->values);
    json_key(b, "message");
    json_string(b, f->message, strlen(f->message));
    buf_char(b, '}');
}

static void on_finding(const crm_finding *f, void *ctx)
{
    findings *all = ctx;
    buf b = {0};

    all->count++;
    if (all->t->json) {
        finding_json(&b, f);
        out_json(b.p, b.n);
    } else {
        text_clean(&b, all->file, strlen(all->file));
        if (f->line)
            buf_fmt(&b, ":%d", f->line);
        if (f->line && f->column)
            buf_fmt(&b, ":%d", f->column);
        buf_fmt(&b, ": %s: ", severity(f->severity));
        text_clean(&b, f->message, strlen(f->message));
        out_line(b.p, b.n);
    }
    buf_free(&b);
}

static void on_fault(const crm_finding *f, void *ctx)
{
    findings *all = ctx;
    crm_error err = CRM_ERROR_INIT;
    place at = {all->file, (uint64_t)f->line, f->column > 0 ? (uint64_t)f->column : 0};
    buf b = {0};

    err.code = CRM_EMODEL;
    err.offset = f->column;
    text_clean(&b, f->message, strlen(f->message));
    if (b.n >= sizeof(err.message))
        b.n = sizeof(err.message) - 1;
    memcpy(err.message, b.p, b.n);
    report(all->t, f->line ? &at : NULL, NULL, &err);
    all->count++;
    buf_free(&b);
}

/* A remark on a document that failed because it is not UTF-8. */
static void advise(tool *t, const char *file, const char *yaml, size_t n)
{
    buf b = {0};

    if (text_advice(&b, file, yaml, n))
        note(t, "%s", b.p);
    buf_free(&b);
}

static const char *shown(const char *file)
{
    return strcmp(file, "-") == 0 ? "standard input" : file;
}

int model_faults(tool *t, const char *file, const char *yaml, size_t n)
{
    findings all = {t, shown(file), 0};
    crm_error err = CRM_ERROR_INIT;
    int rc = crm_model_check(yaml, n, on_fault, &all, &err);

    if (rc && !all.count)
        fail_crm(t, &err);
    if (rc)
        advise(t, all.file, yaml, n);
    return exit_code_of(rc);
}

/* ---- show ---- */

static int show(tool *t, int builtin)
{
    crm_error err = CRM_ERROR_INIT;
    uint32_t version = 0;
    char *yaml = NULL;
    crm_txn *txn = NULL;
    buf b = {0};
    size_t n;
    int rc;

    if (builtin) {
        buf_str(&b, crm_model_default());
    } else {
        if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &txn)))
            return rc;
        rc = crm_model_text(txn, &yaml, &n, &version, &err);
        crm_txn_abort(txn);
        if (rc)
            return fail_crm(t, &err);
        buf_add(&b, yaml, n);
        crm_free(yaml);
    }
    if (t->json) {
        buf line = {0};
        buf_fmt(&line, "{\"version\":%u,\"yaml\":", version);
        json_string(&line, b.p, b.n);
        buf_char(&line, '}');
        out_json(line.p, line.n);
        buf_free(&line);
    } else {
        out_raw(b.p, b.n);
    }
    buf_free(&b);
    return 0;
}

/* ---- check ---- */

static int check(tool *t, const char *file)
{
    findings all = {t, shown(file), 0};
    crm_error err = CRM_ERROR_INIT;
    buf yaml = {0}, line = {0};
    int rc = slurp(t, file, MODEL_MAX, &yaml);

    if (rc)
        return rc;
    rc = crm_model_check(yaml.p, yaml.n, on_finding, &all, &err);
    if (rc)
        advise(t, all.file, yaml.p, yaml.n);
    buf_free(&yaml);
    if (rc && rc != CRM_EMODEL)
        return fail_crm(t, &err);
    if (t->json) {
        buf_fmt(&line, "{\"faults\":%" PRIu64 "}", all.count);
        out_json(line.p, line.n);
    } else {
        text_clean(&line, all.file, strlen(all.file));
        buf_str(&line, all.count == 0 ? ": no fault" : all.count == 1 ? ": 1 fault" : ": ");
        if (all.count > 1) {
            buf_count(&line, all.count);
            buf_str(&line, " faults");
        }
        out_line(line.p, line.n);
    }
    buf_free(&line);
    return rc ? TOOL_MISSING : 0;
}

/* ---- apply ---- */

/* A plan or an apply that did not come through; the findings have been printed. */
static int refused(tool *t, const findings *all, const buf *yaml, const crm_error *err)
{
    int code = exit_code_of(err->code);

    if (err->code == CRM_EMODEL)
        advise(t, all->file, yaml->p, yaml->n);
    if (err->code == CRM_EMODEL && all->count)
        return fail(t, CRM_EMODEL, "%s has %" PRIu64 " fault%s: nothing was changed", all->file,
                    all->count, all->count == 1 ? "" : "s");
    fail_crm(t, err);
    if (err->code == CRM_EREFUSED)
        note(t, "nothing was changed; 'model apply --force' goes on nevertheless");
    return code;
}

static int plan(tool *t, const char *file, const buf *yaml)
{
    findings all = {t, shown(file), 0};
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    buf b = {0};
    int rc;

    if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &txn)))
        return rc;
    rc = crm_model_plan(txn, yaml->p, yaml->n, on_finding, &all, &err);
    crm_txn_abort(txn);
    if (rc && rc != CRM_EREFUSED)
        return refused(t, &all, yaml, &err);
    if (t->json)
        buf_fmt(&b, "{\"changes\":%" PRIu64 ",\"refused\":%s}", all.count, rc ? "true" : "false");
    else if (rc)
        buf_str(&b, "data would be lost: 'model apply' needs --force");
    else if (!all.count)
        buf_str(&b, "nothing would change");
    else
        buf_fmt(&b, "%" PRIu64 " change%s, nothing would be lost", all.count,
                all.count == 1 ? "" : "s");
    out_line(b.p, b.n);
    buf_free(&b);
    return rc ? TOOL_CONFLICT : 0;
}

static int model_version(tool *t, crm_txn *txn, uint32_t *version)
{
    crm_error err = CRM_ERROR_INIT;
    char *yaml;

    if (crm_model_text(txn, &yaml, NULL, version, &err))
        return fail_crm(t, &err);
    crm_free(yaml);
    return 0;
}

static void put_applied(tool *t, uint32_t before, uint32_t after, int dry_run)
{
    buf b = {0};

    if (t->json)
        buf_fmt(&b, "{\"version\":%u,\"changed\":%s,\"dry_run\":%s}", after,
                before != after ? "true" : "false", dry_run ? "true" : "false");
    else if (before == after)
        buf_fmt(&b, "nothing to change: version %u", after);
    else
        buf_fmt(&b, dry_run ? "dry run: it would be version %u" : "version %u", after);
    out_line(b.p, b.n);
    buf_free(&b);
}

static int apply_in(tool *t, findings *all, const buf *yaml, int dry_run, uint32_t flags)
{
    crm_error err = CRM_ERROR_INIT;
    uint32_t before, after;
    long_call work;
    crm_txn *txn;
    int rc, result;

    if ((rc = begin(t, CRM_WRITE, &txn)))
        return rc;
    if (!(rc = model_version(t, txn, &before))) {
        long_begin(&work, t, txn, "customers");
        result = crm_model_apply(txn, yaml->p, yaml->n, flags, on_finding, all, &err);
        rc = long_end(&work, result == CRM_ECANCELLED ? result : CRM_OK, &err);
        if (!rc && result)
            rc = refused(t, all, yaml, &err);
    }
    if (!rc)
        rc = model_version(t, txn, &after);
    if (rc || dry_run)
        crm_txn_abort(txn);
    else
        rc = commit(t, txn);
    if (!rc)
        put_applied(t, before, after, dry_run);
    return rc;
}

static int apply(tool *t, const char *file, const buf *yaml, int dry_run, uint32_t flags)
{
    findings all = {t, shown(file), 0};
    crm_error err = CRM_ERROR_INIT;
    int rc;

    /* first, so that no folder is made for a faulty model */
    if (crm_model_check(yaml->p, yaml->n, on_finding, &all, &err))
        return refused(t, &all, yaml, &err);
    rc = open_write(t, dry_run ? MAKE_NOT : MAKE_DRAFT);
    if (!rc && (rc = apply_in(t, &all, yaml, dry_run, flags)) == TOOL_AGAIN)
        rc = apply_in(t, &all, yaml, dry_run, flags);
    return rc;
}

/* ---- fields ---- */

static const char *const types[] = {"?",        "text",     "integer",  "decimal", "money", "date",
                                    "datetime", "boolean",  "enum",     "email",   "phone", "url",
                                    "country",  "language", "customer", "actor"};

static const char *type_name(uint32_t type)
{
    return types[type < sizeof(types) / sizeof(types[0]) ? type : 0];
}

static const struct {
    uint32_t flag;
    const char *word, *key;
} flag_words[] = {
    {CRM_FIELD_REQUIRED, "required", "required"},
    {CRM_FIELD_LIST, "list", "list"},
    {CRM_FIELD_UNIQUE, "unique", "unique"},
    {CRM_FIELD_IDENTITY, "identity", "identity"},
    {CRM_FIELD_PER_SOURCE, "per source", "per_source"},
};
enum { FLAG_WORDS = sizeof(flag_words) / sizeof(flag_words[0]) };

/* `kind`: of the event whose attribute it is; NULL: a field of customers. */
static void field_json(crm_txn *txn, const char *kind, const crm_field *field, const char *lang)
{
    const char *label = field_label(txn, field, lang);
    buf b = {0};

    buf_char(&b, '{');
    if (kind) {
        json_key(&b, "kind");
        json_string(&b, kind, strlen(kind));
    }
    json_key(&b, "key");
    json_string(&b, field->key, strlen(field->key));
    buf_fmt(&b, ",\"type\":\"%s\"", type_name(field->type));
    for (size_t i = 0; i < FLAG_WORDS; i++)
        buf_fmt(&b, ",\"%s\":%s", flag_words[i].key,
                field->flags & flag_words[i].flag ? "true" : "false");
    json_key(&b, "label");
    json_string(&b, label, strlen(label));
    buf_char(&b, '}');
    out_json(b.p, b.n);
    buf_free(&b);
}

static void field_row(table *tb, crm_txn *txn, const crm_field *field, const char *lang)
{
    const char *label = field_label(txn, field, lang);
    buf flags = {0};

    for (size_t i = 0; i < FLAG_WORDS; i++)
        if (field->flags & flag_words[i].flag)
            buf_fmt(&flags, "%s%s", flags.n ? ", " : "", flag_words[i].word);
    table_cell(tb, field->key, strlen(field->key));
    table_cell(tb, label, strlen(label));
    table_cell(tb, type_name(field->type), strlen(type_name(field->type)));
    table_cell(tb, flags.p ? flags.p : "", flags.n);
    buf_free(&flags);
}

static int fields(tool *t)
{
    static const char *const head[] = {"key", "label", "type", "rules"};
    crm_error err = CRM_ERROR_INIT;
    crm_field field;
    crm_txn *txn;
    size_t pos = 0;
    table *tb = NULL;
    int rc;

    if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &txn)))
        return rc;
    if (!t->json) {
        tb = table_new(4, 0, 0);
        for (size_t i = 0; i < 4; i++)
            table_cell(tb, head[i], strlen(head[i]));
    }
    while (!(rc = crm_field_next(txn, &pos, &field, &err)))
        if (t->json)
            field_json(txn, NULL, &field, t->lang);
        else
            field_row(tb, txn, &field, t->lang);
    if (tb)
        table_end(tb);
    crm_txn_abort(txn);
    return rc == CRM_DONE ? 0 : fail_crm(t, &err);
}

/* ---- events ---- */

static void put_kind(tool *t, crm_txn *txn, const crm_event_kind *kind, table *tb)
{
    const char *label = kind_label(txn, kind, t->lang);
    buf b = {0};

    if (t->json) {
        buf_char(&b, '{');
        json_key(&b, "kind");
        json_string(&b, kind->key, strlen(kind->key));
        json_key(&b, "label");
        json_string(&b, label, strlen(label));
        buf_char(&b, '}');
        out_json(b.p, b.n);
        buf_free(&b);
        return;
    }
    table_cell(tb, kind->key, strlen(kind->key));
    table_cell(tb, "-", 1);
    table_cell(tb, label, strlen(label));
    table_cell(tb, "", 0);
    table_cell(tb, "", 0);
}

static int attributes(tool *t, crm_txn *txn, const crm_event_kind *kind, table *tb)
{
    crm_error err = CRM_ERROR_INIT;
    crm_field attribute;
    size_t pos = 0;
    int rc;

    while (!(rc = crm_attribute_next(txn, kind, &pos, &attribute, &err))) {
        if (t->json) {
            field_json(txn, kind->key, &attribute, t->lang);
            continue;
        }
        table_cell(tb, kind->key, strlen(kind->key));
        field_row(tb, txn, &attribute, t->lang);
    }
    return rc == CRM_DONE ? 0 : fail_crm(t, &err);
}

static int events(tool *t)
{
    static const char *const head[] = {"kind", "attribute", "label", "type", "rules"};
    crm_error err = CRM_ERROR_INIT;
    crm_event_kind kind;
    crm_txn *txn;
    size_t pos = 0;
    table *tb = NULL;
    int rc, code = 0;

    if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &txn)))
        return rc;
    if (!t->json) {
        tb = table_new(5, 0, 0);
        for (size_t i = 0; i < 5; i++)
            table_cell(tb, head[i], strlen(head[i]));
    }
    while (!code && !(rc = crm_event_kind_next(txn, &pos, &kind, &err))) {
        put_kind(t, txn, &kind, tb);
        code = attributes(t, txn, &kind, tb);
    }
    if (tb)
        table_end(tb);
    crm_txn_abort(txn);
    return rc < 0 ? fail_crm(t, &err) : code;
}

/* ---- the verb ---- */

typedef struct options {
    int builtin, plan, dry_run, force;
} options;

static int run_apply(tool *t, const char *file, const options *o)
{
    buf yaml = {0};
    int rc;

    if (o->plan && (o->dry_run || o->force))
        return fail_usage(t, "--plan goes without --dry-run and --force");
    if ((rc = slurp(t, file, MODEL_MAX, &yaml)))
        return rc;
    rc = o->plan ? plan(t, file, &yaml)
                 : apply(t, file, &yaml, o->dry_run, o->force ? CRM_FORCE : 0);
    buf_free(&yaml);
    return rc;
}

static int run(tool *t, int argc, char **argv)
{
    options o = {0, 0, 0, 0};
    const arg_option own[] = {{"default", 0, ARG_FLAG, &o.builtin},
                              {"plan", 0, ARG_FLAG, &o.plan},
                              {"dry-run", 0, ARG_FLAG, &o.dry_run},
                              {"force", 0, ARG_FLAG, &o.force},
                              {NULL, 0, 0, NULL}};
    const char *what;
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    what = argc ? argv[0] : "";
    if (o.builtin && strcmp(what, "show") != 0)
        return fail_usage(t, "--default is for show");
    if ((o.plan || o.dry_run || o.force) && strcmp(what, "apply") != 0)
        return fail_usage(t, "--plan, --dry-run and --force are for apply");
    if (strcmp(what, "show") == 0 && argc == 1)
        return show(t, o.builtin);
    if (strcmp(what, "fields") == 0 && argc == 1)
        return fields(t);
    if (strcmp(what, "events") == 0 && argc == 1)
        return events(t);
    if (strcmp(what, "check") == 0 && argc == 2)
        return check(t, argv[1]);
    if (strcmp(what, "apply") == 0 && argc == 2)
        return run_apply(t, argv[1], &o);
    return fail_usage(t, "needs show, check FILE, apply FILE, fields or events");
}

const verb verb_model = {
    "model", "show | check | apply | fields | events", "show, check and change the model", help, 1,
    run};
