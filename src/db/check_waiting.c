/* SPDX-License-Identifier: MIT
 * Rows that wait (waiting.h) against the records: what one says of a customer's pieces is what the
 * record says, and its bits are right in the sets that the round has passed since it was put.
 * Elsewhere a bit of a row that waits may be either.
 */
#include "bits/set.h"
#include "db/check.h"
#include "db/waiting.h"

#include <string.h>

typedef struct one {
    uint32_t matched; /* pieces that the record has, too */
    uint8_t wrong;
} one;

typedef struct of_field {
    crm__waiting w;
    one *rows;
} of_field;

struct crm__check_waiting {
    crm__check *c;
    of_field *fields; /* of the chunk at hand, of fields with pieces that have any */
    size_t count, cap;
};

crm__check_waiting *crm__check_waiting_new(crm__check *c)
{
    crm__check_waiting *w = crm__calloc(&c->mem, 1, sizeof *w);

    if (!w)
        return NULL;
    w->c = c;
    w->cap = crm__model_count(c->model);
    w->fields = crm__calloc(&c->mem, w->cap + 1, sizeof *w->fields);
    if (w->fields)
        return w;
    crm__release(&c->mem, w);
    return NULL;
}

static void reset(crm__check_waiting *w)
{
    for (size_t i = 0; i < w->count; i++) {
        crm__waiting_clear(&w->fields[i].w);
        crm__release(&w->c->mem, w->fields[i].rows);
    }
    w->count = 0;
}

void crm__check_waiting_free(crm__check_waiting *w)
{
    if (!w)
        return;
    reset(w);
    crm__release(&w->c->mem, w->fields);
    crm__release(&w->c->mem, w);
}

/* ---- each row by itself ---- */

/* What was met of a field and a chunk. */
typedef struct met {
    crm__waiting_place at;
    uint32_t rounds, rows;
} met;

static void end(crm__check *c, met *m)
{
    if (m->rounds != (m->rows != 0) && m->rounds + m->rows)
        crm__check_fault(c, "bits", 0, -1, "where the round of pieces stands is lost");
    m->rounds = m->rows = 0;
}

static int sound(crm__check *c, crm__slice k, crm__slice v, met *m)
{
    uint64_t unused[CRM__GRAM_WORDS];
    crm__waiting_place at;
    crm__slice payload;
    const crm__field *f;

    if (!crm__waiting_key(k, &at) || crm__untag(&c->store, KV_BITS, k, v, &payload))
        return 0;
    if (at.field != m->at.field || at.chunk != m->at.chunk)
        end(c, m);
    m->at = at;
    m->rounds += at.row < 0;
    m->rows += at.row >= 0;
    f = crm__model_number(c->model, at.field);
    if (!f || !(f->index & CRM__INDEX_GRAMS) || at.chunk > c->last_id >> CRM__CHUNK_SHIFT)
        return 0;
    if (at.row < 0)
        return crm__waiting_saved(payload) >= 0;
    return ((uint64_t)at.chunk << CRM__CHUNK_SHIFT) + (uint32_t)at.row <= c->last_id &&
           crm__waiting_decode(payload, unused);
}

int crm__check_waiting_rows(crm__check_waiting *w)
{
    uint8_t first[4];
    crm__slice k, v;
    crm__check *c = w->c;
    met m = {{0, 0, 0, 0}, 0, 0};
    kv_cursor *cur;
    int rc = c->txn->kv->ops->cursor(c->txn->kv, KV_BITS, &cur);

    if (rc)
        return rc == CRM_ECORRUPT ? CRM_OK : rc; /* the sets are told of */
    crm__put_be32(first, CRM__BITS_NO_CHUNK);
    rc = cur->ops->seek(cur, KV_GE, crm__slice_of(first, sizeof first), &k, &v);
    while (!rc) {
        c->result.derived++;
        if (!sound(c, k, v, &m))
            crm__check_fault(c, "bits", 0, -1, "a row of pieces that wait is damaged");
        rc = crm__check_step(c, 1);
        if (!rc)
            rc = cur->ops->next(cur, &k, &v);
    }
    cur->ops->cursor_close(cur);
    end(c, &m);
    return rc == CRM_ENOTFOUND || rc == CRM_ECORRUPT ? CRM_OK : rc;
}

/* ---- a chunk ---- */

static int read_field(crm__check_waiting *w, uint64_t chunk, uint32_t field)
{
    of_field *f = &w->fields[w->count];
    int rc;

    crm__waiting_init(&f->w, &w->c->mem, (uint32_t)chunk, field);
    f->rows = NULL;
    rc = crm__waiting_read(&f->w, w->c->txn->kv);
    if (!rc && f->w.count) {
        f->rows = crm__calloc(&w->c->mem, f->w.count, sizeof *f->rows);
        if (f->rows) {
            w->count++;
            return CRM_OK;
        }
        rc = CRM_ENOMEM;
    }
    crm__waiting_clear(&f->w);
    return rc == CRM_ECORRUPT ? CRM_OK : rc; /* told already */
}

int crm__check_waiting_chunk(crm__check_waiting *w, uint64_t chunk)
{
    int rc = CRM_OK;

    reset(w);
    for (size_t i = 0; i < w->cap && !rc; i++) {
        const crm__field *f = crm__model_at(w->c->model, i);
        if (f->index & CRM__INDEX_GRAMS)
            rc = read_field(w, chunk, f->number);
    }
    return rc;
}

void crm__check_waiting_set(crm__check_waiting *w, uint32_t value, uint64_t *have,
                            const uint64_t *want)
{
    uint32_t gram = value & 0xffff;

    for (size_t i = 0; i < w->count && gram < CRM__GRAMS; i++) {
        const of_field *f = &w->fields[i];
        for (uint32_t k = 0; f->w.field == value >> 16 && k < f->w.count; k++) {
            const crm__waiting_row *r = &f->w.rows[k];
            int is = crm__set_has(want, r->row), says = crm__grams_have(r->has, gram);
            uint32_t behind = (gram + CRM__GRAMS - r->since) % CRM__GRAMS;
            f->rows[k].wrong |= is != says;
            f->rows[k].matched += (uint32_t)(is && says);
            if (behind >= ((uint32_t)f->w.next + CRM__GRAMS - r->since) % CRM__GRAMS)
                crm__set_put(have, r->row, is);
        }
    }
}

void crm__check_waiting_end(crm__check_waiting *w)
{
    for (size_t i = 0; i < w->count; i++) {
        const of_field *f = &w->fields[i];
        for (uint32_t k = 0; k < f->w.count; k++) {
            uint32_t pieces = 0;
            for (uint32_t n = 0; n < CRM__GRAM_WORDS; n++)
                pieces += (uint32_t)__builtin_popcountll(f->w.rows[k].has[n]);
            if (f->rows[k].wrong || f->rows[k].matched != pieces)
                crm__check_fault(w->c, "bits",
                                 ((uint64_t)f->w.chunk << CRM__CHUNK_SHIFT) + f->w.rows[k].row, -1,
                                 "the pieces that wait are not what the record says");
        }
    }
    reset(w);
}
