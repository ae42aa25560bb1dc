/* SPDX-License-Identifier: MIT
 * Walking customers chunk by chunk: the root's rows, or the deleted ones, in order of ids.
 */
#include "customer/customer.h"
#include "tag/tag.h"

#include <string.h>

struct crm_customer_iter {
    crm__child child; /* first: the transaction knows the iterator by it */
    crm_allocator mem;
    crm_db *db;
    crm_customer *c;
    int deleted, done;
    int on;        /* of crm__customer_read_on() */
    unsigned kind; /* 0: both */
    crm__buf tags; /* crm__tag: one of them is had, when `tagged` */
    int tagged;
    uint64_t chunk, chunks;
    int loaded;
    uint32_t row; /* the next to look at */
    uint64_t words[CRM__SET_WORDS];
};

void crm_list_options_init(crm_list_options *opts)
{
    if (!opts)
        return;
    memset(opts, 0, sizeof *opts);
    opts->size = sizeof *opts;
}

int crm_customer_list(crm_txn *txn, const crm_list_options *opts, crm_customer_iter **out,
                      crm_error *err)
{
    crm_list_options o;
    const crm__model *m;
    crm_customer_iter *it;
    unsigned kind = 0;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__txn_enter(txn, 0, err);
    if (!rc)
        rc = crm__options_read(&o, sizeof o, opts, "options", err);
    if (rc)
        return rc;
    if ((o.flags & ~CRM_LIST_DELETED) || o.reserved)
        return crm__fail_field(err, CRM_EINVAL, "flags",
                               "a flag this library does not know is set");
    rc = crm__txn_model(txn, &m, err);
    if (!rc)
        rc = crm__state_read(txn, err);
    if (rc)
        return rc;
    if (o.kind && *o.kind) {
        kind = crm__kind_find(m, o.kind, strlen(o.kind));
        if (!kind)
            return crm__fail_field(err, CRM_EVALUE, "kind",
                                   "kind: is neither \"person\" nor \"organisation\"");
    }
    it = crm__calloc(txn->mem, 1, sizeof *it);
    if (!it || crm__customer_make(txn->mem, (crm__model *)(uintptr_t)m, &it->c)) {
        crm__release(txn->mem, it);
        return crm__fail_nomem(err);
    }
    it->mem = *txn->mem;
    it->db = txn->db;
    it->deleted = (o.flags & CRM_LIST_DELETED) != 0;
    it->kind = kind;
    it->done = o.after == UINT64_MAX;
    it->chunk = (o.after + 1) >> CRM__CHUNK_SHIFT;
    it->row = (o.after + 1) & 0xffff;
    crm__db_hold(txn->db);
    crm__child_add(txn, &it->child);
    *out = it;
    return CRM_OK;
}

/* Leaves the rows that have one of the tags. */
static int keep_tagged(crm_customer_iter *it, crm_txn *txn)
{
    const crm__tag *list = (const crm__tag *)(const void *)it->tags.p;
    uint64_t any[CRM__SET_WORDS] = {0};
    int rc = CRM_OK;

    for (size_t i = 0; i < it->tags.n / sizeof *list && !rc; i++)
        rc = crm__tag_words(txn, it->chunk, list[i].number, list[i].dimension->expires, txn->now,
                            any);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        it->words[i] &= any[i];
    return rc;
}

/* The rows of the present chunk, or those of the next that has any.  CRM_DONE at the end. */
static int load_chunk(crm_customer_iter *it, crm_txn *txn)
{
    uint64_t kinds[CRM__SET_WORDS];
    uint8_t key[CRM__KEY_BITS];
    int rc;

    if (it->chunk << CRM__CHUNK_SHIFT >= txn->state.counters.next_id)
        return CRM_DONE;
    memset(it->words, 0, sizeof it->words);
    rc = it->deleted
             ? crm__txn_set(txn, KV_BITS,
                            crm__key_bits(key, it->chunk, CRM__BITS_ROOT, CRM__ROOT_DELETED),
                            it->words)
             : crm__visible(txn, it->chunk, it->words);
    if (!rc && it->kind && !it->deleted) {
        memset(kinds, 0, sizeof kinds);
        rc = crm__txn_set(txn, KV_BITS, crm__key_bits(key, it->chunk, CRM__BITS_KIND, it->kind),
                          kinds);
        for (int i = 0; i < CRM__SET_WORDS; i++)
            it->words[i] &= kinds[i];
    }
    if (!rc && it->tagged)
        rc = keep_tagged(it, txn);
    it->loaded = !rc;
    return rc;
}

static void next_chunk(crm_customer_iter *it)
{
    it->chunk++;
    it->row = 0;
    it->loaded = 0;
}

static int next_row(crm_customer_iter *it, crm_txn *txn, crm_id *id)
{
    for (;;) {
        int32_t row = -1;
        int rc = it->loaded ? CRM_OK : load_chunk(it, txn);
        if (rc)
            return rc;
        row = crm__set_next(it->words, it->row);
        if (row >= 0) {
            *id = (it->chunk << CRM__CHUNK_SHIFT) + (uint64_t)row;
            it->row = (uint32_t)row + 1;
            return CRM_OK;
        }
        next_chunk(it);
    }
}

/* Damage is told once: the next call goes on behind the chunk that can't be known. */
static int pass_chunk(crm_customer_iter *it, crm_txn *txn, int rc, crm_error *err)
{
    uint64_t first = (it->chunk << CRM__CHUNK_SHIFT) + it->row;
    uint64_t last = (it->chunk << CRM__CHUNK_SHIFT) + 0xffff;

    if (rc != CRM_ECORRUPT)
        return crm__txn_fail(txn, rc, "can't read the set of customers", err);
    if (last >= txn->state.counters.next_id)
        last = txn->state.counters.next_id - 1;
    next_chunk(it);
    return crm__fail_at(err, rc, (int64_t)first, -1,
                        "can't read which of customers %llu to %llu there are: %s",
                        (unsigned long long)first, (unsigned long long)last, crm_error_text(rc));
}

int crm_tag_customers(crm_txn *txn, const char *tag, uint32_t flags, crm_id after,
                      crm_customer_iter **out, crm_error *err)
{
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    crm_customer_iter *it = NULL;
    const crm__model *m = NULL;
    crm__arena names;
    crm__tag ref;
    int rc;

    o.after = after;
    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm_customer_list(txn, &o, &it, err);
    if (rc)
        return rc;
    crm__arena_init(&names, txn->mem);
    crm__buf_init(&it->tags, &it->mem);
    it->tagged = 1;
    if (!tag || flags & ~CRM_TAG_EXACT)
        rc = crm__fail_field(err, CRM_EINVAL, tag ? "flags" : "tag",
                             tag ? "a flag this library does not know is set" : "tag is NULL");
    if (!rc)
        rc = crm__txn_model(txn, &m, err);
    if (!rc)
        rc = crm__tag_read(txn, m, NULL, tag, strlen(tag), 0, &names, &ref, err);
    if (!rc && flags & CRM_TAG_EXACT) {
        if (ref.number)
            crm__buf_add(&it->tags, &ref, sizeof ref);
        rc = it->tags.failed ? crm__fail_nomem(err) : CRM_OK;
    } else if (!rc) {
        rc = crm__tag_below(txn, m, &ref, &names, &it->tags);
        if (rc)
            rc = crm__txn_fail(txn, rc, "can't read the dictionary", err);
    }
    crm__arena_clear(&names); /* the numbers are enough */
    if (rc)
        crm_customer_list_close(it);
    else
        *out = it;
    return rc;
}

int crm_customer_next(crm_customer_iter *it, crm_customer **c, crm_error *err)
{
    crm_txn *txn;
    crm_id id;
    int rc;

    if (c)
        *c = NULL;
    if (!it || !c)
        return crm__fail_field(err, CRM_EINVAL, it ? "c" : "it", "%s is NULL", it ? "c" : "it");
    rc = crm__child_enter(&it->child, it->db, &txn, err);
    if (rc)
        return rc;
    for (;;) {
        if (it->done)
            return CRM_DONE;
        rc = next_row(it, txn, &id);
        if (rc == CRM_DONE) {
            it->done = 1;
            return rc;
        }
        if (rc)
            return pass_chunk(it, txn, rc, err);
        if (txn->write && id >= txn->state.counters.next_id)
            continue; /* rolled back under the walk */
        rc = crm__customer_read_on(txn, id, &it->on, it->c, err);
        if (rc == CRM_ENOTFOUND)
            return crm__fail_at(err, CRM_ECORRUPT, (int64_t)id, -1,
                                "customer %llu is in the set of customers but has no record",
                                (unsigned long long)id);
        if (rc) {
            if (rc != CRM_ECORRUPT)
                it->row = (uint32_t)(id & 0xffff); /* not read: the next call tries it again */
            return rc;
        }
        /* The set is as old as the walk's arrival in this chunk; the record is of this moment. */
        if (crm_customer_deleted(it->c) == it->deleted &&
            (!it->kind || it->c->rec.kind == it->kind))
            break;
    }
    *c = it->c;
    return CRM_OK;
}

void crm_customer_list_close(crm_customer_iter *it)
{
    crm_allocator mem;
    crm_db *db;

    if (!it)
        return;
    mem = it->mem;
    db = it->db;
    crm__child_remove(&it->child);
    crm_customer_free(it->c);
    crm__buf_clear(&it->tags);
    crm__release(&mem, it);
    crm__db_drop(db);
}
