/* SPDX-License-Identifier: MIT
 * Dimensions of tags: their part of the document, and the one road from what people write for a
 * value ("cn/east/shanghai", "中国/华东/上海", "上海") to its canonical path.
 */
#include "base/error.h"
#include "base/utf8.h"
#include "model/load.h"

#include <stdio.h>
#include <string.h>

enum { WORD_SIZE = 192, WIDE_FIRST = 0xFF01, WIDE_LAST = 0xFF5E, WIDE_LESS = 0xFEE0 };

/* ---- what may stand in a path ---- */

/* The ASCII character that a fullwidth one stands for; others are themselves. */
static uint32_t narrow(uint32_t c)
{
    return c >= WIDE_FIRST && c <= WIDE_LAST ? c - WIDE_LESS : c;
}

/* Lists of tags, segments and the command line take tags apart at these. */
static int is_sign(uint32_t c)
{
    c = narrow(c);
    return c == ':' || c == ',' || c == ';' || c == '(' || c == ')' || c == '"' || c == '*' ||
           c == 0x3001;
}

const char *crm__tag_colon(const char *s, size_t n, size_t *bytes)
{
    const char *p = s, *end = s + n;

    while (p < end) {
        const char *at = p;
        if (narrow(crm__utf8_next(&p, end)) == ':') {
            *bytes = (size_t)(p - at);
            return at;
        }
    }
    return NULL;
}

/* The next level of a text: up to a slash, trimmed.  0: none is left. */
static int next_level(const char **p, const char *end, int hierarchical, crm__slice *level)
{
    const char *first = *p, *s = first, *at = end;
    size_t n;

    if (!s)
        return 0;
    for (*p = NULL; s < end && !*p;) {
        const char *here = s;
        if (narrow(crm__utf8_next(&s, end)) == '/' && hierarchical) {
            at = here;
            *p = s;
        }
    }
    n = (size_t)(at - first);
    crm__utf8_trim(&first, &n);
    level->p = (const uint8_t *)first;
    level->n = n;
    return 1;
}

/* Why a text can't be a path; NULL: it can. */
static const char *fault_of(const char *s, size_t n, int hierarchical)
{
    const char *p = s, *end = s + n;
    crm__slice level;

    if (crm__utf8_valid(s, n) != n)
        return "is not UTF-8";
    if (n > CRM__TAG_PATH_BYTES)
        return "is longer than 400 bytes";
    while (p < end) {
        uint32_t c = crm__utf8_next(&p, end);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029)
            return "holds a control character";
        if (is_sign(c))
            return "holds one of : , ; ( ) \" *";
        if (narrow(c) == '/' && !hierarchical)
            return "holds a /, and the dimension has no levels";
    }
    for (p = s; next_level(&p, end, hierarchical, &level);) {
        if (!level.n)
            return "is empty, or has an empty level";
    }
    return NULL;
}

/* ---- a text to a path ---- */

static const crm__dimension_value *value_at(const crm__dimension *d, uint32_t i)
{
    return i < d->value_count ? &d->values[i] : NULL;
}

const crm__dimension_value *crm__dimension_value_find(const crm__dimension *d, const char *name,
                                                      size_t n)
{
    return d->value_names ? value_at(d, crm__names_find(d->value_names, name, n)) : NULL;
}

/* 1 when path lies one level below the first n bytes of above, or n is 0. */
static int is_child(const char *path, const uint8_t *above, size_t n)
{
    return !n || (strlen(path) > n && !memcmp(path, above, n) && path[n] == '/' &&
                  !strchr(path + n + 1, '/'));
}

/* Appends one level behind out->p[from ..].  A declared value is known by its path, or by a label
 * of it under the level above; the widest level may also be any declared value by its label. */
static void add_level(const crm__dimension *d, crm__slice level, crm__buf *out, size_t from)
{
    size_t n = out->n - from;
    const crm__dimension_value *v;

    if (n)
        crm__buf_add_u8(out, '/');
    crm__buf_add(out, level.p, level.n);
    if (out->failed || out->n - from > CRM__NAME_BYTES)
        return;
    v = crm__dimension_value_find(d, (const char *)out->p + from, out->n - from);
    if (!v) {
        v = crm__dimension_value_find(d, (const char *)level.p, level.n);
        if (v && !is_child(v->path, out->p + from, n))
            v = NULL;
    }
    if (v) {
        out->n = from;
        crm__buf_add_str(out, v->path);
    }
}

/* A declared value, or a level above one. */
int crm__dimension_declares(const crm__dimension *d, const char *path, size_t n)
{
    for (uint32_t i = 0; i < d->value_count; i++) {
        const char *s = d->values[i].path;
        if (!strncmp(s, path, n) && (!s[n] || s[n] == '/'))
            return 1;
    }
    return 0;
}

static int not_declared(const crm__dimension *d, const char *text, size_t n, crm_error *err)
{
    const char *near = d->value_names ? crm__names_near(d->value_names, text, n) : NULL;

    if (near)
        return crm__fail_field(err, CRM_EVALUE, d->key,
                               "tag of %s: is not a value of it, which the model lists; did you "
                               "mean \"%s\"?",
                               d->key, near);
    return crm__fail_field(err, CRM_EVALUE, d->key,
                           "tag of %s: is not a value of it, which the model lists", d->key);
}

int crm__dimension_path(const crm__dimension *d, const char *text, size_t n, crm__buf *out,
                        crm_error *err)
{
    size_t from = out->n;
    const crm__dimension_value *v;
    const char *fault, *p, *end;
    crm__slice level;

    if (crm__utf8_valid(text, n) == n)
        crm__utf8_trim(&text, &n);
    fault = fault_of(text, n, d->hierarchical);
    if (fault)
        return crm__fail_field(err, CRM_EVALUE, d->key, "tag of %s: %s", d->key, fault);
    v = crm__dimension_value_find(d, text, n);
    if (v)
        crm__buf_add_str(out, v->path);
    for (p = v ? NULL : text, end = text + n; next_level(&p, end, d->hierarchical, &level);)
        add_level(d, level, out, from);
    if (out->failed)
        return crm__fail_nomem(err);
    if (out->n - from > CRM__TAG_PATH_BYTES) {
        out->n = from;
        return crm__fail_field(err, CRM_EVALUE, d->key, "tag of %s: is longer than 400 bytes",
                               d->key);
    }
    if (!d->closed || v || crm__dimension_declares(d, (const char *)out->p + from, out->n - from))
        return CRM_OK;
    out->n = from;
    return not_declared(d, text, n, err);
}

/* ---- the document ---- */

enum { K_LABEL, K_VALUES, K_ONE, K_HIERARCHICAL, K_CLOSED, K_EXPIRES, KEYS };
static const char *const KEY[KEYS] = {"label",        "values", "one",
                                      "hierarchical", "closed", "expires"};

/* What is read of one dimension. */
typedef struct reading {
    crm__draft *d;
    crm__dimension *out;
    char of[96];
    const crm__node *node[KEYS];
} reading;

static void sort_keys(reading *r, const crm__node *map)
{
    char hint[CRM_MESSAGE_SIZE];

    for (const crm__node *node = map->first; node; node = node->next) {
        int i = 0;
        while (i < KEYS && strcmp(node->key->text, KEY[i]))
            i++;
        if (i < KEYS) {
            r->node[i] = node;
            continue;
        }
        crm__hint(hint, node->key, KEY, KEYS);
        crm__fault(&r->d->load, node->key, "%s: unknown key \"%s\", %s", r->of,
                   crm__node_word(node->key).s, hint);
    }
}

static uint8_t read_flag(reading *r, int key)
{
    const char *s = r->node[key] ? crm__node_text(r->d, r->node[key], KEY[key], r->of) : NULL;

    if (s && strcmp(s, "true") && strcmp(s, "false"))
        crm__fault(&r->d->load, r->node[key], "%s: %s must be true or false", r->of, KEY[key]);
    return s && !strcmp(s, "true");
}

/* The canonical path of a declared value: its levels as written, without the spaces around them. */
static const char *keep_path(reading *r, const crm__node *key)
{
    const char *s = key->text, *p, *fault, *kept;
    size_t n = key->n;
    crm__slice level;
    crm__buf path;

    crm__utf8_trim(&s, &n);
    fault = fault_of(s, n, r->out->hierarchical);
    if (fault) {
        crm__fault(&r->d->load, key, "%s: value \"%s\" %s", r->of, crm__node_word(key).s, fault);
        return NULL;
    }
    crm__buf_init(&path, r->d->load.mem);
    for (p = s; next_level(&p, s + n, r->out->hierarchical, &level);) {
        if (path.n)
            crm__buf_add_u8(&path, '/');
        crm__buf_add(&path, level.p, level.n);
    }
    kept = path.failed ? NULL : crm__keep(r->d, (const char *)path.p, path.n);
    if (!kept)
        r->d->load.nomem = 1;
    crm__buf_clear(&path);
    return kept;
}

static void add_value(reading *r, const crm__node *key, const crm__node *label,
                      crm__dimension_value *values, crm__buf *entries)
{
    uint32_t position = r->out->value_count;
    crm__dimension_value *v = &values[position];
    char of[WORD_SIZE];

    if (key->kind == CRM__NODE_BAD)
        return;
    if (key->kind != CRM__NODE_TEXT) {
        crm__fault(&r->d->load, key, "%s: the list of values holds texts only", r->of);
        return;
    }
    v->path = keep_path(r, key);
    if (!v->path)
        return;
    crm__entry_add(r->d, entries, key, v->path, strlen(v->path), position, 1);
    snprintf(of, sizeof of, "%s, value \"%s\"", r->of, crm__node_word(key).s);
    if (label && (label->kind != CRM__NODE_TEXT || label->n))
        crm__labels_read(r->d, label, of, position, entries, &v->labels, &v->label_count);
    r->out->value_count++;
}

static void read_values(reading *r, const crm__node *node)
{
    int map = node->kind == CRM__NODE_MAP;
    size_t most = node->n < CRM__MODEL_VALUES ? node->n : CRM__MODEL_VALUES;
    crm__dimension_value *values;
    crm__names *names;
    crm__buf entries;

    if (!map && node->kind != CRM__NODE_LIST) {
        if (node->kind != CRM__NODE_BAD)
            crm__fault(&r->d->load, node,
                       "%s: values must be a map from values to labels, or a list of values",
                       r->of);
        return;
    }
    if (node->n > CRM__MODEL_VALUES)
        crm__fault(&r->d->load, node, "%s: more than %d values", r->of, (int)CRM__MODEL_VALUES);
    if (!most)
        return;
    values = crm__keep_array(r->d, most, sizeof *values);
    names = crm__keep_array(r->d, 1, sizeof *names);
    if (!values || !names)
        return;
    crm__buf_init(&entries, r->d->load.mem);
    for (const crm__node *item = node->first; item && most && !r->d->load.nomem;
         item = item->next, most--)
        add_value(r, map ? item->key : item, map ? item : NULL, values, &entries);
    crm__space_build(r->d, &entries, NULL, names);
    crm__buf_clear(&entries);
    r->out->values = values;
    r->out->value_names = names;
}

static void read_parts(reading *r, const crm__node *node, uint32_t position, crm__buf *dimensions)
{
    crm__dimension *out = r->out;

    sort_keys(r, node);
    out->one = read_flag(r, K_ONE);
    out->hierarchical = read_flag(r, K_HIERARCHICAL);
    out->closed = read_flag(r, K_CLOSED);
    out->expires = read_flag(r, K_EXPIRES);
    if (r->node[K_LABEL])
        crm__labels_read(r->d, r->node[K_LABEL], r->of, position, dimensions, &out->labels,
                         &out->label_count);
    if (r->node[K_VALUES])
        read_values(r, r->node[K_VALUES]);
    if (out->closed && !r->d->load.fault_count && !out->value_count)
        crm__fault(&r->d->load, r->node[K_CLOSED],
                   "%s: a closed dimension needs values, such as {closed: true, values: [a, b]}",
                   r->of);
}

static void read_dimension(crm__draft *d, const crm__node *node, uint32_t position,
                           crm__buf *dimensions)
{
    reading r;

    memset(&r, 0, sizeof r);
    r.d = d;
    r.out = &d->m->dimensions[position];
    r.out->line = node->key->line;
    r.out->column = node->key->column;
    r.out->key = crm__keep(d, node->key->text, node->key->n);
    if (!r.out->key)
        return;
    if (crm__key_check(d, node->key, "dimension"))
        crm__entry_add(d, dimensions, node->key, r.out->key, node->key->n, position, 1);
    snprintf(r.of, sizeof r.of, "dimension \"%s\"", crm__node_word(node->key).s);
    /* One that says nothing of itself takes any tags: "campaign:". */
    if (node->kind == CRM__NODE_MAP)
        read_parts(&r, node, position, dimensions);
    else if (node->kind != CRM__NODE_BAD && (node->kind != CRM__NODE_TEXT || node->n))
        crm__fault(&d->load, node, "%s: expected a map such as {one: true, values: [a, b]}", r.of);
}

void crm__dimensions_read(crm__draft *d, const crm__node *node)
{
    crm__model *m = d->m;
    crm__buf dimensions;
    size_t most;

    if (node && node->kind != CRM__NODE_MAP && node->kind != CRM__NODE_BAD)
        crm__fault(&d->load, node,
                   "tags: expected a map from keys of dimensions to descriptions, such as "
                   "region: {hierarchical: true}");
    if (!node || node->kind != CRM__NODE_MAP || !node->n)
        return;
    most = node->n < CRM__MODEL_DIMENSIONS ? node->n : CRM__MODEL_DIMENSIONS;
    m->dimensions = crm__keep_array(d, most, sizeof *m->dimensions);
    if (!m->dimensions)
        return;
    crm__buf_init(&dimensions, d->load.mem);
    for (const crm__node *one = node->first; one && !d->load.nomem; one = one->next) {
        if (m->dimension_count == CRM__MODEL_DIMENSIONS) {
            crm__fault(&d->load, one->key, "more than %d dimensions", (int)CRM__MODEL_DIMENSIONS);
            break;
        }
        read_dimension(d, one, (uint32_t)m->dimension_count++, &dimensions);
    }
    crm__space_build(d, &dimensions, NULL, &m->dimension_names);
    crm__buf_clear(&dimensions);
}

/* ---- look-ups ---- */

size_t crm__model_dimension_count(const crm__model *m)
{
    return m->dimension_count;
}

const crm__dimension *crm__model_dimension_at(const crm__model *m, size_t i)
{
    return i < m->dimension_count ? &m->dimensions[i] : NULL;
}

const crm__dimension *crm__model_dimension_find(const crm__model *m, const char *name, size_t n)
{
    return crm__model_dimension_at(m, crm__names_find(&m->dimension_names, name, n));
}

const char *crm__model_dimension_near(const crm__model *m, const char *name, size_t n)
{
    return crm__names_near(&m->dimension_names, name, n);
}
