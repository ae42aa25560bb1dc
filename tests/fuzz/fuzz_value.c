/* SPDX-License-Identifier: MIT
 * Values of every type under the rules of a field: the first byte chooses the field, the rest is
 * the text.  What is read decodes, is written as text that is read as the same bytes, and passes
 * the typed door unchanged.
 */
#include "fuzz.h"

#include "base/error.h"
#include "model/model.h"

#include <crm/codes.h>

static const char MODEL[] =
    "crm: 1\n"
    "name: fuzz\n"
    "fields:\n"
    "  text: {type: text}\n"
    "  short_text: {type: text, min: 2, max: 5, pattern: '[^x]+'}\n"
    "  integer: {type: integer}\n"
    "  small_integer: {type: integer, min: -3, max: 1000}\n"
    "  decimal: {type: decimal}\n"
    "  small_decimal: {type: decimal, min: -0.5, max: 99.95}\n"
    "  money: {type: money}\n"
    "  money_yen: {type: money, currency: JPY, min: 0}\n"
    "  date: {type: date}\n"
    "  late_date: {type: date, min: 1990-05, max: 2030}\n"
    "  datetime: {type: datetime}\n"
    "  late_datetime: {type: datetime, min: 2000-01-01T00:00:00Z, max: 2040-06-30T12:00:00Z}\n"
    "  boolean: {type: boolean}\n"
    "  enum: {type: enum, values: {a: {en: [First, Number one], zh: 一}, b: {en: Second}, c: {en: "
    "C3}}}\n"
    "  email: {type: email}\n"
    "  phone: {type: phone, region: CN}\n"
    "  phone_world: {type: phone}\n"
    "  url: {type: url}\n"
    "  country: {type: country}\n"
    "  language: {type: language}\n"
    "  customer: {type: customer}\n"
    "  actor: {type: actor}\n"
    "identities:\n"
    "  external: {type: text, per: source}\n";

static crm__model *model;
static crm__zone *zone;

static int count_up(void *ctx, char cls, const char *name, size_t n, uint32_t *number,
                    crm_error *err)
{
    (void)cls;
    (void)name;
    (void)n;
    (void)err;
    *number = ++*(uint32_t *)ctx;
    return CRM_OK;
}

static void set_up(void)
{
    crm_error err = CRM_ERROR_INIT;
    uint32_t next = 0;

    if (crm__model_parse(NULL, MODEL, sizeof MODEL - 1, NULL, NULL, &model, &err)) {
        fprintf(stderr, "%lld: %s\n", (long long)err.row, err.message);
        abort();
    }
    MUST(crm__model_bind(model, 1, count_up, &next, &err) == CRM_OK);
    MUST(crm__zone_open(NULL, "+05:30", &zone, NULL) == CRM_OK);
}

static int equal(const crm__buf *a, const crm__buf *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

static void check_stored(const crm__field *f, const crm__value_ctx *ctx, const crm__buf *payload)
{
    crm__buf text, again, normal;
    crm_error err = CRM_ERROR_INIT;
    crm__value v;
    int scoped = (f->flags & CRM_FIELD_PER_SOURCE) != 0;

    crm__buf_init(&text, NULL);
    crm__buf_init(&again, NULL);
    crm__buf_init(&normal, NULL);
    MUST(crm__value_decode(f->type, scoped, (crm__slice){payload->p, payload->n}, &v) == CRM_OK);
    MUST(crm__value_format(f, &v, &text) == CRM_OK && text.n > 0);
    if (crm__value_parse(f, ctx, (const char *)text.p, text.n, v.source, &again, &err)) {
        fprintf(stderr, "%s\n", err.message);
        MUST(0);
    }
    MUST(equal(&again, payload));
    again.n = 0;
    MUST(crm__value_put(f, &v, &again, &err) == CRM_OK && equal(&again, payload));
    MUST(crm__value_normal(f->type, &v, &normal) == CRM_OK && !normal.failed);
    crm__buf_clear(&text);
    crm__buf_clear(&again);
    crm__buf_clear(&normal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    crm_error err = CRM_ERROR_INIT;
    crm__value_ctx ctx = {NULL};
    const crm__field *f;
    crm__buf out;
    uint8_t *text;
    unsigned which;
    size_t n;
    int rc;

    if (!model)
        set_up();
    which = take(&in);
    f = crm__model_at(model, which % crm__model_count(model));
    ctx.zone = which & 0x80 ? zone : NULL;
    text = take_copy(&in, in.n, &n);
    crm__buf_init(&out, NULL);
    crm__buf_add_u8(&out, 'x'); /* what is there already must stay */
    rc = crm__value_parse(f, &ctx, (const char *)text, n, f->flags & CRM_FIELD_PER_SOURCE ? 7 : 0,
                          &out, &err);
    MUST(rc == CRM_OK || rc == CRM_EVALUE);
    MUST(out.p[0] == 'x');
    if (rc) {
        MUST(out.n == 1 && err.code == rc && strcmp(err.field, f->key) == 0 && err.message[0]);
        MUST(strncmp(err.message, f->key, strlen(f->key)) == 0 && !strchr(err.message, '\n'));
    } else {
        out.n--;
        memmove(out.p, out.p + 1, out.n);
        check_stored(f, &ctx, &out);
    }
    crm__buf_clear(&out);
    free(text);
    return 0;
}
