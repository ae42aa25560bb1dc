/* SPDX-License-Identifier: MIT
 * Decimal and whole numbers: what is read is written in a form that is read as the same number, and
 * the two readers agree on whole numbers.
 */
#include "fuzz.h"

#include "base/decimal.h"

#include <crm/codes.h>
#include <inttypes.h>

static void check_decimal(const char *s, size_t n, crm__decimal *d, int *rc)
{
    const char *why = NULL;
    size_t at = SIZE_MAX, len;
    crm__decimal again;
    char text[24];

    *rc = crm__decimal_parse(s, n, d, &why, &at);
    MUST(*rc == CRM_OK || *rc == CRM_EVALUE);
    if (*rc) {
        MUST(why && *why && at <= n);
        return;
    }
    MUST(crm__decimal_valid(*d) && crm__decimal_compare(*d, *d) == 0);
    len = crm__decimal_format(*d, text);
    MUST(len > 0 && len < sizeof text && text[len] == 0);
    MUST(crm__decimal_parse(text, len, &again, NULL, NULL) == CRM_OK);
    MUST(again.mantissa == d->mantissa && again.scale == d->scale);
}

static void check_whole(const char *s, size_t n, const crm__decimal *d, int decimal)
{
    const char *why = NULL;
    size_t at = SIZE_MAX;
    char text[24];
    int64_t v, again;
    int rc = crm__int_parse(s, n, &v, &why, &at);

    MUST(rc == CRM_OK || rc == CRM_EVALUE);
    if (rc) {
        MUST(why && *why && at <= n);
        MUST(decimal || d->scale > 0);
        return;
    }
    snprintf(text, sizeof text, "%" PRId64, v);
    MUST(crm__int_parse(text, strlen(text), &again, NULL, NULL) == CRM_OK && again == v);
    if (!decimal) {
        crm__decimal whole = {v, 0};
        MUST(crm__decimal_valid(whole) && crm__decimal_compare(*d, whole) == 0);
    }
}

/* Order of any two numbers: one way round is the other's opposite. */
static void check_order(input in)
{
    crm__decimal a, b;

    a.mantissa = (int64_t)take_number(&in, 8);
    b.mantissa = (int64_t)take_number(&in, 8);
    a.scale = take(&in) % (CRM__DECIMAL_SCALE + 1);
    b.scale = take(&in) % (CRM__DECIMAL_SCALE + 1);
    if (!crm__decimal_valid(a) || !crm__decimal_valid(b))
        return;
    MUST(crm__decimal_compare(a, b) == -crm__decimal_compare(b, a));
    if (a.scale == b.scale)
        MUST(crm__decimal_compare(a, b) == (a.mantissa > b.mantissa) - (a.mantissa < b.mantissa));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    crm__decimal d = {0, 0};
    uint8_t *text;
    size_t n;
    int rc;

    check_order(in);
    text = take_copy(&in, size, &n);
    check_decimal((const char *)text, n, &d, &rc);
    check_whole((const char *)text, n, &d, rc);
    free(text);
    return 0;
}
