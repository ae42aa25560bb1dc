/* SPDX-License-Identifier: MIT
 * Passes over customers: counted, by columns, by sets, or with their records read.
 */
#include "segment/number_run.h"

#include <string.h>

/* A combination of layers, and the rows that are in both. */
typedef struct pair {
    const crm__layer *a, *b;
    uint64_t words[CRM__SET_WORDS];
} pair;

static uint32_t code_in(const crm__layer *l, uint32_t row)
{
    return l ? l->codes[row] : 0;
}

/* Pairs one after another, from i = 0 on; 0: there is none left. */
static int next_pair(const crm__number_run *n, uint32_t *i, const uint64_t *words, pair *p)
{
    const crm__dim *x = &n->dims[0], *y = &n->dims[1];
    uint32_t across = crm__dim_layer_count(x);

    if (*i >= across * crm__dim_layer_count(y))
        return 0;
    p->a = crm__dim_layer(x, *i % across);
    p->b = crm__dim_layer(y, *i / across);
    memcpy(p->words, words, sizeof p->words);
    if (p->a)
        crm__words_and(p->words, p->a->words);
    if (p->b)
        crm__words_and(p->words, p->b->words);
    ++*i;
    return 1;
}

#define EACH_ROW(words, row)                                                                       \
    for (int32_t row = crm__set_next(words, 0); row >= 0;                                          \
         row = crm__set_next(words, (uint32_t)row + 1))

/* ---- counted ---- */

static int count_many(crm__number_run *n, const crm__pass *p, uint32_t a, uint32_t b, uint64_t many)
{
    crm__tally *t;
    int rc = many ? crm__cells_at(&n->cells, a, b, 0, &t) : CRM_OK;

    for (uint32_t i = 0; many && i < p->count && !rc; i++)
        t[p->of[i]].count += many;
    return rc;
}

static int count_pair(crm__number_run *n, const crm__pass *p, const pair *x)
{
    int rc = CRM_OK;

    if (!x->a && !x->b)
        return count_many(n, p, 0, 0, crm__set_count(x->words));
    for (uint32_t w = 0; w < CRM__SET_WORDS && !rc; w++) {
        for (uint64_t bits = x->words[w]; bits && !rc; bits &= bits - 1) {
            uint32_t row = w * 64 + (uint32_t)__builtin_ctzll(bits);
            rc = count_many(n, p, code_in(x->a, row), code_in(x->b, row), 1);
        }
    }
    return rc;
}

int crm__pass_rows(crm__number_run *n, crm__pass *p, const uint64_t *words)
{
    uint32_t i = 0;
    pair x;
    int rc = CRM_OK;

    while (!rc && next_pair(n, &i, words, &x))
        rc = count_pair(n, p, &x);
    return rc;
}

/* ---- columns ---- */

static int add_number(crm__number_run *n, const crm__pass *p, uint32_t a, uint32_t b,
                      uint32_t currency, int64_t number, int scale)
{
    crm__tally *t;
    int rc = crm__cells_at(&n->cells, a, b, currency, &t);

    for (uint32_t i = 0; i < p->count && !rc; i++)
        rc = crm__tally_add(&n->cells, p->of[i], &t[p->of[i]], number, scale);
    return rc;
}

/* One of the rows of a block. */
static int add_row(crm__number_run *n, const crm__pass *p, const pair *x, const crm__column *c,
                   uint32_t row, uint32_t in_block)
{
    const crm__layer *currency = p->values.layer_count ? p->values.layers[0] : NULL;
    crm__column_cell cell;

    crm__column_get(c, in_block, &cell);
    if (cell.state != CRM__CELL_NUMBER)
        return CRM_OK;
    return add_number(n, p, code_in(x->a, row), code_in(x->b, row), code_in(currency, row),
                      cell.number, cell.scale);
}

/* All numbers of a block that go into one cell. */
static int add_block(crm__number_run *n, const crm__pass *p, const crm__column *c,
                     const uint64_t *words, uint32_t count)
{
    int64_t numbers[CRM__COLUMN_ROWS];
    uint64_t present[CRM__COLUMN_WORDS], wide[CRM__COLUMN_WORDS];
    uint32_t kept = 0;
    crm__tally *t;
    int rc = crm__cells_at(&n->cells, 0, 0, 0, &t);

    crm__column_numbers(c, numbers);
    crm__column_present(c, present);
    crm__column_wide(c, wide);
    for (uint32_t w = 0; w < count; w++) {
        for (uint64_t bits = words[w] & present[w] & ~wide[w]; bits; bits &= bits - 1)
            numbers[kept++] = numbers[w * 64 + (uint32_t)__builtin_ctzll(bits)];
    }
    for (uint32_t i = 0; i < p->count && !rc; i++)
        rc = crm__tally_add_many(&n->cells, p->of[i], &t[p->of[i]], numbers, kept, c->scale);
    for (uint32_t w = 0; w < count && !rc; w++) {
        for (uint64_t bits = words[w] & wide[w]; bits && !rc; bits &= bits - 1) {
            crm__column_cell cell;
            crm__column_get(c, w * 64 + (uint32_t)__builtin_ctzll(bits), &cell);
            rc = add_number(n, p, 0, 0, 0, cell.number, cell.scale);
        }
    }
    return rc;
}

static int column_pair(crm__number_run *n, const crm__pass *p, const pair *x, uint32_t block,
                       const crm__column *c)
{
    uint32_t first = block * CRM__COLUMN_WORDS, count = CRM__SET_WORDS - first;
    const uint64_t *words = x->words + first;
    int rc = CRM_OK;

    count = count < CRM__COLUMN_WORDS ? count : CRM__COLUMN_WORDS;
    if (!x->a && !x->b && !p->values.layer_count)
        return add_block(n, p, c, words, count);
    for (uint32_t w = 0; w < count; w++) {
        for (uint64_t bits = words[w]; bits && !rc; bits &= bits - 1) {
            uint32_t at = w * 64 + (uint32_t)__builtin_ctzll(bits);
            rc = add_row(n, p, x, c, first * 64 + at, at);
        }
    }
    return rc;
}

int crm__pass_column(crm__number_run *n, crm__pass *p, const uint64_t *words)
{
    crm__run *r = &n->a.run;
    uint32_t column = p->field ? p->field->number : CRM__COLUMN_CREATED, i = 0;
    pair x;
    int rc = CRM_OK;

    if (p->field && p->field->type == CRM_TYPE_MONEY)
        rc = crm__dim_currencies(&p->values, r, p->field, words);
    while (!rc && next_pair(n, &i, words, &x)) {
        for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS && !rc; b++) {
            uint8_t key[CRM__KEY_COLUMN];
            crm__column c;
            rc = crm__txn_column(r->txn, crm__key_column(key, r->chunk, column, b), &r->block, &c);
            if (!rc)
                rc = column_pair(n, p, &x, b, &c);
            else if (rc == CRM_ENOTFOUND)
                rc = CRM_OK;
        }
    }
    return rc;
}

/* ---- sets ---- */

int crm__pass_sets(crm__number_run *n, crm__pass *p, const uint64_t *words)
{
    uint32_t i = 0;
    pair x;
    int rc = crm__dim_layers(&p->values, &n->a.run, words);

    while (!rc && next_pair(n, &i, words, &x)) {
        for (uint32_t k = 0; k < p->values.layer_count && !rc; k++) {
            const crm__layer *l = p->values.layers[k];
            uint64_t rows[CRM__SET_WORDS];
            memcpy(rows, x.words, sizeof rows);
            crm__words_and(rows, l->words);
            EACH_ROW(rows, row)
            {
                if (!l->codes[row])
                    continue;
                rc = add_number(n, p, code_in(x.a, (uint32_t)row), code_in(x.b, (uint32_t)row), 0,
                                l->codes[row], 0);
                if (rc)
                    break;
            }
        }
    }
    return rc;
}

/* ---- records ---- */

int crm__number_of(crm__number_run *n, const crm__value *v, int64_t *number, int *scale,
                   uint32_t *currency)
{
    crm__buf *scratch = &n->a.run.scratch;
    uint32_t text;
    crm__decimal d;
    int rc;

    *currency = v->type == CRM_TYPE_MONEY ? 1 + (uint32_t)crm__day_currency(v->currency) : 0;
    *scale = 0;
    if (crm__type_is_text(v->type)) {
        scratch->n = 0;
        if (crm__value_normal(v->type, v, scratch) || scratch->failed)
            return CRM_ENOMEM;
        rc = crm__text_number_of(&n->texts, crm__slice_of(scratch->p, scratch->n), &text);
        *number = text;
        return rc;
    }
    if (!crm__value_number(v, &d)) {
        *number = v->integer;
        return CRM_OK;
    }
    *number = d.mantissa;
    *scale = d.scale;
    return CRM_OK;
}

static int add_entry(crm__number_run *n, const crm__pass *p, const pair *x, uint32_t row)
{
    const crm__field *f = p->field;
    const crm__record *record = &n->a.run.record;
    const crm__entry *e = f ? crm__record_find(record, f->number) : NULL;
    crm__slice item;
    size_t pos = 0;
    int rc;

    if (!f)
        return add_number(n, p, code_in(x->a, row), code_in(x->b, row), 0, record->updated, 0);
    if (!e || e->type != f->type || e->scoped != ((f->flags & CRM_FIELD_PER_SOURCE) != 0))
        return CRM_OK;
    while ((rc = crm__entry_next(e, &pos, &item)) == CRM_OK) {
        int64_t number;
        uint32_t currency;
        int scale;
        crm__value v;
        rc = crm__value_decode(e->type, e->scoped, item, &v);
        if (!rc)
            rc = crm__number_of(n, &v, &number, &scale, &currency);
        if (!rc)
            rc = add_number(n, p, code_in(x->a, row), code_in(x->b, row), currency, number, scale);
        if (rc || !(f->flags & CRM_FIELD_LIST))
            return rc;
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

int crm__pass_record(crm__number_run *n, crm__pass *p, const uint64_t *words)
{
    crm__run *r = &n->a.run;
    uint32_t i = 0;
    pair x;
    int rc = CRM_OK;

    while (!rc && next_pair(n, &i, words, &x)) {
        EACH_ROW(x.words, row)
        {
            rc = crm__record_load(r, (r->chunk << CRM__CHUNK_SHIFT) + (uint64_t)row);
            if (!rc)
                rc = add_entry(n, p, &x, (uint32_t)row);
            if (!rc)
                rc = crm__run_read(r);
            if (rc)
                break;
        }
    }
    return rc;
}
