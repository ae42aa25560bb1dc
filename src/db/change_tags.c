/* SPDX-License-Identifier: MIT
 * The tags of a change: to whom they were given, and from whom taken.
 */
#include "codec/json.h"
#include "db/changes.h"
#include "db/tagged.h"

#include <string.h>

enum { PIECE = 512, WAYS = 3 };

/* ---- customers ---- */

/* Those of a chunk. */
static int in_chunk(crm_change_iter *it, crm_txn *txn, uint64_t chunk, uint32_t only, unsigned ways,
                    crm_id after, crm_id *ids, size_t cap, size_t *count)
{
    crm__reader in = crm__reader_of(it->entry.mask.p, it->entry.mask.n);
    uint64_t words[CRM__SET_WORDS] = {0}, first = chunk << CRM__CHUNK_SHIFT;
    uint32_t tag = 0;
    int32_t row = after >= first ? (int32_t)(after - first + 1) : 0;
    int rc = CRM_OK;

    if (only)
        rc = crm__tagged_rows(txn, it->seq, chunk, only, ways, words);
    while (!only && !rc && crm__mask_next(&in, &tag))
        rc = crm__tagged_rows(txn, it->seq, chunk, tag, ways, words);
    for (; !rc && row < CRM__CHUNK_ROWS && *count < cap; row++) {
        row = crm__set_next(words, (uint32_t)row);
        if (row < 0)
            break;
        ids[(*count)++] = first + (uint64_t)row;
    }
    return rc;
}

int crm__change_tagged(crm_change_iter *it, crm_txn *txn, uint32_t tag, unsigned ways, crm_id after,
                       crm_id *ids, size_t cap, size_t *count)
{
    const crm__journal_entry *e = &it->entry;
    uint64_t first, n;
    crm__runs r;
    int rc;

    if (!crm__action_lists(e->action))
        return cap && e->action == CRM__ACTION_TAG && e->target > after
                   ? in_chunk(it, txn, e->target >> CRM__CHUNK_SHIFT, tag, ways, after, ids, cap,
                              count)
                   : CRM_OK;
    rc = crm__runs_open(e->lists[CRM__BATCH_TAGGED], &r);
    while (!rc && *count < cap && crm__runs_next(&r, &first, &n)) {
        uint64_t c = first - 1, end = first - 1 + n;
        if (end - 1 > txn->state.counters.next_id >> CRM__CHUNK_SHIFT)
            return CRM_ECORRUPT;
        if (c < after >> CRM__CHUNK_SHIFT)
            c = after >> CRM__CHUNK_SHIFT;
        for (; c < end && !rc && *count < cap; c++)
            rc = in_chunk(it, txn, c, tag, ways, after, ids, cap, count);
    }
    return rc;
}

static int count_way(crm_change_iter *it, crm_txn *txn, uint32_t tag, unsigned way, uint64_t *count)
{
    crm_id ids[PIECE], after = 0;
    size_t n;
    int rc;

    do {
        n = 0;
        rc = crm__change_tagged(it, txn, tag, 1u << way, after, ids, PIECE, &n);
        *count += n;
        after = n ? ids[n - 1] : 0;
    } while (!rc && n == PIECE);
    return rc;
}

/* ---- the public functions ---- */

/* The number of tag i of the present change. */
static int tag_at(crm_change_iter *it, uint32_t i, uint32_t *tag, crm_error *err)
{
    *tag = i < it->change.tag_count ? crm__mask_at(it->entry.mask, i) : 0;
    return *tag ? CRM_OK
                : crm__fail(err, CRM_ENOTFOUND, "the change has %lu tags",
                            (unsigned long)it->change.tag_count);
}

int crm_change_tag(crm_change_iter *it, uint32_t i, crm_tag_change *out, crm_error *err)
{
    crm_tag_change c = CRM_TAG_CHANGE_INIT;
    crm_txn *txn = NULL;
    uint32_t tag;
    int rc = crm__change_enter(it, &txn, 1, err);

    if (!rc)
        rc = tag_at(it, i, &tag, err);
    if (rc)
        return rc;
    rc = crm__tag_key(txn, tag, &it->names, &c.tag);
    if (!rc)
        rc = count_way(it, txn, tag, CRM_TAG_GIVEN, &c.given);
    if (!rc)
        rc = count_way(it, txn, tag, CRM_TAG_TAKEN, &c.taken);
    if (!rc)
        rc = count_way(it, txn, tag, CRM_TAG_RENEWED, &c.renewed);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read what is tagged", err);
    return crm__struct_give(out, &c, sizeof c, "out", err);
}

int crm_change_tagged(crm_change_iter *it, uint32_t i, int way, crm_id after, crm_id *ids,
                      size_t cap, size_t *count, crm_error *err)
{
    crm_txn *txn = NULL;
    uint32_t tag;
    int rc = crm__change_enter(it, &txn, 1, err);

    if (!rc && (way < CRM_TAG_GIVEN || way > CRM_TAG_RENEWED))
        rc = crm__fail_field(err, CRM_EINVAL, "way",
                             "way is none of CRM_TAG_GIVEN, _TAKEN, _RENEWED");
    if (!rc && (!count || (!ids && cap)))
        rc = crm__fail_field(err, CRM_EINVAL, "ids", "ids or count is NULL");
    if (!rc)
        rc = tag_at(it, i, &tag, err);
    if (rc)
        return rc;
    *count = 0;
    rc = crm__change_tagged(it, txn, tag, 1u << way, after, ids, cap, count);
    return rc ? crm__txn_fail(txn, rc, "can't read what is tagged", err) : CRM_OK;
}

/* ---- JSON ---- */

/* Ids as ranges, piece by piece. */
static int way_member(crm_change_iter *it, crm_txn *txn, uint32_t tag, unsigned way, crm__buf *out)
{
    static const char *const WORD[] = {"", "given", "taken", "renewed"};
    crm_id ids[PIECE], first = 0, last = 0;
    size_t n;
    int rc, some = 0;

    do {
        n = 0;
        rc = crm__change_tagged(it, txn, tag, 1u << way, last, ids, PIECE, &n);
        for (size_t i = 0; i < n; i++) {
            if (last && ids[i] == last + 1) {
                last++;
                continue;
            }
            if (!some++)
                crm__buf_add_fmt(out, ",\"%s\":[", WORD[way]);
            else
                crm__buf_add_fmt(out, "[%llu,%llu],", (unsigned long long)first,
                                 (unsigned long long)last);
            first = last = ids[i];
        }
    } while (!rc && n == PIECE);
    if (some)
        crm__buf_add_fmt(out, "[%llu,%llu]]", (unsigned long long)first, (unsigned long long)last);
    return rc;
}

int crm__change_tags_member(crm_change_iter *it, crm_txn *txn, crm__buf *out)
{
    crm__reader in = crm__reader_of(it->entry.mask.p, it->entry.mask.n);
    uint32_t tag = 0;
    int rc = CRM_OK, n = 0;

    if (!it->change.tag_count)
        return CRM_OK;
    crm__buf_add_str(out, ",\"tags\":[");
    while (!rc && crm__mask_next(&in, &tag)) {
        const char *name;
        rc = crm__tag_key(txn, tag, &it->names, &name);
        if (rc)
            break;
        crm__buf_add_str(out, n++ ? ",{\"tag\":" : "{\"tag\":");
        crm__json_string(out, name, strlen(name));
        for (unsigned way = CRM_TAG_GIVEN; way <= WAYS && !rc; way++)
            rc = way_member(it, txn, tag, way, out);
        crm__buf_add_u8(out, '}');
    }
    crm__buf_add_u8(out, ']');
    return rc;
}
