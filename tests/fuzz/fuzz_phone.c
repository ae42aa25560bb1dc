/* SPDX-License-Identifier: MIT
 * Phone numbers: the first two bytes are the region, the rest is the text.  What is read is E.164,
 * and reading that again, in any region, changes nothing.
 */
#include "fuzz.h"

#include "base/phone.h"

#include <crm/codes.h>

static void check(const char *text, size_t n, const char *region)
{
    char out[CRM__PHONE_SIZE], again[CRM__PHONE_SIZE];
    const char *why = NULL;
    size_t at = SIZE_MAX, digits;
    int rc = crm__phone_parse(text, n, region, out, &why, &at);

    MUST(rc == CRM_OK || rc == CRM_EVALUE);
    if (rc) {
        MUST(out[0] == 0 && why && *why && at <= n);
        return;
    }
    digits = strspn(out + 1, "0123456789");
    MUST(out[0] == '+' && digits >= 3 && digits <= 15 && out[1 + digits] == 0);
    MUST(crm__phone_parse(out, digits + 1, NULL, again, NULL, NULL) == CRM_OK);
    MUST(strcmp(out, again) == 0);
    MUST(crm__phone_parse(out, digits + 1, region, again, NULL, NULL) == CRM_OK);
    MUST(strcmp(out, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    char region[3] = {0};
    uint8_t *text;
    size_t n;

    region[0] = (char)take(&in);
    region[1] = (char)take(&in);
    crm__phone_region_known(region);
    text = take_copy(&in, in.n, &n);
    check((const char *)text, n, region);
    check((const char *)text, n, NULL);
    free(text);
    return 0;
}
