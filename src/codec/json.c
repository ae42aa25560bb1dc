/* SPDX-License-Identifier: MIT
 * A strict JSON parser (RFC 8259) behind json.h.
 *
 * Ours, because a document is what a customer's data comes in, and no library at hand keeps it
 * whole: json-c takes the last of two members of one name, cuts keys at a NUL, clips long integers,
 * takes NaN and control characters, and without memory drops members, cuts strings or stops the
 * process.  Here each of these is an error with its place.
 *
 * Values lie in one arena, freed with the root.  Strings are decoded into it, numbers keep their
 * text.
 */
#include "codec/json.h"

#include "base/error.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = 31, DIGITS = 19, FEW = 8 };

struct crm__json {
    int kind;
    crm__slice text;  /* strings, numbers, booleans; NUL-terminated where decoded */
    const char *key;  /* of a member */
    size_t key_n, at; /* at: where its name begins */
    crm__json *next;  /* in its object or array */
    crm__json *first;
    const crm__json **items; /* of an array */
    size_t count;
};

typedef struct root {
    crm__json value; /* first: a root is freed through it */
    crm__arena arena;
} root;

typedef struct parser {
    const uint8_t *s;
    size_t at, n;
    crm__arena *arena;
    crm__json_known_fn known; /* names that an error may name; NULL: none */
    void *ctx;
    int levels; /* at most */
    crm_error *err;
} parser;

/* ---- reading ---- */

static int fail(parser *p, size_t at, const char *what)
{
    if (at >= p->n) {
        at = p->n;
        what = "the text ends too early";
    }
    return crm__fail_at(p->err, CRM_ESYNTAX, -1, (int64_t)at, "JSON: %s at byte %zu", what, at);
}

static int peek(const parser *p)
{
    return p->at < p->n ? p->s[p->at] : -1;
}

static void skip_white(parser *p)
{
    while (p->at < p->n && (p->s[p->at] == ' ' || p->s[p->at] == '\t' || p->s[p->at] == '\n' ||
                            p->s[p->at] == '\r'))
        p->at++;
}

static int hex4(const parser *p, size_t at, uint32_t *out)
{
    uint32_t v = 0;

    if (p->n - at < 4)
        return 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p->s[at + (size_t)i], low = c | 0x20;
        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if (low >= 'a' && low <= 'f')
            v = v << 4 | (uint32_t)(low - 'a' + 10);
        else
            return 0;
    }
    *out = v;
    return 1;
}

static uint8_t *put_utf8(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (uint8_t)c;
    } else if (c < 0x800) {
        *to++ = (uint8_t)(0xc0 | c >> 6);
        *to++ = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (uint8_t)(0xe0 | c >> 12);
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *to++ = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        *to++ = (uint8_t)(0xf0 | c >> 18);
        *to++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *to++ = (uint8_t)(0x80 | (c & 0x3f));
    }
    return to;
}

/* \uXXXX, or two of them for one character; p->at is behind the u. */
static int read_unicode(parser *p, uint8_t **to)
{
    size_t begun = p->at - 2;
    uint32_t c, low;

    if (!hex4(p, p->at, &c))
        return fail(p, p->n - p->at < 4 ? p->n : p->at, "four hexadecimal digits expected");
    p->at += 4;
    if (c == 0)
        return fail(p, begun, "a NUL character in a string");
    if (c >= 0xdc00 && c <= 0xdfff)
        return fail(p, begun, "half a surrogate pair");
    if (c >= 0xd800 && c <= 0xdbff) {
        if (p->n - p->at < 6 || p->s[p->at] != '\\' || p->s[p->at + 1] != 'u' ||
            !hex4(p, p->at + 2, &low) || low < 0xdc00 || low > 0xdfff)
            return fail(p, begun, "half a surrogate pair");
        p->at += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    *to = put_utf8(*to, c);
    return CRM_OK;
}

static int read_escape(parser *p, uint8_t **to)
{
    static const char FROM[] = "\"\\/bfnrt", INTO[] = "\"\\/\b\f\n\r\t";
    int c = ++p->at < p->n ? p->s[p->at] : -1;
    const char *found = c > 0 ? strchr(FROM, c) : NULL;

    if (c < 0)
        return fail(p, p->n, "");
    p->at++;
    if (c == 'u')
        return read_unicode(p, to);
    if (!found)
        return fail(p, p->at - 2, "an unknown escape");
    *(*to)++ = (uint8_t)INTO[found - FROM];
    return CRM_OK;
}

/* The length of a string's text up to its closing mark, at most the room its decoded form takes. */
static size_t raw_length(const parser *p)
{
    size_t i = p->at;

    while (i < p->n && p->s[i] != '"')
        i += p->s[i] == '\\' ? 2 : 1;
    return (i < p->n ? i : p->n) - p->at;
}

static int read_string(parser *p, crm__slice *out)
{
    uint8_t *to, *begin;
    int rc;

    p->at++;
    begin = to = crm__arena_alloc(p->arena, raw_length(p) + 1);
    if (!to)
        return crm__fail_nomem(p->err);
    for (;;) {
        int c = peek(p);
        if (c < 0)
            return fail(p, p->n, "");
        if (c < 0x20)
            return fail(p, p->at, "a control character in a string; write it as \\n or \\u0007");
        if (c == '"')
            break;
        if (c != '\\') {
            *to++ = (uint8_t)c;
            p->at++;
            continue;
        }
        rc = read_escape(p, &to);
        if (rc)
            return rc;
    }
    p->at++;
    *to = 0;
    out->p = begin;
    out->n = (size_t)(to - begin);
    return CRM_OK;
}

static size_t skip_digits(parser *p)
{
    size_t from = p->at;

    while (p->at < p->n && p->s[p->at] >= '0' && p->s[p->at] <= '9')
        p->at++;
    return p->at - from;
}

static int read_number(parser *p, crm__json *v)
{
    size_t from = p->at, digits, whole;
    const uint8_t *first;

    p->at += p->s[p->at] == '-';
    first = p->s + p->at;
    digits = whole = skip_digits(p);
    if (!digits)
        return fail(p, p->at, "a digit expected");
    if (digits > 1 && *first == '0')
        return fail(p, p->at - digits, "a number that begins with 0");
    if (peek(p) == '.') {
        p->at++;
        whole = 0;
        if (!skip_digits(p))
            return fail(p, p->at, "a digit expected");
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        p->at++;
        whole = 0;
        p->at += peek(p) == '+' || peek(p) == '-';
        if (!skip_digits(p))
            return fail(p, p->at, "a digit expected");
    }
    if (whole > DIGITS)
        return fail(p, from, "a number of more than 19 digits; write it as a string");
    if (whole == DIGITS && p->s[from] == '-' && memcmp(first, "9223372036854775808", DIGITS) > 0)
        return fail(p, from, "a number below -2^63; write it as a string");
    v->kind = CRM__JSON_NUMBER;
    v->text.p = p->s + from;
    v->text.n = p->at - from;
    v->text.p = crm__arena_copy(p->arena, v->text.p, v->text.n);
    return v->text.p ? CRM_OK : crm__fail_nomem(p->err);
}

static int read_word(parser *p, crm__json *v)
{
    static const struct {
        const char *word;
        int kind;
    } WORDS[] = {
        {"true", CRM__JSON_BOOLEAN}, {"false", CRM__JSON_BOOLEAN}, {"null", CRM__JSON_NULL}};

    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        size_t n = strlen(WORDS[i].word);
        if (p->n - p->at >= n && memcmp(p->s + p->at, WORDS[i].word, n) == 0) {
            v->kind = WORDS[i].kind;
            v->text.p = (const uint8_t *)WORDS[i].word;
            v->text.n = n;
            p->at += n;
            return CRM_OK;
        }
    }
    return fail(p, p->at, "a value expected");
}

/* ---- arrays and objects ---- */

static int read_value(parser *p, crm__json *v, int depth);

static int by_key(const void *a, const void *b)
{
    const crm__json *x = *(const crm__json *const *)a, *y = *(const crm__json *const *)b;

    if (x->key_n != y->key_n)
        return x->key_n < y->key_n ? -1 : 1;
    return memcmp(x->key, y->key, x->key_n);
}

static int fail_twice(parser *p, const crm__json *a, const crm__json *b)
{
    const crm__json *second = a->at > b->at ? a : b;
    int rc = fail(p, second->at, "a member stands for the second time");

    if (p->err && p->known && p->known(p->ctx, second->key, second->key_n)) {
        rc = crm__fail_field(p->err, rc, second->key,
                             "JSON: %s: stands for the second time at byte %zu", second->key,
                             second->at);
        p->err->offset = (int64_t)second->at;
    }
    return rc;
}

static int check_twice(parser *p, const crm__json *v)
{
    const crm__json **all;
    size_t n = 0;

    if (v->count <= FEW) {
        for (const crm__json *a = v->first; a; a = a->next) {
            for (const crm__json *b = a->next; b; b = b->next) {
                if (by_key(&a, &b) == 0)
                    return fail_twice(p, a, b);
            }
        }
        return CRM_OK;
    }
    all = crm__arena_alloc(p->arena, v->count * sizeof *all);
    if (!all)
        return crm__fail_nomem(p->err);
    for (const crm__json *a = v->first; a; a = a->next)
        all[n++] = a;
    qsort(all, n, sizeof *all, by_key);
    for (size_t i = 1; i < n; i++) {
        if (by_key(&all[i - 1], &all[i]) == 0)
            return fail_twice(p, all[i - 1], all[i]);
    }
    return CRM_OK;
}

static int list_items(parser *p, crm__json *v)
{
    size_t n = 0;

    v->items = crm__arena_alloc(p->arena, v->count * sizeof *v->items);
    if (!v->items)
        return crm__fail_nomem(p->err);
    for (const crm__json *a = v->first; a; a = a->next)
        v->items[n++] = a;
    return CRM_OK;
}

static int read_key(parser *p, crm__json *item)
{
    crm__slice key;
    int rc;

    if (peek(p) != '"')
        return fail(p, p->at, "a name in quotes expected");
    item->at = p->at;
    rc = read_string(p, &key);
    if (rc)
        return rc;
    item->key = (const char *)key.p;
    item->key_n = key.n;
    skip_white(p);
    if (peek(p) != ':')
        return fail(p, p->at, "a colon expected");
    p->at++;
    skip_white(p);
    return CRM_OK;
}

/* From the opening mark to behind the closing one. */
static int read_group(parser *p, crm__json *v, int depth)
{
    size_t begun = p->at;
    int object = p->s[p->at++] == '{', close = object ? '}' : ']', rc;
    crm__json **end = &v->first;

    v->kind = object ? CRM__JSON_OBJECT : CRM__JSON_ARRAY;
    if (depth > p->levels)
        return fail(p, begun, p->levels == LEVELS ? "more than 31 levels" : "too many levels");
    skip_white(p);
    if (peek(p) == close) {
        p->at++;
        return CRM_OK;
    }
    for (;;) {
        crm__json *item = crm__arena_alloc(p->arena, sizeof *item);
        if (!item)
            return crm__fail_nomem(p->err);
        memset(item, 0, sizeof *item);
        skip_white(p);
        rc = object ? read_key(p, item) : CRM_OK;
        if (!rc)
            rc = read_value(p, item, depth + 1);
        if (rc)
            return rc;
        *end = item;
        end = &item->next;
        v->count++;
        skip_white(p);
        if (peek(p) == close)
            break;
        if (peek(p) != ',')
            return fail(p, p->at, object ? "a comma or } expected" : "a comma or ] expected");
        p->at++;
    }
    p->at++;
    return object ? check_twice(p, v) : list_items(p, v);
}

static int read_value(parser *p, crm__json *v, int depth)
{
    int c = peek(p);

    if (c == '{' || c == '[')
        return read_group(p, v, depth);
    if (c == '"') {
        v->kind = CRM__JSON_STRING;
        return read_string(p, &v->text);
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return read_number(p, v);
    return read_word(p, v);
}

static int parse(const crm_allocator *mem, parser *p, crm__json **out)
{
    size_t at = crm__utf8_valid((const char *)p->s, p->n);
    root *r;
    int rc;

    *out = NULL;
    if (at != p->n)
        return crm__fail_at(p->err, CRM_ESYNTAX, -1, (int64_t)at, "JSON: not UTF-8 at byte %zu",
                            at);
    r = crm__calloc(mem, 1, sizeof *r);
    if (!r)
        return crm__fail_nomem(p->err);
    crm__arena_init(&r->arena, mem);
    p->arena = &r->arena;
    skip_white(p);
    rc = read_value(p, &r->value, 1);
    skip_white(p);
    if (!rc && p->at < p->n)
        rc = fail(p, p->at, "something behind the value");
    if (rc || r->value.kind == CRM__JSON_NULL)
        crm__json_free(&r->value);
    else
        *out = &r->value;
    return rc;
}

int crm__json_parse(const crm_allocator *mem, const char *text, size_t n, crm__json **out,
                    crm_error *err)
{
    return crm__json_parse_known(mem, text, n, NULL, NULL, out, err);
}

int crm__json_parse_known(const crm_allocator *mem, const char *text, size_t n,
                          crm__json_known_fn known, void *ctx, crm__json **out, crm_error *err)
{
    parser p = {(const uint8_t *)text, 0, n, NULL, known, ctx, LEVELS, err};

    return parse(mem, &p, out);
}

int crm__json_parse_deep(const crm_allocator *mem, const char *text, size_t n, int levels,
                         crm__json **out, crm_error *err)
{
    parser p = {(const uint8_t *)text, 0, n, NULL, NULL, NULL, levels, err};

    return parse(mem, &p, out);
}

void crm__json_free(crm__json *v)
{
    root *r = (root *)(void *)v;
    const crm_allocator *mem;

    if (!r)
        return;
    mem = r->arena.mem;
    crm__arena_clear(&r->arena);
    crm__release(mem, r);
}

/* ---- looking ---- */

static const crm__json *or_null(const crm__json *v)
{
    return v && v->kind != CRM__JSON_NULL ? v : NULL;
}

int crm__json_kind(const crm__json *v)
{
    return v ? v->kind : CRM__JSON_NULL;
}

crm__slice crm__json_text(const crm__json *v)
{
    crm__slice none = {NULL, 0};

    return v ? v->text : none;
}

size_t crm__json_count(const crm__json *v)
{
    return v && v->kind == CRM__JSON_ARRAY ? v->count : 0;
}

const crm__json *crm__json_item(const crm__json *v, size_t i)
{
    return i < crm__json_count(v) ? or_null(v->items[i]) : NULL;
}

const crm__json *crm__json_member(const crm__json *v, const char *key)
{
    if (!v || v->kind != CRM__JSON_OBJECT)
        return NULL;
    for (const crm__json *m = v->first; m; m = m->next) {
        if (strcmp(m->key, key) == 0)
            return or_null(m);
    }
    return NULL;
}

int crm__json_next(const crm__json *object, const void **at, const char **key,
                   const crm__json **value)
{
    const crm__json *m = *at;

    m = m ? m->next : object ? object->first : NULL;
    if (!m)
        return 0;
    *at = m;
    *key = m->key;
    *value = or_null(m);
    return 1;
}

/* ---- writing ---- */

void crm__json_string(crm__buf *out, const void *p, size_t n)
{
    const uint8_t *s = p;
    size_t from = 0;

    crm__buf_add_u8(out, '"');
    for (size_t i = 0; i < n; i++) {
        uint8_t c = s[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        crm__buf_add(out, s + from, i - from);
        from = i + 1;
        if (c == '"' || c == '\\')
            crm__buf_add_fmt(out, "\\%c", c);
        else if (c == '\n')
            crm__buf_add_str(out, "\\n");
        else if (c == '\t')
            crm__buf_add_str(out, "\\t");
        else
            crm__buf_add_fmt(out, "\\u%04x", c);
    }
    crm__buf_add(out, s + from, n - from);
    crm__buf_add_u8(out, '"');
}
