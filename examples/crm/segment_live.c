/* SPDX-License-Identifier: MIT
 * Watched segments: watch, unwatch, watched, advance and feed of crm segment.
 */
#include "follow.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " segment watch NAME [--zone ZONE]\n"
    "       " TOOL " segment unwatch NAME\n"
    "       " TOOL " segment watched\n"
    "       " TOOL " segment advance [--at TIME [--force]]\n"
    "       " TOOL " segment feed [NAME] [--after REVISION] [--follow] [--limit N]\n"
    "\n"
    "Tells who enters a saved segment and who leaves it. Whoever is in it when watching begins\n"
    "enters; from there on each change tells, as a part of itself, who entered and left by it.\n"
    "Time alone changes segments too: windows such as 'last 90 days', birthdays, ends of tags.\n"
    "That is told by advance, which can be run every minute or once a night.\n"
    "\n"
    "  watch             begin; NAME is a saved segment that is not static, or one of the model\n"
    "  unwatch           end it; everybody leaves\n"
    "  watched           which ones are watched, since when, and how many are in them\n"
    "  advance           tell what the clock changed up to now\n"
    "  feed              who entered and left, a line each: revision, time, entered or left,\n"
    "                    the segment, and the customer\n"
    "  --at TIME         of advance: up to then; the clock never goes back, for all that are\n"
    "                    watched, so a time to come needs --force\n"
    "  --after REVISION  only behind this one: the last that was seen\n"
    "  --follow          go on with those to come, of any process, until Ctrl-C; exit code 0\n"
    "  --limit N         at most so many, 1 or more; a revision is told whole\n"
    "  --zone ZONE       of watch: zone of the segment's days, months and years; else UTC\n"
    "\n"
    "Examples\n"
    "  " TOOL " segment save winback 'event(quote, last 90 days) not followed by event(order)'\n"
    "  " TOOL " segment watch winback --zone Asia/Shanghai\n"
    "  " TOOL " segment advance\n"
    "  " TOOL " segment feed winback --follow --json | while read -r line; do ... ; done\n";

static void put_line(tool *t, buf *b)
{
    buf line = {0};

    if (t->json)
        out_json(b->p, b->n);
    else
        text_clean(&line, b->p, b->n), out_line(line.p, line.n);
    buf_free(&line);
    buf_free(b);
}

/* ---- watch, unwatch ---- */

/* name: also a label, of one of the model. */
static int find_watched(tool *t, crm_txn *txn, const char *name, crm_live_segment *out, int *found)
{
    crm_live_segment s = CRM_LIVE_SEGMENT_INIT;
    crm_saved_segment of;
    crm_error err = CRM_ERROR_INIT;
    int rc;

    memset(&of, 0, sizeof(of));
    if (crm_segment_version(txn, name, 0, &of, NULL, NULL) == CRM_DONE &&
        of.flags & CRM_SEGMENT_OF_MODEL)
        name = of.name;
    *found = 0;
    while (!(rc = crm_live_watched(txn, s.name, &s, &err)) && !*found) {
        *out = s;
        *found = strcmp(s.name, name) == 0;
    }
    return rc < 0 ? fail_crm(t, &err) : 0;
}

static const char *zone_of(const crm_live_segment *s)
{
    return *s->zone ? s->zone : "UTC";
}

static int change(tool *t, const char *name, int on)
{
    crm_live_segment s = CRM_LIVE_SEGMENT_INIT;
    crm_error err = CRM_ERROR_INIT;
    long_call work;
    crm_txn *txn;
    buf b = {0};
    int found = 0, result, rc;

    if ((rc = open_write(t, MAKE_NOT)) || (rc = begin(t, CRM_WRITE, &txn)))
        return rc;
    long_begin(&work, t, txn, "chunks of ids");
    result = on ? crm_segment_watch(txn, name, &err) : crm_segment_unwatch(txn, name, &err);
    rc = long_end(&work, result, &err);
    if (!rc)
        rc = find_watched(t, txn, name, &s, &found);
    if (!rc && result == CRM_DONE && t->write.zone && strcmp(t->write.zone, zone_of(&s)) != 0)
        rc = fail(t, CRM_EREFUSED, "%s is watched in the zone %s already: unwatch it first", name,
                  zone_of(&s));
    if (rc) {
        crm_txn_abort(txn);
        return rc;
    }
    if ((rc = commit(t, txn)))
        return rc;
    name = found ? s.name : name;
    if (t->json) {
        buf_str(&b, "{\"name\":");
        json_string(&b, name, strlen(name));
        buf_fmt(&b, ",\"watched\":%s", on ? "true" : "false");
        if (found) {
            buf_str(&b, ",\"zone\":");
            json_string(&b, zone_of(&s), strlen(zone_of(&s)));
            buf_fmt(&b, ",\"customers\":%" PRIu64, s.customers);
        }
        buf_char(&b, '}');
    } else {
        buf_str(&b, !on                  ? "watched no more: "
                    : result == CRM_DONE ? "watched already: "
                                         : "watched: ");
        buf_str(&b, name);
        if (found) {
            buf_str(&b, ", ");
            buf_count(&b, s.customers);
            buf_fmt(&b, " customer%s", s.customers == 1 ? "" : "s");
            if (*s.zone)
                buf_fmt(&b, ", zone %s", s.zone);
        }
    }
    put_line(t, &b);
    return 0;
}

/* ---- watched ---- */

static void put_watched(const crm_live_segment *s)
{
    buf b = {0};

    buf_str(&b, "{\"name\":");
    json_string(&b, s->name, strlen(s->name));
    buf_fmt(&b, ",\"revision\":%" PRIu64 ",\"since\":\"", s->revision);
    buf_time(&b, s->since_us);
    buf_str(&b, "\",\"zone\":");
    json_string(&b, zone_of(s), strlen(zone_of(s)));
    buf_fmt(&b, ",\"customers\":%" PRIu64 "%s}", s->customers, s->asleep ? ",\"asleep\":true" : "");
    out_json(b.p, b.n);
    buf_free(&b);
}

static void put_row(tool *t, table *tb, const crm_live_segment *s)
{
    const char *zone = zone_of(s), *asleep = !s->asleep ? ""
                                             : is_chinese(t->lang)
                                                 ? "目前无法查询"
                                                 : "can't be asked at present";
    buf b = {0};

    text_clean(&b, s->name, strlen(s->name));
    table_cell(tb, b.p, b.n);
    b.n = 0;
    buf_count(&b, s->customers);
    table_cell(tb, b.p, b.n);
    b.n = 0;
    buf_time(&b, s->since_us);
    table_cell(tb, b.p, b.n);
    table_cell(tb, zone, strlen(zone));
    table_cell(tb, asleep, strlen(asleep));
    buf_free(&b);
}

static table *begin_table(tool *t)
{
    static const char *const heads[][2] = {
        {"Name", "名称"}, {"Customers", "客户数"}, {"Since", "开始于"}, {"Zone", "时区"}, {"", ""}};
    table *tb = table_new(5, out_columns(1), 0);

    for (size_t i = 0; i < 5; i++) {
        const char *head = heads[i][is_chinese(t->lang)];
        table_cell(tb, head, strlen(head));
    }
    table_right(tb, 1);
    return tb;
}

static int list(tool *t)
{
    crm_live_segment s = CRM_LIVE_SEGMENT_INIT;
    crm_error err = CRM_ERROR_INIT;
    table *tb = NULL;
    crm_txn *txn;
    int rc, n = 0;

    if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &txn)))
        return rc;
    while (!(rc = crm_live_watched(txn, s.name, &s, &err)) && !out_failed()) {
        if (!t->json && !n)
            tb = begin_table(t);
        n++;
        if (tb)
            put_row(t, tb, &s);
        else
            put_watched(&s);
    }
    if (tb)
        table_end(tb);
    rc = rc < 0 ? fail_crm(t, &err) : 0;
    crm_txn_abort(txn);
    if (!rc && !n)
        note(t, "no segment is watched ('" TOOL " segment watch NAME' begins)");
    return rc;
}

/* ---- advance ---- */

typedef struct moving {
    progress bar;
} moving;

static int on_moved(uint64_t done, uint64_t total, void *ctx)
{
    moving *m = ctx;

    progress_step(&m->bar, done, total, done << 16);
    return interrupted();
}

/* What is told of a time to come can't be taken back when it comes. */
static int read_moment(tool *t, const char *at, int force, int64_t *us)
{
    crm_txn *txn = NULL;
    int rc = begin(t, CRM_READ, &txn); /* judges the zone, too */

    if (!rc)
        rc = time_option(t, txn, "at", at, us);
    if (!rc && at && !force && *us > crm_txn_now(txn))
        rc = fail(t, CRM_EREFUSED,
                  "--at is a time to come, and the clock never goes back (--force advances it)");
    crm_txn_abort(txn);
    return rc;
}

static int advance(tool *t, const char *at, int force)
{
    crm_live_advanced done = CRM_LIVE_ADVANCED_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_txn_options o;
    moving m;
    buf b = {0};
    int result, rc;

    if ((rc = open_write(t, MAKE_NOT)))
        return rc;
    o = t->write;
    if ((rc = read_moment(t, at, force, &o.now_us)))
        return rc;
    interrupt_catch();
    progress_start(t, &m.bar, "customers");
    t->bar = &m.bar;
    result = crm_live_advance(t->db, &o, on_moved, &m, &done, &err);
    progress_clear(&m.bar);
    t->bar = NULL;
    if (result && result != CRM_ECANCELLED)
        return fail_crm(t, &err);
    if (!done.now_us && !result) {
        note(t, "no segment is watched ('" TOOL " segment watch NAME' begins)");
        return 0;
    }
    if (t->json) {
        buf_str(&b, "{\"now\":\"");
        buf_time(&b, done.now_us);
        buf_fmt(&b, "\",\"entered\":%" PRIu64 ",\"left\":%" PRIu64 "}", done.entered, done.left);
    } else {
        buf_count(&b, done.entered);
        buf_str(&b, " entered, ");
        buf_count(&b, done.left);
        buf_str(&b, " left, up to ");
        buf_time(&b, done.now_us);
    }
    put_line(t, &b);
    return result ? fail_crm(t, &err) : 0;
}

/* ---- feed ---- */

typedef struct feed {
    follow f;
    const char *name; /* NULL: all */
    crm_txn *txn;     /* NULL: between two snapshots */
    crm_live_iter *it;
    uint64_t at, told; /* the revision being told, and lines of it that were; 0: none */
    uint64_t skip;     /* lines of it that come once more */
} feed;

static void end_snapshot(void *ctx)
{
    feed *f = ctx;

    crm_live_close(f->it);
    f->it = NULL;
    crm_txn_abort(f->txn);
    f->txn = NULL;
}

/* A revision that was told in part is gone through again. */
static int begin_snapshot(feed *f)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = begin(f->f.t, CRM_READ, &f->txn);

    if (rc)
        return rc;
    f->skip = f->told;
    return crm_live_list(f->txn, f->f.seen, f->name, &f->it, &err) ? fail_crm(f->f.t, &err) : 0;
}

static void put_change(feed *f, const crm_live_change *c)
{
    const char *what = c->entered ? "entered" : "left";
    buf b = {0};

    if (f->f.t->json) {
        buf_fmt(&b, "{\"revision\":%" PRIu64 ",\"recorded_at\":\"", c->revision);
        buf_time(&b, c->recorded_us);
        buf_fmt(&b, "\",\"event\":\"%s\",\"segment\":", what);
        json_string(&b, c->segment, strlen(c->segment));
        buf_fmt(&b, ",\"customer\":%" PRIu64 "}", c->customer);
    } else {
        buf_fmt(&b, "%" PRIu64 "  ", c->revision);
        buf_time(&b, c->recorded_us);
        buf_fmt(&b, "  %-7s  %s  %" PRIu64, what, c->segment, c->customer);
    }
    put_line(f->f.t, &b);
}

/* One line, unless it was told before.  A limit lets the revision that it falls in end. */
static void tell(feed *f, const crm_live_change *c)
{
    if (c->revision != f->at) {
        f->f.seen = f->at ? f->at : f->f.seen;
        f->f.more = !f->f.left;
        f->at = f->f.more ? 0 : c->revision;
        f->told = f->skip = 0;
    }
    if (f->f.more)
        return;
    if (f->skip) {
        f->skip--;
        return;
    }
    f->told++;
    f->f.left -= f->f.left != 0;
    put_change(f, c);
    if (f->f.on)
        out_flush();
}

/* Those that are there. */
static int put_present(void *ctx)
{
    crm_live_change c = CRM_LIVE_CHANGE_INIT;
    crm_error err = CRM_ERROR_INIT;
    feed *f = ctx;
    int rc = 0;

    while (!rc && !follow_over(&f->f)) {
        if (!f->it && (rc = begin_snapshot(f)))
            return rc;
        rc = crm_live_next(f->it, &c, &err);
        if (!rc)
            tell(f, &c);
    }
    if (rc == CRM_DONE) {
        f->f.seen = crm_txn_revision(f->txn);
        f->at = f->told = 0;
    }
    return rc < 0 ? fail_crm(f->f.t, &err) : 0;
}

/* ---- the verbs ---- */

static const char *const names[] = {"watch", "unwatch", "watched", "advance", "feed"};

int is_segment_live(const char *name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(name, names[i]) == 0)
            return 1;
    }
    return 0;
}

static const verb verb_live = {"segment", "watch | advance | feed | ...", "", help, 1, NULL};

int segment_live(tool *t, int argc, char **argv)
{
    feed f = {.f = {t, &f, put_present, end_snapshot, 0, UINT64_MAX, 0, 0, 0}};
    const char *at = NULL, *what = argv[0];
    int force = 0, rc;
    const arg_option own[] = {{"after", 0, ARG_NUMBER, &f.f.seen}, {"follow", 0, ARG_FLAG, &f.f.on},
                              {"limit", 0, ARG_NUMBER, &f.f.left}, {"at", 0, ARG_TEXT, &at},
                              {"force", 0, ARG_FLAG, &force},      {NULL, 0, 0, NULL}};

    t->verb = &verb_live;
    rc = verb_start(t, &argc, argv, own);
    if (rc)
        return rc;
    if ((at || force) && *what != 'a')
        return fail_usage(t, "%s takes no --%s", what, at ? "at" : "force");
    if ((f.f.seen || f.f.on || f.f.left != UINT64_MAX) && *what != 'f')
        return fail_usage(t, "%s takes no --%s", what,
                          f.f.on     ? "follow"
                          : f.f.seen ? "after"
                                     : "limit");
    if (*what == 'f' ? argc > 2 : argc != 1 + (!strcmp(what, "watch") || *what == 'u'))
        return fail_usage(t,
                          *what == 'f' ? "feed takes one NAME at most"
                          : argc > 1   ? "%s: too many arguments"
                                       : "%s needs the NAME of a saved segment",
                          what);
    if (*what == 'f') {
        f.name = argc > 1 ? argv[1] : NULL;
        return follow_run(&f.f);
    }
    if (*what == 'a')
        return advance(t, at, force);
    if (strcmp(what, "watched") == 0)
        return list(t);
    return change(t, argv[1], *what == 'w');
}
