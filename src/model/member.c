/* SPDX-License-Identifier: MIT
 * Names of the members that a document has beside the fields of the model.
 */
#include "model/member.h"

#include "base/utf8.h"
#include "model/names.h"

#include <string.h>

static const crm__own_word CUSTOMER[] = {
    {"id", NULL, CRM__OWN_ID},
    {"kind", "类型", CRM__OWN_KIND},
    {"revision", "修订号", CRM__OWN_REVISION},
    {"created_at", NULL, CRM__OWN_CREATED_AT},
    {"updated_at", NULL, CRM__OWN_UPDATED_AT},
    {"deleted", NULL, CRM__OWN_DELETED},
    {"identities", "标识", CRM__OWN_IDENTITIES},
    {"tags", "标签", CRM__OWN_TAGS},
    {"events", "事件", CRM__OWN_EVENTS},
    {"consents", NULL, CRM__OWN_CONSENTS},
    {"origins", NULL, CRM__OWN_ORIGINS},
    {"source", "来源", CRM__OWN_SOURCE},
};
const crm__own_words crm__customer_words = {CUSTOMER, sizeof CUSTOMER / sizeof CUSTOMER[0],
                                            "is a word of every customer's document"};

static const crm__own_word EVENT[] = {
    {"id", NULL, CRM__OWN_ID},
    {"customer", NULL, CRM__OWN_CUSTOMER},
    {"number", NULL, CRM__OWN_NUMBER},
    {"kind", "类型", CRM__OWN_KIND},
    {"time", "时间", CRM__OWN_TIME},
    {"source", "来源", CRM__OWN_SOURCE},
    {"reference", "单号", CRM__OWN_REFERENCE},
    {"voids", NULL, CRM__OWN_VOIDS},
    {"state", NULL, CRM__OWN_STATE},
    {"revision", NULL, CRM__OWN_REVISION},
};
const crm__own_words crm__event_words = {EVENT, sizeof EVENT / sizeof EVENT[0],
                                         "is a word of every event"};

static int is(const char *word, const char *s, size_t n)
{
    return strlen(word) == n && memcmp(word, s, n) == 0;
}

const crm__own_word *crm__own_by_key(const crm__own_words *words, const char *name, size_t n)
{
    for (size_t i = 0; i < words->count; i++) {
        if (is(words->list[i].key, name, n))
            return &words->list[i];
    }
    return NULL;
}

/* Folded, "Kind" is a label too. */
const crm__own_word *crm__own_by_label(const crm__own_words *words, const char *name, size_t n)
{
    char folded[CRM__FOLD_BYTES];
    size_t len;

    if (n > CRM__NAME_BYTES || crm__utf8_fold(name, n, folded, sizeof folded, &len) != CRM_OK)
        return NULL;
    for (size_t i = 0; i < words->count; i++) {
        const crm__own_word *w = &words->list[i];
        if (w->label && (is(w->label, folded, len) || is(w->key, folded, len)))
            return w;
    }
    return NULL;
}

const crm__json *crm__event_own_value(const crm__json *event, int own)
{
    const crm__json *value, *labelled = NULL;
    const crm__own_word *w;
    const void *at = NULL;
    const char *key;

    if (crm__json_kind(event) != CRM__JSON_OBJECT)
        return NULL;
    while (crm__json_next(event, &at, &key, &value)) {
        w = crm__own_by_key(&crm__event_words, key, strlen(key));
        if (w && w->own == own)
            return value;
        w = w || labelled ? NULL : crm__own_by_label(&crm__event_words, key, strlen(key));
        if (w && w->own == own)
            labelled = value;
    }
    return labelled;
}
