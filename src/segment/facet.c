/* SPDX-License-Identifier: MIT
 * Facets: how many customers of a segment have each tag of a dimension, or each value of a field.
 */
#include "base/error.h"
#include "base/utf8.h"
#include "db/live.h"
#include "db/saved.h"
#include "db/scan.h"
#include "model/member.h"
#include "segment/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct facet_line {
    crm__set_ref ref;
    const char *name; /* in the arena */
    uint64_t count;
} facet_line;

typedef struct facet {
    crm_txn *txn;
    crm__arena *a;
    crm__looking looking;
    crm__buf lines; /* facet_line, in order of their sets once gathered */
} facet;

enum { LOOK_EVERY = 2048 }; /* lines between two looks at progress */

static facet_line *lines_of(const facet *f)
{
    return (facet_line *)(void *)f->lines.p;
}

static size_t line_count(const facet *f)
{
    return f->lines.n / sizeof(facet_line);
}

static int add_line(facet *f, crm__set_ref ref, const void *name, size_t n)
{
    facet_line l = {ref, NULL, 0};
    char *copy = crm__arena_alloc(f->a, n + 1);

    if (!copy)
        return CRM_ENOMEM;
    if (n)
        memcpy(copy, name, n);
    copy[n] = 0;
    l.name = copy;
    crm__buf_add(&f->lines, &l, sizeof l);
    return f->lines.failed ? CRM_ENOMEM : crm__look_at(&f->looking, line_count(f), LOOK_EVERY);
}

/* ---- which sets ---- */

/* Whether tags of the dimension that a name of the dictionary begins with may have an end. */
static uint8_t ends_of(const crm__model *m, crm__slice k)
{
    const uint8_t *colon = memchr(k.p + 2, ':', k.n - 2);
    const crm__dimension *d =
        colon ? crm__model_dimension_find(m, (const char *)k.p + 2, (size_t)(colon - k.p) - 2)
              : NULL;

    return d && d->expires;
}

/* The customers of a static segment, and of a watched one, have a tag that is none for people. */
static int is_saved(crm__slice key)
{
    static const char *const FRONT[] = {CRM__SAVED_TAG, CRM__LIVE_TAG};

    for (int i = 0; i < 2; i++) {
        size_t n = strlen(FRONT[i]);
        if (key.n >= n + 2 && memcmp(key.p + 2, FRONT[i], n) == 0)
            return 1;
    }
    return 0;
}

/* Tags whose names begin with a dimension, or with nothing: all. */
static int gather_tags(facet *f, const crm__model *m, const char *dimension)
{
    uint8_t key[CRM__DICT_NAME + 2];
    size_t n = strlen(dimension);
    crm__slice k, v, from = {key, 2 + n};
    crm__scan scan;
    int rc;

    key[0] = crm__dict_class_byte(CRM__DICT_TAG);
    key[1] = 0;
    memcpy(key + 2, dimension, n);
    if (n)
        key[from.n++] = ':';
    crm__scan_open(f->txn, KV_DICT, &scan);
    rc = crm__scan_seek(&scan, KV_GE, from, &k, &v);
    while (!rc && k.n >= from.n && memcmp(k.p, key, from.n) == 0) {
        if (is_saved(k))
            rc = CRM_OK;
        else
            rc = v.n == 4
                     ? add_line(f, (crm__set_ref){KV_TAG, 0, ends_of(m, k), crm__get_le32(v.p)},
                                k.p + 2, k.n - 2)
                     : CRM_ECORRUPT;
        if (!rc)
            rc = crm__scan_next(&scan, &k, &v);
    }
    crm__scan_close(&scan);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int on_text(void *ctx, crm__slice text, uint32_t value)
{
    return add_line(ctx, (crm__set_ref){KV_BITS, CRM__BITS_TEXT, 0, value}, text.p, text.n);
}

static int gather_countries(facet *f, const crm__field *field)
{
    for (unsigned i = 0; i < 26 * 26; i++) {
        char code[2] = {(char)('A' + i / 26), (char)('A' + i % 26)};
        if (add_line(f, (crm__set_ref){KV_BITS, CRM__BITS_COUNTRY, 0, field->number << 16 | i},
                     code, 2))
            return CRM_ENOMEM;
    }
    return CRM_OK;
}

static int gather_field(facet *f, const crm__field *field)
{
    static const char *const WORD[] = {"false", "true"};
    int rc = CRM_OK;

    switch (field->type) {
    case CRM_TYPE_ENUM:
        for (uint32_t i = 0; i < field->value_count && !rc; i++)
            rc = add_line(f, (crm__set_ref){KV_BITS, CRM__BITS_VALUE, 0, field->values[i].number},
                          field->values[i].key, strlen(field->values[i].key));
        return rc;
    case CRM_TYPE_BOOLEAN:
        for (unsigned i = 0; i < 2 && !rc; i++)
            rc = add_line(f, (crm__set_ref){KV_BITS, CRM__BITS_BOOLEAN, 0, field->number << 1 | i},
                          WORD[i], strlen(WORD[i]));
        return rc;
    case CRM_TYPE_COUNTRY:
        return gather_countries(f, field);
    default:
        return crm__index_texts(f->txn, field, crm__slice_of(NULL, 0), on_text, f);
    }
}

static int is_kind(const char *by)
{
    const crm__own_word *word = crm__own_by_key(&crm__customer_words, by, strlen(by));

    if (!word)
        word = crm__own_by_label(&crm__customer_words, by, strlen(by));
    return word && word->own == CRM__OWN_KIND;
}

static int gather_kinds(facet *f)
{
    int rc = CRM_OK;

    for (unsigned k = CRM__KIND_PERSON; k <= CRM__KIND_ORGANISATION && !rc; k++)
        rc = add_line(f, (crm__set_ref){KV_BITS, CRM__BITS_KIND, 0, k}, crm__kind_key(k),
                      strlen(crm__kind_key(k)));
    return rc;
}

static int by_set(const void *a, const void *b)
{
    const facet_line *x = a, *y = b;

    if (x->ref.index != y->ref.index)
        return x->ref.index - y->ref.index;
    return x->ref.value < y->ref.value ? -1 : x->ref.value > y->ref.value;
}

static int no_such(const char *what, const char *near_name, crm_error *err)
{
    return crm__fail_field(err, CRM_EFIELD, "by", "the model has %s%s%s%s", what,
                           near_name ? "; did you mean \"" : "", near_name ? near_name : "",
                           near_name ? "\"?" : "");
}

/* `field(NAME)`: the field, where a dimension of tags has the name, too. */
static int named_field(const crm__model *m, const char *by, const crm__field **field,
                       crm_error *err)
{
    size_t n = strlen(by);

    if (n < 7 || memcmp(by, "field(", 6) != 0 || by[n - 1] != ')')
        return CRM_OK;
    *field = crm__model_find(m, by + 6, n - 7);
    return *field ? CRM_OK
                  : no_such("no field of that name", crm__model_near(m, by + 6, n - 7), err);
}

static int no_name(const crm__model *m, const char *by, crm_error *err)
{
    size_t n = strlen(by), away = SIZE_MAX;
    const char *const names[] = {crm__model_near(m, by, n), crm__model_dimension_near(m, by, n),
                                 "tags", "kind"};

    return no_such("no dimension of tags and no field of that name",
                   crm__nearer(by, n, names, 4, &away), err);
}

/* A field without sets: what can be done instead, as far as the model lets it. */
static int no_sets(const crm__field *f, crm_error *err)
{
    int column = (f->index & CRM__INDEX_COLUMN) != 0, listed = (f->flags & CRM_FIELD_LIST) != 0;
    char how[160] = "";

    switch (f->type) {
    case CRM_TYPE_TEXT:
    case CRM_TYPE_URL:
    case CRM_TYPE_LANGUAGE:
    case CRM_TYPE_ACTOR:
        snprintf(how, sizeof how, "; `index: values` in the model makes them");
        break;
    case CRM_TYPE_ENUM:
    case CRM_TYPE_BOOLEAN:
    case CRM_TYPE_COUNTRY:
        snprintf(how, sizeof how, "; without `index: false` the model makes them");
        break;
    case CRM_TYPE_DATE:
    case CRM_TYPE_DATETIME:
        if (column)
            snprintf(how, sizeof how, "; numbers count by its time: `count by month(%s)`", f->key);
        break;
    case CRM_TYPE_MONEY:
        if (column)
            snprintf(how, sizeof how, "; numbers count in steps: `count by %s every 100 %s`",
                     f->key, f->currency[0] ? f->currency : "CNY");
        break;
    case CRM_TYPE_INTEGER:
    case CRM_TYPE_DECIMAL:
        if (column)
            snprintf(how, sizeof how, "; numbers count in steps: `count by %s in 10 steps`",
                     f->key);
        break;
    default:
        column = 1; /* there is none to be had */
    }
    if (!*how && !column && !listed)
        snprintf(how, sizeof how,
                 " and no column; without `index: false` the model makes one for numbers");
    return crm__fail_field(err, CRM_EFIELD, f->key, "'%s' has no sets of its values to count by%s",
                           f->key, how);
}

/* field: that is meant, whatever has its name. */
static int gather(facet *f, const crm__model *m, const char *by, const crm__field *field,
                  crm_error *err)
{
    const crm__dimension *d = field ? NULL : crm__model_dimension_find(m, by, strlen(by));
    int tags = !field && strcmp(by, "tags") == 0, rc = CRM_OK;

    if (!d && !field)
        rc = named_field(m, by, &field, err);
    if (rc)
        return rc;
    if (!d && !field)
        field = crm__model_find(m, by, strlen(by));
    if (tags) {
        rc = gather_tags(f, m, "");
    } else if (d) {
        rc = gather_tags(f, m, d->key);
    } else if (!field && is_kind(by)) {
        rc = gather_kinds(f);
    } else if (!field) {
        return no_name(m, by, err);
    } else if (!(field->index & CRM__INDEX_VALUES) || field->type == CRM_TYPE_MONEY) {
        return no_sets(field, err);
    } else {
        rc = gather_field(f, field);
    }
    if (!rc && f->lines.n)
        rc = crm__sort(f->txn->mem, f->lines.p, line_count(f), sizeof(facet_line), by_set,
                       &f->looking);
    return rc ? crm__segment_fail(f->txn, rc, err) : CRM_OK;
}

/* ---- counting ---- */

static uint32_t count_in(const crm__set_at *at, const uint64_t *words)
{
    uint32_t n = 0;

    if (!at->present)
        return 0;
    if (!at->words)
        return crm__set_and_count(&at->view, words);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        n += (uint32_t)__builtin_popcountll(words[i] & at->words[i]);
    return n;
}

static int count_one(crm__run *r, facet_line *l, const uint64_t *words)
{
    uint64_t room[CRM__SET_WORDS];
    crm__set_at at;
    int rc = crm__set_find(r, &l->ref, room, &at);

    if (!rc)
        l->count += count_in(&at, words);
    return rc ? rc : crm__run_read(r);
}

static int count_by_finding(facet *f, crm__run *r, const uint64_t *words)
{
    facet_line *l = lines_of(f);
    int rc = CRM_OK;

    for (size_t i = 0; i < line_count(f) && !rc; i++)
        rc = count_one(r, &l[i], words);
    return rc;
}

/* The number of a set from its key; 0: it is of another chunk or index. */
static int number_in(const facet_line *l, uint64_t chunk, crm__slice k, uint32_t *number)
{
    int tag = l->ref.space == KV_TAG;

    if (k.n != (tag ? (size_t)CRM__KEY_TAG : (size_t)CRM__KEY_BITS) ||
        crm__get_be32(k.p) != (uint32_t)chunk || (!tag && k.p[4] != l->ref.index))
        return 0;
    *number = crm__get_be32(k.p + (tag ? 4 : 5));
    return 1;
}

/* Sets of a chunk stand one behind another: a walk in place of a look-up for each. */
static int count_by_walking(facet *f, crm__run *r, const uint64_t *words)
{
    facet_line *l = lines_of(f), *end = l + line_count(f);
    uint8_t key[CRM__KEY_BITS];
    crm__slice k, v, from;
    uint32_t number;
    int rc;
    kv_cursor *c;

    if (l == end)
        return CRM_OK;
    c = crm__txn_cursor(r->txn, (kv_space)l->ref.space, &rc);
    if (rc)
        return rc;
    from = l->ref.space == KV_TAG ? crm__key_tag(key, r->chunk, l->ref.value)
                                  : crm__key_bits(key, r->chunk, l->ref.index, l->ref.value);
    rc = c->ops->seek(c, KV_GE, from, &k, &v);
    while (!rc && l < end && number_in(l, r->chunk, k, &number)) {
        crm__set_view view;
        while (l < end && l->ref.value < number)
            l++;
        if (l < end && l->ref.value == number) {
            if (v.n < CRM__TAG_SIZE ||
                crm__set_open(crm__slice_of(v.p, v.n - CRM__TAG_SIZE), &view))
                return CRM_ECORRUPT;
            if (l->ref.ends)
                rc = count_one(r, l, words);
            else
                l->count += crm__set_and_count(&view, words);
            if (!rc)
                rc = crm__run_read(r);
            if (rc)
                return rc;
        }
        rc = c->ops->next(c, &k, &v);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int count_chunk(crm__run *r, uint64_t chunk, void *own)
{
    uint64_t words[CRM__SET_WORDS];
    int any, rc = crm__run_chunk(r, chunk, words, &any);

    if (rc || !any)
        return rc;
    return r->txn->write ? count_by_finding(own, r, words) : count_by_walking(own, r, words);
}

/* Each thread counts in lines of its own. */
static int count_all(facet *f, crm__asking *a)
{
    uint32_t threads = a->threads > 1 ? a->threads : 1;
    facet *own = crm__calloc(f->txn->mem, threads, sizeof *own);
    int rc = own ? CRM_OK : CRM_ENOMEM;

    for (uint32_t i = 0; i < threads && !rc; i++) {
        own[i] = *f;
        crm__buf_init(&own[i].lines, f->txn->mem);
        crm__buf_add(&own[i].lines, f->lines.p, f->lines.n);
        rc = own[i].lines.failed ? CRM_ENOMEM : CRM_OK;
    }
    if (!rc)
        rc = crm__chunks_run(a, count_chunk, own, sizeof *own);
    for (uint32_t i = 0; own && i < threads; i++) {
        for (size_t k = 0; !rc && k < line_count(f); k++)
            lines_of(f)[k].count += lines_of(&own[i])[k].count;
        crm__buf_clear(&own[i].lines);
    }
    crm__release(f->txn->mem, own);
    return rc;
}

static int by_count(const void *a, const void *b)
{
    const facet_line *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->name, y->name);
}

int crm_segment_facet(crm_txn *txn, const crm_segment *s, const char *by,
                      const crm_segment_options *opts, crm_facet_fn fn, void *ctx, crm_error *err)
{
    crm__asking a;
    facet f = {txn, &a.plan.a, {NULL, NULL, 0, 0}, {0}};
    int rc = crm__segment_begin(txn, s, opts, &a, err);

    f.looking = crm__asking_looking(&a);
    if (!rc && (!by || !fn))
        rc = crm__fail_field(err, CRM_EINVAL, by ? "fn" : "by", "%s is NULL", by ? "fn" : "by");
    if (!rc) {
        crm__buf_init(&f.lines, txn->mem);
        rc = gather(&f, a.plan.model, by, NULL, err);
        if (!rc)
            rc = crm__segment_hand_out(txn, s, a.reason, err);
        if (!rc && (rc = count_all(&f, &a)))
            rc = crm__segment_fail(txn, rc, err);
        if (!rc && f.lines.n) {
            rc = crm__sort(txn->mem, f.lines.p, line_count(&f), sizeof(facet_line), by_count,
                           &f.looking);
            rc = rc ? crm__segment_fail(txn, rc, err) : CRM_OK;
        }
        for (size_t i = 0; !rc && i < line_count(&f) && lines_of(&f)[i].count; i++) {
            crm_facet one = {lines_of(&f)[i].name, lines_of(&f)[i].count};
            if (fn(&one, ctx))
                rc = crm__segment_fail(txn, CRM_ECANCELLED, err);
        }
        crm__buf_clear(&f.lines);
    }
    crm__segment_end(&a);
    return rc;
}

/* ---- the sets alone ---- */

int crm__facet_sets(crm__asking *a, const char *by, const crm__field *field, crm__facet_set_fn fn,
                    void *ctx, crm_error *err)
{
    facet f = {a->plan.txn, &a->plan.a, crm__asking_looking(a), {0}};
    int rc;

    crm__buf_init(&f.lines, f.txn->mem);
    rc = gather(&f, a->plan.model, by, field, err);
    for (size_t i = 0; i < line_count(&f) && !rc; i++)
        rc = fn(ctx, lines_of(&f)[i].ref, lines_of(&f)[i].name);
    crm__buf_clear(&f.lines);
    return rc;
}
