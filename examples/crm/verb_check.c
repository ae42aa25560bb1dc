/* SPDX-License-Identifier: MIT
 * crm check: looks for damage in a database.
 */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " check [--repair] [--json]\n"
    "\n"
    "Checks the whole database: every page, every value, the journal, and that the derived\n"
    "spaces equal what would be rebuilt from the records. Reads the file without changing\n"
    "it; others may go on working.\n"
    "\n"
    "  --repair          make what is derived anew where it is wrong, and check again\n"
    "\n"
    "A repair changes nothing that records, events and the journal hold: what is damaged\n"
    "there is named and left. Others may go on working, and it can be stopped and begun\n"
    "again at any time. A damaged page of a derived space is repaired by making a new file,\n"
    "while nobody else has the database open. The journal names the spaces that were\n"
    "repaired.\n"
    "\n"
    "Prints each fault and a summary. Exit code 0 without faults, or when all are repaired;\n"
    "1 with faults; 130 when stopped by Ctrl-C.\n"
    "\n"
    "Examples\n"
    "  " TOOL " check\n"
    "  " TOOL " check --repair\n"
    "  " TOOL " -C 门店.db check --json\n";

typedef struct checking {
    tool *t;
    progress bar;
    int repair;
} checking;

static void on_fault(const crm_fault *f, void *ctx)
{
    checking *state = ctx;
    buf b = {0};

    progress_clear(&state->bar);
    if (state->t->json) {
        buf_str(&b, "{\"space\":");
        json_string(&b, f->space, strlen(f->space));
        if (f->customer)
            buf_fmt(&b, ",\"customer\":%" PRIu64, f->customer);
        if (f->page >= 0)
            buf_fmt(&b, ",\"page\":%" PRId64, f->page);
        json_key(&b, "message");
        json_string(&b, f->message, strlen(f->message));
        if (state->repair)
            buf_fmt(&b, ",\"repaired\":%s", f->repaired ? "true" : "false");
        buf_char(&b, '}');
        out_json(b.p, b.n);
    } else {
        buf_fmt(&b, "%s: ", f->space);
        if (f->customer)
            buf_fmt(&b, "customer %" PRIu64 ": ", f->customer);
        if (f->page >= 0)
            buf_fmt(&b, "page %" PRId64 ": ", f->page);
        text_clean(&b, f->message, strlen(f->message));
        if (f->repaired)
            buf_str(&b, " (repaired)");
        out_line(b.p, b.n);
    }
    buf_free(&b);
}

static int on_progress(uint64_t done, uint64_t total, void *ctx)
{
    checking *state = ctx;

    progress_step(&state->bar, done, total, done);
    return interrupted() || out_failed();
}

static void put_result(tool *t, const crm_check_result *r, int repair)
{
    buf b = {0};

    if (t->json) {
        buf_fmt(&b,
                "{\"faults\":%" PRIu64 ",\"pages\":%" PRIu64 ",\"customers\":%" PRIu64
                ",\"entries\":%" PRIu64 ",\"derived\":%" PRIu64,
                r->faults, r->pages, r->customers, r->entries, r->derived);
        if (repair)
            buf_fmt(&b, ",\"repaired\":%" PRIu64, r->repaired);
        buf_char(&b, '}');
    } else {
        buf_count(&b, r->faults);
        buf_str(&b, r->faults == 1 ? " fault in " : " faults in ");
        buf_count(&b, r->pages);
        buf_str(&b, " pages, ");
        buf_count(&b, r->customers);
        buf_str(&b, r->customers == 1 ? " customer, " : " customers, ");
        buf_count(&b, r->entries);
        buf_str(&b, r->entries == 1 ? " journal entry, " : " journal entries, ");
        buf_count(&b, r->derived);
        buf_str(&b, r->derived == 1 ? " derived row" : " derived rows");
        if (repair) {
            buf_str(&b, "; ");
            buf_count(&b, r->repaired);
            buf_str(&b, r->repaired == 1 ? " fault repaired" : " faults repaired");
        }
    }
    out_line(b.p, b.n);
    buf_free(&b);
}

static int run(tool *t, int argc, char **argv)
{
    crm_check_options options = CRM_CHECK_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_check_result result;
    checking state = {0};
    const arg_option own[] = {{"repair", 0, ARG_FLAG, &state.repair}, {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (argc)
        return fail_usage(t, "takes no argument");
    memset(&result, 0, sizeof(result));
    state.t = t;
    interrupt_catch();
    progress_start(t, &state.bar, "rows and pages");
    options.flags = state.repair ? CRM_CHECK_REPAIR : 0;
    options.actor = t->write.actor;
    options.fault = on_fault;
    options.fault_ctx = &state;
    options.progress = on_progress;
    options.progress_ctx = &state;
    rc = crm_check(t->path, &options, sizeof(result), &result, &err);
    progress_clear(&state.bar);
    if (rc == CRM_ENOTFOUND)
        return open_absent(t);
    if (rc && (rc != CRM_ECORRUPT || !result.faults))
        return fail_crm(t, &err);
    put_result(t, &result, state.repair);
    return rc ? TOOL_MISSING : 0;
}

const verb verb_check = {"check", "[--repair]", "look for damage, and repair", help, 1, run};
