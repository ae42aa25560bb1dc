/* SPDX-License-Identifier: MIT
 * Lines of a dump: a customer or an event as a JSON object.  docs/format.md has all members.
 */
#include "io/dump_part.h"

#include "base/time.h"

#include <string.h>

/* ---- values ---- */

static void put_money(crm__dumper *d, const crm__value *v)
{
    char text[24];

    crm__line_add(d, "{\"amount\":\"");
    crm__buf_add(&d->line, text, crm__decimal_format(v->decimal, text));
    crm__line_add(d, "\",\"currency\":\"");
    crm__buf_add(&d->line, v->currency, 3);
    crm__line_add(d, "\"}");
}

/* owner: of an enum's values, as their names in the dictionary begin. */
static void put_value(crm__dumper *d, crm__slice owner, const crm__value *v)
{
    char text[40];
    size_t n;

    switch (v->type) {
    case CRM_TYPE_INTEGER:
        crm__line_integer(d, v->integer);
        return;
    case CRM_TYPE_CUSTOMER:
        crm__line_number(d, (uint64_t)v->integer);
        return;
    case CRM_TYPE_BOOLEAN:
        crm__line_add(d, v->integer ? "true" : "false");
        return;
    case CRM_TYPE_DATETIME:
        crm__line_time(d, v->integer);
        return;
    case CRM_TYPE_DECIMAL:
        n = crm__decimal_format(v->decimal, text);
        crm__json_string(&d->line, text, n);
        return;
    case CRM_TYPE_DATE:
        n = crm__date_format((int32_t)v->integer, text);
        crm__json_string(&d->line, text, n);
        return;
    case CRM_TYPE_MONEY:
        put_money(d, v);
        return;
    case CRM_TYPE_ENUM:
        crm__line_behind(d, owner, CRM__DICT_ENUM, (uint32_t)v->integer);
        return;
    default:
        crm__line_text(d, v->text.p, v->text.n);
    }
}

static void put_type(crm__dumper *d, uint8_t type)
{
    const char *name = crm__type_name(type);

    if (name)
        crm__json_string(&d->line, name, strlen(name));
    else
        d->bad = 1;
}

/* ---- customers ---- */

/* Source and time of a value; the time only when it is not that of the customer's creation. */
static void origin_members(crm__dumper *d, uint32_t at)
{
    const crm__origin *o = &d->record.origins[at];

    crm__line_class_member(d, "source", CRM__DICT_SOURCE, o->source);
    if (o->at != d->record.created)
        crm__line_time_member(d, "at", o->at);
}

/* One origin for each value of a list. */
static void mixed_member(crm__dumper *d, const crm__entry *e)
{
    crm__reader in = crm__reader_of(e->mixed.p, e->mixed.n);

    if (!e->mixed.n)
        return;
    crm__line_key(d, "origins");
    for (int i = 0; crm__reader_left(&in); i++) {
        uint64_t at = crm__read_varint(&in);
        if (in.failed || at >= d->record.origin_count) {
            d->bad = 1;
            return;
        }
        crm__line_add(d, i ? ",{\"at\":" : "[{\"at\":");
        crm__line_time(d, d->record.origins[at].at);
        crm__line_class_member(d, "source", CRM__DICT_SOURCE, d->record.origins[at].source);
        crm__line_add(d, "}");
    }
    crm__line_add(d, "]");
}

static void put_item(crm__dumper *d, const crm__entry *e, crm__slice owner, crm__slice item)
{
    crm__value v;

    if (crm__value_decode(e->type, e->scoped, item, &v)) {
        d->bad = 1;
        return;
    }
    if (!e->scoped) {
        put_value(d, owner, &v);
        return;
    }
    crm__line_add(d, "{\"of\":");
    crm__line_class(d, CRM__DICT_SOURCE, v.source);
    crm__line_add(d, ",\"value\":");
    put_value(d, owner, &v);
    crm__line_add(d, "}");
}

static void put_entry(crm__dumper *d, const crm__entry *e)
{
    crm__slice owner = crm__dump_names_text(&d->names, CRM__DICT_FIELD, e->field), item;
    size_t pos = 0;
    int rc = CRM_OK;

    crm__line_class(d, CRM__DICT_FIELD, e->field);
    crm__line_add(d, ":{\"type\":");
    put_type(d, e->type);
    if (e->scoped)
        crm__line_add(d, ",\"per_source\":true");
    crm__line_key(d, e->list ? "values" : "value");
    if (e->list)
        crm__line_add(d, "[");
    for (int i = 0; (rc = crm__entry_next(e, &pos, &item)) == CRM_OK; i++) {
        if (i)
            crm__line_add(d, ",");
        put_item(d, e, owner, item);
    }
    if (e->list)
        crm__line_add(d, "]");
    if (rc != CRM_DONE)
        d->bad = 1;
    origin_members(d, e->origin);
    mixed_member(d, e);
    crm__line_add(d, "}");
}

int crm__dump_customer(crm__dumper *d, crm_id id, crm__slice payload)
{
    crm__record *r = &d->record;
    const char *kind;
    int rc = crm__record_decode(d->txn->mem, payload, r);

    if (rc)
        return rc;
    kind = crm__kind_key(r->kind);
    crm__line_start(d, CRM__LINE_CUSTOMER);
    crm__line_number(d, id);
    crm__line_key(d, "kind");
    crm__json_string(&d->line, kind, strlen(kind));
    crm__line_number_member(d, "changed", r->seq);
    if (r->flags & CRM__RECORD_DELETED)
        crm__line_add(d, ",\"deleted\":true");
    if (r->flags & CRM__RECORD_MERGED) {
        crm__line_key(d, "merged_into");
        crm__line_number(d, r->survivor);
    }
    crm__line_time_member(d, "created_at", r->created);
    if (r->updated != r->created)
        crm__line_time_member(d, "updated_at", r->updated);
    crm__line_key(d, "fields");
    crm__line_add(d, "{");
    for (uint32_t i = 0; i < r->entry_count; i++) {
        if (i)
            crm__line_add(d, ",");
        put_entry(d, &r->entries[i]);
    }
    crm__line_add(d, "}");
    return crm__line_done(d);
}

/* ---- events ---- */

static void put_attribute(crm__dumper *d, crm__slice kind, const crm__event_value *x)
{
    crm__slice owner = crm__dump_names_text(&d->names, CRM__DICT_ATTRIBUTE, x->attribute);

    crm__line_behind(d, kind, CRM__DICT_ATTRIBUTE, x->attribute);
    crm__line_add(d, ":{\"type\":");
    put_type(d, x->v.type);
    crm__line_key(d, "value");
    put_value(d, owner, &x->v);
    crm__line_add(d, "}");
}

int crm__dump_event(crm__dumper *d, crm_id id, const crm__event *e)
{
    crm__slice kind = crm__dump_names_text(&d->names, CRM__DICT_EVENT, e->kind);

    crm__line_start(d, CRM__LINE_EVENT);
    crm__line_number(d, e->number);
    crm__line_number_member(d, "customer", id);
    crm__line_class_member(d, "kind", CRM__DICT_EVENT, e->kind);
    crm__line_time_member(d, "time", e->time);
    crm__line_number_member(d, "entry", e->seq);
    crm__line_class_member(d, "source", CRM__DICT_SOURCE, e->source);
    if (e->reference.n) {
        crm__line_key(d, "reference");
        crm__line_text(d, e->reference.p, e->reference.n);
    }
    crm__line_number_member(d, "voids", e->voids);
    if (e->state)
        crm__line_number_member(d, e->state == CRM__EVENT_VOIDED ? "voided_by" : "corrected_by",
                                e->voided);
    if (e->value_count) {
        crm__line_key(d, "attributes");
        for (uint32_t i = 0; i < e->value_count; i++) {
            crm__line_add(d, i ? "," : "{");
            put_attribute(d, kind, &e->values[i]);
        }
        crm__line_add(d, "}");
    }
    return crm__line_done(d);
}
