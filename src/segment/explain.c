/* SPDX-License-Identifier: MIT
 * Telling how a segment is answered, and why one customer is in it.
 */
#include "base/error.h"
#include "codec/json.h"
#include "segment/segment.h"

#include <string.h>
#include <time.h>

static const char *const STEP[] = {
    [CRM__STEP_NONE] = "none",     [CRM__STEP_ALL] = "all",       [CRM__STEP_SETS] = "sets",
    [CRM__STEP_COLUMN] = "column", [CRM__STEP_NOT] = "not",       [CRM__STEP_OR] = "or",
    [CRM__STEP_AND] = "and",       [CRM__STEP_IDS] = "ids",       [CRM__STEP_DAYS] = "days",
    [CRM__STEP_RECORD] = "record", [CRM__STEP_EVENTS] = "events",
};

/* The condition of a step; of several that are answered together all of them. */
static int add_text(const crm__step *s, crm__buf *out)
{
    crm__buf text;
    int rc = CRM_OK;

    crm__buf_init(&text, out->mem);
    for (const crm__step *q = s; q && q->node && !rc; q = q->more) {
        if (q != s)
            crm__buf_add_str(&text, s->op == CRM__STEP_SETS ? " or " : " and ");
        rc = crm__tree_print(q->node, &text);
    }
    if (!rc && text.n) {
        crm__buf_add_str(out, ",\"text\":");
        crm__json_string(out, text.p, text.n);
    }
    crm__buf_clear(&text);
    return rc;
}

/* What answers a single condition: a plan may need several steps for it, of which the last asked
 * costs most.  NULL: the step joins conditions. */
static const crm__step *answer(const crm__step *s)
{
    const crm__step *at = s;
    crm__node_op op = s->node ? s->node->op : CRM__NODE_AND;

    if (s->child_count && (op == CRM__NODE_AND || op == CRM__NODE_OR || op == CRM__NODE_NOT))
        return NULL;
    while (at->child_count)
        at = at->children[at->child_count - 1];
    return at;
}

/* ---- explain ---- */

static int add_step(const crm__step *s, crm__buf *out)
{
    const crm__step *by = answer(s);
    int rc;

    crm__buf_add_fmt(out, "{\"step\":\"%s\"", STEP[by ? by->op : s->op]);
    rc = add_text(s, out);
    crm__buf_add_fmt(out, ",\"estimate\":%llu,\"rows\":%llu,\"us\":%.1f",
                     (unsigned long long)s->estimate, (unsigned long long)s->rows,
                     (double)s->took / 1000);
    crm__buf_add_fmt(out, ",\"bytes\":%llu", (unsigned long long)s->bytes);
    if (by && by->op == CRM__STEP_SETS)
        crm__buf_add_fmt(out, ",\"sets\":%lu", (unsigned long)by->set_count);
    if (!by) {
        crm__buf_add_str(out, ",\"of\":[");
        for (uint32_t i = 0; i < s->child_count && !rc; i++) {
            if (i)
                crm__buf_add_u8(out, ',');
            rc = add_step(s->children[i], out);
        }
        crm__buf_add_u8(out, ']');
    }
    crm__buf_add_u8(out, '}');
    return rc;
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int give(crm_txn *txn, crm__buf *b, int rc, char **json, size_t *n, crm_error *err)
{
    if (!rc && b->failed)
        rc = CRM_ENOMEM;
    if (!rc) {
        *json = crm__give(txn->mem, b->p, b->n);
        rc = *json ? CRM_OK : CRM_ENOMEM;
        if (n)
            *n = b->n;
    }
    crm__buf_clear(b);
    return rc ? crm__segment_fail(txn, rc, err) : CRM_OK;
}

int crm_segment_explain(crm_txn *txn, const crm_segment *s, const crm_segment_options *opts,
                        char **json, size_t *n, crm_error *err)
{
    uint64_t words[CRM__SET_WORDS], count = 0;
    double began = now_us(), planned;
    crm__asking a;
    crm__buf b;
    int rc = crm__segment_begin(txn, s, opts, &a, err);

    if (!rc && !json)
        rc = crm__fail_field(err, CRM_EINVAL, "json", "json is NULL");
    if (!rc) {
        *json = NULL;
        rc = crm__segment_hand_out(txn, s, a.reason, err);
    }
    if (!rc) {
        planned = now_us() - began;
        rc = crm__step_guess(&a.plan, a.plan.root);
        crm__buf_init(&b, txn->mem);
        a.run.timed = 1;
        for (uint64_t c = 0; c < a.plan.chunks && !rc; c++)
            rc = crm__run_count(&a.run, c, words, &count);
        crm__buf_add_fmt(&b, "{\"count\":%llu,\"chunks\":%llu,\"plan_us\":%.1f,\"us\":%.1f,",
                         (unsigned long long)count, (unsigned long long)a.plan.chunks, planned,
                         now_us() - began);
        crm__buf_add_str(&b, "\"plan\":");
        if (!rc)
            rc = add_step(a.plan.root, &b);
        crm__buf_add_u8(&b, '}');
        rc = give(txn, &b, rc, json, n, err);
    }
    crm__segment_end(&a);
    return rc;
}

/* ---- why ---- */

/* In a frame of its own, which is gone before conditions inside of it are told. */
static int __attribute__((noinline)) holds(crm__run *r, crm__step *s, uint32_t row, int *in)
{
    uint64_t words[CRM__SET_WORDS] = {0};
    int rc;

    crm__set_put(words, row, 1);
    rc = crm__run_narrow(r, s, words);
    *in = crm__set_has(words, row);
    return rc;
}

/* Every condition on its own, whatever the others say. */
static int add_why(crm__run *r, crm__step *s, uint32_t row, crm__buf *out)
{
    const crm__step *by = answer(s);
    int in, rc = holds(r, s, row, &in);

    if (rc)
        return rc;
    crm__buf_add_fmt(out, "{\"step\":\"%s\"", STEP[by ? by->op : s->op]);
    rc = add_text(s, out);
    crm__buf_add_fmt(out, ",\"true\":%s", in ? "true" : "false");
    if (!by && !rc) {
        crm__buf_add_str(out, ",\"of\":[");
        for (uint32_t i = 0; i < s->child_count && !rc; i++) {
            if (i)
                crm__buf_add_u8(out, ',');
            rc = add_why(r, s->children[i], row, out);
        }
        crm__buf_add_u8(out, ']');
    }
    crm__buf_add_u8(out, '}');
    return rc;
}

static int why(crm__asking *a, crm_id id, crm__buf *b)
{
    static const crm__set_ref ROOT = {KV_BITS, CRM__BITS_ROOT, 0, CRM__ROOT_LIVE};
    uint64_t words[CRM__SET_WORDS], room[CRM__SET_WORDS];
    crm__set_at root;
    int in, live, rc = crm__run_one(&a->run, id, words, &in);

    if (!rc)
        rc = crm__set_find(&a->run, &ROOT, room, &root);
    if (rc)
        return rc;
    live = root.present && (root.words ? crm__set_has(root.words, (uint32_t)(id & 0xffff))
                                       : crm__set_view_has(&root.view, (uint32_t)(id & 0xffff)));
    crm__buf_add_fmt(b,
                     "{\"customer\":%llu,\"in\":%s,\"visible\":%s,\"why\":", (unsigned long long)id,
                     in ? "true" : "false", live ? "true" : "false");
    rc = add_why(&a->run, a->plan.root, (uint32_t)(id & 0xffff), b);
    crm__buf_add_u8(b, '}');
    return rc;
}

int crm_segment_why(crm_txn *txn, const crm_segment *s, crm_id id, char **json, size_t *n,
                    crm_error *err)
{
    crm__asking a;
    crm__buf b;
    int rc = crm__segment_begin_apart(txn, s, &a, err);

    if (!rc && !json)
        rc = crm__fail_field(err, CRM_EINVAL, "json", "json is NULL");
    if (!rc) {
        *json = NULL;
        if (!id || id >= txn->state.counters.next_id)
            rc = crm__fail(err, CRM_ENOTFOUND, "there is no customer %llu", (unsigned long long)id);
    }
    if (!rc)
        rc = crm__segment_hand_out(txn, s, NULL, err);
    if (!rc) {
        crm__buf_init(&b, txn->mem);
        rc = give(txn, &b, why(&a, id, &b), json, n, err);
    }
    crm__segment_end(&a);
    return rc;
}
