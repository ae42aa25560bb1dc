/* SPDX-License-Identifier: MIT
 * What a customer's record becomes by a write, and whether the model allows it.  The one validation
 * of both doors and all verbs.
 */
#include "customer/customer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int crm__customer_fault(crm__customer_faults *faults, int rc)
{
    const crm_error *e = faults->err;
    crm__buf *out = faults->all;

    if (rc >= 0 || !out || rc == CRM_ENOMEM || rc <= CRM_EIO)
        return rc;
    if (faults->count >= CRM__CUSTOMER_FAULTS)
        return CRM_DONE;
    crm__buf_add_str(out, faults->count++ ? "," : "");
    crm__buf_add_fmt(out, "{\"code\":\"%s\",\"field\":", crm_error_name(rc));
    crm__json_string(out, e->field, strlen(e->field));
    crm__buf_add_str(out, ",\"message\":");
    crm__json_string(out, e->message, strlen(e->message));
    if (e->offset >= 0)
        crm__buf_add_fmt(out, ",\"offset\":%lld", (long long)e->offset);
    if (e->row >= 0)
        crm__buf_add_fmt(out, ",\"row\":%lld", (long long)e->row);
    crm__buf_add_u8(out, '}');
    crm_error_init(faults->err);
    return faults->count < CRM__CUSTOMER_FAULTS ? CRM_OK : CRM_DONE;
}

typedef struct merge {
    crm_txn *txn;
    const crm__model *m;
    int how;
    crm_id id;
    const crm__record *before; /* NULL: none */
    const crm_customer *c;
    crm__record *after;
    crm__buf *changed;
    crm__customer_faults *faults;
    uint32_t new_origin; /* UINT32_MAX: not made yet */
} merge;

/* ---- payloads ---- */

/* Number of a source by name: given in a write, only looked up when validating. */
static int source_number(merge *g, const uint8_t *name, size_t n, uint32_t *number)
{
    int rc;

    if (g->txn->write == 1)
        return crm__dict_give(g->txn, CRM__DICT_SOURCE, (const char *)name, n, number,
                              g->faults->err);
    rc = crm__dict_find(g->txn, CRM__DICT_SOURCE, (const char *)name, n, number);
    if (!rc && !*number)
        *number = UINT32_MAX; /* belongs to nobody, so it can clash with nobody */
    return rc ? crm__txn_fail(g->txn, rc, "can't read the dictionary", g->faults->err) : CRM_OK;
}

/* Sources of a per-source list by number, and no item twice. */
static int resolve(merge *g, crm__slice list, crm__slice *out)
{
    crm__buf items, one;
    crm__slice item;
    size_t pos = 0;
    int rc;

    crm__buf_init(&items, g->txn->mem);
    crm__buf_init(&one, g->txn->mem);
    while ((rc = crm__list_next(list, &pos, &item)) == CRM_OK) {
        crm__item split;
        rc = crm__item_split(item, 1, &split);
        if (!rc && !split.source)
            rc = source_number(g, split.name.p, split.name.n, &split.source);
        if (rc)
            break;
        one.n = 0;
        crm__buf_add_varint(&one, split.source);
        crm__buf_add(&one, split.value.p, split.value.n);
        crm__items_add(&items, crm__slice_of(one.p, one.n));
    }
    if (rc == CRM_DONE) {
        const uint8_t *copy = crm__arena_copy(&g->txn->work, items.p, items.n);
        rc = items.failed || one.failed || !copy ? crm__fail_nomem(g->faults->err) : CRM_OK;
        *out = crm__slice_of(copy, items.n);
    }
    crm__buf_clear(&items);
    crm__buf_clear(&one);
    return rc;
}

/* The list that an entry adds to or takes from, after the change. */
static int combine(merge *g, crm__slice list, const crm__entry *e, int remove, crm__slice *out)
{
    crm__slice delta = e->payload, item;
    crm__buf items;
    size_t pos = 0;
    int rc = e->scoped ? resolve(g, e->payload, &delta) : CRM_OK;

    if (rc)
        return rc;
    crm__buf_init(&items, g->txn->mem);
    while ((rc = crm__list_next(list, &pos, &item)) == CRM_OK) {
        if (!remove || !crm__items_has(delta, item))
            crm__list_add(&items, item);
    }
    pos = 0;
    while (rc == CRM_DONE && !remove && (rc = crm__list_next(delta, &pos, &item)) == CRM_OK) {
        crm__items_add(&items, item);
        rc = CRM_DONE;
    }
    if (rc == CRM_DONE) {
        const uint8_t *copy = crm__arena_copy(&g->txn->work, items.p, items.n);
        rc = items.failed || !copy ? crm__fail_nomem(g->faults->err) : CRM_OK;
        *out = crm__slice_of(copy, items.n);
    }
    crm__buf_clear(&items);
    return rc;
}

/* ---- entries ---- */

static int origin_now(merge *g, uint32_t *at)
{
    crm__record *r = g->after;
    uint32_t source = 0;
    int rc = CRM_OK;

    if (g->new_origin == UINT32_MAX) {
        const char *name = g->c->source ? g->c->source : g->txn->name[CRM__BY_SOURCE];
        if (name)
            rc = source_number(g, (const uint8_t *)name, strlen(name), &source);
        if (!rc && crm__record_room(g->txn->mem, r, 0, r->origin_count + 1))
            rc = crm__fail_nomem(g->faults->err);
        if (rc)
            return rc;
        for (uint32_t i = 0; i < r->origin_count && g->new_origin == UINT32_MAX; i++) {
            if (r->origins[i].source == source && r->origins[i].at == g->txn->recorded)
                g->new_origin = i;
        }
        if (g->new_origin == UINT32_MAX) {
            r->origins[r->origin_count] = (crm__origin){source, g->txn->recorded};
            g->new_origin = r->origin_count++;
        }
    }
    *at = g->new_origin;
    return CRM_OK;
}

static int note_change(merge *g, uint32_t field)
{
    uint32_t last;

    if (g->changed->n) {
        memcpy(&last, g->changed->p + g->changed->n - sizeof last, sizeof last);
        if (last == field)
            return CRM_OK;
    }
    crm__buf_add(g->changed, &field, sizeof field);
    return g->changed->failed ? crm__fail_nomem(g->faults->err) : CRM_OK;
}

static int keep(merge *g, const crm__entry *e)
{
    crm__record *r = g->after;

    if (crm__record_room(g->txn->mem, r, r->entry_count + 1, 0))
        return crm__fail_nomem(g->faults->err);
    r->entries[r->entry_count++] = *e;
    return CRM_OK;
}

/* Values of a list that stood there before keep their origins. */
static int item_origins(merge *g, crm__entry *mine, const crm__entry *old)
{
    crm__buf origins;
    crm__slice item, was;
    size_t pos = 0;
    uint32_t origin = 0, kept = 0;
    int rc = CRM_OK;

    crm__buf_init(&origins, g->txn->mem);
    while (!rc && crm__list_next(mine->payload, &pos, &item) == CRM_OK) {
        size_t at = 0, i = 0;
        int found = 0;
        while (!found && crm__entry_next(old, &at, &was) == CRM_OK) {
            found = was.n == item.n && !memcmp(was.p, item.p, item.n);
            i += !found;
        }
        origin = crm__entry_origin(old, i);
        if (!found)
            rc = origin_now(g, &origin);
        kept += (uint32_t)found;
        crm__buf_add_varint(&origins, origin);
    }
    if (!rc && kept) {
        const uint8_t *copy = crm__arena_copy(&g->txn->work, origins.p, origins.n);
        mine->mixed = crm__slice_of(copy, origins.n);
        mine->origin = origin;
        rc = origins.failed || !copy ? crm__fail_nomem(g->faults->err) : CRM_OK;
    } else if (!rc) {
        rc = origin_now(g, &mine->origin);
    }
    crm__buf_clear(&origins);
    return rc;
}

/* An entry with a payload that may be new; old is what stood there, or NULL. */
static int take(merge *g, const crm__entry *e, crm__slice payload, const crm__entry *old)
{
    crm__entry mine = *e;
    int rc;

    if (e->list && crm__list_count(payload) > CRM__LIST_ITEMS)
        return crm__list_too_long(crm__model_number(g->m, e->field), g->faults->err);
    if (e->list && !payload.n)
        return old ? note_change(g, e->field) : CRM_OK;
    if (old && old->type == e->type && old->list == e->list && old->scoped == e->scoped &&
        old->payload.n == payload.n && memcmp(old->payload.p, payload.p, payload.n) == 0)
        return keep(g, old);
    mine.payload = payload;
    mine.mode = CRM__SET;
    mine.mixed = crm__slice_of(NULL, 0);
    rc = e->list && old && old->type == e->type && old->scoped == e->scoped
             ? item_origins(g, &mine, old)
             : origin_now(g, &mine.origin);
    if (!rc)
        rc = keep(g, &mine);
    return rc ? rc : note_change(g, e->field);
}

/* Values a model no longer shows: kept by replace. */
static int hidden(const merge *g, const crm__entry *e)
{
    return !crm__entry_shown(g->m, e);
}

/* A single value stored before its field became a list, as a list. */
static int as_list(merge *g, const crm__entry *old, crm__slice *out)
{
    crm__buf b;
    const uint8_t *copy;

    if (old->list) {
        *out = old->payload;
        return CRM_OK;
    }
    crm__buf_init(&b, g->txn->mem);
    crm__list_add(&b, old->payload);
    copy = crm__arena_copy(&g->txn->work, b.p, b.n);
    *out = crm__slice_of(copy, b.n);
    if (b.failed || !copy) {
        crm__buf_clear(&b);
        return crm__fail_nomem(g->faults->err);
    }
    crm__buf_clear(&b);
    return CRM_OK;
}

/* One field: what stood there, what the record says, what it adds and removes; each may be NULL. */
static int one_field(merge *g, const crm__entry *old, const crm__entry *set, const crm__entry *add,
                     const crm__entry *remove)
{
    const crm__field *f = set ? crm__model_number(g->m, set->field) : NULL;
    const crm__entry *shape = set ? set : add ? add : remove;
    crm__slice payload = {NULL, 0};
    int rc = CRM_OK;

    if (set && g->how == CRM__UPSERT && set->mode == CRM__SET && set->list && f &&
        f->flags & CRM_FIELD_IDENTITY) {
        add = set;
        shape = set;
        set = NULL;
    }
    if (!set && !add && !remove) {
        if (g->how == CRM__REPLACE && !hidden(g, old))
            return note_change(g, old->field);
        return keep(g, old);
    }
    if (set && set->mode == CRM__UNSET) {
        rc = old ? note_change(g, old->field) : CRM_OK;
        if (!add)
            return rc;
        old = NULL;
    } else if (set) {
        payload = set->payload;
        rc = set->scoped ? resolve(g, set->payload, &payload) : CRM_OK;
    } else if (old && old->type == shape->type && old->scoped == shape->scoped &&
               g->how != CRM__REPLACE) {
        rc = as_list(g, old, &payload);
    }
    if (!rc && remove)
        rc = combine(g, payload, remove, 1, &payload);
    if (!rc && add)
        rc = combine(g, payload, add, 0, &payload);
    return rc ? rc : take(g, shape, payload, old);
}

static const crm__entry *at(const crm__entry *e, uint32_t i, uint32_t n, uint32_t field)
{
    return i < n && e[i].field == field ? &e[i] : NULL;
}

static int merge_fields(merge *g)
{
    const crm__record *b = g->before, *r = &g->c->rec;
    const crm__entry *x = g->c->extra;
    uint32_t i = 0, k = 0, j = 0, n = b ? b->entry_count : 0;

    while (i < n || k < r->entry_count || j < g->c->extra_count) {
        const crm__entry *old, *set, *add, *remove = NULL;
        uint32_t field = UINT32_MAX;
        int rc;
        if (i < n)
            field = b->entries[i].field;
        if (k < r->entry_count && r->entries[k].field < field)
            field = r->entries[k].field;
        if (j < g->c->extra_count && x[j].field < field)
            field = x[j].field;
        old = b ? at(b->entries, i, n, field) : NULL;
        set = at(r->entries, k, r->entry_count, field);
        i += old != NULL;
        k += set != NULL;
        add = at(x, j, g->c->extra_count, field);
        if (add && add->mode == CRM__ADD)
            j++;
        else
            add = NULL;
        remove = at(x, j, g->c->extra_count, field);
        j += remove != NULL;
        rc = crm__customer_fault(g->faults, one_field(g, old, set, add, remove));
        if (rc)
            return rc;
    }
    return CRM_OK;
}

static int by_field(const void *a, const void *b)
{
    const crm__entry *x = a, *y = b;

    return x->field < y->field ? -1 : x->field > y->field;
}

/* Whether a record says anything of a field, were it only what to add or remove. */
static int says(const crm_customer *c, uint32_t field)
{
    for (uint32_t i = 0; i < c->extra_count; i++) {
        if (c->extra[i].field == field)
            return 1;
    }
    return crm__record_find(&c->rec, field) != NULL;
}

/* Defaults belong to creation: a value that was removed stays removed. */
static int add_defaults(merge *g)
{
    uint32_t count = g->after->entry_count;
    int rc = CRM_OK;

    for (size_t i = 0; i < crm__model_count(g->m) && !rc; i++) {
        const crm__field *f = crm__model_at(g->m, i);
        crm__entry e;
        if (!f->default_value.n || says(g->c, f->number) || !(f->kinds >> g->after->kind & 1))
            continue;
        memset(&e, 0, sizeof e);
        e.field = f->number;
        e.type = f->type;
        e.list = (f->flags & CRM_FIELD_LIST) != 0;
        rc = take(g, &e, f->default_value, NULL);
    }
    if (g->after->entry_count > count)
        qsort(g->after->entries, g->after->entry_count, sizeof *g->after->entries, by_field);
    return rc;
}

/* Origins of an entry by their new numbers; a list whose values have one origin needs no list of
 * them. */
static int renumber(merge *g, crm__entry *e, const uint32_t *to)
{
    crm__reader in = crm__reader_of(e->mixed.p, e->mixed.n);
    crm__buf origins;
    uint32_t first = UINT32_MAX, several = 0;
    int rc = CRM_OK;

    if (!e->mixed.n) {
        e->origin = to[e->origin];
        return CRM_OK;
    }
    crm__buf_init(&origins, g->txn->mem);
    while (crm__reader_left(&in)) {
        uint32_t origin = to[crm__read_varint(&in)];
        several |= first != UINT32_MAX && origin != first;
        first = origin;
        crm__buf_add_varint(&origins, origin);
    }
    e->origin = first;
    e->mixed = crm__slice_of(NULL, 0);
    if (several) {
        const uint8_t *copy = crm__arena_copy(&g->txn->work, origins.p, origins.n);
        e->mixed = crm__slice_of(copy, origins.n);
        rc = origins.failed || !copy ? crm__fail_nomem(g->faults->err) : CRM_OK;
    }
    crm__buf_clear(&origins);
    return rc;
}

/* Leaves only origins that an entry uses. */
static int trim_origins(merge *g)
{
    crm__record *r = g->after;
    uint32_t *to, used = 0;

    if (!r->origin_count)
        return CRM_OK;
    to = crm__arena_alloc(&g->txn->work, r->origin_count * sizeof *to);
    if (!to)
        return crm__fail_nomem(g->faults->err);
    memset(to, 0xff, r->origin_count * sizeof *to);
    for (uint32_t i = 0; i < r->entry_count; i++) {
        crm__reader in = crm__reader_of(r->entries[i].mixed.p, r->entries[i].mixed.n);
        if (!r->entries[i].mixed.n)
            to[r->entries[i].origin] = 0;
        while (crm__reader_left(&in))
            to[crm__read_varint(&in)] = 0;
    }
    for (uint32_t i = 0; i < r->origin_count; i++) {
        if (to[i] == UINT32_MAX)
            continue;
        to[i] = used;
        r->origins[used++] = r->origins[i];
    }
    r->origin_count = used;
    for (uint32_t i = 0; i < r->entry_count; i++) {
        int rc = renumber(g, &r->entries[i], to);
        if (rc)
            return rc;
    }
    return CRM_OK;
}

/* ---- rules across fields ---- */

static int check_kind(merge *g, const crm__field *f)
{
    if (f->kinds >> g->after->kind & 1)
        return CRM_OK;
    return crm__fail_field(g->faults->err, CRM_EVALUE, f->key, "%s: is not a field of kind %s",
                           f->key, crm__kind_key(g->after->kind));
}

static int check_reference(merge *g, const crm__field *f, const crm__value *v)
{
    crm_id to = (crm_id)v->integer;
    uint8_t key[CRM__KEY_U64], flags;
    uint64_t seq;
    crm__slice bytes;
    int rc;

    if (to == g->id)
        return crm__fail_field(g->faults->err, CRM_EVALUE, f->key,
                               "%s: refers to the customer itself", f->key);
    rc = crm__txn_read(g->txn, KV_CUSTOMER, crm__key_u64(key, to), &bytes);
    if (!rc)
        rc = crm__record_head(bytes, &flags, &seq);
    if (rc && rc != CRM_ENOTFOUND)
        return crm__txn_fail(g->txn, rc, "can't read the customer referred to", g->faults->err);
    if (rc || flags & CRM__RECORD_DELETED)
        return crm__fail_field(g->faults->err, CRM_EVALUE, f->key,
                               "%s: refers to a customer that does not exist", f->key);
    return CRM_OK;
}

static int check_unique(merge *g, const crm__field *f, const crm__value *v)
{
    uint8_t key[CRM__KEY_TOKEN];
    crm_id ids[2];
    size_t count = 0;
    int rc = crm__token_key(g->txn->store, f, v, &g->txn->scratch[1], key);

    if (!rc)
        rc = crm__txn_ids(g->txn, crm__slice_of(key, sizeof key), ids, 2, 2, &count);
    if (rc)
        return crm__txn_fail(g->txn, rc, "can't look a unique value up", g->faults->err);
    if (count > 1 || (count == 1 && ids[0] != g->id)) {
        crm_id other = ids[0] != g->id ? ids[0] : ids[1];
        rc = crm__fail_field(g->faults->err, CRM_EEXISTS, f->key,
                             "%s: is unique, and customer %llu has this value", f->key,
                             (unsigned long long)other);
        g->faults->err->row = (int64_t)other;
    }
    return rc;
}

static int check_item(merge *g, const crm__field *f, const crm__entry *e, crm__slice item)
{
    crm__value v;
    int rc = crm__value_decode(e->type, e->scoped, item, &v);

    if (rc)
        return crm__fail_field(g->faults->err, rc, f->key, "%s: the value is damaged", f->key);
    if (f->type == CRM_TYPE_CUSTOMER && g->how != CRM__UNDELETE)
        rc = crm__customer_fault(g->faults, check_reference(g, f, &v));
    if (!rc && f->flags & CRM_FIELD_UNIQUE)
        rc = crm__customer_fault(g->faults, check_unique(g, f, &v));
    return rc;
}

static int check_entry(merge *g, const crm__entry *e)
{
    const crm__field *f = crm__model_number(g->m, e->field);
    crm__slice item;
    size_t pos = 0;
    int rc;

    if (!f || hidden(g, e))
        return CRM_OK;
    rc = g->how == CRM__UNDELETE ? CRM_OK : crm__customer_fault(g->faults, check_kind(g, f));
    if (rc || (f->type != CRM_TYPE_CUSTOMER && !(f->flags & CRM_FIELD_UNIQUE)))
        return rc;
    while (!rc && (rc = crm__entry_next(e, &pos, &item)) == CRM_OK)
        rc = check_item(g, f, e, item);
    return rc == CRM_DONE ? CRM_OK : rc;
}

static int check_changed(merge *g, int kind_changed)
{
    const uint32_t *fields = (const uint32_t *)(const void *)g->changed->p;
    size_t n = g->changed->n / sizeof *fields;
    int rc = CRM_OK;

    for (uint32_t i = 0; i < g->after->entry_count && !rc; i++) {
        const crm__entry *e = &g->after->entries[i];
        int touched = kind_changed;
        for (size_t k = 0; k < n && !touched; k++)
            touched = fields[k] == e->field;
        if (touched)
            rc = check_entry(g, e);
    }
    return rc;
}

/* Whether a fault of the field is written down already: it is there, but wrong. */
static int told(const crm__customer_faults *faults, const char *key)
{
    char text[CRM_FIELD_SIZE + 16];
    int n = snprintf(text, sizeof text, "\"field\":\"%s\"", key);

    return faults->all && n > 0 && faults->all->n &&
           memmem(faults->all->p, faults->all->n, text, (size_t)n) != NULL;
}

/* A patch need not mend what an older model left open, but may not make it worse. */
static int check_required(merge *g, int kind_changed)
{
    int all = g->how == CRM__CREATE || g->how == CRM__REPLACE || !g->before || kind_changed;

    for (size_t i = 0; i < crm__model_count(g->m); i++) {
        const crm__field *f = crm__model_at(g->m, i);
        int rc;
        if (!(f->flags & CRM_FIELD_REQUIRED) || !(f->kinds >> g->after->kind & 1) ||
            crm__record_find(g->after, f->number) ||
            !(all || crm__record_find(g->before, f->number)))
            continue;
        if (told(g->faults, f->key))
            continue;
        rc = crm__customer_fault(g->faults, crm__fail_field(g->faults->err, CRM_EVALUE, f->key,
                                                            "%s: is required", f->key));
        if (rc)
            return rc;
    }
    return CRM_OK;
}

int crm__customer_merge(crm_txn *txn, const crm__model *m, int how, crm_id id,
                        const crm__record *before, const crm_customer *c, crm__record *after,
                        crm__buf *changed, crm__customer_faults *faults)
{
    merge g = {txn, m, how, id, before, c, after, changed, faults, UINT32_MAX};
    int rc = CRM_OK, kind_changed;

    after->entry_count = after->origin_count = 0;
    after->flags = before ? before->flags : 0;
    after->kind = !before || c->kind_set ? c->rec.kind : before->kind;
    after->survivor = before ? before->survivor : 0;
    after->seq = before ? before->seq : 0;
    after->created = before ? before->created : txn->recorded;
    after->updated = txn->recorded;
    kind_changed = before && before->kind != after->kind;
    if (before && before->origin_count) {
        if (crm__record_room(txn->mem, after, 0, before->origin_count))
            return crm__fail_nomem(faults->err);
        memcpy(after->origins, before->origins, before->origin_count * sizeof *after->origins);
        after->origin_count = before->origin_count;
    }
    rc = merge_fields(&g);
    if (!rc && how == CRM__CREATE)
        rc = add_defaults(&g);
    if (!rc)
        rc = trim_origins(&g);
    if (!rc)
        rc = check_required(&g, kind_changed);
    if (!rc)
        rc = check_changed(&g, kind_changed);
    return rc;
}

int crm__customer_recheck(crm_txn *txn, const crm__model *m, crm_id id, const crm__record *before,
                          crm__record *after, crm__buf *changed, crm_error *err)
{
    crm__customer_faults faults = {err, NULL, 0};
    merge g = {txn, m, CRM__UNDELETE, id, before, NULL, after, changed, &faults, UINT32_MAX};

    return check_changed(&g, 0);
}
