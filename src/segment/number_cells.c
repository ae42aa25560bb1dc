/* SPDX-License-Identifier: MIT
 * Cells, tallies and codes: see number_cells.h.
 */
#include "segment/number_cells.h"

#include "base/hash.h"
#include "codec/key.h"
#include "segment/number.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

/* Places of an index that are written, and things looked for in one, between two looks at progress:
 * some 2 ms, where each misses the cache. */
enum { LOOK_EVERY = 1 << 15, FIND_EVERY = 1 << 13 };

/* ---- tables ---- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 32) * 0x9e3779b97f4a7c15u;
    return x ^ x >> 29;
}

/* Room for one more of n: arrays of `width` bytes double. */
static int grow(const crm_allocator *mem, void **p, size_t width, uint32_t cap)
{
    void *to = crm__realloc(mem, *p, (size_t)cap * width);

    if (!to)
        return CRM_ENOMEM;
    *p = to;
    return CRM_OK;
}

/* A larger index, empty. */
static int new_index(const crm_allocator *mem, uint32_t **index, uint32_t *size)
{
    uint32_t to = *size ? *size * 2 : 64;
    uint32_t *p = crm__calloc(mem, to, sizeof *p);

    if (!p)
        return CRM_ENOMEM;
    crm__release(mem, *index);
    *index = p;
    *size = to;
    return CRM_OK;
}

/* ---- cells ---- */

void crm__cells_init(crm__cells *c, const crm_allocator *mem, const uint8_t *ops, uint32_t measures)
{
    memset(c, 0, sizeof *c);
    c->mem = mem;
    c->ops = ops;
    c->measures = measures;
}

static void free_values(const crm_allocator *mem, crm__values *v)
{
    if (!v)
        return;
    crm__buf_clear(&v->numbers);
    crm__buf_clear(&v->bigs);
    crm__release(mem, v);
}

void crm__cells_clear(crm__cells *c)
{
    for (uint32_t i = 0; i < c->count * c->measures; i++)
        free_values(c->mem, c->tallies[i].values);
    crm__release(c->mem, c->index);
    crm__release(c->mem, c->keys);
    crm__release(c->mem, c->tallies);
    c->index = NULL;
    c->keys = NULL;
    c->tallies = NULL;
    c->count = c->cap = c->size = 0;
}

static uint32_t *place_of(const crm__cells *c, crm__cell_key k)
{
    uint64_t h = mix(((uint64_t)k.a << 32 | k.b) + (uint64_t)k.currency * 0x2545f4914f6cdd1du);
    uint32_t at = (uint32_t)h & (c->size - 1);

    for (;; at = (at + 1) & (c->size - 1)) {
        const crm__cell_key *has;
        if (!c->index[at])
            return &c->index[at];
        has = &c->keys[c->index[at] - 1];
        if (has->a == k.a && has->b == k.b && has->currency == k.currency)
            return &c->index[at];
    }
}

static int make_room(crm__cells *c)
{
    void *p;
    int rc = CRM_OK;

    if (c->count == CRM__CELLS_MOST)
        return CRM_EVALUE;
    if (c->count == c->cap) {
        uint32_t cap = c->cap ? c->cap * 2 : 16;
        p = c->keys;
        rc = grow(c->mem, &p, sizeof *c->keys, cap);
        c->keys = p;
        if (rc)
            return rc;
        p = c->tallies;
        rc = grow(c->mem, &p, sizeof *c->tallies * c->measures, cap);
        c->tallies = p;
        if (rc)
            return rc;
        c->cap = cap;
    }
    if (c->count * 2 < c->size)
        return CRM_OK;
    rc = new_index(c->mem, &c->index, &c->size);
    for (uint32_t i = 0; i < c->count && !rc; i++) {
        *place_of(c, c->keys[i]) = i + 1;
        rc = crm__look_at(&c->looking, i, LOOK_EVERY);
    }
    return rc;
}

int crm__cells_at(crm__cells *c, uint32_t a, uint32_t b, uint32_t currency, crm__tally **out)
{
    crm__cell_key k = {a, b, currency};
    uint32_t *place;
    int rc;

    if (c->count) {
        const crm__cell_key *l = &c->keys[c->last];
        if (l->a == a && l->b == b && l->currency == currency) {
            *out = c->tallies + (size_t)c->last * c->measures;
            return CRM_OK;
        }
        place = place_of(c, k);
        if (*place) {
            c->last = *place - 1;
            *out = c->tallies + (size_t)c->last * c->measures;
            return crm__look_at(&c->looking, c->asked++, FIND_EVERY);
        }
    }
    rc = make_room(c);
    if (!rc)
        rc = crm__look_at(&c->looking, c->asked++, FIND_EVERY);
    if (rc)
        return rc;
    c->keys[c->count] = k;
    *out = c->tallies + (size_t)c->count * c->measures;
    memset(*out, 0, c->measures * sizeof **out);
    c->last = c->count++;
    *place_of(c, k) = c->count;
    return CRM_OK;
}

int crm__cells_empty(const crm__cells *c, uint32_t cell)
{
    for (uint32_t i = 0; i < c->measures; i++) {
        if (c->tallies[(size_t)cell * c->measures + i].count)
            return 0;
    }
    return 1;
}

const crm__tally *crm__cells_find(const crm__cells *c, uint32_t a, uint32_t b, uint32_t currency)
{
    crm__cell_key k = {a, b, currency};
    uint32_t *place = c->size ? place_of(c, k) : NULL;

    if (!place || !*place || crm__cells_empty(c, *place - 1))
        return NULL;
    return c->tallies + (size_t)(*place - 1) * c->measures;
}

/* ---- values ---- */

static int values_of(crm__cells *c, crm__tally *t, crm__values **out)
{
    if (!t->values) {
        t->values = crm__calloc(c->mem, 1, sizeof *t->values);
        if (!t->values)
            return CRM_ENOMEM;
        crm__buf_init(&t->values->numbers, c->mem);
        crm__buf_init(&t->values->bigs, c->mem);
        t->values->scale = CRM__SCALE_LEAST;
        t->values->looking = c->looking;
    }
    *out = t->values;
    return CRM_OK;
}

void crm__values_add_big(crm__values *v, __int128 big)
{
    crm__buf_add(&v->bigs, &big, sizeof big);
}

/* All numbers at a finer scale; those that leave int64 there become big. */
static void raise_to(crm__values *v, int scale)
{
    size_t n = v->numbers.n / sizeof(int64_t), kept = 0;
    int64_t *p = (int64_t *)(void *)v->numbers.p;

    for (size_t i = 0; i < n; i++) {
        int64_t at;
        if (crm__scaled_to(p[i], v->scale, scale, &at))
            p[kept++] = at;
        else
            crm__values_add_big(v, crm__scaled_big(p[i], v->scale));
    }
    v->numbers.n = kept * sizeof *p;
    v->scale = (int8_t)scale;
}

static int add_value(crm__values *v, int64_t number, int scale)
{
    int64_t at;

    for (; scale > v->scale && number % 10 == 0 && scale > CRM__SCALE_LEAST; scale--)
        number /= 10;
    if (scale > v->scale)
        raise_to(v, scale);
    if (crm__scaled_to(number, scale, v->scale, &at))
        crm__buf_add(&v->numbers, &at, sizeof at);
    else
        crm__values_add_big(v, crm__scaled_big(number, scale));
    return v->numbers.failed || v->bigs.failed ? CRM_ENOMEM : CRM_OK;
}

/* ---- tallies ---- */

static int keeps_values(const crm__cells *c, uint32_t measure)
{
    return c->ops[measure] == CRM__MEASURE_DISTINCT || c->ops[measure] == CRM__MEASURE_PERCENTILE;
}

static void bound(crm__tally *t, int64_t min, int min_scale, int64_t max, int max_scale)
{
    if (!t->count || crm__scaled_compare(min, min_scale, t->min, t->min_scale) < 0) {
        t->min = min;
        t->min_scale = (int8_t)min_scale;
    }
    if (!t->count || crm__scaled_compare(max, max_scale, t->max, t->max_scale) > 0) {
        t->max = max;
        t->max_scale = (int8_t)max_scale;
    }
}

int crm__tally_add(crm__cells *c, uint32_t measure, crm__tally *t, int64_t number, int scale)
{
    crm__values *v;
    int rc = CRM_OK;

    switch (c->ops[measure]) {
    case CRM__MEASURE_COUNT:
        break;
    case CRM__MEASURE_SUM:
    case CRM__MEASURE_AVG:
        if (__builtin_add_overflow(t->sum, crm__scaled_big(number, scale), &t->sum))
            return CRM_EVALUE;
        break;
    case CRM__MEASURE_MIN:
    case CRM__MEASURE_MAX:
        bound(t, number, scale, number, scale);
        break;
    default:
        rc = values_of(c, t, &v);
        if (!rc)
            rc = add_value(v, number, scale);
    }
    t->count++;
    return rc;
}

int crm__tally_add_many(crm__cells *c, uint32_t measure, crm__tally *t, const int64_t *numbers,
                        uint32_t n, int scale)
{
    crm__day_total total;
    int rc = CRM_OK;

    if (!n)
        return CRM_OK;
    if (keeps_values(c, measure) || scale < 0) {
        for (uint32_t i = 0; i < n && !rc; i++)
            rc = crm__tally_add(c, measure, t, numbers[i], scale);
        return rc;
    }
    memset(&total, 0, sizeof total);
    crm__day_total_add(numbers, n, (unsigned)scale, &total);
    return crm__tally_add_total(t, &total);
}

int crm__tally_add_sum(crm__tally *t, const crm__day_total *total)
{
    t->count += total->count;
    return __builtin_add_overflow(t->sum, total->sum, &t->sum) ? CRM_EVALUE : CRM_OK;
}

int crm__tally_add_total(crm__tally *t, const crm__day_total *total)
{
    if (!total->count)
        return CRM_OK;
    bound(t, total->min, total->min_scale, total->max, total->max_scale);
    return crm__tally_add_sum(t, total);
}

/* ---- codes ---- */

void crm__codes_init(crm__codes *c, const crm_allocator *mem)
{
    memset(c, 0, sizeof *c);
    c->mem = mem;
}

void crm__codes_clear(crm__codes *c)
{
    crm__release(c->mem, c->keys);
    crm__release(c->mem, c->index);
    crm__codes_init(c, c->mem);
}

static uint32_t *code_place(const crm__codes *c, int64_t key)
{
    uint32_t at = (uint32_t)mix((uint64_t)key) & (c->size - 1);

    while (c->index[at] && c->keys[c->index[at] - 1] != key)
        at = (at + 1) & (c->size - 1);
    return &c->index[at];
}

int crm__codes_of(crm__codes *c, int64_t key, uint32_t *code)
{
    void *p = c->keys;
    int rc = CRM_OK;

    if (c->count && c->keys[c->last] == key) {
        *code = c->last + 1;
        return CRM_OK;
    }
    if (c->size && (*code = *code_place(c, key))) {
        c->last = *code - 1;
        return crm__look_at(&c->looking, c->asked++, FIND_EVERY);
    }
    if (c->count == CRM__CODES_MOST)
        return CRM_EVALUE;
    rc = crm__look_at(&c->looking, c->asked++, FIND_EVERY);
    if (rc)
        return rc;
    if (c->count == c->cap) {
        rc = grow(c->mem, &p, sizeof *c->keys, c->cap ? c->cap * 2 : 32);
        c->keys = p;
        c->cap = rc ? c->cap : c->cap ? c->cap * 2 : 32;
    }
    if (!rc && c->count * 2 >= c->size) {
        rc = new_index(c->mem, &c->index, &c->size);
        for (uint32_t i = 0; i < c->count && !rc; i++) {
            *code_place(c, c->keys[i]) = i + 1;
            rc = crm__look_at(&c->looking, i, LOOK_EVERY);
        }
    }
    if (rc)
        return rc;
    c->keys[c->count] = key;
    c->last = c->count++;
    *code = c->count;
    *code_place(c, key) = c->count;
    return CRM_OK;
}

/* ---- texts ---- */

void crm__text_numbers_init(crm__text_numbers *t, const crm_allocator *mem)
{
    memset(t, 0, sizeof *t);
    t->mem = mem;
    crm__arena_init(&t->texts, mem);
}

void crm__text_numbers_clear(crm__text_numbers *t)
{
    crm__arena_clear(&t->texts);
    crm__release(t->mem, t->of);
    crm__release(t->mem, t->hashes);
    crm__release(t->mem, t->index);
    crm__text_numbers_init(t, t->mem);
}

static uint32_t hash_of(crm__slice text)
{
    return (uint32_t)crm__hash64(0, text.p, text.n);
}

static uint32_t *text_place(const crm__text_numbers *t, crm__slice text, uint32_t hash)
{
    uint32_t at = hash & (t->size - 1);

    for (; t->index[at]; at = (at + 1) & (t->size - 1)) {
        uint32_t i = t->index[at] - 1;
        if (t->hashes[i] == hash && crm__slice_compare(t->of[i], text) == 0)
            break;
    }
    return &t->index[at];
}

/* Arrays for one more, and an index that is at most half full. */
static int more_texts(crm__text_numbers *t)
{
    uint32_t cap = t->cap ? t->cap * 2 : 32;
    void *of = t->of, *hashes = t->hashes;
    int rc = CRM_OK;

    if (t->count == t->cap) {
        rc = grow(t->mem, &of, sizeof *t->of, cap);
        t->of = of;
        if (!rc)
            rc = grow(t->mem, &hashes, sizeof *t->hashes, cap);
        t->hashes = hashes;
        t->cap = rc ? t->cap : cap;
    }
    if (rc || t->count * 2 < t->size)
        return rc;
    rc = new_index(t->mem, &t->index, &t->size);
    for (uint32_t i = 0; i < t->count && !rc; i++) {
        uint32_t at = t->hashes[i] & (t->size - 1);
        while (t->index[at])
            at = (at + 1) & (t->size - 1);
        t->index[at] = i + 1;
        rc = crm__look_at(&t->looking, i, LOOK_EVERY);
    }
    return rc;
}

int crm__text_number_of(crm__text_numbers *t, crm__slice text, uint32_t *number)
{
    uint32_t hash = hash_of(text);
    void *p;
    int rc;

    if (t->size && (*number = *text_place(t, text, hash)))
        return CRM_OK;
    if (t->count == CRM__CODES_MOST * 16)
        return CRM_EVALUE;
    rc = more_texts(t);
    if (rc)
        return rc;
    p = crm__arena_copy(&t->texts, text.n ? (const void *)text.p : "", text.n + !text.n);
    if (!p)
        return CRM_ENOMEM;
    t->of[t->count] = crm__slice_of(p, text.n);
    t->hashes[t->count] = hash;
    *number = ++t->count;
    *text_place(t, text, hash) = t->count;
    return CRM_OK;
}
