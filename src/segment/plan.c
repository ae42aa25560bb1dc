/* SPDX-License-Identifier: MIT
 * From the tree to the plan: each condition becomes the cheapest step that can answer it, and the
 * steps of an `and` are put in order of cost, the most selective first.
 */
#include "db/derive.h"
#include "db/scan.h"
#include "segment/step.h"

#include <stdlib.h>
#include <string.h>

enum { TEXTS = 4096 }; /* sets of texts one step takes; beyond, records are read */

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

/* ---- sets ---- */

static int add_set(crm__plan *p, crm__step *s, crm__set_ref ref)
{
    /* Room doubles whenever the count is a power of two. */
    if ((s->set_count & (s->set_count - 1)) == 0) {
        uint32_t cap = s->set_count ? s->set_count * 2 : 1;
        crm__set_ref *to = crm__arena_alloc(&p->a, cap * sizeof *to);
        if (!to)
            return CRM_ENOMEM;
        if (s->set_count)
            memcpy(to, s->sets, s->set_count * sizeof *to);
        s->sets = to;
    }
    s->sets[s->set_count++] = ref;
    return CRM_OK;
}

/* Names of tags that begin with a text. */
static int add_tags_below(crm__plan *p, crm__step *s, crm__slice prefix, uint8_t ends)
{
    uint8_t key[CRM__DICT_NAME + 2];
    crm__slice k, v, from = {key, prefix.n + 2};
    crm__scan scan;
    int rc;

    if (prefix.n > CRM__DICT_NAME)
        return CRM_OK;
    key[0] = crm__dict_class_byte(CRM__DICT_TAG);
    key[1] = 0;
    memcpy(key + 2, prefix.p, prefix.n);
    crm__scan_open(p->txn, KV_DICT, &scan);
    rc = crm__scan_seek(&scan, KV_GE, from, &k, &v);
    while (!rc && k.n >= from.n && memcmp(k.p, key, from.n) == 0) {
        rc = v.n == 4 ? add_set(p, s, (crm__set_ref){KV_TAG, 0, ends, crm__get_le32(v.p)})
                      : CRM_ECORRUPT;
        if (!rc)
            rc = crm__scan_next(&scan, &k, &v);
    }
    crm__scan_close(&scan);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int add_tag(crm__plan *p, crm__step *s, const crm__tag_name *t)
{
    crm__buf name;
    uint32_t number;
    int rc = CRM_OK;

    crm__buf_init(&name, p->txn->mem);
    crm__buf_add_str(&name, t->dimension->key);
    crm__buf_add_u8(&name, ':');
    crm__buf_add(&name, t->path.p, t->path.n);
    if (name.failed)
        rc = CRM_ENOMEM;
    if (!rc && t->path.n) {
        rc = crm__dict_find(p->txn, CRM__DICT_TAG, (const char *)name.p, name.n, &number);
        if (!rc && number)
            rc = add_set(p, s, (crm__set_ref){KV_TAG, 0, t->dimension->expires, number});
        crm__buf_add_u8(&name, '/');
        if (name.failed)
            rc = CRM_ENOMEM;
    }
    if (!rc && (!t->path.n || t->dimension->hierarchical))
        rc = add_tags_below(p, s, crm__slice_of(name.p, name.n), t->dimension->expires);
    crm__buf_clear(&name);
    return rc;
}

/* A step of sets without any is never true. */
static int finish_sets(crm__plan *p, crm__step *s)
{
    if (!s->set_count) {
        s->op = CRM__STEP_NONE;
        return CRM_OK;
    }
    return crm__sets_estimate(p, s);
}

static int plan_tags_all(crm__plan *p, const crm__node *n, crm__step **out)
{
    crm__step *and = crm__step_parent(p, CRM__STEP_AND, n, n->tag_count);
    int rc = and? CRM_OK : CRM_ENOMEM;

    for (uint32_t i = 0; i < n->tag_count && !rc; i++) {
        crm__step *s = crm__step_new(p, CRM__STEP_SETS, n);
        if (!s)
            return CRM_ENOMEM;
        rc = add_tag(p, s, &n->tags[i]);
        if (!rc)
            rc = finish_sets(p, s);
        and->children[ and->child_count++] = s;
    }
    *out = and;
    return rc ? rc : crm__step_order(p, and);
}

static int plan_tags(crm__plan *p, const crm__node *n, crm__step **out)
{
    crm__step *s;
    int rc = CRM_OK;

    if (n->match == CRM__MATCH_ALL && n->tag_count > 1)
        return plan_tags_all(p, n, out);
    s = crm__step_new(p, CRM__STEP_SETS, n);
    if (!s)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < n->tag_count && !rc; i++)
        rc = add_tag(p, s, &n->tags[i]);
    if (!rc)
        rc = finish_sets(p, s);
    *out = s;
    return !rc && n->match == CRM__MATCH_NONE ? crm__step_negate(p, n, out) : rc;
}

/* ---- fields ---- */

static int plan_kind(crm__plan *p, const crm__node *n, crm__step *s)
{
    int rc = CRM_OK;

    s->op = CRM__STEP_SETS;
    for (uint32_t i = 0; i < n->values.count && !rc; i++)
        rc = add_set(
            p, s,
            (crm__set_ref){KV_BITS, CRM__BITS_KIND, 0, (uint32_t)n->values.values[i].integer});
    return rc ? rc : finish_sets(p, s);
}

/* Each value's own set. */
static int plan_values(crm__plan *p, const crm__node *n, crm__step *s)
{
    s->op = CRM__STEP_SETS;
    for (uint32_t i = 0; i < n->values.count; i++) {
        crm__set_ref ref = {KV_BITS, 0, 0, 0};
        int rc = crm__index_set_key(p->txn, n->field, &n->values.values[i], &ref.index, &ref.value);
        if (rc == CRM_ENOTFOUND)
            continue;
        if (!rc)
            rc = add_set(p, s, ref);
        if (rc)
            return rc;
    }
    return finish_sets(p, s);
}

typedef struct texts {
    crm__plan *p;
    crm__step *s;
    crm__buf scratch;
    int unsure; /* a text too long to be told, or too many of them */
} texts;

static int on_text(void *ctx, crm__slice text, uint32_t value)
{
    texts *t = ctx;
    crm__value v = {.type = t->s->test.type, .text = text};
    int rc;

    if (!text.n || t->s->set_count == TEXTS) {
        t->unsure = 1;
        return CRM_DONE;
    }
    rc = crm__test_value(&t->s->test, &v, &t->scratch);
    return rc == 1 ? add_set(t->p, t->s, (crm__set_ref){KV_BITS, CRM__BITS_TEXT, 0, value}) : rc;
}

/* Any comparison of an indexed text: with each of the texts there are, in place of each customer.
 */
static int plan_texts(crm__plan *p, const crm__node *n, crm__step *s)
{
    texts t = {p, s, {0}, 0};
    int rc;

    crm__buf_init(&t.scratch, p->txn->mem);
    rc = crm__index_texts(p->txn, n->field, crm__slice_of(NULL, 0), on_text, &t);
    crm__buf_clear(&t.scratch);
    if (rc < 0)
        return rc;
    if (t.unsure)
        return CRM_OK; /* stays a step that reads records */
    s->op = CRM__STEP_SETS;
    return finish_sets(p, s);
}

static int plan_empty(crm__plan *p, const crm__node *n, crm__step **out)
{
    crm__step *s = *out;
    int rc;

    if (n->builtin) {
        s->op = CRM__STEP_NONE;
        return CRM_OK;
    }
    s->op = CRM__STEP_SETS;
    rc = add_set(p, s, (crm__set_ref){KV_BITS, CRM__BITS_PRESENCE, 0, n->field->number});
    if (!rc)
        rc = finish_sets(p, s);
    return rc ? rc : crm__step_negate(p, n, out);
}

/* A money column holds amounts of all currencies. */
static int with_currency(crm__plan *p, const crm__node *n, crm__step **out)
{
    crm__step *and = crm__step_parent(p, CRM__STEP_AND, n, 2),
              *set = crm__step_new(p, CRM__STEP_SETS, n);
    int rc;

    if (!and || !set)
        return CRM_ENOMEM;
    rc = plan_values(p, n, set);
    and->children[0] = set;
    and->children[1] = *out;
    and->child_count = 2;
    *out = and;
    return rc;
}

static int by_id(const void *a, const void *b)
{
    crm_id x = *(const crm_id *)a, y = *(const crm_id *)b;

    return x < y ? -1 : x > y;
}

/* Customers that have one of the values, by its token. */
static int plan_tokens(crm__plan *p, const crm__node *n, crm__step *s)
{
    crm__buf ids, scratch;
    int rc = CRM_OK;

    crm__buf_init(&ids, p->txn->mem);
    crm__buf_init(&scratch, p->txn->mem);
    for (uint32_t i = 0; i < n->values.count && !rc; i++) {
        uint8_t key[CRM__KEY_TOKEN];
        size_t count = 0, cap = 16;
        crm_id *to;
        rc = crm__token_key(p->txn->store, n->field, &n->values.values[i], &scratch, key);
        for (; !rc; cap = count) {
            to = (crm_id *)(void *)crm__buf_reserve(&ids, cap * sizeof *to);
            rc = !to ? CRM_ENOMEM
                     : crm__txn_ids(p->txn, crm__slice_of(key, CRM__KEY_TOKEN), to, cap, SIZE_MAX,
                                    &count);
            if (!rc && count <= cap)
                break;
        }
        ids.n += rc ? 0 : count * sizeof *to;
    }
    s->op = CRM__STEP_IDS;
    s->id_count = ids.n / sizeof(crm_id);
    s->estimate = s->id_count;
    s->ids = crm__arena_copy(&p->a, ids.p, ids.n);
    if (!rc && !s->ids)
        rc = CRM_ENOMEM;
    if (!rc && s->id_count)
        qsort(s->ids, s->id_count, sizeof(crm_id), by_id);
    crm__buf_clear(&ids);
    crm__buf_clear(&scratch);
    return rc;
}

static int plan_by_index(crm__plan *p, const crm__node *n, crm__step **out)
{
    crm__step *s = *out;
    uint8_t index = n->field->index, type = n->field->type;
    int equal = s->test.cmp == CRM__CMP_EQ || s->test.cmp == CRM__CMP_IN;
    int numbers = s->test.limit_count > 0 || s->test.cmp == CRM__CMP_ANNIVERSARY;

    if (equal && crm__field_indexed(n->field) && !(n->field->flags & CRM_FIELD_PER_SOURCE))
        return plan_tokens(p, n, s);
    if (index & CRM__INDEX_COLUMN && numbers) {
        s->op = CRM__STEP_COLUMN;
        s->column = n->field->number;
        s->estimate = p->txn->state.counters.live / 4;
        return type == CRM_TYPE_MONEY ? with_currency(p, n, out) : CRM_OK;
    }
    if (!(index & CRM__INDEX_VALUES) || type == CRM_TYPE_MONEY)
        return CRM_OK;
    if (equal)
        return plan_values(p, n, s);
    return crm__type_is_text(type) ? plan_texts(p, n, s) : CRM_OK;
}

static int plan_field(crm__plan *p, const crm__node *n, crm__step **out)
{
    crm__step *s = crm__step_new(p, CRM__STEP_RECORD, n);
    uint8_t type = n->builtin == CRM__BUILTIN_CREATED || n->builtin == CRM__BUILTIN_UPDATED
                       ? CRM_TYPE_DATETIME
                   : n->builtin ? CRM_TYPE_INTEGER
                                : n->field->type;
    int rc;

    *out = s;
    if (!s)
        return CRM_ENOMEM;
    s->estimate = p->txn->state.counters.live / 4;
    if (n->cmp == CRM__CMP_EMPTY) {
        rc = plan_empty(p, n, out);
        return rc || !n->negated ? rc : crm__step_negate(p, n, out);
    }
    rc = crm__test_make(&p->a, type, n->cmp, &n->values, &n->window, p->txn->now, p->txn->zone,
                        &s->test);
    if (rc)
        return rc;
    switch (n->builtin) {
    case CRM__BUILTIN_ID:
        s->op = CRM__STEP_IDS;
        break;
    case CRM__BUILTIN_KIND:
        rc = plan_kind(p, n, s);
        break;
    case CRM__BUILTIN_CREATED:
        s->op = CRM__STEP_COLUMN;
        s->column = CRM__COLUMN_CREATED;
        break;
    case CRM__BUILTIN_UPDATED:
        break;
    default:
        rc = plan_by_index(p, n, out);
        break;
    }
    return rc || !n->negated ? rc : crm__step_negate(p, n, out);
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

int crm__step_order(crm__plan *p, crm__step *s)
{
    uint64_t live = p->txn->state.counters.live;

    if (s->op == CRM__STEP_AND && s->child_count && !p->apart)
        qsort(s->children, s->child_count, sizeof(crm__step *), by_cost);
    if (!s->child_count)
        return CRM_OK;
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
    return CRM_OK;
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
            if (add_set(p, into, c->sets[k]))
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
    if (!rc && op == CRM__STEP_AND && !p->apart)
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
        return plan_tags(p, n, out);
    case CRM__NODE_FIELD:
        return plan_field(p, n, out);
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

/* Buffers of words that narrowing takes at most: two for an `or`, one for a `not`. */
static uint32_t depth_of(const crm__step *s)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < s->child_count; i++) {
        uint32_t d = depth_of(s->children[i]);
        most = d > most ? d : most;
    }
    return most + (s->op == CRM__STEP_OR ? 2 : s->op == CRM__STEP_NOT ? 1 : 0);
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

int crm__plan_make(crm_txn *txn, const crm__tree *tree, int apart, crm__plan *p, crm_error *err)
{
    int rc;

    memset(p, 0, sizeof *p);
    crm__arena_init(&p->a, txn->mem);
    p->txn = txn;
    p->apart = apart;
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

void crm__plan_end(crm__plan *p)
{
    for (uint32_t i = 0; i < p->tree_count; i++)
        crm__tree_unref(p->trees[i]);
    crm__arena_clear(&p->a);
}
