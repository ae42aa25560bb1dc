/* SPDX-License-Identifier: MIT
 * crm act: several things done to all customers of a segment, as one batch.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " act QUERY [--tag TAG]... [--untag TAG]... [--set FIELD=VALUE]...\n"
    "               [--event ATTRIBUTE=VALUE]... [--save NAME [--export FILE]] [--dry-run]\n"
    "\n"
    "Does something to every customer of a segment: gives or takes tags, sets fields, adds an\n"
    "event, saves who they are, exports them. The changes are one batch: written together or\n"
    "not at all, and '" TOOL " undo' takes them back. Who is meant is found out first, so that\n"
    "one thing does not change whom the next is done to.\n"
    "\n"
    "  QUERY             in the segment language, see '" TOOL " segment --help'; @FILE, or -\n"
    "  --tag TAG         give a tag, e.g. behaviour:dormant; may be given again\n"
    "  --untag TAG       take a tag; may be given again\n"
    "  --set FIELD=VALUE\n"
    "                    set a field; FIELD= empties it, FIELD+=VALUE and FIELD-=VALUE change a\n"
    "                    list; may be given again\n"
    "  --event ATTRIBUTE=VALUE\n"
    "                    of one event, e.g. --event kind=call --event direction=out; without a\n"
    "                    time it happened now\n"
    "  --reference REF   number of the event in its source: who has it already gets no second\n"
    "  --save NAME       save who they are as a static segment, which segment(NAME) asks for;\n"
    "                    undone, it has those whom it had before\n"
    "  --replace         of --save: in place of a segment of that name\n"
    "  --export FILE     of --save: then export them as they are after the changes, to .csv,\n"
    "                    .tsv, .jsonl or .vcf; the journal keeps the reason\n"
    "  --until TIME      when the tags given end, where their dimensions allow an end\n"
    "  --reason TEXT     why the tags are given, and why they are exported\n"
    "  --batch=NAME      name of the batch\n"
    "  --dry-run         do it, then take it back: prints what would be changed\n"
    "\n"
    "Examples\n"
    "  " TOOL " act 'last(order) before 2026' --tag behaviour:dormant --dry-run\n"
    "  " TOOL " act 'city = 上海 and owner is empty' --set owner=li.na --event kind=call\n"
    "  " TOOL " act 'segment(vip)' --untag value:low --tag value:high --reason 'spring review'\n"
    "  " TOOL " act 'tag(地域:上海) and email is not empty' --save spring --export spring.csv \\\n"
    "      --event kind=email --event subject='Spring fair' --reason 'spring newsletter'\n";

typedef struct wishes {
    arg_list tags, untags, sets, event;
    const char *until, *reason, *reference, *save, *file;
    int dry_run, replace;
} wishes;

/* What is done, in the order in which it is told. */
typedef struct plan {
    crm_segment_action *p;
    char **names; /* of tags their keys, NULL of all else */
    size_t n;
    crm_tag_options how;
    buf set, event;
} plan;

/* The key of a tag that is given by labels, as a segment of it has it; NULL: it is none. */
static char *tag_key(crm_txn *txn, const char *tag)
{
    crm_segment *s = NULL;
    slice value = {NULL, 0}, key;
    buf b = {0};
    char *json = NULL, *found = NULL;
    size_t n, pos = 0;

    buf_str(&b, "{\"tag\":[");
    json_string(&b, tag, strlen(tag));
    buf_str(&b, "],\"match\":\"any\"}");
    if (!crm_segment_parse_json(txn, b.p, b.n, &s, NULL) && !crm_segment_json(s, &json, &n, NULL) &&
        json_next(json_member((slice){json, n}, "tag"), &pos, &key, &value)) {
        b.n = 0;
        json_text(&b, value);
        buf_char(&b, 0);
        found = b.p;
        b = (buf){0};
    }
    crm_free(json);
    crm_segment_free(s);
    buf_free(&b);
    return found;
}

static void add(plan *x, crm_txn *txn, uint32_t what, const char *text)
{
    crm_segment_action a = {what, 0, text, what == CRM_ACT_TAG ? &x->how : NULL, 0};

    x->p = xrealloc(x->p, (x->n + 1) * sizeof(*x->p));
    x->names = xrealloc(x->names, (x->n + 1) * sizeof(*x->names));
    x->names[x->n] = what == CRM_ACT_TAG || what == CRM_ACT_UNTAG ? tag_key(txn, text) : NULL;
    x->p[x->n++] = a;
}

static char **arguments(const arg_list *l)
{
    return (char **)(uintptr_t)l->p;
}

static int make_plan(tool *t, crm_txn *txn, const wishes *o, plan *x)
{
    int rc;

    crm_tag_options_init(&x->how);
    x->how.reason = o->reason;
    if ((rc = time_until(t, txn, o->until, &x->how.until_us)))
        return rc;
    if (o->save) {
        add(x, txn, CRM_ACT_SAVE, o->save);
        x->p[0].flags = o->replace ? CRM_SEGMENT_REPLACE : 0;
    }
    for (size_t i = 0; i < o->untags.n; i++)
        add(x, txn, CRM_ACT_UNTAG, o->untags.p[i]);
    for (size_t i = 0; i < o->tags.n; i++)
        add(x, txn, CRM_ACT_TAG, o->tags.p[i]);
    if (o->sets.n) {
        rc = pairs_document(t, txn, (int)o->sets.n, arguments(&o->sets), 1, 0, &x->set);
        if (!rc)
            add(x, txn, CRM_ACT_PATCH, x->set.p);
    }
    if (!rc && o->event.n) {
        rc = event_document(t, o->reference, (int)o->event.n, arguments(&o->event), &x->event);
        if (!rc)
            add(x, txn, CRM_ACT_EVENT, x->event.p);
    }
    return rc;
}

/* ---- what was done ---- */

static const char *name_of(const crm_segment_action *a)
{
    static const char *const names[] = {"", "tag", "untag", "set", "event", "save"};

    return names[a->what];
}

/* Which tag, or under which name; NULL of what has none. */
static const char *named(const plan *x, size_t i)
{
    const crm_segment_action *a = &x->p[i];

    if (a->what == CRM_ACT_PATCH || a->what == CRM_ACT_EVENT)
        return NULL;
    return x->names[i] ? x->names[i] : a->text;
}

static void put_json(const plan *x, uint64_t customers, int dry_run)
{
    buf b = {0};

    buf_fmt(&b, "{\"customers\":%" PRIu64 ",\"actions\":[", customers);
    for (size_t i = 0; i < x->n; i++) {
        buf_fmt(&b, "%s{\"action\":\"%s\"", i ? "," : "", name_of(&x->p[i]));
        if (named(x, i)) {
            json_key(&b, x->p[i].what == CRM_ACT_SAVE ? "segment" : "tag");
            json_string(&b, named(x, i), strlen(named(x, i)));
        }
        buf_fmt(&b, ",\"changed\":%" PRIu64 "}", x->p[i].changed);
    }
    buf_fmt(&b, "],\"dry_run\":%s}", dry_run ? "true" : "false");
    out_json(b.p, b.n);
    buf_free(&b);
}

static void put_done(tool *t, const plan *x, uint64_t customers, int dry_run)
{
    buf b = {0};

    if (t->json) {
        put_json(x, customers, dry_run);
        return;
    }
    for (size_t i = 0; i < x->n; i++) {
        buf_fmt(&b, "%s%s%s%s: %s", dry_run ? "dry run: " : "", name_of(&x->p[i]),
                named(x, i) ? " " : "", named(x, i) ? named(x, i) : "",
                x->p[i].what == CRM_ACT_SAVE ? (dry_run ? "would have " : "has ")
                : dry_run                    ? "would change "
                                             : "changed ");
        if (x->p[i].what != CRM_ACT_SAVE) {
            buf_count(&b, x->p[i].changed);
            buf_str(&b, " of ");
        }
        buf_count(&b, customers);
        buf_str(&b, customers == 1 ? " customer" : " customers");
        out_line(b.p, b.n);
        b.n = 0;
    }
    buf_free(&b);
}

/* ---- the verb ---- */

static int act(tool *t, query *q, const wishes *o)
{
    crm_error err = CRM_ERROR_INIT;
    uint64_t customers = 0;
    crm_txn *txn = NULL;
    plan x = {.p = NULL};
    int rc = o->file ? export_named(t, o->save, o->file, o->reason, 1) : 0;

    if (!rc && !(rc = open_write(t, MAKE_NOT)) && !(rc = begin(t, CRM_WRITE, &txn)) &&
        !(rc = query_parse(q, txn)))
        rc = make_plan(t, txn, o, &x);
    if (!rc) {
        query_watch(q);
        if (crm_segment_act(txn, q->segment, x.p, x.n, &q->options, &customers, &err)) {
            err.offset = -1; /* of a document nobody has seen */
            rc = query_fail(q, &err);
        }
        query_unwatch(q);
    }
    if (rc || o->dry_run)
        crm_txn_abort(txn);
    else
        rc = commit(t, txn);
    if (!rc)
        put_done(t, &x, customers, o->dry_run);
    if (!rc && o->file && !o->dry_run)
        rc = export_named(t, o->save, o->file, o->reason, 0);
    for (size_t i = 0; i < x.n; i++)
        free(x.names[i]);
    free(x.names);
    free(x.p);
    buf_free(&x.set);
    buf_free(&x.event);
    return rc;
}

static int check(tool *t, const wishes *o)
{
    if (!o->tags.n && !o->untags.n && !o->sets.n && !o->event.n && !o->save)
        return fail_usage(t, "needs something to do: --tag, --untag, --set, --event or --save");
    if ((o->replace || o->file) && !o->save)
        return fail_usage(t, "%s is of --save", o->replace ? "--replace" : "--export");
    if (o->reference && !o->event.n)
        return fail_usage(t, "--reference is of an --event");
    if (o->until && !o->tags.n)
        return fail_usage(t, "--until is of a --tag");
    if (o->reason && !o->tags.n && !o->file)
        return fail_usage(t, "--reason is of a --tag, or of --export");
    return 0;
}

static int run(tool *t, int argc, char **argv)
{
    wishes o = {.dry_run = 0};
    const arg_option own[] = {
        {"tag", 0, ARG_LIST, &o.tags},
        {"untag", 0, ARG_LIST, &o.untags},
        {"set", 0, ARG_LIST, &o.sets},
        {"event", 0, ARG_LIST, &o.event},
        {"until", 0, ARG_TEXT, &o.until},
        {"reason", 0, ARG_TEXT, &o.reason},
        {"reference", 0, ARG_TEXT, &o.reference},
        {"save", 0, ARG_TEXT, &o.save},
        {"replace", 0, ARG_FLAG, &o.replace},
        {"export", 0, ARG_TEXT, &o.file},
        {"batch", 0, ARG_BATCH, NULL},
        {"dry-run", 0, ARG_FLAG, &o.dry_run},
        {NULL, 0, 0, NULL},
    };
    query q;
    int rc = verb_start(t, &argc, argv, own);

    if (!rc && argc != 1)
        rc = fail_usage(t, "needs one QUERY, in quotes");
    if (!rc)
        rc = check(t, &o);
    if (!rc && !(rc = query_read(&q, t, argv[0]))) {
        if (!t->write.batch)
            t->write.batch = CRM_BATCH_NEW;
        rc = act(t, &q, &o);
        query_free(&q);
    }
    free(o.tags.p);
    free(o.untags.p);
    free(o.sets.p);
    free(o.event.p);
    return rc;
}

const verb verb_act = {"act",
                       "QUERY --tag TAG | --set FIELD=VALUE | ...",
                       "change all customers of a segment",
                       help,
                       1,
                       run};
