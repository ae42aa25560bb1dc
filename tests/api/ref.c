/* SPDX-License-Identifier: MIT
 * The reference store: see ref.h.
 */
#include "ref.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ref_pool {
    void **p;
    size_t n, cap;
};

ref_pool *ref_pool_new(void)
{
    return calloc(1, sizeof(ref_pool));
}

void ref_pool_free(ref_pool *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->p[i]);
    free(p->p);
    free(p);
}

void *ref_alloc(ref_pool *p, size_t n)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 256;
        p->p = realloc(p->p, p->cap * sizeof *p->p);
    }
    return p->p[p->n++] = calloc(1, n);
}

ref_store ref_copy(const ref_store *s)
{
    ref_store to = *s;

    to.cap = s->count + 1;
    to.c = ref_alloc(s->pool, to.cap * sizeof *to.c);
    if (s->count)
        memcpy(to.c, s->c, s->count * sizeof *to.c);
    return to;
}

const ref_customer *ref_get(const ref_store *s, crm_id id)
{
    return id >= 1 && id <= s->count ? s->c[id - 1] : NULL;
}

static void put(ref_store *s, crm_id id, const ref_customer *c)
{
    if (id > s->cap) {
        size_t cap = s->cap * 2 + 16;
        const ref_customer **more = ref_alloc(s->pool, cap * sizeof *more);
        if (s->count)
            memcpy(more, s->c, s->count * sizeof *more);
        s->c = more;
        s->cap = cap;
    }
    if (id > s->count)
        s->count = id;
    s->c[id - 1] = c;
}

size_t ref_live(const ref_store *s, int deleted)
{
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++)
        n += s->c[i]->deleted == deleted;
    return n;
}

/* ---- values ---- */

static void lower(char *s)
{
    for (; *s; s++) {
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s + 32);
    }
}

/* "12.50 EUR" and "12.5 EUR" are one value to look for, as are 1.0 and 1. */
static void short_number(char *s)
{
    char *point = strchr(s, '.'), *end = s + strcspn(s, " "), *last = end;

    if (!point)
        return;
    while (last[-1] == '0')
        last--;
    if (last[-1] == '.')
        last--;
    memmove(last, end, strlen(end) + 1);
}

static int same_to_find(const ref_field *f, const ref_value *a, const ref_value *b)
{
    char x[sizeof a->text], y[sizeof a->text];

    if (strcmp(a->source, b->source) != 0)
        return 0;
    strcpy(x, a->text);
    strcpy(y, b->text);
    if (f->type == CRM_TYPE_EMAIL) {
        lower(x);
        lower(y);
    }
    if (f->type == CRM_TYPE_MONEY || f->type == CRM_TYPE_DECIMAL) {
        short_number(x);
        short_number(y);
    }
    return strcmp(x, y) == 0;
}

static int same(const ref_value *a, const ref_value *b)
{
    return strcmp(a->text, b->text) == 0 && strcmp(a->source, b->source) == 0;
}

static int same_entry(const ref_entry *a, const ref_entry *b)
{
    if (a->n != b->n)
        return 0;
    for (int i = 0; i < a->n; i++) {
        if (!same(&a->v[i], &b->v[i]))
            return 0;
    }
    return 1;
}

static void add(ref_entry *e, const ref_value *v)
{
    for (int i = 0; i < e->n; i++) {
        if (same(&e->v[i], v))
            return;
    }
    if (e->n == REF_VALUES)
        abort(); /* the reference is too small for what it is asked */
    e->v[e->n++] = *v;
}

/* An entry to keep, with room for its values only. */
static ref_entry *stored(ref_pool *pool, const ref_entry *e)
{
    size_t n = offsetof(ref_entry, v) + (size_t)e->n * sizeof e->v[0];
    ref_entry *to = ref_alloc(pool, n);

    memcpy(to, e, n);
    return to;
}

static void take_away(ref_entry *e, const ref_value *v)
{
    int n = 0;

    for (int i = 0; i < e->n; i++) {
        if (!same(&e->v[i], v))
            e->v[n++] = e->v[i];
    }
    e->n = n;
}

size_t ref_find(const ref_store *s, int field, const ref_value *v, crm_id *ids, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++) {
        const ref_entry *e = s->c[i]->e[field];
        int has = 0;
        for (int k = 0; e && !s->c[i]->deleted && k < e->n; k++)
            has |= same_to_find(&s->m->field[field], &e->v[k], v);
        if (has && n++ < cap)
            ids[n - 1] = i + 1;
    }
    return n;
}

/* ---- faults ---- */

static void fault(ref_result *r, int code, const char *field, int64_t row)
{
    if (r->count < REF_FAULTS)
        r->fault[r->count++] = (ref_fault){code, field, row};
}

static void bad_values(const ref_model *m, const ref_doc *doc, ref_result *r)
{
    for (int i = 0; i < doc->count; i++) {
        for (int k = 0; k < doc->said[i].bad; k++)
            fault(r, CRM_EVALUE, m->field[doc->said[i].field].key, -1);
    }
}

/* ---- one write ---- */

static const ref_said *said_of(const ref_doc *doc, int field)
{
    for (int i = 0; i < doc->count; i++) {
        if (doc->said[i].field == field)
            return &doc->said[i];
    }
    return NULL;
}

/* The values of one field after a write. */
static void new_entry(const ref_field *f, int how, const ref_entry *old, const ref_said *said,
                      ref_entry *out)
{
    int adds = said && (said->mode == REF_DELTA ||
                        (how == REF_UPSERT && said->mode == REF_SET &&
                         (f->flags & CRM_FIELD_LIST) && (f->flags & CRM_FIELD_IDENTITY)));

    memset(out, 0, sizeof *out);
    if (!said && how == REF_REPLACE)
        return;
    if (old && (!said || (adds && how != REF_REPLACE)))
        memcpy(out, old, offsetof(ref_entry, v) + (size_t)old->n * sizeof old->v[0]);
    if (!said || said->mode == REF_UNSET)
        return;
    for (int i = 0; i < said->removed; i++)
        take_away(out, &said->v[said->n + i]);
    for (int i = 0; i < said->n; i++)
        add(out, &said->v[i]);
}

/* A value that stood there before keeps its origin. */
static void give_origins(ref_entry *e, const ref_entry *old, const char *source, int64_t recorded)
{
    for (int i = 0; i < e->n; i++) {
        memset(e->v[i].from, 0, sizeof e->v[i].from);
        if (source)
            strcpy(e->v[i].from, source);
        e->v[i].at = recorded;
        for (int k = 0; old && k < old->n; k++) {
            if (same(&old->v[k], &e->v[i]))
                e->v[i] = old->v[k];
        }
    }
}

static void check_values(const ref_store *s, int i, crm_id id, const ref_customer *c, int undelete,
                         ref_result *r)
{
    const ref_field *f = &s->m->field[i];
    const ref_entry *e = c->e[i];

    if (!undelete && !(f->kinds & c->kind))
        fault(r, CRM_EVALUE, f->key, -1);
    for (int k = 0; k < e->n; k++) {
        crm_id to = f->type == CRM_TYPE_CUSTOMER ? strtoull(e->v[k].text, NULL, 10) : 0, ids[2];
        const ref_customer *other = ref_get(s, to);
        size_t n;
        if (to && !undelete && (to == id || !other || other->deleted))
            fault(r, CRM_EVALUE, f->key, -1);
        if (!(f->flags & CRM_FIELD_UNIQUE))
            continue;
        n = ref_find(s, i, &e->v[k], ids, 2);
        for (size_t j = 0; j < n && j < 2; j++) {
            if (ids[j] != id) {
                fault(r, CRM_EEXISTS, f->key, (int64_t)ids[j]);
                break;
            }
        }
    }
}

/* What the customer becomes; faults of the whole record go to r.  1 if anything differs. */
static int become(ref_store *s, int how, crm_id id, const ref_customer *old, const ref_doc *doc,
                  const char *source, int64_t recorded, ref_customer *c, ref_result *r)
{
    int changed[REF_FIELDS] = {0}, any = 0, kind_changed;

    memset(c, 0, sizeof *c);
    c->kind = doc->kind ? doc->kind : old ? old->kind : REF_PERSON;
    c->created = old ? old->created : recorded;
    c->updated = recorded;
    kind_changed = old && old->kind != c->kind;
    for (size_t i = 0; i < s->m->count; i++) {
        const ref_field *f = &s->m->field[i];
        const ref_entry *was = old ? old->e[i] : NULL;
        const ref_said *said = said_of(doc, (int)i);
        ref_entry e;
        new_entry(f, how, was, said, &e);
        if (how == REF_CREATE && !said && f->preset && (f->kinds & c->kind)) {
            e.n = 1;
            strcpy(e.v[0].text, f->preset);
        }
        if (was && same_entry(was, &e)) {
            c->e[i] = was;
        } else if (e.n) {
            ref_entry *mine = stored(s->pool, &e);
            give_origins(mine, was, doc->source ? doc->source : source, recorded);
            c->e[i] = mine;
        }
        changed[i] = c->e[i] != was;
        any |= changed[i];
    }
    for (size_t i = 0; i < s->m->count; i++) {
        const ref_field *f = &s->m->field[i];
        int all = how == REF_CREATE || how == REF_REPLACE || kind_changed;
        if ((f->flags & CRM_FIELD_REQUIRED) && (f->kinds & c->kind) && !c->e[i] &&
            (all || old->e[i]))
            fault(r, CRM_EVALUE, f->key, -1);
        if (c->e[i] && (changed[i] || kind_changed))
            check_values(s, (int)i, id, c, 0, r);
    }
    return any || kind_changed;
}

static void store(ref_store *s, crm_id id, ref_customer *c, int64_t recorded)
{
    ref_customer *mine = ref_alloc(s->pool, sizeof *mine);

    c->revision = ++s->revision;
    c->updated = recorded;
    s->recorded = recorded;
    *mine = *c;
    put(s, id, mine);
}

static void match(const ref_store *s, const ref_doc *doc, ref_result *r, crm_id *found)
{
    int seen = 0, several = 0;

    *found = 0;
    for (int unique = 1; unique >= 0 && !seen; unique--) {
        for (int i = 0; i < doc->count; i++) {
            const ref_said *said = &doc->said[i];
            const ref_field *f = &s->m->field[said->field];
            if (said->mode != REF_SET ||
                !(f->flags & (unique ? CRM_FIELD_UNIQUE : CRM_FIELD_IDENTITY)))
                continue;
            seen = 1;
            for (int k = 0; k < said->n; k++) {
                crm_id ids[2];
                size_t n = ref_find(s, said->field, &said->v[k], ids, 2);
                for (size_t j = 0; j < n && j < 2; j++) {
                    several |= *found && *found != ids[j];
                    *found = ids[j];
                }
            }
        }
    }
    if (!seen)
        fault(r, CRM_EVALUE, "", -1);
    if (several)
        fault(r, CRM_EAMBIGUOUS, "", -1);
}

static void set_deleted(ref_store *s, int deleted, crm_id id, uint64_t expected, int64_t recorded,
                        ref_result *r)
{
    const ref_customer *old = ref_get(s, id);
    ref_customer c;

    if (!old || (deleted && old->deleted))
        fault(r, CRM_ENOTFOUND, "", -1);
    else if (!deleted && !old->deleted)
        fault(r, CRM_EEXISTS, "", -1);
    else if (expected && expected != old->revision)
        fault(r, CRM_ECONFLICT, "", (int64_t)old->revision);
    if (r->count)
        return;
    c = *old;
    for (size_t i = 0; i < s->m->count && !deleted; i++) {
        if (c.e[i])
            check_values(s, (int)i, id, &c, 1, r);
    }
    if (r->count)
        return;
    c.deleted = deleted;
    store(s, id, &c, recorded);
}

void ref_write(ref_store *s, int how, crm_id id, uint64_t expected, const ref_doc *doc,
               const char *source, int64_t recorded, ref_result *r)
{
    const ref_customer *old;
    ref_customer c;

    r->count = 0;
    r->created = 0;
    r->id = id;
    if (how == REF_DELETE || how == REF_UNDELETE) {
        set_deleted(s, how == REF_DELETE, id, expected, recorded, r);
        return;
    }
    bad_values(s->m, doc, r);
    if (r->count)
        return;
    if (how == REF_UPSERT) {
        match(s, doc, r, &r->id);
        if (r->count)
            return;
        if (!r->id)
            how = REF_CREATE;
    }
    if (how == REF_CREATE)
        r->id = s->count + 1;
    r->created = how == REF_CREATE;
    old = how == REF_CREATE ? NULL : ref_get(s, r->id);
    if (how != REF_CREATE) {
        if (!old || old->deleted)
            fault(r, CRM_ENOTFOUND, "", -1);
        else if (expected && expected != old->revision)
            fault(r, CRM_ECONFLICT, "", (int64_t)old->revision);
        if (r->count)
            return;
    }
    if (become(s, how, r->id, old, doc, source, recorded, &c, r) && !r->count)
        store(s, r->id, &c, recorded);
}

/* Whether a fault says that a field is missing of which the document was told to be wrong. */
static int doubled(const ref_model *m, const ref_customer *c, const ref_result *r, int values,
                   const char *field)
{
    int missing = 0, told = 0;

    for (size_t i = 0; i < m->count; i++)
        missing |= !c->e[i] && m->field[i].key == field;
    for (int i = 0; i < values; i++)
        told |= r->fault[i].field == field;
    return missing && told;
}

void ref_faults(ref_store *s, const ref_doc *doc, int twice, ref_result *r)
{
    ref_customer c;
    int values, n;

    r->count = 0;
    bad_values(s->m, doc, r);
    if (twice >= 0)
        fault(r, CRM_EVALUE, s->m->field[twice].key, -1);
    values = n = r->count;
    become(s, REF_CREATE, 0, NULL, doc, NULL, 0, &c, r);
    for (int i = values; i < r->count; i++) {
        if (!doubled(s->m, &c, r, values, r->fault[i].field))
            r->fault[n++] = r->fault[i];
    }
    r->count = n;
}

/* ---- documents ---- */

size_t ref_json_string(char *out, const char *s)
{
    size_t n = 0;

    out[n++] = '"';
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') {
            out[n++] = '\\';
            out[n++] = *s;
        } else if (*s == '\n' || *s == '\t') {
            out[n++] = '\\';
            out[n++] = *s == '\n' ? 'n' : 't';
        } else {
            out[n++] = *s;
        }
    }
    out[n++] = '"';
    out[n] = 0;
    return n;
}

void ref_time_text(int64_t us, char *out)
{
    int64_t days = us / 86400000000, rest = us % 86400000000, year = 1970;
    int month = 0, micro;
    char fraction[12] = "";

    if (rest < 0) {
        rest += 86400000000;
        days--;
    }
    while (days < 0)
        days += --year % 4 == 0 && (year % 100 || year % 400 == 0) ? 366 : 365;
    for (;;) {
        int leap = year % 4 == 0 && (year % 100 || year % 400 == 0);
        static const int LENGTH[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        int length = LENGTH[month] + (month == 1 && leap);
        if (days < length)
            break;
        days -= length;
        month = (month + 1) % 12;
        year += month == 0;
    }
    micro = (int)(rest % 1000000);
    if (micro % 1000)
        snprintf(fraction, sizeof fraction, ".%06d", micro);
    else if (micro)
        snprintf(fraction, sizeof fraction, ".%03d", micro / 1000);
    rest /= 1000000;
    snprintf(out, 40, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", (int)year % 10000, (month + 1) % 100,
             (int)(days + 1) % 100, (int)(rest / 3600) % 100, (int)(rest / 60 % 60),
             (int)(rest % 60), fraction);
}

static size_t value_json(const ref_field *f, const ref_value *v, char *out)
{
    size_t n;

    if (f->type == CRM_TYPE_INTEGER || f->type == CRM_TYPE_CUSTOMER || f->type == CRM_TYPE_BOOLEAN)
        return (size_t)sprintf(out, "%s", v->text);
    if (f->type != CRM_TYPE_MONEY)
        return ref_json_string(out, v->text);
    n = strcspn(v->text, " ");
    return (size_t)sprintf(out, "{\"amount\":\"%.*s\",\"currency\":\"%s\"}", (int)n, v->text,
                           v->text + n + 1);
}

static size_t fields_json(const ref_model *m, const ref_customer *c, char *out)
{
    size_t at = 0;

    for (size_t i = 0; i < m->count; i++) {
        const ref_field *f = &m->field[i];
        if (!c->e[i] || f->in_identities)
            continue;
        at += (size_t)sprintf(out + at, ",\"%s\":", f->key);
        if (f->flags & CRM_FIELD_LIST)
            out[at++] = '[';
        for (int k = 0; k < c->e[i]->n; k++) {
            if (k)
                out[at++] = ',';
            at += value_json(f, &c->e[i]->v[k], out + at);
        }
        if (f->flags & CRM_FIELD_LIST)
            out[at++] = ']';
    }
    at += (size_t)sprintf(out + at, ",\"identities\":[");
    for (size_t i = 0; i < m->count; i++) {
        const ref_field *f = &m->field[i];
        for (int k = 0; c->e[i] && f->in_identities && k < c->e[i]->n; k++) {
            at += (size_t)sprintf(out + at, "%s{\"kind\":\"%s\"", out[at - 1] == '[' ? "" : ",",
                                  f->key);
            if (f->flags & CRM_FIELD_PER_SOURCE)
                at += (size_t)sprintf(out + at, ",\"source\":\"%s\"", c->e[i]->v[k].source);
            at += (size_t)sprintf(out + at, ",\"value\":");
            at += value_json(f, &c->e[i]->v[k], out + at);
            out[at++] = '}';
        }
    }
    out[at++] = ']';
    return at;
}

static size_t origins_json(const ref_field *f, const ref_entry *e, int first, char *out)
{
    int list = (f->flags & CRM_FIELD_LIST) != 0;
    size_t at = (size_t)sprintf(out, "%s\"%s\":%s", first ? "" : ",", f->key, list ? "[" : "");
    char text[40];

    for (int i = 0; i < e->n; i++) {
        ref_time_text(e->v[i].at, text);
        at += (size_t)sprintf(out + at, "%s{\"at\":\"%s\"", i ? "," : "", text);
        if (e->v[i].from[0])
            at += (size_t)sprintf(out + at, ",\"source\":\"%s\"", e->v[i].from);
        out[at++] = '}';
    }
    if (list)
        out[at++] = ']';
    return at;
}

size_t ref_json(const ref_store *s, crm_id id, int origins, char *out, size_t cap)
{
    const ref_customer *c = ref_get(s, id);
    char created[40], updated[40];
    size_t at;

    (void)cap;
    ref_time_text(c->created, created);
    ref_time_text(c->updated, updated);
    at = (size_t)sprintf(out,
                         "{\"id\":%llu,\"kind\":\"%s\",\"revision\":%llu,\"created_at\":\"%s\","
                         "\"updated_at\":\"%s\"%s",
                         (unsigned long long)id, c->kind == REF_PERSON ? "person" : "organisation",
                         (unsigned long long)c->revision, created, updated,
                         c->deleted ? ",\"deleted\":true" : "");
    at += fields_json(s->m, c, out + at);
    if (origins)
        at += (size_t)sprintf(out + at, ",\"origins\":{");
    for (size_t i = 0; origins && i < s->m->count; i++) {
        if (c->e[i])
            at += origins_json(&s->m->field[i], c->e[i], out[at - 1] == '{', out + at);
    }
    if (origins)
        out[at++] = '}';
    out[at++] = '}';
    out[at] = 0;
    return at;
}
