/* SPDX-License-Identifier: MIT
 * Changing the tags of customers: see tagged.h.
 *
 * All of it is switches of sets in the edit list, so that savepoints, failed calls and group
 * commits drop it like any other edit.  A transaction that tags many customers one by one asks the
 * same few sets again and again: they are kept at hand, and brought up to date by the switches
 * since.
 */
#include "db/tagged.h"

#include "bits/kernel.h"
#include "db/journal.h"
#include "db/live.h"
#include "db/tag_one.h"
#include "db/tag_part.h"

#include <stdlib.h>
#include <string.h>

int crm__tag_has(crm_txn *txn, uint32_t tag, crm_id id, int *has)
{
    uint8_t key[CRM__KEY_TAG];

    return crm__txn_set_row(txn, KV_TAG, crm__key_tag(key, id >> CRM__CHUNK_SHIFT, tag),
                            (uint32_t)(id & (CRM__CHUNK_ROWS - 1)), 1, has);
}

/* ---- groups ---- */

void crm__tag_how_encode(const crm__tag_how *how, crm__buf *out)
{
    crm__buf_add_u8(out, how->origin);
    crm__buf_add_u8(out, (how->until ? 1u : 0) | (how->reason.n ? 2u : 0));
    if (how->until) {
        uint8_t until[8];
        crm__put_le64(until, (uint64_t)how->until);
        crm__buf_add(out, until, sizeof until);
    }
    crm__buf_add(out, how->reason.p, how->reason.n);
}

static int how_decode(crm__slice row, crm__tag_how *how)
{
    crm__reader in = crm__reader_of(row.p, row.n);
    uint8_t flags;

    memset(how, 0, sizeof *how);
    how->origin = crm__read_u8(&in);
    flags = crm__read_u8(&in);
    if (flags & 1)
        how->until = (int64_t)crm__read_le64(&in);
    how->reason.n = crm__reader_left(&in);
    how->reason.p = in.p;
    return in.failed || flags > 3 || how->origin >= CRM__TAG_ORIGINS ||
                   how->reason.n > CRM__TAG_REASON || !(flags & 2) != !how->reason.n ||
                   (flags & 1 && !how->until)
               ? CRM_ECORRUPT
               : CRM_OK;
}

int crm__tag_how_read(crm_txn *txn, uint64_t seq, uint32_t group, crm__tag_how *how)
{
    uint8_t key[CRM__KEY_TAGGED];
    crm__slice row;
    int rc;

    memset(how, 0, sizeof *how);
    if (!group)
        return CRM_OK;
    rc = crm__txn_read(txn, KV_TAGGED, crm__key_tagged(key, CRM__TAGGED_HOW, 0, seq, group), &row);
    return rc ? (rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc) : how_decode(row, how);
}

static int same_how(const crm__tag_how *a, const crm__tag_how *b)
{
    return a->origin == b->origin && a->until == b->until && a->reason.n == b->reason.n &&
           !memcmp(a->reason.p ? a->reason.p : (const uint8_t *)"",
                   b->reason.p ? b->reason.p : (const uint8_t *)"", a->reason.n);
}

/* The number of the call's attributes in the entry; two may have the same ones. */
static int group_of(crm__tagging *t)
{
    crm_txn *txn = t->txn;
    uint8_t key[CRM__KEY_TAGGED];
    crm__buf *row = &txn->scratch[0];
    crm__tag_how other;
    uint32_t *at, last;
    crm__slice bytes;

    if (t->grouped)
        return CRM_OK;
    t->grouped = 1;
    t->group = 0;
    if (!t->how.origin && !t->how.until && !t->how.reason.n)
        return CRM_OK;
    row->n = 0;
    crm__tag_how_encode(&t->how, row);
    at = crm__tag_group_at(txn, crm__hash64(t->seq, row->p, row->n));
    if (!at || row->failed)
        return CRM_ENOMEM;
    last = t->id ? 0 : txn->state.tag_groups;
    if (*at && *at <= last &&
        !crm__txn_read(txn, KV_TAGGED, crm__key_tagged(key, CRM__TAGGED_HOW, 0, t->seq, *at),
                       &bytes) &&
        !how_decode(bytes, &other) && same_how(&t->how, &other)) {
        t->group = *at;
        return CRM_OK;
    }
    if (last >= CRM__TAGGED_GROUPS)
        return CRM_EFULL;
    *at = t->group = last + 1;
    if (!t->id)
        txn->state.tag_groups = t->group;
    return crm__edits_put(&txn->edits, KV_TAGGED,
                          crm__key_tagged(key, CRM__TAGGED_HOW, 0, t->seq, t->group),
                          crm__slice_of(row->p, row->n), 0);
}

/* ---- one call ---- */

void crm__tagging_begin(crm_txn *txn, crm_id id, const crm__tag_how *how, crm__tagging *t,
                        crm_error *err)
{
    memset(t, 0, sizeof *t);
    t->txn = txn;
    if (how)
        t->how = *how;
    t->id = txn->batch.on ? 0 : id;
    t->seq = crm__journal_seq(txn);
    t->err = err;
    crm__buf_init(&t->tags, txn->mem);
}

static int fail(crm__tagging *t, int rc)
{
    return crm__txn_fail(t->txn, rc, "can't change tags", t->err);
}

/* The entry will name the tag, and in a batch the chunk.  Before the first edit of it. */
static int touch(crm__tagging *t, uint64_t chunk, uint32_t tag)
{
    uint8_t key[CRM__KEY_TAGGED];
    uint32_t count;
    int rc;

    if (t->id) {
        const uint32_t *list = (const uint32_t *)(const void *)t->tags.p;
        for (size_t i = 0; i < t->tags.n / sizeof tag; i++) {
            if (list[i] == tag)
                return CRM_OK;
        }
        crm__buf_add(&t->tags, &tag, sizeof tag);
        return t->tags.failed ? crm__fail_nomem(t->err) : CRM_OK;
    }
    /* Noted already with the edit that this one follows. */
    if (t->grouped &&
        crm__edits_ops(&t->txn->edits, KV_TAGGED,
                       crm__key_tagged(key, chunk, tag, t->seq, CRM__TAGGED_ADDED(t->group)),
                       &count) &&
        count)
        return CRM_OK;
    rc = crm__journal_tagged(t->txn, chunk, tag, t->err);
    return rc;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

int crm__tagging_end(crm__tagging *t)
{
    uint32_t *list = (uint32_t *)(void *)t->tags.p;
    size_t count = t->tags.n / sizeof *list;
    int rc = CRM_OK;

    if (count > 1)
        qsort(list, count, sizeof *list, by_number);
    if (count)
        rc = crm__journal_tag(t->txn, t->id, list, (uint32_t)count, t->err);
    crm__buf_clear(&t->tags);
    return rc;
}

/* ---- one row ---- */

/* The customer has it: another end is a renewal.  One that is over is given anew. */
static int renew(crm__tag_call *e)
{
    crm__tagging *t = e->t;
    uint32_t part;
    int64_t until;
    int found, rc = crm__tag_end(t->txn, e->chunk, e->tag, e->row, &until);

    if (rc || until == t->how.until)
        return rc;
    if (t->keep && !t->how.until && until > t->txn->now)
        return CRM_OK;
    rc = group_of(t);
    if (!rc)
        rc = crm__tag_part_find(e, &part, &found);
    if (rc || (rc = touch(t, e->chunk, e->tag)) != 0)
        return rc;
    t->changed++;
    if (found && (rc = crm__tag_part_switch(e, part, 0)) != 0)
        return rc;
    rc = crm__tag_part_switch(
        e, found && part % 2 ? CRM__TAGGED_ADDED(t->group) : CRM__TAGGED_RENEWED(t->group), 1);
    return rc ? rc : crm__tag_end_put(t->txn, e->chunk, e->tag, e->row, t->how.until);
}

/* A row that the entry has taken the tag from and now gives it again has it anew, with the end it
 * is given now. */
static int give(crm__tag_call *e)
{
    int was, rc = crm__tag_row_in(e->t->txn, KV_TAGGED, crm__tag_part_key(e, CRM__TAGGED_REMOVED),
                                  e->row, &was);

    if (!rc)
        rc = group_of(e->t);
    if (rc || (rc = touch(e->t, e->chunk, e->tag)) != 0)
        return rc;
    if (was)
        rc = crm__tag_part_switch(e, CRM__TAGGED_REMOVED, 0);
    if (!rc)
        rc = crm__tag_part_switch(
            e, was ? CRM__TAGGED_RENEWED(e->t->group) : CRM__TAGGED_ADDED(e->t->group), 1);
    return rc || !e->t->how.until
               ? rc
               : crm__tag_end_put(e->t->txn, e->chunk, e->tag, e->row, e->t->how.until);
}

static int take(crm__tag_call *e)
{
    uint32_t part;
    int found, rc = crm__tag_part_find(e, &part, &found);

    if (rc || (rc = touch(e->t, e->chunk, e->tag)) != 0)
        return rc;
    if (found && (rc = crm__tag_part_switch(e, part, 0)) != 0)
        return rc;
    rc = found && part % 2 ? CRM_OK : crm__tag_part_switch(e, CRM__TAGGED_REMOVED, 1);
    return rc ? rc : crm__tag_end_put(e->t->txn, e->chunk, e->tag, e->row, 0);
}

int crm__tag_row(crm__tagging *t, uint32_t tag, int ends, crm_id id, int on)
{
    crm__tag_call e = {t, id >> CRM__CHUNK_SHIFT, tag, (uint32_t)(id & (CRM__CHUNK_ROWS - 1)), {0}};
    uint8_t key[CRM__KEY_TAG];
    crm__slice k = crm__key_tag(key, e.chunk, tag);
    int has, rc = crm__tag_row_in(t->txn, KV_TAG, k, e.row, &has);

    if (!rc && has == on && !(on && ends))
        return CRM_OK;
    if (!rc && has && on) {
        rc = renew(&e);
        crm__touch_tag_row(t->txn, tag, id);
        return rc ? fail(t, rc) : CRM_OK;
    }
    if (!rc && has == on)
        return CRM_OK;
    if (!rc)
        rc = on ? give(&e) : take(&e);
    if (!rc)
        rc = crm__edits_bit(&t->txn->edits, KV_TAG, k, e.row, on);
    if (rc)
        return fail(t, rc);
    crm__tag_one_switch(t->txn, e.chunk, e.row, tag, t->dimension, on);
    t->changed++;
    crm__touch_tag_row(t->txn, tag, id);
    return CRM_OK;
}

/* ---- many rows ---- */

static uint32_t both(const uint64_t *a, const uint64_t *b, uint64_t *out)
{
    uint64_t any = 0;

    for (int i = 0; i < CRM__SET_WORDS; i++)
        any |= out[i] = a[i] & b[i];
    return any != 0;
}

static void without(uint64_t *words, const uint64_t *less)
{
    for (int i = 0; i < CRM__SET_WORDS; i++)
        words[i] &= ~less[i];
}

static int is_empty(const uint64_t *words)
{
    uint64_t any = 0;

    for (int i = 0; i < CRM__SET_WORDS; i++)
        any |= words[i];
    return !any;
}

static int switch_words(crm__tag_call *e, uint32_t part, const uint64_t *words, int on)
{
    if (is_empty(words))
        return CRM_OK;
    return crm__edits_words(&e->t->txn->edits, KV_TAGGED, crm__tag_part_key(e, part), words, on);
}

/* Takes rows out of the parts of the entry that have them, and puts each into `from_added`,
 * `from_renewed` or, in none before, `from_none`; UINT32_MAX: into no part. */
static int move_parts(crm__tag_call *e, uint64_t *left, uint32_t from_added, uint32_t from_renewed,
                      uint32_t from_none)
{
    uint64_t words[CRM__SET_WORDS], some[CRM__SET_WORDS];
    uint8_t key[CRM__KEY_TAGGED], first[CRM__KEY_TAGGED];
    crm_txn *txn = e->t->txn;
    int rc = CRM_OK;

    crm__key_tagged(first, e->chunk, e->tag, e->t->seq, CRM__TAGGED_REMOVED);
    memcpy(key, first, sizeof key);
    while (!is_empty(left)) {
        uint32_t part, to;
        rc = crm__tag_near(txn, KV_TAGGED, crm__slice_of(key, sizeof key), 0, 1, key, sizeof key);
        if (rc == CRM_ENOTFOUND || (!rc && memcmp(key, first, sizeof key - 4) != 0))
            break;
        memset(words, 0, sizeof words);
        if (!rc)
            rc = crm__txn_set(txn, KV_TAGGED, crm__slice_of(key, sizeof key), words);
        if (rc)
            return rc;
        part = crm__get_be32(key + sizeof key - 4);
        to = part % 2 ? from_added : from_renewed;
        if (!both(words, left, some))
            continue;
        without(left, some);
        if (part == to)
            continue;
        rc = switch_words(e, part, some, 0);
        if (!rc && to != UINT32_MAX)
            rc = switch_words(e, to, some, 1);
        if (rc)
            return rc;
    }
    return switch_words(e, from_none, left, 1);
}

/* Adds rows to those that were changed. */
static void note_rows(uint64_t *rows, const uint64_t *words)
{
    for (int i = 0; rows && i < CRM__SET_WORDS; i++)
        rows[i] |= words[i];
}

static int give_words(crm__tag_call *e, int ends, const uint64_t *words, const uint64_t *now,
                      uint64_t *rows, uint32_t *changed)
{
    uint64_t anew[CRM__SET_WORDS], back[CRM__SET_WORDS], had[CRM__SET_WORDS];
    uint8_t key[CRM__KEY_TAG];
    crm__tagging *t = e->t;
    int rc;

    memcpy(anew, words, sizeof anew);
    without(anew, now);
    both(words, now, had);
    rc = ends ? crm__tag_ends_other(t->txn, e->chunk, e->tag, t->how.until, had) : CRM_OK;
    if (!rc && ends && t->keep && !t->how.until) {
        memset(back, 0, sizeof back);
        rc = crm__tag_words(t->txn, e->chunk, e->tag, ends, t->txn->now, back);
        without(had, back);
    }
    *changed = crm__set_count(anew) + (ends ? crm__set_count(had) : 0);
    if (rc || !*changed)
        return rc;
    note_rows(rows, anew);
    if (ends)
        note_rows(rows, had);
    memset(back, 0, sizeof back);
    rc = crm__txn_set(t->txn, KV_TAGGED, crm__tag_part_key(e, CRM__TAGGED_REMOVED), back);
    if (!rc)
        rc = group_of(t);
    if (!rc)
        rc = touch(t, e->chunk, e->tag);
    if (!rc && !is_empty(anew))
        rc = crm__edits_words(&t->txn->edits, KV_TAG, crm__key_tag(key, e->chunk, e->tag), anew, 1);
    both(back, anew, back);
    without(anew, back);
    if (!rc)
        rc = switch_words(e, CRM__TAGGED_REMOVED, back, 0);
    if (!rc)
        rc = switch_words(e, CRM__TAGGED_RENEWED(t->group), back, 1);
    if (!rc && t->how.until)
        rc = crm__tag_ends_put(t->txn, e->chunk, e->tag, back, t->how.until);
    if (!rc && t->how.until)
        rc = crm__tag_ends_put(t->txn, e->chunk, e->tag, anew, t->how.until);
    if (!rc && ends)
        rc = crm__tag_ends_put(t->txn, e->chunk, e->tag, had, t->how.until);
    if (!rc)
        rc = switch_words(e, CRM__TAGGED_ADDED(t->group), anew, 1);
    if (!rc && ends)
        rc = move_parts(e, had, CRM__TAGGED_ADDED(t->group), CRM__TAGGED_RENEWED(t->group),
                        CRM__TAGGED_RENEWED(t->group));
    return rc;
}

static int take_words(crm__tag_call *e, const uint64_t *words, const uint64_t *now, uint64_t *rows,
                      uint32_t *changed)
{
    uint64_t gone[CRM__SET_WORDS];
    uint8_t key[CRM__KEY_TAG];
    int rc;

    both(words, now, gone);
    *changed = crm__set_count(gone);
    if (!*changed)
        return CRM_OK;
    note_rows(rows, gone);
    rc = touch(e->t, e->chunk, e->tag);
    if (!rc)
        rc = crm__edits_words(&e->t->txn->edits, KV_TAG, crm__key_tag(key, e->chunk, e->tag), gone,
                              0);
    if (!rc)
        rc = crm__tag_ends_put(e->t->txn, e->chunk, e->tag, gone, 0);
    return rc ? rc : move_parts(e, gone, UINT32_MAX, CRM__TAGGED_REMOVED, CRM__TAGGED_REMOVED);
}

int crm__tag_chunk(crm__tagging *t, uint32_t tag, int ends, uint64_t chunk,
                   const uint64_t words[CRM__SET_WORDS], int on, uint64_t *rows)
{
    crm__tag_call e = {t, chunk, tag, 0, {0}};
    uint64_t now[CRM__SET_WORDS] = {0};
    uint8_t key[CRM__KEY_TAG];
    uint32_t n = 0;
    int rc = crm__txn_set(t->txn, KV_TAG, crm__key_tag(key, chunk, tag), now);

    crm__tag_parts_forget(&e);
    crm__tag_one_forget(t->txn, chunk);
    if (!rc)
        rc = on ? give_words(&e, ends, words, now, rows, &n) : take_words(&e, words, now, rows, &n);
    if (rc)
        return fail(t, rc);
    t->changed += n;
    if (n)
        crm__touch_tag(t->txn, tag, chunk, words);
    return CRM_OK;
}
