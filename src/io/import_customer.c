/* SPDX-License-Identifier: MIT
 * Customers of an import, from the cells of a row or a line of JSON: who a row is about, what the
 * policy says of it, and its tags.
 */
#include "io/import.h"

#include "base/time.h"
#include "customer/customer.h"
#include "tag/tag.h"

#include <crm/codes.h>

static int has_identity(const crm_customer *c)
{
    for (uint32_t i = 0; i < c->rec.entry_count; i++) {
        const crm__field *f = crm__model_number(c->model, c->rec.entries[i].field);
        if (f && f->flags & (CRM_FIELD_UNIQUE | CRM_FIELD_IDENTITY))
            return 1;
    }
    return 0;
}

/* Counts a customer who was there: the edits tell whether anything was written. */
static void count_change(crm_import *imp, uint64_t edits)
{
    if (imp->txn->edits.changes != edits)
        imp->done.updated++;
    else
        imp->done.unchanged++;
}

/* ---- somebody else ---- */

/* The next letter of a name, whatever the case of ASCII; blanks are none.  -1 at its end. */
static int next_letter(crm__slice s, size_t *at)
{
    while (*at < s.n && s.p[*at] == ' ')
        ++*at;
    if (*at == s.n)
        return -1;
    return s.p[*at] >= 'A' && s.p[*at] <= 'Z' ? s.p[(*at)++] + 32 : s.p[(*at)++];
}

static int names_differ(const crm_import *imp, const crm_customer *stored)
{
    const crm__field *f = crm__model_find(imp->c->model, "name", 4);
    const crm__entry *a = f ? crm__record_find(&imp->c->rec, f->number) : NULL;
    const crm__entry *b = f ? crm__record_find(&stored->rec, f->number) : NULL;
    size_t i = 0, k = 0;
    int x, y;

    if (!a || !b || f->type != CRM_TYPE_TEXT || f->flags & CRM_FIELD_LIST || b->type != f->type)
        return 0;
    do {
        x = next_letter(a->payload, &i);
        y = next_letter(b->payload, &k);
    } while (x == y && x >= 0);
    return x != y;
}

static int has_item(const crm__entry *e, crm__slice value)
{
    crm__slice item;
    crm__item split;
    size_t pos = 0;

    if (!e->list)
        return crm__item_split(e->payload, e->scoped, &split) == CRM_OK &&
               crm__slice_compare(split.value, value) == 0;
    while (crm__list_next(e->payload, &pos, &item) == CRM_OK) {
        if (!crm__item_split(item, e->scoped, &split) && !crm__slice_compare(split.value, value))
            return 1;
    }
    return 0;
}

/* How many values of identities a row shares with a customer; *own: how many it has. */
static int shared_identities(const crm_import *imp, const crm_customer *stored, int *own)
{
    int shared = 0;

    *own = 0;
    for (uint32_t i = 0; i < imp->c->rec.entry_count; i++) {
        const crm__entry *e = &imp->c->rec.entries[i], *with;
        const crm__field *f = crm__model_number(imp->c->model, e->field);
        crm__slice item = e->payload;
        crm__item split;
        size_t pos = 0;
        if (!f || !(f->flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE)))
            continue;
        with = crm__record_find(&stored->rec, e->field);
        while (!e->list || crm__list_next(e->payload, &pos, &item) == CRM_OK) {
            ++*own;
            shared +=
                with && !crm__item_split(item, e->scoped, &split) && has_item(with, split.value);
            if (!e->list)
                break;
        }
    }
    return shared;
}

/* Whether a customer is not likely whom the row is about: it has another name, and the row shares
 * nothing else with them (numbered), or no more than the one identity they were found by. */
static int is_stranger(crm_import *imp, crm_id id, int numbered, int *stranger, crm_error *err)
{
    int own, shared, rc = CRM_OK;

    *stranger = 0;
    if (imp->o.flags & CRM_IMPORT_RENAME)
        return CRM_OK;
    if (!imp->was)
        rc = crm_customer_new(imp->txn, &imp->was, err);
    if (!rc)
        rc = crm_customer_get(imp->txn, id, imp->was, err);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : rc; /* the write says so */
    if (!names_differ(imp, imp->was))
        return CRM_OK;
    shared = shared_identities(imp, imp->was, &own);
    *stranger = numbered ? own && !shared : shared < 2;
    if (*stranger)
        crm__import_fault(
            imp, crm__import_column(imp, "name"), CRM_ECONFLICT, "name",
            numbered ? "the customer of this number has another name, and nothing the row has"
                     : "the customer who has this identity has another name",
            "the name as it is stored; rename, if it is the same one; or the policy create");
    return CRM_OK;
}

/* ---- identities by source ---- */

/* The items of an entry with the number of their source, where the database knows it: else by name.
 */
static int by_number(crm_import *imp, const crm__entry *e, crm__buf *out, crm_error *err)
{
    crm__slice item;
    crm__item split;
    size_t pos = 0;
    crm__buf one;
    int rc = CRM_OK;

    crm__buf_init(&one, &imp->mem);
    while (!rc && crm__list_next(e->payload, &pos, &item) == CRM_OK) {
        rc = crm__item_split(item, 1, &split);
        if (!rc && !split.source)
            rc = crm__dict_find(imp->txn, CRM__DICT_SOURCE, (const char *)split.name.p,
                                split.name.n, &split.source);
        one.n = 0;
        crm__buf_add_varint(&one, split.source);
        crm__buf_add(&one, split.value.p, split.value.n);
        if (!rc)
            crm__items_add(out, split.source ? crm__slice_of(one.p, one.n) : item);
    }
    if (!rc && (one.failed || out->failed))
        rc = crm__fail_nomem(err);
    else if (rc)
        rc = crm__txn_fail(imp->txn, rc, "can't read the dictionary", err);
    crm__buf_clear(&one);
    return rc;
}

static int has_source(crm__slice list, uint32_t source)
{
    crm__slice item;
    crm__item split;
    size_t pos = 0;

    while (crm__list_next(list, &pos, &item) == CRM_OK) {
        if (!crm__item_split(item, 1, &split) && split.source == source)
            return 1;
    }
    return 0;
}

/* What is stored, without what the row has another value in place of; then what the row has more.
 */
static int merge_sources(crm_import *imp, const crm__entry *stored, const crm__entry *e,
                         crm_error *err)
{
    const crm__field *f = crm__model_number(imp->c->model, e->field);
    crm__slice item, mine;
    crm__buf was, row, all;
    crm__item split;
    size_t pos = 0;
    int rc;

    crm__buf_init(&was, &imp->mem);
    crm__buf_init(&row, &imp->mem);
    crm__buf_init(&all, &imp->mem);
    rc = by_number(imp, e, &row, err);
    if (!rc)
        rc = by_number(imp, stored, &was, err);
    mine = crm__slice_of(row.p, row.n);
    while (!rc && crm__list_next(crm__slice_of(was.p, was.n), &pos, &item) == CRM_OK) {
        if (crm__items_has(mine, item) ||
            (!crm__item_split(item, 1, &split) && !has_source(mine, split.source)))
            crm__items_add(&all, item);
    }
    pos = 0;
    while (!rc && crm__list_next(mine, &pos, &item) == CRM_OK)
        crm__items_add(&all, item);
    if (!rc)
        rc = all.failed ? crm__fail_nomem(err)
                        : crm__customer_put(imp->c, f, CRM__SET, crm__slice_of(all.p, all.n), err);
    crm__buf_clear(&was);
    crm__buf_clear(&row);
    crm__buf_clear(&all);
    return rc;
}

/* A row speaks for the sources that it has values of: those of others stay, and the order does. */
static int spare_others(crm_import *imp, crm_id id, crm_error *err)
{
    int rc = CRM_OK, read = 0;

    for (uint32_t i = 0; i < imp->c->rec.entry_count && !rc; i++) {
        const crm__entry *e = &imp->c->rec.entries[i], *stored;
        if (!e->scoped || !e->list)
            continue;
        if (!imp->was)
            rc = crm_customer_new(imp->txn, &imp->was, err);
        if (!rc && !read++)
            rc = crm_customer_get(imp->txn, id, imp->was, err);
        if (rc)
            return rc == CRM_ENOTFOUND ? CRM_OK : rc; /* the write says so */
        stored = crm__record_find(&imp->was->rec, e->field);
        if (stored && stored->scoped && stored->list)
            rc = merge_sources(imp, stored, e, err);
    }
    return rc;
}

/* ---- tags ---- */

/* Gives a customer the tags of its row: those that are there stay.  One who is new has none, which
 * in a dimension with one spares a look at all tags of its neighbours. */
static int give_tags(crm_import *imp, crm_id id, int created, crm_error *err)
{
    size_t count;
    const crm__row_tag *list = crm__mapping_tags(imp->map, &count);
    crm_txn *txn = imp->txn;
    crm__tagging t;
    crm__op op;
    int rc;

    if (!count)
        return CRM_OK;
    rc = crm__op_begin(txn, &op, err);
    if (rc)
        return rc;
    crm__tagging_begin(txn, id, NULL, &t, op.err);
    t.how.origin = CRM_TAG_IMPORT;
    t.keep = 1;
    for (size_t i = 0; i < count && !rc; i++) {
        crm__tag tag = {0, list[i].dimension, list[i].name};
        if (list[i].until != t.how.until)
            t.grouped = 0;
        t.how.until = list[i].until;
        rc = crm__dict_give(txn, CRM__DICT_TAG, (const char *)tag.name.p, tag.name.n, &tag.number,
                            op.err);
        t.dimension = tag.dimension->key;
        if (!rc)
            rc = created ? crm__tag_row(&t, tag.number, tag.dimension->expires, id, 1)
                         : crm__tag_give(&t, imp->c->model, &tag, id);
    }
    if (!rc)
        rc = crm__tagging_end(&t);
    crm__buf_clear(&t.tags);
    return crm__op_end(txn, &op, rc);
}

/* ---- writing ---- */

/* A row that names the customer by number. */
static int write_numbered(crm_import *imp, crm_id id, crm_error *err)
{
    uint64_t edits = imp->txn->edits.changes;
    int rc, stranger;

    if (imp->o.policy == CRM_IMPORT_SKIP) {
        imp->done.skipped++;
        return CRM_OK;
    }
    rc = is_stranger(imp, id, 1, &stranger, err);
    if (rc || stranger)
        return rc;
    rc = spare_others(imp, id, err);
    if (!rc)
        rc = crm_customer_patch(imp->txn, id, 0, imp->c, err);
    if (rc == CRM_ENOTFOUND && imp->o.policy == CRM_IMPORT_UPDATE && crm__import_is_bad(rc, err)) {
        imp->done.skipped++;
        return CRM_OK;
    }
    if (!rc)
        rc = give_tags(imp, id, 0, err);
    if (!rc)
        count_change(imp, edits);
    return rc;
}

/* For the policies update and skip: whether somebody has the identities. */
static int is_there(crm_import *imp, int *there, crm_error *err)
{
    crm_id found[2];
    size_t count = 0;
    int rc = crm__customer_match(imp->txn, imp->c->model, imp->c, found, &count, err);

    if (rc == CRM_EAMBIGUOUS && imp->o.policy == CRM_IMPORT_SKIP)
        rc = CRM_OK; /* they are there, that is enough */
    *there = count > 0;
    return rc;
}

/* Whether the customer whom an upsert would change is another one: of those found by what several
 * may have.  What is unique tells for certain. */
static int is_other(crm_import *imp, int *stranger, crm_error *err)
{
    crm_id found[2];
    size_t count = 0;
    int rc;

    *stranger = 0;
    for (uint32_t i = 0; i < imp->c->rec.entry_count; i++) {
        const crm__field *f = crm__model_number(imp->c->model, imp->c->rec.entries[i].field);
        if (f && f->flags & CRM_FIELD_UNIQUE)
            return CRM_OK;
    }
    rc = crm__customer_match(imp->txn, imp->c->model, imp->c, found, &count, err);
    return rc || !count ? rc : is_stranger(imp, found[0], 0, stranger, err);
}

static int write_customer(crm_import *imp, crm_id id, crm_error *err)
{
    uint32_t policy = imp->o.policy;
    uint64_t edits = imp->txn->edits.changes;
    int rc = CRM_OK, there = 0, created = 1, stranger;

    if (policy != CRM_IMPORT_CREATE && id)
        return write_numbered(imp, id, err);
    if (policy != CRM_IMPORT_CREATE && !has_identity(imp->c)) {
        crm__import_no_identity(imp);
        return CRM_OK;
    }
    if (policy == CRM_IMPORT_UPDATE || policy == CRM_IMPORT_SKIP) {
        rc = is_there(imp, &there, err);
        if (rc || there != (policy == CRM_IMPORT_UPDATE)) {
            imp->done.skipped += !rc;
            return rc;
        }
    }
    if (policy == CRM_IMPORT_UPSERT || policy == CRM_IMPORT_UPDATE) {
        rc = is_other(imp, &stranger, err);
        if (rc || stranger)
            return rc;
        rc = crm_customer_upsert(imp->txn, imp->c, &id, &created, err);
    } else {
        rc = crm_customer_create(imp->txn, imp->c, &id, err);
    }
    if (!rc)
        rc = give_tags(imp, id, created, err);
    if (!rc && created)
        imp->done.created++;
    else if (!rc)
        count_change(imp, edits);
    return rc;
}

int crm__import_row_customer(crm_import *imp, const crm__import_row *r, crm_error *err)
{
    int64_t start = crm__clock_mono(), mapped;
    int rc;

    crm_customer_clear(imp->c);
    imp->named = 0;
    rc = crm__mapping_customer(imp->map, &r->row, imp->c, &imp->named, crm__import_cell_fault, imp,
                               err);
    mapped = crm__clock_mono();
    imp->r.map_us += mapped - start;
    if (rc && imp->faults.n && imp->o.policy != CRM_IMPORT_CREATE && !imp->named &&
        !has_identity(imp->c) && !crm__import_identity_told(imp))
        crm__import_no_identity(imp);
    if (rc)
        return imp->faults.n ? CRM_OK : rc;
    rc = write_customer(imp, imp->named, err);
    imp->r.write_us += crm__clock_mono() - mapped;
    return rc;
}

/* ---- a line of JSON ---- */

int crm__import_line_customer(crm_import *imp, crm__slice json, crm_error *err)
{
    crm__customer_faults faults = {err, NULL, 0};
    uint32_t policy = imp->o.policy;
    int there = 0, created = 1, rc = crm__txn_settle(imp->txn, err);
    uint64_t edits = imp->txn->edits.changes; /* events of the line before are written by now */
    const char *text = (const char *)json.p;

    if (rc)
        return rc;
    if (policy == CRM_IMPORT_UPDATE || policy == CRM_IMPORT_SKIP) {
        crm_customer_clear(imp->c);
        rc = crm__document_read(imp->txn, text, json.n, imp->c, &faults);
        if (!rc)
            rc = is_there(imp, &there, err);
        if (rc || there != (policy == CRM_IMPORT_UPDATE)) {
            imp->done.skipped += !rc;
            return rc;
        }
    }
    if (policy == CRM_IMPORT_UPSERT || policy == CRM_IMPORT_UPDATE)
        rc = crm_customer_upsert_json(imp->txn, text, json.n, NULL, &created, err);
    else
        rc = crm_customer_create_json(imp->txn, text, json.n, NULL, err);
    if (!rc && created)
        imp->done.created++;
    else if (!rc)
        count_change(imp, edits);
    return rc;
}
