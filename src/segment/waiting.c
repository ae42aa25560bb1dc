/* SPDX-License-Identifier: MIT
 * Pieces of a text in questions, where rows of a chunk wait to get into the sets (db/waiting.h):
 * beside those that the sets give, rows that wait and have all pieces are asked for the text.
 */
#include "db/waiting.h"
#include "segment/step.h"

#include <string.h>

struct crm__step_waiting {
    uint32_t field, count;
    uint16_t *grams;  /* of what is asked, ascending */
    uint64_t *chunks; /* where rows wait */
};

/* Up to the field in a key of rows that wait. */
enum { WAITING_FIELD = CRM__KEY_WAITING - 4 };

/* Marks the chunks with rows that wait.  CRM_ENOTFOUND: there are no more. */
static int mark_chunks(crm__plan *p, struct crm__step_waiting *w)
{
    uint8_t key[CRM__KEY_WAITING];
    crm__waiting_place at = {w->field, 0, 0, 0};
    crm__slice k, v;
    int rc;
    kv_cursor *c = crm__txn_cursor(p->txn, KV_BITS, &rc);

    while (!rc) {
        rc = c->ops->seek(c, KV_GE, crm__key_waiting(key, w->field, at.chunk), &k, &v);
        if (rc || k.n < WAITING_FIELD || memcmp(k.p, key, WAITING_FIELD) != 0)
            return rc ? rc : CRM_ENOTFOUND;
        if (!crm__waiting_key(k, &at) || at.chunk >= p->chunks)
            return CRM_ECORRUPT;
        if (!w->chunks) {
            size_t n = (size_t)(p->chunks / 64 + 1) * sizeof *w->chunks;
            w->chunks = crm__arena_alloc(&p->a, n);
            if (!w->chunks)
                return CRM_ENOMEM;
            memset(w->chunks, 0, n);
        }
        w->chunks[at.chunk / 64] |= UINT64_C(1) << at.chunk % 64;
        at.chunk++;
    }
    return rc;
}

int crm__waiting_plan(crm__plan *p, crm__step *s, uint32_t field, const uint64_t *pieces)
{
    struct crm__step_waiting w = {field, 0, NULL, NULL};
    int rc = mark_chunks(p, &w);

    if (rc != CRM_ENOTFOUND)
        return rc;
    if (!w.chunks)
        return CRM_OK;
    w.grams = crm__arena_alloc(&p->a, CRM__GRAMS * sizeof *w.grams);
    s->waiting = crm__arena_alloc(&p->a, sizeof *s->waiting);
    if (!w.grams || !s->waiting)
        return CRM_ENOMEM;
    for (uint32_t gram = 0; gram < CRM__GRAMS; gram++) {
        if (crm__grams_have(pieces, gram))
            w.grams[w.count++] = (uint16_t)gram;
    }
    *s->waiting = w;
    return CRM_OK;
}

int crm__waiting_in(const crm__run *r, const crm__step *s)
{
    return (int)(s->waiting->chunks[r->chunk / 64] >> r->chunk % 64 & 1);
}

static int list_has(crm__slice list, uint32_t gram)
{
    size_t lo = 0, hi = list.n / 2;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (crm__get_le16(list.p + 2 * mid) < gram)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < list.n / 2 && crm__get_le16(list.p + 2 * lo) == gram;
}

/* Whether the text is to be asked for: also of a row that can't be read. */
static int may_have(const struct crm__step_waiting *w, crm__slice stored)
{
    crm__slice pieces = {stored.p + 1, 0};
    int list = stored.n > 0 && stored.p[0] == CRM__WAITING_LIST;

    if (stored.n < 1 + CRM__TAG_SIZE)
        return 1;
    pieces.n = stored.n - 1 - CRM__TAG_SIZE;
    if (!list && pieces.n != CRM__GRAMS / 8)
        return 1;
    for (uint32_t i = 0; i < w->count; i++) {
        uint32_t gram = w->grams[i];
        if (list ? !list_has(pieces, gram) : !(pieces.p[gram / 8] >> gram % 8 & 1))
            return 0;
    }
    return 1;
}

/* Adds those that are in words. */
static int add_waiting(crm__run *r, const struct crm__step_waiting *w, const uint64_t *words,
                       uint64_t *found)
{
    uint8_t key[CRM__KEY_WAITING];
    crm__slice from = crm__key_waiting(key, w->field, r->chunk), k, v;
    int rc;
    kv_cursor *c = crm__txn_cursor(r->txn, KV_BITS, &rc);

    if (!rc)
        rc = c->ops->seek(c, KV_GE, from, &k, &v);
    while (!rc && k.n >= from.n && memcmp(k.p, from.p, from.n) == 0) {
        if (k.n == CRM__KEY_WAITING_ROW) {
            uint32_t row = crm__get_be16(k.p + CRM__KEY_WAITING_ROUND);
            r->bytes += v.n;
            if (crm__set_has(words, row) && may_have(w, v))
                crm__set_put(found, row, 1);
        } else if (k.n != CRM__KEY_WAITING_ROUND) {
            return CRM_ECORRUPT;
        }
        rc = c->ops->next(c, &k, &v);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__waiting_narrow(crm__run *r, crm__step *s, uint64_t *words)
{
    uint64_t *found = r->words + (size_t)r->level++ * CRM__SET_WORDS;
    int rc = CRM_OK;

    memcpy(found, words, CRM__SET_WORDS * sizeof *found);
    for (uint32_t i = 0; i < s->child_count && !rc; i++) {
        if (s->children[i]->op != CRM__STEP_RECORD)
            rc = crm__run_narrow(r, s->children[i], found);
    }
    if (!rc)
        rc = add_waiting(r, s->waiting, words, found);
    if (!rc)
        memcpy(words, found, CRM__SET_WORDS * sizeof *found);
    r->level--;
    for (uint32_t i = 0; i < s->child_count && !rc && crm__words_any(words); i++) {
        if (s->children[i]->op == CRM__STEP_RECORD)
            rc = crm__run_narrow(r, s->children[i], words);
    }
    return rc;
}
