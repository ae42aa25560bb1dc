/* SPDX-License-Identifier: MIT
 * Spans of day lists against the lists, which come in order.
 */
#include "db/check.h"
#include "db/day_spans.h"

#include <string.h>

struct crm__check_spans {
    crm__check *c;
    int begun, sure; /* a span is at hand; all parts of its lists could be read */
    uint8_t key[CRM__KEY_DAY];
    crm__span span;
    crm__buf out;
};

crm__check_spans *crm__check_spans_new(crm__check *c)
{
    crm__check_spans *w = crm__calloc(&c->mem, 1, sizeof *w);

    if (!w)
        return NULL;
    w->c = c;
    crm__span_init(&w->span, &c->mem);
    crm__buf_init(&w->out, &c->mem);
    return w;
}

void crm__check_spans_free(crm__check_spans *w)
{
    if (!w)
        return;
    crm__span_clear(&w->span);
    crm__buf_clear(&w->out);
    crm__release(&w->c->mem, w);
}

static void fault(crm__check_spans *w, const uint8_t *key, const char *what)
{
    const crm__event_kind *kind = crm__model_event_number(w->c->model, crm__get_be32(key + 8));

    crm__check_fault(w->c, "day", 0, -1,
                     "what the lists of %s events come to, chunk %lu, span %ld: %s",
                     kind ? kind->key : "removed kind", (unsigned long)crm__get_be32(key),
                     (long)crm__key_span_of(key), what);
}

/* Whether there is a list in a span. */
static int has_lists(crm__check_spans *w, const uint8_t *key, int *has)
{
    int64_t day = (int64_t)crm__key_span_of(key) * CRM__SPAN_DAYS;
    uint8_t list[CRM__KEY_DAY_LIST];
    kv_txn *txn = w->c->txn->kv;
    crm__slice k, v;
    kv_cursor *c;
    int rc;

    *has = 0;
    if (day < INT32_MIN || day > INT32_MAX)
        return CRM_OK;
    crm__key_day_list(list, crm__get_be32(key), crm__get_be32(key + 8), (int32_t)day);
    rc = txn->ops->cursor(txn, KV_DAY, &c);
    if (rc)
        return rc;
    rc = c->ops->seek(c, KV_GE, crm__slice_of(list, sizeof list), &k, &v);
    if (!rc)
        *has = k.n == CRM__KEY_DAY && memcmp(k.p, list, 8) == 0 &&
               crm__span_of(crm__key_day_of(k.p)) == crm__key_span_of(key);
    c->ops->cursor_close(c);
    /* Behind a page that can't be read, nobody knows; that is told elsewhere. */
    if (rc == CRM_ECORRUPT)
        *has = 1;
    return rc == CRM_ENOTFOUND || rc == CRM_ECORRUPT ? CRM_OK : rc;
}

int crm__check_spans_row(crm__check_spans *w, crm__slice k, crm__slice v)
{
    uint8_t key[CRM__KEY_DAY];
    crm__slice payload;
    int has, rc;

    if (!w->c->store.totals) {
        crm__check_fault(w->c, "day", 0, -1, "a row has a key of another form");
        return CRM_OK;
    }
    memcpy(key, k.p, sizeof key);
    rc = crm__check_spans_end(w); /* of the chunk before */
    if (rc)
        return rc;
    rc = crm__untag(&w->c->store, KV_DAY, k, v, &payload);
    if (!rc)
        rc = crm__span_read(&w->span, payload);
    if (rc == CRM_ECORRUPT)
        fault(w, key, "the row is damaged");
    if (rc)
        return rc == CRM_ECORRUPT ? CRM_OK : rc;
    rc = has_lists(w, key, &has);
    if (!rc && !has)
        fault(w, key, "there are no lists");
    return rc;
}

int crm__check_spans_end(crm__check_spans *w)
{
    kv_txn *txn = w->c->txn->kv;
    crm__slice k = crm__slice_of(w->key, sizeof w->key), stored, payload;
    int rc;

    if (!w->begun)
        return CRM_OK;
    w->begun = 0;
    w->out.n = 0;
    rc = crm__span_put(&w->span, &w->out);
    if (rc || !w->sure)
        return rc;
    rc = txn->ops->get(txn, KV_DAY, k, &stored);
    if (!rc)
        rc = crm__untag(&w->c->store, KV_DAY, k, stored, &payload);
    if (rc == CRM_ENOTFOUND)
        fault(w, w->key, "the row is missing");
    else if (!rc && crm__slice_compare(payload, crm__slice_of(w->out.p, w->out.n)) != 0)
        fault(w, w->key, "the row is not what they come to");
    /* A damaged one was told of as it came. */
    return rc == CRM_ENOTFOUND || rc == CRM_ECORRUPT ? CRM_OK : rc;
}

static int begin(crm__check_spans *w, const uint8_t *list)
{
    uint8_t key[CRM__KEY_DAY];
    int rc;

    crm__key_span(key, crm__get_be32(list), crm__get_be32(list + 4),
                  crm__span_of(crm__key_day_of(list)));
    if (w->begun && memcmp(key, w->key, sizeof key) == 0)
        return CRM_OK;
    rc = crm__check_spans_end(w);
    memcpy(w->key, key, sizeof key);
    crm__span_reset(&w->span);
    w->begun = w->sure = 1;
    return rc;
}

int crm__check_spans_item(crm__check_spans *w, const uint8_t *list, crm__slice item)
{
    int rc;

    if (!w->c->store.totals)
        return CRM_OK;
    rc = begin(w, list);
    return rc ? rc : crm__span_add(&w->span, crm__span_place(crm__key_day_of(list)), item, 1);
}

int crm__check_spans_lost(crm__check_spans *w, const uint8_t *list)
{
    int rc;

    if (!w->c->store.totals)
        return CRM_OK;
    rc = begin(w, list);
    w->sure = 0;
    return rc;
}
