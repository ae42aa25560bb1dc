/* SPDX-License-Identifier: MIT
 * Pieces of texts: a text has all pieces of what it contains, whatever its bytes.
 */
#include "db/gram.h"

#include "crmtest.h"

#include <stdlib.h>
#include <string.h>

static void sets_of(const char *s, size_t n, uint64_t words[CRM__GRAM_WORDS])
{
    memset(words, 0, CRM__GRAM_WORDS * sizeof *words);
    crm__gram_sets((crm__slice){(const uint8_t *)s, n}, words);
}

static int count(const char *s)
{
    uint64_t words[CRM__GRAM_WORDS];
    int n = 0;

    sets_of(s, strlen(s), words);
    for (int i = 0; i < CRM__GRAM_WORDS; i++)
        n += __builtin_popcountll(words[i]);
    return n;
}

CRM_TEST(test_db_gram__pieces)
{
    ck_assert_int_eq(count(""), 0);
    ck_assert_int_eq(count("ab"), 0);
    ck_assert_int_eq(count("abc"), 1);
    ck_assert_int_eq(count("abcd"), 2);
    ck_assert_int_eq(count("aaaaaa"), 1);
    ck_assert_int_eq(count("\xe4\xbc\x9f"), 1);             /* each by itself */
    ck_assert_int_eq(count("\xe5\xbc\xa0\xe4\xbc\x9f"), 3); /* and two together */
    ck_assert_int_eq(count("\xc3\xa9t\xc3\xa9"), 1);        /* three characters, not bytes */
}

CRM_TEST(test_db_gram__a_text_has_the_pieces_of_what_it_contains)
{
    static const char *const PART[] = {"a",
                                       "b",
                                       " ",
                                       "\xe4\xbc\x9f",
                                       "\xe5\xbc\xa0",
                                       "\xc3\xa9",
                                       "\xf0\x9f\x98\x80",
                                       "\xe2\xba\x80",
                                       "\xe2\xb9\x80"};
    uint64_t seed = crmtest_seed(), all[CRM__GRAM_WORDS], some[CRM__GRAM_WORDS];

    for (size_t round = 0; round < crmtest_rounds(20000, 200000); round++) {
        char text[80];
        size_t at[21], n = crmtest_below(&seed, 20), from, until;
        at[0] = 0;
        for (size_t i = 0; i < n; i++) {
            const char *part = PART[crmtest_below(&seed, 9)];
            memcpy(text + at[i], part, strlen(part));
            at[i + 1] = at[i] + strlen(part);
        }
        from = crmtest_below(&seed, n + 1);
        until = from + crmtest_below(&seed, n - from + 1);
        sets_of(text, at[n], all);
        sets_of(text + at[from], at[until] - at[from], some);
        for (int i = 0; i < CRM__GRAM_WORDS; i++)
            ck_assert_uint_eq(some[i] & ~all[i], 0);
    }
}

CRM_TEST(test_db_gram__any_bytes_are_safe)
{
    uint64_t seed = crmtest_seed(), words[CRM__GRAM_WORDS];

    for (size_t round = 0; round < crmtest_rounds(20000, 200000); round++) {
        size_t n = crmtest_below(&seed, 12);
        char *p = malloc(n + !n);
        for (size_t i = 0; i < n; i++)
            p[i] = (char)crmtest_below(&seed, 256);
        sets_of(p, n, words);
        free(p);
    }
}
