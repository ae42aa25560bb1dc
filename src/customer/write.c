/* SPDX-License-Identifier: MIT
 * The verbs that change customers: create, replace, patch, upsert, delete, undelete; both doors.
 */
#include "customer/customer.h"
#include "db/journal.h"

#include <stdlib.h>
#include <string.h>

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Stores a record, its derived items and its journal entry.  The counters are the new ones already.
 */
static int store(crm_txn *txn, const crm__model *m, crm_id id, uint8_t action,
                 const crm__record *before, crm__record *after, crm__buf *changed, crm_error *err)
{
    uint8_t key[CRM__KEY_U64];
    uint32_t *fields = (uint32_t *)(void *)changed->p;
    uint32_t count = (uint32_t)(changed->n / sizeof *fields);
    crm__buf *out = &txn->scratch[0];
    int rc;

    after->seq = crm__journal_seq(txn);
    after->updated = txn->recorded;
    out->n = 0;
    crm__record_encode(after, out);
    if (out->failed)
        return crm__fail_nomem(err);
    if (out->n > CRM__RECORD_BYTES)
        return crm__fail(err, CRM_EVALUE, "the record is larger than %d MiB",
                         CRM__RECORD_BYTES >> 20);
    if (crm__edits_put(&txn->edits, KV_CUSTOMER, crm__key_u64(key, id),
                       crm__slice_of(out->p, out->n), before ? 0 : KV_APPEND))
        return crm__fail_nomem(err);
    rc = crm__derive_change(txn, m, id, before, after);
    if (rc)
        return crm__txn_fail(txn, rc, "can't index the customer", err);
    if (count > 1)
        qsort(fields, count, sizeof *fields, by_number);
    return crm__journal_change(txn, action, id, before, fields, count, err);
}

/* The stored record of an id, decoded into txn->record[0]; payloads copied to txn->work. */
static int read_before(crm_txn *txn, crm_id id, crm__record **out, crm_error *err)
{
    uint8_t key[CRM__KEY_U64];
    crm__slice bytes;
    const uint8_t *copy;
    int rc = crm__txn_read(txn, KV_CUSTOMER, crm__key_u64(key, id), &bytes);

    if (rc == CRM_ENOTFOUND)
        return crm__fail(err, CRM_ENOTFOUND, "there is no customer %llu", (unsigned long long)id);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read the customer", err);
    copy = crm__arena_copy(&txn->work, bytes.p, bytes.n);
    if (!copy)
        return crm__fail_nomem(err);
    *out = &txn->record[0];
    rc = crm__record_decode(txn->mem, crm__slice_of(copy, bytes.n), *out);
    return rc ? crm__txn_fail(txn, rc, "can't read the customer", err) : CRM_OK;
}

static int check_expected(const crm__record *r, crm_id id, uint64_t expected, crm_error *err)
{
    int rc;

    if (!expected || expected == r->seq)
        return CRM_OK;
    rc =
        crm__fail(err, CRM_ECONFLICT, "customer %llu is at revision %llu, not %llu",
                  (unsigned long long)id, (unsigned long long)r->seq, (unsigned long long)expected);
    if (err)
        err->row = (int64_t)r->seq;
    return rc;
}

static int create(crm_txn *txn, const crm__model *m, const crm_customer *c, crm_id *id,
                  crm_error *err)
{
    crm__customer_faults faults = {err, NULL, 0};
    crm__record *after = &txn->record[1];
    crm__buf changed;
    crm_id mine = txn->state.counters.next_id;
    int rc;

    crm__buf_init(&changed, txn->mem);
    rc = crm__customer_merge(txn, m, CRM__CREATE, mine, NULL, c, after, &changed, &faults);
    if (!rc) {
        txn->state.counters.next_id++;
        txn->state.counters.live++;
        rc = store(txn, m, mine, CRM__ACTION_CREATE, NULL, after, &changed, err);
    }
    crm__buf_clear(&changed);
    if (!rc && id)
        *id = mine;
    return rc;
}

static int change(crm_txn *txn, const crm__model *m, int how, crm_id id, uint64_t expected,
                  const crm_customer *c, crm_error *err)
{
    crm__customer_faults faults = {err, NULL, 0};
    crm__record *before = NULL, *after = &txn->record[1];
    crm__buf changed;
    int rc = read_before(txn, id, &before, err);

    if (rc)
        return rc;
    if (before->flags & CRM__RECORD_DELETED)
        return crm__fail(err, CRM_ENOTFOUND, "customer %llu is deleted", (unsigned long long)id);
    rc = check_expected(before, id, expected, err);
    if (rc)
        return rc;
    crm__buf_init(&changed, txn->mem);
    rc = crm__customer_merge(txn, m, how, id, before, c, after, &changed, &faults);
    if (!rc && (changed.n || before->kind != after->kind))
        rc = store(txn, m, id, CRM__ACTION_UPDATE, before, after, &changed, err);
    crm__buf_clear(&changed);
    return rc;
}

/* ---- upsert ---- */

/* Ids that have one of the values of an entry; at most two different ones are of interest. */
static int matches(crm_txn *txn, const crm__field *f, const crm__entry *e, crm_id found[2],
                   size_t *count, crm_error *err)
{
    crm__slice item;
    size_t pos = 0;
    int rc = CRM_OK;

    while (!rc) {
        crm__item split;
        crm__value v;
        uint8_t key[CRM__KEY_TOKEN];
        crm_id ids[2];
        size_t n = 0;
        if ((rc = crm__entry_next(e, &pos, &item)) != CRM_OK)
            return rc == CRM_DONE ? CRM_OK : crm__fail_field(err, rc, f->key, "a damaged value");
        rc = crm__item_split(item, e->scoped, &split);
        if (!rc && e->scoped && !split.source)
            rc = crm__dict_find(txn, CRM__DICT_SOURCE, (const char *)split.name.p, split.name.n,
                                &split.source);
        if (!rc)
            rc = crm__value_decode(e->type, 0, split.value, &v);
        v.source = split.source;
        if (!rc && !(e->scoped && !split.source)) {
            rc = crm__token_key(txn->store, f, &v, &txn->scratch[1], key);
            if (!rc)
                rc = crm__txn_ids(txn, crm__slice_of(key, sizeof key), ids, 2, 2, &n);
        }
        if (rc)
            return crm__txn_fail(txn, rc, "can't look an identity up", err);
        for (size_t i = 0; i < n && i < 2; i++) {
            if (*count == 0 || (*count == 1 && found[0] != ids[i]))
                found[(*count)++] = ids[i];
        }
    }
    return rc;
}

int crm__customer_match(crm_txn *txn, const crm__model *m, const crm_customer *c, crm_id found[2],
                        size_t *count, crm_error *err)
{
    int seen = 0, rc = CRM_OK;

    for (int unique = 1; unique >= 0 && !seen; unique--) {
        for (uint32_t i = 0; i < c->rec.entry_count && !rc; i++) {
            const crm__entry *e = &c->rec.entries[i];
            const crm__field *f = crm__model_number(m, e->field);
            if (!f || e->mode != CRM__SET ||
                !(f->flags & (unique ? CRM_FIELD_UNIQUE : CRM_FIELD_IDENTITY)))
                continue;
            seen = 1;
            rc = matches(txn, f, e, found, count, err);
        }
        if (rc)
            return rc;
    }
    if (!seen)
        return crm__fail(err, CRM_EVALUE, "an upsert needs an identity or a unique field");
    if (*count > 1)
        return crm__fail(err, CRM_EAMBIGUOUS,
                         "the identities belong to more than one customer, e.g. %llu and %llu",
                         (unsigned long long)found[0], (unsigned long long)found[1]);
    return CRM_OK;
}

static int upsert(crm_txn *txn, const crm__model *m, const crm_customer *c, crm_id *id,
                  int *created, crm_error *err)
{
    crm_id found[2] = {0, 0};
    size_t count = 0;
    int rc = crm__customer_match(txn, m, c, found, &count, err);

    if (rc)
        return rc;
    if (created)
        *created = count == 0;
    if (count == 0)
        return create(txn, m, c, id, err);
    if (id)
        *id = found[0];
    return change(txn, m, CRM__UPSERT, found[0], 0, c, err);
}

/* ---- delete, undelete ---- */

int crm__customer_set_deleted(crm_txn *txn, const crm__model *m, crm_id id, uint64_t expected,
                              int deleted, crm_error *err)
{
    crm__customer_faults faults = {err, NULL, 0};
    crm__counters *n = &txn->state.counters;
    crm__record *before = NULL, *after = &txn->record[1];
    crm_customer same;
    crm__buf changed;
    int rc = read_before(txn, id, &before, err);

    if (rc)
        return rc;
    if (deleted && before->flags & CRM__RECORD_DELETED)
        return crm__fail(err, CRM_ENOTFOUND, "customer %llu is deleted", (unsigned long long)id);
    if (!deleted && !(before->flags & CRM__RECORD_DELETED))
        return crm__fail(err, CRM_EEXISTS, "customer %llu is not deleted", (unsigned long long)id);
    rc = check_expected(before, id, expected, err);
    if (rc)
        return rc;
    /* As a change of every field, so that undelete checks unique values again. */
    memset(&same, 0, sizeof same);
    same.rec.kind = before->kind;
    crm__buf_init(&changed, txn->mem);
    for (uint32_t i = 0; i < before->entry_count && !deleted; i++)
        crm__buf_add(&changed, &before->entries[i].field, sizeof(uint32_t));
    rc = changed.failed ? crm__fail_nomem(err)
                        : crm__customer_merge(txn, m, CRM__UNDELETE, id, before, &same, after,
                                              &changed, &faults);
    if (!rc) {
        after->flags = (uint8_t)(deleted ? before->flags | CRM__RECORD_DELETED
                                         : before->flags & ~CRM__RECORD_DELETED);
        n->live = deleted ? n->live - 1 : n->live + 1;
        n->deleted = deleted ? n->deleted + 1 : n->deleted - 1;
        changed.n = 0;
        rc = store(txn, m, id, deleted ? CRM__ACTION_DELETE : CRM__ACTION_UNDELETE, before, after,
                   &changed, err);
    }
    crm__buf_clear(&changed);
    return rc;
}

/* ---- restore ---- */

static int same_origin(const crm__record *a, const crm__entry *x, const crm__record *b,
                       const crm__entry *y, size_t i)
{
    const crm__origin *p = &a->origins[crm__entry_origin(x, i)];
    const crm__origin *q = &b->origins[crm__entry_origin(y, i)];

    return p->source == q->source && p->at == q->at;
}

static int same_entry(const crm__record *a, const crm__entry *x, const crm__record *b,
                      const crm__entry *y)
{
    crm__slice item;
    size_t pos = 0;

    if (x->type != y->type || x->list != y->list || x->scoped != y->scoped ||
        x->payload.n != y->payload.n ||
        (x->payload.n && memcmp(x->payload.p, y->payload.p, x->payload.n) != 0))
        return 0;
    for (size_t i = 0; crm__entry_next(x, &pos, &item) == CRM_OK; i++) {
        if (!same_origin(a, x, b, y, i))
            return 0;
    }
    return 1;
}

/* Numbers of the fields in which two records differ, ascending. */
static void differences(const crm__record *a, const crm__record *b, crm__buf *changed)
{
    uint32_t i = 0, j = 0;

    while (i < a->entry_count || j < b->entry_count) {
        const crm__entry *x = i < a->entry_count ? &a->entries[i] : NULL;
        const crm__entry *y = j < b->entry_count ? &b->entries[j] : NULL;
        uint32_t field = x && (!y || x->field <= y->field) ? x->field : y->field;
        int both = x && y && x->field == y->field;
        if (!both || !same_entry(a, x, b, y))
            crm__buf_add(changed, &field, sizeof field);
        i += x && x->field == field;
        j += y && y->field == field;
    }
}

int crm__customer_restore(crm_txn *txn, const crm__model *m, crm_id id, const crm__record *was,
                          crm_error *err)
{
    crm__counters *n = &txn->state.counters;
    crm__record *before = NULL, *after = &txn->record[1];
    crm__buf changed;
    int rc = read_before(txn, id, &before, err), is, be;

    if (rc)
        return rc;
    after->entry_count = after->origin_count = 0;
    after->flags = was->flags;
    after->kind = was->kind;
    after->survivor = was->survivor;
    after->created = was->created;
    for (uint32_t i = 0; i < was->entry_count && !rc; i++)
        rc = crm__record_take(txn->mem, &txn->work, after, was, &was->entries[i]);
    if (rc)
        return crm__txn_fail(txn, rc, "can't restore the customer", err);
    is = (before->flags & CRM__RECORD_DELETED) != 0;
    be = (after->flags & CRM__RECORD_DELETED) != 0;
    crm__buf_init(&changed, txn->mem);
    differences(before, after, &changed);
    if (changed.failed)
        rc = crm__fail_nomem(err);
    else if (changed.n || is != be || before->kind != after->kind) {
        uint8_t action = is == be ? CRM__ACTION_UPDATE
                         : be     ? CRM__ACTION_DELETE
                                  : CRM__ACTION_UNDELETE;
        n->live += (uint64_t)is - (uint64_t)be;
        n->deleted += (uint64_t)be - (uint64_t)is;
        rc = store(txn, m, id, action, before, after, &changed, err);
    }
    crm__buf_clear(&changed);
    return rc;
}

int crm__customer_restored(crm_txn *txn, const crm__model *m, crm_id id, crm__slice mask, int all,
                           crm_error *err)
{
    crm__reader in = crm__reader_of(mask.p, mask.n);
    crm__record *r = NULL;
    uint32_t field = 0;
    crm__buf fields;
    int rc = read_before(txn, id, &r, err);

    if (rc || r->flags & CRM__RECORD_DELETED)
        return rc;
    crm__buf_init(&fields, txn->mem);
    for (uint32_t i = 0; i < r->entry_count && all; i++)
        crm__buf_add(&fields, &r->entries[i].field, sizeof(uint32_t));
    while (!all && crm__mask_next(&in, &field))
        crm__buf_add(&fields, &field, sizeof field);
    rc = fields.failed ? crm__fail_nomem(err)
                       : crm__customer_recheck(txn, m, id, r, r, &fields, err);
    crm__buf_clear(&fields);
    return rc;
}

/* ---- public: typed ---- */

/* A public write with the model at hand; op->err is never NULL. */
static int begin(crm_txn *txn, crm__op *op, const crm__model **m, crm_error *err)
{
    int rc = crm__op_begin(txn, op, err);

    if (rc)
        return rc;
    rc = crm__txn_model(txn, m, op->err);
    return rc ? crm__op_end(txn, op, rc) : CRM_OK;
}

/* The record to write: the caller's, or a copy of it that follows the present model. */
static int use_record(crm_txn *txn, const crm__model *m, const crm_customer **c, crm_customer **own,
                      crm_error *err)
{
    if (!*c)
        return crm__fail_field(err, CRM_EINVAL, "c", "c is NULL");
    return crm__customer_rebind(txn, m, *c, c, own, err);
}

int crm_customer_create(crm_txn *txn, const crm_customer *c, crm_id *id, crm_error *err)
{
    crm_customer *own = NULL;
    const crm__model *m;
    crm__op op;
    int rc = begin(txn, &op, &m, err);

    if (rc)
        return rc;
    rc = use_record(txn, m, &c, &own, op.err);
    rc = crm__op_end(txn, &op, rc ? rc : create(txn, m, c, id, op.err));
    crm_customer_free(own);
    return rc;
}

static int change_typed(crm_txn *txn, int how, crm_id id, uint64_t expected, const crm_customer *c,
                        crm_error *err)
{
    crm_customer *own = NULL;
    const crm__model *m;
    crm__op op;
    int rc = begin(txn, &op, &m, err);

    if (rc)
        return rc;
    rc = use_record(txn, m, &c, &own, op.err);
    rc = crm__op_end(txn, &op, rc ? rc : change(txn, m, how, id, expected, c, op.err));
    crm_customer_free(own);
    return rc;
}

int crm_customer_replace(crm_txn *txn, crm_id id, uint64_t expected, const crm_customer *c,
                         crm_error *err)
{
    return change_typed(txn, CRM__REPLACE, id, expected, c, err);
}

int crm_customer_patch(crm_txn *txn, crm_id id, uint64_t expected, const crm_customer *c,
                       crm_error *err)
{
    return change_typed(txn, CRM__PATCH, id, expected, c, err);
}

int crm_customer_upsert(crm_txn *txn, const crm_customer *c, crm_id *id, int *created,
                        crm_error *err)
{
    crm_customer *own = NULL;
    const crm__model *m;
    crm__op op;
    int rc = begin(txn, &op, &m, err);

    if (rc)
        return rc;
    rc = use_record(txn, m, &c, &own, op.err);
    rc = crm__op_end(txn, &op, rc ? rc : upsert(txn, m, c, id, created, op.err));
    crm_customer_free(own);
    return rc;
}

int crm_customer_delete(crm_txn *txn, crm_id id, uint64_t expected, crm_error *err)
{
    const crm__model *m;
    crm__op op;
    int rc = begin(txn, &op, &m, err);

    return rc ? rc
              : crm__op_end(txn, &op, crm__customer_set_deleted(txn, m, id, expected, 1, op.err));
}

int crm_customer_undelete(crm_txn *txn, crm_id id, uint64_t expected, crm_error *err)
{
    const crm__model *m;
    crm__op op;
    int rc = begin(txn, &op, &m, err);

    return rc ? rc
              : crm__op_end(txn, &op, crm__customer_set_deleted(txn, m, id, expected, 0, op.err));
}

/* ---- public: documents ---- */

typedef struct document {
    const crm__model *m;
    crm__op op;
    crm_customer *c;
} document;

static int open_document(crm_txn *txn, const char *json, size_t n, document *d, crm_error *err)
{
    crm__customer_faults faults;
    int rc = begin(txn, &d->op, &d->m, err);

    d->c = NULL;
    if (rc)
        return rc;
    faults = (crm__customer_faults){d->op.err, NULL, 0};
    if (!json)
        rc = crm__fail_field(d->op.err, CRM_EINVAL, "json", "json is NULL");
    else if (crm__customer_make(txn->mem, (crm__model *)(uintptr_t)d->m, &d->c))
        rc = crm__fail_nomem(d->op.err);
    else
        rc = crm__document_read(txn, json, n == CRM_NUL ? strlen(json) : n, d->c, &faults);
    if (!rc)
        return CRM_OK;
    crm_customer_free(d->c);
    return crm__op_end(txn, &d->op, rc);
}

static int close_document(crm_txn *txn, document *d, int rc)
{
    crm_customer_free(d->c);
    return crm__op_end(txn, &d->op, rc);
}

int crm_customer_create_json(crm_txn *txn, const char *json, size_t n, crm_id *id, crm_error *err)
{
    document d;
    int rc = open_document(txn, json, n, &d, err);

    crm_id mine = 0;

    if (rc)
        return rc;
    rc = create(txn, d.m, d.c, &mine, d.op.err);
    if (!rc)
        rc = crm__customer_add_events(txn, d.m, mine, d.c, d.op.err);
    if (!rc)
        rc = crm__customer_add_tags(txn, d.m, mine, d.c, 1, d.op.err);
    if (!rc && id)
        *id = mine;
    return close_document(txn, &d, rc);
}

static int change_json(crm_txn *txn, int how, crm_id id, uint64_t expected, const char *json,
                       size_t n, crm_error *err)
{
    document d;
    int rc = open_document(txn, json, n, &d, err);

    if (rc)
        return rc;
    rc = change(txn, d.m, how, id, expected ? expected : d.c->expected, d.c, d.op.err);
    if (!rc)
        rc = crm__customer_add_events(txn, d.m, id, d.c, d.op.err);
    if (!rc)
        rc = crm__customer_add_tags(txn, d.m, id, d.c, 0, d.op.err);
    return close_document(txn, &d, rc);
}

int crm__customer_try_json(crm_txn *txn, const char *json, crm_error *err)
{
    document d;
    int rc = open_document(txn, json, CRM_NUL, &d, err);

    return rc ? rc : close_document(txn, &d, CRM_OK);
}

int crm_customer_replace_json(crm_txn *txn, crm_id id, uint64_t expected, const char *json,
                              size_t n, crm_error *err)
{
    return change_json(txn, CRM__REPLACE, id, expected, json, n, err);
}

int crm_customer_patch_json(crm_txn *txn, crm_id id, uint64_t expected, const char *json, size_t n,
                            crm_error *err)
{
    return change_json(txn, CRM__PATCH, id, expected, json, n, err);
}

int crm_customer_upsert_json(crm_txn *txn, const char *json, size_t n, crm_id *id, int *created,
                             crm_error *err)
{
    document d;
    int rc = open_document(txn, json, n, &d, err);

    crm_id mine = 0;
    int is_new = 0;

    if (rc)
        return rc;
    rc = upsert(txn, d.m, d.c, &mine, &is_new, d.op.err);
    if (!rc && created)
        *created = is_new;
    if (!rc)
        rc = crm__customer_add_events(txn, d.m, mine, d.c, d.op.err);
    if (!rc)
        rc = crm__customer_add_tags(txn, d.m, mine, d.c, is_new, d.op.err);
    if (!rc && id)
        *id = mine;
    return close_document(txn, &d, rc);
}
