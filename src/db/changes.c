/* SPDX-License-Identifier: MIT
 * The change feed: journal entries in order, from a revision on.
 */
#include "db/changes.h"

#include "base/time.h"
#include "codec/json.h"

#include <string.h>

/* ---- entries ---- */

static int copy_name(crm_txn *txn, int cls, uint32_t number, crm__arena *arena, const char **out)
{
    crm__slice name;
    char *copy;
    int rc;

    *out = NULL;
    if (!number)
        return CRM_OK;
    rc = crm__dict_name(txn, cls, number, &name);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    copy = crm__arena_alloc(arena, name.n + 1);
    if (!copy)
        return CRM_ENOMEM;
    memcpy(copy, name.p, name.n);
    copy[name.n] = 0;
    *out = copy;
    return CRM_OK;
}

static uint64_t listed(crm__slice list)
{
    uint64_t first, count, sum = 0;
    crm__runs r;

    if (crm__runs_open(list, &r))
        return 0;
    while (crm__runs_next(&r, &first, &count))
        sum += count;
    return sum;
}

/* The reason stands where a batch has its name, the segment behind it. */
static int copy_reason(crm_txn *txn, uint64_t seq, crm__arena *arena, crm_change *c)
{
    crm__batch b;
    char *copy, *end;
    int rc = crm__batch_read(txn, seq, &b);

    if (!rc) {
        copy = crm__arena_alloc(arena, b.name.n + 1);
        if (!copy)
            rc = CRM_ENOMEM;
    }
    if (!rc) {
        memcpy(copy, b.name.p, b.name.n);
        copy[b.name.n] = 0;
        c->reason = copy;
        end = memchr(copy, '\n', b.name.n);
        if (end) {
            *end = 0;
            c->segment = end + 1;
        }
    }
    crm__arena_reset(&txn->work);
    return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
}

int crm__change_of(crm_txn *txn, uint64_t seq, const crm__journal_entry *e, crm__arena *arena,
                   crm_change *c)
{
    int rc;

    memset(c, 0, sizeof *c);
    c->size = sizeof *c;
    c->revision = seq;
    c->recorded_us = e->recorded;
    c->action = e->action;
    if (crm__action_tags(e->action))
        c->tag_count = e->field_count;
    else
        c->field_count = e->field_count;
    c->target = e->target;
    c->batch = crm__action_hands_out(e->action) ? 0 : e->batch;
    if (crm__action_lists(e->action)) {
        c->created = listed(e->lists[CRM__BATCH_CREATED]);
        c->changed = listed(e->lists[CRM__BATCH_CHANGED]);
        c->with_events = listed(e->lists[CRM__BATCH_EVENTS]);
    }
    rc = copy_name(txn, CRM__DICT_NAMES, e->actor, arena, &c->actor);
    if (!rc)
        rc = copy_name(txn, CRM__DICT_NAMES, e->purpose, arena, &c->purpose);
    if (!rc)
        rc = copy_name(txn, CRM__DICT_NAMES, e->channel, arena, &c->channel);
    if (!rc)
        rc = copy_name(txn, CRM__DICT_SOURCE, e->source, arena, &c->source);
    if (!rc && crm__action_hands_out(e->action))
        rc = copy_reason(txn, seq, arena, c);
    return rc;
}

uint32_t crm__mask_at(crm__slice mask, uint32_t number)
{
    crm__reader in = crm__reader_of(mask.p, mask.n);
    uint32_t field = 0;

    for (uint32_t i = 0; i <= number; i++) {
        if (!crm__mask_next(&in, &field))
            return 0;
    }
    return field;
}

int crm__field_key(crm_txn *txn, uint32_t number, crm__arena *arena, const char **key)
{
    return copy_name(txn, CRM__DICT_FIELD, number, arena, key);
}

int crm__tag_key(crm_txn *txn, uint32_t number, crm__arena *arena, const char **name)
{
    return copy_name(txn, CRM__DICT_TAG, number, arena, name);
}

/* ---- JSON ---- */

static const char *const ACTION[CRM__ACTIONS] = {
    [CRM__ACTION_CREATE] = "create", [CRM__ACTION_UPDATE] = "update",
    [CRM__ACTION_DELETE] = "delete", [CRM__ACTION_UNDELETE] = "undelete",
    [CRM__ACTION_MODEL] = "model",   [CRM__ACTION_EVENT] = "event",
    [CRM__ACTION_VOID] = "void",     [CRM__ACTION_BATCH] = "batch",
    [CRM__ACTION_UNDO] = "undo",     [CRM__ACTION_TRIM] = "trim",
    [CRM__ACTION_REPAIR] = "repair", [CRM__ACTION_EXPORT] = "export",
    [CRM__ACTION_BACKUP] = "backup", [CRM__ACTION_DUMP] = "dump",
    [CRM__ACTION_TAG] = "tag",       [CRM__ACTION_SEGMENT] = "segment",
    [CRM__ACTION_WATCH] = "watch",   [CRM__ACTION_UNWATCH] = "unwatch",
    [CRM__ACTION_LIVE] = "live",
};

const char *crm_action_name(uint32_t action)
{
    return action < CRM__ACTIONS && ACTION[action] ? ACTION[action] : "";
}

static void text_member(crm__buf *out, const char *key, const char *text)
{
    if (!text)
        return;
    crm__buf_add_fmt(out, ",\"%s\":", key);
    crm__json_string(out, text, strlen(text));
}

static void number_member(crm__buf *out, const char *key, uint64_t number)
{
    if (number)
        crm__buf_add_fmt(out, ",\"%s\":%llu", key, (unsigned long long)number);
}

/* Names of the spaces of a repair, and "file" when it was copied. */
static void spaces_member(crm__buf *out, uint64_t spaces)
{
    int n = 0;

    crm__buf_add_str(out, ",\"spaces\":[");
    for (int i = 0; i <= KV_SPACES; i++) {
        if (spaces >> i & 1)
            crm__buf_add_fmt(out, "%s\"%s\"", n++ ? "," : "",
                             i < KV_SPACES ? crm__kv_space_name((kv_space)i) : "file");
    }
    crm__buf_add_u8(out, ']');
}

void crm__change_members(const crm_change *c, const char *target, crm__buf *out)
{
    char text[40];
    size_t n = crm__datetime_format(c->recorded_us, text);

    crm__buf_add_fmt(out, "\"revision\":%llu,\"recorded_at\":", (unsigned long long)c->revision);
    crm__json_string(out, text, n);
    text_member(out, "action", crm_action_name(c->action));
    text_member(out, "reason", c->reason);
    text_member(out, "segment", c->segment);
    if (c->action == CRM_ACTION_REPAIR)
        spaces_member(out, c->target);
    else
        number_member(out, target, c->target);
    number_member(out, "batch", c->batch);
    text_member(out, "actor", c->actor);
    text_member(out, "purpose", c->purpose);
    text_member(out, "channel", c->channel);
    text_member(out, "source", c->source);
}

static void ranges_member(crm__buf *out, const char *key, crm__slice list)
{
    uint64_t first, count;
    crm__runs r;
    int n = 0;

    crm__buf_add_fmt(out, ",\"%s\":[", key);
    if (!crm__runs_open(list, &r)) {
        while (crm__runs_next(&r, &first, &count))
            crm__buf_add_fmt(out, "%s[%llu,%llu]", n++ ? "," : "", (unsigned long long)first,
                             (unsigned long long)(first + count - 1));
    }
    crm__buf_add_u8(out, ']');
}

static const char *target_of(uint32_t action)
{
    return action == CRM_ACTION_MODEL  ? "version"
           : action == CRM_ACTION_UNDO ? "undone"
           : action == CRM_ACTION_TRIM ? "images_from"
                                       : "customer";
}

static int fields_member(crm_change_iter *it, crm_txn *txn, crm__buf *out)
{
    crm__reader in = crm__reader_of(it->entry.mask.p, it->entry.mask.n);
    uint32_t field = 0;
    int n = 0;

    if (!it->change.field_count)
        return CRM_OK;
    crm__buf_add_str(out, ",\"fields\":[");
    while (crm__mask_next(&in, &field)) {
        const char *key;
        int rc = crm__field_key(txn, field, &it->names, &key);
        if (rc)
            return rc;
        crm__buf_add_str(out, n++ ? "," : "");
        crm__json_string(out, key, strlen(key));
    }
    crm__buf_add_u8(out, ']');
    return CRM_OK;
}

static int write_change(crm_change_iter *it, crm_txn *txn, crm__buf *out)
{
    static const char *const LIST[] = {"created", "changed", "with_events"};
    int rc;

    crm__buf_add_u8(out, '{');
    crm__change_members(&it->change, target_of(it->change.action), out);
    rc = fields_member(it, txn, out);
    for (int i = 0; i < CRM__BATCH_TAGGED && crm__action_lists(it->entry.action); i++)
        ranges_member(out, LIST[i], it->entry.lists[i]);
    if (!rc)
        rc = crm__change_tags_member(it, txn, out);
    crm__buf_add_u8(out, '}');
    return rc ? rc : out->failed ? CRM_ENOMEM : CRM_OK;
}

/* ---- the iterator ---- */

int crm__change_enter(crm_change_iter *it, crm_txn **txn, int present, crm_error *err)
{
    int rc;

    if (!it)
        return crm__fail_field(err, CRM_EINVAL, "it", "it is NULL");
    rc = crm__child_enter(&it->child, it->db, txn, err);
    if (!rc && present && !it->present)
        rc = crm__fail(err, CRM_ESTATE, "there is no present change");
    return rc;
}

int crm_change_list(crm_txn *txn, uint64_t after, crm_change_iter **out, crm_error *err)
{
    crm_change_iter *it;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__txn_enter(txn, 0, err);
    if (!rc && txn->write)
        rc = crm__fail(err, CRM_ESTATE, "changes are read in a read transaction");
    if (!rc)
        rc = crm__state_read(txn, err);
    if (rc)
        return rc;
    it = crm__calloc(txn->mem, 1, sizeof *it);
    if (!it)
        return crm__fail_nomem(err);
    it->mem = *txn->mem;
    it->db = txn->db;
    it->seq = after;
    crm__buf_init(&it->bytes, &it->mem);
    crm__arena_init(&it->names, &it->mem);
    crm__db_hold(txn->db);
    crm__child_add(txn, &it->child);
    *out = it;
    return CRM_OK;
}

void crm_change_close(crm_change_iter *it)
{
    crm_allocator mem;
    crm_db *db;

    if (!it)
        return;
    mem = it->mem;
    db = it->db;
    crm__child_remove(&it->child);
    crm__buf_clear(&it->bytes);
    crm__arena_clear(&it->names);
    crm__release(&mem, it);
    crm__db_drop(db);
}

int crm_change_next(crm_change_iter *it, crm_change *out, crm_error *err)
{
    uint8_t key[CRM__KEY_U64];
    crm__slice bytes;
    crm_txn *txn = NULL;
    int rc = crm__change_enter(it, &txn, 0, err);

    if (rc)
        return rc;
    it->present = 0;
    if (it->seq >= txn->state.seq)
        return CRM_DONE;
    rc = crm__txn_read(txn, KV_JOURNAL, crm__key_u64(key, it->seq + 1), &bytes);
    if (!rc) {
        it->bytes.n = 0;
        crm__buf_add(&it->bytes, bytes.p, bytes.n);
        rc = it->bytes.failed
                 ? CRM_ENOMEM
                 : crm__journal_decode(crm__slice_of(it->bytes.p, bytes.n), &it->entry);
        it->bytes.failed = 0;
    }
    crm__arena_reset(&it->names);
    if (!rc)
        rc = crm__change_of(txn, it->seq + 1, &it->entry, &it->names, &it->change);
    if (rc) {
        rc = crm__txn_fail(txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc, "can't read the journal",
                           err);
        if (err)
            err->row = (int64_t)(it->seq + 1);
        return rc;
    }
    rc = crm__struct_give(out, &it->change, sizeof it->change, "out", err);
    if (!rc) {
        it->seq++;
        it->present = 1;
    }
    return rc;
}

int crm_change_field(crm_change_iter *it, uint32_t i, const char **key, crm_error *err)
{
    crm_txn *txn = NULL;
    uint32_t field;
    int rc = crm__change_enter(it, &txn, 1, err);

    if (rc)
        return rc;
    if (!key)
        return crm__fail_field(err, CRM_EINVAL, "key", "key is NULL");
    field = i < it->change.field_count ? crm__mask_at(it->entry.mask, i) : 0;
    if (!field)
        return crm__fail(err, CRM_ENOTFOUND, "the change has %lu fields",
                         (unsigned long)it->change.field_count);
    rc = crm__field_key(txn, field, &it->names, key);
    return rc ? crm__txn_fail(txn, rc, "can't read a name", err) : CRM_OK;
}

/* An entry of one customer counts as a list with one. */
static int single(const crm__journal_entry *e, int which)
{
    switch (e->action) {
    case CRM__ACTION_CREATE:
        return which == CRM_CHANGE_CREATED;
    case CRM__ACTION_UPDATE:
    case CRM__ACTION_DELETE:
    case CRM__ACTION_UNDELETE:
        return which == CRM_CHANGE_CHANGED;
    case CRM__ACTION_EVENT:
    case CRM__ACTION_VOID:
        return which == CRM_CHANGE_EVENTS;
    case CRM__ACTION_TAG:
        return which == CRM_CHANGE_TAGGED;
    }
    return 0;
}

int crm_change_customers(crm_change_iter *it, int which, crm_id after, crm_id *ids, size_t cap,
                         size_t *count, crm_error *err)
{
    uint64_t first, n;
    crm_txn *txn = NULL;
    crm__runs r;
    int rc = crm__change_enter(it, &txn, 1, err);

    if (rc)
        return rc;
    if (which < 0 || which >= CRM__BATCH_LISTS)
        return crm__fail_field(err, CRM_EINVAL, "which", "which is none of CRM_CHANGE_*");
    if (!count || (!ids && cap))
        return crm__fail_field(err, CRM_EINVAL, "ids", "ids or count is NULL");
    *count = 0;
    if (!crm__action_lists(it->entry.action)) {
        if (cap && single(&it->entry, which) && it->entry.target > after)
            ids[(*count)++] = it->entry.target;
        return CRM_OK;
    }
    if (which == CRM_CHANGE_TAGGED) {
        rc = crm__change_tagged(it, txn, 0, ~0u, after, ids, cap, count);
        return rc ? crm__txn_fail(txn, rc, "can't read what is tagged", err) : CRM_OK;
    }
    rc = crm__runs_open(it->entry.lists[which], &r);
    while (!rc && *count < cap && crm__runs_next(&r, &first, &n)) {
        for (uint64_t i = after >= first ? after - first + 1 : 0; i < n && *count < cap; i++)
            ids[(*count)++] = first + i;
    }
    return CRM_OK;
}

int crm_change_json(crm_change_iter *it, char **json, size_t *n, crm_error *err)
{
    crm_txn *txn = NULL;
    crm__buf out;
    int rc = crm__change_enter(it, &txn, 1, err);

    if (rc)
        return rc;
    if (!json)
        return crm__fail_field(err, CRM_EINVAL, "json", "json is NULL");
    crm__buf_init(&out, txn->mem);
    rc = write_change(it, txn, &out);
    *json = rc ? NULL : crm__give(txn->mem, out.p, out.n);
    if (n)
        *n = rc ? 0 : out.n;
    crm__buf_clear(&out);
    if (rc)
        return crm__txn_fail(txn, rc, "can't write the change", err);
    return *json ? CRM_OK : crm__fail_nomem(err);
}

int crm_journal_head(crm_txn *txn, crm_head *head, crm_error *err)
{
    crm__journal_entry e;
    crm_head now = CRM_HEAD_INIT;
    int rc = crm__txn_enter(txn, 0, err);

    if (!rc)
        rc = crm__state_read(txn, err);
    if (rc)
        return rc;
    now.revision = txn->state.seq;
    if (now.revision && !txn->state.batch_seq) {
        rc = crm__journal_read(txn, now.revision, &e);
        if (rc)
            return crm__txn_fail(txn, rc, "can't read the journal's last entry", err);
        now.recorded_us = e.recorded;
        memcpy(now.chain, e.chain.p, sizeof now.chain);
    } else if (now.revision) {
        return crm__fail(err, CRM_ESTATE, "the entry of the batch is not written yet");
    }
    return crm__struct_give(head, &now, sizeof now, "head", err);
}
