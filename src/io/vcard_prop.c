/* SPDX-License-Identifier: MIT
 * One property of a card: group, name, parameters, value.  Parameters come as in 4.0
 * (TYPE="work,voice"), 3.0 (TYPE=WORK,VOICE or TYPE=WORK;TYPE=VOICE) and 2.1 (;WORK;VOICE).
 */
#include "base/utf8.h"
#include "io/vcard.h"

#include <crm/codes.h>

/* ---- the head: all before the colon ---- */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

int crm__vcard_is(crm__slice s, const char *word)
{
    size_t i = 0;

    for (; i < s.n && word[i]; i++) {
        if (lower(s.p[i]) != lower((uint8_t)word[i]))
            return 0;
    }
    return i == s.n && !word[i];
}

static int in_name(uint8_t c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_' ||
           c >= 0x80;
}

/* The colon that ends the head; quotes that are not closed are none. */
static const uint8_t *colon_of(crm__slice line)
{
    int quoted = 0;

    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == '"')
            quoted = !quoted;
        else if (line.p[i] == ':' && !quoted)
            return line.p + i;
    }
    return line.n ? memchr(line.p, ':', line.n) : NULL;
}

static crm__slice trim(crm__slice s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* ^n, ^' and ^^ of RFC 6868. */
static crm__slice uncaret(crm__arena *to, crm__slice s, unsigned *flags)
{
    uint8_t *copy;
    size_t n = 0;

    if (!to || !s.n || !memchr(s.p, '^', s.n))
        return s;
    copy = crm__arena_alloc(to, s.n);
    if (!copy) {
        *flags |= CRM__PROP_NO_MEMORY;
        return s;
    }
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i], after = i + 1 < s.n ? s.p[i + 1] : 0;
        if (c == '^' && (after == 'n' || after == 'N' || after == '\'' || after == '^')) {
            c = after == '\'' ? '"' : after == '^' ? '^' : '\n';
            i++;
        }
        copy[n++] = c;
    }
    return (crm__slice){copy, n};
}

static void add_param(crm__arena *to, crm__vcard_prop *p, crm__slice name, crm__slice value)
{
    value = trim(value);
    if (value.n && value.p[0] == '"') {
        value.p++;
        value.n--;
        value.n -= value.n && value.p[value.n - 1] == '"';
    }
    if (p->count == CRM__VCARD_PARAMS)
        return;
    p->params[p->count].name = name;
    p->params[p->count++].value = uncaret(to, value, &p->flags);
}

/* Up to the separator outside quotes, which is passed. */
static crm__slice piece(crm__slice *rest, char separator)
{
    crm__slice s = {rest->p, 0};
    int quoted = 0;

    while (s.n < rest->n && (quoted || rest->p[s.n] != (uint8_t)separator)) {
        quoted ^= rest->p[s.n] == '"';
        s.n++;
    }
    rest->p += s.n;
    rest->n -= s.n;
    if (rest->n) {
        rest->p++;
        rest->n--;
    }
    return s;
}

/* The values of TYPE are a list even where quotes are around all of it. */
static crm__slice unquoted_list(crm__slice s)
{
    s = trim(s);
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"' && !memchr(s.p + 1, '"', s.n - 2))
        return (crm__slice){s.p + 1, s.n - 2};
    return s;
}

static void take_param(crm__arena *to, crm__vcard_prop *p, crm__slice s)
{
    static const char *const ENCODINGS[] = {"QUOTED-PRINTABLE", "BASE64", "B", "8BIT", "7BIT"};
    static const uint8_t TYPE[] = "TYPE", ENCODING[] = "ENCODING";
    const uint8_t *eq = s.n ? memchr(s.p, '=', s.n) : NULL;
    crm__slice name, value;

    s = trim(s);
    if (!s.n)
        return;
    if (!eq) {
        name = (crm__slice){TYPE, 4};
        for (size_t i = 0; i < sizeof ENCODINGS / sizeof *ENCODINGS; i++) {
            if (crm__vcard_is(s, ENCODINGS[i]))
                name = (crm__slice){ENCODING, 8};
        }
        value = s;
    } else {
        name = trim((crm__slice){s.p, (size_t)(eq - s.p)});
        value = (crm__slice){eq + 1, s.n - (size_t)(eq + 1 - s.p)};
    }
    if (crm__vcard_is(name, "TYPE"))
        value = unquoted_list(value);
    do {
        add_param(to, p, name, piece(&value, ','));
    } while (value.n);
}

int crm__vcard_head_parse(crm__arena *to, crm__slice line, crm__vcard_prop *p)
{
    const uint8_t *colon = colon_of(line);
    crm__slice head, name;

    p->count = 0;
    p->flags = 0;
    p->group = (crm__slice){line.p, 0};
    if (!colon)
        return 0;
    head = (crm__slice){line.p, (size_t)(colon - line.p)};
    p->value = (crm__slice){colon + 1, line.n - head.n - 1};
    name = trim(piece(&head, ';'));
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '.' && !p->group.n && i) {
            p->group.p = name.p;
            p->group.n = i;
        } else if (!in_name(name.p[i])) {
            return 0;
        }
    }
    if (p->group.n) {
        name.p += p->group.n + 1;
        name.n -= p->group.n + 1;
    }
    p->name = name;
    while (head.n)
        take_param(to, p, piece(&head, ';'));
    return name.n != 0;
}

int crm__vcard_has_type(const crm__vcard_prop *p, const char *word)
{
    for (size_t i = 0; i < p->count; i++) {
        if (crm__vcard_is(p->params[i].name, "TYPE") && crm__vcard_is(p->params[i].value, word))
            return 1;
    }
    return 0;
}

crm__slice crm__vcard_param_of(const crm__vcard_prop *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (crm__vcard_is(p->params[i].name, name))
            return p->params[i].value;
    }
    return (crm__slice){p->name.p, 0};
}

/* ---- decoding ---- */

void crm__vcard_scratch_init(crm__vcard_scratch *s, const crm_allocator *mem)
{
    memset(s, 0, sizeof *s);
    crm__buf_init(&s->bytes, mem);
    crm__buf_init(&s->text, mem);
    crm__arena_init(&s->params, mem);
}

void crm__vcard_scratch_clear(crm__vcard_scratch *s)
{
    crm__buf_clear(&s->bytes);
    crm__buf_clear(&s->text);
    crm__arena_clear(&s->params);
    if (s->charset[0])
        crm__decoder_close(&s->decoder);
    s->charset[0] = 0;
}

static int hex(uint8_t c)
{
    c = lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void unquote_printable(crm__buf *to, crm__slice s)
{
    if (!crm__buf_reserve(to, s.n))
        return;
    for (size_t i = 0; i < s.n; i++) {
        int high = s.p[i] == '=' && s.n - i > 2 ? hex(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex(s.p[i + 2]) : -1;
        if (low >= 0) {
            to->p[to->n++] = (uint8_t)(high << 4 | low);
            i += 2;
        } else {
            to->p[to->n++] = s.p[i];
        }
    }
}

/* 0 when it is no base64. */
static int unbase64(crm__buf *to, crm__slice s)
{
    uint32_t bits = 0;
    unsigned count = 0;

    if (!crm__buf_reserve(to, s.n))
        return 1;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        unsigned v;
        if (c == ' ' || c == '\t' || c == '\n' || c == '=')
            continue;
        if (lower(c) >= 'a' && lower(c) <= 'z')
            v = c >= 'a' ? c - 'a' + 26u : c - 'A' + 0u;
        else if (c >= '0' && c <= '9')
            v = c - '0' + 52u;
        else if (c == '+' || c == '/')
            v = c == '+' ? 62 : 63;
        else
            return 0;
        bits = (bits << 6 | v) & 0xffffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            to->p[to->n++] = (uint8_t)(bits >> count);
        }
    }
    return 1;
}

/* Opens the decoder of a character set: the one named, or what the bytes look like. */
static int open_charset(crm__vcard_scratch *s, crm__slice named, crm_error *err)
{
    char name[CRM__TEXT_NAME];
    crm__text_guess g;

    if (named.n && named.n < sizeof name) {
        memcpy(name, named.p, named.n);
        name[named.n] = 0;
        if (s->charset[0] && crm__vcard_is(named, s->charset))
            return CRM_OK;
        if (s->charset[0])
            crm__decoder_close(&s->decoder);
        memcpy(s->charset, name, sizeof name);
        if (!crm__decoder_open(&s->decoder, name, err))
            return CRM_OK;
        s->charset[0] = 0;
    }
    if (s->charset[0])
        crm__decoder_close(&s->decoder);
    s->charset[0] = 0;
    crm__text_guess_inside(s->bytes.p, s->bytes.n, 1, &g);
    if (crm__decoder_open(&s->decoder, g.name, err))
        return CRM_EINVAL;
    memcpy(s->charset, g.name, sizeof g.name);
    return CRM_OK;
}

/* s->bytes as UTF-8 into s->text. */
static void decode_charset(crm__vcard_scratch *s, crm__slice charset, unsigned *flags)
{
    static const uint8_t REPLACEMENT[] = {0xef, 0xbf, 0xbd};
    size_t at = 0, n = s->bytes.n;
    crm_error ignored;

    crm_error_init(&ignored);
    if ((!charset.n || crm__vcard_is(charset, "UTF-8")) && !memchr(s->bytes.p, 0, n) &&
        crm__utf8_valid((const char *)s->bytes.p, n) == n) {
        crm__buf_add(&s->text, s->bytes.p, n);
        return;
    }
    if (open_charset(s, charset, &ignored)) {
        *flags |= CRM__PROP_REPLACED;
        crm__buf_add(&s->text, REPLACEMENT, sizeof REPLACEMENT);
        return;
    }
    while (at < n && !s->text.failed) {
        size_t room = 4 * (n - at) + 16, bad;
        uint8_t *to = crm__buf_reserve(&s->text, room + sizeof REPLACEMENT);
        crm__decoded d;
        if (!to)
            return;
        d = crm__decode(&s->decoder, s->bytes.p + at, n - at, 1, to, room);
        s->text.n += d.made;
        at += d.used;
        bad = d.bad ? d.bad : !d.used && !d.made;
        if (bad) { /* a sequence it does not have, or a NUL */
            crm__buf_add(&s->text, REPLACEMENT, sizeof REPLACEMENT);
            *flags |= CRM__PROP_REPLACED;
            at += bad < n - at ? bad : n - at;
        }
    }
}

static int is_binary_name(crm__slice name)
{
    return crm__vcard_is(name, "PHOTO") || crm__vcard_is(name, "LOGO") ||
           crm__vcard_is(name, "SOUND") || crm__vcard_is(name, "KEY") ||
           crm__vcard_is(name, "X-MS-CARDPICTURE");
}

static int has_control(const crm__buf *b)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->p[i] < 0x20 && b->p[i] != '\n' && b->p[i] != '\r' && b->p[i] != '\t')
            return 1;
    }
    return 0;
}

static int is_data_uri(crm__slice v)
{
    return v.n >= 5 && crm__vcard_is((crm__slice){v.p, 5}, "data:");
}

int crm__vcard_prop_parse(crm__vcard_scratch *s, crm__slice line, unsigned line_flags,
                          crm__vcard_prop *p, crm_error *err)
{
    crm__slice encoding;
    int quoted, base64;

    crm__arena_reset(&s->params);
    s->bytes.n = s->text.n = 0;
    if (!crm__buf_reserve(&s->text, 1)) /* so that a text is somewhere even when it is empty */
        return crm__fail_nomem(err);
    if (!crm__vcard_head_parse(&s->params, line, p))
        return 0;
    if (p->flags & CRM__PROP_NO_MEMORY)
        return crm__fail_nomem(err);
    p->flags = line_flags & CRM__LINE_CUT ? CRM__PROP_CUT : 0;
    encoding = crm__vcard_param_of(p, "ENCODING");
    quoted = crm__vcard_is(encoding, "QUOTED-PRINTABLE");
    base64 = crm__vcard_is(encoding, "B") || crm__vcard_is(encoding, "BASE64");
    if (is_data_uri(p->value) || (base64 && is_binary_name(p->name)) ||
        (p->flags && (base64 || is_binary_name(p->name)))) {
        p->flags = CRM__PROP_BINARY;
        p->value.n = 0;
        return 1;
    }
    if (!quoted && !base64)
        return 1;
    if (quoted)
        unquote_printable(&s->bytes, p->value);
    else if (!unbase64(&s->bytes, p->value))
        p->flags |= CRM__PROP_BINARY;
    if (s->bytes.n && !(p->flags & CRM__PROP_BINARY))
        decode_charset(s, crm__vcard_param_of(p, "CHARSET"), &p->flags);
    if (s->bytes.failed || s->text.failed)
        return crm__fail_nomem(err);
    if (base64 && (p->flags & CRM__PROP_REPLACED || has_control(&s->text)))
        p->flags = CRM__PROP_BINARY;
    p->value = (crm__slice){s->text.p, p->flags & CRM__PROP_BINARY ? 0 : s->text.n};
    p->flags |= CRM__PROP_QUOTED;
    return 1;
}

/* ---- values ---- */

void crm__vcard_text(crm__buf *to, crm__slice value)
{
    if (!crm__buf_reserve(to, value.n))
        return;
    for (size_t i = 0; i < value.n; i++) {
        uint8_t c = value.p[i], after = i + 1 < value.n ? value.p[i + 1] : 0;
        if (c == '\\' && (after == 'n' || after == 'N')) {
            c = '\n';
            i++;
        } else if (c == '\\' && (after == ',' || after == ';' || after == ':' || after == '\\')) {
            c = after;
            i++;
        } else if (c == '\r' && after == '\n') {
            continue;
        }
        to->p[to->n++] = c;
    }
}

int crm__vcard_part(crm__slice *rest, int *more, char separator, crm__slice *part)
{
    size_t i = 0;

    if (!*more)
        return 0;
    while (i < rest->n && rest->p[i] != (uint8_t)separator)
        i += rest->p[i] == '\\' && i + 1 < rest->n ? 2 : 1;
    part->p = rest->p;
    part->n = i;
    *more = i < rest->n;
    rest->p += *more ? i + 1 : i;
    rest->n -= *more ? i + 1 : i;
    return 1;
}
