/* SPDX-License-Identifier: MIT
 * crm segment diff: what two segments have in common, or one at two moments.
 */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

static void put(tool *t, const crm_comparison *c, int moments, int csv)
{
    static const char *const names[][2] = {{"in both", "at both times"},
                                           {"only in the first", "only at the first"},
                                           {"only in the second", "only at the second"}};
    const uint64_t counts[] = {c->both, c->left, c->right};
    table *tb;
    buf b = {0};

    if (csv) {
        buf_fmt(&b, "both,left,right\r\n%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\r\n", c->both, c->left,
                c->right);
        out_put(b.p, b.n);
        buf_free(&b);
        return;
    }

    if (t->json) {
        buf_fmt(&b, "{\"both\":%" PRIu64 ",\"left\":%" PRIu64 ",\"right\":%" PRIu64 "}", c->both,
                c->left, c->right);
        out_json(b.p, b.n);
        buf_free(&b);
        return;
    }
    tb = table_new(2, out_columns(1), 0);
    table_no_head(tb);
    table_right(tb, 1);
    for (size_t i = 0; i < 3; i++) {
        table_cell(tb, names[i][moments], strlen(names[i][moments]));
        buf_count(&b, counts[i]);
        table_cell(tb, b.p, b.n);
        b.n = 0;
    }
    table_end(tb);
    buf_free(&b);
}

int segment_diff(tool *t, const char *left, const char *right, const char *at, const char *with,
                 const char *reason, int csv)
{
    crm_compare_options o = CRM_COMPARE_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_comparison found;
    crm_txn *txn = NULL;
    query a, b;
    int rc = query_read(&a, t, left);

    if (rc)
        return rc;
    rc = query_read(&b, t, right ? right : left);
    if (!rc && !(rc = open_question(t, reason)) && !(rc = begin(t, CRM_READ, &txn)) &&
        !(rc = time_option(t, txn, "at", at, &o.left_now_us)) &&
        !(rc = time_option(t, txn, "with", with, &o.right_now_us)) &&
        !(rc = query_parse(&a, txn)) && !(rc = query_parse(&b, txn))) {
        query_watch(&a);
        o.progress = a.options.progress;
        o.progress_ctx = a.options.progress_ctx;
        if (crm_segment_compare(txn, a.segment, b.segment, &o, &found, &err))
            rc = query_fail(&a, &err);
        query_unwatch(&a);
    }
    if (!rc)
        put(t, &found, !right, csv);
    query_free(&a);
    query_free(&b);
    crm_txn_abort(txn);
    return rc;
}
