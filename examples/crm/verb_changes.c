/* SPDX-License-Identifier: MIT
 * crm changes: every change of the database in order, and those to come.
 */
#include "follow.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " changes [--after REVISION] [--follow] [--limit N]\n"
    "\n"
    "Prints the changes of the database in order, a line each: the revision, when, who, what\n"
    "was done, to which customer, and which fields. Values are not shown: see history. Tags are:\n"
    "+ given, - taken, ~ with another end; of a batch also to how many customers.\n"
    "\n"
    "  --after REVISION  only those after this one: the last that was seen\n"
    "  --follow          go on with those to come, of any process, until Ctrl-C; exit code 0\n"
    "  --limit N         at most so many, 1 or more; where to go on is told on standard error\n"
    "\n"
    "Each line is written as soon as it is known, and each change is told once: a program\n"
    "that keeps the last revision it has dealt with misses nothing.\n"
    "\n"
    "Examples\n"
    "  " TOOL " changes --limit 10\n"
    "  " TOOL " changes --after 204 --json\n"
    "  " TOOL " changes --after 204 --follow --json | while read -r line; do ... ; done\n";

typedef struct feed {
    follow f;
    crm_txn *txn; /* NULL: between two snapshots */
    crm_change_iter *it;
} feed;

static void end_snapshot(void *ctx)
{
    feed *f = ctx;

    crm_change_close(f->it);
    f->it = NULL;
    crm_txn_abort(f->txn);
    f->txn = NULL;
}

static int begin_snapshot(feed *f)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = begin(f->f.t, CRM_READ, &f->txn);

    if (rc)
        return rc;
    return crm_change_list(f->txn, f->f.seen, &f->it, &err) ? fail_crm(f->f.t, &err) : 0;
}

static void put_many(buf *b, uint64_t n, const char *what)
{
    if (!n)
        return;
    buf_str(b, b->p[b->n - 1] == ':' ? " " : ", ");
    buf_count(b, n);
    buf_fmt(b, " %s", what);
}

/* Names of the spaces that a repair made anew. */
static void put_spaces(feed *f, uint64_t spaces, buf *b)
{
    crm_error err = CRM_ERROR_INIT;
    crm_space_stat space;

    for (size_t pos = 0, i = 0; !crm_db_space_next(f->f.t->db, &pos, &space, &err); i++) {
        if (spaces >> i & 1)
            buf_fmt(b, " %s", space.name);
    }
    if (spaces >> 18 & 1)
        buf_str(b, " file");
}

/* A tag with what was done to it: + given, - taken, ~ another end; of a batch to how many. */
static void put_way(buf *b, char sign, const char *tag, uint64_t n, int lists)
{
    if (!n)
        return;
    buf_fmt(b, "%s%c%s", b->p[b->n - 1] == ':' ? " " : ", ", sign, tag);
    if (lists) {
        buf_str(b, " (");
        buf_count(b, n);
        buf_str(b, ")");
    }
}

static int put_tags(feed *f, const crm_change *c, int lists, buf *b)
{
    crm_error err = CRM_ERROR_INIT;
    crm_tag_change tag = CRM_TAG_CHANGE_INIT;

    if (c->tag_count && !lists)
        buf_char(b, ':');
    for (uint32_t i = 0; i < c->tag_count; i++) {
        if (crm_change_tag(f->it, i, &tag, &err))
            return fail_crm(f->f.t, &err);
        put_way(b, '+', tag.tag, tag.given, lists);
        put_way(b, '-', tag.tag, tag.taken, lists);
        put_way(b, '~', tag.tag, tag.renewed, lists);
    }
    return 0;
}

/* What the change was about. */
static int put_target(feed *f, const crm_change *c, buf *b)
{
    int lists = c->action == CRM_ACTION_BATCH || c->action == CRM_ACTION_UNDO ||
                c->action == CRM_ACTION_LIVE;
    crm_error err = CRM_ERROR_INIT;
    const char *key;

    if (c->action == CRM_ACTION_MODEL)
        buf_fmt(b, " version %" PRIu64, c->target);
    else if (c->action == CRM_ACTION_TRIM)
        buf_fmt(b, " images before %" PRIu64, c->target);
    else if (c->action == CRM_ACTION_REPAIR)
        put_spaces(f, c->target, b);
    else if (c->reason)
        buf_fmt(b, " (%s)%s%s", c->reason, c->segment ? " of " : "", c->segment ? c->segment : "");
    else if (c->action == CRM_ACTION_BATCH)
        buf_fmt(b, " %" PRIu64 ":", c->batch);
    else if (c->action == CRM_ACTION_UNDO)
        buf_fmt(b, " %" PRIu64 " (batch %" PRIu64 "):", c->target, c->batch);
    else if (c->action == CRM_ACTION_LIVE)
        buf_char(b, ':');
    else
        buf_fmt(b, " customer %" PRIu64, c->target);
    if (lists) {
        put_many(b, c->created, "created");
        put_many(b, c->changed, "changed");
        put_many(b, c->with_events, "with events");
    }
    for (uint32_t i = 0; i < c->field_count; i++) {
        if (crm_change_field(f->it, i, &key, &err))
            return fail_crm(f->f.t, &err);
        buf_fmt(b, "%s%s", i ? ", " : ": ", key);
    }
    return put_tags(f, c, lists, b);
}

static int put_text(feed *f, const crm_change *c)
{
    buf b = {0}, line = {0};
    int rc;

    buf_fmt(&b, "%" PRIu64 "  ", c->revision);
    buf_time(&b, c->recorded_us);
    buf_fmt(&b, "  %s  %s", c->actor ? c->actor : "-", crm_action_name(c->action));
    rc = put_target(f, c, &b);
    if (!rc) {
        text_clean(&line, b.p, b.n);
        out_line(line.p, line.n);
    }
    buf_free(&line);
    buf_free(&b);
    return rc;
}

static int put_json(feed *f)
{
    crm_error err = CRM_ERROR_INIT;
    char *json;
    size_t n;

    if (crm_change_json(f->it, &json, &n, &err))
        return fail_crm(f->f.t, &err);
    out_json(json, n);
    crm_free(json);
    return 0;
}

/* Those that are there. */
static int put_present(void *ctx)
{
    crm_change change = CRM_CHANGE_INIT;
    crm_error err = CRM_ERROR_INIT;
    feed *f = ctx;
    int rc, code = 0;

    while (!code && !follow_over(&f->f)) {
        if (!f->it && (rc = begin_snapshot(f)))
            return rc;
        rc = crm_change_next(f->it, &change, &err);
        if (rc == CRM_DONE)
            return 0;
        if (rc)
            return fail_crm(f->f.t, &err);
        if (!f->f.left) {
            f->f.more = 1;
            return 0;
        }
        f->f.left--;
        f->f.ended = f->f.on && !f->f.left;
        f->f.seen = change.revision;
        code = f->f.t->json ? put_json(f) : put_text(f, &change);
        if (f->f.on)
            out_flush();
    }
    return code;
}

static int run(tool *t, int argc, char **argv)
{
    feed f = {{t, &f, put_present, end_snapshot, 0, UINT64_MAX, 0, 0, 0}, NULL, NULL};
    const arg_option own[] = {{"after", 0, ARG_NUMBER, &f.f.seen},
                              {"follow", 0, ARG_FLAG, &f.f.on},
                              {"limit", 0, ARG_NUMBER, &f.f.left},
                              {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    return argc ? fail_usage(t, "takes no argument") : follow_run(&f.f);
}

const verb verb_changes = {"changes", "", "every change in order, also those to come",
                           help,      0,  run};
