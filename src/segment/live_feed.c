/* SPDX-License-Identifier: MIT
 * Reading who entered and left, out of the entries of the journal that tell it.
 */
#include "base/error.h"
#include "db/changes.h"
#include "db/journal.h"
#include "db/live.h"
#include "db/saved.h"
#include "segment/live.h"

#include <crm/live.h>
#include <string.h>

enum { PIECE = 1024 };

struct crm_live_iter {
    crm_allocator mem;
    crm_change_iter *changes;
    crm_change change;
    char only[104]; /* "": all */
    char name[104]; /* of the present tag */
    uint32_t tag, tags;
    int way; /* CRM_TAG_TAKEN, then CRM_TAG_GIVEN; 0: the next tag is to be looked at */
    crm_id ids[PIECE];
    size_t count, at;
};

/* Whether it was ever: CRM_OK, or the error. */
static int was_watched(crm_txn *txn, crm__slice name, crm_error *err)
{
    uint32_t tag;
    int rc = crm__saved_tag(txn, CRM__LIVE_TAG, name, 0, &tag, err);

    if (rc || tag)
        return rc;
    return crm__fail_field(err, CRM_ENOTFOUND, "segment", "no segment '%.*s' is, or was, watched",
                           (int)name.n, (const char *)name.p);
}

/* A reader is told who is in a segment, as by a list of it. */
static int hand_out(crm_txn *txn, const char *only, crm_error *err)
{
    crm__buf text;
    int rc;

    if (!txn->reason)
        return CRM_OK;
    crm__buf_init(&text, txn->mem);
    crm__buf_add_str(&text, "segment(");
    crm__print_key(&text, only);
    crm__buf_add(&text, ")", 2);
    rc = text.failed ? crm__fail_nomem(err)
                     : crm__txn_hand_out(txn, NULL, *only ? (const char *)text.p : NULL, err);
    crm__buf_clear(&text);
    return rc;
}

int crm_live_list(crm_txn *txn, uint64_t after, const char *name, crm_live_iter **out,
                  crm_error *err)
{
    crm_live_iter *it;
    crm__slice key = {NULL, 0};
    const crm__model *m;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__txn_enter(txn, 0, err);
    if (!rc && name)
        rc = crm__saved_name(name, &key, err);
    if (!rc)
        rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    it = crm__calloc(txn->mem, 1, sizeof *it);
    if (!it)
        return crm__fail_nomem(err);
    it->mem = *txn->mem;
    if (name) {
        const crm__model_segment *of = crm__model_segment_find(m, (const char *)key.p, key.n);
        if (of)
            key = crm__slice_of(of->key, strlen(of->key));
        memcpy(it->only, key.p, key.n);
        rc = was_watched(txn, key, err);
    }
    if (!rc)
        rc = hand_out(txn, it->only, err);
    if (!rc)
        rc = crm_change_list(txn, after, &it->changes, err);
    if (rc)
        crm__release(&it->mem, it);
    else
        *out = it;
    return rc;
}

void crm_live_close(crm_live_iter *it)
{
    crm_allocator mem;

    if (!it)
        return;
    mem = it->mem;
    crm_change_close(it->changes);
    crm__release(&mem, it);
}

/* The next entry that tells something. */
static int next_entry(crm_live_iter *it, crm_error *err)
{
    int rc;

    do {
        it->change.size = sizeof it->change;
        rc = crm_change_next(it->changes, &it->change, err);
    } while (!rc && it->change.action != CRM_ACTION_LIVE);
    it->tag = 0;
    it->tags = rc ? 0 : it->change.tag_count;
    return rc;
}

/* The name of the tag that is up, when it is one that is asked for. */
static int take_name(crm_live_iter *it, int *wanted, crm_error *err)
{
    crm_txn *txn = NULL;
    const char *key;
    crm__slice name;
    int rc = crm__change_enter(it->changes, &txn, 1, err);

    if (rc)
        return rc;
    rc = crm__tag_key(txn, crm__mask_at(it->changes->entry.mask, it->tag), &it->changes->names,
                      &key);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read the dictionary", err);
    name = crm__live_name(crm__slice_of(key, strlen(key)));
    *wanted = 0;
    if (!name.n || name.n >= sizeof it->name)
        return CRM_OK;
    memcpy(it->name, name.p, name.n);
    it->name[name.n] = 0;
    *wanted = !*it->only || strcmp(it->only, it->name) == 0;
    return CRM_OK;
}

/* Makes the next piece of ids the present one: CRM_OK, CRM_DONE. */
static int fill(crm_live_iter *it, crm_error *err)
{
    for (;;) {
        int wanted = 0, rc = CRM_OK;
        if (it->way) {
            crm_id after = it->count ? it->ids[it->count - 1] : 0;
            rc = crm_change_tagged(it->changes, it->tag, it->way, after, it->ids, PIECE, &it->count,
                                   err);
            it->at = 0;
            if (rc || it->count)
                return rc;
            it->way = it->way == CRM_TAG_TAKEN ? CRM_TAG_GIVEN : 0;
            it->tag += !it->way;
            continue;
        }
        if (it->tag == it->tags)
            rc = next_entry(it, err);
        if (!rc && it->tags)
            rc = take_name(it, &wanted, err);
        if (rc)
            return rc;
        it->count = 0;
        if (it->tags && wanted)
            it->way = CRM_TAG_TAKEN;
        else
            it->tag += it->tags != 0;
    }
}

int crm_live_next(crm_live_iter *it, crm_live_change *out, crm_error *err)
{
    crm_live_change c = CRM_LIVE_CHANGE_INIT;
    crm_txn *txn = NULL;
    int rc;

    if (!it)
        return crm__fail_field(err, CRM_EINVAL, "it", "it is NULL");
    rc = crm__change_enter(it->changes, &txn, 0, err);
    if (!rc && it->at == it->count)
        rc = fill(it, err);
    if (rc)
        return rc;
    c.revision = it->change.revision;
    c.recorded_us = it->change.recorded_us;
    c.segment = it->name;
    c.entered = it->way == CRM_TAG_GIVEN;
    c.customer = it->ids[it->at];
    rc = crm__struct_give(out, &c, sizeof c, "out", err);
    it->at += !rc;
    return rc;
}
