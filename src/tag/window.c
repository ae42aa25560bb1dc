/* SPDX-License-Identifier: MIT
 * Tags of customers who are asked for in order of their ids, for walks over all of them: the sets
 * of some thousand neighbours are turned round at once, so that a customer costs a step for each
 * of its own tags, and not a look-up for each tag there is.
 */
#include "db/tag_end.h"
#include "tag/tag.h"

#include <string.h>

/* Customers at a time: with a thousand tags each, 64 MB. */
enum { WINDOW = 8192 };

/* A tag of a row; those of one row hang together. */
typedef struct link {
    uint32_t tag, next; /* place + 1 */
} link;

int crm__tag_window_open(crm_txn *txn, crm__tag_window *w, crm_error *err)
{
    int rc;

    memset(w, 0, sizeof *w);
    w->txn = txn;
    crm__arena_init(&w->names, txn->mem);
    crm__buf_init(&w->tags, txn->mem);
    crm__buf_init(&w->links, txn->mem);
    rc = crm__txn_model(txn, &w->model, err);
    for (size_t i = 0; !rc && i < crm__model_dimension_count(w->model); i++) {
        rc = crm__tag_of_dimension(txn, w->model, crm__model_dimension_at(w->model, i), &w->names,
                                   &w->tags);
        if (rc)
            crm__txn_fail(txn, rc, "can't read the tags", err);
    }
    if (!rc) {
        w->first = crm__alloc(txn->mem, WINDOW * sizeof *w->first);
        if (!w->first)
            rc = crm__fail_nomem(err);
    }
    return rc;
}

void crm__tag_window_close(crm__tag_window *w)
{
    if (!w->txn)
        return;
    crm__release(w->links.mem, w->first);
    crm__arena_clear(&w->names);
    crm__buf_clear(&w->tags);
    crm__buf_clear(&w->links);
    w->txn = NULL;
}

static const crm__tag *tag_at(const crm__tag_window *w, size_t i)
{
    return (const crm__tag *)(const void *)w->tags.p + i;
}

/* One tag's rows of the window, put in front of what hangs at each. */
static int hang(crm__tag_window *w, uint32_t tag, crm_id from)
{
    const crm__tag *t = tag_at(w, tag);
    uint64_t words[CRM__SET_WORDS] = {0};
    uint32_t low = (uint32_t)(from & ((1u << CRM__CHUNK_SHIFT) - 1));
    int rc = crm__tag_words(w->txn, from >> CRM__CHUNK_SHIFT, t->number, t->dimension->expires,
                            w->txn->now, words);

    for (uint32_t i = low / 64; !rc && i < (low + WINDOW) / 64; i++) {
        for (uint64_t bits = words[i]; bits; bits &= bits - 1) {
            uint32_t row = i * 64 + (uint32_t)__builtin_ctzll(bits) - low;
            link l = {tag, w->first[row]};
            crm__buf_add(&w->links, &l, sizeof l);
            w->first[row] = (uint32_t)(w->links.n / sizeof l);
        }
        if (w->links.failed)
            rc = CRM_ENOMEM;
    }
    return rc;
}

static int turn(crm__tag_window *w, crm_id id)
{
    crm_id from = id / WINDOW * WINDOW;
    int rc = CRM_OK;

    memset(w->first, 0, WINDOW * sizeof *w->first);
    w->links.n = 0;
    for (size_t i = w->tags.n / sizeof(crm__tag); i > 0 && !rc; i--)
        rc = hang(w, (uint32_t)i - 1, from);
    w->from = from;
    w->filled = !rc;
    return rc;
}

int crm__tag_window_at(crm__tag_window *w, crm_id id, crm_error *err)
{
    int rc = CRM_OK;

    if (w->tags.n && (!w->filled || id < w->from || id - w->from >= WINDOW))
        rc = turn(w, id);
    if (rc)
        return crm__txn_fail(w->txn, rc, "can't read the tags", err);
    w->id = id;
    w->at = w->tags.n ? w->first[id - w->from] : 0;
    return CRM_OK;
}

int crm__tag_window_next(crm__tag_window *w, crm__tag *tag, int64_t *until, crm_error *err)
{
    int rc = CRM_OK;
    link l;

    *until = 0;
    if (!w->at)
        return CRM_DONE;
    memcpy(&l, w->links.p + (w->at - 1) * sizeof l, sizeof l);
    w->at = l.next;
    *tag = *tag_at(w, l.tag);
    if (tag->dimension->expires)
        rc = crm__tag_end(w->txn, w->id >> CRM__CHUNK_SHIFT, tag->number,
                          (uint32_t)w->id % CRM__CHUNK_ROWS, until);
    return rc ? crm__txn_fail(w->txn, rc, "can't read the tags", err) : CRM_OK;
}
