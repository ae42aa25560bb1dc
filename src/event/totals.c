/* SPDX-License-Identifier: MIT
 * Totals of a timeline: how many events of each kind, since when, and the sums of their amounts.
 */
#include "base/time.h"
#include "event/event.h"

#include <string.h>

/* The head of a live customer; its arrays lie in the arena, which the caller clears whatever the
 * result. */
static int read_head(crm_txn *txn, crm_id id, crm__arena *a, crm__event_head *h,
                     const crm__model **m, crm_error *err)
{
    crm__timeline t;
    int rc = crm__txn_enter(txn, 0, err);

    crm__arena_init(a, rc ? NULL : txn->mem);
    if (!rc)
        rc = crm__txn_model(txn, m, err);
    if (!rc)
        rc = crm__event_customer(txn, id, 0, err);
    if (rc)
        return rc;
    rc = crm__timeline_open(txn, id, a, &t);
    if (!rc)
        rc = crm__timeline_head(&t, h);
    return rc ? crm__txn_fail(txn, rc, "can't read the customer's events", err) : CRM_OK;
}

/* The total of a kind that has events; NULL: none. */
static const crm__event_total *total_of(const crm__event_head *h, const crm__event_kind *kind)
{
    const crm__event_total *t = crm__event_head_find(h, kind->number);

    return t && t->count ? t : NULL;
}

int crm_event_count(crm_txn *txn, crm_id id, const crm_event_kind *kind, uint64_t *count,
                    crm_error *err)
{
    const crm__model *m;
    crm__event_head h;
    crm__arena a;
    int rc = read_head(txn, id, &a, &h, &m, err);

    if (!rc && !count)
        rc = crm__fail_field(err, CRM_EINVAL, "count", "count is NULL");
    if (!rc)
        *count = 0;
    for (size_t i = 0; !rc && i < crm__model_event_count(m); i++) {
        const crm__event_kind *k = crm__model_event_at(m, i);
        const crm__event_total *t = kind && kind->number != k->number ? NULL : total_of(&h, k);
        *count += t ? t->count : 0;
    }
    crm__arena_clear(&a);
    return rc;
}

int crm_event_totals(crm_txn *txn, crm_id id, crm_event_total *totals, size_t cap, size_t *count,
                     crm_error *err)
{
    const crm__model *m;
    crm__event_head h;
    crm__arena a;
    int rc = read_head(txn, id, &a, &h, &m, err);

    if (!rc && (!count || (!totals && cap)))
        rc = crm__fail_field(err, CRM_EINVAL, count ? "totals" : "count", "%s is NULL",
                             count ? "totals" : "count");
    if (!rc)
        *count = 0;
    for (size_t i = 0; !rc && i < crm__model_event_count(m); i++) {
        const crm__event_kind *k = crm__model_event_at(m, i);
        const crm__event_total *t = total_of(&h, k);
        if (!t)
            continue;
        if (*count < cap) {
            crm_event_total *to = &totals[*count];
            memset(to, 0, sizeof *to);
            crm__copy_name(to->kind, k->key, strlen(k->key));
            to->count = t->count;
            to->first_us = t->first;
            to->last_us = t->last;
        }
        ++*count;
    }
    crm__arena_clear(&a);
    return rc;
}

/* Sums in the model's order: calls fn for each that has a value and is in view. */
typedef int (*sum_fn)(void *ctx, const crm__event_kind *k, const crm__field *f,
                      const crm__event_sum *s);

static int each_sum(const crm__event_head *h, const crm__event_kind *k, sum_fn fn, void *ctx)
{
    for (uint32_t i = 0; i < k->attribute_count; i++) {
        const crm__field *f = &k->attributes[i];
        for (uint32_t j = 0; j < h->sum_count; j++) {
            const crm__event_sum *s = &h->sums[j];
            int rc =
                s->kind == k->number && s->attribute == f->number && s->type == f->type && s->count
                    ? fn(ctx, k, f, s)
                    : CRM_OK;
            if (rc)
                return rc;
        }
    }
    return CRM_OK;
}

typedef struct sums {
    crm_event_sum *to;
    size_t cap, *count;
} sums;

static int take_sum(void *ctx, const crm__event_kind *k, const crm__field *f,
                    const crm__event_sum *s)
{
    sums *w = ctx;

    if (*w->count < w->cap) {
        crm_event_sum *to = &w->to[*w->count];
        memset(to, 0, sizeof *to);
        crm__copy_name(to->kind, k->key, strlen(k->key));
        crm__copy_name(to->attribute, f->key, strlen(f->key));
        memcpy(to->currency, s->currency, sizeof to->currency);
        to->count = s->count;
        crm__event_sum_format(s, to->sum);
    }
    ++*w->count;
    return CRM_OK;
}

int crm_event_sums(crm_txn *txn, crm_id id, crm_event_sum *to, size_t cap, size_t *count,
                   crm_error *err)
{
    sums w = {to, cap, count};
    const crm__model *m;
    crm__event_head h;
    crm__arena a;
    int rc = read_head(txn, id, &a, &h, &m, err);

    if (!rc && (!count || (!to && cap)))
        rc = crm__fail_field(err, CRM_EINVAL, count ? "sums" : "count", "%s is NULL",
                             count ? "sums" : "count");
    if (!rc)
        *count = 0;
    for (size_t i = 0; !rc && i < crm__model_event_count(m); i++)
        rc = each_sum(&h, crm__model_event_at(m, i), take_sum, &w);
    crm__arena_clear(&a);
    return rc;
}

/* ---- JSON ---- */

typedef struct json_sums {
    crm__buf *out;
    const crm__field *open; /* the attribute whose object is open */
} json_sums;

/* "amount":{"CNY":"1.50","USD":"2"} for money, "score":"17" for the others. */
static int write_sum(void *ctx, const crm__event_kind *k, const crm__field *f,
                     const crm__event_sum *s)
{
    json_sums *w = ctx;
    char text[64];
    size_t n = crm__event_sum_format(s, text);

    (void)k;
    if (w->open == f) {
        crm__buf_add_u8(w->out, ',');
    } else {
        crm__buf_add_str(w->out, w->open && w->open->type == CRM_TYPE_MONEY ? "},"
                                 : w->open                                  ? ","
                                                                            : "");
        crm__json_string(w->out, f->key, strlen(f->key));
        crm__buf_add_str(w->out, f->type == CRM_TYPE_MONEY ? ":{" : ":");
    }
    w->open = f;
    if (f->type == CRM_TYPE_MONEY) {
        crm__json_string(w->out, s->currency, 3);
        crm__buf_add_u8(w->out, ':');
    }
    crm__json_string(w->out, text, n);
    return CRM_OK;
}

static void write_total(const crm__event_head *h, const crm__event_kind *k,
                        const crm__event_total *t, crm__buf *out)
{
    json_sums w = {out, NULL};
    char time[40];
    size_t n;

    crm__json_string(out, k->key, strlen(k->key));
    crm__buf_add_fmt(out, ":{\"count\":%llu,\"first\":", (unsigned long long)t->count);
    n = crm__datetime_format(t->first, time);
    crm__json_string(out, time, n);
    crm__buf_add_str(out, ",\"last\":");
    n = crm__datetime_format(t->last, time);
    crm__json_string(out, time, n);
    crm__buf_add_str(out, ",\"sums\":{");
    (void)each_sum(h, k, write_sum, &w);
    crm__buf_add_str(out, w.open && w.open->type == CRM_TYPE_MONEY ? "}}}" : "}}");
}

int crm_event_totals_json(crm_txn *txn, crm_id id, char **json, size_t *n, crm_error *err)
{
    const crm__model *m;
    crm__event_head h;
    crm__arena a;
    crm__buf out;
    int first = 1, rc;

    if (!json)
        return crm__fail_field(err, CRM_EINVAL, "json", "json is NULL");
    *json = NULL;
    rc = read_head(txn, id, &a, &h, &m, err);
    if (rc) {
        crm__arena_clear(&a);
        return rc;
    }
    crm__buf_init(&out, txn->mem);
    crm__buf_add_u8(&out, '{');
    for (size_t i = 0; i < crm__model_event_count(m); i++) {
        const crm__event_kind *k = crm__model_event_at(m, i);
        const crm__event_total *t = total_of(&h, k);
        if (!t)
            continue;
        crm__buf_add_str(&out, first ? "" : ",");
        first = 0;
        write_total(&h, k, t, &out);
    }
    crm__buf_add_u8(&out, '}');
    *json = out.failed ? NULL : crm__give(txn->mem, out.p, out.n);
    if (*json && n)
        *n = out.n;
    crm__buf_clear(&out);
    crm__arena_clear(&a);
    return *json ? CRM_OK : crm__fail_nomem(err);
}
