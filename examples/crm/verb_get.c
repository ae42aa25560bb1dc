/* SPDX-License-Identifier: MIT
 * crm get: prints records.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " get WHO... [--at REVISION] [--origins] [--json [--pretty]]\n"
    "\n"
    "Prints the records of customers, deleted ones too when named by id.\n"
    "\n"
    "  WHO               1 to 10 digits: an id\n"
    "                    id=N: an id of any length\n"
    "                    FIELD=VALUE, FIELD@SOURCE=VALUE: by an identity, see find\n"
    "                    anything else (13800138000, li.na@example.com): in every identity,\n"
    "                    then among the names (张伟), which looks at all customers\n"
    "  --at REVISION     as they were at this revision, see history\n"
    "  --origins         where each value came from, and when\n"
    "  --pretty          JSON with one member a line\n"
    "\n"
    "Labels, also of values, are in the language of the locale or of --lang; JSON has the\n"
    "keys. Exit code 1 when a customer was not found, was not there at the revision, or when\n"
    "what was changed since was dropped; the others are printed. Exit code 1 too when there is\n"
    "no such revision.\n"
    "\n"
    "Examples\n"
    "  " TOOL " get 17\n"
    "  " TOOL " get 17 18 19 --json\n"
    "  " TOOL " get 13800138000 --lang zh\n"
    "  " TOOL " get 邮箱=li.na@example.com --origins\n"
    "  " TOOL " get 17 --at 204\n"
    "  " TOOL " get external@erp=10023 --json --pretty\n";

typedef struct printing {
    tool *t;
    crm_txn *txn;
    crm_customer *c;
    int origins, printed;
    uint32_t flags;
    uint64_t at; /* revision, 0: the present one */
} printing;

static void cell(table *tb, const char *s)
{
    table_cell(tb, s, strlen(s));
}

static void row(printing *p, table *tb, const char *key, const char *value)
{
    cell(tb, built_in_label(key, p->t->lang));
    cell(tb, value);
    if (p->origins) {
        cell(tb, "");
        cell(tb, "");
    }
}

static void number_row(printing *p, table *tb, const char *key, uint64_t value)
{
    buf b = {0};

    buf_fmt(&b, "%" PRIu64, value);
    row(p, tb, key, b.p);
    buf_free(&b);
}

static void time_row(printing *p, table *tb, const char *key, int64_t us)
{
    buf b = {0};

    buf_time(&b, us);
    row(p, tb, key, b.p);
    buf_free(&b);
}

int value_text(tool *t, crm_txn *txn, crm_customer *c, const crm_field *field, size_t i,
               const char *lang, buf *out)
{
    crm_error err = CRM_ERROR_INIT;
    const char *text, *source;
    size_t n;

    if (field->flags & CRM_FIELD_PER_SOURCE) {
        if (crm_customer_source(txn, c, field, i, &source, &err))
            return fail_crm(t, &err);
        buf_fmt(out, "%s:", source);
    }
    if (crm_customer_text(c, field, i, &text, &n, &err))
        return fail_crm(t, &err);
    put_label(txn, field, text, n, lang, out);
    return 0;
}

/* The rows of one field: its label stands beside the first value only. */
static int field_rows(printing *p, table *tb, const crm_field *field)
{
    crm_error err = CRM_ERROR_INIT;
    size_t count = crm_customer_count(p->c, field);
    const char *label = count ? field_label(p->txn, field, p->t->lang) : "", *source = "";
    int64_t at = 0;
    buf value = {0};
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        value.n = 0;
        if ((rc = value_text(p->t, p->txn, p->c, field, i, p->t->lang, &value)))
            break;
        cell(tb, i ? "" : label);
        table_cell(tb, value.p, value.n);
        if (!p->origins)
            continue;
        if (crm_customer_origin(p->txn, p->c, field, i, &source, &at, &err)) {
            rc = fail_crm(p->t, &err);
            break;
        }
        cell(tb, source);
        value.n = 0;
        buf_time(&value, at);
        cell(tb, value.p);
    }
    buf_free(&value);
    return rc;
}

/* Tags of today; those of an earlier revision can't be told. */
static int tag_row(printing *p, table *tb)
{
    crm_error err = CRM_ERROR_INIT;
    crm_tag tag = CRM_TAG_INIT;
    crm_tag_iter *it;
    buf all = {0};

    if (p->at)
        return 0;
    if (crm_tag_list(p->txn, crm_customer_id(p->c), CRM_TAG_BRIEF, &it, &err))
        return fail_crm(p->t, &err);
    while (crm_tag_next(it, &tag, &err) == CRM_OK) {
        buf_str(&all, all.n ? ", " : "");
        put_tag_label(p->txn, tag.tag, p->t->lang, &all);
        if (tag.until_us) {
            buf_str(&all, " (until ");
            buf_time(&all, tag.until_us);
            buf_char(&all, ')');
        }
    }
    crm_tag_list_close(it);
    if (all.n)
        row(p, tb, "tags", all.p);
    buf_free(&all);
    return 0;
}

static int print_text(printing *p)
{
    table *tb = table_new(p->origins ? 4 : 2, 0, 0);
    crm_error err = CRM_ERROR_INIT;
    crm_field field;
    size_t pos = 0;
    int rc, code = 0;

    if (p->printed)
        out_put("\n", 1);
    table_no_head(tb);
    number_row(p, tb, "id", crm_customer_id(p->c));
    row(p, tb, "kind", customer_kind_label(p->txn, crm_customer_kind(p->c), p->t->lang));
    if (crm_customer_deleted(p->c))
        row(p, tb, "deleted", is_chinese(p->t->lang) ? "是" : "yes");
    while (!(rc = crm_field_next(p->txn, &pos, &field, &err)) && !code)
        code = field_rows(p, tb, &field);
    if (rc != CRM_DONE && !code)
        code = fail_crm(p->t, &err);
    if (!code)
        code = tag_row(p, tb);
    number_row(p, tb, "revision", crm_customer_revision(p->c));
    time_row(p, tb, "created_at", crm_customer_created_us(p->c));
    time_row(p, tb, "updated_at", crm_customer_updated_us(p->c));
    table_end(tb);
    return code;
}

static int print_json(printing *p)
{
    crm_error err = CRM_ERROR_INIT;
    char *json;
    size_t n;

    if (crm_customer_to_json(p->txn, p->c, p->flags, &json, &n, &err))
        return fail_crm(p->t, &err);
    while (n && json[n - 1] == '\n')
        n--;
    out_json(json, n);
    crm_free(json);
    return 0;
}

static int print_one(printing *p, crm_id id)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = p->at ? crm_customer_get_at(p->txn, id, p->at, p->c, &err)
                   : crm_customer_get(p->txn, id, p->c, &err);

    if (rc == CRM_ENOTFOUND && !p->at)
        return fail(p->t, rc, "there is no customer %" PRIu64, id);
    if (rc)
        fail_crm(p->t, &err);
    if (rc == CRM_ECORRUPT)
        note(p->t, "'" TOOL " check' tells what is damaged");
    if (rc == CRM_ESTATE) /* images were dropped: of this customer it can't be told any more */
        return TOOL_MISSING;
    if (rc)
        return exit_code_of(rc);
    return p->t->json ? print_json(p) : print_text(p);
}

/* Prints those an argument means; the worst exit code of them. */
static int print_argument(printing *p, const char *arg)
{
    ids found = {0};
    int rc = target_all(p->t, p->txn, arg, 1, &found);

    for (size_t i = 0; i < found.n && rc <= TOOL_MISSING && !out_failed(); i++) {
        int one = print_one(p, found.p[i]);
        p->printed |= !one;
        rc = one > rc ? one : rc;
    }
    free(found.p);
    return rc;
}

/* The library takes a revision as a bound, so one that is yet to come would show the present. */
static int check_revision(printing *p)
{
    crm_head head = CRM_HEAD_INIT;
    crm_error err = CRM_ERROR_INIT;

    if (crm_journal_head(p->txn, &head, &err))
        return fail_crm(p->t, &err);
    if (p->at > head.revision)
        return fail(p->t, CRM_ENOTFOUND, "there is no revision %" PRIu64, p->at);
    return 0;
}

static int run(tool *t, int argc, char **argv)
{
    printing p = {t, NULL, NULL, 0, 0, 0, 0};
    crm_error err = CRM_ERROR_INIT;
    const char *at = NULL;
    int pretty = 0, worst = 0;
    const arg_option own[] = {{"at", 0, ARG_TEXT, &at},
                              {"origins", 0, ARG_FLAG, &p.origins},
                              {"pretty", 0, ARG_FLAG, &pretty},
                              {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (!argc)
        return fail_usage(t, "needs an id, FIELD=VALUE or a value");
    if (at && (args_number(at, &p.at) || !p.at))
        return fail_usage(t, "--at needs a revision, not '%s'", at);
    t->json |= pretty;
    p.flags = (p.origins ? CRM_JSON_ORIGINS : 0) | (pretty ? CRM_JSON_PRETTY : 0) |
              (at ? 0 : CRM_JSON_TAGS); /* those of an earlier revision can't be told */
    if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &p.txn)))
        return rc;
    if (p.at)
        worst = check_revision(&p);
    if (worst) {
        crm_txn_abort(p.txn);
        return worst;
    }
    if (crm_customer_new(p.txn, &p.c, &err))
        worst = fail_crm(t, &err);
    for (int i = 0; i < argc && worst <= TOOL_MISSING && !out_failed(); i++) {
        rc = print_argument(&p, argv[i]);
        worst = rc > worst ? rc : worst;
    }
    crm_customer_free(p.c);
    crm_txn_abort(p.txn);
    return worst;
}

const verb verb_get = {"get", "WHO...", "print records", help, 0, run};
