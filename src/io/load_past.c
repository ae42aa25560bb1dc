/* SPDX-License-Identifier: MIT
 * Lines of a dump that become the past: batches, saved and watched segments, entries of the journal
 * with their images, tags as they were given, and the end.
 */
#include "io/load.h"

#include <string.h>

int crm__load_line_batch(crm__loading *l, crm__members *m)
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
int crm__load_line_segment(crm__loading *l, crm__members *m)
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
        int rc = crm__saved_tag(l->txn, CRM__SAVED_TAG, name, 0, &s.tag, l->err);
        if (rc || !s.tag)
            return rc ? rc
                      : crm__members_fail(m, CRM_EVALUE, "static", "its customers have no tag");
    }
    return crm__saved_put(l->txn, name, &s) ? crm__fail_nomem(l->err) : CRM_OK;
}

/* With its end, as long as the line. */
static const char *text_at(crm__loading *l, crm__slice text)
{
    char *p = crm__arena_alloc(&l->arena, text.n + 1);

    if (p) {
        memcpy(p, text.n ? (const char *)text.p : "", text.n);
        p[text.n] = 0;
    }
    return p;
}

int crm__load_line_watch(crm__loading *l, crm__members *m)
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
    rc = crm__saved_tag(l->txn, CRM__LIVE_TAG, w.name, 0, &w.tag, l->err);
    if (!rc && !w.tag)
        rc = crm__members_fail(m, CRM_EVALUE, "watch", "its customers have no tag");
    if (rc)
        return rc;
    l->watched = 1;
    return crm__live_watch_put(l->txn, &w) ? crm__fail_nomem(l->err) : CRM_OK;
}

int crm__load_line_clock(crm__loading *l, crm__members *m)
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
static int link_entry(crm__loading *l, crm__members *m, uint64_t seq)
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

int crm__load_line_entry(crm__loading *l, crm__members *m)
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
    return crm__load_append(l, KV_JOURNAL, crm__key_u64(key, seq),
                            crm__slice_of(l->bytes.p, l->bytes.n));
}

/* An image says what a record was; what undo and history read from it has to be readable. */
static int judge_image(crm__loading *l)
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

int crm__load_line_image(crm__loading *l, crm__members *m)
{
    uint64_t seq = crm__members_number(m, "image", 1, INT64_MAX);
    uint64_t id = crm__members_number(m, "customer", 1, INT64_MAX);
    crm__slice text = crm__members_text(m, "base64", 1);
    uint8_t key[CRM__KEY_IMAGE];
    int rc;

    if (!m->rc && (seq < l->last || (seq == l->last && id <= l->last_id)))
        crm__members_fail(m, CRM_EVALUE, "image", "it is not behind the one before");
    if (!m->rc && l->images[0])
        crm__members_fail(m, CRM_EVERSION, l->images, "images are of a form that this library does not know");
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
    return crm__load_append(l, KV_IMAGE, crm__key_image(key, seq, id),
                            crm__slice_of(l->bytes.p, l->bytes.n));
}

int crm__load_end_tag(crm__loading *l)
{
    if (!l->tagging)
        return CRM_OK;
    l->tagging = 0;
    l->bytes.n = 0;
    crm__set_store(l->words, &l->bytes);
    memset(l->words, 0, sizeof l->words);
    if (l->bytes.failed)
        return crm__fail_nomem(l->err);
    return l->bytes.n ? crm__load_append(l, KV_TAG, crm__slice_of(l->tagged, CRM__KEY_TAG),
                                         crm__slice_of(l->bytes.p, l->bytes.n))
                      : CRM_OK;
}

int crm__load_line_tagged(crm__loading *l, crm__members *m)
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
        rc = crm__load_end_tag(l);
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
    return crm__load_append(l, KV_TAGGED, crm__slice_of(key, sizeof key),
                            crm__slice_of(l->bytes.p, l->bytes.n));
}

int crm__load_line_given(crm__loading *l, crm__members *m)
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
    return crm__load_append(l, KV_TAGGED,
                            crm__key_tagged(key, CRM__TAGGED_HOW, 0, seq, (uint32_t)group),
                            crm__slice_of(l->bytes.p, l->bytes.n));
}

/* How tags were given stands behind the tags: now it is known when they end. */
static int make_ends(crm__loading *l)
{
    int64_t *until = crm__alloc(l->mem, CRM__CHUNK_ROWS * sizeof *until);
    uint8_t key[CRM__KEY_TAG] = {0};
    int rc = until ? crm__load_end_commit(l, 1) : crm__fail_nomem(l->err), any;

    for (int past = 0; !rc; past = 1) {
        rc =
            crm__tag_near(l->txn, KV_TAG, crm__slice_of(key, sizeof key), 0, past, key, sizeof key);
        if (!rc)
            rc =
                crm__tag_ends_read(l->txn, crm__get_be32(key), crm__get_be32(key + 4), until, &any);
        if (!rc && any)
            rc = crm__tag_ends_make(l->txn, crm__get_be32(key), crm__get_be32(key + 4), until,
                                    &l->bytes);
        if (!rc)
            rc = crm__load_commit_some(l);
    }
    crm__release(l->mem, until);
    return rc == CRM_ENOTFOUND ? CRM_OK
                               : crm__txn_fail(l->txn, rc, "can't note when tags end", l->err);
}

int crm__load_line_end(crm__loading *l, crm__members *m)
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
