/* SPDX-License-Identifier: MIT
 * Changing the model: what a new document would change and lose, and making it the model.
 *
 * Losses are counted on the stored records, in one pass for all changes.  What is derived of the
 * fields and kinds concerned is made anew (model_rebuild.c).
 */
#include "db/derive.h"
#include "db/derive_event.h"
#include "db/model.h"

#include <stdlib.h>
#include <string.h>

typedef struct item {
    crm__change change;
    uint64_t values;
    int tokens;    /* unique: tokens of all live customers are gathered to find shared ones */
    crm__buf keys; /* 16 bytes each */
    crm__tag_several *several; /* NULL until it is needed */
} item;

typedef struct plan {
    crm_txn *txn;
    const crm__model *before, *after;
    crm_finding_fn fn;
    void *ctx;
    item *items;
    size_t count, cap;
    crm__buf scratch;
    int scan, scan_events, scan_tags, failed;
} plan;

/* Attributes have numbers of their own, so the changes of events must not meet a customer's record.
 */
static int of_event(const crm__change *c)
{
    return c->event_before || c->event_after;
}

static int of_tags(const crm__change *c)
{
    return c->dimension_before || c->dimension_after;
}

/* ---- gathering ---- */

static int gather(const crm__change *change, void *ctx)
{
    plan *p = ctx;
    item *it;

    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 16;
        it = crm__realloc(p->txn->mem, p->items, cap * sizeof *it);
        if (!it)
            return CRM_ENOMEM;
        p->items = it;
        p->cap = cap;
    }
    it = &p->items[p->count++];
    memset(it, 0, sizeof *it);
    it->change = *change;
    crm__buf_init(&it->keys, p->txn->mem);
    it->tokens = change->scan && change->after && change->after->flags & CRM_FIELD_UNIQUE &&
                 (change->what == CRM__CHANGE_UNIQUE || change->what == CRM__CHANGE_FIELD_ADDED);
    if (of_event(change))
        p->scan_events |= change->scan;
    else if (of_tags(change))
        p->scan_tags |= change->scan;
    else
        p->scan |= change->scan;
    return CRM_OK;
}

static int add_token(void *ctx, const crm__derived *d)
{
    crm__buf *keys = ctx;

    if (d->what == CRM__DERIVED_ID)
        crm__buf_add(keys, d->key.p + 2, CRM__TOKEN_SIZE);
    return keys->failed ? CRM_ENOMEM : CRM_OK;
}

static uint64_t count_items(const crm__entry *e)
{
    crm__slice one;
    size_t pos = 0;
    uint64_t n = 0;

    while (crm__entry_next(e, &pos, &one) == CRM_OK)
        n++;
    return n;
}

/* Values of an entry that the new rules would not take. */
static uint64_t count_broken(plan *p, const crm__field *f, const crm__record *r,
                             const crm__entry *e)
{
    crm__slice one;
    crm__value v;
    size_t pos = 0;
    uint64_t n = 0;

    if (!(f->kinds >> r->kind & 1))
        return 1;
    while (crm__entry_next(e, &pos, &one) == CRM_OK) {
        p->scratch.n = 0;
        if (crm__value_decode(e->type, e->scoped, one, &v) ||
            crm__value_put(f, &v, &p->scratch, NULL))
            n++;
    }
    return n;
}

static uint64_t count_enum(const crm__entry *e, uint32_t number)
{
    crm__slice one;
    crm__value v;
    size_t pos = 0;
    uint64_t n = 0;

    while (crm__entry_next(e, &pos, &one) == CRM_OK) {
        if (!crm__value_decode(e->type, e->scoped, one, &v))
            n += v.integer == (int64_t)number;
    }
    return n;
}

/* What one change means for one record. */
static int weigh(plan *p, item *it, crm_id id, const crm__record *r)
{
    const crm__field *old = it->change.before, *new = it->change.after;
    const crm__entry *e = crm__record_find(r, old ? old->number : new ? new->number : 0);
    int live = !(r->flags & CRM__RECORD_DELETED);
    crm__field rule;

    if (of_event(&it->change) || of_tags(&it->change))
        return CRM_OK;
    if (it->tokens)
        return crm__derive(p->txn, p->after, id, r, new->number, 0, &p->scratch, add_token,
                           &it->keys);
    if (!it->change.scan)
        return CRM_OK;
    switch (it->change.what) {
    case CRM__CHANGE_REQUIRED:
        it->values += live && !e && (new->kinds >> r->kind & 1);
        break;
    case CRM__CHANGE_FIELD_REMOVED:
    case CRM__CHANGE_TYPE:
    case CRM__CHANGE_SCOPE:
        it->values += e && e->type == old->type ? count_items(e) : 0;
        break;
    case CRM__CHANGE_TO_SINGLE:
        it->values += e && count_items(e) > 1;
        break;
    case CRM__CHANGE_RULE_NARROWED:
        rule = crm__change_rule(&it->change);
        it->values += e && e->type == new->type ? count_broken(p, &rule, r, e) : 0;
        break;
    case CRM__CHANGE_VALUE_REMOVED:
        it->values += e ? count_enum(e, it->change.value->number) : 0;
        break;
    }
    return CRM_OK;
}

int crm__each_record(crm_txn *txn, crm__record_fn fn, void *ctx, crm_error *err)
{
    uint8_t at[CRM__KEY_U64];
    crm__record r;
    crm__slice k, v, payload;
    uint64_t next = 0;
    kv_cursor *c;
    int rc;

    memset(&r, 0, sizeof r);
    for (;;) {
        /* Sought anew each time: the function may have flushed edits under the cursor. */
        c = crm__txn_cursor(txn, KV_CUSTOMER, &rc);
        if (!rc)
            rc = c->ops->seek(c, KV_GE, crm__key_u64(at, next), &k, &v);
        if (rc)
            break;
        next = crm__get_be64(k.p) + 1;
        rc = k.n == CRM__KEY_U64 ? crm__untag(txn->store, KV_CUSTOMER, k, v, &payload)
                                 : CRM_ECORRUPT;
        if (!rc)
            rc = crm__record_decode(txn->mem, payload, &r);
        if (!rc)
            rc = fn(ctx, next - 1, &r);
        if (rc)
            break;
    }
    crm__record_clear(txn->mem, &r);
    if (rc == CRM_ENOTFOUND)
        return CRM_OK;
    return crm__txn_fail(txn, rc, "can't read the customers", err);
}

static int weigh_record(void *ctx, crm_id id, const crm__record *r)
{
    plan *p = ctx;
    int rc = CRM_OK;

    for (size_t i = 0; i < p->count && !rc; i++)
        rc = weigh(p, &p->items[i], id, r);
    return rc;
}

static int weigh_event(void *ctx, crm_id id, const crm__event *e)
{
    plan *p = ctx;

    (void)id;
    for (size_t i = 0; i < p->count; i++)
        p->items[i].values += crm__event_loss(&p->items[i].change, e, &p->scratch);
    return CRM_OK;
}

static int weigh_tag(void *ctx, crm__slice name, uint32_t chunk, uint32_t tag,
                     const uint64_t *words)
{
    plan *p = ctx;
    int rc = CRM_OK;

    for (size_t i = 0; i < p->count && !rc; i++) {
        item *it = &p->items[i];
        if (!of_tags(&it->change))
            continue;
        if (it->change.what == CRM__CHANGE_DIMENSION_ONE && !it->several &&
            !(it->several = crm__calloc(p->txn->mem, 1, sizeof *it->several)))
            return CRM_ENOMEM;
        rc = crm__tag_loss(p->txn, &it->change, it->several, name, chunk, tag, words, &it->values);
    }
    return rc;
}

static int by_token(const void *a, const void *b)
{
    return memcmp(a, b, CRM__TOKEN_SIZE);
}

static void count_shared(item *it)
{
    size_t n = it->keys.n / CRM__TOKEN_SIZE;

    if (n > 1)
        qsort(it->keys.p, n, CRM__TOKEN_SIZE, by_token);
    for (size_t i = 1; i < n; i++)
        it->values += !memcmp(it->keys.p + i * CRM__TOKEN_SIZE,
                              it->keys.p + (i - 1) * CRM__TOKEN_SIZE, CRM__TOKEN_SIZE);
    crm__buf_clear(&it->keys);
}

/* ---- reporting ---- */

static int loses(const item *it)
{
    return it->change.scan && it->values > 0;
}

static void report(plan *p, const item *it)
{
    const crm__field *f = it->change.after;
    const crm__event_kind *kind = it->change.event_after;
    const crm__dimension *dimension = it->change.dimension_after;
    char text[CRM_MESSAGE_SIZE + 80];
    crm_finding finding;
    crm__buf b;

    if (!p->fn)
        return;
    crm__buf_init(&b, p->txn->mem);
    crm__buf_add_str(&b, it->change.message);
    if (loses(it)) {
        const char *s = it->values == 1 ? "" : "s", *has = it->values == 1 ? "does" : "do";
        int event = of_event(&it->change), what = it->change.what;
        crm__buf_add_fmt(&b,
                         it->tokens ? ", but %llu value%s of it would be a second one"
                         : what == CRM__CHANGE_REQUIRED
                             ? event ? ", which %llu event%s %s not have"
                                     : ", which %llu customer%s %s not have"
                         : what == CRM__CHANGE_EVENT_REMOVED ? "; this affects %llu stored event%s"
                                                             : "; this affects %llu stored value%s",
                         (unsigned long long)it->values, s, has);
    } else if (it->change.scan) {
        crm__buf_add_str(&b, of_tags(&it->change) ? "; no stored tag is touched"
                             : it->change.what == CRM__CHANGE_EVENT_REMOVED
                                 ? "; there is no event of it"
                                 : "; no stored value is touched");
    }
    if (!b.failed) {
        size_t n = b.n < sizeof text - 1 ? b.n : sizeof text - 1;
        memcpy(text, b.p, n);
        text[n] = 0;
        memset(&finding, 0, sizeof finding);
        finding.size = sizeof finding;
        finding.severity = loses(it) ? CRM_FINDING_LOSS : CRM_FINDING_CHANGE;
        finding.line = f ? f->line : kind ? kind->line : dimension ? dimension->line : 0;
        finding.column = f ? f->column : kind ? kind->column : dimension ? dimension->column : 0;
        finding.values = it->values;
        finding.message = text;
        p->fn(&finding, p->ctx);
    }
    crm__buf_clear(&b);
}

/* Of saved segments, the first of which is the reason to refuse. */
typedef struct losing {
    plan *p;
    int refuses;
    crm_error *err;
} losing;

static int on_saved(void *ctx, const char *message)
{
    losing *l = ctx;
    crm_finding finding;

    if (l->p->fn) {
        memset(&finding, 0, sizeof finding);
        finding.size = sizeof finding;
        finding.severity = CRM_FINDING_LOSS;
        finding.message = message;
        l->p->fn(&finding, l->p->ctx);
    }
    if (l->refuses == 1)
        l->refuses = crm__fail(l->err, CRM_EREFUSED, "%s", message);
    return CRM_OK;
}

/* Whether the segments of the new model, and the saved ones, can be asked under it; and with
 * `worst` already known, the saved ones are told of nevertheless. */
static int judge_segments(plan *p, uint32_t flags, int worst, crm_error *err)
{
    losing l = {p, !worst && !(flags & CRM_FORCE), err};
    crm_error none = CRM_ERROR_INIT;
    crm_error *e = worst ? &none : err;
    int rc = crm__segments_try(p->txn, p->after, e);

    if (!rc)
        rc = crm__saved_try(p->txn, p->before, p->after, on_saved, &l, e);
    return worst ? worst : rc ? rc : l.refuses < 0 ? l.refuses : CRM_OK;
}

/* Weighs all changes and reports them.  CRM_OK, or the first reason not to make them. */
static int judge(plan *p, uint32_t flags, crm_error *err)
{
    int rc = crm__model_diff(p->before, p->after, gather, p), worst = CRM_OK;

    if (rc)
        return crm__fail_nomem(err);
    if (p->scan)
        rc = crm__each_record(p->txn, weigh_record, p, err);
    if (!rc && p->scan_events)
        rc = crm__each_event(p->txn, weigh_event, p, err);
    if (!rc && p->scan_tags)
        rc = crm__each_tag(p->txn, weigh_tag, p, err);
    for (size_t i = 0; i < p->count && !rc; i++) {
        item *it = &p->items[i];
        if (it->tokens)
            count_shared(it);
        report(p, it);
        if (!loses(it) || worst == CRM_EEXISTS)
            continue;
        if (it->tokens)
            worst = crm__fail_field(
                err, CRM_EEXISTS, it->change.after->key,
                "%s: can't become unique, %llu value%s of it would be a second one",
                it->change.after->key, (unsigned long long)it->values, it->values == 1 ? "" : "s");
        else if (!(flags & CRM_FORCE) && !worst)
            worst = crm__fail(err, CRM_EREFUSED, "%s, which affects %llu stored value%s or %s%s",
                              it->change.message, (unsigned long long)it->values,
                              it->values == 1 ? "" : "s",
                              of_event(&it->change)  ? "event"
                              : of_tags(&it->change) ? "tag"
                                                     : "customer",
                              it->values == 1 ? "" : "s");
    }
    return rc ? rc : judge_segments(p, flags, worst, err);
}

static void plan_clear(plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        crm__buf_clear(&p->items[i].keys);
        crm__release(p->txn->mem, p->items[i].several);
    }
    crm__release(p->txn->mem, p->items);
    crm__buf_clear(&p->scratch);
}

/* ---- rebuilding ---- */

static void add_field(crm__rebuild_field *fields, size_t *count, const crm__change *c,
                      uint32_t fresh)
{
    uint32_t number = (c->after ? c->after : c->before)->number;

    for (size_t i = 0; i < *count; i++) {
        if (fields[i].number == number)
            return;
    }
    fields[(*count)++] =
        (crm__rebuild_field){number, c->before, c->after, !c->before && number >= fresh};
}

static void add_kind(uint32_t *kinds, uint32_t *count, const crm__change *c)
{
    uint32_t k = 0, kind = (c->event_after ? c->event_after : c->event_before)->number;

    while (k < *count && kinds[k] != kind)
        k++;
    if (k == *count)
        kinds[(*count)++] = kind;
}

/* Each field once, and day lists of the kinds of events that changed.  Fields with numbers from
 * `fresh` on are new to the database: no record can have them. */
static int rebuild_indexes(plan *p, uint32_t fresh, int *flushed, crm_error *err)
{
    crm__rebuild_field *fields = crm__alloc(p->txn->mem, (p->count + 1) * sizeof *fields);
    uint32_t *kinds = crm__alloc(p->txn->mem, (p->count + 1) * sizeof *kinds), kind_count = 0;
    size_t count = 0;
    int rc;

    for (size_t i = 0; i < p->count && fields && kinds; i++) {
        const crm__change *c = &p->items[i].change;
        if (c->index && of_event(c))
            add_kind(kinds, &kind_count, c);
        else if (c->index)
            add_field(fields, &count, c, fresh);
    }
    rc = fields && kinds
             ? crm__model_rebuild(p->txn, p->after, fields, count, kinds, kind_count, flushed, err)
             : crm__fail_nomem(err);
    crm__release(p->txn->mem, kinds);
    crm__release(p->txn->mem, fields);
    return rc;
}

/* ---- public ---- */

/* Numbers for names that have none, so that a plan can be judged without giving any. */
typedef struct look {
    crm_txn *txn;
    uint32_t spare[2]; /* of fields, of all others */
} look;

static int look_number(void *ctx, char cls, const char *name, size_t n, uint32_t *number,
                       crm_error *err)
{
    look *l = ctx;
    int rc = crm__dict_find(l->txn, crm__model_class(cls), name, n, number);

    if (rc)
        return crm__txn_fail(l->txn, rc, "can't read the dictionary", err);
    /* Down from the greatest; that of a field has 16 bits. */
    if (!*number)
        *number = cls == 'f' ? UINT16_MAX - l->spare[0]++ : UINT32_MAX - l->spare[1]++;
    return CRM_OK;
}

/* Scans see the engine, so this transaction's own edits must be there. */
static int settle(crm_txn *txn, crm_error *err)
{
    if (!txn->write || !txn->edits.slot_count)
        return CRM_OK;
    crm__txn_detach_cursors(txn);
    return crm__txn_flush(txn, err);
}

static int parse(crm_txn *txn, const char *yaml, size_t n, crm_finding_fn fn, void *ctx,
                 crm__model **m, crm_error *err)
{
    if (!yaml)
        return crm__fail_field(err, CRM_EINVAL, "yaml", "yaml is NULL");
    return crm__model_parse(&txn->store->mem, yaml, n == CRM_NUL ? strlen(yaml) : n, fn, ctx, m,
                            err);
}

int crm_model_plan(crm_txn *txn, const char *yaml, size_t n, crm_finding_fn fn, void *ctx,
                   crm_error *err)
{
    plan p;
    look l = {txn, {0, 0}};
    crm__model *after;
    int rc = crm__txn_enter(txn, 0, err);

    if (!rc)
        rc = settle(txn, err);
    memset(&p, 0, sizeof p);
    if (!rc)
        rc = crm__txn_model(txn, &p.before, err);
    if (!rc) {
        txn->busy = 1;
        rc = parse(txn, yaml, n, fn, ctx, &after, err);
        txn->busy = 0;
    }
    if (rc)
        return rc;
    p.txn = txn;
    p.after = after;
    p.fn = fn;
    p.ctx = ctx;
    crm__buf_init(&p.scratch, txn->mem);
    txn->busy = 1;
    rc = crm__model_bind(after, crm__model_version(p.before) + 1, look_number, &l, err);
    if (!rc)
        rc = judge(&p, 0, err);
    txn->busy = 0;
    plan_clear(&p);
    crm__model_unref(after);
    return rc;
}

static int same_document(const crm__model *a, const crm__model *b)
{
    size_t n, k;
    const char *x = crm__model_text(a, &n), *y = crm__model_text(b, &k);

    return n == k && memcmp(x, y, n) == 0;
}

/* Takes the reference on after. */
static int apply(crm_txn *txn, const crm__model *before, crm__model *after, uint32_t flags,
                 crm_finding_fn fn, void *ctx, crm_error *err)
{
    plan p;
    uint32_t fresh;
    int rc, flushed = 0;

    if (crm__model_own(txn, after)) {
        crm__model_unref(after);
        return crm__fail_nomem(err);
    }
    if (same_document(before, after))
        return CRM_OK;
    memset(&p, 0, sizeof p);
    p.txn = txn;
    p.before = before;
    p.after = after;
    p.fn = fn;
    p.ctx = ctx;
    crm__buf_init(&p.scratch, txn->mem);
    rc = crm__dict_next(txn, CRM__DICT_FIELD, &fresh);
    if (rc)
        crm__txn_fail(txn, rc, "can't read the dictionary", err);
    if (!rc)
        rc = crm__model_store(txn, after, crm__model_version(before) + 1, err);
    if (!rc)
        rc = judge(&p, flags, err);
    if (!rc)
        rc = rebuild_indexes(&p, fresh, &flushed, err);
    if (!rc)
        txn->state.model = after;
    else if (flushed)
        txn->broken = rc;
    plan_clear(&p);
    return rc;
}

int crm_model_apply(crm_txn *txn, const char *yaml, size_t n, uint32_t flags, crm_finding_fn fn,
                    void *ctx, crm_error *err)
{
    const crm__model *before;
    crm__model *after;
    crm__op op;
    int rc = crm__op_begin(txn, &op, err);

    if (rc)
        return rc;
    if (flags & ~CRM_FORCE)
        rc = crm__fail_field(op.err, CRM_EINVAL, "flags",
                             "a flag this library does not know is set");
    if (!rc)
        rc = settle(txn, op.err);
    op.mark = crm__edits_mark(&txn->edits);
    if (!rc)
        rc = crm__txn_model(txn, &before, op.err);
    txn->busy = 1;
    if (!rc)
        rc = parse(txn, yaml, n, fn, ctx, &after, op.err);
    if (!rc)
        rc = apply(txn, before, after, flags, fn, ctx, op.err);
    txn->busy = 0;
    return crm__op_end(txn, &op, rc);
}
