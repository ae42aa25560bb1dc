/* SPDX-License-Identifier: MIT
 * Cells of a sheet as texts.  Numbers, dates and times are one thing there, a number, and the
 * format tells them apart.  All is done on decimal digits: nothing passes through a binary
 * fraction, so no noise comes in.
 */
#include "io/xlsx.h"

#include "base/time.h"
#include "base/utf8.h"
#include "io/text_in.h"

/* ---- formats ---- */

crm__xlsx_style crm__xlsx_style_built_in(uint32_t id)
{
    static const struct {
        uint8_t from, to, as;
    } IDS[] = {
        {14, 17, CRM__AS_DATE}, {18, 21, CRM__AS_TIME},    {22, 22, CRM__AS_DATETIME},
        {27, 31, CRM__AS_DATE}, {32, 35, CRM__AS_TIME},    {36, 36, CRM__AS_DATE},
        {45, 45, CRM__AS_TIME}, {46, 46, CRM__AS_ELAPSED}, {47, 47, CRM__AS_TIME},
        {50, 54, CRM__AS_DATE}, {55, 56, CRM__AS_TIME},    {57, 58, CRM__AS_DATE},
    };
    crm__xlsx_style s = {CRM__AS_NUMBER, 0};

    for (size_t i = 0; i < sizeof IDS / sizeof *IDS; i++) {
        if (id >= IDS[i].from && id <= IDS[i].to)
            s.as = IDS[i].as;
    }
    return s;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static int starts(const char *p, const char *end, const char *word)
{
    for (; *word; p++, word++) {
        if (p == end || lower(*p) != *word)
            return 0;
    }
    return 1;
}

/* The length of what is at p and has no meaning for us: quoted, escaped, in brackets, AM/PM.
 * [h], [mm] and the like are elapsed time. */
static size_t passed(const char *p, const char *end, int *elapsed)
{
    const char *close;
    size_t n;

    switch (*p) {
    case '"':
        close = memchr(p + 1, '"', (size_t)(end - p - 1));
        return close ? (size_t)(close - p) + 1 : (size_t)(end - p);
    case '\\':
    case '_':
    case '*':
        return end - p > 1 ? 2 : 1;
    case '[':
        close = memchr(p, ']', (size_t)(end - p));
        n = close ? (size_t)(close - p) + 1 : (size_t)(end - p);
        if (n > 2 && close) {
            char c = lower(p[1]);
            size_t i = 1;
            while (i < n - 1 && lower(p[i]) == c)
                i++;
            *elapsed |= i == n - 1 && (c == 'h' || c == 'm' || c == 's');
        }
        return n;
    default:
        if (starts(p, end, "am/pm"))
            return 5;
        if (starts(p, end, "a/p"))
            return 3;
        return starts(p, end, "general") ? 7 : 0;
    }
}

/* Is the m at p minutes: behind hours, or before seconds, with nothing but signs between? */
static int is_minutes(char before, const char *p, const char *end)
{
    int ignored = 0;

    if (before == 'h' || before == 's')
        return 1;
    while (p < end && lower(*p) == 'm')
        p++;
    while (p < end && *p != ';') {
        size_t n = passed(p, end, &ignored);
        char c = lower(*p);
        if (!n && ((c >= 'a' && c <= 'z') || c == '0' || c == '#'))
            return c == 's';
        p += n ? n : 1;
    }
    return 0;
}

crm__xlsx_style crm__xlsx_style_of(const char *code, size_t n)
{
    const char *p = code, *end = code + n;
    int date = 0, time = 0, elapsed = 0, other = 0;
    size_t zeros = 0;
    char before = 0; /* the last letter of a date or time */
    crm__xlsx_style s = {CRM__AS_NUMBER, 0};

    while (p < end && *p != ';') {
        size_t pass = passed(p, end, &elapsed);
        char c = lower(*p);
        if (pass) {
            if (elapsed && !before)
                before = 'h';
            other |= *p != '[';
            p += pass;
            continue;
        }
        if (c == 'm' && is_minutes(before, p, end)) {
            time = 1;
        } else if (c == 'y' || c == 'd' || c == 'm' || c == 'e' || c == 'g' || c == 'b') {
            /* E+00 is an exponent. */
            if (c != 'e' || !(end - p > 1 && (p[1] == '+' || p[1] == '-')))
                date = 1;
        } else if (c == 'h' || c == 's') {
            time = 1;
        }
        if (c >= 'a' && c <= 'z')
            before = c;
        zeros += c == '0';
        other |= c != '0';
        for (p++; p < end && c >= 'a' && c <= 'z' && lower(*p) == c;)
            p++;
    }
    if (elapsed && !date)
        s.as = CRM__AS_ELAPSED;
    else if (date)
        s.as = time ? CRM__AS_DATETIME : CRM__AS_DATE;
    else if (time)
        s.as = CRM__AS_TIME;
    else if (!other && zeros > 1 && zeros < 32) {
        s.as = CRM__AS_DIGITS;
        s.digits = (uint8_t)zeros;
    }
    return s;
}

/* ---- numbers ---- */

enum { DIGITS = 64, SHOWN = 15, PLAIN = 40 };

/* 0.DDDD * 10^point, without zeros at either end. */
typedef struct number {
    char digit[DIGITS];
    int n, point;
    int negative;
    int plain; /* an integer written without point and exponent */
} number;

/* Digits of text at *p, as a number below a million; 0 when there are none. */
static int take_exponent(const char **p, const char *end, int *e)
{
    int negative = 0, any = 0;

    if (*p < end && (**p == '+' || **p == '-'))
        negative = *(*p)++ == '-';
    for (*e = 0; *p < end && **p >= '0' && **p <= '9'; (*p)++, any = 1)
        *e = *e < 100000 ? *e * 10 + (**p - '0') : *e;
    *e = negative ? -*e : *e;
    return any;
}

/* 0 when it is no number, or has more digits than any has. */
static int parse(const char *p, size_t n, number *v)
{
    const char *end = p + n;
    int point = 0, any = 0, e;

    memset(v, 0, sizeof *v);
    v->plain = 1;
    if (p < end && (*p == '-' || *p == '+'))
        v->negative = *p++ == '-';
    for (; p < end; p++) {
        if (*p == '.' && !point) {
            point = 1;
            v->plain = 0;
            continue;
        }
        if (*p < '0' || *p > '9')
            break;
        any = 1;
        if (v->n || *p != '0') {
            if (v->n == DIGITS)
                return 0;
            v->digit[v->n++] = *p;
            v->point += !point;
        } else {
            v->point -= point;
        }
    }
    if (any && p < end && (*p == 'e' || *p == 'E')) {
        p++;
        v->plain = 0;
        if (!take_exponent(&p, end, &e))
            return 0;
        v->point += e;
    }
    while (v->n && v->digit[v->n - 1] == '0')
        v->n--;
    if (!v->n)
        v->point = v->negative = 0;
    return any && p == end;
}

static void round_to(number *v, int n)
{
    int up;

    if (v->n <= n)
        return;
    up = v->digit[n] >= '5';
    v->n = n;
    while (up && v->n) {
        if (v->digit[v->n - 1] != '9') {
            v->digit[v->n - 1]++;
            up = 0;
        } else {
            v->n--;
        }
    }
    if (up) { /* 0.99.. is 1 */
        v->digit[0] = '1';
        v->n = 1;
        v->point++;
    }
    while (v->n && v->digit[v->n - 1] == '0')
        v->n--;
}

static void write_number(crm__buf *to, const number *v)
{
    if (v->negative)
        crm__buf_add_u8(to, '-');
    if (!v->n) {
        crm__buf_add_u8(to, '0');
        return;
    }
    if (v->point > PLAIN || v->point < -PLAIN) {
        crm__buf_add_u8(to, (unsigned char)v->digit[0]);
        if (v->n > 1) {
            crm__buf_add_u8(to, '.');
            crm__buf_add(to, v->digit + 1, (size_t)v->n - 1);
        }
        crm__buf_add_fmt(to, "E%d", v->point - 1);
        return;
    }
    for (int i = 0; i < v->point; i++)
        crm__buf_add_u8(to, i < v->n ? (unsigned char)v->digit[i] : '0');
    if (v->point <= 0)
        crm__buf_add_u8(to, '0');
    if (v->n > v->point) {
        crm__buf_add_u8(to, '.');
        for (int i = v->point; i < v->n; i++)
            crm__buf_add_u8(to, i < 0 ? '0' : (unsigned char)v->digit[i]);
    }
}

/* ---- days ---- */

enum {
    LAST_DAY = 2958465, /* 9999-12-31, counted from 1900 */
    FROM_1904 = 1462,   /* days from the one beginning to the other */
    FROM_UNIX = 25569,
    NO_DAY = 60, /* 1900-02-29, which the first spreadsheets had, and all since */
};

/* Whole days and the seconds of the rest, rounded; 0 when it is too large. */
static int days_of(const number *v, int64_t *days, int64_t *seconds)
{
    int64_t part = 0;

    *days = 0;
    if (v->negative || v->point > 9)
        return 0;
    for (int i = 0; i < v->point; i++)
        *days = *days * 10 + (i < v->n ? v->digit[i] - '0' : 0);
    /* Twelve digits of the fraction: a tenth of a microsecond. */
    for (int i = 0; i < 12; i++) {
        int at = v->point + i;
        part = part * 10 + (at >= 0 && at < v->n ? v->digit[at] - '0' : 0);
    }
    *seconds = (part * 86400 + INT64_C(500000000000)) / INT64_C(1000000000000);
    *days += *seconds / 86400;
    *seconds %= 86400;
    return 1;
}

static void write_time(crm__buf *to, int64_t seconds)
{
    crm__buf_add_fmt(to, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
                     (int)(seconds % 60));
}

static void write_day(crm__buf *to, int64_t days)
{
    crm__civil c;

    if (days == NO_DAY) {
        crm__buf_add_str(to, "1900-02-29");
        return;
    }
    crm__civil_from_days(days - FROM_UNIX + (days < NO_DAY), &c);
    crm__buf_add_fmt(to, "%04d-%02u-%02u", (int)c.year, (unsigned)c.month, (unsigned)c.day);
}

/* 0 when the number is none of a date or time, and shown as it is. */
static int write_date(crm__buf *to, const number *v, unsigned as, int from_1904)
{
    int64_t days, seconds;
    int is_time = as == CRM__AS_TIME || as == CRM__AS_ELAPSED;

    if (!days_of(v, &days, &seconds))
        return 0;
    if (as == CRM__AS_ELAPSED) {
        if (days > 10000)
            return 0;
        write_time(to, days * 86400 + seconds);
        return 1;
    }
    if (days == 0 && (is_time || !from_1904)) { /* a time, or an empty day */
        if (!is_time && !seconds)
            return 0;
        write_time(to, seconds);
        return 1;
    }
    days += from_1904 ? FROM_1904 : 0;
    if (days > LAST_DAY)
        return 0;
    write_day(to, days);
    if (seconds && as != CRM__AS_DATE) {
        crm__buf_add_u8(to, 'T');
        write_time(to, seconds);
    }
    return 1;
}

void crm__xlsx_number(crm__buf *to, crm__slice text, crm__xlsx_style style, int from_1904)
{
    const char *p = (const char *)text.p;
    size_t n = text.n;
    number v;

    if (n)
        crm__utf8_trim(&p, &n);
    if (!n || !parse(p, n, &v)) {
        crm__buf_add(to, p, n);
        return;
    }
    if (style.as != CRM__AS_NUMBER && style.as != CRM__AS_DIGITS &&
        write_date(to, &v, style.as, from_1904))
        return;
    if (style.as == CRM__AS_DIGITS && !v.negative && v.n <= v.point) {
        for (int i = v.point; i < style.digits; i++)
            crm__buf_add_u8(to, '0');
        if (!v.n)
            return;
    }
    if (!v.plain)
        round_to(&v, SHOWN);
    write_number(to, &v);
}

/* ---- texts ---- */

static int hex4(const uint8_t *p, uint32_t *v)
{
    *v = 0;
    for (int i = 0; i < 4; i++) {
        char c = lower((char)p[i]);
        if (c >= '0' && c <= '9')
            *v = *v << 4 | (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *v = *v << 4 | (uint32_t)(c - 'a' + 10);
        else
            return 0;
    }
    return 1;
}

/* Characters that XML can't have. */
size_t crm__xlsx_unescape(uint8_t *p, size_t n, int *nul)
{
    uint8_t *first = n ? memchr(p, '_', n) : NULL;
    size_t from = first ? (size_t)(first - p) : n, to = from;

    while (from < n) {
        uint32_t c;
        if (p[from] == '_' && n - from >= 7 && p[from + 1] == 'x' && p[from + 6] == '_' &&
            hex4(p + from + 2, &c) && (c < 0xd800 || c > 0xdfff)) {
            char out[4] = CRM__TEXT_NUL;
            size_t len = c ? crm__utf8_put(c, out) : sizeof CRM__TEXT_NUL - 1;
            memcpy(p + to, out, len);
            *nul |= !c;
            to += len;
            from += 7;
        } else {
            p[to++] = p[from++];
        }
    }
    return to;
}
