/* SPDX-License-Identifier: MIT
 * The models the oracle works under: as YAML for the library, as tables for the reference.  The
 * oracle compares the two before it begins.
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
    {.key = "name",
     .label = "姓名",
     .type = CRM_TYPE_TEXT,
     .flags = REQ,
     .kinds = BOTH,
     .pool = 500,
     .shape = REF_ODD},
    {.key = "gender",
     .label = "性别",
     .type = CRM_TYPE_ENUM,
     .kinds = REF_PERSON,
     .pool = 3,
     .values = {{"female", "女"}, {"male", "Mr"}, {"other", "Non-binary"}}},
    {.key = "birth_date", .label = "生日", .type = CRM_TYPE_DATE, .kinds = REF_PERSON, .pool = 900},
    {.key = "language", .label = "首选语言", .type = CRM_TYPE_LANGUAGE, .kinds = BOTH, .pool = 3},
    {.key = "phone",
     .label = "手机号",
     .type = CRM_TYPE_PHONE,
     .flags = LIST | IDENT,
     .kinds = BOTH,
     .pool = 300,
     .region = "CN"},
    {.key = "email",
     .label = "电子邮箱",
     .type = CRM_TYPE_EMAIL,
     .flags = LIST | IDENT,
     .kinds = BOTH,
     .pool = 300},
    {.key = "website", .label = "官网", .type = CRM_TYPE_URL, .kinds = BOTH, .pool = 50},
    {.key = "country", .label = "国家", .type = CRM_TYPE_COUNTRY, .kinds = BOTH, .pool = 3},
    {.key = "employer", .label = "Works at", .type = CRM_TYPE_CUSTOMER, .kinds = REF_PERSON},
    {.key = "employees",
     .label = "员工人数",
     .type = CRM_TYPE_INTEGER,
     .kinds = REF_ORGANISATION,
     .max = 9000000,
     .pool = 9000000},
    {.key = "lifecycle",
     .label = "状态",
     .type = CRM_TYPE_ENUM,
     .kinds = BOTH,
     .preset = "lead",
     .pool = 3,
     .values = {{"lead", "新客户"}, {"active", "老客户"}, {"lost", "Churned"}}},
    {.key = "score",
     .label = "评分",
     .type = CRM_TYPE_INTEGER,
     .kinds = BOTH,
     .preset = "0",
     .max = 1000,
     .pool = 1001},
    {.key = "vip",
     .label = "贵宾",
     .type = CRM_TYPE_BOOLEAN,
     .kinds = BOTH,
     .preset = "false",
     .pool = 2},
    {.key = "owner", .label = "负责人", .type = CRM_TYPE_ACTOR, .kinds = BOTH, .pool = 5},
    {.key = "credit_limit",
     .label = "信用额度",
     .type = CRM_TYPE_MONEY,
     .kinds = BOTH,
     .max = 900000,
     .pool = 900000,
     .currency = "CNY"},
    {.key = "first_contact",
     .label = "建档日期",
     .type = CRM_TYPE_DATE,
     .kinds = BOTH,
     .pool = 900},
    {.key = "last_contact",
     .label = "最近联系",
     .type = CRM_TYPE_DATETIME,
     .kinds = BOTH,
     .pool = 90000},
    {.key = "notes",
     .label = "备注",
     .type = CRM_TYPE_TEXT,
     .kinds = BOTH,
     .pool = 500,
     .shape = REF_ODD},
    {.key = "external",
     .label = "客户编号",
     .type = CRM_TYPE_TEXT,
     .flags = LIST | UNIQ | IDENT | PER,
     .in_identities = 1,
     .kinds = BOTH,
     .pool = 400,
     .shape = REF_PLAIN},
    {.key = "wechat",
     .label = "微信号",
     .type = CRM_TYPE_TEXT,
     .flags = LIST | IDENT,
     .in_identities = 1,
     .kinds = BOTH,
     .pool = 300,
     .shape = REF_PLAIN},
    {.key = "tax_id",
     .label = "税号",
     .type = CRM_TYPE_TEXT,
     .flags = LIST | UNIQ | IDENT,
     .in_identities = 1,
     .kinds = REF_ORGANISATION,
     .pool = 300,
     .shape = REF_PLAIN},
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
    "  level: {type: enum, values: {low: Niedrig, mid: Mittel, high: Hoch}, default: low, label: "
    "Stufe}\n"
    "  grades: {type: enum, list: true, values: {a: Eins, b: Zwei, c: Drei}, label: Noten}\n"
    "identities:\n"
    "  erp: {type: text, per: source, unique: true, label: Warenwirtschaft}\n"
    "  card: {type: text, per: source, label: Karte}\n"
    "  mail: {type: email, unique: true, label: Post}\n";

static const ref_field CLUB[] = {
    {.key = "name",
     .label = "Bezeichnung",
     .type = CRM_TYPE_TEXT,
     .flags = REQ,
     .kinds = BOTH,
     .pool = 400,
     .shape = REF_ODD},
    {.key = "code",
     .label = "Kennung",
     .type = CRM_TYPE_TEXT,
     .flags = UNIQ,
     .kinds = BOTH,
     .pool = 600,
     .shape = REF_CODE},
    {.key = "nicknames",
     .label = "Spitznamen",
     .type = CRM_TYPE_TEXT,
     .flags = LIST,
     .kinds = BOTH,
     .preset = "friend",
     .pool = 9,
     .shape = REF_PLAIN},
    {.key = "weight",
     .label = "Gewicht",
     .type = CRM_TYPE_DECIMAL,
     .kinds = BOTH,
     .min = -10,
     .max = 1000,
     .pool = 1000},
    {.key = "born", .label = "Geburtstag", .type = CRM_TYPE_DATE, .kinds = REF_PERSON, .pool = 900},
    {.key = "vat",
     .label = "USt",
     .type = CRM_TYPE_TEXT,
     .flags = REQ,
     .kinds = REF_ORGANISATION,
     .pool = 100,
     .shape = REF_SHORT},
    {.key = "boss", .label = "Leitung", .type = CRM_TYPE_CUSTOMER, .kinds = REF_PERSON},
    {.key = "partners",
     .label = "Partner",
     .type = CRM_TYPE_CUSTOMER,
     .flags = LIST,
     .kinds = BOTH},
    {.key = "seen",
     .label = "Besuche",
     .type = CRM_TYPE_DATETIME,
     .flags = LIST,
     .kinds = BOTH,
     .pool = 90000},
    {.key = "price",
     .label = "Preis",
     .type = CRM_TYPE_MONEY,
     .flags = UNIQ,
     .kinds = BOTH,
     .pool = 90000,
     .currency = "EUR"},
    {.key = "level",
     .label = "Stufe",
     .type = CRM_TYPE_ENUM,
     .kinds = BOTH,
     .preset = "low",
     .pool = 3,
     .values = {{"low", "Niedrig"}, {"mid", "Mittel"}, {"high", "Hoch"}}},
    {.key = "grades",
     .label = "Noten",
     .type = CRM_TYPE_ENUM,
     .flags = LIST,
     .kinds = BOTH,
     .pool = 3,
     .values = {{"a", "Eins"}, {"b", "Zwei"}, {"c", "Drei"}}},
    {.key = "erp",
     .label = "Warenwirtschaft",
     .type = CRM_TYPE_TEXT,
     .flags = LIST | UNIQ | IDENT | PER,
     .in_identities = 1,
     .kinds = BOTH,
     .pool = 300,
     .shape = REF_PLAIN},
    {.key = "card",
     .label = "Karte",
     .type = CRM_TYPE_TEXT,
     .flags = LIST | IDENT | PER,
     .in_identities = 1,
     .kinds = BOTH,
     .pool = 200,
     .shape = REF_PLAIN},
    {.key = "mail",
     .label = "Post",
     .type = CRM_TYPE_EMAIL,
     .flags = LIST | UNIQ | IDENT,
     .in_identities = 1,
     .kinds = BOTH,
     .pool = 300},
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
    {.key = "badge",
     .label = "Marke",
     .type = CRM_TYPE_TEXT,
     .flags = LIST | REQ | UNIQ | IDENT | PER,
     .in_identities = 1,
     .kinds = BOTH,
     .pool = 400,
     .shape = REF_PLAIN},
    {.key = "line",
     .label = "Leitung",
     .type = CRM_TYPE_PHONE,
     .flags = LIST | IDENT,
     .in_identities = 1,
     .kinds = BOTH,
     .pool = 100,
     .region = "DE"},
    {.key = "number",
     .label = "Nummer",
     .type = CRM_TYPE_INTEGER,
     .flags = REQ | UNIQ,
     .kinds = BOTH,
     .min = 1,
     .max = 900,
     .pool = 900},
    {.key = "tel",
     .label = "Ruf",
     .type = CRM_TYPE_PHONE,
     .flags = LIST | IDENT | UNIQ,
     .kinds = BOTH,
     .pool = 300,
     .region = "CN"},
    {.key = "manager", .label = "Chef", .type = CRM_TYPE_CUSTOMER, .flags = UNIQ, .kinds = BOTH},
    {.key = "amounts",
     .label = "Werte",
     .type = CRM_TYPE_DECIMAL,
     .flags = LIST | UNIQ,
     .kinds = BOTH,
     .pool = 4000},
    {.key = "day",
     .label = "Tag",
     .type = CRM_TYPE_DATE,
     .flags = UNIQ,
     .kinds = BOTH,
     .pool = 900},
    {.key = "moment",
     .label = "Zeit",
     .type = CRM_TYPE_DATETIME,
     .flags = UNIQ,
     .kinds = BOTH,
     .pool = 900},
    {.key = "sites",
     .label = "Seiten",
     .type = CRM_TYPE_URL,
     .flags = LIST,
     .kinds = BOTH,
     .pool = 9},
    {.key = "places",
     .label = "Orte",
     .type = CRM_TYPE_COUNTRY,
     .flags = LIST,
     .kinds = BOTH,
     .preset = "CN",
     .pool = 3},
    {.key = "flags",
     .label = "Haken",
     .type = CRM_TYPE_BOOLEAN,
     .flags = LIST,
     .kinds = BOTH,
     .pool = 2},
    {.key = "note",
     .label = "Notiz",
     .type = CRM_TYPE_TEXT,
     .kinds = REF_ORGANISATION,
     .pool = 100,
     .shape = REF_ODD},
};

#define FIELDS(table) sizeof(table) / sizeof(table)[0], table

const ref_model REF_MODELS[REF_MODEL_COUNT] = {
    {"built-in", NULL, FIELDS(BUILT_IN)},
    {"club", CLUB_YAML, FIELDS(CLUB)},
    {"strict", STRICT_YAML, FIELDS(STRICT)},
};
