/* SPDX-License-Identifier: MIT
 * The part of crm_check() that reads the tags of customers: what entries did to them is replayed in
 * order, and what comes of it is what is stored.
 */
#include "db/check.h"
#include "db/tag_end.h"
#include "db/tagged.h"

#include <string.h>

typedef struct replay {
    crm__check *c;
    int begun, broken; /* broken: a row is damaged, so that nobody knows what comes of it */
    uint32_t chunk, tag;
    uint64_t words[CRM__SET_WORDS];
    int64_t until[CRM__CHUNK_ROWS];
    int ends, ends_lost; /* some are, or were, not 0; nobody knows what some are */
    crm__buf block;
    uint64_t sets, stored; /* sets that are not empty; rows of the space tag */
    int unsure;
} replay;

static void fault(replay *r, const char *space, const char *what)
{
    crm__check_fault(r->c, space, 0, -1, "tag %lu in chunk %llu: %s", (unsigned long)r->tag,
                     (unsigned long long)r->chunk, what);
}

static int grave(int rc)
{
    return rc == CRM_ENOMEM || rc == CRM_EIO;
}

/* The ends of a tag in a chunk, against the stored blocks. */
static int end_ends(replay *r)
{
    int rc = CRM_OK, told = 0;

    for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS && !rc; b++) {
        uint8_t key[CRM__KEY_COLUMN];
        crm__slice have = {NULL, 0};
        r->block.n = 0;
        if (r->ends)
            crm__tag_ends_block(r->until, b, &r->block);
        if (r->block.failed)
            return CRM_ENOMEM;
        if (!r->block.n)
            continue; /* that none is stored is found by their number */
        r->c->end_blocks++;
        rc = crm__txn_read(r->c->txn, KV_COLUMN,
                           crm__key_column(key, r->chunk, CRM__COLUMN_UNTIL | r->tag, b), &have);
        if (grave(rc))
            return rc;
        if ((rc || crm__slice_compare(have, crm__slice_of(r->block.p, r->block.n)) != 0) &&
            !told++) {
            fault(r, "column", "its ends are not those it was given with");
            crm__check_mendable(r->c, KV_TAG);
        }
        rc = CRM_OK;
    }
    return rc;
}

/* What came of a tag in a chunk, against the stored set. */
static int end_tag(replay *r)
{
    uint64_t have[CRM__SET_WORDS] = {0};
    uint8_t key[CRM__KEY_TAG];
    int rc;

    if (!r->begun)
        return CRM_OK;
    r->begun = 0;
    r->unsure |= r->broken;
    r->c->end_unsure |= r->broken;
    if (r->broken)
        return CRM_OK;
    r->c->end_unsure |= r->ends_lost;
    rc = r->ends_lost ? CRM_OK : end_ends(r);
    if (rc)
        return rc;
    r->sets += crm__set_next(r->words, 0) >= 0;
    rc = crm__txn_set(r->c->txn, KV_TAG, crm__key_tag(key, r->chunk, r->tag), have);
    if (grave(rc))
        return rc;
    if (!rc && !memcmp(have, r->words, sizeof have))
        return CRM_OK;
    fault(r, "tag", rc ? "its set is damaged" : "its set is not what was given and taken");
    crm__check_mendable(r->c, KV_TAG);
    return CRM_OK;
}

static int begin_tag(replay *r, uint32_t chunk, uint32_t tag)
{
    crm__slice name;
    int rc = end_tag(r);

    if (rc)
        return rc;
    r->begun = 1;
    r->broken = 0;
    r->chunk = chunk;
    r->tag = tag;
    memset(r->words, 0, sizeof r->words);
    if (r->ends)
        memset(r->until, 0, sizeof r->until);
    r->ends = r->ends_lost = 0;
    rc = crm__dict_name(r->c->txn, CRM__DICT_TAG, tag, &name);
    if (rc && !grave(rc))
        fault(r, "tagged", "the dictionary has no name for it");
    return grave(rc) ? rc : CRM_OK;
}

static int row_how(replay *r, crm__slice k)
{
    crm__tag_how how;
    uint64_t seq = crm__get_be64(k.p + 8);
    uint32_t group = crm__get_be32(k.p + 16);
    int rc = group ? crm__tag_how_read(r->c->txn, seq, group, &how) : CRM_ECORRUPT;

    if (grave(rc))
        return rc;
    if (rc)
        crm__check_fault(r->c, "tagged", 0, -1, "how revision %llu gave tags is damaged",
                         (unsigned long long)seq);
    return CRM_OK;
}

/* One part: what it adds was not there, what it renews and removes was. */
static void replay_part(replay *r, uint32_t part, const uint64_t *words, uint64_t seq)
{
    uint64_t wrong = 0;

    for (int i = 0; i < CRM__SET_WORDS; i++) {
        int add = part % 2;
        wrong |= add ? words[i] & r->words[i] : words[i] & ~r->words[i];
        if (add)
            r->words[i] |= words[i];
        else if (part == CRM__TAGGED_REMOVED)
            r->words[i] &= ~words[i];
    }
    if (seq > r->c->last_seq)
        fault(r, "tagged", "it was changed by an entry that is not there");
    if (wrong)
        fault(r, "tagged", "it is given to a customer who has it, or taken from one who has not");
}

static int row_tagged(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    uint64_t words[CRM__SET_WORDS] = {0};
    crm__slice payload;
    crm__tag_how how = {0};
    replay *r = ctx;
    uint32_t part;
    int rc;

    if (k.n != CRM__KEY_TAGGED) {
        crm__check_fault(c, "tagged", 0, -1, "a row has a key of another form");
        return CRM_OK;
    }
    if (crm__get_be32(k.p) == CRM__TAGGED_HOW)
        return row_how(r, k);
    rc = !r->begun || r->chunk != crm__get_be32(k.p) || r->tag != crm__get_be32(k.p + 4)
             ? begin_tag(r, crm__get_be32(k.p), crm__get_be32(k.p + 4))
             : CRM_OK;
    if (rc)
        return rc;
    if (crm__untag(&c->store, KV_TAGGED, k, v, &payload) || crm__set_load(payload, words)) {
        r->broken = 1;
        fault(r, "tagged", "a change of it is damaged");
        return CRM_OK;
    }
    part = crm__get_be32(k.p + 16);
    replay_part(r, part, words, crm__get_be64(k.p + 8));
    rc = part == CRM__TAGGED_REMOVED
             ? CRM_OK
             : crm__tag_how_read(c->txn, crm__get_be64(k.p + 8), CRM__TAGGED_GROUP(part), &how);
    if (rc && !grave(rc)) {
        fault(r, "tagged", "it is not said how it was given");
        r->ends_lost = 1;
        rc = CRM_OK;
    }
    if (!rc && (r->ends || how.until)) {
        r->ends = 1;
        crm__tag_ends_replay(r->until, words, how.until);
    }
    return rc;
}

static int row_tag(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    uint64_t words[CRM__SET_WORDS] = {0};
    crm__slice payload;
    replay *r = ctx;
    uint64_t first;

    r->stored++;
    if (k.n != CRM__KEY_TAG) {
        crm__check_fault(c, "tag", 0, -1, "a row has a key of another form");
        return CRM_OK;
    }
    if (crm__untag(&c->store, KV_TAG, k, v, &payload) || crm__set_load(payload, words))
        return CRM_OK; /* told by the replay */
    first = (uint64_t)crm__get_be32(k.p) << CRM__CHUNK_SHIFT;
    if (crm__set_has(words, 0) && !first)
        crm__check_fault(c, "tag", 0, -1, "a tag is of customer 0");
    for (int32_t row = 0; c->counters.next_id <= first + CRM__CHUNK_ROWS - 1; row++) {
        row = crm__set_next(words, (uint32_t)row);
        if (row < 0)
            break;
        if (first + (uint64_t)row >= c->counters.next_id) {
            crm__check_fault(c, "tag", first + (uint64_t)row, -1,
                             "a tag is of customer %llu, who was never there",
                             (unsigned long long)(first + (uint64_t)row));
            break;
        }
        if (row == CRM__CHUNK_ROWS - 1)
            break;
    }
    return CRM_OK;
}

int crm__check_tags(crm__check *c)
{
    replay *r = crm__calloc(&c->mem, 1, sizeof *r);
    int rc;

    if (!r)
        return CRM_ENOMEM;
    r->c = c;
    crm__buf_init(&r->block, &c->mem);
    rc = crm__check_rows(c, KV_TAGGED, row_tagged, r);
    if (!rc)
        rc = end_tag(r);
    if (!rc)
        rc = crm__check_rows(c, KV_TAG, row_tag, r);
    if (!rc && !r->unsure && r->stored > r->sets) {
        crm__check_fault(c, "tag", 0, -1, "there are sets of tags that nothing was given of");
        crm__check_mendable(c, KV_TAG);
    }
    crm__buf_clear(&r->block);
    crm__release(&c->mem, r);
    return rc;
}
