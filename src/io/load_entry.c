/* SPDX-License-Identifier: MIT
 * A dump's lines as journal entries, and as what they did to tags.  That it fits together is for
 * the check.
 */
#include "base/time.h"
#include "io/dump.h"

#include <crm/journal.h>
#include <string.h>

static uint8_t read_action(crm__members *m)
{
    crm__slice text = crm__members_text(m, "action", 1);

    for (uint8_t a = 1; a < CRM__ACTIONS && !m->rc; a++) {
        const char *name = crm_action_name(a);
        if (name && text.n && strlen(name) == text.n && memcmp(name, text.p, text.n) == 0)
            return a;
    }
    crm__members_bad(m, "action", "it is no action");
    return 0;
}

static void read_mask(crm__loaded *l, crm__members *m, crm__journal_entry *e)
{
    int tags = crm__action_tags(e->action), cls = tags ? CRM__DICT_TAG : CRM__DICT_FIELD;
    const crm__json *list = crm__members_get(m, tags ? "tags" : "fields", CRM__JSON_ARRAY, 0);
    size_t count = list ? crm__json_count(list) : 0;
    uint32_t *fields, before = 0;

    if (!count)
        return;
    fields = crm__arena_alloc(l->arena, count * sizeof *fields);
    if (!fields) {
        crm__members_no_memory(m, "fields");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const crm__json *v = crm__json_item(list, i);
        crm__slice name = crm__json_text(v);
        fields[i] = crm__json_kind(v) == CRM__JSON_STRING
                        ? crm__dump_names_number(l->names, cls, name.p, name.n)
                        : 0;
        if (fields[i] <= before) {
            crm__members_bad(m, "fields", "one has no name, or they are not in order of numbers");
            return;
        }
        before = fields[i];
    }
    e->fields = fields;
    e->field_count = (uint32_t)count;
}

static int read_run(const crm__json *v, uint64_t *first, uint64_t *last)
{
    const crm__json *a, *b;

    if (crm__json_kind(v) != CRM__JSON_ARRAY || crm__json_count(v) != 2)
        return CRM_EVALUE;
    a = crm__json_item(v, 0);
    b = crm__json_item(v, 1);
    if (crm__json_kind(a) != CRM__JSON_NUMBER || crm__json_kind(b) != CRM__JSON_NUMBER)
        return CRM_EVALUE;
    return crm__members_unsigned(crm__json_text(a), first) ||
                   crm__members_unsigned(crm__json_text(b), last) || *first > *last
               ? CRM_EVALUE
               : CRM_OK;
}

/* As crm__runs_encode() writes it. */
static crm__slice read_list(crm__loaded *l, crm__members *m, const char *name)
{
    const crm__json *list = crm__members_get(m, name, CRM__JSON_ARRAY, 0);
    size_t count = list ? crm__json_count(list) : 0;
    uint64_t before = 0, first, last;
    crm__slice out = {NULL, 0};

    l->scratch.n = 0;
    crm__buf_add_varint(&l->scratch, count);
    for (size_t i = 0; i < count && !m->rc; i++) {
        if (read_run(crm__json_item(list, i), &first, &last) || first <= before) {
            crm__members_bad(m, name,
                             "a run of ids is not first and last, or not behind the one before");
            return out;
        }
        crm__buf_add_varint(&l->scratch, first - before);
        crm__buf_add_varint(&l->scratch, last - first);
        before = last;
    }
    out.n = l->scratch.n;
    out.p = l->scratch.failed ? NULL : crm__arena_copy(l->arena, l->scratch.p, l->scratch.n);
    if (!out.p)
        crm__members_no_memory(m, name);
    return out;
}

/* In order of the classes, as entries have them. */
static void read_names(crm__loaded *l, crm__members *m, crm__journal_entry *e)
{
    const crm__json *names = crm__members_get(m, "names", CRM__JSON_OBJECT, 0), *run;
    const void *at = NULL;
    const char *name;
    uint64_t first, last;

    l->scratch.n = 0;
    for (int cls = 0; names && crm__json_next(names, &at, &name, &run); cls++) {
        crm__names_run r;
        while (cls < CRM__DICT_CLASSES &&
               (!crm__class_word(cls) || strcmp(crm__class_word(cls), name) != 0))
            cls++;
        if (cls == CRM__DICT_CLASSES || read_run(run, &first, &last) || !first ||
            last >= UINT32_MAX) {
            crm__members_bad(m, "names",
                             "it is not the first and the last number of each class, in order");
            return;
        }
        r = (crm__names_run){crm__dict_class_byte(cls), (uint32_t)first,
                             (uint32_t)(last - first + 1)};
        crm__brings_add(&r, &l->scratch);
        e->name_runs++;
    }
    e->names.n = l->scratch.n;
    e->names.p = l->scratch.failed ? NULL : crm__arena_copy(l->arena, l->scratch.p, l->scratch.n);
    if (!e->names.p && e->names.n)
        crm__members_no_memory(m, "names");
}

int crm__load_entry(crm__loaded *l, crm__members *m, crm__buf *out)
{
    static const char *const LISTS[CRM__BATCH_LISTS] = {"created", "changed", "events", "chunks"};
    uint8_t commitment[CRM__DIGEST], tagged[CRM__DIGEST];
    crm__journal_entry e;

    memset(&e, 0, sizeof e);
    e.action = read_action(m);
    e.recorded = crm__members_time(m, "recorded_at", NULL);
    e.actor = crm__members_name(m, "actor", l->names, CRM__DICT_NAMES);
    e.purpose = crm__members_name(m, "purpose", l->names, CRM__DICT_NAMES);
    e.channel = crm__members_name(m, "channel", l->names, CRM__DICT_NAMES);
    e.source = crm__members_name(m, "source", l->names, CRM__DICT_SOURCE);
    e.target = crm__members_number(m, "target", 0, INT64_MAX);
    e.previous = crm__members_number(m, "previous", 0, INT64_MAX);
    e.batch = crm__members_number(m, "batch", 0, INT64_MAX);
    read_mask(l, m, &e);
    e.counters.next_id = crm__members_number(m, "next_id", 1, INT64_MAX);
    e.counters.live = crm__members_number(m, "live", 0, INT64_MAX);
    e.counters.deleted = crm__members_number(m, "deleted", 0, INT64_MAX);
    e.counters.images_from = crm__members_number(m, "images_from", 0, INT64_MAX);
    if (!m->rc && crm__json_member(m->object, "commitment")) {
        crm__members_hex(m, "commitment", commitment, sizeof commitment);
        e.commitment = crm__slice_of(commitment, sizeof commitment);
    }
    read_names(l, m, &e);
    for (int i = 0; i < CRM__BATCH_LISTS && !m->rc && crm__action_lists(e.action); i++)
        e.lists[i] = read_list(l, m, LISTS[i]);
    if (!m->rc && (e.action == CRM__ACTION_TAG || e.lists[CRM__BATCH_TAGGED].n > 1)) {
        crm__members_hex(m, "tags_commitment", tagged, sizeof tagged);
        e.tagged = crm__slice_of(tagged, sizeof tagged);
    }
    if (m->rc)
        return m->rc;
    crm__journal_encode(&e, out);
    return out->failed ? crm__members_no_memory(m, "entry") : CRM_OK;
}

/* ---- tags ---- */

static void read_rows(crm__members *m, uint64_t *chunk, uint64_t *words)
{
    const crm__json *list = crm__members_get(m, "customers", CRM__JSON_ARRAY, 1);
    size_t count = list ? crm__json_count(list) : 0;
    uint64_t before = 0, first, last;

    memset(words, 0, CRM__SET_WORDS * sizeof *words);
    if (!m->rc && !count)
        crm__members_bad(m, "customers", "there are none");
    for (size_t i = 0; i < count && !m->rc; i++) {
        if (read_run(crm__json_item(list, i), &first, &last) || first <= before ||
            (i && first == before + 1) || (i && first >> CRM__CHUNK_SHIFT != *chunk) ||
            last >> CRM__CHUNK_SHIFT != first >> CRM__CHUNK_SHIFT) {
            crm__members_bad(
                m, "customers",
                "a run of ids is not first and last, not behind the one before, or of another "
                "chunk");
            return;
        }
        *chunk = first >> CRM__CHUNK_SHIFT;
        before = last;
        for (uint64_t id = first; id <= last; id++)
            crm__set_put(words, (uint32_t)(id & (CRM__CHUNK_ROWS - 1)), 1);
    }
}

int crm__load_tagged(crm__loaded *l, crm__members *m, uint32_t *tag, uint64_t *chunk,
                     uint32_t *part, uint64_t words[CRM__SET_WORDS])
{
    crm__slice what;
    uint64_t group = 0;

    *part = CRM__TAGGED_REMOVED;
    *tag = crm__members_name(m, "tag", l->names, CRM__DICT_TAG);
    if (!m->rc && !*tag)
        crm__members_bad(m, "tag", "it is missing");
    what = crm__members_text(m, "what", 1);
    if (!m->rc && (what.n != 7 || memcmp(what.p, "removed", 7) != 0)) {
        group = crm__members_number(m, "group", 0, CRM__TAGGED_GROUPS);
        *part = what.n == 5 && !memcmp(what.p, "added", 5) ? CRM__TAGGED_ADDED((uint32_t)group)
                                                           : CRM__TAGGED_RENEWED((uint32_t)group);
        if (*part % 2 == 0 && (what.n != 7 || memcmp(what.p, "renewed", 7) != 0))
            crm__members_bad(m, "what", "it is neither added, renewed nor removed");
    }
    read_rows(m, chunk, words);
    return crm__members_end(m);
}

int crm__load_given(crm__loaded *l, crm__members *m, crm__tag_how *how)
{
    int64_t none = 0;

    (void)l;
    memset(how, 0, sizeof *how);
    how->origin = (uint8_t)crm__members_number(m, "origin", 0, CRM__TAG_ORIGINS - 1);
    how->until = crm__members_time(m, "until", &none);
    how->reason = crm__members_text(m, "reason", 0);
    if (!m->rc && how->reason.n > CRM__TAG_REASON)
        crm__members_bad(m, "reason", "it is too long");
    return crm__members_end(m);
}
