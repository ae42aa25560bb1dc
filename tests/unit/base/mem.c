/* SPDX-License-Identifier: MIT */
#include "base/error.h"
#include "base/mem.h"
#include "crmtest.h"

#include <string.h>

CRM_TEST(test_base_mem__buffer_grows_and_keeps_bytes)
{
    crm__buf b;

    crm__buf_init(&b, NULL);
    for (unsigned i = 0; i < 1000; i++)
        crm__buf_add_u8(&b, i & 0xff);
    crm__buf_add_fmt(&b, "%d-%s", 42, "x");
    ck_assert_int_eq(b.failed, 0);
    ck_assert_uint_eq(b.n, 1004);
    ck_assert_int_eq(b.p[999], 999 & 0xff);
    ck_assert_int_eq(memcmp(b.p + 1000, "42-x", 4), 0);
    crm__buf_clear(&b);
}

CRM_TEST(test_base_mem__arena_keeps_pointers_and_aligns)
{
    crm__arena a;
    char *p[300];

    crm__arena_init(&a, NULL);
    for (int i = 0; i < 300; i++) {
        p[i] = crm__arena_alloc(&a, (size_t)(i * 7 + 1));
        ck_assert_ptr_nonnull(p[i]);
        ck_assert_uint_eq((uintptr_t)p[i] % 8, 0);
        memset(p[i], i & 0xff, (size_t)(i * 7 + 1));
    }
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq((unsigned char)p[i][i * 7], i & 0xff);
    crm__arena_reset(&a);
    ck_assert_uint_eq(a.used, 0);
    crm__arena_clear(&a);
}

CRM_TEST(test_base_mem__given_buffers_free_through_crm_free)
{
    char *p = crm__give(NULL, "abc", 3);

    ck_assert_str_eq(p, "abc");
    crm_free(p);
    crm_free(NULL);
}

CRM_TEST(test_base_error__options_follow_the_zero_tail_rule)
{
    struct known {
        size_t size;
        uint32_t a, b;
    } to;
    struct newer {
        size_t size;
        uint32_t a, b, c, d;
    } from = {sizeof from, 1, 2, 0, 0};
    crm_error err = CRM_ERROR_INIT;

    ck_assert_int_eq(crm__options_read(&to, sizeof to, NULL, "opts", &err), CRM_OK);
    ck_assert_uint_eq(to.a, 0);
    ck_assert_int_eq(crm__options_read(&to, sizeof to, &from, "opts", &err), CRM_OK);
    ck_assert_uint_eq(to.b, 2);
    from.d = 1;
    ck_assert_int_eq(crm__options_read(&to, sizeof to, &from, "opts", &err), CRM_EINVAL);
    ck_assert_str_eq(err.field, "opts");
    from.size = sizeof(size_t) + 4;
    ck_assert_int_eq(crm__options_read(&to, sizeof to, &from, "opts", &err), CRM_OK);
    ck_assert_uint_eq(to.a, 1);
    ck_assert_uint_eq(to.b, 0);
    from.size = 3;
    ck_assert_int_eq(crm__options_read(&to, sizeof to, &from, "opts", &err), CRM_EINVAL);
}
