/* SPDX-License-Identifier: MIT
 * Charts: see chart.c.
 */
#ifndef CHART_H
#define CHART_H

#include "tool.h"

/* What is drawn: rows from left to right or top to bottom, of each a value of every series. */
typedef struct chart {
    const char *title;
    const char *about; /* NULL: nothing */
    int time;          /* rows are times */
    size_t row_count, series;
    const char **rows;    /* their names */
    const char **names;   /* of series */
    const double *values; /* series of each row; NaN: none */
    const char **texts;   /* the same as text */
} chart;

void chart_svg(buf *out, const chart *c);
/* A bar of blocks, of eighths of a column; nothing for 0. */
void chart_bar(buf *out, double value, double most, unsigned columns);
/* One block for each value, by its height; NaN is a space. */
void chart_spark(buf *out, const double *values, size_t n);

#endif
