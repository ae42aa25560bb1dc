/* SPDX-License-Identifier: MIT
 * What the cases of the segment language share: a model with every type, and texts to trees.
 */
#ifndef TEST_SEGMENT_HELP_H
#define TEST_SEGMENT_HELP_H

#include "../model/help.h"
#include "segment/tree.h"

/* Beside the built-in model: every type, keys that are keywords, kinds and tags to be asked for. */
static const char HELP_YAML[] =
    "crm: 1\n"
    "region: CN\n"
    "fields:\n"
    "  name: {type: text, max: 20, pattern: '[^0-9]+', label: {en: Full name, zh: 姓名}}\n"
    "  city: {type: text, label: {zh: 城市}}\n"
    "  score: {type: integer, min: 0, max: 1000, label: {zh: 评分}}\n"
    "  weight: {type: decimal, max: 500}\n"
    "  credit: {type: money, currency: CNY, min: 0, label: {en: Credit limit}}\n"
    "  price: {type: money}\n"
    "  birth_date: {type: date, min: 1850, label: {en: Birthday, zh: 生日}}\n"
    "  last_contact: {type: datetime, label: {zh: 最近联系}}\n"
    "  vip: {type: boolean}\n"
    "  grade: {type: enum, values: {a: {zh: A级}, b: {zh: B级}, c: {en: Class C}, or: {zh: 或}}}\n"
    "  email: {type: email, list: true, identity: true}\n"
    "  phone: {type: phone, list: true}\n"
    "  website: {type: url}\n"
    "  country: {type: country}\n"
    "  language: {type: language}\n"
    "  employer: {type: customer}\n"
    "  owner: {type: actor}\n"
    "  last: {type: integer}\n"
    "  count: {type: integer}\n"
    "  in: {type: date}\n"
    "  and: {type: text}\n"
    "identities:\n"
    "  external: {type: text, per: source}\n"
    "tags:\n"
    "  region: {hierarchical: true, label: {en: Region, zh: 地域}, values: {cn: {zh: 中国}, "
    "cn/east: {zh: 华东}, cn/east/shanghai: {zh: 上海}}}\n"
    "  value: {one: true, closed: true, label: {zh: 购买力}, values: {high: {zh: 高价值}, low: "
    "{zh: 低价值}}}\n"
    "  behaviour: {label: {zh: 行为}}\n"
    "events:\n"
    "  visit:\n"
    "  order:\n"
    "    label: {en: [Order, Purchase order], zh: 订单}\n"
    "    attributes:\n"
    "      amount: {type: money, currency: CNY, min: 0, fast: true, label: {zh: 金额}}\n"
    "      quantity: {type: decimal, fast: true}\n"
    "      items: {type: integer, max: 100}\n"
    "      product: {type: text, max: 10, label: {en: Product name}}\n"
    "      channel: {type: enum, values: [store, web]}\n"
    "      due: {type: date}\n"
    "      paid_at: {type: datetime}\n"
    "      gift: {type: boolean}\n"
    "      since: {type: integer}\n"
    "  quote:\n"
    "    label: {zh: 报价}\n"
    "    attributes:\n"
    "      amount: {type: money}\n"
    "      valid_until: {type: date}\n";

static inline crm__slice help_print(const crm__tree *t, crm__buf *out)
{
    crm__buf_init(out, NULL);
    ck_assert_int_eq(crm__tree_print(crm__tree_root(t), out), CRM_OK);
    return (crm__slice){out->p, out->n};
}

/* The tree of a text that has no fault. */
static inline crm__tree *help_tree(crm__model *m, const crm__zone *zone, const char *text, size_t n)
{
    crm_error err = CRM_ERROR_INIT;
    crm__tree *t = NULL;
    int rc = crm__tree_parse(NULL, m, zone, text, n, &t, &err);

    ck_assert_msg(rc == CRM_OK, "%d: %s\n%.*s", rc, err.message, (int)n, text);
    return t;
}

#endif
