/* SPDX-License-Identifier: MIT
 * The examples of docs/model.md are models without a fault.
 */
#include "help.h"

#include <unistd.h>

/* A file of the source tree.  __FILE__ is relative to the build folder, in which the program stands
 * two levels deep, or to the present folder. */
static char *read_source(const char *path)
{
    char exe[2000], full[5000], *p;
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    char *text = calloc(1, 1 << 20);
    FILE *f;

    ck_assert_int_gt(n, 0);
    exe[n] = 0;
    *strrchr(exe, '/') = 0;
    snprintf(full, sizeof full, "%s/../%s", exe, __FILE__);
    if (__FILE__[0] == '/')
        snprintf(full, sizeof full, "%s", __FILE__);
    p = strstr(full, "tests/unit/model/docs.c");
    ck_assert_ptr_nonnull(p);
    snprintf(p, sizeof full - (size_t)(p - full), "%s", path);
    f = fopen(full, "rb");
    if (!f)
        f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s", full);
    ck_assert_uint_gt(fread(text, 1, (1 << 20) - 1, f), 0);
    fclose(f);
    return text;
}

CRM_TEST(test_model_docs__every_example_is_a_model)
{
    static const char open[] = "```yaml\n", close[] = "\n```";
    char *text = read_source("docs/model.md"), *p = text, *end;
    int count = 0;

    while ((p = strstr(p, open)) != NULL) {
        p += sizeof open - 1;
        end = strstr(p, close);
        ck_assert_ptr_nonnull(end);
        end[1] = 0;
        crm__model_unref(help_model(p));
        p = end + 2;
        count++;
    }
    ck_assert_int_ge(count, 5);
    free(text);
}

CRM_TEST(test_model_docs__the_default_model_is_the_file)
{
    char *text = read_source("src/model/default.yaml");

    ck_assert_str_eq(text, crm_model_default());
    free(text);
}
