/* SPDX-License-Identifier: MIT
 * Setters and getters that customers and events share.
 */
#include "model/typed.h"

#include "codec/key.h"

#include <string.h>

int crm__text_given(const char *text, size_t *n, const char *what, crm_error *err)
{
    if (!text)
        return crm__fail_field(err, CRM_EINVAL, what, "%s is NULL", what);
    if (*n == CRM_NUL)
        *n = strlen(text);
    return CRM_OK;
}

static int check_integer(const char *key, int which, unsigned type, crm_error *err)
{
    int customers = which == CRM__INTEGERS_CUSTOMER;

    if (type == CRM_TYPE_INTEGER || type == CRM_TYPE_BOOLEAN || type == CRM_TYPE_DATETIME ||
        (customers && type == CRM_TYPE_CUSTOMER))
        return CRM_OK;
    return crm__fail_field(err, CRM_EVALUE, key, "%s: is not of type integer, boolean%s", key,
                           customers ? ", datetime or customer" : " or datetime");
}

int crm__integer_put(const crm__field *f, int which, int64_t value, crm__buf *out, crm_error *err)
{
    crm__value v;
    int rc = check_integer(f->key, which, f->type, err);

    if (rc)
        return rc;
    memset(&v, 0, sizeof v);
    v.type = f->type;
    v.integer = value;
    rc = crm__value_put(f, &v, out, err);
    return !rc && out->failed ? crm__fail_nomem(err) : rc;
}

int crm__integer_get(const char *key, int which, const crm__value *v, int64_t *out, crm_error *err)
{
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "value", "value is NULL");
    rc = check_integer(key, which, v->type, err);
    if (!rc)
        *out = v->integer;
    return rc;
}

int crm__text_get(const crm__field *f, const char *key, const crm__value *v, crm__buf *room,
                  const char **text, size_t *n, crm_error *err)
{
    crm__slice t = v->text;

    if (!text || !n)
        return crm__fail_field(err, CRM_EINVAL, "text", "text or n is NULL");
    if (!t.p) {
        int rc;
        room->n = 0;
        rc = crm__value_format(f, v, room);
        if (rc || room->failed) {
            int full = room->failed;
            room->failed = 0;
            return full || rc == CRM_ENOMEM
                       ? crm__fail_nomem(err)
                       : crm__fail_field(err, rc, key, "the stored value is damaged");
        }
        t = crm__slice_of(room->p, room->n);
    }
    *text = (const char *)t.p;
    *n = t.n;
    return CRM_OK;
}

int crm__zone_keep(const crm_allocator *mem, const crm__zone *zone, crm__zone **own, crm_error *err)
{
    *own = NULL;
    return zone ? crm__zone_open(mem, crm__zone_name(zone), own, err) : CRM_OK;
}
