/* SPDX-License-Identifier: MIT
 * Orders: see order.h.
 */
#include "segment/order_part.h"

#include "base/error.h"
#include "base/utf8.h"
#include "db/index.h"

#include <string.h>

/* ---- reading ---- */

/* word: letters a to z, and `_`. */
static int is_word(crm__slice s, const char *word)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 32);
        if (!word[i] || c != (uint8_t)word[i])
            return 0;
    }
    return !word[s.n];
}

static crm__slice trimmed(const char *p, size_t n)
{
    crm__utf8_trim(&p, &n);
    return crm__slice_of(p, n);
}

/* Splits a direction off the end. */
static crm__slice take_direction(crm__slice s, uint8_t *descending)
{
    size_t at = s.n;

    while (at > 0 && s.p[at - 1] != ' ' && s.p[at - 1] != '\t')
        at--;
    if (at > 0) {
        crm__slice last = {s.p + at, s.n - at};
        *descending = is_word(last, "desc") != 0;
        if (*descending || is_word(last, "asc"))
            return trimmed((const char *)s.p, at);
    }
    *descending = 0;
    return s;
}

static crm__builtin builtin_of(crm__slice name)
{
    return is_word(name, "id")           ? CRM__BUILTIN_ID
           : is_word(name, "created_at") ? CRM__BUILTIN_CREATED
           : is_word(name, "updated_at") ? CRM__BUILTIN_UPDATED
                                         : CRM__BUILTIN_NONE;
}

static int read_field(const crm__model *m, crm__slice name, crm__order_by *by, crm_error *err)
{
    const char *near;

    by->field = crm__model_find(m, (const char *)name.p, name.n);
    if (!by->field) {
        near = crm__model_near(m, (const char *)name.p, name.n);
        return crm__fail_field(err, CRM_EFIELD, "order",
                               "the order names no field of the model%s%s%s",
                               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    if (by->field->flags & CRM_FIELD_LIST)
        return crm__fail_field(err, CRM_EVALUE, "order",
                               "customers can't be put in order of '%s', which holds a list",
                               by->field->key);
    by->text = crm__type_is_text(by->field->type);
    return CRM_OK;
}

int crm__order_read(const crm_allocator *mem, const crm__model *m, const char *text,
                    crm__order_list *o, crm_error *err)
{
    size_t n = text ? strlen(text) : 0;

    memset(o, 0, sizeof *o);
    for (int i = 0; i < CRM__ORDER_KEYS; i++)
        crm__buf_init(&o->by[i].at.room, mem);
    if (crm__utf8_valid(text ? text : "", n) != n)
        return crm__fail_field(err, CRM_EVALUE, "order", "the order is not UTF-8");
    while (n) {
        const char *comma = memchr(text, ',', n);
        size_t part = comma ? (size_t)(comma - text) : n;
        crm__slice name = trimmed(text, part);
        crm__order_by *by = &o->by[o->count];
        int rc;
        if (o->count == CRM__ORDER_KEYS)
            return crm__fail_field(err, CRM_EVALUE, "order", "an order has at most %d fields",
                                   CRM__ORDER_KEYS);
        name = take_direction(name, &by->descending);
        by->builtin = builtin_of(name);
        rc = by->builtin ? CRM_OK : read_field(m, name, by, err);
        if (rc)
            return rc;
        o->count++;
        text += part + (comma != NULL);
        n -= part + (comma != NULL);
    }
    return CRM_OK;
}

/* ---- loading ---- */

static int load_record(crm__run *r, const crm__order_by *by, crm__arena *a, crm_id id,
                       crm__order_value *to)
{
    uint8_t key[CRM__KEY_U64];
    const crm__entry *e;
    crm__slice bytes, item;
    crm__decimal d;
    crm__value v;
    size_t pos = 0;
    int rc = crm__txn_read(r->txn, KV_CUSTOMER, crm__key_u64(key, id), &bytes);

    if (!rc)
        rc = crm__record_decode(r->txn->mem, bytes, &r->record);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    if (by->builtin) {
        to->has = 1;
        to->number = crm__order_twelve(
            by->builtin == CRM__BUILTIN_CREATED ? r->record.created : r->record.updated, 0);
        return CRM_OK;
    }
    e = crm__record_find(&r->record, by->field->number);
    if (!e || e->type != by->field->type || crm__entry_next(e, &pos, &item) != CRM_OK)
        return CRM_OK;
    rc = crm__value_decode(e->type, e->scoped, item, &v);
    if (rc)
        return rc;
    to->has = 1;
    to->begun = 0;
    if (by->text) {
        to->number = crm__order_twelve(crm__index_prefix(v.text), 0);
        to->text.n = v.text.n;
        to->text.p = crm__arena_copy(a, v.text.p, v.text.n);
        return to->text.p ? CRM_OK : CRM_ENOMEM;
    }
    if (crm__value_number(&v, &d))
        to->number = crm__order_twelve(d.mantissa, d.scale);
    else
        to->number = crm__order_twelve(v.integer, 0);
    return CRM_OK;
}

int crm__order_block_at(crm__run *r, crm__order_list *o, crm__order_by *by, uint64_t chunk,
                        uint32_t block)
{
    crm__order_block *at = &by->at;
    crm__column_walk plain;
    int rc;

    if (at->known && at->chunk == chunk && at->block == block)
        return CRM_OK;
    at->known = 0;
    if (by == &o->by[1] && o->has_found && o->found_chunk == chunk && o->found.has[block]) {
        at->column = o->found.of[block];
        rc = CRM_OK;
    } else {
        crm__column_walk_begin(&plain, r->txn, NULL, &at->room);
        rc = crm__column_walk_at(at->walk.cursor ? &at->walk : &plain, chunk, crm__order_column(by),
                                 block, &at->column);
    }
    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    at->absent = rc == CRM_ENOTFOUND;
    at->known = 1;
    at->chunk = chunk;
    at->block = block;
    return CRM_OK;
}

/* From the column of the field. */
static int load_column(crm__run *r, crm__order_list *o, crm__order_by *by, crm_id id,
                       crm__order_value *to)
{
    crm__order_block *at;
    crm__column_cell cell;
    int rc = crm__order_block_at(r, o, by, id >> CRM__CHUNK_SHIFT,
                                 (uint32_t)(id & 0xffff) / CRM__COLUMN_ROWS);

    at = &by->at;
    if (rc || at->absent)
        return rc;
    crm__column_get(&at->column, (uint32_t)(id & 0xffff) % CRM__COLUMN_ROWS, &cell);
    to->has = cell.state == CRM__CELL_NUMBER;
    to->begun = to->has && by->text;
    to->number = to->has ? crm__order_twelve(cell.number, cell.scale) : 0;
    return CRM_OK;
}

int crm__order_load(crm__run *r, crm__order_list *o, crm__arena *a, crm__order_entry *e)
{
    crm__order_by *by = &o->by[e->loaded];
    crm__order_value *to = &e->values[e->loaded];
    int rc;

    memset(to, 0, sizeof *to);
    if (by->builtin == CRM__BUILTIN_ID) {
        to->has = 1;
        to->number = crm__order_twelve((__int128)e->id, 0);
        rc = CRM_OK;
    } else if (crm__order_in_column(by)) {
        rc = load_column(r, o, by, e->id, to);
    } else {
        rc = load_record(r, by, a, e->id, to);
        if (!rc)
            rc = crm__run_read(r);
    }
    e->loaded += !rc;
    return rc;
}

/* The text that only the beginning of is known. */
static int load_rest(crm__run *r, const crm__order_by *by, crm__arena *a, crm_id id,
                     crm__order_value *v)
{
    int rc;

    if (!v->has || !v->begun)
        return CRM_OK;
    v->has = 0;
    rc = load_record(r, by, a, id, v);
    if (!rc && !v->has)
        rc = CRM_ECORRUPT; /* the column says that there is a text */
    return rc ? rc : crm__run_read(r);
}

int crm__order_load_all(crm__run *r, crm__order_list *o, crm__arena *a, crm__order_entry *e)
{
    int rc = CRM_OK;

    while (!rc && e->loaded < o->count)
        rc = crm__order_load(r, o, a, e);
    for (uint32_t i = 0; i < o->count && !rc; i++)
        rc = load_rest(r, &o->by[i], a, e->id, &e->values[i]);
    return rc;
}

int crm__order_walk(crm__run *r, crm__order_list *o)
{
    int rc = CRM_OK;

    for (uint32_t i = 0; i < o->count && !rc && !r->txn->write; i++) {
        kv_cursor *c = NULL;
        if (crm__order_in_column(&o->by[i]))
            rc = r->txn->kv->ops->cursor(r->txn->kv, KV_COLUMN, &c);
        crm__column_walk_begin(&o->by[i].at.walk, r->txn, c, &o->by[i].at.room);
    }
    return rc;
}

void crm__order_walked(crm__order_list *o)
{
    for (uint32_t i = 0; i < o->count; i++) {
        kv_cursor *c = o->by[i].at.walk.cursor;
        if (c)
            c->ops->cursor_close(c);
        o->by[i].at.walk.cursor = NULL;
    }
}

void crm__order_forget(crm__order_list *o)
{
    for (uint32_t i = 0; i < o->count; i++)
        o->by[i].at.known = 0;
    o->has_found = 0;
}

void crm__order_end(crm__order_list *o)
{
    for (uint32_t i = 0; i < CRM__ORDER_KEYS; i++)
        crm__buf_clear(&o->by[i].at.room);
}

/* ---- comparing ---- */

static int compare_values(const crm__order_by *by, const crm__order_value *x,
                          const crm__order_value *y)
{
    int c;

    if (!x->has || !y->has)
        return y->has - x->has;
    c = (x->number > y->number) - (x->number < y->number);
    if (!c && by->text)
        c = crm__slice_compare(x->text, y->text);
    return by->descending ? -c : c;
}

/* Two texts whose beginnings are the same. */
static int load_both(crm__run *r, const crm__order_by *by, crm__arena *a, crm__order_entry *x,
                     crm__order_entry *y, uint32_t i)
{
    crm__order_value *v = &x->values[i], *w = &y->values[i];
    int rc;

    if (!by->text || !v->has || !w->has || v->number != w->number)
        return CRM_OK;
    rc = load_rest(r, by, a, x->id, v);
    return rc ? rc : load_rest(r, by, a, y->id, w);
}

int crm__order_compare(crm__run *r, crm__order_list *o, crm__arena *a, crm__order_entry *x,
                       crm__order_entry *y, int *rc)
{
    for (uint32_t i = 0; i < o->count; i++) {
        int c;
        if (x->loaded <= i)
            *rc = crm__order_load(r, o, a, x);
        if (!*rc && y->loaded <= i)
            *rc = crm__order_load(r, o, a, y);
        if (!*rc)
            *rc = load_both(r, &o->by[i], a, x, y, i);
        if (*rc)
            return 0;
        c = compare_values(&o->by[i], &x->values[i], &y->values[i]);
        if (c)
            return c;
    }
    return x->id < y->id ? -1 : x->id > y->id;
}

/* ---- resume keys ---- */

static const char HEX[] = "0123456789abcdef";

void crm__order_key(const crm__order_list *o, const crm__order_entry *e, crm__buf *out)
{
    for (uint32_t i = 0; i < o->count; i++) {
        const crm__order_value *v = &e->values[i];
        if (!v->has) {
            crm__buf_add_u8(out, '-');
        } else if (o->by[i].text) {
            crm__buf_add_u8(out, 't');
            for (size_t k = 0; k < v->text.n; k++) {
                crm__buf_add_u8(out, (unsigned char)HEX[v->text.p[k] >> 4]);
                crm__buf_add_u8(out, (unsigned char)HEX[v->text.p[k] & 15]);
            }
        } else {
            crm__buf_add_u8(out, 'n');
            for (int k = 124; k >= 0; k -= 4)
                crm__buf_add_u8(out, (unsigned char)HEX[(unsigned)(v->number >> k) & 15]);
        }
        crm__buf_add_u8(out, ',');
    }
    crm__buf_add_fmt(out, "i%llu", (unsigned long long)e->id);
}

static int hex_digit(char c)
{
    const char *at = c ? strchr(HEX, c) : NULL;

    return at ? (int)(at - HEX) : -1;
}

static const char *read_number(const char *p, __int128 *to)
{
    unsigned __int128 v = 0;

    for (int i = 0; i < 32; i++, p++) {
        int d = hex_digit(*p);
        if (d < 0)
            return NULL;
        v = v << 4 | (unsigned)d;
    }
    *to = (__int128)v;
    return p;
}

static const char *read_text(const char *p, crm__arena *a, crm__order_value *to)
{
    size_t n = strcspn(p, ",") / 2;
    uint8_t *bytes = crm__arena_alloc(a, n + 1);

    for (size_t i = 0; bytes && i < n; i++, p += 2) {
        int hi = hex_digit(p[0]), lo = hex_digit(p[1]);
        if (hi < 0 || lo < 0)
            return NULL;
        bytes[i] = (uint8_t)(hi << 4 | lo);
    }
    to->text = crm__slice_of(bytes, n);
    if (bytes)
        to->number = crm__order_twelve(crm__index_prefix(to->text), 0);
    return bytes ? p : NULL;
}

static const char *read_id(const char *p, crm_id *id)
{
    int digits = 0;

    *id = 0;
    for (; *p >= '0' && *p <= '9' && digits < 19; p++, digits++)
        *id = *id * 10 + (crm_id)(*p - '0');
    return digits && !*p ? p : NULL;
}

int crm__order_after(const crm__order_list *o, const char *key, crm__arena *a, crm__order_entry *e,
                     crm_error *err)
{
    const char *p = key;

    for (uint32_t i = 0; p && i < o->count; i++) {
        crm__order_value *v = &e->values[i];
        char what = *p++;
        memset(v, 0, sizeof *v);
        v->has = what != '-';
        if (what == 't' && o->by[i].text)
            p = read_text(p, a, v);
        else if (what == 'n' && !o->by[i].text)
            p = read_number(p, &v->number);
        else if (what != '-')
            p = NULL;
        if (p && *p++ != ',')
            p = NULL;
    }
    e->loaded = o->count;
    if (p)
        p = *p == 'i' ? read_id(p + 1, &e->id) : NULL;
    return p ? CRM_OK
             : crm__fail_field(err, CRM_EVALUE, "after",
                               "this is no resume key of a walk in this order");
}
