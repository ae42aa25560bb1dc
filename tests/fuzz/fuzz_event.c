/* SPDX-License-Identifier: MIT
 * Events.  The first byte chooses: a stored block, a head, or references: what decodes is encoded
 * to bytes that decode to the same and are encoded to themselves.  Else a JSON object is added to a
 * customer: what is taken is written, and what is written is taken again as the same.
 */
#include "fuzz.h"

#include "base/time.h"
#include "codec/event.h"
#include "codec/event_head.h"

#include <crm/crm.h>

static void same_bytes(crm__slice a, crm__slice b)
{
    MUST(a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0));
}

static void same_event(const crm__event *a, const crm__event *b)
{
    MUST(a->time == b->time && a->number == b->number && a->kind == b->kind);
    MUST(a->source == b->source && a->voids == b->voids && a->seq == b->seq);
    MUST(a->voided == b->voided && a->state == b->state && a->value_count == b->value_count);
    same_bytes(a->reference, b->reference);
    for (uint32_t i = 0; i < a->value_count; i++) {
        const crm__value *x = &a->values[i].v, *y = &b->values[i].v;
        MUST(a->values[i].attribute == b->values[i].attribute && x->type == y->type);
        MUST(x->integer == y->integer && x->decimal.mantissa == y->decimal.mantissa);
        MUST(x->decimal.scale == y->decimal.scale && !memcmp(x->currency, y->currency, 4));
        same_bytes(x->text, y->text);
    }
}

static void block(int64_t time, uint32_t number, crm__slice bytes)
{
    crm__event_block b, again;
    crm__arena a;
    crm__buf out[2];
    int rc;

    crm__arena_init(&a, NULL);
    rc = crm__event_block_decode(&a, time, number, bytes, &b);
    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    for (int i = 0; i < 2; i++)
        crm__buf_init(&out[i], NULL);
    if (!rc) {
        MUST(b.count && b.events[0].time == time && b.events[0].number == number);
        crm__event_block_encode(b.events, b.count, &out[0]);
        MUST(!crm__event_block_decode(&a, time, number, (crm__slice){out[0].p, out[0].n}, &again));
        MUST(b.count == again.count);
        for (uint32_t i = 0; i < b.count; i++) {
            MUST(!i || again.events[i].time >= again.events[i - 1].time);
            same_event(&b.events[i], &again.events[i]);
            again.events[i].like = 0; /* shapes are found without what the decoder knows */
        }
        crm__event_block_encode(again.events, again.count, &out[1]);
        MUST(!crm__event_block_decode(&a, time, number, (crm__slice){out[1].p, out[1].n}, &again));
        for (uint32_t i = 0; i < b.count; i++)
            same_event(&b.events[i], &again.events[i]);
        out[0].n = 0;
        crm__event_block_encode(again.events, again.count, &out[0]);
        same_bytes((crm__slice){out[0].p, out[0].n}, (crm__slice){out[1].p, out[1].n});
    }
    for (int i = 0; i < 2; i++)
        crm__buf_clear(&out[i]);
    crm__arena_clear(&a);
}

static void head(crm__slice bytes)
{
    crm__event_head h, again;
    crm__arena a;
    crm__buf out[2];
    char text[64];
    int rc;

    crm__arena_init(&a, NULL);
    rc = crm__event_head_decode(&a, bytes, &h);
    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    for (int i = 0; i < 2; i++)
        crm__buf_init(&out[i], NULL);
    if (!rc) {
        crm__event_head_encode(&h, &out[0]);
        MUST(!crm__event_head_decode(&a, (crm__slice){out[0].p, out[0].n}, &again));
        crm__event_head_encode(&again, &out[1]);
        same_bytes((crm__slice){out[0].p, out[0].n}, (crm__slice){out[1].p, out[1].n});
        for (uint32_t i = 0; i < h.sum_count; i++) {
            size_t n = crm__event_sum_format(&h.sums[i], text);
            MUST(n && n < sizeof text && text[n] == 0);
        }
    }
    for (int i = 0; i < 2; i++)
        crm__buf_clear(&out[i]);
    crm__arena_clear(&a);
}

static void references(crm__slice bytes)
{
    crm__event_reference *r;
    crm__arena a;
    crm__buf out;
    int64_t times[CRM__EVENT_TIMES];
    uint32_t n, count;
    int rc;

    crm__arena_init(&a, NULL);
    rc = crm__event_references_decode(&a, bytes, &r, &n);
    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    if (!rc) {
        crm__buf_init(&out, NULL);
        crm__event_references_encode(r, n, &out);
        same_bytes(bytes, (crm__slice){out.p, out.n});
        crm__buf_clear(&out);
    }
    rc = crm__event_times_count(bytes, &count);
    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    crm__buf_init(&out, NULL);
    for (uint32_t i = 0; !rc && i < count; i++)
        times[i] = crm__event_times_at(bytes, i);
    if (!rc) {
        crm__event_times_encode(times, count, &out);
        MUST(!crm__event_times_count((crm__slice){out.p, out.n}, &n) && n == count);
        for (uint32_t i = 0; i < count; i++)
            MUST(crm__event_times_at((crm__slice){out.p, out.n}, i) == times[i]);
    }
    crm__buf_clear(&out);
    crm__arena_clear(&a);
}

/* ---- JSON ---- */

/* Takes the number out: `{"number":7,` and the revision at the end differ. */
static char *middle(char *json)
{
    char *end = strstr(json, ",\"revision\":");

    for (char *next = end; next; next = strstr(next + 1, ",\"revision\":"))
        end = next;
    MUST(end && strchr(json, ','));
    *end = 0;
    return strchr(json, ',');
}

static void json(const char *text, size_t n)
{
    static crm_db *db;
    static crm_id id;
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    char *first, *second;
    crm_event *e;
    crm_txn *txn;
    uint32_t number;
    int rc;

    if (!db)
        MUST(!crm_db_open(fuzz_folder(), NULL, &db, NULL));
    o.now_us = 1;
    MUST(!crm_txn_begin(db, CRM_WRITE, &o, &txn, NULL));
    MUST(!crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, &id, NULL));
    MUST(!crm_event_add_json(txn, id, "{\"kind\":\"call\"}", CRM_NUL, &number, NULL));
    rc = crm_event_add_json(txn, id, text, n, &number, NULL);
    MUST(rc == CRM_OK || rc == CRM_EVALUE || rc == CRM_EFIELD || rc == CRM_ESYNTAX ||
         rc == CRM_ENOTFOUND || rc == CRM_EEXISTS);
    if (!rc) {
        MUST(number == 2);
        MUST(!crm_event_new(txn, &e, NULL));
        MUST(!crm_event_get(txn, id, number, e, NULL));
        MUST(!crm_event_to_json(txn, e, &first, NULL, NULL));
        MUST(!crm_customer_create_json(txn, "{\"name\":\"B\"}", CRM_NUL, &id, NULL));
        MUST(!crm_event_add_json(txn, id, "{\"kind\":\"call\"}", CRM_NUL, &number, NULL));
        MUST(!crm_event_add_json(txn, id, first, CRM_NUL, &number, NULL));
        MUST(!crm_event_get(txn, id, number, e, NULL));
        MUST(!crm_event_to_json(txn, e, &second, NULL, NULL));
        MUST(strcmp(middle(first), middle(second)) == 0);
        crm_free(first);
        crm_free(second);
        crm_event_free(e);
    }
    MUST(!crm_txn_abort(txn));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    int64_t time;
    uint32_t number;

    switch (take(&in)) {
    case 0:
        time = (int64_t)take_number(&in, 8);
        number = (uint32_t)take_number(&in, 4);
        block(time, number, (crm__slice){in.p, in.n});
        break;
    case 1:
        head((crm__slice){in.p, in.n});
        break;
    case 2:
        references((crm__slice){in.p, in.n});
        break;
    default:
        json((const char *)data, size); /* a JSON text begins with another byte */
    }
    return 0;
}
