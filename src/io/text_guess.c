/* SPDX-License-Identifier: MIT
 * Which encoding a text is in.  A mark decides; then zero bytes (UTF-16); then UTF-8, which hardly
 * anything else happens to be; then whether bytes above ASCII come in pairs that are frequent
 * Chinese characters (GB18030, Big5) or stand alone among Latin letters (Windows-1252).
 */
#include "io/text_part.h"

#include <string.h>

static void say(crm__text_guess *g, const char *name, unsigned found, unsigned percent, size_t bom)
{
    memset(g, 0, sizeof *g);
    memcpy(g->name, name, strlen(name) + 1);
    g->found = found;
    g->percent = percent;
    g->bom = bom;
}

static int by_mark(const uint8_t *p, size_t n, crm__text_guess *g)
{
    static const struct {
        const char *name;
        uint8_t bytes[4], n;
    } MARKS[] = {{"UTF-8", {0xef, 0xbb, 0xbf}, 3},
                 {"UTF-16LE", {0xff, 0xfe}, 2},
                 {"UTF-16BE", {0xfe, 0xff}, 2},
                 {"GB18030", {0x84, 0x31, 0x95, 0x33}, 4}};

    for (size_t i = 0; i < sizeof MARKS / sizeof *MARKS; i++) {
        if (n >= MARKS[i].n && memcmp(p, MARKS[i].bytes, MARKS[i].n) == 0) {
            say(g, MARKS[i].name, CRM__TEXT_BOM, 100, MARKS[i].n);
            return 1;
        }
    }
    return 0;
}

static int is_sign(uint8_t b)
{
    return b == '\n' || b == '\r' || b == ',' || b == ';' || b == '\t';
}

/* A table has separators, digits and ends of lines whatever its language: in UTF-16 they are bytes
 * below 0x7f beside a zero, all on the same side.  Around a stray NUL of other text stand signs
 * without zeros. */
static int by_zeros(const uint8_t *p, size_t n, crm__text_guess *g)
{
    size_t units = n / 2, ascii[2] = {0, 0}, wrong[2] = {0, 0}, signs[2] = {0, 0}, all = 0;
    int big;

    for (size_t i = 0; i < units; i++) {
        uint8_t a = p[2 * i], b = p[2 * i + 1];
        ascii[0] += b == 0 && a >= 9 && a < 0x7f;
        ascii[1] += a == 0 && b >= 9 && b < 0x7f;
        signs[0] += b == 0 && is_sign(a);
        signs[1] += a == 0 && is_sign(b);
        all += (size_t)is_sign(a) + (size_t)is_sign(b);
        wrong[0] += a == 0 && b;
        wrong[1] += b == 0 && a;
    }
    /* Above U+00FF a low byte may be zero, or a sign, too. */
    big = ascii[1] > ascii[0];
    if (!ascii[big] || ascii[big] * 50 < units || wrong[big] * 10 > ascii[big] ||
        2 * signs[big] < all)
        return 0;
    say(g, big ? "UTF-16BE" : "UTF-16LE", CRM__TEXT_ZEROS, ascii[big] * 5 >= units ? 99 : 90, 0);
    return 1;
}

static int by_utf8(const uint8_t *p, size_t n, int whole, crm__text_guess *g)
{
    size_t good = 0, faulty = 0, bad;

    for (size_t i = 0; i < n;) {
        size_t len = 1;
        if (p[i] >= 0x80) {
            len = crm__decode_sequence(p + i, n - i, &bad);
            if (!len && !bad && !whole)
                break;
            good += len != 0;
            faulty += len == 0;
            len = len ? len : bad ? bad : 1;
        }
        i += len;
    }
    if (!good && !faulty)
        say(g, "UTF-8", CRM__TEXT_ASCII, 100, 0);
    else if (good >= 20 * faulty)
        say(g, "UTF-8", CRM__TEXT_UTF8, faulty ? 90 : good > 2 ? 100 : 95, 0);
    else
        return 0;
    return 1;
}

typedef struct pairs {
    size_t common; /* GB 2312: signs, and characters by frequency and radical */
    size_t rare;   /* other valid double and quadruple bytes */
    size_t faulty;
} pairs;

static size_t gb_sequence(const uint8_t *p, size_t n, pairs *c)
{
    if (n < 2)
        return n;
    if (p[0] >= 0x81 && p[0] <= 0xfe) {
        if (p[1] >= 0x40 && p[1] <= 0xfe && p[1] != 0x7f) {
            int common =
                p[1] >= 0xa1 && ((p[0] >= 0xb0 && p[0] <= 0xf7) || (p[0] >= 0xa1 && p[0] <= 0xa3));
            c->common += (size_t)common;
            c->rare += !common;
            return 2;
        }
        if (p[1] >= 0x30 && p[1] <= 0x39) {
            if (n < 4)
                return n;
            if (p[2] >= 0x81 && p[2] <= 0xfe && p[3] >= 0x30 && p[3] <= 0x39) {
                c->rare++;
                return 4;
            }
        }
    }
    c->faulty++;
    return 1;
}

/* Big5 has its frequent characters, by strokes, behind leads from A4 to C6, signs before them; about
 * half of the second bytes are above ASCII.  In Western text they are not, behind such leads. */
static int is_big5(const uint8_t *p, size_t n, size_t *doubles)
{
    enum { LEAST = 4 };
    size_t all = 0, frequent = 0, high = 0, faulty = 0;

    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0x80)
            continue;
        if (i + 1 == n)
            break;
        all++;
        if (p[i] < 0xa1 || p[i] > 0xf9 || p[i + 1] < 0x40 || p[i + 1] == 0xff ||
            (p[i + 1] > 0x7e && p[i + 1] < 0xa1)) {
            faulty++;
            continue;
        }
        frequent += p[i] <= 0xc6;
        high += p[++i] >= 0xa1;
    }
    *doubles = all;
    return all >= LEAST && faulty * 50 <= all && frequent * 100 >= 85 * all &&
           high * 4 >= all && (all - high) * 7 >= all;
}

/* In Chinese nearly all doubles are of GB 2312 and none is faulty.  In Western text a letter above
 * ASCII is followed by an ASCII letter (a rare double), by a separator or a space (faulty), seldom
 * by its like. */
static void by_pairs(const uint8_t *p, size_t n, crm__text_guess *g)
{
    pairs c = {0, 0, 0};
    size_t all, sure, doubles;

    for (size_t i = 0; i < n;)
        i += p[i] < 0x80 ? 1 : gb_sequence(p + i, n - i, &c);
    all = c.common + c.rare + c.faulty;
    sure = all ? 100 * c.common / all : 0;
    if (c.faulty * 50 <= all && sure >= 70)
        say(g, "GB18030", CRM__TEXT_FREQUENCY, (unsigned)(all < 4 && sure > 80 ? 80 : sure), 0);
    else if (is_big5(p, n, &doubles))
        say(g, "Big5", CRM__TEXT_FREQUENCY, doubles < 20 ? 80 : 90, 0);
    else
        say(g, "Windows-1252", CRM__TEXT_FREQUENCY,
            (unsigned)(sure > 45             ? 55
                       : c.faulty || all > 8 ? 95 - sure
                                             : 75 - sure / 2),
            0);
}

void crm__text_guess_inside(const uint8_t *p, size_t n, int whole, crm__text_guess *g)
{
    if (!by_utf8(p, n, whole, g))
        by_pairs(p, n, g);
}

void crm__text_guess_of(const uint8_t *p, size_t n, int whole, crm__text_guess *g)
{
    if (n && (by_mark(p, n, g) || by_zeros(p, n, g)))
        return;
    crm__text_guess_inside(p, n, whole, g);
}
