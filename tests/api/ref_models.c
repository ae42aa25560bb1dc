/* SPDX-License-Identifier: MIT
 * The models the oracle works under: as YAML for the library, as tables for the reference.  The oracle
 * compares the two before it begins.
 */
#include "ref_models.h"

#include <stddef.h>

#define BOTH (REF_PERSON | REF_ORGANISATION)
#define LIST CRM_FIELD_LIST
#define REQ CRM_FIELD_REQUIRED
#define UNIQ CRM_FIELD_UNIQUE
#define IDENT CRM_FIELD_IDENTITY
#define PER CRM_FIELD_PER_SOURCE

/* A part of the built-in model: the other fields are never set. */
static const ref_field BUILT_IN[] = {
    {"name", "姓名", CRM_TYPE_TEXT, REQ, 0, BOTH, NULL, 0, 0, 500, REF_ODD, {{0}}, 0, 0},
    {"gender", "性别", CRM_TYPE_ENUM, 0, 0, REF_PERSON, NULL, 0, 0, 3, 0,
     {{"female", "女"}, {"male", "Mr"}, {"other", "Non-binary"}}, 0, 0},
    {"birth_date", "生日", CRM_TYPE_DATE, 0, 0, REF_PERSON, NULL, 0, 0, 900, 0, {{0}}, 0, 0},
    {"language", "首选语言", CRM_TYPE_LANGUAGE, 0, 0, BOTH, NULL, 0, 0, 3, 0, {{0}}, 0, 0},
    {"phone", "手机号", CRM_TYPE_PHONE, LIST | IDENT, 0, BOTH, NULL, 0, 0, 300, 0, {{0}}, "CN", 0},
    {"email", "电子邮箱", CRM_TYPE_EMAIL, LIST | IDENT, 0, BOTH, NULL, 0, 0, 300, 0, {{0}}, 0, 0},
    {"website", "官网", CRM_TYPE_URL, 0, 0, BOTH, NULL, 0, 0, 50, 0, {{0}}, 0, 0},
    {"country", "国家", CRM_TYPE_COUNTRY, 0, 0, BOTH, NULL, 0, 0, 3, 0, {{0}}, 0, 0},
    {"employer", "Works at", CRM_TYPE_CUSTOMER, 0, 0, REF_PERSON, NULL, 0, 0, 0, 0, {{0}}, 0, 0},
    {"employees", "员工人数", CRM_TYPE_INTEGER, 0, 0, REF_ORGANISATION, NULL, 0, 9000000, 9000000, 0,
     {{0}}, 0, 0},
    {"lifecycle", "状态", CRM_TYPE_ENUM, 0, 0, BOTH, "lead", 0, 0, 3, 0,
     {{"lead", "新客户"}, {"active", "老客户"}, {"lost", "Churned"}}, 0, 0},
    {"score", "评分", CRM_TYPE_INTEGER, 0, 0, BOTH, "0", 0, 1000, 1001, 0, {{0}}, 0, 0},
    {"vip", "贵宾", CRM_TYPE_BOOLEAN, 0, 0, BOTH, "false", 0, 0, 2, 0, {{0}}, 0, 0},
    {"owner", "负责人", CRM_TYPE_ACTOR, 0, 0, BOTH, NULL, 0, 0, 5, 0, {{0}}, 0, 0},
    {"credit_limit", "信用额度", CRM_TYPE_MONEY, 0, 0, BOTH, NULL, 0, 900000, 900000, 0, {{0}}, 0,
     "CNY"},
    {"first_contact", "建档日期", CRM_TYPE_DATE, 0, 0, BOTH, NULL, 0, 0, 900, 0, {{0}}, 0, 0},
    {"last_contact", "最近联系", CRM_TYPE_DATETIME, 0, 0, BOTH, NULL, 0, 0, 90000, 0, {{0}}, 0, 0},
    {"notes", "备注", CRM_TYPE_TEXT, 0, 0, BOTH, NULL, 0, 0, 500, REF_ODD, {{0}}, 0, 0},
    {"external", "客户编号", CRM_TYPE_TEXT, LIST | UNIQ | IDENT | PER, 1, BOTH, NULL, 0, 0, 400,
     REF_PLAIN, {{0}}, 0, 0},
    {"wechat", "微信号", CRM_TYPE_TEXT, LIST | IDENT, 1, BOTH, NULL, 0, 0, 300, REF_PLAIN, {{0}}, 0,
     0},
    {"tax_id", "税号", CRM_TYPE_TEXT, LIST | UNIQ | IDENT, 1, REF_ORGANISATION, NULL, 0, 0, 300,
     REF_PLAIN, {{0}}, 0, 0},
};

static const char CLUB_YAML[] =
    "crm: 1\n"
    "name: club\n"
    "region: DE\n"
    "currency: EUR\n"
    "fields:\n"
    "  name: {type: text, required: true, label: {de: Bezeichnung}}\n"
    "  code: {type: text, unique: true, pattern: '[A-Z]{2}\\d{3}', label: Kennung}\n"
    "  nicknames: {type: text, list: true, default: [friend], label: Spitznamen}\n"
    "  weight: {type: decimal, min: -10, max: 1000, label: Gewicht}\n"
    "  born: {type: date, kinds: [person], label: Geburtstag}\n"
    "  vat: {type: text, required: true, kinds: [organisation], max: 5, label: USt}\n"
    "  boss: {type: customer, kinds: [person], label: Leitung}\n"
    "  partners: {type: customer, list: true, label: Partner}\n"
    "  seen: {type: datetime, list: true, label: Besuche}\n"
    "  price: {type: money, unique: true, label: Preis}\n"
    "  level: {type: enum, values: {low: Niedrig, mid: Mittel, high: Hoch}, default: low, label: Stufe}\n"
    "  grades: {type: enum, list: true, values: {a: Eins, b: Zwei, c: Drei}, label: Noten}\n"
    "identities:\n"
    "  erp: {type: text, per: source, unique: true, label: Warenwirtschaft}\n"
    "  card: {type: text, per: source, label: Karte}\n"
    "  mail: {type: email, unique: true, label: Post}\n";

static const ref_field CLUB[] = {
    {"name", "Bezeichnung", CRM_TYPE_TEXT, REQ, 0, BOTH, NULL, 0, 0, 400, REF_ODD, {{0}}, 0, 0},
    {"code", "Kennung", CRM_TYPE_TEXT, UNIQ, 0, BOTH, NULL, 0, 0, 600, REF_CODE, {{0}}, 0, 0},
    {"nicknames", "Spitznamen", CRM_TYPE_TEXT, LIST, 0, BOTH, "friend", 0, 0, 9, REF_PLAIN, {{0}}, 0,
     0},
    {"weight", "Gewicht", CRM_TYPE_DECIMAL, 0, 0, BOTH, NULL, -10, 1000, 1000, 0, {{0}}, 0, 0},
    {"born", "Geburtstag", CRM_TYPE_DATE, 0, 0, REF_PERSON, NULL, 0, 0, 900, 0, {{0}}, 0, 0},
    {"vat", "USt", CRM_TYPE_TEXT, REQ, 0, REF_ORGANISATION, NULL, 0, 0, 100, REF_SHORT, {{0}}, 0, 0},
    {"boss", "Leitung", CRM_TYPE_CUSTOMER, 0, 0, REF_PERSON, NULL, 0, 0, 0, 0, {{0}}, 0, 0},
    {"partners", "Partner", CRM_TYPE_CUSTOMER, LIST, 0, BOTH, NULL, 0, 0, 0, 0, {{0}}, 0, 0},
    {"seen", "Besuche", CRM_TYPE_DATETIME, LIST, 0, BOTH, NULL, 0, 0, 90000, 0, {{0}}, 0, 0},
    {"price", "Preis", CRM_TYPE_MONEY, UNIQ, 0, BOTH, NULL, 0, 0, 90000, 0, {{0}}, 0, "EUR"},
    {"level", "Stufe", CRM_TYPE_ENUM, 0, 0, BOTH, "low", 0, 0, 3, 0,
     {{"low", "Niedrig"}, {"mid", "Mittel"}, {"high", "Hoch"}}, 0, 0},
    {"grades", "Noten", CRM_TYPE_ENUM, LIST, 0, BOTH, NULL, 0, 0, 3, 0,
     {{"a", "Eins"}, {"b", "Zwei"}, {"c", "Drei"}}, 0, 0},
    {"erp", "Warenwirtschaft", CRM_TYPE_TEXT, LIST | UNIQ | IDENT | PER, 1, BOTH, NULL, 0, 0, 300,
     REF_PLAIN, {{0}}, 0, 0},
    {"card", "Karte", CRM_TYPE_TEXT, LIST | IDENT | PER, 1, BOTH, NULL, 0, 0, 200, REF_PLAIN, {{0}},
     0, 0},
    {"mail", "Post", CRM_TYPE_EMAIL, LIST | UNIQ | IDENT, 1, BOTH, NULL, 0, 0, 300, 0, {{0}}, 0, 0},
};

static const char STRICT_YAML[] =
    "crm: 1\n"
    "region: DE\n"
    "identities:\n"
    "  badge: {type: text, per: source, unique: true, required: true, label: Marke}\n"
    "  line: {type: phone, label: Leitung}\n"
    "fields:\n"
    "  number: {type: integer, unique: true, required: true, min: 1, max: 900, label: Nummer}\n"
    "  tel: {type: phone, list: true, identity: true, unique: true, region: CN, label: Ruf}\n"
    "  manager: {type: customer, unique: true, label: Chef}\n"
    "  amounts: {type: decimal, list: true, unique: true, label: Werte}\n"
    "  day: {type: date, unique: true, label: Tag}\n"
    "  moment: {type: datetime, unique: true, label: Zeit}\n"
    "  sites: {type: url, list: true, label: Seiten}\n"
    "  places: {type: country, list: true, default: [CN], label: Orte}\n"
    "  flags: {type: boolean, list: true, label: Haken}\n"
    "  note: {type: text, kinds: [organisation], label: Notiz}\n";

static const ref_field STRICT[] = {
    {"badge", "Marke", CRM_TYPE_TEXT, LIST | REQ | UNIQ | IDENT | PER, 1, BOTH, NULL, 0, 0, 400,
     REF_PLAIN, {{0}}, 0, 0},
    {"line", "Leitung", CRM_TYPE_PHONE, LIST | IDENT, 1, BOTH, NULL, 0, 0, 100, 0, {{0}}, "DE", 0},
    {"number", "Nummer", CRM_TYPE_INTEGER, REQ | UNIQ, 0, BOTH, NULL, 1, 900, 900, 0, {{0}}, 0, 0},
    {"tel", "Ruf", CRM_TYPE_PHONE, LIST | IDENT | UNIQ, 0, BOTH, NULL, 0, 0, 300, 0, {{0}}, "CN", 0},
    {"manager", "Chef", CRM_TYPE_CUSTOMER, UNIQ, 0, BOTH, NULL, 0, 0, 0, 0, {{0}}, 0, 0},
    {"amounts", "Werte", CRM_TYPE_DECIMAL, LIST | UNIQ, 0, BOTH, NULL, 0, 0, 4000, 0, {{0}}, 0, 0},
    {"day", "Tag", CRM_TYPE_DATE, UNIQ, 0, BOTH, NULL, 0, 0, 900, 0, {{0}}, 0, 0},
    {"moment", "Zeit", CRM_TYPE_DATETIME, UNIQ, 0, BOTH, NULL, 0, 0, 900, 0, {{0}}, 0, 0},
    {"sites", "Seiten", CRM_TYPE_URL, LIST, 0, BOTH, NULL, 0, 0, 9, 0, {{0}}, 0, 0},
    {"places", "Orte", CRM_TYPE_COUNTRY, LIST, 0, BOTH, "CN", 0, 0, 3, 0, {{0}}, 0, 0},
    {"flags", "Haken", CRM_TYPE_BOOLEAN, LIST, 0, BOTH, NULL, 0, 0, 2, 0, {{0}}, 0, 0},
    {"note", "Notiz", CRM_TYPE_TEXT, 0, 0, REF_ORGANISATION, NULL, 0, 0, 100, REF_ODD, {{0}}, 0, 0},
};

#define FIELDS(table) sizeof(table) / sizeof(table)[0], table

const ref_model REF_MODELS[REF_MODEL_COUNT] = {
    {"built-in", NULL, FIELDS(BUILT_IN)},
    {"club", CLUB_YAML, FIELDS(CLUB)},
    {"strict", STRICT_YAML, FIELDS(STRICT)},
};
