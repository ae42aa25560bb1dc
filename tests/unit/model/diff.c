/* SPDX-License-Identifier: MIT
 * Differences of two models, one at a time and together.
 */
#include "help.h"

typedef struct told {
    size_t count;
    int stop_at;
    crm__change list[64];
} told;

static int take(const crm__change *c, void *ctx)
{
    told *t = ctx;

    ck_assert_uint_lt(t->count, 64);
    ck_assert_uint_gt(strlen(c->message), 0);
    t->list[t->count++] = *c;
    return t->stop_at && (int)t->count == t->stop_at ? 77 : 0;
}

static const char *const WHAT[] = {"",
                                   "ADDED",
                                   "REMOVED",
                                   "TYPE",
                                   "TO_LIST",
                                   "TO_SINGLE",
                                   "REQUIRED",
                                   "OPTIONAL",
                                   "UNIQUE",
                                   "NOT_UNIQUE",
                                   "INDEXED",
                                   "NOT_INDEXED",
                                   "NARROWED",
                                   "WIDENED",
                                   "VALUE_ADDED",
                                   "VALUE_REMOVED",
                                   "SCOPE",
                                   "KIND_ADDED",
                                   "KIND_REMOVED",
                                   "FAST",
                                   "NOT_FAST",
                                   "INDEX",
                                   "DIM_ADDED",
                                   "DIM_REMOVED",
                                   "ONE",
                                   "FLAT",
                                   "CLOSED",
                                   "LASTING",
                                   "DIM_WIDENED",
                                   "TAG_ADDED",
                                   "TAG_REMOVED",
                                   "TEXT"};

/* "NAME+scan+index NAME ..." of all changes. */
static void describe(const told *t, char *out, size_t cap)
{
    size_t at = 0;

    out[0] = 0;
    for (size_t i = 0; i < t->count; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%s%s%s", i ? " " : "", WHAT[t->list[i].what],
                               t->list[i].scan ? "+scan" : "", t->list[i].index ? "+index" : "");
}

static void diff_documents(const char *a, const char *b, const char *expected)
{
    crm__model *before = help_parse(a), *after = help_model(b);
    char got[400];
    told t;

    memset(&t, 0, sizeof t);
    ck_assert_int_eq(crm__model_diff(before, after, take, &t), 0);
    describe(&t, got, sizeof got);
    ck_assert_msg(!strcmp(got, expected), "%s\n-> %s\ngot %s, expected %s", a, b, got, expected);
    crm__model_unref(before);
    crm__model_unref(after);
}

/* A field x described otherwise. */
static void diff_field(const char *a, const char *b, const char *expected)
{
    char one[1000], two[1000];

    snprintf(one, sizeof one, "crm: 1\nfields:\n  x: %s\n", a);
    snprintf(two, sizeof two, "crm: 1\nfields:\n  x: %s\n", b);
    diff_documents(one, one, "");
    diff_documents(two, two, "");
    diff_documents(one, two, expected);
}

CRM_TEST(test_model_diff__changes_of_flags)
{
    diff_field("{type: text}", "{type: text, list: true}", "TO_LIST");
    diff_field("{type: text, list: true}", "{type: text}", "TO_SINGLE+scan");
    diff_field("{type: text, list: true, identity: true}", "{type: text, identity: true}",
               "TO_SINGLE+scan+index");
    diff_field("{type: text}", "{type: text, required: true}", "REQUIRED+scan");
    diff_field("{type: text, required: true}", "{type: text, required: false}", "OPTIONAL");
    diff_field("{type: text}", "{type: text, unique: true}", "UNIQUE+scan+index");
    diff_field("{type: text, unique: true}", "{type: text}", "NOT_UNIQUE+index");
    diff_field("{type: text, unique: true, identity: true}", "{type: text, identity: true}",
               "NOT_UNIQUE");
    diff_field("{type: text}", "{type: text, identity: true}", "INDEXED+index");
    diff_field("{type: text, unique: true}", "{type: text, unique: true, identity: true}",
               "INDEXED");
    diff_field("{type: text, identity: true}", "{type: text}", "NOT_INDEXED+index");
    diff_field("{type: text, identity: true}", "{type: text, unique: true}",
               "UNIQUE+scan+index NOT_INDEXED");
}

CRM_TEST(test_model_diff__changes_of_rules)
{
    diff_field("{type: text}", "{type: email}", "TYPE+scan+index");
    diff_field("{type: text, identity: true}", "{type: email, identity: true}", "TYPE+scan+index");
    diff_field("{type: integer}", "{type: customer}", "TYPE+scan+index");
    diff_field("{type: integer, min: 1, max: 2}", "{type: text, max: 7}", "TYPE+scan+index");
    diff_field("{type: integer}", "{type: integer, min: 1}", "NARROWED+scan");
    diff_field("{type: integer, min: 1}", "{type: integer, min: 2}", "NARROWED+scan");
    diff_field("{type: integer, min: 2}", "{type: integer, min: 1}", "WIDENED");
    diff_field("{type: integer, max: 2}", "{type: integer, max: 1}", "NARROWED+scan");
    diff_field("{type: integer, max: 2}", "{type: integer}", "WIDENED");
    diff_field("{type: decimal, min: 1.5}", "{type: decimal, min: 1.50}", "");
    diff_field("{type: integer, min: 1, max: 9}", "{type: integer, min: 0, max: 8}",
               "WIDENED NARROWED+scan");
    diff_field("{type: date, max: 2020}", "{type: date, max: 2020-12-31}", "");
    diff_field("{type: date, max: 2020}", "{type: date, max: 2020-12-30}", "NARROWED+scan");
    diff_field("{type: date, min: 2020}", "{type: date, min: 2019-12}", "WIDENED");
    diff_field("{type: datetime, min: 2020-01-01}", "{type: datetime, min: 2020-01-02}",
               "NARROWED+scan");
    diff_field("{type: text}", "{type: text, pattern: a}", "NARROWED+scan");
    diff_field("{type: text, pattern: a}", "{type: text, pattern: b}", "NARROWED+scan");
    diff_field("{type: text, pattern: a}", "{type: text}", "WIDENED");
    diff_field("{type: text}", "{type: text, kinds: person}", "NARROWED+scan");
    diff_field("{type: text, kinds: person}", "{type: text}", "WIDENED");
    diff_field("{type: text, kinds: person}", "{type: text, kinds: organisation}",
               "NARROWED+scan WIDENED");
}

CRM_TEST(test_model_diff__changes_of_the_index)
{
    diff_field("{type: text}", "{type: text, index: values}", "INDEX+index");
    diff_field("{type: text, index: values}", "{type: text, index: false}", "INDEX+index");
    diff_field("{type: text}", "{type: text, index: false}", "");
    diff_field("{type: integer}", "{type: integer, index: false}", "INDEX+index");
    diff_field("{type: integer}", "{type: integer, list: true}", "TO_LIST INDEX+index");
    diff_field("{type: integer, list: true}", "{type: integer, list: true, index: false}", "");
    diff_field("{type: boolean, list: true}", "{type: boolean}", "TO_SINGLE+scan");
    diff_field("{type: money, list: true}", "{type: money}", "TO_SINGLE+scan INDEX+index");
    diff_field("{type: money}", "{type: boolean}", "TYPE+scan+index");
    diff_field("{type: enum, values: [a]}", "{type: enum, values: [a], index: false}",
               "INDEX+index");
}

CRM_TEST(test_model_diff__changes_of_values_and_words)
{
    diff_field("{type: enum, values: [a, b]}", "{type: enum, values: [b, c]}",
               "VALUE_REMOVED+scan VALUE_ADDED");
    diff_field("{type: enum, values: [a, b]}", "{type: enum, values: [b, a]}", "");
    diff_field("{type: enum, values: {a: b}}", "{type: enum, values: {b: a}}",
               "VALUE_REMOVED+scan VALUE_ADDED");
    diff_field("{type: enum, values: {a: X}}", "{type: enum, values: {a: Y}}", "TEXT");
    diff_field("{type: enum, values: [a, b]}", "{type: enum, values: [a, b], default: b}", "TEXT");
    diff_field("{type: enum, values: [b, a], default: b}",
               "{type: enum, values: [a, b], default: b}", "");
    diff_field("{type: enum, values: [a, b], default: a}",
               "{type: enum, values: [a, b], default: b}", "TEXT");
    diff_field("{type: integer, default: 1}", "{type: integer, default: 2}", "TEXT");
    diff_field("{type: text, label: A}", "{type: text, label: {en: A}}", "TEXT");
    diff_field("{type: text}", "{type: text, class: social, sensitivity: public, label: L}",
               "TEXT");
    diff_field("{type: phone}", "{type: phone, region: CN}", "TEXT");
    diff_field("{type: money}", "{type: money, currency: CNY}", "TEXT");
    diff_documents(
        "crm: 1\nidentities: {y: {type: text}}\nfields: {x: {type: text}}\n",
        "crm: 1\nidentities: {y: {type: text, per: source}}\nfields: {x: {type: text}}\n",
        "SCOPE+scan+index");
    diff_documents(
        "crm: 1\nidentities: {y: {type: text}}\nfields: {x: {type: text}}\n",
        "crm: 1\nfields: {x: {type: text}, y: {type: text, list: true, identity: true}}\n", "TEXT");
}

CRM_TEST(test_model_diff__fields_come_and_go)
{
    diff_documents("crm: 1\nfields: {x: {type: text}}\n",
                   "crm: 1\nfields: {x: {type: text}, y: {type: text}}\n", "ADDED+index");
    diff_documents("crm: 1\nfields: {x: {type: text}}\n",
                   "crm: 1\nfields: {x: {type: text}, y: {type: text, unique: true}}\n",
                   "ADDED+scan+index");
    diff_documents("crm: 1\nfields: {x: {type: text}}\n",
                   "crm: 1\nfields: {x: {type: text}, y: {type: text, required: true}}\n",
                   "ADDED+index REQUIRED+scan");
    diff_documents("crm: 1\nfields: {x: {type: text}, y: {type: customer}}\n",
                   "crm: 1\nfields: {x: {type: text}}\n", "REMOVED+scan+index");
    /* A label that becomes a key is another field. */
    diff_documents("crm: 1\nfields: {x: {type: text, label: y}}\n",
                   "crm: 1\nfields: {y: {type: text, label: x}}\n",
                   "REMOVED+scan+index ADDED+index");
}

/* The event kind k described otherwise. */
static void diff_kind(const char *a, const char *b, const char *expected)
{
    char one[1000], two[1000];

    snprintf(one, sizeof one, "crm: 1\nfields: {x: {type: text}}\nevents:\n  k: %s\n", a);
    snprintf(two, sizeof two, "crm: 1\nfields: {x: {type: text}}\nevents:\n  k: %s\n", b);
    diff_documents(one, one, "");
    diff_documents(two, two, "");
    diff_documents(one, two, expected);
}

/* An attribute x of it. */
static void diff_attribute(const char *a, const char *b, const char *expected)
{
    char one[600], two[600];

    snprintf(one, sizeof one, "{attributes: {x: %s}}", a);
    snprintf(two, sizeof two, "{attributes: {x: %s}}", b);
    diff_kind(one, two, expected);
}

CRM_TEST(test_model_diff__event_kinds_and_attributes_come_and_go)
{
    static const char bare[] = "crm: 1\nfields: {x: {type: text}}\n";

    diff_documents(bare, "crm: 1\nfields: {x: {type: text}}\nevents: {k: {}}\n",
                   "KIND_ADDED+index");
    diff_documents(
        "crm: 1\nfields: {x: {type: text}}\nevents: {k: {attributes: {a: {type: text}}}}\n", bare,
        "KIND_REMOVED+scan+index");
    diff_documents("crm: 1\nfields: {x: {type: text}}\nevents: {k: {label: l}}\n",
                   "crm: 1\nfields: {x: {type: text}}\nevents: {l: {label: k}}\n",
                   "KIND_REMOVED+scan+index KIND_ADDED+index");
    diff_kind("{label: A}", "{label: {en: A}}", "TEXT");
    diff_kind("{}", "", "");
    diff_kind("{}", "{attributes: {}}", "");
    diff_kind("{}", "{attributes: {a: {type: text}}}", "ADDED");
    diff_kind("{}", "{attributes: {a: {type: text, fast: true}}}", "ADDED+index");
    diff_kind("{}", "{attributes: {a: {type: text, required: true}}}", "ADDED REQUIRED+scan");
    diff_kind("{attributes: {a: {type: text}}}", "{}", "REMOVED+scan");
    diff_kind("{attributes: {a: {type: text, fast: true}}}", "{}", "REMOVED+scan+index");
    diff_kind("{attributes: {a: {type: text}, b: {type: date}}}",
              "{attributes: {b: {type: date}, a: {type: text}}}", "");
    /* Of another kind it is another attribute. */
    diff_documents("crm: 1\nfields: {x: {type: text}}\n"
                   "events: {k: {attributes: {a: {type: date}}}, l: {}}\n",
                   "crm: 1\nfields: {x: {type: text}}\n"
                   "events: {k: {}, l: {attributes: {a: {type: date}}}}\n",
                   "REMOVED+scan ADDED");
}

CRM_TEST(test_model_diff__changes_of_attributes)
{
    diff_attribute("{type: integer}", "{type: integer, fast: true}", "FAST+index");
    diff_attribute("{type: integer, fast: true}", "{type: integer}", "NOT_FAST+index");
    diff_attribute("{type: text}", "{type: text, fast: true}", "FAST+index");
    diff_attribute("{type: text, max: 50}", "{type: text, max: 50, fast: true}", "FAST+index");
    diff_attribute("{type: integer}", "{type: decimal}", "TYPE+scan");
    diff_attribute("{type: integer, fast: true}", "{type: decimal, fast: true}", "TYPE+scan+index");
    diff_attribute("{type: integer}", "{type: decimal, fast: true}", "TYPE+scan+index FAST+index");
    diff_attribute("{type: text}", "{type: text, required: true}", "REQUIRED+scan");
    diff_attribute("{type: text, required: true}", "{type: text}", "OPTIONAL");
    diff_attribute("{type: integer, min: 1, max: 9}", "{type: integer, min: 0, max: 8}",
                   "WIDENED NARROWED+scan");
    diff_attribute("{type: text}", "{type: text, pattern: a}", "NARROWED+scan");
    diff_attribute("{type: enum, values: [a, b]}", "{type: enum, values: [b, c]}",
                   "VALUE_REMOVED+scan VALUE_ADDED");
    diff_attribute("{type: enum, values: [a, b], default: a}",
                   "{type: enum, values: [b, a], default: b}", "TEXT");
    diff_attribute("{type: enum, values: [a, b], default: a}",
                   "{type: enum, values: [b, a], default: a}", "");
    diff_attribute("{type: money}", "{type: money, currency: CNY, class: transaction, label: L}",
                   "TEXT");
}

CRM_TEST(test_model_diff__a_change_of_events_tells_the_kind)
{
    crm__model *a =
        help_parse("crm: 1\nfields: {amount: {type: money}}\nevents:\n  gone: {}\n"
                   "  order: {attributes: {amount: {type: money}, old: {type: text}}}\n");
    crm__model *b = help_model(
        "crm: 1\nfields: {amount: {type: money, min: 0}}\nevents:\n"
        "  order: {label: Order, attributes: {amount: {type: money, fast: true}}}\n  new: {}\n");
    const crm__event_kind *before = crm__model_event_find(a, "order", 5);
    const crm__event_kind *after = crm__model_event_find(b, "order", 5);
    static const char *const messages[] = {
        "amount: gets a min",
        "gone: the event kind is removed",
        "order: other labels",
        "order.old: is removed",
        "order.amount: becomes fast; the day lists of order are rebuilt",
        "new: the event kind is added",
    };
    told t;

    memset(&t, 0, sizeof t);
    ck_assert_int_eq(crm__model_diff(a, b, take, &t), 0);
    ck_assert_uint_eq(t.count, 6);
    for (size_t i = 0; i < 6; i++)
        ck_assert_str_eq(t.list[i].message, messages[i]);
    ck_assert(!t.list[0].event_before && !t.list[0].event_after);
    ck_assert_ptr_eq(t.list[0].after, help_find(b, "amount"));
    ck_assert_str_eq(t.list[1].event_before->key, "gone");
    ck_assert(!t.list[1].event_after && !t.list[1].before && !t.list[1].after);
    ck_assert(t.list[2].event_before == before && t.list[2].event_after == after);
    ck_assert(!t.list[2].before && !t.list[2].after);
    ck_assert_ptr_eq(t.list[3].before, crm__event_attribute_find(before, "old", 3));
    ck_assert(t.list[3].event_before == before && t.list[3].event_after == after);
    ck_assert_ptr_eq(t.list[4].before, crm__event_attribute_find(before, "amount", 6));
    ck_assert_ptr_eq(t.list[4].after, crm__event_attribute_find(after, "amount", 6));
    ck_assert_ptr_null(t.list[5].event_before);
    ck_assert_str_eq(t.list[5].event_after->key, "new");
    for (int stop = 1; stop <= 6; stop++) {
        memset(&t, 0, sizeof t);
        t.stop_at = stop;
        ck_assert_int_eq(crm__model_diff(a, b, take, &t), 77);
        ck_assert_uint_eq(t.count, (size_t)stop);
    }
    crm__model_unref(a);
    crm__model_unref(b);
}

CRM_TEST(test_model_diff__settings_of_the_model)
{
    diff_documents("crm: 1\nfields: {x: {type: text}}\n",
                   "crm: 1\nname: n\nregion: CN\ncurrency: CNY\nkinds: {person: {label: P}}\n"
                   "fields: {x: {type: text}}\n",
                   "TEXT TEXT TEXT TEXT");
    diff_documents("crm: 1\nregion: CN\nfields: {x: {type: phone}}\n",
                   "crm: 1\nregion: US\nfields: {x: {type: phone}}\n", "TEXT TEXT");
    diff_documents("crm: 1 # a comment is no difference\nfields: {x: {type: text}}\n",
                   "# other\ncrm: 1\nfields:\n  x:\n    type: text\n", "");
}

CRM_TEST(test_model_diff__order_message_and_stop)
{
    crm__model *a = help_parse("crm: 1\nfields:\n  gone: {type: text}\n  x: {type: text}\n");
    crm__model *b = help_model("crm: 1\nname: n\nfields:\n  new: {type: text}\n"
                               "  x: {type: enum, values: [q], required: true}\n");
    told t;

    memset(&t, 0, sizeof t);
    ck_assert_int_eq(crm__model_diff(a, b, take, &t), 0);
    ck_assert_uint_eq(t.count, 5);
    ck_assert_ptr_null(t.list[0].before);
    ck_assert_ptr_null(t.list[0].after);
    ck_assert_str_eq(t.list[1].message, "gone: is removed");
    ck_assert_ptr_eq(t.list[1].before, help_find(a, "gone"));
    ck_assert_ptr_null(t.list[1].after);
    ck_assert_str_eq(t.list[2].message, "new: is added");
    ck_assert_ptr_null(t.list[2].before);
    ck_assert_str_eq(t.list[3].message, "x: type text becomes enum");
    ck_assert_ptr_eq(t.list[3].before, help_find(a, "x"));
    ck_assert_ptr_eq(t.list[3].after, help_find(b, "x"));
    ck_assert_str_eq(t.list[4].message, "x: becomes required");
    for (int stop = 1; stop <= 5; stop++) {
        memset(&t, 0, sizeof t);
        t.stop_at = stop;
        ck_assert_int_eq(crm__model_diff(a, b, take, &t), 77);
        ck_assert_uint_eq(t.count, (size_t)stop);
    }
    crm__model_unref(a);
    crm__model_unref(b);
}

CRM_TEST(test_model_diff__the_value_is_named)
{
    crm__model *a = help_model("crm: 1\nfields: {x: {type: enum, values: [p, q]}}\n");
    crm__model *b = help_model("crm: 1\nfields: {x: {type: enum, values: [q, r]}}\n");
    told t;

    memset(&t, 0, sizeof t);
    crm__model_diff(a, b, take, &t);
    ck_assert_uint_eq(t.count, 2);
    ck_assert_str_eq(t.list[0].value->key, "p");
    ck_assert_uint_eq(t.list[0].value->number, 102);
    ck_assert_str_eq(t.list[1].value->key, "r");
    crm__model_unref(a);
    crm__model_unref(b);
}

/* A dimension x described otherwise. */
static void diff_dimension(const char *a, const char *b, const char *expected)
{
    char one[1000], two[1000];

    snprintf(one, sizeof one, "crm: 1\nfields: {f: {type: text}}\ntags: {%s}\n", a);
    snprintf(two, sizeof two, "crm: 1\nfields: {f: {type: text}}\ntags: {%s}\n", b);
    diff_documents(one, one, "");
    diff_documents(two, two, "");
    diff_documents(one, two, expected);
}

CRM_TEST(test_model_diff__dimensions_of_tags)
{
    diff_dimension("x: {}", "x: {}, y: {closed: true, values: [a]}", "DIM_ADDED");
    diff_dimension("x: {}, y: {}", "x: {}", "DIM_REMOVED+scan");
    diff_dimension("x: {}", "x: {one: true}", "ONE+scan");
    diff_dimension("x: {one: true}", "x: {}", "DIM_WIDENED");
    diff_dimension("x: {hierarchical: true}", "x: {}", "FLAT+scan");
    diff_dimension("x: {}", "x: {hierarchical: true}", "DIM_WIDENED");
    diff_dimension("x: {values: [a]}", "x: {closed: true, values: [a]}", "CLOSED+scan");
    diff_dimension("x: {closed: true, values: [a]}", "x: {values: [a]}", "DIM_WIDENED");
    diff_dimension("x: {expires: true}", "x: {}", "LASTING+scan");
    diff_dimension("x: {}", "x: {expires: true}", "DIM_WIDENED");
    diff_dimension("x: {values: [a, b]}", "x: {values: [b, c]}", "TAG_REMOVED TAG_ADDED");
    diff_dimension("x: {closed: true, values: [a, b]}", "x: {closed: true, values: [b]}",
                   "TAG_REMOVED+scan");
    diff_dimension("x: {closed: true, hierarchical: true, values: [a, a/b]}",
                   "x: {closed: true, hierarchical: true, values: [a/b]}", "TAG_REMOVED");
    diff_dimension("x: {values: {a: A}}", "x: {label: X, values: {a: B}}", "TEXT TEXT");
}
