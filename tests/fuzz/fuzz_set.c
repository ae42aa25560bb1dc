/* SPDX-License-Identifier: MIT
 * Stored sets of rows: what can be loaded is stored in the smallest form, which loads to the same
 * rows.
 */
#include "fuzz.h"

#include "bits/set.h"

#include <crm/codes.h>

static void check_walk(const uint64_t *words)
{
    uint32_t count = 0;
    int32_t before = -1;

    for (int32_t row = crm__set_next(words, 0); row >= 0;
         row = crm__set_next(words, (uint32_t)row + 1)) {
        MUST(row > before && crm__set_has(words, (uint32_t)row));
        before = row;
        count++;
    }
    MUST(count == crm__set_count(words));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint64_t words[CRM__SET_WORDS], again[CRM__SET_WORDS];
    crm__slice stored = {data, size};
    crm__buf out, second;
    int rc;

    memset(words, 0, sizeof words);
    memset(again, 0, sizeof again);
    rc = crm__set_load(stored, words);
    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    if (rc)
        return 0;
    check_walk(words);
    crm__buf_init(&out, NULL);
    crm__buf_init(&second, NULL);
    crm__set_store(words, &out);
    MUST(!out.failed && out.n > 0 && out.n <= size);
    MUST(crm__set_load((crm__slice){out.p, out.n}, again) == CRM_OK);
    MUST(memcmp(words, again, sizeof words) == 0);
    crm__set_store(again, &second);
    MUST(second.n == out.n && memcmp(second.p, out.p, out.n) == 0);
    crm__buf_clear(&out);
    crm__buf_clear(&second);
    return 0;
}
