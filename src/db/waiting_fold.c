/* SPDX-License-Identifier: MIT
 * The round over the sets of pieces: see waiting.h.
 */
#include "bits/kernel.h"
#include "db/waiting.h"

#include <crm/codes.h>
#include <string.h>

/* Sets made before they are written; rows for which a set is looked at row by row before it is
 * taken apart; bits looked at in one go, for sets that are right already cost no bytes. */
enum { BATCH = 32, FEW = 8, LOOKS = 64 << 10 };
/* An engine keeps values up to here among others on a page, larger ones on pages of their own. */
enum { IN_PAGE = 2000, PAGE = 4096, PAGE_HEAD = 16 };

typedef struct made {
    uint32_t gram, stored; /* stored: bytes there are; 0: there is no set */
    size_t at, n;
} made;

typedef struct fold {
    const crm__waiting *w;
    crm__waiting_row *const *rows;
    uint32_t count;
    kv_txn *txn;
    const uint8_t *tag_key;
    int64_t bytes, looks;
    uint64_t any[CRM__GRAM_WORDS]; /* pieces that some row has */
    made made[BATCH];
    uint32_t n;
    crm__buf out, one;
} fold;

/* The first piece at or behind `from` that some row has; CRM__GRAMS: none. */
static uint32_t next_wanted(const fold *f, uint32_t from)
{
    for (uint32_t i = from / 64; i < CRM__GRAM_WORDS; i++) {
        uint64_t left = i == from / 64 ? f->any[i] & ~UINT64_C(0) << from % 64 : f->any[i];
        if (left)
            return i * 64 + (uint32_t)__builtin_ctzll(left);
    }
    return CRM__GRAMS;
}

/* What a value costs that is written: in the file and in the log. */
static int64_t cost_of(size_t n)
{
    return n <= IN_PAGE ? 2 * (int64_t)n + 64
                        : (int64_t)((n + PAGE_HEAD + PAGE - 1) / PAGE * PAGE + n);
}

/* Whether a few rows are in the set as they should be. */
static int is_right(const fold *f, uint32_t gram, crm__slice set)
{
    crm__set_view v;

    if (f->count > FEW || (set.n && crm__set_open(set, &v)))
        return 0;
    for (uint32_t i = 0; i < f->count; i++) {
        int in = set.n && crm__set_view_has(&v, f->rows[i]->row);
        if (in != crm__grams_have(f->rows[i]->has, gram))
            return 0;
    }
    return 1;
}

/* The set of a piece as the rows say, kept for writing when it differs.  CRM_DONE: it is too large
 * for what is left. */
static int make(fold *f, uint32_t gram, crm__slice stored)
{
    uint64_t words[CRM__SET_WORDS] = {0}, differ = 0;
    crm__slice set = {stored.p, stored.n ? stored.n - CRM__TAG_SIZE : 0};
    int64_t cost;

    f->looks -= f->count;
    if (is_right(f, gram, set))
        return CRM_OK;
    if (set.n && crm__set_load(set, words))
        return CRM_ECORRUPT;
    for (uint32_t i = 0; i < f->count; i++) {
        const crm__waiting_row *r = f->rows[i];
        int has = crm__grams_have(r->has, gram);
        differ |= (uint64_t)(has != crm__set_has(words, r->row));
        crm__set_put(words, r->row, has);
    }
    if (!differ)
        return CRM_OK;
    f->made[f->n] = (made){gram, (uint32_t)stored.n, f->out.n, 0};
    crm__set_store(words, &f->out);
    if (f->out.failed)
        return CRM_ENOMEM;
    f->made[f->n].n = f->out.n - f->made[f->n].at;
    cost = cost_of(f->made[f->n].n + CRM__TAG_SIZE);
    if (cost > f->bytes) {
        f->out.n = f->made[f->n].at;
        return CRM_DONE;
    }
    f->bytes -= cost;
    f->n++;
    return CRM_OK;
}

/* Sets from *from on, until there are enough for now.  The cursor sees no write.  CRM_DONE: the next
 * one is too large for what is left. */
static int gather(fold *f, kv_cursor *c, uint32_t *from, uint32_t until)
{
    uint8_t key[CRM__KEY_BITS];
    crm__slice k, v, at = crm__key_bits(key, f->w->chunk, CRM__BITS_GRAM, f->w->field << 16 | *from);
    int rc = c->ops->seek(c, KV_GE, at, &k, &v), done;

    while (*from < until && f->n < BATCH && f->looks > 0) {
        uint32_t wanted = next_wanted(f, *from), have = CRM__GRAMS, gram;
        if (!rc && k.n == CRM__KEY_BITS && memcmp(k.p, key, CRM__KEY_BITS - 2) == 0)
            have = crm__get_be16(k.p + CRM__KEY_BITS - 2);
        if (rc && rc != CRM_ENOTFOUND)
            return rc;
        gram = have < wanted ? have : wanted;
        if (gram >= until) {
            *from = until;
            break;
        }
        if (have == gram && v.n <= CRM__TAG_SIZE)
            return CRM_ECORRUPT;
        done = make(f, gram, have == gram ? v : crm__slice_of(NULL, 0));
        if (done)
            return done;
        *from = gram + 1;
        if (have == gram)
            rc = c->ops->next(c, &k, &v);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int write_made(fold *f)
{
    uint8_t key[CRM__KEY_BITS];
    int rc = CRM_OK;

    for (uint32_t i = 0; i < f->n && !rc; i++) {
        const made *m = &f->made[i];
        crm__slice k = crm__key_bits(key, f->w->chunk, CRM__BITS_GRAM, f->w->field << 16 | m->gram);
        f->one.n = 0;
        crm__buf_add(&f->one, f->out.p + m->at, m->n);
        if (!crm__buf_reserve(&f->one, CRM__TAG_SIZE) || f->one.failed)
            return CRM_ENOMEM;
        if (m->n)
            rc = crm__edits_write(f->txn, f->tag_key, KV_BITS, k, f->one.p, m->n, 0);
        else if (m->stored)
            rc = f->txn->ops->del(f->txn, KV_BITS, k);
    }
    f->n = 0;
    f->out.n = 0;
    return rc;
}

int crm__waiting_fold(const crm__waiting *w, crm__waiting_row *const *rows, uint32_t count,
                      kv_txn *txn, const uint8_t *tag_key, uint32_t from, uint32_t *until,
                      int64_t *bytes)
{
    fold *f = crm__calloc(w->mem, 1, sizeof *f);
    int rc = CRM_OK;

    if (!f)
        return CRM_ENOMEM;
    f->w = w;
    f->rows = rows;
    f->count = count;
    f->txn = txn;
    f->tag_key = tag_key;
    f->bytes = *bytes;
    f->looks = *bytes == INT64_MAX ? INT64_MAX : LOOKS;
    crm__buf_init(&f->out, w->mem);
    crm__buf_init(&f->one, w->mem);
    for (uint32_t i = 0; i < count; i++) {
        for (int k = 0; k < CRM__GRAM_WORDS; k++)
            f->any[k] |= rows[i]->has[k];
    }
    while (!rc && from < *until && f->looks > 0) {
        kv_cursor *c;
        int written;
        rc = txn->ops->cursor(txn, KV_BITS, &c);
        if (rc)
            break;
        rc = gather(f, c, &from, *until);
        c->ops->cursor_close(c);
        written = !rc || rc == CRM_DONE ? write_made(f) : rc;
        rc = written ? written : rc;
    }
    rc = rc == CRM_DONE ? CRM_OK : rc;
    *until = from;
    *bytes = f->bytes;
    crm__buf_clear(&f->out);
    crm__buf_clear(&f->one);
    crm__release(w->mem, f);
    return rc;
}
