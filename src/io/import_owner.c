/* SPDX-License-Identifier: MIT
 * Whose event a line of JSON is: member "customer" is the number of a customer, an identity
 * ("phone=...", {"phone":"..."}), or the value of one alone, which is searched in all of them.
 */
#include "io/import.h"

#include "customer/customer.h"
#include "model/member.h"

#include <crm/codes.h>

enum { ID_DIGITS = 10 }; /* of a text; one with more is a telephone number, say */

static int several(crm_error *err)
{
    return crm__fail_field(err, CRM_EAMBIGUOUS, "customer",
                           "customer: the identities belong to more than one customer");
}

/* It is a customer, and no other than the one found before, if any. */
static int take(crm_id found, crm_id *id, crm_error *err)
{
    if (*id && *id != found)
        return several(err);
    *id = found;
    return CRM_OK;
}

/* Looks for a value of a field. */
static int find_in(crm_import *imp, const crm_field *f, const char *source, crm__slice value,
                   crm_id *id, crm_error *err)
{
    size_t count = 0;
    crm_id found = 0;
    int rc = crm_customer_find(imp->txn, f, source, (const char *)value.p, value.n, &found, 1,
                               &count, err);

    if (rc == CRM_ENOTFOUND)
        return CRM_OK;
    if (!rc && count > 1)
        return several(err);
    return rc ? rc : take(found, id, err);
}

/* A number of digits; 0: it is none. */
static crm_id number_of(crm__slice s, size_t most)
{
    crm_id n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || i >= most)
            return 0;
        n = n * 10 + (crm_id)(s.p[i] - '0');
    }
    return n;
}

static int bad_number(crm_error *err)
{
    return crm__fail_field(err, CRM_EVALUE, "customer",
                           "customer: the number of a customer is a whole number");
}

/* name: of a field, or "external@erp" of one that is per source. */
static int find_by(crm_import *imp, crm__slice name, crm__slice value, crm_id *id, crm_error *err)
{
    const uint8_t *at = name.n ? memchr(name.p, '@', name.n) : NULL;
    size_t n = at ? (size_t)(at - name.p) : name.n;
    char source[CRM__SOURCE_ROOM] = "";
    crm_field field;
    crm_id number;
    int rc;

    if (n == 2 && memcmp(name.p, "id", 2) == 0) {
        number = number_of(value, 18);
        return number ? take(number, id, err) : bad_number(err);
    }
    if (!value.n)
        return crm__fail_field(err, CRM_EVALUE, "customer", "customer: an identity has no value");
    if (at && name.n - n - 1 < sizeof source)
        memcpy(source, at + 1, name.n - n - 1);
    rc = crm_field_find(imp->txn, (const char *)name.p, n, &field, err);
    return rc ? rc : find_in(imp, &field, *source ? source : NULL, value, id, err);
}

/* A value alone: whoever has it under any identity. */
static int find_anywhere(crm_import *imp, crm__slice value, crm_id *id, crm_error *err)
{
    crm_field f;
    size_t pos = 0;
    int rc;

    *id = number_of(value, ID_DIGITS);
    if (*id)
        return CRM_OK;
    while ((rc = crm_field_next(imp->txn, &pos, &f, err)) == CRM_OK) {
        if (!(f.flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE)) ||
            f.flags & CRM_FIELD_PER_SOURCE || f.type == CRM_TYPE_CUSTOMER)
            continue;
        rc = find_in(imp, &f, NULL, value, id, err);
        /* what can't be a telephone number may be an e-mail address */
        if (rc && rc != CRM_EVALUE && rc != CRM_EFIELD)
            return rc;
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

static int find_all(crm_import *imp, const crm__json *v, crm_id *id, crm_error *err)
{
    const crm__json *value;
    const void *at = NULL;
    const char *key;
    int rc = CRM_OK;

    while (!rc && crm__json_next(v, &at, &key, &value))
        rc = find_by(imp, crm__slice_of(key, strlen(key)), crm__json_text(value), id, err);
    return rc;
}

static int find_text(crm_import *imp, crm__slice text, crm_id *id, crm_error *err)
{
    const uint8_t *sign = text.n ? memchr(text.p, '=', text.n) : NULL;
    size_t n = sign ? (size_t)(sign - text.p) : 0;

    return sign ? find_by(imp, crm__slice_of(text.p, n), crm__slice_of(sign + 1, text.n - n - 1),
                          id, err)
                : find_anywhere(imp, text, id, err);
}

int crm__import_owner(crm_import *imp, const crm__json *doc, crm_id *id, crm_error *err)
{
    const crm__json *v = crm__event_own_value(doc, CRM__OWN_CUSTOMER);
    const int kind = crm__json_kind(v);
    crm__slice text = crm__json_text(v);
    int rc = CRM_OK;

    *id = 0;
    if (!v && imp->o.customer)
        *id = imp->o.customer;
    else if (kind == CRM__JSON_OBJECT)
        rc = find_all(imp, v, id, err);
    else if (kind == CRM__JSON_NUMBER)
        rc = (*id = number_of(text, 18)) ? CRM_OK : bad_number(err);
    else if (kind == CRM__JSON_STRING && text.n)
        rc = find_text(imp, text, id, err);
    else
        return crm__fail_field(err, CRM_EVALUE, "customer",
                               v ? "customer: %s" : "customer: is required: %s",
                               "a number, \"field=value\" or {\"field\":\"value\"}");
    if (!rc && !*id)
        rc = crm__fail_field(err, CRM_ENOTFOUND, "customer", "customer: there is no such customer");
    if (!rc && imp->o.customer && *id != imp->o.customer)
        rc = crm__fail_field(err, CRM_EVALUE, "customer",
                             "customer: is another one than all lines are of");
    return rc;
}
