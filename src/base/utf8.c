/* SPDX-License-Identifier: MIT
 * UTF-8: check, walk, fold, trim, nearest word.  The only file that sees utf8proc, of which it uses
 * the per-character tables and composition; walking, ordering and white space are done here, so
 * that no text needs the heap and none costs more than linear time.
 */
#include "base/utf8.h"

#include <crm/codes.h>
#include <string.h>
#include <utf8proc.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* ---- check and walk ---- */

/* Length of the valid sequence at p that begins with a byte above 0x7f, 0 when faulty. */
static size_t sequence(const uint8_t *p, size_t left)
{
    uint8_t c = p[0];

    if (c < 0xc2 || left < 2)
        return 0;
    if (c < 0xe0)
        return (p[1] & 0xc0) == 0x80 ? 2 : 0;
    if (c < 0xf0) {
        uint8_t low = c == 0xe0 ? 0xa0 : 0x80, high = c == 0xed ? 0x9f : 0xbf;
        return left >= 3 && p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 ? 3 : 0;
    }
    if (c < 0xf5) {
        uint8_t low = c == 0xf0 ? 0x90 : 0x80, high = c == 0xf4 ? 0x8f : 0xbf;
        return left >= 4 && p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 &&
                       (p[3] & 0xc0) == 0x80
                   ? 4
                   : 0;
    }
    return 0;
}

size_t crm__utf8_valid(const char *s, size_t n)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t i = 0;

    while (i < n) {
        size_t len;
        while (n - i >= 8) {
            uint64_t w;
            memcpy(&w, p + i, 8);
            if (w & HIGH_BITS)
                break;
            i += 8;
        }
        while (i < n && p[i] < 0x80)
            i++;
        /* Letters of one script come in runs: stay here until the next ASCII byte. */
        while (i < n && p[i] >= 0x80) {
            if (n - i >= 3 && p[i] > 0xe0 && p[i] < 0xed && (p[i + 1] & 0xc0) == 0x80 &&
                (p[i + 2] & 0xc0) == 0x80) {
                i += 3;
                continue;
            }
            len = sequence(p + i, n - i);
            if (!len)
                return i;
            i += len;
        }
    }
    return n;
}

uint32_t crm__utf8_next(const char **p, const char *end)
{
    const uint8_t *s = (const uint8_t *)*p;
    size_t left = (size_t)(end - *p);
    uint32_t c = s[0];

    if (c < 0x80 || left < 2) {
        *p += 1;
        return c;
    }
    if (c < 0xe0 || left < 3) {
        *p += 2;
        return (c & 0x1f) << 6 | (s[1] & 0x3fu);
    }
    if (c < 0xf0 || left < 4) {
        *p += 3;
        return (c & 0x0f) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    }
    *p += 4;
    return (c & 0x07) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
}

size_t crm__utf8_count(const char *s, size_t n)
{
    size_t count = 0, i = 0;

    for (; n - i >= 8; i += 8) {
        uint64_t w;
        memcpy(&w, s + i, 8);
        /* A continuation byte has bit 7 set and bit 6 clear. */
        w = w & (~w << 1) & HIGH_BITS;
        count += 8 - (size_t)__builtin_popcountll(w);
    }
    for (; i < n; i++)
        count += ((uint8_t)s[i] & 0xc0) != 0x80;
    return count;
}

size_t crm__utf8_put(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* ---- classes of characters ---- */

int crm__utf8_is_space(uint32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
}

/* What a fold leaves out: controls, and Default_Ignorable_Code_Point of Unicode, which covers code
 * points not yet assigned, so that a newer table does not change what is stored. */
static int is_dropped(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } range[] = {
        {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},   {0x61c, 0x61c},
        {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f}, {0x200b, 0x200f},
        {0x202a, 0x202e},   {0x2060, 0x206f},   {0x3164, 0x3164}, {0xfe00, 0xfe0f},
        {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfff8}, {0x1bca0, 0x1bca3},
        {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };

    if (c < 0x20)
        return 1;
    for (size_t i = 0; i < sizeof range / sizeof range[0] && c >= range[i].from; i++) {
        if (c <= range[i].to)
            return 1;
    }
    return 0;
}

static unsigned combining_class(uint32_t c)
{
    if (c < 0x300)
        return 0;
    return (unsigned)utf8proc_get_property((utf8proc_int32_t)c)->combining_class;
}

/* 1 when c cannot compose with, or be ordered before, what stands in front of it.  The second half
 * of every composition is a mark, except vowel and final jamo and the vowels of Kirat Rai. */
static int starts_segment(uint32_t c)
{
    utf8proc_category_t cat;

    if (c < 0x300)
        return 1;
    if ((c >= 0x1160 && c <= 0x11ff) || (c >= 0x16d63 && c <= 0x16d6a))
        return 0;
    cat = utf8proc_category((utf8proc_int32_t)c);
    return cat != UTF8PROC_CATEGORY_MN && cat != UTF8PROC_CATEGORY_MC &&
           cat != UTF8PROC_CATEGORY_ME && combining_class(c) == 0;
}

/* ---- fold ---- */

/* A segment is a starter with the marks behind it.  4,096 bytes of text give at most 4,096 marks
 * (two bytes each, each of two characters), so only longer texts can overflow it. */
enum { SEGMENT = 4096 + 32, YPOGEGRAMMENI = 0x345, IOTA = 0x3b9 };

typedef struct folder {
    char *out;
    size_t cap, n;
    int gap; /* white space seen since the last character written */
    int failed;
    size_t count;
    utf8proc_int32_t c[SEGMENT];
} folder;

static void write_bytes(folder *f, const char *s, size_t n)
{
    size_t gap = f->gap && f->n ? 1 : 0;

    f->gap = 0;
    if (f->failed || f->cap - f->n < n + gap) {
        f->failed = 1;
        return;
    }
    if (gap)
        f->out[f->n++] = ' ';
    memcpy(f->out + f->n, s, n);
    f->n += n;
}

/* Stable sort by combining class of a long run of marks. */
static __attribute__((noinline)) void order_long(utf8proc_int32_t *c, size_t n)
{
    utf8proc_int32_t copy[SEGMENT];
    size_t start[257] = {0};

    for (size_t i = 0; i < n; i++)
        start[combining_class((uint32_t)c[i]) + 1]++;
    for (size_t i = 1; i < 257; i++)
        start[i] += start[i - 1];
    memcpy(copy, c, n * sizeof *c);
    for (size_t i = 0; i < n; i++)
        c[start[combining_class((uint32_t)copy[i])]++] = copy[i];
}

static void order_short(utf8proc_int32_t *c, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        utf8proc_int32_t v = c[i];
        unsigned class = combining_class((uint32_t)v);
        size_t j = i;
        for (; j > 0 && combining_class((uint32_t)c[j - 1]) > class; j--)
            c[j] = c[j - 1];
        c[j] = v;
    }
}

/* Canonical order: each run of characters with a class other than 0 is sorted by it. */
static void order_marks(utf8proc_int32_t *c, size_t n)
{
    size_t i = 0;

    while (i < n) {
        size_t from = i;
        while (i < n && combining_class((uint32_t)c[i]) != 0)
            i++;
        if (i - from > 16)
            order_long(c + from, i - from);
        else if (i - from > 1)
            order_short(c + from, i - from);
        i += i == from;
    }
}

static void flush(folder *f)
{
    utf8proc_ssize_t n;

    if (!f->count)
        return;
    if (f->count > 1) {
        order_marks(f->c, f->count);
        for (size_t i = 0; i < f->count; i++) {
            if (f->c[i] == YPOGEGRAMMENI)
                f->c[i] = IOTA;
        }
        n = utf8proc_normalize_utf32(f->c, (utf8proc_ssize_t)f->count,
                                     UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    } else {
        if (f->c[0] == YPOGEGRAMMENI)
            f->c[0] = IOTA;
        n = 1;
    }
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        char t[4];
        write_bytes(f, t, crm__utf8_put((uint32_t)f->c[i], t));
    }
    f->count = 0;
}

/* Takes one character that is decomposed and case folded, or U+0345, which must be ordered as the
 * mark it is before it becomes a letter. */
static void push(folder *f, uint32_t c)
{
    if (crm__utf8_is_space(c) && c != 0xfeff) {
        flush(f);
        f->gap = 1;
        return;
    }
    if (is_dropped(c))
        return;
    if (f->count && starts_segment(c))
        flush(f);
    if (f->count == SEGMENT) {
        f->failed = 1;
        f->count = 0;
    }
    f->c[f->count++] = (utf8proc_int32_t)c;
}

/* The parts of c; c itself when the table has none. */
static size_t decompose(uint32_t c, utf8proc_int32_t *to, size_t cap, int options)
{
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, to, (utf8proc_ssize_t)cap,
                                                 (utf8proc_option_t)options, &boundary);

    if (n < 1 || (size_t)n > cap) {
        to[0] = (utf8proc_int32_t)c;
        return 1;
    }
    return (size_t)n;
}

static void push_folded(folder *f, uint32_t c)
{
    const int compat = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    utf8proc_int32_t part[32], low[32];
    size_t n, m;

    if (c >= 0xff01 && c <= 0xff5e) /* fullwidth ASCII */
        c -= 0xfee0;
    if (c >= 'A' && c <= 'Z')
        c += 'a' - 'A';
    if (c < 0x80 || crm__utf8_is_space(c) || is_dropped(c)) {
        push(f, c);
        return;
    }
    n = decompose(c, part, 32, compat);
    for (size_t i = 0; i < n; i++) {
        if (part[i] == YPOGEGRAMMENI) {
            push(f, YPOGEGRAMMENI);
            continue;
        }
        m = decompose((uint32_t)part[i], low, 32, compat | UTF8PROC_CASEFOLD);
        for (size_t j = 0; j < m; j++)
            push(f, (uint32_t)low[j]);
    }
}

/* Writes the character at *p when nothing behind it can join it: ASCII before ASCII that stays, and
 * ideographs, which have no parts and take no marks. */
static int fold_plain(folder *f, const char **p, const char *end)
{
    const uint8_t *s = (const uint8_t *)*p;
    char c;

    if (s[0] > ' ' && s[0] < 0x7f && (end - *p == 1 || (s[1] >= ' ' && s[1] < 0x7f))) {
        flush(f);
        c = (char)(s[0] >= 'A' && s[0] <= 'Z' ? s[0] + 32 : s[0]);
        write_bytes(f, &c, 1);
        *p += 1;
        return 1;
    }
    if (s[0] >= 0xe4 && s[0] <= 0xe9 && (s[0] > 0xe4 || s[1] >= 0xb8)) { /* U+4E00..9FFF */
        flush(f);
        write_bytes(f, *p, 3);
        *p += 3;
        return 1;
    }
    return 0;
}

static int fold_ascii(const char *s, size_t n, char *out, size_t cap, size_t *len)
{
    size_t k = 0;
    int gap = 0;

    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)s[i];
        if (c <= ' ' || c == 0x7f) {
            gap |= crm__utf8_is_space(c);
            continue;
        }
        if (cap - k < 1u + (gap && k))
            return CRM_EVALUE;
        if (gap && k)
            out[k++] = ' ';
        gap = 0;
        out[k++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    *len = k;
    return CRM_OK;
}

static int fold_any(const char *s, size_t n, char *out, size_t cap, size_t *len)
{
    const char *p = s, *end = s + n;
    folder f;

    f.out = out;
    f.cap = cap;
    f.n = f.count = 0;
    f.gap = f.failed = 0;
    while (p < end && !f.failed) {
        if (!fold_plain(&f, &p, end))
            push_folded(&f, crm__utf8_next(&p, end));
    }
    flush(&f);
    if (f.failed)
        return CRM_EVALUE;
    *len = f.n;
    return CRM_OK;
}

static int is_ascii(const char *s, size_t n)
{
    uint64_t all = 0, w = 0;
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        memcpy(&w, s + i, 8);
        all |= w;
    }
    for (; i < n; i++)
        all |= (uint8_t)s[i];
    return (all & HIGH_BITS) == 0;
}

int crm__utf8_fold(const char *s, size_t n, char *out, size_t cap, size_t *len)
{
    *len = 0;
    if (is_ascii(s, n))
        return fold_ascii(s, n, out, cap, len);
    if (crm__utf8_valid(s, n) != n)
        return CRM_EINVAL;
    return fold_any(s, n, out, cap, len);
}

/* ---- trim, controls ---- */

int crm__utf8_trim(const char **s, size_t *n)
{
    const char *p = *s, *end, *q;
    size_t before = *n;

    if (before == 0)
        return 0;
    end = p + before;
    while (p < end) {
        q = p;
        if (!crm__utf8_is_space(crm__utf8_next(&q, end)))
            break;
        p = q;
    }
    while (end > p) {
        const char *last = end - 1, *at;
        while (last > p && ((uint8_t)*last & 0xc0) == 0x80)
            last--;
        at = last;
        if (!crm__utf8_is_space(crm__utf8_next(&at, end)))
            break;
        end = last;
    }
    *s = p;
    *n = (size_t)(end - p);
    return *n != before;
}

int crm__utf8_has_control(const char *s, size_t n)
{
    const uint8_t *p = (const uint8_t *)s;

    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0x20 ? p[i] != '\n' && p[i] != '\t' : p[i] == 0x7f)
            return 1;
        if (p[i] == 0xc2 && i + 1 < n && p[i + 1] < 0xa0)
            return 1;
    }
    return 0;
}

/* ---- nearest word ---- */

enum { WORD = 64 };

/* Folded code points of s; SIZE_MAX when not UTF-8 or above WORD of them. */
static size_t fold_word(const char *s, size_t n, uint32_t to[WORD])
{
    char t[4 * WORD];
    const char *p = t;
    size_t len, count = 0;

    if (n > 16 * WORD || crm__utf8_fold(s, n, t, sizeof t, &len) != CRM_OK)
        return SIZE_MAX;
    while (p < t + len) {
        if (count == WORD)
            return SIZE_MAX;
        to[count++] = crm__utf8_next(&p, t + len);
    }
    return count;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours. */
static size_t distance(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
    size_t row[3][WORD + 1], *before = row[0], *last = row[1], *now = row[2];

    for (size_t j = 0; j <= m; j++)
        last[j] = j;
    memset(before, 0, sizeof row[0]);
    for (size_t i = 1; i <= n; i++) {
        size_t *t = before;
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
        before = last;
        last = now;
        now = t;
    }
    return last[m];
}

size_t crm__near(const char *word, size_t n, const char *const *list, size_t count, size_t *best)
{
    uint32_t a[WORD], b[WORD];
    size_t an = fold_word(word, n, a), limit, found = SIZE_MAX;

    if (an == 0 || an == SIZE_MAX)
        return SIZE_MAX;
    limit = an / 3 > 1 ? an / 3 : 1;
    for (size_t i = 0; i < count; i++) {
        size_t bn = list[i] ? fold_word(list[i], strlen(list[i]), b) : SIZE_MAX, d;
        if (bn == SIZE_MAX || bn > an + limit || an > bn + limit)
            continue;
        d = distance(a, an, b, bn);
        if (d <= limit && d < found && d < an && d < bn) { /* something is alike */
            found = d;
            *best = i;
        }
    }
    return found;
}

const char *crm__nearer(const char *word, size_t n, const char *const *list, size_t count,
                        size_t *away)
{
    size_t best, found = crm__near(word, n, list, count, &best);

    if (found >= *away)
        return NULL;
    *away = found;
    return list[best];
}
