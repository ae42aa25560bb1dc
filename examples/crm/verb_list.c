/* SPDX-License-Identifier: MIT
 * crm list: customers in the order of their ids, as a table, CSV or JSON Lines; those of a segment,
 * or in another order, are walked by walk.c.
 */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " list [--where QUERY] [--order FIELDS] [--after ID|KEY] [--limit N]\n"
    "                [--kind KIND] [--deleted] [--fields A,B,...] [--json | --csv] [--width N]\n"
    "                [--reason TEXT]\n"
    "\n"
    "Lists customers in the order of their ids, or in another. When the reader of the list takes\n"
    "a rest (a pager does), it goes on in a newer snapshot.\n"
    "\n"
    "  --where QUERY     only the customers of a segment, e.g. 'score >= 700 and vip = true';\n"
    "                    @FILE, or - for standard input; '" TOOL " segment --help' teaches it\n"
    "  --order FIELDS    e.g. 'score desc, name': fields of one value, id, created_at or\n"
    "                    updated_at; customers without a value come last\n"
    "  --zone ZONE       zone of the days, months and years of QUERY, e.g. Asia/Shanghai or\n"
    "                    +08:00; else UTC\n"
    "  --after ID        those behind this one: where an earlier list ended; with --where,\n"
    "                    --order or --reason the key that the earlier list told\n"
    "  --limit N         at most so many, 1 or more; where to go on is told on standard error\n"
    "  --kind KIND       only person or organisation, or a label: 个人, 公司\n"
    "  --deleted         the deleted customers instead\n"
    "  --fields A,B,...  columns: keys or labels of fields, and id, kind, deleted, revision,\n"
    "                    created_at, updated_at, or as get shows them (类型); also which\n"
    "                    members JSON has\n"
    "  --csv             RFC 4180, with keys in the first line, values of lists separated\n"
    "                    by ';'\n"
    "  --width N         fit the table into N columns, 0: cut nothing; else the width of\n"
    "                    the terminal; elsewhere cells are cut at 40 columns\n"
    "  --reason TEXT     why they are handed out: the journal gets an entry with it first\n"
    "  --purpose NAME    what they are listed for, for the journal\n"
    "  --channel NAME    by which way, e.g. email, for the journal\n"
    "\n"
    "Examples\n"
    "  " TOOL " list --limit 20\n"
    "  " TOOL " list --where 'score >= 700 and not vip = true' --order 'score desc' --limit 10\n"
    "  " TOOL " list --where '城市 = 上海 and 生日 in next 7 days' --fields id,姓名,电话\n"
    "  " TOOL " list --fields id,姓名,电话,城市 --lang zh\n"
    "  " TOOL " list --kind organisation --csv > companies.csv\n"
    "  " TOOL " list --json | head -3\n"
    "  " TOOL " list --after 20 --limit 20\n";

typedef struct listing {
    sheet rows; /* txn NULL: between two snapshots */
    crm_customer_iter *it;
    crm_list_options options;
} listing;

/* ---- the walk ---- */

static void put_resume(tool *t, crm_id last)
{
    buf b = {0};

    if (t->json) {
        buf_fmt(&b, "{\"resume\":{\"after\":%" PRIu64 "}}", last);
        error_line(&b);
    } else {
        note(t, "more with --after %" PRIu64, last);
    }
}

/* Whoever reads the list takes a rest: so does the snapshot. */
static void end_snapshot(void *ctx)
{
    listing *l = ctx;

    crm_customer_list_close(l->it);
    l->it = NULL;
    crm_txn_abort(l->rows.txn);
    l->rows.txn = NULL;
}

/* Goes on in a new snapshot, behind the last id. */
static int begin_snapshot(listing *l)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = l->rows.txn ? 0 : begin(l->rows.t, CRM_READ, &l->rows.txn);

    if (rc)
        return rc;
    if (crm_customer_list(l->rows.txn, &l->options, &l->it, &err))
        return fail_crm(l->rows.t, &err);
    out_on_stall(end_snapshot, l);
    return 0;
}

/* *more: the limit was reached, and there are further ones. */
static int walk(listing *l, uint64_t limit, int *more)
{
    crm_error err = CRM_ERROR_INIT;
    crm_customer *c;
    uint64_t seen = 0;
    int rc, code = 0;

    while (code <= TOOL_MISSING && !out_failed()) {
        if (!l->it && (rc = begin_snapshot(l)))
            return rc;
        rc = crm_customer_next(l->it, &c, &err);
        if (rc == CRM_ECORRUPT) { /* told, and gone past */
            fail_crm(l->rows.t, &err);
            code = TOOL_MISSING;
            continue;
        }
        if (rc == CRM_DONE)
            return code;
        if (rc)
            return fail_crm(l->rows.t, &err);
        if (seen++ == limit) {
            *more = 1;
            return code;
        }
        l->options.after = crm_customer_id(c);
        rc = rows_put(&l->rows, c);
        code = rc > code ? rc : code;
    }
    return code;
}

static int list(listing *l, const walk_wishes *w)
{
    int rc = rows_choose(&l->rows, w->fields), more = 0;

    /* first, so that a wrong --kind prints no head; which no rest of the reader may interrupt */
    if (rc || (rc = begin_snapshot(l)))
        return rc;
    out_on_stall(NULL, NULL);
    rows_head(&l->rows, (size_t)w->width);
    out_on_stall(end_snapshot, l);
    rc = walk(l, w->limit, &more);
    out_on_stall(NULL, NULL);
    end_snapshot(l);
    rows_end(&l->rows);
    if (more)
        put_resume(l->rows.t, l->options.after); /* below the table, printed at its end */
    return rc;
}

static int list_all(tool *t, const walk_wishes *w, const char *kind, int deleted)
{
    listing l = {{t, NULL, w->how, NULL, 0, 0, NULL}, NULL, CRM_LIST_OPTIONS_INIT};
    int rc;

    if (w->after && args_number(w->after, &l.options.after))
        return fail_usage(t, "--after needs a number, not '%s'", w->after);
    l.options.kind = kind;
    l.options.flags = deleted ? CRM_LIST_DELETED : 0;
    if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &l.rows.txn)))
        return rc;
    rc = list(&l, w);
    rows_end(&l.rows);
    crm_txn_abort(l.rows.txn);
    return rc;
}

static int list_where(tool *t, const walk_wishes *w, const char *where, const char *kind)
{
    query q = {0};
    crm_txn *txn;
    int rc = query_read(&q, t, where);

    if (!rc)
        rc = open_question(t, w->reason);
    t->write.reason = NULL; /* a walk tells it itself, once for all its snapshots */
    if (!rc && !(rc = begin(t, CRM_READ, &txn))) {
        rc = query_parse(&q, txn);
        if (!rc && kind)
            rc = query_of_kind(&q, txn, kind);
        if (rc)
            crm_txn_abort(txn);
        else
            rc = walk_segment(&q, txn, w);
    }
    query_free(&q);
    return rc;
}

static int run(tool *t, int argc, char **argv)
{
    walk_wishes w = {.limit = UINT64_MAX, .width = SIZE_MAX};
    const char *where = NULL, *kind = NULL;
    int deleted = 0, csv = 0;
    const arg_option own[] = {{"where", 0, ARG_TEXT, &where},
                              {"order", 0, ARG_TEXT, &w.order},
                              {"zone", 0, ARG_TEXT, &t->write.zone},
                              {"after", 0, ARG_TEXT, &w.after},
                              {"limit", 0, ARG_NUMBER, &w.limit},
                              {"kind", 0, ARG_TEXT, &kind},
                              {"deleted", 0, ARG_FLAG, &deleted},
                              {"fields", 0, ARG_TEXT, &w.fields},
                              {"csv", 0, ARG_FLAG, &csv},
                              {"width", 0, ARG_NUMBER, &w.width},
                              {"reason", 0, ARG_TEXT, &w.reason},
                              {"purpose", 0, ARG_TEXT, &t->write.purpose},
                              {"channel", 0, ARG_TEXT, &t->write.channel},
                              {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (argc)
        return fail_usage(t, "takes no argument; --where asks a question, see find for a search");
    if (csv && t->json)
        return fail_usage(t, "either --csv or --json");
    if (kind && !*kind)
        return fail_usage(t, "--kind needs person or organisation");
    if (!w.limit)
        return fail_usage(t, "--limit needs a number from 1");
    if (deleted && (where || w.order))
        return fail_usage(t, "the deleted are in no segment: --deleted goes without %s",
                          where ? "--where" : "--order");
    if (w.reason && deleted)
        return fail_usage(t, "--reason goes without --deleted");
    w.how = csv ? AS_CSV : t->json ? AS_JSON : AS_TABLE;
    return where || w.order || w.reason ? list_where(t, &w, where ? where : "all", kind)
                                        : list_all(t, &w, kind, deleted);
}

const verb verb_list = {"list", "", "list customers", help, 0, run};
