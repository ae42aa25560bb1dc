/* SPDX-License-Identifier: MIT
 * A mapping's life: made from options and a text, bound to a transaction, told of the columns of a
 * table, judged.
 */
#include "io/mapping_part.h"

#include "base/utf8.h"
#include "db/model.h"

enum { HINTED_COLUMNS = 256 };

static void init(crm__mapping *m, const crm_allocator *mem)
{
    m->mem = *mem;
    crm__arena_init(&m->kept, &m->mem);
    crm__arena_init(&m->plan, &m->mem);
    crm__buf_init(&m->rules, &m->mem);
    crm__buf_init(&m->columns, &m->mem);
    crm__buf_init(&m->goals, &m->mem);
    crm__buf_init(&m->item, &m->mem);
    crm__buf_init(&m->items, &m->mem);
    crm__buf_init(&m->work, &m->mem);
    crm__buf_init(&m->join, &m->mem);
    crm__buf_init(&m->hint, &m->mem);
    crm__buf_init(&m->cut, &m->mem);
    crm__buf_init(&m->row_source, &m->mem);
    crm__buf_init(&m->tags, &m->mem);
    crm__arena_init(&m->row_tags, &m->mem);
    crm_error_init(&m->why);
}

void crm__mapping_free(crm__mapping *m)
{
    crm_allocator mem;

    if (!m)
        return;
    mem = m->mem;
    crm__model_unref(m->model);
    crm__arena_clear(&m->kept);
    crm__arena_clear(&m->plan);
    crm__buf_clear(&m->rules);
    crm__buf_clear(&m->columns);
    crm__buf_clear(&m->goals);
    crm__buf_clear(&m->item);
    crm__buf_clear(&m->items);
    crm__buf_clear(&m->work);
    crm__buf_clear(&m->join);
    crm__buf_clear(&m->hint);
    crm__buf_clear(&m->cut);
    crm__buf_clear(&m->row_source);
    crm__buf_clear(&m->tags);
    crm__arena_clear(&m->row_tags);
    crm__release(&mem, m->active);
    crm__release(&mem, m);
}

/* ---- binding to a model ---- */

/* The kind of rows that have none. */
static int resolve_kind(crm__mapping *m, crm_error *err)
{
    size_t n = m->asked_kind ? strlen(m->asked_kind) : 0;

    m->kind = NULL;
    m->kind_number = 0;
    m->event = NULL;
    if (!m->asked_kind)
        return CRM_OK;
    if (m->what == CRM__MAP_EVENTS) {
        m->event = crm__model_event_find(m->model, m->asked_kind, n);
        if (!m->event)
            return crm__event_unknown(m->model, m->asked_kind, n, 1, err);
        m->kind = m->event->key;
        while (crm__model_event_at(m->model, m->event_at) != m->event)
            m->event_at++;
        return CRM_OK;
    }
    m->kind_number = crm__kind_find(m->model, m->asked_kind, n);
    if (!m->kind_number)
        return crm__fail_field(err, CRM_EFIELD, "kind",
                               "kind: is neither \"person\" nor \"organisation\"");
    m->kind = crm__kind_key(m->kind_number);
    return CRM_OK;
}

static int rule_wrong(const crm__map_rule *r, const char *what, crm_error *err)
{
    return crm__fail_at(err, CRM_EFIELD, r->line, r->at, "line %d of the mapping: %s", (int)r->line,
                         what);
}

/* What the words of the rules are in this model. */
static int resolve_rules(crm__mapping *m, crm_error *err)
{
    crm_error why = CRM_ERROR_INIT;

    for (size_t i = 0; i < crm__map_rule_count(m); i++) {
        crm__map_rule *r = crm__map_rule_at(m, i);
        int scoped, rc;
        memset(&r->meaning, 0, sizeof r->meaning);
        r->meaning.use = CRM__USE_LEFT_OUT;
        r->meaning.found = CRM__FOUND_MAPPING;
        r->meaning.why = "";
        if (!r->word)
            continue;
        rc = crm__map_word(m, r->word, strlen(r->word), &r->meaning, &why);
        if (rc == CRM_EFIELD)
            return rule_wrong(r, why.message, err);
        if (rc)
            return crm__fail_copy(err, &why);
        r->meaning.found = CRM__FOUND_MAPPING;
        scoped = r->meaning.f && r->meaning.f->flags & CRM_FIELD_PER_SOURCE;
        if (*r->source && !scoped)
            return rule_wrong(r, "only an identity that is per source has a source", err);
        if (r->part != CRM__PART_WHOLE) {
            int time = r->meaning.use == CRM__USE_TIME, day = r->part == CRM__PART_DAY;
            if (time != day || (!time && (r->meaning.use != CRM__USE_FIELD ||
                                          r->meaning.f->type != CRM_TYPE_TEXT ||
                                          r->meaning.f->flags & CRM_FIELD_LIST)))
                return rule_wrong(r, "a part is of a field with one text (day: of time)", err);
            if (!time)
                r->meaning.use = CRM__USE_PART;
            r->meaning.part = r->part;
        }
    }
    return CRM_OK;
}

static int add_goal(crm__mapping *m, const crm__field *f)
{
    crm__map_goal g;

    memset(&g, 0, sizeof g);
    g.first = CRM__NO_GOAL;
    g.f = f;
    if (f)
        crm__field_out(NULL, f, &g.public);
    crm__buf_add(&m->goals, &g, sizeof g);
    return m->goals.failed ? CRM_ENOMEM : CRM_OK;
}

/* Begins a plan: the library's own goals, none of the fields'. */
static int begin_plan(crm__mapping *m, crm_error *err)
{
    size_t count = crm__model_count(m->model) + 1;

    crm__arena_reset(&m->plan);
    m->goals.n = 0;
    m->row = 0;
    m->program = 0;
    m->owns = 0;
    m->event_at = 0;
    m->goal_of = crm__arena_alloc(&m->plan, count * sizeof *m->goal_of);
    if (!m->goal_of)
        return crm__fail_nomem(err);
    memset(m->goal_of, 0, count * sizeof *m->goal_of);
    for (int i = 0; i < CRM__GOALS_OWN; i++) {
        if (add_goal(m, NULL)) {
            m->goals.failed = 0;
            return crm__fail_nomem(err);
        }
    }
    for (size_t i = 0; i < crm__map_rule_count(m); i++)
        crm__map_rule_at(m, i)->matched = 0;
    return CRM_OK;
}

static int same_model(const crm__model *a, const crm__model *b)
{
    size_t a_n, b_n;
    const char *a_text, *b_text;

    if (a == b)
        return 1;
    if (!a || crm__model_version(a) != crm__model_version(b))
        return 0;
    a_text = crm__model_text(a, &a_n);
    b_text = crm__model_text(b, &b_n);
    return a_n == b_n && !memcmp(a_text, b_text, a_n);
}

/* The plan of the columns anew, for another model. */
static int plan(crm__mapping *m, crm_error *err)
{
    int rc = begin_plan(m, err);

    if (!rc)
        rc = resolve_kind(m, err);
    if (!rc)
        rc = resolve_rules(m, err);
    if (!rc && m->columns.n)
        rc = crm__map_claim(m, 0, err);
    return rc;
}

int crm__mapping_bind(crm__mapping *m, crm_txn *txn, crm_error *err)
{
    const crm__model *now;
    crm__model *old = m->model;
    int rc = crm__txn_enter_beside(txn, 0, err);

    if (!rc)
        rc = crm__txn_model(txn, &now, err);
    if (rc)
        return rc;
    m->txn = txn;
    if (now == old)
        return CRM_OK;
    m->model = (crm__model *)(uintptr_t)now;
    crm__model_ref(m->model);
    /* An equal one may be another object, to which the plan's fields do not belong. */
    if (!same_model(old, now) || old != now)
        rc = plan(m, err);
    crm__model_unref(old);
    return rc;
}

/* ---- making ---- */

static int keep(crm__mapping *m, const char *s, const char **out, crm_error *err)
{
    size_t n = strlen(s);
    char *copy = crm__arena_alloc(&m->kept, n + 1);

    if (!copy)
        return crm__fail_nomem(err);
    memcpy(copy, s, n + 1);
    *out = copy;
    return CRM_OK;
}

static int read_options(crm__mapping *m, const crm__mapping_options *o, crm_error *err)
{
    int rc = CRM_OK;

    m->what = o->what;
    m->partial = o->partial;
    m->upsert = o->upsert;
    m->owner = o->owner;
    if (o->text)
        rc = crm__map_text_read(m, o->text, o->text_n, err);
    if (!rc && o->kind)
        rc = keep(m, o->kind, &m->asked_kind, err);
    if (!rc && o->source)
        rc = keep(m, o->source, &m->asked_source, err);
    m->source = m->asked_source ? m->asked_source : "import";
    if (!rc && !crm__name_ok(m->source, strlen(m->source)))
        rc = crm__fail_field(err, CRM_EVALUE, "source",
                             "source: is a text of 1 to 100 bytes, without control characters");
    return rc;
}

int crm__mapping_new(crm_txn *txn, const crm__mapping_options *opts, crm__mapping **out,
                     crm_error *err)
{
    crm__mapping *m;
    int rc = crm__txn_enter_beside(txn, 0, err);

    *out = NULL;
    if (rc)
        return rc;
    m = crm__calloc(txn->mem, 1, sizeof *m);
    if (!m)
        return crm__fail_nomem(err);
    init(m, txn->mem);
    rc = read_options(m, opts, err);
    if (!rc)
        rc = crm__mapping_bind(m, txn, err);
    if (rc)
        crm__mapping_free(m);
    else
        *out = m;
    return rc;
}

/* ---- columns ---- */

static int add_column(crm__mapping *m, crm__slice name)
{
    crm__map_column c;
    uint8_t *copy;

    memset(&c, 0, sizeof c);
    copy = crm__arena_alloc(&m->kept, name.n + 1);
    if (!copy)
        return CRM_ENOMEM;
    if (name.n)
        memcpy(copy, name.p, name.n);
    copy[name.n] = 0;
    c.told.column = crm__slice_of(copy, name.n);
    c.told.key = c.told.source = c.told.program = c.told.why = "";
    c.goal = CRM__NO_GOAL;
    crm__buf_add(&m->columns, &c, sizeof c);
    return m->columns.failed ? CRM_ENOMEM : CRM_OK;
}

int crm__mapping_names(crm__mapping *m, const crm__slice *names, size_t count, int card,
                       crm_error *err)
{
    size_t from = crm__mapping_count(m);
    int rc = CRM_OK;

    m->card = card;
    for (size_t i = 0; !rc && i < count; i++)
        rc = add_column(m, names[i]);
    if (rc) {
        m->columns.failed = 0;
        m->columns.n = from * sizeof(crm__map_column);
        return crm__fail_nomem(err);
    }
    m->told = 1;
    return count ? crm__map_claim(m, from, err) : CRM_OK;
}

static int is_ours(crm__slice name)
{
    return name.n == 8 && memcmp(name.p, "crm:line", 8) == 0;
}

int crm__mapping_columns(crm__mapping *m, const crm__table *t, crm_error *err)
{
    size_t from = crm__mapping_count(m), all = crm__table_columns(t);
    crm__slice *names;
    int card, rc;

    if (m->told && all <= from)
        return CRM_OK;
    names = crm__calloc(&m->mem, all - from + 1, sizeof *names);
    if (!names)
        return crm__fail_nomem(err);
    for (size_t i = from; i < all; i++)
        names[i - from] = crm__table_column(t, i);
    /* A file of bad cards is a table whose first column is ours. */
    card = !strcmp(crm__table_info_of(t)->format, "vcard") ||
           (crm__table_columns(t) && is_ours(crm__table_column(t, 0)));
    rc = crm__mapping_names(m, names, all - from, card, err);
    crm__release(&m->mem, names);
    return rc;
}

size_t crm__mapping_count(const crm__mapping *m)
{
    return m->columns.n / sizeof(crm__map_column);
}

const crm__mapped *crm__mapping_at(const crm__mapping *m, size_t column)
{
    return column < crm__mapping_count(m) ? &crm__map_column_at(m, column)->told : NULL;
}

void crm__mapping_sample(crm__mapping *m, const crm__table_row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        const crm__cell *cell = &row->cells[i];
        crm__map_column *c;
        if (cell->column >= crm__mapping_count(m))
            continue;
        c = crm__map_column_at(m, cell->column);
        if (c->counted) {
            c->seen_number |= (uint8_t)crm__map_number_look(cell->text);
            m->commas |= c->seen_number & CRM__DECIMAL_COMMA;
        }
        if (c->dated && cell->text.n >= 8)
            c->seen = (uint8_t)(c->seen | crm__map_date_look(crm__map_trim(cell->text)));
    }
}

/* ---- judging ---- */

/* The column whose name is near that of a rule; NULL: none is, or there are too many. */
static const char *near_column(const crm__mapping *m, const crm__map_rule *r)
{
    const char *list[HINTED_COLUMNS];
    size_t best, count = crm__mapping_count(m);

    if (count > HINTED_COLUMNS)
        return NULL;
    for (size_t i = 0; i < count; i++)
        list[i] = (const char *)crm__map_column_at(m, i)->told.column.p;
    best = SIZE_MAX;
    return crm__near((const char *)r->column.p, r->column.n, list, count, &best) == SIZE_MAX
               ? NULL
               : list[best];
}

/* A rule whose column the table does not have: a slip of the pen, in most cases. */
static int judge_rules(const crm__mapping *m, crm_error *err)
{
    char shown[CRM_FIELD_SIZE], other[CRM_FIELD_SIZE];
    const crm__map_rule *r = NULL;
    const char *near;

    for (size_t i = 0; !r && i < crm__map_rule_count(m); i++) {
        r = crm__map_rule_at(m, i);
        if (r->matched || !r->word)
            r = NULL;
    }
    if (!r)
        return CRM_OK;
    crm__copy_name(shown, (const char *)r->column.p, r->column.n);
    near = near_column(m, r);
    crm__copy_name(other, near ? near : "", near ? strlen(near) : 0);
    return crm__fail_at(err, CRM_EFIELD, r->column_line, r->column_at,
                        "line %d of the mapping: the table has no column \"%s\"%s%s%s",
                        (int)r->column_line, shown, near ? "; did you mean \"" : "", other,
                        near ? "\"?" : "");
}

static int has_goal(const crm__mapping *m, const crm__field *f)
{
    for (size_t i = CRM__GOALS_OWN; i < m->goals.n / sizeof(crm__map_goal); i++) {
        const crm__map_goal *g = crm__map_goal_at(m, i);
        if (g->f == f && g->first != CRM__NO_GOAL)
            return 1;
    }
    return 0;
}

static int claimed(const crm__mapping *m, unsigned own)
{
    return crm__map_goal_at(m, own)->first != CRM__NO_GOAL;
}

/* Whether there need be no column for what every customer must have: customers who are there have
 * it.  A column that nobody claims might be the one, so that a file is told at once that it is not
 * found; one that begins with their numbers is an export with chosen fields. */
static int may_lack(const crm__mapping *m)
{
    if (m->partial || (m->upsert && claimed(m, CRM__GOAL_ID)))
        return 1;
    for (size_t i = 0; m->upsert && i < crm__mapping_count(m); i++) {
        if (crm__map_column_at(m, i)->told.use == CRM__USE_NONE)
            return 0;
    }
    return m->upsert;
}

static int judge_customers(const crm__mapping *m, crm_error *err)
{
    const int lacks = may_lack(m);
    unsigned kind = m->kind_number ? m->kind_number : CRM__KIND_PERSON;
    size_t used = 0;

    for (size_t i = CRM__GOALS_OWN; i < m->goals.n / sizeof(crm__map_goal); i++)
        used += crm__map_goal_at(m, i)->first != CRM__NO_GOAL;
    used += (m->partial || claimed(m, CRM__GOAL_ID)) && claimed(m, CRM__GOAL_TAGS);
    if (!used)
        return crm__fail(err, CRM_EFIELD,
                         "no column is one of a field: is the first row the names of the columns?");
    for (size_t i = 0; i < crm__model_count(m->model) && !lacks; i++) {
        const crm__field *f = crm__model_at(m->model, i);
        if (!(f->flags & CRM_FIELD_REQUIRED) || f->default_value.n || has_goal(m, f) ||
            !(f->kinds & 1u << kind))
            continue;
        return crm__fail_field(err, CRM_EFIELD, f->key,
                               "%s: there is no column for it, and every %s must have it", f->key,
                               crm__kind_key(kind));
    }
    return CRM_OK;
}

static int judge_events(const crm__mapping *m, crm_error *err)
{
    int found = m->owner || claimed(m, CRM__GOAL_ID);

    for (size_t i = CRM__GOALS_OWN; i < m->goals.n / sizeof(crm__map_goal); i++)
        found |= crm__map_goal_at(m, i)->first != CRM__NO_GOAL;
    if (!found)
        return crm__fail(err, CRM_EFIELD,
                         "no column tells whose an event is: a phone, an e-mail, a customer "
                         "number or another identity");
    if (!m->event && !claimed(m, CRM__GOAL_KIND))
        return crm__fail_field(err, CRM_EFIELD, "kind",
                               "kind: no column tells the kind of an event, and none is given");
    if (!claimed(m, CRM__GOAL_TIME))
        return crm__fail_field(err, CRM_EFIELD, "time", "time: no column tells when it was");
    return CRM_OK;
}

int crm__mapping_judge(const crm__mapping *m, crm_error *err)
{
    int rc;

    /* Cards may bring what is missed yet. */
    if (m->card)
        return CRM_OK;
    rc = judge_rules(m, err);
    if (rc)
        return rc;
    return m->what == CRM__MAP_EVENTS ? judge_events(m, err) : judge_customers(m, err);
}
