/* SPDX-License-Identifier: MIT
 * Values in JSON documents: see json_value.h.
 */
#include "model/json_value.h"

#include "base/error.h"

#include <string.h>

static int bad(const crm__field *f, const char *what, crm_error *err)
{
    return crm__fail_field(err, CRM_EVALUE, f->key, "%s: %s", f->key, what);
}

static crm__slice text_member(const crm__json *v, const char *key)
{
    const crm__json *m = crm__json_member(v, key);
    int kind = crm__json_kind(m);

    return kind == CRM__JSON_STRING || kind == CRM__JSON_NUMBER ? crm__json_text(m)
                                                                : (crm__slice){NULL, 0};
}

static int money_text(const crm__field *f, const crm__json *v, char room[CRM__JSON_MONEY],
                      crm__slice *text, crm_error *err)
{
    crm__slice amount = text_member(v, "amount"), currency = text_member(v, "currency");

    if (!amount.n || amount.n + currency.n + 2 > CRM__JSON_MONEY)
        return bad(f, "money is {\"amount\":\"12.50\",\"currency\":\"CNY\"}", err);
    memcpy(room, amount.p, amount.n);
    room[amount.n] = ' ';
    if (currency.n)
        memcpy(room + amount.n + 1, currency.p, currency.n);
    text->p = (const uint8_t *)room;
    text->n = amount.n + (currency.n ? 1 + currency.n : 0);
    return CRM_OK;
}

int crm__json_value_text(const crm__field *f, const crm__json *v, char room[CRM__JSON_MONEY],
                         crm__slice *text, crm_error *err)
{
    switch (crm__json_kind(v)) {
    case CRM__JSON_BOOLEAN:
        if (f->type != CRM_TYPE_BOOLEAN)
            return bad(f, "is not of type boolean", err);
        /* fall through */
    case CRM__JSON_NUMBER:
    case CRM__JSON_STRING:
        *text = crm__json_text(v);
        return CRM_OK;
    case CRM__JSON_OBJECT:
        return f->type == CRM_TYPE_MONEY ? money_text(f, v, room, text, err)
                                         : bad(f, "holds a value, not an object", err);
    case CRM__JSON_ARRAY:
        return bad(f, "holds one value, not a list", err);
    default:
        return bad(f, "holds a value that is neither text, number nor boolean", err);
    }
}

int crm__json_value_write(const crm__field *f, const crm__value *v, crm__buf *text, crm__buf *out)
{
    char amount[24];
    int rc;

    if (v->type == CRM_TYPE_BOOLEAN) {
        crm__buf_add_str(out, v->integer ? "true" : "false");
        return CRM_OK;
    }
    if (v->type == CRM_TYPE_MONEY) {
        size_t n = crm__decimal_format(v->decimal, amount);
        crm__buf_add_str(out, "{\"amount\":");
        crm__json_string(out, amount, n);
        crm__buf_add_str(out, ",\"currency\":\"");
        crm__buf_add(out, v->currency, 3);
        crm__buf_add_str(out, "\"}");
        return CRM_OK;
    }
    if (v->text.n) { /* what is text is canonical already */
        crm__json_string(out, v->text.p, v->text.n);
        return CRM_OK;
    }
    text->n = 0;
    rc = crm__value_format(f, v, text);
    if (rc)
        return rc;
    if (v->type == CRM_TYPE_INTEGER || v->type == CRM_TYPE_CUSTOMER)
        crm__buf_add(out, text->p, text->n);
    else
        crm__json_string(out, text->p, text->n);
    return text->failed ? CRM_ENOMEM : CRM_OK;
}
