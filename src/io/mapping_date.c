/* SPDX-License-Identifier: MIT
 * Dates as files have them: day or month first, names of months, a time behind a date, twelve-hour
 * clocks.  The text becomes one with the year first, which the model's reader judges.  Whether
 * 03/04/2024 is in March or April is said by the mapping or by the other rows, never guessed.
 */
#include "io/mapping_part.h"

#include "base/time.h"
#include "base/zone.h"

#include <stdio.h>

/* A date as written: what stands in front of, between and behind its separators. */
typedef struct written {
    unsigned a, b, year;
    unsigned month;    /* by its name; 0: none */
    unsigned digits;   /* of the year */
    char separator;    /* '/', '-', '.', ' ' */
    crm__slice behind; /* the time */
} written;

static const char EXPECTED[] = "2024-05-31";

static int is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static unsigned take_number(crm__slice *s, unsigned *digits)
{
    unsigned v = 0;

    for (*digits = 0; s->n && is_digit(*s->p) && *digits < 6; ++*digits) {
        v = v * 10 + (*s->p - (unsigned)'0');
        s->p++;
        s->n--;
    }
    return v;
}

/* 1 to 12; 0: no name of a month begins here. */
static unsigned take_month(crm__slice *s)
{
    static const char *const NAMES[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    size_t n = 0;

    while (n < s->n && is_letter(s->p[n]))
        n++;
    if (n < 3 || n > 9)
        return 0;
    for (unsigned i = 0; i < 12; i++) {
        size_t k = 0;
        while (k < n && NAMES[i][k] && (s->p[k] | 0x20) == NAMES[i][k])
            k++;
        if (k == n || (n == 4 && i == 8 && k == 3)) { /* "Sept" fits by itself */
            s->p += n;
            s->n -= n;
            return i + 1;
        }
    }
    return 0;
}

static void skip(crm__slice *s, const char *marks)
{
    while (s->n && strchr(marks, *s->p) && *s->p) {
        s->p++;
        s->n--;
    }
}

/* "31/05/2024 ...", "5-31-24"; 0 when it is not of this form. */
static int read_numbers(crm__slice s, written *w)
{
    unsigned n;

    memset(w, 0, sizeof *w);
    w->a = take_number(&s, &n);
    if (n < 1 || n > 2 || !s.n || !strchr("/-.", *s.p))
        return 0;
    w->separator = (char)*s.p;
    skip(&s, " /-.");
    w->b = take_number(&s, &n);
    if (n < 1 || n > 2 || !s.n || (char)*s.p != w->separator)
        return 0;
    skip(&s, " /-.");
    w->year = take_number(&s, &w->digits);
    w->behind = s;
    return w->digits == 2 || w->digits == 4;
}

/* "31 May 2024", "31-May-2024", "May 31, 2024". */
static int read_words(crm__slice s, written *w)
{
    unsigned n;

    memset(w, 0, sizeof *w);
    w->separator = ' ';
    w->month = take_month(&s);
    if (w->month) {
        skip(&s, " .");
        w->a = take_number(&s, &n);
    } else {
        w->a = take_number(&s, &n);
        skip(&s, " -./");
        w->month = n ? take_month(&s) : 0;
    }
    if (!w->month || n < 1 || n > 2)
        return 0;
    skip(&s, " -,./");
    w->year = take_number(&s, &w->digits);
    w->behind = s;
    return w->digits == 4;
}

unsigned crm__map_date_look(crm__slice text)
{
    written w;

    if (!text.n || !is_digit(*text.p) || !read_numbers(text, &w) || w.separator == '.')
        return 0;
    if (w.a > 12 && w.b <= 12)
        return CRM__SEEN_DAY_FIRST;
    if (w.b > 12 && w.a <= 12)
        return CRM__SEEN_MONTH_FIRST;
    return 0;
}

/* ---- the time behind ---- */

static int take_word(crm__slice *s, const char *word)
{
    size_t n = strlen(word);

    if (s->n < n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = s->p[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 32);
        if (c != (uint8_t)word[i])
            return 0;
    }
    s->p += n;
    s->n -= n;
    return 1;
}

/* -1: none, 0: before noon, 1: after noon. */
static int take_half(crm__slice *s)
{
    static const char *const AM[] = {"am", "a.m.", "上午", "凌晨", "早上"};
    static const char *const PM[] = {"pm", "p.m.", "下午", "晚上", "中午"};

    for (size_t i = 0; i < sizeof AM / sizeof AM[0]; i++) {
        if (take_word(s, AM[i]))
            return 0;
        if (take_word(s, PM[i]))
            return 1;
    }
    return -1;
}

/* Appends " HH:MM..." of a time in twelve or twenty-four hours; 0 when it is none or does not fit.
 */
static int put_time(crm__slice s, char *out, size_t cap, size_t *n)
{
    unsigned hour, digits;
    int half;
    size_t tail;

    skip(&s, " ,Tt");
    half = take_half(&s);
    skip(&s, " ");
    hour = take_number(&s, &digits);
    if (digits < 1 || digits > 2 || hour > 23)
        return 0;
    tail = 0;
    while (tail < s.n && (is_digit(s.p[tail]) || s.p[tail] == ':' || s.p[tail] == '.'))
        tail++;
    if (half < 0) {
        crm__slice behind = crm__slice_of(s.p + tail, s.n - tail);
        skip(&behind, " ");
        half = take_half(&behind);
        if (half >= 0 && behind.n)
            return 0;
        if (half < 0)
            tail = s.n;
    } else if (tail != s.n) {
        return 0;
    }
    if (half == 1 && hour < 12)
        hour += 12;
    else if (half == 0 && hour == 12)
        hour = 0;
    if (*n + tail + 8 > cap)
        return 0;
    *n += (size_t)snprintf(out + *n, cap - *n, " %02u", hour);
    if (!tail)
        *n += (size_t)snprintf(out + *n, cap - *n, ":00");
    memcpy(out + *n, s.p, tail);
    *n += tail;
    return 1;
}

/* ---- putting it right ---- */

/* Where the time begins behind a date with the year first; NULL: there is none. */
static const uint8_t *time_of(crm__slice s)
{
    unsigned digits;
    crm__slice rest = s;

    take_number(&rest, &digits);
    if (digits != 4 && digits != 6)
        return NULL;
    for (size_t i = 5; i < s.n; i++) {
        if (s.p[i] == 'T' || s.p[i] == 't')
            return s.p + i;
        if (s.p[i] == ' ' && i + 1 < s.n && (is_digit(s.p[i + 1]) || s.p[i + 1] >= 0x80) && i >= 8)
            return s.p + i;
    }
    return NULL;
}

/* A date of what has a time: the day there where the transaction is. */
static void day_of(const crm__zone *zone, char out[CRM__MAP_DATE_BYTES], crm__slice *text)
{
    char day[16];
    crm__civil c;
    int64_t us;
    size_t n;

    if (crm__datetime_parse((const char *)text->p, text->n, zone, &us, NULL, NULL))
        return;
    crm__civil_from_time(us + crm__zone_offset(zone, us) * CRM__US_PER_SECOND, &c);
    n = crm__date_format(crm__date_pack(c.year, c.month, c.day), day);
    if (n) {
        memcpy(out, day, n);
        *text = crm__slice_of((const uint8_t *)out, n);
    }
}

/* Day and month of what was written; CRM_EVALUE: the column's order does not tell, or forbids. */
static int order(const crm__map_column *c, written *w, unsigned *day, const char **why,
                 const char **hint)
{
    unsigned date = c->date;

    *hint = EXPECTED;
    *day = w->a;
    if (w->digits == 2) {
        *why = "the year has two digits: which century is it?";
        return CRM_EVALUE;
    }
    if (w->month)
        return CRM_OK;
    if (date == CRM__DATE_YEAR_FIRST) {
        *why = "the year does not come first, as the mapping says it does";
        return CRM_EVALUE;
    }
    if (date == CRM__DATE_ANY && w->separator == '.')
        date = CRM__DATE_DAY_FIRST;
    if (date == CRM__DATE_ANY && c->seen == CRM__SEEN_DAY_FIRST)
        date = CRM__DATE_DAY_FIRST;
    if (date == CRM__DATE_ANY && c->seen == CRM__SEEN_MONTH_FIRST)
        date = CRM__DATE_MONTH_FIRST;
    if (date == CRM__DATE_ANY && (w->a > 12) != (w->b > 12))
        date = w->a > 12 ? CRM__DATE_DAY_FIRST : CRM__DATE_MONTH_FIRST;
    if (date == CRM__DATE_ANY && w->a == w->b)
        date = CRM__DATE_DAY_FIRST;
    if (date == CRM__DATE_ANY) {
        *why = "the column does not tell whether the day or the month comes first";
        *hint = "2024-05-31, or \"date: dmy\" or \"date: mdy\" in the mapping";
        return CRM_EVALUE;
    }
    w->month = date == CRM__DATE_DAY_FIRST ? w->b : w->a;
    *day = date == CRM__DATE_DAY_FIRST ? w->a : w->b;
    if (w->month > 12) {
        *why = date == CRM__DATE_DAY_FIRST
                   ? "there is no such month: the day comes first in this column"
                   : "there is no such month: the month comes first in this column";
        return CRM_EVALUE;
    }
    return CRM_OK;
}

int crm__map_date(const crm__map_column *c, uint8_t type, const crm__zone *zone,
                  char out[CRM__MAP_DATE_BYTES], crm__slice *text, const char **why,
                  const char **hint)
{
    const uint8_t *time = time_of(*text);
    written w;
    unsigned day;
    size_t n = 0;

    *why = *hint = "";
    if (time) {
        size_t head = (size_t)(time - text->p);
        if (head < CRM__MAP_DATE_BYTES / 2) {
            memcpy(out, text->p, head);
            n = head;
            if (put_time(crm__slice_of(time, text->n - head), out, CRM__MAP_DATE_BYTES, &n))
                *text = crm__slice_of((const uint8_t *)out, n);
        }
    } else if (read_numbers(*text, &w) || read_words(*text, &w)) {
        int rc = order(c, &w, &day, why, hint);
        if (rc)
            return rc;
        n = (size_t)snprintf(out, CRM__MAP_DATE_BYTES, "%04u-%02u-%02u", w.year, w.month, day);
        skip(&w.behind, " ");
        if (w.behind.n && !put_time(w.behind, out, CRM__MAP_DATE_BYTES, &n))
            return CRM_OK;
        time = w.behind.n ? w.behind.p : NULL;
        *text = crm__slice_of((const uint8_t *)out, n);
    }
    if (time && type == CRM_TYPE_DATE)
        day_of(zone, out, text);
    return CRM_OK;
}

int crm__map_is_clock(crm__slice text)
{
    crm__slice s = text;
    unsigned digits;
    int half = take_half(&s);

    skip(&s, " ");
    take_number(&s, &digits);
    if (digits < 1 || digits > 2)
        return 0;
    if (s.n && *s.p == ':')
        return 1;
    skip(&s, " ");
    return half >= 0 || take_half(&s) >= 0;
}
