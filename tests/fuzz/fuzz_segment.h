/* SPDX-License-Identifier: MIT
 * What the two targets of segments share: a model with every type, and what must hold of a tree.
 */
#ifndef FUZZ_SEGMENT_H
#define FUZZ_SEGMENT_H

#include "fuzz.h"

#include "base/error.h"
#include "segment/tree.h"

#include <crm/codes.h>

static const char SEGMENT_MODEL[] =
    "crm: 1\n"
    "region: CN\n"
    "fields:\n"
    "  name: {type: text, label: {en: Full name, zh: 姓名}}\n"
    "  score: {type: integer, max: 1000}\n"
    "  weight: {type: decimal}\n"
    "  credit: {type: money, currency: CNY}\n"
    "  price: {type: money}\n"
    "  birthday: {type: date}\n"
    "  seen: {type: datetime}\n"
    "  vip: {type: boolean}\n"
    "  grade: {type: enum, values: {a: {en: Class A}, b: {zh: B级}, or: {zh: 或}}}\n"
    "  email: {type: email, list: true}\n"
    "  phone: {type: phone}\n"
    "  website: {type: url}\n"
    "  country: {type: country}\n"
    "  language: {type: language}\n"
    "  employer: {type: customer}\n"
    "  owner: {type: actor}\n"
    "  last: {type: integer}\n"
    "tags:\n"
    "  region: {hierarchical: true, values: {cn: {zh: 中国}, cn/east: {zh: 华东}}}\n"
    "  value: {closed: true, label: {zh: 购买力}, values: [high, low]}\n"
    "  any:\n"
    "events:\n"
    "  visit:\n"
    "  order:\n"
    "    label: {en: [Purchase order], zh: 订单}\n"
    "    attributes:\n"
    "      amount: {type: money, currency: CNY, fast: true}\n"
    "      items: {type: integer}\n"
    "      product: {type: text}\n"
    "      due: {type: date}\n"
    "      paid: {type: datetime}\n"
    "      gift: {type: boolean}\n";

static crm__model *model;
static crm__zone *zone;

static int count_up(void *ctx, char cls, const char *name, size_t n, uint32_t *number,
                    crm_error *err)
{
    (void)cls;
    (void)name;
    (void)n;
    (void)err;
    *number = ++*(uint32_t *)ctx;
    return CRM_OK;
}

static void set_up(void)
{
    crm_error err = CRM_ERROR_INIT;
    uint32_t next = 0;

    if (model)
        return;
    if (crm__model_parse(NULL, SEGMENT_MODEL, sizeof SEGMENT_MODEL - 1, NULL, NULL, &model, &err)) {
        fprintf(stderr, "%lld: %s\n", (long long)err.row, err.message);
        abort();
    }
    MUST(crm__model_bind(model, 1, count_up, &next, &err) == CRM_OK);
    MUST(crm__zone_open(NULL, "+05:30", &zone, NULL) == CRM_OK);
}

static int equal(const crm__buf *a, const crm__buf *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

/* Windows at some moments, for every node: no fault of the arithmetic. */
static void check_windows(const crm__node *n)
{
    static const int64_t NOWS[] = {INT64_MIN, 0, INT64_C(1790000000000000), INT64_MAX};

    for (size_t i = 0; i < sizeof NOWS / sizeof *NOWS; i++) {
        int64_t from, until;
        int32_t a, b;
        crm__window_range(&n->window, NOWS[i], zone, &from, &until);
        crm__window_dates(&n->window, NOWS[i], zone, &a, &b);
        crm__window_range(&n->events.window, NOWS[i], NULL, &from, &until);
    }
    for (uint32_t i = 0; i < n->child_count; i++)
        check_windows(n->children[i]);
}

/* Text and JSON of a tree are read again, and give the same text and JSON. */
static void check_tree(const crm__tree *t)
{
    crm__buf text[3], json[3];
    crm__tree *again[2];
    crm_error err = CRM_ERROR_INIT;

    for (int i = 0; i < 3; i++) {
        const crm__tree *of = i ? again[i - 1] : t;
        crm__buf_init(&text[i], NULL);
        crm__buf_init(&json[i], NULL);
        MUST(crm__tree_print(crm__tree_root(of), &text[i]) == CRM_OK);
        MUST(crm__tree_json(crm__tree_root(of), &json[i]) == CRM_OK);
        MUST(equal(&text[i], &text[0]) && equal(&json[i], &json[0]));
        if (i == 0 && crm__tree_parse(NULL, model, NULL, (const char *)text[0].p, text[0].n,
                                      &again[0], &err)) {
            fprintf(stderr, "%s\n%.*s\n", err.message, (int)text[0].n, (const char *)text[0].p);
            MUST(0);
        }
        if (i == 1 && crm__tree_parse_json(NULL, model, NULL, (const char *)json[0].p, json[0].n,
                                           &again[1], &err)) {
            fprintf(stderr, "%s\n%.*s\n", err.message, (int)json[0].n, (const char *)json[0].p);
            MUST(0);
        }
    }
    check_windows(crm__tree_root(t));
    for (int i = 0; i < 3; i++) {
        crm__buf_clear(&text[i]);
        crm__buf_clear(&json[i]);
        if (i)
            crm__tree_unref(again[i - 1]);
    }
}

static void check_fault(int rc, const crm_error *err, size_t n)
{
    MUST(rc == CRM_ESYNTAX || rc == CRM_EFIELD || rc == CRM_EVALUE);
    MUST(err->code == rc && err->message[0] && !strchr(err->message, '\n'));
    MUST(err->offset <= (int64_t)n);
}

#endif
