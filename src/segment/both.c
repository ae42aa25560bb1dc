/* SPDX-License-Identifier: MIT
 * Comparing two segments, or one at two moments.
 */
#include "segment/segment.h"

#include "base/error.h"

#include <crm/number.h>
#include <string.h>

void crm_compare_options_init(crm_compare_options *opts)
{
    if (!opts)
        return;
    memset(opts, 0, sizeof *opts);
    opts->size = sizeof *opts;
}

/* One side: what it is asked at is the transaction's now as long as it is asked. */
typedef struct side {
    crm__asking a;
    int64_t now;
    uint64_t words[CRM__SET_WORDS];
} side;

static int begin(crm_txn *txn, const crm_segment *s, const crm_compare_options *o, int64_t now,
                 side *x, crm_error *err)
{
    crm_segment_options so = CRM_SEGMENT_OPTIONS_INIT;
    int64_t before = txn->now;
    int rc;

    so.progress = o->progress;
    so.progress_ctx = o->progress_ctx;
    x->now = now ? now : before;
    txn->now = x->now;
    rc = crm__segment_begin(txn, s, &so, &x->a, err);
    txn->now = before;
    return rc;
}

static int ask(crm_txn *txn, side *x, uint64_t chunk)
{
    int64_t before = txn->now;
    int any, rc;

    txn->now = x->now;
    rc = crm__run_chunk(&x->a.run, chunk, x->words, &any);
    txn->now = before;
    return rc;
}

static void add(const side *l, const side *r, crm_comparison *out)
{
    for (int i = 0; i < CRM__SET_WORDS; i++) {
        out->both += (uint64_t)__builtin_popcountll(l->words[i] & r->words[i]);
        out->left += (uint64_t)__builtin_popcountll(l->words[i] & ~r->words[i]);
        out->right += (uint64_t)__builtin_popcountll(r->words[i] & ~l->words[i]);
    }
}

static int compare(crm_txn *txn, const crm_segment *left, const crm_segment *right,
                   const crm_compare_options *o, side x[2], crm_comparison *out, crm_error *err)
{
    int rc = begin(txn, left, o, o->left_now_us, &x[0], err);

    if (!rc)
        rc = begin(txn, right, o, o->right_now_us, &x[1], err);
    if (!rc)
        rc = crm__segment_hand_out(txn, left, o->reason, err);
    if (!rc && right != left)
        rc = crm__segment_hand_out(txn, right, o->reason, err);
    if (rc)
        return rc;
    for (uint64_t c = 0; c < x[0].a.plan.chunks && !rc; c++) {
        rc = ask(txn, &x[0], c);
        if (!rc)
            rc = ask(txn, &x[1], c);
        if (!rc)
            add(&x[0], &x[1], out);
    }
    return rc ? crm__segment_fail(txn, rc, err) : CRM_OK;
}

int crm_segment_compare(crm_txn *txn, const crm_segment *left, const crm_segment *right,
                        const crm_compare_options *opts, crm_comparison *out, crm_error *err)
{
    crm_compare_options o;
    crm_comparison found = {0, 0, 0};
    side *x;
    int rc = crm__txn_enter(txn, 0, err);

    if (!rc && (!left || !right || !out))
        rc = crm__fail_field(err, CRM_EINVAL,
                             !left    ? "left"
                             : !right ? "right"
                                      : "out",
                             "%s is NULL",
                             !left    ? "left"
                             : !right ? "right"
                                      : "out");
    crm_compare_options_init(&o);
    if (!rc)
        rc = crm__options_read(&o, sizeof o, opts, "options", err);
    if (rc)
        return rc;
    x = crm__calloc(txn->mem, 2, sizeof *x);
    if (!x)
        return crm__fail_nomem(err);
    rc = compare(txn, left, right, &o, x, &found, err);
    for (int i = 0; i < 2; i++) {
        if (x[i].a.run.txn)
            crm__segment_end(&x[i].a);
    }
    crm__release(txn->mem, x);
    if (!rc)
        *out = found;
    return rc;
}
