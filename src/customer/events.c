/* SPDX-License-Identifier: MIT
 * The member "events" of a customer's document: checked with the document, added once the customer
 * is stored, written in order of numbers.
 *
 * The numbers in a document are its own: the customer who takes it may have events already, or the
 * document lack some that were out of view.  A map leads from them to those the events got.
 */
#include "customer/customer.h"
#include "event/event.h"
#include "model/member.h"

#include <stdlib.h>
#include <string.h>

/* An item of the list. */
typedef struct entry {
    uint32_t number;  /* its name in the document, 0: none */
    uint32_t voids;   /* as it stands there */
    uint32_t mapped;  /* number that the event has at the customer, 0: none yet */
    uint8_t is_void;  /* a plain void */
    uint8_t taken;    /* its state says that it counts no more */
    uint8_t answered; /* another item voids it */
    uint8_t loose;    /* mapped by its reference to an event that says something else */
} entry;

/* Where an item with a number stands. */
typedef struct place {
    uint32_t number, item;
} place;

typedef struct map {
    entry *entries; /* as the list */
    place *places;  /* in order of numbers */
    uint32_t count, numbered;
} map;

/* ---- the map ---- */

static int fault(const char *member, size_t i, const char *what, crm_error *err)
{
    return crm__fail_field(err, CRM_EVALUE, member, "%s: of event %llu of the document: %s", member,
                           (unsigned long long)i + 1, what);
}

/* A number of an event; absent: 0. */
static int read_number(const crm__json *item, const char *member, size_t i, uint32_t *out,
                       crm_error *err)
{
    const crm__json *v = crm__json_member(item, member);
    crm__slice t = crm__json_text(v);
    uint64_t n = 0;

    *out = 0;
    if (!v)
        return CRM_OK;
    for (size_t at = 0; at < t.n && n <= UINT32_MAX; at++)
        n = t.p[at] >= '0' && t.p[at] <= '9' ? n * 10 + (uint64_t)(t.p[at] - '0') : UINT64_MAX;
    if (crm__json_kind(v) != CRM__JSON_NUMBER || !n || n > UINT32_MAX)
        return fault(member, i, "is the number of an event", err);
    *out = (uint32_t)n;
    return CRM_OK;
}

static int is_text(const crm__json *v, const char *text)
{
    crm__slice t = crm__json_text(v);

    return crm__json_kind(v) == CRM__JSON_STRING && t.n == strlen(text) &&
           memcmp(t.p, text, t.n) == 0;
}

static int read_entry(const crm__json *item, size_t i, entry *x, crm_error *err)
{
    const crm__json *state = crm__json_member(item, "state");
    int rc = read_number(item, "number", i, &x->number, err);

    if (rc)
        return rc;
    (void)read_number(item, "voids", i, &x->voids, NULL); /* told of with the event itself */
    x->is_void = (uint8_t)is_text(crm__event_own_value(item, CRM__OWN_KIND), "void");
    x->taken = state && !x->is_void;
    if (x->taken && !is_text(state, "voided") && !is_text(state, "corrected"))
        return fault("state", i, "is voided or corrected, or not there", err);
    return CRM_OK;
}

static int by_place(const void *a, const void *b)
{
    const place *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* The item of a number of the document; NULL: there is none. */
static entry *map_find(const map *m, uint32_t number, uint32_t *item)
{
    uint32_t low = 0, high = m->numbered;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (m->places[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == m->numbered || m->places[low].number != number)
        return NULL;
    *item = m->places[low].item;
    return &m->entries[*item];
}

/* With numbers, what is voided stands before, and is voided once. */
static int check_voids(const map *m, uint32_t i, crm_error *err)
{
    uint32_t item = 0;
    entry *x = map_find(m, m->entries[i].voids, &item);

    if (!x || item >= i)
        return fault("voids", i, "names none that stands before it", err);
    if (x->is_void)
        return fault("voids", i, "names a void", err);
    if (x->answered)
        return fault("voids", i, "names one that another event voids", err);
    x->answered = 1;
    return CRM_OK;
}

static int map_make(const crm__json *list, crm__arena *a, map *m, crm_error *err)
{
    const size_t n = crm__json_count(list);
    int rc = CRM_OK;

    memset(m, 0, sizeof *m);
    if (n >= UINT32_MAX)
        return crm__fail_field(err, CRM_EVALUE, "events", "events: are too many");
    m->entries = crm__arena_alloc(a, (n + 1) * sizeof *m->entries);
    m->places = crm__arena_alloc(a, (n + 1) * sizeof *m->places);
    if (!m->entries || !m->places)
        return crm__fail_nomem(err);
    memset(m->entries, 0, (n + 1) * sizeof *m->entries);
    m->count = (uint32_t)n;
    for (uint32_t i = 0; i < m->count && !rc; i++) {
        rc = read_entry(crm__json_item(list, i), i, &m->entries[i], err);
        if (!rc && m->entries[i].number)
            m->places[m->numbered++] = (place){m->entries[i].number, i};
    }
    if (m->numbered > 1)
        qsort(m->places, m->numbered, sizeof *m->places, by_place);
    for (uint32_t i = 1; i < m->numbered && !rc; i++) {
        if (m->places[i].number == m->places[i - 1].number)
            rc = fault("number", m->places[i].item, "stands twice", err);
    }
    for (uint32_t i = 0; m->numbered && i < m->count && !rc; i++) {
        if (m->entries[i].voids)
            rc = check_voids(m, i, err);
    }
    return rc;
}

/* ---- one item ---- */

/* One item into e, empty before; the document's source is that of events without one. */
static int read_event(crm_txn *txn, const crm_customer *c, const crm__json *item, crm_event *e,
                      crm_error *err)
{
    int rc;

    crm_event_clear(e);
    rc = crm__event_read_json(txn, item, e, err);
    if (!rc && c->source && !e->source.n)
        rc = crm_event_set_source(e, c->source, CRM_NUL, err);
    return rc;
}

int crm__document_events(crm_txn *txn, const crm_customer *c, const crm__json *list,
                         crm__customer_faults *faults)
{
    crm__arena a;
    crm_event *e;
    map m;
    int rc = CRM_OK;

    if (crm__json_kind(list) != CRM__JSON_ARRAY)
        return crm__customer_fault(
            faults, crm__fail_field(faults->err, CRM_EVALUE, "events", "events: is a list"));
    if (crm__event_make(txn->mem, c->model, &e))
        return crm__fail_nomem(faults->err);
    crm__arena_init(&a, txn->mem);
    for (size_t i = 0; i < crm__json_count(list) && !rc; i++) {
        crm__arena_reset(&a);
        rc = read_event(txn, c, crm__json_item(list, i), e, faults->err);
        if (!rc)
            rc = crm__event_check(txn, c->model, e, &a, faults->err);
        rc = crm__customer_fault(faults, rc);
    }
    if (!rc) {
        crm__arena_reset(&a);
        rc = crm__customer_fault(faults, map_make(list, &a, &m, faults->err));
    }
    crm__arena_clear(&a);
    crm_event_free(e);
    return rc;
}

/* ---- adding ---- */

typedef struct adding {
    crm_txn *txn;
    const crm__model *m;
    const crm_customer *c;
    crm_id id;
    crm_event *e, *was; /* the item; the event that stands at its number */
    crm__arena work;
    uint32_t last; /* number of the customer before anything was added */
    map map;
    crm_error *err;
} adding;

static int unreadable(const adding *w, int rc)
{
    return crm__txn_fail(w->txn, rc, "can't read the customer's events", w->err);
}

static int read_stored(adding *w, uint32_t number, crm__timeline *t, crm__event *e)
{
    int rc = crm__timeline_open(w->txn, w->id, &w->work, t);

    if (!rc)
        rc = crm__timeline_get(t, number, e);
    return rc ? unreadable(w, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc) : CRM_OK;
}

static int slices_equal(crm__slice x, crm__slice y)
{
    return x.n == y.n && (!x.n || memcmp(x.p, y.p, x.n) == 0);
}

/* Whether the item names the source of w->was.  One without a source is written without, and is
 * not to get another because the transaction has one. */
static int source_equal(adding *w, const crm__json *item, int *equal)
{
    const char *name = w->txn->name[CRM__BY_SOURCE];
    crm__slice stored = {NULL, 0}, mine = w->e->source;
    int rc;

    *equal = !w->was->e.source && !crm__json_member(item, "source");
    if (*equal)
        return CRM_OK;
    if (w->was->e.source) {
        rc = crm__dict_name(w->txn, CRM__DICT_SOURCE, w->was->e.source, &stored);
        if (rc)
            return unreadable(w, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc);
    }
    if (!mine.n && name)
        mine = crm__slice_of(name, strlen(name));
    *equal = slices_equal(stored, mine);
    return CRM_OK;
}

/* Whether a stored event says what the item says, whatever either of them voids. */
static int says_the_same(adding *w, const crm__json *item, const crm__event *stored, int *same)
{
    int rc;

    *same = 0;
    if (w->e->void_set || !w->e->time_set || stored->time != w->e->e.time ||
        !slices_equal(stored->reference, w->e->e.reference) ||
        !crm__event_show(w->was, w->id, stored) || w->was->kind != w->e->kind)
        return CRM_OK;
    rc = crm__event_values_equal(w->txn, w->e, w->was, same, w->err);
    return rc || !*same ? rc : source_equal(w, item, same);
}

/* Whether the event of the item's number is what the item says: the document is given back to the
 * customer it was written of. */
static int is_there(adding *w, const crm__json *item, uint32_t number, int *there)
{
    crm__timeline t;
    crm__event stored;
    int rc;

    *there = 0;
    if (!number || number > w->last)
        return CRM_OK;
    rc = read_stored(w, number, &t, &stored);
    /* An event is written without the one it corrects when that is out of view. */
    if (rc || (w->e->e.voids && stored.voids != w->e->e.voids))
        return rc;
    return says_the_same(w, item, &stored, there);
}

/* What the item says among an event and those that it and they correct: the first of them, of
 * corrections if the item is one and there are such.  0: none. */
static int find_said(adding *w, const crm__json *item, uint32_t from, uint32_t *found)
{
    uint32_t next;
    int best = 0, rc = CRM_OK;

    *found = 0;
    for (uint32_t number = from; number && !rc; number = next) {
        crm__timeline t;
        crm__event x;
        int same, alike;
        crm__arena_reset(&w->work);
        rc = read_stored(w, number, &t, &x);
        if (rc)
            break;
        next = x.voids;
        if (next >= number)
            return unreadable(w, CRM_ECORRUPT);
        alike = !next == !w->e->e.voids;
        rc = says_the_same(w, item, &x, &same);
        if (!rc && same && alike >= best) {
            *found = number;
            best = alike;
        }
    }
    return rc;
}

/* The event that corrected one; the one itself when it was only voided.  Events stand in the
 * journal in order of their numbers. */
static int successor(adding *w, const crm__timeline *t, const crm__event *e, uint32_t *number)
{
    uint32_t low = e->number + 1, high;
    crm__event x;
    int rc = crm__timeline_last(t, &high);

    *number = e->number;
    for (high++; !rc && e->state == CRM__EVENT_CORRECTED && low < high;) {
        uint32_t mid = low + (high - low) / 2;
        rc = crm__timeline_get(t, mid, &x);
        if (!rc && x.seq == e->voided) {
            if (x.voids == e->number)
                *number = mid;
            break;
        }
        if (x.seq < e->voided)
            low = mid + 1;
        else
            high = mid;
    }
    return rc ? unreadable(w, rc) : CRM_OK;
}

static int void_event(adding *w, uint32_t number)
{
    crm_event v;

    memset(&v, 0, sizeof v);
    v.void_set = 1;
    v.e.voids = number;
    v.source = w->e->source;
    return crm__event_write(w->txn, w->m, w->id, &v, &w->work, NULL, w->err);
}

/* The item is there under its reference, at *number, which is the last event of it: the one that
 * says what the item says is what others in the document mean by it. */
static int take_known(adding *w, const crm__json *item, entry *x)
{
    uint32_t said;
    int rc = w->map.numbered || x->taken ? find_said(w, item, x->mapped, &said) : CRM_DONE;

    if (rc)
        return rc;
    x->loose = !said;
    x->mapped = said ? said : x->mapped;
    return CRM_DONE;
}

/* An item that counts no more, and that the customer has had, is not stored to be voided again. */
static int find_taken(adding *w, const crm__json *item, uint32_t *number)
{
    uint32_t last = 0;
    int rc = crm__event_last(w->txn, w->id, w->e, &w->work, &last, w->err);

    *number = 0;
    return rc || !last ? rc : find_said(w, item, last, number);
}

/* An item that corrects or voids an event of the customer; `loose` as the map has that.  done:
 * there is nothing to add. */
static int look_at_target(adding *w, const crm__json *item, uint32_t target, int loose, entry *x,
                          int *done)
{
    uint32_t said = 0;
    crm__timeline t;
    crm__event old;
    int rc = read_stored(w, target, &t, &old);

    *done = 1;
    if (rc)
        return rc;
    if (old.state != CRM__EVENT_IN_FORCE) {
        x->loose = (uint8_t)loose;
        return successor(w, &t, &old, &x->mapped);
    }
    if (loose && !w->e->void_set) {
        rc = find_said(w, item, target, &said);
        x->mapped = said;
    }
    *done = said != 0;
    return rc;
}

/* Adds w->e, whose voids is a number of the customer; x->mapped becomes that of the event.  loose:
 * what it voids was found by its reference only. */
static int add_event(adding *w, const crm__json *item, entry *x, int loose)
{
    uint32_t target = w->map.numbered ? w->e->e.voids : 0;
    int done = 0, rc = CRM_OK;

    if (target) {
        rc = look_at_target(w, item, target, loose, x, &done);
    } else if (x->taken && w->e->e.reference.n) {
        rc = find_taken(w, item, &x->mapped);
        done = x->mapped != 0;
    }
    if (rc || done)
        return rc;
    /* What it corrects may be out of view, and not in the document: then the event of its reference
     * that the document itself brought and that was corrected is another one. */
    w->e->beyond = w->map.numbered && !x->taken ? w->last + 1 : 0;
    rc = crm__event_write(w->txn, w->m, w->id, w->e, &w->work, &x->mapped, w->err);
    if (rc != CRM_DONE)
        return rc;
    /* What it corrects is in force, and so is another of its reference: that one stays. */
    if (target && (rc = void_event(w, target)) != CRM_OK)
        return rc;
    return take_known(w, item, x);
}

static int add_item(adding *w, uint32_t i)
{
    const crm__json *item = crm__json_item(w->c->events, i);
    entry *x = &w->map.entries[i];
    entry *of = NULL;
    uint32_t at = 0;
    crm__timeline t;
    crm__event e;
    int there, rc = read_event(w->txn, w->c, item, w->e, w->err);

    if (!rc && w->map.numbered && x->voids) {
        of = map_find(&w->map, x->voids, &at);
        w->e->e.voids = of->mapped;
    }
    if (!rc)
        rc = is_there(w, item, x->number, &there);
    if (rc)
        return rc;
    x->mapped = x->number;
    if (!there)
        rc = add_event(w, item, x, of && of->loose);
    if (rc < 0 || !x->taken || x->answered)
        return rc;
    /* It counts no more, and what voided it is not in the document. */
    rc = read_stored(w, x->mapped, &t, &e);
    return rc || e.state != CRM__EVENT_IN_FORCE ? rc : void_event(w, x->mapped);
}

static int add_all(adding *w, crm__arena *a)
{
    crm__model *model = (crm__model *)(uintptr_t)w->m;
    crm__timeline t;
    int rc;

    if (crm__event_make(w->txn->mem, model, &w->e) || crm__event_make(w->txn->mem, model, &w->was))
        return crm__fail_nomem(w->err);
    rc = crm__timeline_open(w->txn, w->id, &w->work, &t);
    if (!rc)
        rc = crm__timeline_last(&t, &w->last);
    rc = rc ? unreadable(w, rc) : map_make(w->c->events, a, &w->map, w->err);
    for (uint32_t i = 0; i < w->map.count && rc >= 0; i++) {
        crm__arena_reset(&w->work);
        rc = add_item(w, i);
    }
    return rc;
}

int crm__customer_add_events(crm_txn *txn, const crm__model *m, crm_id id, const crm_customer *c,
                             crm_error *err)
{
    adding w = {.txn = txn, .m = m, .c = c, .id = id, .err = err};
    crm__arena a;
    int rc;

    if (!c->events)
        return CRM_OK;
    crm__arena_init(&a, txn->mem);
    crm__arena_init(&w.work, txn->mem);
    rc = add_all(&w, &a);
    crm__arena_clear(&w.work);
    crm__arena_clear(&a);
    crm_event_free(w.was);
    crm_event_free(w.e);
    return rc < 0 ? rc : CRM_OK;
}

/* ---- writing ---- */

static int by_number(const void *a, const void *b)
{
    const crm__event *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

/* Whether the event that another one voids is in view. */
static int target_shown(const crm__model *m, const crm__event_block *all, uint32_t number)
{
    const crm__event key = {.number = number};
    const crm__event *e = bsearch(&key, all->events, all->count, sizeof key, by_number);

    return e && crm__model_event_number(m, e->kind);
}

int crm__customer_write_events(crm_txn *txn, const crm_customer *c, const char *between,
                               crm__buf *out, crm_error *err)
{
    crm__event_block all;
    crm__timeline t;
    crm__arena a;
    crm_event *e;
    int rc, n = 0;

    if (crm__event_make(txn->mem, c->model, &e))
        return crm__fail_nomem(err);
    crm__arena_init(&a, txn->mem);
    rc = crm__timeline_open(txn, c->id, &a, &t);
    if (!rc)
        rc = crm__timeline_all(&t, &all);
    if (rc)
        rc = crm__txn_fail(txn, rc, "can't read the customer's events", err);
    else if (all.count)
        qsort(all.events, all.count, sizeof *all.events, by_number);
    for (uint32_t i = 0; !rc && i < all.count; i++) {
        if (!crm__event_show(e, c->id, &all.events[i]))
            continue; /* out of view */
        if (e->e.voids && !target_shown(c->model, &all, e->e.voids)) {
            if (e->void_set)
                continue; /* with what it voids */
            e->e.voids = 0;
        }
        crm__buf_add_str(out, n++ ? "," : "");
        crm__buf_add_str(out, between);
        rc = crm__event_write_json(txn, e, out, err);
    }
    crm__arena_clear(&a);
    crm_event_free(e);
    return rc;
}
