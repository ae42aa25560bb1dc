/* SPDX-License-Identifier: MIT
 * Members of a dump's lines, each judged as it is read, and lines as records, events and entries.
 * What comes out has the form that codec/ decodes; that it fits together is for the check.
 */
#include "base/time.h"
#include "io/dump.h"

#include <crm/journal.h>
#include <string.h>

enum { DIGITS = 19, ORIGINS_BACK = 64 };

/* ---- members ---- */

int crm__members_fail(crm__members *m, int code, const char *member, const char *what)
{
    if (m->rc)
        return m->rc;
    m->rc = crm__fail_field(m->err, code, member, "line %llu: %s: %s", (unsigned long long)m->line,
                            member, what);
    if (code == CRM_ENOMEM)
        crm__fail_nomem(m->err);
    if (m->err)
        m->err->row = (int64_t)m->line;
    return m->rc;
}

static int bad(crm__members *m, const char *member, const char *what)
{
    return crm__members_fail(m, CRM_EVALUE, member, what);
}

static int no_memory(crm__members *m, const char *member)
{
    return crm__members_fail(m, CRM_ENOMEM, member, "");
}

const crm__json *crm__members_get(crm__members *m, const char *name, int kind, int must)
{
    const crm__json *v = m->rc ? NULL : crm__json_member(m->object, name);

    if (m->rc)
        return NULL;
    if ((size_t)m->count < sizeof m->asked / sizeof *m->asked)
        m->asked[m->count++] = name;
    if (!v) {
        if (must)
            bad(m, name, "it is missing");
        return NULL;
    }
    if (kind && crm__json_kind(v) != kind) {
        bad(m, name, "it is of another kind of JSON");
        return NULL;
    }
    return v;
}

/* Digits only. */
static int read_unsigned(crm__slice text, uint64_t *out)
{
    uint64_t v = 0;

    if (!text.n || text.n > DIGITS)
        return CRM_EVALUE;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return CRM_EVALUE;
        v = v * 10 + (uint64_t)(text.p[i] - '0');
    }
    *out = v;
    return CRM_OK;
}

static int read_signed(crm__slice text, int64_t *out)
{
    int minus = text.n && text.p[0] == '-';
    uint64_t v;

    if (minus) {
        text.p++;
        text.n--;
    }
    if (read_unsigned(text, &v) || v > (uint64_t)INT64_MAX + (minus ? 1 : 0))
        return CRM_EVALUE;
    *out = minus ? (v ? -(int64_t)(v - 1) - 1 : 0) : (int64_t)v;
    return CRM_OK;
}

uint64_t crm__members_number(crm__members *m, const char *name, uint64_t least, uint64_t most)
{
    const crm__json *v = crm__members_get(m, name, CRM__JSON_NUMBER, least > 0);
    uint64_t n = 0;

    if (v && (read_unsigned(crm__json_text(v), &n) || n < least || n > most)) {
        bad(m, name, "it is not a number that may stand there");
        return least;
    }
    return n;
}

crm__slice crm__members_text(crm__members *m, const char *name, int must)
{
    const crm__json *v = crm__members_get(m, name, CRM__JSON_STRING, must);
    crm__slice none = {NULL, 0};

    return v ? crm__json_text(v) : none;
}

static int read_time(const crm__json *v, int64_t *us)
{
    crm__slice text = crm__json_text(v);

    if (crm__json_kind(v) == CRM__JSON_NUMBER)
        return read_signed(text, us);
    if (crm__json_kind(v) != CRM__JSON_STRING)
        return CRM_EVALUE;
    return crm__datetime_parse((const char *)text.p, text.n, NULL, us, NULL, NULL);
}

int64_t crm__members_time(crm__members *m, const char *name, const int64_t *absent)
{
    const crm__json *v = crm__members_get(m, name, 0, absent == NULL);
    int64_t us = absent ? *absent : 0;

    if (v && read_time(v, &us))
        bad(m, name, "it is not an instant");
    return us;
}

int crm__members_flag(crm__members *m, const char *name)
{
    const crm__json *v = crm__members_get(m, name, CRM__JSON_BOOLEAN, 0);

    return v && crm__json_text(v).p[0] == 't';
}

void crm__members_hex(crm__members *m, const char *name, uint8_t *to, size_t n)
{
    crm__slice text = crm__members_text(m, name, 1);

    if (!m->rc && crm__hex_read(text, to, n))
        bad(m, name, "it is not so many hexadecimal digits");
}

uint32_t crm__members_name(crm__members *m, const char *name, const crm__dump_names *names, int cls)
{
    const crm__json *v = crm__members_get(m, name, CRM__JSON_STRING, 0);
    uint32_t number;

    if (!v)
        return 0;
    number = crm__dump_names_number(names, cls, crm__json_text(v).p, crm__json_text(v).n);
    if (!number)
        bad(m, name, "no line before has this name");
    return number;
}

int crm__members_end(crm__members *m)
{
    const crm__json *value;
    const void *at = NULL;
    const char *name;

    while (!m->rc && crm__json_next(m->object, &at, &name, &value)) {
        int i = 0;
        while (i < m->count && strcmp(m->asked[i], name) != 0)
            i++;
        if (i == m->count)
            bad(m, "member", "one that this line can't have");
    }
    return m->rc;
}

static crm__members inside(const crm__members *m, const crm__json *object)
{
    crm__members in = {.object = object, .line = m->line, .err = m->err, .rc = m->rc};

    return in;
}

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
    crm__members in = inside(m, json);
    crm__slice amount = crm__members_text(&in, "amount", 1);
    crm__slice currency = crm__members_text(&in, "currency", 1);

    if (!in.rc && (read_decimal(amount, &v->decimal) || currency.n != 3))
        bad(&in, "amount", "it is not an exact amount of money");
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
        return read_signed(text, &v->integer);
    case CRM_TYPE_CUSTOMER:
        rc = read_unsigned(text, &number);
        v->integer = (int64_t)number;
        return rc;
    case CRM_TYPE_BOOLEAN:
        v->integer = text.p[0] == 't';
        return CRM_OK;
    case CRM_TYPE_DATETIME:
        return read_time(json, &v->integer);
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
        return bad(m, member, "it is of another kind of JSON than its type");
    rc = v->type == CRM_TYPE_MONEY ? read_money(m, json, v) : read_parts(l, owner, json, v);
    if (l->name.failed)
        return no_memory(m, member);
    if (rc)
        return bad(m, member, "it is no value of its type");
    crm__value_encode(out, v, scoped);
    if (out->failed)
        return no_memory(m, member);
    if (crm__value_decode(v->type, scoped, crm__slice_of(out->p + before, out->n - before), &back))
        return bad(m, member, "it is no value of its type");
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
    bad(m, "type", "it is no type of values");
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
        no_memory(m, "source");
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
        bad(m, "origins", "there is not one for each value");
        return;
    }
    l->scratch.n = 0;
    for (size_t i = 0; i < values && !m->rc; i++) {
        const crm__json *v = crm__json_item(list, i);
        crm__members in = inside(m, v);
        if (crm__json_kind(v) != CRM__JSON_OBJECT) {
            bad(m, "origins", "it is of another kind of JSON");
            return;
        }
        crm__buf_add_varint(&l->scratch, read_origin(l, &in));
        m->rc = crm__members_end(&in);
    }
    e->mixed.n = l->scratch.n;
    e->mixed.p = l->scratch.failed ? NULL : crm__arena_copy(l->arena, l->scratch.p, l->scratch.n);
    if (!e->mixed.p)
        no_memory(m, "origins");
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
        bad(m, "value", "it does not say of which source it is");
        return;
    }
    in = inside(m, json);
    v.source = crm__members_name(&in, "of", l->names, CRM__DICT_SOURCE);
    json = crm__members_get(&in, "value", 0, 1);
    if (!in.rc && !v.source)
        bad(&in, "of", "it is missing");
    if (!in.rc)
        add_value(l, &in, "value", owner, json, 1, &v, &l->scratch);
    m->rc = crm__members_end(&in);
}

static void read_values(crm__loaded *l, crm__members *m, crm__slice owner, const crm__json *list,
                        const crm__entry *e)
{
    crm__buf items;

    if (crm__json_count(list) > CRM__LIST_ITEMS) {
        bad(m, "values", "there are more than a list may have");
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
        no_memory(m, "values");
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
        bad(&in, "value", "it is missing, or both value and values stand there");
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
        no_memory(m, "value");
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
        crm__members in = inside(m, value);
        if (!field || field > UINT16_MAX || field <= before)
            bad(m, "fields", "a field has no name, or they are not in order of numbers");
        else if (!value || crm__json_kind(value) != CRM__JSON_OBJECT)
            bad(m, "fields", "it is of another kind of JSON");
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
        bad(m, "kind", "it is no kind of customers");
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
        crm__members in = inside(m, value);
        if (l->name.failed)
            return no_memory(m, "attributes");
        if (!attribute || attribute <= before || *count == CRM__EVENT_VALUES)
            return bad(m, "attributes", "one has no name, or they are not in order of numbers");
        if (!value || crm__json_kind(value) != CRM__JSON_OBJECT)
            return bad(m, "attributes", "it is of another kind of JSON");
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
                return no_memory(m, "value");
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
        bad(m, "time", "it is outside of the calendar");
    if (!m->rc && e->reference.n > CRM__EVENT_REFERENCE)
        bad(m, "reference", "it is too long");
    if (!m->rc && ((voided && corrected) || (voided + corrected && voided + corrected < e->seq)))
        bad(m, "voided_by", "it can't be");
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
        return no_memory(m, "attributes");
    return crm__members_end(m);
}

/* ---- journal ---- */

static uint8_t read_action(crm__members *m)
{
    crm__slice text = crm__members_text(m, "action", 1);

    for (uint8_t a = 1; a < CRM__ACTIONS && !m->rc; a++) {
        const char *name = crm_action_name(a);
        if (name && text.n && strlen(name) == text.n && memcmp(name, text.p, text.n) == 0)
            return a;
    }
    bad(m, "action", "it is no action");
    return 0;
}

static void read_mask(crm__loaded *l, crm__members *m, crm__journal_entry *e)
{
    int tags = crm__action_tags(e->action), cls = tags ? CRM__DICT_TAG : CRM__DICT_FIELD;
    const crm__json *list = crm__members_get(m, tags ? "tags" : "fields", CRM__JSON_ARRAY, 0);
    size_t count = list ? crm__json_count(list) : 0;
    uint32_t *fields, before = 0;

    if (!count)
        return;
    fields = crm__arena_alloc(l->arena, count * sizeof *fields);
    if (!fields) {
        no_memory(m, "fields");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const crm__json *v = crm__json_item(list, i);
        crm__slice name = crm__json_text(v);
        fields[i] = crm__json_kind(v) == CRM__JSON_STRING
                        ? crm__dump_names_number(l->names, cls, name.p, name.n)
                        : 0;
        if (fields[i] <= before) {
            bad(m, "fields", "one has no name, or they are not in order of numbers");
            return;
        }
        before = fields[i];
    }
    e->fields = fields;
    e->field_count = (uint32_t)count;
}

static int read_run(const crm__json *v, uint64_t *first, uint64_t *last)
{
    const crm__json *a, *b;

    if (crm__json_kind(v) != CRM__JSON_ARRAY || crm__json_count(v) != 2)
        return CRM_EVALUE;
    a = crm__json_item(v, 0);
    b = crm__json_item(v, 1);
    if (crm__json_kind(a) != CRM__JSON_NUMBER || crm__json_kind(b) != CRM__JSON_NUMBER)
        return CRM_EVALUE;
    return read_unsigned(crm__json_text(a), first) || read_unsigned(crm__json_text(b), last) ||
                   *first > *last
               ? CRM_EVALUE
               : CRM_OK;
}

/* As crm__runs_encode() writes it. */
static crm__slice read_list(crm__loaded *l, crm__members *m, const char *name)
{
    const crm__json *list = crm__members_get(m, name, CRM__JSON_ARRAY, 0);
    size_t count = list ? crm__json_count(list) : 0;
    uint64_t before = 0, first, last;
    crm__slice out = {NULL, 0};

    l->scratch.n = 0;
    crm__buf_add_varint(&l->scratch, count);
    for (size_t i = 0; i < count && !m->rc; i++) {
        if (read_run(crm__json_item(list, i), &first, &last) || first <= before) {
            bad(m, name, "a run of ids is not first and last, or not behind the one before");
            return out;
        }
        crm__buf_add_varint(&l->scratch, first - before);
        crm__buf_add_varint(&l->scratch, last - first);
        before = last;
    }
    out.n = l->scratch.n;
    out.p = l->scratch.failed ? NULL : crm__arena_copy(l->arena, l->scratch.p, l->scratch.n);
    if (!out.p)
        no_memory(m, name);
    return out;
}

/* In order of the classes, as entries have them. */
static void read_names(crm__loaded *l, crm__members *m, crm__journal_entry *e)
{
    const crm__json *names = crm__members_get(m, "names", CRM__JSON_OBJECT, 0), *run;
    const void *at = NULL;
    const char *name;
    uint64_t first, last;

    l->scratch.n = 0;
    for (int cls = 0; names && crm__json_next(names, &at, &name, &run); cls++) {
        crm__names_run r;
        while (cls < CRM__DICT_CLASSES &&
               (!crm__class_word(cls) || strcmp(crm__class_word(cls), name) != 0))
            cls++;
        if (cls == CRM__DICT_CLASSES || read_run(run, &first, &last) || !first ||
            last >= UINT32_MAX) {
            bad(m, "names", "it is not the first and the last number of each class, in order");
            return;
        }
        r = (crm__names_run){crm__dict_class_byte(cls), (uint32_t)first,
                             (uint32_t)(last - first + 1)};
        crm__brings_add(&r, &l->scratch);
        e->name_runs++;
    }
    e->names.n = l->scratch.n;
    e->names.p = l->scratch.failed ? NULL : crm__arena_copy(l->arena, l->scratch.p, l->scratch.n);
    if (!e->names.p && e->names.n)
        no_memory(m, "names");
}

int crm__load_entry(crm__loaded *l, crm__members *m, crm__buf *out)
{
    static const char *const LISTS[CRM__BATCH_LISTS] = {"created", "changed", "events", "chunks"};
    uint8_t commitment[CRM__DIGEST], tagged[CRM__DIGEST];
    crm__journal_entry e;

    memset(&e, 0, sizeof e);
    e.action = read_action(m);
    e.recorded = crm__members_time(m, "recorded_at", NULL);
    e.actor = crm__members_name(m, "actor", l->names, CRM__DICT_NAMES);
    e.purpose = crm__members_name(m, "purpose", l->names, CRM__DICT_NAMES);
    e.channel = crm__members_name(m, "channel", l->names, CRM__DICT_NAMES);
    e.source = crm__members_name(m, "source", l->names, CRM__DICT_SOURCE);
    e.target = crm__members_number(m, "target", 0, INT64_MAX);
    e.previous = crm__members_number(m, "previous", 0, INT64_MAX);
    e.batch = crm__members_number(m, "batch", 0, INT64_MAX);
    read_mask(l, m, &e);
    e.counters.next_id = crm__members_number(m, "next_id", 1, INT64_MAX);
    e.counters.live = crm__members_number(m, "live", 0, INT64_MAX);
    e.counters.deleted = crm__members_number(m, "deleted", 0, INT64_MAX);
    e.counters.images_from = crm__members_number(m, "images_from", 0, INT64_MAX);
    if (!m->rc && crm__json_member(m->object, "commitment")) {
        crm__members_hex(m, "commitment", commitment, sizeof commitment);
        e.commitment = crm__slice_of(commitment, sizeof commitment);
    }
    read_names(l, m, &e);
    for (int i = 0; i < CRM__BATCH_LISTS && !m->rc && crm__action_lists(e.action); i++)
        e.lists[i] = read_list(l, m, LISTS[i]);
    if (!m->rc && (e.action == CRM__ACTION_TAG || e.lists[CRM__BATCH_TAGGED].n > 1)) {
        crm__members_hex(m, "tags_commitment", tagged, sizeof tagged);
        e.tagged = crm__slice_of(tagged, sizeof tagged);
    }
    if (m->rc)
        return m->rc;
    crm__journal_encode(&e, out);
    return out->failed ? no_memory(m, "entry") : CRM_OK;
}

/* ---- tags ---- */

static void read_rows(crm__members *m, uint64_t *chunk, uint64_t *words)
{
    const crm__json *list = crm__members_get(m, "customers", CRM__JSON_ARRAY, 1);
    size_t count = list ? crm__json_count(list) : 0;
    uint64_t before = 0, first, last;

    memset(words, 0, CRM__SET_WORDS * sizeof *words);
    if (!m->rc && !count)
        bad(m, "customers", "there are none");
    for (size_t i = 0; i < count && !m->rc; i++) {
        if (read_run(crm__json_item(list, i), &first, &last) || first <= before ||
            (i && first == before + 1) || (i && first >> CRM__CHUNK_SHIFT != *chunk) ||
            last >> CRM__CHUNK_SHIFT != first >> CRM__CHUNK_SHIFT) {
            bad(m, "customers",
                "a run of ids is not first and last, not behind the one before, or of another "
                "chunk");
            return;
        }
        *chunk = first >> CRM__CHUNK_SHIFT;
        before = last;
        for (uint64_t id = first; id <= last; id++)
            crm__set_put(words, (uint32_t)(id & (CRM__CHUNK_ROWS - 1)), 1);
    }
}

int crm__load_tagged(crm__loaded *l, crm__members *m, uint32_t *tag, uint64_t *chunk,
                     uint32_t *part, uint64_t words[CRM__SET_WORDS])
{
    crm__slice what;
    uint64_t group = 0;

    *part = CRM__TAGGED_REMOVED;
    *tag = crm__members_name(m, "tag", l->names, CRM__DICT_TAG);
    if (!m->rc && !*tag)
        bad(m, "tag", "it is missing");
    what = crm__members_text(m, "what", 1);
    if (!m->rc && (what.n != 7 || memcmp(what.p, "removed", 7) != 0)) {
        group = crm__members_number(m, "group", 0, CRM__TAGGED_GROUPS);
        *part = what.n == 5 && !memcmp(what.p, "added", 5) ? CRM__TAGGED_ADDED((uint32_t)group)
                                                           : CRM__TAGGED_RENEWED((uint32_t)group);
        if (*part % 2 == 0 && (what.n != 7 || memcmp(what.p, "renewed", 7) != 0))
            bad(m, "what", "it is neither added, renewed nor removed");
    }
    read_rows(m, chunk, words);
    return crm__members_end(m);
}

int crm__load_given(crm__loaded *l, crm__members *m, crm__tag_how *how)
{
    int64_t none = 0;

    (void)l;
    memset(how, 0, sizeof *how);
    how->origin = (uint8_t)crm__members_number(m, "origin", 0, CRM__TAG_ORIGINS - 1);
    how->until = crm__members_time(m, "until", &none);
    how->reason = crm__members_text(m, "reason", 0);
    if (!m->rc && how->reason.n > CRM__TAG_REASON)
        bad(m, "reason", "it is too long");
    return crm__members_end(m);
}
