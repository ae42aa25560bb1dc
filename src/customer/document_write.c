/* SPDX-License-Identifier: MIT
 * The JSON document of a customer, written from a record in the form that document.c describes, in
 * one line or for people.
 */
#include "customer/customer.h"
#include "model/json_value.h"

#include "base/time.h"

#include <string.h>

typedef struct writing {
    crm_txn *txn;
    const crm_customer *c;
    crm__buf *out, text;
    int pretty;
    crm_error *err;
} writing;

static void member(writing *w, int depth, int first, const char *key)
{
    if (!first)
        crm__buf_add_u8(w->out, ',');
    if (w->pretty) {
        crm__buf_add_u8(w->out, '\n');
        for (int i = 0; i < depth; i++)
            crm__buf_add_str(w->out, "  ");
    }
    if (!key)
        return;
    crm__json_string(w->out, key, strlen(key));
    crm__buf_add_str(w->out, w->pretty ? ": " : ":");
}

static void end_block(writing *w, int depth, char c)
{
    if (w->pretty) {
        crm__buf_add_u8(w->out, '\n');
        for (int i = 0; i < depth; i++)
            crm__buf_add_str(w->out, "  ");
    }
    crm__buf_add_u8(w->out, (unsigned char)c);
}

static int write_events(writing *w)
{
    size_t before;
    int rc;

    member(w, 1, 0, "events");
    crm__buf_add_u8(w->out, '[');
    before = w->out->n;
    rc = crm__customer_write_events(w->txn, w->c, w->pretty ? "\n    " : "", w->out, w->err);
    if (w->out->n > before)
        end_block(w, 1, ']');
    else
        crm__buf_add_u8(w->out, ']');
    return rc;
}

static void write_time(writing *w, const char *key, int64_t us)
{
    char text[40];
    size_t n = crm__datetime_format(us, text);

    member(w, 1, 0, key);
    crm__json_string(w->out, text, n);
}

static int write_value(const crm__field *f, const crm__entry *e, crm__slice item, crm__buf *text,
                       crm__buf *out)
{
    crm__item split;
    crm__value v;
    int rc = crm__item_split(item, e->scoped, &split);

    if (!rc)
        rc = crm__value_decode(e->type, 0, split.value, &v);
    return rc ? rc : crm__json_value_write(f && f->type == e->type ? f : NULL, &v, text, out);
}

static int write_item(writing *w, const crm__field *f, const crm__entry *e, crm__slice item)
{
    return write_value(f, e, item, &w->text, w->out);
}

int crm__values_json(const crm__field *f, const crm__entry *e, crm__buf *text, crm__buf *out)
{
    crm__slice item;
    size_t pos = 0;
    int rc = CRM_OK, n = 0;

    if (!e->list && !(f && f->flags & CRM_FIELD_LIST))
        return write_value(f, e, e->payload, text, out);
    crm__buf_add_u8(out, '[');
    while (!rc && (rc = crm__entry_next(e, &pos, &item)) == CRM_OK) {
        if (n++)
            crm__buf_add_u8(out, ',');
        rc = write_value(f, e, item, text, out);
    }
    crm__buf_add_u8(out, ']');
    return rc == CRM_DONE ? CRM_OK : rc;
}

/* Entries the model shows under a field of this sort. */
static const crm__entry *shown(const writing *w, const crm__field *f, int identity)
{
    const crm__entry *e = crm__record_find(&w->c->rec, f->number);

    return e && crm__entry_shown(w->c->model, e) && (f->declared_identity != 0) == identity ? e
                                                                                            : NULL;
}

/* A source by number, or by name when that is 0. */
static int write_source(writing *w, uint32_t number, crm__slice name)
{
    int rc = number ? crm__dict_name(w->txn, CRM__DICT_SOURCE, number, &name) : CRM_OK;

    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    crm__buf_add_str(w->out, ",\"source\":");
    crm__json_string(w->out, name.p, name.n);
    return CRM_OK;
}

static int write_identities(writing *w)
{
    int n = 0, rc = CRM_OK;

    member(w, 1, 0, "identities");
    crm__buf_add_u8(w->out, '[');
    for (size_t i = 0; i < crm__model_count(w->c->model) && !rc; i++) {
        const crm__field *f = crm__model_at(w->c->model, i);
        const crm__entry *e = shown(w, f, 1);
        crm__slice item;
        size_t pos = 0;
        while (e && !rc && (rc = crm__entry_next(e, &pos, &item)) == CRM_OK) {
            member(w, 2, n++ == 0, NULL);
            crm__buf_add_str(w->out, "{\"kind\":");
            crm__json_string(w->out, f->key, strlen(f->key));
            if (e->scoped) {
                crm__item split;
                rc = crm__item_split(item, 1, &split);
                if (!rc)
                    rc = write_source(w, split.source, split.name);
            }
            crm__buf_add_str(w->out, ",\"value\":");
            if (!rc)
                rc = write_item(w, f, e, item);
            crm__buf_add_u8(w->out, '}');
        }
        if (rc == CRM_DONE)
            rc = CRM_OK;
    }
    if (n)
        end_block(w, 1, ']');
    else
        crm__buf_add_u8(w->out, ']');
    return rc;
}

static int write_origin(writing *w, uint32_t origin)
{
    const crm__origin *o;
    char at[40];
    size_t n;
    int rc = CRM_OK;

    if (origin >= w->c->rec.origin_count)
        return CRM_ECORRUPT;
    o = &w->c->rec.origins[origin];
    crm__buf_add_str(w->out, "{\"at\":");
    n = crm__datetime_format(o->at, at);
    crm__json_string(w->out, at, n);
    if (o->source)
        rc = write_source(w, o->source, crm__slice_of(NULL, 0));
    crm__buf_add_u8(w->out, '}');
    return rc;
}

static int write_origins(writing *w)
{
    int first = 1, rc = CRM_OK;

    member(w, 1, 0, "origins");
    crm__buf_add_u8(w->out, '{');
    for (size_t i = 0; i < crm__model_count(w->c->model) && !rc; i++) {
        const crm__field *f = crm__model_at(w->c->model, i);
        const crm__entry *e = crm__record_find(&w->c->rec, f->number);
        crm__slice item;
        size_t pos = 0, n = 0;
        int list;
        if (!e || !crm__entry_shown(w->c->model, e))
            continue;
        list = e->list || f->flags & CRM_FIELD_LIST;
        member(w, 2, first, f->key);
        first = 0;
        crm__buf_add_str(w->out, list ? "[" : "");
        while (!rc && crm__entry_next(e, &pos, &item) == CRM_OK) {
            crm__buf_add_str(w->out, n ? "," : "");
            rc = write_origin(w, crm__entry_origin(e, n++));
        }
        crm__buf_add_str(w->out, list ? "]" : "");
    }
    end_block(w, 1, '}');
    return rc;
}

static int write_fields(writing *w)
{
    int rc = CRM_OK;

    for (size_t i = 0; i < crm__model_count(w->c->model) && !rc; i++) {
        const crm__field *f = crm__model_at(w->c->model, i);
        const crm__entry *e = shown(w, f, 0);
        if (!e)
            continue;
        member(w, 1, 0, f->key);
        rc = crm__values_json(f, e, &w->text, w->out);
    }
    return rc;
}

int crm__document_write(crm_txn *txn, const crm_customer *c, uint32_t flags, crm__buf *out,
                        crm_error *err)
{
    writing w = {txn, c, out, {0}, (flags & CRM_JSON_PRETTY) != 0, err};
    int rc;

    crm__buf_init(&w.text, txn->mem);
    crm__buf_add_u8(out, '{');
    member(&w, 1, 1, "id");
    crm__buf_add_fmt(out, "%llu", (unsigned long long)c->id);
    member(&w, 1, 0, "kind");
    crm__json_string(out, crm_customer_kind(c), strlen(crm_customer_kind(c)));
    member(&w, 1, 0, "revision");
    crm__buf_add_fmt(out, "%llu", (unsigned long long)c->rec.seq);
    write_time(&w, "created_at", c->rec.created);
    write_time(&w, "updated_at", c->rec.updated);
    if (c->rec.flags & CRM__RECORD_DELETED) {
        member(&w, 1, 0, "deleted");
        crm__buf_add_str(out, "true");
    }
    rc = write_fields(&w);
    if (!rc)
        rc = write_identities(&w);
    if (!rc && flags & CRM_JSON_ORIGINS)
        rc = write_origins(&w);
    if (!rc && flags & CRM_JSON_TAGS) {
        member(&w, 1, 0, "tags");
        rc = crm__customer_write_tags(txn, c, out, err);
        if (rc) {
            crm__buf_clear(&w.text);
            return rc;
        }
    }
    if (!rc && flags & CRM_JSON_EVENTS) {
        rc = write_events(&w);
        if (rc) {
            crm__buf_clear(&w.text);
            return rc;
        }
    }
    end_block(&w, 0, '}');
    if (!rc && (out->failed || w.text.failed))
        rc = CRM_ENOMEM;
    crm__buf_clear(&w.text);
    return rc ? crm__txn_fail(txn, rc, "can't write the document", err) : CRM_OK;
}
