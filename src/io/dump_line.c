/* SPDX-License-Identifier: MIT
 * Lines of a dump: one row, or one event, as a JSON object.  docs/format.md has all members.
 */
#include "base/time.h"
#include "base/utf8.h"
#include "io/dump.h"

#include <crm/journal.h>
#include <string.h>

/* ---- pieces ---- */

static void add(crm__dumper *d, const char *s)
{
    crm__buf_add(&d->line, s, strlen(s));
}

static void put_number(crm__dumper *d, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + v % 10);
    while (v /= 10);
    crm__buf_add(&d->line, digits + at, sizeof digits - at);
}

static void put_integer(crm__dumper *d, int64_t v)
{
    if (v < 0)
        crm__buf_add_u8(&d->line, '-');
    put_number(d, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* A reader of JSON takes no NUL, and of all other bytes only UTF-8. */
static void put_text(crm__dumper *d, const void *p, size_t n)
{
    if (n && (memchr(p, 0, n) || crm__utf8_valid(p, n) != n))
        d->bad = 1;
    else
        crm__json_string(&d->line, p, n);
}

/* Instants outside of the calendar, which a clock gave, are numbers. */
static void put_time(crm__dumper *d, int64_t us)
{
    char text[40];
    size_t n = crm__datetime_format(us, text);

    if (!n) {
        put_integer(d, us);
        return;
    }
    crm__buf_add_u8(&d->line, '"');
    crm__buf_add(&d->line, text, n);
    crm__buf_add_u8(&d->line, '"');
}

static void put_class(crm__dumper *d, int cls, uint32_t number)
{
    crm__slice s = crm__dump_names_text(&d->names, cls, number);

    if (s.n)
        put_text(d, s.p, s.n);
    else
        d->bad = 1;
}

/* A name of the dictionary behind "<owner>/". */
static void put_behind(crm__dumper *d, crm__slice owner, int cls, uint32_t number)
{
    crm__slice s = crm__dump_names_text(&d->names, cls, number);

    if (s.n > owner.n && memcmp(s.p, owner.p, owner.n) == 0 && s.p[owner.n] == '/')
        put_text(d, s.p + owner.n + 1, s.n - owner.n - 1);
    else
        d->bad = 1;
}

static void key(crm__dumper *d, const char *name)
{
    add(d, ",\"");
    add(d, name);
    add(d, "\":");
}

/* Members that are left out when there is nothing to say. */
static void number_member(crm__dumper *d, const char *name, uint64_t v)
{
    if (!v)
        return;
    key(d, name);
    put_number(d, v);
}

static void class_member(crm__dumper *d, const char *name, int cls, uint32_t number)
{
    if (!number)
        return;
    key(d, name);
    put_class(d, cls, number);
}

static void time_member(crm__dumper *d, const char *name, int64_t us)
{
    key(d, name);
    put_time(d, us);
}

static void hex_member(crm__dumper *d, const char *name, const void *p, size_t n)
{
    key(d, name);
    add(d, "\"");
    crm__hex_add(&d->line, p, n);
    add(d, "\"");
}

static void start(crm__dumper *d, int line)
{
    d->line.n = 0;
    d->bad = 0;
    add(d, "{\"");
    add(d, crm__line_word(line));
    add(d, "\":");
}

static int done(crm__dumper *d)
{
    add(d, "}");
    return d->line.failed ? CRM_ENOMEM : d->bad ? CRM_ECORRUPT : CRM_OK;
}

/* ---- values ---- */

static void put_money(crm__dumper *d, const crm__value *v)
{
    char text[24];

    add(d, "{\"amount\":\"");
    crm__buf_add(&d->line, text, crm__decimal_format(v->decimal, text));
    add(d, "\",\"currency\":\"");
    crm__buf_add(&d->line, v->currency, 3);
    add(d, "\"}");
}

/* owner: of an enum's values, as their names in the dictionary begin. */
static void put_value(crm__dumper *d, crm__slice owner, const crm__value *v)
{
    char text[40];
    size_t n;

    switch (v->type) {
    case CRM_TYPE_INTEGER:
        put_integer(d, v->integer);
        return;
    case CRM_TYPE_CUSTOMER:
        put_number(d, (uint64_t)v->integer);
        return;
    case CRM_TYPE_BOOLEAN:
        add(d, v->integer ? "true" : "false");
        return;
    case CRM_TYPE_DATETIME:
        put_time(d, v->integer);
        return;
    case CRM_TYPE_DECIMAL:
        n = crm__decimal_format(v->decimal, text);
        crm__json_string(&d->line, text, n);
        return;
    case CRM_TYPE_DATE:
        n = crm__date_format((int32_t)v->integer, text);
        crm__json_string(&d->line, text, n);
        return;
    case CRM_TYPE_MONEY:
        put_money(d, v);
        return;
    case CRM_TYPE_ENUM:
        put_behind(d, owner, CRM__DICT_ENUM, (uint32_t)v->integer);
        return;
    default:
        put_text(d, v->text.p, v->text.n);
    }
}

static void put_type(crm__dumper *d, uint8_t type)
{
    const char *name = crm__type_name(type);

    if (name)
        crm__json_string(&d->line, name, strlen(name));
    else
        d->bad = 1;
}

/* ---- customers ---- */

/* Source and time of a value; the time only when it is not that of the customer's creation. */
static void origin_members(crm__dumper *d, uint32_t at)
{
    const crm__origin *o = &d->record.origins[at];

    class_member(d, "source", CRM__DICT_SOURCE, o->source);
    if (o->at != d->record.created)
        time_member(d, "at", o->at);
}

/* One origin for each value of a list. */
static void mixed_member(crm__dumper *d, const crm__entry *e)
{
    crm__reader in = crm__reader_of(e->mixed.p, e->mixed.n);

    if (!e->mixed.n)
        return;
    key(d, "origins");
    for (int i = 0; crm__reader_left(&in); i++) {
        uint64_t at = crm__read_varint(&in);
        if (in.failed || at >= d->record.origin_count) {
            d->bad = 1;
            return;
        }
        add(d, i ? ",{\"at\":" : "[{\"at\":");
        put_time(d, d->record.origins[at].at);
        class_member(d, "source", CRM__DICT_SOURCE, d->record.origins[at].source);
        add(d, "}");
    }
    add(d, "]");
}

static void put_item(crm__dumper *d, const crm__entry *e, crm__slice owner, crm__slice item)
{
    crm__value v;

    if (crm__value_decode(e->type, e->scoped, item, &v)) {
        d->bad = 1;
        return;
    }
    if (!e->scoped) {
        put_value(d, owner, &v);
        return;
    }
    add(d, "{\"of\":");
    put_class(d, CRM__DICT_SOURCE, v.source);
    add(d, ",\"value\":");
    put_value(d, owner, &v);
    add(d, "}");
}

static void put_entry(crm__dumper *d, const crm__entry *e)
{
    crm__slice owner = crm__dump_names_text(&d->names, CRM__DICT_FIELD, e->field), item;
    size_t pos = 0;
    int rc = CRM_OK;

    put_class(d, CRM__DICT_FIELD, e->field);
    add(d, ":{\"type\":");
    put_type(d, e->type);
    if (e->scoped)
        add(d, ",\"per_source\":true");
    key(d, e->list ? "values" : "value");
    if (e->list)
        add(d, "[");
    for (int i = 0; (rc = crm__entry_next(e, &pos, &item)) == CRM_OK; i++) {
        if (i)
            add(d, ",");
        put_item(d, e, owner, item);
    }
    if (e->list)
        add(d, "]");
    if (rc != CRM_DONE)
        d->bad = 1;
    origin_members(d, e->origin);
    mixed_member(d, e);
    add(d, "}");
}

int crm__dump_customer(crm__dumper *d, crm_id id, crm__slice payload)
{
    crm__record *r = &d->record;
    const char *kind;
    int rc = crm__record_decode(d->txn->mem, payload, r);

    if (rc)
        return rc;
    kind = crm__kind_key(r->kind);
    start(d, CRM__LINE_CUSTOMER);
    put_number(d, id);
    key(d, "kind");
    crm__json_string(&d->line, kind, strlen(kind));
    number_member(d, "changed", r->seq);
    if (r->flags & CRM__RECORD_DELETED)
        add(d, ",\"deleted\":true");
    if (r->flags & CRM__RECORD_MERGED) {
        key(d, "merged_into");
        put_number(d, r->survivor);
    }
    time_member(d, "created_at", r->created);
    if (r->updated != r->created)
        time_member(d, "updated_at", r->updated);
    key(d, "fields");
    add(d, "{");
    for (uint32_t i = 0; i < r->entry_count; i++) {
        if (i)
            add(d, ",");
        put_entry(d, &r->entries[i]);
    }
    add(d, "}");
    return done(d);
}

/* ---- events ---- */

static void put_attribute(crm__dumper *d, crm__slice kind, const crm__event_value *x)
{
    crm__slice owner = crm__dump_names_text(&d->names, CRM__DICT_ATTRIBUTE, x->attribute);

    put_behind(d, kind, CRM__DICT_ATTRIBUTE, x->attribute);
    add(d, ":{\"type\":");
    put_type(d, x->v.type);
    key(d, "value");
    put_value(d, owner, &x->v);
    add(d, "}");
}

int crm__dump_event(crm__dumper *d, crm_id id, const crm__event *e)
{
    crm__slice kind = crm__dump_names_text(&d->names, CRM__DICT_EVENT, e->kind);

    start(d, CRM__LINE_EVENT);
    put_number(d, e->number);
    number_member(d, "customer", id);
    class_member(d, "kind", CRM__DICT_EVENT, e->kind);
    time_member(d, "time", e->time);
    number_member(d, "entry", e->seq);
    class_member(d, "source", CRM__DICT_SOURCE, e->source);
    if (e->reference.n) {
        key(d, "reference");
        put_text(d, e->reference.p, e->reference.n);
    }
    number_member(d, "voids", e->voids);
    if (e->state)
        number_member(d, e->state == CRM__EVENT_VOIDED ? "voided_by" : "corrected_by", e->voided);
    if (e->value_count) {
        key(d, "attributes");
        for (uint32_t i = 0; i < e->value_count; i++) {
            add(d, i ? "," : "{");
            put_attribute(d, kind, &e->values[i]);
        }
        add(d, "}");
    }
    return done(d);
}

/* ---- journal ---- */

static void fields_member(crm__dumper *d, crm__slice mask, int tags)
{
    crm__reader in = crm__reader_of(mask.p, mask.n);
    uint32_t field = 0;

    if (!mask.n)
        return;
    key(d, tags ? "tags" : "fields");
    for (int i = 0; crm__mask_next(&in, &field); i++) {
        add(d, i ? "," : "[");
        put_class(d, tags ? CRM__DICT_TAG : CRM__DICT_FIELD, field);
    }
    add(d, "]");
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
    key(d, name);
    for (int i = 0; crm__runs_next(&r, &first, &count); i++) {
        add(d, i ? ",[" : "[[");
        put_number(d, first);
        add(d, ",");
        put_number(d, first + count - 1);
        add(d, "]");
    }
    add(d, "]");
    d->bad |= r.in.failed;
}

/* Names that an entry brings: of each class the first and the last number. */
static void names_member(crm__dumper *d, const crm__journal_entry *e)
{
    crm__reader in = crm__reader_of(e->names.p, e->names.n);
    crm__names_run run;

    if (!e->name_runs)
        return;
    key(d, "names");
    for (int i = 0; crm__brings_next(&in, &run); i++) {
        const char *word = crm__class_word(crm__dict_class_of(run.cls));
        add(d, i ? ",\"" : "{\"");
        add(d, word ? word : "");
        add(d, "\":[");
        put_number(d, run.first);
        add(d, ",");
        put_number(d, (uint64_t)run.first + run.count - 1);
        add(d, "]");
        d->bad |= !word;
    }
    add(d, "}");
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
    start(d, CRM__LINE_ENTRY);
    put_number(d, seq);
    key(d, "action");
    if (!action || !*action)
        return CRM_ECORRUPT;
    crm__json_string(&d->line, action, strlen(action));
    time_member(d, "recorded_at", e.recorded);
    class_member(d, BY[0], CRM__DICT_NAMES, e.actor);
    class_member(d, BY[1], CRM__DICT_NAMES, e.purpose);
    class_member(d, BY[2], CRM__DICT_NAMES, e.channel);
    class_member(d, "source", CRM__DICT_SOURCE, e.source);
    number_member(d, "target", e.target);
    number_member(d, "previous", e.previous);
    number_member(d, "batch", e.batch);
    fields_member(d, e.mask, crm__action_tags(e.action));
    number_member(d, "next_id", e.counters.next_id);
    number_member(d, "live", e.counters.live);
    number_member(d, "deleted", e.counters.deleted);
    number_member(d, "images_from", e.counters.images_from);
    if (e.commitment.n)
        hex_member(d, "commitment", e.commitment.p, e.commitment.n);
    names_member(d, &e);
    if (crm__action_lists(e.action)) {
        list_member(d, "created", e.lists[CRM__BATCH_CREATED]);
        list_member(d, "changed", e.lists[CRM__BATCH_CHANGED]);
        list_member(d, "events", e.lists[CRM__BATCH_EVENTS]);
        list_member(d, "chunks", e.lists[CRM__BATCH_TAGGED]);
    }
    if (e.tagged.n)
        hex_member(d, "tags_commitment", e.tagged.p, e.tagged.n);
    hex_member(d, "chain", e.chain.p, e.chain.n);
    return done(d);
}

int crm__dump_image(crm__dumper *d, uint64_t seq, crm_id id, crm__slice payload)
{
    start(d, CRM__LINE_IMAGE);
    put_number(d, seq);
    number_member(d, "customer", id);
    key(d, "base64");
    add(d, "\"");
    crm__base64_add(&d->line, payload.p, payload.n);
    add(d, "\"");
    return done(d);
}

int crm__dump_batch(crm__dumper *d, uint64_t batch, const crm__batch *b)
{
    start(d, CRM__LINE_BATCH);
    put_number(d, batch);
    number_member(d, "last", b->last);
    number_member(d, "undone_by", b->undone);
    if (b->name.n) {
        key(d, "name");
        put_text(d, b->name.p, b->name.n);
    }
    return done(d);
}

int crm__dump_segment(crm__dumper *d, crm__slice name, const crm__saved *s)
{
    start(d, CRM__LINE_SEGMENT);
    put_text(d, name.p, name.n);
    number_member(d, "saved", s->seq);
    if (s->flags & CRM__SAVED_STATIC) {
        key(d, "static");
        add(d, "true");
    }
    if (s->flags & CRM__SAVED_REMOVED) {
        key(d, "removed");
        add(d, "true");
    } else {
        key(d, "text");
        put_text(d, s->text.p, s->text.n);
    }
    return done(d);
}

static void text_member(crm__dumper *d, const char *name, const char *text)
{
    if (!*text)
        return;
    key(d, name);
    put_text(d, text, strlen(text));
}

int crm__dump_watch(crm__dumper *d, const crm__live_watch *w)
{
    start(d, CRM__LINE_WATCH);
    put_text(d, w->name.p, w->name.n);
    number_member(d, "seq", w->seq);
    time_member(d, "since", w->since);
    text_member(d, "zone", w->zone);
    text_member(d, "purpose", w->purpose);
    text_member(d, "channel", w->channel);
    return done(d);
}

int crm__dump_clock(crm__dumper *d, const crm__live_clock *c)
{
    start(d, CRM__LINE_CLOCK);
    put_time(d, c->until);
    if (c->chunk != CRM__LIVE_ALL) {
        time_member(d, "from", c->from);
        number_member(d, "chunks", c->chunk + 1);
    }
    return done(d);
}

/* ---- tags ---- */

/* Customers as runs of first and last. */
static void put_rows(crm__dumper *d, uint64_t first, const uint64_t *words)
{
    int32_t row = crm__set_next(words, 0), last;

    add(d, "[");
    for (int i = 0; row >= 0; i++) {
        for (last = row; last + 1 < CRM__CHUNK_ROWS && crm__set_has(words, (uint32_t)last + 1);)
            last++;
        add(d, i ? ",[" : "[");
        put_number(d, first + (uint64_t)row);
        add(d, ",");
        put_number(d, first + (uint64_t)last);
        add(d, "]");
        row = last + 1 < CRM__CHUNK_ROWS ? crm__set_next(words, (uint32_t)last + 1) : -1;
    }
    add(d, "]");
}

int crm__dump_tagged(crm__dumper *d, crm__slice k, crm__slice payload)
{
    uint64_t words[CRM__SET_WORDS] = {0};
    uint32_t part = crm__get_be32(k.p + 16);

    if (crm__set_load(payload, words))
        return CRM_ECORRUPT;
    start(d, CRM__LINE_TAGGED);
    put_number(d, crm__get_be64(k.p + 8));
    class_member(d, "tag", CRM__DICT_TAG, crm__get_be32(k.p + 4));
    add(d, part == CRM__TAGGED_REMOVED ? ",\"what\":\"removed\""
           : part % 2                  ? ",\"what\":\"added\""
                                       : ",\"what\":\"renewed\"");
    if (part != CRM__TAGGED_REMOVED)
        number_member(d, "group", CRM__TAGGED_GROUP(part));
    key(d, "customers");
    put_rows(d, (uint64_t)crm__get_be32(k.p) << CRM__CHUNK_SHIFT, words);
    return done(d);
}

int crm__dump_given(crm__dumper *d, uint64_t seq, uint32_t group, const crm__tag_how *how)
{
    start(d, CRM__LINE_GIVEN);
    put_number(d, seq);
    number_member(d, "group", group);
    number_member(d, "origin", how->origin);
    if (how->until)
        time_member(d, "until", how->until);
    if (how->reason.n) {
        key(d, "reason");
        put_text(d, how->reason.p, how->reason.n);
    }
    return done(d);
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

    start(d, CRM__LINE_HEAD);
    add(d, "\"dump\"");
    number_member(d, "format", CRM__DUMP_FORMAT);
    key(d, "features");
    for (size_t i = 0; i < sizeof FEATURES / sizeof *FEATURES; i++) {
        add(d, i ? "," : "[");
        crm__json_string(&d->line, FEATURES[i], strlen(FEATURES[i]));
    }
    add(d, "]");
    hex_member(d, "id", s->id, sizeof s->id);
    hex_member(d, "tag_key", s->tag_key, sizeof s->tag_key);
    hex_member(d, "token_key", s->token_key, sizeof s->token_key);
    time_member(d, "made_at", s->made);
    number_member(d, "model", model);
    return done(d);
}

int crm__dump_model(crm__dumper *d, uint32_t version, crm__slice yaml)
{
    start(d, CRM__LINE_MODEL);
    put_number(d, version);
    key(d, "yaml");
    put_text(d, yaml.p, yaml.n);
    return done(d);
}

int crm__dump_name(crm__dumper *d, int cls, uint32_t number, crm__slice name)
{
    const char *word = crm__class_word(cls);

    start(d, CRM__LINE_NAME);
    put_text(d, name.p, name.n);
    key(d, "class");
    crm__json_string(&d->line, word, strlen(word));
    number_member(d, "number", number);
    return done(d);
}

int crm__dump_end(crm__dumper *d, uint64_t lines, const uint8_t sum[CRM__DIGEST])
{
    start(d, CRM__LINE_END);
    put_number(d, lines);
    hex_member(d, "sum", sum, CRM__DIGEST);
    return done(d);
}
