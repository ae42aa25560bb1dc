/* SPDX-License-Identifier: MIT
 * An event as a JSON object, read and written.
 *
 *   {"number":3,"kind":"order","time":"2026-01-01T10:00:00Z","<attribute>":value,...,
 *    "source":"shop","reference":"O-1",["voids":2,]["state":"voided",]"revision":17}
 * Reading passes over number, state and revision: they are the library's.
 */
#include "base/time.h"
#include "event/event.h"
#include "model/json_value.h"
#include "model/member.h"

#include <string.h>

/* ---- reading ---- */

static int fault(const char *member, const char *what, crm_error *err)
{
    return crm__fail_field(err, CRM_EVALUE, member, "%s: %s", member, what);
}

static int read_kind(const crm__json *kind, crm_event *c, crm_error *err)
{
    crm__slice t = crm__json_text(kind);

    if (crm__json_kind(kind) != CRM__JSON_STRING)
        return fault("kind", kind ? "is a text" : "an event has one", err);
    c->void_set = t.n == 4 && memcmp(t.p, "void", 4) == 0;
    if (c->void_set)
        return CRM_OK;
    c->kind = crm__model_event_find(c->model, (const char *)t.p, t.n);
    if (!c->kind)
        return crm__event_unknown(c->model, (const char *)t.p, t.n, 1, err);
    c->e.kind = c->kind->number;
    return CRM_OK;
}

static int read_time(const crm__json *v, crm_event *c, crm_error *err)
{
    crm__slice t = crm__json_text(v);
    const char *why = "";

    if (crm__json_kind(v) != CRM__JSON_STRING)
        return fault("time", "is a text such as 2026-01-01T10:00:00Z", err);
    if (crm__datetime_parse((const char *)t.p, t.n, c->zone, &c->e.time, &why, NULL))
        return crm__fail_field(err, CRM_EVALUE, "time", "time: is not a date and time: %s", why);
    c->time_set = 1;
    return CRM_OK;
}

static int read_voids(const crm__json *v, crm_event *c, crm_error *err)
{
    crm__slice t = crm__json_text(v);
    uint64_t n = 0;

    if (crm__json_kind(v) != CRM__JSON_NUMBER || t.n > 10)
        return fault("voids", "is the number of an event", err);
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] < '0' || t.p[i] > '9')
            return fault("voids", "is the number of an event", err);
        n = n * 10 + (uint64_t)(t.p[i] - '0');
    }
    if (!n || n > UINT32_MAX)
        return fault("voids", "is the number of an event", err);
    c->e.voids = (uint32_t)n;
    return CRM_OK;
}

/* A member of the event itself, named by key or label; v is not null. */
static int read_own(const crm__own_word *word, const crm__json *v, crm_event *c, crm_error *err)
{
    crm__slice t = crm__json_text(v);
    int text = crm__json_kind(v) == CRM__JSON_STRING;

    switch (word->own) {
    case CRM__OWN_TIME:
        return read_time(v, c, err);
    case CRM__OWN_VOIDS:
        return read_voids(v, c, err);
    case CRM__OWN_SOURCE:
        return text ? crm_event_set_source(c, (const char *)t.p, t.n, err)
                    : fault(word->key, "is a text", err);
    case CRM__OWN_REFERENCE:
        return text ? crm_event_set_reference(c, (const char *)t.p, t.n, err)
                    : fault(word->key, "is a text", err);
    default: /* read already, or the library's own: passed over */
        return CRM_OK;
    }
}

static int read_attribute(const crm__field *f, const crm__json *v, crm_event *c, crm_error *err)
{
    char room[CRM__JSON_MONEY];
    crm__slice text;
    int rc;

    if (crm__event_value_find(&c->e, f->number))
        return fault(f->key, "stands twice, by key and by label", err);
    if (!v)
        return CRM_OK;
    rc = crm__json_value_text(f, v, room, &text, err);
    return rc ? rc : crm__event_set_text(c, f, (const char *)text.p, text.n, err);
}

/* *own: the members of the event itself that stood so far, bits 1 << CRM__OWN_*. */
static int read_member(const char *key, const crm__json *v, crm_event *c, uint32_t *own,
                       crm_error *err)
{
    size_t n = strlen(key);
    const crm__own_word *word = crm__own_by_key(&crm__event_words, key, n);
    const crm__field *f = word || !c->kind ? NULL : crm__event_attribute_find(c->kind, key, n);

    if (f)
        return read_attribute(f, v, c, err);
    if (!word)
        word = crm__own_by_label(&crm__event_words, key, n);
    if (!word)
        return c->kind ? crm__attribute_unknown(c->kind, key, n, 1, err)
                       : fault("kind", "a void has no attributes", err);
    if (*own >> word->own & 1)
        return fault(word->key, "stands twice, by key and by label", err);
    *own |= UINT32_C(1) << word->own;
    return v ? read_own(word, v, c, err) : CRM_OK;
}

int crm__event_read_json(crm_txn *txn, const crm__json *v, crm_event *c, crm_error *err)
{
    const crm__json *kind = crm__event_own_value(v, CRM__OWN_KIND), *value;
    const void *at = NULL;
    const char *key;
    uint32_t own = 0;
    int rc;

    if (crm__json_kind(v) != CRM__JSON_OBJECT)
        return fault("events", "an event is an object", err);
    c->zone = txn->zone;
    rc = read_kind(kind, c, err);
    while (!rc && crm__json_next(v, &at, &key, &value)) {
        /* A label that gave the kind is no name of an attribute of that kind. */
        if (value != kind || c->void_set || !crm__event_attribute_find(c->kind, key, strlen(key)))
            rc = read_member(key, value, c, &own, err);
    }
    if (!rc && c->void_set && !c->e.voids)
        rc = fault("voids", "a void names the event it voids", err);
    return rc;
}

/* ---- writing ---- */

static void member_text(crm__buf *out, const char *key, const void *p, size_t n)
{
    crm__buf_add_str(out, ",\"");
    crm__buf_add_str(out, key);
    crm__buf_add_str(out, "\":");
    crm__json_string(out, p, n);
}

static void add_number(crm__buf *out, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;

    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    crm__buf_add(out, digits + n, sizeof digits - n);
}

static int write_attributes(const crm_event *c, crm__buf *text, crm__buf *out)
{
    int rc = CRM_OK;

    for (uint32_t i = 0; c->kind && c->e.value_count && i < c->kind->attribute_count && !rc; i++) {
        const crm__field *f = &c->kind->attributes[i];
        const crm__event_value *x = crm__event_shown(c, f);
        if (!x)
            continue;
        crm__buf_add_u8(out, ',');
        crm__json_string(out, f->key, strlen(f->key));
        crm__buf_add_u8(out, ':');
        rc = crm__json_value_write(f, &x->v, text, out);
    }
    return rc;
}

int crm__event_write_json(crm_txn *txn, const crm_event *c, crm__buf *out, crm_error *err)
{
    const char *kind = crm_event_kind_key(c), *source;
    char time[40];
    size_t n = crm__datetime_format(c->e.time, time), source_n;
    int rc;

    crm__buf_add_str(out, "{\"number\":");
    add_number(out, c->e.number);
    member_text(out, "kind", kind, strlen(kind));
    member_text(out, "time", time, n);
    rc = write_attributes(c, &txn->scratch[1], out);
    if (!rc)
        rc = crm_event_source(txn, c, &source, &source_n, err);
    if (rc)
        return rc;
    if (source_n)
        member_text(out, "source", source, source_n);
    if (c->e.reference.n)
        member_text(out, "reference", c->e.reference.p, c->e.reference.n);
    if (c->e.voids) {
        crm__buf_add_str(out, ",\"voids\":");
        add_number(out, c->e.voids);
    }
    if (c->e.state)
        crm__buf_add_str(out, c->e.state == CRM__EVENT_VOIDED ? ",\"state\":\"voided\""
                                                              : ",\"state\":\"corrected\"");
    crm__buf_add_str(out, ",\"revision\":");
    add_number(out, c->e.seq);
    crm__buf_add_u8(out, '}');
    return out->failed ? crm__fail_nomem(err) : CRM_OK;
}

int crm_event_to_json(crm_txn *txn, const crm_event *e, char **json, size_t *n, crm_error *err)
{
    crm__buf out;
    int rc;

    if (!json)
        return crm__fail_field(err, CRM_EINVAL, "json", "json is NULL");
    *json = NULL;
    rc = crm__txn_enter(txn, 0, err);
    if (rc)
        return rc;
    if (!e)
        return crm__fail_field(err, CRM_EINVAL, "e", "e is NULL");
    crm__buf_init(&out, txn->mem);
    rc = crm__event_write_json(txn, e, &out, err);
    if (!rc) {
        *json = crm__give(txn->mem, out.p, out.n);
        if (!*json)
            rc = crm__fail_nomem(err);
        else if (n)
            *n = out.n;
    }
    crm__buf_clear(&out);
    return rc;
}
