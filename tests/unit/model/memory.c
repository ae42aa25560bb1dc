/* SPDX-License-Identifier: MIT
 * Every allocation of the library's own fails once: CRM_ENOMEM, nothing leaks, nothing is reported.
 */
#include "help.h"

static const char SMALL[] =
    "crm: 1\nname: small\nregion: CN\ncurrency: CNY\n"
    "kinds: {person: {label: {en: [Person, Human], zh: 个人}}}\n"
    "fields:\n"
    "  a: {type: text, max: 20, pattern: '[a-z]{1,5}|x', label: {en: [A a, B b], zh: 甲}}\n"
    "  b: {type: enum, values: {one: {en: One}, two: 2}, default: two}\n"
    "  c: {type: enum, list: true, values: [x, y, z], default: [x, z]}\n"
    "  d: {type: date, min: 1990, max: 2020-01-01}\n"
    "  e: {type: integer, list: true, default: [1, 2]}\n"
    "  f: {type: text, default: \"a\\r\\nb\"}\n"
    "  g: {type: email, identity: true}\n"
    "identities:\n"
    "  h: {type: text, per: source, unique: true}\n"
    "events:\n"
    "  k:\n"
    "    label: {en: K k, zh: 乙}\n"
    "    attributes:\n"
    "      a: {type: text, fast: true, pattern: '[a-z]', label: {en: B b}}\n"
    "      b: {type: enum, values: {one: {en: One}, two: 2}, default: two}\n"
    "      c: {type: money, default: 1.5}\n"
    "tags:\n"
    "  t: {label: {en: T t}, hierarchical: true, values: {a: {en: A}, a/b: {en: [B, C]}}}\n"
    "  u: {closed: true, values: [a, b]}\n";

static void never(const crm_finding *f, void *ctx)
{
    (void)ctx;
    ck_abort_msg("reported: %s", f->message);
}

static void count(const crm_finding *f, void *ctx)
{
    (void)f;
    ++*(size_t *)ctx;
}

/* Parses and binds; the first result that is not CRM_OK. */
static int whole(const crm_allocator *mem, const char *yaml, crm_finding_fn fn, void *ctx,
                 crm_error *err)
{
    crm__model *m;
    uint32_t last = 0;
    int rc = crm__model_parse(mem, yaml, strlen(yaml), fn, ctx, &m, err);

    if (rc) {
        ck_assert_ptr_null(m);
        return rc;
    }
    rc = crm__model_bind(m, 3, help_number, &last, err);
    if (!rc)
        ck_assert_uint_eq(crm__model_version(m), 3);
    crm__model_unref(m);
    return rc;
}

/* Every step-th allocation. */
static void sweep(const char *yaml, size_t step, int expected)
{
    for (int on = 0; on < 2; on++) {
        for (size_t fail = 1;; fail += step * crmtest_stride(3)) {
            help_memory h = {0, fail, 0, on};
            crm_allocator mem = {sizeof mem, help_alloc, help_realloc, help_free, &h};
            crm_error err = CRM_ERROR_INIT;
            size_t faults = 0;
            int rc = whole(&mem, yaml, expected ? count : never, &faults, &err);
            ck_assert_uint_eq(h.alive, 0);
            if (h.calls < fail) {
                ck_assert_int_eq(rc, expected);
                ck_assert_uint_gt(fail, 5);
                break;
            }
            ck_assert_msg(rc == CRM_ENOMEM, "allocation %zu: %d %s", fail, rc, err.message);
            ck_assert_int_eq(err.code, CRM_ENOMEM);
            ck_assert_uint_eq(faults, 0);
        }
    }
}

CRM_TEST(test_model_memory__nth_allocation_fails_and_nothing_leaks)
{
    sweep(SMALL, 1, CRM_OK);
}

CRM_TEST(test_model_memory__nth_allocation_fails_in_the_default_model)
{
    sweep(crm_model_default(), 5, CRM_OK);
}

CRM_TEST(test_model_memory__nth_allocation_fails_while_faults_are_gathered)
{
    sweep("crm: 1\nfoo: 1\nfields:\n  a: {type: txt, label: [b, B]}\n  b: {type: text, label: a}\n"
          "  c: {type: enum, values: {x: Y, y: X}}\n  d: {type: text, pattern: '(', default: [x]}\n"
          "events: {k: {label: l, attributes: {a: {type: url, fast: true}}}, l: {}}\n",
          1, CRM_EMODEL);
}

CRM_TEST(test_model_memory__a_model_keeps_its_allocator_itself)
{
    help_memory h = {0, 0, 0, 0};
    crm_allocator *mem = malloc(sizeof *mem);
    crm__model *m;
    uint32_t last = 0;

    *mem = (crm_allocator){sizeof *mem, help_alloc, help_realloc, help_free, &h};
    ck_assert_int_eq(crm__model_parse(mem, SMALL, strlen(SMALL), NULL, NULL, &m, NULL), CRM_OK);
    memset(mem, 0, sizeof *mem);
    free(mem);
    ck_assert_int_eq(crm__model_bind(m, 1, help_number, &last, NULL), CRM_OK);
    crm__model_ref(m);
    crm__model_unref(m);
    ck_assert_uint_gt(h.alive, 0);
    crm__model_unref(m);
    ck_assert_uint_eq(h.alive, 0);
}

CRM_TEST(test_model_memory__a_value_that_gets_no_room_leaves_the_buffer_as_it_was)
{
    crm__model *m = help_field("{type: text, max: 1000}");
    const crm__field *f = help_find(m, "x");
    char text[900];

    memset(text, 'a', sizeof text);
    memcpy(text + 100, "\r\n", 2);
    for (int crlf = 0; crlf < 2; crlf++) {
        const char *s = crlf ? text : text + 102;
        size_t n = crlf ? sizeof text : sizeof text - 102;
        for (size_t fail = 1;; fail++) {
            help_memory h = {0, fail, 0, 0};
            crm_allocator mem = {sizeof mem, help_alloc, help_realloc, help_free, &h};
            crm_error err = CRM_ERROR_INIT;
            crm__buf out;
            int rc;
            crm__buf_init(&out, &mem);
            rc = crm__value_parse(f, NULL, s, n, 0, &out, &err);
            if (rc) {
                ck_assert_int_eq(rc, CRM_ENOMEM);
                ck_assert_uint_eq(out.n, 0);
            } else {
                ck_assert_uint_eq(out.n, crlf ? n - 1 : n);
            }
            crm__buf_clear(&out);
            ck_assert_uint_eq(h.alive, 0);
            if (h.calls < fail)
                break;
        }
    }
    crm__model_unref(m);
}
