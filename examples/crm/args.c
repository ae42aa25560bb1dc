/* SPDX-License-Identifier: MIT
 * Options of the command line.  They may stand before or behind the other arguments; "--" ends
 * them, so that a value may begin with "-".
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Options every verb has, and those that only verbs that write have. */
typedef struct common {
    arg_option all[6], write[4];
} common;

static void common_options(tool *t, common *out)
{
    const common options = {
        {{"db", 'C', ARG_TEXT, &t->path},
         {"json", 0, ARG_FLAG, &t->json},
         {"lang", 0, ARG_TEXT, &t->lang},
         {"help", 'h', ARG_FLAG, &t->help},
         {NULL, 0, 0, NULL}},
        {{"actor", 0, ARG_TEXT, &t->write.actor},
         {"source", 0, ARG_TEXT, &t->write.source},
         {"zone", 0, ARG_TEXT, &t->write.zone},
         {NULL, 0, 0, NULL}},
    };

    *out = options;
}

int args_number(const char *s, uint64_t *out)
{
    uint64_t value = 0;

    if (!*s)
        return -1;
    for (; *s; s++) {
        if (*s < '0' || *s > '9' || value > (UINT64_MAX - 9) / 10)
            return -1;
        value = value * 10 + (uint64_t)(*s - '0');
    }
    *out = value;
    return 0;
}

static const arg_option *find(const arg_option *options, const char *name, size_t n, char letter)
{
    for (; options && options->name; options++) {
        if (letter && options->letter == letter)
            return options;
        if (!letter && strlen(options->name) == n && memcmp(options->name, name, n) == 0)
            return options;
    }
    return NULL;
}

static int store(tool *t, const arg_option *option, int is_own, const char *value)
{
    if (option->kind == ARG_LIST) {
        arg_list *list = option->to;
        list->p = xrealloc(list->p, (list->n + 1) * sizeof(*list->p));
        list->p[list->n++] = value;
        return 0;
    }
    if (option->kind == ARG_TEXT) {
        /* the options of every verb may stand in an alias, to be given again */
        if (is_own && *(const char **)option->to)
            return fail_usage(t, "--%s is given twice", option->name);
        *(const char **)option->to = value;
        return 0;
    }
    if (args_number(value, option->to))
        return fail_usage(t, "--%s needs a number, not '%s'", option->name, value);
    return 0;
}

static void try_names(near *x, const arg_option *options)
{
    for (; options && options->name; options++)
        near_try(x, options->name);
}

static int unknown(tool *t, const char *name, size_t n, const arg_option *own,
                   const common *options)
{
    buf hint = {0};
    near x;
    int rc;

    near_start(&x, name, n);
    try_names(&x, own);
    try_names(&x, options->all);
    try_names(&x, options->write);
    near_hint(&x, "--", &hint);
    rc = fail_usage(t, "no such option: --%.*s%s", (int)(n < 100 ? n : 100), name,
                    hint.p ? hint.p : "");
    buf_free(&hint);
    return rc;
}

/* --batch or --batch=NAME. */
static int take_batch(tool *t, const char *name)
{
    if (t->write.batch)
        return fail_usage(t, "--batch is given twice");
    if (name && !*name)
        return fail_usage(t, "--batch= needs a name");
    t->write.batch = CRM_BATCH_NEW;
    t->write.batch_name = name;
    return 0;
}

/* Reads the option at argv[i]; *used receives how many arguments it took. */
static int take(tool *t, const arg_option *own, int argc, char **argv, int i, int *used)
{
    const char *arg = argv[i], *value = NULL;
    int is_long = arg[1] == '-', is_own;
    size_t n = is_long ? strcspn(arg + 2, "=") : 1;
    char letter = is_long ? '\0' : arg[1];
    const arg_option *option;
    common options;

    common_options(t, &options);
    option = find(own, arg + 2, n, letter);
    is_own = option != NULL;
    if (!option)
        option = find(options.all, arg + 2, n, letter);
    if (!option && (option = find(options.write, arg + 2, n, letter)))
        t->write_option = 1;
    if (!option && is_long)
        return unknown(t, arg + 2, n, own, &options);
    if (!option)
        return fail_usage(t, "no such option: %s", arg);
    if (is_long && arg[2 + n] == '=')
        value = arg + 3 + n;
    else if (!is_long && arg[2])
        value = arg + 2;
    *used = 1;
    if (option->kind == ARG_BATCH)
        return take_batch(t, value);
    if (option->kind == ARG_FLAG) {
        if (value)
            return fail_usage(t, "--%s takes no value", option->name);
        *(int *)option->to = 1;
        return 0;
    }
    if (!value) {
        if (i + 1 >= argc)
            return is_long ? fail_usage(t, "--%s needs a value", option->name)
                           : fail_usage(t, "-%c needs a value", letter);
        value = argv[i + 1];
        *used = 2;
    }
    return store(t, option, is_own, value);
}

static int is_option(const char *arg)
{
    return arg[0] == '-' && arg[1];
}

int args_parse_head(tool *t, int argc, char **argv, int *used)
{
    int i = 1, taken, rc;

    while (i < argc && is_option(argv[i]) && strcmp(argv[i], "--") != 0) {
        if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
            break; /* read as a verb */
        if ((rc = take(t, NULL, argc, argv, i, &taken)))
            return rc;
        i += taken;
    }
    *used = i;
    return 0;
}

int args_parse(tool *t, int *argc, char **argv, const arg_option *own)
{
    int kept = 0, taken, rc;

    for (int i = 0; i < *argc;) {
        if (strcmp(argv[i], "--") == 0) {
            for (i++; i < *argc; i++)
                argv[kept++] = argv[i];
            break;
        }
        if (!is_option(argv[i])) {
            argv[kept++] = argv[i++];
            continue;
        }
        if ((rc = take(t, own, *argc, argv, i, &taken)))
            return rc;
        i += taken;
    }
    *argc = kept;
    if (t->write_option && t->verb && !t->verb->writes && !t->help)
        return fail_usage(t, "--actor, --source and --zone are for verbs that write");
    return 0;
}
