/* SPDX-License-Identifier: MIT
 * Steps answered by stored sets: tags, values, presence, kinds.
 */
#include "segment/step.h"

#include <string.h>

static crm__slice key_of(const crm__set_ref *ref, uint64_t chunk, uint8_t key[CRM__KEY_BITS])
{
    return ref->space == KV_TAG ? crm__key_tag(key, chunk, ref->value)
                                : crm__key_bits(key, chunk, ref->index, ref->value);
}

/* The set of a tag and the blocks that say when it ends. */
static void saw_ends(crm__run *r, const crm__set_ref *ref, crm__slice k)
{
    uint8_t key[CRM__KEY_COLUMN];

    crm__run_saw(r, KV_TAG, k);
    for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS && r->timed; b++)
        crm__run_saw(r, KV_COLUMN,
                     crm__key_column(key, r->chunk, CRM__COLUMN_UNTIL | ref->value, b));
}

int crm__set_find(crm__run *r, const crm__set_ref *ref, uint64_t *room, crm__set_at *out)
{
    kv_txn *kv = r->txn->kv;
    uint8_t key[CRM__KEY_BITS];
    crm__slice k = key_of(ref, r->chunk, key), stored;
    uint32_t edits = 0;
    int rc, ends = ref->ends;

    if (ends && !r->txn->write) {
        rc = crm__tag_ends_any(r->txn, r->chunk, ref->value, &ends);
        if (rc)
            return rc;
    }
    if (ref->space == KV_TAG && ends) {
        saw_ends(r, ref, k);
        memset(room, 0, CRM__SET_WORDS * sizeof *room);
        out->words = room;
        out->present = 1;
        return crm__tag_words(r->txn, r->chunk, ref->value, ref->ends, r->txn->now, room);
    }
    if (r->txn->write)
        (void)crm__edits_ops(&r->txn->edits, (kv_space)ref->space, k, &edits);
    if (edits) {
        crm__run_saw(r, (kv_space)ref->space, k);
        memset(room, 0, CRM__SET_WORDS * sizeof *room);
        out->words = room;
        out->present = 1;
        return crm__txn_set(r->txn, (kv_space)ref->space, k, room);
    }
    out->words = NULL;
    out->present = 0;
    rc = kv->ops->get(kv, (kv_space)ref->space, k, &stored);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    if (stored.n < CRM__TAG_SIZE)
        return CRM_ECORRUPT;
    r->bytes += stored.n;
    stored.n -= CRM__TAG_SIZE;
    out->present = 1;
    return crm__set_open(stored, &out->view);
}

uint32_t crm__set_at_rows(const crm__set_at *s)
{
    return !s->present ? 0 : s->words ? crm__set_count(s->words) : s->view.rows;
}

static void or_words(uint64_t *words, const crm__set_at *s)
{
    if (!s->words) {
        crm__set_or(&s->view, words);
        return;
    }
    for (int i = 0; i < CRM__SET_WORDS; i++)
        words[i] |= s->words[i];
}

int crm__sets_narrow(crm__run *r, const crm__step *s, uint64_t *words)
{
    uint64_t room[CRM__SET_WORDS], any[CRM__SET_WORDS];
    crm__set_at at;
    int rc, found = 0;

    if (s->set_count == 1) {
        rc = crm__set_find(r, &s->sets[0], room, &at);
        if (rc)
            return rc;
        if (!at.present)
            memset(words, 0, sizeof room);
        else if (at.words)
            crm__words_and(words, at.words);
        else
            crm__set_and(&at.view, words);
        return CRM_OK;
    }
    memset(any, 0, sizeof any);
    for (uint32_t i = 0; i < s->set_count; i++) {
        rc = crm__set_find(r, &s->sets[i], room, &at);
        if (rc)
            return rc;
        if (at.present)
            or_words(any, &at);
        found |= at.present;
    }
    if (!found)
        memset(words, 0, sizeof any);
    else
        crm__words_and(words, any);
    return CRM_OK;
}

int crm__sets_cut(crm__run *r, const crm__step *s, uint64_t *words, int *rc)
{
    uint64_t room[CRM__SET_WORDS];
    crm__set_at at;

    if (s->op != CRM__STEP_SETS || s->set_count != 1)
        return 0;
    *rc = crm__set_find(r, &s->sets[0], room, &at);
    if (*rc || !at.present)
        return 1;
    if (!at.words)
        crm__set_andnot(&at.view, words);
    for (int i = 0; i < CRM__SET_WORDS && at.words; i++)
        words[i] &= ~at.words[i];
    return 1;
}

/* Rows of the sets in a few chunks, spread over all of them, as a guess at the whole. */
enum { SAMPLE = 4 };

int crm__sets_estimate(crm__plan *p, crm__step *s)
{
    crm__run r = {.plan = p, .txn = p->txn};
    uint64_t room[CRM__SET_WORDS], step = p->chunks > SAMPLE ? p->chunks / SAMPLE : 1, looked = 0;
    uint32_t sets = s->set_count < 64 ? s->set_count : 64;

    s->estimate = 0;
    if (p->few)
        return CRM_OK;
    for (uint64_t c = 0; c < p->chunks; c += step) {
        r.chunk = c;
        looked++;
        for (uint32_t i = 0; i < sets; i++) {
            crm__set_at at;
            int rc = crm__set_find(&r, &s->sets[i], room, &at);
            if (rc)
                return rc;
            s->estimate += crm__set_at_rows(&at);
        }
    }
    if (looked)
        s->estimate = s->estimate * p->chunks / looked;
    if (sets)
        s->estimate = s->estimate * s->set_count / sets;
    return CRM_OK;
}
