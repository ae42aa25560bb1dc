/* SPDX-License-Identifier: MIT
 * What explain and why say of a segment, as trees for people: the library gives them as JSON.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void cell_take(table *tb, buf *b)
{
    table_cell(tb, b->p ? b->p : "", b->n);
    b->n = 0;
}

static uint64_t number_of(slice object, const char *key)
{
    slice raw = json_member(object, key);
    uint64_t value = 0;
    char digits[24];

    if (!raw.n || raw.n >= sizeof(digits))
        return 0;
    memcpy(digits, raw.p, raw.n);
    digits[raw.n] = '\0';
    return args_number(digits, &value) ? 0 : value;
}

/* "12.3 us", "4.56 ms", "7.89 s" of a number of microseconds. */
static void put_time(buf *out, slice us)
{
    double value = 0;
    char digits[32];

    if (us.n && us.n < sizeof(digits)) {
        memcpy(digits, us.p, us.n);
        digits[us.n] = '\0';
        if (sscanf(digits, "%lf", &value) != 1)
            value = 0;
    }
    if (value < 1000)
        buf_fmt(out, "%.1f us", value);
    else if (value < 1000000)
        buf_fmt(out, "%.2f ms", value / 1000);
    else
        buf_fmt(out, "%.2f s", value / 1000000);
}

/* What stands for a step in the tree: its condition; of one with parts, what joins them. */
static void put_condition(buf *out, slice step)
{
    slice text = json_member(step, "text");

    if (json_member(step, "of").n || !text.n)
        text = json_member(step, "step");
    json_text(out, text);
}

/* ---- explain ---- */

static void explain_step(table *tb, slice step, size_t depth)
{
    slice of = json_member(step, "of"), none, part;
    size_t pos = 0;
    buf b = {0};

    text_pad(&b, 2 * depth);
    put_condition(&b, step);
    cell_take(tb, &b);
    if (!of.n)
        json_text(&b, json_member(step, "step"));
    if (number_of(step, "sets") > 1)
        buf_fmt(&b, " (%" PRIu64 ")", number_of(step, "sets"));
    cell_take(tb, &b);
    buf_count(&b, number_of(step, "estimate"));
    cell_take(tb, &b);
    buf_count(&b, number_of(step, "rows"));
    cell_take(tb, &b);
    put_time(&b, json_member(step, "us"));
    cell_take(tb, &b);
    buf_size(&b, number_of(step, "bytes"));
    cell_take(tb, &b);
    buf_free(&b);
    while (json_next(of, &pos, &none, &part))
        explain_step(tb, part, depth + 1);
}

void segment_explained(slice doc)
{
    static const char *const heads[] = {"Step", "By", "Estimate", "Rows", "Time", "Read"};
    enum { HEADS = sizeof heads / sizeof heads[0] };
    table *tb = table_new(HEADS, out_columns(1), 0);
    uint64_t count = number_of(doc, "count"), chunks = number_of(doc, "chunks");
    buf b = {0};

    for (size_t i = 0; i < HEADS; i++) {
        table_cell(tb, heads[i], strlen(heads[i]));
        if (i >= 2)
            table_right(tb, i);
    }
    explain_step(tb, json_member(doc, "plan"), 0);
    table_end(tb);
    buf_count(&b, count);
    buf_fmt(&b, " customer%s in ", count == 1 ? "" : "s");
    put_time(&b, json_member(doc, "us"));
    buf_str(&b, ", ");
    buf_count(&b, chunks);
    buf_fmt(&b, " chunk%s of 65,536 ids", chunks == 1 ? "" : "s");
    out_line(b.p, b.n);
    buf_free(&b);
}

/* ---- why ---- */

static void why_step(slice step, size_t depth)
{
    slice of = json_member(step, "of"), none, part;
    buf line = {0}, text = {0};
    size_t pos = 0;

    buf_str(&line, slice_is(json_member(step, "true"), "true") ? "yes  " : "no   ");
    text_pad(&line, 2 * depth);
    put_condition(&text, step);
    text_clean(&line, text.p ? text.p : "", text.n);
    out_line(line.p, line.n);
    buf_free(&line);
    buf_free(&text);
    while (json_next(of, &pos, &none, &part))
        why_step(part, depth + 1);
}

void segment_why(slice doc)
{
    int in = slice_is(json_member(doc, "in"), "true");
    int visible = slice_is(json_member(doc, "visible"), "true");
    buf b = {0};

    buf_str(&b, "customer ");
    json_text(&b, json_member(doc, "customer"));
    buf_str(&b, in ? " is in the segment" : " is not in the segment");
    if (!visible)
        buf_str(&b, ": deleted customers are in none");
    out_line(b.p, b.n);
    buf_free(&b);
    if (visible) /* indexes hold nothing of the deleted */
        why_step(json_member(doc, "why"), 0);
}
