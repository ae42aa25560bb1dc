/* SPDX-License-Identifier: MIT
 * json-c behind json.h.
 *
 * json-c keeps the last of two members of one name, cuts keys and the text at a NUL and clips integers
 * of more than 64 bits; each would lose what a user wrote without a word.  It also takes NaN and "1."
 * for numbers, single quotes for double ones, and control characters as they are.  So the text is
 * looked over first and these are refused there; afterwards the members of the tree are counted against
 * the colons of the text, which differ exactly if a name stands twice.
 */
#include "codec/json.h"

#include "base/error.h"
#include "base/utf8.h"

#include <json-c/json.h>
#include <string.h>

enum { DEPTH = 32, DIGITS = 19 };

typedef struct look {
    size_t colons;
    size_t fault; /* offset, when what is set */
    const char *what;
} look;

static size_t skip_string(const char *s, size_t i, size_t n, look *l)
{
    for (i++; i < n && s[i] != '"'; i++) {
        if ((unsigned char)s[i] < 0x20 && !l->what) {
            l->what = "a control character in a string; write it as \\n or \\u0007";
            l->fault = i;
        }
        if (s[i] != '\\')
            continue;
        if (n - i >= 6 && memcmp(s + i, "\\u0000", 6) == 0 && !l->what) {
            l->what = "a NUL character in a string";
            l->fault = i;
        }
        i++;
    }
    return i;
}

static size_t digits_at(const char *s, size_t i, size_t n)
{
    size_t first = i;

    while (i < n && s[i] >= '0' && s[i] <= '9')
        i++;
    return i - first;
}

/* A number by the grammar, which is narrower than json-c's, and small enough for it to keep. */
static size_t skip_number(const char *s, size_t i, size_t n, look *l)
{
    size_t first = i, digits, part = 1;
    int minus = s[i] == '-', whole;

    i += (size_t)minus;
    digits = digits_at(s, i, n);
    whole = digits == 1 || (digits > 1 && s[i] != '0');
    i += digits;
    if (i < n && s[i] == '.') {
        part = digits_at(s, ++i, n);
        i += part;
        digits = 0;
    }
    if (part && i < n && (s[i] == 'e' || s[i] == 'E')) {
        i++;
        i += i < n && (s[i] == '+' || s[i] == '-');
        part = digits_at(s, i, n);
        i += part;
        digits = 0;
    }
    if (l->what)
        return i - 1;
    if (!whole || !part)
        l->what = "no number of JSON";
    else if (digits > DIGITS)
        l->what = "a number of more than 19 digits; write it as a string";
    else if (minus && digits == DIGITS && memcmp(s + first + 1, "9223372036854775808", DIGITS) > 0)
        l->what = "a number below -2^63; write it as a string";
    if (l->what)
        l->fault = first;
    return i - 1;
}

static void look_over(const char *s, size_t n, look *l)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"')
            i = skip_string(s, i, n, l);
        else if (s[i] == ':')
            l->colons++;
        else if ((s[i] >= '0' && s[i] <= '9') || s[i] == '-')
            i = skip_number(s, i, n, l);
        else if (memchr("NI'", s[i], 4) && !l->what) { /* its NUL counts too */
            l->what = s[i] == '\'' ? "a string stands in double quotes"
                      : s[i]       ? "NaN and Infinity are no JSON"
                                   : "a NUL byte";
            l->fault = i;
        }
    }
}

static size_t members(json_object *v)
{
    size_t n = 0;

    if (json_object_is_type(v, json_type_object)) {
        for (struct lh_entry *e = json_object_get_object(v)->head; e; e = e->next)
            n += 1 + members((json_object *)(uintptr_t)lh_entry_v(e));
    } else if (json_object_is_type(v, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(v); i++)
            n += members(json_object_array_get_idx(v, i));
    }
    return n;
}

static int syntax(crm_error *err, size_t at, const char *what)
{
    return crm__fail_at(err, CRM_ESYNTAX, -1, (int64_t)at, "JSON: %s at byte %zu", what, at);
}

/* json-c's words suit what it thought to read; these suit what a person sees. */
static const char *word(enum json_tokener_error why)
{
    switch (why) {
    case json_tokener_error_depth:
        return "nested too deeply";
    case json_tokener_error_parse_null:
    case json_tokener_error_parse_boolean:
    case json_tokener_error_parse_unexpected:
        return "unexpected text";
    default:
        return json_tokener_error_desc(why);
    }
}

int crm__json_parse(const char *text, size_t n, crm__json **out, crm_error *err)
{
    struct json_tokener *tok;
    json_object *root;
    enum json_tokener_error why;
    look l = {0, 0, NULL};
    size_t at;

    *out = NULL;
    if (n > INT32_MAX)
        return syntax(err, 0, "the document is larger than 2 GiB");
    at = crm__utf8_valid(text, n);
    if (at != n)
        return syntax(err, at, "not UTF-8");
    look_over(text, n, &l);
    tok = json_tokener_new_ex(DEPTH);
    if (!tok)
        return crm__fail_nomem(err);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    root = json_tokener_parse_ex(tok, text, (int)n);
    at = json_tokener_get_parse_end(tok);
    if (!root && json_tokener_get_error(tok) == json_tokener_continue) {
        root = json_tokener_parse_ex(tok, "\0", 1); /* a bare number ends only here */
        at = n;
    }
    why = json_tokener_get_error(tok);
    json_tokener_free(tok);
    if (why == json_tokener_continue || why == json_tokener_error_parse_eof)
        return syntax(err, n, "the text ends too early");
    if (why != json_tokener_success) {
        json_object_put(root);
        return why == json_tokener_error_size ? crm__fail_nomem(err)
                                              : syntax(err, at, word(why));
    }
    if (!l.what && root && members(root) != l.colons) {
        l.what = "a member stands twice in the document that begins";
        l.fault = 0;
    }
    if (l.what) {
        json_object_put(root);
        return syntax(err, l.fault, l.what);
    }
    *out = (crm__json *)root;
    return CRM_OK;
}

void crm__json_free(crm__json *v)
{
    json_object_put((json_object *)v);
}

static json_object *of(const crm__json *v)
{
    return (json_object *)(uintptr_t)v;
}

int crm__json_kind(const crm__json *v)
{
    switch (json_object_get_type(of(v))) {
    case json_type_boolean:
        return CRM__JSON_BOOLEAN;
    case json_type_double:
    case json_type_int:
        return CRM__JSON_NUMBER;
    case json_type_string:
        return CRM__JSON_STRING;
    case json_type_array:
        return CRM__JSON_ARRAY;
    case json_type_object:
        return CRM__JSON_OBJECT;
    default:
        return CRM__JSON_NULL;
    }
}

crm__slice crm__json_text(const crm__json *v)
{
    crm__slice s = {NULL, 0};
    const char *p = json_object_get_string(of(v));

    if (!p)
        return s;
    s.p = (const uint8_t *)p;
    s.n = json_object_is_type(of(v), json_type_string)
              ? (size_t)json_object_get_string_len(of(v))
              : strlen(p);
    return s;
}

size_t crm__json_count(const crm__json *v)
{
    return json_object_is_type(of(v), json_type_array) ? json_object_array_length(of(v)) : 0;
}

const crm__json *crm__json_item(const crm__json *v, size_t i)
{
    return (const crm__json *)json_object_array_get_idx(of(v), i);
}

const crm__json *crm__json_member(const crm__json *v, const char *key)
{
    json_object *got = NULL;

    return json_object_object_get_ex(of(v), key, &got) ? (const crm__json *)got : NULL;
}

int crm__json_next(const crm__json *object, const void **at, const char **key,
                   const crm__json **value)
{
    const struct lh_entry *e = *at;

    e = e ? e->next : json_object_get_object(of(object))->head;
    if (!e)
        return 0;
    *at = e;
    *key = lh_entry_k(e);
    *value = (const crm__json *)lh_entry_v(e);
    return 1;
}

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
