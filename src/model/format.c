/* SPDX-License-Identifier: MIT
 * Stored values back to text, and their comparable form.  A value may come from an older model, so
 * neither needs the field.
 */
#include "base/time.h"
#include "base/utf8.h"
#include "model/model.h"

#include <string.h>

static void format_enum(const crm__field *f, const crm__value *v, crm__buf *out)
{
    const crm__enum_value *e = NULL;

    if (f && f->type == CRM_TYPE_ENUM && v->integer > 0 && v->integer <= UINT32_MAX)
        e = crm__enum_number(f, (uint32_t)v->integer);
    if (e)
        crm__buf_add_str(out, e->key);
    else
        crm__buf_add_fmt(out, "#%llu", (unsigned long long)v->integer);
}

int crm__value_format(const crm__field *f, const crm__value *v, crm__buf *out)
{
    char text[40];

    switch (v->type) {
    case CRM_TYPE_INTEGER:
        crm__buf_add_fmt(out, "%lld", (long long)v->integer);
        break;
    case CRM_TYPE_DECIMAL:
    case CRM_TYPE_MONEY:
        crm__buf_add(out, text, crm__decimal_format(v->decimal, text));
        if (v->type == CRM_TYPE_MONEY) {
            crm__buf_add_u8(out, ' ');
            crm__buf_add(out, v->currency, 3);
        }
        break;
    case CRM_TYPE_DATE:
        crm__buf_add(out, text, crm__date_format((int32_t)v->integer, text));
        break;
    case CRM_TYPE_DATETIME:
        crm__buf_add(out, text, crm__datetime_format(v->integer, text));
        break;
    case CRM_TYPE_BOOLEAN:
        crm__buf_add_str(out, v->integer ? "true" : "false");
        break;
    case CRM_TYPE_ENUM:
        format_enum(f, v, out);
        break;
    case CRM_TYPE_CUSTOMER:
        crm__buf_add_fmt(out, "%llu", (unsigned long long)v->integer);
        break;
    default:
        crm__buf_add(out, v->text.p, v->text.n);
    }
    return out->failed ? CRM_ENOMEM : CRM_OK;
}

/* The longest expansion of NFKC and case folding is 18 code points for one of 3 bytes (U+FDFA). */
enum { FOLD_FACTOR = 18, FOLD_ROOM = 64 };

static void fold_text(crm__slice text, crm__buf *out)
{
    const char *s = (const char *)text.p;
    size_t ascii = 0, len = 0, cap;
    uint8_t *to;

    while (ascii < text.n && text.p[ascii] > 0x20 && text.p[ascii] < 0x7f)
        ascii++;
    cap = ascii == text.n ? text.n : text.n * FOLD_FACTOR + FOLD_ROOM;
    to = crm__buf_reserve(out, cap);
    if (!to)
        return;
    if (ascii == text.n) {
        for (size_t i = 0; i < text.n; i++)
            to[i] = (uint8_t)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
        out->n += text.n;
    } else if (crm__utf8_fold(s, text.n, (char *)to, cap, &len) == CRM_OK) {
        out->n += len;
    } else {
        crm__buf_add(out, text.p, text.n);
    }
}

static crm__decimal shortest(crm__decimal d)
{
    while (d.scale && d.mantissa % 10 == 0) {
        d.mantissa /= 10;
        d.scale--;
    }
    return d;
}

int crm__value_normal(uint8_t type, const crm__value *v, crm__buf *out)
{
    crm__value copy = *v;

    if (type == CRM_TYPE_EMAIL) {
        fold_text(v->text, out);
    } else {
        copy.type = type;
        if (type == CRM_TYPE_DECIMAL || type == CRM_TYPE_MONEY)
            copy.decimal = shortest(v->decimal);
        crm__value_encode(out, &copy, 0);
    }
    return out->failed ? CRM_ENOMEM : CRM_OK;
}
