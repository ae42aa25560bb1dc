/* SPDX-License-Identifier: MIT
 * The writer of cards.  Every byte of a line passes through one function, which folds it.
 */
#include "io/vcard_write.h"

#include <string.h>

enum { LINE = 75 };

/* A character of n bytes; what does not fit the line goes on in the next. */
static void put(crm__card_writer *w, const void *c, size_t n)
{
    if (w->line + n > LINE) {
        crm__buf_add(w->to, "\r\n ", 3);
        w->line = 1;
    }
    crm__buf_add(w->to, c, n);
    w->line += n;
}

static void put_str(crm__card_writer *w, const char *s)
{
    for (; *s; s++)
        put(w, s, 1);
}

static void end_line(crm__card_writer *w)
{
    crm__buf_add(w->to, "\r\n", 2);
    w->line = 0;
    w->parts = 0;
}

/* Length of the character at p, of n >= 1 bytes. */
static size_t length(const uint8_t *p, size_t n)
{
    size_t len = 1;

    while (len < n && len < 4 && (p[len] & 0xc0) == 0x80)
        len++;
    return p[0] < 0x80 ? 1 : len;
}

void crm__card_begin(crm__card_writer *w, crm__buf *to)
{
    w->to = to;
    w->line = w->parts = 0;
    crm__buf_add_str(to, "BEGIN:VCARD\r\nVERSION:4.0\r\n");
}

void crm__card_end(crm__card_writer *w)
{
    crm__buf_add_str(w->to, "END:VCARD\r\n");
}

void crm__card_name(crm__card_writer *w, const char *name)
{
    put_str(w, name);
}

static int needs_quotes(crm__slice v)
{
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] == ':' || v.p[i] == ';' || v.p[i] == ',' || v.p[i] <= ' ')
            return 1;
    }
    return v.n == 0;
}

void crm__card_param(crm__card_writer *w, const char *name, crm__slice v)
{
    int quotes = needs_quotes(v);

    put_str(w, ";");
    put_str(w, name);
    put_str(w, quotes ? "=\"" : "=");
    for (size_t i = 0, n; i < v.n; i += n) {
        uint8_t c = v.p[i];
        n = length(v.p + i, v.n - i);
        if (c == '"')
            put(w, "^'", 2);
        else if (c == '^')
            put(w, "^^", 2);
        else if (c == '\n')
            put(w, "^n", 2);
        else if ((c >= ' ' && c != 0x7f) || c == '\t')
            put(w, v.p + i, n);
    }
    if (quotes)
        put_str(w, "\"");
}

static void begin_value(crm__card_writer *w, char separator)
{
    char c = w->parts++ ? separator : ':';

    put(w, &c, 1);
}

void crm__card_value(crm__card_writer *w, char separator, crm__slice text)
{
    begin_value(w, separator);
    for (size_t i = 0, n; i < text.n; i += n) {
        uint8_t c = text.p[i], pair[2] = {'\\', c};
        n = length(text.p + i, text.n - i);
        if (c == '\n')
            put(w, "\\n", 2);
        else if (c == '\\' || c == ',' || c == ';')
            put(w, pair, 2);
        else if ((c >= ' ' && c != 0x7f) || c == '\t')
            put(w, text.p + i, n);
    }
}

void crm__card_raw(crm__card_writer *w, crm__slice value)
{
    begin_value(w, ',');
    for (size_t i = 0, n; i < value.n; i += n) {
        n = length(value.p + i, value.n - i);
        if (value.p[i] >= ' ' && value.p[i] != 0x7f)
            put(w, value.p + i, n);
    }
}

void crm__card_end_property(crm__card_writer *w)
{
    if (!w->parts) /* a property has a value, if an empty one */
        begin_value(w, ':');
    end_line(w);
}

void crm__card_put(crm__card_writer *w, const char *name, crm__slice text)
{
    crm__card_name(w, name);
    crm__card_value(w, ';', text);
    crm__card_end_property(w);
}

/* 6 bytes of the database's id, the version and 12 bits more of it, the variant and the number:
 * which stays below 2^62. */
size_t crm__card_uid(const uint8_t database[16], crm_id id, char to[CRM__CARD_UID])
{
    static const char HEX[] = "0123456789abcdef";
    uint8_t raw[16];
    size_t n = 9;

    memcpy(raw, database, 8);
    raw[6] = (uint8_t)(0x80 | (raw[6] & 0x0f));
    for (int i = 0; i < 8; i++)
        raw[15 - i] = (uint8_t)(id >> 8 * i);
    raw[8] = (uint8_t)(0x80 | (raw[8] & 0x3f));
    memcpy(to, "urn:uuid:", n);
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            to[n++] = '-';
        to[n++] = HEX[raw[i] >> 4];
        to[n++] = HEX[raw[i] & 15];
    }
    to[n] = 0;
    return n;
}

crm_id crm__card_uid_read(const uint8_t database[16], crm__slice text)
{
    char want[CRM__CARD_UID];
    crm_id id = 0;

    if (text.n != CRM__CARD_UID - 1)
        return 0;
    for (size_t i = 28; i < text.n; i++) { /* the last 16 digits */
        uint8_t c = text.p[i];
        unsigned d = c >= '0' && c <= '9'   ? c - (unsigned)'0'
                     : c >= 'a' && c <= 'f' ? c - 'a' + 10u
                     : c >= 'A' && c <= 'F' ? c - 'A' + 10u
                                            : 16;
        if (d < 16)
            id = id << 4 | d;
        else if (c != '-')
            return 0;
    }
    id &= UINT64_MAX >> 2;
    crm__card_uid(database, id, want);
    for (size_t i = 0; i < text.n; i++) { /* other programs write capitals */
        uint8_t c = text.p[i];
        if (c >= 'A' && c <= 'F' && i >= 9)
            c = (uint8_t)(c + 32);
        if (c != (uint8_t)want[i])
            return 0;
    }
    return id;
}
