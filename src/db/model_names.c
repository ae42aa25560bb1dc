/* SPDX-License-Identifier: MIT
 * Names of the model at the public door: fields, event kinds, attributes, values and dimensions of
 * tags, found and walked, and their labels.
 */
#include "db/model.h"

#include <stdio.h>
#include <string.h>

/* ---- out ---- */

void crm__field_out(const crm__event_kind *kind, const crm__field *f, crm_field *out)
{
    memset(out, 0, sizeof *out);
    out->number = kind ? f->number | CRM__ATTRIBUTE_BIT : f->number;
    out->type = f->type;
    out->flags = f->flags;
    out->event = kind ? kind->number : 0;
    crm__copy_name(out->key, f->key, strlen(f->key));
}

static void event_out(const crm__event_kind *kind, crm_event_kind *out)
{
    memset(out, 0, sizeof *out);
    out->number = kind->number;
    crm__copy_name(out->key, kind->key, strlen(kind->key));
}

const crm__field *crm__field_attribute(const crm__model *m, const crm_field *field,
                                       const crm__event_kind **kind)
{
    const crm__field *f;

    *kind = crm__model_event_number(m, field->event);
    if (!*kind || !(field->number & CRM__ATTRIBUTE_BIT))
        return NULL;
    f = crm__event_attribute_number(*kind, field->number & ~CRM__ATTRIBUTE_BIT);
    return f && f->type == field->type && !strcmp(f->key, field->key) ? f : NULL;
}

/* ---- unknown names ---- */

/* Whether a text may be the name of a field and no person's name with a number, or an address: only
 * such a text is repeated in a message. */
static int plausible(const char *s, size_t n)
{
    int digits = 0;

    for (size_t i = 0; i < n; i++) {
        digits += s[i] >= '0' && s[i] <= '9';
        if (s[i] == '@' || (unsigned char)s[i] < 0x20)
            return 0;
    }
    return n < CRM_FIELD_SIZE && digits < 4;
}

/* `what` follows "is no". */
static int unknown(const char *name, size_t n, const char *what, const char *near, crm_error *err)
{
    char shown[CRM_FIELD_SIZE];

    if (!plausible(name, n))
        return crm__fail(err, CRM_EFIELD, "a name of %zu bytes is no %s", n, what);
    crm__copy_name(shown, name, n);
    return near ? crm__fail_field(err, CRM_EFIELD, shown, "\"%s\" is no %s; did you mean \"%s\"?",
                                  shown, what, near)
                : crm__fail_field(err, CRM_EFIELD, shown, "\"%s\" is no %s", shown, what);
}

int crm__field_unknown(const crm__model *m, const char *name, size_t n, int hint, crm_error *err)
{
    return unknown(name, n, "field of the model", hint ? crm__model_near(m, name, n) : NULL, err);
}

int crm__event_unknown(const crm__model *m, const char *name, size_t n, int hint, crm_error *err)
{
    return unknown(name, n, "event kind of the model",
                   hint ? crm__model_event_near(m, name, n) : NULL, err);
}

int crm__attribute_unknown(const crm__event_kind *kind, const char *name, size_t n, int hint,
                           crm_error *err)
{
    char what[CRM_FIELD_SIZE + 16];

    snprintf(what, sizeof what, "attribute of %s", kind->key);
    return unknown(name, n, what, hint ? crm__event_attribute_near(kind, name, n) : NULL, err);
}

int crm__dimension_unknown(const crm__model *m, const char *name, size_t n, int hint,
                           crm_error *err)
{
    return unknown(name, n, "dimension of tags",
                   hint ? crm__model_dimension_near(m, name, n) : NULL, err);
}

/* ---- entering ---- */

/* The model of a live transaction; arguments that are NULL are refused by name. */
static int enter(crm_txn *txn, const void *a, const char *a_name, const void *b, const char *b_name,
                 const crm__model **m, crm_error *err)
{
    const char *null = !a ? a_name : !b ? b_name : NULL;
    int rc = crm__txn_enter_beside(txn, 0, err);

    if (rc)
        return rc;
    if (null)
        return crm__fail_field(err, CRM_EINVAL, null, "%s is NULL", null);
    return crm__txn_model(txn, m, err);
}

/* What a crm_field stands for: a field of customers or an attribute. */
static int resolve(const crm__model *m, const crm_field *field, const crm__field **f,
                   crm_error *err)
{
    const crm__event_kind *kind;

    *f = field->event ? crm__field_attribute(m, field, &kind) : crm__model_number(m, field->number);
    return *f ? CRM_OK
              : crm__fail_field(err, CRM_EFIELD, field->key, "the model has no such %s",
                                field->event ? "attribute" : "field");
}

static int resolve_event(const crm__model *m, const crm_event_kind *kind,
                         const crm__event_kind **out, crm_error *err)
{
    *out = crm__model_event_number(m, kind->number);
    return *out ? CRM_OK
                : crm__fail_field(err, CRM_EFIELD, kind->key, "the model has no such event kind");
}

/* ---- labels ---- */

/* Length of a language tag without its last part: zh-Hans-CN, zh-Hans, zh. */
static size_t shorter(const char *lang, size_t n)
{
    while (n > 0 && lang[n - 1] != '-' && lang[n - 1] != '_')
        n--;
    return n ? n - 1 : 0;
}

static int same_language(const char *tag, const char *lang, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = lang[i] >= 'A' && lang[i] <= 'Z' ? (char)(lang[i] + 32) : lang[i];
        if (tag[i] != (c == '_' ? '-' : c))
            return 0;
    }
    return tag[n] == 0;
}

/* The first in the language or the nearest wider one; else the first of all; else the key. */
static const char *label_of(const crm__label *labels, uint32_t count, const char *key,
                            const char *lang)
{
    for (size_t n = lang ? strlen(lang) : 0; n; n = shorter(lang, n)) {
        for (uint32_t i = 0; i < count; i++) {
            if (same_language(labels[i].lang, lang, n))
                return labels[i].text;
        }
    }
    return count ? labels[0].text : key;
}

int crm_kind_label(crm_txn *txn, const char *kind, const char *lang, const char **label,
                   crm_error *err)
{
    const crm__model *m;
    const crm__label *labels;
    uint32_t count;
    unsigned k;
    int rc = enter(txn, kind, "kind", label, "label", &m, err);

    if (rc)
        return rc;
    k = crm__kind_find(m, kind, strlen(kind));
    if (!k)
        return crm__fail_field(err, CRM_EVALUE, "kind",
                               "kind: is neither \"person\" nor \"organisation\"");
    labels = crm__kind_labels(m, k, &count);
    *label = label_of(labels, count, crm__kind_key(k), lang);
    return CRM_OK;
}

/* ---- fields ---- */

int crm_field_find(crm_txn *txn, const char *name, size_t n, crm_field *out, crm_error *err)
{
    const crm__model *m;
    const crm__field *f;
    int rc = enter(txn, name, "name", out, "out", &m, err);

    if (rc)
        return rc;
    if (n == CRM_NUL)
        n = strlen(name);
    f = crm__model_find(m, name, n);
    if (!f)
        return crm__field_unknown(m, name, n, 1, err);
    crm__field_out(NULL, f, out);
    return CRM_OK;
}

int crm_field_next(crm_txn *txn, size_t *pos, crm_field *out, crm_error *err)
{
    const crm__model *m;
    int rc = enter(txn, pos, "pos", out, "out", &m, err);

    if (rc)
        return rc;
    if (*pos >= crm__model_count(m))
        return CRM_DONE;
    crm__field_out(NULL, crm__model_at(m, (*pos)++), out);
    return CRM_OK;
}

int crm_field_label(crm_txn *txn, const crm_field *field, const char *lang, const char **label,
                    crm_error *err)
{
    const crm__model *m;
    const crm__field *f;
    int rc = enter(txn, field, "field", label, "label", &m, err);

    if (!rc)
        rc = resolve(m, field, &f, err);
    if (rc)
        return rc;
    *label = label_of(f->labels, f->label_count, f->key, lang);
    return CRM_OK;
}

/* ---- values of enums ---- */

int crm_value_next(crm_txn *txn, const crm_field *field, size_t *pos, const char **value,
                   crm_error *err)
{
    const crm__model *m;
    const crm__field *f;
    int rc = enter(txn, field, "field", pos ? (const void *)value : NULL, pos ? "value" : "pos", &m,
                   err);

    if (!rc)
        rc = resolve(m, field, &f, err);
    if (rc)
        return rc;
    if (*pos >= f->value_count)
        return CRM_DONE;
    *value = f->values[(*pos)++].key;
    return CRM_OK;
}

int crm_value_label(crm_txn *txn, const crm_field *field, const char *value, const char *lang,
                    const char **label, crm_error *err)
{
    const crm__model *m;
    const crm__field *f;
    const crm__enum_value *v;
    int rc = enter(txn, field, "field", value ? (const void *)label : NULL,
                   value ? "label" : "value", &m, err);

    if (!rc)
        rc = resolve(m, field, &f, err);
    if (rc)
        return rc;
    v = crm__enum_find(f, value, strlen(value));
    if (!v)
        return crm__fail_field(err, CRM_EVALUE, f->key, "%s: the model has no such value", f->key);
    *label = label_of(v->labels, v->label_count, v->key, lang);
    return CRM_OK;
}

/* ---- event kinds and their attributes ---- */

int crm_event_kind_find(crm_txn *txn, const char *name, size_t n, crm_event_kind *out,
                        crm_error *err)
{
    const crm__model *m;
    const crm__event_kind *kind;
    int rc = enter(txn, name, "name", out, "out", &m, err);

    if (rc)
        return rc;
    if (n == CRM_NUL)
        n = strlen(name);
    kind = crm__model_event_find(m, name, n);
    if (!kind)
        return crm__event_unknown(m, name, n, 1, err);
    event_out(kind, out);
    return CRM_OK;
}

int crm_event_kind_next(crm_txn *txn, size_t *pos, crm_event_kind *out, crm_error *err)
{
    const crm__model *m;
    int rc = enter(txn, pos, "pos", out, "out", &m, err);

    if (rc)
        return rc;
    if (*pos >= crm__model_event_count(m))
        return CRM_DONE;
    event_out(crm__model_event_at(m, (*pos)++), out);
    return CRM_OK;
}

int crm_event_kind_label(crm_txn *txn, const crm_event_kind *kind, const char *lang,
                         const char **label, crm_error *err)
{
    const crm__model *m;
    const crm__event_kind *k;
    int rc = enter(txn, kind, "kind", label, "label", &m, err);

    if (!rc)
        rc = resolve_event(m, kind, &k, err);
    if (rc)
        return rc;
    *label = label_of(k->labels, k->label_count, k->key, lang);
    return CRM_OK;
}

int crm_attribute_find(crm_txn *txn, const crm_event_kind *kind, const char *name, size_t n,
                       crm_field *out, crm_error *err)
{
    const crm__model *m;
    const crm__event_kind *k;
    const crm__field *f;
    int rc =
        enter(txn, kind, "kind", name ? (const void *)out : NULL, name ? "out" : "name", &m, err);

    if (!rc)
        rc = resolve_event(m, kind, &k, err);
    if (rc)
        return rc;
    if (n == CRM_NUL)
        n = strlen(name);
    f = crm__event_attribute_find(k, name, n);
    if (!f)
        return crm__attribute_unknown(k, name, n, 1, err);
    crm__field_out(k, f, out);
    return CRM_OK;
}

int crm_attribute_next(crm_txn *txn, const crm_event_kind *kind, size_t *pos, crm_field *out,
                       crm_error *err)
{
    const crm__model *m;
    const crm__event_kind *k;
    int rc = enter(txn, kind, "kind", pos ? (const void *)out : NULL, pos ? "out" : "pos", &m, err);

    if (!rc)
        rc = resolve_event(m, kind, &k, err);
    if (rc)
        return rc;
    if (*pos >= k->attribute_count)
        return CRM_DONE;
    crm__field_out(k, &k->attributes[(*pos)++], out);
    return CRM_OK;
}

/* ---- dimensions of tags ---- */

static void dimension_out(const crm__dimension *d, crm_dimension *out)
{
    memset(out, 0, sizeof *out);
    out->flags = (d->one ? CRM_DIMENSION_ONE : 0) |
                 (d->hierarchical ? CRM_DIMENSION_HIERARCHICAL : 0) |
                 (d->closed ? CRM_DIMENSION_CLOSED : 0) | (d->expires ? CRM_DIMENSION_EXPIRES : 0);
    crm__copy_name(out->key, d->key, strlen(d->key));
}

static int resolve_dimension(const crm__model *m, const crm_dimension *dimension,
                             const crm__dimension **out, crm_error *err)
{
    char key[CRM_FIELD_SIZE];

    crm__copy_name(key, dimension->key, strnlen(dimension->key, sizeof dimension->key));
    *out = crm__model_dimension_find(m, key, strlen(key));
    return *out ? CRM_OK
                : crm__fail_field(err, CRM_EFIELD, key, "the model has no such dimension of tags");
}

int crm_dimension_find(crm_txn *txn, const char *name, size_t n, crm_dimension *out, crm_error *err)
{
    const crm__model *m;
    const crm__dimension *d;
    int rc = enter(txn, name, "name", out, "out", &m, err);

    if (rc)
        return rc;
    if (n == CRM_NUL)
        n = strlen(name);
    d = crm__model_dimension_find(m, name, n);
    if (!d)
        return crm__dimension_unknown(m, name, n, 1, err);
    dimension_out(d, out);
    return CRM_OK;
}

int crm_dimension_next(crm_txn *txn, size_t *pos, crm_dimension *out, crm_error *err)
{
    const crm__model *m;
    int rc = enter(txn, pos, "pos", out, "out", &m, err);

    if (rc)
        return rc;
    if (*pos >= crm__model_dimension_count(m))
        return CRM_DONE;
    dimension_out(crm__model_dimension_at(m, (*pos)++), out);
    return CRM_OK;
}

int crm_dimension_label(crm_txn *txn, const crm_dimension *dimension, const char *lang,
                        const char **label, crm_error *err)
{
    const crm__model *m;
    const crm__dimension *d;
    int rc = enter(txn, dimension, "dimension", label, "label", &m, err);

    if (!rc)
        rc = resolve_dimension(m, dimension, &d, err);
    if (rc)
        return rc;
    *label = label_of(d->labels, d->label_count, d->key, lang);
    return CRM_OK;
}

int crm_dimension_value_next(crm_txn *txn, const crm_dimension *dimension, size_t *pos,
                             const char **value, crm_error *err)
{
    const crm__model *m;
    const crm__dimension *d;
    int rc = enter(txn, dimension, "dimension", pos ? (const void *)value : NULL,
                   pos ? "value" : "pos", &m, err);

    if (!rc)
        rc = resolve_dimension(m, dimension, &d, err);
    if (rc)
        return rc;
    if (*pos >= d->value_count)
        return CRM_DONE;
    *value = d->values[(*pos)++].path;
    return CRM_OK;
}

int crm_dimension_value_label(crm_txn *txn, const crm_dimension *dimension, const char *value,
                              const char *lang, const char **label, crm_error *err)
{
    const crm__model *m;
    const crm__dimension *d;
    const crm__dimension_value *v;
    int rc = enter(txn, dimension, "dimension", value ? (const void *)label : NULL,
                   value ? "label" : "value", &m, err);

    if (!rc)
        rc = resolve_dimension(m, dimension, &d, err);
    if (rc)
        return rc;
    v = crm__dimension_value_find(d, value, strlen(value));
    if (!v)
        return crm__fail_field(err, CRM_EVALUE, d->key, "%s: the model lists no such value",
                               d->key);
    *label = label_of(v->labels, v->label_count, v->path, lang);
    return CRM_OK;
}
