/* SPDX-License-Identifier: MIT
 * Orders: see order.h.
 */
#include "segment/order.h"

#include "base/error.h"
#include "base/utf8.h"
#include "db/index.h"

#include <string.h>

/* So many rows of a block are looked at one by one. */
enum { FEW = 64 };

/* ---- reading ---- */

/* word: letters a to z, and `_`. */
static int is_word(crm__slice s, const char *word)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 32);
        if (!word[i] || c != (uint8_t)word[i])
            return 0;
    }
    return !word[s.n];
}

static crm__slice trimmed(const char *p, size_t n)
{
    crm__utf8_trim(&p, &n);
    return crm__slice_of(p, n);
}

/* Splits a direction off the end. */
static crm__slice take_direction(crm__slice s, uint8_t *descending)
{
    size_t at = s.n;

    while (at > 0 && s.p[at - 1] != ' ' && s.p[at - 1] != '\t')
        at--;
    if (at > 0) {
        crm__slice last = {s.p + at, s.n - at};
        *descending = is_word(last, "desc") != 0;
        if (*descending || is_word(last, "asc"))
            return trimmed((const char *)s.p, at);
    }
    *descending = 0;
    return s;
}

static crm__builtin builtin_of(crm__slice name)
{
    return is_word(name, "id")           ? CRM__BUILTIN_ID
           : is_word(name, "created_at") ? CRM__BUILTIN_CREATED
           : is_word(name, "updated_at") ? CRM__BUILTIN_UPDATED
                                         : CRM__BUILTIN_NONE;
}

static int read_field(const crm__model *m, crm__slice name, crm__order_by *by, crm_error *err)
{
    const char *near;

    by->field = crm__model_find(m, (const char *)name.p, name.n);
    if (!by->field) {
        near = crm__model_near(m, (const char *)name.p, name.n);
        return crm__fail_field(err, CRM_EFIELD, "order",
                               "the order names no field of the model%s%s%s",
                               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    if (by->field->flags & CRM_FIELD_LIST)
        return crm__fail_field(err, CRM_EVALUE, "order",
                               "customers can't be put in order of '%s', which holds a list",
                               by->field->key);
    by->text = crm__type_is_text(by->field->type);
    return CRM_OK;
}

int crm__order_read(const crm_allocator *mem, const crm__model *m, const char *text,
                    crm__order_list *o, crm_error *err)
{
    size_t n = text ? strlen(text) : 0;

    memset(o, 0, sizeof *o);
    for (int i = 0; i < CRM__ORDER_KEYS; i++)
        crm__buf_init(&o->by[i].at.room, mem);
    if (crm__utf8_valid(text ? text : "", n) != n)
        return crm__fail_field(err, CRM_EVALUE, "order", "the order is not UTF-8");
    while (n) {
        const char *comma = memchr(text, ',', n);
        size_t part = comma ? (size_t)(comma - text) : n;
        crm__slice name = trimmed(text, part);
        crm__order_by *by = &o->by[o->count];
        int rc;
        if (o->count == CRM__ORDER_KEYS)
            return crm__fail_field(err, CRM_EVALUE, "order", "an order has at most %d fields",
                                   CRM__ORDER_KEYS);
        name = take_direction(name, &by->descending);
        by->builtin = builtin_of(name);
        rc = by->builtin ? CRM_OK : read_field(m, name, by, err);
        if (rc)
            return rc;
        o->count++;
        text += part + (comma != NULL);
        n -= part + (comma != NULL);
    }
    return CRM_OK;
}

/* ---- loading ---- */

static __int128 at_twelve(__int128 number, int scale)
{
    static const int64_t POWER[] = {1,
                                    10,
                                    100,
                                    1000,
                                    10000,
                                    100000,
                                    1000000,
                                    10000000,
                                    100000000,
                                    1000000000,
                                    10000000000,
                                    100000000000,
                                    1000000000000,
                                    10000000000000,
                                    100000000000000,
                                    1000000000000000,
                                    10000000000000000,
                                    100000000000000000,
                                    1000000000000000000};

    return number * POWER[12 - scale];
}

static int load_record(crm__run *r, const crm__order_by *by, crm__arena *a, crm_id id,
                       crm__order_value *to)
{
    uint8_t key[CRM__KEY_U64];
    const crm__entry *e;
    crm__slice bytes, item;
    crm__decimal d;
    crm__value v;
    size_t pos = 0;
    int rc = crm__txn_read(r->txn, KV_CUSTOMER, crm__key_u64(key, id), &bytes);

    if (!rc)
        rc = crm__record_decode(r->txn->mem, bytes, &r->record);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    if (by->builtin) {
        to->has = 1;
        to->number = at_twelve(
            by->builtin == CRM__BUILTIN_CREATED ? r->record.created : r->record.updated, 0);
        return CRM_OK;
    }
    e = crm__record_find(&r->record, by->field->number);
    if (!e || e->type != by->field->type || crm__entry_next(e, &pos, &item) != CRM_OK)
        return CRM_OK;
    rc = crm__value_decode(e->type, e->scoped, item, &v);
    if (rc)
        return rc;
    to->has = 1;
    to->begun = 0;
    if (by->text) {
        to->number = at_twelve(crm__index_prefix(v.text), 0);
        to->text.n = v.text.n;
        to->text.p = crm__arena_copy(a, v.text.p, v.text.n);
        return to->text.p ? CRM_OK : CRM_ENOMEM;
    }
    if (crm__value_number(&v, &d))
        to->number = at_twelve(d.mantissa, d.scale);
    else
        to->number = at_twelve(v.integer, 0);
    return CRM_OK;
}

static uint32_t column_of(const crm__order_by *by)
{
    return by->builtin ? CRM__COLUMN_CREATED : by->field->number;
}

static int block_at(crm__run *r, crm__order_list *o, crm__order_by *by, uint64_t chunk,
                    uint32_t block)
{
    crm__order_block *at = &by->at;
    crm__column_walk plain;
    int rc;

    if (at->known && at->chunk == chunk && at->block == block)
        return CRM_OK;
    at->known = 0;
    if (by == &o->by[1] && o->has_found && o->found_chunk == chunk && o->found.has[block]) {
        at->column = o->found.of[block];
        rc = CRM_OK;
    } else {
        crm__column_walk_begin(&plain, r->txn, NULL, &at->room);
        rc = crm__column_walk_at(at->walk.cursor ? &at->walk : &plain, chunk, column_of(by), block,
                                 &at->column);
    }
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    at->absent = rc == CRM_ENOTFOUND;
    at->known = 1;
    at->chunk = chunk;
    at->block = block;
    return CRM_OK;
}

/* From the column of the field. */
static int load_column(crm__run *r, crm__order_list *o, crm__order_by *by, crm_id id,
                       crm__order_value *to)
{
    crm__order_block *at;
    crm__column_cell cell;
    int rc = block_at(r, o, by, id >> CRM__CHUNK_SHIFT,
                      (uint32_t)(id & 0xffff) / CRM__COLUMN_ROWS);

    at = &by->at;
    if (rc || at->absent)
        return rc;
    crm__column_get(&at->column, (uint32_t)(id & 0xffff) % CRM__COLUMN_ROWS, &cell);
    to->has = cell.state == CRM__CELL_NUMBER;
    to->begun = to->has && by->text;
    to->number = to->has ? at_twelve(cell.number, cell.scale) : 0;
    return CRM_OK;
}

static int in_column(const crm__order_by *by)
{
    return by->builtin == CRM__BUILTIN_CREATED ||
           (by->field && by->field->index & CRM__INDEX_COLUMN);
}

int crm__order_load(crm__run *r, crm__order_list *o, crm__arena *a, crm__order_entry *e)
{
    crm__order_by *by = &o->by[e->loaded];
    crm__order_value *to = &e->values[e->loaded];
    int rc;

    memset(to, 0, sizeof *to);
    if (by->builtin == CRM__BUILTIN_ID) {
        to->has = 1;
        to->number = at_twelve((__int128)e->id, 0);
        rc = CRM_OK;
    } else if (in_column(by)) {
        rc = load_column(r, o, by, e->id, to);
    } else {
        rc = load_record(r, by, a, e->id, to);
        if (!rc)
            rc = crm__run_read(r);
    }
    e->loaded += !rc;
    return rc;
}

/* The text that only the beginning of is known. */
static int load_rest(crm__run *r, const crm__order_by *by, crm__arena *a, crm_id id,
                     crm__order_value *v)
{
    int rc;

    if (!v->has || !v->begun)
        return CRM_OK;
    v->has = 0;
    rc = load_record(r, by, a, id, v);
    if (!rc && !v->has)
        rc = CRM_ECORRUPT; /* the column says that there is a text */
    return rc ? rc : crm__run_read(r);
}

int crm__order_load_all(crm__run *r, crm__order_list *o, crm__arena *a, crm__order_entry *e)
{
    int rc = CRM_OK;

    while (!rc && e->loaded < o->count)
        rc = crm__order_load(r, o, a, e);
    for (uint32_t i = 0; i < o->count && !rc; i++)
        rc = load_rest(r, &o->by[i], a, e->id, &e->values[i]);
    return rc;
}

/* What comes before a value, or with it where `equal`; 0: the column can't tell. */
static int before(const crm__order_by *by, const crm__order_value *v, int equal, crm__limits *to)
{
    memset(to, 0, sizeof *to);
    if (!in_column(by) || !v->has)
        return 0;
    to->lo = to->hi = (int64_t)(v->number / at_twelve(1, 0));
    if (at_twelve(to->lo, 0) != v->number)
        return 0; /* has digits behind the point */
    to->flags = by->descending ? CRM__LIMIT_LO : CRM__LIMIT_HI;
    if (!equal && !by->text) /* what begins alike may come before or behind */
        to->flags |= by->descending ? CRM__LIMIT_LO_OPEN : CRM__LIMIT_HI_OPEN;
    return 1;
}

/* A step of the column itself, or one that others are asked together with. */
static const crm__step *passed_by_all(const crm__step *s, uint32_t column)
{
    uint32_t n = s->op == CRM__STEP_AND ? s->child_count : 1;

    for (uint32_t i = 0; i < n; i++) {
        const crm__step *of = s->op == CRM__STEP_AND ? s->children[i] : s;
        if (of->op == CRM__STEP_COLUMN && of->column == column)
            return of;
    }
    return NULL;
}

void crm__order_cut(const crm__order_list *o, const crm__order_entry *last, crm__run *r)
{
    crm__cut *cut = &r->cut;

    memset(cut, 0, sizeof *cut);
    cut->on = last->loaded && before(&o->by[0], &last->values[0], o->count > 1, &cut->limits);
    if (!cut->on)
        return;
    cut->column = column_of(&o->by[0]);
    cut->by = passed_by_all(r->plan->root, cut->column);
}

/* The rows in words of one block, n words, go to a list as long as they are few: how many. */
static uint32_t list_few(const uint64_t *words, size_t n, uint32_t first, uint16_t *rows)
{
    uint32_t count = 0;

    for (size_t w = 0; w < n; w++) {
        for (uint64_t left = words[w]; left; left &= left - 1) {
            if (count == FEW)
                return 0;
            rows[count++] = (uint16_t)(first + w * 64 + (uint32_t)__builtin_ctzll(left));
        }
    }
    return count;
}

/* Takes out of words, for a list, the rows of blocks of which only such are left that are all just
 * as good by the first key.  Where they are so many that codes are better compared as they lie,
 * they stay. */
static uint32_t take_flat(const crm__cut *cut, uint64_t *words, uint16_t *rows)
{
    uint32_t n = 0;

    for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS; b++) {
        uint64_t *at = words + b * CRM__COLUMN_WORDS;
        size_t count = b + 1 == CRM__COLUMN_BLOCKS ? CRM__COLUMN_LAST_WORDS : CRM__COLUMN_WORDS;
        uint32_t some = cut->flat[b] ? list_few(at, count, b * CRM__COLUMN_ROWS, rows + n) : 0;
        if (some)
            memset(at, 0, count * sizeof *at);
        n += some;
    }
    return n;
}

int crm__order_cut_chunk(crm__run *r, crm__order_list *o, const crm__order_entry *last,
                         uint64_t *words)
{
    uint16_t rows[CRM__COLUMN_BLOCKS * FEW];
    crm__limits limits;
    uint32_t n;
    int rc;

    if (r->txn->write || !r->cut.on || !r->cut.by || o->count < 2 || o->by[0].text ||
        last->loaded < 2 || !before(&o->by[1], &last->values[1], o->count > 2, &limits))
        return CRM_OK;
    n = take_flat(&r->cut, words, rows);
    o->has_found = 1;
    o->found_chunk = r->chunk;
    memset(o->found.has, 0, sizeof o->found.has);
    rc = crm__column_keep(r, column_of(&o->by[1]), &limits, rows, &n, &o->found);
    for (uint32_t i = 0; i < n; i++)
        crm__set_put(words, rows[i], 1);
    return rc;
}

/* Whether the step of that column has taken out what comes behind, and what has no number. */
static int is_cut(const crm__cut *cut, const crm__limits *l)
{
    return cut->on && cut->by && cut->limits.flags == l->flags && cut->limits.lo == l->lo &&
           cut->limits.hi == l->hi;
}

/* Of `same`, who are as good as the entry by the first key, only those who are before it by the
 * second stay. */
static int cut_second(crm__run *r, crm__order_list *o, crm__order_entry *last, uint64_t chunk,
                      uint32_t block, const uint64_t *same, uint64_t *words, int n)
{
    const crm__column *second = &o->by[1].at.column;
    uint64_t keep[CRM__COLUMN_WORDS];
    crm__limits limits;
    int64_t lo, hi;
    int rc;

    if (o->by[0].text || last->loaded < 2 ||
        !before(&o->by[1], &last->values[1], o->count > 2, &limits))
        return CRM_OK;
    rc = block_at(r, o, &o->by[1], chunk, block);
    if (rc || o->by[1].at.absent || second->wide ||
        !crm__limits_at(&limits, second->scale, &lo, &hi))
        return rc;
    memcpy(keep, same, (size_t)n * sizeof *keep);
    crm__column_within(second, lo, hi, keep, n);
    for (int w = 0; w < n; w++)
        words[w] &= keep[w] | ~same[w];
    return CRM_OK;
}

static int cut_equal(crm__run *r, crm__order_list *o, crm__order_entry *last, uint64_t chunk,
                     uint32_t block, int64_t equal, uint64_t *words, int n)
{
    const crm__column *first = &o->by[0].at.column;
    uint64_t same[CRM__COLUMN_WORDS];

    memcpy(same, words, (size_t)n * sizeof *same);
    if (equal != (o->by[0].descending ? first->max : first->min)) /* else all there are equal it */
        crm__column_within(first, equal, equal, same, n);
    return cut_second(r, o, last, chunk, block, same, words, n);
}

int crm__order_at_end(const crm__run *r, const crm__order_list *o, uint32_t block)
{
    return r->cut.on && r->cut.by && r->cut.flat[block] && !o->by[0].text;
}

int crm__order_cut_block(crm__run *r, crm__order_list *o, crm__order_entry *last, uint64_t chunk,
                         uint32_t block, uint64_t *words, int n)
{
    const crm__column *c = &o->by[0].at.column;
    crm__limits limits;
    int64_t lo, hi;
    int rc;

    if (!last->loaded || !before(&o->by[0], &last->values[0], o->count > 1, &limits))
        return CRM_OK;
    if (is_cut(&r->cut, &limits) && r->cut.flat[block]) {
        if (o->has_found && o->found_chunk == chunk && o->found.has[block])
            return CRM_OK; /* the few that are left were cut with the chunk */
        uint64_t same[CRM__COLUMN_WORDS];
        memcpy(same, words, (size_t)n * sizeof *same);
        return o->count > 1 ? cut_second(r, o, last, chunk, block, same, words, n) : CRM_OK;
    }
    rc = block_at(r, o, &o->by[0], chunk, block);
    if (rc || o->by[0].at.absent || c->wide || !crm__limits_at(&limits, c->scale, &lo, &hi))
        return rc;
    crm__column_within(c, lo, hi, words, n);
    return o->count > 1
               ? cut_equal(r, o, last, chunk, block, o->by[0].descending ? lo : hi, words, n)
               : CRM_OK;
}

/* ---- the first chunk ---- */

/* Blocks that a guess at the best is made of, one in so many, and how many of the best it takes. */
enum { SAMPLE_EACH = 8, SAMPLE_MOST = 64 };

typedef struct best {
    uint32_t n, most;
    int descending, scale;
    int64_t of[SAMPLE_MOST]; /* the best first */
} best;

static void take_best(best *b, int64_t number)
{
    uint32_t at = b->n;

    while (at && (b->descending ? number > b->of[at - 1] : number < b->of[at - 1]))
        at--;
    if (at == b->most)
        return;
    b->n += b->n < b->most;
    memmove(b->of + at + 1, b->of + at, (b->n - 1 - at) * sizeof *b->of);
    b->of[at] = number;
}

/* The numbers of the rows in words.  0: they are not all told by codes of one scale. */
static int take_block(best *b, const crm__column *c, const uint64_t *words, int n)
{
    int64_t numbers[CRM__COLUMN_ROWS];
    uint64_t has[CRM__COLUMN_WORDS];

    if (c->wide || (b->n && c->scale != b->scale))
        return 0;
    b->scale = c->scale;
    crm__column_numbers(c, numbers);
    crm__column_present(c, has);
    for (int w = 0; w < n; w++) {
        for (uint64_t left = words[w] & has[w]; left; left &= left - 1)
            take_best(b, numbers[w * 64 + __builtin_ctzll(left)]);
    }
    return 1;
}

static int words_of(uint32_t block)
{
    return block + 1 == CRM__COLUMN_BLOCKS ? CRM__COLUMN_LAST_WORDS : CRM__COLUMN_WORDS;
}

/* Of some blocks.  b->n 0: nothing can be said. */
static int guess_best(crm__run *r, crm__order_list *o, const uint64_t *words, best *b)
{
    crm__order_by *by = &o->by[0];

    for (uint32_t block = 0; block < CRM__COLUMN_BLOCKS; block += SAMPLE_EACH) {
        int rc = block_at(r, o, by, r->chunk, block);
        if (rc)
            return rc;
        if (!by->at.absent && !take_block(b, &by->at.column, words + block * CRM__COLUMN_WORDS,
                                          words_of(block))) {
            b->n = 0;
            return CRM_OK;
        }
    }
    return CRM_OK;
}

/* words = rows at least as good as the last of the best.  *sure: 0: not all could be told. */
static int keep_best(crm__run *r, crm__order_list *o, const best *b, uint64_t *words, int *sure)
{
    crm__order_by *by = &o->by[0];
    int64_t end = b->of[b->n - 1];

    *sure = 1;
    for (uint32_t block = 0; block < CRM__COLUMN_BLOCKS && *sure; block++) {
        uint64_t *at = words + block * CRM__COLUMN_WORDS;
        int rc = block_at(r, o, by, r->chunk, block);
        if (rc)
            return rc;
        if (by->at.absent)
            memset(at, 0, (size_t)words_of(block) * sizeof *at);
        else if (by->at.column.wide || by->at.column.scale != b->scale)
            *sure = 0;
        else
            crm__column_within(&by->at.column, b->descending ? end : INT64_MIN,
                               b->descending ? INT64_MAX : end, at, words_of(block));
    }
    return CRM_OK;
}

int crm__order_trim(crm__run *r, crm__order_list *o, uint64_t most, uint64_t *words)
{
    uint64_t some[CRM__SET_WORDS], rows;
    best b = {0, 0, o->by[0].descending, 0, {0}};
    int rc, sure;

    if (!in_column(&o->by[0]) || most > SAMPLE_MOST * SAMPLE_EACH / 2)
        return CRM_OK;
    rows = crm__set_count(words);
    if (rows < most * 2)
        return CRM_OK;
    b.most = (uint32_t)(most * 2 / SAMPLE_EACH + 2); /* twice what should be in that share */
    b.most = b.most < SAMPLE_MOST ? b.most : SAMPLE_MOST;
    rc = guess_best(r, o, words, &b);
    if (rc || !b.n)
        return rc;
    memcpy(some, words, sizeof some);
    rc = keep_best(r, o, &b, some, &sure);
    if (!rc && sure && crm__set_count(some) >= most)
        memcpy(words, some, sizeof some);
    return rc;
}

int crm__order_walk(crm__run *r, crm__order_list *o)
{
    int rc = CRM_OK;

    for (uint32_t i = 0; i < o->count && !rc && !r->txn->write; i++) {
        kv_cursor *c = NULL;
        if (in_column(&o->by[i]))
            rc = r->txn->kv->ops->cursor(r->txn->kv, KV_COLUMN, &c);
        crm__column_walk_begin(&o->by[i].at.walk, r->txn, c, &o->by[i].at.room);
    }
    return rc;
}

void crm__order_walked(crm__order_list *o)
{
    for (uint32_t i = 0; i < o->count; i++) {
        kv_cursor *c = o->by[i].at.walk.cursor;
        if (c)
            c->ops->cursor_close(c);
        o->by[i].at.walk.cursor = NULL;
    }
}

void crm__order_forget(crm__order_list *o)
{
    for (uint32_t i = 0; i < o->count; i++)
        o->by[i].at.known = 0;
    o->has_found = 0;
}

void crm__order_end(crm__order_list *o)
{
    for (uint32_t i = 0; i < CRM__ORDER_KEYS; i++)
        crm__buf_clear(&o->by[i].at.room);
}

/* ---- comparing ---- */

static int compare_values(const crm__order_by *by, const crm__order_value *x,
                          const crm__order_value *y)
{
    int c;

    if (!x->has || !y->has)
        return y->has - x->has;
    c = (x->number > y->number) - (x->number < y->number);
    if (!c && by->text)
        c = crm__slice_compare(x->text, y->text);
    return by->descending ? -c : c;
}

/* Two texts whose beginnings are the same. */
static int load_both(crm__run *r, const crm__order_by *by, crm__arena *a, crm__order_entry *x,
                     crm__order_entry *y, uint32_t i)
{
    crm__order_value *v = &x->values[i], *w = &y->values[i];
    int rc;

    if (!by->text || !v->has || !w->has || v->number != w->number)
        return CRM_OK;
    rc = load_rest(r, by, a, x->id, v);
    return rc ? rc : load_rest(r, by, a, y->id, w);
}

int crm__order_compare(crm__run *r, crm__order_list *o, crm__arena *a, crm__order_entry *x,
                       crm__order_entry *y, int *rc)
{
    for (uint32_t i = 0; i < o->count; i++) {
        int c;
        if (x->loaded <= i)
            *rc = crm__order_load(r, o, a, x);
        if (!*rc && y->loaded <= i)
            *rc = crm__order_load(r, o, a, y);
        if (!*rc)
            *rc = load_both(r, &o->by[i], a, x, y, i);
        if (*rc)
            return 0;
        c = compare_values(&o->by[i], &x->values[i], &y->values[i]);
        if (c)
            return c;
    }
    return x->id < y->id ? -1 : x->id > y->id;
}

/* ---- resume keys ---- */

static const char HEX[] = "0123456789abcdef";

void crm__order_key(const crm__order_list *o, const crm__order_entry *e, crm__buf *out)
{
    for (uint32_t i = 0; i < o->count; i++) {
        const crm__order_value *v = &e->values[i];
        if (!v->has) {
            crm__buf_add_u8(out, '-');
        } else if (o->by[i].text) {
            crm__buf_add_u8(out, 't');
            for (size_t k = 0; k < v->text.n; k++) {
                crm__buf_add_u8(out, (unsigned char)HEX[v->text.p[k] >> 4]);
                crm__buf_add_u8(out, (unsigned char)HEX[v->text.p[k] & 15]);
            }
        } else {
            crm__buf_add_u8(out, 'n');
            for (int k = 124; k >= 0; k -= 4)
                crm__buf_add_u8(out, (unsigned char)HEX[(unsigned)(v->number >> k) & 15]);
        }
        crm__buf_add_u8(out, ',');
    }
    crm__buf_add_fmt(out, "i%llu", (unsigned long long)e->id);
}

static int hex_digit(char c)
{
    const char *at = c ? strchr(HEX, c) : NULL;

    return at ? (int)(at - HEX) : -1;
}

static const char *read_number(const char *p, __int128 *to)
{
    unsigned __int128 v = 0;

    for (int i = 0; i < 32; i++, p++) {
        int d = hex_digit(*p);
        if (d < 0)
            return NULL;
        v = v << 4 | (unsigned)d;
    }
    *to = (__int128)v;
    return p;
}

static const char *read_text(const char *p, crm__arena *a, crm__order_value *to)
{
    size_t n = strcspn(p, ",") / 2;
    uint8_t *bytes = crm__arena_alloc(a, n + 1);

    for (size_t i = 0; bytes && i < n; i++, p += 2) {
        int hi = hex_digit(p[0]), lo = hex_digit(p[1]);
        if (hi < 0 || lo < 0)
            return NULL;
        bytes[i] = (uint8_t)(hi << 4 | lo);
    }
    to->text = crm__slice_of(bytes, n);
    if (bytes)
        to->number = at_twelve(crm__index_prefix(to->text), 0);
    return bytes ? p : NULL;
}

static const char *read_id(const char *p, crm_id *id)
{
    int digits = 0;

    *id = 0;
    for (; *p >= '0' && *p <= '9' && digits < 19; p++, digits++)
        *id = *id * 10 + (crm_id)(*p - '0');
    return digits && !*p ? p : NULL;
}

int crm__order_after(const crm__order_list *o, const char *key, crm__arena *a, crm__order_entry *e,
                     crm_error *err)
{
    const char *p = key;

    for (uint32_t i = 0; p && i < o->count; i++) {
        crm__order_value *v = &e->values[i];
        char what = *p++;
        memset(v, 0, sizeof *v);
        v->has = what != '-';
        if (what == 't' && o->by[i].text)
            p = read_text(p, a, v);
        else if (what == 'n' && !o->by[i].text)
            p = read_number(p, &v->number);
        else if (what != '-')
            p = NULL;
        if (p && *p++ != ',')
            p = NULL;
    }
    e->loaded = o->count;
    if (p)
        p = *p == 'i' ? read_id(p + 1, &e->id) : NULL;
    return p ? CRM_OK
             : crm__fail_field(err, CRM_EVALUE, "after",
                               "this is no resume key of a walk in this order");
}
