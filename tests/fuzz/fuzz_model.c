/* SPDX-License-Identifier: MIT
 * Model documents: each is refused with a finding that has a place, or becomes a model that names,
 * defaults and comparison agree on.
 */
#include "fuzz.h"

#include "base/error.h"
#include "model/model.h"

#include <crm/codes.h>

typedef struct findings {
    int count;
    int32_t line;
} findings;

static void on_finding(const crm_finding *f, void *ctx)
{
    findings *seen = ctx;

    MUST(f->severity == CRM_FINDING_ERROR && f->message && *f->message);
    MUST(f->line >= 0 && f->column >= 0);
    MUST(!strchr(f->message, '\n'));
    if (!seen->count++)
        seen->line = f->line;
}

static int count_up(void *ctx, char cls, const char *name, size_t n, uint32_t *number,
                    crm_error *err)
{
    uint32_t *next = ctx;

    (void)err;
    MUST(cls && strchr("feka", cls) && n > 0 && strlen(name) == n);
    *number = ++*next;
    return CRM_OK;
}

static int no_change(const crm__change *change, void *ctx)
{
    (void)ctx;
    fprintf(stderr, "%s\n", change->message);
    return 1;
}

static int any_change(const crm__change *change, void *ctx)
{
    ++*(unsigned *)ctx;
    MUST(change->what >= CRM__CHANGE_FIELD_ADDED && change->what <= CRM__CHANGE_TEXT);
    MUST(change->message[0]);
    return 0;
}

static void check_default(const crm__field *f)
{
    if (!f->default_value.n)
        return;
    if (f->flags & CRM_FIELD_LIST) {
        crm__slice item;
        size_t pos = 0;
        crm__value v;
        while (crm__list_next(f->default_value, &pos, &item) == CRM_OK)
            MUST(crm__value_decode(f->type, 0, item, &v) == CRM_OK);
        MUST(pos == f->default_value.n);
    } else {
        crm__value v;
        MUST(crm__value_decode(f->type, 0, f->default_value, &v) == CRM_OK);
    }
}

static void check_field(const crm__field *f)
{
    for (uint32_t k = 0; k < f->value_count; k++) {
        const crm__enum_value *v = &f->values[k];
        MUST(crm__enum_find(f, v->key, strlen(v->key)) == v);
        MUST(crm__enum_number(f, v->number) == v);
    }
    check_default(f);
}

static void check_fields(const crm__model *m)
{
    for (size_t i = 0; i < crm__model_count(m); i++) {
        const crm__field *f = crm__model_at(m, i);
        MUST(crm__model_find(m, f->key, strlen(f->key)) == f);
        MUST(crm__model_number(m, f->number) == f);
        for (uint32_t k = 0; k < f->label_count; k++)
            MUST(crm__model_find(m, f->labels[k].text, strlen(f->labels[k].text)) == f);
        MUST(!(f->flags & CRM_FIELD_FAST));
        check_field(f);
    }
}

static void check_attributes(const crm__event_kind *kind)
{
    uint32_t fast = 0;

    MUST(kind->attribute_count <= CRM__MODEL_ATTRIBUTES);
    for (uint32_t i = 0; i < kind->attribute_count; i++) {
        const crm__field *f = &kind->attributes[i];
        MUST(crm__event_attribute_find(kind, f->key, strlen(f->key)) == f);
        MUST(crm__event_attribute_number(kind, f->number) == f);
        for (uint32_t k = 0; k < f->label_count; k++)
            MUST(crm__event_attribute_find(kind, f->labels[k].text, strlen(f->labels[k].text)) ==
                 f);
        MUST(!(f->flags & ~(CRM_FIELD_REQUIRED | CRM_FIELD_FAST)) && f->type != CRM_TYPE_CUSTOMER);
        fast += (f->flags & CRM_FIELD_FAST) != 0;
        check_field(f);
    }
    MUST(fast == kind->fast_count);
}

static void check_events(const crm__model *m)
{
    MUST(crm__model_event_count(m) <= CRM__MODEL_EVENTS);
    for (size_t i = 0; i < crm__model_event_count(m); i++) {
        const crm__event_kind *kind = crm__model_event_at(m, i);
        MUST(crm__model_event_find(m, kind->key, strlen(kind->key)) == kind);
        MUST(crm__model_event_number(m, kind->number) == kind);
        for (uint32_t k = 0; k < kind->label_count; k++)
            MUST(crm__model_event_find(m, kind->labels[k].text, strlen(kind->labels[k].text)) ==
                 kind);
        check_attributes(kind);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crm_error err = CRM_ERROR_INIT;
    findings seen = {0, 0};
    crm__model *m = NULL, *twin = NULL, *usual = NULL;
    const char *yaml = (const char *)data, *text;
    uint32_t next = 0;
    unsigned changes = 0;
    size_t n;
    int rc = crm__model_parse(NULL, yaml, size, on_finding, &seen, &m, &err);

    MUST(rc == CRM_OK || rc == CRM_EMODEL);
    MUST(crm_model_check(yaml, size, NULL, NULL, NULL) == rc);
    if (rc) {
        MUST(seen.count > 0 && err.code == rc && err.message[0] && err.row == seen.line);
        return 0;
    }
    MUST(seen.count == 0);
    text = crm__model_text(m, &n);
    MUST(n == size && (n == 0 || memcmp(text, data, n) == 0));
    MUST(crm__model_bind(m, 1, count_up, &next, NULL) == CRM_OK);
    check_fields(m);
    check_events(m);
    MUST(crm__model_parse(NULL, text, n, NULL, NULL, &twin, NULL) == CRM_OK);
    MUST(crm__model_diff(m, twin, no_change, NULL) == 0);
    MUST(crm__model_parse(NULL, crm_model_default(), strlen(crm_model_default()), NULL, NULL,
                          &usual, NULL) == CRM_OK);
    MUST(crm__model_diff(usual, m, any_change, &changes) == 0);
    MUST(crm__model_diff(m, usual, any_change, &changes) == 0);
    crm__model_unref(usual);
    crm__model_unref(twin);
    crm__model_unref(m);
    return 0;
}
