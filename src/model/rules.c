/* SPDX-License-Identifier: MIT
 * Rules of one field: bounds, pattern, region, currency, default.  Which type may have which, and
 * whether they fit each other.
 */
#include "base/time.h"
#include "base/utf8.h"
#include "model/load.h"
#include "model/place.h"

#include <string.h>

enum { TEXT_MOST = 65536 };

#define TYPE_BIT(type) (1u << (type))
static const uint32_t BOUNDED = TYPE_BIT(CRM_TYPE_TEXT) | TYPE_BIT(CRM_TYPE_INTEGER) |
                                TYPE_BIT(CRM_TYPE_DECIMAL) | TYPE_BIT(CRM_TYPE_MONEY) |
                                TYPE_BIT(CRM_TYPE_DATE) | TYPE_BIT(CRM_TYPE_DATETIME);
static const uint32_t PATTERNED = TYPE_BIT(CRM_TYPE_TEXT) | TYPE_BIT(CRM_TYPE_EMAIL) |
                                  TYPE_BIT(CRM_TYPE_PHONE) | TYPE_BIT(CRM_TYPE_URL) |
                                  TYPE_BIT(CRM_TYPE_ACTOR);

typedef struct rules {
    crm__draft *d;
    crm__field *f;
    const char *of; /* field "phone", for messages */
    crm__enum_default *positions;
} rules;

/* 1 when the field's type may have the key; else a fault at the node. */
static int allowed(rules *r, const crm__node *node, const char *key, uint32_t types)
{
    if (!node)
        return 0;
    if (types >> r->f->type & 1)
        return 1;
    crm__fault(&r->d->load, node->key, "%s: %s is not for type %s", r->of, key,
               crm__type_name(r->f->type));
    return 0;
}

/* ---- bounds ---- */

/* Keeps a date's or datetime's bound as its payload; *order is the number to compare by. */
static int read_time_bound(crm__draft *d, const crm__field *f, const char *s, size_t n,
                           crm__slice *payload, int64_t *order, const char **why)
{
    crm__value v;
    crm__buf b;
    int32_t packed = 0;
    int rc;

    memset(&v, 0, sizeof v);
    v.type = f->type;
    if (f->type == CRM_TYPE_DATE) {
        rc = crm__date_parse(s, n, &packed, why, NULL);
        v.integer = packed;
    } else {
        rc = crm__datetime_parse(s, n, NULL, &v.integer, why, NULL);
    }
    if (rc)
        return rc;
    *order = v.integer;
    crm__buf_init(&b, d->load.mem);
    crm__value_encode(&b, &v, 0);
    payload->n = b.n;
    payload->p = b.failed ? NULL : crm__arena_copy(&d->m->arena, b.p, b.n);
    crm__buf_clear(&b);
    if (!payload->p)
        d->load.nomem = 1;
    return CRM_OK;
}

static int read_number_bound(const crm__field *f, const char *s, size_t n, crm__decimal *bound,
                             const char **why)
{
    crm__decimal one = {1, 0};
    int rc;

    if (f->type == CRM_TYPE_DECIMAL || f->type == CRM_TYPE_MONEY)
        return crm__decimal_parse(s, n, bound, why, NULL);
    bound->scale = 0;
    rc = crm__int_parse(s, n, &bound->mantissa, why, NULL);
    if (rc)
        return rc;
    *why = "expected at most 18 digits";
    if (!crm__decimal_valid(*bound))
        return CRM_EVALUE;
    *why = "a length is 0 to 65536 characters";
    if (f->type == CRM_TYPE_TEXT && (bound->mantissa < 0 || bound->mantissa > TEXT_MOST))
        return CRM_EVALUE;
    *why = "text is never empty, so max is at least 1";
    return f->type == CRM_TYPE_TEXT && bound == &f->max && crm__decimal_compare(*bound, one) < 0
               ? CRM_EVALUE
               : CRM_OK;
}

int64_t crm__date_end(int64_t packed)
{
    int32_t year = crm__date_year((int32_t)packed);
    unsigned month = crm__date_month((int32_t)packed), day = crm__date_day((int32_t)packed);

    if (!month)
        month = 12;
    return crm__date_pack(year, month, day ? day : crm__days_in_month(year, month));
}

static int is_time(const crm__field *f)
{
    return f->type == CRM_TYPE_DATE || f->type == CRM_TYPE_DATETIME;
}

/* 1 when the bound stands. */
static int read_bound(rules *r, const crm__node *node, int upper, int64_t *order)
{
    crm__field *f = r->f;
    const char *key = upper ? "max" : "min", *why = "", *s;
    int rc;

    if (!allowed(r, node, key, BOUNDED))
        return 0;
    s = crm__node_text(r->d, node, key, r->of);
    if (!s)
        return 0;
    if (is_time(f))
        rc = read_time_bound(r->d, f, s, node->n, upper ? &f->max_value : &f->min_value, order,
                             &why);
    else
        rc = read_number_bound(f, s, node->n, upper ? &f->max : &f->min, &why);
    if (rc) {
        crm__fault(&r->d->load, node, "%s: %s is not %s: %s", r->of, key,
                   f->type == CRM_TYPE_DATE       ? "a date"
                   : f->type == CRM_TYPE_DATETIME ? "a date and time"
                   : f->type == CRM_TYPE_TEXT     ? "a length"
                                                  : "a number",
                   why);
        return 0;
    }
    if (upper)
        f->has_max = 1;
    else
        f->has_min = 1;
    return 1;
}

static void read_bounds(rules *r, const crm__rule_nodes *nodes)
{
    crm__field *f = r->f;
    int64_t low = 0, high = 0;
    int has_min = read_bound(r, nodes->min, 0, &low);
    int has_max = read_bound(r, nodes->max, 1, &high);
    int crossed;

    if (!has_min || !has_max)
        return;
    if (f->type == CRM_TYPE_DATE)
        high = crm__date_end(high);
    crossed = is_time(f) ? low > high : crm__decimal_compare(f->min, f->max) > 0;
    if (crossed)
        crm__fault(&r->d->load, nodes->max, "%s: max is below min", r->of);
}

/* ---- pattern, region, currency ---- */

static void read_pattern(rules *r, const crm__node *node)
{
    crm__field *f = r->f;
    const char *s, *why = "";
    size_t at = 0;
    int rc;

    if (!allowed(r, node, "pattern", PATTERNED))
        return;
    s = crm__node_text(r->d, node, "pattern", r->of);
    if (!s)
        return;
    rc = crm__pattern_compile(r->d->m->mem, s, node->n, &f->pattern, &why, &at);
    if (rc == CRM_ENOMEM)
        r->d->load.nomem = 1;
    else if (rc)
        crm__fault(&r->d->load, node, "%s: faulty pattern at its character %zu: %s", r->of,
                   crm__utf8_count(s, at <= node->n ? at : 0) + 1, why);
    else
        f->pattern_text = crm__keep(r->d, s, node->n);
}

static void read_region(rules *r, const crm__node *node)
{
    crm__field *f = r->f;
    const char *s;

    if (f->type == CRM_TYPE_PHONE)
        memcpy(f->region, r->d->m->region, sizeof f->region);
    if (!allowed(r, node, "region", TYPE_BIT(CRM_TYPE_PHONE)))
        return;
    s = crm__node_text(r->d, node, "region", r->of);
    if (s && (node->n != 2 || !crm__country_known(s)))
        crm__fault(&r->d->load, node,
                   "%s: region \"%s\" is not a country code of ISO 3166-1, expected "
                   "such as CN",
                   r->of, crm__node_word(node).s);
    else if (s)
        memcpy(f->region, s, sizeof f->region);
}

static void read_currency(rules *r, const crm__node *node)
{
    crm__field *f = r->f;
    const char *s;

    if (f->type == CRM_TYPE_MONEY)
        memcpy(f->currency, r->d->m->currency, sizeof f->currency);
    if (!allowed(r, node, "currency", TYPE_BIT(CRM_TYPE_MONEY)))
        return;
    s = crm__node_text(r->d, node, "currency", r->of);
    if (s && (node->n != 3 || !crm__currency_known(s)))
        crm__fault(&r->d->load, node,
                   "%s: currency \"%s\" is not a code of ISO 4217, expected such as CNY", r->of,
                   crm__node_word(node).s);
    else if (s)
        memcpy(f->currency, s, sizeof f->currency);
}

/* ---- default ---- */

static void add_enum_default(rules *r, const crm__node *node)
{
    const crm__field *f = r->f;
    uint32_t i =
        f->value_names ? crm__names_find(f->value_names, node->text, node->n) : CRM__NO_OWNER;

    if (i < f->value_count)
        r->positions->positions[r->positions->count++] = i;
    else if (f->value_names)
        crm__fault(&r->d->load, node, "%s: the default is not one of the values", r->of);
}

static void add_default(rules *r, const crm__node *node, crm__buf *payload)
{
    const crm__field *f = r->f;
    crm_error err = CRM_ERROR_INIT;
    crm__buf item;
    int rc;

    if (!crm__node_text(r->d, node, "default", r->of))
        return;
    if (f->type == CRM_TYPE_ENUM) {
        add_enum_default(r, node);
        return;
    }
    crm__buf_init(&item, r->d->load.mem);
    rc = crm__value_parse(f, NULL, node->text, node->n, 0, &item, &err);
    if (rc == CRM_ENOMEM)
        r->d->load.nomem = 1;
    else if (rc)
        /* The message begins with the key and ": ", as r->of does. */
        crm__fault(&r->d->load, node, "%s: default %s", r->of, err.message + strlen(f->key) + 2);
    else if (f->flags & CRM_FIELD_LIST)
        crm__list_add(payload, (crm__slice){item.p, item.n});
    else
        crm__buf_add(payload, item.p, item.n);
    crm__buf_clear(&item);
}

static int default_possible(rules *r, const crm__node *node)
{
    const crm__field *f = r->f;
    const char *not_with = NULL;

    if (!node)
        return 0;
    if (f->flags & CRM_FIELD_UNIQUE)
        not_with = "unique";
    else if (f->flags & CRM_FIELD_IDENTITY)
        not_with = "identity";
    else if (f->type == CRM_TYPE_CUSTOMER)
        not_with = "type customer";
    if (not_with) {
        crm__fault(&r->d->load, node->key,
                   "%s: default does not go with %s, as it gives all the same value", r->of,
                   not_with);
        return 0;
    }
    if ((f->flags & CRM_FIELD_LIST) && (node->kind != CRM__NODE_LIST || !node->n)) {
        if (node->kind != CRM__NODE_BAD)
            crm__fault(&r->d->load, node, "%s: the default of a list is a list of values", r->of);
        return 0;
    }
    return 1;
}

static void read_default(rules *r, const crm__node *node)
{
    crm__field *f = r->f;
    crm__buf payload;

    if (!default_possible(r, node))
        return;
    if (f->type == CRM_TYPE_ENUM) {
        r->positions->positions = crm__keep_array(r->d, node->n + 1, sizeof(uint32_t));
        if (!r->positions->positions)
            return;
    }
    crm__buf_init(&payload, r->d->load.mem);
    if (f->flags & CRM_FIELD_LIST) {
        for (const crm__node *item = node->first; item; item = item->next)
            add_default(r, item, &payload);
    } else {
        add_default(r, node, &payload);
    }
    if (payload.n) {
        f->default_value.p = crm__arena_copy(&r->d->m->arena, payload.p, payload.n);
        f->default_value.n = payload.n;
    }
    if (payload.failed || (payload.n && !f->default_value.p))
        r->d->load.nomem = 1;
    crm__buf_clear(&payload);
}

void crm__rules_read(crm__draft *d, const crm__rule_nodes *nodes, const char *of, crm__field *f,
                     crm__enum_default *enum_default)
{
    rules r = {d, f, of, enum_default};

    read_bounds(&r, nodes);
    read_pattern(&r, nodes->pattern);
    read_region(&r, nodes->region);
    read_currency(&r, nodes->currency);
    if (!d->load.nomem)
        read_default(&r, nodes->preset);
}
