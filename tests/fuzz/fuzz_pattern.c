/* SPDX-License-Identifier: MIT
 * Regular expressions: the input is a pattern, a zero byte, and a text.  Writing a pattern in
 * another way that means the same must not change what it matches.
 */
#include "fuzz.h"

#include "base/pattern.h"

#include <crm/codes.h>

/* 1 or 0 as the pattern matches, -1 when it can't be compiled. */
static int match(const char *p, size_t n, const char *s, size_t len)
{
    const char *why = NULL;
    size_t at = SIZE_MAX;
    crm__pattern *pat = NULL;
    int rc = crm__pattern_compile(NULL, p, n, &pat, &why, &at), got;

    MUST(rc == CRM_OK || rc == CRM_EVALUE || rc == CRM_EINVAL);
    if (rc) {
        MUST(!pat && why && *why && at <= n);
        return -1;
    }
    got = crm__pattern_match(pat, s, len);
    MUST(got == 0 || got == 1);
    MUST(crm__pattern_match(pat, s, len) == got);
    crm__pattern_free(pat);
    return got;
}

/* A form around the pattern: it may be too large where the pattern alone was not. */
static void same(const char *before, const char *p, size_t n, const char *after, const char *s,
                 size_t len, int plain)
{
    crm__buf form;
    int got;

    crm__buf_init(&form, NULL);
    crm__buf_add_str(&form, before);
    crm__buf_add(&form, p, n);
    crm__buf_add_str(&form, after);
    got = match((const char *)form.p, form.n, s, len);
    MUST(got == -1 || got == plain);
    crm__buf_clear(&form);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, 0, size);
    size_t n = end ? (size_t)(end - data) : size, len;
    input in = {data, size};
    uint8_t *p = take_copy(&in, n, &n), *s;
    int plain;

    take(&in);
    s = take_copy(&in, in.n, &len);
    plain = match((const char *)p, n, (const char *)s, len);
    if (plain >= 0) {
        same("(?:", (const char *)p, n, ")", (const char *)s, len, plain);
        same("(", (const char *)p, n, "){1}", (const char *)s, len, plain);
        same("(", (const char *)p, n, ")|[^\\x00-\\u{10ffff}]", (const char *)s, len, plain);
        same("^(", (const char *)p, n, ")$", (const char *)s, len, plain);
    }
    free(p);
    free(s);
    return 0;
}
