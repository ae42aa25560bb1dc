/* SPDX-License-Identifier: MIT
 * Customers as cards: vCard 4.0.  Which field is which property is told by its type, or by the keys
 * that the built-in model and most others use, which are those that the import knows.  Identities
 * and unique fields that have no property stand in X-CRM-FIELD, with the name a column of CSV would
 * have.
 */
#include "io/export.h"
#include "io/mapping.h"
#include "io/vcard_write.h"

#include "base/time.h"
#include "db/model.h"

#include <string.h>

/* Properties of one text, and parts of ADR and ORG ("ADR3": its third part), by keys of fields. */
static const struct property {
    const char *name, *keys;
} PROPERTIES[] = {
    {"FN", "name full_name"},
    {"ORG1", "company organisation organization"},
    {"ORG2", "department"},
    {"TITLE", "job_title title position"},
    {"BDAY", "birth_date birthday date_of_birth"},
    {"GENDER", "gender sex"},
    {"LANG", "language"},
    {"ADR3", "address street"},
    {"ADR4", "city town"},
    {"ADR5", "province state region"},
    {"ADR6", "postal_code postcode zip"},
    {"ADR7", "country"},
    {"NOTE", "notes note remarks"},
    {"X-WECHAT", "wechat"},
    {"X-QQ", "qq"},
    {"X-WECOM", "wecom"},
    {"UID", "external external_id"},
};

static const char OWN_PROPERTY[] = "X-CRM-FIELD";

/* ---- which fields ---- */

static int add(crm__export *x, const char *name, const crm_field *f)
{
    crm__export_column c = {name, *f, crm__model_number(x->model, f->number), NULL, NULL};

    crm__buf_add(&x->columns, &c, sizeof c);
    return x->columns.failed ? crm__fail_nomem(x->err) : CRM_OK;
}

/* The first field that has one of the keys. */
static int by_keys(crm__export *x, const char *keys, crm_field *f)
{
    while (*keys) {
        size_t n = strcspn(keys, " ");
        int rc = crm_field_find(x->txn, keys, n, f, NULL);
        if (rc != CRM_EFIELD)
            return rc;
        keys += n + (keys[n] == ' ');
    }
    return CRM_DONE;
}

static int has_property(const crm__export *x, const crm_field *f)
{
    const crm__export_column *c = (const crm__export_column *)(const void *)x->columns.p;

    for (size_t i = 0; i < crm__export_columns(x); i++) {
        if (c[i].field.number == f->number && strcmp(c[i].own, "UID") != 0)
            return 1;
    }
    return 0;
}

static const char *property_of(const crm__export *x, const crm_field *f)
{
    if (f->type == CRM_TYPE_PHONE || f->type == CRM_TYPE_EMAIL || f->type == CRM_TYPE_URL)
        return f->type == CRM_TYPE_PHONE ? "TEL" : f->type == CRM_TYPE_EMAIL ? "EMAIL" : "URL";
    return f->flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE) && !has_property(x, f) ? OWN_PROPERTY
                                                                                     : NULL;
}

static int choose(crm__export *x)
{
    crm_field f;
    size_t pos = 0;
    int rc = crm__txn_model(x->txn, &x->model, x->err);

    for (size_t i = 0; i < sizeof PROPERTIES / sizeof *PROPERTIES && !rc; i++) {
        rc = by_keys(x, PROPERTIES[i].keys, &f);
        if (!rc)
            rc = add(x, PROPERTIES[i].name, &f);
        else if (rc == CRM_DONE)
            rc = CRM_OK;
    }
    while (!rc && (rc = crm_field_next(x->txn, &pos, &f, x->err)) == CRM_OK) {
        const char *name = property_of(x, &f);
        if (name)
            rc = add(x, name, &f);
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

static const crm__export_column *find(const crm__export *x, const char *name)
{
    const crm__export_column *c = (const crm__export_column *)(const void *)x->columns.p;

    for (size_t i = 0; i < crm__export_columns(x); i++) {
        if (strcmp(c[i].own, name) == 0)
            return &c[i];
    }
    return NULL;
}

/* The i-th value of a field; n = 0: there is none. */
static int value(crm__export *x, crm_customer *c, const crm__export_column *of, size_t i,
                 crm__slice *out)
{
    const char *text;
    size_t n;
    int rc;

    *out = crm__slice_of("", 0);
    if (!of || i >= crm_customer_count(c, &of->field))
        return CRM_OK;
    rc = crm_customer_text(c, &of->field, i, &text, &n, x->err);
    if (!rc)
        *out = crm__slice_of(text, n);
    return rc;
}

/* ---- properties ---- */

static int is_touched(const crm__export_column *of, crm__slice text)
{
    return of && of->f && text.n && crm__map_touches_card(of->f, text);
}

/* Of a value that an import would make something else of. */
static void put_exact(crm__card_writer *w, int exact)
{
    if (exact)
        crm__card_param(w, "X-CRM", crm__slice_of("exact", 5));
}

/* A card must have a name; who has none is called by what else there is. */
static int put_name(crm__export *x, crm__card_writer *w, crm_customer *c)
{
    static const char *const OTHERS[] = {"FN", "ORG1", "EMAIL", "TEL"};
    char number[32];
    crm__slice text = {NULL, 0};
    int named = 0;
    size_t n = 0;
    uint64_t id = crm_customer_id(c);

    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS && !text.n; i++) {
        int rc = value(x, c, find(x, OTHERS[i]), 0, &text);
        if (rc)
            return rc;
        named |= !i && text.n;
    }
    if (!text.n) {
        for (n = sizeof number; id || n == sizeof number; id /= 10)
            number[--n] = (char)('0' + id % 10);
        text = crm__slice_of(number + n, sizeof number - n);
    }
    crm__card_name(w, "FN");
    if (!named)
        crm__card_param(w, "X-CRM", crm__slice_of("derived", 7));
    else
        put_exact(w, is_touched(find(x, "FN"), text));
    crm__card_value(w, ';', text);
    crm__card_end_property(w);
    return CRM_OK;
}

/* Who it is in this database, by which an import there finds them; that of the card they came from,
 * if there is one. */
static int put_uid(crm__export *x, crm__card_writer *w, crm_customer *c)
{
    const crm__export_column *of = find(x, "UID");
    size_t count = of ? crm_customer_count(c, &of->field) : 0, n;
    char text[CRM__CARD_UID];
    const char *source;
    crm__slice own;

    for (size_t i = 0; i < count; i++) {
        int rc = crm_customer_source(x->txn, c, &of->field, i, &source, x->err);
        if (!rc && strcmp(source, "vcard") != 0)
            continue;
        if (!rc)
            rc = value(x, c, of, i, &own);
        if (rc)
            return rc;
        crm__card_name(w, "UID");
        put_exact(w, is_touched(of, own));
        crm__card_value(w, ';', own);
        crm__card_end_property(w);
        return CRM_OK;
    }
    n = crm__card_uid(x->txn->store->id, crm_customer_id(c), text);
    crm__card_name(w, "UID");
    crm__card_raw(w, crm__slice_of(text, n));
    crm__card_end_property(w);
    return CRM_OK;
}

/* "ADR" or "ORG" of parts first to last, of which those named have a field. */
static int put_parts(crm__export *x, crm__card_writer *w, crm_customer *c, const char *name,
                     char last)
{
    char part[8];
    int any = 0, exact = 0;

    memcpy(part, name, 3);
    part[4] = 0;
    for (char at = '1'; at <= last; at++) {
        const crm__export_column *of;
        crm__slice text;
        int rc;
        part[3] = at;
        of = find(x, part);
        rc = value(x, c, of, 0, &text);
        if (rc)
            return rc;
        any |= text.n != 0;
        exact |= is_touched(of, text);
    }
    if (!any)
        return CRM_OK;
    crm__card_name(w, name);
    put_exact(w, exact);
    for (char at = '1'; at <= last; at++) {
        crm__slice text;
        int rc;
        part[3] = at;
        rc = value(x, c, find(x, part), 0, &text);
        if (rc)
            return rc;
        crm__card_value(w, ';', text);
    }
    crm__card_end_property(w);
    return CRM_OK;
}

/* A date without its dashes, a full one. */
static void put_date(crm__card_writer *w, crm__slice text)
{
    uint8_t day[8];

    crm__card_name(w, "BDAY");
    if (text.n == 10 && text.p[4] == '-' && text.p[7] == '-') {
        memcpy(day, text.p, 4);
        memcpy(day + 4, text.p + 5, 2);
        memcpy(day + 6, text.p + 8, 2);
        text = crm__slice_of(day, sizeof day);
    }
    crm__card_raw(w, text);
    crm__card_end_property(w);
}

static void put_gender(crm__card_writer *w, crm__slice text)
{
    static const struct {
        const char *key, *letter;
    } KNOWN[] = {{"male", "M"}, {"female", "F"}, {"other", "O"}};

    crm__card_name(w, "GENDER");
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        if (strlen(KNOWN[i].key) == text.n && memcmp(KNOWN[i].key, text.p, text.n) == 0) {
            crm__card_raw(w, crm__slice_of(KNOWN[i].letter, 1));
            text.n = 0;
        }
    }
    if (text.n) {
        crm__card_value(w, ';', crm__slice_of("", 0));
        crm__card_value(w, ';', text);
    }
    crm__card_end_property(w);
}

static const char *type_of(const char *key)
{
    return strstr(key, "mobile") || strstr(key, "cell")   ? "cell"
           : strstr(key, "fax")                           ? "fax"
           : strstr(key, "home")                          ? "home"
           : strstr(key, "work") || strstr(key, "office") ? "work"
                                                          : NULL;
}

/* Whether the i-th value, which came with a card, is the first such: then it is the UID. */
static int is_uid(crm__export *x, const crm_customer *c, const crm__export_column *of, size_t i)
{
    const crm__export_column *uid = find(x, "UID");
    const char *source;

    if (!uid || uid->field.number != of->field.number)
        return 0;
    while (i--) {
        if (crm_customer_source(x->txn, c, &of->field, i, &source, x->err) == CRM_OK &&
            strcmp(source, "vcard") == 0)
            return 0;
    }
    return 1;
}

/* NAME="external@erp" */
static void put_own_name(crm__export *x, crm__card_writer *w, const char *key, const char *source)
{
    x->cell.n = 0;
    crm__buf_add_str(&x->cell, key);
    if (source)
        crm__buf_add_fmt(&x->cell, "@%s", source);
    crm__card_param(w, "NAME", crm__slice_of(x->cell.p, x->cell.n));
}

/* One value of a field that may have several. */
static int put_value(crm__export *x, crm__card_writer *w, crm_customer *c,
                     const crm__export_column *of, size_t i)
{
    const char *type = of->field.type == CRM_TYPE_PHONE ? type_of(of->field.key) : NULL;
    const char *source = NULL;
    crm__slice text;
    int rc = CRM_OK;

    if (of->field.flags & CRM_FIELD_PER_SOURCE)
        rc = crm_customer_source(x->txn, c, &of->field, i, &source, x->err);
    if (rc || (source && strcmp(source, "vcard") == 0 && is_uid(x, c, of, i)))
        return rc;
    rc = value(x, c, of, i, &text);
    if (rc || !text.n)
        return rc;
    if (strcmp(of->own, "BDAY") == 0) {
        put_date(w, text);
        return CRM_OK;
    }
    if (strcmp(of->own, "GENDER") == 0) {
        put_gender(w, text);
        return CRM_OK;
    }
    crm__card_name(w, of->own);
    if (type)
        crm__card_param(w, "TYPE", crm__slice_of(type, strlen(type)));
    if (of->own == OWN_PROPERTY)
        put_own_name(x, w, of->field.key, source);
    put_exact(w, is_touched(of, text));
    if (strcmp(of->own, "URL") == 0 || strcmp(of->own, "LANG") == 0)
        crm__card_raw(w, text);
    else
        crm__card_value(w, ';', text);
    crm__card_end_property(w);
    return CRM_OK;
}

/* 20261122T101500Z */
static void put_revision(crm__card_writer *w, int64_t us)
{
    char text[40];
    uint8_t stamp[16];
    size_t n = crm__datetime_format(us, text), k = 0;

    for (size_t i = 0; i < n && text[i] != '.' && k + 1 < sizeof stamp; i++) {
        if (text[i] != '-' && text[i] != ':' && text[i] != 'Z')
            stamp[k++] = (uint8_t)text[i];
    }
    stamp[k++] = 'Z';
    crm__card_name(w, "REV");
    crm__card_raw(w, crm__slice_of(stamp, k));
    crm__card_end_property(w);
}

static int put_tags(crm__export *x, crm__card_writer *w, const crm_customer *c)
{
    int rc = crm__export_tags(x, c), any = 0;
    int64_t until;
    crm__tag tag;

    while (!rc && (rc = crm__tag_window_next(&x->tags, &tag, &until, x->err)) == CRM_OK) {
        if (!any++)
            crm__card_name(w, "CATEGORIES");
        x->cell.n = 0;
        crm__export_put_tag(&x->cell, tag.name, until);
        if (x->cell.failed)
            return crm__fail_nomem(x->err);
        crm__card_value(w, ',', crm__slice_of(x->cell.p, x->cell.n));
    }
    if (any)
        crm__card_end_property(w);
    return rc == CRM_DONE ? CRM_OK : rc;
}

int crm__export_card(crm__export *x, crm_customer *c)
{
    const char *kind = strcmp(crm_customer_kind(c), "organisation") == 0 ? "org" : "individual";
    const crm__export_column *col;
    crm__card_writer w;
    int rc = x->columns.n ? CRM_OK : choose(x);

    if (rc)
        return rc;
    crm__card_begin(&w, &x->out);
    crm__card_put(&w, "KIND", crm__slice_of(kind, strlen(kind)));
    rc = put_uid(x, &w, c);
    if (!rc)
        rc = put_name(x, &w, c);
    if (!rc)
        rc = put_parts(x, &w, c, "ORG", '2');
    if (!rc)
        rc = put_parts(x, &w, c, "ADR", '7');
    col = (const crm__export_column *)(const void *)x->columns.p;
    for (size_t i = 0; !rc && i < crm__export_columns(x); i++) {
        size_t n = crm_customer_count(c, &col[i].field);
        if (strcmp(col[i].own, "FN") == 0 || strcmp(col[i].own, "UID") == 0 ||
            strncmp(col[i].own, "ORG", 3) == 0 || strncmp(col[i].own, "ADR", 3) == 0)
            continue;
        for (size_t k = 0; !rc && k < n; k++)
            rc = put_value(x, &w, c, &col[i], k);
    }
    if (!rc)
        rc = put_tags(x, &w, c);
    if (rc)
        return rc;
    if (x->cell.failed)
        return crm__fail_nomem(x->err);
    put_revision(&w, crm_customer_updated_us(c));
    crm__card_end(&w);
    return crm__export_row(x);
}
