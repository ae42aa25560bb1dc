/* SPDX-License-Identifier: MIT
 * Phone numbers to E.164.  First the text becomes at most 40 digits, a "+" and the place of a
 * "(0)"; then the digits are resolved against the numbering plans of phone_table.c, with the order
 * of attempts of libphonenumber, so that both read the same number out of the same digits.
 */
#include "base/phone.h"

#include "base/phone_table.h"
#include "base/utf8.h"

#include <crm/codes.h>

#include <string.h>

enum {
    INPUT_MAX = 250,
    DIGITS_MAX = 40,              /* international prefix 7, code 3, national prefix 6, number 17 */
    NUMBER_ROOM = DIGITS_MAX + 8, /* a kept group may get up to 5 digits in front */
    E164_MAX = 15,
    PAUSE_DIGITS_MAX = 7, /* more digits after a comma are another number, not an extension */
};

/* Kinds of characters; 0..9 are the digits. */
enum { SEPARATOR = 10, PLUS, OPEN, CLOSE, TILDE, OTHER };

static const char why_empty[] = "empty";
static const char why_character[] = "unexpected character";
static const char why_extension[] = "extension is not part of a phone number";
static const char why_short[] = "too short";
static const char why_long[] = "too long";
static const char why_code[] = "unknown country code";
static const char why_region[] = "no country code and no default region";
static const char why_country[] = "not a number of this country";

struct number {
    char d[DIGITS_MAX];
    unsigned n;
    unsigned lone; /* where the 0 of a "(0)" stands in d; 0 when there is none after other digits */
    int plus;
    size_t first; /* offset in the text of the first digit or "+" */
};

/* ---- text to digits ---- */

static unsigned kind_of_ascii(uint32_t c)
{
    if (c - '0' < 10)
        return c - '0';
    switch (c) {
    case ' ':
    case '\t':
    case '\n':
    case '\r':
    case '-':
    case '.':
    case '/':
    case '[':
    case ']':
        return SEPARATOR;
    case '+':
        return PLUS;
    case '(':
        return OPEN;
    case ')':
        return CLOSE;
    case '~':
        return TILDE;
    default:
        return OTHER;
    }
}

/* Full-width forms as ASCII, the capitals of both and of Russian as small letters. */
static uint32_t fold(uint32_t c)
{
    if (c >= 0xff01 && c <= 0xff5e)
        c -= 0xff01 - '!';
    if ((c >= 'A' && c <= 'Z') || (c >= 0x410 && c <= 0x42f))
        c += 0x20;
    return c;
}

static unsigned kind_of(uint32_t c)
{
    static const uint16_t zero[] = {0x660, 0x6f0, 0x966, 0x9e6, 0xe50}; /* of other scripts */

    c = fold(c);
    if (c < 0x80)
        return kind_of_ascii(c);
    for (size_t i = 0; i < sizeof zero / sizeof zero[0]; i++)
        if (c - zero[i] < 10)
            return c - zero[i];
    if ((c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0x2043 || c == 0x30fc || c == 0xfe58 ||
        c == 0xfe63)
        return SEPARATOR; /* dashes, minus, the long vowel mark used as one */
    if (c == 0xb7 || c == 0x2022 || c == 0x2027 || c == 0x30fb || c == 0xff65)
        return SEPARATOR; /* middle dots */
    if (c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
        (c >= 0x2060 && c <= 0x2069))
        return SEPARATOR; /* invisible: soft hyphen, joiners, marks of direction */
    switch (c) {
    case 0xfe62:
        return PLUS;
    case 0xfe59:
        return OPEN;
    case 0xfe5a:
        return CLOSE;
    case 0x2053:
    case 0x223c:
    case 0x301c:
        return TILDE;
    default:
        return crm__utf8_is_space(c) ? SEPARATOR : OTHER;
    }
}

/* The character at s, stepping over it; 0 (which no number holds) when it is not UTF-8. */
static uint32_t next_char(const char **s, const char *end)
{
    size_t room = (size_t)(end - *s);

    if ((unsigned char)**s < 0x80)
        return (unsigned char)*(*s)++;
    if (crm__utf8_valid(*s, room > 4 ? 4 : room) == 0) {
        (*s)++;
        return 0;
    }
    return crm__utf8_next(s, end);
}

/* s moved past label (small letters) and what may stand between it and the digits, else NULL. */
static const char *skip_label(const char *s, const char *end, const char *label)
{
    const char *label_end = label + strlen(label);
    const char *before;
    uint32_t c;

    while (label < label_end) {
        if (s == end || fold(next_char(&s, end)) != crm__utf8_next(&label, label_end))
            return NULL;
    }
    while (s < end) {
        before = s;
        c = fold(next_char(&s, end));
        if (c != ':' && c != '#' && c != '=' && c != ',' && kind_of(c) != SEPARATOR)
            return before;
    }
    return s;
}

/* Whether an extension begins at s, after a number. */
static int is_extension(const char *s, const char *end)
{
    static const char *const labels[] = {
        "ext",   "extn", "extension", "extensión", "xt",    "xtn",   "x",  "int", "interno",
        "anexo", "dw",   "durchwahl", "poste",     "ramal", "доб",   "转", "轉",  "分机",
        "分機",  "内线", "内線",      "內線",      ";ext",  ";isub", "#",
    };
    static const char *const pauses[] = {",", ";", "p", "w"};
    const char *at;

    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        at = skip_label(s, end, labels[i]);
        /* A number followed by "#" is an extension before it: "650-253-0000 - 503#". */
        if (at && (at == end ? *s == '#' : kind_of(next_char(&at, end)) < 10))
            return 1;
    }
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        unsigned digits = 0, kind = SEPARATOR;

        at = skip_label(s, end, pauses[i]);
        while (at && at < end && kind <= SEPARATOR) {
            kind = kind_of(next_char(&at, end));
            digits += kind < 10;
        }
        if (digits > 0 && digits <= PAUSE_DIGITS_MAX && kind <= SEPARATOR)
            return 1;
    }
    return 0;
}

static int begins_with(const char *s, const char *end, const char *small)
{
    size_t len = strlen(small);

    if ((size_t)(end - s) < len)
        return 0;
    for (size_t i = 0; i < len; i++)
        if (fold((unsigned char)s[i]) != (unsigned char)small[i])
            return 0;
    return 1;
}

/* Whether a character of this kind may stand behind what num holds. */
static int is_allowed(unsigned kind, const struct number *num)
{
    switch (kind) {
    case OTHER:
        return 0;
    case PLUS:
        return num->n == 0 && !num->plus;
    case TILDE:
        return num->n == 1; /* "8~10": the dial tone between the digits of a prefix */
    default:
        return 1;
    }
}

/* Reads from *at up to the end or to what is no part of a number, where *at is left. */
static const char *scan_digits(const char *s, const char **at, const char *end, struct number *num)
{
    unsigned kind, open = DIGITS_MAX;
    const char *p = *at;

    for (; p < end; *at = p) {
        kind = kind_of(next_char(&p, end));
        if (!is_allowed(kind, num))
            return num->n > 0 && is_extension(*at, end) ? why_extension : why_character;
        if ((kind < 10 || kind == PLUS) && num->n == 0 && !num->plus)
            num->first = (size_t)(*at - s);
        if (kind < 10) {
            if (num->n == DIGITS_MAX)
                return why_long;
            num->d[num->n++] = (char)('0' + kind);
        } else if (kind == PLUS) {
            num->plus = 1;
        } else if (kind == OPEN) {
            open = num->n;
        } else if (kind == CLOSE && num->n == open + 1 && num->d[open] == '0' && num->lone == 0) {
            num->lone = open;
        }
    }
    return NULL;
}

/* ";phone-context=+86" of a tel: URI: its digits come before the number's. */
static const char *scan_context(const char *s, const char **at, const char *end, struct number *num)
{
    struct number context = {.plus = 0};
    const char *why;

    if (num->plus || num->n == 0 || !begins_with(*at, end, ";phone-context="))
        return why_character;
    *at += strlen(";phone-context=");
    why = scan_digits(s, at, end, &context);
    if (!why && (!context.plus || context.n == 0))
        why = why_character;
    if (!why && context.n + num->n > DIGITS_MAX)
        why = why_long;
    if (why)
        return why;
    memcpy(context.d + context.n, num->d, num->n);
    context.n += num->n;
    context.lone = 0;
    context.first = num->first;
    *num = context;
    return NULL;
}

static const char *scan(const char *s, size_t n, struct number *num, size_t *fault)
{
    const char *at = s, *end = s + n, *why;
    int uri;

    *fault = INPUT_MAX;
    if (n > INPUT_MAX)
        return why_long;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    uri = begins_with(at, end, "tel:");
    at += uri ? 4 : 0;
    why = scan_digits(s, &at, end, num);
    if (why == why_character && uri && *at == ';')
        why = scan_context(s, &at, end, num);
    *fault = why ? (size_t)(at - s) : num->first;
    return why ? why : num->n == 0 && !num->plus ? why_empty : NULL;
}

/* ---- digits to a number ---- */

static unsigned step(unsigned state, char digit)
{
    return crm__phone_states[state].next[digit - '0'];
}

/* Whether all of d is a number by the pattern. */
static int fits(unsigned state, const char *d, unsigned n)
{
    for (unsigned i = 0; i < n && state; i++)
        state = step(state, d[i]);
    return crm__phone_states[state].out != 0;
}

struct prefix {
    unsigned end;        /* digits matched */
    unsigned from, upto; /* the kept group; equal when there is none */
};

static int match_prefix(unsigned state, const char *d, unsigned n, struct prefix *m)
{
    int found = 0;

    for (unsigned i = 0; state; i++) {
        unsigned out = crm__phone_states[state].out;

        if (out & 1 || (out & 2 && i == n)) {
            found = 1;
            m->end = i;
            m->from = out & 4 ? out >> 3 & 15 : 0;
            m->upto = out & 4 ? out >> 7 & 15 : 0;
        }
        if (i == n)
            break;
        state = step(state, d[i]);
    }
    return found;
}

/* Writes d without the plan's national prefix to `to` and returns the length.  A number that fits
 * the plan as it stands is left alone when it would not fit without the prefix. */
static unsigned strip_trunk(const crm__phone_plan *plan, const char *d, unsigned n, char *to)
{
    struct prefix m;
    unsigned len = 0;

    if (n > 0 && match_prefix(plan->trunk, d, n, &m)) {
        if (m.upto > m.from) {
            len = (unsigned)strlen(plan->insert);
            memcpy(to, plan->insert, len);
            memcpy(to + len, d + m.from, m.upto - m.from);
            len += m.upto - m.from;
        }
        memcpy(to + len, d + m.end, n - m.end);
        len += n - m.end;
        if (fits(plan->general, to, len) || !fits(plan->general, d, n))
            return len;
    }
    memcpy(to, d, n);
    return n;
}

enum { LENGTH_POSSIBLE, LENGTH_LOCAL, LENGTH_SHORT, LENGTH_LONG, LENGTH_NONE };

static int length_kind(const crm__phone_plan *plan, unsigned n)
{
    if (n > 31)
        return LENGTH_LONG;
    if (plan->local >> n & 1)
        return LENGTH_LOCAL;
    if (plan->lengths >> n & 1)
        return LENGTH_POSSIBLE;
    if (plan->lengths >> n == 0)
        return LENGTH_LONG;
    return (plan->lengths & ((1U << n) - 1)) == 0 ? LENGTH_SHORT : LENGTH_NONE;
}

/* The country code d begins with, or NULL.  No code begins another, and none begins with 0. */
static const crm__phone_code *find_code(const char *d, unsigned n, unsigned *digits)
{
    unsigned code = 0;

    if (n == 0 || d[0] == '0')
        return NULL;
    for (*digits = 0; *digits < n && *digits < 3;) {
        code = code * 10 + (unsigned)(d[(*digits)++] - '0');
        if (crm__phone_code_index[code])
            return &crm__phone_codes[crm__phone_code_index[code]];
    }
    return NULL;
}

/* The country code in digits written without "+": after the international prefix of the region, or
 * the region's own, when the number fits only without it.  *number receives what follows it.
 * NULL result and no reason: there is none. */
static const crm__phone_code *find_unmarked_code(const crm__phone_plan *home, const char *d,
                                                 unsigned n, char *number, unsigned *len,
                                                 const char **why)
{
    const crm__phone_code *code = &crm__phone_codes[crm__phone_code_index[home->code]];
    const crm__phone_code *begins;
    struct prefix m;
    unsigned skip;

    if (match_prefix(home->abroad, d, n, &m) && (m.end == n || d[m.end] != '0')) {
        d += m.end;
        n -= m.end;
        code = n <= 2 ? NULL : find_code(d, n, &skip);
        if (!code) {
            *why = n <= 2 ? why_short : why_code;
            return NULL;
        }
        *len = n - skip;
        memcpy(number, d + skip, *len);
        return code;
    }
    begins = find_code(d, n, &skip);
    if (begins != code)
        return NULL;
    *len = strip_trunk(home, d + skip, n - skip, number);
    if (length_kind(home, n) == LENGTH_LONG ||
        (!fits(home->general, d, n) && fits(home->general, number, *len)))
        return code;
    return NULL;
}

/* Whether the number is valid under the code; every state but the dead one leads to a number. */
static const char *judge(const crm__phone_code *code, const char *d, unsigned n)
{
    int kind = length_kind(&crm__phone_plans[code->plan], n);
    unsigned code_digits = code->code < 10 ? 1 : code->code < 100 ? 2 : 3;
    unsigned state = code->valid;
    int passed = 0;

    if (kind == LENGTH_LONG || n + code_digits > E164_MAX)
        return why_long;
    if (kind == LENGTH_SHORT || kind == LENGTH_LOCAL)
        return why_short;
    for (unsigned i = 0; i < n; i++) {
        passed |= crm__phone_states[state].out;
        state = step(state, d[i]);
        if (!state)
            return passed ? why_long : why_country;
    }
    return crm__phone_states[state].out ? NULL : why_short;
}

static void write_number(const crm__phone_code *code, const char *d, unsigned n, char *out)
{
    *out++ = '+';
    if (code->code >= 100)
        *out++ = (char)('0' + code->code / 100);
    if (code->code >= 10)
        *out++ = (char)('0' + code->code / 10 % 10);
    *out++ = (char)('0' + code->code % 10);
    memcpy(out, d, n);
    out[n] = 0;
}

/* Finds the country code of the digits, and writes what follows it to number (NUMBER_ROOM).  *plan
 * is the one whose national prefix may still stand there. */
static const char *split_code(const char *d, unsigned n, int plus, const crm__phone_plan *home,
                              const crm__phone_code **code, const crm__phone_plan **plan,
                              char *number, unsigned *len)
{
    const char *why = NULL;
    unsigned skip = 0;

    *code = NULL;
    if (plus) {
        if (n <= 2)
            return why_short;
        *code = find_code(d, n, &skip);
        if (*code) {
            *len = n - skip;
            memcpy(number, d + skip, *len);
        }
    }
    if (!*code && home)
        *code = find_unmarked_code(home, d, n, number, len, &why);
    if (*code) {
        *plan = &crm__phone_plans[(*code)->plan];
        return NULL;
    }
    if (why)
        return why;
    if (plus)
        return why_code;
    if (!home)
        return why_region;
    *plan = home;
    *code = &crm__phone_codes[crm__phone_code_index[home->code]];
    *len = n;
    memcpy(number, d, n);
    return NULL;
}

static const char *resolve(const char *d, unsigned n, int plus, const crm__phone_plan *home,
                           char *out)
{
    char whole[NUMBER_ROOM], stripped[NUMBER_ROOM + 8];
    const char *number = whole, *why;
    const crm__phone_code *code;
    const crm__phone_plan *plan;
    unsigned len = 0, rest;
    int kind;

    why = split_code(d, n, plus, home, &code, &plan, whole, &len);
    if (why)
        return why;
    if (len < 2)
        return why_short;
    /* The prefix goes when what is left can be a whole number; else it was no prefix. */
    rest = strip_trunk(plan, whole, len, stripped);
    kind = length_kind(plan, rest);
    if (kind == LENGTH_POSSIBLE || kind == LENGTH_LONG) {
        number = stripped;
        len = rest;
    }
    why = judge(code, number, len);
    if (!why)
        write_number(code, number, len, out);
    return why;
}

/* "00" is read as "+" where the region does not read it otherwise: so it stands on letterheads. */
static const char *resolve_or_00(const struct number *num, const crm__phone_plan *home, char *out)
{
    const char *why = resolve(num->d, num->n, num->plus, home, out), *other;

    if (!why || num->plus || num->n < 2 || num->d[0] != '0' || num->d[1] != '0')
        return why;
    other = resolve(num->d + 2, num->n - 2, 1, home, out);
    return !other || !home ? other : why;
}

static const crm__phone_plan *find_region(const char *region)
{
    uint32_t a, b;
    unsigned at;

    if (!region || !region[0] || !region[1] || region[2])
        return NULL;
    a = fold((unsigned char)region[0]) - 'a';
    b = fold((unsigned char)region[1]) - 'a';
    if (a >= 26 || b >= 26)
        return NULL;
    at = crm__phone_region_index[a * 26 + b];
    return at ? &crm__phone_plans[at - 1] : NULL;
}

int crm__phone_region_known(const char *region)
{
    return find_region(region) != NULL;
}

int crm__phone_parse(const char *s, size_t n, const char *region, char out[CRM__PHONE_SIZE],
                     const char **why, size_t *at)
{
    const crm__phone_plan *home = find_region(region);
    struct number num = {.n = 0};
    const char *reason;
    size_t fault;

    out[0] = 0;
    reason = scan(s ? s : "", s ? n : 0, &num, &fault);
    if (!reason) {
        reason = resolve_or_00(&num, home, out);
        /* "+34 (0)91 ...": a 0 that this country does not dial is dropped, one that it keeps, as
         * Italy does, has been read by now. */
        if (reason && num.lone > 0) {
            num.n--;
            memmove(num.d + num.lone, num.d + num.lone + 1, num.n - num.lone);
            if (!resolve_or_00(&num, home, out))
                reason = NULL;
        }
    }
    if (!reason)
        return CRM_OK;
    out[0] = 0;
    if (why)
        *why = reason;
    if (at)
        *at = fault;
    return CRM_EVALUE;
}
