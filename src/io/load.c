/* SPDX-License-Identifier: MIT
 * crm_load(): a database of a dump.  The text is untrusted: each line is judged, written as rows by
 * the functions that every change goes through, in commits of bounded size, into a data file aside;
 * what was made is checked as a whole before it gets its name.
 */
#include "base/time.h"
#include "db/brought.h"
#include "db/derive.h"
#include "db/derive_event.h"
#include "event/timeline.h"
#include "io/dump.h"

#include <stdlib.h>
#include <string.h>

/* LINE_MOST: the largest record, each byte of it as an escape, and room around it. */
enum { READ = 1 << 18, LINE_MOST = 128 << 20, COMMIT_BYTES = 24 << 20, READERS = 8 };

typedef struct load {
    const crm_dump_options *o;
    const crm_allocator *mem;
    crm__source *from;
    crm__work w;
    crm_error *err;
    crm_dump_result result;
    crm__buf text; /* what was read; a line begins at `at` */
    size_t at;
    int ended; /* the file has no more */
    crm__store store;
    crm_db db;
    crm_txn *txn;
    const crm__model *model;
    uint32_t model_version, models; /* in force, by the head; last read */
    crm__dump_names names;
    crm__loaded loaded;
    crm__arena arena;       /* of one line */
    int section;            /* sort of the line before */
    int cls;                /* class of the name before */
    uint64_t last, last_id; /* keys of the line before */
    uint8_t sum[CRM__DIGEST], chain[CRM__DIGEST];
    crm__brought brought;
    crm__buf bytes;
    /* The tag whose changes are read, what comes of them, and the key of the last one. */
    int tagging;
    uint8_t tagged[CRM__KEY_TAGGED];
    uint64_t words[CRM__SET_WORDS];
    int ends; /* some tags have an end */
    int watched; /* some segments are watched, and no clock has come */
    /* The events of one customer. */
    crm_id id; /* 0: none */
    crm__arena timeline;
    crm__event_block events;
} load;

/* ---- the text ---- */

/* The next line without its end.  CRM_DONE: there is none. */
static int next_line(load *l, crm__slice *line)
{
    size_t seen = 0, got;

    for (;;) {
        const uint8_t *from = l->text.p ? l->text.p + l->at : NULL;
        size_t n = l->text.n - l->at;
        const uint8_t *end = n > seen ? memchr(from + seen, '\n', n - seen) : NULL;
        uint8_t *to;
        int rc;
        if (end) {
            *line = crm__slice_of(from, (size_t)(end - from));
            l->at += line->n + 1;
            return CRM_OK;
        }
        if (l->ended)
            return n ? crm__fail_at(l->err, CRM_ECORRUPT, (int64_t)l->result.lines + 1, -1,
                                    "line %llu: the dump ends within it",
                                    (unsigned long long)l->result.lines + 1)
                     : CRM_DONE;
        if (n > LINE_MOST)
            return crm__fail_at(l->err, CRM_ECORRUPT, (int64_t)l->result.lines + 1, -1,
                                "line %llu: it is longer than any line of a dump",
                                (unsigned long long)l->result.lines + 1);
        seen = n;
        if (l->at)
            memmove(l->text.p, l->text.p + l->at, n);
        l->text.n = n;
        l->at = 0;
        to = crm__buf_reserve(&l->text, READ);
        if (!to)
            return crm__fail_nomem(l->err);
        rc = crm__source_read(l->from, to, READ, &got, l->err);
        if (rc)
            return rc;
        l->text.n += got;
        l->ended = got < READ;
    }
}

/* ---- rows ---- */

static int end_commit(load *l, int again)
{
    crm_txn *txn = l->txn;
    kv_txn *kv = txn->kv;
    int rc;

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

static int put(load *l, kv_space space, crm__slice key, crm__slice payload, unsigned flags)
{
    return crm__edits_put(&l->txn->edits, space, key, payload, flags) ? crm__fail_nomem(l->err)
                                                                      : CRM_OK;
}

/* Rows behind all others of their space. */
static int append(load *l, kv_space space, crm__slice key, crm__slice payload)
{
    return put(l, space, key, payload, KV_APPEND);
}

/* ---- lines ---- */

static int read_features(load *l, crm__members *m)
{
    const crm__json *list = crm__members_get(m, "features", CRM__JSON_ARRAY, 1);
    char name[CRM_FIELD_SIZE];

    for (size_t i = 0; list && i < crm__json_count(list); i++) {
        crm__slice s = crm__json_text(crm__json_item(list, i));
        if (crm__json_kind(crm__json_item(list, i)) != CRM__JSON_STRING)
            return crm__members_fail(m, CRM_EVALUE, "features", "one is not a name");
        if (crm__feature_known(s.p, s.n))
            continue;
        crm__copy_name(name, (const char *)s.p, s.n);
        m->rc = crm__fail_field(l->err, CRM_EVERSION, name,
                                "the dump uses \"%s\", which this library does not know", name);
        return m->rc;
    }
    return m->rc;
}

static int on_head(load *l, crm__members *m)
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
    memcpy(l->chain, l->store.chain_key, sizeof l->chain);
    crm__brought_init(&l->brought);
    return m->rc;
}

static int on_model(load *l, crm__members *m)
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

static int on_name(load *l, crm__members *m)
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

static int on_customer(load *l, crm__members *m)
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
    rc = append(l, KV_CUSTOMER, crm__key_u64(key, id), crm__slice_of(l->bytes.p, l->bytes.n));
    if (!rc)
        rc = crm__derive_change(l->txn, l->model, id, NULL, &l->loaded.record);
    return rc ? crm__txn_fail(l->txn, rc, "can't index the customer", l->err) : CRM_OK;
}

/* All events of a customer have been read. */
static int end_timeline(load *l)
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

static int add_event(load *l, const crm__event *e)
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

static int on_event(load *l, crm__members *m)
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
        rc = end_timeline(l);
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

static int on_batch(load *l, crm__members *m)
{
    uint64_t batch = crm__members_number(m, "batch", 1, INT64_MAX);
    crm__batch b;

    b.last = crm__members_number(m, "last", 1, INT64_MAX);
    b.undone = crm__members_number(m, "undone_by", 0, INT64_MAX);
    b.name = crm__members_text(m, "name", 0);
    if (!m->rc && batch <= l->last)
        crm__members_fail(m, CRM_EVALUE, "batch", "it is not behind the one before");
    if (!m->rc && (b.last < batch || b.name.n > CRM__BATCH_TEXT))
        crm__members_fail(m, CRM_EVALUE, "last", "before the first, or the name is too long");
    if (crm__members_end(m))
        return m->rc;
    l->last = batch;
    return crm__batch_put(l->txn, batch, &b, l->err);
}

/* Versions of a name follow one another. */
static int on_segment(load *l, crm__members *m)
{
    crm__slice name = crm__members_text(m, "segment", 1);
    crm__saved s = {0, 0, 0, {NULL, 0}};

    s.seq = crm__members_number(m, "saved", 1, INT64_MAX);
    s.flags = crm__members_flag(m, "removed") ? CRM__SAVED_REMOVED : 0;
    s.text = crm__members_text(m, "text", !s.flags);
    s.flags |= crm__members_flag(m, "static") ? CRM__SAVED_STATIC : 0;
    if (!m->rc && !crm__name_ok((const char *)name.p, name.n))
        crm__members_fail(m, CRM_EVALUE, "segment", "it is no name of a saved segment");
    if (crm__members_end(m))
        return m->rc;
    if (s.flags & CRM__SAVED_STATIC) {
        int rc = crm__saved_tag(l->txn, name, 0, &s.tag, l->err);
        if (rc || !s.tag)
            return rc ? rc
                      : crm__members_fail(m, CRM_EVALUE, "static", "its customers have no tag");
    }
    return crm__saved_put(l->txn, name, &s) ? crm__fail_nomem(l->err) : CRM_OK;
}

/* With its end, as long as the line. */
static const char *text_at(load *l, crm__slice text)
{
    char *p = crm__arena_alloc(&l->arena, text.n + 1);

    if (p) {
        memcpy(p, text.n ? (const char *)text.p : "", text.n);
        p[text.n] = 0;
    }
    return p;
}

static int on_watch(load *l, crm__members *m)
{
    static const int64_t NONE = 0;
    crm__live_watch w = {.name = crm__members_text(m, "watch", 1)};
    crm__slice zone, purpose, channel;
    int rc;

    w.seq = crm__members_number(m, "seq", 1, INT64_MAX);
    w.since = crm__members_time(m, "since", &NONE);
    zone = crm__members_text(m, "zone", 0);
    purpose = crm__members_text(m, "purpose", 0);
    channel = crm__members_text(m, "channel", 0);
    if (!m->rc && !crm__name_ok((const char *)w.name.p, w.name.n))
        crm__members_fail(m, CRM_EVALUE, "watch", "it is no name of a saved segment");
    if (!m->rc && (zone.n > 100 || purpose.n > 100 || channel.n > 100))
        crm__members_fail(m, CRM_EVALUE, "zone", "a name is longer than 100 bytes");
    if (crm__members_end(m))
        return m->rc;
    w.zone = text_at(l, zone);
    w.purpose = text_at(l, purpose);
    w.channel = text_at(l, channel);
    if (!w.zone || !w.purpose || !w.channel)
        return crm__fail_nomem(l->err);
    rc = crm__live_tag(l->txn, w.name, 0, &w.tag, l->err);
    if (!rc && !w.tag)
        rc = crm__members_fail(m, CRM_EVALUE, "watch", "its customers have no tag");
    if (rc)
        return rc;
    l->watched = 1;
    return crm__live_watch_put(l->txn, &w) ? crm__fail_nomem(l->err) : CRM_OK;
}

static int on_clock(load *l, crm__members *m)
{
    crm__live_clock c = {0}; /* of no link: a load has no writer */

    c.until = crm__members_time(m, "clock", NULL);
    c.from = crm__members_time(m, "from", &c.until);
    c.chunk = crm__members_number(m, "chunks", 0, UINT32_MAX) - UINT64_C(1);
    if (crm__members_end(m))
        return m->rc;
    l->watched = 0;
    return crm__live_clock_put(l->txn, &c) ? crm__fail_nomem(l->err) : CRM_OK;
}

/* The chain over an entry without its link, and what it brings. */
static int link_entry(load *l, crm__members *m, uint64_t seq)
{
    static const uint8_t NONE[CRM__DIGEST];
    size_t n = l->bytes.n;
    uint8_t room[CRM__DIGEST];
    crm__journal_entry e;
    crm__slice brought;
    const char *what = "it can't be read";
    int rc;

    crm__buf_add(&l->bytes, NONE, sizeof NONE);
    if (l->bytes.failed)
        return crm__fail_nomem(l->err);
    rc = crm__journal_decode(crm__slice_of(l->bytes.p, l->bytes.n), &e);
    if (!rc)
        rc = crm__brought_take(l->txn, seq, &e, &l->brought, room, &brought, &what);
    if (rc == CRM_ECORRUPT)
        return crm__members_fail(m, rc, "names", what);
    if (rc)
        return crm__txn_fail(l->txn, rc, "can't read names", l->err);
    l->bytes.n = n;
    crm__chain_next(l->chain, seq, crm__slice_of(l->bytes.p, n), brought, l->chain);
    return CRM_OK;
}

static int on_entry(load *l, crm__members *m)
{
    uint64_t seq = crm__members_number(m, "entry", 1, INT64_MAX);
    uint8_t chain[CRM__DIGEST], key[CRM__KEY_U64];
    int rc;

    if (!m->rc && seq != l->last + 1)
        return crm__members_fail(m, CRM_EVALUE, "entry", "it is not behind the one before");
    l->bytes.n = 0;
    if (crm__load_entry(&l->loaded, m, &l->bytes))
        return m->rc;
    crm__members_hex(m, "chain", chain, sizeof chain);
    if (crm__members_end(m))
        return m->rc;
    rc = link_entry(l, m, seq);
    if (rc)
        return rc;
    if (memcmp(l->chain, chain, sizeof chain) != 0)
        return crm__members_fail(
            m, CRM_ECORRUPT, "chain",
            "the chain is broken: it, what it brings, or an entry before it was changed");
    crm__buf_add(&l->bytes, chain, sizeof chain);
    if (l->bytes.failed)
        return crm__fail_nomem(l->err);
    l->last = l->result.revision = seq;
    return append(l, KV_JOURNAL, crm__key_u64(key, seq), crm__slice_of(l->bytes.p, l->bytes.n));
}

/* An image says what a record was; what undo and history read from it has to be readable. */
static int judge_image(load *l)
{
    crm__slice row = crm__slice_of(l->bytes.p, l->bytes.n), mask, bytes, item;
    crm__record *r = &l->loaded.record;
    uint8_t unused[CRM__DIGEST];
    crm__value v;
    int rc = crm__image_commitment(0, 0, row, unused), batch = 0;

    if (rc)
        return rc;
    /* With the mask of a batch, or without: the entry tells, and the check asks it. */
    do {
        rc = crm__image_split(row, batch, &mask, &bytes);
        if (rc == CRM_ENOTFOUND)
            return CRM_OK;
        if (!rc)
            rc = crm__record_decode(l->mem, bytes, r);
    } while (rc == CRM_ECORRUPT && !batch++);
    for (uint32_t i = 0; i < r->entry_count && !rc; i++) {
        size_t pos = 0;
        while (!rc && (rc = crm__entry_next(&r->entries[i], &pos, &item)) == CRM_OK)
            rc = crm__value_decode(r->entries[i].type, r->entries[i].scoped, item, &v);
        rc = rc == CRM_DONE ? CRM_OK : rc;
    }
    return rc;
}

static int on_image(load *l, crm__members *m)
{
    uint64_t seq = crm__members_number(m, "image", 1, INT64_MAX);
    uint64_t id = crm__members_number(m, "customer", 1, INT64_MAX);
    crm__slice text = crm__members_text(m, "base64", 1);
    uint8_t key[CRM__KEY_IMAGE];
    int rc;

    if (!m->rc && (seq < l->last || (seq == l->last && id <= l->last_id)))
        crm__members_fail(m, CRM_EVALUE, "image", "it is not behind the one before");
    if (crm__members_end(m))
        return m->rc;
    l->last = seq;
    l->last_id = id;
    l->bytes.n = 0;
    rc = crm__base64_read(text, &l->bytes);
    if (!rc)
        rc = judge_image(l);
    if (rc == CRM_ENOMEM)
        return crm__fail_nomem(l->err);
    if (rc)
        return crm__members_fail(m, CRM_EVALUE, "base64", "it is no image");
    return append(l, KV_IMAGE, crm__key_image(key, seq, id), crm__slice_of(l->bytes.p, l->bytes.n));
}

/* The set that comes of all changes of a tag in a chunk. */
static int end_tag(load *l)
{
    if (!l->tagging)
        return CRM_OK;
    l->tagging = 0;
    l->bytes.n = 0;
    crm__set_store(l->words, &l->bytes);
    memset(l->words, 0, sizeof l->words);
    if (l->bytes.failed)
        return crm__fail_nomem(l->err);
    return l->bytes.n ? append(l, KV_TAG, crm__slice_of(l->tagged, CRM__KEY_TAG),
                               crm__slice_of(l->bytes.p, l->bytes.n))
                      : CRM_OK;
}

static int on_tagged(load *l, crm__members *m)
{
    uint64_t seq = crm__members_number(m, "tagged", 1, INT64_MAX), chunk = 0;
    uint64_t words[CRM__SET_WORDS];
    uint8_t key[CRM__KEY_TAGGED];
    uint32_t tag, part;
    int rc = crm__load_tagged(&l->loaded, m, &tag, &chunk, &part, words);

    if (rc)
        return rc;
    if (chunk >= CRM__TAGGED_HOW)
        return crm__members_fail(m, CRM_EVALUE, "customers", "there is none of that id");
    crm__key_tagged(key, chunk, tag, seq, part);
    if (l->tagging && memcmp(key, l->tagged, sizeof key) <= 0)
        return crm__members_fail(m, CRM_EVALUE, "tagged", "it is not behind the one before");
    if (l->tagging && memcmp(key, l->tagged, CRM__KEY_TAG) != 0)
        rc = end_tag(l);
    if (rc)
        return rc;
    l->tagging = 1;
    memcpy(l->tagged, key, sizeof key);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        l->words[i] =
            part == CRM__TAGGED_REMOVED ? l->words[i] & ~words[i] : l->words[i] | words[i];
    l->bytes.n = 0;
    crm__set_store(words, &l->bytes);
    if (l->bytes.failed)
        return crm__fail_nomem(l->err);
    return append(l, KV_TAGGED, crm__slice_of(key, sizeof key),
                  crm__slice_of(l->bytes.p, l->bytes.n));
}

static int on_given(load *l, crm__members *m)
{
    uint64_t seq = crm__members_number(m, "given", 1, INT64_MAX);
    uint64_t group = crm__members_number(m, "group", 1, CRM__TAGGED_GROUPS);
    uint8_t key[CRM__KEY_TAGGED];
    crm__tag_how how;
    int rc = crm__load_given(&l->loaded, m, &how);

    if (rc)
        return rc;
    if (seq < l->last || (seq == l->last && group <= l->last_id))
        return crm__members_fail(m, CRM_EVALUE, "given", "it is not behind the one before");
    l->last = seq;
    l->last_id = group;
    l->ends |= how.until != 0;
    l->bytes.n = 0;
    crm__tag_how_encode(&how, &l->bytes);
    if (l->bytes.failed)
        return crm__fail_nomem(l->err);
    return append(l, KV_TAGGED, crm__key_tagged(key, CRM__TAGGED_HOW, 0, seq, (uint32_t)group),
                  crm__slice_of(l->bytes.p, l->bytes.n));
}

/* How tags were given stands behind the tags: now it is known when they end. */
static int make_ends(load *l)
{
    int64_t *until = crm__alloc(l->mem, CRM__CHUNK_ROWS * sizeof *until);
    uint8_t key[CRM__KEY_TAG] = {0};
    int rc = until ? end_commit(l, 1) : crm__fail_nomem(l->err), any;

    for (int past = 0; !rc; past = 1) {
        rc =
            crm__tag_near(l->txn, KV_TAG, crm__slice_of(key, sizeof key), 0, past, key, sizeof key);
        if (!rc)
            rc =
                crm__tag_ends_read(l->txn, crm__get_be32(key), crm__get_be32(key + 4), until, &any);
        if (!rc && any)
            rc = crm__tag_ends_make(l->txn, crm__get_be32(key), crm__get_be32(key + 4), until,
                                    &l->bytes);
        if (!rc && crm__edits_bytes(&l->txn->edits) > COMMIT_BYTES)
            rc = end_commit(l, 1);
    }
    crm__release(l->mem, until);
    return rc == CRM_ENOTFOUND ? CRM_OK
                               : crm__txn_fail(l->txn, rc, "can't note when tags end", l->err);
}

static int on_end(load *l, crm__members *m)
{
    uint64_t lines = crm__members_number(m, "end", 1, INT64_MAX);
    uint8_t sum[CRM__DIGEST] = {0};

    crm__members_hex(m, "sum", sum, sizeof sum);
    if (crm__members_end(m))
        return m->rc;
    if (lines != l->result.lines - 1 || memcmp(sum, l->sum, sizeof sum) != 0)
        return crm__members_fail(m, CRM_ECORRUPT, "sum",
                                 "the lines before are not what was written");
    if (l->watched)
        return crm__members_fail(m, CRM_EVALUE, "clock", "segments are watched without a clock");
    if (crm__brought_put(l->txn, &l->brought))
        return crm__fail_nomem(l->err);
    return l->ends ? make_ends(l) : CRM_OK;
}

/* ---- the whole text ---- */

static const struct {
    int (*read)(load *l, crm__members *m);
    int once;
} SORTS[CRM__LINES] = {
    [CRM__LINE_HEAD] = {on_head, 1},       [CRM__LINE_MODEL] = {on_model, 0},
    [CRM__LINE_NAME] = {on_name, 0},       [CRM__LINE_CUSTOMER] = {on_customer, 0},
    [CRM__LINE_EVENT] = {on_event, 0},     [CRM__LINE_BATCH] = {on_batch, 0},
    [CRM__LINE_SEGMENT] = {on_segment, 0}, [CRM__LINE_ENTRY] = {on_entry, 0},
    [CRM__LINE_WATCH] = {on_watch, 0},     [CRM__LINE_CLOCK] = {on_clock, 1},
    [CRM__LINE_IMAGE] = {on_image, 0},     [CRM__LINE_TAGGED] = {on_tagged, 0},
    [CRM__LINE_GIVEN] = {on_given, 0},     [CRM__LINE_END] = {on_end, 1},
};

/* Models and names are all there, and what follows needs them. */
static int begin_content(load *l)
{
    int rc;

    if (!l->models || l->models != l->model_version)
        return crm__fail_at(l->err, CRM_ECORRUPT, (int64_t)l->result.lines, -1,
                            "line %llu: the last model is not the one in force",
                            (unsigned long long)l->result.lines);
    rc = end_commit(l, 1);
    return rc ? rc : crm__txn_model(l->txn, &l->model, l->err);
}

/* Between two sorts of lines. */
static int turn_to(load *l, crm__members *m, int sort)
{
    int rc = CRM_OK, before = l->section;

    if (sort < before || (sort == before && SORTS[sort].once) ||
        (before < 0) != (sort == CRM__LINE_HEAD))
        return crm__members_fail(
            m, sort && before < 0 ? CRM_ECORRUPT : CRM_EVALUE, crm__line_word(sort),
            before < 0 ? "the file is not a dump" : "such a line can't stand here");
    if (sort == before)
        return CRM_OK;
    if (before <= CRM__LINE_NAME && sort > CRM__LINE_NAME)
        rc = begin_content(l);
    if (!rc && before <= CRM__LINE_EVENT)
        rc = end_timeline(l);
    if (!rc && before == CRM__LINE_TAGGED)
        rc = end_tag(l);
    l->section = sort;
    l->last = l->last_id = 0;
    return rc;
}

static int sort_of(const crm__json *object)
{
    const crm__json *value;
    const void *at = NULL;
    const char *name;

    if (crm__json_kind(object) != CRM__JSON_OBJECT || !crm__json_next(object, &at, &name, &value))
        return -1;
    for (int i = 0; i < CRM__LINES; i++) {
        if (strcmp(name, crm__line_word(i)) == 0)
            return i;
    }
    return -1;
}

static int read_line(load *l, crm__slice line)
{
    crm__members m = {.line = l->result.lines, .err = l->err};
    crm__json *root;
    int rc, sort;

    rc = crm__json_parse(l->mem, (const char *)line.p, line.n, &root, l->err);
    if (rc == CRM_ESYNTAX) {
        int64_t offset = l->err->offset;
        rc = crm__fail_at(l->err, rc, (int64_t)m.line, offset,
                          "line %llu: it is not JSON, at byte %lld", (unsigned long long)m.line,
                          (long long)offset);
    }
    if (rc)
        return rc;
    m.object = root;
    sort = sort_of(root);
    if (sort < 0)
        rc = crm__members_fail(&m, l->section < 0 ? CRM_ECORRUPT : CRM_EVALUE, "line",
                               l->section < 0 ? "the file is not a dump"
                                              : "its first member is not that of a line");
    if (!rc)
        rc = turn_to(l, &m, sort);
    l->loaded.arena = sort == CRM__LINE_EVENT ? &l->timeline : &l->arena;
    crm__arena_reset(&l->arena);
    if (!rc)
        rc = SORTS[sort].read(l, &m);
    crm__json_free(root);
    if (!rc && sort != CRM__LINE_END)
        crm__line_sum(l->sum, line.p, line.n);
    return rc;
}

static int all_lines(load *l)
{
    uint64_t before = 0;
    crm__slice line = {NULL, 0};
    int rc = CRM_OK;

    while (!rc && (rc = next_line(l, &line)) == CRM_OK) {
        uint64_t taken = crm__source_taken(l->from) / CRM__WORK_PAGE;
        l->result.lines++;
        rc = read_line(l, line);
        if (!rc && crm__edits_bytes(&l->txn->edits) > COMMIT_BYTES)
            rc = end_commit(l, 1);
        if (!rc && taken != before)
            rc = crm__work_step(&l->w, taken - before, l->err);
        before = taken;
    }
    if (rc != CRM_DONE)
        return rc;
    if (l->section != CRM__LINE_END)
        return crm__fail(l->err, CRM_ECORRUPT,
                         l->section < 0 ? "the file is not a dump" : "the dump ends early");
    return end_commit(l, 0);
}

/* ---- the data file ---- */

static int with_txn(load *l)
{
    int rc = crm__txn_new(&l->db, 1, NULL, &l->txn, l->err);

    if (rc)
        return rc;
    crm__dump_names_init(&l->names, l->mem);
    crm__arena_init(&l->arena, l->mem);
    crm__arena_init(&l->timeline, l->mem);
    crm__buf_init(&l->text, l->mem);
    crm__buf_init(&l->bytes, l->mem);
    l->loaded.mem = l->mem;
    l->loaded.names = &l->names;
    crm__buf_init(&l->loaded.scratch, l->mem);
    crm__buf_init(&l->loaded.name, l->mem);
    l->section = -1;
    rc = l->store.kv->ops->begin(l->store.kv, 1, &l->txn->kv, l->err);
    if (!rc)
        rc = all_lines(l);
    crm__txn_detach(l->txn);
    if (l->txn->kv)
        l->txn->kv->ops->abort(l->txn->kv);
    crm__txn_free(l->txn);
    crm__dump_names_clear(&l->names);
    crm__arena_clear(&l->arena);
    crm__arena_clear(&l->timeline);
    crm__buf_clear(&l->text);
    crm__buf_clear(&l->bytes);
    crm__buf_clear(&l->loaded.scratch);
    crm__buf_clear(&l->loaded.name);
    crm__record_clear(l->mem, &l->loaded.record);
    return rc;
}

typedef struct checking {
    load *l;
    uint64_t base;
    char what[CRM_MESSAGE_SIZE];
} checking;

static void on_fault(const crm_fault *fault, void *ctx)
{
    checking *c = ctx;

    if (!c->what[0])
        strncpy(c->what, fault->message, sizeof c->what - 1);
}

static int on_progress(uint64_t done, uint64_t total, void *ctx)
{
    checking *c = ctx;
    crm__work *w = &c->l->w;

    if (!w->fn)
        return 0;
    return w->fn(c->base + done, c->base + (total > done ? total : done), w->ctx);
}

/* Pages, check tags, journal, and that the rest is what records and events say. */
static int check(load *l, const char *dir)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    checking c = {l, l->w.done, {0}};
    int rc;

    o.allocator = l->mem;
    o.fault = on_fault;
    o.fault_ctx = &c;
    o.progress = on_progress;
    o.progress_ctx = &c;
    rc = crm_check(dir, &o, sizeof(crm_check_result), NULL, l->err);
    if (rc == CRM_ECORRUPT && c.what[0])
        return crm__fail(l->err, rc, "the dump gives no sound database: %.200s", c.what);
    return rc;
}

static int make(void *ctx, const crm__part *part, crm_error *err)
{
    load *l = ctx;
    kv_options kv = {
        .mem = l->mem, .create = 1, .max_readers = READERS, .size_limit = l->o->size_limit};
    int rc;

    l->store.mem = *l->mem;
    l->db.store = &l->store;
    l->db.mem = *l->mem;
    atomic_store(&l->db.refs, 2); /* never the last: the handle is a part of l */
    rc = crm__kv_open(part->dir, &kv, &l->store.kv, err);
    if (rc)
        return rc;
    pthread_mutex_init(&l->store.model_lock, NULL);
    rc = with_txn(l);
    pthread_mutex_destroy(&l->store.model_lock);
    l->store.kv->ops->close(l->store.kv);
    if (!rc)
        rc = check(l, part->dir);
    return rc;
}

static int judge_call(const char *file, const char *path, const crm_dump_options *o,
                      size_t struct_size, const crm_dump_result *out, crm_allocator *mem,
                      crm_error *err)
{
    if (o->flags || o->reserved || (out && struct_size < sizeof(size_t)))
        return crm__fail_field(err, CRM_EINVAL, "options", "an option this library does not know");
    if (o->write)
        return crm__fail_field(err, CRM_EINVAL, "options", "an option of another call");
    if (crm__allocator_read(o->allocator, mem))
        return crm__fail_field(err, CRM_EINVAL, "allocator", "the allocator lacks a function");
    if (!file || !*file)
        return crm__fail_field(err, CRM_EINVAL, "file", "file is empty");
    if (!path || !*path)
        return crm__fail_field(err, CRM_EINVAL, "path", "path is empty");
    if (!crm__kv_lmdb_absent(path))
        return crm__fail(err, CRM_EEXISTS, "there is a database in the folder");
    return CRM_OK;
}

int crm_load(const char *file, const char *path, const crm_dump_options *opts, size_t struct_size,
             crm_dump_result *out, crm_error *err)
{
    crm_error local = CRM_ERROR_INIT;
    crm_dump_options o;
    crm_allocator mem;
    load *l;
    int rc;

    if (!err)
        err = &local;
    rc = crm__options_read(&o, sizeof o, opts, "options", err);
    if (!rc)
        rc = judge_call(file, path, &o, struct_size, out, &mem, err);
    if (rc)
        return rc;
    l = crm__calloc(&mem, 1, sizeof *l);
    if (!l)
        return crm__fail_nomem(err);
    l->o = &o;
    l->mem = &mem;
    l->err = err;
    l->w.fn = o.progress;
    l->w.ctx = o.progress_ctx;
    rc = crm__source_open(&mem, file, &l->from, err);
    if (!rc) {
        l->result.source_bytes = crm__source_bytes(l->from);
        l->w.total = l->result.source_bytes / CRM__WORK_PAGE * 2;
        rc = crm__database_make(&mem, path, "load", make, l, &l->result.bytes, err);
        crm__source_close(l->from);
    }
    if (!rc && out) {
        l->result.size = struct_size < sizeof l->result ? struct_size : sizeof l->result;
        memcpy(out, &l->result, l->result.size);
    }
    crm__release(&mem, l);
    return crm__backup_end(rc, err);
}
