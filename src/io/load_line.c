/* SPDX-License-Identifier: MIT
 * A dump's lines as records and events.  What comes out has the form that codec/ decodes; that it
 * fits together is for the check.
 */
#include "base/time.h"
#include "io/dump.h"

#include <string.h>

enum { ORIGINS_BACK = 64 };

/* ---- values ---- */

static uint32_t behind(crm__loaded *l, crm__slice owner, int cls, crm__slice name)
{
    l->name.n = 0;
    crm__buf_add(&l->name, owner.p, owner.n);
    crm__buf_add_u8(&l->name, '/');
    crm__buf_add(&l->name, name.p, name.n);
    return l->name.failed ? 0 : crm__dump_names_number(l->names, cls, l->name.p, l->name.n);
}

static int read_decimal(crm__slice text, crm__decimal *d)
{
    char back[24];

    /* What the parser takes in other writings is not what a dump has. */
    if (crm__decimal_parse((const char *)text.p, text.n, d, NULL, NULL) || !text.n)
        return CRM_EVALUE;
    return crm__decimal_format(*d, back) == text.n && memcmp(back, text.p, text.n) == 0
               ? CRM_OK
               : CRM_EVALUE;
}

static int read_money(crm__members *m, const crm__json *json, crm__value *v)
{
    crm__members in = crm__members_inside(m, json);
    crm__slice amount = crm__members_text(&in, "amount", 1);
    crm__slice currency = crm__members_text(&in, "currency", 1);

    if (!in.rc && (read_decimal(amount, &v->decimal) || currency.n != 3))
        crm__members_bad(&in, "amount", "it is not an exact amount of money");
    if (!in.rc)
        memcpy(v->currency, currency.p, 3);
    m->rc = crm__members_end(&in);
    return m->rc;
}

/* The JSON that the values of a type are. */
static int json_kind(uint8_t type)
{
    switch (type) {
    case CRM_TYPE_INTEGER:
    case CRM_TYPE_CUSTOMER:
        return CRM__JSON_NUMBER;
    case CRM_TYPE_BOOLEAN:
        return CRM__JSON_BOOLEAN;
    case CRM_TYPE_MONEY:
        return CRM__JSON_OBJECT;
    default:
        return CRM__JSON_STRING;
    }
}

/* The parts of a value that its type has; texts point into the JSON. */
static int read_parts(crm__loaded *l, crm__slice owner, const crm__json *json, crm__value *v)
{
    crm__slice text = crm__json_text(json);
    uint64_t number = 0;
    int32_t date = 0;
    int rc = CRM_OK;

    switch (v->type) {
    case CRM_TYPE_INTEGER:
        return crm__members_signed(text, &v->integer);
    case CRM_TYPE_CUSTOMER:
        rc = crm__members_unsigned(text, &number);
        v->integer = (int64_t)number;
        return rc;
    case CRM_TYPE_BOOLEAN:
        v->integer = text.p[0] == 't';
        return CRM_OK;
    case CRM_TYPE_DATETIME:
        return crm__members_instant(json, &v->integer);
    case CRM_TYPE_DECIMAL:
        return read_decimal(text, &v->decimal);
    case CRM_TYPE_DATE:
        rc = crm__date_parse((const char *)text.p, text.n, &date, NULL, NULL);
        v->integer = date;
        return rc;
    case CRM_TYPE_ENUM:
        v->integer = behind(l, owner, CRM__DICT_ENUM, text);
        return v->integer ? CRM_OK : CRM_EVALUE;
    default:
        v->text = text;
        return CRM_OK;
    }
}

/* Appends the payload of a value, which is one that value.h decodes. */
static int add_value(crm__loaded *l, crm__members *m, const char *member, crm__slice owner,
                     const crm__json *json, int scoped, crm__value *v, crm__buf *out)
{
    size_t before = out->n;
    crm__value back;
    int rc;

    if (crm__json_kind(json) != json_kind(v->type))
        return crm__members_bad(m, member, "it is of another kind of JSON than its type");
    rc = v->type == CRM_TYPE_MONEY ? read_money(m, json, v) : read_parts(l, owner, json, v);
    if (l->name.failed)
        return crm__members_no_memory(m, member);
    if (rc)
        return crm__members_bad(m, member, "it is no value of its type");
    crm__value_encode(out, v, scoped);
    if (out->failed)
        return crm__members_no_memory(m, member);
    if (crm__value_decode(v->type, scoped, crm__slice_of(out->p + before, out->n - before), &back))
        return crm__members_bad(m, member, "it is no value of its type");
    return CRM_OK;
}

static uint8_t read_type(crm__members *m)
{
    crm__slice text = crm__members_text(m, "type", 1);

    for (unsigned type = CRM_TYPE_TEXT; type <= CRM_TYPE_ACTOR && !m->rc; type++) {
        const char *name = crm__type_name(type);
        if (name && strlen(name) == text.n && memcmp(name, text.p, text.n) == 0)
            return (uint8_t)type;
    }
    crm__members_bad(m, "type", "it is no type of values");
    return 0;
}

/* ---- customers ---- */

/* The place of an origin.  Equal ones are near each other, and two of one kind do no harm. */
static uint32_t give_origin(crm__loaded *l, crm__members *m, uint32_t source, int64_t at)
{
    crm__record *r = &l->record;

    for (uint32_t i = r->origin_count; i && r->origin_count - i < ORIGINS_BACK; i--) {
        if (r->origins[i - 1].source == source && r->origins[i - 1].at == at)
            return i - 1;
    }
    if (crm__record_room(l->mem, r, 0, r->origin_count + 1)) {
        crm__members_no_memory(m, "source");
        return 0;
    }
    r->origins[r->origin_count] = (crm__origin){source, at};
    return r->origin_count++;
}

static uint32_t read_origin(crm__loaded *l, crm__members *m)
{
    uint32_t source = crm__members_name(m, "source", l->names, CRM__DICT_SOURCE);
    int64_t at = crm__members_time(m, "at", &l->record.created);

    return m->rc ? 0 : give_origin(l, m, source, at);
}

static void read_origins(crm__loaded *l, crm__members *m, size_t values, crm__entry *e)
{
    const crm__json *list = crm__members_get(m, "origins", CRM__JSON_ARRAY, 0);

    if (!list)
        return;
    if (!e->list || !values || crm__json_count(list) != values) {
        crm__members_bad(m, "origins", "there is not one for each value");
        return;
    }
    l->scratch.n = 0;
    for (size_t i = 0; i < values && !m->rc; i++) {
        const crm__json *v = crm__json_item(list, i);
        crm__members in = crm__members_inside(m, v);
        if (crm__json_kind(v) != CRM__JSON_OBJECT) {
            crm__members_bad(m, "origins", "it is of another kind of JSON");
            return;
        }
        crm__buf_add_varint(&l->scratch, read_origin(l, &in));
        m->rc = crm__members_end(&in);
    }
    e->mixed.n = l->scratch.n;
    e->mixed.p = l->scratch.failed ? NULL : crm__arena_copy(l->arena, l->scratch.p, l->scratch.n);
    if (!e->mixed.p)
        crm__members_no_memory(m, "origins");
}

/* One value, or item of a list, into l->scratch. */
static void read_item(crm__loaded *l, crm__members *m, crm__slice owner, const crm__json *json,
                      const crm__entry *e)
{
    crm__value v = {.type = e->type};
    crm__members in;

    if (!e->scoped) {
        add_value(l, m, "value", owner, json, 0, &v, &l->scratch);
        return;
    }
    if (crm__json_kind(json) != CRM__JSON_OBJECT) {
        crm__members_bad(m, "value", "it does not say of which source it is");
        return;
    }
    in = crm__members_inside(m, json);
    v.source = crm__members_name(&in, "of", l->names, CRM__DICT_SOURCE);
    json = crm__members_get(&in, "value", 0, 1);
    if (!in.rc && !v.source)
        crm__members_bad(&in, "of", "it is missing");
    if (!in.rc)
        add_value(l, &in, "value", owner, json, 1, &v, &l->scratch);
    m->rc = crm__members_end(&in);
}

static void read_values(crm__loaded *l, crm__members *m, crm__slice owner, const crm__json *list,
                        const crm__entry *e)
{
    crm__buf items;

    if (crm__json_count(list) > CRM__LIST_ITEMS) {
        crm__members_bad(m, "values", "there are more than a list may have");
        return;
    }
    crm__buf_init(&items, l->mem);
    for (size_t i = 0; i < crm__json_count(list) && !m->rc; i++) {
        l->scratch.n = 0;
        read_item(l, m, owner, crm__json_item(list, i), e);
        crm__list_add(&items, crm__slice_of(l->scratch.p, l->scratch.n));
    }
    l->scratch.n = 0;
    crm__buf_add(&l->scratch, items.p, items.n);
    if (items.failed)
        crm__members_no_memory(m, "values");
    crm__buf_clear(&items);
}

static void read_field(crm__loaded *l, crm__members *m, uint32_t field, crm__slice owner)
{
    crm__members in = *m; /* its object is that of the field */
    const crm__json *one, *list;
    crm__entry *e, fresh = {.field = field};

    fresh.type = read_type(&in);
    fresh.scoped = (uint8_t)crm__members_flag(&in, "per_source");
    one = crm__members_get(&in, "value", 0, 0);
    list = crm__members_get(&in, "values", CRM__JSON_ARRAY, 0);
    if (!in.rc && !one == !list)
        crm__members_bad(&in, "value", "it is missing, or both value and values stand there");
    fresh.list = list != NULL;
    l->scratch.n = 0;
    if (!in.rc && list)
        read_values(l, &in, owner, list, &fresh);
    else if (!in.rc)
        read_item(l, &in, owner, one, &fresh);
    fresh.payload.n = l->scratch.n;
    fresh.payload.p = crm__arena_copy(l->arena, l->scratch.p, l->scratch.n);
    fresh.origin = read_origin(l, &in);
    read_origins(l, &in, list ? crm__json_count(list) : 0, &fresh);
    m->rc = crm__members_end(&in);
    if (!m->rc && (l->scratch.failed || !fresh.payload.p ||
                   crm__record_room(l->mem, &l->record, l->record.entry_count + 1, 0)))
        crm__members_no_memory(m, "value");
    if (m->rc)
        return;
    e = &l->record.entries[l->record.entry_count++];
    *e = fresh;
}

static void read_fields(crm__loaded *l, crm__members *m)
{
    const crm__json *fields = crm__members_get(m, "fields", CRM__JSON_OBJECT, 1), *value;
    const void *at = NULL;
    const char *name;
    uint32_t before = 0;

    while (!m->rc && crm__json_next(fields, &at, &name, &value)) {
        uint32_t field = crm__dump_names_number(l->names, CRM__DICT_FIELD, name, strlen(name));
        crm__members in = crm__members_inside(m, value);
        if (!field || field > UINT16_MAX || field <= before)
            crm__members_bad(m, "fields",
                             "a field has no name, or they are not in order of numbers");
        else if (!value || crm__json_kind(value) != CRM__JSON_OBJECT)
            crm__members_bad(m, "fields", "it is of another kind of JSON");
        if (m->rc)
            return;
        before = field;
        read_field(l, &in, field, crm__slice_of(name, strlen(name)));
        m->rc = in.rc;
    }
}

int crm__load_customer(crm__loaded *l, crm__members *m)
{
    crm__record *r = &l->record;
    crm__slice kind;

    r->origin_count = r->entry_count = 0;
    kind = crm__members_text(m, "kind", 1);
    r->kind = 0;
    for (uint8_t k = 1; k <= CRM__RECORD_KINDS && !m->rc; k++) {
        const char *word = crm__kind_key(k);
        if (strlen(word) == kind.n && memcmp(word, kind.p, kind.n) == 0)
            r->kind = k;
    }
    if (!m->rc && !r->kind)
        crm__members_bad(m, "kind", "it is no kind of customers");
    r->seq = crm__members_number(m, "changed", 1, INT64_MAX);
    r->flags = crm__members_flag(m, "deleted") ? CRM__RECORD_DELETED : 0;
    r->survivor = crm__members_number(m, "merged_into", 0, INT64_MAX);
    if (r->survivor)
        r->flags |= CRM__RECORD_MERGED;
    r->created = crm__members_time(m, "created_at", NULL);
    r->updated = crm__members_time(m, "updated_at", &r->created);
    read_fields(l, m);
    return crm__members_end(m);
}

/* ---- events ---- */

static int read_attributes(crm__loaded *l, crm__members *m, crm__slice kind,
                           const crm__json *attributes, crm__event_value *to, uint32_t *count)
{
    const crm__json *value, *x;
    const void *at = NULL;
    const char *name;
    uint32_t before = 0;

    while (!m->rc && crm__json_next(attributes, &at, &name, &value)) {
        crm__slice text = crm__slice_of(name, strlen(name));
        uint32_t attribute = behind(l, kind, CRM__DICT_ATTRIBUTE, text);
        crm__slice owner = crm__dump_names_text(l->names, CRM__DICT_ATTRIBUTE, attribute);
        crm__members in = crm__members_inside(m, value);
        if (l->name.failed)
            return crm__members_no_memory(m, "attributes");
        if (!attribute || attribute <= before || *count == CRM__EVENT_VALUES)
            return crm__members_bad(m, "attributes",
                                    "one has no name, or they are not in order of numbers");
        if (!value || crm__json_kind(value) != CRM__JSON_OBJECT)
            return crm__members_bad(m, "attributes", "it is of another kind of JSON");
        before = attribute;
        to->attribute = attribute;
        to->v = (crm__value){.type = read_type(&in)};
        x = crm__members_get(&in, "value", 0, 1);
        l->scratch.n = 0;
        if (!in.rc)
            add_value(l, &in, "value", owner, x, 0, &to->v, &l->scratch);
        m->rc = crm__members_end(&in);
        if (!m->rc && to->v.text.n) {
            to->v.text.p = crm__arena_copy(l->arena, to->v.text.p, to->v.text.n);
            if (!to->v.text.p)
                return crm__members_no_memory(m, "value");
        }
        to++;
        ++*count;
    }
    return m->rc;
}

int crm__load_event(crm__loaded *l, crm__members *m, crm__event *e)
{
    const crm__json *attributes;
    crm__event_value values[CRM__EVENT_VALUES];
    uint32_t count = 0;
    uint64_t voided, corrected;

    memset(e, 0, sizeof *e);
    e->kind = crm__members_name(m, "kind", l->names, CRM__DICT_EVENT);
    e->time = crm__members_time(m, "time", NULL);
    e->seq = crm__members_number(m, "entry", 1, INT64_MAX);
    e->source = crm__members_name(m, "source", l->names, CRM__DICT_SOURCE);
    e->reference = crm__members_text(m, "reference", 0);
    e->voids = (uint32_t)crm__members_number(m, "voids", 0, UINT32_MAX - 1);
    voided = crm__members_number(m, "voided_by", 0, INT64_MAX);
    corrected = crm__members_number(m, "corrected_by", 0, INT64_MAX);
    attributes = crm__members_get(m, "attributes", CRM__JSON_OBJECT, 0);
    if (!m->rc && (e->time < CRM__TIME_MIN || e->time > CRM__TIME_MAX))
        crm__members_bad(m, "time", "it is outside of the calendar");
    if (!m->rc && e->reference.n > CRM__EVENT_REFERENCE)
        crm__members_bad(m, "reference", "it is too long");
    if (!m->rc && ((voided && corrected) || (voided + corrected && voided + corrected < e->seq)))
        crm__members_bad(m, "voided_by", "it can't be");
    e->state = voided ? CRM__EVENT_VOIDED : corrected ? CRM__EVENT_CORRECTED : CRM__EVENT_IN_FORCE;
    e->voided = voided + corrected;
    if (!m->rc && attributes)
        read_attributes(l, m, crm__dump_names_text(l->names, CRM__DICT_EVENT, e->kind), attributes,
                        values, &count);
    if (m->rc)
        return m->rc;
    e->value_count = (uint16_t)count;
    e->values = crm__arena_copy(l->arena, values, count * sizeof *values);
    if (e->reference.n)
        e->reference.p = crm__arena_copy(l->arena, e->reference.p, e->reference.n);
    if (!e->values || (e->reference.n && !e->reference.p))
        return crm__members_no_memory(m, "attributes");
    return crm__members_end(m);
}
