/* SPDX-License-Identifier: MIT
 * The rows of a long timeline: blocks within their size, in order and apart; the head, the times
 * and the references beside them say what the blocks say.
 */
#include "crmtest.h"
#include "db/scan.h"
#include "event/timeline.h"

#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

static void add_some(uint64_t *seed, crm_txn *txn, crm_id id, int n)
{
    static int64_t last;
    crm_error err = CRM_ERROR_INIT;
    char json[3000];

    for (int i = 0; i < n; i++) {
        int64_t minute = crmtest_below(seed, 5) ? ++last : (int64_t)crmtest_below(seed, 1000);
        int text = crmtest_below(seed, 40) ? (int)crmtest_below(seed, 30) + 1 : 2500;
        int rc;
        snprintf(json, sizeof json,
                 "{\"kind\":\"%s\",\"time\":\"2026-%02d-%02dT%02d:%02d:00Z\",\"text\":\"%0*d\","
                 "\"reference\":\"%d\"}",
                 crmtest_below(seed, 2) ? "visit" : "call", 1 + (int)(minute / 40320 % 12),
                 1 + (int)(minute / 1440 % 28), (int)(minute / 60 % 24), (int)(minute % 60), text,
                 7, (int)crmtest_below(seed, 600));
        rc = crm_event_add_json(txn, id, json, CRM_NUL, NULL, &err);
        ck_assert_msg(rc >= 0, "%s", err.message);
        if (crmtest_below(seed, 20) == 0)
            crm_event_void(txn, id, 1 + (uint32_t)crmtest_below(seed, 100), NULL);
    }
}

/* Walks the blocks as rows; *all receives every event. */
static void check_blocks(crm_txn *txn, crm_id id, crm__arena *a, crm__event_block *all)
{
    uint8_t key[CRM__KEY_EVENT];
    crm__event_block b;
    crm__slice k, payload;
    crm__scan s;
    uint64_t owner;
    int64_t time;
    uint32_t number, at;
    int rc;

    memset(all, 0, sizeof *all);
    crm__scan_open(txn, KV_EVENT, &s);
    rc = crm__scan_seek(&s, KV_GE, crm__key_event(key, id, INT64_MIN, 0), &k, &payload);
    for (; !rc && crm__key_event_read(k, &owner, &time, &number) && owner == id;
         rc = crm__scan_next(&s, &k, &payload)) {
        OK(crm__event_block_decode(a, time, number, payload, &b));
        ck_assert(payload.n <= CRM__EVENT_BLOCK_BYTES || b.count == 1);
        for (uint32_t i = 0; i < b.count; i++) {
            OK(crm__event_block_insert(a, all, &b.events[i], &at));
            ck_assert_uint_eq(at + 1, all->count); /* behind all before */
        }
    }
    crm__scan_close(&s);
}

static void check_beside(crm_txn *txn, crm_id id, crm__arena *a, const crm__event_block *all)
{
    crm__event_head head, want;
    crm__timeline t;
    crm__buf bytes[2];
    uint64_t hash;

    OK(crm__timeline_open(txn, id, a, &t));
    ck_assert(t.many);
    memset(&want, 0, sizeof want);
    for (uint32_t i = 0; i < all->count; i++)
        OK(crm__event_head_add(a, &want, &all->events[i]));
    ck_assert_uint_eq(want.last, all->count);
    OK(crm__timeline_head(&t, &head));
    ck_assert_uint_eq(head.total_count, want.total_count);
    for (uint32_t i = 0; i < head.total_count; i++) { /* 0: how many are at a bound is not known */
        crm__event_total *h = &head.totals[i];
        h->at_first = h->at_first ? h->at_first : want.totals[i].at_first;
        h->at_last = h->at_last ? h->at_last : want.totals[i].at_last;
    }
    for (int i = 0; i < 2; i++) {
        crm__buf_init(&bytes[i], NULL);
        crm__event_head_encode(i ? &want : &head, &bytes[i]);
    }
    ck_assert(bytes[0].n == bytes[1].n && memcmp(bytes[0].p, bytes[1].p, bytes[0].n) == 0);
    for (uint32_t i = 0; i < all->count; i++) {
        const crm__event *e = &all->events[i];
        uint32_t number = 0, last = 0;
        int64_t time = 0;
        OK(crm__timeline_index_time(&t, e->number, &time));
        ck_assert_int_eq(time, e->time);
        if (!e->reference.n)
            continue;
        for (uint32_t k = 0; k < all->count; k++) {
            const crm__event *x = &all->events[k];
            if (x->number > last && x->source == e->source &&
                crm__slice_compare(x->reference, e->reference) == 0)
                last = x->number;
        }
        hash = crm__reference_hash(txn, e->source, e->reference);
        OK(crm__timeline_index_reference(&t, hash, &number));
        ck_assert_uint_eq(number, last);
        ck_assert_int_eq(crm__timeline_index_reference(&t, hash, &number), CRM_ENOTFOUND);
    }
    for (int i = 0; i < 2; i++)
        crm__buf_clear(&bytes[i]);
}

CRM_TEST(test_event_timeline__rows)
{
    uint64_t seed = crmtest_seed();
    crm__event_block all;
    crm__arena a;
    crm_txn *txn;
    crm_db *db;
    crm_id id = 0;

    crm__arena_init(&a, NULL);
    OK(crm_db_open(crmtest_path("db"), NULL, &db, NULL));
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    for (int i = 0; i < 3; i++)
        OK(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, &id, NULL));
    for (int round = 0; round < 3; round++) {
        add_some(&seed, txn, 2, 220);
        add_some(&seed, txn, 1 + (crm_id)(round & 1) * 2, 2); /* neighbours */
        for (int look = 0; look < 2; look++) {
            crm__arena_reset(&a);
            check_blocks(txn, 2, &a, &all);
            check_beside(txn, 2, &a, &all);
            if (look)
                break;
            OK(crm_txn_commit(txn, NULL));
            OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
        }
    }
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    crm__arena_clear(&a);
}

/* Events that come in order of time leave full blocks behind. */
CRM_TEST(test_event_timeline__in_order_fills_blocks)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm__slice k, payload;
    crm_txn *txn;
    crm_db *db;
    crm_id id;
    crm__scan s;
    char json[200];
    size_t blocks = 0, bytes = 0;
    int rc;

    OK(crm_db_open(crmtest_path("db"), NULL, &db, NULL));
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, NULL));
    OK(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, &id, NULL));
    for (int i = 0; i < 600; i++) {
        snprintf(json, sizeof json, "{\"kind\":\"call\",\"time\":\"2026-01-%02dT%02d:00:00Z\"}",
                 1 + i / 24, i % 24);
        OK(crm_event_add_json(txn, id, json, CRM_NUL, NULL, NULL));
    }
    crm__scan_open(txn, KV_EVENT, &s);
    rc = crm__scan_seek(&s, KV_GE, crm__slice_of("", 1), &k, &payload);
    for (; !rc && k.n == CRM__KEY_EVENT; rc = crm__scan_next(&s, &k, &payload)) {
        blocks++;
        bytes += payload.n;
    }
    crm__scan_close(&s);
    ck_assert_uint_gt(blocks, 1);
    ck_assert_uint_gt(bytes, (blocks - 1) * (CRM__EVENT_BLOCK_BYTES - 20));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}
