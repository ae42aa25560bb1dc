/* SPDX-License-Identifier: MIT
 * crm tag and crm tags: gives, takes, renames and counts tags.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char tag_help[] =
    "Usage: " TOOL " tag add TAG WHO... | --where QUERY [--until TIME] [--reason TEXT] [--rule]\n"
    "       " TOOL " tag set DIMENSION[:VALUE[,VALUE...]] WHO... | --where QUERY [--until ...]\n"
    "       " TOOL " tag remove TAG WHO... | --where QUERY\n"
    "       " TOOL " tag rename | merge TAG OTHER\n"
    "       " TOOL " tag delete TAG\n"
    "\n"
    "TAG is DIMENSION:VALUE, by keys or labels, such as region:cn/east or 地域:上海.\n"
    "\n"
    "  add               give customers a tag; in a dimension that has one a customer, it takes\n"
    "                    the place of the one before\n"
    "  remove            take it from them\n"
    "  set               make the values the only ones of the dimension; without a colon and\n"
    "                    values: none\n"
    "  rename            give a tag another name, with those below it\n"
    "  merge             the same where customers may have the other one already\n"
    "  delete            take it, and those below it, from everybody\n"
    "\n"
    "  WHO               an id, FIELD=VALUE or a value, see get\n"
    "  --where QUERY     all customers of a segment, see '" TOOL " segment --help'\n"
    "    --dry-run       do it, then take it back: prints how many it would change\n"
    "  --until TIME      from when on the tag is no longer there (RFC 3339 or a date)\n"
    "  --reason TEXT     why, for people\n"
    "  --rule            a rule gave it, not a person\n"
    "  --batch[=NAME]    make it one batch, which undo takes back\n"
    "\n"
    "All in one transaction, and one entry of the journal, which undo takes back. Customers that\n"
    "are not found are told, the others are tagged, exit code 1; at any other error nothing is.\n"
    "\n"
    "Examples\n"
    "  " TOOL " tag add region:cn/east/shanghai 17 18\n"
    "  " TOOL " tag add 行为:沉睡 电话=13800138000 --until 2027-01-01 --reason 一年未联系\n"
    "  " TOOL " tag set value:high 17\n"
    "  " TOOL " tag set 购买力:高价值 --where '评分 >= 700'\n"
    "  " TOOL " tag merge interest:sport interest:sports\n";

static const char tags_help[] =
    "Usage: " TOOL " tags [DIMENSION]\n"
    "       " TOOL " tags --of WHO [--all]\n"
    "       " TOOL " tags --who TAG\n"
    "\n"
    "Tags and how many customers have them; tags of a customer; customers of a tag.\n"
    "\n"
    "  DIMENSION         only tags of it\n"
    "  --of WHO          the tags of a customer, with who gave them, when and why\n"
    "    --all           also those whose end has come\n"
    "  --who TAG         ids of the customers who have it, or one below it\n"
    "\n"
    "Examples\n"
    "  " TOOL " tags\n"
    "  " TOOL " tags 地域          # 各地域的客户数\n"
    "  " TOOL " tags --of 17\n"
    "  " TOOL " tags --who region:cn\n";

/* What a change of tags is about. */
typedef struct change {
    tool *t;
    crm_txn *txn;
    const char *verb, *tag, *until;
    crm_tag_options o;
    const char **values; /* of set */
    size_t count;
    char *dimension;
} change;

static int is_set(const change *c)
{
    return strcmp(c->verb, "set") == 0;
}

/* One customer, with an entry that names it, or many at once. */
static int write_tags(change *c, const crm_id *all, size_t n, crm_error *err)
{
    if (strcmp(c->verb, "add") == 0)
        return n == 1 ? crm_tag_add(c->txn, *all, c->tag, &c->o, err)
                      : crm_tag_add_many(c->txn, all, n, c->tag, &c->o, NULL, err);
    if (strcmp(c->verb, "remove") == 0)
        return n == 1 ? crm_tag_remove(c->txn, *all, c->tag, err)
                      : crm_tag_remove_many(c->txn, all, n, c->tag, NULL, err);
    return n == 1 ? crm_tag_set(c->txn, *all, c->dimension, c->values, c->count, &c->o, err)
                  : crm_tag_set_many(c->txn, all, n, c->dimension, c->values, c->count, &c->o, NULL,
                                     err);
}

/* Which tags a customer has, until when; of nobody none. */
static int put_state(change *c, crm_id id, buf *out)
{
    crm_error err = CRM_ERROR_INIT;
    crm_tag tag = CRM_TAG_INIT;
    crm_tag_iter *it;
    int rc;

    rc = crm_tag_list(c->txn, id, CRM_TAG_BRIEF | CRM_TAG_ENDED, &it, &err);
    if (rc)
        return rc == CRM_ENOTFOUND ? 0 : fail_crm(c->t, &err);
    while (!(rc = crm_tag_next(it, &tag, &err)))
        buf_fmt(out, "%s %" PRId64 "\n", tag.tag, tag.until_us);
    crm_tag_list_close(it);
    return rc < 0 ? fail_crm(c->t, &err) : 0;
}

static void put_done(change *c, crm_id id, int changed, buf *out)
{
    if (c->t->json)
        buf_fmt(out, "{\"id\":%" PRIu64 ",\"changed\":%s}\n", id, changed ? "true" : "false");
    else
        buf_fmt(out, "%s %" PRIu64 "\n",
                !changed                         ? "unchanged"
                : strcmp(c->verb, "remove") == 0 ? "untagged"
                                                 : "tagged",
                id);
}

/* Who is not there, or deleted, is told and left out. */
static int write_live(change *c, crm_id *all, buf *before, size_t *n, int *missing)
{
    crm_error err = CRM_ERROR_INIT;
    size_t at;

    while (*n) {
        int rc = write_tags(c, all, *n, &err);
        if (rc >= 0)
            return 0;
        fail_crm(c->t, &err);
        at = err.row > 0 ? (size_t)err.row : 0;
        if (rc != CRM_ENOTFOUND || at >= *n)
            return exit_code_of(rc);
        *missing = TOOL_MISSING;
        buf_free(&before[at]);
        --*n;
        memmove(all + at, all + at + 1, (*n - at) * sizeof(*all));
        memmove(before + at, before + at + 1, (*n - at) * sizeof(*before));
    }
    return 0;
}

/* All of them at once; whom it changed is told by what each had before. */
static int change_all(change *c, crm_id *all, size_t n, buf *out)
{
    buf *before = xrealloc(NULL, n * sizeof(*before)), after = {0};
    int missing = 0, rc = 0;

    memset(before, 0, n * sizeof(*before));
    for (size_t i = 0; i < n && !rc; i++)
        rc = put_state(c, all[i], &before[i]);
    if (!rc)
        rc = write_live(c, all, before, &n, &missing);
    for (size_t i = 0; i < n && !rc; i++) {
        after.n = 0;
        rc = put_state(c, all[i], &after);
        put_done(c, all[i],
                 after.n != before[i].n || (after.n && memcmp(after.p, before[i].p, after.n) != 0),
                 out);
    }
    for (size_t i = 0; i < n; i++)
        buf_free(&before[i]);
    buf_free(&after);
    free(before);
    return rc ? rc : missing;
}

static int finish(tool *t, crm_txn *txn, int worst, buf *out)
{
    int rc;

    if (worst > TOOL_MISSING)
        crm_txn_abort(txn);
    else if ((rc = commit(t, txn)))
        worst = rc;
    else
        out_put(out->p ? out->p : "", out->n);
    buf_free(out);
    return worst;
}

static int run_customers(change *c, int argc, char **argv)
{
    crm_id *all = xrealloc(NULL, (size_t)argc * sizeof(*all));
    size_t n = 0;
    buf out = {0};
    int rc, worst;

    if ((rc = open_write(c->t, 0)) || (rc = begin(c->t, CRM_WRITE, &c->txn))) {
        free(all);
        return rc;
    }
    worst = time_until(c->t, c->txn, c->until, &c->o.until_us);
    for (int i = 0; i < argc && worst <= TOOL_MISSING; i++) {
        rc = target_one(c->t, c->txn, argv[i], &all[n]);
        n += !rc;
        worst = rc > worst ? rc : worst;
    }
    if (n && worst <= TOOL_MISSING) {
        rc = change_all(c, all, n, &out);
        worst = rc > worst ? rc : worst;
    }
    free(all);
    return finish(c->t, c->txn, worst, &out);
}

/* All customers of a segment. */
static int run_where(change *c, const char *where, int dry_run)
{
    segment_act a = {.tag = c->tag, .until = c->until, .reason = c->o.reason, .dry_run = dry_run};

    a.untag = strcmp(c->verb, "remove") == 0;
    a.rule = c->o.origin == CRM_TAG_RULE;
    a.dimension = c->dimension;
    a.values = c->values;
    a.count = c->count;
    return segment_act_run(c->t, where, &a);
}

/* Cuts a text in front of the first mark, as on a keyboard or typed by a Chinese input method; what
 * is behind it, NULL: there is none. */
static char *cut(char *text, const char *const marks[3])
{
    for (char *at = text; *at; at++) {
        for (int i = 0; i < 3 && marks[i]; i++) {
            if (strncmp(at, marks[i], strlen(marks[i])) != 0)
                continue;
            *at = 0;
            return at + strlen(marks[i]);
        }
    }
    return NULL;
}

/* DIMENSION:A,B,C into its parts; the text is cut in place.  To take all tags is asked for without
 * a colon: an empty variable of a script does not. */
static int split_set(change *c, char *text)
{
    static const char *const colons[3] = {":", "：", NULL}, *const commas[3] = {",", "，", "、"};
    char *at = cut(text, colons);

    c->dimension = text;
    if (at && !*at)
        return fail_usage(c->t, "a value is missing after '%s:'; tag set %s takes all", text, text);
    while (at && *at) {
        char *next = cut(at, commas);
        c->values = xrealloc(c->values, (c->count + 1) * sizeof *c->values);
        c->values[c->count++] = at;
        at = next;
    }
    return 0;
}

static int run_whole(change *c, const char *other)
{
    crm_error err = CRM_ERROR_INIT;
    long_call work;
    uint64_t n = 0;
    buf out = {0};
    int rc;

    if ((rc = open_write(c->t, 0)) || (rc = begin(c->t, CRM_WRITE, &c->txn)))
        return rc;
    long_begin(&work, c->t, c->txn, "ids");
    rc = strcmp(c->verb, "rename") == 0  ? crm_tag_rename(c->txn, c->tag, other, &n, &err)
         : strcmp(c->verb, "merge") == 0 ? crm_tag_merge(c->txn, c->tag, other, &n, &err)
                                         : crm_tag_delete(c->txn, c->tag, &n, &err);
    rc = long_end(&work, rc, &err);
    if (rc) {
        crm_txn_abort(c->txn);
        return rc;
    }
    if (c->t->json)
        buf_fmt(&out, "{\"changed\":%" PRIu64 "}\n", n);
    else
        buf_fmt(&out, "changed %" PRIu64 "\n", n);
    return finish(c->t, c->txn, 0, &out);
}

/* How a tag is given says nothing where none is. */
static int gives_none(change *c)
{
    const char *odd = c->until                      ? "--until"
                      : c->o.reason                 ? "--reason"
                      : c->o.origin == CRM_TAG_RULE ? "--rule"
                                                    : NULL;

    return odd && strcmp(c->verb, "add") && strcmp(c->verb, "set")
               ? fail_usage(c->t, "%s takes no %s", c->verb, odd)
               : 0;
}

static int run_tag(tool *t, int argc, char **argv)
{
    const char *reason = NULL, *where = NULL;
    change c = {.t = t};
    int rule = 0, dry_run = 0, rc, whole;
    const arg_option own[] = {{"until", 0, ARG_TEXT, &c.until},
                              {"reason", 0, ARG_TEXT, &reason},
                              {"rule", 0, ARG_FLAG, &rule},
                              {"where", 0, ARG_TEXT, &where},
                              {"dry-run", 0, ARG_FLAG, &dry_run},
                              {"batch", 0, ARG_BATCH, NULL},
                              {NULL, 0, 0, NULL}};

    if ((rc = verb_start(t, &argc, argv, own)))
        return rc;
    if (argc < 2)
        return fail_usage(t, "needs a word and a tag, such as tag add region:cn 17");
    c.verb = argv[0];
    c.tag = argv[1];
    crm_tag_options_init(&c.o);
    c.o.reason = reason;
    c.o.origin = rule ? CRM_TAG_RULE : CRM_TAG_MANUAL;
    whole = strcmp(c.verb, "rename") == 0 || strcmp(c.verb, "merge") == 0 ? 3
            : strcmp(c.verb, "delete") == 0                               ? 2
                                                                          : 0;
    if ((rc = gives_none(&c)))
        return rc;
    if (dry_run && !where)
        return fail_usage(t, "--dry-run goes with --where");
    if (whole && where)
        return fail_usage(t, "%s takes no --where", c.verb);
    if (whole)
        return argc == whole ? run_whole(&c, argc > 2 ? argv[2] : NULL)
                             : fail_usage(t, "%s needs %s", c.verb,
                                          whole == 3 ? "a tag and another one" : "a tag");
    if (strcmp(c.verb, "add") && strcmp(c.verb, "remove") && strcmp(c.verb, "set"))
        return fail_usage(t, "'%s' is none of add, remove, set, rename, merge, delete", c.verb);
    if ((argc > 2) == (where != NULL))
        return fail_usage(t, "needs the customers, or --where");
    if (is_set(&c) && (rc = split_set(&c, argv[1])))
        return rc;
    rc = where ? run_where(&c, where, dry_run) : run_customers(&c, argc - 2, argv + 2);
    free(c.values);
    return rc;
}

/* ---- tags ---- */

static void text_member(buf *out, const char *name, const char *text)
{
    if (!text)
        return;
    buf_fmt(out, ",\"%s\":", name);
    json_string(out, text, strlen(text));
}

static void cells(table *tb, tool *t, const char *const all[][2], size_t n)
{
    int zh = is_chinese(t->lang);

    for (size_t i = 0; i < n; i++)
        table_cell(tb, all[i][zh], strlen(all[i][zh]));
}

static void put_tag(tool *t, crm_txn *txn, const crm_tag *tag, table *tb)
{
    static const char *const ORIGIN[][2] = {
        {"manual", "手工"}, {"rule", "规则"}, {"import", "导入"}};
    const char *const *origin = ORIGIN[tag->origin % 3];
    buf when = {0}, until = {0}, out = {0};

    buf_time(&when, tag->given_us);
    if (tag->until_us)
        buf_time(&until, tag->until_us);
    if (t->json) {
        buf_str(&out, "{\"tag\":");
        json_string(&out, tag->tag, strlen(tag->tag));
        text_member(&out, "until", tag->until_us ? until.p : NULL);
        buf_fmt(&out, ",\"revision\":%" PRIu64, tag->revision);
        text_member(&out, "given_at", when.p);
        if (tag->batch)
            buf_fmt(&out, ",\"batch\":%" PRIu64, tag->batch);
        text_member(&out, "origin", origin[0]);
        text_member(&out, "actor", tag->actor);
        text_member(&out, "source", tag->source);
        text_member(&out, "reason", tag->reason);
        buf_str(&out, "}\n");
        out_put(out.p, out.n);
    } else {
        const char *rest[] = {until.p ? until.p : "", when.p, tag->actor ? tag->actor : "",
                              origin[is_chinese(t->lang)], tag->reason ? tag->reason : ""};
        put_tag_label(txn, tag->tag, t->lang, &out);
        table_cell(tb, out.p, out.n);
        for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
            table_cell(tb, rest[i], strlen(rest[i]));
    }
    buf_free(&when);
    buf_free(&until);
    buf_free(&out);
}

static int tags_of(tool *t, crm_txn *txn, const char *who, int all)
{
    static const char *const head[][2] = {{"Tag", "标签"},       {"Until", "截止时间"},
                                          {"Given", "授予时间"}, {"Actor", "操作人"},
                                          {"Origin", "方式"},    {"Reason", "原因"}};
    crm_error err = CRM_ERROR_INIT;
    crm_tag tag = CRM_TAG_INIT;
    crm_tag_iter *it = NULL;
    table *tb = NULL;
    crm_id id = 0;
    int rc = target_one(t, txn, who, &id);

    if (rc)
        return rc;
    if (crm_tag_list(txn, id, all ? CRM_TAG_ENDED : 0, &it, &err))
        return fail_crm(t, &err);
    if (!t->json) {
        tb = table_new(6, 0, 0);
        cells(tb, t, head, 6);
    }
    while (!(rc = crm_tag_next(it, &tag, &err)))
        put_tag(t, txn, &tag, tb);
    if (tb)
        table_end(tb);
    crm_tag_list_close(it);
    return rc < 0 ? fail_crm(t, &err) : 0;
}

static int tags_who(tool *t, crm_txn *txn, const char *tag)
{
    crm_error err = CRM_ERROR_INIT;
    crm_customer_iter *it = NULL;
    crm_customer *c;
    buf out = {0};
    int rc;

    if (crm_tag_customers(txn, tag, 0, 0, &it, &err))
        return fail_crm(t, &err);
    while (!(rc = crm_customer_next(it, &c, &err)))
        buf_fmt(&out, t->json ? "{\"id\":%" PRIu64 "}\n" : "%" PRIu64 "\n", crm_customer_id(c));
    crm_customer_list_close(it);
    out_put(out.p ? out.p : "", out.n);
    buf_free(&out);
    return rc < 0 ? fail_crm(t, &err) : 0;
}

static int tags_counts(tool *t, crm_txn *txn, const char *dimension)
{
    static const char *const head[][2] = {
        {"Tag", "标签"}, {"Customers", "客户数"}, {"With those below", "含下级"}};
    crm_tag_count count = CRM_TAG_COUNT_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_tag_count_iter *it = NULL;
    table *tb = NULL;
    int rc;

    if (crm_tag_counts(txn, dimension, &it, &err))
        return fail_crm(t, &err);
    if (!t->json) {
        tb = table_new(3, 0, 0);
        cells(tb, t, head, 3);
        table_right(tb, 1);
        table_right(tb, 2);
    }
    while (!(rc = crm_tag_count_next(it, &count, &err))) {
        buf tag = {0}, out = {0}, below = {0};
        if (t->json) {
            buf_str(&out, "{\"tag\":");
            json_string(&out, count.tag, strlen(count.tag));
            buf_fmt(&out, ",\"customers\":%" PRIu64 ",\"below\":%" PRIu64 "}\n", count.customers,
                    count.below);
            out_put(out.p, out.n);
        } else {
            put_tag_label(txn, count.tag, t->lang, &tag);
            buf_count(&out, count.customers);
            buf_count(&below, count.below);
            table_cell(tb, tag.p, tag.n);
            table_cell(tb, out.p, out.n);
            table_cell(tb, below.p, below.n);
        }
        buf_free(&tag);
        buf_free(&out);
        buf_free(&below);
    }
    if (tb)
        table_end(tb);
    crm_tag_count_close(it);
    return rc < 0 ? fail_crm(t, &err) : 0;
}

static int run_tags(tool *t, int argc, char **argv)
{
    const char *of = NULL, *who = NULL;
    int all = 0, rc;
    const arg_option own[] = {{"of", 0, ARG_TEXT, &of},
                              {"who", 0, ARG_TEXT, &who},
                              {"all", 0, ARG_FLAG, &all},
                              {NULL, 0, 0, NULL}};
    crm_txn *txn;

    if ((rc = verb_start(t, &argc, argv, own)))
        return rc;
    if ((of != NULL) + (who != NULL) + (argc > 0) > 1 || argc > 1)
        return fail_usage(t, "takes one of a dimension, --of and --who");
    if (all && !of)
        return fail_usage(t, "--all goes with --of");
    if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &txn)))
        return rc;
    rc = of    ? tags_of(t, txn, of, all)
         : who ? tags_who(t, txn, who)
               : tags_counts(t, txn, argc ? argv[0] : NULL);
    crm_txn_abort(txn);
    return rc;
}

const verb verb_tag = {
    "tag",  "add|remove|set|rename|merge|delete TAG ...", "give and take tags", tag_help, 1,
    run_tag};
const verb verb_tags = {
    "tags", "[DIMENSION]", "tags: counts, of a customer, who has one", tags_help, 0, run_tags};
