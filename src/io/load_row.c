/* SPDX-License-Identifier: MIT
 * Lines of a dump that become customers, their events, models and names, and how rows are written.
 */
#include "io/load.h"

#include "db/derive.h"
#include "db/derive_event.h"

#include <string.h>

/* ---- rows ---- */

int crm__load_end_commit(crm__loading *l, int again)
{
    crm_txn *txn = l->txn;
    kv_txn *kv = txn->kv;
    int rc;

    l->grown += crm__edits_bytes(&txn->edits);
    crm__txn_detach_cursors(txn);
    rc = crm__edits_apply(&txn->edits, kv, l->store.tag_key);
    if (rc) {
        crm__txn_fail(txn, rc, "can't write", l->err);
        kv->ops->abort(kv);
        txn->kv = NULL;
        return rc;
    }
    txn->kv = NULL;
    crm__edits_reset(&txn->edits);
    rc = kv->ops->commit(kv, l->err);
    return rc || !again ? rc : l->store.kv->ops->begin(l->store.kv, 1, &txn->kv, l->err);
}

int crm__load_commit_some(crm__loading *l)
{
    return crm__edits_bytes(&l->txn->edits) > crm__bulk_bytes(0, l->grown)
               ? crm__load_end_commit(l, 1)
               : CRM_OK;
}

static int put(crm__loading *l, kv_space space, crm__slice key, crm__slice payload, unsigned flags)
{
    return crm__edits_put(&l->txn->edits, space, key, payload, flags) ? crm__fail_nomem(l->err)
                                                                      : CRM_OK;
}

int crm__load_append(crm__loading *l, kv_space space, crm__slice key, crm__slice payload)
{
    return put(l, space, key, payload, KV_APPEND);
}

/* ---- lines ---- */

/* Features of what a dump does not hold as it is stored: its lines tell customers, events and tags in
 * words, and what follows from them is made anew. */
static int is_told(crm__slice name)
{
    static const char *const FRONT[] = {"identity-", "bits-", "column-", "day-", "event-", "log-"};

    for (size_t i = 0; i < sizeof FRONT / sizeof *FRONT; i++) {
        if (name.n > strlen(FRONT[i]) && memcmp(name.p, FRONT[i], strlen(FRONT[i])) == 0)
            return 1;
    }
    return 0;
}

static int read_features(crm__loading *l, crm__members *m)
{
    const crm__json *list = crm__members_get(m, "features", CRM__JSON_ARRAY, 1);
    char name[CRM_FIELD_SIZE];

    for (size_t i = 0; list && i < crm__json_count(list); i++) {
        crm__slice s = crm__json_text(crm__json_item(list, i));
        if (crm__json_kind(crm__json_item(list, i)) != CRM__JSON_STRING)
            return crm__members_fail(m, CRM_EVALUE, "features", "one is not a name");
        if (crm__feature_known(s.p, s.n) || is_told(s))
            continue;
        crm__copy_name(name, (const char *)s.p, s.n);
        if (strncmp(name, "record-", 7) == 0) { /* of images only */
            memcpy(l->images, name, sizeof l->images);
            continue;
        }
        m->rc = crm__fail_field(l->err, CRM_EVERSION, name,
                                "the dump uses \"%s\", which this library does not know", name);
        return m->rc;
    }
    return m->rc;
}

int crm__load_line_head(crm__loading *l, crm__members *m)
{
    crm__slice what = crm__members_text(m, "crm", 1);
    uint64_t format = crm__members_number(m, "format", 1, INT64_MAX);

    if (!m->rc && (what.n != 4 || memcmp(what.p, "dump", 4) != 0))
        return crm__members_fail(m, CRM_ECORRUPT, "crm", "the file is not a dump");
    if (!m->rc && format != CRM__DUMP_FORMAT)
        return crm__members_fail(m, CRM_EVERSION, "format", "made by a newer library");
    read_features(l, m);
    crm__members_hex(m, "id", l->store.id, sizeof l->store.id);
    crm__members_hex(m, "tag_key", l->store.tag_key, sizeof l->store.tag_key);
    crm__members_hex(m, "token_key", l->store.token_key, sizeof l->store.token_key);
    l->store.made = crm__members_time(m, "made_at", NULL);
    l->model_version = (uint32_t)crm__members_number(m, "model", 1, UINT32_MAX);
    if (crm__members_end(m))
        return m->rc;
    m->rc = crm__format_write(&l->store, l->txn->kv, l->err);
    l->txn->edits.totals = l->store.totals;
    memcpy(l->chain, l->store.chain_key, sizeof l->chain);
    crm__brought_init(&l->brought);
    return m->rc;
}

int crm__load_line_model(crm__loading *l, crm__members *m)
{
    uint64_t version = crm__members_number(m, "model", 1, UINT32_MAX);
    crm__slice yaml = crm__members_text(m, "yaml", 1);
    uint8_t key[10], value[4];
    int rc;

    if (!m->rc && version != (uint64_t)l->models + 1)
        crm__members_fail(m, CRM_EVALUE, "model", "it is not behind the version before");
    if (!m->rc && yaml.n > CRM__MODEL_BYTES)
        crm__members_fail(m, CRM_EVALUE, "yaml", "it is too long");
    if (crm__members_end(m))
        return m->rc;
    l->models = (uint32_t)version;
    memcpy(key, "model/", 6);
    crm__put_be32(key + 6, l->models);
    crm__put_le32(value, l->models);
    rc = put(l, KV_META, crm__slice_of(key, sizeof key), yaml, 0);
    return rc ? rc : put(l, KV_META, crm__slice_of("model", 5), crm__slice_of(value, 4), 0);
}

static int read_class(crm__members *m)
{
    crm__slice s = crm__members_text(m, "class", 1);

    for (int cls = 0; cls < CRM__DICT_CLASSES && !m->rc; cls++) {
        const char *word = crm__class_word(cls);
        if (word && strlen(word) == s.n && memcmp(word, s.p, s.n) == 0)
            return cls;
    }
    crm__members_fail(m, CRM_EVALUE, "class", "it is no class of names");
    return 0;
}

int crm__load_line_name(crm__loading *l, crm__members *m)
{
    crm__slice name = crm__members_text(m, "name", 1);
    int cls = read_class(m), rc;
    uint64_t most = cls == CRM__DICT_FIELD ? UINT16_MAX
                    : cls == CRM__DICT_TAG ? CRM__COLUMN_UNTIL - 1
                                           : UINT32_MAX - 1;
    uint32_t number = (uint32_t)crm__members_number(m, "number", 1, most);
    uint8_t key[CRM__DICT_NAME + 2], value[4];

    if (!m->rc && (!name.n || name.n > CRM__DICT_NAME))
        crm__members_fail(m, CRM_EVALUE, "name", "it is empty or too long");
    if (!m->rc && cls < l->cls)
        crm__members_fail(m, CRM_EVALUE, "class", "it is not behind the class before");
    if (crm__members_end(m))
        return m->rc;
    l->cls = cls;
    rc = crm__dump_names_add(&l->names, cls, number, name);
    if (rc == CRM_ENOMEM)
        return crm__fail_nomem(l->err);
    if (rc)
        return crm__members_fail(m, CRM_EVALUE, rc == CRM_EEXISTS ? "name" : "number",
                                 "it stands there already, or is not in order");
    key[0] = crm__dict_class_byte(cls);
    key[1] = 0;
    memcpy(key + 2, name.p, name.n);
    crm__put_le32(value, number);
    rc = put(l, KV_DICT, crm__slice_of(key, name.n + 2), crm__slice_of(value, 4), 0);
    key[1] = 1;
    crm__put_be32(key + 2, number);
    return rc ? rc : put(l, KV_DICT, crm__slice_of(key, 6), name, 0);
}

int crm__load_line_customer(crm__loading *l, crm__members *m)
{
    uint64_t id = crm__members_number(m, "customer", 1, INT64_MAX);
    uint8_t key[CRM__KEY_U64];
    int rc;

    if (!m->rc && id != l->last + 1)
        return crm__members_fail(m, CRM_EVALUE, "customer", "it is not behind the one before");
    rc = crm__load_customer(&l->loaded, m);
    if (rc)
        return rc;
    l->last = id;
    l->result.customers++;
    l->bytes.n = 0;
    crm__record_encode(&l->loaded.record, &l->bytes);
    if (l->bytes.failed)
        return crm__fail_nomem(l->err);
    if (l->bytes.n > CRM__RECORD_BYTES)
        return crm__members_fail(m, CRM_EVALUE, "customer", "it is larger than a record may be");
    rc = crm__load_append(l, KV_CUSTOMER, crm__key_u64(key, id),
                          crm__slice_of(l->bytes.p, l->bytes.n));
    if (!rc)
        rc = crm__derive_change(l->txn, l->model, id, NULL, &l->loaded.record);
    return rc ? crm__txn_fail(l->txn, rc, "can't index the customer", l->err) : CRM_OK;
}

int crm__load_end_timeline(crm__loading *l)
{
    crm__timeline t;
    int rc = CRM_OK;

    if (!l->id)
        return CRM_OK;
    memset(&t, 0, sizeof t);
    t.txn = l->txn;
    t.id = l->id;
    t.a = &l->timeline;
    rc = crm__timeline_add(&t, l->events.events, l->events.count);
    if (rc == CRM_ENOMEM)
        return crm__fail_nomem(l->err);
    if (rc)
        return crm__fail_at(l->err, CRM_ECORRUPT, (int64_t)l->result.lines, -1,
                            "line %llu: of the customer before it, events are missing",
                            (unsigned long long)l->result.lines);
    for (uint32_t i = 0; i < l->events.count && !rc; i++) {
        const crm__event *e = &l->events.events[i];
        const crm__event_kind *kind = crm__model_event_number(l->model, e->kind);
        if (kind && crm__event_counts(e))
            rc = crm__event_derive(l->txn, kind, l->id, e, 1, l->err);
    }
    l->id = 0;
    memset(&l->events, 0, sizeof l->events);
    crm__arena_reset(&l->timeline);
    return rc;
}

static int add_event(crm__loading *l, const crm__event *e)
{
    crm__event_block *b = &l->events;

    if (b->count == b->cap) {
        uint32_t cap = b->cap ? b->cap * 2 : 16;
        crm__event *p = crm__arena_alloc(&l->timeline, cap * sizeof *p);
        if (!p)
            return crm__fail_nomem(l->err);
        if (b->count)
            memcpy(p, b->events, b->count * sizeof *p);
        b->events = p;
        b->cap = cap;
    }
    b->events[b->count++] = *e;
    l->result.events++;
    return CRM_OK;
}

int crm__load_line_event(crm__loading *l, crm__members *m)
{
    uint64_t number = crm__members_number(m, "event", 1, UINT32_MAX - 1);
    uint64_t id = crm__members_number(m, "customer", 1, INT64_MAX);
    const crm__event *before;
    crm__event e;
    int rc = m->rc;

    if (!rc && (id < l->last || id > l->result.customers))
        rc = crm__members_fail(m, CRM_EVALUE, "customer",
                               "there is none of that id, or it is not in order");
    if (!rc && id != l->id)
        rc = crm__load_end_timeline(l);
    if (!rc)
        rc = crm__load_event(&l->loaded, m, &e);
    if (rc)
        return rc;
    e.number = (uint32_t)number;
    before = l->events.count ? &l->events.events[l->events.count - 1] : NULL;
    if (before && (e.time < before->time || (e.time == before->time && e.number <= before->number)))
        return crm__members_fail(m, CRM_EVALUE, "time", "it is not in order of time and number");
    l->last = l->id = id;
    return add_event(l, &e);
}
