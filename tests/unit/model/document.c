/* SPDX-License-Identifier: MIT
 * The language: what is a fault, where, and what is none.
 */
#include "help.h"

typedef struct seen {
    size_t count;
    int line[64], column[64];
    char message[64][CRM_MESSAGE_SIZE];
} seen;

static void note(const crm_finding *f, void *ctx)
{
    seen *s = ctx;

    ck_assert_uint_eq(f->size, sizeof *f);
    ck_assert_int_eq(f->severity, CRM_FINDING_ERROR);
    ck_assert_uint_eq(f->values, 0);
    ck_assert_ptr_null(strchr(f->message, '\n'));
    if (s->count < 64) {
        s->line[s->count] = f->line;
        s->column[s->count] = f->column;
        snprintf(s->message[s->count], CRM_MESSAGE_SIZE, "%s", f->message);
    }
    s->count++;
}

/* The document has exactly this fault. */
static void one_fault(const char *yaml, size_t n, int line, int column, const char *part)
{
    crm_error err = CRM_ERROR_INIT;
    seen s;

    memset(&s, 0, sizeof s);
    ck_assert_msg(crm_model_check(yaml, n, note, &s, &err) == CRM_EMODEL, "no fault in:\n%s", yaml);
    ck_assert_msg(s.count == 1 && s.line[0] == line && s.column[0] == column &&
                      strstr(s.message[0], part),
                  "%zu faults, first %d:%d %s\nexpected %d:%d %s\n%s", s.count, s.line[0],
                  s.column[0], s.message[0], line, column, part, yaml);
    ck_assert_int_eq(err.code, CRM_EMODEL);
    ck_assert_int_eq(err.row, line);
    ck_assert_int_eq(err.offset, column);
    ck_assert_str_eq(err.message, s.message[0]);
}

typedef struct fault_case {
    const char *yaml;
    int line, column;
    const char *part;
} fault_case;

static void all_faults(const fault_case *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        one_fault(list[i].yaml, CRM_NUL, list[i].line, list[i].column, list[i].part);
}

#define ALL(list) all_faults(list, sizeof(list) / sizeof(list)[0])
#define F "crm: 1\nfields:\n"
#define X F "  x: "                                 /* the description begins at 3:6 */
#define I F "  x: {type: text}\nidentities:\n  y: " /* at 5:6 */
#define K F "  x: {type: text}\nevents:\n"          /* the first kind at 5:3 */
#define A K "  k:\n    attributes:\n      a: " /* the attribute at 7:7, its description at 7:10 */

CRM_TEST(test_model_document__faults_of_the_top_level)
{
    static const fault_case list[] = {
        {"", 1, 1, "the document is empty"},
        {"# nothing\n", 1, 1, "the document is empty"},
        {"--- \n", 1, 1, "the document is empty"},
        {"crm", 1, 1, "a model is a map"},
        {"[1]", 1, 1, "a model is a map"},
        {"\n\n  - 1\n", 3, 3, "a model is a map"},
        {"fields: {x: {type: text}}", 1, 1, "key \"crm\" is missing"},
        {"crm: 2\nfields: 7\nfoo: 1", 1, 6, "version \"2\" is not known"},
        {"crm:\nfields: {x: {type: text}}", 1, 5, "there is none"},
        {"crm: 1\n", 1, 1, "key \"fields\" is missing"},
        {"crm: 1\nfields: {}\n", 2, 9, "at least one field"},
        {"crm: 1\nfields:\n", 2, 8, "expected a map"},
        {"crm: 1\nfields: [a]\n", 2, 9, "expected a map"},
        {F "  x: {type: text}\nfeilds: {}\n", 4, 1, "did you mean \"fields\"?"},
        {F "  x: {type: text}\ndimensions: {}\n", 4, 1, "unknown key \"dimensions\""},
        {F "  x: {type: text}\ncrm: 1\n", 4, 1, "stands twice here, first on line 1"},
        {F "  x: {type: text}\nidentities: 5\n", 4, 13, "expected a map"},
        {"region: cn\n" F "  x: {type: text}", 1, 9, "not a country code"},
        {"region: CHN\n" F "  x: {type: text}", 1, 9, "not a country code"},
        {"region: [CN]\n" F "  x: {type: text}", 1, 9, "not a list or map"},
        {"currency: RMB\n" F "  x: {type: text}", 1, 11, "not a code of ISO 4217"},
        {"name: \"a\\x07b\"\n" F "  x: {type: text}", 1, 7, "one line"},
        {"kinds: {robot: {}}\n" F "  x: {type: text}", 1, 9, "unknown kind \"robot\""},
        {"kinds: {person: Person}\n" F "  x: {type: text}", 1, 17, "expected a map such as"},
        {"kinds: {person: {lable: A}}\n" F "  x: {type: text}", 1, 18, "unknown key \"lable\""},
        {"kinds: [person]\n" F "  x: {type: text}", 1, 8, "expected a map"},
        {"kinds: {person: {label: Firm}, organisation: {label: firm}}\n" F "  x: {type: text}", 1,
         54, "is also a name of \"person\""},
        {"kinds: {person: {label: organisation}}\n" F "  x: {type: text}", 1, 25,
         "is also a name of \"organisation\""},
    };
    ALL(list);
}

CRM_TEST(test_model_document__faults_of_keys_and_types)
{
    static const fault_case list[] = {
        {F "  Name: {type: text}", 3, 3, "a key is a letter a to z"},
        {F "  姓名: {type: text}", 3, 3, "a key is a letter a to z"},
        {F "  _x: {type: text}", 3, 3, "a key is a letter a to z"},
        {F "  1x: {type: text}", 3, 3, "a key is a letter a to z"},
        {F "  a-b: {type: text}", 3, 3, "a key is a letter a to z"},
        {F "  \"\": {type: text}", 3, 3, "a key is a letter a to z"},
        {F "  a234567890123456789012345678901234567890123456789012345678901234: {type: text}", 3, 3,
         "a key is a letter a to z"},
        {F "  [a, b]: {type: text}\n  x: {type: text}", 3, 3, "a key must be text"},
        {F "  x: {type: text}\n  x: {type: email}", 4, 3, "stands twice here, first on line 3"},
        {F "  id: {type: text}", 3, 3, "is a word of every customer's document"},
        {F "  source: {type: text}", 3, 3, "is a word of every customer's document"},
        {I "{type: text}\n  x: {type: text}", 6, 3, "key \"x\" is taken, by line 3"},
        {X "text", 3, 6, "expected a map such as {type: text}"},
        {X "[]", 3, 6, "expected a map such as {type: text}"},
        {F "  x:\n", 3, 5, "expected a map such as {type: text}"},
        {X "{}", 3, 3, "key \"type\" is missing"},
        {X "{type: string}", 3, 13, "unknown type \"string\""},
        {X "{type: intger}", 3, 13, "did you mean \"integer\"?"},
        {X "{type: [text]}", 3, 13, "not a list or map"},
        {X "{type: }", 3, 13, "there is none"},
        {X "{type: text, requierd: true}", 3, 19, "did you mean \"required\"?"},
        {X "{type: text, indexed: true}", 3, 19, "unknown key \"indexed\""},
        {X "{type: text, list: true, index: sort}", 3, 38, "index: sort is not for lists"},
        {X "{type: integer, index: sort}", 3, 29, "index: sort is not for type integer"},
        {X "{type: email, index: both}", 3, 27, "index: both is not for type email"},
        {X "{type: text, index: true}", 3, 26, "index must be values, sort, both, contains or false"},
        {X "{type: text, index: [values, size]}", 3, 26, "index must be"},
        {X "{type: email, index: values}", 3, 27, "not for type email, only for text, url"},
        {X "{type: integer, index: values}", 3, 29, "without the key it is indexed"},
        {X "{type: text, required: yes}", 3, 29, "required must be true or false"},
        {X "{type: text, list: 1}", 3, 25, "list must be true or false"},
        {X "{type: text, per: source}", 3, 19, "only for identities"},
        {X "{type: url, identity: true}", 3, 28, "only for text, email and phone"},
        {X "{type: boolean, unique: true}", 3, 30, "unique is not for type boolean"},
        {X "{type: text, class: basics}", 3, 26, "did you mean \"basic\"?"},
        {X "{type: text, sensitivity: secret}", 3, 32, "unknown sensitivity \"secret\""},
        {X "{type: text, kinds: []}", 3, 26, "the list of kinds is empty"},
        {X "{type: text, kinds: company}", 3, 26, "unknown kind \"company\""},
        {X "{type: text, kinds: [person, person]}", 3, 35, "stands twice"},
        {X "{type: text, kinds: {person: 1}}", 3, 26, "not a list or map"},
        {I "{type: date}", 5, 13, "type date is not for identities"},
        {I "{type: text, list: true}", 5, 19, "always a list"},
        {I "{type: text, identity: true}", 5, 19, "always a list"},
        {I "{type: text, per: customer}", 5, 24, "per must be source"},
        {I "{type: text, default: a}", 5, 19, "\"default\" is not for identities"},
        {I "{type: text, values: [a]}", 5, 19, "\"values\" is not for identities"},
    };
    ALL(list);
}

CRM_TEST(test_model_document__faults_of_rules)
{
    static const fault_case list[] = {
        {X "{type: boolean, min: 0}", 3, 22, "min is not for type boolean"},
        {X "{type: email, max: 9}", 3, 20, "max is not for type email"},
        {X "{type: integer, min: 1.5}", 3, 27, "min is not a number"},
        {X "{type: integer, min: 1000000000000000000}", 3, 27, "at most 18 digits"},
        {X "{type: integer, min: 5, max: 4}", 3, 35, "max is below min"},
        {X "{type: decimal, min: 1.51, max: 1.5}", 3, 38, "max is below min"},
        {X "{type: text, min: -1}", 3, 24, "0 to 65536"},
        {X "{type: text, max: 65537}", 3, 24, "0 to 65536"},
        {X "{type: text, max: 0}", 3, 24, "text is never empty"},
        {X "{type: date, min: 2020-02-30}", 3, 24, "min is not a date"},
        {X "{type: date, min: 2021, max: 2020}", 3, 35, "max is below min"},
        {X "{type: datetime, max: soon}", 3, 28, "max is not a date and time"},
        {X "{type: text, min: [1]}", 3, 24, "not a list or map"},
        {X "{type: integer, pattern: 'a'}", 3, 22, "pattern is not for type integer"},
        {X "{type: text, pattern: 'a(b'}", 3, 28, "faulty pattern at its character 2"},
        {X "{type: text, pattern: '中(b'}", 3, 28, "faulty pattern at its character 2"},
        {X "{type: text, pattern: ''}", 3, 28, "there is none"},
        {X "{type: text, region: CN}", 3, 19, "region is not for type text"},
        {X "{type: phone, region: XY}", 3, 28, "not a country code"},
        {X "{type: text, currency: CNY}", 3, 19, "currency is not for type text"},
        {X "{type: money, currency: yen}", 3, 30, "not a code of ISO 4217"},
        {X "{type: text, values: [a]}", 3, 19, "values are for type enum only"},
        {X "{type: enum}", 3, 3, "an enum needs values"},
        {X "{type: enum, values: a}", 3, 27, "a map from keys to labels, or a list"},
        {X "{type: enum, values: {}}", 3, 27, "at least one value"},
        {X "{type: enum, values: [a, [b]]}", 3, 31, "the list of values holds keys only"},
        {X "{type: enum, values: [a, a]}", 3, 31, "key \"a\" is taken"},
        {X "{type: enum, values: [a, B]}", 3, 31, "a key is a letter a to z"},
        {X "{type: enum, values: {a: X, b: x}}", 3, 37,
         "label \"x\" of \"b\" is also a name of \"a\""},
        {X "{type: enum, values: {a: X, b: A}}", 3, 37,
         "label \"A\" of \"b\" is also a name of \"a\""},
        {X "{type: integer, default: x}", 3, 31, "default is not a whole number"},
        {X "{type: integer, max: 9, default: 10}", 3, 39, "default is above 9"},
        {X "{type: enum, values: [a], default: b}", 3, 41, "the default is not one of the values"},
        {X "{type: text, list: true, default: a}", 3, 40, "a list of values"},
        {X "{type: text, list: true, default: []}", 3, 40, "a list of values"},
        {X "{type: text, list: true, default: [a, [b]]}", 3, 44, "not a list or map"},
        {X "{type: text, default: [a]}", 3, 28, "not a list or map"},
        {X "{type: text, unique: true, default: a}", 3, 33, "does not go with unique"},
        {X "{type: text, identity: true, default: a}", 3, 35, "does not go with identity"},
        {X "{type: customer, default: 1}", 3, 23, "does not go with type customer"},
        {X "{type: phone, default: '12'}", 3, 29, "default is not a phone number"},
    };
    ALL(list);
}

CRM_TEST(test_model_document__faults_of_labels)
{
    static const fault_case list[] = {
        {X "{type: text, label: ''}", 3, 26, "there is none"},
        {X "{type: text, label: ' '}", 3, 26, "one line of 1 to 100"},
        {X "{type: text, label: \"a\\nb\"}", 3, 26, "one line of 1 to 100"},
        {X "{type: text, label: []}", 3, 26, "the list of labels is empty"},
        {X "{type: text, label: {}}", 3, 26, "the label is empty"},
        {X "{type: text, label: {en: }}", 3, 31, "there is none"},
        {X "{type: text, label: {en: {a: b}}}", 3, 31, "not a list or map"},
        {X "{type: text, label: {english: A}}", 3, 27, "is not a language tag"},
        {X "{type: text, label: {zh-CN: A, zh_cn: B}}", 3, 37, "stands twice"},
        {X "{type: text, label: \"\\u200b\"}", 3, 26, "has no letter"},
        {X "{type: text, label: Tags}", 3, 26, "is a word of every customer's document"},
        {X "{type: text}\n  y: {type: text, label: X}", 4, 26,
         "label \"X\" of \"y\" is also a name of \"x\" (line 3)"},
        {X "{type: text, label: {en: Phone, zh: 手机}}\n  y: {type: text, label: ［手机］}\n"
           "  z: {type: text, label: ＰＨＯＮＥ}",
         5, 26, "of \"z\" is also a name of \"x\" (line 3)"},
        {I "{type: text, label: x}", 5, 26, "of \"y\" is also a name of \"x\" (line 3)"},
    };
    ALL(list);
}

CRM_TEST(test_model_document__faults_of_event_kinds)
{
    static const fault_case list[] = {
        {F "  x: {type: text}\nevents: 5\n", 4, 9, "events: expected a map from keys"},
        {F "  x: {type: text}\nevents: [order]\n", 4, 9, "events: expected a map from keys"},
        {F "  x: {type: text}\nevent: {}\n", 4, 1, "did you mean \"events\"?"},
        {K "  Order: {}\n", 5, 3, "key \"Order\" of an event kind: a key is a letter a to z"},
        {K "  订单: {}\n", 5, 3, "a key is a letter a to z"},
        {K "  a.b: {}\n", 5, 3, "a key is a letter a to z"},
        {K "  void: {}\n", 5, 3, "\"void\" marks events that are taken back: choose another key"},
        {K "  k: {label: {en: Void}}\n", 5, 19, "label \"Void\" marks events that are taken back"},
        {K "  k: {}\n  k: {}\n", 6, 3, "stands twice here, first on line 5"},
        {K "  k: order\n", 5, 6, "event kind \"k\": expected a map such as"},
        {K "  k: [label]\n", 5, 6, "event kind \"k\": expected a map such as"},
        {K "  k: {atributes: {}}\n", 5, 7, "did you mean \"attributes\"?"},
        {K "  k: {class: social}\n", 5, 7,
         "event kind \"k\": unknown key \"class\", expected one of label, attributes"},
        {K "  k: {attributes: [a]}\n", 5, 19, "attributes must be a map from keys"},
        {K "  k: {attributes: a}\n", 5, 19, "attributes must be a map from keys"},
        {K "  k: {label: ''}\n", 5, 14, "event kind \"k\": label: expected one value"},
        {K "  k: {label: A}\n  l: {label: a}\n", 6, 14,
         "label \"a\" of \"l\" is also a name of \"k\" (line 5)"},
        {K "  k: {label: l}\n  l: {}\n", 5, 14,
         "label \"l\" of \"k\" is also a name of \"l\" (line 6)"},
    };
    ALL(list);
}

CRM_TEST(test_model_document__faults_of_attributes)
{
    static const fault_case list[] = {
        {K "  k:\n    attributes:\n      A: {type: text}", 7, 7,
         "key \"A\" of an attribute: a key is a letter a to z"},
        {K "  k:\n    attributes:\n      kind: {type: text}", 7, 7, "is a word of every event"},
        {A "{type: text, label: {en: Time}}", 7, 35, "label \"Time\" is a word of every event"},
        {A "{type: text}\n      a: {type: date}", 8, 7, "stands twice here, first on line 7"},
        {A "{type: text}\n      b: {type: date, label: A}", 8, 30,
         "label \"A\" of \"b\" is also a name of \"a\" (line 7)"},
        {A "text", 7, 10, "attribute \"k.a\": expected a map such as {type: text}"},
        {A "{}", 7, 7, "attribute \"k.a\": key \"type\" is missing"},
        {A "{type: customer}", 7, 17, "type customer is not for attributes of events"},
        {A "{type: text, list: true}", 7, 23, "\"list\" is not for attributes of events"},
        {A "{type: text, identity: true}", 7, 23, "\"identity\" is not for attributes of events"},
        {A "{type: text, unique: true}", 7, 23, "\"unique\" is not for attributes of events"},
        {A "{type: text, kinds: [person]}", 7, 23, "\"kinds\" is not for attributes of events"},
        {A "{type: text, per: source}", 7, 23, "\"per\" is not for attributes of events"},
        {A "{type: text, fsat: true}", 7, 23, "did you mean \"fast\"?"},
        {A "{type: text, fast: yes}", 7, 29, "attribute \"k.a\": fast must be true or false"},
        {A "{type: datetime, fast: true}", 7, 33,
         "attribute \"k.a\": fast is not for type datetime, only for text, integer, decimal, "
         "money, "
         "date, boolean, enum, country, language"},
        {A "{type: email, fast: true}", 7, 30, "fast is not for type email"},
        {A "{type: phone, fast: true}", 7, 30, "fast is not for type phone"},
        {A "{type: url, fast: true}", 7, 28, "fast is not for type url"},
        {A "{type: actor, fast: true}", 7, 30, "fast is not for type actor"},
        {A "{type: text, fast: true, min: 3, max: 2}", 7, 48, "max is below min"},
        {A "{type: integer, max: 9, default: 10}", 7, 43, "\"k.a\": default is above 9"},
        {A "{type: text, pattern: '('}", 7, 32, "attribute \"k.a\": faulty pattern"},
        {A "{type: enum}", 7, 7, "attribute \"k.a\": an enum needs values"},
        {A "{type: enum, values: {a: X, b: x}}", 7, 41, "is also a name of \"a\""},
        {X "{type: integer, fast: true}", 3, 22,
         "\"fast\" is not for fields, only for attributes of events"},
        {I "{type: text, fast: true}", 5, 19,
         "\"fast\" is not for identities, only for attributes of events"},
    };
    ALL(list);
}

CRM_TEST(test_model_document__faults_of_yaml)
{
    static const fault_case list[] = {
        {X "{type: text", 4, 1, "not YAML"},
        {X "{type: text}}", 3, 18, "not YAML"},
        {F "\tx: 1", 3, 1, "not YAML"},
        {X "{type: &a text}", 3, 13, "anchors (&)"},
        {X "&a {type: text}", 3, 6, "anchors (&)"},
        {X "{type: text, label: *a}", 3, 26, "aliases (*)"},
        {X "{type: !!str text}", 3, 13, "tags (!)"},
        {X "!m {type: text}", 3, 6, "tags (!)"},
        {X "{type: text}\n---\ncrm: 1\n", 4, 1, "a second document"},
        {X "{type: text}\n...\ncrm: 1\n", 5, 1, "not YAML"},
        {X "{type: \"te\\0xt\"}", 3, 13, "NUL"},
        {X "{type: text} # \x01\n", 3, 21, "a control character (U+0001)"},
        {X "{type: text} # \x7f\n", 3, 21, "a control character (U+007F)"},
        {X "{type: text} # 中\xc2\x85\n", 3, 22, "a line separator"},
        {X "{type: text} # \xe2\x80\xa8\n", 3, 21, "a line separator"},
        {X "{type: text} # \xef\xbf\xbf\n", 3, 21, "no character"},
        {X "{type: text} # 中\xff\n", 3, 22, "not UTF-8: faulty byte 0xFF"},
        {X "{type: text} # \xed\xa0\x80\n", 3, 21, "not UTF-8"},
        {"\xff\xfe"
         "c",
         1, 1, "not UTF-8"},
    };
    ALL(list);
    one_fault(X "{type: text} # \0\n", sizeof(X "{type: text} # \0\n") - 1, 3, 21, "a NUL byte");
}

CRM_TEST(test_model_document__all_faults_of_a_document_come_in_its_order)
{
    static const char yaml[] = "crm: 1\n"
                               "identities:\n"
                               "  a: {type: text, label: B}\n"
                               "kinds: {persn: 1}\n"
                               "fields:\n"
                               "  b: {type: txt, max: x, requird: true}\n"
                               "  c: {type: integer, max: x, min: y, label: {en: A, zh: 日}}\n"
                               "  D: {type: date}\n"
                               "  e: {type: enum, values: {x: 1, y: [1]}, default: z}\n"
                               "  e: {type: text}\n"
                               "  f: *x\n"
                               "bad: 1\n";
    static const int places[][2] = {{3, 26}, {4, 9},  {6, 13}, {6, 26}, {7, 27}, {7, 35}, {7, 50},
                                    {8, 3},  {9, 38}, {9, 52}, {10, 3}, {11, 6}, {12, 1}};
    crm_error err = CRM_ERROR_INIT;
    size_t count = sizeof places / sizeof places[0];
    seen s;

    memset(&s, 0, sizeof s);
    ck_assert_int_eq(crm_model_check(yaml, CRM_NUL, note, &s, &err), CRM_EMODEL);
    for (size_t i = 0; i < s.count && i < count; i++)
        ck_assert_msg(s.line[i] == places[i][0] && s.column[i] == places[i][1], "%zu: %d:%d %s", i,
                      s.line[i], s.column[i], s.message[i]);
    ck_assert_uint_eq(s.count, count);
    ck_assert_int_eq(err.row, 3);
    ck_assert_int_eq(err.offset, 26);
}

CRM_TEST(test_model_document__without_a_callback_the_error_tells_the_first)
{
    crm_error err = CRM_ERROR_INIT;

    ck_assert_int_eq(crm_model_check("crm: 1\nfields: 1\n", CRM_NUL, NULL, NULL, &err), CRM_EMODEL);
    ck_assert_int_eq(err.row, 2);
    ck_assert_int_eq(err.offset, 9);
    ck_assert_int_eq(crm_model_check("x", 1, NULL, NULL, NULL), CRM_EMODEL);
    ck_assert_int_eq(crm_model_check(NULL, 0, NULL, NULL, &err), CRM_EINVAL);
    ck_assert_str_eq(err.field, "yaml");
    ck_assert_int_eq(crm_model_check(NULL, CRM_NUL, NULL, NULL, NULL), CRM_EINVAL);
}

CRM_TEST(test_model_document__what_is_written_is_what_the_field_holds)
{
    crm__model *m = help_parse(
        "\xef\xbb\xbf# a comment\r\ncrm: 1\r\nname: 我的店\r\nregion: CN\r\ncurrency: CNY\r\n"
        "fields:\r\n"
        "  a: {type: text, min: 2, max: 30, list: true, required: true, class: social,\r\n"
        "      sensitivity: public, kinds: organisation, pattern: '[a-z]+',\r\n"
        "      label: {zh: [甲, 乙], EN-us: A a}}\r\n"
        "  b: {type: phone, identity: true, region: US}\r\n"
        "  c: {type: phone, unique: true}\r\n"
        "  d: {type: money, min: 0.5}\r\n"
        "  e: {type: money, currency: USD, max: 10}\r\n"
        "  f: {type: date, min: 1990, max: 2020-05}\r\n"
        "  g: {type: enum, values: {one: , two: 2nd}}\r\n"
        "  h: {type: integer, list: true, default: [5, -7]}\r\n"
        "identities:\r\n"
        "  i: {type: text, per: source, unique: true}\r\n");
    const crm__field *f = crm__model_at(m, 0);
    size_t n;

    ck_assert_uint_eq(crm__model_count(m), 9);
    ck_assert_ptr_null(crm__model_at(m, 9));
    ck_assert_str_eq(f->key, "a");
    ck_assert_uint_eq(f->type, CRM_TYPE_TEXT);
    ck_assert_uint_eq(f->kinds, 1 << CRM__KIND_ORGANISATION);
    ck_assert_uint_eq(f->flags, CRM_FIELD_LIST | CRM_FIELD_REQUIRED);
    ck_assert_int_eq(f->min.mantissa, 2);
    ck_assert_int_eq(f->max.mantissa, 30);
    ck_assert_str_eq(f->pattern_text, "[a-z]+");
    ck_assert_str_eq(f->data_class, "social");
    ck_assert_str_eq(f->sensitivity, "public");
    ck_assert_uint_eq(f->label_count, 3);
    ck_assert_str_eq(f->labels[0].lang, "zh");
    ck_assert_str_eq(f->labels[1].text, "乙");
    ck_assert_str_eq(f->labels[2].lang, "en-us");
    ck_assert_str_eq(f->labels[2].text, "A a");
    ck_assert_int_eq(f->line, 7);
    ck_assert_int_eq(f->column, 3);
    ck_assert_uint_eq(f->number, 0);
    f = crm__model_at(m, 1);
    ck_assert_str_eq(f->region, "US");
    ck_assert_uint_eq(f->flags, CRM_FIELD_IDENTITY);
    ck_assert_str_eq(f->data_class, "basic");
    ck_assert_str_eq(f->sensitivity, "personal");
    ck_assert_uint_eq(f->kinds, 1 << CRM__KIND_PERSON | 1 << CRM__KIND_ORGANISATION);
    f = crm__model_at(m, 2);
    ck_assert_str_eq(f->region, "CN");
    ck_assert_uint_eq(f->flags, CRM_FIELD_UNIQUE);
    f = crm__model_at(m, 3);
    ck_assert_str_eq(f->currency, "CNY");
    ck_assert(f->has_min && !f->has_max && f->min.mantissa == 5 && f->min.scale == 1);
    ck_assert_str_eq(crm__model_at(m, 4)->currency, "USD");
    f = crm__model_at(m, 5);
    ck_assert_uint_gt(f->min_value.n, 0);
    ck_assert_uint_gt(f->max_value.n, 0);
    f = crm__model_at(m, 6);
    ck_assert_uint_eq(f->value_count, 2);
    ck_assert_str_eq(f->values[1].key, "two");
    ck_assert_uint_eq(f->values[0].label_count, 0);
    ck_assert_str_eq(f->values[1].labels[0].lang, "und");
    f = crm__model_at(m, 7);
    ck_assert_uint_eq(f->default_value.n, 4);
    ck_assert_int_eq(memcmp(f->default_value.p, "\x01\x0a\x01\x0d", 4), 0);
    f = crm__model_at(m, 8);
    ck_assert_uint_eq(f->declared_identity, 1);
    ck_assert_uint_eq(f->flags, CRM_FIELD_LIST | CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE |
                                    CRM_FIELD_PER_SOURCE);
    ck_assert_uint_eq(crm__model_version(m), 0);
    ck_assert_ptr_nonnull(strstr(crm__model_text(m, &n), "我的店"));
    ck_assert_uint_eq(n, strlen(crm__model_text(m, NULL)));
    crm__model_unref(m);
    crm__model_unref(NULL);
}

CRM_TEST(test_model_document__what_is_indexed)
{
    static const struct {
        const char *field;
        unsigned index;
    } CASES[] = {
        {"{type: text}", 0},
        {"{type: text, index: values}", CRM__INDEX_VALUES},
        {"{type: text, index: values, list: true}", CRM__INDEX_VALUES},
        {"{type: text, index: false}", 0},
        {"{type: actor, index: values}", CRM__INDEX_VALUES},
        {"{type: language, index: values}", CRM__INDEX_VALUES},
        {"{type: url, index: values}", CRM__INDEX_VALUES},
        {"{type: url}", 0},
        {"{type: email}", 0},
        {"{type: phone}", 0},
        {"{type: customer}", 0},
        {"{type: enum, values: [a]}", CRM__INDEX_VALUES},
        {"{type: enum, values: [a], list: true}", CRM__INDEX_VALUES},
        {"{type: enum, values: [a], index: false}", 0},
        {"{type: boolean}", CRM__INDEX_VALUES},
        {"{type: country}", CRM__INDEX_VALUES},
        {"{type: money}", CRM__INDEX_VALUES | CRM__INDEX_COLUMN},
        {"{type: money, list: true}", CRM__INDEX_VALUES},
        {"{type: money, index: false}", 0},
        {"{type: integer}", CRM__INDEX_COLUMN},
        {"{type: integer, list: true}", 0},
        {"{type: decimal}", CRM__INDEX_COLUMN},
        {"{type: date}", CRM__INDEX_COLUMN},
        {"{type: datetime}", CRM__INDEX_COLUMN},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[200];
        crm__model *m;
        snprintf(text, sizeof text, "crm: 1\nfields:\n  x: %s\n", CASES[i].field);
        m = help_model(text);
        ck_assert_msg(crm__model_at(m, 0)->index == CASES[i].index, "%s", text);
        crm__model_unref(m);
    }
}

CRM_TEST(test_model_document__the_default_model_has_no_fault)
{
    crm__model *m = help_model(crm_model_default());
    static const char *const names[][2] = {
        {"name", "姓名"},
        {"phone", "手机号码"},
        {"email", "电子邮箱"},
        {"lead_source", "客户来源"},
        {"gender", "性别"},
        {"owner", "负责人"},
        {"external", "客户编号"},
        {"wechat", "微信"},
        {"tax_id", "统一社会信用代码"},
        {"birth_date", "date of BIRTH"},
        {"company", "公司名称"},
        {"notes", "备注"},
        {"employer", "雇主"},
        {"lifecycle", "生命周期"},
        {"credit_limit", "信用额度"},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ck_assert_ptr_nonnull(help_find(m, names[i][0]));
        ck_assert_ptr_eq(help_find(m, names[i][0]), help_find(m, names[i][1]));
    }
    for (size_t i = 0; i < crm__model_count(m); i++) {
        const crm__field *f = crm__model_at(m, i);
        int en = 0, zh = 0;
        for (uint32_t k = 0; k < f->label_count; k++) {
            en |= !strcmp(f->labels[k].lang, "en");
            zh |= !strcmp(f->labels[k].lang, "zh");
        }
        ck_assert_msg(en && zh, "%s lacks a label", f->key);
    }
    ck_assert_uint_eq(crm__kind_find(m, "公司", strlen("公司")), CRM__KIND_ORGANISATION);
    crm__model_unref(m);
}
