/* SPDX-License-Identifier: MIT
 * The table of results, one row as soon as it is measured: aligned text, or a line of JSON.
 */
#include "bench.h"

static int as_json;
static const char *const *names;

/* "4.12 (4.01..4.55)", "-" for a side that has no such figure. */
static void figure(char out[64], const row *r, const series *s)
{
    if (!s->n)
        snprintf(out, 64, "-");
    else if (s->n == 1)
        snprintf(out, 64, "%.*f", r->decimals, s->v[0]);
    else
        snprintf(out, 64, "%.*f (%.*f..%.*f)", r->decimals, series_median(s), r->decimals,
                 series_least(s), r->decimals, series_most(s));
}

/* The first side against another, run by run, as what disturbs the machine meets both: below 1 is
 * better where less is, above 1 where more is. */
static void ratio(char out[16], const series *first, const series *other)
{
    series q = {{0}, 0};

    for (int i = 0; i < first->n && i < other->n; i++) {
        if (other->v[i] > 0)
            series_add(&q, first->v[i] / other->v[i]);
    }
    snprintf(out, 16, q.n ? "%.2f" : "-", series_median(&q));
}

static void json_side(const char *name, const series *s)
{
    if (s->n)
        printf(",\"%s\":{\"median\":%.6g,\"min\":%.6g,\"max\":%.6g}", name, series_median(s),
               series_least(s), series_most(s));
}

void table_begin(int json, const char *const n[SIDES])
{
    as_json = json;
    names = n;
    if (!json)
        printf("%-34s %-8s %26s %28s %26s %8s %8s\n", "", "", names[0], names[1], names[2], "/ 2nd",
               "/ limit");
}

void table_row(const row *r)
{
    char text[SIDES][64], by[2][16];

    if (as_json) {
        printf("{\"what\":\"%s\",\"unit\":\"%s\",\"runs\":%d,\"better\":\"%s\"", r->what, r->unit,
               r->side[0].n, r->more_is_better ? "more" : "less");
        for (int i = 0; i < SIDES; i++)
            json_side(names[i], &r->side[i]);
        printf("}\n");
    } else {
        for (int i = 0; i < SIDES; i++)
            figure(text[i], r, &r->side[i]);
        ratio(by[0], &r->side[0], &r->side[1]);
        ratio(by[1], &r->side[0], &r->side[2]);
        printf("%-34s %-8s %26s %28s %26s %8s %8s\n", r->what, r->unit, text[0], text[1], text[2],
               by[0], by[1]);
    }
    fflush(stdout);
}
