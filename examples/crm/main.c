/* SPDX-License-Identifier: MIT
 * crm: the command line tool.  Reads what stands before the verb, finds the verb, runs it, and
 * makes sure that what it printed has arrived.
 */
#include "tool.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run_help(tool *t, int argc, char **argv);
static int run_version(tool *t, int argc, char **argv);

static const verb verb_help = {"help",
                               "[VERB]",
                               "this page, or the page of a verb",
                               "Usage: " TOOL " help [VERB] [--json]\n"
                               "\n"
                               "Prints the page of the tool, or of a verb; the same as " TOOL
                               " VERB --help.\n"
                               "With --json its parts: summary, usage, description, arguments,\n"
                               "options, examples; of the tool the verbs and exit codes.\n",
                               0,
                               run_help};
static const verb verb_version = {
    "version",
    "",
    "versions of the tool and of the library",
    "Usage: " TOOL " version [--json]\n"
    "\n"
    "Prints the versions of the tool and of the library in use, and what the library was\n"
    "built from.\n",
    0,
    run_version};

static const verb *const verbs[] = {
    &verb_init,     &verb_create, &verb_get,      &verb_find,    &verb_set,    &verb_delete,
    &verb_undelete, &verb_list,   &verb_segment,  &verb_numbers, &verb_act,    &verb_tag,
    &verb_tags,     &verb_event,  &verb_timeline, &verb_history, &verb_undo,   &verb_changes,
    &verb_head,     &verb_verify, &verb_stat,     &verb_check,   &verb_backup, &verb_restore,
    &verb_compact,  &verb_trim,   &verb_import,   &verb_export,  &verb_dump,   &verb_load,
    &verb_model,    &verb_help,   &verb_version};
enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static const verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static int no_verb(tool *t, const char *name)
{
    buf hint = {0};
    near x;
    int rc;

    near_start(&x, name, strlen(name));
    for (size_t i = 0; i < VERBS; i++)
        near_try(&x, verbs[i]->name);
    near_hint(&x, "", &hint);
    rc = fail_usage(t, "no such verb: %s%s", name, hint.p ? hint.p : "");
    buf_free(&hint);
    return rc;
}

static int run_help(tool *t, int argc, char **argv)
{
    const verb *v;
    int rc = verb_start(t, &argc, argv, NULL);

    if (rc)
        return rc;
    if (argc > 1)
        return fail_usage(t, "one verb at a time");
    if (!argc) {
        help_tool(t, verbs, VERBS);
        return 0;
    }
    if (!(v = find_verb(argv[0])))
        return no_verb(t, argv[0]);
    help_verb(t, v);
    return 0;
}

static int run_version(tool *t, int argc, char **argv)
{
    buf b = {0};

    int rc = verb_start(t, &argc, argv, NULL);

    if (rc)
        return rc;
    if (argc)
        return fail_usage(t, "takes no argument");
    if (t->json) {
        buf_str(&b, "{\"tool\":\"" CRM_VERSION_STRING "\"");
        json_key(&b, "library");
        json_string(&b, crm_version(), strlen(crm_version()));
        json_key(&b, "build");
        json_string(&b, crm_build_info(), strlen(crm_build_info()));
        buf_char(&b, '}');
        out_json(b.p, b.n);
    } else {
        buf_fmt(&b, TOOL " " CRM_VERSION_STRING ", libcrm %s\n%s", crm_version(), crm_build_info());
        out_line(b.p, b.n);
    }
    buf_free(&b);
    return 0;
}

static const char *not_empty(const char *s)
{
    return s && *s ? s : NULL;
}

static const char *locale_language(void)
{
    const char *locale = not_empty(getenv("LC_ALL"));

    if (!locale)
        locale = not_empty(getenv("LC_MESSAGES"));
    if (!locale)
        locale = not_empty(getenv("LANG"));
    return locale && strncmp(locale, "zh", 2) == 0 ? "zh" : "en";
}

/* A tag such as "zh" or "zh-CN".  Which ones have labels is the model's affair. */
static int is_language(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return (n == 2 || n == 3) && (!s[n] || ((s[n] == '-' || s[n] == '_') && s[n + 1]));
}

static const char *login_name(void)
{
    const struct passwd *entry = getpwuid(getuid());

    return entry ? not_empty(entry->pw_name) : not_empty(getenv("LOGNAME"));
}

int verb_start(tool *t, int *argc, char **argv, const arg_option *own)
{
    int rc = args_parse(t, argc, argv, own);

    if (rc)
        return rc;
    if (t->help) {
        help_verb(t, t->verb);
        return TOOL_HELPED;
    }
    if (t->path && !*t->path)
        return fail_usage(t, "-C needs the name of a folder");
    if (t->lang && !is_language(t->lang))
        return fail_usage(t, "--lang needs a language such as en or zh, not '%s'", t->lang);
    if (!t->path)
        t->path = not_empty(getenv("CRM_DB"));
    if (!t->path)
        t->path = "./crm.db";
    if (!t->lang)
        t->lang = locale_language();
    if (!t->write.actor)
        t->write.actor = not_empty(getenv("CRM_ACTOR"));
    if (!t->write.actor)
        t->write.actor = login_name();
    return 0;
}

static int run(tool *t, int argc, char **argv)
{
    const char *name;
    int used, rc;

    /* An error in front of --json shall be JSON too. */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            t->json = 1;
    if ((rc = args_parse_head(t, argc, argv, &used)))
        return rc;
    if (t->help) {
        help_tool(t, verbs, VERBS);
        return 0;
    }
    if (used == argc || strcmp(argv[used], "--") == 0)
        return fail_usage(t, "a verb is needed, e.g. 'create', 'get' or 'list'");
    name = argv[used];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    if (!(t->verb = find_verb(name)))
        return no_verb(t, name);
    return t->verb->run(t, argc - used - 1, argv + used + 1);
}

int main(int argc, char **argv)
{
    tool t = {0};
    int code;

    out_start();
    crm_txn_options_init(&t.write);
    code = run(&t, argc, argv);
    crm_db_close(t.db);
    draft_drop(&t);
    if (code == TOOL_HELPED)
        code = TOOL_OK;
    return out_end(&t, code);
}
