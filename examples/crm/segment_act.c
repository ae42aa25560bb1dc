/* SPDX-License-Identifier: MIT
 * Tags for all customers of a segment: tag and untag of crm segment, and crm tag with --where.
 */
#include "tool.h"

#include <inttypes.h>

static int write_all(query *q, crm_txn *txn, const segment_act *a, uint64_t *changed)
{
    crm_tag_options how = CRM_TAG_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    int rc = time_until(q->t, txn, a->until, &how.until_us);

    if (rc)
        return rc;
    how.reason = a->reason;
    how.origin = a->rule ? CRM_TAG_RULE : CRM_TAG_MANUAL;
    if (a->dimension)
        rc = crm_segment_tag_set(txn, q->segment, a->dimension, a->values, a->count, &how,
                                 &q->options, changed, &err);
    else if (a->untag)
        rc = crm_segment_untag(txn, q->segment, a->tag, &q->options, changed, &err);
    else
        rc = crm_segment_tag(txn, q->segment, a->tag, &how, &q->options, changed, &err);
    return rc ? query_fail(q, &err) : 0;
}

static void put_changed(tool *t, const segment_act *a, uint64_t changed)
{
    buf b = {0};

    if (t->json) {
        buf_fmt(&b, "{\"changed\":%" PRIu64 ",\"dry_run\":%s}", changed,
                a->dry_run ? "true" : "false");
    } else {
        buf_str(&b, a->dry_run ? "dry run: would change " : "changed ");
        buf_count(&b, changed);
        buf_str(&b, changed == 1 ? " customer" : " customers");
    }
    out_line(b.p, b.n);
    buf_free(&b);
}

int segment_act_run(tool *t, const char *arg, const segment_act *a)
{
    uint64_t changed = 0;
    crm_txn *txn = NULL;
    query q;
    int rc = query_read(&q, t, arg);

    if (!rc && !(rc = open_write(t, MAKE_NOT)) && !(rc = begin(t, CRM_WRITE, &txn)) &&
        !(rc = query_parse(&q, txn))) {
        query_watch(&q);
        rc = write_all(&q, txn, a, &changed);
        query_unwatch(&q);
    }
    if (rc || a->dry_run)
        crm_txn_abort(txn);
    else
        rc = commit(t, txn);
    query_free(&q);
    if (!rc)
        put_changed(t, a, changed);
    return rc;
}
