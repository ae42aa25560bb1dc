/* SPDX-License-Identifier: MIT
 * A compiled model in use: references, numbers of the dictionary, look-ups; and the two public
 * functions that need no database.
 */
#include "base/error.h"
#include "base/utf8.h"
#include "model/load.h"

#include <string.h>

/* ---- life ---- */

void crm__model_ref(crm__model *m)
{
    __atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED);
}

void crm__model_unref(crm__model *m)
{
    crm_allocator own;
    const crm_allocator *mem;

    if (!m || __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; i < m->count; i++)
        crm__pattern_free(m->fields[i].pattern);
    for (size_t i = 0; i < m->event_count; i++) {
        for (uint32_t k = 0; k < m->events[i].attribute_count; k++)
            crm__pattern_free(m->events[i].attributes[k].pattern);
    }
    own = m->own;
    mem = m->mem ? &own : NULL;
    crm__release(mem, m->text);
    crm__arena_clear(&m->arena);
    crm__release(mem, m);
}

/* ---- numbers ---- */

enum { NAME_SIZE = 3 * CRM_FIELD_SIZE }; /* kind/attribute/value */

typedef struct binding {
    crm__model *m;
    crm__number_fn number;
    void *ctx;
    crm_error *err;
} binding;

static int bad_number(binding *b, const char *name)
{
    return crm__fail_field(b->err, CRM_ECORRUPT, name,
                           "the dictionary's number of \"%s\" is 0 or that of another name", name);
}

/* Numbers of the values of an enum, which the dictionary knows by the name of their field. */
static int bind_values(binding *b, crm__field *f, char name[NAME_SIZE], size_t n)
{
    crm__numbers *numbers = crm__arena_alloc(&b->m->arena, sizeof *numbers);
    size_t k;
    int rc;

    if (!numbers || crm__numbers_init(numbers, &b->m->arena, f->value_count))
        return crm__fail_nomem(b->err);
    name[n++] = '/';
    for (uint32_t i = 0; i < f->value_count; i++) {
        /* Values and attributes stand in the model's own arena: const is for everybody else. */
        crm__enum_value *v = (crm__enum_value *)&f->values[i];
        k = strlen(v->key);
        memcpy(name + n, v->key, k + 1);
        rc = b->number(b->ctx, 'e', name, n + k, &v->number, b->err);
        if (rc)
            return rc;
        if (!v->number || crm__numbers_add(numbers, v->number, i))
            return bad_number(b, f->key);
    }
    f->value_numbers = numbers;
    return CRM_OK;
}

static int bind_enum_default(binding *b, crm__field *f, const crm__enum_default *list)
{
    crm__value v;
    crm__buf payload, item;
    int rc = CRM_OK;

    if (!list->count)
        return CRM_OK;
    memset(&v, 0, sizeof v);
    v.type = CRM_TYPE_ENUM;
    crm__buf_init(&payload, b->m->mem);
    crm__buf_init(&item, b->m->mem);
    for (size_t i = 0; i < list->count; i++) {
        v.integer = f->values[list->positions[i]].number;
        item.n = 0;
        crm__value_encode(&item, &v, 0);
        if (f->flags & CRM_FIELD_LIST)
            crm__list_add(&payload, (crm__slice){item.p, item.n});
        else
            crm__buf_add(&payload, item.p, item.n);
    }
    f->default_value.n = payload.n;
    f->default_value.p = crm__arena_copy(&b->m->arena, payload.p, payload.n);
    if (item.failed || payload.failed || !f->default_value.p)
        rc = crm__fail_nomem(b->err);
    crm__buf_clear(&item);
    crm__buf_clear(&payload);
    return rc;
}

/* `of` is the key of the event kind, NULL for a field of customers. */
static int bind_field(binding *b, const char *of, crm__field *f, const crm__enum_default *preset,
                      crm__numbers *numbers, uint32_t position)
{
    char name[NAME_SIZE];
    size_t n = of ? strlen(of) : 0;
    int rc;

    if (of) {
        memcpy(name, of, n);
        name[n++] = '/';
    }
    memcpy(name + n, f->key, strlen(f->key) + 1);
    n += strlen(f->key);
    rc = b->number(b->ctx, of ? 'a' : 'f', name, n, &f->number, b->err);
    if (!rc && (!f->number || crm__numbers_add(numbers, f->number, position)))
        rc = bad_number(b, f->key);
    if (!rc && f->type == CRM_TYPE_ENUM)
        rc = bind_values(b, f, name, n);
    if (!rc && f->type == CRM_TYPE_ENUM)
        rc = bind_enum_default(b, f, preset);
    return rc;
}

static int bind_fields(binding *b)
{
    crm__model *m = b->m;
    int rc = CRM_OK;

    if (crm__numbers_init(&m->numbers, &m->arena, m->count))
        return crm__fail_nomem(b->err);
    for (size_t i = 0; i < m->count && !rc; i++)
        rc = bind_field(b, NULL, &m->fields[i], &m->enum_defaults[i], &m->numbers, (uint32_t)i);
    return rc;
}

static int bind_event(binding *b, crm__event_kind *kind, uint32_t position)
{
    crm__arena *arena = &b->m->arena;
    crm__numbers *numbers = crm__arena_alloc(arena, sizeof *numbers);
    int rc;

    if (!numbers || crm__numbers_init(numbers, arena, kind->attribute_count))
        return crm__fail_nomem(b->err);
    rc = b->number(b->ctx, 'k', kind->key, strlen(kind->key), &kind->number, b->err);
    if (!rc && (!kind->number || crm__numbers_add(&b->m->event_numbers, kind->number, position)))
        rc = bad_number(b, kind->key);
    for (uint32_t i = 0; i < kind->attribute_count && !rc; i++)
        rc = bind_field(b, kind->key, (crm__field *)&kind->attributes[i], &kind->enum_defaults[i],
                        numbers, i);
    kind->attribute_numbers = numbers;
    return rc;
}

static int bind_events(binding *b)
{
    crm__model *m = b->m;
    int rc = CRM_OK;

    if (crm__numbers_init(&m->event_numbers, &m->arena, m->event_count))
        return crm__fail_nomem(b->err);
    for (size_t i = 0; i < m->event_count && !rc; i++)
        rc = bind_event(b, &m->events[i], (uint32_t)i);
    return rc;
}

static void unbind_field(crm__field *f)
{
    f->number = 0;
    f->value_numbers = NULL;
    if (f->type == CRM_TYPE_ENUM)
        memset(&f->default_value, 0, sizeof f->default_value);
    for (uint32_t k = 0; k < f->value_count; k++)
        ((crm__enum_value *)&f->values[k])->number = 0;
}

static void unbind(crm__model *m)
{
    memset(&m->numbers, 0, sizeof m->numbers);
    memset(&m->event_numbers, 0, sizeof m->event_numbers);
    for (size_t i = 0; i < m->count; i++)
        unbind_field(&m->fields[i]);
    for (size_t i = 0; i < m->event_count; i++) {
        crm__event_kind *kind = &m->events[i];
        kind->number = 0;
        kind->attribute_numbers = NULL;
        for (uint32_t k = 0; k < kind->attribute_count; k++)
            unbind_field((crm__field *)&kind->attributes[k]);
    }
}

int crm__model_bind(crm__model *m, uint32_t version, crm__number_fn number, void *ctx,
                    crm_error *err)
{
    binding b = {m, number, ctx, err};
    int rc;

    if (m->bound)
        return crm__fail(err, CRM_ESTATE, "the model is bound already");
    rc = bind_fields(&b);
    if (!rc)
        rc = bind_events(&b);
    if (rc) {
        unbind(m);
        return rc;
    }
    m->version = version;
    m->bound = 1;
    return CRM_OK;
}

/* ---- look-ups ---- */

const char *crm__model_text(const crm__model *m, size_t *n)
{
    if (n)
        *n = m->n;
    return m->text;
}

uint32_t crm__model_version(const crm__model *m)
{
    return m->version;
}

size_t crm__model_count(const crm__model *m)
{
    return m->count;
}

const crm__field *crm__model_at(const crm__model *m, size_t i)
{
    return i < m->count ? &m->fields[i] : NULL;
}

const crm__field *crm__model_number(const crm__model *m, uint32_t number)
{
    return crm__model_at(m, crm__numbers_find(&m->numbers, number));
}

const crm__field *crm__model_find(const crm__model *m, const char *name, size_t n)
{
    return crm__model_at(m, crm__names_find(&m->names, name, n));
}

const char *crm__model_near(const crm__model *m, const char *name, size_t n)
{
    return crm__names_near(&m->names, name, n);
}

const char *crm__kind_key(unsigned kind)
{
    return kind == CRM__KIND_PERSON         ? "person"
           : kind == CRM__KIND_ORGANISATION ? "organisation"
                                            : NULL;
}

unsigned crm__kind_find(const crm__model *m, const char *name, size_t n)
{
    uint32_t kind = crm__names_find(&m->kind_names, name, n);

    return kind == CRM__NO_OWNER ? 0 : kind;
}

const crm__label *crm__kind_labels(const crm__model *m, unsigned kind, uint32_t *count)
{
    if (!crm__kind_key(kind)) {
        *count = 0;
        return NULL;
    }
    *count = m->kind_label_count[kind];
    return m->kind_labels[kind];
}

const crm__enum_value *crm__enum_number(const crm__field *f, uint32_t number)
{
    uint32_t i = f->value_numbers ? crm__numbers_find(f->value_numbers, number) : CRM__NO_OWNER;

    return i < f->value_count ? &f->values[i] : NULL;
}

const crm__enum_value *crm__enum_find(const crm__field *f, const char *name, size_t n)
{
    uint32_t i = f->value_names ? crm__names_find(f->value_names, name, n) : CRM__NO_OWNER;

    return i < f->value_count ? &f->values[i] : NULL;
}

/* ---- event kinds ---- */

size_t crm__model_event_count(const crm__model *m)
{
    return m->event_count;
}

const crm__event_kind *crm__model_event_at(const crm__model *m, size_t i)
{
    return i < m->event_count ? &m->events[i] : NULL;
}

const crm__event_kind *crm__model_event_number(const crm__model *m, uint32_t number)
{
    return crm__model_event_at(m, crm__numbers_find(&m->event_numbers, number));
}

const crm__event_kind *crm__model_event_find(const crm__model *m, const char *name, size_t n)
{
    return crm__model_event_at(m, crm__names_find(&m->event_names, name, n));
}

const char *crm__model_event_near(const crm__model *m, const char *name, size_t n)
{
    return crm__names_near(&m->event_names, name, n);
}

static const crm__field *attribute_at(const crm__event_kind *kind, uint32_t i)
{
    return i < kind->attribute_count ? &kind->attributes[i] : NULL;
}

const crm__field *crm__event_attribute_number(const crm__event_kind *kind, uint32_t number)
{
    return kind->attribute_numbers
               ? attribute_at(kind, crm__numbers_find(kind->attribute_numbers, number))
               : NULL;
}

const crm__field *crm__event_attribute_find(const crm__event_kind *kind, const char *name, size_t n)
{
    return attribute_at(kind, crm__names_find(kind->attribute_names, name, n));
}

const char *crm__event_attribute_near(const crm__event_kind *kind, const char *name, size_t n)
{
    return crm__names_near(kind->attribute_names, name, n);
}

/* ---- public ---- */

int crm_model_check(const char *yaml, size_t n, crm_finding_fn fn, void *ctx, crm_error *err)
{
    crm__model *m;
    int rc;

    if (!yaml)
        return crm__fail_field(err, CRM_EINVAL, "yaml", "yaml: is NULL");
    if (n == CRM_NUL)
        n = strlen(yaml);
    rc = crm__model_parse(NULL, yaml, n, fn, ctx, &m, err);
    if (!rc)
        crm__model_unref(m);
    return rc;
}
