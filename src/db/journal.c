/* SPDX-License-Identifier: MIT
 * Writing the journal: see journal.h for what, codec/journal.h for the formats.
 *
 * In a batch transaction the entry's seq is taken at the first change, so that records and events
 * can carry it, and the entry is written at commit (batch.c), when its lists are known.  The lists
 * only grow; how much of them counts is part of the transaction's state, so a rollback shortens
 * them.
 */
#include "db/journal.h"

#include "base/time.h"
#include "db/brought.h"
#include "db/live.h"
#include "db/tagged.h"

#include <crm/batch.h>
#include <string.h>

/* ---- state ---- */

int crm__recorded_next(const crm_db *db, int64_t last, int64_t *out, crm_error *err)
{
    int64_t clock = crm__db_clock(db);

    if (last >= CRM__TIME_MAX)
        return crm__fail(err, CRM_EFULL, "the recorded time is at the end of the calendar");
    if (clock > CRM__TIME_MAX)
        clock = CRM__TIME_MAX;
    *out = clock > last ? clock : last + 1;
    return CRM_OK;
}

int crm__state_read(crm_txn *txn, crm_error *err)
{
    crm__journal_entry e;
    crm__slice k, v, payload;
    kv_cursor *c;
    int rc;

    if (txn->state_read)
        return CRM_OK;
    c = crm__txn_cursor(txn, KV_JOURNAL, &rc);
    if (!rc)
        rc = c->ops->seek(c, KV_LAST, crm__slice_of(NULL, 0), &k, &v);
    if (rc == CRM_ENOTFOUND) {
        txn->state.counters.next_id = 1;
        txn->state.counters.images_from = 1;
        memcpy(txn->state.chain, txn->store->chain_key, CRM__DIGEST);
        rc = CRM_OK;
    } else if (!rc) {
        rc = crm__untag(txn->store, KV_JOURNAL, k, v, &payload);
        if (!rc)
            rc = k.n == CRM__KEY_U64 ? crm__journal_decode(payload, &e) : CRM_ECORRUPT;
        if (!rc) {
            txn->state.seq = crm__get_be64(k.p);
            txn->state.counters = e.counters;
            memcpy(txn->state.chain, e.chain.p, CRM__DIGEST);
            txn->recorded = e.recorded;
        }
    }
    if (rc)
        return crm__txn_fail(txn, rc, "can't read the journal's last entry", err);
    if (txn->write) {
        rc = crm__recorded_next(txn->db, txn->recorded, &txn->recorded, err);
        if (rc)
            return rc;
    }
    txn->state_read = 1;
    return CRM_OK;
}

uint64_t crm__journal_seq(const crm_txn *txn)
{
    return txn->batch.on && txn->state.batch_seq ? txn->state.batch_seq : txn->state.seq + 1;
}

/* ---- entries ---- */

static int give_names(crm_txn *txn, crm_error *err)
{
    static const int CLASS[CRM__BY_COUNT] = {CRM__DICT_NAMES, CRM__DICT_NAMES, CRM__DICT_NAMES,
                                             CRM__DICT_SOURCE};

    for (int i = 0; i < CRM__BY_COUNT; i++) {
        int rc;
        if (!txn->name[i] || txn->state.by[i])
            continue;
        rc = crm__dict_give(txn, CLASS[i], txn->name[i], strlen(txn->name[i]), &txn->state.by[i],
                            err);
        if (rc)
            return rc;
    }
    return CRM_OK;
}

int crm__journal_put(crm_txn *txn, uint64_t seq, crm__journal_entry *e, crm_error *err)
{
    crm__buf *out = &txn->scratch[0];
    uint8_t key[CRM__KEY_U64], chain[CRM__DIGEST], room[CRM__DIGEST];
    crm__slice brought;
    const char *what;
    int rc = crm__brought_fill(txn, e, &txn->scratch[1], err);

    if (rc)
        return rc;
    rc = crm__brought_take(txn, seq, e, NULL, room, &brought, &what);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read the dictionary", err);
    e->recorded = txn->recorded;
    e->actor = txn->state.by[CRM__BY_ACTOR];
    e->purpose = txn->state.by[CRM__BY_PURPOSE];
    e->channel = txn->state.by[CRM__BY_CHANNEL];
    e->source = txn->state.by[CRM__BY_SOURCE];
    e->counters = txn->state.counters;
    out->n = 0;
    crm__journal_encode(e, out);
    if (out->failed)
        return crm__fail_nomem(err);
    crm__chain_next(txn->state.chain, seq, crm__slice_of(out->p, out->n), brought, chain);
    crm__buf_add(out, chain, sizeof chain);
    if (out->failed || crm__edits_put(&txn->edits, KV_JOURNAL, crm__key_u64(key, seq),
                                      crm__slice_of(out->p, out->n), KV_APPEND))
        return crm__fail_nomem(err);
    memcpy(txn->state.chain, chain, sizeof chain);
    txn->state.changed = 1;
    return CRM_OK;
}

/* ---- images ---- */

/* Of a record: its header and the entries of some fields. */
static int part_of(crm_txn *txn, const crm__record *r, const uint32_t *fields, uint32_t count,
                   crm__record *out)
{
    uint32_t k = 0;
    int rc = CRM_OK;

    for (uint32_t i = 0; i < r->entry_count && !rc; i++) {
        while (k < count && fields[k] < r->entries[i].field)
            k++;
        if (k < count && fields[k] == r->entries[i].field)
            rc = crm__record_take(txn->mem, &txn->work, out, r, &r->entries[i]);
    }
    return rc;
}

static void head_of(const crm__record *r, crm__record *out)
{
    out->flags = r->flags;
    out->kind = r->kind;
    out->seq = r->seq;
    out->survivor = r->survivor;
    out->created = r->created;
    out->updated = r->updated;
}

/* The secret that hides the image from who knows its commitment only.  Made from a key that no file
 * holds, so that it is gone with the image; by SipHash, which is made for that and takes a tenth of
 * the time of a digest. */
static void salt_of(const crm_txn *txn, uint64_t seq, crm_id id, uint8_t salt[CRM__TOKEN_SIZE])
{
    uint8_t place[16];

    crm__put_le64(place, seq);
    crm__put_le64(place + 8, id);
    crm__token(txn->store->salt_key, crm__slice_of(place, sizeof place), salt);
}

static int put_image(crm_txn *txn, uint64_t seq, crm_id id, const uint32_t *mask, uint32_t count,
                     const crm__record *part, uint8_t commitment[CRM__DIGEST], crm_error *err)
{
    crm__buf *out = &txn->scratch[0];
    uint8_t key[CRM__KEY_IMAGE], salt[CRM__TOKEN_SIZE];

    _Static_assert((int)CRM__SALT <= (int)CRM__TOKEN_SIZE, "a token is long enough for a salt");
    salt_of(txn, seq, id, salt);
    out->n = 0;
    crm__buf_add_u8(out, CRM__IMAGE_KEPT);
    crm__buf_add(out, salt, CRM__SALT);
    if (mask)
        crm__mask_encode(mask, count, out);
    crm__record_encode(part, out);
    if (out->failed || crm__edits_put(&txn->edits, KV_IMAGE, crm__key_image(key, seq, id),
                                      crm__slice_of(out->p, out->n), mask ? 0 : KV_APPEND))
        return crm__fail_nomem(err);
    return crm__image_commitment(seq, id, crm__slice_of(out->p, out->n), commitment);
}

int crm__image_split(crm__slice row, int with_mask, crm__slice *mask, crm__slice *record)
{
    crm__reader in = crm__reader_of(row.p, row.n);
    uint64_t count;
    uint32_t field = 0;
    uint8_t form = crm__read_u8(&in);

    *mask = (crm__slice){NULL, 0};
    if (form == CRM__IMAGE_ERASED)
        return CRM_ENOTFOUND;
    crm__read_bytes(&in, CRM__SALT);
    if (form != CRM__IMAGE_KEPT || in.failed)
        return CRM_ECORRUPT;
    if (with_mask) {
        count = crm__read_varint(&in);
        mask->p = in.p;
        if (count > crm__reader_left(&in))
            return CRM_ECORRUPT;
        while (count-- && crm__mask_next(&in, &field))
            ;
        mask->n = (size_t)(in.p - mask->p);
    }
    *record = (crm__slice){in.p, crm__reader_left(&in)};
    return in.failed ? CRM_ECORRUPT : CRM_OK;
}

/* ---- batches ---- */

/* Behind what counts of a list; lists are in order of the changes. */
static int add_to(crm_txn *txn, int list, crm_id id)
{
    crm__buf *b = &txn->batch.lists[list];
    uint64_t *n = &txn->state.listed[list];

    b->n = *n * sizeof id;
    b->failed = 0; /* of a call that ran out of memory */
    crm__buf_add(b, &id, sizeof id);
    if (b->failed)
        return CRM_ENOMEM;
    ++*n;
    return CRM_OK;
}

/* Takes the seq of the batch entry at the first change. */
static int open_entry(crm_txn *txn, crm_error *err)
{
    crm__journal_entry first;
    crm__batch known;
    int rc;

    if (txn->state.batch_seq)
        return CRM_OK;
    if (txn->batch.want != CRM_BATCH_NEW) {
        rc = crm__batch_read(txn, txn->batch.want, &known);
        if (rc == CRM_ENOTFOUND)
            return crm__fail_field(err, CRM_ENOTFOUND, "batch", "there is no batch %llu",
                                   (unsigned long long)txn->batch.want);
        if (rc)
            return crm__txn_fail(txn, rc, "can't read the batch", err);
        rc = crm__journal_read(txn, txn->batch.want, &first);
        if (!rc && crm__action_hands_out(first.action))
            return crm__fail_field(err, CRM_ENOTFOUND, "batch", "there is no batch %llu",
                                   (unsigned long long)txn->batch.want);
        if (!rc && first.action == CRM__ACTION_UNDO)
            return crm__fail_field(err, CRM_ESTATE, "batch", "batch %llu is an undo",
                                   (unsigned long long)txn->batch.want);
        if (known.undone)
            return crm__fail_field(err, CRM_ESTATE, "batch", "batch %llu was undone",
                                   (unsigned long long)txn->batch.want);
    }
    rc = give_names(txn, err);
    if (rc)
        return rc;
    txn->state.batch_seq = ++txn->state.seq;
    txn->state.batch = txn->batch.want == CRM_BATCH_NEW ? txn->state.seq : txn->batch.want;
    txn->state.changed = 1;
    return CRM_OK;
}

/* A second change of a customer in the batch: its image grows by the fields not yet in it. */
static int widen_image(crm_txn *txn, uint64_t seq, crm_id id, crm__slice row,
                       const crm__record *before, const uint32_t *fields, uint32_t count,
                       crm_error *err)
{
    uint8_t key[CRM__KEY_IMAGE], unused[CRM__DIGEST];
    crm__record old, *both = &txn->batch.part;
    uint32_t *mask, n = 0, k = 0, field = 0;
    crm__slice bytes, stored;
    crm__reader in;
    int rc = crm__image_split(row, 1, &stored, &bytes), more;

    memset(&old, 0, sizeof old);
    if (!rc)
        rc = crm__record_decode(txn->mem, bytes, &old);
    mask = crm__arena_alloc(&txn->work, (stored.n + count + 1) * sizeof *mask);
    if (!rc && !mask)
        rc = CRM_ENOMEM;
    if (!rc) {
        head_of(&old, both);
        in = crm__reader_of(stored.p, stored.n);
        more = crm__mask_next(&in, &field);
    }
    /* Both lists of fields in one order; what is in the image stays as it is. */
    while (!rc && (more || k < count)) {
        const crm__record *from = more && (k == count || field <= fields[k]) ? &old : before;
        uint32_t f = from == &old ? field : fields[k];
        const crm__entry *e = crm__record_find(from, f);
        mask[n++] = f;
        if (e)
            rc = crm__record_take(txn->mem, &txn->work, both, from, e);
        if (k < count && fields[k] == f)
            k++;
        if (more && field == f)
            more = crm__mask_next(&in, &field);
    }
    if (!rc) {
        crm__edits_del(&txn->edits, KV_IMAGE, crm__key_image(key, seq, id));
        rc = put_image(txn, seq, id, mask, n, both, unused, err);
    } else {
        rc = crm__txn_fail(txn, rc, "can't read an image", err);
    }
    crm__record_clear(txn->mem, &old);
    return rc;
}

static int image_in_batch(crm_txn *txn, uint64_t seq, crm_id id, const crm__record *before,
                          const uint32_t *fields, uint32_t count, crm_error *err)
{
    uint8_t key[CRM__KEY_IMAGE], unused[CRM__DIGEST];
    crm__record *part = &txn->batch.part;
    crm__slice row;
    uint8_t *copy;
    int rc;

    part->entry_count = part->origin_count = 0;
    if (before->seq == seq) {
        rc = crm__txn_read(txn, KV_IMAGE, crm__key_image(key, seq, id), &row);
        if (rc == CRM_ENOTFOUND)
            return CRM_OK; /* created by the batch itself */
        if (rc)
            return crm__txn_fail(txn, rc, "can't read an image", err);
        copy = crm__arena_copy(&txn->work, row.p, row.n);
        if (!copy)
            return crm__fail_nomem(err);
        return widen_image(txn, seq, id, crm__slice_of(copy, row.n), before, fields, count, err);
    }
    head_of(before, part);
    rc = part_of(txn, before, fields, count, part);
    if (rc || add_to(txn, CRM__BATCH_CHANGED, id))
        return rc ? crm__txn_fail(txn, rc, "can't keep what was there", err) : crm__fail_nomem(err);
    return put_image(txn, seq, id, fields ? fields : &count, count, part, unused, err);
}

static int change_in_batch(crm_txn *txn, uint8_t action, crm_id id, const crm__record *before,
                           const uint32_t *fields, uint32_t count, crm_error *err)
{
    int rc = open_entry(txn, err);

    if (rc)
        return rc;
    if (action == CRM__ACTION_CREATE)
        return add_to(txn, CRM__BATCH_CREATED, id) ? crm__fail_nomem(err) : CRM_OK;
    return image_in_batch(txn, txn->state.batch_seq, id, before, fields, count, err);
}

int crm__journal_change(crm_txn *txn, uint8_t action, crm_id id, const crm__record *before,
                        const uint32_t *fields, uint32_t count, crm_error *err)
{
    crm__record *part = &txn->batch.part;
    uint8_t commitment[CRM__DIGEST];
    uint64_t seq = txn->state.seq + 1;
    crm__journal_entry e;
    int rc;

    if (action == CRM__ACTION_UPDATE)
        crm__touch_fields(txn, id, fields, count);
    else
        crm__touch_row(txn, id, CRM__TOUCH_ROOT);
    if (txn->batch.on)
        return change_in_batch(txn, action, id, before, fields, count, err);
    memset(&e, 0, sizeof e);
    rc = give_names(txn, err);
    if (!rc && before) {
        part->entry_count = part->origin_count = 0;
        head_of(before, part);
        rc = part_of(txn, before, fields, count, part);
        rc = rc ? crm__txn_fail(txn, rc, "can't keep what was there", err)
                : put_image(txn, seq, id, NULL, 0, part, commitment, err);
        e.commitment = crm__slice_of(commitment, sizeof commitment);
        e.previous = before->seq;
    }
    if (rc)
        return rc;
    e.action = action;
    e.target = id;
    e.fields = fields;
    e.field_count = count;
    rc = crm__journal_put(txn, seq, &e, err);
    if (!rc)
        txn->state.seq = seq;
    return rc;
}

int crm__journal_add(crm_txn *txn, uint8_t action, uint64_t target, uint64_t previous,
                     crm_error *err)
{
    crm__journal_entry e;
    int rc;

    if (action == CRM__ACTION_EVENT || action == CRM__ACTION_VOID)
        crm__touch_row(txn, target, CRM__TOUCH_EVENTS);
    else if (action == CRM__ACTION_MODEL)
        crm__touch_all(txn);
    if (txn->batch.on) {
        if (action != CRM__ACTION_EVENT && action != CRM__ACTION_VOID)
            return crm__fail(err, CRM_ESTATE, "not possible inside a batch");
        rc = open_entry(txn, err);
        if (!rc && add_to(txn, CRM__BATCH_EVENTS, target))
            rc = crm__fail_nomem(err);
        return rc;
    }
    memset(&e, 0, sizeof e);
    rc = give_names(txn, err);
    if (rc)
        return rc;
    e.action = action;
    e.target = target;
    e.previous = previous;
    rc = crm__journal_put(txn, txn->state.seq + 1, &e, err);
    if (!rc)
        txn->state.seq++;
    return rc;
}

int crm__journal_tag(crm_txn *txn, crm_id id, const uint32_t *tags, uint32_t count, crm_error *err)
{
    uint64_t chunk = (id >> CRM__CHUNK_SHIFT) + 1, seq = txn->state.seq + 1;
    uint8_t sum[CRM__DIGEST];
    crm__journal_entry e;
    crm__buf chunks;
    int rc = give_names(txn, err);

    if (rc)
        return rc;
    memset(&e, 0, sizeof e);
    crm__buf_init(&chunks, txn->mem);
    crm__runs_encode(&chunk, 1, &chunks);
    rc = chunks.failed
             ? CRM_ENOMEM
             : crm__tagged_sum(txn, seq, crm__slice_of(chunks.p, chunks.n), tags, count, sum, NULL);
    crm__buf_clear(&chunks);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read what is tagged", err);
    e.action = CRM__ACTION_TAG;
    e.target = id;
    e.fields = tags;
    e.field_count = count;
    e.tagged = crm__slice_of(sum, sizeof sum);
    rc = crm__journal_put(txn, seq, &e, err);
    if (!rc)
        txn->state.seq++;
    return rc;
}

int crm__journal_tagged(crm_txn *txn, uint64_t chunk, uint32_t tag, crm_error *err)
{
    int rc = open_entry(txn, err);

    if (!rc && add_to(txn, CRM__BATCH_TAGGED, chunk << 32 | tag))
        rc = crm__fail_nomem(err);
    return rc;
}

int crm__journal_hand_out(crm_txn *txn, uint8_t action, const char *text, crm_error *err)
{
    crm__batch b = {txn->state.seq + 1, 0, crm__slice_of(text, strlen(text))};
    crm__journal_entry e;
    int rc = give_names(txn, err);

    if (!rc)
        rc = crm__batch_put(txn, b.last, &b, err); /* which the entry brings */
    if (rc)
        return rc;
    memset(&e, 0, sizeof e);
    e.action = action;
    e.batch = b.last;
    rc = crm__journal_put(txn, b.last, &e, err);
    if (!rc)
        txn->state.seq++;
    return rc;
}

/* ---- reading ---- */

int crm__journal_read(crm_txn *txn, uint64_t seq, crm__journal_entry *e)
{
    uint8_t key[CRM__KEY_U64];
    crm__slice bytes;
    int rc = crm__txn_read(txn, KV_JOURNAL, crm__key_u64(key, seq), &bytes);

    return rc ? rc : crm__journal_decode(bytes, e);
}

int crm__runs_has(crm__slice list, uint64_t id)
{
    uint64_t first, count;
    crm__runs r;

    if (crm__runs_open(list, &r))
        return 0;
    while (crm__runs_next(&r, &first, &count)) {
        if (id < first)
            return 0;
        if (id - first < count)
            return 1;
    }
    return 0;
}
