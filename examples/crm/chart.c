/* SPDX-License-Identifier: MIT
 * Charts of a table of numbers: bars and sparklines of block characters, and an SVG picture that
 * needs no other program.  The same table gives the same bytes.
 */
#include "chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- on a terminal ---- */

void chart_bar(buf *out, double value, double most, unsigned columns)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    unsigned eighths;

    if (!(value > 0) || !(most > 0))
        return;
    eighths = (unsigned)(value / most * columns * 8 + 0.5);
    for (eighths = eighths ? eighths : 1; eighths >= 8; eighths -= 8)
        buf_str(out, "█");
    buf_str(out, parts[eighths]);
}

void chart_spark(buf *out, const double *values, size_t n)
{
    static const char *const levels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = values[i] > most ? values[i] : most;
    for (size_t i = 0; i < n; i++) {
        int level = most > 0 && values[i] > 0 ? (int)(values[i] / most * 7 + 0.5) : 0;
        buf_str(out, isnan(values[i]) ? " " : levels[level]);
    }
}

/* ---- SVG ---- */

enum { SERIES = 8, WIDE = 960, LEFT = 24, TOP = 70, ROW = 26, PLOT = 340, TICKS = 5 };

static const char *const colours[SERIES] = {"#2f6db3", "#d9822b", "#3b8f5a", "#b0413e",
                                            "#7a5aa6", "#8c6d4a", "#c25b92", "#5f6b7a"};

/* Rows and series of what is drawn. */
typedef struct picture {
    const chart *c;
    size_t rows, series;
    double most, least;
} picture;

static void put_escaped(buf *out, const char *s, size_t width)
{
    buf clean = {0};

    text_cut(&clean, s, strlen(s), width);
    for (size_t i = 0; i < clean.n; i++) {
        switch (clean.p[i]) {
        case '&':
            buf_str(out, "&amp;");
            break;
        case '<':
            buf_str(out, "&lt;");
            break;
        case '>':
            buf_str(out, "&gt;");
            break;
        case '"':
            buf_str(out, "&quot;");
            break;
        default:
            buf_char(out, clean.p[i]);
        }
    }
    buf_free(&clean);
}

/* One digit behind the point, never "-0.0". */
static void put_place(buf *out, double v)
{
    long tenths = (long)(v * 10 + (v < 0 ? -0.5 : 0.5));

    buf_fmt(out, "%s%ld.%ld", tenths < 0 ? "-" : "", labs(tenths) / 10, labs(tenths) % 10);
}

static void attribute(buf *out, const char *name, double v)
{
    buf_fmt(out, " %s=\"", name);
    put_place(out, v);
    buf_char(out, '"');
}

static void put_text(buf *out, double x, double y, const char *anchor, const char *more,
                      const char *s, size_t width)
{
    buf_str(out, "<text");
    attribute(out, "x", x);
    attribute(out, "y", y);
    buf_fmt(out, " text-anchor=\"%s\"%s>", anchor, more);
    put_escaped(out, s, width);
    buf_str(out, "</text>\n");
}

static void put_rect(buf *out, double x, double y, double w, double h, const char *colour,
                     const char *a, const char *b)
{
    buf_str(out, "<rect");
    attribute(out, "x", x);
    attribute(out, "y", y);
    attribute(out, "width", w);
    attribute(out, "height", h);
    buf_fmt(out, " fill=\"%s\"><title>", colour);
    put_escaped(out, a, SIZE_MAX);
    buf_str(out, ": ");
    put_escaped(out, b, SIZE_MAX);
    buf_str(out, "</title></rect>\n");
}

static double value_at(const picture *p, size_t row, size_t series)
{
    double v = p->c->values[row * p->c->series + series];

    return isnan(v) ? 0 : v;
}

static const char *text_at(const picture *p, size_t row, size_t series)
{
    const char *s = p->c->texts[row * p->c->series + series];

    return s ? s : "";
}

/* 1, 2 or 5 with zeros: at most TICKS of them reach the greatest. */
static double tick_of(double most)
{
    double unit = 1;

    while (unit > most / 10 && unit > 1e-12)
        unit /= 10;
    for (;; unit *= 10) {
        if (unit * TICKS >= most)
            return unit;
        if (unit * 2 * TICKS >= most)
            return unit * 2;
        if (unit * 5 * TICKS >= most)
            return unit * 5;
    }
}

static void put_tick(buf *out, double v)
{
    if (v >= 1e9)
        buf_fmt(out, "%.10gG", v / 1e9);
    else if (v >= 1e6)
        buf_fmt(out, "%.10gM", v / 1e6);
    else if (v >= 1e4)
        buf_fmt(out, "%.10gk", v / 1e3);
    else
        buf_fmt(out, "%.10g", v);
}

static void put_legend(buf *out, const picture *p)
{
    double x = LEFT;

    if (p->series == 1 && !p->c->names[0][0])
        return;
    for (size_t s = 0; s < p->series; s++) {
        buf_str(out, "<rect");
        attribute(out, "x", x);
        attribute(out, "y", TOP - 22);
        buf_fmt(out, " width=\"10\" height=\"10\" fill=\"%s\"/>\n", colours[s]);
        put_text(out, x + 14, TOP - 13, "start", "", p->c->names[s], 24);
        x += 30 + 7.5 * (double)(text_width(p->c->names[s], strlen(p->c->names[s])) < 24
                                     ? text_width(p->c->names[s], strlen(p->c->names[s]))
                                     : 24);
    }
}

/* Columns side by side, for time. */
static void put_columns(buf *out, const picture *p)
{
    double left = LEFT + 60, wide = WIDE - left - LEFT, tick = tick_of(p->most);
    double high = 0, step = wide / (double)p->rows;
    size_t every = 1 + (p->rows - 1) / 16;
    buf label = {0};

    while (high < p->most * (1 - 1e-12) || high == 0)
        high += tick;
    for (double v = 0; v <= high + tick / 2; v += tick) {
        double y = TOP + PLOT - v / high * PLOT;
        buf_str(out, "<line stroke=\"#ddd\"");
        attribute(out, "x1", left);
        attribute(out, "x2", left + wide);
        attribute(out, "y1", y);
        attribute(out, "y2", y);
        buf_str(out, "/>\n");
        label.n = 0;
        put_tick(&label, v);
        put_text(out, left - 6, y + 4, "end", "", label.p, SIZE_MAX);
    }
    for (size_t r = 0; r < p->rows; r++) {
        double x = left + (double)r * step, bar = step * 0.8 / (double)p->series;
        for (size_t s = 0; s < p->series; s++) {
            double h = value_at(p, r, s) > 0 ? value_at(p, r, s) / high * PLOT : 0;
            put_rect(out, x + step * 0.1 + (double)s * bar, TOP + PLOT - h, bar, h, colours[s],
                     p->c->rows[r], text_at(p, r, s));
        }
        if (r % every == 0)
            put_text(out, x + step / 2, TOP + PLOT + 18, "middle", "", p->c->rows[r], 12);
    }
    buf_free(&label);
}

/* Bars one below the other, for all else. */
static void put_bars(buf *out, const picture *p)
{
    size_t widest = 4;
    double left, wide, bar = (ROW - 6) / (double)p->series;

    for (size_t r = 0; r < p->rows; r++) {
        size_t w = text_width(p->c->rows[r], strlen(p->c->rows[r]));
        widest = w > widest ? w : widest;
    }
    widest = widest < 32 ? widest : 32;
    left = LEFT + 8 + 7.5 * (double)widest;
    wide = WIDE - left - LEFT - 110;
    for (size_t r = 0; r < p->rows; r++) {
        double y = TOP + (double)(r * ROW);
        put_text(out, left - 8, y + ROW / 2.0 + 2, "end", "", p->c->rows[r], 32);
        for (size_t s = 0; s < p->series; s++) {
            double v = value_at(p, r, s), w = v > 0 && p->most > 0 ? v / p->most * wide : 0;
            put_rect(out, left, y + (double)s * bar, w, bar, colours[s], p->c->rows[r],
                     text_at(p, r, s));
            if (p->series == 1)
                put_text(out, left + w + 6, y + ROW / 2.0 + 2, "start", "", text_at(p, r, s), 24);
        }
    }
}

void chart_svg(buf *out, const chart *c)
{
    picture p = {c, c->row_count, c->series < SERIES ? c->series : SERIES, 0, 0};
    double high;

    for (size_t r = 0; r < p.rows; r++) {
        for (size_t s = 0; s < p.series; s++)
            p.most = value_at(&p, r, s) > p.most ? value_at(&p, r, s) : p.most;
    }
    high = c->time ? TOP + PLOT + 40 : TOP + (double)(p.rows * ROW) + 20;
    buf_fmt(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %ld\" width=\"%d\" "
            "height=\"%ld\" font-family=\"'Noto Sans CJK SC','Noto Sans SC','PingFang SC',"
            "'Microsoft YaHei',sans-serif\" font-size=\"13\" fill=\"#222\">\n",
            WIDE, (long)(high + 0.5), WIDE, (long)(high + 0.5));
    buf_fmt(out, "<rect width=\"%d\" height=\"%ld\" fill=\"#fff\"/>\n", WIDE, (long)(high + 0.5));
    put_text(out, LEFT, 30, "start", " font-size=\"17\"", c->title, 100);
    if (c->about)
        put_text(out, WIDE - LEFT, 30, "end", " fill=\"#666\"", c->about, 40);
    put_legend(out, &p);
    if (p.rows && p.series && c->time)
        put_columns(out, &p);
    else if (p.rows && p.series)
        put_bars(out, &p);
    buf_str(out, "</svg>\n");
}
