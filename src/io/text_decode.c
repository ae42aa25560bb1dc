/* SPDX-License-Identifier: MIT
 * Decoders to UTF-8: UTF-8 itself, UTF-16 and Windows-1252 here, which every file of an office
 * program is in and which need no table of the system; all others by iconv.
 */
#include "base/bytes.h"
#include "base/utf8.h"
#include "io/text_part.h"

#include <errno.h>
#include <string.h>

/* ---- names ---- */

static const struct {
    const char *alias, *name;
    int kind;
} OWN[] = {
    {"UTF-8", "UTF-8", CRM__DECODE_UTF8},
    {"UTF8", "UTF-8", CRM__DECODE_UTF8},
    {"ASCII", "UTF-8", CRM__DECODE_UTF8},
    {"UTF-16LE", "UTF-16LE", CRM__DECODE_UTF16LE},
    {"UTF16LE", "UTF-16LE", CRM__DECODE_UTF16LE},
    {"UTF-16BE", "UTF-16BE", CRM__DECODE_UTF16BE},
    {"UTF16BE", "UTF-16BE", CRM__DECODE_UTF16BE},
    {"Windows-1252", "Windows-1252", CRM__DECODE_1252},
    {"CP1252", "Windows-1252", CRM__DECODE_1252},
    /* What Chinese programs call GBK or GB2312 has characters of the larger sets. */
    {"GB18030", "GB18030", CRM__DECODE_ICONV},
    {"GBK", "GB18030", CRM__DECODE_ICONV},
    {"GB2312", "GB18030", CRM__DECODE_ICONV},
    {"CP936", "GB18030", CRM__DECODE_ICONV},
};

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static int same_name(const char *a, const char *b)
{
    while (*a && upper(*a) == upper(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

/* No suffix (//TRANSLIT depends on the locale) and nothing that could be a path. */
static int is_plain_name(const char *s)
{
    for (; *s; s++) {
        char c = upper(*s);
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
              c == '.' || c == ':'))
            return 0;
    }
    return 1;
}

/* A table's own signs must be single bytes, which also a NUL is then. */
static int is_ascii_based(iconv_t cd)
{
    char text[] = "A,\";\t|z\n0", out[64], *from = text, *to = out;
    size_t left = sizeof text - 1, room = sizeof out;
    int same;

    same = iconv(cd, &from, &left, &to, &room) == 0 && left == 0 &&
           (size_t)(to - out) == sizeof text - 1 && memcmp(out, text, sizeof text - 1) == 0;
    iconv(cd, NULL, NULL, NULL, NULL);
    return same;
}

int crm__decoder_open(crm__decoder *d, char name[CRM__TEXT_NAME], crm_error *err)
{
    char shown[CRM_FIELD_SIZE];

    d->kind = CRM__DECODE_ICONV;
    for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++) {
        if (same_name(name, OWN[i].alias)) {
            memcpy(name, OWN[i].name, strlen(OWN[i].name) + 1);
            d->kind = OWN[i].kind;
            break;
        }
    }
    if (d->kind != CRM__DECODE_ICONV)
        return CRM_OK;
    crm__copy_name(shown, name, strlen(name));
    d->cd = name[0] && is_plain_name(name) ? iconv_open("UTF-8", name) : (iconv_t)-1;
    if (d->cd == (iconv_t)-1) {
        d->kind = CRM__DECODE_UTF8;
        return crm__fail_field(err, CRM_EINVAL, name,
                               "this system's iconv does not know the encoding \"%s\"", shown);
    }
    if (is_ascii_based(d->cd))
        return CRM_OK;
    crm__decoder_close(d);
    return crm__fail_field(err, CRM_EINVAL, name, "the encoding \"%s\" does not build on ASCII",
                           shown);
}

void crm__decoder_close(crm__decoder *d)
{
    if (d->kind == CRM__DECODE_ICONV)
        iconv_close(d->cd);
    d->kind = CRM__DECODE_UTF8;
}

/* ---- UTF-8 ---- */

size_t crm__decode_sequence(const uint8_t *p, size_t n, size_t *bad)
{
    uint8_t c = p[0], low = 0x80, high = 0xbf;
    size_t len = c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

    *bad = 0;
    if (!len) {
        *bad = 1;
        return 0;
    }
    low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : low;
    high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : high;
    for (size_t i = 1; i < len; i++) {
        if (i == n)
            return 0;
        if (p[i] < low || p[i] > high) {
            *bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return len;
}

static crm__decoded decode_utf8(const uint8_t *p, size_t n, int last, uint8_t *to, size_t cap)
{
    crm__decoded d = {0, 0, 0};
    size_t part = n < cap ? n : cap;
    const uint8_t *nul = part ? memchr(p, 0, part) : NULL;
    size_t end = nul ? (size_t)(nul - p) : part;

    d.used = d.made = end ? crm__utf8_valid((const char *)p, end) : 0;
    if (d.used)
        memcpy(to, p, d.used);
    if (d.used < end && !crm__decode_sequence(p + d.used, n - d.used, &d.bad) && !d.bad && last)
        d.bad = n - d.used;
    return d;
}

/* ---- UTF-16, Windows-1252 ---- */

static unsigned unit_at(const uint8_t *p, int big)
{
    return big ? crm__get_be16(p) : crm__get_le16(p);
}

static crm__decoded decode_utf16(const uint8_t *p, size_t n, int last, int big, uint8_t *to,
                                 size_t cap)
{
    crm__decoded d = {0, 0, 0};

    while (n - d.used >= 2 && cap - d.made >= 4) {
        uint32_t c = unit_at(p + d.used, big);
        size_t len = 2;
        if (c == 0)
            return d;
        if (c >= 0xd800 && c < 0xe000) {
            uint32_t second;
            if (c < 0xdc00 && n - d.used < 4)
                break;
            second = c < 0xdc00 ? unit_at(p + d.used + 2, big) : 0;
            if (second < 0xdc00 || second > 0xdfff) {
                d.bad = 2;
                return d;
            }
            c = 0x10000 + ((c - 0xd800) << 10 | (second - 0xdc00));
            len = 4;
        }
        if (c < 0x80)
            to[d.made++] = (uint8_t)c;
        else
            d.made += crm__utf8_put(c, (char *)to + d.made);
        d.used += len;
    }
    if (last && cap - d.made >= 4)
        d.bad = n - d.used;
    return d;
}

/* 0x80 to 0x9f; 0: no character. */
static const uint16_t HIGH_1252[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

static crm__decoded decode_1252(const uint8_t *p, size_t n, uint8_t *to, size_t cap)
{
    crm__decoded d = {0, 0, 0};

    while (d.used < n && cap - d.made >= 4) {
        uint32_t c = p[d.used];
        if (c == 0)
            return d;
        if (c < 0x80) {
            to[d.made++] = (uint8_t)c;
        } else {
            if (c < 0xa0)
                c = HIGH_1252[c - 0x80];
            if (!c) {
                d.bad = 1;
                return d;
            }
            d.made += crm__utf8_put(c, (char *)to + d.made);
        }
        d.used++;
    }
    return d;
}

/* ---- all others ---- */

static crm__decoded decode_iconv(iconv_t cd, const uint8_t *p, size_t n, int last, uint8_t *to,
                                 size_t cap)
{
    crm__decoded d = {0, 0, 0};
    char *from = (char *)(uintptr_t)p, *out = (char *)to;
    size_t end = n, left, room = cap, rc;
    const uint8_t *nul;

    if (n > 2 * cap + 16) { /* no more than there is room for */
        end = 2 * cap + 16;
        last = 0;
    }
    nul = end ? memchr(p, 0, end) : NULL;
    end = left = nul ? (size_t)(nul - p) : end;
    rc = left ? iconv(cd, &from, &left, &out, &room) : 0;
    if (rc == (size_t)-1 && errno == EILSEQ)
        d.bad = 1;
    else if (rc == (size_t)-1 && errno == EINVAL && (last || nul))
        d.bad = left;
    else if (left == 0 && (last || nul)) /* a character kept back, a shift undone */
        iconv(cd, NULL, NULL, &out, &room);
    d.used = end - left;
    d.made = cap - room;
    return d;
}

crm__decoded crm__decode(const crm__decoder *d, const uint8_t *p, size_t n, int last, uint8_t *to,
                         size_t cap)
{
    switch (d->kind) {
    case CRM__DECODE_UTF16LE:
    case CRM__DECODE_UTF16BE:
        return decode_utf16(p, n, last, d->kind == CRM__DECODE_UTF16BE, to, cap);
    case CRM__DECODE_1252:
        return decode_1252(p, n, to, cap);
    case CRM__DECODE_ICONV:
        return decode_iconv(d->cd, p, n, last, to, cap);
    default:
        return decode_utf8(p, n, last, to, cap);
    }
}

size_t crm__decode_at_nul(const crm__decoder *d, const uint8_t *p, size_t n)
{
    if (d->kind == CRM__DECODE_UTF16LE || d->kind == CRM__DECODE_UTF16BE)
        return n >= 2 && p[0] == 0 && p[1] == 0 ? 2 : 0;
    return n >= 1 && p[0] == 0;
}

int crm__decode_is_binary(const crm__decoder *d, const uint8_t *p, size_t n)
{
    size_t places = 0, others = 0;

    if (d->kind == CRM__DECODE_UTF16LE || d->kind == CRM__DECODE_UTF16BE)
        return 0;
    for (size_t i = 0; i < n; i++) {
        places += !p[i] && (!i || p[i - 1]);
        others += p[i] != 0;
    }
    return places && (!others || (places >= 8 && places > others / 16));
}
