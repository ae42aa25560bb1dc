/* SPDX-License-Identifier: MIT
 * The loops that questions spend their time in: sets, columns and day lists of a million customers
 * (16 chunks), in memory, in every variant that the processor runs.
 * sh tests/bench/run.sh --bits; --smoke is a test that it runs.
 */
#include "base/bytes.h"
#include "bits/column.h"
#include "bits/day_fold.h"
#include "bits/kernel.h"
#include "measure.h"

#include <crm/codes.h>

enum { CHUNKS = 16, BITMAP = 8192, RUNS = 7 };
static int repeat = 50;
static volatile uint64_t sink; /* results are used */

static uint64_t next(uint64_t *x)
{
    *x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *x >> 33;
}

static void *must(void *p)
{
    if (!p) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    return p;
}

/* Runs it `repeat` times, RUNS times over: the least processor time of one, in nanoseconds, as what
 * else the machine does can only add to it. */
static double time_of(void (*fn)(void *), void *ctx)
{
    series s = {{0}, 0};

    fn(ctx);
    for (int run = 0; run < RUNS; run++) {
        double start = measure_cpu();
        for (int i = 0; i < repeat; i++)
            fn(ctx);
        series_add(&s, (measure_cpu() - start) / repeat * 1e9);
    }
    return series_least(&s);
}

static void say(const char *what, const char *variant, double ns, double blocks, double bytes)
{
    printf("%-34s %-7s %9.1f us %9.1f ns a block %7.1f GB/s\n", what, variant, ns / 1000,
           ns / blocks, bytes / ns);
}

/* ---- sets ---- */

typedef struct sets {
    const crm__kernel *k;
    uint8_t *a, *b, *live; /* bitmaps as stored, 2-byte aligned */
    uint64_t words[CRM__SET_WORDS];
    crm__buf tags[CHUNKS * 40]; /* stored sets of all forms */
} sets;

static uint8_t *bitmaps(uint64_t *x)
{
    uint8_t *p = must(malloc(CHUNKS * (BITMAP + 22) + 2));

    for (size_t i = 0; i < CHUNKS * (BITMAP + 22) + 2; i++)
        p[i] = (uint8_t)(next(x) & next(x));
    return p + 2;
}

static const uint8_t *chunk_of(const uint8_t *p, int i)
{
    return p + i * (BITMAP + 22);
}

static void two_sets(void *ctx)
{
    sets *s = ctx;

    for (int i = 0; i < CHUNKS; i++)
        sink += s->k->count_and_stored(chunk_of(s->a, i), chunk_of(s->b, i), CRM__SET_WORDS);
}

static void three_sets(void *ctx)
{
    sets *s = ctx;

    for (int i = 0; i < CHUNKS; i++)
        sink += s->k->count_and3_stored(chunk_of(s->a, i), chunk_of(s->b, i), chunk_of(s->live, i),
                                        CRM__SET_WORDS);
}

static void into_words(void *ctx)
{
    sets *s = ctx;

    for (int i = 0; i < CHUNKS; i++)
        s->k->andnot_into(s->words, chunk_of(s->a, i), CRM__SET_WORDS);
    sink += s->words[0];
}

static void count_words(void *ctx)
{
    sets *s = ctx;

    for (int i = 0; i < CHUNKS; i++)
        sink += s->k->count(s->words, CRM__SET_WORDS);
}

static void facets(void *ctx)
{
    sets *s = ctx;
    crm__set_view v;

    for (size_t i = 0; i < sizeof s->tags / sizeof *s->tags; i++) {
        if (crm__set_open((crm__slice){s->tags[i].p, s->tags[i].n}, &v))
            exit(1);
        sink += crm__set_and_count(&v, s->words);
    }
}

/* Sets of customers from rare to common. */
static double make_tags(sets *s, uint64_t *x)
{
    static uint64_t words[CRM__SET_WORDS];
    double bytes = 0;

    for (size_t i = 0; i < sizeof s->tags / sizeof *s->tags; i++) {
        size_t rows = 20u << (i % 11);
        memset(words, 0, sizeof words);
        for (size_t k = 0; k < rows; k++)
            crm__set_put(words, (uint32_t)(next(x) % CRM__SET_ROWS), 1);
        crm__buf_init(&s->tags[i], NULL);
        crm__set_store(words, &s->tags[i]);
        bytes += (double)s->tags[i].n;
    }
    return bytes;
}

static void bench_sets(uint64_t *x)
{
    static sets s;
    double bytes = make_tags(&s, x);
    size_t count = sizeof s.tags / sizeof *s.tags;

    s.a = bitmaps(x);
    s.b = bitmaps(x);
    s.live = bitmaps(x);
    for (size_t i = 0; (s.k = crm__kernel_at(i)) != NULL; i++) {
        memset(s.words, 0xff, sizeof s.words);
        say("count of two sets", s.k->name, time_of(two_sets, &s), CHUNKS, 2 * CHUNKS * BITMAP);
        say("count of three sets", s.k->name, time_of(three_sets, &s), CHUNKS, 3 * CHUNKS * BITMAP);
        say("set into words", s.k->name, time_of(into_words, &s), CHUNKS, CHUNKS * BITMAP);
        say("count of words", s.k->name, time_of(count_words, &s), CHUNKS, CHUNKS * BITMAP);
    }
    for (size_t i = 0; i < CRM__SET_WORDS; i++)
        s.words[i] = next(x) << 32 ^ next(x);
    say("640 sets of 20 to 20,480 rows", "best", time_of(facets, &s), (double)count, bytes);
    for (size_t i = 0; i < count; i++)
        crm__buf_clear(&s.tags[i]);
    free(s.a - 2);
    free(s.b - 2);
    free(s.live - 2);
}

/* ---- columns ---- */

enum { BLOCKS = CHUNKS * CRM__COLUMN_BLOCKS };

typedef struct columns {
    const crm__kernel *k;
    crm__buf blocks[BLOCKS];
    crm__limits limits;
    unsigned width;
} columns;

static void range_codes(void *ctx)
{
    columns *c = ctx;
    uint64_t words[CRM__COLUMN_WORDS];

    for (int i = 0; i < BLOCKS; i++) {
        const uint8_t *p = c->blocks[i].p + 22;
        if (c->width == 1)
            c->k->range8(p, CRM__COLUMN_ROWS, 10, 100, words);
        else if (c->width == 2)
            c->k->range16(p, CRM__COLUMN_ROWS, 1000, 10000, words);
        else if (c->width == 4)
            c->k->range32(p, CRM__COLUMN_ROWS, 100000, 10000000, words);
        else
            c->k->range64(p, CRM__COLUMN_ROWS, 100000, UINT64_C(1) << 40, words);
        sink += words[0];
    }
}

static void range_blocks(void *ctx)
{
    columns *c = ctx;
    uint64_t words[CRM__COLUMN_WORDS];
    crm__column column;

    for (int i = 0; i < BLOCKS; i++) {
        if (crm__column_open((crm__slice){c->blocks[i].p, c->blocks[i].n}, &column))
            exit(1);
        crm__column_range(&column, &c->limits, words);
        sink += words[0];
    }
}

static void bench_columns(uint64_t *x)
{
    static columns c;
    static crm__column_cell cells[CRM__COLUMN_ROWS];
    char what[64];

    c.limits = (crm__limits){800, 0, 0, 0, CRM__LIMIT_LO};
    for (c.width = 1; c.width <= 8; c.width *= 2) {
        double bytes = 0;
        for (int i = 0; i < BLOCKS; i++) {
            for (int k = 0; k < CRM__COLUMN_ROWS; k++) {
                cells[k].state = CRM__CELL_NUMBER;
                cells[k].number =
                    (int64_t)((next(x) << 33 ^ next(x) << 11) >> (64 - 8 * c.width)) / 3;
            }
            crm__buf_init(&c.blocks[i], NULL);
            crm__column_store(cells, &c.blocks[i]);
            bytes += (double)c.blocks[i].n;
        }
        for (size_t i = 0; (c.k = crm__kernel_at(i)) != NULL; i++) {
            snprintf(what, sizeof what, "codes of %u bytes between two", c.width);
            say(what, c.k->name, time_of(range_codes, &c), BLOCKS, bytes);
        }
        snprintf(what, sizeof what, "column blocks of %u bytes", c.width);
        say(what, "best", time_of(range_blocks, &c), BLOCKS, bytes);
        for (int i = 0; i < BLOCKS; i++)
            crm__buf_clear(&c.blocks[i]);
    }
}

/* ---- day lists ---- */

enum { DAYS = 365, EACH = 80, PARTS = CHUNKS * DAYS };

typedef struct days {
    crm__buf parts[PARTS];
    crm__day_view view;
    crm__day_sums sums;
    uint16_t counts[CRM__SET_ROWS];
    uint64_t words[CRM__SET_WORDS];
    crm__limits limits;
    int64_t currency;
} days;

static int take_part(void *ctx, uint16_t row, uint16_t number, crm__slice part)
{
    (void)row;
    (void)number;
    crm__buf_add(ctx, part.p, part.n);
    return CRM_OK;
}

static int by_item(const void *a, const void *b)
{
    return crm__slice_compare(*(const crm__slice *)a, *(const crm__slice *)b);
}

/* Orders: an amount with two digits behind the point, most of them small, and a currency. */
static void make_day(crm__day_work *w, uint64_t *x, crm__buf *out)
{
    static crm__day_item item;
    static uint8_t bytes[EACH][64];
    crm__slice items[EACH];
    crm__buf one;

    crm__buf_init(&one, NULL);
    for (int i = 0; i < EACH; i++) {
        item.row = (uint16_t)next(x);
        item.us = (int64_t)(next(x) % 86400) * 1000000;
        item.count = 2;
        item.values[0] = (crm__day_value){crm__day_column_of(7, 0), 2,
                                          (int64_t)(next(x) % (next(x) % 50 ? 60000 : 900000))};
        item.values[1] = (crm__day_value){crm__day_column_of(7, 1), 0, crm__day_currency("CNY")};
        one.n = 0;
        if (crm__day_item_put(&one, &item))
            exit(1);
        memcpy(bytes[i], one.p, one.n);
        items[i] = (crm__slice){bytes[i], one.n};
    }
    qsort(items, EACH, sizeof *items, by_item);
    crm__buf_init(out, NULL);
    if (crm__day_build(w, items, EACH, 0, take_part, out))
        exit(1);
    crm__buf_clear(&one);
}

static void open_part(days *d, int i)
{
    if (crm__day_view_open(&d->view, (crm__slice){d->parts[i].p, d->parts[i].n}))
        exit(1);
}

static void only_open(void *ctx)
{
    days *d = ctx;

    for (int i = 0; i < PARTS; i++) {
        open_part(d, i);
        sink += d->view.left;
    }
}

static void any_rows(void *ctx)
{
    days *d = ctx;

    for (int i = 0; i < PARTS; i++) {
        if (i % DAYS == 0)
            memset(d->words, 0, sizeof d->words);
        open_part(d, i);
        crm__day_view_any(&d->view, d->words);
    }
    sink += d->words[0];
}

static void count_rows(void *ctx)
{
    days *d = ctx;

    for (int i = 0; i < PARTS; i++) {
        if (i % DAYS == 0)
            memset(d->counts, 0, sizeof d->counts);
        open_part(d, i);
        crm__day_view_count(&d->view, d->counts);
    }
    sink += d->counts[0];
}

static void sum_rows(void *ctx)
{
    days *d = ctx;

    for (int i = 0; i < PARTS; i++) {
        if (i % DAYS == 0)
            crm__day_sums_reset(&d->sums);
        open_part(d, i);
        if (crm__day_view_sum(&d->view, crm__day_column_of(7, 0), &d->sums))
            exit(1);
    }
    sink += (uint64_t)d->sums.sums[0];
}

/* Three orders or more, and 1,000 or more in all, of one currency. */
static void both_rows(void *ctx)
{
    days *d = ctx;
    crm__limits least = {1000, 0, 0, 0, CRM__LIMIT_LO};

    for (int i = 0; i < PARTS; i++) {
        if (i % DAYS == 0) {
            memset(d->counts, 0, sizeof d->counts);
            crm__day_sums_reset(&d->sums);
        }
        open_part(d, i);
        crm__day_view_count(&d->view, d->counts);
        if (crm__day_view_one_of(&d->view, crm__day_column_of(7, 1), &d->currency, 1, 0) ||
            crm__day_view_sum(&d->view, crm__day_column_of(7, 0), &d->sums))
            exit(1);
        if (i % DAYS != DAYS - 1)
            continue;
        crm__day_counts_range(d->counts, 3, UINT16_MAX, d->words);
        crm__day_sums_range(&d->sums, &least, d->words);
        sink += crm__set_count(d->words);
    }
}

static void total(void *ctx)
{
    days *d = ctx;
    crm__day_total t;

    memset(&t, 0, sizeof t);
    for (int i = 0; i < PARTS; i++) {
        open_part(d, i);
        if (crm__day_view_total(&d->view, crm__day_column_of(7, 0), &t))
            exit(1);
    }
    sink += (uint64_t)t.sum;
}

static void total_among(void *ctx)
{
    days *d = ctx;
    crm__day_total t;

    memset(&t, 0, sizeof t);
    for (int i = 0; i < PARTS; i++) {
        open_part(d, i);
        crm__day_view_among(&d->view, d->words);
        if (crm__day_view_total(&d->view, crm__day_column_of(7, 0), &t))
            exit(1);
    }
    sink += (uint64_t)t.sum;
}

static void total_tested(void *ctx)
{
    days *d = ctx;
    crm__day_total t;

    memset(&t, 0, sizeof t);
    for (int i = 0; i < PARTS; i++) {
        open_part(d, i);
        if (crm__day_view_range(&d->view, crm__day_column_of(7, 0), &d->limits, 0) ||
            crm__day_view_total(&d->view, crm__day_column_of(7, 0), &t))
            exit(1);
    }
    sink += (uint64_t)t.sum;
}

static void say_days(const char *what, double ns)
{
    printf("%-42s %9.1f us %9.1f ns a part %7.2f ns an item\n", what, ns / 1000, ns / PARTS,
           ns / PARTS / EACH);
}

static void bench_days(uint64_t *x)
{
    static days d;
    crm__day_work *w = must(crm__day_work_new(NULL));

    for (int i = 0; i < PARTS; i++)
        make_day(w, x, &d.parts[i]);
    crm__day_work_free(w);
    if (crm__day_sums_init(&d.sums, NULL, 2, 0))
        exit(1);
    d.currency = crm__day_currency("CNY");
    d.limits = (crm__limits){100, 0, 0, 0, CRM__LIMIT_LO};
    repeat = repeat > 10 ? 10 : 1;
    say_days("parts opened", time_of(only_open, &d));
    say_days("rows with an event", time_of(any_rows, &d));
    say_days("events of each row", time_of(count_rows, &d));
    say_days("sum of each row", time_of(sum_rows, &d));
    say_days("count and sum of each row, of a currency", time_of(both_rows, &d));
    say_days("sum of all", time_of(total, &d));
    memset(d.words, 0x7f, sizeof d.words);
    say_days("sum of all, among some rows", time_of(total_among, &d));
    say_days("sum of all from 100.00 on", time_of(total_tested, &d));
    for (int i = 0; i < PARTS; i++)
        crm__buf_clear(&d.parts[i]);
    crm__day_sums_clear(&d.sums);
}

int main(int argc, char **argv)
{
    uint64_t x = 1;

    if (argc > 1 && strcmp(argv[1], "--smoke") == 0)
        repeat = 1;
    bench_sets(&x);
    bench_columns(&x);
    bench_days(&x);
    return 0;
}
