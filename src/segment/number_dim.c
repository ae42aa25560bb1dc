/* SPDX-License-Identifier: MIT
 * Groupings as codes: of the rows of a chunk, layer by layer, and of times and values of events.
 */
#include "base/error.h"
#include "base/time.h"
#include "db/derive_event.h"
#include "segment/number_run.h"

#include <string.h>

/* ---- sets ---- */

static int add_set(void *ctx, crm__set_ref ref, const char *name)
{
    crm__dim *d = ctx;

    if (d->set_count == d->set_cap) {
        uint32_t cap = d->set_cap ? d->set_cap * 2 : 64;
        void *sets = crm__realloc(d->mem, d->sets, cap * sizeof *d->sets), *names;
        if (!sets)
            return CRM_ENOMEM;
        d->sets = sets;
        names = crm__realloc(d->mem, d->names, cap * sizeof *d->names);
        if (!names)
            return CRM_ENOMEM;
        d->names = names;
        d->set_cap = cap;
    }
    if (d->set_count == CRM__CODES_MOST)
        return CRM_EVALUE;
    d->sets[d->set_count] = ref;
    d->names[d->set_count++] = name;
    return CRM_OK;
}

static int open_kinds(crm__dim *d)
{
    int rc = CRM_OK;

    for (unsigned k = CRM__KIND_PERSON; k <= CRM__KIND_ORGANISATION && !rc; k++)
        rc = add_set(d, (crm__set_ref){KV_BITS, CRM__BITS_KIND, 0, k}, crm__kind_key(k));
    return rc;
}

static int open_sets(crm__dim *d, crm__asking *a, crm_error *err)
{
    const crm__grouping *g = d->g;
    const char *by = g->tags ? "tags" : g->dimension ? g->dimension->key : g->field->key;

    return crm__facet_sets(a, by, g->field, add_set, d, err);
}

/* ---- opening ---- */

static int column_of(const crm__grouping *g, crm_error *err)
{
    const crm__field *f = g->field;

    if (!f && g->builtin == CRM__BUILTIN_UPDATED)
        return CRM__DIM_RECORD;
    if (!f || f->index & CRM__INDEX_COLUMN)
        return CRM__DIM_COLUMN;
    return crm__fail_field(err, CRM_EFIELD, f->key, "'%s' has no column to group by%s", f->key,
                           f->flags & CRM_FIELD_LIST ? ": it may have several values" : "");
}

int crm__dim_open(crm__dim *d, const crm__grouping *g, crm__asking *a, crm_error *err)
{
    int rc;

    memset(d, 0, sizeof *d);
    d->g = g;
    d->mem = a->plan.txn->mem;
    d->zone = a->plan.txn->zone;
    d->width = g->width;
    crm__codes_init(&d->codes, d->mem);
    crm__text_numbers_init(&d->texts, d->mem);
    d->codes.looking = d->texts.looking = crm__asking_looking(a);
    if (g->of_events) {
        d->op = g->attribute ? CRM__DIM_EVENT : g->source ? CRM__DIM_SOURCE : CRM__DIM_TIME;
        return CRM_OK;
    }
    if (g->op == CRM__BY_VALUES) {
        d->op = CRM__DIM_SETS;
        rc = g->builtin ? open_kinds(d) : open_sets(d, a, err);
        return rc;
    }
    rc = column_of(g, err);
    if (rc < 0)
        return rc;
    d->op = (uint8_t)rc;
    return CRM_OK;
}

void crm__dim_close(crm__dim *d)
{
    if (!d->mem && !d->g && !d->layers)
        return;
    for (uint32_t i = 0; i < d->layer_cap; i++)
        crm__release(d->mem, d->layers[i]);
    crm__release(d->mem, d->layers);
    crm__release(d->mem, d->sets);
    crm__release(d->mem, d->names);
    crm__release(d->mem, d->buckets);
    crm__codes_clear(&d->codes);
    crm__text_numbers_clear(&d->texts);
    memset(d, 0, sizeof *d);
}

/* ---- time ---- */

/* The first day of the unit that a date is in, packed; 0: the date does not say. */
static int32_t unit_start(int32_t date, uint8_t unit)
{
    int32_t year = crm__date_year(date);
    unsigned month = crm__date_month(date), day = crm__date_day(date);
    crm__civil c;
    int64_t days;

    if (unit == CRM__UNIT_YEAR)
        return crm__date_pack(year, 1, 1);
    if (!month)
        return 0;
    if (unit == CRM__UNIT_QUARTER)
        return crm__date_pack(year, (month - 1) / 3 * 3 + 1, 1);
    if (unit == CRM__UNIT_MONTH)
        return crm__date_pack(year, month, 1);
    if (!day)
        return 0;
    if (unit == CRM__UNIT_DAY)
        return date;
    days = crm__days_from_civil(year, month, day);
    crm__civil_from_days(days - ((days + 3) % 7 + 7) % 7, &c); /* 1970-01-01 was a Thursday */
    return c.year < 1 ? 0 : crm__date_pack(c.year, c.month, c.day);
}

int crm__dim_date(crm__dim *d, int32_t date, uint32_t *code)
{
    int32_t start = crm__date_packed_valid(date) ? unit_start(date, d->g->unit) : 0;

    *code = 0;
    return start ? crm__codes_of(&d->codes, start, code) : CRM_OK;
}

static int new_bucket(crm__dim *d, int64_t us, size_t at)
{
    crm__window w = {.form = CRM__WINDOW_THIS, .unit = d->g->unit};
    crm__civil c;
    crm__bucket b;

    if (d->bucket_count == d->bucket_cap) {
        size_t cap = d->bucket_cap ? d->bucket_cap * 2 : 64;
        void *to = crm__realloc(d->mem, d->buckets, cap * sizeof b);
        if (!to)
            return CRM_ENOMEM;
        d->buckets = to;
        d->bucket_cap = cap;
    }
    crm__window_range(&w, us, d->zone, &b.from, &b.until);
    crm__civil_from_time(us + crm__zone_offset(d->zone, us) * CRM__US_PER_SECOND, &c);
    /* The first and last hours there are belong to years without a text in some zones. */
    if (c.year < 1)
        c = (crm__civil){.year = 1, .month = 1, .day = 1};
    else if (c.year > 9999)
        c = (crm__civil){.year = 9999, .month = 12, .day = 31};
    b.date = unit_start(crm__date_pack(c.year, c.month, c.day), d->g->unit);
    memmove(d->buckets + at + 1, d->buckets + at, (d->bucket_count - at) * sizeof b);
    d->buckets[at] = b;
    d->bucket_count++;
    return CRM_OK;
}

int crm__dim_bucket(crm__dim *d, int64_t us, crm__bucket *out)
{
    size_t lo = 0, hi = d->bucket_count;
    int rc = CRM_OK;

    if (hi && d->buckets[d->bucket_last].from <= us && us < d->buckets[d->bucket_last].until) {
        *out = d->buckets[d->bucket_last];
        return CRM_OK;
    }
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (d->buckets[mid].until <= us)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == d->bucket_count || us < d->buckets[lo].from)
        rc = new_bucket(d, us, lo);
    if (rc)
        return rc;
    d->bucket_last = lo;
    *out = d->buckets[lo];
    return CRM_OK;
}

/* ---- steps ---- */

/* The greatest whole number of steps that is not above a number. */
static __int128 steps_in(int64_t number, int scale, crm__decimal width)
{
    __int128 n = number, w = width.mantissa, q;

    for (int s = width.scale; s < scale; s++)
        w *= 10;
    for (int s = scale; s < width.scale; s++)
        n *= 10;
    q = n / w;
    return q - (n % w < 0);
}

int crm__dim_number(crm__dim *d, int64_t number, int scale, uint32_t *code)
{
    crm__bucket b;
    __int128 q;
    int rc;

    if (d->g->op == CRM__BY_TIME) {
        const crm__field *f = crm__grouping_field(d->g);
        if (!crm__scaled_to(number, scale, 0, &number))
            return CRM_ECORRUPT;
        if (f && f->type == CRM_TYPE_DATE)
            return crm__dim_date(d, number < 0 || number > INT32_MAX ? 0 : (int32_t)number, code);
        if (number < CRM__TIME_MIN || number > CRM__TIME_MAX)
            return CRM_ECORRUPT;
        rc = crm__dim_bucket(d, number, &b);
        return rc ? rc : crm__dim_date(d, b.date, code);
    }
    if (scale == 0 && d->width.scale == 0)
        q = number / d->width.mantissa - (number % d->width.mantissa < 0);
    else
        q = steps_in(number, scale, d->width);
    if (q > INT64_MAX || q < INT64_MIN)
        return CRM_EVALUE;
    return crm__codes_of(&d->codes, (int64_t)q, code);
}

/* ---- values of events ---- */

int crm__dim_stored(crm__dim *d, int64_t number, int scale, uint32_t *code)
{
    if (d->g->op != CRM__BY_VALUES)
        return crm__dim_number(d, number, scale, code);
    if (!crm__scaled_to(number, scale, 0, &number))
        return CRM_ECORRUPT;
    return crm__codes_of(&d->codes, number, code);
}

int crm__dim_value(crm__dim *d, crm_txn *txn, const crm__value *v, crm__buf *scratch,
                   uint32_t *code)
{
    crm__decimal n;
    uint32_t number;
    int rc;

    *code = 0;
    if (d->g->op != CRM__BY_VALUES) {
        if (v->type == CRM_TYPE_MONEY && memcmp(v->currency, d->g->currency, 3) != 0)
            return CRM_OK;
        return crm__value_number(v, &n) ? crm__dim_number(d, n.mantissa, n.scale, code) : CRM_OK;
    }
    if (!crm__type_is_text(v->type))
        return crm__codes_of(&d->codes, v->integer, code);
    scratch->n = 0;
    if (crm__value_normal(v->type, v, scratch) || scratch->failed)
        return CRM_ENOMEM;
    if (d->g->attribute->flags & CRM_FIELD_FAST) /* as day lists have it */
        rc = crm__event_text_find(txn, crm__slice_of(scratch->p, scratch->n), &number);
    else
        rc = crm__text_number_of(&d->texts, crm__slice_of(scratch->p, scratch->n), &number);
    return rc ? rc : crm__codes_of(&d->codes, number, code);
}

/* ---- layers ---- */

static int layer_at(crm__dim *d, uint32_t i)
{
    if (i == d->layer_cap) {
        uint32_t cap = d->layer_cap ? d->layer_cap * 2 : 4;
        crm__layer **to = crm__realloc(d->mem, d->layers, cap * sizeof(crm__layer *));
        if (!to)
            return CRM_ENOMEM;
        memset(to + d->layer_cap, 0, (cap - d->layer_cap) * sizeof(crm__layer *));
        d->layers = to;
        d->layer_cap = cap;
    }
    if (!d->layers[i])
        d->layers[i] = crm__alloc(d->mem, sizeof(crm__layer));
    if (!d->layers[i])
        return CRM_ENOMEM;
    memset(d->layers[i]->words, 0, sizeof d->layers[i]->words);
    d->layer_count = i + 1;
    return CRM_OK;
}

/* Rows that have the code, each in the first layer where it has none yet. */
static int put_code(crm__dim *d, uint64_t *rows, uint32_t code)
{
    for (uint32_t i = 0; crm__words_any(rows); i++) {
        crm__layer *l;
        if (i == d->layer_count && layer_at(d, i))
            return CRM_ENOMEM;
        l = d->layers[i];
        for (uint32_t w = 0; w < CRM__SET_WORDS; w++) {
            uint64_t bits = rows[w] & ~l->words[w];
            l->words[w] |= bits;
            rows[w] &= ~bits;
            for (; bits; bits &= bits - 1)
                l->codes[w * 64 + (uint32_t)__builtin_ctzll(bits)] = code;
        }
    }
    return CRM_OK;
}

static int set_rows(crm__run *r, const crm__set_ref *ref, const uint64_t *words, uint64_t *rows)
{
    uint64_t room[CRM__SET_WORDS];
    crm__set_at at;
    int rc = crm__set_find(r, ref, room, &at);

    if (rc || !at.present) {
        memset(rows, 0, sizeof room);
        return rc;
    }
    memcpy(rows, words, sizeof room);
    if (at.words)
        crm__words_and(rows, at.words);
    else
        crm__set_and(&at.view, rows);
    return CRM_OK;
}

/* The rows of the first layer that are in none get code 0. */
static void rest_of(crm__dim *d, const uint64_t *words)
{
    crm__layer *l = d->layers[0];

    for (uint32_t w = 0; w < CRM__SET_WORDS; w++) {
        uint64_t bits = words[w] & ~l->words[w];
        l->words[w] |= bits;
        for (; bits; bits &= bits - 1)
            l->codes[w * 64 + (uint32_t)__builtin_ctzll(bits)] = 0;
    }
}

static int layers_of_sets(crm__dim *d, crm__run *r, const uint64_t *words)
{
    uint64_t rows[CRM__SET_WORDS];
    int rc = CRM_OK;

    for (uint32_t i = 0; i < d->set_count && !rc; i++) {
        rc = set_rows(r, &d->sets[i], words, rows);
        if (!rc)
            rc = put_code(d, rows, i + 1);
        if (!rc)
            rc = crm__run_read(r);
    }
    return rc;
}

/* Rows of money in another currency than that of the steps have no step. */
static int of_currency(crm__dim *d, crm__run *r, const uint64_t *words, uint64_t *rows)
{
    const crm__field *f = d->g->field;
    crm__set_ref ref = {KV_BITS, CRM__BITS_CURRENCY, 0, 0};

    if (!f || f->type != CRM_TYPE_MONEY) {
        memcpy(rows, words, CRM__SET_WORDS * sizeof *rows);
        return CRM_OK;
    }
    ref.value = f->number << 16 | (uint32_t)crm__day_currency(d->g->currency);
    return set_rows(r, &ref, words, rows);
}

static int layer_of_block(crm__dim *d, const crm__column *c, uint32_t block, const uint64_t *rows)
{
    crm__layer *l = d->layers[0];

    for (uint32_t w = 0; w < CRM__COLUMN_WORDS; w++) {
        uint32_t at = block * CRM__COLUMN_WORDS + w;
        if (at >= CRM__SET_WORDS)
            break;
        for (uint64_t bits = rows[at]; bits; bits &= bits - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(bits);
            crm__column_cell cell;
            uint32_t code;
            int rc;
            crm__column_get(c, w * 64 + bit, &cell);
            if (cell.state != CRM__CELL_NUMBER)
                continue;
            rc = crm__dim_number(d, cell.number, cell.scale, &code);
            if (rc)
                return rc;
            l->words[at] |= UINT64_C(1) << bit;
            l->codes[at * 64 + bit] = code;
        }
    }
    return CRM_OK;
}

static int layer_of_column(crm__dim *d, crm__run *r, const uint64_t *words)
{
    uint32_t column = d->g->field ? d->g->field->number : CRM__COLUMN_CREATED;
    uint64_t rows[CRM__SET_WORDS];
    int rc = of_currency(d, r, words, rows);

    for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS && !rc; b++) {
        uint8_t key[CRM__KEY_COLUMN];
        crm__column c;
        rc = crm__txn_column(r->txn, crm__key_column(key, r->chunk, column, b), &r->block, &c);
        if (!rc)
            rc = layer_of_block(d, &c, b, rows);
        else if (rc == CRM_ENOTFOUND)
            rc = CRM_OK;
    }
    return rc;
}

static int layer_of_records(crm__dim *d, crm__run *r, const uint64_t *words)
{
    crm__layer *l = d->layers[0];
    int rc = CRM_OK;

    for (int32_t row = crm__set_next(words, 0); row >= 0 && !rc;
         row = crm__set_next(words, (uint32_t)row + 1)) {
        uint32_t code;
        rc = crm__record_load(r, (r->chunk << CRM__CHUNK_SHIFT) + (uint64_t)row);
        if (!rc)
            rc = crm__dim_number(d, r->record.updated, 0, &code);
        if (rc)
            break;
        crm__set_put(l->words, (uint32_t)row, 1);
        l->codes[row] = code;
        rc = crm__run_read(r);
    }
    return rc;
}

int crm__dim_layers(crm__dim *d, crm__run *r, const uint64_t *words)
{
    int rc;

    if (!crm__dim_of_rows(d))
        return CRM_OK;
    rc = layer_at(d, 0);
    if (!rc && d->op == CRM__DIM_SETS)
        rc = layers_of_sets(d, r, words);
    else if (!rc && d->op == CRM__DIM_COLUMN)
        rc = layer_of_column(d, r, words);
    else if (!rc)
        rc = layer_of_records(d, r, words);
    if (!rc)
        rest_of(d, words);
    return rc;
}

/* A walk over the sets of the field's currencies; there are no edits above them. */
int crm__dim_currencies(crm__dim *d, crm__run *r, const crm__field *f, const uint64_t *words)
{
    uint8_t key[CRM__KEY_BITS];
    crm__slice k, v, from;
    uint64_t rows[CRM__SET_WORDS];
    int rc;
    kv_cursor *c = crm__txn_cursor(r->txn, KV_BITS, &rc);

    d->mem = r->scratch.mem;
    d->op = CRM__DIM_SETS;
    if (!rc)
        rc = layer_at(d, 0);
    if (rc)
        return rc;
    from = crm__key_bits(key, r->chunk, CRM__BITS_CURRENCY, f->number << 16);
    rc = c->ops->seek(c, KV_GE, from, &k, &v);
    while (!rc && k.n == from.n && memcmp(k.p, from.p, 5) == 0 &&
           crm__get_be32(k.p + 5) >> 16 == f->number) {
        crm__set_view view;
        if (v.n < CRM__TAG_SIZE || crm__set_open(crm__slice_of(v.p, v.n - CRM__TAG_SIZE), &view))
            return CRM_ECORRUPT;
        memcpy(rows, words, sizeof rows);
        crm__set_and(&view, rows);
        rc = put_code(d, rows, 1 + (crm__get_be32(k.p + 5) & 0xffff));
        if (!rc)
            rc = c->ops->next(c, &k, &v);
    }
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    rest_of(d, words);
    return CRM_OK;
}
