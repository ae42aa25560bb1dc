/* SPDX-License-Identifier: MIT
 * What people read instead of keys: labels of fields, values, tags and kinds in a language, and
 * heads of numbers.
 */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

/* Labels of what every record has; fields bring their own. */
static const struct {
    const char *key, *en, *zh;
} built_in[] = {{"id", "ID", "ID"},
                {"kind", "Kind", "类型"},
                {"deleted", "Deleted", "已删除"},
                {"tags", "Tags", "标签"},
                {"revision", "Revision", "修订号"},
                {"created_at", "Created", "创建时间"},
                {"updated_at", "Updated", "更新时间"}};

int is_chinese(const char *lang)
{
    return (lang[0] == 'z' || lang[0] == 'Z') && (lang[1] == 'h' || lang[1] == 'H') &&
           (!lang[2] || lang[2] == '-' || lang[2] == '_');
}

const char *built_in_label(const char *key, const char *lang)
{
    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
        if (strcmp(built_in[i].key, key) == 0)
            return is_chinese(lang) ? built_in[i].zh : built_in[i].en;
    return key;
}

/* What has labels: a field, a value of it, a kind of customers (a value alone), or one of events, a
 * dimension of tags, a value of it. */
typedef struct labelled {
    const crm_field *field;
    const crm_event_kind *kind;
    const char *value;
    const crm_dimension *dimension;
} labelled;

static void label_in(crm_txn *txn, const labelled *what, const char *lang, const char **label)
{
    if (what->dimension && what->value)
        crm_dimension_value_label(txn, what->dimension, what->value, lang, label, NULL);
    else if (what->dimension)
        crm_dimension_label(txn, what->dimension, lang, label, NULL);
    else if (what->field && what->value)
        crm_value_label(txn, what->field, what->value, lang, label, NULL);
    else if (what->field)
        crm_field_label(txn, what->field, lang, label, NULL);
    else if (what->value)
        crm_kind_label(txn, what->value, lang, label, NULL);
    else
        crm_event_kind_label(txn, what->kind, lang, label, NULL);
}

/* The label in a language; where the model has none in "zh-CN", that in "zh"; else the key. */
static const char *any_label(crm_txn *txn, const labelled *what, const char *key, const char *lang)
{
    const char *label = key, *first = key;
    char shorter[64];
    size_t n = strcspn(lang, "-_.");

    label_in(txn, what, lang, &label);
    if (!lang[n] || n >= sizeof(shorter))
        return label;
    label_in(txn, what, NULL, &first);
    if (strcmp(label, first) != 0)
        return label;
    memcpy(shorter, lang, n);
    shorter[n] = '\0';
    label_in(txn, what, shorter, &label);
    return label;
}

const char *field_label(crm_txn *txn, const crm_field *field, const char *lang)
{
    labelled what = {field, NULL, NULL, NULL};

    return any_label(txn, &what, field->key, lang);
}

const char *kind_label(crm_txn *txn, const crm_event_kind *kind, const char *lang)
{
    labelled what = {NULL, kind, NULL, NULL};

    return any_label(txn, &what, kind->key, lang);
}

const char *customer_kind_label(crm_txn *txn, const char *kind, const char *lang)
{
    labelled what = {NULL, NULL, kind, NULL};

    return any_label(txn, &what, kind, lang);
}

const char *dimension_label(crm_txn *txn, const crm_dimension *dimension, const char *lang)
{
    labelled what = {NULL, NULL, NULL, dimension};

    return any_label(txn, &what, dimension->key, lang);
}

const char *tag_label(crm_txn *txn, const crm_dimension *dimension, const char *value,
                      const char *lang)
{
    labelled what = {NULL, NULL, value, dimension};

    return any_label(txn, &what, value, lang);
}

void put_label(crm_txn *txn, const crm_field *field, const char *text, size_t n, const char *lang,
               buf *out)
{
    labelled what = {field, NULL, NULL, NULL};
    buf key = {0};

    buf_add(&key, text, n);
    what.value = key.p;
    if (lang && n && field->type == CRM_TYPE_ENUM)
        buf_str(out, any_label(txn, &what, key.p, lang));
    else
        buf_add(out, text, n);
    buf_free(&key);
}

static int same_name(const char *label, slice name)
{
    if (strlen(label) != name.n)
        return 0;
    for (size_t i = 0; i < name.n; i++) {
        char a = label[i], b = name.p[i];
        a = a >= 'A' && a <= 'Z' ? (char)(a - 'A' + 'a') : a;
        b = b >= 'A' && b <= 'Z' ? (char)(b - 'A' + 'a') : b;
        if (a != b)
            return 0;
    }
    return 1;
}

const char *built_in_key(slice name)
{
    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
        if (same_name(built_in[i].key, name) || same_name(built_in[i].en, name) ||
            same_name(built_in[i].zh, name))
            return built_in[i].key;
    return NULL;
}

void put_tag_label(crm_txn *txn, const char *tag, const char *lang, buf *out)
{
    size_t n = strcspn(tag, ":");
    crm_dimension d;

    if (!tag[n] || crm_dimension_find(txn, tag, n, &d, NULL)) {
        buf_str(out, tag); /* of a dimension that the model has lost */
        return;
    }
    buf_fmt(out, "%s: ", dimension_label(txn, &d, lang));
    buf_str(out, tag_label(txn, &d, tag + n + 1, lang));
}

/* ---- heads of numbers ---- */

static const char *chinese(slice word)
{
    static const char *const words[][2] = {
        {"count", "数量"},   {"sum", "合计"},      {"min", "最小"},        {"max", "最大"},
        {"avg", "平均"},     {"median", "中位数"}, {"distinct", "不同值"}, {"minute", "分钟"},
        {"hour", "小时"},    {"day", "日"},        {"week", "周"},         {"month", "月"},
        {"quarter", "季度"}, {"year", "年"},       {"moving", "移动平均"}, {"percentile", "百分位"},
        {"tags", "标签"},    {"source", "来源"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_is(word, words[i][0]))
            return words[i][1];
    return NULL;
}

/* Appends the label of a field, a dimension, an event kind, or an attribute as kind.attribute; 0:
 * it is none. */
static int put_name(crm_txn *txn, slice name, const char *lang, buf *out)
{
    const char *point = memchr(name.p, '.', name.n);
    size_t n = point ? (size_t)(point - name.p) : name.n;
    char key[32] = "";
    crm_event_kind kind;
    crm_dimension d;
    crm_field f;

    if (!point && !crm_dimension_find(txn, name.p, n, &d, NULL)) {
        buf_str(out, dimension_label(txn, &d, lang));
    } else if (!point && !crm_field_find(txn, name.p, n, &f, NULL)) {
        buf_str(out, field_label(txn, &f, lang));
    } else if (!crm_event_kind_find(txn, name.p, n, &kind, NULL)) {
        if (point && crm_attribute_find(txn, &kind, point + 1, name.n - n - 1, &f, NULL))
            return 0;
        buf_str(out, kind_label(txn, &kind, lang));
        if (point)
            buf_fmt(out, ".%s", field_label(txn, &f, lang));
    } else if (!point && n < sizeof(key)) {
        memcpy(key, name.p, n);
        if (!built_in_key(name))
            return 0;
        buf_str(out, built_in_label(key, lang));
    } else {
        return 0;
    }
    return 1;
}

static int in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

static int ends_with(const buf *b, char c)
{
    return b->n && b->p[b->n - 1] == c;
}

/* The word in front of a parenthesis says what is told, and the one behind it of what; conditions
 * and windows stay as they are.  So does an English one: it is in the words of the language of
 * segments. */
void put_head_label(crm_txn *txn, const char *head, int grouping, const char *lang, buf *out)
{
    int english = strncmp(lang, "en", 2) == 0, named = 0, first = 1;

    while (*head && !named) {
        slice word = {head, 0};
        const char *zh;
        while (in_name(*head))
            head++;
        word.n = (size_t)(head - word.p);
        named = english ? grouping && !*head
                        : ends_with(out, '(') || (grouping && first && *head != '(');
        zh = is_chinese(lang) ? chinese(word) : NULL;
        if (!named || !word.n || !put_name(txn, word, lang, out))
            buf_add(out, zh ? zh : word.p, zh ? strlen(zh) : word.n);
        if (*head)
            buf_char(out, *head++);
        first = 0;
    }
    buf_str(out, head);
}
