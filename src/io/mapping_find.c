/* SPDX-License-Identifier: MIT
 * What a name means in a model: words of a mapping, names of columns as people vary them, and the
 * roles that names of other programs have.
 */
#include "io/mapping_part.h"

#include "base/utf8.h"
#include "db/derive.h"
#include "db/model.h"

size_t crm__map_fold(const char *s, size_t n, char out[CRM__FOLD_BYTES])
{
    size_t len;

    if (!n || n > CRM__NAME_BYTES || crm__utf8_fold(s, n, out, CRM__FOLD_BYTES, &len) != CRM_OK)
        return 0;
    return len;
}

/* ---- exact names ---- */

static unsigned own_use(const crm__mapping *m, int own)
{
    switch (own) {
    case CRM__OWN_ID:
        return CRM__USE_ID;
    case CRM__OWN_CUSTOMER:
        return CRM__USE_ID;
    case CRM__OWN_KIND:
        return CRM__USE_KIND;
    case CRM__OWN_SOURCE:
        return CRM__USE_SOURCE;
    case CRM__OWN_TAGS:
        return m->what == CRM__MAP_CUSTOMERS ? CRM__USE_TAG : CRM__USE_NONE;
    case CRM__OWN_TIME:
        return m->what == CRM__MAP_EVENTS ? CRM__USE_TIME : CRM__USE_NONE;
    case CRM__OWN_REFERENCE:
        return m->what == CRM__MAP_EVENTS ? CRM__USE_REFERENCE : CRM__USE_NONE;
    default:
        return CRM__USE_NONE;
    }
}

static const crm__own_words *words_of(const crm__mapping *m)
{
    return m->what == CRM__MAP_EVENTS ? &crm__event_words : &crm__customer_words;
}

/* The attribute of the given kind, else of the first kind that has one of the name. */
static const crm__field *attribute(const crm__mapping *m, const char *s, size_t n)
{
    const crm__field *f = m->event ? crm__event_attribute_find(m->event, s, n) : NULL;

    for (size_t i = 0; !f && i < crm__model_event_count(m->model); i++)
        f = crm__event_attribute_find(crm__model_event_at(m->model, i), s, n);
    return f;
}

static unsigned found_as(const crm__field *f, const char *s, size_t n)
{
    return strlen(f->key) == n && !memcmp(f->key, s, n) ? CRM__FOUND_KEY : CRM__FOUND_LABEL;
}

/* A name as the model and the library have it.  1 when it means anything. */
static int exact(const crm__mapping *m, const char *s, size_t n, crm__map_meaning *out)
{
    const crm__own_words *words = words_of(m);
    const crm__own_word *own = crm__own_by_key(words, s, n);
    const crm__field *f = NULL;

    memset(out, 0, sizeof *out);
    out->why = "";
    out->use = own ? own_use(m, own->own) : CRM__USE_NONE;
    out->sure = own && own->own == CRM__OWN_CUSTOMER;
    out->found = CRM__FOUND_KEY;
    if (out->use != CRM__USE_NONE)
        return 1;
    if (m->what == CRM__MAP_EVENTS) {
        f = attribute(m, s, n);
        out->use = CRM__USE_ATTRIBUTE;
        out->word = s;
        out->word_n = n;
    }
    if (!f) {
        f = crm__model_find(m->model, s, n);
        out->use = CRM__USE_FIELD;
        if (f && m->what == CRM__MAP_EVENTS && !crm__field_indexed(f)) {
            out->why = "a field of customers, by which none can be found";
            out->use = CRM__USE_NONE;
        }
    }
    if (f) {
        out->f = f;
        out->found = found_as(f, s, n);
        return out->use != CRM__USE_NONE;
    }
    own = crm__own_by_label(words, s, n);
    out->use = own ? own_use(m, own->own) : CRM__USE_NONE;
    out->found = CRM__FOUND_LABEL;
    return out->use != CRM__USE_NONE;
}

int crm__map_word(const crm__mapping *m, const char *word, size_t n, crm__map_meaning *out,
                  crm_error *err)
{
    if (exact(m, word, n, out))
        return CRM_OK;
    if (crm__map_tag_column(m, word, n, out)) {
        out->loose = 0;
        return CRM_OK;
    }
    if (out->f)
        return crm__fail_field(err, CRM_EFIELD, out->f->key,
                               "%s: is no identity, and events have no such attribute",
                               out->f->key);
    if (m->what == CRM__MAP_EVENTS && m->event)
        return crm__attribute_unknown(m->event, word, n, 1, err);
    return crm__field_unknown(m->model, word, n, 1, err);
}

/* ---- variations ---- */

static int is_closing(uint32_t c)
{
    return c == ')' || c == ']' || c == 0x3011;
}

static int is_opening(uint32_t c)
{
    return c == '(' || c == '[' || c == 0x3010;
}

/* The character before end. */
static uint32_t last(const char *s, const char *end, const char **at)
{
    const char *p = end - 1;

    while (p > s && ((unsigned char)*p & 0xc0) == 0x80)
        p--;
    *at = p;
    return crm__utf8_next(&p, end);
}

/* Takes marks and bracketed words off the end of a folded name, and stars off its front. */
static size_t bare(const char **s, size_t n)
{
    const char *p = *s, *end = *s + n, *at;

    while (p < end && (*p == '*' || *p == ' '))
        p++;
    while (p < end) {
        uint32_t c = last(p, end, &at);
        if (c == '*' || c == ':' || c == ' ') {
            end = at;
        } else if (is_closing(c)) {
            const char *open = at;
            uint32_t o = 0;
            while (open > p && !is_opening(o))
                o = last(p, open, &open);
            if (!is_opening(o) || open == p)
                break;
            end = open;
        } else {
            break;
        }
    }
    *s = p;
    return (size_t)(end - p);
}

/* "FirstName" as "First Name". */
static size_t apart(const char *s, size_t n, char *out, size_t cap)
{
    size_t k = 0;

    for (size_t i = 0; i < n && k + 2 < cap; i++) {
        if (i && s[i] >= 'A' && s[i] <= 'Z' && s[i - 1] >= 'a' && s[i - 1] <= 'z')
            out[k++] = ' ';
        out[k++] = s[i];
    }
    return k;
}

static void replace(char *s, size_t n, char from, char to)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == from)
            s[i] = to;
    }
}

/* A word that outlives the look-up, for attributes. */
static void keep_word(const crm__mapping *m, crm__map_meaning *out)
{
    crm__arena *a = &((crm__mapping *)(uintptr_t)m)->plan;
    const char *copy;

    if (!out->word)
        return;
    copy = crm__arena_copy(a, out->word, out->word_n);
    out->word = copy;
    if (!copy) {
        out->use = CRM__USE_NONE;
        out->why = "";
        ((crm__mapping *)(uintptr_t)m)->nomem = 1;
    }
}

/* A look-up whose text may go. */
static int found(const crm__mapping *m, const char *s, size_t n, crm__map_meaning *out)
{
    if (!exact(m, s, n, out))
        return 0;
    keep_word(m, out);
    return out->use != CRM__USE_NONE;
}

static int varied(const crm__mapping *m, const char *s, size_t n, crm__map_meaning *out)
{
    char folded[CRM__FOLD_BYTES], work[CRM__NAME_BYTES * 2];
    const char *p = folded;
    size_t len = crm__map_fold(s, n, folded), k;

    if (found(m, s, n, out))
        return 1;
    if (out->f || !len)
        return 0;
    len = bare(&p, len);
    if (len && found(m, p, len, out))
        return 1;
    if (!len || len > sizeof work)
        return 0;
    memcpy(work, p, len);
    replace(work, len, ' ', '_');
    replace(work, len, '-', '_');
    if (found(m, work, len, out))
        return 1;
    replace(work, len, '_', ' ');
    if (found(m, work, len, out))
        return 1;
    k = apart(s, n, work, sizeof work);
    return k > n && found(m, work, k, out);
}

/* "external@erp": a per-source identity with its source, as an export has it. */
static int scoped(const crm__mapping *m, const char *s, size_t n, crm__map_meaning *out)
{
    const char *at = memchr(s, '@', n);
    size_t key_n = at ? (size_t)(at - s) : 0, source_n = at ? n - key_n - 1 : 0;
    crm__map_meaning x;
    char *copy;

    if (!key_n || !crm__name_ok(at + 1, source_n) || !exact(m, s, key_n, &x) || !x.f ||
        !(x.f->flags & CRM_FIELD_PER_SOURCE))
        return 0;
    copy = crm__arena_alloc(&((crm__mapping *)(uintptr_t)m)->plan, source_n + 1);
    if (!copy) {
        ((crm__mapping *)(uintptr_t)m)->nomem = 1;
        return 0;
    }
    memcpy(copy, at + 1, source_n);
    copy[source_n] = 0;
    *out = x;
    out->source = copy;
    return 1;
}

/* In a table that this library wrote, what is only to be read. */
static int ours(const crm__mapping *m, const char *s, size_t n, crm__map_meaning *out)
{
    const crm__own_word *own = m->owns ? crm__own_by_key(words_of(m), s, n) : NULL;

    if (!own)
        return 0;
    memset(out, 0, sizeof *out);
    out->why = "";
    out->use = CRM__USE_LEFT_OUT;
    out->found = CRM__FOUND_KEY;
    return 1;
}

void crm__map_name(const crm__mapping *m, const crm__map_column *c, crm__map_meaning *out)
{
    const char *s = (const char *)c->told.column.p;
    size_t n = c->told.column.n;

    memset(out, 0, sizeof *out);
    out->why = "";
    if (!n || n > CRM__NAME_BYTES || crm__utf8_valid(s, n) != n)
        return;
    crm__utf8_trim(&s, &n);
    if (n >= 4 && !memcmp(s, "crm:", 4)) {
        out->use = CRM__USE_LEFT_OUT;
        return;
    }
    if (varied(m, s, n, out) || scoped(m, s, n, out) || ours(m, s, n, out))
        return;
    out->found = CRM__FOUND_NOT;
    out->f = NULL;
}

/* ---- roles ---- */

static int fits(const crm__mapping *m, const crm__field *f, const crm__role *role)
{
    if (m->what == CRM__MAP_EVENTS && !crm__field_indexed(f))
        return 0;
    if (role->part != CRM__PART_WHOLE && (f->flags & CRM_FIELD_LIST || f->type != CRM_TYPE_TEXT))
        return 0;
    return !role->type || f->type == role->type || f->type == CRM_TYPE_TEXT;
}

/* The first of several keys, apart by spaces, that the model has. */
static const crm__field *by_keys(const crm__mapping *m, const char *keys, const crm__role *role)
{
    while (*keys) {
        size_t n = strcspn(keys, " ");
        const crm__field *f = crm__model_find(m->model, keys, n);
        if (f && fits(m, f, role))
            return f;
        keys += n + (keys[n] == ' ');
    }
    return NULL;
}

/* The only field of a type, or the only per-source identity. */
static const crm__field *only(const crm__mapping *m, unsigned type, uint32_t flag, const char **why)
{
    const crm__field *f = NULL;

    for (size_t i = 0; i < crm__model_count(m->model); i++) {
        const crm__field *x = crm__model_at(m->model, i);
        if ((type && x->type != type) || (flag && !(x->flags & flag)))
            continue;
        if (f) {
            *why = "several fields of the model could be meant: say which in a mapping";
            return NULL;
        }
        f = x;
    }
    return f;
}

static void role_field(const crm__mapping *m, const crm__map_column *c, const char *keys,
                       crm__map_meaning *out)
{
    const crm__role *role = c->known.role;
    unsigned type = role->type;

    out->f = by_keys(m, keys, role);
    if (!out->f && type && type != CRM_TYPE_TEXT)
        out->f = only(m, type, 0, &out->why);
    if (!out->f && role->of == CRM__ROLE_OUTSIDE)
        out->f = only(m, 0, CRM_FIELD_PER_SOURCE, &out->why);
    if (!out->f || (m->what == CRM__MAP_EVENTS && !crm__field_indexed(out->f))) {
        out->f = NULL;
        return;
    }
    out->part = role->part;
    if (!strcmp(role->name, "line") && c->number > 1)
        out->part = c->number > 3 ? CRM__PART_LINE3 : CRM__PART_LINE1 + c->number - 1;
    out->use = out->part == CRM__PART_WHOLE ? CRM__USE_FIELD : CRM__USE_PART;
    out->mark = c->known.mark == '#' ? 256 + c->number : (unsigned char)c->known.mark;
}

static void role_attribute(const crm__mapping *m, const char *keys, crm__map_meaning *out)
{
    while (*keys && !out->f) {
        size_t n = strcspn(keys, " ");
        out->f = attribute(m, keys, n);
        if (out->f) {
            out->use = CRM__USE_ATTRIBUTE;
            out->word = keys;
            out->word_n = n;
        }
        keys += n + (keys[n] == ' ');
    }
}

void crm__map_role(const crm__mapping *m, const crm__map_column *c, crm__map_meaning *out)
{
    static const char COMPANY[] = "company organisation organization account";
    static const char NAME[] = "name full_name";
    const crm__role *role = c->known.role;
    int events = m->what == CRM__MAP_EVENTS;

    memset(out, 0, sizeof *out);
    out->why = "";
    out->found = CRM__FOUND_KNOWN;
    if (!role)
        return;
    switch (role->of) {
    case CRM__ROLE_VALUE:
    case CRM__ROLE_OUTSIDE:
        role_field(m, c, role->keys, out);
        break;
    case CRM__ROLE_COMPANY:
        role_field(m, c, m->kind_number == CRM__KIND_ORGANISATION ? NAME : COMPANY, out);
        break;
    case CRM__ROLE_ACCOUNT:
        role_field(m, c, c->beside ? COMPANY : NAME, out);
        break;
    case CRM__ROLE_KIND:
        out->use = CRM__USE_KIND;
        break;
    case CRM__ROLE_SOURCE:
        out->use = CRM__USE_SOURCE;
        break;
    case CRM__ROLE_TAG:
        out->use = events ? CRM__USE_NONE : CRM__USE_TAG;
        if (events)
            out->why = "tags are of customers, not of events";
        break;
    case CRM__ROLE_TIME:
    case CRM__ROLE_DAY:
        out->use = events ? CRM__USE_TIME : CRM__USE_NONE;
        out->part = role->part;
        break;
    case CRM__ROLE_REFERENCE:
        out->use = events ? CRM__USE_REFERENCE : CRM__USE_NONE;
        break;
    case CRM__ROLE_ATTRIBUTE:
        if (events)
            role_attribute(m, role->keys, out);
        break;
    default:
        break;
    }
    if (out->use == CRM__USE_NONE && !*out->why)
        out->why = role->of == CRM__ROLE_NONE ? "known, and nothing that is kept"
                                              : "the model has no field for it";
}
