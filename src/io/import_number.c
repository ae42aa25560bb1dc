/* SPDX-License-Identifier: MIT
 * Lines of events that carry a number: they were written of a timeline, perhaps of another
 * database, and the numbers in them are those of that timeline.  What a line voids is therefore
 * looked up among the lines before it, and is the event that such a line became here.
 *
 * A line that was added before is known again: by source, reference and what it voids, or, without
 * a reference, by everything it says.  Each stored event stands for one line of a run only.
 */
#include "io/import.h"

#include "event/event.h"
#include "model/member.h"

#include <crm/codes.h>

/* So many lines are held whatever comes.  Beyond them those of the customers before are forgotten
 * when another one's come: what is written of timelines has the lines of each together. */
enum { HELD = 1 << 20, FIRST_CAP = 64 };

typedef struct crm__numbered {
    crm_id id; /* 0: free */
    uint32_t number, got;
} numbered;

/* ---- a map ---- */

static numbered *place_of(const crm__numbers *map, crm_id id, uint32_t number)
{
    uint64_t hash = (id * UINT64_C(0x9e3779b97f4a7c15)) ^ (number * UINT64_C(0xc2b2ae3d27d4eb4f));
    size_t i = (size_t)(hash ^ hash >> 32) & (map->cap - 1);

    while (map->p[i].id && (map->p[i].id != id || map->p[i].number != number))
        i = (i + 1) & (map->cap - 1);
    return &map->p[i];
}

static uint32_t map_get(const crm__numbers *map, crm_id id, uint32_t number)
{
    return map->cap ? place_of(map, id, number)->got : 0;
}

static int map_put(const crm_allocator *mem, crm__numbers *map, crm_id id, uint32_t number,
                   uint32_t got)
{
    numbered *to;

    if (map->n * 2 >= map->cap) {
        crm__numbers old = *map;
        size_t cap = old.cap ? old.cap * 2 : FIRST_CAP;
        numbered *p = crm__calloc(mem, cap, sizeof *p);
        if (!p)
            return CRM_ENOMEM;
        map->p = p;
        map->cap = cap;
        for (size_t i = 0; i < old.cap; i++) {
            if (old.p[i].id)
                *place_of(map, old.p[i].id, old.p[i].number) = old.p[i];
        }
        crm__release(mem, old.p);
    }
    to = place_of(map, id, number);
    map->n += !to->id;
    *to = (numbered){id, number, got};
    return CRM_OK;
}

void crm__numbers_clear(const crm_allocator *mem, crm__numbers *map)
{
    crm__release(mem, map->p);
    memset(map, 0, sizeof *map);
}

/* The line of this number is the event `got`. */
static int keep(crm_import *imp, crm_id id, uint32_t number, uint32_t got, crm_error *err)
{
    if (imp->became.n >= HELD && imp->numbered != id) {
        crm__numbers_clear(&imp->mem, &imp->became);
        crm__numbers_clear(&imp->mem, &imp->taken);
    }
    imp->numbered = id;
    if (map_put(&imp->mem, &imp->became, id, number, got) ||
        map_put(&imp->mem, &imp->taken, id, got, 1))
        return crm__fail_nomem(err);
    return CRM_OK;
}

/* ---- what a line says ---- */

uint32_t crm__import_number(const crm__json *doc)
{
    const crm__json *v = crm__event_own_value(doc, CRM__OWN_NUMBER);
    crm__slice t = crm__json_text(v);
    uint64_t n = 0;

    if (crm__json_kind(v) != CRM__JSON_NUMBER || t.n > 10)
        return 0;
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] < '0' || t.p[i] > '9')
            return 0;
        n = n * 10 + (uint64_t)(t.p[i] - '0');
    }
    return n <= UINT32_MAX ? (uint32_t)n : 0;
}

/* What the event voids becomes a number of the customer's here. */
static int map_voids(crm_import *imp, crm_id id, crm_error *err)
{
    crm__event *e = &imp->e->e;
    uint32_t got = e->voids ? map_get(&imp->became, id, e->voids) : 0;

    if (e->voids && !got)
        return crm__fail_field(err, CRM_EVALUE, "voids",
                               "voids: no line before has the number %lu: the lines of a customer "
                               "stand in order of their numbers, and none is left out",
                               (unsigned long)e->voids);
    e->voids = got;
    return CRM_OK;
}

/* ---- whether it is there already ---- */

static int slice_is(crm__slice s, const char *p, size_t n)
{
    return s.n == n && (!n || memcmp(s.p, p, n) == 0);
}

/* Whether a stored event stands for the line in imp->e. */
static int is_wanted(crm_import *imp, const crm_event *x, int *wanted, crm_error *err)
{
    const crm_event *e = imp->e;
    const char *name = imp->txn->name[CRM__BY_SOURCE], *source;
    crm__slice mine = e->source;
    size_t n;
    int rc;

    *wanted = 0;
    if (x->e.voids != e->e.voids || x->kind != e->kind || x->e.time != e->e.time ||
        !slice_is(e->e.reference, (const char *)x->e.reference.p, x->e.reference.n))
        return CRM_OK;
    rc = crm_event_source(imp->txn, x, &source, &n, err);
    if (rc)
        return rc;
    if (!mine.n && name)
        mine = crm__slice_of(name, strlen(name));
    if (!slice_is(mine, source, n))
        return CRM_OK;
    *wanted = e->e.reference.n || !x->kind;
    return *wanted ? CRM_OK : crm__event_values_equal(imp->txn, e, x, wanted, err);
}

/* The customer's event that the line stands for already, and no other line of this run; *got 0:
 * none. */
static int find(crm_import *imp, crm_id id, uint32_t *got, crm_error *err)
{
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
    const int64_t at = imp->e->e.time;
    crm_event_iter *it;
    crm_event *x;
    int rc, wanted = 0;

    *got = 0;
    if (!imp->e->time_set)
        return CRM_OK;
    o.flags = CRM_EVENTS_OLDEST | CRM_EVENTS_ALL;
    o.from_us = at ? at : -1; /* 0 is no bound */
    o.until_us = at + 1 ? at + 1 : 1;
    rc = crm_event_list(imp->txn, id, &o, &it, err);
    if (rc)
        return rc;
    while (!rc && !*got && (rc = crm_event_next(it, &x, err)) == CRM_OK) {
        rc = is_wanted(imp, x, &wanted, err);
        if (wanted && !map_get(&imp->taken, id, x->e.number))
            *got = x->e.number;
    }
    crm_event_list_close(it);
    return rc == CRM_DONE ? CRM_OK : rc;
}

int crm__import_find_numbered(crm_import *imp, uint32_t number, crm_id id, crm_error *err)
{
    uint32_t got = 0;
    int rc = map_voids(imp, id, err);

    if (!rc)
        rc = find(imp, id, &got, err);
    return rc || !got ? rc : keep(imp, id, number, got, err);
}

int crm__import_add_numbered(crm_import *imp, uint32_t number, crm_id id, crm_error *err)
{
    uint32_t got = 0;
    int rc = map_voids(imp, id, err), known = CRM_DONE;

    if (!rc)
        rc = find(imp, id, &got, err);
    if (!rc && !got) {
        known = crm_event_add(imp->txn, id, imp->e, &got, err);
        if (known == CRM_EEXISTS && imp->e->void_set)
            known = CRM_DONE; /* what it takes back was taken back before */
        rc = known < 0 ? known : CRM_OK;
    }
    if (rc)
        return rc;
    imp->done.created += known == CRM_OK;
    imp->done.unchanged += known == CRM_DONE;
    return got ? keep(imp, id, number, got, err) : CRM_OK;
}
