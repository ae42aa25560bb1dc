/* SPDX-License-Identifier: MIT
 * From the tree to the plan: steps that can be answered together are joined, and those of an `and`
 * are put in order of cost, the most selective first.
 */
#include "segment/step.h"

#include <stdlib.h>
#include <string.h>

crm__step *crm__step_new(crm__plan *p, crm__step_op op, const crm__node *n)
{
    crm__step *s = crm__arena_alloc(&p->a, sizeof *s);

    if (s) {
        memset(s, 0, sizeof *s);
        s->op = op;
        s->node = n;
    }
    return s;
}

crm__step *crm__step_parent(crm__plan *p, crm__step_op op, const crm__node *n, uint32_t children)
{
    crm__step *s = crm__step_new(p, op, n);

    if (!s)
        return NULL;
    s->children = crm__arena_alloc(&p->a, (children + 1) * sizeof *s->children);
    return s->children ? s : NULL;
}

int crm__step_negate(crm__plan *p, const crm__node *n, crm__step **s)
{
    crm__step *not = crm__step_parent(p, CRM__STEP_NOT, n, 1);
    uint64_t live = p->txn->state.counters.live;

    if (!not )
        return CRM_ENOMEM;
    not ->children[0] = *s;
    not ->child_count = 1;
    not ->estimate = (*s)->estimate < live ? live - (*s)->estimate : 0;
    *s = not ;
    return CRM_OK;
}

/* ---- and, or, not ---- */

/* What a step costs for each candidate, from nothing to reading all that a customer did. */
static int cost(const crm__step *s)
{
    int most = 0;

    switch (s->op) {
    case CRM__STEP_NONE:
    case CRM__STEP_ALL:
        return 0;
    case CRM__STEP_SETS:
        return 1;
    case CRM__STEP_COLUMN:
        return 2;
    case CRM__STEP_IDS:
        return 3;
    case CRM__STEP_DAYS:
        return 4;
    case CRM__STEP_RECORD:
        return 5;
    case CRM__STEP_EVENTS:
        return 6;
    default:
        for (uint32_t i = 0; i < s->child_count; i++) {
            int c = cost(s->children[i]);
            most = c > most ? c : most;
        }
        return most;
    }
}

static int by_cost(const void *a, const void *b)
{
    const crm__step *x = *(crm__step *const *)a, *y = *(crm__step *const *)b;
    int c = cost(x), d = cost(y);

    if (c != d)
        return c - d;
    return x->estimate < y->estimate ? -1 : x->estimate > y->estimate;
}

void crm__step_sum(const crm__plan *p, crm__step *s)
{
    uint64_t live = p->txn->state.counters.live;

    if (!s->child_count)
        return;
    s->estimate = s->op == CRM__STEP_AND ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < s->child_count; i++) {
        uint64_t e = s->children[i]->estimate;
        if (s->op == CRM__STEP_NOT)
            s->estimate = e < live ? live - e : 0;
        else if (s->op == CRM__STEP_OR)
            s->estimate += e;
        else if (e < s->estimate)
            s->estimate = e;
    }
    if (s->estimate > live)
        s->estimate = live;
}

/* Steps of one cost, but for stored sets, which are always estimated, are put in order by guesses. */
static int guess_rivals(crm__plan *p, crm__step *s)
{
    int rc = CRM_OK;

    for (uint32_t i = 0; i < s->child_count && !rc; i++) {
        int c = cost(s->children[i]), rival = 0;
        for (uint32_t k = 0; k < s->child_count && c > 1 && !rival; k++)
            rival = k != i && cost(s->children[k]) == c;
        if (rival)
            rc = crm__step_guess(p, s->children[i]);
    }
    return rc;
}

/* Many children are compared with many. */
enum { RIVALS = 64 };

int crm__step_order(crm__plan *p, crm__step *s)
{
    int rc = CRM_OK;

    if (s->op == CRM__STEP_AND && s->child_count && !p->apart) {
        if (!p->few && s->child_count <= RIVALS)
            rc = guess_rivals(p, s);
        qsort(s->children, s->child_count, sizeof(crm__step *), by_cost);
    }
    crm__step_sum(p, s);
    return rc;
}

/* Sets among the children of an `or` are one step: any of them all. */
static int join_sets(crm__plan *p, crm__step *s)
{
    crm__step *into = NULL;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < s->child_count; i++) {
        crm__step *c = s->children[i], *last = into;
        if (c->op != CRM__STEP_SETS || !into) {
            into = c->op == CRM__STEP_SETS ? c : into;
            s->children[kept++] = c;
            continue;
        }
        for (uint32_t k = 0; k < c->set_count; k++) {
            if (crm__step_add_set(p, into, c->sets[k]))
                return CRM_ENOMEM;
        }
        into->estimate += c->estimate;
        while (last->more)
            last = last->more;
        last->more = c;
    }
    s->child_count = kept;
    return CRM_OK;
}

static int of_money(const crm__step *s)
{
    return s->node->attribute && s->node->attribute->type == CRM_TYPE_MONEY;
}

/* Of amounts, only those of one attribute and currency. */
static int may_join(const crm__step *with, const crm__step *c)
{
    for (const crm__step *q = with; q && of_money(c); q = q->more) {
        if (of_money(q) && (q->node->attribute != c->node->attribute ||
                            memcmp(q->test.currency, c->test.currency, 3) != 0))
            return 0;
    }
    return 1;
}

/* Questions about the same events among the children of an `and` are answered in one pass. */
static void join_days(crm__step *s)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < s->child_count; i++) {
        crm__step *c = s->children[i], *with = NULL;
        uint32_t asked = 0;
        for (uint32_t k = 0; k < kept && c->op == CRM__STEP_DAYS && !with; k++) {
            if (s->children[k]->op == CRM__STEP_DAYS && crm__days_same(s->children[k], c))
                with = s->children[k];
        }
        for (crm__step *q = with; q; q = q->more)
            asked++;
        if (!with || asked == CRM__DAYS_ASKS || !may_join(with, c)) {
            s->children[kept++] = c;
            continue;
        }
        /* One that keeps amounts of one currency leaves fewer items: it comes last. */
        if (of_money(with)) {
            for (uint32_t k = 0; k < kept; k++) {
                if (s->children[k] == with)
                    s->children[k] = c;
            }
            c->more = with;
        } else {
            c->more = with->more;
            with->more = c;
        }
    }
    s->child_count = kept;
}

static int plan_many(crm__plan *p, const crm__node *n, crm__step_op op, crm__step **out)
{
    crm__step *s = crm__step_parent(p, op, n, n->child_count);
    int rc = s ? CRM_OK : CRM_ENOMEM;

    for (uint32_t i = 0; i < n->child_count && !rc; i++) {
        rc = crm__plan_node(p, n->children[i], &s->children[i]);
        s->child_count += !rc;
    }
    *out = s;
    if (!rc && op == CRM__STEP_OR && !p->apart)
        rc = join_sets(p, s);
    if (!rc && op == CRM__STEP_AND && !p->apart && !p->kept)
        join_days(s);
    if (!rc && op != CRM__STEP_NOT && s->child_count == 1)
        *out = s->children[0];
    return rc ? rc : crm__step_order(p, *out);
}

/* Saved segments that name others again and again come to any number of conditions. */
enum { NODES = 65536 };

/* As deep as a plan is its runs call themselves, on the stack of the host. */
enum { LEVELS = 256 };

static int plan_one(crm__plan *p, const crm__node *n, crm__step **out)
{
    switch (n->op) {
    case CRM__NODE_ALL:
        *out = crm__step_new(p, CRM__STEP_ALL, n);
        if (*out)
            (*out)->estimate = p->txn->state.counters.live;
        return *out ? CRM_OK : CRM_ENOMEM;
    case CRM__NODE_NONE:
        *out = crm__step_new(p, CRM__STEP_NONE, n);
        return *out ? CRM_OK : CRM_ENOMEM;
    case CRM__NODE_AND:
        return plan_many(p, n, CRM__STEP_AND, out);
    case CRM__NODE_OR:
        return plan_many(p, n, CRM__STEP_OR, out);
    case CRM__NODE_NOT:
        return plan_many(p, n, CRM__STEP_NOT, out);
    case CRM__NODE_TAG:
        return crm__plan_tags(p, n, out);
    case CRM__NODE_FIELD:
        return crm__plan_field(p, n, out);
    case CRM__NODE_SEGMENT:
        return crm__plan_saved(p, n, out);
    default:
        return crm__plan_events(p, n, out);
    }
}

int crm__plan_node(crm__plan *p, const crm__node *n, crm__step **out)
{
    int rc;

    if (++p->nodes > NODES)
        return crm__fail_field(p->err, CRM_EVALUE, "segment",
                               "with the saved segments in it the segment has more than %d "
                               "conditions",
                               NODES);
    if (p->level == LEVELS)
        return crm__fail_field(p->err, CRM_EVALUE, "segment",
                               "with the saved segments in it the segment is more than %d levels "
                               "deep",
                               LEVELS);
    p->level++;
    rc = plan_one(p, n, out);
    p->level--;
    return rc;
}

/* Buffers of words that narrowing takes at most: two for an `or`, one for a `not` and for rows that
 * wait. */
static uint32_t depth_of(const crm__step *s)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < s->child_count; i++) {
        uint32_t d = depth_of(s->children[i]);
        most = d > most ? d : most;
    }
    return most + (s->op == CRM__STEP_OR ? 2 : s->op == CRM__STEP_NOT || s->waiting ? 1 : 0);
}

int crm__plan_hold(crm__plan *p, crm__tree *t)
{
    if (p->tree_count == p->tree_cap) {
        uint32_t cap = p->tree_cap ? p->tree_cap * 2 : 8;
        crm__tree **to = crm__arena_alloc(&p->a, cap * sizeof *to);
        if (!to)
            return CRM_ENOMEM;
        if (p->tree_count)
            memcpy(to, p->trees, p->tree_count * sizeof *to);
        p->trees = to;
        p->tree_cap = cap;
    }
    p->trees[p->tree_count++] = t;
    return CRM_OK;
}

/* A tree made with another version of the model, or of another database, is read anew: numbers of
 * names may differ. */
static int bind(crm__plan *p, const crm__tree **tree)
{
    crm__buf text;
    crm__tree *t = NULL;
    int rc;

    if (crm__tree_model(*tree) == p->model)
        return CRM_OK;
    crm__buf_init(&text, p->txn->mem);
    rc = crm__tree_print(crm__tree_root(*tree), &text);
    if (!rc)
        rc = crm__tree_parse(p->txn->mem, (crm__model *)(uintptr_t)p->model, p->txn->zone,
                             (const char *)text.p, text.n, &t, p->err);
    crm__buf_clear(&text);
    if (rc)
        return rc;
    rc = crm__plan_hold(p, t);
    if (rc)
        crm__tree_unref(t);
    *tree = t;
    return rc;
}

int crm__plan_make(crm_txn *txn, const crm__tree *tree, int how, crm__plan *p, crm_error *err)
{
    int rc;

    memset(p, 0, sizeof *p);
    crm__arena_init(&p->a, how & CRM__PLAN_KEPT ? &txn->store->mem : txn->mem);
    p->txn = txn;
    p->apart = how & CRM__PLAN_APART;
    p->few = how & (CRM__PLAN_FEW | CRM__PLAN_KEPT);
    p->kept = how & CRM__PLAN_KEPT;
    rc = crm__state_read(txn, err);
    if (!rc)
        rc = crm__txn_model(txn, &p->model, err);
    if (rc)
        return rc;
    p->chunks = (txn->state.counters.next_id + CRM__CHUNK_ROWS - 1) >> CRM__CHUNK_SHIFT;
    p->err = err;
    rc = bind(p, &tree);
    if (!rc)
        rc = crm__plan_node(p, crm__tree_root(tree), &p->root);
    if (rc && (!err || err->code != rc))
        rc = crm__txn_fail(txn, rc, "can't plan the segment", err);
    if (!rc)
        p->depth = depth_of(p->root) + 1;
    return rc;
}

static void renew_events(crm__events_test *t, const crm__event_spec *spec, const crm_txn *txn)
{
    crm__window_range(&spec->window, txn->now, txn->zone, &t->from, &t->until);
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->tests[i].attribute && !t->tests[i].empty)
            crm__test_renew(&t->tests[i].test, &t->tests[i].of->window, txn->now, txn->zone);
    }
}

static void renew(crm__step *s, const crm_txn *txn)
{
    for (uint32_t i = 0; i < s->child_count; i++)
        renew(s->children[i], txn);
    if (s->op == CRM__STEP_DAYS || s->op == CRM__STEP_EVENTS) {
        renew_events(&s->events, &s->node->events, txn);
        if (s->node->op == CRM__NODE_SEQUENCE)
            renew_events(&s->then, &s->node->then, txn);
    }
    if (s->op >= CRM__STEP_COLUMN && s->node)
        crm__test_renew(&s->test, &s->node->window, txn->now, txn->zone);
}

void crm__plan_renew(crm__plan *p, crm_txn *txn, crm_error *err)
{
    p->txn = txn;
    p->err = err;
    p->chunks = (txn->state.counters.next_id + CRM__CHUNK_ROWS - 1) >> CRM__CHUNK_SHIFT;
    if (p->timed)
        renew(p->root, txn);
}

void crm__plan_end(crm__plan *p)
{
    for (uint32_t i = 0; i < p->tree_count; i++)
        crm__tree_unref(p->trees[i]);
    crm__arena_clear(&p->a);
}
