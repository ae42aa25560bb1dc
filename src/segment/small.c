/* SPDX-License-Identifier: MIT
 * A question that a small set begins: its rows stand in an array, and as long as steps of stored
 * sets and of columns follow, what is left of them stays a list.  Nothing then goes through all
 * words of a chunk for some hundred candidates.
 */
#include "segment/step.h"

#include "db/derive.h"

#include <string.h>

typedef struct row_list {
    uint32_t n;
    uint16_t rows[CRM__SET_ARRAY_MOST];
} row_list;

static int one_set(const crm__step *s)
{
    return s->op == CRM__STEP_SETS && s->set_count == 1;
}

static int keep_set(crm__run *r, const crm__step *s, row_list *l)
{
    uint64_t room[CRM__SET_WORDS];
    crm__set_at at;
    uint32_t left = 0;
    int rc = crm__set_find(r, &s->sets[0], room, &at);

    if (rc)
        return rc;
    if (at.present && !at.words)
        left = crm__set_keep_rows(&at.view, l->rows, l->n);
    for (uint32_t i = 0; i < l->n && at.words; i++) {
        l->rows[left] = l->rows[i];
        left += (uint32_t)crm__set_has(at.words, l->rows[i]);
    }
    l->n = left;
    return CRM_OK;
}

static int begins_small(const crm__run *r)
{
    const crm__step *root = r->plan->root;

    return !r->txn->write && !r->timed && root->op == CRM__STEP_AND && root->child_count > 1 &&
           one_set(root->children[0]) && !(root->waiting && crm__waiting_in(r, root)) &&
           root->children[0]->estimate <= r->plan->chunks * CRM__SET_ARRAY_MOST;
}

/* A step that leaves a list one. */
static int keeps_list(const crm__run *r, const crm__step *s)
{
    return one_set(s) || (s->op == CRM__STEP_COLUMN && crm__column_one_range(s) &&
                          !(r->cut.on && r->cut.column == s->column));
}

/* The rows that pass the root of the database and the first steps, those before *from.  CRM_DONE:
 * the first set of the chunk is none of an array. */
static int list_rows(crm__run *r, row_list *l, uint32_t *from)
{
    const crm__step *root = r->plan->root;
    uint64_t room[CRM__SET_WORDS];
    crm__set_at at;
    uint32_t i;
    int rc;

    rc = crm__set_find(r, &root->children[0]->sets[0], room, &at);
    l->n = 0;
    if (rc || at.words || (at.present && !crm__set_list(&at.view, l->rows, &l->n)))
        return rc ? rc : CRM_DONE;
    rc = crm__visible_rows(r->txn, r->chunk, l->rows, &l->n);
    for (i = 1; i < root->child_count && l->n && !rc && keeps_list(r, root->children[i]); i++) {
        const crm__step *s = root->children[i];
        rc = one_set(s) ? keep_set(r, s, l)
                        : crm__column_keep(r, s->column, s->test.limits, l->rows, &l->n, NULL);
    }
    *from = l->n ? i : root->child_count;
    return rc;
}

int crm__small_begin(crm__run *r, uint64_t *words, uint32_t *from)
{
    row_list l;
    int rc = begins_small(r) ? list_rows(r, &l, from) : CRM_DONE;

    if (rc)
        return rc;
    memset(words, 0, CRM__SET_WORDS * sizeof *words);
    for (uint32_t i = 0; i < l.n; i++)
        crm__set_put(words, l.rows[i], 1);
    return rc;
}

int crm__small_count(crm__run *r, uint64_t *count)
{
    const crm__step *root = r->plan->root;
    row_list l;
    uint32_t from;
    int rc;

    if (!begins_small(r))
        return CRM_DONE;
    for (uint32_t i = 1; i < root->child_count; i++) {
        if (!keeps_list(r, root->children[i]))
            return CRM_DONE;
    }
    rc = list_rows(r, &l, &from);
    if (!rc)
        *count += l.n;
    return rc;
}
