/* SPDX-License-Identifier: MIT
 * Lines of a dump of what is not a customer's: the journal, tags as they were given, saved
 * segments, models, names, the first line and the last.  docs/format.md has all members.
 */
#include "io/dump_part.h"

#include <crm/journal.h>
#include <string.h>

/* ---- journal ---- */

static void fields_member(crm__dumper *d, crm__slice mask, int tags)
{
    crm__reader in = crm__reader_of(mask.p, mask.n);
    uint32_t field = 0;

    if (!mask.n)
        return;
    crm__line_key(d, tags ? "tags" : "fields");
    for (int i = 0; crm__mask_next(&in, &field); i++) {
        crm__line_add(d, i ? "," : "[");
        crm__line_class(d, tags ? CRM__DICT_TAG : CRM__DICT_FIELD, field);
    }
    crm__line_add(d, "]");
    d->bad |= in.failed;
}

/* A list of ids: pairs of the first and the last of each run. */
static void list_member(crm__dumper *d, const char *name, crm__slice list)
{
    uint64_t first, count;
    crm__runs r;

    if (crm__runs_open(list, &r)) {
        d->bad = 1;
        return;
    }
    if (!r.left)
        return;
    crm__line_key(d, name);
    for (int i = 0; crm__runs_next(&r, &first, &count); i++) {
        crm__line_add(d, i ? ",[" : "[[");
        crm__line_number(d, first);
        crm__line_add(d, ",");
        crm__line_number(d, first + count - 1);
        crm__line_add(d, "]");
    }
    crm__line_add(d, "]");
    d->bad |= r.in.failed;
}

/* Names that an entry brings: of each class the first and the last number. */
static void names_member(crm__dumper *d, const crm__journal_entry *e)
{
    crm__reader in = crm__reader_of(e->names.p, e->names.n);
    crm__names_run run;

    if (!e->name_runs)
        return;
    crm__line_key(d, "names");
    for (int i = 0; crm__brings_next(&in, &run); i++) {
        const char *word = crm__class_word(crm__dict_class_of(run.cls));
        crm__line_add(d, i ? ",\"" : "{\"");
        crm__line_add(d, word ? word : "");
        crm__line_add(d, "\":[");
        crm__line_number(d, run.first);
        crm__line_add(d, ",");
        crm__line_number(d, (uint64_t)run.first + run.count - 1);
        crm__line_add(d, "]");
        d->bad |= !word;
    }
    crm__line_add(d, "}");
}

int crm__dump_entry(crm__dumper *d, uint64_t seq, crm__slice payload)
{
    static const char *const BY[] = {"actor", "purpose", "channel"};
    crm__journal_entry e;
    const char *action;
    int rc = crm__journal_decode(payload, &e);

    if (rc)
        return rc;
    action = crm_action_name(e.action);
    crm__line_start(d, CRM__LINE_ENTRY);
    crm__line_number(d, seq);
    crm__line_key(d, "action");
    if (!action || !*action)
        return CRM_ECORRUPT;
    crm__json_string(&d->line, action, strlen(action));
    crm__line_time_member(d, "recorded_at", e.recorded);
    crm__line_class_member(d, BY[0], CRM__DICT_NAMES, e.actor);
    crm__line_class_member(d, BY[1], CRM__DICT_NAMES, e.purpose);
    crm__line_class_member(d, BY[2], CRM__DICT_NAMES, e.channel);
    crm__line_class_member(d, "source", CRM__DICT_SOURCE, e.source);
    crm__line_number_member(d, "target", e.target);
    crm__line_number_member(d, "previous", e.previous);
    crm__line_number_member(d, "batch", e.batch);
    fields_member(d, e.mask, crm__action_tags(e.action));
    crm__line_number_member(d, "next_id", e.counters.next_id);
    crm__line_number_member(d, "live", e.counters.live);
    crm__line_number_member(d, "deleted", e.counters.deleted);
    crm__line_number_member(d, "images_from", e.counters.images_from);
    if (e.commitment.n)
        crm__line_hex_member(d, "commitment", e.commitment.p, e.commitment.n);
    names_member(d, &e);
    if (crm__action_lists(e.action)) {
        list_member(d, "created", e.lists[CRM__BATCH_CREATED]);
        list_member(d, "changed", e.lists[CRM__BATCH_CHANGED]);
        list_member(d, "events", e.lists[CRM__BATCH_EVENTS]);
        list_member(d, "chunks", e.lists[CRM__BATCH_TAGGED]);
    }
    if (e.tagged.n)
        crm__line_hex_member(d, "tags_commitment", e.tagged.p, e.tagged.n);
    crm__line_hex_member(d, "chain", e.chain.p, e.chain.n);
    return crm__line_done(d);
}

int crm__dump_image(crm__dumper *d, uint64_t seq, crm_id id, crm__slice payload)
{
    crm__line_start(d, CRM__LINE_IMAGE);
    crm__line_number(d, seq);
    crm__line_number_member(d, "customer", id);
    crm__line_key(d, "base64");
    crm__line_add(d, "\"");
    crm__base64_add(&d->line, payload.p, payload.n);
    crm__line_add(d, "\"");
    return crm__line_done(d);
}

int crm__dump_batch(crm__dumper *d, uint64_t batch, const crm__batch *b)
{
    crm__line_start(d, CRM__LINE_BATCH);
    crm__line_number(d, batch);
    crm__line_number_member(d, "last", b->last);
    crm__line_number_member(d, "undone_by", b->undone);
    if (b->name.n) {
        crm__line_key(d, "name");
        crm__line_text(d, b->name.p, b->name.n);
    }
    return crm__line_done(d);
}

int crm__dump_segment(crm__dumper *d, crm__slice name, const crm__saved *s)
{
    crm__line_start(d, CRM__LINE_SEGMENT);
    crm__line_text(d, name.p, name.n);
    crm__line_number_member(d, "saved", s->seq);
    if (s->flags & CRM__SAVED_STATIC) {
        crm__line_key(d, "static");
        crm__line_add(d, "true");
    }
    if (s->flags & CRM__SAVED_REMOVED) {
        crm__line_key(d, "removed");
        crm__line_add(d, "true");
    } else {
        crm__line_key(d, "text");
        crm__line_text(d, s->text.p, s->text.n);
    }
    return crm__line_done(d);
}

static void text_member(crm__dumper *d, const char *name, const char *text)
{
    if (!*text)
        return;
    crm__line_key(d, name);
    crm__line_text(d, text, strlen(text));
}

int crm__dump_watch(crm__dumper *d, const crm__live_watch *w)
{
    crm__line_start(d, CRM__LINE_WATCH);
    crm__line_text(d, w->name.p, w->name.n);
    crm__line_number_member(d, "seq", w->seq);
    crm__line_time_member(d, "since", w->since);
    text_member(d, "zone", w->zone);
    text_member(d, "purpose", w->purpose);
    text_member(d, "channel", w->channel);
    return crm__line_done(d);
}

int crm__dump_clock(crm__dumper *d, const crm__live_clock *c)
{
    crm__line_start(d, CRM__LINE_CLOCK);
    crm__line_time(d, c->until);
    if (c->chunk != CRM__LIVE_ALL) {
        crm__line_time_member(d, "from", c->from);
        crm__line_number_member(d, "chunks", c->chunk + 1);
    }
    return crm__line_done(d);
}

/* ---- tags ---- */

/* Customers as runs of first and last. */
static void put_rows(crm__dumper *d, uint64_t first, const uint64_t *words)
{
    int32_t row = crm__set_next(words, 0), last;

    crm__line_add(d, "[");
    for (int i = 0; row >= 0; i++) {
        for (last = row; last + 1 < CRM__CHUNK_ROWS && crm__set_has(words, (uint32_t)last + 1);)
            last++;
        crm__line_add(d, i ? ",[" : "[");
        crm__line_number(d, first + (uint64_t)row);
        crm__line_add(d, ",");
        crm__line_number(d, first + (uint64_t)last);
        crm__line_add(d, "]");
        row = last + 1 < CRM__CHUNK_ROWS ? crm__set_next(words, (uint32_t)last + 1) : -1;
    }
    crm__line_add(d, "]");
}

int crm__dump_tagged(crm__dumper *d, crm__slice k, crm__slice payload)
{
    uint64_t words[CRM__SET_WORDS] = {0};
    uint32_t part = crm__get_be32(k.p + 16);

    if (crm__set_load(payload, words))
        return CRM_ECORRUPT;
    crm__line_start(d, CRM__LINE_TAGGED);
    crm__line_number(d, crm__get_be64(k.p + 8));
    crm__line_class_member(d, "tag", CRM__DICT_TAG, crm__get_be32(k.p + 4));
    crm__line_add(d, part == CRM__TAGGED_REMOVED ? ",\"what\":\"removed\""
                     : part % 2                  ? ",\"what\":\"added\""
                                                 : ",\"what\":\"renewed\"");
    if (part != CRM__TAGGED_REMOVED)
        crm__line_number_member(d, "group", CRM__TAGGED_GROUP(part));
    crm__line_key(d, "customers");
    put_rows(d, (uint64_t)crm__get_be32(k.p) << CRM__CHUNK_SHIFT, words);
    return crm__line_done(d);
}

int crm__dump_given(crm__dumper *d, uint64_t seq, uint32_t group, const crm__tag_how *how)
{
    crm__line_start(d, CRM__LINE_GIVEN);
    crm__line_number(d, seq);
    crm__line_number_member(d, "group", group);
    crm__line_number_member(d, "origin", how->origin);
    if (how->until)
        crm__line_time_member(d, "until", how->until);
    if (how->reason.n) {
        crm__line_key(d, "reason");
        crm__line_text(d, how->reason.p, how->reason.n);
    }
    return crm__line_done(d);
}

/* ---- the rest ---- */

int crm__dump_head(crm__dumper *d, uint32_t model)
{
    static const char *const FEATURES[] = {
#define ITEM(name) name,
        CRM__FEATURES(ITEM)
#undef ITEM
    };
    const crm__store *s = d->txn->store;

    crm__line_start(d, CRM__LINE_HEAD);
    crm__line_add(d, "\"dump\"");
    crm__line_number_member(d, "format", CRM__DUMP_FORMAT);
    crm__line_key(d, "features");
    for (size_t i = 0; i < sizeof FEATURES / sizeof *FEATURES; i++) {
        crm__line_add(d, i ? "," : "[");
        crm__json_string(&d->line, FEATURES[i], strlen(FEATURES[i]));
    }
    crm__line_add(d, "]");
    crm__line_hex_member(d, "id", s->id, sizeof s->id);
    crm__line_hex_member(d, "tag_key", s->tag_key, sizeof s->tag_key);
    crm__line_hex_member(d, "token_key", s->token_key, sizeof s->token_key);
    crm__line_time_member(d, "made_at", s->made);
    crm__line_number_member(d, "model", model);
    return crm__line_done(d);
}

int crm__dump_model(crm__dumper *d, uint32_t version, crm__slice yaml)
{
    crm__line_start(d, CRM__LINE_MODEL);
    crm__line_number(d, version);
    crm__line_key(d, "yaml");
    crm__line_text(d, yaml.p, yaml.n);
    return crm__line_done(d);
}

int crm__dump_name(crm__dumper *d, int cls, uint32_t number, crm__slice name)
{
    const char *word = crm__class_word(cls);

    crm__line_start(d, CRM__LINE_NAME);
    crm__line_text(d, name.p, name.n);
    crm__line_key(d, "class");
    crm__json_string(&d->line, word, strlen(word));
    crm__line_number_member(d, "number", number);
    return crm__line_done(d);
}

int crm__dump_end(crm__dumper *d, uint64_t lines, const uint8_t sum[CRM__DIGEST])
{
    crm__line_start(d, CRM__LINE_END);
    crm__line_number(d, lines);
    crm__line_hex_member(d, "sum", sum, CRM__DIGEST);
    return crm__line_done(d);
}
