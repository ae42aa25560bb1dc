/* SPDX-License-Identifier: MIT
 * Which column gets what: rules first, then keys, labels and known names, in order of the columns.
 * A field with one value has one column, or the pieces of its text; what comes later is told why it
 * got nothing.
 */
#include "io/mapping_part.h"

#include "db/model.h"
#include "model/place.h"

#include <stdio.h>

/* ---- rules ---- */

static const crm__map_rule *rule_of(crm__mapping *m, crm__slice name)
{
    char folded[CRM__FOLD_BYTES];
    crm__map_rule *found = NULL;
    size_t count = crm__map_rule_count(m), len;

    for (size_t i = 0; !found && i < count; i++) {
        crm__map_rule *r = crm__map_rule_at(m, i);
        if (r->column.n == name.n && !memcmp(r->column.p, name.p, name.n))
            found = r;
    }
    len = found || !count ? 0 : crm__map_fold((const char *)name.p, name.n, folded);
    for (size_t i = 0; !found && len && i < count; i++) {
        crm__map_rule *r = crm__map_rule_at(m, i);
        if (r->folded_n == len && !memcmp(r->folded, folded, len))
            found = r;
    }
    if (found)
        found->matched = 1;
    return found;
}

/* ---- which program ---- */

static int has_letter(const crm__known *k, char letter)
{
    return k->program_count && memchr(k->programs, letter, k->program_count);
}

/* Each known name speaks for its programs, the less the more there are. */
static void tell_program(crm__mapping *m)
{
    const char *letters = crm__known_letters();
    unsigned best = 0, second = 0;
    char program = 0;

    if (m->card) {
        m->program = 'v';
        return;
    }
    for (; *letters; letters++) {
        unsigned votes = 0;
        for (size_t i = 0; i < crm__mapping_count(m); i++) {
            const crm__map_column *c = crm__map_column_at(m, i);
            if (c->known.role && !c->known.strong && has_letter(&c->known, *letters))
                votes += 60 / (unsigned)c->known.program_count;
        }
        if (votes > best) {
            second = best;
            best = votes;
            program = *letters;
        } else if (votes > second) {
            second = votes;
        }
    }
    m->program = best >= 60 && best > second ? program : 0;
}

/* ---- meanings ---- */

static void look_up(crm__mapping *m, crm__map_column *c)
{
    const char *s = (const char *)c->told.column.p;
    size_t n = c->told.column.n;

    c->known.role = NULL;
    c->rule = rule_of(m, c->told.column);
    if (m->card)
        crm__known_find(CRM__KNOWN_CARD, s, n, &c->known, &c->number);
    else if (m->what != CRM__MAP_EVENTS ||
             !crm__known_find(CRM__KNOWN_EVENT, s, n, &c->known, &c->number))
        crm__known_find(CRM__KNOWN_CUSTOMER, s, n, &c->known, &c->number);
}

static int is_named(const crm__mapping *m, size_t at, const char *name)
{
    crm__slice s = crm__map_column_at(m, at)->told.column;

    return s.n == strlen(name) && !memcmp(s.p, name, s.n);
}

/* Whether an export of this library begins so: its numbers are then this library's. */
static int is_own_table(const crm__mapping *m)
{
    int events = m->what == CRM__MAP_EVENTS;

    return !m->card && crm__mapping_count(m) > 1 && is_named(m, 0, events ? "customer" : "id") &&
           is_named(m, 1, events ? "number" : "kind");
}

/* A number is whose it says, and a column "id" does not say it. */
static void doubt_id(const crm__mapping *m, crm__map_meaning *x)
{
    if (x->use != CRM__USE_ID || x->found == CRM__FOUND_MAPPING || m->owns)
        return;
    if (m->what == CRM__MAP_EVENTS && x->found == CRM__FOUND_KEY && x->sure)
        return;
    memset(x, 0, sizeof *x);
    x->why = "a number of which system? say \"id\" (of this database) or an identity in a mapping";
}

/* A field that a card names itself: "crm.external@erp". */
static void own_field(const crm__mapping *m, const crm__map_column *c, crm__map_meaning *x)
{
    crm__map_column named = *c;

    named.told.column = crm__slice_of(c->told.column.p + 4, c->told.column.n - 4);
    crm__map_name(m, &named, x);
    if (x->use != CRM__USE_FIELD)
        x->use = CRM__USE_NONE;
}

static void understand(crm__mapping *m, crm__map_column *c)
{
    crm__map_meaning *x = &c->meaning, role, dimension;
    unsigned kind = m->what == CRM__MAP_CUSTOMERS ? m->kind_number : 0;

    if (c->rule) {
        *x = c->rule->meaning;
        return;
    }
    if (c->known.role && c->known.strong && has_letter(&c->known, m->program)) {
        crm__map_role(m, c, x);
        return;
    }
    memset(x, 0, sizeof *x);
    x->why = "";
    if (!m->card)
        crm__map_name(m, c, x);
    else if (c->told.column.n > 4 && memcmp(c->told.column.p, "crm.", 4) == 0)
        own_field(m, c, x);
    doubt_id(m, x);
    if (x->f && x->use == CRM__USE_FIELD && kind && !(x->f->kinds & 1u << kind)) {
        x->use = CRM__USE_NONE;
        x->why = "customers of the kind given do not have this field";
    }
    if (x->use == CRM__USE_FIELD && x->found == CRM__FOUND_LABEL && c->known.role &&
        c->known.role->of == CRM__ROLE_ACCOUNT)
        x->use = CRM__USE_NONE;
    if (x->use != CRM__USE_NONE)
        return;
    memset(&role, 0, sizeof role);
    if (c->known.role && !c->known.strong)
        crm__map_role(m, c, &role);
    /* The name of a dimension, where it is not that of a field in any program. */
    if (role.use == CRM__USE_NONE && !m->card &&
        crm__map_tag_column(m, (const char *)c->told.column.p, c->told.column.n, &dimension))
        role = dimension;
    if (!role.found)
        return;
    if (role.use == CRM__USE_KIND && m->kind) {
        role.use = CRM__USE_NONE;
        role.why = "the kind is given for all rows";
    }
    if (role.use != CRM__USE_NONE || !*x->why)
        *x = role;
}

/* Whether a column beside one of accounts names the person, or a piece of the name. */
static void look_beside(crm__mapping *m, size_t from)
{
    int named = 0;

    for (size_t i = 0; i < crm__mapping_count(m); i++) {
        const crm__map_column *c = crm__map_column_at(m, i);
        int account = !c->rule && c->known.role && c->known.role->of == CRM__ROLE_ACCOUNT;
        if (account || !c->meaning.f || c->meaning.part == CRM__PART_SPARE)
            continue;
        named |= (c->meaning.use == CRM__USE_FIELD || c->meaning.use == CRM__USE_PART) &&
                 (!strcmp(c->meaning.f->key, "name") || !strcmp(c->meaning.f->key, "full_name"));
    }
    for (size_t i = from; named && i < crm__mapping_count(m); i++) {
        crm__map_column *c = crm__map_column_at(m, i);
        if (c->rule || !c->known.role || c->known.role->of != CRM__ROLE_ACCOUNT ||
            m->kind_number == CRM__KIND_ORGANISATION)
            continue;
        c->beside = 1;
        understand(m, c);
    }
}

/* ---- claims ---- */

static int goal_of_field(crm__mapping *m, const crm__field *f, uint32_t *out)
{
    size_t at = (size_t)(f - crm__model_at(m->model, 0));
    crm__map_goal g;

    if (!m->goal_of[at]) {
        memset(&g, 0, sizeof g);
        g.first = CRM__NO_GOAL;
        g.f = f;
        crm__field_out(NULL, f, &g.public);
        crm__buf_add(&m->goals, &g, sizeof g);
        if (m->goals.failed)
            return CRM_ENOMEM;
        m->goal_of[at] = (uint32_t)(m->goals.n / sizeof g);
    }
    *out = m->goal_of[at] - 1;
    return CRM_OK;
}

/* "column "X" has it already", kept with the plan. */
static const char *taken_by(crm__mapping *m, uint32_t column)
{
    char shown[CRM_FIELD_SIZE], text[CRM_FIELD_SIZE + 40];
    crm__slice name = crm__map_column_at(m, column)->told.column;
    const char *copy;
    int n;

    crm__copy_name(shown, (const char *)name.p, name.n);
    n = snprintf(text, sizeof text, "column \"%s\" has it already", shown);
    copy = crm__arena_copy(&m->plan, text, (size_t)n + 1);
    return copy ? copy : "another column has it already";
}

static void refuse(crm__map_column *c, const char *why)
{
    c->told.use = CRM__USE_NONE;
    c->told.found = CRM__FOUND_NOT;
    c->told.why = why;
}

/* Gives a column its goal, or tells whose that is. */
static void claim(crm__mapping *m, size_t at, uint32_t goal)
{
    crm__map_column *c = crm__map_column_at(m, at);
    crm__map_goal *g = crm__map_goal_at(m, goal);
    uint32_t bit = 1u << c->meaning.part;
    int list = goal == CRM__GOAL_TAGS || (g->f && g->f->flags & CRM_FIELD_LIST);
    int apart = c->meaning.part != CRM__PART_WHOLE && c->meaning.mark;

    if (!list && g->taken & bit) {
        refuse(c, taken_by(m, g->column[c->meaning.part]));
        return;
    }
    if (apart && g->mark && g->mark != c->meaning.mark) {
        refuse(c, taken_by(m, g->first));
        return;
    }
    if (apart)
        g->mark = c->meaning.mark;
    if (g->first == CRM__NO_GOAL)
        g->first = (uint32_t)at;
    g->taken |= bit;
    g->column[c->meaning.part] = (uint32_t)at;
    c->goal = goal;
}

/* The attributes of a column, by kind.  CRM_EEXISTS: *whose has one of them. */
static int claim_attributes(crm__mapping *m, size_t at, uint32_t *whose)
{
    crm__map_column *c = crm__map_column_at(m, at);
    size_t kinds = crm__model_event_count(m->model);
    const crm__field **list = crm__arena_alloc(&m->plan, kinds * sizeof(const crm__field *));
    int any = 0;

    if (!list)
        return CRM_ENOMEM;
    for (size_t k = 0; k < kinds; k++) {
        const crm__event_kind *kind = crm__model_event_at(m->model, k);
        list[k] = crm__event_attribute_find(kind, c->meaning.word, c->meaning.word_n);
        for (size_t i = 0; list[k] && i < crm__mapping_count(m); i++) {
            const crm__map_column *x = crm__map_column_at(m, i);
            if (i != at && x->attributes && x->attributes[k] == list[k]) {
                *whose = (uint32_t)i;
                list[k] = NULL;
            }
        }
        any |= list[k] != NULL;
    }
    if (m->event && !list[m->event_at])
        any = 0;
    c->attributes = any ? list : NULL;
    return any ? CRM_OK : CRM_EEXISTS;
}

static void tell_source(crm__mapping *m, crm__map_column *c)
{
    const crm__known *k = &c->known;
    char letter = m->program;

    c->told.source = "";
    if (!c->meaning.f || !(c->meaning.f->flags & CRM_FIELD_PER_SOURCE))
        return;
    if (!letter && k->role && k->program_count == 1)
        letter = k->programs[0];
    if (c->rule && *c->rule->source)
        c->told.source = c->rule->source;
    else if (c->meaning.source)
        c->told.source = c->meaning.source;
    else if (m->asked_source || !letter)
        c->told.source = m->source;
    else
        c->told.source = crm__known_source(letter);
}

static void tell_program_of(const crm__mapping *m, crm__map_column *c)
{
    const crm__known *k = &c->known;

    c->told.program = "";
    if (c->meaning.found != CRM__FOUND_KNOWN || !k->program_count)
        return;
    if (has_letter(k, m->program))
        c->told.program = crm__known_program(m->program);
    else if (k->program_count == 1)
        c->told.program = crm__known_program(k->programs[0]);
}

/* The currency of amounts that have none: of the rule, or in brackets behind the name. */
static void tell_currency(crm__map_column *c)
{
    char folded[CRM__FOLD_BYTES];
    size_t n, open;

    c->currency[0] = 0;
    if (!c->meaning.f || c->meaning.f->type != CRM_TYPE_MONEY)
        return;
    if (c->rule) {
        memcpy(c->currency, c->rule->currency, sizeof c->currency);
        return;
    }
    n = crm__map_fold((const char *)c->told.column.p, c->told.column.n, folded);
    if (!n || folded[n - 1] != ')')
        return;
    for (open = n; open > 0 && folded[open - 1] != '('; open--)
        ;
    if (!open ||
        !crm__currency_find(folded + open, n - 1 - open, c->meaning.f->currency, c->currency))
        c->currency[0] = 0;
}

static int settle(crm__mapping *m, size_t at)
{
    crm__map_column *c = crm__map_column_at(m, at);
    crm__map_meaning *x = &c->meaning;
    uint32_t goal = CRM__NO_GOAL, whose = 0;
    int rc = CRM_OK;

    c->told.use = x->use;
    c->told.found = x->use == CRM__USE_NONE ? CRM__FOUND_NOT : x->found;
    c->told.key = x->f && x->use != CRM__USE_NONE ? x->f->key : "";
    c->told.why = x->use == CRM__USE_NONE ? x->why : "";
    c->date = c->rule ? (uint8_t)c->rule->date : CRM__DATE_ANY;
    c->decimal = c->rule ? (uint8_t)c->rule->decimal : CRM__DECIMAL_ANY;
    switch (x->use) {
    case CRM__USE_FIELD:
    case CRM__USE_PART:
        rc = goal_of_field(m, x->f, &goal);
        break;
    case CRM__USE_ID:
        goal = CRM__GOAL_ID;
        break;
    case CRM__USE_KIND:
        goal = CRM__GOAL_KIND;
        break;
    case CRM__USE_SOURCE:
        goal = CRM__GOAL_SOURCE;
        m->has_source = 1;
        break;
    case CRM__USE_TAG:
        goal = CRM__GOAL_TAGS;
        if (x->within)
            c->told.key = x->within->key;
        break;
    case CRM__USE_TIME:
        goal = CRM__GOAL_TIME;
        break;
    case CRM__USE_REFERENCE:
        goal = CRM__GOAL_REFERENCE;
        break;
    case CRM__USE_ATTRIBUTE:
        rc = claim_attributes(m, at, &whose);
        if (rc == CRM_EEXISTS) {
            refuse(c, m->event && x->f != crm__event_attribute_find(m->event, x->f->key,
                                                                    strlen(x->f->key))
                          ? "events of the kind given have no such attribute"
                          : taken_by(m, whose));
            rc = CRM_OK;
        }
        break;
    default:
        break;
    }
    if (!rc && goal != CRM__NO_GOAL)
        claim(m, at, goal);
    if (c->told.use == CRM__USE_NONE)
        c->told.key = "";
    c->dated = c->goal == CRM__GOAL_TIME ||
               (x->f && (x->f->type == CRM_TYPE_DATE || x->f->type == CRM_TYPE_DATETIME));
    c->counted = x->f && (x->f->type == CRM_TYPE_MONEY || x->f->type == CRM_TYPE_DECIMAL ||
                          x->f->type == CRM_TYPE_INTEGER);
    tell_source(m, c);
    tell_program_of(m, c);
    tell_currency(c);
    return rc;
}

/* Of columns that nobody knows, the field whose name is near. */
static void hint(crm__mapping *m, size_t from)
{
    size_t hints = 0;

    for (size_t i = from; i < crm__mapping_count(m) && hints < CRM__HINTS; i++) {
        crm__map_column *c = crm__map_column_at(m, i);
        const char *s = (const char *)c->told.column.p, *near = NULL, *copy;
        size_t n = c->told.column.n;
        char text[CRM__NAME_BYTES + 32];
        int len;
        if (c->told.use != CRM__USE_NONE || *c->told.why || c->known.role || !n)
            continue;
        hints++;
        if (m->event)
            near = crm__event_attribute_near(m->event, s, n);
        if (!near)
            near = crm__model_near(m->model, s, n);
        if (!near)
            continue;
        len = snprintf(text, sizeof text, "did you mean \"%s\"?", near);
        copy = crm__arena_copy(&m->plan, text, (size_t)len + 1);
        c->told.why = copy ? copy : "";
    }
}

int crm__map_claim(crm__mapping *m, size_t from, crm_error *err)
{
    static const unsigned ORDER[] = {CRM__FOUND_MAPPING, CRM__FOUND_KEY, CRM__FOUND_LABEL,
                                     CRM__FOUND_KNOWN, CRM__FOUND_NOT};
    size_t count = crm__mapping_count(m);
    int rc = CRM_OK;

    for (size_t i = from; i < count; i++) {
        crm__map_column *c = crm__map_column_at(m, i);
        c->goal = CRM__NO_GOAL;
        c->attributes = NULL;
        c->beside = 0;
        look_up(m, c);
    }
    if (!from) {
        tell_program(m);
        m->owns = is_own_table(m);
    }
    for (size_t i = from; i < count; i++)
        understand(m, crm__map_column_at(m, i));
    look_beside(m, from);
    for (size_t k = 0; k < sizeof ORDER / sizeof ORDER[0]; k++) {
        for (size_t i = from; !rc && i < count; i++) {
            if (crm__map_column_at(m, i)->meaning.found == ORDER[k])
                rc = settle(m, i);
        }
    }
    if (rc || m->nomem) {
        m->goals.failed = m->nomem = 0;
        return crm__fail_nomem(err);
    }
    hint(m, from);
    return CRM_OK;
}
