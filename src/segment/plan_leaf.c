/* SPDX-License-Identifier: MIT
 * Conditions on tags and fields in a plan: each becomes the cheapest step that can answer it.
 */
#include "db/derive.h"
#include "db/gram.h"
#include "db/scan.h"
#include "segment/step.h"

#include <stdlib.h>
#include <string.h>

enum { TEXTS = 4096 }; /* sets of texts one step takes; beyond, records are read */
enum { GRAM_STEPS = 4 };

/* ---- sets ---- */

int crm__step_add_set(crm__plan *p, crm__step *s, crm__set_ref ref)
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
        rc = v.n == 4 ? crm__step_add_set(p, s, (crm__set_ref){KV_TAG, 0, ends, crm__get_le32(v.p)})
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
            rc = crm__step_add_set(p, s, (crm__set_ref){KV_TAG, 0, t->dimension->expires, number});
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

int crm__plan_tags(crm__plan *p, const crm__node *n, crm__step **out)
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
        rc = crm__step_add_set(
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
            rc = crm__step_add_set(p, s, ref);
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
    return rc == 1
               ? crm__step_add_set(t->p, t->s, (crm__set_ref){KV_BITS, CRM__BITS_TEXT, 0, value})
               : rc;
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
    rc = crm__step_add_set(p, s, (crm__set_ref){KV_BITS, CRM__BITS_PRESENCE, 0, n->field->number});
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

/* Who is in the sets of all pieces of a text is asked whether it has the text.  A text too short to
 * have a piece is looked for in all records. */
static int plan_grams(crm__plan *p, const crm__node *n, crm__step **out)
{
    uint64_t sets[CRM__GRAM_WORDS] = {0};
    uint32_t count = 0;
    crm__step *all;
    int rc = CRM_OK;

    crm__gram_sets((*out)->test.folded, sets);
    for (int i = 0; i < CRM__GRAM_WORDS; i++)
        count += (uint32_t)__builtin_popcountll(sets[i]);
    if (!count)
        return CRM_OK;
    all = crm__step_parent(p, CRM__STEP_AND, n, count + 1);
    for (uint32_t i = 0; all && i < CRM__GRAM_WORDS; i++) {
        for (uint64_t left = sets[i]; left; left &= left - 1) {
            uint32_t gram = i * 64 + (uint32_t)__builtin_ctzll(left);
            crm__step *set = crm__step_new(p, CRM__STEP_SETS, n);
            if (!set)
                return CRM_ENOMEM;
            rc = crm__step_add_set(p, set,
                                   (crm__set_ref){KV_BITS, CRM__BITS_GRAM, 0,
                                                  (uint32_t)n->field->number << 16 | gram});
            if (!rc)
                rc = finish_sets(p, set);
            if (rc)
                return rc;
            all->children[all->child_count++] = set;
        }
    }
    rc = all ? crm__step_order(p, all) : CRM_ENOMEM;
    if (rc)
        return rc;
    /* Those that leave fewest are enough, for the text is asked for. */
    all->child_count = all->child_count < GRAM_STEPS ? all->child_count : GRAM_STEPS;
    all->children[all->child_count++] = *out;
    *out = all;
    rc = crm__waiting_plan(p, all, n->field->number, sets);
    return rc ? rc : crm__step_order(p, all);
}

static int plan_by_index(crm__plan *p, const crm__node *n, crm__step **out)
{
    crm__step *s = *out;
    uint8_t index = n->field->index, type = n->field->type;
    int equal = s->test.cmp == CRM__CMP_EQ || s->test.cmp == CRM__CMP_IN;
    int numbers = s->test.limit_count > 0 || s->test.cmp == CRM__CMP_ANNIVERSARY;

    /* Who has a token, and which texts there are, changes: a kept plan reads the record. */
    if (p->kept && crm__type_is_text(type))
        return CRM_OK;
    if (equal && !p->kept && crm__field_indexed(n->field) &&
        !(n->field->flags & CRM_FIELD_PER_SOURCE))
        return plan_tokens(p, n, s);
    if (index & CRM__INDEX_COLUMN && numbers) {
        s->op = CRM__STEP_COLUMN;
        s->column = n->field->number;
        s->estimate = p->txn->state.counters.live / 4;
        return type == CRM_TYPE_MONEY ? with_currency(p, n, out) : CRM_OK;
    }
    if (!(index & CRM__INDEX_VALUES) && index & CRM__INDEX_GRAMS &&
        (s->test.cmp == CRM__CMP_CONTAINS || s->test.cmp == CRM__CMP_PREFIX))
        return plan_grams(p, n, out);
    if (!(index & CRM__INDEX_VALUES) || type == CRM_TYPE_MONEY)
        return CRM_OK;
    if (equal)
        return plan_values(p, n, s);
    return crm__type_is_text(type) ? plan_texts(p, n, s) : CRM_OK;
}

int crm__plan_field(crm__plan *p, const crm__node *n, crm__step **out)
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
    p->timed |= n->cmp == CRM__CMP_WINDOW || n->cmp == CRM__CMP_ANNIVERSARY;
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
