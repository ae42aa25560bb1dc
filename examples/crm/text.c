/* SPDX-License-Identifier: MIT
 * UTF-8 on a terminal: how wide it is, how it is cut, and how it is kept from steering the
 * terminal. Widths come from a table of our own, so that columns also stand in line in the C
 * locale.
 */
#include "tool.h"

#include "width.h"

#include <string.h>

size_t text_next(const char *s, size_t n, uint32_t *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)s;
    size_t length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (p[0] < 0x80) {
        *c = p[0];
        return 1;
    }
    *c = UINT32_MAX;
    if (p[0] < 0xc2 || p[0] > 0xf4 || length > n)
        return 1;
    uint32_t value = p[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 1;
        value = value << 6 | (p[i] & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return 1;
    *c = value;
    return length;
}

int text_valid(const char *s, size_t n)
{
    uint32_t c;

    for (size_t i = 0; i < n;) {
        i += text_next(s + i, n - i, &c);
        if (c == UINT32_MAX)
            return 0;
    }
    return 1;
}

static int begins(const char *s, size_t n, const char *with, size_t with_n)
{
    return n >= with_n && memcmp(s, with, with_n) == 0;
}

/* The same for what a file begins with alone. */
static int text_magic(buf *out, const char *file, const char *s, size_t n)
{
    if (begins(s, n, "\x1f\x8b", 2))
        buf_fmt(out, "%s is compressed: gunzip it first", file);
    else if (begins(s, n, "\xff\xfe", 2) || begins(s, n, "\xfe\xff", 2) || begins(s, n, "{\0", 2) ||
             begins(s, n, "\0{", 2))
        buf_fmt(out, "%s is UTF-16: convert it first, e.g. iconv -f UTF-16 -t UTF-8", file);
    return out->n != 0;
}

int text_advice(buf *out, const char *file, const char *s, size_t n)
{
    if (!text_magic(out, file, s, n) && !text_valid(s, n))
        buf_fmt(out, "%s is not UTF-8: convert it first, e.g. iconv -f GBK -t UTF-8", file);
    return out->n != 0;
}

static int in_ranges(const range *r, size_t count, uint32_t c)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c > r[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && c >= r[low].first;
}

int text_char_width(uint32_t c)
{
    if (c < 0x300)
        return 1;
    if (in_ranges(zero, sizeof(zero) / sizeof(zero[0]), c))
        return 0;
    return in_ranges(wide, sizeof(wide) / sizeof(wide[0]), c) ? 2 : 1;
}

size_t text_width(const char *s, size_t n)
{
    size_t width = 0;
    uint32_t c;

    for (size_t i = 0; i < n;) {
        i += text_next(s + i, n - i, &c);
        width += (size_t)text_char_width(c == UINT32_MAX ? '?' : c);
    }
    return width;
}

/* Steers a terminal, breaks a line, or turns the direction of what follows. */
static int is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == UINT32_MAX;
}

static void escape(buf *out, const char *s, uint32_t c)
{
    if (c == '\n')
        buf_str(out, "\\n");
    else if (c == '\t')
        buf_str(out, "\\t");
    else if (c == '\r')
        buf_str(out, "\\r");
    else if (c == UINT32_MAX || c < 0x80)
        buf_fmt(out, "\\x%02x", (unsigned char)*s);
    else
        buf_fmt(out, "\\u{%x}", (unsigned)c);
}

void text_clean(buf *out, const char *s, size_t n)
{
    uint32_t c;

    for (size_t i = 0; i < n;) {
        size_t length = text_next(s + i, n - i, &c);
        if (is_control(c))
            escape(out, s + i, c);
        else
            buf_add(out, s + i, length);
        i += length;
    }
}

void text_terminal(buf *out, const char *s, size_t n, int json)
{
    uint32_t c;

    for (size_t i = 0; i < n;) {
        size_t length = text_next(s + i, n - i, &c);
        if (c == '\n' || (c == '\t' && !json) || !is_control(c))
            buf_add(out, s + i, length);
        else if (json && c != UINT32_MAX) /* within a string: the same value, written otherwise */
            buf_fmt(out, "\\u%04x", (unsigned)c);
        else
            escape(out, s + i, c);
        i += length;
    }
}

size_t text_cut(buf *out, const char *s, size_t n, size_t width)
{
    buf clean = {0};
    size_t used = 0, end = 0, whole;
    uint32_t c;

    text_clean(&clean, s, n);
    whole = text_width(clean.p ? clean.p : "", clean.n);
    if (whole <= width) {
        buf_add(out, clean.p ? clean.p : "", clean.n);
        buf_free(&clean);
        return whole;
    }
    while (end < clean.n) {
        size_t length = text_next(clean.p + end, clean.n - end, &c);
        size_t columns = (size_t)text_char_width(c);
        if (used + columns + 1 > width)
            break;
        used += columns;
        end += length;
    }
    buf_add(out, clean.p, end);
    if (width) {
        buf_str(out, "…");
        used++;
    }
    buf_free(&clean);
    return used;
}

void text_pad(buf *out, size_t columns)
{
    while (columns--)
        buf_char(out, ' ');
}
