/* SPDX-License-Identifier: MIT
 * Text and typed values into payloads, under the rules of a field.  Both doors end in put_value().
 * Messages name the field and the rule, never the value.
 */
#include "base/error.h"
#include "base/phone.h"
#include "base/time.h"
#include "base/utf8.h"
#include "model/address.h"
#include "model/model.h"
#include "model/names.h"
#include "model/place.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_BYTES = 65536, ACTOR_CHARACTERS = 100 };

/* Where a value's canonical text stands while it is checked. */
typedef union room {
    char email[CRM__EMAIL_BYTES];
    char url[CRM__URL_BYTES];
    char phone[CRM__PHONE_SIZE];
    char language[CRM__LANGUAGE_SIZE];
    char country[4];
} room;

#define BAD(f, ...) crm__fail_field(err, CRM_EVALUE, (f)->key, __VA_ARGS__)

/* ---- text ---- */

/* What one pass over the bytes tells. */
typedef struct text_look {
    int high;    /* a byte above 0x7f */
    int control; /* a C0 control or DEL */
} text_look;

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* Eight bytes: bit 7 of some byte of the result is set when one of them is below 0x20 or 0x7f. */
static uint64_t control_in(uint64_t w)
{
    uint64_t del = w ^ EACH_BYTE(0x7f);

    return ((w - EACH_BYTE(0x20)) & ~w) | ((del - EACH_BYTE(1)) & ~del);
}

static text_look look_at(const char *s, size_t n)
{
    uint64_t high = 0, control = 0, w;
    text_look look;

    for (; n >= 8; s += 8, n -= 8) {
        memcpy(&w, s, 8);
        high |= w;
        control |= control_in(w);
    }
    for (w = EACH_BYTE('a'); n; n--)
        w = w << 8 | (unsigned char)*s++;
    look.high = ((high | w) & EACH_BYTE(0x80)) != 0;
    look.control = ((control | control_in(w)) & EACH_BYTE(0x80)) != 0;
    return look;
}

static int outer_space(const char *s, size_t n)
{
    unsigned char first = (unsigned char)s[0], last = (unsigned char)s[n - 1];

    return first <= 0x20 || first >= 0x80 || last <= 0x20 || last >= 0x80;
}

/* Valid, trimmed, not empty; only text keeps newlines and tabs, CR LF among them (*crlf). */
static int clean(const crm__field *f, const char **s, size_t *n, int *crlf, crm_error *err)
{
    text_look look;

    *crlf = 0;
    look = look_at(*s, *n);
    if (look.high && crm__utf8_valid(*s, *n) != *n)
        return BAD(f, "%s: is not valid UTF-8", f->key);
    if (*n && outer_space(*s, *n))
        crm__utf8_trim(s, n);
    if (!*n)
        return BAD(f, "%s: is empty", f->key);
    if (look.high || look.control) {
        if (f->type != CRM_TYPE_TEXT) {
            if (look_at(*s, *n).control || crm__utf8_has_control(*s, *n))
                return BAD(f, "%s: has a control character", f->key);
            return CRM_OK;
        }
        for (const char *p = *s, *end = *s + *n; look.control && p + 1 < end; p++)
            *crlf |= p[0] == '\r' && p[1] == '\n';
        if (!*crlf && crm__utf8_has_control(*s, *n))
            return BAD(f, "%s: has a control character", f->key);
    }
    return CRM_OK;
}

static int pattern_holds(const crm__field *f, const char *s, size_t n, crm_error *err)
{
    if (!f->pattern || crm__pattern_match(f->pattern, s, n))
        return CRM_OK;
    if (strlen(f->pattern_text) > 120)
        return BAD(f, "%s: does not match the pattern of the field", f->key);
    return BAD(f, "%s: does not match the pattern %s", f->key, f->pattern_text);
}

static int text_holds(const crm__field *f, const char *s, size_t n, crm_error *err)
{
    size_t count, min = f->has_min ? (size_t)f->min.mantissa : 0;
    size_t max = f->has_max ? (size_t)f->max.mantissa : TEXT_BYTES;

    if (n > TEXT_BYTES)
        return BAD(f, "%s: is longer than 64 KiB", f->key);
    /* A character has one to four bytes: most texts need no count. */
    if (n > max || n / 4 < min) {
        count = crm__utf8_count(s, n);
        if (count > max)
            return BAD(f, "%s: has %zu characters, at most %zu are allowed", f->key, count, max);
        if (count < min)
            return BAD(f, "%s: has %zu characters, at least %zu are needed", f->key, count, min);
    }
    return pattern_holds(f, s, n, err);
}

static int read_text_like(const crm__field *f, const char *s, size_t n, room *r, crm__value *v,
                          crm_error *err)
{
    const char *why = "", *text = s;
    size_t len = n;

    switch (f->type) {
    case CRM_TYPE_TEXT:
        v->text.p = (const uint8_t *)s;
        v->text.n = n;
        return text_holds(f, s, n, err);
    case CRM_TYPE_EMAIL:
        text = r->email;
        len = crm__email_canon(s, n, r->email, &why);
        if (!len)
            return BAD(f, "%s: %s, expected an e-mail address such as name@example.com", f->key,
                       why);
        break;
    case CRM_TYPE_URL:
        text = r->url;
        len = crm__url_canon(s, n, r->url, &why);
        if (!len)
            return BAD(f, "%s: %s, expected such as https://example.com/page", f->key, why);
        break;
    case CRM_TYPE_PHONE:
        text = r->phone;
        if (crm__phone_parse(s, n, f->region, r->phone, &why, NULL))
            return BAD(f, "%s: is not a phone number: %s", f->key, why);
        len = strlen(r->phone);
        break;
    case CRM_TYPE_COUNTRY:
        text = r->country;
        len = 2;
        if (!crm__country_find(s, n, r->country))
            return BAD(f,
                       "%s: is not a country, expected a code of ISO 3166-1 such as CN, or a name",
                       f->key);
        break;
    case CRM_TYPE_LANGUAGE:
        text = r->language;
        len = crm__language_find(s, n, r->language);
        if (!len)
            return BAD(f, "%s: is not a language, expected a tag such as zh-Hans or en, or a name",
                       f->key);
        break;
    default:
        if (crm__utf8_count(s, n) > ACTOR_CHARACTERS)
            return BAD(f, "%s: is longer than %d characters", f->key, (int)ACTOR_CHARACTERS);
        break;
    }
    v->text.p = (const uint8_t *)text;
    v->text.n = len;
    return pattern_holds(f, text, len, err);
}

/* ---- words ---- */

static int read_boolean(const crm__field *f, const char *s, size_t n, crm__value *v, crm_error *err)
{
    static const char *const WORDS[2][7] = {
        {"false", "no", "0", "off", "否", "无", "假"},
        {"true", "yes", "1", "on", "是", "有", "真"},
    };
    char folded[32];
    size_t len;

    if (n <= 16 && crm__utf8_fold(s, n, folded, sizeof folded, &len) == CRM_OK) {
        for (int truth = 0; truth < 2; truth++) {
            for (int i = 0; i < 7; i++) {
                if (strlen(WORDS[truth][i]) == len && !memcmp(WORDS[truth][i], folded, len)) {
                    v->integer = truth;
                    return CRM_OK;
                }
            }
        }
    }
    return BAD(f, "%s: is not true or false", f->key);
}

const char *crm__enum_near(const crm__field *f, const char *s, size_t n)
{
    const char *best = NULL;
    size_t away = SIZE_MAX;

    for (uint32_t i = 0; i < f->value_count; i++) {
        const char *key = crm__nearer(s, n, &f->values[i].key, 1, &away);
        best = key ? key : best;
    }
    return best;
}

static int not_in_list(const crm__field *f, const char *s, size_t len, crm_error *err)
{
    const char *near_name = crm__enum_near(f, s, len);
    char list[160];
    size_t at = 0;

    for (uint32_t i = 0; i < f->value_count; i++) {
        size_t n = strlen(f->values[i].key);
        if (at + n + 8 > sizeof list) {
            at += (size_t)snprintf(list + at, sizeof list - at, ", ...");
            break;
        }
        at +=
            (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", f->values[i].key);
    }
    if (near_name)
        return BAD(f, "%s: is not one of the values, did you mean \"%s\"? expected %s", f->key,
                   near_name, list);
    return BAD(f, "%s: is not one of the values, expected %s", f->key, list);
}

static int read_enum(const crm__field *f, const char *s, size_t n, crm__value *v, crm_error *err)
{
    const crm__enum_value *e = crm__enum_find(f, s, n);

    if (!e)
        return not_in_list(f, s, n, err);
    v->integer = e->number;
    return CRM_OK;
}

static int read_customer(const crm__field *f, const char *s, size_t n, crm__value *v,
                         crm_error *err)
{
    uint64_t id = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(unsigned char)s[i] - '0';
        if (d > 9 || id > (UINT64_MAX - d) / 10)
            return BAD(f, "%s: is not the number of a customer", f->key);
        id = id * 10 + d;
    }
    v->integer = (int64_t)id;
    return CRM_OK;
}

/* ---- numbers and times ---- */

/* No point: in "kr.100" it belongs to the sign. */
static int number_start(unsigned char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+';
}

static int number_end(const char *s, size_t n)
{
    unsigned char c = (unsigned char)s[n - 1];

    /* Fullwidth digits U+FF10..FF19 are EF BC 90..99. */
    return (c >= '0' && c <= '9') || (n >= 3 && (unsigned char)s[n - 3] == 0xef &&
                                      (unsigned char)s[n - 2] == 0xbc && c >= 0x90 && c <= 0x99);
}

/* Start of the number in "CNY 12", "-¥12": after a sign of the currency; the length of that. */
static size_t currency_prefix(const char *s, size_t n)
{
    const char *p = s, *end = s + n;

    if (n && s[0] == '.')
        return 0;
    while (p < end && !number_start((unsigned char)*p)) {
        const char *next = p;
        uint32_t c = crm__utf8_next(&next, end);
        if ((c >= 0xff10 && c <= 0xff19) || c == 0x2212 || c == 0xff0d)
            break;
        p = next;
    }
    return (size_t)(p - s);
}

static size_t currency_suffix(const char *s, size_t n)
{
    size_t k = n;

    while (k > 0 && !number_end(s, k))
        k--;
    return n - k;
}

static int money_currency(const crm__field *f, const char *s, size_t n, crm__value *v,
                          crm_error *err)
{
    crm__utf8_trim(&s, &n);
    if (crm__currency_find(s, n, f->currency, v->currency))
        return CRM_OK;
    if (f->currency[0])
        return BAD(f, "%s: has an unknown currency, expected such as 12.50 %s", f->key,
                   f->currency);
    return BAD(f, "%s: has an unknown currency, expected a code of ISO 4217 such as 12.50 CNY",
               f->key);
}

static int read_money(const crm__field *f, const char *s, size_t n, crm__value *v, crm_error *err)
{
    const char *why;
    size_t before, after;
    int minus = 0, rc = CRM_OK;

    if (n > 1 && s[0] == '-' && !number_start((unsigned char)s[1])) {
        minus = 1;
        s++;
        n--;
    }
    before = currency_prefix(s, n);
    after = before < n ? currency_suffix(s + before, n - before) : 0;
    if (before == n)
        return BAD(f, "%s: has no amount, expected such as 12.50 CNY", f->key);
    if ((before && after) || (minus && !before))
        return BAD(f, "%s: is not an amount, expected such as 12.50 CNY", f->key);
    if (before)
        rc = money_currency(f, s, before, v, err);
    else if (after)
        rc = money_currency(f, s + n - after, after, v, err);
    else if (f->currency[0])
        memcpy(v->currency, f->currency, 4);
    else
        return BAD(f, "%s: has no currency, expected such as 12.50 CNY", f->key);
    if (rc)
        return rc;
    if (crm__decimal_parse(s + before, n - before - after, &v->decimal, &why, NULL))
        return BAD(f, "%s: is not an amount: %s", f->key, why);
    if (minus && v->decimal.mantissa < 0)
        return BAD(f, "%s: is not an amount, expected such as 12.50 CNY", f->key);
    if (minus)
        v->decimal.mantissa = -v->decimal.mantissa;
    return CRM_OK;
}

static int read_number(const crm__field *f, const crm__value_ctx *ctx, const char *s, size_t n,
                       crm__value *v, crm_error *err)
{
    const char *why = "";
    int32_t packed = 0;

    switch (f->type) {
    case CRM_TYPE_INTEGER:
        if (crm__int_parse(s, n, &v->integer, &why, NULL))
            return BAD(f, "%s: is not a whole number: %s", f->key, why);
        return CRM_OK;
    case CRM_TYPE_DECIMAL:
        if (crm__decimal_parse(s, n, &v->decimal, &why, NULL))
            return BAD(f, "%s: is not a decimal number: %s", f->key, why);
        return CRM_OK;
    case CRM_TYPE_DATE:
        if (crm__date_parse(s, n, &packed, &why, NULL))
            return BAD(f, "%s: is not a date: %s", f->key, why);
        v->integer = packed;
        return CRM_OK;
    default:
        if (crm__datetime_parse(s, n, ctx ? ctx->zone : NULL, &v->integer, &why, NULL))
            return BAD(f, "%s: is not a date and time: %s", f->key, why);
        return CRM_OK;
    }
}

/* ---- bounds ---- */

static int decimal_holds(const crm__field *f, crm__decimal d, crm_error *err)
{
    char bound[24];

    if (f->has_min && crm__decimal_compare(d, f->min) < 0) {
        crm__decimal_format(f->min, bound);
        return BAD(f, "%s: is below %s", f->key, bound);
    }
    if (f->has_max && crm__decimal_compare(d, f->max) > 0) {
        crm__decimal_format(f->max, bound);
        return BAD(f, "%s: is above %s", f->key, bound);
    }
    return CRM_OK;
}

static int integer_holds(const crm__field *f, int64_t v, crm_error *err)
{
    if (f->has_min && v < f->min.mantissa)
        return BAD(f, "%s: is below %lld", f->key, (long long)f->min.mantissa);
    if (f->has_max && v > f->max.mantissa)
        return BAD(f, "%s: is above %lld", f->key, (long long)f->max.mantissa);
    return CRM_OK;
}

/* Sign of a - b as far as both are known: 1990 is neither before nor after 1990-05. */
static int date_compare(int32_t a, int32_t b)
{
    if (!crm__date_month(a) || !crm__date_month(b)) {
        a = crm__date_year(a);
        b = crm__date_year(b);
    } else if (!crm__date_day(a) || !crm__date_day(b)) {
        a >>= 5;
        b >>= 5;
    }
    return (a > b) - (a < b);
}

static int time_compare(uint8_t type, int64_t a, int64_t b)
{
    if (type == CRM_TYPE_DATE)
        return date_compare((int32_t)a, (int32_t)b);
    return (a > b) - (a < b);
}

static int time_holds(const crm__field *f, int64_t v, crm_error *err)
{
    crm__value bound;
    char text[40];

    for (int i = 0; i < 2; i++) {
        crm__slice s = i ? f->max_value : f->min_value;
        int c;
        if (!s.n || crm__value_decode(f->type, 0, s, &bound))
            continue;
        c = time_compare(f->type, v, bound.integer);
        if (i ? c <= 0 : c >= 0)
            continue;
        if (f->type == CRM_TYPE_DATE)
            crm__date_format((int32_t)bound.integer, text);
        else
            crm__datetime_format(bound.integer, text);
        return BAD(f, "%s: is %s %s", f->key, i ? "after" : "before", text);
    }
    return CRM_OK;
}

/* ---- both doors ---- */

/* Every rule of a value that is no text, and whether it can be stored at all. */
static int value_holds(const crm__field *f, const crm__value *v, crm_error *err)
{
    switch (f->type) {
    case CRM_TYPE_INTEGER:
        return integer_holds(f, v->integer, err);
    case CRM_TYPE_MONEY:
        if (memchr(v->currency, 0, 4) != v->currency + 3 || !crm__currency_known(v->currency))
            return BAD(f, "%s: has an unknown currency, expected a code of ISO 4217", f->key);
        /* fall through */
    case CRM_TYPE_DECIMAL:
        if (!crm__decimal_valid(v->decimal))
            return BAD(f, "%s: has more than 18 digits or 12 decimals", f->key);
        return decimal_holds(f, v->decimal, err);
    case CRM_TYPE_DATE:
        if (v->integer < 0 || v->integer > INT32_MAX ||
            !crm__date_packed_valid((int32_t)v->integer))
            return BAD(f, "%s: is not a date", f->key);
        return time_holds(f, v->integer, err);
    case CRM_TYPE_DATETIME:
        if (v->integer < CRM__TIME_MIN || v->integer > CRM__TIME_MAX)
            return BAD(f, "%s: is not in the years 1 to 9999", f->key);
        return time_holds(f, v->integer, err);
    case CRM_TYPE_BOOLEAN:
        return v->integer == 0 || v->integer == 1 ? CRM_OK
                                                  : BAD(f, "%s: is not true or false", f->key);
    case CRM_TYPE_ENUM:
        if (v->integer < 1 || v->integer > UINT32_MAX || !crm__enum_number(f, (uint32_t)v->integer))
            return not_in_list(f, "", 0, err);
        return CRM_OK;
    default:
        return v->integer ? CRM_OK : BAD(f, "%s: is not the number of a customer", f->key);
    }
}

static int is_text_like(uint8_t type)
{
    return type == CRM_TYPE_TEXT || (type >= CRM_TYPE_EMAIL && type <= CRM_TYPE_LANGUAGE) ||
           type == CRM_TYPE_ACTOR;
}

static int source_fits(const crm__field *f, uint32_t source, crm_error *err)
{
    if ((f->flags & CRM_FIELD_PER_SOURCE) && !source)
        return BAD(f, "%s: needs a source, its values belong to one", f->key);
    if (!(f->flags & CRM_FIELD_PER_SOURCE) && source)
        return BAD(f, "%s: takes no source", f->key);
    return CRM_OK;
}

static int append(const crm__field *f, const crm__value *v, crm__buf *out, crm_error *err)
{
    size_t start = out->n;

    crm__value_encode(out, v, (f->flags & CRM_FIELD_PER_SOURCE) != 0);
    if (!out->failed)
        return CRM_OK;
    out->n = start;
    return crm__fail_nomem(err);
}

/* Text with CR LF, stored with LF alone: the same text whatever system it was typed on. */
static int put_crlf(const crm__field *f, const char *s, size_t n, crm__value *v, crm__buf *out,
                    crm_error *err)
{
    crm__buf text;
    int rc;

    crm__buf_init(&text, out->mem);
    for (size_t i = 0; i < n; i++) {
        if (s[i] != '\r' || i + 1 == n || s[i + 1] != '\n')
            crm__buf_add_u8(&text, (unsigned char)s[i]);
    }
    if (text.failed)
        rc = crm__fail_nomem(err);
    else if (crm__utf8_has_control((const char *)text.p, text.n))
        rc = BAD(f, "%s: has a control character", f->key);
    else
        rc = read_text_like(f, (const char *)text.p, text.n, NULL, v, err);
    if (!rc)
        rc = append(f, v, out, err);
    crm__buf_clear(&text);
    return rc;
}

int crm__value_parse(const crm__field *f, const crm__value_ctx *ctx, const char *s, size_t n,
                     uint32_t source, crm__buf *out, crm_error *err)
{
    crm__value v;
    room r;
    int crlf, rc;

    memset(&v, 0, sizeof v);
    v.type = f->type;
    v.source = source;
    rc = source_fits(f, source, err);
    if (!rc)
        rc = clean(f, &s, &n, &crlf, err);
    if (rc)
        return rc;
    if (crlf)
        return put_crlf(f, s, n, &v, out, err);
    if (is_text_like(f->type)) {
        rc = read_text_like(f, s, n, &r, &v, err);
        return rc ? rc : append(f, &v, out, err);
    }
    if (f->type == CRM_TYPE_BOOLEAN)
        rc = read_boolean(f, s, n, &v, err);
    else if (f->type == CRM_TYPE_ENUM)
        rc = read_enum(f, s, n, &v, err);
    else if (f->type == CRM_TYPE_CUSTOMER)
        rc = read_customer(f, s, n, &v, err);
    else if (f->type == CRM_TYPE_MONEY)
        rc = read_money(f, s, n, &v, err);
    else
        rc = read_number(f, ctx, s, n, &v, err);
    if (!rc)
        rc = value_holds(f, &v, err);
    return rc ? rc : append(f, &v, out, err);
}

int crm__value_put(const crm__field *f, const crm__value *v, crm__buf *out, crm_error *err)
{
    int rc;

    if (v->type != f->type)
        return BAD(f, "%s: is of type %s, expected %s", f->key,
                   crm__type_name(v->type) ? crm__type_name(v->type) : "unknown",
                   crm__type_name(f->type));
    if (is_text_like(f->type))
        return crm__value_parse(f, NULL, (const char *)v->text.p, v->text.n, v->source, out, err);
    rc = source_fits(f, v->source, err);
    if (!rc)
        rc = value_holds(f, v, err);
    return rc ? rc : append(f, v, out, err);
}
