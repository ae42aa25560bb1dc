/* SPDX-License-Identifier: MIT
 * crm init: makes a database.
 */
#include "tool.h"

#include <string.h>

static const char help[] =
    "Usage: " TOOL " init [DIR] [--model FILE] [--actor NAME]\n"
    "\n"
    "Makes a database in a folder, and the folder. 'create' and 'model apply' do this too when\n"
    "there is none yet; init is for a model of your own from the start.\n"
    "\n"
    "  DIR               the folder; else that of -C, $CRM_DB or ./crm.db\n"
    "  --model FILE      model (YAML) of the new database; else the built-in one, which\n"
    "                    '" TOOL " model show --default' prints\n"
    "  --actor NAME      who makes it: the first entry of the journal names them; else\n"
    "                    $CRM_ACTOR, else the login name\n"
    "\n"
    "A database that is there already is left alone: exit code 3.\n"
    "\n"
    "Examples\n"
    "  " TOOL " init\n"
    "  " TOOL " init shop.db --model shop.yaml\n"
    "  " TOOL " model show --default > 门店.yaml    # 改好后:\n"
    "  " TOOL " init 门店.db --model 门店.yaml\n";

enum { MODEL_MAX = 1 << 20 };

static int make(tool *t, const char *file, const char *model)
{
    crm_db_options options = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    int rc;

    options.flags = CRM_NOCREATE;
    rc = crm_db_open(t->path, &options, &t->db, &err);
    if (!rc)
        return fail(t, CRM_EEXISTS, "%s is a database already", t->path);
    if (rc != CRM_ENOTFOUND)
        return fail_crm(t, &err);
    /* first, so that a faulty model leaves nothing behind, and is told with all its faults */
    if (model && (rc = model_faults(t, file, model, strlen(model))))
        return rc;
    crm_error_init(&err);
    options.flags = 0;
    options.model = model;
    options.actor = t->write.actor;
    rc = crm_db_open(t->path, &options, &t->db, &err);
    if (rc) {
        fail_crm(t, &err);
        return rc == CRM_ENOTFOUND ? TOOL_SYSTEM : exit_code_of(rc);
    }
    return 0;
}

static int run(tool *t, int argc, char **argv)
{
    const char *file = NULL;
    const arg_option own[] = {{"model", 0, ARG_TEXT, &file}, {NULL, 0, 0, NULL}};
    buf model = {0}, line = {0};
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (argc > 1)
        return fail_usage(t, "one folder, please");
    if (argc && !*argv[0])
        return fail_usage(t, "the name of the folder is empty");
    if (argc)
        t->path = argv[0];
    if (file && (rc = slurp(t, file, MODEL_MAX, &model)))
        return rc;
    if (file && strlen(model.p) != model.n)
        rc = fail(t, CRM_EINVAL, "%s has a NUL byte", file);
    if (!rc)
        rc = make(t, file, file ? model.p : NULL);
    if (!rc && t->json) {
        buf_str(&line, "{\"made\":");
        json_string(&line, t->path, strlen(t->path));
        buf_char(&line, '}');
        out_json(line.p, line.n);
    } else if (!rc) {
        buf_str(&line, "made ");
        text_clean(&line, t->path, strlen(t->path));
        out_line(line.p, line.n);
    }
    buf_free(&line);
    buf_free(&model);
    return rc;
}

const verb verb_init = {"init", "[DIR]", "make a database, with a model of your own", help, 1, run};
