/* SPDX-License-Identifier: MIT
 * Numbers as people read them: lists, rows with bars, a line of blocks, and tables of two
 * groupings.
 */
#include "chart.h"
#include "numbers_show.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BAR = 24, ACROSS = 16 };

/* ---- texts ---- */

/* The field, or attribute of an event kind, whose values a grouping has; 0: it is of none. */
static int field_of(crm_txn *txn, const char *head, crm_field *f)
{
    const char *point = strchr(head, '.');
    size_t n = strlen(head);
    crm_event_kind kind;
    crm_dimension d;

    if (n > 7 && strncmp(head, "field(", 6) == 0 && head[n - 1] == ')')
        return !crm_field_find(txn, head + 6, n - 7, f, NULL);
    if (point)
        return !crm_event_kind_find(txn, head, (size_t)(point - head), &kind, NULL) &&
               !crm_attribute_find(txn, &kind, point + 1, CRM_NUL, f, NULL);
    return crm_dimension_find(txn, head, CRM_NUL, &d, NULL) &&
           !crm_field_find(txn, head, CRM_NUL, f, NULL);
}

/* Label of a group: of an enum's value or a tag in the language. */
void numbers_put_group(const numbers_show *s, size_t row, size_t group, buf *out)
{
    const char *head = crm_numbers_head(s->n, group);
    crm_number_group g;
    crm_dimension d;
    crm_field f;
    size_t colon;

    if (crm_numbers_group(s->n, row, group, &g, NULL))
        return;
    if (g.kind == CRM_GROUP_NONE) {
        buf_str(out, "-");
    } else if (g.kind == CRM_GROUP_STEP) {
        buf_fmt(out, "%s … %s", g.text, g.until);
    } else if (g.kind == CRM_GROUP_VALUE && field_of(s->txn, head, &f)) {
        put_label(s->txn, &f, g.text, strlen(g.text), s->t->lang, out);
    } else if (g.kind == CRM_GROUP_VALUE && !crm_dimension_find(s->txn, head, CRM_NUL, &d, NULL)) {
        colon = strcspn(g.text, ":");
        buf_str(out, tag_label(s->txn, &d, g.text + colon + (g.text[colon] == ':'), s->t->lang));
    } else if (g.kind == CRM_GROUP_VALUE && strcmp(head, "tags") == 0) {
        put_tag_label(s->txn, g.text, s->t->lang, out);
    } else {
        buf_str(out, g.text);
    }
}

static size_t digits_behind(const char *s)
{
    const char *point = strchr(s, '.');

    return point ? strlen(point + 1) : 0;
}

/* A date of which only the year is known: as a number it is the seconds of its beginning. */
static int is_year(const crm_number_value *v)
{
    return strlen(v->text) == 4 && strspn(v->text, "0123456789") == 4 &&
           fabs(v->number - (double)strtol(v->text, NULL, 10)) > 0.5;
}

/* 5,367,033.15; a date or time as it is. */
static void put_number(buf *out, const crm_number_value *v, size_t digits)
{
    const char *s = v->text;
    size_t whole = strcspn(s, "."), at = *s == '-';

    if (strlen(s) > whole + 8 || strspn(s, "-0123456789.") != strlen(s) || strchr(s + 1, '-') ||
        is_year(v)) {
        buf_str(out, s);
        return;
    }
    buf_add(out, s, at);
    for (size_t i = at; i < whole; i++) {
        if (i > at && (whole - i) % 3 == 0)
            buf_char(out, ',');
        buf_char(out, s[i]);
    }
    if (!digits)
        return;
    buf_char(out, '.');
    buf_str(out, s[whole] ? s + whole + 1 : "");
    for (size_t i = digits_behind(s); i < digits; i++)
        buf_char(out, '0');
}

crm_number_value numbers_value_of(const numbers_show *s, size_t row, size_t value)
{
    crm_number_value v = {NULL, 0, 0, ""};

    crm_numbers_value(s->n, row, value, &v, NULL);
    return v;
}

/* Digits that a column of numbers is written with. */
static size_t digits_of(const numbers_show *s, size_t value)
{
    size_t most = 0;

    for (size_t r = 0; r < s->rows; r++) {
        const char *text = numbers_value_of(s, r, value).text;
        size_t n = text && !strchr(text, ':') ? digits_behind(text) : 0;
        most = n > most ? n : most;
    }
    return most;
}

static void put_value(const numbers_show *s, size_t row, size_t value, size_t digits, buf *out)
{
    crm_number_value v = numbers_value_of(s, row, value);

    if (v.text)
        put_number(out, &v, digits);
}

static void cell(table *tb, buf *b)
{
    table_cell(tb, b->p ? b->p : "", b->n);
    b->n = 0;
}

static void head_of(const numbers_show *s, size_t column, buf *out)
{
    put_head_label(s->txn, crm_numbers_head(s->n, column), column < s->groups, s->t->lang, out);
}

/* ---- tables ---- */

/* Without a grouping: one line for each number. */
static void put_list(const numbers_show *s)
{
    table *tb = table_new(3, out_columns(1), 0);
    buf b = {0};

    table_no_head(tb);
    table_right(tb, 1);
    for (size_t v = 0; v < s->values; v++) {
        for (size_t r = 0; r < s->rows; r++) {
            crm_number_value x = numbers_value_of(s, r, v);
            if (!x.text && s->rows > 1)
                continue;
            head_of(s, v, &b);
            cell(tb, &b);
            if (x.text)
                put_number(&b, &x, digits_behind(x.text));
            else
                buf_char(&b, '-');
            cell(tb, &b);
            buf_str(&b, x.currency);
            cell(tb, &b);
        }
    }
    table_end(tb);
    buf_free(&b);
}

static double most_of(const numbers_show *s, size_t value)
{
    double most = 0;

    for (size_t r = 0; r < s->rows; r++) {
        crm_number_value v = numbers_value_of(s, r, value);
        most = v.text && v.number > most ? v.number : most;
    }
    return most;
}

static void put_long(const numbers_show *s)
{
    int bars = out_is_terminal() && s->values;
    size_t columns = s->groups + (size_t)s->money + s->values + (size_t)bars;
    table *tb = table_new(columns, out_columns(1), 0);
    double most = bars ? most_of(s, 0) : 0;
    size_t *digits = xrealloc(NULL, (s->values + 1) * sizeof(*digits));
    buf b = {0};

    for (size_t v = 0; v < s->values; v++)
        digits[v] = digits_of(s, v);
    for (size_t i = 0; i < s->groups + s->values; i++) {
        if (i == s->groups && s->money)
            table_cell(tb, "", 0);
        head_of(s, i, &b);
        cell(tb, &b);
        if (i >= s->groups)
            table_right(tb, i + (size_t)s->money);
    }
    if (bars)
        table_cell(tb, "", 0);
    for (size_t r = 0; r < s->rows && !out_failed(); r++) {
        for (size_t g = 0; g < s->groups; g++) {
            numbers_put_group(s, r, g, &b);
            cell(tb, &b);
        }
        if (s->money)
            table_cell(tb, crm_numbers_currency(s->n, r), strlen(crm_numbers_currency(s->n, r)));
        for (size_t v = 0; v < s->values; v++) {
            put_value(s, r, v, digits[v], &b);
            cell(tb, &b);
        }
        if (bars) {
            chart_bar(&b, numbers_value_of(s, r, 0).number, most, BAR);
            cell(tb, &b);
        }
    }
    table_end(tb);
    free(digits);
    buf_free(&b);
}

/* Lines of blocks below a time series on a terminal. */
static void put_sparks(const numbers_show *s)
{
    double *values = xrealloc(NULL, s->rows * sizeof(*values));
    buf b = {0}, head = {0};

    for (size_t v = 0; v < s->values; v++) {
        for (size_t r = 0; r < s->rows; r++) {
            crm_number_value x = numbers_value_of(s, r, v);
            values[r] = x.text ? x.number : NAN;
        }
        chart_spark(&b, values, s->rows);
        buf_str(&b, "  ");
        head_of(s, s->groups + v, &head);
        buf_add(&b, head.p, head.n);
        head.n = 0;
        out_line(b.p, b.n);
        b.n = 0;
    }
    buf_free(&b);
    buf_free(&head);
    free(values);
}

/* ---- two groupings: rows and columns ---- */

static size_t *name_slot(const numbers_names *all, const char *text)
{
    size_t mask = all->room * 2 - 1, at;
    uint64_t h = 0xcbf29ce484222325u;

    for (const char *s = text; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    at = (size_t)(h ^ h >> 32) & mask;
    while (all->index[at] && strcmp(all->p[all->index[at] - 1], text) != 0)
        at = (at + 1) & mask;
    return &all->index[at];
}

/* Also after the names were put into another order. */
static void names_index(numbers_names *all)
{
    memset(all->index, 0, all->room * 2 * sizeof(*all->index));
    for (size_t i = 0; i < all->n; i++)
        *name_slot(all, all->p[i]) = i + 1;
}

static size_t name_at(numbers_names *all, const char *text)
{
    size_t *slot;

    if (all->n == all->room) {
        all->room = all->room ? all->room * 2 : 16;
        all->p = xrealloc(all->p, all->room * sizeof(*all->p));
        all->index = xrealloc(all->index, all->room * 2 * sizeof(*all->index));
        names_index(all);
    }
    slot = name_slot(all, text);
    if (!*slot) {
        all->p[all->n++] = text;
        *slot = all->n;
    }
    return *slot - 1;
}

/* The same of a name that is kept here, see numbers_names_free(); b is empty then. */
size_t numbers_name_own(numbers_names *all, buf *b)
{
    size_t before = all->n, at;
    char *copy = xrealloc(NULL, b->n + 1);

    memcpy(copy, b->p ? b->p : "", b->n);
    copy[b->n] = 0;
    b->n = 0;
    at = name_at(all, copy);
    if (all->n == before)
        free(copy);
    return at;
}

void numbers_names_free(numbers_names *all)
{
    for (size_t i = 0; i < all->n; i++)
        free((char *)(uintptr_t)all->p[i]);
    free(all->p);
    free(all->index);
}

/* The columns of the second grouping, in order: by time and steps ascending, as they come else. */
static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

typedef struct cross {
    numbers_names rows, columns;
    size_t *at; /* row of the table + 1 */
} cross;

/* The group of no value is the last column, as it is the last row. */
static void none_last(numbers_names *all)
{
    for (size_t i = 0; i + 1 < all->n; i++) {
        const char *next = all->p[i + 1];
        if (all->p[i][0])
            continue;
        all->p[i + 1] = all->p[i];
        all->p[i] = next;
    }
}

/* 0: there are too many columns; they are not arranged then. */
static int cross_make(const numbers_show *s, cross *x)
{
    crm_number_group a, b;
    int time = 0;

    memset(x, 0, sizeof(*x));
    for (size_t r = 0; r < s->rows; r++) {
        crm_numbers_group(s->n, r, 0, &a, NULL);
        crm_numbers_group(s->n, r, 1, &b, NULL);
        name_at(&x->rows, a.text);
        name_at(&x->columns, b.text);
        time |= b.kind == CRM_GROUP_TIME;
        if (x->columns.n > ACROSS)
            return 0;
    }
    if (time)
        qsort(x->columns.p, x->columns.n, sizeof(*x->columns.p), by_text);
    none_last(&x->columns);
    names_index(&x->columns);
    x->at = xrealloc(NULL, (x->rows.n * x->columns.n + 1) * sizeof(*x->at));
    memset(x->at, 0, (x->rows.n * x->columns.n + 1) * sizeof(*x->at));
    for (size_t r = 0; r < s->rows; r++) {
        crm_numbers_group(s->n, r, 0, &a, NULL);
        crm_numbers_group(s->n, r, 1, &b, NULL);
        x->at[name_at(&x->rows, a.text) * x->columns.n + name_at(&x->columns, b.text)] = r + 1;
    }
    return 1;
}

static void cross_free(cross *x)
{
    free(x->rows.p);
    free(x->rows.index);
    free(x->columns.p);
    free(x->columns.index);
    free(x->at);
}

/* Any table row with the group. */
static size_t row_with(const cross *x, size_t row, size_t column)
{
    size_t n = x->columns.n;

    for (size_t i = 0; row != SIZE_MAX && i < n; i++)
        if (x->at[row * n + i])
            return x->at[row * n + i] - 1;
    for (size_t i = 0; row == SIZE_MAX && i < x->rows.n; i++)
        if (x->at[i * n + column])
            return x->at[i * n + column] - 1;
    return 0;
}

static void put_cross(const numbers_show *s, const cross *x)
{
    table *tb = table_new(1 + x->columns.n, out_columns(1), 0);
    size_t digits = digits_of(s, 0);
    buf b = {0};

    head_of(s, 0, &b);
    cell(tb, &b);
    for (size_t c = 0; c < x->columns.n; c++) {
        numbers_put_group(s, row_with(x, SIZE_MAX, c), 1, &b);
        cell(tb, &b);
        table_right(tb, 1 + c);
    }
    for (size_t r = 0; r < x->rows.n; r++) {
        numbers_put_group(s, row_with(x, r, 0), 0, &b);
        cell(tb, &b);
        for (size_t c = 0; c < x->columns.n; c++) {
            size_t at = x->at[r * x->columns.n + c];
            if (at)
                put_value(s, at - 1, 0, digits, &b);
            cell(tb, &b);
        }
    }
    table_end(tb);
    buf_free(&b);
}

/* ---- what is shown ---- */

static int one_currency(const numbers_show *s)
{
    for (size_t r = 1; r < s->rows; r++)
        if (strcmp(crm_numbers_currency(s->n, r), crm_numbers_currency(s->n, 0)) != 0)
            return 0;
    return 1;
}

/* Days from a first day to another, 0 of what are no days. */
static long days_between(const char *a, const char *b)
{
    struct tm x = {0}, y = {0};

    if (sscanf(a, "%4d-%2d-%2d", &x.tm_year, &x.tm_mon, &x.tm_mday) != 3 ||
        sscanf(b, "%4d-%2d-%2d", &y.tm_year, &y.tm_mon, &y.tm_mday) != 3)
        return 0;
    x.tm_year -= 1900;
    y.tm_year -= 1900;
    x.tm_mon--;
    y.tm_mon--;
    return (long)((timegm(&y) - timegm(&x)) / 86400);
}

/* The library leaves out rows that stand for nothing when there would be very many. */
void numbers_tell_gaps(const numbers_show *s)
{
    crm_number_group a, b;

    for (size_t r = 0; s->groups == 1 && r + 1 < s->rows; r++) {
        crm_numbers_group(s->n, r, 0, &a, NULL);
        crm_numbers_group(s->n, r + 1, 0, &b, NULL);
        if (a.kind != b.kind || strcmp(a.text, b.text) == 0)
            continue;
        if ((a.kind == CRM_GROUP_STEP && strcmp(a.until, b.text) != 0) ||
            (a.kind == CRM_GROUP_TIME && days_between(a.text, b.text) > 7)) {
            note(s->t, "rows without anything are left out, as there would be more than 10,000");
            return;
        }
    }
}

void numbers_put_people(const numbers_show *s)
{
    cross x;

    if (!s->rows) {
        note(s->t, "nothing to count");
        return;
    }
    if (!s->groups) {
        put_list(s);
        return;
    }
    if (s->groups == 2 && s->values == 1 && one_currency(s)) {
        if (cross_make(s, &x))
            put_cross(s, &x);
        else
            put_long(s);
        cross_free(&x);
        return;
    }
    put_long(s);
    numbers_tell_gaps(s);
    if (s->groups == 1 && s->kind == CRM_GROUP_TIME && out_is_terminal() && one_currency(s))
        put_sparks(s);
}
