/* SPDX-License-Identifier: MIT
 * Giving and taking tags of one customer.
 */
#include "base/utf8.h"
#include "bits/kernel.h"
#include "db/journal.h"
#include "db/tag_one.h"
#include "tag/tag.h"

#include <stdlib.h>
#include <string.h>

void crm_tag_options_init(crm_tag_options *opts)
{
    if (!opts)
        return;
    memset(opts, 0, sizeof *opts);
    opts->size = sizeof *opts;
}

int crm__tag_options_read(const crm_tag_options *opts, crm__tag_how *how, crm_error *err)
{
    crm_tag_options o;
    int rc = crm__options_read(&o, sizeof o, opts, "options", err);

    if (rc)
        return rc;
    memset(how, 0, sizeof *how);
    if (o.origin >= CRM__TAG_ORIGINS || o.reserved)
        return crm__fail_field(err, CRM_EINVAL, "origin", "origin is none of CRM_TAG_*");
    how->origin = (uint8_t)o.origin;
    how->until = o.until_us;
    how->reason.n = o.reason ? strlen(o.reason) : 0;
    how->reason.p = (const uint8_t *)o.reason;
    if (how->reason.n && !crm__batch_name_ok(o.reason, how->reason.n))
        return crm__fail_field(err, CRM_EINVAL, "reason",
                               "reason is not plain UTF-8 text of at most %d bytes",
                               (int)CRM__TAG_REASON);
    return CRM_OK;
}

int crm__tag_customer(crm_txn *txn, crm_id id, crm_error *err)
{
    uint8_t key[CRM__KEY_U64], flags = 0;
    crm__slice bytes;
    uint64_t seq;
    int rc = crm__txn_read(txn, KV_CUSTOMER, crm__key_u64(key, id), &bytes);

    if (!rc)
        rc = crm__record_head(bytes, &flags, &seq);
    if (rc == CRM_ENOTFOUND)
        return crm__fail(err, rc, "there is no customer %llu", (unsigned long long)id);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read the customer", err);
    if (flags & CRM__RECORD_DELETED)
        return crm__fail(err, CRM_ENOTFOUND, "customer %llu is deleted", (unsigned long long)id);
    return CRM_OK;
}

int crm__tag_end_ok(const crm__tag *tag, const crm__tag_how *how, crm_error *err)
{
    if (!how->until || tag->dimension->expires)
        return CRM_OK;
    return crm__fail_field(err, CRM_EVALUE, tag->dimension->key,
                           "tag of %s: has no end, the model says", tag->dimension->key);
}

/* ---- one customer ---- */

/* The tags of a dimension that a customer may have.  Of a closed one those that there are, which
 * are few; else the customer's own, for names may be without number. */
static int tags_within(crm_txn *txn, const crm__model *m, const crm__dimension *d, crm_id id,
                       crm__buf *out)
{
    const uint32_t *list;
    crm__buf numbers;
    int rc;

    if (d->closed)
        return crm__tag_of_dimension(txn, m, d, &txn->work, out);
    crm__buf_init(&numbers, txn->mem);
    rc = crm__tag_numbers(txn, id, &numbers);
    list = (const uint32_t *)(const void *)numbers.p;
    for (size_t i = 0; i < numbers.n / sizeof *list && !rc; i++) {
        crm__tag tag;
        rc = crm__tag_named(txn, m, list[i], &txn->work, &tag);
        if (!rc && tag.dimension == d)
            crm__buf_add(out, &tag, sizeof tag);
    }
    crm__buf_clear(&numbers);
    return rc ? rc : out->failed ? CRM_ENOMEM : CRM_OK;
}

/* Which tag of a dimension with one each row of a chunk has. */
static int fill_rows(crm_txn *txn, const crm__dimension *d, uint64_t chunk, uint32_t *tags)
{
    size_t n = strlen(d->key);
    uint8_t key[CRM__KEY_TAG];

    crm__key_tag(key, chunk, 0);
    for (int past = 0;; past = 1) {
        uint64_t words[CRM__SET_WORDS] = {0};
        crm__slice name;
        uint32_t tag;
        int rc =
            crm__tag_near(txn, KV_TAG, crm__slice_of(key, sizeof key), 0, past, key, sizeof key);
        if (rc == CRM_ENOTFOUND || (!rc && crm__get_be32(key) != chunk))
            return CRM_OK;
        tag = crm__get_be32(key + 4);
        if (!rc)
            rc = crm__dict_name(txn, CRM__DICT_TAG, tag, &name);
        if (rc)
            return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
        if (name.n <= n || name.p[n] != ':' || memcmp(name.p, d->key, n) != 0)
            continue;
        rc = crm__txn_set(txn, KV_TAG, crm__slice_of(key, sizeof key), words);
        if (rc)
            return rc;
        for (int32_t row = crm__set_next(words, 0); row >= 0;
             row = crm__set_next(words, (uint32_t)row + 1))
            tags[row] = tags[row] ? CRM__TAG_MANY : tag;
    }
}

/* The tag of a dimension with one that a customer has, 0: none; CRM__TAG_MANY: not known. */
static int tag_of(crm_txn *txn, const crm__dimension *d, crm_id id, uint32_t *tag)
{
    uint64_t chunk = id >> CRM__CHUNK_SHIFT;
    uint32_t *tags;
    int filled, rc = crm__tag_one_rows(txn, d->key, chunk, &tags, &filled);

    *tag = CRM__TAG_MANY;
    if (rc || !tags)
        return rc;
    if (!filled) {
        rc = fill_rows(txn, d, chunk, tags);
        if (rc)
            return rc;
        crm__tag_one_filled(txn, d->key, chunk);
    }
    *tag = tags[id & (CRM__CHUNK_ROWS - 1)];
    return CRM_OK;
}

static int is_among(const crm__tag *tags, size_t count, uint32_t number)
{
    size_t k = 0;

    while (k < count && tags[k].number != number)
        k++;
    return k < count;
}

/* Takes all tags of a dimension but those listed. */
static int take_others(crm__tagging *t, const crm__model *m, const crm__dimension *d,
                       const crm__tag *but, size_t count, crm_id id)
{
    uint32_t known = CRM__TAG_MANY;
    crm_txn *txn = t->txn;
    const crm__tag *all;
    crm__buf tags;
    int rc = d->one ? tag_of(txn, d, id, &known) : CRM_OK;

    if (!rc && known != CRM__TAG_MANY)
        return known && !is_among(but, count, known) ? crm__tag_row(t, known, d->expires, id, 0)
                                                     : CRM_OK;
    crm__buf_init(&tags, txn->mem);
    if (!rc)
        rc = tags_within(txn, m, d, id, &tags);
    if (rc)
        rc = crm__txn_fail(txn, rc, "can't read the tags", t->err);
    all = (const crm__tag *)(const void *)tags.p;
    for (size_t i = 0; i < tags.n / sizeof *all && !rc; i++) {
        if (!is_among(but, count, all[i].number))
            rc = crm__tag_row(t, all[i].number, d->expires, id, 0);
    }
    crm__buf_clear(&tags);
    return rc;
}

int crm__tag_give(crm__tagging *t, const crm__model *m, const crm__tag *tag, crm_id id)
{
    int rc = crm__tag_end_ok(tag, &t->how, t->err);

    t->keep = 1;
    t->dimension = tag->dimension->key;
    if (!rc && tag->dimension->one)
        rc = take_others(t, m, tag->dimension, tag, 1, id);
    return rc ? rc : crm__tag_row(t, tag->number, tag->dimension->expires, id, 1);
}

int crm__tag_give_new(crm__tagging *t, const crm__tag *tag, crm_id id, crm__buf *given)
{
    int rc = crm__tag_end_ok(tag, &t->how, t->err);

    t->keep = 1;
    t->dimension = tag->dimension->key;
    for (size_t i = 0; tag->dimension->one && i < given->n / sizeof *tag && !rc; i++) {
        const crm__tag *other = (const crm__tag *)(const void *)given->p + i;
        if (other->dimension == tag->dimension && other->number != tag->number)
            rc = crm__tag_row(t, other->number, tag->dimension->expires, id, 0);
    }
    crm__buf_add(given, tag, sizeof *tag);
    if (!rc && given->failed)
        rc = crm__fail_nomem(t->err);
    return rc ? rc : crm__tag_row(t, tag->number, tag->dimension->expires, id, 1);
}

int crm__tag_begin(crm_txn *txn, crm__op *op, const void *text, const crm_tag_options *opts,
                   crm__tag_how *how, const crm__model **m, crm_error *err)
{
    int rc = crm__op_begin(txn, op, err);

    if (rc)
        return rc;
    if (!text)
        rc = crm__fail_field(op->err, CRM_EINVAL, "tag", "tag or dimension is NULL");
    if (!rc)
        rc = crm__tag_options_read(opts, how, op->err);
    if (!rc)
        rc = crm__txn_model(txn, m, op->err);
    return rc ? crm__op_end(txn, op, rc) : CRM_OK;
}

/* What the public functions share: a write about one customer. */
typedef struct call {
    crm_txn *txn;
    const crm__model *m;
    crm__op op;
    crm__tag_how how;
    crm__tagging t;
} call;

static int begin_one(call *c, crm_txn *txn, crm_id id, const void *text,
                     const crm_tag_options *opts, crm_error *err)
{
    int rc = crm__tag_begin(txn, &c->op, text, opts, &c->how, &c->m, err);

    if (rc)
        return rc;
    c->txn = txn;
    rc = crm__tag_customer(txn, id, c->op.err);
    if (rc)
        return crm__op_end(txn, &c->op, rc);
    crm__tagging_begin(txn, id, &c->how, &c->t, c->op.err);
    return CRM_OK;
}

static int end_one(call *c, int rc)
{
    uint64_t changed = c->t.changed;

    if (!rc)
        rc = crm__tagging_end(&c->t);
    crm__buf_clear(&c->t.tags);
    if (!rc && !changed) {
        /* A name that was only looked at gets no number. */
        crm__edits_rollback(&c->txn->edits, c->op.mark);
        c->txn->state = c->op.state;
        rc = CRM_DONE;
    }
    return crm__op_end(c->txn, &c->op, rc);
}

int crm_tag_add(crm_txn *txn, crm_id id, const char *tag, const crm_tag_options *opts,
                crm_error *err)
{
    crm__tag ref;
    call c;
    int rc = begin_one(&c, txn, id, tag, opts, err);

    if (rc)
        return rc;
    rc = crm__tag_read(txn, c.m, NULL, tag, strlen(tag), 1, &txn->work, &ref, c.op.err);
    if (!rc)
        rc = crm__tag_give(&c.t, c.m, &ref, id);
    return end_one(&c, rc);
}

int crm_tag_remove(crm_txn *txn, crm_id id, const char *tag, crm_error *err)
{
    crm__tag ref;
    call c;
    int rc = begin_one(&c, txn, id, tag, NULL, err);

    if (rc)
        return rc;
    rc = crm__tag_read(txn, c.m, NULL, tag, strlen(tag), 0, &txn->work, &ref, c.op.err);
    if (!rc && ref.number)
        rc = crm__tag_row(&c.t, ref.number, ref.dimension->expires, id, 0);
    return end_one(&c, rc);
}

int crm__tags_read(crm_txn *txn, const crm__model *m, const char *dimension,
                   const char *const *tags, size_t count, const crm__dimension **d, crm__tag **out,
                   crm_error *err)
{
    crm__tag *refs;
    int rc = CRM_OK;

    if (count && !tags)
        return crm__fail_field(err, CRM_EINVAL, "tags", "tags is NULL");
    refs = count > SIZE_MAX / 2 / sizeof *refs
               ? NULL
               : crm__arena_alloc(&txn->work, (count + 1) * sizeof *refs);
    if (!refs)
        return crm__fail_nomem(err);
    *d = crm__model_dimension_find(m, dimension, strlen(dimension));
    if (!*d)
        return crm__dimension_unknown(m, dimension, strlen(dimension), 1, err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = tags[i]
                 ? crm__tag_read(txn, m, *d, tags[i], strlen(tags[i]), 1, &txn->work, &refs[i], err)
                 : crm__fail_field(err, CRM_EINVAL, "tags", "tags holds a NULL");
    *out = refs;
    return rc;
}

int crm__tags_ok(const crm__dimension *d, const crm__tag *tags, size_t count,
                 const crm__tag_how *how, crm_error *err)
{
    int rc = CRM_OK;

    for (size_t i = 0; i < count && !rc; i++) {
        rc =
            d->one && tags[i].number != tags[0].number
                ? crm__fail_field(err, CRM_EVALUE, d->key, "%s: a customer has at most one", d->key)
                : crm__tag_end_ok(&tags[i], how, err);
    }
    return rc;
}

int crm__tag_set_all(crm__tagging *t, const crm__model *m, const crm__dimension *d,
                     const crm__tag *tags, size_t count, crm_id id)
{
    int rc = crm__tags_ok(d, tags, count, &t->how, t->err);

    t->dimension = d->key;
    if (!rc)
        rc = take_others(t, m, d, tags, count, id);
    for (size_t i = 0; i < count && !rc; i++)
        rc = crm__tag_row(t, tags[i].number, d->expires, id, 1);
    return rc;
}

int crm_tag_set(crm_txn *txn, crm_id id, const char *dimension, const char *const *tags,
                size_t count, const crm_tag_options *opts, crm_error *err)
{
    const crm__dimension *d = NULL;
    crm__tag *refs;
    call c;
    int rc = begin_one(&c, txn, id, dimension, opts, err);

    if (rc)
        return rc;
    rc = crm__tags_read(txn, c.m, dimension, tags, count, &d, &refs, c.op.err);
    if (!rc)
        rc = crm__tag_set_all(&c.t, c.m, d, refs, count, id);
    return end_one(&c, rc);
}
