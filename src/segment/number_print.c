/* SPDX-License-Identifier: MIT
 * Request to canonical text.
 */
#include "segment/build.h"
#include "segment/lex.h"
#include "segment/number.h"

static const char *builtin_key(crm__builtin b)
{
    static const char *const KEYS[] = {"", "id", "kind", "created_at", "updated_at"};

    return KEYS[b];
}

static void put_decimal(crm__buf *out, crm__decimal d)
{
    char text[24];

    crm__buf_add(out, text, crm__decimal_format(d, text));
}

static void put_percentile(crm__buf *out, uint32_t percent)
{
    crm__decimal d = {percent, 3};

    if (percent == 50 * CRM__PERCENT) {
        crm__buf_add_str(out, "median");
        return;
    }
    for (; d.scale && d.mantissa % 10 == 0; d.scale--)
        d.mantissa /= 10;
    crm__buf_add_str(out, "percentile ");
    put_decimal(out, d);
    crm__buf_add_u8(out, ' ');
}

void crm__measure_print(const crm__measure *m, crm__buf *out)
{
    static const char *const NAMES[] = {"", "count", "sum", "min", "max", "avg", "distinct"};

    if (m->op == CRM__MEASURE_PERCENTILE)
        put_percentile(out, m->percent);
    else
        crm__buf_add_str(out, NAMES[m->op]);
    if (m->of_events) {
        crm__print_spec(out, &m->events, m->attribute);
    } else if (m->field || m->builtin) {
        crm__buf_add_u8(out, '(');
        crm__print_key(out, m->field ? m->field->key : builtin_key(m->builtin));
        crm__buf_add_u8(out, ')');
    }
}

static void put_name(crm__buf *out, const crm__grouping *g)
{
    if (g->attribute) {
        crm__print_key(out, g->kind->key);
        crm__buf_add_u8(out, '.');
        crm__print_key(out, g->attribute->key);
    } else {
        crm__print_key(out, g->tags        ? "tags"
                            : g->dimension ? g->dimension->key
                            : g->source    ? "source"
                            : g->field     ? g->field->key
                                           : builtin_key(g->builtin));
    }
}

void crm__grouping_print(const crm__grouping *g, crm__buf *out)
{
    if (g->op == CRM__BY_TIME) {
        crm__buf_add_str(out, crm__word_text((uint8_t)(CRM__WORD_MINUTE + g->unit - 1)));
        if (!g->attribute && g->of_events)
            return;
        crm__buf_add_u8(out, '(');
        put_name(out, g);
        crm__buf_add_u8(out, ')');
        return;
    }
    crm__buf_add_str(out, g->shared ? "field(" : "");
    put_name(out, g);
    crm__buf_add_str(out, g->shared ? ")" : "");
    if (g->op != CRM__BY_STEPS)
        return;
    if (g->steps) {
        crm__buf_add_fmt(out, " in %u steps", (unsigned)g->steps);
        return;
    }
    crm__buf_add_str(out, " every ");
    put_decimal(out, g->width);
    if (g->currency[0])
        crm__buf_add_fmt(out, " %s", g->currency);
}

void crm__request_print(const crm__request *q, crm__buf *out)
{
    for (uint32_t i = 0; i < q->measure_count; i++) {
        crm__buf_add_str(out, i ? ", " : "");
        crm__measure_print(&q->measures[i], out);
    }
    for (uint32_t i = 0; i < q->grouping_count; i++) {
        crm__buf_add_str(out, i ? ", " : " by ");
        crm__grouping_print(&q->by[i], out);
    }
    if (q->window.form) {
        crm__buf_add_u8(out, ' ');
        crm__print_window(out, &q->window);
    }
    if (q->moving)
        crm__buf_add_fmt(out, " moving %u", (unsigned)q->moving);
}
