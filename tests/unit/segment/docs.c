/* SPDX-License-Identifier: MIT
 * The examples of docs/segment-language.md are segments of the built-in model; what it says of
 * errors is what they say.
 */
#include "help.h"

static char *read_page(void)
{
    static const char PATH[] = CRM_TESTS "/../docs/segment-language.md";
    char *text = calloc(1, 1 << 20);
    FILE *f = fopen(PATH, "rb");

    ck_assert_msg(f != NULL, "%s", PATH);
    ck_assert_uint_gt(fread(text, 1, (1 << 20) - 1, f), 0);
    fclose(f);
    return text;
}

/* The next block that begins with the fence, its end cut; NULL: none. */
static char *next_block(char **p, const char *fence)
{
    char *from = strstr(*p, fence), *end;

    if (!from)
        return NULL;
    from += strlen(fence);
    end = strstr(from, "```");
    ck_assert_ptr_nonnull(end);
    *end = 0;
    *p = end + 1;
    return from;
}

/* Read, and read again from its canonical text and from its JSON form. */
static void check_example(crm__model *m, const char *text, size_t n)
{
    crm__tree *t = help_tree(m, NULL, text, n), *again;
    crm_error err = CRM_ERROR_INIT;
    crm__buf out, json, back;
    crm__slice s = help_print(t, &out), s2;
    int rc;

    crm__buf_init(&json, NULL);
    ck_assert_int_eq(crm__tree_json(crm__tree_root(t), &json), CRM_OK);
    rc = crm__tree_parse_json(NULL, m, NULL, (const char *)json.p, json.n, &again, &err);
    ck_assert_msg(rc == CRM_OK, "%s", err.message);
    s2 = help_print(again, &back);
    ck_assert(crm__slice_compare(s, s2) == 0);
    crm__tree_unref(again);
    crm__tree_unref(help_tree(m, NULL, (const char *)s.p, s.n));
    crm__tree_unref(t);
    crm__buf_clear(&out);
    crm__buf_clear(&json);
    crm__buf_clear(&back);
}

CRM_TEST(test_segment_docs__every_example_is_a_segment)
{
    crm__model *m = help_model(crm_model_default());
    char *text = read_page(), *p = text, *block, *end;
    int count = 0;

    while ((block = next_block(&p, "```segment\n")) != NULL) {
        for (; *block; block = end, count++) {
            end = strstr(block, "\n\n");
            end = end ? end + 2 : block + strlen(block);
            check_example(m, block, (size_t)(end - block));
        }
    }
    ck_assert_int_ge(count, 48);
    free(text);
    crm__model_unref(m);
}

CRM_TEST(test_segment_docs__the_json_example_is_a_segment)
{
    crm__model *m = help_model(crm_model_default());
    char *text = read_page(), *p = text, *block;
    crm_error err = CRM_ERROR_INIT;
    int count = 0;

    while ((block = next_block(&p, "```json\n")) != NULL) {
        crm__tree *t;
        int rc = crm__tree_parse_json(NULL, m, NULL, block, strlen(block), &t, &err);
        ck_assert_msg(rc == CRM_OK, "%s", err.message);
        crm__tree_unref(t);
        count++;
    }
    ck_assert_int_ge(count, 1);
    free(text);
    crm__model_unref(m);
}

/* Lines "| `text` | segment: message |". */
CRM_TEST(test_segment_docs__errors_say_what_is_said_of_them)
{
    static const char FENCE[] = "` | segment: ";
    crm__model *m = help_model(crm_model_default());
    char *text = read_page(), *p = text, *from, *to;
    int count = 0;

    for (; (p = strstr(p, FENCE)) != NULL; count++) {
        crm_error err = CRM_ERROR_INIT;
        crm__tree *t;
        from = p;
        while (from[-1] != '`')
            from--;
        to = strchr(p, '\n') - 2;
        *to = 0;
        ck_assert_int_ne(crm__tree_parse(NULL, m, NULL, from, (size_t)(p - from), &t, &err),
                         CRM_OK);
        ck_assert_str_eq(err.message, p + 4);
        p = to + 1;
    }
    ck_assert_int_ge(count, 3);
    free(text);
    crm__model_unref(m);
}
