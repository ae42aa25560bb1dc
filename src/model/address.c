/* SPDX-License-Identifier: MIT
 * E-mail and web addresses.  Both accept what input methods and copying leave behind: fullwidth
 * letters and signs, ideographic full stops, invisible direction marks.
 */
#include "model/address.h"

#include "base/utf8.h"

#include <string.h>

enum { DROP = 0 };

/* Marks that are pasted along with an address and never part of one. */
static int invisible(uint32_t c)
{
    return c == 0xad || c == 0x200b || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x2064) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static uint32_t narrow(uint32_t c)
{
    if (c < 0x80)
        return c;
    if (c >= 0xff01 && c <= 0xff5e)
        return c - 0xff01 + 0x21;
    if (c == 0x3002 || c == 0xff61)
        return '.';
    return invisible(c) ? DROP : c;
}

/* Copies s in narrow form; the length, or SIZE_MAX when it does not fit cap.  *ascii tells whether
 * the copy is. */
static size_t copy_narrow(const char *s, size_t n, char *out, size_t cap, int *ascii)
{
    const char *end = s + n;
    size_t len = 0;

    *ascii = 1;
    while (s < end) {
        char one[4];
        size_t k;
        uint32_t c;
        if ((unsigned char)*s < 0x80) {
            if (len == cap)
                return SIZE_MAX;
            out[len++] = *s++;
            continue;
        }
        c = narrow(crm__utf8_next(&s, end));
        if (c == DROP)
            continue;
        *ascii &= c < 0x80;
        k = crm__utf8_put(c, one);
        if (len + k > cap)
            return SIZE_MAX;
        memcpy(out + len, one, k);
        len += k;
    }
    return len;
}

static int has_space(const char *s, size_t n)
{
    const char *end = s + n;

    while (s < end) {
        uint32_t c = crm__utf8_next(&s, end);
        if (c <= 0x20 || c == 0x7f || (c >= 0x80 && (c < 0xa0 || crm__utf8_is_space(c))))
            return 1;
    }
    return 0;
}

/* ---- hosts ---- */

static int digits_only(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return 0;
    }
    return n > 0;
}

static int label_fine(const char *p, size_t n)
{
    if (!n || n > 63 || p[0] == '-' || p[n - 1] == '-')
        return 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
              c >= 0x80))
            return 0;
    }
    return 1;
}

static int is_ipv4(const char *p, size_t n)
{
    int parts = 0;

    for (size_t i = 0; i < n; parts++) {
        unsigned v = 0, k = 0;
        while (i < n && p[i] != '.' && k < 4) {
            v = v * 10 + (unsigned)(p[i] - '0');
            i++;
            k++;
        }
        if (!k || k > 3 || v > 255 || (i < n && p[i] != '.'))
            return 0;
        i += i < n;
    }
    return parts == 4 && p[n - 1] != '.';
}

/* Lower-cases ASCII in place and checks; the number of labels, 0 when it is no host. */
static size_t host_labels(char *p, size_t n, int ascii)
{
    size_t labels = 0, start = 0, last = 0;

    if (n > 253)
        return 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + 32);
        if (i < n && p[i] != '.')
            continue;
        if (!label_fine(p + start, i - start))
            return 0;
        labels++;
        last = start;
        start = i + 1;
    }
    if (digits_only(p + last, n - last)) {
        for (size_t i = 0; i < n; i++) {
            if (p[i] != '.' && (p[i] < '0' || p[i] > '9'))
                return 0;
        }
        return is_ipv4(p, n) ? labels : 0;
    }
    return !ascii && has_space(p, n) ? 0 : labels;
}

/* ---- e-mail ---- */

/* Characters of an atom, of 32..127: letters, digits, !#$%&'*+-/=?^_`{|}~ */
static const uint32_t ATOM[3] = {0xa3ffacfa, 0xc7fffffe, 0x7fffffff};

static int local_fine(const char *p, size_t n, int ascii)
{
    if (!n || n > 64 || p[0] == '.' || p[n - 1] == '.')
        return 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c >= 0x80 || (c > 0x20 && (ATOM[(c >> 5) - 1] >> (c & 31) & 1)))
            continue;
        if (c != '.' || p[i + 1] == '.')
            return 0;
    }
    return ascii || !has_space(p, n);
}

size_t crm__email_canon(const char *s, size_t n, char out[CRM__EMAIL_BYTES], const char **why)
{
    int ascii;
    size_t len = copy_narrow(s, n, out, CRM__EMAIL_BYTES, &ascii), local;
    const char *at;

    *why = "is longer than 254 bytes";
    if (len == SIZE_MAX)
        return 0;
    *why = "has no \"@\"";
    at = len ? memchr(out, '@', len) : NULL;
    if (!at)
        return 0;
    local = (size_t)(at - out);
    *why = "has more than one \"@\"";
    if (memchr(at + 1, '@', len - local - 1))
        return 0;
    *why = "has a faulty part before the \"@\"";
    if (!local_fine(out, local, ascii))
        return 0;
    *why = "has a faulty domain after the \"@\"";
    if (memchr(at, '_', len - local) || digits_only(out + len - 1, 1) ||
        host_labels(out + local + 1, len - local - 1, ascii) < 2)
        return 0;
    return len;
}

/* ---- web ---- */

static int same_word(const char *s, size_t n, const char *word)
{
    if (strlen(word) != n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if ((s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i]) != word[i])
            return 0;
    }
    return 1;
}

/* Length of the scheme before "://", 0 when there is none. */
static size_t scheme_length(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
                     (i && ((s[i] >= '0' && s[i] <= '9') || memchr("+-.", s[i], 3)))))
        i++;
    return i && n - i >= 3 && !memcmp(s + i, "://", 3) ? i : 0;
}

static int port_fine(const char *p, size_t n)
{
    unsigned v = 0;

    if (!digits_only(p, n) || n > 5)
        return 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (unsigned)(p[i] - '0');
    return v >= 1 && v <= 65535;
}

/* [v6] in place; the length up to and with "]", 0 when it is none. */
static size_t ipv6_length(char *p, size_t n)
{
    char *close = memchr(p, ']', n);
    size_t len = close ? (size_t)(close - p) + 1 : 0, colons = 0;

    if (len < 4 || len > 47)
        return 0;
    for (size_t i = 1; i + 1 < len; i++) {
        if (p[i] >= 'A' && p[i] <= 'F')
            p[i] = (char)(p[i] + 32);
        colons += p[i] == ':';
        if (p[i] != ':' && p[i] != '.' && !(p[i] >= '0' && p[i] <= '9') &&
            !(p[i] >= 'a' && p[i] <= 'f'))
            return 0;
    }
    return colons >= 2 && colons <= 7 ? len : 0;
}

/* Host and port in place; NULL or what is wrong. */
static const char *authority_fault(char *p, size_t n, int bare, int ascii)
{
    const char *colon;
    size_t host;

    if (n && memchr(p, '@', n))
        return "has a user name before the host";
    if (n && p[0] == '[') {
        host = ipv6_length(p, n);
        if (!host || (host < n && p[host] != ':'))
            return "has a faulty host";
    } else {
        size_t labels;
        colon = n ? memchr(p, ':', n) : NULL;
        host = colon ? (size_t)(colon - p) : n;
        labels = host ? host_labels(p, host, ascii) : 0;
        if (labels < (bare ? 2 : 1))
            return "has a faulty host";
    }
    if (host < n && !port_fine(p + host + 1, n - host - 1))
        return "has a faulty port";
    return NULL;
}

static int rest_fine(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (c == '<' || c == '>' || c == '"' || c == '\\' || c == '`')
            return 0;
    }
    return !has_space(s, n);
}

size_t crm__url_canon(const char *s, size_t n, char out[CRM__URL_BYTES], const char **why)
{
    size_t scheme = scheme_length(s, n), at = 0, len, host = 0;
    int ascii;

    *why = "is not a web address: only http and https are";
    if (scheme && !same_word(s, scheme, "http") && !same_word(s, scheme, "https"))
        return 0;
    memcpy(out, "https://", 8);
    at = 8;
    if (scheme == 4) {
        memcpy(out, "http://", 7);
        at = 7;
    }
    if (scheme) {
        s += scheme + 3;
        n -= scheme + 3;
    }
    while (host < n && s[host] != '/' && s[host] != '?' && s[host] != '#')
        host++;
    len = copy_narrow(s, host, out + at, 253 + 6, &ascii);
    *why = "has a faulty host";
    if (len == SIZE_MAX)
        return 0;
    *why = authority_fault(out + at, len, !scheme, ascii);
    if (*why)
        return 0;
    at += len;
    *why = "is longer than 2,048 bytes";
    if (n - host > CRM__URL_BYTES - at)
        return 0;
    *why = "has a space or another character that must be written as %XX";
    if (!rest_fine(s + host, n - host))
        return 0;
    memcpy(out + at, s + host, n - host);
    return at + (n - host);
}
