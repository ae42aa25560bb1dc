/* SPDX-License-Identifier: MIT
 * Running a plan: steps narrow the candidates of one chunk, and/or/not combine them.
 */
#include "segment/step.h"

#include "base/time.h"
#include "db/derive.h"

#include <string.h>
#include <time.h>

enum { LOOK_EVERY = 256 }; /* records or timelines between two looks at progress: under 1 ms */

int crm__run_begin(crm__run *r, crm__plan *p, crm_progress_fn progress, void *ctx, crm_error *err)
{
    memset(r, 0, sizeof *r);
    r->plan = p;
    r->txn = p->txn;
    r->progress = progress;
    r->progress_ctx = ctx;
    crm__buf_init(&r->scratch, p->txn->mem);
    crm__buf_init(&r->block, p->txn->mem);
    crm__arena_init(&r->work, p->txn->mem);
    r->words = crm__alloc(p->txn->mem, (size_t)(p->depth + 1) * CRM__SET_WORDS * sizeof *r->words);
    return r->words ? CRM_OK : crm__fail_nomem(err);
}

void crm__run_end(crm__run *r)
{
    const crm_allocator *mem = r->scratch.mem; /* the transaction may have ended */

    crm__release(mem, r->words);
    crm__buf_clear(&r->scratch);
    crm__buf_clear(&r->block);
    crm__arena_clear(&r->work);
    crm__record_clear(mem, &r->record);
    crm__days_end(r);
    memset(r, 0, sizeof *r);
}

void crm__run_saw(crm__run *r, kv_space space, crm__slice key)
{
    crm__slice stored;

    if (r->timed && !r->txn->kv->ops->get(r->txn->kv, space, key, &stored))
        r->bytes += stored.n;
}

int crm__run_read(crm__run *r)
{
    if (++r->reads < LOOK_EVERY)
        return CRM_OK;
    r->reads = 0;
    if (r->progress && r->progress(r->chunk, r->plan->chunks, r->progress_ctx))
        return CRM_ECANCELLED;
    return CRM_OK;
}

/* ---- and, or, not ---- */

static uint64_t *take_words(crm__run *r)
{
    return r->words + (size_t)r->level++ * CRM__SET_WORDS;
}

static void give_words(crm__run *r)
{
    r->level--;
}

static int narrow_and(crm__run *r, crm__step *s, uint32_t from, uint64_t *words)
{
    for (uint32_t i = from; i < s->child_count; i++) {
        int rc = crm__run_narrow(r, s->children[i], words);
        if (rc)
            return rc;
        if (i + 1 < s->child_count && !crm__words_any(words))
            return CRM_OK;
    }
    return CRM_OK;
}

/* A child is asked only about what none before it has taken. */
static int narrow_or(crm__run *r, crm__step *s, uint64_t *words)
{
    uint64_t *found = take_words(r), *left = take_words(r);
    int rc = CRM_OK;

    memset(found, 0, CRM__SET_WORDS * sizeof *found);
    for (uint32_t c = 0; c < s->child_count && !rc; c++) {
        uint64_t any = 0;
        for (int i = 0; i < CRM__SET_WORDS; i++) {
            left[i] = words[i] & ~found[i];
            any |= left[i];
        }
        if (!any)
            break;
        rc = crm__run_narrow(r, s->children[c], left);
        for (int i = 0; i < CRM__SET_WORDS; i++)
            found[i] |= left[i];
    }
    crm__words_and(words, found);
    give_words(r);
    give_words(r);
    return rc;
}

static int narrow_not(crm__run *r, crm__step *s, uint64_t *words)
{
    uint64_t *found;
    int rc;

    if (!r->timed && crm__sets_cut(r, s->children[0], words, &rc))
        return rc;
    found = take_words(r);
    memcpy(found, words, CRM__SET_WORDS * sizeof *found);
    rc = crm__run_narrow(r, s->children[0], found);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        words[i] &= ~found[i];
    give_words(r);
    return rc;
}

static int narrow(crm__run *r, crm__step *s, uint64_t *words)
{
    switch (s->op) {
    case CRM__STEP_ALL:
        return CRM_OK;
    case CRM__STEP_AND:
        return s->waiting && crm__waiting_in(r, s) ? crm__waiting_narrow(r, s, words)
                                                   : narrow_and(r, s, 0, words);
    case CRM__STEP_OR:
        return narrow_or(r, s, words);
    case CRM__STEP_NOT:
        return narrow_not(r, s, words);
    case CRM__STEP_SETS:
        return crm__sets_narrow(r, s, words);
    case CRM__STEP_COLUMN:
        return crm__column_narrow(r, s, words);
    case CRM__STEP_IDS:
        return crm__ids_narrow(r, s, words);
    case CRM__STEP_RECORD:
        return crm__record_narrow(r, s, words);
    case CRM__STEP_DAYS:
        return crm__days_narrow(r, s, words);
    case CRM__STEP_EVENTS:
        return crm__events_narrow(r, s, words);
    default:
        memset(words, 0, CRM__SET_WORDS * sizeof *words);
        return CRM_OK;
    }
}

static uint64_t nanoseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int crm__run_narrow(crm__run *r, crm__step *s, uint64_t *words)
{
    uint64_t began, bytes = r->bytes;
    int rc;

    if (!r->timed)
        return narrow(r, s, words);
    began = nanoseconds();
    rc = narrow(r, s, words);
    s->took += nanoseconds() - began;
    s->bytes += r->bytes - bytes;
    s->rows += crm__set_count(words);
    return rc;
}

/* ---- chunks ---- */

int crm__run_chunk(crm__run *r, uint64_t chunk, uint64_t *words, int *any)
{
    uint32_t from;
    int rc;

    r->chunk = chunk;
    if (r->progress && r->progress(chunk, r->plan->chunks, r->progress_ctx))
        return CRM_ECANCELLED;
    rc = crm__small_begin(r, words, &from);
    if (!rc) {
        rc = narrow_and(r, r->plan->root, from, words);
    } else if (rc == CRM_DONE) {
        memset(words, 0, CRM__SET_WORDS * sizeof *words);
        rc = crm__visible(r->txn, chunk, words);
        if (!rc && crm__words_any(words))
            rc = crm__run_narrow(r, r->plan->root, words);
    }
    *any = !rc && crm__words_any(words);
    return rc;
}

int crm__run_one(crm__run *r, crm_id id, uint64_t *words, int *in)
{
    uint32_t row = (uint32_t)(id & 0xffff);
    int rc, live;

    r->chunk = id >> CRM__CHUNK_SHIFT;
    memset(words, 0, CRM__SET_WORDS * sizeof *words);
    rc = crm__visible(r->txn, r->chunk, words);
    live = crm__set_has(words, row);
    memset(words, 0, CRM__SET_WORDS * sizeof *words);
    crm__set_put(words, row, 1);
    if (!rc && live)
        rc = crm__run_narrow(r, r->plan->root, words);
    *in = !rc && live && crm__set_has(words, row);
    return rc;
}

/* Whether every row that was ever given in the chunk is in the root, so that sets, which have no
 * others, need not be cut by it. */
static int all_live(crm__run *r, const crm__set_at *root)
{
    uint64_t next = r->txn->state.counters.next_id, first = r->chunk << CRM__CHUNK_SHIFT;
    uint64_t given = next - first < CRM__CHUNK_ROWS ? next - first : CRM__CHUNK_ROWS;

    return root->present && !root->words && root->view.rows == given - (r->chunk == 0);
}

/* ---- counts of sets, with the whole chunk alive ---- */

/* Sets of an `and`: rows in any set of each term, and in none of what is not wanted. */
enum { TERMS = 8, TERM_SETS = 16 };
typedef struct term {
    int negated;
    uint32_t count;
    crm__set_view *views;
} term;

typedef struct terms {
    term of[TERMS];
    uint32_t count, used;
    crm__set_view views[TERM_SETS];
} terms;

/* CRM_DONE: the step is no term, or not all of it lies in place; CRM_ENOTFOUND: no row passes. */
static int add_term(crm__run *r, const crm__step *s, terms *t)
{
    term *at = &t->of[t->count];
    uint64_t room[CRM__SET_WORDS];
    int negated = s->op == CRM__STEP_NOT;

    s = negated ? s->children[0] : s;
    if (s->op != CRM__STEP_SETS || s->set_count > TERM_SETS - t->used)
        return CRM_DONE;
    *at = (term){negated, 0, t->views + t->used};
    for (uint32_t i = 0; i < s->set_count; i++) {
        crm__set_at set;
        int rc = crm__set_find(r, &s->sets[i], room, &set);
        if (rc || set.words)
            return rc ? rc : CRM_DONE;
        if (set.present)
            at->views[at->count++] = set.view;
    }
    t->used += at->count;
    t->count += at->count != 0;
    return at->count || negated ? CRM_OK : CRM_ENOTFOUND;
}

/* The term that the others are counted in: one set, the one with the most rows. */
static const term *last_of(const terms *t)
{
    const term *last = NULL;

    for (const term *at = t->of; at < t->of + t->count; at++) {
        if (!at->negated && at->count == 1 && (!last || at->views->rows > last->views->rows))
            last = at;
    }
    return last;
}

static void any_of(const term *t, uint64_t *words)
{
    crm__set_copy(&t->views[0], words);
    for (uint32_t i = 1; i < t->count; i++)
        crm__set_or(&t->views[i], words);
}

static uint64_t count_terms(const terms *t)
{
    uint64_t words[CRM__SET_WORDS], any[CRM__SET_WORDS];
    const term *last = last_of(t), *end = t->of + t->count;
    int some = 0;

    for (const term *at = t->of; at < end; at++) {
        if (at == last || at->negated)
            continue;
        if (!some)
            any_of(at, words);
        else if (at->count == 1)
            crm__set_and(&at->views[0], words);
        if (some && at->count > 1) {
            any_of(at, any);
            crm__words_and(words, any);
        }
        some = 1;
    }
    if (!some) { /* what is not wanted is taken from the last itself */
        any_of(last, words);
        last = NULL;
    }
    for (const term *at = t->of; at < end; at++) {
        for (uint32_t i = 0; i < at->count && at->negated; i++)
            crm__set_andnot(&at->views[i], words);
    }
    return last ? crm__set_and_count(last->views, words) : crm__set_count(words);
}

/* Whether sets of the chunk need not be cut by the root. */
static int no_cut(crm__run *r, int *yes)
{
    static const crm__set_ref ROOT = {KV_BITS, CRM__BITS_ROOT, 0, CRM__ROOT_LIVE};
    uint64_t room[CRM__SET_WORDS];
    crm__set_at root;
    int rc = CRM_OK;

    *yes = crm__visible_given(r->txn);
    if (*yes)
        return CRM_OK;
    rc = crm__set_find(r, &ROOT, room, &root);
    *yes = !rc && all_live(r, &root);
    return rc;
}

/* CRM_DONE: it can't be told so. */
static int count_sets(crm__run *r, uint64_t *count)
{
    const crm__step *s = r->plan->root;
    crm__step *const *steps = s->op == CRM__STEP_AND ? s->children : (crm__step *const *)&s;
    uint32_t n = s->op == CRM__STEP_AND ? s->child_count : 1, wanted = 0;
    terms t;
    int rc, yes;

    if (n > TERMS || r->timed)
        return CRM_DONE;
    for (uint32_t i = 0; i < n; i++) {
        const crm__step *of = steps[i]->op == CRM__STEP_NOT ? steps[i]->children[0] : steps[i];
        if (of->op != CRM__STEP_SETS)
            return CRM_DONE;
        wanted += steps[i]->op == CRM__STEP_SETS;
    }
    if (!wanted)
        return CRM_DONE;
    rc = no_cut(r, &yes);
    if (rc || !yes)
        return rc ? rc : CRM_DONE;
    t.count = t.used = 0;
    for (uint32_t i = 0; i < n && !rc; i++)
        rc = add_term(r, steps[i], &t);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    if (t.count == 1 && t.of[0].count == 1)
        *count += t.of[0].views->rows;
    else if (t.count == 2 && t.used == 2 && !t.of[0].negated && !t.of[1].negated)
        *count += crm__set_pair_count(t.of[0].views, t.of[1].views);
    else
        *count += count_terms(&t);
    return CRM_OK;
}

int crm__run_count(crm__run *r, uint64_t chunk, uint64_t *words, uint64_t *count)
{
    int any, rc;

    r->chunk = chunk;
    if (r->progress && r->progress(chunk, r->plan->chunks, r->progress_ctx))
        return CRM_ECANCELLED;
    rc = count_sets(r, count);
    if (rc == CRM_DONE)
        rc = crm__small_count(r, count);
    if (rc != CRM_DONE)
        return rc;
    rc = crm__run_chunk(r, chunk, words, &any);
    if (!rc && any)
        *count += crm__set_count(words);
    return rc;
}
