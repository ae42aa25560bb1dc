/* SPDX-License-Identifier: MIT
 * The customers of a segment as rows, by id or in another order, page by page.
 */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

typedef struct walk {
    tool *t;
    query *q;
    sheet rows; /* txn NULL: between two snapshots */
    crm_segment_iter *it;
    crm_customer *record;
    char *key; /* behind the customer printed last, of the library; NULL: none yet */
    uint64_t limit, seen;
    int given; /* the iterator gave a customer */
    int more;
} walk;

static void put_resume(tool *t, const char *key)
{
    buf b = {0};

    if (t->json) {
        buf_str(&b, "{\"resume\":{\"after\":");
        json_string(&b, key, strlen(key));
        buf_str(&b, "}}");
        error_line(&b);
    } else {
        note(t, "more with --after %s", key);
    }
}

/* Remembers where to go on. */
static int keep_key(walk *w)
{
    crm_error err = CRM_ERROR_INIT;
    char *key;

    if (crm_segment_key(w->it, &key, &err))
        return fail_crm(w->t, &err);
    crm_free(w->key);
    w->key = key;
    w->q->options.after = key;
    return 0;
}

static void end_snapshot(walk *w)
{
    crm_segment_list_close(w->it);
    crm_customer_free(w->record);
    crm_txn_abort(w->rows.txn);
    w->it = NULL;
    w->given = 0;
    w->record = NULL;
    w->rows.txn = NULL;
}

/* Whoever reads the list takes a rest: so does the snapshot. */
static void on_stall(void *ctx)
{
    walk *w = ctx;

    if (!w->it || keep_key(w))
        return;
    end_snapshot(w);
}

/* Goes on behind the customer printed last, in a new snapshot when there is none. */
static int begin_snapshot(walk *w)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = w->rows.txn ? 0 : begin(w->t, CRM_READ, &w->rows.txn);

    if (rc)
        return rc;
    /* one more than wanted tells whether there are further ones */
    w->q->options.limit = w->limit == UINT64_MAX ? 0 : w->limit - w->seen + 1;
    if (crm_customer_new(w->rows.txn, &w->record, &err) ||
        crm_segment_list(w->rows.txn, w->q->segment, &w->q->options, &w->it, &err))
        return query_fail(w->q, &err);
    w->q->options.reason = NULL; /* told once, however many snapshots it takes */
    return 0;
}

static int put_one(walk *w, crm_id id)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = crm_customer_get(w->rows.txn, id, w->record, &err);

    if (!rc)
        return rows_put(&w->rows, w->record);
    fail_crm(w->t, &err);
    return rc == CRM_ECORRUPT ? TOOL_MISSING : exit_code_of(rc); /* told, and gone past */
}

static int put_all(walk *w)
{
    crm_error err = CRM_ERROR_INIT;
    int rc, code = 0;
    crm_id id;

    while (code <= TOOL_MISSING && !out_failed()) {
        if (interrupted())
            return TOOL_INTERRUPTED;
        if (!w->it && (rc = begin_snapshot(w)))
            return rc;
        if (w->seen == w->limit && w->given && (rc = keep_key(w)))
            return rc;
        rc = crm_segment_next(w->it, &id, &err);
        if (rc == CRM_DONE)
            return code;
        if (rc)
            return query_fail(w->q, &err);
        if (w->seen++ == w->limit) {
            w->more = 1;
            return code;
        }
        w->given = 1;
        query_unwatch(w->q); /* a bar would stand between the rows */
        out_on_stall(on_stall, w);
        rc = put_one(w, id);
        code = rc > code ? rc : code;
    }
    return code;
}

int walk_segment(query *q, crm_txn *txn, const walk_wishes *wishes)
{
    walk w = {.t = q->t, .q = q, .limit = wishes->limit};
    int rc;

    w.rows.t = q->t;
    w.rows.txn = txn;
    w.rows.how = wishes->how;
    q->options.order = wishes->order;
    q->options.after = wishes->after;
    q->options.reason = wishes->reason;
    query_watch(q);
    rc = rows_choose(&w.rows, wishes->fields);
    if (!rc && !(rc = begin_snapshot(&w))) {
        rows_head(&w.rows, (size_t)wishes->width);
        rc = put_all(&w);
    }
    out_on_stall(NULL, NULL);
    query_unwatch(q);
    end_snapshot(&w);
    rows_end(&w.rows);
    if (w.more) /* below the table, which is printed at its end */
        put_resume(q->t, w.key);
    crm_free(w.key);
    return rc;
}
