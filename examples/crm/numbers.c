/* SPDX-License-Identifier: MIT
 * Event lines that carry a number: they were written of a timeline, perhaps of another database,
 * and the numbers in them are those of that timeline.  What a line voids is therefore looked up
 * among the lines before it, and is the event that such a line became here.
 *
 * A line that was added before is known again: by source, reference and what it voids, or, without
 * a reference, by everything it says.  Each stored event stands for one line of a run only.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct number_slot {
    crm_id id; /* 0: free */
    uint32_t number, got;
};

/* ---- a map from customer and number to a number ---- */

static struct number_slot *slot_of(const number_map *map, crm_id id, uint32_t number)
{
    uint64_t hash = (id * 0x9e3779b97f4a7c15u) ^ (number * 0xc2b2ae3d27d4eb4fu);
    size_t i = (size_t)(hash ^ hash >> 32) & (map->cap - 1);

    while (map->p[i].id && (map->p[i].id != id || map->p[i].number != number))
        i = (i + 1) & (map->cap - 1);
    return &map->p[i];
}

static uint32_t map_get(const number_map *map, crm_id id, uint32_t number)
{
    return map->cap ? slot_of(map, id, number)->got : 0;
}

static void map_put(number_map *map, crm_id id, uint32_t number, uint32_t got)
{
    struct number_slot *slot;

    if (map->n * 2 >= map->cap) {
        number_map old = *map;
        map->cap = old.cap ? old.cap * 2 : 64;
        map->p = xrealloc(NULL, map->cap * sizeof(*map->p));
        memset(map->p, 0, map->cap * sizeof(*map->p));
        for (size_t i = 0; i < old.cap; i++)
            if (old.p[i].id)
                *slot_of(map, old.p[i].id, old.p[i].number) = old.p[i];
        free(old.p);
    }
    slot = slot_of(map, id, number);
    map->n += !slot->id;
    slot->id = id;
    slot->number = number;
    slot->got = got;
}

void numbers_put(numbers *all, crm_id id, uint32_t number, uint32_t got)
{
    map_put(&all->became, id, number, got);
    map_put(&all->taken, id, got, 1);
}

void numbers_free(numbers *all)
{
    free(all->became.p);
    free(all->taken.p);
}

/* ---- what a line says ---- */

/* Number of an event in a member, 0 when it is none. */
static uint32_t number_of(slice value)
{
    uint64_t number = 0;
    buf text = {0};

    json_text(&text, value);
    if (!text.n || strlen(text.p) != text.n || args_number(text.p, &number) || number > UINT32_MAX)
        number = 0;
    buf_free(&text);
    return (uint32_t)number;
}

static int bad_voids(tool *t, crm_txn *txn, slice doc, uint32_t voids)
{
    crm_error err = CRM_ERROR_INIT;
    buf b = {0};

    if (report_syntax(t, txn, doc.p, doc.n))
        return TOOL_INPUT;
    err.code = CRM_EVALUE;
    memcpy(err.field, "voids", sizeof("voids"));
    if (voids)
        buf_fmt(&b,
                "voids: no line before has the number %" PRIu32 " ('" TOOL
                " timeline --all --oldest --json' gives all lines in order)",
                voids);
    else
        buf_str(&b, "voids: needs the number of an event");
    memcpy(err.message, b.p, b.n + 1);
    buf_free(&b);
    return fail_crm(t, &err);
}

int numbers_read(tool *t, crm_txn *txn, const numbers *all, crm_id id, slice doc, numbered *out)
{
    slice voids = json_member(doc, "voids"), number = json_member(doc, "number");
    uint32_t given;

    out->number = number.n && number.p[0] != '"' ? number_of(number) : 0;
    out->voids = 0;
    out->text.n = 0;
    if (!out->number || !voids.n || slice_is(voids, "null")) {
        buf_add(&out->text, doc.p, doc.n);
        return 0;
    }
    given = number_of(voids);
    out->voids = given ? map_get(&all->became, id, given) : 0;
    if (!out->voids)
        return bad_voids(t, txn, doc, given);
    buf_add(&out->text, doc.p, (size_t)(voids.p - doc.p));
    buf_fmt(&out->text, "%" PRIu32, out->voids);
    buf_add(&out->text, voids.p + voids.n, doc.n - (size_t)(voids.p + voids.n - doc.p));
    return 0;
}

/* ---- whether it is there already ---- */

/* Members that are compared otherwise, or not at all. */
static int is_apart(slice key)
{
    static const char *const names[] = {"number", "kind",  "time",     "source",
                                        "voids",  "state", "revision", "reference"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_is(key, names[i]))
            return 1;
    return 0;
}

static size_t count_values(slice doc)
{
    slice key, value;
    size_t pos = 0, n = 0;

    while (json_next(doc, &pos, &key, &value))
        n += !is_apart(key);
    return n;
}

/* Whether the event has the values of the line and no others. */
static int same_values(crm_txn *txn, const crm_event *e, slice line)
{
    slice key, value, other, doc;
    size_t pos = 0;
    char *json, name[256];
    int same;

    if (crm_event_to_json(txn, e, &json, &doc.n, NULL))
        return 0;
    doc.p = json;
    same = count_values(doc) == count_values(line);
    while (same && json_next(line, &pos, &key, &value)) {
        if (is_apart(key))
            continue;
        if ((same = key.n < sizeof(name))) {
            memcpy(name, key.p, key.n);
            name[key.n] = '\0';
            other = json_member(doc, name);
            same = other.n == value.n && memcmp(other.p, value.p, value.n) == 0;
        }
    }
    crm_free(json);
    return same;
}

/* What an event must be to stand for the line. */
typedef struct wanted {
    slice line;
    uint32_t voids;
    int64_t at;
    buf source, reference;
    crm_event_kind kind; /* key "void": a plain void */
} wanted;

static int is_text(const buf *b, const char *s, size_t n)
{
    return b->n == n && (!n || memcmp(b->p, s, n) == 0);
}

static int is_wanted(crm_txn *txn, const wanted *w, const crm_event *e)
{
    const char *source, *reference;
    size_t source_n, n;

    if (crm_event_voids(e) != w->voids || strcmp(crm_event_kind_key(e), w->kind.key) != 0 ||
        crm_event_time_us(e) != w->at)
        return 0;
    reference = crm_event_reference(e, &n);
    if (!is_text(&w->reference, reference, n) ||
        crm_event_source(txn, e, &source, &source_n, NULL) ||
        !is_text(&w->source, source, source_n))
        return 0;
    return n || same_values(txn, e, w->line);
}

static uint32_t search(crm_txn *txn, const numbers *all, crm_id id, const wanted *w)
{
    crm_event_list_options options = CRM_EVENT_LIST_OPTIONS_INIT;
    crm_event_iter *it;
    uint32_t found = 0;
    crm_event *e;

    options.flags = CRM_EVENTS_OLDEST | CRM_EVENTS_ALL;
    options.from_us = w->at ? w->at : -1; /* 0 is no bound */
    options.until_us = w->at + 1 ? w->at + 1 : 1;
    if (crm_event_list(txn, id, &options, &it, NULL))
        return 0; /* adding the line will tell why */
    while (!found && !crm_event_next(it, &e, NULL))
        if (is_wanted(txn, w, e) && !map_get(&all->taken, id, crm_event_number(e)))
            found = crm_event_number(e);
    crm_event_list_close(it);
    return found;
}

uint32_t numbers_known(const tool *t, crm_txn *txn, const numbers *all, crm_id id,
                       const numbered *line)
{
    wanted w = {.line = {line->text.p, line->text.n}, .voids = line->voids};
    slice source = json_member(w.line, "source");
    buf time = {0}, kind = {0};
    uint32_t found = 0;
    int readable;

    json_text(&time, json_member(w.line, "time"));
    json_text(&kind, json_member(w.line, "kind"));
    json_text(&w.reference, json_member(w.line, "reference"));
    if (source.n)
        json_text(&w.source, source);
    else if (t->write.source)
        buf_str(&w.source, t->write.source);
    readable = time.n && kind.n && !crm_txn_time(txn, time.p, time.n, &w.at, NULL);
    if (readable && is_text(&kind, "void", 4))
        memcpy(w.kind.key, "void", sizeof("void"));
    else if (readable && crm_event_kind_find(txn, kind.p, kind.n, &w.kind, NULL))
        readable = 0;
    if (readable)
        found = search(txn, all, id, &w);
    buf_free(&time);
    buf_free(&kind);
    buf_free(&w.source);
    buf_free(&w.reference);
    return found;
}
