/* SPDX-License-Identifier: MIT
 * JSON: strings out, and a walk over the documents the library hands out.  The walk trusts that
 * they are well-formed, yet never reads outside them.
 */
#include "tool.h"

#include <string.h>

void json_string(buf *out, const char *s, size_t n)
{
    uint32_t c;

    buf_char(out, '"');
    for (size_t i = 0; i < n;) {
        size_t length = text_next(s + i, n - i, &c);
        if (c == '"' || c == '\\') {
            buf_char(out, '\\');
            buf_char(out, (char)c);
        } else if (c == '\n') {
            buf_str(out, "\\n");
        } else if (c == '\t') {
            buf_str(out, "\\t");
        } else if (c < 0x20 || c == 0x7f) {
            buf_fmt(out, "\\u%04x", (unsigned)c);
        } else if (c == UINT32_MAX) {
            buf_str(out, "\xef\xbf\xbd"); /* U+FFFD: JSON has no way to carry such a byte */
        } else {
            buf_add(out, s + i, length);
        }
        i += length;
    }
    buf_char(out, '"');
}

void json_key(buf *out, const char *key)
{
    if (out->n && out->p[out->n - 1] != '{')
        buf_char(out, ',');
    json_string(out, key, strlen(key));
    buf_char(out, ':');
}

static size_t skip_space(slice doc, size_t i)
{
    while (i < doc.n && strchr(" \t\r\n", doc.p[i]) && doc.p[i])
        i++;
    return i;
}

/* Position behind the string that begins at i. */
static size_t skip_string(slice doc, size_t i)
{
    for (i++; i < doc.n && doc.p[i] != '"'; i++)
        if (doc.p[i] == '\\')
            i++;
    return i < doc.n ? i + 1 : doc.n;
}

/* Position behind the value that begins at i. */
static size_t skip_value(slice doc, size_t i)
{
    size_t depth = 0;

    while (i < doc.n) {
        char c = doc.p[i];
        if (c == '"') {
            i = skip_string(doc, i);
            if (!depth)
                return i;
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (!depth)
                return i;
            if (!--depth)
                return i + 1;
        } else if (!depth && (c == ',' || strchr(" \t\r\n", c))) {
            return i;
        }
        i++;
    }
    return i;
}

int json_next(slice doc, size_t *pos, slice *key, slice *value)
{
    size_t i = skip_space(doc, *pos ? *pos : 0);
    int object;

    key->p = value->p = doc.p;
    key->n = value->n = 0;
    if (!doc.n)
        return 0;
    object = doc.p[skip_space(doc, 0) < doc.n ? skip_space(doc, 0) : 0] == '{';
    if (!*pos)
        i++; /* the opening bracket */
    i = skip_space(doc, i);
    if (i < doc.n && doc.p[i] == ',')
        i = skip_space(doc, i + 1);
    if (i >= doc.n || doc.p[i] == '}' || doc.p[i] == ']')
        return 0;
    if (object) {
        size_t end = skip_string(doc, i);
        key->p = doc.p + i + 1;
        key->n = end - i >= 2 ? end - i - 2 : 0;
        i = skip_space(doc, end);
        if (i < doc.n && doc.p[i] == ':')
            i = skip_space(doc, i + 1);
    }
    value->p = doc.p + i;
    *pos = skip_value(doc, i);
    value->n = *pos - i;
    return 1;
}

slice json_member(slice doc, const char *key)
{
    slice name, value, none = {NULL, 0};
    size_t pos = 0;

    if (!doc.n || doc.p[skip_space(doc, 0) < doc.n ? skip_space(doc, 0) : 0] != '{')
        return none;
    while (json_next(doc, &pos, &name, &value))
        if (slice_is(name, key))
            return value;
    return none;
}

int slice_is(slice s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static unsigned hex4(const char *s)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        char c = s[i];
        value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value & 0xffff;
}

static void put_utf8(buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_char(out, (char)c);
    } else if (c < 0x800) {
        buf_char(out, (char)(0xc0 | c >> 6));
        buf_char(out, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_char(out, (char)(0xe0 | c >> 12));
        buf_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_char(out, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_char(out, (char)(0xf0 | c >> 18));
        buf_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
        buf_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_char(out, (char)(0x80 | (c & 0x3f)));
    }
}

/* Appends what the escape at s[0] == '\\' stands for; returns its length. */
static size_t unescape(buf *out, const char *s, size_t n)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *at = n > 1 && s[1] ? strchr(from, s[1]) : NULL;
    uint32_t c;

    if (at) {
        buf_char(out, to[at - from]);
        return 2;
    }
    if (n < 6 || s[1] != 'u') {
        if (n > 1)
            buf_char(out, s[1]);
        return n > 1 ? 2 : n;
    }
    c = hex4(s + 2);
    if (c >= 0xd800 && c < 0xdc00 && n >= 12 && s[6] == '\\' && s[7] == 'u') {
        put_utf8(out, 0x10000 + ((c - 0xd800) << 10) + (hex4(s + 8) & 0x3ff));
        return 12;
    }
    put_utf8(out, c);
    return 6;
}

void json_text(buf *out, slice value)
{
    size_t i = 1;

    if (value.n < 2 || value.p[0] != '"') {
        buf_add(out, value.p, value.n);
        return;
    }
    while (i + 1 < value.n) {
        if (value.p[i] == '\\')
            i += unescape(out, value.p + i, value.n - 1 - i);
        else
            buf_char(out, value.p[i++]);
    }
}
