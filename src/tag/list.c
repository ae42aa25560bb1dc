/* SPDX-License-Identifier: MIT
 * The tags of a customer, with where each came from.
 */
#include "db/changes.h"
#include "tag/tag.h"

#include <stdlib.h>
#include <string.h>

struct crm_tag_iter {
    crm_allocator mem;
    crm__arena arena;
    crm__buf tags; /* entry */
    size_t at;
};

typedef struct entry {
    const crm__dimension *dimension;
    crm_tag tag;
} entry;

int crm__tag_numbers(crm_txn *txn, crm_id id, crm__buf *out)
{
    uint32_t chunk = (uint32_t)(id >> CRM__CHUNK_SHIFT);
    uint8_t key[CRM__KEY_TAG];
    int rc, past = 0;

    if (id >> CRM__CHUNK_SHIFT > UINT32_MAX)
        return CRM_OK;
    crm__key_tag(key, chunk, 0);
    for (;; past = 1) {
        uint32_t tag;
        int has = 0;
        rc = crm__tag_near(txn, KV_TAG, crm__slice_of(key, sizeof key), 0, past, key, sizeof key);
        if (rc == CRM_ENOTFOUND || (!rc && crm__get_be32(key) != chunk))
            return CRM_OK;
        tag = crm__get_be32(key + 4);
        if (!rc)
            rc = crm__tag_has(txn, tag, id, &has);
        if (rc)
            return rc;
        if (has)
            crm__buf_add(out, &tag, sizeof tag);
        if (out->failed)
            return CRM_ENOMEM;
    }
}

/* Who, when and why: by the entry that gave it. */
static int add_source(crm_txn *txn, crm__arena *a, uint64_t seq, const crm__tag_how *how,
                      crm_tag *out)
{
    crm__journal_entry e;
    char *reason;
    crm_change c;
    int rc = CRM_OK;

    out->revision = seq;
    out->origin = how->origin;
    if (how->reason.n) {
        reason = crm__arena_alloc(a, how->reason.n + 1);
        if (!reason)
            return CRM_ENOMEM;
        memcpy(reason, how->reason.p, how->reason.n);
        reason[how->reason.n] = 0;
        out->reason = reason;
    }
    if (seq == txn->state.batch_seq && txn->batch.on) { /* its entry is not written yet */
        out->given_us = txn->recorded;
        out->batch = txn->state.batch;
        out->actor = txn->name[CRM__BY_ACTOR];
        out->source = txn->name[CRM__BY_SOURCE];
        return CRM_OK;
    }
    rc = crm__journal_read(txn, seq, &e);
    if (!rc)
        rc = crm__change_of(txn, seq, &e, a, &c);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    out->given_us = c.recorded_us;
    out->batch = c.batch;
    out->actor = c.actor;
    out->source = c.source;
    return CRM_OK;
}

static int add_tag(crm_txn *txn, const crm__model *m, crm_id id, uint32_t number, uint32_t flags,
                   crm_tag_iter *it)
{
    crm__tag_how how = {0};
    crm__tag tag;
    entry e;
    uint64_t seq = 0;
    uint32_t part;
    int rc = crm__tag_named(txn, m, number, &it->arena, &tag);

    if (rc || !tag.dimension)
        return rc;
    memset(&e, 0, sizeof e);
    e.dimension = tag.dimension;
    e.tag.size = sizeof e.tag;
    e.tag.tag = (const char *)tag.name.p;
    if (tag.dimension->expires) {
        rc = crm__tag_end(txn, id >> CRM__CHUNK_SHIFT, number, (uint32_t)id % CRM__CHUNK_ROWS,
                          &e.tag.until_us);
        if (rc)
            return rc;
        if (e.tag.until_us && e.tag.until_us <= txn->now && !(flags & CRM_TAG_ENDED))
            return CRM_OK;
    }
    if (!(flags & CRM_TAG_BRIEF)) {
        rc = crm__tag_edge(txn, number, id, UINT64_MAX, &seq, &part, &how);
        if (rc == CRM_ENOTFOUND)
            rc = CRM_ECORRUPT;
        if (!rc)
            rc = add_source(txn, &it->arena, seq, &how, &e.tag);
    }
    crm__buf_add(&it->tags, &e, sizeof e);
    return rc ? rc : it->tags.failed ? CRM_ENOMEM : CRM_OK;
}

/* Dimensions stand in an array, in the order of the document. */
static int by_name(const void *a, const void *b)
{
    const entry *x = a, *y = b;

    if (x->dimension != y->dimension)
        return x->dimension < y->dimension ? -1 : 1;
    return strcmp(x->tag.tag, y->tag.tag);
}

static int gather(crm_txn *txn, crm_id id, uint32_t flags, crm_tag_iter *it, crm_error *err)
{
    const crm__model *m;
    const uint32_t *list;
    uint8_t key[CRM__KEY_U64];
    crm__slice bytes;
    crm__buf numbers;
    int rc = crm__txn_model(txn, &m, err);

    if (rc)
        return rc;
    rc = crm__txn_read(txn, KV_CUSTOMER, crm__key_u64(key, id), &bytes);
    if (rc == CRM_ENOTFOUND)
        return crm__fail(err, rc, "there is no customer %llu", (unsigned long long)id);
    crm__buf_init(&numbers, txn->mem);
    if (!rc)
        rc = crm__tag_numbers(txn, id, &numbers);
    list = (const uint32_t *)(const void *)numbers.p;
    for (size_t i = 0; i < numbers.n / sizeof *list && !rc; i++)
        rc = add_tag(txn, m, id, list[i], flags, it);
    crm__buf_clear(&numbers);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read the customer's tags", err);
    if (it->tags.n)
        qsort(it->tags.p, it->tags.n / sizeof(entry), sizeof(entry), by_name);
    return CRM_OK;
}

int crm_tag_list(crm_txn *txn, crm_id id, uint32_t flags, crm_tag_iter **out, crm_error *err)
{
    crm_tag_iter *it;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__txn_enter(txn, 0, err);
    if (!rc && flags & ~(CRM_TAG_BRIEF | CRM_TAG_ENDED))
        rc = crm__fail_field(err, CRM_EINVAL, "flags", "a flag this library does not know is set");
    if (!rc)
        rc = crm__state_read(txn, err);
    if (rc)
        return rc;
    it = crm__calloc(txn->mem, 1, sizeof *it);
    if (!it)
        return crm__fail_nomem(err);
    it->mem = *txn->mem;
    crm__arena_init(&it->arena, &it->mem);
    crm__buf_init(&it->tags, &it->mem);
    rc = gather(txn, id, flags, it, err);
    if (rc)
        crm_tag_list_close(it);
    else
        *out = it;
    return rc;
}

int crm_tag_next(crm_tag_iter *it, crm_tag *out, crm_error *err)
{
    entry e;

    if (!it || !out)
        return crm__fail_field(err, CRM_EINVAL, it ? "out" : "it", "%s is NULL", it ? "out" : "it");
    if (it->at >= it->tags.n / sizeof e)
        return CRM_DONE;
    memcpy(&e, it->tags.p + it->at * sizeof e, sizeof e);
    it->at++;
    return crm__struct_give(out, &e.tag, sizeof e.tag, "out", err);
}

void crm_tag_list_close(crm_tag_iter *it)
{
    crm_allocator mem;

    if (!it)
        return;
    mem = it->mem;
    crm__arena_clear(&it->arena);
    crm__buf_clear(&it->tags);
    crm__release(&mem, it);
}
